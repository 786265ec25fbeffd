"""How does an NDA come into force, and how does it end?

Offered by the intermediary under the project name, signed by a member of the buyer against the hash of exactly the text
that was shown, ended by the intermediary: reading stops at once, the buyer's duties go on.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.database import Databases
from succession.days import day_in_japan
from succession.disclosure import ledger
from succession.disclosure.commands.requests import lock_deal, tell_buyer
from succession.disclosure.nda_text import Form, Parties, nda_text, template_version
from succession.errors import Problem
from succession.market.holds import Release, may_name
from succession.outbox import mail, record

_PARTIES = text("SELECT s.legal_name AS discloser, b.legal_name AS recipient, b.country FROM vault.organisation s, "
                "vault.organisation b WHERE s.id = :intermediary AND b.id = :buyer")
_SCREENED = text("SELECT CASE WHEN vault.may_step(:deal) THEN vault.screened(:deal) END")  # a fresh one
_INSERT = text(
    "INSERT INTO vault.nda (deal_id, listing_id, buyer_id, screening_id, form, template_version, text_ja, text_en, text_hash, "
    "term_months, offered_by) VALUES (:deal_id, :listing_id, :buyer_id, :screening_id, :form, :version, :ja, :en, :hash, "
    ":months, :member) RETURNING id")
# An offer nobody signed, or one that has run out, makes room for the next; one in force does not.
_REPLACE = text("UPDATE vault.nda SET ended_at = now() WHERE deal_id = :deal AND ended_at IS NULL "
                "AND (signed_at IS NULL OR expires_at <= now())")


async def parties_of(tx: AsyncSession, intermediary_id: UUID, buyer_id: UUID, project: str) -> Parties:
    """The names that stand in the papers of a deal."""
    row = (await tx.execute(_PARTIES, {"intermediary": intermediary_id, "buyer": buyer_id})).one()
    return Parties(project, _line(row.discloser), _line(row.recipient), row.country)


def _line(name: str) -> str:
    return " ".join(name.split())


async def offer_nda(tx: AsyncSession, databases: Databases, actor: Actor, deal_id: UUID, form: Form, term_months: int) -> UUID:
    """Put the text before the buyer; an unsigned offer is replaced. It names the intermediary, which may narrow the place.

    Raises Problem screening_needed, held_for_person, conflict.
    """
    deal = await lock_deal(tx, deal_id, "seller")
    screening_id = (await tx.execute(_SCREENED, {"deal": deal.id})).scalar()
    if screening_id is None:
        raise Problem("screening_needed")
    also = [deal.representative_id] if deal.representative_id else []
    await may_name(tx, databases, actor, Release("nda", deal.listing_id, deal.teaser_ref, deal.buyer_id), also)
    parties = await parties_of(tx, deal.intermediary_id, deal.buyer_id, deal.project_name)
    shown = nda_text(form, parties, term_months, day_in_japan(deal.now))
    await tx.execute(_REPLACE, {"deal": deal.id})
    nda_id = (await tx.execute(_INSERT, {
        "deal_id": deal.id, "listing_id": deal.listing_id, "buyer_id": deal.buyer_id, "screening_id": screening_id,
        "form": form, "version": template_version(), "ja": shown.ja, "en": shown.en, "hash": shown.hash,
        "months": term_months, "member": actor.member_id,
    })).scalar_one()
    await ledger.append(tx, deal.listing_id, "nda_offered", deal.id, {
        "nda_id": nda_id, "form": form, "template_version": template_version(), "term_months": term_months,
    }, {"text_hash": shown.hash.hex()})
    await tell_buyer(tx, deal, "nda_offered")
    await record(tx, "offer_nda", deal.id)
    return nda_id


_OFFERED = text("SELECT id, text_hash FROM vault.nda WHERE deal_id = :deal AND ended_at IS NULL AND signed_at IS NULL")
# The database reads the clock: it writes signed_at and expires_at itself, whatever is given here.
_SIGN = text(
    "UPDATE vault.nda SET signed_at = now(), expires_at = now(), signer_member_id = :member, signer_name = :name, "
    "signer_title = :title, locale_shown = :locale, address = :address, agent = :agent "
    "WHERE id = :id AND signed_at IS NULL AND ended_at IS NULL RETURNING signed_at, expires_at")


async def sign_nda(tx: AsyncSession, actor: Actor, deal_id: UUID, text_hash: str, name: str, title: str,
                   locale_shown: str) -> UUID:
    """Sign what was shown. Raises Problem step_refused without an open offer, nda_text_changed for another text."""
    deal = await lock_deal(tx, deal_id, "buyer")
    offered = (await tx.execute(_OFFERED, {"deal": deal.id})).first()
    if offered is None:
        raise Problem("step_refused")
    if bytes(offered.text_hash).hex() != text_hash:
        raise Problem("nda_text_changed")
    signed = (await tx.execute(_SIGN, {
        "id": offered.id, "member": actor.member_id, "name": name, "title": title, "locale": locale_shown,
        "address": actor.address, "agent": actor.agent,
    })).one()
    await ledger.append(tx, deal.listing_id, "nda_signed", deal.id, {
        "nda_id": offered.id, "signed_at": signed.signed_at, "expires_at": signed.expires_at, "locale_shown": locale_shown,
    }, {"text_hash": text_hash, "signer": {"name": name, "title": title},
        "origin": {"address": actor.address, "agent": actor.agent}})
    await mail(tx, "nda_signed", organisation=deal.intermediary_id, project=deal.project_name)
    await record(tx, "sign_nda", deal.id)
    return offered.id


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
