"""Which requests keep what Art. 28 asks: notes of countries, what buyers declare, third persons' consents, transfer records?"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID

import asyncpg
from litestar import Request, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct

from succession.actor import Actor
from succession.characters import NAME, PROSE
from succession.disclosure.commands import personal_data
from succession.disclosure.commands.personal_data import CountryNote, Measures, Role, ThirdPersonConsent
from succession.disclosure.reading_queries import holds_listing
from succession.disclosure.recipient_checks import ADEQUATE
from succession.errors import Problem, found_or_404
from succession.http import documented
from succession.idempotency import creates
from succession.paging import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MOST, PageAsked, page_asked
from succession.permissions import allow
from succession.wiring import Config, Read, Tx, Who

Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_LIMIT_MOST)]
Words = Annotated[str, Meta(min_length=1, max_length=2000, pattern=PROSE)]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$")]
REVIEWERS = frozenset({"admin", "reviewer"})


class NewCountryNote(Struct, forbid_unknown_fields=True):
    """`system_ja`: the country's protection of personal data in plain Japanese, as the owner will read it. ISO 3166-1 alpha-2."""

    country: Country
    system_ja: Words
    source: Annotated[str, Meta(min_length=1, max_length=500, pattern=PROSE)]
    as_of: date


class CountryPage(Struct):
    """`adequate`: countries that need no note. `items`: the newest note of each other country, oldest first."""

    adequate: Annotated[list[str], Meta(max_length=60)]
    items: list[CountryNote]
    next_cursor: str | None


class NewMeasures(Struct, forbid_unknown_fields=True):
    """How your firm protects personal data it receives; owners read it as declared by you, word for word."""

    measures: Words


class NewThirdPerson(Struct, forbid_unknown_fields=True):
    """`document_sha256` (hex): of what the person signed. `told_country`: they were told of the buyer's country."""

    name: Annotated[str, Meta(min_length=1, max_length=200, pattern=NAME)]
    role: Role
    document_sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    signed_on: date
    told_country: bool = False


class ThirdPersonPage(Struct):
    """Oldest first."""

    items: list[ThirdPersonConsent]
    next_cursor: str | None


class Transfer(Struct):
    """That a dossier went to a buyer: whether personal data were in it, on which basis, and until when this record is kept."""

    id: UUID
    grant_id: UUID
    deal_id: UUID
    buyer_id: UUID
    country: str
    basis: str
    items: list[str]
    transferred_at: datetime
    keep_until: date


class TransferPage(Struct):
    """Oldest first."""

    items: list[Transfer]
    next_cursor: str | None


def _reviewer(actor: Actor) -> None:
    """Of the operator only a reviewer, where the firm has a single member; the rows are the database's answer."""
    allow(actor, "third_person:confirm", lambda: actor.kind != "operator" or actor.role in REVIEWERS)


# ---------------------------------------------------------------------------------------------------------------------
# Countries and buyers

_NOTES = """SELECT id, country, system_ja, source, as_of, stated_at FROM (
    SELECT DISTINCT ON (country) * FROM vault.appi_country_note ORDER BY country, stated_at DESC, id) n
WHERE ($1::timestamptz IS NULL OR (stated_at, id) > ($1, $2::uuid)) ORDER BY stated_at, id LIMIT $3"""
_MEASURES = """SELECT id, measures, declared_at FROM vault.appi_measures WHERE organisation_id = $1
ORDER BY declared_at DESC, id LIMIT 1"""


@get("/personal-data-countries", opt={"permission": "personal_data:read"}, operation_id="ListPersonalDataCountries",
     summary="Where personal data may go as within Japan, and what the operator says of other countries", responses=documented("cursor_invalid"))
async def list_countries(read: Read, actor: Who, settings: Config, limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                         cursor: FromQuery[str | None] = None) -> CountryPage:
    page = page_asked(settings, actor, cursor, limit)
    rows = await read.fetch(_NOTES, *page.moment(["countries"]), page.limit + 1)
    rows, following = page.cut(rows, ["countries"], "stated_at", "id")
    return CountryPage(sorted(ADEQUATE), [CountryNote(**row) for row in rows], following)


@post("/personal-data-countries", opt={"permission": "personal_data:note"}, operation_id="NotePersonalDataCountry",
      summary="Say, with source and day, how a country protects personal data", responses=documented("idempotency_key_reused"))
@creates
async def note_country(request: Request, tx: Tx, actor: Who, data: JSONBody[NewCountryNote]) -> CountryNote:
    return await personal_data.note_country(tx, actor, data.country, data.system_ja, data.source, data.as_of, datetime.now(UTC))


@get("/personal-data-measures", opt={"permission": "personal_data:declare"}, operation_id="ReadPersonalDataMeasures",
     summary="What your firm declared last", responses=documented("not_found"))
async def read_measures(read: Read, actor: Who) -> Measures:
    row = found_or_404(await read.fetchrow(_MEASURES, actor.organisation_id))
    return Measures(**row)


