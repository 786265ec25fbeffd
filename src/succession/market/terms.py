"""Which published codes does a search text name?

`q` is read with a dictionary of published vocabulary (dictionary.py) in Japanese, English, Chinese and Korean, and figures with
their units as bands (figures.py). Nothing else is looked at, so a company's name, number or address is read exactly like any
other string. A text is answered only when every word of it is vocabulary or stands in the closed list of words that ask for
nothing: names are full of places and trades ("Yamaguchi Seisakusho", "Hotel Hanamori"), and dropping the unknown word would
turn a name into a search. For the same reason one slip of the hand is read, and no second one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import msgspec

from succession.codes.schemes import BAND_SCHEMES
from succession.market.dictionary import (
    BELONGING,
    CHINESE_ENDINGS,
    KOREAN_ENDINGS,
    PARTICLES,
    PLACE_ENDINGS,
    SHORT_MOST,
    SLIP_MOST,
    TRADE_ENDINGS,
    Meaning,
    dictionary,
    nearest,
    respelt,
)
from succession.market.figures import Figure, apart
from succession.market.spelling import fold, is_hangul, is_kana, is_latin, language_of, visible, words_of
from succession.market.together import Link, Trade, finest, meant

LENGTH_MAX = 200
# Compatibility characters may grow when normalised; what grows past this is no search text.
_FOLDED_MAX = 400
_LIST = re.compile(r"[,、，;；/|&+・·•]")
_FIRST_FIGURE = 0xE000  # private use: no word has such characters


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
    text = _Text.of(q) if len(q) <= LENGTH_MAX else None
    if text is None or not text.words or len(text.line) > _FOLDED_MAX:
        return Terms({}, frozenset(), (q.strip()[:LENGTH_MAX],))
    named, unknown, corrected = *_segment(text), ()
    if unknown and (read := _with_one_slip(text)):
        named, unknown, corrected = read.named, [], (Corrected(_typed(text, read), read.entry),)
    if unknown or not named:
        return Terms({}, frozenset(), tuple(dict.fromkeys(word.typed for word in unknown or text.words)))
    said: dict[str, list[_Named]] = {}
    for each in named:
        for attribute in {attribute for attribute, _code in each.meaning}:
            said.setdefault(attribute, []).append(each)
    filters = {attribute: _all_meant(text, attribute, terms) for attribute, terms in sorted(said.items())}
    return Terms(filters, filters.pop("phrases", frozenset()), (), corrected)


def _all_meant(text: _Text, attribute: str, named: list[_Named]) -> frozenset[str]:
    """Any of the codes named, but that two things said of one figure are both meant: "profitable, high margin" is a high margin."""
    codes = [frozenset(code for name, code in each.meaning if name == attribute) for each in named]
    if attribute == "industry":
        links = [Link.LISTED, *(_link(text, *pair) for pair in zip(named, named[1:], strict=False))]
        return meant([Trade(*each) for each in zip(codes, links, strict=True)])
    if attribute in BAND_SCHEMES and (both := frozenset.intersection(*codes)):
        return both
    return finest(attribute, codes) if attribute == "place" else frozenset().union(*codes)


def _link(text: _Text, before: _Named, after: _Named) -> Link:
    between = text.line[before.end : after.start].strip()
    if between in ("of", "for"):
        return Link.OF
    if between not in ("", *BELONGING) or any(before.end <= at <= after.start for at in text.listed):
        return Link.LISTED
    return Link.LOOSE if before.end == after.start in text.starts else Link.TIGHT


# --- the text -------------------------------------------------------------------------------------------------------


class _Word(NamedTuple):
    typed: str
    start: int
    end: int


class _Text(NamedTuple):
    """Folded words laid out in a row; a space stands only between Latin letters, so that nobody has to know where Chinese,
    Japanese or Korean put theirs, and a figure is one character.

    `starts`, `ends`: position -> the word that begins or ends there. `listed`: positions at a comma or another sign of a list.
    `language`: "ja" or "zh" where the characters tell. `particular`: words that mean less in that language.
    """

    line: str
    words: list[_Word]
    starts: dict[int, _Word]
    ends: dict[int, _Word]
    listed: set[int]
    figures: dict[str, Meaning]
    language: str | None
    particular: dict[str, Meaning]

    @classmethod
    def of(cls, q: str) -> _Text:
        line, words, listed, figures = "", [], set(), {}
        for typed, folded, meaning in _laid_out(q):
            if not folded:
                listed.add(len(line))
                continue
            line += " " if line and is_latin(line[-1]) and is_latin(folded[0]) else ""
            words.append(_Word(typed, len(line), len(line) + len(folded)))
            line += folded
            if meaning is not None:
                figures[folded] = meaning
        starts, ends, language = {word.start: word for word in words}, {word.end: word for word in words}, language_of(q)
        return cls(line, words, starts, ends, listed, figures, language, dictionary().of_language.get(language or "", {}))


def _laid_out(q: str) -> Iterator[tuple[str, str, Meaning | None]]:
    """(as typed, folded, meaning of a figure) of each word; the signs of a list are folded to nothing."""
    signs = map(chr, range(_FIRST_FIGURE, _FIRST_FIGURE + LENGTH_MAX))
    for piece in apart(visible(q)):
        if isinstance(piece, Figure):
            yield piece.text, next(signs), piece.meaning
            continue
        for n, run in enumerate(_LIST.split(piece)):
            if n:
                yield "", "", None
            for word in words_of(run):
                yield word, respelt(fold(word)), None


# --- segmentation ---------------------------------------------------------------------------------------------------


class _Named(NamedTuple):
    """A stretch of the line that names something."""

    start: int
    end: int
    meaning: Meaning


class _Step(NamedTuple):
    """A way to read on from some position, and what the whole rest of the text then costs."""

    unknown: int
    terms: int
    to: int
    named: _Named | None
    word: _Word | None


def _segment(text: _Text) -> tuple[list[_Named], list[_Word]]:
    """(what is named, unknown words) of the reading with the fewest unknown words, then the fewest terms."""
    best = _ways(text)
    named, unknown, at = [], [], 0
    while at < len(text.line):
        step = best[at]
        named += [step.named] if step.named and step.named.meaning else []
        unknown += [step.word] if step.word is not None else []
        at = step.to
    return named, unknown


def _ways(text: _Text) -> dict[int, _Step]:
    """Position -> the best way on from there. Read from the right, so that each is decided once; a word that cannot be
    read to its end is unknown whole."""
    line, starts = text.line, text.starts
    best = {len(line): _Step(0, 0, len(line), None, None)}
    for at in range(len(line) - 1, -1, -1):
        steps = [_Step(0, 1, named.end, named, None) for named in _readings(text, at)]
        if line[at] == " ":
            steps.append(_Step(0, 0, at + 1, None, None))
        if at in starts:
            steps.append(_Step(1, 0, starts[at].end, None, starts[at]))
        costed = [
            step._replace(unknown=step.unknown + best[step.to].unknown, terms=step.terms + best[step.to].terms)
            for step in steps
            if step.to in best  # a position inside a word from which its end cannot be reached is a dead end
        ]
        if costed:
            best[at] = min(costed, key=lambda step: (step.unknown, step.terms, -step.to))
    return best


def _readings(text: _Text, at: int) -> Iterator[_Named]:
    """Every dictionary entry that begins at `at`, or after one particle there between two characters that need no space."""
    yield from _entries_at(text, at)
    if at and text.line[at - 1] != " ":
        for particle in PARTICLES.get(text.line[at], ()):
            if text.line.startswith(particle, at):
                yield from _entries_at(text, at + len(particle))


def _entries_at(text: _Text, at: int) -> Iterator[_Named]:
    known, line = dictionary(), text.line
    if at >= len(line) or (_latin(line, at) and _latin(line, at - 1)):
        return
    if line[at] in text.figures:
        yield _Named(at, at + 1, text.figures[line[at]])
    for length in (*known.lengths.get(line[at : at + 2], ()), *known.lengths.get(line[at], ())):
        end = at + length
        meaning = known.entries.get(line[at:end])
        if meaning and text.particular:
            meaning = text.particular.get(line[at:end], meaning)
        if meaning is not None and end <= len(line) and not (_latin(line, end - 1) and _latin(line, end)):
            yield _Named(at, end, meaning)
            yield from (_Named(at, end + len(ending), meaning) for ending in _endings(text, end, meaning))


def _endings(text: _Text, at: int, meaning: Meaning) -> Iterator[str]:
    """What is joined to an entry that ends at `at`, in a text that needs no space there."""
    line = text.line
    if at >= len(line) or line[at].isascii():
        return
    of = {attribute for attribute, _code in meaning}
    for table, of_one in ((TRADE_ENDINGS, "industry"), (PLACE_ENDINGS, "place"), (CHINESE_ENDINGS, "industry" if text.language == "zh" else "")):
        if of_one in of and line[at] in table:
            yield from (ending for ending in table[line[at]] if line.startswith(ending, at))
    if is_hangul(line[at - 1]):
        yield from (ending for ending in KOREAN_ENDINGS.get(line[at], ()) if line.startswith(ending, at) and at + len(ending) in text.ends)


def _latin(line: str, at: int) -> bool:
    return 0 <= at < len(line) and is_latin(line[at])


# --- one slip -------------------------------------------------------------------------------------------------------


class _Slip(NamedTuple):
    """The stretch of the text that is one slip from `entry`, and what the whole text then names."""

    start: int
    end: int
    entry: str
    named: list[_Named]


def _with_one_slip(text: _Text) -> _Slip | None:
    """The reading in which all but one stretch of the text are entries, and that one is a slip away from one; of several
    the one with the fewest terms, None where two of those differ."""
    before, after = _before(text), {at: step for at, step in _ways(text).items() if not step.unknown}
    found: dict[tuple[int, Meaning], _Slip] = {}
    for start, terms in before.items():
        if _within_a_word(text, start):
            continue
        for end in (end for end in after if start < end <= start + SLIP_MOST):
            stretch = text.line[start:end]
            if stretch != stretch.strip() or _within_a_word(text, end) or not text.figures.keys().isdisjoint(stretch):
                continue
            if near := nearest(stretch):
                rest = _onwards(after, end)
                if not _shaped_like_a_name(text, terms, _Named(start, end, near[1]), rest):
                    named = [each for each in (*terms, _Named(start, end, near[1]), *rest) if each.meaning]
                    found.setdefault((len(terms) + len(rest), near[1]), _Slip(start, end, near[0], named))
    fewest = [slip for (count, _meaning), slip in found.items() if count == min(count for count, _meaning in found)]
    return fewest[0] if len(fewest) == 1 else None


def _within_a_word(text: _Text, at: int) -> bool:
    """Whether a stretch that began or ended here would break a run of Latin letters, kana or Hangul as it was typed."""
    return 0 < at < len(text.line) and at not in text.starts and any(of_a_run(text.line[at - 1]) and of_a_run(text.line[at]) for of_a_run in (is_latin, is_kana, is_hangul))


def _shaped_like_a_name(text: _Text, before: list[_Named], slip: _Named, rest: list[_Named]) -> bool:
    """Whether a short word outside Latin letters stands as the trade in a name does, right behind what may be a family's (山口 and a trade), or
    as the family does, before a trade."""
    if slip.end - slip.start > SHORT_MOST or text.line[slip.start].isascii():
        return False
    return any(each.meaning and not _a_place(each) for each in (*before, *rest)) or any(each.end == slip.start for each in before[-1:])


def _a_place(named: _Named) -> bool:
    return all(attribute == "place" for attribute, _code in named.meaning)


def _before(text: _Text) -> dict[int, list[_Named]]:
    """Position -> the fewest terms by which everything before it can be read."""
    reached: dict[int, list[_Named]] = {0: []}
    for at in range(len(text.line)):
        if at not in reached:
            continue
        ways = [(named.end, [*reached[at], named]) for named in _readings(text, at)]
        if text.line[at] == " ":
            ways.append((at + 1, reached[at]))
        if at and text.line[at - 1] != " ":
            ways += [(at + len(particle), reached[at]) for particle in PARTICLES.get(text.line[at], ()) if text.line.startswith(particle, at)]
        for end, terms in ways:
            if end not in reached or len(terms) < len(reached[end]):
                reached[end] = terms
    return reached


def _onwards(after: dict[int, _Step], at: int) -> list[_Named]:
    named = []
    while after[at].to != at:
        named += [after[at].named] if after[at].named is not None else []
        at = after[at].to
    return named


def _typed(text: _Text, slip: _Slip) -> str:
    """The stretch as it was typed, where it consists of whole words."""
    if slip.start in text.starts and slip.end in text.ends:
        return " ".join(word.typed for word in text.words if slip.start <= word.start < slip.end)
    return text.line[slip.start : slip.end]
