"""Does the pre-screen follow its dated tables, err on the careful side, and never sound like a clearance?"""

from __future__ import annotations

import itertools
import re
from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from succession.codes import SCHEMES
from succession.deals import foreign_investment as fi
from succession.i18n import Message

ON = date(2026, 1, 15)
DOMESTIC = fi.InvestorFacts(False, False, 0, 0, False, False, False, False)
FOREIGN = msgspec.structs.replace(DOMESTIC, foreign_law_or_head_office=True)
PLAN = fi.AcquisitionFacts(FOREIGN, "general", "share_transfer", False, False, ("0971",), (), 10_000,
                           True, False, False)
PASSIVE = {"takes_board_seat": False, "votes_after_bp": 3_000}


def plan(**changes: object) -> fi.AcquisitionFacts:
    return msgspec.structs.replace(PLAN, **changes)


@pytest.mark.parametrize(("changes", "outcome"), [
    ({}, "post_report_only"),
    ({"investor": DOMESTIC}, "none"),
    ({"investor": DOMESTIC, "target_jsic": ("276",)}, "none"),
    ({"target_jsic": ("2761",)}, "prior_notification"),
    ({"target_jsic": ("2761",), **PASSIVE}, "prior_notification"),  # core knows no exemption
    ({"target_jsic": ("451",)}, "prior_notification"),  # control of a designated target
    ({"target_jsic": ("451",), **PASSIVE}, "exempt_with_post_report"),
    ({"target_jsic": ("451",), **PASSIVE, "proposes_business_transfer": True}, "prior_notification"),
    ({"target_jsic": ("451",), **PASSIVE, "sees_nonpublic_technology": True}, "prior_notification"),
    ({"target_jsic": ("451",), **PASSIVE, "scheme": "business_transfer_full"}, "prior_notification"),
    ({"target_jsic": ("451",), **PASSIVE, "investor_class": "state_owned"}, "prior_notification"),
    ({"target_jsic": ("451",), **PASSIVE, "investor_class": "accredited_sovereign"}, "exempt_with_post_report"),
    ({"target_jsic": ("451",), **PASSIVE, "investor_class": "quasi_specified"}, "prior_notification"),
    ({"target_jsic": ("0971", "3911")}, "prior_notification"),  # a side business decides
    ({"target_activities": ("software_or_data_for_others",)}, "prior_notification"),
    ({"scheme": "business_transfer_partial", "votes_after_bp": 0}, "post_report_only"),
    ({"votes_after_bp": 1_000}, "post_report_only"),
    ({"votes_after_bp": 999}, "none"),
    ({"scheme": "license_out", "target_jsic": ("276",)}, "none"),
])
def test_outcomes(changes, outcome):
    assert fi.hint(plan(**changes), ON).outcome == outcome


@pytest.mark.parametrize(("on", "outcome"), [
    (date(2025, 5, 18), "exempt_with_post_report"), (date(2025, 5, 19), "prior_notification")])
def test_specified_investors_lose_the_exemption_on_its_day(on, outcome):
    assert fi.hint(plan(target_jsic=("451",), investor_class="specified", **PASSIVE), on).outcome == outcome


@pytest.mark.parametrize(("on", "outcome", "regime"), [
    (date(2026, 6, 4), "none", "specified_investors_2025"), (date(2026, 6, 5), "none", "amendment_2026_transition"),
    (date(2027, 6, 4), "none", "amendment_2026_transition"),
    (date(2027, 6, 5), "prior_notification", "amendment_2026")])
def test_indirect_acquisitions_count_from_the_last_day_the_amendment_can_start(on, outcome, regime):
    result = fi.hint(plan(indirect=True, target_jsic=("276",)), on)
    assert (result.outcome, result.regime) == (outcome, regime)
    says_check = any("not later than 5 June 2027" in m.msgid for m in result.reasons)
    assert says_check == (regime == "amendment_2026_transition")


@pytest.mark.parametrize(("on", "warned"), [(date(2027, 6, 4), False), (date(2027, 6, 5), True)])
def test_orders_after_closing_are_mentioned_once_they_exist(on, warned):
    reasons = fi.hint(plan(investor_class="state_owned"), on).reasons
    assert any("an order can follow" in m.msgid for m in reasons) == warned


