"""What does an operator's company register say of each company, and which of its rows cannot be read?"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NamedTuple

import msgspec
import numpy as np

from succession.anonymity.sources import written
from succession.anonymity.sources.completion import NO_TOWN, NOT_SAID, Known
from succession.anonymity.sources.headings import Layout
from succession.anonymity.population import FACT_PREFIX
from succession.anonymity.sources.source_file import Rows, SourceText, columns_of, read_rows
from succession.i18n import _

ERRORS_LISTED = 1_000
REMEMBERED_CELLS = 100_000  # distinct cells of a column whose meaning is kept at hand

NOT_A_PREFECTURE = _("Not a prefecture.")
TOO_MANY_CELLS = _("More cells than headings: does an amount with a comma stand without quotation marks?")


class RowError(msgspec.Struct, frozen=True):
    """A row left out: file and line, the column, the cell as written, what is wrong with it (English msgid)."""

    file: str
    line: int
    column: str
    cell: str
    reason: str


Read = Callable[[str, float], tuple[Any, ...]]


class Reading(NamedTuple):
    """One thing that the cells under a heading say: `empty` where they say nothing, `reason` when `read` raises.

    `at_once` reads a piece of which every cell is as it should be, and answers None for any other.
    """

    column: str
    says: str
    read: Read
    empty: tuple[Any, ...]
    dtype: type
    reason: str
    at_once: Callable[[Sequence[str]], np.ndarray | None] | None = None


def _if_it_can(read: Callable[[str], Any], otherwise: Any) -> Read:
    """A reading that is welcome and never an error: an address beside a prefecture."""

    def reading(text: str, _unit: float) -> tuple[Any, ...]:
        try:
            return (read(text),)
        except (ValueError, KeyError):
            return (otherwise,)

    return reading


def _corporate_number(text: str) -> int:
    """Thirteen digits; ValueError for what a spreadsheet has made something else of, which then identifies nobody."""
    if not (text.isdigit() and len(text) == 13):
        raise ValueError(text)
    return int(text)


def _corporate_numbers(cells: Sequence[str]) -> np.ndarray | None:
    if set(map(len, cells)) != {13} or not "".join(cells).isascii() or not "".join(cells).isdigit():
        return None
    return np.array(cells).astype(np.int64)[:, None]


def _readings(towns: dict[str, int]) -> list[Reading]:
    """All of them; `towns` numbers the names of municipalities in order of appearance."""

    def town(name: str) -> int:
        return towns.setdefault(name, len(towns))

    def in_prefecture(text: str) -> int:
        return written.place(text)[0] if len(text) in (5, 6) and text.isdigit() else written.prefecture_of_address(text)

    nowhere = (0,)
    return [
        Reading("prefecture", "prefecture", lambda text, _u: (written.place(text)[0],), nowhere, np.int8, NOT_A_PREFECTURE),
        Reading("municipality", "prefecture of town", _if_it_can(in_prefecture, 0), nowhere, np.int8, ""),
        Reading("address", "prefecture of address", _if_it_can(in_prefecture, 0), nowhere, np.int8, ""),
        Reading("municipality", "town", lambda text, _u: (town(text),), (NO_TOWN,), np.int32, ""),
        Reading("address", "town of address", _if_it_can(lambda text: town(written.town_of_address(text)), NO_TOWN),
                (NO_TOWN,), np.int32, ""),
        Reading("jsic", "industry", lambda text, _u: written.industry(text), written.ANY_INDUSTRY, np.int16,
                _("Not a JSIC rev. 14 code or division of private business.")),
        Reading("founded", "founded", lambda text, _u: written.years(text), written.ANY_YEAR, np.int16, _("Not a year.")),
        Reading("employees", "employees", lambda text, _u: written.people(text), written.ANY_PEOPLE, np.int32,
                _("Not a number of people.")),
        Reading("revenue", "revenue", written.yen, written.ANY_YEN, np.int64,
                _("Not an amount in the unit of the heading.")),
        Reading("margin", "margin", lambda text, unit: (written.ratio(text, unit),), (np.nan,), np.float64,
                _("Not an operating margin: write a ratio, or per cent with its sign.")),
        Reading("legal_form", "form", lambda text, _u: written.form_of_company(text), written.ANY_FORM, np.int8, ""),
        Reading("independent", "independent", lambda text, _u: (written.yes(text),), (NOT_SAID,), np.int8,
                _("Not yes or no.")),
        Reading("corporate_number", "corporate number", _if_it_can(_corporate_number, -1), (0,), np.int64, "",
                _corporate_numbers),
    ]  # fmt: skip


def _fact(column: str) -> Reading:
    return Reading(column, column, lambda text, _u: (written.yes(text),), (False,), np.bool_, _("Not yes or no."))


class _Cells:
    """The cells under one heading, read a piece at a time."""

    def __init__(self, reading: Reading, at: int, unit: float) -> None:
        self.reading, self.at, self.unit = reading, at, unit
        self.pieces: list[np.ndarray] = []
        self._meanings: dict[str, tuple[Any, ...] | None] = {}

    def take(self, cells: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """(values, whether unreadable), a row a cell; what cannot be read says what an empty cell says."""
        read = self.reading.at_once(cells) if self.reading.at_once else None
        if read is not None:
            return read, np.zeros(len(cells), dtype=bool)
        if len(self._meanings) > REMEMBERED_CELLS:
            self._meanings.clear()
        distinct = dict(zip(dict.fromkeys(cells), count()))
        meanings = list(map(self._meaning, distinct))
        table = np.array([self.reading.empty if m is None else m for m in meanings], dtype=self.reading.dtype)
        wrong = np.array([meaning is None for meaning in meanings])
        which = np.fromiter(map(distinct.__getitem__, cells), dtype=np.int64, count=len(cells))
        return table[which], wrong[which]

    def _meaning(self, cell: str) -> tuple[Any, ...] | None:
        try:
            return self._meanings[cell]
        except KeyError:
            pass
        try:
            text = written.plain(cell)
            meaning = self.reading.read(text, self.unit) if text else self.reading.empty
        except (ValueError, KeyError, TypeError, OverflowError):
            meaning = None
        self._meanings[cell] = meaning
        return meaning


class Register:
    """The companies of one or more files, which may have different headings."""

    def __init__(self) -> None:
        self.rows = self.rows_left_out = 0
        self.errors: list[RowError] = []
        self._towns: dict[str, int] = {}
        self._readings = _readings(self._towns)
        self._files: list[dict[str, np.ndarray]] = []

    def read(self, text: SourceText, layout: Layout, progress: Callable[[int, int], None] | None = None) -> None:
        """Take the rows below the headings. `progress(lines, lines of the file)`."""
        facts = [_fact(name) for name in layout.columns if name.startswith(FACT_PREFIX)]
        columns = [_Cells(reading, layout.columns[reading.column][0].at, layout.units.get(reading.column, 1))
                   for reading in (*self._readings, *facts) if reading.column in layout.columns]  # fmt: skip
        columns.sort(key=lambda column: column.at)
        for rows in read_rows(text, layout.delimiter):
            below = bisect_right(rows.lines, layout.header_line)
            if below < len(rows.lines):
                self._take(Rows(rows.lines[below:], rows.cells[below:]), columns, layout.width, text.path.name)
            if progress:
                progress(min(rows.lines[-1], text.lines), text.lines)
        if progress:
            progress(text.lines, text.lines)
        self._files.append({c.reading.says: np.concatenate(c.pieces) for c in columns if c.pieces})

    def _take(self, rows: Rows, columns: list[_Cells], width: int, file: str) -> None:
        self.rows += len(rows.cells)
        found: list[RowError] = []
        wrong = np.zeros(len(rows.cells), dtype=bool)

        def leave_out(which: np.ndarray, column: str, cells: Sequence[str], reason: str) -> None:
            listed = np.flatnonzero(which)[: ERRORS_LISTED - len(self.errors)].tolist()
            found.extend(RowError(file, rows.lines[at], column, cells[at][:40], reason) for at in listed)
            np.logical_or(wrong, which, out=wrong)

        beyond = ["".join(cells[width:]).strip() for cells in rows.cells]
        shifted = np.fromiter(map(bool, beyond), dtype=bool, count=len(beyond))
        leave_out(shifted, "", beyond, TOO_MANY_CELLS)
        placed = np.zeros(len(rows.cells), dtype=bool)
        pieces = []
        written_in = columns_of(rows, width)
        for column in columns:
            cells = written_in[column.at]
            values, unreadable = column.take(cells)
            leave_out(unreadable & ~shifted, column.reading.column, cells, column.reading.reason)
            pieces.append(values)
            if column.reading.says.startswith("prefecture"):
                placed |= values[:, 0] > 0
        leave_out(~wrong & ~placed, "prefecture", [""] * len(rows.cells), NOT_A_PREFECTURE)
        for column, values in zip(columns, pieces, strict=True):
            column.pieces.append(values[~wrong])
        self.rows_left_out += int(wrong.sum())
        self.errors += sorted(found, key=lambda error: error.line)[: ERRORS_LISTED - len(self.errors)]

    def _all(self, reading: Reading) -> np.ndarray:
        """What a reading gave, over all files; a file without the heading says nothing."""
        parts = []
        for file in self._files:
            rows = len(next(iter(file.values()), []))
            nothing = np.tile(np.array(reading.empty, dtype=reading.dtype), (rows, 1))
            parts.append(file.get(reading.says, nothing))
        return np.concatenate(parts)

    def known(self) -> tuple[Known, int, int]:
        """(what is known of each company, rows that repeat a corporate number, corporate numbers nobody can read)."""
        facts = sorted({says for file in self._files for says in file if says.startswith(FACT_PREFIX)})
        said = {reading.says: self._all(reading) for reading in (*self._readings, *map(_fact, facts))}
        number = said["corporate number"][:, 0]
        kept = np.ones(len(number), dtype=bool)
        if number.any():
            _, first = np.unique(number, return_index=True)
            kept = number <= 0
            kept[first] = True
        said = {name: values[kept] for name, values in said.items()}
        prefecture = _first_said([said[name][:, 0] for name in said if name.startswith("prefecture")], 0)
        town = _first_said([said["town"][:, 0], said["town of address"][:, 0]], NO_TOWN)
        known = Known(
            companies=np.ones(len(prefecture), dtype=np.int64),
            prefecture=prefecture,
            town=_numbered(prefecture, town),
            industry=said["industry"],
            form=said["form"],
            employees=said["employees"],
            founded=said["founded"],
            revenue=said["revenue"],
            margin=said["margin"][:, 0],
            independent=said["independent"][:, 0],
            facts={name.removeprefix(FACT_PREFIX): said[name][:, 0] for name in facts},
            number=said["corporate number"][:, 0],
        )
        return known, int((~kept).sum()), int((number < 0).sum())


def _first_said(wishes: list[np.ndarray], nothing: int) -> np.ndarray:
    found = wishes[0].copy()
    for wish in wishes[1:]:
        found = np.where(found == nothing, wish, found)
    return found


def _numbered(prefecture: np.ndarray, town: np.ndarray) -> np.ndarray:
    """The same number for the same name in the same prefecture; NO_TOWN stays."""
    _, number = np.unique(prefecture.astype(np.int64) << 32 | (town + 1), return_inverse=True)
    return np.where(town == NO_TOWN, NO_TOWN, number.reshape(-1)).astype(np.int32)
