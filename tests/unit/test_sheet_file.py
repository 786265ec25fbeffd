"""Is an uploaded file read whole or refused whole, whatever made or damaged it?"""

from __future__ import annotations

import io
import re
import time
import zipfile
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheets import HEADINGS, NUMBERS, TODAY, company, csv_text, draft, only, read, xlsx
from succession.listings import sheet_file
from succession.listings.spreadsheet import BrokenFile, read_table, understand


def broken(data: bytes) -> BrokenFile:
    with pytest.raises(BrokenFile) as refusal:
        read_table(data, "sheet")
    assert "{" not in refusal.value.message.msgid.format_map(refusal.value.message.params)
    return refusal.value


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_csv_in_every_encoding_and_delimiter_says_the_same(encoding: str, delimiter: str) -> None:
    table = read_table(csv_text(HEADINGS, company(), delimiter=delimiter).encode(encoding), "sheet.csv")
    assert (table.kind, table.encoding, table.delimiter, table.heading_row) == ("csv", encoding, delimiter, 1)
    assert table.rows == [(2, company())]


def test_a_workbook_says_the_same_as_its_csv() -> None:
    text, book = read(csv_text(HEADINGS, company())), read(xlsx(HEADINGS, company()))
    assert draft(text) == draft(book) and only(text).importable and only(book).importable


def test_half_width_katakana_in_cp932_is_not_taken_for_utf_8() -> None:
    table = read_table("ｶｲｼｬ\n".encode("cp932") + csv_text(HEADINGS, company()).encode("cp932"), "sheet.csv")
    assert table.encoding == "cp932"
    assert "ﾒｶﾞ".encode("cp932").decode("utf-8", "ignore") != "ﾒｶﾞ"


@pytest.mark.parametrize("rows_above", [0, 1, 3])
def test_titles_above_the_headings_are_skipped(rows_above: int) -> None:
    titles = [["相談案件一覧"], [], ["令和7年10月1日現在", None, "持出禁止"]][:rows_above]
    for data in (xlsx(*titles, HEADINGS, company()), csv_text(*titles, HEADINGS, company()).encode()):
        row = only(read(data))
        assert row.importable and row.row_number == rows_above + 2


def test_blank_rows_and_trailing_columns_are_skipped() -> None:
    blank: list[Any] = [""] * len(HEADINGS)
    reading = read(csv_text(HEADINGS, blank, company(1), blank, company(2), blank))
    assert [row.row_number for row in reading.rows] == [3, 5]
    assert reading.summary().importable == 2


def test_line_breaks_inside_quotation_marks_stay_in_the_cell() -> None:
    reading = read(csv_text([*HEADINGS, "主要\n取引先"], [*company(), "架空商事\n無銀行"]))
    assert draft(reading).identity.main_customers == ["架空商事", "無銀行"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"), (b" \r\n\t", "empty"), (b"\xef\xbb\xbf", "empty"), (b"%PDF-1.7", "no_headings"),
        (b"a,b\n1,2\n", "no_headings"), ("会社名,都道府県\n".encode(), "no_rows"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 512 + "EncryptedPackage".encode("utf-16-le"), "password"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 512, "old_format"),
        ("会社名,都道府県\n架空\0,奈良県\n".encode(), "nul_bytes"),
        ("会社名,都道府県\n架空\0,奈良県\n".encode("utf-16"), "nul_bytes"), (b"\x7fELF\0\0\x80\xff", "nul_bytes"),
        ("会社名,都道府県\n".encode("cp932") + b"\xfd\xfe,\xff\n", "mixed_encodings"),
        (b"\xef\xbb\xbf" + "会社名,都道府県\n".encode("cp932"), "mixed_encodings"),
        ("会社名,都道府県\n\"架空,奈良県\n".encode(), "broken_csv"), ("会社名,都道府県\n\"架\"空,奈良県\n".encode(), "broken_csv"),
        (b"PK\x03\x04" + b"\0" * 100, "broken_workbook"),
        (b"x" * (sheet_file.FILE_LIMIT + 1), "too_large"),
    ],
)  # fmt: skip
def test_broken_files_have_a_code(data: bytes, code: str) -> None:
    assert broken(data).code == code


