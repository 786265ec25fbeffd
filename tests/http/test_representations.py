"""Does an intermediary act for an acquirer exactly as long, and as far, as that acquirer confirmed?"""

import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from desk_scene import letters, listed

TODAY = datetime.now(UTC).date()


def claim(acquirer, **fields):
    return {"acquirer_id": str(acquirer.organisation_id), "document_hash": "ab" * 32, "from_date": str(TODAY),
            "until_date": str(TODAY + timedelta(days=200))} | fields


async def recorded(agent, acquirer, **fields):
    answer = await agent.post("/v1/representations", claim(acquirer, **fields))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def confirmed(agent, acquirer, **fields):
    made = await recorded(agent, acquirer, **fields)
    answer = await acquirer.post(f"/v1/representations/{made['id']}/confirmation")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def rows(world):
    return ([tuple(row) for row in await world.seed("SELECT * FROM vault.representation ORDER BY id")],
            await world.seed("SELECT count(*) FROM vault.deal"), await letters(world))


async def request_for(agent, acquirer, found):
    return await agent.post("/v1/disclosure-requests", {
        "teaser_ref": found.ref.hex, "purpose": "Castings", "acquirer_id": str(acquirer.organisation_id)})


async def test_the_intermediary_records_the_acquirer_confirms_and_either_is_told(world):
    agent, acquirer = await world.intermediary("registered_institution"), await world.acquirer()
    before = len(await letters(world))
    made = await recorded(agent, acquirer)
    assert made["state"] == "recorded" and made["document_hash"] == "ab" * 32
    assert made["acquirer"]["name"] is None  # a claim to act for somebody tells nothing of them
    at_acquirer = (await acquirer.get("/v1/representations")).json()["items"]
    assert [(item["id"], item["state"]) for item in at_acquirer] == [(made["id"], "recorded")]
    assert at_acquirer[0]["intermediary"]["name"]

    answer = await acquirer.post(f"/v1/representations/{made['id']}/confirmation")
    assert answer.status_code == 200 and answer.json()["state"] == "in_force"
    assert (await agent.get("/v1/representations")).json()["items"][0]["acquirer"]["name"]
    again = await acquirer.post(f"/v1/representations/{made['id']}/confirmation")
    assert again.status_code == 409 and again.json()["code"] == "representation_settled"

    ended = await agent.post(f"/v1/representations/{made['id']}/termination")
    assert ended.status_code == 200 and ended.json()["state"] == "ended"
    again = await acquirer.post(f"/v1/representations/{made['id']}/termination")
    assert again.status_code == 409 and again.json()["code"] == "representation_settled"
    assert (await letters(world))[before:] == [
        ("representation_recorded", str(acquirer.organisation_id)), ("representation_confirmed",
                                                                     str(agent.organisation_id)),
        ("representation_ended", str(acquirer.organisation_id))]


async def test_a_claim_that_was_ended_is_never_confirmed(world):
    agent, acquirer = await world.intermediary(), await world.acquirer()
    made = await recorded(agent, acquirer)
    assert (await acquirer.post(f"/v1/representations/{made['id']}/termination")).json()["state"] == "ended"
    answer = await acquirer.post(f"/v1/representations/{made['id']}/confirmation")
    assert answer.status_code == 409 and answer.json()["code"] == "representation_settled"


@pytest.mark.parametrize(("fields", "status", "field"), [
    ({"document_hash": "ab"}, 422, "document_hash"),
    ({"until_date": "2020-01-01"}, 422, "until_date"),
    ({"from_date": "soon"}, 422, "from_date"),
    ({"confirmed_at": "2026-01-01T00:00:00Z"}, 422, "confirmed_at"),
    ({"acquirer_id": str(uuid4())}, 404, None),
])
async def test_a_claim_that_cannot_stand_is_refused(world, fields, status, field):
    agent, acquirer = await world.intermediary(), await world.acquirer()
    before = await rows(world)
    answer = await agent.post("/v1/representations", claim(acquirer, **fields))
    assert answer.status_code == status, answer.text
    if field:
        assert answer.json()["errors"][0]["field"] == field
    assert await rows(world) == before


async def test_only_an_acquirer_in_good_standing_can_be_represented(world):
    agent, before = await world.intermediary(), await rows(world)
    for other in (await world.intermediary(), await world.agency(), await world.operator(),
                  await world.acquirer(status="pending"), agent):
        answer = await agent.post("/v1/representations", claim(other))
        assert answer.status_code == 404 and answer.json()["code"] == "not_found"
    assert await rows(world) == before


