"""How does an intermediary speak with us about its listings?

What concerns the owner is in owner_routes.py, spreadsheets are in import_routes.py.
"""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from litestar import Request, Response, delete, get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from succession.codes import SCHEMES
from succession.days import day_in_japan
from succession.http import documented, etag, if_match
from succession.idempotency import creates
from succession.listings import exclusions, mandates, moves
from succession.listings.commands import ListingEntry, edit_listing, enter_listing
from succession.listings.guideline import Mandate
from succession.listings.import_routes import IMPORT_ROUTES
from succession.listings.owner_routes import OWNER_ROUTES, REVIEWERS
from succession.listings.queries import ListingPage, ListingView, find_listing, find_profile, list_listings
from succession.listings.readiness import Readiness, readiness_of
from succession.paging import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MOST, page_asked
from succession.permissions import allow
from succession.wiring import Config, Locale, Read, Tx, Who

InState = Annotated[Literal[tuple(SCHEMES["listing_state"].codes)] | None, QueryParameter(name="state")]
Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_LIMIT_MOST)]
READS, WRITES, MANDATES = ({"permission": p} for p in ("listing:read", "listing:write", "mandate:write"))
MOVED = documented("not_found", "step_refused", "mandate_needed", "listing_closed")


@post("/listings", opt=WRITES, operation_id="EnterListing", summary="Enter a draft listing",
      responses=documented("listing_duplicate"))
@creates
async def enter(request: Request, tx: Tx, actor: Who, data: JSONBody[ListingEntry]) -> ListingView:
    return await enter_listing(tx, actor, data, datetime.now(UTC))


@get("/listings", opt=READS, operation_id="ListListings", summary="Your own listings, newest first",
     responses=documented("cursor_invalid"))
async def list_own(read: Read, actor: Who, settings: Config, in_state: InState = None,
                   limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT, cursor: FromQuery[str | None] = None) -> ListingPage:
    return await list_listings(read, in_state, page_asked(settings, actor, cursor, limit))


@get("/listings/{listing_id:uuid}", opt=READS, operation_id="ReadListing",
     summary="One of your listings with its whole profile", responses=documented("not_found"))
async def read_one(read: Read, listing_id: FromPath[UUID]) -> Response[ListingView]:
    found = await find_listing(read, listing_id)
    return Response(found, headers=etag(found.version))


@patch("/listings/{listing_id:uuid}", opt=WRITES, operation_id="EditListing",
       summary="Edit a listing (JSON merge patch; null takes an answer away)",
       responses=documented("not_found", "stale", "precondition_required", "listing_duplicate", "listing_closed"))
async def edit(request: Request, tx: Tx, listing_id: FromPath[UUID],
               data: JSONBody[ListingEntry]) -> Response[ListingView]:
    # `data` checks and documents the shape; the merge needs to tell null from absent, which only the raw body does.
    changed = await edit_listing(tx, listing_id, if_match(request), await request.json(), datetime.now(UTC))
    return Response(changed, headers=etag(changed.version))


@get("/listings/{listing_id:uuid}/publication-readiness", opt=READS, operation_id="ReadReadiness",
     summary="What keeps a listing from being published", responses=documented("not_found"))
async def read_readiness(read: Read, locale: Locale, listing_id: FromPath[UUID]) -> Readiness:
    return readiness_of(await find_profile(read, listing_id), day_in_japan(datetime.now(UTC)), locale)


# --- exclusions ------------------------------------------------------------------------------------------------------


@get("/listings/{listing_id:uuid}/exclusions", opt=READS, operation_id="ListExclusions",
     summary="Who must never see this listing", responses=documented("not_found"))
async def list_exclusions(read: Read, listing_id: FromPath[UUID]) -> exclusions.ExclusionList:
    return await exclusions.list_exclusions(read, listing_id)


@post("/listings/{listing_id:uuid}/exclusions", opt=WRITES, operation_id="Exclude",
      summary="Exclude an organisation, group, person, country or kind of buyer",
      responses=documented("not_found", "conflict", "excluded_never_public", "limit_reached", "listing_closed"))
@creates
async def exclude(request: Request, tx: Tx, listing_id: FromPath[UUID],
                  data: JSONBody[exclusions.NewExclusion]) -> exclusions.ExclusionView:
    return await exclusions.exclude(tx, listing_id, data)


@delete("/listings/{listing_id:uuid}/exclusions/{exclusion_id:uuid}", opt=WRITES, operation_id="Readmit",
        summary="Take an exclusion away", responses=documented("not_found", "listing_closed"))
async def readmit(tx: Tx, listing_id: FromPath[UUID], exclusion_id: FromPath[UUID]) -> None:
    await exclusions.readmit(tx, listing_id, exclusion_id)


# --- mandate ---------------------------------------------------------------------------------------------------------


@get("/listings/{listing_id:uuid}/mandate", opt=READS, operation_id="ReadMandate",
     summary="The active mandate, else the last one", responses=documented("not_found"))
