"""What does a reader find on the market: teasers, counts, one teaser, and the codes they are written in?

A search is two statements on one snapshot, as the caller's audience role: no scope, no grant on the vault. What they return is
codes; words are rendered from them in the reader's language.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import cache
from uuid import UUID

import asyncpg
import msgspec

from succession.actor import Actor
from succession.anonymity.teaser import CanonicalTeaser, Cell, Fact, Prose, foreign_money, render
from succession.anonymity.vocabulary import vocabulary
from succession.codes import ATTRIBUTES, SCHEMES, label
from succession.database import ACQUIRE_TIMEOUT_S, Databases
from succession.errors import Problem
from succession.market.answers import Found, key_of
from succession.market.counted import count
from succession.market.facets import NO_COUNTS, FacetValue
from succession.market.held import Held, held_of
from succession.market.matched import Matched, matched_in
from succession.market.search import Search
from succession.market.standing import SHARE, Wanted, known, page
from succession.market.terms import Corrected
from succession.standbys import Market

CURRENCIES = ("USD", "EUR")
TOLD_MOST = 1_000  # some 3 kB each


# --- who sees which market ------------------------------------------------------------------------------------------


def audience_role(actor: Actor) -> str:
    """The reading role of a caller; whoever is not verified reads the public market."""
    if not actor.verified:
        return "market_public"
    desk = actor.kind == "agency" and actor.agency_role == "desk"
    others = "market_desk" if desk else "market_public"
    return {"acquirer": "market_buyer", "intermediary": "market_domestic"}.get(actor.kind, others)


def viewers(actor: Actor) -> tuple[UUID, ...]:
    """Whose exclusions hold for a caller. A public teaser excludes nobody (0004), and its role cannot ask."""
    return (actor.organisation_id,) if audience_role(actor) != "market_public" else ()


# --- one teaser in words --------------------------------------------------------------------------------------------


class MoneyBands(msgspec.Struct, frozen=True):
    """A band in other currencies, from a fixed table; null where no amount is shown in yen either."""

    revenue: str | None
    price: str | None


class TeaserView(msgspec.Struct, frozen=True):
    """Codes, and what they say in the reader's language. There is nothing else to know before the name clear.

    `prose`: the short text an owner may have added, on the teaser's own page only; null in lists and where there is none.
    """

    ref: str
    place: str
    industry: str
    founded: str
    employees: str
    revenue: str
    margin: str
    fiscal_year: str
    price: str
    schemes: list[str]
    timing: str
    phrases: list[str]
    title: str
    summary: list[str]
    facts: list[Fact]
    prose: str | None
    foreign_money: dict[str, MoneyBands]


class FoundTeaser(TeaserView, frozen=True):
    """A teaser of a list; `matched`: which of its published codes the search text named, and in which words they stand there."""

    matched: list[Matched]


_SHOWN = ("ref", *ATTRIBUTES, "fiscal_year", "price", "schemes", "timing", "phrases", "vocabulary_version", "codebook_version")
SHOWN_COLUMNS = ", ".join(f"{'c' if name in (*ATTRIBUTES, 'codebook_version') else 't'}.{name}" for name in _SHOWN)


def canonical_of(row: asyncpg.Record) -> CanonicalTeaser:
    """What a published row renders from; the population is named by its codebook and does not show."""
    return CanonicalTeaser(
        cell=Cell(*(row[name] for name in ATTRIBUTES)), codebook_version=row["codebook_version"], population_version="",
        vocabulary_version=row["vocabulary_version"], fiscal_year=f"FY{row['fiscal_year']}", price=row["price"],
        schemes=tuple(row["schemes"]), timing=row["timing"], phrases=tuple(row["phrases"]),
        prose=Prose(row["prose_ja"], row["prose_en"]) if row.get("prose_ja") else None,
    )  # fmt: skip


def teaser_view(row: asyncpg.Record, locale: str) -> TeaserView:
    teaser = canonical_of(row)
    sheet, cell = render(teaser, locale), teaser.cell
    return TeaserView(
        row["ref"].hex, cell.place, cell.industry, cell.founded, cell.employees, cell.revenue, cell.margin,
        teaser.fiscal_year, teaser.price, list(teaser.schemes), teaser.timing, list(teaser.phrases), sheet.title,
        list(sheet.summary), list(sheet.facts), sheet.prose, {name: _bands(teaser, name, locale) for name in CURRENCIES},
    )  # fmt: skip


_told: OrderedDict[tuple[UUID, str], bytes] = OrderedDict()


def told_teaser(row: asyncpg.Record, asked: Search, locale: str) -> msgspec.Raw:
    """The bytes of a FoundTeaser, written once for many pages but for their end: what a reference shows never changes, and
    prose stands on its own page."""
    key = row["ref"], locale
    if (told := _told.get(key)) is None:
        told = _told[key] = msgspec.json.encode(teaser_view(row, locale)).removesuffix(b"}")
        if len(_told) > TOLD_MOST:
            _told.popitem(last=False)
    else:
        _told.move_to_end(key)
    matched = msgspec.json.encode(matched_in(row, asked, locale)) if asked.read_as else b"[]"
    return msgspec.Raw(b'%b,"matched":%b}' % (told, matched))


def _bands(teaser: CanonicalTeaser, currency: str, locale: str) -> MoneyBands:
    return MoneyBands(_money("revenue", teaser.cell.revenue, currency, locale), _money("price", teaser.price, currency, locale))


_money = cache(foreign_money)  # a few dozen bands, two currencies, two languages


# --- search ---------------------------------------------------------------------------------------------------------


class SearchPage(msgspec.Struct, frozen=True):
    """One page. `total_certain`: teasers inside every filter; `total_possible`: those too coarse to say, listed apart.

    `read_as`: what the search text was understood to name; `corrected`: the one slip of the hand in it that was read past;
    `unrecognised`: words that are no published vocabulary, with which nothing is found. `facets`: per field, how many certain matches each value would leave under the other filters.
    """

    match: str
    sort: str
    total_certain: int
    total_possible: int
    read_as: dict[str, list[str]]
    corrected: list[Corrected]
    unrecognised: list[str]
    items: list[FoundTeaser]
    next_cursor: str | None
    facets: dict[str, list[FacetValue]]


async def searchable_facts(market: Market, phrases: Sequence[str] | None) -> list[str]:
    """Of linkable phrases asked for, those that some codebook lets teasers show; nothing is asked when none was asked for."""
    words = vocabulary().phrases
    asked = [code for code in phrases or () if code in words and words[code].linkable]
    if not asked:
        return []
    rows = await market.fetch("SELECT DISTINCT f FROM market.codebook, unnest(facts) f WHERE f = ANY($1::text[])", asked)
    return [row["f"] for row in rows]


_HIDDEN = """
SELECT array_agg(t.ref ORDER BY t.ref)::text FROM market.teaser t
WHERE t.ref IN (SELECT x.ref FROM unnest($1::uuid[]) AS v(id), market.excluded_teasers(v.id) x)
"""


async def find_teasers(market: Market, search: Search, wanted: Wanted, for_viewers: Sequence[UUID]) -> Found:
    """One page and every count, from one snapshot. `market`: as the reading role; see `viewers` for whom it excludes."""
    if search.empty:
        return Found(NO_COUNTS, [], None)
    held = held_of(market)
    return await market.ask(lambda pool: _find(pool, market.role, search, wanted, for_viewers, held))


async def _find(pool: asyncpg.Pool, role: str, search: Search, wanted: Wanted, for_viewers: Sequence[UUID], held: Held) -> Found:
    key = key_of(search, wanted) if role == "market_public" else None
    if key and (before := await held.answers.before(pool, key)) is not None:
        return before
    async with pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        hidden = await connection.fetchval(_HIDDEN, list(for_viewers)) or "" if for_viewers else ""
        counts, shown, whole, newest_cell, state = await count(connection, role, search, hidden, held)
        matches, rows = counts.possible if wanted.sort == SHARE else counts.certain, []
        if matches and wanted.limit:
            cells = await held.cells.until(connection, newest_cell)
            rows = await page(connection, search, wanted, known(wanted, search, matches, shown, whole), cells, hidden)
    last = rows[wanted.limit - 1] if len(rows) > wanted.limit > 0 else None
    found = Found(counts, rows[: wanted.limit], last and (last["key"], last["shuffle"], last["ref"]))
    if key and state:
        held.answers.keep(key, state, found)
    return found


# --- one teaser -----------------------------------------------------------------------------------------------------

_WORDS, _WITH_WORDS = "w.ja AS prose_ja, w.en AS prose_en", "LEFT JOIN market.teaser_prose w ON w.ref = t.ref"
_ONE = f"""
SELECT {SHOWN_COLUMNS}, {_WORDS} FROM market.teaser t JOIN market.cell c ON c.id = t.cell_id {_WITH_WORDS}
WHERE t.ref = $1 AND NOT EXISTS (SELECT FROM unnest($2::uuid[]) AS v(id), market.excluded_teasers(v.id) x WHERE x.ref = t.ref)
"""
_PUBLIC = f"SELECT {SHOWN_COLUMNS}, {_WORDS} FROM market.teaser t JOIN market.cell c ON c.id = t.cell_id {_WITH_WORDS} WHERE t.ref = $1"
_OPENED = f"SELECT {SHOWN_COLUMNS} FROM market.opened_teaser($1, $2) t JOIN market.cell c ON c.id = t.cell_id"


async def find_teaser(databases: Databases, actor: Actor, ref: UUID, excluding: Sequence[UUID], locale: str) -> TeaserView:
    """Problem not_found alike for one that was never published, is down, is for others, or excludes one of `excluding`.

    An acquirer also reads a teaser that an intermediary opened to it by accepting a desk's introduction.
    """
    role = audience_role(actor)
    market = databases.market(role, actor.organisation_id)
    row = await (market.fetchrow(_ONE, ref, list(excluding)) if excluding else market.fetchrow(_PUBLIC, ref))
    if row is None and role == "market_buyer":
        row = await market.fetchrow(_OPENED, ref, actor.organisation_id)
    if row is None:
        raise Problem("not_found")
    return teaser_view(row, locale)


# --- codes ----------------------------------------------------------------------------------------------------------


class SchemeView(msgspec.Struct, frozen=True):
    scheme: str
    version: str
    size: int


class SchemeList(msgspec.Struct, frozen=True):
    items: list[SchemeView]


class CodeView(msgspec.Struct, frozen=True):
    """`parent`: the code this one is a part of; of a phrase, its group."""

    code: str
    label: str
    parent: str | None


class CodeList(msgspec.Struct, frozen=True):
    """In the order people read them. `any` stands for a figure that is not disclosed; nothing can be asked for it."""

    scheme: str
    version: str
    codes: list[CodeView]


def list_schemes() -> SchemeList:
    phrases = SchemeView("phrase", vocabulary().version, len(vocabulary().showable()))
    return SchemeList([*(SchemeView(each.name, each.version, len(each.codes)) for each in SCHEMES.values()), phrases])


def list_codes(scheme: str, locale: str) -> CodeList:
    """Problem not_found for a scheme that does not exist. Phrases never shown before the name clear are not listed."""
    if scheme == "phrase":
        words = vocabulary()
        shown = [CodeView(each.code, words.label(each.code, locale), each.group) for each in words.showable()]
        return CodeList(scheme, words.version, shown)
    if scheme not in SCHEMES:
        raise Problem("not_found")
    found = SCHEMES[scheme]
    codes = [CodeView(each.code, label(scheme, each.code, locale), each.parent) for each in found.codes.values()]
    return CodeList(scheme, found.version, codes)
