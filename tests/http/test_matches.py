"""Do buyers and intermediaries see who fits whom, why, and nothing that published rows and an opt-in do not give away?"""

from __future__ import annotations

import pytest

from desk_scene import listed
from world import World

PROFILE = {"industries": ["24"], "places": ["JP-27"], "budget": ["50_100"], "offers": ["jobs_kept"]}


@pytest.fixture(scope="module")
async def world(app, database_url):
    world = World(app, database_url)
    yield world
    await world.close()


async def keep(buyer, wishes=None, visible=False):
    answer = await buyer.put("/v1/acquirer-profile", {"wishes": wishes or PROFILE, "visible_to_intermediaries": visible})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def mine(buyer, *found, path="/v1/matches"):
    wanted = {one.ref.hex for one in found}
    return [item for item in await buyer.every(path) if item["teaser"]["ref"] in wanted]


async def buyers_of(seller, found):
    return (await seller.every(f"/v1/listings/{found.listing_id}/matches"))


@pytest.fixture(scope="module")
async def market(world):
    """(center, best, vague, elsewhere, for desks only)"""
    center = await world.intermediary()
    return (center, await listed(world, center, audiences=2, place="JP-27", price="50_100"), await listed(world, center, audiences=2),
            await listed(world, center, audiences=2, place="JP-13"), await listed(world, center, audiences=4, place="JP-27"))


async def test_a_buyer_reads_what_fits_best_first_and_why(world, market):
    _center, best, vague, elsewhere, of_desks = market
    buyer = await world.acquirer()
    assert (await buyer.get("/v1/matches")).json()["code"] == "profile_needed"
    assert (await buyer.get("/v1/acquirer-profile")).status_code == 404
    profile = await keep(buyer)
    assert profile["wishes_in_words"][1] == "Place: Osaka" and profile["visible_to_intermediaries"] is False
    items = await mine(buyer, best, vague, elsewhere, of_desks)
    assert [item["teaser"]["ref"] for item in items] == [best.ref.hex, vague.ref.hex]
    assert items[0]["score"] == 100 * (2 * 85 + 5) // (2 * 90) and items[0]["score"] > items[1]["score"]
    told = {wish["wish"]: wish for wish in items[0]["wishes"]}
    assert told["offers"]["outcome"] == "met" and told["offers"]["explanation"] == "Met: wishes jobs to be kept."
    assert told["industries"]["weight"] == 30
    japanese = (await buyer.get("/v1/matches", headers={"Accept-Language": "ja"})).json()["items"][0]["wishes"]
    assert next(wish for wish in japanese if wish["wish"] == "places")["explanation"].startswith("合致：大阪府")
    desk = await world.agency()
    brief = (await buyer.post("/v1/briefs", {"desk_id": str(desk.organisation_id), "wishes": PROFILE, "purpose": "technology",
                                             "languages": ["en"]})).json()
    by_brief = await mine(buyer, best, vague, path=f"/v1/matches?brief_id={brief['id']}")
    assert by_brief == items, "one rule for profile and brief"
    at_desk = await mine(desk, of_desks, path=f"/v1/briefs/{brief['id']}/candidates")
    assert [wish["outcome"] for wish in at_desk[0]["wishes"]] == ["met", "met", "unmet", "met", "possible", "met"]
    assert (await (await world.acquirer()).get(f"/v1/matches?brief_id={brief['id']}")).status_code == 404
    page = (await buyer.get("/v1/matches?limit=1")).json()
    await keep(buyer, PROFILE | {"timing": ["3_6m"]})
    assert (await buyer.get(f"/v1/matches?limit=1&cursor={page['next_cursor']}")).json()["code"] == "cursor_invalid"


async def test_an_intermediary_sees_who_opted_in_under_a_code(world, market):
    center, best, _vague, _elsewhere, _of_desks = market
    fits, hidden, other = await world.acquirer(legal_name="Plainly Fictitious Castings"), await world.acquirer(), await world.acquirer()
    code = (await keep(fits, visible=True))["code"]
    unseen = (await keep(hidden))["code"]
    of_another_trade = (await keep(other, {"industries": ["09"]}, visible=True))["code"]
    await world.seed("UPDATE vault.listing_profile SET conditions = '[{\"code\": \"staff_retention\"}, {\"code\": \"name_kept\"}]' "
                     "WHERE listing_id = $1", best.listing_id)
    answer = await center.get(f"/v1/listings/{best.listing_id}/matches?limit=100")
    items = {item["code"]: item for item in answer.json()["items"]}
    assert code in items and not {unseen, of_another_trade} & set(items) and answer.json()["teaser_ref"] == best.ref.hex
    assert "Plainly" not in answer.text and str(fits.organisation_id) not in answer.text and str(fits.member_id) not in answer.text
    found = items[code]
    assert (found["buyer_kind"], found["country"], found["looks_for"][1]) == ("company", "GB", "Place: Osaka")
    assert found["conditions"]["outcome"] == "unmet" and found["conditions"]["explanation"] == "Not met: wishes the trade name to be kept."
    assert found["score"] == (await mine(fits, best))[0]["score"], "both ways the same"
    await keep(fits, visible=False)
    assert code not in {item["code"] for item in await buyers_of(center, best)}
    down = await listed(world, center, audiences=2)
    await world.seed("UPDATE vault.publication SET state = 'taken_down' WHERE ref = $1", down.ref)
    assert (await center.get(f"/v1/listings/{down.listing_id}/matches")).json() == {"teaser_ref": None, "items": [], "next_cursor": None}


