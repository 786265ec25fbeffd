"""Does a mandate keep to the guidelines, and does the listing follow it?"""

from __future__ import annotations

import pytest
from listing_scene import approved, entered, is_up, mandate, prepared, published


async def test_a_center_supports_and_the_listing_is_mandated(world):
    center = await world.intermediary()
    listing = await entered(center)
    answer = await center.post(f"{listing.path}/mandate", mandate())
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["kind"] == "center_support" and made["state"] == "active" and made["warnings"] == []
    assert made["ends_on"] == "2029-04-01" and made["tail_until"] is None
    assert (await center.get(listing.path)).json()["state"] == "mandated"
    assert (await center.get(f"{listing.path}/mandate")).json() == made
    assert (await center.post(f"{listing.path}/preparation")).json()["state"] == "preparing"


@pytest.mark.parametrize(("kind", "wanted", "allowed"), [
    ("center", "brokerage", ["center_support"]), ("bank", "center_support", ["brokerage", "adviser"]),
])
async def test_each_kind_of_intermediary_has_its_kinds_of_mandate(world, kind, wanted, allowed):
    caller = await world.intermediary(kind)
    listing = await entered(caller)
    answer = await caller.post(f"{listing.path}/mandate", mandate(wanted))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "kind" and answer.json()["errors"][0]["allowed"] == allowed


async def test_a_violation_names_field_rule_edition_and_bound_and_changes_nothing(world):
    bank = await world.intermediary("bank")
    listing = await entered(bank)
    answer = await bank.post(f"{listing.path}/mandate", mandate("brokerage", exclusivity_months=13, tail_months=40, tail_scope="any"))
    problem = answer.json()
    assert answer.status_code == 422 and problem["code"] == "guideline_violation"
    found = {each["field"]: each for each in problem["violations"]}
    assert found["exclusivity_months"] == {"field": "exclusivity_months", "rule": "G4", "edition": "3rd ed.", "allowed": "<= 12"}
    assert found["tail_months"]["rule"] == "G6" and found["tail_scope"]["allowed"] == "none | name_cleared"
    assert {each["field"] for each in problem["errors"]} == set(found)
    assert all(each["message"] and each["allowed"] for each in problem["errors"])
    assert (await bank.get(listing.path)).json()["state"] == "intake"
    assert (await bank.get(f"{listing.path}/mandate")).status_code == 404


async def test_beyond_the_guide_is_warned_about(world):
    bank = await world.intermediary("bank")
    listing = await entered(bank)
    answer = await bank.post(f"{listing.path}/mandate", mandate("adviser", exclusivity_months=9, tail_months=30))
    assert answer.status_code == 201
    assert [(w["field"], w["rule"]) for w in answer.json()["warnings"]] == [("exclusivity_months", "G4"), ("tail_months", "G6")]


async def test_one_mandate_at_a_time_and_one_that_ran_out_makes_way(world):
    center = await world.intermediary()
    listing = await entered(center)
    assert (await center.post(f"{listing.path}/mandate", mandate())).status_code == 201
    second = await center.post(f"{listing.path}/mandate", mandate())
    assert second.status_code == 409 and second.json()["code"] == "mandate_active"
    await world.seed("UPDATE vault.mandate SET ends_on = '2026-05-01' WHERE listing_id = $1", listing.id)
    assert (await center.post(f"{listing.path}/mandate", mandate())).status_code == 201
    rows = await world.seed("SELECT state, ended_on::text FROM vault.mandate WHERE listing_id = $1 ORDER BY created_at", listing.id)
    assert [tuple(row) for row in rows] == [("ended", "2026-05-01"), ("active", None)]


async def test_a_day_to_come_or_a_term_that_is_over_is_refused(world):
    center = await world.intermediary()
    listing = await entered(center)
    for terms, field in (({"signed_on": "2099-01-01"}, "signed_on"), ({"signed_on": "2025-01-01", "term_months": 2}, "term_months")):
        answer = await center.post(f"{listing.path}/mandate", mandate(**terms))
        assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field


async def test_the_end_takes_the_teaser_down_and_starts_the_tail(world):
    bank = await world.intermediary("bank")
    listing = await prepared(world, bank, "adviser")
    ref = await published(world, listing, await approved(world, listing), "verified_buyers")
    answer = await bank.post(f"{listing.path}/mandate/end", {"ended_on": "2026-05-31"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "ended" and answer.json()["tail_until"] == "2028-05-31"
    assert not await is_up(world, ref)
    now = (await bank.get(listing.path)).json()
    assert (now["state"], now["state_reason"]) == ("suspended", "mandate_ended")
    refused = await bank.delete(f"{listing.path}/suspension")
    assert refused.status_code == 409 and refused.json()["code"] == "mandate_needed"
    assert (await bank.post(f"{listing.path}/mandate", mandate("adviser"))).status_code == 201
    assert (await bank.delete(f"{listing.path}/suspension")).json()["state"] == "preparing"
    again = await bank.post(f"{listing.path}/mandate/end", {"ended_on": "2026-03-01"})
    assert again.status_code == 422  # before it was signed


async def test_steps_out_of_order_are_refused_and_withdrawal_ends_the_road(world):
    center = await world.intermediary()
    listing = await entered(center)
    early = await center.post(f"{listing.path}/preparation")
    assert early.status_code == 409 and early.json()["code"] == "mandate_needed"
    approach = {"candidate_list_hash": "b" * 64, "owner_agreed_on": "2026-06-01"}
    await center.post(f"{listing.path}/mandate", mandate())
    assert (await center.post(f"{listing.path}/approach", approach)).json()["code"] == "step_refused"
    await center.post(f"{listing.path}/preparation")
    late = await center.post(f"{listing.path}/approach", approach | {"owner_agreed_on": "2099-01-01"})
    assert late.status_code == 422 and late.json()["errors"][0]["field"] == "owner_agreed_on"
    assert (await center.post(f"{listing.path}/approach", approach)).json()["state"] == "approached"
    assert (await center.post(f"{listing.path}/withdrawal", {"reason": "because"})).status_code == 422
    gone = await center.post(f"{listing.path}/withdrawal", {"reason": "family_successor_found"})
    assert gone.json()["state"] == "withdrawn" and gone.json()["actions"] == []
    for answer in (await center.patch(listing.path, {"guarantees": []}, headers={"If-Match": f'"{gone.json()["version"]}"'}),
                   await center.post(f"{listing.path}/mandate/end"), await center.post(f"{listing.path}/exclusions", {"kind": "country", "value": "XX"}),
                   await center.post(f"{listing.path}/owner-contacts", {"name": "x"})):
        assert answer.status_code in (409, 422) and answer.json()["code"] in ("listing_closed", "validation"), answer.text


async def test_nobody_else_touches_the_mandate(world, http):
    center, other = await world.intermediary(), await world.intermediary()
    listing = await entered(center)
    assert (await other.post(f"{listing.path}/mandate", mandate())).status_code == 404
    assert (await (await world.acquirer()).post(f"{listing.path}/mandate", mandate())).status_code == 403
    assert (await http.post(f"{listing.path}/mandate", json=mandate())).status_code == 401
    await center.post(f"{listing.path}/mandate", mandate())
    assert (await other.get(f"{listing.path}/mandate")).status_code == 404
    assert (await other.post(f"{listing.path}/mandate/end")).status_code == 404
    assert (await center.get(f"{listing.path}/mandate")).json()["state"] == "active"
