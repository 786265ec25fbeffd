"""A release would leave too few companies: who waits, who decides, and what is the one who waits told?

Two ways in. A publication is weighed when its batch closes, by the worker: to its intermediary one that is held looks like
one still waiting, so entering, previewing and queueing a listing are the same with and without a second intermediary. A
name that is about to be told to one buyer is weighed in the request, which answers that somebody looks at it first.

Two persons of the operator let a release go; one is enough to refuse it. None of them learns which company it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.anonymity.mosaic import Shown
from succession.characters import PROSE
from succession.config import Settings
from succession.database import Databases, driver
from succession.errors import Problem
from succession.i18n import Message, _
from succession.market.exposures import OF_EACH, OF_HOLDER, OWN_FIGURES, Weighed, facts_of, known, own_codes, weigh
from succession.outbox import mail, record

Step = Literal["publication", "introduction", "nda"]
WORDS_LENGTH = 1000

_ONE_AT_A_TIME = "SELECT vault.lock_companies($1::uuid[])"
_STANDING = "SELECT state, candidates, for_all FROM vault.hold_standing($1, $2, $3, $4)"
_HOLD = """
INSERT INTO vault.hold (step, listing_id, ref, told_id, reason, candidates, needed) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING
"""
# No link: whoever may read it signs in, and the letter says nothing to anybody else.
_TELL = """
INSERT INTO ops.outbox (topic, payload)
SELECT 'mail', jsonb_build_object('template', 'hold_opened', 'locale', NULL, 'params', '{}'::jsonb,
                                  'to', jsonb_build_object('address', NULL, 'member', NULL, 'organisation', o.organisation_id))
FROM vault.operators() o
"""


class Release(NamedTuple):
    """What is about to go out: a publication to its audiences, or the intermediary's name to `told`."""

    step: Step
    listing_id: UUID
    ref: UUID
    told: UUID | None


class _Standing(NamedTuple):
    """What persons have said of a release so far. `floor`: the fewest candidates somebody let go, None where nobody did;
    -1 where that could not be counted."""

    refused: bool
    waiting: bool
    floor: int | None

    def lets(self, weighed: Weighed) -> bool:
        left = weighed.verdict.candidates if weighed.verdict else -1
        return not self.refused and self.floor is not None and left >= self.floor


async def _standing(connection: asyncpg.Connection, release: Release) -> _Standing:
    rows = await connection.fetch(_STANDING, *release[:2], release.told, release.ref)
    mine = {row["state"] for row in rows if not row["for_all"] or row["state"] != "released"}
    floors = [-1 if row["candidates"] is None else row["candidates"] for row in rows if row["state"] == "released"]
    return _Standing("refused" in mine, bool(mine & {"open", "proposed"}), min(floors, default=None))


async def _open(connection: asyncpg.Connection, release: Release, weighed: Weighed) -> None:
    counted = (weighed.verdict.candidates, weighed.verdict.needed) if weighed.verdict else (None, None)
    opened = await connection.execute(_HOLD, *release[:3], release.told, weighed.why, *counted)
    if opened == "INSERT 0 1":
        await connection.execute(_TELL)


# --- a publication, when its batch closes -----------------------------------------------------------------------------


class Waiting(NamedTuple):
    """A publication that is ready to go up. `own`: the company's finest codes of today, None where figures are missing."""

    ref: UUID
    listing_id: UUID
    shown: Shown
    own: Mapping[str, str] | None


_SAME = """
SELECT l.id, s.listing_id FROM unnest($1::uuid[]) AS l(id) CROSS JOIN LATERAL vault.same_company(l.id) s WHERE s.listing_id <> l.id
"""
# Whom somebody has begun to look at waits for the answer, whatever would be found today.
_UNDECIDED = "SELECT ref FROM vault.hold WHERE ref = ANY($1::uuid[]) AND step = 'publication' AND state IN ('open', 'proposed')"
_SPOT = """
SELECT l.id FROM unnest($1::uuid[]) AS l(id) WHERE vault.spot_checked(l.id, $2) AND NOT EXISTS (
    SELECT FROM vault.hold h WHERE h.listing_id = l.id AND h.reason = 'spot_check' AND h.state = 'released')
"""


async def held_back(connection: asyncpg.Connection, settings: Settings, queue: Sequence[Waiting]) -> set[UUID]:
    """Which of these wait for a person, as succession_worker. Each that may go counts as shown for those after it."""
    listings = [one.listing_id for one in queue]
    await connection.execute(_ONE_AT_A_TIME, listings)
    shown, same = defaultdict(list), defaultdict(set)
    for row in await connection.fetch(OF_EACH, listings):
        shown[row["id"]].append(row)
    for row in await connection.fetch(_SAME, listings):
        same[row["id"]].add(row["listing_id"])
    spots = {row["id"] for row in await connection.fetch(_SPOT, listings, settings.spot_check_percent)}
    held = {row["ref"] for row in await connection.fetch(_UNDECIDED, [one.ref for one in queue])}
    going: dict[UUID, Shown] = {}
    for one in queue:
        if one.ref in held:
            continue
        before = known(shown[one.listing_id], one.own)
        before = before._replace(shown=(*before.shown, *(going[other] for other in same[one.listing_id] if other in going)))
        weighed = await weigh(connection, before, [one.shown], one.own)
        if weighed.why is None and one.listing_id in spots:
            weighed = weighed._replace(why="spot_check")
        if weighed.why and await _waits(connection, Release("publication", one.listing_id, one.ref, None), weighed):
            held.add(one.ref)
        else:
            going[one.listing_id] = one.shown
    return held


