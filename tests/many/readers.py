"""Readers who ask all the time, one writer who publishes and takes down, and what may have been answered when.

The writer changes one teaser at a time, so the published side goes through a row of states. An answer is right when it is one of
the states between the last change that was over before `bound_s` before the question, and the last that had begun when it came.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from market_world import approved, entered, mandated, profiles, put_in_force, queued, seed_market
from succession.commands.market import close_batch_now
from succession.config import Settings
from world import Remote

PAGE = 100
GIVE_UP_S = 60.0


@dataclass
class Change:
    """After it these are up. It took effect somewhere between `begun` and `done` (inf while it is under way)."""

    begun: float
    done: float
    up: frozenset[str]


@dataclass
class History:
    """Of the teasers that come and go; `still`: how many each kind of reader sees besides."""

    bound_s: float
    changes: list[Change] = field(default_factory=lambda: [Change(0.0, 0.0, frozenset())])
    still: dict[str, int] = field(default_factory=dict)

    def states(self, asked: float, answered: float, bound_s: float) -> list[frozenset[str]]:
        first = max(number for number, each in enumerate(self.changes) if each.done <= asked - bound_s)
        return [each.up for each in self.changes[first:] if each.begun <= answered]

    def wrong_page(self, kind: str, page: dict[str, Any], asked: float, answered: float) -> str | None:
        known = {ref for change in self.changes for ref in change.up}
        seen, number = frozenset(known & {item["ref"] for item in page["items"]}), page["total_certain"] - self.still[kind]
        possible = self.states(asked, answered, self.bound_s)
        return None if seen in possible and number == len(seen) else f"{kind} saw {len(seen)} ({number}) of {[len(each) for each in possible]}"

    def wrong_teaser(self, ref: str, status: int, asked: float, answered: float) -> str | None:
        """That one is not there is exact: the primary says so."""
        if not any(ref in each.up for each in self.changes):
            return None if status == 200 else f"{ref}, which stays, answered {status}"
        possible = self.states(asked, answered, self.bound_s if status == 200 else 0.0)
        return None if any((ref in up) == (status == 200) for up in possible) else f"{ref} answered {status} too late"


@dataclass
class Told:
    """What was answered, in one phase."""

    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    errors: list[tuple[float, str]] = field(default_factory=list)
    oldest_s: float = 0.0  # how long a taken-down teaser was still answered after its taker had been told that it is down
    longest_s: float = 0.0


class Town:
    """Everybody there is: `prepare` once, then `reading` and `writing` as tasks. `told` is exchanged between phases."""

    def __init__(self, settings: Settings, database_url: str, client: Callable[..., httpx.AsyncClient], app: Any) -> None:
        self.settings, self.client, self.told, self.history = settings, client, Told(), History(settings.standby_lag_most_s)
        self.world = Remote(app, database_url, client)
        self.rng = random.Random(1)
        self.published = self.taken_down = 0
        self.over = False

    async def prepare(self, listings: int, teasers: int) -> None:
        """Teasers that stay, and listings that wait to be published, each with its owner's approval."""
        await put_in_force(self.world)
        await seed_market(self.world, teasers)
        self.center, self.buyer = await self.world.intermediary(), await self.world.acquirer()
        self.callers = {"public": self.client(), "buyer": self.buyer.client}
        self.waiting: list[tuple[UUID, UUID]] = []
        for raw in profiles(listings):
            listing_id = await entered(self.center, raw)
            await mandated(self.world, listing_id, self.center.member_id)
            self.waiting.append((listing_id, await approved(self.world, listing_id, raw, "public", "verified_buyers", "domestic_institutions")))
        self.up: list[tuple[UUID, str]] = []
        self.still = self.history.still
        for kind, asks in (*self.callers.items(), ("domestic", self.center.client)):
            self.still[kind] = (await asks.get("/v1/teasers", params={"limit": 1})).json()["total_certain"]

    # ------------------------------------------------------------ writing

    async def writing(self, pause_s: float, keep_up: int = 3) -> None:
        """Up, down, up, down; after each the one who did it reads exactly that. Ends between two changes, when `over` is set."""
        while not self.over and (self.waiting or self.up):
            await (self.take_down() if len(self.up) > keep_up or not self.waiting else self.publish())
            await asyncio.sleep(pause_s)

    async def publish(self) -> None:
        listing_id, proposal_id = self.waiting.pop(0)
        ref = (await queued(self.world, listing_id, proposal_id)).hex
        change = self._begin(self.history.changes[-1].up | {ref})
        closed = await close_batch_now(self.settings)
        change.done, self.published = time.monotonic(), self.published + 1
        assert not closed.refused, closed.refused
        self.up.append((listing_id, ref))
        await self._reads_exactly(ref, 200)

    async def take_down(self) -> None:
        listing_id, ref = self.up.pop(0)
        change = self._begin(self.history.changes[-1].up - {ref})
        answer = await self.center.delete(f"/v1/listings/{listing_id}/publication")
        assert answer.status_code == 204, answer.text
        change.done, self.taken_down = time.monotonic(), self.taken_down + 1
        await self._reads_exactly(ref, 404)

    def _begin(self, up: frozenset[str]) -> Change:
        self.history.changes.append(Change(time.monotonic(), float("inf"), up))
        return self.history.changes[-1]

    async def _reads_exactly(self, ref: str, status: int) -> None:
        one = await self.center.get(f"/v1/teasers/{ref}")
        page = (await self.center.get("/v1/teasers", params={"limit": PAGE})).json()
        up = self.history.changes[-1].up
        seen = {item["ref"] for item in page["items"]} & {each for change in self.history.changes for each in change.up}
        self.told.answers["own"] += 2
        if one.status_code != status or seen != up or page["total_certain"] != self.still["domestic"] + len(up):
            self.told.wrong.append(f"the writer read {one.status_code} of its own {status}, {len(seen)} of {len(up)}")

    # ------------------------------------------------------------ reading

    async def reading(self, kind: str) -> None:
        """One reader, until it is over: two searches, then one teaser that was on the page; sometimes one that comes and goes."""
        asks, turn, page = self.callers[kind], 0, []
        while not self.over:
            turn += 1
            known = [ref for change in self.history.changes[-3:] for ref in change.up] if turn % 18 == 0 else page
            ref = self.rng.choice(known) if turn % 3 == 0 and known else None
            asked = time.monotonic()
            try:
                answer = await (asks.get(f"/v1/teasers/{ref}") if ref else asks.get("/v1/teasers", params={"limit": PAGE}))
            except httpx.HTTPError as error:
                self.told.errors.append((asked, type(error).__name__))
                continue
            self._judge(kind, ref, answer, asked, time.monotonic())
            if ref is None and answer.status_code == 200:
                page = [item["ref"] for item in answer.json()["items"]]

    def _judge(self, kind: str, ref: str | None, answer: httpx.Response, asked: float, answered: float) -> None:
        told = self.told
        told.answers[kind] += 1
        told.longest_s = max(told.longest_s, answered - asked)
        if answer.status_code not in ((200, 404) if ref else (200,)):
            told.errors.append((asked, str(answer.status_code)))
            return
        wrong = (self.history.wrong_teaser(ref, answer.status_code, asked, answered) if ref
                 else self.history.wrong_page(kind, answer.json(), asked, answered))
        if wrong:
            told.wrong.append(wrong)
        shown = [ref] * (answer.status_code == 200) if ref else [item["ref"] for item in answer.json()["items"]]
        for each in shown:
            told.oldest_s = max(told.oldest_s, asked - self._down_since(each, asked))

    def _down_since(self, ref: str, asked: float) -> float:
        """When it was last known to have come down, for one that was down when it was asked for; else that moment."""
        over = [number for number, each in enumerate(self.history.changes) if each.done <= asked]
        state, down = self.history.changes, asked
        if ref in state[over[-1]].up or not any(ref in each.up for each in state):
            return asked
        for number in reversed(over):
            if ref in state[number].up:
                return down
            down = state[number].done
        return asked  # not up yet


async def loaded(town: Town, readers: int, seconds: float, pause_s: float | None, answers: int = 0) -> Told:
    """So many readers of each kind for so long, and until each kind has so many answers; the writer too, unless `pause_s` is
    None. What they were told."""
    town.told, town.over = Told(), False
    reading = [asyncio.create_task(town.reading(kind)) for kind in town.callers for _reader in range(readers)]
    writing = [asyncio.create_task(town.writing(pause_s))] if pause_s is not None else []
    begun, kinds = time.monotonic(), (*town.callers, *(["own"] if writing and answers else []))
    while time.monotonic() - begun < seconds or min(town.told.answers[kind] for kind in kinds) < answers:
        assert time.monotonic() - begun < seconds + GIVE_UP_S, town.told
        await asyncio.sleep(0.05)
    town.over = True  # nobody is cut off in the middle: what that reader saw would be unknown
    await asyncio.gather(*reading, *writing)
    return town.told
