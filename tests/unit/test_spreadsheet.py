"""Does every heading find its field, every cell its answer, and does one bad cell keep one row out?"""

from __future__ import annotations

import time
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheets import HEADINGS, NUMBERS, TODAY, company, csv_text, draft, only, read, refusals, xlsx
from succession.listings.headings import FIELD_OF, SYNONYMS, money_unit, read_heading
from succession.listings.spreadsheet import Reading, Table, read_table, understand

# --- headings -------------------------------------------------------------------------------------------------------


def test_every_synonym_names_its_field_in_any_dress() -> None:
    for field, names in SYNONYMS.items():
        for name in names.split():
            for dressed in (name, f"【{name}】", f" {name} ", f"{name}※", f"{name}（必須）", name.upper()):
                assert read_heading(dressed).field == field, dressed
    assert len(FIELD_OF) > 450


@pytest.mark.parametrize(
    ("heading", "field", "unit_yen", "period_end", "years_ago"),
    [
        ("売上高（千円）", "financials[].revenue_yen", 1000, None, None),
        ("売上高(百万円)", "financials[].revenue_yen", 10**6, None, None),
        ("売上高 [単位：千円]", "financials[].revenue_yen", 1000, None, None),
        ("売上高\n（千円、税抜）", "financials[].revenue_yen", 1000, None, None),
        ("2023年3月期売上高（千円）", "financials[].revenue_yen", 1000, date(2023, 3, 31), None),
        ("売上高（千円／2023年3月期）", "financials[].revenue_yen", 1000, date(2023, 3, 31), None),
        ("令和5年3月期 営業利益", "financials[].operating_profit_yen", None, date(2023, 3, 31), None),
        ("R5.3期売上高", "financials[].revenue_yen", None, date(2023, 3, 31), None),
        ("前期売上高", "financials[].revenue_yen", None, None, 1),
        ("売上高（前々期）", "financials[].revenue_yen", None, None, 2),
        ("前期末の純資産", "financials[].net_assets_yen", None, None, 1),
        ("Net sales FY2023/3 (JPY million)", "financials[].revenue_yen", 10**6, date(2023, 3, 31), None),
        ("Revenue (thousand yen)", "financials[].revenue_yen", 1000, None, None),
        ("資本金(万円)", "business.capital_yen", 10**4, None, None),
        ("会社名（カナ）", "identity.name_kana", None, None, None),
        ("会社名（正式名称）", "identity.name", None, None, None),
        ("従業員数（人）", "business.employees", None, None, None),
        ("法人番号（13桁）", "identity.corporate_number", None, None, None),
    ],
)
def test_headings_with_unit_and_period(
    heading: str, field: str, unit_yen: int | None, period_end: date | None, years_ago: int | None
) -> None:
    found = read_heading(heading)
    assert (found.field, found.unit_yen, found.period_end, found.years_ago) == (field, unit_yen, period_end, years_ago)
    assert found.problem is None


@pytest.mark.parametrize("heading", ["従業員数（うちパート）", "売上高（予想）", "営業利益（見込）", "謎の列", "", None, 7, "売上高" * 50])
def test_headings_that_mean_something_else_are_unknown(heading: Any) -> None:
    assert read_heading(heading).field is None


def test_a_year_without_its_month_is_unclear_not_guessed() -> None:
    assert read_heading("売上高（2023年度）").problem is not None
    reading = read(csv_text(["会社名", "都道府県", "売上高（2023年度）"], ["架空", "奈良県", "1"]))
    assert [column.use for column in reading.columns] == ["field", "field", "unclear"]
    assert draft(reading).financials is None


@given(st.text(max_size=120))
def test_no_heading_raises(heading: str) -> None:
    read_heading(heading)
    money_unit(heading)


def test_unknown_headings_are_reported_and_harmless() -> None:
    reading = read(csv_text([*HEADINGS, "謎の列", "備考"], [*company(), "x", "y"]))
    assert reading.summary().unknown_headings == ["謎の列"]
    assert [column.use for column in reading.columns[-2:]] == ["unknown", "not_imported"]
    assert only(reading).importable


def test_two_columns_for_the_same_field_are_named_and_nothing_is_importable() -> None:
    reading = read(csv_text([*HEADINGS, "企業名"], [*company(), "別名"]))
    (problem,) = reading.problems
    assert problem.refused and problem.message.params == {
        "first": "B", "first_heading": "会社名", "second": "P", "second_heading": "企業名"}  # fmt: skip
    assert not only(reading).importable


# --- units ----------------------------------------------------------------------------------------------------------


def test_the_unit_above_the_table_counts_where_a_heading_has_none() -> None:
    headings = ["会社名", "決算期", "売上高", "資本金（円）"]
    row = ["架空", "2025年3月期", "420,000", "10,000,000"]
    for caption in ("（単位：千円）", "単位:千円、人", "(千円)"):
        reading = read(xlsx(["一覧", None, None, caption], headings, row))
        profile = draft(reading)
        assert (profile.financials[0].revenue_yen, profile.business.capital_yen) == (420_000_000, 10_000_000)
        assert [column.message is not None for column in reading.columns] == [False, False, True, False]


