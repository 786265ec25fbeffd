"""What is due to be purged, and which listing is under legal hold?"""

from __future__ import annotations

import argparse
import asyncio
import sys
from uuid import UUID

import asyncpg

from succession.config import Settings
from succession.retention import RetentionLine, report

_PLACE = "INSERT INTO vault.legal_hold (listing_id, reason) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING id"
_LIFT = "UPDATE vault.legal_hold SET lifted_at = now() WHERE listing_id = $1 AND lifted_at IS NULL RETURNING id"
_AUDIT = "INSERT INTO vault.audit_event (actor_kind, action, object_id) VALUES ('system', $1, $2)"


def run(arguments: list[str]) -> int:
    """`succession retention report`; `hold LISTING --reason WORDS` and `lift LISTING`: nothing of it is purged in between.

    Exit status: 0 done, 1 nothing was changed, 2 wrong call. The worker purges; no command does.
    """
    parser = argparse.ArgumentParser(prog="succession retention")
    commands = parser.add_subparsers(dest="what", required=True)
    commands.add_parser("report", help="every class of records: how long, what is due, what was purged")
    hold = commands.add_parser("hold", help="a court or an authority asks that a listing be kept")
    hold.add_argument("listing", type=UUID)
    hold.add_argument("--reason", required=True)
    commands.add_parser("lift", help="end a legal hold").add_argument("listing", type=UUID)
    chosen = parser.parse_args(arguments)
    settings = Settings.from_env()
    if settings.database_url is None:
        print("DATABASE_URL is not set.", file=sys.stderr)
        return 2
    if chosen.what == "report":
        for line in asyncio.run(_report(settings.database_url)):
            print(_said(line))
        return 0
    sql, values = (_PLACE, [chosen.listing, chosen.reason[:300]]) if chosen.what == "hold" else (_LIFT, [chosen.listing])
    try:
        changed = asyncio.run(_change(settings.database_url, sql, values, f"legal_hold_{'placed' if chosen.what == 'hold' else 'lifted'}"))
    except asyncpg.ForeignKeyViolationError:
        print("there is no such listing", file=sys.stderr)
        return 1
    print("done" if changed else "nothing was changed: a hold is in force already, or none is")
    return 0 if changed else 1


def _said(line: RetentionLine) -> str:
    last = f", {line.purged} purged, last {line.last_purged_at:%Y-%m-%d}" if line.last_purged_at else ""
    keep = f"{line.keep} from {line.counted_from}" if line.keep else "kept"
    return f"{line.name:<20} {line.how:<8} {keep}: {line.due} due{last}\n{'':<30}{line.basis}"


async def _report(url: str) -> list[RetentionLine]:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute("SET ROLE succession_seeder")
        return await report(connection)
    finally:
        await connection.close()


async def _change(url: str, sql: str, values: list[object], action: str) -> bool:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL ROLE succession_seeder")
            found = await connection.fetchval(sql, *values)
            if found:
                await connection.execute(_AUDIT, action, str(values[0]))
            return found is not None
    finally:
        await connection.close()
