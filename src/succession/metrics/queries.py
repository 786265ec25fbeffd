"""Which figures may be read, and how is one table of them put together? Hidden values are not there to be read."""

from __future__ import annotations

import csv
import io
from datetime import date
from itertools import product
from typing import Any

import asyncpg
import msgspec

from succession.codes import SCHEMES, label
from succession.errors import field_problem
from succession.i18n import Message, _, translate
from succession.metrics.definitions import AXES, CUBES, UnknownShape, find_cube, shapes
from succession.metrics.suppression import TOTAL

ROWS_MOST = 20_000
_SCHEME_OF = {"prefecture": "prefecture", "division": "jsic", "revenue_band": "revenue", "buyer_country": "country"}
HIDDEN_NOTE = _("Counts under five and amounts resting on fewer than three companies are hidden, and others that would reveal them.")

STEADY_NOTE = _("Counts under five are hidden, and others that would reveal them. A figure stays as it was last shown until it has moved by five.")


class Named(msgspec.Struct, frozen=True):
    code: str
    label: str


class Figure(msgspec.Struct, frozen=True):
    """`value` None: hidden. Amounts in yen. A dimension `*` is the total over it."""

    month: date
    sheet: Named
    measure: str
    dimensions: dict[str, Named]
    value: int | None
    hidden: bool


class MetricTable(msgspec.Struct, frozen=True):
    resource: str
    by: list[str]
    figures: list[Figure]
    note: str


class Shape(msgspec.Struct, frozen=True):
    resource: str
    by: list[str]


class MetricShapes(msgspec.Struct, frozen=True):
    """Every question that has an answer, and the closed months there are figures for."""

    shapes: list[Shape]
    months: list[date]


async def list_shapes(read: asyncpg.Connection) -> MetricShapes:
    rows = await read.fetch("SELECT DISTINCT month FROM ops.metric_table ORDER BY month DESC LIMIT 240")
    resources = dict.fromkeys(cube.resource for cube in CUBES)
    return MetricShapes([Shape(name, list(by)) for name in resources for by in shapes(name)], [row["month"] for row in rows])


_TABLES = """
SELECT month, sheet, measure, shown::text AS shown FROM ops.metric_table
WHERE cube = $1 AND month BETWEEN $2 AND $3 ORDER BY month, sheet, measure
"""


async def find_table(read: asyncpg.Connection, resource: str, by: list[str], first: date, last: date, locale: str) -> MetricTable:
    """One fixed table over closed months; Problem validation for any other shape or for more than 20,000 figures."""
    try:
        cube = find_cube(resource, tuple(by))
    except UnknownShape as unknown:
        offered = tuple("+".join(axes) or "(none)" for axes in unknown.offered)
        raise field_problem("by", Message.of(_("This combination is not published.")), offered) from None
    keys = list(product(*(AXES[axis] if axis in by else (TOTAL,) for axis in cube.axes)))
    rows = await read.fetch(_TABLES, cube.name, first, last)
    if len(rows) * len(keys) > ROWS_MOST:
        raise field_problem("from", Message.of(_("Ask for fewer months: at most {rows} figures are given at once."), rows=ROWS_MOST))
    figures = [figure for row in rows for figure in _figures(cube.axes, row, keys, by, locale)]
    order = {code: number for number, code in enumerate(cube.sheets)}
    figures.sort(key=lambda figure: (figure.month, order.get(figure.sheet.code, 99), figure.measure))
    return MetricTable(resource, by, figures, translate(STEADY_NOTE if resource == "stages" else HIDDEN_NOTE, locale))


def _figures(axes: tuple[str, ...], row: Any, keys: list[tuple[str, ...]], by: list[str], locale: str) -> list[Figure]:
    shown = msgspec.json.decode(row["shown"], type=dict[str, int])
    sheet = Named(row["sheet"], _sheet_label(row["sheet"], locale))
    found = []
    for key in keys:
        value = shown.get("|".join(key))
        named = {axis: Named(code, label(_SCHEME_OF[axis], code, locale)) for axis, code in zip(axes, key, strict=True) if axis in by}
        found.append(Figure(row["month"], sheet, row["measure"], named, value, value is None))
    return found


def _sheet_label(code: str, locale: str) -> str:
    for scheme in ("stage", "listing_state", "terminal_state"):
        if code in SCHEMES[scheme].codes:
            return label(scheme, code, locale)
    return code


def as_csv(table: MetricTable) -> str:
    """With a byte-order mark, as spreadsheets in Japan expect; no text can start a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["month", "sheet", "measure", *(column for axis in table.by for column in (axis, f"{axis}_label")), "value", "hidden"])
    for figure in table.figures:
        named = [text for axis in table.by for text in (figure.dimensions[axis].code, figure.dimensions[axis].label)]
        writer.writerow([_plain(str(text)) for text in (figure.month, figure.sheet.code, figure.measure, *named)]
                        + ["" if figure.hidden else figure.value, int(figure.hidden)])
    return "\ufeff" + out.getvalue()


def _plain(text: str) -> str:
    return "'" + text if text[:1] in "=+-@\t\r" else text


def month(written: str, field: str) -> date:
    """"2026-10" as its first day; Problem validation."""
    try:
        return date.fromisoformat(f"{written}-01")
    except ValueError:
        raise field_problem(field, Message.of(_("Write a month as 2026-10."))) from None

