"""How does a deal move? Lock, ask the road, write the event and the stage in one unit of work, tell the other side."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.characters import LINE, NAME, PROSE
from succession.database import driver
from succession.deals import foreign_investment as fefta
from succession.deals.lifecycle import (
    SCREENING_REFUSALS,
    TERMINAL,
    TRANSITIONS,
    DealFacts,
    Exclusivity,
    exclusivity_obstacle,
    furthest_of,
    may_advance,
    stage_of,
)
from succession.deals.obligations import Agreed, ClosingFacts, obligations_for
from succession.deals.queries import DealView, ObligationView, find_deal, find_facts, obligation_view, role_of
from succession.disclosure import ledger
from succession.disclosure.commands.requests import tell_buyer
from succession.disclosure.sides import NEUTRAL_END, outcome_for_buyer
from succession.errors import FieldError, Problem, field_problem
from succession.i18n import Message, _
from succession.listings.commands import lock_listing, move_listing
from succession.listings.consents import take_down
from succession.listings.moves import ON_WITHDRAWAL
from succession.outbox import mail, record
from succession.tables.deals import DealEvent, ForeignInvestmentFiling, Obligation
from succession.tables.deals import Exclusivity as ExclusivityRow
from succession.tables.disclosure import Deal

# The noun of the route, and the action of the road it records. `withdrawal` depends on who withdraws.
STEPS: dict[str, str] = {
    "qa": "open_qa", "top-meeting": "hold_top_meeting", "letter-of-intent": "submit_loi", "memorandum": "sign_mou",
    "due-diligence": "open_due_diligence", "definitive-agreement": "sign_definitive_agreement", "closing": "close_deal",
    "post-closing": "open_post_closing", "completion": "complete_deal",
    "questions": "record_qa", "meetings": "record_meeting", "letter-of-intent-revision": "revise_loi",
    "withdrawal": "withdraw_*", "conclusion": "conclude_without_deal", "screening-refusal": "refuse_screening",
    "regulatory-end": "declare_regulatory_impossible",
}  # fmt: skip
Step = Literal[tuple(STEPS)]


class StepTaken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`evidence`: the fields that `actions` of the deal name. `reason`: a code, where one is asked for.

    `agreed` and `officers_change` only with a closing: what else was agreed, for the register of obligations.
    """

    evidence: Annotated[dict[str, Any], Meta(max_length=20)] = {}
    reason: Annotated[str, Meta(max_length=60, pattern=LINE)] | None = None
    agreed: Annotated[list[Agreed], Meta(max_length=50)] = []
    officers_change: bool = True


async def lock_deal(tx: AsyncSession, deal_id: UUID, version: int | None) -> tuple[Deal, Any, DealFacts]:
    """The deal locked, its row and facts read after the lock; Problem not_found, stale."""
    # The listing before its deals, as the owner's answer locks them; a buyer sees no listing and locks the deal alone.
    await tx.execute(text("SELECT FROM vault.listing WHERE id = (SELECT listing_id FROM vault.deal WHERE id = :id) FOR NO KEY UPDATE"),
                     {"id": deal_id})
    deal = (await tx.execute(select(Deal).where(Deal.id == deal_id).with_for_update())).scalar_one_or_none()
    if deal is None:
        raise Problem("not_found")
    row, facts = await find_facts(await driver(tx), deal_id)
    if version is not None and deal.version != version:
        raise Problem("stale")
    return deal, row, facts


async def take_step(tx: AsyncSession, actor: Actor, deal_id: UUID, version: int, step: str, taken: StepTaken, locale: str,
                    today: date) -> DealView:
    """One step along the road; Problem step_refused, screening_needed, or validation naming the evidence that is missing."""
    deal, row, facts = await lock_deal(tx, deal_id, version)
    role = role_of(row["side"])
    action = STEPS[step].replace("*", "seller" if role == "intermediary" else "buyer")
    decision = may_advance(facts, action, role, today, taken.evidence, taken.reason)
    if not decision.ok:
        missing = decision.missing or (("reason",) if decision.code.startswith("reason_") else ())
        fields = tuple(FieldError("reason", decision.message, _reasons(stage_of(facts), action)) if name == "reason"
                       else FieldError(f"evidence.{name}", decision.message) for name in missing)
        code = "screening_needed" if decision.code in SCREENING_REFUSALS else "step_refused"
        raise Problem("validation" if fields else code, decision.message, fields, extra={"refusal": decision.code})
    await write_event(tx, actor, deal, facts, action, decision.to_stage, taken.evidence, taken.reason)
    if action == "close_deal":
        await _closed(tx, actor, deal, facts, taken)
    if role == "intermediary" and decision.to_stage in TERMINAL and outcome_for_buyer(decision.to_stage) == NEUTRAL_END:
        await tell_buyer(tx, deal, "request_not_successful")  # the letter of a refusal: who ended it, and how, is not the buyer's to tell
    else:
        await mail(tx, "deal_moved", organisation=deal.buyer_id if role == "intermediary" else deal.intermediary_id,
                   project=deal.project_name, dedupe_key=f"deal:{deal.id}:{deal.version}")
    await tx.flush()
    return await find_deal(await driver(tx), deal_id, locale, today)


