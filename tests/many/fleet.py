"""A primary with hot standbys, a pooler, several Redis, API processes and a proxy before them: as real processes on this machine.

Everything is started and ended by its id; PostgreSQL's standbys also carry the mark of the primary's directory in their
titles, so that whatever a killed test leaves behind goes with the primary's next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote

import httpx

from chaos.stack import free_ports
from succession.config import DATABASE_ROLES, resource
from succession.embedded import Servers, start
from succession.embedded_files import Account, clean_environ, place_of, postgres_programs, redis_program
from world import UNCOUNTED

READY_S = 60.0
APP_ROLES = tuple(DATABASE_ROLES)
_DURABLE_ENOUGH = {"fsync": "off", "full_page_writes": "off"}  # a copy dies as a whole or is thrown away


@dataclass
class Hot:
    """A hot standby. `url` names its host alone, as DATABASE_STANDBY_URLS does."""

    cluster: Path
    port: int
    url: str
    process: subprocess.Popen

    def kill(self) -> None:
        """At once: its children notice that their parent is gone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@dataclass
class Fleet:
    """A context manager. What is started through it ends with it, last first."""

    directory: Path
    postgres: bool = True
    primary: Servers | None = None
    standbys: list[Hot] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)
    programs: dict[str, subprocess.Popen] = field(default_factory=dict)

    def __enter__(self) -> Fleet:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.primary = start(self.directory / "primary", postgres=self.postgres)
        self.environ = self.primary.environ | UNCOUNTED | {"SUCCESSION_DEMO": "1", "SUCCESSION_DATA_DIR": str(self.directory / "data"),
                                                           "SUCCESSION_PUBLIC_URL": "http://127.0.0.1:8400"}
        if self.postgres:
            self.sql("ALTER SYSTEM SET track_functions = 'all'")
            self.sql("SELECT pg_reload_conf()")
        return self

    def __exit__(self, *_about: object) -> None:
        for program in reversed(self.programs.values()):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGCONT)
                os.killpg(program.pid, signal.SIGKILL)
            program.wait()
        for standby in self.standbys:
            standby.process.send_signal(signal.SIGQUIT)
            standby.process.wait()
        self.primary.discard()

    # ------------------------------------------------------------ PostgreSQL

    @property
    def sockets(self) -> str:
        return unquote(self.primary.database_url.partition("host=")[2].partition("&")[0])

    @property
    def place(self) -> Path:
        """Where the servers' user may go."""
        return place_of(self.primary.data_dir, Account.current())

    def _postgres(self) -> Path:
        return postgres_programs(self.place, Account.current())

    def add_standby(self) -> Hot:
        """A copy of the primary that follows it, answering."""
        port = 5433 + len(self.standbys)
        programs, cluster = self._postgres(), self.place / f"standby-{port}"
        self._wait_for([str(programs / "pg_basebackup"), "-D", str(cluster), "-h", self.sockets, "-p", "5432", "-U", "postgres", "-X", "stream",
                        "-c", "fast", "--no-sync", "-R"])
        hot = Hot(cluster, port, f"postgresql:///?host={quote(self.sockets)}&port={port}", self._begin_standby(cluster, port))
        self.standbys.append(hot)
        self._until(lambda: self.sql("SELECT pg_is_in_recovery()", port) == "t", "the standby")
        return hot

    def begin_again(self, hot: Hot) -> None:
        (hot.cluster / "postmaster.pid").unlink(missing_ok=True)
        hot.process = self._begin_standby(hot.cluster, hot.port)

    def _begin_standby(self, cluster: Path, port: int) -> subprocess.Popen:
        settings = {"listen_addresses": "", "unix_socket_directories": self.sockets, "unix_socket_permissions": "0700", "port": str(port),
                    "cluster_name": self.primary._mark, "max_connections": "100", "jit": "off", "hot_standby_feedback": "on",
                    "track_functions": "all", "track_counts": "on"} | _DURABLE_ENOUGH
        argv = [str(self._postgres() / "postgres"), "-D", str(cluster)]
        for name, text in settings.items():
            argv += ["-c", f"{name}={text}"]
        return self._popen(argv, cluster.name, clean_environ())

    def sql(self, statement: str, port: int = 5432) -> str:
        """One statement as the superuser, on the primary or a standby; '' where nobody answers."""
        done = subprocess.run([str(self._postgres() / "psql"), "-XqAt", "-h", self.sockets, "-p", str(port), "-U", "postgres", "-d", "succession",
                               "-c", statement], env=clean_environ(), capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def searches(self) -> dict[int, int]:
        """Per port, how many reads of verified readers a server has answered by its own statistics: each asks once for exclusions."""
        ports = [5432, *(standby.port for standby in self.standbys)]
        calls = "SELECT coalesce(sum(calls), 0) FROM pg_stat_user_functions WHERE funcname = 'excluded_teasers'"
        return {port: int(self.sql(calls, port) or 0) for port in ports}

    async def counts_are_out(self) -> None:
        """A server adds up what a connection did when that ends at the latest: end those of verified readers, who are idle now."""
        ending = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE usename IN ('market_buyer', 'market_domestic')"
        for port in (5432, *(standby.port for standby in self.standbys)):
            await asyncio.to_thread(self.sql, ending, port)

    # ------------------------------------------------------------ the pooler and the proxy

    def add_pooler(self) -> None:
        """Our own PgBouncer configuration before the primary and every standby there is by now; the roles have the passwords
        that docker/secrets.sh makes for the container."""
        (port,) = free_ports(1)
        folder = self._folder("pgbouncer")
        subprocess.run(["sh", resource("docker") / "secrets.sh", folder / "secrets"], check=True)
        for role, end in DATABASE_ROLES.items():
            self.environ[f"DATABASE_PASSWORD_{end}"] = password = (folder / "secrets" / role).read_text()
            self.sql(f"ALTER ROLE {role} PASSWORD '{password}'")
        pooled = {"succession": 5432} | {f"succession_standby{number or ''}": each.port for number, each in enumerate(self.standbys)}
        (folder / "pgbouncer.ini").write_text(pgbouncer_ini(folder, self.sockets, port, pooled))
        self._give(folder)
        self._run("pgbouncer", [_program("pgbouncer"), str(folder / "pgbouncer.ini")])
        self.environ |= {"DATABASE_POOLER": "transaction", "DATABASE_POOLER_HOST": f"127.0.0.1:{port}",
                         "DATABASE_STANDBY_POOLERS": ",".join(f"postgresql://127.0.0.1:{port}/{name}" for name in list(pooled)[1:])}
        self._until(lambda: _answers(port), "pgbouncer")

    def ask_for_passwords(self) -> None:
        """From now on the servers let the roles in by SCRAM alone, as the containers do; who is in has to come again."""
        line = f"local succession {','.join(APP_ROLES)} scram-sha-256\n"
        for port, cluster in {5432: self.place / "postgres", **{each.port: each.cluster for each in self.standbys}}.items():
            hba = cluster / "pg_hba.conf"
            hba.write_text(line + hba.read_text())
            self.sql("SELECT pg_reload_conf()", port)
            self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY "
                     f"('{{{','.join(APP_ROLES)}}}')", port)

    def add_proxy(self, ports: list[int]) -> str:
        """Our own nginx configuration before API processes on these ports; its address. TLS and user are the container's."""
        (port,) = free_ports(1)
        folder = self._folder("nginx")
        (folder / "nginx.conf").write_text(nginx_conf(folder, port, ports))
        self._run("nginx", [_program("nginx"), "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", str(folder / "error.log"), "-g", "daemon off;"],
                  as_root=True)
        self._until(lambda: _answers(port), "nginx")
        return f"http://127.0.0.1:{port}"

    # ------------------------------------------------------------ Redis

    def add_redis(self, name: str, *options: str) -> int:
        """A Redis of its own, on a port of this machine; that port. A node of a Cluster has another one 10,000 above."""
        port = next(port for port in free_ports(20) if port < 55_000)
        folder = self._folder(name)
        self._give(folder)
        self._run(name, [str(redis_program(self.place, Account.current())), "--port", str(port), "--bind", "127.0.0.1",
                         "--save", "", "--dir", str(folder), *options])
        self._until(lambda: _answers(port), name)
        return port

    def add_sentinel(self, name: str, master_port: int, down_after_ms: int = 1000) -> int:
        (port,) = free_ports(1)
        folder = self._folder(name)
        (folder / "sentinel.conf").write_text(
            f"port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor main 127.0.0.1 {master_port} 2\n"
            f"sentinel down-after-milliseconds main {down_after_ms}\nsentinel failover-timeout main 4000\n")
        self._give(folder)
        self._run(name, [str(redis_program(self.place, Account.current())), str(folder / "sentinel.conf"), "--sentinel"])
        self._until(lambda: _answers(port), name)
        return port

    # ------------------------------------------------------------ our own programs

    def serve(self, name: str, port: int, **environ: str) -> str:
        """`succession serve`; its address. See `until_ready`."""
        self._run(name, [sys.executable, "-m", "succession", "serve", "--port", str(port)], {**os.environ, **self.environ, **environ}, as_root=True)
        return f"http://127.0.0.1:{port}"

    def work(self) -> None:
        self._run("worker", [sys.executable, "-m", "succession", "worker"], {**os.environ, **self.environ}, as_root=True)

    async def until_ready(self, *addresses: str, within_s: float = READY_S) -> None:
        until = time.monotonic() + within_s
        async with httpx.AsyncClient(timeout=5) as client:
            for address in addresses:
                while True:
                    with contextlib.suppress(httpx.HTTPError):
                        if (await client.get(f"{address}/readyz")).status_code == 200:
                            break
                    assert time.monotonic() < until, f"{address} is not ready:\n{self.last_words()}"
                    await asyncio.sleep(0.1)

    def kill(self, name: str) -> None:
        os.killpg(self.programs[name].pid, signal.SIGKILL)
        self.programs[name].wait()

    def last_words(self) -> str:
        return "\n".join(f"{log.name}: {line}" for log in sorted(self.directory.glob("*.log"))
                         for line in log.read_text(errors="replace").splitlines()[-8:])

    # ------------------------------------------------------------ processes

    def _folder(self, name: str) -> Path:
        folder = self.place / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _give(self, folder: Path) -> None:
        if (account := Account.current()) is not None:
            account.take(folder)

    def _run(self, name: str, argv: list[str], environ: dict[str, str] | None = None, as_root: bool = False) -> None:
        self.programs[name] = self._popen(argv, name, environ or clean_environ(), as_root)

    def _popen(self, argv: list[str], name: str, environ: dict[str, str], as_root: bool = False) -> subprocess.Popen:
        account = None if as_root else Account.current()
        with (self.directory / f"{name}.log").open("ab") as stream:
            return subprocess.Popen(argv, env=environ, cwd="/" if not as_root else None, stdin=subprocess.DEVNULL, stdout=stream,
                                    stderr=subprocess.STDOUT, start_new_session=True, **({} if account is None else account.popen))

    def _wait_for(self, argv: list[str]) -> None:
        assert self._popen(argv, Path(argv[0]).name, clean_environ()).wait() == 0, self.last_words()

    def _until(self, true: Callable[[], bool], who: str) -> None:
        until = time.monotonic() + READY_S
        while not true():
            assert time.monotonic() < until, f"{who} did not answer:\n{self.last_words()}"
            time.sleep(0.05)


