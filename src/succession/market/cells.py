"""Which cells of the market does a search reach?

Cells are published and never change (0005), so a process keeps what it has read of them: a few numbers each. Every search
learns from its own snapshot whether there are newer ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count
from typing import NamedTuple

import asyncpg
import numpy as np

from succession.codes import ATTRIBUTES
from succession.market.search import Search

_CELLS = f"SELECT id, {', '.join(ATTRIBUTES)} FROM market.cell WHERE id > $1 ORDER BY id"
AT_ONCE = 1_000


class Cells:
    """`ids`, ascending; `columns`: attribute -> what each cell shows, as a place in `codes`."""

    def __init__(self) -> None:
        self.ids = np.zeros(0, np.int32)
        self.codes: dict[str, list[str]] = {name: [] for name in ATTRIBUTES}
        self.columns = {name: np.zeros(0, np.uint16) for name in ATTRIBUTES}

    async def read_on(self, connection: asyncpg.Connection) -> Cells:
        """These, and those that came after them. Some at a time: as rows they are thirty times as large."""
        found = Cells()
        ids, codes = [self.ids], {name: dict(zip(self.codes[name], count())) for name in ATTRIBUTES}
        columns = {name: [self.columns[name]] for name in ATTRIBUTES}
        rows = await connection.cursor(_CELLS, self.newest)
        while some := await rows.fetch(AT_ONCE):
            ids.append(np.array([row["id"] for row in some], np.int32))
            for name in ATTRIBUTES:
                known = codes[name]
                columns[name].append(np.array([known.setdefault(row[name], len(known)) for row in some], np.uint16))
        found.ids = np.concatenate(ids)
        found.codes = {name: [*known] for name, known in codes.items()}
        found.columns = {name: np.concatenate(parts) for name, parts in columns.items()}
        return found

    @property
    def newest(self) -> int:
        return int(self.ids[-1]) if len(self.ids) else 0

    def some(self, ids: np.ndarray) -> Cells:
        """Those with these ids, ascending."""
        found, places = Cells(), np.searchsorted(self.ids, ids)
        found.ids, found.codes = ids, self.codes
        found.columns = {name: column[places] for name, column in self.columns.items()}
        return found

    def showing(self, attribute: str, codes: Iterable[str]) -> np.ndarray:
        """Of each cell, whether it shows one of the codes."""
        wanted = set(codes)
        return np.array([code in wanted for code in self.codes[attribute]], bool)[self.columns[attribute]]

    def of(self, search: Search) -> Reached:
        inside = {name: self.showing(name, codes) for name, codes in search.certain.items()}
        overlapping = [self.showing(name, (code for code, _share in codes)) for name, codes in search.overlapping.items()]
        every = np.ones(len(self.ids), bool)
        return Reached(inside, np.logical_and.reduce([every, *inside.values()]), np.logical_and.reduce([every, *overlapping]))

    def shares(self, search: Search) -> np.ndarray:
        """Of each cell, the public share of it that lies inside the wishes; 0 outside of what overlaps them."""
        product = np.ones(len(self.ids))
        for name, codes in search.overlapping.items():
            share = dict(codes)
            product *= np.array([share.get(code, 0.0) for code in self.codes[name]], float)[self.columns[name]]
        return product


class Reached(NamedTuple):
    """Of each cell: whether it lies inside each wish, inside all of them, and whether it overlaps all of them."""

    inside: dict[str, np.ndarray]
    certain: np.ndarray
    overlapping: np.ndarray


class KnownCells:
    """What one process has read of one database."""

    def __init__(self) -> None:
        self._cells = Cells()

    async def until(self, connection: asyncpg.Connection, newest: int) -> Cells:
        """At least every cell up to this id, read in the caller's snapshot where they are not known."""
        if newest > self._cells.newest:
            self._cells = await self._cells.read_on(connection)
        return self._cells