def _reasons(stage: str, action: str) -> tuple[str, ...]:
    return next((step.reasons for step in TRANSITIONS if (step.from_stage, step.action) == (stage, action)), ())


async def write_event(tx: AsyncSession, actor: Actor, deal: Deal, facts: DealFacts, action: str, to_stage: str,
                      evidence: Mapping[str, Any], reason: str | None) -> None:
    """The event and what follows from it for the row; the database compares the two at commit."""
    stage = stage_of(facts)
    seq = await tx.scalar(text("SELECT coalesce(max(seq), 0) + 1 FROM vault.deal_event WHERE deal_id = :id"), {"id": deal.id})
    tx.add(DealEvent(deal_id=deal.id, seq=seq, from_stage=stage, action=action, to_stage=to_stage, actor_kind=actor.kind,
                     organisation_id=actor.organisation_id, member_id=actor.member_id, evidence=dict(evidence), reason=reason))
    await tx.flush()
    deal.version += 1
    deal.furthest = furthest_of(facts.furthest, to_stage)
    if to_stage in TERMINAL:
        deal.terminal, deal.terminal_reason = to_stage, reason
        await tx.execute(text("UPDATE vault.deal SET closed_at = now() WHERE id = :id"), {"id": deal.id})
        if actor.kind == "intermediary":
            await tx.execute(text("UPDATE vault.exclusivity SET ended_on = ops.today() WHERE deal_id = :id AND ended_on IS NULL"),
                             {"id": deal.id})
    else:
        deal.stage = to_stage
    await tx.flush()
    await ledger.append(tx, deal.listing_id, "stage", deal.id,
                        {"seq_of_deal": seq, "from_stage": stage, "action": action, "to_stage": to_stage, "reason": reason})
    await record(tx, f"deal.{action}", deal.id, from_stage=stage, to_stage=to_stage, reason=reason)


async def _closed(tx: AsyncSession, actor: Actor, deal: Deal, facts: DealFacts, taken: StepTaken) -> None:
    """The register of obligations opens, the listing is succeeded, the teaser goes, the other buyers' deals end."""
    plan = await tx.scalar(text("SELECT evidence -> 'guarantee_plan' FROM vault.deal_event WHERE deal_id = :id "
                                "AND action = 'sign_definitive_agreement' ORDER BY seq DESC LIMIT 1"), {"id": deal.id})
    closing = msgspec.convert({
        "closed_on": taken.evidence["closed_on"], "filing_declared": facts.filing and facts.filing.declared,
        "officers_change": taken.officers_change, "guarantee_plans": plan or [],
        "agreed": msgspec.to_builtins(taken.agreed),
    }, ClosingFacts)
    for owed in obligations_for(closing):
        tx.add(Obligation(deal_id=deal.id, kind=owed.kind, detail=owed.detail or None, due_on=owed.due_on))
    await conclude_others(tx, actor, deal.listing_id, "another_buyer_closed", but=deal.id)
    await _succeeded(tx, deal)


async def conclude_others(tx: AsyncSession, actor: Actor, listing_id: UUID, reason: str, but: UUID | None = None) -> None:
    """End the open deals of a listing that may still end this way, politely: a buyer learns that it is over, not why."""
    found = select(Deal).where(Deal.listing_id == listing_id, Deal.terminal.is_(None), Deal.id != (but or UUID(int=0)))
    for deal in (await tx.execute(found.order_by(Deal.id).with_for_update())).scalars().all():
        _row, facts = await find_facts(await driver(tx), deal.id)
        if not _reasons(stage_of(facts), "conclude_without_deal"):
            continue  # closed already: what is owed after a closing outlives the listing
        await write_event(tx, actor, deal, facts, "conclude_without_deal", "not_concluded", {}, reason)
        await mail(tx, "request_not_successful", organisation=deal.buyer_id, project=deal.project_name,
                   dedupe_key=f"deal-ended:{deal.id}")


