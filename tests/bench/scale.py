"""Does a search of 1.27 million teasers answer at once, beside a bare handler, beside FastAPI and Django, and a tenth of them?

Run: succession bench scale [--listings 1270000] [--keep DIRECTORY] [--rounds 100]
One run, one machine, servers of its own, every figure a ratio of things asked in turn; adds to bench-results.json in the working
directory. With --keep the seeded servers stay there, and the next run takes minutes.

(a) throughput of `succession serve`, one process, beside one process of a bare Litestar handler that runs the very statements our
    pages ran (recorded) on the same kind of pool (database.py) and returns their rows as JSON: searches that repeat, as a
    process that remembers its answers meets them (it asks whether the market is still the same), and every search anew;
(b) latency beside FastAPI + SQLModel and Django (peers/), which give the same answer;
(c) a mixed workload: how far the slowest hundredth lies from the middle; (b) to (d) of a process that remembers nothing;
(d) the same searches over a tenth of the market; (e) memory of the API process after all that; (f) a viewer whom owners exclude;
(g) a batch of 5,000, before and after it is settled.
PostgreSQL has the settings of embedded.py and shared_buffers of 1 GB, work_mem of 16 MB, as a modest server would.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median, quantiles
from time import perf_counter
from typing import Any

import asyncpg
import httpx
import msgspec
import psutil
import uvicorn
from litestar import Litestar, get

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1])]

from peers.answer import make_table  # noqa: E402
from seed import EXCLUDED_BUYER, SMALL_WORLD, put_up_batch, seed  # noqa: E402
from workload import CLASSES, DEEP, GROWTH, Search, broad, drawn, narrow, unfiltered  # noqa: E402

from succession.config import Settings  # noqa: E402
from succession.database import open_reading  # noqa: E402
from succession.demo.servers import free_port  # noqa: E402
from succession.embedded import Servers, start  # noqa: E402
from succession.market.queries import find_teasers  # noqa: E402
from succession.market.search import FILTERS, read_search  # noqa: E402
from succession.market.settling import settle  # noqa: E402
from succession.market.standing import Wanted  # noqa: E402
from succession.standbys import Market  # noqa: E402

LISTINGS, COMPANIES, BATCH, CLIENTS, WINDOW_S, WINDOWS = 1_270_000, 3_000_000, 5_000, 4, 4.0, 5
HERE = Path(__file__).parent


# ---------------------------------------------------------------------------------------------------------------------
# Who is asked


@contextlib.contextmanager
def process(*argv: str, ready: str, **environ: str) -> Iterator[tuple[str, psutil.Process]]:
    """A server process; (address, process). `{port}` in an argument or a value is a free port."""
    port = str(free_port("127.0.0.1", 0))
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("SUCCESSION_", "DATABASE_", "REDIS_"))}
    with tempfile.TemporaryFile() as log:
        started = subprocess.Popen([sys.executable, *(each.format(port=port) for each in argv)], stdout=log, stderr=log,
                                   env=inherited | {key: value.format(port=port) for key, value in environ.items()})
        try:
            address, until = f"http://127.0.0.1:{port}", time.monotonic() + 60
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    if httpx.get(address + ready, timeout=30).status_code < 500:
                        break
                if started.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    raise RuntimeError(log.read().decode(errors="replace")[-3000:])
                time.sleep(0.2)
            yield address, psutil.Process(started.pid)
        finally:
            started.terminate()
            started.wait(timeout=30)


def ours(servers: Servers, directory: Path, **settings: str) -> contextlib.AbstractContextManager[tuple[str, psutil.Process]]:
    return process("-m", "succession", "serve", ready="/readyz", SUCCESSION_PORT="{port}", SUCCESSION_DEMO="1",
                   SUCCESSION_DATA_DIR=str(directory), SUCCESSION_RATE_ADDRESS="10000000", **settings, **servers.environ)


class Recording(asyncpg.Connection):
    """Notes every statement with its values."""

    said: list[tuple[str, str, tuple[Any, ...]]] = []

    async def fetch(self, query: str, *values: Any, **more: Any) -> list[asyncpg.Record]:
        Recording.said.append(("fetch", query, values))
        return await super().fetch(query, *values, **more)

    async def fetchrow(self, query: str, *values: Any, **more: Any) -> asyncpg.Record | None:
        Recording.said.append(("fetch", query, values))
        return await super().fetchrow(query, *values, **more)

    async def fetchval(self, query: str, *values: Any, **more: Any) -> Any:
        Recording.said.append(("fetch", query, values))
        return await super().fetchval(query, *values, **more)


async def recorded(settings: Settings, searches: list[Search], to: Path) -> None:
    """What our pages say to the database, for the bare handler. The codes' names are read once per process and left out."""
    pool = await asyncpg.create_pool(settings.role_url("market_public"), min_size=1, max_size=1, connection_class=Recording)
    market, kept = Market("market_public", None, pool, None), []
    for asked in searches:
        filters = {name: asked.get(name) for name in FILTERS}
        for _twice in range(2):
            Recording.said.clear()
            await find_teasers(market, read_search(filters, asked.get("q")), Wanted(asked.get("sort", "newest"), 20, None), ())
        kept.append([(sql, [list(each) if isinstance(each, list) else each for each in values]) for _kind, sql, values in Recording.said])
    await pool.close()
    to.write_bytes(msgspec.json.encode(kept))


