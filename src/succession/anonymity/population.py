"""Among which companies does a teaser hide, and how much of what we know of them is measured?"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from succession.anonymity import margins, registry
from succession.codes import read_table

#: Column -> type. A row is a company, its row number its stable `member` index. Codes are numbers: prefecture 1-47,
#: jsic2 1-99, jsic4 911 for 0911 (counted, never shown), municipality any number that is equal within one, founded a
#: year, operating_margin profit / revenue, legal_form an index into margins.LEGAL_FORMS, independent = neither listed
#: nor a subsidiary.
COLUMNS: dict[str, type] = {
    "prefecture": np.int8,
    "municipality": np.int32,
    "jsic2": np.int8,
    "jsic4": np.int16,
    "founded": np.int16,
    "employees": np.int32,
    "revenue_yen": np.int64,
    "operating_margin": np.float64,
    "legal_form": np.int8,
    "independent": np.bool_,
}
SHOWN_COLUMNS = ("prefecture", "jsic2", "founded", "employees", "revenue_yen", "operating_margin")

SMALLEST_K = 5

FACT_PREFIX = "fact:"  # a fact's name in `provenance`, in the headings of a register and on disk: fact:<phrase code>


class Provenance(msgspec.Struct, frozen=True):
    """Where a column comes from; `official_totals` = its national totals are official even where it is synthesised."""

    kind: str  # imported | synthesised
    source: str
    official_totals: bool


@dataclass(frozen=True)
class Population:
    """A named reference population: read-only columns of equal length, each with its provenance.

    `facts`: phrase code of the vocabulary -> whether each member is on record with it. Facts are imported, never drawn,
    and their provenance stands under `fact:<code>`. False means "not on record", which nobody may publish.
    """

    name: str
    demo: bool
    columns: Mapping[str, np.ndarray]
    provenance: Mapping[str, Provenance]
    facts: Mapping[str, np.ndarray] = field(default_factory=dict)
    _members: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        named = [*COLUMNS, *(FACT_PREFIX + code for code in self.facts)]
        if set(self.columns) != set(COLUMNS) or set(self.provenance) != set(named):
            raise ValueError("a population has exactly the columns of COLUMNS, each with its provenance")
        if any(self.provenance[FACT_PREFIX + code].kind != "imported" for code in self.facts):
            raise ValueError("a fact is imported, never drawn")
        if any(column.dtype != np.bool_ for column in self.facts.values()):
            raise ValueError("a fact is true or false")
        if len({len(column) for column in (*self.columns.values(), *self.facts.values())}) != 1:
            raise ValueError("the columns of a population differ in length")
        object.__setattr__(self, "columns", {name: self.columns[name].astype(COLUMNS[name]) for name in COLUMNS})
        object.__setattr__(self, "facts", {code: self.facts[code].copy() for code in sorted(self.facts)})
        for column in (*self.columns.values(), *self.facts.values()):
            column.setflags(write=False)
        object.__setattr__(self, "_members", len(self.columns["prefecture"]))

    def __len__(self) -> int:
        return self._members

    @cached_property
    def version(self) -> str:
        """Hash of everything that is in it: the same companies from the same sources give the same version."""
        digest = hashlib.sha256(_about(self).encode())
        for name, column in _arrays(self).items():
            digest.update(name.encode() + b"\0" + column.astype(column.dtype.newbyteorder("<"), copy=False).tobytes())
        return f"pop-{digest.hexdigest()[:20]}"


def _arrays(population: Population) -> dict[str, np.ndarray]:
    return {**population.columns, **{FACT_PREFIX + code: holders for code, holders in population.facts.items()}}


def _about(population: Population) -> str:
    provenance = {name: msgspec.to_builtins(population.provenance[name]) for name in _arrays(population)}
    about = {"name": population.name, "demo": population.demo, "members": len(population), "provenance": provenance}
    return json.dumps(about, ensure_ascii=False, sort_keys=True)


class KChoice(msgspec.Struct, frozen=True):
    """How many companies must share a teaser, and the finest industry one may show: `major_group` | `division`."""

    k: int
    finest_industry: str


def k_and_finest(population: Population) -> KChoice:
    """What this population's provenance allows (anonymisation.md section 3): the more is guessed, the larger k."""
    shown = [population.provenance[name] for name in SHOWN_COLUMNS]
    industry = population.provenance["jsic2"]
    if population.demo:
        return KChoice(20, "major_group")
    if all(column.kind == "imported" for column in shown):
        return KChoice(10, "major_group")
    if industry.kind == "imported" or industry.official_totals:
        return KChoice(40, "major_group")
    return KChoice(20, "division")


