"""Which published words of a teaser did a search text ask for?

A function of the teaser's published codes and of what the text was read as: nothing is marked that the reader does not see.
"""

from __future__ import annotations

import asyncpg
import msgspec

from succession.anonymity.vocabulary import vocabulary
from succession.codes import ANY, ATTRIBUTES, label, leaves
from succession.market.search import Search, reach


class Matched(msgspec.Struct, frozen=True):
    """`label` stands in the line `attribute` of the item's facts, in these words."""

    attribute: str
    code: str
    label: str


#: Parameter -> the line of facts it is asked of, where they are named differently.
_LINE = {"scheme": "schemes", "phrase": "phrases"}


def matched_in(row: asyncpg.Record, asked: Search, locale: str) -> list[Matched]:
    """The codes of a found row that its text named, in the order of the parameters; of a figure, the code that lies inside
    what was named or overlaps it."""
    return [Matched(_LINE.get(name, name), code, _words(name, code, locale))
            for name, codes in asked.read_as.items() for code in _shown(row, name) if code in _meant(name, codes)]


def _shown(row: asyncpg.Record, name: str) -> tuple[str, ...]:
    shown = row[_LINE.get(name, name)]
    codes = tuple(shown) if isinstance(shown, (list, tuple)) else (shown,)
    return vocabulary().in_order(codes) if name == "phrase" else codes


def _meant(name: str, codes: tuple[str, ...]) -> set[str]:
    if name not in ATTRIBUTES:
        return set(codes)
    target = frozenset().union(*(leaves(name, code) for code in codes))
    return {code for code, _share in reach(name, target)[1]} - {ANY}


def _words(name: str, code: str, locale: str) -> str:
    return vocabulary().label(code, locale) if name == "phrase" else label(name, code, locale)
