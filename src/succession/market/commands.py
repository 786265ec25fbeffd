"""How does a company get its teaser: preview, proposal to the owner, publication, and down again?

A preview is an oracle (rule 5 of anonymisation.md, section 4): it needs a mandate that two persons have seen, it is
counted, and it is kept, also when the answer is that nothing can be shown. Nobody here approves anything: only the owner
does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.anonymity.alternatives import alternatives, coarser_codes, wider
from succession.anonymity.codebook import Codebook
from succession.anonymity.codebook import Profile as Figures
from succession.anonymity.preview import AnonymityReport, explain, report
from succession.anonymity.scanner import own_of_profile
from succession.anonymity.teaser import CanonicalTeaser, Rendering, canonical_bytes, render
from succession.codes import ATTRIBUTES, AUDIENCE_BIT, audience_mask, audiences_in, label
from succession.config import Settings
from succession.database import Databases, driver
from succession.days import day_in_japan
from succession.errors import Problem, field_problem
from succession.i18n import Message, _, translate
from succession.ids import new_reference
from succession.listings.commands import CLOSED, lock_open_listing, move_listing, read_profile
from succession.listings.consents import Proposed, propose, take_down
from succession.listings.mandates import needs_mandate, needs_verified_mandate
from succession.listings.profile import Profile
from succession.listings.readiness import Readiness, readiness_of
from succession.market.codebooks import cell_id, codebook_in_force, label_id, load_codebook, load_look_alikes
from succession.market.looks import Step, spend_look
from succession.market.publication import (
    UNTRUE_CELL,
    Earlier,
    Place,
    blurred,
    choose_cell,
    claim,
    derive,
    figures_of,
    next_boundary,
    phrase_errors,
    refuse_unpublishable,
    sheet_text,
)
from succession.market.prose import prose_for_teaser
from succession.outbox import record
from succession.tables.listings import Listing, Publication

Audience = Literal[tuple(AUDIENCE_BIT)]


class Coarser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Codes to show instead of the cell's, each coarser than it (see `alternatives` of the preview); null: the cell's."""

    place: str | None = None
    industry: str | None = None
    founded: str | None = None
    employees: str | None = None
    revenue: str | None = None
    margin: str | None = None

    def codes(self) -> dict[str, str]:
        return {name: code for name in ATTRIBUTES if (code := getattr(self, name))}


class PreviewAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`coarser` null: what the earlier publication chose, if there was one."""

    coarser: Coarser | None = None


class ShownFactView(msgspec.Struct, frozen=True):
    """One figure: what it is, what the teaser says, and why no more. Codes with their names in the reader's language.

    `look_alikes`: companies that share the next finer code and the rest of the teaser; null below three, and where a
    coarser code was chosen.
    """

    attribute: str
    own: str
    own_label: str
    shown: str
    shown_label: str
    coarsened: bool
    look_alikes: int | None
    reason: str | None


class AlternativeView(msgspec.Struct, frozen=True):
    """A coarser code this teaser may show instead, named in both languages; alternatives go together.

    `could_show`: companies that could show this teaser then. `usefulness_percent`: how much of what a teaser can tell a
    buyer is left. What is safe is the same with and without: whoever sees both learns no more than the finer one says.
    """

    attribute: str
    shown: str
    code: str
    ja: str
    en: str
    could_show: int
    usefulness_percent: int


class PreviewView(msgspec.Struct, frozen=True):
    """`ja` and `en` are null while the teaser cannot be derived: `refusal`, `phrases` or `readiness` say why.

    `shared_by`: companies of the reference population with exactly these figures, this one included; `could_show`: those
    and all that could choose to say no more. `kept_cell`: the cell of the earlier publication was kept. Counts are for the
    seller; no buyer is told one.
    """

    shared_by: int
    could_show: int
    k: int
    claim: str | None
    kept_cell: bool
    facts: list[ShownFactView]
    alternatives: list[AlternativeView]
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
    codebook: Codebook
    report: AnonymityReport
    claim: Message

    @property
    def population_version(self) -> str:
        return self.codebook.header.population


# --- from a listing to its cell -------------------------------------------------------------------------------------

# What is shown may be a label beside the cells (0011): `s` is what is shown, `c` the cell behind it.
_CELL_BEHIND = """JOIN market.cell s ON s.id = {}
JOIN market.cell c ON c.codebook_version = s.codebook_version AND c.number = coalesce(s.parent, s.number)"""
_SHOWN_AND_CELL = ", ".join(f"c.{name}, s.{name} AS shown_{name}" for name in ATTRIBUTES)
_EARLIER = f"""
SELECT c.id AS cell_of, p.codebook_version, {_SHOWN_AND_CELL}
FROM vault.publication p {_CELL_BEHIND.format("p.cell_id")}
WHERE p.listing_id = $1 AND p.published_at IS NOT NULL ORDER BY p.published_at DESC LIMIT 1
"""


async def _earlier(connection: asyncpg.Connection, listing_id: UUID) -> Earlier | None:
    row = await connection.fetchrow(_EARLIER, listing_id)
    return row and Earlier(row["cell_of"], row["codebook_version"], {name: row[name] for name in ATTRIBUTES}, _coarser_in(row))


def _coarser_in(row: asyncpg.Record) -> dict[str, str]:
    return coarser_codes({name: row[name] for name in ATTRIBUTES}, {name: row[f"shown_{name}"] for name in ATTRIBUTES})


async def _derivation(connection: asyncpg.Connection, listing_id: UUID, profile: Profile, settings: Settings,
                      coarser: Mapping[str, str] | None) -> Derivation:
    """Where this profile would be placed now, and with which coarser codes: these, or (None) those it showed before.

    Problem population_needed; not_publishable while figures are missing.
    """
    force = await codebook_in_force(connection, settings.demo_mode)
    codebook = await load_codebook(connection, force.version)
    figures, earlier = figures_of(profile), await _earlier(connection, listing_id)
    try:
        place = choose_cell(codebook, figures, earlier)
    except (KeyError, ValueError):
        raise Problem("not_anonymous") from None
    if place and place.kept:
        codebook = await load_codebook(connection, place.codebook_version)
    if coarser is None:
        coarser = earlier.coarser if earlier else {}
    place = place and blurred(place, coarser)
    found = report(codebook, await load_look_alikes(connection, codebook.version), figures, place and place.codes,
                   place and place.coarser)
    return Derivation(profile, figures, place, earlier, codebook, found, claim(codebook))


# --- preview --------------------------------------------------------------------------------------------------------


async def preview_teaser(tx: AsyncSession, databases: Databases, actor: Actor, listing_id: UUID, asked: PreviewAsked,
                         settings: Settings, now: datetime, locale: str) -> PreviewView:
    """What the teaser would show and why no more. Problem mandate_needed, mandate_unconfirmed, preview_quota,
    not_publishable, population_needed, stale."""
    profile = await _may_look(tx, listing_id, now)
    profile = await _look(tx, databases, actor, listing_id, profile, "preview", now)
    found = await _derivation(await driver(tx), listing_id, profile, settings, _wanted(asked.coarser))
    _refuse_finer(found.place, asked.coarser)
    return _preview_view(found, day_in_japan(now), locale)


def _wanted(coarser: Coarser | None) -> dict[str, str] | None:
    return None if coarser is None else coarser.codes()


def _refuse_finer(place: Place | None, coarser: Coarser | None) -> None:
    """Problem validation for the first code that is not coarser than the cell's, with those that are."""
    for name, code in (_wanted(coarser) or {}).items():
        allowed = wider(name, place.codes[name]) if place else ()
        if place and code not in allowed:
            raise field_problem(f"coarser.{name}", Message.of(_("This is not coarser than what the teaser may show.")), allowed)


