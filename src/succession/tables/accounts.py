"""Which columns does the write side map: organisations, members and keys? Columns only; the rules are in db/migrations.

A default of None on a column with a server default means that the database fills it in.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, FetchedValue, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

class Organisation(SQLModel, table=True):
    __tablename__ = "organisation"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    kind: str
    intermediary_kind: str | None = None
    agency_role: str | None = None
    buyer_kind: str | None = None
    legal_name: str
    country: str
    corporate_number: str | None = None
    registry_number: str | None = None
    lei: str | None = None
    head_office_country: str | None = None
    ultimate_parent: str | None = None
    ultimate_parent_country: str | None = None
    group_name: str | None = None
    without_beneficial_owner: str | None = None
    website: str | None = None
    business: str | None = None
    registration: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True), sa_column_kwargs={"server_default": FetchedValue()})
    status: str | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    version: int | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    created_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    phone: str | None = None


class BeneficialOwner(SQLModel, table=True):
    __tablename__ = "beneficial_owner"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    organisation_id: UUID
    name: str
    country: str
    share_percent: Decimal


class Member(SQLModel, table=True):
    __tablename__ = "member"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    organisation_id: UUID
    email: str
    name: str
    role: str
    locale: str | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    password_hash: str | None = None
    status: str | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    session_epoch: int | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    version: int | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    created_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})


class MemberToken(SQLModel, table=True):
    __tablename__ = "member_token"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    member_id: UUID
    organisation_id: UUID
    purpose: str
    token_hash: bytes
    expires_at: datetime
    used_at: datetime | None = None


class ApiKey(SQLModel, table=True):
    __tablename__ = "api_key"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    organisation_id: UUID
    member_id: UUID
    name: str
    prefix: str
    key_hash: bytes
    scopes: list[str] = Field(sa_type=ARRAY(Text))
    created_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    expires_at: datetime
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


class Verification(SQLModel, table=True):
    __tablename__ = "verification"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    organisation_id: UUID
    decision: str
    evidence: Any = Field(sa_type=JSONB(none_as_null=True))
    note: str | None = None
    organisation_version: int
    decided_by: UUID
    decided_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})


class AuditEvent(SQLModel, table=True):
    __tablename__ = "audit_event"
    __table_args__ = {"schema": "vault"}

    id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    actor_kind: str
    organisation_id: UUID | None = None
    member_id: UUID | None = None
    action: str
    object_id: str | None = None
    detail: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True), sa_column_kwargs={"server_default": FetchedValue()})
