"""Which searches does somebody want letters about, how often, and in which language?

A saved search is a search in published codes, its text read once and kept as codes: what it finds follows the teasers, not
the dictionary. It belongs to one member; nobody else of the organisation reads it. It keeps what it asks for; another
question is another search. Letters tell of what is published after it was saved (alerts.py).
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.characters import PROSE
from succession.codes import label
from succession.anonymity.vocabulary import vocabulary
from succession.errors import Problem, field_problem
from succession.i18n import SUPPORTED_LOCALES, Message, _
from succession.market.ranges import BOUNDS, read_ranges
from succession.market.search import FILTERS, VALUES_MAX, Match, Sets, read_search
from succession.outbox import record
from succession.tables.deals import SavedSearch

SAVED_MOST = 50  # of a member (0031)
Frequency = Literal["instant", "daily", "weekly", "off"]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80, pattern=PROSE)]
Values = Annotated[list[Annotated[str, msgspec.Meta(max_length=60)]], msgspec.Meta(max_length=VALUES_MAX)]
LetterLocale = Literal[SUPPORTED_LOCALES]


class NewSavedSearch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Filters, ranges and text as the search takes them. `match`: possible also tells of teasers too coarse to say.
    `locale`: of the letters; by default the language you chose for yours."""

    name: Name
    filters: dict[Literal[FILTERS], Values] = {}
    ranges: dict[Literal[tuple(BOUNDS)], Annotated[str, msgspec.Meta(max_length=20)]] = {}
    q: str | None = None
    match: Match = "certain"
    frequency: Frequency = "daily"
    locale: LetterLocale | None = None


class SavedSearchChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is not there stays; `locale` null is the language you chose for your letters."""

    name: Name | UnsetType = UNSET
    match: Match | UnsetType = UNSET
    frequency: Frequency | UnsetType = UNSET
    locale: LetterLocale | None | UnsetType = UNSET


class SavedSearchView(msgspec.Struct):
    """`asks`: field -> sets of codes, one of each set has to be shown; `asks_in_words` in your language."""

    id: UUID
    name: str
    asks: dict[str, list[list[str]]]
    asks_in_words: list[str]
    match: Match
    frequency: Frequency
    locale: str | None
    created_at: datetime
    version: int


class SavedSearchList(msgspec.Struct):
    """All of yours, newest first."""

    items: Annotated[list[SavedSearchView], msgspec.Meta(max_length=SAVED_MOST)]


def asked_of(new: NewSavedSearch, facts: list[str]) -> Sets:
    """The codes a new search asks for; Problem validation for a text that is no published vocabulary, or for what nothing
    can be."""
    found = read_search(new.filters, new.q, read_ranges({name: new.ranges.get(name) for name in BOUNDS}), facts)
    if found.unrecognised:
        raise field_problem("q", Message.of(_("Not every word is published vocabulary: nothing would be found.")))
    if found.impossible:
        raise field_problem("filters", Message.of(_("Nothing can be all of this at once.")))
    return found.wishes


async def save_search(tx: AsyncSession, actor: Actor, new: NewSavedSearch, facts: list[str]) -> UUID:
    """Its id. Problem validation; limit_reached after fifty."""
    made = SavedSearch(
        organisation_id=actor.organisation_id, member_id=actor.member_id, name=new.name, asked=asked_of(new, facts),
        possible=new.match == "possible", frequency=new.frequency, locale=new.locale)
    tx.add(made)
    await tx.flush()
    await record(tx, "save_search", made.id, frequency=new.frequency)
    return made.id


async def change_search(tx: AsyncSession, search_id: UUID, version: int, change: SavedSearchChange) -> None:
    """Problem not_found, stale."""
    given = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET and name != "match"}
    if change.match is not UNSET:
        given["possible"] = change.match == "possible"
    changed = await tx.execute(
        update(SavedSearch).where(SavedSearch.id == search_id, SavedSearch.version == version)
        .values(**given, version=SavedSearch.version + 1).execution_options(synchronize_session=False))
    if changed.rowcount == 0:
        raise Problem("not_found" if await tx.scalar(select(SavedSearch.id).where(SavedSearch.id == search_id)) is None else "stale")
    await record(tx, "change_saved_search", search_id, changed=sorted(given))


async def delete_search(tx: AsyncSession, search_id: UUID) -> None:
    """Problem not_found."""
    gone = await tx.execute(delete(SavedSearch).where(SavedSearch.id == search_id))
    if gone.rowcount == 0:
        raise Problem("not_found")
    await record(tx, "delete_saved_search", search_id)


_COLUMNS = "id, name, asked::text AS asked, possible, frequency, locale, created_at, version"
_ONE = f"SELECT {_COLUMNS} FROM vault.saved_search WHERE id = $1"
_ALL = f"SELECT {_COLUMNS} FROM vault.saved_search ORDER BY created_at DESC, id DESC LIMIT {SAVED_MOST}"


async def find_search(read: asyncpg.Connection, search_id: UUID, locale: str) -> SavedSearchView:
    """Problem not_found for one that is not the caller's own."""
    row = await read.fetchrow(_ONE, search_id)
    if row is None:
        raise Problem("not_found")
    return _view(row, locale)


async def list_searches(read: asyncpg.Connection, locale: str) -> SavedSearchList:
    return SavedSearchList([_view(row, locale) for row in await read.fetch(_ALL)])


def _view(row: asyncpg.Record, locale: str) -> SavedSearchView:
    asks = msgspec.json.decode(row["asked"], type=dict[str, list[list[str]]])
    words = ["、".join(named) if locale == "ja" else "; ".join(named)
             for name, sets in asks.items() for codes in sets for named in ([_label(name, code, locale) for code in codes],)]
    return SavedSearchView(row["id"], row["name"], asks, words, "possible" if row["possible"] else "certain", row["frequency"], row["locale"],
                           row["created_at"], row["version"])


def _label(field: str, code: str, locale: str) -> str:
    return vocabulary().label(code, locale) if field == "phrase" else label(field, code, locale)
