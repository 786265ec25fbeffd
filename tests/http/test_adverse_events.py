"""Is a buyer heard before anybody reads what is held against it, by two persons decided, and is nobody told who reported it?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from world import ORIGIN

from succession.days import day_in_japan
from succession.disclosure.rescreening import rescreen

TODAY = day_in_japan(datetime.now(UTC))
HASH = "ab" * 32


@pytest.fixture
async def scene(world):
    """A reporter that has dealt with the buyer, and two persons of the operator in a browser."""
    published, buyer = await world.published(), await world.acquirer(legal_name="Treubruch Beteiligungen SE")
    deal = await world.requested(published, buyer)
    first = await world.operator()
    second = await world.signed_in(await world.member(first.organisation_id, "operator", role="reviewer"))
    return published.seller, buyer, deal, await world.signed_in(first), second


def report(buyer, deal=None, **more):
    return {"buyer_id": str(buyer.organisation_id), "reason": "guarantee_not_released", "occurred_on": "2026-06-01", "deal_id": deal,
            "statement": "Our client still guarantees the loan; we are the Center of Nowhere.", "evidence_title": "Letter of the lender",
            "evidence_hash": HASH} | more


async def reported(seller, buyer, deal):
    answer = await seller.post("/v1/adverse-events", report(buyer, deal))
    assert answer.status_code == 201 and answer.json()["side"] == "reporter", answer.text
    return f"/v1/adverse-events/{answer.json()['id']}"


async def done(answer):
    answer = await answer
    assert answer.status_code == 201, answer.text
    return answer.json()


NOTICE = {"notice": "An agreed release of a guarantee was not carried out.", "persons": ["Treu Bruch"], "objection_days": 14}
PUBLISH = {"decision": "published", "words": "The lender's letter shows it."}


async def test_from_the_report_to_the_internal_list_with_the_buyer_heard(world, scene):
    seller, buyer, deal, first, second = scene
    event = await reported(seller, buyer, deal)
    assert (await buyer.get(event)).status_code == 404 and (await buyer.get("/v1/adverse-events")).json()["items"] == []
    assert (await first.post(f"{event}/decision", PUBLISH)).json()["code"] == "step_refused", "the buyer has not been told"
    assert (await done(first.post(f"{event}/notice", NOTICE)))["state"] == "notified"
    assert (await first.post(f"{event}/notice", NOTICE)).json()["code"] == "step_refused"
    letter = (await world.letters(organisation=buyer.organisation_id))[-1]
    assert letter["template"] == "adverse_event_notified" and letter["params"]["until_on"] == (TODAY + timedelta(days=14)).isoformat()
    told = (await buyer.get(event)).json()
    assert told["side"] == "buyer" and told["notice"] == NOTICE["notice"] and told["persons"] == ["Treu Bruch"]
    assert (await first.post(f"{event}/decision", PUBLISH)).json()["code"] == "step_refused", "its time to object has not passed"
    objected = await done(buyer.post(f"{event}/objection", {"words": "The lender agreed to wait."}))
    assert objected["state"] == "objected"
    assert (await buyer.post(f"{event}/objection", {"words": "And again."})).json()["code"] == "step_refused"
    assert (await done(first.post(f"{event}/decision", PUBLISH)))["state"] == "proposed"
    assert (await buyer.get(event)).json()["decision"] is None, "a proposal is nobody's yet"
    assert (await first.post(f"{event}/confirmation")).json()["code"] == "second_confirmation_needed"
    assert await world.seed("SELECT 1 FROM vault.screening_list_entry WHERE ref LIKE $1 || '%'", event[-36:]) == []
    decided = await done(second.post(f"{event}/confirmation"))
    assert decided["state"] == "published" and decided["retain_until"] >= (TODAY + timedelta(days=3650)).isoformat()
    assert (await second.post(f"{event}/confirmation")).json()["code"] == "step_refused"
    rows = await world.seed("SELECT name, kind, reason, list_code FROM vault.screening_list_entry WHERE ref LIKE $1 || '%' ORDER BY ref", event[-36:])
    assert [tuple(row) for row in rows] == [("Treubruch Beteiligungen SE", "organisation", "guarantee_not_released", "adverse_events"),
                                            ("Treu Bruch", "person", "guarantee_not_released", "adverse_events")]
    assert (await buyer.get(event)).json()["decision_words"] == PUBLISH["words"] and (await seller.get(event)).json()["state"] == "published"
    found = (await seller.get(f"/v1/disclosure-requests/{deal}/screening")).json()["findings"]["candidates"]
    assert [(c["list_code"], c["list_kind"], c["score"]) for c in found] == [("adverse_events", "internal", 100)]
    await world.run_job(rescreen)
    await world.retire("adverse_events")
    await world.overrule("DELETE FROM vault.screening_list_entry WHERE list_code = 'adverse_events'")
    await world.overrule("DELETE FROM vault.screening_list_version WHERE list_code = 'adverse_events'")
    await world.overrule("DELETE FROM vault.screening_list WHERE code = 'adverse_events'")


async def test_silence_counts_only_when_the_time_to_object_has_passed(world, scene):
    seller, buyer, deal, first, second = scene
    event = await reported(seller, buyer, deal)
    await done(first.post(f"{event}/notice", NOTICE))
    await world.overrule("UPDATE vault.buyer_adverse_event SET objection_until = ops.today() - 1 WHERE id = $1", UUID(event[-36:]))
    assert (await buyer.post(f"{event}/objection", {"words": "Too late."})).json()["code"] == "step_refused"
    assert (await done(first.post(f"{event}/decision", {"decision": "dismissed", "words": "Nothing shows it."})))["state"] == "proposed"
    assert (await done(second.post(f"{event}/confirmation")))["state"] == "dismissed"
    assert await world.seed("SELECT 1 FROM vault.screening_list_entry WHERE ref LIKE $1 || '%'", event[-36:]) == []


async def test_the_buyer_is_told_neither_who_reported_it_nor_of_which_deal(world, scene):
    seller, buyer, deal, first, _second = scene
    event = await reported(seller, buyer, deal)
    await done(first.post(f"{event}/notice", NOTICE))
    names = await world.seed("SELECT legal_name FROM vault.organisation WHERE id = $1", seller.organisation_id)
    for answer in (await buyer.get(event), await buyer.get("/v1/adverse-events")):
        for hidden in (str(seller.organisation_id), str(seller.member_id), deal, "Center of Nowhere", names[0]["legal_name"], "reporter", "statement"):
            assert hidden not in answer.text, hidden
    whole = (await first.get(event)).json()
    assert whole["reporter_id"] == str(seller.organisation_id) and whole["deal_id"] == deal


async def test_an_event_is_nobodys_but_the_operators_the_reporters_and_the_buyers(world, http, scene):
    seller, buyer, deal, first, _second = scene
    event = await reported(seller, buyer, deal)
    await done(first.post(f"{event}/notice", NOTICE))
    steps = [("GET", event, None), ("POST", f"{event}/notice", NOTICE), ("POST", f"{event}/objection", {"words": "x"}),
             ("POST", f"{event}/decision", PUBLISH), ("POST", f"{event}/confirmation", {})]
    colleague = await world.member(seller.organisation_id, "intermediary")
    callers = {"anonymous": http, "another buyer": (await world.acquirer()).client, "another firm": (await world.intermediary("bank")).client,
               "desk": (await world.agency()).client, "reporter": colleague.client, "key of the operator": (await world.operator()).client}
    before = await _state(world)
    for who, client in callers.items():
        for method, path, body in steps:
            allowed = (who, method) in {("reporter", "GET"), ("key of the operator", "GET")}
            answer = await client.request(method, path, json=body, headers={"Origin": ORIGIN} if client is http else {})
            assert answer.status_code in ({200} if allowed else {401, 403, 404}), (who, path, answer.status_code)
    for method, path, body in steps[1:2] + steps[3:]:
        assert (await buyer.client.request(method, path, json=body)).status_code == 403
    for client in (callers["another buyer"], callers["another firm"]):
        assert (await client.get("/v1/adverse-events")).json()["items"] == []
    assert await _state(world) == before


async def _state(world):
    return (tuple(row["e"] for row in await world.seed("SELECT e::text AS e FROM vault.buyer_adverse_event e ORDER BY id")),
            len(await world.seed("SELECT 1 FROM ops.outbox")), len(await world.seed("SELECT 1 FROM vault.audit_event")))


async def test_one_reports_only_a_buyer_one_knows_of_a_deal_of_ones_own(world, scene):
    seller, buyer, deal, _first, _second = scene
    stranger = await world.intermediary("bank")
    assert (await stranger.post("/v1/adverse-events", report(buyer))).status_code == 404
    assert (await seller.post("/v1/adverse-events", report(await world.acquirer()))).status_code == 404
    assert (await seller.post("/v1/adverse-events", report(seller))).status_code == 404, "an adviser is no buyer"
    other = await world.requested(await world.published(), buyer)
    assert (await seller.post("/v1/adverse-events", report(buyer, other))).json()["errors"][0]["field"] == "deal_id"
    late = (TODAY + timedelta(days=2)).isoformat()
    assert (await seller.post("/v1/adverse-events", report(buyer, deal, occurred_on=late))).json()["errors"][0]["field"] == "occurred_on"
    assert (await seller.post("/v1/adverse-events", report(buyer, deal, reason="disliked"))).status_code == 422
    assert (await buyer.post("/v1/adverse-events", report(buyer))).status_code == 403


async def test_a_suspended_buyer_reads_and_answers_all_the_same(world, scene):
    seller, buyer, deal, first, _second = scene
    event = await reported(seller, buyer, deal)
    await done(first.post(f"{event}/notice", NOTICE))
    await world.overrule("UPDATE vault.organisation SET status = 'suspended' WHERE id = $1", buyer.organisation_id)
    assert (await buyer.get(event)).status_code == 200
    assert (await done(buyer.post(f"{event}/objection", {"words": "We answer."})))["objection"] == "We answer."
