"""What did the teasers of the market show when it was last settled, as this process holds it?

A search of many wishes is counted from all teasers at once: ten bytes each, in columns, twelve megabytes for a million. What is
held is named by the transaction that settled the market; a search learns that name from its own snapshot and uses what is held
only where it is the same. What came and went since, and what a viewer must not see, are a few teasers of the same kind: counted in
the same way, and added to or taken off this and the tally (tally.py). Nothing grows stale.
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

NOTES_MOST = 50_000
HIDDEN_KEPT_MOST = 500  # viewers; a teaser shows the same for ever
_MANY = "SELECT EXISTS (SELECT FROM market.unsettled OFFSET $1)"
_NOTES = "SELECT u.cell_id, u.price, u.timing, u.schemes, u.phrases, u.sign FROM market.unsettled u ORDER BY u.cell_id"
_OF_REFS = "SELECT t.cell_id, t.price, t.timing, t.schemes, t.phrases FROM market.teaser t WHERE t.ref = ANY($1::text::uuid[]) ORDER BY t.cell_id"
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


class Since(NamedTuple):
    """What came and what went since the market was settled, as one role sees it in a snapshot."""

    came: Part
    went: Part


class Settled:
    """What one process holds of one database."""

    def __init__(self) -> None:
        self._parts: dict[int, _Held] = {}
        self._since: dict[str, tuple[int, int, Since]] = {}
        self._hidden: OrderedDict[str, Part] = OrderedDict()

    async def parts(self, connection: asyncpg.Connection, role: str, version: int, codes: Codes) -> list[Part] | None:
        """What this role sees of the market as that transaction settled it; None where another is held and should not be read anew.

        `version` 0: it was never settled for this role.
        """
        parts = [await self._part(connection, seen_by, version, codes) for seen_by in SEES[role]] if version else []
        return None if None in parts else parts  # type: ignore[return-value]

    async def _part(self, connection: asyncpg.Connection, seen_by: int, version: int, codes: Codes) -> Part | None:
        held = self._parts.setdefault(seen_by, _Held())
        if held.version != version:
            async with held.reading:
                if held.version != version:
                    if time.monotonic() - held.read_at < REST_S:
                        return None
                    held.part, held.version, held.read_at = await _read(connection, seen_by, codes), version, time.monotonic()
        return held.part

    async def since(self, connection: asyncpg.Connection, role: str, version: int, noted: int, codes: Codes) -> Since | None:
        """`noted`: the last note of the snapshot; notes go with a settling alone and come in the order of their ids, so that and the
        version name them all. None where they are too many to be looked at, as after loading a market."""
        if not noted:
            return Since(NOTHING, NOTHING)
        held = self._since.get(role)
        if held is None or held[:2] != (version, noted):
            if await connection.fetchval(_MANY, NOTES_MOST):
                return None
            rows = await connection.fetch(_NOTES)
            held = self._since[role] = version, noted, Since(*(_few([row for row in rows if row["sign"] == sign], codes) for sign in (1, -1)))
        return held[2]

    async def hidden(self, connection: asyncpg.Connection, refs: str, codes: Codes) -> Part:
        """These teasers, so that they can be taken off what is counted. `refs`: the text of an array."""
        if (part := self._hidden.get(refs)) is None:
            part = self._hidden[refs] = _few(await connection.fetch(_OF_REFS, refs), codes) if refs else NOTHING
            if len(self._hidden) > HIDDEN_KEPT_MOST:
                self._hidden.popitem(last=False)
        return part


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


def _few(rows: Sequence[asyncpg.Record], codes: Codes) -> Part:
    """Rows in the order of their cells. Whatever a teaser shows has its number before anybody sees the teaser (0038)."""
    shown = [[("price", price), ("timing", timing), *(("scheme", code) for code in schemes), *(("phrase", code) for code in phrases)]
             for _cell, price, timing, schemes, phrases, *_sign in rows]
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

    def plus(self, others: Shown, sign: int = 1) -> Shown:
        return Shown(self.certain + sign * others.certain, self.possible + sign * others.possible, self.counts + sign * others.counts)


def shown(parts: Sequence[Part], cells: Cells, search: Search, codes: Codes, counted: Collection[str]) -> Shown:
    """`cells`: at least those of the parts; `counted`: the filtered fields to count, the other fields always are."""
    reached, found = cells.of(search), Shown(0, 0, np.zeros(codes.size, np.int64))
    for part in parts:
        found = found.plus(_shown(part, cells, reached, search, codes, counted))
    return found


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
