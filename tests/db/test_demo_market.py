"""Does a small demo market get past every trigger, and does it read like a real one afterwards?"""

from __future__ import annotations

import asyncio
import os

import asyncpg
import pytest

from conftest import TEMPLATE, _database, _make_database
from succession.config import Settings, as_role
from succession.demo.build import build_market, saved_world
from succession.demo.people import accounts_file, read_accounts
from succession.demo.presence import DemoRefused
from succession.disclosure.canonical import Head, LedgerRow, verify_chain

COMPANIES, WORLD = 260, 20_000


@pytest.fixture(scope="module")
def empty_database(worker_id: str) -> str:
    base = os.environ["SUCCESSION_TEST_DATABASE_URL"]
    name = f"succession_demo_{worker_id}_{os.getpid()}"
    asyncio.run(_make_database(base, name, TEMPLATE))
    return _database(base, name)


@pytest.fixture(scope="module")
def demo(empty_database: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings.from_env({"SUCCESSION_DEMO": "1", "SUCCESSION_DATA_DIR": str(tmp_path_factory.mktemp("demo")),
                                  "DATABASE_URL": empty_database, "REDIS_URL": "redis://127.0.0.1:1"})
    asyncio.run(build_market(settings, COMPANIES, WORLD))
    return settings


async def _rows(demo: Settings, sql: str, *values: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(demo.database_url)
    try:
        await connection.execute("SET ROLE succession_seeder")
        return await connection.fetch(sql, *values)
    finally:
        await connection.close()


async def test_all_companies_are_there_and_the_listed_ones_are_up(demo: Settings) -> None:
    [found] = await _rows(demo, """SELECT (SELECT count(*) FROM vault.listing) AS listings,
        (SELECT count(*) FROM vault.listing WHERE state = 'listed') AS listed, (SELECT count(*) FROM market.teaser) AS teasers,
        (SELECT count(*) FROM vault.publication WHERE state = 'queued') AS waiting""")
    assert found["listings"] == COMPANIES and found["teasers"] == found["listed"] > COMPANIES // 2 and found["waiting"] == 0


async def test_each_audience_sees_its_own(demo: Settings) -> None:
    seen = {}
    for role in ("market_public", "market_buyer", "market_desk", "market_domestic"):
        connection = await asyncpg.connect(as_role(demo.database_url, role))
        seen[role] = await connection.fetchval("SELECT count(*) FROM market.teaser")
        await connection.close()
    assert 0 < seen["market_public"] < min(seen[role] for role in seen if role != "market_public")


async def test_every_teaser_is_shared_by_k_members_of_the_world(demo: Settings) -> None:
    cells = await _rows(demo, "SELECT DISTINCT c.size, b.k FROM market.teaser t JOIN market.cell c ON c.id = t.cell_id "
                              "JOIN market.codebook b ON b.version = c.codebook_version")
    assert cells and all(row["size"] >= row["k"] == 20 for row in cells)
    assert len(saved_world(demo)) == WORLD


async def test_the_past_left_chains_that_hold(demo: Settings) -> None:
    entries = await _rows(demo, "SELECT * FROM vault.ledger_entry ORDER BY listing_id, seq")
    chains: dict = {}
    for entry in entries:
        chains.setdefault(entry["listing_id"], []).append(entry)
    assert len(chains) > 10
    heads = {row["listing_id"]: Head(row["seq"], row["hash"]) for row in await _rows(demo, "SELECT * FROM vault.ledger_head")}
    for listing_id, chain in chains.items():
        links = [LedgerRow(e["seq"], e["body"], e["prev"], e["hash"]) for e in chain]
        assert verify_chain(listing_id, links, heads[listing_id]) is None
    stages = await _rows(demo, "SELECT DISTINCT stage FROM vault.deal WHERE stage IS NOT NULL")
    assert stages


async def test_a_second_start_changes_nothing(demo: Settings) -> None:
    count = "SELECT (SELECT count(*) FROM vault.listing), (SELECT count(*) FROM vault.deal), (SELECT count(*) FROM ops.batch)"
    before, accounts = await _rows(demo, count), read_accounts(demo.data_dir)
    assert await build_market(demo, COMPANIES, WORLD) == accounts
    assert await _rows(demo, count) == before


async def test_lost_credentials_are_issued_anew_and_the_old_ones_end(demo: Settings) -> None:
    old = read_accounts(demo.data_dir)
    accounts_file(demo.data_dir).unlink()
    new = await build_market(demo, COMPANIES, WORLD)
    assert new["center"].api_key != old["center"].api_key and new.password != old.password
    live = await _rows(demo, "SELECT count(*) FROM vault.api_key WHERE revoked_at IS NULL")
    assert live[0]["count"] == len(new.accounts)
    assert accounts_file(demo.data_dir).stat().st_mode & 0o077 == 0


async def test_a_database_of_somebody_else_is_left_alone(world, settings: Settings) -> None:
    await world.intermediary("center")
    with pytest.raises(DemoRefused):
        await build_market(settings, COMPANIES, WORLD)