@post("/personal-data-measures", opt={"permission": "personal_data:declare"}, operation_id="DeclarePersonalDataMeasures",
      summary="Declare how your firm protects personal data it receives", responses=documented("idempotency_key_reused"))
@creates
async def declare_measures(request: Request, tx: Tx, actor: Who, data: JSONBody[NewMeasures]) -> Measures:
    return await personal_data.declare_measures(tx, actor, data.measures)


# ---------------------------------------------------------------------------------------------------------------------
# Third persons and transfers

_CONSENTS = """SELECT id, name, role, encode(document_hash, 'hex') AS document_sha256, signed_on, told_country, entered_by, entered_at,
    confirmed_by, confirmed_at, withdrawn_at FROM vault.third_person_consent
WHERE deal_id = $1 AND ($2::timestamptz IS NULL OR (entered_at, id) > ($2, $3::uuid)) ORDER BY entered_at, id LIMIT $4"""
_TRANSFERS = """SELECT id, grant_id, deal_id, buyer_id, country, basis, items, transferred_at, keep_until FROM vault.appi_transfer
WHERE listing_id = $1 AND ($2::timestamptz IS NULL OR (transferred_at, id) > ($2, $3::uuid)) ORDER BY transferred_at, id LIMIT $4"""


@get("/disclosure-requests/{deal_id:uuid}/third-person-consents", opt={"permission": "third_person:confirm"},
     operation_id="ListThirdPersonConsents", summary="Who agreed to be named to this buyer", responses=documented("cursor_invalid"))
async def list_third_persons(read: Read, actor: Who, settings: Config, deal_id: FromPath[UUID],
                             limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT, cursor: FromQuery[str | None] = None) -> ThirdPersonPage:
    _reviewer(actor)
    items, following = await _rows(read, _CONSENTS, deal_id, page_asked(settings, actor, cursor, limit), "entered_at")
    return ThirdPersonPage([ThirdPersonConsent(**row) for row in items], following)


@post("/disclosure-requests/{deal_id:uuid}/third-person-consents", opt={"permission": "third_person:record"},
      operation_id="EnterThirdPersonConsent", summary="Enter that somebody of the company agreed to be named to this buyer",
      responses=documented("not_found", "request_concluded", "idempotency_key_reused"))
@creates
async def enter_third_person(request: Request, tx: Tx, actor: Who, deal_id: FromPath[UUID],
                             data: JSONBody[NewThirdPerson]) -> ThirdPersonConsent:
    return await personal_data.enter_third_person(tx, actor, deal_id, data.name, data.role, data.document_sha256, data.signed_on,
                                                  data.told_country)


@post("/disclosure-requests/{deal_id:uuid}/third-person-consents/{consent_id:uuid}/confirmation", opt={"permission": "third_person:confirm"},
      operation_id="ConfirmThirdPersonConsent", summary="Confirm, as a second person, what somebody signed; it then counts",
      status_code=200, responses=documented("not_found", "second_confirmation_needed", "evidence_immutable"))
async def confirm_third_person(tx: Tx, actor: Who, deal_id: FromPath[UUID], consent_id: FromPath[UUID]) -> ThirdPersonConsent:
    _reviewer(actor)
    return await personal_data.confirm_third_person(tx, actor, deal_id, consent_id)


@post("/disclosure-requests/{deal_id:uuid}/third-person-consents/{consent_id:uuid}/withdrawal", opt={"permission": "third_person:record"},
      operation_id="WithdrawThirdPersonConsent", summary="From now on this person is told by role only",
      status_code=200, responses=documented("not_found", "step_refused"))
async def withdraw_third_person(tx: Tx, deal_id: FromPath[UUID], consent_id: FromPath[UUID]) -> ThirdPersonConsent:
    return await personal_data.withdraw_third_person(tx, deal_id, consent_id)


@get("/listings/{listing_id:uuid}/personal-data-transfers", opt={"permission": "ledger:read"}, operation_id="ListPersonalDataTransfers",
     summary="Records of personal data that went to buyers", responses=documented("not_found", "cursor_invalid"))
async def list_transfers(read: Read, actor: Who, settings: Config, listing_id: FromPath[UUID],
                         limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT, cursor: FromQuery[str | None] = None) -> TransferPage:
    if actor.kind != "operator" and not await holds_listing(read, listing_id):
        raise Problem("not_found")
    items, following = await _rows(read, _TRANSFERS, listing_id, page_asked(settings, actor, cursor, limit), "transferred_at")
    return TransferPage([Transfer(**row) for row in items], following)


async def _rows(read: asyncpg.Connection, sql: str, of: UUID, page: PageAsked, moment: str) -> tuple[list[asyncpg.Record], str | None]:
    query = [moment, str(of)]
    rows = await read.fetch(sql, of, *page.moment(query), page.limit + 1)
    return page.cut(rows, query, moment, "id")


ROUTES: list = [
    list_countries, note_country, read_measures, declare_measures, list_third_persons, enter_third_person, confirm_third_person,
    withdraw_third_person, list_transfers,
]  # fmt: skip
