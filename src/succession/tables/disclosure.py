"""Which columns does the write side map: requests, evidence and grants, and the data room? Columns only; the rules are in db/migrations.

A default of None on a column with a server default means that the database fills it in.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, FetchedValue, Integer, SmallInteger, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class Deal(SQLModel, table=True):
    __tablename__ = "deal"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    listing_id: UUID
    intermediary_id: UUID
    buyer_id: UUID
    representative_id: UUID | None = None
    teaser_ref: UUID
    origin: str
    introduction_id: UUID | None = None
    project_name: str
    purpose: str
    requested_by: UUID | None = None
    requested_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    stage: str | None = None
    furthest: str | None = None
    terminal: str | None = None
    terminal_reason: str | None = None
    closed_at: datetime | None = None
    version: int | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})


class ScreeningListEntry(SQLModel, table=True):
    __tablename__ = "screening_list_entry"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    list_code: str
    list_version: str
    name: str
    normalised: str
    aliases: list[str] | None = Field(default=None, sa_type=ARRAY(Text), sa_column_kwargs={"server_default": FetchedValue()})
    country: str | None = None
    kind: str
    reason: str | None = None
    added_by: UUID | None = None
    added_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    removed_at: datetime | None = None
    from_version: int
    until_version: int | None = None
    ref: str | None = None
    content_hash: bytes | None = None
    weak_aliases: list[str] | None = Field(default=None, sa_type=ARRAY(Text), sa_column_kwargs={"server_default": FetchedValue()})
    countries: list[str] | None = Field(default=None, sa_type=ARRAY(Text), sa_column_kwargs={"server_default": FetchedValue()})
    birth_years: list[int] | None = Field(default=None, sa_type=ARRAY(Integer), sa_column_kwargs={"server_default": FetchedValue()})
    identifiers: list[str] | None = Field(default=None, sa_type=ARRAY(Text), sa_column_kwargs={"server_default": FetchedValue()})
    listed_on: date | None = None


class Screening(SQLModel, table=True):
    __tablename__ = "screening"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    deal_id: UUID
    listing_id: UUID
    buyer_id: UUID
    lists: Any = Field(sa_type=JSONB(none_as_null=True))
    candidates: Any = Field(sa_type=JSONB(none_as_null=True))
    decision: str
    words_for_owner: str
    words_for_owner_en: str
    decided_by: UUID
    decided_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    expires_at: datetime
    run_id: UUID | None = None
    explanation: str | None = None
    confirmed_by: UUID | None = None
    confirmed_at: datetime | None = None


class Nda(SQLModel, table=True):
    __tablename__ = "nda"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    deal_id: UUID
    listing_id: UUID
    buyer_id: UUID
    screening_id: UUID
    form: str
    template_version: str
    text_ja: str
    text_en: str
    text_hash: bytes
    term_months: int = Field(sa_type=SmallInteger)
    governing_law: str | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    forum: str | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    prevailing_language: str | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    recipients: Any | None = Field(default=None, sa_type=ARRAY(Text), sa_column_kwargs={"server_default": FetchedValue()})
    paper_id: UUID | None = None
    offered_by: UUID
    offered_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    signer_member_id: UUID | None = None
    signer_name: str | None = None
    signer_title: str | None = None
    signer_authority: str | None = None
    locale_shown: str | None = None
    address: str | None = None
    agent: str | None = None
    signed_at: datetime | None = None
    countersigned_at: datetime | None = None
    in_force_at: datetime | None = None
    expires_at: datetime | None = None
    ended_at: datetime | None = None


class NameClear(SQLModel, table=True):
    __tablename__ = "name_clear"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    deal_id: UUID
    listing_id: UUID
    buyer_id: UUID
    nda_id: UUID
    screening_id: UUID
    shown: Any = Field(sa_type=JSONB(none_as_null=True))
    shown_text_ja: str
    shown_hash: bytes
    asked_by: UUID
    asked_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    decision: str | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    method: str | None = None
    paper_evidence_id: UUID | None = None
    evidence: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    expires_at: datetime
    revoked_at: datetime | None = None


class LedgerEntry(SQLModel, table=True):
    __tablename__ = "ledger_entry"
    __table_args__ = {"schema": "vault"}

    id: UUID = Field(primary_key=True)
    listing_id: UUID
    seq: int = Field(sa_type=BigInteger)
    kind: str
    deal_id: UUID | None = None
    body: bytes
    prev: bytes
    hash: bytes


class LedgerSubject(SQLModel, table=True):
    __tablename__ = "ledger_subject"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    listing_id: UUID
    kind: str
    data: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    salt: bytes | None = None
    commitment: str
    key_id: UUID | None = None
    sealed: bytes | None = None


class NdaSchedule(SQLModel, table=True):
    __tablename__ = "nda_schedule"
    __table_args__ = {"schema": "vault"}

    id: UUID = Field(primary_key=True)
    deal_id: UUID
    listing_id: UUID
    buyer_id: UUID
    nda_id: UUID
    name_clear_id: UUID
    text_ja: str
    text_en: str
    text_hash: bytes
    ledger_entry_id: UUID
    bound_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})


class DisclosureGrant(SQLModel, table=True):
    __tablename__ = "disclosure_grant"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    deal_id: UUID
    listing_id: UUID
    buyer_id: UUID
    level: str
    nda_id: UUID
    name_clear_id: UUID
    ledger_entry_id: UUID
    granted_by: UUID
    granted_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    expires_at: datetime
    revoked_at: datetime | None = None
    revoked_by: str | None = None
    revoke_reason: str | None = None


class Access(SQLModel, table=True):
    __tablename__ = "access"
    __table_args__ = {"schema": "vault"}

    id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    grant_id: UUID
    listing_id: UUID
    organisation_id: UUID
    member_id: UUID
    what: str
    at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    address: str | None = None
    agent: str | None = None
    entries: list[UUID] | None = Field(default=None, sa_type=ARRAY(Uuid))
    facts_version: int | None = Field(default=None, sa_type=BigInteger)


# ---------------------------------------------------------------------------------------------------------------------
# The data room

class Folder(SQLModel, table=True):
    __tablename__ = "folder"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    listing_id: UUID
    name: str
    position: int | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    know_how_step: str | None = None
    competitor_sensitive: bool | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    view_only: bool | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    added_by: UUID | None = None
    added_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    removed_at: datetime | None = None
    version: int | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})


class FolderPermission(SQLModel, table=True):
    __tablename__ = "folder_permission"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    deal_id: UUID
    listing_id: UUID
    buyer_id: UUID
    folder_ids: list[UUID] = Field(sa_type=ARRAY(Uuid))
    shown: Any = Field(sa_type=JSONB(none_as_null=True))
    shown_text_ja: str
    shown_hash: bytes
    asked_by: UUID
    asked_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    decision: str | None = None
    decided_at: datetime | None = None
    decided_by: str | None = None
    method: str | None = None
    paper_evidence_id: UUID | None = None
    evidence: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    expires_at: datetime
    revoked_at: datetime | None = None


class FolderGrant(SQLModel, table=True):
    __tablename__ = "folder_grant"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    deal_id: UUID
    listing_id: UUID
    buyer_id: UUID
    folder_id: UUID
    documents: list[UUID] = Field(sa_type=ARRAY(Uuid))
    room_grant_id: UUID
    permission_id: UUID
    ledger_entry_id: UUID
    granted_by: UUID
    granted_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    expires_at: datetime
    revoked_at: datetime | None = None
    revoked_by: str | None = None
    revoke_reason: str | None = None


class CompetitorDeclaration(SQLModel, table=True):
    __tablename__ = "competitor_declaration"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    number: int | None = Field(default=None, sa_type=BigInteger, sa_column_kwargs={"server_default": FetchedValue()})
    deal_id: UUID
    listing_id: UUID
    buyer_id: UUID
    competes: bool
    declared_for: str
    words: str
    declared_by: UUID
    declared_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    confirmed_by: UUID | None = None
    confirmed_by_name: str | None = None
    confirmed_words: str | None = None
    confirmed_at: datetime | None = None


class CleanTeamMember(SQLModel, table=True):
    __tablename__ = "clean_team_member"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    deal_id: UUID
    listing_id: UUID
    buyer_id: UUID
    member_id: UUID
    name: str
    title: str
    outside_firm: str | None = None
    country: str
    undertaking_hash: bytes
    undertaken_on: date
    nominated_by: UUID
    nominated_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    accepted_by: UUID | None = None
    accepted_by_name: str | None = None
    accepted_at: datetime | None = None
    ended_at: datetime | None = None


class RecipientConfirmation(SQLModel, table=True):
    __tablename__ = "recipient_confirmation"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    document_id: UUID
    deal_id: UUID
    listing_id: UUID
    hints: list[str] = Field(sa_type=ARRAY(Text))
    words: str
    confirmed_by: UUID
    confirmed_by_name: str
    confirmed_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
