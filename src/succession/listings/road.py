"""Which state may a listing move to, by whose act, on what evidence and for what reason? And how is a road written?

A road is a table on one screen (from, action, to, who, evidence), expanded into `Transition` rows. The listing's own is
here (`LISTING_ROAD`, stages 0-4 and rest); the deal's is deals/lifecycle.py, written with the same words. What
publishing needs besides (succession status, mandate, the owner's approval) is checked where it happens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, Literal

import msgspec

from succession.i18n import Message, _

Role = Literal["intermediary", "acquirer", "owner", "operator", "system"]
ReasonNeed = Literal["none", "optional", "required"]
Line = tuple[str, str, str, str, str]


class Transition(msgspec.Struct, frozen=True):
    """One permitted step. `skips` are the stages passed over; `reasons` the codes accepted when one is given."""

    from_stage: str
    action: str
    to_stage: str
    who: frozenset[str]
    evidence: tuple[str, ...]
    skips: tuple[str, ...]
    reason: ReasonNeed
    reasons: tuple[str, ...]


class Decision(msgspec.Struct, frozen=True):
    """`ok`, or the refusal `code` with a sentence; `missing` names evidence fields absent or malformed."""

    ok: bool
    code: str
    message: Message | None
    missing: tuple[str, ...]
    to_stage: str | None


# ---------------------------------------------------------------------------------------------------------------------
# The listing's road

LISTING_STATE_NUMBERS: dict[str, int] = {"intake": 0, "mandated": 1, "preparing": 2, "listed": 3, "approached": 4}
LISTING_REST: frozenset[str] = frozenset({"suspended", "withdrawn", "succeeded"})  # only suspended resumes

# Coded reasons; their labels are db/reference/codes.tsv (suspension_reason, terminal_reason)
LISTING_REASONS: dict[str, tuple[str, ...]] = {
    "suspended": ("consent_withdrawn", "consent_expired", "figures_outdated", "owner_request", "adviser_under_review",
                  "mandate_ended"),
    "withdrawn": ("owner_withdrew", "family_successor_found", "employee_successor_found", "owner_health",
                  "business_closed", "mandate_ended", "other"),
}  # fmt: skip

# from, action, to, who, evidence
LISTING_ROAD: tuple[Line, ...] = (
    ("intake", "activate_mandate", "mandated", "intermediary", "mandate_id"),
    ("mandated", "start_preparation", "preparing", "intermediary", ""),
    ("preparing", "publish_listing", "listed", "intermediary", "teaser_approval_id"),
    # Most owners consent to no publication at all: a list agreed with the owner may be approached without one.
    ("preparing listed", "approach_candidates", "approached", "intermediary", "candidate_list_hash owner_agreed_on"),
    ("approached", "publish_approached_listing", "=", "intermediary", "teaser_approval_id"),
    ("preparing listed approached", "suspend_listing", "suspended", "intermediary owner operator system", ""),
    ("suspended", "resume_listing", "preparing", "intermediary", ""),
    ("intake mandated preparing listed approached suspended", "withdraw_listing", "withdrawn",
     "intermediary owner", ""),
    ("listed approached suspended", "record_succession", "succeeded", "intermediary system", "deal_id"),
)  # fmt: skip


def expand(road: Iterable[Line], order: Mapping[str, int], reasons: Mapping[str, tuple[str, ...]],
           skippable: frozenset[str] = frozenset()) -> tuple[Transition, ...]:
    """One Transition per (from, action); `order` numbers the stages, a step over `skippable` ones needs a reason."""
    rows: list[Transition] = []
    for from_stages, action, to, who, evidence in road:
        for from_stage in from_stages.split():
            to_stage = from_stage if to == "=" else to
            low, high = order[from_stage] if from_stage in order else 0, order.get(to_stage, 0)
            skips = tuple(stage for stage, number in order.items() if low < number < high and stage in skippable)
            kind = "skip" if skips else to_stage
            rows.append(Transition(from_stage, action, to_stage, frozenset(who.split()), tuple(evidence.split()), skips,
                                   "required" if kind in reasons else "none", reasons.get(kind, ())))
    return tuple(rows)


LISTING_TRANSITIONS: tuple[Transition, ...] = expand(LISTING_ROAD, LISTING_STATE_NUMBERS, LISTING_REASONS)
_BY_START = {(t.from_stage, t.action): t for t in LISTING_TRANSITIONS}


def listing_transition_rows() -> list[tuple[str, str, str]]:
    """Rows (from_state, action, to_state) for the listing's own road; (from_state, action) is unique."""
    return [(t.from_stage, t.action, t.to_stage) for t in LISTING_TRANSITIONS]


