"""What does each side say for Art. 28 of the Act on the Protection of Personal Information, and who agreed to be named?

The operator keeps notes of countries, a buyer declares how it protects personal data, an adviser enters what third persons
signed and a second person confirms it. Notes and declarations are added, never changed: the newest counts.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.days import day_in_japan
from succession.disclosure import ledger
from succession.disclosure.commands.requests import lock_deal
from succession.disclosure.personal_data import standing
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.outbox import record

Role = Literal["family", "officer", "shareholder", "employee", "customer_person", "other"]

_NOTE = text("INSERT INTO vault.appi_country_note (country, system_ja, source, as_of, stated_by) "
             "VALUES (:country, :system_ja, :source, :as_of, :member) RETURNING id, stated_at")
_MEASURES = text("INSERT INTO vault.appi_measures (organisation_id, measures, declared_by) VALUES (:organisation, :measures, :member) "
                 "RETURNING id, declared_at")


class CountryNote(msgspec.Struct, frozen=True):
    """What the operator says of a country's protection of personal data, on which source, as of which day."""

    id: UUID
    country: str
    system_ja: str
    source: str
    as_of: date
    stated_at: datetime


class Measures(msgspec.Struct, frozen=True):
    """How a buyer declares to protect personal data. Declared: nobody vouches for it."""

    id: UUID
    measures: str
    declared_at: datetime


async def note_country(tx: AsyncSession, actor: Actor, country: str, system_ja: str, source: str, as_of: date,
                       now: datetime) -> CountryNote:
    """Problem validation for a country that needs no note, or a day to come."""
    if standing(country) != "elsewhere":
        raise field_problem("country", Message.of(_("Personal data may go there as within Japan: no note is needed.")))
    if as_of > day_in_japan(now):
        raise field_problem("as_of", Message.of(_("This day is still to come.")))
    said = {"country": country, "system_ja": system_ja, "source": source, "as_of": as_of}
    row = (await tx.execute(_NOTE, said | {"member": actor.member_id})).one()
    await record(tx, "note_country", country, note=row.id)
    return CountryNote(row.id, stated_at=row.stated_at, **said)


async def declare_measures(tx: AsyncSession, actor: Actor, measures: str) -> Measures:
    row = (await tx.execute(_MEASURES, {"organisation": actor.organisation_id, "measures": measures, "member": actor.member_id})).one()
    await record(tx, "declare_personal_data_measures", actor.organisation_id, measures=row.id)
    return Measures(row.id, measures, row.declared_at)


# ---------------------------------------------------------------------------------------------------------------------
# Third persons


class ThirdPersonConsent(msgspec.Struct, frozen=True):
    """That somebody of the company may be named to one buyer. Counts once a second person confirmed it; `document_sha256` in hex."""

    id: UUID
    name: str
    role: Role
    document_sha256: str
    signed_on: date
    told_country: bool
    entered_by: UUID
    entered_at: datetime
    confirmed_by: UUID | None
    confirmed_at: datetime | None
    withdrawn_at: datetime | None


_SHOWN = ("id, name, role, encode(document_hash, 'hex') AS document_sha256, signed_on, told_country, entered_by, entered_at, confirmed_by, "
          "confirmed_at, withdrawn_at")
_ENTER = text(
    "INSERT INTO vault.third_person_consent (deal_id, listing_id, name, role, document_hash, signed_on, told_country, entered_by) "
    f"VALUES (:deal, :listing, :name, :role, decode(:document, 'hex'), :signed_on, :told, :member) RETURNING {_SHOWN}")
_COUNTRY = text("SELECT country FROM vault.organisation WHERE id = :buyer")
_OF_DEAL = text("SELECT entered_by, confirmed_at, withdrawn_at, listing_id FROM vault.third_person_consent "
                "WHERE id = :id AND deal_id = :deal FOR UPDATE")
_CONFIRM = text("UPDATE vault.third_person_consent SET confirmed_by = :member, confirmed_at = now() "
                f"WHERE id = :id RETURNING {_SHOWN}")
_WITHDRAW = text(f"UPDATE vault.third_person_consent SET withdrawn_at = now() WHERE id = :id RETURNING {_SHOWN}")


async def enter_third_person(tx: AsyncSession, actor: Actor, deal_id: UUID, name: str, role: Role, document_sha256: str,
                             signed_on: date, told_country: bool) -> ThirdPersonConsent:
    """What a third person signed about this buyer. Problem validation when the buyer's country had to be told and was not."""
    deal = await lock_deal(tx, deal_id, "seller")
    if signed_on > day_in_japan(deal.now):
        raise field_problem("signed_on", Message.of(_("This day is still to come.")))
    country = (await tx.execute(_COUNTRY, {"buyer": deal.buyer_id})).scalar_one()
    if standing(country) == "elsewhere" and not told_country:
        said = Message.of(_("For a buyer in this country the person must have been told of it and of its protection of personal data."))
        raise field_problem("told_country", said)
    row = (await tx.execute(_ENTER, {
        "deal": deal.id, "listing": deal.listing_id, "name": name, "role": role, "document": document_sha256,
        "signed_on": signed_on, "told": told_country, "member": actor.member_id})).one()
    await ledger.append(tx, deal.listing_id, "third_person_consent", deal.id, {"consent_id": row.id, "role": role, "step": "entered"},
                        {"document_hash": document_sha256})
    await record(tx, "enter_third_person_consent", deal.id, consent=row.id)
    return ThirdPersonConsent(**row._mapping)


async def confirm_third_person(tx: AsyncSession, actor: Actor, deal_id: UUID, consent_id: UUID) -> ThirdPersonConsent:
    """The second person has seen what was signed. Problem second_confirmation_needed for who entered it, evidence_immutable twice."""
    found = (await tx.execute(_OF_DEAL, {"id": consent_id, "deal": deal_id})).first()
    if found is None:
        raise Problem("not_found")
    if found.entered_by == actor.member_id:
        raise Problem("second_confirmation_needed")
    if found.confirmed_at is not None or found.withdrawn_at is not None:
        raise Problem("evidence_immutable")
    row = (await tx.execute(_CONFIRM, {"id": consent_id, "member": actor.member_id})).one()
    await record(tx, "confirm_third_person_consent", deal_id, consent=consent_id)
    return ThirdPersonConsent(**row._mapping)


async def withdraw_third_person(tx: AsyncSession, deal_id: UUID, consent_id: UUID) -> ThirdPersonConsent:
    """From the commit on the person is told by role only. Stopping does no harm: one member is enough, also after the deal."""
    deal = await lock_deal(tx, deal_id, "seller", ended=True)
    found = (await tx.execute(_OF_DEAL, {"id": consent_id, "deal": deal_id})).first()
    if found is None:
        raise Problem("not_found")
    if found.withdrawn_at is not None:
        raise Problem("step_refused")
    row = (await tx.execute(_WITHDRAW, {"id": consent_id})).one()
    await ledger.append(tx, deal.listing_id, "third_person_consent", deal.id,
                        {"consent_id": consent_id, "role": row.role, "step": "withdrawn"})
    await record(tx, "withdraw_third_person_consent", deal_id, consent=consent_id)
    return ThirdPersonConsent(**row._mapping)
