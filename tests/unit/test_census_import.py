"""Does a census cube become its companies, each once, whatever totals stand beside them?"""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from census_table import (
    AXES,
    interface_table,
    long_table,
    made_up,
    published,
    wide_table,
    write,
)

from succession.anonymity import margins
from succession.anonymity.sources import census_axes
from succession.anonymity.sources.completion import DRAWN_MUNICIPALITIES
from succession.anonymity.sources.headings import Wishes
from succession.anonymity.population import COLUMNS, KChoice, Population, k_and_finest
from succession.anonymity.sources.importing import Imported, import_population
from succession.anonymity.sources.source_file import ImportRefused

LEAVES = made_up()
TABLE = published(LEAVES)
COMPANIES = sum(count for count in LEAVES.values() if count > 0)


def read(*paths: Path, **options: object) -> Imported:
    return import_population(paths, name="c", source="census 2021", **options)  # type: ignore[arg-type]


def population(*paths: Path, **options: object) -> Population:
    found = read(*paths, **options).population
    assert found is not None
    return found


def refusal(*paths: Path, **options: object) -> str:
    with pytest.raises(ImportRefused) as refused:
        read(*paths, **options)
    return str(refused.value)


def counted(found: Population) -> Counter:
    """Companies by place, industry, kind of form and size band, as the table splits them."""
    column = found.columns
    band = np.searchsorted([5, 10, 300], column["employees"], side="right") + 1
    kind = np.select([column["legal_form"] == margins.SOLE, column["legal_form"] < 4], [1, 3], default=4)
    splits = (column["prefecture"], _industry(column["jsic4"] // 10), kind, band)
    return Counter(zip(*(values.tolist() for values in splits), strict=True))


def _industry(minor: np.ndarray) -> np.ndarray:
    """Minor groups, but the major one of 01, whose table goes no further, and of 09, where 090 is drawn from all."""
    return np.where(np.isin(minor // 10, (1, 9)), minor // 10, minor)


def expected() -> Counter:
    found: Counter = Counter()
    for (place, industry, form, size), count in LEAVES.items():
        minor = int(industry) * 10 if len(industry) == 2 else int(industry)
        found[int(place) // 1000, int(_industry(np.array(minor))), int(form), int(size)] += count
    return +found


def test_every_company_is_there_once_and_nobody_else(tmp_path: Path) -> None:
    result = read(write(tmp_path, long_table(TABLE)))
    found = result.population
    assert found is not None and result.shape == "cube" and result.sources[0].header_line == len(_notes()) + 1
    assert len(found) == COMPANIES == result.stated
    assert counted(found) == expected()
    assert not found.demo and k_and_finest(found) == KChoice(40, "major_group")


def _notes() -> list[str]:
    return long_table({}).splitlines()[:-1]


def test_what_the_cube_lacks_is_drawn_and_marked(tmp_path: Path) -> None:
    found = population(write(tmp_path, long_table(TABLE)))
    assert {name for name in COLUMNS if found.provenance[name].kind == "imported"} == {"prefecture", "jsic2"}
    sources = {name: found.provenance[name].source for name in COLUMNS}
    assert sources["employees"] == "size bands of census 2021 (establishments), the headcount drawn within them"
    assert "four-digit code drawn" in sources["jsic4"] and "2016 Economic Census" in sources["founded"]
    assert "forms of the same, the kind of company drawn" in sources["legal_form"]
    assert found.columns["municipality"].min() > DRAWN_MUNICIPALITIES and len(np.unique(found.columns["founded"])) > 20
    assert np.array_equal(found.columns["jsic4"] // 100, found.columns["jsic2"])
    again = population(write(tmp_path, long_table(TABLE)))
    assert again.version == found.version


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("table", [interface_table, wide_table, long_table])
def test_every_export_of_the_table_gives_the_same_companies(tmp_path: Path, table: object, encoding: str) -> None:
    found = population(write(tmp_path, table(TABLE), encoding))  # type: ignore[operator]
    assert counted(found) == expected()


@pytest.mark.parametrize("seed", range(6))
def test_it_does_not_matter_which_totals_are_there(tmp_path: Path, seed: int) -> None:
    """Totals left out at random, zeros left out, rows in another order: the same companies."""
    rng = random.Random(seed)
    rows = [(row, count) for row, count in TABLE.items() if row in LEAVES or rng.random() < 0.3]
    rows = [(row, count) for row, count in rows if count or rng.random() < 0.5]
    rng.shuffle(rows)
    assert counted(population(write(tmp_path, long_table(dict(rows))))) == expected()


def test_totals_are_exactly_the_rows_that_hold_another() -> None:
    """Against the definition, on random tables of random rows."""
    rng = random.Random(3)
    readers = census_axes.axis_readers(1)
    names = ("prefecture", "jsic", "legal_form", "employees")
    axes = [census_axes.Axis([census_axes.Label(*each) for each in axis.labels.items()], *readers[name])
            for name, axis in zip(names, AXES, strict=True)]  # fmt: skip
    assert [int(axis.node_of.min()) for axis in axes] == [0, 0, 0, -1]  # only the seconded-only size has no place

    def holds(one: np.ndarray, other: np.ndarray) -> bool:
        return all(axis.depth[node] >= axis.depth[up] and axis.above[node, axis.depth[up]] == up
                   for axis, up, node in zip(axes, one, other, strict=True))  # fmt: skip

    for _ in range(40):
        rows = np.array([[rng.randrange(len(axis.parent)) for axis in axes] for _ in range(rng.randint(1, 60))])
        rows = np.unique(rows, axis=0)
        found = census_axes.totals(rows, axes)
        for at, row in enumerate(rows):
            assert found[at] == any(holds(row, other) for n, other in enumerate(rows) if n != at)
        kept = rows[~found]
        twice = census_axes.overlapping(kept, axes)
        meeting = [{a, b} for a, b in combinations(range(len(kept)), 2)
                   if all(_related(axis, *kept[[a, b], at]) for at, axis in enumerate(axes))]  # fmt: skip
        assert set(twice) in meeting if twice else not meeting


def _related(axis: census_axes.Axis, one: int, other: int) -> bool:
    return bool(axis.above[one, axis.depth[other]] == other or axis.above[other, axis.depth[one]] == one)


def test_wards_and_their_city_and_towns_by_name_are_counted_once(tmp_path: Path) -> None:
    head = "地域コード,地域,産業分類,件数"
    rows = ["27000,大阪府,E,100", "27100,大阪市,E,60", "27102,都島区,E,20", "27103,福島区,E,40", "27140,堺市,E,30", "27202,岸和田市,E,10"]
    found = population(write(tmp_path, "\n".join([head, *rows])))
    assert Counter(found.columns["municipality"].tolist()) == {27102: 20, 27103: 40, 27140: 30, 27202: 10}
    named = ["大阪府,総数,E,70", "大阪府,堺市,E,30", "大阪府,岸和田市,E,40", "東京都,府中市,E,5"]
    found = population(write(tmp_path, "\n".join(["都道府県,市区町村,産業分類,件数", *named])))
    assert sorted(Counter(found.columns["municipality"].tolist()).values()) == [5, 30, 40]
    assert found.provenance["municipality"].kind == "imported"


def test_where_towns_have_less_detail_the_prefectures_are_used(tmp_path: Path) -> None:
    rows = ["13000,091,10", "13000,092,20", "13000,E,30", "13101,E,10", "13102,E,20"]
    result = read(write(tmp_path, "\n".join(["地域コード,産業分類,件数", *rows])))
    assert result.population is not None and len(result.population) == 30
    assert set((result.population.columns["jsic4"] // 10).tolist()) <= {91, 92}
    assert any("less detail" in note.msgid for note in result.notes)


def test_two_breakdowns_of_the_same_companies_are_refused(tmp_path: Path) -> None:
    told = refusal(write(tmp_path, "\n".join(["都道府県,産業分類,従業者規模,件数", "東京都,091,総数,30", "東京都,E,1～4人,30"])))
    assert "two ways" in told and "東京都 / 091" in told
    told = refusal(write(tmp_path, "\n".join(["都道府県,産業分類,従業者規模,件数", "東京都,E,1～29人,3", "東京都,E,20～49人,3"])))
    assert "overlap" in told and "20～49人" in told


def test_rows_that_disagree_are_refused_and_rows_said_twice_count_once(tmp_path: Path) -> None:
    part = long_table({row: n for row, n in TABLE.items() if row[0] == "13000"})
    rest = long_table({row: n for row, n in TABLE.items() if row[0] != "13000"})
    one, two = write(tmp_path, part), write(tmp_path, rest, "utf-8", "rest.csv")
    assert len(population(one, two, one)) == COMPANIES
    told = refusal(write(tmp_path, "\n".join(["都道府県,産業分類,件数", "東京都,E,3", "東京都,E,4"])))
    assert "different figures" in told and "東京都 / E" in told


def test_a_table_that_holds_more_than_its_own_total_is_refused(tmp_path: Path) -> None:
    rows = ["東京都,AR,5", "東京都,E,3", "東京都,I,3"]
    text = "\n".join(["都道府県,産業分類,件数", *rows]).replace("AR", "Ａ～Ｒ全産業")
    assert "JP-13" in refusal(write(tmp_path, text)) and "twice" in refusal(write(tmp_path, text))


@pytest.mark.parametrize("sign", ["X", "x", "***", "…", "..."])
def test_hidden_figures_count_nobody_and_are_told(tmp_path: Path, sign: str) -> None:
    rows = ["東京都,Ａ～Ｒ全産業,1000", f"東京都,091,{sign}", "東京都,092,900", "東京都,093,-"]
    result = read(write(tmp_path, "\n".join(["都道府県,産業分類,件数", *rows])))
    assert result.population is not None and len(result.population) == 900 and result.stated == 1000
    assert {note.params.get("rows") for note in result.notes} >= {1} and any("add up" in note.msgid for note in result.notes)


def test_a_figure_that_is_none_is_listed(tmp_path: Path) -> None:
    result = read(write(tmp_path, "\n".join(["都道府県,産業分類,件数", "東京都,E,many", "東京都,I,-3", '大阪府,E,"1,000"', "秋田県,E,12.0"])))
    assert [(error.line, error.cell) for error in result.errors] == [(2, "many"), (3, "-3")]
    assert result.population is not None and len(result.population) == 1012
    shifted = read(write(tmp_path, "\n".join(["都道府県,産業分類,件数", "東京都,E,1,234", "東京都,I,5"])))
    assert [(error.line, "comma" in error.reason) for error in shifted.errors] == [(2, True)]
    assert shifted.population is not None and len(shifted.population) == 5


def test_labels_nobody_understands_are_left_out_by_name(tmp_path: Path) -> None:
    result = read(write(tmp_path, long_table(TABLE)))
    left_out = [note for note in result.notes if "left out" in note.msgid]
    assert [note.params["labels"] for note in left_out] == ['"出向・派遣従業者のみ"']
    unknown = read(write(tmp_path, "\n".join(["都道府県,産業分類,開設時期,件数", "東京都,E,総数,9", "東京都,E,1984年以前,4", "東京都,E,不詳,5"])))
    assert unknown.population is not None and len(unknown.population) == 9
    assert "periods of census 2021" in unknown.population.provenance["founded"].source


def test_a_further_split_is_used_by_its_total_or_asked_about(tmp_path: Path) -> None:
    head = "都道府県,産業分類,売上の有無,件数"
    rows = ["東京都,E,総数,9", "東京都,E,有,5", "東京都,E,無,4"]
    assert len(population(write(tmp_path, "\n".join([head, *rows])))) == 9
    told = refusal(write(tmp_path, "\n".join([head, *rows[1:]])))
    assert "売上の有無" in told and '"有", "無"' in told and "--keep" in told
    path = write(tmp_path, "\n".join([head, *rows]))
    assert len(population(path, keep={"売上の有無": ["有"]})) == 5
    assert len(population(path, keep={"売上の有無": ["有", "無"]})) == 9
    assert "no further column" in refusal(path, keep={"別の列": ["有"]})


def test_head_offices_and_single_ones_are_the_companies_where_the_table_tells_them_apart(tmp_path: Path) -> None:
    head = "都道府県,産業分類,単独・本所・支所,事業所数"
    rows = ["東京都,E,総数,9", "東京都,E,単独事業所,5", "東京都,E,本所・本社・本店,1", "東京都,E,支所・支社・支店,3"]
    result = read(write(tmp_path, "\n".join([head, *rows])))
    assert result.population is not None and len(result.population) == 6
    assert not any("branches" in note.msgid for note in result.notes)
    assert any("branches" in note.msgid for note in read(write(tmp_path, "\n".join(["都道府県,産業分類,事業所数", "東京都,E,9"]))).notes)


def test_people_are_not_companies_and_the_last_year_counts(tmp_path: Path) -> None:
    head = "都道府県,産業分類,表章項目,時間軸（年次）,値"
    rows = ["東京都,E,事業所数,2016年,7", "東京都,E,事業所数,2021年,9", "東京都,E,従業者数,2021年,900"]
    assert len(population(write(tmp_path, "\n".join([head, *rows])))) == 9
    told = refusal(write(tmp_path, "\n".join([head, rows[2], "東京都,E,売上金額,2021年,5"])))
    assert "表章項目" in told


def test_coarser_and_finer_industries(tmp_path: Path) -> None:
    divisions = population(write(tmp_path, "\n".join(["都道府県,産業分類,件数", "東京都,E 製造業,500", "東京都,I 卸売業・小売業,500"])))
    assert k_and_finest(divisions) == KChoice(20, "division") and len(np.unique(divisions.columns["jsic2"])) > 20
    assert "divisions of census 2021, the major group drawn" in divisions.provenance["jsic2"].source
    detailed = population(write(tmp_path, "\n".join(["都道府県,産業細分類,件数", "東京都,0911,5", "東京都,0912,5", "東京都,091,10"])))
    assert detailed.provenance["jsic4"].kind == "imported" and sorted(set(detailed.columns["jsic4"].tolist())) == [911, 912]
    ranged = population(write(tmp_path, "\n".join(["都道府県,産業分類,件数", "秋田県,Ａ～Ｂ　農林漁業,50", "秋田県,E,5"])))
    assert set(margins.division_index()[ranged.columns["jsic2"]].tolist()) <= {0, 1, 4}


def test_codes_of_another_scheme_do_not_pass_for_industries(tmp_path: Path) -> None:
    head = "都道府県,産業分類 コード,産業分類,件数"
    found = population(write(tmp_path, "\n".join([head, "東京都,0101,食料品製造業,5", "東京都,271,事務用機械器具製造業,2", "東京都,E24,金属製品製造業,3"])))
    assert Counter(found.columns["jsic2"].tolist()) == {9: 5, 24: 3, 27: 2}


def test_sizes_in_codes_alone_are_not_headcounts(tmp_path: Path) -> None:
    assert "codes only" in refusal(write(tmp_path, "\n".join(["都道府県,産業分類,従業者規模コード,件数", "東京都,E,01,5"])))


def test_a_cube_of_other_files_or_without_companies_is_refused(tmp_path: Path) -> None:
    one = write(tmp_path, "\n".join(["都道府県,産業分類,件数", "東京都,E,5"]))
    other = write(tmp_path, "\n".join(["都道府県,産業分類,経営組織,件数", "東京都,E,法人,5"]), name="other.csv")
    assert "not parts of one table" in refusal(one, other)
    register = write(tmp_path, "\n".join(["都道府県,業種", "東京都,09"]), name="register.csv")
    assert "two shapes" in refusal(one, register)
    assert "No row" in refusal(write(tmp_path, "\n".join(["都道府県,産業分類,件数", "全国,E,5"])))
    huge = write(tmp_path, "\n".join(["都道府県,産業分類,件数", "東京都,E,20000000"]))
    assert "20,000,000" in refusal(huge)


def test_a_register_that_counts_its_sites_is_still_a_register(tmp_path: Path) -> None:
    path = write(tmp_path, "\n".join(["商号,都道府県,産業分類,事業所数", "架空一,東京都,09,3", "架空二,大阪府,24,1"]))
    assert read(path).shape == "register"
    assert "商号" in refusal(path, wishes=Wishes(shape="cube"))
