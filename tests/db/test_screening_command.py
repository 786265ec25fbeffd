"""Does `succession screening` bring a list to a new version, dry run first, and refuse a file in words with exit status 1?"""

from __future__ import annotations

import asyncio
import secrets

import pytest

from succession.commands import screening

UN = """<CONSOLIDATED_LIST dateGenerated="2026-11-20"><ENTITIES>{}</ENTITIES></CONSOLIDATED_LIST>"""
ENTITY = "<ENTITY><DATAID>{}</DATAID><FIRST_NAME>PHANTOM HOUSE {}</FIRST_NAME></ENTITY>"


@pytest.fixture
async def run(database_url, monkeypatch, capsys):
    """The command as typed; (exit status, what it printed)."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SUCCESSION_SECRET_KEY", "k" * 32)
    monkeypatch.setenv("LANG", "en_US.UTF-8")

    async def typed(*arguments: object) -> tuple[int, str]:
        status = await asyncio.to_thread(screening.run, [str(each) for each in arguments])
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return typed


@pytest.fixture
async def code(run, world):
    code = f"by_command_{secrets.token_hex(4)}"
    assert await run("open", code, "--kind", "sanctions", "--title-ja", "架空の名簿", "--title-en", "Invented", "--source", "none", "--terms", "none") == (
        0, f"{code}: opened\n")
    yield code
    await world.retire(code)


async def test_an_import_is_a_version_and_a_dry_run_is_none(world, run, code, tmp_path):
    path = tmp_path / "list.xml"
    path.write_text(UN.format("".join(ENTITY.format(n, n) for n in range(12))))
    status, told = await run("import", path, "--list", code, "--format", "un_xml", "--dry-run")
    assert status == 0 and "12 entries read, 0 left out" in told and "dry run: nothing was stored" in told
    assert await world.seed("SELECT 1 FROM vault.screening_list_version WHERE list_code = $1", code) == []
    status, told = await run("import", path, "--list", code, "--format", "un_xml")
    assert status == 0 and f"{code}: version 1, 12 entries" in told and "list        100 %" in told
    assert await run("import", path, "--list", code, "--format", "un_xml") == (1, "12 entries read, 0 left out\nlist        25 %\nThis file is the newest version of the list already.\n")
    path.write_text(UN.format("".join(ENTITY.format(n, n) for n in range(2))))
    status, told = await run("import", path, "--list", code, "--format", "un_xml")
    assert status == 1 and "More than half of the list would be gone" in told
    status, told = await run("import", path, "--list", code, "--format", "un_xml", "--anyway")
    assert status == 0 and "12 entries before, 2 after: 0 new, 10 gone, 0 rewritten" in told
    status, told = await run("lists")
    assert status == 0 and f"{code:<24}sanctions  version 2 (2026-11-20, of 2026-11-20), 2 entries" in told
    events = await world.seed("SELECT detail::text AS detail FROM vault.audit_event WHERE action = 'list_imported' AND object_id = $1 ORDER BY id", code)
    assert len(events) == 2


async def test_a_csv_is_mapped_from_a_file_and_by_word(world, run, code, tmp_path):
    (tmp_path / "map.txt").write_text("# ours\nname=Wer\n")
    path = tmp_path / "list.csv"
    path.write_bytes("Wer,Woher\n山田 架太,日本\n".encode("cp932"))
    status, told = await run("import", path, "--list", code, "--mapping", tmp_path / "map.txt", "--map", "country=Woher", "--as-of", "2026-11-01", "--persons")
    assert status == 0 and "name        Wer" in told, told
    (row,) = await world.seed("SELECT name, kind, countries FROM vault.screening_list_entry WHERE list_code = $1", code)
    assert tuple(row) == ("山田 架太", "person", ["JP"])


@pytest.mark.parametrize(("content", "options", "status", "said"), [
    (b"x,y\n1,2\n", ("--as-of", "2026-11-01"), 1, "No row names a column of names"),
    (b"name\nX\n", (), 1, "--as-of"), (b"name\n", ("--as-of", "2026-11-01"), 1, "no usable entry"), (b"name\nX\n", ("--as-of", "2099-01-01"), 1, "--as-of"),
    (b"\x00\x01", ("--as-of", "2026-11-01"), 1, "NUL character"), (b"name\nX\n", ("--as-of", "soon"), 2, ""), (b"name\nX\n", ("--map", "name"), 2, ""),
    (b'<!DOCTYPE x [<!ENTITY e "e">]><x>&e;</x>', ("--format", "un_xml"), 1, "declares a document type")])
async def test_a_bad_file_or_call_is_refused_in_words(world, run, code, tmp_path, content, options, status, said):
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    ended, told = await run("import", path, "--list", code, *options)
    assert ended == status and said in told, told
    assert "Traceback" not in told and await world.seed("SELECT 1 FROM vault.screening_list_version WHERE list_code = $1", code) == []


async def test_what_there_is_not_is_said_so(run, code, tmp_path):
    (tmp_path / "list.csv").write_text("name\nX\n")
    assert (await run("import", tmp_path / "list.csv", "--list", "no_such_list", "--as-of", "2026-11-01"))[0] == 1
    assert (await run("import", tmp_path / "missing.csv", "--list", code, "--as-of", "2026-11-01"))[0] == 1
    assert (await run("import", tmp_path / "list.bin", "--list", code))[0] == 2
    assert (await run("open", code, "--kind", "sanctions", "--title-ja", "x", "--title-en", "x", "--source", "x", "--terms", "x"))[0] == 1
    assert (await run("open", "Wrong Code", "--kind", "sanctions", "--title-ja", "x", "--title-en", "x", "--source", "x", "--terms", "x"))[0] == 1