class EligibilityRule(msgspec.Struct, frozen=True):
    """Which companies may stand behind a teaser from `valid_from` on; bounds included."""

    valid_from: date
    employees_min: int
    employees_max: int
    independent_only: bool
    sole_proprietors: bool
    excluded_major_groups: tuple[int, ...]


def eligibility_on(day: date) -> EligibilityRule:
    """The rule in force on a day (db/reference/eligibility.tsv); ValueError before the first."""
    rules = [
        EligibilityRule(
            valid_from=date.fromisoformat(row["valid_from"]),
            employees_min=int(row["employees_min"]),
            employees_max=int(row["employees_max"]),
            independent_only=row["independent_only"] == "yes",
            sole_proprietors=row["sole_proprietors"] == "yes",
            excluded_major_groups=tuple(int(group) for group in row["excluded_major_groups"].split()),
        )
        for row in read_table("db/reference/eligibility.tsv")
    ]
    in_force = [rule for rule in rules if rule.valid_from <= day]
    if not in_force:
        raise ValueError(f"no eligibility rule in force on {day}")
    return max(in_force, key=lambda rule: rule.valid_from)


def is_eligible(rule: EligibilityRule, industry2: int, employees: int, revenue_yen: int) -> bool:
    """The part of the rule one can check on a profile; ownership and legal form are the intermediary's to declare."""
    in_size = rule.employees_min <= employees <= rule.employees_max
    return in_size and revenue_yen >= 0 and industry2 not in rule.excluded_major_groups


def eligible(population: Population, rule: EligibilityRule) -> np.ndarray:
    """Boolean mask over the members; a member without a usable figure (negative revenue, no margin) is left out."""
    column = population.columns
    mask = (column["employees"] >= rule.employees_min) & (column["employees"] <= rule.employees_max)
    mask &= (column["revenue_yen"] >= 0) & np.isfinite(column["operating_margin"])
    mask &= ~np.isin(column["jsic2"], rule.excluded_major_groups)
    if rule.independent_only:
        mask &= column["independent"]
    if not rule.sole_proprietors:
        mask &= column["legal_form"] != margins.SOLE
    return mask


# --- on disk: <directory>/<version>/{columns.npz,about.json} and a pointer file <directory>/current


def save(population: Population, directory: Path) -> Path:
    """Write the population beside older ones and make it the current one; either all of it is there or nothing."""
    directory.mkdir(parents=True, exist_ok=True)
    target = directory / population.version
    if not target.exists():
        half = directory / f".{population.version}.{uuid.uuid4().hex}"
        half.mkdir()
        try:
            np.savez(half / "columns.npz", **_arrays(population))
            (half / "about.json").write_text(_about(population), encoding="utf-8")
            half.rename(target)
        except OSError:
            shutil.rmtree(half, ignore_errors=True)
            if not target.exists():  # otherwise another process wrote the same content first
                raise
    pointer = directory / f".current.{uuid.uuid4().hex}"
    pointer.write_text(population.version, encoding="utf-8")
    os.replace(pointer, directory / "current")
    return target


def load(directory: Path, version: str | None = None) -> Population:
    """The named version or the current one. FileNotFoundError when there is none, ValueError when it was altered."""
    version = version or (directory / "current").read_text(encoding="utf-8").strip()
    about = json.loads((directory / version / "about.json").read_text(encoding="utf-8"))
    with np.load(directory / version / "columns.npz", allow_pickle=False) as stored:
        columns = {name: stored[name] for name in COLUMNS}
        facts = {name.removeprefix(FACT_PREFIX): stored[name] for name in stored.files if name.startswith(FACT_PREFIX)}
    provenance = msgspec.convert(about["provenance"], dict[str, Provenance])
    population = Population(about["name"], about["demo"], columns, provenance, facts)
    if population.version != version:
        raise ValueError(f"population {version} was altered on disk")
    return population


# --- import of an operator's register


class RowError(msgspec.Struct, frozen=True):
    """A row left out: its line in the file, the column, the cell as written, what is wrong with it (English msgid)."""

    line: int
    column: str
    cell: str
    reason: str


class RegistryImport(msgspec.Struct, frozen=True):
    """What a register gave: the population (None when no row was good), and the rows left out, at most 1,000 listed."""

    population: Population | None
    rows: int
    rows_left_out: int
    errors: list[RowError]


ERRORS_LISTED = 1_000
PROGRESS_EVERY_ROWS = 5_000
DRAWN_MUNICIPALITIES = 1_000_000  # drawn numbers stay apart from those of named municipalities


