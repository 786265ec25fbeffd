"""Do companies that show facts, and those that stay silent, each remain a crowd?"""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from succession.anonymity.codebook import Codebook, Profile, build
from succession.anonymity.fact_books import assign_with_facts, build_fact_books, may_show, place_with_facts
from succession.anonymity.margins import SOLE
from succession.anonymity.peeling import UNPLACED
from succession.anonymity.population import FACT_PREFIX, Population, Provenance, eligible
from succession.anonymity.preview import LookAlikes
from succession.anonymity.vocabulary import vocabulary
from succession.anonymity.world import build_world
from succession.codes import ATTRIBUTES

K = 10
FACTS = ("exports", "food_safety_certificate", "quality_management_certificate")


def with_facts(world: Population, seed: int = 1) -> Population:
    """The world with three imported facts that go with trade and size, as they do in life."""
    rng, column = np.random.default_rng(seed), world.columns
    maker, food = (column["jsic2"] >= 9) & (column["jsic2"] <= 32), np.isin(column["jsic2"], (9, 10, 58, 76))
    larger = column["employees"] >= 10
    held = {
        "exports": rng.random(len(world)) < np.where(maker & larger, 0.5, 0.02),
        "food_safety_certificate": food & (rng.random(len(world)) < 0.4),
        "quality_management_certificate": rng.random(len(world)) < np.where(larger, 0.25, 0.01),
    }
    source = {FACT_PREFIX + code: Provenance("imported", "a list made for this test", True) for code in held}
    return Population(f"{world.name} with facts", True, world.columns, {**world.provenance, **source}, held)


@pytest.fixture(scope="module")
def world() -> Population:
    return with_facts(build_world(20_000, seed=11))


@pytest.fixture(scope="module")
def base(world: Population) -> Codebook:
    return build(world, K, "major_group")


@pytest.fixture(scope="module")
def books(world: Population, base: Codebook) -> list[Codebook]:
    return build_fact_books(world, base)


def _profile(population: Population, member: int) -> Profile:
    row = {name: values[member] for name, values in population.columns.items()}
    return Profile(f"JP-{row['prefecture']:02}", f"{row['jsic2']:02}", int(row["founded"]), int(row["employees"]),
                   int(row["revenue_yen"]), float(row["operating_margin"]))  # fmt: skip


def _facts(population: Population, member: int) -> tuple[str, ...]:
    return tuple(code for code in FACTS if population.facts[code][member])


def _company(population: Population, member: int) -> bool:
    return population.columns["legal_form"][member] != SOLE


def test_there_are_books_for_single_facts_and_for_several_together(books: list[Codebook], base: Codebook) -> None:
    assert {("exports",), ("food_safety_certificate",)} <= {book.header.facts for book in books}
    assert any(len(book.header.facts) > 1 for book in books), "holders of two facts are a set of their own"
    assert len({book.version for book in books} | {base.version}) == len(books) + 1
    assert all(book.header.base == base.version and book.k == base.k and len(book.header.closed) > 0 for book in books)


def test_whoever_recomputes_every_teaser_with_facts_finds_k(world: Population, base: Codebook, books: list[Codebook]) -> None:
    """Each company shows all its facts where it may: the preimage of every (facts, cell), company by company."""
    by_facts = {book.header.facts: book for book in books}
    shown: Counter = Counter()
    members = defaultdict(list)
    for member in np.flatnonzero(eligible(world, base.header.rule)).tolist():
        book = by_facts.get(_facts(world, member))
        cell = book and place_with_facts(base, book, _profile(world, member))
        if cell:
            shown[book.header.facts, cell.key] += _company(world, member)
            members[book.header.facts, cell.key].append(member)
    assert len(shown) > 20 and min(shown.values()) >= K
    assert set(shown) == {(book.header.facts, cell.key) for book in books for cell in book.cells}
    for rows in members.values():
        revenue = world.columns["revenue_yen"][rows]
        assert len(set(world.columns["municipality"][rows].tolist())) >= 3
        assert len(set(world.columns["jsic4"][rows].tolist())) >= 3
        assert 10 * revenue.max() <= 6 * revenue.sum()


def test_looking_up_is_the_assignment_for_every_holder(world: Population, base: Codebook, books: list[Codebook]) -> None:
    for book in books:
        assigned, may = assign_with_facts(world, base, book), may_show(world, base, book)
        assert (assigned != UNPLACED).sum() == sum(cell.size for cell in book.cells) > 0
        for member in np.flatnonzero(eligible(world, base.header.rule))[::7].tolist():
            holds = _facts(world, member) == book.header.facts
            assert not may[member] or holds
            cell = place_with_facts(base, book, _profile(world, member)) if holds else None
            assert (cell.cell if cell else UNPLACED) == assigned[member]


