"""Where does a member set up an authenticator app and type its codes, with nothing but a browser?"""

from __future__ import annotations

from typing import Annotated

from litestar import Request, Response, get, post
from litestar.params import FromQuery
from msgspec import Meta
from redis.asyncio import Redis

from succession.accounts import second_factor
from succession.actor import Actor, Sessions, session_cookie
from succession.config import Settings
from succession.database import Databases
from succession.errors import PROBLEMS, Problem
from succession.http import documented
from succession.i18n import Message, translate
from succession.pages.rendering import page
from succession.wiring import Config, Cookies, Locale, Memory, Pools, Who

CODE_MOST = 40
ENROLS = {"permission": "second_factor:enrol"}
Sent = Annotated[str, Meta(max_length=20)]


@get("/second-factor", opt=ENROLS, operation_id="OpenSecondFactorPage", summary="Set up an authenticator app, or type its code",
     include_in_schema=False, responses=documented())
async def open_page(databases: Pools, actor: Who, locale: Locale, done: FromQuery[Sent] = "") -> Response[str]:
    return _shown(locale, actor, await _enrolled(databases, actor), done=done == "1")


@post("/second-factor", opt=ENROLS, operation_id="AnswerSecondFactorPage", summary="A code was typed, or a new app is wanted", status_code=200,
      include_in_schema=False, request_max_body_size=8192)
async def answer_page(request: Request, databases: Pools, redis: Memory, sessions: Cookies, settings: Config, actor: Who,
                      locale: Locale) -> Response[str]:
    form = await request.form()
    step, code = str(form.get("step", "")), str(form.get("code", ""))[:CODE_MOST]
    enrolled = await _enrolled(databases, actor)
    try:
        if step == "begin":
            async with databases.tx(actor.scope()) as tx:
                return _shown(locale, actor, enrolled, begun=await second_factor.begin_enrolment(tx, settings, actor))
        if step == "set_up":
            return await _set_up(request, databases, redis, sessions, settings, actor, locale, code)
        async with databases.tx(actor.scope()) as tx:
            await second_factor.confirm(tx, redis, settings, actor, code)
        answer = _shown(locale, actor, True, done=True)
        return await _with_full_session(request, sessions, settings, answer) if actor.half else answer
    except Problem as problem:
        sentence = problem.errors[0].message if problem.errors else problem.detail or Message(PROBLEMS[problem.code][1])
        return _shown(locale, actor, enrolled, error=translate(sentence, locale), status_code=problem.status, typing_set_up=step == "set_up")


async def _set_up(request: Request, databases: Databases, redis: Redis, sessions: Sessions, settings: Settings, actor: Actor, locale: str,
                  code: str) -> Response[str]:
    async with databases.tx(actor.scope()) as tx:
        enrolled = await second_factor.confirm_enrolment(tx, redis, settings, actor, code)
    return await _with_full_session(request, sessions, settings, _shown(locale, actor, True, codes=enrolled.recovery_codes))


async def _with_full_session(request: Request, sessions: Sessions, settings: Settings, answer: Response[str]) -> Response[str]:
    answer.set_cookie(session_cookie(await sessions.confirm(request.auth), settings))
    return answer


async def _enrolled(databases: Databases, actor: Actor) -> bool:
    return await databases.app.fetchval("SELECT enrolled FROM vault.second_factor_of($1)", actor.member_id, timeout=5)


def _shown(locale: str, actor: Actor, enrolled: bool, *, begun: second_factor.Enrolment | None = None, codes: list[str] | None = None,
           done: bool = False, error: str | None = None, status_code: int = 200, typing_set_up: bool = False) -> Response[str]:
    return page("second_factor.html", locale, status_code, enrolled=enrolled, half=actor.half, begun=begun, codes=codes, done=done,
                error=error, typing_set_up=typing_set_up)


SECOND_FACTOR_PAGE: list = [open_page, answer_page]