async def test_a_representation_is_between_its_two_sides(world):
    agent, acquirer = await world.intermediary(), await world.acquirer()
    made = await recorded(agent, acquirer)
    path = f"/v1/representations/{made['id']}"
    clerk = await world.member(acquirer.organisation_id, "acquirer", role="member")
    bank, stranger, desk, operator, nobody = (await world.intermediary("bank"), await world.acquirer(),
                                              await world.agency(),
                                              await world.operator(), world.client())
    before = await rows(world)
    for caller, confirm, end in ((bank, 403, 404), (stranger, 404, 404), (desk, 403, 403), (operator, 403, 403),
                                 (agent, 403, None),
                                 (clerk, 403, None)):
        assert (await caller.post(f"{path}/confirmation")).status_code == confirm
        if end:
            assert (await caller.post(f"{path}/termination")).status_code == end
    for answer in (await nobody.post(f"{path}/confirmation"), await nobody.post(f"{path}/termination"),
                   await nobody.get("/v1/representations"),
                   await nobody.post("/v1/representations", json=claim(acquirer))):
        assert answer.status_code == 401
    for caller in (acquirer, desk, operator):
        assert (await caller.post("/v1/representations", claim(acquirer))).status_code == 403
    for caller in (bank, stranger):
        assert (await caller.get("/v1/representations")).json()["items"] == []
    assert await rows(world) == before


async def test_lists_go_on_where_they_stopped(world):
    agent, acquirer = await world.intermediary(), await world.acquirer()
    made = [(await recorded(agent, acquirer))["id"] for _n in range(3)]
    first = (await agent.get("/v1/representations?limit=2")).json()
    rest = (await agent.get(f"/v1/representations?limit=2&cursor={first['next_cursor']}")).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == made[::-1] and rest["next_cursor"] is None


# ---------------------------------------------------------------- acting for the acquirer


async def test_a_request_under_representation_is_the_acquirers_and_bound_by_its_nda(world):
    seller, acquirer = await world.intermediary(), await world.acquirer()
    agent = await world.intermediary("registered_institution")
    found = await listed(world, seller, audiences=8)
    await confirmed(agent, acquirer)
    answer = await request_for(agent, acquirer, found)
    assert answer.status_code == 201, answer.text
    deal_id = answer.json()["id"]
    deal = (await world.seed("SELECT * FROM vault.deal WHERE id = $1", UUID(deal_id)))[0]
    assert (deal["origin"], deal["buyer_id"], deal["representative_id"]) == ("representation",
                                                                             acquirer.organisation_id, agent.organisation_id)

    path = f"/v1/disclosure-requests/{deal_id}"
    assert (await seller.post(f"{path}/screening", {"decision": "cleared"})).status_code == 201
    before = len(await letters(world))
    nda = (await seller.post(f"{path}/nda", {"form": "one_way", "term_months": 24})).json()
    assert {to for _template, to in (await letters(world))[before:]} == {str(acquirer.organisation_id),
                                                                         str(agent.organisation_id)}
    signature = await world.signing(acquirer, path, nda["text_hash"])
    before = await rows(world)
    assert (await agent.post(f"{path}/nda/signature", signature)).status_code == 403  # nobody signs for the acquirer
    assert await rows(world) == before
    assert (await acquirer.post(f"{path}/nda/signature", signature)).status_code == 201


@pytest.mark.parametrize("when", ["unconfirmed", "ended", "to_come", "expired", "of another acquirer", "suspended"])
async def test_without_a_representation_in_force_nothing_is_opened(world, when):
    seller, agent, acquirer = await world.intermediary(), await world.intermediary("bank"), await world.acquirer()
    found = await listed(world, seller, audiences=8)
    day = timedelta(days=1)
    if when == "unconfirmed":
        await recorded(agent, acquirer)
    elif when == "ended":
        made = await confirmed(agent, acquirer)
        await acquirer.post(f"/v1/representations/{made['id']}/termination")
    elif when == "to_come":
        assert (await confirmed(agent, acquirer, from_date=str(TODAY + 2 * day)))["state"] == "to_come"
    elif when == "expired":
        made = await confirmed(agent, acquirer, from_date=str(TODAY - 9 * day), until_date=str(TODAY - 2 * day))
        assert made["state"] == "expired"
    elif when == "of another acquirer":
        await confirmed(agent, await world.acquirer())
    elif when == "suspended":
        await confirmed(agent, acquirer)
        await world.overrule("UPDATE vault.organisation SET status = 'suspended' WHERE id = $1",
                             acquirer.organisation_id)
    before = await rows(world)
    answer = await request_for(agent, acquirer, found)
    assert answer.status_code == 404 and answer.json()["code"] == "not_found"
    assert await rows(world) == before


async def test_the_acquirers_exclusions_hold_for_who_acts_for_it(world):
    seller, agent = await world.intermediary(), await world.intermediary("bank")
    acquirer = await world.acquirer(registry_number=f"X{secrets.token_hex(4)}")
    found = await listed(world, seller, audiences=8, excludes={"organisation": str(acquirer.organisation_id)})
    await confirmed(agent, acquirer)
    before = await rows(world)
    assert (await request_for(agent, acquirer, found)).status_code == 404
    assert await rows(world) == before


