"""How does a company get its teaser: proposal to the owner, publication, and down again?

What is proposed shows the cell, so it counts as a look like a preview (previews.py, looks.py). Nobody here approves
anything: only the owner does.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.anonymity.scanner import own_of_profile
from succession.anonymity.teaser import CanonicalTeaser, canonical_bytes, render
from succession.codes import AUDIENCE_BIT, audience_mask, audiences_in
from succession.config import Settings
from succession.database import Databases, driver
from succession.days import day_in_japan
from succession.errors import Problem
from succession.i18n import Message, _
from succession.ids import new_reference
from succession.listings.commands import lock_open_listing, move_listing, read_profile
from succession.listings.consents import Proposed, propose, take_down
from succession.listings.mandates import needs_mandate
from succession.listings.profile import Profile
from succession.market.codebooks import cell_id, label_id
from succession.market.derivation import CELL_BEHIND, SHOWN_AND_CELL, Choice, coarser_in, derivation, known_facts
from succession.market.looks import look, may_look
from succession.market.previews import Coarser, chosen, refuse_finer
from succession.market.prose import prose_for_teaser
from succession.market.publication import Place, derive, next_boundary, refuse_unpublishable, sheet_text
from succession.outbox import record
from succession.tables.listings import Listing, Publication

Audience = Literal[tuple(AUDIENCE_BIT)]


# --- proposal -------------------------------------------------------------------------------------------------------


class NewProposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """To whom the teaser is to be shown; the owner ticks each audience, or does not. The rest as in the preview."""

    audiences: Annotated[list[Audience], msgspec.Meta(min_length=1, max_length=4)]
    coarser: Coarser | None = None
    show_facts: bool | None = None


class ProposalView(msgspec.Struct, frozen=True):
    """`links_sent` 0: nobody who may decide has an address, so the owner answers on paper."""

    id: UUID
    audiences: list[str]
    shown_hash: str
    text_ja: str
    links_sent: int


async def propose_teaser(tx: AsyncSession, databases: Databases, actor: Actor, listing_id: UUID, asked: NewProposal,
                         settings: Settings, now: datetime) -> ProposalView:
    """Put the canonical teaser before the owner; it shows the cell, so it counts as a look like any preview.

    Problem mandate_needed, mandate_unconfirmed, preview_quota, not_publishable, not_anonymous, population_needed,
    excluded_never_public, facts_settled, stale.
    """
    profile = await may_look(tx, listing_id, now)
    refuse_unpublishable(profile, day_in_japan(now), await known_facts(await driver(tx), listing_id, settings))
    profile = await look(tx, databases, actor, listing_id, profile, "proposal", now)
    await needs_mandate(tx, listing_id, day_in_japan(now))
    teaser, place = await _publishable(tx, listing_id, profile, settings, chosen(asked.coarser, asked.show_facts), now)
    refuse_finer(place, asked.coarser)
    connection = await driver(tx)
    cell = place.cell_id or await cell_id(connection, place.codebook_version, place.number)
    if place.coarser:
        cell = await label_id(connection, cell, place.shown)
    encoded, sheet = canonical_bytes(teaser), sheet_text(render(teaser, "ja"), teaser.prose)
    digest, mask = hashlib.sha256(encoded).digest(), audience_mask(asked.audiences)
    made: Proposed = await propose(tx, listing_id, msgspec.json.decode(encoded), digest, sheet, cell, mask,
                                   now=now, public_url=settings.public_url)
    return ProposalView(made.id, list(audiences_in(mask)), digest.hex(), sheet, made.links_sent)


async def _publishable(tx: AsyncSession, listing_id: UUID, profile: Profile, settings: Settings,
                       choice: Choice, now: datetime) -> tuple[CanonicalTeaser, Place]:
    connection = await driver(tx)
    refuse_unpublishable(profile, day_in_japan(now), await known_facts(connection, listing_id, settings))
    prose, faults = await prose_for_teaser(tx, listing_id, own_of_profile(profile))
    if faults:
        raise Problem("not_publishable", errors=faults)
    found = await derivation(connection, listing_id, profile, settings, choice)
    if found.place is None:
        raise Problem("not_anonymous", detail=found.report.refusal)
    return derive(profile, found.place, found.population_version, prose), found.place


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


_APPROVED = f"""
SELECT q.id, q.canonical_hash, q.cell_id, b.facts, {SHOWN_AND_CELL}, q.canonical ->> 'codebook_version' AS codebook_version,
       q.canonical ->> 'vocabulary_version' AS vocabulary_version, q.canonical ->> 'population_version' AS population_version,
       array(SELECT c.audience FROM vault.audience_consent c
             WHERE c.proposal_id = q.id AND c.withdrawn_at IS NULL AND c.expires_at > $2) AS audiences
FROM vault.teaser_proposal q {CELL_BEHIND.format("q.cell_id")} JOIN market.codebook b ON b.version = s.codebook_version
WHERE q.listing_id = $1 AND q.decision = 'approved' AND q.superseded_at IS NULL
ORDER BY q.decided_at DESC LIMIT 1
"""


async def publish_listing(tx: AsyncSession, listing_id: UUID, settings: Settings, now: datetime) -> PublicationView:
    """Queue the approved teaser for the next batch, for exactly the audiences the owner consents to now.

    Problem owner_approval_needed unless today's facts still give, byte for byte, what the owner approved;
    already_published, mandate_needed, not_publishable, not_anonymous, population_needed, facts_settled, step_refused.
    """
    listing = await lock_open_listing(tx, listing_id)
    await needs_mandate(tx, listing_id, day_in_japan(now))
    connection = await driver(tx)
    if await connection.fetchval(_LIVE, listing_id):
        raise Problem("already_published")
    approved = await connection.fetchrow(_APPROVED, listing_id, now)
    if approved is None or not approved["audiences"]:
        raise Problem("owner_approval_needed")
    profile = await read_profile(tx, listing_id)
    choice = Choice(coarser_in(approved), bool(approved["facts"]))
    teaser, _place = await _publishable(tx, listing_id, profile, settings, choice, now)
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
