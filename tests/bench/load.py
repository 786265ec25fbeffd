"""What happens at three times the load that saturates the machine?

Run: succession bench load [--listings N] [--seconds S]
A market of N teasers and ten deals with a released dossier; `succession serve` in two real processes, PostgreSQL, Redis and the load itself
on the same processors. 70 % search, 15 % one teaser, 10 % confidential reads (dossiers, listings), 5 % writes (drafts), from as many
addresses and organisations as there would be, and one program that asks as often as it can with one key.

1. What saturates it: 24 callers, each asking again as soon as it is answered.
2. Three times as many requests a second arrive, whether answered or not. Promised: latency grows, what is refused is 429 or 503 and says
   when to come back, nothing is a 500, memory is bounded, and all is as before within 5 s of the end.
Writes bench-results.json. Nothing is asserted: read the lines that begin with a verdict.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from statistics import median, quantiles
from time import monotonic, perf_counter
from typing import Any

import httpx
import psutil

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]

from seed import seed  # noqa: E402
from wire import Answer, Wires, request  # noqa: E402
from world import World  # noqa: E402

from succession.app import create_app  # noqa: E402
from succession.config import Settings  # noqa: E402
from succession.demo.servers import free_port  # noqa: E402
from succession.embedded import start  # noqa: E402

LISTINGS, COMPANIES, SECONDS = 120_000, 300_000, 30
DEALS, CALLERS, PROCESSES, TIMES = 10, 24, 2, 3
OUTSTANDING_MOST = 800  # connections that a proxy in front would keep, all open before the load begins
RECOVERED_WITHIN_S, CALM_ANSWERS = 5.0, 10
SEARCHES = ("", "place=kanto", "place=JP-13&industry=E", "revenue=under_1000&sort=-revenue", "price=100_300&price=50_100", "q=hotel",
            "place=kansai&price=100_300&phrase=jobs_kept", "place=JP-13&industry=09&match=possible")


# --- who asks what --------------------------------------------------------------------------------------------------


class Load:
    """Requests drawn by lot, the same for the same seed."""

    def __init__(self, refs: list[str], readings: list[tuple[str, str]], sellers: list[str], greedy: str) -> None:
        self.refs, self.readings, self.sellers, self.greedy, self.rng = refs, readings, sellers, greedy, Random(7)

    def draw(self) -> tuple[str, bytes]:
        """A kind of request and its bytes."""
        rng, lot = self.rng, self.rng.random()
        if lot < 0.20:
            return "greedy", request("GET", f"/v1/teasers?{rng.choice(SEARCHES)}", {"Authorization": self.greedy})
        if lot < 0.70:
            return "search", request("GET", f"/v1/teasers?{rng.choice(SEARCHES)}", self._somebody())
        if lot < 0.85:
            return "teaser", request("GET", f"/v1/teasers/{rng.choice(self.refs)}", self._somebody())
        if lot < 0.95:
            path, key = rng.choice(self.readings)
            return "confidential", request("GET", path, {"Authorization": key})
        body = json.dumps({"succession": {"status": "none_decided"}, "business": {"jsic_code": "24", "prefecture": "JP-29"},
                           "identity": {"name": f"架空{rng.getrandbits(40)}精密株式会社"}}).encode()
        return "write", request("POST", "/v1/listings", {"Authorization": rng.choice(self.sellers),
                                                         "Idempotency-Key": f"{rng.getrandbits(128):032x}"}, body)

    def _somebody(self) -> dict[str, str]:
        """One of 5,000 addresses (of a range kept for documentation), as the proxy in front names them."""
        return {"X-Forwarded-For": f"2001:db8:{self.rng.randrange(5_000):x}::1"}


async def prepare(settings: Settings, database_url: str, listings: int) -> Load:
    size = await seed(database_url, listings, COMPANIES)
    print(f"{size.teasers:,} teasers")
    app = create_app(settings)
    async with app.lifespan():
        world = World(app, database_url)
        readings, sellers = [], []
        for _deal in range(DEALS):
            published, buyer = await world.published(), await world.acquirer()
            deal = await world.released(published, buyer)
            seller_key, buyer_key = (each.client.headers["Authorization"] for each in (published.seller, buyer))
            readings += [(f"/v1/dossiers/{deal}", buyer_key), (f"/v1/listings/{published.listing_id}", seller_key)]
            sellers.append(seller_key)
        greedy = (await world.acquirer()).client.headers["Authorization"]
        found = [page.json() for page in [await world.client().get("/v1/teasers", params={"limit": 100, "sort": sort}) for sort in ("newest", "oldest")]]
        await world.close()
    return Load([item["ref"] for page in found for item in page["items"]], readings, sellers, greedy)


# --- the servers ----------------------------------------------------------------------------------------------------


@contextmanager
def serving(environ: dict[str, str], directory: Path) -> Iterator[tuple[int, psutil.Process]]:
    port = free_port("127.0.0.1", 0)
    with (directory / "serve.log").open("wb") as log:
        started = subprocess.Popen([sys.executable, "-m", "succession", "serve", "--port", str(port), "--workers", str(PROCESSES)],
                                   env={**os.environ, **environ}, stdout=log, stderr=subprocess.STDOUT)
    try:
        until = monotonic() + 60
        while True:
            try:
                if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200:
                    break
            except httpx.HTTPError:
                if started.poll() is not None or monotonic() > until:
                    raise SystemExit((directory / "serve.log").read_text(errors="replace")) from None
            asyncio.run(asyncio.sleep(0.2))
        yield port, psutil.Process(started.pid)
    finally:
        started.terminate()
        started.wait(timeout=30)


def memory_mib(family: psutil.Process) -> float:
    """Of the largest process: what is resident."""
    return max(each.memory_info().rss for each in family.children(recursive=True) or [family]) / 2**20


# --- the phases -----------------------------------------------------------------------------------------------------


async def saturate(wires: Wires, load: Load, seconds: float) -> float:
    """Requests a second answered with what was asked, when nobody waits before asking again."""
    good, until = 0, monotonic() + seconds

    async def caller() -> None:
        nonlocal good
        while monotonic() < until:
            kind, sent = load.draw()
            answer = await wires.ask(sent)
            good += answer.status in (200, 201)

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return good / seconds


async def arrive(wires: Wires, load: Load, rate: float, seconds: float, watch: Any) -> tuple[list[tuple[str, Answer]], int]:
    """Requests come at this rate, by the clock. Returns what was answered, and how many found no free socket here."""
    answers: list[tuple[str, Answer]] = []
    under_way: set[asyncio.Task[None]] = set()
    unsent, begun, count = 0, perf_counter(), int(rate * seconds)

    async def one(kind: str, sent: bytes, due: float) -> None:
        answers.append((kind, await wires.ask(sent, due)))

    for n in range(count):
        due = begun + n / rate
        if (ahead := due - perf_counter()) > 0.001:
            await asyncio.sleep(ahead)
        if n % 64 == 0:
            watch()
            await asyncio.sleep(0)
        if len(under_way) >= OUTSTANDING_MOST:
            unsent += 1
            continue
        task = asyncio.create_task(one(*load.draw(), due))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    ended = perf_counter()
    while under_way and perf_counter() < ended + 40:
        await asyncio.sleep(0.05)
    return answers, unsent


async def recover(wires: Wires, load: Load, calm_ms: float) -> float:
    """Seconds until ten searches in a row are answered within twice what they take when all is calm."""
    begun, in_a_row = perf_counter(), 0
    while in_a_row < CALM_ANSWERS and perf_counter() < begun + 60:
        answer = await wires.ask(request("GET", f"/v1/teasers?{SEARCHES[1]}", load._somebody()))
        in_a_row = in_a_row + 1 if answer.status == 200 and answer.ms <= 2 * calm_ms else 0
    return perf_counter() - begun


async def measure(port: int, family: psutil.Process, load: Load, seconds: float) -> dict[str, Any]:
    wires = Wires(port)
    await saturate(wires, load, 3)  # plans and pools
    most = saturation = await saturate(wires, load, 8)
    calm, _unsent = await arrive(wires, load, 0.2 * most, 8, lambda: None)
    calm_ms = quantiles([a.ms for _kind, a in calm if a.status in (200, 201)], n=20)[-1]
    before_mib = held_mib = memory_mib(family)
    await wires.open(OUTSTANDING_MOST - len(wires.idle))

    def watch() -> None:
        nonlocal held_mib
        held_mib = max(held_mib, memory_mib(family))

    recovery = asyncio.create_task(_recovery_after(seconds, port, load, calm_ms))
    answers, unsent = await arrive(wires, load, TIMES * saturation, seconds, watch)
    recovered_s = await recovery
    watch()
    wires.close()
    return told(answers, unsent, saturation, calm, calm_ms, before_mib, held_mib, recovered_s, seconds)


async def _recovery_after(seconds: float, port: int, load: Load, calm_ms: float) -> float:
    """The first look is taken when the last request of the load has been sent."""
    await asyncio.sleep(seconds)
    wires = Wires(port)
    recovered_s = await recover(wires, load, calm_ms)
    wires.close()
    return recovered_s


def told(answers: list[tuple[str, Answer]], unsent: int, saturation: float, calm: list[tuple[str, Answer]], calm_ms: float,
         before_mib: float, held_mib: float, recovered_s: float, seconds: float) -> dict[str, Any]:
    statuses = Counter(answer.status for _kind, answer in answers)
    good = sorted(answer.ms for _kind, answer in answers if answer.status in (200, 201))
    refused = [answer for _kind, answer in answers if answer.status in (429, 503)]
    other = sum(count for status, count in statuses.items() if status not in (200, 201, 429, 503))
    return {
        "saturation_per_s": saturation, "offered_per_s": TIMES * saturation, "seconds": seconds, "statuses": dict(sorted(statuses.items())),
        "unsent": unsent, "answered_well_per_s": len(good) / seconds, "other_than_promised": other,
        "refused_without_retry_after": sum(not answer.retry_after for answer in refused),
        "calm_median_ms": median(a.ms for _kind, a in calm), "calm_p95_ms": calm_ms, "good_median_ms": median(good), "good_p99_ms": good[int(len(good) * 0.99)],
        "good_most_ms": good[-1], "refused_median_ms": median(a.ms for a in refused) if refused else 0.0,
        "kinds_answered": dict(Counter(kind for kind, answer in answers if answer.status in (200, 201))),
        "kinds_refused": dict(Counter(f"{kind} {answer.status}" for kind, answer in answers if answer.status in (429, 503))),
        "memory_before_mib": before_mib, "memory_most_mib": held_mib, "recovered_s": recovered_s}


def show(found: dict[str, Any]) -> None:
    print(f"\nsaturated at {found['saturation_per_s']:.0f} requests a second; offered {found['offered_per_s']:.0f} for {found['seconds']:.0f} s")
    print(f"answered well {found['answered_well_per_s']:.0f} a second, statuses {found['statuses']}, not even sent {found['unsent']}")
    print(f"latency: calm {found['calm_median_ms']:.0f} ms (p95 {found['calm_p95_ms']:.0f}); under load {found['good_median_ms']:.0f} ms, "
          f"p99 {found['good_p99_ms']:.0f}, most {found['good_most_ms']:.0f}; a refusal {found['refused_median_ms']:.0f} ms")
    print(f"answered {found['kinds_answered']}, refused {found['kinds_refused']}")
    for kept, words in (
        (found["other_than_promised"] == 0, "every error a 429 or 503"),
        (found["refused_without_retry_after"] == 0, "each with Retry-After"),
        (found["memory_most_mib"] <= max(200, 1.25 * found["memory_before_mib"]),
         f"memory of the largest process {found['memory_before_mib']:.0f} -> {found['memory_most_mib']:.0f} MiB"),
        (found["recovered_s"] <= RECOVERED_WITHIN_S, f"as before {found['recovered_s']:.1f} s after the load's end (promised {RECOVERED_WITHIN_S:.0f})"),
    ):
        print("kept  " if kept else "BROKEN", words)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="succession bench load")
    parser.add_argument("--listings", type=int, default=LISTINGS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="sx-") as directory, start(directory, throwaway=True) as servers:
        environ = {**servers.environ, "SUCCESSION_DEMO": "1", "SUCCESSION_DATA_DIR": directory, "SUCCESSION_PUBLIC_URL": "http://127.0.0.1:8400"}
        load = asyncio.run(prepare(Settings.from_env(environ), servers.database_url, asked.listings))
        with serving(environ, Path(directory)) as (port, family):
            found = asyncio.run(measure(port, family, load, asked.seconds))
    show(found)
    results = Path("bench-results.json")
    kept = json.loads(results.read_text()) if results.is_file() else {}
    results.write_text(json.dumps(kept | {"load": found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
