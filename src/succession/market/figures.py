"""Which published bands does a figure in a search text ask for?

A figure is read with its unit, with what it is of and which side of it is meant: 売上10億円以上, under 100 million yen, 50人以上.
It asks for the finest bands inside what it says, or, where there is none, for those it touches: what a figure finds is what the
labels of the bands find, and nobody comes closer to a teaser's own figure by moving it. A bare number is a word nobody knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import NamedTuple

from succession.codes import BANDS
from succession.market.spelling import alike

_INFINITE = float("inf")
_TIMING = ("within_3m", "3_6m", "6_12m", "over_12m"), (3, 6, 12)  # months; bands.tsv has no row for them


class Figure(NamedTuple):
    """A stretch of the text, and the (attribute, code) it asks for; none for "100%", which is all of the shares."""

    text: str
    meaning: frozenset[tuple[str, str]]


def apart(text: str) -> Iterator[str | Figure]:
    """The text, its figures set apart."""
    at = 0
    if _AN_AMOUNT.search(text):
        for found in _figure().finditer(alike(text)):
            if (meaning := _meaning(found)) is not None:
                yield text[at : found.start()]
                yield Figure(text[found.start() : found.end()].strip(), meaning)
                at = found.end()
    yield text[at:]


def _meaning(found: re.Match[str]) -> frozenset[tuple[str, str]] | None:
    """None where the stretch is no figure after all: months that say neither within nor after them, a share of nothing."""
    kind, of = next(kind for kind in _KINDS if found[kind]), found["of"] or found["of_after"] or ""
    if kind == "percent" and not of and _number(found[kind]) == 100:
        return frozenset()
    attribute = _attribute(of) or _KINDS[kind].attribute
    side = _side(found["before"]) or _side(found["after"]) or ("least" if "+" in found[kind] else "")
    if attribute not in _KINDS[kind].attributes or (kind == "year" and (found["before"] or "").lower() in ("in", "by", "from")):
        return None  # what a company says of itself ("from 1923") is no search
    upper = _value(kind, found[kind])
    lower = _value(kind, found["first"], found[kind]) if found["first"] else None
    if kind == "span" and attribute == "founded":  # of an age, in years
        return None if side == "most" or "月" in found[kind] else _inside("founded", -_INFINITE, date.today().year - upper // 12 + 1)
    if lower is None and not side:
        if kind in ("span", "year"):
            return None
        side = "most" if of and re.search(_BUDGET, of, re.I) else "least" if kind == "percent" else ""
    if upper is None or (found["first"] and lower is None):
        return None
    past = upper + _KINDS[kind].step
    if lower is not None:
        return _inside(attribute, min(lower, upper), max(lower, past))
    if not side:
        return _inside(attribute, upper, upper)
    return _inside(attribute, upper, _INFINITE) if side == "least" else _inside(attribute, -_INFINITE, past if side == "most" else upper)


def _inside(attribute: str, lower: float, past: float) -> frozenset[tuple[str, str]]:
    """The bands inside an interval of the table's own unit; else those it touches, an edge being of the band that holds it."""
    codes, edges = _TIMING if attribute == "timing" else BANDS[attribute]
    ends = (-_INFINITE if attribute in ("margin", "founded") else 0, *edges, _INFINITE)
    within = {code for n, code in enumerate(codes) if lower <= ends[n] and ends[n + 1] <= past}
    if not within:
        holds = (lambda n: ends[n] < past and lower <= ends[n + 1]) if attribute == "price" else (lambda n: ends[n] <= past and lower < ends[n + 1])
        within = {code for n, code in enumerate(codes) if holds(n)}
    return frozenset((attribute, code) for code in within)


# --- how figures are written ----------------------------------------------------------------------------------------


class _Kind(NamedTuple):
    """What an amount is of when nothing else is said, what it may be of, and how far above it "up to" reaches."""

    attribute: str
    attributes: tuple[str, ...]
    step: int


