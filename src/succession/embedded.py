"""How do PostgreSQL and Redis run on a machine that has neither?

The programs come from Python wheels (the extra `embedded`) and keep everything under one data directory. Every process
carries the mark of its directory in its title, so children, orphans of a killed program and half-dead backends are all
found by looking, without trusting a pid file that a `kill -9` left behind.

For the demo, the tests and a first look. Production sets DATABASE_URL and REDIS_URL and never imports this.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType, TracebackType
from urllib.parse import quote

from succession.embedded_files import (
    POSTGRES_MAJOR,
    Account,
    EmbeddedError,
    clean_environ,
    forget_sockets,
    missing,
    own_directory,
    place_of,
    postgres_programs,
    redis_program,
    socket_directory,
    take_place,
    wheel_programs,
)

DATABASE = "succession"
OWNER = "succession_owner"
SERVER_NAMES = ("postgres", "redis-server", "valkey-server")
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
_LOG_BYTES = 10_000_000

# Sockets in a directory only we can enter, no TCP, and `trust` inside: whoever reaches the socket could read the files
# as well, so a password would protect nothing and would have to be stored. It also lets the program log in as each
# of its roles before anybody has chosen passwords.
_POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
    # Statement errors go to the client alone: their text quotes values, and a log must not learn who is for sale.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
_THROWAWAY_SETTINGS = {
    "max_connections": "200",  # several test processes, each with its pools
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
}
# The owner is no superuser: row-level security and grants then behave as on a managed server. BYPASSRLS, because only
# such a role may create the definer and the seeder; the monitoring roles, to count and end its own test connections.
_FIRST_STATEMENTS = (
    f"ALTER ROLE {OWNER} LOGIN CREATEDB CREATEROLE BYPASSRLS",
    f"GRANT pg_monitor, pg_signal_backend TO {OWNER}",
    f"GRANT SET ON PARAMETER session_replication_role TO {OWNER}",
    f"CREATE DATABASE {DATABASE} OWNER {OWNER} TEMPLATE template0 ENCODING 'UTF8'"
    " LOCALE_PROVIDER builtin LOCALE 'C.UTF-8'",
)


@dataclass(eq=False)
class Servers:
    """Running servers. A context manager; `stop()` may be called twice. Durations in seconds."""

    data_dir: Path
    database_url: str | None = None
    redis_url: str | None = None
    _running: dict[str, subprocess.Popen] = field(default_factory=dict, repr=False)
    _mark: str = field(default="", repr=False)
    _warden: subprocess.Popen | None = field(default=None, repr=False)
    _lock: int = field(default=-1, repr=False)
    _made_by: int = field(default_factory=os.getpid, repr=False)

    @property
    def environ(self) -> dict[str, str]:
        """What a child process needs to find these servers; `Settings.from_env` reads it."""
        found = {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url, "SUCCESSION_EMBEDDED": "1"}
        return {name: text for name, text in found.items() if text}

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by server, "postgres" and "redis"."""
        return {name: process.pid for name, process in self._running.items()}

    def failed(self) -> list[str]:
        """The servers that ended without being asked to."""
        return [name for name, process in self._running.items() if process.poll() is not None]

    def stop(self) -> None:
        """End every process and give the directory free. In a forked child it does nothing: the servers are not its."""
        if self._made_by != os.getpid() or self._lock < 0:
            return
        if self._warden is not None:
            self._warden.kill()
            self._warden.communicate()
        _end(self._mark)
        for process in self._running.values():
            process.wait()
        forget_sockets(self.data_dir)
        fcntl.flock(self._lock, fcntl.LOCK_UN)  # and not only closed: a forked child may hold it too
        os.close(self._lock)
        self._lock = -1
        atexit.unregister(self.stop)

    def discard(self) -> None:
        """Stop, and delete what `start` put on disk: for the servers of one test run."""
        place = place_of(self.data_dir, Account.current())
        self.stop()
        shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(self.data_dir / "logs", ignore_errors=True)
        for name in ("servers.json", "servers.lock"):
            (self.data_dir / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # it may hold things of others
            self.data_dir.rmdir()

    def __enter__(self) -> Servers:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def start(data_dir: Path | str, *, postgres: bool = True, redis: bool = True, throwaway: bool = False,
          settings: Mapping[str, str] = MappingProxyType({})) -> Servers:
    """Start what is asked for under `data_dir` and wait until it answers; EmbeddedError when it cannot be.

    Whatever an earlier program left running there is ended first. `throwaway` trades durability for speed (tests);
    `settings`: more of PostgreSQL's.
    The servers end with `stop()`, at the end of the `with` block, at exit, and also when this process is killed.
    """
    if importlib.util.find_spec("psutil") is None:
        raise EmbeddedError(missing("psutil"))
    data_dir = Path(data_dir).absolute()
    (data_dir / "logs").mkdir(parents=True, exist_ok=True)
    account = Account.current()
    servers = Servers(data_dir, _lock=_lock(data_dir))
    try:
        place = place_of(data_dir, account)
        servers._mark = _mark(place)
        _end(servers._mark)
        take_place(data_dir, place, account)
        atexit.register(servers.stop)
        sockets = socket_directory(data_dir, place, account)
        if postgres:
            _start_postgres(servers, place / "postgres", sockets, account, throwaway, settings)
        if redis:
            _start_redis(servers, place / "redis", sockets, account, throwaway)
        servers._warden = _watch(servers)
        if postgres:
            _ready(servers, "postgres", lambda pid: _postgres_is_ready(place / "postgres", pid))
            _create_database(sockets)
            # The port, though it is the default: it is part of the socket's name, and PGPORT would change it.
            servers.database_url = f"postgresql://{OWNER}@/{DATABASE}?host={quote(str(sockets))}&port=5432"
        if redis:
            _ready(servers, "redis", lambda pid: _redis_is_ready(sockets / "redis"))
            servers.redis_url = f"unix://{quote(str(sockets / 'redis'))}?db=0"
    except OSError as error:
        servers.stop()
        raise EmbeddedError(f"the servers under {data_dir} cannot be started: {error}") from error
    except BaseException:
        servers.stop()
        raise
    return servers


# --- the two servers -----------------------------------------------------------------------------------------------


def _start_postgres(servers: Servers, cluster: Path, sockets: Path, account: Account | None, throwaway: bool,
                    more: Mapping[str, str]) -> None:
    programs = postgres_programs(cluster.parent, account)
    if not cluster.exists():
        _init_cluster(programs, cluster, servers.data_dir / "logs" / "initdb.log", account, throwaway)
    made_by = (cluster / "PG_VERSION").read_text().strip()
    if made_by != POSTGRES_MAJOR:
        raise EmbeddedError(f"{cluster} was made by PostgreSQL {made_by}, this is {POSTGRES_MAJOR}: move it away")
    # Nobody works there (`_end` saw to it), so this file is a leftover. Its pid may have gone to a stranger or a zombie
    # meanwhile, and then PostgreSQL would refuse to start.
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    settings = _POSTGRES_SETTINGS | {"unix_socket_directories": str(sockets), "cluster_name": servers._mark}
    settings |= (_THROWAWAY_SETTINGS if throwaway else {}) | dict(more)
    argv = [str(programs / "postgres"), "-D", str(cluster)]
    for name, text in settings.items():
        argv += ["-c", f"{name}={text}"]
    servers._running["postgres"] = _spawn(argv, cluster, servers.data_dir / "logs" / "postgres.log", account)


def _init_cluster(programs: Path, cluster: Path, log: Path, account: Account | None, throwaway: bool) -> None:
    """Under a provisional name first: a start that is killed half way leaves no half cluster to trip over."""
    draft = cluster.with_name("postgres.new")
    if draft.exists():
        shutil.rmtree(draft)
    own_directory(draft, account)
    argv = [
        *(str(programs / "initdb"), "-D", str(draft), "--username=postgres", "--encoding=UTF8", "--no-instructions"),
        *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        *("--auth-local=trust", "--auth-host=reject"),
        *(("--no-sync",) if throwaway else ()),
    ]
    if _spawn(argv, draft, log, account).wait() != 0:
        raise EmbeddedError(f"initdb failed:\n{_tail(log)}")
    draft.rename(cluster)


def _postgres_is_ready(cluster: Path, pid: int) -> bool:
    """As pg_ctl does it: the eighth line of the pid file, in the file of this very process."""
    with contextlib.suppress(FileNotFoundError):
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        return len(lines) >= 8 and int(lines[0]) == pid and lines[7].strip() == "ready"
    return False


def _create_database(sockets: Path) -> None:
    """Role and database, once. Told by the database, made last: a start killed in between is finished by the next."""
    if _psql(sockets, f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'").strip() == "1":
        return
    if not _psql(sockets, f"SELECT 1 FROM pg_roles WHERE rolname = '{OWNER}'").strip():
        _psql(sockets, f"CREATE ROLE {OWNER}")
    for statement in _FIRST_STATEMENTS:
        _psql(sockets, statement)


def _psql(sockets: Path, statement: str) -> str:
    argv = [str(wheel_programs() / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", str(sockets)]
    argv += ["-U", "postgres", "-d", "template1", "-c", statement]
    done = subprocess.run(argv, capture_output=True, text=True, env=clean_environ(), check=False)
    if done.returncode != 0:
        raise EmbeddedError(f"the embedded PostgreSQL refused a first statement: {done.stderr.strip()}")
    return done.stdout


def _start_redis(servers: Servers, memory: Path, sockets: Path, account: Account | None, throwaway: bool) -> None:
    own_directory(memory, account)
    save = ("",) if throwaway else ("60", "1")
    argv = [
        *(str(redis_program(memory.parent, account)), "--port", "0", "--daemonize", "no", "--dir", str(memory)),
        *("--unixsocket", str(sockets / "redis"), "--unixsocketperm", "700", "--save", *save, "--loglevel", "warning"),
        *("--proc-title-template", "{title} " + servers._mark),
    ]
    servers._running["redis"] = _spawn(argv, memory, servers.data_dir / "logs" / "redis.log", account)


def _redis_is_ready(path: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        connection.connect(str(path))
        connection.sendall(b"PING\r\n")
        return connection.recv(64).startswith(b"+PONG")  # "-LOADING" while it reads its file
    return False


# --- processes -----------------------------------------------------------------------------------------------------


def _spawn(argv: list[str], directory: Path, log: Path, account: Account | None) -> subprocess.Popen:
    """A process in a session of its own (a terminal's Ctrl-C is for the program, which then ends its servers in
    order), without our environment (it holds secrets)."""
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as stream:
        return subprocess.Popen(
            argv,
            cwd=directory,
            env=clean_environ(),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
            **({} if account is None else account.popen),
        )


def _watch(servers: Servers) -> subprocess.Popen:
    """A shell that waits for our end of a pipe to close, which the kernel does however we die, then ends the servers.

    Children made by fork without exec hold the pipe too: the servers then live as long as the last of them.
    """
    script = 'while read -r _; do :; done; for pid in $0 "$@"; do kill -INT "$pid"; done'
    return subprocess.Popen(
        ["/bin/sh", "-c", script, *(str(pid) for pid in servers.pids.values())],
        cwd="/",
        env=clean_environ(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _ready(servers: Servers, name: str, answers: Callable[[int], bool]) -> None:
    process = servers._running[name]
    log = servers.data_dir / "logs" / f"{name}.log"
    until = time.monotonic() + START_TIMEOUT_S
    while not answers(process.pid):
        if process.poll() is not None:
            raise EmbeddedError(f"{name} ended at once:\n{_tail(log)}")
        if time.monotonic() > until:
            raise EmbeddedError(f"{name} did not answer within {START_TIMEOUT_S:.0f} s:\n{_tail(log)}")
        time.sleep(0.01)


def _tail(log: Path, lines: int = 8) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _mark(place: Path) -> str:
    """What the titles of the servers in this directory contain: PostgreSQL's cluster name, Redis' title template.

    Titles, because every user may read them; the working directory of another user's process is not shown even to
    root in a container without SYS_PTRACE.
    """
    return f"succession-{hashlib.sha256(os.fsencode(place)).hexdigest()[:16]}"


def _processes(mark: str) -> Iterator[psutil.Process]:  # noqa: F821 - imported late
    """The living servers, and children of servers, that carry the mark, whoever started them."""
    import psutil

    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.name() in SERVER_NAMES and mark in " ".join(process.cmdline()):
                yield process  # a zombie has no command line, so it is not counted


def _end(mark: str) -> None:
    """End all servers of a directory: SIGINT is "finish, write down, go" to both; what is left after a while is killed.

    PostgreSQL's children are left to their parent, and go by themselves when it is dead.
    """
    import psutil

    for signal_number in (signal.SIGINT, signal.SIGKILL):
        found = list(_processes(mark))
        pids = {process.pid for process in found}
        for process in found:
            with contextlib.suppress(psutil.Error):
                if signal_number == signal.SIGKILL or process.ppid() not in pids:
                    process.send_signal(signal_number)
        until = time.monotonic() + STOP_TIMEOUT_S
        while any(_processes(mark)) and time.monotonic() < until:
            time.sleep(0.02)
    if left := [process.pid for process in _processes(mark)]:
        raise EmbeddedError(f"these servers of an earlier start do not end: {left}")


def _lock(data_dir: Path) -> int:
    """Held while servers run, freed by the kernel when we die. The file names who holds it, for the error."""
    handle = os.open(data_dir / "servers.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(handle, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(handle)
        raise EmbeddedError(
            f"{data_dir} is in use by process {holder}: stop it, or name another SUCCESSION_DATA_DIR"
        ) from None
    os.ftruncate(handle, 0)
    os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    return handle
