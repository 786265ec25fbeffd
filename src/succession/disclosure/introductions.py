"""What happens when an intermediary accepts a desk's introduction?

In one unit of work the one teaser opens to the one acquirer, and a disclosure request with the desk as its origin is
there: the road from here is the same as for a request the acquirer makes itself.
"""

from uuid import UUID

import msgspec
from litestar import Request, post
from litestar.params import FromPath
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.codes import label
from succession.database import Databases, driver
from succession.disclosure.commands.requests import open_deal
from succession.errors import Problem
from succession.http import documented
from succession.i18n import Message, _
from succession.idempotency import creates
from succession.market.desk import decide_introduction
from succession.market.desk_queries import IntroductionView, find_introduction
from succession.market.holds import Release, may_name
from succession.outbox import mail, record
from succession.wiring import Config, Locale, Pools, Tx, Who


class AcceptedIntroduction(msgspec.Struct):
    """`request_id`: the disclosure request that was opened."""

    introduction: IntroductionView
    request_id: UUID


_BEHIND = text("SELECT listing_id, intermediary_id FROM vault.listing_behind(:teaser, :buyer)")
_OPEN = text("SELECT id FROM vault.deal WHERE listing_id = :listing AND buyer_id = :buyer AND terminal IS NULL")
_PURPOSE = text("SELECT purpose FROM vault.brief WHERE id = :brief")


async def accept_introduction(tx: AsyncSession, databases: Databases, actor: Actor, introduction_id: UUID, link: str) -> UUID:
    """The id of the request. Problem not_found, introduction_decided, brief_closed; step_refused when the teaser is
    gone or its owner excludes this acquirer by now; request_exists when the two are in contact already; held_for_person
    when the intermediary's name would leave too few companies."""
    await _may_be_named(tx, databases, actor, introduction_id)
    decided = await decide_introduction(tx, actor, introduction_id, None)
    behind = (await tx.execute(_BEHIND, {"teaser": decided.teaser_ref, "buyer": decided.acquirer_id})).first()
    if behind is None:
        gone = Message.of(_("The teaser is no longer published, or its owner excludes this acquirer."))
        raise Problem("step_refused", gone)
    if (await tx.execute(_OPEN, {"listing": behind.listing_id, "buyer": decided.acquirer_id})).first():
        raise Problem("request_exists")
    purpose = await tx.scalar(_PURPOSE, {"brief": decided.brief_id})
    words = " / ".join(label("acquisition_purpose", purpose, locale) for locale in ("ja", "en"))  # read by both sides
    deal_id = await open_deal(tx, actor, behind.listing_id, behind.intermediary_id, decided.acquirer_id,
                              decided.teaser_ref, words, "desk", introduction_id=decided.id)
    await record(tx, "accept_introduction", decided.id, request=deal_id)
    await mail(tx, "introduction_accepted", organisation=decided.agency_id, link=f"{link}/{decided.id}")
    await mail(tx, "introduced_to_seller", organisation=decided.acquirer_id, link=f"{link}/{decided.id}")
    return deal_id


_OPEN_ONE = text(
    "SELECT i.teaser_ref, i.acquirer_id, i.agency_id, l.listing_id FROM vault.introduction i JOIN vault.brief b ON b.id = i.brief_id "
    "AND b.state = 'open' CROSS JOIN LATERAL vault.listing_behind(i.teaser_ref, i.acquirer_id) l WHERE i.id = :id AND i.state = 'proposed'")


async def _may_be_named(tx: AsyncSession, databases: Databases, actor: Actor, introduction_id: UUID) -> None:
    """Acceptance names the intermediary to acquirer and desk. Asked first: what is said counts from the moment it is written."""
    found = (await tx.execute(_OPEN_ONE, {"id": introduction_id})).first()
    if found is not None:
        release = Release("introduction", found.listing_id, found.teaser_ref, found.acquirer_id)
        await may_name(tx, databases, actor, release, [found.agency_id])


@post("/introductions/{introduction_id:uuid}/acceptance", opt={"permission": "introduction:decide"},
      operation_id="AcceptIntroduction",
      summary="Accept an introduction: the teaser opens to the acquirer, and so does a disclosure request",
      responses=documented("not_found", "introduction_decided", "brief_closed", "step_refused", "request_exists", "held_for_person"))
@creates
async def accept(request: Request, tx: Tx, databases: Pools, actor: Who, locale: Locale, settings: Config,
                 introduction_id: FromPath[UUID]) -> AcceptedIntroduction:
    request_id = await accept_introduction(tx, databases, actor, introduction_id, f"{settings.public_url}/v1/introductions")
    return AcceptedIntroduction(await find_introduction(await driver(tx), introduction_id, locale), request_id)


ROUTES: list = [accept]
