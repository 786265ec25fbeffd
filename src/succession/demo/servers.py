"""Which processes does the demo consist of, and do they all end with it?

    this program ── PostgreSQL, Redis    (embedded.py; not started when DATABASE_URL and REDIS_URL are given)
                 ── succession serve     (the API)
                 ── succession worker
                 ── succession metrics   (closes the past months, then ends)

The children run in sessions of their own, so that a terminal's Ctrl-C reaches this program alone and it ends them in
order; they notice by themselves when it is killed (child.py). One that dies takes the demo down, with a word about it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from urllib.parse import quote

import httpx

from succession.config import Settings
from succession.demo.terminal import say

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
FIGURES_TIMEOUT_S = 900.0
LOOK_EVERY_S = 0.5
# name in messages and of the log -> the command, and whether it is meant to end
CHILDREN: dict[str, tuple[str, bool]] = {"api": ("serve", False), "worker": ("worker", False), "figures": ("metrics", True)}


class ServersFailed(Exception):
    """A process of the demo did not start, or ended without being asked to."""


@dataclass(frozen=True)
class Child:
    name: str
    ends: bool
    process: subprocess.Popen
    log: Path

    def last_lines(self, count: int = 12) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])


def leave_on_sigterm() -> None:
    """SIGTERM as an exit, so that every `with` block on the way out is left as after Ctrl-C."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(143)

    signal.signal(signal.SIGTERM, leave)


@contextlib.contextmanager
def databases(environ: Mapping[str, str], data_dir: Path) -> Iterator[dict[str, str]]:
    """What must be added to the environment to reach PostgreSQL and Redis: nothing where both are given, else the
    servers started here, ended when the block is left."""
    given = [name for name in ("DATABASE_URL", "REDIS_URL") if environ.get(name) or environ.get(f"{name}_FILE")]
    if len(given) == 2:
        yield {}
        return
    from succession.embedded import start

    with start(data_dir, postgres="DATABASE_URL" not in given, redis="REDIS_URL" not in given) as servers:
        yield servers.environ


def free_port(host: str, wanted: int) -> int:
    """`wanted` when nobody listens there, else one the system has to spare."""
    for port in (wanted, 0):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with contextlib.closing(socket.socket(family)) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((host, port))
                return probe.getsockname()[1]
    raise ServersFailed(f"no free port on {host}")


class Processes:
    """The processes of one demo besides its databases. A context manager: whatever was started is ended when the block is left."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self.settings, self.environ = settings, environ
        self.children: list[Child] = []

    @property
    def address(self) -> str:
        host = "127.0.0.1" if self.settings.host == "0.0.0.0" else self.settings.host
        return f"http://{f'[{host}]' if ':' in host else quote(host)}:{self.settings.port}"

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_about: object) -> None:
        self.stop()

    def start(self, name: str) -> None:
        """One of CHILDREN, unless it runs already."""
        if all(child.name != name for child in self.children):
            self.children.append(self._spawn(name, *CHILDREN[name]))

    def await_api(self) -> None:
        """Until the API is ready. Raises ServersFailed."""
        until = time.monotonic() + READY_TIMEOUT_S
        while not self._is_ready():
            self.check()
            if time.monotonic() > until:
                silent = f"the API did not become ready within {READY_TIMEOUT_S:.0f} s"
                raise ServersFailed(f"{silent}:\n{self.children[0].last_lines()}")
            time.sleep(0.05)

    def check(self) -> None:
        """Raises ServersFailed when one has ended, with the last lines it wrote."""
        for child in self.children:
            if child.process.poll() is not None and not (child.ends and child.process.returncode == 0):
                raise ServersFailed(f"{child.name} ended with status {child.process.returncode}:\n{child.last_lines()}")

    def wait_for(self, name: str) -> None:
        """Until a child that is meant to end has ended. Raises TimeoutError, ServersFailed."""
        for child in self.children:
            if child.name == name:
                try:
                    child.process.wait(FIGURES_TIMEOUT_S)
                except subprocess.TimeoutExpired:
                    raise TimeoutError(f"{name} takes longer than {FIGURES_TIMEOUT_S:.0f} s") from None
        self.check()

    def supervise(self) -> None:
        """Until Ctrl-C or SIGTERM. Raises ServersFailed as soon as one ends by itself."""
        while True:
            self.check()
            time.sleep(LOOK_EVERY_S)

    def stop(self) -> None:
        """End them: politely, together, and by force when they do not go. May be called twice."""
        for child in self.children:
            if child.process.poll() is None:
                child.process.terminate()
        until = time.monotonic() + STOP_TIMEOUT_S
        for child in self.children:
            try:
                child.process.wait(timeout=max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                say(f"{child.name} did not stop by itself and was killed")
                child.process.kill()
                child.process.wait()
            if child.process.stdin:
                child.process.stdin.close()
        self.children.clear()

    def _spawn(self, name: str, command: str, ends: bool) -> Child:
        log = self.settings.data_dir / "logs" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "succession.demo.child", command],
                env={**os.environ, **self.environ}, stdin=subprocess.PIPE, stdout=stream, stderr=subprocess.STDOUT,
                start_new_session=True)  # fmt: skip
        return Child(name, ends, process, log)

    def _is_ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.address}/readyz", timeout=2).status_code == 200
        return False
