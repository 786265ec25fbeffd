"""What happens outside of requests: delivering the outbox, and the calendar's work, by any number of workers at once.

A delivery is claimed by one worker for a while (its lease); whoever dies leaves it to the next. What fails is tried
again, later and later, then given up and kept for a person to look at. Nothing in a log tells what was in it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg

from succession import keys, logs
from succession.calendar_turn import AGAIN
from succession.config import Settings
from succession.database import open_pool
from succession.disclosure.case_exports import make_case_file
from succession.disclosure.nda_document import make_document
from succession.disclosure.rescreening import rescreen_deal
from succession.jobs import PERIODIC, Job
from succession.key_ring import check_directory
from succession.mail import deliver_mail
from succession.market import batches
from succession.standbys import UNREACHED, show_everybody

log = logging.getLogger("succession.worker")

POLL_S = 1.0
STOP_S = 1.5  # what is under way may finish within this; then it is cut off and left to its lease
LEASE_S = 120
DELIVERY_TIMEOUT_S = 60
AT_ONCE = 4
ATTEMPTS_MOST = 8
FIRST_RETRY_S, RETRY_FACTOR = 30, 3  # 30 s, 90 s, ... about 9 hours until the eighth
JOB_RETRY_S = 60
_SERVER_SETTINGS = {"application_name": "succession-worker", "timezone": "UTC", "lock_timeout": "5000", "statement_timeout": "120000",
                    "idle_in_transaction_session_timeout": "60000"}

Deliver = Callable[[asyncpg.Connection, Settings, int, dict[str, Any]], Awaitable[None]]

# topic: who delivers it
TOPICS: dict[str, Deliver] = {"mail": deliver_mail, "nda_document": make_document, "case_file": make_case_file, "rescreen": rescreen_deal}


# ---------------------------------------------------------------- the outbox

_CLAIM = """
UPDATE ops.outbox SET attempts = attempts + 1, leased_until = now() + make_interval(secs => $1)
WHERE id IN (
    SELECT id FROM ops.outbox
    WHERE done_at IS NULL AND dead_at IS NULL AND available_at <= now() AND attempts < $2
      AND (leased_until IS NULL OR leased_until < now())
    ORDER BY bulk, available_at, id LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING id, topic, payload, attempts
"""
# Links and codes end with their delivery: what stays says that something was sent, and to whom.
_DONE = """
UPDATE ops.outbox SET done_at = now(), leased_until = NULL, last_error = NULL, payload = payload - 'params'
WHERE id = $1 AND attempts = $2 AND done_at IS NULL
"""
_FAILED = """
UPDATE ops.outbox SET leased_until = NULL, last_error = $3, available_at = now() + make_interval(secs => $4),
    dead_at = CASE WHEN attempts >= $5 THEN now() END
WHERE id = $1 AND attempts = $2 AND done_at IS NULL
"""
# Whoever died during the last try left a row that nobody will claim again.
_BURY = """
UPDATE ops.outbox SET dead_at = now(), last_error = coalesce(last_error, 'worker ended')
WHERE done_at IS NULL AND dead_at IS NULL AND attempts >= $1 AND leased_until < now()
"""


async def deliver_once(pool: asyncpg.Pool, settings: Settings) -> int:
    """Try everything that is due now, a few at a time; returns how many were delivered."""
    delivered = 0
    while True:
        claimed = await pool.fetch(_CLAIM, LEASE_S, ATTEMPTS_MOST, AT_ONCE)
        if not claimed:
            await pool.execute(_BURY, ATTEMPTS_MOST)
            return delivered
        delivered += sum(await asyncio.gather(*(_deliver(pool, settings, row) for row in claimed)))


async def _deliver(pool: asyncpg.Pool, settings: Settings, row: asyncpg.Record) -> bool:
    number, attempts = row["id"], row["attempts"]
    try:
        async with asyncio.timeout(DELIVERY_TIMEOUT_S), pool.acquire() as connection:
            await TOPICS[row["topic"]](connection, settings, number, row["payload"])
        await pool.execute(_DONE, number, attempts)
        return True
    except Exception as error:  # whatever it was, the other deliveries go on and this one comes again
        reason = type(error).__name__
        log.warning("%s %d failed, attempt %d: %s at %s", row["topic"], number, attempts, reason, logs.place_of(error))
        await pool.execute(_FAILED, number, attempts, reason, retry_after_s(attempts), ATTEMPTS_MOST)
        return False


def retry_after_s(attempts: int) -> int:
    """How long to wait after so many failures."""
    return FIRST_RETRY_S * RETRY_FACTOR ** (attempts - 1)


# ---------------------------------------------------------------- the calendar

_ENTER = "INSERT INTO ops.lease (name, holder, until) VALUES ($1, '', now()) ON CONFLICT (name) DO NOTHING"
_TAKE = "SELECT name FROM ops.lease WHERE name = $1 AND until <= now() FOR UPDATE SKIP LOCKED"
_NEXT = "UPDATE ops.lease SET holder = $2, until = now() + make_interval(secs => $3) WHERE name = $1"


async def run_due(pool: asyncpg.Pool, settings: Settings, jobs: tuple[Job, ...] | None = None) -> list[str]:
    """Run the jobs that are due and that no other worker is running; returns their names.

    The row of the lease stays locked while the job runs, so a worker that dies gives it free by dying. The job and
    its next date are committed together.
    """
    ran = []
    for job in PERIODIC if jobs is None else jobs:
        async with pool.acquire() as connection:
            try:
                await connection.execute(_ENTER, f"job:{job.name}")
                async with connection.transaction():
                    if await connection.fetchval(_TAKE, f"job:{job.name}") is None:
                        continue
                    done = await job.run(connection, settings)
                    await connection.execute(_NEXT, f"job:{job.name}", _holder(), 0.0 if done is AGAIN else float(job.every_s))
                ran.append(job.name)
            except Exception as error:  # one job's failure is not the others'
                log.error("job %s failed: %s at %s", job.name, type(error).__name__, logs.place_of(error))
                with contextlib.suppress(*UNREACHED):
                    await connection.execute(_NEXT, f"job:{job.name}", _holder(), float(min(job.every_s, JOB_RETRY_S)))
    return ran


def _holder() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


# ---------------------------------------------------------------- the process


async def open_worker_pool(settings: Settings) -> asyncpg.Pool:
    """Connections as succession_worker; its statements may take longer than a request's."""
    return await open_pool(settings.role_url("succession_worker"), max(settings.pool_worker_size, 2), settings.pooler, _SERVER_SETTINGS)


async def keep_calendar(pool: asyncpg.Pool, settings: Settings) -> None:
    """Run what is due; readers of standbys see it at once."""
    if await run_due(pool, settings):
        await show_everybody(settings, pool)


async def work(settings: Settings, stop: asyncio.Event) -> None:
    """Deliver and keep the calendar until `stop` is set; then end within 2 s."""
    pool = await open_worker_pool(settings)
    loops = [asyncio.create_task(_until(stop, lambda: deliver_once(pool, settings))),
             asyncio.create_task(_until(stop, lambda: keep_calendar(pool, settings)))]
    log.info("worker started")
    try:
        await stop.wait()
        await asyncio.wait(loops, timeout=STOP_S)
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        pool.terminate()
        log.info("worker stopped")


async def _until(stop: asyncio.Event, step: Callable[[], Awaitable[Any]]) -> None:
    while not stop.is_set():
        try:
            await step()
        except Exception as error:  # the database is away: it will be back
            log.error("cannot work: %s at %s", type(error).__name__, logs.place_of(error))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), POLL_S)


async def _once(settings: Settings) -> None:
    pool = await open_worker_pool(settings)
    try:
        await keep_calendar(pool, settings)
        await deliver_once(pool, settings)
    finally:
        await pool.close()


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await work(settings, stop)


def run(arguments: list[str]) -> int:
    """`succession worker [--once]`: until SIGTERM or SIGINT; `--once`: what is due now, then end."""
    parser = argparse.ArgumentParser(prog="succession worker")
    parser.add_argument("--once", action="store_true", help="do what is due now, then end")
    chosen = parser.parse_args(arguments)
    settings = Settings.from_env()
    settings.role_url("succession_worker")  # fails here, in words, when there is no database
    check_directory(settings)
    keys.seal(settings)  # and here when there is no key to seal documents with
    logs.set_up()
    asyncio.run(_once(settings) if chosen.once else _run(settings))
    return 0
