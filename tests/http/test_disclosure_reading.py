"""What does a reader get, is it written down first, and when does it end?"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from datetime import date, timedelta

import pytest
from sqlmodel import SQLModel

from succession.disclosure.levels import FIELDS, fields_known, fields_shown
from succession.disclosure.reading_queries import BLOCKS
from succession.tables import listings  # noqa: F401  fills SQLModel.metadata

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


def workbook(*more: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in ("[Content_Types].xml", "xl/workbook.xml", *more):
            archive.writestr(name, "<x/>")
    return made.getvalue()


def document(filename: str, content: bytes, level: str = "dossier", **more):
    return {"level": level, "filename": filename, "content_base64": base64.b64encode(content).decode(),
            "contains_personal_data": False, "export_control_class": "none"} | more


def test_every_column_of_the_vault_has_a_level_and_the_answer_has_exactly_those_shown():
    for block in FIELDS:
        columns = set(SQLModel.metadata.tables[f"vault.{block}"].columns.keys())
        assert columns == fields_known(block), f"give each column of {block} a level"
        assert sum(len(fields.split()) for fields in FIELDS[block].values()) == len(columns), "one level each"
        assert BLOCKS[block].__struct_fields__ == fields_shown(block, "dossier")


async def test_the_dossier_holds_what_the_table_says_and_nothing_withheld(world):
    published, buyer = await world.published(), await world.acquirer()
    await world.seed("UPDATE vault.listing_identity SET internal_key = 'withheld-key', brands = '[\"Kakuu\"]' WHERE listing_id = $1", published.listing_id)
    await world.seed("UPDATE vault.succession_status SET checkup_reference = 'withheld-checkup' WHERE listing_id = $1", published.listing_id)
    await world.seed("UPDATE vault.listing SET internal_reference = 'withheld-reference' WHERE id = $1", published.listing_id)
    deal = await world.released(published, buyer)
    answer = await buyer.get(f"/v1/dossiers/{deal}")
    dossier = answer.json()
    assert "withheld" not in answer.text and "花子" not in answer.text and str(published.listing_id) not in answer.text
    assert dossier["identity"]["brands"] == ["Kakuu"] and dossier["succession"]["status"] == "family_declined"
    assert dossier["contact"]["phones"] == ["03-0000-0000"] and len(dossier["financials"]) == 3
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("filename", "content", "media_type"), [
    ("statement.pdf", b"%PDF-1.7 x", "application/pdf"), ("plan.png", PNG, "image/png"), ("site.JPG", b"\xff\xd8\xff\xe0x", "image/jpeg"),
    ("notes.txt", "決算の注記".encode(), "text/plain"), ("sales.csv", "年,円\n".encode("cp932"), "text/csv"),
    ("books.xlsx", workbook(), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
])
async def test_documents_come_back_as_they_were_put_in(world, filename, content, media_type):
    published = await world.published()
    added = await published.seller.post(f"/v1/listings/{published.listing_id}/documents", document(filename, content))
    assert added.status_code == 201, added.text
    view = added.json()
    assert view["media_type"] == media_type and view["content_hash"] == hashlib.sha256(content).hexdigest()
    read = await published.seller.get(f"/v1/documents/{view['id']}")
    assert read.content == content and read.headers["content-type"].startswith(media_type)
    assert read.headers["content-disposition"].startswith("attachment;") and read.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("filename", "content"), [
    ("page.pdf", b"<html><script>"), ("page.html", b"<html>"), ("macro.xlsx", workbook("xl/vbaProject.bin")), ("odd.xlsx", b"PK\x03\x04rubbish"),
    ("image.png", b"\xff\xd8\xff\xe0x"), ("binary.txt", b"\x00\x01"), ("empty.txt", b""), ("../up.txt", b"x"), ("noending", b"x"),
])
async def test_a_document_that_is_not_what_it_says_is_refused(world, filename, content):
    published = await world.published()
    refused = await published.seller.post(f"/v1/listings/{published.listing_id}/documents", document(filename, content))
    assert refused.status_code == 422, refused.text
    assert await world.seed("SELECT 1 FROM vault.document WHERE listing_id = $1", published.listing_id) == []


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
    assert [each["what"] for each in first["items"] + rest["items"]] == [f"document:{added['id']}", "dossier"]
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
    assert len(entries) == 8
