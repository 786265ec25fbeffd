"""How long does a Center wait for a spreadsheet of 5,000 companies: to be read, and to become drafts?

Run: python tests/bench/imports.py [rows]        (or `succession bench imports`)
Through the real application on servers of its own. The bare ceiling beside it: writing as many rows of one table by COPY.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import asyncpg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sheets import HEADINGS, company, xlsx  # noqa: E402
from world import UNCOUNTED, World  # noqa: E402

from succession import embedded  # noqa: E402
from succession.app import create_app  # noqa: E402
from succession.config import Settings  # noqa: E402
from succession.migrations import migrate  # noqa: E402


async def measure(settings: Settings, rows: int) -> None:
    app = create_app(settings)
    async with app.lifespan():
        world = World(app, settings.database_url)
        center = await world.intermediary()
        data = xlsx(HEADINGS, *(company(place) for place in range(rows)))
        started = perf_counter()
        read = await center.client.post("/v1/listing-imports", files={"file": ("companies.xlsx", data)}, timeout=120)
        assert read.status_code == 201, read.text
        reading_s = perf_counter() - started
        started = perf_counter()
        done = await center.client.post(f"/v1/listing-imports/{read.json()['id']}/commit", json={}, timeout=120)
        assert done.json()["rows_done"] == rows, done.text
        committing_s = perf_counter() - started
        await world.close()
    owner = await asyncpg.connect(settings.database_url)
    await owner.execute("CREATE TEMP TABLE bare (a text, b text, c bigint, d jsonb)")
    started = perf_counter()
    await owner.copy_records_to_table("bare", records=[(f"{n}", "x" * 40, n, "{}") for n in range(rows)])
    bare_s = perf_counter() - started
    await owner.close()
    print(f"{rows:,} rows: read {reading_s:.1f} s, committed {committing_s:.1f} s (8 tables under row-level security); "
          f"one bare table by COPY {bare_s:.2f} s; {(reading_s + committing_s) / rows * 1000:.2f} ms a row")


def main(rows: int = 5_000) -> None:
    with tempfile.TemporaryDirectory(prefix="sx-") as directory, embedded.start(directory, throwaway=True) as servers:
        asyncio.run(migrate(servers.database_url))
        settings = Settings.from_env({**servers.environ, **UNCOUNTED, "SUCCESSION_DEMO": "1", "SUCCESSION_DATA_DIR": directory})
        asyncio.run(measure(settings, rows))


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
