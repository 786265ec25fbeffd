"""Listings on their way to the owner and back, for tests: through the public API where there is one.

    listing = await prepared(world, center)                    # mandated, preparing, with an owner who has an address
    proposal = await proposed(world, center, listing)          # a teaser put before the owner by the real command
    token = await last_token(world, listing)                   # from the letter, the only place it is
"""

from __future__ import annotations

import itertools
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from succession.accounts.identifiers import make_corporate_number
from succession.codes import AUDIENCE_BIT, audience_mask
from succession.database import Scope
from succession.ids import new_reference
from succession.listings.consents import Proposed, propose
from succession.market.order import PLACE_RANK, PRICE_RANK, REVENUE_RANK
from world import ORIGIN, Caller, World

TEXT_JA = "関西地方の金属製品製造業。\n従業員20〜49名、売上高2〜10億円。"
POPULATION, CODEBOOK = "listing-scene", "listing-scene-codebook"
CELL = {"place": "kansai", "industry": "24", "founded": "before_1990", "employees": "20_49", "revenue": "200_1000",
        "margin": "5_plus"}  # fmt: skip
SCAN = b"%PDF-1.7 signed"
ALL = tuple(AUDIENCE_BIT)
_numbers = itertools.count(secrets.randbelow(10**5) * 10**3)


@dataclass
class Prepared:
    id: UUID
    path: str
    name: str
    owner: str
    email: str
    holder: Caller


async def add(world: World, table: str, returning: str | None = "id", **row: Any) -> Any:
    """One row past row-level security; jsonb values as text."""
    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    ending = f" RETURNING {returning}" if returning else ""
    sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places}) ON CONFLICT DO NOTHING{ending}"
    found = await world.seed(sql, *row.values())
    return found[0][0] if found else None


async def cell_of(world: World) -> int:
    """The cell CELL, with a codebook and a population of its own."""
    await add(world, "ops.population", None, version=POPULATION, demo=True, imported=False, companies=1000, provenance="{}")
    await add(world, "market.codebook", None, version=CODEBOOK, population_version=POPULATION, k=20, demo=True, header="{}",
              look_alikes=b"")
    await add(world, "market.cell", codebook_version=CODEBOOK, number=0, node=0, size=20,
              place_rank=PLACE_RANK[CELL["place"]], revenue_rank=REVENUE_RANK[CELL["revenue"]], **CELL)
    return (await world.seed("SELECT id FROM market.cell WHERE codebook_version = $1", CODEBOOK))[0][0]


def mandate(kind: str = "center_support", **terms: Any) -> dict[str, Any]:
    """Terms that keep every bound."""
    plain: dict[str, Any] = {"kind": kind, "signed_on": "2026-04-01", "term_months": 36}
    if kind != "center_support":
        items = ["role_broker_or_adviser", "services_per_step", "persons_in_charge", "fees", "other_side_fee", "other_costs",
                 "confidentiality", "direct_negotiation_limit", "exclusivity", "second_opinion", "tail", "term",
                 "mid_term_termination", "liability", "surviving_clauses", "conflicts_of_interest", "buyer_screening",
                 "bad_buyer_information_scheme"]  # fmt: skip
        plain |= {"second_opinion_allowed": True, "terminable_any_time": True, "exclusivity_months": 6, "tail_months": 24,
                  "tail_scope": "name_cleared", "fee_basis": "share_price", "document_hash": "a" * 64, "explained_orally": True,
                  "explained_at": "2026-03-20T10:00:00+09:00", "explainer": "架空 助言", "recipient": "架空 太郎",
                  "recipient_decides": True, "items_explained": items}  # fmt: skip
    return plain | terms


async def entered(holder: Caller, **blocks: Any) -> Prepared:
    number = next(_numbers)
    name, owner, email = f"架空{number}精密株式会社", f"架空 太郎{number}", f"owner{number}-{secrets.token_hex(3)}@fictitious.example"
    body = {"succession": {"status": "none_decided"}, "business": {"jsic_code": "24", "prefecture": "JP-29"},
            "identity": {"name": name, "corporate_number": make_corporate_number(f"9997{number:08d}")}}  # fmt: skip
    answer = await holder.post("/v1/listings", body | blocks)
    assert answer.status_code == 201, answer.text
    found = answer.json()["id"]
    return Prepared(UUID(found), f"/v1/listings/{found}", name, owner, email, holder)


