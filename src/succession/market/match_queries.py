"""Which teasers meet what somebody looks for, best first, and which buyers a listing's holder may think of?

One statement for buyers and for desks, run as the reader's audience role. It is made from the table in
matching.py: points per wish, in the cell where the codebook decides and in the teaser elsewhere. The order is points, then
the published shuffle: nothing of who asks is in it, and nothing of when a company came.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec

from succession.anonymity.teaser import fiscal_year
from succession.codes import ATTRIBUTES, SCHEMES, inside, label
from succession.errors import Problem
from succession.market.facets import Arguments
from succession.market.matching import (
    WISHES,
    Judgement,
    Offer,
    Reach,
    Seeker,
    Wishes,
    counted,
    draws,
    explain,
    in_words,
    is_candidate,
    judge,
    name_of,
    points,
    points_most,
    reach,
    score,
    stated,
)
from succession.market.queries import TeaserView, teaser_view
from succession.paging import PageAsked
from succession.standbys import Market

Outcome = Literal["met", "possible", "unmet"]
_FRESH_FOR = timedelta(days=365)
_SETS = ("schemes", "phrases")


class WishView(msgspec.Struct):
    """One wish against one teaser; `wanted` and `offered` in the reader's language, `weight` of it in the score."""

    wish: str
    name: str
    outcome: Outcome
    weight: int
    wanted: str
    offered: str
    explanation: str


class Match(msgspec.Struct):
    """A teaser, and how far it meets what is looked for. `score`: 0 to 100, of the weights met; possible counts half."""

    teaser: TeaserView
    score: int
    met: int
    possible: int
    unmet: int
    wishes: list[WishView]


class MatchPage(msgspec.Struct):
    """Best score first, then in an order that tells nothing."""

    items: list[Match]
    next_cursor: str | None


class BuyerMatch(msgspec.Struct):
    """An acquirer that lets intermediaries see what it looks for, by code and without a name, against your teaser.

    `score` is what that acquirer sees for your teaser. `conditions`: the owner's conditions, for you alone, against what it
    offers; they are no part of the score. Null where the owner has none.
    """

    code: str
    buyer_kind: str
    buyer_kind_label: str
    country: str
    country_label: str
    looks_for: list[str]
    score: int
    met: int
    possible: int
    unmet: int
    wishes: list[WishView]
    conditions: WishView | None


class BuyerMatchPage(msgspec.Struct):
    """`teaser_ref`: the teaser they are compared with; null while the listing has none up, and then nobody is."""

    teaser_ref: str | None
    items: list[BuyerMatch]
    next_cursor: str | None


def newest_year(today: date) -> int:
    """The fiscal year whose figures are a year old at most."""
    return int(fiscal_year(today - _FRESH_FOR).removeprefix("FY"))


# ---------------------------------------------------------------- teasers for who looks for them


def _side(name: str) -> str:
    return "c" if WISHES[name].attribute in ATTRIBUTES else "t"


class _Placed(msgspec.Struct, frozen=True):
    """Conditions on cell or teaser, for one wish."""

    certain: str
    partly: str


def _placed(name: str, found: Reach, arguments: Arguments) -> _Placed:
    column = f"{_side(name)}.{WISHES[name].attribute}"

    def shows(codes: frozenset[str], holds: str = "&&") -> str:
        put = arguments.put(sorted(codes), "text[]")
        if WISHES[name].attribute in _SETS:
            return f"{column} {holds} {put}"
        return f"{column}::text = ANY({put})" if column == "t.fiscal_year" else f"{column} = ANY({put})"

    return _Placed(shows(found.certain, "@>" if WISHES[name].rule == "all" else "&&"), shows(found.partly))


def _points(name: str, placed: _Placed) -> str:
    """The points of one wish: the outcomes of matching._outcome."""
    weight = WISHES[name].weight
    first, second, otherwise = {"any": (2, 1, 0), "all": (2, 0, 0), "none": (0, 1, 2), "lean": (2, 0, 1)}[WISHES[name].rule]
    return f"CASE WHEN {placed.certain} THEN {first * weight} WHEN {placed.partly} THEN {second * weight} ELSE {otherwise * weight} END"


def _essential(name: str, placed: _Placed) -> str:
    return {"any": f"({placed.certain} OR {placed.partly})", "all": placed.certain, "none": f"NOT {placed.certain}"}[WISHES[name].rule]


