"""Does the matcher propose, a named member decide, and nobody clear a likeness unread?"""

from __future__ import annotations

from uuid import UUID

import pytest


@pytest.fixture
async def listed(world):
    """An operator's list that holds a namesake; the buyer it resembles; the request."""
    operator = await world.operator()
    published = await world.published()
    buyer = await world.acquirer(legal_name="Nordlicht Beteiligungen GmbH", country="DE", ultimate_parent="Polarstern AG")
    await world.seed("INSERT INTO vault.beneficial_owner (organisation_id, name, country, share_percent) VALUES ($1, 'Ingrid Beispiel', 'DE', 60)",
                     buyer.organisation_id)
    added = await operator.post("/v1/screening-lists/entries", {"list_code": "bad_buyers", "list_version": "2026-11", "entries": [
        {"name": "NORDLICHT BETEILIGUNGEN", "kind": "organisation", "country": "DE", "reason": "guarantee not released"},
        {"name": "Beispiel Ingrid", "kind": "person", "aliases": ["I. Beispiel"]},
    ]})
    assert added.status_code == 201, added.text
    deal = await world.requested(published, buyer)
    yield operator, published.seller, buyer, f"/v1/disclosure-requests/{deal}", added.json()["ids"]
    for entry in added.json()["ids"]:
        await operator.delete(f"/v1/screening-lists/entries/{entry}")


async def test_nobody_clears_a_likeness_unread(world, listed):
    _operator, seller, buyer, path, _ids = listed
    before = len(await world.seed("SELECT 1 FROM ops.outbox"))
    unread = await seller.post(f"{path}/screening", {"decision": "cleared", "explanation": "Somebody else"})
    assert unread.status_code == 409 and unread.json()["code"] == "screening_unread"
    found = (await seller.get(f"{path}/screening")).json()["findings"]
    assert found == unread.json()["findings"]
    assert [(c["party_role"], c["reason"], c["score"]) for c in found["candidates"]] == [
        ("organisation", "name", 100), ("beneficial_owner", "word_order", 90)]
    read = {"decision": "cleared", "findings_read": found["fingerprint"]}
    silent = await seller.post(f"{path}/screening", read)
    assert silent.status_code == 422 and silent.json()["errors"][0]["field"] == "explanation"
    assert len(await world.seed("SELECT 1 FROM ops.outbox")) == before
    assert await world.seed("SELECT 1 FROM vault.screening WHERE buyer_id = $1", buyer.organisation_id) == []

    cleared = await seller.post(f"{path}/screening", read | {"explanation": "別の会社であることを登記で確認"})
    assert cleared.status_code == 201 and cleared.json()["next_step"] == "offer_nda", cleared.text
    (record,) = (await seller.get(f"{path}/screening")).json()["screenings"]
    assert record["lists"] == [{"code": "bad_buyers", "version": "2026-11", "entries": 2}] and len(record["candidates"]) == 2
    assert record["decided_by"] in record["words_for_owner"] and "2件" in record["words_for_owner"]
    assert "保証するものではありません" in record["words_for_owner"] and "does not vouch" in record["words_for_owner_en"]


async def test_findings_that_changed_since_are_read_again(listed):
    operator, seller, _buyer, path, ids = listed
    read = (await seller.get(f"{path}/screening")).json()["findings"]["fingerprint"]
    assert (await operator.delete(f"/v1/screening-lists/entries/{ids[1]}")).status_code == 204
    stale = await seller.post(f"{path}/screening", {"decision": "cleared", "findings_read": read, "explanation": "x"})
    assert stale.status_code == 409 and len(stale.json()["findings"]["candidates"]) == 1
    assert (await operator.delete(f"/v1/screening-lists/entries/{ids[1]}")).status_code == 404


async def test_a_refusal_needs_a_coded_reason_and_ends_the_deal(world, listed):
    _operator, seller, _buyer, path, _ids = listed
    bare = await seller.post(f"{path}/screening", {"decision": "refused"})
    assert bare.status_code == 422 and "sanctions" in bare.json()["errors"][0]["allowed"]
    refused = await seller.post(f"{path}/screening", {"decision": "refused", "reason": "screening_adverse"})
    assert refused.status_code == 201 and refused.json()["terminal"] == "screening_refused"
    deal = UUID(path.rpartition("/")[2])
    event = (await world.seed("SELECT * FROM vault.deal_event WHERE deal_id = $1", deal))[0]
    assert (event["from_stage"], event["action"], event["reason"]) == ("interested", "refuse_screening", "screening_adverse")


async def test_lists_are_the_operators_to_keep_and_the_advisers_to_read(world, listed):
    operator, seller, buyer, _path, ids = listed
    entry = {"list_code": "bad_buyers", "list_version": "1", "entries": [{"name": "x", "kind": "person"}]}
    count = len(await world.seed("SELECT 1 FROM vault.screening_list_entry"))
    for other in (seller, buyer, await world.agency()):
        assert (await other.post("/v1/screening-lists/entries", entry)).status_code == 403
        assert (await other.delete(f"/v1/screening-lists/entries/{ids[0]}")).status_code == 403
    assert len(await world.seed("SELECT 1 FROM vault.screening_list_entry")) == count
    for reader, status in ((operator, 200), (seller, 200), (buyer, 403), (await world.agency(), 403)):
        assert (await reader.get("/v1/screening-lists/entries?list_code=bad_buyers")).status_code == status
    page = (await operator.get("/v1/screening-lists/entries?list_code=bad_buyers&limit=1")).json()
    rest = (await operator.get("/v1/screening-lists/entries", params={"list_code": "bad_buyers", "limit": 1, "cursor": page["next_cursor"]})).json()
    assert {page["items"][0]["id"], rest["items"][0]["id"]} == set(ids) and rest["next_cursor"] is None
