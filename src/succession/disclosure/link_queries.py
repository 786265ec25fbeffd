"""Which links to documents still open, who made them, and how often were they used? Of a link only a hash is kept: none can be read back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from succession.paging import PageAsked


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


class LiveLinkPage(msgspec.Struct):
    """Newest first."""

    items: list[LiveLink]
    next_cursor: str | None


_LIVE = """SELECT k.id, k.document_id, k.member_id, coalesce(o.legal_name, '') AS organisation, k.uses, k.uses_most, k.made_at, k.expires_at
FROM vault.document_link k LEFT JOIN vault.organisation o ON o.id = k.organisation_id
WHERE k.listing_id = $1 AND k.ended_at IS NULL AND k.expires_at > now() AND k.uses < k.uses_most
  AND ($2::timestamptz IS NULL OR (k.made_at, k.id) < ($2, $3::uuid)) ORDER BY k.made_at DESC, k.id DESC LIMIT $4"""


async def list_live_links(connection: asyncpg.Connection, listing_id: UUID, page: PageAsked) -> LiveLinkPage:
    """Those this scope may end."""
    query = ["document-links", str(listing_id)]
    rows = await connection.fetch(_LIVE, listing_id, *page.moment(query), page.limit + 1)
    return LiveLinkPage(*page.cut([LiveLink(**row) for row in rows], query, "made_at", "id"))
