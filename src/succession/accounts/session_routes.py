"""How does HTTP reach sessions, passwords and API keys?"""

import time
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from succession.accounts import api_keys, members, queries
from succession.accounts.identifiers import read_email
from succession.accounts.passwords import LENGTH_MOST
from succession.accounts.retention_routes import RETENTION_ROUTES
from succession.accounts.second_factor_routes import SECOND_FACTOR_ROUTES
from succession.accounts.sign_in import answer_like_any_other, may_write_to, sign_in, spend_try
from succession.actor import Actor, check_stated_origin, session_cookie
from succession.characters import NAME
from succession.errors import Problem
from succession.http import documented
from succession.idempotency import creates
from succession.permissions import PERMISSIONS, keys_may_hold, permissions_of
from succession.throttle import network_of
from succession.wiring import Config, Cookies, Memory, Pools, Read, Tx, Who

Password = Annotated[str, Meta(min_length=1, max_length=LENGTH_MOST)]
Scope = Literal[tuple(permission for permission in PERMISSIONS if keys_may_hold(permission))]


class SignIn(msgspec.Struct, forbid_unknown_fields=True):
    email: Annotated[str, Meta(max_length=320)]
    password: Password


class ResetRequest(msgspec.Struct, forbid_unknown_fields=True):
    email: Annotated[str, Meta(max_length=320)]


class ResetAnswer(msgspec.Struct):
    """Given whether or not there is anybody to write to."""

    status: Literal["letter_sent"]


class PasswordByToken(msgspec.Struct, forbid_unknown_fields=True):
    """`token`: from the link of a letter; works once."""

    token: Annotated[str, Meta(min_length=1, max_length=200)]
    password: Password


class PasswordChange(msgspec.Struct, forbid_unknown_fields=True):
    present_password: Password
    new_password: Password


class NewApiKey(msgspec.Struct, forbid_unknown_fields=True):
    """`scopes`: some of what you may do yourself; `expires_at`: within a year."""

    name: Annotated[str, Meta(min_length=1, max_length=80, pattern=NAME)]
    scopes: Annotated[list[Scope], Meta(min_length=1, max_length=len(PERMISSIONS))]
    expires_at: datetime


class CreatedApiKey(msgspec.Struct):
    """The only time the secret is shown."""

    id: UUID
    name: str
    secret: str
    scopes: list[str]
    expires_at: datetime


class WhoAmI(msgspec.Struct):
    """Who is asking, and what they may do at all."""

    via: Literal["session", "api_key"]
    kind: str
    intermediary_kind: str | None
    agency_role: str | None
    organisation_id: UUID
    verified: bool
    member_id: UUID
    name: str
    role: str
    locale: str | None
    second_factor: Literal["not_asked", "to_set_up", "to_give", "given"]
    permissions: list[str]


def _who(actor: Actor) -> WhoAmI:
    return WhoAmI("session" if actor.scopes is None else "api_key", actor.kind, actor.intermediary_kind, actor.agency_role,
                  actor.organisation_id, actor.verified, actor.member_id, actor.name, actor.role, actor.locale,
                  actor.second_factor, permissions_of(actor))


# ---------------------------------------------------------------- sessions


@post("/sessions", opt={"public": True}, operation_id="SignIn", status_code=204,
      summary="Sign in: the answer sets the session's cookie; who works for an intermediary or the operator then gives a code",
      responses=documented("sign_in_failed", "rate_limited", "origin_refused", public=True))
async def start_session(request: Request, actor: Who, databases: Pools, redis: Memory, sessions: Cookies, settings: Config,
                        data: JSONBody[SignIn]) -> Response[None]:
    check_stated_origin(request)
    found = await sign_in(databases, redis, actor, data.email, data.password)
    if request.auth:
        await sessions.end(request.auth)
    token = await sessions.start(found.member_id, found.epoch, asked=found.asked)
    return Response(None, status_code=204, cookies=[session_cookie(token, settings)])


@get("/sessions/current", opt={"public": True}, operation_id="WhoAmI", summary="Who you are here, and what you may do",
     responses=documented("unauthenticated", public=True), sync_to_thread=False)
def who_am_i(actor: Who) -> WhoAmI:
    if actor.kind == "anonymous":
        raise Problem("unauthenticated")
    return _who(actor)


@delete("/sessions/current", opt={"permission": "account:sign_out"}, operation_id="SignOut", summary="Sign out",
        responses=documented("origin_refused"))
