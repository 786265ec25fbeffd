"""What may a party read of a deal, and on which facts does its next step rest?

The same statement serves the reading side (asyncpg, read-only) and the unit of work: JSON leaves it as text.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from succession.deals.foreign_investment import Filing, Hint
from succession.deals.lifecycle import STAGE_NUMBERS, DealFacts, DisclosureFacts, Exclusivity, OpenAction, actions_open, is_parked, stage_of
from succession.deals.obligations import standing
from succession.disclosure.sides import PLAIN_ENDS, outcome_for_buyer
from succession.errors import Problem
from succession.i18n import translate
from succession.paging import PageAsked

_SOMEBODY_ELSE = UUID(int=0)  # a buyer learns that it is parked, not by whom
EVENTS_MOST = 500
OBLIGATIONS_MOST = 200


class ExclusivityView(msgspec.Struct, frozen=True):
    id: UUID
    granted_in: str
    from_date: date
    until_date: date
    ended_on: date | None


class HintView(msgspec.Struct, frozen=True):
    """Where general tables point, with reasons in the reader's language. Always read with `caution`."""

    outcome: str
    strength: str
    sector: str
    regime: str
    reasons: list[str]
    caution: str


class FilingView(msgspec.Struct, frozen=True):
    """The foreign-investment record: a hint, what was declared, what evidences it, and who confirmed it when.

    The hint names the company's own industry code, so a buyer reads it from the dossier on.
    """

    hint: HintView | None
    declared: str | None
    filed_on: date | None
    accepted_on: date | None
    shortened_to: date | None
    extended_to: date | None
    cleared_on: date | None
    confirmed_by: str | None
    confirmed_on: date | None
    version: int


class EventView(msgspec.Struct, frozen=True):
    seq: int
    from_stage: str
    action: str
    to_stage: str
    by: str
    evidence: Any
    reason: str | None
    at: datetime


class DealView(msgspec.Struct, frozen=True):
    """`side`: seller, buyer or representative. `listing_id` only for the seller's adviser. `actions`: open to you today."""

    id: UUID
    side: str
    project_name: str
    teaser_ref: str
    listing_id: UUID | None
    buyer_id: UUID
    origin: str
    stage: str
    furthest: str
    terminal: str | None
    terminal_reason: str | None
    parked: bool
    exclusivity: ExclusivityView | None
    filing: FilingView | None
    obligations_open: int
    actions: tuple[OpenAction, ...]
    events: list[EventView]
    version: int


class DealLine(msgspec.Struct, frozen=True):
    id: UUID
    side: str
    project_name: str
    stage: str
    terminal: str | None
    parked: bool
    requested_at: datetime


class DealPage(msgspec.Struct, frozen=True):
    items: list[DealLine]
    next_cursor: str | None


class ObligationView(msgspec.Struct, frozen=True):
    """`standing`: settled, undated, open, due_soon or overdue, as of today in Japan."""

    id: UUID
    kind: str
    detail: str | None
    due_on: date | None
    state: str
    standing: str
    done_on: date | None
    confirmed_by: str | None
    version: int


_DEAL = """
SELECT d.id, d.listing_id, d.intermediary_id, d.buyer_id, d.project_name, d.teaser_ref, d.origin, d.version,
       d.stage AS recorded_stage, d.terminal, d.terminal_reason, coalesce(d.furthest, vault.projected_stage(d.id)) AS furthest,
       vault.party(d.id) AS side, vault.parked(d.id) AS parked, f.*, vault.may_step(d.id) AS screening_fresh,
       (SELECT count(*) FROM vault.obligation o WHERE o.deal_id = d.id AND o.state = 'open') AS obligations_open,
       (SELECT p.guarantees::text FROM vault.shown_listing_profile p WHERE p.listing_id = d.listing_id) AS guarantees,
       (SELECT to_json(x)::text FROM vault.exclusivity x WHERE x.deal_id = d.id ORDER BY x.from_date DESC LIMIT 1) AS exclusivity,
       (SELECT to_json(g)::text FROM vault.foreign_investment_filing g WHERE g.deal_id = d.id) AS filing
FROM vault.deal d CROSS JOIN LATERAL vault.disclosure_facts(d.id) f
WHERE d.id = $1
"""
_EVENTS = """
SELECT seq, from_stage, action, to_stage, actor_kind, evidence::text AS evidence, reason, at
FROM vault.deal_event WHERE deal_id = $1 ORDER BY seq DESC LIMIT $2
"""


async def find_facts(connection: asyncpg.Connection, deal_id: UUID) -> tuple[asyncpg.Record, DealFacts]:
    """The row a party may read and the facts its rules need; Problem not_found for everybody else."""
    row = await connection.fetchrow(_DEAL, deal_id)
    if row is None or row["side"] not in ("seller", "buyer", "representative"):
        raise Problem("not_found")
    held = []
    if own := _decoded(row["exclusivity"]):
        held.append(Exclusivity(str(deal_id), _day(own["from_date"]), _day(own["until_date"]), own["granted_in"], _day(own["ended_on"])))
    if row["parked"]:
        held.append(Exclusivity(str(_SOMEBODY_ELSE), date.min, date.max, "loi", None))
    facts = DealFacts(
        deal_id=str(deal_id),
        recorded_stage=row["terminal"] or row["recorded_stage"],
        furthest=row["furthest"] or "interested",
        disclosure=DisclosureFacts(True, row["nda_in_force"], row["name_cleared"], row["dossier_released"], row["screening_current"],
                                   row["screening_fresh"]),
        exclusivities=tuple(held),
        filing=_filing(row["filing"]),
        guarantee_lenders=tuple(g["lender"] for g in _decoded(row["guarantees"]) or () if g.get("lender")),
        obligations_open=row["obligations_open"],
    )
    return row, facts


