"""How does HTTP reach the optional text of a teaser?"""

from datetime import UTC, datetime
from uuid import UUID

from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody

from succession.http import documented
from succession.market.prose import NewProse, ProseView, Review, read_prose, remove_prose, review_prose, write_prose
from succession.wiring import Locale, Read, Tx, Who

_PATH = "/listings/{listing_id:uuid}/teaser-prose"


@put(_PATH, opt={"permission": "prose:write"}, operation_id="WriteTeaserProse", summary="Write the optional text of a teaser",
     responses=documented("not_found", "listing_closed"))
async def write(tx: Tx, actor: Who, locale: Locale, listing_id: FromPath[UUID], data: JSONBody[NewProse]) -> ProseView:
    return await write_prose(tx, actor, listing_id, data, datetime.now(UTC), locale)


@get(_PATH, opt={"permission": "prose:write"}, operation_id="ReadTeaserProse", summary="The optional text and what the scanner says of it",
     responses=documented("not_found"))
async def read_text(read: Read, locale: Locale, listing_id: FromPath[UUID]) -> ProseView:
    return await read_prose(read, listing_id, locale)


@delete(_PATH, opt={"permission": "prose:write"}, operation_id="RemoveTeaserProse", summary="No text of its own any more",
        responses=documented("not_found", "listing_closed"))
async def remove(tx: Tx, listing_id: FromPath[UUID]) -> None:
    await remove_prose(tx, listing_id, datetime.now(UTC))


@post(f"{_PATH}/review", status_code=200, opt={"permission": "prose_review:decide"}, operation_id="ReviewTeaserProse",
      summary="A second person passes or refuses the text",
      responses=documented("not_found", "listing_closed", "second_confirmation_needed", "prose_not_clean", "conflict"))
async def review(tx: Tx, actor: Who, locale: Locale, listing_id: FromPath[UUID], data: JSONBody[Review]) -> ProseView:
    return await review_prose(tx, actor, listing_id, data, datetime.now(UTC), locale)


ROUTES: list = [write, read_text, remove, review]
