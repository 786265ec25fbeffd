"""`succession population` and `succession market`, as an operator types them."""

import asyncio
import csv
import io
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from succession.__main__ import main
from succession.anonymity.world import build_world
from succession.progress import bar


@pytest.fixture
def register(tmp_path):
    """A register of 6,000 companies in the simple CSV shape, cp932, with one bad row."""
    column = {name: values.tolist() for name, values in build_world(6_000, 9).columns.items()}
    path = tmp_path / "register.csv"
    with path.open("w", encoding="cp932", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["都道府県コード", "市区町村コード", "業種コード", "設立年", "従業員数", "売上高（千円）", "営業利益率"])
        for m in range(6_000):
            rows.writerow([column["prefecture"][m], column["municipality"][m], f"{column['jsic4'][m]:04}", column["founded"][m],
                           column["employees"][m], column["revenue_yen"][m] // 1000, f"{column['operating_margin'][m]:.3f}"])
        rows.writerow([48, 1, "0911", 1990, 5, 1000, 0.1])
    return path


@pytest.fixture
def environment(database_url, monkeypatch, tmp_path, settings):
    """The commands' environment: a database of their own."""
    parts = urlsplit(database_url)
    name = f"{parts.path.strip('/')}_population"

    async def statement(sql):
        owner = await asyncpg.connect(database_url)
        await owner.execute(sql)
        await owner.close()

    asyncio.run(statement(f'CREATE DATABASE "{name}" TEMPLATE succession_template'))
    url = urlunsplit(parts._replace(path=f"/{name}"))
    for variable, value in {"DATABASE_URL": url, "REDIS_URL": settings.redis_url, "SUCCESSION_SECRET_KEY": "k" * 40,
                            "SUCCESSION_DEMO": "0", "SUCCESSION_DATA_DIR": str(tmp_path)}.items():
        monkeypatch.setenv(variable, value)
    yield url
    asyncio.run(statement(f'DROP DATABASE "{name}" WITH (FORCE)'))


def _rows(url, sql):
    async def fetch():
        owner = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await owner.fetch(sql)]
        finally:
            await owner.close()

    return asyncio.run(fetch())


def test_a_dry_run_reports_and_stores_nothing(environment, register, capsys):
    assert main(["population", "import", str(register), "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "6,001 rows read, 1 left out" in told and "line 6002, prefecture '48': Not a prefecture." in told
    assert "k = 10" in told and "region, 2-digit industry and revenue band together" in told and "nothing was stored" in told
    assert _rows(environment, "SELECT * FROM ops.population") == []


def test_an_import_puts_its_codebook_in_force_and_twice_is_once(environment, register, capsys):
    for _turn in range(2):
        assert main(["population", "import", str(register), "--source", "register of 2026-01-01"]) == 0
    assert "is in force" in capsys.readouterr().out
    assert _rows(environment, "SELECT demo, imported, companies FROM ops.population") == [(False, True, 6_000)]
    assert _rows(environment, "SELECT k, demo, current FROM market.codebook") == [(10, False, True)]
    assert main(["population", "import", str(register), "--source", "register of 2026-01-01", "--k", "50", "--finest", "division"]) == 0
    assert _rows(environment, "SELECT k, current FROM market.codebook ORDER BY k") == [(10, False), (50, True)]
    smallest, industries = _rows(environment, "SELECT min(c.size), bool_or(c.industry ~ '^[0-9]') FROM market.cell c JOIN market.codebook b "
                                              "ON b.version = c.codebook_version WHERE b.current")[0]
    assert smallest >= 50 and not industries


def test_k_is_never_below_what_the_provenance_asks_for(environment, register, capsys):
    assert main(["population", "import", str(register), "--k", "5", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "k stays 10" in told and "k = 10" in told


def test_a_file_that_is_no_register_is_refused_in_words(environment, tmp_path, capsys):
    other = tmp_path / "other.csv"
    other.write_text("name,phone\nx,1\n")
    assert main(["population", "import", str(other)]) == 1
    assert "prefecture" in capsys.readouterr().out
    assert main(["population", "import", str(tmp_path / "none.csv")]) == 1
    assert _rows(environment, "SELECT * FROM ops.population") == []


def test_the_synthetic_world_is_for_the_demo_only(environment, monkeypatch, capsys):
    assert main(["population", "build", "--demo-world", "10000"]) == 2
    assert "SUCCESSION_DEMO=1" in capsys.readouterr().out
    monkeypatch.setenv("SUCCESSION_DEMO", "1")
    assert main(["population", "build", "--demo-world", "10000"]) == 0
    assert "10,000 companies" in capsys.readouterr().out
    assert _rows(environment, "SELECT demo, imported FROM ops.population") == [(True, False)]
    assert main(["market", "close-batch"]) == 0
    assert "nothing was waiting" in capsys.readouterr().out


class _Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_a_bar_where_somebody_watches_and_a_few_lines_in_a_log():
    watched, logged = _Terminal(), io.StringIO()
    for stream in (watched, logged):
        progress = bar("codebook", stream)
        for done in range(0, 1001):
            progress(done, 1000)
    assert watched.getvalue().count("\r") == 101 and watched.getvalue().endswith("100 %\n")
    assert logged.getvalue().splitlines() == [f"codebook  {percent} %" for percent in (0, 25, 50, 75, 100)]
    empty = io.StringIO()
    bar("nothing", empty)(0, 0)
    assert empty.getvalue() == "nothing  100 %\n"
