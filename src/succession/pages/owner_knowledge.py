"""Who knows my company's name, since when, and on which of my consents? What the owner's side reads behind an open link.

Each person reads of the buyers they were asked about themselves: the firm, the day, what was shown, when it was last opened and
when it ended. Not who of the buyer's people, not what others of the owner's side answered.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import asyncpg
from litestar import Response, get
from litestar.params import FromPath, FromQuery

from succession.actor import ANONYMOUS
from succession.disclosure.knowledge import Knowing, find_knowledge
from succession.i18n import Message, _, translate
from succession.listings.owner import find_adviser, find_link
from succession.pages import owner_sheet
from succession.pages.knowledge import METHODS, group_name, in_order, when
from succession.pages.owner import PUBLIC, Lang
from succession.pages.owner_sheet import Card, Line
from succession.wiring import Pools

_MINE = """SELECT c.deal_id, c.revoked_at IS NOT NULL AS revoked FROM vault.name_clear c
WHERE c.listing_id = $1 AND EXISTS (SELECT FROM vault.name_clear_person p WHERE p.name_clear_id = c.id AND p.owner_contact_id = $2)"""


@get("/owner/{token:str}/knowledge", opt=PUBLIC, operation_id="OpenOwnerKnowledgePage", summary="Who knows the owner's company by name",
     include_in_schema=False)
async def open_owner_knowledge(databases: Pools, token: FromPath[str], lang: FromQuery[Lang | None] = None) -> Response[str]:
    async with databases.read(ANONYMOUS.scope()) as connection:
        link = await find_link(connection, token)
    if link is None or not link.live:
        return owner_sheet.gone(link, token, lang)
    locale = lang or link.locale
    async with databases.read(link.scope()) as read:
        releases = await _releases(read, link.listing_id, link.contact_id)
        adviser = await find_adviser(read, link.listing_id)
    return owner_sheet.known([_card(each, revoked, locale) for each, revoked in releases], token, adviser, locale)


async def _releases(read: asyncpg.Connection, listing_id: UUID, contact_id: UUID) -> list[tuple[Knowing, bool]]:
    """(release, whether its consent was taken back), of the buyers this person was asked about."""
    mine: dict[UUID, bool] = {}
    for row in await read.fetch(_MINE, listing_id, contact_id):
        mine[row["deal_id"]] = mine.get(row["deal_id"], False) or row["revoked"]
    found = await find_knowledge(read, listing_id, datetime.now(UTC))
    return [(each, mine[each.deal_id]) for each in found.items if each.deal_id in mine]


def _card(each: Knowing, revoked: bool, locale: str) -> Card:
    def words(message: str) -> str:
        return translate(message, locale)

    last = max((opened.last_at for opened in each.opened), default=None)
    ended = when(each.ended_at, locale) or words(_("Not ended: it may still read"))
    method = words(METHODS[each.consent_method]) if each.consent_method in METHODS else ""
    lines = [
        Line(words(_("Told since")), when(each.since, locale)),
        Line(words(_("On the consent of")), f"{when(each.consent_at, locale)} {method}".strip()),
        Line(words(_("Last opened")), when(last, locale) or words(_("Not opened yet"))),
        Line(words(_("Ended")), ended),
    ]  # fmt: skip
    if each.representative:
        lines.insert(0, Line(words(_("Represented by")), each.representative))
    if revoked:
        lines.append(Line(None, words(_("Consent was taken back. The buyer can read nothing more; what it has read remains under its "
                                        "promise of secrecy."))))
    groups = [group.fact_group for group in sorted(each.shown, key=in_order)]
    items = [group_name(group, {}, locale) for group in groups if not group.startswith("document:")]
    if documents := len(groups) - len(items):
        items.append(translate(Message(_("{number} documents"), {"number": documents}), locale))
    return Card(f"{each.organisation} ({each.country})", tuple(lines), tuple(items))


OWNER_KNOWLEDGE_PAGE: list = [open_owner_knowledge]
