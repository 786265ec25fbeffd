"""Who is told by letter which teasers are new? After a batch all saved searches at once, daily and weekly ones in the morning.

Everything is asked at the moment of sending: who is verified, which audience that makes, whom owners exclude, which teasers
are still up. Searches of some members at a time, each in one transaction with the letters and the note how far they have
looked: whoever is killed leaves the rest to the next turn, and `alert_once` refuses to tell twice. Letters give counts and
titles of published teasers, and how to end them with one click (RFC 8058); signing them (DKIM) is the relay's.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from succession.anonymity.teaser import render
from succession.config import Settings
from succession.days import JAPAN
from succession.calendar_turn import AGAIN
from succession.market.found_sets import FoundSets, places_in
from succession.market.queries import SHOWN_COLUMNS, canonical_of

log = logging.getLogger("succession.alerts")

MEMBERS_AT_ONCE = 2_000  # of fifty searches at most
TITLES_MOST = 10  # of a search; the letter says how many there are
LINES_MOST = 100  # of a digest
MORNING = time(8, tzinfo=JAPAN)
#: Kind of organisation -> the audiences it belongs to; an agency that is no desk belongs to none.
SEES = {("acquirer", None): 3, ("agency", "desk"): 5, ("intermediary", None): 9}

_LATEST = "SELECT max(number) FROM ops.batch"
_DUE = """
s.matched_batch < $1 AND (s.frequency = 'instant' OR (s.frequency = 'daily' AND s.looked_at < $2)
                          OR (s.frequency = 'weekly' AND s.looked_at < $3))
"""
_MEMBERS = f"SELECT DISTINCT s.member_id FROM vault.saved_search s WHERE s.frequency <> 'off' AND {_DUE} ORDER BY s.member_id LIMIT $4"
_CLAIM = f"""
SELECT s.id, s.organisation_id, s.member_id, s.name, s.asked::text AS asked, s.possible, s.frequency, coalesce(s.locale, m.locale) AS locale,
       s.matched_batch, o.kind, o.agency_role, o.status = 'verified' AND m.status = 'active' AS in_standing
FROM vault.saved_search s JOIN vault.member m ON m.id = s.member_id JOIN vault.organisation o ON o.id = s.organisation_id
WHERE s.member_id = ANY($4::uuid[]) AND {_DUE} ORDER BY s.member_id, s.frequency, s.created_at, s.id FOR UPDATE OF s
"""
_TEASERS = f"""
SELECT {SHOWN_COLUMNS}, t.batch, t.audiences FROM market.teaser t JOIN market.cell c ON c.id = t.cell_id
WHERE t.batch > $1 AND t.batch <= $2 ORDER BY t.batch DESC, t.shuffle, t.ref
"""
_EXCLUDED = "SELECT organisation_id, refs FROM market.excluded_from($1::uuid[], $2)"
_TOLD = """
INSERT INTO vault.alert (saved_search_id, batch, teasers) SELECT * FROM unnest($1::uuid[], $2::int[], $3::int[])
ON CONFLICT DO NOTHING RETURNING saved_search_id, batch
"""
_LINKS = """
INSERT INTO vault.unsubscribe_link AS u (token_hash, saved_search_ids, member_id)
SELECT hash, searches::uuid[], member FROM unnest($1::bytea[], $2::text[], $3::uuid[]) AS l (hash, searches, member) ORDER BY hash
ON CONFLICT (token_hash) DO UPDATE SET sent_at = now() WHERE u.sent_at < now() - interval '30 days'
"""
_LETTERS = "INSERT INTO ops.outbox (topic, bulk, payload) SELECT 'mail', true, each::jsonb FROM unnest($1::text[]) AS each"
_LOOKED = "UPDATE vault.saved_search SET matched_batch = $2, looked_at = $3 WHERE id = ANY($1::uuid[])"


class Hit(msgspec.Struct):
    """A saved search with what it found among the teasers it had not looked at."""

    search: Mapping[str, Any]
    bits: int


class Letter(msgspec.Struct):
    """One letter to a member, with the link that ends exactly the searches it is about."""

    payload: str
    token_hash: bytes
    saved_search_ids: list[UUID]
    member_id: UUID


def last_mornings(now: datetime) -> tuple[datetime, datetime]:
    """The last eight o'clock in Japan, and the last one of a Monday."""
    today = now.astimezone(JAPAN)
    morning = datetime.combine(today.date(), MORNING)
    if morning > today:
        morning -= timedelta(days=1)
    return morning, morning - timedelta(days=morning.weekday())


async def alert(connection: asyncpg.Connection, settings: Settings, now: datetime) -> object:
    """One turn: the searches of some members, in the caller's transaction. AGAIN while there may be more."""
    latest = await connection.fetchval(_LATEST)
    if latest is None:
        return None
    due = latest, *last_mornings(now)
    members = [row["member_id"] for row in await connection.fetch(_MEMBERS, *due, MEMBERS_AT_ONCE)]
    if not members:
        return None
    searches = await connection.fetch(_CLAIM, *due, members)
    since = min((row["matched_batch"] for row in searches), default=latest)
    teasers = FoundSets(await connection.fetch(_TEASERS, since, latest))
    organisations = list({row["organisation_id"] for row in searches})
    excluded = {row["organisation_id"]: teasers.these(row["refs"]) for row in await connection.fetch(_EXCLUDED, organisations, since)}
    hits = await asyncio.to_thread(find_hits, searches, teasers, excluded)
    hits = await _note(connection, teasers, hits)
    letters = await asyncio.to_thread(write_letters, settings, teasers, hits)
    await connection.execute(_LETTERS, [each.payload for each in letters])
    links = [(each.token_hash, f"{{{','.join(map(str, each.saved_search_ids))}}}", each.member_id) for each in letters]
    await connection.execute(_LINKS, *_columns(links, 3))
    await connection.execute(_LOOKED, [row["id"] for row in searches], latest, now)
    log.info("alerts up to batch %d: %d searches looked at %d teasers, %d letters", latest, len(searches), len(teasers.rows), len(letters))
    return AGAIN if len(members) == MEMBERS_AT_ONCE else None


