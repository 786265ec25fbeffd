"""Who knew a company by name at a moment: to whom what had been released by then, on whose consent, and who had opened it?

Who was told goes on knowing: a release that has ended is in the answer, with its end.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from uuid import UUID

import asyncpg
import msgspec
from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from succession.days import JAPAN
from succession.disclosure.reading_queries import holds_listing
from succession.errors import Problem, field_problem
from succession.http import documented
from succession.i18n import Message, _
from succession.wiring import Read, Who

Moment = Annotated[str, QueryParameter(min_length=10, max_length=40)]


class Group(msgspec.Struct):
    """`fact_group`: a block of the memorandum, `documents` for their list, or 'document:<id>'. `versions`: how many were shown."""

    fact_group: str
    since: datetime
    versions: int


class Opening(msgspec.Struct):
    """Who opened what, from when to when and how often, by the moment asked about."""

    member_id: UUID
    name: str | None
    organisation_id: UUID
    what: str
    first_at: datetime
    last_at: datetime
    times: int


class NamedMember(msgspec.Struct):
    """A member of the buyer, bound by the agreement or having left since. `since`: when the account was made."""

    member_id: UUID
    name: str
    since: datetime


class Knowing(msgspec.Struct):
    """One release. `ended_at`: when it ended, if by the moment asked about. `nda_hash`: SHA-256 of the agreement's text."""

    deal_id: UUID
    project_name: str
    organisation_id: UUID
    organisation: str
    country: str
    representative: str | None
    grant_id: UUID
    level: str
    since: datetime
    ended_at: datetime | None
    consent_by: str | None
    consent_at: datetime | None
    consent_method: str | None
    nda_id: UUID
    nda_hash: str
    nda_signed_at: datetime | None
    nda_signer: str | None
    shown: list[Group]
    opened: list[Opening]
    members: list[NamedMember]


class Knowledge(msgspec.Struct):
    """Releases in their order. `at` is the moment asked about: a day means its end in Japan."""

    at: datetime
    items: list[Knowing]


def moment_of(text: str | None, now: datetime) -> datetime:
    """A day (its end in Japan) or a time with its zone; nothing means now. Raises Problem validation."""
    if not text:
        return now
    try:
        if len(text) == 10:
            return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), JAPAN).astimezone(UTC) - timedelta(microseconds=1)
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            raise ValueError
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise field_problem("at", Message.of(_("Give a day, or a time with its time zone."))) from None


_KNEW = """SELECT to_jsonb(k) - 'nda_hash' || jsonb_build_object('nda_hash', encode(k.nda_hash, 'hex')) AS row FROM vault.who_knew($1, $2) k"""


async def find_knowledge(connection: asyncpg.Connection, listing_id: UUID, at: datetime) -> Knowledge:
    """The one query. Nothing for who may not ask: vault.who_knew answers its holder, its owner and the operator."""
    rows = await connection.fetch(_KNEW, listing_id, at)
    return Knowledge(at, [msgspec.convert(row["row"], Knowing) for row in rows])


@get("/listings/{listing_id:uuid}/knowledge", opt={"permission": "ledger:read"}, operation_id="ReadKnowledge",
     summary="Who knew the company by name on a day: whom it was released to by then, on whose consent, and who had opened it",
     responses=documented("not_found"))
async def read_knowledge(read: Read, actor: Who, listing_id: FromPath[UUID], at: FromQuery[Moment | None] = None) -> Knowledge:
    if actor.kind != "operator" and not await holds_listing(read, listing_id):
        raise Problem("not_found")
    return await find_knowledge(read, listing_id, moment_of(at, datetime.now(UTC)))


ROUTES: list = [read_knowledge]
