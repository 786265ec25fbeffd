"""Clients as one would write them: a key for every request that creates, the other server when one does not answer, patience.

`Persistent` is a transport, so that the same helpers that every other test uses walk the road under fire.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from world import Caller, World

GIVE_UP_S = 90.0  # of one request, however often it was tried
PAUSE_S = 0.15
REQUEST_S = 30.0
LETTERS_MOST = 40  # the newest: more than one reader can wait for at a time


class GaveUp(AssertionError):
    """Nobody answered for too long: what must come back did not."""


class Wrong(AssertionError):
    """An answer nobody may ever get: a 5xx that is no 503, or a 503 that is no problem document."""


class Told:
    """What all clients were answered, together; a refusal with its problem code, or "page". `longest_s`: the longest that one request
    had to be repeated."""

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.longest_s = 0.0
        self.found_done = 0  # an answer was lost, and asking again showed that the work had been done


class Persistent(httpx.AsyncBaseTransport):
    def __init__(self, addresses: Callable[[], list[str]], told: Told) -> None:
        self.addresses, self.told = addresses, told
        self._turn = 0
        self._inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=4))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        began, lost = time.monotonic(), False
        body = await request.aread()
        if request.method == "POST":
            request.headers.setdefault("Idempotency-Key", uuid.uuid4().hex)
        while True:
            answer = await self._once(request, body)
            if answer is not None and answer.status_code != 503:
                self.told.longest_s = max(self.told.longest_s, time.monotonic() - began)
                if lost and request.url.path.startswith("/owner/") and request.method == "POST" and answer.status_code in (404, 409, 410):
                    self.told.found_done += 1  # a link works once: that it works no more says that the answer was taken
                    return httpx.Response(200, text="taken", request=request)
                return answer
            lost |= answer is None
            if time.monotonic() - began > GIVE_UP_S:
                raise GaveUp(f"{request.method} {request.url.path}")
            await asyncio.sleep(PAUSE_S)

    async def _once(self, request: httpx.Request, body: bytes) -> httpx.Response | None:
        """One try at the next server; None when the connection was refused or cut."""
        self._turn += 1
        addresses = self.addresses()
        server = httpx.URL(addresses[self._turn % len(addresses)])
        sent = httpx.Request(request.method, request.url.copy_with(scheme="http", host=server.host, port=server.port),
                             headers=request.headers, content=body, extensions={"timeout": httpx.Timeout(REQUEST_S).as_dict()})
        try:
            answer = await self._inner.handle_async_request(sent)
            await answer.aread()
        except (httpx.TransportError, OSError):
            self.told.statuses["no answer"] += 1
            return None
        self.told.statuses[_said(answer)] += 1
        if answer.status_code >= 500 and (answer.status_code != 503 or not answer.headers["content-type"].startswith("application/problem+json")):
            raise Wrong(f"{request.method} {request.url.path}: {answer.status_code} {answer.text[:300]}")
        return answer

    async def aclose(self) -> None:
        await self._inner.aclose()


def _said(answer: httpx.Response) -> str:
    """ "201", "503", "409 second_factor_used", "410 page"."""
    if answer.status_code < 400 or answer.status_code == 503:
        return str(answer.status_code)
    problem = answer.headers["content-type"].startswith("application/problem+json")
    return f"{answer.status_code} {answer.json()['code'] if problem else 'page'}"


class Besieged(World):
    """The world of other tests, over real HTTP to whoever serves; what it reads in the database it reads when that is back."""

    def __init__(self, app: Any, database_url: str, addresses: Callable[[], list[str]], told: Told) -> None:
        super().__init__(app, database_url)
        self.addresses, self.told = addresses, told
        self._seeding: asyncpg.Pool | None = None

    def client(self, **headers: str) -> httpx.AsyncClient:
        client = httpx.AsyncClient(transport=Persistent(self.addresses, self.told), base_url="http://127.0.0.1:8400",
                                   headers={"Accept-Language": "en", **headers}, timeout=None)
        self._clients.append(client)
        return client

    async def seed(self, sql: str, *values: Any) -> Any:
        """Only what a test presupposes is written with this, before the siege; later it reads."""
        return await patiently(lambda: super(Besieged, self).seed(sql, *values))

    async def letters(self, address: str | None = None, *, member: UUID | None = None, organisation: UUID | None = None) -> list[dict[str, Any]]:
        """A worker is at work here: what it has delivered is read in the folder of mails, where links and codes still stand."""
        wanted = {"address": address, "member": member and str(member), "organisation": organisation and str(organisation)}
        field, value = next((name, value) for name, value in wanted.items() if value)
        rows = await self.seed("SELECT id, payload::text FROM ops.outbox WHERE topic = 'mail' AND payload -> 'to' ->> $1 = $2 "
                               "ORDER BY id DESC LIMIT $3", field, value, LETTERS_MOST)
        folder = self.app.state.settings.mail_dir
        found = [(row["id"], json.loads(row["payload"])) for row in reversed(rows)]
        return [letter if "params" in letter else letter | {"params": _delivered(folder, f"{number:08d}-{letter['template']}.txt")}
                for number, letter in found]

    async def signing(self, caller: Caller, path: str, text_hash: str, **fields: Any) -> dict[str, Any]:
        """One member signs for several projects at the same time: which code is for which the letter says, as it does to a person."""
        body, project = await super().signing(caller, path, text_hash, **fields), (await caller.get(path)).json()["project_name"]
        codes = [each["params"]["code"] for each in await self.letters(member=caller.member_id)
                 if each["template"] == "nda_code" and any(project in said for said in each["params"].values())]
        return body | {"code": codes[-1]}


def _delivered(folder: Path, name: str) -> dict[str, str]:
    """What can be taken from a letter: a link, or a code of six digits; and all it says."""
    letter = (folder / name).read_text(encoding="utf-8")
    taken = {"link": re.search(r"http://\S+/owner/\S+", letter), "code": re.search(r"(?m)^\s*(\d{6})\s*$", letter)}
    return {what: match[1 if match.lastindex else 0] for what, match in taken.items() if match} | {"text": letter}


async def patiently(doing: Callable[[], Any]) -> Any:
    """Until the database answers."""
    began = time.monotonic()
    while True:
        try:
            return await doing()
        except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.CannotConnectNowError,
                asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError,
                asyncpg.QueryCanceledError):  # a backend that outlived its killed parent is told to stop
            if time.monotonic() - began > GIVE_UP_S:
                raise
            await asyncio.sleep(PAUSE_S)