_MATCHES = """
WITH fitting AS MATERIALIZED (
    SELECT c.*, {cell_points} AS points, {cell_drawn} AS drawn
    FROM (SELECT id, codebook_version, place, industry, founded, employees, revenue, margin FROM market.cell) c WHERE {cell_tests}
), found AS (
    SELECT t.ref, t.price, t.schemes, t.timing, t.phrases, t.fiscal_year, t.vocabulary_version, t.shuffle,
           c.codebook_version, c.place, c.industry, c.founded, c.employees, c.revenue, c.margin,
           c.points + {teaser_points} AS points, c.drawn OR {teaser_drawn} AS drawn
    FROM market.teaser t JOIN fitting c ON c.id = t.cell_id
    WHERE {teaser_tests} AND NOT EXISTS (SELECT FROM unnest({viewers}) AS v(id), market.excluded_teasers(v.id) x WHERE x.ref = t.ref)
)
SELECT * FROM found WHERE drawn AND {after} ORDER BY points DESC, shuffle, ref LIMIT {most}
"""


def statement(seeker: Seeker, year: int, viewers: Sequence[UUID], after: Sequence[Any], most: int) -> tuple[str, Arguments]:
    """The one statement and its values. `viewers`: whose exclusions hold; `after`: points, shuffle, ref or nothing."""
    arguments = Arguments()
    found = reach(seeker, year)
    placed = {name: _placed(name, each, arguments) for name, each in found.items()}
    asking = draws(tuple(found))

    def points_on(side: str) -> str:
        return " + ".join(["0", *(_points(name, each) for name, each in placed.items() if _side(name) == side)])

    def drawn_on(side: str) -> str:
        tests = [f"{each.certain} OR {each.partly}" for name, each in placed.items() if _side(name) == side and name in asking]
        return f"({' OR '.join(tests)})" if tests else "false" if asking else "true"

    def tests_on(side: str) -> str:
        tests = [_essential(name, each) for name, each in placed.items() if _side(name) == side and WISHES[name].essential]
        return " AND ".join(tests) or "true"

    position = "true"
    if after:
        values = (-after[0], after[1], UUID(after[2]))
        put = ", ".join(arguments.put(value, kind) for value, kind in zip(values, ("int", "bigint", "uuid"), strict=True))
        position = f"(-points, shuffle, ref) > ({put})"
    sql = _MATCHES.format(
        cell_points=points_on("c"), cell_drawn=drawn_on("c"), cell_tests=tests_on("c"), teaser_points=points_on("t"),
        teaser_drawn=drawn_on("t"), teaser_tests=tests_on("t"), viewers=arguments.put(list(viewers), "uuid[]"), after=position,
        most=arguments.put(most, "int"))
    return sql, arguments


async def list_matches(market: Market, seeker: Seeker, viewers: Sequence[UUID], query: list[Any], page: PageAsked, today: date,
                       locale: str) -> MatchPage:
    """The teasers that meet what `seeker` looks for, by the rule of `matching.is_candidate`.

    `market`: as the reading role; `query`: what the cursor belongs to. What `viewers` must never see is no match.
    """
    year = newest_year(today)
    query = [*query, year]
    sql, arguments = statement(seeker, year, viewers, page.after(query), page.limit + 1)
    rows, cursor = page.cut(await market.fetch(sql, *arguments), query, "points", "shuffle", "ref")
    return MatchPage([_match(row, seeker, year, locale) for row in rows], cursor)


def _match(row: asyncpg.Record, seeker: Seeker, year: int, locale: str) -> Match:
    judged = judge(seeker, offer_of(row), year)
    return Match(teaser_view(row, locale), score(judged), *counted(judged), views_of(judged, locale))


def offer_of(row: Mapping[str, Any]) -> Offer:
    return Offer(*(row[name] for name in Offer.__struct_fields__))


def views_of(judged: Sequence[Judgement], locale: str) -> list[WishView]:
    return [_view(each, locale) for each in judged]


def _view(judged: Judgement, locale: str) -> WishView:
    return WishView(judged.wish, name_of(judged.wish, locale), judged.outcome, WISHES[judged.wish].weight,
                    in_words(judged.wish, judged.wanted, locale), in_words(judged.wish, judged.offered, locale), explain(judged, locale))


# ---------------------------------------------------------------- buyers for who holds a listing

