"""How does a member read a non-disclosure agreement and sign exactly what was on the page?

Both languages side by side, no script. The form carries the hash of the text that was rendered into it, and asks for name, title,
authority and the code that went to the signer's own mailbox; a text offered anew in between is shown again instead of being signed.
The same page countersigns, renews, and lets whoever was named acknowledge.
"""

from __future__ import annotations

from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery

from succession.actor import Actor
from succession.config import Settings
from succession.database import Databases
from succession.days import day_in_japan
from succession.disclosure.commands.nda import countersign_nda, send_code, sign_nda
from succession.disclosure.commands.nda_members import NAMED_MOST, acknowledge_nda
from succession.disclosure.commands.nda_renewal import renew_nda
from succession.disclosure.nda_queries import Act, NdaRenewalView, NdaView, SignatureView, act_open, find_nda, find_renewal, open_nda
from succession.disclosure.nda_routes import Countersignature, Signature, masked
from succession.errors import PROBLEMS, Problem, field_problem
from succession.i18n import Message, _, format_date, translate
from succession.pages.owner import Lang
from succession.pages.rendering import page
from succession.wiring import Config, Locale, Pools, Who

FORM_BYTES_MOST = 16 * 1024
SIGNS = {"permission": "nda:code"}
FIELDS = ("text_hash", "name", "title", "authority", "code")

_STATES = {
    "offered": _("Please read the agreement. Nothing is signed until you press the button below."),
    "awaiting_countersignature": _("This agreement was signed by {name} on {day}. It is in force once the intermediary has signed as well."),
    "signed": _("This agreement was signed by {name} on {day} and is in force."),
    "expired": _("This agreement has expired."),
    "ended": _("No more information is provided under this agreement. Its duties of secrecy go on as agreed."),
}
_AUTHORITIES = (
    ("legal_representative", _("I represent my organisation by law or by its register.")),
    ("authorised_in_writing", _("I was given authority to sign in writing.")),
)
_BUTTONS: dict[str, str] = {
    "signature": _("Sign"), "countersignature": _("Countersign"), "renewal": _("Sign the renewal"),
    "renewal_countersignature": _("Countersign the renewal")}  # fmt: skip


class Shown(msgspec.Struct):
    """Everything one rendering of the page needs from the database."""

    nda: NdaView
    act: Act | None
    renewal: NdaRenewalView | None
    colleagues: list[tuple[str, str]]


@get("/nda/{deal_id:uuid}", opt=SIGNS, operation_id="OpenNdaPage", summary="Read an agreement", include_in_schema=False)
async def open_page(databases: Pools, actor: Who, locale: Locale, deal_id: FromPath[UUID], lang: FromQuery[Lang | None] = None) -> Response[str]:
    return _render(await _find(databases, actor, deal_id), deal_id, lang or locale)


@post("/nda/{deal_id:uuid}/code", opt=SIGNS, operation_id="SendNdaCodeFromPage", summary="Have a code mailed", status_code=200,
      include_in_schema=False, request_max_body_size=FORM_BYTES_MOST)
async def mail_code(databases: Pools, actor: Who, locale: Locale, settings: Config, deal_id: FromPath[UUID],
                    lang: FromQuery[Lang | None] = None) -> Response[str]:
    try:
        async with databases.tx(actor.scope()) as tx:
            _act, mailbox = await send_code(tx, settings, actor, deal_id)
    except Problem as problem:
        return await _refused(databases, actor, deal_id, lang or locale, problem)
    sent = Message.of(_("A code is on its way to {address}. It works for 15 minutes."), address=masked(mailbox))
    return _render(await _find(databases, actor, deal_id), deal_id, lang or locale, sent=sent)


@post("/nda/{deal_id:uuid}", opt=SIGNS, operation_id="SignNdaPage", summary="Sign an agreement", status_code=200,
      include_in_schema=False, request_max_body_size=FORM_BYTES_MOST)
async def sign_shown(request: Request, databases: Pools, actor: Who, locale: Locale, settings: Config, deal_id: FromPath[UUID],
                     lang: FromQuery[Lang | None] = None) -> Response[str]:
    form, reader = await request.form(), lang or locale
    given = {name: str(form.get(name, "")) for name in FIELDS}
    members = [str(each) for each in form.getall("member", [])]
    try:
        if form.get("read") != "yes":
            raise field_problem("read", Message.of(_("Please tick that you have read the text.")))
        if form.get("act") == "acknowledgement":
            async with databases.tx(actor.scope()) as tx:
                await acknowledge_nda(tx, actor, deal_id, given["text_hash"])
        else:
            await _sign(databases, settings, actor, deal_id, str(form.get("act", "")), given | {"locale_shown": reader}, members)
    except Problem as problem:
        return await _refused(databases, actor, deal_id, reader, problem, given)
    return _render(await _find(databases, actor, deal_id), deal_id, reader)


