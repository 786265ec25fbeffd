"""Who may show facts that can be looked up, and does a teaser that shows them still fit k companies?

A linkable fact (an export licence, a certificate) is shown before the name clear only if it is a column of the population:
then its holders are known, and a codebook is peeled on exactly those who hold the same facts. A company shows either none
of its facts or all of them, chooses once, and nothing says that a fact is absent (anonymisation.md section 4).

Those who stay silent have to remain a crowd as well: where fewer than k / 2 companies of a cell hold no fact, nobody of
that cell may show any. What this promises, and to whom, is argued in db/README.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec
import numpy as np

from succession.anonymity import margins
from succession.anonymity.codebook import Cell, Codebook, Profile, build
from succession.anonymity.peeling import UNPLACED
from succession.anonymity.population import Population
from succession.anonymity.vocabulary import PHRASES_MAX, vocabulary

NO_FACTS = 0


def fact_codes(population: Population) -> tuple[str, ...]:
    """The linkable facts this population holds, in the order of their bits."""
    return linkable(population.facts)


def linkable(codes: Iterable[str]) -> tuple[str, ...]:
    """Those of the codes that are linkable phrases, sorted; any other may be shown or not whoever holds it."""
    phrases = vocabulary().phrases
    return tuple(sorted(code for code in codes if code in phrases and phrases[code].linkable))


def build_fact_books(population: Population, base: Codebook,
                     progress: Callable[[int, int], None] | None = None) -> list[Codebook]:
    """A codebook for every set of facts that enough companies hold, `base` being the population's own; often none.

    Each has the base's k and tests, and is peeled on those who hold exactly its facts and may show them.
    `progress(sets done, sets)`.
    """
    sets = _sets(population, base)
    books = []
    for done, (facts, closed, among) in enumerate(sets, 1):
        book = build(population, base.k, base.header.finest_industry, rule=base.header.rule, among=among,
                     losses=base.header.losses)  # fmt: skip
        if book.cells:
            header = msgspec.structs.replace(book.header, facts=facts, base=base.version, closed=closed)
            books.append(Codebook(header, book.cells))
        if progress:
            progress(done, len(sets))
    return books


def may_show(population: Population, base: Codebook, book: Codebook) -> np.ndarray:
    """Per member of the population whether it holds exactly the facts of this book and its cell is not closed."""
    held, cells = _held(population), base.assign(population)
    return (cells != UNPLACED) & (held == _bits(population, book.header.facts)) & ~np.isin(cells, book.header.closed)


def assign_with_facts(population: Population, base: Codebook, book: Codebook) -> np.ndarray:
    """Per member the number of the cell it shows with its facts, UNPLACED where it may not show them."""
    return np.where(may_show(population, base, book), book.assign(population), UNPLACED)


def place_with_facts(base: Codebook, book: Codebook, profile: Profile) -> Cell | None:
    """The cell a company shows together with the facts of this book; None where it may not show them.

    KeyError or ValueError as `Codebook.lookup`.
    """
    silent = base.lookup(*profile)
    return None if silent is None or silent.cell in book.header.closed else book.lookup(*profile)


def _sets(population: Population, base: Codebook) -> list[tuple[tuple[str, ...], tuple[int, ...], np.ndarray]]:
    """(facts, closed cells of the base, members) of every set of facts that k companies may show."""
    codes = fact_codes(population)
    if not codes:
        return []
    held, cells, counted = _held(population), base.assign(population), _counted(population, base)
    silent = np.bincount(cells[(cells != UNPLACED) & (held == NO_FACTS) & counted], minlength=len(base.cells))
    closed = np.flatnonzero(2 * silent < base.k)
    free = (cells != UNPLACED) & ~np.isin(cells, closed)
    numbers, companies = np.unique(held[free & counted & (held != NO_FACTS)], return_counts=True)
    found = []
    for number in numbers[companies >= base.k].tolist():
        facts = tuple(_named(codes, number))
        if len(facts) <= PHRASES_MAX:
            found.append((facts, tuple(closed.tolist()), free & (held == number)))
    return sorted(found, key=lambda each: each[0])


def _counted(population: Population, base: Codebook) -> np.ndarray:
    """Which members count towards k."""
    incorporated = population.columns["legal_form"] != margins.SOLE
    return incorporated if base.header.counts_companies else np.ones(len(population), dtype=bool)


def _held(population: Population) -> np.ndarray:
    """Per member its facts as a number, one bit each."""
    held = np.zeros(len(population), dtype=np.int64)
    for bit, code in enumerate(fact_codes(population)):
        held |= population.facts[code].astype(np.int64) << bit
    return held


def _bits(population: Population, facts: tuple[str, ...]) -> int:
    return sum(1 << fact_codes(population).index(code) for code in facts)


def _named(codes: tuple[str, ...], number: int) -> Iterator[str]:
    return (code for bit, code in enumerate(codes) if number >> bit & 1)
