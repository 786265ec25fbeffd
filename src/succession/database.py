"""How does a request reach the database, and for whom does it work there?

Three ways in, one per need:
  `read`    read-only transaction on asyncpg as succession_app, scoped: row-level security decides what it sees
  `tx`      one unit of work on SQLAlchemy as succession_app, scoped: committed before the answer leaves
  `market`  a statement as the caller's audience role, on a standby that is fresh enough, else on the primary (standbys.py):
            no scope needed, no grant on the vault
A transaction without a scope cannot begin: the scope is written as its first statement.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import event, text
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from succession.config import ConfigError, Settings
from succession.memory import Memory
from succession.standbys import Market, Marks, Standbys

AUDIENCE_ROLES = ("market_public", "market_buyer", "market_desk", "market_domestic")
STATEMENT_TIMEOUT_MS = 15_000
LOCK_TIMEOUT_MS = 5_000
ACQUIRE_TIMEOUT_S = 5.0

# Every wait has an end, also one that a lost client started.
_SERVER_SETTINGS = {
    "statement_timeout": str(STATEMENT_TIMEOUT_MS),
    "lock_timeout": str(LOCK_TIMEOUT_MS),
    "idle_in_transaction_session_timeout": "30000",
    "application_name": "succession",
    "timezone": "UTC",
}
# The statements of the market leave the planner no choice (decision 32): one plan each serves whatever is asked for.
# A page is over in milliseconds: starting helpers for it, or compiling it, takes longer, and from others besides.
_READING = _SERVER_SETTINGS | {"plan_cache_mode": "force_generic_plan", "max_parallel_workers_per_gather": "0", "jit": "off"}
_KNOWN_TO_POOLERS = ("application_name", "timezone")  # PgBouncer refuses others when a connection begins
_SET_SCOPE = (
    "SELECT set_config('succession.kind', {0}, true), set_config('succession.organisation', {1}, true), "
    "set_config('succession.member', {2}, true), set_config('succession.listing', {3}, true), "
    "set_config('succession.actor', {4}, true)"
)
_SET_SCOPE_ASYNCPG = _SET_SCOPE.format("$1", "$2", "$3", "$4", "$5")
_SET_SCOPE_SQLALCHEMY = text(_SET_SCOPE.format(":kind", ":organisation", ":member", ":listing", ":actor"))


@dataclass(frozen=True)
class Scope:
    """For whom a transaction works. `kind`: intermediary, acquirer, agency, operator, owner or anonymous.

    `listing` is set for an owner only; `actor` names the caller for idempotency ("member:<id>", "owner:<link id>").
    """

    kind: str
    organisation: UUID | None
    member: UUID | None
    listing: UUID | None
    actor: str

    def values(self) -> dict[str, str]:
        return {
            "kind": self.kind,
            "organisation": str(self.organisation or ""),
            "member": str(self.member or ""),
            "listing": str(self.listing or ""),
            "actor": self.actor,
        }


class _ScopedSession(Session):
    pass


@event.listens_for(_ScopedSession, "after_begin")
def _set_scope_first(session: Session, _transaction: Any, connection: Any) -> None:
    connection.execute(_SET_SCOPE_SQLALCHEMY, session.info["scope"].values())  # KeyError: no scope, no transaction


@dataclass(frozen=True)
class Databases:
    """The pools of one process. Nothing in it belongs to a request."""

    engine: AsyncEngine
    app: asyncpg.Pool
    audiences: Mapping[str, asyncpg.Pool]
    settings: Settings
    standbys: Standbys | None
    held: dict[type, Any] = field(default_factory=dict)  # what a slice of the program keeps of these databases, by its own type

    @asynccontextmanager
    async def read(self, scope: Scope) -> AsyncIterator[asyncpg.Connection]:
        """A scoped read-only transaction: an INSERT in it is refused by PostgreSQL."""
        async with self.app.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
            async with connection.transaction(readonly=True):
                await connection.execute(_SET_SCOPE_ASYNCPG, *scope.values().values())
                yield connection

    @asynccontextmanager
    async def tx(self, scope: Scope) -> AsyncIterator[AsyncSession]:
        """One unit of work: commits when the block ends, rolls back when it raises. Whom it was for reads it from then on,
        wherever it reads."""
        session = AsyncSession(self.engine, sync_session_class=_ScopedSession, expire_on_commit=False, autoflush=True)
        session.info["scope"], session.info["settings"] = scope, self.settings
        async with session:
            async with session.begin():
                yield session
        worked_for = session.info["scope"]
        if self.standbys is not None and (worked_for.organisation or worked_for.kind == "owner"):
            await self.standbys.marks.keep(worked_for.organisation, self.standbys.position)

    @asynccontextmanager
    async def apart(self, scope: Scope) -> AsyncIterator[asyncpg.Connection]:
        """A scoped transaction beside the unit of work, for what stays when that fails. Its connection is of the other
        pool, so nobody waits in a circle; a row the unit of work has locked must not be touched."""
        async with self.app.acquire(timeout=ACQUIRE_TIMEOUT_S) as connection:
            async with connection.transaction():
                await connection.execute(_SET_SCOPE_ASYNCPG, *scope.values().values())
                yield connection

    def market(self, role: str, reader: UUID | None) -> Market:
        """As one audience role (AUDIENCE_ROLES); `reader`: the organisation that reads what it wrote itself."""
        return Market(role, reader, self.audiences[role], self.standbys, self.held)

    async def close(self) -> None:
        await self.engine.dispose()
        for pool in (self.app, *self.audiences.values()):
            await pool.close()
        if self.standbys is not None:
            await self.standbys.close()


async def rescope(session: AsyncSession, scope: Scope) -> None:
    """Work for somebody else from here to the end of the transaction: who holds a secret becomes who it was made for."""
    session.info["scope"] = scope
    await session.execute(_SET_SCOPE_SQLALCHEMY, scope.values())


async def driver(session: AsyncSession) -> asyncpg.Connection:
    """The asyncpg connection inside this unit of work, its scope set: for SQL text, same transaction."""
    await session.flush()
    raw = await (await session.connection()).get_raw_connection()
    return raw.driver_connection


async def open_databases(settings: Settings, memory: Memory) -> Databases:
    """Open every pool lazily sized: a process that serves only search holds few connections."""
    url, pooler = settings.role_url("succession_app"), settings.pooler
    engine = create_async_engine("postgresql+asyncpg://", creator=lambda: _sqlalchemy_connection(url, pooler), pool_size=settings.pool_app_size,
                                 max_overflow=0, pool_timeout=ACQUIRE_TIMEOUT_S, pool_pre_ping=True)
    app = await open_pool(url, settings.pool_app_size, pooler)
    audiences = {role: await open_reading(settings.role_url(role), settings.pool_market_size, pooler) for role in AUDIENCE_ROLES}
    return Databases(engine, app, audiences, settings, await _open_standbys(settings, memory))


async def _open_standbys(settings: Settings, memory: Memory) -> Standbys | None:
    """None where there are none. Who asks where a server is may read nothing else, and asks the server itself: in a pool that
    readers fill the question would wait, and the proof with it."""
    if not settings.standby_urls:
        return None
    asks, size = AUDIENCE_ROLES[0], settings.pool_market_size
    pooled = bool(settings.standby_poolers)
    readers = [{role: await open_reading(settings.standby_url(url, role), size, pooled) for role in AUDIENCE_ROLES}
               for url in settings.standby_poolers or settings.standby_urls]
    probes = [await open_pool(settings.standby_url(url, asks), 1) for url in settings.standby_urls]
    bound_s = settings.standby_lag_most_s
    return Standbys(readers, probes, await open_pool(settings.role_url(asks), 2, settings.pooler), Marks(memory, bound_s), bound_s)


def _sqlalchemy_connection(url: str, pooler: bool) -> Any:
    """As create_async_engine's own `async_creator` makes one, with a say in how statements are named."""
    unnamed = {"prepared_statement_cache_size": 0, "prepared_statement_name_func": lambda: ""} if pooler else {}
    return PGDialect_asyncpg.import_dbapi().connect(
        async_creator_fn=lambda: asyncpg.connect(url, timeout=ACQUIRE_TIMEOUT_S, **session_options(_SERVER_SETTINGS, pooler)), **unnamed)


