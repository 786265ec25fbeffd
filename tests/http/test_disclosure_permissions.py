"""Who may take which step? Everybody but the party is refused, nothing is changed and nothing is sent."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from world import ORIGIN

SIGNATURE = {"text_hash": "0" * 64, "name": "A", "title": "B", "authority": "legal_representative", "locale_shown": "en", "code": "000000"}
PAPER = {"form": "one_way", "term_months": 24, "signed_on": "2026-01-05", "signer_name": "A", "signer_title": "B", "content_base64": "JVBERi0="}
DOCUMENT = {"level": "dossier", "filename": "a.txt", "content_base64": "YQ==", "contains_personal_data": False,
            "export_control_class": "none", "downloadable": True, "unmarked_reason": "a list"}
# (method, path, body). A stranger is told 404, or 403 where its kind may never do that.
SELLER_STEPS = (
    ("GET", "/v1/disclosure-requests/{deal}/screening", None),
    ("POST", "/v1/disclosure-requests/{deal}/screening", {"decision": "cleared"}),
    ("POST", "/v1/disclosure-requests/{deal}/nda", {"form": "one_way", "term_months": 24}),
    ("POST", "/v1/disclosure-requests/{deal}/nda/countersignature", SIGNATURE),
    ("POST", "/v1/disclosure-requests/{deal}/nda/termination", {"reason": "talks_ended"}),
    ("POST", "/v1/disclosure-requests/{deal}/name-clear", {}),
    ("GET", "/v1/disclosure-requests/{deal}/name-clear", None),
    ("POST", "/v1/disclosure-requests/{deal}/name-clear/link", {}),
    ("GET", "/v1/listings/{listing}/personal-data-transfers", None),
    ("POST", "/v1/disclosure-requests/{deal}/dossier-release", {}),
    ("POST", "/v1/disclosure-requests/{deal}/data-room-release", {}),
    ("POST", "/v1/grants/{grant}/revocation", {"reason": "mistake"}),
    ("POST", "/v1/listings/{listing}/documents", DOCUMENT),
    ("POST", "/v1/listings/{listing}/uploads", {"level": "dossier", "filename": "a.txt"}),
    ("GET", "/v1/uploads/{upload}", None),
    ("PUT", "/v1/uploads/{upload}/content", None),
    ("PUT", "/v1/documents/{document}/download-permission", {"allowed": False}),
    ("POST", "/v1/listings/{listing}/document-erasure", {"reason": "mistake"}),
    ("POST", "/v1/listings/{listing}/document-erasure/confirmation", None),
    ("DELETE", "/v1/documents/{document}", None),
    ("POST", "/v1/questions/{question}/answers", {"reply": "cannot_say"}),
    ("GET", "/v1/listings/{listing}/accesses", None),
    ("GET", "/v1/listings/{listing}/ledger", None),
    ("GET", "/v1/listings/{listing}/ledger/checkpoints", None),
    ("GET", "/v1/listings/{listing}/knowledge", None),
)
BUYER_STEPS = (
    ("POST", "/v1/disclosure-requests/{deal}/nda/signature", SIGNATURE),
    ("POST", "/v1/disclosure-requests/{deal}/nda/renewal", SIGNATURE),
    ("POST", "/v1/disclosure-requests/{deal}/nda/members", {"members": ["00000000-0000-0000-0000-000000000001"]}),
    ("POST", "/v1/disclosure-requests/{deal}/nda/acknowledgement", {"text_hash": "0" * 64}),
    ("DELETE", "/v1/disclosure-requests/{deal}/nda/members/00000000-0000-0000-0000-000000000001", None),
    ("GET", "/v1/dossiers/{deal}", None),
    ("POST", "/v1/disclosure-requests/{deal}/questions", {"code": "staff_kept"}),
    ("POST", "/v1/documents/{document}/links", {"uses": 1}),
)
# Of either side, but open to neither now.
NOT_OPEN = (
    ("POST", "/v1/disclosure-requests/{deal}/nda/code", {}),
    ("GET", "/v1/disclosure-requests/{deal}/nda/renewal", None),
    ("POST", "/v1/disclosure-requests/{deal}/nda/paper", PAPER),
    ("GET", "/v1/disclosure-requests/{deal}/nda/paper", None),
    ("GET", "/v1/disclosure-requests/{deal}/nda/paper/content", None),
    ("POST", "/v1/disclosure-requests/{deal}/nda/paper/decision", {"decision": "confirmed", "content_hash": "0" * 64}),
    ("GET", "/v1/disclosure-requests/{deal}/nda/document", None),
)
BOTH = (
    ("GET", "/v1/disclosure-requests/{deal}", None),
    ("GET", "/v1/disclosure-requests/{deal}/nda", None),
    ("GET", "/v1/disclosure-requests/{deal}/nda/members", None),
    ("GET", "/v1/disclosure-requests/{deal}/nda/schedule", None),
    ("GET", "/v1/disclosure-requests/{deal}/ledger/checkpoints", None),
    ("GET", "/v1/documents/{document}", None),
    ("GET", "/v1/documents/{document}/pages/1", None),
    ("GET", "/v1/listings/{listing}/documents", None),
    ("GET", "/v1/disclosure-requests/{deal}/questions", None),
)
TABLES = ("deal", "deal_event", "screening", "nda", "name_clear", "disclosure_grant", "ledger_entry", "ledger_subject", "access",
          "nda_schedule", "nda_signature", "nda_member", "nda_paper", "nda_renewal", "nda_document", "document", "owner_link", "audit_event", "question", "answer", "document_upload", "document_object",
          "document_mark", "document_link", "store_object", "disclosed", "fact_version")


@pytest.fixture
async def scene(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    document = (await published.seller.post(f"/v1/listings/{published.listing_id}/documents", DOCUMENT)).json()["id"]
    upload = (await published.seller.post(f"/v1/listings/{published.listing_id}/uploads", {"level": "dossier", "filename": "a.txt"})).json()["id"]
    grant = (await buyer.get("/v1/grants")).json()["items"][0]["id"]
    question = (await buyer.post(f"/v1/disclosure-requests/{deal}/questions", {"code": "staff_kept"})).json()["id"]
    return published, buyer, {"deal": deal, "listing": published.listing_id, "grant": grant, "document": document, "upload": upload, "question": question}


async def state(world):
    counts = [(await world.seed(f"SELECT count(*) FROM vault.{table}"))[0][0] for table in TABLES]
    rows = await world.seed("SELECT (SELECT string_agg(d::text, '' ORDER BY d.id) FROM vault.deal d), (SELECT string_agg(n::text, '' ORDER BY n.id) "
                            "FROM vault.nda n), (SELECT string_agg(g::text, '' ORDER BY g.id) FROM vault.disclosure_grant g)")
    return counts, tuple(rows[0]), (await world.seed("SELECT count(*) FROM ops.outbox"))[0][0]


async def asked(client, step, ids):
    method, path, body = step
    return await client.request(method, path.format(**ids), json=body)


async def test_strangers_of_every_kind_change_nothing_and_learn_nothing(world, scene):
    published, _buyer, ids = scene
    strangers = {
        "anonymous": world.client(Origin=ORIGIN), "acquirer": (await world.acquirer()).client,
        "intermediary": (await world.intermediary("bank")).client, "desk": (await world.agency()).client,
        "monitor": (await world.agency("monitor")).client, "operator": (await world.operator()).client,
        "unverified": (await world.acquirer(status="pending")).client,
    }
    before = await state(world)
    for kind, client in strangers.items():
        for step in (*SELLER_STEPS, *BUYER_STEPS, *BOTH, *NOT_OPEN):
            answer = await asked(client, step, ids)
            expected = {401} if kind == "anonymous" else {403} if kind == "unverified" else {403, 404}
            if kind == "operator" and step[1].startswith(tuple(f"/v1/listings/{{listing}}/{each}" for each in (
                    "ledger", "knowledge", "personal-data-transfers"))):
                expected = {200}  # ids and commitments, no names of companies
            assert answer.status_code in expected, (kind, step[:2], answer.status_code)
            if answer.status_code == 404:
                missing = await asked(client, step, {name: uuid4() for name in ids})
                assert {**missing.json(), "instance": ""} == {**answer.json(), "instance": ""}, (kind, step[:2])
            assert published.legal_name not in answer.text
    assert await state(world) == before


async def test_the_counterpart_sees_but_may_not_act(world, scene):
    published, buyer, ids = scene
    before = await state(world)
    for step in SELLER_STEPS:
        answer = await asked(buyer.client, step, ids)
        assert answer.status_code in (403, 404), (step[:2], answer.status_code)
    for step in BUYER_STEPS:
        answer = await asked(published.seller.client, step, ids)
        assert answer.status_code in (403, 404), (step[:2], answer.status_code)
    for step in NOT_OPEN:
        for party in (buyer, published.seller):
            assert (await asked(party.client, step, ids)).status_code in (404, 409), step[:2]
    assert await state(world) == before
    for step in BOTH:
        for party in (buyer, published.seller):
            assert (await asked(party.client, step, ids)).status_code == 200, step[:2]


async def test_a_suspended_buyer_is_out_at_once(world, scene):
    published, buyer, ids = scene
    assert (await buyer.get(f"/v1/dossiers/{ids['deal']}")).status_code == 200
    await world.overrule("UPDATE vault.organisation SET status = 'suspended' WHERE id = $1", buyer.organisation_id)
    answer = await buyer.get(f"/v1/dossiers/{ids['deal']}")
    assert answer.status_code == 403 and published.legal_name not in answer.text
    await world.overrule("UPDATE vault.organisation SET status = 'verified' WHERE id = $1", buyer.organisation_id)
    assert (await buyer.get(f"/v1/dossiers/{ids['deal']}")).status_code == 200


async def test_a_newly_excluded_buyer_is_out_at_once(world, scene):
    published, buyer, ids = scene
    await world.overrule("INSERT INTO vault.exclusion (listing_id, kind, value) VALUES ($1, 'organisation', $2)",
                         published.listing_id, str(buyer.organisation_id))
    for path in (f"/v1/dossiers/{ids['deal']}", f"/v1/documents/{ids['document']}", f"/v1/disclosure-requests/{ids['deal']}/nda/schedule"):
        assert (await buyer.get(path)).status_code == 404
    assert (await published.seller.get(f"/v1/disclosure-requests/{ids['deal']}")).json()["grants"][0]["live"] is False


async def test_a_represented_buyers_adviser_reads_while_it_represents(world):
    published, buyer, bank = await world.published(audiences=8), await world.acquirer(), await world.intermediary("bank")
    await world.seed("INSERT INTO vault.representation (intermediary_id, acquirer_id, document_hash, from_date, until_date, recorded_by, "
                     "confirmed_by, confirmed_at) VALUES ($1, $2, sha256('x'), ops.today(), ops.today(), $3, $4, now())",
                     bank.organisation_id, buyer.organisation_id, bank.member_id, buyer.member_id)
    opened = await bank.post("/v1/disclosure-requests", {"teaser_ref": str(published.ref), "purpose": "x", "acquirer_id": str(buyer.organisation_id)})
    deal, seller = opened.json()["id"], published.seller
    path = f"/v1/disclosure-requests/{deal}"
    await seller.post(f"{path}/screening", {"decision": "cleared"})
    nda = (await seller.post(f"{path}/nda", {"form": "one_way", "term_months": 24})).json()
    signature = SIGNATURE | {"text_hash": nda["text_hash"]}
    assert (await bank.post(f"{path}/nda/signature", signature)).status_code == 403, "the acquirer signs itself"
    assert (await bank.post(f"{path}/nda/code")).status_code == 403
    await world.sign(buyer, path, nda["text_hash"])
    await seller.post(f"{path}/name-clear")
    await world.owner_answers(published, "yes")
    assert (await bank.get(f"/v1/dossiers/{deal}")).status_code == 404
    assert (await seller.post(f"{path}/dossier-release")).status_code == 201
    assert (await bank.get(f"/v1/dossiers/{deal}")).status_code == 404, "nobody of the adviser is bound yet"
    assert (await bank.post(f"{path}/nda/members", {"members": [str(bank.member_id)]})).status_code == 201
    assert (await bank.get(f"/v1/dossiers/{deal}")).status_code == 404, "named, and has not acknowledged"
    assert (await bank.post(f"{path}/nda/acknowledgement", {"text_hash": nda["text_hash"]})).json()["your_part"] == "bound"
    assert (await bank.get(f"/v1/dossiers/{deal}")).json()["summary"]["legal_name"] == published.legal_name
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 200
    readers = await world.seed("SELECT organisation_id FROM vault.access WHERE listing_id = $1 ORDER BY id", published.listing_id)
    assert [row[0] for row in readers] == [bank.organisation_id, buyer.organisation_id]
    await world.seed("UPDATE vault.representation SET ended_at = now() WHERE acquirer_id = $1", buyer.organisation_id)
    assert (await bank.get(f"/v1/dossiers/{deal}")).status_code == 404
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 200


async def test_no_access_is_written_for_a_reading_that_is_refused(world, scene):
    published, buyer, ids = scene
    await published.seller.post(f"/v1/grants/{ids['grant']}/revocation", {"reason": "talks_ended"})
    count = len(await world.seed("SELECT 1 FROM vault.access WHERE listing_id = $1", UUID(str(ids["listing"]))))
    assert (await buyer.get(f"/v1/dossiers/{ids['deal']}")).status_code == 404
    assert (await buyer.get(f"/v1/documents/{ids['document']}")).status_code == 404
    assert len(await world.seed("SELECT 1 FROM vault.access WHERE listing_id = $1", UUID(str(ids["listing"])))) == count
