"""How do the levels of a teaser's six attributes nest, and which codes lie inside a filter?"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection
from functools import lru_cache

from succession.codes.reference import read_table
from succession.codes.schemes import BAND_SCHEMES, SCHEMES

#: In the order of a codebook key. Every one is also the name of a scheme.
ATTRIBUTES = ("place", "industry", "founded", "employees", "revenue", "margin")

ANY = "any"

YEN_PER_MILLION = 1_000_000


@lru_cache(maxsize=None)
def ancestors(attribute: str, code: str) -> tuple[str, ...]:
    """The coarser codes above `code`, nearest first, ending with `any` (empty for `any` itself)."""
    parent = SCHEMES[attribute].codes[code].parent
    return (parent, *ancestors(attribute, parent)) if parent else ()


def _levels(attribute: str) -> tuple[tuple[str, ...], ...]:
    depth = {code: len(ancestors(attribute, code)) for code in SCHEMES[attribute].codes}
    return tuple(tuple(c for c in depth if depth[c] == d) for d in range(max(depth.values()), -1, -1))


#: attribute -> levels, finest first, codes in table order. Every code has exactly one ancestor on every coarser level.
LEVELS: dict[str, tuple[tuple[str, ...], ...]] = {attribute: _levels(attribute) for attribute in ATTRIBUTES}


def level_of(attribute: str, code: str) -> int:
    """0 = the finest level of the attribute."""
    return len(LEVELS[attribute]) - 1 - len(ancestors(attribute, code))


@lru_cache(maxsize=None)
def leaves(attribute: str, code: str) -> frozenset[str]:
    """The codes of the finest level that `code` stands for. KeyError for an unknown code."""
    if code not in SCHEMES[attribute].codes:
        raise KeyError(code)
    return frozenset(leaf for leaf in LEVELS[attribute][0] if leaf == code or code in ancestors(attribute, leaf))


def inside(attribute: str, wanted: Collection[str]) -> tuple[frozenset[str], frozenset[str]]:
    """(certain, possible only): the codes of every level inside the wanted ones, and those that merely overlap them.

    Certain = all leaves of the code are leaves of a wanted code; possible = some are. `wanted` may mix levels;
    nothing wanted gives two empty sets. KeyError for a code that is not published vocabulary.
    """
    target = frozenset().union(*(leaves(attribute, code) for code in wanted))
    codes = SCHEMES[attribute].codes
    certain = frozenset(code for code in codes if leaves(attribute, code) <= target)
    overlapping = frozenset(code for code in codes if leaves(attribute, code) & target)
    return certain, overlapping - certain


def _finest_bands(attribute: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
    rows = [row for row in read_table("db/reference/bands.tsv") if row["attribute"] == attribute]
    finest = LEVELS[attribute][0] if attribute in LEVELS else tuple(row["code"] for row in rows)
    banded = [row for row in rows if row["code"] in finest and (row["lower"] or row["upper"])]
    return tuple(row["code"] for row in banded), tuple(int(row["upper"]) for row in banded if row["upper"])


#: attribute -> (finest band codes in rising order, the edges between them in the table's own unit).
BANDS: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {name: _finest_bands(name) for name in BAND_SCHEMES}


def founded_band(year: int) -> str:
    """Finest founding band of a calendar year."""
    return _band("founded", year)


def employees_band(employees: int) -> str:
    """Finest headcount band; ValueError below one person, which no band holds."""
    if employees < 1:
        raise ValueError(f"no band for {employees} employees")
    return _band("employees", employees)


def revenue_band(revenue_yen: int) -> str:
    """Finest revenue band of an amount in yen; ValueError for a negative one."""
    if revenue_yen < 0:
        raise ValueError("revenue cannot be negative")
    codes, edges = BANDS["revenue"]
    return codes[bisect_right([edge * YEN_PER_MILLION for edge in edges], revenue_yen)]


def margin_band(operating_profit_yen: int, revenue_yen: int) -> str:
    """Finest band of operating profit / revenue, decided in whole yen; without revenue only a loss has a band."""
    if operating_profit_yen < 0:
        return "loss"
    if revenue_yen <= 0:
        raise ValueError("a margin needs revenue")
    codes, edges = BANDS["margin"]
    return codes[sum(100 * operating_profit_yen >= edge * revenue_yen for edge in edges)]


def price_band(price_yen: int | None) -> str:
    """Asking-price band of an amount in yen, upper edge inside; None = `negotiable`."""
    if price_yen is None:
        return "negotiable"
    codes, edges = BANDS["price"]
    return codes[bisect_left([edge * YEN_PER_MILLION for edge in edges], price_yen)]


def _band(attribute: str, value: int) -> str:
    codes, edges = BANDS[attribute]
    return codes[bisect_right(edges, value)]
