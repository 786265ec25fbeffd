"""Which papers does a request have: screening findings, the NDA and its schedule, the question put to the owner?"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec

from succession.disclosure.nda_text import SEPARATOR
from succession.disclosure.screening import Candidate, ListEntry, Party

# ---------------------------------------------------------------------------------------------------------------------
# Screening


class ListConsulted(msgspec.Struct, frozen=True):
    """One block list as it stood: its newest version and how many names it held."""

    code: str
    version: str
    entries: int


class Findings(msgspec.Struct, frozen=True):
    """What the matcher proposes today. `fingerprint` (sha256, hex) proves that these very findings were read."""

    lists: list[ListConsulted]
    candidates: list[Candidate]
    fingerprint: str


class ScreeningView(msgspec.Struct):
    """A decided screening; `words_for_owner` is what the owner reads of it (Japanese), with an English rendering."""

    id: UUID
    decision: Literal["cleared", "refused"]
    lists: list[ListConsulted]
    candidates: list[Candidate]
    words_for_owner: str
    words_for_owner_en: str
    decided_by: str
    decided_at: datetime
    expires_at: datetime


class ScreeningPage(msgspec.Struct):
    """`findings`: what the lists say now; `screenings`: decided ones, newest first."""

    findings: Findings
    screenings: list[ScreeningView]


_PARTIES = """
SELECT name, role, kind, country FROM (
  SELECT legal_name AS name, 'organisation' AS role, 'organisation' AS kind, country FROM vault.organisation WHERE id = $1
  UNION ALL SELECT ultimate_parent, 'parent', 'organisation', ultimate_parent_country FROM vault.organisation WHERE id = $1
  UNION ALL SELECT group_name, 'parent', 'organisation', NULL FROM vault.organisation WHERE id = $1
  UNION ALL SELECT name, 'beneficial_owner', kind, country FROM vault.beneficial_owner
            CROSS JOIN (VALUES ('person'), ('organisation')) AS k(kind) WHERE organisation_id = $1) p
WHERE name IS NOT NULL"""
_ENTRIES = """SELECT list_code, list_version, name, aliases, country, kind FROM vault.screening_list_entry
WHERE removed_at IS NULL ORDER BY list_code, name, id"""
_LISTS = """SELECT list_code AS code, (array_agg(list_version ORDER BY added_at DESC, id DESC))[1] AS version, count(*) AS entries
FROM vault.screening_list_entry WHERE removed_at IS NULL GROUP BY list_code ORDER BY list_code"""


async def find_screening_input(connection: asyncpg.Connection, buyer_id: UUID) -> tuple[list[Party], list[ListEntry], list[ListConsulted]]:
    """Whom to look for, where, and which lists that is. A beneficial owner is sought among persons and organisations."""
    parties = [Party(**row) for row in await connection.fetch(_PARTIES, buyer_id)]
    entries = [ListEntry(**{**row, "aliases": tuple(row["aliases"])}) for row in await connection.fetch(_ENTRIES)]
    return parties, entries, [ListConsulted(**row) for row in await connection.fetch(_LISTS)]


_SCREENINGS = """SELECT jsonb_build_object('id', s.id, 'decision', s.decision, 'lists', s.lists, 'candidates', s.candidates,
    'words_for_owner', s.words_for_owner, 'words_for_owner_en', s.words_for_owner_en, 'decided_by', coalesce(m.name, ''),
    'decided_at', s.decided_at, 'expires_at', s.expires_at)::text
