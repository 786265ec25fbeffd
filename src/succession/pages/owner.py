"""What does the owner see and answer? One page per single-use link: opening it changes nothing, a confirmed POST does.

Japanese first, no script, large type. The question itself comes from whoever registered it (listings/owner.py); an
answer counts only for the very text that was shown, which a keyed hash in the form proves. An answer that needs a code is
given in two steps: pressing it mails the code, typing the code gives the answer. How it looks: owner_sheet.py.
"""

import hmac
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import ANONYMOUS, check_stated_origin
from succession.config import Settings
from succession.database import Databases, driver
from succession.errors import Problem, field_problem
from succession.http import database_problem
from succession.i18n import SUPPORTED_LOCALES, Message, _
from succession.listings.commands import lock_listing
from succession.listings.owner import OWNER_SUBJECTS, Adviser, Answer, Choice, Link, Sheet, find_adviser, find_link, renew_link, use_link
from succession.listings.papers import check_answer
from succession.one_time_code import issue, spend
from succession.outbox import mail
from succession.pages import owner_sheet
from succession.throttle import spend as throttle
from succession.wiring import Config, Memory, Pools

FORM_BYTES_MOST = 16 * 1024
RENEWALS_A_DAY = 3
CODES_A_DAY = 8  # letters with a code, per link; one_time_code.py counts per person as well
Lang = Literal[SUPPORTED_LOCALES]
PUBLIC = {"public": True}
CODE_PROBLEMS = frozenset({"code_invalid", "code_expired", "rate_limited", "code_needed"})


@get("/owner/{token:str}", opt=PUBLIC, operation_id="OpenOwnerPage", summary="The owner's page",
     include_in_schema=False)
async def open_page(databases: Pools, settings: Config, token: FromPath[str],
                    lang: FromQuery[Lang | None] = None) -> Response[str]:
    link = await _find(databases, token)
    if link is None or not link.live:
        return owner_sheet.gone(link, token, lang)
    sheet, adviser = await _load(databases, link, lang or link.locale)
    form_key = _form_key(settings.key("owner-form"), token, sheet)
    return owner_sheet.asked(sheet, adviser, link, lang or link.locale, form_key, f"/owner/{token}/knowledge")


@post("/owner/{token:str}", opt=PUBLIC, operation_id="AnswerOwnerPage", summary="The owner's answer", status_code=200,
      include_in_schema=False, request_max_body_size=FORM_BYTES_MOST)
async def answer_page(request: Request, databases: Pools, settings: Config, redis: Memory, token: FromPath[str],
                      lang: FromQuery[Lang | None] = None) -> Response[str]:
    check_stated_origin(request)
    link = await _find(databases, token)
    if link is None or not link.live:
        return owner_sheet.gone(link, token, lang)
    locale = lang or link.locale
    given = owner_sheet.Given.of(await request.form())
    try:
        asking = await _answer(request, databases, settings, link, token, given, locale)
        if isinstance(asking, Message):
            return owner_sheet.said(_("Recorded"), asking, locale)
        if not link.handed:
            await throttle(redis, f"owner-code:{link.id}", CODES_A_DAY, 86_400)
            await _mail_code(databases, settings, link)
        return owner_sheet.code_asked((await _load(databases, link, locale))[1], link, asking, given, locale)
    except Problem as problem:
        if problem.code == "link_invalid":
            return owner_sheet.gone(link, token, lang)
        sheet, adviser = await _load(databases, link, locale)
        chosen = _choice(sheet, given.decision)
        if given.code and chosen is not None and chosen.needs_code and problem.code in CODE_PROBLEMS:
            return owner_sheet.code_asked(adviser, link, chosen, given, locale, problem)
        return owner_sheet.asked(sheet, adviser, link, locale, _form_key(settings.key("owner-form"), token, sheet),
                                 f"/owner/{token}/knowledge", problem, given)


@post("/owner/{token:str}/renewal", opt=PUBLIC, operation_id="RenewOwnerLink", summary="Mail the owner a fresh link",
      status_code=200, include_in_schema=False, request_max_body_size=FORM_BYTES_MOST)
