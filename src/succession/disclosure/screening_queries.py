"""What is read of screenings: findings of today, decisions and who waits for whom, alerts; and of the lists they rest on."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

from succession.disclosure.matching import Findings, ListConsulted
from succession.disclosure.screening import Candidate
from succession.paging import PageAsked

# ---------------------------------------------------------------------------------------------------------------------
# Decisions


class ScreeningView(msgspec.Struct):
    """A decision. `state`: `waits` for a second person, `stands`, or `refused`. `words_for_owner` is what the owner reads of it
    (Japanese), with an English rendering. What was decided before runs were kept has no run."""

    id: UUID
    decision: Literal["cleared", "refused"]
    state: Literal["waits", "stands", "refused"]
    run_id: UUID | None
    occasion: str | None
    matcher: str | None
    fingerprint: str | None
    lists: list[ListConsulted]
    candidates: list[Candidate]
    explanation: str | None
    words_for_owner: str
    words_for_owner_en: str
    decided_by: str
    decided_at: datetime
    confirmed_by: str | None
    confirmed_at: datetime | None
    expires_at: datetime


class AlertView(msgspec.Struct):
    """Something new was found without anybody looking: a person decides. `suspends`: nothing is read until then."""

    deal_id: UUID
    project_name: str
    occasion: str
    suspends: bool
    opened_at: datetime
    candidates: list[Candidate]


class ScreeningPage(msgspec.Struct):
    """`findings`: what the lists say now; `screenings`: decisions, newest first; `alerts`: open ones; `fresh`: whether a step that
    asks for a fresh screening may rest on the last one; `hints`: what is missing for a better look."""

    findings: Findings
    screenings: list[ScreeningView]
    alerts: list[AlertView]
    fresh: bool
    hints: list[str]


_SCREENING = """jsonb_build_object('id', s.id, 'decision', s.decision, 'lists', s.lists, 'candidates', s.candidates, 'run_id', s.run_id,
    'state', CASE WHEN s.decision = 'refused' THEN 'refused'
                  WHEN s.run_id IS NULL OR s.candidates = '[]' OR s.confirmed_by IS NOT NULL THEN 'stands' ELSE 'waits' END,
    'occasion', r.occasion, 'matcher', r.matcher, 'fingerprint', r.fingerprint, 'explanation', s.explanation,
    'words_for_owner', s.words_for_owner, 'words_for_owner_en', s.words_for_owner_en, 'decided_by', coalesce(m.name, ''),
    'decided_at', s.decided_at, 'confirmed_by', CASE WHEN s.confirmed_by IS NOT NULL THEN coalesce(c.name, '') END,
    'confirmed_at', s.confirmed_at, 'expires_at', s.expires_at)::text"""
_FROM = """FROM vault.screening s LEFT JOIN vault.screening_run r ON r.id = s.run_id LEFT JOIN vault.member m ON m.id = s.decided_by
LEFT JOIN vault.member c ON c.id = s.confirmed_by"""
_SCREENINGS = f"SELECT {_SCREENING} {_FROM} WHERE s.deal_id = $1 ORDER BY s.decided_at DESC, s.id LIMIT 50"
_ONE = f"SELECT {_SCREENING} {_FROM} WHERE s.id = $1"


async def list_screenings(connection: asyncpg.Connection, deal_id: UUID) -> list[ScreeningView]:
    return [msgspec.json.decode(row[0], type=ScreeningView) for row in await connection.fetch(_SCREENINGS, deal_id)]


async def find_screening(connection: asyncpg.Connection, screening_id: UUID) -> ScreeningView | None:
    found = await connection.fetchval(_ONE, screening_id)
    return None if found is None else msgspec.json.decode(found, type=ScreeningView)


class WaitingPage(msgspec.Struct):
    """Oldest first."""

    items: list[ScreeningView]
    next_cursor: str | None


# Only the newest decision of a deal can be confirmed; a later one stands in its place.
_WAITING = f"""SELECT {_SCREENING} AS found, s.decided_at, s.id {_FROM}
WHERE s.decision = 'cleared' AND s.run_id IS NOT NULL AND s.candidates <> '[]' AND s.confirmed_by IS NULL AND s.decided_by <> $1
  AND NOT EXISTS (SELECT FROM vault.screening n WHERE n.deal_id = s.deal_id AND (n.decided_at, n.id) > (s.decided_at, s.id))
  AND ($2::timestamptz IS NULL OR (s.decided_at, s.id) > ($2, $3::uuid)) ORDER BY s.decided_at, s.id LIMIT $4"""


async def list_waiting(connection: asyncpg.Connection, member_id: UUID, page: PageAsked) -> WaitingPage:
    """Decisions this member may confirm: of colleagues, or for a reviewer those of firms with one member."""
    rows = await connection.fetch(_WAITING, member_id, *page.moment(["screenings"]), page.limit + 1)
    rows, cursor = page.cut(rows, ["screenings"], "decided_at", "id")
    return WaitingPage([msgspec.json.decode(row["found"], type=ScreeningView) for row in rows], cursor)


class AlertPage(msgspec.Struct):
    items: list[AlertView]
    next_cursor: str | None


_ALERTS = """SELECT jsonb_build_object('deal_id', a.deal_id, 'project_name', d.project_name, 'occasion', r.occasion, 'suspends', a.suspends,
    'opened_at', a.opened_at, 'candidates', a.candidates)::text AS found, a.opened_at, a.id
