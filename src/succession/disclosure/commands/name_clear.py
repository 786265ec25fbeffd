"""May this buyer learn the company's name? The adviser asks, only the owner answers, and the owner can take it back.

SME M&A Guidelines 3rd ed., G1: consent for each candidate, after the NDA, used once. `answer_name_clear` and
`revoke_name_clear` run in the
owner's own scope, which a single-use link or a confirmed paper opens; no member of any organisation has a permission
for them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.days import day_in_japan
from succession.disclosure import ledger
from succession.disclosure.commands.requests import LockedDeal, conclude_deal, lock_deal, tell_buyer
from succession.disclosure.commands.screening import end_of_day
from succession.disclosure.owner_words import OwnerOfBuyer, PriorDeals, Shown, fields_opened, name_clear_text, text_hash
from succession.errors import Problem
from succession.listings.owner import send_owner_links
from succession.outbox import mail, record

ANSWER_WITHIN_DAYS = 60  # to answer, and to release on a yes: a consent not used by then is no consent
Answer = Literal["yes", "no", "ask_adviser"]

_CAUSES = text(
    "SELECT n.id AS nda_id, n.signed_at, s.id AS screening_id, s.words_for_owner FROM vault.nda n, vault.screening s "
    "WHERE n.deal_id = :deal AND n.signed_at IS NOT NULL AND n.ended_at IS NULL AND n.expires_at > now() "
    "AND s.id = vault.screened(:deal)")
# A question nobody answered in time, a consent that has lapsed, or one whose release has ended, makes room for the next.
_SUPERSEDE = text(
    "UPDATE vault.name_clear c SET revoked_at = now() WHERE c.deal_id = :deal AND c.revoked_at IS NULL "
    "AND c.decision IS DISTINCT FROM 'no' AND NOT EXISTS (SELECT FROM vault.disclosure_grant g "
    "WHERE g.name_clear_id = c.id AND vault.grant_holds(g.id)) AND (c.expires_at <= now() OR EXISTS ("
    "SELECT FROM vault.disclosure_grant g WHERE g.name_clear_id = c.id))")
_INSERT = text(
    "INSERT INTO vault.name_clear (deal_id, listing_id, buyer_id, nda_id, screening_id, shown, shown_text_ja, shown_hash, "
    "asked_by, expires_at) VALUES (:deal_id, :listing_id, :buyer_id, :nda_id, :screening_id, CAST(:shown AS jsonb), :text, "
    ":hash, :member, :expires_at) RETURNING id")


async def ask_name_clear(tx: AsyncSession, actor: Actor, deal_id: UUID) -> UUID:
    """Write down exactly what the owner is asked; returns the question's id. Sending it is the caller's next step.

    Raises Problem screening_needed, nda_needed, parked, conflict while a question or an unused consent is open.
    """
    deal = await lock_deal(tx, deal_id, "seller")
    if deal.parked:
        raise Problem("parked")
    causes = (await tx.execute(_CAUSES, {"deal": deal.id})).first()
    if causes is None:
        screened = (await tx.execute(text("SELECT vault.screened(:deal)"), {"deal": deal.id})).scalar()
        raise Problem("nda_needed" if screened else "screening_needed")
    await tx.execute(_SUPERSEDE, {"deal": deal.id})
    last_day = day_in_japan(deal.now + timedelta(days=ANSWER_WITHIN_DAYS))
    shown = await _build(tx, deal, causes, last_day)
    words = name_clear_text(shown)
    question_id = (await tx.execute(_INSERT, {
        "deal_id": deal.id, "listing_id": deal.listing_id, "buyer_id": deal.buyer_id, "nda_id": causes.nda_id,
        "screening_id": causes.screening_id, "shown": msgspec.json.encode(shown).decode(), "text": words,
        "hash": text_hash(words), "member": actor.member_id, "expires_at": end_of_day(last_day),
    })).scalar_one()
    await ledger.append(tx, deal.listing_id, "name_clear_asked", deal.id, {
        "name_clear_id": question_id, "nda_id": causes.nda_id, "screening_id": causes.screening_id,
    }, {"shown_hash": text_hash(words).hex()})
    await record(tx, "ask_name_clear", deal.id)
    return question_id


_BUYER = text("SELECT legal_name, country, ultimate_parent, ultimate_parent_country, business, website "
              "FROM vault.organisation WHERE id = :buyer")
_OWNERS = text("SELECT name, country, trim_scale(share_percent)::text AS share_percent FROM vault.beneficial_owner "
               "WHERE organisation_id = :buyer ORDER BY beneficial_owner.share_percent DESC, name")
_PRIOR = text("SELECT count(*) AS requests, count(*) FILTER (WHERE terminal = 'completed') AS completed FROM vault.deal "
              "WHERE intermediary_id = :adviser AND buyer_id = :buyer AND id <> :deal")
_ADVISER = text("SELECT legal_name FROM vault.organisation WHERE id = :adviser")


async def _build(tx: AsyncSession, deal: LockedDeal, causes: Any, last_day: Any) -> Shown:
    keys = {"buyer": deal.buyer_id, "adviser": deal.intermediary_id, "deal": deal.id}
    buyer = (await tx.execute(_BUYER, keys)).one()
    owners = [OwnerOfBuyer(**row._mapping) for row in await tx.execute(_OWNERS, keys)]
    prior = PriorDeals(**(await tx.execute(_PRIOR, keys)).one()._mapping)
    return Shown(
        **buyer._mapping, beneficial_owners=owners, purpose=deal.purpose,
        adviser=(await tx.execute(_ADVISER, keys)).scalar_one(), screening_words=causes.words_for_owner, prior_deals=prior,
        nda_signed_on=day_in_japan(causes.signed_at), expires_on=last_day, fields=fields_opened())


_OPEN = text("SELECT id FROM vault.name_clear WHERE deal_id = :deal AND revoked_at IS NULL AND decision IS DISTINCT FROM 'no' "
             "AND (decision = 'yes' OR expires_at > now())")


async def send_question(tx: AsyncSession, deal_id: UUID, public_url: str) -> None:
    """Send the owner's representatives a fresh link to the open question, to answer it or to take a yes back.

    Raises Problem step_refused without one, owner_unreachable when nobody has a mail address: then by paper.
    """
    deal = await lock_deal(tx, deal_id, "seller")
    question_id = (await tx.execute(_OPEN, {"deal": deal.id})).scalar()
    if question_id is None:
        raise Problem("step_refused")
    if not await send_owner_links(tx, deal.listing_id, "name_clear", question_id, deal.now, public_url):
        raise Problem("owner_unreachable")
    await record(tx, "send_name_clear_link", deal.id)


# ---------------------------------------------------------------------------------------------------------------------
# The owner's answer

_QUESTION = text("SELECT id, deal_id, decision, revoked_at, expires_at <= now() AS closed FROM vault.name_clear WHERE id = :id")
_ANSWER = text(
    "UPDATE vault.name_clear SET decision = :decision, decided_at = now(), decided_by = :by, method = :method, "
    "paper_evidence_id = :paper, evidence = CAST(:evidence AS jsonb) WHERE id = :id")


async def _lock_question(tx: AsyncSession, name_clear_id: UUID) -> tuple[LockedDeal, Any]:
    question = (await tx.execute(_QUESTION, {"id": name_clear_id})).first()
    if question is None:
        raise Problem("not_found")
    deal = await lock_deal(tx, question.deal_id, "owner", ended=True)
    return deal, (await tx.execute(_QUESTION, {"id": name_clear_id})).one()  # again, now that nobody else can answer


async def answer_name_clear(tx: AsyncSession, name_clear_id: UUID, decision: Answer, decided_by: str, method: str,
                            evidence: dict[str, Any], paper_evidence_id: UUID | None = None) -> None:
    """The owner's answer to one question. A no ends the deal and tells the buyer nothing but that; ask_adviser leaves the
    question open and tells the adviser. Raises Problem question_closed."""
    deal, question = await _lock_question(tx, name_clear_id)
    if question.closed or question.revoked_at or question.decision in ("yes", "no") or deal.terminal is not None:
        raise Problem("question_closed")
    await tx.execute(_ANSWER, {"id": name_clear_id, "decision": decision, "by": decided_by, "method": method,
                               "paper": paper_evidence_id, "evidence": msgspec.json.encode(evidence).decode()})
    await ledger.append(tx, deal.listing_id, "name_clear_decided", deal.id, {
        "name_clear_id": name_clear_id, "decision": decision, "method": method, "paper_evidence_id": paper_evidence_id,
    }, {"decided_by": decided_by, "evidence": evidence})
    await mail(tx, "owner_answered", organisation=deal.intermediary_id, project=deal.project_name)
    await record(tx, "answer_name_clear", deal.id, method=method)
    if decision == "no":
        await _refuse(tx, deal)


async def _refuse(tx: AsyncSession, deal: LockedDeal) -> None:
    # The road lets the owner refuse a name before it was ever cleared; after an earlier yes it is a withdrawal.
    if deal.stage == "nda_signed":
        await conclude_deal(tx, deal, "refuse_name_clear", "name_clear_refused", "owner_refused_buyer", {})
    else:
        await conclude_deal(tx, deal, "withdraw_seller", "seller_withdrew", "owner_withdrew", {})


_TAKE_BACK = text("UPDATE vault.name_clear SET revoked_at = now() WHERE id = :id AND revoked_at IS NULL")
_GRANTS = text("UPDATE vault.disclosure_grant SET revoked_at = now(), revoked_by = :by, revoke_reason = 'consent_revoked' "
               "WHERE name_clear_id = :id AND revoked_at IS NULL RETURNING id")


async def revoke_name_clear(tx: AsyncSession, name_clear_id: UUID, decided_by: str, method: str,
                            evidence: dict[str, Any]) -> None:
    """The owner takes a yes back: nothing more is read from the commit on. The deal stays; the adviser talks to both.

    Raises Problem question_closed when there is no yes to take back.
    """
    deal, question = await _lock_question(tx, name_clear_id)
    if question.decision != "yes" or question.revoked_at:
        raise Problem("question_closed")
    await tx.execute(_TAKE_BACK, {"id": name_clear_id})
    await ledger.append(tx, deal.listing_id, "name_clear_revoked", deal.id, {"name_clear_id": name_clear_id, "method": method},
                        {"decided_by": decided_by, "evidence": evidence})
    ended = [row.id for row in await tx.execute(_GRANTS, {"id": name_clear_id, "by": "owner"})]
    for grant_id in sorted(ended):
        await ledger.append(tx, deal.listing_id, "revoked", deal.id, {"grant_id": grant_id, "reason": "consent_revoked"})
    await mail(tx, "owner_answered", organisation=deal.intermediary_id, project=deal.project_name)
    if ended:
        await tell_buyer(tx, deal, "access_ended")
    await record(tx, "revoke_name_clear", deal.id, method=method)
