"""Which columns lie under which kind of key, and how is what lies under an old key moved under the present one?

Whoever stores something under a key that rotates adds a row to WRAPPED: `succession keys` then counts it, moves it, and refuses to
destroy the key while anything is left under it. Moved in batches, each its own transaction: a run that was cut off goes on where it
stopped, because what was moved is not found again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import asyncpg

from succession.config import Settings
from succession.key_ring import ring_of
from succession.store.wrapping import Wrapping

BATCH_ROWS = 200


class Wrapped(NamedTuple):
    """One column of sealed bytes. `place`: the column it is bound to; `number`: the column that names the key.

    `unseal`, `seal`: of (settings, number, sealed, place) and (settings, plain, place) -> (number, sealed)."""

    kind: str
    table: str
    row: str
    place: str
    sealed: str
    number: str
    unseal: Callable[[Settings, str, bytes, Any], bytes]
    seal: Callable[[Settings, bytes, Any], tuple[str, bytes]]
    present: Callable[[Settings], str]


def on_ring(kind: str, table: str, row: str, place: str, sealed: str, number: str) -> Wrapped:
    """A column that lies under a key of the ring, bound to the text of its place."""
    return Wrapped(
        kind, table, row, place, sealed, number,
        lambda settings, by, held, where: ring_of(settings).open(kind, by, held, str(where)),
        lambda settings, plain, where: ring_of(settings).seal(kind, plain, str(where)),
        lambda settings: ring_of(settings).active(kind).id)


WRAPPED: tuple[Wrapped, ...] = (
    on_ring("second_factor", "vault.second_factor", "id", "member_id", "secret_sealed", "key_id"),
    on_ring("subjects", "vault.subject_key", "id", "'subject-key:' || kind || ':' || subject_id", "wrapped", "wrapped_by"),
    Wrapped("documents", "vault.listing_key", "listing_id", "listing_id", "wrapped", "wrapping",
            lambda settings, by, held, where: Wrapping(settings).unwrap(by, held, where),
            lambda settings, plain, where: Wrapping(settings).wrap(plain, where),
            lambda settings: Wrapping(settings).newest()),
)


async def under(connection: asyncpg.Connection, kind: str) -> dict[str, int]:
    """How much lies under each key of a kind: number -> rows."""
    found: dict[str, int] = {}
    for each in WRAPPED:
        if each.kind == kind:
            for row in await connection.fetch(f"SELECT {each.number} AS number, count(*) AS rows FROM {each.table} "
                                              f"WHERE {each.sealed} IS NOT NULL GROUP BY 1"):
                found[row["number"]] = found.get(row["number"], 0) + row["rows"]
    return found


async def rewrap(connection: asyncpg.Connection, settings: Settings, report: Callable[[str], None]) -> int:
    """Move everything that lies under another than the present key of its kind; returns how many rows were moved."""
    moved = 0
    for each in WRAPPED:
        of_table = 0
        while rows := await _batch(connection, settings, each):
            of_table += rows
            report(f"{each.kind}: {of_table} moved")
        moved += of_table
    return moved


async def _batch(connection: asyncpg.Connection, settings: Settings, each: Wrapped) -> int:
    async with connection.transaction():
        rows = await connection.fetch(
            f"SELECT {each.row} AS row, {each.place} AS place, {each.sealed} AS sealed, {each.number} AS number FROM {each.table} "
            f"WHERE {each.sealed} IS NOT NULL AND {each.number} <> $1 ORDER BY {each.row} LIMIT {BATCH_ROWS} FOR UPDATE", each.present(settings))
        for row in rows:
            number, sealed = each.seal(settings, each.unseal(settings, row["number"], row["sealed"], row["place"]), row["place"])
            await connection.execute(f"UPDATE {each.table} SET {each.sealed} = $2, {each.number} = $3 WHERE {each.row} = $1",
                                     row["row"], sealed, number)
        return len(rows)
