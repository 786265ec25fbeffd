"""Does this buyer compete with the company, and who of it may read what a competitor must not learn?

Anybody may say that it competes, and it counts at once; that it does not counts when a person of the seller's side confirmed it
by name. Who reads for a competitor is a named member with an undertaking of their own, accepted by the seller's side.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.days import day_in_japan
from succession.disclosure import ledger
from succession.disclosure.commands.requests import lock_deal, tell_buyer
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.outbox import mail, record

BUYERS = ("buyer", "representative")

_DECLARE = text("INSERT INTO vault.competitor_declaration (deal_id, listing_id, buyer_id, competes, declared_for, words, declared_by) "
                "VALUES (:deal, :listing, :buyer, :competes, :side, :words, :member) RETURNING id")


async def declare_competition(tx: AsyncSession, actor: Actor, deal_id: UUID, competes: bool, words: str) -> UUID:
    """Write down what one side declares; returns its id."""
    deal = await lock_deal(tx, deal_id, "seller", *BUYERS)
    side = "seller" if deal.side == "seller" else "buyer"
    declaration_id = (await tx.execute(_DECLARE, {
        "deal": deal.id, "listing": deal.listing_id, "buyer": deal.buyer_id, "competes": competes, "side": side, "words": words,
        "member": actor.member_id})).scalar_one()
    await ledger.append(tx, deal.listing_id, "competitor_declared", deal.id, {
        "declaration_id": declaration_id, "competes": competes, "declared_for": side}, {"words": words})
    await record(tx, "declare_competition", deal.id, competes=competes)
    return declaration_id


_OF_DECLARATION = text("SELECT deal_id, confirmed_at, EXISTS (SELECT FROM vault.competitor_declaration l WHERE l.listing_id = c.listing_id "
                       "AND l.buyer_id = c.buyer_id AND l.number > c.number) AS superseded FROM vault.competitor_declaration c WHERE c.id = :id")
_CONFIRM = text("UPDATE vault.competitor_declaration SET confirmed_by = :member, confirmed_by_name = '', confirmed_words = :words, "
                "confirmed_at = now() WHERE id = :id")


async def confirm_competition(tx: AsyncSession, actor: Actor, declaration_id: UUID, words: str) -> UUID:
    """A named person of the seller's side stands by the last declaration; returns its deal. Problem not_found, step_refused."""
    found = (await tx.execute(_OF_DECLARATION, {"id": declaration_id})).first()
    if found is None:
        raise Problem("not_found")
    deal = await lock_deal(tx, found.deal_id, "seller")
    found = (await tx.execute(_OF_DECLARATION, {"id": declaration_id})).one()
    if found.confirmed_at is not None or found.superseded:
        raise Problem("step_refused")
    await tx.execute(_CONFIRM, {"id": declaration_id, "member": actor.member_id, "words": words})
    await ledger.append(tx, deal.listing_id, "competitor_confirmed", deal.id, {"declaration_id": declaration_id}, {"words": words})
    await record(tx, "confirm_competition", deal.id, declaration=str(declaration_id))
    return deal.id


# ---------------------------------------------------------------------------------------------------------------------
# The clean team

_NAME = text("INSERT INTO vault.clean_team_member (deal_id, listing_id, buyer_id, member_id, name, title, outside_firm, country, "
             "undertaking_hash, undertaken_on, nominated_by) VALUES (:deal, :listing, :buyer, :member, :name, :title, :firm, :country, "
             ":hash, :on, :by) RETURNING id")


async def name_member(tx: AsyncSession, actor: Actor, deal_id: UUID, member_id: UUID, name: str, title: str, outside_firm: str | None,
                      country: str, undertaking_hash: bytes, undertaken_on: date) -> UUID:
    """The buyer names who shall read for it; returns the entry's id. Nobody reads on it before the seller's side accepts.

    Raises Problem validation for who is no active member of the buyer or its representative, conflict when named already.
    """
    deal = await lock_deal(tx, deal_id, *BUYERS)
    if undertaken_on > day_in_japan(deal.now):
        raise field_problem("undertaken_on", Message.of(_("This day is still to come.")))
    entry_id = (await tx.execute(_NAME, {
        "deal": deal.id, "listing": deal.listing_id, "buyer": deal.buyer_id, "member": member_id, "name": name, "title": title,
        "firm": outside_firm, "country": country, "hash": undertaking_hash, "on": undertaken_on, "by": actor.member_id})).scalar_one()
    await ledger.append(tx, deal.listing_id, "clean_team_nominated", deal.id, {
        "clean_team_id": entry_id, "member_id": member_id, "undertaken_on": undertaken_on, "undertaking_hash": undertaking_hash.hex(),
    }, {"name": name, "title": title, "outside_firm": outside_firm})
    await mail(tx, "clean_team_named", organisation=deal.intermediary_id, project=deal.project_name)
    await record(tx, "name_clean_team", deal.id)
    return entry_id


_OF_ENTRY = text("SELECT deal_id, accepted_at, ended_at FROM vault.clean_team_member WHERE id = :id")
_ACCEPT = text("UPDATE vault.clean_team_member SET accepted_by = :member, accepted_by_name = '', accepted_at = now() WHERE id = :id")
_END = text("UPDATE vault.clean_team_member SET ended_at = now() WHERE id = :id")


async def accept_member(tx: AsyncSession, actor: Actor, entry_id: UUID) -> UUID:
    """A named person of the seller's side accepts a member; returns the deal. Problem not_found, step_refused."""
    found = (await tx.execute(_OF_ENTRY, {"id": entry_id})).first()
    if found is None:
        raise Problem("not_found")
    deal = await lock_deal(tx, found.deal_id, "seller")
    found = (await tx.execute(_OF_ENTRY, {"id": entry_id})).one()
    if found.accepted_at is not None or found.ended_at is not None:
        raise Problem("step_refused")
    await tx.execute(_ACCEPT, {"id": entry_id, "member": actor.member_id})
    await ledger.append(tx, deal.listing_id, "clean_team_accepted", deal.id, {"clean_team_id": entry_id})
    await tell_buyer(tx, deal, "clean_team_accepted")
    await record(tx, "accept_clean_team", deal.id)
    return deal.id


async def end_member(tx: AsyncSession, entry_id: UUID) -> UUID:
    """Either side ends a membership: they read nothing more from the commit on. Problem not_found, step_refused."""
    found = (await tx.execute(_OF_ENTRY, {"id": entry_id})).first()
    if found is None:
        raise Problem("not_found")
    deal = await lock_deal(tx, found.deal_id, "seller", *BUYERS, ended=True)
    if (await tx.execute(_OF_ENTRY, {"id": entry_id})).one().ended_at is not None:
        raise Problem("step_refused")
    await tx.execute(_END, {"id": entry_id})
    await ledger.append(tx, deal.listing_id, "clean_team_ended", deal.id, {"clean_team_id": entry_id})
    await record(tx, "end_clean_team", deal.id)
    return deal.id
