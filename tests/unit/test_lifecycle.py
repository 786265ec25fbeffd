"""Is the road of stages what the table says, and can no walk leave it?"""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from succession.codes import SCHEMES
from succession.deals import lifecycle as road
from succession.deals.foreign_investment import Filing
from succession.listings import road as listing_road

TODAY = date(2026, 11, 20)
HASH = "a" * 64
NO_FILING = Filing("none", None, None, None, None, None, "counsel of the buyer", date(2026, 10, 1))
DISCLOSED = road.DisclosureFacts(True, True, True, True, True, True)
BOUND_ROLES = ("intermediary", "acquirer", "owner", "operator", "system")
EVIDENCE = {"sha256": HASH, "yen": 100_000_000, "text": "recorded", "scheme": "share_transfer", "day": "2026-11-19", "plan": []}
NEVER_SKIPPED = ("nda_signed", "name_cleared", "im_disclosed", "qa", "top_meeting", "dd", "definitive", "closing")


def facts(stage: str | None = None, **changes: object) -> road.DealFacts:
    furthest = stage if stage in road.STAGE_NUMBERS else "im_disclosed"
    plain = road.DealFacts("d1", stage, furthest, DISCLOSED, (), NO_FILING, (), 0)
    return msgspec.structs.replace(plain, **changes)


def evidence_for(step: road.Transition) -> dict[str, object]:
    return {field: EVIDENCE[road.evidence_kind(field)] for field in step.evidence}


def take(deal: road.DealFacts, step: road.Transition, **changes: object) -> road.Decision:
    reason = step.reasons[0] if step.reasons else None
    call = {"role": sorted(step.who)[0], "today": TODAY, "evidence": evidence_for(step), "reason": reason} | changes
    return road.may_advance(deal, step.action, call["role"], call["today"], call["evidence"], call["reason"])


# -- the table --------------------


def test_stage_numbers_are_the_fields_own():
    assert road.STAGE_NUMBERS == {
        "interested": 5, "nda_signed": 6, "name_cleared": 7, "im_disclosed": 8, "qa": 9, "top_meeting": 10, "loi": 11,
        "mou": 12, "dd": 13, "definitive": 15, "closing": 16, "post_closing": 17}


def test_rows_for_the_database_are_a_function_of_stage_and_action():
    for rows in (road.transition_rows(), listing_road.listing_transition_rows()):
        assert len(rows) == len({(start, action) for start, action, _ in rows})


def test_no_row_enters_a_projected_stage_or_moves_back_or_leaves_an_end():
    for t in road.TRANSITIONS:
        assert t.to_stage not in road.PROJECTED, t
        assert t.from_stage not in road.TERMINAL, t
        if t.to_stage in road.STAGE_NUMBERS:
            assert road.STAGE_NUMBERS[t.to_stage] >= road.STAGE_NUMBERS[t.from_stage], t


def test_only_the_letter_and_the_memorandum_are_ever_passed_over_and_then_with_a_reason():
    order = list(road.STAGE_NUMBERS)
    for t in road.TRANSITIONS:
        if t.to_stage in order:
            between = order[order.index(t.from_stage) + 1:order.index(t.to_stage)]
            assert tuple(between) == t.skips, t
            assert set(between) <= {"loi", "mou"}, t
            assert (t.reason == "required") == bool(between), t


def test_every_end_needs_a_coded_reason_and_can_be_reached():
    ends = {t.to_stage for t in road.TRANSITIONS if t.to_stage in road.TERMINAL}
    assert ends == road.TERMINAL
    for t in road.TRANSITIONS:
        if t.to_stage in road.TERMINAL:
            assert t.reason == "required" and t.reasons, t


def test_after_closing_a_deal_can_only_be_completed_and_after_signing_nobody_just_withdraws():
    assert {t.to_stage for t in road.TRANSITIONS if t.from_stage == "closing"} == {"post_closing"}
    assert {t.to_stage for t in road.TRANSITIONS if t.from_stage == "post_closing"} == {"completed"}
    after_signing = {t.to_stage for t in road.TRANSITIONS if t.from_stage == "definitive"}
    assert after_signing == {"closing", "not_concluded", "screening_refused", "regulatory_impossible", "expired"}


# -- every row, taken and refused --------------------


@pytest.mark.parametrize("step", road.TRANSITIONS, ids=lambda t: f"{t.from_stage}-{t.action}")
def test_each_row_works_for_its_roles_with_its_evidence_and_reason_and_not_otherwise(step):
    deal = facts(step.from_stage)
    assert take(deal, step) == road.Decision(True, "ok", None, (), step.to_stage)
    for role in BOUND_ROLES:
        decision = take(deal, step, role=role)
        assert decision.ok == (role in step.who)
        assert decision.ok or decision.code == "not_this_role"
    for field in step.evidence:
        rest = {k: v for k, v in evidence_for(step).items() if k != field}
        assert take(deal, step, evidence=rest).missing == (field,)
        assert take(deal, step, evidence=rest | {field: None}).code == "evidence_missing"
    assert take(deal, step, reason="because").code == "reason_unknown"
    if step.reason == "required":
        assert take(deal, step, reason=None).code == "reason_required"
        assert all(take(deal, step, reason=code).ok for code in step.reasons)


