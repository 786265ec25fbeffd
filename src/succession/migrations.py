"""Which migrations has this database had, and what does its schema look like now?

Plain SQL files in db/migrations, forward only, each in one transaction, never edited once landed (their hash is kept).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import asyncpg

from succession.config import DATABASE_ROLES, resource

_LOCK = 7305420  # one migrator at a time, cluster-wide roles included


class MigrationError(Exception):
    """A file that landed was changed, or the database has a migration we do not know."""


def files() -> list[Path]:
    """The migrations, in order."""
    return sorted(resource("db/migrations").glob("[0-9][0-9][0-9][0-9]_*.sql"))


async def migrate(owner_url: str, passwords: dict[str, str] | None = None,
                  report: Callable[[str], None] = lambda line: None) -> list[str]:
    """Apply what is missing; returns the names applied. `passwords`: role -> password, set when given."""
    connection = await asyncpg.connect(owner_url, timeout=10)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute("CREATE TABLE IF NOT EXISTS public.schema_migration "
                                 "(name text PRIMARY KEY, hash bytea NOT NULL, applied_at timestamptz DEFAULT now())")
        had = {row["name"]: row["hash"] for row in await connection.fetch("SELECT name, hash FROM public.schema_migration")}
        applied = [path.name for path in files() if await _apply(connection, path, had, report)]
        if unknown := had.keys() - {path.name for path in files()}:
            raise MigrationError(f"this database is ahead of this program: {', '.join(sorted(unknown))}")
        for role, password in (passwords or {}).items():
            if role in DATABASE_ROLES:
                literal = await connection.fetchval("SELECT quote_literal($1::text)", password)
                await connection.execute(f'ALTER ROLE "{role}" PASSWORD {literal}')
        return applied
    finally:
        await connection.close()


async def _apply(connection: asyncpg.Connection, path: Path, had: dict[str, bytes], report: Callable[[str], None]) -> bool:
    sql = path.read_text(encoding="utf-8")
    digest = hashlib.sha256(sql.encode()).digest()
    if path.name in had:
        if had[path.name] != digest:
            raise MigrationError(f"{path.name} was changed after it had been applied")
        return False
    async with connection.transaction():
        await connection.execute(sql)
        await connection.execute("INSERT INTO public.schema_migration (name, hash) VALUES ($1, $2)", path.name, digest)
    report(path.name)
    return True
