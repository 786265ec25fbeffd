"""Close months and say how many tables were made."""

from __future__ import annotations

import asyncio

import asyncpg

from succession.config import Settings
from succession.metrics.closing import close_months


def run(arguments: list[str]) -> int:
    """`succession metrics`: what the worker does daily, now."""
    settings = Settings.from_env()

    async def close() -> int:
        connection = await asyncpg.connect(settings.role_url("succession_worker"), timeout=10)
        try:
            return await close_months(connection, settings)
        finally:
            await connection.close()

    print(f"{asyncio.run(close())} tables closed")
    return 0
