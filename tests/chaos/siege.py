"""So many disclosures at once while somebody kills at random: from the request to the reading, and what the books say of it."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from chaos.clients import Besieged, Told, patiently
from chaos.stack import API, POSTGRES, REDIS, WORKER, Stack
from succession.app import create_app
from succession.config import Settings
from succession.disclosure.ledger_check import check_ledgers
from succession.migrations import migrate
from world import Caller, Published

# (part, signal, how it is called in the table); an API process is one of two
WEAPONS = (
    ("API 1", signal.SIGKILL, f"{API}, SIGKILL"), ("API 2", signal.SIGKILL, f"{API}, SIGKILL"),
    (POSTGRES, signal.SIGKILL, f"{POSTGRES}, SIGKILL"), (POSTGRES, signal.SIGQUIT, f"{POSTGRES}, immediate"),
    (REDIS, signal.SIGKILL, f"{REDIS}, SIGKILL"), (WORKER, signal.SIGKILL, f"{WORKER}, SIGKILL"),
)
SELLERS, BUYERS_A_LISTING = 4, 4


@dataclass
class Plan:
    """`kills`: so many, one after another has healed; `on`: they go on until every disclosure is through."""

    disclosures: int
    kills: int
    seed: int
    on: bool = True
    at_once: int = 12
    pause_s: tuple[float, float] = (0.2, 1.2)
    heal_within_s: float = 45.0


@dataclass
class Outcome:
    told: Told = field(default_factory=Told)
    kills: Counter[str] = field(default_factory=Counter)
    outages: list[tuple[str, float]] = field(default_factory=list)
    disclosed: int = 0
    audits: int = 0
    seconds: float = 0.0

    def table(self, plan: Plan) -> str:
        longest = {kind: max((s for each, s in self.outages if each == kind), default=0.0) for kind in (API, POSTGRES, REDIS, WORKER)}
        rows = [f"{self.disclosed} disclosures in {self.seconds:.0f} s, seed {plan.seed}; the books were read {self.audits} times meanwhile",
                *(f"  killed {count:4} x {name}" for name, count in sorted(self.kills.items())),
                *(f"  answered {count:6} x {status}" for status, count in sorted(self.told.statuses.items())),
                f"  answers lost that asking again showed to have been taken: {self.told.found_done}",
                *(f"  longest until everything was ready again after {kind}: {s:.1f} s" for kind, s in longest.items()),
                f"  longest that one request had to be repeated: {self.told.longest_s:.1f} s"]
        return "\n".join(rows)


@dataclass
class Case:
    """One disclosure: a listing with an owner of its own, and a buyer."""

    published: Published
    buyer: Caller
    lock: asyncio.Lock  # an owner answers one letter after another


async def besiege(stack: Stack, plan: Plan, outcome: Outcome) -> None:
    """Fills `outcome`. Raises AssertionError for whatever must not be: see `audit`, clients.Wrong, clients.GaveUp."""
    await migrate(stack.database_url)
    settings = Settings.from_env(stack.environ)
    world = Besieged(create_app(settings), stack.database_url, lambda: stack.addresses, outcome.told)
    world.app.state.settings = settings  # what the helpers ask of an application; it serves nobody
    try:
        cases, _begun = await asyncio.gather(_cases(world, plan), stack.begin_programs())
        began, done = time.monotonic(), asyncio.Event()
        killer, auditor = asyncio.create_task(_kill(stack, plan, outcome, done)), asyncio.create_task(_watch(stack, outcome, done))
        work = asyncio.create_task(_all(world, cases, plan, outcome))
        try:
            while not work.done():  # whoever of the three fails first ends the siege
                await asyncio.wait({work, killer, auditor} if not killer.done() else {work, auditor}, return_when=asyncio.FIRST_COMPLETED)
                for task in (killer, auditor):
                    if task.done():
                        task.result()
            done.set()
            await asyncio.gather(work, killer, auditor)
        finally:
            outcome.seconds, outcome.outages = time.monotonic() - began, stack.outages
            for task in (work, killer, auditor):
                task.cancel()
            await asyncio.gather(work, killer, auditor, return_exceptions=True)
        await stack.until_ready(plan.heal_within_s)
        await audit(stack, outcome, at_end=len(cases))
    finally:
        await world.close()


async def _cases(world: Besieged, plan: Plan) -> list[Case]:
    sellers = [await world.intermediary() for _seller in range(min(SELLERS, plan.disclosures))]
    buyers = [await world.acquirer() for _buyer in range(BUYERS_A_LISTING)]
    cases: list[Case] = []
    while len(cases) < plan.disclosures:
        published, lock = await world.published(sellers[len(cases) // BUYERS_A_LISTING % len(sellers)]), asyncio.Lock()
        cases += [Case(published, buyer, lock) for buyer in buyers]
    return cases[: plan.disclosures]


async def _all(world: Besieged, cases: list[Case], plan: Plan, outcome: Outcome) -> None:
    limit = asyncio.Semaphore(plan.at_once)

    async def one(case: Case) -> None:
        async with case.lock, limit:
            deal = await world.released(case.published, case.buyer)
            read = await case.buyer.get(f"/v1/dossiers/{deal}")
            assert read.status_code == 200 and case.published.legal_name in read.text, read.text
            # It was just read: then its entry is there, and there is one.
            assert await patiently(lambda: _entries(world.database_url, deal)) == 1, f"deal {deal} is readable"
            outcome.disclosed += 1

    tasks = [asyncio.create_task(one(case)) for case in cases]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _kill(stack: Stack, plan: Plan, outcome: Outcome, done: asyncio.Event) -> None:
    """One after another; the next when the last is back. The API, PostgreSQL and Redis first, in any order; then every weapon is used
    before one is used again."""
    lot = random.Random(plan.seed)
    left = [lot.choice([each for each in WEAPONS if each[2].startswith(kind)]) for kind in lot.sample((API, POSTGRES, REDIS), 3)]
    while (plan.on and not done.is_set()) or sum(outcome.kills.values()) < plan.kills:
        await asyncio.sleep(lot.uniform(*plan.pause_s))
        left = left or lot.sample(WEAPONS, len(WEAPONS))
        name, number, called = left.pop()
        stack.kill(name, number)
        outcome.kills[called] += 1
        until = time.monotonic() + plan.heal_within_s
        while stack.hurt:
            assert time.monotonic() < until, f"{called}: not back within {plan.heal_within_s:.0f} s"
            await asyncio.sleep(0.05)


# ---------------------------------------------------------------------------------------------------------------------
# The books

_ENTRIES = """SELECT count(*) FROM vault.ledger_entry WHERE deal_id = $1 AND kind = 'released'
    AND convert_from(body, 'UTF8')::jsonb ->> 'level' = 'dossier'"""
# One snapshot: grants whose entries are not exactly one, entries whose grants are not.
_UNEVEN = """
WITH entry AS (SELECT (convert_from(body, 'UTF8')::jsonb ->> 'grant_id')::uuid AS grant_id FROM vault.ledger_entry WHERE kind = 'released')
SELECT coalesce(g.id, e.grant_id) AS id, count(e.grant_id) AS entries, count(g.id) AS grants
FROM vault.disclosure_grant g FULL JOIN entry e ON e.grant_id = g.id
GROUP BY 1 HAVING count(e.grant_id) <> 1 OR count(g.id) <> 1"""
_TWICE = "SELECT deal_id, level, count(*) FROM vault.disclosure_grant GROUP BY 1, 2 HAVING count(*) > 1"
_SCHEDULES = """SELECT g.deal_id FROM vault.disclosure_grant g WHERE g.level = 'dossier'
    AND 1 <> (SELECT count(*) FROM vault.nda_schedule s WHERE s.deal_id = g.deal_id)"""
_LETTERS = """SELECT g.deal_id FROM vault.disclosure_grant g JOIN vault.deal d ON d.id = g.deal_id
WHERE 1 <> (SELECT count(*) FROM vault.audit_event a WHERE a.action = 'release' AND a.object_id = g.deal_id::text)"""


async def _seeding(database_url: str) -> asyncpg.Connection:
    connection = await asyncpg.connect(database_url, timeout=10)
    await connection.execute("SET ROLE succession_seeder")
    return connection


async def _entries(database_url: str, deal: str) -> int:
    connection = await _seeding(database_url)
    try:
        return await connection.fetchval(_ENTRIES, UUID(deal))
    finally:
        await connection.close()


async def _watch(stack: Stack, outcome: Outcome, done: asyncio.Event) -> None:
    """Read the books again and again while they are written."""
    while not done.is_set():
        await patiently(lambda: audit(stack, outcome))
        await asyncio.sleep(0.5)


async def audit(stack: Stack, outcome: Outcome, at_end: int | None = None) -> None:
    """None without its entry, none with two, nothing half written; at the end every chain from its first link."""
    connection = await _seeding(stack.database_url)
    try:
        for question in (_UNEVEN, _TWICE, _SCHEDULES, _LETTERS):
            rows: list[Any] = await connection.fetch(question)
            assert not rows, f"{question.strip().splitlines()[0]}: {rows[:5]}"
        outcome.audits += 1
        if at_end is not None:
            assert await connection.fetchval("SELECT count(*) FROM vault.disclosure_grant") == at_end == outcome.disclosed
            assert await connection.fetchval("SELECT count(DISTINCT g.deal_id) FROM vault.access a JOIN vault.disclosure_grant g ON g.id = a.grant_id") == at_end
            broken = (await check_ledgers(connection)).breaks
            assert not broken, broken
    finally:
        await connection.close()
