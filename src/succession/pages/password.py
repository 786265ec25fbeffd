"""Where does the link of a registration, an invitation or a reset lead? To one page that takes a new password."""

from typing import Annotated

from litestar import Request, Response, get, post
from litestar.params import FromQuery
from msgspec import Meta

from succession.accounts import members
from succession.accounts.passwords import LENGTH_LEAST, LENGTH_MOST
from succession.accounts.sign_in import spend_try
from succession.actor import check_stated_origin
from succession.errors import PROBLEMS, Problem
from succession.i18n import Message, _, translate
from succession.pages.rendering import page
from succession.throttle import network_of
from succession.wiring import Config, Locale, Memory, Pools, Who

PUBLIC = {"public": True}
Token = Annotated[str, Meta(max_length=100)]


@get("/password", opt=PUBLIC, operation_id="OpenPasswordPage", summary="Choose a password", include_in_schema=False)
async def open_page(locale: Locale, token: FromQuery[Token]) -> Response[str]:
    return _form(locale, token)


@post("/password", opt=PUBLIC, operation_id="AnswerPasswordPage", summary="Keep the password chosen", status_code=200,
      include_in_schema=False, request_max_body_size=8192)
async def answer_page(request: Request, actor: Who, databases: Pools, redis: Memory, settings: Config, locale: Locale,
                      token: FromQuery[Token]) -> Response[str]:
    check_stated_origin(request)
    form = await request.form()
    password = str(form.get("password", ""))
    try:
        await spend_try(redis, "token_network", network_of(actor.address))
        if not LENGTH_LEAST <= len(password) <= LENGTH_MOST:
            raise Problem("validation", _length())
        if password != str(form.get("again", "")):
            raise Problem("validation", Message.of(_("The two entries differ.")))
        await members.set_password_by_token(databases, settings, actor, token, password)
    except Problem as problem:
        sentence = problem.errors[0].message if problem.errors else problem.detail or Message(PROBLEMS[problem.code][1])
        return _form(locale, token, translate(sentence, locale), problem.status)
    done = Message.of(_("Your password is set. You can sign in now."))
    return page("password.html", locale, title=translate(_("Recorded"), locale), error=None, hint=translate(done, locale), open=False)


def _length() -> Message:
    return Message.of(_("A password has {least} to {most} characters."), least=LENGTH_LEAST, most=LENGTH_MOST)


def _form(locale: str, token: str, error: str | None = None, status_code: int = 200) -> Response[str]:
    return page("password.html", locale, status_code, title=translate(_("Choose a new password"), locale), error=error,
                hint=translate(_length(), locale), open=True)


PASSWORD_PAGE: list = [open_page, answer_page]
