"""May this buyer learn the company's name? The adviser asks, only the owner's side answers, and each can take a yes back.

SME M&A Guidelines 3rd ed., G1: consent for each candidate, after the NDA, used once. Every person who decides for the company
is asked and answers alone; the database freezes the list with the question and adds the answers up. `answer_name_clear` runs
in the owner's own scope, which a single-use link or a confirmed paper opens; no member of any organisation has a permission
for it. Who said no, or took a yes back, stands in that person's answer and nowhere else.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

import msgspec
from msgspec import Meta
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.characters import PROSE
from succession.days import day_in_japan
from succession.disclosure import ledger
from succession.disclosure.commands.requests import LockedDeal, conclude_deal, lock_deal, tell_buyer
from succession.disclosure.commands.screening import end_of_day
from succession.disclosure.personal_data import standing
from succession.disclosure.question_text import (
    Abroad,
    OwnerOfBuyer,
    PriorDeals,
    Shown,
    Told,
    fields_opened,
    name_clear_text,
    text_hash,
)
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.listings.deciders import answer_hash, send_question_links
from succession.listings.owner import Answer, end_owner_links
from succession.listings.papers import PERSONAL_DATA
from succession.outbox import mail, record

ANSWER_WITHIN_DAYS = 60  # to answer, and to release on a yes: a consent not used by then is no consent


class CountryInformation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the adviser tells of the protection of personal data in the buyer's country where the operator keeps no note of it."""

    system_ja: Annotated[str, Meta(min_length=1, max_length=2000, pattern=PROSE)]
    source: Annotated[str, Meta(min_length=1, max_length=500, pattern=PROSE)]
    as_of: date


_CAUSES = text(
    "SELECT n.id AS nda_id, n.signed_at, s.id AS screening_id, s.words_for_owner FROM vault.nda n, vault.screening s "
    "WHERE n.deal_id = :deal AND vault.nda_in_force(n.id) AND s.id = vault.screened(:deal)")
# A question nobody answered in time, one put to others than decide today, a consent that has lapsed, or one whose release has
# ended, makes room for the next.
_SUPERSEDE = text(
    "UPDATE vault.name_clear c SET revoked_at = now() WHERE c.deal_id = :deal AND c.revoked_at IS NULL "
    "AND c.decision IS DISTINCT FROM 'no' AND NOT EXISTS (SELECT FROM vault.disclosure_grant g "
    "WHERE g.name_clear_id = c.id AND vault.grant_holds(g.id)) AND (c.expires_at <= now() OR EXISTS ("
    "SELECT FROM vault.disclosure_grant g WHERE g.name_clear_id = c.id) "
    "OR (c.decision IS DISTINCT FROM 'yes' AND vault.persons_changed(c.id)))")
_INSERT = text(
    "INSERT INTO vault.name_clear (deal_id, listing_id, buyer_id, nda_id, screening_id, shown, shown_text_ja, shown_hash, "
    "asked_by, expires_at) VALUES (:deal_id, :listing_id, :buyer_id, :nda_id, :screening_id, CAST(:shown AS jsonb), :text, "
    ":hash, :member, :expires_at) RETURNING id")
# The listing first, as the owner's answer locks it: the persons counted in the text are those the question is put to.
_LOCK_LISTING = text("SELECT l.id FROM vault.listing l JOIN vault.deal d ON d.listing_id = l.id WHERE d.id = :deal FOR NO KEY UPDATE OF l")


async def ask_name_clear(tx: AsyncSession, actor: Actor, deal_id: UUID, told: CountryInformation | None = None) -> UUID:
    """Write down exactly what is asked, of everybody who decides; returns the question's id. Sending it is the next step.

    Raises Problem screening_needed, nda_needed, parked, deciders_missing, conflict while a question or an unused consent is open.
    """
    await tx.execute(_LOCK_LISTING, {"deal": deal_id})
    deal = await lock_deal(tx, deal_id, "seller")
    if deal.parked:
        raise Problem("parked")
    causes = (await tx.execute(_CAUSES, {"deal": deal.id})).first()
    if causes is None:
        screened = (await tx.execute(text("SELECT vault.screened(:deal)"), {"deal": deal.id})).scalar()
        raise Problem("nda_needed" if screened else "screening_needed")
    await tx.execute(_SUPERSEDE, {"deal": deal.id})
    last_day = day_in_japan(deal.now + timedelta(days=ANSWER_WITHIN_DAYS))
    shown = await _build(tx, actor, deal, causes, last_day, told)
    words = name_clear_text(shown)
    question_id = (await tx.execute(_INSERT, {
        "deal_id": deal.id, "listing_id": deal.listing_id, "buyer_id": deal.buyer_id, "nda_id": causes.nda_id,
        "screening_id": causes.screening_id, "shown": msgspec.json.encode(shown).decode(), "text": words,
        "hash": text_hash(words), "member": actor.member_id, "expires_at": end_of_day(last_day),
    })).scalar_one()
    await ledger.append(tx, deal.listing_id, "name_clear_asked", deal.id, {
        "name_clear_id": question_id, "nda_id": causes.nda_id, "screening_id": causes.screening_id, "persons": shown.persons,
    }, {"shown_hash": text_hash(words).hex()})
    await record(tx, "ask_name_clear", deal.id, persons=shown.persons)
    return question_id


