"""How does HTTP reach matching: an acquirer's profile, the teasers that meet it, the buyers a listing's holder may think of?"""

from typing import Annotated
from uuid import UUID

from litestar import get, put
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from succession.database import driver
from succession.errors import Problem
from succession.http import documented
from succession.market.desk_queries import find_brief, seeker_of
from succession.market.filter_log import today
from succession.market.match_queries import BuyerMatchPage, MatchPage, list_buyer_matches, list_matches
from succession.market.profiles import NewProfile, ProfileView, find_profile, keep_profile, seeker_behind
from succession.paging import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MOST, page_asked
from succession.wiring import Config, Locale, Pools, Read, Tx, Who

Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_LIMIT_MOST)]


@put("/acquirer-profile", opt={"permission": "acquirer_profile:edit"}, operation_id="KeepAcquirerProfile",
     summary="What you look for and what you offer", responses=documented())
async def keep(tx: Tx, actor: Who, locale: Locale, data: JSONBody[NewProfile]) -> ProfileView:
    await keep_profile(tx, actor, data)
    return await find_profile(await driver(tx), actor.organisation_id, locale)


@get("/acquirer-profile", opt={"permission": "acquirer_profile:read"}, operation_id="ReadAcquirerProfile",
     summary="Your profile", responses=documented("not_found"))
async def read_profile(read: Read, actor: Who, locale: Locale) -> ProfileView:
    return await find_profile(read, actor.organisation_id, locale)


@get("/matches", opt={"permission": "match:read"}, operation_id="ListMatches",
     summary="Teasers that meet your profile, or a brief of yours, with reasons",
     responses=documented("not_found", "brief_closed", "profile_needed", "cursor_invalid"))
async def matches(read: Read, databases: Pools, actor: Who, locale: Locale, settings: Config, brief_id: FromQuery[UUID | None] = None,
                  cursor: FromQuery[str | None] = None, limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT) -> MatchPage:
    if brief_id:
        brief = await find_brief(read, brief_id, locale)
        if brief.state == "closed":
            raise Problem("brief_closed")
        seeker, of = seeker_of(brief), [str(brief_id), brief.version]
    else:
        seeker, version = await seeker_behind(read, actor.organisation_id)
        of = ["profile", version]
    page = page_asked(settings, actor, cursor, limit)
    return await list_matches(databases.market("market_buyer", actor.organisation_id), seeker, (actor.organisation_id,), ["matches", *of], page, today(), locale)


@get("/listings/{listing_id:uuid}/matches", opt={"permission": "listing:read"}, operation_id="ListBuyerMatches",
     summary="Acquirers, under a code, whose profile meets this listing's teaser, with reasons",
     responses=documented("not_found", "cursor_invalid"))
async def buyer_matches(read: Read, actor: Who, locale: Locale, settings: Config, listing_id: FromPath[UUID],
                        cursor: FromQuery[str | None] = None, limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT) -> BuyerMatchPage:
    page = page_asked(settings, actor, cursor, limit)
    return await list_buyer_matches(read, listing_id, page, today(), locale)


ROUTES: list = [keep, read_profile, matches, buyer_matches]
