"""What do one or two filters leave, by counts made before anybody asked?

`market.tally` counts every published code under every key and every pair of keys of two fields (0029). A filter is a few keys that
share no teaser, so its counts are sums of rows; each field is counted under all filters but its own. What came or went since
the tally was made, and what a viewer must not see, are added and taken off afterwards (settled.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from types import MappingProxyType
from typing import NamedTuple

import asyncpg
import numpy as np

from succession.codes import ANY, ATTRIBUTES, SCHEMES, inside, leaves
from succession.market.facets import COLUMN, POSSIBLE, Arguments, codes_around
from succession.market.search import FILTERS, Search

KEYED_MOST, FIELDS_MOST = 2, 3
KEYS_MOST = 2_000
WHOLES_MOST = 8  # a market is read by four roles
WHOLE_MARKET = ("", "")
NEWEST_CELL, HIGHEST_CODE, VERSION, NOTED = "cell", "number", "version", "noted"  # what a process must know to read the rest

Key = tuple[str, str]


@cache
def wholes(field: str) -> dict[str, frozenset[str]]:
    """Key of everything inside a published code -> the codes teasers may show there; widest first, where there are several."""
    found: dict[frozenset[str], str] = {}
    if field in ATTRIBUTES:
        for code in SCHEMES[field].codes:
            within = inside(field, leaves(field, code))[0]
            if code != ANY and len(within) > 1:
                found.setdefault(within, f"{field}<{code}")
    return {key: within for within, key in sorted(found.items(), key=lambda each: (-len(each[0]), each[1]))}


def shown(field: str, code: str) -> str:
    """The key of the teasers that show exactly this code."""
    return f"{field}={code}"


@cache
def keys_of(field: str, codes: frozenset[str]) -> tuple[str, ...]:
    """The fewest keys that together are the teasers showing one of these codes, no teaser twice: codes of a field nest."""
    left, keys = set(codes), []
    for key, within in wholes(field).items():
        if within <= left:
            keys.append(key)
            left -= within
    return (*keys, *(shown(field, code) for code in sorted(left)))


def field_of(key: str) -> str:
    return key.replace("<", "=").partition("=")[0]


class Keys:
    """The keys of a search by field. `complete`: the tally answers it all, not only the fields it is filtered by."""

    def __init__(self, search: Search) -> None:
        self.certain = {name: keys_of(name, frozenset(codes)) for name, codes in search.certain.items()}
        self.certain |= {name: keys_of(name, frozenset(sets[0])) for name, sets in search.others.items()}
        self.wide = {name: (*self.certain[name], *(shown(name, code) for code, _share in codes if code not in search.certain[name]))
                     for name, codes in search.overlapping.items()}
        self.complete = len(self.certain) <= KEYED_MOST

    @classmethod
    def of(cls, search: Search) -> Keys | None:
        """None where the tally does not help: many fields, or several values of one where teasers show sets."""
        for name, sets in search.others.items():
            if len(sets) > 1 or (COLUMN[name][1] and len(sets[0]) > 1):
                return None
        if len(search.certain) + len(search.others) > FIELDS_MOST:
            return None
        keys = cls(search)
        return keys if len(keys.rows()) + len(keys.wide_rows()) <= KEYS_MOST else None

    def rows(self) -> list[Key]:
        """Those with counts: all filters together, all but one, and the whole market."""
        fields = [name for name in FILTERS if name in self.certain]
        found = {WHOLE_MARKET: None} | dict.fromkeys(_pairs(self.certain, fields) if self.complete else ())
        for but in fields:
            found |= dict.fromkeys(_pairs(self.certain, [name for name in fields if name != but]))
        return list(found)

    def wide_rows(self) -> list[Key]:
        """Those whose teasers overlap the filters without lying inside."""
        if not self.wide or not self.complete:
            return []
        fields = [name for name in FILTERS if name in self.certain]
        certain = set(_pairs(self.certain, fields))
        return [key for key in _pairs(self.certain | self.wide, fields) if key not in certain]


def _pairs(keys: dict[str, tuple[str, ...]], fields: Sequence[str]) -> Iterator[Key]:
    several = product(*(keys[name] for name in fields))
    return ((*each, "", "")[:2] for each in several)  # type: ignore[misc]


# --- the statement --------------------------------------------------------------------------------------------------

# One row of each key, and of what a process must know to read them and the rest.
_TALLY = f"""
SELECT t.a, t.b, t.n::bigint AS n, t.counts FROM unnest({{a}}, {{b}}) AS w(a, b) JOIN market.tally t ON t.a = w.a AND t.b = w.b
UNION ALL SELECT '{POSSIBLE}', NULL, sum(t.n), NULL FROM unnest({{wide_a}}, {{wide_b}}) AS w(a, b) JOIN market.tally t ON t.a = w.a AND t.b = w.b
UNION ALL SELECT '{VERSION}', NULL, t.xmin::text::bigint, NULL FROM market.tally t WHERE t.a = '' AND t.b = ''
UNION ALL SELECT '{NOTED}', NULL, max(id), NULL FROM market.unsettled
UNION ALL SELECT '{NEWEST_CELL}', NULL, max(id), NULL FROM market.cell
UNION ALL SELECT '{HIGHEST_CODE}', NULL, max(number), NULL FROM market.tally_code
"""


def tallying(keys: Keys | None, arguments: Arguments) -> str:
    """Rows (a, b, n, counts) of the tally, without keys of the whole market alone; and rows (name, NULL, n, NULL)."""
    def put(rows: Iterable[Key], at: int) -> str:
        return arguments.put([row[at] for row in rows], "text[]")

    rows, wide = (keys.rows(), keys.wide_rows()) if keys else ([WHOLE_MARKET], [])
    return _TALLY.format(a=put(rows, 0), b=put(rows, 1), wide_a=put(wide, 0), wide_b=put(wide, 1))


# --- what it says ---------------------------------------------------------------------------------------------------


class Codes:
    """What the numbers of the tally mean, as far as this process has read them; they never change (0029).

    `names`: number -> (field, code); `numbers` the reverse; `of`: field -> its numbers. `published`: every (field, code) that a
    search page counts; `within`: per published code and number, whether what shows the number lies inside the code.
    """

    def __init__(self, names: Mapping[int, tuple[str, str]] = MappingProxyType({})) -> None:
        self.size = max(names, default=0) + 1
        self.numbers = {name: number for number, name in names.items()}
        self.names = [names.get(number, ("", "")) for number in range(self.size)]
        self.of = {field: np.array([number for number, (of, _code) in names.items() if of == field], np.intp) for field in FILTERS}
        inside = [(number, (field, wider)) for number, (field, code) in names.items() for wider in codes_around(field, code)]
        self.published = list(dict.fromkeys(each for _number, each in inside))
        self.within = np.zeros((len(self.published), self.size))  # whole numbers below 2 ** 53: exact, and quick
        places = {each: place for place, each in enumerate(self.published)}
        self.within[[places[each] for _number, each in inside], [number for number, _each in inside]] = 1
        self._of_cells: tuple[object, dict[str, np.ndarray]] = (None, {})
        self._whole: dict[tuple[int, bytes], dict[Key, int]] = {}

    def unpacked(self, packed: bytes) -> np.ndarray:
        """Counts by number."""
        found, size = np.zeros(self.size, np.int64), len(packed) // 6
        found[np.frombuffer(packed, "<u2", size)] = np.frombuffer(packed, "<u4", size, 2 * size)
        return found

    def of_cells(self, codes: Mapping[str, Sequence[str]]) -> dict[str, np.ndarray]:
        """Attribute -> the numbers of these codes, 0 for what no teaser has shown; `codes`: those of Cells."""
        if self._of_cells[0] is not codes:
            self._of_cells = codes, {name: np.array([self.numbers.get((name, code), 0) for code in each], np.intp) for name, each in codes.items()}
        return self._of_cells[1]

    def whole(self, n: int, packed: bytes) -> dict[Key, int]:
        """What the whole market shows: the same bytes in every search until somebody settles."""
        if (found := self._whole.get((n, packed))) is None:
            if len(self._whole) >= WHOLES_MOST:
                self._whole.clear()
            counts = self.unpacked(packed)
            found = {WHOLE_MARKET: n} | {self.names[number]: int(counts[number]) for number in np.flatnonzero(counts).tolist()}
            self._whole[n, packed] = found
        return found


class KnownCodes:
    """What one process has read of one database."""

    def __init__(self) -> None:
        self._codes = Codes()

    async def until(self, connection: asyncpg.Connection, highest: int) -> Codes:
        """At least every number up to this one, read in the caller's snapshot where they are not known."""
        if highest >= self._codes.size:
            rows = await connection.fetch("SELECT number, field, code FROM market.tally_code")
            self._codes = Codes({row["number"]: (row["field"], row["code"]) for row in rows})
        return self._codes


