"""Do orders, cursors and identifiers tell what the teasers do not?

A8: sorts, and what breaks their ties. A9: cursors. A11: identifiers that are public.
"""

from __future__ import annotations

import base64
import json
import math
import struct
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from uuid import UUID

import numpy as np

from attacks.harness import Door, Finding, altered, attack, teasers_in
from attacks.scene import Scene

# A fresh random order looks suspicious by chance now and then. At .01, the usual bound, one run of four such tests in
# twenty-five would: so each is held to one in ten thousand, and what tells at all is far beyond that.
P_LEAST = 0.0001
PERMUTATIONS = 499


# --- A8 -------------------------------------------------------------------------------------------------------------


@attack("A8", "rank-correlate every order with true figures and dates within equal shown values",
        actors="buyer, anonymous",
        bound=f"|Kendall tau| inside ties is no larger than chance (permutation test over all orders and figures, p >= {P_LEAST})",
        routes=("GET /v1/teasers",))
async def hidden_order(scene: Scene, door: Door) -> Finding:
    document = await scene.openapi(door)
    parameters = {each["name"]: each["schema"] for each in document["paths"]["/v1/teasers"]["get"]["parameters"]}
    sorts = list(filter(None, next(each["enum"] for each in (parameters["sort"], *parameters["sort"].get("oneOf", []))
                                   if "enum" in each)))
    told, found = [], []
    for who in ("buyer-a", "anonymous"):
        orders = {name: [item for item in await door.teasers(who, sort=name) if item["ref"] in scene.truth]
                  for name in sorts}
        tau, where, p = strongest_correlation(scene, orders)
        told.append(f"{who}: {len(orders)} orders, |tau| {tau:.2f} ({where}), p = {p:.2g}")
        if p < P_LEAST:
            found.append(told[-1])
        if door.enough(found):
            break
    return Finding("; ".join(told), found)


def strongest_correlation(scene: Scene, orders: dict[str, list[dict[str, Any]]]) -> tuple[float, str, float]:
    """(|tau|, "order by figure", p) of the most suspicious pair of an order and a hidden figure; p is of the maximum over
    all pairs, so that looking at many costs nothing. Where no permutation comes near, the tail of a normal distribution as
    wide as they are says how far out it is.
    """
    refs = sorted(item["ref"] for item in next(iter(orders.values())))
    place = {ref: at for at, ref in enumerate(refs)}
    first, second = np.triu_indices(len(refs), 1)
    names = list(scene.truth[refs[0]].figures)
    hidden = np.array([[scene.truth[ref].figures[name] for ref in refs] for name in names])
    signs = np.sign(hidden[:, second] - hidden[:, first]).astype(np.float32)
    weights, observed, labels = [], [], []
    for name, items in orders.items():
        shown = {item["ref"]: _shown_value(scene, name, item) for item in items}
        values = {value: number for number, value in enumerate(set(shown.values()))}
        group = np.array([values[shown[ref]] for ref in refs])
        tied = (group[first] == group[second]).astype(np.float32)
        position = np.empty(len(refs))
        position[[place[item["ref"]] for item in items]] = np.arange(len(items))
        order = np.sign(position[second] - position[first]).astype(np.float32)
        weights.append(signs * tied)
        observed.append((signs * tied) @ order)
        labels += [f"{name} by {figure}" for figure in names]
    table, found = np.concatenate(weights), np.concatenate(observed)
    rng, drawn = np.random.default_rng(1), []
    for _turn in range(0, PERMUTATIONS, 100):
        chance = rng.random((len(refs), min(100, PERMUTATIONS - _turn)), dtype=np.float32)
        drawn.append(table @ np.sign(chance[second] - chance[first]))
    null = np.concatenate(drawn, axis=1)
    spread = np.maximum(null.std(axis=1), 1e-9)
    scores, highest = np.abs(found) / spread, (np.abs(null) / spread[:, None]).max(axis=0)
    worst = int(scores.argmax())
    pairs = max(1.0, float(np.abs(table[worst]).sum()))
    reached = int((highest >= scores[worst]).sum())
    tail = len(labels) * math.erfc(float(scores[worst]) / math.sqrt(2))
    p = reached / PERMUTATIONS if reached else min(tail, 1 / PERMUTATIONS)
    return abs(float(found[worst])) / pairs, labels[worst], p


def _shown_value(scene: Scene, order: str, item: dict[str, Any]) -> object:
    """What an order may go by; teasers that agree in it are tied. Batches are what `newest` may tell,
    and relevance is that where nothing was asked for."""
    field = order.lstrip("-")
    return scene.truth[item["ref"]].batch if field in ("newest", "oldest", "relevance") else item[field]


@hidden_order.leaky
async def ties_broken_by_true_revenue(scene: Scene, request: Any, send: Any) -> Any:
    return await _resorted(scene, request, send, lambda truth: truth.revenue_yen)


