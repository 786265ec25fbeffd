"""Which requests lead from a question about a teaser to the release of a dossier? Each step a noun under the request."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from litestar import Request, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct

from succession.characters import PROSE
from succession.database import driver
from succession.disclosure import (
    adverse_routes,
    case_routes,
    checkpoint_routes,
    document_routes,
    introductions,
    knowledge,
    nda_routes,
    owner_subject,  # noqa: F401  registers the owner's question
    personal_data_routes,
    question_routes,
    reading_routes,
    room_routes,
    screening_routes,
)
from succession.disclosure.commands import name_clear, release, requests
from succession.disclosure.paper_queries import NameClearView, find_name_clear
from succession.disclosure.queries import (
    GrantView,
    RequestForBuyer,
    RequestForSeller,
    RequestPage,
    find_grant,
    find_request,
    list_requests,
)
from succession.errors import found_or_404
from succession.http import documented
from succession.idempotency import creates
from succession.paging import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MOST, page_asked
from succession.wiring import Config, Read, Tx, Who

Prose = Annotated[str, Meta(min_length=1, max_length=1000, pattern=PROSE)]
Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_LIMIT_MOST)]
RequestView = RequestForSeller | RequestForBuyer


class NewRequest(Struct, forbid_unknown_fields=True):
    """`acquirer_id`: only for an intermediary that represents it. The owner reads the purpose before deciding."""

    teaser_ref: UUID
    purpose: Prose
    acquirer_id: UUID | None = None


class NameClearQuestion(Struct, forbid_unknown_fields=True):
    """`by`: a single-use link to everybody who decides and has a mail address, or papers entered later; both can be mixed.
    `country_information`: for a buyer in a country the operator keeps no note of (GET /v1/personal-data-countries)."""

    by: Literal["link", "paper"] = "link"
    country_information: name_clear.CountryInformation | None = None


class Release(Struct, forbid_unknown_fields=True):
    """`expires_on`: last day (Japan) it can be read; by default after 180 days, and never after the NDA ends."""

    expires_on: date | None = None


# ---------------------------------------------------------------------------------------------------------------------
# Requests


@post("/disclosure-requests", opt={"permission": "request:open"}, operation_id="OpenDisclosureRequest",
      summary="Ask about the company behind a teaser",
      responses=documented("not_found", "request_exists", "request_too_soon", "idempotency_key_reused"))
@creates
async def open_request(request: Request, tx: Tx, actor: Who, data: JSONBody[NewRequest]) -> RequestView:
    deal_id = await requests.open_request(tx, actor, data.teaser_ref, data.purpose, data.acquirer_id)
    return await find_request(await driver(tx), deal_id)


@get("/disclosure-requests", opt={"permission": "deal:read"}, operation_id="ListDisclosureRequests",
     summary="Requests one is a party to, newest first", responses=documented("cursor_invalid"))
async def read_requests(read: Read, actor: Who, settings: Config, is_open: FromQuery[bool | None] = None,
                        limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT, cursor: FromQuery[str | None] = None) -> RequestPage:
    return await list_requests(read, is_open, page_asked(settings, actor, cursor, limit))


@get("/disclosure-requests/{deal_id:uuid}", opt={"permission": "deal:read"}, operation_id="ReadDisclosureRequest",
     summary="Where one request stands, as one's own side may know", responses=documented("not_found"))
async def read_request(read: Read, deal_id: FromPath[UUID]) -> RequestView:
    return found_or_404(await find_request(read, deal_id))


# ---------------------------------------------------------------------------------------------------------------------
# Name clear and release


@post("/disclosure-requests/{deal_id:uuid}/name-clear", opt={"permission": "name_clear:ask"}, operation_id="AskNameClear",
      summary="Ask the owner whether this buyer may learn the name",
      responses=documented("not_found", "request_concluded", "screening_needed", "nda_needed", "parked", "deciders_missing",
                           "owner_unreachable", "conflict", "idempotency_key_reused"))
@creates
async def ask_name_clear(request: Request, tx: Tx, actor: Who, settings: Config, deal_id: FromPath[UUID],
                         data: JSONBody[NameClearQuestion]) -> NameClearView:
    await name_clear.ask_name_clear(tx, actor, deal_id, data.country_information)
    if data.by == "link":
        await name_clear.send_question(tx, deal_id, settings.public_url)
    return await find_name_clear(await driver(tx), deal_id)


@get("/disclosure-requests/{deal_id:uuid}/name-clear", opt={"permission": "name_clear:ask"}, operation_id="ReadNameClear",
     summary="The question as the owner reads it, and the answer", responses=documented("not_found"))
async def read_name_clear(read: Read, deal_id: FromPath[UUID]) -> NameClearView:
    return found_or_404(await find_name_clear(read, deal_id))


@post("/disclosure-requests/{deal_id:uuid}/name-clear/link", opt={"permission": "name_clear:ask"}, operation_id="SendNameClearLink",
      summary="Send the owner a fresh link: to answer, or to take a consent back",
      responses=documented("not_found", "step_refused", "owner_unreachable", "idempotency_key_reused"))
@creates
async def send_name_clear_link(request: Request, tx: Tx, settings: Config, deal_id: FromPath[UUID],) -> NameClearView:
    await name_clear.send_question(tx, deal_id, settings.public_url)
    return await find_name_clear(await driver(tx), deal_id)


@post("/disclosure-requests/{deal_id:uuid}/dossier-release", opt={"permission": "grant:release"}, operation_id="ReleaseDossier",
      summary="Release the dossier to this buyer",
      responses=documented("not_found", "request_concluded", "screening_needed", "nda_needed", "name_clear_needed", "consent_used",
                           "parked", "disclosure_causes", "dossier_incomplete", "conflict", "idempotency_key_reused"))
@creates
async def release_dossier(request: Request, tx: Tx, actor: Who, deal_id: FromPath[UUID], data: JSONBody[Release]) -> GrantView:
    return await find_grant(await driver(tx), await release.release(tx, actor, deal_id, "dossier", data.expires_on))


@post("/disclosure-requests/{deal_id:uuid}/data-room-release", opt={"permission": "grant:release"}, operation_id="ReleaseDataRoom",
      summary="Release the data room to a buyer that has the dossier",
      responses=documented("not_found", "request_concluded", "screening_needed", "nda_needed", "name_clear_needed", "consent_used",
                           "parked", "disclosure_causes", "conflict", "idempotency_key_reused"))
@creates
async def release_data_room(request: Request, tx: Tx, actor: Who, deal_id: FromPath[UUID], data: JSONBody[Release]) -> GrantView:
    return await find_grant(await driver(tx), await release.release(tx, actor, deal_id, "data_room", data.expires_on))


ROUTES: list = [
    open_request, read_requests, read_request, ask_name_clear, read_name_clear, send_name_clear_link,
    release_dossier, release_data_room,
    *screening_routes.ROUTES,
    *adverse_routes.ROUTES,
    *personal_data_routes.ROUTES,
    *nda_routes.ROUTES,
    *reading_routes.ROUTES,
    *question_routes.ROUTES,
    *room_routes.ROUTES,
    *document_routes.ROUTES,
    *checkpoint_routes.ROUTES,
    *case_routes.ROUTES,
    *knowledge.ROUTES,
    *introductions.ROUTES,
]  # fmt: skip
