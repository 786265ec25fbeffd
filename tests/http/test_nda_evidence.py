"""Does one NDA bind the firm and its named people, in two steps where two sides give it, on anybody's paper, and until its end?"""

from __future__ import annotations

import base64
import hashlib
import io
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import papers
import pypdfium2
import pytest
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from world import ORIGIN

from succession import keys
from succession.database import Scope, driver
from succession.disclosure import canonical
from succession.disclosure.ledger_check import check_ledgers
from succession.disclosure.nda_expiry import remind_of_endings
from succession.worker import open_worker_pool

PDF = papers.pdf(1, text="Agreement of the parties")  # with an author and a script: kept as it was signed
TODAY = datetime.now(UTC).date()


@pytest.fixture
async def offered(world):
    """(published, buyer, path, nda): an offer the buyer has not signed, two-party."""
    published, buyer = await world.published(), await world.acquirer()
    path = f"/v1/disclosure-requests/{await world.requested(published, buyer)}"
    await published.seller.post(f"{path}/screening", {"decision": "cleared"})
    nda = await published.seller.post(f"{path}/nda", {"form": "two_party", "term_months": 12})
    return published, buyer, path, nda.json()


def deal_of(path):
    return path.rpartition("/")[2]


# -- codes and signatures ----------------------------------------------------------------------------------------------


async def test_a_code_of_another_member_or_another_offer_signs_nothing(world, offered):
    published, buyer, path, nda = offered
    colleague = await world.member(buyer.organisation_id, "acquirer")
    theirs = await world.signing(colleague, path, nda["text_hash"])
    stolen = await buyer.post(f"{path}/nda/signature", theirs)
    assert (stolen.status_code, stolen.json()["code"]) == (409, "code_invalid")
    wrong = theirs | {"code": f"{(int(theirs['code']) + 1) % 10**6:06d}"}
    said = [(await colleague.post(f"{path}/nda/signature", wrong)).json()["code"] for _try in range(5)]
    assert said == ["code_invalid"] * 4 + ["rate_limited"], "tries are counted though each was refused"
    assert (await colleague.post(f"{path}/nda/signature", theirs)).status_code == 429
    await world.overrule("UPDATE ops.one_time_code SET expires_at = now() WHERE subject_id = $1", UUID(nda["id"]))
    late = await world.signing(colleague, path, nda["text_hash"])
    await world.overrule("UPDATE ops.one_time_code SET expires_at = now() WHERE subject_id = $1", UUID(nda["id"]))
    assert (await colleague.post(f"{path}/nda/signature", late)).json()["code"] == "code_expired"
    for missing in ("authority", "code", "name", "title", "text_hash"):
        body = {name: value for name, value in late.items() if name != missing}
        refused = await colleague.post(f"{path}/nda/signature", body)
        assert refused.status_code == 422 and refused.json()["errors"][0]["field"] == missing
    assert (await buyer.get(f"{path}/nda")).json()["state"] == "offered"


