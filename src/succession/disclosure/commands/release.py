"""How is a dossier or the data room released, and how does that end?

A release is a write: grant, its ledger entry and one for everything it shows, in one transaction, only while all four causes
hold, one grant per consent and level. With the first one a schedule binds the NDA to the company it was given for.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.database import driver
from succession.days import day_in_japan
from succession.disclosure import ledger
from succession.disclosure.commands.nda import parties_of, set_document
from succession.disclosure.commands.requests import LockedDeal, lock_deal, tell_buyer
from succession.disclosure.commands.screening import end_of_day
from succession.disclosure.disclosed import blocks_of, disclose, document_version, recipient_of
from succession.disclosure.levels import TABLE_VERSION, Level, fact_groups
from succession.disclosure.nda_text import Company, schedule_text
from succession.disclosure.reading_queries import NOT_FACTS, build_dossier
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.outbox import record

GRANT_DAYS = 180
RevokeReason = Literal["owner_request", "mandate_ended", "misuse", "talks_ended", "mistake"]

_CAUSES = text(
    "SELECT vault.screened(:deal) AS screening_id, vault.causes_hold(:deal) AS hold, n.id AS nda_id, n.signed_at, "
    "n.text_hash, n.expires_at AS nda_expires_at, c.id AS name_clear_id, c.decided_at, "
    "EXISTS (SELECT FROM vault.disclosure_grant g WHERE g.name_clear_id = c.id AND g.level = :level) AS used "
    "FROM (SELECT 1) one "
    "LEFT JOIN vault.nda n ON n.deal_id = :deal AND vault.nda_in_force(n.id) "
    "LEFT JOIN vault.name_clear c ON c.nda_id = n.id AND vault.consent_stands(c.id) AND c.expires_at > now()")
_GRANT = text(
    "INSERT INTO vault.disclosure_grant (id, deal_id, listing_id, buyer_id, level, nda_id, name_clear_id, ledger_entry_id, "
    "granted_by, expires_at) VALUES (:id, :deal_id, :listing_id, :buyer_id, :level, :nda_id, :name_clear_id, :entry_id, "
    ":member, :expires_at)")

# The listing first, as who withdraws it locks it: its deals come after it, and neither waits for the other in a circle.
_LOCK_LISTING = text("SELECT l.id FROM vault.listing l JOIN vault.deal d ON d.listing_id = l.id WHERE d.id = :deal FOR NO KEY UPDATE OF l")


async def release(tx: AsyncSession, actor: Actor, deal_id: UUID, level: Level, expires_on: date | None) -> UUID:
    """Release one level to this buyer; returns the grant's id. It never outlives the NDA.

    Raises Problem screening_needed, nda_needed, name_clear_needed, disclosure_causes (a block), parked, conflict.
    """
    await tx.execute(_LOCK_LISTING, {"deal": deal_id})
    deal = await lock_deal(tx, deal_id, "seller")
    causes = (await tx.execute(_CAUSES, {"deal": deal.id, "level": level})).one()
    if code := _missing(deal, causes):
        raise Problem(code)
    grant_id, expires_at = uuid4(), _expiry(deal, causes, expires_on)
    entry_id = await ledger.append(tx, deal.listing_id, "released", deal.id, {
        "grant_id": grant_id, "level": level, "buyer_id": deal.buyer_id, "nda_id": causes.nda_id,
        "name_clear_id": causes.name_clear_id, "screening_id": causes.screening_id, "expires_at": expires_at,
        "fact_groups": fact_groups(level), "levels_version": TABLE_VERSION,
    })
    await tx.execute(_GRANT, {
        "id": grant_id, "deal_id": deal.id, "listing_id": deal.listing_id, "buyer_id": deal.buyer_id, "level": level,
        "nda_id": causes.nda_id, "name_clear_id": causes.name_clear_id, "entry_id": entry_id, "member": actor.member_id,
        "expires_at": expires_at,
    })
    if level == "dossier":
        await _disclose(tx, deal, grant_id)
        await _bind(tx, deal, causes)
    await tell_buyer(tx, deal, "released")
    await record(tx, "release", deal.id, level=level)
    return grant_id


_CHECKED = text("SELECT d.id FROM vault.document d WHERE d.listing_id = :listing AND d.level = 'dossier' AND d.removed_at IS NULL "
                "AND vault.recipient_checked(d.id, :deal)")


async def _disclose(tx: AsyncSession, deal: LockedDeal, grant_id: UUID) -> None:
    """One entry per block and document of the dossier, each in the version of this moment. The data room opens folder by folder."""
    to, connection = await recipient_of(tx, grant_id), await driver(tx)
    dossier = await build_dossier(connection, deal.id, deal.listing_id, deal.project_name)
    if dossier.documents:
        checked = {row.id for row in await tx.execute(_CHECKED, {"listing": deal.listing_id, "deal": deal.id})}
        dossier.documents = [each for each in dossier.documents if each.id in checked]
    documents = [document_version(each.id, each.title, each.content_hash) for each in dossier.documents]
    await disclose(tx, to, blocks_of(dossier, NOT_FACTS) + documents, "release")


def _missing(deal: LockedDeal, causes: Any) -> str | None:
    checks = (
        (causes.screening_id is None, "screening_needed"),
        (causes.nda_id is None, "nda_needed"),
        (causes.name_clear_id is None, "name_clear_needed"),
        (deal.parked, "parked"),
        (not causes.hold, "disclosure_causes"),
        (causes.used, "consent_used"),
    )
    return next((code for failed, code in checks if failed), None)


def _expiry(deal: LockedDeal, causes: Any, expires_on: date | None) -> Any:
    if expires_on is None:
        return min(deal.now + timedelta(days=GRANT_DAYS), causes.nda_expires_at)
    wanted = end_of_day(expires_on)
    if not deal.now < wanted <= causes.nda_expires_at:
        raise field_problem("expires_on", Message.of(_("The day must come, and lie before the non-disclosure agreement ends.")))
    return wanted


_COMPANY = text(
    "SELECT i.legal_name, coalesce(i.name_en, i.name_romaji) AS name_latin, i.corporate_number, "
    "(SELECT s ->> 'address' FROM vault.listing_contact k, jsonb_array_elements(k.sites) s "
    "WHERE k.listing_id = i.listing_id AND jsonb_typeof(k.sites) = 'array' LIMIT 1) AS address "
    "FROM vault.listing_identity i WHERE i.listing_id = :listing")
_SCHEDULE = text(
    "INSERT INTO vault.nda_schedule (id, deal_id, listing_id, buyer_id, nda_id, name_clear_id, text_ja, text_en, text_hash, "
    "ledger_entry_id) VALUES (:id, :deal_id, :listing_id, :buyer_id, :nda_id, :name_clear_id, :ja, :en, :hash, :entry_id)")


async def _bind(tx: AsyncSession, deal: LockedDeal, causes: Any) -> None:
    """The schedule that names the principal of the NDA, for both to read."""
    row = (await tx.execute(_COMPANY, {"listing": deal.listing_id})).first()
    if row is None or row.legal_name is None:
        raise Problem("dossier_incomplete")
    parties = await parties_of(tx, deal.intermediary_id, deal.buyer_id, deal.project_name)
    company = Company(*(value and " ".join(value.split()) for value in (row.legal_name, row.name_latin, row.corporate_number, row.address)))
    bound = schedule_text(parties, company, bytes(causes.text_hash), day_in_japan(causes.signed_at),
                          day_in_japan(causes.decided_at), day_in_japan(deal.now))
    schedule_id = uuid4()
    entry_id = await ledger.append(tx, deal.listing_id, "nda_schedule", deal.id, {
        "schedule_id": schedule_id, "nda_id": causes.nda_id, "name_clear_id": causes.name_clear_id,
    }, {"text_hash": bound.hash.hex()})
    await tx.execute(_SCHEDULE, {
        "id": schedule_id, "deal_id": deal.id, "listing_id": deal.listing_id, "buyer_id": deal.buyer_id,
        "nda_id": causes.nda_id, "name_clear_id": causes.name_clear_id, "ja": bound.ja, "en": bound.en,
        "hash": bound.hash, "entry_id": entry_id,
    })
    await set_document(tx, causes.nda_id)


_OF_GRANT = text("SELECT deal_id FROM vault.disclosure_grant WHERE id = :id")
_REVOKE = text("UPDATE vault.disclosure_grant SET revoked_at = now(), revoked_by = :by, revoke_reason = :reason "
               "WHERE id = ANY(:ids) RETURNING id")
# Who loses the dossier loses the data room with it.
_WITH_IT = text("SELECT other.id FROM vault.disclosure_grant g JOIN vault.disclosure_grant other ON other.deal_id = g.deal_id "
                "AND other.revoked_at IS NULL AND (other.id = g.id OR g.level = 'dossier') "
                "WHERE g.id = :id AND g.revoked_at IS NULL")


async def revoke_grant(tx: AsyncSession, actor: Actor, grant_id: UUID, reason: RevokeReason) -> None:
    """End a release: nothing more is read on it from the commit on. Raises Problem step_refused when it has ended."""
    deal_id = (await tx.execute(_OF_GRANT, {"id": grant_id})).scalar()
    if deal_id is None:
        raise Problem("not_found")
    deal = await lock_deal(tx, deal_id, "seller", ended=True)
    ids = [row.id for row in await tx.execute(_WITH_IT, {"id": grant_id})]
    if not ids:
        raise Problem("step_refused")
    await tx.execute(_REVOKE, {"ids": ids, "by": f"member:{actor.member_id}", "reason": reason})
    for each in sorted(ids):
        await ledger.append(tx, deal.listing_id, "revoked", deal.id, {"grant_id": each, "reason": reason})
    await tell_buyer(tx, deal, "access_ended")
    await record(tx, "revoke_grant", deal.id, reason=reason)
