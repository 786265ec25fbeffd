"""What does each side read of a request and its grants? SQL text into Structs, scope decides.

Two views of a request are made from one row: `RequestForSeller` and `RequestForBuyer`. The second has no field for a
company, a screening, an owner's answer or a reason, so that none can slip through.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

from succession.disclosure.levels import Level
from succession.disclosure.nda_queries import PART, STATE, NdaState
from succession.disclosure.sides import Standing, buyer_step, outcome_for_buyer, seller_step
from succession.paging import PageAsked

# ---------------------------------------------------------------------------------------------------------------------
# Requests


class BuyerOwner(msgspec.Struct):
    name: str
    country: str
    share_percent: str


class BuyerFacts(msgspec.Struct):
    """What the buyer declared of itself; `status` is the operator's word. Countries are ISO 3166-1 alpha-2."""

    organisation_id: UUID
    legal_name: str
    country: str
    corporate_number: str | None
    registry_number: str | None
    lei: str | None
    buyer_kind: str
    head_office_country: str | None
    ultimate_parent: str | None
    ultimate_parent_country: str | None
    group_name: str | None
    website: str | None
    business: str | None
    status: str
    beneficial_owners: list[BuyerOwner]


class NdaStanding(msgspec.Struct):
    """`state`: `signed` is in force. `your_part`: whether the reader is bound by it in person, or was asked to be."""

    id: UUID
    state: NdaState
    your_part: Literal["none", "named", "bound"]
    offered_at: datetime
    signed_at: datetime | None
    expires_at: datetime | None


class ScreeningStanding(msgspec.Struct):
    """The newest decision. `waits`: for a second person. `current`: it is the one that decides, and holds."""

    id: UUID
    decision: Literal["cleared", "refused"]
    decided_at: datetime
    expires_at: datetime
    waits: bool
    current: bool


class ConsentStanding(msgspec.Struct):
    """`state`: asked, ask_adviser, yes, no, used, lapsed or revoked."""

    id: UUID
    state: str
    asked_at: datetime
    decided_at: datetime | None
    expires_at: datetime


class GrantView(msgspec.Struct):
    """`live`: all causes hold and it can be read on now."""

    id: UUID
    deal_id: UUID
    level: Level
    granted_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    live: bool


class RequestForSeller(msgspec.Struct, tag_field="side", tag="seller"):
    """`terminal_reason` is a code of scheme terminal_reason; `deals_before` counts earlier requests of this buyer."""

    id: UUID
    listing_id: UUID
    project_name: str
    teaser_ref: str
    origin: str
    purpose: str
    stage: str
    terminal: str | None
    terminal_reason: str | None
    next_step: str
    parked: bool
    requested_at: datetime
    closed_at: datetime | None
    buyer: BuyerFacts
    representative: str | None
    deals_before: int
    screening: ScreeningStanding | None
    nda: NdaStanding | None
    name_clear: ConsentStanding | None
    grants: list[GrantView]


class RequestForBuyer(msgspec.Struct, tag_field="side", tag="buyer"):
    """`outcome`: None while open; refusals of every kind read alike. `intermediary` is named with the NDA it offers."""

    id: UUID
    project_name: str
    teaser_ref: str
    origin: str
    purpose: str
    acquirer: str
    stage: str
    outcome: str | None
    next_step: str
    requested_at: datetime
    closed_at: datetime | None
    intermediary: str | None
    nda: NdaStanding | None
    grants: list[GrantView]


class RequestPage(msgspec.Struct):
    items: list[RequestForSeller | RequestForBuyer]
    next_cursor: str | None


class _Row(msgspec.Struct):
    id: UUID
    listing_id: UUID
    project_name: str
    teaser_ref: str
    origin: str
    purpose: str
    side: str
    stage: str
    terminal: str | None
    terminal_reason: str | None
    parked: bool
    requested_at: datetime
    closed_at: datetime | None
    buyer: BuyerFacts
    intermediary: str | None
    representative: str | None
    deals_before: int
    screened: bool
    screening: ScreeningStanding | None
    nda: NdaStanding | None
    name_clear: ConsentStanding | None
    grants: list[GrantView]


_GRANT = """jsonb_build_object('id', g.id, 'deal_id', g.deal_id, 'level', g.level, 'granted_at', g.granted_at,
    'expires_at', g.expires_at, 'revoked_at', g.revoked_at, 'live', vault.grant_holds(g.id))"""
