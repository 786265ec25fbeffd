"""How does a spreadsheet become drafts, exactly once?

First a dry run: the file is read outside the event loop, every row is stored with what was understood and what was not,
nothing else happens. Then the commit: one transaction makes every importable row a draft. Two commits at once queue on
the import; the second finds it done. 5,000 rows take a few seconds, so there is no half import to resume; how far it
has come is kept in Redis meanwhile.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.database import driver
from succession.days import day_in_japan
from succession.errors import Problem
from succession.i18n import Message
from succession.listings.commands import ListingEntry, profile_in
from succession.listings.spreadsheet import BrokenFile, Reading, RowReading, read_table, understand
from succession.listings.spreadsheet import Problem as SheetProblem
from succession.listings.storage import COLUMNS, YEAR_COLUMNS, rows_of, years_of
from succession.outbox import record

CHUNK_ROWS = 500
PROGRESS_KEPT_S = 600
# Longer than an import takes, shorter than the statement timeout: the second of two commits waits for the first.
_WAIT = "SET LOCAL lock_timeout = '14s'"


def parse(data: bytes, filename: str, today: date) -> Reading:
    """Problem import_broken with the sentence that says why. Takes seconds for a large file: call it in a thread."""
    try:
        return understand(read_table(data, filename), today)
    except BrokenFile as broken:
        raise Problem("import_broken", detail=broken.message, extra={"reason": broken.code}) from None


# ---------------------------------------------------------------------------------------------------------------------
# Sentences wait in the database until their reader is known


def stored(message: Message) -> dict[str, Any]:
    """A Message as JSON that keeps the kinds of its params."""
    return {"msgid": message.msgid, "params": {name: _stored(value) for name, value in message.params.items()}}


def _stored(value: object) -> object:
    match value:
        case Message():
            return {"$message": stored(value)}
        case date():
            return {"$date": value.isoformat()}
        case list() | tuple():
            return [_stored(each) for each in value]
    return value


def message_of(kept: Mapping[str, Any]) -> Message:
    """What `stored` kept."""
    return Message(kept["msgid"], {name: _param(value) for name, value in kept["params"].items()})


def _param(value: Any) -> object:
    match value:
        case {"$message": kept}:
            return message_of(kept)
        case {"$date": day}:
            return date.fromisoformat(day)
        case list():
            return [_param(each) for each in value]
    return value


def _row(row: RowReading) -> dict[str, Any]:
    """One row of `vault.listing_import_row`."""
    entry = None
    if row.importable and row.profile is not None:
        entry = msgspec.to_builtins(row.profile) | {"internal_reference": row.internal_reference}
    cells = [
        {"column": c.column, "heading": c.heading, "field": c.field_path, "raw": c.raw, "understood": c.understood,
         "value": c.value, "messages": [stored(m) for m in c.messages]} for c in row.cells
    ]  # fmt: skip
    reading = {"internal_reference": row.internal_reference, "cells": cells, "problems": _problems(row.problems)}
    return {"number": row.row_number, "reading": reading, "entry": entry}


def _sheet(reading: Reading) -> dict[str, Any]:
    """What concerns the sheet as a whole."""
    return {
        "columns": [{"column": c.column, "heading": c.heading, "use": c.use, "field": c.field_path,
                     "message": stored(c.message) if c.message else None} for c in reading.columns],
        "problems": _problems(reading.problems),
        "summary": msgspec.to_builtins(reading.summary()),
    }  # fmt: skip


def _problems(problems: list[SheetProblem]) -> list[dict[str, Any]]:
    return [{"column": p.column, "field": p.field_path, "message": stored(p.message), "refused": p.refused}
            for p in problems]  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------------
# Dry run

_SAME_FILE = "SELECT id FROM vault.listing_import WHERE intermediary_id = $1 AND content_hash = $2"
_NEW_IMPORT = """
INSERT INTO vault.listing_import
    (intermediary_id, filename, content_hash, reading, rows_total, rows_importable, created_by, created_at)