def test_regimes_follow_each_other_without_gap_or_overlap():
    for before, after in itertools.pairwise(fi.REGIMES):
        assert before.valid_to + timedelta(days=1) == after.valid_from
    assert fi.REGIMES[-1].valid_to is None
    with pytest.raises(LookupError):
        fi.regime_on(fi.REGIMES[0].valid_from - timedelta(days=1))


@pytest.mark.parametrize(("codes", "sector", "strength"), [
    (("276",), "core", "likely"), (("2761",), "core", "likely"), (("27",), "core", "possible"),
    (("165",), "core", "possible"), (("3711",), "core", "possible"), (("2661",), "core", "likely"),
    (("2662",), "none", "possible"), (("26",), "core", "possible"), (("391",), "core", "possible"),
    (("20",), "designated", "likely"), (("923",), "designated", "likely"), (("92",), "designated", "possible"),
    (("0971", "923"), "designated", "likely"), (("923", "276"), "core", "likely"), ((), "none", "possible"),
    (("3131",), "none", "possible"), (("3134",), "core", "likely")])
def test_sectors_by_code(codes, sector, strength):
    result = fi.sector_hint(codes, (), ON)
    assert (result.sector, result.strength) == (sector, strength)
    assert result.reasons


@pytest.mark.parametrize(("on", "sector"), [(date(2023, 3, 31), "none"), (date(2023, 4, 1), "core")])
def test_supply_chain_sectors_have_their_date(on, sector):
    assert fi.sector_hint(("2694",), (), on).sector == sector
    assert fi.sector_hint((), ("permanent_magnets",), on).sector == sector


def test_every_row_of_the_sector_table_is_a_jsic_code_and_every_activity_a_question():
    for _sector, extent, _since, codes in fi.SECTOR_ROWS:
        assert extent in ("whole", "part")
        for code in codes.split():
            assert code[:2] in SCHEMES["jsic"].codes and 2 <= len(code) <= 4 and code.isdigit()
    assert all(question.endswith("?") for question, *_ in fi.ACTIVITIES.values())


@pytest.mark.parametrize(("field", "value", "answer"), [
    ("nonresident_individual", True, True), ("foreign_law_or_head_office", True, True),
    ("foreign_votes_bp", 5_000, True),
    ("foreign_votes_bp", 4_999, False), ("foreign_partnership_share_bp", 5_000, True),
    ("foreign_partnership_share_bp", 4_999, False), ("foreign_managing_partners_majority", True, True),
    ("nonresident_officers_majority", True, True), ("nonresident_representatives_majority", True, True),
    ("acts_for_foreign_investor", True, True), ("foreign_votes_bp", None, None),
    ("acts_for_foreign_investor", None, None)])
def test_each_ground_makes_a_foreign_investor_and_silence_is_not_a_no(field, value, answer):
    result = fi.is_foreign_investor(msgspec.structs.replace(DOMESTIC, **{field: value}))
    assert result.answer is answer and len(result.reasons) == 1


def test_an_unsettled_buyer_is_treated_as_foreign():
    unsettled = msgspec.structs.replace(DOMESTIC, foreign_votes_bp=None)
    result = fi.hint(plan(investor=unsettled, target_jsic=("276",)), ON)
    assert result.outcome == "prior_notification" and result.strength == "possible"


def everything() -> list[fi.AcquisitionFacts]:
    unsettled = msgspec.structs.replace(DOMESTIC, foreign_votes_bp=None)
    classes = ("general", "accredited_sovereign", "state_owned", "specified", "quasi_specified", "sanctioned")
    return [fi.AcquisitionFacts(investor, kind, scheme, indirect, seller, codes, activities, votes, board, False, False)
            for investor in (DOMESTIC, FOREIGN, unsettled) for kind in classes for scheme in SCHEMES["scheme"].codes
            for indirect in (False, True) for seller in (False, None) for codes in (("0971",), ("276",), ("45",))
            for activities in (None, ("space",)) for votes in (500, 10_000) for board in (False, True)]


