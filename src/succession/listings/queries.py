"""What does an intermediary read of its own listings?"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from succession.codes import audiences_in
from succession.errors import Problem
from succession.listings.profile import Profile
from succession.listings.road import listing_actions
from succession.listings.storage import COLUMNS, YEAR_COLUMNS, profile_of
from succession.paging import PageAsked


class ListingView(msgspec.Struct, frozen=True):
    """One listing with its whole profile, spelled as it is written. `actions`: steps of the road open to its holder."""

    id: UUID
    state: str
    state_reason: str | None
    actions: tuple[str, ...]
    flags: tuple[str, ...]
    internal_reference: str | None
    import_id: UUID | None
    import_row: int | None
    version: int
    created_at: datetime
    updated_at: datetime
    profile: Profile


class ListingLine(msgspec.Struct, frozen=True):
    """One line of the intermediary's own list."""

    id: UUID
    state: str
    flags: tuple[str, ...]
    internal_reference: str | None
    name: str | None
    prefecture: str | None
    jsic_code: str | None
    mandate_kind: str | None
    teaser_ref: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime


class ListingPage(msgspec.Struct, frozen=True):
    """Newest first. `next_cursor` is null on the last page."""

    items: list[ListingLine]
    next_cursor: str | None


_ALIASES = {"succession_status": "s", "listing_identity": "i", "listing_contact": "c", "listing_profile": "p"}
PROFILE_COLUMNS = ", ".join(f"{_ALIASES[table]}.{column}" for table, columns in COLUMNS.items() for column in columns)
PROFILE_JOINS = " ".join(f"LEFT JOIN vault.{table} {a} ON {a}.listing_id = l.id" for table, a in _ALIASES.items())

_ONE = f"""
SELECT l.id, l.state, l.state_reason, l.flags, l.internal_reference, l.import_id, l.import_row, l.version, l.created_at,
       l.updated_at, {PROFILE_COLUMNS}
FROM vault.listing l {PROFILE_JOINS}
WHERE l.id = $1
"""
_YEARS = f"SELECT {', '.join(YEAR_COLUMNS)} FROM vault.listing_financials WHERE listing_id = $1"

_LIST = """
SELECT l.id, l.state, l.flags, l.internal_reference, i.legal_name AS name, p.prefecture, p.jsic_code,
       m.kind AS mandate_kind, t.ref AS teaser_ref, l.version, l.created_at, l.updated_at
FROM vault.listing l
LEFT JOIN vault.listing_identity i ON i.listing_id = l.id
LEFT JOIN vault.listing_profile p ON p.listing_id = l.id
LEFT JOIN vault.mandate m ON m.listing_id = l.id AND m.state = 'active'
LEFT JOIN vault.publication t ON t.listing_id = l.id AND t.state = 'published'
WHERE ($1::text IS NULL OR l.state = $1) AND ($2::timestamptz IS NULL OR (l.created_at, l.id) < ($2, $3::uuid))
ORDER BY l.created_at DESC, l.id DESC
LIMIT $4
"""


async def find_listing(read: asyncpg.Connection, listing_id: UUID) -> ListingView:
    """Problem not_found for a listing of somebody else as for none."""
    row = await read.fetchrow(_ONE, listing_id)
    if row is None:
        raise Problem("not_found")
    return ListingView(
        id=row["id"], state=row["state"], state_reason=row["state_reason"],
        actions=listing_actions(row["state"], "intermediary"), flags=tuple(row["flags"]),
        internal_reference=row["internal_reference"], import_id=row["import_id"], import_row=row["import_row"],
        version=row["version"], created_at=row["created_at"], updated_at=row["updated_at"],
        profile=profile_of(row, await read.fetch(_YEARS, listing_id)),
    )  # fmt: skip


async def find_profile(read: asyncpg.Connection, listing_id: UUID) -> Profile:
    """The confidential profile alone; Problem not_found."""
    return (await find_listing(read, listing_id)).profile


async def list_listings(read: asyncpg.Connection, state: str | None, page: PageAsked) -> ListingPage:
    """Newest first."""
    rows, cursor = page.cut(await read.fetch(_LIST, state, *page.moment(["listings", state]), page.limit + 1), ["listings", state], "created_at", "id")
    return ListingPage([ListingLine(**{**row, "flags": tuple(row["flags"])}) for row in map(dict, rows)], cursor)


# ---------------------------------------------------------------------------------------------------------------------
# What the owner was asked and allowed


class ProposalView(msgspec.Struct, frozen=True):
    """One teaser put before the owner's side. `decision` null: not everybody has answered yet, or superseded by a newer one.
    `persons`: who has to say yes; `answered`: how many have, null once it ended: who refused is not told."""

    id: UUID
    proposed_at: datetime
    superseded_at: datetime | None
    audiences_asked: tuple[str, ...]
    decision: str | None
    audiences_granted: tuple[str, ...]
    decided_at: datetime | None
    decided_by: str | None
    method: str | None
    rendering_ja: str
    persons: tuple[str, ...]
    answered: int | None


class ConsentView(msgspec.Struct, frozen=True):
    """`live`: neither withdrawn nor expired."""

    id: UUID
    proposal_id: UUID
    audience: str
    granted_at: datetime
    expires_at: datetime
    withdrawn_at: datetime | None
    live: bool


class ConsentsView(msgspec.Struct, frozen=True):
    """Newest first, the last 50 proposals and 200 consents."""

    proposals: list[ProposalView]
    consents: list[ConsentView]


_PROPOSALS = """
SELECT id, proposed_at, superseded_at, audiences, decision, audiences_granted, decided_at, decided_by, method,
       rendering_ja, ARRAY(SELECT d.name FROM vault.decider d WHERE d.subject_id = teaser_proposal.id ORDER BY d.number) AS persons,
       vault.answers_given(id) AS answered
FROM vault.teaser_proposal WHERE listing_id = $1 ORDER BY proposed_at DESC, id LIMIT 50
"""
_CONSENTS = """
SELECT id, proposal_id, audience, granted_at, expires_at, withdrawn_at,
       withdrawn_at IS NULL AND expires_at > now() AS live
FROM vault.audience_consent WHERE listing_id = $1 ORDER BY granted_at DESC, audience LIMIT 200
"""


async def find_consents(read: asyncpg.Connection, listing_id: UUID) -> ConsentsView:
    """Problem not_found for a listing of somebody else."""
    if await read.fetchval("SELECT 1 FROM vault.listing WHERE id = $1", listing_id) is None:
        raise Problem("not_found")
    proposals = [
        ProposalView(
            row["id"], row["proposed_at"], row["superseded_at"], audiences_in(row["audiences"]), row["decision"],
            audiences_in(row["audiences_granted"] or 0), row["decided_at"], row["decided_by"], row["method"],
            row["rendering_ja"], tuple(row["persons"]), row["answered"],
        )
        for row in await read.fetch(_PROPOSALS, listing_id)
    ]  # fmt: skip
    return ConsentsView(proposals, [ConsentView(**row) for row in await read.fetch(_CONSENTS, listing_id)])
