"""Is every answer of a search the market as it stood at one moment, while it is written from all sides and counted anew?

Four writers go on at once, and whoever settles: batches, take-downs, loads of many teasers, exclusions of a buyer. Each commits one
change after another, so a moment is how many changes of each writer there were. An answer is right when looking at every teaser
of one such moment gives it, between what was over when it was asked for and what had begun when it came. Settling changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count, product
from typing import NamedTuple
from uuid import UUID

import asyncpg
import httpx
import msgspec
import pytest

from conftest import TEMPLATE, clone_of
from market_world import (
    TEASER_COLUMNS,
    approved,
    batch,
    cells_of_members,
    entered,
    mandated,
    profiles,
    put_in_force,
    queued,
    random_teaser,
    seed_market,
    settle_market,
)
from real_server import on_another_database, serving
from recount import ROWS, SEES, Answer, Position, Question, Row, drawn, told
from succession.anonymity.codebook import Cell
from succession.config import Settings, as_role
from succession.market.batches import end_publications
from succession.market.codebooks import label_id
from succession.market.settling import settle, settle_if_due
from world import Caller, Remote

PAGES_MOST = 4


@dataclass(frozen=True)
class Size:
    """`teasers` stand at the beginning; `batches` of `batch` listings go up, and `loads` of `load` teasers besides."""

    teasers: int
    batches: int
    batch: int
    loads: int
    load: int
    answers: int  # of each reader, at least
    settlings: int  # that committed, at least
    settlers: int
    give_up_s: int


SMALL = Size(teasers=300, batches=4, batch=5, loads=12, load=60, answers=40, settlings=2, settlers=1, give_up_s=120)
FULL = Size(teasers=5_000, batches=12, batch=10, loads=40, load=150, answers=300, settlings=5, settlers=2, give_up_s=1_800)


# --- what there was when --------------------------------------------------------------------------------------------


class Change(NamedTuple):
    writer: str
    number: int


Moment = Counter[str]  # writer -> changes


@dataclass
class Stay:
    """From one change to another, or from the beginning; without end until there is one."""

    begin: Change | None = None
    end: Change | None = None

    def holds(self, moment: Moment) -> bool:
        return (self.begin is None or moment[self.begin.writer] >= self.begin.number) and (self.end is None or moment[self.end.writer] < self.end.number)


class Chronicle:
    """Every teaser there ever was and who was kept from it, with its time."""

    def __init__(self) -> None:
        self.begun: Counter[str] = Counter()
        self.over: Counter[str] = Counter()
        self.rows: dict[UUID, Row] = {}
        self.stays: dict[UUID, Stay] = {}
        self.kept_from: list[tuple[UUID, UUID, Stay]] = []  # organisation, reference

    @contextlib.contextmanager
    def change(self, writer: str) -> Iterator[Change]:
        """What is done inside takes effect at one moment. What fails leaves it unknown, and the test fails."""
        self.begun[writer] += 1
        yield Change(writer, self.begun[writer])
        self.over[writer] += 1

    def moments(self, asked: Moment, answered: Moment) -> Iterator[Moment]:
        ranges = [range(asked[writer], answered[writer] + 1) for writer in answered]
        return (Counter(dict(zip(answered, numbers, strict=True))) for numbers in product(*ranges))

    def visible(self, role: str, viewers: tuple[UUID, ...], moment: Moment) -> list[Row]:
        hidden = {ref for organisation, ref, stay in self.kept_from if organisation in viewers and stay.holds(moment)}
        return [row for ref, row in self.rows.items()
                if row["audiences"] & SEES[role] and ref not in hidden and self.stays[ref].holds(moment)]


# --- the writers ----------------------------------------------------------------------------------------------------


@dataclass
class Market:
    """Everybody there is. `held`: listings that are up under these references and will be excluded from, `leaving`: that come down."""

    world: Remote
    settings: Settings
    size: Size
    rng: random.Random
    center: Caller
    buyer: Caller
    chronicle: Chronicle = field(default_factory=Chronicle)
    waiting: list[tuple[UUID, UUID, bool]] = field(default_factory=list)
    held: list[tuple[UUID, UUID]] = field(default_factory=list)
    leaving: list[tuple[UUID, UUID]] = field(default_factory=list)
    published: bool = False
    settled: int = 0

    async def prepare(self) -> None:
        """What stands at the beginning, most of it settled; and listings that wait, every third to be excluded from."""
        await put_in_force(self.world)
        hidden = await seed_market(self.world, self.size.teasers, excluding=self.buyer, excluded=self.size.teasers // 10)
        await settle_market(self.world)
        hidden += await seed_market(self.world, self.size.teasers // 5, seed=2, excluding=self.buyer, excluded=self.size.teasers // 50)
        self.chronicle.kept_from = [(self.buyer.organisation_id, ref, Stay()) for ref in hidden]
        await self.came(Stay())
        for number, raw in enumerate(profiles(self.size.batches * self.size.batch)):
            listing_id, excludes = await entered(self.center, raw), number % 3 == 0
            await mandated(self.world, listing_id, self.center.member_id)
            audiences = ("verified_buyers", "domestic_institutions", *(() if excludes else ("public", "agency_desk")))
            self.waiting.append((listing_id, await approved(self.world, listing_id, raw, *audiences), excludes))

    async def came(self, stay: Stay) -> list[UUID]:
        """The references of teasers that are up and were not known before."""
        found = {row["ref"]: dict(row) for row in await self.world.seed(ROWS) if row["ref"] not in self.chronicle.rows}
        self.chronicle.stays |= {ref: Stay(stay.begin) for ref in found}
        self.chronicle.rows |= found
        return list(found)

    async def publishing(self) -> None:
        for _batch in range(self.size.batches):
            await self._pause()
            some, self.waiting = self.waiting[: self.size.batch], self.waiting[self.size.batch :]
            refs = {await queued(self.world, listing_id, proposal_id): (listing_id, excludes) for listing_id, proposal_id, excludes in some}
            with self.chronicle.change("batches") as change:
                closed = await batch(self.world, self.settings)
            assert (closed.published, closed.refused) == (len(refs), {}), closed
            rows = await self.world.seed(f"{ROWS} WHERE t.ref = ANY($1)", list(refs))
            for row in rows:
                self.chronicle.rows[row["ref"]], self.chronicle.stays[row["ref"]] = dict(row), Stay(change)
                listing_id, excludes = refs[row["ref"]]
                (self.held if excludes else self.leaving).append((listing_id, row["ref"]))
        self.published = True

    async def taking_down(self) -> None:
        """One by its intermediary; then several whose consents have run out, in one step."""
        while self.leaving or not self.published:
            if len(self.leaving) < 3 and not self.published:
                await asyncio.sleep(0.01)
                continue
            await self._pause()
            (listing_id, ref), *several = self.leaving[:3]
            with self.chronicle.change("take-downs") as change:
                answer = await self.center.delete(f"/v1/listings/{listing_id}/publication")
                assert answer.status_code == 204, answer.text
            self.chronicle.stays[ref].end = change
            await self.world.overrule("UPDATE vault.audience_consent SET expires_at = now() WHERE listing_id = ANY($1)", [each for each, _ref in several])
            with self.chronicle.change("take-downs") as change:
                async with self._as_worker() as worker:
                    assert await end_publications(worker, self.settings, datetime.now(UTC)) == len(several)
            for _listing, ref in several:
                self.chronicle.stays[ref].end = change
            self.leaving = self.leaving[3:]

    async def loading(self) -> None:
        """Many teasers come and some that were loaded before go, in one transaction of several statements; some of them in new labels."""
        loaded: list[UUID] = []
        cells, ids = await cells_of_members(self.world)
        for turn in range(self.size.loads):
            await self._pause()
            some = [self.rng.choice(cells) for _each in range(self.size.load)]
            if turn % 4 == 0:
                labels = await self._labels(list({cell.cell: cell for cell in some if cell.revenue != "any"}.values())[:2], ids)
                some[: len(labels)], ids = labels.values(), ids | {label.cell: number for number, label in labels.items()}
            records = [random_teaser(self.rng, cell, ids) for cell in some]
            gone = self.rng.sample(loaded, len(loaded) // 3)
            with self.chronicle.change("loads") as change:
                async with self._as_seeder() as seeder, seeder.transaction():
                    half = len(records) // 2
                    for part in (records[:half], records[half:]):
                        await seeder.copy_records_to_table("teaser", schema_name="market", columns=TEASER_COLUMNS, records=part)
                    await seeder.execute("DELETE FROM market.teaser WHERE ref = ANY($1)", gone)
            for ref in gone:
                self.chronicle.stays[ref].end = change
            refs = [record[0] for record in records]
            self.chronicle.rows |= {row["ref"]: dict(row) for row in await self.world.seed(f"{ROWS} WHERE t.ref = ANY($1)", refs)}
            self.chronicle.stays |= {ref: Stay(change) for ref in refs}
            loaded = [ref for ref in (*loaded, *refs) if ref not in gone]

    async def _labels(self, cells: list[Cell], ids: dict[int, int]) -> dict[int, Cell]:
        """Id -> the label of each cell that hides its revenue. Who begins first ends last, if nobody makes the others wait."""
        async def label(cell: Cell, begins_s: float, stays_s: float) -> tuple[int, Cell]:
            said = msgspec.structs.replace(cell, cell=-1 - ids[cell.cell], revenue="any")
            async with self._as_seeder() as seeder, seeder.transaction():
                await asyncio.sleep(begins_s)
                found = await label_id(seeder, ids[cell.cell], msgspec.structs.asdict(said))
                await asyncio.sleep(stays_s)
            return found, said

        return dict(await asyncio.gather(*(label(cell, 0.1 * turn, 0.4 - 0.3 * turn) for turn, cell in enumerate(cells))))

    async def excluding(self) -> None:
        """The buyer is excluded from listings that are up, and admitted again to every second."""
        done = 0
        while done < len(self.held) or not self.published:
            if done == len(self.held):
                await asyncio.sleep(0.01)
                continue
            await self._pause()
            listing_id, ref = self.held[done]
            done += 1
            with self.chronicle.change("exclusions") as begun:
                answer = await self.center.post(f"/v1/listings/{listing_id}/exclusions", {"kind": "organisation", "value": str(self.buyer.organisation_id)})
                assert answer.status_code == 201, answer.text
            stay = Stay(begun)
            self.chronicle.kept_from.append((self.buyer.organisation_id, ref, stay))
            if done % 2:
                with self.chronicle.change("exclusions") as stay.end:
                    ended = await self.center.delete(f"/v1/listings/{listing_id}/exclusions/{answer.json()['id']}")
                    assert ended.status_code == 204, ended.text

    async def settling(self, over: asyncio.Event) -> None:
        """Again and again: as somebody asks for it, as the calendar does, and broken off in the middle."""
        for turn in count():
            if over.is_set():
                return
            with contextlib.suppress(TimeoutError, asyncpg.LockNotAvailableError):  # one settles at a time, the other waits five seconds
                async with self._as_worker() as worker, worker.transaction(), asyncio.timeout(self.rng.uniform(0.05, 0.8) if turn % 3 == 2 else None):
                    if turn % 3 == 1:
                        self.settled += await settle_if_due(worker, self.settings, datetime.now(UTC))
                    else:
                        await settle(worker)
                        self.settled += 1

    async def _pause(self) -> None:
        """Of most answers it is then certain what they have to be."""
        await asyncio.sleep(self.rng.uniform(0, 0.2))

    @contextlib.asynccontextmanager
    async def _as_worker(self) -> AsyncIterator[asyncpg.Connection]:
        async with _connection(as_role(self.world.database_url, "succession_worker")) as worker:
            yield worker

    @contextlib.asynccontextmanager
    async def _as_seeder(self) -> AsyncIterator[asyncpg.Connection]:
        async with _connection(self.world.database_url) as seeder:
            await seeder.execute("SET ROLE succession_seeder")
            yield seeder


@contextlib.asynccontextmanager
async def _connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


# --- the readers ----------------------------------------------------------------------------------------------------


@dataclass
class Reader:
    """`viewers`: whose exclusions hold; `acting`: what its searches say besides."""

    name: str
    role: str
    client: httpx.AsyncClient
    viewers: tuple[UUID, ...] = ()
    acting: dict[str, str] = field(default_factory=dict)


class Heard(NamedTuple):
    reader: Reader
    question: Question
    limit: int
    after: str | None  # the reference the page before ended with
    asked: Moment
    answered: Moment
    answer: Answer


async def reading(market: Market, reader: Reader, rng: random.Random, over: asyncio.Event, heard: list[Heard]) -> None:
    """One search after another, each for some pages, while the market goes on under them."""
    chronicle = market.chronicle
    while not over.is_set():
        question, limit, after, cursor = drawn(rng, list(chronicle.rows.values())), rng.choice((0, 1, 5, 20, 100)), None, None
        for _page in range(rng.randrange(1, PAGES_MOST + 1)):
            asked = Counter(chronicle.over)
            response = await reader.client.get("/v1/teasers", params=question.params | reader.acting | {"limit": limit} | ({"cursor": cursor} if cursor else {}))
            answer = told(response)
            heard.append(Heard(reader, question, limit, after, asked, Counter(chronicle.begun), answer))
            cursor = response.json()["next_cursor"]
            if cursor is None:
                break
            after = answer.refs[-1]


def wrong(chronicle: Chronicle, heard: Heard) -> str | None:
    """None where the answer was right at some moment it can be of."""
    rows, question = chronicle.rows, heard.question
    after: Position | None = question.position(rows[UUID(heard.after)]) if heard.after else None
    nearest = ""
    for moment in chronicle.moments(heard.asked, heard.answered):
        expected = question.answer(chronicle.visible(heard.reader.role, heard.reader.viewers, moment), heard.limit, after)
        if expected == heard.answer:
            return None
        differing = [name for name, mine, theirs in zip(Answer._fields, expected, heard.answer, strict=True) if mine != theirs]
        nearest += f"\n  at {dict(moment)}: {differing} {expected[:2]}"
    return f"{heard.reader.name} asked {question.params}, {heard.limit} after {heard.after}: {heard.answer[:2]}{nearest}"


# --------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own_settings(settings: Settings) -> Settings:
    """A market where nobody else's teasers come and go. Its API is another process: what a process keeps of the market is one market's."""
    return on_another_database(settings, clone_of(TEMPLATE, "succession_test_written_market"))


async def readers_of(world: Remote, buyer: Caller, center: Caller) -> list[Reader]:
    """Each role once, and an intermediary that acts for the buyer."""
    bank = await world.intermediary("bank")
    await world.seed("INSERT INTO vault.representation (intermediary_id, acquirer_id, document_hash, from_date, until_date, recorded_by, confirmed_by, "
                     "confirmed_at) VALUES ($1, $2, sha256(''), current_date - 1, current_date + 9, $3, $4, now())",
                     bank.organisation_id, buyer.organisation_id, bank.member_id, buyer.member_id)
    another, desk = await world.acquirer(country="DE"), await world.agency("desk")
    return [Reader("anybody", "market_public", world.client()),
            Reader("the buyer", "market_buyer", buyer.client, (buyer.organisation_id,)),
            Reader("another buyer", "market_buyer", another.client, (another.organisation_id,)),
            Reader("the desk", "market_desk", desk.client, (desk.organisation_id,)),
            Reader("the center", "market_domestic", center.client, (center.organisation_id,)),
            Reader("the buyer's bank", "market_domestic", bank.client, (bank.organisation_id, buyer.organisation_id), {"acting_for": str(buyer.organisation_id)})]


async def read_and_written(market: Market, readers: list[Reader], seed: int) -> list[Heard]:
    """Until everything is written, and each reader has asked and somebody settled often enough."""
    heard, over, size = [], asyncio.Event(), market.size
    async with asyncio.timeout(size.give_up_s), asyncio.TaskGroup() as group:
        for number, reader in enumerate(readers):
            group.create_task(reading(market, reader, random.Random(100 * seed + number), over, heard))
        for _settler in range(size.settlers):
            group.create_task(market.settling(over))
        writing = [group.create_task(writer()) for writer in (market.publishing, market.taking_down, market.loading, market.excluding)]
        await asyncio.wait(writing, return_when=asyncio.FIRST_EXCEPTION)
        while min(sum(each.reader is reader for each in heard) for reader in readers) < size.answers or market.settled < size.settlings:
            await asyncio.sleep(0.05)
        over.set()
    return heard


@pytest.mark.slow
async def test_every_search_is_the_market_of_one_moment_while_it_is_written(own_settings, request, tmp_path, record_property):
    size, seed = FULL if request.config.getoption("--full") else SMALL, request.config.getoption("--seed")
    with serving(own_settings, own_settings.database_url, tmp_path / "serve.log") as server:
        world = server.world(own_settings)
        try:
            center, buyer = await world.intermediary(), await world.acquirer()
            market = Market(world, own_settings, size, random.Random(seed), center, buyer)
            await market.prepare()
            heard, chronicle = await read_and_written(market, await readers_of(world, buyer, center), seed), market.chronicle
            assert {row["ref"] for row in await world.seed("SELECT ref FROM market.teaser")} == {
                ref for ref, stay in chronicle.stays.items() if stay.holds(chronicle.over)}, "the chronicle itself"
            sure = sum(len(list(chronicle.moments(each.asked, each.answered))) == 1 for each in heard)
            told_of = (f"seed {seed}: {len(heard)} answers, {sure} of them of one possible moment, {market.settled} settlings, "
                       f"{sum(chronicle.over.values())} changes of {len(chronicle.rows)} teasers")
            print(told_of)
            record_property("market", told_of)
            assert [each for each in (wrong(chronicle, each) for each in heard) if each] == []
        finally:
            await world.close()
