"""How long do a hundred thousand saved searches take when a batch goes up, beside one query per search?

Run: python tests/bench/alerts.py [searches] [teasers]        (or `succession bench alerts`)
One run, one machine, servers of its own: read the ratio. Prints seconds, CPU seconds of this process and its memory, for every
turn of the job until nothing is left: reading, matching, noting, writing the letters into the outbox. The lot of searches is
drawn as buyers might ask: mostly a trade and a region, often a size, some a price or a phrase; half of them weekly or daily ones that
are due that morning. For a sample the statement of the market is run search by search: the naive way, and the judge of ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import platform
import resource
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from time import perf_counter, process_time
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
import psutil

sys.path.insert(0, str(Path(__file__).parent))
import seed as market  # the same codebook and teasers as every bench

from succession.calendar_turn import AGAIN
from succession.codes import SCHEMES
from succession.config import Settings
from succession.embedded import start
from succession.market.alerts import alert
from succession.market.queries import find_teasers
from succession.market.search import allowed, read_search
from succession.market.standing import Wanted
from succession.progress import bar
from succession.standbys import Market
from succession.worker import open_worker_pool

COMPANIES, SEARCHES, TEASERS, SAMPLE, PER_MEMBER, BATCH = 300_000, 100_000, 5_000, 300, 5, 60
EXCLUDED_PERCENT = 5  # of the teasers of the batch exclude a kind of buyer or a country
FREQUENCIES = ("instant",) * 5 + ("daily",) * 3 + ("weekly",) * 2
COUNTRIES = ("GB", "DE", "FR", "US", "SG", "KR", "TW", "VN", "TH", "AU")
KINDS = ("company", "company", "company", "fund", "holding")


def drawn(rng: Random) -> dict[str, list[str]]:
    """What one search asks for."""
    regions = [code for code in allowed("place") if not code.startswith("JP-")]
    divisions = [code for code in allowed("industry") if len(code) == 1]
    found = {}
    if rng.random() < 0.85:
        found["industry"] = rng.sample(divisions, rng.choice((1, 1, 2))) if rng.random() < 0.4 else rng.sample(allowed("industry"), rng.choice((1, 2, 3)))
    if rng.random() < 0.7:
        found["place"] = rng.sample(regions, 1) if rng.random() < 0.6 else rng.sample(allowed("place"), rng.choice((1, 2, 4)))
    if rng.random() < 0.5:
        found["revenue"] = rng.sample(allowed("revenue"), rng.choice((1, 2, 3)))
    for name, share in (("employees", 0.2), ("price", 0.25), ("scheme", 0.15), ("timing", 0.05), ("phrase", 0.1)):
        if rng.random() < share:
            found[name] = rng.sample(allowed(name), min(len(allowed(name)), rng.choice((1, 2, 3))))
    return found


async def seed(settings: Settings, owner_url: str, searches: int, teasers: int) -> None:
    await market.seed(owner_url, teasers, COMPANIES, excluded=0)
    rng, owner, draw = Random(8058), await asyncpg.connect(owner_url), bar("searches  ")
    members, places = [], searches // PER_MEMBER
    for n in range(places):
        organisation, member = UUID(int=rng.getrandbits(128)), UUID(int=rng.getrandbits(128))
        members.append((organisation, member, n, rng.choice(KINDS), rng.choice(COUNTRIES)))
    async with owner.transaction():
        await owner.execute("SET LOCAL ROLE succession_seeder")
        await owner.executemany("INSERT INTO vault.organisation (id, kind, status, country, legal_name, buyer_kind, registry_number) "
                                "VALUES ($1, 'acquirer', 'verified', $2, $3, $4, $5)",
                                [(organisation, country, f"Fictitious buyer {n}", kind, f"B{n}") for organisation, _m, n, kind, country in members])
        await owner.executemany("INSERT INTO vault.member (id, organisation_id, email, name, role, status, locale) VALUES ($1, $2, $3, 'M', 'member', "
                                "'active', $4)", [(member, organisation, f"b{n}@fictitious.example", rng.choice(("ja", "en")))
                                                  for organisation, member, n, _k, _c in members])
    async with owner.transaction():
        await owner.execute("SET LOCAL session_replication_role = replica")
        await owner.execute("INSERT INTO ops.batch (closed_at, published) SELECT now(), 1 FROM generate_series(1, $1::int)", BATCH)
        yesterday = datetime.now(UTC) - timedelta(days=30)
        for at in range(0, searches, 10_000):
            rows = []
            for n in range(at, min(at + 10_000, searches)):
                organisation, member, *_rest = members[n % places]
                asked = {name: [codes] for name, codes in drawn(rng).items()}
                rows.append((uuid4(), organisation, member, "Search", msgspec.json.encode(asked).decode(), rng.random() < 0.2,
                             rng.choice(FREQUENCIES), BATCH - 1, yesterday))
            await owner.executemany("INSERT INTO vault.saved_search (id, organisation_id, member_id, name, asked, possible, frequency, matched_batch, looked_at) "
                                    "VALUES ($1, $2, $3, $4, $5::text::jsonb, $6, $7, $8, $9)", rows)
            draw(min(at + 10_000, searches), searches)
        await _exclude(owner, rng)
    for table in ("vault.saved_search", "vault.member", "vault.organisation", "vault.organisation_key", "vault.publication", "vault.exclusion"):
        await owner.execute(f"ANALYZE {table}")
    await owner.close()


async def _exclude(owner: asyncpg.Connection, rng: Random) -> None:
    """A publication behind every teaser, some of whose owners exclude funds or a country; causes left aside."""
    await owner.execute("UPDATE market.teaser SET batch = $1", BATCH)  # one batch of that many
    rows = await owner.fetch("SELECT ref, cell_id, audiences, batch FROM market.teaser")
    listings = {row["ref"]: uuid4() for row in rows}
    holder = await owner.fetchval("SELECT id FROM vault.organisation LIMIT 1")
    await owner.executemany("INSERT INTO vault.listing (id, intermediary_id, state) VALUES ($1, $2, 'listed')", [(each, holder) for each in listings.values()])
    await owner.executemany(
        "INSERT INTO vault.publication (ref, listing_id, proposal_id, codebook_version, vocabulary_version, population_version, cell_id, audiences, state, "
        "batch) VALUES ($1, $2, $2, '', '', '', $3, $4, 'published', $5)",
        [(row["ref"], listings[row["ref"]], row["cell_id"], row["audiences"], row["batch"]) for row in rows])
    chosen = [each for row, each in zip(rows, listings.values(), strict=True) if not row["audiences"] & 1 and rng.random() < 0.01 * EXCLUDED_PERCENT]
    await owner.executemany("INSERT INTO vault.exclusion (listing_id, kind, value) VALUES ($1, $2, $3)", [
        (each, "buyer_kind", "fund") if rng.random() < 0.5 else (each, "country", rng.choice(COUNTRIES)) for each in chosen])


def database_cpu() -> float:
    """CPU seconds so far of the servers that this process started."""
    spent = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            times = process.cpu_times()
            spent += times.user + times.system
    return spent


async def run_turns(settings: Settings) -> tuple[float, float, float, int]:
    """(seconds, CPU seconds of this process and of the servers, turns) until nothing is left."""
    logging.getLogger("succession.alerts").setLevel(logging.WARNING)
    morning = datetime.now(UTC) + timedelta(days=8)
    begun, cpu, servers, turns = perf_counter(), process_time(), database_cpu(), 0
    async with await open_worker_pool(settings) as pool, pool.acquire() as connection:
        while True:
            turns += 1
            async with connection.transaction():
                if await alert(connection, settings, morning) is not AGAIN:
                    return perf_counter() - begun, process_time() - cpu, database_cpu() - servers, turns


async def judge(settings: Settings, owner_url: str) -> tuple[float, int]:
    """Seconds of the market's own search for a sample, search by search; how many of them differ from what was noted."""
    owner, pool = await asyncpg.connect(owner_url), await asyncpg.create_pool(settings.role_url("market_buyer"), min_size=1, max_size=1)
    await owner.execute("SET ROLE succession_seeder")
    rows = await owner.fetch("SELECT id, organisation_id, asked::text AS asked FROM vault.saved_search WHERE NOT possible ORDER BY id LIMIT $1", SAMPLE)
    market, wrong, taken = Market("market_buyer", None, pool, None), 0, 0.0
    for row in rows:
        asked = {name: sets[0] for name, sets in msgspec.json.decode(row["asked"]).items()}
        at = perf_counter()
        search = read_search(asked, None)
        found = await find_teasers(market, search, Wanted("newest", 10_000, None), (row["organisation_id"],))
        taken += perf_counter() - at
        noted = await owner.fetchval("SELECT coalesce(sum(teasers), 0) FROM vault.alert WHERE saved_search_id = $1", row["id"])
        wrong += noted != len(found.rows)
    await pool.close()
    await owner.close()
    return taken / max(1, len(rows)), wrong


