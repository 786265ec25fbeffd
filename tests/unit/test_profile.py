"""Does publishing ask for everything it needs, and is every contradiction named at its field?"""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from succession.accounts.identifiers import make_corporate_number
from succession.codes import SCHEMES
from succession.listings.completeness import REQUIRED, contradictions, missing_for_publication
from succession.listings.profile import (
    COMPANY_ONLY_SCHEMES,
    Profile,
    allowed_values,
    cell_facts,
    field_error,
    fiscal_years,
)

TODAY = date(2025, 10, 1)


def year(period_end: str, revenue_yen: int = 420_000_000, operating_profit_yen: int = 21_000_000) -> dict[str, Any]:
    return {"period_end": period_end, "revenue_yen": revenue_yen, "operating_profit_yen": operating_profit_yen,
            "adjusted_ebitda_yen": 30_000_000, "net_assets_yen": 150_000_000, "debt_yen": 80_000_000}


COMPLETE: dict[str, Any] = {
    "succession": {"status": "none_decided", "declared_by": "架空 太郎", "declared_on": "2025-04-01",
                   "alternatives_tried": [], "first_consulted_on": "2025-03-01", "channel": "center"},
    "identity": {"name": "架空製作所株式会社", "name_kana": "カクウセイサクショ", "name_en": "Kaku Works", "legal_form": "kk",
                 "corporate_number": make_corporate_number("999900000001"),
                 "representative": {"name": "架空 太郎", "name_kana": "カクウ タロウ", "name_romaji": "Kaku Taro"},
                 "family_names": [], "sites": [{"address": "奈良県架空市無町0-0-0"}], "phones": [], "urls": [],
                 "email_domains": [], "brands": [], "former_names": [], "group_companies": [], "main_customers": [],
                 "main_suppliers": []},
    "business": {"jsic_code": "2441", "prefecture": "JP-29", "founded_year": 1983, "employees": 34,
                 "capital_yen": 10_000_000},
    "financials": [year("2023-03-31"), year("2025-03-31"), year("2024-03-31")],
    "owner": {"birth_year": 1950, "reason": "no_successor"},
    "terms": {"schemes": ["share_transfer"], "timing": "6_12m", "asking_price": {"negotiable": True}, "conditions": []},
    "guarantees": [], "permits": [], "real_estate": [], "intellectual_property": [],
}  # fmt: skip


def profile(**changes: Any) -> Profile:
    """The complete profile with values at `block__field` replaced; `...` takes the field away."""
    raw = msgspec.json.decode(msgspec.json.encode(COMPLETE))
    for path, value in changes.items():
        *blocks, name = path.split("__")
        block = raw
        for each in blocks:
            block = block[each]
        if value is ...:
            del block[name]
        else:
            block[name] = value
    return msgspec.convert(raw, Profile)


def refused(subject: Profile) -> set[str]:
    return {each.field_path for each in contradictions(subject, TODAY) if each.refused}


def flagged(subject: Profile) -> set[str]:
    return {each.field_path for each in contradictions(subject, TODAY) if not each.refused}


def missing(subject: Profile) -> set[str]:
    return {each.field_path for each in missing_for_publication(subject)}


def test_a_complete_profile_may_be_published() -> None:
    assert missing_for_publication(profile()) == []
    assert contradictions(profile(), TODAY) == []


def test_an_empty_draft_lacks_everything_and_contradicts_nothing() -> None:
    assert set(REQUIRED) <= missing(Profile())
    assert {"identity.corporate_number", "financials", "terms.asking_price"} <= missing(Profile())
    assert contradictions(Profile(), TODAY) == []
    assert cell_facts(Profile()) is None


@pytest.mark.parametrize("path", sorted(REQUIRED))
def test_each_required_field_is_missed_when_it_is_taken_away(path: str) -> None:
    assert missing(profile(**{path.replace(".", "__"): ...})) == {path}


def test_no_answer_differs_from_answered_with_none() -> None:
    assert missing(profile(guarantees=None)) == {"guarantees"}
    assert missing(profile(guarantees=[])) == set()
    assert missing(profile(identity__sites=[])) == {"identity.sites"}
    assert missing(profile(terms__schemes=[])) == {"terms.schemes"}
    assert missing(profile(identity__name="  ")) == {"identity.name"}


def test_no_english_name_needs_confirmed_romaji() -> None:
    assert missing(profile(identity__name_en=...)) == {"identity.name_en"}
    without = {"identity__name_en": ..., "identity__name_en_declared_none": True}
    assert missing(profile(**without)) == {"identity.name_romaji", "identity.name_romaji_confirmed"}
    assert missing(profile(**without, identity__name_romaji="Kaku", identity__name_romaji_confirmed=True)) == set()
    assert refused(profile(identity__name_en_declared_none=True)) == {"identity.name_en"}


