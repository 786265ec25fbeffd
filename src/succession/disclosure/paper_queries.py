"""Which papers does a request have: the schedule of the NDA, the question put to the owner?"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec

from succession.disclosure.nda_text import SEPARATOR

# ---------------------------------------------------------------------------------------------------------------------
# Schedule


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
