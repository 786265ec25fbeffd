"""The market read from a hot standby while it is written, while it lags, and when it dies: nothing too old, nothing lost."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from many.fleet import Fleet
from many.readers import Told, Town, loaded
from succession.app import create_app
from succession.config import Settings
from succession.migrations import migrate
from world import ORIGIN

BOUND_MS = 1500
READERS = 2
ANSWERS = 4  # of each kind of reader, at least, in every phase


def right(told: Told) -> None:
    assert told.wrong == [] and told.errors == []
    assert told.oldest_s <= BOUND_MS / 1000


@pytest.mark.embedded
async def test_a_standby_is_read_while_it_is_fresh_and_never_when_it_is_not(tmp_path):
    with Fleet(tmp_path) as fleet:
        await migrate(fleet.primary.database_url)
        standby = fleet.add_standby()
        environ = fleet.environ | {"DATABASE_STANDBY_URLS": standby.url, "SUCCESSION_STANDBY_LAG_MOST_MS": str(BOUND_MS)}
        settings = Settings.from_env(environ)
        app = create_app(settings)

        def client(**headers: str) -> httpx.AsyncClient:
            transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
            return httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"Accept-Language": "en", **headers})

        async with app.lifespan():
            town = Town(settings, fleet.primary.database_url, client, app)
            await town.prepare(listings=20, teasers=40)
            standbys, counted = app.state.databases.standbys, fleet.searches()
            right(await loaded(town, READERS, 2.0, 0.1, ANSWERS))
            await fleet.counts_are_out()
            read = fleet.searches()
            there, here = read[standby.port] - counted[standby.port], read[5432] - counted[5432]
            assert there > here, f"{there} searches on the standby, {here} on the primary"

            await town.publish()
            await town.publish()
            written = await standbys.position()
            await until(lambda: standbys.known[0].replayed >= written)
            fleet.sql("SELECT pg_wal_replay_pause()", standby.port)
            standbys.bound_s = 60.0  # fresh enough for everybody else: who wrote reads what it wrote all the same
            await town.take_down()
            assert standbys.choose(0) == 0 and standbys.choose(await standbys.marks.floor(town.center.organisation_id)) is None
            assert town.told.wrong == []
            standbys.bound_s = BOUND_MS / 1000
            lagging = asyncio.create_task(loaded(town, READERS, 4.0, None, ANSWERS))
            await asyncio.sleep(0.1)
            await town.take_down()  # and nothing goes up, which everybody would be shown at once
            right(await lagging)
            await until(lambda: standbys.choose(0) is None)
            right(await loaded(town, READERS, 0.5, 0.1, ANSWERS))
            fleet.sql("SELECT pg_wal_replay_resume()", standby.port)
            await until(lambda: standbys.choose(0) == 0)

            killing = asyncio.create_task(loaded(town, READERS, 2.5, 0.1, ANSWERS))
            await asyncio.sleep(0.8)
            standby.kill()
            right(await killing)
            await until(lambda: standbys.choose(0) is None)
            fleet.begin_again(standby)
            await until(lambda: standbys.choose(0) == 0)
            right(await loaded(town, READERS, 1.0, 0.1, ANSWERS))
            assert town.published > 0 and town.taken_down > 0


async def until(true, within_s: float = 60.0) -> None:
    give_up = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < give_up
        await asyncio.sleep(0.05)
