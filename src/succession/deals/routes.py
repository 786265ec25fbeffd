"""How do the parties of a deal speak with us? One noun per step; reading a deal shows the steps open to the reader now."""

from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

from litestar import Request, Response, delete, get, patch, post, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from succession.days import day_in_japan
from succession.deals.commands import (
    FilingEntry,
    NewExclusivity,
    ObligationReport,
    Step,
    StepTaken,
    end_exclusivity,
    grant_exclusivity,
    keep_filing,
    report_obligation,
    take_step,
)
from succession.deals.queries import DealPage, DealView, ObligationView, find_deal, list_deals, list_obligations
from succession.http import documented, etag, if_match
from succession.idempotency import creates
from succession.paging import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MOST, page_asked
from succession.wiring import Config, Locale, Read, Tx, Who

Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_LIMIT_MOST)]


def _today() -> date:
    return day_in_japan(datetime.now(UTC))


@get("/deals", opt={"permission": "deal:read"}, operation_id="ListDeals", summary="Your deals, newest first",
     responses=documented("cursor_invalid"))
async def list_own(read: Read, actor: Who, settings: Config, limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                   cursor: FromQuery[str | None] = None) -> DealPage:
    return await list_deals(read, page_asked(settings, actor, cursor, limit))


@get("/deals/{deal_id:uuid}", opt={"permission": "deal:read"}, operation_id="ReadDeal",
     summary="One deal: where it stands, and the actions open to you now", responses=documented("not_found"))
async def read_one(read: Read, locale: Locale, deal_id: FromPath[UUID]) -> Response[DealView]:
    found = await find_deal(read, deal_id, locale, _today())
    return Response(found, headers=etag(found.version))


@post("/deals/{deal_id:uuid}/{step:str}", opt={"permission": "deal:advance"}, operation_id="TakeDealStep",
      summary="Record a step of the deal, with its evidence",
      responses=documented("not_found", "stale", "precondition_required", "step_refused", "screening_needed"))
@creates
async def advance(request: Request, tx: Tx, actor: Who, locale: Locale, deal_id: FromPath[UUID], step: FromPath[Step],
                  data: JSONBody[StepTaken]) -> DealView:
    return await take_step(tx, actor, deal_id, if_match(request), step, data, locale, _today())


@post("/deals/{deal_id:uuid}/exclusivity", opt={"permission": "exclusivity:grant"}, operation_id="GrantExclusivity",
      summary="Record exclusive negotiation; the other buyers are parked until it ends",
      responses=documented("not_found", "step_refused", "conflict"))
@creates
async def exclusivity(request: Request, tx: Tx, locale: Locale, deal_id: FromPath[UUID],
                      data: JSONBody[NewExclusivity]) -> DealView:
    return await grant_exclusivity(tx, deal_id, data, locale, _today())


@delete("/deals/{deal_id:uuid}/exclusivity", opt={"permission": "exclusivity:grant"}, operation_id="EndExclusivity",
        summary="Release exclusive negotiation early", responses=documented("not_found"))
async def release(tx: Tx, deal_id: FromPath[UUID]) -> None:
    await end_exclusivity(tx, deal_id, _today())


@put("/deals/{deal_id:uuid}/foreign-investment-filing", opt={"permission": "filing:edit"}, operation_id="KeepFiling",
     summary="Keep the foreign-investment record: a hint, what is declared, what evidences it",
     responses=documented("not_found", "step_refused"))
async def filing(tx: Tx, locale: Locale, deal_id: FromPath[UUID], data: JSONBody[FilingEntry]) -> DealView:
    return await keep_filing(tx, deal_id, data, locale, _today())


@get("/deals/{deal_id:uuid}/obligations", opt={"permission": "deal:read"}, operation_id="ListObligations",
     summary="What is owed after the closing", responses=documented("not_found"))
async def obligations(read: Read, deal_id: FromPath[UUID]) -> list[ObligationView]:
    return await list_obligations(read, deal_id, _today())


@patch("/obligations/{obligation_id:uuid}", opt={"permission": "obligation:edit"}, operation_id="ReportObligation",
       summary="Declare or evidence that an obligation is settled",
       responses=documented("not_found", "stale", "precondition_required"))
async def report(request: Request, tx: Tx, obligation_id: FromPath[UUID], data: JSONBody[ObligationReport]) -> Response[ObligationView]:
    changed = await report_obligation(tx, obligation_id, if_match(request), data, _today())
    return Response(changed, headers=etag(changed.version))


ROUTES = [list_own, read_one, advance, exclusivity, release, filing, obligations, report]
