"""After everything that was shown of a company, how many companies could it still be?

Pure. Each thing shown is a condition on finest keys: a cell asks that its codebook would really assign that cell (the
preimage, not merely the codes), a fact beside it asks that a code holds. What is counted are the companies of the
populations involved that meet every condition, so the languages, channels and versions something was shown in make no
difference, and what adds nothing costs nothing. Attack A19 of anonymisation.md section 5.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache, reduce
from typing import Literal, NamedTuple

import msgspec
import numpy as np

from succession.anonymity.codebook import Codebook
from succession.anonymity.nodes import Node, climb, key_numbers, number_of
from succession.anonymity.preview import FINEST, LookAlikes
from succession.codes import ANY, ATTRIBUTES, LEVELS, leaves, level_of

# Columns that are drawn are drawn anew for every version: of 40 companies counted in one draw at least 10 are there in
# another (anonymisation.md section 3: under 0.05 % of companies fall below). Never used within one version.
K_ACROSS_DRAWS = 10


class Shown(msgspec.Struct, frozen=True):
    """What one exposure says. `codebook`, `cell`: the cell by its number, None when no cell was shown; `codes` are the
    cell's, in the order of ATTRIBUTES. A teaser that says less than its cell counts as the cell (alternatives.py).

    `facts`: (attribute, code) that hold besides, at any level. `in_force`: the codebook in force that day, when what is
    said is true of that day (a publication); None when it says nothing of the day (a name, months later).
    """

    codebook: str | None
    cell: int | None
    codes: tuple[str, ...] | None
    facts: tuple[tuple[str, str], ...]
    in_force: str | None


class Reference(NamedTuple):
    """A codebook and the companies per finest key of the population it was built from."""

    codebook: Codebook
    look_alikes: LookAlikes


References = Mapping[str, Reference]
Why = Literal["few_candidates", "figures_moved"]


class Verdict(msgspec.Struct, frozen=True):
    """`candidates` after the release, `needed` of them; `why` it has to wait for a person, None when it may go."""

    candidates: int
    needed: int
    why: Why | None


def versions_of(shown: Iterable[Shown]) -> frozenset[str]:
    """The codebooks one needs to count these."""
    return frozenset(version for each in shown for version in (each.codebook, each.in_force) if version)


def judge(before: Collection[Shown], new: Collection[Shown], references: References,
          own: Mapping[str, str] | None = None) -> Verdict:
    """May `new` be shown to somebody who was shown `before`? KeyError for a codebook `references` has not.

    A release waits for a person when fewer companies than needed are left after it and it is what makes them fewer.
    `own`, the company's finest codes of today, is given when what is released is its cell of today. A cell that is no
    longer true was left *because* the figures moved, and everybody knows that rule: whoever sees both looks for a company
    that made this very move. Those are counted where the populations tell who moved; elsewhere there are none to count.
    """
    least = needed((*before, *new), references)
    outgrown = tuple(each.codes for each in before if own is not None and each.codes and not lies_in(own, each.codes))
    left = candidates((*before, *new), references, {each.in_force: outgrown for each in new} if outgrown else {})
    if outgrown:
        return Verdict(left, least, None if left >= least else "figures_moved")
    said_before = set(new) <= set(before)
    adds_nothing = said_before or (left > 0 and versions_of(before) and left >= candidates(before, references))
    return Verdict(left, least, None if left >= least or adds_nothing else "few_candidates")


def candidates(shown: Collection[Shown], references: References,
               outgrown: Mapping[str | None, Collection[Sequence[str]]] | None = None) -> int:
    """Companies that all of this could be said of. ValueError when it names no codebook, hence no population.

    Where the populations of several days say who is who, a company counts when it met each day's conditions on that day.
    Where they do not, it has to meet all of them every day, and each finest key counts as often as the population with
    fewest companies there. Populations with drawn columns are different guesses at the same companies, which share few
    finest keys; of those the smallest count is taken.

    `outgrown`: version of a codebook in force -> codes (as of cells) outside of which a company was that day.
    """
    versions = versions_of(shown)
    if not versions:
        raise ValueError("nothing shown names a population")
    days = {each.in_force or each.codebook for each in shown} - {None}
    if len({_population(day, references) for day in days}) > 1 and not _drawn_anew(versions, references) and \
            all(references[version].look_alikes.who is not None for version in versions):
        return _who_is_left(shown, days, references, outgrown or {})
    if outgrown:
        return 0
    of_population: dict[str, list[_Keys]] = {}
    for version in sorted(versions):
        keys = _keys(references[version].look_alikes, shown, references)
        of_population.setdefault(_population(version, references), []).append(keys)
    found = [reduce(_fewest, each) for each in of_population.values()]
    if _drawn_anew(versions, references):
        return min(keys.total for keys in found)
    return reduce(_fewest, found).total


def _population(version: str, references: References) -> str:
    return references[version].codebook.header.population


def needed(shown: Collection[Shown], references: References) -> int:
    """How many candidates have to be left: the k of the codebooks involved, the largest of them."""
    versions = versions_of(shown)
    largest = max(references[version].codebook.k for version in versions)
    return min(largest, K_ACROSS_DRAWS) if _drawn_anew(versions, references) else largest


def _drawn_anew(versions: Collection[str], references: References) -> bool:
    headers = [references[version].codebook.header for version in versions]
    drawn = any(header.estimated and not header.demo for header in headers)  # the demo's world is all there is of it
    return drawn and len({header.population for header in headers}) > 1


def lies_in(own: Mapping[str, str], codes: Sequence[str]) -> bool:
    """Whether a company with these finest codes lies inside a cell's codes, in the order of ATTRIBUTES."""
    return all(own[name] in leaves(name, code) for name, code in zip(ATTRIBUTES, codes, strict=True))


