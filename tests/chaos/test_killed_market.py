"""PostgreSQL is killed in the middle of a settling, and of a batch: is every search still what looking at every teaser gives?

One API process lives through all of it, and somebody searches all the time: each answer is the market before the kill or after it, or
503. A batch is up whole or not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from market_world import approved, batch, entered, mandated, profiles, put_in_force, queued, seed_market, settle_market
from real_server import on_another_database, serving
from recount import ROWS, SEES, Answer, Question, Row, drawn, told
from succession.config import Settings
from succession.embedded import Servers, start
from succession.migrations import migrate
from world import Remote

BATCH, PAGE = 3, 20
HEAL_WITHIN_S = 45
AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

_WAITS = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
_WRITES_TALLY = "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'market.tally'::regclass AND mode = 'RowExclusiveLock')"
_TORN = "SELECT count(*) FROM vault.publication p WHERE (p.state = 'published') <> EXISTS (SELECT FROM market.teaser t WHERE t.ref = p.ref)"


@dataclass
class Site:
    """A server of its own that is killed and begun again. `rows`: every teaser there was when somebody last looked."""

    directory: Path
    servers: Servers
    rng: random.Random
    world: Remote = field(init=False)
    settings: Settings = field(init=False)
    readers: dict[str, tuple[httpx.AsyncClient, list[UUID]]] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    waiting: list[tuple[UUID, UUID]] = field(default_factory=list)
    refs: list[UUID] = field(default_factory=list)  # of the batch that is under way
    holding: asyncpg.Connection | None = None  # what somebody waits for; it ends with the server

    async def prepare(self, teasers: int, batches: int) -> None:
        await put_in_force(self.world)
        buyer, center, desk = await self.world.acquirer(), await self.world.intermediary(), await self.world.agency("desk")
        hidden = await seed_market(self.world, teasers, excluding=buyer, excluded=teasers // 10)
        await settle_market(self.world)
        hidden += await seed_market(self.world, teasers // 4, seed=2, excluding=buyer, excluded=teasers // 20)
        self.readers = {"market_public": (self.world.client(), []), "market_buyer": (buyer.client, hidden), "market_desk": (desk.client, []),
                        "market_domestic": (center.client, [])}
        for raw in profiles(batches * BATCH):
            listing_id = await entered(center, raw)
            await mandated(self.world, listing_id, center.member_id)
            self.waiting.append((listing_id, await approved(self.world, listing_id, raw, "public", "verified_buyers")))
        await self.look()

    async def look(self) -> None:
        self.rows = [dict(row) for row in await self.world.seed(ROWS)]

    async def queue(self) -> None:
        some, self.waiting = self.waiting[:BATCH], self.waiting[BATCH:]
        self.refs = [await queued(self.world, *each) for each in some]

    def kill(self, number: int) -> None:
        os.kill(self.servers.pids["postgres"], number)
        self.servers.stop()
        self.servers = start(self.directory, redis=False)

    def expected(self, question: Question, role: str, rows: list[Row]) -> Answer:
        hidden = set(self.readers[role][1])
        return question.answer([row for row in rows if row["audiences"] & SEES[role] and row["ref"] not in hidden], PAGE)

    async def ask(self, question: Question, role: str) -> httpx.Response:
        return await self.readers[role][0].get("/v1/teasers", params=question.params | {"limit": PAGE})

    async def exact(self, searches: int) -> None:
        """So many searches of each reader, one by one."""
        until = time.monotonic() + HEAL_WITHIN_S
        while (await self.ask(Question(), "market_public")).status_code == 503:
            assert time.monotonic() < until, "it does not come back"
            await asyncio.sleep(0.05)
        for role in self.readers:
            for question in [Question()] + [drawn(self.rng, self.rows) for _search in range(searches)]:
                answer = await self.ask(question, role)
                while answer.status_code == 503 and time.monotonic() < until:  # connections of other roles are still dead ones
                    answer = await self.ask(question, role)
                assert told(answer) == self.expected(question, role, self.rows), (role, question.params)

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        owner = await asyncpg.connect(self.world.database_url)
        try:
            yield owner
        finally:
            owner.terminate()

    async def hold(self, sql: str) -> None:
        self.holding = await asyncpg.connect(self.world.database_url)
        await self.holding.execute(sql)

    async def until(self, sql: str, doing: asyncio.Task) -> None:
        async with self.connection() as owner:
            while not await owner.fetchval(sql):
                assert not doing.done(), "it was over before"
                await asyncio.sleep(0.002)


# --- when it is killed: each begins something and comes back when it has come so far ----------------------------------

Moment = Callable[[Site], Awaitable[asyncio.Task]]


async def while_the_tally_is_written(site: Site) -> asyncio.Task:
    doing = asyncio.create_task(settle_market(site.world))
    await site.until(_WRITES_TALLY, doing)
    await asyncio.sleep(site.rng.uniform(0, 0.2))
    return doing


async def before_the_notes_end(site: Site) -> asyncio.Task:
    """The new tally is there whole, the notes that went into it are somebody's for the moment."""
    await site.hold("BEGIN; SELECT FROM market.unsettled FOR UPDATE")
    doing = asyncio.create_task(settle_market(site.world))
    await site.until(_WAITS, doing)
    return doing


