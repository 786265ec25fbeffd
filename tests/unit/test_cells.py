"""Is every notation of the Centers read as it is meant, and is what could mean two things left alone?"""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cell_promises import plainly, refused, with_note
from succession.accounts.identifiers import make_corporate_number
from succession.i18n import format_yen
from succession.listings import cell_dates, cells, sheet_columns
from succession.listings.cell_dates import WrittenDay, read_birth_year, read_date, read_day, read_period_end
from succession.listings.cells import (
    NotUnderstood,
    Understood,
    read_age,
    read_corporate_number_cell,
    read_count,
    read_email_domains,
    read_kana,
    read_names,
    read_percent,
    read_phone_cell,
    read_postal_code_cell,
    read_text,
    read_yen,
)

# --- amounts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "unit_yen", "yen"),
    [
        ("1億2,000万円", None, 120_000_000), ("１億２，０００万円", None, 120_000_000), ("1.2億円", None, 120_000_000),
        ("1億2千万円", None, 120_000_000), ("1億2000万", None, 120_000_000), ("2千万円", None, 20_000_000),
        ("120百万円", None, 120_000_000), ("１２０百万円", None, 120_000_000), ("12,000千円", None, 12_000_000),
        ("500万円", None, 5_000_000), ("1億200円", None, 100_000_200),
        ("▲1,200", 1000, -1_200_000), ("△300", 1000, -300_000), ("▲ 1,200千円", None, -1_200_000),
        ("(1,200)", 1000, -1_200_000), ("（１，２００）", 1000, -1_200_000), ("(1,200)千円", None, -1_200_000),
        ("-1,200", 1000, -1_200_000), ("−1,200", 1000, -1_200_000), ("－１，２００", 1000, -1_200_000),
        ("マイナス500万円", None, -5_000_000), ("-¥1,200,000", None, -1_200_000), ("¥-1,200,000", None, -1_200_000),
        ("¥1,200,000", None, 1_200_000), ("1,200,000円", None, 1_200_000),
        ("1,200", 1000, 1_200_000), ("420", 10**6, 420_000_000), ("1.5", 10**8, 150_000_000), ("0", 1000, 0),
        ("1,200(千円)", None, 1_200_000), ("JPY 120m", None, 120_000_000), ("120 million yen", None, 120_000_000),
        ("¥1.2bn", None, 1_200_000_000), (420_000, 1000, 420_000_000), (420_000.0, 1000, 420_000_000),
        (1.5, 10**8, 150_000_000), (-300, 1000, -300_000), (120_000_000, None, 120_000_000), (None, 1000, None),
        ("", 1000, None), ("  ", 1000, None), ("\u3000", 1000, None),
    ],
)  # fmt: skip
def test_amounts_without_doubt(cell: Any, unit_yen: int | None, yen: int | None) -> None:
    assert plainly(read_yen(cell, unit_yen)) == yen


@pytest.mark.parametrize(
    ("cell", "unit_yen", "yen"),
    [
        ("1200", None, 1200),  # no unit anywhere: yen, but thousands may be meant
        ("約1億円", None, 100_000_000), ("1億円程度", None, 100_000_000), ("1億円前後", None, 100_000_000),
        ("120百万円", 1000, 120_000_000),  # the heading said thousands
        ("1,200（税抜）", 1000, 1_200_000), (1234.5678, 1000, 1_234_568), ("-", 1000, None), ("不明", 1000, None),
        ("1兆円", None, 10**12),
        ("150,000,000,000", 1000, 150 * 10**12),  # probably typed in yen under a heading in thousands
    ],
)  # fmt: skip
def test_amounts_with_an_assumption_say_so(cell: Any, unit_yen: int | None, yen: int | None) -> None:
    assert with_note(read_yen(cell, unit_yen)) == yen


