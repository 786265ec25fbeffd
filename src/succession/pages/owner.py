"""What does the owner see and answer? One page per single-use link: opening it changes nothing, a confirmed POST does.

Japanese first, no script, large type. The question itself comes from whoever registered it (listings/owner.py); an
answer counts only for the very text that was shown, which a keyed hash in the form proves.
"""

import hmac
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery
from sqlalchemy.exc import DBAPIError

from succession.actor import ANONYMOUS, check_stated_origin
from succession.database import Databases, driver
from succession.errors import PROBLEMS, Problem, field_problem
from succession.http import database_problem
from succession.i18n import SUPPORTED_LOCALES, Message, _, translate
from succession.listings.commands import lock_listing
from succession.listings.owner import OWNER_SUBJECTS, Answer, Link, Sheet, find_link, renew_link, use_link
from succession.listings.papers import check_answer
from succession.pages.rendering import page
from succession.throttle import spend
from succession.wiring import Config, Memory, Pools

FORM_BYTES_MOST = 16 * 1024
RENEWALS_A_DAY = 3
Lang = Literal[SUPPORTED_LOCALES]
PUBLIC = {"public": True}


@get("/owner/{token:str}", opt=PUBLIC, operation_id="OpenOwnerPage", summary="The owner's page",
     include_in_schema=False)
async def open_page(databases: Pools, settings: Config, token: FromPath[str],
                    lang: FromQuery[Lang | None] = None) -> Response[str]:
    link = await _find(databases, token)
    if link is None or not link.live:
        return _gone(link, token, lang)
    sheet = await _load(databases, link, lang or link.locale)
    return _asked(sheet, link, lang or link.locale, _form_key(settings.key("owner-form"), token, sheet))


@post("/owner/{token:str}", opt=PUBLIC, operation_id="AnswerOwnerPage", summary="The owner's answer", status_code=200,
      include_in_schema=False, request_max_body_size=FORM_BYTES_MOST)
async def answer_page(request: Request, databases: Pools, settings: Config, token: FromPath[str],
                      lang: FromQuery[Lang | None] = None) -> Response[str]:
    check_stated_origin(request)
    link = await _find(databases, token)
    if link is None or not link.live:
        return _gone(link, token, lang)
    locale, key = lang or link.locale, settings.key("owner-form")
    form = await request.form()
    try:
        thanks = await _answer(request, databases, link, token, key, locale, settings.public_url)
    except Problem as problem:
        if problem.code == "link_invalid":
            return _gone(link, token, lang)
        sheet = await _load(databases, link, locale)
        ticked = tuple(form.getall("box", []))
        return _asked(sheet, link, locale, _form_key(key, token, sheet), problem, ticked, "read" in form)
    return _said(_("Recorded"), thanks, locale)


@post("/owner/{token:str}/renewal", opt=PUBLIC, operation_id="RenewOwnerLink", summary="Mail the owner a fresh link",
      status_code=200, include_in_schema=False, request_max_body_size=FORM_BYTES_MOST)
async def renew(request: Request, databases: Pools, settings: Config, redis: Memory, token: FromPath[str],
                lang: FromQuery[Lang | None] = None) -> Response[str]:
    check_stated_origin(request)
    link = await _find(databases, token)
    if link is None:
        return _gone(link, token, lang)
    try:
        await spend(redis, f"owner-renewal:{link.id}", RENEWALS_A_DAY, 86_400)
    except Problem as problem:
        again = Message.of(_("New links were sent several times today. Please look for the letter, or try tomorrow."))
        return _said(_("A new link"), again, lang or link.locale, problem.status)
    async with databases.tx(link.scope()) as tx:
        await renew_link(tx, link, datetime.now(UTC), settings.public_url)
    sent = Message.of(_("If there is an address on record, a new link is on its way to it."))
    return _said(_("A new link"), sent, lang or link.locale)


async def _find(databases: Databases, token: str) -> Link | None:
    async with databases.read(ANONYMOUS.scope()) as connection:
        return await find_link(connection, token)


async def _load(databases: Databases, link: Link, locale: str) -> Sheet:
    async with databases.read(link.scope()) as connection:
        return await OWNER_SUBJECTS[link.purpose].load(connection, link.listing_id, link.subject_id, locale)