def test_two_units_above_the_table_are_refused() -> None:
    reading = read(xlsx(["単位：千円", "単位：百万円"], ["会社名", "決算期", "売上高"], ["架空", "2025年3月期", "1"]))
    assert [problem.refused for problem in reading.problems] == [True]
    assert not only(reading).importable


# --- rows -----------------------------------------------------------------------------------------------------------


def test_a_row_becomes_a_draft() -> None:
    row = only(read(csv_text(HEADINGS, company())))
    profile = row.profile
    assert profile is not None and row.importable and row.internal_reference == "R7-1"
    assert (profile.identity.name, profile.identity.legal_form) == ("株式会社架空1製作所", "kk")
    business = profile.business
    assert (business.jsic_code, business.prefecture, business.municipality) == ("24", "JP-29", "架空市")
    assert (business.founded_year, business.employees) == (1983, 30)
    (year,) = profile.financials
    assert (year.period_end, year.revenue_yen) == (date(2025, 3, 31), 420_000_000)
    assert year.operating_profit_yen == -1_200_000
    assert profile.succession.status == "none_decided"
    assert (profile.terms.schemes, profile.terms.timing) == (["share_transfer"], "6_12m")
    assert profile.terms.asking_price.amount_yen == 120_000_000
    noted = {cell.heading for cell in row.cells if cell.messages}
    assert noted == {"従業員数"} and len(row.cells) == len(HEADINGS)


def test_headings_in_any_order_give_the_same_draft() -> None:
    expected, row = draft(read(csv_text(HEADINGS, company()))), company()
    for turn in range(1, len(HEADINGS)):
        turned = csv_text(HEADINGS[turn:] + HEADINGS[:turn], row[turn:] + row[:turn])
        assert draft(read(turned)) == expected


@pytest.mark.parametrize(
    ("heading", "cell", "why"),
    [
        ("従業員数", "30〜40名", "range"), ("法人番号", "1234567890123", "check digit"), ("後継者の有無", "あり", "has a successor"),
        ("業種", "製造業", "Too wide"), ("設立", "58年4月", "without an era"), ("売上高（千円）", "420,000円", "larger unit"),
        ("会社名", "", "names no company"), ("会社名", "合計", "total"), ("希望時期", "年内", "not known"),
        ("設立", "令和8年4月", "still to come"), ("決算期", "令和8年3月期", "not ended"), ("売上高（千円）", "▲5", "cannot be negative"),
    ],
)  # fmt: skip
def test_one_bad_cell_keeps_its_row_out_and_no_other(heading: str, cell: str, why: str) -> None:
    changes = {heading: cell} | ({"法人番号": "", "案件番号": ""} if heading == "会社名" else {})
    bad, good = read(csv_text(HEADINGS, company(1, **changes), company(2))).rows
    assert good.importable and not bad.importable
    assert any(why in refusal for refusal in refusals(bad)), refusals(bad)


def test_a_sole_proprietor_is_known_by_the_reference_and_has_no_shares() -> None:
    rows = [company(place, 会社名="架空商店", 法人番号="", 希望スキーム=scheme) for place, scheme in ((1, "事業譲渡"), (2, "株式譲渡"))]
    business, shares = read(csv_text([*HEADINGS, "法人/個人"], *([*row, "個人事業主"] for row in rows))).rows
    assert business.importable and business.profile.identity.internal_key == "R7-1"
    assert not shares.importable and any("no shares" in refusal for refusal in refusals(shares))


def test_the_same_company_twice_keeps_both_rows_out() -> None:
    reading = read(csv_text(HEADINGS, company(1), company(2), company(3, 法人番号=NUMBERS[1])))
    assert [row.importable for row in reading.rows] == [False, True, False]
    assert reading.rows[0].problems[-1].message.params == {"rows": "4"}
    assert reading.rows[2].problems[-1].message.params == {"rows": "2"}


def test_an_unquoted_comma_or_a_cut_off_row_is_noticed() -> None:
    text = "会社名,都道府県,従業員数\n架空,奈良県,1,200\n無商店,奈良県\n架空屋,奈良県,12\n"
    assert [row.importable for row in read(text).rows] == [False, False, True]


