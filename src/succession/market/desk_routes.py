"""How does HTTP reach the desk: briefs, candidates, introductions, and who represents whom?

Accepting an introduction opens a disclosure request, so that route is in the disclosure slice.
"""

from typing import Annotated
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from succession.database import driver
from succession.errors import Problem
from succession.http import documented, etag, if_match
from succession.idempotency import creates
from succession.market.desk import (
    Decline,
    NewBrief,
    NewIntroduction,
    close_brief,
    decline_introduction,
    file_brief,
    propose_introduction,
)
from succession.market.desk_queries import (
    BriefPage,
    BriefState,
    BriefView,
    DeskList,
    IntroductionPage,
    IntroductionState,
    IntroductionView,
    find_brief,
    find_introduction,
    list_briefs,
    list_candidates,
    list_desks,
    list_introductions,
)
from succession.market.filter_log import today
from succession.market.match_queries import MatchPage
from succession.market.representations import (
    NewRepresentation,
    RepresentationPage,
    RepresentationView,
    confirm_representation,
    end_representation,
    find_representation,
    list_representations,
    record_representation,
)
from succession.paging import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MOST, page_asked
from succession.wiring import Config, Locale, Pools, Read, Tx, Who

Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_LIMIT_MOST)]
OfBriefState = Annotated[BriefState | None, QueryParameter(name="state")]
OfIntroductionState = Annotated[IntroductionState | None, QueryParameter(name="state")]


@get("/desks", opt={"permission": "directory:read"}, operation_id="ListDesks", summary="Agency desks that take briefs",
     responses=documented())
async def desks(read: Read) -> DeskList:
    return DeskList(await list_desks(read))


# ---------------------------------------------------------------- briefs


@post("/briefs", opt={"permission": "brief:file"}, operation_id="FileBrief", summary="File a brief with an agency desk",
      responses=documented())
@creates
async def file(request: Request, tx: Tx, actor: Who, locale: Locale, settings: Config,
               data: JSONBody[NewBrief]) -> BriefView:
    brief_id = await file_brief(tx, actor, data, f"{settings.public_url}/v1/briefs")
    return await find_brief(await driver(tx), brief_id, locale)


@get("/briefs", opt={"permission": "brief:read"}, operation_id="ListBriefs",
     summary="Briefs: your own, those filed with your desk, or those introduced to you",
     responses=documented("cursor_invalid"))
async def briefs(read: Read, actor: Who, locale: Locale, settings: Config, of_state: OfBriefState = None,
                 cursor: FromQuery[str | None] = None, limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT) -> BriefPage:
    return await list_briefs(read, of_state, page_asked(settings, actor, cursor, limit), locale)


@get("/briefs/{brief_id:uuid}", opt={"permission": "brief:read"}, operation_id="ReadBrief", summary="One brief",
     responses=documented("not_found"))
async def brief(read: Read, locale: Locale, brief_id: FromPath[UUID]) -> Response[BriefView]:
    found = await find_brief(read, brief_id, locale)
    return Response(found, headers=etag(found.version))


@post("/briefs/{brief_id:uuid}/closure", opt={"permission": "brief:file"}, operation_id="CloseBrief",
      summary="Close a brief", status_code=200,
      responses=documented("not_found", "stale", "precondition_required", "brief_closed"))
async def close(request: Request, tx: Tx, locale: Locale, brief_id: FromPath[UUID]) -> Response[BriefView]:
    await close_brief(tx, brief_id, if_match(request))
    closed = await find_brief(await driver(tx), brief_id, locale)
    return Response(closed, headers=etag(closed.version))


@get("/briefs/{brief_id:uuid}/candidates", opt={"permission": "candidate:read"}, operation_id="ListCandidates",
     summary="Name-less candidates for a brief: wishes met, possible and unmet",
     responses=documented("not_found", "brief_closed", "cursor_invalid"))
async def candidates(read: Read, databases: Pools, actor: Who, locale: Locale, settings: Config,
                     brief_id: FromPath[UUID], cursor: FromQuery[str | None] = None,
                     limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT) -> MatchPage:
    found = await find_brief(read, brief_id, locale)
    if found.state == "closed":
        raise Problem("brief_closed")
    asked = page_asked(settings, actor, cursor, limit)
    return await list_candidates(databases.market("market_desk", actor.organisation_id), found, asked, today(), locale)