async def test_a_two_party_form_is_in_force_when_both_have_signed_and_says_so_by_evidence(world, offered):
    published, buyer, path, nda = offered
    seller = published.seller
    assert (await seller.post(f"{path}/nda/code")).json()["code"] == "step_refused", "the buyer signs first"
    half = await world.sign(buyer, path, nda["text_hash"])
    assert half["state"] == "awaiting_countersignature" and half["in_force_at"] is None
    assert (await buyer.get(path)).json()["nda"]["your_part"] == "bound" and (await buyer.get(path)).json()["stage"] == "interested"
    assert (await world.letters(organisation=seller.organisation_id))[-1]["template"] == "nda_to_countersign"
    by_buyer = await buyer.post(f"{path}/nda/countersignature", await world.signing(seller, path, nda["text_hash"]))
    assert by_buyer.status_code == 403
    both = (await seller.post(f"{path}/nda/countersignature", await world.signing(seller, path, nda["text_hash"], name="C. Ounter"))).json()
    assert both["state"] == "signed" and [each["act"] for each in both["signatures"]] == ["signature", "countersignature"]
    rows = await world.seed("SELECT s.*, c.spent_at, c.holder FROM vault.nda_signature s JOIN ops.one_time_code c ON c.id = s.code_id "
                            "WHERE s.nda_id = $1 ORDER BY s.signed_at", UUID(nda["id"]))
    for row, who in zip(rows, (buyer, seller), strict=True):
        assert (row["member_id"], row["holder"], row["email"]) == (who.member_id, f"member:{who.member_id}", who.email)
        assert row["spent_at"] == row["signed_at"] and row["text_hash"].hex() == nda["text_hash"] and row["address"] and row["authority"]
    bodies = [entry["body"] for entry in (await seller.get(f"/v1/listings/{published.listing_id}/ledger")).json()["items"]]
    assert any(str(rows[0]["code_id"]) in body for body in bodies) and not any("C. Ounter" in body or seller.email in body for body in bodies)
    expires = datetime.fromisoformat(both["expires_at"])
    assert expires > datetime.now(UTC) + timedelta(days=360), "the term runs from the second signature"


@pytest.mark.parametrize(("terms", "field"), [
    ({"governing_law": "new_york"}, "forum"), ({"recipients": ["advisers"]}, "recipients"), ({"recipients": ["staff", "rivals"]}, "recipients[1]"),
    ({"prevailing_language": "fr"}, "prevailing_language"), ({"forum": "here"}, "forum"), ({"term_months": 5}, "term_months"),
])
async def test_terms_that_cannot_be_are_refused_by_field(offered, terms, field):
    published, _buyer, path, _nda = offered
    refused = await published.seller.post(f"{path}/nda", {"form": "one_way", "term_months": 24} | terms)
    assert refused.status_code == 422 and refused.json()["errors"][0]["field"] == field, refused.text


async def test_chosen_terms_are_in_the_text_and_in_the_answer(offered):
    published, buyer, path, _nda = offered
    chosen = {"governing_law": "singapore", "forum": "siac_singapore", "prevailing_language": "en", "recipients": ["staff", "group"]}
    made = await published.seller.post(f"{path}/nda", {"form": "one_way", "term_months": 36} | chosen)
    assert made.status_code == 201 and {name: made.json()[name] for name in chosen} == chosen
    assert "Singapore International Arbitration Centre" in made.json()["text_en"] and "シンガポール法" in made.json()["text_ja"]


# -- people ------------------------------------------------------------------------------------------------------------


