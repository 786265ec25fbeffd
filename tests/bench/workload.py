"""What do people ask of a market, in what proportions? Seeded draws: the same numbers give the same searches.

A search is the parameters of GET /v1/teasers. `CLASSES` names what the mixed workload consists of and how much of each.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from succession.anonymity.vocabulary import vocabulary
from succession.codes import SCHEMES, label
from succession.market.search import allowed, read_search

Search = dict[str, Any]

REGIONS = [code for code in allowed("place") if not code.startswith("JP-")]
PREFECTURES = [code for code in allowed("place") if code.startswith("JP-")]
DIVISIONS = [code for code in allowed("industry") if len(code) == 1]
GROUPS = [code for code in allowed("industry") if code.isdigit()]
PHRASES = [phrase.code for phrase in vocabulary().offered()]
SCHEMES_DRAWN = list(SCHEMES["scheme"].codes)[:6]
SORTS = ("newest", "newest", "newest", "-revenue", "revenue", "price", "-price", "place")


def unfiltered(rng: Random) -> Search:
    return {"sort": rng.choice(SORTS)}


def broad(rng: Random) -> Search:
    """One or two wide wishes."""
    one = {"place": [rng.choice(REGIONS)], "industry": [rng.choice(DIVISIONS)], "revenue": [rng.choice(allowed("revenue"))],
           "employees": [rng.choice(allowed("employees"))], "price": rng.sample(allowed("price"), 2), "timing": [rng.choice(allowed("timing"))],
           "scheme": [rng.choice(SCHEMES_DRAWN)]}
    fields = rng.sample(list(one), rng.choice((1, 1, 2)))
    return {name: one[name] for name in fields} | {"sort": rng.choice(SORTS)}


def narrow(rng: Random) -> Search:
    """A prefecture and a trade, and for every second one more wish."""
    asked: Search = {"place": [rng.choice(PREFECTURES)], "industry": [rng.choice(GROUPS)]}
    more = {"price": rng.sample(allowed("price"), 2), "phrase": [rng.choice(PHRASES)], "employees": [rng.choice(allowed("employees"))]}
    name = rng.choice((*more, None, None, None))
    return asked | ({name: more[name]} if name else {}) | {"sort": rng.choice(SORTS)}


def text(rng: Random) -> Search:
    """Words that the search knows, in either language."""
    while True:
        locale = rng.choice(("ja", "en"))
        words = [label("place", rng.choice(REGIONS + PREFECTURES), locale)]
        words += [label("industry", rng.choice(DIVISIONS + GROUPS), locale)] if rng.random() < 0.6 else []
        asked = read_search({}, " ".join(words))
        if not asked.empty and len(asked.certain) + len(asked.others) <= 2:
            return {"q": " ".join(words)}


def three(rng: Random) -> Search:
    """Three wide wishes at once."""
    return {"place": [rng.choice(REGIONS)], "revenue": [rng.choice(allowed("revenue"))], "price": rng.sample(allowed("price"), 2)}


def codebook(rng: Random) -> Search:
    fields = rng.sample(("place", "industry", "revenue", "employees"), rng.choice((1, 2)))
    return {name: [rng.choice(allowed(name))] for name in fields}


def others(rng: Random) -> Search:
    name = rng.choice(("price", "scheme", "timing", "phrase"))
    return {name: [rng.choice({"phrase": PHRASES, "scheme": SCHEMES_DRAWN}.get(name, allowed(name)))]}


def two_others(rng: Random) -> Search:
    fields = rng.sample(("price", "scheme", "timing", "phrase"), 2)
    return {name: [rng.choice({"phrase": PHRASES, "scheme": SCHEMES_DRAWN}.get(name, allowed(name)))] for name in fields}


#: Class -> (its searches, how many of a hundred). Deep pages continue searches of the first two.
CLASSES: dict[str, tuple[Callable[[Random], Search], int]] = {
    "unfiltered": (unfiltered, 20), "broad": (broad, 30), "narrow": (narrow, 25), "text": (text, 12), "three wide wishes": (three, 3)}
DEEP = 10
GROWTH: dict[str, Callable[[Random], Search]] = {"codebook filters": codebook, "price, scheme, timing or phrase": others, "two of those": two_others}


def drawn(kind: Callable[[Random], Search], count: int, seed: str) -> list[Search]:
    rng = Random(seed)
    return [kind(rng) for _each in range(count)]
