"""Which exact figures does a text give, in digits, in kanji or in words?

Every number of more than one counts: exact figures can be compared with registers, and a rounded one beside a band of
the teaser narrows it (anonymisation.md, attack A22). `一` alone is left out, it is part of too many ordinary words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_ERAS = "昭和|平成|令和|大正|明治"
# What a figure is often said of, and belongs to it: 従業員237名, 昭和31年.
_OF = f"(?:{_ERAS}|約|第|築|築後|勤続|創業|西暦|従業員|社員|売上|売上高|年商|資本金|人口|標高)?"
_COUNTERS = (
    "名|人|社|件|店舗?|台|室|席|床|棟|戸|軒|本|枚|個|品目?|種類?|回|度|歳|才|代目?|年間?|か月|ヶ月|カ月|ヵ月|月|日間?|週間?|時間|分間?"
    "|秒|円|割|分|厘|倍|位|%|パーセント|ポイント|トン|t|キロ|kg|km|m|メートル|センチ|ミリ|mm|cm|ミクロン|坪|平米|m2|㎡|ヘクタール|リットル"
    "|階|号|両|隻|頭|羽|匹|世帯|拠点|[かカヶ箇]所|[かカヶ]国|周年|期|次|番目?|か|つ|営業日"
)
_JAPANESE = re.compile(
    "|".join((
        rf"(?<![A-Za-z0-9.]){_OF}[ ]?[0-9][0-9,.]{{0,20}}[ ]?[十百千万億兆]{{0,3}}"
        rf"(?:[ ]?[0-9,]{{1,9}}[十百千万]{{0,2}})?[ ]?(?:{_COUNTERS}){{0,2}}",
        rf"(?:{_ERAS})(?:元|[一二三四五六七八九十]{{1,3}})年",
        rf"第?[二三四五六七八九十百千万億]{{1,12}}(?:{_COUNTERS})",
        rf"一(?:{_COUNTERS})?[二三四五六七八九〇百千万億][0-9〇一二三四五六七八九十百千万億兆半数]{{0,10}}"
        rf"(?:{_COUNTERS})?",
        r"第?[二三四五六七八九][十百千万億〇一二三四五六七八九]{1,12}",
        r"一(?:名|社|件|店舗|台|室|棟|軒)(?![ひ一])",
    ))
)
_ONES = "two|three|four|five|six|seven|eight|nine"
_UNITS = (
    "percent|per cent|years?|months?|weeks?|days?|hours?|minutes?|people|persons|staff|employees|workers|customers"
    "|clients|shops|stores|rooms|machines|yen|jpy|million|billion|thousand|hundred|kilomet(?:re|er)s|met(?:re|er)s"
    "|km|m|tons?|tonnes|kg|square|sqm|m2|hectares?"
)
_ENGLISH = re.compile(
    rf"(?<![A-Za-z0-9.])[$¥€£]?[0-9][0-9,.]{{0,20}}(?:st|nd|rd|th|s|%)?(?:[ -]?(?:{_UNITS})\b){{0,3}}"
    rf"|\b(?:{_ONES}|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen"
    rf"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty(?:-(?:one|{_ONES}))?|(?:a )?dozens?"
    rf"|(?:a |one )?(?:hundred|thousand|million|billion)s?)\b(?:[ -](?:{_UNITS})\b){{0,3}}",
    re.IGNORECASE,
)


def figures(text: str, start: int = 0, end: int | None = None, *, japanese: bool) -> Iterator[tuple[int, int]]:
    """(start, end) of every figure in a stretch of a plain view."""
    pattern = _JAPANESE if japanese else _ENGLISH
    for number in pattern.finditer(text, start, len(text) if end is None else end):
        yield number.start(), number.start() + len(number[0].rstrip(" ,."))
