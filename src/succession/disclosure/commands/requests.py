"""How is a request opened, who may move it, and how does it end without telling the buyer more than its end?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.days import day_in_japan
from succession.disclosure import ledger
from succession.disclosure.project_names import draw_project_name
from succession.disclosure.sides import PLAIN_ENDS, outcome_for_buyer
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.outbox import mail, record

NAME_DRAWS_MOST = 20
ASK_AGAIN_AFTER = timedelta(days=90)  # the same after every end the buyer did not choose: the wait tells nothing


class LockedDeal(msgspec.Struct, frozen=True):
    """A deal whose row this transaction has locked. `side` is what the caller is to it; `stage` is as projected."""

    id: UUID
    listing_id: UUID
    intermediary_id: UUID
    buyer_id: UUID
    representative_id: UUID | None
    teaser_ref: UUID
    project_name: str
    purpose: str
    terminal: str | None
    side: str
    stage: str
    parked: bool
    now: Any


_LOCK = text("SELECT id FROM vault.deal WHERE id = :id FOR NO KEY UPDATE")
# A second statement, so that it sees what was committed while the first one waited.
_FACTS = text(
    "SELECT id, listing_id, intermediary_id, buyer_id, representative_id, teaser_ref, project_name, purpose, terminal, "
    "vault.party(id) AS side, vault.projected_stage(id) AS stage, vault.parked(id) AS parked, now() AS now "
    "FROM vault.deal WHERE id = :id")


async def lock_deal(tx: AsyncSession, deal_id: UUID, *sides: str, ended: bool = False) -> LockedDeal:
    """Lock a deal for one of `sides` ('seller', 'buyer', 'representative', 'owner').

    Raises Problem not_found when the caller is no party to it, forbidden for a party of another side,
    request_concluded when it has ended (unless `ended`).
    """
    if (await tx.execute(_LOCK, {"id": deal_id})).first() is None:
        raise Problem("not_found")
    deal = LockedDeal(**(await tx.execute(_FACTS, {"id": deal_id})).one()._mapping)
    tx.info.setdefault("now", deal.now)  # the same in the whole transaction: the ledger need not ask again
    if deal.side not in sides:
        raise Problem("forbidden")
    if deal.terminal is not None and not ended:
        raise Problem("request_concluded")
    return deal


_BEHIND = text("SELECT listing_id, intermediary_id FROM vault.listing_behind(:ref, :buyer)")
# Both ask about this teaser, never about the listing: an answer must not tell that a teaser which has just gone up is one
# that came down before.
_OPEN = text("SELECT 1 FROM vault.deal WHERE listing_id = :listing AND buyer_id = :buyer AND teaser_ref = :ref AND terminal IS NULL")
_RECENT = text("SELECT max(closed_at) FROM vault.deal WHERE listing_id = :listing AND buyer_id = :buyer AND teaser_ref = :ref "
               "AND terminal IS NOT NULL AND NOT terminal = ANY(:plain) AND closed_at > now() - CAST(:wait AS interval)")


async def open_request(tx: AsyncSession, actor: Actor, teaser_ref: UUID, purpose: str, acquirer_id: UUID | None) -> UUID:
    """Open a deal on a teaser, for oneself or for a represented acquirer; returns its id.

    Raises Problem not_found for a teaser this buyer may not see, request_exists, request_too_soon.
    """
    buyer_id, representative_id = _buyer_of(actor, acquirer_id)
    behind = (await tx.execute(_BEHIND, {"ref": teaser_ref, "buyer": buyer_id})).first()
    if behind is None or behind.intermediary_id == actor.organisation_id:
        raise Problem("not_found")
    both = {"listing": behind.listing_id, "buyer": buyer_id, "ref": teaser_ref}
    if (await tx.execute(_OPEN, both)).first():
        raise Problem("request_exists")
    ended_at = (await tx.execute(_RECENT, both | {"plain": sorted(PLAIN_ENDS), "wait": ASK_AGAIN_AFTER})).scalar()
    if ended_at:
        until = day_in_japan(ended_at + ASK_AGAIN_AFTER)
        raise Problem("request_too_soon", Message.of(_("It can be asked again from {day}."), day=until))
    return await open_deal(tx, actor, behind.listing_id, behind.intermediary_id, buyer_id, teaser_ref, purpose,
                           "representation" if representative_id else "direct", representative_id=representative_id)


def _buyer_of(actor: Actor, acquirer_id: UUID | None) -> tuple[UUID, UUID | None]:
    """(buyer, representative): an acquirer asks for itself, an intermediary for an acquirer it names."""
    if actor.kind == "acquirer":
        if acquirer_id not in (None, actor.organisation_id):
            raise Problem("not_found")
        return actor.organisation_id, None
    if acquirer_id is None:
        raise field_problem("acquirer_id", Message.of(_("Name the acquirer you represent.")))
    return acquirer_id, actor.organisation_id


_INSERT = text(
    "INSERT INTO vault.deal (listing_id, intermediary_id, buyer_id, representative_id, teaser_ref, origin, introduction_id, "
    "project_name, purpose, requested_by) VALUES (:listing_id, :intermediary_id, :buyer_id, :representative_id, :teaser_ref, "
    ":origin, :introduction_id, :project_name, :purpose, :requested_by) "
    "ON CONFLICT (project_name) DO NOTHING RETURNING id")


async def open_deal(tx: AsyncSession, actor: Actor, listing_id: UUID, intermediary_id: UUID, buyer_id: UUID,
                    teaser_ref: UUID, purpose: str, origin: str, *, representative_id: UUID | None = None,
                    introduction_id: UUID | None = None) -> UUID:
    """The deal itself, under a name drawn by lot, with ledger entry and letter; also for an accepted introduction."""
    row = {"listing_id": listing_id, "intermediary_id": intermediary_id, "buyer_id": buyer_id,
           "representative_id": representative_id, "teaser_ref": teaser_ref, "origin": origin,
           "introduction_id": introduction_id, "purpose": purpose, "requested_by": actor.member_id}
    for _draw in range(NAME_DRAWS_MOST):
        name = draw_project_name()
        if deal_id := (await tx.execute(_INSERT, row | {"project_name": name})).scalar():
            break
    else:
        raise Problem("unavailable")
    fields = {"buyer_id": buyer_id, "origin": origin, "teaser_ref": teaser_ref, "representative_id": representative_id}
    await ledger.append(tx, listing_id, "request_opened", deal_id, fields, {"purpose": purpose})
    await mail(tx, "request_opened", organisation=intermediary_id, dedupe_key=f"request_opened:{deal_id}", project=name)
    await record(tx, "open_request", deal_id, origin=origin)
    return deal_id


_EVENT = text(
    "INSERT INTO vault.deal_event (deal_id, seq, from_stage, action, to_stage, actor_kind, organisation_id, member_id, "
    "evidence, reason) SELECT :id, 1 + coalesce(max(seq), 0), :from_stage, :action, :terminal, ops.kind(), ops.organisation(), "
    "ops.member(), CAST(:evidence AS jsonb), :reason FROM vault.deal_event WHERE deal_id = :id")
_END = text("UPDATE vault.deal SET terminal = :terminal, terminal_reason = :reason, closed_at = now(), version = version + 1, "
            "furthest = coalesce(furthest, :from_stage) WHERE id = :id AND terminal IS NULL")


async def conclude_deal(tx: AsyncSession, deal: LockedDeal, action: str, terminal: str, reason: str,
                        evidence: dict[str, Any]) -> None:
    """End a locked deal by an action of the road, and tell the buyer politely that it did not succeed, nothing else.

    The road itself is the database's foreign key: an action that does not follow raises step_refused there.
    """
    step = {"id": deal.id, "from_stage": deal.stage, "action": action, "terminal": terminal, "reason": reason}
    await tx.execute(_EVENT, step | {"evidence": msgspec.json.encode(evidence).decode()})
    await tx.execute(_END, step)
    fields = {"outcome": outcome_for_buyer(terminal), "terminal": terminal, "reason": reason}
    await ledger.append(tx, deal.listing_id, "concluded", deal.id, fields)
    await tell_buyer(tx, deal, "request_not_successful")


_REPRESENTS = text("SELECT vault.represents(:representative, :buyer)")


async def tell_buyer(tx: AsyncSession, deal: LockedDeal, template: str, **params: object) -> None:
    """A letter to the buyer, and to who represents it today; it names the project and nothing else."""
    both = {"representative": deal.representative_id, "buyer": deal.buyer_id}
    told = (deal.buyer_id, deal.representative_id) if await tx.scalar(_REPRESENTS, both) else (deal.buyer_id,)
    for organisation in told:
        await mail(tx, template, organisation=organisation, project=deal.project_name, **params)
