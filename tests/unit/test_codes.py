"""Do the codes nest, carry both names, and answer `inside` as a brute force over leaves does?"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from succession.codes import (
    ANY,
    ATTRIBUTES,
    BANDS,
    LEVELS,
    SCHEMES,
    ancestors,
    audience_mask,
    audiences_in,
    division_of,
    employees_band,
    founded_band,
    inside,
    is_administrative,
    jsic_two_digit,
    label,
    leaves,
    level_of,
    margin_band,
    price_band,
    read_table,
    revenue_band,
    source_of,
)

MILLION = 1_000_000


def test_every_code_has_both_names_and_a_known_parent() -> None:
    for scheme in SCHEMES.values():
        assert scheme.codes and scheme.version
        for code in scheme.codes.values():
            assert code.ja.strip() and code.en.strip(), (scheme.name, code.code)
            parents = SCHEMES["terminal_state"].codes if scheme.name == "terminal_reason" else None
            if scheme.name not in ("prefecture", "region"):
                assert code.parent is None or code.parent in (parents or scheme.codes)


def test_the_official_tables_are_complete() -> None:
    assert list(SCHEMES["prefecture"].codes) == [f"JP-{n:02}" for n in range(1, 48)]
    divisions = {c for c in SCHEMES["jsic"].codes if c.isalpha()}
    groups = [c for c in SCHEMES["jsic"].codes if c.isdigit()]
    assert divisions == set("ABCDEFGHIJKLMNOPQRST")
    assert groups == [f"{n:02}" for n in range(1, 100)]
    assert len(SCHEMES["country"].codes) == 249
    assert label("country", "DE", "ja") == "ドイツ" and label("country", "DE", "en-GB") == "Germany"
    bounds = {"D": ("06", "08"), "E": ("09", "32"), "H": ("42", "49"), "I": ("50", "61"), "R": ("88", "96")}
    for division, (first, last) in bounds.items():
        assert leaves("industry", division) == {f"{n:02}" for n in range(int(first), int(last) + 1)}


def test_labels_follow_the_locale() -> None:
    assert label("industry", "09", "en") == "Manufacture of food"
    assert label("industry", "09", "ja-JP") == "食料品製造業"
    assert label("place", "JP-13", "ja_JP") == "東京都"
    assert label("place", "kansai", "zh-Hant") == "關西" and label("place", "kansai", "fr") == "Kansai"
    with pytest.raises(KeyError):
        label("place", "JP-48", "en")


def test_levels_nest() -> None:
    for attribute in ATTRIBUTES:
        levels = LEVELS[attribute]
        assert levels[-1] == (ANY,)
        assert sorted(c for level in levels for c in level) == sorted(SCHEMES[attribute].codes)
        for code in levels[0]:
            chain = (code, *ancestors(attribute, code))
            assert [level_of(attribute, c) for c in chain] == list(range(len(levels)))
        for level in levels:
            parts = [leaves(attribute, code) for code in level]
            assert all(parts) and frozenset().union(*parts) == set(levels[0])
            assert sum(map(len, parts)) == len(levels[0])
    assert [len(level) for level in LEVELS["place"]] == [47, 8, 2, 1]
    assert [len(level) for level in LEVELS["industry"]] == [99, 20, 9, 1]
    assert "JP-24" in leaves("place", "kansai")


def test_coarser_bands_have_the_edges_of_the_finer_ones() -> None:
    rows = {(r["attribute"], r["code"]): r for r in read_table("db/reference/bands.tsv")}
    for attribute in ("founded", "employees", "revenue", "margin"):
        for code in (c for level in LEVELS[attribute][1:-1] for c in level):
            parts = [rows[attribute, leaf] for leaf in LEVELS[attribute][0] if leaf in leaves(attribute, code)]
            whole = rows[attribute, code]
            assert (parts[0]["lower"], parts[-1]["upper"]) == (whole["lower"], whole["upper"])
            assert all(a["upper"] == b["lower"] for a, b in zip(parts, parts[1:], strict=False))


wanted_codes = st.sampled_from(ATTRIBUTES).flatmap(
    lambda a: st.tuples(st.just(a), st.sets(st.sampled_from(sorted(SCHEMES[a].codes)), max_size=6))
)


@settings(max_examples=60, deadline=None)
@given(wanted_codes)
def test_inside_agrees_with_brute_force(case: tuple[str, set[str]]) -> None:
    attribute, wanted = case
    scheme = SCHEMES[attribute].codes

    def climb(code: str) -> set[str]:
        found = {code}
        while scheme[code].parent:
            code = scheme[code].parent
            found.add(code)
        return found

    finest = [code for code in scheme if not any(other.parent == code for other in scheme.values())]
    matched = {leaf for leaf in finest if climb(leaf) & wanted}
    certain = {c for c in scheme if all(leaf in matched for leaf in finest if c in climb(leaf))}
    touched = {c for c in scheme if any(leaf in matched for leaf in finest if c in climb(leaf))}
    assert inside(attribute, wanted) == (certain, touched - certain)


def test_inside_by_example() -> None:
    certain, possible = inside("place", {"JP-02", "kansai"})
    assert {"JP-02", "JP-24", "kansai"} <= certain and "west" not in certain
    assert possible == {"tohoku", "east", "west", ANY}
    assert inside("industry", set()) == (frozenset(), frozenset())
    assert ANY in inside("revenue", {"under_1000", "over_1000"})[0]
    with pytest.raises(KeyError):
        inside("place", {"13101"})


def test_jsic_codes_of_any_depth() -> None:
    assert [jsic_two_digit(c) for c in ("10", "102", "1023", " ０９ ")] == ["10", "10", "10", "09"]
    assert division_of("1023") == "E" and division_of("76") == "M"
    for wrong in ("", "1", "00", "0012", "10234", "E", "1a", "10.2"):
        with pytest.raises(ValueError):
            jsic_two_digit(wrong)
    assert all(map(is_administrative, ("0900", "0909", "090")))
    assert not any(map(is_administrative, ("0911", "09", "1023")))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (founded_band(1969), "before_1970"),
        (founded_band(1970), "1970_1989"),
        (founded_band(1990), "from_1990"),
        (employees_band(1), "1_19"),
        (employees_band(20), "20_49"),
        (employees_band(100), "100_plus"),
        (revenue_band(0), "under_200"),
        (revenue_band(200 * MILLION - 1), "under_200"),
        (revenue_band(200 * MILLION), "200_1000"),
        (revenue_band(5000 * MILLION), "5000_plus"),
        (margin_band(-1, 100 * MILLION), "loss"),
        (margin_band(-5, 0), "loss"),
        (margin_band(0, 100), "0_5"),
        (margin_band(4_999_999, 100 * MILLION), "0_5"),
        (margin_band(5 * MILLION, 100 * MILLION), "5_plus"),
        (price_band(10 * MILLION), "up_to_10"),
        (price_band(10 * MILLION + 1), "10_50"),
        (price_band(3000 * MILLION), "1000_3000"),
        (price_band(3001 * MILLION), "over_3000"),
        (price_band(None), "negotiable"),
    ],
)
def test_bands(found: str, expected: str) -> None:
    assert found == expected


def test_what_no_band_holds_is_refused() -> None:
    for call in (lambda: employees_band(0), lambda: revenue_band(-1), lambda: margin_band(1, 0)):
        with pytest.raises(ValueError):
            call()
    assert BANDS["employees"][1] == (20, 50, 100)


def test_audience_masks() -> None:
    assert audience_mask(["domestic_institutions", "public"]) == 9
    assert audiences_in(6) == ("verified_buyers", "agency_desk") and audiences_in(0) == ()
    assert set(audiences_in(15)) == set(SCHEMES["audience"].codes)
    with pytest.raises(ValueError):
        audiences_in(16)


def test_reference_files_name_their_source() -> None:
    for name in ("prefectures", "industries", "bands", "codes"):
        assert len(source_of(f"db/reference/{name}.tsv")) > 40
