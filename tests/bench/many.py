"""How much of the market does the primary still serve, and what do readers notice when standbys lag and die?

Run: python tests/bench/many.py [seconds of a phase]        (or `succession bench many`)
A primary, two hot standbys, PgBouncer in transaction mode before the primary, three API processes behind nginx with the
container's own configuration, one worker: all real processes on this machine, which shares its processors with the load. Readers
(anonymous ones, and a buyer's) ask through the proxy without a pause; in every phase but the first somebody publishes and takes
down all the time. Shares are PostgreSQL's own counts: calls of `market.excluded_teasers`, one in every statement of a verified
reader. Every answer is checked against what was true when (tests/many/readers.py). Exits 1 where one was wrong, or an error was
nobody's. Writes bench-many.json.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from chaos.stack import free_ports
from many.fleet import Fleet, has
from many.readers import Told, Town, loaded
from succession.config import Settings
from succession.migrations import migrate

SECONDS, READERS, API_PROCESSES, STANDBYS = 12.0, 6, 3, 2
TEASERS, LISTINGS, PAUSE_S = 90, 160, 0.5  # every teaser fits one page, so that an answer can be compared as a whole
IN_FLIGHT_S = 0.5  # a request that begins so long after its server died was not under way
OUT_S, BACK_S = 3.0, 40.0


class Run:
    def __init__(self, fleet: Fleet, town: Town, seconds: float) -> None:
        self.fleet, self.town, self.seconds = fleet, town, seconds
        self.rows: list[dict[str, Any]] = []
        self.failures: list[str] = []

    async def phase(self, name: str, pause_s: float | None, fault: Callable[[], None] | None = None, settle_s: float = 0.0) -> None:
        """One row. `fault` strikes under load; the shares are counted from `settle_s` after it."""
        struck_at = float("inf")
        told: list[Told] = []
        if fault is not None:
            striking = asyncio.create_task(loaded(self.town, READERS, 0.5 + settle_s, pause_s))
            await asyncio.sleep(0.5)
            struck_at = time.monotonic()
            await asyncio.to_thread(fault)
            told.append(await striking)
        await self.fleet.counts_are_out()
        before, begun = self.fleet.searches(), time.monotonic()
        told.append(await loaded(self.town, READERS, self.seconds, pause_s))
        took_s = time.monotonic() - begun
        await self.fleet.counts_are_out()
        after = self.fleet.searches()
        served = {port: max(0, after[port] - before[port]) for port in after}
        errors = [each for one in told for each in one.errors]
        lost = [what for at, what in errors if at <= struck_at + IN_FLIGHT_S]
        answers = sum(sum(one.answers.values()) for one in told)
        self.rows.append({
            "phase": name, "answers": answers, "a_second": round(sum(told[-1].answers.values()) / took_s, 1),
            "primary_share": round(served[5432] / max(1, sum(served.values())), 4), "served": served,
            "wrong": sum(len(one.wrong) for one in told), "lost_in_flight": len(lost) if fault else 0,
            "errors": len(errors) - (len(lost) if fault else 0), "oldest_take_down_s": round(max(one.oldest_s for one in told), 3),
            "longest_s": round(max(one.longest_s for one in told), 3)})  # fmt: skip
        self.failures += [f"{name}: {what}" for one in told for what in one.wrong]
        self.failures += [f"{name}: {what} {at - struck_at:+.1f} s" for at, what in errors if not fault or at > struck_at + IN_FLIGHT_S]
        print(self.line(self.rows[-1]), flush=True)

    @staticmethod
    def line(row: dict[str, Any]) -> str:
        return (f"{row['phase']:<44}{row['answers']:>8}{row['a_second']:>8}{100 * row['primary_share']:>10.1f} %{row['wrong']:>7}"
                f"{row['lost_in_flight']:>10}{row['errors']:>8}{row['oldest_take_down_s']:>11.2f}{row['longest_s']:>9.2f}")


async def measure(directory: Path, seconds: float) -> tuple[list[dict[str, Any]], list[str]]:
    with Fleet(directory) as fleet:
        await migrate(fleet.primary.database_url)
        standbys = [await asyncio.to_thread(fleet.add_standby) for _each in range(STANDBYS)]
        fleet.environ["DATABASE_STANDBY_URLS"] = ",".join(each.url for each in standbys)
        if has("pgbouncer"):
            fleet.add_pooler()
        else:
            print("no pgbouncer here: the roles log in directly")
        ports = free_ports(API_PROCESSES)
        addresses = [fleet.serve(f"api-{number}", port) for number, port in enumerate(ports)]
        proxy = fleet.add_proxy(ports)
        await fleet.until_ready(*addresses, proxy)
        settings = Settings.from_env(fleet.environ)

        def client(**headers: str) -> httpx.AsyncClient:
            return httpx.AsyncClient(base_url=proxy, headers={"Accept-Language": "en", **headers}, timeout=60)

        town = Town(settings, fleet.primary.database_url, client, SimpleNamespace(state=SimpleNamespace(settings=settings)))
        await town.prepare(LISTINGS, TEASERS)
        fleet.work()
        run, (first, second) = Run(fleet, town, seconds), standbys
        await loaded(town, READERS, 3.0, None)  # plans, pools and proofs are warm
        await run.phase("reading alone", None)
        await run.phase("publishing and taking down", PAUSE_S)
        await run.phase("one standby killed (SIGKILL)", PAUSE_S, first.kill, OUT_S)
        fleet.begin_again(first)
        await back(fleet, town, first.port)
        await run.phase("it is back, the other one's replay paused", PAUSE_S,
                        lambda: fleet.sql("SELECT pg_wal_replay_pause()", second.port), OUT_S)
        await run.phase("paused, and the other one killed", PAUSE_S, first.kill, OUT_S)
        fleet.sql("SELECT pg_wal_replay_resume()", second.port)
        fleet.begin_again(first)
        await back(fleet, town, first.port, second.port)
        await run.phase("both are back, one API process killed", PAUSE_S, lambda: fleet.kill("api-0"), 1.0)
        print(f"\n{town.published} published and {town.taken_down} taken down; the bound was {settings.standby_lag_most_s:.1f} s")
        return run.rows, run.failures


async def back(fleet: Fleet, town: Town, *ports: int) -> None:
    """Until these standbys are read again."""
    until = time.monotonic() + BACK_S
    await fleet.counts_are_out()
    before = fleet.searches()
    while True:
        await loaded(town, 1, 2.0, None)
        await fleet.counts_are_out()
        now = fleet.searches()
        if all(now[port] > before[port] for port in ports):
            return
        assert time.monotonic() < until, f"{ports} are not read again: {before} {now}\n{fleet.last_words()}"


def main(seconds: float = SECONDS) -> int:
    if not has("nginx"):
        print("this measurement needs nginx on PATH or in /usr/sbin")
        return 1
    print(f"{'phase':<44}{'answers':>8}{'a second':>8}{'primary':>12}{'wrong':>7}{'in flight':>10}{'errors':>8}{'oldest s':>11}{'longest':>9}")
    with tempfile.TemporaryDirectory(prefix="sx-") as directory:
        rows, failures = asyncio.run(measure(Path(directory), seconds))
    machine = {"processors": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()[0]}
    Path("bench-many.json").write_text(json.dumps({"phases": rows, "machine": machine}, indent=1) + "\n", encoding="utf-8")
    for failure in failures[:20]:
        print(failure)
    shares = {row["phase"]: row["primary_share"] for row in rows[:2]}
    print(f"share of the primary without faults: {', '.join(f'{100 * share:.1f} %' for share in shares.values())} (target 5 %); "
          f"{len(failures)} failures")
    return 1 if failures or max(shares.values()) >= 0.05 else 0


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:2])))
