"""Which columns does the write side map: deals, desk and representation? Columns only; the rules are in db/migrations.

A default of None on a column with a server default means that the database fills it in.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, FetchedValue, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

class DealEvent(SQLModel, table=True):
    __tablename__ = "deal_event"
    __table_args__ = {"schema": "vault"}

    deal_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    from_stage: str
    action: str
    to_stage: str
    actor_kind: str
    organisation_id: UUID | None = None
    member_id: UUID | None = None
    evidence: Any = Field(sa_type=JSONB(none_as_null=True))
    reason: str | None = None
    at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})


class Exclusivity(SQLModel, table=True):
    __tablename__ = "exclusivity"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    listing_id: UUID
    deal_id: UUID
    granted_in: str
    from_date: date
    until_date: date
    ended_on: date | None = None


class ForeignInvestmentFiling(SQLModel, table=True):
    __tablename__ = "foreign_investment_filing"
    __table_args__ = {"schema": "vault"}

    deal_id: UUID = Field(primary_key=True)
    hint: Any = Field(sa_type=JSONB(none_as_null=True))
    declared: str | None = None
    filed_on: date | None = None
    accepted_on: date | None = None
    shortened_to: date | None = None
    extended_to: date | None = None
    cleared_on: date | None = None
    confirmed_by: str | None = None
    confirmed_on: date | None = None
    version: int | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})


class Obligation(SQLModel, table=True):
    __tablename__ = "obligation"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    deal_id: UUID
    kind: str
    detail: str | None = None
    due_on: date | None = None
    state: str | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    evidence: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    done_on: date | None = None
    confirmed_by: str | None = None
    version: int | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})


class Brief(SQLModel, table=True):
    __tablename__ = "brief"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    acquirer_id: UUID
    agency_id: UUID
    wishes: Any = Field(sa_type=JSONB(none_as_null=True))
    purpose: str
    languages: list[str] = Field(sa_type=ARRAY(Text))
    note: str | None = None
    state: str | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    created_by: UUID
    created_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    version: int | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})


class AcquirerProfile(SQLModel, table=True):
    __tablename__ = "acquirer_profile"
    __table_args__ = {"schema": "vault"}

    organisation_id: UUID = Field(primary_key=True)
    code: UUID | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    wishes: Any = Field(sa_type=JSONB(none_as_null=True))
    visible_to_intermediaries: bool | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    version: int | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    updated_by: UUID
    updated_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})


class SavedSearch(SQLModel, table=True):
    __tablename__ = "saved_search"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    organisation_id: UUID
    member_id: UUID
    name: str
    asked: Any = Field(sa_type=JSONB(none_as_null=True))
    possible: bool
    frequency: str
    locale: str | None = None
    matched_batch: int | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    looked_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    version: int | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    created_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})


class Introduction(SQLModel, table=True):
    __tablename__ = "introduction"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    brief_id: UUID
    agency_id: UUID
    acquirer_id: UUID
    intermediary_id: UUID
    teaser_ref: UUID
    note: str | None = None
    state: str | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    decline_reason: str | None = None
    proposed_by: UUID
    proposed_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    decided_by: UUID | None = None
    decided_at: datetime | None = None


class Representation(SQLModel, table=True):
    __tablename__ = "representation"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    intermediary_id: UUID
    acquirer_id: UUID
    document_hash: bytes
    from_date: date
    until_date: date
    recorded_by: UUID
    recorded_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    confirmed_by: UUID | None = None
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
