"""How does HTTP reach the second factor: setting it up, confirming with it, and resetting somebody else's?"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from succession.accounts import second_factor
from succession.accounts.second_factor import Confirmation, Enrolled, Enrolment
from succession.actor import session_cookie
from succession.http import documented
from succession.idempotency import creates
from succession.wiring import Config, Cookies, Memory, Pools, Tx, Who

Code = Annotated[str, Meta(min_length=6, max_length=40)]
ResetReason = Literal["lost", "stolen", "new_device", "other"]


class CodeTyped(msgspec.Struct, forbid_unknown_fields=True):
    """Six digits of the app, or one of the recovery codes."""

    code: Code


class FactorReset(msgspec.Struct, forbid_unknown_fields=True):
    """Whose, as they call themselves on the telephone; who it really is, the operator makes sure of first."""

    email: Annotated[str, Meta(max_length=320)]
    reason: ResetReason


@post("/members/me/second-factor", opt={"permission": "second_factor:enrol"}, operation_id="BeginSecondFactor",
      summary="Set up an authenticator app; its secret is shown once",
      responses=documented("second_factor_needed", "idempotency_key_reused"))
@creates
async def begin(request: Request, tx: Tx, actor: Who, settings: Config) -> Enrolment:
    return await second_factor.begin_enrolment(tx, settings, actor)


@post("/members/me/second-factor/confirmation", opt={
    "permission": "second_factor:enrol", "creates_nothing": "a code is taken once: a second call is refused"},
      operation_id="ConfirmSecondFactorSetUp", summary="The app shows this code: from now on it is asked for; recovery codes are shown once",
      responses=documented("second_factor_not_enrolled", "second_factor_wrong", "second_factor_used", "rate_limited"))
async def confirm_set_up(request: Request, databases: Pools, redis: Memory, sessions: Cookies, settings: Config, actor: Who,
                         data: JSONBody[CodeTyped]) -> Response[Enrolled]:
    async with databases.tx(actor.scope()) as tx:
        enrolled = await second_factor.confirm_enrolment(tx, redis, settings, actor, data.code)
    token = await sessions.confirm(request.auth)
    return Response(enrolled, cookies=[session_cookie(token, settings)])


@post("/sessions/current/second-factor", opt={
    "permission": "second_factor:confirm", "creates_nothing": "a code is taken once: a second call is refused"},
      operation_id="ConfirmSecondFactor", summary="The second step of signing in, and once more before a release (a key's member confirms too)",
      responses=documented("second_factor_not_enrolled", "second_factor_wrong", "second_factor_used", "rate_limited", "origin_refused"))
async def confirm(request: Request, databases: Pools, redis: Memory, sessions: Cookies, settings: Config, actor: Who,
                  data: JSONBody[CodeTyped]) -> Response[Confirmation]:
    async with databases.tx(actor.scope()) as tx:
        confirmed = await second_factor.confirm(tx, redis, settings, actor, data.code)
    token = await sessions.confirm(request.auth) if actor.half else None
    return Response(confirmed, cookies=[session_cookie(token, settings)] if token else [])


@delete("/members/{member_id:uuid}/second-factor", opt={"permission": "second_factor:reset"}, operation_id="ResetSecondFactor",
        summary="End a colleague's second factor; their sessions end, and they set up a new one",
        responses=documented("second_factor_not_enrolled", "second_factor_reset_by_another"))
async def reset(tx: Tx, member_id: FromPath[UUID]) -> None:
    await second_factor.reset_second_factor(tx, member_id, "by_administrator")


@post("/organisations/{organisation_id:uuid}/second-factor-reset", status_code=204, opt={"permission": "second_factor:reset_any"},
      operation_id="ResetSecondFactorOfMember", summary="The operator ends the second factor of a member who has no colleague to do it",
      responses=documented("not_found", "second_factor_not_enrolled", "second_factor_reset_by_another"))
async def reset_any(tx: Tx, organisation_id: FromPath[UUID], data: JSONBody[FactorReset]) -> None:
    await second_factor.reset_of_organisation(tx, organisation_id, data.email, data.reason)


SECOND_FACTOR_ROUTES: list = [begin, confirm_set_up, confirm, reset, reset_any]
