"""How does HTTP reach the market: a listing's way to its teaser, the search, and the codes it speaks?"""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta

from succession.caching import MARKET_MAX_AGE_S, NOT_MODIFIED, anonymous, kept_for
from succession.errors import field_problem
from succession.http import documented, locale_of, names_locale_of
from succession.i18n import Message, _
from succession.idempotency import creates
from succession.ids import parse_reference
from succession.market.commands import (
    NewProposal,
    ProposalView,
    PublicationView,
    propose_teaser,
    publish_listing,
    unpublish_listing,
)
from succession.market.desk_routes import ROUTES as DESK
from succession.market.facets import facets_of
from succession.market.filter_log import today
from succession.market.hold_routes import ROUTES as HOLDS
from succession.market.match_routes import ROUTES as MATCHES
from succession.market.previews import PreviewAsked, PreviewView, preview_teaser
from succession.market.order import RELEVANCE
from succession.market.prose_routes import ROUTES as PROSE
from succession.market.queries import (
    CodeList,
    SchemeList,
    SearchPage,
    TeaserView,
    audience_role,
    find_teaser,
    find_teasers,
    list_codes,
    list_schemes,
    searchable_facts,
    told_teaser,
)
from succession.market.ranges import BOUNDS, edges, read_ranges
from succession.market.representations import viewers_for
from succession.market.saved_search_routes import ROUTES as SAVED
from succession.market.search import FILTERS, Match, Sort, allowed, checked_fields, read_search, refuse_unknown
from succession.market.standing import SHARE, Wanted
from succession.paging import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MOST, bound_to, open_cursor, seal_cursor
from succession.wiring import Config, Locale, Pools, Tx, Who

_TO_PUBLISH = ("not_found", "listing_closed", "mandate_needed", "not_publishable", "not_anonymous", "population_needed")
_TO_LOOK = ("mandate_unconfirmed", "preview_quota", "facts_settled", "stale")


@post("/listings/{listing_id:uuid}/teaser-preview", status_code=200, opt={"permission": "teaser:preview"},
      operation_id="PreviewTeaser", summary="What the teaser of a listing would show, and why no more",
      responses=documented(*_TO_PUBLISH, *_TO_LOOK))
async def preview(tx: Tx, databases: Pools, actor: Who, settings: Config, locale: Locale, listing_id: FromPath[UUID],
                  data: JSONBody[PreviewAsked | None] = None) -> PreviewView:
    return await preview_teaser(tx, databases, actor, listing_id, data or PreviewAsked(), settings, datetime.now(UTC), locale)


@post("/listings/{listing_id:uuid}/teaser-proposals", opt={"permission": "teaser:preview"}, operation_id="ProposeTeaser",
      summary="Put the teaser before the owner, for these audiences",
      responses=documented(*_TO_PUBLISH, *_TO_LOOK, "excluded_never_public", "deciders_missing"))
@creates
async def propose(request: Request, tx: Tx, databases: Pools, actor: Who, settings: Config, listing_id: FromPath[UUID],
                  data: JSONBody[NewProposal]) -> ProposalView:
    return await propose_teaser(tx, databases, actor, listing_id, data, settings, datetime.now(UTC))


@post("/listings/{listing_id:uuid}/publication", opt={"permission": "publication:request"}, operation_id="PublishListing",
      summary="Queue the approved teaser for the next batch",
      responses=documented(*_TO_PUBLISH, "owner_approval_needed", "already_published", "step_refused"))
@creates
async def publish(request: Request, tx: Tx, settings: Config, listing_id: FromPath[UUID]) -> PublicationView:
    return await publish_listing(tx, listing_id, settings, datetime.now(UTC))


@delete("/listings/{listing_id:uuid}/publication", opt={"permission": "publication:request"}, operation_id="UnpublishListing",
        summary="Take the teaser down at once", responses=documented("not_found", "listing_closed"))
async def unpublish(tx: Tx, listing_id: FromPath[UUID]) -> None:
    await unpublish_listing(tx, listing_id)


# ---------------------------------------------------------------------------------------------------------------------
# Search


def _values(name: str) -> object:
    """A repeated parameter of published values; what is not one is refused by name in `search.checked`."""
    listed = {"items": {"type": "string", "enum": list(FILTERS if name == "facets" else allowed(name))}}
    return Annotated[list[Annotated[str, Meta(max_length=60)]] | None, Meta(extra_json_schema=listed), QueryParameter(name=name)]


Place, Industry, Founded, Employees, Revenue = (_values(name) for name in ("place", "industry", "founded", "employees", "revenue"))
Margin, Price, Scheme, Timing, Phrase = (_values(name) for name in ("margin", "price", "scheme", "timing", "phrase"))
Facets = _values("facets")


def _bound(name: str) -> object:
    """One end of a range; what is no edge of a published band is refused, with the edges named, in `ranges`."""
    listed = {"type": "string", "enum": list(edges(name))}
    return Annotated[Annotated[str, Meta(max_length=20, extra_json_schema=listed)] | None, QueryParameter(name=name)]


RevenueFrom, RevenueBelow, EmployeesFrom, EmployeesBelow, FoundedFrom, FoundedBefore, MarginFrom, MarginBelow, PriceOver, PriceUpTo = (
    _bound(name) for name in BOUNDS)


