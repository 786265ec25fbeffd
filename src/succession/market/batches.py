"""What goes up with the next batch, and what has to come down?

Putting up is by the calendar, in random order, so that a teaser's appearance tells no day; taking down is immediate.
Every job takes a connection of succession_worker, which cannot read identity, and may run twice without harm.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from succession.anonymity.scanner import CLEAN, FOUND
from succession.anonymity.teaser import CanonicalTeaser, decode_teaser, render
from succession.anonymity.vocabulary import vocabulary
from succession.codes import ATTRIBUTES
from succession.config import Settings
from succession.days import day_in_japan
from succession.errors import Problem
from succession.market.exposures import FIGURES, FIGURES_OF, own_codes, profile_of_figures, shown_of
from succession.market.holds import Waiting, held_back
from succession.market.order import PRICE_RANK
from succession.market.prose_watch import state_of_prose, texts_that_tell
from succession.market.publication import batch_boundary, figure_flags, figures_of, shuffle_of, shuffled_text

log = logging.getLogger("succession.batches")

# --- the causes, as they are now ------------------------------------------------------------------------------------
# $1 today, $2 now. The trigger of 0004 asks them once more when a row is published.

_CONSENTS = """
(SELECT coalesce(bit_or(CASE c.audience WHEN 'public' THEN 1 WHEN 'verified_buyers' THEN 2
                                        WHEN 'agency_desk' THEN 4 ELSE 8 END), 0)
 FROM vault.audience_consent c
 WHERE c.proposal_id = p.proposal_id AND c.withdrawn_at IS NULL AND c.expires_at > $2::timestamptz)
"""
_MANDATED = """
EXISTS (SELECT FROM vault.mandate m
        WHERE m.listing_id = p.listing_id AND m.state = 'active' AND (m.ends_on IS NULL OR m.ends_on >= $1::date))
"""
_CAUSES = f"p.ref, p.listing_id, {_CONSENTS} = p.audiences AS consented, {_MANDATED} AS mandated"

# Everybody who changes a publication locks its listing first (0004), here in id order.
_LOCK = "SELECT l.id FROM vault.listing l WHERE l.id = ANY($1::uuid[]) ORDER BY l.id FOR UPDATE"

# --- putting up -----------------------------------------------------------------------------------------------------

_WAITING = "SELECT listing_id FROM vault.publication WHERE state = 'queued' AND queued_at <= $1"
_QUEUED = f"""
SELECT {_CAUSES}, b.demo, b.facts, q.canonical::text AS canonical, q.canonical_hash,
       q.decision IS NOT DISTINCT FROM 'approved' AS approved,
       EXISTS (SELECT FROM vault.hold h WHERE h.ref = p.ref AND h.step = 'publication' AND h.state = 'refused') AS let_down
FROM vault.publication p JOIN vault.teaser_proposal q ON q.id = p.proposal_id
JOIN market.codebook b ON b.version = p.codebook_version
WHERE p.state = 'queued' AND p.queued_at <= $3 AND p.listing_id = ANY($4::uuid[])
"""
_PUBLISH = "UPDATE vault.publication SET state = 'published', batch = $2, published_at = $3 WHERE ref = ANY($1::uuid[])"
_PUT_UP = """
INSERT INTO market.teaser (ref, batch, cell_id, audiences, price, schemes, timing, phrases, fiscal_year, vocabulary_version,
                           place_rank, revenue_rank, price_rank, shuffle)
SELECT p.ref, p.batch, p.cell_id, p.audiences, q.canonical ->> 'price',
       ARRAY(SELECT jsonb_array_elements_text(q.canonical -> 'schemes')), q.canonical ->> 'timing',
       ARRAY(SELECT jsonb_array_elements_text(q.canonical -> 'phrases')),
       substr(q.canonical ->> 'fiscal_year', 3)::smallint, p.vocabulary_version,
       c.place_rank, c.revenue_rank, n.price_rank, n.shuffle
FROM unnest($1::uuid[], $2::smallint[], $3::bigint[]) AS n(ref, price_rank, shuffle)
JOIN vault.publication p ON p.ref = n.ref JOIN vault.teaser_proposal q ON q.id = p.proposal_id
JOIN market.cell c ON c.id = p.cell_id
ORDER BY n.shuffle
"""


_TO_WEIGH = f"""
SELECT p.ref, p.listing_id, p.codebook_version, c.number AS cell, '{{}}' AS facts,
       ARRAY[c.place, c.industry, c.founded, c.employees, c.revenue, c.margin] AS codes,
       coalesce((SELECT version FROM market.codebook WHERE current), p.codebook_version) AS in_force, {FIGURES}
