"""Which teasers stand on a page of a search, and on which way are they found soonest?

Three ways, all exact. *Walking* the index of the order and passing over what does not match takes as long as matches are rare;
*looking* at every teaser of the cells inside the wishes, or at every match by its place in the bitmaps, and sorting takes as long as
they are many. The counts are known first, so none is taken where it is long: at worst a page costs the square root of the
market. Where the order is by a field, they also tell from which code to which the page lies, and how thin matches are there.
Possible matches are looked for in the cells that have most of them inside the wishes first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

import asyncpg
import msgspec
import numpy as np

from succession.codes import ATTRIBUTES
from succession.market.cells import Cells, Reached
from succession.market.facets import COLUMN, Arguments, found_bits, place
from succession.market.order import PLACE_RANK, PRICE_RANK, RELEVANCE, REVENUE_RANK, SORTS, UNDISCLOSED, relevance
from succession.market.search import Search

SHARE = "share"
_RANKED = {"place": PLACE_RANK, "revenue": REVENUE_RANK, "price": PRICE_RANK}


class Wanted(msgspec.Struct, frozen=True):
    """Which page of which list. `sort` is a key of SORTS, `relevance`, or `share` for possible matches; `after`: the last position."""

    sort: str
    limit: int
    after: tuple[int, int, UUID] | None


# What the ways take, in microseconds as measured on one machine: their proportions choose, nothing else depends on them.
WALKED_US, CELL_US, HASHED_US = 0.5, 1.5, 0.15  # passing over one teaser, finding its cell, hashing a cell beforehand
LOOKED_AT_US, CHUNK_US, BITMAP_US = 3.5, 3.0, 0.6
CHUNK = 8192
WALKED_AT_ONCE = 150  # teasers; fewer are passed over sooner than a way is chosen
CELLS_FIRST, CELLS_TIMES = 64, 4  # of possible matches: cells looked at first, and how many times more each time that is too few

_COLUMNS = "t.ref, t.shuffle, t.fiscal_year, t.price, t.schemes, t.timing, t.phrases, t.vocabulary_version"
_CODES = ", ".join(f"c.{name}" for name in (*ATTRIBUTES, "codebook_version"))
_CELL = f"CROSS JOIN LATERAL (SELECT {_CODES} FROM market.cell c WHERE c.id = t.cell_id OFFSET 0) c"
# Statements leave the planner no choice: OFFSET 0 keeps a part as it is written, IS TRUE keeps a set from becoming a join.
_WALK = f"""
SELECT {{key}} AS key, {_COLUMNS}, {_CODES}
FROM market.teaser t CROSS JOIN LATERAL (SELECT {_CODES} FROM market.cell c WHERE c.id = t.cell_id AND {{inside}} OFFSET 0) c
WHERE {{within}} ORDER BY {{key}}, t.shuffle, t.ref LIMIT {{limit}}
"""
_LOOK = f"""
WITH first AS (SELECT {{key}} AS key, t.* FROM {{among}} WHERE {{within}} ORDER BY {{key}}, t.shuffle, t.ref LIMIT {{limit}})
SELECT t.key, {_COLUMNS}, {_CODES} FROM first t {_CELL} ORDER BY t.key, t.shuffle, t.ref
"""
_OF_CELLS = "unnest({ids}, {keys}) AS k(id, key) CROSS JOIN LATERAL (SELECT * FROM market.teaser t WHERE t.cell_id = k.id OFFSET 0) t"


class Known(msgspec.Struct, frozen=True):
    """What the counts tell of a search before its page is looked for. `matches` of `market` teasers are on its list; where the order
    is by a field, `ranked`: key of the order -> (matches, teasers of the market there), for every key that has a match."""

    matches: int
    market: int
    ranked: dict[int, tuple[int, int]]


def known(wanted: Wanted, search: Search, matches: int, shown: Callable[[str], Mapping[str, int]], whole: Mapping[tuple[str, str], int]) -> Known:
    """`shown`: of a field, how many matches show each code under the other filters; `whole`: teasers of the market."""
    field, down = wanted.sort.removeprefix("-"), wanted.sort.startswith("-")
    market = max(matches, whole.get(("", ""), 0))
    if field not in _RANKED:
        return Known(matches, market, {})
    asked = [search.certain[field]] if field in search.certain else search.others.get(field, ())
    among = frozenset.intersection(*map(frozenset, asked)) if asked else None
    ranked: dict[int, tuple[int, int]] = {}
    for code, n in shown(field).items():
        if n > 0 and (among is None or code in among):
            rank = _RANKED[field][code]
            ranked[-(rank % UNDISCLOSED) if down else rank] = n, max(n, whole.get((field, code), market))
    return Known(matches, market, ranked)


class Span(NamedTuple):
    """From which key to which a page lies in its order, how many teasers one walks past there, and how many match there."""

    first: int
    last: int
    walked: int
    matches: int


Ids = np.ndarray | None


def _span(wanted: Wanted, about: Known) -> Span | None:
    """None without keys.

    Within a key the order is random, so matches lie evenly. What a cursor has passed of its key is not known: it counts as all.
    """
    needed, walked, matching, first, last = wanted.limit + 1, 0.0, 0, None, 0
    for key, (matches, there) in sorted(about.ranked.items()):
        if wanted.after and key < wanted.after[0]:
            continue
        first, last = key if first is None else first, key
        walked += there * min(1, needed / matches)
        matching += matches
        needed -= 0 if wanted.after and key == wanted.after[0] else matches
        if needed <= 0:
            break
    return None if first is None else Span(first, last, int(walked), matching)


def _in_span(search: Search, wanted: Wanted, span: Span) -> Search:
    """The same search for what shows the codes of these keys alone."""
    field = wanted.sort.removeprefix("-")
    ranks = range(span.first, span.last + 1)
    codes = tuple(code for code, rank in _RANKED[field].items() if (-(rank % UNDISCLOSED) if wanted.sort.startswith("-") else rank) in ranks)
    if field in ATTRIBUTES:
        left = tuple(code for code in codes if code in search.certain.get(field, codes))
        return msgspec.structs.replace(search, certain={**search.certain, field: left})
    return msgspec.structs.replace(search, others={**search.others, field: (*search.others.get(field, ()), codes)})


async def page(connection: asyncpg.Connection, search: Search, wanted: Wanted, about: Known, cells: Cells, hidden: str) -> list[asyncpg.Record]:
    """A page, with one row more than it shows. `hidden`: teasers that this viewer must not see, as the text of an array."""
    if wanted.sort == SHARE:
        return await _possible(connection, search, wanted, cells, cells.of(search), hidden)
    span = _span(wanted, about)
    walked = span.walked if span else (wanted.limit + 1) * about.market // max(1, about.matches)
    if wanted.sort in SORTS and walked <= WALKED_AT_ONCE:
        return await _walking(connection, search, wanted, span, None, hidden)
    if span:
        search = _in_span(search, wanted, span)
    reached = cells.of(search)
    ids, matches = cells.ids[reached.certain] if search.certain else None, span.matches if span else about.matches
    ways = {_looking_at_matches: matches * LOOKED_AT_US + about.market / CHUNK * (CHUNK_US + BITMAP_US * _codes_asked(search))}
    if ids is not None:
        ways[_looking_into_cells] = len(ids) * about.market / len(cells.ids) * LOOKED_AT_US
    if wanted.sort in SORTS:
        ways[_walking] = walked * (WALKED_US + (CELL_US if search.certain else 0))
        if ids is not None:
            ways[_walking_past_cells] = walked * WALKED_US + len(ids) * HASHED_US
    return await min(ways, key=ways.__getitem__)(connection, search, wanted, span, ids, hidden)


def _codes_asked(search: Search) -> int:
    return sum(map(len, search.certain.values())) + sum(len(codes) for sets in search.others.values() for codes in sets)


async def _walking(connection: asyncpg.Connection, search: Search, wanted: Wanted, span: Span | None, _ids: Ids, hidden: str) -> list[asyncpg.Record]:
    arguments = Arguments()
    placed = place(search, arguments, wide=False)
    inside = [f"c.{name} = ANY({codes})" for name, codes in placed.inside.items()]
    return await _walk(connection, wanted, span, inside, [*placed.teaser_tests().values()], arguments, hidden)


async def _walking_past_cells(connection: asyncpg.Connection, search: Search, wanted: Wanted, span: Span | None, ids: Ids,
                              hidden: str) -> list[asyncpg.Record]:
    arguments = Arguments()
    tests = [f"({_among('t.cell_id', _ints(ids, arguments))}) IS TRUE", *_teaser_tests(search, arguments)]
    return await _walk(connection, wanted, span, [], tests, arguments, hidden)


async def _walk(connection: asyncpg.Connection, wanted: Wanted, span: Span | None, inside: list[str], within: list[str], arguments: Arguments,
                hidden: str) -> list[asyncpg.Record]:
    key = SORTS[wanted.sort]
    within += [*_after(key, wanted, arguments), *_not_hidden(hidden, arguments)]
    if span:
        within.append(f"{key} BETWEEN {arguments.put(span.first, 'int')} AND {arguments.put(span.last, 'int')}")
    sql = _WALK.format(key=key, inside=" AND ".join(inside) or "true", within=" AND ".join(within) or "true",
                       limit=arguments.put(wanted.limit + 1, "int"))
    return await connection.fetch(sql, *arguments)


async def _looking_into_cells(connection: asyncpg.Connection, search: Search, wanted: Wanted, _span: Span | None, ids: Ids,
                              hidden: str) -> list[asyncpg.Record]:
    arguments = Arguments()
    within = [f"t.cell_id = ANY({_ints(ids, arguments)})", *_teaser_tests(search, arguments)]
    return await _look(connection, search, wanted, within, arguments, hidden)


async def _looking_at_matches(connection: asyncpg.Connection, search: Search, wanted: Wanted, _span: Span | None, _ids: Ids,
                              hidden: str) -> list[asyncpg.Record]:
    arguments = Arguments()
    rows = await connection.fetch(f"WITH {found_bits(place(search, arguments, wide=False))} SELECT chunk, bits FROM found", *arguments)
    arguments = Arguments()
    return await _look(connection, search, wanted, [f"t.slot = ANY({_ints(_slots(rows), arguments)})"], arguments, hidden)


def _slots(rows: Sequence[asyncpg.Record]) -> np.ndarray:
    """Where the ones are in rows of (chunk, bits); of a bit string the first bit is the highest of its byte."""
    ones = np.flatnonzero(np.unpackbits(np.frombuffer(b"".join(row["bits"].bytes for row in rows), np.uint8)))
    return (np.array([row["chunk"] for row in rows], np.int64)[ones // CHUNK] * CHUNK + ones % CHUNK)


async def _look(connection: asyncpg.Connection, search: Search, wanted: Wanted, within: list[str], arguments: Arguments,
                hidden: str) -> list[asyncpg.Record]:
    asked = [(COLUMN[name][0], arguments.put(list(codes), "text[]")) for name, sets in search.others.items() if COLUMN[name][1] for codes in sets] \
        if wanted.sort == RELEVANCE else []
    key = relevance(asked) if wanted.sort == RELEVANCE else SORTS[wanted.sort]
    within += [*_after(key, wanted, arguments), *_not_hidden(hidden, arguments)]
    sql = _LOOK.format(key=key, among="market.teaser t", within=" AND ".join(within), limit=arguments.put(wanted.limit + 1, "int"))
    return await connection.fetch(sql, *arguments)


async def _possible(connection: asyncpg.Connection, search: Search, wanted: Wanted, cells: Cells, reached: Reached, hidden: str) -> list[asyncpg.Record]:
    """The key of possible matches ascends from the largest share inside the filters; all cells of one share are looked at together."""
    likely = np.flatnonzero(reached.overlapping & ~reached.certain)
    keys = -np.rint(1_000_000 * cells.shares(search)[likely]).astype(np.int64)
    order = np.argsort(keys, kind="stable")
    ids, keys = cells.ids[likely[order]], keys[order]
    begin = int(np.searchsorted(keys, wanted.after[0])) if wanted.after else 0
    found: list[asyncpg.Record] = []
    at_once = CELLS_FIRST
    while begin < len(ids) and len(found) <= wanted.limit:
        end = int(np.searchsorted(keys, keys[min(begin + at_once, len(ids)) - 1], side="right"))
        arguments = Arguments()
        among = _OF_CELLS.format(ids=_ints(ids[begin:end], arguments), keys=_ints(keys[begin:end], arguments))
        within = [*_teaser_tests(search, arguments), *_after("k.key", wanted, arguments), *_not_hidden(hidden, arguments)]
        sql = _LOOK.format(key="k.key", among=among, within=" AND ".join(within) or "true", limit=arguments.put(wanted.limit + 1 - len(found), "int"))
        found += await connection.fetch(sql, *arguments)
        begin, at_once = end, at_once * CELLS_TIMES
    return found


def _teaser_tests(search: Search, arguments: Arguments) -> list[str]:
    """What a teaser of the right cell has to pass besides."""
    return [*place(msgspec.structs.replace(search, certain={}), arguments, wide=False).teaser_tests().values()]


def _not_hidden(hidden: str, arguments: Arguments) -> list[str]:
    return [f"({_among('t.ref', arguments.put(hidden, 'text') + '::uuid[]')}) IS NOT TRUE"] if hidden else []


def _among(column: str, values: str) -> str:
    """Hashed once, where `= ANY` would compare with every value."""
    return f"{column} IN (SELECT unnest({values}))"


def _ints(values: np.ndarray, arguments: Arguments) -> str:
    """As text, which the driver passes on as it is; a list it looks at number by number."""
    return arguments.put("{" + ",".join(map(str, values.tolist())) + "}", "text") + "::int[]"


def _after(key: str, wanted: Wanted, arguments: Arguments) -> list[str]:
    if not wanted.after:
        return []
    placed = (arguments.put(value, kind) for value, kind in zip(wanted.after, ("int", "bigint", "uuid"), strict=True))
    return [f"({key}, t.shuffle, t.ref) > ({', '.join(placed)})"]
