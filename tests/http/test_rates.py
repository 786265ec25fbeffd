"""Is nobody answered more often than the table says, however many processes count, and is everybody told what is left?"""

from __future__ import annotations

import asyncio
import dataclasses
import re
from uuid import uuid4

import httpx
import pytest

from succession.actor import Actor
from succession.app import create_app
from succession.errors import Problem
from succession.memory import open_memory
from succession.rates import Bucket, buckets_of, take
from world import ORIGIN, World

HOUR_S = 3600  # so long a window refills nothing while a test runs


@pytest.fixture
async def memories(settings):
    """Two connections of their own, as two processes have them."""
    both = [open_memory(settings.redis_url) for _process in range(2)]
    yield both
    for memory in both:
        await memory.aclose()


@pytest.fixture
async def counted(settings, database_url):
    """`await counted(rate_key=3)`: a client on an application with these limits."""
    stack = []

    async def make(**limits: int) -> World:
        application = create_app(dataclasses.replace(settings, **limits))
        context = application.lifespan()
        await context.__aenter__()
        made = World(application, database_url)
        stack.append((context, made))
        return made

    yield make
    for context, made in reversed(stack):
        await made.close()
        await context.__aexit__(None, None, None)


async def _takes(memory, *buckets: Bucket) -> bool:
    try:
        await take(memory, buckets, HOUR_S)
    except Problem as problem:
        assert problem.code == "rate_limited"
        return False
    return True


async def test_two_processes_that_ask_at_once_hand_out_the_quota_and_not_one_more(memories):
    bucket = Bucket("key", f"rate:{{{uuid4()}}}", 25)
    taken = await asyncio.gather(*(_takes(memories[n % 2], bucket) for n in range(120)))
    assert sum(taken) == 25


async def test_the_keys_of_an_organisation_share_its_quota_and_what_is_refused_costs_nothing(memories):
    tag = f"rate:{{{uuid4()}}}"
    whole, keys = Bucket("organisation", tag, 10), [Bucket("key", f"{tag}:{n}", 8) for n in range(3)]
    assert [await _takes(memories[0], keys[0], whole) for _ in range(9)] == [True] * 8 + [False], "a key has its own end"
    assert [await _takes(memories[1], keys[1], whole) for _ in range(4)] == [True] * 2 + [False] * 2, "the refused one took nothing"
    with pytest.raises(Problem) as refused:
        await take(memories[0], (keys[2], whole), HOUR_S)
    told = refused.value.headers
    assert told["RateLimit"].startswith('"key";r=8;t=0, "organisation";r=0;t='), "nothing was taken of the key"
    assert told["RateLimit-Policy"] == '"key";q=8;w=3600, "organisation";q=10;w=3600'
    assert 300 <= int(told["Retry-After"]) <= 360, "one of ten in an hour is free again after six minutes"


async def test_a_bucket_fills_again_evenly(memories):
    bucket = Bucket("key", f"rate:{{{uuid4()}}}", 20)
    while await _take_within(memories[0], bucket, window_s=2):
        pass
    await asyncio.sleep(0.25)
    left = await take(memories[0], (bucket,), 2)
    assert left[0].remaining >= 1, "a tenth of a second gives one back"


async def _take_within(memory, bucket: Bucket, window_s: int) -> bool:
    try:
        return (await take(memory, (bucket,), window_s))[0].remaining > 0
    except Problem:
        return False


def test_one_caller_is_counted_in_one_place_of_a_cluster(settings):
    someone = Actor("acquirer", organisation_id=uuid4(), member_id=uuid4())
    tags = {re.search(r"\{(.+?)\}", bucket.key)[1] for bucket in buckets_of(someone, "Bearer secret", settings)}
    assert tags == {str(someone.organisation_id)}
    key, session = buckets_of(someone, "Bearer secret", settings)[0], buckets_of(someone, "", settings)[0]
    assert key.key != session.key and "secret" not in key.key
    (network,) = buckets_of(Actor("anonymous", address="2001:db8:1:2:3::4"), "", settings)
    assert network.name == "address" and "2001:db8:1:2::" in network.key, "a visitor draws addresses from a /64"


async def test_every_answer_says_what_is_left_and_the_last_when_to_come_back(counted):
    world = await counted(rate_key=4, rate_organisation=6)
    buyer = await world.acquirer()
    answers = [await buyer.get("/v1/teasers?limit=1") for _ in range(6)]
    assert [answer.status_code for answer in answers][:4] == [200] * 4 and answers[-1].status_code == 429
    first, last = answers[0], answers[-1]
    assert re.fullmatch(r'"key";r=3;t=\d+, "organisation";r=5;t=\d+', first.headers["RateLimit"])
    assert first.headers["RateLimit-Policy"] == '"key";q=4;w=60, "organisation";q=6;w=60'
    assert last.json()["code"] == "rate_limited" and 1 <= int(last.headers["Retry-After"]) <= 15
    assert last.headers["Content-Type"].startswith("application/problem+json") and last.headers["RateLimit"].startswith('"key";r=0;')
    other = await world.acquirer()
    assert (await other.get("/v1/teasers?limit=1")).status_code == 200, "somebody else is not concerned"


async def test_refusals_and_wrong_keys_count_too(counted):
    world = await counted(rate_key=3, rate_organisation=100, rate_address=3)
    buyer = await world.acquirer()
    refused = [(await buyer.get(f"/v1/listings/{uuid4()}")).status_code for _ in range(5)]
    assert set(refused[:3]) <= {403, 404} and refused[-1] == 429
    guesser = world.client(Authorization="Bearer fictitious")
    tried = [(await guesser.get("/v1/teasers?limit=1")).status_code for _ in range(5)]
    assert tried[:3] == [401] * 3 and tried[-1] == 429


async def test_without_redis_nothing_is_counted_and_search_goes_on(settings):
    application = create_app(dataclasses.replace(settings, redis_url="redis://127.0.0.1:1/0", rate_address=1))
    async with application.lifespan():
        transport = httpx.ASGITransport(app=application, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            answers = [await client.get("/v1/teasers", params={"limit": 1}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert all("RateLimit" not in answer.headers for answer in answers)
