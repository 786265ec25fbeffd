"""Do keys change by command while everything under them stays readable, and does an old one go only when it is empty?"""

from __future__ import annotations

import asyncio

import pytest

from succession.commands import keys as command
from succession.commands import rewrap as rewrapping
from succession.config import ConfigError, Settings
from succession.key_ring import KeyMissing, Ring, check_directory, ring_of


@pytest.fixture
def environ(settings, monkeypatch):
    """The directory of this test process: its ring is the one that callers' apps lie under."""
    values = {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url, "SUCCESSION_DEMO": "1",
              "SUCCESSION_DATA_DIR": str(settings.data_dir)}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


async def called(*arguments):
    return await asyncio.to_thread(command.run, list(arguments))


async def lies_under(world, member):
    return (await world.seed("SELECT key_id FROM vault.second_factor WHERE member_id = $1", member.member_id))[0][0]


async def test_an_authenticators_secret_moves_to_a_new_key_and_its_codes_go_on(environ, world, settings, capsys, monkeypatch):
    await world.app.state.redis.flushdb()
    monkeypatch.setattr(rewrapping, "BATCH_ROWS", 1)
    members = [await world.intermediary() for _each in range(3)]
    old = await lies_under(world, members[0])
    assert await called("rotate", "second_factor") == 0
    later = await world.intermediary()
    new = await lies_under(world, later)
    assert new != old and await lies_under(world, members[0]) == old
    await members[0].confirm()  # opened by the retired key

    assert await called("destroy", "second_factor", old) == 1
    assert "rows lie under" in capsys.readouterr().err
    assert await called("destroy", "second_factor", new) == 1
    assert await called("rewrap") == 0
    assert "3 moved" in capsys.readouterr().out
    assert {await lies_under(world, each) for each in members} == {new}
    await members[1].confirm()
    assert await called("rewrap") == 0 and "\n0 moved" in "\n" + capsys.readouterr().out

    assert await called("destroy", "second_factor", new) == 1, "the present one"
    assert await called("destroy", "second_factor", old) == 0
    assert await called("destroy", "second_factor", old) == 1, "once"
    assert [key.key for key in ring_of(settings).keys("second_factor") if key.id == old] == [""]
    await members[2].confirm()
    assert await called("list") == 0
    said = capsys.readouterr().out
    assert f"{old}  destroyed" in said and f"{new}  active" in said
    assert not [key for key in ring_of(settings).keys() if key.key and key.key in said], "nothing secret is printed"


async def test_rewrapping_that_was_cut_off_goes_on(environ, world, settings, monkeypatch, capsys):
    monkeypatch.setattr(rewrapping, "BATCH_ROWS", 1)
    members = [await world.intermediary() for _each in range(3)]
    assert await called("rotate", "second_factor") == 0
    active, seal, calls = ring_of(settings).active("second_factor").id, Ring.seal, []

    def cut(self, kind, plain, bound):
        calls.append(bound)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return seal(self, kind, plain, bound)
    with monkeypatch.context() as patched:
        patched.setattr(Ring, "seal", cut)
        with pytest.raises(KeyboardInterrupt):
            await rewrapped(world, settings)
    assert 1 <= sum([await lies_under(world, each) == active for each in members]) + 1 <= 3 + 1
    assert await called("rewrap") == 0
    assert {await lies_under(world, each) for each in members} == {active}


async def rewrapped(world, settings):
    import asyncpg

    connection = await asyncpg.connect(world.database_url)
    try:
        await connection.execute("SET ROLE succession_seeder")
        await rewrapping.rewrap(connection, settings, lambda line: None)
    finally:
        await connection.close()


async def test_the_ledgers_evidence_and_documents_stay_readable_under_new_keys(environ, world, settings, capsys):
    import asyncpg

    from succession.disclosure.ledger_check import check_ledgers

    published, buyer = await world.published(), await world.acquirer()
    added = await published.seller.post(f"/v1/listings/{published.listing_id}/documents", {
        "level": "dossier", "filename": "kept.txt", "content_base64": "YSBmaWN0aXRpb3VzIHRleHQ="})
    assert added.status_code == 201, added.text
    deal = await world.released(published, buyer)
    for kind, number in (("subjects", "SELECT DISTINCT wrapped_by FROM vault.subject_key WHERE wrapped IS NOT NULL"),
                         ("documents", "SELECT DISTINCT wrapping FROM vault.listing_key WHERE wrapped IS NOT NULL")):
        old = {row[0] for row in await world.seed(number)}
        assert await called("rotate", kind) == 0 and await called("rewrap") == 0, capsys.readouterr()
        assert not old & {row[0] for row in await world.seed(number)}, "everything was moved"
        for each in old:
            assert await called("destroy", kind, each) == 0, capsys.readouterr().err
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 200
    read = await published.seller.get(f"/v1/documents/{added.json()['id']}")
    assert read.status_code == 200 and read.content == b"a fictitious text"
    owner = await asyncpg.connect(world.database_url)
    try:
        await owner.execute("SET ROLE succession_seeder")
        report = await check_ledgers(owner, published.listing_id, None, settings)
    finally:
        await owner.close()
    assert report.breaks == [] and report.unopened == 0


