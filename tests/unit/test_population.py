"""Does a population know where it comes from, survive the disk, and read a register honestly?"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import msgspec
import numpy as np
import pytest

from succession.anonymity import margins, registry
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
    read_registry_csv,
    save,
)
from succession.anonymity.world import build_world

HEAD = "都道府県,市区町村,業種コード,設立年月日,従業員数,売上高（百万円）,営業利益率（%）,法人格"
ROWS = [
    "東京都,第一市,0911,1983-04-01,12,150,3.5,株式会社",
    "大阪府,第二市,２４,昭和58年4月,３５人,\"1,200\",△2.0,有限会社",
    "北海道,第三町,1023,平成元年,8,80,0,個人事業主",
]


def register(tmp_path: Path, *rows: str, head: str = HEAD, encoding: str = "cp932") -> Path:
    path = tmp_path / "register.csv"
    path.write_bytes("\r\n".join([head, *rows, ""]).encode(encoding))
    return path


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
    assert choice(founded=guessed) == KChoice(40, "major_group")
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


def test_a_cp932_register(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    result = read_registry_csv(
        register(tmp_path, *ROWS), lambda *done: seen.append(done), name="r", source="register 2026"
    )
    assert (result.rows, result.rows_left_out, result.errors) == (3, 0, []) and seen == [(3, 3)]
    assert result.population is not None
    column = {name: values.tolist() for name, values in result.population.columns.items()}
    assert column["prefecture"] == [13, 27, 1]
    assert column["jsic2"] == [9, 24, 10]
    assert (column["jsic4"][0], column["jsic4"][2]) == (911, 1023) and column["jsic4"][1] // 100 == 24
    assert column["founded"] == [1983, 1983, 1989]
    assert column["employees"] == [12, 35, 8]
    assert column["revenue_yen"] == [150_000_000, 1_200_000_000, 80_000_000]
    assert column["operating_margin"] == [0.035, -0.02, 0.0]
    assert [margins.LEGAL_FORMS[form] for form in column["legal_form"]] == ["kk", "tokurei_yugen", "sole_proprietor"]
    kinds = {name: p.kind for name, p in result.population.provenance.items()}
    assert kinds == dict.fromkeys(COLUMNS, "imported") | {"jsic4": "synthesised", "independent": "synthesised"}
    assert not result.population.demo and k_and_finest(result.population).k == 10


def test_rows_that_cannot_be_read_are_listed_by_line(tmp_path: Path) -> None:
    rows = [ROWS[0], "東京市,x,09,1990,5,10,1,株式会社", ROWS[1], "大阪府,x,9999,19x0,many,-5,250,株式会社", ",x,09,1990,5,10,1,"]
    result = read_registry_csv(register(tmp_path, *rows, encoding="utf-8-sig"), name="r", source="s")
    assert (result.rows, result.rows_left_out) == (5, 3)
    found = [(error.line, error.column) for error in result.errors]
    assert found == [
        (3, "prefecture"),
        *((5, column) for column in ("jsic", "founded", "employees", "revenue", "margin")),
        (6, "prefecture"),
    ]
    assert all(error.reason for error in result.errors) and result.errors[0].cell == "東京市"
    assert result.population is not None and len(result.population) == 2


def test_missing_columns_are_drawn_and_say_so(tmp_path: Path) -> None:
    path = register(tmp_path, *["東京都,E"] * 200, *["沖縄県,09"] * 200, head="都道府県,業種")
    population = read_registry_csv(path, name="r", source="s", seed=3).population
    assert population is not None
    kinds = {name: p.kind for name, p in population.provenance.items()}
    assert kinds == dict.fromkeys(COLUMNS, "synthesised") | {"prefecture": "imported"}
    assert "50.0 % of rows from s" in population.provenance["jsic2"].source
    assert k_and_finest(population) == KChoice(20, "division")
    groups = population.columns["jsic2"]
    assert set(groups[200:].tolist()) == {9} and len(set(groups[:200].tolist())) > 10
    assert set(margins.division_index()[groups].tolist()) == {margins.DIVISIONS.index("E")}
    assert set(population.columns["prefecture"][:200].tolist()) == {13}
    again = read_registry_csv(path, name="r", source="s", seed=3).population
    assert again is not None and again.version == population.version


def test_imported_industry_with_drawn_money_needs_the_larger_k(tmp_path: Path) -> None:
    path = register(tmp_path, "東京都,0911", "大阪府,2411", head="都道府県,業種")
    population = read_registry_csv(path, name="r", source="s").population
    assert population is not None and k_and_finest(population) == KChoice(40, "major_group")


def test_an_owner_who_works_alone_counts(tmp_path: Path) -> None:
    population = read_registry_csv(register(tmp_path, "東京都,0", head="都道府県,従業員数"), name="r", source="s").population
    assert population is not None and population.columns["employees"].tolist() == [1]


def test_units_and_per_cent_signs(tmp_path: Path) -> None:
    path = register(tmp_path, "13,1000,3.5%", "JP-27,2000,0.035", "Hokkaido,3000,35", head="prefecture,売上高(千円),margin")
    result = read_registry_csv(path, name="r", source="s")
    assert result.population is not None
    assert result.population.columns["revenue_yen"].tolist() == [1_000_000, 2_000_000]
    assert result.population.columns["operating_margin"].tolist() == [0.035, 0.035]
    assert [(e.line, e.column) for e in result.errors] == [(4, "margin")]


@pytest.mark.parametrize(
    "content",
    [b"\x81\xff\xfe prefecture", b"", "市区町村,業種\n第一市,09\n".encode(), "都道府県,都道府県名\n東京都,東京都\n".encode()],
)
def test_an_unreadable_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "register.csv"
    path.write_bytes(content)
    with pytest.raises(registry.RegistryError):
        read_registry_csv(path, name="r", source="s")


def test_no_good_row_is_no_population(tmp_path: Path) -> None:
    result = read_registry_csv(register(tmp_path, "?,x,09,1990,5,10,1,"), name="r", source="s")
    assert result.population is None and result.rows_left_out == 1


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
