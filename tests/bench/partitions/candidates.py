"""What else was tried to make teasers more useful at equal safety? Every candidate the decision record speaks of.

Each is a partition under the same tests and the same k, measured like ours; what it changes is in its name. None is in
the product but the first, which is how the order was decided.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from bench.partitions.filters import SETS, Filter, filters_of
from bench.partitions.ordered import Node, all_nodes, by_loss, peel
from bench.partitions.refinements import hold_back, second_pass
from bench.partitions.table import Facts, Partition, Table

from succession.anonymity.nodes import Losses, attribute_aside, leaf_numbers, ordered_nodes
from succession.anonymity.population import EligibilityRule, Population, eligible
from succession.anonymity.weights import Asked, needed_level, proposed_losses
from succession.codes import ATTRIBUTES, LEVELS
from succession.codes.attributes import YEN_PER_MILLION

FOUNDED, EMPLOYEES, REVENUE, MARGIN = map(ATTRIBUTES.index, ("founded", "employees", "revenue", "margin"))
LEARN_SEED = 2  # filters to learn from are not those to be measured by
FINEST_REVENUE_LOSS = 20  # of 25 at the four bands: finer bands are worth a little, or they eat everything else
ROUNDS = 5


def candidates(
    population: Population, rule: EligibilityRule, table: Table, losses: Losses, k: int
) -> Iterator[tuple[str, Table, Partition]]:
    """(what is different, its table, its partition), ours first."""
    charged = [[weight * loss for loss in each] for _, weight, each in losses]
    version_1 = [[loss * (5 if name == "founded" else weight) for loss in each] for name, weight, each in losses]
    nodes, plain, aside = list(ordered_nodes("major_group")), all_nodes(table), attribute_aside(losses)
    yield "in force", table, peel(table, k, nodes, aside)
    yield "loss alone, founding at 5: version 1", table, peel(table, k, by_loss(plain, version_1))
    yield "loss alone, founding at 3", table, peel(table, k, by_loss(plain, charged))
    yield "together first, founding at 3", table, peel(table, k, together_first(by_loss(plain, charged)))
    yield "founding aside, not together first", table, peel(table, k, staged(plain, charged, (FOUNDED,)), FOUNDED)
    yield "headcount aside", table, peel(table, k, together_first(staged(plain, charged, (EMPLOYEES,))), EMPLOYEES)
    yield "margin aside", table, peel(table, k, together_first(staged(plain, charged, (MARGIN,))), MARGIN)
    yield "ties: coarsest vector first", table, peel(table, k, _ties(plain, charged, lambda n: tuple(-x for x in n)))
    yield "ties: last attribute finest", table, peel(table, k, _ties(plain, charged, lambda n: n[::-1]))
    for name, sets in (("typical", ("typical",)), ("all", tuple(SETS))):
        learnt = proposed_losses(asked_by([each for one in sets for each in _asked(table, one)]), losses)
        its = peel(table, k, list(ordered_nodes("major_group", learnt)), attribute_aside(learnt))
        yield f"weights learnt from other filters: {name}", table, its
    upwards = with_levels(table, EMPLOYEES, [[0, 1, 2, 3], [0, 1, 1, 1], [0, 0, 0, 0]])
    yield "headcount merged upwards, 1-19 | 20+", upwards, peel(upwards, k, nodes, aside)
    for edges in ([100, 200, 1000, 5000], [50, 100, 200, 500, 1000, 5000],
                  [50, 100, 200, 300, 500, 1000, 2000, 3000, 5000, 10_000]):  # fmt: skip
        finer = with_revenue_edges(population, rule, table, edges)
        finer_charged = [*charged[:REVENUE], _finer(losses), *charged[REVENUE + 1 :]]
        order = together_first(staged(all_nodes(finer), finer_charged, (aside,)))
        yield f"{len(edges) + 1} revenue bands", finer, peel(finer, k, order, aside)
    yield "second pass inside the cells", table, second_pass(table, k, nodes, peel(table, k, nodes, aside))
    plainly = by_loss(plain, charged)
    yield "second pass after loss alone", table, second_pass(table, k, plainly, peel(table, k, plainly))
    yield "loss alone, groups held back for leftovers", table, hold_back(table, k, plainly, charged, ROUNDS)


def staged(nodes: list[Node], charged: list[list[int]], aside: tuple[int, ...]) -> list[Node]:
    """By the loss of the other attributes; nodes that differ only in those aside follow each other, the finest first."""

    def place_in_order(node: Node) -> tuple:
        whole = tuple(len(charged[c]) - 1 if c in aside else x for c, x in enumerate(node))
        own = sum(charged[c][node[c]] for c in aside)
        return sum(loss[x] for loss, x in zip(charged, whole, strict=True)), whole, own, node

    return sorted(nodes, key=place_in_order)


def together_first(nodes: list[Node]) -> list[Node]:
    """The rule of nodes.ordered_nodes, also where revenue has a level below the four bands."""
    bands = max(node[REVENUE] for node in nodes) - 2
    return sorted(nodes, key=lambda node: not (node[0] <= 1 and node[1] == 0 and node[REVENUE] <= bands))


def _ties(nodes: list[Node], charged: list[list[int]], tie: object) -> list[Node]:
    """Together first, then by loss, but for nodes of equal loss."""
    total = {node: sum(loss[x] for loss, x in zip(charged, node, strict=True)) for node in nodes}
    return together_first(sorted(nodes, key=lambda node: (total[node], tie(node))))  # type: ignore[operator]


def _finer(losses: Losses) -> list[int]:
    weight, each = next((weight, each) for name, weight, each in losses if name == "revenue")
    return [weight * FINEST_REVENUE_LOSS, *(weight * loss for loss in each)]


def _asked(table: Table, name: str) -> list[list[Filter]]:
    return filters_of(table, SETS[name], seed=LEARN_SEED)


def asked_by(filters: list[list[Filter]]) -> Asked:
    """These filters as if they had been the searches of a quarter."""
    needs = {name: [0] * len(LEVELS[name]) for name in ATTRIBUTES}
    searches = [wanted for each in filters for wanted in each]
    for wanted in searches:
        for column, accepted in wanted:
            name = ATTRIBUTES[column]
            level = needed_level(name, np.array(LEVELS[name][0])[np.frombuffer(accepted, dtype=bool)].tolist())
            if level is not None:
                needs[name][level] += 1
    return Asked(len(searches), 90, {name: tuple(counts) for name, counts in needs.items()})


def with_levels(table: Table, column: int, climbed: list[list[int]]) -> Table:
    """The same companies under other levels of one attribute."""
    climbs = (*table.climbs[:column], np.array(climbed), *table.climbs[column + 1 :])
    return Table(climbs, table.rows, table.row_of, table.facts)


def with_revenue_edges(population: Population, rule: EligibilityRule, table: Table, edges: list[int]) -> Table:
    """Revenue in bands between these edges (JPY million), which hold those of today, below today's levels."""
    members = np.flatnonzero(eligible(population, rule))
    leaves = leaf_numbers(population, members)
    leaves[:, REVENUE] = np.searchsorted(
        np.array(edges) * YEN_PER_MILLION, population.columns["revenue_yen"][members], side="right"
    )
    four = np.searchsorted([200, 1000, 5000], [0, *edges], side="right")
    today = table.climbs[REVENUE]
    climbed = [list(range(len(edges) + 1)), *(today[level][four].tolist() for level in range(len(today)))]
    climbs = (*table.climbs[:REVENUE], np.array(climbed), *table.climbs[REVENUE + 1 :])
    return Table.of(climbs, leaves, Facts(*table.facts))