async def read_mandate(read: Read, locale: Locale, listing_id: FromPath[UUID]) -> mandates.MandateView:
    return await mandates.find_mandate(read, listing_id, locale)


@post("/listings/{listing_id:uuid}/mandate", opt=MANDATES, operation_id="ActivateMandate",
      summary="Record the signed mandate; read against the SME M&A Guidelines",
      responses=documented("not_found", "mandate_active", "guideline_violation", "listing_closed"))
@creates
async def activate_mandate(request: Request, tx: Tx, actor: Who, locale: Locale, listing_id: FromPath[UUID],
                           data: JSONBody[Mandate]) -> mandates.MandateView:
    return await mandates.activate_mandate(tx, actor, listing_id, data, datetime.now(UTC), locale)


@post("/listings/{listing_id:uuid}/mandate/confirmation", opt={"permission": "paper:confirm"}, operation_id="ConfirmMandate",
      status_code=200, summary="Confirm, as a second person, that the client gave this mandate",
      responses=documented("not_found", "second_confirmation_needed"))
async def confirm_mandate(tx: Tx, actor: Who, locale: Locale, listing_id: FromPath[UUID],
                          data: JSONBody[mandates.MandateConfirmation]) -> mandates.MandateView:
    allow(actor, "paper:confirm", lambda: actor.kind != "operator" or actor.role in REVIEWERS)
    return await mandates.confirm_mandate(tx, actor, listing_id, data, datetime.now(UTC), locale)


@get("/mandates", opt={"permission": "paper:confirm"}, operation_id="ListMandatesAwaiting",
     summary="Mandates that wait for your confirmation", responses=documented("cursor_invalid"))
async def list_mandates_awaiting(read: Read, actor: Who, settings: Config, limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                                 cursor: FromQuery[str | None] = None) -> mandates.AwaitingPage:
    page = page_asked(settings, actor, cursor, limit)
    return await mandates.list_awaiting_mandates(read, actor.member_id, page)


@post("/listings/{listing_id:uuid}/mandate/end", opt=MANDATES, operation_id="EndMandate", status_code=200,
      summary="The mandate has ended; its teaser comes down and its tail begins",
      responses=documented("not_found", "mandate_needed", "listing_closed"))
async def end_mandate(tx: Tx, locale: Locale, listing_id: FromPath[UUID],
                      data: JSONBody[mandates.MandateEnd]) -> mandates.MandateView:
    return await mandates.end_mandate(tx, listing_id, data, datetime.now(UTC), locale)


# --- moves -----------------------------------------------------------------------------------------------------------


@post("/listings/{listing_id:uuid}/preparation", opt=WRITES, operation_id="PrepareListing", status_code=200,
      summary="Begin to prepare: valuation, teaser, memorandum", responses=MOVED)
async def prepare(tx: Tx, listing_id: FromPath[UUID]) -> ListingView:
    return await moves.prepare_listing(tx, listing_id, datetime.now(UTC))


@post("/listings/{listing_id:uuid}/approach", opt=WRITES, operation_id="ApproachCandidates", status_code=200,
      summary="Approach the candidates the owner agreed to", responses=MOVED)
async def approach(tx: Tx, listing_id: FromPath[UUID], data: JSONBody[moves.Approach]) -> ListingView:
    return await moves.approach_candidates(tx, listing_id, data, datetime.now(UTC))


@post("/listings/{listing_id:uuid}/suspension", opt=WRITES, operation_id="SuspendListing", status_code=200,
      summary="Let the listing rest; its teaser comes down", responses=MOVED)
async def suspend(tx: Tx, listing_id: FromPath[UUID], data: JSONBody[moves.Suspension]) -> ListingView:
    return await moves.suspend_listing(tx, listing_id, data.reason, datetime.now(UTC))


@delete("/listings/{listing_id:uuid}/suspension", opt=WRITES, operation_id="ResumeListing", status_code=200,
        summary="Back to preparation", responses=MOVED)
async def resume(tx: Tx, listing_id: FromPath[UUID]) -> ListingView:
    return await moves.resume_listing(tx, listing_id, datetime.now(UTC))


@post("/listings/{listing_id:uuid}/withdrawal", opt=WRITES, operation_id="WithdrawListing", status_code=200,
      summary="The company is no longer for sale here; its teaser comes down", responses=MOVED)
async def withdraw(tx: Tx, actor: Who, listing_id: FromPath[UUID], data: JSONBody[moves.Withdrawal]) -> ListingView:
    return await moves.withdraw_listing(tx, actor, listing_id, data.reason, datetime.now(UTC))


ROUTES: list = [
    enter, list_own, read_one, edit, read_readiness, list_exclusions, exclude, readmit, read_mandate, activate_mandate,
    confirm_mandate, list_mandates_awaiting, end_mandate, prepare, approach, suspend, resume, withdraw, *OWNER_ROUTES,
    *IMPORT_ROUTES,
]  # fmt: skip
