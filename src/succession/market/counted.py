"""How many teasers does a search leave, and each further choice, found the cheapest exact way?

Up to two filters: by sums of the tally. Three: the fields filtered by (each under the two others) by the tally, the others by
looking at what matches, where that is little. Everything else by bitmaps (facets.py). All see one snapshot, the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg

from succession.codes import ATTRIBUTES
from succession.market.facets import POSSIBLE, TOTAL, Arguments, Counts, Placed, counting, counts_of, found_bits, place
from succession.market.search import Search
from succession.market.standing import SLOTS
from succession.market.tally import WHOLE_MARKET, Counted, Key, Keys, tallying, told_by

LOOKED_AT_MOST = 3_000

_EXCLUDED = "excluded AS MATERIALIZED (SELECT DISTINCT x.ref FROM unnest({viewers}) AS v(id), market.excluded_teasers(v.id) x),"
# One row: thousands of counts are quicker to read as three arrays.
_BITMAPS = """
WITH {excluded} {counting}
SELECT array_agg(field) AS fields, array_agg(code) AS codes, array_agg(n) AS numbers, (SELECT sum(bit_count(bits)) FROM live) AS market FROM counts
"""
_SIZE = "WITH {excluded} {bits} SELECT coalesce(sum(bit_count(bits)), 0)::bigint FROM found"
_MATCHES = """
WITH {excluded} {bits}, {slots},
matches AS (SELECT {codes}, t.price, t.schemes, t.timing, t.phrases
    FROM slots s CROSS JOIN LATERAL (SELECT * FROM market.teaser t WHERE t.slot = s.slot OFFSET 0) t
    CROSS JOIN LATERAL (SELECT {codes} FROM market.cell c WHERE c.id = t.cell_id OFFSET 0) c)
SELECT v.field, v.code, count(*) AS n FROM matches m CROSS JOIN LATERAL (
    VALUES {single} UNION ALL SELECT 'scheme', s FROM unnest(m.schemes) s UNION ALL SELECT 'phrase', p FROM unnest(m.phrases) p) AS v(field, code)
GROUP BY v.field, v.code
"""
_CODES = ", ".join(f"c.{name}" for name in ATTRIBUTES)
_SINGLE = ", ".join(f"('{name}', m.{name})" for name in (*ATTRIBUTES, "price", "timing"))


class Found(NamedTuple):
    """`rows`: the counts of codes as teasers show them; `whole`: teasers of the market, and those that show a code, where known."""

    counts: Counts
    rows: list[Counted]
    whole: dict[Key, int]


def begun(search: Search, for_viewers: Sequence[UUID], wide: bool) -> tuple[Arguments, str, Placed]:
    """The values of a statement, the relation of who is excluded, where somebody may be, and the codes. See `place`."""
    arguments = Arguments()
    excluded = _EXCLUDED.format(viewers=arguments.put(list(for_viewers), "uuid[]")) if for_viewers else ""
    return arguments, excluded, place(search, arguments, wide)


async def count(connection: asyncpg.Connection, search: Search, for_viewers: Sequence[UUID]) -> Found:
    """Every count, and what the whole market shows, as of the last time somebody settled."""
    keys, size = Keys.of(search), 0
    if keys is not None and not keys.complete:
        size = await _size(connection, search, for_viewers, possible=False)
        keys = keys if size <= LOOKED_AT_MOST else None
    if keys is None:
        return await _by_bitmaps(connection, search, for_viewers)
    arguments, excluded, placed = begun(search, for_viewers, True)
    rows, whole = await told_by(connection, keys, await connection.fetch(tallying(keys, placed, arguments, excluded), *arguments))
    if not keys.complete:
        possible = await _size(connection, search, for_viewers, possible=True) if search.certain else 0
        rows += [(TOTAL, "", size), (POSSIBLE, "", possible), *await _of_matches(connection, search, for_viewers, frozenset(keys.certain))]
    return Found(counts_of(rows), rows, whole)


async def _by_bitmaps(connection: asyncpg.Connection, search: Search, for_viewers: Sequence[UUID]) -> Found:
    arguments, excluded, placed = begun(search, for_viewers, True)
    # The planner takes a few hundred chunks for one, and would then look tens of thousands of bitmaps up one by one.
    await connection.execute("SET LOCAL enable_nestloop = off; SET LOCAL enable_sort = off")
    row = await connection.fetchrow(_BITMAPS.format(excluded=excluded, counting=counting(placed, bool(excluded))), *arguments)
    await connection.execute("SET LOCAL enable_nestloop = on; SET LOCAL enable_sort = on")
    rows = list(zip(row["fields"], row["codes"], row["numbers"], strict=True))
    return Found(counts_of(rows), rows, {WHOLE_MARKET: row["market"] or 0})


async def _size(connection: asyncpg.Connection, search: Search, for_viewers: Sequence[UUID], possible: bool) -> int:
    arguments, excluded, placed = begun(search, for_viewers, possible)
    return await connection.fetchval(_SIZE.format(excluded=excluded, bits=found_bits(placed, bool(excluded), possible)), *arguments)


async def _of_matches(connection: asyncpg.Connection, search: Search, for_viewers: Sequence[UUID],
                      filtered: frozenset[str]) -> list[Counted]:
    """Of the fields not filtered by, the counts of what matches."""
    arguments, excluded, placed = begun(search, for_viewers, False)
    sql = _MATCHES.format(excluded=excluded, bits=found_bits(placed, bool(excluded), False), slots=SLOTS, codes=_CODES, single=_SINGLE)
    return [tuple(row) for row in await connection.fetch(sql, *arguments) if row["field"] not in filtered]
