"""What does the operator read of releases that wait, and of companies that two intermediaries list?

Codes, channels and organisations; never a company. The row of a hold is the operator's by policy, what was shown comes
through one function that asks for the operator again (0010).
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec

from succession.codes import ATTRIBUTES, audiences_in, label
from succession.errors import Problem
from succession.i18n import translate
from succession.market.desk_queries import Party
from succession.paging import PageAsked
from succession.market.exposures import CHANNELS, REASONS, facts_of

HoldState = Literal["open", "proposed", "released", "refused", "lapsed"]


class HoldView(msgspec.Struct, frozen=True):
    """A release that waits, or waited. `candidates`: companies left after it, null where nothing can be counted;
    `told`: the buyer it is for, null for a publication, which is for its audiences."""

    id: UUID
    step: str
    state: HoldState
    reason: str
    reason_words: str
    candidates: int | None
    needed: int | None
    intermediary: Party
    told: Party | None
    opened_at: datetime
    decision: str | None
    words: str | None
    for_every_buyer: bool
    decided_by: str | None
    decided_at: datetime | None
    confirmed_by: str | None
    confirmed_at: datetime | None


class HoldPage(msgspec.Struct, frozen=True):
    """Newest first."""

    items: list[HoldView]
    next_cursor: str | None


class ShownView(msgspec.Struct, frozen=True):
    """One exposure. `codes`: attribute -> code as shown, `facts`: what was told besides; both with their names in the
    reader's language. `to`: the organisation, null where `audiences` could see it."""

    intermediary: Party
    channel: str
    shows: str
    audiences: list[str]
    to: Party | None
    codes: dict[str, str]
    code_names: dict[str, str]
    facts: dict[str, str]
    fact_names: dict[str, str]
    batch: int | None
    day: date


class HoldSheet(msgspec.Struct, frozen=True):
    """A hold with everything shown of this company before, by whichever intermediary."""

    hold: HoldView
    shown: list[ShownView]


class ListedTwice(msgspec.Struct, frozen=True):
    """Two listings of one company, as far as numbers, names and addresses tell. Neither intermediary knows."""

    first: Party
    first_listing_id: UUID
    first_state: str
    second: Party
    second_listing_id: UUID
    second_state: str
    since: datetime


class ListedTwicePage(msgspec.Struct, frozen=True):
    """Newest first."""

    items: list[ListedTwice]
    next_cursor: str | None


_HOLD = """
SELECT h.id, h.step, h.state, h.reason, h.candidates, h.needed, h.intermediary_id, i.legal_name AS intermediary_name, h.told_id,
       t.legal_name AS told_name, h.opened_at, h.decision, h.words, h.for_every_buyer, d.name AS decided_by, h.decided_at,
       c.name AS confirmed_by, h.confirmed_at
FROM vault.hold h JOIN vault.organisation i ON i.id = h.intermediary_id LEFT JOIN vault.organisation t ON t.id = h.told_id
LEFT JOIN vault.member d ON d.id = h.decided_by LEFT JOIN vault.member c ON c.id = h.confirmed_by
"""
_ONE = f"{_HOLD} WHERE h.id = $1"
_PAGE = f"""
{_HOLD} WHERE ($1::text IS NULL OR h.state = $1) AND ($2::timestamptz IS NULL OR (h.opened_at, h.id) < ($2, $3::uuid))
ORDER BY h.opened_at DESC, h.id DESC LIMIT $4
"""
_SHOWN = """
SELECT s.*, s.facts::text AS facts, i.legal_name AS intermediary_name, o.legal_name AS organisation_name
FROM vault.shown_for_hold($1) s JOIN vault.organisation i ON i.id = s.intermediary_id
LEFT JOIN vault.organisation o ON o.id = s.organisation_id
"""
_TWICE = """
SELECT t.*, a.legal_name AS first_name, b.legal_name AS second_name FROM vault.listed_twice() t
JOIN vault.organisation a ON a.id = t.first_intermediary JOIN vault.organisation b ON b.id = t.second_intermediary
WHERE $1::timestamptz IS NULL OR (t.since, t.second_listing, t.first_listing) < ($1, $2::uuid, $3::uuid)
ORDER BY t.since DESC, t.second_listing DESC, t.first_listing DESC LIMIT $4
"""  # by both: a third listing of a company makes two pairs of one moment with it


async def find_hold(connection: asyncpg.Connection, hold_id: UUID, locale: str) -> HoldView:
    row = await connection.fetchrow(_ONE, hold_id)
    if row is None:
        raise Problem("not_found")
    return _view(row, locale)


async def find_sheet(connection: asyncpg.Connection, hold_id: UUID, locale: str) -> HoldSheet:
    """One hold and what the decision rests on. Problem not_found."""
    hold = await find_hold(connection, hold_id, locale)
    return HoldSheet(hold, [_shown(row, locale) for row in await connection.fetch(_SHOWN, hold_id)])


async def list_holds(connection: asyncpg.Connection, state: HoldState | None, page: PageAsked, locale: str) -> HoldPage:
    query = ["holds", state]
    rows = await connection.fetch(_PAGE, state, *page.moment(query), page.limit + 1)
    rows, cursor = page.cut(rows, query, "opened_at", "id")
    return HoldPage([_view(row, locale) for row in rows], cursor)


async def list_listed_twice(connection: asyncpg.Connection, page: PageAsked) -> ListedTwicePage:
    query = ["listed-twice"]
    rows = await connection.fetch(_TWICE, *page.place(query, datetime, UUID, UUID), page.limit + 1)
    rows, cursor = page.cut(rows, query, "since", "second_listing", "first_listing")
    return ListedTwicePage([
        ListedTwice(
            Party(row["first_intermediary"], row["first_name"]), row["first_listing"], row["first_state"],
            Party(row["second_intermediary"], row["second_name"]), row["second_listing"], row["second_state"], row["since"])
        for row in rows
    ], cursor)  # fmt: skip


def _view(row: Mapping[str, Any], locale: str) -> HoldView:
    return HoldView(
        id=row["id"], step=row["step"], state=row["state"], reason=row["reason"], reason_words=translate(REASONS[row["reason"]], locale),
        candidates=row["candidates"], needed=row["needed"], intermediary=Party(row["intermediary_id"], row["intermediary_name"]),
        told=Party(row["told_id"], row["told_name"]) if row["told_id"] else None, opened_at=row["opened_at"], decision=row["decision"],
        words=row["words"], for_every_buyer=row["for_every_buyer"], decided_by=row["decided_by"], decided_at=row["decided_at"],
        confirmed_by=row["confirmed_by"], confirmed_at=row["confirmed_at"])  # fmt: skip


def _shown(row: Mapping[str, Any], locale: str) -> ShownView:
    codes = {name: row[name] for name in ATTRIBUTES if row[name]}
    facts = dict(facts_of(row["facts"]))
    return ShownView(
        intermediary=Party(row["intermediary_id"], row["intermediary_name"]), channel=row["channel"],
        shows=translate(CHANNELS[row["channel"]].shows, locale), audiences=list(audiences_in(row["audiences"] or 0)),
        to=Party(row["organisation_id"], row["organisation_name"]) if row["organisation_id"] else None, codes=codes,
        code_names={name: label(name, code, locale) for name, code in codes.items()}, facts=facts,
        fact_names={name: label(name, code, locale) for name, code in facts.items()}, batch=row["batch"], day=row["day"])  # fmt: skip
