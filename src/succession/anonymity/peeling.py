"""How does a population fall into cells of at least k companies, finest and most useful cells first?

Peeling (anonymisation.md section 4): at each node the companies still in the pool are grouped by generalised key; a
group that passes every test becomes a cell and leaves the pool, a group that fails stays in it for the next node.

A group holds k *companies*, sole proprietors not counted: a teaser that offers shares says that there are some, and a
name in the register says who has none. What a sole proprietor can offer, a company can as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from succession.anonymity import margins
from succession.anonymity.nodes import Node, climb, key_numbers, span
from succession.codes import ATTRIBUTES, LEVELS

MIN_MUNICIPALITIES = 3
MIN_DETAILED_INDUSTRIES = 3
MAX_REVENUE_SHARE_PERCENT = 60

UNPLACED = -1


class Facts(NamedTuple):
    """What the tests look at, one value per company: nothing of it is shown."""

    municipality: np.ndarray
    jsic4: np.ndarray
    revenue_yen: np.ndarray
    legal_form: np.ndarray


class Peeled(NamedTuple):
    """`cells`: (node, key number) in order of node, then key number; `cell_of`: per company its cell or UNPLACED."""

    cells: list[tuple[Node, int]]
    cell_of: np.ndarray


def peel(
    leaves: np.ndarray,
    facts: Facts,
    k: int,
    nodes: tuple[Node, ...],
    progress: Callable[[int, int], None] | None = None,
) -> Peeled:
    """Cells of the companies with these leaf numbers (companies x 6); `progress(companies placed, companies)`."""
    members_by_leaf, leaf_start, leaf_of = _grouped(key_numbers((0,) * len(ATTRIBUTES), leaves))
    leaf_size = np.diff(leaf_start)
    leaf_rows = leaves[members_by_leaf[leaf_start[:-1]]]
    enough_detail = _can_be_diverse(leaves, facts)
    incorporated = facts.legal_form != margins.SOLE
    companies_of_leaf = np.bincount(leaf_of, weights=incorporated, minlength=len(leaf_rows))
    cell_of_leaf = np.full(len(leaf_rows), UNPLACED, dtype=np.int64)
    cells: list[tuple[Node, int]] = []
    pool, placed = np.arange(len(leaf_rows)), 0
    for node in nodes:
        if not len(pool):
            break
        keys = key_numbers(node, leaf_rows[pool])
        companies = np.bincount(keys, weights=companies_of_leaf[pool], minlength=span(node))
        hopeful = companies[keys] >= k
        for column, diverse in enough_detail.items():
            hopeful &= diverse[node[column]][climb(ATTRIBUTES[column])[node[column]][leaf_rows[pool, column]]]
        if not hopeful.any():
            continue
        candidates = pool[hopeful]
        members = members_by_leaf[_ranges(leaf_start[candidates], leaf_size[candidates])]
        numbers, group_of_leaf = np.unique(keys[hopeful], return_inverse=True)
        passed = _passes(np.repeat(group_of_leaf, leaf_size[candidates]), len(numbers), facts, members)
        cell_of_group = np.where(passed, len(cells) + np.cumsum(passed) - 1, UNPLACED)
        cells += [(node, number) for number in numbers[passed].tolist()]
        cell_of_leaf[candidates] = cell_of_group[group_of_leaf]
        pool = pool[cell_of_leaf[pool] == UNPLACED]
        if progress:
            progress(len(leaves) - int(leaf_size[pool].sum()), len(leaves))
    return Peeled(cells, cell_of_leaf[leaf_of])


def _grouped(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(members in order of their key, where each group of equal keys starts and the last ends, group of each member)."""
    order = np.argsort(keys, kind="stable")
    begins = np.diff(keys[order], prepend=-1) != 0
    group_of = np.empty(len(keys), dtype=np.int64)
    group_of[order] = np.cumsum(begins) - 1
    return order, np.append(np.flatnonzero(begins), len(keys)), group_of


def _ranges(start: np.ndarray, length: np.ndarray) -> np.ndarray:
    """start[0]..start[0]+length[0]-1, start[1].. and so on, in one array."""
    before = np.cumsum(length) - length
    return np.arange(int(length.sum())) + np.repeat(start - before, length)


def _dense(values: np.ndarray) -> np.ndarray:
    """The same numbers for the same values, from 0 without gaps."""
    return np.unique(values, return_inverse=True)[1].reshape(-1)


def _distinct(group: np.ndarray, values: np.ndarray, groups: int) -> np.ndarray:
    """Per group, the number of different values."""
    dense = _dense(values)
    width = int(dense.max(initial=0)) + 1
    pairs = np.unique(group.astype(np.int64) * width + dense)
    return np.bincount(pairs // width, minlength=groups)


def _passes(group: np.ndarray, groups: int, facts: Facts, members: np.ndarray) -> np.ndarray:
    """Which groups are diverse enough that their members do not share one place, one trade or one dominant company."""
    revenue = facts.revenue_yen[members]
    order = np.argsort(group, kind="stable")
    start = np.searchsorted(group[order], np.arange(groups))
    largest = np.maximum.reduceat(revenue[order], start)
    total = np.add.reduceat(revenue[order], start)
    # The largest member's share, in whole numbers that cannot overflow: totals of a national economy x 100 fit int64.
    passed = 100 * largest <= MAX_REVENUE_SHARE_PERCENT * total
    passed &= _distinct(group, facts.municipality[members], groups) >= MIN_MUNICIPALITIES
    passed &= _distinct(group, facts.jsic4[members], groups) >= MIN_DETAILED_INDUSTRIES
    return passed


def _can_be_diverse(leaves: np.ndarray, facts: Facts) -> dict[int, list[np.ndarray]]:
    """Attribute column -> per level and code, whether all its companies together would be diverse.

    A necessary condition that spares testing the same hopeless groups (an industry with two detailed codes) at
    every node; it never changes the outcome.
    """
    found = {}
    for name, values, minimum in (
        ("place", facts.municipality, MIN_MUNICIPALITIES),
        ("industry", facts.jsic4, MIN_DETAILED_INDUSTRIES),
    ):
        column = ATTRIBUTES.index(name)
        pairs = np.unique(leaves[:, column].astype(np.int64) << 32 | _dense(values))
        found[column] = [
            _distinct(climb(name)[level][pairs >> 32], pairs & (2**32 - 1), len(codes)) >= minimum
            for level, codes in enumerate(LEVELS[name])
        ]
    return found
