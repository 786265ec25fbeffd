"""Which published codes does a search text name?

`q` is read with a dictionary of published vocabulary (dictionary.py) in Japanese, English, Chinese and Korean. Nothing else
is looked at, so a company's name, number or address is read exactly like any other string. A text is answered only when
every word of it is vocabulary: names are full of places and trades ("Yamaguchi Seisakusho", "Hotel Hanamori"), and dropping
the unknown word would turn a name into a search. For the same reason one slip of the hand is read, and no second one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import msgspec

from succession.codes import leaves
from succession.market.dictionary import PARTICLES, SLIP_MOST, Meaning, dictionary, nearest, respelt
from succession.market.spelling import fold, is_latin, words_of

LENGTH_MAX = 200
# Compatibility characters may grow when normalised; what grows past this is no search text.
_FOLDED_MAX = 400


class Corrected(msgspec.Struct, frozen=True):
    """A slip of the hand: what was typed, and the word it was read as."""

    typed: str
    read_as: str


class Terms(msgspec.Struct, frozen=True):
    """The codes a text names: several of one attribute mean any of them, different attributes mean all of them.

    `unrecognised` keeps the writer's own words. When it is not empty there are no filters and no phrases, and the
    search has no hits.
    """

    filters: dict[str, frozenset[str]]
    phrases: frozenset[str]
    unrecognised: tuple[str, ...]
    corrected: tuple[Corrected, ...] = ()


@lru_cache(maxsize=2_000)
def parse_terms(q: str) -> Terms:
    """Read a search text of at most 200 characters, in time bounded by its length. Longer texts are not recognised.

    A blank text names nothing and leaves nothing unrecognised: it does not narrow the search.
    """
    if not q.strip():
        return Terms({}, frozenset(), ())
    words = words_of(q) if len(q) <= LENGTH_MAX else []
    folded = [respelt(fold(word)) for word in words]
    if not words or sum(map(len, folded)) + len(folded) > _FOLDED_MAX:
        return Terms({}, frozenset(), (q.strip()[:LENGTH_MAX],))
    text = _Text.of(folded)
    meanings, unknown, corrected = *_segment(text), ()
    if unknown and (read := _with_one_slip(text)):
        meanings, unknown, corrected = read.meanings, [], (Corrected(_typed(text, read, words), read.entry),)
    if unknown or not any(meanings):
        return Terms({}, frozenset(), tuple(dict.fromkeys(words[i] for i in unknown or range(len(words)))))
    named: dict[str, list[frozenset[str]]] = {}
    for meaning in meanings:
        for attribute in sorted({attribute for attribute, _code in meaning}):
            named.setdefault(attribute, []).append(frozenset(code for name, code in meaning if name == attribute))
    phrases = frozenset().union(*named.pop("phrases", ()))
    return Terms({attribute: _finest(attribute, terms) for attribute, terms in sorted(named.items())}, phrases, (), corrected)


def _finest(attribute: str, terms: list[frozenset[str]]) -> frozenset[str]:
    """All codes of one attribute, less the terms that merely describe a narrower one: in "metal parts maker in Osaka,
    Kansai" the maker and Kansai are no second wish."""
    if attribute in ("place", "industry"):
        extents = [frozenset().union(*(leaves(attribute, code) for code in term)) for term in terms]
        terms = [term for term, whole in zip(terms, extents, strict=True) if not any(each < whole for each in extents)]
    return frozenset().union(*terms)


# --- segmentation ---------------------------------------------------------------------------------------------------


class _Text(NamedTuple):
    """Folded words laid out in a row; a space stands only beside a Latin letter, so that nobody has to know where Chinese,
    Japanese or Korean put theirs. `starts`, `ends`: position -> number of the word that begins or ends there."""

    text: str
    words: list[str]
    starts: dict[int, int]
    ends: dict[int, int]

    @classmethod
    def of(cls, words: list[str]) -> _Text:
        text, starts, ends = "", {}, {}
        for number, word in enumerate(words):
            text += " " if text and (is_latin(text[-1]) or is_latin(word[0])) else ""
            starts[len(text)] = number
            text += word
            ends[len(text)] = number
        return cls(text, words, starts, ends)


class _Step(NamedTuple):
    """A way to read on from some position, and what the whole rest of the text then costs."""

    unknown: int
    terms: int
    to: int
    meaning: Meaning | None
    word: int | None


def _segment(text: _Text) -> tuple[list[Meaning], list[int]]:
    """(meanings, positions of unknown words) of the reading with the fewest unknown words, then the fewest terms."""
    best = _ways(text)
    meanings, unknown, at = [], [], 0
    while at < len(text.text):
        step = best[at]
        meanings += [step.meaning] if step.meaning is not None else []
        unknown += [step.word] if step.word is not None else []
        at = step.to
    return meanings, unknown


