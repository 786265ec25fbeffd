"""For which acquirer may an intermediary act today?

The intermediary records the representation with the hash of its document, an administrator of the acquirer confirms
it, and either ends it. While it is in force the intermediary searches and requests for the acquirer: the acquirer's
exclusions hold, and only the acquirer signs, so that the intermediary is bound by the acquirer's NDA.
"""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.database import Databases
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.market.desk_queries import Party
from succession.market.queries import audience_role, viewers
from succession.outbox import mail, record
from succession.paging import PageAsked
from succession.tables.deals import Representation


class NewRepresentation(msgspec.Struct, forbid_unknown_fields=True):
    """`document_hash`: SHA-256 of the signed document, in hex. Both days belong to the term."""

    acquirer_id: UUID
    document_hash: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    from_date: date
    until_date: date


class RepresentationView(msgspec.Struct):
    """`state` is as of today; the acquirer's name is None for the intermediary until the acquirer confirms."""

    id: UUID
    state: Literal["recorded", "to_come", "in_force", "expired", "ended"]
    intermediary: Party
    acquirer: Party
    document_hash: str
    from_date: date
    until_date: date
    recorded_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None


class RepresentationPage(msgspec.Struct):
    items: list[RepresentationView]
    next_cursor: str | None


_COLUMNS = """
SELECT r.id, r.intermediary_id, i.legal_name AS intermediary_name, r.acquirer_id, a.legal_name AS acquirer_name,
       r.document_hash, r.from_date, r.until_date, r.recorded_at, r.confirmed_at, r.ended_at,
       CASE WHEN r.ended_at IS NOT NULL THEN 'ended'
            WHEN r.until_date < current_date THEN 'expired'
            WHEN r.confirmed_at IS NULL THEN 'recorded'
            WHEN r.from_date > current_date THEN 'to_come'
            ELSE 'in_force' END AS state
FROM vault.representation r
LEFT JOIN vault.organisation i ON i.id = r.intermediary_id LEFT JOIN vault.organisation a ON a.id = r.acquirer_id
"""
_ONE = f"{_COLUMNS} WHERE r.id = $1"
_LIST = f"""
{_COLUMNS} WHERE $1::timestamptz IS NULL OR (r.recorded_at, r.id) < ($1, $2)
ORDER BY r.recorded_at DESC, r.id DESC LIMIT $3
"""


async def find_representation(connection: asyncpg.Connection, representation_id: UUID) -> RepresentationView:
    """Problem not_found for one of which the caller is no side."""
    row = await connection.fetchrow(_ONE, representation_id)
    if row is None:
        raise Problem("not_found")
    return _view(row)


async def list_representations(connection: asyncpg.Connection, page: PageAsked) -> RepresentationPage:
    """Newest first, of either side."""
    query = ["representations"]
    rows = await connection.fetch(_LIST, *page.moment(query), page.limit + 1)
    rows, cursor = page.cut(rows, query, "recorded_at", "id")
    return RepresentationPage([_view(row) for row in rows], cursor)


def _view(row: asyncpg.Record) -> RepresentationView:
    return RepresentationView(
        id=row["id"], state=row["state"], intermediary=Party(row["intermediary_id"], row["intermediary_name"]),
        acquirer=Party(row["acquirer_id"], row["acquirer_name"]), document_hash=row["document_hash"].hex(),
        from_date=row["from_date"], until_date=row["until_date"], recorded_at=row["recorded_at"],
        confirmed_at=row["confirmed_at"], ended_at=row["ended_at"])  # fmt: skip


async def viewers_for(databases: Databases, actor: Actor, acting_for: UUID | None) -> tuple[UUID, ...]:
    """Whose exclusions hold in a search: the caller's, and those of the acquirer it acts for.

    Problem representation_needed, for an acquirer that does not exist as for one that confirmed nothing.
    """
    if acting_for is None:
        return viewers(actor)
    in_force = "SELECT vault.represents($1, $2)"
    if audience_role(actor) != "market_domestic" or not await databases.app.fetchval(in_force, actor.organisation_id, acting_for):
        raise Problem("representation_needed")
    return (*viewers(actor), acting_for)


# ---------------------------------------------------------------- writing


async def record_representation(tx: AsyncSession, actor: Actor, new: NewRepresentation, link: str) -> UUID:
    """Problem not_found for what is no acquirer in good standing. The acquirer is asked to confirm."""
    if new.until_date < new.from_date:
        raise field_problem("until_date", Message.of(_("A term does not end before it begins.")))
    made = Representation(
        intermediary_id=actor.organisation_id, acquirer_id=new.acquirer_id,
        document_hash=bytes.fromhex(new.document_hash), from_date=new.from_date, until_date=new.until_date,
        recorded_by=actor.member_id)  # fmt: skip
    tx.add(made)
    await tx.flush()
    await record(tx, "record_representation", made.id, acquirer=new.acquirer_id)
    await mail(tx, "representation_recorded", organisation=new.acquirer_id, link=link)
    return made.id


async def confirm_representation(tx: AsyncSession, actor: Actor, representation_id: UUID, link: str) -> None:
    """By an administrator of the acquirer, once. Problem not_found, representation_settled."""
    found = await _settle(tx, representation_id, Representation.confirmed_at.is_(None),
                          confirmed_by=actor.member_id, confirmed_at=func.now())
    await record(tx, "confirm_representation", found.id)
    await mail(tx, "representation_confirmed", organisation=found.intermediary_id, link=link)


async def end_representation(tx: AsyncSession, actor: Actor, representation_id: UUID, link: str) -> None:
    """By either side, from now on; refusing to confirm is ending too. Problem not_found, representation_settled."""
    found = await _settle(tx, representation_id, ended_at=func.now())
    other = found.acquirer_id if actor.organisation_id == found.intermediary_id else found.intermediary_id
    await record(tx, "end_representation", found.id)
    await mail(tx, "representation_ended", organisation=other, link=link)


async def _settle(tx: AsyncSession, representation_id: UUID, *when: object, **values: object):
    """The row changed while it has not ended; Problem not_found or representation_settled."""
    row = (await tx.execute(
        update(Representation).where(Representation.id == representation_id, Representation.ended_at.is_(None), *when)
        .values(**values)
        .returning(Representation.id, Representation.intermediary_id, Representation.acquirer_id)
        .execution_options(synchronize_session=False))).first()
    if row is None:
        known = await tx.scalar(select(Representation.id).where(Representation.id == representation_id))
        raise Problem("representation_settled" if known else "not_found")
    return row
