"""How does a mandate begin and end, and what does that do to the listing?"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Meta
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.days import add_months, day_in_japan
from succession.errors import FieldError, Problem, field_problem
from succession.i18n import Message, _, translate
from succession.listings import guideline
from succession.listings.commands import lock_open_listing, move_listing
from succession.listings.consents import take_down
from succession.listings.guideline import Mandate as Terms
from succession.listings.guideline import NoEdition, Violation
from succession.outbox import record
from succession.paging import PageAsked
from succession.tables.listings import Listing, Mandate

# A Center is commissioned by the state and signs no brokerage contract; the others sign nothing else.
KINDS = {
    "center": ("center_support",),
    "bank": ("brokerage", "adviser"),
    "registered_institution": ("brokerage", "adviser"),
}
_RESTS_WITHOUT_MANDATE = frozenset({"preparing", "listed", "approached"})


class Warned(msgspec.Struct, frozen=True):
    """Allowed, but beyond the guide: to be shown to both sides."""

    field: str
    rule: str
    edition: str
    allowed: str
    message: str


class MandateView(msgspec.Struct, frozen=True):
    """`terms` as they were checked against `edition`. `tail_until` is known once the mandate ended.

    `confirmed_at` null: only whoever entered it has seen it. Previews and proposals wait for a second person.
    """

    id: UUID
    kind: str
    state: str
    edition: str
    signed_on: date
    ends_on: date | None
    ended_on: date | None
    tail_until: date | None
    confirmed_by: UUID | None
    confirmed_at: datetime | None
    terms: dict[str, Any]
    warnings: list[Warned]


class MandateEnd(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`ended_on` is today when absent."""

    ended_on: date | None = None


class MandateConfirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`document_hash`: SHA-256 of the written explanation as the second person holds it, in hex; a Center has none."""

    document_hash: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None


class AwaitingMandate(msgspec.Struct, frozen=True):
    """A mandate that waits for your confirmation. `terms` without the hash of the document: that is yours to state."""

    id: UUID
    listing_id: UUID
    entered_by: UUID | None
    entered_at: datetime
    kind: str
    signed_on: date
    ends_on: date | None
    terms: dict[str, Any]


class AwaitingPage(msgspec.Struct, frozen=True):
    """Oldest first."""

    items: list[AwaitingMandate]
    next_cursor: str | None


async def activate_mandate(tx: AsyncSession, actor: Actor, listing_id: UUID, terms: Terms, now: datetime,
                           locale: str) -> MandateView:
    """Problem guideline_violation names field, rule, edition and what is allowed; mandate_active when there is one."""
    today = day_in_japan(now)
    listing = await lock_open_listing(tx, listing_id)
    allowed = KINDS[actor.intermediary_kind]
    if terms.kind not in allowed:
        said = Message.of(_("An intermediary of this kind does not take such a mandate."))
        raise field_problem("kind", said, allowed)
    refuse_violations(terms, today)
    ends_on = add_months(terms.signed_on, terms.term_months) if terms.term_months else None
    if terms.signed_on > today:
        raise field_problem("signed_on", Message.of(_("This day is still to come.")))
    if ends_on is not None and ends_on < today:
        raise field_problem("term_months", Message.of(_("This mandate has run out already.")))
    await _end_what_ran_out(tx, listing, today)
    made = Mandate(
        listing_id=listing_id, kind=terms.kind, terms=msgspec.to_builtins(terms),
        edition=guideline.edition_on(terms.kind, today),
        document_hash=bytes.fromhex(terms.document_hash) if terms.document_hash else None,
        signed_on=terms.signed_on, ends_on=ends_on, created_by=actor.member_id,
    )  # fmt: skip
    tx.add(made)
    await tx.flush()
    await record(tx, "mandate.activated", listing_id, mandate=made.id, kind=made.kind, edition=made.edition)
    if listing.state == "intake":
        await move_listing(tx, listing, "activate_mandate", "intermediary", now, {"mandate_id": str(made.id)})
    return _view(made, _warned(terms, today, locale))


def refuse_violations(terms: Terms, on: date) -> None:
    """Problem guideline_violation when a bound in force on that day is not kept."""
    try:
        broken = guideline.violations(terms, on)
    except NoEdition:
        said = Message.of(_("No edition of the guidelines is recorded for that day."))
        raise Problem("guideline_violation", detail=said) from None
    if broken:
        rules = [{"field": b.field, "rule": b.rule, "edition": b.edition, "allowed": b.allowed} for b in broken]
        errors = tuple(FieldError(each.field, each.message, (each.allowed,)) for each in broken)
        raise Problem("guideline_violation", errors=errors, extra={"violations": rules})


def _warned(terms: Terms, on: date, locale: str) -> list[Warned]:
    try:
        found: list[Violation] = guideline.warnings(terms, on)
    except NoEdition:
        return []
    return [Warned(w.field, w.rule, w.edition, w.allowed, translate(w.message, locale)) for w in found]


async def end_mandate(tx: AsyncSession, listing_id: UUID, end: MandateEnd, now: datetime, locale: str) -> MandateView:
    """The client may end it at any time (G4). The teaser comes down at once; the listing rests until the next one."""
    listing = await lock_open_listing(tx, listing_id)
    active = await _active(tx, listing_id)
    if active is None:
        raise Problem("mandate_needed")
    today = day_in_japan(now)
    ended_on = end.ended_on or today
    if not active.signed_on <= ended_on <= today:
        raise field_problem("ended_on", Message.of(_("A mandate ends between its signature and today.")))
    terms = _close(active, ended_on)
    await tx.flush()
    await record(tx, "mandate.ended", listing_id, mandate=active.id, ended_on=ended_on, tail_until=active.tail_until)
    if listing.state in _RESTS_WITHOUT_MANDATE:
        await take_down(tx, listing_id, "mandate_ended")
        if listing.state != "suspended":
            await move_listing(tx, listing, "suspend_listing", "intermediary", now, reason="mandate_ended")
    return _view(active, _warned(terms, active.signed_on, locale))


def _close(active: Mandate, ended_on: date) -> Terms:
    terms = msgspec.convert(active.terms, Terms)
    active.state, active.ended_on, active.tail_until = "ended", ended_on, guideline.tail_until(terms, ended_on)
    return terms


async def _end_what_ran_out(tx: AsyncSession, listing: Listing, today: date) -> None:
    """A mandate whose term is over makes way for the next one."""
    active = await _active(tx, listing.id)
    if active is None:
        return
    if active.ends_on is None or active.ends_on >= today:
        raise Problem("mandate_active")
    _close(active, active.ends_on)
    await tx.flush()


async def _active(tx: AsyncSession, listing_id: UUID) -> Mandate | None:
    active = select(Mandate).where(Mandate.listing_id == listing_id, Mandate.state == "active")
    return await tx.scalar(active.with_for_update())


async def needs_mandate(tx: AsyncSession, listing_id: UUID, today: date) -> None:
    """Problem mandate_needed unless one is in force on that day."""
    active = await _active(tx, listing_id)
    if active is None or (active.ends_on is not None and active.ends_on < today):
        raise Problem("mandate_needed")


_STANDING = text(
    "SELECT vault.mandate_verified(:listing, :today) AS verified, EXISTS (SELECT FROM vault.mandate m "
    "WHERE m.listing_id = :listing AND m.state = 'active' AND (m.ends_on IS NULL OR m.ends_on >= :today)) AS active"
)


async def needs_verified_mandate(tx: AsyncSession, listing_id: UUID, today: date) -> None:
    """Problem mandate_needed; mandate_unconfirmed unless a second person has confirmed it for the company of the listing.

    Somebody who could claim a mandate alone could ask what the teaser of any company would be. Locks nothing.
    """
    found = (await tx.execute(_STANDING, {"listing": listing_id, "today": today})).one()
    if not found.verified:
        raise Problem("mandate_unconfirmed" if found.active else "mandate_needed")


async def confirm_mandate(tx: AsyncSession, actor: Actor, listing_id: UUID, said: MandateConfirmation, now: datetime,
                          locale: str) -> MandateView:
    """A second person has seen the mandate: another member of the firm or, where it has one only, a reviewer (0011).

    Problem mandate_needed; second_confirmation_needed for whoever entered it; validation when the document differs.
    """
    active = await _active(tx, listing_id)
    if active is None:
        raise Problem("not_found")
    if active.created_by == actor.member_id:
        raise Problem("second_confirmation_needed")
    if active.document_hash and said.document_hash != active.document_hash.hex():
        raise field_problem("document_hash", Message.of(_("This is not the document that the mandate names.")))
    active.confirmed_by, active.confirmed_at = actor.member_id, now
    await tx.flush()
    await record(tx, "mandate.confirmed", listing_id, mandate=active.id)
    return _view(active, _warned(msgspec.convert(active.terms, Terms), active.signed_on, locale))


def _view(mandate: Mandate, warned: list[Warned]) -> MandateView:
    return MandateView(mandate.id, mandate.kind, mandate.state, mandate.edition, mandate.signed_on, mandate.ends_on,
                       mandate.ended_on, mandate.tail_until, mandate.confirmed_by, mandate.confirmed_at, mandate.terms, warned)


_MANDATE = """
SELECT id, kind, state, edition, signed_on, ends_on, ended_on, tail_until, confirmed_by, confirmed_at, terms FROM vault.mandate
WHERE listing_id = $1 ORDER BY state, signed_on DESC, created_at DESC LIMIT 1
"""
_AWAITING = """
SELECT id, listing_id, created_by AS entered_by, created_at AS entered_at, kind, signed_on, ends_on, terms - 'document_hash' AS terms
FROM vault.mandate
WHERE state = 'active' AND confirmed_by IS NULL AND created_by IS DISTINCT FROM $1   AND ($2::timestamptz IS NULL OR (created_at, id) > ($2, $3::uuid)) ORDER BY created_at, id LIMIT $4
"""


async def find_mandate(read: asyncpg.Connection, listing_id: UUID, locale: str) -> MandateView:
    """The active mandate, else the last one; Problem not_found."""
    row = await read.fetchrow(_MANDATE, listing_id)
    if row is None:
        raise Problem("not_found")
    return MandateView(**row, warnings=_warned(msgspec.convert(row["terms"], Terms), row["signed_on"], locale))


async def list_awaiting_mandates(read: asyncpg.Connection, member_id: UUID, page: PageAsked) -> AwaitingPage:
    """Those this member may confirm and did not enter."""
    rows = await read.fetch(_AWAITING, member_id, *page.moment(["mandates"]), page.limit + 1)
    rows, cursor = page.cut(rows, ["mandates"], "entered_at", "id")
    return AwaitingPage([AwaitingMandate(**row) for row in rows], cursor)