FROM vault.publication p JOIN market.cell s ON s.id = p.cell_id
JOIN market.cell c ON c.codebook_version = s.codebook_version AND c.number = coalesce(s.number, s.parent) {FIGURES_OF.format('p.listing_id')}
WHERE p.ref = ANY($1::uuid[]) ORDER BY p.queued_at, p.ref
"""


class Closed(msgspec.Struct, frozen=True):
    """What a batch did. `number` is None when nothing went up; `refused`: reference -> why it was taken down instead."""

    number: int | None
    published: int
    refused: dict[UUID, str]


async def close_batch_if_due(connection: asyncpg.Connection, settings: Settings, now: datetime) -> Closed | None:
    """Publish what was queued by the latest boundary of the calendar; None when nothing was."""
    boundary = batch_boundary(now, settings.batch_calendar)
    if not await connection.fetchval(f"SELECT EXISTS ({_WAITING})", boundary):
        return None
    return await close_batch(connection, settings, now, boundary)


async def close_batch(connection: asyncpg.Connection, settings: Settings, now: datetime,
                      queued_by: datetime | None = None) -> Closed:
    """Publish everything queued by a moment (default: all of it), in one transaction and random order.

    Each teaser is checked again: consent, mandate, approval of these very bytes, permitted vocabulary, population, and how
    many companies are left after everything shown of this one. What is known to fail is taken down with its reason; what
    cannot be decided, or waits for a person (holds.py), stays in the queue. Either way: not published.
    """
    cutoff = queued_by or now
    async with connection.transaction():
        locked = await _lock(connection, [row["listing_id"] for row in await connection.fetch(_WAITING, cutoff)])
        rows = await connection.fetch(_QUEUED, day_in_japan(now), now, cutoff, locked)
        refused = {row["ref"]: reason for row in rows if (reason := _refusal(row))}
        await take_down(connection, refused, now)
        ready = {row["ref"]: _approved(row) for row in rows if row["ref"] not in refused and _decided(row, settings)}
        worded = {ref: teaser.prose for ref, teaser in ready.items() if teaser.prose}
        states = {ref: await state_of_prose(connection, ref, prose, "publish", now) for ref, prose in worded.items()}
        telling = {ref: "not_permitted" for ref, state in states.items() if state == FOUND}
        await take_down(connection, telling, now)
        refused |= telling
        ready = {ref: teaser for ref, teaser in ready.items() if states.get(ref, CLEAN) == CLEAN}
        held = await held_back(connection, settings, await _to_weigh(connection, list(ready)))
        ready = {ref: teaser for ref, teaser in ready.items() if ref not in held}
        if not ready:
            return Closed(None, 0, refused)
        number = await connection.fetchval("INSERT INTO ops.batch (closed_at, published) VALUES ($1, $2) RETURNING number",
                                           now, len(ready))
        await connection.execute(_PUBLISH, list(ready), number, now)
        await connection.execute(_PUT_UP, list(ready), [PRICE_RANK[teaser.price] for teaser in ready.values()],
                                 [_shuffle(settings, ref, number) for ref in ready])
        up = [(ref, teaser.prose.ja, teaser.prose.en) for ref, teaser in ready.items() if teaser.prose]
        await connection.executemany("INSERT INTO market.teaser_prose (ref, ja, en) VALUES ($1, $2, $3)", up)
    log.info("batch %d: %d up, %d refused, %d wait for a person", number, len(ready), len(refused), len(held))
    return Closed(number, len(ready), refused)


async def _to_weigh(connection: asyncpg.Connection, refs: Sequence[UUID]) -> list[Waiting]:
    rows = await connection.fetch(_TO_WEIGH, refs)
    return [Waiting(row["ref"], row["listing_id"], shown_of(row), own_codes(row)) for row in rows]


def _ended(row: Mapping[str, Any]) -> str | None:
    return "mandate_ended" if not row["mandated"] else None if row["consented"] else "consent_expired"


def _refusal(row: Mapping[str, Any]) -> str | None:
    return _ended(row) or (None if row["approved"] and not row["let_down"] and _approved(row) else "not_permitted")


def _approved(row: Mapping[str, Any]) -> CanonicalTeaser | None:
    """The canonical teaser behind a row, None when it is not exactly what was approved or may not be shown any more."""
    stored = msgspec.json.encode(msgspec.json.decode(row["canonical"]), order="sorted")
    if hashlib.sha256(stored).digest() != row["canonical_hash"]:
        return None
    try:
        teaser = decode_teaser(stored)
        for locale in ("ja", "en"):
            render(teaser, locale)
        offered = vocabulary(teaser.vocabulary_version)  # what the owner could choose from, not today's
    except (ValueError, KeyError, msgspec.ValidationError):
        return None
    return None if offered.permitted(teaser.phrases, row.get("facts") or ()) or teaser.price not in PRICE_RANK else teaser


def _decided(row: Mapping[str, Any], settings: Settings) -> bool:
    # Outside demo mode a teaser that hides in the synthetic world hides nowhere: it waits for a register.
    return settings.demo_mode or not row["demo"]


def _shuffle(settings: Settings, ref: UUID, batch: int) -> int:
    return shuffle_of(hmac.digest(settings.key("shuffle"), shuffled_text(ref, batch), "sha256"))


async def _lock(connection: asyncpg.Connection, listing_ids: Sequence[UUID]) -> list[UUID]:
    return [row["id"] for row in await connection.fetch(_LOCK, sorted(set(listing_ids)))]


# --- taking down ----------------------------------------------------------------------------------------------------

_TAKE_DOWN = """
UPDATE vault.publication p SET state = 'taken_down', taken_down_at = $3, take_down_reason = r.reason
FROM unnest($1::uuid[], $2::text[]) AS r(ref, reason) WHERE p.ref = r.ref AND p.state <> 'taken_down'
RETURNING p.listing_id, r.reason
"""
# What was approached directly stays approached: only its teaser is gone.
_SUSPEND = """
UPDATE vault.listing l SET state = 'suspended', state_reason = r.reason, version = l.version + 1, updated_at = $3
FROM unnest($1::uuid[], $2::text[]) AS r(id, reason) WHERE l.id = r.id AND l.state = 'listed'
"""
_ENDED = f"""
SELECT * FROM (SELECT {_CAUSES} FROM vault.publication p WHERE p.state IN ('queued', 'published')) live
WHERE NOT (consented AND mandated) AND ($3::uuid[] IS NULL OR listing_id = ANY($3))
"""
# Reason of the take-down -> reason of the listing's suspension (listings/road.py).
_SUSPENSION = {"mandate_ended": "mandate_ended", "consent_expired": "consent_withdrawn", "not_permitted": "figures_outdated"}


async def take_down(connection: asyncpg.Connection, reasons: Mapping[UUID, str], now: datetime) -> int:
    """Take these publications down, whose listings are locked: the teasers go in the same transaction (0005)."""
    rows = await connection.fetch(_TAKE_DOWN, list(reasons), list(reasons.values()), now)
    await connection.execute(_SUSPEND, [row["listing_id"] for row in rows], [_SUSPENSION[row["reason"]] for row in rows], now)
    return len(rows)


async def end_publications(connection: asyncpg.Connection, settings: Settings, now: datetime) -> int:
    """Take down every teaser whose consent has run out, for any of its audiences, or whose mandate has ended."""
    today = day_in_japan(now)
    ended = [row["listing_id"] for row in await connection.fetch(_ENDED, today, now, None)]
    if not ended:
        return 0
    async with connection.transaction():
        rows = await connection.fetch(_ENDED, today, now, await _lock(connection, ended))
        return await take_down(connection, {row["ref"]: _ended(row) for row in rows}, now)


async def recheck_prose(connection: asyncpg.Connection, settings: Settings, now: datetime) -> int:
    """Take down every teaser in whose own words today's scanner finds who the company is."""
    told = await texts_that_tell(connection, now)
    if not told:
        return 0
    async with connection.transaction():
        rows = await connection.fetch("SELECT listing_id FROM vault.publication WHERE ref = ANY($1::uuid[])", told)
        await _lock(connection, [row["listing_id"] for row in rows])
        return await take_down(connection, dict.fromkeys(told, "not_permitted"), now)


