"""Does a figure in a search text ask for the published bands it says, in four languages, and never for anything narrower?"""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from succession.codes import BANDS, SCHEMES
from succession.market.figures import apart
from succession.market.terms import parse_terms


def _bands(q: str) -> dict[str, set[str]]:
    read = parse_terms(q)
    assert read.unrecognised == (), read
    return {name: set(codes) for name, codes in read.filters.items() if name in (*BANDS, "timing")}


BELOW_100, FROM_50 = {"price": {"up_to_10", "10_50", "50_100"}}, {"employees": {"50_99", "100_plus"}}
BILLION = {"revenue": {"1000_5000", "5000_plus"}}


@pytest.mark.parametrize(("q", "bands"), [
    ("旅館 1億円以下", BELOW_100), ("譲渡価格1億円以内の旅館", BELOW_100), ("1.0億円まで 旅館", BELOW_100), ("一億円以下の旅館", BELOW_100), ("１億円以下　旅館", BELOW_100),
    ("hotel under 100 million yen", BELOW_100), ("hotel, budget ¥100m", BELOW_100), ("hotel max JPY 100,000,000", BELOW_100), ("asking price up to 100 million yen, hotel", BELOW_100),
    ("1亿日元以下的旅馆", BELOW_100), ("旅館 預算1億日圓", BELOW_100), ("1억 엔 이하 료칸", BELOW_100), ("료칸 예산 1억엔", BELOW_100),
    ("従業員50人以上 製造業", FROM_50), ("社員が50名以上いる工場", FROM_50), ("factory with over 50 employees", FROM_50), ("factory, 50+ staff", FROM_50), ("员工50人以上的工厂", FROM_50),
    ("직원 50명 이상 공장", FROM_50),
    ("年商10億円以上の建設会社", BILLION), ("売上高 10億円超 建設", BILLION), ("construction, revenue over 1 billion yen", BILLION), ("sales of at least ¥1bn, construction", BILLION),
    ("年销售额10亿日元以上 建筑公司", BILLION), ("매출 10억엔 이상 건설회사", BILLION),
    ("20〜49人の会社 介護", {"employees": {"20_49"}}), ("介護 20-50人", {"employees": {"20_49"}}), ("年商2億〜10億円 食品", {"revenue": {"200_1000"}}), ("食品 年商5億円規模", {"revenue": {"200_1000"}}),
    ("1,000万円超5,000万円以下 カフェ", {"price": {"10_50"}}), ("カフェ 売上2億円以上 売上10億円未満", {"revenue": {"200_1000"}}), ("cafe, 1 to 3 employees", {"employees": {"1_19"}}),
    ("3か月以内 酒蔵", {"timing": {"within_3m"}}), ("酒蔵 ６ヶ月以内", {"timing": {"within_3m", "3_6m"}}), ("brewery within 12 months", {"timing": {"within_3m", "3_6m", "6_12m"}}),
    ("酒厂 3个月内", {"timing": {"within_3m"}}), ("양조장 3〜6개월", {"timing": {"3_6m"}}), ("三か月から半年 酒蔵", {"timing": {"3_6m"}}),
    ("1990年以降設立のIT企業", {"founded": {"from_1990"}}), ("創業100年以上の酒蔵", {"founded": {"before_1970"}}), ("brewery founded before 1970", {"founded": {"before_1970"}}),
    ("a 100-year-old brewery", {"founded": {"before_1970"}}), ("営業利益率5%以上 食品", {"margin": {"5_plus"}}), ("100% share transfer hotel", {}),
])  # fmt: skip
def test_what_a_figure_says(q: str, bands: dict[str, set[str]]) -> None:
    assert _bands(q) == bands


@pytest.mark.parametrize("q", [
    "24", "50", "1923", "創業1923年", "since 1923 brewery", "JP-35", "revenue>200", "ISO 9001", "hotel 7", "3号店", "築30年", "$5 million hotel", "1000万元 酒店", "5억원 호텔",
    "100室のホテル", "トラック20台 運送", "国道1号", "1-2-3", "電話03-0000-0000", "30 人材派遣 50", "三百人", "員工五十人以上", "二十一世紀 ホテル", "八王子億", "9999000000017",
])  # fmt: skip
def test_a_number_without_its_unit_and_other_numbers_are_words_nobody_knows(q: str) -> None:
    read = parse_terms(q)
    assert read.unrecognised and not read.filters, read


def test_a_figure_is_echoed_as_typed_where_another_word_is_unknown() -> None:
    assert parse_terms("売上１０億円以上 ナニカ").unrecognised == ("ナニカ",)


@given(st.integers(1, 99_999), st.sampled_from(["以上", "以下", "未満", "程度"]), st.sampled_from(["年商{}万円{}", "譲渡価格{}万円{}", "従業員{}人{}"]))
def test_no_figure_asks_for_less_than_a_band(number: int, side: str, pattern: str) -> None:
    """A bound that moves by one finds the same until it passes a published edge: no hidden figure can be closed in on."""
    text, more = pattern.format(number, side), pattern.format(number + 1, side)
    (attribute, codes), = _bands(text + " ホテル").items()
    assert codes and codes <= set(SCHEMES[attribute].codes)
    edges = [edge * (100 if attribute != "employees" else 1) for edge in BANDS[attribute][1]]
    if not {number, number + 1} & {near for edge in edges for near in (edge - 1, edge, edge + 1)}:
        assert _bands(more + " ホテル") == {attribute: codes}


@given(st.text("0123456789億万円人年月〜-,.% 以上下売上従業員overyen", max_size=60))
def test_any_text_is_set_apart_without_loss(text: str) -> None:
    pieces = list(apart(text))
    assert "".join(piece if isinstance(piece, str) else piece.text for piece in pieces).replace(" ", "") == text.replace(" ", "")


def test_hard_figures_take_bounded_time() -> None:
    for text in ("1" * 200, "1億" * 60, "1〜" * 100, "売上" * 100, "over " * 40, "1,000" * 40, "一" * 200, "千百十" * 66, "0.1%" * 50):
        began = time.process_time()
        list(apart(text))
        assert time.process_time() - began < 0.05, text