FROM vault.screening_alert a JOIN vault.deal d ON d.id = a.deal_id AND d.terminal IS NULL JOIN vault.screening_run r ON r.id = a.run_id
WHERE NOT EXISTS (SELECT FROM vault.screening s JOIN vault.screening_run x ON x.id = s.run_id
                  WHERE s.deal_id = a.deal_id AND (s.candidates = '[]' OR s.confirmed_by IS NOT NULL) AND x.ran_at >= a.opened_at)"""
_OF_DEAL = f"{_ALERTS} AND a.deal_id = $1 ORDER BY a.opened_at DESC, a.id DESC LIMIT 50"
_OF_FIRM = f"{_ALERTS} AND ($1::bigint IS NULL OR a.id < $1) ORDER BY a.id DESC LIMIT $2"


async def list_alerts_of(connection: asyncpg.Connection, deal_id: UUID) -> list[AlertView]:
    return [msgspec.json.decode(row["found"], type=AlertView) for row in await connection.fetch(_OF_DEAL, deal_id)]


async def list_alerts(connection: asyncpg.Connection, page: PageAsked) -> AlertPage:
    """Open alerts of one's deals, newest first."""
    rows = await connection.fetch(_OF_FIRM, *page.place(["screening-alerts"], int), page.limit + 1)
    rows, cursor = page.cut(rows, ["screening-alerts"], "id")
    return AlertPage([msgspec.json.decode(row["found"], type=AlertView) for row in rows], cursor)


# ---------------------------------------------------------------------------------------------------------------------
# Lists


class ListView(msgspec.Struct):
    """A list one may consult, and its newest version."""

    code: str
    kind: str
    title_ja: str
    title_en: str
    source: str
    terms: str
    licensed_only: bool
    version: int | None
    label: str | None
    as_of: date | None
    entries: int | None
    imported_at: datetime | None


class ListViews(msgspec.Struct):
    items: list[ListView]


_LISTS = """SELECT l.code, l.kind, l.title_ja, l.title_en, l.source, l.terms, l.licensed_only, v.number AS version, v.label, v.as_of, v.entries,
    v.imported_at
FROM vault.screening_list l
LEFT JOIN LATERAL (SELECT * FROM vault.screening_list_version x WHERE x.list_code = l.code ORDER BY x.number DESC LIMIT 1) v ON true
WHERE l.retired_at IS NULL AND ($1::text IS NULL OR l.code = $1) ORDER BY l.code LIMIT 200"""


async def list_lists(connection: asyncpg.Connection, code: str | None = None) -> list[ListView]:
    return [ListView(**row) for row in await connection.fetch(_LISTS, code)]


