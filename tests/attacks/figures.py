"""Can a company be worked out of the statistics?

A30: thresholds, what totals give away, other formats and other readers. A30d: differences between quarters.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

import asyncpg
import msgspec
import numpy as np

from attacks.harness import Door, Finding, altered, attack
from attacks.scene import Scene
from succession.codes import division_of, revenue_band
from succession.config import as_role
from succession.metrics.closing import store
from succession.metrics.definitions import AXES, CUBES, Cube
from succession.metrics.suppression import CONTRIBUTORS_MINIMUM, COUNT_MINIMUM, TOTAL

# Months long past, so that nothing real is in them: two quarter ends of stocks, two months of flows.
QUARTERS, MONTHS = (date(2021, 3, 1), date(2021, 6, 1)), (date(2021, 3, 1), date(2021, 4, 1))
SHEETS = {"stages": "listed", "funnel": "interested", "breakdown": "closing"}
Table = dict[tuple[str, ...], int | None]


@dataclass
class Published:
    """One table as an attacker puts it together from every answer, and what is true."""

    cube: Cube
    month: date
    sheet: str
    measure: str
    cells: Table
    true: Counter[tuple[str, ...]]


async def closed(scene: Scene) -> dict[tuple[str, date, str], Counter[tuple[str, ...]]]:
    """Closes two quarters and two months over companies of the population, by the honest code; what is true, by (cube, month, measure)."""
    if "closed" in scene.kept:
        return scene.kept["closed"]
    rng, true = Random(30), {}
    stock = _rows(scene, rng, 900 if scene.full else 260)
    later = [*rng.sample(stock, len(stock) - 6), *_rows(scene, rng, 9)]
    flows = [_rows(scene, rng, 300 if scene.full else 120) for _month in MONTHS]
    worker = await asyncpg.connect(as_role(scene.settings.database_url, "succession_worker"))
    try:
        for cube in cubes(scene):
            for month, rows in zip(QUARTERS if cube.resource == "stages" else MONTHS, (stock, later)
                                   if cube.resource == "stages" else flows, strict=True):
                sheeted = [row | {"sheet": SHEETS[cube.resource]} for row in rows]
                await store(worker, msgspec.structs.replace(cube, sheets=_sheets(cube)), month, sheeted)
                true[cube.name, month, cube.counts] = Counter(_key(cube, row) for row in sheeted)
                if cube.amounts:
                    amounts: Counter[tuple[str, ...]] = Counter()
                    for row in sheeted:
                        amounts[_key(cube, row)] += row["revenue_yen"]
                    true[cube.name, month, cube.amounts] = amounts
    finally:
        await worker.close()
    scene.kept["closed"] = true
    return true


def _sheets(cube: Cube) -> tuple[str, ...]:
    return tuple(sheet for sheet in cube.sheets if sheet in ("listed", "interested", "closings"))


def _rows(scene: Scene, rng: Random, count: int) -> list[dict[str, Any]]:
    """Companies of the population, most of them of a few prefectures, so that some cells are large and most are not."""
    column, rows = scene.population.columns, []
    places = rng.sample(range(1, 48), 4)
    order = [at for at in rng.sample(range(len(scene.population)), len(scene.population)) if column["jsic2"][at] > 0]
    for at in order:
        if column["prefecture"][at] in places or rng.random() < 0.02:
            rows.append({"prefecture": f"JP-{column['prefecture'][at]:02}", "jsic_code": f"{column['jsic2'][at]:02}",
                         "revenue_yen": int(column["revenue_yen"][at]),
                         "buyer_country": rng.choice(("DE", "SG", "US", "GB", "FR", "TH"))})
        if len(rows) == count:
            break
    return rows


def _key(cube: Cube, row: dict[str, Any]) -> tuple[str, ...]:
    value = {"prefecture": row["prefecture"], "division": division_of(row["jsic_code"]),
             "revenue_band": revenue_band(row["revenue_yen"]),
             "buyer_country": row["buyer_country"]}
    return tuple(value[axis] for axis in cube.axes)


def cubes(scene: Scene) -> list[Cube]:
    """All of them; in the smaller scene those that differ in kind."""
    return [cube for cube in CUBES if scene.full
            or cube.name in ("stages_place_trade", "stages_size", "funnel_size", "closings_size")]


async def tables(door: Door, who: str, true: dict[Any, Counter[tuple[str, ...]]]) -> list[Published]:
    """Every table of those months, each put together from the answers to all its combinations of axes."""
    found: dict[tuple[str, date, str, str], Published] = {}
    for cube in cubes(door.scene):
        months = QUARTERS if cube.resource == "stages" else MONTHS
        for by in _combinations(cube):
            params = {"from": f"{months[0]:%Y-%m}", "to": f"{months[-1]:%Y-%m}", "by": list(by)}
            answer = await door.ask(who, f"/v1/metrics/{cube.resource}", params=params)
            assert answer.status_code == 200, answer.text
            for figure in answer.json()["figures"]:
                month, sheet = date.fromisoformat(figure["month"]), figure["sheet"]["code"]
                if sheet not in _sheets(cube) or (cube.name, month, figure["measure"]) not in true:
                    continue
                table = found.setdefault((cube.name, month, sheet, figure["measure"]), Published(
                    cube, month, sheet, figure["measure"], {}, true[cube.name, month, figure["measure"]]))
                key = tuple(figure["dimensions"][axis]["code"] if axis in by else TOTAL for axis in cube.axes)
                table.cells[key] = figure["value"]
    return list(found.values())


def _combinations(cube: Cube) -> Iterator[tuple[str, ...]]:
    """The questions whose answers come from this cube: its axes one by one and together; the nation from the first."""
    yield from ((axis,) for axis in cube.axes)
    if len(cube.axes) > 1:
        yield cube.axes
    if cube is next(each for each in CUBES if each.resource == cube.resource):
        yield ()


@attack("A30", "work hidden cells out of published tables: by thresholds, totals, bounds, formats, readers",
        actors="monitor, desk",
        bound=f"no count under {COUNT_MINIMUM} shown, no hidden cell determined, each count under {COUNT_MINIMUM} still anything from 0 to {COUNT_MINIMUM - 1}",
        routes=("GET /v1/metrics", "GET /v1/metrics/{resource}"))
async def aggregates(scene: Scene, door: Door) -> Finding:
    true = await closed(scene)
    assert "2021-03-01" in (await door.ask("monitor", "/v1/metrics")).json()["months"]
    read = await tables(door, "monitor", true)
    found, hidden, shown = [], 0, 0
    for table in read:
        shown += sum(value is not None for value in table.cells.values())
        hidden += sum(value is None for value in table.cells.values())
        where = f"{table.cube.name} {table.month} {table.measure}"
        found += [f"{where}: {wrong}" for wrong in (*_small(table, true), *_determined(table), *_bounded(table))]
        if door.leak and found:
            return Finding(f"{len(read)} tables", found)
    others = {(table.cube.name, table.month, table.measure): table.cells for table in await tables(door, "desk", true)}
    found += [f"{table.cube.name}: the desk is shown another table" for table in read
              if others[table.cube.name, table.month, table.measure] != table.cells]
    found += await _other_format(door, read)
    assert shown > 20 and hidden > 20, "some figures are shown and some hidden, or this attack is blind"
    return Finding(f"{len(read)} tables, {shown} figures shown and {hidden} hidden, {len(found)} worked out", found)


def _margin(table: Published, key: tuple[str, ...]) -> int:
    """The true value of a cell or margin."""
    return sum(value for cell, value in table.true.items()
               if all(part in (TOTAL, own) for part, own in zip(key, cell, strict=True)))


def _small(table: Published, true: dict[Any, Counter[tuple[str, ...]]]) -> Iterator[str]:
    people = Published(table.cube, table.month, table.sheet, table.cube.counts, {},
                       true[table.cube.name, table.month, table.cube.counts])
    for key, value in table.cells.items():
        if value is not None and table.measure == table.cube.counts and value < COUNT_MINIMUM:
            yield f"{key} shows {value}"
        if value is not None and table.measure == table.cube.amounts and _margin(people, key) < CONTRIBUTORS_MINIMUM:
            yield f"{key} shows an amount of fewer than {CONTRIBUTORS_MINIMUM}"
        # A stock stays as it was last shown until it has moved by the threshold.
        if value is not None and abs(value - _margin(table, key)) >= (COUNT_MINIMUM if table.cube.resource == "stages"
                                                                      else 1):
            yield f"{key} shows {value}, true is {_margin(table, key)}"


def _equations(table: Published) -> Iterator[tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    """(margin, cells it sums), for every margin: each with the next finer ones of one axis."""
    axes = [AXES[axis] for axis in table.cube.axes]
    if len(axes) == 1:
        yield (TOTAL,), [(code,) for code in axes[0]]
        return
    for first in (*axes[0], TOTAL):
        yield (first, TOTAL), [(first, code) for code in axes[1]]
    for second in (*axes[1], TOTAL):
        yield (TOTAL, second), [(code, second) for code in axes[0]]


def _determined(table: Published) -> Iterator[str]:
    """Hidden cells that the linear equations between cells and margins leave one value for."""
    unknown = {key: at for at, key in enumerate(key for _margin_key, cells in _equations(table)
                                                for key in (_margin_key, *cells)
                                                if table.cells.get(key) is None)}
    unknown = {key: at for at, key in enumerate(dict.fromkeys(unknown))}
    if not unknown:
        return
    rows = []
    for margin, cells in _equations(table):
        row = np.zeros(len(unknown))
        for key, sign in ((margin, -1), *((cell, 1) for cell in cells)):
            if key in unknown:
                row[unknown[key]] += sign
        if row.any():
            rows.append(row)
    if not rows:
        return
    _u, weights, basis = np.linalg.svd(np.array(rows), full_matrices=False)
    basis = basis[weights > 1e-9]
    explained = (basis**2).sum(axis=0)
    yield from (f"{key} is determined" for key, at in unknown.items() if explained[at] > 1 - 1e-9)


def _bounded(table: Published) -> Iterator[str]:
    """Hidden counts under the threshold that bounds alone (nothing is negative, sums hold) confine to less than 0 to 4."""
    if table.measure != table.cube.counts:
        return
    low: dict[tuple[str, ...], float] = {}
    high: dict[tuple[str, ...], float] = {}
    for margin, cells in _equations(table):
        for key in (margin, *cells):
            value = table.cells.get(key)
            low[key], high[key] = (0, float("inf")) if value is None else (value, value)
    for _turn in range(8):
        for margin, cells in _equations(table):
            total_low, total_high = sum(low[cell] for cell in cells), sum(high[cell] for cell in cells)
            low[margin], high[margin] = max(low[margin], total_low), min(high[margin], total_high)
            for cell in cells:
                if table.cells.get(cell) is None:
                    rest = total_low - low[cell]
                    high[cell] = min(high[cell], high[margin] - rest)
                    low[cell] = max(low[cell], low[margin] - (total_high - high[cell]) if total_high < float("inf")
                                    else low[cell])
    for key, value in table.cells.items():
        if value is None and _margin(table, key) < COUNT_MINIMUM and (low[key] > 0 or high[key] < COUNT_MINIMUM - 1):
            yield f"{key} lies between {low[key]:.0f} and {high[key]:.0f}"


async def _other_format(door: Door, read: list[Published]) -> list[str]:
    """The CSV of each two-way table hides what the JSON hides."""
    found = []
    for table in read:
        if len(table.cube.axes) < 2:
            continue
        params = {"from": f"{table.month:%Y-%m}", "to": f"{table.month:%Y-%m}", "by": list(table.cube.axes),
                  "format": "csv"}
        text = (await door.ask("monitor", f"/v1/metrics/{table.cube.resource}", params=params)).text.lstrip("\ufeff")
        for row in csv.DictReader(io.StringIO(text)):
            key = tuple(row[axis] for axis in table.cube.axes)
            if row["measure"] == table.measure and row["sheet"] == table.sheet and (row["value"] or None) != (
                    None if table.cells[key] is None else str(table.cells[key])):
                found.append(f"{table.cube.name}: the CSV says {row['value']!r} for {key}")
    return found


@aggregates.leaky
async def thresholds_without_complementary_hiding(scene: Scene, request: Any, send: Any) -> Any:
    """Only what is small is hidden: totals give it away."""
    return await _unsuppressed(scene, request, send, lambda value: None if 0 < value < COUNT_MINIMUM else value)


@aggregates.leaky
async def one_small_cell_is_shown(scene: Scene, request: Any, send: Any) -> Any:
    return await _unsuppressed(scene, request, send, lambda value: value if value == 3 else "as it is")


@aggregates.leaky
async def another_reader_is_shown_everything(scene: Scene, request: Any, send: Any) -> Any:
    if scene.accounts["desk"].api_key in request.headers["authorization"]:
        return await _unsuppressed(scene, request, send, lambda value: value)
    return await send(request)


async def _unsuppressed(scene: Scene, request: Any, send: Any, shown: Any) -> Any:
    answer = await send(request)
    if "/v1/metrics/" not in request.url.path or "json" not in answer.headers["content-type"] or request.url.path.endswith("breakdown"):
        return answer
    body, true = answer.json(), await closed(scene)
    for figure in body["figures"]:
        axes = tuple(figure["dimensions"])
        cube = next((each for each in CUBES if each.resource == request.url.path.rpartition("/")[2]
                     and set(axes) <= set(each.axes)), None)
        counts = true.get((cube.name, date.fromisoformat(figure["month"]),
                           figure["measure"])) if cube and axes else None
        if counts is not None and figure["sheet"]["code"] in _sheets(cube):
            key = tuple(figure["dimensions"][axis]["code"] if axis in axes else TOTAL for axis in cube.axes)
            value = shown(_margin(Published(cube, date.min, "", "", {}, counts), key))
            if value != "as it is":
                figure |= {"value": value, "hidden": value is None}
    return altered(answer, body)


# --- A30d -----------------------------------------------------------------------------------------------------------


@attack("A30d", "subtract one quarter from the next, cell by cell", actors="monitor",
        bound=f"no cell of place and trade shows a net change of 1 to {COUNT_MINIMUM - 1} listings",
        routes=("GET /v1/metrics/{resource}",))
async def differences(scene: Scene, door: Door) -> Finding:
    by_cube: dict[tuple[str, str], list[Published]] = {}
    for table in await tables(door, "monitor", await closed(scene)):
        if table.cube.resource == "stages":
            by_cube.setdefault((table.cube.name, table.measure), []).append(table)
    found, compared = [], 0
    for (name, _measure), quarters in by_cube.items():
        first, second = sorted(quarters, key=lambda table: table.month)
        for key, value in second.cells.items():
            before = first.cells.get(key)
            if value is None or before is None or TOTAL in key:
                continue
            compared += 1
            if 0 < abs(value - before) < COUNT_MINIMUM:
                found.append(f"{name} {key}: {before} and then {value}")
    assert compared, "cells are shown in both quarters, or this attack is blind"
    return Finding(f"{compared} cells shown in both quarters, {len(found)} with a change of a few", found)


@differences.leaky
async def quarters_as_they_are(scene: Scene, request: Any, send: Any) -> Any:
    return await _unsuppressed(scene, request, send, lambda value: value)