_ROW = f"""
jsonb_build_object(
  'id', d.id, 'listing_id', d.listing_id, 'project_name', d.project_name, 'teaser_ref', replace(d.teaser_ref::text, '-', ''),
  'origin', d.origin, 'purpose', d.purpose, 'side', vault.party(d.id), 'stage', vault.projected_stage(d.id),
  'terminal', d.terminal, 'terminal_reason', d.terminal_reason, 'parked', vault.parked(d.id),
  'requested_at', d.requested_at, 'closed_at', d.closed_at,
  'buyer', (SELECT jsonb_build_object(
      'organisation_id', o.id, 'legal_name', o.legal_name, 'country', o.country, 'corporate_number', o.corporate_number,
      'registry_number', o.registry_number, 'lei', o.lei, 'buyer_kind', o.buyer_kind,
      'head_office_country', o.head_office_country, 'ultimate_parent', o.ultimate_parent,
      'ultimate_parent_country', o.ultimate_parent_country, 'group_name', o.group_name, 'website', o.website,
      'business', o.business, 'status', o.status, 'beneficial_owners', coalesce((
          SELECT jsonb_agg(jsonb_build_object('name', w.name, 'country', w.country,
                                              'share_percent', trim_scale(w.share_percent)::text) ORDER BY w.share_percent DESC, w.name)
          FROM vault.beneficial_owner w WHERE w.organisation_id = o.id), '[]'))
      FROM vault.organisation o WHERE o.id = d.buyer_id),
  'intermediary', (SELECT o.legal_name FROM vault.organisation o WHERE o.id = d.intermediary_id
                   AND EXISTS (SELECT FROM vault.nda n WHERE n.deal_id = d.id)),
  'representative', (SELECT o.legal_name FROM vault.organisation o WHERE o.id = d.representative_id),
  'deals_before', (SELECT count(*) FROM vault.deal e WHERE e.buyer_id = d.buyer_id AND e.intermediary_id = d.intermediary_id
                   AND (e.requested_at, e.id) < (d.requested_at, d.id)),
  'screening', (SELECT jsonb_build_object('id', s.id, 'decision', s.decision, 'decided_at', s.decided_at,
                       'expires_at', s.expires_at, 'current', (s.id = vault.screened(d.id)) IS TRUE,
                       'waits', s.decision = 'cleared' AND s.run_id IS NOT NULL AND s.candidates <> '[]' AND s.confirmed_by IS NULL)
                FROM vault.screening s WHERE s.deal_id = d.id ORDER BY s.decided_at DESC, s.id LIMIT 1),
  'screened', vault.screened(d.id) IS NOT NULL,
  'nda', (SELECT jsonb_build_object('id', n.id, 'offered_at', n.offered_at, 'signed_at', n.signed_at, 'expires_at', n.expires_at,
                 'state', {STATE}, 'your_part', {PART})
          FROM vault.nda n WHERE n.deal_id = d.id ORDER BY n.ended_at IS NOT NULL, n.offered_at DESC LIMIT 1),
  'name_clear', (SELECT jsonb_build_object('id', c.id, 'asked_at', c.asked_at, 'decided_at', c.decided_at, 'expires_at', c.expires_at,
                        'state', CASE WHEN c.revoked_at IS NOT NULL THEN 'revoked' WHEN c.decision = 'no' THEN 'no'
                                      WHEN EXISTS (SELECT FROM vault.disclosure_grant g WHERE g.name_clear_id = c.id) THEN 'used'
                                      WHEN c.expires_at <= now() THEN 'lapsed' ELSE coalesce(c.decision, 'asked') END)
                 FROM vault.name_clear c WHERE c.deal_id = d.id ORDER BY c.asked_at DESC, c.id LIMIT 1),
  'grants', coalesce((SELECT jsonb_agg({_GRANT} ORDER BY g.granted_at, g.id)
                      FROM vault.disclosure_grant g WHERE g.deal_id = d.id AND g.revoked_at IS NULL), '[]')
)::text"""
_ONE = f"SELECT {_ROW} FROM vault.deal d WHERE d.id = $1 AND vault.party(d.id) IN ('seller', 'buyer', 'representative')"
_PAGE = f"""SELECT {_ROW} FROM vault.deal d
WHERE (d.intermediary_id = ops.organisation() OR d.buyer_id = ops.organisation() OR d.representative_id = ops.organisation())
  AND vault.party(d.id) IN ('seller', 'buyer', 'representative')
  AND ($1::timestamptz IS NULL OR (d.requested_at, d.id) < ($1, $2::uuid)) AND ($3::boolean IS NULL OR (d.terminal IS NULL) = $3)
ORDER BY d.requested_at DESC, d.id DESC LIMIT $4"""