# ---------------------------------------------------------------------------------------------------------------------
# Evidence: what each field must look like (wire form; dates also as `date`). A deal's road knows more kinds.

EVIDENCE_KINDS: dict[str, str] = {
    "candidate_list_hash": "sha256", "mandate_id": "text", "teaser_approval_id": "text", "deal_id": "text",
}  # every other evidence field ends in `_on`: a day already past  # fmt: skip


def _is_past_day(value: Any, today: date) -> bool:
    try:
        return (value if type(value) is date else date.fromisoformat(value)) <= today
    except (TypeError, ValueError):
        return False


CHECKS: dict[str, Callable[[Any, date], bool]] = {
    "sha256": lambda v, _today: isinstance(v, str) and re.fullmatch("[0-9a-f]{64}", v) is not None,
    "text": lambda v, _today: isinstance(v, str) and 0 < len(v.strip()) <= 500,
    "day": _is_past_day,
}

LISTING_REFUSALS: dict[str, str] = {
    "unknown_action": _("There is no such action."),
    "wrong_stage": _("This action does not follow from the present stage."),
    "not_this_role": _("Another party has to take this step."),
    "reason_required": _("Give one of the listed reasons."),
    "reason_unknown": _("This reason is not one of the listed reasons."),
    "evidence_missing": _("Some of the required evidence is missing or not in the right form."),
}


def refuse(code: str, missing: tuple[str, ...] = (), sentences: Mapping[str, str] = LISTING_REFUSALS) -> Decision:
    return Decision(False, code, Message(sentences[code], {}), missing, None)


def check_reason_and_evidence(step: Transition, today: date, evidence: Mapping[str, Any], reason: str | None,
                              kinds: Mapping[str, str] = EVIDENCE_KINDS,
                              checks: Mapping[str, Callable[[Any, date], bool]] = CHECKS) -> Decision | None:
    """The refusal when what the step asks for was not brought, else None."""
    if reason is None and step.reason == "required":
        return refuse("reason_required")
    if reason is not None and reason not in step.reasons:
        return refuse("reason_unknown")
    missing = tuple(
        f for f in step.evidence if f not in evidence or not checks[kinds.get(f, "day")](evidence[f], today)
    )
    return refuse("evidence_missing", missing) if missing else None


# ---------------------------------------------------------------------------------------------------------------------
# The answer


def may_move_listing(state: str, action: str, role: str, today: date,
                     evidence: Mapping[str, Any], reason: str | None) -> Decision:
    """Whether `role` may move a listing from `state` by `action`; what publishing itself needs is checked elsewhere."""
    step = _BY_START.get((state, action))
    if step is None:
        known = any(t.action == action for t in LISTING_TRANSITIONS)
        return refuse("wrong_stage" if known else "unknown_action")
    if role not in step.who:
        return refuse("not_this_role")
    return check_reason_and_evidence(step, today, evidence, reason) or Decision(True, "ok", None, (), step.to_stage)


def listing_actions(state: str, role: str) -> tuple[str, ...]:
    """Actions `role` may take in this state, in the order of the road; evidence and reason are still to be brought."""
    return tuple(t.action for t in LISTING_TRANSITIONS if t.from_stage == state and role in t.who)
