"""Has this search been answered since the market last changed?

Whatever changes the market leaves a later note or a new tally (0029), so a process may answer again what it found under the very
state that the server still has: one short statement instead of a search, and never an old answer. Who is excluded from some
teasers is searched for anew.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
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
_STATE_FOR = f"""
{_STATE.rstrip()}, EXISTS (SELECT FROM unnest($1::uuid[]) AS v(id), market.excluded_teasers(v.id) x) AS excluded
"""


class State(NamedTuple):
    """Of the market as one role sees it: the transaction that settled it, and the last note since then; 0 for none."""

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

    async def before(self, pool: asyncpg.Pool, key: bytes, for_viewers: Sequence[UUID]) -> Found | None:
        """What was found, if the market is still the same and no teaser of it excludes one of the viewers: both are asked in one
        statement, so a teaser that was just published to others is not overlooked."""
        if (kept := self._kept.get(key)) is None:
            return None
        state, counts, rows, after = kept
        now = await (pool.fetchrow(_STATE_FOR, list(for_viewers)) if for_viewers else pool.fetchrow(_STATE))
        if state != (now["version"] or 0, now["noted"] or 0):
            self._kept.pop(key, None)
            return None
        if for_viewers and now["excluded"]:
            return None
        return Found(msgspec.msgpack.decode(counts, type=Counts), rows, after)

    def keep(self, key: bytes, state: State, found: Found) -> None:
        """`state`: that of the snapshot in which it was found."""
        if self.most and len(found.rows) <= ROWS_MOST:
            self._kept[key] = state, msgspec.msgpack.encode(found.counts), found.rows, found.after
            self._kept.move_to_end(key)
            if len(self._kept) > self.most:
                self._kept.popitem(last=False)


def key_of(role: str, for_viewers: Sequence[UUID], search: Search, wanted: Wanted) -> bytes:
    """Of whoever is known, its own: how soon an answer comes tells nobody what others look for. The public market is everybody's, as it
    is in any cache on the way."""
    return msgspec.msgpack.encode((role, [each.bytes for each in for_viewers], search.wishes, wanted))
