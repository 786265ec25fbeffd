"""How does who holds a listing take a case file of it along? It is asked for with a code of one's own, made by the worker, and taken within days.

The key that signs is the worker's, so the worker makes the file: it reads what one says only while it is due (`vault.case_to_make`), seals
it under the key of the company's ledger, and cannot read it back; the database enters it in the ledger with its hash. What nobody
of the holder's may be told is not in it (ops.case_part): who of the owner's side answered what, and when.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.config import Settings
from succession.database import Databases
from succession.disclosure.case_file import parts_of, write_case
from succession.disclosure.subject_keys import Subject, keys_of, unwrap
from succession.disclosure.viewing import AccessEnded
from succession.errors import Problem
from succession.outbox import enqueue, record
from succession.paging import PageAsked
from succession.store.frames import FRAME_BYTES, FrameCipher, Unreadable, frames_of

MOST_BYTES = 256 * 1024 * 1024  # made in memory; a larger one is made by the operator's command


class CaseFileView(msgspec.Struct):
    """`deal_id` null: of the whole listing. `content_hash`: sha256 (hex) of the file, which the entry `case_exported` of the ledger has
    as well. It can be taken until `until`. One that is `too_large` is made by the operator."""

    id: UUID
    listing_id: UUID
    deal_id: UUID | None
    asked_by: UUID
    asked_at: datetime
    state: Literal["asked", "ready", "too_large"]
    size_bytes: int | None
    content_hash: str | None
    until: datetime


class CaseFilePage(msgspec.Struct):
    """Newest first."""

    items: list[CaseFileView]
    next_cursor: str | None


_VIEW = """SELECT c.id, c.listing_id, c.deal_id, c.asked_by, c.asked_at, CASE WHEN c.made_at IS NOT NULL THEN 'ready' ELSE coalesce(c.refused, 'asked') END AS state,
    c.size_bytes, encode(c.content_hash, 'hex') AS content_hash, c.asked_at + r.keep AS until
