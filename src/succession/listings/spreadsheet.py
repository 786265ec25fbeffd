"""What does a Center's spreadsheet say about each company, and which rows can be imported as they are?

`read_table` turns a file into a table, `understand` the table into draft profiles, with a word for every cell: what was
understood, what was assumed, what was not. Pure: nothing is stored here. A row with one cell that was not understood is
not importable; correcting the sheet is safer than importing a half-understood company.
"""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import msgspec

from succession.codes import jsic_two_digit
from succession.i18n import Message, _
from succession.listings.cell_dates import WrittenDay
from succession.listings.cell_words import Address, legal_form_in
from succession.listings.cells import Understood, folded
from succession.listings.completeness import contradictions
from succession.listings.profile import SOLE_PROPRIETOR, Profile, field_error
from succession.listings.sheet_columns import Column, ColumnReading, Columns, Problem, resolve_columns
from succession.listings.sheet_file import BrokenFile, Table, read_table

__all__ = ["BrokenFile", "CellReading", "ColumnReading", "Problem", "Reading", "RowReading", "Summary", "Table",
           "read_table", "understand"]  # fmt: skip

RAW_SHOWN = 100  # characters of a cell that are shown again
PROGRESS_EVERY = 100
# What a row that is no company begins with.
NO_COMPANY = frozenset("合計 計 小計 総計 平均 total 例 記入例 (例) 入力例 (記入例) サンプル".split())
# Several columns may feed one field. Where they must agree, this is how they are compared; the first one wins.
MUST_AGREE: dict[str, Callable[[str], str]] = {
    "identity.corporate_number": str,
    "identity.sites[0].postal_code": str,
    "business.prefecture": str,
    "business.jsic_code": jsic_two_digit,
}
JOINED = frozenset({"identity.phones"})


class CellReading(msgspec.Struct, frozen=True):
    """A cell that holds something, in a column that is a field. `messages`: assumptions, or why it was not read."""

    column: str
    heading: str
    field_path: str
    raw: str
    understood: bool
    value: Any
    messages: tuple[Message, ...]


class RowReading(msgspec.Struct, frozen=True):
    """`row_number` as the spreadsheet shows it. `profile` is the draft, None when nothing coherent could be made."""

    row_number: int
    internal_reference: str | None
    profile: Profile | None
    cells: list[CellReading]
    problems: list[Problem]
    importable: bool


class Summary(msgspec.Struct, frozen=True):
    rows: int
    importable: int
    cells: int
    cells_with_notes: int
    cells_not_understood: int
    unknown_headings: list[str]


class Reading(msgspec.Struct, frozen=True):
    """`problems` concern the sheet as a whole; a refused one there makes no row importable."""

    columns: list[ColumnReading]
    problems: list[Problem]
    rows: list[RowReading]

    def summary(self) -> Summary:
        cells = [cell for row in self.rows for cell in row.cells]
        return Summary(
            rows=len(self.rows),
            importable=sum(row.importable for row in self.rows),
            cells=len(cells),
            cells_with_notes=sum(cell.understood and bool(cell.messages) for cell in cells),
            cells_not_understood=sum(not cell.understood for cell in cells),
            unknown_headings=[column.heading for column in self.columns if column.use == "unknown"],
        )


Progress = Callable[[int, int], None]


def understand(table: Table, today: date, progress: Progress | None = None) -> Reading:
    """Every row as a draft profile with its problems. `progress(rows done, rows in all)` is called as it goes."""
    columns = resolve_columns(table, today)
    problems = [Problem(None, None, message, refused=False) for message in table.warnings] + columns.problems
    sheet_refused = any(problem.refused for problem in problems)
    rows = []
    for done, (row_number, cells) in enumerate(table.rows, start=1):
        rows.append(_read_row(table, columns, row_number, cells, today))
        if progress is not None and (done % PROGRESS_EVERY == 0 or done == len(table.rows)):
            progress(done, len(table.rows))
    repeated = _repeated_companies(rows)
    return Reading(columns.readings, problems, [_settled(row, repeated, sheet_refused) for row in rows])


def _read_row(table: Table, columns: Columns, row_number: int, cells: list[Any], today: date) -> RowReading:
    readings, stated, problems = _read_cells(columns, cells)
    problems += _shape_problems(table, cells)
    if "business.founded_on" in stated and stated["business.founded_on"][0][0] != stated["business.founded_year"][0][0]:
        del stated["business.founded_on"]  # the day is of another event (創業) than the year that counts (設立)
    draft: dict[str, Any] = {}
    for path, values in stated.items():
        if not path.startswith("financials"):
            value, disagreement = _merged(path, values)
            problems += disagreement
            _put(draft, path, value)
    years, year_problems = _fiscal_years(stated, columns.period_ends)
    problems += year_problems
    if years:
        draft["financials"] = years
    reference = draft.pop("internal_reference", None)
    problems += _complete_identity(draft, reference)
    profile, contradicted = _profile(draft, columns, today)
    return RowReading(row_number, reference, profile, readings, problems + contradicted, importable=False)


