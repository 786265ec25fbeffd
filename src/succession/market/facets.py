"""How many teasers would each further choice leave?

No teaser is looked at to answer that: each published code has a bitmap of the teasers that show it (`market.bitmap`,
per reading role), so a filter is an OR, a search an AND, a count a popcount. Each field is counted under all *other*
filters, certain matches only, without the teasers that exclude this viewer. A count never names a level below the one a
teaser shows: codes are counted as shown, and added up towards the coarser ones in `counts_of`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import msgspec

from succession.anonymity.vocabulary import vocabulary
from succession.codes import ANY, SCHEMES, label, leaves
from succession.market.search import FILTERS, OFF_CODEBOOK, Search, allowed

TOTAL, POSSIBLE = "total", "possible"

#: Field outside the codebook -> its column on market.teaser, and whether that column is a set.
COLUMN = {"price": ("price", False), "scheme": ("schemes", True), "timing": ("timing", False), "phrase": ("phrases", True)}


class Arguments(list):
    """The values of a statement: `put` places one and returns its `$n::type`."""

    def put(self, value: object, kind: str) -> str:
        self.append(value)
        return f"${len(self)}::{kind}"


class Placed(msgspec.Struct, frozen=True):
    """A search whose codes are arguments of a statement: field -> placeholder of an array, outside the codebook several."""

    inside: dict[str, str]
    overlapping: dict[str, str]
    others: dict[str, tuple[str, ...]]

    def teaser_tests(self, row: str = "t") -> dict[str, str]:
        """Field outside the codebook -> what a teaser passes."""
        return {
            name: " AND ".join(f"{row}.{COLUMN[name][0]} {'&&' if COLUMN[name][1] else '='} {codes if COLUMN[name][1] else f'ANY({codes})'}"
                               for codes in sets)
            for name, sets in self.others.items()
        }


def place(search: Search, arguments: Arguments, wide: bool = True) -> Placed:
    """Every value placed has to be used: without `wide` those of possible matches are left out."""
    def put(codes: Iterable[str]) -> str:
        return arguments.put(list(codes), "text[]")

    return Placed(
        inside={name: put(codes) for name, codes in search.certain.items()},
        overlapping={name: put(code for code, _share in codes) for name, codes in search.overlapping.items() if wide},
        others={name: tuple(put(codes) for codes in sets) for name, sets in search.others.items()},
    )


# --- the statement --------------------------------------------------------------------------------------------------


def counting(placed: Placed, arguments: Arguments, hidden: str) -> str:
    """Common table expressions that end in `counts(field, code, n)`; fields `total` and `possible` count whole searches.
    `hidden`: teasers that are left out, as the text of an array."""
    counts = "\nUNION ALL ".join((_each_code(placed), _total(), _possible(placed)))
    return ",\n".join([_live(arguments, hidden), *_filters(placed), _bases(placed), f"counts AS MATERIALIZED ({counts})"])


def found_bits(placed: Placed) -> str:
    """Common table expressions that end in `found(chunk, bits)`: what matches certainly, and no empty chunk."""
    certain = _and(["live", *(f"f_{name}" for name in (*placed.inside, *placed.others))])
    return ",\n".join([_LIVE, *_filters(placed), f"found AS (SELECT * FROM (SELECT chunk, {certain}) m WHERE bit_count(bits) > 0)"])


# Every teaser this reader may see.
_LIVE = "live AS (SELECT chunk, bits FROM market.bitmap WHERE field = 'live')"


def _live(arguments: Arguments, hidden: str) -> str:
    """`live(chunk, bits)`, without what is hidden from this viewer."""
    if not hidden:
        return _LIVE
    gone = (
        "SELECT t.slot / 8192 AS chunk, market.bits_of(array_agg(t.slot)) AS bits "
        f"FROM market.teaser t JOIN unnest({arguments.put(hidden, 'text')}::uuid[]) AS x(ref) ON x.ref = t.ref GROUP BY 1"
    )
    return (
        f"gone AS ({gone}), "
        "live AS (SELECT b.chunk, CASE WHEN g.chunk IS NULL THEN b.bits ELSE b.bits & ~g.bits END AS bits "
        "FROM market.bitmap b LEFT JOIN gone g ON g.chunk = b.chunk WHERE b.field = 'live')"
    )


def _filters(placed: Placed) -> list[str]:
    """`f_<field>(chunk, bits)`: the teasers inside each filter; `o_<attribute>`: those that overlap it."""
    def union(field: str, codes: str) -> str:
        marked = f"market.bitmap WHERE field = '{field}' AND code = ANY({codes})"
        return f"SELECT chunk, bit_or(bits) AS bits FROM {marked} GROUP BY chunk"

    parts = [f"f_{name} AS MATERIALIZED ({union(name, codes)})" for name, codes in placed.inside.items()]
    for name, sets in placed.others.items():
        if len(sets) == 1:
            parts.append(f"f_{name} AS MATERIALIZED ({union(name, sets[0])})")
        else:
            both = " JOIN ".join(f"({union(name, codes)}) s{n}{' USING (chunk)' if n else ''}" for n, codes in enumerate(sets))
            bits = " & ".join(f"s{n}.bits" for n in range(len(sets)))
            parts.append(f"f_{name} AS MATERIALIZED (SELECT chunk, {bits} AS bits FROM {both})")
    return parts + [f"o_{name} AS ({union(name, codes)})" for name, codes in placed.overlapping.items()]


def _bases(placed: Placed) -> str:
    """`bases(but, chunk, bits)`: the teasers that pass every filter but one; '' for those that pass all of them."""
    filters = (*placed.inside, *placed.others)

    def passing(but: str) -> str:
        return f"SELECT '{but}' AS but, chunk, {_and(['live', *(f'f_{name}' for name in filters if name != but)])}"

    return f"bases AS MATERIALIZED ({' UNION ALL '.join(map(passing, ('', *filters)))})"


def _and(relations: list[str]) -> str:
    """What all of them have, by grouping: joins of a few hundred chunks, which the planner takes for one, were tried each with each."""
    if len(relations) == 1:
        return f"bits FROM {relations[0]}"
    each = " UNION ALL ".join(f"SELECT chunk, bits FROM {name}" for name in relations)
    return f"bit_and(bits) AS bits FROM ({each}) u GROUP BY chunk HAVING count(*) = {len(relations)}"


def _each_code(placed: Placed) -> str:
    """Every code of every field, each field under all filters but its own."""
    filtered = ", ".join(f"'{name}'" for name in (*placed.inside, *placed.others))
    own = f"CASE WHEN b.field IN ({filtered}) THEN b.field ELSE '' END" if filtered else "''"
    # OFFSET 0: count first, then group; grouping whole bitmaps would sort megabytes.
    counted = (
        "SELECT b.field, b.code, bit_count(b.bits & s.bits) AS n FROM market.bitmap b "
        f"JOIN bases s ON s.chunk = b.chunk AND s.but = {own} WHERE b.field <> 'live' OFFSET 0"
    )
    return f"SELECT field, code, sum(n)::bigint AS n FROM ({counted}) each GROUP BY field, code"


def _total() -> str:
    return f"SELECT '{TOTAL}', '', coalesce(sum(bit_count(bits)), 0)::bigint FROM bases WHERE but = ''"


def _possible(placed: Placed) -> str:
    if not placed.inside:
        return f"SELECT '{POSSIBLE}', '', 0"
    wide = _and(["live", *(f"f_{name}" for name in placed.others), *(f"o_{name}" for name in placed.overlapping)])
    return (
        f"SELECT '{POSSIBLE}', '', "
        "coalesce(sum(bit_count(CASE WHEN s.chunk IS NULL THEN w.bits ELSE w.bits & ~s.bits END)), 0)::bigint "
        f"FROM (SELECT chunk, {wide}) w LEFT JOIN bases s ON s.chunk = w.chunk AND s.but = ''"
    )


# --- what the counts say --------------------------------------------------------------------------------------------


class FacetValue(msgspec.Struct, frozen=True):
    """`count`: teasers certainly inside this code, given the other filters."""

    code: str
    label: str
    count: int


class Counts(msgspec.Struct, frozen=True):
    """Totals, and per field the count of each published code; codes without teasers are left out."""

    certain: int
    possible: int
    values: dict[str, dict[str, int]]


NO_COUNTS = Counts(0, 0, {name: {} for name in FILTERS})


def counts_of(rows: Iterable[tuple[str, str, int]]) -> Counts:
    """From rows (field, code, n) of the statement. The count of a code includes the finer codes inside it."""
    values: dict[str, dict[str, int]] = {name: {} for name in FILTERS}
    totals = {TOTAL: 0, POSSIBLE: 0}
    for field, code, n in rows:
        if field in totals:
            totals[field] += n
        elif n:
            counted = values[field]
            for wider in codes_around(field, code):
                counted[wider] = counted.get(wider, 0) + n
    values = {field: {code: n for code, n in counted.items() if n} for field, counted in values.items()}
    return Counts(totals[TOTAL], totals[POSSIBLE], values)


@cache
def codes_around(field: str, code: str) -> tuple[str, ...]:
    """The published codes that a teaser showing `code` is certainly inside of. `any` lies inside nothing.

    Not the ancestors alone: the region Hokkaido is one prefecture, so what shows the region is inside the prefecture too.
    """
    if field in OFF_CODEBOOK:
        return (code,)
    shown = leaves(field, code)
    return tuple(each for each in SCHEMES[field].codes if each != ANY and shown <= leaves(field, each))


def facets_of(counts: Counts, fields: Iterable[str], locale: str) -> dict[str, list[FacetValue]]:
    """The counted codes of these fields in reading order, named in the reader's language."""

    def named(field: str) -> list[FacetValue]:
        counted = counts.values[field]
        return [FacetValue(code, name, counted[code]) for code, name in _names(field, locale) if code in counted]

    return {field: named(field) for field in fields}


@cache
def _names(field: str, locale: str) -> tuple[tuple[str, str], ...]:
    if field == "phrase":  # linkable ones are counted where published teasers show them
        return tuple((code, vocabulary().label(code, locale)) for code in vocabulary().phrases)
    return tuple((code, label(field, code, locale)) for code in allowed(field))
