"""Which published codes does a search text name?

`q` is read with a dictionary of published vocabulary: names of places and industries, everyday synonyms, deal schemes
and phrases, in Japanese and English. Nothing else is looked at, so a company's name, number or address is read exactly
like any other string. A text is answered only when every word of it is vocabulary: names are full of places and trades
("Yamaguchi Seisakusho", "Hotel Hanamori"), and dropping the unknown word would turn a name into a search.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import msgspec

from succession.anonymity.vocabulary import vocabulary
from succession.codes import ANY, SCHEMES, leaves, read_table

LENGTH_MAX = 200
# Compatibility characters may grow when normalised; what grows past this is no search text.
_FOLDED_MAX = 400

# Said with a term but naming none: they neither narrow a search nor make it unreadable.
FILLERS_JA = """
会社 企業 法人 事業 業者 事業者 業界 業種 案件 地方 地域 エリア 周辺 近郊 県内 府内 中小企業 後継者不在 事業承継 譲渡 売却 買収
募集 希望 探しています 探す 買いたい を買いたい を探しています 関係 関連
""".split()
FILLERS_EN = """
a an and any area at based business businesses by companies company enterprise enterprises firm firms for from i in
industries industry is japanese located looking of on or prefecture region sector sectors sale sme smes succession that
the to want with
""".split()
# Only between two terms of an unspaced Japanese text: 東北の酒蔵.
PARTICLES = ("にある", "における", "での", "の", "で", "と", "や", "に", "か", "及び", "または", "又は")

Meaning = frozenset[tuple[str, str]]  # of (attribute, code); attribute "phrases" for phrases; empty for a filler


class Terms(msgspec.Struct, frozen=True):
    """The codes a text names: several of one attribute mean any of them, different attributes mean all of them.

    `unrecognised` keeps the writer's own words. When it is not empty there are no filters and no phrases, and the
    search has no hits.
    """

    filters: dict[str, frozenset[str]]
    phrases: frozenset[str]
    unrecognised: tuple[str, ...]


def parse_terms(q: str) -> Terms:
    """Read a search text of at most 200 characters, in time bounded by its length. Longer texts are not recognised.

    A blank text names nothing and leaves nothing unrecognised: it does not narrow the search.
    """
    if not q.strip():
        return Terms({}, frozenset(), ())
    words = _words(q) if len(q) <= LENGTH_MAX else []
    folded = [fold(word) for word in words]
    if not words or len(" ".join(folded)) > _FOLDED_MAX:
        return Terms({}, frozenset(), (q.strip()[:LENGTH_MAX],))
    meanings, unknown = _segment(folded)
    if unknown or not any(meanings):
        return Terms({}, frozenset(), tuple(dict.fromkeys(words[i] for i in unknown or range(len(words)))))
    named: dict[str, list[frozenset[str]]] = {}
    for meaning in meanings:
        for attribute in sorted({attribute for attribute, _code in meaning}):
            named.setdefault(attribute, []).append(frozenset(code for name, code in meaning if name == attribute))
    phrases = frozenset().union(*named.pop("phrases", ()))
    return Terms({attribute: _finest(attribute, terms) for attribute, terms in sorted(named.items())}, phrases, ())


def _finest(attribute: str, terms: list[frozenset[str]]) -> frozenset[str]:
    """All codes of one attribute, less the terms that merely describe a narrower one: in "metal parts maker in Osaka,
    Kansai" the maker and Kansai are no second wish."""
    if attribute in ("place", "industry"):
        extents = [frozenset().union(*(leaves(attribute, code) for code in term)) for term in terms]
        terms = [term for term, whole in zip(terms, extents, strict=True) if not any(each < whole for each in extents)]
    return frozenset().union(*terms)


# --- normal form ----------------------------------------------------------------------------------------------------

_HIRAGANA = {katakana: katakana - 0x60 for katakana in range(ord("ァ"), ord("ヶ") + 1)}
_LATIN_MARKS = re.compile("[\u0300-\u036f]")
_APART = re.compile(r"[^\w']|_")


def _words(text: str) -> list[str]:
    """The writer's words as typed, but for width and invisible characters; punctuation separates."""
    visible = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return [word for word in _APART.sub(" ", visible.replace("’", "'")).split() if fold(word)]


def fold(word: str) -> str:
    """One spelling for width, case, kana and Latin accents: ﾎﾃﾙ, ホテル and ほてる are one word, Kyūshū is kyushu."""
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", word).casefold())
    return unicodedata.normalize("NFC", _LATIN_MARKS.sub("", plain)).translate(_HIRAGANA).replace("'", "")


def _key(text: str) -> str:
    return " ".join(fold(word) for word in _words(text))


# --- segmentation ---------------------------------------------------------------------------------------------------


class _Step(NamedTuple):
    """A way to read on from some position, and what the whole rest of the text then costs."""

    unknown: int
    terms: int
    to: int
    meaning: Meaning | None
    word: int | None


