"""Does a backup come back whole, proved by its ledgers, and is one that was touched found out?"""

from __future__ import annotations

import asyncio
import json
import os
import shutil

import asyncpg
import pytest

from conftest import TEMPLATE, clone_of
from succession.app import create_app
from succession.commands import backup as command
from succession.config import Settings
from succession.key_ring import ring_of
from world import World

pytestmark = pytest.mark.slow


# A database of its own: other tests of this process tamper with theirs, and a drill finds whatever it can.


@pytest.fixture(scope="module")
def database_url() -> str:
    return clone_of(TEMPLATE, "succession_test_backup")


@pytest.fixture(scope="module")
def settings(database_url, tmp_path_factory) -> Settings:
    return Settings.from_env({"SUCCESSION_DEMO": "1", "SUCCESSION_DATA_DIR": str(tmp_path_factory.mktemp("backed-up")),
                              "DATABASE_URL": database_url, "REDIS_URL": os.environ["SUCCESSION_TEST_REDIS_URL"].replace("db=0", "db=10")})


@pytest.fixture
async def world(settings, database_url):
    app = create_app(settings)
    async with app.lifespan():
        made = World(app, database_url)
        yield made
        await made.close()


@pytest.fixture(autouse=True)
def environ(settings, monkeypatch):
    for name, value in {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url, "SUCCESSION_DEMO": "1",
                        "SUCCESSION_DATA_DIR": str(settings.data_dir)}.items():
        monkeypatch.setenv(name, value)


async def called(*arguments):
    return await asyncio.to_thread(command.run, [str(each) for each in arguments])


async def scratch_databases(world):
    connection = await asyncpg.connect(world.database_url)
    try:
        return [row[0] for row in await connection.fetch("SELECT datname FROM pg_database WHERE datname LIKE 'succession_drill_%'")]
    finally:
        await connection.close()


async def test_a_backup_comes_back_and_one_that_was_touched_is_found_out(world, settings, tmp_path, capsys):
    published, buyer = await world.published(), await world.acquirer()
    await world.released(published, buyer)
    assert await called("create", "--to", tmp_path) == 0
    (made,) = tmp_path.glob("backup-*")
    assert await called("drill", "--from", made) == 0, capsys.readouterr()
    said = capsys.readouterr().out
    assert "every count and every link holds" in said and "restored in" in said and "drill took" in said
    assert await scratch_databases(world) == [], "nothing is left behind"

    # Sealed, readable by its owner alone, and without a key or a name in the clear.
    sealed, manifest = (made / "database.sealed"), (made / "manifest.json")
    assert sealed.stat().st_mode & 0o077 == manifest.stat().st_mode & 0o077 == 0
    for text in (published.legal_name.encode(), b"CREATE TABLE", b"PGDMP"):
        assert text not in sealed.read_bytes() and text not in manifest.read_bytes()
    keys = [key.key.encode() for key in ring_of(settings).keys() if key.key]
    assert keys and not [key for key in keys if key in manifest.read_bytes()]
    told = json.loads(manifest.read_bytes())
    assert told["tables"]["vault.ledger_entry"] > 0 and str(published.listing_id) in told["heads"]

    # What an intruder may have done to it, each alone.
    def altered(name):
        copy = tmp_path / name
        shutil.copytree(made, copy)
        return copy

    flipped = altered("flipped")
    raw = bytearray((flipped / "database.sealed").read_bytes())
    raw[len(raw) // 2] ^= 1
    (flipped / "database.sealed").write_bytes(raw)
    cut = altered("cut")
    (cut / "database.sealed").write_bytes((cut / "database.sealed").read_bytes()[:-40])
    recounted = altered("recounted")
    told["tables"]["vault.access"] += 1
    (recounted / "manifest.json").write_bytes(json.dumps(told).encode())
    headless = altered("headless")
    (headless / "manifest.json").unlink()
    for place, word in ((flipped, "altered"), (cut, "altered"), (recounted, "altered"), (headless, "cannot be read")):
        assert await called("drill", "--from", place) == 1
        assert word in capsys.readouterr().err, place.name
    assert await scratch_databases(world) == []


async def test_a_database_that_was_tampered_with_before_the_backup_is_found_by_the_drill(world, tmp_path, capsys):
    published, buyer = await world.published(), await world.acquirer()
    await world.released(published, buyer)
    original = (await world.seed("SELECT id, body FROM vault.ledger_entry WHERE listing_id = $1 ORDER BY seq LIMIT 1", published.listing_id))[0]
    await world.overrule("UPDATE vault.ledger_entry SET body = body || ' '::bytea, hash = sha256(prev || body || ' '::bytea) WHERE id = $1", original["id"])
    try:
        assert await called("create", "--to", tmp_path) == 0
        (made,) = tmp_path.glob("backup-*")
        assert await called("drill", "--from", made) == 1
        assert str(published.listing_id) in capsys.readouterr().out
    finally:
        await world.overrule("UPDATE vault.ledger_entry SET body = $2, hash = sha256(prev || $2) WHERE id = $1", original["id"], original["body"])


async def test_without_the_programs_it_says_what_is_missing(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command, "_bundled", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert await called("create", "--to", tmp_path) == 1
    assert "pg_dump is not installed" in capsys.readouterr().err


async def test_a_drill_opens_documents_with_what_came_back_and_names_those_that_do_not_open(world, settings, tmp_path, capsys):
    published = await world.published()
    added = [(await published.seller.post(f"/v1/listings/{published.listing_id}/documents", {
        "level": "dossier", "filename": f"{name}.txt", "content_base64": "YQ=="})).json()["id"] for name in "abc"]
    assert await called("create", "--to", tmp_path) == 0
    (made,) = tmp_path.glob("backup-*")
    assert await called("drill", "--from", made, "--documents", "9") == 0, capsys.readouterr()
    said = capsys.readouterr().out
    assert "each lies in the store, whole" in said
    assert set(added) <= set(next(line for line in said.splitlines() if "to the last byte" in line).partition(": ")[2].split(", "))

    rows = {row["document_id"]: row["object_id"] for row in await world.seed(
        "SELECT document_id, object_id FROM vault.document_object WHERE listing_id = $1", published.listing_id)}
    erased, cut, flipped = rows
    files = {each: next((settings.data_dir / "store").rglob(object_id.hex)) for each, object_id in rows.items()}
    files[erased].unlink()
    files[cut].write_bytes(files[cut].read_bytes()[:-1])
    files[flipped].write_bytes(bytes([files[flipped].read_bytes()[0] ^ 1]) + files[flipped].read_bytes()[1:])
    assert await called("drill", "--from", made, "--documents", "9") == 1
    said = capsys.readouterr().out.splitlines()
    assert {f"document {erased}: not in the store", f"document {cut}: 16 bytes in the store, not as many as were sealed",
            *(f"document {each} does not open, or is not what was entered" for each in rows)} <= set(said)
    await world.seed("UPDATE vault.store_object SET deleted_at = now() WHERE id = ANY($1)", list(rows.values()))
    assert await called("drill", "--from", made) == 0, "what was deleted on purpose since is not missed"
    assert await scratch_databases(world) == []
