"""Which of these teasers does a search find? A set of teasers is one whole number: an OR per field, an AND over fields.

Bit n stands for the n-th teaser given. A hundred thousand searches ask the same few thousand questions of a field, so each
answer is kept while the sets live. Nothing but published rows comes in: what a search finds here, it finds on the market
(a test compares with the statement of queries.py).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from succession.codes import ANY, ATTRIBUTES, SCHEMES, leaves
from succession.market.search import Sets

KEPT_MOST = 20_000  # answers kept: at 5,000 teasers 13 MB
_SINGLE = (*ATTRIBUTES, "price", "timing")
_SEVERAL = {"scheme": "schemes", "phrase": "phrases"}


class FoundSets:
    """Teasers in the order in which they are told: `rows` with the columns of `COLUMNS`."""

    COLUMNS = ("ref", "batch", "audiences", *_SINGLE, *_SEVERAL.values())

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.rows = rows
        self._places = {row["ref"]: place for place, row in enumerate(rows)}
        self._shown: dict[str, dict[str, int]] = {field: {} for field in (*_SINGLE, *_SEVERAL)}
        for (field, code), bits in _bits(((field, code), place) for place, row in enumerate(rows) for field, code in _shown(row)).items():
            self._shown[field][code] = bits
        self.of_batch = _bits((row["batch"], place) for place, row in enumerate(rows))
        self._of_audiences = _bits((row["audiences"], place) for place, row in enumerate(rows))
        self._kept: dict[Any, int] = {}

    def found(self, asked: Sets, possible: bool) -> int:
        """What passes every filter: for certain, or with `possible` also what may."""
        found = (1 << len(self.rows)) - 1
        for field, sets in asked.items():
            found &= self._passing(field, sets, possible)
            if not found:
                break
        return found

    def _passing(self, field: str, sets: Sequence[Sequence[str]], possible: bool) -> int:
        kept = self._kept.get((field, sets, possible))
        if kept is None:
            if len(self._kept) >= KEPT_MOST:
                self._kept.clear()
            kept = self._kept[field, sets, possible] = self._asked(field, sets, possible)
        return kept

    def _asked(self, field: str, sets: Sequence[Sequence[str]], possible: bool) -> int:
        shown = self._shown[field]
        if field not in ATTRIBUTES:
            return _all_of((_any_of(shown.get(code, 0) for code in codes) for codes in sets), (1 << len(self.rows)) - 1)
        extent = _extents(field)
        target = _all_of((_any_of(extent[code] for code in codes) for codes in sets), extent[ANY])
        if possible:
            return _any_of(bits for code, bits in shown.items() if extent[code] & target)
        return _any_of(bits for code, bits in shown.items() if not extent[code] & ~target)

    def seen_by(self, audiences: int) -> int:
        """What somebody sees who belongs to these audiences."""
        return _any_of(bits for each, bits in self._of_audiences.items() if each & audiences)

    def after(self, batch: int) -> int:
        return _any_of(bits for number, bits in self.of_batch.items() if number > batch)

    def these(self, refs: Iterable[UUID]) -> int:
        found = 0
        for ref in refs:
            if ref in self._places:
                found |= 1 << self._places[ref]
        return found


@cache
def _extents(attribute: str) -> dict[str, int]:
    """Code -> the finest codes it stands for, as a set of the same kind."""
    place = {leaf: n for n, leaf in enumerate(leaves(attribute, ANY))}
    return {code: sum(1 << place[leaf] for leaf in leaves(attribute, code)) for code in SCHEMES[attribute].codes}


def places_in(bits: int, most: int) -> Iterator[int]:
    """The first `most` places of a set, in order."""
    while bits and most:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
        most -= 1


def _shown(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for field in _SINGLE:
        yield field, row[field]
    for field, column in _SEVERAL.items():
        for code in row[column]:
            yield field, code


def _bits(marks: Iterable[tuple[Any, int]]) -> dict[Any, int]:
    """Key -> the set of places marked with it."""
    found: dict[Any, bytearray] = {}
    for key, place in marks:
        written = found.setdefault(key, bytearray())
        if len(written) <= place >> 3:
            written.extend(bytes((place >> 3) + 1 - len(written)))
        written[place >> 3] |= 1 << (place & 7)
    return {key: int.from_bytes(written, "little") for key, written in found.items()}


def _any_of(sets: Iterable[int]) -> int:
    found = 0
    for bits in sets:
        found |= bits
    return found


def _all_of(sets: Iterable[int], everything: int) -> int:
    for bits in sets:
        everything &= bits
    return everything