async def test_nobody_acts_for_an_acquirer_on_a_listing_of_its_own(world):
    seller, acquirer = await world.intermediary(), await world.acquirer()
    found = await listed(world, seller, audiences=15)
    await confirmed(seller, acquirer)
    before = await rows(world)
    assert (await request_for(seller, acquirer, found)).status_code == 404
    assert await rows(world) == before


async def test_what_has_ended_ends_the_sight_of_what_was_opened_under_it(world):
    seller, agent, acquirer = await world.intermediary(), await world.intermediary("bank"), await world.acquirer()
    found = await listed(world, seller, audiences=8)
    made = await confirmed(agent, acquirer)
    deal = (await request_for(agent, acquirer, found)).json()["id"]
    path = f"/v1/disclosure-requests/{deal}"
    assert (await agent.get(path)).status_code == 200
    await acquirer.post(f"/v1/representations/{made['id']}/termination")
    assert (await agent.get(path)).status_code == 404
    assert deal not in (await agent.get("/v1/disclosure-requests")).text
    assert (await acquirer.get(path)).status_code == 200  # the request is the acquirer's
    await seller.post(f"{path}/screening", {"decision": "cleared"})
    before = len(await letters(world))
    assert (await seller.post(f"{path}/nda", {"form": "one_way", "term_months": 24})).status_code == 201
    assert (await letters(world))[before:] == [("nda_offered", str(acquirer.organisation_id))]


# ---------------------------------------------------------------- searching for the acquirer


async def refs(caller, **params):
    answer = await caller.get("/v1/teasers", params={"industry": "11", "limit": 100} | params)
    assert answer.status_code == 200, answer.text
    return {item["ref"] for item in answer.json()["items"]}, answer.json()["total_certain"]


async def test_who_acts_for_an_acquirer_finds_what_that_acquirer_may_find(world):
    seller, agent, acquirer = await world.intermediary(), await world.intermediary("bank"), await world.acquirer()
    plain = await listed(world, seller, audiences=8, industry="11")
    closed = await listed(world, seller, audiences=8, industry="11",
                          excludes={"organisation": str(acquirer.organisation_id)})
    shut = await listed(world, seller, audiences=8, industry="11",
                        excludes={"organisation": str(agent.organisation_id)})
    buyers_only = await listed(world, seller, audiences=2, industry="11")
    made = await confirmed(agent, acquirer)
    acting = {"acting_for": str(acquirer.organisation_id)}
    own, own_count = await refs(agent)
    found, count = await refs(agent, **acting)
    assert {plain.ref.hex, closed.ref.hex} <= own and not own & {shut.ref.hex, buyers_only.ref.hex}
    assert plain.ref.hex in found and not found & {closed.ref.hex, shut.ref.hex, buyers_only.ref.hex}
    assert own_count - count == 1  # and the counts know nothing of it either
    assert (await agent.get(f"/v1/teasers/{closed.ref.hex}")).status_code == 200
    assert (await agent.get(f"/v1/teasers/{closed.ref.hex}", params=acting)).status_code == 404
    assert (await agent.get(f"/v1/teasers/{plain.ref.hex}", params=acting)).status_code == 200

    await acquirer.post(f"/v1/representations/{made['id']}/termination")
    answer = await agent.get("/v1/teasers", params=acting)
    assert answer.status_code == 403 and answer.json()["code"] == "representation_needed"


async def test_nobody_searches_in_the_name_of_an_acquirer_that_did_not_confirm_it(world):
    agent, acquirer, desk = await world.intermediary(), await world.acquirer(), await world.agency()
    await recorded(agent, acquirer)
    for caller, named in ((agent, acquirer.organisation_id), (agent, uuid4()), (acquirer, acquirer.organisation_id),
                          (desk, acquirer.organisation_id), (world.client(), acquirer.organisation_id)):
        for path in ("/v1/teasers", f"/v1/teasers/{uuid4().hex}"):
            answer = await caller.get(path, params={"acting_for": str(named)})
            assert answer.status_code == 403 and answer.json()["code"] == "representation_needed"
    assert (await agent.get("/v1/teasers", params={"acting_for": "somebody"})).status_code == 422


async def test_a_cursor_found_for_oneself_does_not_open_what_is_found_for_another(world):
    seller, agent, acquirer = await world.intermediary(), await world.intermediary(), await world.acquirer()
    for _n in range(2):
        await listed(world, seller, audiences=8, industry="11")
    await confirmed(agent, acquirer)
    cursor = (await agent.get("/v1/teasers", params={"limit": 1})).json()["next_cursor"]
    answer = await agent.get("/v1/teasers", params={"limit": 1, "cursor": cursor,
                                                    "acting_for": str(acquirer.organisation_id)})
    assert answer.status_code == 422 and answer.json()["code"] == "cursor_invalid"
    assert (await agent.get("/v1/teasers", params={"limit": 101})).status_code == 422