def ranges_asked(revenue_from_yen: RevenueFrom = None, revenue_below_yen: RevenueBelow = None, employees_from: EmployeesFrom = None,
                 employees_below: EmployeesBelow = None, founded_from: FoundedFrom = None, founded_before: FoundedBefore = None,
                 margin_from_percent: MarginFrom = None, margin_below_percent: MarginBelow = None, price_over_yen: PriceOver = None,
                 price_up_to_yen: PriceUpTo = None) -> dict[str, tuple[str, ...]]:
    return read_ranges(dict(zip(BOUNDS, (
        revenue_from_yen, revenue_below_yen, employees_from, employees_below, founded_from, founded_before, margin_from_percent,
        margin_below_percent, price_over_yen, price_up_to_yen), strict=True)))


Ranges = NamedDependency[dict[str, tuple[str, ...]]]
PageSize = Annotated[int, QueryParameter(ge=0, le=PAGE_LIMIT_MOST)]
# Codes and their names change with a release.
CODES_MAX_AGE_S = 3600


@get("/teasers", opt={"public": True}, operation_id="SearchTeasers", summary="Search teasers by published codes",
     dependencies={"ranges": Provide(ranges_asked, sync_to_thread=False)},
     responses=documented("cursor_invalid", "representation_needed", public=True) | NOT_MODIFIED)
async def search(request: Request, ranges: Ranges, place: Place = None, industry: Industry = None, founded: Founded = None,
                 employees: Employees = None, revenue: Revenue = None, margin: Margin = None, price: Price = None, scheme: Scheme = None,
                 timing: Timing = None, phrase: Phrase = None, q: FromQuery[str | None] = None, match: FromQuery[Match] = "certain",
                 sort: FromQuery[Sort | None] = None, limit: FromQuery[PageSize] = PAGE_LIMIT_DEFAULT,
                 cursor: FromQuery[str | None] = None, facets: Facets = None,
                 acting_for: FromQuery[UUID | None] = None) -> Response[SearchPage]:
    refuse_unknown(request.query_params)
    # Of the busiest route, what others have injected: five tasks of the framework, a tenth of its work.
    actor, locale, databases, settings = request.user, locale_of(request), request.app.state.databases, request.app.state.settings
    excluding = await viewers_for(databases, actor, acting_for)
    given = dict(zip(FILTERS, (place, industry, founded, employees, revenue, margin, price, scheme, timing, phrase), strict=True))
    market = databases.market(audience_role(actor), actor.organisation_id)
    asked, fields = read_search(given, q, ranges, await searchable_facts(market, phrase)), checked_fields(facets)
    if match == "possible" and sort is not None:
        raise field_problem("sort", Message.of(_("Possible matches are ranked by how much of them lies inside the filters.")))
    order = SHARE if match == "possible" else sort or (RELEVANCE if q else "newest")
    key, bound = settings.key("cursor"), bound_to(f"{audience_role(actor)}:{actor.member_id}", ["teasers", given, ranges, q, order, acting_for])
    after = open_cursor(key, cursor, bound) if cursor else None
    wanted = Wanted(order if order != RELEVANCE or asked.ranked else "newest", limit, after and (after[0], after[1], UUID(after[2])))
    found = await find_teasers(market, asked, wanted, excluding)
    if after is None:
        request.app.state.filter_log.note(asked, actor, today())
    names, whole = names_locale_of(request), anonymous(request)
    page = SearchPage(
        match=match, sort=order, total_certain=found.counts.certain, total_possible=found.counts.possible,
        read_as={name: list(codes) for name, codes in asked.read_as.items()}, corrected=list(asked.corrected),
        unrecognised=list(asked.unrecognised), items=[told_teaser(row, asked, locale) for row in found.rows],
        next_cursor=seal_cursor(key, [*found.after[:2], found.after[2].hex], bound, repeatable=whole) if found.after else None,
        facets=facets_of(found.counts, fields, names),
    )  # fmt: skip
    spoken = {"Content-Language": ", ".join(dict.fromkeys((locale, names)))}
    return kept_for(request, page, MARKET_MAX_AGE_S, spoken)


@get("/teasers/{ref:str}", opt={"public": True}, operation_id="ReadTeaser", summary="One teaser",
     responses=documented("not_found", "representation_needed", public=True) | NOT_MODIFIED)
async def read_teaser(request: Request, databases: Pools, actor: Who, locale: Locale, ref: FromPath[str],
                      acting_for: FromQuery[UUID | None] = None) -> Response[TeaserView]:
    excluding = await viewers_for(databases, actor, acting_for)
    return kept_for(request, await find_teaser(databases, actor, parse_reference(ref), excluding, locale), MARKET_MAX_AGE_S)


@get("/codes", opt={"public": True}, operation_id="ListSchemes", summary="The code schemes this API speaks",
     responses=documented(public=True) | NOT_MODIFIED, sync_to_thread=False)
def schemes(request: Request) -> Response[SchemeList]:
    return kept_for(request, list_schemes(), CODES_MAX_AGE_S)


@get("/codes/{scheme:str}", opt={"public": True}, operation_id="ReadScheme", summary="The codes of a scheme, named in your language",
     responses=documented("not_found", public=True) | NOT_MODIFIED, sync_to_thread=False)
def codes(request: Request, scheme: FromPath[str]) -> Response[CodeList]:
    names = names_locale_of(request)
    return kept_for(request, list_codes(scheme, names), CODES_MAX_AGE_S, {"Content-Language": names})


ROUTES: list = [preview, propose, publish, unpublish, search, read_teaser, schemes, codes, *PROSE, *DESK, *HOLDS, *MATCHES, *SAVED]
