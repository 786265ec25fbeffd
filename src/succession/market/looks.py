"""How often may somebody ask what a teaser would be, and of how many different figures?

A preview is an oracle (rule 5 of anonymisation.md, section 4). Finding the edge of a cell takes figures that differ, so
those are counted apart: by listing and by company, however many people or listings of a firm take turns. A look is kept
in a unit of its own before anything is worked out, so that a refusal costs what an answer costs.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.anonymity.codebook import Profile as Figures
from succession.database import Databases
from succession.days import day_in_japan
from succession.errors import Problem
from succession.listings.commands import CLOSED, lock_open_listing, read_profile
from succession.listings.mandates import needs_verified_mandate
from succession.listings.profile import Profile
from succession.market.publication import figures_of
from succession.tables.listings import Listing

LOOKS_PER_MEMBER_A_DAY = 30
LOOKS_PER_ORGANISATION_A_DAY = 200
FIGURES_PER_LISTING_A_DAY = 5
FIGURES_PER_COMPANY_A_MONTH = 20
DAY, MONTH = timedelta(days=1), timedelta(days=30)

Step = Literal["preview", "proposal"]

# One firm's looks are counted one after the other. Looks of another firm at the same company are not counted: a refusal
# would tell this one that the other has it as a client.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(ops.organisation()::text, 7305424))"
_SPENT = """
SELECT count(*) FILTER (WHERE p.at > $4 AND p.member_id = $1) AS by_member,
       count(*) FILTER (WHERE p.at > $4) AS by_organisation,
       count(DISTINCT p.facts_hash) FILTER (WHERE p.facts_hash <> $3 AND p.at > $4 AND p.listing_id = $2) AS of_listing,
       count(DISTINCT p.facts_hash) FILTER (WHERE p.facts_hash <> $3 AND (p.listing_id = $2 OR p.company = c.company))
           AS of_company
FROM (SELECT coalesce(corporate_number, legal_name) AS company FROM vault.listing_identity WHERE listing_id = $2) c
LEFT JOIN vault.preview p ON p.organisation_id = ops.organisation() AND p.at > $5
"""
_KEEP = "INSERT INTO vault.preview (listing_id, member_id, at, facts_hash) VALUES ($1, $2, $3, $4)"
_RECORD = """
INSERT INTO vault.audit_event (actor_kind, organisation_id, member_id, action, object_id, detail)
VALUES (ops.kind(), ops.organisation(), ops.member(), 'teaser.looked_at', $1, jsonb_build_object('step', $2::text))
"""


async def may_look(tx: AsyncSession, listing_id: UUID, now: datetime) -> Profile:
    """The profile of an open listing with a verified mandate. Locks nothing.

    Problem not_found, listing_closed, mandate_needed, mandate_unconfirmed.
    """
    state = await tx.scalar(select(Listing.state).where(Listing.id == listing_id))
    if state is None or state in CLOSED:
        raise Problem("not_found" if state is None else "listing_closed")
    await needs_verified_mandate(tx, listing_id, day_in_japan(now))
    return await read_profile(tx, listing_id)


async def look(tx: AsyncSession, databases: Databases, actor: Actor, listing_id: UUID, profile: Profile, step: Step,
               now: datetime) -> Profile:
    """Count the look, which stays counted whatever comes of it, then lock the listing; the profile as it is now.

    Problem preview_quota, not_publishable while figures are missing; stale when figures were edited meanwhile, because
    another look at other figures would be free.
    """
    figures = figures_of(profile)
    await spend_look(databases, actor, listing_id, figures, step, now)
    await lock_open_listing(tx, listing_id)
    tx.expire_all()
    profile = await read_profile(tx, listing_id)
    if figures_of(profile) != figures:
        raise Problem("stale")
    return profile


async def spend_look(databases: Databases, actor: Actor, listing_id: UUID, figures: Figures, step: Step,
                     now: datetime) -> None:
    """Count a look and keep it. Problem preview_quota, with how long to wait. The caller holds no lock on the listing."""
    facts_hash = hashlib.sha256(msgspec.json.encode(figures)).digest()
    async with databases.apart(actor.scope()) as connection:
        await connection.execute(_LOCK)
        spent = await connection.fetchrow(_SPENT, actor.member_id, listing_id, facts_hash, now - DAY, now - MONTH)
        wait = _wait(spent)
        if wait:
            raise Problem("preview_quota", headers={"Retry-After": str(int(wait.total_seconds()))})
        await connection.execute(_KEEP, listing_id, actor.member_id, now, facts_hash)
        await connection.execute(_RECORD, str(listing_id), step)


def _wait(spent: asyncpg.Record) -> timedelta | None:
    if spent["of_company"] >= FIGURES_PER_COMPANY_A_MONTH:
        return MONTH
    used_up = (
        spent["by_member"] >= LOOKS_PER_MEMBER_A_DAY
        or spent["by_organisation"] >= LOOKS_PER_ORGANISATION_A_DAY
        or spent["of_listing"] >= FIGURES_PER_LISTING_A_DAY
    )
    return DAY if used_up else None
