"""What does the calendar do by itself, and how often? One table; each job runs in one worker at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import asyncpg

from succession.config import Settings
from succession.deals.expiry import end_exclusivities
from succession.disclosure.checkpoints import checkpoint_if_due
from succession.disclosure.nda_expiry import remind_of_endings
from succession.disclosure.rescreening import rescreen
from succession.market.alerts import alert, forget_alerts
from succession.market.batches import close_batch_if_due, end_publications, flag_figures, recheck_prose
from succession.market.settling import settle_if_due
from succession.metrics.closing import close_months
from succession.retention import purge
from succession.store.sweep import sweep_store


class Job(NamedTuple):
    """Calendar work: every so many seconds, by one worker at a time, in one transaction as succession_worker."""

    name: str
    every_s: int
    run: Callable[[asyncpg.Connection, Settings], Awaitable[Any]]


def _now(job: Callable[[asyncpg.Connection, Settings, datetime], Awaitable[Any]]) -> Callable[[asyncpg.Connection, Settings], Awaitable[Any]]:
    return lambda connection, settings: job(connection, settings, datetime.now(UTC))


async def forget_idempotency(connection: asyncpg.Connection, settings: Settings) -> None:
    """Answers kept for a repeated request are kept for a day (its policy shows only those older)."""
    await connection.execute("DELETE FROM ops.idempotency")


async def forget_deliveries(connection: asyncpg.Connection, settings: Settings) -> None:
    """What was delivered a month ago, or given up three months ago, is nobody's any more."""
    await connection.execute("DELETE FROM ops.outbox WHERE done_at < now() - interval '30 days' "
                             "OR dead_at < now() - interval '90 days'")


async def forget_filter_use(connection: asyncpg.Connection, settings: Settings) -> None:
    """What buyers asked for more than a year ago teaches nothing any more (the policy shows only those days)."""
    await connection.execute("DELETE FROM ops.filter_use")


PERIODIC: tuple[Job, ...] = (
    Job("close_batch", 60, _now(close_batch_if_due)),
    Job("alert", 60, _now(alert)),
    Job("forget_alerts", 86_400, forget_alerts),
    Job("settle", 60, _now(settle_if_due)),
    Job("end_publications", 300, _now(end_publications)),
    Job("recheck_prose", 86_400, _now(recheck_prose)),
    Job("flag_figures", 3600, _now(flag_figures)),
    Job("end_exclusivities", 3600, _now(end_exclusivities)),
    Job("rescreen", 600, _now(rescreen)),
    Job("remind_of_endings", 3600, _now(remind_of_endings)),
    Job("close_months", 3600, close_months),
    Job("sweep_store", 300, sweep_store),
    Job("sign_checkpoint", 900, checkpoint_if_due),
    Job("forget_idempotency", 3600, forget_idempotency),
    Job("forget_deliveries", 86_400, forget_deliveries),
    Job("forget_filter_use", 86_400, forget_filter_use),
    Job("purge", 86_400, purge),
)