# --- counting by companies, where the populations tell them apart -----------------------------------------------------


def _who_is_left(shown: Collection[Shown], days: Collection[str], references: References,
                 outgrown: Mapping[str | None, Collection[Sequence[str]]]) -> int:
    said = tuple(each for each in shown if each.codebook is None)  # a fact that holds, whatever the day
    left: np.ndarray | None = None
    books = {each.codebook for each in shown if each.codebook}
    for version in sorted(book for book in books if references[book].codebook.header.facts):
        who = references[version].look_alikes.who  # on record with the facts it shows (fact_books.py)
        left = who if left is None else np.intersect1d(left, who, assume_unique=True)
    for day in sorted(days):
        look_alikes = references[day].look_alikes
        fits = np.zeros(len(look_alikes.leaves), dtype=bool)
        that_day = [each for each in shown if (each.in_force or each.codebook) == day]
        rows = _consistent(look_alikes, [*said, *that_day], references)
        fits[rows] = True
        for codes in outgrown.get(day, ()):
            fits[_inside(look_alikes, np.arange(len(fits)), zip(ATTRIBUTES, codes, strict=True))] = False
        who = look_alikes.who[fits[look_alikes.where]]
        left = who if left is None else np.intersect1d(left, who, assume_unique=True)
    return 0 if left is None else len(left)


# --- counting by finest keys ------------------------------------------------------------------------------------------


class _Keys(NamedTuple):
    """Finest keys as numbers, each once and rising, and the companies at each."""

    numbers: np.ndarray
    companies: np.ndarray

    @property
    def total(self) -> int:
        return int(self.companies.sum())


def _fewest(one: _Keys, other: _Keys) -> _Keys:
    numbers, here, there = np.intersect1d(one.numbers, other.numbers, assume_unique=True, return_indices=True)
    return _Keys(numbers, np.minimum(one.companies[here], other.companies[there]))


def _keys(look_alikes: LookAlikes, shown: Iterable[Shown], references: References) -> _Keys:
    rows = _consistent(look_alikes, shown, references)
    numbers = key_numbers(FINEST, look_alikes.leaves[rows])
    order = np.argsort(numbers)
    return _Keys(numbers[order], look_alikes.companies[rows[order]])


def _consistent(look_alikes: LookAlikes, shown: Iterable[Shown], references: References) -> np.ndarray:
    """Rows of `leaves` that everything shown could be said of."""
    shown = tuple(shown)
    cells = {(each.codebook, each.cell) for each in shown if each.codebook and each.cell is not None}
    said = {fact for each in shown for fact in each.facts}
    for version, cell in cells:
        said |= set(zip(ATTRIBUTES, references[version].codebook.cells[cell].key, strict=True))
    rows = _inside(look_alikes, np.arange(len(look_alikes.leaves)), sorted(said))  # the cheap test first
    for version, cell in cells:
        rows = rows[cells_of(references[version].codebook, look_alikes.leaves[rows]) == cell]
    return rows


def _inside(look_alikes: LookAlikes, rows: np.ndarray, codes: Iterable[tuple[str, str]]) -> np.ndarray:
    for name, code in codes:
        rows = rows[_within(name, code, look_alikes.leaves[rows])]
    return rows


def _within(name: str, code: str, rows: np.ndarray) -> np.ndarray:
    if code == ANY:
        return np.ones(len(rows), dtype=bool)
    level = level_of(name, code)
    return climb(name)[level][rows[:, ATTRIBUTES.index(name)]] == LEVELS[name][level].index(code)


UNASSIGNED = -1


def cells_of(codebook: Codebook, rows: np.ndarray) -> np.ndarray:
    """Per row of finest codes (positions, as `leaf_numbers` gives them) the number of its cell, UNASSIGNED (-1) for none."""
    found = np.full(len(rows), UNASSIGNED, dtype=np.int32)
    pool = np.arange(len(rows))
    for node, numbers, cells in _walk(codebook):
        if not len(pool):
            break
        wanted = key_numbers(node, rows[pool])
        place = np.minimum(np.searchsorted(numbers, wanted), len(numbers) - 1)
        hit = numbers[place] == wanted
        found[pool[hit]] = cells[place[hit]]
        pool = pool[~hit]
    return found


@lru_cache(maxsize=8)
def _walk(codebook: Codebook) -> tuple[tuple[Node, np.ndarray, np.ndarray], ...]:
    """Node by node, in the order of the walk: its published keys as numbers, rising, and the cell of each."""
    published: dict[int, list[tuple[int, int]]] = {}
    for cell in codebook.cells:
        published.setdefault(cell.node, []).append((number_of(codebook.nodes[cell.node], cell.key), cell.cell))
    found = []
    for position in sorted(published):
        numbers, cells = zip(*sorted(published[position]), strict=True)
        found.append((codebook.nodes[position], np.array(numbers, dtype=np.int64), np.array(cells, dtype=np.int32)))
    return tuple(found)