async def test_whom_the_owner_excludes_matches_neither_way(world, market):
    center = market[0]
    french, british = await world.acquirer(country="FR"), await world.acquirer()
    codes = [(await keep(each, visible=True))["code"] for each in (french, british)]
    closed = await listed(world, center, audiences=2, place="JP-27", excludes={"country": "FR"})
    assert await mine(french, closed) == [] and len(await mine(british, closed)) == 1
    assert set(codes) & {item["code"] for item in await buyers_of(center, closed)} == {codes[1]}
    await world.overrule("UPDATE vault.organisation SET status = 'suspended' WHERE id = $1", british.organisation_id)
    assert not set(codes) & {item["code"] for item in await buyers_of(center, closed)}


async def test_nobody_is_favoured(world, market):
    """G7: equal wishes give the same bytes, whoever asks, how long it has been here and however many deals it had."""
    center, best, *_rest = market
    new, regular = await world.acquirer(), await world.acquirer(legal_name="AAA Always First Holding", website="https://paid.example")
    for buyer in (new, regular):
        await keep(buyer, visible=True)
    await world.seed("UPDATE vault.organisation SET created_at = now() - interval '9 years' WHERE id = $1", regular.organisation_id)
    for _deal in range(2):
        await world.requested(await world.published(center), regular)
    answers = [(await buyer.get("/v1/matches?limit=100")) for buyer in (new, regular)]
    assert [item for item in answers[0].json()["items"]] and answers[0].json()["items"] == answers[1].json()["items"]
    cut = [answer.content.partition(b'"next_cursor"')[0] for answer in answers]  # a cursor is sealed for its reader
    assert cut[0] == cut[1]
    codes = {(await buyer.get("/v1/acquirer-profile")).json()["code"] for buyer in (new, regular)}
    seen = [{name: value for name, value in item.items() if name != "code"} for item in await buyers_of(center, best) if item["code"] in codes]
    assert len(seen) == 2 and seen[0] == seen[1]


async def test_equals_stand_in_another_order_for_each_teaser(world, market):
    """A lot per teaser: over a few teasers neither of two equals is always first."""
    center, best, vague, _elsewhere, _of_desks = market
    codes = [(await keep(await world.acquirer(), {"industries": ["24"]}, visible=True))["code"] for _n in range(6)]
    more = [await listed(world, center, audiences=2) for _n in range(2)]
    orders = [tuple(item["code"] for item in await buyers_of(center, one) if item["code"] in codes) for one in (best, vague, *more)]
    assert all(sorted(order) == sorted(codes) for order in orders) and len(set(orders)) > 1


async def test_hidden_facts_change_not_one_byte(world, market):
    _center, best, vague, *_rest = market
    buyer = await world.acquirer()
    await keep(buyer, {"industries": ["24"], "offers": ["site_kept"]})
    before = [(await buyer.get("/v1/matches?limit=100")).content.partition(b'"next_cursor"')[0] for _again in range(2)]
    assert before[0] == before[1]
    for one in (best, vague):
        await world.seed("UPDATE vault.listing_profile SET employees = 49, asking_price_yen = 1, prefecture = 'JP-13', timing = 'within_3m', "
                         "conditions = '[{\"code\": \"guarantee_release\"}]' WHERE listing_id = $1", one.listing_id)
        await world.seed("UPDATE vault.listing_financials SET revenue_yen = 99999999 WHERE listing_id = $1", one.listing_id)
    assert (await buyer.get("/v1/matches?limit=100")).content.partition(b'"next_cursor"')[0] == before[0]


async def test_who_may_read_matches(world, market):
    center, best, *_rest = market
    buyer, bank, desk, nobody = await world.acquirer(), await world.intermediary(), await world.agency(), world.client()
    pending = await world.acquirer(status="pending")
    path = f"/v1/listings/{best.listing_id}/matches"
    before = await world.seed("SELECT count(*) FROM vault.acquirer_profile")
    for caller, own, of_listing in ((bank, 403, 404), (center, 403, 200), (desk, 403, 403), (buyer, 409, 403), (pending, 403, 403)):
        assert ((await caller.get("/v1/matches")).status_code, (await caller.get(path)).status_code) == (own, of_listing)
        if caller is not buyer:
            assert (await caller.put("/v1/acquirer-profile", {"wishes": PROFILE})).status_code == 403
    assert {(await nobody.get(each)).status_code for each in ("/v1/matches", path, "/v1/acquirer-profile")} == {401}
    for refused in ({"wishes": {}}, {"wishes": {"offers": ["fund_welcome"]}}, {"wishes": PROFILE, "paid": True}, {"wishes": {"must_phrases": ["nonsense"]}}):
        assert (await buyer.put("/v1/acquirer-profile", refused)).status_code == 422
    assert await world.seed("SELECT count(*) FROM vault.acquirer_profile") == before


async def test_a_profile_is_read_by_its_acquirer_alone(world, as_database_role):
    buyer = await world.acquirer()
    await keep(buyer, visible=True)
    app = await as_database_role("succession_app")
    for kind, organisation in (("acquirer", (await world.acquirer()).organisation_id), ("intermediary", (await world.intermediary()).organisation_id),
                               ("operator", (await world.operator()).organisation_id)):
        async with app.transaction():
            await app.execute("SELECT set_config('succession.kind', $1, true), set_config('succession.organisation', $2, true)", kind, str(organisation))
            assert await app.fetchval("SELECT count(*) FROM vault.acquirer_profile WHERE organisation_id = $1", buyer.organisation_id) == 0
            assert await app.fetch("SELECT * FROM vault.visible_buyers($1, '{24}', '{}')", buyer.organisation_id) == []
