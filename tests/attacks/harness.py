"""What is an attack, how does it get into the server, and what shows that it could succeed?

An attack asks what a stranger, a buyer, a rival or an agency can ask over HTTP and returns a `Finding`: what it measured,
and what it learnt that it should not have. Each attack has leaky fixtures: an answer of the honest server is altered on
its way, with the true profiles at hand, and the attack has to notice. An attack without one proves nothing.

    @attack("A4", "bisect a figure", actors="buyer", bound="no set changes between edges", routes=["GET /v1/teasers"])
    async def bisection(scene, door):
        items = await door.teasers("buyer-a", revenue_min="190000000")
        return Finding(f"{len(items)} found", found=[...])

    @bisection.leaky
    async def a_range_on_the_true_figure(scene, request, send):
        answer = await send(request)
        return altered(answer, {**answer.json(), "total_certain": 1})
"""

from __future__ import annotations

import contextlib
import html
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httpx
from litestar.handlers import HTTPRouteHandler

from world import ORIGIN, Caller

if TYPE_CHECKING:
    from attacks.scene import Scene

Send = Callable[[httpx.Request], Awaitable[httpx.Response]]
Leak = Callable[["Scene", httpx.Request, Send], Awaitable[httpx.Response]]
Who = str | Caller | None  # the key of an account of the scene, somebody made by `World`, or nobody in particular
EXAMPLES_MOST = 5


class Finding:
    """What an attack came back with. `measure` is a sentence with numbers; `found` says what was learnt, [] when the
    attack failed, which is what we want."""

    def __init__(self, measure: str, found: Iterable[object] = ()) -> None:
        self.measure, self.found = measure, [str(each)[:300] for each in found]

    def __str__(self) -> str:
        return "; ".join(self.found[:EXAMPLES_MOST]) or self.measure


@dataclass
class Attack:
    """One row of the table. `routes`: "GET /v1/teasers/{ref}", each really requested by `run`; `actors`: who plays."""

    id: str
    tries: str
    actors: str
    bound: str
    routes: tuple[str, ...]
    run: Callable[[Scene, Door], Awaitable[Finding]]
    leaks: dict[str, Leak] = field(default_factory=dict)

    def leaky(self, leak: Leak) -> Leak:
        """Registers a fixture with which the attack has to succeed."""
        self.leaks[leak.__name__] = leak
        return leak


ATTACKS: dict[str, Attack] = {}


def attack(number: str, tries: str, *, actors: str, bound: str, routes: Sequence[str]) -> Callable[[Callable], Attack]:
    """Enters a coroutine function `(scene, door) -> Finding` in the table."""

    def enter(run: Callable[[Scene, Door], Awaitable[Finding]]) -> Attack:
        assert number not in ATTACKS, f"two attacks are called {number}"
        ATTACKS[number] = Attack(number, tries, actors, bound, tuple(routes), run)
        return ATTACKS[number]

    return enter


# --- the way in -----------------------------------------------------------------------------------------------------


class Door:
    """The way into the server that one run of an attack takes. Every request is recorded; a leak may stand in it."""

    def __init__(self, scene: Scene, leak: Leak | None = None) -> None:
        self.scene, self.leak = scene, leak
        self.visited: Counter[str] = Counter()
        scene.memory = {}  # what a leak remembers between answers
        self._clients: dict[object, httpx.AsyncClient] = {}

    def of(self, who: Who) -> httpx.AsyncClient:
        """A client that speaks English unless told otherwise."""
        key = id(who.client) if isinstance(who, Caller) else who
        if key not in self._clients:
            headers = {"Accept-Language": "en"} | self.scene.authorization(who)
            self._clients[key] = httpx.AsyncClient(transport=_Passage(self), base_url=self.scene.base_url,
                                                   headers=headers,
                                                   timeout=60)
        return self._clients[key]

    async def ask(self, who: Who, path: str, method: str = "GET", **options: Any) -> httpx.Response:
        """One request, written as in "GET /v1/teasers?limit=0"."""
        return await self.of(who).request(method, path, **options)

    async def teasers(self, who: Who, **params: Any) -> list[dict[str, Any]]:
        """Every teaser that a search finds, over all pages."""
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            asked = params | {"limit": 100} | ({"cursor": cursor} if cursor else {})
            answer = await self.ask(who, "/v1/teasers", params=asked)
            if answer.status_code != 200:
                raise Refused(answer)
            body = answer.json()
            found, cursor = found + body["items"], body["next_cursor"]
            if cursor is None:
                return found

    def enough(self, found: Sequence[object]) -> bool:
        """Whether an attack need not go on: a leaky fixture is found out by one leak."""
        return len(found) >= (1 if self.leak else EXAMPLES_MOST)

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    async def pass_on(self, request: httpx.Request) -> httpx.Response:
        """The honest server's whole answer, recorded under the template of the route."""
        answer = await self.scene.transport.handle_async_request(request)
        await answer.aread()
        path = request.url.raw_path.split(b"?")[0].decode("latin-1")
        self.visited[self.scene.templates.of(request.method, path)] += 1
        return answer


