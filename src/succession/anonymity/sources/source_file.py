"""Which rows of cells does an operator's file hold, whatever program wrote it?

The file is read in pieces and refused in words where it is no text, mixes encodings or is not CSV: no size of a line, a
cell or a file makes that slow or large.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from succession.i18n import Message, translate

FILE_BYTES_MAX = 8 * 2**30
BLOCK_BYTES = 2**20
ROWS_AT_ONCE = 20_000
HEAD_ROWS = 100  # how far down the headings may stand, below titles and notes
DELIMITERS = (",", "\t", ";")

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


class ImportRefused(ValueError):
    """The file as a whole cannot be used: `message` says why, for a reader of any locale."""

    def __init__(self, message: Message) -> None:
        super().__init__(translate(message, "en"))
        self.message = message


class SourceText(NamedTuple):
    """A file known to decode from its first byte to its last: `lines` counts line feeds."""

    path: Path
    encoding: str
    lines: int


class Rows(NamedTuple):
    """Rows that are not blank, each with the line of the file on which it ends."""

    lines: list[int]
    cells: list[list[str]]


def examine(path: Path) -> SourceText:
    """UTF-8 (with or without byte order mark) or cp932, the same throughout. ImportRefused for anything else."""
    if path.stat().st_size > FILE_BYTES_MAX:
        raise ImportRefused(Message.of("The file is larger than {gigabytes} GB.", gigabytes=FILE_BYTES_MAX // 2**30))
    with path.open("rb") as file:
        encoding = _encoding(file.read(BLOCK_BYTES))
        decoder = codecs.getincrementaldecoder(encoding)()
        file.seek(0)
        lines = 0
        while block := file.read(BLOCK_BYTES):
            _check_block(block, lines)
            _decode(decoder, block, encoding, lines)
            lines += block.count(b"\n")
        _decode(decoder, b"", encoding, lines, final=True)
    return SourceText(path, encoding, lines)


def _encoding(head: bytes) -> str:
    """What most lines with more than ASCII can only be. A file of both is then refused at its first other line."""
    if head.startswith(WORKBOOKS):
        raise ImportRefused(Message.of("The file is a workbook: save the sheet as CSV, in UTF-8 or Shift_JIS."))
    if head.startswith(UTF_16):
        raise ImportRefused(Message.of("The file is UTF-16: save it as CSV in UTF-8 or Shift_JIS."))
    told = [line for line in head.splitlines() if not line.isascii()]
    if len(head) == BLOCK_BYTES and len(told) > 1:
        told.pop()  # cut through
    utf8 = sum(_decodes(line, "utf-8") for line in told)
    cp932 = sum(not _decodes(line, "utf-8") and _decodes(line, "cp932") for line in told)
    return "cp932" if cp932 > utf8 else "utf-8-sig"


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _check_block(block: bytes, lines: int) -> None:
    if b"\0" in block:
        line = lines + block[: block.index(b"\0")].count(b"\n") + 1
        raise ImportRefused(Message.of("Line {line} holds a NUL character: the file is no text.", line=line))
    if len(block) == BLOCK_BYTES and b"\n" not in block and b"\r" not in block:
        raise ImportRefused(Message.of("Line {line} is longer than a million characters.", line=lines + 1))


def _decode(decoder: codecs.IncrementalDecoder, block: bytes, encoding: str, lines: int, final: bool = False) -> None:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError as error:
        line = lines + error.object[: error.start].count(b"\n") + 1
        raise ImportRefused(Message.of(
            "Line {line} is not {encoding}, as the lines before it are: the file mixes encodings or is damaged.",
            line=line, encoding="Shift_JIS (cp932)" if encoding == "cp932" else "UTF-8",
        )) from error  # fmt: skip


def read_rows(text: SourceText, delimiter: str = ",", at_once: int = ROWS_AT_ONCE) -> Iterator[Rows]:
    """All rows from the first line on, some at a time. ImportRefused where a quotation mark is never closed."""
    with text.path.open(encoding=text.encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        ended, more = 0, True
        while more:
            rows, more = Rows([], []), False
            try:
                for cells in islice(reader, at_once):
                    ended, more = reader.line_num, True
                    if cells and (cells[0].strip() or "".join(cells).strip()):
                        rows.lines.append(ended)
                        rows.cells.append(cells)
            except csv.Error as broken:
                raise ImportRefused(Message.of(
                    "The row that begins on line {line} is not CSV: a quotation mark is left open or stands inside a "
                    "cell, or a cell is longer than {characters} characters.",
                    line=ended + 1, characters=csv.field_size_limit(),
                )) from broken  # fmt: skip
            if rows.cells:
                yield rows


def columns_of(rows: Rows, width: int) -> list[tuple[str, ...]]:
    """The cells of the first `width` columns, one tuple a column; a short row ends in empty cells."""
    cells = rows.cells
    if set(map(len, cells)) != {width}:
        cells = [row[:width] + [""] * (width - len(row)) for row in cells]
    return list(zip(*cells, strict=True))


def head_rows(text: SourceText, delimiter: str) -> Rows:
    """The first rows, among which the headings stand."""
    return next(read_rows(text, delimiter, HEAD_ROWS), Rows([], []))
