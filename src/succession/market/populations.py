"""Which reference populations were put in force, and which published teasers rest on them?

For the owner of the database at the command line only: no server process asks this.
"""

from __future__ import annotations

from datetime import datetime

import asyncpg
import msgspec

from succession.anonymity.codebook import Codebook
from succession.anonymity.population import Population, Provenance
from succession.anonymity.population_diff import Difference, compare
from succession.market.codebooks import load_codebook

LISTED = 100


class StoredPopulation(msgspec.Struct, frozen=True):
    """`codebook` and `k` are those in force, or the last that were; `published` teasers are pinned to this population."""

    version: str
    name: str
    demo: bool
    companies: int
    columns: dict[str, Provenance]
    added_at: datetime
    codebook: str | None
    k: int | None
    in_force: bool
    published: int


_POPULATIONS = """
SELECT p.version, coalesce(p.provenance ->> 'name', p.version) AS name, p.demo, p.companies,
       coalesce(p.provenance -> 'columns', '{}')::text AS columns, p.added_at,
       b.version AS codebook, b.k, coalesce(b.current, false) AS in_force,
       (SELECT count(*) FROM vault.publication u WHERE u.population_version = p.version AND u.state = 'published') AS published
FROM ops.population p
LEFT JOIN LATERAL (SELECT version, k, current FROM market.codebook WHERE population_version = p.version AND base IS NULL
                   ORDER BY current DESC, version LIMIT 1) b ON true
WHERE $1::text IS NULL OR p.version = $1 OR ($1 = 'current' AND b.current)
ORDER BY p.added_at DESC LIMIT $2
"""
_PINNED = """
SELECT u.codebook_version, coalesce(c.parent, c.number) AS cell, count(*) AS teasers
FROM vault.publication u JOIN market.cell c ON c.id = u.cell_id WHERE u.state = 'published' GROUP BY 1, 2
"""


async def list_populations(owner: asyncpg.Connection, version: str | None = None) -> list[StoredPopulation]:
    """The newest first; with `version` only that one, or the one in force for "current"."""
    async with owner.transaction(readonly=True):
        await owner.execute("SET LOCAL ROLE succession_seeder")
        rows = await owner.fetch(_POPULATIONS, version, LISTED)
    return [StoredPopulation(**{**row, "columns": msgspec.json.decode(row["columns"], type=dict[str, Provenance])}) for row in rows]


async def difference_from_force(owner: asyncpg.Connection, population: Population, codebook: Codebook) -> Difference | None:
    """What putting these in force would change; None when nothing is in force yet."""
    found = await list_populations(owner, "current")
    if not found or found[0].codebook is None:
        return None
    async with owner.transaction(readonly=True):
        await owner.execute("SET LOCAL ROLE succession_seeder")
        pinned: dict[str, dict[int, int]] = {}
        for row in await owner.fetch(_PINNED):
            pinned.setdefault(row["codebook_version"], {})[row["cell"]] = row["teasers"]
        books = {version: await load_codebook(owner, version) for version in {*pinned, found[0].codebook}}
        bases = {book.header.base for book in books.values() if book.header.base} - set(books)
        books |= {version: await load_codebook(owner, version) for version in bases}
    return compare(books[found[0].codebook], found[0].columns, population, codebook, pinned, books)