# --- frozen while listed --------------------------------------------------------------------------------------------

_LISTED = f"""
SELECT p.listing_id, l.flags, {", ".join(f"c.{name} AS cell_{name}" for name in ATTRIBUTES)}, {FIGURES}
FROM vault.publication p JOIN vault.listing l ON l.id = p.listing_id JOIN market.cell c ON c.id = p.cell_id
{FIGURES_OF.format('p.listing_id')}
WHERE p.state IN ('queued', 'published')
"""
_FLAG = """
UPDATE vault.listing SET flags = ARRAY(SELECT unnest(flags) EXCEPT SELECT unnest(ARRAY['figures_old', 'figures_outside_band'])
                                       UNION SELECT unnest($2::text[]) ORDER BY 1) WHERE id = $1
"""

_UNFLAG = """
UPDATE vault.listing l
SET flags = ARRAY(SELECT unnest(flags) EXCEPT SELECT unnest(ARRAY['figures_old', 'figures_outside_band']) ORDER BY 1)
WHERE flags && ARRAY['figures_old', 'figures_outside_band']
  AND NOT EXISTS (SELECT FROM vault.publication p WHERE p.listing_id = l.id AND p.state IN ('queued', 'published'))
"""


async def flag_figures(connection: asyncpg.Connection, settings: Settings, now: datetime) -> int:
    """Tell intermediaries of listings whose figures are older than 18 months or outside the published bands.

    The teaser itself never follows an edit (36 % would move when 5 % of a population does): it is taken down and
    published anew, or stays. Returns how many listings changed their flags.
    """
    changed = int((await connection.execute(_UNFLAG)).split()[-1])
    for row in await connection.fetch(_LISTED):
        found = _flags(row, now)
        if found != {"figures_old", "figures_outside_band"} & set(row["flags"]):
            await connection.execute(_FLAG, row["listing_id"], sorted(found))
            changed += 1
    return changed


def _flags(row: Mapping[str, Any], now: datetime) -> set[str]:
    codes = {name: row[f"cell_{name}"] for name in ATTRIBUTES}
    try:
        figures = figures_of(profile_of_figures(row))
    except Problem:
        figures = None
    return figure_flags(codes, figures, row["period_end"], day_in_japan(now))
