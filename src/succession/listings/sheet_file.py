"""What table does an uploaded file hold: CSV in the encodings Centers use, or a workbook?

The answer is a whole `Table` or a `BrokenFile`; there is no half of a file. Nothing in the file is trusted: sizes are
limited before anything is unpacked, and whatever a parser raises becomes `BrokenFile`.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from typing import IO, Any

import msgspec

from succession.i18n import Message
from succession.listings.headings import money_unit, read_heading

FILE_LIMIT = 20 * 2**20  # bytes
UNPACKED_LIMIT = 100 * 2**20  # bytes; a sheet that uses up both limits below has about 80 MB
MEMBER_LIMIT = 2_000
ROW_LIMIT = 10_000  # rows that hold something
COLUMN_LIMIT = 200
VISITED_CELL_LIMIT = 5_000_000  # formatted but empty cells cost time as well
HEADING_SEARCH_ROWS = 30
HEADINGS_NEEDED = 2
SNIFFED_CHARACTERS = 65_536

DELIMITERS = (",", "\t", ";")
OLE_HEADER = bytes.fromhex("d0cf11e0a1b11ae1")
ZIP_HEADER = b"PK\x03\x04"
_JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
_NOT_IN_CP932 = re.compile("[\x80\xa0\uf8f0-\uf8f3]")  # what Python makes of bytes that Shift_JIS does not have
_CAPTION_UNIT = re.compile(r"単位[:：]?\s*((?:千|百万|万|億)?円)")


class BrokenFile(Exception):
    """The file cannot be read as a table. `code` is stable; `message` is for the reader."""

    def __init__(self, code: str, message: Message) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


class Table(msgspec.Struct, frozen=True):
    """Heading row and the rows below that hold anything, each with its number as a spreadsheet shows it (from 1)."""

    filename: str
    kind: str  # "csv" or "xlsx"
    encoding: str | None
    delimiter: str | None
    sheet: str | None
    heading_row: int
    headings: list[Any]
    rows: list[tuple[int, list[Any]]]
    caption_units_yen: list[int]  # what stands above the headings, like (単位：千円)
    warnings: list[Message]


def read_table(data: bytes, filename: str) -> Table:
    """The first table of a CSV or XLSX file, recognised by content and not by name. Raises `BrokenFile`."""
    if len(data) > FILE_LIMIT:
        raise BrokenFile("too_large", Message.of("The file is larger than {limit} MB.", limit=FILE_LIMIT // 2**20))
    if not data.strip():
        raise BrokenFile("empty", Message.of("The file is empty."))
    if data.startswith(OLE_HEADER):
        raise _ole(data)
    if data.startswith(ZIP_HEADER):
        return _workbook_table(data, filename)
    return _csv_table(data, filename)


def _ole(data: bytes) -> BrokenFile:
    if "EncryptedPackage".encode("utf-16-le") in data:
        return BrokenFile("password", Message.of("The workbook is protected by a password. Save it without one."))
    return BrokenFile("old_format", Message.of("This is an old Excel format. Save it as .xlsx or CSV."))


def column_name(index: int) -> str:
    """0 -> A, as a spreadsheet names its columns."""
    from openpyxl.utils import get_column_letter  # see _opened

    return get_column_letter(index + 1)


# --- CSV ----------------------------------------------------------------------------------------------------------


def _csv_table(data: bytes, filename: str) -> Table:
    readings = [
        (_headings_known(text, delimiter), encoding, text, delimiter)
        for encoding, text in _decoded(data)
        for delimiter in DELIMITERS
    ]
    # Half-width katakana in cp932 can be valid UTF-8 by chance, so the headings decide; earlier ones win a tie.
    _known, encoding, text, delimiter = max(readings, key=lambda reading: reading[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, list[Any]]] = []
    try:
        for number, cells in enumerate(reader, start=1):
            _add_row(rows, number, cells)
    except csv.Error as error:
        message = Message.of("The file breaks off or its quotation marks do not match near line {line}.",
                             line=reader.line_num)  # fmt: skip
        raise BrokenFile("broken_csv", message) from error
    return _table(filename, "csv", rows, encoding=encoding, delimiter=delimiter)


def _decoded(data: bytes) -> list[tuple[str, str]]:
    """(encoding, text) in order of preference; two only when the bytes allow both."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        attempts = ["utf-16"]
    elif data.startswith(b"\xef\xbb\xbf"):
        attempts = ["utf-8-sig"]
    else:
        attempts = ["utf-8"] if data.isascii() else ["utf-8", "cp932"]
    texts, foreign = [], None
    for encoding in attempts:
        try:
            texts.append((encoding, data.decode(encoding)))
        except UnicodeDecodeError as error:
            foreign = error.start if foreign is None else foreign
    for _encoding, text in texts:
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            raise BrokenFile("nul_bytes", Message.of("The file holds binary data near line {line}.", line=line))
    if texts and texts[0][0] == attempts[0]:
        return texts
    if attempts[-1] == "cp932":  # no UTF-8: then every line must be cp932, and not only decode as if it were
        told = _foreign_line(data)
        if texts and told is None:
            return texts
        foreign = foreign if told is None else told
    line = data.count(b"\n", 0, foreign) + 1
    message = Message.of("From line {line} (byte {byte}) the file is in another encoding.", line=line, byte=foreign)
    raise BrokenFile("mixed_encodings", message)


