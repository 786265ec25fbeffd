"""How does HTTP reach the market: a listing's way to its teaser, the search, and the codes it speaks?"""

from datetime import UTC, datetime
from uuid import UUID

from litestar import Request, delete, post
from litestar.params import FromPath, JSONBody

from succession.http import documented
from succession.idempotency import creates
from succession.market.commands import (
    NewProposal,
    PreviewView,
    ProposalView,
    PublicationView,
    preview_teaser,
    propose_teaser,
    publish_listing,
    unpublish_listing,
)
from succession.market.desk_routes import ROUTES as DESK
from succession.wiring import Config, Locale, Tx, Who

_TO_PUBLISH = ("not_found", "listing_closed", "mandate_needed", "not_publishable", "not_anonymous", "population_needed")


@post("/listings/{listing_id:uuid}/teaser-preview", status_code=200, opt={"permission": "teaser:preview"},
      operation_id="PreviewTeaser", summary="What the teaser of a listing would show, and why no more",
      responses=documented("not_found", "listing_closed", "mandate_needed", "not_publishable", "not_anonymous", "population_needed",
                           "preview_quota"))
async def preview(tx: Tx, actor: Who, settings: Config, locale: Locale, listing_id: FromPath[UUID]) -> PreviewView:
    return await preview_teaser(tx, actor, listing_id, settings, datetime.now(UTC), locale)


@post("/listings/{listing_id:uuid}/teaser-proposals", opt={"permission": "teaser:preview"}, operation_id="ProposeTeaser",
      summary="Put the teaser before the owner, for these audiences",
      responses=documented(*_TO_PUBLISH, "preview_quota", "excluded_never_public"))
@creates
async def propose(request: Request, tx: Tx, actor: Who, settings: Config, listing_id: FromPath[UUID],
                  data: JSONBody[NewProposal]) -> ProposalView:
    return await propose_teaser(tx, actor, listing_id, data, settings, datetime.now(UTC))


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


ROUTES: list = [preview, propose, publish, unpublish, *DESK]
