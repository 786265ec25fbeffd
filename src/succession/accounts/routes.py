"""How does HTTP reach organisations, their members, their verification, and the audit?

Sessions, passwords and keys are in session_routes.py.
"""

import time
from datetime import UTC, date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, Router, delete, get, patch, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import UNSET, Meta, UnsetType

from succession.accounts import members, organisations, queries
from succession.accounts.officers import People, PeopleView, declare_people, find_people
from succession.accounts.declarations import Correction, Declaration, Name, Words, name_fault, one_line, read_declaration
from succession.accounts.identifiers import read_email
from succession.accounts.session_routes import SESSION_ROUTES
from succession.accounts.sign_in import answer_like_any_other, may_write_to, spend_try
from succession.characters import NAME
from succession.database import driver
from succession.errors import Problem, field_problem
from succession.http import documented, etag, if_match
from succession.i18n import SUPPORTED_LOCALES, Message, _
from succession.idempotency import creates
from succession.paging import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MOST, page_asked
from succession.throttle import network_of
from succession.wiring import Config, Locale, Memory, Read, Tx, Who

BODY_LIMIT_BYTES = 64 * 1024

Email = Annotated[str, Meta(min_length=3, max_length=320)]
PersonName = Annotated[str, Meta(min_length=1, max_length=120, pattern=NAME)]
MailLocale = Literal[SUPPORTED_LOCALES]
MemberRole = Literal["admin", "member", "reviewer"]
PageLimit = Annotated[int, QueryParameter(ge=1, le=PAGE_LIMIT_MOST)]
OrganisationKind = Literal["intermediary", "acquirer", "agency", "operator"]
Standing = Literal["pending", "verified", "refused", "suspended"]


class Administrator(msgspec.Struct, forbid_unknown_fields=True):
    """Who registers: gets the letter that confirms the address and sets the password."""

    email: Email
    name: PersonName
    locale: MailLocale = "ja"


class NewOrganisation(Declaration, forbid_unknown_fields=True, kw_only=True):
    """Operators are not registered here: the first one is made on the command line, the others are invited."""

    administrator: Administrator


class LetterSent(msgspec.Struct):
    """Given whether or not there is anybody to write to."""

    status: Literal["letter_sent"]


class NewMember(msgspec.Struct, forbid_unknown_fields=True):
    email: Email
    name: PersonName
    role: MemberRole
    locale: MailLocale = "ja"


class MemberChange(msgspec.Struct, forbid_unknown_fields=True):
    role: MemberRole | UnsetType = UNSET
    name: PersonName | UnsetType = UNSET


class OwnChange(msgspec.Struct, forbid_unknown_fields=True):
    name: PersonName | UnsetType = UNSET
    locale: MailLocale | UnsetType = UNSET


class Evidence(msgspec.Struct, forbid_unknown_fields=True):
    """What was looked at, such as a register extract and its number, and the day it was seen."""

    kind: Literal["register_extract", "list_of_institutions", "gleif", "identity_document", "letter", "call", "other"]
    reference: Name
    seen_on: date


class NewVerification(msgspec.Struct, forbid_unknown_fields=True):
    """`note` is read by the organisation."""

    decision: organisations.Decision
    evidence: Annotated[list[Evidence], Meta(min_length=1, max_length=20)]
    note: Words | None = None


def _now() -> datetime:
    return datetime.now(UTC)


def _email(field: str, written: str) -> str:
    address = read_email(written)
    if address is None:
        raise field_problem(field, Message.of(_("This is not an e-mail address.")))
    return address


def _person(field: str, written: str) -> str:
    name = one_line(written)
    if fault := name_fault(name):
        raise field_problem(field, fault)
    return name


# ---------------------------------------------------------------- organisations


@post("/organisations", opt={"public": True}, operation_id="RegisterOrganisation", status_code=202,
      summary="Register an organisation; nothing is possible before its letter was opened and the operator verified it",
      responses=documented("rate_limited", "idempotency_key_reused", public=True))
