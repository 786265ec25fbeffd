"""Publish what is waiting, now: for the demo and for an operator who cannot wait for the calendar."""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime

import asyncpg

from succession.calendar_turn import AGAIN
from succession.config import Settings
from succession.database import connect_as
from succession.market.alerts import alert
from succession.market.batches import Closed, close_batch, end_publications
from succession.standbys import show_everybody


def run(arguments: list[str]) -> int:
    """`succession market close-batch`: closes the current batch as the worker would at its hour."""
    parser = argparse.ArgumentParser(prog="succession market", description=__doc__)
    parser.add_argument("command", choices=["close-batch"])
    parser.parse_args(arguments)
    closed = asyncio.run(close_batch_now(Settings.from_env()))
    print(f"batch {closed.number}: {closed.published} teasers put up" if closed.number else "nothing was waiting")
    for ref, reason in closed.refused.items():
        print(f"  {ref.hex} taken down: {reason}")
    return 0


async def tell_now(connection: asyncpg.Connection, settings: Settings, now: datetime) -> None:
    """Every letter that is due, turn by turn, as the worker's calendar would within a minute."""
    more: object = AGAIN
    while more is AGAIN:
        async with connection.transaction():
            more = await alert(connection, settings, now)


async def close_batch_now(settings: Settings) -> Closed:
    """As succession_worker: what must come down first, then everything in the queue goes up."""
    connection = await connect_as(settings, "succession_worker")
    try:
        now = datetime.now(UTC)
        await end_publications(connection, settings, now)
        closed = await close_batch(connection, settings, now)
        await show_everybody(settings, connection)
        await tell_now(connection, settings, now)
        return closed
    finally:
        await connection.close()
