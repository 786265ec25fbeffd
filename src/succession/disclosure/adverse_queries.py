"""What does each side read of an adverse event: the operator all of it, the buyer what concerns it, the reporter its own report?"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

from succession.paging import PageAsked

State = Literal["reported", "notified", "objected", "proposed", "published", "dismissed"]


class EventForOperator(msgspec.Struct, tag_field="side", tag="operator"):
    """Everything, with who reported it and what they said."""

    id: UUID
    buyer_id: UUID
    buyer: str
    state: State
    reason: str
    occurred_on: date
    evidence_title: str
    evidence_hash: str
    reported_at: datetime
    reporter_id: UUID
    deal_id: UUID | None
    statement: str
    notice: str | None
    persons: list[str]
    notified_at: datetime | None
    objection_until: date | None
    objection: str | None
    objected_at: datetime | None
    decision: Literal["published", "dismissed"] | None
    decision_words: str | None
    proposed_by: UUID | None
    confirmed_by: UUID | None
    confirmed_at: datetime | None
    retain_until: date


class EventForBuyer(msgspec.Struct, tag_field="side", tag="buyer"):
    """What is held against the reader, until when it may object, and what was decided; never who reported it, or of which deal."""

    id: UUID
    state: State
    reason: str
    occurred_on: date
    notice: str | None
    persons: list[str]
    notified_at: datetime
    objection_until: date
    objection: str | None
    objected_at: datetime | None
    decision: Literal["published", "dismissed"] | None
    decision_words: str | None
    decided_at: datetime | None
    retain_until: date


class EventForReporter(msgspec.Struct, tag_field="side", tag="reporter"):
    """One's own report and what became of it."""

    id: UUID
    buyer_id: UUID
    state: State
    reason: str
    occurred_on: date
    evidence_title: str
    evidence_hash: str
    reported_at: datetime
    deal_id: UUID | None
    statement: str
    decision: Literal["published", "dismissed"] | None
    decided_at: datetime | None


EventView = EventForOperator | EventForBuyer | EventForReporter


class EventPage(msgspec.Struct):
    items: list[EventView]
    next_cursor: str | None


# A proposal is nobody's before a second person confirmed it: for the buyer and the reporter it is still being looked at.
_EVENTS = """SELECT e.id, e.buyer_id, coalesce(o.legal_name, '') AS buyer, e.reason, e.occurred_on, e.evidence_title,
    encode(e.evidence_hash, 'hex') AS evidence_hash, e.reported_at, r.organisation_id AS reporter_id, r.deal_id, r.statement, e.notice, e.persons,
    e.notified_at, e.objection_until, e.objection, e.objected_at, e.decision, e.decision_words, e.proposed_by, e.confirmed_by, e.confirmed_at,
    e.retain_until, ops.kind() AS reader
FROM vault.buyer_adverse_event e LEFT JOIN vault.organisation o ON o.id = e.buyer_id LEFT JOIN vault.adverse_event_reporter r ON r.event_id = e.id
WHERE ($1::uuid IS NULL OR e.id = $1) AND ($2::timestamptz IS NULL OR (e.reported_at, e.id) < ($2, $3::uuid))
ORDER BY e.reported_at DESC, e.id DESC LIMIT $4"""


async def list_events(connection: asyncpg.Connection, page: PageAsked) -> EventPage:
    """Newest first, as far as the reader may see them."""
    rows = await connection.fetch(_EVENTS, None, *page.moment(["adverse-events"]), page.limit + 1)
    rows, cursor = page.cut(rows, ["adverse-events"], "reported_at", "id")
    return EventPage([_view(row) for row in rows], cursor)


async def find_event(connection: asyncpg.Connection, event_id: UUID) -> EventView | None:
    rows = await connection.fetch(_EVENTS, event_id, None, None, 1)
    return _view(rows[0]) if rows else None


def _view(row: asyncpg.Record) -> EventView:
    side = {"operator": EventForOperator, "acquirer": EventForBuyer}.get(row["reader"], EventForReporter)
    told = {name: row[name] for name in side.__struct_fields__ if name in row.keys()}
    decided = row["confirmed_at"] is not None
    if side is not EventForOperator:
        told |= {"decision": row["decision"] if decided else None, "decided_at": row["confirmed_at"]}
    if side is EventForBuyer:
        told["decision_words"] = row["decision_words"] if decided else None
    return side(**told, state=_state(row, side is EventForOperator))


def _state(row: asyncpg.Record, all_of_it: bool) -> State:
    if row["confirmed_at"] is not None:
        return row["decision"]
    if row["decision"] is not None and all_of_it:
        return "proposed"
    return "objected" if row["objected_at"] is not None else "notified" if row["notified_at"] is not None else "reported"