@creates
async def register(request: Request, tx: Tx, actor: Who, redis: Memory, settings: Config,
                   data: JSONBody[NewOrganisation]) -> LetterSent:
    started, who = time.monotonic(), data.administrator
    told, email, name = read_declaration(data), _email("administrator.email", who.email), _person("administrator.name", who.name)
    await spend_try(redis, "register_network", network_of(actor.address))
    if await may_write_to(redis, email):
        await organisations.register_organisation(tx, settings, actor, told, email, name, who.locale, _now())
    await answer_like_any_other(started)
    return LetterSent("letter_sent")


@get("/organisations", opt={"permission": "directory:read"}, operation_id="ListOrganisations",
     summary="Organisations you have a reason to know; for the operator all of them",
     responses=documented("cursor_invalid"))
async def directory(read: Read, actor: Who, settings: Config, status: FromQuery[Standing | None] = None,
                    kind: FromQuery[OrganisationKind | None] = None, cursor: FromQuery[str | None] = None,
                    limit: FromQuery[PageLimit] = PAGE_LIMIT_DEFAULT) -> queries.OrganisationPage:
    return await queries.list_organisations(read, status, kind, page_asked(settings, actor, cursor, limit))


@get("/organisations/me", opt={"permission": "account:read"}, operation_id="ReadOwnOrganisation",
     summary="Your organisation, as declared and as decided by the operator", responses=documented())
async def own(read: Read, actor: Who) -> Response[queries.OrganisationView]:
    return _with_version(await queries.find_organisation(read, actor.organisation_id))


@patch("/organisations/me", opt={"permission": "account:edit"}, operation_id="CorrectOrganisation",
       summary="Correct what your organisation declares; what the operator verified goes back to pending",
       responses=documented("stale", "precondition_required"))
async def correct(request: Request, tx: Tx, actor: Who, data: JSONBody[Correction]) -> Response[queries.OrganisationView]:
    await organisations.correct_organisation(tx, actor, if_match(request), data)
    return _with_version(await queries.find_organisation(await driver(tx), actor.organisation_id))


@get("/organisations/{organisation_id:uuid}", opt={"permission": "directory:read"}, operation_id="ReadOrganisation",
     summary="One organisation you have a reason to know", responses=documented("not_found"))
async def one(read: Read, organisation_id: FromPath[UUID]) -> Response[queries.OrganisationView]:
    return _with_version(await queries.find_organisation(read, organisation_id))


@post("/organisations/{organisation_id:uuid}/verification", opt={"permission": "organisation:verify"},
      operation_id="VerifyOrganisation", summary="Decide about the standing of an organisation, on named evidence",
      responses=documented("not_found", "stale", "precondition_required", "conflict", "organisation_taken",
                           "idempotency_key_reused"))
@creates
async def verify(request: Request, tx: Tx, actor: Who, settings: Config, organisation_id: FromPath[UUID],
                 data: JSONBody[NewVerification]) -> Response[queries.OrganisationView]:
    await organisations.verify_organisation(tx, settings, actor, organisation_id, if_match(request), data.decision,
                                            msgspec.to_builtins(data.evidence), data.note)
    return _with_version(await queries.find_organisation(await driver(tx), organisation_id))


@get("/organisations/me/officers", opt={"permission": "officer:read"}, operation_id="ReadOfficers",
     summary="The officers and names your organisation declares, for which it is screened", responses=documented())
async def officers(read: Read, actor: Who) -> PeopleView:
    return await find_people(read, actor.organisation_id)


@put("/organisations/me/officers", opt={"permission": "officer:declare"}, operation_id="DeclareOfficers",
     summary="Declare officers and names; who is not named any more has left", responses=documented())
async def declare_officers(tx: Tx, actor: Who, data: JSONBody[People]) -> PeopleView:
    await declare_people(tx, actor, data)
    return await find_people(await driver(tx), actor.organisation_id)


def _with_version(found: queries.OrganisationView | None) -> Response[queries.OrganisationView]:
    if found is None:
        raise Problem("not_found")
    return Response(found, headers=etag(found.version))


@get("/audit-events", opt={"permission": "audit:read"}, operation_id="ListAuditEvents", summary="Who did what, newest first",
     responses=documented("cursor_invalid"))
async def audit(read: Read, actor: Who, settings: Config, organisation_id: FromQuery[UUID | None] = None,
                action: FromQuery[Annotated[str, Meta(max_length=80)] | None] = None, cursor: FromQuery[str | None] = None,
                limit: FromQuery[PageLimit] = PAGE_LIMIT_DEFAULT) -> queries.AuditPage:
    return await queries.list_audit_events(read, organisation_id, action, page_asked(settings, actor, cursor, limit))


