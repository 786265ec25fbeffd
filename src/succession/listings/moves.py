"""Which steps does the holder of a listing take on its road, apart from mandate and publication?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.days import day_in_japan
from succession.listings.commands import lock_listing, move_listing, read_profile, view
from succession.listings.consents import take_down
from succession.listings.mandates import needs_mandate
from succession.listings.owner import end_owner_links
from succession.listings.queries import ListingView
from succession.listings.road import LISTING_REASONS
from succession.tables.listings import Listing

Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]


class Approach(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The list of candidates the owner agreed to, by its hash, and when the owner agreed."""

    candidate_list_hash: Sha256
    owner_agreed_on: date


class Suspension(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: Literal[LISTING_REASONS["suspended"]]


class Withdrawal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reason: Literal[LISTING_REASONS["withdrawn"]]


async def prepare_listing(tx: AsyncSession, listing_id: UUID, now: datetime) -> ListingView:
    """Begin to prepare; Problem mandate_needed, step_refused."""
    listing = await lock_listing(tx, listing_id)
    await needs_mandate(tx, listing_id, day_in_japan(now))
    await move_listing(tx, listing, "start_preparation", "intermediary", now)
    return await _moved(tx, listing)


async def approach_candidates(tx: AsyncSession, listing_id: UUID, approach: Approach, now: datetime) -> ListingView:
    """Approach a list the owner agreed to; Problem mandate_needed, step_refused, validation for a day to come."""
    listing = await lock_listing(tx, listing_id)
    await needs_mandate(tx, listing_id, day_in_japan(now))
    await move_listing(tx, listing, "approach_candidates", "intermediary", now, msgspec.to_builtins(approach))
    return await _moved(tx, listing)


async def suspend_listing(tx: AsyncSession, listing_id: UUID, reason: str, now: datetime) -> ListingView:
    """Let the listing rest; its teaser comes down. Problem step_refused."""
    listing = await lock_listing(tx, listing_id)
    await take_down(tx, listing_id, reason)
    if listing.state != "suspended":
        await move_listing(tx, listing, "suspend_listing", "intermediary", now, reason=reason)
    return await _moved(tx, listing)


async def resume_listing(tx: AsyncSession, listing_id: UUID, now: datetime) -> ListingView:
    """Back to preparation, from where it can be published again; Problem mandate_needed, step_refused."""
    listing = await lock_listing(tx, listing_id)
    await needs_mandate(tx, listing_id, day_in_japan(now))
    await move_listing(tx, listing, "resume_listing", "intermediary", now)
    return await _moved(tx, listing)


# What else ends with a listing. Slices to the right register here (deals: every open deal), since imports point left.
ON_WITHDRAWAL: list[Callable[[AsyncSession, Actor, UUID], Awaitable[None]]] = []


async def withdraw_listing(tx: AsyncSession, actor: Actor, listing_id: UUID, reason: str, now: datetime) -> ListingView:
    """The company is no longer for sale through this intermediary: the teaser comes down, nothing is asked any more."""
    listing = await lock_listing(tx, listing_id)
    await take_down(tx, listing_id, "listing_withdrawn")
    await end_owner_links(tx, listing_id, "teaser", now)
    for also in ON_WITHDRAWAL:
        await also(tx, actor, listing_id)
    await move_listing(tx, listing, "withdraw_listing", "intermediary", now, reason=reason)
    return await _moved(tx, listing)


async def _moved(tx: AsyncSession, listing: Listing) -> ListingView:
    return view(listing, await read_profile(tx, listing.id))
