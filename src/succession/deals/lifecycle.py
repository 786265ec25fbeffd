"""Which stage may follow which, by whose act, on what evidence and for what reason?

One road. Stages 0-4 belong to the listing (listings/road.py). A deal (listing x buyer) begins at stage 5. Stages 5-8
are *projected* from disclosure facts (`project_stage`); no action sets them. From 9 on, `DEAL_ROAD` is the whole rule:
it is expanded into `TRANSITIONS`, and `transition_rows()` is what the database mirrors by foreign key.

Stage order and preconditions follow practice as collected in the SME M&A Guidelines, 3rd ed. (2024-08-30): G1 (name
clear), G11 (guarantee plan before the definitive agreement), G12 (second check, payment confirmed by the adviser).
Only the letter of intent and the memorandum may be skipped, with a coded reason. Stage 14, the foreign-investment
filing, runs in parallel: it is a record that guards the closing, not a stage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, Literal

import msgspec

from succession.codes import SCHEMES
from succession.deals.foreign_investment import Filing, closing_obstacle
from succession.i18n import _
from succession.listings.road import (
    CHECKS,
    EVIDENCE_KINDS,
    LISTING_REFUSALS,
    Decision,
    Line,
    ReasonNeed,
    Transition,
    check_reason_and_evidence,
    expand,
    refuse,
)

# ---------------------------------------------------------------------------------------------------------------------
# Stages

STAGE_NUMBERS: dict[str, int] = {
    "interested": 5, "nda_signed": 6, "name_cleared": 7, "im_disclosed": 8,  # projected from disclosure facts
    "qa": 9, "top_meeting": 10, "loi": 11, "mou": 12, "dd": 13, "definitive": 15, "closing": 16, "post_closing": 17,
}
PROJECTED: frozenset[str] = frozenset({"interested", "nda_signed", "name_cleared", "im_disclosed"})
SKIPPABLE: frozenset[str] = frozenset({"loi", "mou"})
TERMINAL: frozenset[str] = frozenset({
    "buyer_withdrew", "seller_withdrew", "not_concluded", "name_clear_refused", "screening_refused",
    "regulatory_impossible", "expired", "completed",
})

# ---------------------------------------------------------------------------------------------------------------------
# Coded reasons; their labels are db/reference/codes.tsv (terminal_reason, skip_reason, suspension_reason)

REASONS: dict[str, tuple[str, ...]] = {
    "skip": ("small_deal", "listed_buyer", "terms_in_next_document", "both_sides_agreed"),
    "buyer_withdrew": ("price_gap", "strategic_fit", "dd_findings", "funding_failed", "priorities_changed", "other"),
    "seller_withdrew": ("owner_withdrew", "family_successor_found", "employee_successor_found", "owner_health",
                        "business_closed", "mandate_ended", "other_buyer_chosen", "other"),
    "not_concluded": ("terms_not_agreed", "price_gap", "dd_findings", "guarantee_not_released", "other_buyer_chosen",
                      "consent_of_third_party", "conditions_not_met", "breach", "agreement_terminated",
                      "listing_withdrawn", "other"),
    "name_clear_refused": ("owner_refused_buyer", "excluded_party", "competitor_concern", "other"),
    "screening_refused": ("sanctions", "screening_adverse", "no_real_business", "no_proof_of_funds", "false_statement"),
    "regulatory_impossible": ("fefta_prohibited", "licence_not_transferable", "foreign_ownership_limit",
                              "export_control", "merger_control"),
    "expired": ("no_answer", "consent_expired", "nda_expired", "mandate_ended", "long_stop_date_passed"),
    "completed": ("obligations_met", "obligations_settled_otherwise"),
}

# ---------------------------------------------------------------------------------------------------------------------
# The table

_TALKS = "qa top_meeting loi mou dd"
_OPEN = "interested nda_signed name_cleared im_disclosed " + _TALKS  # nothing binding signed yet
_BOUND = _OPEN + " definitive"  # up to, not after, the closing
_OFFER = "loi_document_hash price_low_yen price_high_yen scheme"

# After the definitive agreement one side can no longer simply withdraw: it ends as `not_concluded` (terminated,
# condition failed), by regulation, by screening or at its long-stop date. After the closing only `completed` is left.
#
# from, action, to, who, evidence
DEAL_ROAD: tuple[Line, ...] = (
    ("im_disclosed", "open_qa", "qa", "intermediary", "im_received_on"),
    ("qa", "hold_top_meeting", "top_meeting", "intermediary", "met_on participants"),
    ("top_meeting", "submit_loi", "loi", "acquirer intermediary", _OFFER),
    ("top_meeting loi", "sign_mou", "mou", "intermediary", "mou_document_hash signed_on owner_accepted_on"),
    ("top_meeting loi mou", "open_due_diligence", "dd", "intermediary", "started_on owner_accepted_on"),
    ("dd", "sign_definitive_agreement", "definitive", "intermediary",
     "agreement_document_hash signed_on second_check_by risks_explained_on guarantee_plan"),
    ("definitive", "close_deal", "closing", "intermediary", "closed_on payment_confirmed_on transfer_approved_on"),
    ("closing", "open_post_closing", "post_closing", "intermediary system", "handover_started_on"),
    ("post_closing", "complete_deal", "completed", "intermediary", "completed_on"),
    # Later questions, meetings and offers are recorded where the deal stands ("="); they never move it back.
    (_TALKS, "record_qa", "=", "intermediary acquirer", "asked_on"),
    ("top_meeting loi mou dd", "record_meeting", "=", "intermediary", "met_on participants"),
    ("loi mou dd", "revise_loi", "=", "acquirer intermediary", _OFFER),
    # Ends; each needs a coded reason.
    (_OPEN, "withdraw_buyer", "buyer_withdrew", "acquirer intermediary", ""),
    (_OPEN, "withdraw_seller", "seller_withdrew", "owner intermediary", ""),
    ("nda_signed", "refuse_name_clear", "name_clear_refused", "owner system", ""),
    (_BOUND, "conclude_without_deal", "not_concluded", "intermediary system", ""),
    (_BOUND, "refuse_screening", "screening_refused", "intermediary operator system", "screening_id"),
    (_BOUND, "declare_regulatory_impossible", "regulatory_impossible", "intermediary operator",
     "authority_document_hash"),
    (_BOUND, "expire_deal", "expired", "system", ""),
)

TRANSITIONS: tuple[Transition, ...] = expand(DEAL_ROAD, STAGE_NUMBERS, REASONS, SKIPPABLE)
_BY_START = {(t.from_stage, t.action): t for t in TRANSITIONS}


def transition_rows() -> list[tuple[str, str, str]]:
    """Rows (from_stage, action, to_stage) for `ops.deal_transition`; (from_stage, action) is unique."""
    return [(t.from_stage, t.action, t.to_stage) for t in TRANSITIONS]


# ---------------------------------------------------------------------------------------------------------------------
# Evidence: what each field must look like (wire form; dates also as `date`)

_EVIDENCE_KINDS: dict[str, str] = {
    "loi_document_hash": "sha256", "mou_document_hash": "sha256", "agreement_document_hash": "sha256",
    "authority_document_hash": "sha256", "price_low_yen": "yen", "price_high_yen": "yen", "scheme": "scheme",
    "participants": "text", "second_check_by": "text", "screening_id": "text", "guarantee_plan": "plan",
    **EVIDENCE_KINDS,
}  # every other evidence field ends in `_on`: a day already past


class GuaranteePlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the parties agreed for one lender's guarantee or collateral (Guidelines 3rd ed., G11)."""

    lender: str
    measure: Literal["release", "transfer_to_buyer", "refinance", "remain"]
    due_on: date


