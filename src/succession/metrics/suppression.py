"""Which cells of a published table must be hidden so that no hidden one can be worked out from the rest?

Rules (ours; official statistics replace small cells, and then a second one so that totals do not give the first away):

| what                          | hidden                   | what every reader must still find possible              |
|-------------------------------|--------------------------|---------------------------------------------------------|
| a count under 5, zero too     | it, and what protects it | each value from 0 to 4                                  |
| an amount on < 3 contributors | it, and what protects it | nothing at all; half as much again, at least one usual  |
|                               |                          | deal more (within the published total)                  |
| an amount whose count is      | it, and what protects it | as above if the count is under 5, else one usual deal   |
| hidden                        |                          | more or less                                            |
| a grand total under its limit | the whole table          | anything under the limit                                |

**Zero is hidden like 1 to 4.** A zero shown beside hidden cells would say "at least one" of each of those, and one
listing of one industry in one prefecture is what insiders look for. The price is paid gladly: of a sparse table little
but margins is left.

How: margins are cells too. Give each row, each column and both margins a node; each cell is an edge between its row and
its column. A change that keeps every published figure runs along closed paths of hidden edges, up and down in turn
(margins count negatively). So "can this cell be 0, and can it be 4?" is a flow question, answered exactly by successive
shortest paths from the true table, where a published cell may be *bought*, that is hidden, at the price of its value.
The flow found is a second table with the same published figures: a proof, not an estimate, and it stays one when more
is hidden. Where no purchase helps, everything but the grand total is withheld, which leaves every split of that total
open. The grand total is never bought: tables of the same things over other axes show it too, and must share nothing
else (see definitions.py).

After L. H. Cox, "Network models for complementary cell suppression", JASA 90 (1995). Not covered: what readers know of
their own companies, and inference from our buying the cheapest protectors. The method knows two axes; a third is paired
with the second, so the margins are those of the first axis, of the pairs, and the grand total.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence
from itertools import product

import msgspec

COUNT_MINIMUM = 5
CONTRIBUTORS_MINIMUM = 3
TOTAL = "*"
CELLS_MAX = 20_000

Key = tuple[str, ...]
_Edge = tuple[int, int]  # row, column; the last of each is the margin
_Span = tuple[int, int]  # lowest and highest value that must stay possible


class Published(msgspec.Struct, frozen=True):
    """What may leave: every cell and margin by key (`*` where an axis is summed); None is hidden. `withheld`: nothing
    but, at most, the grand total is shown."""

    axes: tuple[tuple[str, ...], ...]
    cells: dict[Key, int | None]
    withheld: bool


def suppress_counts(axes: Sequence[Sequence[str]], counts: Mapping[Key, int]) -> Published:
    """Counts over one to three axes, safe to publish with their margins.

    `axes` lists every value of each axis, counted or not: which rows exist must not depend on the data. A combination
    without a count is zero. Raises ValueError for negative counts, keys outside the axes, or more than 20,000 cells.
    """
    grid = _Grid(axes, counts)
    if grid.total < COUNT_MINIMUM:
        return grid.withheld(show_total=False)
    return grid.protected({edge: (0, COUNT_MINIMUM - 1) for edge, v in grid.value.items() if v < COUNT_MINIMUM})


def suppress_amounts(amounts_yen: Mapping[Key, int], contributors: Mapping[Key, int], counts: Published) -> Published:
    """Sums of yen over the axes of `counts`, safe to publish beside them (the counts of the same things).

    An amount shown where the count is hidden would say that at least three stand behind it, so it is hidden as well.
    """
    grid, people = _Grid(counts.axes, amounts_yen), _Grid(counts.axes, contributors)
    if people.total < CONTRIBUTORS_MINIMUM or counts.cells[grid.key(grid.grand)] is None:
        return grid.withheld(show_total=False)
    if counts.withheld:
        return grid.withheld(show_total=True)
    usual = max(grid.total // people.total, 1)
    spans: dict[_Edge, _Span] = {}
    for edge, value in grid.value.items():
        if people.value[edge] < CONTRIBUTORS_MINIMUM or counts.cells.get(grid.key(edge)) is None:
            few = people.value[edge] < COUNT_MINIMUM
            low, high = (0, value + max(value // 2, usual)) if few else (max(value - usual, 0), value + usual)
            spans[edge] = low, min(high, grid.total)
    return grid.protected(spans)


def projected(table: Published, kept_axes: Collection[int]) -> dict[Key, int | None]:
    """The margin of a published table over the axes kept (indices), keys shortened to them. Of a table with three axes
    only its own margins exist; any other choice is empty."""
    return {tuple(key[a] for a in sorted(kept_axes)): value for key, value in table.cells.items()
            if all((key[a] != TOTAL) == (a in kept_axes) for a in range(len(table.axes)))}


# ---------------------------------------------------------------------------------------------------------------------


class _Grid:
    """A table with its margins, as edges between row nodes and column nodes."""

    def __init__(self, axes: Sequence[Sequence[str]], cells: Mapping[Key, int]) -> None:
        self.axes = tuple(tuple(axis) for axis in axes)
        if not 1 <= len(axes) <= 3 or not all(axes):
            raise ValueError("a table has one to three axes, none of them empty")
        rows: list[Key] = [()] if len(axes) == 1 else [(code,) for code in self.axes[0]]
        columns: list[Key] = list(product(*(self.axes if len(axes) == 1 else self.axes[1:])))
        if len(rows) * len(columns) > CELLS_MAX:
            raise ValueError(f"the axes span more than {CELLS_MAX} cells")
        if any(len(set(axis)) < len(axis) or TOTAL in axis for axis in self.axes) or any(v < 0 for v in cells.values()):
            raise ValueError("an axis repeats a value or names the total, or a cell is negative")
        self.last_row, self.last_column = len(rows), len(columns)
        self.grand: _Edge = (self.last_row, self.last_column)
        self.rows, self.columns = [*rows, (TOTAL,) * len(rows[0])], [*columns, (TOTAL,) * len(columns[0])]
        self.value = self._with_margins(cells)
        self.total = self.value[self.grand]
        if self.total != sum(cells.values()):
            raise ValueError("a cell lies outside the axes")
        # One axis is one row without a name: its column margins repeat its cells and are nobody's to see.
        self.unseen = {edge for edge in self.value if len(axes) == 1 and edge != self.grand
                       and (edge[0] == self.last_row or edge[1] == self.last_column)}

    def _with_margins(self, cells: Mapping[Key, int]) -> dict[_Edge, int]:
        value: dict[_Edge, int] = {}
        for r, row in enumerate(self.rows[:-1]):
            for c, column in enumerate(self.columns[:-1]):
                value[r, c] = cells.get(row + column, 0)
            value[r, self.last_column] = sum(value[r, c] for c in range(self.last_column))
        for c in range(self.last_column + 1):
            value[self.last_row, c] = sum(value[r, c] for r in range(self.last_row))
        return value

    def key(self, edge: _Edge) -> Key:
        return self.rows[edge[0]] + self.columns[edge[1]]

    def sign(self, edge: _Edge) -> int:
        """How an edge counts in the balance of its row and column: margins against the cells they sum."""
        return -1 if (edge[0] == self.last_row) != (edge[1] == self.last_column) else 1

    def withheld(self, show_total: bool) -> Published:
        return self._published({edge for edge in self.value if edge != self.grand or not show_total}, True)

    def protected(self, spans: Mapping[_Edge, _Span]) -> Published:
        """Hide the cells of `spans` and whatever it takes to keep each possible from its lowest to its highest."""
        primary = {edge: span for edge, span in spans.items() if edge != self.grand and edge not in self.unseen}
        network = _Network(self, set(primary) | self.unseen)
        for edge, span in primary.items():
            if not all(network.reach(edge, target) for target in span):
                return self.withheld(show_total=True)
        return self._published(network.hidden, False)

    def _published(self, hidden: Collection[_Edge], withheld: bool) -> Published:
        cells = {self.key(edge): None if edge in hidden else value for edge, value in self.value.items()
                 if edge not in self.unseen}
        return Published(self.axes, cells, withheld)


class _Network:
    """The hidden cells, growing until every primary cell can move as far as it must."""

    def __init__(self, grid: _Grid, hidden: set[_Edge]) -> None:
        self.grid, self.hidden = grid, hidden
        self.lowest, self.highest = dict(grid.value), dict(grid.value)  # over all tables found so far
        # Node (is it a row?, which) -> where its cells lead: (node, cell, sign, price). Walked thousands of times.
        self.leads: dict[tuple[bool, int], list[tuple[tuple[bool, int], _Edge, int, int]]] = {}
        for (row, column), value in grid.value.items():
            if (row, column) != grid.grand:
                sign = grid.sign((row, column))
                self.leads.setdefault((True, row), []).append(((False, column), (row, column), sign, value + 1))
                self.leads.setdefault((False, column), []).append(((True, row), (row, column), sign, value + 1))

    def reach(self, edge: _Edge, target: int) -> bool:
        """Whether a table with the same published figures has `target` in `edge`, after buying what that takes."""
        table = dict(self.grid.value)
        while not self.lowest[edge] <= target <= self.highest[edge]:  # between two tables, every value is possible
            up = target > table[edge]
            path = self._cheapest_path(edge, up, table)
            if path is None:
                return False
            self.hidden.update(cell for cell, _direction in path)
            step = min([abs(target - table[edge]), *(table[cell] for cell, direction in path if direction < 0)])
            for cell, direction in (*path, (edge, 1 if up else -1)):
                table[cell] += direction * step
                self.lowest[cell] = min(self.lowest[cell], table[cell])
                self.highest[cell] = max(self.highest[cell], table[cell])
        return True

    def _cheapest_path(self, edge: _Edge, up: bool, table: Mapping[_Edge, int]) -> list[tuple[_Edge, int]] | None:
        """Cells with direction (+1, -1) that balance `edge` moving up or down, those to be bought as cheap as possible.

        The walk leads from the column of `edge` back to its row (Dijkstra); signed directions alternate along it, and a
        cell that would fall needs something to lose.
        """
        grid = self.grid
        lead = grid.sign(edge) if up else -grid.sign(edge)
        start, goal = (False, edge[1]), (True, edge[0])
        best: dict[tuple[bool, int], int] = {start: 0}
        came: dict[tuple[bool, int], tuple[tuple[bool, int], _Edge, int]] = {}
        queue = [(0, start)]
        while queue:
            cost, node = heapq.heappop(queue)
            if node == goal:
                return _walk_back(came, goal)
            if cost > best[node]:
                continue
            turn = lead if node[0] else -lead
            for following, cell, sign, bought in self.leads[node]:
                if cell == edge or (turn != sign and not table[cell]):
                    continue
                price = cost if cell in self.hidden else cost + bought
                if following not in best or price < best[following]:
                    best[following] = price
                    came[following] = (node, cell, turn * sign)
                    if following == goal and price == cost:  # nothing in the queue can be cheaper
                        return _walk_back(came, goal)
                    heapq.heappush(queue, (price, following))
        return None


def _walk_back(came: Mapping[tuple[bool, int], tuple[tuple[bool, int], _Edge, int]],
               goal: tuple[bool, int]) -> list[tuple[_Edge, int]]:
    path, node = [], goal
    while node in came:
        node, cell, direction = came[node]
        path.append((cell, direction))
    return path