def _decoded(written: str | None) -> Any:
    return None if written is None else msgspec.json.decode(written)


def _day(written: str | None) -> date | None:
    return None if written is None else date.fromisoformat(written)


def _filing(written: str | None) -> Filing | None:
    found = _decoded(written)
    return None if found is None else msgspec.convert({name: found[name] for name in Filing.__struct_fields__}, Filing)


def role_of(side: str) -> str:
    """A representative acts as the acquirer it represents."""
    return "intermediary" if side == "seller" else "acquirer"


async def find_deal(connection: asyncpg.Connection, deal_id: UUID, locale: str, today: date) -> DealView:
    """One deal as this party may see it, with the actions open to it today; Problem not_found."""
    row, facts = await find_facts(connection, deal_id)
    events = await connection.fetch(_EVENTS, deal_id, EVENTS_MOST)
    side, terminal = row["side"], row["terminal"]
    told = terminal if side == "seller" else outcome_for_buyer(terminal)
    own_act = side == "seller" or terminal in (None, *PLAIN_ENDS)
    return DealView(
        id=deal_id, side=side, project_name=row["project_name"], teaser_ref=row["teaser_ref"].hex,
        listing_id=row["listing_id"] if side == "seller" else None, buyer_id=row["buyer_id"], origin=row["origin"],
        stage=told or stage_of(facts), furthest=facts.furthest,
        terminal=told, terminal_reason=row["terminal_reason"] if own_act else None,
        parked=is_parked(facts.exclusivities, facts.deal_id, today),
        exclusivity=_exclusivity_view(row["exclusivity"]), filing=_filing_view(row["filing"], locale, side == "seller" or _was_told(row)),
        obligations_open=row["obligations_open"],
        actions=actions_open(facts, role_of(side), today),
        events=[_event_view(event) for event in events if own_act or event["to_stage"] != terminal],
        version=row["version"],
    )  # fmt: skip


def _exclusivity_view(written: str | None) -> ExclusivityView | None:
    found = _decoded(written)
    return found and msgspec.convert({name: found[name] for name in ExclusivityView.__struct_fields__}, ExclusivityView)


def _was_told(row: asyncpg.Record) -> bool:
    """Whether the buyer has been told who the company is: what follows from its detailed industry is not for it before."""
    return row["dossier_released"] or STAGE_NUMBERS.get(row["furthest"], 0) > STAGE_NUMBERS["im_disclosed"]


def _filing_view(written: str | None, locale: str, with_hint: bool) -> FilingView | None:
    found = _decoded(written)
    if found is None:
        return None
    hint = msgspec.convert(found["hint"], Hint) if found["hint"] and with_hint else None
    shown = hint and HintView(hint.outcome, hint.strength, hint.sector, hint.regime,
                              [translate(reason, locale) for reason in hint.reasons], translate(hint.caution, locale))
    rest = {name: found[name] for name in FilingView.__struct_fields__ if name != "hint"}
    return msgspec.convert(rest | {"hint": msgspec.to_builtins(shown)}, FilingView)


def _event_view(event: asyncpg.Record) -> EventView:
    return EventView(event["seq"], event["from_stage"], event["action"], event["to_stage"], event["actor_kind"],
                     _decoded(event["evidence"]), event["reason"], event["at"])


_LIST = """
SELECT d.id, vault.party(d.id) AS side, d.project_name, vault.projected_stage(d.id) AS stage, d.terminal,
       vault.parked(d.id) AS parked, d.requested_at
FROM vault.deal d
WHERE ($1::timestamptz IS NULL OR (d.requested_at, d.id) < ($1, $2))
ORDER BY d.requested_at DESC, d.id DESC LIMIT $3
"""


async def list_deals(read: asyncpg.Connection, page: PageAsked) -> DealPage:
    """The caller's, newest first."""
    rows, cursor = page.cut(await read.fetch(_LIST, *page.moment(["deals"]), page.limit + 1), ["deals"], "requested_at", "id")
    return DealPage([_line(row) for row in rows], cursor)


def _line(row: asyncpg.Record) -> DealLine:
    terminal = row["terminal"] if row["side"] == "seller" else outcome_for_buyer(row["terminal"])
    return DealLine(row["id"], row["side"], row["project_name"], terminal or row["stage"], terminal, row["parked"], row["requested_at"])


_OBLIGATIONS = """
SELECT id, kind, detail, due_on, state, done_on, confirmed_by, version FROM vault.obligation
WHERE deal_id = $1 ORDER BY due_on NULLS LAST, kind, id LIMIT $2
"""


async def list_obligations(read: asyncpg.Connection, deal_id: UUID, today: date) -> list[ObligationView]:
    """What is still owed after the closing; Problem not_found when the deal is not the caller's."""
    await find_facts(read, deal_id)
    rows = await read.fetch(_OBLIGATIONS, deal_id, OBLIGATIONS_MOST)
    return [obligation_view(row, today) for row in rows]


def obligation_view(row: Any, today: date) -> ObligationView:
    return ObligationView(row["id"], row["kind"], row["detail"], row["due_on"], row["state"],
                          standing(row["due_on"], row["done_on"], today), row["done_on"], row["confirmed_by"], row["version"])
