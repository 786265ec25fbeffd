"""Among which companies does a teaser hide, and how much of what we know of them is measured?"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

import msgspec
import numpy as np

from succession.anonymity import margins
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
#: What a teaser shows of a company. The legal form is not written on it, but an offer of shares says that there are some,
#: and a cell counts its companies by it (peeling.py).
SHOWN_COLUMNS = ("prefecture", "jsic2", "founded", "employees", "revenue_yen", "operating_margin", "legal_form")

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

    `identity`: a number per member that is the same company's in every version (its corporate number; in the demo's world
    the row), 0 or less where nobody can say; None where the source names no company. It is never shown: it tells which
    companies are still there when a population is refreshed (mosaic.py).
    """

    name: str
    demo: bool
    columns: Mapping[str, np.ndarray]
    provenance: Mapping[str, Provenance]
    facts: Mapping[str, np.ndarray] = field(default_factory=dict)
    identity: np.ndarray | None = None
    _members: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        named = [*COLUMNS, *(FACT_PREFIX + code for code in self.facts)]
        if set(self.columns) != set(COLUMNS) or set(self.provenance) != set(named):
            raise ValueError("a population has exactly the columns of COLUMNS, each with its provenance")
        if any(self.provenance[FACT_PREFIX + code].kind != "imported" for code in self.facts):
            raise ValueError("a fact is imported, never drawn")
        if any(column.dtype != np.bool_ for column in self.facts.values()):
            raise ValueError("a fact is true or false")
        if len({len(column) for column in _arrays(self).values()}) != 1:
            raise ValueError("the columns of a population differ in length")
        object.__setattr__(self, "columns", {name: self.columns[name].astype(COLUMNS[name]) for name in COLUMNS})
        object.__setattr__(self, "facts", {code: self.facts[code].copy() for code in sorted(self.facts)})
        if self.identity is not None:
            object.__setattr__(self, "identity", self.identity.astype(np.int64))
        for column in _arrays(self).values():
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
    facts = {FACT_PREFIX + code: holders for code, holders in population.facts.items()}
    return {**population.columns, **facts} | ({} if population.identity is None else {"identity": population.identity})


def _about(population: Population) -> str:
    provenance = {name: msgspec.to_builtins(population.provenance[name]) for name in _arrays(population) if name != "identity"}
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
        identity = stored["identity"] if "identity" in stored.files else None
        facts = {name.removeprefix(FACT_PREFIX): stored[name] for name in stored.files if name.startswith(FACT_PREFIX)}
    provenance = msgspec.convert(about["provenance"], dict[str, Provenance])
    population = Population(about["name"], about["demo"], columns, provenance, facts, identity)
    if population.version != version:
        raise ValueError(f"population {version} was altered on disk")
    return population
