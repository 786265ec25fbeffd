"""How does an NDA on a party's own paper count as much as ours? Handed in by one person, read and confirmed by another.

The intermediary hands in its paper at any time after the screening, the buyer in answer to an offer (before that it does not know
with whom it would agree). A second person of the intermediary confirms: not the one who handed it in. A firm of one person lets the
buyer hand the paper in. What is kept is the PDF, its hash, and a record of it in both languages, which the schedule binds like ours.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import date
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.database import Databases
from succession.days import add_months, day_in_japan
from succession.disclosure import ledger
from succession.disclosure.commands.nda import REPLACE, may_show_name, parties_of, screened_or_refused, set_document
from succession.disclosure.commands.requests import LockedDeal, lock_deal, tell_buyer
from succession.disclosure.nda_text import Form, OwnPaper, own_paper_text, template_version
from succession.disclosure.uploads import refuse_unsound
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.outbox import mail, record
from succession.store.malware import Verdict
from succession.store.vault import Vault


PAPER_MOST_BYTES = 10 * 1024 * 1024  # db/migrations/0016 says the same


class Paper(msgspec.Struct, frozen=True):
    """What the paper says of itself: its form, term (months from `signed_on`), who signed for the buyer, law and language."""

    form: Form
    term_months: int
    signed_on: date
    signer_name: str
    signer_title: str
    governing_law: str
    prevailing_language: str


_STANDS = ("EXISTS (SELECT FROM vault.nda WHERE deal_id = {deal} AND vault.nda_in_force(id)), "
           "EXISTS (SELECT FROM vault.nda WHERE deal_id = {deal} AND signed_at IS NULL AND ended_at IS NULL)")
_IN_FORCE = text("SELECT " + _STANDS.format(deal=":deal"))
_SIDE = "SELECT vault.party($1), " + _STANDS.format(deal="$1")
_ENTER = text(
    "INSERT INTO vault.nda_paper (deal_id, listing_id, buyer_id, side, form, term_months, governing_law, prevailing_language, signed_on, "
    "signer_name, signer_title, content, content_hash, entered_by) VALUES (:deal_id, :listing_id, :buyer_id, :side, :form, :months, :law, "
    ":language, :signed_on, :signer, :title, :content, :hash, :member) RETURNING id")


async def look_at_paper(databases: Databases, vault: Vault, actor: Actor, deal_id: UUID, content_base64: str) -> tuple[bytes, Verdict]:
    """(the PDF, what the scanner said), before the transaction that enters it: a scanner may take its time.

    Raises Problem not_found, step_refused, validation, document_refused, unavailable.
    """
    async with databases.apart(actor.scope()) as connection:
        side, *stands = await connection.fetchrow(_SIDE, deal_id)
    if side not in ("seller", "buyer"):
        raise Problem("not_found")
    _refuse_unless_open(side, *stands)
    content = _pdf(content_base64)
    return content, await refuse_unsound(vault, content)


async def enter_paper(tx: AsyncSession, databases: Databases, actor: Actor, deal_id: UUID, paper: Paper, content: bytes, scanned: Verdict) -> UUID:
    """Hand in a signed PDF that was looked at; it counts for nothing until confirmed. Returns its id.

    Raises Problem validation, screening_needed, step_refused, held_for_person, conflict while another waits.
    """
    deal = await lock_deal(tx, deal_id, "seller", "buyer")
    in_force, offered = (await tx.execute(_IN_FORCE, {"deal": deal.id})).one()
    _refuse_unless_open(deal.side, in_force, offered)
    _check_days(paper, day_in_japan(deal.now))
    if deal.side == "seller":
        await screened_or_refused(tx, deal)
        await may_show_name(tx, databases, actor, deal)
    digest = hashlib.sha256(content).digest()
    paper_id = (await tx.execute(_ENTER, {
        "deal_id": deal.id, "listing_id": deal.listing_id, "buyer_id": deal.buyer_id, "side": deal.side, "form": paper.form,
        "months": paper.term_months, "law": paper.governing_law, "language": paper.prevailing_language, "signed_on": paper.signed_on,
        "signer": paper.signer_name, "title": paper.signer_title, "content": content, "hash": digest, "member": actor.member_id,
    })).scalar_one()
    await ledger.append(tx, deal.listing_id, "nda_paper_entered", deal.id, {
        "paper_id": paper_id, "form": paper.form, "term_months": paper.term_months, "signed_on": paper.signed_on,
        "malware_check": scanned,
    }, {"content_hash": digest.hex(), "paper_signer": {"name": paper.signer_name, "title": paper.signer_title}})
    await mail(tx, "nda_paper_entered", organisation=deal.intermediary_id, project=deal.project_name)
    await record(tx, "enter_nda_paper", deal.id)
    return paper_id


def _refuse_unless_open(side: str, in_force: bool, offered: bool) -> None:
    if in_force or (side == "buyer" and not offered):
        raise Problem("step_refused")


def _pdf(content_base64: str) -> bytes:
    try:
        content = base64.b64decode(content_base64, validate=True)
    except (binascii.Error, ValueError):
        raise field_problem("content_base64", Message.of(_("This is not base64."))) from None
    if not 1 <= len(content) <= PAPER_MOST_BYTES:
        raise field_problem("content_base64", Message.of(_("A document has at most 10 megabytes, and is not empty.")))
    if not content.startswith(b"%PDF-"):
        raise field_problem("content_base64", Message.of(_("The signed paper is handed in as a PDF.")), ("application/pdf",))
    return content


def _check_days(paper: Paper, today: date) -> None:
    if paper.signed_on > today:
        raise field_problem("signed_on", Message.of(_("This day has not come yet.")))
    if add_months(paper.signed_on, paper.term_months) <= today:
        raise field_problem("term_months", Message.of(_("By these figures the paper has run out already.")))


_WAITING = text(
    "SELECT id, side, form, term_months, governing_law, prevailing_language, signed_on, signer_name, signer_title, content_hash, entered_by "
    "FROM vault.nda_paper WHERE deal_id = :deal AND decision IS NULL FOR UPDATE")
_DECIDE = text("UPDATE vault.nda_paper SET decision = :decision, decided_by = :member, decided_at = now() WHERE id = :id")
_RECORD = text(
    "INSERT INTO vault.nda (deal_id, listing_id, buyer_id, screening_id, form, template_version, text_ja, text_en, text_hash, term_months, "
    "governing_law, forum, prevailing_language, paper_id, signer_name, signer_title, offered_by) VALUES (:deal_id, :listing_id, :buyer_id, "
    ":screening_id, :form, :version, :ja, :en, :hash, :months, :law, 'as_stated', :language, :paper, :signer, :title, :member) RETURNING id")


async def decide_paper(tx: AsyncSession, databases: Databases, actor: Actor, deal_id: UUID, decision: Literal["confirmed", "refused"],
                       content_hash: str) -> None:
    """Confirm what one has read (its hash says which), or refuse it; who handed it in may only take it back.

    Raises Problem step_refused, nda_text_changed, second_confirmation_needed, forbidden, screening_needed, held_for_person.
    """
    deal = await lock_deal(tx, deal_id, "seller", "buyer")
    paper = (await tx.execute(_WAITING, {"deal": deal.id})).first()
    if paper is None:
        raise Problem("step_refused")
    if bytes(paper.content_hash).hex() != content_hash:
        raise Problem("nda_text_changed")
    if decision == "confirmed" and deal.side != "seller":
        raise Problem("forbidden")
    if decision == "confirmed" and paper.entered_by == actor.member_id:
        raise Problem("second_confirmation_needed")
    await tx.execute(_DECIDE, {"id": paper.id, "decision": decision, "member": actor.member_id})
    nda_id = None
    if decision == "confirmed":
        nda_id = await _record(tx, databases, actor, deal, paper)
    await ledger.append(tx, deal.listing_id, "nda_paper_decided", deal.id, {"paper_id": paper.id, "nda_id": nda_id, "decision": decision})
    await tell_buyer(tx, deal, "nda_countersigned" if nda_id else "nda_paper_refused")
    await record(tx, "decide_nda_paper", deal.id, decision=decision)


async def _record(tx: AsyncSession, databases: Databases, actor: Actor, deal: LockedDeal, paper: Any) -> UUID:
    screening_id = await screened_or_refused(tx, deal)
    await may_show_name(tx, databases, actor, deal)
    parties = await parties_of(tx, deal.intermediary_id, deal.buyer_id, deal.project_name)
    shown = own_paper_text(parties, OwnPaper(
        bytes(paper.content_hash).hex(), paper.signer_name, paper.signer_title, paper.signed_on, paper.term_months, paper.governing_law,
        paper.prevailing_language))
    await tx.execute(REPLACE, {"deal": deal.id})
    nda_id = (await tx.execute(_RECORD, {
        "deal_id": deal.id, "listing_id": deal.listing_id, "buyer_id": deal.buyer_id, "screening_id": screening_id, "form": paper.form,
        "version": template_version(), "ja": shown.ja, "en": shown.en, "hash": shown.hash, "months": paper.term_months,
        "law": paper.governing_law, "language": paper.prevailing_language, "paper": paper.id, "signer": paper.signer_name,
        "title": paper.signer_title, "member": actor.member_id,
    })).scalar_one()
    await set_document(tx, nda_id)
    return nda_id