_KINDS = {
    "money": _Kind("price", ("price", "revenue"), 0),
    "people": _Kind("employees", ("employees",), 1),
    "year": _Kind("founded", ("founded",), 1),
    "span": _Kind("timing", ("timing", "founded"), 0),
    "percent": _Kind("", ("margin",), 0),
}
_OF = {
    "revenue": "年間売上高|年間売上|年売上|売上高|売上げ|売り上げ|売上規模|売上|年商|annual revenues?|revenues?|annual sales|sales|annual turnover|turnover|年銷售額|年営業額|"
               "銷售額|営業額|年営収|営収|年収入|연매출액|연매출|연 매출|매출액|매출",
    "price": "希望譲渡価格|譲渡希望価格|希望売却価格|売却希望価格|譲渡希望額|売却希望額|希望価格|譲渡価格|譲渡価額|譲渡対価|譲渡金額|譲渡額|売却価格|売却額|買収価格|買収金額|買収予算|"
             "取得価格|投資予算|価格帯|価格|金額|予算|投資額|資金|asking price|purchase price|deal size|deal value|transaction size|ticket size|priced|price|budget|"
             "収購預算|収購価|転譲価格|転譲価|出譲価|售価|報価|要価|預算|予算|価錢|投資額|매각 희망가|희망 가격|희망가격|희망가|매각 가격|매각가|인수 가격|인수가|인수 금액|인수 예산|"
             "인수 자금|매매가|가격|예산|금액|투자금",
    "employees": "従業員数|正社員数|社員数|従業員|正社員|社員|スタッフ|人員|職員|職工|エンジニア|headcount|employees|staff|workforce|員工人数|員工数|員工|人数|종업원 수|종업원수|"
                 "직원 수|직원수|종업원|임직원|직원|사원|인원",
    "margin": "売上高営業利益率|営業利益率|利益率|operating profit margin|operating margin|profit margin|margin|営業利潤率|利潤率|영업 이익률|영업이익률|이익률",
    "founded": "創業|設立|創立|founded in|founded|established in|established|incorporated|成立時間|成立|설립|창업|업력|창립",
}
_OF_AFTER = {
    "revenue": "revenues?|annual revenues?|sales|annual sales|turnover",
    "price": "asking price|purchase price|deal size|price|budget|deals?",
    "founded": "years? old|old|in business|of history|in operation|歴史|社歴|創業|設立|創立|成立|업력|역사|설립|창업",
}
_BUDGET = alike("予算|資金|budget|預算|예산|자금|투자금")
_SIDES = {
    "least": ("over|above|more than|greater than|at least|minimum|min|from|exceeding|after|upwards of|>=|≥|>|超過|大於|高於|多於|至少|最低|不低於|최소",
              "以上|を超える|超え|超|より上|以降|以後|から|後|\\+|or more|or above|or over|or later|and above|and over|and up|plus|之上|이상|넘는|초과|이후|부터|후"),
    "most": ("up to|maximum|max|no more than|not more than|at most|within|in|by|<=|≤|不超過|最高|最多|上限|최대",
             "以下|以内|以前|まで|程度まで|くらいまで|or less|or fewer|or earlier|maximum|max|之内|之前|内|이하|이내|내|이전|까지"),
    "below": ("under|below|less than|fewer than|smaller than|before|<|低於|小於|少於|不到|不足",
              "未満|を下回る|より下|より前|弱|or below|or under|미만"),
    "": ("about|around|approximately|approx|circa|roughly|約|およそ|ほぼ|大約|대략|약",
         "程度|前後|くらい|ぐらい|規模|クラス|台|ほど|左右|上下|정도|규모|안팎|내외|대"),
}  # fmt: skip
_NUMBER, _KANJI = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?", "[一二三四五六七八九十百千]+"
_YEN = "円|日元|日円|엔화|엔|yen|jpy"
_SCALES = {"thousand": 0.001, "k": 0.001, "man": 0.01, "million": 1, "mio": 1, "mil": 1, "mn": 1, "mm": 1, "m": 1, "oku": 100, "billion": 1000, "bn": 1000, "b": 1000}
_SCALE = "|".join(_SCALES)
_AMOUNTS = {
    "money": rf"(?:jpy|¥|yen)\s*{_NUMBER}\s*(?:(?:{_SCALE})\b)?(?:\s*(?:yen|jpy)\b)?"
             rf"|(?:{_NUMBER}|{_KANJI})\s*[億억](?:\s*(?:{_NUMBER}|{_KANJI})\s*[千百천백]?[万만])?(?:\s*(?:{_YEN}))?"
             rf"|(?:{_NUMBER}|{_KANJI})\s*[千百천백]?[万만](?:\s*(?:{_YEN}))?"
             rf"|{_NUMBER}\s*(?:{_SCALE})?\s*(?:円|日元|日円|엔|yen\b|jpy\b)"
             rf"|{_NUMBER}\s*(?:million|billion|mil|mn|bn|oku)\b",
    "people": rf"{_NUMBER}(?:人|名|\s*명)(?![材形工気力間事口古張護物刺産簿前湯함품목])|{_NUMBER}\s*\+?\s*(?:full time )?(?:employees|staff|people|workers|persons|ftes?|engineers|technicians|drivers|craftsmen|team members)\b",
    "year": r"(?:1[89]|20)\d\d(?:年|년)?(?!\d)",
    "span": rf"半年|반년|(?:{_NUMBER}|{_KANJI})\s*(?:[かけゕゖ箇個]?月|個月|개월|달|months?\b|mths?\b|年間|年|년|[\s-]*years?\b|yrs?\b)",
    "percent": rf"{_NUMBER}\s*(?:%|ぱーせんと|percent\b|퍼센트)",
}
_OTHER_UNITS = r"(?!\s*(?:[\d元人名명坪件個点台室席株本店度달원$€]|美|どる|ドル|usd|us\b|dollars?|eur|won\b|rmb|yuan|m2|㎡))"
_AN_AMOUNT = re.compile(rf"\d|{_KANJI}\s*[億亿万萬か个個ヶカヵケ]")


