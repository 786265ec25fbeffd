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


def peel(table: Table, k: int, nodes: Iterable[Node]) -> Partition:
    """At each node in turn the groups that pass become cells and leave; the others wait for the next node."""
    cell_of_row = np.full(len(table.rows), UNPLACED, dtype=np.int64)
    pool, found = np.arange(len(table.rows)), []
    for node in nodes:
        if not len(pool):
            break
        _, group, size = np.unique(node_numbers(table, node, pool), return_inverse=True, return_counts=True)
        passed = table.passes(pool, group, len(size), k)
        if passed.any():
            cell = np.where(passed, len(found) + np.cumsum(passed) - 1, UNPLACED)
            found += [node] * int(passed.sum())
            cell_of_row[pool] = cell[group]
            pool = pool[cell_of_row[pool] == UNPLACED]
    return partition_of_nodes(table, cell_of_row, np.array(found, dtype=np.int64).reshape(-1, len(table.climbs)))
