"""Write db/schema.sql from a database made by the migrations alone."""

from __future__ import annotations

import asyncio
import tempfile

from succession.config import resource
from succession.embedded import start
from succession.migrations import migrate
from succession.schema import schema_of


def run(arguments: list[str]) -> int:
    """`succession schema`: starts a throwaway server, migrates, dumps."""
    with tempfile.TemporaryDirectory(prefix="sx-") as directory, start(directory, redis=False, throwaway=True) as servers:
        asyncio.run(migrate(servers.database_url))
        path = resource("db/schema.sql")
        path.write_text(schema_of(servers.database_url), encoding="utf-8")
    print(f"{path.name} written")
    return 0