_OWN_TEASER = """
SELECT t.ref, c.industry, c.place, c.employees, c.revenue, t.schemes, t.price, t.timing, t.phrases, t.fiscal_year,
       f.conditions::text AS conditions
FROM vault.listing l
LEFT JOIN vault.publication p ON p.listing_id = l.id AND p.state = 'published'
LEFT JOIN market.teaser t ON t.ref = p.ref LEFT JOIN market.cell c ON c.id = t.cell_id
LEFT JOIN vault.listing_profile f ON f.listing_id = l.id
WHERE l.id = $1
"""
_BUYERS = "SELECT code, buyer_kind, country, wishes::text AS wishes FROM vault.visible_buyers($1, $2, $3)"
#: What an adviser writes down as the owner's condition -> what a buyer may offer.
CONDITIONS = {"guarantee_release": "guarantee_released", "staff_retention": "jobs_kept", "terms_kept": "terms_kept", "name_kept": "name_kept",
              "site_kept": "site_kept", "customers_kept": "dealings_kept"}


async def list_buyer_matches(read: asyncpg.Connection, listing_id: UUID, page: PageAsked, today: date, locale: str) -> BuyerMatchPage:
    """Problem not_found for a listing that is not the caller's. Whoever the owner excludes is not among them."""
    row = await read.fetchrow(_OWN_TEASER, listing_id)
    if row is None:
        raise Problem("not_found")
    if row["ref"] is None:
        return BuyerMatchPage(None, [], None)
    offer, year = offer_of(row), newest_year(today)
    buyers = await read.fetch(_BUYERS, listing_id, _touching("industry", offer.industry), _touching("place", offer.place))
    found = []
    for buyer in buyers:
        seeker = Seeker(msgspec.json.decode(buyer["wishes"], type=Wishes), buyer["buyer_kind"], buyer["country"])
        judged = judge(seeker, offer, year)
        if is_candidate(judged):
            share = points(judged) * 10_000 // points_most([each.wish for each in judged])
            found.append(((-share, _lot(row["ref"], buyer["code"])), buyer["code"], seeker, judged))
    query = ["buyer-matches", str(listing_id), row["ref"].hex, year]
    after = tuple(page.after(query))
    rest = sorted((each for each in found if not after or each[0] > after), key=lambda each: each[0])
    rows, cursor = page.cut([{"share": each[0][0], "lot": each[0][1], "of": each} for each in rest[: page.limit + 1]], query, "share", "lot")
    conditions = _conditions(row["conditions"])
    return BuyerMatchPage(row["ref"].hex, [_buyer(*each["of"][1:], conditions, locale) for each in rows], cursor)


def _touching(attribute: str, shown: str) -> list[str]:
    """Every code somebody may wish for that meets, or may meet, what a teaser shows."""
    return [code for code in SCHEMES[attribute].codes if shown in frozenset().union(*inside(attribute, frozenset({code})))]


def _lot(ref: UUID, code: UUID) -> int:
    """Where a buyer stands among equals: by lot, anew for every teaser, so that nobody is always first."""
    return int.from_bytes(hashlib.blake2b(ref.bytes + code.bytes, digest_size=7).digest())


def _conditions(written: str | None) -> tuple[str, ...]:
    given = [each.get("code") for each in msgspec.json.decode(written or "null") or []]
    return tuple(dict.fromkeys(CONDITIONS[code] for code in given if code in CONDITIONS))


def _buyer(code: UUID, seeker: Seeker, judged: Sequence[Judgement], conditions: tuple[str, ...], locale: str) -> BuyerMatch:
    wishes = seeker.wishes
    missing = tuple(each for each in conditions if each not in wishes.offers)
    asked = Judgement("offers", "unmet" if missing else "met", tuple(wishes.offers), missing or conditions)
    return BuyerMatch(
        code.hex, seeker.kind, label("buyer_kind", seeker.kind, locale), seeker.country, label("country", seeker.country, locale),
        looks_for(wishes, locale), score(judged), *counted(judged), views_of(judged, locale), _view(asked, locale) if conditions else None)


def looks_for(wishes: Wishes, locale: str) -> list[str]:
    """What is stated, one line per wish."""
    return [f"{name_of(wish, locale)}: {in_words(wish, getattr(wishes, wish), locale)}" for wish in stated(wishes)]
