"""How is a question asked and answered, and what holds an answer back before the name clear?

Before it a coded reply goes at once, a text waits for the scanner, which must find nothing, and for a second person of
the firm, who reads it. Which of the two it is the database decides (0023), from the same causes as every reading.
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.anonymity.scanner import CLEAN, Scan, own_of_profile
from succession.disclosure import ledger
from succession.disclosure.commands.requests import LockedDeal, lock_deal, tell_buyer
from succession.disclosure.question_codes import NEUTRAL, replies_to
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.listings.commands import read_profile
from succession.market.prose import scan_one
from succession.outbox import mail, record

OPEN_MOST = 50  # questions of one deal that nobody has answered yet
Reach = Literal["asker", "cleared"]

_WAITING = text("SELECT count(*) FROM vault.question q WHERE q.deal_id = :deal "
                "AND NOT EXISTS (SELECT FROM vault.answer a WHERE a.question_id = q.id)")
_ASK = text("INSERT INTO vault.question (deal_id, listing_id, code, words, asked_by) "
            "VALUES (:deal, :listing, :code, :words, :member) RETURNING id")


async def ask_question(tx: AsyncSession, actor: Actor, deal_id: UUID, code: str | None, words: str | None) -> UUID:
    """Put one question to the adviser; returns its id. Raises Problem validation unless exactly one of code and words is
    given, limit_reached while too many wait."""
    if (code is None) == (words is None):
        raise field_problem("words", Message.of(_("Choose one of the questions, or write your own.")))
    deal = await lock_deal(tx, deal_id, "buyer", "representative")
    if (await tx.execute(_WAITING, {"deal": deal.id})).scalar_one() >= OPEN_MOST:
        raise Problem("limit_reached")
    asked = {"deal": deal.id, "listing": deal.listing_id, "code": code, "words": words, "member": actor.member_id}
    question_id = (await tx.execute(_ASK, asked)).scalar_one()
    await ledger.append(tx, deal.listing_id, "asked", deal.id, {"question_id": question_id, "code": code},
                        {"words": words} if words else None)
    await mail(tx, "question_asked", organisation=deal.intermediary_id, project=deal.project_name)
    await record(tx, "ask_question", deal.id, question=str(question_id))
    return question_id


class Given(msgspec.Struct, frozen=True):
    """What an adviser answers: a coded `reply`, or `words` in one language. `question_shown`: the question as everybody
    reads it who knows the name, for reach `cleared`; who asked is never told."""

    reply: str | None
    words: str | None
    locale: str | None
    reach: Reach
    question_shown: str | None


_QUESTION = text("SELECT id, deal_id, code FROM vault.question WHERE id = :id")
_ANSWER = text(
    "INSERT INTO vault.answer (question_id, deal_id, listing_id, reply, words, locale, reach, question_shown, written_by) "
    "VALUES (:question, :deal, :listing, :reply, :words, :locale, :reach, :shown, :member) "
    "RETURNING id, before_name_clear, released_at")


async def answer_question(tx: AsyncSession, actor: Actor, question_id: UUID, given: Given) -> UUID:
    """Answer, or put a text before the scanner and a second person. Returns the answer's id.

    Raises Problem validation for a reply that does not fit, answer_reach for a reach beyond the asker before the name clear.
    """
    question = (await tx.execute(_QUESTION, {"id": question_id})).first()
    if question is None:
        raise Problem("not_found")
    deal = await lock_deal(tx, question.deal_id, "seller")
    _check(given, question.code)
    made = (await tx.execute(_ANSWER, {
        "question": question.id, "deal": deal.id, "listing": deal.listing_id, "reply": given.reply, "words": given.words,
        "locale": given.locale, "reach": given.reach, "shown": given.question_shown, "member": actor.member_id,
    })).one()
    if made.before_name_clear and given.words is not None:
        await _look(tx, made.id, deal.listing_id, given.words, given.locale)
    else:
        await _released(tx, deal, made.id, question.id, given.reply, given.words, made.before_name_clear)
    await record(tx, "answer_question", deal.id, answer=str(made.id))
    return made.id


def _check(given: Given, code: str | None) -> None:
    if (given.reply is None) == (given.words is None) or (given.words is None) != (given.locale is None):
        raise field_problem("words", Message.of(_("Choose one of the replies, or write your own and say in which language.")))
    if given.reply is not None and given.reply not in replies_to(code):
        raise field_problem("reply", Message.of(_("This reply does not fit the question.")), replies_to(code))
    if (given.reach == "cleared") != (given.question_shown is not None):
        raise field_problem("question_shown", Message.of(_("Say how the others read the question; the asker reads its own.")))
    if given.reach == "cleared" and given.reply in NEUTRAL:
        raise field_problem("reach", Message.of(_("This reply is for the asker alone.")), ("asker",))


_SCANNED = text("INSERT INTO vault.answer_scan (answer_id, listing_id, state, engine, findings) "
                "VALUES (:answer, :listing, :state, :engine, CAST(:findings AS jsonb))")


async def _look(tx: AsyncSession, answer_id: UUID, listing_id: UUID, words: str, locale: str) -> Scan:
    """The scanner's look, kept as evidence: places in the text, not the words again."""
    look = await scan_one(words, own_of_profile(await read_profile(tx, listing_id)), locale)
    places = [{"start": span.start, "end": span.end, "kind": span.kind} for span in look.spans]
    await tx.execute(_SCANNED, {"answer": answer_id, "listing": listing_id, "state": look.state, "engine": look.engine,
                                "findings": msgspec.json.encode(places).decode()})
    return look


