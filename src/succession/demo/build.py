"""How does the demo come into an empty database, once, and how is a half-built one finished?

A few steps, each done or not done, each looked for before it is taken: a start that was killed in between leaves work to
the next one, never a half step.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from succession.anonymity.codebook import Codebook
from succession.anonymity.population import Population, k_and_finest, load, save
from succession.anonymity.world import build_world
from succession.commands.population import DEMO_WORLD_COMPANIES, DEMO_WORLD_SEED, build_codebook, report_lines
from succession.config import Settings
from succession.database import connect_as
from succession.days import day_in_japan
from succession.demo.companies import make_companies
from succession.demo.market import enter_listings, plan_listings
from succession.demo.past_rows import enter_history
from succession.demo.people import (
    Accounts,
    enter_block_list,
    enter_residents,
    issue_credentials,
    keep_accounts,
    read_accounts,
)
from succession.demo.presence import is_entered, seeding
from succession.demo.terminal import say
from succession.key_ring import ring_of
from succession.market.batches import close_batch
from succession.market.codebooks import store_codebook
from succession.market.publication import next_boundary
from succession.progress import bar

LISTINGS = 2_400
SEED = 1


async def build_market(settings: Settings, listings: int = LISTINGS, world: int = DEMO_WORLD_COMPANIES) -> Accounts:
    """The demo in this database, whatever of it was missing; returns who can sign in.

    DemoRefused for a database that holds anything else.
    """
    owner = await asyncpg.connect(settings.database_url, timeout=10)
    try:
        if not await is_entered(owner):
            await _enter(owner, settings, listings, world)
        accounts = read_accounts(settings.data_dir) or await _issue(owner, settings)
        await _put_up(settings)
        await _remember(owner, accounts)
        await _keep_months(owner)
        return accounts
    finally:
        await owner.close()


def saved_world(settings: Settings) -> Population:
    """The population the demo was built from."""
    return load(_population_dir(settings))


def _population_dir(settings: Settings) -> Path:
    return settings.data_dir / "demo" / "population"


# ---------------------------------------------------------------- people and listings


async def _enter(owner: asyncpg.Connection, settings: Settings, listings: int, world: int) -> None:
    """World and codebook are content under their hash: storing them twice is storing them once. The rest is one
    transaction."""
    population, codebook = await asyncio.to_thread(_world, settings, world)
    await store_codebook(owner, population, codebook)
    for line in report_lines(codebook):
        say(f"  {line}", "dim")
    progress, today = bar("companies "), day_in_japan(datetime.now(UTC))
    companies = await asyncio.to_thread(make_companies, population, codebook, listings, SEED, today)
    progress(1, 3)
    async with seeding(owner) as seeder:
        await enter_residents(seeder)
        await enter_block_list(seeder)
        accounts = await issue_credentials(seeder, ring_of(settings))
        progress(2, 3)
        await enter_listings(seeder, plan_listings(companies, SEED, today), accounts, codebook, population.version)
    keep_accounts(settings.data_dir, accounts)
    progress(3, 3)


def _world(settings: Settings, companies: int) -> tuple[Population, Codebook]:
    population = build_world(companies, DEMO_WORLD_SEED, bar("demo world"))
    save(population, _population_dir(settings))
    return population, build_codebook(population, k_and_finest(population))


async def _issue(owner: asyncpg.Connection, settings: Settings) -> Accounts:
    """New credentials: the file with the old ones is gone, and only their hashes are in the database."""
    async with seeding(owner) as seeder:
        accounts = await issue_credentials(seeder, ring_of(settings))
    keep_accounts(settings.data_dir, accounts)
    return accounts


# ---------------------------------------------------------------- batches and past deals


async def _put_up(settings: Settings) -> None:
    """Every batch that would have closed since the first listing waited, one by one, as the worker closes them."""
    worker = await connect_as(settings, "succession_worker")
    try:
        now, progress = datetime.now(UTC), bar("batches   ")
        first = await worker.fetchval("SELECT min(queued_at) FROM vault.publication WHERE state = 'queued'")
        boundary = next_boundary(first, "weekly") if first else now
        weeks = max(0, (now - boundary) // timedelta(weeks=1) + 1) if boundary < now else 0
        for week in range(weeks):
            await close_batch(worker, settings, boundary, boundary)
            boundary += timedelta(weeks=1)
            progress(week + 1, weeks)
    finally:
        await worker.close()


async def _remember(owner: asyncpg.Connection, accounts: Accounts) -> None:
    async with seeding(owner) as seeder:
        if not await seeder.fetchval("SELECT EXISTS (SELECT FROM vault.deal)"):
            await enter_history(seeder, accounts, SEED, datetime.now(UTC))


_LEASE = """
INSERT INTO ops.lease (name, holder, until) VALUES ('job:close_months', 'demo', now() + interval '30 minutes')
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
"""


async def _keep_months(owner: asyncpg.Connection) -> None:
    """The past months are closed by a process of their own (servers.py): it takes a minute or two, and the worker has
    letters to deliver meanwhile. Its lease says so, in the way workers tell each other."""
    async with seeding(owner) as seeder:
        await seeder.execute(_LEASE)