async def _sign(databases: Databases, settings: Settings, actor: Actor, deal_id: UUID, act: str, given: dict[str, str], members: list[str]) -> None:
    try:
        if act == "signature":
            signature = msgspec.convert(given | {"members": members}, Signature)
        else:
            signature = msgspec.convert(given, Countersignature)
    except msgspec.ValidationError:
        raise field_problem("name", Message.of(_("Please give your name, your title, your authority and the code."))) from None
    async with databases.tx(actor.scope()) as tx:
        if isinstance(signature, Signature):
            await sign_nda(tx, databases, settings, actor, deal_id, signature.given(), signature.members)
        elif act == "renewal":
            await renew_nda(tx, databases, settings, actor, deal_id, signature.given())
        else:
            await countersign_nda(tx, databases, settings, actor, deal_id, signature.given())


async def _refused(databases: Databases, actor: Actor, deal_id: UUID, locale: str, problem: Problem,
                   given: dict[str, str] | None = None) -> Response[str]:
    if problem.code in ("not_found", "forbidden"):
        raise problem
    return _render(await _find(databases, actor, deal_id), deal_id, locale, problem, given)


_COLLEAGUES = ("SELECT id::text, name FROM vault.member WHERE organisation_id = ops.organisation() AND status = 'active' "
               f"AND id <> ops.member() ORDER BY name, id LIMIT {NAMED_MOST}")


async def _find(databases: Databases, actor: Actor, deal_id: UUID) -> Shown:
    async with databases.read(actor.scope()) as read:
        found = await find_nda(read, deal_id)
        if found is None:
            raise Problem("not_found")
        act = act_open(await open_nda(read, deal_id))
        renewal = await find_renewal(read, deal_id) if act and act.startswith("renewal") else None
        colleagues = [tuple(row) for row in await read.fetch(_COLLEAGUES)] if act == "signature" else []
    return Shown(found, act, renewal, colleagues)


def _render(shown: Shown, deal_id: UUID, locale: str, problem: Problem | None = None, given: dict[str, str] | None = None,
            sent: Message | None = None) -> Response[str]:
    nda = shown.nda
    day = format_date(day_in_japan(nda.signed_at), locale) if nda.signed_at else ""
    said = Message(_STATES[nda.state], {"name": nda.signer_name or "", "day": day})
    refused = problem and (problem.errors[0].message if problem.errors else problem.detail or Message(PROBLEMS[problem.code][1]))
    named = nda.your_part == "named" and nda.state in ("awaiting_countersignature", "signed")
    return page(
        "nda.html", locale, problem.status if problem else 200, nda=nda, act=shown.act, text=shown.renewal or nda, renews=shown.renewal is not None,
        said=translate(said, locale), signatures=[_signature(each, locale) for each in nda.signatures], error=translate(refused, locale) if refused else None, sent=translate(sent, locale) if sent else None,
        given={name: "" for name in FIELDS} | (given or {}), authorities=[(code, translate(words, locale)) for code, words in _AUTHORITIES],
        colleagues=shown.colleagues, button=translate(_BUTTONS[shown.act], locale) if shown.act else None, asks_acknowledgement=named,
        here=f"/nda/{deal_id}", document=f"/v1/disclosure-requests/{deal_id}/nda/document" if nda.document_version else None)


_SIGNED = _("{name}, {title}: {act} at {at} UTC, {authority} Read in: {language}. Code {code}.")


def _signature(signed: SignatureView, locale: str) -> str:
    """One signature as both sides read it; from where it came stands in the sealed document."""
    return translate(Message(_SIGNED, {
        "name": signed.name, "title": signed.title, "act": translate(_BUTTONS[signed.act], locale), "at": f"{signed.signed_at:%Y-%m-%d %H:%M:%S}",
        "authority": translate(dict(_AUTHORITIES)[signed.authority], locale), "language": signed.locale_shown, "code": str(signed.code_id)}), locale)


NDA_PAGE: list = [open_page, mail_code, sign_shown]
