"""Which wordings single a company out although they name nobody, and which figures do?

Claims, honours, famous neighbours and every exact number (unique_words.tsv and the number rules). What describes a
company in words that no list foresees is found by a person or not at all (anonymisation.md, section 2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from succession.codes import read_table

Found = tuple[int, int, str, str]  # start, end, kind, topic

_NOUNLIKE = r"\u3005\u3400-\u9fffァ-ヺーA-Za-z0-9・%.,"
# The nouns around a hit belong to the claim: 全国に3社 + しかない, オリンピック + の選手村, 最も + 古い.
_BEFORE = re.compile(rf"(?:[{_NOUNLIKE}]{{1,16}}(?:の|に|で|を))?[{_NOUNLIKE}]{{1,16}}(?:の|で|に|から|にわたり)?$")
_AFTER = re.compile(rf"(?:[{_NOUNLIKE}]{{1,16}}(?:の[{_NOUNLIKE}]{{1,16}}|[いく](?![ぁ-ん]))?|の[{_NOUNLIKE}]{{1,16}}|のない|ない|い)")


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


_EN_AFTER = re.compile(r"(?:['’]s)?(?: (?:of|in|at|to|on|for|the|a|an|this|our|their)){0,2}(?: [A-Za-z'’\-]{1,30}){1,2}(?: (?:of|in|at|to) (?:the )?[A-Za-z\-]{1,30})?")
_EN_BEFORE = re.compile(r"(?:\b(?:the|a|an|our|its|its own|one of the) )(?:[a-z\-]+ ){0,2}$|\b[a-z\-]+ $", re.IGNORECASE)


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


# --- numbers -------------------------------------------------------------------------------------------------------

_DIGITS = "0-9〇一二三四五六七八九十百千万億兆半数"
_COUNTER = (
    "名|人|社|件|店舗?|台|室|席|床|棟|戸|軒|本|枚|個|品目?|種類?|回|度|歳|才|代|年間?|か月|ヶ月|カ月|ヵ月|月|日間?|週間?|時間|分間?|秒"
    "|円|割|分|厘|倍|位|%|パーセント|ポイント|トン|t|キロ|kg|km|m|メートル|センチ|ミリ|mm|cm|ミクロン|坪|平米|m2|㎡|ヘクタール|リットル|階|号|両|隻|頭"
    "|羽|匹|世帯|拠点|か所|カ所|ヶ所|箇所|か国|カ国|ヶ国|周年|代目|期|次|番|番目|か|つ|営業日"
)
_NUMBER = re.compile(
    rf"(?<![A-Za-z0-9.])(?:昭和|平成|令和|大正|明治|約|第|築後?|勤続|創業|西暦|従業員|社員|売上高?|年商|資本金|人口|標高)?[ ]?[0-9][0-9,.]{{0,20}}[ ]?[十百千万億兆]{{0,3}}(?:[ ]?[0-9,]{{1,9}}[十百千万]{{0,2}})?[ ]?(?:{_COUNTER}){{0,2}}"
    rf"|(?:昭和|平成|令和|大正|明治)(?:元|[一二三四五六七八九十]{{1,3}})年|第?[二三四五六七八九十百千万億]{{1,12}}(?:{_COUNTER})|一(?:{_COUNTER})?[二三四五六七八九〇百千万億][{_DIGITS}]{{0,10}}(?:{_COUNTER})?"
    rf"|第?[二三四五六七八九][十百千万億〇一二三四五六七八九]{{1,12}}|一(?:名|人|社|件|店舗|台|室|棟|軒)(?![ひ一])"
)
_NUMBER_EN = re.compile(
    r"(?<![A-Za-z0-9.])[$¥€£]?[0-9][0-9,.]{0,20}(?:st|nd|rd|th|s)?(?:[ -]?(?:%|percent|per cent|years?|months?|weeks?|days?|hours?"
    r"|minutes?|people|persons|staff|employees|workers|customers|clients|shops|stores|rooms|machines|yen|jpy|million|billion|thousand|km|kilometres"
    r"|kilometers|metres|meters|m|tons?|tonnes|kg|square|sqm|m2|hectares?)\b){0,3}"
    r"|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen"
    r"|nineteen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty(?:-(?:one|two|three|four|five|six|seven|eight|nine))?|(?:a )?dozens?"
    r"|(?:a |one )?(?:hundred|thousand|million|billion)s?)\b(?:[ -](?:hundred|thousand|million|billion|percent|years?|months?"
    r"|employees|people|staff)\b){0,3}", re.IGNORECASE,
)  # fmt: skip


def _numbers(text: str, japanese: bool) -> Iterator[Found]:
    for number in (_NUMBER if japanese else _NUMBER_EN).finditer(text):
        written = number[0].rstrip(" ,.")
        yield number.start(), number.start() + len(written), "number", "number"


def wordings(text: str, *, japanese: bool) -> Iterator[Found]:
    """(start, end, kind, topic) of claims and figures in a plain view; passages may overlap."""
    if japanese:
        yield from _japanese(text)
    yield from _english(text)
    yield from _numbers(text, japanese)
