"""Do sizes, headers, times and the ways of writing a request tell what the bodies do not?

A17: two companies that differ in hidden facts only, and one before and after an edit. A18: public times. B1-B4: methods,
hosts, paths and bodies that nobody honest sends.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx

import market_world
from attacks.harness import Door, Finding, altered, attack, items_in, readable
from attacks.scene import Scene
from succession.codes import ANY, ATTRIBUTES
from world import ORIGIN

READERS = ("anonymous", "buyer-a", "bank", "desk")
MOVING = ("date", "server")  # headers that differ from moment to moment


# --- A17 ------------------------------------------------------------------------------------------------------------


@attack("A17", "compare bytes, headers, sizes and compression of two companies that differ in hidden facts, and of one before and after an edit",
        actors=", ".join(READERS), bound="identical but for the reference; nothing compressed; shared caches hold only what is everybody's", routes=(
            "GET /v1/teasers", "GET /v1/teasers/{ref}", "GET /v1/codes", "GET /v1/codes/{scheme}", "GET /v1/problems/{code}",
            "GET /v1/briefs/{brief_id}/candidates", "GET /static/{file_path}", "PATCH /v1/listings/{listing_id}"))
async def sizes_and_headers(scene: Scene, door: Door) -> Finding:
    center, refs, listing = scene.caller("center"), *(await _twins(scene))
    found, compared = [], 0
    before = {}
    for who in READERS:
        told = [await _public_view(door, who, ref) for ref in refs]
        compared += len(told[0])
        found += [f"{who} {what}: the twins differ" for what in told[0] if told[0][what] != told[1][what]]
        before[who] = told[0]
        found += [f"{who}: {wrong}" for wrong in await _compressed(door, who, scene.truth[refs[0]].words["legal_name"])]
        if door.enough(found):
            return Finding(f"{compared} answers compared", found)
    for turn in range(2 if scene.full else 1):
        version = (await center.get(f"/v1/listings/{listing}")).json()["version"]
        edit = {"business": {"outline": "長" * (900 * turn + 1), "municipality": "別町"}, "owner": {"birth_year": 1940 + turn},
                "identity": {"brands": ["架空正宗"] * turn}}
        edited = await door.ask("center", f"/v1/listings/{listing}", "PATCH", json=edit, headers={"If-Match": f'"{version}"'})
        assert edited.status_code == 200, edited.text
        for who in READERS:
            after = await _public_view(door, who, refs[0], ("en",))
            compared += len(after)
            found += [f"{who} {what}: an edit of hidden facts shows" for what in after if after[what] != before[who][what]]
    found += await _shared_caches(door)
    return Finding(f"{compared} answers compared, {len(found)} differences", found)


async def _twins(scene: Scene) -> tuple[list[str], str]:
    """Two published companies with one member's figures, entered by two intermediaries; and the first one's listing."""
    if "twins" not in scene.kept:
        member, refs, listings = scene.member("twins"), [], []
        for key, other in (("center", {}), ("bank", {
                "business__municipality": "無市", "owner__birth_year": 1941, "owner__reason": "owner_age_health", "business__capital_yen": 99_000_000,
                "business__outline": "秘" * 700, "identity__brands": ["カクウ"], "financials__1__debt_yen": 7, "identity__main_customers": ["秘密商事"] * 9})):
            holder = scene.caller(key)
            listings.append(str(await scene.enter(holder, scene.profile(member, **other))))
            refs.append(await scene.queue(holder, UUID(listings[-1]), "verified_buyers", "agency_desk", "domestic_institutions"))
        await market_world.batch(scene.world, scene.settings)
        await scene.reload()
        assert all(ref in scene.truth for ref in refs)
        scene.kept["twins"] = refs, listings[0]
    return scene.kept["twins"]


async def _public_view(door: Door, who: str, ref: str, languages: tuple[str, ...] = ("ja", "en")) -> dict[str, Any]:
    """Everything somebody can be shown of one teaser, its reference blanked: bodies, headers and sizes."""
    view: dict[str, Any] = {}
    for language in languages:
        headers = {"Accept-Language": language, "Accept-Encoding": "gzip, br"}
        one = await door.ask(who, f"/v1/teasers/{ref}", headers=headers)
        view[f"page {language}"] = one.status_code, one.text.replace(ref, "#"), _still(one)
        shown = one.json() if one.status_code == 200 else {}
        alike = {name: shown[name] for name in (*ATTRIBUTES, "timing") if shown.get(name, ANY) != ANY}
        for what, params in (("list", alike), ("counts", {**alike, "limit": "0"}), ("tail", {"match": "possible", "employees": "100_plus"})):
            answer = await door.ask(who, "/v1/teasers", params={"limit": "100", **params}, headers=headers)
            body = answer.json()
            own = [{**item, "ref": "#"} for item in body.get("items", ()) if item["ref"] == ref]
            view[f"{what} {language}"] = own, body.get("total_certain"), body.get("total_possible"), str(body.get("facets")), _still(answer)
    if who == "desk":
        brief = (await door.ask("desk", "/v1/briefs?limit=1")).json()["items"]
        path = f"/v1/briefs/{brief[0]['id']}/candidates?limit=100" if brief else "/v1/briefs"
        view["candidates"] = [{**item, "ref": "#"} for item in items_in(await door.ask("desk", path)) if item["ref"] == ref]
    return view


def _still(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in MOVING}


async def _compressed(door: Door, who: str, secret: str) -> Iterator[str]:
    """Whether what one types is compressed together with what is answered (BREACH)."""
    wrong, sizes = [], set()
    for guess in (secret, secret[::-1]):
        answer = await door.ask(who, "/v1/teasers", params={"q": guess, "limit": "100"}, headers={"Accept-Encoding": "gzip, br, zstd, deflate"})
        sizes.add(len(answer.content))
        if "content-encoding" in answer.headers:
            wrong.append(f"compressed with {answer.headers['content-encoding']}")
    for path in ("/v1/teasers", "/v1/teasers/" + "0" * 32):
        answer = await door.ask(who, path)
        wrong += [f"{path} carries {name}" for name in ("etag", "last-modified", "age", "x-cache", "expires") if name in answer.headers]
        if answer.headers.get("cache-control") != "no-store" or "authorization" not in answer.headers.get("vary", "").lower():
            wrong.append(f"{path} may be cached: {answer.headers.get('cache-control')}, Vary {answer.headers.get('vary')}")
    return iter(wrong + ([f"{sizes} bytes for texts of one length"] if len(sizes) > 1 else []))


async def _shared_caches(door: Door) -> list[str]:
    """What a shared cache may keep must be the same for everybody, in one language."""
    found = []
    static = re.findall(r"/static/[\w./-]+", (await door.ask(None, "/password?token=x")).text)[:2] or ["/static/pages.css"]
    for path in ("/v1/codes", "/v1/codes/place", "/v1/codes/phrase", "/v1/problems/not_found", "/v1/teasers", *static):
        told: dict[str, set[str]] = {}
        for who in READERS:
            for language in ("ja", "en"):
                answer = await door.ask(who, path, headers={"Accept-Language": language})
                if "no-store" not in answer.headers.get("cache-control", "") and "private" not in answer.headers.get("cache-control", ""):
                    told.setdefault(language, set()).add(answer.text)
        found += [f"{path} is cacheable and differs between readers" for each in told.values() if len(each) > 1]
    return found


@sizes_and_headers.leaky
async def an_etag_over_the_whole_profile(scene: Scene, request: Any, send: Any) -> Any:
    answer, ref = await send(request), request.url.path.rpartition("/")[2]
    if answer.status_code == 200 and ref in scene.truth:
        return altered(answer, etag=f'"{hash(tuple(scene.truth[ref].words.items()))}"')
    return answer


@sizes_and_headers.leaky
async def a_size_that_grows_with_the_name(scene: Scene, request: Any, send: Any) -> Any:
    answer, ref = await send(request), request.url.path.rpartition("/")[2]
    return altered(answer, text=answer.text + " " * len(scene.truth[ref].words["corporate_number"] + scene.truth[ref].holder)) \
        if answer.status_code == 200 and ref in scene.truth else answer


@sizes_and_headers.leaky
async def answers_compressed_with_what_was_typed(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    secret = next((truth.words["legal_name"] for truth in scene.truth.values()), "")
    if "q" in request.url.params:
        return altered(answer, x_size=str(len(gzip.compress(answer.content + secret.encode()))), text=answer.text, content_encoding="identity")
    return answer


@sizes_and_headers.leaky
async def a_search_kept_by_shared_caches(_scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if request.url.path == "/v1/teasers" and answer.status_code == 200:
        answer.headers["cache-control"] = "public, max-age=60"
    return answer


# --- A18 ------------------------------------------------------------------------------------------------------------

_TIME = re.compile(r"\b20\d\d-\d\d-\d\d|\b1[6-9]\d{8}(?:\d{3})?\b|\b\d\d:\d\d:\d\d|\d{1,2} \w{3} 20\d\d")


@attack("A18", "watch everything public while hidden facts are edited and a new teaser waits for its batch; look for times",
        actors=", ".join(READERS), bound="nothing moves before the batch closes, and no teaser shows a time", routes=(
            "GET /v1/teasers", "GET /v1/teasers/{ref}", "GET /v1/codes", "GET /v1/desks", "GET /v1/organisations", "GET /v1/openapi.json",
            "POST /v1/listings/{listing_id}/documents", "DELETE /v1/listings/{listing_id}/publication"))
async def update_times(scene: Scene, door: Door) -> Finding:
    center = scene.caller("center")
    before, found, looks = await _everything(door), [], 0
    listing = await scene.enter(center, scene.profile(scene.member("A18")))
    truth = next(each for each in scene.truth.values() if each.holder == "center" and each.audiences & 2)
    version = (await center.get(f"/v1/listings/{truth.listing_id}")).json()["version"]
    edited = await center.patch(f"/v1/listings/{truth.listing_id}", {"business": {"outline": f"edited {version}"}}, headers={"If-Match": f'"{version}"'})
    assert edited.status_code == 200, edited.text
    added = await door.ask("center", f"/v1/listings/{truth.listing_id}/documents", "POST",
                           json={"level": "dossier", "filename": "a.txt", "content_base64": "YQ=="})
    assert added.status_code == 201, added.text
    waiting = await scene.queue(center, listing, "public", "verified_buyers", "agency_desk", "domestic_institutions")
    scene.memory["waiting"] = waiting
    after = await _everything(door)
    looks += len(before) + len(after)
    found += [f"{what} moved" for what in before if before[what][0] != after[what][0]]
    for what, (text, headers) in after.items():
        if "teasers" in what:
            found += [f"{what} shows the time {hit}" for hit in {*_TIME.findall(text), *_TIME.findall(headers)}]
    for who in READERS:
        if (await door.ask(who, f"/v1/teasers/{waiting}")).status_code != 404:
            found.append(f"{who} reads a teaser before its batch")
    if (await door.ask("center", f"/v1/listings/{listing}/publication", "DELETE")).status_code != 204:
        found.append("a waiting teaser cannot be taken out")
    return Finding(f"{looks} answers watched over an entry, an edit, a document and a queue; {len(found)} moved or timed", found)


async def _everything(door: Door) -> dict[str, tuple[str, str]]:
    found = {}
    for who in READERS:
        items = await door.teasers(who)
        paths = ["/v1/teasers?limit=100", "/v1/teasers?limit=0", "/v1/teasers?sort=oldest&limit=100", f"/v1/teasers/{items[0]['ref']}", "/v1/codes"]
        if who != "anonymous":
            paths += ["/v1/desks", "/v1/organisations"]
        for path in paths + (["/v1/openapi.json"] if who == "anonymous" and not door.leak else []):
            answer = await door.ask(who, path)
            body = answer.json()
            body = {name: value for name, value in body.items() if name != "next_cursor"} if isinstance(body, dict) else body
            headers = {name: value for name, value in _still(answer).items() if name not in ("content-length", "expires")}
            found[f"{who} {path}"] = json.dumps(body, sort_keys=True), str(headers)
    return found


@update_times.leaky
async def updated_at_in_every_teaser(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if items_in(answer):
        body = answer.json()
        for each in (body, *body.get("items", ())):
            if each.get("ref") in scene.truth:
                each["updated_at"] = scene.truth[each["ref"]].queued_at.isoformat()
        return altered(answer, body)
    return answer


@update_times.leaky
async def a_last_modified_that_follows_every_edit(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if request.url.path == "/v1/teasers" and answer.status_code == 200:
        row = (await scene.world.seed("SELECT max(updated_at) AS at FROM vault.listing"))[0]
        return altered(answer, last_modified=row["at"].strftime("%a, %d %b %Y %H:%M:%S GMT"))
    return answer


@update_times.leaky
async def a_teaser_before_its_batch(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    return altered(answer, {"ref": "soon"}, 200) if request.url.path.endswith(scene.memory.get("waiting", "-")) else answer


# --- B1 -------------------------------------------------------------------------------------------------------------


@attack("B1", "HEAD, OPTIONS, TRACE, unknown methods and method overrides on what is hidden", actors="anonymous, stranger buyer, rival",
        bound="answered as for a reference that does not exist; nothing done", routes=("GET /v1/teasers/{ref}", "GET /v1/listings/{listing_id}"))
async def methods(scene: Scene, door: Door) -> Finding:
    hidden = next(truth for truth in scene.truth.values() if not truth.audiences & 9 and truth.holder == "center")
    found, tried = [], 0
    for who in ("anonymous", "bank"):
        for path, real in (("/v1/teasers/{}", hidden.ref), ("/v1/listings/{}", str(hidden.listing_id)),
                           ("/v1/listings/{}/publication", str(hidden.listing_id)), ("/v1/listings/{}/ledger", str(hidden.listing_id))):
            other = uuid4().hex if "teasers" in path else str(uuid4())
            for method in ("GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "PURGE", "DELETE", "PUT", "POST"):
                overrides = ({}, {"X-HTTP-Method-Override": "GET"}, {"X-HTTP-Method": "DELETE"}, {"X-Method-Override": "DELETE"}) if method == "POST" else ({},)
                for headers in overrides:
                    tried += 1
                    told = [_seen_as(await door.ask(who, path.format(each), method, headers=headers), each) for each in (real, other)]
                    if told[0] != told[1]:
                        found.append(f"{who} {method} {path} {headers}: {told[0][0]} for what exists, {told[1][0]} for what does not")
                    if method in ("TRACE", "PROPFIND", "PURGE") and told[0][0] < 400:
                        found.append(f"{method} {path} is answered with {told[0][0]}")
    for who in ("desk", "buyer-a"):
        await door.ask(who, f"/v1/teasers/{hidden.ref}", "POST", headers={"X-HTTP-Method-Override": "DELETE"}, params={"_method": "DELETE"})
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


@attack("B2", "state a foreign host, origin and proxy headers", actors="anonymous, buyer", bound="no answer or letter repeats them",
        routes=("POST /v1/password-resets", "GET /v1/teasers", "POST /v1/sessions", "GET /password"))
async def hosts(scene: Scene, door: Door) -> Finding:
    headers = {"Host": EVIL, "X-Forwarded-Host": EVIL, "Forwarded": f"host={EVIL}", "X-Original-URL": f"http://{EVIL}/", "X-Forwarded-Proto": EVIL,
               "Referer": f"http://{EVIL}/"}
    email, found, letters = scene.accounts["buyer-b"].email, [], len(await scene.world.letters(scene.accounts["buyer-b"].email))
    for who, method, path, body in (("anonymous", "POST", "/v1/password-resets", {"email": email}), ("anonymous", "GET", "/v1/teasers?limit=1", None),
                                    ("anonymous", "GET", f"/v1/teasers/{uuid4().hex}", None), ("anonymous", "GET", "/password?token=x", None),
                                    ("anonymous", "POST", "/v1/sessions", {"email": email, "password": "x" * 20}),
                                    ("buyer-a", "GET", "/v1/deals", None), ("anonymous", "GET", "/v1/teasers/", None)):
        answer = await door.ask(who, path, method, json=body, headers=headers)
        if EVIL in readable(answer):
            found.append(f"{method} {path} repeats the host")
    rows = await scene.world.seed("SELECT payload::text FROM ops.outbox ORDER BY id DESC LIMIT 20")
    found += ["a letter links to the foreign host" for row in rows if EVIL in row[0]]
    sent = [letter["params"]["link"] for letter in (await scene.world.letters(email))[letters:] if "link" in letter["params"]]
    found += [f"a letter links to {link[:40]}" for link in sent if not link.startswith(ORIGIN)]
    refused = await door.ask("anonymous", "/v1/sessions", "POST", json={"email": email, "password": "x" * 20}, headers={"Origin": f"http://{EVIL}"})
    if refused.status_code != 403:
        found.append(f"signing in from a foreign page is answered with {refused.status_code}")
    return Finding(f"8 requests, {len(rows)} letters read, {len(found)} repeat the foreign host", found)


@hosts.leaky
async def links_made_from_the_host(_scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    return altered(answer, link=f"<http://{request.headers.get('host')}/v1/teasers>; rel=self")


# --- B3 -------------------------------------------------------------------------------------------------------------


def _written(path: str) -> Iterator[str]:
    yield from (path + "/", "/" + path, path.replace("/v1/", "/v1//"), path.replace("/v1/", "/V1/"), path.replace("/v1/", "/v1/%2e/"),
                path.replace("/v1/", "/v1/teasers/%2e%2e/"), path.replace("/v1/", "/v1/teasers/..%2f"), path.replace("listings", "%6cistings"),
                path.replace("listings", "listings;a=b"), path + ";.json", path + ".json", path + "%00", path + "%20", path + "?", path + "%2f",
                path.replace("/v1/", "/v1/%c0%ae%c0%ae/"), path.replace("/v1", "/v1%5c.."), path.replace("/v1/", "/static/../v1/"))  # fmt: skip


@attack("B3", "write paths in other ways: dots, doubled and encoded separators, suffixes, traversal under /static", actors="anonymous, rival, stranger buyer",
        bound="no word of a company and no file of the program", routes=("GET /static/{file_path}", "GET /v1/listings/{listing_id}"))
async def paths(scene: Scene, door: Door) -> Finding:
    truth = next(each for each in scene.truth.values() if each.holder == "center")
    found, tried = [], 0
    for who in ("anonymous", "bank", "buyer-b"):
        for path in (f"/v1/listings/{truth.listing_id}", f"/v1/listings/{truth.listing_id}/documents"):
            for written in (path, *_written(path)):
                tried += 1
                answer = await _raw(scene, door, who, written)
                if answer.status_code in (200, 500) or any(word in readable(answer) for word in truth.secrets):
                    found.append(f"{who} {written}: {answer.status_code}")
    climb = "/static/{}pyproject.toml"
    for up in ("../" * 3, "%2e%2e/" * 3, "..%2f" * 3, "%2e%2e%2f" * 3, "..%5c" * 3, "....//" * 3, "%252e%252e%252f" * 3, "/" * 3, "%2fetc%2fpasswd%00"):
        for target in (climb.format(up), f"/static/{up}etc/passwd", f"/static/{up}src/succession/app.py", f"/static/{up}serve.log"):
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
        return altered(answer, {"profile": next(each for each in scene.truth.values() if each.holder == "center").words}, 200)
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
    yield "an echo", json.dumps({ECHO: ECHO, "email": ECHO, "password": ECHO, "desk_id": ECHO, "token": ECHO}).encode(), plain
    yield "compressed", gzip.compress(b'{"email":"' + b"x" * 10_000_000 + b'"}'), plain | {"Content-Encoding": "gzip"}
    yield "another kind", b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><x>&a;</x>", {"Content-Type": "application/xml"}
    yield "no kind", b'{"email":"a@b.example"}', {"Content-Type": "text/plain"}
    yield "nothing", b"", plain


@attack("B4", "send bodies that are huge, deep, broken, bidirectional or of another kind", actors="anonymous, buyer",
        bound=f"a problem document under {LARGEST_ANSWER_BYTES // 1000} kB that repeats nothing, and the server lives on", routes=(
            "POST /v1/sessions", "POST /v1/organisations", "POST /v1/password-resets", "POST /v1/passwords", "POST /owner/{token}",
            "POST /password", "POST /v1/briefs", "POST /v1/disclosure-requests"))
async def bodies(scene: Scene, door: Door) -> Finding:
    found, tried = [], 0
    places = [("anonymous", "/v1/sessions"), ("anonymous", "/v1/organisations"), ("anonymous", "/v1/password-resets"), ("anonymous", "/v1/passwords"),
              ("anonymous", f"/owner/{'x' * 43}"), ("anonymous", "/password"), ("buyer-a", "/v1/briefs"), ("buyer-a", "/v1/disclosure-requests")]
    for number, (who, path) in enumerate(places):
        for what, body, headers in _bodies(10 if scene.full or not number else 1):
            tried += 1
            try:
                answer = await door.ask(who, path, "POST", content=body, headers=headers)
            except httpx.TransportError:
                continue  # a server may hang up on a body it will not read
            if not 400 <= answer.status_code < 500 and not (path.startswith(("/owner", "/password")) and answer.status_code in (200, 303)):
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


