"""What was understood of a spreadsheet, sheet, row and cell, in the reader's language?"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from succession.errors import Problem
from succession.i18n import translate
from succession.listings.imports import message_of
from succession.paging import PageAsked


class ImportColumn(msgspec.Struct, frozen=True):
    """`use`: field, not_imported, unknown or unclear."""

    column: str
    heading: str
    use: str
    field: str | None
    message: str | None


class ImportProblem(msgspec.Struct, frozen=True):
    """`refused`: the row, or the whole sheet, is not imported so. Otherwise for a person to look at."""

    column: str | None
    field: str | None
    message: str
    refused: bool


class ImportSummary(msgspec.Struct, frozen=True):
    rows: int
    importable: int
    cells: int
    cells_with_notes: int
    cells_not_understood: int
    unknown_headings: list[str]


class ImportView(msgspec.Struct, frozen=True):
    """`state`: read (dry run) or committed. `rows_done`: importable rows dealt with so far, also while under way."""

    id: UUID
    filename: str
    state: str
    rows_total: int
    rows_importable: int
    rows_done: int
    created_at: datetime
    committed_at: datetime | None
    columns: list[ImportColumn]
    problems: list[ImportProblem]
    summary: ImportSummary


class ImportCell(msgspec.Struct, frozen=True):
    """`messages`: what was assumed, or why it was not understood."""

    column: str
    heading: str
    field: str
    raw: str
    understood: bool
    value: Any
    messages: list[str]


class ImportRow(msgspec.Struct, frozen=True):
    """`row` as the spreadsheet shows it. `outcome`: entered, or held_already; null before the commit."""

    row: int
    importable: bool
    outcome: str | None
    listing_id: UUID | None
    internal_reference: str | None
    cells: list[ImportCell]
    problems: list[ImportProblem]


class ImportRowPage(msgspec.Struct, frozen=True):
    """In the order of the sheet."""

    items: list[ImportRow]
    next_cursor: str | None


_IMPORT = """
SELECT id, filename, state, rows_total, rows_importable, rows_done, created_at, committed_at, reading::text AS reading
FROM vault.listing_import WHERE id = $1
"""
_ROWS = """
SELECT number, reading, entry IS NOT NULL AS importable, outcome, listing_id FROM vault.listing_import_row
WHERE import_id = $1 AND number > $2 AND ($3::boolean IS NULL OR (entry IS NOT NULL) = $3) ORDER BY number LIMIT $4
"""


async def find_import(read: asyncpg.Connection, import_id: UUID, locale: str, done_meanwhile: int) -> ImportView:
    """Problem not_found for an import of somebody else."""
    row = await read.fetchrow(_IMPORT, import_id)
    if row is None:
        raise Problem("not_found")
    sheet = msgspec.json.decode(row["reading"])  # also read inside a unit of work, where jsonb has no codec
    return ImportView(
        id=row["id"], filename=row["filename"], state=row["state"], rows_total=row["rows_total"],
        rows_importable=row["rows_importable"], rows_done=max(row["rows_done"], done_meanwhile),
        created_at=row["created_at"], committed_at=row["committed_at"],
        columns=[ImportColumn(**c | {"message": _said(c["message"], locale)}) for c in sheet["columns"]],
        problems=_problems(sheet["problems"], locale), summary=ImportSummary(**sheet["summary"]),
    )  # fmt: skip


async def list_import_rows(read: asyncpg.Connection, import_id: UUID, locale: str, importable: bool | None, page: PageAsked) -> ImportRowPage:
    """In the order of the file; Problem not_found."""
    if await read.fetchval("SELECT 1 FROM vault.listing_import WHERE id = $1", import_id) is None:
        raise Problem("not_found")
    query = ["import-rows", str(import_id), importable]
    (after,) = page.place(query, int)
    rows, cursor = page.cut(await read.fetch(_ROWS, import_id, after or 0, importable, page.limit + 1), query, "number")
    return ImportRowPage([_row(row, locale) for row in rows], cursor)


def _row(row: asyncpg.Record, locale: str) -> ImportRow:
    reading = row["reading"]
    cells = [ImportCell(**c | {"messages": [_said(m, locale) for m in c["messages"]]}) for c in reading["cells"]]
    return ImportRow(row["number"], row["importable"], row["outcome"], row["listing_id"],
                     reading["internal_reference"], cells, _problems(reading["problems"], locale))


def _problems(kept: list[dict[str, Any]], locale: str) -> list[ImportProblem]:
    return [ImportProblem(**each | {"message": _said(each["message"], locale)}) for each in kept]


def _said(kept: dict[str, Any] | None, locale: str) -> str | None:
    return None if kept is None else translate(message_of(kept), locale)