Stated = dict[str, list[tuple[Column, Any]]]


def _read_cells(columns: Columns, cells: list[Any]) -> tuple[list[CellReading], Stated, list[Problem]]:
    """Every cell read, and what is stated per field, the most telling column first."""
    readings: list[CellReading] = []
    stated: Stated = defaultdict(list)
    answered: set[str] = set()
    failed: list[tuple[Column, Message]] = []
    for column in columns.used:
        cell = cells[column.place] if column.place < len(cells) else None
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            continue
        result = column.read(cell)
        understood = isinstance(result, Understood)
        value, messages = (result.value, result.notes) if understood else (None, (result.reason,))
        raw = str(cell)[:RAW_SHOWN].encode("utf-8", "replace").decode()
        readings.append(CellReading(column.name, column.heading, column.path, raw, understood, value, messages))
        if not understood:
            failed.append((column, messages[0]))
        elif value is not None:
            answered.add(column.path)
            for path, part in _parts(column.path, value):
                stated[path].append((column, part))
    # A second column for the same field may fail in peace when the first was understood: 業種 beside 業種コード.
    problems = [Problem(column.name, column.path, why, refused=column.path not in answered) for column, why in failed]
    return readings, stated, problems


def _parts(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """One cell may answer several fields: an address holds its prefecture."""
    if isinstance(value, Address):
        parts = {path: value.text, "identity.sites[0].postal_code": value.postal_code,
                 "business.prefecture": value.prefecture, "business.municipality": value.municipality}  # fmt: skip
    elif isinstance(value, WrittenDay):
        full = value.month and value.day
        parts = {"business.founded_year": value.year,
                 "business.founded_on": date(value.year, value.month, value.day) if full else None}  # fmt: skip
    else:
        parts = {path: value}
    yield from ((name, part) for name, part in parts.items() if part is not None)


def _merged(path: str, values: list[tuple[Column, Any]]) -> tuple[Any, list[Problem]]:
    values = sorted(values, key=lambda each: each[0].path != path)  # a column of its own before what an address implies
    first, value = values[0]
    if path in JOINED:
        return list(dict.fromkeys(each for _column, part in values for each in part)), []
    if (compared := MUST_AGREE.get(path)) is None:
        return value, []
    return value, [
        Problem(column.name, path, Message.of("Columns {first} and {second} disagree.", first=first.name,
                                              second=column.name), refused=True)
        for column, other in values[1:]
        if compared(other) != compared(value)
    ]  # fmt: skip


def _shape_problems(table: Table, cells: list[Any]) -> list[Problem]:
    wanted = len(table.headings)
    beyond = any(not (cell is None or (isinstance(cell, str) and not cell.strip())) for cell in cells[wanted:])
    first = next((cell for cell in cells if isinstance(cell, str) and cell.strip()), "")
    problems = []
    if folded(first[:RAW_SHOWN]) in NO_COMPANY:
        message = Message.of("This row looks like a total or an example, not like a company.")
        problems.append(Problem(None, None, message, refused=True))
    if table.kind == "csv" and (beyond or len(cells) < wanted):  # an unquoted comma in 1,200, or a file cut off
        message = Message.of("The row has {given} cells, the headings {wanted}.", given=len(cells), wanted=wanted)
        problems.append(Problem(None, None, message, refused=True))
    elif beyond:
        message = Message.of("There is a value in a column without a heading; it was not read.")
        problems.append(Problem(None, None, message, refused=False))
    return problems


# --- fiscal years -------------------------------------------------------------------------------------------------


def _fiscal_years(stated: Stated, named_ends: list[date]) -> tuple[list[dict[str, Any]], list[Problem]]:
    """The years of one row, latest first. Their ends come from the headings, from a 決算期 column, or, one year apart,
    from the latest; figures of a year without an end cannot be kept."""
    figures: dict[int, dict[str, Any]] = defaultdict(dict)
    for path, values in stated.items():
        if path.startswith("financials["):
            place, _bracket, name = path.removeprefix("financials[").partition("].")
            figures[int(place)][name] = values[0][1]
    if not figures:
        return [], []
    problems: list[Problem] = []
    ends: dict[int, date] = dict(enumerate(named_ends))
    for place, year in figures.items():
        written_end = year.pop("period_end", None)
        if written_end is not None and ends.setdefault(place, written_end) != written_end:
            path = f"financials[{place}].period_end"
            message = Message.of("The fiscal year differs from the one in the headings.")
            problems.append(Problem(stated[path][0][0].name, path, message, refused=True))
    latest = min((place for place in figures if figures[place] or not named_ends), default=0)
    years = []
    for place in range(latest, max(figures) + 1):
        if place not in ends and 0 in ends:
            ends[place] = _years_before(ends[0], place)
            message = Message.of("The fiscal year is taken to have ended on {day}.", day=ends[place])
            problems.append(Problem(None, f"financials[{place}].period_end", message, refused=False))
        if place not in ends:
            message = Message.of("It is not stated when the fiscal year of these figures ended; add a column 決算期.")
            return [], [*problems, Problem(None, f"financials[{place}].period_end", message, refused=True)]
        years.append({"period_end": ends[place], **figures.get(place, {})})
    return years, problems


def _years_before(end: date, years: int) -> date:
    """The same month so many years earlier; the end of February stays one."""
    year, last = end.year - years, calendar.monthrange(end.year - years, end.month)[1]
    is_last = end.day == calendar.monthrange(end.year, end.month)[1]
    return date(year, end.month, last if is_last else min(end.day, last))


# --- the draft ----------------------------------------------------------------------------------------------------


def _complete_identity(draft: dict[str, Any], reference: str | None) -> list[Problem]:
    """What the row implies without saying so, each with a note; a row that names nobody is refused."""
    identity: dict[str, Any] = draft.setdefault("identity", {})
    problems = []
    if not identity.get("name") and not identity.get("corporate_number"):
        message = Message.of("The row names no company.")
        problems.append(Problem(None, "identity.name", message, refused=True))
    if "legal_form" not in identity and (form := legal_form_in(identity.get("name") or "")):
        identity["legal_form"] = form
        message = Message.of("The legal form was taken from the name.")
        problems.append(Problem(None, "identity.legal_form", message, refused=False))
    if identity.get("legal_form") == SOLE_PROPRIETOR and "internal_key" not in identity and reference:
        identity["internal_key"] = reference
        message = Message.of("The reference number is used as the key of this sole proprietor.")
        problems.append(Problem(None, "identity.internal_key", message, refused=False))
    return problems


def _put(draft: dict[str, Any], path: str, value: Any) -> None:
    """Set 'identity.sites[0].address' in nested dicts and one-element lists; a dict is merged into what is there."""
    *blocks, name = path.split(".")
    for block in blocks:
        if block.endswith("[0]"):
            draft = draft.setdefault(block[:-3], [{}])[0]
        else:
            draft = draft.setdefault(block, {})
    if isinstance(value, dict):
        draft.setdefault(name, {}).update(value)
    else:
        draft[name] = value


def _profile(draft: dict[str, Any], columns: Columns, today: date) -> tuple[Profile | None, list[Problem]]:
    column_of = {column.path: column.name for column in reversed(columns.used)}
    try:
        profile = msgspec.convert(draft, Profile)
    except msgspec.ValidationError as error:
        refusal = field_error(error)
        return None, [Problem(column_of.get(refusal.field), refusal.field, refusal.message, refused=True)]
    return profile, [
        Problem(column_of.get(each.field_path), each.field_path, each.message, each.refused)
        for each in contradictions(profile, today)
    ]


# --- the whole sheet ----------------------------------------------------------------------------------------------


def _repeated_companies(rows: list[RowReading]) -> dict[int, Problem]:
    """Row number -> its problem, for companies that the sheet names more than once."""
    same: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in rows:
        identity = row.profile.identity if row.profile else None
        if identity is None:
            continue
        for field in ("corporate_number", "internal_key"):
            if key := getattr(identity, field):
                same[field, key].append(row.row_number)
        if identity.name and not identity.corporate_number and not identity.internal_key:
            same["name", folded(identity.name)].append(row.row_number)
    problems = {}
    for (field, _key), numbers in same.items():
        for number in numbers if len(numbers) > 1 else ():
            params = {"rows": ", ".join(str(other) for other in numbers[:10] if other != number)}
            named = field == "name"
            msgid = _("The same name stands in row {rows}.") if named else _("The same company stands in row {rows}.")
            problems[number] = Problem(None, f"identity.{field}", Message(msgid, params), refused=not named)
    return problems


def _settled(row: RowReading, repeated: dict[int, Problem], sheet_refused: bool) -> RowReading:
    problems = row.problems + ([repeated[row.row_number]] if row.row_number in repeated else [])
    importable = row.profile is not None and not sheet_refused and not any(problem.refused for problem in problems)
    return msgspec.structs.replace(row, problems=problems, importable=importable)