def bare(url: str, recording: str, port: int) -> None:
    """One handler, one pool, the statements and their values as given: what the framework and the driver cost by themselves."""
    pages = msgspec.json.decode(Path(recording).read_bytes())

    @get("/{number:int}")
    async def handler(number: int) -> list[list[dict[str, Any]]]:
        async with bare_app.state.pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            return [[dict(row) for row in await connection.fetch(sql, *values)] for sql, values in pages[number]]

    @contextlib.asynccontextmanager
    async def lifespan(app: Litestar):
        async with await open_reading(url, 6) as app.state.pool:
            yield

    # Of bitmaps only that they came: as text they would be most of its work.
    bare_app = Litestar([handler], lifespan=[lifespan], openapi_config=None, logging_config=None, type_encoders={asyncpg.BitString: len})
    uvicorn.run(bare_app, port=port, log_level="warning", loop="uvloop", http="httptools")


# ---------------------------------------------------------------------------------------------------------------------
# Asking


async def milliseconds(client: httpx.AsyncClient, path: str, asked: Search | None) -> tuple[float, Any]:
    begun = perf_counter()
    answer = await client.get(path, params=asked)
    taken = 1000 * (perf_counter() - begun)
    assert answer.status_code == 200, answer.text[:500]
    return taken, answer.json()


async def throughput(client: httpx.AsyncClient, bare_client: httpx.AsyncClient, searches: list[Search]) -> dict[str, float]:
    """Requests per second of several clients at once, in windows that take turns."""
    done = {"ours": 0, "bare": 0}
    spent = {"ours": 0.0, "bare": 0.0}

    async def one(which: str, first: int, until: float) -> None:
        number = first
        while perf_counter() < until:
            at = number % len(searches)
            answer = await (client.get("/v1/teasers", params=searches[at]) if which == "ours" else bare_client.get(f"/{at}"))
            assert answer.status_code == 200, answer.text[:500]
            done[which] += 1
            number += CLIENTS

    for turn in range(2 * WINDOWS + 2):
        which = ("ours", "bare")[turn % 2]
        begun = perf_counter()
        await asyncio.gather(*(one(which, number, begun + WINDOW_S) for number in range(CLIENTS)))
        spent[which] += perf_counter() - begun
        if turn < 2:  # warm
            done[which], spent[which] = 0, 0.0
    rates = {which: done[which] / spent[which] for which in done}
    return {"ours_per_s": rates["ours"], "bare_per_s": rates["bare"], "ratio": rates["ours"] / rates["bare"]}


