"""The container's own PgBouncer configuration before a primary and a standby: who gets in, how many servers it takes, what is read where."""

from __future__ import annotations

import asyncio

import asyncpg
import httpx
import pytest

from many.fleet import Fleet, has
from many.readers import Town, loaded
from many.test_many import BOUND_MS, right, until
from succession.app import create_app
from succession.config import DATABASE_ROLES, Settings
from succession.migrations import migrate
from world import ORIGIN

POOL = 12  # default_pool_size of the configuration


@pytest.mark.embedded
@pytest.mark.skipif(not has("pgbouncer"), reason="no PgBouncer on this machine")
async def test_the_program_works_behind_the_pooler_and_nobody_else_does(tmp_path):
    with Fleet(tmp_path) as fleet:
        await migrate(fleet.primary.database_url)
        standby = fleet.add_standby()
        fleet.add_pooler()
        environ = fleet.environ | {"DATABASE_STANDBY_URLS": standby.url, "SUCCESSION_STANDBY_LAG_MOST_MS": str(BOUND_MS)}
        settings = Settings.from_env(environ)
        app = create_app(settings)

        def client(**headers: str) -> httpx.AsyncClient:
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"Accept-Language": "en", **headers})

        async with app.lifespan():
            town = Town(settings, fleet.primary.database_url, client, app)
            await town.prepare(listings=8, teasers=40)
            fleet.ask_for_passwords()
            await only_the_roles_get_in(fleet, settings)
            await servers_are_lent(fleet, settings)
            await reads_reach_the_standby_through_it(fleet, town, standby.port)
            assert app.state.databases.standbys.choose(0) == 0


async def only_the_roles_get_in(fleet: Fleet, settings: Settings) -> None:
    for role in DATABASE_ROLES:
        for url, elsewhere in ((settings.role_url(role), False), (settings.standby_url(settings.standby_poolers[0], role), True)):
            connection = await asyncpg.connect(url, statement_cache_size=0)
            try:
                row = await connection.fetchrow("SELECT current_user::text, pg_is_in_recovery(), current_setting('statement_timeout')")
                assert tuple(row)[:2] == (role, elsewhere) and row[2] != "0"
            finally:
                await connection.close()
    right_url = settings.role_url("market_public")
    password = right_url.partition("://market_public:")[2].partition("@")[0]
    for wrong in (right_url.replace(password, "0" * 64), right_url.replace(f":{password}", ""),
                  right_url.replace("market_public", "succession_owner"), right_url.replace("market_public", "succession_app"),
                  right_url.replace("/succession", "/pgbouncer"), right_url.replace("/succession", "/postgres")):
        with pytest.raises((asyncpg.InvalidPasswordError, asyncpg.ProtocolViolationError, asyncpg.InterfaceError)):
            await asyncpg.connect(wrong)
    with pytest.raises((asyncpg.InvalidPasswordError, asyncpg.InterfaceError)):  # the server asks as well: the pooler had an answer
        await asyncpg.connect(settings.database_url.replace("succession_owner", "market_public"))
    with pytest.raises(asyncpg.ProtocolViolationError):  # a setting would stay with somebody else's server, or nowhere
        await asyncpg.connect(right_url, server_settings={"statement_timeout": "0"})


async def servers_are_lent(fleet: Fleet, settings: Settings) -> None:
    """Five times as many clients as servers, all at work: every one is served."""
    url = settings.role_url("succession_app")
    clients = [await asyncpg.connect(url, statement_cache_size=0) for _each in range(5 * POOL)]
    try:
        answers = asyncio.gather(*(each.fetchval("SELECT $1::int FROM pg_sleep(0.2)", number) for number, each in enumerate(clients)))
        await asyncio.sleep(0.1)
        servers = int(await asyncio.to_thread(fleet.sql, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'succession_app'"))
        assert await answers == list(range(5 * POOL)) and 0 < servers <= POOL
    finally:
        for each in clients:
            await each.close()


async def reads_reach_the_standby_through_it(fleet: Fleet, town: Town, port: int) -> None:
    """Reading and writing at once; then the pooler dies: what is read ends with it, the proof of the standby does not."""
    counted = fleet.searches()
    right(await loaded(town, 2, 2.0, 0.2, 4))
    assert town.published > 0
    await fleet.counts_are_out()
    read = fleet.searches()
    assert read[port] - counted[port] > read[5432] - counted[5432]
    fleet.kill("pgbouncer")
    assert (await town.buyer.get("/v1/teasers")).status_code == 503
    await until(lambda: town.world.app.state.databases.standbys.choose(0) == 0)
