"""May this buyer be shown these folders? The adviser asks, only the owner's side answers, and each can take a yes back.

Consent per folder (domain 2.1, stage `dd`), as with the name: everybody whom the mandate names, each by a link and a code or on a
confirmed paper. One question may name several folders of one buyer, so that nobody has to answer thirty.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.days import day_in_japan
from succession.disclosure import ledger
from succession.disclosure.commands.folder_release import end_taken_back
from succession.disclosure.commands.requests import lock_deal
from succession.disclosure.commands.screening import end_of_day
from succession.disclosure.folder_words import FoldersShown, FolderShown, folders_text
from succession.disclosure.question_text import text_hash
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.listings.deciders import keep_answer, send_question_links
from succession.listings.owner import Answer, end_owner_links
from succession.outbox import mail, record

PERMISSION_DAYS = 180  # to answer, and to release on a yes; what was released goes on

_FOLDERS = text(
    "SELECT f.id, f.name, f.know_how_step, f.competitor_sensitive, (SELECT count(*) FROM vault.document d WHERE d.folder_id = f.id "
    "AND d.removed_at IS NULL) AS documents FROM vault.folder f WHERE f.listing_id = :listing AND f.removed_at IS NULL "
    "AND f.id = ANY(:ids) ORDER BY f.position, f.name, f.id")
_ROOM = text("SELECT g.id FROM vault.disclosure_grant g WHERE g.deal_id = :deal AND g.level = 'dossier' AND vault.grant_holds(g.id)")
_NAMES = text("SELECT b.legal_name, b.country, a.legal_name AS adviser, vault.competition(:deal) AS competition "
              "FROM vault.organisation b, vault.organisation a WHERE b.id = :buyer AND a.id = :adviser")
_INSERT = text(
    "INSERT INTO vault.folder_permission (deal_id, listing_id, buyer_id, folder_ids, shown, shown_text_ja, shown_hash, asked_by, "
    "expires_at) VALUES (:deal, :listing, :buyer, :ids, CAST(:shown AS jsonb), :text, :hash, :member, :expires_at) RETURNING id")


async def ask_permission(tx: AsyncSession, actor: Actor, deal_id: UUID, folder_ids: list[UUID]) -> UUID:
    """Write down exactly what the owner is asked; returns the question's id. Sending it is the caller's next step.

    Raises Problem parked, room_needed while the buyer has no dossier, deciders_missing, validation for folders that are not there.
    """
    deal = await lock_deal(tx, deal_id, "seller")
    if deal.parked:
        raise Problem("parked")
    if (await tx.execute(_ROOM, {"deal": deal.id})).first() is None:
        raise Problem("room_needed")
    found = (await tx.execute(_FOLDERS, {"listing": deal.listing_id, "ids": list(set(folder_ids))})).all()
    if len(found) != len(set(folder_ids)):
        raise field_problem("folder_ids", Message.of(_("Not all of these are folders of this company's data room.")))
    names = (await tx.execute(_NAMES, {"deal": deal.id, "buyer": deal.buyer_id, "adviser": deal.intermediary_id})).one()
    last_day = day_in_japan(deal.now + timedelta(days=PERMISSION_DAYS - 1))
    shown = FoldersShown(
        names.legal_name, names.country, names.adviser, names.competition == "competes",
        [FolderShown(row.name, row.documents, row.know_how_step, row.competitor_sensitive) for row in found], last_day)
    words = folders_text(shown)
    permission_id = (await tx.execute(_INSERT, {
        "deal": deal.id, "listing": deal.listing_id, "buyer": deal.buyer_id, "ids": [row.id for row in found],
        "shown": msgspec.json.encode(shown).decode(), "text": words, "hash": text_hash(words), "member": actor.member_id,
        "expires_at": end_of_day(last_day)})).scalar_one()
    await ledger.append(tx, deal.listing_id, "folder_permission_asked", deal.id, {
        "permission_id": permission_id, "folders": [row.id for row in found]}, {"shown_hash": text_hash(words).hex()})
    await record(tx, "ask_folder_permission", deal.id, permission=str(permission_id))
    return permission_id


_ASKED = text("SELECT deal_id, decision, revoked_at IS NOT NULL AS revoked, expires_at <= now() AS closed "
              "FROM vault.folder_permission WHERE id = :id")


async def send_permission(tx: AsyncSession, permission_id: UUID, public_url: str) -> UUID:
    """Send everybody who has not answered a fresh link, or all who agreed one to take it back; returns the deal. Problem not_found, step_refused, owner_unreachable."""
    asked = (await tx.execute(_ASKED, {"id": permission_id})).first()
    if asked is None:
        raise Problem("not_found")
    deal = await lock_deal(tx, asked.deal_id, "seller")
    if asked.revoked or asked.decision == "no" or (asked.closed and asked.decision != "yes"):
        raise Problem("step_refused")
    if not await send_question_links(tx, deal.listing_id, "folder", permission_id, deal.now, public_url):
        raise Problem("owner_unreachable")
    await record(tx, "send_folder_permission_link", deal.id)
    return deal.id


# ---------------------------------------------------------------------------------------------------------------------
# The owner's answers: in the owner's own scope, which a single-use link or a confirmed paper opens

async def answer_permission(tx: AsyncSession, permission_id: UUID, shown_hash: str, answer: Answer) -> str | None:
    """One person's answer; returns what the answers come to now: 'yes' once everybody agreed, 'no', 'ask_adviser' or None.

    A no leaves the talks as they are; nobody but the adviser learns of it. A yes taken back closes these folders, and later steps
    of know-how: nothing in them is read from the commit on. Raises Problem question_closed.
    """
    asked = (await tx.execute(_ASKED, {"id": permission_id})).first()
    if asked is None:
        raise Problem("not_found")
    deal = await lock_deal(tx, asked.deal_id, "owner", ended=True)
    answer_id, hashed = await keep_answer(tx, permission_id, shown_hash, answer.decision, answer)
    kind = "folder_permission_revoked" if answer.decision == "withdrawn" else "folder_permission_decided"
    fields = {"permission_id": permission_id, "method": answer.method, "answer_id": answer_id}
    if answer.decision != "withdrawn":
        fields["decision"] = answer.decision
    await ledger.append(tx, deal.listing_id, kind, deal.id, fields, {"answer_hash": hashed})
    if answer.decision == "withdrawn":
        await end_taken_back(tx, deal, "permission_revoked")
    if answer.decision in ("no", "withdrawn"):
        await end_owner_links(tx, deal.listing_id, "folder", deal.now, permission_id)
    await mail(tx, "owner_answered", organisation=deal.intermediary_id, project=deal.project_name)
    await record(tx, "answer_folder_permission", deal.id, method=answer.method)
    return (await tx.execute(_ASKED, {"id": permission_id})).one().decision