async def before_the_bitmaps_follow(site: Site) -> asyncio.Task:
    """The batch has put its teasers up; their bitmaps and notes wait for another writer."""
    await site.queue()
    await site.hold("SELECT pg_advisory_lock(7305422)")
    doing = asyncio.create_task(batch(site.world, site.settings))
    await site.until(_WAITS, doing)
    return doing


async def somewhere_in_a_settling(site: Site) -> asyncio.Task:
    doing = asyncio.create_task(settle_market(site.world))
    await asyncio.sleep(site.rng.uniform(0, 1.5))
    return doing


async def somewhere_in_a_batch(site: Site) -> asyncio.Task:
    await site.queue()
    doing = asyncio.create_task(batch(site.world, site.settings))
    await asyncio.sleep(site.rng.uniform(0, 0.1))
    return doing


async def when_a_settling_is_over(site: Site) -> asyncio.Task:
    doing = asyncio.create_task(settle_market(site.world))
    await doing
    return doing


async def when_a_batch_is_over(site: Site) -> asyncio.Task:
    await site.queue()
    doing = asyncio.create_task(batch(site.world, site.settings))
    await doing
    return doing


HELD = (while_the_tally_is_written, before_the_notes_end, before_the_bitmaps_follow)
BATCHES = (before_the_bitmaps_follow, somewhere_in_a_batch, when_a_batch_is_over)
SMALL = ((before_the_notes_end, signal.SIGKILL), (before_the_bitmaps_follow, signal.SIGQUIT))
EACH = (*HELD, when_a_settling_is_over, when_a_batch_is_over, *(5 * (somewhere_in_a_settling, somewhere_in_a_batch)))
FULL = tuple((moment, number) for number in (signal.SIGKILL, signal.SIGQUIT) for moment in EACH)


async def bystander(site: Site, over: asyncio.Event) -> list[tuple[Question, Answer]]:
    """What a buyer was answered meanwhile; who is told 503, or whose connection is cut, asks again."""
    rng, heard = random.Random(1), []
    while not over.is_set():
        question = drawn(rng, site.rows)
        with contextlib.suppress(httpx.TransportError):
            answer = await site.ask(question, "market_buyer")
            if answer.status_code != 503:
                heard.append((question, told(answer)))
    return heard


async def killed(site: Site, moment: Moment, number: int, searches: int) -> None:
    await seed_market(site.world, 10, seed=site.rng.getrandbits(30))  # there is something to settle
    await site.look()
    before, over, batched = site.rows, asyncio.Event(), moment in BATCHES
    asking = asyncio.create_task(bystander(site, over))
    doing = await moment(site)
    await asyncio.to_thread(site.kill, number)
    done: Any = (await asyncio.gather(doing, return_exceptions=True))[0]
    assert not isinstance(done, Exception) or isinstance(done, AWAY), done
    await site.look()
    await site.exact(searches)
    over.set()
    for question, answer in await asking:
        assert answer in (site.expected(question, "market_buyer", before), site.expected(question, "market_buyer", site.rows)), question.params
    up = {row["ref"] for row in site.rows} - {row["ref"] for row in before}
    assert (await site.world.seed(_TORN))[0][0] == 0
    if moment in HELD or not batched:
        assert not up, "what was broken off is not there"
    assert up in (set(), set(site.refs)), "a batch is up whole or not at all"
    assert up or not batched or isinstance(done, Exception), "what was said to be done is done"
    if batched and not up:
        assert (await batch(site.world, site.settings)).published == BATCH
    else:
        await settle_market(site.world)
    await site.look()
    assert not batched or set(site.refs) <= {row["ref"] for row in site.rows}
    await site.exact(searches)


@pytest.mark.embedded
async def test_every_search_is_exact_after_postgresql_was_killed_in_the_middle(request, settings, tmp_path):
    full, rng = request.config.getoption("--full"), random.Random(request.config.getoption("--seed"))
    plan, teasers, searches = (FULL, 400, 25) if full else (SMALL, 80, 5)
    site = Site(tmp_path / "postgres", await asyncio.to_thread(start, tmp_path / "postgres", redis=False), rng)
    try:
        url = site.servers.database_url
        await migrate(url)
        site.settings = on_another_database(settings, url)
        with serving(site.settings, url, tmp_path / "serve.log") as server:
            site.world = server.world(site.settings)
            try:
                await site.prepare(teasers, sum(moment in BATCHES for moment, _number in plan))
                for moment, number in plan:
                    await killed(site, moment, number, searches)
            finally:
                await site.world.close()
    finally:
        site.servers.discard()
