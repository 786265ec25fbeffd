"""Optimal full-domain generalisation: one node for everybody, the best there is, with some companies suppressed.

Every node of the lattice is a candidate; a bound on what a node can reach spares those that cannot be the best, and
changes nothing else (Samarati 2001; LeFevre et al., Incognito, 2005).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from bench.partitions.ordered import Node, level_ncp, node_numbers, peel
from bench.partitions.table import UNPLACED, Partition, Table


def best_node(
    table: Table, k: int, nodes: Iterable[Node], charged: Sequence[Sequence[float]], suppressed_most: float
) -> tuple[Node, Partition] | None:
    """The node of least mean charge, a suppressed company charged as if it showed nothing; ties by level vector.

    `charged`: attribute -> level -> charge. `suppressed_most`: share of companies in groups that fail, 0 to 1. None
    when even the coarsest node suppresses more.
    """
    total = float(table.sizes.sum())
    nothing = sum(each[-1] for each in charged)

    def charge(node: Node) -> float:
        return sum(each[level] for each, level in zip(charged, node, strict=True))

    best: tuple[float, Node, Partition] | None = None
    for node in sorted(nodes, key=lambda each: (charge(each), each)):
        if best and charge(node) >= best[0]:
            break  # nobody suppressed is the least a node can cost
        if too_small(table, k, node) > suppressed_most * total:
            continue
        partition = peel(table, k, [node])
        lost = float(table.sizes[partition.cell_of_row == UNPLACED].sum()) / total
        cost = charge(node) * (1 - lost) + nothing * lost
        if lost <= suppressed_most and (best is None or cost < best[0]):
            best = (cost, node, partition)
    return best and (best[1], best[2])


def too_small(table: Table, k: int, node: Node) -> float:
    """Companies in groups below k: a node that suppresses too many of these need not be tested for diversity."""
    _, group = np.unique(node_numbers(table, node, np.arange(len(table.rows))), return_inverse=True)
    counted = np.bincount(group, weights=table.counted)
    return float(table.sizes[counted[group] < k].sum())


def by_information(table: Table) -> list[list[float]]:
    """Charges for the least NCP."""
    return level_ncp(table)


def by_buyer_loss(losses: Sequence[Sequence[int]]) -> list[list[float]]:
    """Charges for the least buyer loss."""
    return [list(map(float, each)) for each in losses]
