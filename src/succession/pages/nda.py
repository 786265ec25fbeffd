"""How does a buyer's member read a non-disclosure agreement and sign exactly what was on the page?

Both languages side by side, no script. The form carries the hash of the text that was rendered into it; a text offered
anew in between is shown again instead of being signed.
"""

from __future__ import annotations

from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery

from succession.actor import Actor
from succession.database import Databases
from succession.disclosure.commands.nda import sign_nda
from succession.disclosure.paper_queries import NdaView, find_nda
from succession.disclosure.routes import Signature
from succession.errors import PROBLEMS, Problem, field_problem
from succession.i18n import Message, _, format_date, translate
from succession.pages.owner import Lang
from succession.pages.rendering import page
from succession.wiring import Locale, Pools, Who

FORM_BYTES_MOST = 16 * 1024
SIGNS = {"permission": "nda:sign"}

_STATES = {
    "offered": _("Please read the agreement. Nothing is signed until you press the button below."),
    "signed": _("This agreement was signed by {name} on {day}."),
    "expired": _("This agreement has expired."),
    "ended": _("No more information is provided under this agreement. Its duties of secrecy go on as agreed."),
}


@get("/nda/{deal_id:uuid}", opt=SIGNS, operation_id="OpenNdaPage", summary="Read an agreement", include_in_schema=False)
async def open_nda(databases: Pools, actor: Who, locale: Locale, deal_id: FromPath[UUID], lang: FromQuery[Lang | None] = None) -> Response[str]:
    return _shown(await _find(databases, actor, deal_id), lang or locale)


@post("/nda/{deal_id:uuid}", opt=SIGNS, operation_id="SignNdaPage", summary="Sign an agreement", status_code=200,
      include_in_schema=False, request_max_body_size=FORM_BYTES_MOST)
async def sign_shown(request: Request, databases: Pools, actor: Who, locale: Locale, deal_id: FromPath[UUID],
                     lang: FromQuery[Lang | None] = None) -> Response[str]:
    form, reader = await request.form(), lang or locale
    given = {name: str(form.get(name, "")) for name in ("text_hash", "name", "title")}
    try:
        signature = _signature(given, reader, form.get("read") == "yes")
        async with databases.tx(actor.scope()) as tx:
            await sign_nda(tx, actor, deal_id, signature.text_hash, signature.name, signature.title, signature.locale_shown)
    except Problem as problem:
        if problem.code == "not_found":
            raise
        return _shown(await _find(databases, actor, deal_id), reader, problem, given)
    return _shown(await _find(databases, actor, deal_id), reader)


def _signature(given: dict[str, str], locale: str, was_read: bool) -> Signature:
    if not was_read:
        raise field_problem("read", Message.of(_("Please tick that you have read the text.")))
    try:
        return msgspec.convert(given | {"locale_shown": locale}, Signature)
    except msgspec.ValidationError:
        raise field_problem("name", Message.of(_("Please give your name and your title."))) from None


async def _find(databases: Databases, actor: Actor, deal_id: UUID) -> NdaView:
    async with databases.read(actor.scope()) as read:
        found = await find_nda(read, deal_id)
    if found is None:
        raise Problem("not_found")
    return found


def _shown(nda: NdaView, locale: str, problem: Problem | None = None, given: dict[str, str] | None = None) -> Response[str]:
    day = format_date(nda.signed_at.date(), locale) if nda.signed_at else ""
    said = Message(_STATES[nda.state], {"name": nda.signer_name or "", "day": day})
    refused = problem and (problem.errors[0].message if problem.errors else Message(PROBLEMS[problem.code][1]))
    return page("nda.html", locale, problem.status if problem else 200, nda=nda, said=translate(said, locale),
                error=translate(refused, locale) if refused else None, given=given or {"name": "", "title": ""})


NDA_PAGE: list = [open_nda, sign_shown]