# ---------------------------------------------------------------- members


@get("/members", opt={"permission": "member:read"}, operation_id="ListMembers", summary="Who works for your organisation",
     responses=documented())
async def list_members(read: Read, actor: Who) -> queries.MemberList:
    return queries.MemberList(await queries.list_members(read, actor.organisation_id))


@post("/members", opt={"permission": "member:invite"}, operation_id="InviteMember",
      summary="Invite somebody by a letter to their address",
      responses=documented("member_exists", "limit_reached", "idempotency_key_reused"))
@creates
async def invite(request: Request, tx: Tx, actor: Who, settings: Config,
                 data: JSONBody[NewMember]) -> Response[queries.MemberView]:
    member_id = await members.invite_member(tx, settings, actor, _email("email", data.email), _person("name", data.name),
                                            data.role, data.locale, _now())
    return await _member_view(tx, actor, member_id)


@post("/members/{member_id:uuid}/invitation", opt={"permission": "member:invite"}, operation_id="InviteMemberAgain",
      status_code=202, summary="Send a new letter to somebody who has not accepted; the old link ends",
      responses=documented("not_found", "conflict", "rate_limited"))
async def invite_again(tx: Tx, actor: Who, redis: Memory, settings: Config, member_id: FromPath[UUID]) -> LetterSent:
    await spend_try(redis, "letter_address", str(member_id))
    await members.invite_again(tx, settings, actor, member_id, _now())
    return LetterSent("letter_sent")


@patch("/members/{member_id:uuid}", opt={"permission": "member:manage"}, operation_id="ChangeMember",
       summary="Change a member's role or name",
       responses=documented("not_found", "stale", "precondition_required", "last_admin"))
async def change_member(request: Request, tx: Tx, actor: Who, member_id: FromPath[UUID],
                        data: JSONBody[MemberChange]) -> Response[queries.MemberView]:
    await members.change_member(tx, actor, member_id, if_match(request), data.role or None,
                                _person("name", data.name) if data.name else None, None)
    return await _member_view(tx, actor, member_id)


@delete("/members/{member_id:uuid}", opt={"permission": "member:manage"}, operation_id="RemoveMember",
        summary="Let a member go; their sessions and keys end at once", responses=documented("not_found", "last_admin"))
async def remove_member(tx: Tx, actor: Who, member_id: FromPath[UUID]) -> None:
    await members.remove_member(tx, actor, member_id)


@get("/members/me", opt={"permission": "account:own"}, operation_id="ReadOwnMember", summary="Your own entry",
     responses=documented())
async def read_self(read: Read, actor: Who) -> Response[queries.MemberView]:
    found = await queries.find_member(read, actor.organisation_id, actor.member_id)
    return Response(found, headers=etag(found.version))


@patch("/members/me", opt={"permission": "account:own"}, operation_id="ChangeOwnMember",
       summary="Change your name or language", responses=documented("stale", "precondition_required"))
async def change_self(request: Request, tx: Tx, actor: Who, data: JSONBody[OwnChange]) -> Response[queries.MemberView]:
    await members.change_member(tx, actor, actor.member_id, if_match(request), None,
                                _person("name", data.name) if data.name else None, data.locale or None)
    return await _member_view(tx, actor, actor.member_id)


@delete("/members/me", opt={"permission": "account:own"}, operation_id="Leave",
        summary="Leave your organisation; your sessions and keys end at once", responses=documented("last_admin"))
async def leave(tx: Tx, actor: Who) -> None:
    await members.remove_member(tx, actor, actor.member_id)


async def _member_view(tx: Tx, actor: Who, member_id: UUID) -> Response[queries.MemberView]:
    found = await queries.find_member(await driver(tx), actor.organisation_id, member_id)
    return Response(found, headers=etag(found.version))


ROUTES: list = [
    Router("/", request_max_body_size=BODY_LIMIT_BYTES, route_handlers=[
        register, directory, own, correct, one, officers, declare_officers, verify, audit, list_members, invite, invite_again, change_member, remove_member,
        read_self, change_self, leave, *SESSION_ROUTES,
    ]),
]
