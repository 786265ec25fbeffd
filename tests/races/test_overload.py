"""Is a process that is asked far more than it can answer still itself: answers, refusals with a reason, and calm afterwards?"""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx

from real_server import serving
from succession.admission import ORDINARY

AT_ONCE = 2 * (ORDINARY.places + ORDINARY.waiting)


async def test_twice_as_many_as_fit_are_answered_or_told_to_come_back(settings, database_url, tmp_path):
    # Each search is made, one after another: a process that remembers what it answered is asked faster than anybody can ask.
    with serving(settings, database_url, tmp_path / "serve.log", SUCCESSION_ANSWERS_KEPT="0", SUCCESSION_POOL_MARKET_SIZE="1") as server:
        limits = httpx.Limits(max_connections=AT_ONCE)
        async with httpx.AsyncClient(base_url=server.address, limits=limits, timeout=60) as client:
            answers = await asyncio.gather(*(client.get("/v1/teasers", params={"limit": 1}) for _ in range(AT_ONCE)))
            seen = Counter(answer.status_code for answer in answers)
            assert set(seen) == {200, 503} and seen[200] >= ORDINARY.places, seen
            for refused in (answer for answer in answers if answer.status_code == 503):
                assert refused.json()["code"] in ("overloaded", "unavailable") and int(refused.headers["Retry-After"]) >= 1
        async with httpx.AsyncClient(base_url=server.address, timeout=60) as client:  # of the first, some have been idle too long
            assert (await client.get("/v1/teasers", params={"limit": 1})).status_code == 200
        assert "Traceback" not in server.log.read_text()
