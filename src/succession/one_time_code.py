"""Is whoever acts here the one whose mailbox, or ear, we know? Six digits for one act of one holder, spent once.

A code belongs to (purpose, subject, holder): what for, on which row, by whom ("member:<id>", "contact:<id>"). Only a keyed
hash of it is kept. It lives 15 minutes and dies by the fifth wrong try, by a newer code, or by being spent; wrong tries are
counted apart from the caller's transaction, so that a refusal does not roll them back. No scope matters: an adviser may
issue what the owner types.
"""

from __future__ import annotations

import hmac
import re
import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.config import Settings
from succession.database import Databases
from succession.errors import Problem
from succession.i18n import Message, _

DIGITS = 6
VALID = timedelta(minutes=15)
WRONG_TRIES_MOST = 5  # db/migrations/0016 counts them
Channel = Literal["mail", "spoken"]

_ISSUE = text("SELECT code_id, wait_s FROM ops.issue_code(:purpose, :subject, :holder, :channel, :hash, :valid_s)")
_TRY = "SELECT ops.try_code($1, $2, $3, $4)"
_SPEND = text("SELECT code_id, sent_through, issued, spent FROM ops.spend_code(:purpose, :subject, :holder, :hash)")


class SpentCode(NamedTuple):
    """What stays as evidence of a code: its row's id, the way it went, when it was issued and used."""

    id: UUID
    channel: str
    issued_at: datetime
    spent_at: datetime


async def issue(tx: AsyncSession, settings: Settings, purpose: str, subject_id: UUID, holder: str, channel: Channel = "mail") -> str:
    """A new code, to be mailed (in this transaction) or spoken; an older one for the same act is dead from the commit on.

    Raises Problem rate_limited after five an hour or ten a day.
    """
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    row = (await tx.execute(_ISSUE, {
        "purpose": purpose, "subject": subject_id, "holder": holder, "channel": channel,
        "hash": _hash(settings, purpose, subject_id, holder, code), "valid_s": int(VALID.total_seconds()),
    })).one()
    if row.code_id is None:
        raise Problem("rate_limited", Message.of(_("Too many codes were asked for. Please wait.")), headers={"Retry-After": str(row.wait_s)})
    return code


async def spend(tx: AsyncSession, databases: Databases, settings: Settings, purpose: str, subject_id: UUID, holder: str,
                code: str) -> SpentCode:
    """Use a code for the act this transaction records; when that is rolled back the code is still there.

    Raises Problem code_invalid, code_expired, rate_limited (five wrong tries: a new code is needed).
    """
    hashed = _hash(settings, purpose, subject_id, holder, typed(code))
    async with databases.apart(tx.info["scope"]) as connection:
        outcome = await connection.fetchval(_TRY, purpose, subject_id, holder, hashed)
    if outcome != "right":
        raise _refusal(outcome)
    spent = (await tx.execute(_SPEND, {"purpose": purpose, "subject": subject_id, "holder": holder, "hash": hashed})).first()
    if spent is None:  # somebody else spent it, or it ran out, between the two statements
        raise Problem("code_invalid")
    return SpentCode(*spent)


def _refusal(outcome: str) -> Problem:
    if outcome == "used_up":
        return Problem("rate_limited", Message.of(_("This code was tried too often. Ask for a new one.")))
    return Problem("code_expired" if outcome == "expired" else "code_invalid")


def typed(written: str) -> str:
    """The digits of what somebody typed: full width, with spaces or hyphens between them. Anything else stays as it is, and is wrong."""
    return re.sub(r"[\s\u3000-]", "", written.translate(_FULL_WIDTH))[:20]


_FULL_WIDTH = {0xFF10 + digit: str(digit) for digit in range(10)}


def _hash(settings: Settings, purpose: str, subject_id: UUID, holder: str, code: str) -> bytes:
    bound = "\0".join((purpose, str(subject_id), holder, code)).encode(errors="replace")
    return hmac.new(settings.key("one-time-code"), bound, sha256).digest()