def test_every_pair_of_stage_and_action_outside_the_table_is_refused():
    known = {(t.from_stage, t.action) for t in road.TRANSITIONS}
    for stage in [*road.STAGE_NUMBERS, *road.TERMINAL]:
        for action in {t.action for t in road.TRANSITIONS}:
            if (stage, action) not in known:
                decision = road.may_advance(facts(stage), action, "intermediary", TODAY, {}, None)
                assert decision.code == ("deal_ended" if stage in road.TERMINAL else "wrong_stage")
    assert road.may_advance(facts("qa"), "jump", "intermediary", TODAY, {}, None).code == "unknown_action"


def test_every_stage_end_and_reason_has_a_label_in_both_languages():
    assert set(road.STAGE_NUMBERS) | set(listing_road.LISTING_STATE_NUMBERS) | {"regulatory"} == set(SCHEMES["stage"].codes)
    assert road.TERMINAL == set(SCHEMES["terminal_state"].codes)
    assert set(listing_road.LISTING_STATE_NUMBERS) | listing_road.LISTING_REST == set(SCHEMES["listing_state"].codes)
    scheme_of = {"skip": "skip_reason", "suspended": "suspension_reason"}
    for use, codes in road.REASONS.items():
        scheme = scheme_of.get(use, "terminal_reason")
        assert set(codes) <= set(SCHEMES[scheme].codes), use
    used = {code for use, codes in road.REASONS.items() if use not in scheme_of for code in codes}
    assert used == set(SCHEMES["terminal_reason"].codes)


def test_every_refusal_has_a_sentence():
    for code, sentence in road.REFUSALS.items():
        assert sentence.endswith("."), code


# -- projection --------------------


@pytest.mark.parametrize(("requested", "nda", "clear", "released", "stage"), [
    (False, True, True, True, None),
    (True, False, True, True, "interested"),
    (True, True, False, True, "nda_signed"),
    (True, True, True, False, "name_cleared"),
    (True, True, True, True, "im_disclosed"),
])
def test_projection_stops_at_the_first_fact_that_does_not_hold(requested, nda, clear, released, stage):
    assert road.project_stage(road.DisclosureFacts(requested, nda, clear, released, False, False)) == stage


@pytest.mark.parametrize(("field", "code"), [
    ("nda_in_force", "nda_not_in_force"), ("name_cleared", "name_not_cleared"),
    ("dossier_released", "dossier_not_released")])
def test_a_deal_on_the_way_stops_when_its_disclosure_is_undone(field, code):
    undone = msgspec.structs.replace(DISCLOSED, **{field: False})
    for step in road.TRANSITIONS:
        onward = step.to_stage in road.STAGE_NUMBERS and step.from_stage not in ("definitive", "closing")
        if onward:
            assert take(facts(step.from_stage, disclosure=undone), step).code == code
        elif step.to_stage in road.TERMINAL:
            assert take(facts(step.from_stage, disclosure=undone), step).ok  # one may always end it
    assert take(facts(None, disclosure=undone), step_of("im_disclosed", "open_qa")).code == "wrong_stage"


def test_screening_must_be_current_at_memorandum_agreement_and_closing():
    stale = msgspec.structs.replace(DISCLOSED, screening_current=False)
    refused = {t.action for t in road.TRANSITIONS
               if take(facts(t.from_stage, disclosure=stale), t).code == "screening_not_current"}
    assert refused == {"sign_mou", "sign_definitive_agreement", "close_deal"}


def test_a_fresh_screening_is_asked_for_at_memorandum_and_closing():
    old = msgspec.structs.replace(DISCLOSED, screening_fresh=False)
    refused = {t.action for t in road.TRANSITIONS if take(facts(t.from_stage, disclosure=old), t).code == "screening_not_fresh"}
    assert refused == {"sign_mou", "close_deal"}


def step_of(stage: str, action: str) -> road.Transition:
    return next(t for t in road.TRANSITIONS if (t.from_stage, t.action) == (stage, action))


# -- guards --------------------


def other(starts: int, ends: int, released: int | None = None, deal_id: str = "d2") -> road.Exclusivity:
    def day(n: int) -> date:
        return TODAY + timedelta(days=n)
    return road.Exclusivity(deal_id, day(starts), day(ends), "mou", None if released is None else day(released))