async def end_session(request: Request, sessions: Cookies, settings: Config) -> Response[None]:
    await sessions.end(request.auth)
    return Response(None, status_code=204, cookies=[session_cookie(None, settings)])


@delete("/sessions", opt={"permission": "account:sign_out"}, operation_id="SignOutEverywhere",
        summary="End every session of yours, this one too", responses=documented("origin_refused"))
async def end_sessions(tx: Tx, actor: Who, settings: Config) -> Response[None]:
    await members.end_all_sessions(tx, actor)
    return Response(None, status_code=204, cookies=[session_cookie(None, settings)])


# ---------------------------------------------------------------- passwords


@post("/password-resets", opt={"public": True}, operation_id="RequestPasswordReset", status_code=202,
      summary="Ask for a letter to choose a new password; the answer is the same for any address",
      responses=documented("rate_limited", public=True))
async def request_reset(actor: Who, databases: Pools, redis: Memory, settings: Config, data: JSONBody[ResetRequest]) -> ResetAnswer:
    started, email = time.monotonic(), read_email(data.email)
    await spend_try(redis, "reset_network", network_of(actor.address))
    if email is not None and await may_write_to(redis, email):
        await members.request_password_reset(databases, settings, actor, email, datetime.now(UTC))
    await answer_like_any_other(started)
    return ResetAnswer("letter_sent")


@post("/passwords", opt={"public": True}, operation_id="SetPasswordByToken", status_code=204,
      summary="Choose a password with the single-use link of a registration, an invitation or a reset",
      responses=documented("link_invalid", "email_taken", "rate_limited", "origin_refused", public=True))
async def set_password(request: Request, actor: Who, databases: Pools, redis: Memory, settings: Config,
                       data: JSONBody[PasswordByToken]) -> None:
    check_stated_origin(request)
    await spend_try(redis, "token_network", network_of(actor.address))
    await members.set_password_by_token(databases, settings, actor, data.token, data.password)


@put("/members/me/password", opt={"permission": "account:own"}, operation_id="ChangeOwnPassword", status_code=204,
     summary="Change your password; every other session of yours ends", responses=documented("sign_in_failed", "rate_limited"))
async def change_password(actor: Who, databases: Pools, redis: Memory, sessions: Cookies, settings: Config,
                          data: JSONBody[PasswordChange]) -> Response[None]:
    await spend_try(redis, "password_member", str(actor.member_id))
    epoch = await members.change_own_password(databases, settings, actor, data.present_password, data.new_password)
    given = actor.second_factor == "given"
    token = await sessions.start(actor.member_id, epoch, asked=given, confirmed=given)
    return Response(None, status_code=204, cookies=[session_cookie(token, settings)])


# ---------------------------------------------------------------- API keys


@get("/api-keys", opt={"permission": "api_key:manage"}, operation_id="ListApiKeys",
     summary="The keys of your organisation, without their secrets", responses=documented())
async def list_keys(read: Read, actor: Who) -> queries.ApiKeyList:
    return queries.ApiKeyList(await queries.list_api_keys(read, actor.organisation_id))


@post("/api-keys", opt={"permission": "api_key:manage"}, operation_id="CreateApiKey",
      summary="Make a key for a program of yours; its secret is shown once",
      responses=documented("limit_reached", "idempotency_key_reused"))
@creates
async def create_key(request: Request, tx: Tx, actor: Who, data: JSONBody[NewApiKey]) -> CreatedApiKey:
    key_id, secret = await api_keys.create_api_key(tx, actor, data.name, list(data.scopes), data.expires_at, datetime.now(UTC))
    return CreatedApiKey(key_id, data.name, secret, sorted(set(data.scopes)), data.expires_at)


@delete("/api-keys/{key_id:uuid}", opt={"permission": "api_key:manage"}, operation_id="RevokeApiKey",
        summary="Revoke a key; it stops working at once", responses=documented("not_found"))
async def revoke_key(tx: Tx, actor: Who, key_id: FromPath[UUID]) -> None:
    await api_keys.revoke_api_key(tx, actor, key_id)


SESSION_ROUTES: list = [start_session, who_am_i, end_session, end_sessions, request_reset, set_password, change_password,
                        list_keys, create_key, revoke_key, *SECOND_FACTOR_ROUTES, *RETENTION_ROUTES]
