"""Which teasers stand on a page of a search, and on which way are they found soonest?

Two ways, both exact. *Walking* the index of the order and passing over what does not match takes as long as matches are rare;
*fetching* every match by its place in the bitmaps and sorting takes as long as they are many. The counts are known first, so
neither is taken where it is long: at worst both cost the square root of the market. Where the order is by a field, they also tell from
which code to which the page lies, and how thin matches are there. Statements are shaped so that the
planner cannot take another way (OFFSET 0 keeps a part as it is written): its guesses about sets of codes are poor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

import msgspec

from succession.codes import ATTRIBUTES
from succession.market.facets import Arguments, Placed, found_bits
from succession.market.order import PLACE_RANK, PRICE_RANK, RELEVANCE, REVENUE_RANK, SORTS, UNDISCLOSED, relevance
from succession.market.search import Search

SHARE = "share"
_RANKED = {"place": PLACE_RANK, "revenue": REVENUE_RANK, "price": PRICE_RANK}


class Wanted(msgspec.Struct, frozen=True):
    """Which page of which list. `sort` is a key of SORTS, `relevance`, or `share` for possible matches; `after`: the last position."""

    sort: str
    limit: int
    after: tuple[int, int, UUID] | None


_COLUMNS = "t.ref, t.shuffle, t.fiscal_year, t.price, t.schemes, t.timing, t.phrases, t.vocabulary_version"
_CODES = ", ".join(f"c.{name}" for name in (*ATTRIBUTES, "codebook_version"))
_WALK = """
{excluded} SELECT {key} AS key, {columns}, {codes}
FROM market.teaser t CROSS JOIN LATERAL (SELECT {codes} FROM market.cell c WHERE c.id = t.cell_id AND {inside} OFFSET 0) c
WHERE {within} ORDER BY {key}, t.shuffle, t.ref LIMIT {limit}
"""
# Where the ones are in a chunk: the lengths of the pieces between them, added up. What follows the last one is left out.
SLOTS = """
slots AS (SELECT f.chunk * 8192 + p.at AS slot FROM found f CROSS JOIN LATERAL (
    SELECT (sum(length(piece) + 1) OVER (ORDER BY place))::int - 1 AS at FROM string_to_table(f.bits::text, '1') WITH ORDINALITY AS z(piece, place)
) p WHERE p.at < 8192)"""
_FETCH = """
WITH {excluded} {bits}, {slots},
first AS (SELECT {key} AS key, t.* FROM slots s CROSS JOIN LATERAL (SELECT * FROM market.teaser t WHERE t.slot = s.slot OFFSET 0) t
          WHERE {within} ORDER BY {key}, t.shuffle, t.ref LIMIT {limit})
