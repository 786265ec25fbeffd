"""What is remembered of a buyer that did not keep its word, and how is it heard before anybody else reads it?

The pattern behind it (domain reference 3.3): the target's money is moved, the owner's guarantee is left, the company fails. A
report is evidence with a hash and a reporter. The buyer is told what is held against it, in the operator's words and never by
whom; it has two weeks at least to object; two persons of the operator decide; only then do the buyer, and the persons named
in the notice, stand on the internal list that every intermediary consults. Kept for ten years at least, dismissed or not.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.days import day_in_japan
from succession.disclosure.commands.lists import add_records
from succession.disclosure.lists.records import ListRecord, Refused, make_record
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.outbox import mail, record

Reason = Literal["guarantee_not_released", "collateral_not_released", "consideration_not_paid", "assets_moved", "obligation_not_kept",
                 "confidentiality_breached", "false_statement", "anti_social_forces"]
OBJECTION_DAYS_LEAST, OBJECTION_DAYS_MOST = 14, 90
LIST_CODE = "adverse_events"  # the internal list of what was published

_BUYER = text("SELECT id FROM vault.organisation WHERE id = :buyer AND kind = 'acquirer' AND vault.knows(id)")
_DEAL = text("SELECT EXISTS (SELECT FROM vault.deal WHERE id = :deal AND buyer_id = :buyer AND vault.party(id) = 'seller')")
# No RETURNING: a reporter may read the event only once it is known as its reporter.
_REPORT = text("INSERT INTO vault.buyer_adverse_event (id, buyer_id, reason, occurred_on, evidence_title, evidence_hash) "
               "VALUES (:id, :buyer, :reason, :occurred_on, :title, :hash)")
_REPORTER = text("INSERT INTO vault.adverse_event_reporter (event_id, organisation_id, member_id, deal_id, statement) "
                 "VALUES (:id, :organisation, :member, :deal, :statement)")


async def report_event(tx: AsyncSession, actor: Actor, buyer_id: UUID, deal_id: UUID | None, reason: Reason, occurred_on: date, statement: str,
                       evidence_title: str, evidence_hash: str) -> UUID:
    """Write down what is held against a buyer one has dealt with. Nothing follows from it yet. Problem not_found, validation."""
    if occurred_on > day_in_japan(datetime.now(UTC)):
        raise field_problem("occurred_on", Message.of(_("This day has not come yet.")))
    if (await tx.execute(_BUYER, {"buyer": buyer_id})).first() is None:
        raise Problem("not_found")
    if deal_id is not None and not (await tx.execute(_DEAL, {"deal": deal_id, "buyer": buyer_id})).scalar():
        raise field_problem("deal_id", Message.of(_("This is no deal of yours with this buyer.")))
    event_id = uuid4()
    await tx.execute(_REPORT, {"id": event_id, "buyer": buyer_id, "reason": reason, "occurred_on": occurred_on, "title": evidence_title,
                               "hash": bytes.fromhex(evidence_hash)})
    await tx.execute(_REPORTER, {"id": event_id, "organisation": actor.organisation_id, "member": actor.member_id, "deal": deal_id,
                                 "statement": statement})
    await record(tx, "adverse_event_reported", event_id, reason=reason)
    return event_id


_LOCK = text("SELECT id, buyer_id, notified_at, objection_until, objected_at, decision, proposed_by, confirmed_at, persons, reason, occurred_on "
             "FROM vault.buyer_adverse_event WHERE id = :id FOR UPDATE")


async def _locked(tx: AsyncSession, event_id: UUID) -> Any:
    found = (await tx.execute(_LOCK, {"id": event_id})).first()
    if found is None:
        raise Problem("not_found")
    return found


_NOTIFY = text("UPDATE vault.buyer_adverse_event SET notice = :notice, persons = :persons, notified_by = :member, notified_at = now(), "
               "objection_until = :until WHERE id = :id")


async def notify_buyer(tx: AsyncSession, actor: Actor, event_id: UUID, notice: str, persons: list[str], days: int) -> None:
    """Tell the buyer what is held against it, who would be listed, and until when it may object. Problem step_refused."""
    event = await _locked(tx, event_id)
    if event.notified_at is not None or event.decision is not None:
        raise Problem("step_refused")
    until = day_in_japan(datetime.now(UTC)) + timedelta(days=days)
    await tx.execute(_NOTIFY, {"id": event_id, "notice": notice, "persons": persons, "member": actor.member_id, "until": until})
    await mail(tx, "adverse_event_notified", organisation=event.buyer_id, until_on=until.isoformat(), dedupe_key=f"adverse:{event_id}")
    await record(tx, "adverse_event_notified", event_id)


_OBJECT = text("UPDATE vault.buyer_adverse_event SET objection = :text, objected_by = :member, objected_at = now() WHERE id = :id")
_OPERATORS = text("SELECT organisation_id FROM vault.operators()")


async def object_to(tx: AsyncSession, actor: Actor, event_id: UUID, words: str) -> None:
    """The buyer's answer, once, in time. Problem step_refused afterwards."""
    event = await _locked(tx, event_id)
    if event.objected_at is not None or event.decision is not None or day_in_japan(datetime.now(UTC)) > event.objection_until:
        raise Problem("step_refused")
    await tx.execute(_OBJECT, {"id": event_id, "text": words, "member": actor.member_id})
    for row in await tx.execute(_OPERATORS):
        await mail(tx, "adverse_event_objected", organisation=row.organisation_id, dedupe_key=f"adverse-objected:{event_id}:{row.organisation_id}")
    await record(tx, "adverse_event_objected", event_id)


