"""How does a member look at a document on another device without signing in there? By a link that is theirs alone, and short-lived.

Of the link a hash is kept. It counts its uses, ends within a day, and before that with the member, the grant or the document, or when
somebody ends it: who made it, or an administrator of the reader's or the holder's firm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor, actor_of_member, hash_secret
from succession.database import Databases
from succession.errors import Problem
from succession.ids import new_token
from succession.outbox import record
from succession.permissions import refusal

LIVE_MOST = 20

_LIVE = text("SELECT count(*) FROM vault.document_link WHERE member_id = ops.member() AND expires_at > now() AND uses < uses_most "
             "AND ended_at IS NULL")
_MAKE = text(
    "INSERT INTO vault.document_link (document_id, listing_id, grant_id, organisation_id, member_id, token_hash, uses_most, expires_at) "
    "SELECT d.id, d.listing_id, g.id, ops.organisation(), ops.member(), :hash, :uses, now() + :life "
    "FROM vault.document d JOIN vault.document_object o ON o.document_id = d.id "
    "JOIN vault.disclosure_grant g ON g.listing_id = d.listing_id AND g.level = d.level "
    "WHERE d.id = :document AND d.removed_at IS NULL AND o.pages IS NOT NULL AND vault.party(g.deal_id) IN ('buyer', 'representative') "
    "AND vault.grant_holds(g.id) ORDER BY g.granted_at DESC LIMIT 1 RETURNING id, uses_most, expires_at")


async def make_link(tx: AsyncSession, actor: Actor, document_id: UUID, uses: int, hours: int) -> tuple[Any, str]:
    """(row, token) of a new link. Raises Problem not_found (no grant, or nothing to look at), limit_reached."""
    if (await tx.execute(_LIVE)).scalar_one() >= LIVE_MOST:
        raise Problem("limit_reached")
    token = new_token()
    made = (await tx.execute(_MAKE, {"document": document_id, "hash": hash_secret(token), "uses": uses,
                                     "life": timedelta(hours=hours)})).first()
    if made is None:
        raise Problem("not_found")
    await record(tx, "make_document_link", document_id, uses=uses, hours=hours)
    return made, token


_END = text("UPDATE vault.document_link SET ended_at = now(), ended_by = ops.member() WHERE id = :id AND ended_at IS NULL")


async def end_link(tx: AsyncSession, link_id: UUID) -> None:
    """From the commit on it opens nothing. Row-level security says whose it is to end: who made it, or an administrator of either side.
    Raises Problem not_found."""
    if (await tx.execute(_END, {"id": link_id})).rowcount == 0:
        raise Problem("not_found")
    await record(tx, "end_document_link", link_id)


@dataclass(frozen=True)
class OpenedLink:
    """For whom a link speaks, about what, and on which grant."""

    link_id: UUID
    actor: Actor
    document_id: UUID
    grant_id: UUID


async def open_link(databases: Databases, visitor: Actor, token: str) -> OpenedLink:
    """Count one use. Raises Problem link_invalid for whatever is not, or not any more, a link."""
    async with databases.apart(visitor.scope()) as connection:
        used = await connection.fetchrow("SELECT * FROM vault.use_document_link($1)", hash_secret(token))
    actor = used and await actor_of_member(databases, used["member_id"])
    if actor is None or refusal(actor, "document:read"):
        raise Problem("link_invalid")
    return OpenedLink(used["link_id"], replace(actor, address=visitor.address, agent=visitor.agent), used["document_id"], used["grant_id"])
