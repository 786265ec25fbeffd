"""What did the teasers of the market show when it was last settled, as this process holds it?

A search of many wishes is counted from all teasers at once: ten bytes each, in columns, twelve megabytes for a million. What is
held is named by the transaction that settled the market; a search learns that name from its own snapshot, uses what is held only
where it is the same, and corrects it by what came, went or is hidden since, as it does the tally (tally.py). Nothing grows stale.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import asyncpg
import numpy as np

from succession.market.cells import Cells, Reached
from succession.market.search import FILTERS, OFF_CODEBOOK, Search
from succession.market.tally import Codes

SEES = {"market_public": (1,), "market_buyer": (1, 2), "market_desk": (1, 4), "market_domestic": (1, 8)}  # role -> market.tally_cell.seen_by
AT_ONCE = 1_000  # rows of the database
REST_S = 5.0  # between two readings: servers that lag behind one another must not make a process read in turns

FEW = 8  # up to this part of all teasers, those of some cells are found by where they begin
_COLUMNS = {"price": slice(0, 1), "timing": slice(1, 2), "scheme": slice(2, None), "phrase": slice(2, None)}

_SIZE = "SELECT count(*), coalesce(max(width), 1), coalesce(sum(length(codes) / (2 * width)), 0) FROM market.tally_cell WHERE seen_by = $1"
_ROWS = "SELECT cell_id, width, codes FROM market.tally_cell WHERE seen_by = $1 ORDER BY cell_id"


class Part(NamedTuple):
    """Teasers in the order of their cells. `cells` ascending, `begins` where the teasers of each begin, and of each teaser the place of its
    cell there; `columns`: what teasers show beside the cell (price, timing, then schemes and phrases), as places in `numbers`, 0 for
    nothing; a teaser shows no code twice."""

    cells: np.ndarray
    begins: np.ndarray
    cell: np.ndarray
    columns: tuple[np.ndarray, ...]
    numbers: np.ndarray

    def of_cells(self, wanted: np.ndarray) -> np.ndarray:
        """Places of the teasers of these cells; `wanted`: of each cell, whether it is one."""
        sizes = np.diff(self.begins)[wanted]
        if sizes.sum() > len(self.cell) // FEW:
            return np.flatnonzero(wanted[self.cell])
        before = np.cumsum(sizes) - sizes
        return np.repeat(self.begins[:-1][wanted] - before, sizes) + np.arange(sizes.sum())

    def showing(self, among: np.ndarray, field: str, wanted: Iterable[int]) -> np.ndarray:
        """Of these teasers, those that show one of these numbers of the tally in this field."""
        shows, found = np.isin(self.numbers, [number for number in wanted if number]), np.zeros(len(among), bool)
        for column in self.columns[_COLUMNS[field]]:
            found |= shows[column[among]]
        return among[found]


NOTHING = Part(np.zeros(0, np.int32), np.zeros(1, np.int64), np.zeros(0, np.uint8), (), np.zeros(1, np.intp))


class _Held:
    """One part, as settled by one transaction."""

    def __init__(self) -> None:
        self.part, self.version, self.read_at, self.reading = NOTHING, 0, -REST_S, asyncio.Lock()


_held: dict[int, _Held] = {}


async def settled(connection: asyncpg.Connection, role: str, version: int, codes: Codes) -> list[Part] | None:
    """What this role sees of the market as that transaction settled it; None where this process holds another and should not read anew.

    `version` 0: it was never settled for this role.
    """
    parts = [await _part(connection, seen_by, version, codes) for seen_by in SEES[role]] if version else []
    return None if None in parts else parts  # type: ignore[return-value]


async def _part(connection: asyncpg.Connection, seen_by: int, version: int, codes: Codes) -> Part | None:
    held = _held.setdefault(seen_by, _Held())
    if held.version != version:
        async with held.reading:
            if held.version != version:
                if time.monotonic() - held.read_at < REST_S:
                    return None
                held.part, held.version, held.read_at = await _read(connection, seen_by, codes), version, time.monotonic()
    return held.part


async def _read(connection: asyncpg.Connection, seen_by: int, codes: Codes) -> Part:
    numbers = np.array([0, *sorted(number for field in OFF_CODEBOOK for number in codes.of[field].tolist())], np.intp)
    place = np.zeros(codes.size, np.min_scalar_type(len(numbers)))
    place[numbers] = np.arange(len(numbers))
    cells, width, size = await connection.fetchrow(_SIZE, seen_by)
    columns = np.zeros((width, size), place.dtype)  # filled bit by bit: nothing of the size of the market is made besides
    ids, sizes, at = np.zeros(cells, np.int32), np.zeros(cells, np.int32), 0
    rows = await connection.cursor(_ROWS, seen_by)
    for first in range(0, cells, AT_ONCE):
        some = await rows.fetch(AT_ONCE)
        table = place[np.frombuffer(b"".join(row["codes"] for row in some), "<u2").reshape(-1, width)]
        columns[:, at : at + len(table)] = table.T
        ids[first : first + len(some)] = [row["cell_id"] for row in some]
        sizes[first : first + len(some)] = [len(row["codes"]) // (2 * width) for row in some]
        at += len(table)
    cell = np.repeat(np.arange(cells, dtype=np.min_scalar_type(cells)), sizes)
    return Part(ids, np.concatenate([[0], np.cumsum(sizes)]), cell, tuple(columns), numbers)


# --- what one viewer must not see -----------------------------------------------------------------------------------

HIDDEN_KEPT_MOST = 500  # viewers; a teaser shows the same for ever
_OF_REFS = "SELECT t.cell_id, t.price, t.timing, t.schemes, t.phrases FROM market.teaser t WHERE t.ref = ANY($1::text::uuid[]) ORDER BY t.cell_id"
_hidden: OrderedDict[str, Part] = OrderedDict()


async def part_of(connection: asyncpg.Connection, refs: str, codes: Codes) -> Part | None:
    """These teasers (`refs`: the text of an array), so that they can be taken off what is counted; None where one shows a code that has no number yet."""
    if (part := _hidden.get(refs)) is None:
        if (part := await _read_few(connection, refs, codes)) is None:
            return None
        _hidden[refs] = part
        if len(_hidden) > HIDDEN_KEPT_MOST:
            _hidden.popitem(last=False)
    return part


async def _read_few(connection: asyncpg.Connection, refs: str, codes: Codes) -> Part | None:
    rows = await connection.fetch(_OF_REFS, refs)
    shown = [[("price", price), ("timing", timing), *(("scheme", code) for code in schemes), *(("phrase", code) for code in phrases)]
             for _cell, price, timing, schemes, phrases in rows]
    if not all(code in codes.numbers for each in shown for code in each):
        return None
    numbers = np.array([0, *sorted({codes.numbers[code] for each in shown for code in each})], np.intp)
    place = {number: at for at, number in enumerate(numbers.tolist())}
    table = np.zeros((len(rows), max(map(len, shown), default=2)), np.uint16)
    for at, each in enumerate(shown):
        table[at, : len(each)] = [place[codes.numbers[code]] for code in each]
    cells, first, cell = np.unique(np.array([row["cell_id"] for row in rows], np.int32), return_index=True, return_inverse=True)
    return Part(cells, np.append(first, len(rows)), cell, tuple(np.ascontiguousarray(table.T)), numbers)


# --- counting -------------------------------------------------------------------------------------------------------


class Shown(NamedTuple):
    """`counts`: per number of the tally, the teasers that show its code; a field filtered by under all other filters, the others
    under all."""

    certain: int
    possible: int
    counts: np.ndarray

    def without(self, others: Shown) -> Shown:
        return Shown(self.certain - others.certain, self.possible - others.possible, self.counts - others.counts)


def shown(parts: Sequence[Part], cells: Cells, reached: Reached, search: Search, codes: Codes, counted: Collection[str]) -> Shown:
    """`counted`: the filtered fields to count; the other fields always are."""
    each = [_shown(part, cells, reached, search, codes, counted) for part in parts]
    return Shown(sum(one.certain for one in each), sum(one.possible for one in each),
                 sum((one.counts for one in each), np.zeros(codes.size, np.int64)))


def _shown(part: Part, cells: Cells, reached: Reached, search: Search, codes: Codes, counted: Collection[str]) -> Shown:
    places = np.searchsorted(cells.ids, part.cells)
    certain = reached.certain[places]

    def passing(among: np.ndarray, but: str = "") -> np.ndarray:
        for field, sets in search.others.items():
            for wanted in sets if field != but else ():
                among = part.showing(among, field, (codes.numbers.get((field, code), 0) for code in wanted))
        return among

    found = passing(part.of_cells(reached.overlapping[places]))
    inside = found[certain[part.cell[found]]]
    counts = _counts(part, places, inside, cells, codes)
    for name in counted:
        others = [met[places] for field, met in reached.inside.items() if field != name]
        under = passing(part.of_cells(np.logical_and.reduce([np.ones(len(places), bool), *others])), name)
        counts[codes.of[name]] = _counts(part, places, under, cells, codes, (name,))[codes.of[name]]
    return Shown(len(inside), len(found) - len(inside), counts)


def _counts(part: Part, places: np.ndarray, among: np.ndarray, cells: Cells, codes: Codes, fields: Collection[str] = FILTERS) -> np.ndarray:
    """Per number of the tally, how many of these teasers show its code; at least for the codes of these fields."""
    found = np.zeros(codes.size, np.int64)
    for column in part.columns if any(name in _COLUMNS for name in fields) else ():
        found[part.numbers] += np.bincount(column[among], minlength=len(part.numbers))
    of_cells = np.bincount(part.cell[among], minlength=len(places))
    some = np.flatnonzero(of_cells)
    for name, numbers in codes.of_cells(cells.codes).items():
        if name not in fields:
            continue
        np.add.at(found, numbers, np.bincount(cells.columns[name][places[some]], of_cells[some], len(numbers)).astype(np.int64))
    found[0] = 0
    return found
