"""How does the operator reach releases that wait, and companies listed twice?"""

from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from succession.database import driver
from succession.http import documented
from succession.market.hold_queries import (
    HoldPage,
    HoldSheet,
    HoldState,
    HoldView,
    ListedTwicePage,
    find_hold,
    find_sheet,
    list_holds,
    list_listed_twice,
)
from succession.market.holds import HoldDecision, confirm_hold, decide_hold
from succession.paging import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MOST, page_asked
from succession.wiring import Config, Locale, Read, Tx, Who

Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_LIMIT_MOST)]
OfState = Annotated[HoldState | None, QueryParameter(name="state")]


@get("/holds", opt={"permission": "hold:read"}, operation_id="ListHolds", summary="Releases that wait for a person, and those that did",
     responses=documented("cursor_invalid"))
async def holds(read: Read, actor: Who, locale: Locale, settings: Config, of_state: OfState = None,
                cursor: FromQuery[str | None] = None, limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT) -> HoldPage:
    return await list_holds(read, of_state, page_asked(settings, actor, cursor, limit), locale)


@get("/holds/{hold_id:uuid}", opt={"permission": "hold:read"}, operation_id="ReadHold",
     summary="One release that waits, with everything shown of the company before", responses=documented("not_found"))
async def hold(read: Read, locale: Locale, hold_id: FromPath[UUID]) -> HoldSheet:
    return await find_sheet(read, hold_id, locale)


@post("/holds/{hold_id:uuid}/decision", opt={"permission": "hold:decide"}, operation_id="DecideHold", status_code=200,
      summary="Refuse a release, or propose to let it go", responses=documented("not_found", "hold_decided"))
async def decide(tx: Tx, actor: Who, locale: Locale, hold_id: FromPath[UUID], data: JSONBody[HoldDecision]) -> HoldView:
    await decide_hold(tx, actor, hold_id, data)
    return await find_hold(await driver(tx), hold_id, locale)


@post("/holds/{hold_id:uuid}/confirmation", opt={"permission": "hold:decide"}, operation_id="ConfirmHold", status_code=200,
      summary="Let a release go that another person proposed to let go",
      responses=documented("not_found", "hold_decided", "second_confirmation_needed"))
async def confirm(tx: Tx, actor: Who, locale: Locale, hold_id: FromPath[UUID]) -> HoldView:
    await confirm_hold(tx, actor, hold_id)
    return await find_hold(await driver(tx), hold_id, locale)


@get("/listed-twice", opt={"permission": "hold:read"}, operation_id="ListListedTwice",
     summary="Companies that two intermediaries list, without their names", responses=documented("cursor_invalid"))
async def listed_twice(read: Read, actor: Who, settings: Config, cursor: FromQuery[str | None] = None,
                       limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT) -> ListedTwicePage:
    return await list_listed_twice(read, page_asked(settings, actor, cursor, limit))


ROUTES: list = [holds, hold, decide, confirm, listed_twice]
