"""Who knew the name on this day? One page to read, or to print and put into a file."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from succession.days import JAPAN, day_in_japan
from succession.disclosure.knowledge import Group, Knowing, Opening, find_knowledge, moment_of
from succession.disclosure.levels import BLOCKS
from succession.disclosure.reading_queries import holds_listing
from succession.errors import Problem
from succession.i18n import Message, _, format_date, translate
from succession.pages.owner import Lang
from succession.pages.rendering import page
from succession.wiring import Locale, Pools, Who

Asked = Annotated[str, QueryParameter(max_length=40)]

_LEVELS = {"dossier": _("Information memorandum, with the name"), "data_room": _("Data room")}
METHODS = {"link": _("by link"), "paper": _("on paper")}
_MOMENT = _("{day}, {time} Japan time")
_ORDER = [*BLOCKS]
_OTHERS = {"documents": _("List of documents"), "third_persons": _("Third persons")}
_TITLES = "SELECT id, title FROM vault.document WHERE listing_id = $1"
_NAME = "SELECT legal_name FROM vault.listing_identity WHERE listing_id = $1"


@get("/listings/{listing_id:uuid}/knowledge", opt={"permission": "ledger:read"}, operation_id="OpenKnowledgePage",
     summary="Who knew the name on a day", include_in_schema=False)
async def open_knowledge(databases: Pools, actor: Who, locale: Locale, listing_id: FromPath[UUID], at: FromQuery[Asked | None] = None,
                         lang: FromQuery[Lang | None] = None) -> Response[str]:
    reader, now = lang or locale, datetime.now(UTC)
    moment = moment_of(at, now)
    async with databases.read(actor.scope()) as read:
        if actor.kind != "operator" and not await holds_listing(read, listing_id):
            raise Problem("not_found")
        found = await find_knowledge(read, listing_id, moment)
        titles = {str(row["id"]): row["title"] for row in await read.fetch(_TITLES, listing_id)}
        company = await read.fetchval(_NAME, listing_id)
    releases = [_release(each, titles, reader) for each in found.items]
    return page("knowledge.html", reader, company=company or str(listing_id), day=day_in_japan(moment).isoformat(),
                words=_day_words(moment, reader), releases=releases, made=when(now, reader))


def _day_words(at: datetime, locale: str) -> str:
    return format_date(day_in_japan(at), locale)


def when(at: datetime | None, locale: str) -> str:
    if at is None:
        return ""
    there = at.astimezone(JAPAN)
    return translate(Message(_MOMENT, {"day": there.date(), "time": f"{there:%H:%M}"}), locale)


def _release(each: Knowing, titles: dict[str, str], locale: str) -> dict[str, Any]:
    return {
        "organisation": each.organisation, "country": each.country, "representative": each.representative, "project": each.project_name,
        "level": translate(_LEVELS.get(each.level, each.level), locale), "since": when(each.since, locale), "ended": when(each.ended_at, locale),
        "consent_by": each.consent_by, "consent_at": when(each.consent_at, locale),
        "method": translate(METHODS[each.consent_method], locale) if each.consent_method in METHODS else "",
        "nda_signer": each.nda_signer, "nda_at": when(each.nda_signed_at, locale), "nda_hash": each.nda_hash,
        "shown": [(group_name(group.fact_group, titles, locale), when(group.since, locale)) for group in sorted(each.shown, key=in_order)],
        "opened": [_opening(opened, titles, locale) for opened in each.opened],
        "members": [member.name for member in each.members],
    }  # fmt: skip


def in_order(group: Group) -> tuple[datetime, int]:
    """As they came, and together as they stand in the memorandum."""
    return group.since, _ORDER.index(group.fact_group) if group.fact_group in _ORDER else len(_ORDER)


def _opening(opened: Opening, titles: dict[str, str], locale: str) -> dict[str, Any]:
    return {"name": opened.name or str(opened.member_id), "what": group_name(opened.what, titles, locale), "first": when(opened.first_at, locale),
            "last": when(opened.last_at, locale), "times": opened.times}


def group_name(code: str, titles: dict[str, str], locale: str) -> str:
    """A block by its heading, a document by its title."""
    kind, _colon, rest = code.partition(":")
    if kind == "document":
        return titles.get(rest.partition(":")[0], rest)
    return translate(BLOCKS.get(code) or _OTHERS.get(code) or _LEVELS.get(code, code), locale)


KNOWLEDGE_PAGE: list = [open_knowledge]
