"""Has this search been answered since the market last changed?

Whatever changes the market leaves a later note or a new tally (0029), so a process may answer again what it found under the very
state that the server still has: one short statement instead of a search, and never an old answer. Only of the public market, where
nobody is excluded: how soon an answer comes tells no buyer what others look for, nor that some owner has excluded it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from succession.market.facets import Counts
from succession.market.search import Search
from succession.market.standing import Wanted

ROWS_MOST = 20  # pages of ordinary size, some 15 kB each

# Ids of notes ascend in the order of commits: their writers queue (mark_teasers).
_STATE = """
SELECT (SELECT t.xmin::text::bigint FROM market.tally t WHERE t.a = '' AND t.b = '') AS version,
       (SELECT max(u.id) FROM market.unsettled u) AS noted
"""


class State(NamedTuple):
    """Of the market as its reader sees it: the transaction that settled it, and the last note since then; 0 for none."""

    version: int
    noted: int


class Found(msgspec.Struct, frozen=True):
    """`rows` of one page; `after` the position to go on from, None at the end."""

    counts: Counts
    rows: list[asyncpg.Record]
    after: tuple[int, int, UUID] | None


class Answers:
    """What one process has found, the least lately asked for forgotten first."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._kept: OrderedDict[bytes, tuple[State, bytes, list[asyncpg.Record], tuple[int, int, UUID] | None]] = OrderedDict()

    async def before(self, pool: asyncpg.Pool, key: bytes) -> Found | None:
        """What was found, if the market is still the same."""
        if (kept := self._kept.get(key)) is None:
            return None
        state, counts, rows, after = kept
        now = await pool.fetchrow(_STATE)
        if state != (now["version"] or 0, now["noted"] or 0):
            self._kept.pop(key, None)
            return None
        if key in self._kept:  # another search may have pushed it out meanwhile
            self._kept.move_to_end(key)
        return Found(msgspec.msgpack.decode(counts, type=Counts), rows, after)

    def keep(self, key: bytes, state: State, found: Found) -> None:
        """`state`: that of the snapshot in which it was found."""
        if self.most and len(found.rows) <= ROWS_MOST:
            self._kept[key] = state, msgspec.msgpack.encode(found.counts), found.rows, found.after
            self._kept.move_to_end(key)
            if len(self._kept) > self.most:
                self._kept.popitem(last=False)


def key_of(search: Search, wanted: Wanted) -> bytes:
    return msgspec.msgpack.encode((search.wishes, wanted))
