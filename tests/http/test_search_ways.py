"""Is a page the same whichever way it is found, and an answer right whether it is counted from what was settled, by bitmaps, or told again?"""

from random import Random
from uuid import UUID

import msgspec
import pytest
from market_world import seed_market, settle_market
from world import World

from succession.codes import AUDIENCE_BIT
from succession.market import standing
from succession.market.answers import Answers
from succession.market.held import Held
from succession.market.order import SORTS
from succession.market.queries import find_teasers
from succession.market.search import FILTERS, allowed, read_search
from succession.market.standing import SHARE, Wanted

WAYS = {  # what each costs, so that it is the one that is taken where it can be
    "walking": {"WALKED_AT_ONCE": 10**9},
    "walking past cells": {"WALKED_AT_ONCE": -1, "WALKED_US": 0.0, "HASHED_US": 0.0, "CELL_US": 1e9, "LOOKED_AT_US": 1e9},
    "looking into cells": {"WALKED_AT_ONCE": -1, "WALKED_US": 1e9, "LOOKED_AT_US": 0.0, "CHUNK_US": 1e9},
    "looking at matches": {"WALKED_AT_ONCE": -1, "WALKED_US": 1e9, "LOOKED_AT_US": 1e-9, "CHUNK_US": 0.0, "BITMAP_US": 0.0},
}


@pytest.fixture(scope="module")
async def market(app, database_url):
    """A market of which some is settled, some came since, some went, and some is hidden from one buyer."""
    made = World(app, database_url)
    buyer = await made.acquirer()
    hidden = await seed_market(made, 400, seed=11, excluding=buyer, excluded=30)
    await settle_market(made)
    hidden += await seed_market(made, 150, seed=12, excluding=buyer, excluded=10)
    await made.seed("DELETE FROM market.teaser WHERE shuffle % 7 = 0 RETURNING ref")
    yield made, buyer, set(hidden)
    await made.close()


def _searches(rng):
    for _turn in range(14):
        filters = {field: rng.sample(allowed(field), min(len(allowed(field)), rng.choice((1, 3))))
                   for field in rng.sample(FILTERS, rng.choice((0, 1, 1, 2, 2, 3, 4)))}
        yield read_search(filters, None)
    yield read_search({"phrase": rng.sample(allowed("phrase"), 12), "place": rng.sample(allowed("place"), 20)}, None)


async def _pages(pool, search, sort, viewers):
    """(reference, key) of every row of every page, and the counts of the first."""
    rows, after, counts = [], None, None
    while True:
        found = await find_teasers(pool, search, Wanted(sort, 17, after), viewers)
        counts = counts or found.counts
        rows += [(row["ref"], row["key"]) for row in found.rows]
        if (after := found.after) is None:
            return rows, counts


@pytest.mark.parametrize("way", WAYS)
async def test_every_way_finds_the_same_page(market, way, monkeypatch):
    made, buyer, hidden = market
    pool, viewers = made.app.state.databases.market("market_buyer", None), (buyer.organisation_id,)
    rng, compared = Random(f"pages {way}"), 0
    for search in _searches(rng):
        for sort in (rng.choice([*SORTS]), rng.choice([*SORTS]), "relevance", SHARE):
            if (sort == SHARE and not search.certain) or (sort == "relevance" and not search.ranked):
                continue
            expected, _counts = await _pages(pool, search, sort, viewers)
            with monkeypatch.context() as costs:
                for name, cost in WAYS[way].items():
                    costs.setattr(standing, name, cost)
                rows, _counts = await _pages(pool, search, sort, viewers)
            assert rows == expected, (way, sort, search.wishes)
            assert not hidden & {ref for ref, _key in rows}
            assert rows == sorted(rows, key=lambda row: row[1]) and len(set(rows)) == len(rows)
            compared += len(rows)
    assert compared > 1_000


