"""Which other labels may a teaser show, and why is a trade never one of them?"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from succession.anonymity.alternatives import alternatives, coarser_codes, could_show, relabelled, usefulness
from succession.anonymity.codebook import Cell, Codebook, build
from succession.anonymity.nodes import key_numbers, key_of, leaf_numbers, ordered_nodes, span, without
from succession.anonymity.peeling import Facts, UNPLACED
from succession.anonymity.margins import SOLE
from succession.anonymity.population import Population, eligible
from succession.anonymity.world import build_world
from succession.codes import ANY, ATTRIBUTES, LEVELS, ancestors, leaves

pytestmark = pytest.mark.slow

K = 20
FOUNDED = ATTRIBUTES.index("founded")  # stands aside under the losses of the house


@pytest.fixture(scope="module")
def world() -> Population:
    return build_world(20_000, seed=11)


@pytest.fixture(scope="module")
def book(world: Population) -> Codebook:
    return build(world, K, "major_group")


def _codes(cell) -> dict[str, str]:
    return dict(zip(ATTRIBUTES, cell.key, strict=True))


def test_every_coarser_code_is_offered_and_nothing_else(book: Codebook) -> None:
    for cell in book.cells[::97]:
        codes = _codes(cell)
        offered = alternatives(book, codes)
        assert [(each.attribute, each.code) for each in offered] == [
            (a, c) for a in ATTRIBUTES for c in ancestors(a, codes[a]) if leaves(a, c) != leaves(a, codes[a])]
        for each in offered:
            assert leaves(each.attribute, codes[each.attribute]) < leaves(each.attribute, each.code), "it says less"
            assert each.could_show >= cell.size >= K
            assert 0 <= each.usefulness_percent < usefulness(book, codes) <= 100


def test_companies_that_could_show_a_label_are_whole_cells(book: Codebook) -> None:
    label = {"place": "kansai", "industry": "E", "founded": ANY, "employees": ANY, "revenue": ANY, "margin": ANY}
    inside = [c for c in book.cells if all(leaves(a, getattr(c, a)) <= leaves(a, label[a]) for a in ATTRIBUTES)]
    assert len(inside) > 3 and could_show(book, label) == sum(cell.size for cell in inside)
    assert could_show(book, dict.fromkeys(ATTRIBUTES, ANY)) == book.report.eligible - book.report.leftovers


def test_saying_all_of_it_is_worth_a_hundred_and_nothing_is_worth_nothing(book: Codebook) -> None:
    assert usefulness(book, {a: LEVELS[a][0][0] for a in ATTRIBUTES}) == 100
    assert usefulness(book, dict.fromkeys(ATTRIBUTES, ANY)) == 0


def test_a_code_that_is_not_coarser_is_refused(book: Codebook) -> None:
    codes = {"place": "kansai", "industry": "24", "founded": ANY, "employees": "20_49", "revenue": "200_1000", "margin": "loss"}
    assert relabelled(codes, {"place": "west", "industry": "E"}) == codes | {"place": "west", "industry": "E"}
    assert coarser_codes(codes, relabelled(codes, {"place": "west"})) == {"place": "west"}
    for finer in ({"place": "JP-29"}, {"place": "east"}, {"place": "kansai"}, {"industry": "F"}, {"founded": "from_1990"},
                  {"municipality": "any"}, {"place": "nowhere"}):  # fmt: skip
        with pytest.raises(ValueError):
            relabelled(codes, finer)


# --- no trade is safe -----------------------------------------------------------------------------------------------


def _trades(population: Population, book: Codebook, k: int):
    """(cell, node, members) of every group of a cell's members who would share a label that is finer in one attribute
    and coarser in another, and number k or more."""
    rows = np.flatnonzero(eligible(population, book.header.rule))
    leaf_rows, assigned = leaf_numbers(population, rows), book.assign(population)[rows]
    node_of = np.array([cell.node for cell in book.cells])
    for other in ordered_nodes("major_group"):
        incomparable = np.array([any(a < b for a, b in zip(other, n, strict=True)) and any(a > b for a, b in zip(other, n, strict=True))
                                 for n in book.nodes])  # fmt: skip
        chosen = np.flatnonzero((assigned != UNPLACED) & incomparable[node_of[assigned]])
        pairs = assigned[chosen].astype(np.int64) * span(other) + key_numbers(other, leaf_rows[chosen])
        found, group, size = np.unique(pairs, return_inverse=True, return_counts=True)
        for large in np.flatnonzero(size >= k):
            yield book.cells[found[large] // span(other)], other, rows[chosen[group == large]]


def _failed(population: Population, members: np.ndarray, k: int = K) -> set[str]:
    facts = Facts(*(population.columns[name][members] for name in Facts._fields))
    return {
        name
        for name, wrong in (
            ("companies", (facts.legal_form != SOLE).sum() < k),
            ("towns", len(np.unique(facts.municipality)) < 3),
            ("trades", len(np.unique(facts.jsic4)) < 3),
            ("one company", 10 * facts.revenue_yen.max() > 6 * facts.revenue_yen.sum()),
        )
        if wrong
    }


def _left_behind(population: Population, assigned: np.ndarray, cell: Cell, members: np.ndarray) -> np.ndarray:
    """The others of the cell, whom a guess that everybody trades who can leaves alone."""
    return np.setdiff1d(np.flatnonzero(assigned == cell.cell), members)


def test_nobody_can_be_offered_a_finer_band_for_a_coarser_place() -> None:
    """Whoever sees both labels of such a company, or guesses that its cell trades, always has fewer than k diverse ones:
    those who trade, or, where only the attribute aside would be finer, those who cannot."""
    world = build_world(6_000, seed=11)
    book = build(world, K, "major_group")
    assigned = book.assign(world)
    only_the_others = 0
    for cell, node, members in _trades(world, book, K):
        rest = _left_behind(world, assigned, cell, members)
        assert _failed(world, members) or (len(rest) and _failed(world, rest)), (cell.key, node, len(members))
        if not _failed(world, members):
            assert without(tuple(map(min, node, book.nodes[cell.node])), FOUNDED) == without(book.nodes[cell.node], FOUNDED)
            only_the_others += 1
    assert only_the_others > 10


@pytest.mark.parametrize("seed", range(2))
def test_nor_where_the_diversity_tests_decide(seed: int) -> None:
    """Few towns and trades and some giants: every group of k that shares both labels was refused by the build, whole."""
    world = build_world(2_000, seed)
    columns = dict(world.columns)
    columns["municipality"], columns["jsic4"] = columns["municipality"] % 4, columns["jsic4"] // 3 * 3
    columns["revenue_yen"] = np.where(np.arange(len(world)) % 11 == 0, columns["revenue_yen"] * 40, columns["revenue_yen"])
    narrow = Population("narrow", True, columns, world.provenance)
    book = build(narrow, 10, "major_group")
    rows = np.flatnonzero(eligible(narrow, book.header.rule))
    leaf_rows, assigned = leaf_numbers(narrow, rows), book.assign(narrow)[rows]
    large, everywhere = 0, book.assign(narrow)
    for cell, other, members in _trades(narrow, book, 10):
        large += 1
        # The finer of the two levels everywhere: a node the build came to earlier, with these companies among others.
        meet = tuple(map(min, other, book.nodes[cell.node]))
        numbers = key_numbers(meet, leaf_rows)
        sharing = rows[(numbers == numbers[np.searchsorted(rows, members[0])]) & ((assigned >= cell.cell) | (assigned == UNPLACED))]
        assert set(members) <= set(sharing)
        rest = _left_behind(narrow, everywhere, cell, members)
        alone = len(rest) and _failed(narrow, rest, 10)
        assert _failed(narrow, members, 10) or "one company" in _failed(narrow, sharing) or alone, key_of(meet, int(numbers[0]))
    assert large, "groups of k that share both labels exist here, and none of them is a cell"


def test_a_trade_across_cells_would_leave_fewer_than_k_to_a_guess(world: Population, book: Codebook) -> None:
    """The check above can object: offered to everybody who has k partners in any cell, a trade betrays almost all."""
    rows = np.flatnonzero(eligible(world, book.header.rule))
    leaf_rows, assigned = leaf_numbers(world, rows), book.assign(world)[rows]
    region_for_detail = (1, 0, 0, 0, 0, 0)
    numbers = key_numbers(region_for_detail, leaf_rows)
    partners = defaultdict(list)
    for member, number in enumerate(numbers):
        cell = book.cells[assigned[member]]
        if book.nodes[cell.node][0] == 0 and any(level > 0 for level in book.nodes[cell.node][1:]):
            partners[number].append(member)
    offered = [group for group in partners.values() if len(group) >= K]
    company = world.columns["legal_form"][rows] != SOLE
    betrayed = sum(1 for group in offered for m in group if sum(company[x] and assigned[x] == assigned[m] for x in group) < K)
    assert offered and betrayed >= 0.95 * sum(map(len, offered))
