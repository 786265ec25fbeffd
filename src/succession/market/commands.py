"""How does a company get its teaser: preview, proposal to the owner, publication, and down again?

A preview is an oracle (rule 5 of anonymisation.md, section 4): it needs a mandate, it is counted, and it is kept, also
when the answer is that nothing can be shown. Nobody here approves anything: only the owner does.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.anonymity.codebook import Profile as Figures
from succession.anonymity.preview import AnonymityReport, report
from succession.anonymity.teaser import CanonicalTeaser, Rendering, canonical_bytes, render
from succession.codes import ATTRIBUTES, AUDIENCE_BIT, audience_mask, audiences_in, label
from succession.config import Settings
from succession.database import driver
from succession.days import day_in_japan
from succession.errors import Problem
from succession.i18n import Message, _, translate
from succession.ids import new_reference
from succession.listings.commands import lock_open_listing, move_listing, read_profile
from succession.listings.consents import Proposed, propose, take_down
from succession.listings.mandates import needs_mandate
from succession.listings.profile import Profile
from succession.listings.readiness import Readiness, readiness_of
from succession.market.codebooks import cell_id, codebook_in_force, load_codebook, load_look_alikes
from succession.market.publication import (
    UNTRUE_CELL,
    Earlier,
    Place,
    choose_cell,
    claim,
    derive,
    figures_of,
    next_boundary,
    phrase_errors,
    refuse_unpublishable,
    sheet_text,
)
from succession.outbox import record
from succession.tables.listings import Listing, Preview, Publication

PREVIEWS_PER_MEMBER_A_DAY = 30
FIGURES_PER_LISTING_A_DAY = 5
DAY = timedelta(days=1)

Audience = Literal[tuple(AUDIENCE_BIT)]


class ShownFactView(msgspec.Struct, frozen=True):
    """One figure: what it is, what the teaser says, and why no more. Codes with their names in the reader's language."""

    attribute: str
    own: str
    own_label: str
    shown: str
    shown_label: str
    coarsened: bool
    look_alikes: int | None
    reason: str | None


class PreviewView(msgspec.Struct, frozen=True):
    """`ja` and `en` are null while the teaser cannot be derived: `refusal`, `phrases` or `readiness` say why.

    `shared_by`: companies of the reference population with exactly these figures, this one included. `kept_cell`: the
    cell of the earlier publication was kept. Counts are for the seller; no buyer is told one.
    """

    shared_by: int
    k: int
    claim: str | None
    kept_cell: bool
    facts: list[ShownFactView]
    refusal: str | None
    remark: str | None
    phrases: list[str]
    ja: Rendering | None
    en: Rendering | None
    readiness: Readiness


@dataclass(frozen=True)
class Derivation:
    """A profile placed in a cell. `report` counts look-alikes in the codebook the cell belongs to."""

    profile: Profile
    figures: Figures
    place: Place | None
    earlier: Earlier | None
    population_version: str
    report: AnonymityReport
    claim: Message


# --- from a listing to its cell -------------------------------------------------------------------------------------

_EARLIER = """
SELECT p.cell_id, p.codebook_version, c.place, c.industry, c.founded, c.employees, c.revenue, c.margin
FROM vault.publication p JOIN market.cell c ON c.id = p.cell_id
WHERE p.listing_id = $1 AND p.published_at IS NOT NULL ORDER BY p.published_at DESC LIMIT 1
"""


async def _earlier(connection: asyncpg.Connection, listing_id: UUID) -> Earlier | None:
    row = await connection.fetchrow(_EARLIER, listing_id)
    return row and Earlier(row["cell_id"], row["codebook_version"], {name: row[name] for name in ATTRIBUTES})


async def _derivation(connection: asyncpg.Connection, listing_id: UUID, profile: Profile, settings: Settings) -> Derivation:
    """Where this profile would be placed now. Problem population_needed; not_publishable while figures are missing."""
    force = await codebook_in_force(connection, settings.demo_mode)
    codebook = await load_codebook(connection, force.version)
    figures, earlier = figures_of(profile), await _earlier(connection, listing_id)
    try:
        place = choose_cell(codebook, figures, earlier)
    except (KeyError, ValueError):
        raise Problem("not_anonymous") from None
    if place and place.kept:
        codebook = await load_codebook(connection, place.codebook_version)
    found = report(codebook, await load_look_alikes(connection, codebook.version), figures, place and place.codes)
    return Derivation(profile, figures, place, earlier, codebook.header.population, found, claim(codebook))


# --- preview --------------------------------------------------------------------------------------------------------


