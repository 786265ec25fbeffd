"""Does a population know where it comes from, who is eligible in it, and does it survive the disk?"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
import pytest

from succession.anonymity import margins
from succession.anonymity.population import (
    COLUMNS,
    EligibilityRule,
    KChoice,
    Population,
    Provenance,
    eligibility_on,
    eligible,
    is_eligible,
    k_and_finest,
    load,
    save,
)
from succession.anonymity.world import build_world

def provenance(**changed: Provenance) -> dict[str, Provenance]:
    return {name: Provenance("imported", "register", True) for name in COLUMNS} | changed


def tiny(**changed: list) -> Population:
    columns = {
        "prefecture": [13, 13, 1, 27],
        "municipality": [1, 2, 3, 4],
        "jsic2": [9, 98, 10, 24],
        "jsic4": [911, 9811, 1021, 2411],
        "founded": [1980, 1981, 1982, 1983],
        "employees": [1, 10, 300, 299],
        "revenue_yen": [10**7, 10**8, 10**9, 0],
        "operating_margin": [0.1, 0.1, 0.1, 0.0],
        "legal_form": [margins.SOLE, 0, 0, 0],
        "independent": [True, True, True, True],
    } | changed
    return Population("tiny", False, {name: np.array(values) for name, values in columns.items()}, provenance())


def test_eligibility_is_a_dated_row() -> None:
    rule = eligibility_on(date(2026, 6, 1))
    assert (rule.employees_min, rule.employees_max, rule.sole_proprietors) == (1, 299, True)
    with pytest.raises(ValueError):
        eligibility_on(date(2000, 1, 1))


def test_who_is_eligible() -> None:
    rule = eligibility_on(date(2026, 6, 1))
    assert eligible(tiny(), rule).tolist() == [True, False, False, True]
    assert eligible(tiny(independent=[True, True, True, False]), rule).tolist() == [True, False, False, False]
    assert eligible(tiny(operating_margin=[np.nan, 0, 0, 0]), rule).tolist() == [False, False, False, True]
    companies_only = msgspec.structs.replace(rule, sole_proprietors=False)
    assert eligible(tiny(), companies_only).tolist() == [False, False, False, True]
    profiles = zip(*(tiny().columns[c].tolist() for c in ("jsic2", "employees", "revenue_yen")), strict=True)
    assert [is_eligible(rule, *profile) for profile in profiles] == [True, False, False, True]


def test_k_follows_the_provenance() -> None:
    def choice(demo: bool = False, **changed: Provenance) -> KChoice:
        return k_and_finest(Population("p", demo, tiny().columns, provenance(**changed)))

    guessed, official = Provenance("synthesised", "x", False), Provenance("synthesised", "x", True)
    assert choice() == KChoice(10, "major_group")
    assert choice(municipality=guessed) == KChoice(10, "major_group")
    assert choice(founded=guessed) == choice(legal_form=guessed) == KChoice(40, "major_group")
    assert choice(jsic2=official) == KChoice(40, "major_group")
    assert choice(jsic2=guessed) == KChoice(20, "division")
    assert choice(demo=True, jsic2=guessed) == KChoice(20, "major_group")


def test_it_survives_the_disk(tmp_path: Path) -> None:
    first, second = build_world(200, 1), build_world(200, 2)
    save(first, tmp_path)
    save(second, tmp_path)
    save(second, tmp_path)
    assert load(tmp_path).version == second.version
    again = load(tmp_path, first.version)
    assert again.version == first.version and again.provenance == first.provenance and again.demo
    assert all(np.array_equal(again.columns[name], first.columns[name]) for name in COLUMNS)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([first.version, second.version, "current"])


def test_what_was_altered_or_never_finished_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path)
    world = build_world(50, 1)
    about = save(world, tmp_path) / "about.json"
    about.write_text(about.read_text().replace('"demo": true', '"demo": false'))
    with pytest.raises(ValueError):
        load(tmp_path)

    def broken(*_args: object, **_kwargs: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", broken)
    with pytest.raises(OSError):
        save(build_world(50, 2), tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted(["current", world.version])


def test_a_population_refuses_crooked_columns() -> None:
    columns = dict(tiny().columns)
    with pytest.raises(ValueError):
        Population("p", False, columns | {"founded": np.array([1])}, provenance())
    with pytest.raises(ValueError):
        Population("p", False, {k: v for k, v in columns.items() if k != "jsic4"}, provenance())
    with pytest.raises(ValueError):
        tiny().columns["founded"][0] = 1


def with_facts(**facts: list) -> Population:
    known = {f"fact:{code}": Provenance("imported", "list of exporters 2026", False) for code in facts}
    arrays = {code: np.array(holders) for code, holders in facts.items()}
    return Population("tiny", False, tiny().columns, provenance() | known, arrays)


def test_facts_are_part_of_a_population_and_survive_the_disk(tmp_path: Path) -> None:
    exporters = with_facts(iso_9001=[True] * 4, exports=[True, False, False, True])
    assert list(exporters.facts) == ["exports", "iso_9001"] and not exporters.facts["exports"].flags.writeable
    assert len({tiny().version, exporters.version, with_facts(exports=[True] * 4).version}) == 3
    save(exporters, tmp_path)
    again = load(tmp_path)
    assert again.facts["exports"].tolist() == [True, False, False, True] and set(again.facts) == {"exports", "iso_9001"}
    assert again.provenance["fact:exports"].source == "list of exporters 2026"
    assert k_and_finest(exporters) == k_and_finest(tiny())


def test_a_population_without_facts_keeps_the_version_it_had() -> None:
    assert tiny().version == "pop-21161b80d6b525ab5486"
    assert with_facts().version == tiny().version


def test_facts_are_imported_and_as_long_as_the_columns() -> None:
    with pytest.raises(ValueError, match="length"):
        with_facts(exports=[True])
    with pytest.raises(ValueError, match="true or false"):
        with_facts(exports=[1, 0, 0, 1])
    with pytest.raises(ValueError, match="provenance"):
        Population("tiny", False, tiny().columns, provenance(), {"exports": np.array([True] * 4)})
    drawn = provenance() | {"fact:exports": Provenance("synthesised", "x", False)}
    with pytest.raises(ValueError, match="never drawn"):
        Population("tiny", False, tiny().columns, drawn, {"exports": np.array([True] * 4)})


def test_the_rule_travels_as_data() -> None:
    rule = eligibility_on(date(2026, 6, 1))
    assert msgspec.convert(msgspec.to_builtins(rule), EligibilityRule) == rule
