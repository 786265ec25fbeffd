"""Could cells be made finer after peeling, or by holding some of them back? Two ways, both as safe as peeling itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from bench.partitions.ordered import Node, node_numbers
from bench.partitions.table import UNPLACED, Partition, Table, partition_of_nodes


def levels_of(table: Table, partition: Partition) -> np.ndarray:
    """(cells, attributes): the finest level at which one code holds what a cell shows."""
    found = np.zeros((len(partition.shown[0]), len(table.climbs)), dtype=np.int64)
    for column, (climbed, shown) in enumerate(zip(table.climbs, partition.shown, strict=True)):
        for level in range(len(climbed) - 1, -1, -1):
            first = climbed[level][shown.argmax(axis=1)]
            inside = ~(shown & (climbed[level] != first[:, None])).any(axis=1)
            found[inside, column] = level
    return found


def second_pass(table: Table, k: int, nodes: Sequence[Node], partition: Partition) -> Partition:
    """Peel again inside every cell: a group of a finer node leaves it when it passes and what remains of it is nothing or
    passes as well. Labels stay true, and whoever shows one label is still a group that passes."""
    levels = [np.array(node) for node in levels_of(table, partition)]
    cell_of_row = partition.cell_of_row.copy()
    for node in nodes:
        coarser = np.array([bool((level >= node).all() and (level > node).any()) for level in levels])
        rows = np.flatnonzero((cell_of_row != UNPLACED) & coarser[cell_of_row])
        cells, keys = cell_of_row[rows], node_numbers(table, node, rows)
        _, group = np.unique(np.stack((cells, keys)), axis=1, return_inverse=True)
        passed = table.passes(rows, group, int(group.max(initial=-1)) + 1, k)
        leaves = passed[group]
        stays = table.passes(rows[~leaves], cells[~leaves], len(levels), k)
        empty = np.bincount(cells[~leaves], minlength=len(levels)) == 0
        leaves &= (stays | empty)[cells]
        for number in np.unique(group[leaves]).tolist():
            cell_of_row[rows[leaves & (group == number)]] = len(levels)
            levels.append(np.array(node))
    used, cell_of_used = np.unique(cell_of_row[cell_of_row != UNPLACED], return_inverse=True)
    cell_of_row[cell_of_row != UNPLACED] = cell_of_used
    return partition_of_nodes(table, cell_of_row, np.array([levels[cell] for cell in used]))


def hold_back(
    table: Table, k: int, nodes: Sequence[Node], losses: Sequence[Sequence[int]], rounds: int
) -> Partition:
    """Peel, but keep some groups back so that the leftovers beside them find company at a cheaper node.

    In each round the groups are chosen by what holding them back would save at the node above them, the most saving
    first, none touching another's leftovers; a round that makes the mean loss no smaller ends the search.
    """
    cost = np.array([sum(loss[x] for loss, x in zip(losses, node, strict=True)) for node in nodes])
    held: dict[int, set[int]] = {}
    best = _peel_without(table, k, nodes, held)
    for _ in range(rounds):
        wider = {place: set(keys) for place, keys in held.items()}
        for place, key in _worth_holding(table, nodes, cost, *best):
            wider.setdefault(place, set()).add(key)
        tried = _peel_without(table, k, nodes, wider)
        if (cost[tried[1]] - cost[best[1]]) @ table.sizes >= 0:
            break
        held, best = wider, tried
    cell_of_row, place_of_row = best
    a_row = np.zeros(int(cell_of_row.max()) + 1, dtype=np.int64)
    placed = np.flatnonzero(cell_of_row != UNPLACED)
    a_row[cell_of_row[placed]] = placed
    return partition_of_nodes(table, cell_of_row, np.array(nodes)[place_of_row[a_row]])


def _peel_without(
    table: Table, k: int, nodes: Sequence[Node], held: dict[int, set[int]]
) -> tuple[np.ndarray, np.ndarray]:
    """(cell, place of its node) per row; what is held back at a node stays for the next. Unplaced rows: the last node."""
    cell_of_row = np.full(len(table.rows), UNPLACED, dtype=np.int64)
    place_of_row = np.full(len(table.rows), len(nodes) - 1, dtype=np.int64)
    pool, cells = np.arange(len(table.rows)), 0
    for place, node in enumerate(nodes):
        if not len(pool):
            break
        keys, group = np.unique(node_numbers(table, node, pool), return_inverse=True)
        passed = table.passes(pool, group, len(keys), k) & ~np.isin(keys, list(held.get(place, ())))
        cell = np.where(passed, cells + np.cumsum(passed) - 1, UNPLACED)
        cells += int(passed.sum())
        cell_of_row[pool] = cell[group]
        place_of_row[pool[passed[group]]] = place
        pool = pool[cell_of_row[pool] == UNPLACED]
    return cell_of_row, place_of_row


def _worth_holding(
    table: Table, nodes: Sequence[Node], cost: np.ndarray, cell_of_row: np.ndarray, place_of_row: np.ndarray
) -> list[tuple[int, int]]:
    """(place of its node, key) of the cells to hold back."""
    placed = np.flatnonzero(cell_of_row != UNPLACED)
    cells = int(cell_of_row.max()) + 1
    a_row = np.zeros(cells, dtype=np.int64)
    a_row[cell_of_row[placed]] = placed
    size = np.bincount(cell_of_row[placed], weights=table.sizes[placed], minlength=cells)
    place_of_cell, vectors = place_of_row[a_row], np.array(nodes)
    found = []
    for place, node in enumerate(nodes):
        late = np.flatnonzero(place_of_row > place)
        if not len(late):
            break
        keys, group = np.unique(node_numbers(table, node, late), return_inverse=True)
        saved = np.bincount(group, weights=table.sizes[late] * (cost[place_of_row[late]] - cost[place]))
        inside = np.flatnonzero((place_of_cell < place) & (vectors[place_of_cell] <= vectors[place]).all(axis=1))
        at = np.searchsorted(keys, node_numbers(table, node, a_row[inside])).clip(max=len(keys) - 1)
        inside = inside[keys[at] == node_numbers(table, node, a_row[inside])]
        at = np.searchsorted(keys, node_numbers(table, node, a_row[inside]))
        gain = saved[at] - size[inside] * (cost[place] - cost[place_of_cell[inside]])
        found += [(gain[x], place, int(at[x]), int(inside[x])) for x in np.flatnonzero(gain > 0)]
    return _apart(table, nodes, place_of_row, place_of_cell, a_row, sorted(found, key=lambda each: (-each[0], each[1:])))


def _apart(
    table: Table,
    nodes: Sequence[Node],
    place_of_row: np.ndarray,
    place_of_cell: np.ndarray,
    a_row: np.ndarray,
    found: list[tuple[float, int, int, int]],
) -> list[tuple[int, int]]:
    chosen: list[tuple[int, int]] = []
    taken, held = np.zeros(len(table.rows), dtype=bool), set()
    groups: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for _gain, place, key, cell in found:
        if cell in held:
            continue
        if place not in groups:
            late = np.flatnonzero(place_of_row > place)
            groups[place] = late, np.unique(node_numbers(table, nodes[place], late), return_inverse=True)[1]
        late, group = groups[place]
        rows = late[group == key]
        if not taken[rows].any():
            taken[rows] = True
            held.add(cell)
            own = int(place_of_cell[cell])
            chosen.append((own, int(node_numbers(table, nodes[own], a_row[[cell]])[0])))
    return chosen
