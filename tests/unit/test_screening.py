"""Are names found however they are written, and is a screening current only as long as it says?"""

from __future__ import annotations

import time
from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from succession.disclosure import screening
from succession.disclosure.screening import ListEntry, ListIndex, Party, find_in, normalise


@pytest.mark.parametrize(("one", "other"), [
    ("株式会社架空製作所", "(株)架空製作所"), ("株式会社架空製作所", "㈱架空製作所"), ("架空製作所㈱", "架空製作所 株式会社"),
    ("有限会社ナイモノ", "(有)ﾅｲﾓﾉ"), ("ナイモノ（株）", "ナイモノ"), ("髙橋架空商事", "高橋架空商事"), ("医療法人社団架空会", "架空会"),
    ("Nowhere Trading Co., Ltd.", "NOWHERE TRADING"), ("Nowhere Trading Company Limited", "Nowhere Trading Co Ltd"),
    ("Nowhere S.p.A.", "Nowhere SpA"), ("Nowhere S. p. A.", "nowhere"), ("Nowhere GmbH & Co. KG", "Nowhere"),
    ("Nowhere A/S", "Nowhere"), ("Nówhere Sp. z o.o.", "Nowhere"), ("PT Nowhere Tbk", "Nowhere"),
    ("Nowhere Sdn. Bhd.", "Nowhere"),
    ("Công ty TNHH Nơi Không Có", "Noi Khong Co"), ("OOO Nowhere", "Nowhere LLC"), ("虚构贸易有限公司", "虚构贸易"),
    ("주식회사 허구", "허구"), ("Nowhere Kabushiki Kaisha", "Nowhere K.K."), ("Nowhere & Sons", "Nowhere and Sons"),
    ("The Nowhere Company", "Nowhere"), ("O'Nowhere Ltd", "ONowhere"), ("Ｎｏｗｈｅｒｅ", "nowhere"), ("Strasse AG", "Straße"),
    ("Nowhere-Trading", "Nowhere Trading"), ("Nowhere Pte. Ltd.", "Nowhere"),
])
def test_spellings_of_one_organisation_meet(one, other):
    assert normalise(one, "organisation") == normalise(other, "organisation") != ""


@pytest.mark.parametrize(("one", "other"), [
    ("架空製作所", "架空製鋼所"), ("ハシ", "バシ"), ("Nowhere Trading", "Nowhere Shipping"), ("Colt", "Co")])
def test_different_names_stay_apart(one, other):
    assert normalise(one, "organisation") != normalise(other, "organisation")


@pytest.mark.parametrize("name", ["株式会社", "Co., Ltd.", "(株)", "The Company", "SA", "Limited", "有限会社有限会社", "TNHH"])
def test_a_name_that_is_only_a_legal_form_is_still_a_name(name):
    assert normalise(name, "organisation")


@given(st.text(max_size=40), st.sampled_from(["organisation", "person"]))
def test_normalising_is_stable_and_never_loses_a_whole_name(name, kind):
    once = normalise(name, kind)
    assert once == once.strip() and "  " not in once
    assert once == once.casefold() or not once.isascii()
    if any(char.isascii() and char.isalnum() for char in name):
        assert once


def find_candidates(parties, entries):
    return find_in(tuple(parties), (ListIndex(tuple(entries)),))



def entry(name: str, *aliases: str, kind: str = "organisation", country: str | None = "ZZ") -> ListEntry:
    return ListEntry("demo_list", "2026-11-01", name, aliases, country, kind)


def party(name: str, kind: str = "organisation", country: str | None = "ZZ") -> Party:
    return Party(name, "organisation" if kind == "organisation" else "officer", kind, country)


@pytest.mark.parametrize(("sought", "listed", "reason"), [
    (party("Nowhere Holdings Ltd"), entry("NOWHERE HOLDINGS"), "name"),
    (party("Elsewhere Ltd"), entry("Nowhere Holdings", "Elsewhere Limited"), "alias"),
    (party("Holdings Nowhere"), entry("Nowhere Holdings"), "word_order"),
    (party("No Where Holdings"), entry("Nowhere Holdings"), "word_order"),
    (party("Nowhare Holdings"), entry("Nowhere Holdings"), "one_edit"),
    (party("Nowhere Holding"), entry("Nowhere Holdings"), "one_edit"),
    (party("Nowheer Holdings"), entry("Nowhere Holdings"), "one_edit"),
    (party("架空精密工業"), entry("架空精蜜工業"), "one_edit"),
    (party("Nowhere Holdings Asia Pacific"), entry("Nowhere Holdings"), "words"),
    (party("Ivan Invented", "person"), entry("INVENTED, Ivan", kind="person"), "word_order"),
    (party("Ivan Petrovich Invented", "person"), entry("Invented Ivan", kind="person"), "words"),
    (party("Naught Ltd"), entry("Naughty Corp"), "one_edit"),
])
def test_each_reason_is_found_with_its_score(sought, listed, reason):
    (candidate,) = find_candidates([sought], [listed])
    assert (candidate.reason, candidate.score) == (reason, screening.SCORES[reason])
    assert (candidate.list_code, candidate.list_version) == ("demo_list", "2026-11-01")
    assert candidate.entry_name == listed.name


@pytest.mark.parametrize(("sought", "listed"), [
    (party("Abcde"), entry("Abcdf")),  # too short for a slip to mean anything
    (party("架空社"), entry("架橋社")),
    (party("Nowhere"), entry("Nowhere Holdings")),  # a single shared word
    (party("Nowhare Holding"), entry("Nowhere Holdings")),  # two slips
    (party("Ivan Invented", "person"), entry("Ivan Invented", kind="organisation")),
    (party("Nowhere"), entry("Somewhere")), (party("!!!"), entry("???")),
])
def test_what_is_not_alike_is_not_proposed(sought, listed):
    assert find_candidates([sought], [listed]) == []