async def _waits(connection: asyncpg.Connection, release: Release, weighed: Weighed) -> bool:
    standing = await _standing(connection, release)
    if standing.lets(weighed):
        return False
    if not (standing.waiting or standing.refused):
        await _open(connection, release, weighed)
    return True


# --- a name, when it is about to be told ------------------------------------------------------------------------------

_FACTS = "SELECT vault.own_name_tells($1)::text"
_KNOWS = "SELECT vault.knows_company($1, $2)"

HELD = _("Together with the teaser, the name of your organisation would leave too few companies for this buyer. A person at the "
         "operator looks at it first; a letter tells you when you can go on.")
HELD_FOR_GOOD = _("A person at the operator has decided that this buyer does not learn the name of your organisation before the "
                  "owner has agreed to be named.")


async def may_name(tx: AsyncSession, databases: Databases, actor: Actor, release: Release, also: Sequence[UUID] = ()) -> None:
    """Goes on when this intermediary's name may be told to `release.told`, and to `also`, who hears it with them.

    Problem held_for_person otherwise, and a person of the operator is asked, whatever becomes of this unit of work. Whoever
    knows the company already is told without asking.
    """
    connection = await driver(tx)
    facts = facts_of(await connection.fetchval(_FACTS, release.listing_id) or "{}")
    if not facts or await connection.fetchval(_KNOWS, release.listing_id, release.told):
        return
    await connection.execute(_ONE_AT_A_TIME, [release.listing_id])
    new = [Shown(None, None, None, facts, None)]
    told = sorted({release.told, *also})
    own = own_codes(await connection.fetchrow(OWN_FIGURES, release.listing_id))
    before = known(await connection.fetch(OF_HOLDER, release.listing_id, told), own)
    weighed = await weigh(connection, before, new)
    standing = await _standing(connection, release)
    if standing.refused:
        raise Problem("held_for_person", detail=Message.of(HELD_FOR_GOOD))
    if weighed.why is None or standing.lets(weighed):
        return
    if not standing.waiting:
        async with databases.apart(actor.scope()) as lasting:
            await _open(lasting, release, weighed)
    raise Problem("held_for_person", detail=Message.of(HELD))


# --- the operator's decision ------------------------------------------------------------------------------------------


class HoldDecision(msgspec.Struct, forbid_unknown_fields=True):
    """`words`: why, in the decider's own. `for_every_buyer`: the same name may be told to other buyers of this listing as
    well, as long as it leaves no fewer companies."""

    decision: Literal["release", "refuse"]
    words: Annotated[str, msgspec.Meta(min_length=1, max_length=WORDS_LENGTH, pattern=PROSE)]
    for_every_buyer: bool = False


_DECIDE = text("UPDATE vault.hold SET decision = :decision, words = :words, for_every_buyer = :every, decided_by = :member "
               "WHERE id = :id AND state IN ('open', 'proposed') RETURNING step, intermediary_id")
_CONFIRM = text("UPDATE vault.hold SET confirmed_by = :member WHERE id = :id AND state = 'proposed' RETURNING step, intermediary_id")
_STATE = text("SELECT state FROM vault.hold WHERE id = :id")


async def decide_hold(tx: AsyncSession, actor: Actor, hold_id: UUID, asked: HoldDecision) -> None:
    """Refuse, at once, or propose to let it go, for another person to confirm. Problem not_found, hold_decided."""
    every = asked.for_every_buyer and asked.decision == "release"
    values = {"id": hold_id, "decision": asked.decision, "words": asked.words, "every": every, "member": actor.member_id}
    row = (await tx.execute(_DECIDE, values)).first()
    await _done(tx, row, hold_id, asked.decision, "hold_refused" if asked.decision == "refuse" else None)


async def confirm_hold(tx: AsyncSession, actor: Actor, hold_id: UUID) -> None:
    """Let it go, as somebody else proposed. Problem not_found, hold_decided, second_confirmation_needed."""
    row = (await tx.execute(_CONFIRM, {"id": hold_id, "member": actor.member_id})).first()
    await _done(tx, row, hold_id, "confirm", "hold_released")


async def _done(tx: AsyncSession, row: Any, hold_id: UUID, action: str, letter: str | None) -> None:
    if row is None:
        raise Problem("hold_decided" if await tx.scalar(_STATE, {"id": hold_id}) else "not_found")
    await record(tx, f"hold.{action}", hold_id, step=row.step)
    if letter and row.step != "publication":  # a publication goes up, or comes down, with the next batch: nobody is told
        await mail(tx, letter, organisation=row.intermediary_id)
