"""A real API process, for what only sockets and processes show: cut connections, memory."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from succession.app import create_app
from succession.config import Settings
from succession.demo.servers import free_port
from world import UNCOUNTED, Caller, Remote

READY_TIMEOUT_S = 60


@dataclass
class Server:
    address: str
    process: psutil.Process
    log: Path

    def client(self, caller: Caller) -> httpx.AsyncClient:
        """The same key over a socket."""
        return httpx.AsyncClient(base_url=self.address, headers=dict(caller.client.headers), timeout=120)

    def world(self, settings: Settings) -> Remote:
        """People who act over sockets. The application only knows the settings: this process searches nothing itself."""
        app = create_app(settings)
        app.state.settings = settings
        return Remote(app, settings.database_url, lambda **headers: httpx.AsyncClient(base_url=self.address, headers=headers, timeout=120))


def on_another_database(settings: Settings, url: str) -> Settings:
    """With the same keys, store and Redis."""
    return Settings.from_env({"SUCCESSION_DEMO": "1", "SUCCESSION_DATA_DIR": str(settings.data_dir), "SUCCESSION_PUBLIC_URL": settings.public_url,
                              "DATABASE_URL": url, "REDIS_URL": settings.redis_url})


@contextlib.contextmanager
def serving(settings: Settings, database_url: str, log: Path, **more: str) -> Iterator[Server]:
    """`succession serve` on the databases, keys and store of this test run."""
    port = free_port("127.0.0.1", 0)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("SUCCESSION_", "DATABASE_", "REDIS_"))}
    environ = inherited | {
        **UNCOUNTED, "SUCCESSION_DEMO": "1", "SUCCESSION_DATA_DIR": str(settings.data_dir), "SUCCESSION_PORT": str(port), "DATABASE_URL": database_url,
        "REDIS_URL": settings.redis_url, "SUCCESSION_PUBLIC_URL": settings.public_url, "SUCCESSION_POOL_APP_SIZE": "4"} | more  # fmt: skip
    with log.open("wb") as stream:
        started = subprocess.Popen([sys.executable, "-m", "succession", "serve"], env=environ, stdout=stream, stderr=subprocess.STDOUT)
    try:
        address, until = f"http://127.0.0.1:{port}", time.monotonic() + READY_TIMEOUT_S
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{address}/readyz", timeout=2).status_code == 200:
                    break
            assert started.poll() is None and time.monotonic() < until, log.read_text(errors="replace")
            time.sleep(0.1)
        yield Server(address, psutil.Process(started.pid), log)
    finally:
        started.terminate()
        try:
            started.wait(timeout=20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@dataclass
class Growth:
    """The most each process of a family held above what it held at the beginning, in bytes."""

    root: psutil.Process
    most: dict[int, int] = field(default_factory=dict)
    base: dict[int, int] = field(default_factory=dict)

    def _look(self) -> None:
        for process in [self.root, *self.root.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                held = process.memory_info().rss
                self.base.setdefault(process.pid, held)
                self.most[process.pid] = max(held, self.most.get(process.pid, 0))

    @contextlib.contextmanager
    def watched(self) -> Iterator[Growth]:
        self._look()
        stop = threading.Event()

        def watch() -> None:
            while not stop.wait(0.02):
                self._look()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield self
        finally:
            stop.set()
            watcher.join()

    @property
    def bytes_of(self) -> dict[int, int]:
        return {pid: self.most[pid] - self.base[pid] for pid in self.most}
