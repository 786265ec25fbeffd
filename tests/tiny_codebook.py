"""A real codebook of one cell, for tests that need a teaser and no population of their own: it can be looked up and counted."""

from __future__ import annotations

from datetime import date

import asyncpg
import msgspec
import numpy as np

from succession.anonymity.codebook import Cell, Codebook, Header, Report
from succession.anonymity.nodes import buyer_losses
from succession.anonymity.population import eligibility_on
from succession.anonymity.preview import LookAlikes
from succession.codes import ATTRIBUTES, LEVELS, SCHEMES, leaves, level_of
from succession.market.order import PLACE_RANK, REVENUE_RANK

EVERYTHING = dict.fromkeys(ATTRIBUTES, "any")
COMPANIES_PER_PLACE = 50


def one_cell(codes: dict[str, str], name: str, demo: bool = True, companies: int = COMPANIES_PER_PLACE) -> tuple[Codebook, LookAlikes]:
    """A codebook whose only cell has these codes, and a population with so many companies in every prefecture inside it."""
    node = tuple(level_of(attribute, codes[attribute]) for attribute in ATTRIBUTES)
    places = sorted(leaves("place", codes["place"]))
    rest = [LEVELS[attribute][0].index(sorted(leaves(attribute, codes[attribute]))[0]) for attribute in ATTRIBUTES[1:]]
    rows = np.array([[LEVELS["place"][0].index(place), *rest] for place in places], dtype=np.int16)
    look_alikes = LookAlikes(rows, np.full(len(rows), companies, dtype=np.int32))
    header = Header(
        format=1, population=name, population_name=name, demo=demo, estimated=demo, k=20, finest_industry="major_group",
        rule=eligibility_on(date.max), min_municipalities=3, min_detailed_industries=3, max_revenue_share_percent=60,
        losses=buyer_losses(), schemes={attribute: SCHEMES[attribute].version for attribute in ATTRIBUTES}, nodes=(node,),
        report=Report(companies * len(rows), companies * len(rows), 1, companies * len(rows), 0, {}, 0.0, 0.0, 0.0))  # fmt: skip
    return Codebook(header, [Cell(0, 0, *(codes[attribute] for attribute in ATTRIBUTES), None, companies * len(rows))]), look_alikes


async def stored(seeder: asyncpg.Connection, codes: dict[str, str], name: str, demo: bool = True,
                 companies: int = COMPANIES_PER_PLACE) -> tuple[int, str]:
    """(cell, codebook version) of such a codebook, kept once; its population is called `name`. `seeder`: the seeding role."""
    book, look_alikes = one_cell(codes, name, demo, companies)
    if found := await seeder.fetchval("SELECT id FROM market.cell WHERE codebook_version = $1", book.version):
        return found, book.version
    await seeder.execute("INSERT INTO ops.population (version, demo, imported, companies, provenance) VALUES ($1, $2, NOT $2, 1000, '{}') "
                         "ON CONFLICT DO NOTHING", name, demo)
    await seeder.execute("INSERT INTO market.codebook (version, population_version, k, demo, header, look_alikes) "
                         "VALUES ($1, $2, $3, $4, ($5::text)::jsonb, $6) ON CONFLICT DO NOTHING", book.version, name, book.k, demo,
                         msgspec.json.encode(book.header).decode(), look_alikes.encode())
    await seeder.execute("INSERT INTO market.cell (codebook_version, number, node, place, industry, founded, employees, revenue, margin, "
                         "place_rank, revenue_rank, size) VALUES ($1, 0, 0, $2, $3, $4, $5, $6, $7, $9, $10, $8) ON CONFLICT DO NOTHING",
                         book.version, *book.cells[0].key, book.cells[0].size, PLACE_RANK[codes["place"]], REVENUE_RANK[codes["revenue"]])
    return await seeder.fetchval("SELECT id FROM market.cell WHERE codebook_version = $1", book.version), book.version