@pytest.mark.parametrize(("promise", "parked"), [
    (other(0, 10), True), (other(-10, 0), True), (other(-10, -1), False), (other(1, 10), False),
    (other(-5, 5, released=1), True), (other(-5, 5, released=0), False), (other(-5, 5, deal_id="d1"), False)])
def test_another_buyers_exclusivity_parks_this_deal_exactly_while_it_binds(promise, parked):
    deal = facts("top_meeting", exclusivities=(promise,))
    assert road.is_parked(deal.exclusivities, "d1", TODAY) is parked
    decision = take(deal, step_of("top_meeting", "submit_loi"))
    assert decision.code == ("parked" if parked else "ok")
    assert take(deal, step_of("top_meeting", "withdraw_buyer")).ok


@pytest.mark.parametrize(("stage", "new", "others", "code"), [
    ("mou", other(0, 60, deal_id="d1"), (), None),
    ("loi", other(0, 60, deal_id="d1"), (), "stage_not_reached"),
    ("buyer_withdrew", other(0, 60, deal_id="d1"), (), "stage_not_reached"),
    ("mou", other(1, 0, deal_id="d1"), (), "ends_before_it_starts"),
    ("mou", other(0, 60, deal_id="d1"), (other(-30, 0),), "overlaps_another_buyer"),
    ("mou", other(1, 60, deal_id="d1"), (other(-30, 0),), None),
    ("mou", other(0, 60, deal_id="d1"), (other(-30, 30, released=-1),), None),
    ("mou", other(0, 60, deal_id="d1"), (other(-30, 30, released=0),), None),
    ("mou", other(-1, 60, deal_id="d1"), (other(-30, 30, released=0),), "overlaps_another_buyer"),
])
def test_exclusivity_is_granted_to_one_buyer_at_a_time_and_from_its_stage_on(stage, new, others, code):
    assert road.exclusivity_obstacle(facts(stage, exclusivities=others), new) == code


@pytest.mark.parametrize(("plan", "ok"), [
    ([], False),
    ([{"lender": "L1", "measure": "release", "due_on": "2027-01-31"}], False),
    ([{"lender": "L1", "measure": "release", "due_on": "2027-01-31"},
      {"lender": "L2", "measure": "refinance", "due_on": "2027-03-31"}], True)])
def test_each_lenders_guarantee_needs_a_plan_before_the_definitive_agreement(plan, ok):
    step = step_of("dd", "sign_definitive_agreement")
    decision = take(facts("dd", guarantee_lenders=("L1", "L2")), step,
                    evidence=evidence_for(step) | {"guarantee_plan": plan})
    assert decision.code == ("ok" if ok else "guarantee_plan_incomplete")


def filing(**changes: object) -> Filing:
    plain = Filing("prior_notification", date(2026, 10, 1), date(2026, 10, 5), None, None, None, "Counsel A",
                   date(2026, 10, 1))
    return msgspec.structs.replace(plain, **changes)


@pytest.mark.parametrize(("record", "closed_on", "code"), [
    (None, "2026-11-19", "filing_undeclared"),
    (filing(declared=None), "2026-11-19", "filing_undeclared"),
    (filing(declared="none", confirmed_by=None), "2026-11-19", "filing_unconfirmed"),
    (filing(confirmed_on=None), "2026-11-19", "filing_unconfirmed"),
    (filing(cleared_on=date(2026, 10, 19)), "2026-10-18", "filing_waiting"),
    (filing(cleared_on=date(2026, 10, 19)), "2026-10-19", "ok"),
    (filing(accepted_on=None), "2026-11-19", "filing_not_accepted"),
    (filing(), "2026-11-03", "filing_waiting"),
    (filing(), "2026-11-04", "ok"),
    (filing(shortened_to=date(2026, 10, 19)), "2026-10-18", "filing_waiting"),
    (filing(shortened_to=date(2026, 10, 19)), "2026-10-19", "ok"),
    (filing(extended_to=date(2027, 1, 5)), "2026-11-19", "filing_waiting"),
    (filing(filed_on=date(2026, 5, 18), accepted_on=date(2026, 5, 20)), "2026-11-18", "ok"),
    (filing(filed_on=date(2026, 5, 18), accepted_on=date(2026, 5, 20)), "2026-11-19", "filing_too_old"),
    (filing(declared="post_report_only", accepted_on=None), "2026-11-19", "ok"),
])
def test_the_closing_waits_for_the_declared_filing(record, closed_on, code):
    step = step_of("definitive", "close_deal")
    days = {"closed_on": closed_on}
    assert take(facts("definitive", filing=record), step, evidence=evidence_for(step) | days).code == code


