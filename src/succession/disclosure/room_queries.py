"""What does each side read of the data room: folders, permissions, releases, hints, competition and clean team?

Which rows is row-level security's answer: a buyer sees a folder while it is open to this very member.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import asyncpg
import msgspec

from succession.disclosure.know_how import KnowHow
from succession.disclosure.recipient_checks import BLOCKING, AppiBasis, ExportClass, words
from succession.i18n import translate
from succession.paging import PageAsked

# ---------------------------------------------------------------------------------------------------------------------
# Folders


class FolderView(msgspec.Struct):
    """`documents`: how many of its documents the reader may open. `view_only`: looked at page by page, never taken along."""

    id: UUID
    name: str
    position: int
    know_how_step: KnowHow | None
    competitor_sensitive: bool
    view_only: bool
    documents: int
    version: int


class FolderPage(msgspec.Struct):
    """In the order of `position`."""

    items: list[FolderView]
    next_cursor: str | None


_FOLDER = """SELECT f.id, f.name, f.position, f.know_how_step, f.competitor_sensitive, f.view_only, f.version,
    (SELECT count(*) FROM vault.document d WHERE d.folder_id = f.id AND d.removed_at IS NULL) AS documents
FROM vault.folder f WHERE f.removed_at IS NULL"""


async def list_folders(connection: asyncpg.Connection, listing_id: UUID, page: PageAsked) -> FolderPage:
    query = ["folders", str(listing_id)]
    rows = await connection.fetch(f"{_FOLDER} AND f.listing_id = $1 AND ($2::int IS NULL OR (f.position, f.id) > ($2, $3::uuid)) "
                                  "ORDER BY f.position, f.id LIMIT $4", listing_id, *page.place(query, int, UUID), page.limit + 1)
    return FolderPage(*page.cut([FolderView(**row) for row in rows], query, "position", "id"))


async def find_folder(connection: asyncpg.Connection, folder_id: UUID) -> FolderView | None:
    row = await connection.fetchrow(f"{_FOLDER} AND f.id = $1", folder_id)
    return None if row is None else FolderView(**row)


# ---------------------------------------------------------------------------------------------------------------------
# The owner's permissions, and releases


class FolderPermissionView(msgspec.Struct):
    """A question put to the owner's side, word for word, and what the answers come to. `persons`: who has to say yes; `answered`: how
    many have, null once it ended: who refused, or took a yes back, is not told."""

    id: UUID
    deal_id: UUID
    folder_ids: list[UUID]
    shown_text_ja: str
    asked_at: datetime
    decision: str | None
    decided_at: datetime | None
    method: str | None
    expires_at: datetime
    revoked_at: datetime | None
    persons: list[str]
    answered: int | None


class FolderPermissionPage(msgspec.Struct):
    """Newest first."""

    items: list[FolderPermissionView]
    next_cursor: str | None


_PERMISSION = """SELECT id, deal_id, folder_ids, shown_text_ja, asked_at, decision, decided_at, method, expires_at, revoked_at,
    ARRAY(SELECT d.name FROM vault.decider d WHERE d.subject_id = folder_permission.id ORDER BY d.number) AS persons,
    vault.answers_given(id) AS answered
FROM vault.folder_permission"""


async def list_permissions(connection: asyncpg.Connection, deal_id: UUID, page: PageAsked) -> FolderPermissionPage:
    query = ["folder-permissions", str(deal_id)]
    rows = await connection.fetch(f"{_PERMISSION} WHERE deal_id = $1 AND ($2::timestamptz IS NULL OR (asked_at, id) < ($2, $3::uuid)) "
                                  "ORDER BY asked_at DESC, id DESC LIMIT $4", deal_id, *page.moment(query), page.limit + 1)
    return FolderPermissionPage(*page.cut([FolderPermissionView(**row) for row in rows], query, "asked_at", "id"))


async def find_permission(connection: asyncpg.Connection, permission_id: UUID) -> FolderPermissionView | None:
    row = await connection.fetchrow(f"{_PERMISSION} WHERE id = $1", permission_id)
    return None if row is None else FolderPermissionView(**row)


class FolderGrantView(msgspec.Struct):
    """A release of one folder. `documents`: how many lay in it that day; `live`: all causes hold (for a buyer: for this member)."""

    id: UUID
    deal_id: UUID
    folder_id: UUID
    documents: int
    granted_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    live: bool


class FolderGrantPage(msgspec.Struct):
    """Newest first. For a buyer a release that was taken back does not exist."""

    items: list[FolderGrantView]
    next_cursor: str | None


_GRANT = """SELECT g.id, g.deal_id, g.folder_id, cardinality(g.documents) AS documents, g.granted_at, g.expires_at, g.revoked_at,
    vault.folder_grant_holds(g.id, CASE WHEN vault.party(g.deal_id) = 'seller' THEN NULL ELSE ops.member() END) AS live
