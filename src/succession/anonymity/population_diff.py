"""What would change if this population and its codebook took the place of those in force?"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from succession.anonymity.codebook import Codebook
from succession.anonymity.fact_books import assign_with_facts
from succession.anonymity.margins import SOLE
from succession.anonymity.peeling import UNPLACED
from succession.anonymity.population import Population, Provenance


class ColumnChange(msgspec.Struct, frozen=True):
    """A column, or a fact, whose provenance changes; None where it is not there."""

    column: str
    before: Provenance | None
    after: Provenance | None


class Difference(msgspec.Struct, frozen=True):
    """From the population and codebook in force to the new ones. Shares are 0 to 1.

    `moved`: of the new population's companies that have a teaser under either codebook, those whose teaser would show
    another cell. `cells_kept`: of the old cells, those that are cells again, with the same codes. `pinned` published
    teasers keep the cells they have; `thin` of them show one to which fewer than its k companies of the new population
    belong: nothing is taken down, but whoever knows the new population has fewer candidates.
    """

    version_before: str
    version_after: str
    members_before: int
    members_after: int
    eligible_before: int
    eligible_after: int
    k_before: int
    k_after: int
    columns: list[ColumnChange]
    moved: float
    cells_kept: float
    pinned: int
    thin: int


def compare(
    before: Codebook,
    provenance: Mapping[str, Provenance],
    population: Population,
    after: Codebook,
    pinned: Mapping[str, Mapping[int, int]],
    books: Mapping[str, Codebook],
) -> Difference:
    """`provenance` of the population before; `pinned`: codebook -> cell -> published teasers; `books` holds those, and
    for a codebook of facts the one beside which it stands."""
    was, becomes = before.assign(population), after.assign(population)
    same_cell = np.full(len(before.cells) + 1, UNPLACED - 1)  # the last stands for "no cell", which is nobody's cell
    same_cell[UNPLACED] = UNPLACED
    for cell in before.cells:
        again = after.cell_at(cell.key)
        if again is not None:
            same_cell[cell.cell] = again.cell
    shown = (was != UNPLACED) | (becomes != UNPLACED)
    moved = (same_cell[was] != becomes)[shown]
    named = dict.fromkeys([*provenance, *population.provenance])
    changes = [ColumnChange(name, provenance.get(name), population.provenance.get(name)) for name in named]
    return Difference(
        version_before=before.header.population,
        version_after=population.version,
        members_before=before.report.members,
        members_after=after.report.members,
        eligible_before=before.report.eligible,
        eligible_after=after.report.eligible,
        k_before=before.k,
        k_after=after.k,
        columns=[change for change in changes if change.before != change.after],
        moved=float(moved.mean()) if len(moved) else 0.0,
        cells_kept=float((same_cell[:-1] >= 0).mean()) if before.cells else 0.0,
        pinned=sum(sum(cells.values()) for cells in pinned.values()),
        thin=sum(_thin(version, population, cells, books) for version, cells in pinned.items()),
    )


def _thin(version: str, population: Population, teasers: Mapping[int, int], books: Mapping[str, Codebook]) -> int:
    """Teasers in cells of this codebook that fewer than its k companies of the population would be given.

    Companies as the cell counts them: sole proprietors hide nobody (peeling.py), and where the teaser shows facts, only
    who may show the same.
    """
    book = books[version]
    counted = (population.columns["legal_form"] != SOLE) | (not book.header.counts_companies)
    if not book.header.facts:
        assigned = book.assign(population)
    elif set(book.header.facts) <= set(population.facts):
        assigned = assign_with_facts(population, books[book.header.base], book)
    else:  # nobody is on record with them any more
        assigned = np.full(len(population), UNPLACED)
    holders = np.bincount(assigned[counted & (assigned != UNPLACED)], minlength=len(book.cells))
    return sum(count for cell, count in teasers.items() if holders[cell] < book.k)