@cache
def _figure() -> re.Pattern[str]:
    def words(groups: Iterator[str]) -> str:
        each = sorted({word for group in groups for word in alike(group).split("|") if word}, key=len, reverse=True)
        return "|".join(rf"{word}\b" if word[-1].isascii() and word[-1].isalpha() else word for word in each)

    of, of_after = words(iter(_OF.values())), words(iter(_OF_AFTER.values()))
    before, after = words(side[0] for side in _SIDES.values()), words(side[1] for side in _SIDES.values())
    amount = "|".join(rf"(?P<{kind}>(?:{pattern}){_OTHER_UNITS if kind == 'money' else ''})" for kind, pattern in _AMOUNTS.items())
    return re.compile(
        rf"(?<![0-9a-z.,$€£#数幾几])(?:(?P<of>{of})(?:\s*(?:[がはのをでも:為是在有達]|is|of|at|are|은|는|이|가)?\s*))?(?:(?P<before>{before})\s*)?"
        rf"(?:(?P<first>{_AMOUNTS['money']}|(?:{_NUMBER}|{_KANJI})(?:人|名|명|[かけゕゖ個]?月|개월|年|년|%)?)\s*(?:[~〜–—-]|から|to\b|and\b|至|到|부터|에서)\s*)?"
        rf"(?:{amount})(?:\s*(?P<after>{after}))?(?:[\s-]*(?:in|of|for|に|の)?\s*(?P<of_after>{of_after}))?", re.I)


def _attribute(of: str) -> str:
    return next((name for names in (_OF, _OF_AFTER) for name, words in names.items() if of and re.fullmatch(alike(words), of, re.I)), "")


def _side(word: str | None) -> str:
    return next((side for side, words in _SIDES.items() if word and re.fullmatch(alike("|".join(words)), word, re.I)), "")


def _value(kind: str, amount: str, unit_of: str = "") -> float | None:
    """The amount in the table's unit (million yen, people, years, months, per cent); `unit_of`: an amount whose unit this one shares
    when it has none. None for an amount in kanji without yen, which is more often a name."""
    if unit_of and not re.search(r"\D$", amount):
        amount += re.sub(rf"^(?:{_NUMBER}|{_KANJI})", "", unit_of)
    if amount.startswith(("半年", "반년")):
        return 6
    if kind != "money":
        return _number(amount) * (12 if kind == "span" and re.search("年|년|y", amount, re.I) else 1)
    if re.match(_KANJI, amount) and not unit_of and not re.search(_YEN, amount):
        return None
    if parts := re.findall(rf"({_NUMBER}|{_KANJI})\s*([千百천백]?)([億万억만])", amount):
        return sum(_number(number) * {"千": 1000, "천": 1000, "百": 100, "백": 100}.get(times, 1) * (100 if scale in "億억" else 0.01) for number, times, scale in parts)
    scale = re.search(rf"\d\s*({_SCALE})(?![a-z])", amount, re.I)
    return _number(amount) * (_SCALES[scale[1].lower()] if scale else 0.000001)


def _number(text: str) -> float:
    digits = re.search(_NUMBER, text)
    if digits:
        return float(digits[0].replace(",", ""))
    total = ones = 0
    for character in re.search(_KANJI, text)[0]:
        if character in "十百千":
            total, ones = total + max(ones, 1) * {"十": 10, "百": 100, "千": 1000}[character], 0
        else:
            ones = ones * 10 + "一二三四五六七八九".index(character) + 1
    return total + ones
