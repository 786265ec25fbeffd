"""After everything shown of a company, is the number of companies it could still be the right one?"""

from __future__ import annotations

from random import Random

import msgspec
import numpy as np
import pytest

from market_world import demo_codebook, demo_world
from succession.anonymity.codebook import Codebook, build
from succession.anonymity.mosaic import K_ACROSS_DRAWS, Reference, Shown, candidates, cells_of, judge, lies_in, needed, versions_of
from succession.anonymity.nodes import leaf_numbers
from succession.anonymity.population import eligible
from succession.anonymity.preview import LookAlikes
from succession.codes import ATTRIBUTES, LEVELS, ancestors, leaves
from tiny_codebook import EVERYTHING, one_cell


@pytest.fixture(scope="module")
def book() -> Codebook:
    return demo_codebook()


@pytest.fixture(scope="module")
def references(book) -> dict[str, Reference]:
    return {book.version: Reference(book, LookAlikes.of(demo_world(), book.header.rule))}


def of_cell(book: Codebook, cell: int, in_force: str | None = None, **facts: str) -> Shown:
    return Shown(book.version, cell, book.cells[cell].key, tuple(sorted(facts.items())), in_force)


def named(**facts: str) -> Shown:
    return Shown(None, None, None, tuple(sorted(facts.items())), None)


@pytest.fixture(scope="module")
def companies(book, references) -> list[tuple[dict[str, str], int, int | None]]:
    """(finest codes, companies there, their cell) in the plainest way: strings, and the codebook walked node by node."""
    found = []
    look_alikes = references[book.version].look_alikes
    for row, count in zip(look_alikes.leaves, look_alikes.companies, strict=True):
        own = {name: LEVELS[name][0][position] for name, position in zip(ATTRIBUTES, row, strict=True)}
        found.append((own, int(count), walked(book, own)))
    return found


def walked(book: Codebook, own: dict[str, str]) -> int | None:
    chain = {name: (own[name], *ancestors(name, own[name])) for name in ATTRIBUTES}
    for node in book.nodes:
        cell = book.cell_at(tuple(chain[name][level] for name, level in zip(ATTRIBUTES, node, strict=True)))
        if cell is not None:
            return cell.cell
    return None


def test_walking_finest_keys_assigns_what_the_build_assigned(book):
    members = np.flatnonzero(eligible(demo_world(), book.header.rule))
    assert (cells_of(book, leaf_numbers(demo_world(), members)) == book.assign(demo_world())[members]).all()


def test_a_cell_is_counted_by_its_preimage_and_a_fact_beside_it_narrows_it(book, references, companies):
    rng = Random(5)
    coarse = [cell.cell for cell in book.cells if not cell.place.startswith("JP-")]
    nominal = 0
    picked = rng.sample(coarse, 8)
    for cell in picked:
        place = rng.choice(sorted(leaves("place", book.cells[cell].place)))
        here = [(own, count) for own, count, of in companies if of == cell]
        assert candidates([of_cell(book, cell)], references) == sum(count for _own, count in here) >= book.k
        assert candidates([of_cell(book, cell), named(place=place)], references) == sum(n for own, n in here if own["place"] == place)
    codes = [dict(zip(ATTRIBUTES, book.cells[cell].key, strict=True)) for cell in picked]
    nominal = [references[book.version].look_alikes.count(each) for each in codes]
    assert sum(nominal) > sum(candidates([of_cell(book, cell)], references) for cell in picked), "codes alone would count too many"


def test_the_order_and_the_number_of_showings_make_no_difference(book, references):
    one, fact = of_cell(book, 7), named(place=sorted(leaves("place", book.cells[7].place))[0])
    assert candidates([one, fact, one, one], references) == candidates([fact, one], references)
    assert candidates([of_cell(book, 7), of_cell(book, 8)], references) == 0, "a company has one cell"


def test_what_leaves_too_few_waits_and_what_adds_nothing_goes(book, references):
    cell = next(c.cell for c in book.cells if c.place in LEVELS["place"][1] and c.size < 40)
    shown = of_cell(book, cell, book.version)
    place = min(sorted(leaves("place", book.cells[cell].place)), key=lambda code: candidates([shown, named(place=code)], references))
    few = candidates([shown, named(place=place)], references)
    assert few < book.k
    assert judge([], [shown], references).why is None
    assert judge([shown], [shown], references).why is None
    assert (verdict := judge([shown], [named(place=place)], references)).why == "few_candidates"
    assert (verdict.candidates, verdict.needed) == (few, book.k)
    assert judge([shown, named(place=place)], [shown], references).why is None, "everybody knows it already"
    assert judge([shown], [named(place=book.cells[cell].place)], references).why is None, "the teaser says so"


