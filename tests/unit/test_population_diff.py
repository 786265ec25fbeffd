"""Does the comparison of two populations count what an operator needs to know?"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from succession.anonymity.codebook import Codebook, build
from succession.anonymity.fact_books import assign_with_facts, build_fact_books
from succession.anonymity.margins import SOLE
from succession.anonymity.population import COLUMNS, Population, Provenance
from succession.anonymity.population_diff import compare
from succession.anonymity.world import build_world

WORLD = build_world(12_000, 5)


@pytest.fixture(scope="module")
def book() -> Codebook:
    return build(WORLD, 20, "major_group")


def changed(change: Callable[[dict[str, np.ndarray]], None] = lambda columns: None, **provenance: Provenance) -> Population:
    columns = {name: values.copy() for name, values in WORLD.columns.items()}
    change(columns)
    return Population("changed", True, columns, {**WORLD.provenance, **provenance})


def test_the_same_population_changes_nothing(book: Codebook) -> None:
    found = compare(book, WORLD.provenance, WORLD, book, {}, {})
    assert (found.moved, found.cells_kept, found.pinned, found.thin, found.columns) == (0.0, 1.0, 0, 0, [])
    assert (found.members_before, found.eligible_before) == (found.members_after, found.eligible_after) == (12_000, book.report.eligible)


def test_moved_is_the_share_of_companies_whose_teaser_would_differ(book: Codebook) -> None:
    def west(columns: dict[str, np.ndarray]) -> None:
        columns["prefecture"][:4_000] = 27

    other = changed(west)
    after = build(other, 20, "major_group")
    found = compare(book, WORLD.provenance, other, after, {}, {})
    old, new = book.assign(other), after.assign(other)
    shown = [(a, b) for a, b in zip(old.tolist(), new.tolist(), strict=True) if a >= 0 or b >= 0]
    differ = sum(a < 0 or b < 0 or book.cells[a].key != after.cells[b].key for a, b in shown)
    assert found.moved == pytest.approx(differ / len(shown)) and 0 < found.moved < 1
    keys = {cell.key for cell in after.cells}
    assert found.cells_kept == pytest.approx(sum(cell.key in keys for cell in book.cells) / len(book.cells))


def test_a_column_is_named_when_its_provenance_changes_or_a_fact_comes(book: Codebook) -> None:
    imported = Provenance("imported", "register 2026", True)
    other = changed(founded=imported)
    other = Population("f", True, other.columns, {**other.provenance, "fact:exports": imported}, {"exports": np.ones(12_000, bool)})
    found = compare(book, WORLD.provenance, other, build(other, 20, "major_group"), {}, {})
    assert [(change.column, change.before, change.after) for change in found.columns] == [
        ("founded", WORLD.provenance["founded"], imported), ("fact:exports", None, imported),
    ]  # fmt: skip
    gone = compare(book, {**WORLD.provenance, "fact:exports": imported}, WORLD, book, {}, {})
    assert [(change.column, change.after) for change in gone.columns] == [("fact:exports", None)]


def test_published_teasers_are_counted_and_so_are_those_that_would_have_too_few_companies(book: Codebook) -> None:
    companies = WORLD.columns["legal_form"] != SOLE
    in_first, in_second = (np.flatnonzero((book.assign(WORLD) == cell) & companies) for cell in (0, 1))

    def emptied(columns: dict[str, np.ndarray]) -> None:
        columns["employees"][in_first[: len(in_first) - book.k + 1]] = 5_000  # no longer eligible: k - 1 are left

    other = changed(emptied)
    pinned = {book.version: {0: 3, 1: 4}}
    found = compare(book, WORLD.provenance, other, build(other, 20, "major_group"), pinned, {book.version: book})
    assert (found.pinned, found.thin) == (7, 3) and len(in_second) >= book.k
    older = Codebook(msgspec.structs.replace(book.header, counts_companies=False), book.cells)  # counted everybody
    assert (older.assign(other) == 0).sum() >= older.k  # with its sole proprietors
    assert compare(older, WORLD.provenance, other, book, {older.version: {0: 3}}, {older.version: older}).thin == 0
    same = compare(book, WORLD.provenance, WORLD, book, pinned, {book.version: book})
    assert (same.pinned, same.thin) == (7, 0)


def test_a_teaser_with_facts_hides_among_who_may_show_the_same() -> None:
    holders = np.arange(len(WORLD)) % 2 == 0
    known = Provenance("imported", "list of exporters", False)
    population = Population("f", True, WORLD.columns, {**WORLD.provenance, "fact:exports": known}, {"exports": holders})
    base = build(population, 20, "major_group")
    [book] = build_fact_books(population, base)
    books, pinned = {base.version: base, book.version: book}, {book.version: {0: 2}}
    assert compare(base, population.provenance, population, base, pinned, books).thin == 0
    few = np.zeros(len(WORLD), bool)
    few[np.flatnonzero(assign_with_facts(population, base, book) == 0)[:5]] = True
    fewer = Population("f", True, WORLD.columns, population.provenance, {"exports": few})
    assert compare(base, population.provenance, fewer, base, pinned, books).thin == 2
    assert compare(base, population.provenance, WORLD, base, pinned, books).thin == 2


def test_without_any_cell_nobody_moves() -> None:
    nobody = build(build_world(4, 1), 5, "major_group")
    few = build_world(4, 1)
    found = compare(nobody, few.provenance, few, nobody, {}, {})
    assert (found.moved, found.cells_kept) == (0.0, 0.0) and msgspec.to_builtins(found)


def test_every_column_has_a_provenance_to_compare() -> None:
    assert set(WORLD.provenance) == set(COLUMNS)
