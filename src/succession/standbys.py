"""Which server answers a read of the market: a hot standby that is proven fresh, or the primary?

The proof takes no clock but this process's own. A position of the primary's log, asked for at a moment, covers everything
committed before that moment; a standby that has replayed up to it lacks nothing older. So a read that begins at most
`bound_s` after the moment of the newest position a standby has reached shows every commit, take-downs above all, that is
older than the bound. A standby without such a proof, behind what its reader wrote, or lately broken is not asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import asyncpg

from succession import logs
from succession.config import Settings
from succession.memory import AWAY, Memory, open_memory

log = logging.getLogger("succession.standbys")
T = TypeVar("T")

LOOKS_PER_BOUND, EVERY_MOST_S = 8, 0.25
POSITION_S = 1.0  # for the primary to say where it is, to who has just committed
PATIENCE_S = 5.0  # for one read on a standby
REST_FIRST_S, REST_MOST_S = 0.5, 30.0
MARK_S = 0.5  # for Redis to say who wrote what
STANDBYS_TRIED = 2  # by one read; then the primary

# With synchronous_commit nothing is seen that is not flushed; without it the flushed position would promise too much.
POSITION = """
SELECT (CASE current_setting('synchronous_commit') WHEN 'off' THEN pg_current_wal_insert_lsn() ELSE pg_current_wal_flush_lsn() END
        - '0/0')::bigint
