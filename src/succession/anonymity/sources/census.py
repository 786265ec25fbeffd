"""How many companies does a census cube count in each place, industry, form and size, each of them once?

A published table repeats itself: the nation beside the prefectures, a division beside its groups, a total beside every
band. A row is a total when another row lies within it on every axis; what is left counts every company once, and is
checked against the table's own totals.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from succession.anonymity.sources.census_axes import (
    PREFECTURE_SPAN,
    Axis,
    Label,
    axis_readers,
    is_total,
    key_numbers_of,
    overlapping,
    totals,
)
from succession.anonymity.sources.completion import NO_TOWN, NOT_SAID, Known
from succession.anonymity.sources.headings import CUBE_HEADINGS, Heading, Layout, shown
from succession.anonymity.sources.registry import ERRORS_LISTED, TOO_MANY_CELLS, RowError
from succession.anonymity.sources.source_file import ImportRefused, Rows, SourceText, columns_of, read_rows
from succession.anonymity.sources.written import ANY_FORM, ANY_INDUSTRY, ANY_PEOPLE, ANY_YEAR, ANY_YEN, plain
from succession.i18n import Message, _

DIMENSIONS = ("prefecture", "jsic", "legal_form", "employees", "founded", "revenue")
LABELS_MAX = 100_000
LISTED_LABELS = 12
HIDDEN, UNREADABLE = -1, -2  # in place of a count

_ZERO = ("-", "－", "‐", "―", "−", "–")
_HIDDEN = re.compile(r"[xXχ]|\*+|…|\.{2,}|…+|")
_UNIT = re.compile("【[^】]*】")  # 総数【事業所】
_REMARKS = ("annotation", "注釈", "注記", "備考", "note", "notes", "no", "")
_MEASURES = ("tab", "表章項目", "集計事項", "統計項目", "measure", "item")
_UNITS = ("unit", "単位")
_OFFICES = re.compile("本所|支所")
_TIMES = re.compile(r"time|時間軸|調査年|年次|year|時点")
_COUNTED_UNITS = ("事業所", "企業", "企業等", "社", "件", "所", "establishments", "enterprises", "companies")
ESTABLISHMENTS = re.compile("事業所|establishment")

SHARE_OF_TOTAL_WORTH_A_NOTE = 0.99
NOT_A_COUNT = _("Not a number of companies.")
HIDDEN_ROWS = _("{rows} figures are hidden or not known (X, ***): nobody is counted there.")
ONLY = _('Of "{heading}" only the rows with {label} are used.')
LEFT_OUT = _('Labels of "{heading}" that were left out: {labels}')
BRANCHES = _(
    "The table counts establishments: the branches of a company count apart, so fewer companies than k may share a teaser. "
    "Prefer a table of enterprises, or one that tells single and head offices from branches."
)
PREFECTURES_ONLY = _("Municipalities are left out: the table has them in less detail than the prefectures.")
FEWER = _("The rows add up to {counted}, the table's own totals to {stated}: the rest is hidden or left out.")


class Counted(NamedTuple):
    """What a cube gives: a row of `known` for each row counted, and what the operator should read about it.

    `stated`: companies by the table's own totals. `establishments`: it counts sites, the branches of a company apart.
    """

    known: Known
    rows_counted: int
    rows_totals: int
    rows_repeated: int
    rows_hidden: int
    rows_not_understood: int
    stated: int | None
    establishments: bool
    notes: list[Message]


def _count(cell: str) -> int:
    """A whole number with or without separators; a dash is none, X, *** and an empty cell are hidden or not known."""
    text = plain(cell).replace(",", "")
    if text in _ZERO:
        return 0
    if _HIDDEN.fullmatch(text):
        return HIDDEN
    if not re.fullmatch(r"\d{1,12}(\.0+)?", text):
        raise ValueError(text)
    return int(text.split(".")[0])


class _Numbers(dict[str, int]):
    def __missing__(self, cell: str) -> int:
        try:
            self[cell] = found = _count(cell)
        except ValueError:
            return UNREADABLE
        return found


class _Labels(dict[Label, int]):
    """Label -> its number, in order of appearance."""

    def __missing__(self, label: Label) -> int:
        if len(self) >= LABELS_MAX:
            raise ImportRefused(Message.of("A column of the cube holds more than {labels} labels.", labels=LABELS_MAX))
        self[label] = number = len(self)
        return number


class Cube:
    """The rows of one or more files of the same table. `keep`: heading -> labels to use where a table splits further."""

    def __init__(self, keep: Mapping[str, Sequence[str]]) -> None:
        self.rows = self.rows_left_out = 0
        self.errors: list[RowError] = []
        self._keep = {_squeezed(heading): {_squeezed(label) for label in labels} for heading, labels in keep.items()}
        self._labels: dict[str, _Labels] = {}
        self._numbers: dict[str, list[np.ndarray]] = {}
        self._counts: list[np.ndarray] = []
        self._revenue_unit = 1.0
        self._heading: dict[str, str] = {}
        self._establishments = self._offices_apart = False

    def read(self, text: SourceText, layout: Layout, progress: Callable[[int, int], None] | None = None) -> None:
        """Take the rows below the headings. `progress(lines, lines of the file)`."""
        axes = self._axes_of(layout)
        if self._counts and set(axes) != set(self._labels):
            raise ImportRefused(Message.of("The files are not parts of one table: their headings differ."))
        counted = layout.spread or layout.columns["count"]
        spread = next((name for name, found in axes.items() if any(heading.spread for heading in found)), None)
        counts = _Numbers()
        for rows in read_rows(text, layout.delimiter):
            below = bisect_right(rows.lines, layout.header_line)
            if below == len(rows.lines):
                continue
            rows = Rows(rows.lines[below:], rows.cells[below:])
            cells, lines = rows.cells, rows.lines
            columns = columns_of(rows, layout.width)
            figures = np.array([list(map(counts.__getitem__, columns[h.at])) for h in counted], dtype=np.int64)
            figures = figures.reshape(len(counted), len(cells))
            shifted = np.fromiter((any(row[layout.width :]) for row in cells), dtype=bool, count=len(cells))
            figures[:, shifted] = UNREADABLE
            for name, found in axes.items():
                labels = self._labels.setdefault(name, _Labels())
                if name == spread:
                    numbers = [labels[Label("", _UNIT.sub("", heading.written))] for heading in counted]
                    which = np.repeat(np.array(numbers)[:, None], len(cells), axis=1)
                else:
                    which = np.tile(self._number(labels, found, columns, len(cells)), (len(counted), 1))
                self._numbers.setdefault(name, []).append(which.ravel())
            self._counts.append(figures.ravel())
            self.rows += figures.size
            self._list_errors(figures, shifted, counted, columns, lines, text.path.name)
            if progress:
                progress(min(rows.lines[-1], text.lines), text.lines)
        if progress:
            progress(text.lines, text.lines)
        self._revenue_unit = layout.units.get("revenue", 1)
        if not layout.spread and ESTABLISHMENTS.search(counted[0].base):
            self._establishments = True

    def _axes_of(self, layout: Layout) -> dict[str, list[Heading]]:
        """Axis -> its headings, code first: the dimensions we know under their names, others as the file calls them."""
        axes = {name: layout.columns[name] for name in DIMENSIONS if name in layout.columns}
        axes["prefecture"] = axes.get("prefecture", []) + layout.columns.get("municipality", [])
        for heading in layout.others:
            if heading.base not in _REMARKS:
                axes.setdefault(f"/{heading.base}", []).append(heading)
        for name, found in axes.items():
            found.sort(key=lambda heading: not heading.code)
            self._heading[name] = found[-1].written.removeprefix("/")
            if name in DIMENSIONS and name not in ("prefecture", "jsic") and all(heading.code for heading in found):
                raise ImportRefused(Message.of(
                    'The column "{heading}" holds codes only; export it with its labels.', heading=shown(found[0].written)))
        return axes

    def _number(self, labels: _Labels, found: list[Heading], columns: list[tuple[str, ...]], rows: int) -> np.ndarray:
        code = next((columns[h.at] for h in found if h.code and h.base not in CUBE_HEADINGS["municipality"]), [""] * rows)
        text = next((columns[h.at] for h in found if not h.code and h.base not in CUBE_HEADINGS["municipality"]), [""] * rows)
        town = next((columns[h.at] for h in found if h.base in CUBE_HEADINGS["municipality"]), [""] * rows)
        return np.fromiter(map(labels.__getitem__, map(Label, code, text, town)), dtype=np.int64, count=rows)

    def _list_errors(self, figures: np.ndarray, shifted: np.ndarray, counted: Sequence[Heading],
                     columns: list[tuple[str, ...]], lines: list[int], file: str) -> None:  # fmt: skip
        wrong = np.argwhere(figures == UNREADABLE)
        self.rows_left_out += len(wrong)
        for column, row in wrong[: ERRORS_LISTED - len(self.errors)].tolist():
            cell = columns[counted[column].at][row][:40]
            reason = TOO_MANY_CELLS if shifted[row] else NOT_A_COUNT
            self.errors.append(RowError(file, lines[row], "count", cell, reason))

    # --- which rows count

    def counted(self) -> Counted:
        """Each company once. ImportRefused when the table does not say which rows those are, or says it twice."""
        counts = np.concatenate(self._counts)
        numbers = {name: np.concatenate(pieces) for name, pieces in self._numbers.items()}
        notes: list[Message] = []
        used = counts != UNREADABLE
        beside = np.zeros(len(counts), dtype=np.int64)
        for name in [name for name in numbers if name not in DIMENSIONS]:
            own = numbers.pop(name)
            used &= np.isin(own, self._choose(name, np.unique(own[used]).tolist(), notes))
            beside = beside * len(self._labels[name]) + own
        self._check_keep()
        readers = axis_readers(self._revenue_unit)
        names = [name for name in DIMENSIONS if name in numbers]
        axes = [Axis(list(self._labels[name]), *readers[name]) for name in names]
        nodes = np.column_stack([axis.node_of[numbers[name]] for name, axis in zip(names, axes, strict=True)])
        understood = used & (nodes >= 0).all(axis=1)
        self._note_left_out(names, axes, numbers, used, notes)
        hidden = understood & (counts == HIDDEN)
        if hidden.any():
            notes.append(Message.of(HIDDEN_ROWS, rows=int(hidden.sum())))
        seen = np.flatnonzero(understood & ~hidden)
        once = seen[_first_of_each(key_numbers_of(nodes[seen], axes), beside[seen], counts[seen])]
        nodes, counts, beside = nodes[once], counts[once], beside[once]
        stated = _stated(nodes, counts, axes)
        kept = _leaves(nodes, axes, notes)
        _refuse_contradictions(nodes[kept], beside[kept], axes)
        counting = kept[counts[kept] > 0]
        if not len(counting):
            raise ImportRefused(Message.of("No row of the cube counts a company in a prefecture."))
        _check_totals(nodes[counting], counts[counting], axes, stated, notes)
        establishments = self._establishments and not self._offices_apart
        notes += [Message.of(BRANCHES)] if establishments else []
        return Counted(
            known=_known(nodes[counting], counts[counting], names, axes),
            rows_counted=len(kept),
            rows_totals=len(nodes) - len(kept),
            rows_repeated=len(seen) - len(once),
            rows_hidden=int(hidden.sum()),
            rows_not_understood=int((used & ~understood).sum()),
            stated=sum(stated.values()) or None,
            establishments=establishments,
            notes=notes,
        )

    def _choose(self, name: str, present: list[int], notes: list[Message]) -> list[int]:
        """Labels of an axis we have no column for that count each company once: what is asked for, or what must be."""
        labels = list(self._labels[name])
        heading = self._heading[name]
        wanted = self._keep.pop(_squeezed(heading), None) or self._keep.pop(_squeezed(name[1:]), None)
        if wanted is not None:
            chosen = [n for n in present if {_squeezed(labels[n].code), _squeezed(labels[n].text)} & wanted]
        elif len(present) <= 1:
            chosen = present
        else:
            chosen = _choice(name[1:], [(n, labels[n]) for n in present])
        if not chosen and present:
            raise ImportRefused(Message.of(
                'The table also splits by "{heading}" ({labels}); say which rows count each company once: '
                '--keep "{heading}=LABEL"',
                heading=shown(heading), labels=_listed(labels[n] for n in present),
            ))  # fmt: skip
        if len(present) > 1:
            notes.append(Message.of(ONLY, heading=shown(heading), label=_listed(labels[n] for n in chosen)))
        self._establishments |= any(ESTABLISHMENTS.search(labels[n].text) for n in chosen)
        self._offices_apart |= bool(_OFFICES.search(name)) and not any(is_total(labels[n].text) for n in chosen)
        return chosen

    def _check_keep(self) -> None:
        if self._keep:
            raise ImportRefused(Message.of(
                'There is no further column "{heading}" to keep a label of.', heading=shown(next(iter(self._keep)))))

    def _note_left_out(self, names: list[str], axes: list[Axis], numbers: dict[str, np.ndarray], used: np.ndarray,
                       notes: list[Message]) -> None:  # fmt: skip
        for name, axis in zip(names, axes, strict=True):
            labels = list(self._labels[name])
            lost = np.unique(numbers[name][used & (axis.node_of[numbers[name]] < 0)]).tolist()
            if lost:
                heading = shown(self._heading[name])
                notes.append(Message.of(LEFT_OUT, heading=heading, labels=_listed(labels[n] for n in lost)))


def _squeezed(text: str) -> str:
    try:
        return re.sub(r"\s", "", plain(text)).lower()
    except ValueError:
        return text


def _listed(labels: Iterable[Label]) -> str:
    texts = [f'"{shown(label.text or label.code)}"' for label in labels]
    return ", ".join(texts[:LISTED_LABELS]) + (f" (+{len(texts) - LISTED_LABELS})" if len(texts) > LISTED_LABELS else "")


def _choice(base: str, present: list[tuple[int, Label]]) -> list[int]:
    """The labels that count companies, each once, or none where that is not plain."""
    bare = {number: re.sub(r"[(【\[][^)】\]]*[)】\]]", "", _squeezed(label.text)) for number, label in present}
    if base in _MEASURES:
        counting = [number for number, text in bare.items() if text in CUBE_HEADINGS["count"]]
        return counting if len(counting) == 1 else []
    if base in _UNITS:
        return [number for number, text in bare.items() if text in _COUNTED_UNITS]
    if _TIMES.search(base):
        return [max(present, key=lambda each: (each[1].code, _squeezed(each[1].text)))[0]]
    if _OFFICES.search(base):
        companies = [n for n, text in bare.items() if re.search("単独|本所|本社", text) and not re.search("支所|支社", text)]
        if len(companies) == 2:
            return companies
    return [number for number, label in present if is_total(label.text)][:1]


def _first_of_each(keys: np.ndarray, beside: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Rows in their order, without those that say again what a row before them said."""
    order = np.lexsort((counts, beside, keys))
    again = np.zeros(len(order), dtype=bool)
    for values in (keys, beside, counts):
        again[1:] |= np.diff(values[order]) != 0
    again[1:] = ~again[1:]
    return np.sort(order[~again])


