"""May this company's teaser carry a short text, which, and who read it?

A teaser is generated; a text of one's own is the exception, off until somebody writes one. It is in both languages, the
scanner has to find nothing in it, and a second person has to read it: no recogniser finds a description that identifies
without naming (anonymisation.md, section 2). The scanner's answer `unknown` counts as found. The owner approves the
words with the teaser, and they are looked at once more before they go up and every day they are up (prose_watch.py).
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.anonymity.scanner import CLEAN, FOUND, UNKNOWN, Own, Scan, own_of_profile, scan
from succession.anonymity.teaser import Prose
from succession.characters import NAME
from succession.errors import FieldError, Problem
from succession.i18n import Message, _, translate
from succession.listings.commands import lock_open_listing, read_profile
from succession.listings.queries import find_profile
from succession.outbox import record
from succession.tables.listings import ProseScan, TeaserProse

log = logging.getLogger("succession.prose")

JA_MOST, EN_MOST = 300, 600
SCAN_TIMEOUT_S = 10
LANGUAGES = ("ja", "en")

NOT_READ = _("A second person has not passed the text of the teaser yet. Have it read, or take it away.")
NOT_CLEAN = _("The text of the teaser may say who the company is. Reword it, or take it away.")


class NewProse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same text in both languages, one line each: whoever reads one must learn no more than whoever reads the other."""

    ja: Annotated[str, msgspec.Meta(min_length=1, max_length=JA_MOST, pattern=NAME)]
    en: Annotated[str, msgspec.Meta(min_length=1, max_length=EN_MOST, pattern=NAME)]