def test_an_asking_price_carries_basis_method_date_and_whether_indicative() -> None:
    assert missing(profile(terms__asking_price={})) == {"terms.asking_price"}
    assert missing(profile(terms__asking_price={"amount_yen": 100_000_000})) == {
        "terms.asking_price.basis", "terms.asking_price.method", "terms.asking_price.as_of",
        "terms.asking_price.indicative"}  # fmt: skip
    both = {"amount_yen": 1, "negotiable": True, "as_of": "2025-12-01"}
    assert refused(profile(terms__asking_price=both)) == {"terms.asking_price", "terms.asking_price.as_of"}


def test_three_fiscal_years_unless_the_company_is_younger() -> None:
    assert missing(profile(financials=[year("2025-03-31"), year("2024-03-31")])) == {"financials"}
    young = profile(financials=[year("2025-03-31"), year("2024-03-31")], business__founded_year=2024)
    assert missing(young) == set()
    assert missing(profile(financials=[year("2025-03-31") | {"debt_yen": None}], business__founded_year=2025)) == {
        "financials[0].debt_yen"}  # fmt: skip


def test_a_sole_proprietor_has_an_internal_key_and_no_shares() -> None:
    sole = {"identity__legal_form": "sole_proprietor", "business__capital_yen": ...}
    assert missing(profile(**sole, identity__corporate_number=...)) == {"identity.internal_key"}
    assert refused(profile(**sole)) == {"identity.corporate_number", "terms.schemes[0]"}
    shop = profile(**sole, identity__corporate_number=..., identity__internal_key="A-17",
                   terms__schemes=["asset_sale", "business_transfer_full"])  # fmt: skip
    assert missing(shop) == set() and contradictions(shop, TODAY) == []
    for scheme in SCHEMES["scheme"].codes:
        offers = profile(**sole, identity__corporate_number=..., terms__schemes=[scheme])
        assert (refused(offers) == {"terms.schemes[0]"}) == (scheme in COMPANY_ONLY_SCHEMES), scheme


def test_a_company_with_a_successor_is_refused_and_told_why() -> None:
    (why,) = contradictions(profile(succession__status="successor_decided"), TODAY)
    assert why.refused and why.field_path == "succession.status"
    assert why.message.params["allowed"] == "none_decided, family_declined, employees_declined, undecided"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"identity__corporate_number": "1234567890123"}, "identity.corporate_number"),
        ({"business__capital_yen": -1}, "business.capital_yen"),
        ({"business__jsic_code": "00"}, "business.jsic_code"),
        ({"business__founded_year": 2026, "financials": []}, "business.founded_year"),
        ({"business__founded_on": "1984-04-01"}, "business.founded_year"),
        ({"financials": [], "business": {"founded_on": "2025-10-02"}}, "business.founded_on"),
        ({"succession__declared_on": "2025-10-02"}, "succession.declared_on"),
        ({"succession__first_consulted_on": "2026-01-01"}, "succession.first_consulted_on"),
        ({"owner__birth_year": 2020}, "owner.birth_year"),
        ({"financials": [year("2025-03-31"), year("2025-03-01")]}, "financials[1].period_end"),
        ({"financials": [year("2025-03-31"), year("2023-03-31")]}, "financials[1].period_end"),
        ({"financials": [year("2026-03-31")]}, "financials[0].period_end"),
        ({"financials": [year("2025-03-31", revenue_yen=-1, operating_profit_yen=-2)]}, "financials[0].revenue_yen"),
        ({"business__founded_year": 2025, "financials": [year("2024-12-31")]}, "financials[0].period_end"),
        ({"terms__schemes": ["mbo", "mbo"]}, "terms.schemes"),
        ({"facts": ["a", "a"]}, "facts"),
    ],
)
def test_a_contradiction_is_refused_at_its_field(changes: dict[str, Any], path: str) -> None:
    assert refused(profile(**changes)) == {path}


def test_figures_older_than_eighteen_months_are_flagged_not_refused() -> None:
    aged = profile(financials=[year("2024-03-31"), year("2023-03-31"), year("2022-03-31")])
    assert [each.field_path for each in contradictions(aged, date(2025, 9, 30))] == []
    (found,) = contradictions(aged, date(2025, 10, 1))
    assert not found.refused and found.field_path == "financials[0].period_end"