def _ways(text: _Text) -> dict[int, _Step]:
    """Position -> the best way on from there. Read from the right, so that each is decided once; a word that cannot be
    read to its end is unknown whole."""
    line, starts = text.text, text.starts
    best = {len(line): _Step(0, 0, len(line), None, None)}
    for at in range(len(line) - 1, -1, -1):
        steps = [_Step(0, 1, end, meaning, None) for end, meaning in _readings(line, at, inside=at not in starts)]
        if line[at] == " ":
            steps.append(_Step(0, 0, at + 1, None, None))
        if at in starts:
            steps.append(_Step(1, 0, at + len(text.words[starts[at]]), None, starts[at]))
        costed = [
            step._replace(unknown=step.unknown + best[step.to].unknown, terms=step.terms + best[step.to].terms)
            for step in steps
            if step.to in best  # a position inside a word from which its end cannot be reached is a dead end
        ]
        if costed:
            best[at] = min(costed, key=lambda step: (step.unknown, step.terms, -step.to))
    return best


def _readings(text: str, at: int, inside: bool) -> Iterator[tuple[int, Meaning]]:
    """Every dictionary entry that begins at `at`, or after one particle there when `at` is inside an unspaced run."""
    yield from _entries_at(text, at)
    if inside and text[at - 1] != " ":
        for particle in PARTICLES:
            if text.startswith(particle, at):
                yield from _entries_at(text, at + len(particle))


def _entries_at(text: str, at: int) -> Iterator[tuple[int, Meaning]]:
    known = dictionary()
    if at >= len(text) or (_latin(text, at) and _latin(text, at - 1)):
        return
    for length in known.lengths.get(text[at], ()):
        end = at + length
        meaning = known.entries.get(text[at:end])
        if meaning is not None and end <= len(text) and not (_latin(text, end - 1) and _latin(text, end)):
            yield end, meaning


def _latin(text: str, at: int) -> bool:
    return 0 <= at < len(text) and is_latin(text[at])


# --- one slip -------------------------------------------------------------------------------------------------------


class _Slip(NamedTuple):
    """The stretch of the text that is one slip from `entry`, and what the whole text then means."""

    start: int
    end: int
    entry: str
    meanings: list[Meaning]


def _with_one_slip(text: _Text) -> _Slip | None:
    """The reading in which all but one stretch of the text are entries, and that one is a slip away from one; of several
    the one with the fewest terms, None where two of those differ."""
    before, after = _before(text), {at: step for at, step in _ways(text).items() if not step.unknown}
    found: dict[tuple[int, Meaning], _Slip] = {}
    for start, terms in before.items():
        for end in (end for end in after if start < end <= start + SLIP_MOST):
            stretch = text.text[start:end]
            if stretch != stretch.strip() or _latin(text.text, start - 1) and _latin(text.text, start) \
                    or _latin(text.text, end - 1) and _latin(text.text, end):
                continue
            if near := nearest(stretch):
                rest = _onwards(after, end)
                found.setdefault((len(terms) + len(rest), near[1]), _Slip(start, end, near[0], [*terms, near[1], *rest]))
    fewest = [slip for (count, _meaning), slip in found.items() if count == min(count for count, _meaning in found)]
    return fewest[0] if len(fewest) == 1 else None


def _before(text: _Text) -> dict[int, list[Meaning]]:
    """Position -> the fewest terms by which everything before it can be read."""
    reached: dict[int, list[Meaning]] = {0: []}
    for at in range(len(text.text)):
        if at not in reached:
            continue
        ways = [(end, [*reached[at], meaning]) for end, meaning in _readings(text.text, at, inside=at not in text.starts)]
        if text.text[at] == " ":
            ways.append((at + 1, reached[at]))
        if at not in text.starts and text.text[at - 1] != " ":
            ways += [(at + len(particle), reached[at]) for particle in PARTICLES if text.text.startswith(particle, at)]
        for end, terms in ways:
            if end not in reached or len(terms) < len(reached[end]):
                reached[end] = terms
    return reached


def _onwards(after: dict[int, _Step], at: int) -> list[Meaning]:
    meanings = []
    while after[at].to != at:
        meanings += [after[at].meaning] if after[at].meaning is not None else []
        at = after[at].to
    return meanings


def _typed(text: _Text, slip: _Slip, words: list[str]) -> str:
    """The stretch as it was typed, where it consists of whole words."""
    if slip.start in text.starts and slip.end in text.ends:
        return " ".join(words[text.starts[slip.start] : text.ends[slip.end] + 1])
    return text.text[slip.start : slip.end]
