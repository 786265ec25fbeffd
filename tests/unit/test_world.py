"""Is the demo world the same for the same seed, and are its margins the official ones?"""

from __future__ import annotations

import numpy as np
import pytest

from succession.anonymity import margins
from succession.anonymity.population import COLUMNS, Population
from succession.anonymity.world import build_world
from succession.codes import read_table, source_of

SIZE = 60_000


@pytest.fixture(scope="module")
def world() -> Population:
    return build_world(SIZE, seed=7)


def close(drawn: np.ndarray, official: np.ndarray) -> bool:
    """Within five standard errors of the official shares, cell by cell."""
    official = official / official.sum()
    return bool(np.all(np.abs(drawn / drawn.sum() - official) <= 5 * np.sqrt(official / drawn.sum()) + 1e-9))


def test_the_same_seed_gives_the_same_world() -> None:
    assert build_world(500, 1).version == build_world(500, 1).version
    assert build_world(500, 1).version != build_world(500, 2).version


def test_progress_reaches_the_end() -> None:
    seen: list[tuple[int, int]] = []
    build_world(10, 1, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (len(COLUMNS), len(COLUMNS)) and len(seen) == len(COLUMNS)


def test_place_and_division_follow_the_census(world: Population) -> None:
    division = margins.division_index()[world.columns["jsic2"]]
    drawn = np.zeros((47, 18))
    np.add.at(drawn, (world.columns["prefecture"] - 1, division), 1)
    assert close(drawn, margins.establishments())
    assert margins.establishments().sum() == 5_155_589


def test_size_form_and_age_follow_their_censuses(world: Population) -> None:
    column = world.columns
    division = margins.division_index()[column["jsic2"]]
    for row in map(margins.DIVISIONS.index, "DEIM"):
        there = division == row
        lower = [1, 5, 10, 20, 30, 50, 100, 200, 300]
        bands = np.bincount(np.searchsorted(lower, column["employees"][there], side="right") - 1, minlength=9)
        assert close(bands, margins.sizes()[row])
        sole = column["legal_form"][there] == margins.SOLE
        official = [margins.openings()[(form,)][row].sum() for form in ("sole", "corporation")]
        assert close(np.array([sole.sum(), (~sole).sum()]), np.array(official))
        periods = np.bincount(np.searchsorted([1985, 1995, 2005], column["founded"][there][~sole], side="right"))
        opened = margins.openings()[("corporation",)][row]
        assert close(periods, np.array([*opened[:3], opened[3:].sum()]))


def test_revenue_goes_with_headcount_and_industry(world: Population) -> None:
    column = world.columns
    assert np.corrcoef(np.log(column["employees"]), np.log(column["revenue_yen"]))[0, 1] > 0.5
    per_head = column["revenue_yen"] / column["employees"]
    wholesale, restaurants = (np.median(per_head[column["jsic2"] == group]) for group in (54, 76))
    assert wholesale > 5 * restaurants
    assert 0.2 < (column["operating_margin"] < 0).mean() < 0.4


def test_details_belong_to_what_they_detail(world: Population) -> None:
    column = world.columns
    assert np.array_equal(column["jsic4"] // 100, column["jsic2"])
    assert not np.any(column["jsic4"] % 100 < 10)
    assert np.array_equal(column["municipality"] // 1000, column["prefecture"])
    hokkaido = column["municipality"][column["prefecture"] == 1]
    assert abs((hokkaido == 1001).mean() - 0.337) < 0.05 and len(np.unique(hokkaido)) > 100
    young_limited = (column["legal_form"] == margins.LEGAL_FORMS.index("tokurei_yugen")) & (column["founded"] >= 2006)
    assert not young_limited.any()


def test_everything_of_the_demo_is_marked(world: Population) -> None:
    assert world.demo and all(p.kind == "synthesised" and p.source for p in world.provenance.values())


def test_reference_tables_name_their_source_and_kind() -> None:
    for name in ("establishments_2021", "municipalities_2021", "size_2006", "opening_2016", "world", "eligibility"):
        head = source_of(f"db/reference/{name}.tsv")
        assert "Kind:" in head and read_table(f"db/reference/{name}.tsv")
