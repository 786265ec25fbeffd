"""Which links to documents still open, who made them, and how often were they used? Of a link only a hash is kept: none can be read back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec


class LiveLink(msgspec.Struct):
    """`organisation`: the firm of the member who made it, for themselves."""

    id: UUID
    document_id: UUID
    member_id: UUID
    organisation: str
    uses: int
    uses_most: int
    made_at: datetime
    expires_at: datetime


_LIVE = """SELECT k.id, k.document_id, k.member_id, coalesce(o.legal_name, '') AS organisation, k.uses, k.uses_most, k.made_at, k.expires_at
FROM vault.document_link k LEFT JOIN vault.organisation o ON o.id = k.organisation_id
WHERE k.listing_id = $1 AND k.ended_at IS NULL AND k.expires_at > now() AND k.uses < k.uses_most ORDER BY k.made_at DESC, k.id LIMIT 500"""


async def list_live_links(connection: asyncpg.Connection, listing_id: UUID) -> list[LiveLink]:
    """Newest first, at most 500: those this scope may end."""
    return [LiveLink(**row) for row in await connection.fetch(_LIVE, listing_id)]
