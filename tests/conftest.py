"""Real PostgreSQL, real Redis, real commits: one pair of servers per run, one database per test process.

The controller starts the servers and migrates a template; every test process clones it and works as the application's
own roles. Tests share their process's database and make their own organisations: nothing is rolled back, as in life.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest

from succession.app import create_app
from succession.config import DATABASE_ROLES, Settings, as_role
from world import UNCOUNTED, World

TEMPLATE = "succession_template"
_SERVERS = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="full sizes: what `make attacks` and `make chaos` run; prints their tables")
    parser.addoption("--seed", type=int, default=1, help="of the tests that draw by lot; printed by those that do")


def _database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def pytest_configure(config: pytest.Config) -> None:
    """The controller (or the only process) starts the servers; xdist's processes inherit the environment."""
    if hasattr(config, "workerinput") or config.option.collectonly or os.environ.get("SUCCESSION_TEST_DATABASE_URL"):
        return
    from succession.embedded import start
    from succession.migrations import migrate

    config.stash[_SERVERS] = servers = start(tempfile.mkdtemp(prefix="sx-"), throwaway=True)
    os.environ["SUCCESSION_TEST_DATABASE_URL"] = servers.database_url
    os.environ["SUCCESSION_TEST_REDIS_URL"] = servers.redis_url
    asyncio.run(_make_database(servers.database_url, TEMPLATE, "template0"))
    asyncio.run(migrate(_database(servers.database_url, TEMPLATE)))


def pytest_unconfigure(config: pytest.Config) -> None:
    servers = config.stash.get(_SERVERS, None)
    if servers is not None:
        servers.discard()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with a slow test come first: the last minute of a run is then shared by all processes."""
    slow = {item.path for item in items if item.get_closest_marker("slow") or item.get_closest_marker("embedded")}
    items.sort(key=lambda item: item.path not in slow)


async def _make_database(url: str, name: str, template: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        locale = " ENCODING 'UTF8' LOCALE_PROVIDER builtin LOCALE 'C.UTF-8'" if template == "template0" else ""
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"{locale}')
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def database_url(worker_id: str) -> str:
    """The owner's URL of this process's own database."""
    return clone_of(TEMPLATE, f"succession_test_{worker_id}")


def clone_of(template: str, name: str) -> str:
    """The owner's URL of a new database, this process's own."""
    base, name = os.environ["SUCCESSION_TEST_DATABASE_URL"], f"{name}_{os.getpid()}"
    asyncio.run(_make_database(base, name, template))
    return _database(base, name)


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    return getattr(request.config, "workerinput", {}).get("workerid", "main")


@pytest.fixture(scope="session")
def settings(database_url: str, worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    number = 1 + int(worker_id.removeprefix("gw")) if worker_id.startswith("gw") else 0
    return Settings.from_env({
        "SUCCESSION_DEMO": "1",
        "SUCCESSION_DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "SUCCESSION_PUBLIC_URL": "http://127.0.0.1:8400",
        "SUCCESSION_POOL_APP_SIZE": "6",
        **UNCOUNTED,
        "SUCCESSION_POOL_MARKET_SIZE": "3",
        "DATABASE_URL": database_url,
        "REDIS_URL": os.environ["SUCCESSION_TEST_REDIS_URL"].replace("db=0", f"db={number}"),
    })


@pytest.fixture(scope="session")
async def app(settings: Settings, anyio_backend: str):
    application = create_app(settings)
    async with application.lifespan():
        yield application


@pytest.fixture
async def http(app) -> AsyncIterator[httpx.AsyncClient]:
    """An anonymous client that speaks English unless told otherwise; cookies belong to the test."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8400",
                                 headers={"Accept-Language": "en", "Origin": "http://127.0.0.1:8400"}) as client:
        yield client


@pytest.fixture
async def as_database_role(database_url: str):
    """`await as_database_role("market_public")`: a plain connection as that role, closed after the test."""
    opened: list[asyncpg.Connection] = []

    async def connect(role: str) -> asyncpg.Connection:
        url = database_url if role == "owner" else as_role(database_url, role)
        assert role == "owner" or role in DATABASE_ROLES
        connection = await asyncpg.connect(url)
        opened.append(connection)
        return connection

    yield connect
    for connection in opened:
        await connection.close()


@pytest.fixture
async def world(app, database_url: str) -> AsyncIterator[World]:
    made = World(app, database_url)
    yield made
    await made.close()