def _refuse_contradictions(nodes: np.ndarray, beside: np.ndarray, axes: list[Axis]) -> None:
    keys = key_numbers_of(nodes, axes)
    order = np.lexsort((beside, keys))
    same = np.flatnonzero((np.diff(keys[order]) == 0) & (np.diff(beside[order]) == 0))
    if len(same):
        raise ImportRefused(Message.of(
            "Two rows give different figures for the same companies: {row}", row=_row(nodes[order[same[0]]], axes)))


def _row(nodes: np.ndarray, axes: list[Axis]) -> str:
    return shown(" / ".join(axis.names[node] for node, axis in zip(nodes, axes, strict=True)))


def _stated(nodes: np.ndarray, counts: np.ndarray, axes: list[Axis]) -> dict[int, int]:
    """Prefecture -> its companies by the table's own total, where the table has one."""
    place = axes[0].span[nodes[:, 0]]
    total = (place[:, 0] % PREFECTURE_SPAN == 0) & (place[:, 1] - place[:, 0] == PREFECTURE_SPAN - 1)
    for at, axis in enumerate(axes[1:], start=1):
        total &= (nodes[:, at] == axis.root) & (axis.root >= 0)
    found: dict[int, int] = {}
    for prefecture, count in zip((place[total, 0] // PREFECTURE_SPAN).tolist(), counts[total].tolist(), strict=True):
        found[prefecture] = found.get(prefecture, 0) + count
    return found


def _leaves(nodes: np.ndarray, axes: list[Axis], notes: list[Message]) -> np.ndarray:
    """Rows that hold no other row, within prefectures. ImportRefused when two of them count some companies both."""
    low, high = axes[0].span[nodes[:, 0]].T
    inside = np.flatnonzero(low // PREFECTURE_SPAN == high // PREFECTURE_SPAN)
    leaves = inside[~totals(nodes[inside], axes)] if len(inside) else inside
    twice = overlapping(nodes[leaves], axes)
    whole = (high - low)[inside] == PREFECTURE_SPAN - 1
    if twice and whole.any() and not whole.all():
        notes.append(Message.of(PREFECTURES_ONLY))
        inside = inside[whole]
        leaves = inside[~totals(nodes[inside], axes)]
        twice = overlapping(nodes[leaves], axes)
    if twice:
        one, other = (_row(nodes[leaves[row]], axes) for row in twice)
        raise ImportRefused(Message.of(
            "The table breaks the same companies down in two ways; export one of them: {one}; {other}", one=one, other=other))
    return leaves


def _check_totals(nodes: np.ndarray, counts: np.ndarray, axes: list[Axis], stated: dict[int, int],
                  notes: list[Message]) -> None:  # fmt: skip
    prefecture = axes[0].span[nodes[:, 0], 0] // PREFECTURE_SPAN
    found = np.bincount(prefecture, weights=counts, minlength=48).astype(np.int64)
    for number, total in stated.items():
        if found[number] > total:
            raise ImportRefused(Message.of(
                "In prefecture {prefecture} the rows add up to {counted}, more than the table's own total of {stated}: "
                "some companies would be counted twice.",
                prefecture=f"JP-{number:02}", counted=f"{found[number]:,}", stated=f"{total:,}",
            ))  # fmt: skip
    total, counted = sum(stated.values()), int(found[list(stated)].sum()) if stated else 0
    if counted < SHARE_OF_TOTAL_WORTH_A_NOTE * total:
        notes.append(Message.of(FEWER, counted=f"{counted:,}", stated=f"{total:,}"))


def _known(nodes: np.ndarray, counts: np.ndarray, names: list[str], axes: list[Axis]) -> Known:
    said = {name: axis.span[nodes[:, at]] for at, (name, axis) in enumerate(zip(names, axes, strict=True))}
    low, high = said["prefecture"].T

    def interval(name: str, anything: tuple[int, int], dtype: type) -> np.ndarray:
        return said.get(name, np.tile(anything, (len(nodes), 1))).astype(dtype)

    return Known(
        companies=counts,
        prefecture=(low // PREFECTURE_SPAN).astype(np.int8),
        town=np.where(high - low < PREFECTURE_SPAN - 1, low, NO_TOWN).astype(np.int32),
        industry=interval("jsic", ANY_INDUSTRY, np.int16),
        form=interval("legal_form", ANY_FORM, np.int8),
        employees=interval("employees", ANY_PEOPLE, np.int32),
        founded=interval("founded", ANY_YEAR, np.int16),
        revenue=interval("revenue", ANY_YEN, np.int64),
        margin=np.full(len(nodes), np.nan),
        independent=np.full(len(nodes), NOT_SAID, dtype=np.int8),
        facts={},
    )