async def _may_look(tx: AsyncSession, listing_id: UUID, now: datetime) -> Profile:
    state = await tx.scalar(select(Listing.state).where(Listing.id == listing_id))
    if state is None or state in CLOSED:
        raise Problem("not_found" if state is None else "listing_closed")
    await needs_verified_mandate(tx, listing_id, day_in_japan(now))
    return await read_profile(tx, listing_id)


async def _look(tx: AsyncSession, databases: Databases, actor: Actor, listing_id: UUID, profile: Profile, step: Step,
                now: datetime) -> Profile:
    """Count the look, which stays counted whatever comes of it, then lock the listing. Problem stale if it was edited
    meanwhile: another look at other figures would be free."""
    figures = figures_of(profile)
    await spend_look(databases, actor, listing_id, figures, step, now)
    await lock_open_listing(tx, listing_id)
    tx.expire_all()
    profile = await read_profile(tx, listing_id)
    if figures_of(profile) != figures:
        raise Problem("stale")
    return profile


def _preview_view(found: Derivation, today: date, locale: str) -> PreviewView:
    anonymity, teaser = found.report, _teaser_if_whole(found)
    changed = found.earlier is not None and found.place is not None and not found.place.kept
    return PreviewView(
        shared_by=anonymity.shared_by,
        could_show=anonymity.could_show,
        k=anonymity.k,
        claim=translate(found.claim, locale) if anonymity.cell else None,
        kept_cell=bool(found.place and found.place.kept),
        facts=[
            ShownFactView(
                fact.attribute, fact.own, label(fact.attribute, fact.own, locale), fact.shown,
                label(fact.attribute, fact.shown, locale), fact.why is not None, fact.look_alikes,
                explain(fact, anonymity.k, locale))
            for fact in anonymity.facts
        ],
        alternatives=[
            AlternativeView(each.attribute, each.shown, each.code, label(each.attribute, each.code, "ja"),
                            label(each.attribute, each.code, "en"), each.could_show, each.usefulness_percent)
            for each in (alternatives(found.codebook, found.place.codes) if found.place else ())
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
    """To whom the teaser is to be shown; the owner ticks each audience, or does not. `coarser` as in the preview."""

    audiences: Annotated[list[Audience], msgspec.Meta(min_length=1, max_length=4)]
    coarser: Coarser | None = None


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
    excluded_never_public, stale.
    """
    profile = await _may_look(tx, listing_id, now)
    refuse_unpublishable(profile, day_in_japan(now))
    profile = await _look(tx, databases, actor, listing_id, profile, "proposal", now)
    await needs_mandate(tx, listing_id, day_in_japan(now))
    teaser, place = await _publishable(tx, listing_id, profile, settings, _wanted(asked.coarser), now)
    _refuse_finer(place, asked.coarser)
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
                       coarser: Mapping[str, str] | None, now: datetime) -> tuple[CanonicalTeaser, Place]:
    refuse_unpublishable(profile, day_in_japan(now))
    prose, faults = await prose_for_teaser(tx, listing_id, own_of_profile(profile))
    if faults:
        raise Problem("not_publishable", errors=faults)
    found = await _derivation(await driver(tx), listing_id, profile, settings, coarser)
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
SELECT q.id, q.canonical_hash, q.cell_id, {_SHOWN_AND_CELL}, q.canonical ->> 'codebook_version' AS codebook_version,
       q.canonical ->> 'vocabulary_version' AS vocabulary_version, q.canonical ->> 'population_version' AS population_version,
       array(SELECT c.audience FROM vault.audience_consent c
             WHERE c.proposal_id = q.id AND c.withdrawn_at IS NULL AND c.expires_at > $2) AS audiences
FROM vault.teaser_proposal q {_CELL_BEHIND.format("q.cell_id")} WHERE q.listing_id = $1 AND q.decision = 'approved' AND q.superseded_at IS NULL
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
    profile = await read_profile(tx, listing_id)
    teaser, _place = await _publishable(tx, listing_id, profile, settings, _coarser_in(approved), now)
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