def _foreign_line(data: bytes) -> int | None:
    """Where a file leaves the encoding of its first telling line; None when it keeps to it.

    Japanese UTF-8 often decodes as cp932, into nonsense; Japanese cp932 hardly ever decodes as UTF-8. So a line that
    gives kana or kanji in UTF-8 is UTF-8.
    """
    start, first = 0, None
    for line in data.splitlines(keepends=True):
        encoding = None if line.isascii() else _encoding_of(line)
        first = first or encoding
        if encoding == "neither" or encoding not in (None, first):
            return start
        start += len(line)
    return None


def _encoding_of(line: bytes) -> str | None:
    """None when the line could be either; "neither" when it is broken in both."""
    text, cp932 = (_decodes(line, encoding) for encoding in ("utf-8", "cp932"))
    if text is not None and (_JAPANESE.search(text) or cp932 is None):
        return "utf-8"
    if cp932 is None or _NOT_IN_CP932.search(cp932):
        return "neither"
    return None if text is not None else "cp932"


def _decodes(line: bytes, encoding: str) -> str | None:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return None


def _headings_known(text: str, delimiter: str) -> int:
    head = text[:SNIFFED_CHARACTERS]
    try:
        first_rows = [row for row, _ in zip(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter),
                                            range(HEADING_SEARCH_ROWS), strict=False)]  # fmt: skip
    except csv.Error:
        return 0
    return max((_known_in(row) for row in first_rows), default=0)


# --- workbooks ----------------------------------------------------------------------------------------------------

_FORMULA = re.compile(rb"<(?:\w+:)?f[ >/]")
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell [^>]*ref=\"[A-Z]+([0-9]+):[A-Z]+([0-9]+)\"")
_QUOTED = re.compile(r'"([^"]*)"')
_SCALING_COMMAS = re.compile(r"[0#?](,+)(?![0#?,])")


def _workbook_table(data: bytes, filename: str) -> Table:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_archive(archive)
            return _first_sheet(archive, data, filename)
    except BrokenFile:
        raise
    except Exception as error:  # openpyxl and zipfile raise whatever a damaged part leads them to
        message = Message.of("The workbook is damaged. Open it in a spreadsheet program and save it again.")
        raise BrokenFile("broken_workbook", message) from error


def _check_archive(archive: zipfile.ZipFile) -> None:
    members = archive.infolist()
    # Sizes are those declared; zipfile stops reading a member there, so a lie ends as a damaged file.
    if sum(member.file_size for member in members) > UNPACKED_LIMIT or len(members) > MEMBER_LIMIT:
        raise BrokenFile("unpacks_too_large", Message.of("The workbook unpacks to far more data than a table has."))
    if any(member.flag_bits & 1 for member in members):
        raise BrokenFile("password", Message.of("The workbook is protected by a password. Save it without one."))
    if "xl/workbook.xml" not in archive.namelist():
        raise BrokenFile("not_a_workbook", Message.of("This is not an Excel workbook. Save it as .xlsx or CSV."))


def _first_sheet(archive: zipfile.ZipFile, data: bytes, filename: str) -> Table:
    book = _opened(data, values=True)
    visible = [place for place, sheet in enumerate(book.worksheets) if sheet.sheet_state == "visible"]
    if not visible:
        raise BrokenFile("empty", Message.of("The workbook has no visible sheet."))
    place = visible[0]
    sheet = book.worksheets[place]
    with archive.open(sheet._worksheet_path) as part:
        has_formulas, merged = _scan(part)
    grids = [_cells(sheet)]
    if has_formulas:  # the same sheet with formulas in place of results, to tell an empty cell from one never computed
        grids.append(_cells(_opened(data, values=False).worksheets[place]))
    rows: list[tuple[int, list[Any]]] = []
    for number, (values, *formulas) in enumerate(zip(*grids, strict=False), start=1):
        shown = [_shown(cell) for cell in values]
        for formula in formulas:
            shown = [cell.value if value is None and cell.value is not None else value
                     for value, cell in zip(shown, formula, strict=False)]  # fmt: skip
        _add_row(rows, number, shown)
    table = _table(filename, "xlsx", rows, sheet=sheet.title)
    notices = list(table.warnings)
    if len(visible) > 1:
        notices.append(Message.of("Only the first sheet, {sheet}, was read.", sheet=sheet.title))
    if any(last > table.heading_row and last > first for first, last in merged):
        notices.append(Message.of("Cells are merged across rows: only the first row of each holds the value."))
    return msgspec.structs.replace(table, warnings=notices)


