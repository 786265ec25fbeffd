"""Listings with everything an agency must never read, and their teasers: rows past row-level security.

    found = await listed(world, center, place="kansai", audiences=4)      # .ref, .listing_id, .secrets, .ids
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from succession.accounts.identifiers import make_corporate_number
from succession.codes import audiences_in
from succession.market.filter_log import today
from succession.market.match_queries import newest_year
from succession.market.order import PLACE_RANK, PRICE_RANK, REVENUE_RANK
from tiny_codebook import stored
from world import Caller, World

POPULATION = "desk-scene"
CELL = {"place": "kansai", "industry": "24", "founded": "before_1990", "employees": "20_49", "revenue": "200_1000",
        "margin": "5_plus"}
_numbers = itertools.count(secrets.randbelow(10**6) * 10**2)


@dataclass
class Listed:
    """`secrets`: strings, and `ids`: row ids, none of which may ever reach an agency."""

    ref: UUID
    listing_id: UUID
    secrets: tuple[str, ...]
    ids: dict[str, UUID]


async def add(seeder: asyncpg.Connection, table: str, returning: str | None = "id", **row: Any) -> Any:
    """One row; jsonb values as text."""
    places = ", ".join(f"${n}" for n in range(1, len(row) + 1))
    found = await seeder.fetch(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places}) ON CONFLICT DO NOTHING "
                               f"{f'RETURNING {returning}' if returning else ''}", *row.values())
    return found[0][0] if found else None


async def listed(world: World, holder: Caller, *, audiences: int = 4, price: str = "100_300",
                 schemes: tuple[str, ...] = ("share_transfer",), excludes: dict[str, str] | None = None, companies: int = 50,
                 shuffle: int | None = None, batch: int | None = None, phrases: tuple[str, ...] = ("jobs_kept",), **cell: str) -> Listed:
    """A published listing of `holder` with identity, documents, links and papers. Its teaser is in the cell CELL | cell, to which
    so many `companies` of every prefecture inside it belong."""
    seeder = await asyncpg.connect(world.database_url)
    try:
        async with seeder.transaction():
            await seeder.execute("SET LOCAL ROLE succession_seeder")
            found = await _listed(seeder, holder, audiences, price, schemes, excludes or {}, (shuffle, batch, list(phrases)), CELL | cell, companies)
    finally:
        await seeder.close()
    # Its population is its own: whichever codebook another test has put in force does not count it.
    await world.overrule("UPDATE vault.exposure SET in_force = NULL WHERE ref = $1", found.ref)
    return found


async def _listed(seeder: asyncpg.Connection, holder: Caller, audiences: int, price: str, schemes: tuple[str, ...],
                  excludes: dict[str, str], shown: tuple[int | None, int | None, list[str]], cell: dict[str, str],
                  companies: int) -> Listed:
    shuffle, batch, phrases = shown
    number = next(_numbers)
    (cell_id, codebook), ranks = await stored(seeder, cell, POPULATION, companies=companies), _ranks(cell)
    listing_id = await add(seeder, "vault.listing", intermediary_id=holder.organisation_id, state="listed")
    name, person, corporate = f"架空{number}工業株式会社", f"架空 太郎{number}", make_corporate_number(f"9998{number:08d}")
    one = {"returning": None, "listing_id": listing_id}
    await add(seeder, "vault.succession_status", **one, status="none_decided", declared_by=person)
    await add(seeder, "vault.listing_identity", **one, intermediary_id=holder.organisation_id, legal_name=name,
              corporate_number=corporate)
    await add(seeder, "vault.listing_contact", **one, representative_name=person)
    await add(seeder, "vault.listing_profile", **one, jsic_code="2461", prefecture="JP-29", employees=31)
    await add(seeder, "vault.listing_financials", **one, period_end=date(2026, 3, 31), revenue_yen=612345678)
    await add(seeder, "vault.mandate", **one, kind="center_support", terms="{}", edition="3",
              signed_on=date(2026, 1, 5))
    for kind, value in excludes.items():
        await add(seeder, "vault.exclusion", **one, kind=kind, value=value)
    ids = {"listing": listing_id} | await _papers(seeder, holder, listing_id, person)
    ref = await _publish(seeder, listing_id, cell_id, codebook, audiences, batch)
    await add(seeder, "market.teaser", None, ref=ref, batch=batch or 1, cell_id=cell_id, audiences=audiences, price=price,
              schemes=list(schemes), timing="flexible", phrases=phrases, fiscal_year=newest_year(today()), vocabulary_version="v",
              **ranks, price_rank=PRICE_RANK[price], shuffle=secrets.randbits(62) if shuffle is None else shuffle)
    told = (name, f"架空{number}", person, corporate, "612345678", "2461", "JP-29", *map(str, ids.values()))
    return Listed(ref, listing_id, told, ids)


def _ranks(cell: dict[str, str]) -> dict[str, int]:
    return {"place_rank": PLACE_RANK[cell["place"]], "revenue_rank": REVENUE_RANK[cell["revenue"]]}


async def _papers(seeder: asyncpg.Connection, holder: Caller, listing_id: UUID, person: str) -> dict[str, UUID]:
    """One row of each kind that says who the company is."""
    scan, member = b"scan", holder.member_id
    contact = await add(seeder, "vault.owner_contact", listing_id=listing_id, name=person,
                        email="owner@fictitious.example")
    document = await add(seeder, "vault.document", listing_id=listing_id, level="dossier", title=f"{person} 決算書",
                         media_type="application/pdf", size_bytes=4, content_hash=hashlib.sha256(scan).digest(),
                         added_by=member)
    await add(seeder, "vault.document_content", None, document_id=document, listing_id=listing_id, level="dossier",
              content=scan)
    paper = await add(seeder, "vault.paper_evidence", listing_id=listing_id, purpose="withdrawal",
                      subject_id=listing_id,
                      decision="withdrawn", signer=person, scan=scan, media_type="application/pdf",
                      scan_hash=hashlib.sha256(scan).digest(), witness="W", signed_on=date(2026, 2, 1), entered_by=member)
    link = await add(seeder, "vault.owner_link", listing_id=listing_id, owner_contact_id=contact, purpose="teaser",
                     subject_id=listing_id, token_hash=secrets.token_bytes(32),
                     expires_at=datetime.now(UTC) + timedelta(days=1))
    subject = await add(seeder, "vault.ledger_subject", listing_id=listing_id, kind="person", data=f'"{person}"',
                        salt=b"0",
                        commitment="00")
    sheet = await add(seeder, "vault.listing_import", intermediary_id=holder.organisation_id, filename="架空.csv",
                      content_hash=secrets.token_bytes(32), reading="{}", rows_total=1, rows_importable=1, created_by=member)
    return {"owner_contact": contact, "document": document, "paper_evidence": paper, "owner_link": link,
            "ledger_subject": subject, "listing_import": sheet}


async def _publish(seeder: asyncpg.Connection, listing_id: UUID, cell_id: int, codebook: str, audiences: int, batch: int | None) -> UUID:
    proposal = await add(seeder, "vault.teaser_proposal", listing_id=listing_id, canonical="{}", canonical_hash=b"",
                         rendering_ja="",
                         cell_id=cell_id, audiences=audiences, decision="approved", audiences_granted=audiences,
                         decided_at=datetime.now(UTC), decided_by="架空", method="link")
    for audience in audiences_in(audiences):
        await add(seeder, "vault.audience_consent", listing_id=listing_id, proposal_id=proposal, audience=audience,
                  expires_at=datetime.now(UTC) + timedelta(days=300))
    return await add(seeder, "vault.publication", "ref", ref=UUID(bytes=secrets.token_bytes(16)), listing_id=listing_id,
                     proposal_id=proposal, codebook_version=codebook, vocabulary_version="v", population_version=POPULATION,
                     cell_id=cell_id, audiences=audiences, state="published", published_at=datetime.now(UTC), batch=batch)


async def letters(world: World) -> list[tuple[str, str]]:
    """Every letter so far, oldest first: (template, organisation it is for)."""
    rows = await world.seed("SELECT payload->>'template' AS template, payload->'to'->>'organisation' AS organisation "
                            "FROM ops.outbox WHERE topic = 'mail' ORDER BY id")
    return [(row["template"], row["organisation"]) for row in rows]
