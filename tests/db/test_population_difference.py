"""What the database knows about a population that is to be replaced: its provenance, and the teasers pinned to it."""

import asyncpg
import numpy as np
from market_world import COMPANIES, demo_codebook, demo_world, profile_of_member, put_in_force, put_up

from succession.anonymity.codebook import build
from succession.anonymity.margins import SOLE
from succession.anonymity.population import Population
from succession.anonymity.world import build_world
from succession.market.populations import difference_from_force, list_populations


def _usable_members(count):
    """Members of the first cells whose margin whole yen can give."""
    assigned = demo_codebook().assign(demo_world())
    column = demo_world().columns
    exact = np.round(column["revenue_yen"] * column["operating_margin"]) / np.maximum(1, column["revenue_yen"]) - column["operating_margin"]
    return np.flatnonzero((assigned == 0) & (np.abs(exact) < 1e-9) & (column["founded"] < 2020))[:count].tolist()


async def _cells(world, refs):
    rows = await world.seed("SELECT cell_id FROM vault.publication WHERE state = 'published' AND ref = ANY($1) ORDER BY ref",
                            [ref for _listing, ref in refs])
    return [row["cell_id"] for row in rows]


async def test_published_teasers_pinned_to_the_population_are_counted_and_keep_their_cell(world, settings, database_url):
    book = await put_in_force(world)
    # Scenes of other tests pin teasers to populations of their own.
    await world.overrule("UPDATE vault.publication SET state = 'taken_down', taken_down_at = now(), take_down_reason = 'owner_request' "
                         "WHERE state <> 'taken_down' AND population_version <> $1", demo_world().version)
    owner = await asyncpg.connect(database_url)
    try:
        before = await difference_from_force(owner, demo_world(), book)
        holder = await world.intermediary()
        refs = [await put_up(world, settings, holder, profile_of_member(member), "public") for member in _usable_members(2)]
        pinned = await _cells(world, refs)
        assert len(pinned) == 2
        in_cell = (demo_codebook().assign(demo_world()) == 0) & (demo_world().columns["legal_form"] != SOLE)

        columns = {name: values.copy() for name, values in demo_world().columns.items()}
        columns["employees"][np.flatnonzero(in_cell)[book.k - 1 :]] = 5_000
        fewer = Population("fewer", True, columns, demo_world().provenance)
        found = await difference_from_force(owner, fewer, build(fewer, 20, "major_group"))
        assert (found.members_before, found.members_after) == (COMPANIES, COMPANIES)
        assert found.pinned == before.pinned + 2 and found.thin == before.thin + 2 and found.columns == []
        assert (await difference_from_force(owner, demo_world(), book)).thin == before.thin
        assert await _cells(world, refs) == pinned

        listed = {row.version: row for row in await list_populations(owner)}
        assert listed[demo_world().version].in_force and listed[demo_world().version].published == found.pinned
        [current] = await list_populations(owner, "current")
        assert current.columns == dict(demo_world().provenance) and current.codebook == book.version
        assert await list_populations(owner, "pop-none") == []
        moved = await difference_from_force(owner, other := build_world(12_000, 6), build(other, 20, "major_group"))
        assert moved.members_after == 12_000 and 0 < moved.moved <= 1
    finally:
        await owner.close()