class Review(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`id` of the text that was read: if it was replaced meanwhile, nothing is decided."""

    id: UUID
    decision: Literal["passed", "refused"]


class FindingView(msgspec.Struct, frozen=True):
    """A passage that may say who the company is: characters `start` to `end` of one language, why, and what else to write."""

    locale: str
    start: int
    end: int
    text: str
    kind: str
    reason: str
    suggestion: str | None


class ProseView(msgspec.Struct, frozen=True):
    """`scan`: clean, found or unknown (could not be checked). `usable`: clean and passed, so a proposal may carry it.

    `reviewed_by`: the name of the second person. `findings` are computed anew for every reader in the reader's language.
    """

    id: UUID
    ja: str
    en: str
    scan: str
    engine: str
    findings: list[FindingView]
    written_at: datetime
    review: str | None
    reviewed_by: str | None
    reviewed_at: datetime | None
    usable: bool


# --- the scanner's look ---------------------------------------------------------------------------------------------


async def look_at(ja: str, en: str, own: Own) -> dict[str, Scan]:
    """Both languages through the scanner, off the event loop. What fails or does not end in time is unknown, never clean."""
    return {locale: await scan_one(text, own, locale) for locale, text in zip(LANGUAGES, (ja, en), strict=True)}


async def scan_one(text: str, own: Own, locale: str) -> Scan:
    try:
        return await asyncio.wait_for(asyncio.to_thread(scan, text, own, locale=locale), SCAN_TIMEOUT_S)
    except Exception as error:
        log.error("the scanner failed: %s", type(error).__name__)  # its message may hold the text
        return Scan(UNKNOWN, (), "failed")


def verdict(looks: dict[str, Scan]) -> str:
    """The worst of them."""
    states = {look.state for look in looks.values()}
    return FOUND if FOUND in states else CLEAN if states == {CLEAN} else UNKNOWN


def places(looks: dict[str, Scan]) -> list[dict[str, object]]:
    """Where and of what kind the findings are: what is kept as evidence, without the words again."""
    return [{"locale": locale, "start": span.start, "end": span.end, "kind": span.kind}
            for locale, look in looks.items() for span in look.spans]


# --- write, take away, review ---------------------------------------------------------------------------------------


async def write_prose(tx: AsyncSession, actor: Actor, listing_id: UUID, asked: NewProse, now: datetime, locale: str) -> ProseView:
    """Keep this text in place of any other, with what the scanner says of it. Problem not_found, listing_closed."""
    await lock_open_listing(tx, listing_id)
    looks = await look_at(asked.ja, asked.en, own_of_profile(await read_profile(tx, listing_id)))
    await _supersede(tx, listing_id, now)
    made = TeaserProse(listing_id=listing_id, ja=asked.ja, en=asked.en, written_by=actor.member_id, written_at=now)
    tx.add(made)
    await tx.flush()
    tx.add(ProseScan(prose_id=made.id, listing_id=listing_id, stage="write", at=now, state=verdict(looks),
                     engine=looks["ja"].engine, findings=places(looks)))
    await record(tx, "teaser_prose.written", listing_id, prose=made.id, scan=verdict(looks))
    return _view(made, looks, locale)


async def remove_prose(tx: AsyncSession, listing_id: UUID, now: datetime) -> None:
    """Off again. A teaser that is up keeps its words until it is taken down. Problem not_found when there is none."""
    await lock_open_listing(tx, listing_id)
    if not await _supersede(tx, listing_id, now):
        raise Problem("not_found")
    await record(tx, "teaser_prose.removed", listing_id)


async def _supersede(tx: AsyncSession, listing_id: UUID, now: datetime) -> bool:
    current = update(TeaserProse).where(TeaserProse.listing_id == listing_id, TeaserProse.superseded_at.is_(None))
    return (await tx.execute(current.values(superseded_at=now))).rowcount > 0


async def review_prose(tx: AsyncSession, actor: Actor, listing_id: UUID, asked: Review, now: datetime, locale: str) -> ProseView:
    """A second person of the intermediary says that nobody is recognisable and that both languages say the same.

    Problem not_found for a text that was replaced; second_confirmation_needed for one's own; prose_not_clean while the
    scanner objects; conflict once it was decided.
    """
    await lock_open_listing(tx, listing_id)
    found = await current_prose(tx, listing_id)
    if found is None or found.id != asked.id:
        raise Problem("not_found")
    if found.written_by == actor.member_id:
        raise Problem("second_confirmation_needed")
    if found.review is not None:
        raise Problem("conflict")
    looks = await look_at(found.ja, found.en, own_of_profile(await read_profile(tx, listing_id)))
    tx.add(ProseScan(prose_id=found.id, listing_id=listing_id, stage="write", at=now, state=verdict(looks),
                     engine=looks["ja"].engine, findings=places(looks)))
    await tx.flush()
    if asked.decision == "passed" and verdict(looks) != CLEAN:
        raise Problem("prose_not_clean")
    found.review, found.reviewed_by, found.reviewed_by_name = asked.decision, actor.member_id, actor.name
    found.reviewed_at = now
    await tx.flush()
    await record(tx, f"teaser_prose.{asked.decision}", listing_id, prose=found.id)
    return _view(found, looks, locale)


_CURRENT = """
SELECT id, listing_id, ja, en, written_by, written_at, review, reviewed_by, reviewed_by_name, reviewed_at, superseded_at
FROM vault.teaser_prose WHERE listing_id = $1 AND superseded_at IS NULL
"""


async def read_prose(read: asyncpg.Connection, listing_id: UUID, locale: str) -> ProseView:
    """The text as it stands, looked at again with today's profile. Problem not_found when there is none."""
    row = await read.fetchrow(_CURRENT, listing_id)
    if row is None:
        raise Problem("not_found")
    found = TeaserProse(**row)
    return _view(found, await look_at(found.ja, found.en, own_of_profile(await find_profile(read, listing_id))), locale)


async def current_prose(tx: AsyncSession, listing_id: UUID) -> TeaserProse | None:
    wanted = select(TeaserProse).where(TeaserProse.listing_id == listing_id, TeaserProse.superseded_at.is_(None))
    return (await tx.execute(wanted)).scalar_one_or_none()


# --- on the way to the owner ----------------------------------------------------------------------------------------


async def prose_for_teaser(tx: AsyncSession, listing_id: UUID, own: Own) -> tuple[Prose | None, tuple[FieldError, ...]]:
    """(the words to put before the owner, None where there are none; why they may not be). Nothing is left out silently."""
    found = await current_prose(tx, listing_id)
    if found is None:
        return None, ()
    if verdict(await look_at(found.ja, found.en, own)) != CLEAN:
        return None, (FieldError("prose", Message(NOT_CLEAN)),)
    if found.review != "passed":
        return None, (FieldError("prose", Message(NOT_READ)),)
    return Prose(found.ja, found.en), ()


def _view(found: TeaserProse, looks: dict[str, Scan], locale: str) -> ProseView:
    texts = dict(zip(LANGUAGES, (found.ja, found.en), strict=True))
    findings = [
        FindingView(language, span.start, span.end, texts[language][span.start : span.end], span.kind,
                    translate(span.reason, locale), translate(span.suggestion, locale) if span.suggestion else None)
        for language, look in looks.items() for span in look.spans
    ]  # fmt: skip
    state = verdict(looks)
    return ProseView(found.id, found.ja, found.en, state, looks["ja"].engine, findings, found.written_at, found.review,
                     found.reviewed_by_name, found.reviewed_at, state == CLEAN and found.review == "passed")
