"""Does anything still need SUCCESSION_SECRET_KEY_PREVIOUS? What is stored and opens with that one alone, and until when.

Stored answers are tried one by one: which key sealed them stands nowhere else. Codes live a quarter of an hour, and a cursor that does
not open any more only means to ask for the list again, so neither keeps a key.
"""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

import asyncpg

from succession.config import Settings
from succession.errors import Problem
from succession.idempotency import opened

ANSWERS_KEPT = timedelta(hours=24)  # ops.retention, class idempotency
_ANSWERS = "SELECT request_hash, body, created_at FROM ops.idempotency WHERE body IS NOT NULL"


async def previous_key(connection: asyncpg.Connection, settings: Settings) -> list[str]:
    """What to know before the previous root key is taken away, or about one that was taken away too early; lines for `keys list`."""
    present, *before = settings.key("idempotency").all()
    under: list[datetime] = []
    closed = 0
    async with connection.transaction(readonly=True):
        async for row in connection.cursor(_ANSWERS, prefetch=500):
            if _opens(row, present):
                continue
            if any(_opens(row, key) for key in before):
                under.append(row["created_at"])
            else:
                closed += 1
    lines = []
    if under:
        lines.append(f"secret key    KEEP the previous one: {len(under)} stored answers lie under it, sealed until {max(under):%Y-%m-%d %H:%M} UTC; "
                     f"the last goes at {max(under) + ANSWERS_KEPT:%Y-%m-%d %H:%M} UTC")
    elif before:
        lines.append("secret key    nothing that is stored lies under the previous one: SUCCESSION_SECRET_KEY_PREVIOUS can be taken away")
    if closed:
        lines.append(f"secret key    {closed} stored answers open with no key that is set: the previous one was taken away too early")
    return lines


def _opens(row: asyncpg.Record, key: bytes) -> bool:
    with contextlib.suppress(Problem):
        opened((key,), row["body"], row["request_hash"])
        return True
    return False
