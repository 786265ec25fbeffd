"""Can an attacker with everything published work a hidden cell out? An independent solver tries."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from succession.metrics import definitions, suppression
from succession.metrics.suppression import TOTAL, Key, Published, projected, suppress_amounts, suppress_counts

# -- the attacker: knows the published cells and that counts are whole and not negative --------------------------------

def equations(table: Published) -> list[tuple[Key, list[Key]]]:
    """(margin, parts) for every margin shown or hidden; a table of three axes sums the pair as one."""
    groups = [table.axes[:1], table.axes[1:]] if len(table.axes) > 1 else [table.axes]
    values = [[*product(*group), (TOTAL,) * len(group)] for group in groups]
    found = []
    for n, group in enumerate(values):
        for rest in product(*(values[m] for m in range(len(values)) if m != n)):
            def key(part: tuple[str, ...], n: int = n, rest: tuple = rest) -> Key:
                pieces = [*rest[:n], part, *rest[n:]]
                return tuple(code for piece in pieces for code in piece)
            found.append((key(group[-1]), [key(part) for part in group[:-1]]))
    return found


class Attacker:
    def __init__(self, table: Published, ceiling: int = 60) -> None:  # larger than any total in the small tables
        self.ceiling = ceiling
        self.hidden = [key for key, value in table.cells.items() if value is None]
        self.sums: list[tuple[list[tuple[Key, int]], int]] = []  # sum of sign * unknown == constant
        for margin, parts in equations(table):
            terms = [(part, 1) for part in parts] + [(margin, -1)]
            constant = -sum(sign * table.cells[key] for key, sign in terms if table.cells[key] is not None)
            self.sums.append(([(key, sign) for key, sign in terms if table.cells[key] is None], constant))

    def bounds(self, known: Mapping[Key, int]) -> dict[Key, tuple[int, int]] | None:
        """Interval propagation; None if nothing fits."""
        box = {key: (known[key], known[key]) if key in known else (0, self.ceiling) for key in self.hidden}
        changed = True
        while changed:
            changed = False
            for terms, constant in self.sums:
                low = sum(box[k][0] if s > 0 else -box[k][1] for k, s in terms)
                high = sum(box[k][1] if s > 0 else -box[k][0] for k, s in terms)
                if not low <= constant <= high:
                    return None
                for key, sign in terms:
                    a, b = box[key]
                    term = (a, b) if sign > 0 else (-b, -a)
                    rest = (constant - (high - term[1]), constant - (low - term[0]))
                    term = (max(term[0], rest[0]), min(term[1], rest[1]))
                    if term[0] > term[1]:
                        return None
                    new = term if sign > 0 else (-term[1], -term[0])
                    if new != (a, b):
                        low, high = low - (a if sign > 0 else -b) + term[0], high - (b if sign > 0 else -a) + term[1]
                        box[key], changed = new, True
        return box

    def fits(self, known: dict[Key, int]) -> bool:
        """Whether some whole table agrees with everything published and with `known`: search with propagation."""
        box = self.bounds(known)
        if box is None:
            return False
        unsettled = [key for key, (a, b) in box.items() if a < b]
        if not unsettled:
            return True
        key = min(unsettled, key=lambda k: box[k][1] - box[k][0])
        return any(self.fits(known | {key: value}) for value in range(box[key][0], box[key][1] + 1))


def every_key(table: Published, cells: Mapping[Key, int]) -> Iterator[tuple[Key, int]]:
    """Every published or hidden key with its true value, margins added up here once more."""
    for key in table.cells:
        yield key, sum(v for k, v in cells.items() if all(a in (TOTAL, b) for a, b in zip(key, k, strict=True)))


def assert_safe(table: Published, cells: Mapping[Key, int]) -> None:
    attacker = Attacker(table)
    for key, true in every_key(table, cells):
        shown = table.cells[key]
        if shown is not None:
            assert shown == true >= 5, key
        elif true < 5:
            assert all(attacker.fits({key: value}) for value in range(5)), (key, true)
        else:
            assert attacker.fits({key: true - 1}) or attacker.fits({key: true + 1}), (key, true)


def named(lengths: list[int]) -> list[list[str]]:
    return [[f"{'abc'[n]}{i}" for i in range(length)] for n, length in enumerate(lengths)]


tables = st.sampled_from([[1], [2], [3], [5], [1, 1], [1, 3], [3, 1], [2, 2], [2, 3], [3, 3], [4, 3], [2, 2, 2],
                          [2, 3, 2]])
values = st.one_of(st.integers(0, 3), st.integers(0, 9), st.just(0))


@st.composite
def small_tables(draw: st.DrawFn) -> tuple[list[list[str]], dict[Key, int]]:
    axes = named(draw(tables))
    cells = {key: draw(values) for key in product(*axes)}
    scale = max(1, -(-sum(cells.values()) // 40))
    return axes, {key: value // scale for key, value in cells.items()}


@settings(max_examples=100, deadline=None)
@given(small_tables())
def test_no_hidden_cell_of_a_small_table_can_be_narrowed_within_zero_to_four(case):
    axes, cells = case
    table = suppress_counts(axes, cells)
    assert_safe(table, cells)
    assert table.withheld == (sum(cells.values()) < 5)  # from five on, every cell can be protected by some purchase


def test_the_attacker_beats_plain_hiding_of_small_cells():
    axes = named([2, 3])
    cells = dict(zip(product(*axes), [3, 10, 20, 7, 9, 11], strict=True))
    full = suppress_counts(axes, {key: value + 100 for key, value in cells.items()})
    naive = Published(full.axes, {key: true if true >= 5 else None for key, true in every_key(full, cells)}, False)
    attacker = Attacker(naive)
    assert [value for value in range(5) if attacker.fits({("a0", "b0"): value})] == [3]
    with pytest.raises(AssertionError):
        assert_safe(naive, cells)


def test_the_attacker_beats_a_second_cell_that_holds_too_little():
    full = suppress_counts([["x", "y", "z"]], {("x",): 9, ("y",): 9, ("z",): 9})
    cells = {("x",): 0, ("y",): 0, ("z",): 9}
    weak = Published(full.axes, {("x",): None, ("y",): None, ("z",): 9, (TOTAL,): 9}, False)
    with pytest.raises(AssertionError):  # both must be zero
        assert_safe(weak, cells)
    assert suppress_counts([["x", "y", "z"]], cells).cells == {("x",): None, ("y",): None, ("z",): None, (TOTAL,): 9}


# -- particular tables -------------------------------------------------------------------------------------------------


def test_a_safe_table_is_shown_whole():
    table = suppress_counts([["x", "y"], ["p", "q"]], dict(zip(product("xy", "pq"), [5, 6, 7, 8], strict=True)))
    assert None not in table.cells.values() and not table.withheld
    assert table.cells["x", TOTAL] == 11 and table.cells[TOTAL, "q"] == 14 and table.cells[TOTAL, TOTAL] == 26


def test_one_small_cell_takes_a_rectangle_of_the_cheapest():
    axes = [["x", "y", "z"], ["p", "q", "r"]]
    cells = dict(zip(product(*axes), [2, 40, 30, 60, 70, 80, 8, 50, 9], strict=True))
    table = suppress_counts(axes, cells)
    assert {key for key, value in table.cells.items() if value is None} == set(product("xz", "pr"))


@pytest.mark.parametrize("total", [0, 1, 4])
def test_under_the_limit_not_even_the_total_is_shown(total):
    table = suppress_counts([["x", "y"]], {("x",): total})
    assert table.withheld and set(table.cells.values()) == {None}


def test_a_total_of_five_in_one_place_shows_the_total_and_hides_the_place():
    table = suppress_counts([["x", "y"]], {("x",): 5})
    assert table.cells == {("x",): None, ("y",): None, (TOTAL,): 5}


def test_a_zero_is_as_hidden_as_a_four():
    def pattern(value: int) -> set[Key]:
        table = suppress_counts([["x", "y", "z"]], {("x",): value, ("y",): 20, ("z",): 30})
        return {key for key, shown in table.cells.items() if shown is None}
    assert pattern(0) == pattern(4) == {("x",), ("y",)}


def test_rows_exist_whether_or_not_anything_was_counted():
    table = suppress_counts([["x", "y", "never"]], {("x",): 9, ("y",): 9})
    assert table.cells["never",] is None


@pytest.mark.parametrize(("axes", "cells"), [
    ([], {}), ([["x"], ["p"], ["q"], ["r"]], {}), ([[]], {}), ([["x", "x"]], {}), ([["x", TOTAL]], {}),
    ([["x"]], {("x",): -1}), ([["x"]], {("y",): 9}), ([[str(n) for n in range(20_001)]], {})])
def test_what_is_not_a_table_is_refused(axes, cells):
    with pytest.raises(ValueError, match=r"axes|axis"):
        suppress_counts(axes, cells)


def test_the_grand_total_is_never_paid_for_a_cell_so_tables_over_other_axes_may_show_it():
    chance = random.Random(7)
    for _ in range(60):
        axes = named([4, 4])
        cells = {key: chance.choice([0, 0, 1, 3, 6, 9]) for key in product(*axes)}
        total = sum(cells.values())
        for shape in (axes, axes[:1]):
            margin = {key: v for key, v in cells.items()} if len(shape) == 2 else {
                (a,): sum(cells[a, b] for b in axes[1]) for a in axes[0]}
            shown = suppress_counts(shape, margin).cells[(TOTAL,) * len(shape)]
            assert shown == (total if total >= 5 else None)


def test_hiding_depends_on_nothing_but_the_table():
    axes = named([4, 4])
    chance = random.Random(3)
    cells = {key: chance.choice([0, 2, 6, 12]) for key in product(*axes)}
    shuffled = list(cells.items())
    chance.shuffle(shuffled)
    assert suppress_counts(axes, dict(shuffled)) == suppress_counts(axes, cells)


def test_margins_of_a_published_table_are_read_from_it():
    axes = [["x", "y"], ["p", "q"]]
    table = suppress_counts(axes, dict(zip(product(*axes), [2, 30, 40, 50], strict=True)))
    assert projected(table, {0}) == {("x",): 32, ("y",): 90}
    assert projected(table, {1}) == {("p",): 42, ("q",): 80}
    assert projected(table, set()) == {(): 122}
    assert projected(table, {0, 1})["x", "p"] is None


@pytest.mark.parametrize("mean", [0.3, 8])
def test_a_national_table_is_done_in_seconds_and_hides_little_more_than_it_must(mean):
    chance = random.Random(1)
    axes = [list(definitions.AXES["prefecture"]), list(definitions.AXES["division"])]
    weight = {code: chance.paretovariate(1.2) for axis in axes for code in axis}
    scale = mean * 940 / (sum(weight[r] for r in axes[0]) * sum(weight[c] for c in axes[1]))
    cells = {(r, c): int(chance.expovariate(1 / (scale * weight[r] * weight[c] + 1e-9))) for r, c in product(*axes)}
    start = time.perf_counter()
    table = suppress_counts(axes, cells)
    assert time.perf_counter() - start < 10
    assert not table.withheld
    small = [key for key, true in every_key(table, cells) if true < 5]
    hidden = [key for key, value in table.cells.items() if value is None]
    assert set(small) <= set(hidden) and len(hidden) <= len(small) * 1.3 + 4
    box = Attacker(table, sum(cells.values())).bounds({})
    assert all(box[key][0] == 0 and box[key][1] >= 4 for key in small)


# -- amounts -----------------------------------------------------------------------------------------------------------


@st.composite
def small_amounts(draw: st.DrawFn) -> tuple[list[list[str]], dict[Key, int], dict[Key, int]]:
    axes = named(draw(st.sampled_from([[2], [4], [2, 2], [3, 3]])))
    counts = {key: draw(st.integers(0, 9)) for key in product(*axes)}
    return axes, counts, {key: draw(st.integers(0, 6)) if n else 0 for key, n in counts.items()}


@settings(max_examples=80, deadline=None)
@given(small_amounts())
def test_an_amount_is_shown_only_beside_its_count_and_never_follows_from_the_rest(case):
    axes, counts, amounts = case
    counted = suppress_counts(axes, counts)
    table = suppress_amounts(amounts, counts, counted)
    attacker = Attacker(table)
    people, total = dict(every_key(table, counts)), sum(amounts.values())
    usual = max(total // max(sum(counts.values()), 1), 1)
    for key, true in every_key(table, amounts):
        if table.cells[key] is not None:
            assert table.cells[key] == true
            assert people[key] >= 3 and counted.cells[key] is not None
        elif people[key] < 3 and not table.withheld:
            assert attacker.fits({key: 0}), key
            assert attacker.fits({key: min(total, true + max(true // 2, usual))}), key
        elif not table.withheld and total > 1:
            assert attacker.fits({key: true - 1}) or attacker.fits({key: true + 1}), key


def test_two_contributors_hide_an_amount_and_so_does_a_hidden_count():
    axes = [["x", "y", "z", "w"]]
    counts = {("x",): 2, ("y",): 6, ("z",): 9, ("w",): 30}
    amounts = {("x",): 200, ("y",): 600, ("z",): 900, ("w",): 3_000}
    counted = suppress_counts(axes, counts)
    table = suppress_amounts(amounts, counts, counted)
    assert {key for key, value in counted.cells.items() if value is None} == {("x",), ("y",)}
    assert table.cells == {("x",): None, ("y",): None, ("z",): 900, ("w",): 3_000, (TOTAL,): 4_700}


def test_no_amount_is_shown_where_the_counts_are_withheld():
    counted = suppress_counts([["x", "y"]], {("x",): 4})
    assert set(suppress_amounts({("x",): 10**9}, {("x",): 4}, counted).cells.values()) == {None}


def test_amounts_outside_the_counted_table_are_refused():
    counted = suppress_counts([["x", "y"]], {("x",): 9, ("y",): 9})
    with pytest.raises(ValueError, match="outside"):
        suppress_amounts({("z",): 1}, {}, counted)


# -- the fixed tables --------------------------------------------------------------------------------------------------


def test_every_offered_shape_has_exactly_one_cube_and_others_are_refused():
    names = [*definitions.AXES, "owner_age", "day"]
    for resource in ("funnel", "stages", "breakdown"):
        offered = {frozenset(shape) for shape in definitions.shapes(resource)}
        assert len(offered) == len(definitions.shapes(resource))
        for by in [(), *((a,) for a in names), *product(names, names), *product(names, names, names)]:
            if frozenset(by) in offered and len(set(by)) == len(by):
                assert set(by) <= set(definitions.find_cube(resource, by).axes)
            else:
                with pytest.raises(definitions.UnknownShape) as caught:
                    definitions.find_cube(resource, by)
                assert caught.value.offered == definitions.shapes(resource)
    assert definitions.shapes("anything") == ()


def test_cubes_of_one_resource_share_no_axis_so_only_the_total_links_them():
    for resource in ("funnel", "stages", "breakdown"):
        axes = [axis for cube in definitions.CUBES if cube.resource == resource for axis in cube.axes]
        assert len(axes) == len(set(axes))
    assert len({cube.name for cube in definitions.CUBES}) == len(definitions.CUBES)


def test_axes_are_complete():
    assert [len(definitions.AXES[a]) for a in ("prefecture", "division", "revenue_band")] == [47, 20, 4]
    for cube in definitions.CUBES:
        suppress_counts(definitions.axis_values(cube), {})


MONTHLY = next(c for c in definitions.CUBES if c.every_months == 1)
QUARTERLY = next(c for c in definitions.CUBES if c.every_months == 3)


@pytest.mark.parametrize(("today", "open_"), [
    (date(2026, 11, 1), True), (date(2026, 11, 30), True), (date(2026, 12, 1), False)])
def test_a_month_is_open_until_its_last_day_is_over(today, open_):
    assert definitions.is_open(date(2026, 11, 1), today) is open_
    assert definitions.publishes(MONTHLY, date(2026, 11, 1), today) is not open_


def test_stocks_are_published_for_quarter_ends_only():
    today, first = date(2027, 1, 1), date(2026, 5, 17)
    assert definitions.closed_months(QUARTERLY, first, today) == [date(2026, m, 1) for m in (6, 9, 12)]
    months = definitions.closed_months(MONTHLY, first, today)
    assert months[0] == date(2026, 5, 1) and months[-1] == date(2026, 12, 1)
    assert all(definitions.add_months(a, 1) == b for a, b in pairwise(months))
    assert definitions.closed_months(MONTHLY, date(2027, 1, 1), today) == []
    assert not definitions.publishes(MONTHLY, date(2026, 5, 2), today)
