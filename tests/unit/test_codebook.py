"""Does every published cell keep its promise, and does looking up equal building?"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import date
from itertools import product

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from succession.anonymity.codebook import Codebook, Profile, attributes_of, build, preimages
from succession.anonymity.nodes import buyer_losses, encode_key, key_of, losses_of, number_of, ordered_nodes, span
from succession.anonymity.peeling import UNPLACED
from succession.anonymity.margins import SOLE
from succession.anonymity.population import Population, eligibility_on, eligible
from succession.anonymity.world import build_world
from succession.codes import ATTRIBUTES, LEVELS, ancestors, level_of

RULE = eligibility_on(date(2026, 6, 1))


@pytest.fixture(scope="module")
def world() -> Population:
    return build_world(20_000, seed=11)


@pytest.fixture(scope="module")
def book(world: Population) -> Codebook:
    return build(world, 20, "major_group", rule=RULE)


def profile(population: Population, member: int) -> Profile:
    column = population.columns
    return Profile(
        f"JP-{column['prefecture'][member]:02}",
        f"{column['jsic2'][member]:02}",
        int(column["founded"][member]),
        int(column["employees"][member]),
        int(column["revenue_yen"][member]),
        float(column["operating_margin"][member]),
    )


def naive_cells(population: Population, k: int, finest_industry_level: int) -> dict[tuple[str, ...], set[int]]:
    """The specification word for word, with sets and strings."""
    loss = {
        "place": (3, [0, 0.35, 0.8, 1]),
        "industry": (4, [0.25, 0.7, 0.9, 1]),
        "founded": (0.3, [0.2, 0.5, 1]),
        "employees": (1.2, [0.3, 0.7, 1]),
        "revenue": (2.5, [0.25, 0.65, 1]),
        "margin": (0.8, [0.3, 1]),
    }
    aside = list(ATTRIBUTES).index("founded")
    top = len(loss["founded"][1]) - 1

    def rank(n: tuple[int, ...]) -> tuple:
        whole = n[:aside] + (top,) + n[aside + 1 :]
        together = n[0] <= 1 and n[1] == finest_industry_level and n[4] == 0
        return not together, round(sum(loss[a][0] * loss[a][1][x] for a, x in zip(ATTRIBUTES, whole, strict=True)), 6), whole, n

    nodes = [n for n in product(*(range(len(loss[a][1])) for a in ATTRIBUTES)) if n[1] >= finest_industry_level]
    nodes.sort(key=rank)
    column = population.columns
    pool = {int(m) for m in np.flatnonzero(eligible(population, RULE))}
    figures = {m: attributes_of(profile(population, m)) for m in pool}
    chain = {m: {a: (c, *ancestors(a, c)) for a, c in figures[m].items()} for m in pool}

    def passes(members: set[int]) -> bool:
        revenue = [int(column["revenue_yen"][m]) for m in members]
        return (
            sum(int(column["legal_form"][m]) != SOLE for m in members) >= k
            and len({int(column["municipality"][m]) for m in members}) >= 3
            and len({int(column["jsic4"][m]) for m in members}) >= 3
            and max(revenue) * 10 <= sum(revenue) * 6
        )

    def code_number(key: tuple[str, ...], node: tuple[int, ...]) -> list[int]:
        return [LEVELS[a][x].index(code) for a, x, code in zip(ATTRIBUTES, node, key, strict=True)]

    cells = {}
    for node in nodes:
        groups, families = defaultdict(set), defaultdict(set)
        for m in pool:
            key = tuple(chain[m][a][x] for a, x in zip(ATTRIBUTES, node, strict=True))
            groups[key].add(m)
            families[key[:aside] + key[aside + 1 :]].add(m)
        good = {key: members for key, members in groups.items() if passes(members)}
        if node[aside] < top:
            for family, everybody in families.items():
                own = {key: members for key, members in good.items() if key[:aside] + key[aside + 1 :] == family}
                while own and (rest := everybody - set().union(*own.values())) and not passes(rest):
                    held = min(own, key=lambda key: (sum(int(column["legal_form"][m]) != SOLE for m in own[key]),
                                                     code_number(key, node)))
                    del own[held], good[held]
        for key, members in good.items():
            cells[key] = members
            pool -= members
    return cells


@settings(max_examples=12, deadline=None)
@given(
    size=st.integers(0, 400),
    seed=st.integers(0, 10_000),
    k=st.integers(5, 25),
    finest=st.sampled_from(["major_group", "division"]),
    narrow=st.booleans(),
)
def test_the_fast_build_is_the_naive_one(size: int, seed: int, k: int, finest: str, narrow: bool) -> None:
    population = build_world(size, seed)
    if narrow:  # few places and trades, one giant: the diversity tests decide
        columns = dict(population.columns)
        columns["municipality"] = columns["municipality"] % 3
        columns["jsic4"] = columns["jsic4"] // 2 * 2
        columns["revenue_yen"] = np.where(np.arange(size) % 7 == 0, columns["revenue_yen"] * 50, columns["revenue_yen"])
        population = Population("narrow", True, columns, population.provenance)
    book = build(population, k, finest, rule=RULE)
    assigned = book.assign(population)
    fast = {cell.key: set(np.flatnonzero(assigned == cell.cell).tolist()) for cell in book.cells}
    assert fast == naive_cells(population, k, 0 if finest == "major_group" else 1)


def test_every_cell_is_large_and_diverse(world: Population, book: Codebook) -> None:
    assigned = book.assign(world)
    column = world.columns
    assert len(book.cells) > 200
    for cell in book.cells:
        members = np.flatnonzero(assigned == cell.cell)
        revenue = column["revenue_yen"][members]
        assert cell.size == len(members) >= 20
        assert len(set(column["municipality"][members].tolist())) >= 3
        assert len(set(column["jsic4"][members].tolist())) >= 3
        assert 10 * revenue.max() <= 6 * revenue.sum()


def test_lookup_is_the_assignment_for_every_member(world: Population, book: Codebook) -> None:
    assigned = book.assign(world)
    may = eligible(world, RULE)
    for member in range(len(world)):
        cell = book.lookup(*profile(world, member)) if may[member] else None
        assert (cell.cell if cell else UNPLACED) == assigned[member]


def test_a_cell_says_only_what_is_true_of_its_members(world: Population, book: Codebook) -> None:
    for member in np.flatnonzero(book.assign(world) != UNPLACED)[::37].tolist():
        cell = book.lookup(*profile(world, member))
        assert cell is not None
        node = book.nodes[cell.node]
        for attribute, level, code in zip(ATTRIBUTES, node, cell.key, strict=True):
            leaf = attributes_of(profile(world, member))[attribute]
            assert code in (leaf, *ancestors(attribute, leaf)) and level_of(attribute, code) == level


def test_an_attacker_who_knows_everything_finds_k(world: Population, book: Codebook) -> None:
    recomputed = Counter(
        cell.key
        for member in np.flatnonzero(eligible(world, RULE)).tolist()
        if (cell := book.lookup(*profile(world, member)))
    )
    assert min(recomputed.values()) >= 20
    assert preimages(book, world) == recomputed


def test_outsiders_are_placed_or_refused(book: Codebook) -> None:
    known = Profile("JP-13", "0911", 1975, 12, 150_000_000, 0.03)
    cell = book.lookup(*known)
    assert cell is not None and cell == book.lookup(*known._replace(industry2="09"))
    impossible = ({"employees": 0}, {"employees": 300}, {"margin": None}, {"margin": float("nan")}, {"revenue_yen": -1})
    for changed in impossible:
        assert book.lookup(*known._replace(**changed)) is None
    assert book.lookup(*known._replace(industry2="97")) is None
    with pytest.raises(ValueError):
        book.lookup(*known._replace(industry2="00"))
    with pytest.raises(KeyError):
        book.lookup(*known._replace(place_prefecture="kanto"))
    outsiders = build_world(3_000, seed=99)
    members = np.flatnonzero(eligible(outsiders, RULE)).tolist()
    placed = sum(book.lookup(*profile(outsiders, m)) is not None for m in members)
    assert placed >= 0.99 * len(members)


def test_nodes_are_ordered_by_what_a_buyer_loses() -> None:
    nodes = ordered_nodes("major_group")
    assert len(nodes) == len(set(nodes)) == 4 * 4 * 3 * 3 * 3 * 2
    assert nodes[0] == (0,) * 6 and nodes[-1] == tuple(len(LEVELS[a]) - 1 for a in ATTRIBUTES)
    assert nodes[1:4] == ((0, 0, 1, 0, 0, 0), (0, 0, 2, 0, 0, 0), (0, 0, 0, 1, 0, 0))  # founding stands aside
    assert nodes.index((1, 0, 0, 0, 0, 0)) < nodes.index((0, 1, 0, 0, 0, 0))
    assert all(node[1] >= 1 for node in ordered_nodes("division"))


@pytest.mark.parametrize(("finest", "level"), [("major_group", 0), ("division", 1)])
def test_what_a_buyer_judges_by_is_given_up_last(finest: str, level: int) -> None:
    nodes = ordered_nodes(finest)
    together = [node[0] <= 1 and node[1] == level and node[4] == 0 for node in nodes]
    assert together == sorted(together, reverse=True) and sum(together) == 2 * 3 * 3 * 2
    assert nodes.index((1, level, 2, 2, 0, 1)) < nodes.index((0, level, 0, 0, 1, 0))


def test_other_losses_make_another_codebook_of_the_same_strength(world: Population, book: Codebook) -> None:
    table = [
        {"attribute": name, "weight_tenths": "10", "loss_percent": " ".join(map(str, [*range(len(LEVELS[name]) - 1), 100]))}
        for name in reversed(ATTRIBUTES)
    ]
    losses = losses_of(table)
    other = build(world, 20, "major_group", rule=RULE, losses=losses)
    assert other.version != book.version and other.header.losses == losses
    assert [name for name, _weight, _losses in losses] == list(ATTRIBUTES)
    assert min(preimages(other, world).values()) >= 20 and other.report.levels["margin"][0] != book.report.levels["margin"][0]
    assert build(world, 20, "major_group", rule=RULE, losses=buyer_losses()).version == book.version


@pytest.mark.parametrize(
    "changed",
    [
        {"attribute": "profit"},
        {"attribute": "industry"},
        {"weight_tenths": "-1"},
        {"weight_tenths": "ten"},
        {"loss_percent": "0 35 100"},
        {"loss_percent": "0 35 20 100"},
        {"loss_percent": "0 35 80 99"},
        {"loss_percent": "-5 35 80 100"},
    ],
    ids=lambda changed: "=".join(*changed.items()),
)
def test_a_table_that_is_no_table_of_losses_is_refused(changed: dict[str, str]) -> None:
    rows = [
        {"attribute": name, "weight_tenths": str(weight), "loss_percent": " ".join(map(str, losses))}
        for name, weight, losses in buyer_losses()
    ]
    assert losses_of(rows) == buyer_losses()
    with pytest.raises(ValueError):
        losses_of([rows[0] | changed, *rows[1:]])
    with pytest.raises(ValueError):
        losses_of(rows[1:])


def test_keys_are_numbers_and_back() -> None:
    for node in ordered_nodes("major_group")[::29]:
        for number in {0, span(node) // 2, span(node) - 1}:
            key = key_of(node, number)
            assert number_of(node, key) == number
            assert [level_of(a, code) for a, code in zip(ATTRIBUTES, key, strict=True)] == list(node)
    assert encode_key(("JP-13", "09", "any", "1_19", "under_200", "loss")) == "JP-13|09|any|1_19|under_200|loss"


def test_the_build_is_deterministic_and_its_version_covers_every_choice(world: Population, book: Codebook) -> None:
    assert build(build_world(20_000, seed=11), 20, "major_group", rule=RULE).version == book.version
    others = [
        build(world, 21, "major_group", rule=RULE),
        build(world, 20, "division", rule=RULE),
        build(world, 20, "major_group", rule=msgspec.structs.replace(RULE, employees_max=298)),
        build(build_world(20_000, seed=12), 20, "major_group", rule=RULE),
    ]
    assert len({book.version, *(other.version for other in others)}) == 5
    assert all(level_of("industry", cell.industry) >= 1 for cell in others[1].cells)


def test_the_order_of_companies_does_not_matter(world: Population, book: Codebook) -> None:
    shuffled = np.random.default_rng(0).permutation(len(world))
    columns = {name: values[shuffled] for name, values in world.columns.items()}
    again = build(Population(world.name, True, columns, world.provenance), 20, "major_group", rule=RULE)
    assert again.cells == book.cells


def test_it_survives_the_database(book: Codebook) -> None:
    rows = json.loads(json.dumps(book.cells_as_rows()))
    header = json.loads(json.dumps(book.header_as_json()))
    again = Codebook.from_rows(book.version, header, reversed(rows))
    assert again.version == book.version and again.cells == book.cells and again.report == book.report
    assert rows[0]["key"] == encode_key(book.cells[0].key) and rows[0]["parent"] is None
    with pytest.raises(ValueError):
        Codebook.from_rows(book.version, header, rows[1:])
    with pytest.raises(ValueError):
        Codebook.from_rows(book.version, header | {"k": 5}, rows)
    with pytest.raises(ValueError):
        Codebook.from_rows(book.version, header, [{**row, "size": row["size"] + 1} for row in rows])


def test_the_report_counts_what_is_shown(world: Population, book: Codebook) -> None:
    report, assigned = book.report, book.assign(world)
    shown = [book.cells[cell] for cell in assigned[assigned != UNPLACED].tolist()]
    total = int(eligible(world, RULE).sum())
    assert (report.members, report.eligible, report.cells) == (len(world), total, len(book.cells))
    assert report.leftovers == total - len(shown)
    assert report.smallest_cell == min(cell.size for cell in book.cells)
    for attribute in ATTRIBUTES:
        counted = Counter(level_of(attribute, getattr(cell, attribute)) for cell in shown)
        expected = [counted[level] / total for level in range(len(LEVELS[attribute]))]
        assert report.levels[attribute] == pytest.approx(expected)
    useful = [
        cell
        for cell in shown
        if level_of("place", cell.place) <= 1 and len(cell.industry) == 2 and cell.revenue in LEVELS["revenue"][0]
    ]
    assert report.useful == pytest.approx(len(useful) / total)
    trades = defaultdict(Counter)
    for cell, trade in zip(assigned.tolist(), world.columns["jsic4"].tolist(), strict=True):
        trades[cell][trade] += 1
    one = sum(c.size for c in book.cells if 2 * trades[c.cell].most_common(1)[0][1] > c.size)
    assert report.one_trade == pytest.approx(one / total)


def test_progress_counts_companies_placed() -> None:
    seen: list[tuple[int, int]] = []
    book = build(build_world(3_000, 5), 20, "major_group", lambda *done: seen.append(done), RULE)
    total = book.report.eligible
    assert seen == sorted(seen) and seen[-1] == (total - book.report.leftovers, total)


def test_k_has_a_floor_and_a_small_world_no_cells(world: Population) -> None:
    with pytest.raises(ValueError):
        build(world, 4, "major_group", rule=RULE)
    nobody = build(build_world(4, 1), 5, "major_group", rule=RULE)
    assert nobody.cells == () and nobody.report.leftovers == nobody.report.eligible == 4
    assert nobody.lookup("JP-13", "09", 1980, 5, 10**8, 0.1) is None


def test_an_estimate_says_so(book: Codebook) -> None:
    assert book.header.demo and book.header.estimated
    assert book.header.population.startswith("pop-") and book.version == f"cb-{book.hash[:20]}"


GOLDEN = {
    "format": 1, "population": "pop-golden", "population_name": "golden", "demo": True, "estimated": True, "k": 20,
    "finest_industry": "major_group",
    "rule": {"valid_from": "2026-01-01", "employees_min": 1, "employees_max": 299, "independent_only": True, "sole_proprietors": True,
             "excluded_major_groups": [97, 98, 99]},
    "min_municipalities": 3, "min_detailed_industries": 3, "max_revenue_share_percent": 60,
    "losses": [["place", 30, [0, 35, 80, 100]]], "schemes": {"place": "1"}, "nodes": [[1, 0, 0, 0, 0, 0]],
    "report": {"members": 100, "eligible": 90, "cells": 1, "smallest_cell": 45, "leftovers": 0, "levels": {"place": [0.0, 1.0]},
               "useful": 1.0, "one_trade": 0.0, "information_loss": 0.1},
}  # fmt: skip


def test_a_codebook_stored_long_ago_still_has_its_version() -> None:
    """What is added to the header later is left out of the hash where an old codebook has nothing to say about it."""
    row = {"cell": 0, "node": 0, "place": "kansai", "industry": "24", "founded": "before_1970", "employees": "20_49",
           "revenue": "200_1000", "margin": "5_plus", "parent": None, "size": 45}  # fmt: skip
    assert Codebook.from_rows("cb-d791fdec6a55d82b7596", GOLDEN, [row]).k == 20