@pytest.mark.parametrize(
    ("cell", "unit_yen"),
    [
        ("1億2000", None),  # 1億2000万, or 1億2000円?
        ("1億2千", None), ("1200円", 1000),  # the cell says yen, the heading thousands
        ("1.200", None), ("1234.5", None), ("1,2000", None), ("12,34", None), ("1,23,456", None), ("1 200", 1000),
        ("1〜2億円", None), ("1億円〜2億円", None), ("100-200", 1000), ("1億円以上", None), ("1億円未満", None), (">100", 1000),
        ("▲(1,200)", None), ("$300,000", None), ("30万ドル", None), ("EUR 100", None), ("1200²", None), ("①", None),
        ("7.01E+12", None), ("2千5百万円", None), ("万円", None), ("円", None), ("abc", None), ("なし", None), ("#REF!", None),
        ("=A1*2", None), (True, None), (date(2025, 3, 31), None), (float("nan"), None), (float("inf"), 1000),
        ("9" * 5000, None), ("9" * 50, None), (10**40, None), (timedelta(hours=3), None), (b"12", None), ("1e5", None),
        ("٣٠٠", 1000), ("1,200(3)", 1000),
    ],
)  # fmt: skip
def test_amounts_that_could_mean_two_things_or_nothing(cell: Any, unit_yen: int | None) -> None:
    assert refused(read_yen(cell, unit_yen))


@given(st.integers(-(10**14), 10**14))
def test_every_amount_written_the_japanese_way_is_read_back(yen: int) -> None:
    written = format_yen(yen, "ja")
    result = read_yen(written, None, implausible_below_yen=0)
    assert isinstance(result, Understood) and result.value == yen
    assert isinstance(read_yen(f"{yen:,}", 1), Understood)
    assert read_yen(f"{abs(yen):,}", 1) == read_yen(f"{abs(yen)}", 1)


@given(st.integers(1, 10**8), st.sampled_from([1, 1000, 10**4, 10**6]))
def test_the_four_ways_of_writing_a_loss_agree(amount: int, unit_yen: int) -> None:
    ways = (f"▲{amount:,}", f"△{amount}", f"({amount:,})", f"-{amount}", -amount)
    assert {read_yen(way, unit_yen).value for way in ways} == {-amount * unit_yen}  # type: ignore[union-attr]


# --- head counts, ages, shares --------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["30", "30名", "30人", "３０名", " 30 名 ", 30, 30.0, "30名（役員含む）", "約30名", "30名程度",
                                  "30名（うちパート10名）", "30 employees"])  # fmt: skip
def test_head_counts(cell: Any) -> None:
    result = read_count(cell)
    assert isinstance(result, Understood) and result.value == 30
    assert bool(result.notes) == (isinstance(cell, str) and any(word in cell for word in ("約", "程度", "含む", "うち")))


@pytest.mark.parametrize("cell", ["30〜40名", "30～40", "30-40", "30から40名", "30名以上", "30名弱", "正社員20名、パート10名",
                                  "30名(他パート5名)", "-3", 30.5, "30円", "数名", True, 10**9, "1m"])  # fmt: skip
def test_what_is_no_head_count(cell: Any) -> None:
    assert refused(read_count(cell))


def test_ages_and_shares() -> None:
    assert plainly(read_age("72歳")) == plainly(read_age(72)) == 72
    assert all(map(refused, (read_age("70代"), read_age("7"), read_age("200歳"))))
    assert plainly(read_percent("12.5％")) == plainly(read_percent("12.5", heading_says_percent=True)) == 0.125
    assert with_note(read_percent(0.125)) == 0.125
    assert refused(read_percent("12.5"))


