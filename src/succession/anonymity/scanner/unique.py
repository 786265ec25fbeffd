"""Which wordings single a company out although they name nobody?

Claims, honours, famous neighbours (unique_words.tsv). What describes a company in words that no list foresees is found
by a person or not at all (anonymisation.md, section 2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from succession.codes import read_table

Found = tuple[int, int, str, str]  # start, end, kind, topic

_NOUNLIKE = r"\u3005\u3400-\u9fffァ-ヺーA-Za-z0-9・%.,"
# The nouns around a hit belong to the claim: 全国に3社 + しかない, オリンピック + の選手村, 最も + 古い.
_BEFORE = re.compile(
    rf"(?:[{_NOUNLIKE}]{{1,16}}(?:の|に|で|を))?[{_NOUNLIKE}]{{1,16}}(?:の|で|に|から|にわたり)?$"
)
_AFTER = re.compile(
    rf"[{_NOUNLIKE}]{{1,16}}(?:の[{_NOUNLIKE}]{{1,16}}|[いく](?![ぁ-ん]))?|の[{_NOUNLIKE}]{{1,16}}|のない|ない|い"
)


def _topics(locale: str) -> dict[str, str]:
    """Wording -> topic; a wording of several rows counts for the first."""
    rows = [row for row in read_table("db/reference/unique_words.tsv") if row["locale"] == locale]
    return {word: row["topic"] for row in reversed(rows) for word in row["words"].split("|")}


@cache
def _japanese_words() -> tuple[re.Pattern[str], dict[str, str]]:
    topics = _topics("ja")
    return re.compile("|".join(map(re.escape, sorted(topics, key=len, reverse=True)))), topics


def _japanese(text: str) -> Iterator[Found]:
    pattern, topics = _japanese_words()
    for hit in pattern.finditer(text):
        start, end = hit.span()
        if before := _BEFORE.search(text, max(0, start - 36), start):
            start = before.start()
        if after := _AFTER.match(text, end):
            end = after.end()
        yield start, end, "unique", topics[hit[0]]


# The first company in Japan, a laureate's laboratory: the words around a claim belong to it.
_EN_AFTER = re.compile(
    r"(?:['’]s)?(?: (?:of|in|at|to|on|for|the|a|an|this|our|their)){0,2}"
    r"(?: (?!(?:of|in|at|to) )[A-Za-z'’\-]{1,30}){1,2}"
    r"(?: (?:of|in|at|to) (?:the )?[A-Za-z\-]{1,30})?"
)
_EN_BEFORE = re.compile(
    r"\b(?:the|a|an|our|its|its own|one of the) (?:[a-z\-]{1,30} ){0,2}$|\b[a-z\-]{1,30} $", re.IGNORECASE
)
_EN_WORD = re.compile(r"[A-Za-z#][A-Za-z'’\-.]*")


@cache
def _english_words() -> tuple[dict[str, list[tuple[str, str]]], tuple[tuple[str, str], ...]]:
    """First word -> (wording, topic), the longest first; and (beginning, topic) of words with any ending."""
    by_first: dict[str, list[tuple[str, str]]] = {}
    beginnings = []
    for wording, topic in sorted(_topics("en").items(), key=lambda item: -len(item[0])):
        if wording.endswith("*"):
            beginnings.append((wording[:-1], topic))
        else:
            by_first.setdefault(wording.split(" ")[0], []).append((wording, topic))
    return by_first, tuple(beginnings)


def _english_claim(text: str, word: re.Match[str]) -> tuple[int, str] | None:
    """(end, topic) of a claim that begins with this word."""
    by_first, beginnings = _english_words()
    low = word[0].lower().replace("’", "'").rstrip(".-'")
    for wording, topic in by_first.get(low, ()):
        end = word.start() + len(wording)
        if text[word.start() : end].lower().replace("’", "'") == wording and not text[end : end + 1].isalpha():
            return end, topic
    return next(((word.end(), topic) for beginning, topic in beginnings if low.startswith(beginning)), None)


def _english(text: str) -> Iterator[Found]:
    for word in _EN_WORD.finditer(text):
        if not (claim := _english_claim(text, word)):
            continue
        start, (end, topic) = word.start(), claim
        if before := _EN_BEFORE.search(text, max(0, start - 40), start):
            start = before.start()
        if after := _EN_AFTER.match(text, end):
            end = after.end()
        yield start, end, "unique", topic


def claims(text: str, *, japanese: bool) -> Iterator[Found]:
    """(start, end, kind, topic) of every claim in a plain view; passages may overlap. English is looked for always."""
    if japanese:
        yield from _japanese(text)
    yield from _english(text)
