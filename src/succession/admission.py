"""What does a process do with more requests than it can answer?

So many are worked on, so many wait in line, for so long; whoever comes on top is told at once to come back. Latency then
has a bound, memory too, and what was accepted is answered. A small body is there before its request takes a place, and large
ones stand in a line of their own, so that neither who sends slowly nor slow uploads keep anybody from searching. Of that line
nobody holds more than a share, and a body that comes slower than a pace is not waited for, so that slow uploads do not keep
other uploads out either.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import NamedTuple

import msgspec
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send
from litestar.types import Message as AsgiMessage

from succession.errors import Problem, render
from succession.http import PROBLEM_JSON, SECURITY_HEADERS
from succession.i18n import Message, _, negotiate
from succession.throttle import network_of


class Line(NamedTuple):
    """`places`: requests worked on at once; `waiting`: those that may wait for one; `wait_s`: how long, at most."""

    places: int
    waiting: int
    wait_s: float


class Pace(NamedTuple):
    """A body has so many more `bytes`, or ends, within `wait_s` of waiting for its sender; what we take to digest it is not counted."""

    bytes: int
    wait_s: float


# A request costs 5 to 30 ms of processor: the line is about two seconds long, as long as anybody waits in it.
ORDINARY = Line(places=48, waiting=128, wait_s=2.0)
LARGE = Line(places=8, waiting=8, wait_s=5.0)
LARGE_FROM_BYTES = 100_000
LARGE_SHARE = 3  # places of that line, waiting included, that one network holds; one organisation; all whom nobody knows together
PACE = Pace(bytes=240_000, wait_s=30.0)  # 8 kB a second, and half a minute without a byte
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


class _Stake:
    """A place in the line of large bodies, or the wait for one: counted under the network at the door, and under whoever it
    turns out to be before a byte of the body is read."""

    def __init__(self, held: Counter[str], most: int) -> None:
        self.held, self.most, self.names = held, most, []

    def belongs_to(self, whose: str) -> None:
        """Raises Problem rate_limited when they hold their share already."""
        if self.held[whose] >= self.most:
            raise Problem("rate_limited", Message.of(_("At most {most} large bodies of one sender are taken at once."), most=self.most),
                          headers={"Retry-After": str(random.randint(*RETRY_AFTER_S))})
        self.held[whose] += 1
        self.names.append(whose)

    def give_back(self) -> None:
        self.held -= Counter(self.names)  # in place, and nobody is kept at nought
        self.names = []

    def __enter__(self) -> _Stake:
        return self

    def __exit__(self, *_error: object) -> None:
        self.give_back()


async def within_share(connection: ASGIConnection, _handler: BaseRouteHandler) -> None:
    """Guard: of whom the large body is. Programs without this door (tests, the demo's walk) have no line to share."""
    stake = connection.scope["state"].get("stake")
    if stake is not None:
        stake.belongs_to(f"organisation {connection.user.organisation_id or 'unknown'}")


class Admission:
    """ASGI: in front of everything. A place is given back when the answer is complete, or begins to stream."""

    def __init__(self, app: ASGIApp, ordinary: Line = ORDINARY, large: Line = LARGE, share: int = LARGE_SHARE, pace: Pace = PACE) -> None:
        self.app, self.ordinary, self.large, self.share, self.pace = app, _Queue(ordinary), _Queue(large), share, pace
        self.held: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in ALWAYS:
            await self.app(scope, receive, send)
            return
        large = _is_large(scope)
        queue, receive = self.large if large else self.ordinary, _paced(receive, self.pace)
        with _Stake(self.held, self.share) as stake:
            try:
                if large:
                    stake.belongs_to(f"network {network_of(client[0] if (client := scope.get('client')) else '')}")
                    scope.setdefault("state", {})["stake"] = stake
                else:
                    receive = await _with_body(scope, receive)
                if not await queue.enter():
                    raise Problem("overloaded")
            except Problem as problem:
                await _send_away(scope, send, problem)
                return
            await self._let_in(queue, stake, scope, receive, send)

    async def _let_in(self, queue: _Queue, stake: _Stake, scope: Scope, receive: Receive, send: Send) -> None:
        held = True

        def leave() -> None:
            nonlocal held
            if held:
                held = False
                queue.free.release()
                stake.give_back()

        async def watch(message: AsgiMessage) -> None:
            if message["type"] == "http.response.body" and message.get("more_body"):
                leave()
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            leave()


def _is_large(scope: Scope) -> bool:
    stated = dict(scope["headers"])
    length = stated.get(b"content-length", b"")
    return b"transfer-encoding" in stated or (length.isdigit() and int(length) > LARGE_FROM_BYTES)


def _paced(receive: Receive, pace: Pace) -> Receive:
    """The same messages; Problem body_too_slow where the body falls behind the pace."""
    waited, arrived, over = 0.0, 0, False

    async def next_part() -> AsgiMessage:
        nonlocal waited, arrived, over
        if over:
            return await receive()  # whether the caller is still there
        begun = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(pace.wait_s - waited):
                message = await receive()
        except TimeoutError:
            raise Problem("body_too_slow", Message.of(_("At least {bytes} bytes, or the rest, are expected every {wait_s} seconds."),
                                                       bytes=pace.bytes, wait_s=f"{pace.wait_s:g}"), headers={"Connection": "close"}) from None
        waited, arrived = waited + asyncio.get_running_loop().time() - begun, arrived + len(message.get("body", b""))
        if arrived >= pace.bytes:
            waited, arrived = 0.0, 0
        over = not message.get("more_body")
        return message

    return next_part


async def _with_body(scope: Scope, receive: Receive) -> Receive:
    """The same messages, once all of a body smaller than LARGE_FROM_BYTES has arrived: whoever is slow waits outside."""
    if dict(scope["headers"]).get(b"content-length", b"0") == b"0":
        return receive
    arrived = [await receive()]
    while arrived[-1].get("more_body"):
        arrived.append(await receive())

    async def again() -> AsgiMessage:
        return arrived.pop(0) if arrived else await receive()

    return again


async def _send_away(scope: Scope, send: Send, problem: Problem) -> None:
    stated = dict(scope["headers"])
    locale = negotiate(stated.get(b"accept-language", b"").decode("latin-1"))
    body = msgspec.json.encode(render(problem, locale, scope["path"]))
    told = {"Content-Type": PROBLEM_JSON, "Content-Length": str(len(body)), "Content-Language": locale, "Cache-Control": "no-store",
            "Vary": "Accept-Language", "Referrer-Policy": "no-referrer", **SECURITY_HEADERS, **problem.headers}
    if problem.status == 503:
        told["Retry-After"] = str(random.randint(*RETRY_AFTER_S))
    await send({"type": "http.response.start", "status": problem.status,
                "headers": [(name.lower().encode(), value.encode()) for name, value in told.items()]})
    await send({"type": "http.response.body", "body": body})