def _opened(data: bytes, values: bool) -> Any:
    import openpyxl  # with the first workbook: 12 MB that a process which only searches does not need

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about validations and styles that reading does not need
        return openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=values, keep_links=False)


def _cells(sheet: Any) -> Iterator[Any]:
    sheet.reset_dimensions()  # the declared size is often wrong
    visited = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for row in sheet.iter_rows():
            visited += len(row) + 1
            if visited > VISITED_CELL_LIMIT:
                raise BrokenFile("too_many_cells", Message.of("The sheet has far more cells than a table has."))
            yield row


def _scan(part: IO[bytes]) -> tuple[bool, list[tuple[int, int]]]:
    """(whether any cell holds a formula, the first and last row of each merged range)."""
    has_formulas, merged, kept = False, [], b""
    while chunk := part.read(2**20):
        window = kept + chunk
        has_formulas = has_formulas or _FORMULA.search(window) is not None
        merged += [(int(first), int(last)) for first, last in _MERGED.findall(window)]
        kept = window[-100:]
    return has_formulas, merged


def _shown(cell: Any) -> Any:
    """The value as the sheet shows it: formats that divide by thousands or append 千円 change what a number means."""
    value = cell.value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or cell.number_format == "General":
        return value
    positive = cell.number_format.split(";")[0]
    if commas := _SCALING_COMMAS.search(_QUOTED.sub("", positive)):
        value = value / 1000 ** len(commas[1])
    literal = "".join(_QUOTED.findall(positive)).strip()
    return f"{value}{literal}" if "円" in literal and money_unit(literal) is not None else value


# --- both ---------------------------------------------------------------------------------------------------------


def _add_row(rows: list[tuple[int, list[Any]]], number: int, cells: list[Any]) -> None:
    width = next((place for place in range(len(cells), 0, -1) if not _empty(cells[place - 1])), 0)
    if width == 0:
        return
    if width > COLUMN_LIMIT:
        raise BrokenFile("too_many_columns", Message.of("The table has more than {limit} columns.", limit=COLUMN_LIMIT))
    if len(rows) >= ROW_LIMIT + HEADING_SEARCH_ROWS:
        raise BrokenFile("too_many_rows", Message.of("The table has more than {limit} rows.", limit=ROW_LIMIT))
    rows.append((number, cells[: max(width, min(len(cells), COLUMN_LIMIT))]))


def _empty(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _known_in(row: Iterable[Any]) -> int:
    return len({heading.field for heading in map(read_heading, row) if heading.field is not None})


def _table(
    filename: str,
    kind: str,
    rows: list[tuple[int, list[Any]]],
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
) -> Table:
    """The heading row is the one among the first that names most fields."""
    if not rows:
        raise BrokenFile("empty", Message.of("The file is empty."))
    known = [_known_in(cells) for _number, cells in rows[:HEADING_SEARCH_ROWS]]
    place = known.index(max(known))
    if known[place] < HEADINGS_NEEDED:
        message = Message.of("No row of headings was found. At least two must be known ones, like 会社名 and 都道府県.")
        raise BrokenFile("no_headings", message)
    below = rows[place + 1 :]
    if len(below) > ROW_LIMIT:
        raise BrokenFile("too_many_rows", Message.of("The table has more than {limit} rows.", limit=ROW_LIMIT))
    if not below:
        raise BrokenFile("no_rows", Message.of("There are headings, but no rows below them."))
    captions = [cell for _number, cells in rows[:place] for cell in cells if isinstance(cell, str)]
    return Table(filename, kind, encoding, delimiter, sheet, rows[place][0], rows[place][1], below,
                 _caption_units(captions), [])  # fmt: skip


def _caption_units(captions: list[str]) -> list[int]:
    found: set[int] = set()
    for caption in captions:
        plain = unicodedata.normalize("NFKC", caption[:500])
        words = [*_CAPTION_UNIT.findall(plain), plain.strip()]
        found |= {unit for word in words if (unit := money_unit(word)) is not None}
    return sorted(found)