async def test_a_process_that_holds_another_market_counts_by_bitmaps_and_counts_the_same(market):
    made, buyer, _hidden = market
    pool, compared = made.app.state.databases.market("market_buyer", None), 0
    parts = pool.held[Held].settled._parts
    for viewers in ((), (buyer.organisation_id,)):
        for search in _searches(Random("bitmaps")):
            rows, counts = await _pages(pool, search, "newest", viewers)
            held = {seen_by: (each.part, each.version) for seen_by, each in parts.items()}
            for each in parts.values():  # as of another moment, and read a moment ago
                each.version, each.read_at = -1, each.read_at + 10**6
            assert await _pages(pool, search, "newest", viewers) == (rows, counts), search.wishes
            for seen_by, (part, version) in held.items():
                each = parts[seen_by]
                each.part, each.version, each.read_at = part, version, each.read_at - 10**6
            compared += len(rows)
    assert parts[1].version > 0 and compared > 500


# --- told again -----------------------------------------------------------------------------------------------------


async def _searched(client, **filters):
    answer = await client.get("/v1/teasers", params={"limit": 20, **filters})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return [item["ref"] for item in body["items"]], body["total_certain"], body["facets"]


async def test_what_was_found_is_told_again_until_the_market_changes(world):
    """Poison in what is remembered shows whether it is used: it is told while the market is the same, and never after a change."""
    await seed_market(world, 60, seed=13)
    client, answers = world.client(), world.app.state.databases.held[Held].answers
    for change in ("DELETE FROM market.teaser WHERE ref = $1", None, "INSERT"):
        expected = await _searched(client)
        key = next(reversed(answers._kept))
        state, counts, rows, after = answers._kept[key]
        answers._kept[key] = state, counts, rows[:3], after
        poisoned = await _searched(client)
        assert poisoned[0] == expected[0][:3] and poisoned[1:] == expected[1:]
        if change is None:
            assert await settle_market(world)
        elif change == "INSERT":
            await seed_market(world, 12, seed=14)  # one of them for everybody, or nothing has changed
        else:
            await world.seed(f"{change} RETURNING ref", UUID(expected[0][0]))
        now = await _searched(client)
        assert len(now[0]) == 20
        if change is None:
            assert now == expected
        elif change != "INSERT":
            assert expected[0][0] not in now[0] and now[1] == expected[1] - 1


async def test_of_what_verified_readers_found_nothing_is_kept(world):
    """Or how soon an answer comes would tell a buyer what others look for, and that somebody excludes it."""
    buyer, other = await world.acquirer(), await world.acquirer()
    await seed_market(world, 80, seed=15, excluding=buyer, excluded=5)
    answers = world.app.state.databases.held[Held].answers
    kept = len(answers._kept)
    for client in (buyer.client, other.client, (await world.agency("desk")).client, (await world.intermediary()).client):
        assert await _searched(client) == await _searched(client)
    assert len(answers._kept) == kept
    await _searched(world.client(), place="kanto")
    assert len(answers._kept) == kept + 1 and answers.most > kept


async def test_what_was_least_lately_asked_for_is_forgotten_first(world):
    answers = Answers(2)
    world.app.state.databases.held[Held].answers, before = answers, world.app.state.databases.held[Held].answers
    for place in ("kanto", "tohoku", "kanto", "chubu"):
        await _searched(world.client(), place=place)
    wished = {msgspec.msgpack.decode(key)[0]["place"][0][0] for key in answers._kept}
    world.app.state.databases.held[Held].answers = before
    assert wished == {"kanto", "chubu"}


async def test_each_role_is_told_its_own_market(world):
    await seed_market(world, 60, seed=16)
    clients = {"public": world.client(), "buyer": (await world.acquirer()).client, "desk": (await world.agency("desk")).client,
               "institution": (await world.intermediary()).client}
    seen = {name: await _searched(client) for name, client in clients.items()}
    for name, client in clients.items():
        assert await _searched(client) == seen[name]
    counted = await world.seed("SELECT audiences FROM market.teaser")
    bits = {"public": 1, "buyer": 1 | AUDIENCE_BIT["verified_buyers"], "desk": 1 | AUDIENCE_BIT["agency_desk"], "institution": 1 | AUDIENCE_BIT["domestic_institutions"]}
    for name, (_refs, total, _facets) in seen.items():
        assert total == sum(bool(row["audiences"] & bits[name]) for row in counted), name
