"""`succession population` and `succession market`, as an operator types them."""

import asyncio
import csv
import io
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from census_table import long_table, made_up, published, write

from succession.__main__ import main
from succession.anonymity.margins import LEGAL_FORMS
from succession.anonymity.vocabulary import vocabulary
from succession.anonymity.world import build_world
from succession.commands import population
from succession.progress import bar

PHRASE = next(iter(vocabulary().phrases))


@pytest.fixture
def register(tmp_path):
    """A register of 6,000 companies in the simple CSV shape, cp932, with one bad row."""
    column = {name: values.tolist() for name, values in build_world(6_000, 9).columns.items()}
    path = tmp_path / "register.csv"
    with path.open("w", encoding="cp932", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["都道府県コード", "市区町村コード", "業種コード", "設立年", "従業員数", "売上高（千円）", "営業利益率",
                       "法人格"])
        for m in range(6_000):
            rows.writerow([column["prefecture"][m], column["municipality"][m], f"{column['jsic4'][m]:04}", column["founded"][m],
                           column["employees"][m], column["revenue_yen"][m] // 1000, f"{column['operating_margin'][m]:.3f}",
                           LEGAL_FORMS[column["legal_form"][m]]])
        rows.writerow([48, 1, "0911", 1990, 5, 1000, 0.1, "kk"])
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
                            "SUCCESSION_DEMO": "0", "SUCCESSION_DATA_DIR": str(tmp_path), "LC_ALL": "C"}.items():
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


