"""An application of its own on a database of its own, run from tests that are not coroutines: Hypothesis calls our steps."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from conftest import TEMPLATE, _database, _make_database
from gate.judge import Judge
from gate.probes import Sql
from gate.town import Town
from succession.app import create_app
from succession.config import Settings
from world import UNCOUNTED

REDIS_DATABASE = 12  # apart from those of the test processes, the attacks (13) and the demo's walk (14)


class Bench:
    """`fresh()` razes the market and settles another; `run(coroutine)` from outside the loop."""

    def __init__(self, data_dir: Path, worker_id: str) -> None:
        self._runner = asyncio.Runner()
        base, name = os.environ["SUCCESSION_TEST_DATABASE_URL"], f"succession_gate_{worker_id}_{os.getpid()}"
        self.run(_make_database(base, name, TEMPLATE))
        self.settings = Settings.from_env({
            "SUCCESSION_DEMO": "1", "SUCCESSION_DATA_DIR": str(data_dir), "SUCCESSION_PUBLIC_URL": "http://127.0.0.1:8400",
            "SUCCESSION_POOL_APP_SIZE": "6", "SUCCESSION_POOL_MARKET_SIZE": "3", **UNCOUNTED, "DATABASE_URL": _database(base, name),
            "REDIS_URL": os.environ["SUCCESSION_TEST_REDIS_URL"].replace("db=0", f"db={REDIS_DATABASE}")})
        self.app = create_app(self.settings)
        self._stop = asyncio.Event()
        self.run(self._begin())
        self.sql = Sql(self.settings.database_url)

    def run(self, doing: Awaitable[Any]) -> Any:
        return self._runner.run(doing)

    async def _begin(self) -> None:
        """The application lives in a task of its own: it must be left where it was entered."""
        started = asyncio.Event()

        async def live() -> None:
            async with self.app.lifespan():
                started.set()
                await self._stop.wait()

        self._life = asyncio.create_task(live())
        await started.wait()

    async def _end(self) -> None:
        await self.sql.close()
        self._stop.set()
        await self._life

    def fresh(self) -> Judge:
        town = Town(self.app, self.settings.database_url)
        self.run(town.settle())
        return Judge(town, self.sql)

    def close(self) -> None:
        self.run(self._end())
        self._runner.close()