async def preview_teaser(tx: AsyncSession, actor: Actor, listing_id: UUID, settings: Settings, now: datetime,
                         locale: str) -> PreviewView:
    """What the teaser would show and why no more. Problem mandate_needed, preview_quota, not_publishable."""
    await lock_open_listing(tx, listing_id)
    await needs_mandate(tx, listing_id, day_in_japan(now))
    profile = await read_profile(tx, listing_id)
    connection = await driver(tx)
    await _spend_look(tx, connection, actor, listing_id, figures_of(profile), now)
    found = await _derivation(connection, listing_id, profile, settings)
    await record(tx, "teaser.previewed", listing_id)
    return _preview_view(found, day_in_japan(now), locale)


_MEMBER_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:member, 7305424))")
_SPENT = """
SELECT count(*) FILTER (WHERE member_id = $1) AS by_member,
       count(DISTINCT facts_hash) FILTER (WHERE listing_id = $2 AND facts_hash <> $3) AS other_figures
FROM vault.preview WHERE at > $4 AND (member_id = $1 OR listing_id = $2)
"""


async def _spend_look(tx: AsyncSession, connection: asyncpg.Connection, actor: Actor, listing_id: UUID, figures: Figures,
                         now: datetime) -> None:
    """Count this look. Whoever moves figures step by step to find a cell's edge runs out after a few."""
    await tx.execute(_MEMBER_LOCK, {"member": str(actor.member_id)})
    facts_hash = hashlib.sha256(msgspec.json.encode(figures)).digest()
    spent = await connection.fetchrow(_SPENT, actor.member_id, listing_id, facts_hash, now - DAY)
    if spent["by_member"] >= PREVIEWS_PER_MEMBER_A_DAY or spent["other_figures"] >= FIGURES_PER_LISTING_A_DAY:
        raise Problem("preview_quota", headers={"Retry-After": str(int(DAY.total_seconds()))})
    tx.add(Preview(listing_id=listing_id, member_id=actor.member_id, at=now, facts_hash=facts_hash))
    await tx.flush()


def _preview_view(found: Derivation, today: date, locale: str) -> PreviewView:
    anonymity, teaser = found.report, _teaser_if_whole(found)
    changed = found.earlier is not None and found.place is not None and not found.place.kept
    return PreviewView(
        shared_by=anonymity.shared_by,
        k=anonymity.k,
        claim=translate(found.claim, locale) if anonymity.cell else None,
        kept_cell=bool(found.place and found.place.kept),
        facts=[
            ShownFactView(
                fact.attribute, fact.own, label(fact.attribute, fact.own, locale), fact.shown,
                label(fact.attribute, fact.shown, locale), fact.finer is not None, fact.look_alikes,
                translate(fact.reason, locale) if fact.reason else None)
            for fact in anonymity.facts
        ],
        refusal=translate(anonymity.refusal, locale) if anonymity.refusal else None,
        remark=translate(UNTRUE_CELL, locale) if changed else None,
        phrases=[translate(error.message, locale) for error in phrase_errors(found.profile)],
        ja=render(teaser, "ja") if teaser else None,
        en=render(teaser, "en") if teaser else None,
        readiness=readiness_of(found.profile, today, locale),
    )  # fmt: skip


def _teaser_if_whole(found: Derivation) -> CanonicalTeaser | None:
    try:
        return found.place and derive(found.profile, found.place, found.population_version)
    except Problem:
        return None


# --- proposal -------------------------------------------------------------------------------------------------------


class NewProposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """To whom the teaser is to be shown; the owner ticks each audience, or does not."""

    audiences: Annotated[list[Audience], msgspec.Meta(min_length=1, max_length=4)]


class ProposalView(msgspec.Struct, frozen=True):
    """`links_sent` 0: nobody who may decide has an address, so the owner answers on paper."""

    id: UUID
    audiences: list[str]
    shown_hash: str
    text_ja: str
    links_sent: int


async def propose_teaser(tx: AsyncSession, actor: Actor, listing_id: UUID, asked: NewProposal, settings: Settings,
                         now: datetime) -> ProposalView:
    """Put the canonical teaser before the owner; it shows the cell, so it counts as a look like any preview.

    Problem mandate_needed, preview_quota, not_publishable, not_anonymous, population_needed, excluded_never_public.
    """
    await lock_open_listing(tx, listing_id)
    await needs_mandate(tx, listing_id, day_in_japan(now))
    teaser, place, figures = await _publishable(tx, listing_id, settings, now)
    await _spend_look(tx, await driver(tx), actor, listing_id, figures, now)
    cell = place.cell_id or await cell_id(await driver(tx), place.codebook_version, place.number)
    encoded, sheet = canonical_bytes(teaser), sheet_text(render(teaser, "ja"))
    digest, mask = hashlib.sha256(encoded).digest(), audience_mask(asked.audiences)
    made: Proposed = await propose(tx, listing_id, msgspec.json.decode(encoded), digest, sheet, cell, mask,
                                   now=now, public_url=settings.public_url)
    return ProposalView(made.id, list(audiences_in(mask)), digest.hex(), sheet, made.links_sent)