def test_an_import_is_compared_with_what_is_in_force(environment, register, tmp_path, capsys):
    assert main(["population", "import", str(register), "--dry-run"]) == 0
    assert "no population is in force yet" in capsys.readouterr().out
    assert main(["population", "import", str(register), "--name", "first"]) == 0
    assert main(["population", "import", str(register), "--name", "first"]) == 0
    assert "in force already" in capsys.readouterr().out
    lines = register.read_text(encoding="cp932").splitlines()
    half = tmp_path / "half.csv"
    half.write_text("\n".join([lines[0].replace("設立年", "別の年"), *lines[1:4_000]]), encoding="utf-8")
    assert main(["population", "import", str(half), "--name", "second", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "6,000 -> 3,999" in told and "10 -> 40" in told and "published teasers: 0" in told
    assert "founded          imported (register.csv) -> synthesised" in told and "would get another teaser" in told
    assert _rows(environment, "SELECT companies FROM ops.population") == [(6_000,)]


def test_a_census_cube_in_parts_with_its_totals(environment, tmp_path, capsys):
    table = published({leaf: 30 * count for leaf, count in made_up().items()})
    parts = [write(tmp_path, long_table({row: n for row, n in table.items() if (row[0] == "13000") == tokyo}),
                   name=f"{tokyo}.csv") for tokyo in (True, False)]
    assert main(["population", "import", *map(str, parts), "--source", "made-up census of 2021"]) == 0
    told = capsys.readouterr().out
    companies = 30 * sum(made_up().values())
    assert told.count("read as a census cube (rows of counts)") == 2 and "headings in line 7" in told
    assert f"the rest count {companies:,} companies, {companies:,} by the table's own totals" in told
    assert 'Of "表章項目" only the rows with "事業所数" are used.' in told and "branches of a company" in told
    assert "k = 40" in told and "estimated: columns of the population are synthesised" in told
    assert _rows(environment, "SELECT companies, provenance -> 'columns' -> 'employees' ->> 'source' FROM ops.population") == [
        (companies, "size bands of made-up census of 2021 (establishments), the headcount drawn within them")]
    assert _rows(environment, "SELECT k FROM market.codebook") == [(40,)]


def test_headings_units_and_rows_are_told_by_hand(environment, tmp_path, capsys):
    head = "県,業種,設立年,従業員数,売上高,営業利益率（%）,社員の輸出"
    path = write(tmp_path, "\n".join([head, *["東京都,0911,1980,12,150,3.5,有"] * 300, "東京市,0911,1980,12,150,3.5,"]), "utf-8")
    assert main(["population", "import", str(path), "--dry-run"]) == 1
    told = capsys.readouterr().out
    assert '"県"' in told and "--map COLUMN=HEADING" in told and "prefecture" in told
    mapping = tmp_path / "mapping.txt"
    mapping.write_text("# headings of our register\nprefecture = 県\n", encoding="cp932")
    wishes = ["--mapping", str(mapping), "--map", f"fact:{PHRASE}=社員の輸出", "--unit", "revenue=百万円", "--k", "12"]
    assert main(["population", "import", str(path), *wishes, "--dry-run"]) == 1  # one town in all: no cell
    told = capsys.readouterr().out
    assert "301 rows read, 1 left out" in told and f"fact:{PHRASE}" in told and "nothing was stored" in told
    mapping.write_text("prefecture 県\n", encoding="utf-8")
    assert main(["population", "import", str(path), "--mapping", str(mapping), "--dry-run"]) == 1
    assert "is not NAME=VALUE" in capsys.readouterr().out
    for wrong in (["--unit", "revenue=ドル"], ["--map", "prefecture"], ["--shape", "sphere"]):
        with pytest.raises(SystemExit):
            main(["population", "import", str(path), *wrong])


def test_a_refusal_is_in_the_language_of_the_terminal(environment, tmp_path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(population, "translate", lambda message, locale: asked.append(locale) or "refused")
    for language in ("ja_JP.UTF-8", "C", "en_GB.UTF-8"):
        monkeypatch.setenv("LC_ALL", language)
        assert main(["population", "import", str(write(tmp_path, "x,y\n1,2\n")), "--dry-run"]) == 1
    assert asked == ["ja", "en", "en"] and "refused" in capsys.readouterr().out


def test_populations_are_listed_and_shown(environment, register, capsys):
    assert main(["population", "list"]) == 0 and "no population" in capsys.readouterr().out
    assert main(["population", "show"]) == 1
    assert main(["population", "import", str(register), "--name", "our register"]) == 0
    assert main(["population", "list"]) == 0
    told = capsys.readouterr().out.splitlines()[-1]
    assert "in force" in told and "6,000 companies" in told and "k 10" in told and "our register" in told
    assert main(["population", "show"]) == 0
    told = capsys.readouterr().out
    assert "jsic4            imported    register.csv" in told and "independent      synthesised drawn" in told
    assert main(["population", "show", "pop-none"]) == 1


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


def test_a_register_of_holders_brings_codebooks_of_their_facts(environment, tmp_path, capsys):
    """Two facts in a register: companies with one, with the other and with both are peeled apart, and stored once."""
    column = {name: values.tolist() for name, values in build_world(6_000, 9).columns.items()}
    path = tmp_path / "holders.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["都道府県コード", "市区町村コード", "業種コード", "設立年", "従業員数", "売上高（千円）", "営業利益率", "法人格", "fact:exports",
                       "fact:patents_held"])
        for m in range(6_000):
            rows.writerow([column["prefecture"][m], column["municipality"][m], f"{column['jsic4'][m]:04}", column["founded"][m],
                           column["employees"][m], column["revenue_yen"][m] // 1000, f"{column['operating_margin'][m]:.3f}",
                           LEGAL_FORMS[column["legal_form"][m]], int(m % 3 == 0), int(m % 50 == 1)])
    for _turn in range(2):
        assert main(["population", "import", str(path), "--source", "a register and two lists of holders"]) == 0
    told = capsys.readouterr().out
    assert "facts on record: exports, patents_held" in told and "holders in" in told
    stored = _rows(environment, "SELECT b.facts, b.current, o.current, b.k FROM market.codebook b JOIN market.codebook o ON o.version = b.base")
    assert (["exports"], False, True, 10) in stored and len(stored) == len({tuple(row[0]) for row in stored})
    assert _rows(environment, "SELECT count(*) FROM market.cell c JOIN market.codebook b ON b.version = c.codebook_version WHERE b.facts <> '{}'")[0][0] > 3