async def test_only_named_people_who_acknowledged_read_and_whoever_leaves_is_out_at_once(world, app):
    published, buyer = await world.published(), await world.acquirer()
    reader, other = [await world.member(buyer.organisation_id, "acquirer") for _one in range(2)]
    deal = await world.released(published, buyer)
    path, dossier = f"/v1/disclosure-requests/{deal}", f"/v1/dossiers/{deal}"
    text_hash = (await buyer.get(f"{path}/nda")).json()["text_hash"]

    async def rows_seen(caller):
        scope = Scope("acquirer", caller.organisation_id, caller.member_id, None, f"member:{caller.member_id}")
        async with app.state.databases.tx(scope) as tx:
            connection = await driver(tx)
            return await connection.fetchval("SELECT count(*) FROM vault.shown_listing_identity WHERE listing_id = $1", published.listing_id)

    assert (await buyer.get(dossier)).status_code == 200 and await rows_seen(buyer) == 1
    for caller in (reader, other):
        assert (await caller.get(dossier)).status_code == 404 and await rows_seen(caller) == 0
        assert (await caller.post(f"{path}/nda/acknowledgement", {"text_hash": text_hash})).json()["code"] == "step_refused"
        assert (await caller.post(f"{path}/nda/members", {"members": [str(caller.member_id)]})).status_code == 403, "nobody names himself"
    named = await buyer.post(f"{path}/nda/members", {"members": [str(reader.member_id)]})
    assert named.status_code == 201 and [each["bound"] for each in named.json()["items"]] == [True, False]
    assert (await world.letters(member=reader.member_id))[-1]["template"] == "nda_named"
    assert (await reader.get(path)).json()["next_step"] == "acknowledge_nda" and (await reader.get(dossier)).status_code == 404
    assert (await reader.post(f"{path}/nda/acknowledgement", {"text_hash": "0" * 64})).json()["code"] == "nda_text_changed"
    assert (await reader.post(f"{path}/nda/acknowledgement", {"text_hash": text_hash})).status_code == 201
    assert (await reader.get(dossier)).status_code == 200 and await rows_seen(reader) == 1 and await rows_seen(other) == 0
    seller, pages, cursor = published.seller, [], {}
    while True:
        page = (await seller.get(f"{path}/nda/members", params={"limit": 1} | cursor)).json()
        pages.append([each["member_id"] for each in page["items"]])
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert pages == [[str(buyer.member_id)], [str(reader.member_id)]], "the seller sees who is bound, page by page"
    elsewhere = await buyer.get(f"{path}/nda/members", params=cursor)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (422, "cursor_invalid"), elsewhere.text

    assert (await (await world.signed_in(buyer)).delete(f"/v1/members/{reader.member_id}")).status_code == 204
    assert await rows_seen(reader) == 0, "in SQL as the program's role, with the scope of who has left"
    assert (await reader.get(dossier)).status_code in (401, 403, 404)
    assert (await buyer.get(dossier)).status_code == 200


async def test_whoever_no_longer_works_on_it_is_released_and_the_firm_stays_bound(world):
    published, buyer = await world.published(), await world.acquirer()
    reader = await world.member(buyer.organisation_id, "acquirer")
    deal = await world.released(published, buyer, colleagues=(reader,))
    path, dossier = f"/v1/disclosure-requests/{deal}", f"/v1/dossiers/{deal}"
    assert (await reader.get(dossier)).status_code == 200
    assert (await buyer.delete(f"{path}/nda/members/{reader.member_id}")).status_code == 204
    assert (await reader.get(dossier)).status_code == 404 and (await buyer.get(dossier)).status_code == 200
    assert (await buyer.delete(f"{path}/nda/members/{reader.member_id}")).status_code == 404
    assert (await buyer.post(f"{path}/nda/members", {"members": [str(uuid4())]})).status_code == 422
    stranger = await world.member((await world.acquirer()).organisation_id, "acquirer")
    assert (await buyer.post(f"{path}/nda/members", {"members": [str(stranger.member_id)]})).status_code == 422, "of the own firm only"
    again = await buyer.post(f"{path}/nda/members", {"members": [str(reader.member_id)]})
    assert again.status_code == 201 and (await reader.get(dossier)).status_code == 404, "acknowledged anew"


# -- own paper ---------------------------------------------------------------------------------------------------------


def paper(content=PDF, **fields):
    return {"form": "one_way", "term_months": 24, "signed_on": str(TODAY - timedelta(days=3)), "signer_name": "P. Signer",
            "signer_title": "Director", "content_base64": base64.b64encode(content).decode()} | fields


