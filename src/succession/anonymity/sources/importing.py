"""Which reference population do an operator's files give, and what of them was left out?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from succession.anonymity.sources.census import Cube
from succession.anonymity.sources.completion import Known, complete
from succession.anonymity.sources.headings import CUBE, Layout, Wishes, find_layout
from succession.anonymity.population import Population
from succession.anonymity.sources.registry import Register, RowError
from succession.anonymity.sources.source_file import ImportRefused, SourceText, examine
from succession.i18n import Message, _

COMPANIES_MAX = 10_000_000
FEWEST_CODES_TO_JUDGE = 200
LEAST_TYPICAL_REVENUE_YEN, MOST_TYPICAL_REVENUE_YEN = 500_000, 20_000_000_000

REPEATED = _("{rows} rows repeat the corporate number of a row before them and are not counted again.")
UNREADABLE_NUMBERS = _(
    "{rows} corporate numbers do not have thirteen digits; a company that stands there twice is counted twice."
)
ODD_REVENUE = _("Half of the companies have a revenue of {revenue_yen} yen or less: is the unit of the heading right?")
NO_LEADING_ZERO = _("No industry code begins with 0: has a spreadsheet dropped it, so that 0911 became 911?")


class SourceRead(msgspec.Struct, frozen=True):
    """How one file was read: `columns` column -> the headings taken for it; `unused` headings nobody asked for."""

    file: str
    encoding: str
    header_line: int
    columns: dict[str, tuple[str, ...]]
    unused: tuple[str, ...]


class Imported(msgspec.Struct, frozen=True):
    """What the files gave. `population` is None when no row was good; at most 1,000 `errors` are listed.

    `rows` are figures in a cube, where `rows_totals` of them repeat others; `stated` is its own total of companies.
    """

    population: Population | None
    shape: str
    sources: list[SourceRead]
    rows: int
    rows_left_out: int
    rows_totals: int
    stated: int | None
    errors: list[RowError]
    notes: list[Message]


def import_population(
    paths: Sequence[Path],
    *,
    name: str,
    source: str,
    wishes: Wishes = Wishes(),
    keep: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
    progress: Callable[[str], Callable[[int, int], None]] | None = None,
) -> Imported:
    """The population of a register or a census cube, which may come in several files of one shape.

    A cube of establishments says so in each column's provenance.
    `keep`: heading -> labels, for a cube that splits by more than we know. `progress(what)` gives the counter of a step.
    What no file says is drawn from official margins and marked. ImportRefused for files that cannot be used; OSError.
    """
    read: list[tuple[SourceText, Layout]] = []
    for path in paths:
        text = examine(path)
        read.append((text, find_layout(text, wishes)))
    shapes = {layout.shape for _text, layout in read}
    if len(shapes) > 1:
        raise ImportRefused(Message.of("The files are of two shapes; say which it is: --shape register or --shape cube"))
    shape = shapes.pop()
    reader = Cube(keep or {}) if shape == CUBE else Register()
    for text, layout in read:
        reader.read(text, layout, progress(text.path.name) if progress else None)
    known, totals, stated, sites, notes = _companies(reader)
    population = None
    if known is not None:
        _check_size(known)
        source += " (establishments)" if sites else ""
        population = complete(known, name, source, seed, progress("companies") if progress else None)
        notes += _doubts(population)
    return Imported(population, shape, [_source(*each) for each in read], reader.rows, reader.rows_left_out, totals, stated,
                    reader.errors, notes)  # fmt: skip


def _companies(reader: Cube | Register) -> tuple[Known | None, int, int | None, bool, list[Message]]:
    if reader.rows == reader.rows_left_out:
        return None, 0, None, False, []
    if isinstance(reader, Cube):
        counted = reader.counted()
        return counted.known, counted.rows_totals, counted.stated, counted.establishments, counted.notes
    known, repeated, unreadable = reader.known()
    notes = [Message.of(REPEATED, rows=f"{repeated:,}")] if repeated else []
    notes += [Message.of(UNREADABLE_NUMBERS, rows=f"{unreadable:,}")] if unreadable else []
    return known, 0, None, False, notes


def _check_size(known: Known) -> None:
    companies = int(known.companies.sum())
    if companies > COMPANIES_MAX:
        raise ImportRefused(Message.of(
            "{companies} companies are more than the {most} we can hold.", companies=f"{companies:,}", most=f"{COMPANIES_MAX:,}"))


def _doubts(population: Population) -> list[Message]:
    """What an operator should look at twice before putting the population in force."""
    notes = []
    revenue = population.columns["revenue_yen"]
    if population.provenance["revenue_yen"].kind == "imported":
        typical = int(np.median(revenue))
        if not LEAST_TYPICAL_REVENUE_YEN <= typical <= MOST_TYPICAL_REVENUE_YEN:
            notes.append(Message.of(ODD_REVENUE, revenue_yen=f"{typical:,}"))
    groups = population.columns["jsic2"]
    if population.provenance["jsic2"].kind == "imported" and len(groups) >= FEWEST_CODES_TO_JUDGE and groups.min() >= 10:
        notes.append(Message.of(NO_LEADING_ZERO))
    return notes


def _source(text: SourceText, layout: Layout) -> SourceRead:
    columns = {name: tuple(heading.written for heading in found) for name, found in layout.columns.items()}
    if layout.spread:
        columns["count"] = tuple(heading.written for heading in layout.spread)
    return SourceRead(
        file=text.path.name,
        encoding="UTF-8" if text.encoding == "utf-8-sig" else "Shift_JIS (cp932)",
        header_line=layout.header_line,
        columns=columns,
        unused=tuple(heading.written for heading in layout.others),
    )