def _is_plan(value: Any) -> bool:
    try:
        return len(msgspec.convert(value, tuple[GuaranteePlan, ...])) <= 100
    except msgspec.ValidationError:
        return False


_CHECKS: dict[str, Callable[[Any, date], bool]] = {
    "yen": lambda v, _today: type(v) is int and 0 <= v <= 10**15,
    "scheme": lambda v, _today: isinstance(v, str) and v in SCHEMES["scheme"].codes,
    "plan": lambda v, _today: _is_plan(v),
    **CHECKS,
}


def evidence_kind(field: str) -> str:
    """sha256 | yen | text | scheme | plan | day, for the evidence field named."""
    return _EVIDENCE_KINDS.get(field, "day")


# ---------------------------------------------------------------------------------------------------------------------
# Facts in, decision out


class DisclosureFacts(msgspec.Struct, frozen=True):
    """What the disclosure slice knows today about this listing and this buyer."""

    requested: bool
    nda_in_force: bool
    name_cleared: bool
    dossier_released: bool
    screening_current: bool
    screening_fresh: bool  # decided on a run of the last 30 days, on today's lists, about today's people


class Exclusivity(msgspec.Struct, frozen=True):
    """Exclusive negotiation promised on a listing; both days belong to it. `released_on`: first day no longer bound."""

    deal_id: str
    starts_on: date
    ends_on: date
    granted_in: Literal["loi", "mou", "definitive"]
    released_on: date | None