class Told(NamedTuple):
    """What the statement says of the market when it was settled. `version`: the transaction that did, and the last note since, 0 for none;
    `possible`: as far as wide keys tell; `counts`: by number, each field under all filters but its own as far as the keys tell;
    `whole`: ("", "") and (field, code) -> teasers of the whole market."""

    codes: Codes
    version: int
    noted: int
    newest_cell: int
    certain: int
    possible: int
    counts: np.ndarray
    whole: dict[Key, int]


async def told_by(connection: asyncpg.Connection, known: KnownCodes, keys: Keys | None, rows: Sequence[asyncpg.Record]) -> Told:
    said = {a: int(n or 0) for a, b, n, _packed in rows if b is None}
    codes = await known.until(connection, said[HIGHEST_CODE])
    filtered = frozenset(keys.certain) if keys else frozenset()
    certain, counts = 0, np.zeros(codes.size, np.int64)
    own = {name: np.zeros(codes.size, np.int64) for name in filtered}
    whole: dict[Key, int] = {WHOLE_MARKET: 0}
    for a, b, n, packed in rows:
        if b is None:
            continue
        fields = frozenset(field_of(key) for key in (a, b) if key)
        if not fields:
            whole = codes.whole(n, packed)
        if keys is None:
            continue
        if fields == filtered:
            certain += n
            counts += codes.unpacked(packed)
        elif len(missing := filtered - fields) == 1:
            own[next(iter(missing))] += codes.unpacked(packed)
    for name, under_others in own.items():
        counts[codes.of[name]] = under_others[codes.of[name]]
    return Told(codes, said.get(VERSION, 0), said[NOTED], said[NEWEST_CELL], certain, said[POSSIBLE], counts, whole)