FROM vault.screening s LEFT JOIN vault.member m ON m.id = s.decided_by WHERE s.deal_id = $1
ORDER BY s.decided_at DESC, s.id LIMIT 50"""


async def list_screenings(connection: asyncpg.Connection, deal_id: UUID) -> list[ScreeningView]:
    return [msgspec.json.decode(row[0], type=ScreeningView) for row in await connection.fetch(_SCREENINGS, deal_id)]


class ListEntryView(msgspec.Struct):
    id: UUID
    list_code: str
    list_version: str
    name: str
    aliases: list[str]
    country: str | None
    kind: Literal["organisation", "person"]
    reason: str | None
    added_at: datetime


class ListEntryPage(msgspec.Struct):
    items: list[ListEntryView]
    next_cursor: str | None


_LIST_PAGE = """SELECT id, list_code, list_version, name, aliases, country, kind, reason, added_at FROM vault.screening_list_entry
WHERE removed_at IS NULL AND ($1::text IS NULL OR list_code = $1)
  AND ($2::timestamptz IS NULL OR (added_at, id) < ($2, $3::uuid)) ORDER BY added_at DESC, id DESC LIMIT $4"""


async def list_entries(connection: asyncpg.Connection, list_code: str | None, after: tuple[datetime, UUID] | None,
                       limit: int) -> list[ListEntryView]:
    return [ListEntryView(**row) for row in await connection.fetch(_LIST_PAGE, list_code, *(after or (None, None)), limit)]


# ---------------------------------------------------------------------------------------------------------------------
# NDA and schedule


class NdaView(msgspec.Struct):
    """The NDA as shown. `text_hash` is the sha256 (hex) of the UTF-8 bytes of text_ja + separator + text_en; who signs
    states it. The Japanese text prevails."""

    id: UUID
    form: Literal["two_party", "one_way"]
    template_version: str
    text_ja: str
    separator: str
    text_en: str
    text_hash: str
    term_months: int
    state: Literal["offered", "signed", "expired", "ended"]
    offered_at: datetime
    signer_name: str | None
    signer_title: str | None
    signed_at: datetime | None
    expires_at: datetime | None
    ended_at: datetime | None


_NDA = """SELECT id, form, template_version, text_ja, text_en, encode(text_hash, 'hex') AS text_hash, term_months, offered_at,
    signer_name, signer_title, signed_at, expires_at, ended_at,
    CASE WHEN ended_at IS NOT NULL THEN 'ended' WHEN signed_at IS NULL THEN 'offered' WHEN expires_at <= now() THEN 'expired'
         ELSE 'signed' END AS state
FROM vault.nda WHERE deal_id = $1 ORDER BY ended_at IS NOT NULL, offered_at DESC LIMIT 1"""


async def find_nda(connection: asyncpg.Connection, deal_id: UUID) -> NdaView | None:
    """The open NDA of a deal, else the last one."""
    row = await connection.fetchrow(_NDA, deal_id)
    return None if row is None else NdaView(separator=SEPARATOR, **row)


class ScheduleView(msgspec.Struct):
    """What binds the NDA to the company; hashed like the NDA itself."""

    id: UUID
    nda_id: UUID
    text_ja: str
    separator: str
    text_en: str
    text_hash: str
    ledger_entry_id: UUID
    bound_at: datetime


async def find_schedule(connection: asyncpg.Connection, deal_id: UUID) -> ScheduleView | None:
    row = await connection.fetchrow(
        "SELECT id, nda_id, text_ja, text_en, encode(text_hash, 'hex') AS text_hash, ledger_entry_id, bound_at "
        "FROM vault.nda_schedule WHERE deal_id = $1 ORDER BY bound_at DESC LIMIT 1", deal_id)
    return None if row is None else ScheduleView(separator=SEPARATOR, **row)


# ---------------------------------------------------------------------------------------------------------------------
# Name clear


class NameClearView(msgspec.Struct):
    """The question as put to the owner, and the answer."""

    id: UUID
    shown: dict[str, Any]
    shown_text_ja: str
    shown_hash: str
    asked_at: datetime
    expires_at: datetime
    decision: Literal["yes", "no", "ask_adviser"] | None
    decided_at: datetime | None
    method: Literal["link", "paper"] | None
    revoked_at: datetime | None


_NAME_CLEAR = """SELECT jsonb_build_object('id', id, 'shown', shown, 'shown_text_ja', shown_text_ja,
    'shown_hash', encode(shown_hash, 'hex'), 'asked_at', asked_at, 'expires_at', expires_at, 'decision', decision,
    'decided_at', decided_at, 'method', method, 'revoked_at', revoked_at)::text
FROM vault.name_clear WHERE deal_id = $1 ORDER BY asked_at DESC, id LIMIT 1"""


async def find_name_clear(connection: asyncpg.Connection, deal_id: UUID) -> NameClearView | None:
    """The last question of a deal; for a buyer there never was one."""
    found = await connection.fetchval(_NAME_CLEAR, deal_id)
    return None if found is None else msgspec.json.decode(found, type=NameClearView)