_BUYER = text("SELECT legal_name, country, ultimate_parent, ultimate_parent_country, business, website "
              "FROM vault.organisation WHERE id = :buyer")
_OWNERS = text("SELECT name, country, trim_scale(share_percent)::text AS share_percent FROM vault.beneficial_owner "
               "WHERE organisation_id = :buyer ORDER BY beneficial_owner.share_percent DESC, name")
_PRIOR = text("SELECT count(*) AS requests, count(*) FILTER (WHERE terminal = 'completed') AS completed FROM vault.deal "
              "WHERE intermediary_id = :adviser AND buyer_id = :buyer AND id <> :deal")
_ADVISER = text("SELECT legal_name FROM vault.organisation WHERE id = :adviser")
_DECIDING = text("SELECT count(*) FROM vault.owner_contact WHERE listing_id = :listing AND decides AND removed_at IS NULL")
_NOTE = text("SELECT system_ja, source, as_of FROM vault.appi_country_note WHERE country = :country ORDER BY stated_at DESC, id LIMIT 1")
_MEASURES = text("SELECT measures, declared_at FROM vault.appi_measures WHERE organisation_id = :buyer ORDER BY declared_at DESC, id LIMIT 1")


async def _build(tx: AsyncSession, actor: Actor, deal: LockedDeal, causes: Any, last_day: date,
                 told: CountryInformation | None) -> Shown:
    keys = {"buyer": deal.buyer_id, "adviser": deal.intermediary_id, "deal": deal.id}
    buyer = (await tx.execute(_BUYER, keys)).one()
    owners = [OwnerOfBuyer(**row._mapping) for row in await tx.execute(_OWNERS, keys)]
    prior = PriorDeals(**(await tx.execute(_PRIOR, keys)).one()._mapping)
    adviser = (await tx.execute(_ADVISER, keys)).scalar_one()
    return Shown(
        **buyer._mapping, beneficial_owners=owners, purpose=deal.purpose, adviser=adviser,
        screening_words=causes.words_for_owner, prior_deals=prior, nda_signed_on=day_in_japan(causes.signed_at),
        expires_on=last_day, fields=fields_opened(), abroad=await _abroad(tx, deal, buyer.country, adviser, told),
        persons=(await tx.execute(_DECIDING, {"listing": deal.listing_id})).scalar_one())


async def _abroad(tx: AsyncSession, deal: LockedDeal, country: str, adviser: str, told: CountryInformation | None) -> Abroad:
    """What can be said of the buyer's country and of the buyer: the operator's note, else the adviser's word, else nothing."""
    where = standing(country)
    if told is not None and told.as_of > day_in_japan(deal.now):
        raise field_problem("country_information.as_of", Message.of(_("This day is still to come.")))
    if where != "elsewhere":
        return Abroad(where)
    note = (await tx.execute(_NOTE, {"country": country})).first()
    measures = (await tx.execute(_MEASURES, {"buyer": deal.buyer_id})).first()
    if note is not None:
        system = Told(note.system_ja, "このサービスの運営者", note.as_of, note.source)
    else:
        system = Told(told.system_ja, adviser, told.as_of, told.source) if told else None
    declared = measures and Told(measures.measures, "", day_in_japan(measures.declared_at))
    return Abroad(where, system, declared or None)


_OPEN = text("SELECT id, decision FROM vault.name_clear WHERE deal_id = :deal AND revoked_at IS NULL AND decision IS DISTINCT FROM 'no' "
             "AND (decision = 'yes' OR expires_at > now())")


async def send_question(tx: AsyncSession, deal_id: UUID, public_url: str) -> None:
    """Send everybody who has not answered yet a fresh link; once all have, everybody one to take a yes back.

    Raises Problem step_refused without an open question, owner_unreachable when none of them has a mail address.
    """
    deal = await lock_deal(tx, deal_id, "seller")
    question = (await tx.execute(_OPEN, {"deal": deal.id})).first()
    if question is None:
        raise Problem("step_refused")
    if not await send_question_links(tx, deal.listing_id, "name_clear", question.id, deal.now, public_url):
        raise Problem("owner_unreachable")
    await record(tx, "send_name_clear_link", deal.id)


# ---------------------------------------------------------------------------------------------------------------------
# The owner's answer

_QUESTION = text("SELECT id, deal_id, decision, revoked_at, expires_at <= now() AS closed, encode(shown_hash, 'hex') AS shown "
                 "FROM vault.name_clear WHERE id = :id")
