"""Is a company register read honestly: what it says imported, what it lacks drawn and marked, what is wrong listed?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from succession.anonymity import margins
from succession.anonymity.sources.completion import DRAWN_MUNICIPALITIES
from succession.anonymity.sources.headings import Wishes
from succession.anonymity.population import COLUMNS, KChoice, Population, k_and_finest
from succession.anonymity.sources.importing import Imported, import_population
from succession.anonymity.sources.source_file import ImportRefused

HEAD = "都道府県,市区町村,業種コード,設立年月日,従業員数,売上高（百万円）,営業利益率（%）,法人格"
ROWS = [
    "東京都,第一市,0911,1983-04-01,12,150,3.5,株式会社",
    "大阪府,第二市,２４,昭和58年4月,３５人,\"1,200\",△2.0,有限会社",
    "北海道,第三町,1023,平成元年,8,80,0,個人事業主",
]


def register(tmp_path: Path, *rows: str, head: str = HEAD, encoding: str = "cp932", name: str = "register.csv") -> Path:
    path = tmp_path / name
    path.write_bytes("\r\n".join([head, *rows, ""]).encode(encoding))
    return path


def read(*paths: Path, **options: object) -> Imported:
    return import_population(paths, name="r", source="register 2026", **options)  # type: ignore[arg-type]


def population(*paths: Path, **options: object) -> Population:
    found = read(*paths, **options).population
    assert found is not None
    return found


def refusal(path: Path, **options: object) -> str:
    with pytest.raises(ImportRefused) as refused:
        read(path, **options)
    return str(refused.value)


def test_a_cp932_register(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    path = register(tmp_path, *ROWS)
    result = read(path, progress=lambda what: lambda done, total: seen.append((what, done, total)))
    assert (result.shape, result.rows, result.rows_left_out, result.errors) == ("register", 3, 0, [])
    assert seen[-2:] == [("register.csv", 4, 4), ("companies", 3, 3)]
    assert result.sources[0].encoding == "Shift_JIS (cp932)" and result.sources[0].header_line == 1
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
    result = read(register(tmp_path, *rows, encoding="utf-8-sig"))
    assert (result.rows, result.rows_left_out) == (5, 3)
    found = [(error.line, error.column) for error in result.errors]
    assert found == [
        (3, "prefecture"),
        *((5, column) for column in ("jsic", "founded", "employees", "revenue", "margin")),
        (6, "prefecture"),
    ]
    assert all(error.reason for error in result.errors) and result.errors[0].cell == "東京市"
    assert result.population is not None and len(result.population) == 2


def test_an_amount_whose_comma_made_two_cells_of_it_is_not_read_as_something_else(tmp_path: Path) -> None:
    result = read(register(tmp_path, ROWS[0], "大阪府,第二市,24,1983,35,1,200,3.0,有限会社"))
    assert [(error.line, error.cell) for error in result.errors] == [(3, "有限会社")] and "comma" in result.errors[0].reason
    assert result.population is not None and len(result.population) == 1


def test_missing_columns_are_drawn_and_say_so(tmp_path: Path) -> None:
    path = register(tmp_path, *["東京都,E"] * 200, *["沖縄県,09"] * 200, head="都道府県,業種")
    found = population(path, seed=3)
    kinds = {name: p.kind for name, p in found.provenance.items()}
    assert kinds == dict.fromkeys(COLUMNS, "synthesised") | {"prefecture": "imported"}
    assert found.provenance["jsic2"].source == (
        "50.0 % of companies from register 2026; 50.0 % in divisions of the same, the major group drawn within them"
    )
    assert "2016 Economic Census" in found.provenance["founded"].source
    assert k_and_finest(found) == KChoice(20, "division")
    groups = found.columns["jsic2"]
    assert set(groups[200:].tolist()) == {9} and len(set(groups[:200].tolist())) > 10
    assert set(margins.division_index()[groups].tolist()) == {margins.DIVISIONS.index("E")}
    assert set(found.columns["prefecture"][:200].tolist()) == {13}
    assert population(path, seed=3).version == found.version != population(path, seed=4).version


def test_imported_industry_with_drawn_money_needs_the_larger_k(tmp_path: Path) -> None:
    path = register(tmp_path, "東京都,0911", "大阪府,2411", head="都道府県,業種")
    assert k_and_finest(population(path)) == KChoice(40, "major_group")


def test_bands_are_kept_and_the_value_within_them_is_drawn(tmp_path: Path) -> None:
    head = "都道府県,産業小分類,従業者規模,開設時期,売上高,経営組織"
    rows = ["東京都,091,10～19人,1985年～1994年,1億円～5億円,会社", "東京都,091,300人以上,1984年以前,10億円以上,法人"]
    found = population(register(tmp_path, *rows * 200, head=head))
    column = {name: values.reshape(-1, 2).T for name, values in found.columns.items()}
    small, large = column["employees"]
    assert small.min() >= 10 and small.max() <= 19 and len(np.unique(small)) > 5 and large.min() >= 300
    assert set((found.columns["jsic4"] // 10).tolist()) == {91} and len(np.unique(found.columns["jsic4"])) > 2
    recent, old = column["founded"]
    assert recent.min() >= 1985 and recent.max() <= 1994 and old.max() <= 1984 and len(np.unique(old)) > 10
    low, high = column["revenue_yen"]
    assert low.min() >= 10**8 and low.max() < 5 * 10**8 and high.min() >= 10**9
    company, corporation = column["legal_form"]
    assert company.max() <= margins.LEGAL_FORMS.index("gomei_goshi")
    assert margins.SOLE not in corporation and len(np.unique(corporation)) > 1
    assert {found.provenance[name].kind for name in ("jsic4", "employees", "founded", "revenue_yen")} == {"synthesised"}
    assert found.provenance["employees"].source == "size bands of register 2026, the headcount drawn within them"
    assert found.provenance["jsic2"].kind == "imported"


def test_an_owner_who_works_alone_counts(tmp_path: Path) -> None:
    assert population(register(tmp_path, "東京都,0", head="都道府県,従業員数")).columns["employees"].tolist() == [1]


def test_units_and_per_cent_signs(tmp_path: Path) -> None:
    path = register(tmp_path, "13,1000,3.5%", "JP-27,2000,0.035", "Hokkaido,3000,35", head="prefecture,売上高(千円),margin")
    result = read(path)
    assert result.population is not None
    assert result.population.columns["revenue_yen"].tolist() == [1_000_000, 2_000_000]
    assert result.population.columns["operating_margin"].tolist() == [0.035, 0.035]
    assert [(e.line, e.column) for e in result.errors] == [(4, "margin")]


@pytest.mark.parametrize(
    ("heading", "options", "yen"),
    [("売上高", {}, 150), ("売上高_百万円", {}, 150_000_000), ("売上高【単位：千円】", {}, 150_000),
     ("売上高（2023年度）（百万円）", {}, 150_000_000), ("年商（ドル）", {"units": {"revenue": "百万円"}}, 150_000_000)],
)  # fmt: skip
def test_the_unit_stands_in_the_heading_or_is_said(tmp_path: Path, heading: str, options: dict, yen: int) -> None:
    path = register(tmp_path, "東京都,150", head=f"都道府県,{heading}")
    assert population(path, wishes=Wishes(**options)).columns["revenue_yen"].tolist() == [yen]


def test_an_unknown_unit_is_not_taken_for_yen(tmp_path: Path) -> None:
    told = refusal(register(tmp_path, "東京都,150", head="都道府県,売上高（千ドル）"))
    assert "売上高（千ドル）" in told and "--unit revenue=" in told


def test_a_missing_prefecture_is_read_from_the_code_of_the_town_or_from_the_address(tmp_path: Path) -> None:
    towns = population(register(tmp_path, "13101,09", "27128,09", head="市区町村コード,業種"))
    assert towns.columns["prefecture"].tolist() == [13, 27] and towns.provenance["municipality"].kind == "imported"
    rows = ["〒100-0001 東京都千代田区千代田1-1,09", "大阪府大阪市中央区1,09", "千代田区,09", "東京都千代田区2,09"]
    result = read(register(tmp_path, *rows, head="本店所在地,業種"))
    assert result.population is not None and [error.line for error in result.errors] == [4]
    town = result.population.columns["municipality"].tolist()
    assert result.population.columns["prefecture"].tolist() == [13, 27, 13] and town[0] == town[2] != town[1]


def test_towns_are_told_apart_by_prefecture_and_drawn_ones_from_named_ones(tmp_path: Path) -> None:
    found = population(register(tmp_path, "東京都,府中市", "広島県,府中市", "東京都,府中市", "東京都,", head="都道府県,市区町村"))
    town = found.columns["municipality"].tolist()
    assert town[0] == town[2] and len(set(town)) == 3 and town[3] > DRAWN_MUNICIPALITIES > max(town[:3])


def test_a_company_that_stands_there_twice_is_one_look_alike(tmp_path: Path) -> None:
    head, one = "法人番号,商号,都道府県", "9999000000001,架空一,東京都"
    result = read(register(tmp_path, one, "9999000000002,架空二,東京都", one, ",架空三,東京都", ",架空四,東京都", "1.0E+12,架空五,東京都",
                           head=head))  # fmt: skip
    assert result.population is not None and len(result.population) == 5 and result.rows_left_out == 0
    assert [str(note.params["rows"]) for note in result.notes] == ["1", "1"]
    assert result.sources[0].unused == ("商号",) and "9999000000001" not in repr(result.population.columns)


def test_facts_are_imported_by_heading_and_by_mapping(tmp_path: Path) -> None:
    head = "都道府県,fact:steady_quality,小ロット"
    path = register(tmp_path, "東京都,○,あり", "大阪府,,なし", head=head)
    found = population(path, wishes=Wishes({"fact:small_lots": "小ロット"}))
    assert {code: values.tolist() for code, values in found.facts.items()} == {
        "steady_quality": [True, False], "small_lots": [True, False],
    }  # fmt: skip
    assert found.provenance["fact:small_lots"].source == "register 2026"
    assert k_and_finest(found) == k_and_finest(population(register(tmp_path, "東京都", "大阪府", head="都道府県")))
    assert "no_such_phrase" in refusal(register(tmp_path, "東京都,1", head="都道府県,fact:no_such_phrase"))


def test_several_files_are_one_register_even_with_other_headings(tmp_path: Path) -> None:
    one = register(tmp_path, "東京都,0911,12", head="都道府県,業種,従業員数")
    other = register(tmp_path, "5,bad,大阪府", "7,24,大阪府", head="従業員数,業種,都道府県", encoding="utf-8", name="osaka.csv")
    result = read(one, other)
    assert result.population is not None
    assert result.population.columns["employees"].tolist() == [12, 7]
    assert [(error.file, error.line, error.column) for error in result.errors] == [("osaka.csv", 2, "jsic")]


def test_an_operator_is_asked_when_the_figures_look_wrong(tmp_path: Path) -> None:
    rows = ["東京都,911,150"] * 200
    notes = " ".join(note.msgid for note in read(register(tmp_path, *rows, head="都道府県,業種,売上高")).notes)
    assert "unit of the heading" in notes and "dropped it" in notes


def test_no_good_row_is_no_population(tmp_path: Path) -> None:
    result = read(register(tmp_path, "?,x,09,1990,5,10,1,"))
    assert result.population is None and result.rows_left_out == 1
    assert read(register(tmp_path)).population is None
