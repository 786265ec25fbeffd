"""What does each side read of questions and answers? Row-level security decides which answers there are for whom."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

from succession.anonymity.scanner import Scan, own_of_profile
from succession.errors import Problem
from succession.i18n import translate
from succession.listings.queries import find_profile
from succession.market.prose import FindingView, scan_one
from succession.paging import PageAsked


class AnswerView(msgspec.Struct):
    """`reply`: a code of scheme question_reply; else `words` in `locale`. `state`: released, or for the adviser alone held
    (waits for a second person) or refused. `reach`: asker, or cleared for everybody who knows the name."""

    id: UUID
    reply: str | None
    words: str | None
    locale: str | None
    reach: Literal["asker", "cleared"]
    state: Literal["released", "held", "refused"]
    before_name_clear: bool
    written_at: datetime


class QuestionView(msgspec.Struct):
    """`code`: of scheme question, else `words`."""

    id: UUID
    code: str | None
    words: str | None
    asked_at: datetime
    answers: list[AnswerView]


class SharedAnswer(msgspec.Struct):
    """What another buyer asked and everybody may read who knows the name: in the adviser's words, without who asked."""

    question: str
    reply: str | None
    words: str | None
    locale: str | None
    written_at: datetime


class QuestionPage(msgspec.Struct):
    """Oldest first. `shared`: on the first page, the newest 100; empty before the name clear."""

    items: list[QuestionView]
    shared: list[SharedAnswer]
    next_cursor: str | None


_STATE = """CASE WHEN a.released_at IS NOT NULL THEN 'released' WHEN a.review = 'refused' THEN 'refused' ELSE 'held' END"""
_ANSWERS = f"""coalesce((SELECT jsonb_agg(jsonb_build_object(
    'id', a.id, 'reply', a.reply, 'words', a.words, 'locale', a.locale, 'reach', a.reach, 'state', {_STATE},
    'before_name_clear', a.before_name_clear, 'written_at', a.written_at) ORDER BY a.written_at, a.id)
    FROM vault.answer a WHERE a.question_id = q.id), '[]')"""
_QUESTION = f"jsonb_build_object('id', q.id, 'code', q.code, 'words', q.words, 'asked_at', q.asked_at, 'answers', {_ANSWERS})::text"
_PAGE = f"""SELECT {_QUESTION} AS found, q.asked_at, q.id FROM vault.question q WHERE q.deal_id = $1
AND ($2::timestamptz IS NULL OR (q.asked_at, q.id) > ($2, $3::uuid)) ORDER BY q.asked_at, q.id LIMIT $4"""
_SHARED = """SELECT a.question_shown AS question, a.reply, a.words, a.locale, a.written_at
FROM vault.answer a JOIN vault.deal d ON d.id = $1
WHERE a.listing_id = d.listing_id AND a.deal_id <> d.id AND a.reach = 'cleared' AND a.released_at IS NOT NULL
  AND vault.party(d.id) IN ('buyer', 'representative') ORDER BY a.written_at DESC, a.id LIMIT 100"""


async def find_question(connection: asyncpg.Connection, question_id: UUID) -> QuestionView:
    """Problem not_found for one of a deal the scope is no party to."""
    found = await connection.fetchval(f"SELECT {_QUESTION} FROM vault.question q WHERE q.id = $1", question_id)
    if found is None:
        raise Problem("not_found")
    return msgspec.json.decode(found, type=QuestionView)


async def list_questions(connection: asyncpg.Connection, deal_id: UUID, page: PageAsked) -> QuestionPage:
    """Questions of one deal as this side reads them. Problem not_found for a deal the scope is no party to."""
    if await connection.fetchval("SELECT vault.party($1)", deal_id) is None:
        raise Problem("not_found")
    query = ["questions", str(deal_id)]
    rows = await connection.fetch(_PAGE, deal_id, *page.moment(query), page.limit + 1)
    rows, cursor = page.cut(rows, query, "asked_at", "id")
    shared = [] if page.cursor else [SharedAnswer(**row) for row in await connection.fetch(_SHARED, deal_id)]
    return QuestionPage([msgspec.json.decode(row["found"], type=QuestionView) for row in rows], shared, cursor)


# ---------------------------------------------------------------------------------------------------------------------
# Texts that wait for a second person


class HeldAnswer(msgspec.Struct, frozen=True):
    """A text that waits to be read by a colleague. `scan`: what the scanner says of it now; `findings` in the reader's
    language."""

    id: UUID
    question_id: UUID
    deal_id: UUID
    project_name: str
    question_code: str | None
    question_words: str | None
    words: str
    locale: str
    written_by: UUID
    written_at: datetime
    scan: str
    findings: list[FindingView]


class HeldAnswerPage(msgspec.Struct, frozen=True):
    """Oldest first."""

    items: list[HeldAnswer]
    next_cursor: str | None


_HELD = """SELECT a.id, a.question_id, a.deal_id, a.listing_id, d.project_name, q.code AS question_code, q.words AS question_words, a.words, a.locale,
    a.written_by, a.written_at
FROM vault.answer a JOIN vault.question q ON q.id = a.question_id JOIN vault.deal d ON d.id = a.deal_id
WHERE a.before_name_clear AND a.words IS NOT NULL AND a.review IS NULL AND a.written_by <> $1 AND d.terminal IS NULL
  AND vault.party(a.deal_id) = 'seller' AND ($2::timestamptz IS NULL OR (a.written_at, a.id) > ($2, $3::uuid))
ORDER BY a.written_at, a.id LIMIT $4"""


async def list_held_answers(connection: asyncpg.Connection, member_id: UUID, page: PageAsked, locale: str) -> HeldAnswerPage:
    """Those this member may pass or refuse: not one's own."""
    rows = await connection.fetch(_HELD, member_id, *page.moment(["held-answers"]), page.limit + 1)
    rows, cursor = page.cut(rows, ["held-answers"], "written_at", "id")
    held = []
    for row in rows:
        fields = dict(row)
        own = own_of_profile(await find_profile(connection, fields.pop("listing_id")))
        look = await scan_one(row["words"], own, row["locale"])
        held.append(HeldAnswer(**fields, scan=look.state, findings=_findings(look, row["words"], row["locale"], locale)))
    return HeldAnswerPage(held, cursor)


def _findings(look: Scan, words: str, written_in: str, locale: str) -> list[FindingView]:
    return [FindingView(written_in, span.start, span.end, words[span.start : span.end], span.kind, translate(span.reason, locale),
                        translate(span.suggestion, locale) if span.suggestion else None) for span in look.spans]