FROM vault.folder_grant g"""


async def list_folder_grants(connection: asyncpg.Connection, deal_id: UUID, page: PageAsked) -> FolderGrantPage:
    query = ["folder-grants", str(deal_id)]
    rows = await connection.fetch(f"{_GRANT} WHERE g.deal_id = $1 AND ($2::timestamptz IS NULL OR (g.granted_at, g.id) < ($2, $3::uuid)) "
                                  "ORDER BY g.granted_at DESC, g.id DESC LIMIT $4", deal_id, *page.moment(query), page.limit + 1)
    return FolderGrantPage(*page.cut([FolderGrantView(**row) for row in rows], query, "granted_at", "id"))


async def find_folder_grant(connection: asyncpg.Connection, grant_id: UUID) -> FolderGrantView | None:
    row = await connection.fetchrow(f"{_GRANT} WHERE g.id = $1", grant_id)
    return None if row is None else FolderGrantView(**row)


# ---------------------------------------------------------------------------------------------------------------------
# Hints about where a document would go


class HintView(msgspec.Struct):
    """`hint` is what a confirmation repeats; `blocks`: no reason answers it, the document has to declare more."""

    hint: str
    words: str
    blocks: bool


class RecipientCheckView(msgspec.Struct):
    """One document against where this buyer is. `open`: it is closed to the buyer until a named person confirms these hints.

    Hints and a person's confirmation; nothing here says that a transfer is allowed.
    """

    document_id: UUID
    title: str
    folder: str
    contains_personal_data: bool | None
    appi_basis: AppiBasis | None
    export_control_class: ExportClass
    hints: list[HintView]
    open: bool
    confirmed_by: str | None
    confirmed_at: datetime | None
    confirmed_words: str | None


class RecipientCheckPage(msgspec.Struct):
    """By document."""

    items: list[RecipientCheckView]
    next_cursor: str | None


_CHECK = """SELECT d.id AS document_id, d.title, d.folder, d.contains_personal_data, d.appi_basis, d.export_control_class,
    vault.hints_of(d.id, x.id) AS hints, NOT vault.recipient_checked(d.id, x.id) AS open, c.confirmed_by_name AS confirmed_by,
    c.confirmed_at, c.words AS confirmed_words
FROM vault.deal x JOIN vault.document d ON d.listing_id = x.listing_id AND d.removed_at IS NULL
LEFT JOIN LATERAL (SELECT * FROM vault.recipient_confirmation r WHERE r.document_id = d.id AND r.deal_id = x.id
                   AND r.hints @> vault.hints_of(d.id, x.id) ORDER BY r.confirmed_at DESC, r.id LIMIT 1) c ON true
