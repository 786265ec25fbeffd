"""Sessions and limits behind Sentinels and in a Cluster: does a killed master come back, and is every key where its script looks?"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import replace

import pytest
from litestar import Litestar
from redis.asyncio import Redis

from many.fleet import Fleet
from succession.actor import COOKIE
from succession.app import create_app
from succession.errors import Problem
from succession.ids import new_reference
from succession.standbys import Marks
from succession.throttle import forgive, spend
from world import PASSWORD, World

BACK_WITHIN_S = 30.0
DOWN_AFTER_MS = 2000  # a busy machine is not a dead one


@pytest.fixture
def fleet(tmp_path):
    with Fleet(tmp_path, postgres=False) as made:
        yield made


async def works(app: Litestar, world: World) -> None:
    """What the program does in Redis: sessions and limits, over HTTP and by their scripts, and marks."""
    memory, sessions, name, reader = app.state.redis, app.state.sessions, new_reference().hex, new_reference()
    buyer = await world.signed_in(await world.acquirer())
    assert (await buyer.get("/v1/sessions/current")).json()["member_id"] == str(buyer.member_id)
    assert (await buyer.delete("/v1/sessions/current")).status_code == 204
    buyer.client.cookies.clear()
    wrong, right = ({"email": buyer.email, "password": password} for password in ("not this long sentence", PASSWORD))
    assert [(await buyer.post("/v1/sessions", body)).status_code for body in (wrong, right)] == [401, 204]
    assert (await buyer.get("/v1/sessions/current")).status_code == 200 and (await world.client().get("/readyz")).status_code == 200
    confirmed = await sessions.confirm(buyer.client.cookies[COOKIE])
    assert (await buyer.get("/v1/sessions/current")).status_code == 401 and (await sessions.find(confirmed)).confirmed

    await spend(memory, name, 1, 60)
    with pytest.raises(Problem) as refused:
        await spend(memory, name, 1, 60)
    assert refused.value.code == "rate_limited" and int(refused.value.headers["Retry-After"]) > 0
    await forgive(memory, name)
    await spend(memory, name, 1, 60)

    marks = Marks(memory, 2.0)
    await marks.keep(reader, lambda: _is(2**41))
    await marks.keep(reader, lambda: _is(2**40))  # an earlier commit that comes later takes nothing back
    assert (await marks.floor(reader), await marks.floor(None)) == (2**41, 0)
    await marks.keep(None, lambda: _is(2**42))
    assert await marks.floor(reader) == await marks.floor(None) == 2**42
    await memory.delete("{wrote}")


async def _is(position: int) -> int:
    return position


@pytest.mark.embedded
async def test_a_cluster_of_three_masters_holds_everything(fleet, settings, database_url):
    ports = [fleet.add_redis(f"node-{number}", "--cluster-enabled", "yes", "--cluster-node-timeout", "2000") for number in range(3)]
    nodes = [Redis(port=port) for port in ports]
    for number, node in enumerate(nodes):
        await node.execute_command("CLUSTER ADDSLOTS", *range(number * 5462, min(16384, (number + 1) * 5462)))
        for port in ports:
            await node.execute_command("CLUSTER MEET", "127.0.0.1", port)
    until = time.monotonic() + BACK_WITHIN_S
    while {(await node.execute_command("CLUSTER INFO"))["cluster_state"] for node in nodes} != {"ok"}:
        assert time.monotonic() < until
        await asyncio.sleep(0.1)
    app = create_app(replace(settings, redis_url=f"redis+cluster://127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}"))
    async with app.lifespan():
        world = World(app, database_url)
        for _keys in range(3):  # as many slots
            await works(app, world)
        buyer = await world.signed_in(await world.acquirer())
        kept = [await node.dbsize() for node in nodes]
        for number in range(3):
            fleet.kill(f"node-{number}")
        assert (await buyer.get("/v1/sessions/current")).status_code == 503
        await world.close()
    for node in nodes:
        await node.aclose()
    assert sum(1 for each in kept if each) >= 2, kept


@pytest.mark.embedded
async def test_when_the_master_dies_the_sentinels_name_another_and_what_was_known_is_known(fleet, settings, database_url):
    master = fleet.add_redis("master")
    for number in (1, 2):
        fleet.add_redis(f"replica-{number}", "--replicaof", "127.0.0.1", str(master))
    sentinels = [fleet.add_sentinel(f"sentinel-{number}", master, DOWN_AFTER_MS) for number in range(3)]
    url = f"redis+sentinel://{','.join(f'127.0.0.1:{port}' for port in sentinels)}/main/0"
    await two_replicas_follow(master, sentinels)
    app = create_app(replace(settings, redis_url=url))
    async with app.lifespan():
        world = World(app, database_url)
        buyer = await world.signed_in(await world.acquirer())
        await app.state.redis.execute_command("WAIT", 2, 2000)
        fleet.kill("master")
        killed, told = time.monotonic(), Counter()
        while told[200] == 0:
            told[(await buyer.get("/v1/sessions/current")).status_code] += 1
            assert time.monotonic() - killed < BACK_WITHIN_S, told
            await asyncio.sleep(0.05)
        print(f"\nback {time.monotonic() - killed:.1f} s after the master was killed; answered meanwhile: {dict(told)}")
        assert set(told) == {200, 503}, told
        await works(app, world)
        await world.close()


async def two_replicas_follow(master: int, sentinels: list[int]) -> None:
    """Until the master has both and every Sentinel knows the others and them."""
    until = time.monotonic() + BACK_WITHIN_S
    while True:
        async with Redis(port=master) as redis:
            states = [(await redis.info("replication")).get(f"slave{number}", {}).get("state") for number in (0, 1)]
        known = []
        for port in sentinels:
            async with Redis(port=port) as sentinel:
                about = (await sentinel.info("sentinel"))["master0"]
                known.append((about["slaves"], about["sentinels"]))
        if states == ["online", "online"] and all(each == (2, 3) for each in known):
            return
        assert time.monotonic() < until, (states, known)
        await asyncio.sleep(0.1)