@pytest.mark.parametrize(("most", "one"), [("utf-8", "cp932"), ("cp932", "utf-8")])
@pytest.mark.parametrize("name", ["架空", "無商店", "髙﨑", "株式会社ソノタ", "カ", "東京"])
def test_a_line_in_another_encoding_is_named_and_never_read_as_nonsense(most: str, one: str, name: str) -> None:
    above = "会社名,都道府県\n架空,奈良県\n".encode(most)
    found = broken(above + f"{name},奈良県\n".encode(one) + "架空屋,奈良県\n".encode(most))
    assert found.code == "mixed_encodings"
    assert (found.message.params["line"], found.message.params["byte"]) == (3, len(above))


# What cp932 gives back as it was, without quotation marks, control characters and bytes that Shift_JIS does not have.
NOT_KEPT = '"¢£¬‖−〜\x80\xa0\uf8f0\uf8f1\uf8f2\uf8f3'
CP932 = st.characters(codec="cp932", exclude_characters=NOT_KEPT, exclude_categories=["Cc"])


@given(st.lists(st.text(CP932, max_size=12), min_size=1, max_size=6))
def test_cp932_text_is_never_taken_for_a_mixture(names: list[str]) -> None:
    rows = [[f"架空{name}", "奈良県"] for name in names]
    table = read_table(csv_text(["会社名", "都道府県"], *rows).encode("cp932"), "sheet.csv")
    assert [cells for _number, cells in table.rows] == rows


def test_every_truncation_of_a_workbook_is_refused() -> None:
    whole = xlsx(HEADINGS, *(company(place) for place in range(40)))
    for kept in range(5, len(whole), len(whole) // 40):
        assert broken(whole[:kept]).code == "broken_workbook"


def test_damage_inside_a_workbook_is_never_half_an_import() -> None:
    rows = [company(place) for place in range(40)]
    whole = bytearray(xlsx(HEADINGS, *rows))
    for place in range(60, len(whole), len(whole) // 60):
        damaged = bytes(whole[:place]) + bytes([whole[place] ^ 0xFF]) + bytes(whole[place + 1 :])
        try:
            table = read_table(damaged, "sheet.xlsx")
        except BrokenFile:
            continue
        assert table.rows == [(place + 2, row) for place, row in enumerate(rows)]


def _repacked(data: bytes, changes: dict[str, bytes | None]) -> bytes:
    source, target = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            content = changes.get(name, source.read(name))
            if content is not None:
                archive.writestr(name, content)
        for name, content in changes.items():
            if name not in source.namelist() and content is not None:
                archive.writestr(name, content)
    return target.getvalue()


def test_archives_that_are_no_workbook_or_a_bomb() -> None:
    whole = xlsx(HEADINGS, company())
    assert broken(_repacked(whole, {"xl/workbook.xml": None})).code == "not_a_workbook"
    assert broken(_repacked(whole, {"xl/worksheets/sheet1.xml": b"<worksheet>"})).code == "broken_workbook"
    zeros = _repacked(whole, {"xl/media/zeros": b"\0" * (sheet_file.UNPACKED_LIMIT + 1)})
    assert len(zeros) < 10**6 and broken(zeros).code == "unpacks_too_large"
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 20}">' for n in range(1, 9))
    laughs = f'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY e0 "ha">{entities}]><sst>&e8;</sst>'.encode()
    started = time.process_time()
    assert broken(_repacked(whole, {"xl/worksheets/sheet1.xml": laughs})).code == "broken_workbook"
    assert time.process_time() - started < 2


def test_limits_of_rows_columns_and_formatted_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_file, "ROW_LIMIT", 50)
    assert len(read_table(csv_text(HEADINGS, *[company()] * 50).encode(), "sheet").rows) == 50
    assert broken(csv_text(HEADINGS, *[company()] * 51).encode()).code == "too_many_rows"
    assert broken(csv_text(HEADINGS, *[company()] * 500).encode()).code == "too_many_rows"
    assert broken(csv_text([*HEADINGS, *["x"] * 200], company()).encode()).code == "too_many_columns"
    far = xlsx(HEADINGS, company(), prepare=lambda book: book.active.cell(3, 201, "x"))
    assert broken(far).code == "too_many_columns"
    monkeypatch.setattr(sheet_file, "VISITED_CELL_LIMIT", 1_000)
    wide = xlsx(HEADINGS, company(), prepare=lambda book: book.active.cell(2000, 1, " "))
    assert broken(wide).code == "too_many_cells"


