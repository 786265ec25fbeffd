"""Which people does an NDA bind, besides the firm? Those who are named, and have acknowledged it themselves.

The signer is bound by signing. Others are named by an administrator or by somebody bound already, of the buyer or of the
intermediary that represents it, and read nothing before they acknowledge the text in person. Whoever leaves the firm reads nothing
from that moment on: `vault.bound_by` asks at every reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.disclosure import ledger
from succession.disclosure.commands.requests import LockedDeal, lock_deal
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.outbox import enqueue, mail, record

NAMED_MOST = 50

_OPEN = text("SELECT id, text_hash FROM vault.nda WHERE deal_id = :deal AND ended_at IS NULL AND signed_at IS NOT NULL AND expires_at > now()")
_COLLEAGUE = text("SELECT id, name FROM vault.member WHERE id = :id AND organisation_id = ops.organisation() AND status = 'active'")
_COUNT = text("SELECT count(*) FROM vault.nda_member WHERE nda_id = :nda AND organisation_id = ops.organisation() AND released_at IS NULL")
_NAME = text(
    "INSERT INTO vault.nda_member (nda_id, deal_id, organisation_id, member_id, name, named_by) "
    "VALUES (:nda, :deal, :organisation, :member, :name, :by) ON CONFLICT (nda_id, member_id) WHERE released_at IS NULL DO NOTHING "
    "RETURNING id")


async def name_members(tx: AsyncSession, actor: Actor, deal: LockedDeal, nda_id: UUID, members: Sequence[UUID]) -> None:
    """Name colleagues under a signed NDA; each is asked by letter to read and acknowledge it. Who is named already stays so.

    Raises Problem validation for somebody who is no active member of the caller's firm, limit_reached.
    """
    for member_id in sorted(set(members)):
        found = (await tx.execute(_COLLEAGUE, {"id": member_id})).first()
        if found is None:
            raise field_problem("members", Message.of(_("Somebody named here is no active member of your organisation.")))
        named = (await tx.execute(_NAME, {"nda": nda_id, "deal": deal.id, "organisation": actor.organisation_id,
                                          "member": member_id, "name": found.name, "by": actor.member_id})).scalar()
        if named is None:
            continue
        await ledger.append(tx, deal.listing_id, "nda_member_named", deal.id, {
            "nda_id": nda_id, "nda_member_id": named, "member_id": member_id})
        await mail(tx, "nda_named", member=member_id, project=deal.project_name)
        await record(tx, "name_nda_member", deal.id)
        await enqueue(tx, "rescreen", {"deal": str(deal.id)}, dedupe_key=f"rescreen:{named}")
    if (await tx.execute(_COUNT, {"nda": nda_id})).scalar_one() > NAMED_MOST:
        raise Problem("limit_reached")


async def name_more(tx: AsyncSession, actor: Actor, deal_id: UUID, members: Sequence[UUID]) -> None:
    """The same after the signature, by the buyer or its representative. Raises Problem step_refused, forbidden too."""
    deal = await lock_deal(tx, deal_id, "buyer", "representative")
    await name_members(tx, actor, deal, (await _signed(tx, deal)).id, members)


async def _signed(tx: AsyncSession, deal: LockedDeal):
    nda = (await tx.execute(_OPEN, {"deal": deal.id})).first()
    if nda is None:
        raise Problem("step_refused")
    return nda


_ACKNOWLEDGE = text(
    "UPDATE vault.nda_member SET acknowledged_at = now(), acknowledged_hash = :hash, address = :address, agent = :agent "
    "WHERE nda_id = :nda AND member_id = ops.member() AND acknowledged_at IS NULL AND released_at IS NULL RETURNING id")


async def acknowledge_nda(tx: AsyncSession, actor: Actor, deal_id: UUID, text_hash: str) -> None:
    """A member who was named says to have read this text and to be bound by it. Raises Problem step_refused, nda_text_changed."""
    deal = await lock_deal(tx, deal_id, "buyer", "representative")
    nda = await _signed(tx, deal)
    if bytes(nda.text_hash).hex() != text_hash:
        raise Problem("nda_text_changed")
    bound = (await tx.execute(_ACKNOWLEDGE, {"nda": nda.id, "hash": bytes(nda.text_hash), "address": actor.address, "agent": actor.agent})).scalar()
    if bound is None:
        raise Problem("step_refused")
    await ledger.append(tx, deal.listing_id, "nda_member_bound", deal.id, {
        "nda_id": nda.id, "nda_member_id": bound, "member_id": actor.member_id,
    }, {"text_hash": text_hash, "signer": {"name": actor.name}, "origin": {"address": actor.address, "agent": actor.agent}})
    await record(tx, "acknowledge_nda", deal.id)


_RELEASE = text(
    "UPDATE vault.nda_member SET released_at = now(), released_by = :by WHERE deal_id = :deal AND member_id = :member "
    "AND organisation_id = ops.organisation() AND released_at IS NULL RETURNING id, nda_id")


async def release_member(tx: AsyncSession, actor: Actor, deal_id: UUID, member_id: UUID) -> None:
    """Somebody no longer works on this: nothing more is read from the commit on; the duties stay. Raises Problem not_found."""
    deal = await lock_deal(tx, deal_id, "buyer", "representative", ended=True)
    if member_id != actor.member_id and actor.role != "admin" and not await _bound(tx, deal):
        raise Problem("forbidden")
    released = (await tx.execute(_RELEASE, {"deal": deal.id, "member": member_id, "by": actor.member_id})).all()
    if not released:
        raise Problem("not_found")
    for row in released:
        await ledger.append(tx, deal.listing_id, "nda_member_released", deal.id, {
            "nda_id": row.nda_id, "nda_member_id": row.id, "member_id": member_id})
    await record(tx, "release_nda_member", deal.id)


_BOUND = text("SELECT EXISTS (SELECT FROM vault.nda n WHERE n.deal_id = :deal AND n.ended_at IS NULL AND vault.bound_by(n.id, ops.member()))")


async def _bound(tx: AsyncSession, deal: LockedDeal) -> bool:
    return bool((await tx.execute(_BOUND, {"deal": deal.id})).scalar())
