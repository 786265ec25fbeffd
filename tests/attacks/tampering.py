"""Does a request that nobody honest writes open anything, or tell anything?

B1: methods. B2: hosts. B3: paths. B4: bodies.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx

from attacks.harness import Door, Finding, altered, attack, readable
from attacks.scene import Scene
from attacks.wire import MOVING
from world import ORIGIN

# --- B1 -------------------------------------------------------------------------------------------------------------


@attack("B1", "HEAD, OPTIONS, TRACE, unknown methods and method overrides on what is hidden",
        actors="anonymous, stranger buyer, rival",
        bound="answered as for a reference that does not exist; nothing done",
        routes=("GET /v1/teasers/{ref}", "GET /v1/listings/{listing_id}"))
async def methods(scene: Scene, door: Door) -> Finding:
    hidden = next(truth for truth in scene.truth.values() if not truth.audiences & 9 and truth.holder == "center")
    found, tried = [], 0
    for who in ("anonymous", "bank"):
        for path, real in (("/v1/teasers/{}", hidden.ref), ("/v1/listings/{}", str(hidden.listing_id)),
                           ("/v1/listings/{}/publication", str(hidden.listing_id)),
                           ("/v1/listings/{}/ledger", str(hidden.listing_id))):
            other = uuid4().hex if "teasers" in path else str(uuid4())
            for method in ("GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "PURGE", "DELETE", "PUT", "POST"):
                overrides = ({}, {"X-HTTP-Method-Override": "GET"}, {"X-HTTP-Method": "DELETE"},
                             {"X-Method-Override": "DELETE"}) if method == "POST" else ({},)
                for headers in overrides:
                    tried += 1
                    told = [_seen_as(await door.ask(who, path.format(each), method, headers=headers), each)
                            for each in (real, other)]
                    if told[0] != told[1]:
                        found.append(f"{who} {method} {path} {headers}: {told[0][0]} for what exists, {told[1][0]} for what does not")
                    if method in ("TRACE", "PROPFIND", "PURGE") and told[0][0] < 400:
                        found.append(f"{method} {path} is answered with {told[0][0]}")
    for who in ("desk", "buyer-a"):
        await door.ask(who, f"/v1/teasers/{hidden.ref}", "POST", headers={"X-HTTP-Method-Override": "DELETE"},
                       params={"_method": "DELETE"})
    if not await scene.world.seed("SELECT 1 FROM market.teaser WHERE encode(uuid_send(ref), 'hex') = $1", hidden.ref):
        found.append("a teaser was taken down by an overridden method")
    return Finding(f"{tried} pairs of requests, {len(found)} that tell what exists", found)


def _seen_as(answer: httpx.Response, own: str) -> tuple[int, str, str]:
    headers = {name: value for name, value in answer.headers.items() if name not in MOVING}
    return answer.status_code, answer.text.replace(own, "#"), str(sorted(headers.items())).replace(own, "#")


@methods.leaky
async def a_head_that_finds_what_get_hides(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    return altered(answer, status=200, text="") if request.method == "HEAD" and request.url.path.rpartition("/")[2] in scene.truth else answer


@methods.leaky
async def options_that_know_the_state(scene: Scene, request: Any, send: Any) -> Any:
    answer, known = await send(request), {str(truth.listing_id) for truth in scene.truth.values()}
    return altered(answer, x_state="listed") if request.method == "OPTIONS" and any(each in known for each in request.url.path.split("/")) else answer


# --- B2 -------------------------------------------------------------------------------------------------------------

EVIL = "attacker.invalid"


@attack("B2", "state a foreign host, origin and proxy headers", actors="anonymous, buyer",
        bound="no answer or letter repeats them",
        routes=("POST /v1/password-resets", "GET /v1/teasers", "POST /v1/sessions", "GET /password"))
async def hosts(scene: Scene, door: Door) -> Finding:
    headers = {"Host": EVIL, "X-Forwarded-Host": EVIL, "Forwarded": f"host={EVIL}", "X-Original-URL": f"http://{EVIL}/",
               "X-Forwarded-Proto": EVIL,
               "Referer": f"http://{EVIL}/"}
    email, found, letters = scene.accounts["buyer-b"].email, [], len(await scene.world.letters(scene.accounts["buyer-b"].email))
    for who, method, path, body in (("anonymous", "POST", "/v1/password-resets", {"email": email}),
                                    ("anonymous", "GET", "/v1/teasers?limit=1", None),
                                    ("anonymous", "GET", f"/v1/teasers/{uuid4().hex}", None),
                                    ("anonymous", "GET", "/password?token=x", None),
                                    ("anonymous", "POST", "/v1/sessions", {"email": email, "password": "x" * 20}),
                                    ("buyer-a", "GET", "/v1/deals", None), ("anonymous", "GET", "/v1/teasers/", None)):
        answer = await door.ask(who, path, method, json=body, headers=headers)
        if EVIL in readable(answer):
            found.append(f"{method} {path} repeats the host")
    rows = await scene.world.seed("SELECT payload::text FROM ops.outbox ORDER BY id DESC LIMIT 20")
    found += ["a letter links to the foreign host" for row in rows if EVIL in row[0]]
    sent = [letter["params"]["link"] for letter in (await scene.world.letters(email))[letters:]
            if "link" in letter["params"]]
    found += [f"a letter links to {link[:40]}" for link in sent if not link.startswith(ORIGIN)]
    refused = await door.ask("anonymous", "/v1/sessions", "POST", json={"email": email, "password": "x" * 20},
                             headers={"Origin": f"http://{EVIL}"})
    if refused.status_code != 403:
        found.append(f"signing in from a foreign page is answered with {refused.status_code}")
    return Finding(f"8 requests, {len(rows)} letters read, {len(found)} repeat the foreign host", found)


@hosts.leaky
async def links_made_from_the_host(_scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    return altered(answer, link=f"<http://{request.headers.get('host')}/v1/teasers>; rel=self")


# --- B3 -------------------------------------------------------------------------------------------------------------


def _written(path: str) -> Iterator[str]:
    yield from (path + "/", "/" + path, path.replace("/v1/", "/v1//"), path.replace("/v1/", "/V1/"),
                path.replace("/v1/", "/v1/%2e/"),
                path.replace("/v1/", "/v1/teasers/%2e%2e/"), path.replace("/v1/", "/v1/teasers/..%2f"),
                path.replace("listings", "%6cistings"),
                path.replace("listings", "listings;a=b"), path + ";.json", path + ".json", path + "%00", path + "%20",
                path + "?", path + "%2f",
                path.replace("/v1/", "/v1/%c0%ae%c0%ae/"), path.replace("/v1", "/v1%5c.."),
                path.replace("/v1/", "/static/../v1/"))  # fmt: skip


@attack("B3", "write paths in other ways: dots, doubled and encoded separators, suffixes, traversal under /static",
        actors="anonymous, rival, stranger buyer",
        bound="no word of a company and no file of the program",
        routes=("GET /static/{file_path}", "GET /v1/listings/{listing_id}"))
async def paths(scene: Scene, door: Door) -> Finding:
    truth = next(each for each in await scene.strangers_to(scene.caller("buyer-b")) if each.holder == "center")
    found, tried = [], 0
    for who in ("anonymous", "bank", "buyer-b"):
        for path in (f"/v1/listings/{truth.listing_id}", f"/v1/listings/{truth.listing_id}/documents"):
            for written in (path, *_written(path)):
                tried += 1
                answer = await _raw(scene, door, who, written)
                if answer.status_code in (200, 500) or any(word in readable(answer) for word in truth.secrets):
                    found.append(f"{who} {written}: {answer.status_code}")
    climb = "/static/{}pyproject.toml"
    for up in ("../" * 3, "%2e%2e/" * 3, "..%2f" * 3, "%2e%2e%2f" * 3, "..%5c" * 3, "....//" * 3, "%252e%252e%252f" * 3,
               "/" * 3, "%2fetc%2fpasswd%00"):
        for target in (climb.format(up), f"/static/{up}etc/passwd", f"/static/{up}src/succession/app.py",
                       f"/static/{up}serve.log"):
            tried += 1
            answer = await _raw(scene, door, "anonymous", target)
            if answer.status_code == 200 or re.search(r"\[project\]|root:|import Litestar", answer.text):
                found.append(f"{target}: {answer.status_code}")
    return Finding(f"{tried} paths, {len(found)} opened something", found)


async def _raw(scene: Scene, door: Door, who: str, target: str) -> httpx.Response:
    """The path as written: over a socket httpx would tidy it, so the target is given to the connection as bytes."""
    extensions = {"target": target.encode()} if scene.full else {}
    return await door.of(who).request("GET", target.replace("//", "/%2f"), extensions=extensions)


@paths.leaky
async def a_proxy_that_decodes_before_it_decides(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if "%6c" in str(request.url.raw_path) or b"%6c" in request.extensions.get("target", b""):
        return altered(answer, {"profile": next(each for each in scene.truth.values()
                                                if each.holder == "center").words}, 200)
    return answer


@paths.leaky
async def files_of_the_program(_scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    return altered(answer, status=200, text="[project]") if "pyproject" in request.url.path else answer


# --- B4 -------------------------------------------------------------------------------------------------------------

ECHO = "回声" * 600
LARGEST_ANSWER_BYTES = 20_000


def _bodies(megabytes: int) -> Iterator[tuple[str, bytes, dict[str, str]]]:
    plain = {"Content-Type": "application/json"}
    yield f"{megabytes} MB of text", json.dumps({"email": "x" * megabytes * 1_000_000}).encode(), plain
    yield "deep lists", b"[" * 100_000 + b"]" * 100_000, plain
    yield "deep objects", b'{"a":' * 50_000 + b"1" + b"}" * 50_000, plain
    yield "a long number", b'{"email":' + b"9" * 100_000 + b"}", plain
    yield "many keys", json.dumps({f"k{n}": n for n in range(50_000)}).encode(), plain
    yield "half a surrogate", b'{"email":"\\ud800"}', plain
    yield "bytes that are no text", b'{"email":"\xff\xfe"}', plain
    yield "right-to-left, zero-width, emoji", json.dumps({"email": "\u202e\u200b\U0001f9d1\u200d\U0001f692" * 500}).encode(), plain
    yield "a key of a megabyte", json.dumps({"回声" * 300_000: 1}).encode(), plain
    yield "an echo", json.dumps({ECHO: ECHO, "email": ECHO, "password": ECHO, "desk_id": ECHO,
                                 "token": ECHO}).encode(), plain
    yield "compressed", gzip.compress(b'{"email":"' + b"x" * 10_000_000 + b'"}'), plain | {"Content-Encoding": "gzip"}
    yield "another kind", b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><x>&a;</x>", {"Content-Type": "application/xml"}
    yield "no kind", b'{"email":"a@b.example"}', {"Content-Type": "text/plain"}
    yield "nothing", b"", plain


@attack("B4", "send bodies that are huge, deep, broken, bidirectional or of another kind", actors="anonymous, buyer",
        bound=f"a problem document under {LARGEST_ANSWER_BYTES // 1000} kB that repeats nothing, and the server lives on", routes=(
            "POST /v1/sessions", "POST /v1/organisations", "POST /v1/password-resets", "POST /v1/passwords",
            "POST /owner/{token}",
            "POST /password", "POST /v1/briefs", "POST /v1/disclosure-requests"))
async def bodies(scene: Scene, door: Door) -> Finding:
    found, tried = [], 0
    places = [("anonymous", "/v1/sessions"), ("anonymous", "/v1/organisations"), ("anonymous", "/v1/password-resets"),
              ("anonymous", "/v1/passwords"),
              ("anonymous", f"/owner/{'x' * 43}"), ("anonymous", "/password"), ("buyer-a", "/v1/briefs"),
              ("buyer-a", "/v1/disclosure-requests")]
    for number, (who, path) in enumerate(places):
        for what, body, headers in _bodies(10 if scene.full or not number else 1):
            tried += 1
            try:
                answer = await door.ask(who, path, "POST", content=body, headers=headers)
            except httpx.TransportError:
                continue  # a server may hang up on a body it will not read
            if not 400 <= answer.status_code < 500 and not (path.startswith(("/owner", "/password"))
                                                            and answer.status_code in (200, 303)):
                found.append(f"{path} {what}: {answer.status_code}")
            if len(answer.content) > LARGEST_ANSWER_BYTES or ECHO[:200] in readable(answer):
                found.append(f"{path} {what}: {len(answer.content)} bytes, {'with' if ECHO[:200] in answer.text else 'without'} the echo")
        if door.enough(found):
            break
    if (await door.ask(None, "/readyz")).status_code != 200:
        found.append("the server does not answer any more")
    return Finding(f"{tried} bodies, {len(found)} answered wrongly", found)


@bodies.leaky
async def an_error_that_repeats_what_was_sent(_scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if answer.status_code == 422:
        return altered(answer, answer.json() | {"received": repr(request.content[:30_000])})
    return answer