@hidden_order.leaky
async def ties_broken_by_the_day_of_entry(scene: Scene, request: Any, send: Any) -> Any:
    return await _resorted(scene, request, send, lambda truth: truth.entered_at)


async def _resorted(scene: Scene, request: Any, send: Any, key: Callable[[Any], Any]) -> Any:
    answer, order = await send(request), request.url.params.get("sort")
    if answer.status_code != 200 or not order:
        return answer
    body, items = answer.json(), []
    for _value, tied in groupby(body["items"], lambda item: _shown_value(scene, order, item)
                                if item["ref"] in scene.truth else None):
        items += sorted(tied, key=lambda item: str(key(scene.truth[item["ref"]])).rjust(40)
                        if item["ref"] in scene.truth else "")
    return altered(answer, body | {"items": items})


# --- A9 -------------------------------------------------------------------------------------------------------------

#: Every list that goes on: (reader, path). Each gives a cursor at limit=1 if it has two entries.
LISTS = (
    ("buyer-a", "/v1/teasers"), ("buyer-a", "/v1/teasers?sort=-revenue"),
    ("buyer-a", "/v1/teasers?match=possible&place=JP-13"),
    ("anonymous", "/v1/teasers"), ("bank", "/v1/teasers"), ("desk", "/v1/teasers"),
    ("buyer-a", "/v1/disclosure-requests"),
    ("buyer-a", "/v1/deals"), ("buyer-a", "/v1/grants"), ("buyer-a", "/v1/briefs"), ("desk", "/v1/briefs"),
    ("desk", "/v1/introductions"),
    ("center", "/v1/introductions"), ("center", "/v1/listings"), ("center", "/v1/disclosure-requests"),
    ("buyer-a", "/v1/organisations"),
    ("operator", "/v1/screening-lists/entries"), ("operator", "/v1/audit-events"), ("bank", "/v1/representations"),
)  # fmt: skip


@attack("A9", "decode cursors, alter them, and carry them to other queries, people and lists",
        actors="buyer, rival, desk, anonymous",
        bound="no value inside, and only the very query and viewer can use one", routes=(
            "GET /v1/teasers", "GET /v1/disclosure-requests", "GET /v1/deals", "GET /v1/grants", "GET /v1/briefs",
            "GET /v1/introductions",
            "GET /v1/listings", "GET /v1/organisations", "GET /v1/screening-lists/entries", "GET /v1/audit-events",
            "GET /v1/representations",
            "GET /v1/briefs/{brief_id}/candidates"))
async def cursors(scene: Scene, door: Door) -> Finding:
    await _two_of_each(scene)
    brief = (await door.ask("desk", "/v1/briefs?state=open&limit=1")).json()["items"][0]["id"]
    found, held, lengths, missing = [], [], {}, []
    inside = _hidden_values(scene)
    for who, path in (*LISTS, ("desk", f"/v1/briefs/{brief}/candidates")):
        twice = [(await door.ask(who, path, params=_with(path, limit=1))).json().get("next_cursor")
                 for _turn in range(2)]
        if twice[0] is None:
            missing.append(path)
            continue
        if (twice[0] == twice[1]) != (who == "anonymous"):  # what caches may keep reads the same twice (decision 33)
            found.append(f"{path}: the same position is the same cursor twice")
        held.append((who, path, twice[0]))
        lengths.setdefault(path.partition("?")[0], set()).add(len(twice[0]))
        found += [f"{path}: {what}" for what in _readable(twice[0], inside)]
    found += [f"{path}: cursors of {sorted(each)} characters" for path, each in lengths.items() if len(each) > 1]
    tried = 0
    for who, path, cursor in held if not (door.leak and found) else ():
        for other, where, forged in _misuses(scene, who, path, cursor, held):
            answer = await door.ask(other, where, params=_with(where, limit=1, cursor=forged))
            tried += 1
            if answer.status_code == 200:
                found.append(f"{path}: {forged[:24]}... of {who} is accepted from {other} at {where}")
            elif answer.status_code not in (401, 403, 404) and answer.json()["code"] != "cursor_invalid":
                found.append(f"{path}: a forged cursor is answered with {answer.json()['code']}")
        if door.enough(found):
            break
    assert len(missing) < 3, f"lists without a second page: {missing}"
    return Finding(f"{len(held)} cursors read, {tried} misuses tried", found)