def session_options(server_settings: Mapping[str, str], pooler: bool) -> dict[str, Any]:
    """What a connection asks of its server. Behind a pooler a server is lent for one transaction: nothing may rest on what an
    earlier one left there, neither prepared statements nor settings (those that end waits are the roles' own, migration 0032)."""
    if not pooler:
        return {"server_settings": dict(server_settings)}
    return {"server_settings": {name: server_settings[name] for name in _KNOWN_TO_POOLERS}, "statement_cache_size": 0}


async def connect_as(settings: Settings, role: str) -> asyncpg.Connection:
    """One connection, for a command that works as a role and may take its time."""
    named = {name: _SERVER_SETTINGS[name] for name in _KNOWN_TO_POOLERS}
    return await asyncpg.connect(settings.role_url(role), timeout=10, **session_options(named, settings.pooler))


async def open_reading(url: str, size: int, pooler: bool = False) -> asyncpg.Pool:
    """A pool of an audience role. It can write nothing and sets nothing past a transaction: nothing is to be put back."""
    return await open_pool(url, size, pooler, _READING, leaves_nothing=True)


async def open_pool(url: str, size: int, pooler: bool = False, server_settings: Mapping[str, str] = _SERVER_SETTINGS,
                    leaves_nothing: bool = False) -> asyncpg.Pool:
    """A pool that opens connections when needed and speaks JSON as Python values."""
    ending_s = int(server_settings["statement_timeout"]) / 1000 + 5
    return await asyncpg.create_pool(
        url, min_size=0, max_size=size, timeout=ACQUIRE_TIMEOUT_S, command_timeout=ending_s,
        init=_speak_json_and_end if pooler else speak_json, **session_options(server_settings, pooler),
        **({"reset": _leave_as_it_is} if pooler or leaves_nothing else {}))


async def _leave_as_it_is(connection: asyncpg.Connection) -> None:
    """The server behind a pooler is somebody else's by now; elsewhere nothing was left. A transaction has ended before this."""


async def _speak_json_and_end(connection: asyncpg.Connection) -> None:
    await speak_json(connection)
    if await connection.fetchval("SELECT current_setting('statement_timeout') = '0'"):
        raise ConfigError("behind a pooler a role ends its waits by itself: ALTER ROLE ... SET statement_timeout (migration 0032)")


async def speak_json(connection: asyncpg.Connection) -> None:
    """jsonb in and out as Python values, encoded by msgspec."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + msgspec.json.encode(value),
        decoder=lambda data: msgspec.json.decode(data[1:]),
    )


def database_name(url: str) -> str:
    """The database a URL names."""
    parts = urlsplit(url)
    return parts.path.strip("/") or dict(parse_qsl(parts.query)).get("dbname", "postgres")
