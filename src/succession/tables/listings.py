"""Which columns does the write side map: the confidential side of a listing? Columns only; the rules are in db/migrations.

A default of None on a column with a server default means that the database fills it in.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, FetchedValue, SmallInteger, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class Listing(SQLModel, table=True):
    __tablename__ = "listing"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    intermediary_id: UUID
    responsible_member_id: UUID | None = None
    internal_reference: str | None = None
    state: str | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    state_reason: str | None = None
    flags: list[str] | None = Field(default=None, sa_type=ARRAY(Text), sa_column_kwargs={"server_default": FetchedValue()})
    import_id: UUID | None = None
    import_row: int | None = None
    version: int | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    created_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    updated_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})


class SuccessionStatus(SQLModel, table=True):
    __tablename__ = "succession_status"
    __table_args__ = {"schema": "vault"}

    listing_id: UUID = Field(primary_key=True)
    status: str | None = None
    declared_by: str | None = None
    declared_on: date | None = None
    checkup_reference: str | None = None
    alternatives_tried: list[str] | None = Field(default=None, sa_type=ARRAY(Text))
    first_consulted_on: date | None = None
    channel: str | None = None


class ListingIdentity(SQLModel, table=True):
    __tablename__ = "listing_identity"
    __table_args__ = {"schema": "vault"}

    listing_id: UUID = Field(primary_key=True)
    intermediary_id: UUID
    legal_name: str | None = None
    name_kana: str | None = None
    name_en: str | None = None
    name_en_declared_none: bool | None = None
    name_romaji: str | None = None
    name_romaji_confirmed: bool | None = None
    legal_form: str | None = None
    corporate_number: str | None = None
    internal_key: str | None = None
    brands: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    former_names: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    group_companies: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    main_customers: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    main_suppliers: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))


class ListingContact(SQLModel, table=True):
    __tablename__ = "listing_contact"
    __table_args__ = {"schema": "vault"}

    listing_id: UUID = Field(primary_key=True)
    representative_name: str | None = None
    representative_kana: str | None = None
    representative_romaji: str | None = None
    family: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    sites: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    phones: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    urls: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    email_domains: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))


class ListingProfile(SQLModel, table=True):
    __tablename__ = "listing_profile"
    __table_args__ = {"schema": "vault"}

    listing_id: UUID = Field(primary_key=True)
    jsic_code: str | None = None
    prefecture: str | None = None
    municipality: str | None = None
    founded_on: date | None = None
    founded_year: int | None = Field(default=None, sa_type=SmallInteger)
    employees: int | None = None
    capital_yen: int | None = Field(default=None, sa_type=BigInteger)
    outline: str | None = None
    strengths: str | None = None
    products: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    owner_birth_year: int | None = Field(default=None, sa_type=SmallInteger)
    reason: str | None = None
    reason_note: str | None = None
    schemes: list[str] | None = Field(default=None, sa_type=ARRAY(Text))
    timing: str | None = None
    asking_price_yen: int | None = Field(default=None, sa_type=BigInteger)
    price_negotiable: bool | None = None
    price_basis: str | None = None
    price_method: str | None = None
    price_as_of: date | None = None
    price_indicative: bool | None = None
    conditions: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    facts: list[str] | None = Field(default=None, sa_type=ARRAY(Text))
    guarantees: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    permits: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    real_estate: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    intellectual_property: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    business_model: str | None = None
    history: str | None = None
    officers: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    shareholders: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    staff: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    qualifications: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    market_outline: str | None = None
    plan_outline: str | None = None
    plan_years: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))


class ListingFinancials(SQLModel, table=True):
    __tablename__ = "listing_financials"
    __table_args__ = {"schema": "vault"}

    listing_id: UUID = Field(primary_key=True)
    period_end: date = Field(primary_key=True)
    revenue_yen: int | None = Field(default=None, sa_type=BigInteger)
    operating_profit_yen: int | None = Field(default=None, sa_type=BigInteger)
    adjusted_ebitda_yen: int | None = Field(default=None, sa_type=BigInteger)
    net_assets_yen: int | None = Field(default=None, sa_type=BigInteger)
    debt_yen: int | None = Field(default=None, sa_type=BigInteger)


class Exclusion(SQLModel, table=True):
    __tablename__ = "exclusion"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    listing_id: UUID
    kind: str
    value: str
    note: str | None = None


class OwnerContact(SQLModel, table=True):
    __tablename__ = "owner_contact"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    listing_id: UUID
    name: str
    email: str | None = None
    role: str | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    locale: str | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    removed_at: datetime | None = None
    decides: bool | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    phone: str | None = None


class Mandate(SQLModel, table=True):
    __tablename__ = "mandate"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    listing_id: UUID
    kind: str
    terms: Any = Field(sa_type=JSONB(none_as_null=True))
    edition: str
    document_hash: bytes | None = None
    signed_on: date
    ends_on: date | None = None
    ended_on: date | None = None
    tail_until: date | None = None
    state: str | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    created_by: UUID | None = None
    created_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    confirmed_by: UUID | None = None
    confirmed_at: datetime | None = None
    confirmed_for: str | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})


class OwnerLink(SQLModel, table=True):
    __tablename__ = "owner_link"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    listing_id: UUID
    owner_contact_id: UUID
    purpose: str
    subject_id: UUID
    token_hash: bytes
    created_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    expires_at: datetime
    used_at: datetime | None = None
    handed_by: UUID | None = None


class PaperEvidence(SQLModel, table=True):
    __tablename__ = "paper_evidence"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    listing_id: UUID
    purpose: str
    subject_id: UUID
    decision: str
    audiences: int | None = Field(default=None, sa_type=SmallInteger)
    signer: str
    scan: bytes
    media_type: str
    scan_hash: bytes
    witness: str
    signed_on: date
    entered_by: UUID
    entered_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    confirmed_by: UUID | None = None
    confirmed_at: datetime | None = None
    owner_contact_id: UUID | None = None
    personal_data: bool | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    seal: str | None = None
    seal_certificate_hash: bytes | None = None
    seal_certificate_scan: bytes | None = None
    seal_certificate_media_type: str | None = None
    seal_certificate_on: date | None = None


class TeaserProposal(SQLModel, table=True):
    __tablename__ = "teaser_proposal"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    listing_id: UUID
    canonical: Any = Field(sa_type=JSONB(none_as_null=True))
    canonical_hash: bytes
    rendering_ja: str
    cell_id: int
    audiences: int = Field(sa_type=SmallInteger)
    consent_months: int | None = Field(default=None, sa_type=SmallInteger, sa_column_kwargs={"server_default": FetchedValue()})
    proposed_by: UUID | None = None
    proposed_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    superseded_at: datetime | None = None
    decision: str | None = None
    audiences_granted: int | None = Field(default=None, sa_type=SmallInteger)
    decided_at: datetime | None = None
    decided_by: str | None = None
    method: str | None = None
    paper_evidence_id: UUID | None = None
    evidence: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))


class TeaserProse(SQLModel, table=True):
    __tablename__ = "teaser_prose"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    listing_id: UUID
    ja: str
    en: str
    written_by: UUID
    written_at: datetime
    review: str | None = None
    reviewed_by: UUID | None = None
    reviewed_by_name: str | None = None
    reviewed_at: datetime | None = None
    superseded_at: datetime | None = None


class ProseScan(SQLModel, table=True):
    __tablename__ = "prose_scan"
    __table_args__ = {"schema": "vault"}

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger, sa_column_kwargs={"server_default": FetchedValue()})
    prose_id: UUID
    listing_id: UUID
    stage: str
    at: datetime
    state: str
    engine: str
    findings: Any = Field(sa_type=JSONB(none_as_null=True))


class AudienceConsent(SQLModel, table=True):
    __tablename__ = "audience_consent"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    listing_id: UUID
    proposal_id: UUID
    audience: str
    granted_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    expires_at: datetime
    withdrawn_at: datetime | None = None


class Publication(SQLModel, table=True):
    __tablename__ = "publication"
    __table_args__ = {"schema": "vault"}

    ref: UUID = Field(primary_key=True)
    listing_id: UUID
    proposal_id: UUID
    codebook_version: str
    vocabulary_version: str
    population_version: str
    cell_id: int
    audiences: int = Field(sa_type=SmallInteger)
    state: str | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    batch: int | None = None
    queued_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    published_at: datetime | None = None
    taken_down_at: datetime | None = None
    take_down_reason: str | None = None


class Preview(SQLModel, table=True):
    __tablename__ = "preview"
    __table_args__ = {"schema": "vault"}

    id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    listing_id: UUID
    member_id: UUID
    at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    facts_hash: bytes
    organisation_id: UUID | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    company: str | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})


class ListingImport(SQLModel, table=True):
    __tablename__ = "listing_import"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    intermediary_id: UUID
    filename: str
    content_hash: bytes
    reading: Any = Field(sa_type=JSONB(none_as_null=True))
    rows_total: int
    rows_importable: int
    rows_done: int | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    state: str | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    created_by: UUID
    created_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    committed_by: UUID | None = None
    committed_at: datetime | None = None


class ListingImportRow(SQLModel, table=True):
    __tablename__ = "listing_import_row"
    __table_args__ = {"schema": "vault"}

    import_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    intermediary_id: UUID
    reading: Any = Field(sa_type=JSONB(none_as_null=True))
    entry: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    outcome: str | None = None
    listing_id: UUID | None = None


class Document(SQLModel, table=True):
    __tablename__ = "document"
    __table_args__ = {"schema": "vault"}

    id: UUID | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    listing_id: UUID
    level: str
    folder: str | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    title: str
    media_type: str
    size_bytes: int
    content_hash: bytes
    added_by: UUID
    added_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    removed_at: datetime | None = None
    folder_id: UUID | None = None
    contains_personal_data: bool | None = None
    appi_basis: str | None = None
    export_control_class: str | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})


class DocumentContent(SQLModel, table=True):
    __tablename__ = "document_content"
    __table_args__ = {"schema": "vault"}

    document_id: UUID = Field(primary_key=True)
    listing_id: UUID
    level: str
    content: bytes