def test_two_columns_may_tell_the_same_but_not_contradict() -> None:
    headings = ["会社名", "業種コード", "業種", "都道府県", "住所", "設立", "創業", "電話", "FAX"]
    row = ["架空", "2441", "金属製品製造業", "奈良県", "奈良県架空市無町0", "昭和58年", "昭和25年4月1日", "0742-00-0000", "0742-00-0001"]
    profile = draft(read(csv_text(headings, row)))
    assert (profile.business.jsic_code, profile.business.prefecture) == ("2441", "JP-29")
    assert (profile.business.founded_year, profile.business.founded_on) == (1983, None)
    assert profile.identity.phones == ["0742000000", "0742000001"]
    free_words = only(read(csv_text(headings, [*row[:2], "金属加工", *row[3:]])))
    assert free_words.importable and free_words.profile.business.jsic_code == "2441"
    for place, other in ((2, "食料品製造業"), (3, "大阪府")):
        disagreeing = only(read(csv_text(headings, [*row[:place], other, *row[place + 1 :]])))
        assert not disagreeing.importable and any("disagree" in refusal for refusal in refusals(disagreeing))


# --- fiscal years ---------------------------------------------------------------------------------------------------


def years(reading: Reading) -> list[tuple[date, int | None]]:
    return [(year.period_end, year.revenue_yen) for year in draft(reading).financials or []]


def test_three_years_by_date_in_any_order() -> None:
    headings = ["会社名", "売上高（2024年3月期）（千円）", "売上高（R5.3期）（千円）", "2025年3月期 売上高（千円）"]
    assert years(read(csv_text(headings, ["架空", "2", "1", "3"]))) == [
        (date(2025, 3, 31), 3000), (date(2024, 3, 31), 2000), (date(2023, 3, 31), 1000)]  # fmt: skip


@pytest.mark.parametrize(
    "words", [("直近期", "前期", "前々期"), ("前期", "前々期", "3期前"), ("1期前", "2期前", "3期前"), ("", "前期", "前々期")]
)
def test_three_years_in_words_end_a_year_apart(words: tuple[str, str, str]) -> None:
    headings = ["会社名", "決算期", *(f"{word}売上高（千円）" for word in words)]
    reading = read(csv_text(headings, ["架空", "2024年2月期", "3", "2", "1"]))
    assert years(reading) == [(date(2024, 2, 29), 3000), (date(2023, 2, 28), 2000), (date(2022, 2, 28), 1000)]
    assert sum("taken to have ended" in problem.message.msgid for problem in only(reading).problems) == 2


def test_figures_without_a_year_end_are_not_kept() -> None:
    row = only(read(csv_text(["会社名", "売上高（千円）"], ["架空", "3"])))
    assert not row.importable and any("決算期" in refusal for refusal in refusals(row))


def test_years_named_in_two_ways_or_against_the_headings_are_refused() -> None:
    both = read(csv_text(["会社名", "売上高（2025年3月期）", "前期売上高"], ["架空", "300万円", "200万円"]))
    assert [problem.refused for problem in both.problems] == [True]
    against = only(read(csv_text(["会社名", "決算期", "売上高（2025年3月期）"], ["架空", "2024年3月期", "300万円"])))
    assert any("differs" in refusal for refusal in refusals(against))


def test_a_fourth_year_is_said_not_to_be_imported() -> None:
    headings = ["会社名", *(f"売上高（{year}年3月期）（千円）" for year in (2022, 2023, 2024, 2025))]
    reading = read(csv_text(headings, ["架空", "1", "2", "3", "4"]))
    assert [column.use for column in reading.columns] == ["field", "unclear", "field", "field", "field"]
    assert [revenue for _end, revenue in years(reading)] == [4000, 3000, 2000]


def test_old_figures_are_flagged_and_still_importable() -> None:
    row = only(read(csv_text(HEADINGS, company(決算期="令和5年3月期"))))
    assert row.importable and any("older" in problem.message.msgid for problem in row.problems)


# --- a whole sheet --------------------------------------------------------------------------------------------------


def test_five_thousand_rows_with_progress() -> None:
    data = csv_text(HEADINGS, *(company(place) for place in range(5000))).encode("cp932")
    seen: list[tuple[int, int]] = []
    started = time.process_time()
    reading = understand(read_table(data, "sheet"), TODAY, lambda done, total: seen.append((done, total)))
    assert time.process_time() - started < 15  # of one core; about 3 are needed
    assert reading.summary().importable == 5000
    assert seen[-1] == (5000, 5000) and seen == sorted(set(seen)) and len(seen) >= 50


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.text(max_size=12) | st.integers() | st.floats() | st.dates() | st.booleans() | st.none(),
                         min_size=len(HEADINGS), max_size=len(HEADINGS)), min_size=1, max_size=4))  # fmt: skip
def test_whatever_the_cells_hold_every_row_is_answered(rows: list[list[Any]]) -> None:
    below = list(enumerate(rows, start=2))
    reading = understand(Table("s", "xlsx", None, None, "s", 1, list(HEADINGS), below, [], []), TODAY)
    assert [row.row_number for row in reading.rows] == [number for number, _cells in below]
    for row in reading.rows:
        assert row.importable == (not any(problem.refused for problem in row.problems) and row.profile is not None)
        assert all(cell.messages for cell in row.cells if not cell.understood)
