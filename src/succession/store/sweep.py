"""Which objects of the store are nobody's any more? Those whose time is over: broken uploads, copies handed out, erased documents."""

from __future__ import annotations

import asyncpg

from succession.config import Settings
from succession.store.objects import StoreAway, open_objects

AT_ONCE = 500
_DUE = "SELECT id FROM vault.store_object WHERE keep_until < now() AND deleted_at IS NULL ORDER BY keep_until LIMIT $1"


async def sweep_store(connection: asyncpg.Connection, settings: Settings) -> int:
    """Delete what is due, as succession_worker, which reads random names and nothing else; returns how many went."""
    due = [row["id"] for row in await connection.fetch(_DUE, AT_ONCE)]
    if not due:
        return 0
    objects, gone = open_objects(settings), []
    for object_id in due:
        try:
            await objects.delete(object_id)
        except StoreAway:
            break  # the store is away: the rest is tried again
        gone.append(object_id)
    await connection.execute("UPDATE vault.store_object SET deleted_at = now() WHERE id = ANY($1)", gone)
    return len(gone)