class VersionView(msgspec.Struct):
    """One version: what its file was (sha256, hex) and what it changed against the one before."""

    number: int
    label: str
    as_of: date
    format: str
    file_name: str | None
    file_hash: str
    entries: int
    added: int
    removed: int
    changed: int
    imported_by: UUID | None
    imported_at: datetime


class VersionPage(msgspec.Struct):
    items: list[VersionView]
    next_cursor: str | None


_VERSIONS = """SELECT number, label, as_of, format, file_name, encode(file_hash, 'hex') AS file_hash, entries, added, removed, changed, imported_by,
    imported_at FROM vault.screening_list_version WHERE list_code = $1 AND ($2::int IS NULL OR number < $2) ORDER BY number DESC LIMIT $3"""


async def list_versions(connection: asyncpg.Connection, code: str, page: PageAsked) -> VersionPage:
    """Newest first."""
    rows = await connection.fetch(_VERSIONS, code, *page.place(["versions", code], int), page.limit + 1)
    rows, cursor = page.cut(rows, ["versions", code], "number")
    return VersionPage([VersionView(**row) for row in rows], cursor)


class ListEntryView(msgspec.Struct):
    id: UUID
    list_code: str
    list_version: str
    name: str
    aliases: list[str]
    weak_aliases: list[str]
    country: str | None
    countries: list[str]
    birth_years: list[int]
    identifiers: list[str]
    kind: Literal["organisation", "person"]
    reason: str | None
    listed_on: date | None
    added_at: datetime


class ListEntryPage(msgspec.Struct):
    items: list[ListEntryView]
    next_cursor: str | None


_LIST_PAGE = """SELECT id, list_code, list_version, name, aliases, weak_aliases, country, countries, birth_years, identifiers, kind, reason,
    listed_on, added_at FROM vault.screening_list_entry
WHERE removed_at IS NULL AND ($1::text IS NULL OR list_code = $1)
  AND ($2::timestamptz IS NULL OR (added_at, id) < ($2, $3::uuid)) ORDER BY added_at DESC, id DESC LIMIT $4"""


async def list_entries(connection: asyncpg.Connection, list_code: str | None, page: PageAsked) -> ListEntryPage:
    query = ["screening-lists", list_code]
    rows = await connection.fetch(_LIST_PAGE, list_code, *page.moment(query), page.limit + 1)
    return ListEntryPage(*page.cut([ListEntryView(**row) for row in rows], query, "added_at", "id"))


class LicenceView(msgspec.Struct):
    """Who may consult a list for licensed members, on what evidence, confirmed by which person of the operator."""

    id: UUID
    list_code: str
    organisation_id: UUID
    from_date: date
    until_date: date
    evidence: str
    evidence_hash: str
    confirmed_by: UUID
    confirmed_at: datetime
    ended_at: datetime | None


class LicencePage(msgspec.Struct):
    items: list[LicenceView]
    next_cursor: str | None


_LICENCES = """SELECT id, list_code, organisation_id, from_date, until_date, evidence, encode(evidence_hash, 'hex') AS evidence_hash, confirmed_by,
    confirmed_at, ended_at FROM vault.list_licence
WHERE ($1::uuid IS NULL OR id = $1) AND ($2::timestamptz IS NULL OR (confirmed_at, id) < ($2, $3::uuid))
ORDER BY confirmed_at DESC, id DESC LIMIT $4"""


async def list_licences(connection: asyncpg.Connection, page: PageAsked) -> LicencePage:
    """Newest first; an intermediary reads its own."""
    rows = await connection.fetch(_LICENCES, None, *page.moment(["licences"]), page.limit + 1)
    rows, cursor = page.cut(rows, ["licences"], "confirmed_at", "id")
    return LicencePage([LicenceView(**row) for row in rows], cursor)


async def find_licence(connection: asyncpg.Connection, licence_id: UUID) -> LicenceView:
    return LicenceView(**(await connection.fetch(_LICENCES, licence_id, None, None, 1))[0])
