"""When and how is the market counted anew, so that little is left to be looked at one by one?

The worker does it a few minutes after a batch, and whenever enough has come or gone (tally.py says what for). Teasers and what
is unsettled are read in one statement, so in one snapshot; the new tally, and the end of exactly the changes that went into it,
are one transaction. Nobody waits: publishing and taking down only ever add to what is unsettled.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

import asyncpg
import numpy as np

from succession.codes import ATTRIBUTES
from succession.config import Settings
from succession.market.search import FILTERS
from succession.market.tally import shown, wholes

SETTLED_AT = 500  # changes; fewer cost a search nothing worth the counting
READERS = {1: 1, 2: 3, 4: 5, 8: 9}  # reader -> the audiences it sees (0005)
_SINGLE = (*ATTRIBUTES, "price", "timing")  # first columns of a table; what teasers show several of follows
_AT_ONCE = 40_000
_TIMEOUT_S = 900

_MARKET = """
SELECT 0::bigint AS id, t.audiences, t.cell_id, t.price, t.schemes, t.timing, t.phrases FROM market.teaser t
UNION ALL SELECT u.id, 0, 0, '', '{}', '', '{}' FROM market.unsettled u
"""
_COUNTED = """
INSERT INTO market.tally (reader, a, b, n, counts)
SELECT * FROM unnest($1::smallint[], $2::text[], $3::text[], $4::int[], $5::bytea[])
"""
_OF_CELLS = """
INSERT INTO market.tally_cell (cell_id, seen_by, width, codes) SELECT * FROM unnest($1::int[], $2::smallint[], $3::smallint[], $4::bytea[])
"""


async def settle_if_due(connection: asyncpg.Connection, settings: Settings, now: datetime) -> bool:
    """Settle when enough has changed; inside the transaction of the caller."""
    due = await connection.fetchval("SELECT count(*) >= $1 FROM (SELECT FROM market.unsettled LIMIT $1) AS few", SETTLED_AT)
    if due:
        await settle(connection)
    return due


async def settle(connection: asyncpg.Connection) -> int:
    """Count every teaser anew; returns how many there are. `connection`: of the worker or the seeding role, in a transaction."""
    for wait in ("statement_timeout", "idle_in_transaction_session_timeout"):  # a minute of counting says nothing to the server
        await connection.execute("SELECT set_config($1, $2, true)", wait, f"{_TIMEOUT_S}s")
    await connection.execute("SELECT pg_advisory_xact_lock(7305424)")  # one at a time
    market = await _read(connection)
    await connection.execute("DELETE FROM market.tally; DELETE FROM market.tally_cell", timeout=_TIMEOUT_S)
    for sql, rows in ((_COUNTED, market.rows()), (_OF_CELLS, market.cell_rows())):
        while part := await asyncio.to_thread(_next, rows):
            await connection.execute(sql, *map(list, zip(*part, strict=True)), timeout=_TIMEOUT_S)
    await connection.execute("DELETE FROM market.unsettled WHERE id = ANY($1::bigint[])", market.changes, timeout=_TIMEOUT_S)
    return len(market.audiences)


def _next(rows: Iterator[tuple]) -> list[tuple]:
    return list(islice(rows, 20_000))


async def _read(connection: asyncpg.Connection) -> Market:
    """Every teaser as the numbers of its codes, and the changes that this includes: one statement, one snapshot."""
    cells = await connection.fetch(f"SELECT id, {', '.join(ATTRIBUTES)} FROM market.cell")
    words: dict[tuple[str, str], int] = {}  # (field, code) -> a number of this run
    of_cell = {row["id"]: [words.setdefault((name, row[name]), len(words) + 1) for name in ATTRIBUTES] for row in cells}
    audiences, lengths, flat, changes, placed = array("B"), array("B"), array("H"), array("q"), array("i")
    async for change, sees, cell, price, schemes, timing, phrases in connection.cursor(_MARKET, prefetch=_AT_ONCE):
        if change:
            changes.append(change)
            continue
        others = (("price", price), ("timing", timing), *(("scheme", code) for code in schemes), *(("phrase", code) for code in phrases))
        codes = of_cell[cell] + [words.setdefault(other, len(words) + 1) for other in others]
        audiences.append(sees)
        placed.append(cell)
        lengths.append(len(codes))
        flat.extend(codes)
    kept = {(row["field"], row["code"]): row["number"] for row in await connection.fetch("SELECT * FROM market.tally_code")}
    numbers = np.zeros(len(words) + 1, np.uint16)
    numbers[list(words.values())] = [kept.get(word, 0) for word in words]  # of cells also what no teaser has shown
    table = np.zeros((len(lengths), max(lengths, default=len(_SINGLE))), np.uint16)
    shown = numbers[np.array(flat, np.uint16)]
    if not shown.all():  # the trigger numbers what a teaser shows before it stands (0038)
        raise LookupError("a teaser shows a code that has no number")
    table[np.arange(table.shape[1]) < np.array(lengths, np.uint8)[:, None]] = shown
    return Market(table, np.array(audiences, np.uint8), kept, list(changes), np.array(placed, np.int32))


class Market:
    """`table`: a row per teaser, the numbers of its codes, 0 where it has fewer; `numbers`: (field, code) -> number; `cells`: of the teasers."""

    def __init__(self, table: np.ndarray, audiences: np.ndarray, numbers: Mapping[tuple[str, str], int], changes: Sequence[int],
                 cells: np.ndarray) -> None:
        self.table, self.audiences, self.changes, self.cells = table, audiences, changes, cells
        self.size = max(numbers.values(), default=0) + 1
        self.field = np.full(self.size, -1)
        self.numbers = {field: {code: number for (of, code), number in numbers.items() if of == field} for field in FILTERS}
        for place, field in enumerate(FILTERS):
            self.field[list(self.numbers[field].values())] = place
        self.keys = {field: dict(self._keys(field)) for field in FILTERS}

    def _keys(self, field: str) -> Iterator[tuple[str, list[int]]]:
        """Key -> the numbers it stands for."""
        known = self.numbers[field]
        for code, number in known.items():
            yield shown(field, code), [number]
        for key, within in wholes(field).items():
            yield key, [known[code] for code in sorted(within) if code in known]

    def rows(self) -> Iterator[tuple[int, str, str, int, bytes]]:
        """Every row of the tally, for every reader: of the whole market, of each key, of each two keys of different fields."""
        everybody = np.ones(len(self.table), bool)
        for reader, both in self._for_each_reader(everybody):
            if n := int((self.audiences & READERS[reader] != 0).sum()):
                yield reader, "", "", n, _packed(both.diagonal())
            for place, field in enumerate(FILTERS):
                for key, numbers in self.keys[field].items():
                    if n := int(both[numbers, numbers].sum()):
                        yield reader, key, "", n, _packed(_sum(both, numbers) * (self.field != place))
        for place, field in enumerate(FILTERS[:-1]):
            columns = [_SINGLE.index(field)] if field in _SINGLE else range(len(_SINGLE), self.table.shape[1])
            for key, numbers in self.keys[field].items():
                having = np.logical_or.reduce([np.isin(self.table[:, column], numbers) for column in columns])
                for reader, three in self._for_each_reader(having):
                    yield from self._second_keys(reader, place, key, three)

    def cell_rows(self) -> Iterator[tuple[int, int, int, bytes]]:
        """Every row of the cells' tally: what teasers show beside their cell, those that everybody sees and those of each other reader."""
        public = self.audiences & READERS[1] != 0
        for reader, sees in READERS.items():
            among = np.flatnonzero(public if reader == 1 else ~public & (self.audiences & sees != 0))
            among = among[np.argsort(self.cells[among], kind="stable")]
            cells, first = np.unique(self.cells[among], return_index=True)
            codes = self.table[among, len(ATTRIBUTES) :].astype("<u2")
            for cell, begin, end in zip(cells.tolist(), first.tolist(), [*first.tolist()[1:], len(among)]):
                yield cell, reader, codes.shape[1], codes[begin:end].tobytes()

    def _second_keys(self, reader: int, place: int, key: str, three: np.ndarray) -> Iterator[tuple[int, str, str, int, bytes]]:
        diagonal = three.diagonal()
        for later, other in enumerate(FILTERS[place + 1 :], place + 1):
            counted = (self.field != place) & (self.field != later)
            for second, numbers in self.keys[other].items():
                if n := int(diagonal[numbers].sum()):
                    yield reader, key, second, n, _packed(_sum(three, numbers) * counted)

    def _for_each_reader(self, among: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """How many of these teasers show each two codes, per reader. What is public all of them see: it is counted once."""
        public = self.audiences & READERS[1] != 0
        base = self._together(self.table[among & public])
        for reader, sees in READERS.items():
            more = among & ~public & (self.audiences & sees != 0)
            yield reader, base + self._together(self.table[more]) if more.any() else base

    def _together(self, table: np.ndarray) -> np.ndarray:
        """How many teasers show each two codes; on the diagonal, each code. Number 0 is nothing."""
        found, width = np.zeros(self.size * self.size, np.int64), table.shape[1]
        left, right = np.triu_indices(width)
        for at in range(0, len(table), _AT_ONCE):
            part = table[at : at + _AT_ONCE].astype(np.int64)
            found += np.bincount((part[:, left] * self.size + part[:, right]).ravel(), minlength=len(found))
        square = found.reshape(self.size, self.size)
        square = square + square.T - np.diag(square.diagonal())
        square[0], square[:, 0] = 0, 0
        return square


def _sum(square: np.ndarray, numbers: list[int]) -> np.ndarray:
    return square[numbers[0]] if len(numbers) == 1 else square[numbers].sum(0)


def _packed(counts: np.ndarray) -> bytes:
    numbers = np.flatnonzero(counts)
    return numbers.astype("<u2").tobytes() + counts[numbers].astype("<u4").tobytes()
