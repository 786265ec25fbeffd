"""How does an NDA come into force, and how does it end?

Offered by the intermediary under the project name, signed by a member of the buyer against the hash of exactly the text that was
shown and with the code that went to that member's mailbox; a two-party form is in force when the intermediary has countersigned
in the same way. Ended by the intermediary: reading stops at once, the buyer's duties go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession import one_time_code
from succession.actor import Actor
from succession.config import Settings
from succession.database import Databases, driver
from succession.days import day_in_japan
from succession.disclosure import ledger
from succession.disclosure.commands.nda_members import name_members
from succession.disclosure.commands.requests import LockedDeal, lock_deal, tell_buyer
from succession.disclosure.nda_queries import Act, OpenNda, act_open, open_nda
from succession.disclosure.nda_text import COURTS, Parties, Terms, nda_text, template_version
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.market.holds import Release, may_name
from succession.outbox import enqueue, mail, record

Authority = Literal["legal_representative", "authorised_in_writing"]

_PARTIES = text("SELECT s.legal_name AS discloser, b.legal_name AS recipient, b.country FROM vault.organisation s, "
                "vault.organisation b WHERE s.id = :intermediary AND b.id = :buyer")
_SCREENED = text("SELECT CASE WHEN vault.may_step(:deal) THEN vault.screened(:deal) END")  # a fresh one
_INSERT = text(
    "INSERT INTO vault.nda (deal_id, listing_id, buyer_id, screening_id, form, template_version, text_ja, text_en, text_hash, "
    "term_months, governing_law, forum, prevailing_language, recipients, offered_by) VALUES (:deal_id, :listing_id, :buyer_id, "
    ":screening_id, :form, :version, :ja, :en, :hash, :months, :law, :forum, :language, :recipients, :member) RETURNING id")
# An offer nobody signed, or one that has run out, makes room for the next; one in force does not.
REPLACE = text("UPDATE vault.nda SET ended_at = now() WHERE deal_id = :deal AND ended_at IS NULL "
               "AND (in_force_at IS NULL OR expires_at <= now())")


class Given(msgspec.Struct, frozen=True):
    """What somebody states who signs. `text_hash`: sha256 (hex) of what was read; `code`: what the mail said."""

    text_hash: str
    name: str
    title: str
    authority: Authority
    code: str
    locale_shown: str


async def parties_of(tx: AsyncSession, intermediary_id: UUID, buyer_id: UUID, project: str) -> Parties:
    """The names that stand in the papers of a deal."""
    row = (await tx.execute(_PARTIES, {"intermediary": intermediary_id, "buyer": buyer_id})).one()
    return Parties(project, _line(row.discloser), _line(row.recipient), row.country)


def _line(name: str) -> str:
    return " ".join(name.split())


async def offer_nda(tx: AsyncSession, databases: Databases, actor: Actor, deal_id: UUID, terms: Terms) -> UUID:
    """Put the text before the buyer; an unsigned offer is replaced. It names the intermediary, which may narrow the place.

    Raises Problem validation, screening_needed, held_for_person, conflict.
    """
    if field := terms.fault():
        raise field_problem(field, Message.of(_FAULTS[field]), COURTS if field == "forum" else ())
    deal = await lock_deal(tx, deal_id, "seller")
    screening_id = await screened_or_refused(tx, deal)
    await may_show_name(tx, databases, actor, deal)
    parties = await parties_of(tx, deal.intermediary_id, deal.buyer_id, deal.project_name)
    shown = nda_text(terms, parties, day_in_japan(deal.now))
    await tx.execute(REPLACE, {"deal": deal.id})
    nda_id = (await tx.execute(_INSERT, {
        "deal_id": deal.id, "listing_id": deal.listing_id, "buyer_id": deal.buyer_id, "screening_id": screening_id,
        "form": terms.form, "version": template_version(), "ja": shown.ja, "en": shown.en, "hash": shown.hash,
        "months": terms.term_months, "law": terms.governing_law, "forum": terms.forum, "language": terms.prevailing_language,
        "recipients": list(terms.recipients), "member": actor.member_id,
    })).scalar_one()
    await ledger.append(tx, deal.listing_id, "nda_offered", deal.id, {
        "nda_id": nda_id, "template_version": template_version(), "form": terms.form, "term_months": terms.term_months,
        "governing_law": terms.governing_law, "forum": terms.forum, "prevailing_language": terms.prevailing_language,
        "recipients": list(terms.recipients),
    }, {"text_hash": shown.hash.hex()})
    await tell_buyer(tx, deal, "nda_offered")
    await record(tx, "offer_nda", deal.id)
    return nda_id


_FAULTS = {
    "term_months": _("The term is 6 to 60 months."),
    "forum": _("A Japanese court is chosen together with Japanese law. Choose arbitration for another law."),
    "recipients": _("The recipient's own staff always belongs to them, and each group is named once."),
}


async def screened_or_refused(tx: AsyncSession, deal: LockedDeal) -> UUID:
    """The current screening an NDA rests on; Problem screening_needed without one."""
    screening_id = (await tx.execute(_SCREENED, {"deal": deal.id})).scalar()
    if screening_id is None:
        raise Problem("screening_needed")
    return screening_id


async def may_show_name(tx: AsyncSession, databases: Databases, actor: Actor, deal: LockedDeal) -> None:
    """Any NDA names the intermediary. Raises Problem held_for_person."""
    also = [deal.representative_id] if deal.representative_id else []
    await may_name(tx, databases, actor, Release("nda", deal.listing_id, deal.teaser_ref, deal.buyer_id), also)


# ---------------------------------------------------------------------------------------------------------------------
# Codes and signatures

async def send_code(tx: AsyncSession, settings: Settings, actor: Actor, deal_id: UUID) -> tuple[Act, str]:
    """Mail the caller a code for what it can sign now; returns (act, where it went). Raises Problem step_refused, rate_limited."""
    deal = await lock_deal(tx, deal_id, "buyer", "seller")
    nda = await open_nda(await driver(tx), deal.id)
    act = act_open(nda)
    if act is None:
        raise Problem("step_refused")
    code = await one_time_code.issue(tx, settings, f"nda_{act}", nda.id, f"member:{actor.member_id}")
    await mail(tx, "nda_code", member=actor.member_id, project=deal.project_name, code=code)
    await record(tx, "send_nda_code", deal.id, act=act)
    return act, await _mailbox(tx)


_MAILBOX = text("SELECT email FROM vault.member WHERE id = ops.member()")
_SIGNATURE = text(
    "INSERT INTO vault.nda_signature (nda_id, deal_id, listing_id, renewal_id, act, organisation_id, member_id, name, title, authority, "
    "email, locale_shown, address, agent, text_hash, code_id) VALUES (:nda_id, :deal_id, :listing_id, :renewal_id, :act, "
    ":organisation, :member, :name, :title, :authority, :email, :locale, :address, :agent, :hash, :code_id) RETURNING id")
_STANDS = text("SELECT signed_at, in_force_at, expires_at FROM vault.nda WHERE id = :id")


async def _mailbox(tx: AsyncSession) -> str:
    return (await tx.execute(_MAILBOX)).scalar_one()


async def put_signature(tx: AsyncSession, databases: Databases, settings: Settings, actor: Actor, deal: LockedDeal, nda: OpenNda,
                        act: Act, given: Given, kind: str) -> Any:
    """One signature with its code and its ledger entry of `kind`; returns how the NDA stands then.

    Raises Problem nda_text_changed, code_invalid, code_expired, rate_limited.
    """
    shown = nda.renewal_hash if act.startswith("renewal") else nda.text_hash
    if shown.hex() != given.text_hash:
        raise Problem("nda_text_changed")
    spent = await one_time_code.spend(tx, databases, settings, f"nda_{act}", nda.id, f"member:{actor.member_id}", given.code)
    email = await _mailbox(tx)
    signature_id = (await tx.execute(_SIGNATURE, {
        "nda_id": nda.id, "deal_id": deal.id, "listing_id": deal.listing_id, "act": act, "member": actor.member_id,
        "renewal_id": nda.renewal_id if act.startswith("renewal") else None, "organisation": actor.organisation_id,
        "name": given.name, "title": given.title, "authority": given.authority, "email": email, "locale": given.locale_shown,
        "address": actor.address, "agent": actor.agent, "hash": shown, "code_id": spent.id,
    })).scalar_one()
    stands = (await tx.execute(_STANDS, {"id": nda.id})).one()
    await ledger.append(tx, deal.listing_id, kind, deal.id, {
        "nda_id": nda.id, "signature_id": signature_id, "act": act, "authority": given.authority, "code_id": spent.id,
        "code_issued_at": spent.issued_at, "locale_shown": given.locale_shown, "signed_at": deal.now,
        "in_force_at": stands.in_force_at, "expires_at": stands.expires_at,
    }, {"text_hash": given.text_hash, "signer": {"name": given.name, "title": given.title, "email": email},
        "origin": {"address": actor.address, "agent": actor.agent}})
    await record(tx, f"nda_{act}", deal.id)
    return stands


async def set_document(tx: AsyncSession, nda_id: UUID) -> None:
    """Let the worker set what the evidence is now into a sealed PDF."""
    await enqueue(tx, "nda_document", {"nda": str(nda_id)})


async def sign_nda(tx: AsyncSession, databases: Databases, settings: Settings, actor: Actor, deal_id: UUID, given: Given,
                   members: Sequence[UUID] = ()) -> UUID:
    """The buyer signs what was shown and names who else of its people may read.

    Raises Problem step_refused without an open offer, nda_text_changed for another text, and those of the code.
    """
    deal = await lock_deal(tx, deal_id, "buyer")
    nda = await open_nda(await driver(tx), deal.id)
    if act_open(nda) != "signature":
        raise Problem("step_refused")
    stands = await put_signature(tx, databases, settings, actor, deal, nda, "signature", given, "nda_signed")
    await name_members(tx, actor, deal, nda.id, [each for each in members if each != actor.member_id])
    await mail(tx, "nda_signed" if stands.in_force_at else "nda_to_countersign", organisation=deal.intermediary_id, project=deal.project_name)
    if stands.in_force_at:
        await set_document(tx, nda.id)
    return nda.id


async def countersign_nda(tx: AsyncSession, databases: Databases, settings: Settings, actor: Actor, deal_id: UUID, given: Given) -> UUID:
    """The intermediary signs too: the agreement, or its renewal, is in force from the commit on."""
    deal = await lock_deal(tx, deal_id, "seller")
    nda = await open_nda(await driver(tx), deal.id)
    act = act_open(nda)
    if act is None:
        raise Problem("step_refused")
    await put_signature(tx, databases, settings, actor, deal, nda, act, given, "nda_countersigned")
    await tell_buyer(tx, deal, "nda_countersigned")
    await set_document(tx, nda.id)
    return nda.id


_END = text("UPDATE vault.nda SET ended_at = now() WHERE deal_id = :deal AND ended_at IS NULL RETURNING id, signed_at")


async def end_nda(tx: AsyncSession, deal_id: UUID, reason: str) -> UUID:
    """Stop providing information under the NDA: no grant under it can be read from the commit on."""
    deal = await lock_deal(tx, deal_id, "seller", ended=True)
    ended = (await tx.execute(_END, {"deal": deal.id})).first()
    if ended is None:
        raise Problem("step_refused")
    await ledger.append(tx, deal.listing_id, "nda_ended", deal.id, {"nda_id": ended.id}, {"reason": reason})
    await tell_buyer(tx, deal, "nda_ended")
    await record(tx, "end_nda", deal.id)
    return ended.id
