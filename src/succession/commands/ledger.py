"""Which commands work on the disclosure ledgers? Check them, sign their state, write a case file, erase a person."""

from __future__ import annotations

import argparse
import asyncio
import gc
import multiprocessing
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec

from succession import keys
from succession.commands.ledger_case import export, verify_file
from succession.commands.ledger_erase import REASONS, erase, seal_plain, subject_of
from succession.config import ConfigError, Settings
from succession.disclosure.canonical import Head
from succession.disclosure.checkpoints import Copy, Flaw, check_checkpoints, make_checkpoint, send_copies
from succession.disclosure.ledger_check import LISTINGS, Report, check_some

IN_ONE_PROCESS = 50_000  # entries; more are checked by several processes on one snapshot


class _Line(msgspec.Struct):
    listing: UUID
    seq: int
    hash: str


class Remembered(msgspec.Struct):
    """What is known from elsewhere: heads of listings, and copies of checkpoints."""

    heads: dict[UUID, Head]
    copies: list[Copy]


def run(arguments: list[str]) -> int:
    """What there is to do with the ledgers; see WORK. Exit status: 0 done or everything holds, 1 a broken link, 2 wrong call."""
    try:
        asked = _parser().parse_args(arguments)
        if missing := [f"--{name}" for name in WORK[asked.what][1] if getattr(asked, name) is None]:
            print(f"{asked.what} needs {', '.join(missing)}", file=sys.stderr)
            return 2
        if asked.what == "verify" and asked.file is not None:
            return verify_file(asked)
        remembered = read_remembered(asked.against) if asked.against else Remembered({}, [])
    except SystemExit as stop:
        return 0 if stop.code == 0 else 2
    except (OSError, msgspec.DecodeError, ValueError) as error:
        print(f"--against cannot be read: {type(error).__name__}", file=sys.stderr)
        return 2
    settings = Settings.from_env()
    if settings.database_url is None:
        print("DATABASE_URL is not set.", file=sys.stderr)
        return 2
    if asked.what in ("verify", "heads"):
        report, flaws, last = asyncio.run(_check(settings, asked.listing, remembered, max(asked.processes, 1)))
        return print_heads(report) if asked.what == "heads" else print_report(report, flaws, last)
    return asyncio.run(_connect_and(settings, asked))


# what: (what it does, options it needs)
WORK: dict[str, tuple[str, tuple[str, ...]]] = {
    "verify": ("check every ledger and checkpoint; with FILE that case file, offline", ()),
    "heads": ("print what every ledger ends with, a JSON line each, to be kept elsewhere", ()),
    "checkpoint": ("sign the state of all ledgers now, and send the copies", ()),
    "checkpoints": ("print every checkpoint, a JSON line each, to be kept elsewhere", ()),
    "export": ("write a case file of a listing or of one deal", ("listing", "to")),
    "erase": ("destroy the key of a person or company", ("subject", "reason", "by", "second")),
    "seal": ("seal what was written before there were keys", ()),
}


def _parser() -> argparse.ArgumentParser:
    words = "\n".join(f"  {name:<13}{does}" for name, (does, _needs) in WORK.items())
    parser = argparse.ArgumentParser(prog="succession ledger", epilog=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=tuple(WORK))
    parser.add_argument("file", type=Path, nargs="?", help="a case file, for verify")
    parser.add_argument("--listing", type=UUID)
    parser.add_argument("--deal", type=UUID)
    parser.add_argument("--to", type=Path, help="where the case file goes")
    parser.add_argument("--against", type=Path, help="what heads or checkpoints printed, or a party kept")
    parser.add_argument("--key", type=Path, help="the platform's public key, from elsewhere")
    parser.add_argument("--subject", type=subject_of, help="listing:ID, owner:LISTING, member:ID or organisation:ID")
    parser.add_argument("--reason", choices=REASONS)
    parser.add_argument("--by", help="e-mail address of a member of the operator")
    parser.add_argument("--second", help="and of another one")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    return parser


async def _connect_and(settings: Settings, asked: argparse.Namespace) -> int:
    connection = await _connected(settings.database_url)
    try:
        if asked.what == "export":
            return await export(connection, settings, asked)
        if asked.what == "erase":
            return await erase(connection, asked)
        if asked.what == "seal":
            return await seal_plain(connection, settings)
        return await (_sign if asked.what == "checkpoint" else _print_copies)(connection, settings)
    finally:
        await connection.close()


# ---------------------------------------------------------------------------------------------------------------------
# Checking

_LAST = "SELECT seq, at, entries FROM vault.ledger_checkpoint ORDER BY seq DESC LIMIT 1"


async def _connected(url: str) -> asyncpg.Connection:
    connection = await asyncpg.connect(url, timeout=10)
    await connection.execute("SET ROLE succession_seeder")  # reads past row-level security; the servers cannot become it
    return connection