# ---------------------------------------------------------------- introductions


@post("/briefs/{brief_id:uuid}/introductions", opt={"permission": "introduction:propose"},
      operation_id="ProposeIntroduction", summary="Introduce brief and teaser to the intermediary behind it",
      responses=documented("not_found", "brief_closed", "introduced_already"))
@creates
async def propose(request: Request, tx: Tx, actor: Who, locale: Locale, settings: Config, brief_id: FromPath[UUID],
                  data: JSONBody[NewIntroduction]) -> IntroductionView:
    made = await propose_introduction(tx, actor, brief_id, data, f"{settings.public_url}/v1/introductions")
    return await find_introduction(await driver(tx), made, locale)


@get("/introductions", opt={"permission": "introduction:read"}, operation_id="ListIntroductions",
     summary="Introductions: of your desk, addressed to you, or, for an acquirer, those accepted",
     responses=documented("cursor_invalid"))
async def introductions(read: Read, actor: Who, locale: Locale, settings: Config, of_state: OfIntroductionState = None,
                        brief_id: FromQuery[UUID | None] = None, cursor: FromQuery[str | None] = None,
                        limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT) -> IntroductionPage:
    return await list_introductions(read, of_state, brief_id, page_asked(settings, actor, cursor, limit), locale)


@get("/introductions/{introduction_id:uuid}", opt={"permission": "introduction:read"}, operation_id="ReadIntroduction",
     summary="One introduction", responses=documented("not_found"))
async def introduction(read: Read, locale: Locale, introduction_id: FromPath[UUID]) -> IntroductionView:
    return await find_introduction(read, introduction_id, locale)


@post("/introductions/{introduction_id:uuid}/decline", opt={"permission": "introduction:decide"},
      operation_id="DeclineIntroduction", summary="Decline an introduction with a reason", status_code=200,
      responses=documented("not_found", "introduction_decided"))
async def decline(tx: Tx, actor: Who, locale: Locale, settings: Config, introduction_id: FromPath[UUID],
                  data: JSONBody[Decline]) -> IntroductionView:
    await decline_introduction(tx, actor, introduction_id, data.reason, f"{settings.public_url}/v1/introductions")
    return await find_introduction(await driver(tx), introduction_id, locale)


# ---------------------------------------------------------------- representation


@post("/representations", opt={"permission": "representation:record"}, operation_id="RecordRepresentation",
      summary="Record that you act for an acquirer; it has no effect before the acquirer confirms",
      responses=documented("not_found"))
@creates
async def record(request: Request, tx: Tx, actor: Who, settings: Config,
                 data: JSONBody[NewRepresentation]) -> RepresentationView:
    made = await record_representation(tx, actor, data, f"{settings.public_url}/v1/representations")
    return await find_representation(await driver(tx), made)


@get("/representations", opt={"permission": "representation:read"}, operation_id="ListRepresentations",
     summary="Whom you represent, or who represents you", responses=documented("cursor_invalid"))
async def representations(read: Read, actor: Who, settings: Config, cursor: FromQuery[str | None] = None,
                          limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT) -> RepresentationPage:
    return await list_representations(read, page_asked(settings, actor, cursor, limit))


@post("/representations/{representation_id:uuid}/confirmation", opt={"permission": "representation:confirm"},
      operation_id="ConfirmRepresentation", summary="Confirm that this intermediary acts for you", status_code=200,
      responses=documented("not_found", "representation_settled"))
async def confirm(tx: Tx, actor: Who, settings: Config, representation_id: FromPath[UUID]) -> RepresentationView:
    await confirm_representation(tx, actor, representation_id, f"{settings.public_url}/v1/representations")
    return await find_representation(await driver(tx), representation_id)


@post("/representations/{representation_id:uuid}/termination", opt={"permission": "representation:end"},
      operation_id="EndRepresentation", summary="End a representation; what was done under it stands", status_code=200,
      responses=documented("not_found", "representation_settled"))
async def end(tx: Tx, actor: Who, settings: Config, representation_id: FromPath[UUID]) -> RepresentationView:
    await end_representation(tx, actor, representation_id, f"{settings.public_url}/v1/representations")
    return await find_representation(await driver(tx), representation_id)


ROUTES: list = [
    desks, file, briefs, brief, close, candidates, propose, introductions, introduction, decline,
    record, representations, confirm, end,
]  # fmt: skip