async def _counts(owner_url: str) -> Any:
    owner = await asyncpg.connect(owner_url)
    await owner.execute("SET ROLE succession_seeder")
    row = await owner.fetchrow("SELECT (SELECT count(DISTINCT saved_search_id) FROM vault.alert) AS hit, (SELECT sum(teasers) FROM vault.alert) AS teasers, "
                               "(SELECT count(*) FROM ops.outbox) AS letters, (SELECT count(*) FROM vault.saved_search WHERE matched_batch < $1) AS waiting", BATCH)
    await owner.close()
    return row


def main(searches: int = SEARCHES, teasers: int = TEASERS) -> None:
    with tempfile.TemporaryDirectory(prefix="sx-") as directory, start(directory, throwaway=True) as servers:
        settings = Settings.from_env({**servers.environ, "SUCCESSION_DEMO": "1", "SUCCESSION_DATA_DIR": directory})
        asyncio.run(seed(settings, servers.database_url, searches, teasers))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        seconds, cpu, of_servers, turns = asyncio.run(run_turns(settings))
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        counts = asyncio.run(_counts(servers.database_url))
        each, wrong = asyncio.run(judge(settings, servers.database_url))
    print(f"{searches:,} saved searches, {teasers:,} new teasers: {counts['hit']:,} searches found {counts['teasers']:,}, {counts['letters']:,} letters")
    print(f"{seconds:.1f} s in {turns} turns (target 60 s): {cpu:.1f} s of CPU in this process, {of_servers:.1f} s in PostgreSQL; this process grew by "
          f"{grown:.0f} MB over what the world took")
    print(f"one query per search: {1000 * each:.1f} ms each, {each * searches:.0f} s for all ({SAMPLE} measured): {each * searches / seconds:.0f} x as long")
    print(f"differing from the market's own statement: {wrong} of {SAMPLE}; not looked at: {counts['waiting']}")
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, {len(SCHEMES)} schemes")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
