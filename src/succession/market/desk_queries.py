"""What do an acquirer, its desk and an intermediary read of briefs, candidates and introductions?

Every reader runs the same statements: row-level security (0008) decides which rows there are. Candidates are read as
`market_desk`, which has no grant on the vault: a desk gets published codes and their renderings, and nothing else.
"""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

from succession.codes import label
from succession.errors import Problem
from succession.market.match_queries import MatchPage, list_matches, looks_for
from succession.market.matching import Seeker, Wishes
from succession.paging import PageAsked
from succession.standbys import Market

BriefState = Literal["open", "closed"]
IntroductionState = Literal["proposed", "accepted", "declined"]


class Party(msgspec.Struct):
    """An organisation by name; the name is None where it is no longer in good standing."""

    id: UUID
    name: str | None


class Buyer(msgspec.Struct):
    """Who is behind a brief, for the desk it was filed with and for intermediaries it was introduced to."""

    id: UUID
    name: str
    country: str
    buyer_kind: str
    ultimate_parent: str | None
    ultimate_parent_country: str | None
    website: str | None
    business: str | None


class BriefView(msgspec.Struct):
    id: UUID
    state: BriefState
    desk: Party
    buyer: Buyer
    wishes: Wishes
    wishes_in_words: list[str]
    purpose: str
    purpose_label: str
    languages: list[str]
    note: str | None
    filed_at: datetime
    version: int


class BriefPage(msgspec.Struct):
    items: list[BriefView]
    next_cursor: str | None


class DeskList(msgspec.Struct):
    items: list[Party]


class IntroductionView(msgspec.Struct):
    """A teaser introduced under a brief. `intermediary` is None for the desk until it accepts, because a Center's name
    tells the prefecture; `listing_id` is the intermediary's own; the acquirer reads no note and no reason."""

    id: UUID
    state: IntroductionState
    teaser_ref: str
    brief: BriefView
    intermediary: Party | None
    listing_id: UUID | None
    note: str | None
    decline_reason: str | None
    decline_reason_label: str | None
    proposed_at: datetime
    decided_at: datetime | None


class IntroductionPage(msgspec.Struct):
    items: list[IntroductionView]
    next_cursor: str | None


_DESKS = """
SELECT id, legal_name FROM vault.organisation
WHERE kind = 'agency' AND agency_role = 'desk' AND status = 'verified' ORDER BY legal_name, id LIMIT 100
"""


async def list_desks(connection: asyncpg.Connection) -> list[Party]:
    """The agency desks an acquirer can file a brief with."""
    return [Party(row["id"], row["legal_name"]) for row in await connection.fetch(_DESKS)]


# ---------------------------------------------------------------- briefs

_BRIEF_COLUMNS = """
b.id AS brief_id, b.state AS brief_state, b.wishes::text AS wishes, b.purpose, b.languages, b.note AS brief_note,
b.created_at, b.version, b.agency_id, d.legal_name AS agency_name, b.acquirer_id, a.legal_name AS acquirer_name, a.country,
a.buyer_kind, a.ultimate_parent, a.ultimate_parent_country, a.website, a.business
"""
_BRIEF_JOINS = """
JOIN vault.organisation a ON a.id = b.acquirer_id LEFT JOIN vault.organisation d ON d.id = b.agency_id
"""
_BRIEF = f"SELECT {_BRIEF_COLUMNS} FROM vault.brief b {_BRIEF_JOINS} WHERE b.id = $1"
_BRIEFS = f"""
SELECT {_BRIEF_COLUMNS} FROM vault.brief b {_BRIEF_JOINS}
WHERE ($1::text IS NULL OR b.state = $1) AND ($2::timestamptz IS NULL OR (b.created_at, b.id) < ($2, $3))
ORDER BY b.created_at DESC, b.id DESC LIMIT $4
"""


async def find_brief(connection: asyncpg.Connection, brief_id: UUID, locale: str) -> BriefView:
    """Problem not_found for a brief that is not the caller's, its desk's, or introduced to the caller."""
    row = await connection.fetchrow(_BRIEF, brief_id)
    if row is None:
        raise Problem("not_found")
    return _brief(row, locale)


async def list_briefs(connection: asyncpg.Connection, state: BriefState | None, page: PageAsked,
                      locale: str) -> BriefPage:
    """Newest first."""
    query = ["briefs", state]
    rows = await connection.fetch(_BRIEFS, state, *page.moment(query), page.limit + 1)
    rows, cursor = page.cut(rows, query, "created_at", "brief_id")
    return BriefPage([_brief(row, locale) for row in rows], cursor)


