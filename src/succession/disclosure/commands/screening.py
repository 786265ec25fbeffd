"""How is a buyer screened against the operator's lists, and how are those lists kept?

The matcher proposes, a named member decides (SME M&A Guidelines 3rd ed., G9). Nobody clears likenesses unread: clearing
needs the fingerprint of exactly the findings that were shown, and a sentence why they are somebody else.
"""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.database import driver
from succession.days import JAPAN, day_in_japan
from succession.disclosure import ledger
from succession.disclosure.commands.requests import LockedDeal, conclude_deal, lock_deal
from succession.disclosure.owner_words import ScreeningOutcome, screening_words
from succession.disclosure.paper_queries import Findings, find_screening_input
from succession.disclosure.screening import default_expiry, find_candidates, normalise
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.outbox import record

REFUSAL_REASONS = ("sanctions", "screening_adverse", "no_real_business", "no_proof_of_funds", "false_statement")


def end_of_day(day: date) -> datetime:
    """The first moment after a day in Japan."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=JAPAN).astimezone(UTC)


async def match_buyer(connection: object, buyer_id: UUID) -> Findings:
    """What the lists say today about this buyer, its parents and its beneficial owners, with a fingerprint."""
    parties, entries, lists = await find_screening_input(connection, buyer_id)
    candidates = await asyncio.to_thread(find_candidates, parties, entries)  # pure, and long when lists are
    fingerprint = hashlib.sha256(msgspec.json.encode([lists, candidates])).hexdigest()
    return Findings(lists, candidates, fingerprint)


_INSERT = text(
    "INSERT INTO vault.screening (deal_id, listing_id, buyer_id, lists, candidates, decision, words_for_owner, "
    "words_for_owner_en, decided_by, expires_at) VALUES (:deal_id, :listing_id, :buyer_id, CAST(:lists AS jsonb), "
    "CAST(:candidates AS jsonb), :decision, :ja, :en, :member, :expires_at) RETURNING id")


async def decide_screening(tx: AsyncSession, actor: Actor, deal_id: UUID, decision: str, reason: str | None,
                           explanation: str | None, findings_read: str | None) -> UUID:
    """Record the decision of this member; a refusal ends the deal. Returns the screening's id.

    Raises Problem screening_unread (with the findings) when likenesses are cleared unread, validation without a reason.
    """
    deal = await lock_deal(tx, deal_id, "seller")
    if decision == "refused" and reason is None:
        raise field_problem("reason", Message.of(_("A refusal needs one of the listed reasons.")), REFUSAL_REASONS)
    findings = await match_buyer(await driver(tx), deal.buyer_id)
    if decision == "cleared" and findings.candidates:
        if findings_read != findings.fingerprint:
            raise Problem("screening_unread", extra={"findings": msgspec.to_builtins(findings)})
        if not explanation:
            raise field_problem("explanation", Message.of(_("Say why the records found are somebody else.")))
    screening_id = await _store(tx, actor, deal, decision, explanation, findings)
    await ledger.append(tx, deal.listing_id, "screening_decided", deal.id, {
        "screening_id": screening_id, "decision": decision, "reason": reason, "likenesses": len(findings.candidates),
        "lists": [{"code": each.code, "version": each.version, "entries": each.entries} for each in findings.lists],
    }, {"explanation": explanation} if explanation else None)
    await record(tx, "decide_screening", deal.id, decision=decision)
    if decision == "refused":
        await conclude_deal(tx, deal, "refuse_screening", "screening_refused", str(reason), {"screening_id": str(screening_id)})
    return screening_id


async def _store(tx: AsyncSession, actor: Actor, deal: LockedDeal, decision: str, explanation: str | None,
                 findings: Findings) -> UUID:
    today = day_in_japan(deal.now)
    ja, en = screening_words(ScreeningOutcome(
        decision, actor.name, today, len(findings.lists), sum(each.entries for each in findings.lists),
        len(findings.candidates), explanation))
    return (await tx.execute(_INSERT, {
        "deal_id": deal.id, "listing_id": deal.listing_id, "buyer_id": deal.buyer_id,
        "lists": msgspec.json.encode(findings.lists).decode(), "candidates": msgspec.json.encode(findings.candidates).decode(),
        "decision": decision, "ja": ja, "en": en, "member": actor.member_id,
        "expires_at": end_of_day(default_expiry(today)),
    })).scalar_one()


# ---------------------------------------------------------------------------------------------------------------------
# The lists

_ADD = text(
    "INSERT INTO vault.screening_list_entry (list_code, list_version, name, normalised, aliases, country, kind, reason, added_by) "
    "VALUES (:list_code, :list_version, :name, :normalised, :aliases, :country, :kind, :reason, :member) RETURNING id")
_REMOVE = text("UPDATE vault.screening_list_entry SET removed_at = now() WHERE id = :id AND removed_at IS NULL")


async def add_list_entries(tx: AsyncSession, actor: Actor, list_code: str, list_version: str, entries: list) -> list[UUID]:
    """Add names to a list under a version; returns their ids in order. Nothing already there is changed."""
    added = []
    for entry in entries:
        row = {"list_code": list_code, "list_version": list_version, "name": entry.name, "country": entry.country,
               "normalised": normalise(entry.name, entry.kind), "aliases": entry.aliases, "kind": entry.kind,
               "reason": entry.reason, "member": actor.member_id}
        added.append((await tx.execute(_ADD, row)).scalar_one())
    await record(tx, "add_list_entries", list_code, version=list_version, entries=len(added))
    return added


async def remove_list_entry(tx: AsyncSession, entry_id: UUID) -> None:
    """Take a name off; the row is kept, as screenings that consulted it are (at least ten years)."""
    if (await tx.execute(_REMOVE, {"id": entry_id})).rowcount == 0:
        raise Problem("not_found")
    await record(tx, "remove_list_entry", entry_id)