_PERSON = text("SELECT p.number, p.name, p.representative, EXISTS (SELECT FROM vault.name_clear_answer a WHERE a.name_clear_id = p.name_clear_id "
               "AND a.number = p.number AND a.decision = 'yes') AS agreed FROM vault.name_clear_person p "
               "WHERE p.name_clear_id = :id AND p.owner_contact_id = :contact")
_ANSWER = text(
    "INSERT INTO vault.name_clear_answer (id, name_clear_id, number, deal_id, listing_id, decision, personal_data, answered_by, method, "
    "owner_link_id, code_id, paper_evidence_id, shown_hash, evidence) VALUES (:id, :question, :number, :deal, :listing, :decision, "
    ":personal_data, :by, :method, :link, :code, :paper, decode(:shown, 'hex'), CAST(:evidence AS jsonb))")


async def answer_name_clear(tx: AsyncSession, name_clear_id: UUID, answer: Answer) -> str | None:
    """One person's answer; returns what the answers come to now: 'yes' once everybody agreed, 'no', 'ask_adviser' or None.

    A no ends the deal and tells the buyer nothing but that; ask_adviser leaves the question open and tells the adviser; a yes
    taken back ends the whole consent. Raises Problem question_closed.
    """
    question = (await tx.execute(_QUESTION, {"id": name_clear_id})).first()
    if question is None:
        raise Problem("not_found")
    deal = await lock_deal(tx, question.deal_id, "owner", ended=True)
    question = (await tx.execute(_QUESTION, {"id": name_clear_id})).one()  # again, now that nobody else can answer
    person = (await tx.execute(_PERSON, {"id": name_clear_id, "contact": answer.contact_id})).first()
    if person is None or question.revoked_at or question.decision == "no" or deal.terminal is not None:
        raise Problem("question_closed")
    if person.agreed != (answer.decision == "withdrawn") or (question.closed and answer.decision != "withdrawn"):
        raise Problem("question_closed")
    await _keep(tx, deal, question, person, answer)
    verdict = (await tx.execute(_QUESTION, {"id": name_clear_id})).one().decision
    if answer.decision == "withdrawn":
        await _end_consent(tx, deal, name_clear_id)
    if answer.decision in ("no", "withdrawn"):
        await end_owner_links(tx, deal.listing_id, "name_clear", deal.now, name_clear_id)
    await mail(tx, "owner_answered", organisation=deal.intermediary_id, project=deal.project_name)
    if verdict == "no":
        await _refuse(tx, deal)
    return verdict


async def _keep(tx: AsyncSession, deal: LockedDeal, question: Any, person: Any, answer: Answer) -> None:
    """The answer as evidence, and its entry: the ledger commits to the answer, so that its entry never tells who it was."""
    answer_id, evidence = uuid4(), msgspec.json.encode(answer.evidence, order="sorted").decode()
    row = {
        "id": answer_id, "question": question.id, "number": person.number, "deal": deal.id, "listing": deal.listing_id,
        "decision": answer.decision, "personal_data": answer.decision == "yes" and PERSONAL_DATA in answer.boxes,
        "by": answer.signer, "method": answer.method, "link": answer.link_id, "code": answer.code_id,
        "paper": answer.paper_evidence_id, "shown": question.shown, "evidence": evidence,
    }
    await tx.execute(_ANSWER, row)
    row["evidence"] = msgspec.json.decode(evidence)
    kind = "name_clear_revoked" if answer.decision == "withdrawn" else "name_clear_decided"
    fields = {"name_clear_id": question.id, "method": answer.method, "answer_id": answer_id}
    if answer.decision != "withdrawn":
        fields["decision"] = answer.decision
    await ledger.append(tx, deal.listing_id, kind, deal.id, fields, {"answer_hash": answer_hash(row)})
    await record(tx, "answer_name_clear", deal.id, method=answer.method)


async def _refuse(tx: AsyncSession, deal: LockedDeal) -> None:
    # The road lets the owner refuse a name before it was ever cleared; after an earlier yes it is a withdrawal.
    if deal.stage == "nda_signed":
        await conclude_deal(tx, deal, "refuse_name_clear", "name_clear_refused", "owner_refused_buyer", {})
    else:
        await conclude_deal(tx, deal, "withdraw_seller", "seller_withdrew", "owner_withdrew", {})


_GRANTS = text("UPDATE vault.disclosure_grant SET revoked_at = now(), revoked_by = :by, revoke_reason = 'consent_revoked' "
               "WHERE name_clear_id = :id AND revoked_at IS NULL RETURNING id")


async def _end_consent(tx: AsyncSession, deal: LockedDeal, name_clear_id: UUID) -> None:
    """Nothing more is read from the commit on. The deal stays; the adviser talks to both."""
    ended = [row.id for row in await tx.execute(_GRANTS, {"id": name_clear_id, "by": "owner"})]
    for grant_id in sorted(ended):
        await ledger.append(tx, deal.listing_id, "revoked", deal.id, {"grant_id": grant_id, "reason": "consent_revoked"})
    if ended:
        await tell_buyer(tx, deal, "access_ended")
