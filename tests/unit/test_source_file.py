"""Is a file that is no clean CSV refused in words, in bounded time, and the headings found where they stand?"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from census_table import interface_table, made_up, published

from succession.anonymity.sources import source_file
from succession.anonymity.sources.headings import Wishes, find_layout, shown
from succession.anonymity.sources.importing import import_population
from succession.anonymity.sources.source_file import ImportRefused, examine, read_rows

HEAD = "都道府県,業種,従業員数\r\n"
ROWS = "東京都,0911,12\r\n大阪府,2411,35\r\n"


def write(directory: Path, content: bytes, name: str = "file.csv") -> Path:
    path = directory / name
    path.write_bytes(content)
    return path


def refusal(path: Path, **wishes: object) -> str:
    with pytest.raises(ImportRefused) as refused:
        import_population([path], name="r", source="s", wishes=Wishes(**wishes))  # type: ignore[arg-type]
    assert refused.value.message.msgid
    return str(refused.value)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ((HEAD + ROWS).encode("cp932"), "cp932"),
        ((HEAD + ROWS).encode("utf-8"), "utf-8-sig"),
        ((HEAD + ROWS).encode("utf-8-sig"), "utf-8-sig"),
        (b"prefecture,jsic\n13,09\n", "utf-8-sig"),
        ("prefecture,name\n13,ﾃｽﾄ\n13,架空\n13,架空\n".encode("cp932"), "cp932"),  # the half-width line is UTF-8 as well
    ],
)
def test_the_encoding_is_told_by_most_lines(tmp_path: Path, content: bytes, encoding: str) -> None:
    assert examine(write(tmp_path, content)).encoding == encoding


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ((HEAD + ROWS).encode("utf-8") + "大阪府,2411,35\r\n".encode("cp932"), "Line 4 is not UTF-8"),
        ((HEAD + ROWS).encode("cp932") + "大阪府,2411,35\r\n".encode(), "Line 4 is not Shift_JIS"),
        ((HEAD + ROWS).encode("utf-8") + b"\xed\xa0\x80,09,1\r\n", "Line 4 is not UTF-8"),  # half a surrogate pair
        ((HEAD + ROWS).encode("utf-8") + "東".encode()[:2], "Line 4 is not UTF-8"),  # cut off
        (b"\x81\xff\xfe prefecture", "Line 1 is not UTF-8"),
        ((HEAD + ROWS).encode("utf-16"), "UTF-16"),
        ((HEAD + ROWS).encode("utf-16-le"), "NUL"),
        ((HEAD + "東京都\0,0911,12\r\n").encode(), "Line 2 holds a NUL"),
        (b"PK\x03\x04" + bytes(100), "workbook"),
        (b"", "Headings found: -"),
        (b"\r\n\r\n", "Headings found: -"),
        ((HEAD + '東京都,"0911,12\r\n大阪府,2411,35\r\n').encode(), "The row that begins on line 2 is not CSV"),
        ((HEAD + ROWS + '"東京都"x,0911,12\r\n').encode(), "The row that begins on line 4 is not CSV"),
        ("市区町村名簿,業種\n第一市,09\n".encode(), 'Headings found: "市区町村名簿", "業種"'),
        ("都道府県,都道府県名\n東京都,東京都\n".encode(), "--map prefecture="),
    ],
)
def test_what_is_no_clean_csv_is_refused_in_words(tmp_path: Path, content: bytes, told: str) -> None:
    assert told in refusal(write(tmp_path, content))


def test_huge_cells_lines_and_runs_of_marks_are_refused_or_left_out_at_once(tmp_path: Path) -> None:
    ten_megabytes = "東" * 3_500_000
    assert "longer than a million" in refusal(write(tmp_path, (HEAD + ten_megabytes + ",09,1\r\n").encode()))
    assert "longer than 131072" in refusal(write(tmp_path, (HEAD + "東" * 200_000 + ",09,1\r\n").encode()))
    marks = "\u0301\u0316" * 30_000  # each out of canonical order: normalising takes the square of it
    wild = [f"東京都{marks},0911,12", "\u202e東京都\u200b,09\u200d11,１２", "😀,0911,12", "東京都,0911,99999999999999999999"]
    read = import_population([write(tmp_path, (HEAD + "\r\n".join([*wild, ""])).encode())], name="r", source="s")
    assert read.rows == 4 and [error.line for error in read.errors] == [2, 4, 5] and len(read.errors[0].cell) <= 40
    assert read.population is not None and read.population.columns["prefecture"].tolist() == [13]


def test_any_bytes_are_read_or_refused(tmp_path: Path) -> None:
    """Damage anywhere: a problem in words or a reading, never another exception."""
    rng = random.Random(5)
    rows = (HEAD + ROWS * 20), interface_table({row: n for row, n in published(made_up()).items() if row[0] != "05000"})
    for turn in range(120):
        content = bytearray(rows[turn % 3 == 0].encode("cp932" if turn % 2 else "utf-8")[:4000])
        for _ in range(rng.randint(1, 6)):
            at = rng.randrange(len(content))
            content[at : at + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 4))
        try:
            import_population([write(tmp_path, bytes(content))], name="r", source="s")
        except ImportRefused as refused:
            assert str(refused)


def test_rows_come_in_pieces_with_the_line_each_ends_on(tmp_path: Path) -> None:
    text = examine(write(tmp_path, b'a,b\n1,"two\nlines"\n\n , \n3,4\n5,6'))
    pieces = list(read_rows(text, at_once=2))
    assert [line for piece in pieces for line in piece.lines] == [1, 3, 6, 7]
    assert [cells for piece in pieces for cells in piece.cells] == [["a", "b"], ["1", "two\nlines"], ["3", "4"], ["5", "6"]]


def test_a_large_file_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_file, "FILE_BYTES_MAX", 10)
    assert "larger" in refusal(write(tmp_path, HEAD.encode()))


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_headings_stand_below_titles_in_any_common_delimiter(tmp_path: Path, delimiter: str) -> None:
    title = "架空県企業名簿\n令和7年1月1日現在,都道府県\n\n".replace(",", delimiter)
    body = "商号,都道府県,業種コード,従業員数\n架空一,東京都,0911,5\n".replace(",", delimiter)
    layout = find_layout(examine(write(tmp_path, (title + body).encode("cp932"))), Wishes())
    assert (layout.delimiter, layout.header_line, layout.shape) == (delimiter, 4, "register")
    assert {name: found[0].at for name, found in layout.columns.items()} == {"prefecture": 1, "jsic": 2, "employees": 3}
    assert [heading.written for heading in layout.others] == ["商号"]


def test_a_code_beside_its_name_is_one_column(tmp_path: Path) -> None:
    path = write(tmp_path, "都道府県名,都道府県コード,業種名,業種コード\n東京都,13,食料品,0911\n".encode())
    layout = find_layout(examine(path), Wishes())
    assert layout.columns["prefecture"][0].written == "都道府県コード" and layout.columns["jsic"][0].at == 3
    assert [heading.written for heading in layout.others] == ["都道府県名", "業種名"]


def test_headings_are_mapped_by_hand(tmp_path: Path) -> None:
    path = write(tmp_path, "県,産業（当社分類）,従業員数,従業員数（連結）,都道府県\n東京都,0911,12,90,大阪府\n".encode())
    assert '"従業員数"' in refusal(path) and "--map employees=" in refusal(path)
    mapped = Wishes({"prefecture": "県", "jsic": "産業（当社分類）", "employees": "従業員数"})
    layout = find_layout(examine(path), mapped)
    assert {name: found[0].at for name, found in layout.columns.items()} == {"prefecture": 0, "jsic": 1, "employees": 2}
    assert 'No heading is called "社員数"' in refusal(path, headings={**mapped.headings, "employees": "社員数"})
    told = refusal(path, headings={**mapped.headings, "staff": "従業員数（連結）"})
    assert 'no column "staff"' in told and "employees" in told


def test_a_refusal_prints_nothing_that_turns_or_hides_the_terminal(tmp_path: Path) -> None:
    told = refusal(write(tmp_path, "\u202eesrever,\x1b[31mred\u200b\nx,y\n".encode()))
    assert "\\u202eesrever" in told and "\x1b" not in told and "\u202e" not in told and "\u200b" not in told
    assert shown("東" * 100) == "東" * 60 + "…"