_PROJECTED = frozenset({"interested", "nda_signed", "name_cleared", "im_disclosed"})


async def find_request(connection: asyncpg.Connection, deal_id: UUID) -> RequestForSeller | RequestForBuyer | None:
    """One request as this scope's side reads it, or None."""
    found = await connection.fetchval(_ONE, deal_id)
    return None if found is None else _view(msgspec.json.decode(found, type=_Row))


async def list_requests(connection: asyncpg.Connection, is_open: bool | None, page: PageAsked) -> RequestPage:
    """`is_open` None for all."""
    query = ["disclosure-requests", is_open]
    rows = await connection.fetch(_PAGE, *page.moment(query), is_open, page.limit + 1)
    found, cursor = page.cut([msgspec.json.decode(row[0], type=_Row) for row in rows], query, "requested_at", "id")
    return RequestPage([_view(row) for row in found], cursor)


def _view(row: _Row) -> RequestForSeller | RequestForBuyer:
    standing = Standing(
        terminal=row.terminal, past_dossier=row.stage not in _PROJECTED,
        screened=row.screened, waits=row.screening is not None and row.screening.waits, nda=row.nda.state if row.nda else "none",
        consent=row.name_clear.state if row.name_clear else "none",
        reading=any(grant.live and grant.level == "dossier" for grant in row.grants),
        named=row.nda is not None and row.nda.your_part == "named")
    if row.side == "seller":
        return RequestForSeller(
            row.id, row.listing_id, row.project_name, row.teaser_ref, row.origin, row.purpose, row.stage,
            row.terminal, row.terminal_reason, seller_step(standing), row.parked, row.requested_at, row.closed_at, row.buyer,
            row.representative, row.deals_before, row.screening, row.nda, row.name_clear, row.grants)
    return RequestForBuyer(
        row.id, row.project_name, row.teaser_ref, row.origin, row.purpose, row.buyer.legal_name, row.stage,
        outcome_for_buyer(row.terminal), buyer_step(standing), row.requested_at, row.closed_at, row.intermediary, row.nda,
        row.grants)


class GrantPage(msgspec.Struct):
    items: list[GrantView]
    next_cursor: str | None


_GRANTS = f"""SELECT {_GRANT}::text FROM vault.disclosure_grant g
WHERE ($1::timestamptz IS NULL OR (g.granted_at, g.id) < ($1, $2::uuid)) ORDER BY g.granted_at DESC, g.id DESC LIMIT $3"""


async def list_grants(connection: asyncpg.Connection, page: PageAsked) -> GrantPage:
    """Grants of one's deals, newest first. For a buyer a grant that was revoked does not exist."""
    rows = await connection.fetch(_GRANTS, *page.moment(["grants"]), page.limit + 1)
    return GrantPage(*page.cut([msgspec.json.decode(row[0], type=GrantView) for row in rows], ["grants"], "granted_at", "id"))


async def find_grant(connection: asyncpg.Connection, grant_id: UUID) -> GrantView | None:
    found = await connection.fetchval(
        f"SELECT {_GRANT}::text FROM vault.disclosure_grant g WHERE g.id = $1", grant_id)
    return None if found is None else msgspec.json.decode(found, type=GrantView)


class DisclosureFacts(msgspec.Struct, frozen=True):
    """What the road of deals asks of disclosure; all a buyer learns of its screening and name clear as well."""

    nda_in_force: bool
    name_cleared: bool
    dossier_released: bool
    screening_current: bool


async def find_disclosure_facts(connection: asyncpg.Connection, deal_id: UUID) -> DisclosureFacts | None:
    """Facts of today about a deal the scope is a party to, or None."""
    row = await connection.fetchrow("SELECT * FROM vault.disclosure_facts($1)", deal_id)
    return None if row is None else DisclosureFacts(**row)
