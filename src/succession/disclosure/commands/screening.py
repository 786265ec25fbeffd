"""How is a buyer screened, by whom is that decided, and who confirms it?

The matcher proposes, named members decide (SME M&A Guidelines 3rd ed., G9). Nobody clears likenesses unread: clearing
needs the fingerprint of exactly the findings that were shown, a sentence why they are somebody else, and a second person who
has read the same. Where nothing was found one person decides; one is enough to refuse.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.database import driver
from succession.days import JAPAN, day_in_japan
from succession.disclosure import ledger
from succession.disclosure.commands.requests import LockedDeal, conclude_deal, lock_deal
from succession.disclosure.matching import Findings, ListConsulted, match_deal
from succession.disclosure.owner_words import ListRead, ScreeningOutcome, screening_words
from succession.disclosure.screening import default_expiry, matcher_version, occasion_of
from succession.disclosure.screening_told import tell_owner
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.outbox import mail, record

REFUSAL_REASONS = ("sanctions", "screening_adverse", "no_real_business", "no_proof_of_funds", "false_statement")


def end_of_day(day: date) -> datetime:
    """The first moment after a day in Japan."""
    return datetime.combine(day + timedelta(days=1), time(), tzinfo=JAPAN).astimezone(UTC)


_BEFORE = text("SELECT EXISTS (SELECT FROM vault.screening WHERE deal_id = :deal)")
_RUN = text(
    "INSERT INTO vault.screening_run (id, deal_id, listing_id, buyer_id, occasion, matcher, parties_hash, parties, lists, candidates, fingerprint, "
    "ran_by) VALUES (:id, :deal_id, :listing_id, :buyer_id, :occasion, :matcher, :parties_hash, :parties, CAST(:lists AS jsonb), "
    "CAST(:candidates AS jsonb), :fingerprint, :member)")
_INSERT = text(
    "INSERT INTO vault.screening (deal_id, listing_id, buyer_id, run_id, lists, candidates, decision, explanation, words_for_owner, "
    "words_for_owner_en, decided_by, expires_at) VALUES (:deal_id, :listing_id, :buyer_id, :run_id, CAST(:lists AS jsonb), "
    "CAST(:candidates AS jsonb), :decision, :explanation, :ja, :en, :member, :expires_at) RETURNING id")


async def decide_screening(tx: AsyncSession, actor: Actor, deal_id: UUID, decision: str, reason: str | None,
                           explanation: str | None, findings_read: str | None, public_url: str) -> UUID:
    """Keep the run and the decision of this member; a refusal ends the deal. Returns the screening's id.

    An owner who knows the buyer is told. Clearing likenesses is a proposal until another person confirms it. Raises Problem screening_unread (with the findings)
    when likenesses are cleared unread, validation without a reason.
    """
    deal = await lock_deal(tx, deal_id, "seller")
    if decision == "refused" and reason is None:
        raise field_problem("reason", Message.of(_("A refusal needs one of the listed reasons.")), REFUSAL_REASONS)
    findings = await match_deal(await driver(tx), deal.id)
    waits = decision == "cleared" and bool(findings.candidates)
    if waits:
        if findings_read != findings.fingerprint:
            raise Problem("screening_unread", extra={"findings": msgspec.to_builtins(findings)})
        if not explanation:
            raise field_problem("explanation", Message.of(_("Say why the records found are somebody else.")))
    run_id, occasion = await _keep_run(tx, actor, deal, findings)
    screening_id = await _store(tx, actor, deal, decision, explanation, findings, run_id)
    await ledger.append(tx, deal.listing_id, "screening_decided", deal.id, {
        "screening_id": screening_id, "run_id": run_id, "occasion": occasion, "matcher": matcher_version(), "decision": decision, "reason": reason,
        "likenesses": len(findings.candidates), "waits": waits,
        "lists": [{"code": each.code, "version": each.version, "version_id": each.version_id, "entries": each.entries} for each in findings.lists],
    }, {"explanation": explanation} if explanation else None)
    await record(tx, "decide_screening", deal.id, decision=decision, waits=waits)
    if waits:
        await _tell_second_person(tx, deal, screening_id)
    else:
        await tell_owner(tx, deal.id, deal.listing_id, screening_id, deal.now, public_url)
    if decision == "refused":
        await conclude_deal(tx, deal, "refuse_screening", "screening_refused", str(reason), {"screening_id": str(screening_id)})
    return screening_id


async def _keep_run(tx: AsyncSession, actor: Actor, deal: LockedDeal, findings: Findings) -> tuple[UUID, str]:
    run_id = uuid4()
    occasion = occasion_of(deal.stage, bool((await tx.execute(_BEFORE, {"deal": deal.id})).scalar()))
    await tx.execute(_RUN, {
        "id": run_id, "deal_id": deal.id, "listing_id": deal.listing_id, "buyer_id": deal.buyer_id, "occasion": occasion,
        "matcher": matcher_version(), "parties_hash": findings.parties_hash, "parties": len(findings.parties),
        "lists": _json(findings.lists), "candidates": _json(findings.candidates), "fingerprint": findings.fingerprint, "member": actor.member_id})
    return run_id, occasion


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


async def _store(tx: AsyncSession, actor: Actor, deal: LockedDeal, decision: str, explanation: str | None,
                 findings: Findings, run_id: UUID) -> UUID:
    today = day_in_japan(deal.now)
    ja, en = screening_words(_outcome(decision, actor.name, today, findings.lists, len(findings.candidates), explanation))
    return (await tx.execute(_INSERT, {
        "deal_id": deal.id, "listing_id": deal.listing_id, "buyer_id": deal.buyer_id, "run_id": run_id,
        "lists": _json(findings.lists), "candidates": _json(findings.candidates), "explanation": explanation,
        "decision": decision, "ja": ja, "en": en, "member": actor.member_id,
        "expires_at": end_of_day(default_expiry(today)),
    })).scalar_one()


def _outcome(decision: str, by: str, on: date, lists: list[ListConsulted], likenesses: int, explanation: str | None,
             confirmed_by: str | None = None, confirmed_on: date | None = None, by_operator: bool = False) -> ScreeningOutcome:
    read = tuple(ListRead(each.title_ja or each.code, each.title_en or each.code, each.as_of and date.fromisoformat(each.as_of), each.entries)
                 for each in lists)
    return ScreeningOutcome(decision, by, on, read, likenesses, explanation, confirmed_by, confirmed_on, by_operator)


_COLLEAGUES = text("SELECT count(*) FROM vault.member WHERE organisation_id = :firm AND status = 'active'")
_OPERATORS = text("SELECT organisation_id FROM vault.operators()")


async def _tell_second_person(tx: AsyncSession, deal: LockedDeal, screening_id: UUID) -> None:
    """Colleagues, or the operator where there is none: no word of whom it is about."""
    alone = (await tx.execute(_COLLEAGUES, {"firm": deal.intermediary_id})).scalar_one() == 1
    if not alone:
        await mail(tx, "screening_waits", organisation=deal.intermediary_id, project=deal.project_name, dedupe_key=f"screening:{screening_id}")
        return
    for row in await tx.execute(_OPERATORS):
        await mail(tx, "screening_review_waits", organisation=row.organisation_id, dedupe_key=f"screening:{screening_id}:{row.organisation_id}")


# ---------------------------------------------------------------------------------------------------------------------
# The second person

_WAITING = text(
    "SELECT s.id, s.deal_id, s.listing_id, s.run_id, s.decision, s.decided_by, s.decided_at, s.confirmed_by, s.explanation, s.lists, "
    "jsonb_array_length(s.candidates) AS likenesses, r.fingerprint, coalesce(m.name, '') AS decider, now() AS now "
    "FROM vault.screening s JOIN vault.screening_run r ON r.id = s.run_id LEFT JOIN vault.member m ON m.id = s.decided_by "
    "WHERE s.id = :id FOR UPDATE OF s")
_CONFIRM = text("UPDATE vault.screening SET confirmed_by = :member, confirmed_at = now(), words_for_owner = :ja, words_for_owner_en = :en WHERE id = :id")


async def confirm_screening(tx: AsyncSession, actor: Actor, screening_id: UUID, findings_read: str, public_url: str) -> None:
    """A second person has read the same findings and clears them as well: another member of the firm, or a reviewer of the
    operator where the firm has one only (row-level security decides which).

    Raises Problem not_found, second_confirmation_needed for whoever proposed it, screening_unread for another fingerprint,
    screening_superseded, step_refused when it does not wait.
    """
    found = (await tx.execute(_WAITING, {"id": screening_id})).first()
    if found is None:
        raise Problem("not_found")
    if found.decision != "cleared" or found.likenesses == 0 or found.confirmed_by is not None:
        raise Problem("step_refused")
    if found.decided_by == actor.member_id:
        raise Problem("second_confirmation_needed")
    if found.fingerprint != findings_read:
        raise Problem("screening_unread")
    lists = msgspec.convert(found.lists if isinstance(found.lists, list) else msgspec.json.decode(found.lists), list[ListConsulted])
    ja, en = screening_words(_outcome("cleared", found.decider, day_in_japan(found.decided_at), lists, found.likenesses, found.explanation,
                                      actor.name, day_in_japan(found.now), actor.kind == "operator"))
    await tx.execute(_CONFIRM, {"id": screening_id, "member": actor.member_id, "ja": ja, "en": en})
    await ledger.append(tx, found.listing_id, "screening_confirmed", found.deal_id, {
        "screening_id": screening_id, "run_id": found.run_id, "by_operator": actor.kind == "operator"})
    await record(tx, "confirm_screening", found.deal_id, screening=screening_id)
    await tell_owner(tx, found.deal_id, found.listing_id, screening_id, found.now, public_url)
