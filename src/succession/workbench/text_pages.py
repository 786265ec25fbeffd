"""Where does a text break into pages? After so many lines of so many columns; wide letters take two."""

from __future__ import annotations

import codecs
import io
import unicodedata
from collections.abc import Iterator

COLUMNS, LINES = 96, 56
PAGES_MOST = 2000
_STEP_BYTES = 64 * 1024


def pages_of(source: io.BufferedReader, encoding: str) -> Iterator[list[str]]:
    """The pages of a text in order, at most PAGES_MOST; at least one."""
    page: list[str] = []
    number = 0
    for line in _lines(source, encoding):
        page.append(line)
        if len(page) == LINES:
            yield page
            page, number = [], number + 1
            if number == PAGES_MOST:
                return
    if page or number == 0:
        yield page


def _lines(source: io.BufferedReader, encoding: str) -> Iterator[str]:
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
    source.seek(0)
    line, width, anything = [], 0, False
    while step := source.read(_STEP_BYTES):
        for letter in decoder.decode(step).replace("\t", "    ").removeprefix("\ufeff"):
            anything = letter != "\n"
            wide = 2 if unicodedata.east_asian_width(letter) in "WF" else 1
            if letter == "\n" or width + wide > COLUMNS:
                yield "".join(line)
                line, width = [], 0
            if letter != "\n":
                line.append(letter)
                width += wide
    if line or anything:
        yield "".join(line)
