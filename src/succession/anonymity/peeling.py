"""How does a population fall into cells of at least k companies, finest and most useful cells first?

Peeling (anonymisation.md section 4): at each node the companies still in the pool are grouped by generalised key; a
group that passes every test becomes a cell and leaves the pool, a group that fails stays in it for the next node.

One attribute stands aside, the one buyers miss least. It is told only where that costs the others nothing: a group that is
cut out by it leaves only if the companies that remain of the same key without it are none, or pass every test themselves.
Otherwise the few left over would have to give up their prefecture or their margin for somebody else's founding period.

A group holds k *companies*, sole proprietors not counted: a teaser that offers shares says that there are some, and a
name in the register says who has none. What a sole proprietor can offer, a company can as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from succession.anonymity import margins
from succession.anonymity.nodes import Node, climb, key_numbers, span, without
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
    aside: int,
    progress: Callable[[int, int], None] | None = None,
) -> Peeled:
    """Cells of the companies with these leaf numbers (companies x 6); `aside`: column of the attribute that stands aside.

    `progress(companies placed, companies)`.
    """
    there = _Companies.of(leaves, facts, k)
    enough_detail = _can_be_diverse(leaves, facts)
    cell_of_leaf = np.full(len(there.rows), UNPLACED, dtype=np.int64)
    cells: list[tuple[Node, int]] = []
    pool = np.arange(len(there.rows))
    for node in nodes:
        if not len(pool):
            break
        keys = key_numbers(node, there.rows[pool])
        hopeful = np.bincount(keys, weights=there.counted[pool], minlength=span(node))[keys] >= k
        for column, diverse in enough_detail.items():
            hopeful &= diverse[node[column]][climb(ATTRIBUTES[column])[node[column]][there.rows[pool, column]]]
        if not hopeful.any():
            continue
        numbers, group = np.unique(keys[hopeful], return_inverse=True)
        passed = there.pass_tests(pool[hopeful], group, len(numbers))
        if without(node, aside) != node and passed.any():
            group_of_leaf = np.full(len(pool), UNPLACED)
            group_of_leaf[hopeful] = group
            family = key_numbers(without(node, aside), there.rows[pool])
            passed = _leave_no_few_behind(there, pool, family, group_of_leaf, passed)
        cell_of_group = np.where(passed, len(cells) + np.cumsum(passed) - 1, UNPLACED)
        cells += [(node, number) for number in numbers[passed].tolist()]
        cell_of_leaf[pool[hopeful]] = cell_of_group[group]
        pool = pool[cell_of_leaf[pool] == UNPLACED]
        if progress:
            progress(len(leaves) - int(there.size[pool].sum()), len(leaves))
    return Peeled(cells, cell_of_leaf[there.leaf_of])


def _leave_no_few_behind(
    there: _Companies, pool: np.ndarray, family: np.ndarray, group: np.ndarray, passed: np.ndarray
) -> np.ndarray:
    """Which of the groups that passed may leave: those of a family (the same key without the attribute aside) of which
    nothing remains, or a group that passes. Until that is so the smallest of a family stays too, the first of equals.

    `family` and `group` are of the leaves in the pool, `group` UNPLACED for one in no group.
    """
    leaving, in_one = passed.copy(), group != UNPLACED
    size = np.bincount(group[in_one], weights=there.counted[pool[in_one]], minlength=len(passed))
    key_of, family_of = np.zeros(len(passed), dtype=np.int64), np.zeros(len(passed), dtype=np.int64)
    key_of[group[in_one]] = family[in_one]
    families, family_of[passed] = np.unique(key_of[passed], return_inverse=True)
    number = np.searchsorted(families, family).clip(max=len(families) - 1)
    related = families[number] == family
    pool, family, group = pool[related], number[related], group[related]
    while True:
        stays = (group == UNPLACED) | ~leaving[group]
        few = np.bincount(family[stays], minlength=len(families)) > 0
        few &= ~there.pass_tests(pool[stays], family[stays], len(families))
        stuck = np.flatnonzero(leaving & few[family_of])
        if not len(stuck):
            return leaving
        smallest = stuck[np.lexsort((stuck, size[stuck], family_of[stuck]))]
        leaving[smallest[np.diff(family_of[smallest], prepend=-1) != 0]] = False


class _Companies(NamedTuple):
    """Companies by leaf, i.e. by finest key: those of leaf n are members[start[n] : start[n] + size[n]], `counted` of
    them count towards k, and `rows` are the leaves' numbers. `leaf_of`: company -> leaf."""

    rows: np.ndarray
    members: np.ndarray
    start: np.ndarray
    size: np.ndarray
    counted: np.ndarray
    leaf_of: np.ndarray
    facts: Facts
    k: int

    @classmethod
    def of(cls, leaves: np.ndarray, facts: Facts, k: int) -> _Companies:
        members, start, leaf_of = _grouped(key_numbers((0,) * len(ATTRIBUTES), leaves))
        incorporated = facts.legal_form != margins.SOLE
        counted = np.bincount(leaf_of, weights=incorporated, minlength=len(start) - 1)
        return cls(leaves[members[start[:-1]]], members, start[:-1], np.diff(start), counted, leaf_of, facts, k)

    def pass_tests(self, of: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
        """Which of the groups 0..groups-1 of these leaves may be cells; one that has no leaf may not."""
        passed = np.bincount(group, weights=self.counted[of], minlength=groups) >= self.k
        of, group = of[passed[group]], group[passed[group]]
        if len(of):
            numbers, dense = np.unique(group, return_inverse=True)
            members = self.members[_ranges(self.start[of], self.size[of])]
            passed[numbers] = _diverse(np.repeat(dense, self.size[of]), len(numbers), self.facts, members)
        return passed


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


def _diverse(group: np.ndarray, groups: int, facts: Facts, members: np.ndarray) -> np.ndarray:
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
