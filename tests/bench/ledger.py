"""How long does it take to verify a million entries, and what share of a release is the ledger's?

Run: python tests/bench/ledger.py [entries]        (or `succession bench ledger`)
One run, one machine, servers of its own: read the ratios, and seconds of processor (the program's and PostgreSQL's) where others work too. Adds its figures to bench-results.json in the working directory.

1. `verify`: so many entries on listings of a hundred each, one commitment each, sealed under a key per listing, with three
   checkpoints over all of them, are written past the API and checked by `succession ledger verify`: every hash, canonical form,
   opening and signed root. Once in one process and once in two.
2. `release`: releases over HTTP in process, in pairs: one as it is, one without everything the ledger does in it (entries,
   versions, commitments, keys), against a database that lets that pass. In turn, so that whatever else the machine does falls on both.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import secrets
import subprocess
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import asyncpg
from sqlalchemy import event

sys.path.insert(0, str(Path(__file__).parents[1]))

from succession.app import create_app
from succession.config import Settings
from succession.disclosure import disclosed, ledger
from succession.disclosure.canonical import commit, encode, entry_hash, genesis
from succession.disclosure.checkpoints import make_checkpoint
from succession.disclosure.commands import release as releasing
from succession.disclosure.ledger import SALT_BYTES, spelling
from succession.disclosure.subject_keys import Subject, SubjectKey, new_key, seal
from succession.embedded import start
from succession.migrations import migrate
from world import UNCOUNTED, World

ENTRIES, A_LISTING, PAIRS = 1_000_000, 100, 20
LISTINGS_AT_ONCE = 200


# ---------------------------------------------------------------------------------------------------------------------
# Verifying


async def fill(url: str, settings: Settings, entries: int) -> None:
    """Chains as the database would make them, by COPY with its triggers off."""
    connection = await asyncpg.connect(url)
    await connection.execute("SET session_replication_role = replica")
    organisation, member = uuid4(), uuid4()
    await connection.execute("INSERT INTO vault.organisation (id, kind, intermediary_kind, status, country, legal_name) "
                             "VALUES ($1, 'intermediary', 'center', 'verified', 'JP', 'Bench')", organisation)
    total = -(-entries // A_LISTING)
    for done in range(0, total, LISTINGS_AT_ONCE):
        ids = [uuid4() for _each in range(min(LISTINGS_AT_ONCE, total - done))]
        rows: dict[str, list[tuple[Any, ...]]] = {"subject_key": [], "ledger_subject": [], "ledger_entry": [], "ledger_head": []}
        for listing_id in ids:
            chain(settings, listing_id, organisation, member, rows)
        await connection.executemany("INSERT INTO vault.listing (id, intermediary_id) VALUES ($1, $2)", [(each, organisation) for each in ids])
        for table, columns in (("subject_key", ("id", "kind", "subject_id", "wrapped", "wrapped_by")),
                               ("ledger_subject", ("id", "listing_id", "kind", "key_id", "sealed", "commitment")),
                               ("ledger_entry", ("id", "listing_id", "seq", "kind", "body", "prev", "hash")),
                               ("ledger_head", ("listing_id", "seq", "hash"))):
            await connection.copy_records_to_table(table, schema_name="vault", records=rows[table], columns=columns)
        if done // LISTINGS_AT_ONCE in (0, total // LISTINGS_AT_ONCE // 2):
            await sign(connection, settings)
    await sign(connection, settings)
    await connection.execute("ANALYZE vault.ledger_entry, vault.ledger_subject, vault.ledger_head, vault.subject_key")
    await connection.close()


async def sign(connection: asyncpg.Connection, settings: Settings) -> None:
    async with connection.transaction():
        await make_checkpoint(connection, settings)


def chain(settings: Settings, listing_id: UUID, organisation: UUID, member: UUID, rows: dict[str, list[tuple[Any, ...]]]) -> None:
    subject, key_id = Subject("listing", listing_id), uuid4()
    key, wrapped, by = new_key(settings, subject)
    rows["subject_key"].append((key_id, "listing", listing_id, wrapped, by))
    prev, at = genesis(listing_id), datetime.now(UTC)
    for seq in range(1, A_LISTING + 1):
        entry_id, subject_id, salt = uuid4(), uuid4(), secrets.token_bytes(SALT_BYTES)
        value = spelling({"sha256": secrets.token_hex(32), "nda_text_hash": secrets.token_hex(32)})
        commitment = commit(value, salt)
        rows["ledger_subject"].append((subject_id, listing_id, "content", key_id, seal(SubjectKey(key_id, key), salt + value.encode(), subject_id),
                                       commitment))
        body = encode({
            "grant_id": uuid4(), "level": "dossier", "fact_group": "summary", "version_id": uuid4(), "listing_version": 3, "nda_id": uuid4(),
            "name_clear_id": uuid4(), "basis": "release", "recipient": {"organisation_id": organisation, "representative_id": None},
            "entry_id": entry_id, "listing_id": listing_id, "deal_id": None, "kind": "stage", "at": at,
            "actor": {"kind": "intermediary", "organisation_id": organisation, "member_id": member},
            "commitments": [{"subject": "content", "subject_id": subject_id, "commitment": commitment}]})
        link = entry_hash(prev, body)
        rows["ledger_entry"].append((entry_id, listing_id, seq, "stage", body, prev, link))
        prev = link
    rows["ledger_head"].append((listing_id, A_LISTING, prev))


class Spent(NamedTuple):
    """Seconds on the clock, and of the processors for the program and for the database server."""

    clock: float
    program: float
    server: float


def server_seconds(postmaster: int) -> float:
    """Processor time of a server, its processes that have ended included."""
    ticks = 0
    for place in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if place.name.isdigit():
                fields = (place / "stat").read_text().rpartition(")")[2].split()
                if int(place.name) == postmaster or int(fields[1]) == postmaster:
                    ticks += sum(map(int, fields[11 : 15 if int(place.name) == postmaster else 13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def verify(processes: int, postmaster: int) -> tuple[Spent, str]:
    """(what it took, what it said)."""
    started, worked, served = perf_counter(), os.times(), server_seconds(postmaster)
    done = subprocess.run([sys.executable, "-m", "succession", "ledger", "verify", "--processes", str(processes)],
                          capture_output=True, text=True, timeout=3600)
    assert done.returncode == 0, done.stdout + done.stderr
    clock, now = perf_counter() - started, os.times()
    return Spent(clock, now.children_user + now.children_system - worked.children_user - worked.children_system,
                 server_seconds(postmaster) - served), done.stdout


# ---------------------------------------------------------------------------------------------------------------------
# Releasing

# In the database of the bench alone: a grant whose entry is none passes.
_LENIENT = """
ALTER TABLE vault.disclosure_grant DROP CONSTRAINT disclosure_grant_ledger_entry_id_fkey;
ALTER TABLE vault.nda_schedule DROP CONSTRAINT nda_schedule_ledger_entry_id_fkey;
"""


async def releases(app: Any, url: str, postmaster: int, pairs: int) -> dict[str, float]:
    world = World(app, url)
    connection = await asyncpg.connect(url)
    await connection.execute(_LENIENT)
    body = await connection.fetchval("SELECT pg_get_functiondef('vault.grant_causes()'::regprocedure)")
    await connection.execute("SET ROLE succession_definer")
    # The entry is looked for as before; that there is none is let pass.
    assert "IF NOT EXISTS (SELECT FROM vault.ledger_entry e" in body
    await connection.execute(body.replace("IF NOT EXISTS (SELECT FROM vault.ledger_entry e", "IF NULL AND NOT EXISTS (SELECT FROM vault.ledger_entry e"))
    await connection.close()
    taken: dict[str, list[float]] = {"with": [], "without": []}
    worked, statements, asked = dict.fromkeys(taken, 0.0), dict.fromkeys(taken, 0), Counter[str]()
    event.listen(app.state.databases.engine.sync_engine, "before_cursor_execute", lambda *_call: asked.update(["statements"]))
    honest = (ledger.append, ledger.append_all, disclosed.disclose, releasing.disclose, releasing._disclose)
    appending: list[float] = []
    releasing_now = False

    async def timed(*given: Any, **named: Any) -> Any:
        begun = perf_counter()
        try:
            return await honest[1](*given, **named)
        finally:
            if releasing_now:
                appending[-1] += perf_counter() - begun

    ledger.append_all = timed
    for n in range(pairs + 3):
        for which in ("with", "without") if n % 2 else ("without", "with"):
            published, buyer = await world.published(), await world.acquirer()
            deal = await world.name_cleared(published, buyer)
            if which == "without":
                ledger.append, releasing._disclose = nothing, nothing
            asked.clear()
            appending.append(0.0)
            releasing_now = True
            started, before = perf_counter(), process_time() + server_seconds(postmaster)
            answer = await published.seller.post(f"/v1/disclosure-requests/{deal}/dossier-release")
            spent, processor = perf_counter() - started, process_time() + server_seconds(postmaster) - before
            ledger.append, releasing._disclose, releasing_now = honest[0], honest[4], False
            assert answer.status_code == 201, answer.text
            if which == "with":
                appending[-1] /= spent
            else:
                appending.pop()
            if n >= 3:
                taken[which].append(spent)
                worked[which] += processor
                statements[which] = asked["statements"]
    ledger.append_all = honest[1]
    await world.close()
    ratios = [one / other for one, other in zip(taken["with"], taken["without"], strict=True)]
    return {"release_ms": median(taken["with"]) * 1000, "without_ledger_ms": median(taken["without"]) * 1000,
            "appending_share": median(appending[3:]), "ratio_of_medians": median(taken["with"]) / median(taken["without"]), "median_of_ratios": median(ratios),
            "ratio_of_processor": worked["with"] / worked["without"], "statements": statements["with"], "statements_without": statements["without"]}


async def nothing(*_arguments: Any, **_named: Any) -> UUID:
    return uuid4()


# ---------------------------------------------------------------------------------------------------------------------


async def releasing_figures(settings: Settings, url: str, postmaster: int) -> dict[str, float]:
    app = create_app(settings)
    async with app.lifespan():
        return await releases(app, url, postmaster, PAIRS)


def run(entries: int) -> dict[str, Any]:
    servers = start(tempfile.mkdtemp(prefix="sb-"), throwaway=True)
    data = tempfile.mkdtemp(prefix="sbd-")
    environ = {**UNCOUNTED, "SUCCESSION_DEMO": "1", "SUCCESSION_DATA_DIR": data, "SUCCESSION_PUBLIC_URL": "http://127.0.0.1:8400",
               "DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
    os.environ.update(environ)
    settings, postmaster = Settings.from_env(environ), servers.pids["postgres"]
    try:
        asyncio.run(migrate(servers.database_url))
        shares = asyncio.run(releasing_figures(settings, servers.database_url, postmaster))
        asyncio.run(empty(servers.database_url))
        asyncio.run(fill(servers.database_url, settings, entries))
        two, said = verify(2, postmaster)
        one, _said = verify(1, postmaster)
    finally:
        servers.discard()
    print(said)
    share, of_processor = 1 - 1 / shares["median_of_ratios"], 1 - 1 / shares["ratio_of_processor"]
    for words, spent in (("two processes", two), ("one", one)):
        print(f"{entries:,} entries verified by {words}: {spent.clock:.1f} s on the clock, {spent.program:.1f} s of processor for the program and "
              f"{spent.server:.1f} s for PostgreSQL")
    print(f"release {shares['release_ms']:.1f} ms, without its ledger {shares['without_ledger_ms']:.1f} ms: x{shares['median_of_ratios']:.2f} "
          f"(median of {PAIRS} pairs), {share:.0%} of a release is the ledger's, reading what is disclosed included; of its processor time {of_processor:.0%}; "
          f"appending alone {shares['appending_share']:.0%} of it; "
          f"{shares['statements']} statements, {shares['statements_without']} without")
    return {"entries": entries, "two_processes": two._asdict(), "one_process": one._asdict(), "ledger_share_of_release": share,
            "ledger_share_of_processor": of_processor, **shares}


async def empty(url: str) -> None:
    """The releases' own chains are of a database that lets entries miss: not part of what is verified."""
    connection = await asyncpg.connect(url)
    await connection.execute("SET session_replication_role = replica")
    for table in ("access", "nda_document", "disclosed", "fact_version", "disclosure_grant", "nda_schedule", "ledger_entry", "ledger_head", "ledger_subject",
                  "ledger_checkpoint_head", "ledger_checkpoint"):
        await connection.execute(f"DELETE FROM vault.{table}")
    await connection.close()


if __name__ == "__main__":
    found = run(int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES)
    results = Path("bench-results.json")
    kept = json.loads(results.read_text()) if results.is_file() else {}
    results.write_text(json.dumps(kept | {"ledger": found | {"machine": platform.processor() or platform.machine(), "cpus": os.cpu_count()}}, indent=1))
