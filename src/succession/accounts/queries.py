"""What may be read about organisations, members, keys and the audit?

Row-level security decides which rows; these statements only say in which shape. Each statement yields one JSON text
per row, so that the same query serves a read and the answer to a write.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

from succession.accounts.declarations import BeneficialOwner, Registration
from succession.paging import PageAsked

DIRECTORY_LIMIT = 100
MEMBERS_MOST = 200
KEYS_MOST = 50


class EvidenceView(msgspec.Struct):
    """What the operator looked at, and on which day."""

    kind: str
    reference: str
    seen_on: str


class VerificationView(msgspec.Struct):
    """One decision of the operator about one version of a declaration. It rests on the evidence named, no more."""

    decision: str
    evidence: list[EvidenceView]
    note: str | None
    organisation_version: int
    decided_by: UUID
    decided_at: datetime


class OrganisationView(msgspec.Struct):
    """An organisation as it declared itself. Owners and decisions are empty for whom they do not concern."""

    id: UUID
    kind: str
    intermediary_kind: str | None
    agency_role: str | None
    buyer_kind: str | None
    legal_name: str
    country: str
    corporate_number: str | None
    registry_number: str | None
    lei: str | None
    head_office_country: str | None
    ultimate_parent: str | None
    ultimate_parent_country: str | None
    group_name: str | None
    website: str | None
    business: str | None
    phone: str | None
    registration: Registration
    beneficial_owners: list[BeneficialOwner]
    without_beneficial_owner: str | None
    status: Literal["pending", "verified", "refused", "suspended"]
    version: int
    created_at: datetime
    verifications: list[VerificationView]


class OrganisationEntry(msgspec.Struct):
    """One line of the directory."""

    id: UUID
    kind: str
    intermediary_kind: str | None
    agency_role: str | None
    buyer_kind: str | None
    legal_name: str
    country: str
    status: str
    version: int
    created_at: datetime


class OrganisationPage(msgspec.Struct):
    organisations: list[OrganisationEntry]
    next_cursor: str | None


class MemberView(msgspec.Struct):
    id: UUID
    email: str
    name: str
    role: str
    locale: str
    status: str
    version: int
    created_at: datetime


class MemberList(msgspec.Struct):
    members: list[MemberView]


class ApiKeyView(msgspec.Struct):
    """A key without its secret; `prefix` is how its holder recognises it."""

    id: UUID
    member_id: UUID
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None


class ApiKeyList(msgspec.Struct):
    api_keys: list[ApiKeyView]


class AuditEventView(msgspec.Struct):
    """Who did what to which object: ids and codes."""

    id: int
    at: datetime
    actor_kind: str
    organisation_id: UUID | None
    member_id: UUID | None
    action: str
    object_id: str | None
    detail: dict[str, object]


class AuditPage(msgspec.Struct):
    audit_events: list[AuditEventView]
    next_cursor: str | None


_ORGANISATION = """
SELECT row_to_json(v)::text FROM (
    SELECT o.id, o.kind, o.intermediary_kind, o.agency_role, o.buyer_kind, o.legal_name, o.country, o.corporate_number,
           o.registry_number, o.lei, o.head_office_country, o.ultimate_parent, o.ultimate_parent_country, o.group_name, o.website,
           o.business, o.phone, o.registration, o.without_beneficial_owner, o.status, o.version, o.created_at,
           coalesce((SELECT jsonb_agg(jsonb_build_object('name', b.name, 'country', b.country, 'share_percent', b.share_percent)
                                      ORDER BY b.share_percent DESC, b.name)
                     FROM vault.beneficial_owner b WHERE b.organisation_id = o.id), '[]') AS beneficial_owners,
           coalesce((SELECT jsonb_agg(to_jsonb(d) - 'organisation_id' - 'id' ORDER BY d.decided_at DESC)
                     FROM (SELECT * FROM vault.verification WHERE organisation_id = o.id
                           ORDER BY decided_at DESC LIMIT 20) d), '[]') AS verifications
    FROM vault.organisation o WHERE o.id = $1
) v
"""


async def find_organisation(connection: asyncpg.Connection, organisation_id: UUID) -> OrganisationView | None:
    """One organisation, or None when the reader has no reason to know it."""
    found = await connection.fetchval(_ORGANISATION, organisation_id)
    return None if found is None else msgspec.json.decode(found, type=OrganisationView)


# Who registered but never opened the letter is not shown to the operator: nobody stands behind it yet.
_ORGANISATIONS = """
SELECT row_to_json(v)::text FROM (
    SELECT id, kind, intermediary_kind, agency_role, buyer_kind, legal_name, country, status, version, created_at
    FROM vault.organisation o
    WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR kind = $2)
      AND (status <> 'pending' OR EXISTS (SELECT FROM vault.member m WHERE m.organisation_id = o.id AND m.status = 'active'))
      AND ($3::timestamptz IS NULL OR (created_at, id) > ($3, $4::uuid))
    ORDER BY created_at, id LIMIT $5
) v
"""


async def list_organisations(connection: asyncpg.Connection, status: str | None, kind: str | None, page: PageAsked) -> OrganisationPage:
    """Oldest first; those whom the reader has a reason to know."""
    query = ["organisations", status, kind]
    rows = await connection.fetch(_ORGANISATIONS, status, kind, *page.moment(query), page.limit + 1)
    return OrganisationPage(*page.cut([msgspec.json.decode(row[0], type=OrganisationEntry) for row in rows], query, "created_at", "id"))


_MEMBERS = """
SELECT row_to_json(v)::text FROM (
    SELECT id, email, name, role, locale, status, version, created_at FROM vault.member
    WHERE organisation_id = $1 AND status <> 'left' AND ($2::uuid IS NULL OR id = $2) ORDER BY created_at, id LIMIT $3
) v
"""


async def list_members(connection: asyncpg.Connection, organisation_id: UUID) -> list[MemberView]:
    """Who works for an organisation now, invited people included."""
    rows = await connection.fetch(_MEMBERS, organisation_id, None, MEMBERS_MOST)
    return [msgspec.json.decode(row[0], type=MemberView) for row in rows]


async def find_member(connection: asyncpg.Connection, organisation_id: UUID, member_id: UUID) -> MemberView | None:
    found = await connection.fetchval(_MEMBERS, organisation_id, member_id, 1)
    return None if found is None else msgspec.json.decode(found, type=MemberView)


_API_KEYS = """
SELECT row_to_json(v)::text FROM (
    SELECT id, member_id, name, prefix, scopes, created_at, expires_at, revoked_at, last_used_at FROM vault.api_key
    WHERE organisation_id = $1 ORDER BY revoked_at IS NOT NULL, created_at DESC, id LIMIT $2
) v
"""


async def list_api_keys(connection: asyncpg.Connection, organisation_id: UUID) -> list[ApiKeyView]:
    """Keys of the organisation, live ones first, newest first."""
    rows = await connection.fetch(_API_KEYS, organisation_id, 2 * KEYS_MOST)
    return [msgspec.json.decode(row[0], type=ApiKeyView) for row in rows]


_AUDIT = """
SELECT row_to_json(v)::text FROM (
    SELECT id, at, actor_kind, organisation_id, member_id, action, object_id, detail FROM vault.audit_event
    WHERE ($1::uuid IS NULL OR organisation_id = $1) AND ($2::text IS NULL OR action = $2) AND ($3::bigint IS NULL OR id < $3)
    ORDER BY id DESC LIMIT $4
) v
"""


async def list_audit_events(connection: asyncpg.Connection, organisation_id: UUID | None, action: str | None, page: PageAsked) -> AuditPage:
    """Newest first."""
    query = ["audit", organisation_id, action]
    rows = await connection.fetch(_AUDIT, organisation_id, action, *page.place(query, int), page.limit + 1)
    return AuditPage(*page.cut([msgspec.json.decode(row[0], type=AuditEventView) for row in rows], query, "id"))