async def _listing_withdrawn(tx: AsyncSession, actor: Actor, listing_id: UUID) -> None:
    await conclude_others(tx, actor, listing_id, "listing_withdrawn")


ON_WITHDRAWAL.append(_listing_withdrawn)


async def _succeeded(tx: AsyncSession, deal: Deal) -> None:
    listing = await lock_listing(tx, deal.listing_id)
    await take_down(tx, deal.listing_id, "succeeded")
    now = await tx.scalar(text("SELECT now()"))
    await move_listing(tx, listing, "record_succession", "intermediary", now, {"deal_id": str(deal.id)})


# ---------------------------------------------------------------------------------------------------------------------
# Exclusivity: a record that parks the other buyers of the listing


class NewExclusivity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Both days belong to it."""

    granted_in: Literal["loi", "mou", "definitive"]
    from_date: date
    until_date: date


_OBSTACLES: dict[str, str] = {
    "ends_before_it_starts": _("Exclusivity ends before it starts."),
    "stage_not_reached": _("The document that would grant exclusivity has not been reached in this deal."),
    "overlaps_another_buyer": _("Another buyer holds exclusivity in this period."),
}


async def grant_exclusivity(tx: AsyncSession, deal_id: UUID, new: NewExclusivity, locale: str, today: date) -> DealView:
    """Park the other buyers until the last day; Problem step_refused when the road does not allow it."""
    deal, row, facts = await lock_deal(tx, deal_id, None)
    if row["side"] != "seller":
        raise Problem("forbidden")
    await tx.execute(text("UPDATE vault.exclusivity SET ended_on = until_date + 1 WHERE listing_id = :id AND ended_on IS NULL "
                          "AND until_date < :today"), {"id": deal.listing_id, "today": today})
    asked = Exclusivity(str(deal_id), new.from_date, new.until_date, new.granted_in, None)
    if code := "deal_ended" if deal.terminal else exclusivity_obstacle(facts, asked):
        raise Problem("step_refused", Message.of(_OBSTACLES[code]) if code in _OBSTACLES else None, extra={"refusal": code})
    tx.add(ExclusivityRow(listing_id=deal.listing_id, deal_id=deal.id, granted_in=new.granted_in,
                          from_date=new.from_date, until_date=new.until_date))
    deal.version += 1
    await tx.flush()
    await record(tx, "exclusivity.granted", deal_id, granted_in=new.granted_in, until=new.until_date)
    return await find_deal(await driver(tx), deal_id, locale, today)


async def end_exclusivity(tx: AsyncSession, deal_id: UUID, today: date) -> None:
    """Release it early; the others are unparked from today. Problem not_found when there is none."""
    deal, row, _facts = await lock_deal(tx, deal_id, None)
    if row["side"] != "seller":
        raise Problem("forbidden")
    ended = await tx.execute(text("UPDATE vault.exclusivity SET ended_on = greatest(from_date, :today) WHERE deal_id = :id "
                                  "AND ended_on IS NULL RETURNING id"), {"id": deal_id, "today": today})
    if ended.first() is None:
        raise Problem("not_found")
    deal.version += 1
    await record(tx, "exclusivity.ended", deal_id)


# ---------------------------------------------------------------------------------------------------------------------
# The foreign-investment record, in parallel


class AcquisitionPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the hint is computed from; None where not known. The target's industry is taken from the listing."""

    investor: fefta.InvestorFacts
    investor_class: Literal["general", "accredited_sovereign", "state_owned", "specified", "quasi_specified", "sanctioned"]
    scheme: Annotated[str, Meta(max_length=40)]
    indirect: bool
    seller_is_foreign_investor: bool | None
    target_activities: Annotated[list[Annotated[str, Meta(max_length=60, pattern=LINE)]], Meta(max_length=20)] | None
    votes_after_bp: Annotated[int, Meta(ge=0, le=10_000)]
    takes_board_seat: bool
    proposes_business_transfer: bool
    sees_nonpublic_technology: bool


class FilingEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`plan` asks for a new hint; the rest is declared or evidenced by the parties. `confirmed_by`: a named person."""

    plan: AcquisitionPlan | None = None
    declared: fefta.Outcome | None = None
    filed_on: date | None = None
    accepted_on: date | None = None
    shortened_to: date | None = None
    extended_to: date | None = None
    cleared_on: date | None = None
    confirmed_by: Annotated[str, Meta(min_length=1, max_length=200, pattern=NAME)] | None = None
    confirmed_on: date | None = None


_BOUNDS_SHORTEN = _("A shortened waiting period ends between acceptance and the ordinary end.")
_BOUNDS_EXTEND = _("An extended waiting period ends after the ordinary 30 days and at most 5 months after acceptance.")


def _check_dates(entry: FilingEntry, today: date) -> None:
    for name in ("filed_on", "accepted_on", "cleared_on", "confirmed_on"):
        if (day := getattr(entry, name)) is not None and day > today:
            raise field_problem(name, Message.of(_("This day has not come yet.")))
    if (entry.confirmed_by is None) != (entry.confirmed_on is None):
        raise field_problem("confirmed_on", Message.of(_("A confirmation has a name and a date.")))
    if entry.accepted_on and entry.filed_on and entry.accepted_on < entry.filed_on:
        raise field_problem("accepted_on", Message.of(_("Acceptance comes after filing.")))
    for name, message in (("shortened_to", _BOUNDS_SHORTEN), ("extended_to", _BOUNDS_EXTEND)):
        if getattr(entry, name) is None:
            continue
        try:
            fefta.earliest_closing(entry.accepted_on or date.max, **{name: getattr(entry, name)})
        except (ValueError, OverflowError):
            raise field_problem(name, Message.of(message)) from None


async def keep_filing(tx: AsyncSession, deal_id: UUID, entry: FilingEntry, locale: str, today: date) -> DealView:
    """Write the record of the filing; what the program says of it is a hint and nothing more."""
    deal, row, _facts = await lock_deal(tx, deal_id, None)
    if deal.terminal:
        raise Problem("step_refused", extra={"refusal": "deal_ended"})
    _check_dates(entry, today)
    kept = await tx.get(ForeignInvestmentFiling, deal_id)
    if kept is None:
        kept = ForeignInvestmentFiling(deal_id=deal_id, hint={}, version=0)
        tx.add(kept)
    if entry.plan is not None:
        kept.hint = await _hint(tx, deal.listing_id, entry.plan, today)
    for name in ("declared", "filed_on", "accepted_on", "shortened_to", "extended_to", "cleared_on", "confirmed_by", "confirmed_on"):
        setattr(kept, name, getattr(entry, name))
    kept.version += 1
    await tx.flush()
    await record(tx, "filing.kept", deal_id, declared=entry.declared, version=kept.version)
    return await find_deal(await driver(tx), deal_id, locale, today)


async def _hint(tx: AsyncSession, listing_id: UUID, plan: AcquisitionPlan, today: date) -> dict[str, Any]:
    code = await tx.scalar(text("SELECT jsic_code FROM vault.shown_listing_profile WHERE listing_id = :id"), {"id": listing_id})
    facts = msgspec.convert(msgspec.to_builtins(plan) | {"target_jsic": [code] if code else []}, fefta.AcquisitionFacts)
    return msgspec.to_builtins(fefta.hint(facts, today))


# ---------------------------------------------------------------------------------------------------------------------
# Obligations after the closing


class ObligationReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`declared`: somebody says it is done. `evidenced`: a document shows it; its hash or reference in `evidence`."""

    state: Literal["open", "declared", "evidenced"]
    done_on: date | None = None
    evidence: Annotated[dict[str, Annotated[str, Meta(max_length=500, pattern=PROSE)]], Meta(max_length=10)] | None = None
    confirmed_by: Annotated[str, Meta(min_length=1, max_length=200, pattern=NAME)] | None = None


async def report_obligation(tx: AsyncSession, obligation_id: UUID, version: int, report: ObligationReport, today: date) -> ObligationView:
    """Record where one obligation stands; Problem not_found, stale, validation."""
    found = (await tx.execute(select(Obligation).where(Obligation.id == obligation_id).with_for_update())).scalar_one_or_none()
    if found is None:
        raise Problem("not_found")
    if found.version != version:
        raise Problem("stale")
    if report.state != "open" and (report.done_on is None or report.done_on > today):
        raise field_problem("done_on", Message.of(_("Say on which day it was done; not a day to come.")))
    if report.state == "evidenced" and not (report.evidence and report.confirmed_by):
        raise field_problem("evidence", Message.of(_("Evidence needs a document and the name of who confirmed it.")))
    found.state, found.done_on = report.state, report.done_on if report.state != "open" else None
    found.evidence, found.confirmed_by = report.evidence, report.confirmed_by
    found.version += 1
    await tx.flush()
    await record(tx, "obligation.reported", obligation_id, state=report.state)
    return obligation_view(found.model_dump(), today)
