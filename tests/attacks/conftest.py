"""One market under attack per run, and the table of what the attacks came back with.

`--full` (as `make attacks` gives it): at least 500 published profiles behind a server process on a real socket, and the
table at the end. Without it a smaller market in this process: the same attacks, in the suite.
"""

from __future__ import annotations

import json
import os

import pytest

from attacks.scene import scene_on
from conftest import TEMPLATE, _database, _make_database

REDIS_DATABASE = 13  # apart from those of the test processes and the demo's walk


@pytest.fixture(scope="session")
async def scene(request: pytest.FixtureRequest, worker_id: str, tmp_path_factory: pytest.TempPathFactory,
                anyio_backend: str):
    base, name = os.environ["SUCCESSION_TEST_DATABASE_URL"], f"succession_attacks_{worker_id}_{os.getpid()}"
    await _make_database(base, name, TEMPLATE)
    redis_url = os.environ["SUCCESSION_TEST_REDIS_URL"].replace("db=0", f"db={REDIS_DATABASE}")
    full = request.config.getoption("--full", default=False)
    async with scene_on(_database(base, name), redis_url, tmp_path_factory.mktemp("attacks"), full) as made:
        yield made


# --- the table ------------------------------------------------------------------------------------------------------


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    if not config.getoption("--full", default=False):
        return
    rows: dict[str, dict] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, value in getattr(report, "user_properties", ()):
                if name == "attack" and report.when == "call":
                    told = json.loads(value)
                    row = rows.setdefault(told["id"], {"fixtures": [], "verdict": "not run"})
                    if "fixture" in told:
                        row["fixtures"].append(told)
                    else:
                        row |= told
    terminalreporter.section("attacks")
    order = {number: place for place, number in enumerate(sorted(rows, key=_by_number))}
    for number in sorted(rows, key=order.__getitem__):
        row = rows[number]
        missed = [each["fixture"] for each in row["fixtures"] if not each["found"]]
        fixtures = f"MISSED {', '.join(missed)}" if missed else f"{len(row['fixtures'])} of {len(row['fixtures'])} found"
        terminalreporter.write_line(f"{number:<5} {row['verdict'].upper():<8} {row.get('tries', '')}", bold=True,
                                    red=row["verdict"] != "held")
        for name in ("actors", "measure", "bound"):
            terminalreporter.write_line(f"        {name:<9} {row.get(name, '')}")
        terminalreporter.write_line(f"        {'leaks':<9} {fixtures}", red=bool(missed))
    held = sum(row["verdict"] == "held" for row in rows.values())
    found = sum(each["found"] for row in rows.values() for each in row["fixtures"])
    terminalreporter.write_line(f"{held} of {len(rows)} attacks held; {found} of "
                                f"{sum(len(row['fixtures']) for row in rows.values())} leaky fixtures found")


def _by_number(number: str) -> tuple[str, int, str]:
    digits = "".join(character for character in number if character.isdigit())
    return number[:1], int(digits or 0), number
