"""What do one or two filters leave, by counts made before anybody asked?

`market.tally` counts every published code under every key and every pair of keys of two fields (0029). A filter is a few keys that
share no teaser, so its counts are sums of rows; each field is counted under all filters but its own. What came or went since
the tally was made, and what a viewer must not see, are looked at one by one and added or taken off: they are few.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from types import MappingProxyType
from typing import NamedTuple

import asyncpg
import numpy as np

from succession.codes import ANY, ATTRIBUTES, SCHEMES, inside, leaves
from succession.market.facets import COLUMN, POSSIBLE, TOTAL, Arguments, Placed, codes_around
from succession.market.search import FILTERS, Search

KEYED_MOST, FIELDS_MOST = 2, 3
KEYS_MOST = 2_000
WHOLES_MOST = 8  # a market is read by four roles
WHOLE_MARKET = ("", "")
NEWEST_CELL, HIGHEST_CODE, VERSION, NOTED = "cell", "number", "version", "noted"  # what a process must know to read the rest

Key = tuple[str, str]
CodeCount = tuple[str, str, int]  # field, code, n


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

_TALLY = """
WITH wanted AS (SELECT * FROM unnest({a}, {b}) AS k(a, b)),
wide AS (SELECT * FROM unnest({wide_a}, {wide_b}) AS k(a, b)),
since AS (
    SELECT u.sign, {cells}, u.price, u.schemes, u.timing, u.phrases FROM market.unsettled u JOIN market.cell c ON c.id = u.cell_id
    {gone}
),
missing AS (SELECT s.*, {own} FROM since s),
judged AS (SELECT m.*, {missed} AS missed, {touches} AS touches FROM missing m),
changed AS (
    SELECT v.field, v.code, j.sign FROM judged j CROSS JOIN LATERAL (
        VALUES {single} UNION ALL SELECT 'scheme', {misses_scheme}, s FROM unnest(j.schemes) s
        UNION ALL SELECT 'phrase', {misses_phrase}, p FROM unnest(j.phrases) p
    ) AS v(field, own, code) WHERE j.missed = v.own
)
SELECT t.a, t.b, t.n::bigint AS n, t.counts FROM wanted w JOIN market.tally t ON t.a = w.a AND t.b = w.b
UNION ALL SELECT '{version}', NULL, t.xmin::text::bigint, NULL FROM market.tally t WHERE t.a = '' AND t.b = ''
UNION ALL SELECT '{noted}', NULL, max(id), NULL FROM market.unsettled
UNION ALL SELECT '{newest}', NULL, max(id), NULL FROM market.cell
UNION ALL SELECT '{highest}', NULL, max(number), NULL FROM market.tally_code
UNION ALL SELECT '{possible}', NULL, sum(t.n), NULL FROM wide w JOIN market.tally t ON t.a = w.a AND t.b = w.b
UNION ALL SELECT '{possible}', NULL, sum(sign), NULL FROM judged WHERE touches AND missed > 0
UNION ALL SELECT '{total}', NULL, sum(sign), NULL FROM judged WHERE missed = 0
UNION ALL SELECT field || '=' || code, NULL, sum(sign), NULL FROM changed GROUP BY field, code
"""
_GONE = """
UNION ALL SELECT -1, {cells}, t.price, t.schemes, t.timing, t.phrases
FROM unnest({hidden}) AS x(ref) JOIN market.teaser t ON t.ref = x.ref JOIN market.cell c ON c.id = t.cell_id
"""


def tallying(keys: Keys | None, placed: Placed, arguments: Arguments, hidden: str) -> str:
    """Rows (a, b, n, counts) of the tally, and rows (field=code, NULL, n, NULL) of what has to be added or taken off.

    Without keys, of the tally the whole market alone. `hidden`: teasers that this viewer must not see.
    """
    def put(rows: Iterable[Key], at: int) -> str:
        return arguments.put([row[at] for row in rows], "text[]")

    rows, wide = (keys.rows(), keys.wide_rows()) if keys else ([WHOLE_MARKET], [])
    cells = ", ".join(f"c.{name}" for name in ATTRIBUTES)
    tests = placed.tests("s")
    own = {name: f"misses_{name}" for name in tests}
    overlapping = [f"m.{name} = ANY({codes})" for name, codes in placed.overlapping.items()]
    overlapping += [f"m.{own[name]} = 0" for name in placed.others]
    single = (*ATTRIBUTES, "price", "timing")
    return _TALLY.format(
        a=put(rows, 0), b=put(rows, 1), wide_a=put(wide, 0), wide_b=put(wide, 1), cells=cells,
        gone=_GONE.format(cells=cells, hidden=arguments.put(hidden, "text") + "::uuid[]") if hidden else "", possible=POSSIBLE, total=TOTAL, newest=NEWEST_CELL, highest=HIGHEST_CODE, version=VERSION, noted=NOTED,
        own=", ".join(f"(NOT ({test}))::int AS {own[name]}" for name, test in tests.items()) or "0 AS misses",
        missed=" + ".join(own.values()) or "0", touches=" AND ".join(overlapping) if placed.inside else "false",
        single=", ".join(f"('{name}', {_misses(own, name)}, j.{name})" for name in single),
        misses_scheme=_misses(own, "scheme"), misses_phrase=_misses(own, "phrase"),
    )


def _misses(own: dict[str, str], name: str) -> str:
    return f"j.{own[name]}" if name in own else "0"


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


_codes = Codes()


async def codes_until(connection: asyncpg.Connection, highest: int) -> Codes:
    """At least every number up to this one, read in the caller's snapshot where this process does not know them."""
    global _codes
    if highest >= _codes.size:
        _codes = Codes({row["number"]: (row["field"], row["code"]) for row in await connection.fetch("SELECT number, field, code FROM market.tally_code")})
    return _codes


def codes_known() -> Codes:
    """As far as this process has read them."""
    return _codes


class Told(NamedTuple):
    """What the statement says. `version`: the transaction that settled the market, and the last note since, 0 for none; `counts`: by number, each field under all
    filters but its own as far as the keys tell; `changes`: what came, went or is hidden since then; `whole`: ("", "") and (field, code)
    -> teasers of the whole market when it was settled."""

    codes: Codes
    version: int
    noted: int
    newest_cell: int
    certain: int
    counts: np.ndarray
    changes: list[CodeCount]
    whole: dict[Key, int]


async def told_by(connection: asyncpg.Connection, keys: Keys | None, rows: Sequence[asyncpg.Record]) -> Told:
    said: Counter[str] = Counter()
    for a, b, n, _packed in rows:
        if b is None:
            said[a] += int(n or 0)
    version, noted, newest, highest = (said.pop(name, 0) for name in (VERSION, NOTED, NEWEST_CELL, HIGHEST_CODE))
    codes = await codes_until(connection, highest)
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
    changes = [(*a.partition("=")[::2], n) for a, n in said.items() if n]
    return Told(codes, version, noted, newest, certain, counts, changes, whole)
