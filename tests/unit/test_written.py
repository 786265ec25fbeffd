"""Is a cell of an operator's file read for what it says, and refused when it says nothing?"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from succession.anonymity.sources import written
from succession.anonymity.margins import LEGAL_FORMS
from succession.anonymity.sources.written import ANY_INDUSTRY, FIRST_YEAR, LAST_YEAR, MOST_PEOPLE, MOST_YEN, plain

READ: list[tuple[Callable[[str], object], str, object]] = [
    (written.place, "13", (13, 0)),
    (written.place, "東京都", (13, 0)),
    (written.place, "東\u200b京 都\u202e", (13, 0)),
    (written.place, "JP-27", (27, 0)),
    (written.place, "Hokkaido", (1, 0)),
    (written.place, "01000", (1, 0)),
    (written.place, "13101", (13, 101)),
    (written.place, "131016", (13, 101)),
    (written.place, "13000 東京都", (13, 0)),
    (written.prefecture_of_address, "〒100-0001 東京都千代田区千代田1-1", 13),
    (written.town_of_address, "東京都千代田区千代田1-1", "千代田区"),
    (written.town_of_address, "千葉県市川市八幡", "市川市"),
    (written.industry, "0911", (911, 911)),
    (written.industry, "０９１", (910, 919)),
    (written.industry, "09", (900, 999)),
    (written.industry, "E", (900, 3299)),
    (written.industry, "E0911", (911, 911)),
    (written.industry, "Ｅ　製造業", (900, 3299)),
    (written.industry, "09 食料品製造業", (900, 999)),
    (written.industry, "食料品製造業", (900, 999)),
    (written.industry, "電気・ガス・熱供給・水道業", (3300, 3699)),
    (written.industry, "Ａ～Ｂ 農林漁業", (100, 499)),
    (written.industry, "Ａ～Ｒ 全産業（Ｓ公務を除く）", ANY_INDUSTRY),
    (written.people, "35", (35, 35)),
    (written.people, "1,200人", (1200, 1200)),
    (written.people, "0", (1, 1)),
    (written.people, "1～4人", (1, 4)),
    (written.people, "10〜19人", (10, 19)),
    (written.people, "5-9", (5, 9)),
    (written.people, "300人以上", (300, MOST_PEOPLE)),
    (written.people, "20人未満", (1, 19)),
    (written.people, "300+", (300, MOST_PEOPLE)),
    (written.years, "昭和58年4月", (1983, 1983)),
    (written.years, "平成元年", (1989, 1989)),
    (written.years, "S58.4.1", (1983, 1983)),
    (written.years, "19830401", (1983, 1983)),
    (written.years, "1983-04-01", (1983, 1983)),
    (written.years, "昭和60年～平成6年", (1985, 1994)),
    (written.years, "1985-1994年", (1985, 1994)),
    (written.years, "昭和59年以前", (FIRST_YEAR, 1984)),
    (written.years, "2015年以降", (2015, LAST_YEAR)),
    (written.yen, "1,200", (1200, 1200)),
    (written.yen, "1億2,000万円", (120_000_000, 120_000_000)),
    (written.yen, "100～300万円未満", (1_000_000, 2_999_999)),
    (written.yen, "1000万円以上3000万円未満", (10_000_000, 29_999_999)),
    (written.yen, "10億円以上", (10**9, MOST_YEN)),
    (written.form, "うち個人", (5, 5)),
    (written.form, "法人", (0, 4)),
    (written.form, "株式会社（有限会社を含む）", (0, 1)),
    (written.form_of_company, "医療法人社団", (4, 4)),
    (written.ratio, "△2.0%", -0.02),
    (written.yes, "○", True),
]
REFUSED = [
    (written.place, "48"), (written.place, "1310"), (written.place, "東京市"), (written.place, "全国"),
    (written.prefecture_of_address, "千代田区千代田1-1"),
    (written.industry, "9"), (written.industry, "97"), (written.industry, "E5011"), (written.industry, "I-1 卸売業"),
    (written.industry, "B～A"), (written.industry, "総数"),
    (written.people, "many"), (written.people, "9～5人"), (written.people, "1.5"), (written.people, "-3"),
    (written.years, "99"), (written.years, "2300"), (written.years, "1994年～1985年"),
    (written.yen, "-5"), (written.yen, "nan"), (written.yen, "1e30"), (written.yen, "百"), (written.yen, "1" * 199 + "x"),
    (written.form, "総数"), (written.ratio, "35"), (written.yes, "maybe"),
]  # fmt: skip


@pytest.mark.parametrize(("read", "text", "meant"), READ)
def test_what_is_written_is_read(read: Callable[[str], object], text: str, meant: object) -> None:
    assert read(plain(text)) == meant


@pytest.mark.parametrize(("read", "text"), REFUSED)
def test_what_says_nothing_is_refused(read: Callable[[str], object], text: str) -> None:
    with pytest.raises((ValueError, KeyError, OverflowError)):
        read(plain(text))


def test_a_bare_amount_is_in_the_unit_of_its_heading() -> None:
    assert written.yen("1,200", 1_000_000) == (1_200_000_000, 1_200_000_000)
    assert written.yen("1億円", 1_000_000) == (100_000_000, 100_000_000)
    assert written.yen("10～20未満", 1_000_000) == (10_000_000, 19_999_999)


def test_forms_that_a_word_covers_follow_one_another() -> None:
    assert LEGAL_FORMS[written.form("会社")[0]] == "kk" and LEGAL_FORMS[written.form("会社")[1]] == "gomei_goshi"
    assert {LEGAL_FORMS[form] for form in range(written.form("法人")[0], written.form("法人")[1] + 1)} == set(LEGAL_FORMS) - {
        "sole_proprietor"
    }


def test_a_cell_that_is_no_cell_costs_nothing() -> None:
    with pytest.raises(ValueError, match="longer"):
        plain("\u0301\u0316" * 5_000_000)  # ten million combining marks, each out of order
    assert plain("\ufeff １２ \u200b\u202e") == "12"