def _segment(words: list[str]) -> tuple[list[Meaning], list[int]]:
    """(meanings, positions of unknown words) of the reading with the fewest unknown words, then the fewest terms.

    Read from the right, so that each position is decided once. A word that cannot be read to its end is unknown whole.
    """
    text, starts = " ".join(words), {}
    for number in range(len(words)):
        starts[len(" ".join(words[:number])) + (number > 0)] = number
    best = {len(text): _Step(0, 0, len(text), None, None)}
    for at in range(len(text) - 1, -1, -1):
        steps = [_Step(0, 1, end, meaning, None) for end, meaning in _readings(text, at, inside=at not in starts)]
        if text[at] == " ":
            steps.append(_Step(0, 0, at + 1, None, None))
        if at in starts:
            steps.append(_Step(1, 0, at + len(words[starts[at]]), None, starts[at]))
        costed = [
            step._replace(unknown=step.unknown + best[step.to].unknown, terms=step.terms + best[step.to].terms)
            for step in steps
            if step.to in best  # a position inside a word from which its end cannot be reached is a dead end
        ]
        if costed:
            best[at] = min(costed, key=lambda step: (step.unknown, step.terms, -step.to))
    meanings, unknown, at = [], [], 0
    while at < len(text):
        step = best[at]
        meanings += [step.meaning] if step.meaning is not None else []
        unknown += [step.word] if step.word is not None else []
        at = step.to
    return meanings, unknown


def _readings(text: str, at: int, inside: bool) -> Iterator[tuple[int, Meaning]]:
    """Every dictionary entry that begins at `at`, or after one particle there when `at` is inside an unspaced run."""
    yield from _entries_at(text, at)
    if inside and text[at - 1] != " ":
        for particle in PARTICLES:
            if text.startswith(particle, at):
                yield from _entries_at(text, at + len(particle))


def _entries_at(text: str, at: int) -> Iterator[tuple[int, Meaning]]:
    entries, lengths = _dictionary()
    if at >= len(text) or (_latin(text, at) and _latin(text, at - 1)):
        return
    for length in lengths.get(text[at], ()):
        end = at + length
        meaning = entries.get(text[at:end])
        if meaning is not None and end <= len(text) and not (_latin(text, end - 1) and _latin(text, end)):
            yield end, meaning


def _latin(text: str, at: int) -> bool:
    return 0 <= at < len(text) and (text[at].isascii() and text[at].isalnum())


# --- dictionary -----------------------------------------------------------------------------------------------------


@cache
def _dictionary() -> tuple[dict[str, Meaning], dict[str, tuple[int, ...]]]:
    """(entry -> meaning, first character -> lengths of the entries that begin with it)."""
    collected: dict[str, set[tuple[str, str]]] = {}
    for name, attribute, code in (*_names(), *_synonyms(), *_phrases()):
        for spelling in _spellings(_key(name)):
            if len(spelling) > 1:  # a single character is in too many names
                collected.setdefault(spelling, set()).add((attribute, code))
    entries = {key: frozenset(meaning) for key, meaning in collected.items()}
    for filler in (*FILLERS_JA, *FILLERS_EN):
        entries.setdefault(_key(filler), frozenset())
    lengths: dict[str, set[int]] = {}
    for key in entries:
        lengths.setdefault(key[0], set()).add(len(key))
    return entries, {first: tuple(sorted(each)) for first, each in lengths.items()}


def _spellings(key: str) -> Iterator[str]:
    """The entry, and its plural when it ends in an English word."""
    yield key
    if re.search(r"[a-z]{3}$", key):
        if re.search(r"[^aeiou]y$", key):
            yield key[:-1] + "ies"
        yield key + ("es" if re.search(r"(s|x|ch|sh)$", key) else "s")


def _names() -> Iterator[tuple[str, str, str]]:
    for code, entry in SCHEMES["place"].codes.items():
        if code != ANY:
            for name in (*_place_names(code, entry.ja), *_place_names(code, entry.en)):
                yield name, "place", code
    for code, entry in SCHEMES["industry"].codes.items():
        if code != ANY:
            for name in (*_industry_names_ja(entry.ja), *_industry_names_en(entry.en)):
                yield name, "industry", code
    for row in read_table("db/reference/titles.tsv"):
        if row["code"] != ANY:
            yield row["ja"], "industry", row["code"]
            yield row["en"], "industry", row["code"]
    for code, entry in SCHEMES["scheme"].codes.items():
        for name in (entry.ja, entry.en, re.sub(r"（.*?）", "", entry.ja), re.sub(r",.*|\(.*?\)", "", entry.en)):
            yield name, "schemes", code


def _place_names(code: str, name: str) -> Iterable[str]:
    name = re.sub(r"\s*\(.*\)", "", name)
    if not code.startswith("JP-"):
        return (name,)
    if name.isascii():
        return (name, *(f"{name} {kind}" for kind in ("prefecture", "ken", "fu", "to")))
    return (name, name[:-1]) if name[-1] in "県府都" else (name,)


def _industry_names_ja(name: str) -> Iterator[str]:
    whole = re.sub(r"（.*?）", "", name)
    yield name
    yield whole
    for part in (whole, *re.split("[・，]", whole)):
        if not part.startswith(("その他", "同", "各種", "他に")):
            yield part
            if not part.endswith("工業"):
                yield re.sub(r"(製造業|業)$", "", part)


def _industry_names_en(name: str) -> Iterator[str]:
    whole = re.sub(r",? (except|including|n\.e\.c\.).*", "", name)
    yield from (name, whole, whole.removeprefix("Manufacture of "), whole.removesuffix(" trade"))


def _synonyms() -> Iterator[tuple[str, str, str]]:
    for row in read_table("db/reference/synonyms.tsv"):
        for name in filter(None, (*row["ja"].split("|"), *row["en"].split("|"))):
            yield name, row["attribute"], row["code"]


def _phrases() -> Iterator[tuple[str, str, str]]:
    for phrase in vocabulary().showable():
        for name in (phrase.ja, phrase.en, *phrase.synonyms_ja, *phrase.synonyms_en):
            yield name, "phrases", phrase.code
