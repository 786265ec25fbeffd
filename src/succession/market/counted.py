"""How many teasers does a search leave, and each further choice, found the cheapest exact way?

Up to two filters: by sums of the tally (tally.py). More: by looking at all teasers as they were settled (settled.py), of three, each
filtered field by the tally; by bitmaps (facets.py) where this process holds the market of another moment. All see one snapshot,
the caller's, and count what came, went or is hidden since the market was settled.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import asyncpg
import numpy as np

from succession.market.answers import State
from succession.market.facets import Arguments, Counts, counting, counts_of, place
from succession.market.held import Held
from succession.market.search import FILTERS, Search
from succession.market.settled import Shown, shown
from succession.market.tally import WHOLE_MARKET, Key, Keys, Told, tallying, told_by

# One row: thousands of counts are quicker to read as three arrays.
_BITMAPS = """
WITH {counting}
SELECT array_agg(field) AS fields, array_agg(code) AS codes, array_agg(n) AS numbers, (SELECT sum(bit_count(bits)) FROM live) AS market,
       (SELECT max(id) FROM market.cell) AS newest_cell FROM counts
"""


class Counted(NamedTuple):
    """`shown`: of a field, how many teasers show each code, under all filters but its own; `whole`: teasers of the market, and those
    that show a code, where known; `newest_cell` and `state` of the snapshot, the latter None where bitmaps were counted."""

    counts: Counts
    shown: Callable[[str], dict[str, int]]
    whole: dict[Key, int]
    newest_cell: int
    state: State | None


async def count(connection: asyncpg.Connection, role: str, search: Search, hidden: str, held: Held) -> Counted:
    """Every count. `role`: that the connection reads as; `hidden`: the teasers that this viewer must not see, as the text of an array."""
    keys, arguments = Keys.of(search), Arguments()
    rows = await connection.fetch(tallying(keys, arguments), *arguments)
    told = await told_by(connection, held.codes, keys, rows)
    cells = await held.cells.until(connection, told.newest_cell)
    since = await held.settled.since(connection, role, told.version, told.noted, told.codes)
    if since is None:
        return await _by_bitmaps(connection, search, hidden)
    filtered = (*search.certain, *search.others)
    if keys is not None and keys.complete:
        found = Shown(told.certain, told.possible, told.counts)
    else:
        parts = await held.settled.parts(connection, role, told.version, told.codes)
        if parts is None:
            return await _by_bitmaps(connection, search, hidden)
        found = shown(parts, cells, search, told.codes, () if keys else filtered)
        for name in filtered if keys else ():
            numbers = told.codes.of[name]
            found.counts[numbers] = told.counts[numbers]
    few = ((since.came, 1), (since.went, -1), (await held.settled.hidden(connection, hidden, told.codes), -1))
    for part, sign in few:
        if len(part.cells):
            found = found.plus(shown([part], cells.some(part.cells), search, told.codes, filtered), sign)
    return _found(told, found)


def _found(told: Told, found: Shown) -> Counted:
    """A code counts with the finer ones inside it; see counts_of."""
    codes = told.codes
    values: dict[str, dict[str, int]] = {name: {} for name in FILTERS}
    counted = codes.within @ found.counts
    some = np.flatnonzero(counted)
    for at, n in zip(some.tolist(), counted[some].astype(np.int64).tolist()):
        field, code = codes.published[at]
        values[field][code] = n

    def of_field(field: str) -> dict[str, int]:
        return {codes.names[number][1]: int(found.counts[number]) for number in codes.of[field].tolist()}

    return Counted(Counts(found.certain, found.possible, values), of_field, told.whole, told.newest_cell, State(told.version, told.noted))


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
