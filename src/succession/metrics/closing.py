"""How does a month become figures? Count once when it has closed, suppress, store what may be read, never again.

Runs in the worker. Nothing unsuppressed is stored: who can read the stored tables can read no hidden value in them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any

import asyncpg
import msgspec

from succession.codes import division_of, revenue_band
from succession.config import Settings
from succession.days import add_months, day_in_japan
from succession.metrics.definitions import CUBES, Cube, axis_values, closed_months, month_of
from succession.metrics.suppression import COUNT_MINIMUM, Published, suppress_amounts, suppress_counts

log = logging.getLogger("succession.metrics")

# What happened in a month, one row per deal and stage first reached in it. Months are Japan's.
_FLOWS = """
WITH reached AS (
    SELECT id AS deal_id, 'interested' AS stage, requested_at AS at FROM vault.deal
    UNION ALL SELECT deal_id, 'nda_signed', in_force_at FROM vault.nda WHERE in_force_at IS NOT NULL
    UNION ALL SELECT deal_id, 'name_cleared', decided_at FROM vault.name_clear WHERE decision = 'yes'
    UNION ALL SELECT deal_id, 'im_disclosed', granted_at FROM vault.disclosure_grant WHERE level = 'dossier'
    UNION ALL SELECT deal_id, to_stage, at FROM vault.deal_event
), first AS (SELECT deal_id, stage, min(at) AS at FROM reached GROUP BY deal_id, stage)
SELECT f.stage AS sheet, (date_trunc('month', f.at AT TIME ZONE 'Asia/Tokyo'))::date AS month,
       p.prefecture, p.jsic_code, o.country AS buyer_country, y.revenue_yen
FROM first f JOIN vault.deal d ON d.id = f.deal_id JOIN vault.listing_profile p ON p.listing_id = d.listing_id
JOIN vault.organisation o ON o.id = d.buyer_id
LEFT JOIN LATERAL (SELECT revenue_yen FROM vault.listing_financials n WHERE n.listing_id = d.listing_id
                   ORDER BY period_end DESC LIMIT 1) y ON true
WHERE f.at AT TIME ZONE 'Asia/Tokyo' >= $1::date AND f.at AT TIME ZONE 'Asia/Tokyo' < $2::date
"""
# How many stand where now: computed for the quarter that closed last, as soon as it has closed.
_STOCKS = """
SELECT l.state AS sheet, p.prefecture, p.jsic_code, NULL AS buyer_country, y.revenue_yen
FROM vault.listing l JOIN vault.listing_profile p ON p.listing_id = l.id
LEFT JOIN LATERAL (SELECT revenue_yen FROM vault.listing_financials n WHERE n.listing_id = l.id
                   ORDER BY period_end DESC LIMIT 1) y ON true
"""
_FIRST = "SELECT min(requested_at) FROM vault.deal"
_DONE = "SELECT DISTINCT cube, month FROM ops.metric_table"
_BEFORE = """
SELECT shown::text AS shown FROM ops.metric_table WHERE cube = $1 AND sheet = $2 AND measure = $3 AND month < $4 ORDER BY month
"""
_STORE = """
INSERT INTO ops.metric_table (cube, sheet, month, measure, withheld, shown)
VALUES ($1, $2, $3, $4, $5, $6::text::jsonb) ON CONFLICT DO NOTHING
"""


async def close_months(connection: asyncpg.Connection, settings: Settings) -> int:
    """Compute every cube and closed month that is missing; returns how many. Safe to run twice and by two at once."""
    today = day_in_japan(datetime.now(UTC))
    first = await connection.fetchval(_FIRST)
    begin = month_of(day_in_japan(first)) if first else month_of(today)
    done = {(row["cube"], row["month"]) for row in await connection.fetch(_DONE)}
    closed = 0
    for cube in CUBES:
        months = closed_months(cube, add_months(begin, -3), today)
        # A stock can only be counted while it lasts: an older quarter that nobody counted stays without figures.
        for month in months[-1:] if cube.resource == "stages" else months:
            if (cube.name, month) not in done:
                await _close(connection, cube, month)
                closed += 1
    return closed


async def _close(connection: asyncpg.Connection, cube: Cube, month: date) -> None:
    rows = await (connection.fetch(_STOCKS) if cube.resource == "stages" else connection.fetch(_FLOWS, month, add_months(month, 1)))
    await store(connection, cube, month, [dict(row) for row in rows])
    log.info("closed %s for %s", cube.name, month)


async def store(connection: asyncpg.Connection, cube: Cube, month: date, rows: list[Mapping[str, Any]]) -> None:
    """Suppress and keep one month of a cube; stocks move in steps (`steady`)."""
    tables = await asyncio.to_thread(_suppressed, cube, rows)
    async with connection.transaction():
        for sheet, measure, table in tables:
            shown = {"|".join(key): value for key, value in table.cells.items() if value is not None}
            if cube.resource == "stages":
                shown = steady(shown, await connection.fetch(_BEFORE, cube.name, sheet, measure, month))
            await connection.execute(_STORE, cube.name, sheet, month, measure, table.withheld, msgspec.json.encode(shown).decode())


def steady(shown: Mapping[str, int], earlier: Iterable[asyncpg.Record]) -> dict[str, int]:
    """A stock keeps the figure last shown until it has moved by the threshold: quarter minus quarter is else one listing."""
    last: dict[str, int] = {}
    for row in earlier:
        last |= msgspec.json.decode(row["shown"], type=dict[str, int])
    return {key: last[key] if abs(value - last.get(key, value)) < COUNT_MINIMUM and key in last else value
            for key, value in shown.items()}


def _suppressed(cube: Cube, rows: list[Mapping[str, Any]]) -> list[tuple[str, str, Published]]:
    """(sheet, measure, table) for every sheet of the cube, empty ones too: which tables exist tells nothing."""
    by_sheet: dict[str, list[Mapping[str, Any]]] = {sheet: [] for sheet in cube.sheets}
    named = ((_sheet(cube, row), row) for row in rows)
    for sheet, group in groupby(sorted(named, key=lambda pair: pair[0] or ""), key=lambda pair: pair[0]):
        if sheet in by_sheet:
            by_sheet[sheet] = [row for _sheet_name, row in group]
    tables = []
    for sheet, found in by_sheet.items():
        keyed = [(key, row) for row in found if (key := _key(cube, row)) is not None]
        counts = suppress_counts(axis_values(cube), Counter(key for key, _row in keyed))
        tables.append((sheet, cube.counts, counts))
        if cube.amounts:
            sums: Counter[tuple[str, ...]] = Counter()
            for key, row in keyed:
                sums[key] += row["revenue_yen"] or 0
            tables.append((sheet, cube.amounts, suppress_amounts(sums, Counter(key for key, _row in keyed), counts)))
    return tables


def _sheet(cube: Cube, row: Mapping[str, Any]) -> str | None:
    if cube.resource == "breakdown":
        return "closings" if row["sheet"] == "closing" else None
    return row["sheet"]


_AXIS = {
    "prefecture": lambda row: row["prefecture"],
    "division": lambda row: row["jsic_code"] and division_of(row["jsic_code"][:2]),
    "revenue_band": lambda row: None if row["revenue_yen"] is None else revenue_band(row["revenue_yen"]),
    "buyer_country": lambda row: row["buyer_country"],
}


def _key(cube: Cube, row: Mapping[str, Any]) -> tuple[str, ...] | None:
    key = tuple(_AXIS[axis](row) for axis in cube.axes)
    return None if None in key else key