def _brief(row: asyncpg.Record, locale: str) -> BriefView:
    wishes = msgspec.json.decode(row["wishes"], type=Wishes)
    return BriefView(
        id=row["brief_id"],
        state=row["brief_state"],
        desk=Party(row["agency_id"], row["agency_name"]),
        buyer=Buyer(row["acquirer_id"], row["acquirer_name"], row["country"], row["buyer_kind"], row["ultimate_parent"],
                    row["ultimate_parent_country"], row["website"], row["business"]),
        wishes=wishes,
        wishes_in_words=looks_for(wishes, locale),
        purpose=row["purpose"],
        purpose_label=label("acquisition_purpose", row["purpose"], locale),
        languages=row["languages"],
        note=row["brief_note"],
        filed_at=row["created_at"],
        version=row["version"],
    )  # fmt: skip


# ---------------------------------------------------------------- candidates


async def list_candidates(market_desk: Market, brief: BriefView, page: PageAsked, today: date, locale: str) -> MatchPage:
    """The teasers a desk may introduce under this brief: what its acquirer would see, were it of the desk's audience.

    `market_desk`: as that role. What the brief's acquirer must never see is no candidate.
    """
    query = ["candidates", str(brief.id), brief.version]
    return await list_matches(market_desk, seeker_of(brief), (brief.buyer.id,), query, page, today, locale)


def seeker_of(brief: BriefView) -> Seeker:
    return Seeker(brief.wishes, brief.buyer.buyer_kind, brief.buyer.country)


# ---------------------------------------------------------------- introductions

_INTRODUCTION_COLUMNS = f"""
i.id, i.state, i.teaser_ref, i.proposed_at, i.decided_at, p.listing_id,
CASE WHEN ops.kind() <> 'acquirer' THEN i.note END AS note,
CASE WHEN ops.kind() <> 'acquirer' THEN i.decline_reason END AS decline_reason,
CASE WHEN ops.kind() <> 'agency' OR i.state = 'accepted' THEN i.intermediary_id END AS intermediary_id,
m.legal_name AS intermediary_name, {_BRIEF_COLUMNS}
"""
_INTRODUCTION_JOINS = f"""
FROM vault.introduction i JOIN vault.brief b ON b.id = i.brief_id {_BRIEF_JOINS}
LEFT JOIN vault.organisation m ON m.id = i.intermediary_id LEFT JOIN vault.publication p ON p.ref = i.teaser_ref
"""
_INTRODUCTION = f"SELECT {_INTRODUCTION_COLUMNS} {_INTRODUCTION_JOINS} WHERE i.id = $1"
_INTRODUCTIONS = f"""
SELECT {_INTRODUCTION_COLUMNS} {_INTRODUCTION_JOINS}
WHERE ($1::text IS NULL OR i.state = $1) AND ($2::uuid IS NULL OR i.brief_id = $2)
  AND ($3::timestamptz IS NULL OR (i.proposed_at, i.id) < ($3, $4))
ORDER BY i.proposed_at DESC, i.id DESC LIMIT $5
"""


async def find_introduction(connection: asyncpg.Connection, introduction_id: UUID, locale: str) -> IntroductionView:
    """Problem not_found for anybody but its desk, its intermediary and, once accepted, its acquirer."""
    row = await connection.fetchrow(_INTRODUCTION, introduction_id)
    if row is None:
        raise Problem("not_found")
    return _introduction(row, locale)


async def list_introductions(connection: asyncpg.Connection, state: IntroductionState | None, brief_id: UUID | None,
                             page: PageAsked, locale: str) -> IntroductionPage:
    """Newest first; of the acquirer only those accepted."""
    query = ["introductions", state, str(brief_id)]
    rows = await connection.fetch(_INTRODUCTIONS, state, brief_id, *page.moment(query), page.limit + 1)
    rows, cursor = page.cut(rows, query, "proposed_at", "id")
    return IntroductionPage([_introduction(row, locale) for row in rows], cursor)


def _introduction(row: asyncpg.Record, locale: str) -> IntroductionView:
    reason = row["decline_reason"]
    return IntroductionView(
        id=row["id"],
        state=row["state"],
        teaser_ref=row["teaser_ref"].hex,
        brief=_brief(row, locale),
        intermediary=Party(row["intermediary_id"], row["intermediary_name"]) if row["intermediary_id"] else None,
        listing_id=row["listing_id"],
        note=row["note"],
        decline_reason=reason,
        decline_reason_label=label("decline_reason", reason, locale) if reason else None,
        proposed_at=row["proposed_at"],
        decided_at=row["decided_at"],
    )