async def _answer(request: Request, databases: Databases, link: Link, token: str, key: bytes, locale: str,
                  public_url: str) -> Message:
    """Everything in one transaction: the link is spent and the answer recorded, or neither."""
    form, now = await request.form(), datetime.now(UTC)
    decision, boxes = str(form.get("decision", "")), tuple(map(str, form.getall("box", [])))
    subject = OWNER_SUBJECTS[link.purpose]
    try:
        async with databases.tx(link.scope()) as tx:
            listing = await lock_listing(tx, link.listing_id)
            sheet = await subject.load(await driver(tx), link.listing_id, link.subject_id, locale)
            if not hmac.compare_digest(str(form.get("form_key", "")), _form_key(key, token, sheet)):
                raise Problem("conflict", detail=Message.of(_("This page is out of date. Please read it again.")))
            check_answer(sheet, decision, boxes)
            if any(c.needs_reading for c in sheet.choices if c.value == decision) and form.get("read") != "yes":
                raise field_problem("read", Message.of(_("Please tick that you have read the text.")))
            if not await use_link(tx, link, now):
                raise Problem("link_invalid")
            evidence = {"address": request.user.address, "agent": request.user.agent, "locale": locale,
                        "shown_sha256": sheet.shown_hash, "link": str(link.id)}
            answer = Answer(decision, boxes, link.owner_name, "link", None, evidence)
            return await subject.decide(tx, listing, link.subject_id, answer, now, public_url)
    except DBAPIError as error:  # the database refuses a second time, by the same rules
        raise database_problem(error.orig.__cause__ or error) from error


def _form_key(key: bytes, token: str, sheet: Sheet) -> str:
    """Proves that the page was opened through this link and showed this text, with these answers to it."""
    answers = " ".join(choice.value for choice in sheet.choices)
    return hmac.new(key, f"{token}\0{sheet.shown_hash}\0{answers}".encode(), sha256).hexdigest()


# ---------------------------------------------------------------------------------------------------------------------
# Rendering

_NOTHING = dict(error=None, greeting=None, lead=(), text_ja=None, boxes_title=None, boxes=(), notes=(), choices=(),
                asks_reading=False, was_read=False, ticked=(), form_key="", renewal=None)  # fmt: skip


def _asked(sheet: Sheet, link: Link, locale: str, form_key: str, problem: Problem | None = None,
           ticked: tuple[str, ...] = (), was_read: bool = False) -> Response[str]:
    def words(message: Message) -> str:
        return translate(message, locale)

    return page(
        "owner.html", locale, problem.status if problem else 200,
        **_NOTHING | dict(
            title=words(sheet.title), error=_sentence(problem, locale) if problem else None,
            greeting=words(Message.of(_("Dear {name},"), name=link.owner_name)), lead=[words(m) for m in sheet.lead],
            text_ja=sheet.text_ja, boxes_title=words(sheet.boxes_title) if sheet.boxes_title else None,
            boxes=[dict(name=b.name, label=b.label, explanation=words(b.explanation)) for b in sheet.boxes],
            notes=[words(m) for m in sheet.notes], was_read=was_read, ticked=ticked, form_key=form_key,
            choices=[dict(value=c.value, label=words(c.label)) for c in sheet.choices],
            asks_reading=any(c.needs_reading for c in sheet.choices),
        ),
    )  # fmt: skip


def _sentence(problem: Problem, locale: str) -> str:
    first = problem.errors[0].message if problem.errors else problem.detail
    return translate(first or Message(PROBLEMS[problem.code][1]), locale)


def _said(title: str, sentence: Message, locale: str, status_code: int = 200) -> Response[str]:
    said = dict(title=translate(title, locale), lead=[translate(sentence, locale)])
    return page("owner.html", locale, status_code, **_NOTHING | said)


def _gone(link: Link | None, token: str, lang: str | None) -> Response[str]:
    """Nothing of any company, and nothing of whether there ever was one, beyond that a link once existed."""
    locale = lang or (link.locale if link else SUPPORTED_LOCALES[0])
    lead = [Message.of(_("This link was used already, has expired, or is not complete. Nothing was changed.")),
            Message.of(_("What you decided before stays as it is."))]
    return page(
        "owner.html", locale, 410 if link else 404,
        **_NOTHING | dict(title=translate(_("This link is no longer open"), locale),
                          lead=[translate(m, locale) for m in lead],
                          renewal=f"/owner/{token}/renewal" if link else None),
    )  # fmt: skip


OWNER_PAGE: list = [open_page, answer_page, renew]
