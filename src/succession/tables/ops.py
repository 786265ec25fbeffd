"""Which columns does the write side map: the machinery? Columns only; the rules are in db/migrations.

A default of None on a column with a server default means that the database fills it in.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, FetchedValue, SmallInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

class Outbox(SQLModel, table=True):
    __tablename__ = "outbox"
    __table_args__ = {"schema": "ops"}

    id: int | None = Field(default=None, sa_type=BigInteger, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    topic: str
    payload: Any = Field(sa_type=JSONB(none_as_null=True))
    dedupe_key: str | None = None
    created_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    available_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    attempts: int | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    leased_until: datetime | None = None
    done_at: datetime | None = None
    dead_at: datetime | None = None
    last_error: str | None = None
    bulk: bool | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})


class Idempotency(SQLModel, table=True):
    __tablename__ = "idempotency"
    __table_args__ = {"schema": "ops"}

    actor: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_hash: bytes
    status: int | None = Field(default=None, sa_type=SmallInteger)
    headers: Any | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    body: bytes | None = None
    created_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})


class Batch(SQLModel, table=True):
    __tablename__ = "batch"
    __table_args__ = {"schema": "ops"}

    number: int | None = Field(default=None, primary_key=True, sa_column_kwargs={"server_default": FetchedValue()})
    closed_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})
    published: int | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})


class Population(SQLModel, table=True):
    __tablename__ = "population"
    __table_args__ = {"schema": "ops"}

    version: str = Field(primary_key=True)
    demo: bool
    imported: bool
    companies: int
    provenance: Any = Field(sa_type=JSONB(none_as_null=True))
    added_at: datetime | None = Field(default=None, sa_column_kwargs={"server_default": FetchedValue()})


class Lease(SQLModel, table=True):
    __tablename__ = "lease"
    __table_args__ = {"schema": "ops"}

    name: str = Field(primary_key=True)
    holder: str
    until: datetime