_DECIDE = text("UPDATE vault.buyer_adverse_event SET decision = :decision, decision_words = :words, proposed_by = :member, proposed_at = now() "
               "WHERE id = :id")


async def decide_event(tx: AsyncSession, actor: Actor, event_id: UUID, decision: Literal["published", "dismissed"], words: str) -> None:
    """What one person proposes; nothing follows before another confirms. To publish, the buyer must have been told, and have
    objected or let its time pass. Problem step_refused."""
    event = await _locked(tx, event_id)
    heard = event.notified_at is not None and (event.objected_at is not None or day_in_japan(datetime.now(UTC)) > event.objection_until)
    if event.confirmed_at is not None or (decision == "published" and not heard):
        raise Problem("step_refused")
    await tx.execute(_DECIDE, {"id": event_id, "decision": decision, "words": words, "member": actor.member_id})
    await record(tx, "adverse_event_proposed", event_id, decision=decision)


_CONFIRM = text("UPDATE vault.buyer_adverse_event SET confirmed_by = :member, confirmed_at = now() WHERE id = :id")
_LIST = text("INSERT INTO vault.screening_list (code, kind, title_ja, title_en, source, terms, licensed_only, created_by) "
             "VALUES (:code, 'internal', '当方が記録した譲受け側の不適切な事案', 'Adverse events of buyers on record here', "
             "'decided by two persons of the operator after the buyer was heard', 'for intermediaries of this platform', false, :member) "
             "ON CONFLICT DO NOTHING")
_NAMES = text("SELECT legal_name, country, array_remove(ARRAY[registry_number, lei, corporate_number], NULL) AS numbers FROM vault.organisation "
              "WHERE id = :buyer")


async def confirm_event(tx: AsyncSession, actor: Actor, event_id: UUID) -> None:
    """A second person decides the same; what is published stands on the internal list from the commit on, and deals under way
    are looked at again. Problem second_confirmation_needed, step_refused."""
    event = await _locked(tx, event_id)
    if event.decision is None or event.confirmed_at is not None:
        raise Problem("step_refused")
    if event.proposed_by == actor.member_id:
        raise Problem("second_confirmation_needed")
    await tx.execute(_CONFIRM, {"id": event_id, "member": actor.member_id})
    if event.decision == "published":
        await tx.execute(_LIST, {"code": LIST_CODE, "member": actor.member_id})
        buyer = (await tx.execute(_NAMES, {"buyer": event.buyer_id})).one()
        await add_records(tx, actor.member_id, LIST_CODE, day_in_japan(datetime.now(UTC)).isoformat(), _records(event_id, event, buyer))
    if event.notified_at is not None:
        await mail(tx, "adverse_event_decided", organisation=event.buyer_id, dedupe_key=f"adverse-decided:{event_id}")
    await record(tx, "adverse_event_confirmed", event_id, decision=event.decision)


def _records(event_id: UUID, event: Any, buyer: Any) -> list[ListRecord]:
    """The buyer, and each person named in the notice: the reason is a code, who reported it is not there."""
    listed_on = day_in_japan(datetime.now(UTC))
    made = [make_record(ref=f"{event_id}", name=buyer.legal_name, kind="organisation", countries=[buyer.country], identifiers=buyer.numbers,
                        reason=event.reason, listed_on=listed_on)]
    for number, person in enumerate(event.persons, start=1):
        try:
            made.append(make_record(ref=f"{event_id}:{number}", name=person, kind="person", reason=event.reason, listed_on=listed_on))
        except Refused as refused:
            raise field_problem("persons", refused.message) from None
    return made
