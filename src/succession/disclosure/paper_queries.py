"""Which papers does a request have: the NDA and its schedule, the question put to the owner?"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec

from succession.disclosure.nda_text import SEPARATOR

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
    """The question as put to the owner's side, and what the answers come to. `persons`: who has to say yes; `answered`: how many
    have, null once it ended: who refused, or took a yes back, is not told."""

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
    persons: list[str]
    answered: int | None


_NAME_CLEAR = """SELECT jsonb_build_object('id', id, 'shown', shown, 'shown_text_ja', shown_text_ja,
    'shown_hash', encode(shown_hash, 'hex'), 'asked_at', asked_at, 'expires_at', expires_at, 'decision', decision,
    'decided_at', decided_at, 'method', method, 'revoked_at', revoked_at, 'answered', vault.answers_given(id),
    'persons', (SELECT coalesce(jsonb_agg(p.name ORDER BY p.number), '[]') FROM vault.name_clear_person p WHERE p.name_clear_id = name_clear.id))::text
FROM vault.name_clear WHERE deal_id = $1 ORDER BY asked_at DESC, id LIMIT 1"""


async def find_name_clear(connection: asyncpg.Connection, deal_id: UUID) -> NameClearView | None:
    """The last question of a deal; for a buyer there never was one."""
    found = await connection.fetchval(_NAME_CLEAR, deal_id)
    return None if found is None else msgspec.json.decode(found, type=NameClearView)