WHERE x.id = $1 AND vault.party(x.id) = 'seller'"""


async def list_recipient_checks(connection: asyncpg.Connection, deal_id: UUID, locale: str, page: PageAsked) -> RecipientCheckPage:
    """Every document of the listing against this buyer's place; the adviser's to read."""
    query = ["recipient-checks", str(deal_id)]
    rows = await connection.fetch(f"{_CHECK} AND ($2::uuid IS NULL OR d.id > $2) ORDER BY d.id LIMIT $3", deal_id, *page.place(query, UUID),
                                  page.limit + 1)
    return RecipientCheckPage(*page.cut([_check(row, locale) for row in rows], query, "document_id"))


async def find_recipient_check(connection: asyncpg.Connection, deal_id: UUID, document_id: UUID, locale: str) -> RecipientCheckView | None:
    row = await connection.fetchrow(f"{_CHECK} AND d.id = $2", deal_id, document_id)
    return None if row is None else _check(row, locale)


def _check(row: asyncpg.Record, locale: str) -> RecipientCheckView:
    shown = [HintView(hint, translate(words(hint, locale), locale), hint.partition(":")[0] in BLOCKING) for hint in row["hints"]]
    confirmed = row["hints"] and not row["open"]
    return RecipientCheckView(**{**row, "hints": shown} | ({} if confirmed else dict.fromkeys(
        ("confirmed_by", "confirmed_at", "confirmed_words"))))


# ---------------------------------------------------------------------------------------------------------------------
# Competition and clean team


class CompetitionView(msgspec.Struct):
    """One declaration. That a buyer competes counts at once, that it does not once `confirmed_by` is there."""

    id: UUID
    number: int
    deal_id: UUID
    competes: bool
    declared_for: str
    words: str
    declared_at: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None
    confirmed_words: str | None


class CompetitionPage(msgspec.Struct):
    """Newest first; a buyer reads its own."""

    items: list[CompetitionView]
    next_cursor: str | None


_COMPETITION = """SELECT id, number, deal_id, competes, declared_for, words, declared_at, confirmed_by_name AS confirmed_by, confirmed_at,
    CASE WHEN vault.party(deal_id) = 'seller' THEN confirmed_words END AS confirmed_words FROM vault.competitor_declaration"""


async def list_competition(connection: asyncpg.Connection, deal_id: UUID, page: PageAsked) -> CompetitionPage:
    query = ["competition", str(deal_id)]
    rows = await connection.fetch(f"{_COMPETITION} WHERE deal_id = $1 AND ($2::bigint IS NULL OR number < $2) ORDER BY number DESC LIMIT $3",
                                  deal_id, *page.place(query, int), page.limit + 1)
    return CompetitionPage(*page.cut([CompetitionView(**row) for row in rows], query, "number"))


async def find_competition(connection: asyncpg.Connection, declaration_id: UUID) -> CompetitionView | None:
    row = await connection.fetchrow(f"{_COMPETITION} WHERE id = $1", declaration_id)
    return None if row is None else CompetitionView(**row)


class CleanTeamView(msgspec.Struct):
    """Who may read for a competitor. `accepted_by`: null until a named person of the seller's side accepted."""

    id: UUID
    deal_id: UUID
    member_id: UUID
    name: str
    title: str
    outside_firm: str | None
    country: str
    undertaking_hash: str
    undertaken_on: date
    nominated_at: datetime
    accepted_by: str | None
    accepted_at: datetime | None
    ended_at: datetime | None


class CleanTeamPage(msgspec.Struct):
    """Newest first."""

    items: list[CleanTeamView]
    next_cursor: str | None


_CLEAN_TEAM = """SELECT id, deal_id, member_id, name, title, outside_firm, country, encode(undertaking_hash, 'hex') AS undertaking_hash,
    undertaken_on, nominated_at, accepted_by_name AS accepted_by, accepted_at, ended_at FROM vault.clean_team_member"""


async def list_clean_team(connection: asyncpg.Connection, deal_id: UUID, page: PageAsked) -> CleanTeamPage:
    query = ["clean-team", str(deal_id)]
    rows = await connection.fetch(f"{_CLEAN_TEAM} WHERE deal_id = $1 AND ($2::timestamptz IS NULL OR (nominated_at, id) < ($2, $3::uuid)) "
                                  "ORDER BY nominated_at DESC, id DESC LIMIT $4", deal_id, *page.moment(query), page.limit + 1)
    return CleanTeamPage(*page.cut([CleanTeamView(**row) for row in rows], query, "nominated_at", "id"))


async def find_clean_team(connection: asyncpg.Connection, entry_id: UUID) -> CleanTeamView | None:
    row = await connection.fetchrow(f"{_CLEAN_TEAM} WHERE id = $1", entry_id)
    return None if row is None else CleanTeamView(**row)


async def is_party(connection: asyncpg.Connection, deal_id: UUID, *sides: str) -> bool:
    """Whether this scope is one of these sides of the deal."""
    return await connection.fetchval("SELECT vault.party($1)", deal_id) in sides
