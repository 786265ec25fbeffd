"""`succession codebook weights`, as an operator types it: what it tells, what it hides, and that adopting it works."""

import asyncio
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from succession.__main__ import main
from succession.anonymity.nodes import buyer_losses, losses_as_text, read_losses
from succession.anonymity.world import build_world
from succession.market.filter_log import today

WORLD = ["--demo-world", "10000", "--seed", "4"]


@pytest.fixture
def database(database_url, monkeypatch, tmp_path, settings):
    """`database(sql, *values)`: one statement as the owner, in a database of its own that the command works on."""
    parts = urlsplit(database_url)
    name = f"{parts.path.strip('/')}_weights"

    def statement(sql, *values, url=None):
        async def work():
            owner = await asyncpg.connect(url)
            try:
                if url != database_url:
                    await owner.execute("SET ROLE succession_seeder")
                return await owner.fetch(sql, *values)
            finally:
                await owner.close()

        return asyncio.run(work())

    statement(f'CREATE DATABASE "{name}" TEMPLATE succession_template', url=database_url)
    own = urlunsplit(parts._replace(path=f"/{name}"))
    for variable, value in {"DATABASE_URL": own, "REDIS_URL": settings.redis_url, "SUCCESSION_SECRET_KEY": "k" * 40,
                            "SUCCESSION_DEMO": "1", "SUCCESSION_DATA_DIR": str(tmp_path), "LC_ALL": "C"}.items():
        monkeypatch.setenv(variable, value)
    yield lambda sql, *values: statement(sql, *values, url=own)
    statement(f'DROP DATABASE "{name}" WITH (FORCE)', url=database_url)


def _searched(database, days=40, readers="verified", **levels):
    for age in range(days):
        for mark, n in {"search_0": 50, **levels}.items():
            attribute, level = mark.rsplit("_", 1)
            database("INSERT INTO ops.filter_use VALUES ($1, $2, $3, $4, $5)", today() - timedelta(days=age), readers, attribute,
                     int(level), n)


def test_what_was_asked_is_told_and_what_the_proposal_gains(database, capsys, tmp_path):
    assert main(["population", "build", *WORLD]) == 0
    before = database("SELECT version FROM market.codebook WHERE current")
    _searched(database, margin_0=45, industry_1=30, place_1=20)
    database("INSERT INTO ops.filter_use VALUES ($1, 'verified', 'founded', 1, 4)", today())
    capsys.readouterr()
    out = tmp_path / "learnt.tsv"
    assert main(["codebook", "weights", "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "2,000 searches on 40 days (verified readers)" in told and "1,800" in told and "1,200" in told
    assert "<5" in told.split("founded")[1].splitlines()[0] and " 4\n" not in told
    gains = [line for line in told.splitlines() if line.startswith("  margin") and "->" in line]
    old, new = (float(each.strip(" %")) for each in gains[0].removeprefix("  margin").split("->"))
    assert new > old + 10
    assert database("SELECT version FROM market.codebook WHERE current") == before  # a proposal changes nothing
    learnt = read_losses(out)
    assert learnt != buyer_losses() and dict((n, w) for n, w, _ in learnt)["margin"] > 40
    assert main(["population", "build", *WORLD, "--weights", str(out)]) == 0
    current = database("SELECT header -> 'losses' ->> 5 AS margin, version FROM market.codebook WHERE current")[0]
    assert current["version"] != before[0]["version"] and "margin" in current["margin"]
    assert main(["codebook", "weights"]) == 0  # and the table goes to the screen where no file is named
    assert "attribute\tweight_tenths\tloss_percent" in capsys.readouterr().out


def test_days_are_never_told_apart(database, capsys):
    assert main(["population", "build", *WORLD]) == 0
    _searched(database, margin_0=45)
    capsys.readouterr()
    main(["codebook", "weights"])
    assert str(today()) not in capsys.readouterr().out


@pytest.mark.parametrize("sample", [{}, {"days": 27, "place_1": 40}, {"days": 30, "search_0": 33, "place_1": 33}])
def test_too_few_searches_propose_nothing(database, capsys, sample):
    assert main(["population", "build", *WORLD]) == 0
    if sample:
        _searched(database, **sample)
    capsys.readouterr()
    assert main(["codebook", "weights"]) == 1
    told = capsys.readouterr().out
    assert "too few to learn from" in told and "weight_tenths" not in told


def test_the_public_does_not_decide_unless_asked_to(database, capsys):
    assert main(["population", "build", *WORLD]) == 0
    _searched(database, readers="public", margin_0=50)
    capsys.readouterr()
    assert main(["codebook", "weights"]) == 1 and "0 searches" in capsys.readouterr().out
    assert main(["codebook", "weights", "--readers", "all"]) == 0


def test_without_a_codebook_there_is_nothing_to_compare_with(database, capsys):
    assert main(["codebook", "weights"]) == 1
    assert "no codebook is in force" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "attribute\tweight_tenths\nplace\t3\n", "attribute\tweight_tenths\tloss_percent\nplace\t30\t0 1 2\n"])
def test_weights_that_are_none_are_refused_before_anything_is_read(database, capsys, tmp_path, text):
    (tmp_path / "wrong.tsv").write_text(text)
    with pytest.raises(SystemExit):
        main(["population", "build", *WORLD, "--weights", str(tmp_path / "wrong.tsv")])
    assert "wrong.tsv" in capsys.readouterr().err
    assert database("SELECT FROM market.codebook") == []


def test_a_register_is_imported_by_learnt_weights(database, capsys, tmp_path):
    column = {name: values.tolist() for name, values in build_world(3_000, 9).columns.items()}
    lines = [f"{place},{jsic:04},{people},{yen}" for place, jsic, people, yen in
             zip(column["prefecture"], column["jsic4"], column["employees"], column["revenue_yen"], strict=True)]
    register, weights = tmp_path / "register.csv", tmp_path / "weights.tsv"
    register.write_text("\n".join(["prefecture,jsic,employees,revenue", *lines]), encoding="utf-8")
    losses = tuple((name, 50 if name == "founded" else 1, each) for name, _, each in buyer_losses())
    weights.write_text(losses_as_text(losses, "made up"), encoding="utf-8")
    assert main(["population", "import", str(register), "--weights", str(weights)]) == 0
    found = database("SELECT header -> 'losses' -> 2 AS founded FROM market.codebook WHERE current")[0]["founded"]
    assert "50" in found
