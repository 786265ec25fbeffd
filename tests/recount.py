"""What does a search answer, found by looking at every teaser? And which searches are there to be asked?

The rules of search.py, facets.py and order.py once more, row by row, with nothing counted beforehand. Rows are those of `ROWS`, as mappings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from random import Random
from typing import Any, NamedTuple

import httpx

from succession.codes import ANY, ATTRIBUTES, leaves
from succession.codes import label as name_of
from succession.anonymity.vocabulary import vocabulary
from succession.market.order import PLACE_RANK, PRICE_RANK, REVENUE_RANK
from succession.market.ranges import BOUNDS, edges, read_ranges
from succession.market.search import FILTERS, OFF_CODEBOOK, allowed, public_share, read_search

Row = Mapping[str, Any]
Position = tuple[int, int, bytes]

ROWS = f"SELECT t.*, {', '.join(f'c.{name}' for name in ATTRIBUTES)} FROM market.teaser t JOIN market.cell c ON c.id = t.cell_id"
SEES = {"market_public": 1, "market_buyer": 3, "market_desk": 5, "market_domestic": 9}  # role -> the audiences it sees
KEYS: dict[str, Callable[[Row], int]] = {
    "newest": lambda row: -row["batch"], "oldest": lambda row: row["batch"],
    "place": lambda row: PLACE_RANK[row["place"]], "-place": lambda row: -(PLACE_RANK[row["place"]] % 99),
    "revenue": lambda row: REVENUE_RANK[row["revenue"]], "-revenue": lambda row: -(REVENUE_RANK[row["revenue"]] % 99),
    "price": lambda row: PRICE_RANK[row["price"]], "-price": lambda row: -(PRICE_RANK[row["price"]] % 99),
}  # fmt: skip
_SETS = {"scheme": "schemes", "phrase": "phrases"}


def shown(row: Row, field: str) -> tuple[str, ...]:
    """What a teaser says of a field: one code, or several of a set."""
    return tuple(row[_SETS[field]]) if field in _SETS else (row[field],)


@cache
def within(field: str, code: str) -> tuple[str, ...]:
    """The published codes a teaser that shows `code` is certainly inside of: those that its facets count it under."""
    if field in OFF_CODEBOOK:
        return (code,)
    return tuple(each for each in allowed(field) if code != ANY and leaves(field, code) <= leaves(field, each))


class Answer(NamedTuple):
    """One page. `facets`: field -> code -> count, without zeros; `more`: whether the list goes on."""

    certain: int
    possible: int
    facets: dict[str, dict[str, int]]
    refs: list[str]
    more: bool


def told(answer: httpx.Response) -> Answer:
    """The same of what the server says."""
    assert answer.status_code == 200, (answer.request.url, answer.elapsed, answer.text)
    body = answer.json()
    facets = {field: {each["code"]: each["count"] for each in values} for field, values in body["facets"].items()}
    return Answer(body["total_certain"], body["total_possible"], facets, [item["ref"] for item in body["items"]], body["next_cursor"] is not None)


class Verdict(NamedTuple):
    missed: frozenset[str]  # the fields whose filters a teaser does not certainly pass
    overlaps: bool  # it may pass all of them


class Question:
    """A search by its `params` of GET /v1/teasers. What it thinks of a teaser is kept: teasers never change."""

    def __init__(self, **params: Any) -> None:
        self.params = params
        given = {name: [found] if isinstance(found := params.get(name), str) else found for name in FILTERS}
        self.search = read_search(given, params.get("q"), read_ranges({name: params.get(name) for name in BOUNDS}))
        self.is_possible = params.get("match") == "possible"
        self._targets = {name: frozenset.intersection(*(frozenset().union(*(leaves(name, code) for code in codes)) for codes in sets))
                         for name, sets in self.search.wishes.items() if name in ATTRIBUTES}
        self._verdicts: dict[Any, Verdict] = {}
        self._shares: dict[tuple[str, str], float] = {}

    def verdict(self, row: Row) -> Verdict:
        if (found := self._verdicts.get(row["ref"])) is None:
            missed = frozenset(name for name in self.search.wishes if not self._passes(row, name))
            overlaps = all(leaves(name, row[name]) & self._targets[name] if name in self._targets else name not in missed for name in self.search.wishes)
            found = self._verdicts[row["ref"]] = Verdict(missed, overlaps)
        return found

    def _passes(self, row: Row, name: str) -> bool:
        if name in self._targets:
            return leaves(name, row[name]) <= self._targets[name]
        return all(set(codes) & set(shown(row, name)) for codes in self.search.wishes[name])

    def position(self, row: Row) -> Position:
        """Where a teaser stands on the list."""
        return self._key(row), row["shuffle"], row["ref"].bytes

    def _key(self, row: Row) -> int:
        order = self.params.get("sort") or ("relevance" if self.params.get("q") else "newest")
        if self.is_possible:
            share = 1.0
            for name in self._targets:
                share *= self._share(name, row[name])
            return -round(share * 1_000_000)
        if order != "relevance":
            return KEYS[order](row)
        asked = [(name, codes) for name in _SETS for codes in self.search.wishes.get(name, ())]
        if max((len({code for each, codes in asked if each == name for code in codes}) for name in _SETS), default=0) < 2:
            return KEYS["newest"](row)  # one wish ranks nothing
        return -(100_000_000 * sum(len(set(codes) & set(shown(row, name))) for name, codes in asked) + row["batch"])

    def _share(self, name: str, code: str) -> float:
        if (name, code) not in self._shares:
            inside = leaves(name, code) <= self._targets[name]
            self._shares[name, code] = 1.0 if inside else public_share(name, code, self._targets[name])
        return self._shares[name, code]

    def answer(self, rows: Iterable[Row], limit: int, after: Position | None = None) -> Answer:
        """Of these rows, which are all that the reader may see."""
        if self.search.empty:
            return Answer(0, 0, {field: {} for field in FILTERS}, [], False)
        certain, possible, counts = [], [], {field: Counter() for field in FILTERS}
        for row in rows:
            missed, overlaps = self.verdict(row)
            for field in FILTERS if not missed else missed if len(missed) == 1 else ():
                for code in shown(row, field):
                    counts[field].update(within(field, code))
            if not missed:
                certain.append(row)
            elif overlaps:
                possible.append(row)
        placed = sorted((self.position(row) for row in (possible if self.is_possible else certain)))
        placed = [each for each in placed if after is None or each > after] if limit else []
        return Answer(len(certain), len(possible), {field: dict(counted) for field, counted in counts.items()},
                      [ref.hex() for _key, _shuffle, ref in placed[:limit]], len(placed) > limit)


# --- which searches there are ---------------------------------------------------------------------------------------

_FIELDS = (0, 1, 1, 2, 2, 2, 3, 3, 4)
_LANGUAGES = ("ja", "en")


def drawn(rng: Random, rows: Sequence[Row], fields: int | None = None) -> Question:
    """Any search there may be, half of them for what one of these teasers shows; with so many filters, or any number of them."""
    params: dict[str, Any] = {}
    for field in rng.sample(FILTERS, rng.choice(_FIELDS) if fields is None else fields):
        params[field] = _codes(rng, rng.choice(rows), field)
    if rng.random() < 0.15:
        params["q"] = _text(rng, rng.choice(rows))
    if rng.random() < 0.1:
        name = rng.choice(list(BOUNDS))
        params[name] = rng.choice(edges(name))
    if rng.random() < 0.25:
        params["match"] = "possible"
    elif rng.random() < 0.8:
        params["sort"] = rng.choice(("relevance", *KEYS))
    return Question(**params)


def _codes(rng: Random, row: Row, field: str) -> list[str]:
    known, way = allowed(field), rng.random()
    if way < 0.2:  # nearly everything
        return rng.sample(known, min(100, len(known) - 1))
    several = rng.sample(known, min(len(known), rng.choice((1, 1, 2, 4))))
    meant = [code for each in shown(row, field) for code in within(field, each)]
    return several if way < 0.5 or not meant else [rng.choice(meant), *several[1:]]


def _text(rng: Random, row: Row) -> str:
    """In words what a teaser shows: an industry, a place, a phrase or two."""
    language = rng.choice(_LANGUAGES)
    words = [name_of(field, row[field], language) for field in rng.sample(("place", "industry"), rng.choice((1, 2))) if row[field] != ANY]
    words += [vocabulary().label(code, language) for code in rng.sample(row["phrases"], min(len(row["phrases"]), rng.choice((0, 1, 2, 3))))]
    return ", ".join(words)[:200]
