"""With which key are the documents of a listing sealed, and what happens when it is destroyed? Then nobody reads them any more.

Erasing takes two persons of the holder: the first asks, with a reason; the second, within a fortnight, confirms.
"""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.config import ConfigError
from succession.errors import Problem
from succession.outbox import record
from succession.store.frames import Unreadable
from succession.store.vault import Vault
from succession.store.wrapping import new_data_key

log = logging.getLogger("succession.documents")

_FIND = "SELECT wrapping, wrapped FROM vault.listing_key WHERE listing_id = $1"
_MAKE = "INSERT INTO vault.listing_key (listing_id, wrapping, wrapped) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
_REGISTER = "INSERT INTO vault.store_object (id, listing_id, purpose, keep_until) VALUES ($1, $2, $3, now() + interval '3 hours')"


async def data_key(connection: asyncpg.Connection, vault: Vault, listing_id: UUID) -> bytes:
    """The key of a listing. Raises Unreadable when it was destroyed or this scope may not have it."""
    row = await connection.fetchrow(_FIND, listing_id)
    if row is None:
        raise Unreadable
    return vault.wrapping.unwrap(row["wrapping"], row["wrapped"], listing_id)


async def data_key_to_seal(connection: asyncpg.Connection, vault: Vault, listing_id: UUID) -> bytes:
    """The same for its holder, made when there is none yet. Raises Problem documents_erased,
    unavailable (no key file on this machine)."""
    try:
        if await connection.fetchrow(_FIND, listing_id) is None:
            await connection.execute(_MAKE, listing_id, *vault.wrapping.wrap(new_data_key(), listing_id))
        return await data_key(connection, vault, listing_id)
    except Unreadable:
        raise Problem("documents_erased") from None
    except ConfigError as error:
        log.error("no key to seal documents with: %s", error)
        raise Problem("unavailable") from None


async def register(connection: asyncpg.Connection, listing_id: UUID, object_id: UUID, purpose: str) -> None:
    """Enter an object before its first byte is written: what nobody makes permanent is swept away after three hours."""
    await connection.execute(_REGISTER, object_id, listing_id, purpose)


# ---------------------------------------------------------------------------------------------------------------------
# Erasing


class ErasureView(msgspec.Struct):
    """`erased_at` is null until a second person has confirmed; an ask is good for fourteen days."""

    listing_id: UUID
    reason: str
    asked_by: UUID
    asked_at: datetime
    erased_at: datetime | None


_ASK = text("UPDATE vault.listing_key SET erasure_reason = :reason, erasure_asked_by = :member, erasure_asked_at = now() "
            "WHERE listing_id = :listing AND destroyed_at IS NULL")
_ASKED = text("SELECT listing_id, erasure_reason AS reason, erasure_asked_by AS asked_by, erasure_asked_at AS asked_at, "
              "destroyed_at AS erased_at FROM vault.listing_key WHERE listing_id = :listing AND vault.holds(listing_id)")


async def ask_erasure(tx: AsyncSession, actor: Actor, listing_id: UUID, reason: str) -> ErasureView:
    """Ask that every document of a listing become unreadable for good. Raises Problem not_found, documents_erased."""
    row = (await tx.execute(_ASKED, {"listing": listing_id})).first()
    if row is None:
        raise Problem("not_found")
    if row.erased_at is not None:
        raise Problem("documents_erased")
    await tx.execute(_ASK, {"listing": listing_id, "reason": reason, "member": actor.member_id})
    await record(tx, "ask_document_erasure", listing_id)
    return await _view(tx, listing_id)


async def confirm_erasure(tx: AsyncSession, actor: Actor, listing_id: UUID) -> ErasureView:
    """Destroy the key. Raises Problem not_found, step_refused (nobody asked), second_confirmation_needed, documents_erased."""
    row = (await tx.execute(_ASKED, {"listing": listing_id})).first()
    if row is None:
        raise Problem("not_found")
    if row.erased_at is not None:
        raise Problem("documents_erased")
    if row.asked_by is None:
        raise Problem("step_refused")
    if row.asked_by == actor.member_id:
        raise Problem("second_confirmation_needed")
    if not (await tx.execute(text("SELECT vault.erase_documents(:listing)"), {"listing": listing_id})).scalar():
        raise Problem("step_refused")
    await record(tx, "erase_documents", listing_id)
    return await _view(tx, listing_id)


async def _view(tx: AsyncSession, listing_id: UUID) -> ErasureView:
    return ErasureView(**(await tx.execute(_ASKED, {"listing": listing_id})).one()._mapping)