async def test_a_secret_moved_to_another_row_or_under_a_lost_key_opens_nothing(world, settings, tmp_path):
    ring = Ring(tmp_path / "ring", makes_missing=True)
    number, sealed = ring.seal("second_factor", b"secret", "row 1")
    assert ring.open("second_factor", number, sealed, "row 1") == b"secret"
    for kind, key, held, place in (("second_factor", number, sealed, "row 2"), ("second_factor", "ffffffff", sealed, "row 1"),
                                   ("backup", number, sealed, "row 1"), ("second_factor", number, sealed[:-1] + b"x", "row 1")):
        with pytest.raises(KeyMissing):
            ring.open(kind, key, held, place)


async def test_the_keys_that_sign_are_changed_and_what_proves_them_stays(environ, settings, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("SUCCESSION_KEYS_DIR", str(tmp_path / "keys"))
    assert await called("make") == 0
    shown = capsys.readouterr().out.splitlines()[-2:]
    for kind, ending in (("seal", "crt"), ("checkpoint", "pub")):
        assert await called("rotate", kind) == 0
        number = next(line for line in shown if line.startswith(kind)).split()[1]
        assert (tmp_path / "keys" / f"{kind}-{number}.{ending}").exists()
    assert await called("show") == 0
    assert not set(capsys.readouterr().out.splitlines()[-2:]) & set(shown)
    assert await called("rotate", "documents") == 0 and (tmp_path / "keys" / "ring" / "documents-0002.key").exists()


# ---------------------------------------------------------------- apart from the data, for nobody else


def production(tmp_path, **changes):
    values = {"SUCCESSION_SECRET_KEY": "k" * 32, "DATABASE_URL": "postgresql://owner@db/succession", "REDIS_URL": "redis://redis/0",
              "SUCCESSION_DATA_DIR": str(tmp_path / "data"), "SUCCESSION_PUBLIC_URL": "https://succession.example",
              "SUCCESSION_KEYS_DIR": str(tmp_path / "keys")}
    return Settings.from_env(values | changes)


def test_a_directory_others_can_read_or_inside_the_data_is_refused(tmp_path):
    (tmp_path / "keys").mkdir(mode=0o700)
    check_directory(production(tmp_path))
    for mode in (0o750, 0o705, 0o701):
        (tmp_path / "keys").chmod(mode)
        with pytest.raises(ConfigError, match="chmod 700"):
            check_directory(production(tmp_path))
    inside = tmp_path / "data" / "keys"
    inside.mkdir(parents=True, mode=0o700)
    with pytest.raises(ConfigError, match="apart from the data"):
        check_directory(production(tmp_path, SUCCESSION_KEYS_DIR=str(inside)))
    (tmp_path / "link").symlink_to(inside)
    with pytest.raises(ConfigError, match="apart from the data"):
        check_directory(production(tmp_path, SUCCESSION_KEYS_DIR=str(tmp_path / "link")))
    with pytest.raises(ConfigError, match="keys make"):
        check_directory(production(tmp_path, SUCCESSION_KEYS_DIR=str(tmp_path / "nowhere")))
    check_directory(production(tmp_path, SUCCESSION_KEYS_DIR=str(inside), SUCCESSION_DEMO="1"))


def test_a_key_file_others_can_read_is_refused_and_none_is_made_in_production(tmp_path):
    ring = Ring(tmp_path / "ring", makes_missing=True)
    number, _sealed = ring.seal("second_factor", b"x", "y")
    (tmp_path / "ring" / f"second_factor-{number}.json").chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        ring.keys()
    with pytest.raises(ConfigError, match="keys make"):
        Ring(tmp_path / "empty", makes_missing=False).seal("second_factor", b"x", "y")



async def test_a_previous_root_key_is_kept_while_stored_answers_lie_under_it(environ, world, settings, capsys, monkeypatch):
    """An answer kept under today's key is, once that key is the one before, a reason to keep it; taken away, it is missed."""
    await world.overrule("DELETE FROM ops.idempotency")
    seller = await world.intermediary()
    made = await seller.client.post("/v1/listings", json={}, headers={"Idempotency-Key": "once"})
    assert made.status_code in (201, 422), made.text
    answers = (await world.seed("SELECT count(*) FROM ops.idempotency WHERE body IS NOT NULL"))[0][0]
    assert await called("list") == 0 and "secret key" not in capsys.readouterr().out, "no key was changed"

    present = settings.secret_key.decode()
    monkeypatch.setenv("SUCCESSION_SECRET_KEY", "n" * 32)
    monkeypatch.setenv("SUCCESSION_SECRET_KEY_PREVIOUS", present)
    assert await called("list") == 0
    assert f"KEEP the previous one: {answers} stored answers lie under it" in capsys.readouterr().out
    monkeypatch.delenv("SUCCESSION_SECRET_KEY_PREVIOUS")
    assert await called("list") == 0
    assert f"{answers} stored answers open with no key that is set" in capsys.readouterr().out
    monkeypatch.setenv("SUCCESSION_SECRET_KEY_PREVIOUS", present)
    await world.overrule("DELETE FROM ops.idempotency")
    assert await called("list") == 0
    assert "SUCCESSION_SECRET_KEY_PREVIOUS can be taken away" in capsys.readouterr().out
