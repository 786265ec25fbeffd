"""What does a process do with more requests than it can answer?

So many are worked on, so many wait in line, for so long; whoever comes on top is told at once to come back. Latency then
has a bound, memory too, and what was accepted is answered. A small body is there before its request takes a place, and large
ones stand in a line of their own, so that neither who sends slowly nor slow uploads keep anybody from searching.
"""

from __future__ import annotations

import asyncio
import random
from typing import NamedTuple

import msgspec
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from succession.errors import Problem, render
from succession.http import PROBLEM_JSON, SECURITY_HEADERS
from succession.i18n import negotiate


class Line(NamedTuple):
    """`places`: requests worked on at once; `waiting`: those that may wait for one; `wait_s`: how long, at most."""

    places: int
    waiting: int
    wait_s: float


# A request costs 5 to 30 ms of processor: the line is about two seconds long, as long as anybody waits in it.
ORDINARY = Line(places=48, waiting=128, wait_s=2.0)
LARGE = Line(places=8, waiting=8, wait_s=5.0)
LARGE_FROM_BYTES = 100_000
RETRY_AFTER_S = (1, 4)  # drawn by lot: who was sent away together does not come back together
ALWAYS = ("/healthz", "/readyz")  # a process that is busy is not ill


class _Queue:
    """Places and a line before them: first come, first served."""

    def __init__(self, line: Line) -> None:
        self.line, self.free, self.waiting = line, asyncio.Semaphore(line.places), 0

    async def enter(self) -> bool:
        """Whether there is a place, now or within the wait."""
        if not self.free.locked():
            await self.free.acquire()
            return True
        if self.waiting >= self.line.waiting:
            return False
        self.waiting += 1
        try:
            async with asyncio.timeout(self.line.wait_s):
                await self.free.acquire()
            return True
        except TimeoutError:
            return False
        finally:
            self.waiting -= 1


class Admission:
    """ASGI: in front of everything. A place is given back when the answer is complete, or begins to stream."""

    def __init__(self, app: ASGIApp, ordinary: Line = ORDINARY, large: Line = LARGE) -> None:
        self.app, self.ordinary, self.large = app, _Queue(ordinary), _Queue(large)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in ALWAYS:
            await self.app(scope, receive, send)
            return
        queue = self.large if _is_large(scope) else self.ordinary
        if queue is self.ordinary:
            receive = await _with_body(scope, receive)
        if not await queue.enter():
            await _send_away(scope, send)
            return
        held = True

        async def watch(message: Message) -> None:
            nonlocal held
            if held and message["type"] == "http.response.body" and message.get("more_body"):
                held = False
                queue.free.release()
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            if held:
                queue.free.release()


def _is_large(scope: Scope) -> bool:
    stated = dict(scope["headers"])
    length = stated.get(b"content-length", b"")
    return b"transfer-encoding" in stated or (length.isdigit() and int(length) > LARGE_FROM_BYTES)


async def _with_body(scope: Scope, receive: Receive) -> Receive:
    """The same messages, once all of a body smaller than LARGE_FROM_BYTES has arrived: whoever is slow waits outside."""
    if dict(scope["headers"]).get(b"content-length", b"0") == b"0":
        return receive
    arrived = [await receive()]
    while arrived[-1].get("more_body"):
        arrived.append(await receive())

    async def again() -> Message:
        return arrived.pop(0) if arrived else await receive()

    return again


async def _send_away(scope: Scope, send: Send) -> None:
    stated = dict(scope["headers"])
    locale = negotiate(stated.get(b"accept-language", b"").decode("latin-1"))
    body = msgspec.json.encode(render(Problem("overloaded"), locale, scope["path"]))
    told = {"Content-Type": PROBLEM_JSON, "Content-Length": str(len(body)), "Content-Language": locale, "Cache-Control": "no-store",
            "Vary": "Accept-Language", "Referrer-Policy": "no-referrer", "Retry-After": str(random.randint(*RETRY_AFTER_S)), **SECURITY_HEADERS}
    await send({"type": "http.response.start", "status": 503,
                "headers": [(name.lower().encode(), value.encode()) for name, value in told.items()]})
    await send({"type": "http.response.body", "body": body})