# --- days -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("昭和58年4月", (1983, 4, None)), ("S58.4.1", (1983, 4, 1)), ("s58/4/1", (1983, 4, 1)), ("Ｓ５８．４．１", (1983, 4, 1)),
        ("昭58.4", (1983, 4, None)), ("㍼58年", (1983, None, None)), ("昭和五十八年四月一日", (1983, 4, 1)),
        ("平成元年", (1989, None, None)), ("H1.1.8", (1989, 1, 8)), ("昭和64年1月7日", (1989, 1, 7)),
        ("令和元年5月", (2019, 5, None)), ("R5.3.31", (2023, 3, 31)), ("明治5年", (1872, None, None)),
        ("大正12年9月1日", (1923, 9, 1)),
        ("1983/4", (1983, 4, None)), ("1983-04-01", (1983, 4, 1)), ("1983.4.1", (1983, 4, 1)),
        ("１９８３年", (1983, None, None)),
        ("1983", (1983, None, None)), (1983, (1983, None, None)), (1983.0, (1983, None, None)),
        ("578年", (578, None, None)),
        ("昭和58年（1983年）4月", (1983, 4, None)), ("1983年4月1日(金)", (1983, 4, 1)), ("25/12/1983", (1983, 12, 25)),
        ("April 1983", (1983, 4, None)), ("1 Apr 1983", (1983, 4, 1)), ("April 1, 1983", (1983, 4, 1)),
        (datetime(1983, 4, 1), (1983, 4, 1)), (date(1983, 4, 1), (1983, 4, 1)), ("1983-04-01 00:00:00", (1983, 4, 1)),
        ("昭和58年設立", (1983, None, None)), ("二〇二三年三月", (2023, 3, None)),
    ],
)  # fmt: skip
def test_days_without_doubt(cell: Any, day: tuple[int, int | None, int | None]) -> None:
    assert plainly(read_day(cell)) == WrittenDay(*day)


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        (30407, (1983, 4, 1)), ("30407", (1983, 4, 1)),  # a spreadsheet's day number
        ("19830401", (1983, 4, 1)), ("198304", (1983, 4, None)), ("昭和58年頃", (1983, None, None)),
        ("平成31年9月", (2019, 9, None)), ("令和元年3月", (2019, 3, None)),  # outside the era, the year is certain
    ],
)  # fmt: skip
def test_days_with_an_assumption_say_so(cell: Any, day: tuple[int, int | None, int | None]) -> None:
    assert with_note(read_day(cell)) == WrittenDay(*day)


@pytest.mark.parametrize("cell", ["58年4月", "58.4.1", "4/1/1983", "昭和65年", "平成0年", "平成32年", "1983年13月",
                                  "1983/2/30", "2023年度", "10000000", "19830400", "1983/0", "S58.0.1", "1983年4月0日",
                                  "FY2023", "第35期", "4月", "1983年(昭和59年)", "1983.1", 1983.1, 58, "昭和", "x", True, "十十年",
                                  "9999年", 10**20, "1983〜1985年", timedelta(days=3)])  # fmt: skip
def test_what_is_no_day_or_more_than_one(cell: Any) -> None:
    assert refused(read_day(cell))


@given(st.dates(date(1873, 1, 1), date(2100, 12, 31)))
def test_every_day_survives_both_calendars_and_the_serial_number(day: date) -> None:
    era, first, _last = next(each for each in reversed(cell_dates.ERAS) if each[1] <= day)
    number = day.year - first.year + 1
    ways = [f"{era}{number}年{day.month}月{day.day}日", f"{era}{'元' if number == 1 else number}年{day.month}月{day.day}日",
            day.isoformat(), f"{day:%Y/%m/%d}", f"{day.year}年{day.month}月{day.day}日", day]  # fmt: skip
    for way in ways:
        assert plainly(read_day(way)) == WrittenDay(day.year, day.month, day.day)
    if day.year >= 1909:
        assert with_note(read_day((day - cell_dates.EXCEL_EPOCH).days)) == WrittenDay(day.year, day.month, day.day)


@pytest.mark.parametrize("cell", ["令和5年3月期", "2023年3月期", "2023/3", "2023/3期", "R5.3", "R5/3期", "FY2023/3",
                                  "2023年3月末", "2023/3/31",
                                  "第35期(2023年3月期)", "2023年3月期決算", datetime(2023, 3, 31)])  # fmt: skip
def test_fiscal_years_end_on_a_day(cell: Any) -> None:
    assert plainly(read_period_end(cell)) == date(2023, 3, 31)


def test_fiscal_years_at_the_edges() -> None:
    assert with_note(read_period_end(datetime(2023, 3, 1))) == date(2023, 3, 31)  # typed 2023/3
    assert plainly(read_period_end("2024年2月期")) == date(2024, 2, 29)
    assert plainly(read_period_end("2023年3月20日")) == date(2023, 3, 20)
    assert all(map(refused, map(read_period_end, ("2023年", "2023年度", "3月", "第35期"))))
    assert refused(read_date("2023/4")) and plainly(read_date("令和5年4月1日")) == date(2023, 4, 1)
    assert plainly(read_birth_year("昭和25年生まれ")) == plainly(read_birth_year("1950年5月生")) == 1950
    assert refused(read_birth_year("1850"))


