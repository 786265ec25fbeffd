"""Which requests ask, answer and read questions about a company?"""

from typing import Annotated, Literal
from uuid import UUID

from litestar import Request, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct

from succession.characters import PROSE
from succession.database import driver
from succession.disclosure.commands import questions
from succession.disclosure.question_codes import QUESTIONS, REPLIES
from succession.disclosure.question_queries import (
    HeldAnswerPage,
    QuestionPage,
    QuestionView,
    find_question,
    list_held_answers,
    list_questions,
)
from succession.http import documented
from succession.idempotency import creates
from succession.paging import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MOST, page_asked
from succession.wiring import Config, Locale, Pools, Read, Tx, Who

Asked = Annotated[str, Meta(min_length=1, max_length=2000, pattern=PROSE)]
Answered = Annotated[str, Meta(min_length=1, max_length=4000, pattern=PROSE)]
Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_LIMIT_MOST)]


class NewQuestion(Struct, forbid_unknown_fields=True):
    """One of the two. Before the name clear a coded question gets a coded reply; one in your own words may have to wait."""

    code: Literal[QUESTIONS] | None = None
    words: Asked | None = None


class NewAnswer(Struct, forbid_unknown_fields=True):
    """A coded `reply`, or `words` in `locale`. Words before the name clear wait for the scanner and a second person.

    `reach` cleared: everybody who knows the name reads it, under `question_shown`; possible after the name clear only.
    """

    reply: Literal[REPLIES] | None = None
    words: Answered | None = None
    locale: Literal["ja", "en"] | None = None
    reach: questions.Reach = "asker"
    question_shown: Asked | None = None


class AnswerReview(Struct, forbid_unknown_fields=True):
    decision: Literal["passed", "refused"]


@post("/disclosure-requests/{deal_id:uuid}/questions", opt={"permission": "question:ask"}, operation_id="AskQuestion",
      summary="Ask the adviser about the company",
      responses=documented("not_found", "request_concluded", "limit_reached", "idempotency_key_reused"))
@creates
async def ask(request: Request, tx: Tx, actor: Who, deal_id: FromPath[UUID], data: JSONBody[NewQuestion]) -> QuestionView:
    question_id = await questions.ask_question(tx, actor, deal_id, data.code, data.words)
    return await find_question(await driver(tx), question_id)


@get("/disclosure-requests/{deal_id:uuid}/questions", opt={"permission": "question:read"}, operation_id="ListQuestions",
     summary="Questions and answers of a request, as one's own side may read them; what is read freely is recorded",
     responses=documented("not_found", "cursor_invalid"))
async def read_questions(databases: Pools, actor: Who, settings: Config, deal_id: FromPath[UUID],
                         limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT, cursor: FromQuery[str | None] = None) -> QuestionPage:
    async with databases.tx(actor.scope()) as tx:
        await questions.note_questions_reading(tx, actor, deal_id)
    async with databases.read(actor.scope()) as read:
        return await list_questions(read, deal_id, page_asked(settings, actor, cursor, limit))


@post("/questions/{question_id:uuid}/answers", opt={"permission": "question:answer"}, operation_id="AnswerQuestion",
      summary="Answer a question, by code or in words",
      responses=documented("not_found", "request_concluded", "answer_reach", "idempotency_key_reused"))
@creates
async def answer(request: Request, tx: Tx, actor: Who, question_id: FromPath[UUID], data: JSONBody[NewAnswer]) -> QuestionView:
    given = questions.Given(data.reply, data.words, data.locale, data.reach, data.question_shown)
    await questions.answer_question(tx, actor, question_id, given)
    return await find_question(await driver(tx), question_id)


@get("/held-answers", opt={"permission": "answer_review:decide"}, operation_id="ListHeldAnswers",
     summary="Answers in words that wait for you to read them before the name clear", responses=documented("cursor_invalid"))
async def read_held(read: Read, actor: Who, settings: Config, locale: Locale, limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                    cursor: FromQuery[str | None] = None) -> HeldAnswerPage:
    return await list_held_answers(read, actor.member_id, page_asked(settings, actor, cursor, limit), locale)


@post("/held-answers/{answer_id:uuid}/review", opt={"permission": "answer_review:decide"}, operation_id="ReviewAnswer", status_code=200,
      summary="Pass or refuse, as a second person, an answer in words",
      responses=documented("not_found", "request_concluded", "second_confirmation_needed", "prose_not_clean", "conflict"))
async def review(tx: Tx, actor: Who, answer_id: FromPath[UUID], data: JSONBody[AnswerReview]) -> QuestionView:
    question_id = await questions.review_answer(tx, actor, answer_id, data.decision)
    return await find_question(await driver(tx), question_id)


ROUTES: list = [ask, read_questions, answer, read_held, review]
