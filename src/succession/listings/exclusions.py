"""Who must never see a listing, and how is that written so that it is recognised?

An exclusion matches what `vault.organisation_key` knows an organisation by (migration 0003): itself, its registry
number, LEI, corporate number, group, ultimate parent, beneficial owners, kind, and the countries of registration, head
office, ultimate parent and beneficial owners. From anybody who is excluded nothing may be shown in public either, since
nobody can be kept from a public page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Meta
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from succession.accounts.identifiers import is_country_code, read_corporate_number, read_lei
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.listings.commands import lock_open_listing
from succession.listings.profile import Line, Name
from succession.outbox import record
from succession.tables.listings import Exclusion

ExclusionKind = Literal["organisation", "registry", "lei", "corporate_number", "group", "ultimate_parent", "person",
                        "country", "buyer_kind"]  # fmt: skip
BUYER_KINDS = ("company", "holding", "fund", "individual", "state_owned")  # vault.organisation.buyer_kind
EXCLUSIONS_MOST = 500


class NewExclusion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`value`: an organisation's id, "GB:01234567", an LEI, a corporate number, a name, a country, a buyer kind."""

    kind: ExclusionKind
    value: Name
    note: Line | None = None


class ExclusionView(msgspec.Struct, frozen=True):
    id: UUID
    kind: str
    value: str
    note: str | None


class ExclusionList(msgspec.Struct, frozen=True):
    """`public_allowed` is false as soon as anybody is excluded."""

    items: Annotated[list[ExclusionView], Meta(max_length=EXCLUSIONS_MOST)]
    public_allowed: bool


def _registry(value: str) -> str | None:
    country, separator, number = value.strip().partition(":")
    country, number = country.strip().upper(), number.strip()
    return f"{country}:{number}" if separator and number and is_country_code(country) else None


def _organisation(value: str) -> str | None:
    try:
        return str(UUID(value.strip()))
    except ValueError:
        return None


def _named(value: str) -> str | None:
    return value.strip().lower() or None


# kind -> how it is written once, and what to say when it cannot be; comparison ignores case.
_WRITTEN: dict[str, tuple[Callable[[str], str | None], str]] = {
    "organisation": (_organisation, _("An organisation is excluded by its reference.")),
    "registry": (_registry, _("Write the country and the number of its register, as in GB:01234567.")),
    "lei": (read_lei, _("An LEI has 20 characters; its check digits must fit.")),
    "corporate_number": (read_corporate_number, _("A corporate number has 13 digits; its check digit must fit.")),
    "group": (_named, _("Write the name.")),
    "ultimate_parent": (_named, _("Write the name.")),
    "person": (_named, _("Write the name.")),
    "country": (lambda value: v if is_country_code(v := value.strip().upper()) else None,
                _("Write the country as two letters (ISO 3166-1).")),
    "buyer_kind": (lambda value: v if (v := value.strip().lower()) in BUYER_KINDS else None,
                   _("This is not a kind of buyer.")),
}  # fmt: skip


def normalised(kind: str, value: str) -> str:
    """The value as it is stored; Problem validation with what would have been accepted."""
    write, sentence = _WRITTEN[kind]
    found = write(value)
    if found is None:
        raise field_problem("value", Message(sentence), BUYER_KINDS if kind == "buyer_kind" else ())
    return found


async def exclude(tx: AsyncSession, listing_id: UUID, new: NewExclusion) -> ExclusionView:
    """Problem excluded_never_public while a public teaser is up: take it down first; conflict when excluded already."""
    value = normalised(new.kind, new.value)
    await lock_open_listing(tx, listing_id)
    if await tx.scalar(select(func.count()).where(Exclusion.listing_id == listing_id)) >= EXCLUSIONS_MOST:
        raise Problem("limit_reached")
    made = Exclusion(listing_id=listing_id, kind=new.kind, value=value, note=new.note)
    tx.add(made)
    await tx.flush()
    await record(tx, "listing.excluded", listing_id, exclusion=made.id, kind=made.kind)
    return ExclusionView(made.id, made.kind, made.value, made.note)


async def readmit(tx: AsyncSession, listing_id: UUID, exclusion_id: UUID) -> None:
    """Take an exclusion away; Problem not_found."""
    await lock_open_listing(tx, listing_id)
    wanted = delete(Exclusion).where(Exclusion.id == exclusion_id, Exclusion.listing_id == listing_id)
    if (await tx.execute(wanted)).rowcount == 0:
        raise Problem("not_found")
    await record(tx, "listing.readmitted", listing_id, exclusion=exclusion_id)


async def list_exclusions(read: asyncpg.Connection, listing_id: UUID) -> ExclusionList:
    """Problem not_found for a listing of somebody else."""
    if await read.fetchval("SELECT 1 FROM vault.listing WHERE id = $1", listing_id) is None:
        raise Problem("not_found")
    rows = await read.fetch(
        "SELECT id, kind, value, note FROM vault.exclusion WHERE listing_id = $1 ORDER BY kind, value, id LIMIT $2",
        listing_id, EXCLUSIONS_MOST)
    return ExclusionList([ExclusionView(**row) for row in map(dict, rows)], not rows)