def has(*programs: str) -> bool:
    """Whether this machine has them; none is part of the program."""
    return all(_program(name) for name in programs)


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def _answers(port: int) -> bool:
    import socket

    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def nginx_conf(folder: Path, port: int, ports: list[int]) -> str:
    """The container's configuration, with this machine's ports and a directory of the test for its files."""
    text = (resource("docker") / "nginx.conf").read_text().replace("/tmp/", f"{folder}/").replace("listen 8080;", f"listen 127.0.0.1:{port};")
    (server,) = re.findall(r"^ *server api:8400 .*;$", text, re.M)
    return text.replace(server, "\n".join(server.replace("api:8400", f"127.0.0.1:{each}") for each in ports))


def pgbouncer_ini(folder: Path, sockets: str, port: int, pooled: dict[str, int]) -> str:
    """The container's configuration, with this machine's addresses; `pooled`: the port of the server that each database is."""
    text = (resource("docker") / "pgbouncer.ini").read_text()
    for name, (host, stated) in {"succession": ("db", "5432"), "succession_standby": ("standby", "5432 dbname=succession")}.items():
        line = f"{name} = host={host} port={stated}\n"
        assert line in text
        text = text.replace(line, "")
    databases = "".join(f"{name} = host={sockets} port={each} dbname=succession\n" for name, each in pooled.items())
    for stated, here in {"[databases]\n": f"[databases]\n{databases}", "listen_addr = *\n": "listen_addr = 127.0.0.1\n",
                         "listen_port = 6432\n": f"listen_port = {port}\n", "/run/secrets/": f"{folder}/secrets/"}.items():
        assert stated in text
        text = text.replace(stated, here)
    return text
