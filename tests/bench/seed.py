"""What does a market of every company without a successor look like in the database, and how long does it take to make?

Run: succession bench seed --listings 1270000 [--companies 3000000] [--chunk 20000] [--database URL | --keep DIRECTORY]

A world of so many companies gets its real codebook; random members of it become teasers, written in chunks of one transaction
each under the seeding role, past no trigger. The same numbers give the same rows: a chunk is drawn from its own number, and one
that stands already is passed over, so a run that was killed is simply repeated (tests/db/test_seeding.py kills some).

What exists afterwards is the published side, whole. Behind it, in the vault, are the listings and publications of EXCLUDED teasers
whose owners exclude one buyer (EXCLUDED_BUYER), so that its exclusions are found as they always are. The other teasers have no
confidential side: what needs one (a disclosure request, a take-down by its intermediary) finds nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import accumulate, chain
from pathlib import Path
from random import Random
from time import perf_counter
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import numpy as np

from succession.anonymity.codebook import Codebook, build
from succession.anonymity.population import k_and_finest
from succession.anonymity.vocabulary import vocabulary
from succession.anonymity.world import build_world
from succession.codes import SCHEMES
from succession.embedded import start
from succession.market.codebooks import store_codebook
from succession.market.order import PLACE_RANK, PRICE_RANK, REVENUE_RANK
from succession.market.settling import settle
from succession.migrations import migrate
from succession.progress import bar

COMPANIES, SMALL_WORLD, CHUNK, WEEKLY = 3_000_000, 60_000, 20_000, 5_000
EXCLUDED, EXCLUDED_BUYER = 200, UUID("00000000-0000-4000-8000-0000000000b1")
# Audiences as owners might choose them: everybody, buyers, buyers and desk, all but the institutions, the public alone.
MASKS = (15,) * 8 + (3,) * 4 + (7,) * 3 + (1,) * 3
COLUMNS = ("ref", "batch", "cell_id", "audiences", "price", "schemes", "timing", "phrases", "fiscal_year", "vocabulary_version",
           "place_rank", "revenue_rank", "price_rank", "shuffle", "slot")


@dataclass(frozen=True)
class Size:
    companies: int
    cells: int
    teasers: int
    seconds: float


class Draws:
    """What owners say beside the cell: common words often, rare ones rarely (a phrase at rank r has the weight 1 / r ** 0.7)."""

    def __init__(self) -> None:
        self.phrases = [phrase.code for phrase in vocabulary().offered()]
        self.common = list(accumulate(1 / rank ** 0.7 for rank in range(1, len(self.phrases) + 1)))
        Random("phrases").shuffle(self.phrases)
        self.schemes, self.prices, self.timings = list(SCHEMES["scheme"].codes)[:6], list(PRICE_RANK), list(SCHEMES["timing"].codes)
        self.version = vocabulary().version

    def record(self, rng: Random, slot: int, cell: Any, cell_id: int) -> tuple[Any, ...]:
        price = rng.choice(self.prices)
        phrases = sorted(set(rng.choices(self.phrases, cum_weights=self.common, k=rng.randrange(1, 6))))
        schemes = sorted(rng.sample(self.schemes, rng.choice((1, 1, 2))))
        return (UUID(int=rng.getrandbits(128), version=4), slot // WEEKLY + 1, cell_id, rng.choice(MASKS), price, schemes,
                rng.choice(self.timings), phrases, 2025, self.version, PLACE_RANK[cell.place], REVENUE_RANK[cell.revenue],
                PRICE_RANK[price], rng.getrandbits(63), slot)


async def seed(owner_url: str, listings: int, companies: int = COMPANIES, excluded: int = EXCLUDED, chunk: int = CHUNK) -> Size:
    """The world, its codebook, and `listings` of its members as teasers. What is there already stays; another `chunk` draws others."""
    started = perf_counter()
    await migrate(owner_url)
    world = build_world(companies, 1, bar("world     "))
    choice = k_and_finest(world)
    book = build(world, choice.k, choice.finest_industry)
    owner = await asyncpg.connect(owner_url)
    await store_codebook(owner, world, book)
    assigned = book.assign(world)
    members = np.random.default_rng(1).choice(np.flatnonzero(assigned >= 0), listings, replace=False)
    await _put_up(owner, book, assigned[members], chunk)
    await _exclude(owner, excluded)
    if await owner.fetchval("SELECT EXISTS (SELECT FROM market.unsettled)"):
        async with owner.transaction():
            await owner.execute("SET LOCAL ROLE succession_seeder")
            await settle(owner)
    for table in ("teaser", "bitmap", "cell", "tally", "unsettled"):
        await owner.execute(f"VACUUM ANALYZE market.{table}")
    await owner.close()
    return Size(companies, len(book.cells), listings, perf_counter() - started)


async def _put_up(owner: asyncpg.Connection, book: Codebook, numbers: np.ndarray, chunk: int) -> None:
    ids = {row["number"]: row["id"] for row in await owner.fetch(
        "SELECT number, id FROM market.cell WHERE codebook_version = $1 AND parent IS NULL", book.version)}
    draws, draw, total = Draws(), bar("teasers   "), len(numbers)
    for at in range(0, total, chunk):
        rng = Random(f"chunk {at}")
        records = (draws.record(rng, at + n, book.cells[number], ids[number]) for n, number in enumerate(numbers[at : at + chunk].tolist()))
        first = next(records)
        async with owner.transaction():
            await owner.execute("SET LOCAL ROLE succession_seeder")
            if not await owner.fetchval("SELECT EXISTS (SELECT FROM market.teaser WHERE ref = $1)", first[0]):
                await owner.copy_records_to_table("teaser", schema_name="market", columns=COLUMNS, records=chain((first,), records))
        draw(min(at + chunk, total), total)
    await owner.execute("SELECT setval(pg_get_serial_sequence('market.teaser', 'slot'), (SELECT max(slot) FROM market.teaser))")


async def put_up_batch(owner: asyncpg.Connection, size: int) -> list[UUID]:
    """As many more teasers in cells of others, in one statement; their references."""
    rng, draws = Random("batch"), Draws()
    cells = [SimpleNamespace(**row) for row in await owner.fetch("SELECT id, place, revenue FROM market.cell WHERE parent IS NULL ORDER BY id LIMIT $1", size)]
    slot = await owner.fetchval("SELECT max(slot) FROM market.teaser")
    records = [draws.record(rng, slot + n, cells[n % len(cells)], cells[n % len(cells)].id) for n in range(1, size + 1)]
    async with owner.transaction():
        await owner.execute("SET LOCAL ROLE succession_seeder")
        await owner.copy_records_to_table("teaser", schema_name="market", columns=COLUMNS, records=records)
    return [record[0] for record in records]


async def _exclude(owner: asyncpg.Connection, excluded: int) -> None:
    """Listings behind some teasers, whose owners never want one buyer to see them; their causes are left aside."""
    async with owner.transaction():
        await owner.execute("SET LOCAL session_replication_role = replica")
        if not excluded or await owner.fetchval("SELECT EXISTS (SELECT FROM vault.organisation WHERE id = $1)", EXCLUDED_BUYER):
            return
        await owner.execute("INSERT INTO vault.organisation (id, kind, buyer_kind, status, country, legal_name) "
                            "VALUES ($1, 'acquirer', 'company', 'verified', 'SG', 'Bench')", EXCLUDED_BUYER)
        await owner.execute("INSERT INTO vault.organisation_key (organisation_id, kind, value) VALUES ($1, 'organisation', $2)", EXCLUDED_BUYER, str(EXCLUDED_BUYER))
        rows = await owner.fetch("SELECT ref, cell_id, audiences FROM market.teaser WHERE audiences & 2 <> 0 ORDER BY shuffle LIMIT $1", excluded)
        await owner.executemany(_BEHIND, [(uuid4(), EXCLUDED_BUYER, *row, str(EXCLUDED_BUYER)) for row in rows])


_BEHIND = """
WITH listing AS (INSERT INTO vault.listing (id, intermediary_id, state) VALUES ($1, $2, 'listed') RETURNING id),
published AS (INSERT INTO vault.publication (ref, listing_id, proposal_id, codebook_version, vocabulary_version, population_version, cell_id, audiences, state)
    VALUES ($3, $1, $1, '', '', '', $4, $5, 'published') RETURNING ref)
INSERT INTO vault.exclusion (listing_id, kind, value) VALUES ($1, 'organisation', $6)
"""


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="succession bench seed")
    parser.add_argument("--listings", type=int, default=1_270_000)
    parser.add_argument("--companies", type=int, default=COMPANIES)
    parser.add_argument("--chunk", type=int, default=CHUNK, help="teasers of one transaction")
    parser.add_argument("--database", help="of the owner; without it, servers of its own under --keep")
    parser.add_argument("--keep", type=Path, help="directory of those servers")
    asked = parser.parse_args(arguments)
    if asked.database:
        size = asyncio.run(seed(asked.database, asked.listings, asked.companies, chunk=asked.chunk))
    else:
        with tempfile.TemporaryDirectory(prefix="sx-") if not asked.keep else nullcontext(asked.keep) as directory, \
                start(directory, throwaway=True) as servers:
            size = asyncio.run(seed(servers.database_url, asked.listings, asked.companies, chunk=asked.chunk))
    print(f"{size.teasers:,} teasers of {size.companies:,} companies in {size.cells:,} cells: {size.seconds:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