def test_a_legal_person_is_never_let_off_by_its_country():
    def same(a: str | None, b: str | None) -> bool | None:
        return find_candidates([party("Nowhere", country=a)], [entry("Nowhere", country=b)])[0].same_country
    assert (same("ZZ", "ZZ"), same("ZZ", "YY"), same(None, "ZZ"), same("ZZ", None)) == (True, False, None, None)


def test_best_likeness_first_and_one_candidate_for_each_party_and_entry():
    parties = [party("Nowhere Holdings"), party("Ivan Invented", "person")]
    listed = [entry("Nowhare Holdings"), entry("Nowhere Holdings", "Nowhere Holdings SA"),
              entry("Ivan Invented", kind="person")]
    found = find_candidates(parties, listed)
    assert [(c.score, c.party_name, c.entry_name) for c in found] == [
        (100, "Ivan Invented", "Ivan Invented"), (100, "Nowhere Holdings", "Nowhere Holdings"),
        (80, "Nowhere Holdings", "Nowhare Holdings")]


@given(st.text("abcdefg", min_size=6, max_size=12), st.integers(0, 11), st.sampled_from("abcdefg"), st.integers(0, 3))
def test_any_one_slip_is_found_from_either_side(name, at, letter, slip):
    at %= len(name)
    slipped = (name[:at] + name[at + 1:], name[:at] + letter + name[at:], name[:at] + letter + name[at + 1:],
               name[:at] + name[at:at + 2][::-1] + name[at + 2:])[slip]
    if len(slipped) >= 6:
        for a, b in ((name, slipped), (slipped, name)):
            assert find_candidates([party("q" + a)], [entry("q" + b)]), (a, b)


def test_a_long_list_is_searched_in_reasonable_time():
    listed = [entry(f"Imaginary Trading {n} Co., Ltd.", f"Imag {n}") for n in range(3_000)]
    start = time.perf_counter()
    assert find_candidates([party(f"Wholly Other {n}") for n in range(5)], listed) == []
    assert time.perf_counter() - start < 3


def test_expiry_is_six_months():
    assert screening.default_expiry(date(2026, 5, 31)) == date(2026, 11, 30)
    assert screening.default_expiry(date(2026, 8, 31)) - date(2027, 2, 28) == timedelta(0)


# -- numbers, years, and what is new --------------------------------------------------------------------------------------


def test_a_shared_number_is_the_name_itself():
    listed = msgspec.structs.replace(entry("Wholly Other AG"), identifiers=("HRB123456",))
    sought = msgspec.structs.replace(party("Nowhere Ltd"), identifiers=("HRB123456",))
    (candidate,) = find_candidates([sought], [listed])
    assert (candidate.reason, candidate.score, candidate.matched_name) == ("identifier", 100, "Wholly Other AG")
    assert find_candidates([msgspec.structs.replace(sought, identifiers=("HRB123457",))], [listed]) == []


@pytest.mark.parametrize(("year", "years", "said"), [(1960, (1960,), "same"), (1960, (1961, 1990), "near"), (1960, (1970,), "differs"),
                                                     (None, (1960,), None), (1960, (), None)])
def test_the_year_of_birth_is_shown_and_never_excludes(year, years, said):
    sought = msgspec.structs.replace(party("Ivan Invented", "person"), birth_year=year)
    (candidate,) = find_candidates([sought], [msgspec.structs.replace(entry("Ivan Invented", kind="person"), birth_years=years)])
    assert candidate.birth_year == said


def test_any_country_the_list_gives_counts():
    listed = msgspec.structs.replace(entry("Nowhere", country=None), countries=("FR", "ZZ"))
    assert find_candidates([party("Nowhere")], [listed])[0].same_country is True
    assert find_candidates([party("Nowhere", country="YY")], [listed])[0].same_country is False


def candidate(entry_id="1", ref="r1", kind="sanctions", score=100, party_name="Nowhere", role="organisation"):
    return screening.Candidate("l", "1", "Nowhere", "Nowhere", party_name, role, score, "name", None, kind, entry_id, ref)


@pytest.mark.parametrize(("found", "decided", "new", "ends"), [
    ([candidate()], [], 1, True), ([candidate()], [candidate()], 0, False),
    ([candidate("2")], [candidate("1")], 1, False),  # rewritten by its list: look again, but nobody is thrown out
    ([candidate("2", "r2")], [candidate()], 1, True), ([candidate(kind="end_user")], [], 1, False), ([candidate(score=90)], [], 1, False),
    ([candidate(party_name="Somebody")], [candidate()], 1, True), ([], [candidate()], 0, False),
    ([candidate(role="nda_member")], [], 1, False)])
def test_what_is_new_is_a_task_and_the_very_name_on_a_sanctions_list_ends_reading(found, decided, new, ends):
    assert len(screening.new_since(found, decided)) == new and screening.suspends(found, decided) is ends


@pytest.mark.parametrize(("stage", "before", "occasion"), [
    ("interested", False, "request"), ("interested", True, "nda"), ("nda_signed", True, "mou"), ("loi", True, "mou"), ("mou", True, "closing"),
    ("definitive", True, "closing"), ("post_closing", True, "manual")])
def test_a_run_says_for_which_step_it_was_made(stage, before, occasion):
    assert screening.occasion_of(stage, before) == occasion


def test_the_matcher_is_named_by_its_rules_and_tables():
    assert screening.matcher_version() == screening.matcher_version() and screening.matcher_version().startswith(f"{screening.MATCHER}-")
