"""Check the disclosure ledgers offline, and name the first broken link of each listing whose chain does not hold."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec

from succession.config import Settings
from succession.disclosure.canonical import Head
from succession.disclosure.ledger_check import Report, check_ledgers


class _Line(msgspec.Struct):
    listing: UUID
    seq: int
    hash: str


def run(arguments: list[str]) -> int:
    """`succession ledger verify [--listing ID] [--against FILE]`, `succession ledger heads`.

    `heads` prints one JSON line per listing, to be kept elsewhere; `--against` compares with such a file.
    Exit status: 0 every chain holds, 1 a broken link, 2 wrong call.
    """
    parser = argparse.ArgumentParser(prog="succession ledger")
    parser.add_argument("what", choices=("verify", "heads"))
    parser.add_argument("--listing", type=UUID)
    parser.add_argument("--against", type=Path)
    try:
        asked = parser.parse_args(arguments)
        remembered = read_heads(asked.against) if asked.against else None
    except SystemExit as stop:
        return 0 if stop.code == 0 else 2
    except (OSError, msgspec.DecodeError, ValueError) as error:
        print(f"--against cannot be read: {type(error).__name__}", file=sys.stderr)
        return 2
    settings = Settings.from_env()
    if settings.database_url is None:
        print("DATABASE_URL is not set.", file=sys.stderr)
        return 2
    report = asyncio.run(_check(settings.database_url, asked.listing, remembered))
    return print_heads(report) if asked.what == "heads" else print_report(report)


async def _check(url: str, listing: UUID | None, remembered: dict[UUID, Head] | None) -> Report:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute("SET ROLE succession_seeder")  # reads past row-level security; the servers cannot become it
        return await check_ledgers(connection, listing, remembered)
    finally:
        await connection.close()


def read_heads(path: Path) -> dict[UUID, Head]:
    """What `succession ledger heads` printed. Raises OSError, DecodeError, ValueError."""
    lines = [msgspec.json.decode(line, type=_Line) for line in path.read_bytes().splitlines() if line.strip()]
    return {line.listing: Head(line.seq, bytes.fromhex(line.hash)) for line in lines}


def print_heads(report: Report) -> int:
    for listing, head in sorted(report.heads.items()):
        print(msgspec.json.encode(_Line(listing, head.seq, head.hash.hex())).decode())
    return 0


def print_report(report: Report) -> int:
    for broken in report.breaks:
        where = f"entry {broken.seq}" if broken.seq else "the chain"
        print(f"listing {broken.listing_id}: {where}: {broken.flaw}")
    if report.breaks:
        print(f"{len(report.breaks)} of {report.listings} ledgers are broken")
        return 1
    print(f"{report.listings} ledgers, {report.entries} entries: every link holds")
    return 0
