"""Who else of a company is told to a buyer, and by name or only by role? (Act on the Protection of Personal Information.)

Family, officers, employees and persons at customers are told by role; by name to one buyer, once a second person has confirmed
what they signed themselves (vault.third_person_open). Officers, shareholders and staff stand in the memorandum by role and share
as they were entered (levels.py); here is the family that is known with the company, whose names the database knows.

Whatever text goes out passes `by_role`: a known name that was typed into it comes out as a role. Titles of documents and names of
folders are refused when they name somebody known. What a document itself says is not read by any of this.
"""

from __future__ import annotations

from uuid import UUID

import asyncpg
import msgspec

from succession.errors import field_problem
from succession.i18n import Message, _

THIRD_PERSONS_MOST = 200


class ThirdPerson(msgspec.Struct, frozen=True):
    """Somebody else of the company. `name` is null unless that person agreed to be named to this buyer."""

    role: str
    name: str | None


_KNOWN = f"SELECT role, name FROM vault.third_persons($1, $2) LIMIT {THIRD_PERSONS_MOST}"


async def list_third_persons(connection: asyncpg.Connection, listing_id: UUID, deal_id: UUID) -> list[ThirdPerson]:
    """As the buyer of this deal may be told of them, whoever builds the view; at most THIRD_PERSONS_MOST."""
    return [ThirdPerson(**row) for row in await connection.fetch(_KNOWN, listing_id, deal_id)]


async def by_role(connection: asyncpg.Connection, listing_id: UUID, deal_id: UUID, words: str) -> str:
    """These words, or this JSON, as the buyer of the deal may be told them: known third persons by role unless they consented."""
    return await connection.fetchval("SELECT vault.by_role($1, $2, $3)", listing_id, deal_id, words)


async def refuse_named(connection: asyncpg.Connection, listing_id: UUID, field: str, words: str) -> None:
    """Problem validation, with the field and the person, for words of one's own company that name a known third person."""
    person = await connection.fetchval("SELECT vault.third_person_named($1, $2)", listing_id, words)
    if person is not None:
        raise field_problem(field, Message.of(_("This names {person}. Third persons are told by role only: use another name."), person=person))