async def _two_of_each(scene: Scene) -> None:
    """A second brief, introduction and representation, so that their lists have a second page."""
    if "two" in scene.kept:
        return
    scene.kept["two"] = True
    buyer, desk, bank, center = (scene.caller(key) for key in ("buyer-a", "desk", "bank", "center"))
    refs = [ref for ref, truth in scene.seen_by("desk").items() if truth.audiences & 4 and not truth.excludes
            and truth.holder == "center"]
    for ref in refs[:2]:
        brief = await buyer.post("/v1/briefs", {"desk_id": str(desk.organisation_id),
                                                "wishes": {"schemes": ["share_transfer"]},
                                                "purpose": "technology", "languages": ["en"]})
        made = await desk.post(f"/v1/briefs/{brief.json()['id']}/introductions", {"teaser_ref": ref})
        assert made.status_code == 201, made.text
        term = {"document_hash": "a" * 64, "from_date": "2026-01-01", "until_date": "2099-12-31"}
        for acquirer in (buyer, scene.caller("buyer-b")):
            made = await bank.post("/v1/representations", {"acquirer_id": str(acquirer.organisation_id), **term})
            assert made.status_code == 201, made.text
    assert (await center.get("/v1/introductions")).json()["items"]


def _with(path: str, **params: Any) -> dict[str, Any]:
    """Parameters that join those a path has already."""
    return dict(each.split("=") for each in path.partition("?")[2].split("&") if each) | params