class DealFacts(msgspec.Struct, frozen=True):
    """Everything the road asks about one deal. `recorded_stage` is the terminal state if there is one, else the stage
    reached by an action, else None: then the deal is still at stages 5-8."""

    deal_id: str
    recorded_stage: str | None
    furthest: str
    disclosure: DisclosureFacts
    exclusivities: tuple[Exclusivity, ...]  # of the listing, this deal's own included
    filing: Filing | None
    guarantee_lenders: tuple[str, ...]
    obligations_open: int


class OpenAction(msgspec.Struct, frozen=True):
    """An action this role may take today, and what it must bring."""

    action: str
    to_stage: str
    evidence: tuple[str, ...]
    skips: tuple[str, ...]
    reason: ReasonNeed
    reasons: tuple[str, ...]


REFUSALS: dict[str, str] = {
    **LISTING_REFUSALS,
    "deal_ended": _("This deal has ended; nothing more can be recorded on it."),
    "parked": _("Another buyer holds exclusive negotiation for this company; this deal is parked until that ends."),
    "nda_not_in_force": _("There is no non-disclosure agreement in force with this buyer."),
    "name_not_cleared": _("The owner has not consented to disclosing the name to this buyer."),
    "dossier_not_released": _("The information memorandum has not been released to this buyer."),
    "screening_not_current": _("The buyer's screening is missing or out of date; repeat it first."),
    "screening_not_fresh": _("The buyer has to be screened again for this step: the last screening is older than 30 days, a list or the "
                             "buyer's people have changed since, or something new was found."),
    "guarantee_plan_incomplete": _("Each lender's guarantee needs an agreed plan before the definitive agreement."),
    "price_range_reversed": _("The lower price is above the higher price."),
    "filing_undeclared": _("Whether a foreign-investment filing is needed has not been declared."),
    "filing_unconfirmed": _("The foreign-investment declaration has not been confirmed by counsel."),
    "filing_not_accepted": _("The declared prior notification has no evidence of acceptance."),
    "filing_waiting": _("The waiting period of the declared prior notification has not ended on that day."),
    "filing_too_old": _("The prior notification was filed more than six months before that day; file again."),
    "obligations_open": _("Obligations after closing are still open."),
}


def _refuse(code: str) -> Decision:
    return refuse(code, sentences=REFUSALS)


def project_stage(facts: DisclosureFacts) -> str | None:
    """Stage 5-8 that the disclosure facts support today, or None before any request. Each needs those before."""
    chain = (("interested", facts.requested), ("nda_signed", facts.nda_in_force),
             ("name_cleared", facts.name_cleared), ("im_disclosed", facts.dossier_released))
    stage = None
    for code, holds in chain:
        if not holds:
            break
        stage = code
    return stage


def stage_of(facts: DealFacts) -> str:
    """The stage a deal is in: what was recorded, else what disclosure supports."""
    return facts.recorded_stage or project_stage(facts.disclosure) or "interested"


def furthest_of(furthest: str, stage: str) -> str:
    """The later of two stages; terminal states never count, so it only ever grows."""
    return stage if STAGE_NUMBERS.get(stage, 0) > STAGE_NUMBERS[furthest] else furthest


def is_parked(exclusivities: tuple[Exclusivity, ...], deal_id: str, today: date) -> bool:
    """True while another deal on the same listing holds exclusivity."""
    return any(e.deal_id != deal_id and _is_bound(e, today) for e in exclusivities)


def _is_bound(e: Exclusivity, on: date) -> bool:
    return e.starts_on <= on <= e.ends_on and (e.released_on is None or on < e.released_on)


