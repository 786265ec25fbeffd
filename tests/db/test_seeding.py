"""Is a market that was made in several attempts, each killed, the one that nobody interrupted, row for row?"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from struct import unpack
from typing import Any

import asyncpg
import httpx
import pytest

from conftest import TEMPLATE, clone_of
from real_server import serving
from recount import ROWS, SEES, Question, drawn, told
from succession.codes import ATTRIBUTES

LISTINGS, COMPANIES, CHUNK = 2_000, 12_000, 100
GIVE_UP_S = 120

_CELL = ", ".join(f"c.{name}" for name in ("codebook_version", "number", *ATTRIBUTES))
_TEASERS = f"SELECT {_CELL}, t.* FROM market.teaser t JOIN market.cell c ON c.id = t.cell_id ORDER BY t.ref"
_BITMAPS = "SELECT * FROM market.bitmap ORDER BY reader, field, code, chunk"
_EXCLUDED = """SELECT p.ref, e.kind, e.value FROM vault.exclusion e JOIN vault.publication p ON p.listing_id = e.listing_id ORDER BY p.ref"""
_NEXT_SLOT = "SELECT last_value, is_called FROM market.teaser_slot_seq"


def begun(url: str, log: Path) -> subprocess.Popen:
    arguments = ["--listings", LISTINGS, "--companies", COMPANIES, "--chunk", CHUNK, "--database", url]
    with log.open("ab") as stream:
        return subprocess.Popen([sys.executable, "-m", "succession", "bench", "seed", *map(str, arguments)], stdout=stream, stderr=stream)


async def made(url: str, log: Path) -> None:
    """Without interruption."""
    run = begun(url, log)
    try:
        assert await asyncio.to_thread(run.wait, GIVE_UP_S) == 0, log.read_text()
    finally:
        run.kill()


@contextlib.asynccontextmanager
async def owner_of(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def killed_once(url: str, log: Path, moment: Callable[[asyncpg.Connection], Awaitable[bool]]) -> None:
    """A run that is killed when it has come so far."""
    run, until = begun(url, log), time.monotonic() + GIVE_UP_S
    try:
        async with owner_of(url) as owner:
            while not await moment(owner):
                assert run.poll() is None and time.monotonic() < until, log.read_text()
                await asyncio.sleep(0.002)
    finally:
        run.kill()
    assert run.wait() == -signal.SIGKILL, "it was through before"


async def stand(owner: asyncpg.Connection) -> int:
    return await owner.fetchval("SELECT count(*) FROM market.teaser")


def teasers(share: float, rng: random.Random) -> Callable[[asyncpg.Connection], Awaitable[bool]]:
    """So many stand, and the next of them are on their way."""
    async def come(owner: asyncpg.Connection) -> bool:
        far = await stand(owner) >= share * LISTINGS
        await asyncio.sleep(rng.uniform(0, 0.05) if far else 0)
        return far

    return come


async def settling(owner: asyncpg.Connection) -> bool:
    """Somebody has written into the tally, and nobody sees it yet."""
    return await owner.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'market.tally'::regclass AND mode = 'RowExclusiveLock' "
                                "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))")


async def tallied(owner: asyncpg.Connection) -> dict[tuple[Any, ...], Any]:
    """The tally in words: which number a code has depends on who was read first."""
    named = {row["number"]: (row["field"], row["code"]) for row in await owner.fetch("SELECT * FROM market.tally_code")}
    found = {}
    for row in await owner.fetch("SELECT * FROM market.tally"):
        size = len(row["counts"]) // 6
        numbers = unpack(f"<{size}H{size}I", row["counts"])
        found[row["reader"], row["a"], row["b"]] = row["n"], {named[number]: n for number, n in zip(numbers, numbers[size:], strict=False)}
    return found


async def everything(url: str) -> dict[str, Any]:
    async with owner_of(url) as owner:
        rows = {sql: [tuple(value for name, value in row.items() if name != "cell_id") for row in await owner.fetch(sql)]
                for sql in (_TEASERS, _BITMAPS, _EXCLUDED, _NEXT_SLOT)}
        return rows | {"tally": await tallied(owner), "unsettled": await owner.fetchval("SELECT count(*) FROM market.unsettled")}


@pytest.fixture
def databases() -> list[str]:
    return [clone_of(TEMPLATE, f"succession_test_seeded_{name}") for name in ("whole", "pieces")]


@pytest.mark.slow
async def test_a_seeding_that_is_killed_again_and_again_ends_as_one_that_is_not(databases, request, settings, tmp_path):
    (whole, pieces), rng = databases, random.Random(request.config.getoption("--seed"))
    at_once = asyncio.create_task(made(whole, tmp_path / "whole.log"))
    log = tmp_path / "pieces.log"
    async with owner_of(pieces) as owner:
        for share in (0.2, 0.6):
            await killed_once(pieces, log, teasers(share, rng))
            assert share * LISTINGS <= await stand(owner) < LISTINGS
        await killed_once(pieces, log, settling)
        assert (await stand(owner), await owner.fetchval("SELECT count(*) FROM market.tally")) == (LISTINGS, 0)
    await made(pieces, log)
    await at_once
    found, expected = await everything(pieces), await everything(whole)
    assert {name: len(rows) for name, rows in expected.items() if isinstance(rows, list)}[_TEASERS] == LISTINGS and expected["unsettled"] == 0
    for name, rows in expected.items():
        assert found[name] == rows, name
    with serving(settings, pieces, tmp_path / "serve.log") as server:
        async with owner_of(pieces) as owner, httpx.AsyncClient(base_url=server.address) as client:
            rows = [row for row in await owner.fetch(ROWS) if row["audiences"] & SEES["market_public"]]
            for question in [Question()] + [drawn(rng, rows) for _search in range(15)]:
                assert told(await client.get("/v1/teasers", params=question.params | {"limit": 20})) == question.answer(rows, 20), question.params
