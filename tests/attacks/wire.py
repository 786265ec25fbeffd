"""Do sizes, headers and times tell what the bodies do not?

A17: two companies that differ in hidden facts only, and one before and after an edit. A18: public times.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx

import market_world
from attacks.harness import Door, Finding, altered, attack, items_in
from attacks.scene import Scene
from succession.caching import MARKET_MAX_AGE_S, tag_of
from succession.codes import ANY, ATTRIBUTES

READERS = ("anonymous", "buyer-a", "bank", "desk")
MOVING = ("date", "server")  # headers that differ from moment to moment


# --- A17 ------------------------------------------------------------------------------------------------------------


@attack("A17", "compare bytes, headers, sizes and compression of two companies that differ in hidden facts, and of one before and after an edit",
        actors=", ".join(READERS), bound="identical but for the reference; nothing compressed; shared caches hold only what is everybody's", routes=(
            "GET /v1/teasers", "GET /v1/teasers/{ref}", "GET /v1/codes", "GET /v1/codes/{scheme}",
            "GET /v1/problems/{code}",
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
        edit = {"business": {"outline": "長" * (900 * turn + 1), "municipality": "別町"},
                "owner": {"birth_year": 1940 + turn},
                "identity": {"brands": ["架空正宗"] * turn}}
        edited = await door.ask("center", f"/v1/listings/{listing}", "PATCH", json=edit,
                                headers={"If-Match": f'"{version}"'})
        assert edited.status_code == 200, edited.text
        for who in READERS:
            after = await _public_view(door, who, refs[0], ("en",))
            compared += len(after)
            found += [f"{who} {what}: an edit of hidden facts shows" for what in after
                      if after[what] != before[who][what]]
    found += await _shared_caches(door)
    return Finding(f"{compared} answers compared, {len(found)} differences", found)


async def _twins(scene: Scene) -> tuple[list[str], str]:
    """Two published companies with one member's figures, entered by two intermediaries; and the first one's listing."""
    if "twins" not in scene.kept:
        member, refs, listings = scene.member("twins"), [], []
        for key, other in (("center", {}), ("bank", {
                "business__municipality": "無市", "owner__birth_year": 1941, "owner__reason": "owner_age_health",
                "business__capital_yen": 99_000_000,
                "business__outline": "秘" * 700, "identity__brands": ["カクウ"], "financials__1__debt_yen": 7,
                "identity__main_customers": ["秘密商事"] * 9})):
            holder = scene.caller(key)
            listings.append(str(await scene.enter(holder, scene.profile(member, **other))))
            refs.append(await scene.queue(holder, UUID(listings[-1]), "verified_buyers", "agency_desk",
                                          "domestic_institutions"))
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
        for what, params in (("list", alike), ("counts", {**alike, "limit": "0"}),
                             ("tail", {"match": "possible", "employees": "100_plus"})):
            answer = await door.ask(who, "/v1/teasers", params={"limit": "100", **params}, headers=headers)
            body = answer.json()
            own = [{**item, "ref": "#"} for item in body.get("items", ()) if item["ref"] == ref]
            view[f"{what} {language}"] = own, body.get("total_certain"), body.get("total_possible"), str(body.get("facets")), _still(answer)
    if who == "desk":
        path, params = f"/v1/briefs/{await _brief(door.scene)}/candidates", {"limit": "100"}
        view["candidates"] = []
        while path:
            answer = await door.ask("desk", path, params=params)
            view["candidates"] += [{**item, "ref": "#"} for item in items_in(answer) if item["ref"] == ref]
            params["cursor"] = answer.json()["next_cursor"]
            path = path if params["cursor"] else ""
    return view


async def _brief(scene: Scene) -> str:
    """A brief that fits the twins, open for as long as the scene lasts."""
    if "brief" not in scene.kept:
        filed = await scene.caller("fund-d").post("/v1/briefs", {
            "desk_id": str(scene.caller("desk").organisation_id), "wishes": {"schemes": ["share_transfer"]},
            "purpose": "technology", "languages": ["en"]})
        scene.kept["brief"] = filed.json()["id"]
    return scene.kept["brief"]


def _still(answer: httpx.Response) -> dict[str, str]:
    """Headers as they compare between twins: a tag that is the hash of the bytes one sees says no more than they do."""
    still = {name: value for name, value in answer.headers.items() if name not in MOVING}
    return still | {"etag": "of the bytes"} if still.get("etag") == tag_of(answer.content) else still


async def _compressed(door: Door, who: str, secret: str) -> Iterator[str]:
    """Whether what one types is compressed together with what is answered (BREACH)."""
    wrong, sizes = [], set()
    for guess in (secret, secret[::-1]):
        answer = await door.ask(who, "/v1/teasers", params={"q": guess, "limit": "100"},
                                headers={"Accept-Encoding": "gzip, br, zstd, deflate"})
        sizes.add(len(answer.content))
        if "content-encoding" in answer.headers:
            wrong.append(f"compressed with {answer.headers['content-encoding']}")
    for path in ("/v1/teasers", "/v1/teasers/" + "0" * 32):
        answer = await door.ask(who, path)
        everybodys = who == "anonymous" and answer.status_code == 200
        wrong += [f"{path} carries {name}" for name in ("etag", "last-modified", "age", "x-cache", "expires")
                  if name in answer.headers and not (name == "etag" and everybodys and _still(answer)["etag"] == "of the bytes")]
        kept = f"public, max-age={MARKET_MAX_AGE_S}, must-revalidate" if everybodys else "no-store"
        if answer.headers.get("cache-control") != kept or not {"authorization", "cookie", "accept-language"} <= set(
                answer.headers.get("vary", "").lower().split(", ")):
            wrong.append(f"{path} may be cached: {answer.headers.get('cache-control')}, Vary {answer.headers.get('vary')}")
    return iter(wrong + ([f"{sizes} bytes for texts of one length"] if len(sizes) > 1 else []))


async def _shared_caches(door: Door) -> list[str]:
    """What a shared cache may keep must be the same for everybody, in one language."""
    found = []
    static = re.findall(r"/static/[\w./-]+",
                        (await door.ask(None, "/password?token=x")).text)[:2] or ["/static/pages.css"]
    for path in ("/v1/codes", "/v1/codes/place", "/v1/codes/phrase", "/v1/problems/not_found", "/v1/teasers", *static):
        told: dict[str, set[str]] = {}
        for who in READERS:
            for language in ("ja", "en"):
                answer = await door.ask(who, path, headers={"Accept-Language": language})
                if "no-store" not in answer.headers.get("cache-control",
                                                        "") and "private" not in answer.headers.get("cache-control",
                                                                                                    ""):
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
        return altered(answer, x_size=str(len(gzip.compress(answer.content + secret.encode()))), text=answer.text,
                       content_encoding="identity")
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
            "GET /v1/teasers", "GET /v1/teasers/{ref}", "GET /v1/codes", "GET /v1/desks", "GET /v1/organisations",
            "GET /v1/openapi.json",
            "POST /v1/listings/{listing_id}/documents", "DELETE /v1/listings/{listing_id}/publication"))
async def update_times(scene: Scene, door: Door) -> Finding:
    center = scene.caller("center")
    before, found, looks = await _everything(door), [], 0
    listing = await scene.enter(center, scene.profile(scene.member("A18")))
    truth = next(each for each in scene.truth.values() if each.holder == "center" and each.audiences & 2)
    version = (await center.get(f"/v1/listings/{truth.listing_id}")).json()["version"]
    edited = await center.patch(f"/v1/listings/{truth.listing_id}", {"business": {"outline": f"edited {version}"}},
                                headers={"If-Match": f'"{version}"'})
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
        paths = ["/v1/teasers?limit=100", "/v1/teasers?limit=0", "/v1/teasers?sort=oldest&limit=100",
                 f"/v1/teasers/{items[0]['ref']}", "/v1/codes"]
        if who != "anonymous":
            paths += ["/v1/desks", "/v1/organisations"]
        for path in paths + (["/v1/openapi.json"] if who == "anonymous" and not door.leak else []):
            answer = await door.ask(who, path)
            body = answer.json()
            body = {name: value for name, value in body.items()
                    if name != "next_cursor"} if isinstance(body, dict) else body
            headers = {name: value for name, value in _still(answer).items()
                       if name not in ("content-length", "expires")}
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
    return altered(answer, {"ref": "soon"},
                   200) if request.url.path.endswith(scene.memory.get("waiting", "-")) else answer