async def _publishable(tx: AsyncSession, listing_id: UUID, settings: Settings,
                       now: datetime) -> tuple[CanonicalTeaser, Place, Figures]:
    profile = await read_profile(tx, listing_id)
    refuse_unpublishable(profile, day_in_japan(now))
    found = await _derivation(await driver(tx), listing_id, profile, settings)
    if found.place is None:
        raise Problem("not_anonymous", detail=found.report.refusal)
    return derive(profile, found.place, found.population_version), found.place, found.figures


# --- publication ----------------------------------------------------------------------------------------------------

FACTS_CHANGED = _("The facts have changed since the owner approved the teaser. Put the new one before the owner.")
# From which state publishing is which step of the road.
_STEP = {"approached": "publish_approached_listing"}


class PublicationView(msgspec.Struct, frozen=True):
    """`batch_closes_at`: when the teaser goes up at the latest hour of the calendar; null once it is up."""

    ref: UUID
    state: str
    audiences: list[str]
    batch_closes_at: datetime | None


_APPROVED = """
SELECT q.id, q.canonical_hash, q.cell_id, q.canonical ->> 'codebook_version' AS codebook_version,
       q.canonical ->> 'vocabulary_version' AS vocabulary_version, q.canonical ->> 'population_version' AS population_version,
       array(SELECT c.audience FROM vault.audience_consent c
             WHERE c.proposal_id = q.id AND c.withdrawn_at IS NULL AND c.expires_at > $2) AS audiences
FROM vault.teaser_proposal q WHERE q.listing_id = $1 AND q.decision = 'approved' AND q.superseded_at IS NULL
ORDER BY q.decided_at DESC LIMIT 1
"""


async def publish_listing(tx: AsyncSession, listing_id: UUID, settings: Settings, now: datetime) -> PublicationView:
    """Queue the approved teaser for the next batch, for exactly the audiences the owner consents to now.

    Problem owner_approval_needed unless today's facts still give, byte for byte, what the owner approved;
    already_published, mandate_needed, not_publishable, not_anonymous, population_needed, step_refused.
    """
    listing = await lock_open_listing(tx, listing_id)
    await needs_mandate(tx, listing_id, day_in_japan(now))
    connection = await driver(tx)
    if await connection.fetchval(_LIVE, listing_id):
        raise Problem("already_published")
    approved = await connection.fetchrow(_APPROVED, listing_id, now)
    if approved is None or not approved["audiences"]:
        raise Problem("owner_approval_needed")
    teaser, _place, _figures = await _publishable(tx, listing_id, settings, now)
    if hashlib.sha256(canonical_bytes(teaser)).digest() != approved["canonical_hash"]:
        raise Problem("owner_approval_needed", detail=Message(FACTS_CHANGED))
    made = Publication(
        ref=new_reference(), listing_id=listing_id, proposal_id=approved["id"], codebook_version=approved["codebook_version"],
        vocabulary_version=approved["vocabulary_version"], population_version=approved["population_version"],
        cell_id=approved["cell_id"], audiences=audience_mask(approved["audiences"]), queued_at=now,
    )  # fmt: skip
    tx.add(made)
    await tx.flush()
    await _move(tx, listing, approved["id"], now)
    await record(tx, "teaser.queued", listing_id, teaser=made.ref, audiences=made.audiences)
    return PublicationView(made.ref, "queued", list(audiences_in(made.audiences)), next_boundary(now, settings.batch_calendar))


_LIVE = "SELECT EXISTS (SELECT FROM vault.publication WHERE listing_id = $1 AND state IN ('queued', 'published'))"


async def _move(tx: AsyncSession, listing: Listing, approval_id: UUID, now: datetime) -> None:
    step = _STEP.get(listing.state, "publish_listing")
    await move_listing(tx, listing, step, "intermediary", now, {"teaser_approval_id": str(approval_id)})


async def unpublish_listing(tx: AsyncSession, listing_id: UUID) -> None:
    """Take the teaser down at once, or out of the queue. Problem not_found when there is none."""
    await lock_open_listing(tx, listing_id)
    if await take_down(tx, listing_id, "owner_request") is None:
        raise Problem("not_found")
