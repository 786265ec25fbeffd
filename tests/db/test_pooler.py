"""Behind a pooler a server is lent for one transaction: is anything left on it, and does every wait end all the same?"""

from __future__ import annotations

from dataclasses import replace

import asyncpg
import pytest
from sqlalchemy import text

from succession.app import create_app
from succession.config import DATABASE_ROLES, ConfigError
from succession.database import Scope, open_databases, open_pool
from succession.memory import open_memory
from succession.worker import open_worker_pool
from world import World

LEFT = "SELECT (SELECT count(*) FROM pg_prepared_statements) + (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())"
ASKED_FOR = "SELECT array_agg(name ORDER BY name) FROM pg_settings WHERE source = 'client'"
SAID_BY_ALL = {"TimeZone", "application_name", "client_encoding"}


async def test_requests_leave_nothing_on_the_servers_they_were_lent(settings, database_url):
    app = create_app(replace(settings, pooler=True))
    async with app.lifespan():
        world, databases = World(app, database_url), app.state.databases
        center = await world.intermediary()
        entered = [await center.post("/v1/listings", {}, headers={"Idempotency-Key": "one"}) for _twice in range(2)]
        assert entered[0].json() == entered[1].json() and entered[1].headers["Idempotency-Replayed"] == "true"
        assert (await center.get("/v1/listings")).status_code == (await world.client().get("/v1/teasers")).status_code == 200
        scope = Scope("intermediary", center.organisation_id, center.member_id, None, "member:test")
        async with databases.tx(scope) as tx:
            assert await tx.scalar(text("SELECT ops.organisation()")) == center.organisation_id
            assert await tx.scalar(text(LEFT)) == 0
        for pool in (databases.app, *databases.audiences.values()):
            assert await pool.fetchval("SELECT $1::int", 7) == 7 and await pool.fetchval(LEFT) == 0
            assert set(await pool.fetchval(ASKED_FOR)) <= SAID_BY_ALL
            assert await pool.fetchval("SELECT current_setting('statement_timeout')") == "15s"
        await world.close()


async def test_the_worker_waits_longer_and_leaves_nothing_either(settings):
    async with await open_worker_pool(replace(settings, pooler=True)) as pool:
        assert await pool.fetchval("SELECT $1::int", 7) == 7 and await pool.fetchval(LEFT) == 0
        assert set(await pool.fetchval(ASKED_FOR)) <= SAID_BY_ALL
        assert await pool.fetchval("SELECT current_setting('statement_timeout')") == "2min"


async def test_every_role_ends_its_waits_by_itself(as_database_role):
    for role in DATABASE_ROLES:
        connection: asyncpg.Connection = await as_database_role(role)
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            assert await connection.fetchval("SELECT current_setting($1)", name) != "0", (role, name)


async def test_readers_of_the_market_start_no_helpers_behind_a_pooler_either(settings):
    memory = open_memory(settings.redis_url)
    databases = await open_databases(replace(settings, pooler=True), memory)
    for role, pool in databases.audiences.items():
        for name, value in (("plan_cache_mode", "force_generic_plan"), ("max_parallel_workers_per_gather", "0"), ("jit", "off")):
            assert await pool.fetchval("SELECT current_setting($1)", name) == value, (role, name)
    await databases.close()
    await memory.aclose()


async def test_a_role_that_does_not_is_refused_behind_a_pooler(database_url):
    with pytest.raises(ConfigError, match="ALTER ROLE"):  # the owner's commands may take their time
        async with await open_pool(database_url, 1, pooler=True) as pool:
            await pool.fetchval("SELECT 1")