FROM vault.case_file c JOIN ops.retention r ON r.class = 'case_file' WHERE"""
_LISTED = f"{_VIEW} c.listing_id = $1 AND ($2::timestamptz IS NULL OR (c.asked_at, c.id) < ($2, $3::uuid)) ORDER BY c.asked_at DESC, c.id DESC LIMIT $4"


async def find_case_file(connection: asyncpg.Connection, case_file_id: UUID) -> CaseFileView | None:
    row = await connection.fetchrow(f"{_VIEW} c.id = $1", case_file_id)
    return None if row is None else CaseFileView(**row)


async def list_case_files(connection: asyncpg.Connection, listing_id: UUID, page: PageAsked) -> CaseFilePage:
    query = ["case-files", str(listing_id)]
    rows = await connection.fetch(_LISTED, listing_id, *page.moment(query), page.limit + 1)
    return CaseFilePage(*page.cut([CaseFileView(**row) for row in rows], query, "asked_at", "id"))


_HOLDS = text("SELECT vault.holds(:listing)")
_ASK = text("INSERT INTO vault.case_file (listing_id, deal_id, key_id, asked_by) VALUES (:listing, :deal, :key, :member) RETURNING id")


async def ask_case_file(tx: AsyncSession, actor: Actor, listing_id: UUID, deal_id: UUID | None) -> UUID:
    """Have a file made of a listing, or of one deal of it; its id. Problem not_found; conflict while the same one is being made."""
    if not (await tx.execute(_HOLDS, {"listing": listing_id})).scalar():
        raise Problem("not_found")
    subject = Subject("listing", listing_id)
    key = (await keys_of(tx, [subject]))[subject]
    made = (await tx.execute(_ASK, {"listing": listing_id, "deal": deal_id, "key": key.id, "member": actor.member_id})).scalar_one()
    await enqueue(tx, "case_file", {"case_file": str(made)})
    await record(tx, "ask_case_file", listing_id, deal=deal_id)
    return made


# ---------------------------------------------------------------------------------------------------------------------
# Made by the worker

_FRAMES = "INSERT INTO vault.case_frame (case_file_id, number, sealed) SELECT $1, n - 1, sealed FROM unnest($2::bytea[]) WITH ORDINALITY AS f (sealed, n)"
_MADE = "UPDATE vault.case_file SET made_at = now(), content_hash = $2, size_bytes = $3 WHERE id = $1"
_REFUSED = "UPDATE vault.case_file SET refused = 'too_large' WHERE id = $1"


async def make_case_file(connection: asyncpg.Connection, settings: Settings, _outbox_id: int, payload: dict[str, Any]) -> None:
    """Make, sign and keep a file that is due; nothing when it is there already, or its company was erased. Raises ConfigError without keys."""
    case_file_id = UUID(payload["case_file"])
    rows = await connection.fetch("SELECT part, line FROM vault.case_to_make($1)", case_file_id)
    if not rows:
        return
    asked = json.loads(rows[0]["line"])
    raw, frames = await asyncio.to_thread(_sealed, settings, case_file_id, asked, rows[1:])
    if len(raw) > MOST_BYTES:
        await connection.execute(_REFUSED, case_file_id)
        return
    async with connection.transaction():
        await connection.execute(_FRAMES, case_file_id, frames)
        await connection.execute(_MADE, case_file_id, hashlib.sha256(raw).digest(), len(raw))


def _sealed(settings: Settings, case_file_id: UUID, asked: dict[str, Any], rows: list[asyncpg.Record]) -> tuple[bytes, list[bytes]]:
    """(the file, its sealed frames)."""
    listing_id, deal_id = UUID(asked["listing_id"]), asked["deal_id"] and UUID(asked["deal_id"])
    raw = write_case(settings, parts_of(rows), listing_id, deal_id, datetime.now(UTC))
    wrapped = bytes.fromhex(asked["wrapped"].removeprefix("\\x"))
    cipher = FrameCipher(unwrap(settings, Subject(asked["kind"], UUID(asked["subject_id"])), wrapped, asked["wrapped_by"]), case_file_id)
    last = frames_of(len(raw)) - 1
    return raw, [cipher.seal(n, raw[n * FRAME_BYTES : (n + 1) * FRAME_BYTES], n == last) for n in range(last + 1)]


# ---------------------------------------------------------------------------------------------------------------------
# Taken

_OPENED = text("SELECT listing_id, size_bytes FROM vault.case_file WHERE id = :id AND made_at IS NOT NULL")
_FRAME = "SELECT sealed FROM vault.case_frame WHERE case_file_id = $1 AND number = $2"


@dataclass(frozen=True)
class CaseContent:
    """A file that was made, before one who may take it."""

    databases: Databases
    actor: Actor
    case_file_id: UUID
    listing_id: UUID
    size_bytes: int
    cipher: FrameCipher

    async def frames(self) -> AsyncIterator[bytes]:
        """A megabyte at a time, each asked for anew: whoever may not take it any more gets no further one, and the connection is cut."""
        last = frames_of(self.size_bytes) - 1
        for number in range(last + 1):
            async with self.databases.read(self.actor.scope()) as connection:
                sealed = await connection.fetchval(_FRAME, self.case_file_id, number)
            try:
                yield self.cipher.open(number, sealed or b"", number == last)
            except Unreadable:
                raise AccessEnded from None


async def open_case_file(databases: Databases, actor: Actor, case_file_id: UUID) -> CaseContent:
    """On record before its first byte leaves. Problem not_found, also while it is being made; who erases a company erases its files (0037)."""
    async with databases.tx(actor.scope()) as tx:
        found = (await tx.execute(_OPENED, {"id": case_file_id})).first()
        if found is None:
            raise Problem("not_found")
        subject = Subject("listing", found.listing_id)
        key = (await keys_of(tx, [subject]))[subject].key
        await record(tx, "take_case_file", case_file_id, listing=found.listing_id)
    return CaseContent(databases, actor, case_file_id, found.listing_id, found.size_bytes, FrameCipher(key, case_file_id))
