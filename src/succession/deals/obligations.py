"""What is still owed after the closing, to whom, by when, and on what that date rests?

Troubles after closing are where sellers get hurt: guarantees that stay, prices never paid (SME M&A Guidelines, 3rd ed.,
G11, G12, and the market reform plan of 2025-08-05). Each obligation says whether its date is set by law, agreed in the
contract, or customary and to be checked; the register is worked off before a deal is completed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from succession.characters import PROSE
from succession.days import add_months
from succession.deals.foreign_investment import Outcome, post_report_due
from succession.deals.lifecycle import GuaranteePlan
from succession.i18n import Message, _

AgreedKind = Literal["retirement_pay", "deferred_price", "transition_service", "employee_terms", "non_compete",
                     "rep_warranty_claim", "license_reissue"]
Basis = Literal["law", "agreed", "customary"]


class Agreed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An obligation taken from the definitive agreement. `due_on` is the last day, for a period its end."""

    kind: AgreedKind
    due_on: date | None
    detail: Annotated[str, Meta(max_length=500, pattern=PROSE)]


class ClosingFacts(msgspec.Struct, frozen=True):
    """What the closing left behind."""

    closed_on: date
    filing_declared: Outcome | None
    officers_change: bool
    guarantee_plans: tuple[GuaranteePlan, ...]
    agreed: tuple[Agreed, ...]


class Obligation(msgspec.Struct, frozen=True):
    """One line of the register. `due_on` None: agreed without a date, which a reader should question."""

    kind: str
    detail: str
    due_on: date | None
    basis: Basis
    message: Message


# The obligations that follow from the closing itself. kind, applies, due, basis, sentence.
STATUTORY: tuple[tuple[str, Callable[[ClosingFacts], bool], Callable[[date], date], Basis, str], ...] = (
    ("fefta_post_report",
     lambda facts: facts.filing_declared in ("prior_notification", "exempt_with_post_report", "post_report_only"),
     post_report_due, "law",
     _("Report the acquisition through the Bank of Japan within 45 days of closing; have counsel confirm which form.")),
    ("officer_registration",
     lambda facts: facts.officers_change,
     lambda closed_on: closed_on + timedelta(weeks=2), "customary",
     _("Registering a change of officers within two weeks is customary; check the period that applies.")),
)

# The obligations that stand in the contract.
AGREED: dict[str, str] = {
    "guarantee_release": _("Release or move the owner's guarantee at this lender as agreed, with the lender's paper."),
    "retirement_pay": _("Pay the retiring officer as agreed."),
    "deferred_price": _("Pay the deferred part of the price as agreed."),
    "transition_service": _("The former owner helps with the handover until this day."),
    "employee_terms": _("Keep the employees' terms until this day as agreed."),
    "non_compete": _("The former owner does not compete until this day."),
    "rep_warranty_claim": _("Claims under representations and warranties end on this day."),
    "license_reissue": _("Obtain or change the licences the business needs."),
}


def obligations_for(closing: ClosingFacts) -> tuple[Obligation, ...]:
    """The register at the closing: dated ones first, by date; undated last."""
    rows = [Obligation(kind, "", due(closing.closed_on), basis, Message(text))
            for kind, applies, due, basis, text in STATUTORY if applies(closing)]
    rows += [Obligation("guarantee_release", plan.lender, plan.due_on, "agreed", Message(AGREED["guarantee_release"]))
             for plan in closing.guarantee_plans if plan.measure != "remain"]
    rows += [Obligation(item.kind, item.detail, item.due_on, "agreed", Message(AGREED[item.kind]))
             for item in closing.agreed]
    return tuple(sorted(rows, key=lambda row: (row.due_on or date.max, row.kind, row.detail)))


# ---------------------------------------------------------------------------------------------------------------------
# Where an obligation stands

DUE_SOON_DAYS = 14
Standing = Literal["settled", "undated", "open", "due_soon", "overdue"]


def standing(due_on: date | None, settled_on: date | None, today: date) -> Standing:
    """`overdue` from the day after its last day; `due_soon` in the fourteen days up to and including it."""
    if settled_on is not None:
        return "settled"
    if due_on is None:
        return "undated"
    if today > due_on:
        return "overdue"
    return "due_soon" if due_on - today <= timedelta(days=DUE_SOON_DAYS) else "open"


def reminder_days(due_on: date) -> tuple[date, ...]:
    """Days on which both sides are reminded: a month and two weeks before, the last day, and the day after."""
    return (add_months(due_on, -1), due_on - timedelta(days=DUE_SOON_DAYS), due_on, due_on + timedelta(days=1))