"""
# NULL of a server that is no standby (any more): somebody promoted it, and what it says is another history.
REPLAYED = "SELECT CASE WHEN pg_is_in_recovery() THEN (pg_last_wal_replay_lsn() - '0/0')::bigint END"


# ---------------------------------------------------------------- the rule


class Sample(NamedTuple):
    """Where the primary's log was; `at`: this process's monotonic clock before it was asked."""

    at: float
    position: int


@dataclass
class Standby:
    """What is known of one. `proven_at`: everything committed before then is there; None while nothing is proven."""

    proven_at: float | None = None
    replayed: int = 0
    failures: int = 0
    rests_until: float = 0.0
    under_way: int = 0


def proven_at(samples: Sequence[Sample], replayed: int) -> float | None:
    """The moment of the newest position that a standby has reached."""
    return max((sample.at for sample in samples if sample.position <= replayed), default=None)


def choose(standbys: Sequence[Standby], now: float, bound_s: float, floor: int | None, turn: int) -> int | None:
    """Which standby may answer a read that begins now, the least busy of several; None: the primary.

    `floor`: the position after what the reader wrote last; None when nobody knows. `turn`: any number that goes up.
    """
    fit = [] if floor is None else [
        number for number, each in enumerate(standbys)
        if each.proven_at is not None and now - each.proven_at <= bound_s and each.replayed >= floor and now >= each.rests_until]
    return min(fit, key=lambda number: (standbys[number].under_way, (number + turn) % len(standbys)), default=None)


def rest_s(failures: int) -> float:
    """How long one is left alone after so many failures in a row."""
    return min(REST_MOST_S, REST_FIRST_S * 2 ** min(failures - 1, 16))


# What a server raises that is gone or going. A connection that is cut between two messages may be asked to go on where it cannot:
# asyncpg then says that the fault is its own.
UNREACHED = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
_OF_THE_SERVER = ("08", "28", "3D", "40", "53", "55", "58", "XX")  # and 57, but for a statement that took its whole time


def is_the_servers(error: BaseException) -> bool:
    """Whether another server would answer: this one is gone, full, or cancelled the statement to keep up with its log."""
    state = getattr(error, "sqlstate", None)
    if state is None:
        return isinstance(error, UNREACHED)
    return state[:2] in _OF_THE_SERVER or (state[:2] == "57" and state != "57014")


# ---------------------------------------------------------------- who wrote what


class Marks:
    """Up to where must a standby be for this reader? In Redis, for as long as the bound does not promise it anyway.

    One entry per organisation, and one for everybody: what the calendar and owners did concerns who holds no session.
    """

    _EVERYBODY = "{wrote}"
    # The later of two positions stays; one key per script.
    _KEEP = """
    local kept = redis.call('GET', KEYS[1])
    if kept and tonumber(kept) > tonumber(ARGV[1]) then return 0 end
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    return 1
    """

    def __init__(self, memory: Memory, bound_s: float) -> None:
        self.memory, self.bound_s = memory, bound_s

    async def keep(self, writer: UUID | None, position: Callable[[], Awaitable[int]]) -> None:
        """After a commit. Where it cannot be written down, the writer waits until the bound holds for everybody."""
        try:
            async with asyncio.timeout(POSITION_S + MARK_S):
                await self.memory.eval(self._KEEP, 1, self._key(writer), await position(), int(2000 * self.bound_s))
        except (*AWAY, *UNREACHED) as error:
            log.warning("a position was not kept: %s at %s", type(error).__name__, logs.place_of(error))
            await asyncio.sleep(self.bound_s)

    async def floor(self, reader: UUID | None) -> int | None:
        """None: unknown."""
        keys = [self._EVERYBODY, *([self._key(reader)] if reader else [])]
        try:
            async with asyncio.timeout(MARK_S):
                return max(int(kept or 0) for kept in await self.memory.mget(keys))
        except (*AWAY, OSError, TimeoutError):
            return None

    def _key(self, whose: UUID | None) -> str:
        return f"{self._EVERYBODY}:{whose.hex}" if whose else self._EVERYBODY


# ---------------------------------------------------------------- the servers


@dataclass
class Standbys:
    """The standbys of one process. What it knows of them is a cache: another process finds out for itself.

    `audiences`: per standby the pools of the reading roles. `probes`: per standby, and `primary`, a connection that no
    reader uses up.
    """

    audiences: Sequence[Mapping[str, asyncpg.Pool]]
    probes: Sequence[asyncpg.Pool]
    primary: asyncpg.Pool
    marks: Marks
    bound_s: float
    known: list[Standby] = field(default_factory=list)
    samples: deque[Sample] = field(default_factory=deque)
    _turn: int = 0

    def __post_init__(self) -> None:
        self.known = [Standby() for _pool in self.probes]

    async def position(self) -> int:
        """Where the primary's log is now: behind everything that has been committed."""
        return await self.primary.fetchval(POSITION, timeout=POSITION_S)

    def choose(self, floor: int | None) -> int | None:
        self._turn += 1
        return choose(self.known, time.monotonic(), self.bound_s, floor, self._turn)

    async def choose_for(self, floor: int | None) -> int | None:
        """The same for who wrote a moment ago: one that is fresh may have come so far since it was last asked."""
        number = self.choose(floor)
        if number is None and floor and (behind := self.choose(0)) is not None:
            await self._look_at(behind)
            number = self.choose(floor)
        return number

    @contextlib.asynccontextmanager
    async def asking(self, number: int) -> AsyncIterator[None]:
        """One read on one standby: limited in time, counted, and a failure of the server's ends its proof."""
        known = self.known[number]
        known.under_way += 1
        try:
            async with asyncio.timeout(PATIENCE_S):
                yield
            known.failures = 0
        except Exception as error:
            # Slow, or cancelled to keep up with its log, is not gone: whether it is, the next look finds out.
            if is_the_servers(error) and not isinstance(error, TimeoutError) and getattr(error, "sqlstate", None) != "40001":
                self._failed(known, error)
            raise
        finally:
            known.under_way -= 1

    def _failed(self, known: Standby, error: Exception) -> None:
        if time.monotonic() < known.rests_until:
            return  # of the same blow, as others under way
        if known.proven_at is not None:
            log.warning("a standby is not read for now: %s at %s", type(error).__name__, logs.place_of(error))
        known.proven_at, known.failures = None, known.failures + 1
        known.rests_until = time.monotonic() + rest_s(known.failures)

    async def watch(self) -> None:
        """Ask all of them where they are, again and again, until cancelled."""
        every_s = min(EVERY_MOST_S, self.bound_s / LOOKS_PER_BOUND)
        while True:
            await self.look()
            await asyncio.sleep(every_s)

    async def look(self) -> None:
        """Once: where the primary is, and what each standby has reached of where it was."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(self.bound_s):  # an answer that comes later proves nothing
                self.samples.append(Sample(begun, await self.primary.fetchval(POSITION)))
        except UNREACHED as error:
            log.warning("the primary does not say where it is: %s", type(error).__name__)  # proofs grow old by themselves
        while self.samples and begun - self.samples[0].at > self.bound_s:
            self.samples.popleft()
        await asyncio.gather(*(self._look_at(number) for number in range(len(self.known))))

    async def _look_at(self, number: int) -> None:
        known = self.known[number]
        if time.monotonic() < known.rests_until:
            return
        try:
            async with asyncio.timeout(self.bound_s):
                replayed = await self.probes[number].fetchval(REPLAYED)
        except UNREACHED as error:
            self._failed(known, error)
            return
        known.replayed = replayed or 0
        known.proven_at = None if replayed is None else proven_at(self.samples, replayed)

    async def close(self) -> None:
        for pool in (self.primary, *self.probes, *(pool for pools in self.audiences for pool in pools.values())):
            pool.terminate()


# ---------------------------------------------------------------- reading


@dataclass(frozen=True)
class Market:
    """The published side as one audience role reads it, for one reader: what a pool can, from whichever server may answer."""

    role: str
    reader: UUID | None
    primary: asyncpg.Pool
    standbys: Standbys | None
    held: dict[type, Any] = field(default_factory=dict)  # what a slice of the program keeps of this database, by its own type

    async def fetch(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        return await self.ask(lambda pool: pool.fetch(sql, *values))

    async def fetchrow(self, sql: str, *values: Any) -> asyncpg.Record | None:
        """The first row. That there is none is said by the primary alone: who was just told of a teaser finds it."""
        rows = await self.fetch(sql, *values)
        if not rows and self.standbys is not None:
            rows = await self.primary.fetch(sql, *values)
        return rows[0] if rows else None

    async def ask(self, question: Callable[[asyncpg.Pool], Awaitable[T]]) -> T:
        """A question of several statements is asked of one server; all of it again of another where that one is gone."""
        if self.standbys is None:
            return await question(self.primary)
        floor = await self.standbys.marks.floor(self.reader)
        for _try in range(STANDBYS_TRIED):
            if (number := await self.standbys.choose_for(floor)) is None:
                break
            try:
                async with self.standbys.asking(number):
                    return await question(self.standbys.audiences[number][self.role])
            except Exception as error:
                if not is_the_servers(error):
                    raise
        return await question(self.primary)


async def show_everybody(settings: Settings, database: asyncpg.Pool | asyncpg.Connection) -> None:
    """After a commit of the calendar's: it is in every read that begins from now on. Nothing to do without standbys."""
    if not settings.standby_urls:
        return
    memory = open_memory(settings.redis_url)
    try:
        await Marks(memory, settings.standby_lag_most_s).keep(None, lambda: database.fetchval(POSITION, timeout=POSITION_S))
    finally:
        await memory.aclose()
