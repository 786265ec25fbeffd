"""Can an intermediary enter, read and edit its own listings, and nobody else's?"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from succession.accounts.identifiers import make_corporate_number

COUNTER = iter(range(10_000))


def number() -> str:
    return make_corporate_number(f"99990{next(COUNTER):07d}")


def draft(**blocks: Any) -> dict[str, Any]:
    body = {"succession": {"status": "none_decided"}, "identity": {"name": "架空工業株式会社", "corporate_number": number()},
            "business": {"jsic_code": "24", "prefecture": "JP-29"}}
    return body | blocks


async def entered(caller, **blocks: Any) -> dict[str, Any]:
    answer = await caller.post("/v1/listings", draft(**blocks))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_draft_may_be_empty_and_reads_as_it_was_put(world):
    center = await world.intermediary()
    assert (await center.post("/v1/listings", {})).status_code == 201
    body = draft(guarantees=[], terms={"schemes": ["share_transfer"], "asking_price": {"amount_yen": 120_000_000}},
                 financials=[{"period_end": "2024-03-31", "revenue_yen": 1}, {"period_end": "2025-03-31", "debt_yen": 0}])
    made = (await center.post("/v1/listings", body | {"internal_reference": "R-1"})).json()
    read = await center.get(f"/v1/listings/{made['id']}")
    assert read.headers["etag"] == '"1"' and read.json() == made
    profile = made["profile"]
    assert made["internal_reference"] == "R-1" and made["state"] == "intake"
    assert "withdraw_listing" in made["actions"]
    assert profile["guarantees"] == [] and profile["permits"] is None
    assert profile["terms"]["asking_price"]["amount_yen"] == 120_000_000
    assert [year["period_end"] for year in profile["financials"]] == ["2025-03-31", "2024-03-31"]
    assert profile["identity"]["name"] == "架空工業株式会社" and profile["identity"]["sites"] is None


async def test_a_company_with_a_successor_is_refused_by_field_and_allowed_values(world):
    center = await world.intermediary()
    answer = await center.post("/v1/listings", draft(succession={"status": "family_successor"}))
    assert answer.status_code == 422 and answer.json()["code"] == "validation"
    error = answer.json()["errors"][0]
    assert error["field"] == "succession.status" and "none_decided" in error["allowed"] and error["message"]
    assert (await center.get("/v1/listings")).json()["items"] == []


@pytest.mark.parametrize(("block", "field"), [
    ({"identity": {"corporate_number": "1234567890123"}}, "identity.corporate_number"),
    ({"identity": {"legal_form": "sole_proprietor", "internal_key": "7"}, "terms": {"schemes": ["share_transfer"]}}, "terms.schemes[0]"),
    ({"business": {"jsic_code": "00"}}, "business.jsic_code"),
    ({"identity": {"nickname": "x"}}, "identity.nickname"),
    ({"terms": {"timing": "soon"}}, "terms.timing"),
])
async def test_what_cannot_be_is_refused_at_its_field(world, block, field):
    center = await world.intermediary()
    answer = await center.post("/v1/listings", block)
    assert answer.status_code == 422 and field in [error["field"] for error in answer.json()["errors"]], answer.text


async def test_the_same_company_is_held_once_per_intermediary(world):
    center, bank = await world.intermediary(), await world.intermediary("bank")
    same = draft()
    assert (await center.post("/v1/listings", same)).status_code == 201
    again = await center.post("/v1/listings", same)
    assert again.status_code == 409 and again.json()["code"] == "listing_duplicate"
    assert (await bank.post("/v1/listings", same)).status_code == 201  # what another holds is not told


async def test_a_repeated_request_enters_once(world):
    center, headers = await world.intermediary(), {"Idempotency-Key": "enter-1"}
    body = draft()
    first = await center.post("/v1/listings", body, headers=headers)
    second = await center.post("/v1/listings", body, headers=headers)
    assert first.json() == second.json() and second.headers["idempotency-replayed"] == "true"
    assert len((await center.get("/v1/listings")).json()["items"]) == 1


async def test_the_list_pages_without_gaps_and_filters_by_state(world):
    center = await world.intermediary()
    made = [(await entered(center))["id"] for _ in range(5)]
    seen, cursor = [], None
    while True:
        page = (await center.get("/v1/listings", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [line["id"] for line in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == made[::-1]
    assert (await center.get("/v1/listings", params={"state": "listed"})).json()["items"] == []
    page = (await center.get("/v1/listings", params={"limit": 2, "state": "intake"})).json()
    moved = await center.get("/v1/listings", params={"cursor": page["next_cursor"]})
    assert moved.status_code == 422 and moved.json()["code"] == "cursor_invalid"


async def test_an_edit_merges_blocks_replaces_lists_and_null_takes_away(world):
    center = await world.intermediary()
    made = await entered(center, business={"prefecture": "JP-29", "employees": 30},
                         financials=[{"period_end": "2024-03-31", "revenue_yen": 5}])
    path = f"/v1/listings/{made['id']}"
    changes = {"business": {"employees": None, "jsic_code": "2441"}, "permits": [{"name": "建設業許可"}], "internal_reference": "A-2",
               "financials": [{"period_end": "2024-03-31", "revenue_yen": 6}, {"period_end": "2025-03-31"}]}
    answer = await center.patch(path, changes, headers={"If-Match": '"1"'})
    assert answer.status_code == 200 and answer.headers["etag"] == '"2"', answer.text
    profile = answer.json()["profile"]
    assert profile["business"]["prefecture"] == "JP-29" and profile["business"]["employees"] is None
    assert profile["business"]["jsic_code"] == "2441" and profile["permits"][0]["name"] == "建設業許可"
    assert [(y["period_end"], y["revenue_yen"]) for y in profile["financials"]] == [("2025-03-31", None), ("2024-03-31", 6)]
    assert (await center.get(path)).json() == answer.json()


async def test_a_stale_edit_changes_nothing_and_the_version_must_be_stated(world):
    center = await world.intermediary()
    path = f"/v1/listings/{(await entered(center))['id']}"
    assert (await center.patch(path, {"business": {"employees": 3}})).json()["code"] == "precondition_required"
    assert (await center.patch(path, {"business": {"employees": 3}}, headers={"If-Match": '"1"'})).status_code == 200
    stale = await center.patch(path, {"business": {"employees": 4}}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412 and stale.json()["code"] == "stale"
    assert (await center.get(path)).json()["profile"]["business"]["employees"] == 3


async def test_an_edit_cannot_bring_in_a_successor_or_a_wrong_type(world):
    center = await world.intermediary()
    path = f"/v1/listings/{(await entered(center))['id']}"
    for change, field in (({"succession": {"status": "decided"}}, "succession.status"),
                          ({"business": {"employees": "many"}}, "business.employees"), ({"state": "listed"}, "state")):
        answer = await center.patch(path, change, headers={"If-Match": '"1"'})
        assert answer.status_code == 422 and field in [e["field"] for e in answer.json()["errors"]], answer.text
    assert (await center.get(path)).json()["version"] == 1


async def test_readiness_names_what_is_missing_in_the_readers_language(world):
    center = await world.intermediary()
    made = await entered(center, financials=[{"period_end": "2020-03-31", "revenue_yen": 10, "operating_profit_yen": 1}])
    path = f"/v1/listings/{made['id']}/publication-readiness"
    answer = (await center.get(path)).json()
    missing = {each["field"]: each["message"] for each in answer["missing"]}
    assert answer["ready"] is False and {"identity.name_kana", "guarantees", "financials[0].debt_yen"} <= set(missing)
    assert all(missing.values())
    assert any(each["field"].startswith("financials") for each in answer["flags"])  # older than 18 months


async def test_others_neither_see_nor_edit_nor_learn_that_it_exists(world, http):
    center = await world.intermediary()
    made = await entered(center)
    path = f"/v1/listings/{made['id']}"
    other = await world.intermediary("registered_institution")
    for answer in (await other.get(path), await other.get(path + "/publication-readiness"),
                   await other.patch(path, {"guarantees": []}, headers={"If-Match": '"1"'})):
        assert answer.status_code == 404 and answer.json()["code"] == "not_found"
    assert (await other.get("/v1/listings")).json()["items"] == []
    for caller in (await world.acquirer(), await world.agency(), await world.operator()):
        assert (await caller.get(path)).status_code == 403
        assert (await caller.post("/v1/listings", {})).status_code == 403
    assert (await http.get(path)).status_code == 401
    assert (await center.get(path)).json() == made


async def test_an_unverified_intermediary_enters_nothing(world):
    pending = await world.intermediary(status="pending")
    answer = await pending.post("/v1/listings", {})
    assert answer.status_code == 403 and answer.json()["code"] == "organisation_not_verified"


async def test_of_two_edits_at_once_one_wins(world):
    center = await world.intermediary()
    path = f"/v1/listings/{(await entered(center))['id']}"
    answers = await asyncio.gather(*(center.patch(path, {"business": {"employees": n}}, headers={"If-Match": '"1"'}) for n in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    kept = next(answer.json() for answer in answers if answer.status_code == 200)
    assert (await center.get(path)).json() == kept
