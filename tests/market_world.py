"""A market for tests: one small demo world and its codebook per database, and listings on their way to a teaser.

What a test presupposes is seeded as rows; what it tests goes through the public API or the worker's own jobs.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from succession.accounts.identifiers import make_corporate_number
from succession.anonymity.codebook import Cell, Codebook, build
from succession.anonymity.population import Population
from succession.anonymity.teaser import CanonicalTeaser, canonical_bytes, canonical_hash, render
from succession.anonymity.vocabulary import vocabulary
from succession.anonymity.world import build_world
from succession.codes import AUDIENCE_BIT, SCHEMES, audience_mask, audiences_in
from succession.config import Settings, as_role
from succession.ids import new_reference
from succession.listings.profile import Profile
from succession.market.batches import Closed, close_batch
from succession.market.codebooks import cell_id, store_codebook
from succession.market.order import PLACE_RANK, PRICE_RANK, REVENUE_RANK
from succession.market.settling import settle
from succession.market.publication import choose_cell, derive, figures_of, sheet_text
from world import Caller, World

COMPANIES, SEED = 30_000, 7
PHRASES = [phrase.code for phrase in vocabulary().offered()]
_numbers = iter(range(1 + secrets.randbelow(10**5) * 100, 10**8))


@cache
def demo_world() -> Population:
    return build_world(COMPANIES, SEED)


@cache
def demo_codebook() -> Codebook:
    return build(demo_world(), 20, "major_group")


async def put_in_force(world: World) -> Codebook:
    """The demo codebook in this database; stored on the first call."""
    owner = await asyncpg.connect(world.database_url)
    try:
        if await owner.fetchval("SELECT version FROM market.codebook WHERE current") != demo_codebook().version:
            await store_codebook(owner, demo_world(), demo_codebook())
    finally:
        await owner.close()
    return demo_codebook()


def profile_of_member(member: int, **changes: Any) -> dict[str, Any]:
    """A complete, plainly fictitious profile with the figures of one company of the demo world.

    Changes replace values at `block__field`. Members without an eligible size or with a margin that no whole yen give
    are the caller's to avoid.
    """
    column = {name: values[member] for name, values in demo_world().columns.items()}
    revenue = int(column["revenue_yen"])
    profit = round(revenue * float(column["operating_margin"]))
    number = next(_numbers)
    years = [{"period_end": f"{year}-03-31", "revenue_yen": revenue, "operating_profit_yen": profit, "adjusted_ebitda_yen": profit,
              "net_assets_yen": 1_000_000, "debt_yen": 0} for year in (2026, 2025, 2024)]
    raw: dict[str, Any] = {
        "succession": {"status": "none_decided", "declared_by": "架空 太郎", "declared_on": "2026-04-01", "alternatives_tried": [],
                       "first_consulted_on": "2026-03-01", "channel": "center"},
        "identity": {"name": f"架空{number}株式会社", "name_kana": f"カクウ{number}", "name_en": f"Kaku {number} Works", "legal_form": "kk",
                     "corporate_number": make_corporate_number(f"9998{number:08d}"),
                     "representative": {"name": "架空 太郎", "name_kana": "カクウ タロウ", "name_romaji": "Kaku Taro"},
                     "family_names": [], "sites": [{"address": "無県架空市無町0-0-0"}], "phones": [], "urls": [], "email_domains": [],
                     "brands": [], "former_names": [], "group_companies": [], "main_customers": [], "main_suppliers": []},
        "business": {"jsic_code": f"{column['jsic2']:02}", "prefecture": f"JP-{column['prefecture']:02}",
                     "founded_year": min(int(column["founded"]), 2020), "employees": int(column["employees"]),
                     "capital_yen": 10_000_000},
        "financials": years,
        "owner": {"birth_year": 1950, "reason": "no_successor"},
        "terms": {"schemes": ["share_transfer"], "timing": "6_12m", "asking_price": {"negotiable": True}, "conditions": []},
        "guarantees": [], "permits": [], "real_estate": [], "intellectual_property": [], "facts": [],
    }  # fmt: skip
    for path, value in changes.items():
        *blocks, name = path.split("__")
        block = raw
        for each in blocks:
            block = block[each]
        if value is ...:
            del block[name]
        else:
            block[name] = value
    return raw


async def entered(holder: Caller, raw: dict[str, Any]) -> UUID:
    """A listing with this profile."""
    answer = await holder.post("/v1/listings", raw)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["id"])


async def mandated(world: World, listing_id: UUID, member_id: UUID, ends_on: str | None = None) -> None:
    """A Center's mandate in force, entered by nobody in particular and confirmed by this member, with a person who decides and has no
    mailbox; the listing prepares."""
    await world.seed("INSERT INTO vault.owner_contact (listing_id, name) VALUES ($1, '架空 太郎')", listing_id)
    await world.seed(
        "INSERT INTO vault.mandate (listing_id, kind, terms, edition, signed_on, ends_on, confirmed_by, confirmed_at) "
        "VALUES ($1, 'center_support', '{}', '3rd', '2026-01-10', ($3::text)::date, $2, now())", listing_id, member_id, ends_on)
    await world.seed("UPDATE vault.listing SET state = 'preparing' WHERE id = $1", listing_id)


def teaser_of(raw: dict[str, Any], codebook: Codebook | None = None) -> CanonicalTeaser:
    """What this profile's first teaser would be."""
    book = codebook or demo_codebook()
    profile = msgspec.convert(raw, Profile)
    place = choose_cell(book, figures_of(profile), None)
    assert place is not None, "no cell: choose another member"
    return derive(profile, place, book.header.population)


