"""Does a process that reads two markets tell them apart, as one does whose database was restored or failed over under it?"""

from __future__ import annotations

from random import Random

import asyncpg
import pytest

from conftest import TEMPLATE, clone_of
from market_world import seed_market, settle_market
from recount import ROWS, SEES, Question, drawn
from succession.config import as_role
from succession.database import open_reading
from succession.market.queries import find_teasers
from succession.market.standing import SHARE, Wanted
from succession.standbys import Market
from tiny_codebook import EVERYTHING, stored
from world import World


@pytest.fixture
def databases() -> list[str]:
    return [clone_of(TEMPLATE, f"succession_test_market_{name}") for name in "ab"]


async def test_what_a_process_keeps_of_one_market_is_not_told_of_another(databases):
    rng, markets = Random(1), []
    for number, url in enumerate(databases):
        world = World(None, url)
        if number:  # the ids of its cells are others
            seeder = await asyncpg.connect(url)
            await seeder.execute("SET ROLE succession_seeder")
            await stored(seeder, EVERYTHING, "before the others")
            await seeder.close()
        await seed_market(world, 150, seed=number)
        await settle_market(world)
        rows = [dict(row) for row in await world.seed(ROWS) if row["audiences"] & SEES["market_public"]]
        pool = await open_reading(as_role(url, "market_public"), 1)
        markets.append((Market("market_public", None, pool, None), rows))
    for _turn in range(20):
        for market, rows in markets:
            question = drawn(rng, rows)
            order = SHARE if question.is_possible else "newest"
            found = await find_teasers(market, question.search, Wanted(order, 0, None), ())
            expected = question.answer(rows, 0)
            assert (found.counts.certain, found.counts.possible, found.counts.values) == expected[:3], question.params
    for market, _rows in markets:
        await market.primary.close()