async def _released(tx: AsyncSession, deal: LockedDeal, answer_id: UUID, question_id: UUID, reply: str | None, words: str | None,
                    before: bool) -> None:
    await ledger.append(tx, deal.listing_id, "answered", deal.id, {
        "answer_id": answer_id, "question_id": question_id, "reply": reply, "before_name_clear": before,
    }, {"words": words} if words else None)
    await tell_buyer(tx, deal, "question_answered")


_WRITTEN = text("SELECT id, question_id, deal_id, listing_id, words, locale, written_by, review, before_name_clear FROM vault.answer WHERE id = :id")
_REVIEW = text("UPDATE vault.answer SET review = :review, reviewed_by = :member, reviewed_at = now() WHERE id = :id")


async def review_answer(tx: AsyncSession, actor: Actor, answer_id: UUID, decision: Literal["passed", "refused"]) -> UUID:
    """A second person says that nobody is recognisable in a text; the scanner looks once more, with today's profile.
    Returns the question's id.

    Raises Problem second_confirmation_needed for one's own, prose_not_clean while the scanner objects, conflict once decided.
    """
    written = (await tx.execute(_WRITTEN, {"id": answer_id})).first()
    if written is None:
        raise Problem("not_found")
    deal = await lock_deal(tx, written.deal_id, "seller")
    written = (await tx.execute(_WRITTEN, {"id": answer_id})).one()  # again, now that nobody else decides
    if written.words is None or not written.before_name_clear or written.review is not None:
        raise Problem("conflict")
    if written.written_by == actor.member_id:
        raise Problem("second_confirmation_needed")
    look = await _look(tx, written.id, written.listing_id, written.words, written.locale)
    if decision == "passed" and look.state != CLEAN:
        raise Problem("prose_not_clean")
    await tx.execute(_REVIEW, {"id": answer_id, "review": decision, "member": actor.member_id})
    if decision == "passed":
        await _released(tx, deal, written.id, written.question_id, None, written.words, before=True)
    await record(tx, f"answer_{decision}", deal.id, answer=str(answer_id))
    return written.question_id


_READ = text(
    "INSERT INTO vault.access (grant_id, listing_id, organisation_id, member_id, what, address, agent) "
    "SELECT g.id, g.listing_id, ops.organisation(), ops.member(), 'questions', :address, :agent FROM vault.disclosure_grant g "
    "WHERE g.deal_id = :deal AND g.level = 'dossier' AND vault.party(g.deal_id) IN ('buyer', 'representative') "
    "AND vault.grant_holds(g.id)")


async def note_questions_reading(tx: AsyncSession, actor: Actor, deal_id: UUID) -> None:
    """Write down that this member reads what was answered freely; before the name clear there is nothing to write down."""
    await tx.execute(_READ, {"deal": deal_id, "address": actor.address, "agent": actor.agent})
