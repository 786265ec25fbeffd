"""How does an intermediary speak with us about its listings?"""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from litestar import Request, Response, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta

from succession.codes import SCHEMES
from succession.days import day_in_japan
from succession.http import documented, etag, if_match
from succession.idempotency import creates
from succession.listings.commands import ListingEntry, edit_listing, enter_listing
from succession.listings.queries import ListingPage, ListingView, find_listing, find_profile, list_listings
from succession.listings.readiness import Readiness, readiness_of
from succession.paging import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MOST, bound_to, open_cursor, seal_cursor
from succession.wiring import Config, Locale, Read, Tx, Who

InState = Annotated[Literal[tuple(SCHEMES["listing_state"].codes)] | None, QueryParameter(name="state")]
Limit = Annotated[int, Meta(ge=1, le=PAGE_LIMIT_MOST)]


@post("/listings", opt={"permission": "listing:write"}, operation_id="EnterListing", summary="Enter a draft listing",
      responses=documented("listing_duplicate"))
@creates
async def enter(request: Request, tx: Tx, actor: Who, data: JSONBody[ListingEntry]) -> ListingView:
    return await enter_listing(tx, actor, data, datetime.now(UTC))


@get("/listings", opt={"permission": "listing:read"}, operation_id="ListListings", summary="Your own listings, newest first",
     responses=documented("cursor_invalid"))
async def list_own(read: Read, actor: Who, settings: Config, in_state: InState = None,
                   limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT, cursor: FromQuery[str | None] = None) -> ListingPage:
    key, bound = settings.key("cursor"), bound_to(str(actor.organisation_id), ["listings", in_state])
    items, more = await list_listings(read, in_state, limit, open_cursor(key, cursor, bound) if cursor else None)
    return ListingPage(items, seal_cursor(key, more, bound) if more else None)


@get("/listings/{listing_id:uuid}", opt={"permission": "listing:read"}, operation_id="ReadListing",
     summary="One of your listings with its whole profile", responses=documented("not_found"))
async def read_one(read: Read, listing_id: FromPath[UUID]) -> Response[ListingView]:
    found = await find_listing(read, listing_id)
    return Response(found, headers=etag(found.version))


@patch("/listings/{listing_id:uuid}", opt={"permission": "listing:write"}, operation_id="EditListing",
       summary="Edit a listing (JSON merge patch; null takes an answer away)",
       responses=documented("not_found", "stale", "precondition_required", "listing_duplicate", "listing_closed"))
async def edit(request: Request, tx: Tx, listing_id: FromPath[UUID], data: JSONBody[ListingEntry]) -> Response[ListingView]:
    # `data` checks and documents the shape; the merge needs to tell null from absent, which only the raw body does.
    changed = await edit_listing(tx, listing_id, if_match(request), await request.json(), datetime.now(UTC))
    return Response(changed, headers=etag(changed.version))


@get("/listings/{listing_id:uuid}/publication-readiness", opt={"permission": "listing:read"}, operation_id="ReadReadiness",
     summary="What keeps a listing from being published", responses=documented("not_found"))
async def read_readiness(read: Read, locale: Locale, listing_id: FromPath[UUID]) -> Readiness:
    return readiness_of(await find_profile(read, listing_id), day_in_japan(datetime.now(UTC)), locale)


ROUTES: list = [enter, list_own, read_one, edit, read_readiness]