SELECT t.key, {columns}, {codes} FROM first t CROSS JOIN LATERAL (SELECT {codes} FROM market.cell c WHERE c.id = t.cell_id OFFSET 0) c
ORDER BY t.key, t.shuffle, t.ref
"""
_POSSIBLE = """
WITH {excluded} {bits}, {slots},
likely AS MATERIALIZED (SELECT c.id, {share} AS key, {codes} FROM market.cell c {shares})
SELECT c.key, {columns}, {codes}
FROM slots s CROSS JOIN LATERAL (SELECT * FROM market.teaser t WHERE t.slot = s.slot OFFSET 0) t JOIN likely c ON c.id = t.cell_id
WHERE {within} ORDER BY c.key, t.shuffle, t.ref LIMIT {limit}
"""


class Known(msgspec.Struct, frozen=True):
    """What the counts tell of a search before its page is looked for. `matches` of `market` teasers are on its list; where the order
    is by a field, `ranked`: key of the order -> (matches, teasers of the market there), for every key that has a match."""

    matches: int
    market: int
    ranked: dict[int, tuple[int, int]]


def known(wanted: Wanted, search: Search, matches: int, shown: Iterable[tuple[str, str, int]], whole: Mapping[tuple[str, str], int]) -> Known:
    """`shown`: how many matches show each code, those of a filtered field under the other filters; `whole`: teasers of the market."""
    field, down = wanted.sort.removeprefix("-"), wanted.sort.startswith("-")
    market = max(matches, whole.get(("", ""), 0))
    if field not in _RANKED:
        return Known(matches, market, {})
    asked = [search.certain[field]] if field in search.certain else search.others.get(field, ())
    among = frozenset.intersection(*map(frozenset, asked)) if asked else None
    ranked: dict[int, tuple[int, int]] = {}
    for name, code, n in shown:
        if name == field and n > 0 and (among is None or code in among):
            rank = _RANKED[field][code]
            ranked[-(rank % UNDISCLOSED) if down else rank] = n, max(n, whole.get((field, code), market))
    return Known(matches, market, ranked)


def _span(wanted: Wanted, about: Known) -> tuple[int, int, int] | None:
    """From which key to which the page lies in its order, and how many teasers one walks past there; None without keys.

    Within a key the order is random, so matches lie evenly. What a cursor has passed of its key is not known: it counts as all.
    """
    needed, walked, first, last = wanted.limit + 1, 0, None, 0
    for key, (matches, there) in sorted(about.ranked.items()):
        if wanted.after and key < wanted.after[0]:
            continue
        first, last = key if first is None else first, key
        walked += there * min(1, needed / matches)
        needed -= 0 if wanted.after and key == wanted.after[0] else matches
        if needed <= 0:
            break
    return None if first is None else (first, last, int(walked))


def page(search: Search, wanted: Wanted, about: Known, excluded: str, arguments: Arguments, placed: Placed) -> str:
    """The statement of a page with one row more than it shows."""
    span = _span(wanted, about)
    walked = span[2] if span else (wanted.limit + 1) * about.market // max(1, about.matches)
    if wanted.sort not in SORTS or walked > about.matches:
        return _fetch(search, wanted, excluded, arguments, placed)
    return _walk(wanted, span, excluded, arguments, placed)


def _walk(wanted: Wanted, span: tuple[int, int, int] | None, excluded: str, arguments: Arguments, placed: Placed) -> str:
    key = SORTS[wanted.sort]
    inside = [f"c.{name} = ANY({codes})" for name, codes in placed.inside.items()]
    within = [*placed.teaser_tests().values(), *_after(key, wanted, arguments)]
    if span:
        within.append(f"{key} BETWEEN {arguments.put(span[0], 'int')} AND {arguments.put(span[1], 'int')}")
    if excluded:
        within.append("t.ref NOT IN (SELECT ref FROM excluded)")
    return _WALK.format(excluded=f"WITH {excluded.rstrip(',')}" if excluded else "", key=key, columns=_COLUMNS, codes=_CODES,
                        inside=" AND ".join(inside) or "true", within=" AND ".join(within) or "true", limit=arguments.put(wanted.limit + 1, "int"))


def _fetch(search: Search, wanted: Wanted, excluded: str, arguments: Arguments, placed: Placed) -> str:
    possible = wanted.sort == SHARE
    share, shares = _shares(search, arguments) if possible else ("", "")
    key = "c.key" if possible else relevance(placed.asked_sets()) if wanted.sort == RELEVANCE else SORTS[wanted.sort]
    return (_POSSIBLE if possible else _FETCH).format(
        excluded=excluded, bits=found_bits(placed, bool(excluded), possible), slots=SLOTS, key=key, columns=_COLUMNS, codes=_CODES,
        share=share, shares=shares, within=" AND ".join(_after(key, wanted, arguments)) or "true", limit=arguments.put(wanted.limit + 1, "int"))


def _after(key: str, wanted: Wanted, arguments: Arguments) -> list[str]:
    if not wanted.after:
        return []
    placed = (arguments.put(value, kind) for value, kind in zip(wanted.after, ("int", "bigint", "uuid"), strict=True))
    return [f"({key}, t.shuffle, t.ref) > ({', '.join(placed)})"]


def _shares(search: Search, arguments: Arguments) -> tuple[str, str]:
    """The key of possible matches, ascending from the largest share inside the filters, and what it is joined from."""
    joins = []
    for name, shares in search.overlapping.items():
        codes = arguments.put([code for code, _share in shares], "text[]")
        parts = arguments.put([share for _code, share in shares], "float8[]")
        joins.append(f"JOIN unnest({codes}, {parts}) AS s_{name}(code, share) ON s_{name}.code = c.{name}")
    product = " * ".join(f"s_{name}.share" for name in search.overlapping)
    return f"(-round({product} * 1000000)::int)", " ".join(joins)