async def _check(settings: Settings, listing: UUID | None, remembered: Remembered,
                 processes: int) -> tuple[Report, list[Flaw], asyncpg.Record | None]:
    connection = await _connected(settings.database_url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            sizes = {row["listing_id"]: row["size"] for row in await connection.fetch(LISTINGS, listing)}
            wanted = sorted((sizes if listing else dict.fromkeys(remembered.heads, 0) | sizes).items())
            together = None
            if sum(size for _each, size in wanted) > IN_ONE_PROCESS:
                snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
                together = asyncio.create_task(_together(snapshot, wanted, remembered.heads, processes))
            flaws = [] if listing else await check_checkpoints(connection, _trusted(settings), remembered.copies)
            report = await (together or check_some(connection, wanted, remembered.heads, settings))
            return report, flaws, await connection.fetchrow(_LAST)
    finally:
        await connection.close()


def _trusted(settings: Settings) -> dict[str, bytes] | None:
    """Our keys, where the directory is at hand; elsewhere signatures are compared with the keys beside them, and it is said."""
    try:
        return keys.checkpoint_public_keys(settings)
    except ConfigError as error:
        print(f"checkpoints are checked with the keys in the database: {error}", file=sys.stderr)
        return None


async def _together(snapshot: str, wanted: Sequence[tuple[UUID, int]], heads: dict[UUID, Head], processes: int) -> Report:
    """Every process takes a run of listings, and all see the database as of the same moment."""
    loop = asyncio.get_running_loop()
    ends = [len(wanted) * n // processes for n in range(processes + 1)]
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        parts = await asyncio.gather(*(loop.run_in_executor(pool, _part, snapshot, wanted[ends[n] : ends[n + 1]], heads) for n in range(processes)))
    return Report(sum(part.listings for part in parts), sum(part.entries for part in parts),
                  sorted((each for part in parts for each in part.breaks), key=lambda each: each.listing_id),
                  {listing: head for part in parts for listing, head in part.heads.items()}, sum(part.unopened for part in parts))


def _part(snapshot: str, wanted: Sequence[tuple[UUID, int]], heads: dict[UUID, Head]) -> Report:
    async def check() -> Report:
        settings = Settings.from_env()
        connection = await _connected(settings.database_url)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
                return await check_some(connection, wanted, heads, settings)
        finally:
            await connection.close()

    gc.disable()  # this process does nothing else, and makes no circles
    return asyncio.run(check())


def read_remembered(path: Path) -> Remembered:
    """What `heads` and `checkpoints` printed, or GET .../ledger/checkpoints answered, line by line. Raises OSError, DecodeError,
    ValueError."""
    lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines() if line.strip()]
    copies = [msgspec.convert(line, Copy) for line in lines if "statement" in line]
    heads = [msgspec.convert(line, _Line) for line in lines if "statement" not in line]
    return Remembered({line.listing: Head(line.seq, bytes.fromhex(line.hash)) for line in heads}, copies)


def print_heads(report: Report) -> int:
    for listing, head in sorted(report.heads.items()):
        print(msgspec.json.encode(_Line(listing, head.seq, head.hash.hex())).decode())
    return 0


def print_report(report: Report, flaws: Sequence[Flaw], last: asyncpg.Record | None) -> int:
    for broken in report.breaks:
        where = f"entry {broken.seq}" if broken.seq else "the chain"
        print(f"listing {broken.listing_id}: {where}: {broken.flaw}" + (f" (checkpoint {broken.checkpoint})" if broken.checkpoint else ""))
    for flaw in flaws:
        print(f"checkpoint {flaw.seq}: {flaw.flaw}")
    if report.breaks:
        print(f"{len(report.breaks)} of {report.listings} ledgers are broken")
    if report.breaks or flaws:
        return 1
    print(f"{report.listings} ledgers, {report.entries} entries: every link holds")
    if report.unopened:
        print(f"{report.unopened} commitments say nothing any more: what they commit to was erased, or its key is not here")
    print(f"last checkpoint {last['seq']}, {last['at']:%Y-%m-%d %H:%M} UTC, over {last['entries']} entries" if last else
          "no checkpoint was signed: a tail cut off together with its head would not show")
    return 0


# ---------------------------------------------------------------------------------------------------------------------
# Signing


async def _sign(connection: asyncpg.Connection, settings: Settings) -> int:
    async with connection.transaction():
        seq = await make_checkpoint(connection, settings)
        await send_copies(connection, settings, seq)
    print(f"checkpoint {seq} was signed")
    return 0


async def _print_copies(connection: asyncpg.Connection, settings: Settings) -> int:
    for row in await connection.fetch("SELECT seq, statement, signature, public_key FROM vault.ledger_checkpoint ORDER BY seq"):
        copy = Copy(row["seq"], row["statement"].decode(), row["signature"].hex(), row["public_key"].hex())
        print(msgspec.json.encode(copy).decode())
    return 0
