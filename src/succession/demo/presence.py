"""Is the demo in this database already, and may it come in?

Asked before anything else is loaded: a demo that is there is served while the rest of this program is still starting.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

OPERATOR_NUMBER = "8999900000001"  # a corporate number that was never assigned (names.py): by it a demo knows itself


class DemoRefused(Exception):
    """This database is not the demo's to fill."""


@asynccontextmanager
async def seeding(owner: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    """One transaction as the seeding role: past row-level security, through every trigger."""
    async with owner.transaction():
        await owner.execute("SET LOCAL ROLE succession_seeder")
        yield owner


async def is_entered(owner: asyncpg.Connection) -> bool:
    """Whether the demo's operator is here. DemoRefused for a database that holds anything else."""
    async with seeding(owner) as seeder:
        if await seeder.fetchval("SELECT EXISTS (SELECT FROM vault.organisation WHERE corporate_number = $1)", OPERATOR_NUMBER):
            return True
        if await seeder.fetchval("SELECT EXISTS (SELECT FROM vault.organisation) OR EXISTS (SELECT FROM ops.population WHERE imported)"):
            raise DemoRefused("This database holds organisations or a register that are not the demo's. Give the demo one of its own.")
    return False


async def is_demo(owner_url: str) -> bool:
    """`is_entered` on a connection of its own."""
    owner = await asyncpg.connect(owner_url, timeout=10)
    try:
        return await is_entered(owner)
    finally:
        await owner.close()