def find_hits(searches: Sequence[Mapping[str, Any]], teasers: FoundSets, excluded: Mapping[UUID, int]) -> list[Hit]:
    """The searches that found something which their member may see at this moment."""
    seen = {who: teasers.seen_by(audiences) for who, audiences in SEES.items()}
    news: dict[int, int] = {}
    hits = []
    for row in searches:
        role = row["agency_role"] if row["kind"] == "agency" else None
        visible = seen.get((row["kind"], role), 0) if row["in_standing"] else 0
        after = row["matched_batch"]
        if after not in news:
            news[after] = teasers.after(after)
        visible &= news[after] & ~excluded.get(row["organisation_id"], 0)
        if visible and (bits := visible & teasers.found(_asked(row["asked"]), row["possible"])):
            hits.append(Hit(row, bits))
    return hits


_decoder = msgspec.json.Decoder(dict[str, tuple[tuple[str, ...], ...]])


def _asked(written: str) -> dict[str, tuple[tuple[str, ...], ...]]:
    return _decoder.decode(written)


async def _note(connection: asyncpg.Connection, teasers: FoundSets, hits: list[Hit]) -> list[Hit]:
    """What is told now and was never told: the constraint decides."""
    rows = [(hit.search["id"], batch, found.bit_count()) for hit in hits for batch, of_batch in teasers.of_batch.items()
            if (found := hit.bits & of_batch)]
    fresh: dict[UUID, int] = {}
    for row in await connection.fetch(_TOLD, *_columns(rows, 3)):
        fresh[row["saved_search_id"]] = fresh.get(row["saved_search_id"], 0) | teasers.of_batch[row["batch"]]
    return [Hit(hit.search, bits) for hit in hits if (bits := hit.bits & fresh.get(hit.search["id"], 0))]


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    """Rows as the arrays that one statement unnests."""
    return [[row[n] for row in rows] for n in range(width)]


# ---------------------------------------------------------------- letters


def token_of(key: bytes, *of: object) -> str:
    """The secret of an unsubscribe link. Derived, so that every letter about the same searches has the same one; only its hash is kept."""
    secret = hmac.digest(key, ":".join(map(str, of)).encode(), "sha256")
    return base64.urlsafe_b64encode(secret).decode().rstrip("=")


def write_letters(settings: Settings, teasers: FoundSets, hits: Sequence[Hit]) -> list[Letter]:
    """A letter for each instant search; of daily and of weekly ones one for each member."""
    key, titles, letters = settings.key("unsubscribe"), _Titles(settings.public_url, teasers), []
    for (member, frequency), group in groupby(hits, key=lambda hit: itemgetter("member_id", "frequency")(hit.search)):
        found = list(group)
        if frequency == "instant":
            letters += [_letter(settings, key, member, [hit], titles, alone=True) for hit in found]
        else:
            letters.append(_letter(settings, key, member, found, titles, alone=False))
    return letters


def _letter(settings: Settings, key: bytes, member: UUID, hits: Sequence[Hit], titles: _Titles, *, alone: bool) -> Letter:
    about = sorted(hit.search["id"] for hit in hits)
    token, locale = token_of(key, *about), hits[0].search["locale"]
    lines: list[str] = []
    for hit in hits:
        found = titles.lines(hit.bits, locale)
        lines += found if alone else [f"{hit.search['name']} ({hit.bits.bit_count()})", *found]
    params: dict[str, Any] = {"lines": lines[:LINES_MOST], "unsubscribe_link": f"{settings.public_url}/unsubscribe/{token}"}
    if alone:
        params |= {"name": hits[0].search["name"], "count": hits[0].bits.bit_count()}
    payload = {"template": "alert_found" if alone else "alert_digest", "locale": locale, "params": params,
               "to": {"address": None, "member": str(member), "organisation": None}}
    return Letter(msgspec.json.encode(payload).decode(), hashlib.sha256(token.encode()).digest(), about, member)


class _Titles:
    """Lines of a letter. An industry and a place make a title: it is rendered once in a language."""

    def __init__(self, public_url: str, teasers: FoundSets) -> None:
        self._url, self._teasers = public_url, teasers
        self._kept: dict[tuple[str, str, str], str] = {}

    def lines(self, bits: int, locale: str) -> list[str]:
        return [self._line(place, locale) for place in places_in(bits, TITLES_MOST)]

    def _line(self, place: int, locale: str) -> str:
        row = self._teasers.rows[place]
        title = self._kept.get(of := (row["industry"], row["place"], locale))
        if title is None:
            title = self._kept[of] = render(canonical_of(row), locale).title
        return f"{title}: {self._url}/v1/teasers/{row['ref'].hex}"


async def forget_alerts(connection: asyncpg.Connection, settings: Settings) -> None:
    """What was told more than a year ago is not told again by any search: the policy shows only those rows."""
    await connection.execute("DELETE FROM vault.alert WHERE at < now() - interval '400 days'")