class Refused(Exception):
    """A search that should have answered did not."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        super().__init__(f"{answer.status_code} {answer.text[:200]}")


class _Passage(httpx.AsyncBaseTransport):
    def __init__(self, door: Door) -> None:
        self.door = door

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.door.leak is None:
            return await self.door.pass_on(request)
        answer = await self.door.leak(self.door.scene, request, self.door.pass_on)
        await answer.aread()
        return answer


def altered(answer: httpx.Response, body: Any = None, status: int | None = None, text: str | None = None,
            **headers: str) -> httpx.Response:
    """The answer with another body (JSON, or text), status or further headers."""
    content = answer.content if body is None and text is None else (text if text is not None
                                                                    else json.dumps(body, ensure_ascii=False)).encode()
    kept = [(name, value) for name, value in answer.headers.items()
            if name not in ("content-length", "content-encoding")]
    added = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return httpx.Response(status or answer.status_code, headers=kept + added, content=content)


def readable(answer: httpx.Response) -> str:
    """Everything an answer says, headers too, however its text is escaped."""
    text = answer.content.decode("utf-8", "replace")
    if "json" in answer.headers.get("content-type", ""):
        with contextlib.suppress(ValueError):
            text += json.dumps(answer.json(), ensure_ascii=False)
    return "\n".join((unquote(html.unescape(text)),
                      *(f"{name}: {unquote(value)}" for name, value in answer.headers.items())))


def items_in(answer: httpx.Response) -> list[dict[str, Any]]:
    """The teasers an answer shows, of whatever route; the very objects inside `answer_json`, to be altered in place."""
    return teasers_in(answer.json()) if answer.headers.get("content-type", "").startswith("application/json") else []


def teasers_in(body: Any) -> list[dict[str, Any]]:
    """Every object with a teaser's shape anywhere in a JSON body."""
    if isinstance(body, dict):
        here = [body] if {"ref", "place", "industry"} <= body.keys() and isinstance(body["ref"], str) else []
        return here + [each for value in body.values() for each in teasers_in(value)]
    return [each for value in body for each in teasers_in(value)] if isinstance(body, list) else []


def on_each_teaser(alter: Callable[[Scene, dict[str, Any], Any], None]) -> Leak:
    """A leak that alters every teaser shown whose true profile is known: `alter(scene, teaser, truth)`, in place."""

    async def leak(scene: Scene, request: httpx.Request, send: Send) -> httpx.Response:
        answer = await send(request)
        if answer.status_code != 200 or not answer.headers.get("content-type", "").startswith("application/json"):
            return answer
        body = answer.json()
        for teaser in teasers_in(body):
            if teaser["ref"] in scene.truth:
                alter(scene, teaser, scene.truth[teaser["ref"]])
        return altered(answer, body)

    leak.__name__ = alter.__name__
    return leak


# --- which route is this? -------------------------------------------------------------------------------------------


class Templates:
    """The routes of the application, and which of them a request reached."""

    def __init__(self, app: Any) -> None:
        self.routes: dict[str, HTTPRouteHandler] = {}
        self._patterns: list[tuple[int, re.Pattern[str], str]] = []
        for route in app.routes:
            handlers = [h for h in getattr(route, "route_handlers", ()) if isinstance(h, HTTPRouteHandler)]
            if not handlers or route.path_format.startswith("/v1/_openapi"):
                continue
            parts = re.split(r"(\{[^}]*\})", route.path_format)
            pattern = "".join((".+" if "path" in part else "[^/]*") if part.startswith("{") else re.escape(part)
                              for part in parts)
            self._patterns.append((len(parts), re.compile(pattern), route.path_format))
            for handler in handlers:
                for method in set(handler.http_methods) - {"OPTIONS", "HEAD"}:
                    self.routes[f"{method} {route.path_format}"] = handler
        self._patterns.sort(key=lambda found: found[0])

    def of(self, method: str, path: str) -> str:
        """"GET /v1/teasers/{ref}", or "GET (no route)"; of several the one with the fewest parameters."""
        for _parts, pattern, written in self._patterns:
            if pattern.fullmatch(path) and (f"{method} {written}" in self.routes or method in ("HEAD", "OPTIONS")):
                return f"{method} {written}"
        return f"{method} (no route)"


def same_origin() -> dict[str, str]:
    """What a browser on our own pages says of itself."""
    return {"Origin": ORIGIN}
