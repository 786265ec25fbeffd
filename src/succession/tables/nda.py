"""Which columns does the write side map: signatures, people, papers, renewals and documents of an NDA? Columns only; the rules are in
db/migrations.

A default of None on a column with a server default means that the database fills it in.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import FetchedValue, SmallInteger
from sqlmodel import Field, SQLModel


class NdaSignature(SQLModel, table=True):
    __tablename__ = "nda_signature"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    nda_id: UUID
    deal_id: UUID
    listing_id: UUID
    renewal_id: UUID | None = None
    act: str
    organisation_id: UUID
    member_id: UUID
    name: str
    title: str
    authority: str
    email: str
    locale_shown: str
    address: str | None = None
    agent: str | None = None
    text_hash: bytes
    code_id: UUID
    code_channel: str | None = None
    code_issued_at: datetime | None = None
    signed_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})


class NdaMember(SQLModel, table=True):
    __tablename__ = "nda_member"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    nda_id: UUID
    deal_id: UUID
    organisation_id: UUID
    member_id: UUID
    name: str
    named_by: UUID
    named_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    acknowledged_at: datetime | None = None
    acknowledged_hash: bytes | None = None
    address: str | None = None
    agent: str | None = None
    released_at: datetime | None = None
    released_by: UUID | None = None


class NdaPaper(SQLModel, table=True):
    __tablename__ = "nda_paper"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    deal_id: UUID
    listing_id: UUID
    buyer_id: UUID
    side: str
    form: str
    term_months: int = Field(sa_type=SmallInteger)
    governing_law: str
    prevailing_language: str
    signed_on: date
    signer_name: str
    signer_title: str
    content: bytes
    content_hash: bytes
    entered_by: UUID
    entered_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    decision: str | None = None
    decided_by: UUID | None = None
    decided_at: datetime | None = None


class NdaRenewal(SQLModel, table=True):
    __tablename__ = "nda_renewal"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    nda_id: UUID
    deal_id: UUID
    listing_id: UUID
    buyer_id: UUID
    text_ja: str
    text_en: str
    text_hash: bytes
    old_expires_at: datetime
    new_expires_at: datetime
    opened_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    in_force_at: datetime | None = None


class NdaDocument(SQLModel, table=True):
    __tablename__ = "nda_document"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    nda_id: UUID
    deal_id: UUID
    listing_id: UUID
    buyer_id: UUID
    version: int = Field(sa_type=SmallInteger)
    names_company: bool
    content: bytes
    content_hash: bytes
    seal_key_id: str
    time_stamped: bool
    made_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
