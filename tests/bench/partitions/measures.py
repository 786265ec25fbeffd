"""How useful is a partition to a buyer, how safe is it, and how much information does it lose?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from bench.partitions.filters import Filter, cell_sizes, certain_shares
from bench.partitions.table import UNPLACED, Partition, Table, label_numbers

from succession.codes import ATTRIBUTES

PLACE, INDUSTRY, REVENUE = (ATTRIBUTES.index(name) for name in ("place", "industry", "revenue"))
REGION_LEVEL = 1
BANDS_FROM_TOP = -3  # the four bands of today stand below two and one, also where a candidate has finer ones


class Measured(NamedTuple):
    """Shares are of all eligible companies, suppressed ones included, 0 to 1.

    `together`: region or finer, 2-digit industry and revenue band shown. `certain`: set of filters -> mean certain
    share of their true matches. `ncp`: mean over companies and attributes, 1 for a suppressed company.
    `smallest_preimage`: fewest companies (those that count towards k) with one label. `finest`: attribute -> share
    shown at its finest code.
    """

    together: float
    certain: dict[str, float]
    ncp: float
    smallest_preimage: int
    cells: int
    suppressed: float
    finest: dict[str, float]


def measure(table: Table, partition: Partition, filters: dict[str, list[list[Filter]]], k: int) -> Measured:
    """AssertionError when a label does not hold for a member, or a cell does not pass the tests every peer is under."""
    assert_sound(table, partition, k)
    sizes, total = cell_sizes(table, partition), int(table.sizes.sum())
    together = (
        _one_of(partition.shown[PLACE], table.climbs[PLACE][REGION_LEVEL])
        & (partition.shown[INDUSTRY].sum(axis=1) == 1)
        & _one_of(partition.shown[REVENUE], table.climbs[REVENUE][BANDS_FROM_TOP])
    )
    lost = sum((shown.sum(axis=1) - 1) / (shown.shape[1] - 1) for shown in partition.shown) / len(partition.shown)
    labels = label_numbers(partition)
    placed = np.flatnonzero(partition.cell_of_row != UNPLACED)
    preimages = np.bincount(labels[partition.cell_of_row[placed]], weights=table.counted[placed])
    suppressed = total - int(sizes.sum())
    return Measured(
        together=float(sizes @ together) / total,
        certain={name: float(np.mean(certain_shares(table, partition, asked))) for name, asked in filters.items()},
        ncp=float(sizes @ lost + suppressed) / total,
        smallest_preimage=int(preimages.min()) if len(sizes) else 0,
        cells=len(sizes),
        suppressed=suppressed / total,
        finest={
            name: float(sizes @ (shown.sum(axis=1) == 1)) / total
            for name, shown in zip(ATTRIBUTES, partition.shown, strict=True)
        },
    )


def _one_of(shown: np.ndarray, coarser: np.ndarray) -> np.ndarray:
    """Which labels lie inside a single coarser code."""
    codes = np.stack([shown[:, coarser == code].any(axis=1) for code in np.unique(coarser)], axis=1)
    return codes.sum(axis=1) == 1


def assert_sound(table: Table, partition: Partition, k: int) -> None:
    """Every label is true of every member, every cell passes the tests, and so does everybody with one label."""
    placed = np.flatnonzero(partition.cell_of_row != UNPLACED)
    cells = partition.cell_of_row[placed]
    for column, shown in enumerate(partition.shown):
        assert shown[cells, table.rows[placed, column]].all(), f"a label is not true of a member: {ATTRIBUTES[column]}"
    assert table.passes(placed, cells, len(partition.shown[0]), k).all(), "a cell fails the tests"
    labels = label_numbers(partition)
    assert table.passes(placed, labels[cells], int(labels.max(initial=-1)) + 1, k).all(), "a label fails the tests"


def ceiling(table: Table, k: int) -> float:
    """The most companies any partition could show with region, 2-digit industry and revenue band together: those in a
    group of such companies that passes the tests as a whole. 0 to 1."""
    number = np.zeros(len(table.rows), dtype=np.int64)
    for column, level in ((PLACE, REGION_LEVEL), (INDUSTRY, 0), (REVENUE, BANDS_FROM_TOP)):
        climbed = table.climbs[column][level]
        number = number * (int(climbed.max()) + 1) + climbed[table.rows[:, column]]
    _, group = np.unique(number, return_inverse=True)
    passed = table.passes(np.arange(len(number)), group, int(group.max()) + 1, k)
    return float(table.sizes[passed[group]].sum() / table.sizes.sum())