async def approved(world: World, listing_id: UUID, raw: dict[str, Any], *audiences: str, expires_at: datetime | None = None) -> UUID:
    """The owner's approval of this profile's teaser and consents for these audiences, seeded. Returns the proposal."""
    teaser = teaser_of(raw)
    number = demo_codebook().lookup(*figures_of(msgspec.convert(raw, Profile))).cell
    owner = await asyncpg.connect(world.database_url)
    try:
        cell = await cell_id(owner, teaser.codebook_version, number)
    finally:
        await owner.close()
    mask = audience_mask(audiences)
    found = await world.seed(
        "INSERT INTO vault.teaser_proposal (listing_id, canonical, canonical_hash, rendering_ja, cell_id, audiences, audiences_granted, "
        "decision, decided_at, decided_by, method) VALUES ($1, ($2::text)::jsonb, decode($3, 'hex'), $4, $5, $6, $6, 'approved', now(), "
        "'架空 太郎', 'link') RETURNING id", listing_id, canonical_bytes(teaser).decode(), canonical_hash(teaser),
        sheet_text(render(teaser, "ja")), cell, mask)
    for audience in audiences:
        await world.seed(
            "INSERT INTO vault.audience_consent (listing_id, proposal_id, audience, expires_at) "
            "VALUES ($1, $2, $3, coalesce($4, now() + interval '3 months'))", listing_id, found[0]["id"], audience, expires_at)
    return found[0]["id"]


async def owner_approves(world: World, proposal_id: UUID | str, *audiences: str) -> None:
    """What the owner's page does, seeded: the proposal approved for these audiences, three months from now."""
    await world.seed("UPDATE vault.teaser_proposal SET decision = 'approved', decided_at = now(), decided_by = '架空 太郎', method = 'link', "
                     "audiences_granted = $2 WHERE id = $1", UUID(str(proposal_id)), audience_mask(audiences))
    for audience in audiences:
        await world.seed(
            "INSERT INTO vault.audience_consent (listing_id, proposal_id, audience, expires_at) "
            "SELECT listing_id, id, $2, now() + interval '3 months' FROM vault.teaser_proposal WHERE id = $1", UUID(str(proposal_id)), audience)


async def queued(world: World, listing_id: UUID, proposal_id: UUID) -> UUID:
    """A publication in the queue, seeded past the API. Returns its reference."""
    ref = new_reference()
    await world.seed(
        "INSERT INTO vault.publication (ref, listing_id, proposal_id, codebook_version, vocabulary_version, population_version, cell_id, "
        "audiences) SELECT $1, q.listing_id, q.id, q.canonical ->> 'codebook_version', q.canonical ->> 'vocabulary_version', "
        "q.canonical ->> 'population_version', q.cell_id, q.audiences_granted FROM vault.teaser_proposal q WHERE q.id = $2 AND q.listing_id = $3",
        ref, proposal_id, listing_id)
    await world.seed("UPDATE vault.listing SET state = 'listed' WHERE id = $1", listing_id)
    return ref


async def batch(world: World, settings: Settings) -> Closed:
    """Close the batch now, as succession_worker."""
    worker = await asyncpg.connect(as_role(world.database_url, "succession_worker"))
    try:
        return await close_batch(worker, settings, datetime.now(UTC))
    finally:
        await worker.close()


async def put_up(world: World, settings: Settings, holder: Caller, raw: dict[str, Any], *audiences: str) -> tuple[UUID, UUID]:
    """(listing, reference) of a teaser published to these audiences (default: all of them)."""
    await put_in_force(world)
    listing_id = await entered(holder, raw)
    await mandated(world, listing_id, holder.member_id)
    ref = await queued(world, listing_id, await approved(world, listing_id, raw, *(audiences or AUDIENCE_BIT)))
    assert ref not in (await batch(world, settings)).refused
    return listing_id, ref