def test_a_moved_year_end_and_an_odd_profit_are_flagged() -> None:
    assert flagged(profile(financials=[year("2025-03-31"), year("2024-12-31")])) == {"financials[1].period_end"}
    odd = profile(financials=[year("2025-03-31", revenue_yen=10, operating_profit_yen=11)])
    assert flagged(odd) == {"financials[0].operating_profit_yen"}
    assert refused(odd) == set()


# --- the cell -------------------------------------------------------------------------------------------------------


def test_the_cell_is_looked_up_by_the_latest_year_in_any_order() -> None:
    subject = profile(financials=[year("2023-03-31", 1, 1), year("2025-03-31", 200, 10), year("2024-03-31", 2, 1)])
    facts = cell_facts(subject)
    assert facts is not None
    assert (facts.prefecture, facts.industry2, facts.founded_year, facts.employees) == ("JP-29", "24", 1983, 34)
    assert (facts.revenue_yen, facts.operating_profit_yen, facts.margin) == (200, 10, 0.05)
    assert [each.period_end.year for each in fiscal_years(subject)] == [2025, 2024, 2023]


def test_without_revenue_only_a_loss_has_a_margin() -> None:
    def margin(profit: int) -> float:
        facts = cell_facts(profile(financials=[year("2025-03-31", 0, profit)]))
        assert facts is not None
        return facts.margin

    assert margin(-5) < 0 and margin(0) == 0


@pytest.mark.parametrize(
    "gone",
    ["business__jsic_code", "business__prefecture", "business__employees", "business__founded_year", "financials"],
)
def test_no_cell_without_each_of_its_facts(gone: str) -> None:
    assert cell_facts(profile(**{gone: ...})) is None


def test_a_day_of_founding_gives_the_year() -> None:
    facts = cell_facts(profile(business__founded_year=..., business__founded_on="1983-04-01"))
    assert facts is not None and facts.founded_year == 1983


# --- what the wire type refuses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "path", "allowed"),
    [
        ({"terms": {"schemes": ["barter"]}}, "terms.schemes[0]", tuple(SCHEMES["scheme"].codes)),
        ({"business": {"prefecture": "JP-48"}}, "business.prefecture", tuple(SCHEMES["prefecture"].codes)),
        ({"guarantees": [{"lender": "架空銀行"}]}, "guarantees[0].kind", ()),
        ({"identity": {"nickname": "x"}}, "identity.nickname", ()),
        ({"nickname": "x"}, "nickname", ()),
        ({"identity": {"name": "あ" * 201}}, "identity.name", ()),
        ({"identity": {"name": ""}}, "identity.name", ()),
        ({"identity": {"name": "a\0b"}}, "identity.name", ()),
        ({"business": {"employees": "34"}}, "business.employees", ()),
        ({"business": {"employees": -1}}, "business.employees", ()),
        ({"business": {"capital_yen": 10**15 + 1}}, "business.capital_yen", ()),
        ({"financials": [{"revenue_yen": 1}]}, "financials[0].period_end", ()),
        ({"financials": [{"period_end": "2025-02-30"}]}, "financials[0].period_end", ()),
        ({"financials": [{"period_end": "2025-03-31"}] * 4}, "financials", ()),
        ({"facts": ["a", "b", "c", "d", "e", "f"]}, "facts", ()),
        ({"identity": {"brands": ["x"] * 101}}, "identity.brands", ()),
    ],
)
def test_a_wrong_field_is_named_with_what_it_allows(raw: dict[str, Any], path: str, allowed: tuple[str, ...]) -> None:
    with pytest.raises(msgspec.ValidationError) as refusal:
        msgspec.json.decode(msgspec.json.encode(raw), type=Profile)
    error = field_error(refusal.value)
    assert (error.field, error.allowed) == (path, allowed)
    assert "{" not in error.message.msgid.format_map(error.message.params)


def test_allowed_values_are_found_through_lists_and_blocks() -> None:
    assert allowed_values("guarantees[7].kind")[0] == "personal_guarantee"
    assert allowed_values("intellectual_property[0].encumbrances[...].kind") == tuple(SCHEMES["encumbrance"].codes)
    assert allowed_values("identity.name") == allowed_values("no.such") == ()


def test_a_draft_round_trips() -> None:
    assert msgspec.json.decode(msgspec.json.encode(profile()), type=Profile) == profile()


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([*Profile.__struct_fields__, "name", "kind", "period_end", "sites", "x"]), inner, max_size=4),
    max_leaves=12,
))  # fmt: skip
def test_any_json_is_a_profile_or_a_named_error(raw: Any) -> None:
    try:
        subject = msgspec.convert(raw, Profile)
    except msgspec.ValidationError as error:
        assert field_error(error).message.msgid
    else:
        missing_for_publication(subject), contradictions(subject, TODAY), cell_facts(subject)
