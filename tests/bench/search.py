"""How fast is a search page with every facet, beside the same SQL in a bare handler, and beside GROUP BY over teasers?

Run: python tests/bench/search.py [teasers]        (or `succession bench search`)
One run, one machine, servers of its own: read the ratios. Both applications are asked in turn, so that whatever else the
machine does falls on both. Writes bench-results.json into the working directory.

1. `ours` is the real application: middleware, actor, vocabulary, rendering in the reader's language, facets, cursor.
2. `bare` is a Litestar application with one handler that runs the same statement with the same values on an asyncpg pool of the
   same role and returns its rows as JSON.
3. Facets of the six codebook attributes, as counted here and with GROUP BY over teasers joined with their cells.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import platform
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import Any

import asyncpg
import httpx
import numpy as np
from litestar import Litestar, get

from succession.anonymity.codebook import build
from succession.anonymity.population import k_and_finest
from succession.anonymity.vocabulary import vocabulary
from succession.anonymity.world import build_world
from succession.app import create_app
from succession.codes import ATTRIBUTES, SCHEMES
from succession.config import Settings
from succession.database import open_pool
from succession.embedded import start
from succession.ids import new_reference
from succession.market.codebooks import store_codebook
from succession.market.facets import Arguments, counting, place
from succession.market.order import PLACE_RANK, PRICE_RANK, REVENUE_RANK
from succession.market.queries import SHARE, Wanted, statement
from succession.market.search import read_search
from succession.migrations import migrate
from succession.progress import bar

COMPANIES, TEASERS, ROUNDS = 300_000, 120_000, 40
# Audiences as owners might choose them: everybody, buyers, buyers and desk, all but the public, buyers and desk and institutions.
MASKS = (15,) * 8 + (3,) * 4 + (7,) * 3 + (1,) * 3
COLUMNS = ("ref", "batch", "cell_id", "audiences", "price", "schemes", "timing", "phrases", "fiscal_year", "vocabulary_version",
           "place_rank", "revenue_rank", "price_rank", "shuffle")

SEARCHES: dict[str, dict[str, Any]] = {
    "open page": {},
    "one region": {"place": ["kanto"]},
    "prefecture and division": {"place": ["JP-13"], "industry": ["E"]},
    "small firms by revenue": {"revenue": ["under_1000"], "sort": "-revenue"},
    "price": {"price": ["100_300", "50_100"]},
    "region, price, phrase": {"place": ["kansai"], "price": ["100_300"], "phrase": ["jobs_kept"]},
    "possible matches": {"place": ["JP-13"], "industry": ["09"], "match": "possible"},
}


async def seed(owner_url: str, teasers: int) -> dict[str, int]:
    """The demo world, its codebook, and random members of it as teasers, loaded by the seeding role."""
    await migrate(owner_url)
    world = build_world(COMPANIES, 1)
    choice = k_and_finest(world)
    book = build(world, choice.k, choice.finest_industry)
    owner = await asyncpg.connect(owner_url)
    await store_codebook(owner, world, book)
    ids = {row["number"]: row["id"] for row in await owner.fetch("SELECT number, id FROM market.cell")}
    assigned = book.assign(world)
    members = np.random.default_rng(1).choice(np.flatnonzero(assigned >= 0), teasers, replace=False)
    rng, draw = Random(1), bar("teasers   ")
    phrases, timings = [phrase.code for phrase in vocabulary().offered()], list(SCHEMES["timing"].codes)
    schemes, prices = list(SCHEMES["scheme"].codes)[:6], list(PRICE_RANK)

    def record(cell: Any) -> tuple[Any, ...]:
        price = rng.choice(prices)
        return (new_reference(), rng.randrange(1, 60), ids[cell.cell], rng.choice(MASKS), price, sorted(rng.sample(schemes, rng.choice((1, 1, 2)))),
                rng.choice(timings), sorted(rng.sample(phrases, rng.randrange(1, 6))), 2025, vocabulary().version, PLACE_RANK[cell.place],
                REVENUE_RANK[cell.revenue], PRICE_RANK[price], rng.getrandbits(63))

    async with owner.transaction():
        await owner.execute("SET LOCAL ROLE succession_seeder")
        for at in range(0, teasers, 20_000):
            records = [record(book.cells[assigned[member]]) for member in members[at : at + 20_000]]
            await owner.copy_records_to_table("teaser", schema_name="market", columns=COLUMNS, records=records)
            draw(min(at + 20_000, teasers), teasers)
    for table in ("teaser", "bitmap", "cell"):
        await owner.execute(f"VACUUM ANALYZE market.{table}")
    await owner.close()
    return {"teasers": teasers, "cells": len(book.cells), "companies": COMPANIES}


def bare_application(settings: Settings) -> Litestar:
    """One handler, one pool, the statement and its values as given: what the framework and the driver cost by themselves."""

    @get("/{name:str}")
    async def handler(name: str) -> list[dict[str, Any]]:
        sql, arguments = STATEMENTS[name]
        return [{key: value.hex if key == "ref" and value else value for key, value in row.items()}
                for row in await bare.state.pool.fetch(sql, *arguments)]

    @asynccontextmanager
    async def lifespan(app: Litestar):
        app.state.pool = await open_pool(settings.role_url("market_public"), settings.pool_market_size)
        yield
        await app.state.pool.close()

    bare = Litestar([handler], lifespan=[lifespan], openapi_config=None, logging_config=None)
    return bare


STATEMENTS: dict[str, tuple[str, list[Any]]] = {}


def _prepare() -> None:
    for name, params in SEARCHES.items():
        filters = {key: value for key, value in params.items() if key not in ("sort", "match")}
        sort = SHARE if params.get("match") == "possible" else params.get("sort", "newest")
        sql, arguments = statement(read_search(filters, None), Wanted(sort, 20, None), ())
        STATEMENTS[name] = (sql, list(arguments))


async def _pages(settings: Settings) -> dict[str, dict[str, float]]:
    """Per search, median milliseconds of ours and of the bare handler, asked in turn."""
    ours, bare = create_app(settings), bare_application(settings)
    found = {}
    async with ours.lifespan(), bare.lifespan():
        clients = {
            "ours": httpx.AsyncClient(transport=httpx.ASGITransport(ours), base_url="http://127.0.0.1", headers={"Accept-Language": "en"}),
            "bare": httpx.AsyncClient(transport=httpx.ASGITransport(bare), base_url="http://127.0.0.1"),
        }
        for name, params in SEARCHES.items():
            asked = {"ours": ("/v1/teasers", params), "bare": (f"/{name}", None)}
            taken: dict[str, list[float]] = {"ours": [], "bare": []}
            for turn in range(ROUNDS + 8):
                for which in ("ours", "bare") if turn % 2 else ("bare", "ours"):
                    begun = perf_counter()
                    answer = await clients[which].get(asked[which][0], params=asked[which][1])
                    elapsed_ms = 1000 * (perf_counter() - begun)
                    assert answer.status_code == 200, answer.text
                    if turn >= 8:  # plans and pools are warm
                        taken[which].append(elapsed_ms)
            found[name] = {"ours_ms": median(taken["ours"]), "bare_ms": median(taken["bare"])}
        for client in clients.values():
            await client.aclose()
    return found


async def _codebook_facets(settings: Settings) -> dict[str, float]:
    """Median milliseconds of the six codebook facets of the open page: bitmaps, and GROUP BY over teasers."""
    arguments = Arguments()
    counted = counting(place(read_search({}, None), arguments), False)
    ours = f"WITH {counted} SELECT field, code, n FROM counts WHERE field = ANY($1)".replace("b.field <> 'live'", "b.field = ANY($1)")
    sets = ", ".join(f"({name})" for name in ATTRIBUTES)
    grouped = (f"SELECT coalesce({', '.join(ATTRIBUTES)}) AS code, count(*) AS n FROM market.teaser t JOIN market.cell c ON c.id = t.cell_id "
               f"GROUP BY GROUPING SETS ({sets})")
    connection = await asyncpg.connect(settings.role_url("market_public"))
    taken: dict[str, list[float]] = {"bitmaps_ms": [], "group_by_ms": []}
    sums = {}
    for turn in range(ROUNDS + 8):
        for which, sql, values in (("bitmaps_ms", ours, (list(ATTRIBUTES),)), ("group_by_ms", grouped, ())):
            begun = perf_counter()
            rows = await connection.fetch(sql, *values)
            elapsed_ms = 1000 * (perf_counter() - begun)
            sums[which] = sorted((row["code"], row["n"]) for row in rows if row["code"])
            if turn >= 8:
                taken[which].append(elapsed_ms)
    assert sums["bitmaps_ms"] == sums["group_by_ms"], "both count the same"
    await connection.close()
    return {name: median(times) for name, times in taken.items()}


def main(teasers: int = TEASERS) -> None:
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="sx-") as directory, start(directory, throwaway=True) as servers:
        settings = Settings.from_env({**servers.environ, "SUCCESSION_DEMO": "1", "SUCCESSION_RATE_ADDRESS": "10000000", "SUCCESSION_DATA_DIR": directory})
        size = asyncio.run(seed(servers.database_url, teasers))
        _prepare()
        pages = asyncio.run(_pages(settings))
        facets = asyncio.run(_codebook_facets(settings))
    print(f"{size['teasers']:,} teasers in {size['cells']:,} cells; median of {ROUNDS}, milliseconds\n")
    print(f"{'search page with every facet':<32}{'ours':>9}{'bare':>9}{'bare/ours':>11}")
    for name, taken in pages.items():
        taken["ratio"] = taken["bare_ms"] / taken["ours_ms"]
        print(f"{name:<32}{taken['ours_ms']:>9.1f}{taken['bare_ms']:>9.1f}{taken['ratio']:>11.2f}")
    worst, speedup = min(taken["ratio"] for taken in pages.values()), facets["group_by_ms"] / facets["bitmaps_ms"]
    print(f"\nlowest ratio {worst:.2f} (target 0.70)")
    print(f"codebook facets {facets['bitmaps_ms']:.1f}, GROUP BY over teasers {facets['group_by_ms']:.1f}: {speedup:.1f} x (target 5)")
    machine = {"processors": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()[0]}
    results = {"size": size, "pages": pages, "lowest_ratio": worst, "codebook_facets": {**facets, "speedup": speedup}, "machine": machine}
    Path("bench-results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
