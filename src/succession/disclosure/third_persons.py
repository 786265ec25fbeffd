"""Who else of a company is told to a buyer, and by name or only by role? (Act on the Protection of Personal Information.)

Family, officers, employees and persons at customers are told by role; by name to one buyer, once a second person has confirmed
what they signed themselves (vault.third_person_open). Officers, shareholders and staff stand in the memorandum by role and share
as they were entered (levels.py); here is the family that is known with the company, whose names the database knows.
"""

from __future__ import annotations

from uuid import UUID

import asyncpg
import msgspec

THIRD_PERSONS_MOST = 200


class ThirdPerson(msgspec.Struct, frozen=True):
    """Somebody else of the company. `name` is null unless that person agreed to be named to this buyer."""

    role: str
    name: str | None


_KNOWN = f"SELECT role, name FROM vault.third_persons($1, $2) LIMIT {THIRD_PERSONS_MOST}"


async def list_third_persons(connection: asyncpg.Connection, listing_id: UUID, deal_id: UUID) -> list[ThirdPerson]:
    """As the buyer of this deal may be told of them, whoever builds the view; at most THIRD_PERSONS_MOST."""
    return [ThirdPerson(**row) for row in await connection.fetch(_KNOWN, listing_id, deal_id)]