def profiles(count: int) -> list[dict[str, Any]]:
    """Complete profiles of companies of the demo world that have a cell."""
    found, member = [], 11
    while len(found) < count:
        member += 1
        raw = profile_of_member(member)
        try:
            teaser_of(raw)
        except (AssertionError, ValueError):
            continue
        found.append(raw)
    return found


# --- many teasers at once -------------------------------------------------------------------------------------------

MASKS = (15, 15, 15, 2, 2, 6, 14, 8, 4, 1)
TEASER_COLUMNS = ("ref", "batch", "cell_id", "audiences", "price", "schemes", "timing", "phrases", "fiscal_year", "vocabulary_version",
                   "place_rank", "revenue_rank", "price_rank", "shuffle")


async def seed_market(world: World, teasers: int, seed: int = 1, excluding: Caller | None = None, excluded: int = 0) -> list[UUID]:
    """Random teasers of the demo world, put there by the seeding role; `excluded` of them exclude one organisation.

    Prices, phrases and the rest are drawn; the cells are those of real members. Returns the references that exclude.
    """
    (cells, ids), rng = await cells_of_members(world), Random(seed)
    owner = await asyncpg.connect(world.database_url)
    try:
        records = [random_teaser(rng, rng.choice(cells), ids) for _ in range(teasers)]
        async with owner.transaction():
            await owner.execute("SET LOCAL ROLE succession_seeder")
            await owner.copy_records_to_table("teaser", schema_name="market", columns=TEASER_COLUMNS, records=records)
        hidden = [record for record in records if not record[3] & 1][:excluded]
        for record in hidden:
            await _exclude(owner, record, excluding)
        return [record[0] for record in hidden]
    finally:
        await owner.close()


async def cells_of_members(world: World) -> tuple[list[Cell], dict[int, int]]:
    """(the cell of every company of the demo world that has one, number of a cell -> its id in this database)."""
    book = await put_in_force(world)
    rows = await world.seed("SELECT number, id FROM market.cell WHERE codebook_version = $1 AND number IS NOT NULL", book.version)
    return [book.cells[number] for number in book.assign(demo_world()).tolist() if number >= 0], {row["number"]: row["id"] for row in rows}


async def settle_market(world: World) -> int:
    """Count the market anew, as the worker does once enough has changed; how many teasers there are."""
    worker = await asyncpg.connect(as_role(world.database_url, "succession_worker"))
    try:
        async with worker.transaction():
            return await settle(worker)
    finally:
        await worker.close()


def random_teaser(rng: Random, cell: Cell, ids: dict[int, int], shuffle: int | None = None) -> tuple[Any, ...]:
    """A row of market.teaser in the order of TEASER_COLUMNS."""
    price = rng.choice(list(PRICE_RANK))
    return (new_reference(), rng.randrange(1, 9), ids[cell.cell], rng.choice(MASKS), price,
            sorted(rng.sample(list(SCHEMES["scheme"].codes)[:5], rng.choice((1, 1, 2)))), rng.choice(list(SCHEMES["timing"].codes)),
            sorted(rng.sample(PHRASES, rng.randrange(0, 6))), 2025, vocabulary().version, PLACE_RANK[cell.place],
            REVENUE_RANK[cell.revenue], PRICE_RANK[price], rng.getrandbits(63) if shuffle is None else shuffle)


async def _exclude(owner: asyncpg.Connection, record: tuple[Any, ...], excluding: Caller) -> None:
    """A published listing behind this teaser whose owner never wants that organisation to see it; no more than keeps it up."""
    listing_id = new_reference()
    async with owner.transaction():
        await owner.execute("SET LOCAL session_replication_role = replica")
        await owner.execute("INSERT INTO vault.listing (id, intermediary_id, state) VALUES ($1, $2, 'listed')", listing_id, excluding.organisation_id)
        await owner.execute(
            "INSERT INTO vault.publication (ref, listing_id, proposal_id, codebook_version, vocabulary_version, population_version, cell_id, "
            "audiences, state) VALUES ($1, $2, $2, '', '', '', $3, $4, 'published')", record[0], listing_id, record[2], record[3])
        await owner.execute("INSERT INTO vault.exclusion (listing_id, kind, value) VALUES ($1, 'organisation', $2)",
                            listing_id, str(excluding.organisation_id))
        await owner.execute("INSERT INTO vault.mandate (listing_id, kind, terms, edition, signed_on) VALUES ($1, 'center_support', '{}', '3rd', '2026-01-10')",
                            listing_id)
        await owner.executemany("INSERT INTO vault.audience_consent (listing_id, proposal_id, audience, expires_at) "
                                "VALUES ($1, $1, $2, now() + interval '3 months')", [(listing_id, audience) for audience in audiences_in(record[3])])