VALUES ($1, $2, $3, $4::jsonb, $5, $6, $7, $8) ON CONFLICT ON CONSTRAINT import_same_file_once DO NOTHING RETURNING id
"""
_NEW_ROWS = """
INSERT INTO vault.listing_import_row (import_id, intermediary_id, number, reading, entry)
SELECT $1, $2, r.number, r.reading, r.entry
FROM jsonb_to_recordset($3::jsonb) AS r(number int, reading jsonb, entry jsonb)
"""


async def find_same_file(connection: asyncpg.Connection, actor: Actor, data: bytes) -> UUID | None:
    """The import this very file already is."""
    return await connection.fetchval(_SAME_FILE, actor.organisation_id, hashlib.sha256(data).digest())


async def read_import(tx: AsyncSession, actor: Actor, filename: str, data: bytes, now: datetime) -> UUID:
    """Read the file and keep what was understood; the same file again is the same import. Problem import_broken.

    The transaction takes its connection after the reading: nobody waits for a parser with a connection in hand.
    """
    reading, chunks = await asyncio.to_thread(_parse_and_encode, data, filename, day_in_japan(now))
    connection = await driver(tx)
    import_id = await connection.fetchval(
        _NEW_IMPORT, actor.organisation_id, filename, hashlib.sha256(data).digest(), _json(_sheet(reading)),
        len(reading.rows), sum(row.importable for row in reading.rows), actor.member_id, now)
    if import_id is None:  # the same file arrived twice at once
        return await connection.fetchval(_SAME_FILE, actor.organisation_id, hashlib.sha256(data).digest())
    for chunk in chunks:
        await connection.execute(_NEW_ROWS, import_id, actor.organisation_id, chunk)
    await record(tx, "import.read", import_id, rows=len(reading.rows))
    return import_id


def _parse_and_encode(data: bytes, filename: str, today: date) -> tuple[Reading, list[str]]:
    reading = parse(data, filename, today)
    rows = [_row(row) for row in reading.rows]
    return reading, [_json(rows[start:start + CHUNK_ROWS]) for start in range(0, len(rows), CHUNK_ROWS)]


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


# ---------------------------------------------------------------------------------------------------------------------
# Commit

_LOCK = "SELECT state, rows_importable FROM vault.listing_import WHERE id = $1 FOR UPDATE"
_IMPORTABLE = """
SELECT number, entry::text AS entry FROM vault.listing_import_row
WHERE import_id = $1 AND entry IS NOT NULL ORDER BY number
"""
_HELD = """
SELECT corporate_number, internal_key FROM vault.listing_identity
WHERE corporate_number = ANY($1) OR internal_key = ANY($2)
"""
_OUTCOMES = """
UPDATE vault.listing_import_row r SET outcome = o.outcome, listing_id = o.id
FROM unnest($2::int[], $3::text[], $4::uuid[]) AS o(number, outcome, id) WHERE r.import_id = $1 AND r.number = o.number
"""
_DONE = """
UPDATE vault.listing_import SET state = 'committed', committed_at = $2, committed_by = $3, rows_done = rows_importable
WHERE id = $1
"""


def _insert(table: str, columns: Sequence[str]) -> str:
    """Many rows from one JSON array; jsonb_populate_recordset knows every column's own type."""
    names = ", ".join(columns)
    rows = f"jsonb_populate_recordset(NULL::vault.{table}, $1::jsonb)"
    return f"INSERT INTO vault.{table} ({names}) SELECT {names} FROM {rows}"


_LISTINGS = _insert("listing", ("id", "intermediary_id", "responsible_member_id", "internal_reference", "state",
                                "flags", "import_id", "import_row", "version", "created_at", "updated_at"))  # fmt: skip
_KEYS = {"listing_identity": ("listing_id", "intermediary_id")}
_PARTS = {table: _insert(table, (*_KEYS.get(table, ("listing_id",)), *columns)) for table, columns in COLUMNS.items()}
_YEARS = _insert("listing_financials", ("listing_id", *YEAR_COLUMNS))


