"""Are the peers our codebook is measured against honest: really anonymous, really diverse, and the best of their kind?

Every promise is checked again with sets and strings, apart from the arrays that the peers themselves reckon with.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date

import numpy as np
import pytest
from bench.partitions.filters import (
    SETS,
    cell_sizes,
    certain_matches,
    certain_shares,
    filter_around,
    filters_of,
    true_matches,
)
from bench.partitions.full_domain import best_node, by_buyer_loss, by_information
from bench.partitions.measures import assert_sound, ceiling, measure
from bench.partitions.mondrian import TAXONOMIES, mondrian
from bench.partitions.ordered import all_nodes, by_loss, by_ncp, level_ncp, peel
from bench.partitions.refinements import hold_back, levels_of, second_pass
from bench.partitions.table import UNPLACED, Partition, Table, partition_of_nodes, table_of

from succession.anonymity.codebook import build
from succession.anonymity.margins import SOLE
from succession.anonymity.nodes import attribute_aside, buyer_losses, leaf_numbers, ordered_nodes
from succession.anonymity.population import Population, eligibility_on, eligible
from succession.anonymity.world import build_world
from succession.codes import ATTRIBUTES, LEVELS

K = 20
RULE = eligibility_on(date(2026, 6, 1))
LOSSES = [[weight * loss for loss in losses] for _, weight, losses in buyer_losses()]


def _full_domain(table: Table) -> Partition:
    found = best_node(table, K, all_nodes(table), by_information(table), 0.05)
    assert found
    return found[1]


PEERS: dict[str, Callable[[Table], Partition]] = {
    "ncp order": lambda table: peel(table, K, by_ncp(table, all_nodes(table))),
    "mondrian": lambda table: mondrian(table, K),
    "mondrian by loss": lambda table: mondrian(table, K, LOSSES),
    "full domain": _full_domain,
}


@pytest.fixture(scope="module")
def world() -> Population:
    return build_world(12_000, seed=3)


@pytest.fixture(scope="module")
def table(world: Population) -> Table:
    return table_of(world, RULE)


@pytest.fixture(scope="module", params=PEERS)
def peer(request: pytest.FixtureRequest, table: Table) -> tuple[str, Partition]:
    return request.param, PEERS[request.param](table)


def labels_of(population: Population, table: Table, partition: Partition) -> dict[int, tuple[frozenset[str], ...]]:
    """Member -> its teaser as sets of finest codes, one per attribute; members without one are left out."""
    members = np.flatnonzero(eligible(population, RULE)).tolist()
    shown = [[frozenset(np.array(LEVELS[a][0])[row].tolist()) for row in each]
             for a, each in zip(ATTRIBUTES, partition.shown, strict=True)]
    words = list(zip(*shown, strict=True))
    cells = partition.cell_of_row[table.row_of].tolist()
    return {member: words[cell] for member, cell in zip(members, cells, strict=True) if cell != UNPLACED}


def test_whoever_knows_the_method_finds_k_diverse_companies(
    world: Population, table: Table, peer: tuple[str, Partition]
) -> None:
    labels = labels_of(world, table, peer[1])
    same = defaultdict(list)
    for member, label in labels.items():
        same[label].append(member)
    assert len(same) > 20 and len(labels) >= 0.95 * len(table.row_of)
    column = world.columns
    for members in same.values():
        revenue = column["revenue_yen"][members].tolist()
        assert (column["legal_form"][members] != SOLE).sum() >= K
        assert len(set(column["municipality"][members].tolist())) >= 3
        assert len(set(column["jsic4"][members].tolist())) >= 3
        assert max(revenue) * 10 <= sum(revenue) * 6


def test_a_label_is_true_of_everybody_who_shows_it(
    world: Population, table: Table, peer: tuple[str, Partition]
) -> None:
    members = np.flatnonzero(eligible(world, RULE))
    leaves = dict(zip(members.tolist(), leaf_numbers(world, members).tolist(), strict=True))
    for member, label in labels_of(world, table, peer[1]).items():
        assert all(LEVELS[a][0][x] in codes for a, x, codes in zip(ATTRIBUTES, leaves[member], label, strict=True))


def test_a_peer_is_deterministic_and_blind_to_the_order_of_companies(
    world: Population, table: Table, peer: tuple[str, Partition]
) -> None:
    shuffled = np.random.default_rng(0).permutation(len(world))
    columns = {name: values[shuffled] for name, values in world.columns.items()}
    other = Population(world.name, True, columns, world.provenance)
    again = table_of(other, RULE)
    labels = labels_of(other, again, PEERS[peer[0]](again))
    assert {int(shuffled[member]): label for member, label in labels.items()} == labels_of(world, table, peer[1])


def test_peeling_written_twice_gives_the_codebook(world: Population, table: Table) -> None:
    book = build(world, K, "major_group", rule=RULE)
    again = peel(table, K, ordered_nodes("major_group"), attribute_aside(buyer_losses()))
    theirs = book.assign(world)[np.flatnonzero(eligible(world, RULE))]
    ours = again.cell_of_row[table.row_of]
    assert (theirs == ours).all() and len(book.cells) == len(again.shown[0]) > 100
    filters = {name: filters_of(table, shapes) for name, shapes in SETS.items()}
    found = measure(table, again, filters, K)
    assert found.together == pytest.approx(book.report.useful)
    assert found.ncp == pytest.approx(book.report.information_loss, abs=found.suppressed + 1e-9)
    assert [found.finest[a] for a in ATTRIBUTES] == pytest.approx([book.report.levels[a][0] for a in ATTRIBUTES])
    assert found.smallest_preimage >= K and found.together < ceiling(table, K) < 1


def test_the_order_by_ncp_is_the_order_of_what_is_lost_on_average(table: Table) -> None:
    charged = level_ncp(table)
    assert all(each[0] == 0 and each[-1] == 1 and each == sorted(each) for each in charged)
    region = table.climbs[0][1].tolist()
    others = [region.count(region[x]) - 1 for x in table.rows[table.row_of, 0].tolist()]
    assert charged[0][1] == pytest.approx(sum(others) / 46 / len(others))
    order = by_ncp(table, all_nodes(table))
    assert order[0] == (0,) * 6 and sorted(order) == sorted(ordered_nodes("major_group"))
    assert order.index((0, 1, 0, 0, 0, 0)) < order.index((0, 0, 1, 0, 0, 0))  # a division says much by this measure


@pytest.mark.parametrize("most", [0.05, 0.0])
@pytest.mark.parametrize("charges", ["information", "loss"])
def test_full_domain_is_the_best_node_there_is(most: float, charges: str) -> None:
    small = table_of(build_world(1_200, seed=5), RULE)
    charged = by_information(small) if charges == "information" else by_buyer_loss(LOSSES)
    found = best_node(small, 5, all_nodes(small), charged, most)
    assert found
    costs = {}
    for node in all_nodes(small):
        lost = small.sizes[peel(small, 5, [node]).cell_of_row == UNPLACED].sum() / small.sizes.sum()
        shown = sum(each[x] for each, x in zip(charged, node, strict=True))
        if lost <= most:
            costs[node] = shown * (1 - lost) + sum(each[-1] for each in charged) * lost
    assert found[0] in costs and costs[found[0]] == pytest.approx(min(costs.values()))
    assert (small.sizes[found[1].cell_of_row == UNPLACED].sum() / small.sizes.sum()) <= most


def test_mondrian_leaves_no_cut_undone(table: Table) -> None:
    partition = mondrian(table, K)
    for cell in range(len(partition.shown[0])):
        rows = np.flatnonzero(partition.cell_of_row == cell)
        for column, climbed in enumerate(table.climbs):
            leaves = table.rows[rows, column]
            if column in TAXONOMIES:  # into the children of the lowest code above all of them
                cuts = [codes[leaves] for codes in climbed if len(np.unique(codes[leaves])) > 1][-1:]
            else:
                cuts = [leaves > band for band in np.unique(leaves)[:-1]]
            for cut in cuts:
                parts, group = np.unique(cut, return_inverse=True)
                assert not table.passes(rows, group, len(parts), K).all()


def test_certain_and_true_matches_are_what_counting_by_hand_gives(world: Population, table: Table) -> None:
    partition = PEERS["mondrian"](table)
    labels = labels_of(world, table, partition)
    members = np.flatnonzero(eligible(world, RULE))
    own = leaf_numbers(world, members)
    certain, true = certain_matches(table, partition), true_matches(table)
    shape = {"place": "region", "industry": "division", "revenue": "band"}
    row = int(table.row_of[17])
    wanted = filter_around(table, row, shape)
    finest = {column: np.array(LEVELS[ATTRIBUTES[column]][0]) for column, _ in wanted}
    accepted = {ATTRIBUTES[c]: set(finest[c][np.frombuffer(mask, bool)].tolist()) for c, mask in wanted}
    assert 1 < len(accepted["place"]) < 10 and len(accepted["revenue"]) == 1
    at = {a: ATTRIBUTES.index(a) for a in accepted}
    fits = [all(LEVELS[a][0][leaf[at[a]]] in codes for a, codes in accepted.items()) for leaf in own.tolist()]
    sure = [m for m, label in labels.items() if all(label[at[a]] <= codes for a, codes in accepted.items())]
    assert true(wanted) == sum(fits) > 0 and certain(wanted) == len(sure)
    assert set(sure) <= {int(m) for m, fit in zip(members, fits, strict=True) if fit}
    assert certain_shares(table, partition, [[wanted]]) == pytest.approx([len(sure) / sum(fits)])


def test_the_set_of_filters_is_complete_and_finds_whom_it_was_drawn_around(table: Table) -> None:
    assert [len(shapes) for shapes in SETS.values()] == [18, 36, 18]
    assert len({tuple(sorted(shape.items())) for shape in SETS["typical"]}) == 18
    asked = filters_of(table, SETS["typical"], per_shape=5)
    assert asked == filters_of(table, SETS["typical"], per_shape=5) and {len(each) for each in asked} == {5}
    assert all(true_matches(table)(wanted) >= 1 for each in asked for wanted in each)
    for shape, each in zip(SETS["typical"], asked, strict=True):
        if shape.get("revenue") == "at least":
            assert all(not dict(wanted)[ATTRIBUTES.index("revenue")][0] for wanted in each)


def test_a_peer_that_cheats_is_not_measured(table: Table) -> None:
    nodes = np.zeros((len(table.rows), len(ATTRIBUTES)), dtype=np.int64)
    everybody_alone = partition_of_nodes(table, np.arange(len(table.rows)), nodes)
    with pytest.raises(AssertionError, match="a cell fails"):
        measure(table, everybody_alone, {}, K)
    honest = PEERS["ncp order"](table)
    lying = Partition(honest.cell_of_row, tuple(np.roll(shown, 1, axis=1) for shown in honest.shown))
    with pytest.raises(AssertionError, match="not true of a member"):
        measure(table, lying, {}, K)


def test_what_was_tried_after_peeling_is_as_sound_and_gains_what_it_says(table: Table) -> None:
    nodes, plain = list(ordered_nodes("major_group")), by_loss(all_nodes(table), LOSSES)
    coarse = peel(table, K, [node for node in plain if node[0] >= 1 and node[2] == 2])
    finer = second_pass(table, K, plain, coarse)
    assert_sound(table, finer, K)
    assert len(finer.shown[0]) > len(coarse.shown[0])  # where something is left to gain it is found
    ours = peel(table, K, nodes, ATTRIBUTES.index("founded"))
    assert len(second_pass(table, K, nodes, ours).shown[0]) == len(ours.shown[0])
    held, plainly = hold_back(table, K, plain, LOSSES, rounds=2), peel(table, K, plain)
    assert_sound(table, held, K)
    assert _mean_loss(table, held) <= _mean_loss(table, plainly)


def _mean_loss(table: Table, partition: Partition) -> float:
    charged = sum(np.array(LOSSES[c])[levels] for c, levels in enumerate(levels_of(table, partition).T))
    sizes = cell_sizes(table, partition)
    unplaced = table.sizes.sum() - sizes.sum()
    return float(charged @ sizes + unplaced * sum(each[-1] for each in LOSSES)) / float(table.sizes.sum())


def test_an_attribute_aside_leaves_nobody_to_others(table: Table) -> None:
    """With founding aside as many companies as possible keep the rest: nothing finer of the others is lost to it."""
    nodes, founded = list(ordered_nodes("major_group")), ATTRIBUTES.index("founded")
    assert attribute_aside(buyer_losses()) == founded
    aside, unsaid = peel(table, K, nodes, founded), peel(table, K, [node for node in nodes if node[founded] == 2])
    others = [c for c in range(len(ATTRIBUTES)) if c != founded]
    told = np.flatnonzero(aside.shown[founded][aside.cell_of_row].sum(axis=1) < 3)
    assert len(told)
    for row in np.flatnonzero(aside.cell_of_row != UNPLACED).tolist():
        first, second = aside.cell_of_row[row], unsaid.cell_of_row[row]
        assert all((aside.shown[c][first] == unsaid.shown[c][second]).all() for c in others)
