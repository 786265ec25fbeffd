"""How is a listing entered, edited and moved along its road?

Every command locks the listing first: whoever edits, publishes, withdraws or excludes waits for the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.days import day_in_japan
from succession.errors import FieldError, Problem
from succession.listings.completeness import contradictions
from succession.listings.profile import SUCCESSION_STATUSES, Profile, Short, allowed_values, field_error
from succession.listings.queries import ListingView
from succession.listings.road import listing_actions, may_move_listing
from succession.listings.storage import as_stored, profile_of, rows_of, years_of
from succession.outbox import record
from succession.tables.listings import (
    Listing,
    ListingContact,
    ListingFinancials,
    ListingIdentity,
    ListingProfile,
    SuccessionStatus,
)

BLOCKS = (SuccessionStatus, ListingIdentity, ListingContact, ListingProfile)
CLOSED = frozenset({"withdrawn", "succeeded"})


class ListingEntry(Profile, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A draft: the whole confidential profile, where any part may be missing, and the intermediary's own reference."""

    internal_reference: Short | None = None


_PROFILE_FIELDS = Profile.__struct_fields__


def profile_in(entry: ListingEntry) -> Profile:
    """The entry without what is not part of the profile."""
    return Profile(**{name: getattr(entry, name) for name in _PROFILE_FIELDS})


async def lock_listing(tx: AsyncSession, listing_id: UUID) -> Listing:
    """The listing, held until the end of the transaction; Problem not_found for one this scope may not know of."""
    # NO KEY UPDATE: who holds a deal of this listing and writes its ledger (a foreign key) must not wait for us in a circle.
    wanted = select(Listing).where(Listing.id == listing_id).with_for_update(key_share=True)
    found = await tx.scalar(wanted.execution_options(populate_existing=True))
    if found is None:
        raise Problem("not_found")
    return found


async def lock_open_listing(tx: AsyncSession, listing_id: UUID) -> Listing:
    """The same; Problem listing_closed once it was withdrawn or has succeeded."""
    found = await lock_listing(tx, listing_id)
    if found.state in CLOSED:
        raise Problem("listing_closed")
    return found


def refuse_contradictions(profile: Profile, now: datetime) -> None:
    """Problem validation naming each field whose answer cannot be stored so, and what may stand there."""
    errors = tuple(
        FieldError(each.field_path, each.message, _allowed(each.field_path))
        for each in contradictions(profile, day_in_japan(now)) if each.refused
    )
    if errors:
        raise Problem("validation", errors=errors)


def _allowed(field_path: str) -> tuple[str, ...]:
    return SUCCESSION_STATUSES if field_path == "succession.status" else allowed_values(field_path)


# ---------------------------------------------------------------------------------------------------------------------
# Entering and editing


async def enter_listing(tx: AsyncSession, actor: Actor, entry: ListingEntry, now: datetime) -> ListingView:
    """A new draft of this intermediary. Problem listing_duplicate when it holds a listing of this company already."""
    profile = profile_in(entry)
    refuse_contradictions(profile, now)
    listing = Listing(intermediary_id=actor.organisation_id, responsible_member_id=actor.member_id,
                      internal_reference=entry.internal_reference, created_at=now, updated_at=now)
    tx.add(listing)
    await tx.flush()
    for each in block_rows(listing.id, actor.organisation_id, profile):
        tx.add(each)
    await tx.flush()
    await record(tx, "listing.entered", listing.id)
    return view(listing, profile)


def block_rows(listing_id: UUID, intermediary_id: UUID, profile: Profile) -> list[Any]:
    """New rows of every table that keeps a part of the profile."""
    rows = rows_of(profile)
    rows["listing_identity"]["intermediary_id"] = intermediary_id
    blocks = [model(listing_id=listing_id, **rows[model.__tablename__]) for model in BLOCKS]
    return blocks + [ListingFinancials(listing_id=listing_id, **year) for year in years_of(profile)]


async def edit_listing(tx: AsyncSession, listing_id: UUID, version: int, changes: Mapping[str, Any],
                       now: datetime) -> ListingView:
    """A JSON merge patch (RFC 7396): blocks are merged, null takes an answer away, a list is replaced as a whole.

    Problem stale when `version` is not the present one. A published teaser stays as it was: it is frozen while listed.
    """
    listing = await lock_open_listing(tx, listing_id)
    if listing.version != version:
        raise Problem("stale")
    before = ListingEntry(internal_reference=listing.internal_reference, **_fields(await read_profile(tx, listing_id)))
    try:
        entry = msgspec.convert(merged(msgspec.to_builtins(before), changes), ListingEntry)
    except msgspec.ValidationError as error:
        raise Problem("validation", errors=(field_error(error, ListingEntry),)) from None
    profile = profile_in(entry)
    refuse_contradictions(profile, now)
    await _write_profile(tx, listing, profile)
    listing.internal_reference = entry.internal_reference
    listing.version += 1
    listing.updated_at = now
    await tx.flush()
    await record(tx, "listing.edited", listing_id, blocks=sorted(set(changes)), version=listing.version)
    return view(listing, profile)


def _fields(profile: Profile) -> dict[str, Any]:
    return {name: getattr(profile, name) for name in _PROFILE_FIELDS}


def merged(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


async def read_profile(tx: AsyncSession, listing_id: UUID) -> Profile:
    """The profile as this unit of work sees it."""
    row: dict[str, Any] = {}
    for model in BLOCKS:
        found = await tx.get(model, listing_id)
        row |= found.model_dump() if found is not None else dict.fromkeys(model.model_fields)
    years = await tx.execute(select(ListingFinancials.__table__).where(ListingFinancials.listing_id == listing_id))
    return profile_of(row, years.mappings())


async def _write_profile(tx: AsyncSession, listing: Listing, profile: Profile) -> None:
    rows = rows_of(profile)
    for model in BLOCKS:
        stored = await tx.get(model, listing.id)
        if stored is None:
            raise Problem("not_found")
        for column, value in rows[model.__tablename__].items():
            setattr(stored, column, value)
    await tx.execute(delete(ListingFinancials).where(ListingFinancials.listing_id == listing.id))
    for year in years_of(profile):
        tx.add(ListingFinancials(listing_id=listing.id, **year))


def view(listing: Listing, profile: Profile) -> ListingView:
    return ListingView(
        id=listing.id, state=listing.state, state_reason=listing.state_reason,
        actions=listing_actions(listing.state, "intermediary"), flags=tuple(listing.flags or ()),
        internal_reference=listing.internal_reference, import_id=listing.import_id, import_row=listing.import_row,
        version=listing.version, created_at=listing.created_at, updated_at=listing.updated_at, profile=as_stored(profile),
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------------
# Moving along the road


async def move_listing(tx: AsyncSession, listing: Listing, action: str, role: str, now: datetime,
                       evidence: Mapping[str, Any] | None = None, reason: str | None = None) -> None:
    """One step of a locked listing; Problem step_refused, or validation naming the evidence or reason missing."""
    decision = may_move_listing(listing.state, action, role, day_in_japan(now), evidence or {}, reason)
    if not decision.ok:
        fields = decision.missing or (("reason",) if decision.code.startswith("reason_") else ())
        raise Problem("validation" if fields else "step_refused", detail=decision.message,
                      errors=tuple(FieldError(name, decision.message) for name in fields))
    before, listing.state = listing.state, decision.to_stage
    listing.state_reason = reason
    listing.version += 1
    listing.updated_at = now
    await tx.flush()
    await record(tx, f"listing.{action}", listing.id, before=before, after=listing.state, reason=reason,
                 **(evidence or {}))