async def deep(client: httpx.AsyncClient, count: int) -> list[Search]:
    """Pages far down: a cursor after a thousand or so teasers of wide searches."""
    found = []
    for asked in drawn(unfiltered, count // 2 + 1, "deep") + drawn(broad, count, "deep"):
        cursor = None
        for _page in range(10):
            _taken, answer = await milliseconds(client, "/v1/teasers", asked | {"limit": 100} | ({"cursor": cursor} if cursor else {}))
            if answer["next_cursor"] is None:
                break
            cursor = answer["next_cursor"]
        if cursor:
            found.append(asked | {"cursor": cursor})
    return found[:count]


async def mixed(client: httpx.AsyncClient, rounds: int) -> dict[str, Any]:
    workload = [(name, asked) for name, (kind, share) in CLASSES.items() for asked in drawn(kind, max(2, share * rounds // 100 * 4), "mixed")]
    workload += [("deep cursor", asked) for asked in await deep(client, max(2, DEEP * rounds // 100 * 4))]
    ordered = Random(2).sample(workload, len(workload))
    taken: dict[str, list[float]] = {}
    for again in range(2):  # the first time plans and caches are cold
        taken = {}
        for name, asked in ordered:
            taken.setdefault(name, []).append((await milliseconds(client, "/v1/teasers", asked))[0])
        cold = taken if not again else cold
    everything = sorted(each for times in taken.values() for each in times)
    return {"classes": {name: summary(times) for name, times in taken.items()}, "all": summary(everything),
            "cold": summary(sorted(each for times in cold.values() for each in times)), "p99_over_median": summary(everything)["p99"] / median(everything)}


def summary(times: list[float]) -> dict[str, float]:
    cuts = quantiles(times, n=100, method="inclusive")
    return {"n": len(times), "median": median(times), "p95": cuts[94], "p99": cuts[98]}


async def beside_peers(client: httpx.AsyncClient, peers: dict[str, httpx.AsyncClient], each: int) -> dict[str, Any]:
    kinds = {"unfiltered": [{}], "broad": drawn(broad, each, "peers"), "narrow": drawn(narrow, each, "peers")}
    found: dict[str, Any] = {}
    for name, searches in kinds.items():
        taken: dict[str, list[float]] = {"ours": [], **{peer: [] for peer in peers}}
        for turn in range(3):  # the first is for warming
            for asked in ({key: value for key, value in each.items() if key != "sort"} for each in searches):
                times, expected = await milliseconds(client, "/v1/teasers", asked)
                measured = {"ours": times}
                for peer, other in peers.items():
                    measured[peer], answer = await milliseconds(other, "/teasers", asked)
                    assert all(answer[part] == expected[part] for part in ("total_certain", "total_possible", "facets", "items")), (peer, asked)
                for which, took in measured.items():
                    taken[which] += [took] if turn else []
        middle = {which: median(times) for which, times in taken.items()}
        found[name] = middle | {f"{peer}_ratio": middle[peer] / middle["ours"] for peer in peers}
    return found


async def growth(large: httpx.AsyncClient, small: httpx.AsyncClient, each: int) -> dict[str, dict[str, float]]:
    found = {}
    for name, kind in GROWTH.items():
        taken: dict[str, list[float]] = {"large": [], "small": []}
        for turn in range(3):
            for asked in drawn(kind, each, "growth"):
                for which, client in (("large", large), ("small", small)):
                    took, _answer = await milliseconds(client, "/v1/teasers", asked)
                    taken[which] += [took] if turn else []
        found[name] = {which: median(times) for which, times in taken.items()} | {"ratio": median(taken["large"]) / median(taken["small"])}
    return found


async def excluding(settings: Settings, each: int) -> dict[str, float]:
    """The same searches of one buyer whom some owners exclude, and of nobody in particular, on the role of buyers."""
    pool = await open_reading(settings.role_url("market_buyer"), 1)
    market = Market("market_buyer", None, pool, None)
    taken: dict[str, list[float]] = {"excluded": [], "nobody": []}
    for turn in range(3):
        for asked in drawn(broad, each, "excluding"):
            for which, viewers in (("excluded", (EXCLUDED_BUYER,)), ("nobody", ())):
                begun = perf_counter()
                await find_teasers(market, read_search({name: asked.get(name) for name in FILTERS}, None),
                                   Wanted(asked["sort"], 20, None), viewers)
                taken[which] += [1000 * (perf_counter() - begun)] if turn else []
    await pool.close()
    return {which: median(times) for which, times in taken.items()} | {"ratio": median(taken["excluded"]) / median(taken["nobody"])}


async def batch(servers: Servers, client: httpx.AsyncClient, each: int) -> dict[str, float]:
    """A batch goes up, is searched beside what is settled, is settled, and is taken down again; milliseconds, and seconds of settling."""
    searches, owner, found = drawn(broad, each, "batch") + drawn(narrow, each, "batch"), await asyncpg.connect(servers.database_url), {}

    async def searched(name: str) -> None:
        found[f"{name}_first"] = (await milliseconds(client, "/v1/teasers", searches[0]))[0]
        found[name] = median([(await milliseconds(client, "/v1/teasers", asked))[0] for asked in searches])

    async def settled(name: str) -> None:
        begun = perf_counter()
        async with owner.transaction():
            await owner.execute("SET LOCAL ROLE succession_seeder")
            await settle(owner)
        found[name] = perf_counter() - begun

    await searched("before")
    begun = perf_counter()
    refs = await put_up_batch(owner, BATCH)
    found["put_up"] = 1000 * (perf_counter() - begun)
    await searched("unsettled")
    await settled("settling_s")
    await searched("settled")
    async with owner.transaction():
        await owner.execute("SET LOCAL ROLE succession_seeder")
        begun = perf_counter()
        await owner.execute("DELETE FROM market.teaser WHERE ref = ANY($1::uuid[])", refs)
    found["taken_down"] = 1000 * (perf_counter() - begun)
    await searched("gone")
    await settled("settling_again_s")
    await owner.close()
    return found


# ---------------------------------------------------------------------------------------------------------------------
# All of it


def show(results: dict[str, Any]) -> None:
    mixed, size = results["mixed"], results["size"]
    print(f"\n{size['listings']:,} teasers in {size['cells']:,} cells; milliseconds; load {results['machine']['load']:.1f}\n")
    print(f"{'(c) mixed workload':<36}{'n':>6}{'median':>9}{'p95':>9}{'p99':>9}")
    for name, row in {**mixed["classes"], "all": mixed["all"], "all, the first time": mixed["cold"]}.items():
        print(f"    {name:<32}{row['n']:>6}{row['median']:>9.1f}{row['p95']:>9.1f}{row['p99']:>9.1f}")
    print(f"    p99 : median {mixed['p99_over_median']:.1f} (at most 5)")
    again = results["mixed_remembering"]["all"]
    print(f"{'    all, asked again, remembered':<36}{again['n']:>6}{again['median']:>9.1f}{again['p95']:>9.1f}{again['p99']:>9.1f}\n")
    print(f"{'(b) ours beside':<36}{'ours':>9}{'fastapi':>9}{'django':>9}{'ratios':>16}")
    for name, row in results["peers"].items():
        print(f"    {name:<32}{row['ours']:>9.1f}{row['fastapi']:>9.0f}{row['django']:>9.0f}{row['fastapi_ratio']:>9.1f}{row['django_ratio']:>7.1f}")
    print(f"\n{'(d) ten times the listings':<36}{'tenth':>9}{'all':>9}{'ratio (at most 1.5)':>22}")
    for name, row in results["growth"].items():
        print(f"    {name:<32}{row['small']:>9.1f}{row['large']:>9.1f}{row['ratio']:>9.2f}")
    other = results["excluding"]
    print()
    for name, one in results["throughput"].items():
        print(f"{f'(a) {CLIENTS} clients, {name}':<36}ours {one['ours_per_s']:.0f} /s, bare {one['bare_per_s']:.0f} /s, ratio {one['ratio']:.2f} (at least 0.8)")
    print(f"(e) memory of the API process {results['memory_mib']:.0f} MiB, of one that remembers {results['remembering_mib']:.0f} (at most 200)")
    print(f"(f) a viewer whom owners exclude {other['excluded']:.1f}, nobody {other['nobody']:.1f}, ratio {other['ratio']:.2f}")
    one = results["batch"]
    print(f"(g) a batch of {BATCH:,} goes up in {one['put_up']:.0f} and comes down in {one['taken_down']:.0f}; a search before {one['before']:.1f}, beside it "
          f"{one['unsettled']:.1f} (the first {one['unsettled_first']:.0f}), settled in {one['settling_s']:.0f} s {one['settled']:.1f} (the first {one['settled_first']:.0f})")


async def measure(large: Servers, small: Servers, directory: Path, rounds: int) -> dict[str, Any]:
    settings = Settings.from_env({**large.environ, "SUCCESSION_DEMO": "1", "SUCCESSION_DATA_DIR": str(directory)})
    searches = drawn(unfiltered, 10, "load") + drawn(broad, 30, "load") + drawn(narrow, 30, "load")
    await recorded(settings, searches, directory / "statements.json")
    await make_table(large.database_url)
    each, results = max(3, rounds // 5), {}
    with contextlib.ExitStack() as stack:
        serving = [stack.enter_context(ours(servers, directory, SUCCESSION_ANSWERS_KEPT="0")) for servers in (large, small)]
        remembering = stack.enter_context(ours(large, directory))
        addresses = {"bare": stack.enter_context(process(__file__, "--bare", settings.role_url("market_public"), str(directory / "statements.json"),
                                                         "{port}", ready="/0"))[0]}
        for peer in ("fastapi", "django"):
            addresses[peer] = stack.enter_context(process(str(HERE / "peers" / f"{peer}_app.py"), "{port}", large.database_url, ready="/"))[0]
        clients = {name: httpx.AsyncClient(base_url=address, timeout=120, headers={"Accept-Language": "en"}) for name, address in
                   {"large": serving[0][0], "small": serving[1][0], "remembering": remembering[0], **addresses}.items()}
        results["throughput"] = {"searches that repeat": await throughput(clients["remembering"], clients["bare"], searches),
                                 "every search anew": await throughput(clients["large"], clients["bare"], searches)}
        results["mixed"], results["mixed_remembering"] = await mixed(clients["large"], rounds), await mixed(clients["remembering"], rounds)
        results["memory_mib"], results["remembering_mib"] = (each.memory_info().rss / 2**20 for _address, each in (serving[0], remembering))
        results["growth"] = await growth(clients["large"], clients["small"], each)
        results["excluding"] = await excluding(settings, each)
        results["peers"] = await beside_peers(clients["large"], {name: clients[name] for name in ("fastapi", "django")}, max(3, each // 3))
        results["batch"] = await batch(large, clients["large"], each)
        for client in clients.values():
            await client.aclose()
    return results


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--bare"]:
        return bare(arguments[1], arguments[2], int(arguments[3]))
    parser = argparse.ArgumentParser(prog="succession bench scale")
    parser.add_argument("--listings", type=int, default=LISTINGS)
    parser.add_argument("--companies", type=int)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args(arguments)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    companies = asked.companies or (COMPANIES if asked.listings > 100_000 else SMALL_WORLD)
    with contextlib.ExitStack() as stack:
        directory = asked.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sx-")))
        large, small = (stack.enter_context(start(directory / name, throwaway=True, settings={"shared_buffers": "1GB", "work_mem": "16MB"}))
                        for name in ("large", "small"))
        size = asyncio.run(seed(large.database_url, asked.listings, companies))
        asyncio.run(seed(small.database_url, asked.listings // 10, companies))
        results = asyncio.run(measure(large, small, directory, asked.rounds))
    results["size"] = {"listings": size.teasers, "companies": size.companies, "cells": size.cells, "seeding_s": size.seconds}
    results["machine"] = {"processors": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()[0]}
    show(results)
    path = Path("bench-results.json")
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps(kept | {"scale": results}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