# --- text and identifiers -------------------------------------------------------------------------------------------


def test_names_keep_their_spelling() -> None:
    assert plainly(read_text("　髙﨑製作所 ")) == "髙﨑製作所"
    assert plainly(read_text("葛󠄀城商店")) == "葛󠄀城商店"  # with its variation selector
    assert with_note(read_text("架\u200b空\u202e製作所")) == "架空製作所"
    assert plainly(read_text('="0123"')) == "0123"
    assert plainly(read_kana("ｶｸｳｾｲｻｸｼｮ")) == "カクウセイサクショ" and refused(read_kana("架空"))
    assert refused(read_text("あ" * 201)) and refused(read_text("a\0b")) and refused(read_text("\ud800"))


def test_lists_of_names() -> None:
    assert plainly(read_names("架空銀行、A Co., Ltd.；B商事\nジョン・スミス商会")) == [
        "架空銀行", "A Co., Ltd.", "B商事", "ジョン・スミス商会"]  # fmt: skip
    assert plainly(read_names("なし")) == [] and with_note(read_names("不明")) is None
    assert refused(read_names("、".join(f"{number}社" for number in range(30))))


def test_identifiers() -> None:
    number = make_corporate_number("999900000001")
    assert plainly(read_corporate_number_cell(number)) == plainly(read_corporate_number_cell(float(number))) == number
    assert plainly(read_corporate_number_cell(f"T{number}")) == number
    assert all(map(refused, map(read_corporate_number_cell, ("9.9990E+12", "1234567890123", 123, "架空"))))
    assert plainly(read_phone_cell("TEL：03-0000-0000（代）/ 090-0000-1111".replace("03-0000", "03-1000"))) == [
        "0310000000", "09000001111"]  # fmt: skip
    assert with_note(read_phone_cell(742000000)) == ["0742000000"] and refused(read_phone_cell("内線12"))
    assert plainly(read_postal_code_cell("〒630-0000")) == "630-0000"
    assert plainly(read_postal_code_cell(600000)) == "060-0000"
    assert with_note(read_email_domains("Info@Company.example; x@company.example")) == ["company.example"]
    assert refused(read_email_domains("info(at)company.example"))


# --- whatever a sheet may hold --------------------------------------------------------------------------------------

TODAY = date(2025, 10, 1)
ALL_READERS = [*sheet_columns.READERS.values(), partial(sheet_columns._read_birth_year_from_age, today=TODAY),
               partial(read_yen, unit_yen=1000), read_percent, read_age, cells.read_line]  # fmt: skip

NASTY = st.text(
    st.sampled_from(
        "0123456789０１９,，.．-−▲△()（）約〜年月日期元昭和平成令SHRTE億万千百円名十〇¥$%/ \n"
        "\u200b\u202e\u2066\ud800\udfff\ufdfa\0😀👨‍👩‍👧"
    ),
    max_size=40,
)
CELLS = st.one_of(
    st.text(max_size=60), st.text(st.characters(categories=["Cs", "Cf", "No", "Nl", "Mn", "Sc"]), max_size=20), NASTY,
    st.integers(), st.floats(), st.booleans(), st.none(), st.dates(), st.datetimes(), st.times(), st.timedeltas(),
    st.binary(max_size=5), st.decimals(), st.lists(st.integers(), max_size=2),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(CELLS)
def test_no_cell_raises(cell: Any) -> None:
    for reader in ALL_READERS:
        assert isinstance(reader(cell), (Understood, NotUnderstood))


@pytest.mark.parametrize("unit", ["9", "1,", "(", "年", "億", "あ", "、", "\u200b", "😀", "\ud800", "〒", "-", "1億", "S58.",
                                  " ", "\ufdfa", "="])  # fmt: skip
def test_ten_million_characters_are_answered_at_once(unit: str) -> None:
    for length in (10_000, 10_000_000):
        cell = unit * (length // len(unit))
        started = time.process_time()
        for reader in ALL_READERS:
            assert isinstance(reader(cell), (Understood, NotUnderstood))
        assert time.process_time() - started < 3
