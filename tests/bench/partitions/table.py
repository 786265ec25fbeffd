"""What is cut into cells, under which tests, and what does it mean that a partition keeps its promise?

Every peer gets the same table: companies by finest key, the levels of the six attributes, and the tests of a cell. A
partition is a cell per finest key and, per cell and attribute, the finest codes its label stands for; so it can say
more than our codebook can (a band of three out of four, say), and is measured by the same rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from succession.anonymity import margins
from succession.anonymity.nodes import climb, leaf_numbers
from succession.anonymity.peeling import MAX_REVENUE_SHARE_PERCENT, MIN_DETAILED_INDUSTRIES, MIN_MUNICIPALITIES
from succession.anonymity.population import EligibilityRule, Population, eligible
from succession.codes import ATTRIBUTES

UNPLACED = -1


class Facts(NamedTuple):
    """Per company what the tests look at; never shown. `counts`: towards k (a sole proprietor does not)."""

    municipality: np.ndarray
    jsic4: np.ndarray
    revenue_yen: np.ndarray
    counts: np.ndarray


class Pairs(NamedTuple):
    """Different (row, value) pairs, those of row r at start[r]:start[r + 1]; values count from 0."""

    value: np.ndarray
    start: np.ndarray
    width: int


@dataclass(frozen=True)
class Table:
    """Companies by finest key. `climbs`: attribute -> (levels, leaves), the position of a leaf's ancestor; level 0 is
    the leaf itself, the last level is one code. `rows`: different keys (rows, attributes); `row_of`: company -> row."""

    climbs: tuple[np.ndarray, ...]
    rows: np.ndarray
    row_of: np.ndarray
    facts: Facts

    @classmethod
    def of(cls, climbs: tuple[np.ndarray, ...], leaves: np.ndarray, facts: Facts) -> Table:
        number = np.zeros(len(leaves), dtype=np.int64)
        for column, each in enumerate(climbs):
            number = number * each.shape[1] + leaves[:, column]
        _, first, row_of = np.unique(number, return_index=True, return_inverse=True)
        return cls(climbs, leaves[first], row_of, facts)

    @cached_property
    def sizes(self) -> np.ndarray:
        """Companies per row."""
        return np.bincount(self.row_of, minlength=len(self.rows))

    @cached_property
    def counted(self) -> np.ndarray:
        """Companies per row that count towards k."""
        return np.bincount(self.row_of[self.facts.counts], minlength=len(self.rows))

    @cached_property
    def revenue(self) -> tuple[np.ndarray, np.ndarray]:
        """Per row the largest company's revenue and the sum, in yen: whole numbers throughout."""
        order = np.argsort(self.row_of, kind="stable")
        start = np.concatenate(([0], np.cumsum(self.sizes)[:-1]))
        ordered = self.facts.revenue_yen[order]
        return np.maximum.reduceat(ordered, start), np.add.reduceat(ordered, start)

    @cached_property
    def municipalities(self) -> Pairs:
        return self._pairs(self.facts.municipality)

    @cached_property
    def detailed_industries(self) -> Pairs:
        return self._pairs(self.facts.jsic4)

    def _pairs(self, values: np.ndarray) -> Pairs:
        _, dense = np.unique(values, return_inverse=True)
        width = int(dense.max(initial=0)) + 1
        pairs = np.unique(self.row_of.astype(np.int64) * width + dense)
        start = np.searchsorted(pairs // width, np.arange(len(self.rows) + 1))
        return Pairs(pairs % width, start, width)

    def passes(self, rows: np.ndarray, group: np.ndarray, groups: int, k: int) -> np.ndarray:
        """Which groups 0..groups-1 of these rows may be a cell: k companies that count, 3 municipalities, 3 detailed
        industries, none holding more than 60 % of the revenue. A group without rows may not."""
        passed = np.bincount(group, weights=self.counted[rows], minlength=groups) >= k
        if not passed.any():
            return passed
        largest, total = np.zeros(groups, dtype=np.int64), np.zeros(groups, dtype=np.int64)
        np.maximum.at(largest, group, self.revenue[0][rows])
        np.add.at(total, group, self.revenue[1][rows])
        passed &= 100 * largest <= MAX_REVENUE_SHARE_PERCENT * total
        hopeful = passed[group]
        for pairs, least in (
            (self.municipalities, MIN_MUNICIPALITIES),
            (self.detailed_industries, MIN_DETAILED_INDUSTRIES),
        ):
            passed &= _distinct(pairs, rows[hopeful], group[hopeful], groups) >= least
        return passed


def _distinct(pairs: Pairs, rows: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    """Different values per group."""
    length = pairs.start[rows + 1] - pairs.start[rows]
    before = np.cumsum(length) - length
    at = np.arange(int(length.sum())) + np.repeat(pairs.start[rows] - before, length)
    found = np.unique(np.repeat(group, length).astype(np.int64) * pairs.width + pairs.value[at])
    return np.bincount(found // pairs.width, minlength=groups)


def table_of(population: Population, rule: EligibilityRule) -> Table:
    """The eligible companies under the levels of the codebook."""
    members = np.flatnonzero(eligible(population, rule))
    column = {name: values[members] for name, values in population.columns.items()}
    incorporated = column["legal_form"] != margins.SOLE
    facts = Facts(column["municipality"], column["jsic4"], column["revenue_yen"], incorporated)
    return Table.of(tuple(climb(name) for name in ATTRIBUTES), leaf_numbers(population, members), facts)


class Partition(NamedTuple):
    """`cell_of_row`: cell or UNPLACED; `shown`: attribute -> (cells, leaves), the finest codes a label stands for."""

    cell_of_row: np.ndarray
    shown: tuple[np.ndarray, ...]


def partition_of_nodes(table: Table, cell_of_row: np.ndarray, nodes: np.ndarray) -> Partition:
    """The partition whose cells show one code per attribute, at the level vectors `nodes` (cells, attributes)."""
    cells = len(nodes)
    a_row = np.zeros(cells, dtype=np.int64)
    placed = np.flatnonzero(cell_of_row != UNPLACED)
    a_row[cell_of_row[placed]] = placed
    shown = []
    for column, climbed in enumerate(table.climbs):
        levels = nodes[:, column]
        code = climbed[levels, table.rows[a_row, column]]
        shown.append(climbed[levels] == code[:, None])
    return Partition(cell_of_row, tuple(shown))


def label_numbers(partition: Partition) -> np.ndarray:
    """Per cell a number that is equal for equal labels."""
    cells = len(partition.shown[0])
    if not cells:
        return np.zeros(0, dtype=np.int64)
    packed = np.hstack([np.packbits(shown, axis=1) for shown in partition.shown])
    return np.unique(packed, axis=0, return_inverse=True)[1].reshape(cells)
