"""Do the generated files and the mapped tables say what the migrations make?"""

from sqlmodel import SQLModel

from succession.config import resource
from succession.deals.lifecycle import transition_rows
from succession.schema import schema_of
from succession.tables import accounts, deals, disclosure, listings, nda, ops  # noqa: F401 - registers the tables


async def test_schema_sql_is_what_the_migrations_make(database_url):
    assert resource("db/schema.sql").read_text(encoding="utf-8") == schema_of(database_url), "run `succession schema`"


async def test_every_mapped_column_exists_and_no_column_is_forgotten(as_database_role):
    owner = await as_database_role("owner")
    rows = await owner.fetch(
        "SELECT table_schema, table_name, column_name, is_nullable = 'YES' AS nullable, data_type FROM information_schema.columns "
        "WHERE table_schema IN ('vault', 'ops')")
    real = {}
    for row in rows:
        real.setdefault(f"{row['table_schema']}.{row['table_name']}", {})[row["column_name"]] = row
    for name, table in SQLModel.metadata.tables.items():
        assert set(table.columns.keys()) == set(real[name]), name
        for column in table.columns:
            if not column.nullable and column.server_default is None:
                assert not real[name][column.name]["nullable"], f"{name}.{column.name}"


async def test_the_road_in_sql_is_the_road_in_python(as_database_role):
    owner = await as_database_role("owner")
    rows = await owner.fetch("SELECT from_stage, action, to_stage FROM ops.deal_transition")
    assert {tuple(row) for row in rows} == set(transition_rows())


async def test_migrating_again_changes_nothing_and_a_changed_file_is_refused(database_url, monkeypatch, tmp_path):
    import pytest

    from succession import migrations

    assert await migrations.migrate(database_url) == []
    changed = tmp_path / migrations.files()[0].name
    changed.write_text(migrations.files()[0].read_text() + "-- edited\n")
    monkeypatch.setattr(migrations, "files", lambda: [changed])
    with pytest.raises(migrations.MigrationError, match="was changed"):
        await migrations.migrate(database_url)