def exclusivity_obstacle(facts: DealFacts, new: Exclusivity) -> str | None:
    """Why `new` may not be granted: `ends_before_it_starts`, `stage_not_reached`, `overlaps_another_buyer`, or None."""
    if new.ends_on < new.starts_on:
        return "ends_before_it_starts"
    stage = stage_of(facts)
    if STAGE_NUMBERS.get(stage, 0) < STAGE_NUMBERS[new.granted_in]:
        return "stage_not_reached"
    for other in facts.exclusivities:
        released = other.released_on
        last = other.ends_on if released is None else min(other.ends_on, released - timedelta(days=1))
        if other.deal_id != new.deal_id and other.starts_on <= new.ends_on and new.starts_on <= last:
            return "overlaps_another_buyer"
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Guards: (actions it protects, refusal code or None). Asked in this order; the first refusal is the answer.
# The foreign-investment filing guards `close_deal` too, but on the day it closed, which may lie before today.

_BEFORE_AGREEMENT = frozenset({"open_qa", "hold_top_meeting", "submit_loi", "sign_mou", "open_due_diligence",
                               "sign_definitive_agreement", "record_qa", "record_meeting", "revise_loi"})
_ONWARD = _BEFORE_AGREEMENT | {"close_deal"}
_RESCREENED = frozenset({"sign_mou", "sign_definitive_agreement", "close_deal"})
_FRESHLY_SCREENED = frozenset({"sign_mou", "close_deal"})  # as the NDA before them; a trigger asks the same
SCREENING_REFUSALS = frozenset({"screening_not_current", "screening_not_fresh"})

_GUARDS: tuple[tuple[frozenset[str], Callable[[DealFacts, date], str | None]], ...] = (
    (_ONWARD, lambda f, on: "parked" if is_parked(f.exclusivities, f.deal_id, on) else None),
    (_BEFORE_AGREEMENT, lambda f, on: None if f.disclosure.nda_in_force else "nda_not_in_force"),
    (_BEFORE_AGREEMENT, lambda f, on: None if f.disclosure.name_cleared else "name_not_cleared"),
    (_BEFORE_AGREEMENT, lambda f, on: None if f.disclosure.dossier_released else "dossier_not_released"),
    (_RESCREENED, lambda f, on: None if f.disclosure.screening_current else "screening_not_current"),
    (_FRESHLY_SCREENED, lambda f, on: None if f.disclosure.screening_fresh else "screening_not_fresh"),
    (frozenset({"complete_deal"}), lambda f, on: "obligations_open" if f.obligations_open else None),
)


def _permitted(facts: DealFacts, action: str, role: str, today: date) -> Transition | Decision:
    stage = stage_of(facts)
    if stage in TERMINAL:
        return _refuse("deal_ended")
    step = _BY_START.get((stage, action))
    if step is None:
        return _refuse("wrong_stage" if any(t.action == action for t in TRANSITIONS) else "unknown_action")
    if role not in step.who:
        return _refuse("not_this_role")
    for actions, obstacle in _GUARDS:
        if action in actions and (code := obstacle(facts, today)):
            return _refuse(code)
    return step


def may_advance(facts: DealFacts, action: str, role: str, today: date,
                evidence: Mapping[str, Any], reason: str | None) -> Decision:
    """Whether `role` may take `action` today with this evidence and reason. Days are dates in Japan."""
    step = _permitted(facts, action, role, today)
    if isinstance(step, Decision):
        return step
    if refused := check_reason_and_evidence(step, today, evidence, reason, _EVIDENCE_KINDS, _CHECKS):
        return refused
    if action in ("submit_loi", "revise_loi") and evidence["price_low_yen"] > evidence["price_high_yen"]:
        return _refuse("price_range_reversed")
    if action == "sign_definitive_agreement":
        planned = {item.lender for item in msgspec.convert(evidence["guarantee_plan"], tuple[GuaranteePlan, ...])}
        if not planned.issuperset(facts.guarantee_lenders):
            return _refuse("guarantee_plan_incomplete")
    if action == "close_deal" and (code := closing_obstacle(facts.filing, _day(evidence["closed_on"]))):
        return _refuse(code)
    return Decision(True, "ok", None, (), step.to_stage)


def _day(value: Any) -> date:
    return value if type(value) is date else date.fromisoformat(value)


def actions_open(facts: DealFacts, role: str, today: date) -> tuple[OpenAction, ...]:
    """Actions `role` may take today, in the order of the road; evidence and reason are still to be brought."""
    actions = dict.fromkeys(t.action for t in TRANSITIONS)
    steps = (_permitted(facts, action, role, today) for action in actions)
    return tuple(OpenAction(s.action, s.to_stage, s.evidence, s.skips, s.reason, s.reasons)
                 for s in steps if isinstance(s, Transition)
                 and not (s.action == "close_deal" and closing_obstacle(facts.filing, today)))
