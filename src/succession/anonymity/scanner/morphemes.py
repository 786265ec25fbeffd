"""Which words does a Japanese text consist of, and of what sort is each?

Sudachi and its core dictionary (SudachiPy, SudachiDict: Apache-2.0, Works Applications; the dictionary contains UniDic
and NEologd parts under their own permissive notices) are installed as packages; nothing of them is copied here. Loading
takes half a second and some 90 MB, once in a process and only when a text is scanned.
"""

from __future__ import annotations

import importlib.metadata
import re
import threading
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

import msgspec
from sudachipy import Dictionary, SplitMode

# Sorts of morphemes, as far as names are concerned.
ORG, FAMILY, GIVEN, PERSON, PLACE, COUNTRY, PROPER = "org", "family", "given", "person", "place", "country", "proper"
NOUN, NUMBER, COUNTER, SUFFIX, PREFIX, SIGN, SPACE = "noun", "number", "counter", "suffix", "prefix", "sign", "space"
VERB, PARTICLE, OTHER = "verb", "particle", "other"
PROPER_NOUNS = frozenset((ORG, FAMILY, GIVEN, PERSON, PLACE, COUNTRY, PROPER))
_NAMED = PROPER_NOUNS - {COUNTRY}

_SORTS = (
    (("名詞", "固有名詞", "人名", "姓"), FAMILY),
    (("名詞", "固有名詞", "人名", "名"), GIVEN),
    (("名詞", "固有名詞", "人名"), PERSON),
    (("名詞", "固有名詞", "地名", "国"), COUNTRY),
    (("名詞", "固有名詞", "地名"), PLACE),
    (("名詞", "固有名詞", "組織名"), ORG),
    (("名詞", "固有名詞"), PROPER),
    (("名詞", "数詞"), NUMBER),
    (("名詞", "普通名詞", "助数詞可能"), COUNTER),
    (("接尾辞", "名詞的", "助数詞"), COUNTER),
    (("名詞",), NOUN),
    (("代名詞",), OTHER),
    (("接尾辞", "名詞的"), SUFFIX),
    (("接頭辞",), PREFIX),
    (("形状詞",), NOUN),
    (("動詞",), VERB),
    (("形容詞",), VERB),
    (("助詞",), PARTICLE),
    (("助動詞",), PARTICLE),
    (("空白",), SPACE),
    (("補助記号",), SIGN),
    (("記号", "文字"), NOUN),
)

_WINDOW = 800  # characters; longer pieces cost more a letter, and Sudachi refuses more than 49,149 bytes
_BREAK = re.compile(r"[。\n！？!?]")


class Morpheme(msgspec.Struct, gc=False):
    """One word: offsets into the plain view, its sort, and whether the dictionary did not know it."""

    start: int
    end: int
    sort: str
    unknown: bool
    surface: str


@cache
def _dictionary() -> Dictionary:
    return Dictionary(dict="core")


_own = threading.local()  # a tokenizer serves one caller at a time


def _tokenizer(mode: str) -> Any:
    if not hasattr(_own, mode):
        dictionary: Any = _dictionary()
        make = getattr(dictionary, "tokenizer", None) or dictionary.create  # its name before 0.7
        setattr(_own, mode, make(mode=getattr(SplitMode, mode)))
    return getattr(_own, mode)


@cache
def _sort(part_of_speech_id: int) -> str:
    part_of_speech = _dictionary().pos_of(part_of_speech_id)
    return next((sort for head, sort in _SORTS if part_of_speech[: len(head)] == head), OTHER)


def morphemes(text: str) -> list[Morpheme]:
    """The longest words the dictionary knows (mode C), in order. Raises what Sudachi raises on broken text."""
    found: list[Morpheme] = []
    tokenize = _tokenizer("C").tokenize
    for start, end in _windows(text):
        piece = text[start:end]
        for m in tokenize(piece):
            begin, stop = m.begin(), m.end()
            sort = _sort(m.part_of_speech_id())
            unknown = sort == NOUN and m.is_oov()  # asked of nothing else
            found.append(Morpheme(start + begin, start + stop, sort, unknown, piece[begin:stop]))
    return found


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Pieces that Sudachi takes, cut after a sentence where there is one."""
    start = 0
    while start < len(text):
        end = min(start + _WINDOW, len(text))
        if end < len(text):
            cuts = [match.end() for match in _BREAK.finditer(text, end - 400, end)]
            end = cuts[-1] if cuts else end
        yield start, end
        start = end


@lru_cache(50_000)
def also_a_name(word: str) -> str | None:
    """The sort of name that the dictionary knows the word as too, whatever it is here; None for no name."""
    found = (_sort(m.part_of_speech_id()) for m in _dictionary().lookup(word) if m.surface() == word)
    return next((sort for sort in found if sort in _NAMED), None)


def short_words(text: str) -> list[tuple[str, str]]:
    """(surface, reading in katakana) of the shortest words (mode A): for known names, not for texts."""
    return [(m.surface(), m.reading_form()) for m in _tokenizer("A").tokenize(text)]


def long_words(text: str) -> list[tuple[str, str]]:
    """(surface, reading in katakana) of the longest words (mode C)."""
    return [(m.surface(), m.reading_form()) for m in _tokenizer("C").tokenize(text)]


@cache
def engine_versions() -> str:
    """Versions of program and dictionary, for the record of a scan."""
    return " ".join(f"{name}-{importlib.metadata.version(name)}" for name in ("sudachipy", "sudachidict_core"))