def test_over_all_combinations_every_answer_is_a_known_code_with_reasons_and_the_caution():
    outcomes, sectors = SCHEMES["fefta_outcome"].codes, SCHEMES["fefta_sector"].codes
    for on in (date(2024, 1, 1), date(2027, 6, 5)):
        seen = {(h.outcome, h.sector, h.strength, h.caution.msgid, bool(h.reasons)) for h in
                (fi.hint(facts, on) for facts in everything())}
        assert {s[0] for s in seen} == set(outcomes) and {s[1] for s in seen} == set(sectors)
        assert {s[3:] for s in seen} == {(fi.CAUTION, True)}


def test_becoming_active_or_stricter_never_lightens_the_hint():
    weight = {"none": 0, "post_report_only": 1, "exempt_with_post_report": 2, "prior_notification": 3}
    for facts in everything()[::7]:
        now = weight[fi.hint(facts, ON).outcome]
        for stricter in ({"takes_board_seat": True}, {"sees_nonpublic_technology": True}, {"votes_after_bp": 10_000},
                         {"target_jsic": (*facts.target_jsic, "276")}, {"investor_class": "specified"}):
            assert weight[fi.hint(msgspec.structs.replace(facts, **stricter), ON).outcome] >= now


def sentences(value: object) -> list[str]:
    if isinstance(value, Message):
        return [value.msgid, *(s for p in value.params.values() for s in sentences(p))]
    return []


def test_nothing_reads_like_a_clearance():
    forbidden = re.compile(r"\b(clear(ed|ance)?|approv\w+|permitted|legal(ly)?|lawful|safe|guarantee\w*|compliant|"
                           r"not (be )?(needed|required|necessary)|no need|exempted|may close)\b", re.I)
    hints = [fi.hint(facts, date(2027, 6, 5)) for facts in everything()]
    said = {s for h in hints for message in (*h.reasons, h.caution) for s in sentences(message)}
    assert len(said) > 15
    assert [s for s in said if forbidden.search(s)] == []


# -- the clock ---------------------------------------------------------------------------------------------------------

ACCEPTED = date(2026, 1, 31)


@pytest.mark.parametrize(("shortened_to", "extended_to", "first_day"), [
    (None, None, date(2026, 3, 2)), (date(2026, 2, 14), None, date(2026, 2, 14)), (ACCEPTED, None, ACCEPTED),
    (None, date(2026, 6, 30), date(2026, 6, 30)), (date(2026, 4, 1), date(2026, 6, 30), date(2026, 4, 1))])
def test_earliest_closing(shortened_to, extended_to, first_day):
    assert fi.earliest_closing(ACCEPTED, shortened_to, extended_to) == first_day


@pytest.mark.parametrize(("shortened_to", "extended_to"), [
    (date(2026, 1, 30), None), (date(2026, 3, 2), None), (None, date(2026, 3, 2)), (None, date(2026, 7, 1)),
    (date(2026, 6, 30), date(2026, 6, 30))])
def test_a_shortening_shortens_and_an_extension_ends_within_five_months(shortened_to, extended_to):
    with pytest.raises(ValueError, match="outside its bounds"):
        fi.earliest_closing(ACCEPTED, shortened_to, extended_to)


@given(st.dates(date(2020, 1, 1), date(2090, 1, 1)))
def test_thirty_days_then_six_months_then_no_more(filed_on):
    filing = fi.Filing("prior_notification", filed_on, filed_on, None, None, None, "Counsel A", filed_on)
    first, last = fi.earliest_closing(filed_on), fi.latest_closing(filed_on)
    assert first - filed_on == timedelta(days=30) and 181 <= (last - filed_on).days <= 184
    answers = [fi.closing_obstacle(filing, day) for day in (first - timedelta(1), first, last, last + timedelta(1))]
    assert answers == ["filing_waiting", None, None, "filing_too_old"]


def test_the_report_is_due_forty_five_days_after_closing():
    assert fi.post_report_due(date(2026, 1, 15)) == date(2026, 3, 1)
