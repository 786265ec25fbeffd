"""How finely do buyers ask? Counted in memory, added to the database once a minute, never by a request.

What is kept is a day, whether the reader was verified, an attribute and the level that answers the wish (ops.filter_use):
no value, no text, nobody. Of an organisation a search counts once a day, so that a program asking the same every minute
does not speak for everybody; what tells that apart is a keyed hash that never leaves this process. Counts of the last
minute are lost when the process dies: they are a sample, not evidence.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections import Counter
from datetime import UTC, date, datetime
from functools import lru_cache

import asyncpg

from succession import logs
from succession.actor import Actor
from succession.anonymity.weights import Asked, needed_level
from succession.codes import ATTRIBUTES, LEVELS
from succession.days import day_in_japan
from succession.market.queries import audience_role
from succession.market.search import Search
from succession.standbys import UNREACHED

log = logging.getLogger("succession.filter_log")

PUBLIC, VERIFIED = "public", "verified"
EVERY_S = 60
REMEMBERED_MOST = 100_000  # different searches of a day; beyond them nothing more is counted that day
SEARCHES = "search"  # in place of an attribute: how many searches asked for anything

_ADD = "SELECT ops.add_filter_use($1, $2, $3, $4)"


def needs_of(search: Search) -> dict[str, int]:
    """Attribute -> the level that answers the search; {} where it asks for nothing of the codebook, or for nonsense."""
    if search.empty:
        return {}
    needed = {name: _needed(name, codes) for name, codes in search.certain.items()}
    return {name: level for name, level in needed.items() if level is not None}


@lru_cache(maxsize=10_000)
def _needed(attribute: str, codes: tuple[str, ...]) -> int | None:
    return needed_level(attribute, set(codes).intersection(LEVELS[attribute][0]))


class FilterLog:
    """One per process. `note` takes microseconds and no connection; `flush` adds what has gathered."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, int]] = Counter()
        self._seen: set[bytes] = set()
        self._day: date | None = None
        self._secret = os.urandom(32)

    def note(self, search: Search, actor: Actor, day: date) -> None:
        """Count what a search asked for, on the first page only; of an organisation the same search once a day."""
        needs = needs_of(search)
        readers = PUBLIC if audience_role(actor) == "market_public" else VERIFIED
        if not needs or (readers == VERIFIED and not self._first_time(search, actor, day)):
            return
        self._counts[readers, SEARCHES, 0] += 1
        self._counts.update((readers, attribute, level) for attribute, level in needs.items())

    def _first_time(self, search: Search, actor: Actor, day: date) -> bool:
        if day != self._day:  # a new day, a new key: not even this process could compare two days
            self._day, self._seen, self._secret = day, set(), os.urandom(32)
        said = repr((actor.organisation_id, sorted(search.certain.items())))
        mark = hashlib.blake2b(said.encode(), key=self._secret, digest_size=12).digest()
        if mark in self._seen or len(self._seen) >= REMEMBERED_MOST:
            return False
        self._seen.add(mark)
        return True

    async def flush(self, app: asyncpg.Pool) -> int:
        """Add what has gathered; how many searches that were. What could not be added is kept for the next time."""
        counts, self._counts = self._counts, Counter()
        if not counts:
            return 0
        rows = [(*mark, n) for mark, n in sorted(counts.items())]
        try:
            await app.execute(_ADD, *(list(column) for column in zip(*rows, strict=True)))
        except UNREACHED as error:
            self._counts.update(counts)
            log.warning("filter counts wait: %s at %s", type(error).__name__, logs.place_of(error))
            return 0
        return sum(n for (_readers, attribute, _level), n in counts.items() if attribute == SEARCHES)

    async def keep(self, app: asyncpg.Pool) -> None:
        """Flush once a minute, until cancelled; then once more."""
        try:
            while True:
                await asyncio.sleep(EVERY_S)
                await self.flush(app)
        finally:
            await self.flush(app)


def today() -> date:
    return day_in_japan(datetime.now(UTC))


_READ = """
SELECT attribute, level, sum(searches)::bigint AS searches, count(DISTINCT day) AS days
FROM ops.filter_use WHERE readers = ANY($1::text[]) AND day > ops.today() - $2::int GROUP BY attribute, level
"""


async def read_asked(owner: asyncpg.Connection, days: int, readers: tuple[str, ...] = (VERIFIED,)) -> Asked:
    """What the last `days` days asked for, summed over them. `owner`: the database's owner, at the command line."""
    async with owner.transaction(readonly=True):
        await owner.execute("SET LOCAL ROLE succession_seeder")
        rows = await owner.fetch(_READ, list(readers), days)
    found = {(row["attribute"], row["level"]): row for row in rows}
    total = found.get((SEARCHES, 0))
    needs = {name: tuple(found[name, x]["searches"] if (name, x) in found else 0 for x in range(len(LEVELS[name])))
             for name in ATTRIBUTES}  # fmt: skip
    return Asked(total["searches"] if total else 0, total["days"] if total else 0, needs)