async def renew(request: Request, databases: Pools, settings: Config, redis: Memory, token: FromPath[str],
                lang: FromQuery[Lang | None] = None) -> Response[str]:
    check_stated_origin(request)
    link = await _find(databases, token)
    if link is None:
        return owner_sheet.gone(link, token, lang)
    try:
        await throttle(redis, f"owner-renewal:{link.id}", RENEWALS_A_DAY, 86_400)
    except Problem as problem:
        again = Message.of(_("New links were sent several times today. Please look for the letter, or try tomorrow."))
        return owner_sheet.said(_("A new link"), again, lang or link.locale, problem.status)
    async with databases.tx(link.scope()) as tx:
        await renew_link(tx, link, datetime.now(UTC), settings.public_url)
    sent = Message.of(_("If there is an address on record, a new link is on its way to it."))
    return owner_sheet.said(_("A new link"), sent, lang or link.locale)


async def _find(databases: Databases, token: str) -> Link | None:
    async with databases.read(ANONYMOUS.scope()) as connection:
        return await find_link(connection, token)


async def _load(databases: Databases, link: Link, locale: str) -> tuple[Sheet, Adviser | None]:
    async with databases.read(link.scope()) as connection:
        sheet = await OWNER_SUBJECTS[link.purpose].load(connection, link.listing_id, link.subject_id, locale, link.contact_id)
        return sheet, await find_adviser(connection, link.listing_id)


def _choice(sheet: Sheet, decision: str) -> Choice | None:
    return next((choice for choice in sheet.choices if choice.value == decision), None)


async def _answer(request: Request, databases: Databases, settings: Settings, link: Link, token: str, given: owner_sheet.Given,
                  locale: str) -> Message | Choice:
    """The sentence that thanks; or the choice for which a code has to be typed first, with nothing done.

    Everything in one transaction: link and code are spent and the answer recorded, or nothing is.
    """
    now, subject = datetime.now(UTC), OWNER_SUBJECTS[link.purpose]
    try:
        async with databases.tx(link.scope()) as tx:
            listing = await lock_listing(tx, link.listing_id)
            sheet = await subject.load(await driver(tx), link.listing_id, link.subject_id, locale, link.contact_id)
            if not hmac.compare_digest(given.form_key, _form_key(settings.key("owner-form"), token, sheet)):
                raise Problem("conflict", detail=Message.of(_("This page is out of date. Please read it again.")))
            check_answer(sheet, given.decision, given.boxes)
            choice = _choice(sheet, given.decision)
            if choice.needs_reading and not given.read:
                raise field_problem("read", Message.of(_("Please tick that you have read the text.")))
            if choice.needs_code and not given.code:
                return choice
            evidence = {"address": request.user.address, "agent": request.user.agent, "locale": locale,
                        "shown_sha256": sheet.shown_hash, "link": str(link.id), "handed": link.handed}
            code_id = await _spend_code(tx, databases, settings, link, given.code, evidence) if choice.needs_code else None
            if not await use_link(tx, link, now):
                raise Problem("link_invalid")
            answer = Answer(given.decision, given.boxes, link.owner_name, "link", None, evidence, link.contact_id, link.id, code_id)
            return await subject.decide(tx, listing, link.subject_id, answer, now, settings.public_url)
    except DBAPIError as error:  # the database refuses a second time, by the same rules
        raise database_problem(error.orig.__cause__ or error) from error


def _holder(link: Link) -> str:
    return f"contact:{link.contact_id}"


async def _mail_code(databases: Databases, settings: Settings, link: Link) -> None:
    """Six digits to the address on record: whoever answers reads that mailbox now, not only the letter of some days ago."""
    async with databases.tx(link.scope()) as tx:
        code = await issue(tx, settings, link.purpose, link.subject_id, _holder(link))
        await mail(tx, "owner_code", address=link.email, locale=link.locale, name=link.owner_name, code=code)


async def _spend_code(tx: AsyncSession, databases: Databases, settings: Settings, link: Link, code: str,
                      evidence: dict[str, object]) -> UUID:
    spent = await spend(tx, databases, settings, link.purpose, link.subject_id, _holder(link), code)
    evidence["code"] = {"channel": spent.channel, "issued_at": spent.issued_at, "spent_at": spent.spent_at}
    return spent.id


def _form_key(key: bytes, token: str, sheet: Sheet) -> str:
    """Proves that the page was opened through this link and showed this text, with these answers to it."""
    answers = " ".join(choice.value for choice in sheet.choices)
    return hmac.new(key, f"{token}\0{sheet.shown_hash}\0{answers}".encode(), sha256).hexdigest()


OWNER_PAGE: list = [open_page, answer_page, renew]
