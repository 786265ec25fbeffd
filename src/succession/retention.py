"""What is kept for how long, what of it is due, and what was purged? The table is `ops.retention`, and the dates are the database's.

The purge runs in the worker, in bounded batches, through one function that reads the dates itself (`ops.purge`): nobody can
purge early, and a listing under legal hold is passed over. Every batch is in the audit.
"""

from __future__ import annotations

import logging
from datetime import datetime

import asyncpg
import msgspec

from succession import logs
from succession.config import Settings

log = logging.getLogger("succession.retention")
BATCH_ROWS = 500
BATCHES_MOST = 20  # of one class in one run: what is left comes tomorrow


class RetentionLine(msgspec.Struct):
    """One class of records. `keep`: ISO 8601 duration, null when kept for good; `due`: rows whose time has passed, counted to 10,000."""

    name: str
    keep: str | None
    counted_from: str
    how: str
    basis: str
    due: int
    purged: int
    last_purged_at: datetime | None


_REPORT = """
SELECT r.class AS name, r.keep::text AS keep, r.counted_from, r.how, r.basis,
       coalesce((SELECT sum(d.due) FROM ops.retention_due() d WHERE d.class = r.class), 0)::bigint AS due,
       coalesce((SELECT sum(x.purged) FROM ops.retention_run x WHERE x.class = r.class), 0)::bigint AS purged,
       (SELECT max(x.at) FROM ops.retention_run x WHERE x.class = r.class) AS last_purged_at
FROM ops.retention r ORDER BY r.class
"""


async def report(connection: asyncpg.Connection) -> list[RetentionLine]:
    """Every class: what is due, what was purged and when. Sixteen lines or so: no list that grows."""
    return [RetentionLine(**row) for row in await connection.fetch(_REPORT)]


async def purge(connection: asyncpg.Connection, settings: Settings) -> dict[str, int]:
    """Purge what is due, class by class; returns rows by class. One class that fails is not the others' trouble."""
    gone: dict[str, int] = {}
    for row in await connection.fetch("SELECT class FROM ops.retention WHERE how = 'purge' ORDER BY class"):
        try:
            async with connection.transaction():
                gone[row["class"]] = await _purge_class(connection, row["class"])
        except asyncpg.PostgresError as error:
            log.error("class %s was not purged: %s at %s", row["class"], type(error).__name__, logs.place_of(error))
    return {name: rows for name, rows in gone.items() if rows}


async def _purge_class(connection: asyncpg.Connection, name: str) -> int:
    total = 0
    for _batch in range(BATCHES_MOST):
        rows = await connection.fetchval("SELECT ops.purge($1, $2)", name, BATCH_ROWS)
        total += rows
        if rows == 0:
            break
    return total