def read_registry_csv(
    path: Path, progress: Callable[[int, int], None] | None = None, *, name: str, source: str, seed: int = 0
) -> RegistryImport:
    """A population from a CSV register with the headings of registry.HEADINGS (UTF-8 or cp932).

    Only the prefecture is required. A missing column, or an empty cell, is drawn from official margins, and a column
    with a single drawn value is marked synthesised. `progress(rows, rows)`. RegistryError for an unreadable file.
    """
    text = registry.decode(path.read_bytes())
    units, rows = registry.read_rows(text)
    total = max(0, text.count("\n") - 1)
    found: dict[str, list[Any]] = {column: [] for column in registry.HEADINGS}
    errors: list[RowError] = []
    read = left_out = 0
    for line, cells in rows:
        read += 1
        values, wrong = _read_row(cells, units, line)
        if wrong:
            left_out += 1
            errors += wrong[: ERRORS_LISTED - len(errors)]
        else:
            for column in found:
                found[column].append(values.get(column))
        if progress and read % PROGRESS_EVERY_ROWS == 0:
            progress(read, max(read, total))
    if progress:
        progress(read, read)
    population = _completed(found, name, source, seed) if read > left_out else None
    return RegistryImport(population, read, left_out, errors)


def _read_row(cells: dict[str, str], units: dict[str, float], line: int) -> tuple[dict[str, Any], list[RowError]]:
    values: dict[str, Any] = {}
    wrong = []
    for column, cell in cells.items():
        read, reason = registry.CELLS[column]
        if not cell:
            continue
        try:
            values[column] = read(cell, units[column])
        except (ValueError, KeyError, TypeError, OverflowError):
            wrong.append(RowError(line, column, cell[:40], reason))
    if "prefecture" not in values and not wrong:
        wrong.append(RowError(line, "prefecture", "", registry.CELLS["prefecture"][1]))
    return values, wrong


def _completed(found: Mapping[str, list[Any]], name: str, source: str, seed: int) -> Population:
    """Columns from the cells that were there and, where one was not, from margins that fit what was."""
    rng = np.random.default_rng([1, seed])
    prefecture = np.array(found["prefecture"], dtype=np.int8)
    columns: dict[str, np.ndarray] = {"prefecture": prefecture}
    provenance = {"prefecture": Provenance("imported", source, True)}

    def put(column: str, given: list[Any], drawn: np.ndarray) -> np.ndarray:
        known = np.array([value is not None for value in given])
        filled = np.array([d if v is None else v for v, d in zip(given, drawn.tolist(), strict=True)])
        columns[column] = filled.astype(COLUMNS[column])
        share = f"{100 * known.mean():.1f} % of rows from {source}, the rest drawn from official margins"
        whole = bool(known.all())
        provenance[column] = Provenance("imported" if whole else "synthesised", source if whole else share, whole)
        return columns[column]

    jsic = [value or (None, 0, 0) for value in found["jsic"]]
    drawn_division = margins.draw_division(prefecture, rng)
    division = np.array([d if v[0] is None else v[0] for v, d in zip(jsic, drawn_division.tolist(), strict=True)])
    jsic2 = put("jsic2", [value[1] or None for value in jsic], margins.draw_major_group(division, rng))
    put("jsic4", [value[2] or None for value in jsic], margins.draw_detailed(jsic2, rng))
    named = [town and (p, town) for p, town in zip(prefecture.tolist(), found["municipality"], strict=True)]
    number_of = {place: number for number, place in enumerate(dict.fromkeys(named))}
    drawn_towns = margins.draw_municipality(prefecture, rng) + DRAWN_MUNICIPALITIES
    put("municipality", [place and number_of[place] for place in named], drawn_towns)
    employees = put("employees", found["employees"], margins.draw_employees(division, rng))
    drawn_sole = margins.draw_sole(division, employees, rng)
    forms = found["legal_form"]
    sole = np.array([d if v is None else v == margins.SOLE for v, d in zip(forms, drawn_sole.tolist(), strict=True)])
    founded = put("founded", found["founded"], margins.draw_founded(division, sole, rng))
    put("legal_form", forms, margins.draw_legal_form(division, sole, founded, rng))
    put("revenue_yen", found["revenue"], margins.draw_revenue_yen(jsic2, employees, sole, rng))
    put("operating_margin", found["margin"], margins.draw_margin(jsic2, sole, rng))
    put("independent", found["independent"], margins.draw_independent(employees, sole, rng))
    return Population(name, False, columns, provenance)