def test_a_cell_that_is_too_long_refuses_its_row_only() -> None:
    reading = read(csv_text(HEADINGS, company(1, 業種="あ" * 10_001), company(2)))
    assert [row.importable for row in reading.rows] == [False, True]
    assert max(len(cell.raw) for row in reading.rows for cell in row.cells) <= 100


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: f"会社名,県\n{text}".encode("utf-8", "replace")))
def test_any_bytes_are_a_table_or_a_broken_file(data: bytes) -> None:
    for prefix in (b"", b"PK\x03\x04", b"\xff\xfe", b"\xef\xbb\xbf"):
        try:
            table = read_table(prefix + data, "sheet")
        except BrokenFile as refusal:
            assert refusal.code
        else:
            understand(table, TODAY)


# --- workbooks as people make them ----------------------------------------------------------------------------------


def test_real_dates_and_numbers_and_number_formats() -> None:
    headings = ["会社名", "設立", "従業員数", "決算期", "売上高", "営業利益", "純資産（千円）", "法人番号", "電話番号"]
    row = ["架空株式会社", datetime(1983, 4, 1), 34, datetime(2025, 3, 1), 420_000, -1_200_000, 150_000_000,
           int(NUMBERS[1]), 742000000]  # fmt: skip

    def formats(book: Any) -> None:
        sheet = book.active
        sheet["E2"].number_format = '#,##0"千円"'  # shown as 420,000千円
        sheet["F2"].number_format = '#,##0,"千円";▲#,##0,"千円"'  # shown as ▲1,200千円
        sheet["G2"].number_format = "#,##0,"  # shown as 150,000 under a heading in thousands

    profile = draft(read(xlsx(headings, row, prepare=formats)))
    (year,) = profile.financials
    assert (year.period_end, year.revenue_yen, year.operating_profit_yen, year.net_assets_yen) == (
        date(2025, 3, 31), 420_000_000, -1_200_000, 150_000_000)  # fmt: skip
    assert (profile.business.founded_on, profile.business.employees) == (date(1983, 4, 1), 34)
    assert (profile.identity.corporate_number, profile.identity.phones) == (NUMBERS[1], ["0742000000"])


def test_a_formula_that_was_never_computed_is_no_empty_cell() -> None:
    row = only(read(xlsx(HEADINGS, company(**{"売上高（千円）": "=210000*2"}))))  # openpyxl stores no result
    assert not row.importable
    (cell,) = [cell for cell in row.cells if not cell.understood]
    assert cell.heading == "売上高（千円）" and "formula" in cell.messages[0].msgid


def test_a_computed_formula_is_read_by_its_result() -> None:
    whole = xlsx(HEADINGS, company(**{"売上高（千円）": "=210000*2"}))
    sheet = zipfile.ZipFile(io.BytesIO(whole)).read("xl/worksheets/sheet1.xml")
    stored = re.sub(rb"</f><v ?/>|</f><v></v>", b"</f><v>420000</v>", sheet)
    assert stored != sheet
    assert draft(read(_repacked(whole, {"xl/worksheets/sheet1.xml": stored}))).financials[0].revenue_yen == 420_000_000


def test_only_the_first_visible_sheet_is_read_and_it_is_said() -> None:
    def more(book: Any) -> None:
        hidden = book.create_sheet("隠し", 0)
        hidden.sheet_state = "hidden"
        hidden.append(["秘", "密"])
        book.create_sheet("別紙").append(HEADINGS)

    reading = read(xlsx(HEADINGS, company(), prepare=more))
    assert only(reading).importable
    assert any("first sheet" in problem.message.msgid for problem in reading.problems)


def test_merged_rows_are_said() -> None:
    merged = xlsx(HEADINGS, company(1), company(2), prepare=lambda book: book.active.merge_cells("E2:E3"))
    reading = read(merged)
    assert any("merged" in problem.message.msgid for problem in reading.problems)
    assert reading.rows[1].profile.business.prefecture is None
    title = xlsx(["一覧"], HEADINGS, company(), prepare=lambda book: book.active.merge_cells("A1:C1"))
    assert read(title).problems == []
