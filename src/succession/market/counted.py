"""How many teasers does a search leave, and each further choice, found the cheapest exact way?

Up to two filters: by sums of the tally (tally.py). More: by looking at all teasers as they were settled (settled.py), of three, each
filtered field by the tally; by bitmaps (facets.py) where this process holds the market of another moment. All see one snapshot,
the caller's, and count what came, went or is hidden since the market was settled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import asyncpg
import numpy as np

from succession.market.cells import cells_until
from succession.market.answers import State
from succession.market.facets import POSSIBLE, TOTAL, Arguments, Counts, codes_around, counting, counts_of, place
from succession.market.search import FILTERS, Search
from succession.market.settled import Shown, part_of, settled, shown
from succession.market.tally import WHOLE_MARKET, CodeCount, Codes, Key, Keys, Told, codes_known, tallying, told_by

# One row: thousands of counts are quicker to read as three arrays.
_BITMAPS = """
WITH {counting}
SELECT array_agg(field) AS fields, array_agg(code) AS codes, array_agg(n) AS numbers, (SELECT sum(bit_count(bits)) FROM live) AS market,
       (SELECT max(id) FROM market.cell) AS newest_cell FROM counts
"""


class Counted(NamedTuple):
    """`shown`: of a field, how many teasers show each code, under all filters but its own; `whole`: teasers of the market, and those
    that show a code, where known; `newest_cell` and `state` of the snapshot, the latter where it was asked for."""

    counts: Counts
    shown: Callable[[str], dict[str, int]]
    whole: dict[Key, int]
    newest_cell: int
    state: State | None


async def count(connection: asyncpg.Connection, role: str, search: Search, hidden: str) -> Counted:
    """Every count. `role`: that the connection reads as; `hidden`: the teasers that this viewer must not see, as the text of an array."""
    keys, arguments = Keys.of(search), Arguments()
    part = await part_of(connection, hidden, codes_known()) if hidden else None
    rows = await connection.fetch(tallying(keys, place(search, arguments), arguments, "" if part else hidden), *arguments)
    told = await told_by(connection, keys, rows)
    complete, filtered = keys is not None and keys.complete, (*search.certain, *search.others)
    found = Shown(told.certain, 0, told.counts)
    if not complete or part:
        cells = await cells_until(connection, told.newest_cell)
    if not complete:
        parts = await settled(connection, role, told.version, told.codes)
        if parts is None:
            return await _by_bitmaps(connection, search, hidden)
        found = shown(parts, cells, cells.of(search), search, told.codes, () if keys else filtered)
        for name in filtered if keys else ():
            numbers = told.codes.of[name]
            found.counts[numbers] = told.counts[numbers]
    if part:
        few = cells.some(part.cells)
        found = found.without(shown([part], few, few.of(search), search, told.codes, filtered))
    return _found(told, *found)


def _found(told: Told, certain: int, possible: int, counts: np.ndarray) -> Counted:
    def of_field(field: str) -> dict[str, int]:
        found = {told.codes.names[number][1]: int(counts[number]) for number in told.codes.of[field].tolist()}
        for of, code, n in told.changes:
            if of == field:
                found[code] = found.get(code, 0) + n
        return found

    return Counted(_counts(told.codes, certain, possible, counts, told.changes), of_field, told.whole, told.newest_cell,
                   State(told.version, told.noted))


def _counts(codes: Codes, certain: int, possible: int, shown: np.ndarray, changes: Iterable[CodeCount]) -> Counts:
    """A code counts with the finer ones inside it; see counts_of."""
    values: dict[str, dict[str, int]] = {name: {} for name in FILTERS}
    totals = {TOTAL: certain, POSSIBLE: possible}
    counted = codes.within @ shown
    some = np.flatnonzero(counted)
    for at, n in zip(some.tolist(), counted[some].astype(np.int64).tolist()):
        field, code = codes.published[at]
        values[field][code] = n
    for field, code, n in changes:
        if field in totals:
            totals[field] += n
            continue
        for wider in codes_around(field, code):
            values[field][wider] = values[field].get(wider, 0) + n
    if changes:
        values = {field: {code: n for code, n in counts.items() if n} for field, counts in values.items()}
    return Counts(totals[TOTAL], totals[POSSIBLE], values)


async def _by_bitmaps(connection: asyncpg.Connection, search: Search, hidden: str) -> Counted:
    arguments = Arguments()
    placed = place(search, arguments)
    # The planner takes a few hundred chunks for one, and would then look tens of thousands of bitmaps up one by one.
    await connection.execute("SET LOCAL enable_nestloop = off; SET LOCAL enable_sort = off")
    row = await connection.fetchrow(_BITMAPS.format(counting=counting(placed, arguments, hidden)), *arguments)
    await connection.execute("SET LOCAL enable_nestloop = on; SET LOCAL enable_sort = on")
    rows = list(zip(row["fields"], row["codes"], row["numbers"], strict=True))

    def of_field(field: str) -> dict[str, int]:
        return {code: n for of, code, n in rows if of == field}

    return Counted(counts_of(rows), of_field, {WHOLE_MARKET: int(row["market"] or 0)}, row["newest_cell"] or 0, None)
