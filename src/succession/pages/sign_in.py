"""Where does a member sign in with nothing but a browser, and what is there for them then? One page, without a script.

Email, password and, for who has set one up, the code of the authenticator app. Tries are counted where the API counts them; who has given
no code yet is sent to `/second-factor`, and may nothing before that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromQuery
from litestar.response import Redirect
from msgspec import Meta
from redis.asyncio import Redis

from succession.accounts import second_factor
from succession.accounts.passwords import LENGTH_MOST
from succession.accounts.sign_in import SignedIn, sign_in
from succession.actor import Actor, actor_of_member, check_stated_origin, session_cookie
from succession.config import Settings
from succession.database import Databases
from succession.errors import PROBLEMS, Problem
from succession.i18n import Message, translate
from succession.pages.owner import Lang
from succession.pages.rendering import page
from succession.pages.second_factor import CODE_MOST
from succession.permissions import refusal
from succession.wiring import Config, Cookies, Locale, Memory, Pools, Who

PUBLIC = {"public": True}
EMAIL_MOST, LISTED_MOST = 320, 20
Said = Annotated[str, Meta(max_length=20)]


class Leads(msgspec.Struct):
    """Pages of this member, newest first: agreements by project name, and companies it holds by its own reference."""

    agreements: list[tuple[str, str]]
    listings: list[tuple[str, str]]


_AGREEMENTS = """SELECT d.id::text, d.project_name FROM vault.deal d WHERE EXISTS (SELECT FROM vault.nda n WHERE n.deal_id = d.id)
ORDER BY d.requested_at DESC, d.id LIMIT $1"""
_LISTINGS = """SELECT l.id::text, coalesce(l.internal_reference, left(l.id::text, 8)) FROM vault.listing l
WHERE vault.holds(l.id) ORDER BY l.updated_at DESC, l.id LIMIT $1"""


@get("/sign-in", opt=PUBLIC, operation_id="OpenSignInPage", summary="Sign in with a browser, or see who you are here", include_in_schema=False)
async def open_page(actor: Who, databases: Pools, locale: Locale, lang: FromQuery[Lang | None] = None) -> Response[str] | Redirect:
    language = lang or locale
    if actor.kind == "anonymous":
        return _form(language)
    if actor.half:
        return Redirect("/second-factor", status_code=303)
    return page("signed_in.html", language, actor=actor, leads=await _leads(databases, actor))


@post("/sign-in", opt=PUBLIC, operation_id="AnswerSignInPage", summary="Sign in or out from the page", status_code=200,
      include_in_schema=False, request_max_body_size=8192)
async def answer_page(request: Request, actor: Who, databases: Pools, redis: Memory, sessions: Cookies, settings: Config, locale: Locale,
                      lang: FromQuery[Lang | None] = None) -> Response[str] | Redirect:
    check_stated_origin(request)
    form, language = await request.form(), lang or locale
    if form.get("step") == "out":
        if request.auth:
            await sessions.end(request.auth)
        return Redirect(f"/sign-in?lang={language}", status_code=303, cookies=[session_cookie(None, settings)])
    email, password, code = (str(form.get(name, "")) for name in ("email", "password", "code"))
    try:
        if not (len(email) <= EMAIL_MOST and 1 <= len(password) <= LENGTH_MOST):
            raise Problem("sign_in_failed")
        found = await sign_in(databases, redis, actor, email, password)
        confirmed = await _confirmed(databases, redis, settings, actor, found, code) if found.asked and code else False
    except Problem as problem:
        sentence = problem.errors[0].message if problem.errors else problem.detail or Message(PROBLEMS[problem.code][1])
        return _form(language, translate(sentence, language), email[:EMAIL_MOST], problem.status)
    if request.auth:
        await sessions.end(request.auth)
    token = await sessions.start(found.member_id, found.epoch, asked=found.asked, confirmed=confirmed)
    return Redirect(f"/sign-in?lang={language}", status_code=303, cookies=[session_cookie(token, settings)])


async def _confirmed(databases: Databases, redis: Redis, settings: Settings, visitor: Actor, found: SignedIn, code: str) -> bool:
    """The code is taken before there is a session: a wrong one leaves none behind. Raises what the second step of signing in raises."""
    member = await actor_of_member(databases, found.member_id)
    if member is None:
        raise Problem("sign_in_failed")
    half = replace(member, second_factor="to_give", address=visitor.address, agent=visitor.agent)
    async with databases.tx(half.scope()) as tx:
        await second_factor.confirm(tx, redis, settings, half, code[:CODE_MOST])
    return True


async def _leads(databases: Databases, actor: Actor) -> Leads:
    async with databases.read(actor.scope()) as connection:
        agreements = [] if refusal(actor, "nda:code") else await connection.fetch(_AGREEMENTS, LISTED_MOST)
        listings = [] if refusal(actor, "ledger:read") else await connection.fetch(_LISTINGS, LISTED_MOST)
    return Leads([tuple(row) for row in agreements], [tuple(row) for row in listings])


def _form(locale: str, error: str | None = None, email: str = "", status_code: int = 200) -> Response[str]:
    return page("sign_in.html", locale, status_code, error=error, email=email)


SIGN_IN_PAGE: list = [open_page, answer_page]
