"""A shared cache as RFC 9111 has it, as greedy as it allows: it keeps what it may, and shows it for as long as it may.

Its clock is the test's. Nothing is invented: no heuristic freshness, nothing served stale. Used between readers and the
server, it shows what a proxy or a content network might tell the wrong person, or for too long.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import httpx

#: Statuses a cache may keep without being told that it may (RFC 9110, 15.1).
STORABLE = (200, 203, 204, 300, 301, 404, 405, 410, 414, 501)


@dataclass
class Kept:
    varied: dict[str, str | None]
    answer: httpx.Response
    at: float


@dataclass
class SharedCache:
    now: float = 0.0
    kept: dict[str, list[Kept]] = field(default_factory=dict)
    asked: int = 0  # how often the server was
    revalidated: int = 0
    served: int = 0

    async def get(self, client: httpx.AsyncClient, url: str, **headers: str) -> httpx.Response:
        """What this client gets through the cache. `headers`: of the request, by names with underscores."""
        request = client.build_request("GET", url, headers={name.replace("_", "-"): value for name, value in headers.items()})
        found = next((each for each in self.kept.get(str(request.url), ()) if _varies(request, each.varied)), None)
        if found and ("authorization" not in request.headers or _for_everybody(found.answer)):
            if self.now - found.at < _fresh_for(found.answer):
                self.served += 1
                return found.answer
            if "etag" in found.answer.headers:
                request.headers["If-None-Match"] = found.answer.headers["etag"]
        self.asked += 1
        answer = await client.send(request)
        if answer.status_code == 304 and found:
            self.revalidated += 1
            found.at = self.now
            found.answer.headers.update(answer.headers)
            return found.answer
        if _storable(request, answer):
            varied = {name: request.headers.get(name) for name in _listed(answer, "vary")}
            others = [each for each in self.kept.get(str(request.url), []) if each is not found]
            self.kept[str(request.url)] = [Kept(varied, answer, self.now), *others]
        return answer


def _varies(request: httpx.Request, varied: dict[str, str | None]) -> bool:
    return "*" not in varied and all(request.headers.get(name) == value for name, value in varied.items())


def _listed(answer: httpx.Response, name: str) -> list[str]:
    return [each.strip().lower() for each in answer.headers.get(name, "").split(",") if each.strip()]


def _for_everybody(answer: httpx.Response) -> bool:
    told = answer.headers.get("cache-control", "")
    return any(word in told for word in ("public", "must-revalidate", "s-maxage"))


def _fresh_for(answer: httpx.Response) -> float:
    told = answer.headers.get("cache-control", "")
    found = re.search(r"s-maxage=(\d+)", told) or re.search(r"max-age=(\d+)", told)
    return float(found[1]) if found and "no-cache" not in told else 0.0


def _storable(request: httpx.Request, answer: httpx.Response) -> bool:
    told = _listed(answer, "cache-control")
    return (answer.status_code in STORABLE and not {"no-store", "private"} & {word.partition("=")[0] for word in told}
            and "*" not in _listed(answer, "vary") and ("authorization" not in request.headers or _for_everybody(answer))
            and ("etag" in answer.headers or _fresh_for(answer) > 0))
