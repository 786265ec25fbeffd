"""Which passages of a Japanese text may name an organisation, a person, a place or a product?

Sudachi's words are put together to runs of nouns (`runs.py`); katakana and Latin letters are read letter by letter,
since a name in them is seldom a word of the dictionary; what the wording around a passage tells is in `phrases.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from succession.anonymity.scanner import english, generic, phrases
from succession.anonymity.scanner import morphemes as sorts
from succession.anonymity.scanner.morphemes import Morpheme, morphemes
from succession.anonymity.scanner.runs import Found, Run

JAPANESE = re.compile(r"[ぁ-ヿ\u3005\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_NOMINAL = sorts.PROPER_NOUNS | {sorts.NOUN, sorts.NUMBER, sorts.COUNTER, sorts.SUFFIX, sorts.PREFIX}


def names(text: str) -> Iterator[Found]:
    """Every passage of a plain view that may be a name, in no particular order; passages may overlap."""
    words = morphemes(text)
    hot = sorted([*_katakana(text), *_latin(text)])
    yield from hot
    yield from phrases.quoted(text)
    yield from phrases.beside_legal_form(text, words)
    yield from phrases.called(text, words)
    yield from phrases.next_to_a_role(words)
    hiragana = dict(phrases.hiragana_stretches(text, words))
    at = 0
    for first, last in _runs(words):
        while at < len(hot) and hot[at][1] <= words[first].start:
            at += 1
        near = at < len(hot) and hot[at][0] < words[last - 1].end
        heat = [_heat(word, hot, at) if near else None for word in words[first:last]]
        run = Run(words[first:last], heat)
        yield from run.spans()
        ends_long = run.ends_as_organisation()
        if ends_long and (behind := phrases.attached_behind(words, last)):
            yield words[first].start, behind, "organisation"
        if ends_long or run.kinds[0]:
            before = hiragana.get(words[first].start) if heat[0] or ends_long else None
            if before is None and ends_long:
                before = phrases.attached(words, first)
            if before is None:
                before = phrases.joined_by_no(words, first)
            if before is not None:
                yield before, words[last - 1].end, "organisation"


# --- runs ----------------------------------------------------------------------------------------------------------

_LINKS = "・=＝&'’.-"
_LONGEST_RUN = 40  # words; no name is as long, and the rules look at every pair
_FOREIGN = re.compile(r"[A-Za-zァ-ヺーÀ-ɏ0-9]")


def _runs(words: list[Morpheme]) -> Iterator[tuple[int, int]]:
    """(first, last + 1) of nouns without a gap; a middot or hyphen joins katakana and Latin, a space joins Latin."""
    first = None
    for at, word in enumerate(words):
        if first is not None and at - first >= _LONGEST_RUN:
            yield first, at
            first = None
        if word.sort in _NOMINAL:
            first = at if first is None else first
        elif first is not None and not (at + 1 < len(words) and _links(words[at - 1], word, words[at + 1])):
            yield first, at
            first = None
    if first is not None:
        yield first, len(words)


def _links(before: Morpheme, word: Morpheme, after: Morpheme) -> bool:
    if len(word.surface) != 1 or not _FOREIGN.match(before.surface[-1]) or not _FOREIGN.match(after.surface[0]):
        return False
    latin = before.surface[-1].isascii() and after.surface[0].isascii()
    return word.surface in _LINKS or (word.surface == " " and latin)


# --- katakana and Latin, letter by letter --------------------------------------------------------------------------

_KATAKANA_CHAIN = re.compile(r"[ァ-ヺ][ァ-ヺー]*(?:[・=･][ァ-ヺ][ァ-ヺー]*){0,8}")


def _katakana(text: str) -> Iterator[Found]:
    """Chains of katakana that do not consist of allowed words only."""
    for chain in _KATAKANA_CHAIN.finditer(text):
        words = re.split("[・=･]", chain[0])
        if not all(generic.is_unremarkable_katakana(word) or len(word) == 1 == len(words) for word in words):
            yield chain.start(), chain.end(), "katakana"


def _heat(word: Morpheme, hot: list[Found], at: int) -> str | None:
    """The kind of the hot passage a word lies in; `at` is the first that does not end before the run."""
    while at < len(hot) and hot[at][0] < word.end:
        if hot[at][1] > word.start:
            return hot[at][2]
        at += 1
    return None


_LATIN_STRETCH = re.compile(r"[A-Za-zÀ-ɏ](?:[A-Za-zÀ-ɏ0-9&'’.+-]|[ ,](?=[A-Za-zÀ-ɏ0-9&])|, (?=[A-Z])){0,200}")
_KATAKANA_AFTER = re.compile("[ァ-ヺ][ァ-ヺー]{0,30}")
_KATAKANA_BEFORE = re.compile("[ァ-ヺ][ァ-ヺー]{0,30}$")


def _latin(text: str) -> Iterator[Found]:
    """Latin names, with the katakana that is written in one with them (Airレジ). English lines are read elsewhere."""
    for first, last, is_japanese in lines(text):
        for stretch in _LATIN_STRETCH.finditer(text, first, last) if is_japanese else ():
            for start, end, kind in english.names(text, stretch.start(), stretch.end(), in_japanese=True):
                after = _KATAKANA_AFTER.match(text, end)
                before = _KATAKANA_BEFORE.search(text, max(0, start - 31), start)
                yield before.start() if before else start, after.end() if after else end, kind


# --- lines ---------------------------------------------------------------------------------------------------------

_LINE = re.compile(r"[^\n]+")
_LETTERS = re.compile(r"[A-Za-zÀ-ɏ]+")


def lines(text: str) -> Iterator[tuple[int, int, bool]]:
    """(start, end, whether it is Japanese) of each line; one with few kana and kanji among many letters is English."""
    for line in _LINE.finditer(text):
        letters = sum(len(word) for word in _LETTERS.findall(line[0]))
        yield line.start(), line.end(), 3 * len(JAPANESE.findall(line[0])) >= max(1, letters)