async def test_the_buyers_own_paper_counts_once_the_intermediary_has_read_it(world, offered):
    published, buyer, path, nda = offered
    seller, digest = published.seller, hashlib.sha256(PDF).hexdigest()
    handed = await buyer.post(f"{path}/nda/paper", paper())
    assert handed.status_code == 201 and (handed.json()["content_hash"], handed.json()["decision"]) == (digest, None)
    assert (await buyer.post(f"{path}/nda/paper", paper())).json()["code"] == "conflict", "one waits at a time"
    assert (await seller.get(f"{path}/nda/paper/content")).content == PDF
    own = await buyer.post(f"{path}/nda/paper/decision", {"decision": "confirmed", "content_hash": digest})
    assert own.status_code == 403, "nobody confirms for the other side"
    assert (await seller.post(f"{path}/nda/paper/decision", {"decision": "confirmed", "content_hash": "0" * 64})).json()["code"] == "nda_text_changed"
    assert (await seller.post(f"{path}/name-clear")).json()["code"] == "nda_needed"
    done = await seller.post(f"{path}/nda/paper/decision", {"decision": "confirmed", "content_hash": digest})
    assert done.status_code == 201 and done.json()["decision"] == "confirmed"
    now = (await buyer.get(f"{path}/nda")).json()
    assert now["state"] == "signed" and now["paper_hash"] == digest and digest in now["text_ja"] and now["your_part"] == "bound"
    assert now["id"] != nda["id"] and now["expires_at"][:10] < str(TODAY + timedelta(days=731)), "its term runs from the day on the paper"
    assert (await seller.post(f"{path}/name-clear")).status_code == 201
    await world.owner_answers(published, "yes")
    assert (await seller.post(f"{path}/dossier-release")).status_code == 201
    assert (await buyer.get(f"/v1/dossiers/{deal_of(path)}")).status_code == 200
    assert now["text_hash"] in (await buyer.get(f"{path}/nda/schedule")).json()["text_en"]


async def test_the_intermediarys_own_paper_needs_a_second_person_and_binds_nobody_unasked(world, offered):
    published, buyer, path, _nda = offered
    seller, digest = published.seller, hashlib.sha256(PDF).hexdigest()
    confirm = {"decision": "confirmed", "content_hash": digest}
    assert (await seller.post(f"{path}/nda/paper", paper())).status_code == 201
    alone = await seller.post(f"{path}/nda/paper/decision", confirm)
    assert alone.json()["code"] == "second_confirmation_needed"
    second = await world.member(seller.organisation_id, "intermediary")
    assert (await second.post(f"{path}/nda/paper/decision", confirm)).status_code == 201
    now = (await buyer.get(f"{path}/nda")).json()
    assert now["state"] == "signed" and now["your_part"] == "none", "the buyer's people name and acknowledge themselves"
    await buyer.post(f"{path}/nda/members", {"members": [str(buyer.member_id)]})
    assert (await buyer.post(f"{path}/nda/acknowledgement", {"text_hash": now["text_hash"]})).json()["your_part"] == "bound"
    assert (await seller.post(f"{path}/nda/paper", paper())).json()["code"] == "step_refused", "one is in force"


