"""Does a published text still say nothing of who the company is: right before it goes up, and every day it is up?

Words pass the scanner a second time because the first look may be old: the profile has learnt a brand since, the engine a
rule. The worker reads no identity but for this (`vault.identity_beside_prose`, 0013), and keeps only the scanner's answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from succession.anonymity.scanner import CLEAN, FOUND, UNKNOWN, Own, Scan, own_of_profile
from succession.anonymity.scanner.second_opinion import NOT_INSTALLED, second_opinion
from succession.anonymity.teaser import Prose
from succession.listings.storage import profile_of
from succession.market.prose import look_at, places, verdict

log = logging.getLogger("succession.prose")

SECOND_OPINION_TIMEOUT_S = 60  # the model takes ten seconds to load

_PASSED = """
SELECT v.id, v.listing_id FROM vault.publication p JOIN vault.teaser_prose v ON v.listing_id = p.listing_id
WHERE p.ref = $1 AND v.ja = $2 AND v.en = $3 AND v.review = 'passed' AND (v.superseded_at IS NULL OR $4)
ORDER BY v.written_at DESC LIMIT 1
"""
_KEEP = """
INSERT INTO vault.prose_scan (prose_id, listing_id, stage, at, state, engine, findings)
SELECT $1, $2, $3, $4, $5::text, $6::text, $7::jsonb
WHERE $3 = 'publish' OR (SELECT (s.state, s.engine) FROM vault.prose_scan s WHERE s.prose_id = $1 ORDER BY s.at DESC, s.id DESC LIMIT 1)
                        IS DISTINCT FROM ($5::text, $6::text)
"""


async def state_of_prose(connection: asyncpg.Connection, ref: UUID, prose: Prose, stage: str, now: datetime) -> str:
    """clean, found or unknown, kept as evidence. `stage`: publish or published.

    A text that no second person passed, or that was replaced before it went up, counts as found.
    """
    passed = await connection.fetchrow(_PASSED, ref, prose.ja, prose.en, stage == "published")
    if passed is None:
        return FOUND
    own = await _own(connection, ref)
    if own is None:
        return UNKNOWN
    looks = await look_at(prose.ja, prose.en, own)
    second = await _second_opinion(prose.ja)
    state, engine = verdict(looks), f"{looks['ja'].engine}; second opinion: {second.engine}"
    if state == CLEAN and second.state != NOT_INSTALLED:
        state = second.state
    await connection.execute(_KEEP, passed["id"], passed["listing_id"], stage, now, state, engine,
                             msgspec.json.encode(places(looks) + places({"ja": second})).decode())
    return state


async def _second_opinion(ja: str) -> Scan:
    """The model of the [ner] extra on the Japanese text, where an operator installed it; it adds findings and takes none away."""
    try:
        return await asyncio.wait_for(asyncio.to_thread(second_opinion, ja, locale="ja"), SECOND_OPINION_TIMEOUT_S)
    except TimeoutError:
        return Scan(UNKNOWN, (), "late")


async def _own(connection: asyncpg.Connection, ref: UUID) -> Own | None:
    stored = await connection.fetchval("SELECT vault.identity_beside_prose($1)::text", ref)
    if stored is None:
        return None
    row = defaultdict(lambda: None, msgspec.json.decode(stored))
    try:
        return own_of_profile(profile_of(row, []))
    except msgspec.ValidationError:  # a profile that cannot be read cannot be compared with
        log.error("a stored profile cannot be read beside its text")
        return None


_UP = """
SELECT t.ref, t.ja, t.en FROM market.teaser_prose t JOIN vault.publication p ON p.ref = t.ref AND p.state = 'published'
ORDER BY t.ref
"""


async def texts_that_tell(connection: asyncpg.Connection, now: datetime) -> list[UUID]:
    """References of published texts in which the scanner of today finds something.

    One that cannot be looked at today stays: it was clean when it went up. Its failure is logged as an error.
    """
    found = []
    for row in await connection.fetch(_UP):
        state = await state_of_prose(connection, row["ref"], Prose(row["ja"], row["en"]), "published", now)
        if state == FOUND:
            found.append(row["ref"])
        elif state == UNKNOWN:
            log.error("a published text could not be looked at")
    return found