async def prepared(world: World, holder: Caller, kind: str = "center_support") -> Prepared:
    listing = await entered(holder)
    for path, body in (("mandate", mandate(kind)), ("preparation", None),
                       ("owner-contacts", {"name": listing.owner, "email": listing.email})):  # fmt: skip
        answer = await holder.post(f"{listing.path}/{path}", body)
        assert answer.status_code in (200, 201), answer.text
    return listing


async def proposed(world: World, listing: Prepared, audiences: tuple[str, ...] = ALL, text: str = TEXT_JA) -> Proposed:
    """What the market's command does with the teaser it derived."""
    cell = await cell_of(world)
    scope = Scope("intermediary", listing.holder.organisation_id, listing.holder.member_id, None, f"member:{listing.holder.member_id}")
    async with world.app.state.databases.tx(scope) as tx:
        return await propose(tx, listing.id, {"cell": CELL}, secrets.token_bytes(32), text, cell, audience_mask(audiences),
                             now=datetime.now(UTC), public_url=ORIGIN)


async def last_token(world: World, listing: Prepared) -> str:
    letter = [each for each in await world.letters(listing.email) if "link" in each["params"]][-1]
    return re.fullmatch(rf"{ORIGIN}/owner/([\w-]+)", letter["params"]["link"])[1]


def form_of(html: str, **fields: Any) -> dict[str, Any]:
    """What a browser would send from this page."""
    return {"form_key": re.search(r'name="form_key" value="(\w+)"', html)[1]} | fields


async def approved(world: World, listing: Prepared, granted: tuple[str, ...] = ("verified_buyers",)) -> UUID:
    """Asked for everything, the owner ticks `granted` on the real page."""
    proposal = await proposed(world, listing)
    answer = await world.page_answered(f"/owner/{await last_token(world, listing)}", listing.email, "approved", granted)
    assert answer.status_code == 200 and 'name="code"' not in answer.text, answer.text
    return proposal.id


async def published(world: World, listing: Prepared, proposal: UUID, *audiences: str) -> UUID:
    """The publication as a closed batch leaves it, in one transaction; returns the teaser's reference."""
    ref, cell, mask = new_reference(), await cell_of(world), audience_mask(audiences)
    connection = await asyncpg.connect(world.database_url)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL ROLE succession_seeder")
            await connection.execute(
                "INSERT INTO vault.publication (ref, listing_id, proposal_id, codebook_version, vocabulary_version, "
                "population_version, cell_id, audiences, state, published_at) "
                "VALUES ($1, $2, $3, $4, 'v', $5, $6, $7, 'published', now())",
                ref, listing.id, proposal, CODEBOOK, POPULATION, cell, mask)
            await connection.execute(
                "INSERT INTO market.teaser (ref, batch, cell_id, audiences, price, schemes, timing, phrases, fiscal_year, "
                "vocabulary_version, place_rank, revenue_rank, price_rank, shuffle) VALUES ($1, 1, $2, $3, '100_300', "
                "'{share_transfer}', 'flexible', '{jobs_kept}', 2025, 'v', $5, $6, $7, $4)", ref, cell, mask, secrets.randbits(62),
                PLACE_RANK[CELL["place"]], REVENUE_RANK[CELL["revenue"]], PRICE_RANK["100_300"])
            await connection.execute("UPDATE vault.listing SET state = 'listed' WHERE id = $1", listing.id)
    finally:
        await connection.close()
    return ref


async def is_up(world: World, ref: UUID) -> bool:
    """Whether the teaser can still be read; asserts that publication and teaser agree."""
    there = bool(await world.seed("SELECT 1 FROM market.teaser WHERE ref = $1", ref))
    state = (await world.seed("SELECT state FROM vault.publication WHERE ref = $1", ref))[0]["state"]
    assert there == (state == "published"), (there, state)
    return there


async def counts(world: World, listing: Prepared) -> tuple[int, ...]:
    """Rows that must not change when nothing is allowed: letters, consents, answers, audit."""
    tables = ("ops.outbox", "vault.audience_consent", "vault.audit_event", "vault.owner_link")
    found = [(await world.seed(f"SELECT count(*) FROM {table}"))[0][0] for table in tables]
    decided = await world.seed("SELECT count(*) FROM vault.teaser_proposal WHERE listing_id = $1 AND decision IS NOT NULL", listing.id)
    return (*found, decided[0][0])