def test_a_cell_that_was_left_because_the_figures_moved_leaves_nobody_to_hide_among(book, references):
    first = book.cells[3]
    second = next(c for c in book.cells if not set(leaves("revenue", c.revenue)) & set(leaves("revenue", first.revenue)))
    own = {name: sorted(leaves(name, code))[0] for name, code in zip(ATTRIBUTES, second.key, strict=True)}
    assert not lies_in(own, first.key) and lies_in(own, second.key)
    verdict = judge([of_cell(book, first.cell)], [of_cell(book, second.cell)], references, own)
    assert (verdict.why, verdict.candidates) == ("figures_moved", 0)
    assert judge([of_cell(book, second.cell)], [of_cell(book, second.cell)], references, own).why is None


def test_figures_that_moved_are_noticed_also_where_the_two_cells_overlap(book, references):
    """Counted by finest keys alone an overlap could look harmless, but only a company that moved shows these two."""
    cell = next(c for c in book.cells if c.employees == "1_19" and c.size > 60)
    own = dict(zip(ATTRIBUTES, (sorted(leaves(n, code))[0] for n, code in zip(ATTRIBUTES, cell.key, strict=True)), strict=True))
    own["employees"] = "20_49"
    wide, look_alikes = one_cell(EVERYTHING, "wide")
    both = references | {wide.version: Reference(wide, look_alikes)}
    new = Shown(wide.version, 0, wide.cells[0].key, (), None)
    assert judge([of_cell(book, cell.cell)], [new], both, own).why == "figures_moved"


def test_nothing_left_to_count_is_no_free_pass(book, references):
    contradictory = [of_cell(book, 3), of_cell(book, 4)]
    assert judge(contradictory, [named(place="JP-13")], references).why == "few_candidates"
    with pytest.raises(ValueError):
        judge([], [named(place="JP-13")], references)
    with pytest.raises(KeyError):
        judge([], [Shown("cb-gone", 0, None, (), None)], references)


def drawn(book: Codebook, population: str) -> Codebook:
    header = msgspec.structs.replace(book.header, population=population, demo=False, estimated=True, k=40)
    return Codebook(header, book.cells)


def test_two_draws_of_one_population_are_compared_by_their_sums_and_ask_for_ten():
    """Where columns are drawn, finest keys of two versions have nothing to do with each other."""
    book, first = one_cell(EVERYTHING, "draw one")
    second = LookAlikes(first.leaves - np.array([0, 0, 0, 1, 0, 0], dtype=np.int16), first.companies // 3)
    one, two = drawn(book, "draw one"), drawn(book, "draw two")
    references = {one.version: Reference(one, first), two.version: Reference(two, second)}
    shown = Shown(one.version, 0, one.cells[0].key, (), two.version)
    assert versions_of([shown]) == {one.version, two.version}
    assert candidates([shown, named(place="JP-13")], references) == 16, "the smaller sum, not the sum of the smaller"
    assert needed([shown], references) == K_ACROSS_DRAWS
    assert needed([Shown(one.version, 0, None, (), one.version)], references) == 40


def test_of_an_imported_population_each_finest_key_counts_as_often_as_on_its_poorest_day():
    book, first = one_cell(EVERYTHING, "day one", demo=False)
    other = Codebook(msgspec.structs.replace(book.header, population="day two"), book.cells)
    half = LookAlikes(first.leaves, np.where(first.leaves[:, 0] < 20, 0, first.companies).astype(np.int32))
    moved = LookAlikes(first.leaves - np.array([0, 0, 0, 1, 0, 0], dtype=np.int16), first.companies)
    shown = Shown(book.version, 0, book.cells[0].key, (), other.version)
    for look_alikes, left in ((first, 47 * 50), (half, 27 * 50), (moved, 0)):
        references = {book.version: Reference(book, first), other.version: Reference(other, look_alikes)}
        assert candidates([shown], references) == left
        assert judge([], [shown], references).why == (None if left else "few_candidates")


def test_a_codebook_that_says_less_of_everything_can_be_counted_with_any_other(references, book):
    coarse = build(demo_world(), 200, "division")
    both = references | {coarse.version: Reference(coarse, references[book.version].look_alikes)}
    for cell in book.cells[:10]:
        pairs = {int(number) for number in cells_of(coarse, _rows_of(book, cell.cell, references))}
        counted = [candidates([of_cell(book, cell.cell), of_cell(coarse, other)], both) for other in pairs if other >= 0]
        assert sum(counted) <= candidates([of_cell(book, cell.cell)], both)


def _rows_of(book, cell, references):
    rows = references[book.version].look_alikes.leaves
    return rows[cells_of(book, rows) == cell]
