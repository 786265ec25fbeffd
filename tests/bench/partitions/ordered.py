"""Peeling in any order of nodes: our cells when the order is the buyer's loss, the literature's when it is NCP.

Written again from the specification, on other arrays than the product's: that both give the same cells is a test.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np
from bench.partitions.table import UNPLACED, Partition, Table, partition_of_nodes

Node = tuple[int, ...]


def all_nodes(table: Table, finest_industry: int = 0) -> list[Node]:
    """Every level vector whose industry (the second attribute) is no finer than allowed."""
    nodes = product(*(range(len(climbed)) for climbed in table.climbs))
    return [node for node in nodes if node[1] >= finest_industry]


def by_loss(nodes: Iterable[Node], losses: Sequence[Sequence[int]]) -> list[Node]:
    """By the sum of weight x loss, ties by level vector; `losses`: attribute -> weight x loss per level, whole."""
    return sorted(nodes, key=lambda node: (sum(loss[x] for loss, x in zip(losses, node, strict=True)), node))


def level_ncp(table: Table) -> list[list[float]]:
    """Attribute -> level -> what NCP charges a company there, averaged over the table's companies."""
    charged = []
    for column, climbed in enumerate(table.climbs):
        leaf_sizes = np.bincount(table.rows[:, column], weights=table.sizes, minlength=climbed.shape[1])
        below = [np.bincount(codes)[codes] - 1 for codes in climbed]
        charged.append([float(leaf_sizes @ each) / (climbed.shape[1] - 1) / leaf_sizes.sum() for each in below])
    return charged


def by_ncp(table: Table, nodes: Iterable[Node]) -> list[Node]:
    """By the information a node loses (mean NCP if everybody were shown at it), ties by level vector."""
    charged = level_ncp(table)
    return sorted(nodes, key=lambda node: (round(sum(c[x] for c, x in zip(charged, node, strict=True)), 12), node))


def node_numbers(table: Table, node: Node, rows: np.ndarray) -> np.ndarray:
    """A number per row that is equal for equal codes at the node."""
    number = np.zeros(len(rows), dtype=np.int64)
    for column, level in enumerate(node):
        climbed = table.climbs[column][level]
        number = number * (int(climbed.max()) + 1) + climbed[table.rows[rows, column]]
    return number


def peel(table: Table, k: int, nodes: Iterable[Node], aside: int | None = None) -> Partition:
    """At each node in turn the groups that pass become cells and leave; the others wait for the next node.

    With an attribute `aside`, a group leaves only if what remains of its key without that attribute is nothing or passes.
    """
    cell_of_row = np.full(len(table.rows), UNPLACED, dtype=np.int64)
    pool, found = np.arange(len(table.rows)), []
    for node in nodes:
        if not len(pool):
            break
        _, group = np.unique(node_numbers(table, node, pool), return_inverse=True)
        passed = table.passes(pool, group, int(group.max()) + 1, k)
        if aside is not None and node[aside] < len(table.climbs[aside]) - 1:
            above = (*node[:aside], len(table.climbs[aside]) - 1, *node[aside + 1 :])
            passed = _leaves_enough(table, k, pool, group, np.unique(node_numbers(table, above, pool), return_inverse=True)[1], passed)
        if passed.any():
            cell = np.where(passed, len(found) + np.cumsum(passed) - 1, UNPLACED)
            found += [node] * int(passed.sum())
            cell_of_row[pool] = cell[group]
            pool = pool[cell_of_row[pool] == UNPLACED]
    return partition_of_nodes(table, cell_of_row, np.array(found, dtype=np.int64).reshape(-1, len(table.climbs)))


def _leaves_enough(
    table: Table, k: int, pool: np.ndarray, group: np.ndarray, family: np.ndarray, passed: np.ndarray
) -> np.ndarray:
    """`passed` without the groups that have to stay with the few of their family; the smallest stay first."""
    leaving, family_of = passed.copy(), np.zeros(len(passed), dtype=np.int64)
    family_of[group] = family
    companies = np.bincount(group, weights=table.counted[pool])
    while leaving.any():
        stays = ~leaving[group]
        some = np.bincount(family[stays], minlength=int(family.max()) + 1) > 0
        few = some & ~table.passes(pool[stays], family[stays], len(some), k)
        stuck = [number for number in np.flatnonzero(leaving).tolist() if few[family_of[number]]]
        if not stuck:
            break
        for one in {int(family_of[number]) for number in stuck}:
            leaving[min((companies[n], n) for n in stuck if family_of[n] == one)[1]] = False
    return leaving