def test_closing_is_offered_only_when_the_filing_lets_it():
    def offered(record: Filing | None) -> bool:
        opens = road.actions_open(facts("definitive", filing=record), "intermediary", TODAY)
        return "close_deal" in [a.action for a in opens]
    assert offered(NO_FILING) and offered(filing())
    assert not offered(None) and not offered(filing(extended_to=date(2027, 1, 5)))


def test_completion_waits_for_open_obligations():
    step = step_of("post_closing", "complete_deal")
    assert take(facts("post_closing", obligations_open=1), step).code == "obligations_open"
    assert take(facts("post_closing"), step).ok


@pytest.mark.parametrize(("low", "high", "code"), [(2, 1, "price_range_reversed"), (1, 1, "ok"),
                                                   (-1, 1, "evidence_missing"), (True, 1, "evidence_missing")])
def test_offers_carry_a_range_in_whole_yen(low, high, code):
    step = step_of("top_meeting", "submit_loi")
    prices = {"price_low_yen": low, "price_high_yen": high}
    assert take(facts("top_meeting"), step, evidence=evidence_for(step) | prices).code == code


@pytest.mark.parametrize(("value", "ok"), [
    ("2026-11-20", True), (date(2026, 11, 20), True), ("2026-11-21", False), ("20 Nov", False), (20261120, False)])
def test_days_in_evidence_are_iso_and_not_in_the_future(value, ok):
    assert take(facts("mou"), step_of("mou", "record_qa"), evidence={"asked_on": value}).ok is ok


# -- walks --------------------


@given(st.lists(st.tuples(st.sampled_from(sorted({t.action for t in road.TRANSITIONS})), st.sampled_from(BOUND_ROLES)),
                max_size=60))
def test_no_walk_skips_a_gate_goes_back_or_returns_from_an_end(moves):
    deal, visited = facts(None), ["interested", "nda_signed", "name_cleared", "im_disclosed"]
    for action, role in moves:
        stage = road.stage_of(deal)
        step = next((t for t in road.TRANSITIONS if (t.from_stage, t.action) == (stage, action)), None)
        open_now = {a.action for a in road.actions_open(deal, role, TODAY)}
        decision = take(deal, step, role=role) if step else road.may_advance(deal, action, role, TODAY, {}, None)
        assert decision.ok == (action in open_now)
        if not decision.ok:
            continue
        furthest = road.furthest_of(deal.furthest, decision.to_stage)
        assert road.STAGE_NUMBERS[furthest] >= road.STAGE_NUMBERS[deal.furthest]
        deal = msgspec.structs.replace(deal, recorded_stage=decision.to_stage, furthest=furthest)
        visited.append(decision.to_stage)
    reached = road.STAGE_NUMBERS[deal.furthest]
    for gate in NEVER_SKIPPED:
        assert road.STAGE_NUMBERS[gate] > reached or gate in visited
    assert not road.TERMINAL & set(visited[:-1])


def test_the_straight_road_and_the_shortest_road_both_arrive():
    for loi_and_mou in (True, False):
        deal, stages = facts(None), []
        while road.stage_of(deal) != "completed":
            steps = [t for t in road.TRANSITIONS if t.from_stage == road.stage_of(deal) and t.to_stage != t.from_stage
                     and (t.to_stage in road.STAGE_NUMBERS or t.to_stage == "completed")]
            step = min(steps, key=lambda t: len(t.skips)) if loi_and_mou else max(steps, key=lambda t: len(t.skips))
            decision = take(deal, step)
            assert decision.ok
            deal = msgspec.structs.replace(deal, recorded_stage=decision.to_stage)
            stages.append(decision.to_stage)
        assert ("loi" in stages and "mou" in stages) is loi_and_mou
        assert [s for s in NEVER_SKIPPED[3:] if s in stages] == list(NEVER_SKIPPED[3:])


# -- the listing's own road --------------------


@pytest.mark.parametrize("step", listing_road.LISTING_TRANSITIONS, ids=lambda t: f"{t.from_stage}-{t.action}")
def test_each_listing_row_works_for_its_roles_only(step):
    reason = step.reasons[0] if step.reasons else None
    for role in BOUND_ROLES:
        decision = listing_road.may_move_listing(step.from_stage, step.action, role, TODAY, evidence_for(step), reason)
        assert decision.ok == (role in step.who)
    if step.reason == "required":
        role = sorted(step.who)[0]
        assert listing_road.may_move_listing(step.from_stage, step.action, role, TODAY, evidence_for(step), None).code == (
            "reason_required")


def test_a_listing_that_ended_stays_ended():
    assert not {t for t in listing_road.LISTING_TRANSITIONS if t.from_stage in ("withdrawn", "succeeded")}
    assert listing_road.may_move_listing("withdrawn", "publish_listing", "intermediary", TODAY, {}, None).code == "wrong_stage"
