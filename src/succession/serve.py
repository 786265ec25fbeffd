"""How is the API served: by how many processes, behind which proxies, and what of a request is written down?"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator

import uvicorn
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from succession import logs
from succession.admission import Admission
from succession.app import create_app
from succession.config import Settings
from succession.key_ring import check_directory
from succession.market.dictionary import dictionary

log = logging.getLogger("succession.access")
_M_MMAP_THRESHOLD = -3  # malloc.h
GRACE_S = 10  # requests under way may finish within this


class AccessLog:
    """One line per request: method, the route's template, status, milliseconds.

    The template and not the path: paths hold references and the single-use links of owners, queries hold wishes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            template = scope.get("path_template") or "(no such route)"
            log.info("%s %s %d %.0fms", scope["method"], template, status, (time.perf_counter() - started) * 1000)


def application() -> ASGIApp:
    """What every serving process runs; settings from the environment."""
    logs.set_up()
    _give_large_blocks_back()
    dictionary()  # no first search waits for it; and before the rest: what building it leaves behind is room for that
    app = AccessLog(Admission(create_app(Settings.from_env())))
    gc.collect()
    gc.freeze()  # what a program consists of is not looked through again and again for what to throw away
    return app


def _give_large_blocks_back() -> None:
    """Of glibc: what is large is mapped by itself and goes back when it is freed. Left alone, the first of them to be freed raises
    the bound to its own size, and the next ones leave holes that no small thing fills."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 128 * 1024)


@contextlib.contextmanager
def _servers(settings: Settings) -> Iterator[None]:
    """Our own PostgreSQL and Redis when no address of one is set, migrated, for as long as we serve."""
    if settings.database_url and settings.redis_url:
        yield
        return
    import asyncio

    from succession.embedded import start
    from succession.migrations import migrate

    wanted = {"postgres": settings.database_url is None, "redis": settings.redis_url is None}
    with start(settings.data_dir, **wanted) as servers:
        os.environ.update(servers.environ)  # the serving processes read their settings from there
        asyncio.run(migrate(Settings.from_env().database_url))
        yield


def run(arguments: list[str]) -> int:
    """`succession serve [--host H] [--port P] [--workers N]`: until SIGTERM or SIGINT, letting requests finish."""
    parser = argparse.ArgumentParser(prog="succession serve")
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="port to listen on")
    parser.add_argument("--workers", type=int, default=1, help="processes that share the port")
    chosen = parser.parse_args(arguments)
    for name in ("host", "port"):
        if getattr(chosen, name) is not None:
            os.environ[f"SUCCESSION_{name.upper()}"] = str(getattr(chosen, name))
    settings = Settings.from_env()
    check_directory(settings)
    logs.set_up()
    # uvicorn raises the signal that stopped it once more when it is done: then our own servers end too, and status is 0.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    with _servers(settings):
        logging.getLogger("succession.serve").info("serving on %s port %d", settings.host, settings.port)
        uvicorn.run(
            "succession.serve:application", factory=True, host=settings.host, port=settings.port, workers=max(1, chosen.workers),
            loop="uvloop", http="httptools", ws="none", lifespan="on", log_config=None, access_log=False, server_header=False,
            proxy_headers=True, forwarded_allow_ips=",".join(settings.trusted_proxies), timeout_graceful_shutdown=GRACE_S,
        )
    return 0
