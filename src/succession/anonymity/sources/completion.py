"""What must be drawn before the companies of a file are a population, and how is each column marked?

A file says of each company, or of each of many alike, an interval per axis: a point where it is exact, a band, or
anything at all. What lies within the interval is drawn from the margins of `margins`, a block of companies at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from succession.anonymity import margins
from succession.anonymity.population import COLUMNS, FACT_PREFIX, Population, Provenance
from succession.anonymity.sources.written import ANY_FORM, ANY_INDUSTRY, ANY_PEOPLE, ANY_YEAR, ANY_YEN, Span

IMPORT_VERSION = 2  # changes whenever a draw changes
BLOCK_COMPANIES = 500_000
DRAWN_MUNICIPALITIES = 1_000_000_000  # drawn numbers stay apart from those of named municipalities
NO_TOWN, NOT_SAID = -1, -1

WITHIN = {
    "jsic2": "divisions of {source}, the major group drawn within them",
    "jsic4": "industry groups of {source}, the four-digit code drawn within them",
    "employees": "size bands of {source}, the headcount drawn within them",
    "legal_form": "forms of {source}, the kind of company drawn within them",
    "founded": "periods of {source}, the year drawn within them",
    "revenue_yen": "revenue bands of {source}, the amount drawn within them",
}


class Known(NamedTuple):
    """What a file says, one entry a row. Pairs (rows, 2) hold the lowest and highest value, see `written`.

    `companies`: how many the row stands for. `town`: a number that is equal within a municipality, or NO_TOWN.
    `margin` is nan and `independent` NOT_SAID where nothing is said. `number`: corporate numbers, 0 or less where there is
    none to read; None where rows are no companies.
    """

    companies: np.ndarray
    prefecture: np.ndarray
    town: np.ndarray
    industry: np.ndarray
    form: np.ndarray
    employees: np.ndarray
    founded: np.ndarray
    revenue: np.ndarray
    margin: np.ndarray
    independent: np.ndarray
    facts: Mapping[str, np.ndarray]
    number: np.ndarray | None = None


NUMBERED_LEAST = 0.5  # of the rows, for a register to say which company is which


def complete(
    known: Known, name: str, source: str, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> Population:
    """The population of these companies, in the order of the rows. `progress(companies, companies)`."""
    rng = np.random.default_rng([IMPORT_VERSION, seed])
    ends = np.cumsum(known.companies)
    members = int(ends[-1])
    columns = {column: np.empty(members, dtype=kind) for column, kind in COLUMNS.items()}
    facts = {code: np.empty(members, dtype=np.bool_) for code in known.facts}
    said = dict.fromkeys(COLUMNS, 0)
    narrowed = dict.fromkeys(COLUMNS, 0)
    row = done = 0
    while row < len(ends):
        last = max(row + 1, int(np.searchsorted(ends, done + BLOCK_COMPANIES, side="right")))
        rows = np.repeat(np.arange(row, last), known.companies[row:last])
        block = slice(done, done + len(rows))
        for column, (values, exact, within) in _drawn(known, rows, rng).items():
            columns[column][block] = values
            said[column] += int(exact.sum())
            narrowed[column] += int((within & ~exact).sum())
        for code, holders in known.facts.items():
            facts[code][block] = holders[rows]
        row, done = last, block.stop
        if progress:
            progress(done, members)
    provenance = {column: _provenance(column, said[column], narrowed[column], members, source) for column in COLUMNS}
    provenance |= {FACT_PREFIX + code: Provenance("imported", source, False) for code in facts}
    numbered = known.number is not None and (known.number > 0).mean() >= NUMBERED_LEAST
    return Population(name, False, columns, provenance, facts, known.number if numbered else None)


def _provenance(column: str, said: int, narrowed: int, members: int, source: str) -> Provenance:
    if said == members:
        return Provenance("imported", source, True)
    parts = [f"{100 * said / members:.1f} % of companies from {source}"] if said else []
    if narrowed:
        share = "" if narrowed == members else f"{100 * narrowed / members:.1f} % in "
        parts.append(share + WITHIN[column].format(source="the same" if said else source))
    if said + narrowed < members:
        parts.append(("the rest " if parts else "") + "drawn: " + margins.SOURCES.get(column, margins.ASSUMED))
    return Provenance("synthesised", "; ".join(parts), False)


def _narrower(low: np.ndarray, high: np.ndarray, anything: Span) -> np.ndarray:
    return (low > anything[0]) | (high < anything[1])


Drawn = tuple[np.ndarray, np.ndarray, np.ndarray]  # values, whether they were said, whether at least narrowed down


def _drawn(known: Known, rows: np.ndarray, rng: np.random.Generator) -> dict[str, Drawn]:
    """Every column of the companies that these rows stand for."""
    found: dict[str, Drawn] = {}
    nothing = np.zeros(len(rows), dtype=bool)

    def put(column: str, said: np.ndarray, exact: np.ndarray, draw: Callable[[np.ndarray], np.ndarray],
            within: np.ndarray = nothing) -> np.ndarray:  # fmt: skip
        values = said.astype(COLUMNS[column])
        missing = np.flatnonzero(~exact)
        if len(missing):
            values[missing] = draw(missing)
        found[column] = values, exact, within
        return values

    prefecture = put("prefecture", known.prefecture[rows], ~nothing, lambda missing: missing)
    low, high = known.industry[rows].T
    narrow = _narrower(low, high, ANY_INDUSTRY)
    one_group = low // 100 == high // 100
    jsic2 = put("jsic2", low // 100, one_group,
                lambda m: margins.draw_major_group_within(prefecture[m], low[m], high[m], rng), narrow)  # fmt: skip
    detailed = (low == high) & (low // 10 % 10 != 0)
    put("jsic4", low, detailed, lambda m: margins.draw_detailed_within(jsic2[m], low[m], high[m], rng), narrow)
    division = margins.division_index()[jsic2]
    town = known.town[rows]
    put("municipality", town, town != NO_TOWN,
        lambda m: margins.draw_municipality(prefecture[m], rng) + DRAWN_MUNICIPALITIES)  # fmt: skip
    low, high = known.employees[rows].T
    employees = put("employees", low, low == high,
                    lambda m: margins.draw_employees_within(division[m], low[m], high[m], rng),
                    _narrower(low, high, ANY_PEOPLE))  # fmt: skip
    first, last = known.form[rows].T
    sole = (first == margins.SOLE) & (last == margins.SOLE)
    either = np.flatnonzero((first != last) & (last == margins.SOLE))
    sole[either] = margins.draw_sole(division[either], employees[either], rng)
    low_year, high_year = known.founded[rows].T
    founded = put("founded", low_year, low_year == high_year,
                  lambda m: margins.draw_founded_within(division[m], sole[m], low_year[m], high_year[m], rng),
                  _narrower(low_year, high_year, ANY_YEAR))  # fmt: skip
    put("legal_form", first, first == last,
        lambda m: margins.draw_legal_form_within(division[m], sole[m], founded[m], first[m], last[m], rng),
        _narrower(first, last, ANY_FORM))  # fmt: skip
    low_yen, high_yen = known.revenue[rows].T
    put("revenue_yen", low_yen, low_yen == high_yen,
        lambda m: margins.draw_revenue_within(jsic2[m], employees[m], sole[m], low_yen[m], high_yen[m], rng),
        _narrower(low_yen, high_yen, ANY_YEN))  # fmt: skip
    margin = known.margin[rows]
    put("operating_margin", margin, np.isfinite(margin), lambda m: margins.draw_margin(jsic2[m], sole[m], rng))
    independent = known.independent[rows]
    put("independent", independent == 1, independent != NOT_SAID,
        lambda m: margins.draw_independent(employees[m], sole[m], rng))  # fmt: skip
    return found