def _misuses(scene: Scene, who: str, path: str, cursor: str,
             held: list[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
    """(actor, path, cursor) that must all be refused."""
    for at in range(0, len(cursor) - 1, 11 if scene.full else 45):
        yield who, path, cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1:]
    yield from ((who, path, forged) for forged in (cursor[:-4], cursor + "AAAA", cursor[::-1], "e30", "W10", "null",
                                                   "\u00e9", "A" * 4000))
    yield from ((other, path, cursor) for other in ("anonymous", "buyer-b", "center", "bank", "desk") if other != who)
    for separator, more in (("?" if "?" not in path else "&", each) for each in ("place=JP-13", "sort=price")):
        if "teasers" in path and "match" not in path:
            yield who, f"{path}{separator}{more}", cursor
    yield from ((who, path, other) for _who, where, other in scene.some(held, 6) if where != path)


def _readable(cursor: str, inside: dict[bytes, str]) -> Iterator[str]:
    """What can be read out of a cursor as base64, JWT, JSON, compressed, or packed numbers and references."""
    pieces = [cursor.encode()]
    for part in cursor.split("."):
        for decode in (base64.urlsafe_b64decode, base64.b32decode, bytes.fromhex):
            try:
                pieces.append(decode(part + "=" * (-len(part) % 4)) if decode is not bytes.fromhex
                              else bytes.fromhex(part))
            except ValueError:
                pass
    for piece in list(pieces):
        try:
            pieces.append(zlib.decompress(piece))
        except zlib.error:
            pass
    for piece in pieces[1:]:
        if len(piece) > 3 and all(32 <= byte < 127 for byte in piece):
            yield f"decodes to {piece[:60]!r}"
    for value, name in inside.items():
        if any(value in piece for piece in pieces):
            yield f"holds {name}"


def _hidden_values(scene: Scene) -> dict[bytes, str]:
    """References, figures and times of every listing, as text and in the packed forms programs write."""
    found: dict[bytes, str] = {}
    for truth in (*scene.truth.values(), *scene.hidden):
        for uuid in filter(None, (truth.listing_id.hex, truth.ref)):
            found |= {bytes.fromhex(uuid): "a reference", uuid.encode(): "a reference",
                      str(UUID(uuid)).encode(): "a reference"}
        for name, value in truth.figures.items():
            if value > 10_000:
                for packed in (struct.pack(">q", int(value)), struct.pack("<q", int(value)), struct.pack(">d", value),
                               struct.pack("<d", value)):
                    found[packed] = name
                found[str(int(value)).encode()] = name
    return found


@cursors.leaky
async def base64_of_the_last_row(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    body = answer.json()
    if request.url.path == "/v1/teasers" and body.get("next_cursor"):
        last = body["items"][-1]["ref"]
        position = [scene.truth[last].revenue_yen if last in scene.truth else 0, last]
        body["next_cursor"] = base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")
    return altered(answer, body)


@cursors.leaky
async def packed_numbers_that_look_opaque(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    body = answer.json()
    if request.url.path == "/v1/teasers" and body.get("next_cursor") and body["items"][-1]["ref"] in scene.truth:
        truth = scene.truth[body["items"][-1]["ref"]]
        packed = struct.pack(">qd", truth.revenue_yen, truth.entered_at.timestamp())
        body["next_cursor"] = base64.urlsafe_b64encode(packed).decode()
    return altered(answer, body)


@cursors.leaky
async def any_cursor_is_good(_scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if answer.status_code == 422 and "cursor" in request.url.params:
        return await send(type(request)(request.method, request.url.copy_remove_param("cursor"),
                                        headers=request.headers))
    return answer


@cursors.leaky
async def a_cursor_that_serves_everybody(scene: Scene, request: Any, send: Any) -> Any:
    """Whoever brings a cursor is answered as the one it was given to."""
    given, cursor = scene.memory.setdefault("given", {}), request.url.params.get("cursor")
    answer = await send(request)
    if answer.status_code == 422 and cursor in given:
        headers = dict(request.headers) | given[cursor]
        answer = await send(type(request)(request.method, request.url, headers=headers))
    if answer.status_code == 200 and answer.json().get("next_cursor"):
        given[answer.json()["next_cursor"]] = {"authorization": request.headers.get("authorization", "")}
    return answer


# --- A11 ------------------------------------------------------------------------------------------------------------


@attack("A11", "read creation out of public identifiers: order, neighbours, time parts",
        actors="buyer, rival, desk, anonymous",
        bound=f"no time part; order of identifiers and of creation or figures unrelated (p >= {P_LEAST}); neighbours are nobody", routes=(
            "GET /v1/teasers", "GET /v1/teasers/{ref}", "GET /v1/deals", "GET /v1/disclosure-requests",
            "GET /v1/organisations"))
async def identifiers(scene: Scene, door: Door) -> Finding:
    found, told = [], []
    teasers = {item["ref"]: item for who in ("buyer-a", "bank", "desk") for item in await door.teasers(who)}
    refs = [ref for ref in teasers if len(ref) == 32]
    ascending = [{"ref": true, "reference": 0} for ref in sorted(refs) if (true := _truth_of(scene, ref))]
    tau, where, p = strongest_correlation(scene, {"reference": ascending})
    told.append(f"{len(ascending)} references, |tau| {tau:.2f} ({where}), p = {p:.2g}")
    if p < P_LEAST:
        found.append(told[-1])
    others = [each["id"] for path, key in (("/v1/deals", "items"), ("/v1/disclosure-requests", "items"),
                                           ("/v1/organisations", "organisations"))
              for each in (await door.ask("buyer-a", path, params={"limit": 50})).json()[key]]
    for name, ids in (("references", refs), ("deals and organisations", [each.replace("-", "") for each in others])):
        timed = sum(_has_time_part(each) for each in ids)
        told.append(f"{timed} of {len(ids)} {name} read as a time")
        if timed > max(1, len(ids) // 20):
            found.append(told[-1])
        if len(set(ids)) > 1 and min(abs(int(a, 16) - int(b, 16)) for a,
                                     b in zip(sorted(ids), sorted(ids)[1:], strict=False) if a != b) < 2**32:
            found.append(f"{name} lie close together")
    for ref in refs[:3]:
        for neighbour in (int(ref, 16) + 1, int(ref, 16) - 1):
            if (await door.ask("buyer-a", f"/v1/teasers/{neighbour % 2**128:032x}")).status_code != 404:
                found.append(f"the neighbour of {ref} is there")
    return Finding("; ".join(told), found)


def _truth_of(scene: Scene, ref: str) -> str | None:
    """The true reference behind one that a leaky fixture rewrote."""
    return ref if ref in scene.truth else scene.memory.get(ref)


def _has_time_part(written: str) -> bool:
    """Whether an identifier read as UUIDv7, ULID or UUIDv1 was made within these years; by chance one in a thousand."""
    now, number = datetime.now(UTC).timestamp(), int(written, 16)
    milliseconds = (number >> 80) / 1000
    v1 = ((number >> 64 & 0x0FFF) << 48 | (number >> 80 & 0xFFFF) << 32 | number >> 96) / 1e7 - 12_219_292_800
    return any(abs(now - seconds) < 3 * 365 * 86_400 for seconds in (milliseconds, v1))


def _rewriting(reference: Callable[[Scene, str], str]) -> Any:
    async def leak(scene: Scene, request: Any, send: Any) -> Any:
        answer = await send(request)
        if answer.status_code != 200 or request.url.path != "/v1/teasers":
            return answer
        body = answer.json()
        for teaser in teasers_in(body):
            if teaser["ref"] in scene.truth:
                written = reference(scene, teaser["ref"])
                scene.memory[written] = teaser["ref"]
                teaser["ref"] = written
        return altered(answer, body)

    leak.__name__ = reference.__name__
    return leak


def references_that_begin_with_the_time(scene: Scene, ref: str) -> str:
    return f"{int(scene.truth[ref].queued_at.timestamp() * 1000):012x}7{ref[13:]}"


def references_in_the_order_of_entry(scene: Scene, ref: str) -> str:
    rank = sorted(each.entered_at for each in scene.truth.values()).index(scene.truth[ref].entered_at)
    return f"{rank * 2**115 + int(ref[:16], 16) * 2**16:032x}"


for _leak in (references_that_begin_with_the_time, references_in_the_order_of_entry):
    identifiers.leaky(_rewriting(_leak))
