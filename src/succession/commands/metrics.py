"""Close months and say how many tables were made."""

from __future__ import annotations

import asyncio

from succession.config import Settings
from succession.database import connect_as
from succession.metrics.closing import close_months


def run(arguments: list[str]) -> int:
    """`succession metrics`: what the worker does daily, now."""
    settings = Settings.from_env()

    async def close() -> int:
        connection = await connect_as(settings, "succession_worker")
        try:
            return await close_months(connection, settings)
        finally:
            await connection.close()

    print(f"{asyncio.run(close())} tables closed")
    return 0
