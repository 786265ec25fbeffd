"""Where do codebooks live, and which one is in force?

A codebook is content under its own hash: stored once by the owner, never changed, switched to by one flag. Whoever
looks a company up walks it in memory, from a cache that never goes stale because versions are immutable.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import asyncpg
import msgspec
import numpy as np

from succession.anonymity.codebook import Codebook
from succession.anonymity.fact_books import linkable, may_show
from succession.anonymity.population import FACT_PREFIX, Population
from succession.anonymity.preview import LookAlikes
from succession.codes import ATTRIBUTES
from succession.errors import Problem
from succession.market.order import PLACE_RANK, REVENUE_RANK

_KEPT = 8  # the one in force, those of facts beside it, and those that listings published before are still pinned to

_CELL_COLUMNS = ("codebook_version", "number", "node", "place", "industry", "founded", "employees", "revenue", "margin",
                 "place_rank", "revenue_rank", "parent", "size")


async def store_codebook(owner: asyncpg.Connection, population: Population, codebook: Codebook,
                         fact_books: Sequence[Codebook] = ()) -> None:
    """Keep a codebook and its population's provenance, and put it in force: all at once or not at all.

    `fact_books`: those of the holders of facts, which are in force as long as this one is (anonymity/fact_books.py).

    `owner` is a connection of the database's owner, who may become the seeding role; no server process can. What is
    stored already is only put in force. asyncpg.PostgresError demo_until_imported for a demo world beside a register.
    """
    async with owner.transaction():
        await owner.execute("SET LOCAL ROLE succession_seeder")
        await owner.execute("SELECT pg_advisory_xact_lock(7305423)")  # one codebook at a time
        await _keep_population(owner, population)
        if not await owner.fetchval("SELECT EXISTS (SELECT FROM market.codebook WHERE version = $1)", codebook.version):
            await _keep_cells(owner, population, codebook)
        for book in fact_books:
            if not await owner.fetchval("SELECT EXISTS (SELECT FROM market.codebook WHERE version = $1)", book.version):
                await _keep_cells(owner, population, book, may_show(population, codebook, book))
        await owner.execute("UPDATE market.codebook SET current = false WHERE current AND version <> $1", codebook.version)
        await owner.execute("UPDATE market.codebook SET current = true WHERE version = $1", codebook.version)
    # The server looks within a minute by itself; until then it takes the new cells for a handful, and a page of possible matches
    # took thirty times as long.
    await owner.execute("ANALYZE market.cell")


async def _keep_population(owner: asyncpg.Connection, population: Population) -> None:
    provenance = msgspec.json.encode({"name": population.name, "columns": population.provenance}).decode()
    await owner.execute(
        "INSERT INTO ops.population (version, demo, imported, companies, provenance) "
        "SELECT $1, $2, NOT $2, $3, ($4::text)::jsonb WHERE NOT EXISTS (SELECT FROM ops.population WHERE version = $1)",
        population.version, population.demo, len(population), provenance)


async def _keep_cells(owner: asyncpg.Connection, population: Population, codebook: Codebook,
                      among: np.ndarray | None = None) -> None:
    header = codebook.header
    look_alikes = LookAlikes.of(population, header.rule, among).encode()
    await owner.execute(
        "INSERT INTO market.codebook (version, population_version, k, demo, header, look_alikes, facts, base) "
        "VALUES ($1, $2, $3, $4, ($5::text)::jsonb, $6, $7, $8)", codebook.version, population.version, codebook.k,
        population.demo, msgspec.json.encode(header).decode(), look_alikes, list(header.facts), header.base)
    await owner.copy_records_to_table("cell", schema_name="market", columns=_CELL_COLUMNS, records=(
        (codebook.version, cell.cell, cell.node, *cell.key, PLACE_RANK[cell.place], REVENUE_RANK[cell.revenue],
         cell.parent, cell.size)
        for cell in codebook.cells
    ))


class InForce(msgspec.Struct, frozen=True):
    """The codebook new teasers are derived from. `demo`: it rests on the synthetic world. `columns`: linkable phrases of
    which its population knows the holders."""

    version: str
    population_version: str
    demo: bool
    columns: tuple[str, ...]


_IN_FORCE = """
SELECT b.version, b.population_version, b.demo,
       ARRAY(SELECT substr(name, length($1) + 1) FROM jsonb_object_keys(p.provenance -> 'columns') AS c(name)
             WHERE starts_with(name, $1)) AS columns
