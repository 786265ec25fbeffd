"""What do buyers typically filter by, so that one can ask how much of the truth a filter finds?

No log of this market exists yet, so the set is stated, and complete instead of picked: every combination of what a
buyer may ask of place (nothing, a region, a prefecture), industry (division, 2-digit) and revenue (nothing, one band,
"at least"), the three facts a search begins with: 18 shapes. Two more sets add headcount or margin to each of them.
A shape asks around a company: its filters are those by which a hundred companies drawn by chance would be found, so
they fall where companies are, and one that is asked twice counts twice. Every shape weighs the same. The set is the
same for every partition and knows nothing of the losses that order the codebook.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from bench.partitions.table import UNPLACED, Partition, Table

from succession.codes import ATTRIBUTES

PER_SHAPE, SEED = 100, 1

#: What a filter accepts: for each attribute asked its position and, byte by byte, whether a finest code is accepted.
Filter = tuple[tuple[int, bytes], ...]
#: attribute -> what is asked of it, a key of KINDS.
Shape = dict[str, str]


def _same(level: int) -> Callable[[int, np.ndarray], np.ndarray]:
    return lambda leaf, climbed: climbed[level] == climbed[level][leaf]


def _bands(climbed: np.ndarray) -> np.ndarray:
    """The bands a filter may name today, per finest code: a candidate with finer ones is asked the same questions."""
    return climbed[max(0, len(climbed) - 3)]


def _band(leaf: int, climbed: np.ndarray) -> np.ndarray:
    return _bands(climbed) == _bands(climbed)[leaf]


def _at_least(leaf: int, climbed: np.ndarray) -> np.ndarray:
    return _bands(climbed) >= _bands(climbed)[leaf]


#: What a filter accepts around a company's own finest code, given the levels of the attribute.
KINDS: dict[str, Callable[[int, np.ndarray], np.ndarray]] = {
    "prefecture": _same(0),
    "region": _same(1),
    "2-digit": _same(0),
    "division": _same(1),
    "band": _band,
    "at least": _at_least,
}


def _shapes(**asked: tuple[str, ...]) -> tuple[Shape, ...]:
    """Every combination; '' asks nothing of an attribute."""
    combined = (zip(asked, kinds, strict=True) for kinds in product(*asked.values()))
    return tuple({name: kind for name, kind in each if kind} for each in combined)


_FIRST = {
    "place": ("", "region", "prefecture"),
    "industry": ("division", "2-digit"),
    "revenue": ("", "band", "at least"),
}

SETS: dict[str, tuple[Shape, ...]] = {
    "typical": _shapes(**_FIRST),
    "with headcount": _shapes(**_FIRST, employees=("band", "at least")),
    "with margin": _shapes(**_FIRST, margin=("at least",)),
}


def filters_of(
    table: Table, shapes: tuple[Shape, ...], per_shape: int = PER_SHAPE, seed: int = SEED
) -> list[list[Filter]]:
    """Per shape its filters. "At least the lowest band" asks nothing: such companies are not drawn for that shape."""
    rng = np.random.default_rng(seed)
    found = []
    for shape in shapes:
        asks = np.ones(len(table.rows), dtype=bool)
        for attribute, kind in shape.items():
            column = ATTRIBUTES.index(attribute)
            asks &= (kind != "at least") | (_bands(table.climbs[column])[table.rows[:, column]] > 0)
        companies = table.row_of[asks[table.row_of]]
        drawn = rng.choice(companies, size=per_shape).tolist() if len(companies) else []
        found.append([filter_around(table, row, shape) for row in drawn])
    return found


def filter_around(table: Table, row: int, shape: Shape) -> Filter:
    """What this shape asks to find the companies of this row."""
    columns = {ATTRIBUTES.index(name): kind for name, kind in shape.items()}
    return tuple((c, KINDS[kind](int(table.rows[row, c]), table.climbs[c]).tobytes()) for c, kind in columns.items())


def _matches(answer: Callable[[int, np.ndarray], np.ndarray], sizes: np.ndarray) -> Callable[[Filter], int]:
    """Filter -> companies inside it. Filters share wishes, and each is answered once: (attribute, accepted) -> mask."""
    inside: dict[tuple[int, bytes], np.ndarray] = {}

    def count(wanted: Filter) -> int:
        for column, accepted in wanted:
            if (column, accepted) not in inside:
                inside[column, accepted] = answer(column, np.frombuffer(accepted, dtype=bool))
        return int(sizes[np.logical_and.reduce([inside[wish] for wish in wanted])].sum())

    return count


def true_matches(table: Table) -> Callable[[Filter], int]:
    """Filter -> companies whose own figures lie inside it."""
    return _matches(lambda column, accepted: accepted[table.rows[:, column]], table.sizes)


def certain_matches(table: Table, partition: Partition) -> Callable[[Filter], int]:
    """Filter -> companies whose teaser lies inside it."""
    width = [shown.sum(axis=1) for shown in partition.shown]
    return _matches(
        lambda column, accepted: partition.shown[column][:, np.flatnonzero(accepted)].sum(axis=1) == width[column],
        cell_sizes(table, partition),
    )


def certain_shares(table: Table, partition: Partition, filters: list[list[Filter]]) -> list[float]:
    """Per shape the mean over its filters of certain / true matches, 0 to 1; shapes nobody could ask are left out."""
    certain, true = certain_matches(table, partition), true_matches(table)
    return [float(np.mean([certain(each) / true(each) for each in asked])) for asked in filters if asked]


def cell_sizes(table: Table, partition: Partition) -> np.ndarray:
    """Companies per cell."""
    placed = partition.cell_of_row != UNPLACED
    cells = len(partition.shown[0])
    return np.bincount(partition.cell_of_row[placed], weights=table.sizes[placed], minlength=cells).astype(np.int64)
