"""How is one folder of the data room released to one buyer, and how does that end?

A release names the documents that lie in the folder that day and has a ledger entry of its own, in the same transaction; what
is added later is read only after the next release. The database asks for every cause a second time (vault.folder_grant_causes).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.disclosure import ledger
from succession.disclosure.commands.release import RevokeReason
from succession.disclosure.commands.requests import LockedDeal, lock_deal, tell_buyer
from succession.disclosure.commands.screening import end_of_day
from succession.disclosure.disclosed import disclose, document_version, recipient_of
from succession.disclosure.know_how import Standing, refusal
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.outbox import record

DOCUMENTS_MOST = 500  # of one folder in one release

_FOLDER = text("SELECT id, know_how_step, competitor_sensitive FROM vault.folder WHERE id = :folder AND listing_id = :listing "
               "AND removed_at IS NULL FOR UPDATE")
_ROOM = text("SELECT g.id, g.expires_at FROM vault.disclosure_grant g WHERE g.deal_id = :deal AND g.level = 'data_room' "
             "AND vault.grant_holds(g.id)")
_PERMISSION = text("SELECT id FROM vault.folder_permission WHERE deal_id = :deal AND :folder = ANY(folder_ids) AND decision = 'yes' "
                   "AND revoked_at IS NULL AND expires_at > now() ORDER BY decided_at DESC, id LIMIT 1")
_STANDING = text(
    "SELECT d.stage, vault.competition(d.id) AS competition, vault.in_clean_team(d.id, NULL) AS clean_team, "
    "ARRAY(SELECT e.action FROM vault.deal_event e WHERE e.deal_id = d.id) AS events, "
    "ARRAY(SELECT DISTINCT f.know_how_step FROM vault.folder_grant g JOIN vault.folder f ON f.id = g.folder_id AND f.removed_at IS NULL "
    "WHERE g.deal_id = d.id AND f.know_how_step IS NOT NULL AND vault.folder_grant_holds(g.id, NULL)) AS released "
    "FROM vault.deal d WHERE d.id = :deal")
_DOCUMENTS = text("SELECT d.id, d.title, encode(d.content_hash, 'hex') AS content_hash, vault.recipient_checked(d.id, :deal) AS checked "
                  "FROM vault.document d WHERE d.folder_id = :folder AND d.removed_at IS NULL ORDER BY d.id LIMIT :most")
_SUPERSEDE = text("UPDATE vault.folder_grant SET revoked_at = now(), revoked_by = :by, revoke_reason = 'superseded' "
                  "WHERE deal_id = :deal AND folder_id = :folder AND revoked_at IS NULL RETURNING id")
_GRANT = text(
    "INSERT INTO vault.folder_grant (id, deal_id, listing_id, buyer_id, folder_id, documents, room_grant_id, permission_id, "
    "ledger_entry_id, granted_by, expires_at) VALUES (:id, :deal, :listing, :buyer, :folder, :documents, :room, :permission, :entry, "
    ":member, :expires_at)")


async def release_folder(tx: AsyncSession, actor: Actor, deal_id: UUID, folder_id: UUID, expires_on: date | None) -> UUID:
    """Release a folder as it lies today; returns the grant's id. A release in force is replaced. It never outlives the room.

    Raises Problem parked, room_needed, folder_permission_needed, know_how_stage, know_how_order, competitor_undeclared,
    clean_team_needed, recipient_check_needed (with the documents), validation.
    """
    deal = await lock_deal(tx, deal_id, "seller")
    keys = {"deal": deal.id, "folder": folder_id, "listing": deal.listing_id}
    folder = (await tx.execute(_FOLDER, keys)).first()
    if folder is None:
        raise field_problem("folder_id", Message.of(_("This is no folder of this company's data room.")))
    room = (await tx.execute(_ROOM, keys)).first()
    permission = (await tx.execute(_PERMISSION, keys)).scalar()
    standing = (await tx.execute(_STANDING, keys)).one()
    if code := _missing(deal, folder, room, permission, standing):
        raise Problem(code)
    documents = (await tx.execute(_DOCUMENTS, keys | {"most": DOCUMENTS_MOST + 1})).all()
    if len(documents) > DOCUMENTS_MOST:
        raise Problem("limit_reached")
    if waiting := [str(each.id) for each in documents if not each.checked]:
        raise Problem("recipient_check_needed", extra={"documents": waiting})
    expires_at = _expiry(deal, room, expires_on)
    replaced = (await tx.execute(_SUPERSEDE, keys | {"by": f"member:{actor.member_id}"})).scalars().all()
    await _enter_ends(tx, deal, replaced, "superseded")
    grant_id, ids = uuid4(), [each.id for each in documents]
    entry_id = await ledger.append(tx, deal.listing_id, "folder_released", deal.id, {
        "grant_id": grant_id, "folder_id": folder_id, "know_how_step": folder.know_how_step, "buyer_id": deal.buyer_id,
        "room_grant_id": room.id, "permission_id": permission, "expires_at": expires_at, "documents": ids,
        "content_hashes": [each.content_hash for each in documents],
    })
    await tx.execute(_GRANT, {
        "id": grant_id, "deal": deal.id, "listing": deal.listing_id, "buyer": deal.buyer_id, "folder": folder_id, "documents": ids,
        "room": room.id, "permission": permission, "entry": entry_id, "member": actor.member_id, "expires_at": expires_at})
    await disclose(tx, await recipient_of(tx, room.id),
                   [document_version(each.id, each.title, each.content_hash) for each in documents], "release")
    await tell_buyer(tx, deal, "released")
    await record(tx, "release_folder", deal.id, folder=str(folder_id))
    return grant_id


def _missing(deal: LockedDeal, folder: Any, room: Any, permission: UUID | None, standing: Any) -> str | None:
    if deal.parked:
        return "parked"
    if room is None:
        return "room_needed"
    if permission is None:
        return "folder_permission_needed"
    return refusal(folder.know_how_step, folder.competitor_sensitive, Standing(
        standing.stage, frozenset(standing.events), frozenset(standing.released), standing.competition, standing.clean_team))


def _expiry(deal: LockedDeal, room: Any, expires_on: date | None) -> Any:
    if expires_on is None:
        return room.expires_at
    wanted = end_of_day(expires_on)
    if not deal.now < wanted <= room.expires_at:
        raise field_problem("expires_on", Message.of(_("The day must come, and lie before the data room closes.")))
    return wanted


async def _enter_ends(tx: AsyncSession, deal: LockedDeal, grants: Sequence[UUID], reason: str) -> None:
    for grant_id in sorted(grants):
        await ledger.append(tx, deal.listing_id, "folder_revoked", deal.id, {"grant_id": grant_id, "reason": reason})


# With what was taken back in this transaction end the later steps of know-how: the database knows which (0035).
_TAKEN_BACK = text("SELECT id FROM vault.folder_grant WHERE deal_id = :deal AND revoked_at = now() AND revoke_reason <> 'superseded'")


async def end_taken_back(tx: AsyncSession, deal: LockedDeal, reason: str) -> bool:
    """After releases were taken back: enter each that ended, and tell the buyer. Whether there was one."""
    ended = (await tx.execute(_TAKEN_BACK, {"deal": deal.id})).scalars().all()
    await _enter_ends(tx, deal, ended, reason)
    if ended:
        await tell_buyer(tx, deal, "access_ended")
    return bool(ended)


_OF_GRANT = text("SELECT deal_id FROM vault.folder_grant WHERE id = :id")
_REVOKE = text("UPDATE vault.folder_grant SET revoked_at = now(), revoked_by = :by, revoke_reason = :reason WHERE id = :id AND revoked_at IS NULL")


async def revoke_folder(tx: AsyncSession, actor: Actor, grant_id: UUID, reason: RevokeReason) -> None:
    """End the release of one folder, and of later steps of know-how: nothing more is read from the commit on.

    Raises Problem not_found, step_refused when it has ended already.
    """
    deal_id = (await tx.execute(_OF_GRANT, {"id": grant_id})).scalar()
    if deal_id is None:
        raise Problem("not_found")
    deal = await lock_deal(tx, deal_id, "seller", ended=True)
    await tx.execute(_REVOKE, {"id": grant_id, "by": f"member:{actor.member_id}", "reason": reason})
    if not await end_taken_back(tx, deal, reason):
        raise Problem("step_refused")
    await record(tx, "revoke_folder", deal.id, reason=reason)


# ---------------------------------------------------------------------------------------------------------------------
# Where a document would go

_HINTS = text("SELECT d.listing_id, vault.hints_of(d.id, :deal) AS hints, ops.hints_block(vault.hints_of(d.id, :deal)) AS blocked "
              "FROM vault.document d JOIN vault.deal x ON x.id = :deal AND x.listing_id = d.listing_id WHERE d.id = :id AND d.removed_at IS NULL")
_CONFIRM = text("INSERT INTO vault.recipient_confirmation (document_id, deal_id, listing_id, hints, words, confirmed_by, confirmed_by_name) "
                "VALUES (:id, :deal, :listing, :hints, :words, :member, '')")


async def confirm_recipient(tx: AsyncSession, actor: Actor, deal_id: UUID, document_id: UUID, read_hints: list[str], words: str) -> None:
    """A named person read exactly these hints about a document and this buyer, and lets it go on the reason given.

    Raises Problem not_found, hints_changed when others stand, document_undeclared when no reason answers them.
    """
    deal = await lock_deal(tx, deal_id, "seller")
    found = (await tx.execute(_HINTS, {"id": document_id, "deal": deal.id})).first()
    if found is None:
        raise Problem("not_found")
    if found.blocked:
        raise Problem("document_undeclared")
    if not found.hints or sorted(read_hints) != list(found.hints):
        raise Problem("hints_changed")
    await tx.execute(_CONFIRM, {"id": document_id, "deal": deal.id, "listing": deal.listing_id, "hints": list(found.hints),
                                "words": words, "member": actor.member_id})
    await ledger.append(tx, deal.listing_id, "recipient_confirmed", deal.id, {
        "document_id": document_id, "hints": list(found.hints)}, {"words": words})
    await record(tx, "confirm_recipient", deal.id, document=str(document_id))