FROM market.codebook b JOIN ops.population p ON p.version = b.population_version WHERE b.current
"""


async def codebook_in_force(connection: asyncpg.Connection, demo_mode: bool) -> InForce:
    """Problem population_needed while there is none, or only the demo world's outside demo mode."""
    row = await connection.fetchrow(_IN_FORCE, FACT_PREFIX)
    if row is None or (row["demo"] and not demo_mode):
        raise Problem("population_needed")
    return InForce(row["version"], row["population_version"], row["demo"], linkable(row["columns"]))


async def load_fact_book(connection: asyncpg.Connection, base: str, facts: Sequence[str]) -> Codebook | None:
    """The codebook of those who hold exactly these facts beside a codebook of everybody; None where they are too few."""
    wanted = "SELECT version FROM market.codebook WHERE base = $1 AND facts = $2"
    version = await connection.fetchval(wanted, base, sorted(facts))
    return await load_codebook(connection, version) if version else None


_codebooks: OrderedDict[str, Codebook] = OrderedDict()
_look_alikes: OrderedDict[str, LookAlikes] = OrderedDict()


async def load_codebook(connection: asyncpg.Connection, version: str) -> Codebook:
    """The codebook of a version, whole; LookupError for one nobody stored, ValueError when its cells were altered."""
    if version not in _codebooks:
        header = await connection.fetchval("SELECT header::text FROM market.codebook WHERE version = $1", version)
        if header is None:
            raise LookupError(version)
        rows = await connection.fetch(
            "SELECT number AS cell, node, place, industry, founded, employees, revenue, margin, parent, size "
            "FROM market.cell WHERE codebook_version = $1 AND parent IS NULL", version)
        _keep(_codebooks, version, Codebook.from_rows(version, msgspec.json.decode(header), rows))
    return _codebooks[version]


async def load_look_alikes(connection: asyncpg.Connection, version: str) -> LookAlikes:
    """Companies per finest key of the population behind a version, for the seller's preview."""
    if version not in _look_alikes:
        stored = await connection.fetchval("SELECT look_alikes FROM market.codebook WHERE version = $1", version)
        if stored is None:
            raise LookupError(version)
        _keep(_look_alikes, version, LookAlikes.decode(stored))
    return _look_alikes[version]


def _keep(cache: OrderedDict, version: str, value: object) -> None:
    cache[version] = value
    while len(cache) > _KEPT:
        cache.popitem(last=False)


async def cell_id(connection: asyncpg.Connection, version: str, number: int) -> int:
    """The row of a codebook's cell."""
    return await connection.fetchval("SELECT id FROM market.cell WHERE codebook_version = $1 AND number = $2", version, number)


_LABEL = """
INSERT INTO market.cell (codebook_version, place, industry, founded, employees, revenue, margin, place_rank, revenue_rank,
                         parent, size)
SELECT c.codebook_version, $2, $3, $4, $5, $6, $7, $8, $9, c.number, c.size FROM market.cell c WHERE c.id = $1
ON CONFLICT ON CONSTRAINT cell_key DO NOTHING
"""
_LABELLED = """
SELECT s.id FROM market.cell c JOIN market.cell s ON s.codebook_version = c.codebook_version AND s.parent = c.number
WHERE c.id = $1 AND (s.place, s.industry, s.founded, s.employees, s.revenue, s.margin) = ($2, $3, $4, $5, $6, $7)
"""


async def label_id(connection: asyncpg.Connection, cell: int, codes: Mapping[str, str]) -> int:
    """The row of a label that says less than a cell, made the first time it is used. The database compares the two."""
    key = [codes[name] for name in ATTRIBUTES]
    if (known := await connection.fetchval(_LABELLED, cell, *key)) is not None:
        return known
    await connection.execute(_LABEL, cell, *key, PLACE_RANK[codes["place"]], REVENUE_RANK[codes["revenue"]])
    return await connection.fetchval(_LABELLED, cell, *key)
