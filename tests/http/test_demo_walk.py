"""Does the demo walk its deal against a real server process, end by itself, and leave nothing behind however it ends?"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from conftest import TEMPLATE, _database, _make_database
from succession.demo.servers import free_port

SMALL = ("--listings", "120", "--world", "20000")
REDIS_DATABASE = 14  # apart from those of the test processes
START_TIMEOUT_S, STOP_TIMEOUT_S = 120, 25


@pytest.fixture(scope="module")
def environ(worker_id: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An empty migrated database and the test run's Redis, as somebody with servers of their own has them. Whoever comes
    second finds what the first has built."""
    base = os.environ["SUCCESSION_TEST_DATABASE_URL"]
    name = f"succession_walk_{worker_id}_{os.getpid()}"
    asyncio.run(_make_database(base, name, TEMPLATE))
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("SUCCESSION_", "DATABASE_", "REDIS_"))}
    return inherited | {
        "SUCCESSION_DATA_DIR": str(tmp_path_factory.mktemp("demo")), "DATABASE_URL": _database(base, name), "NO_COLOR": "1",
        "REDIS_URL": os.environ["SUCCESSION_TEST_REDIS_URL"].replace("db=0", f"db={REDIS_DATABASE}")}  # fmt: skip


def _demo(environ: dict[str, str], log: Path, *arguments: str) -> subprocess.Popen:
    with log.open("wb") as stream:
        return subprocess.Popen([sys.executable, "-m", "succession", "demo", *SMALL, *arguments], env=environ, stdout=stream,
                                stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip


@contextlib.contextmanager
def _running(environ: dict[str, str], log: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen, str]]:
    """A demo that has become ready, with its address; ended at the latest with the block."""
    demo = _demo(environ, log, *arguments)
    try:
        until = time.monotonic() + START_TIMEOUT_S
        while not (ready := re.search(r"^ready: (http\S+)", log.read_text(errors="replace"), re.MULTILINE)):
            assert demo.poll() is None and time.monotonic() < until, log.read_text(errors="replace")
            time.sleep(0.05)
        yield demo, ready[1]
    finally:
        family = [psutil.Process(demo.pid), *_children(demo)] if demo.poll() is None else []
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.kill()
        demo.wait()


def _children(demo: subprocess.Popen) -> list[psutil.Process]:
    return psutil.Process(demo.pid).children(recursive=True)


def _wait_gone(processes: list[psutil.Process]) -> list[psutil.Process]:
    return psutil.wait_procs(processes, timeout=STOP_TIMEOUT_S)[1]


# ---------------------------------------------------------------- the walk


@pytest.mark.slow
def test_every_step_of_the_walk_answers_as_it_should(environ: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "walk.log"
    status = _demo(environ, log, "--exit").wait(timeout=300)
    told = log.read_text()
    assert status == 0, told
    assert "✗" not in told and "every one answered as it should" in told
    for refused in ("mandate_needed", "mandate_unconfirmed", "guideline_violation", "not_publishable", "excluded_never_public", "owner_approval_needed",
                    "screening_needed", "screening_unread", "nda_needed", "nda_text_changed", "name_clear_needed", "consent_used",
                    "request_too_soon", "folder_permission_needed", "know_how_order", "recipient_check_needed", "parked", "step_refused", "second_factor_needed"):  # fmt: skip
        assert f"refused, {refused}" in told, refused
    assert "every link holds" in told
    assert not re.search(r"/owner/[\w-]{20}", told)  # single-use links stay out of what is printed


# ---------------------------------------------------------------- starting and ending


@pytest.mark.slow
def test_it_starts_again_at_once_takes_a_free_port_and_ends_whole(environ: dict[str, str], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = str(taken.getsockname()[1])
        with _running(environ, tmp_path / "first.log", "--port", wanted) as (demo, address):
            assert not address.endswith(f":{wanted}") and f"port {wanted} is taken" in (tmp_path / "first.log").read_text()
            assert httpx.get(f"{address}/readyz").status_code == 200
            children = _children(demo)
            demo.send_signal(signal.SIGINT)
            assert demo.wait(timeout=STOP_TIMEOUT_S) == 130  # Ctrl-C in the middle of the walk
            assert len(children) >= 1 and _wait_gone(children) == []
    with _running(environ, tmp_path / "second.log", "--port", str(free_port("127.0.0.1", 0))) as (demo, address):
        assert "demo world" not in (tmp_path / "second.log").read_text()  # nothing is built twice
        children = _children(demo)
        demo.kill()  # no chance to tidy up: the children notice by themselves
        assert children and _wait_gone(children) == []
    with _running(environ, tmp_path / "third.log", "--port", str(free_port("127.0.0.1", 0))) as (demo, address):
        api = next(child for child in _children(demo) if child.cmdline()[-1] == "serve")
        api.kill()
        assert demo.wait(timeout=60) == 1
        assert "api ended with status -9" in (tmp_path / "third.log").read_text()


def test_a_port_that_is_free_is_taken_and_a_taken_one_is_not() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port("127.0.0.1", port) != port
    assert free_port("127.0.0.1", port) == port