@pytest.mark.parametrize(("content", "status", "code"), [
    (b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n", 422, "document_refused"), (b"%PDF-" + bytes(2000), 422, "document_refused")])
async def test_a_paper_that_only_begins_like_a_pdf_counts_for_nothing(world, offered, content, status, code):
    _published, buyer, path, _nda = offered
    refused = await buyer.post(f"{path}/nda/paper", paper(content))
    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
    assert await world.seed("SELECT 1 FROM vault.nda_paper WHERE deal_id = $1", UUID(deal_of(path))) == []


@pytest.mark.parametrize(("says", "status", "code", "verdict"), [
    (0, 201, None, "clean"), (1, 422, "document_refused", None), (7, 503, "unavailable", None)])
async def test_a_paper_goes_through_the_scanner_before_anybody_sees_it(world, offered, app, monkeypatch, says, status, code, verdict):
    _published, buyer, path, _nda = offered
    monkeypatch.setitem(app.state.vault.settings.__dict__, "scan_command", f"sh -c 'cat >/dev/null; exit {says}'")
    answer = await buyer.post(f"{path}/nda/paper", paper())
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    entered = await world.seed("SELECT convert_from(body, 'UTF8')::jsonb ->> 'malware_check' FROM vault.ledger_entry WHERE deal_id = $1 "
                               "AND kind = 'nda_paper_entered'", UUID(deal_of(path)))
    assert [row[0] for row in entered] == ([verdict] if verdict else [])


async def test_a_paper_that_is_none_or_comes_too_early_is_refused(world, offered):
    published, buyer, path, _nda = offered
    for wrong, field in (({"content_base64": "no base64!"}, "content_base64"), ({"content_base64": "aGVsbG8="}, "content_base64"),
                         ({"signed_on": str(TODAY + timedelta(days=2))}, "signed_on"), ({"signed_on": "2020-01-01"}, "term_months")):
        refused = await buyer.post(f"{path}/nda/paper", paper(**wrong))
        assert refused.status_code == 422 and refused.json()["errors"][0]["field"] == field, refused.text
    handed = (await buyer.post(f"{path}/nda/paper", paper())).json()
    back = await buyer.post(f"{path}/nda/paper/decision", {"decision": "refused", "content_hash": handed["content_hash"]})
    assert back.status_code == 201, "one takes one's own paper back"
    early = f"/v1/disclosure-requests/{await world.requested(await world.published(), buyer)}"
    assert (await buyer.post(f"{early}/nda/paper", paper())).json()["code"] == "step_refused", "no offer has told with whom"
    assert (await buyer.get(early)).json()["intermediary"] is None


# -- the end of the term -----------------------------------------------------------------------------------------------


async def ends_in(world, path, days):
    await world.overrule("UPDATE vault.nda SET expires_at = now() + make_interval(days => $2) WHERE deal_id = $1 AND ended_at IS NULL",
                         UUID(deal_of(path)), days)


async def reminded(world, days_later):
    settings = world.app.state.settings
    async with await open_worker_pool(settings) as pool, pool.acquire() as connection:
        return await remind_of_endings(connection, settings, datetime.now(UTC) + timedelta(days=days_later))


async def test_both_sides_are_reminded_thirty_and_seven_days_before_the_end_once_each(world):
    published, buyer = await world.published(), await world.acquirer()
    path = f"/v1/disclosure-requests/{await world.nda_signed(published, buyer)}"

    async def letters():
        return [[each for each in await world.letters(organisation=side.organisation_id) if each["template"] == "nda_expires"]
                for side in (buyer, published.seller)]

    await ends_in(world, path, 40)
    for later, count in ((0, 0), (11, 1), (12, 1), (34, 2), (35, 2), (41, 2)):
        await reminded(world, later)
        await reminded(world, later)
        assert [len(each) for each in await letters()] == [count, count], later
    assert (await letters())[0][0]["params"]["link"] == f"{ORIGIN}/nda/{deal_of(path)}"


async def test_a_renewal_is_a_new_signature_that_extends_the_term_and_no_grant(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    path = f"/v1/disclosure-requests/{deal}"
    assert (await buyer.get(f"{path}/nda/renewal")).status_code == 404
    assert (await buyer.post(f"{path}/nda/code")).json()["code"] == "step_refused", "too early"
    await ends_in(world, path, 20)
    old = (await world.seed("SELECT expires_at FROM vault.nda WHERE deal_id = $1", UUID(deal)))[0][0]
    await world.overrule("UPDATE vault.disclosure_grant SET expires_at = $2 WHERE deal_id = $1", UUID(deal), old)
    shown = (await buyer.get(f"{path}/nda/renewal")).json()
    body = await world.signing(buyer, path, shown["text_hash"])
    assert (await buyer.post(f"{path}/nda/renewal", body | {"text_hash": "0" * 64})).json()["code"] == "nda_text_changed"
    renewed = await buyer.post(f"{path}/nda/renewal", body)
    assert renewed.status_code == 201, renewed.text
    assert renewed.json()["expires_at"] == shown["new_expires_at"] and [s["act"] for s in renewed.json()["signatures"]] == ["signature", "renewal"]
    grant = (await world.seed("SELECT expires_at FROM vault.disclosure_grant WHERE deal_id = $1", UUID(deal)))[0][0]
    assert grant == old, "what was released keeps its own end"
    assert (await buyer.post(f"{path}/nda/renewal", body)).json()["code"] == "step_refused"
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 200


async def test_a_two_party_renewal_waits_for_the_countersignature_and_nothing_is_renewed_after_the_end(world, offered):
    published, buyer, path, nda = offered
    seller = published.seller
    await world.sign(buyer, path, nda["text_hash"])
    await seller.post(f"{path}/nda/countersignature", await world.signing(seller, path, nda["text_hash"]))
    await ends_in(world, path, 20)
    shown = (await buyer.get(f"{path}/nda/renewal")).json()
    first = (await buyer.post(f"{path}/nda/renewal", await world.signing(buyer, path, shown["text_hash"]))).json()
    assert first["expires_at"] == shown["old_expires_at"], "not yet"
    waiting = (await seller.get(f"{path}/nda/renewal")).json()
    assert (waiting["state"], waiting["text_hash"]) == ("awaiting_countersignature", shown["text_hash"])
    both = await seller.post(f"{path}/nda/countersignature", await world.signing(seller, path, shown["text_hash"]))
    assert both.json()["expires_at"] == shown["new_expires_at"], both.text
    await ends_in(world, path, -1)
    assert (await buyer.get(f"{path}/nda/renewal")).status_code == 404
    assert (await buyer.post(f"{path}/nda/code")).json()["code"] == "step_refused"
    assert (await buyer.get(f"{path}/nda")).json()["state"] == "expired"


# -- the sealed document -----------------------------------------------------------------------------------------------


async def pdf_of(caller, path, **params):
    answer = await caller.get(f"{path}/nda/document", params=params)
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/pdf", answer.text
    return answer.content


def text_of(content):
    return " ".join(" ".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(content)).split())


async def test_the_worker_sets_a_sealed_document_with_its_evidence_and_again_when_the_schedule_joins(world, app):
    seller = await world.intermediary(legal_name="架空アドバイザリー株式会社")
    published, buyer = await world.published(seller), await world.acquirer(country="CN", legal_name="北京虚构机械有限公司")
    path = f"/v1/disclosure-requests/{await world.nda_signed(published, buyer)}"
    assert (await buyer.get(f"{path}/nda/document")).status_code == 404, "a moment later"
    await world.deliver(deal_of(path))
    first = await pdf_of(buyer, path)
    assert first == await pdf_of(seller, path) and (await buyer.get(f"{path}/nda")).json()["document_version"] == 1
    seal = keys.seal(app.state.settings)
    context = ValidationContext(trust_roots=[asn1_x509.Certificate.load(seal.certificate.public_bytes(Encoding.DER))], allow_fetching=False)
    status = await async_validate_pdf_signature(PdfFileReader(io.BytesIO(first)).embedded_signatures[0], context)
    assert status.intact and status.valid and status.trusted and status.coverage.name == "ENTIRE_FILE"
    nda, said = (await buyer.get(f"{path}/nda")).json(), text_of(first)
    code = (await world.seed("SELECT code_id FROM vault.nda_signature WHERE nda_id = $1", UUID(nda["id"])))[0][0]
    entries = (await seller.get(f"/v1/listings/{published.listing_id}/ledger")).json()["items"]
    signed = next(entry for entry in entries if entry["kind"] == "nda_signed")
    for words in ("北京虚构机械有限公司", "架空アドバイザリー株式会社", "A. Signer, Director", buyer.email, nda["text_hash"], str(code), "127.0.0.1",
                  signed["hash"], "第1条（秘密情報）", "Article 1 (Confidential information)"):
        assert words in said, words
    assert published.legal_name not in said
    row = (await world.seed("SELECT * FROM vault.nda_document WHERE nda_id = $1", UUID(nda["id"])))[0]
    assert row["content_hash"] == hashlib.sha256(first).digest() and row["seal_key_id"] == keys.key_id(seal.key.public_key())
    assert not row["names_company"] and not row["time_stamped"]

    await seller.post(f"{path}/name-clear")
    await world.owner_answers(published, "yes")
    assert (await seller.post(f"{path}/dossier-release")).status_code == 201
    await world.deliver(deal_of(path))
    await world.deliver(deal_of(path))
    second, schedule = text_of(await pdf_of(buyer, path)), (await buyer.get(f"{path}/nda/schedule")).json()
    assert published.legal_name in second and schedule["text_hash"] in second and schedule["ledger_entry_id"] in second
    assert await pdf_of(buyer, path, version=1) == first, "an earlier version stays as it was"
    colleague = await world.member(buyer.organisation_id, "acquirer")
    assert await pdf_of(colleague, path) == first, "who may not read the dossier gets the version that names nobody"
    assert (await colleague.get(f"{path}/nda/document", params={"version": 2})).status_code == 404
    assert len(await world.seed("SELECT 1 FROM vault.nda_document WHERE deal_id = $1", UUID(deal_of(path)))) == 2


async def test_the_worker_reads_a_document_only_while_it_is_due_and_never_back(world, as_database_role):
    published, buyer = await world.published(), await world.acquirer()
    deal = UUID(await world.nda_signed(published, buyer))
    worker, nda = await as_database_role("succession_worker"), (await world.seed("SELECT id FROM vault.nda WHERE deal_id = $1", deal))[0][0]
    assert await worker.fetchval("SELECT vault.nda_to_set($1) ->> 'version'", nda) == "1"
    await world.deliver(str(deal))
    assert await worker.fetchval("SELECT vault.nda_to_set($1)", nda) is None
    for table in ("nda_document", "nda_schedule", "nda_signature", "nda_paper"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await worker.fetch(f"SELECT * FROM vault.{table}")


async def test_the_database_enters_a_sealed_document_in_the_ledger_and_nobody_else_can(world, as_database_role, app):
    published, buyer = await world.published(), await world.acquirer()
    deal = UUID(await world.nda_signed(published, buyer))
    await world.deliver(str(deal))
    document = (await world.seed("SELECT id, encode(content_hash, 'hex') AS hash FROM vault.nda_document WHERE deal_id = $1", deal))[0]
    rows = await world.seed("SELECT convert_from(body, 'UTF8') FROM vault.ledger_entry WHERE deal_id = $1 AND kind = 'nda_sealed'", deal)
    said = canonical.decode(rows[0][0].encode())
    assert (said["document_id"], said["content_hash"], said["deal_id"], said["version"]) == (str(document["id"]), document["hash"], str(deal), 1)

    async def flaw():
        owner = await asyncpg.connect(world.database_url)
        try:
            await owner.execute("SET ROLE succession_seeder")
            breaks = (await check_ledgers(owner, published.listing_id, None, app.state.settings)).breaks
            return breaks[0].flaw if breaks else None
        finally:
            await owner.close()

    assert await flaw() is None
    forged = said | {"entry_id": uuid4()}
    for role in ("succession_worker", "succession_app"):
        connection = await as_database_role(role)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("SELECT vault.enter_document(d) FROM vault.nda_document d")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("INSERT INTO vault.ledger_entry (id, listing_id, seq, kind, deal_id, body, prev, hash) VALUES ($1, $2, 0, "
                                     "'nda_sealed', $3, $4, '', '')", forged["entry_id"], published.listing_id, deal, canonical.encode(forged))
    content = (await world.seed("SELECT content FROM vault.nda_document WHERE deal_id = $1", deal))[0][0]
    await world.overrule("UPDATE vault.nda_document SET content = $2, content_hash = sha256($2) WHERE deal_id = $1", deal, content + b"\n")
    assert await flaw() == "document_without_entry"
    await world.overrule("DELETE FROM vault.nda_document WHERE deal_id = $1", deal)
    assert await flaw() == "entry_without_document"
