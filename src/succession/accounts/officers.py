"""By which people and names is an acquirer looked for? Its officers and its names beside the registered one, as it declares them.

A screening looks for them before the NDA, the memorandum and the closing. Nobody is made to declare them: the adviser is told
when there are none. Who is no longer named is kept with the day, because earlier screenings looked for them.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Meta
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.accounts.declarations import name_fault, one_line
from succession.actor import Actor
from succession.codes import SCHEMES
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.outbox import record

OFFICERS_MOST, NAMES_MOST = 50, 20
Line = Annotated[str, Meta(min_length=1, max_length=200)]
Nationality = Literal[tuple(SCHEMES["country"].codes)]
OfficerRole = Literal["representative", "director", "auditor", "executive", "other"]


class Officer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`name` in Latin letters or as registered; `native_name` in the person's own script, where that is another."""

    name: Line
    role: OfficerRole
    nationality: Nationality
    native_name: Line | None = None
    birth_year: Annotated[int, Meta(ge=1900, le=2100)] | None = None


class OtherName(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A former name, the name in the organisation's own script, or one it trades under."""

    kind: Literal["former", "native", "trading"]
    name: Line


class People(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole of it: who is not named any more is taken to have left."""

    officers: Annotated[list[Officer], Meta(max_length=OFFICERS_MOST)]
    names: Annotated[list[OtherName], Meta(max_length=NAMES_MOST)] = []


class OfficerView(msgspec.Struct):
    id: UUID
    name: str
    native_name: str | None
    role: str
    nationality: str
    birth_year: int | None
    declared_at: datetime


class NameView(msgspec.Struct):
    id: UUID
    kind: str
    name: str
    declared_at: datetime


class PeopleView(msgspec.Struct):
    """As declared; nobody has verified it."""

    officers: list[OfficerView]
    names: list[NameView]


_OFFICERS = """SELECT id, name, native_name, role, nationality, birth_year, declared_at FROM vault.organisation_officer
WHERE organisation_id = $1 AND ended_at IS NULL ORDER BY role, name, id"""
_NAMES = "SELECT id, kind, name, declared_at FROM vault.organisation_name WHERE organisation_id = $1 AND ended_at IS NULL ORDER BY kind, name, id"


async def find_people(connection: asyncpg.Connection, organisation_id: UUID) -> PeopleView:
    return PeopleView([OfficerView(**row) for row in await connection.fetch(_OFFICERS, organisation_id)],
                      [NameView(**row) for row in await connection.fetch(_NAMES, organisation_id)])


_LOCK = text("SELECT id FROM vault.organisation WHERE id = :id FOR NO KEY UPDATE")
_KNOWN = text("SELECT id, name, native_name, role, nationality, birth_year FROM vault.organisation_officer "
              "WHERE organisation_id = :id AND ended_at IS NULL")
_KNOWN_NAMES = text("SELECT id, kind, name FROM vault.organisation_name WHERE organisation_id = :id AND ended_at IS NULL")
_END = text("UPDATE vault.organisation_officer SET ended_at = now() WHERE id = :id")
_END_NAME = text("UPDATE vault.organisation_name SET ended_at = now() WHERE id = :id")
_ADD = text("INSERT INTO vault.organisation_officer (organisation_id, name, native_name, role, nationality, birth_year, declared_by) "
            "VALUES (:organisation, :name, :native_name, :role, :nationality, :birth_year, :member)")
_ADD_NAME = text("INSERT INTO vault.organisation_name (organisation_id, kind, name, declared_by) VALUES (:organisation, :kind, :name, :member)")


async def declare_people(tx: AsyncSession, actor: Actor, told: People) -> None:
    """Write down who came and who left. Problem validation for a name that cannot be read as one."""
    if actor.kind != "acquirer":
        raise Problem("forbidden")
    officers = {_read(officer, f"officers[{number}]") for number, officer in enumerate(told.officers)}
    names = {OtherName(each.kind, _line(each.name, f"names[{number}].name")) for number, each in enumerate(told.names)}
    own = {"organisation": actor.organisation_id, "member": actor.member_id}
    await tx.execute(_LOCK, {"id": actor.organisation_id})
    known = {Officer(row.name, row.role, row.nationality, row.native_name, row.birth_year): row.id
             for row in await tx.execute(_KNOWN, {"id": actor.organisation_id})}
    known_names = {OtherName(row.kind, row.name): row.id for row in await tx.execute(_KNOWN_NAMES, {"id": actor.organisation_id})}
    for officer in known.keys() - officers:
        await tx.execute(_END, {"id": known[officer]})
    for officer in officers - known.keys():
        await tx.execute(_ADD, own | msgspec.structs.asdict(officer))
    for name in known_names.keys() - names:
        await tx.execute(_END_NAME, {"id": known_names[name]})
    for name in names - known_names.keys():
        await tx.execute(_ADD_NAME, own | msgspec.structs.asdict(name))
    await record(tx, "people_declared", actor.organisation_id, officers=len(officers), names=len(names))


def _read(officer: Officer, path: str) -> Officer:
    native = _line(officer.native_name, f"{path}.native_name") if officer.native_name else None
    return msgspec.structs.replace(officer, name=_line(officer.name, f"{path}.name"), native_name=native)


def _line(written: str, path: str) -> str:
    name = one_line(written)
    if fault := name_fault(name) or (None if re.search(r"\w", name) else Message.of(_("A name has a letter at least."))):
        raise field_problem(path, fault)
    return name
