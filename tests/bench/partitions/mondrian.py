"""Mondrian: cut the whole population in two, the halves again, as long as every part may be a cell.

LeFevre, DeWitt, Ramakrishnan 2006, strict partitioning: the widest attribute first; ordered bands are cut at the median
(the most balanced cut that is allowed), places and industries along their taxonomy into all the children that hold
anybody. A part's label is what its companies span, so bands may be shown that our table of bands does not have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from bench.partitions.table import UNPLACED, Partition, Table

TAXONOMIES = (0, 1)  # place and industry; the other attributes are ordered bands


class Part(NamedTuple):
    """Some rows, and per attribute what they are known to span: (level, code) of a taxonomy, (first, last) of bands."""

    rows: np.ndarray
    spans: tuple[tuple[int, int], ...]


def mondrian(table: Table, k: int, losses: Sequence[Sequence[int]] | None = None) -> Partition:
    """`losses`: attribute -> weight x loss per level; given, the attribute that costs a buyer most is cut first."""
    everybody = np.arange(len(table.rows))
    cell_of_row = np.full(len(table.rows), UNPLACED, dtype=np.int64)
    done: list[Part] = []
    if len(everybody) and table.passes(everybody, np.zeros(len(everybody), np.int64), 1, k)[0]:
        waiting = [_tight(table, everybody)]
        while waiting:
            part = waiting.pop()
            parts = _cut(table, part, k, losses)
            waiting += reversed(parts)
            if not parts:
                cell_of_row[part.rows] = len(done)
                done.append(part)
    shown = [np.zeros((len(done), each.shape[1]), dtype=bool) for each in table.climbs]
    for number, part in enumerate(done):
        for column, span in enumerate(part.spans):
            shown[column][number] = _leaves(table, column, span)
    return Partition(cell_of_row, tuple(shown))


def _tight(table: Table, rows: np.ndarray) -> Part:
    """The least these rows span: the lowest code above all of them, the first and last band."""
    spans = []
    for column, climbed in enumerate(table.climbs):
        leaves = np.unique(table.rows[rows, column])
        if column in TAXONOMIES:
            level = next(x for x, codes in enumerate(climbed) if len(np.unique(codes[leaves])) == 1)
            spans.append((level, int(climbed[level][leaves[0]])))
        else:
            spans.append((int(leaves[0]), int(leaves[-1])))
    return Part(rows, tuple(spans))


def _leaves(table: Table, column: int, span: tuple[int, int]) -> np.ndarray:
    if column in TAXONOMIES:
        return table.climbs[column][span[0]] == span[1]
    return (np.arange(table.climbs[column].shape[1]) >= span[0]) & (np.arange(table.climbs[column].shape[1]) <= span[1])


def _cut(table: Table, part: Part, k: int, losses: Sequence[Sequence[int]] | None) -> list[Part]:
    """The parts of the first allowed cut, [] when there is none."""
    widths = [_width(table, column, span, losses) for column, span in enumerate(part.spans)]
    for column in sorted(range(len(widths)), key=lambda c: (-widths[c], c)):
        if widths[column] <= 0:
            continue
        for group, groups in _cuts(table, part, column):
            if table.passes(part.rows, group, groups, k).all():
                return [_tight(table, part.rows[group == number]) for number in range(groups)]
    return []


def _width(table: Table, column: int, span: tuple[int, int], losses: Sequence[Sequence[int]] | None) -> float:
    leaves = _leaves(table, column, span)
    if leaves.sum() <= 1:
        return 0.0
    if losses is None:
        return float(leaves.sum() - 1) / (len(leaves) - 1)
    level = next(x for x, codes in enumerate(table.climbs[column]) if len(np.unique(codes[leaves])) == 1)
    return float(losses[column][level] - losses[column][0])


def _cuts(table: Table, part: Part, column: int) -> Iterator[tuple[np.ndarray, int]]:
    """(group of each row, groups) of each way to cut an attribute, the most balanced first."""
    leaves = table.rows[part.rows, column]
    if column in TAXONOMIES:
        below = table.climbs[column][part.spans[column][0] - 1][leaves]
        children, group = np.unique(below, return_inverse=True)
        yield group, len(children)
        return
    bands = np.unique(leaves)
    counts = np.cumsum([table.sizes[part.rows[leaves == band]].sum() for band in bands])
    uneven = np.abs(2 * counts[:-1] - counts[-1])
    for place in np.argsort(uneven, kind="stable"):
        yield (leaves > bands[place]).astype(np.int64), 2
