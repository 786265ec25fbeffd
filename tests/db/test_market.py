"""Is the published side what the codebook and the batches made of it, and does the database itself insist?"""

import asyncio
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from succession.anonymity.codebook import Codebook, Profile, build, preimages
from succession.anonymity.margins import SOLE
from succession.anonymity.population import Population, Provenance, eligible
from succession.anonymity.preview import LookAlikes, report
from succession.anonymity.world import build_world
from succession.codes import ATTRIBUTES
from succession.errors import Problem
from succession.market import codebooks
from succession.market.codebooks import codebook_in_force, load_codebook, load_look_alikes, store_codebook

WORLD = build_world(12_000, 5)


@pytest.fixture
async def own_database(database_url):
    """A database of its own, for what would change the shared one for good: its owner's URL."""
    parts = urlsplit(database_url)
    fresh = f"{parts.path.strip('/')}_market"
    owner = await asyncpg.connect(database_url)
    await owner.execute(f'DROP DATABASE IF EXISTS "{fresh}" WITH (FORCE)')
    await owner.execute(f'CREATE DATABASE "{fresh}" TEMPLATE succession_template')
    yield urlunsplit(parts._replace(path=f"/{fresh}"))
    await owner.execute(f'DROP DATABASE "{fresh}" WITH (FORCE)')
    await owner.close()


@pytest.fixture
async def owner(own_database):
    connection = await asyncpg.connect(own_database)
    yield connection
    await connection.close()


async def test_a_stored_codebook_is_read_back_whole_and_places_every_member_as_the_build_did(owner, monkeypatch):
    book = build(WORLD, 20, "major_group")
    await store_codebook(owner, WORLD, book)
    monkeypatch.setattr(codebooks, "_codebooks", codebooks.OrderedDict())
    stored = await load_codebook(owner, book.version)
    assert isinstance(stored, Codebook) and stored is not book and stored.version == book.version
    assert preimages(stored, WORLD) == preimages(book, WORLD)
    assert await load_codebook(owner, book.version) is stored
    force = await codebook_in_force(owner, demo_mode=True)
    assert (force.version, force.population_version, force.demo) == (book.version, WORLD.version, True)
    assert await owner.fetchval("SELECT count(*) FROM pg_stats WHERE schemaname = 'market' AND tablename = 'cell'"), "the planner knows its cells at once"
    with pytest.raises(Problem, match="population_needed"):
        await codebook_in_force(owner, demo_mode=False)


async def test_one_codebook_is_in_force_and_nobody_ever_sees_none(owner, own_database):
    first, second = build(WORLD, 20, "major_group"), build(WORLD, 25, "major_group")
    await store_codebook(owner, WORLD, first)
    seen, stop = [], asyncio.Event()

    async def watch():
        watcher = await asyncpg.connect(own_database)
        while not stop.is_set():
            seen.append([row["version"] for row in await watcher.fetch("SELECT version FROM market.codebook WHERE current")])
        await watcher.close()

    watching = asyncio.create_task(watch())
    for book in (second, first, second):
        await store_codebook(owner, WORLD, book)
    stop.set()
    await watching
    assert seen and all(len(versions) == 1 for versions in seen)
    assert (await codebook_in_force(owner, True)).version == second.version
    assert await owner.fetchval("SELECT count(*) FROM market.codebook") == 2


async def test_cells_never_change_and_an_altered_codebook_is_not_used(owner, monkeypatch):
    book = build(WORLD, 20, "major_group")
    await store_codebook(owner, WORLD, book)
    for change in ("UPDATE market.cell SET place = 'any' WHERE number = 0", "DELETE FROM market.cell WHERE number = 0",
                   "UPDATE market.codebook SET k = 5"):
        with pytest.raises(asyncpg.PostgresError, match="refused"):
            await owner.execute(change)
    await owner.execute("ALTER TABLE market.cell DISABLE TRIGGER frozen")
    await owner.execute("UPDATE market.cell SET size = size + 1 WHERE number = 0")
    monkeypatch.setattr(codebooks, "_codebooks", codebooks.OrderedDict())
    with pytest.raises(ValueError, match="is not"):
        await load_codebook(owner, book.version)


def _register(companies=9_000):
    world = build_world(companies, 8)
    provenance = {name: Provenance("imported", "a register", True) for name in world.columns}
    return Population("register", False, world.columns, provenance)


async def test_after_a_register_was_imported_the_demo_world_is_refused(owner):
    await store_codebook(owner, WORLD, build(WORLD, 20, "major_group"))
    real = _register()
    await store_codebook(owner, real, build(real, 10, "major_group"))
    assert not (await codebook_in_force(owner, demo_mode=False)).demo
    assert await owner.fetchval("SELECT provenance -> 'columns' -> 'jsic2' ->> 'kind' FROM ops.population WHERE imported") == "imported"
    other = build_world(12_000, 6)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await store_codebook(owner, other, build(other, 20, "major_group"))
    assert refused.value.constraint_name == "demo_until_imported"
    assert not (await codebook_in_force(owner, demo_mode=False)).demo, "the register stays in force"


async def test_no_server_role_can_store_a_codebook(as_database_role):
    for role in ("succession_app", "succession_worker", "market_public", "market_buyer"):
        connection = await as_database_role(role)
        with pytest.raises(asyncpg.PostgresError):
            await connection.execute("SET ROLE succession_seeder")
        with pytest.raises(asyncpg.PostgresError):
            await connection.execute("UPDATE market.codebook SET current = false")
        with pytest.raises(asyncpg.PostgresError):
            await connection.execute("INSERT INTO ops.population VALUES ('x', false, true, 1, '{}')")


async def test_the_preview_counts_the_look_alikes_that_a_finer_figure_would_leave(owner):
    book = build(WORLD, 20, "major_group")
    await store_codebook(owner, WORLD, book)
    look_alikes = await load_look_alikes(owner, book.version)
    companies = eligible(WORLD, book.header.rule) & (WORLD.columns["legal_form"] != SOLE)
    assert look_alikes.count(dict.fromkeys(ATTRIBUTES, "any")) == companies.sum() < book.report.eligible
    column = WORLD.columns
    coarsened = 0
    for member in range(0, 400, 7):
        profile = Profile(f"JP-{column['prefecture'][member]:02}", f"{column['jsic2'][member]:02}", int(column["founded"][member]),
                          int(column["employees"][member]), int(column["revenue_yen"][member]), float(column["operating_margin"][member]))
        found = report(book, look_alikes, profile)
        if found.cell is None:
            assert found.refusal and not found.facts
            continue
        assert found.shared_by == found.cell.size >= found.k == 20
        for fact in found.facts:
            assert (fact.finer is None) == (fact.own == fact.shown) == (fact.why is None)
            if fact.finer:
                coarsened += 1
                shown = {f.attribute: f.shown for f in found.facts} | {fact.attribute: fact.finer}
                count = look_alikes.count(shown)
                assert count >= int(column["legal_form"][member] != SOLE), "a company is one of its own look-alikes"
                assert fact.look_alikes == (count if count >= 3 else None)
                assert fact.why == ("fewest" if count < 3 else "few" if count < 20 else "alike")
    assert coarsened > 30


def test_look_alikes_survive_storage():
    of = LookAlikes.of(WORLD, build(WORLD, 20, "division").header.rule)
    stored = LookAlikes.decode(of.encode())
    codes = dict.fromkeys(ATTRIBUTES, "any") | {"place": "kanto", "industry": "E", "revenue": "under_1000"}
    assert stored.count(codes) == of.count(codes) > 0