def test_when_every_holder_shows_what_it_may_the_silent_of_each_cell_are_half_of_k(
        world: Population, base: Codebook, books: list[Codebook]) -> None:
    cells, companies = base.assign(world), world.columns["legal_form"] != SOLE
    showing = np.zeros(len(world), dtype=bool)
    for book in books:
        showing |= assign_with_facts(world, base, book) != UNPLACED
    silent = np.bincount(cells[(cells != UNPLACED) & ~showing & companies], minlength=len(base.cells))
    assert showing.sum() > 300 and (2 * silent >= K).all()
    holders = np.bincount(cells[(cells != UNPLACED) & showing & companies], minlength=len(base.cells))
    assert (holders[list(books[0].header.closed)] == 0).all()
    # This check can fail: without closed cells, holders could leave fewer.
    held = sum(world.facts[code].astype(int) for code in FACTS) > 0
    left = np.bincount(cells[(cells != UNPLACED) & ~held & companies], minlength=len(base.cells))
    assert (2 * left < K).any()


def test_nobody_of_a_closed_cell_may_show_a_fact(world: Population, base: Codebook, books: list[Codebook]) -> None:
    cells = base.assign(world)
    book = books[0]
    tried = 0
    for member in np.flatnonzero(np.isin(cells, book.header.closed)).tolist():
        if _facts(world, member) == book.header.facts:
            tried += book.lookup(*_profile(world, member)) is not None
            assert place_with_facts(base, book, _profile(world, member)) is None
    assert tried, "its own codebook would have had a cell for some of them"


def test_the_book_of_everybody_is_the_one_there_would_be_without_facts(world: Population, base: Codebook) -> None:
    plain = Population(world.name, True, world.columns, {name: world.provenance[name] for name in world.columns})
    assert build(plain, K, "major_group").cells == base.cells and build_fact_books(plain, base) == []
    assert "facts" not in base.header_as_json() and base.header.closed == ()


def test_look_alikes_are_counted_among_those_who_may_show_the_facts(world: Population, base: Codebook, books: list[Codebook]) -> None:
    for book in books:
        counted = LookAlikes.of(world, base.header.rule, may_show(world, base, book))
        everybody = counted.count(dict.fromkeys(ATTRIBUTES, "any"))
        assert everybody == (may_show(world, base, book) & (world.columns["legal_form"] != SOLE)).sum() < base.report.eligible


def test_a_column_of_what_nobody_can_look_up_makes_no_set(world: Population, books: list[Codebook]) -> None:
    more = {"steady_quality": ~world.facts["exports"], "no_such_phrase": world.facts["exports"]}
    source = {FACT_PREFIX + code: Provenance("imported", "test", True) for code in more}
    odd = Population(world.name, True, world.columns, {**world.provenance, **source}, {**world.facts, **more})
    again = build_fact_books(odd, build(odd, K, "major_group"))
    assert [(book.header.facts, book.cells) for book in again] == [(book.header.facts, book.cells) for book in books]


def test_they_survive_the_database_and_their_version_covers_facts_and_closed_cells(books: list[Codebook]) -> None:
    book = books[0]
    again = Codebook.from_rows(book.version, book.header_as_json(), book.cells_as_rows())
    assert again.header == book.header
    for changed in ({"facts": ["exports", "public_award"]}, {"closed": []}, {"base": "cb-other"}):
        with pytest.raises(ValueError):
            Codebook.from_rows(book.version, book.header_as_json() | changed, book.cells_as_rows())


def test_linkable_phrases_pass_when_they_are_exactly_the_facts_of_the_codebook() -> None:
    words = vocabulary()

    def rules(codes: tuple[str, ...], facts: tuple[str, ...]) -> list[str]:
        return [problem.rule for problem in words.permitted(codes, facts)]

    assert rules(("exports", "steady_quality"), ("exports",)) == [] == rules(("steady_quality",), ())
    assert rules(("exports",), ()) == ["linkable"] == rules(("exports", "patents_held"), ("exports",))
    assert rules(("steady_quality",), ("exports",)) == ["facts"] == rules(("exports",), ("exports", "patents_held"))
    assert rules(("press_coverage",), ("exports",)) == ["linkable", "facts"]
