"""Which Japanese words are so ordinary that they name nobody?

Three typed tables and the words of our own labels. Everything not listed may be a name where it stands in the place
of one; a missing word therefore costs a needless question to the writer and never a leak.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from babel import Locale

from succession.anonymity.scanner.morphemes import PROPER_NOUNS, morphemes, short_words
from succession.codes import read_table

LABELS = ("industries", "titles", "vocabulary", "synonyms")
_KANA_RUN = re.compile(r"[ァ-ヺー]+")
_LONGEST_KATAKANA, _LONGEST_WORD = 24, 14


@cache
def words_of(table: str, *topics: str) -> frozenset[str]:
    """The words of a typed list of words, all topics or those named."""
    rows = read_table(f"db/reference/{table}.tsv")
    return frozenset(word for row in rows if not topics or row["topic"] in topics for word in row["words"].split())


@cache
def introducers() -> frozenset[str]:
    """Words that stand before a name and are no part of it."""
    return words_of("ordinary_words", "introduces")


@cache
def followers() -> frozenset[str]:
    """Words that stand after a name and are no part of it."""
    return words_of("ordinary_words", "follows")


def is_person_word(word: str) -> bool:
    """Whether the word says what somebody is: 職人, 大家."""
    return word in words_of("ordinary_words", "people") or word in words_of("ordinary_words", "self")


@cache
def _ordinary() -> frozenset[str]:
    """The typed words, and those of the labels that teasers are made of."""
    found = set(words_of("ordinary_words")) - words_of("ordinary_words", "poetic")
    for table in LABELS:
        for row in read_table(f"db/reference/{table}.tsv"):
            for label in (row["ja"], *row.get("synonyms_ja", "").split("|")):
                found |= {m.surface for m in morphemes(label) if m.sort not in PROPER_NOUNS and len(m.surface) > 1}
    return frozenset(found)


def is_listed(word: str) -> bool:
    """Whether the word itself is on a list."""
    return word in _ordinary() or word in words_of("katakana_allowed") or word in _countries()


@lru_cache(50_000)
def is_ordinary(word: str) -> bool:
    """Whether the word, or each of the short words it is made of, is on a list."""
    if word in _ordinary() or is_allowed_katakana(word):
        return True
    if len(word) < 3:
        return False
    pieces = [piece for piece, _ in short_words(word)]
    return len(pieces) > 1 and all(piece in _ordinary() or is_allowed_katakana(piece) for piece in pieces)


def is_generic(word: str) -> bool:
    """Whether a piece of a company's own name is too general to look for."""
    return is_ordinary(word) or word in followers() or word in introducers()


@lru_cache(20_000)
def is_allowed_katakana(word: str) -> bool:
    """Whether a run of katakana consists of words of the allow-list; the long mark at an end does not matter."""
    if not _KANA_RUN.fullmatch(word) or len(word) > _LONGEST_KATAKANA:
        return False
    reachable = [True] + [False] * len(word)
    for end in range(2, len(word) + 1):
        starts = range(max(0, end - _LONGEST_WORD), end - 1)
        reachable[end] = any(reachable[start] and _is_one_word(word[start:end]) for start in starts)
    return reachable[-1]


@cache
def _countries() -> frozenset[str]:
    """Names of countries as CLDR writes them, in katakana: a country is a market, not a place near the company."""
    lands = Locale("ja").territories
    return frozenset(name for code, name in lands.items() if len(code) == 2 and _KANA_RUN.fullmatch(name))


def _is_one_word(piece: str) -> bool:
    allowed = words_of("katakana_allowed")
    return piece in allowed or piece.removesuffix("ー") in allowed or piece + "ー" in allowed


@lru_cache(20_000)
def is_unremarkable_katakana(chain: str) -> bool:
    """Whether a chain of katakana is no name: one allowed word, or several that end in a word no name ends in.

    Two ordinary loan words in a row are how small firms like to be called (プリントパック).
    """
    if _is_one_word(chain) or chain in _countries():
        return True
    heads = words_of("katakana_allowed", "head")
    return any(chain.endswith(head) and is_allowed_katakana(chain.removesuffix(head)) for head in heads)
