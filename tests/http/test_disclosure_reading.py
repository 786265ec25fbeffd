"""What does a reader get, is it written down first, and when does it end?"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import date, timedelta

import pytest
from papers import SECRET, image, office, pdf
from sqlmodel import SQLModel

from succession.disclosure.levels import FIELDS, STRUCTS, FiscalYear, fields_known, fields_shown
from succession.tables import listings  # noqa: F401  fills SQLModel.metadata
from succession.workbench.filetypes import MEDIA_TYPES

def document(filename: str, content: bytes, level: str = "dossier", **more):
    return {"level": level, "filename": filename, "content_base64": base64.b64encode(content).decode(), "downloadable": True,
            "unmarked_reason": "Needed in the buyer's own model", "contains_personal_data": False, "export_control_class": "none"} | more


def test_every_column_of_the_vault_has_a_level_and_the_answer_has_exactly_those_shown():
    for table, rows in FIELDS.items():
        columns = set(SQLModel.metadata.tables[f"vault.{table}"].columns.keys())
        assert columns == fields_known(table), f"give each column of {table} a level"
        assert len(rows) == len(columns), "one level each"
    answered = [name for struct in STRUCTS.values() for name in struct.__struct_fields__ if name != "years"]
    assert sorted([*answered, *FiscalYear.__struct_fields__]) == sorted(name for table in FIELDS for name in fields_shown(table))


async def test_the_dossier_holds_what_the_table_says_and_nothing_withheld(world):
    published, buyer = await world.published(), await world.acquirer()
    await world.seed("UPDATE vault.listing_identity SET internal_key = 'withheld-key', brands = '[\"Kakuu\"]' WHERE listing_id = $1", published.listing_id)
    await world.seed("UPDATE vault.succession_status SET checkup_reference = 'withheld-checkup' WHERE listing_id = $1", published.listing_id)
    await world.seed("UPDATE vault.listing SET internal_reference = 'withheld-reference' WHERE id = $1", published.listing_id)
    deal = await world.released(published, buyer)
    answer = await buyer.get(f"/v1/dossiers/{deal}")
    dossier = answer.json()
    assert "withheld" not in answer.text and "花子" not in answer.text and str(published.listing_id) not in answer.text
    assert dossier["business"]["brands"] == ["Kakuu"] and dossier["reason"]["status"] == "family_declined"
    assert dossier["summary"]["phones"] == ["03-0000-0000"] and len(dossier["finance"]["years"]) == 3
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("filename", "content", "media_type"), [
    ("statement.pdf", pdf(), "application/pdf"), ("plan.png", image("png"), "image/png"), ("site.JPG", image("jpeg"), "image/jpeg"),
    ("notes.txt", "決算の注記".encode(), "text/plain"), ("sales.csv", "年,円\n".encode("cp932"), "text/csv"),
    *((f"books.{kind}", office(kind), MEDIA_TYPES[kind]) for kind in ("xlsx", "docx", "pptx")),
])
async def test_documents_come_back_without_what_tells_who_wrote_them(world, filename, content, media_type):
    published = await world.published()
    added = await published.seller.post(f"/v1/listings/{published.listing_id}/documents", document(filename, content))
    assert added.status_code == 201, added.text
    view = added.json()
    assert view["media_type"] == media_type and view["malware_check"] == "not_scanned" and view["downloadable"]
    read = await published.seller.get(f"/v1/documents/{view['id']}")
    assert hashlib.sha256(read.content).hexdigest() == view["content_hash"] and len(read.content) == view["size_bytes"]
    assert SECRET.encode() not in read.content and read.headers["content-type"].startswith(media_type)
    assert (read.content == content) == (filename[-3:] in ("txt", "csv"))
    assert read.headers["content-disposition"].startswith("attachment;") and read.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("filename", "content"), [
    ("page.pdf", b"<html><script>"), ("page.html", b"<html>"), ("odd.pdf", b"%PDF-1.7 x"),
    ("macro.xlsx", office(xl__vbaProject_dot_bin=b"x")), ("odd.xlsx", b"PK\x03\x04rubbish"), ("other.docx", office("xlsx")),
    ("image.png", image("jpeg")), ("cut.png", image("png")[:80]), ("binary.txt", b"\x00\x01"), ("empty.txt", b""), ("../up.txt", b"x"),
    ("noending", b"x"),
])
async def test_a_document_that_is_not_what_it_says_is_refused(world, filename, content):
    published = await world.published()
    refused = await published.seller.post(f"/v1/listings/{published.listing_id}/documents", document(filename, content))
    assert refused.status_code == 422, refused.text
    assert await world.seed("SELECT 1 FROM vault.document WHERE listing_id = $1", published.listing_id) == []
    left = await world.seed("SELECT state FROM vault.document_upload WHERE listing_id = $1", published.listing_id)
    assert {row["state"] for row in left} <= {"refused"}


async def test_ten_megabytes_and_not_one_byte_more(world):
    published, most = await world.published(), 10 * 1024 * 1024
    path = f"/v1/listings/{published.listing_id}/documents"
    assert (await published.seller.post(path, document("a.txt", b"x" * (most + 1)))).status_code == 422
    assert (await published.seller.post(path, document("a.txt", b"x" * most))).status_code == 201


async def test_a_removed_document_is_gone_for_the_buyer(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    added = (await published.seller.post(f"/v1/listings/{published.listing_id}/documents", document("a.txt", b"a"))).json()
    assert (await buyer.get(f"/v1/documents/{added['id']}")).status_code == 200
    assert (await published.seller.delete(f"/v1/documents/{added['id']}")).status_code == 204
    assert (await buyer.get(f"/v1/documents/{added['id']}")).status_code == 404
    assert (await buyer.get(f"/v1/dossiers/{deal}")).json()["documents"] == []
    assert (await published.seller.delete(f"/v1/documents/{added['id']}")).status_code == 404


async def test_accesses_are_committed_before_the_answer_and_listed_newest_first(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    added = (await published.seller.post(f"/v1/listings/{published.listing_id}/documents", document("a.txt", b"a"))).json()
    await buyer.get(f"/v1/dossiers/{deal}")
    await buyer.get(f"/v1/documents/{added['id']}")
    path = f"/v1/listings/{published.listing_id}/accesses"
    first = (await published.seller.get(f"{path}?limit=1")).json()
    rest = (await published.seller.get(path, params={"limit": 1, "cursor": first["next_cursor"]})).json()
    assert [each["what"] for each in first["items"] + rest["items"]] == [f"document:{added['id']}:download", "dossier"]
    assert first["items"][0]["deal_id"] == deal and rest["next_cursor"] is None


async def test_a_release_ends_on_its_day_and_never_after_the_nda(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.name_cleared(published, buyer)
    path = f"/v1/disclosure-requests/{deal}/dossier-release"
    for day in (date.today() - timedelta(days=2), date.today() + timedelta(days=24 * 31)):
        wrong = await published.seller.post(path, {"expires_on": day.isoformat()})
        assert wrong.status_code == 422 and wrong.json()["errors"][0]["field"] == "expires_on"
    day = date.today() + timedelta(days=30)
    released = (await published.seller.post(path, {"expires_on": day.isoformat()})).json()
    assert released["expires_at"].startswith(f"{day.isoformat()}T15:00:00"), "the end of that day in Japan"


async def test_a_revoked_grant_is_over_for_good_and_takes_the_data_room_along(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer, "data_room")
    seller, grants = published.seller, (await published.seller.get("/v1/grants")).json()["items"]
    dossier = next(grant for grant in grants if grant["level"] == "dossier")
    revoked = await seller.post(f"/v1/grants/{dossier['id']}/revocation", {"reason": "misuse"})
    assert revoked.status_code == 201 and not revoked.json()["live"], revoked.text
    assert not any(grant["live"] for grant in (await seller.get("/v1/grants")).json()["items"])
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 404
    assert (await buyer.get("/v1/grants")).json()["items"] == []
    again = await seller.post(f"/v1/grants/{dossier['id']}/revocation", {"reason": "misuse"})
    assert again.status_code == 409
    assert (await seller.post(f"/v1/disclosure-requests/{deal}/dossier-release")).json()["code"] == "consent_used"
    letters = await world.letters(organisation=buyer.organisation_id)
    assert letters[-1]["template"] == "access_ended" and "misuse" not in json.dumps(letters)


async def test_the_ledger_is_read_page_by_page_and_checked_by_hand(world):
    published, buyer = await world.published(), await world.acquirer()
    await world.released(published, buyer)
    path, entries, cursor = f"/v1/listings/{published.listing_id}/ledger", [], None
    while True:
        page = (await published.seller.get(path, params={"limit": 3} | ({"cursor": cursor} if cursor else {}))).json()
        entries += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    prev = hashlib.sha256(f"succession-ledger:{published.listing_id}".encode()).hexdigest()
    for seq, entry in enumerate(entries, 1):
        assert (entry["seq"], entry["prev"]) == (seq, prev)
        prev = hashlib.sha256(bytes.fromhex(prev) + entry["body"].encode()).hexdigest()
        assert entry["hash"] == prev
    assert len(entries) == 18
