"""Every company of a population shows its facts, or keeps silent: who is left with fewer than k?

Without HTTP, because here every company of the population publishes. tests/http/test_linkable_facts.py is over HTTP.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import numpy as np
import pytest

from succession.anonymity.alternatives import relabelled, wider
from succession.anonymity.codebook import Codebook, build
from succession.anonymity.fact_books import assign_with_facts, build_fact_books, may_show
from succession.anonymity.margins import SOLE
from succession.anonymity.mosaic import Reference, Shown, judge
from succession.anonymity.peeling import UNPLACED
from succession.anonymity.population import FACT_PREFIX, Population, Provenance
from succession.anonymity.preview import LookAlikes
from succession.anonymity.world import build_world
from succession.codes import ATTRIBUTES

K = 20
Policy = Callable[[int], bool]


@pytest.fixture(scope="module")
def world() -> Population:
    world, rng = build_world(30_000, seed=4), np.random.default_rng(4)
    larger = world.columns["employees"] >= 10
    held = {"exports": rng.random(len(world)) < np.where(larger, 0.3, 0.1), "patents_held": rng.random(len(world)) < 0.15}
    source = {FACT_PREFIX + code: Provenance("imported", "lists made for this test", True) for code in held}
    return Population("with facts", True, world.columns, {**world.provenance, **source}, held)


@pytest.fixture(scope="module")
def base(world: Population) -> Codebook:
    return build(world, K, "major_group")


@pytest.fixture(scope="module")
def books(world: Population, base: Codebook) -> list[Codebook]:
    return build_fact_books(world, base)


GUESSES: dict[str, Policy] = {
    "always": lambda _book: True,
    "never": lambda _book: False,
    **{f"some sets {seed}": (lambda book, seed=seed: Random(f"{seed}/{book}").random() < 0.5) for seed in range(3)},
}


def _teasers(world: Population, base: Codebook, books: list[Codebook], guess: Policy) -> list[tuple | None]:
    """(codebook, cell) of what every company publishes when the holders of some sets of facts show them."""
    shown = [("base", cell) if cell != UNPLACED else None for cell in base.assign(world).tolist()]
    for number, book in enumerate(books):
        if guess(number):
            cells = assign_with_facts(world, base, book)
            for member in np.flatnonzero(cells != UNPLACED).tolist():
                shown[member] = (book.header.facts, int(cells[member]))
    return shown


def _companies(world: Population, shown: list[tuple | None]) -> Counter:
    counts = world.columns["legal_form"] != SOLE
    return Counter(each for each, counted in zip(shown, counts.tolist(), strict=True) if each and counted)


@pytest.mark.parametrize("guess", GUESSES)
def test_with_facts_k_share_a_teaser_and_without_half_of_k(world: Population, base: Codebook, books: list[Codebook], guess: str) -> None:
    count = _companies(world, _teasers(world, base, books, GUESSES[guess]))
    assert min(n for (facts, _cell), n in count.items() if facts == "base") * 2 >= K
    with_facts = [n for (facts, _cell), n in count.items() if facts != "base"]
    assert min(with_facts, default=K) >= K and (with_facts or guess != "always")
    if guess == "never":
        assert min(count.values()) >= K


def test_this_attack_sees_holders_that_leave_too_few_behind(world: Population, base: Codebook, books: list[Codebook]) -> None:
    """Without closed cells, all holders showing: somewhere fewer than k / 2 remain silent."""
    held = np.any([*world.facts.values()], axis=0)
    cells, counted = base.assign(world), world.columns["legal_form"] != SOLE
    left = np.bincount(cells[(cells != UNPLACED) & ~held & counted], minlength=len(base.cells))
    assert 2 * left.min() < K and set(np.flatnonzero(2 * left < K).tolist()) == set(books[0].header.closed)


def test_coarser_codes_beside_facts_leave_whole_cells(world: Population, base: Codebook, books: list[Codebook]) -> None:
    for book in books:
        cells = assign_with_facts(world, base, book)
        counted = cells[(cells != UNPLACED) & (world.columns["legal_form"] != SOLE)]
        labels = [tuple(relabelled(codes, {n: options[-1] for n in ("place", "industry") if (options := wider(n, codes[n]))}).values())
                  for codes in (dict(zip(ATTRIBUTES, cell.key, strict=True)) for cell in book.cells)]  # fmt: skip
        count = Counter(labels[cell] for cell in counted.tolist())
        assert min(count.values()) >= K


def test_a_single_fact_of_several_is_nobodys_teaser(world: Population, base: Codebook, books: list[Codebook]) -> None:
    """Holders of two facts who showed one of them would be told from those who hold one: nobody may."""
    both = world.facts["exports"] & world.facts["patents_held"]
    for book in books:
        if len(book.header.facts) == 1:
            assert not (may_show(world, base, book) & both).any()


def test_with_and_without_are_few_and_the_second_is_held_for_a_person(world: Population, base: Codebook, books: list[Codebook]) -> None:
    """The same company through a second intermediary, which keeps silent: what both teasers leave is counted, and held."""
    references = {base.version: Reference(base, LookAlikes.of(world, base.header.rule))}
    references |= {book.version: Reference(book, LookAlikes.of(world, book.header.rule, may_show(world, base, book))) for book in books}
    book = books[0]
    cells, silent = assign_with_facts(world, base, book), base.assign(world)
    counted = world.columns["legal_form"] != SOLE
    held = tried = 0
    for member in np.flatnonzero((cells != UNPLACED) & counted)[::97].tolist():
        loud = _shown(book, int(cells[member]))
        quiet = _shown(base, int(silent[member]))
        both = int(((cells == cells[member]) & (silent == silent[member]) & counted).sum())
        verdict = judge((loud,), (quiet,), references)
        assert verdict.candidates == both and (verdict.why == "few_candidates") == (both < K)
        tried, held = tried + 1, held + (verdict.why is not None)
    assert tried > 10 and held > tried / 2, "that is why a listing never switches"


def _shown(book: Codebook, cell: int) -> Shown:
    return Shown(book.version, cell, book.cells[cell].key, (), None)
