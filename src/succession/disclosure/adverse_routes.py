"""Which requests carry an adverse event of a buyer from a report to a decision, with the buyer heard in between?"""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from litestar import Request, get, post
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Meta, Struct

from succession.characters import NAME, PROSE
from succession.database import driver
from succession.disclosure.adverse_queries import EventForBuyer, EventForOperator, EventForReporter, EventPage, EventView, find_event, list_events
from succession.disclosure.commands import adverse
from succession.disclosure.screening_routes import Limit
from succession.errors import found_or_404
from succession.http import documented
from succession.idempotency import creates
from succession.paging import PAGE_LIMIT_DEFAULT, page_asked
from succession.wiring import Config, Read, Tx, Who

Line = Annotated[str, Meta(min_length=1, max_length=200, pattern=NAME)]
Statement = Annotated[str, Meta(min_length=1, max_length=4000, pattern=PROSE)]
Words = Annotated[str, Meta(min_length=1, max_length=2000, pattern=PROSE)]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Days = Annotated[int, Meta(ge=adverse.OBJECTION_DAYS_LEAST, le=adverse.OBJECTION_DAYS_MOST)]


class NewEvent(Struct, forbid_unknown_fields=True):
    """`evidence_hash`: sha256 (hex) of the document that shows it; `statement` is read by the operator alone."""

    buyer_id: UUID
    reason: adverse.Reason
    occurred_on: date
    statement: Statement
    evidence_title: Line
    evidence_hash: Sha256
    deal_id: UUID | None = None


class Notice(Struct, forbid_unknown_fields=True):
    """`notice`: what the buyer reads, in words that do not tell who reported it. `persons`: who would be listed beside it."""

    notice: Words
    persons: Annotated[list[Line], Meta(max_length=20)] = []
    objection_days: Days = adverse.OBJECTION_DAYS_LEAST


class Objection(Struct, forbid_unknown_fields=True):
    words: Statement


class EventDecision(Struct, forbid_unknown_fields=True):
    """`words`: the reasons, as the buyer reads them."""

    decision: Literal["published", "dismissed"]
    words: Words


@post("/adverse-events", opt={"permission": "adverse_event:report"}, operation_id="ReportAdverseEvent",
      summary="Report that a buyer did not keep its word, with evidence", responses=documented("not_found", "idempotency_key_reused"))
@creates
async def report(request: Request, tx: Tx, actor: Who, data: JSONBody[NewEvent]) -> EventForOperator | EventForReporter:
    event_id = await adverse.report_event(tx, actor, data.buyer_id, data.deal_id, data.reason, data.occurred_on, data.statement,
                                          data.evidence_title, data.evidence_hash)
    return found_or_404(await find_event(await driver(tx), event_id))


@get("/adverse-events", opt={"permission": "adverse_event:read"}, operation_id="ListAdverseEvents",
     summary="Adverse events that concern you, newest first", responses=documented("cursor_invalid"))
async def events(read: Read, actor: Who, settings: Config, limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                 cursor: FromQuery[str | None] = None) -> EventPage:
    return await list_events(read, page_asked(settings, actor, cursor, limit))


@get("/adverse-events/{event_id:uuid}", opt={"permission": "adverse_event:read"}, operation_id="ReadAdverseEvent",
     summary="One adverse event, as your side may know it", responses=documented("not_found"))
async def event(read: Read, event_id: FromPath[UUID]) -> EventView:
    return found_or_404(await find_event(read, event_id))


@post("/adverse-events/{event_id:uuid}/notice", opt={"permission": "adverse_decision:make"}, operation_id="NotifyOfAdverseEvent",
      summary="Tell the buyer what is held against it and until when it may object",
      responses=documented("not_found", "step_refused", "idempotency_key_reused"))
@creates
async def notify(request: Request, tx: Tx, actor: Who, event_id: FromPath[UUID], data: JSONBody[Notice]) -> EventForOperator:
    await adverse.notify_buyer(tx, actor, event_id, data.notice, data.persons, data.objection_days)
    return found_or_404(await find_event(await driver(tx), event_id))


@post("/adverse-events/{event_id:uuid}/objection", opt={"permission": "adverse_event:object"}, operation_id="ObjectToAdverseEvent",
      summary="Object to what is held against your organisation", responses=documented("not_found", "step_refused", "idempotency_key_reused"))
@creates
async def objection(request: Request, tx: Tx, actor: Who, event_id: FromPath[UUID], data: JSONBody[Objection]) -> EventForBuyer:
    await adverse.object_to(tx, actor, event_id, data.words)
    return found_or_404(await find_event(await driver(tx), event_id))


@post("/adverse-events/{event_id:uuid}/decision", opt={"permission": "adverse_decision:make"}, operation_id="DecideAdverseEvent",
      summary="Propose to publish or to dismiss, once the buyer was heard",
      responses=documented("not_found", "step_refused", "idempotency_key_reused"))
@creates
async def decide(request: Request, tx: Tx, actor: Who, event_id: FromPath[UUID], data: JSONBody[EventDecision]) -> EventForOperator:
    await adverse.decide_event(tx, actor, event_id, data.decision, data.words)
    return found_or_404(await find_event(await driver(tx), event_id))


@post("/adverse-events/{event_id:uuid}/confirmation", opt={"permission": "adverse_decision:make"}, operation_id="ConfirmAdverseEvent",
      summary="Confirm the decision as a second person; what is published stands on the internal list",
      responses=documented("not_found", "step_refused", "second_confirmation_needed", "idempotency_key_reused"))
@creates
async def confirm(request: Request, tx: Tx, actor: Who, event_id: FromPath[UUID]) -> EventForOperator:
    await adverse.confirm_event(tx, actor, event_id)
    return found_or_404(await find_event(await driver(tx), event_id))


ROUTES: list = [report, events, event, notify, objection, decide, confirm]
