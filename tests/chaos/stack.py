"""Our own PostgreSQL, Redis, two API processes and a worker, with somebody who restarts what dies.

Real processes with their own process groups and durable settings: what was committed has to outlive a SIGKILL. Everything
started here is ended by its id.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from succession.embedded import Servers, start
from world import UNCOUNTED

POSTGRES, REDIS, WORKER, API = "PostgreSQL", "Redis", "worker", "API"
PORTS = 2
READY_S = 60.0
LOOK_EVERY_S = 0.05
RESTART_AFTER_S = 0.3  # what a supervisor of services takes


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on."""
    probes = [socket.socket() for _port in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@dataclass
class Part:
    """One process that is watched. `begin` starts it anew; blocking, in a thread."""

    name: str
    kind: str
    begin: Callable[[], None]
    pid: Callable[[], int | None]
    killed_at: float | None = None


@dataclass
class Stack:
    """A context manager (async). `outages`: seconds from a kill to the moment both API processes were ready again."""

    directory: Path
    parts: dict[str, Part] = field(default_factory=dict)
    outages: list[tuple[str, float]] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)
    ports: list[int] = field(default_factory=list)
    _servers: dict[str, Servers] = field(default_factory=dict)
    _programs: dict[str, subprocess.Popen] = field(default_factory=dict)
    _supervisor: asyncio.Task | None = None

    @property
    def addresses(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    @property
    def database_url(self) -> str:
        return self.environ["DATABASE_URL"]

    async def __aenter__(self) -> Stack:
        try:
            await asyncio.to_thread(self._begin_servers)
        except BaseException:
            self._end()
            raise
        return self

    def _begin_servers(self) -> None:
        for name in (POSTGRES, REDIS):
            self._serve(name)
            self.parts[name] = Part(name, name, lambda name=name: self._serve(name), lambda name=name: self._pid(name))
        self.environ = {
            **UNCOUNTED,
            "SUCCESSION_DEMO": "1", "SUCCESSION_DATA_DIR": str(self.directory / "data"), "SUCCESSION_PUBLIC_URL": "http://127.0.0.1:8400",
            "SUCCESSION_POOL_APP_SIZE": "6", "SUCCESSION_POOL_MARKET_SIZE": "2",
            "DATABASE_URL": self._servers[POSTGRES].database_url, "REDIS_URL": self._servers[REDIS].redis_url}

    async def begin_programs(self) -> None:
        """After the migration: both API processes and the worker, and who restarts them."""
        self.ports = free_ports(PORTS)
        programs = [(f"{API} {n}", API, ["serve", "--port", str(port)]) for n, port in enumerate(self.ports, 1)] + [(WORKER, WORKER, ["worker"])]
        for name, kind, arguments in programs:
            self._run(name, arguments)
            self.parts[name] = Part(name, kind, lambda name=name, arguments=arguments: self._run(name, arguments),
                                    lambda name=name: self._programs[name].pid)
        await self.until_ready(READY_S)
        self._supervisor = asyncio.create_task(self._supervise())

    async def __aexit__(self, *_about: object) -> None:
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
        await asyncio.to_thread(self._end)

    # ------------------------------------------------------------ killing, and coming back

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """At once, with everything the process started; PostgreSQL's children notice by themselves that their parent is gone."""
        part = self.parts[name]
        if (pid := part.pid()) is not None:
            part.killed_at = part.killed_at or time.monotonic()
            with contextlib.suppress(ProcessLookupError):
                (os.kill if part.kind in (POSTGRES, REDIS) else os.killpg)(pid, number)

    async def _supervise(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for part in list(self.parts.values()):
                if self._is_dead(part):
                    await asyncio.sleep(RESTART_AFTER_S)
                    await asyncio.to_thread(part.begin)
            down = [part for part in self.parts.values() if part.killed_at is not None]
            if down and await self._ready():
                for part in down:
                    self.outages.append((part.kind, time.monotonic() - part.killed_at))
                    part.killed_at = None

    @property
    def hurt(self) -> bool:
        """Whether somebody who was killed is not back yet."""
        return any(part.killed_at is not None for part in self.parts.values())

    async def until_ready(self, within_s: float) -> None:
        until = time.monotonic() + within_s
        while not await self._ready():
            assert time.monotonic() < until, f"not ready within {within_s:.0f} s:\n{self._last_words()}"
            await asyncio.sleep(LOOK_EVERY_S)

    async def _ready(self) -> bool:
        async with httpx.AsyncClient(timeout=2) as client:
            answers = await asyncio.gather(*(client.get(f"{address}/readyz") for address in self.addresses), return_exceptions=True)
        return all(isinstance(each, httpx.Response) and each.status_code == 200 for each in answers)

    def _is_dead(self, part: Part) -> bool:
        if part.kind in (POSTGRES, REDIS):
            return bool(self._servers[part.name].failed())
        return self._programs[part.name].poll() is not None

    # ------------------------------------------------------------ starting and ending

    def _serve(self, name: str) -> None:
        """A server on its own data directory; whatever a dead one left behind is cleared away first."""
        if name in self._servers:
            self._servers[name].stop()
        self._servers[name] = start(self.directory / name.lower(), postgres=name == POSTGRES, redis=name == REDIS)

    def _pid(self, name: str) -> int | None:
        return next(iter(self._servers[name].pids.values()), None)

    def _run(self, name: str, arguments: list[str]) -> None:
        log = self.directory / f"{name.replace(' ', '-')}.log"
        with log.open("ab") as stream:
            self._programs[name] = subprocess.Popen(
                [sys.executable, "-m", "succession", *arguments], env={**os.environ, **self.environ}, stdin=subprocess.DEVNULL,
                stdout=stream, stderr=subprocess.STDOUT, start_new_session=True)

    def _last_words(self) -> str:
        return "\n".join(f"{log.name}: {line}" for log in sorted(self.directory.glob("*.log"))
                         for line in log.read_text(errors="replace").splitlines()[-5:])

    def _end(self) -> None:
        for program in self._programs.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
            program.wait()
        for servers in self._servers.values():
            servers.discard()