async def commit_import(tx: AsyncSession, redis: Redis, actor: Actor, import_id: UUID, now: datetime) -> None:
    """Every importable row becomes a draft of this intermediary; a company it holds already stays as it is.

    Once: what was committed before is left alone. Problem not_found; listing_duplicate when the same company was
    entered by hand at this very moment: nothing was imported then, and it can be tried again.
    """
    connection = await driver(tx)
    await connection.execute(_WAIT)
    found = await connection.fetchrow(_LOCK, import_id)
    if found is None:
        raise Problem("not_found")
    if found["state"] == "committed":
        return
    rows = await connection.fetch(_IMPORTABLE, import_id)
    try:
        for start in range(0, len(rows), CHUNK_ROWS):
            chunk = {row["number"]: msgspec.json.decode(row["entry"], type=ListingEntry)
                     for row in rows[start:start + CHUNK_ROWS]}  # fmt: skip
            await _enter(connection, actor, import_id, chunk, now)
            await redis.set(_progress_key(import_id), start + len(chunk), ex=PROGRESS_KEPT_S)
    except BaseException:
        await redis.delete(_progress_key(import_id))  # all of it is rolled back
        raise
    await connection.execute(_DONE, import_id, now, actor.member_id)
    await record(tx, "import.committed", import_id, rows=len(rows))


async def _enter(connection: asyncpg.Connection, actor: Actor, import_id: UUID, chunk: Mapping[int, ListingEntry],
                 now: datetime) -> None:
    held = await _held(connection, chunk.values())
    fresh = {number: (uuid4(), entry) for number, entry in chunk.items() if not _keys(entry) & held}
    listings = [
        {"id": listing_id, "intermediary_id": actor.organisation_id, "responsible_member_id": actor.member_id,
         "internal_reference": entry.internal_reference, "state": "intake", "flags": [], "import_id": import_id,
         "import_row": number, "version": 1, "created_at": now, "updated_at": now}
        for number, (listing_id, entry) in fresh.items()
    ]  # fmt: skip
    await connection.execute(_LISTINGS, _json(listings))
    parts: dict[str, list[dict[str, Any]]] = {table: [] for table in _PARTS}
    years: list[dict[str, Any]] = []
    for listing_id, entry in fresh.values():
        profile = profile_in(entry)
        for table, row in rows_of(profile).items():
            parts[table].append(row | {"listing_id": listing_id, "intermediary_id": actor.organisation_id})
        years += [year | {"listing_id": listing_id} for year in years_of(profile)]
    for table, statement in _PARTS.items():
        await connection.execute(statement, _json(parts[table]))
    await connection.execute(_YEARS, _json(years))
    await connection.execute(
        _OUTCOMES, import_id, list(chunk), ["entered" if number in fresh else "held_already" for number in chunk],
        [fresh[number][0] if number in fresh else None for number in chunk])


def _keys(entry: ListingEntry) -> set[tuple[str, str]]:
    """What an intermediary holds a company once by."""
    named = ((kind, getattr(entry.identity, kind, None)) for kind in ("corporate_number", "internal_key"))
    return {(kind, value) for kind, value in named if value}


async def _held(connection: asyncpg.Connection, entries: Any) -> set[tuple[str, str]]:
    keys = set().union(*map(_keys, entries))
    by_kind = {kind: [value for each, value in keys if each == kind] for kind in ("corporate_number", "internal_key")}
    rows = await connection.fetch(_HELD, *by_kind.values())
    return {(kind, row[kind]) for row in rows for kind in by_kind if row[kind]}


def _progress_key(import_id: UUID) -> str:
    return f"import-progress:{import_id}"


async def rows_done_meanwhile(redis: Redis, import_id: UUID) -> int:
    """Rows of a commit that is under way; 0 when there is none."""
    return int(await redis.get(_progress_key(import_id)) or 0)
