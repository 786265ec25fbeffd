"""Does anything a company is called come back, through the search text or through what an intermediary typed elsewhere?

A12: the search text as an oracle. A24: names put into every free-text field. A12t: how long a search takes.
"""

from __future__ import annotations

import base64
import json
import re
import statistics
import time
from random import Random
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

from attacks.forms import noise_like, written_forms
from attacks.harness import Door, Finding, altered, attack, on_each_teaser, readable, same_origin
from attacks.scene import Scene, Truth
from succession.caching import tag_of
from succession.listings.profile import Profile
from world import Caller

# --- A12 ------------------------------------------------------------------------------------------------------------


@attack("A12", "search for each company by everything that names it, in every written form, against noise of the same shape",
        actors="buyer, anonymous, rival, desk", bound="same hits, order, counts, headers and size",
        routes=("GET /v1/teasers",))
async def full_text(scene: Scene, door: Door) -> Finding:
    found, asked = [], 0
    targets = scene.some(scene.seen_by("buyer-a").values(), 5)[:40]
    for turn, truth in enumerate(targets):
        rng, who = Random(truth.ref), ("buyer-a", "anonymous", "bank", "desk")[turn % 4]
        for number, form in enumerate(written_forms(truth.words)):
            asked += 1
            name = await _told(door, who, form)
            if name[1]:
                found.append(f"{form!r} is understood: {name}")
            if scene.full or number % 4 == 0:
                noise = await _told(door, who, noise_like(form, rng))
                if name != noise:
                    found.append(f"{form!r} is answered otherwise than noise: {_difference(name, noise)}")
            elif name[0] != 200 or name[2]["total_certain"] or name[2]["items"]:
                found.append(f"{form!r}: {name[0]} with {name[2].get('total_certain')} hits")
            if door.enough(found):
                return Finding(f"{asked} searches", found)
    return Finding(f"{asked} written forms of {len(targets)} companies, {len(found)} answered otherwise than noise",
                   found)


async def _told(door: Door, who: str, text: str) -> tuple[int, bool, dict[str, Any], dict[str, str]]:
    """(status, understood, body, headers) of a search, without the writer's own words."""
    answer = await door.ask(who, "/v1/teasers", params={"q": text, "limit": 100})
    body = answer.json()
    echo = body.pop("unrecognised", [])
    size = len(answer.content) - sum(len(json.dumps(word, ensure_ascii=False).encode()) + 1 for word in echo)
    moving = {"content-length", "date", *(["etag"] if answer.headers.get("etag") == tag_of(answer.content) else [])}  # the tag holds the echo
    headers = {name: value for name, value in answer.headers.items() if name not in moving}
    return answer.status_code, not echo and answer.status_code == 200, body | {"size": size}, headers


def _difference(name: tuple[Any, ...], noise: tuple[Any, ...]) -> str:
    if name[0] != noise[0]:
        return f"status {name[0]}, {noise[0]}"
    return str({key: (value, noise[2].get(key)) for key, value in name[2].items() if value != noise[2].get(key)}
               or (name[3], noise[3]))


def _asked_for(scene: Scene, request: Any) -> Truth | None:
    text = request.url.params.get("q", "")
    return next((truth for truth in scene.truth.values() for word in truth.secrets if word in text), None)


@full_text.leaky
async def a_name_that_is_found(scene: Scene, request: Any, send: Any) -> Any:
    answer, truth = await send(request), _asked_for(scene, request)
    return altered(answer, answer.json() | {"total_certain": 1}) if truth else answer


@full_text.leaky
async def a_name_that_is_understood(scene: Scene, request: Any, send: Any) -> Any:
    """No hit, but the word is known."""
    answer, truth = await send(request), _asked_for(scene, request)
    return altered(answer, answer.json() | {"unrecognised": []}) if truth else answer


@full_text.leaky
async def a_header_that_tells(scene: Scene, request: Any, send: Any) -> Any:
    answer, truth = await send(request), _asked_for(scene, request)
    return altered(answer, x_rank="0.31") if truth else answer


# --- A12t -----------------------------------------------------------------------------------------------------------

SECONDS_MOST = 0.25


@attack("A12t", "time searches for names of listed companies against noise, and readings of hidden against missing references",
        actors="buyer", bound=f"reported with its permutation test; a difference of {SECONDS_MOST * 1000:.0f} ms in the median would be a leak",
        routes=("GET /v1/teasers", "GET /v1/teasers/{ref}"))
async def timing(scene: Scene, door: Door) -> Finding:
    rng, told, found = Random(5), [], []
    names = [truth.words["legal_name"] for truth in scene.seen_by("buyer-a").values()]
    invisible = [truth.ref for truth in scene.truth.values() if not truth.audiences & 3]
    pairs = {"names and noise": [("/v1/teasers", {"q": name, "limit": "0"}) for name in names],
             "hidden and missing references": [(f"/v1/teasers/{ref}", {}) for ref in invisible]}
    for what, questions in pairs.items():
        took: tuple[list[float], list[float]] = ([], [])
        for path, params in (rng.choices(questions, k=80 if scene.full else 12)):
            other = (path, {"q": noise_like(params["q"], rng),
                            "limit": "0"}) if params else (f"/v1/teasers/{rng.randbytes(16).hex()}", {})
            for side, (where, asked) in sorted(enumerate(((path, params), other)), key=lambda _each: rng.random()):
                before = time.perf_counter()
                await door.ask("buyer-a", where, params=asked)
                took[side].append(time.perf_counter() - before)
        apart = statistics.median(took[0]) - statistics.median(took[1])
        chance = _chance(took, rng)
        told.append(f"{what}: medians {apart * 1e6:+.0f} us apart, p = {chance:.2f}")
        if apart > SECONDS_MOST and chance < 0.01:
            found.append(told[-1])
    return Finding("; ".join(told), found)


def _chance(took: tuple[list[float], list[float]], rng: Random) -> float:
    """How often a random division of the same times is as far apart."""
    def apart(times: list[float]) -> float:
        half = len(times) // 2
        return abs(statistics.median(times[:half]) - statistics.median(times[half:]))

    together = [*took[0], *took[1]]
    observed = apart(together)
    return (1 + sum(apart(rng.sample(together, len(together))) >= observed for _turn in range(499))) / 500


@timing.leaky
async def a_name_that_is_looked_up(scene: Scene, request: Any, send: Any) -> Any:
    if _asked_for(scene, request):
        time.sleep(SECONDS_MOST * 1.2)
    return await send(request)


# --- A24 ------------------------------------------------------------------------------------------------------------

#: Where a name ends up that an intermediary typed, and who may look there before the name clear. {deal} and so on are those
#: of the buyer's own, signed request.
LOOKED_AT = (
    "/v1/teasers?limit=100", "/v1/teasers/{ref}", "/v1/teasers?match=possible&place=JP-13&limit=100",
    "/v1/disclosure-requests",
    "/v1/disclosure-requests/{deal}", "/v1/disclosure-requests/{deal}/nda",
    "/v1/disclosure-requests/{deal}/nda/schedule", "/v1/disclosure-requests/{deal}/nda/document",
    "/v1/disclosure-requests/{deal}/nda/members", "/v1/disclosure-requests/{deal}/nda/renewal",
    "/v1/disclosure-requests/{deal}/nda/paper", "/v1/disclosure-requests/{deal}/nda/paper/content",
    "/v1/disclosure-requests/{deal}/screening", "/v1/disclosure-requests/{deal}/name-clear", "/nda/{deal}", "/v1/deals",
    "/v1/deals/{deal}",
    "/v1/deals/{deal}/obligations", "/v1/dossiers/{deal}", "/v1/grants", "/v1/documents/{document}",
    "/v1/listings/{listing}/documents",
    "/v1/listings/{listing}", "/v1/listings/{listing}/teaser-prose", "/v1/listings/{listing}/ledger",
    "/v1/listings/{listing}/accesses",
    "/v1/briefs", "/v1/briefs/{brief}", "/v1/briefs/{brief}/candidates?limit=100", "/v1/introductions",
    "/v1/introductions/{introduction}",
    "/v1/representations", "/v1/organisations", "/v1/organisations/{organisation}", "/v1/desks", "/v1/codes",
    "/v1/codes/phrase", "/v1/metrics",
    "/v1/screening-lists/entries", "/v1/listing-imports/{listing}", "/v1/listing-imports/{listing}/rows",
    "/v1/listings?limit=100",
)  # fmt: skip
MARK = re.compile(r"植込(\d{3})印")


def mark(number: int) -> str:
    return f"植込{number:03d}印"


@attack("A24", "put the name into every field that takes words: profile, documents, notes, text of the teaser, people, file names",
        actors="anonymous, buyer under NDA, another buyer, rival, desk, monitor",
        bound="no word typed by the seller's side appears before the name clear",
        routes=("GET /v1/teasers", "GET /v1/teasers/{ref}", "GET /v1/disclosure-requests",
                "GET /v1/disclosure-requests/{deal_id}",
                "GET /v1/disclosure-requests/{deal_id}/nda", "GET /v1/disclosure-requests/{deal_id}/nda/schedule",
                "GET /nda/{deal_id}",
                "GET /v1/deals", "GET /v1/deals/{deal_id}", "GET /v1/deals/{deal_id}/obligations",
                "GET /v1/dossiers/{deal_id}",
                "GET /v1/grants", "GET /v1/documents/{document_id}", "GET /v1/listings/{listing_id}/documents",
                "GET /v1/briefs",
                "GET /v1/briefs/{brief_id}", "GET /v1/briefs/{brief_id}/candidates", "GET /v1/introductions",
                "GET /v1/introductions/{introduction_id}", "GET /v1/organisations",
                "GET /v1/organisations/{organisation_id}",
                "GET /v1/listings/{listing_id}/teaser-prose", "PUT /v1/listings/{listing_id}/teaser-prose",
                "POST /v1/listings/{listing_id}/documents", "POST /v1/listings/{listing_id}/exclusions",
                "PATCH /v1/members/me"))
async def names_in_every_field(scene: Scene, door: Door) -> Finding:
    seller, buyer = await _typist(scene, door), scene.caller("buyer-a")
    marks: dict[str, int] = {}
    raw = planted(scene, marks)
    in_profile = set(marks.values()) - {999}
    listing = str(await scene.enter(seller, raw))
    ids = {"listing": listing, "organisation": str(seller.organisation_id)} | await _typed_elsewhere(door, seller, listing, marks)
    await _text_of_the_teaser(door, seller, listing, marks)
    ref = await scene.put_up(seller, UUID(listing), "verified_buyers", "agency_desk")
    ids |= {"ref": ref} | await _signed_and_introduced(scene, door, seller, buyer, ref, marks)
    at_home = {int(number) for number in MARK.findall((await seller.get(f"/v1/listings/{listing}")).text)}
    assert len(at_home) > 30 and at_home == in_profile, "the words are there to be shown"
    names = {number: path for path, number in marks.items()}
    found, read, ours = [], 0, {raw["identity"]["corporate_number"]}
    for who in ("buyer-a", None, "buyer-b", "bank", "desk", "monitor"):
        for path in LOOKED_AT if who else (*LOOKED_AT, "/v1/openapi.json"):
            for language in ("ja", "en") if "teasers" in path or "nda" in path else ("en",):
                answer = await door.ask(who, path.format(**ids), headers={"Accept-Language": language})
                read, said = read + 1, readable(answer)
                seen = {names[int(number)] for number in MARK.findall(said)} | {word for word in ours if word in said}
                found += [f"{who} reads {word} at {path}" for word in seen]
        if door.enough(found):
            break
    letters = await scene.world.seed("SELECT payload::text FROM ops.outbox WHERE payload -> 'to' ->> 'organisation' IS DISTINCT FROM $1 "
                                     "AND payload -> 'to' ->> 'address' IS NULL", str(seller.organisation_id))
    found += [f"a letter says {names[int(number)]}" for row in letters for number in MARK.findall(row[0])]
    return Finding(f"{len(marks)} fields planted, {read} answers and {len(letters)} letters read, {len(found)} words found", found)


async def _typist(scene: Scene, door: Door) -> Caller:
    """An intermediary whose member carries a marked name; the name it signs with is its own affair (db/README, decision 7)."""
    # Of an adviser who works for a prefecture the company is not in, the name tells no place.
    seller = await scene.world.intermediary("registered_institution", registration='{"prefecture": "JP-47"}')
    browser = await scene.world.signed_in(seller)
    person = (await browser.get("/v1/members/me")).json()
    answer = await door.of(browser).patch("/v1/members/me", json={"name": mark(999)}, headers=same_origin()
                                          | {"If-Match": f'"{person["version"]}"'})
    assert answer.status_code == 200, answer.text
    return seller


def planted(scene: Scene, marks: dict[str, int]) -> dict[str, Any]:
    """A complete profile with a word of its own in every field that takes words; `marks` remembers which is which."""
    marks["member name"] = 999
    members = iter(lambda: scene.member("A24"), None)
    raw = scene.profile(next(member for member in members if scene.population.columns["prefecture"][member] != 47))
    _plant(raw, Profile, "", marks)
    raw["identity"] |= {"name_en_declared_none": None,
                        "name": f"{raw['identity']['name']}{scene.number()}"}  # another company every time
    return raw


def _plant(body: dict[str, Any], struct: type, path: str, marks: dict[str, int]) -> None:
    for name, hint in get_type_hints(struct, include_extras=True).items():
        planted_here = _planted(hint, f"{path}{name}", marks, body.get(name))
        if planted_here is not None:
            body[name] = planted_here


def _planted(hint: Any, path: str, marks: dict[str, int], there: Any) -> Any:
    """What to put into a field of this type: a marked word, a block or list of them, or None to leave it as it is."""
    metas = getattr(hint, "__metadata__", ())
    if any(isinstance(meta, msgspec.Meta) and meta.pattern and ("0-9" in meta.pattern or "a-z" in meta.pattern)
           for meta in metas):
        return None
    while hasattr(hint, "__metadata__"):
        hint = hint.__origin__
    if get_origin(hint) in (Union, UnionType):
        return next((value for each in get_args(hint) if each is not type(None)
                     and (value := _planted(each, path, marks, there)) is not None), None)
    if get_origin(hint) is list:
        before = len(marks)
        value = _planted(get_args(hint)[0], f"{path}[0]", marks, there[0] if there else None)
        return [value] if value is not None and len(marks) > before else None
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        kinds = get_type_hints(hint)
        block = dict(there or {each.name: get_args(kinds[each.name])[0] for each in msgspec.structs.fields(hint)
                               if each.required and get_origin(kinds[each.name]) is Literal})  # fmt: skip
        _plant(block, hint, f"{path}.", marks)
        return block
    if hint is str and not path.endswith(("corporate_number", "status", "internal_key", "jsic_code", "postal_code")):
        return mark(marks.setdefault(path, len(marks) + 1))
    return None


async def _typed_elsewhere(door: Door, seller: Caller, listing: str, marks: dict[str, int]) -> dict[str, str]:
    """Documents and their folders, contacts, exclusions, a spreadsheet's name and its words."""
    def word(name: str) -> str:
        return mark(marks.setdefault(name, len(marks) + 1))

    for level in ("dossier", "data_room"):
        document = await door.ask(seller, f"/v1/listings/{listing}/documents", "POST", json={
            "level": level, "filename": f"{word('filename')}.txt", "folder": f"/{word('folder')}",
            "contains_personal_data": False, "export_control_class": "none", "downloadable": True, "unmarked_reason": "a list",
            "content_base64": base64.b64encode(word("content of a document").encode()).decode()})  # fmt: skip
        assert document.status_code == 201, document.text
    for path, body in (("owner-contacts", {"name": word("owner contact"), "email": "typed-owner@fictitious.example"}),
                       ("exclusions", {"kind": "person", "value": word("excluded person"),
                                       "note": word("note of an exclusion")})):
        answer = await door.ask(seller, f"/v1/listings/{listing}/{path}", "POST", json=body)
        assert answer.status_code == 201, answer.text
    name = word("file name of a spreadsheet")
    sheet = {"file": (f"{name}.csv", f"会社名,法人番号\n{word('row of a spreadsheet')},\n".encode())}
    assert (await door.of(seller).post("/v1/listing-imports", files=sheet)).status_code in (201, 202)
    return {"document": document.json()["id"]}


async def _text_of_the_teaser(door: Door, seller: Caller, listing: str, marks: dict[str, int]) -> None:
    """A text that names the company; it must not go up. Taken away again, so that the rest can be published."""
    text = mark(marks.setdefault("text of the teaser", len(marks) + 1))
    written = await door.ask(seller, f"/v1/listings/{listing}/teaser-prose", "PUT",
                             json={"ja": f"{text}は良い会社です。", "en": f"{text} is good."})
    assert written.status_code in (200, 201, 409, 422), written.text
    refused = await door.ask(seller, f"/v1/listings/{listing}/teaser-proposals", "POST",
                             json={"audiences": ["verified_buyers"]})
    assert refused.status_code in (409, 422), "a teaser with an unread text was proposed"
    assert "text of the teaser" in refused.text, refused.text
    await door.ask(seller, f"/v1/listings/{listing}/teaser-prose", "DELETE")


async def _signed_and_introduced(scene: Scene, door: Door, seller: Caller, buyer: Caller, ref: str,
                                 marks: dict[str, int]) -> dict[str, str]:
    """A request of the buyer as far as the signed NDA and the question to the owner, and a desk's introduction beside it."""
    desk = scene.caller("desk")
    deal = (await buyer.post("/v1/disclosure-requests", {"teaser_ref": ref, "purpose": "Growth"})).json()["id"]
    path = f"/v1/disclosure-requests/{deal}"
    steps = [(seller, f"{path}/screening",
              {"decision": "cleared", "explanation": mark(marks.setdefault("explanation of a screening",
                                                                           len(marks) + 1))}),
             (seller, f"{path}/nda", {"form": "one_way", "term_months": 24})]  # fmt: skip
    for who, where, body in steps:
        answer = await door.ask(who, where, "POST", json=body)
        assert answer.status_code == 201, answer.text
    signature = await scene.world.signing(buyer, path, answer.json()["text_hash"])
    for who, where, body in ((buyer, f"{path}/nda/signature", signature), (seller, f"{path}/name-clear", {})):
        answer = await door.ask(who, where, "POST", json=body)
        assert answer.status_code == 201, answer.text
    brief = await buyer.post("/v1/briefs", {"desk_id": str(desk.organisation_id),
                                            "wishes": {"schemes": ["share_transfer"]},
                                            "purpose": "technology", "languages": ["en"]})  # fmt: skip
    made = await desk.post(f"/v1/briefs/{brief.json()['id']}/introductions", {"teaser_ref": ref})
    assert made.status_code == 201, made.text
    declined = await seller.post(f"/v1/introductions/{made.json()['id']}/decline", {"reason": "other"})
    assert declined.status_code == 200, declined.text
    return {"deal": deal, "brief": brief.json()["id"], "introduction": made.json()["id"]}


def the_outline_in_the_summary(scene: Scene, teaser: dict[str, Any], truth: Truth) -> None:
    teaser["summary"].append(truth.words["representative_name"])


names_in_every_field.leaky(on_each_teaser(the_outline_in_the_summary))


@names_in_every_field.leaky
async def a_request_that_lists_the_documents(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if re.fullmatch(r"/v1/disclosure-requests/[0-9a-f-]{36}", request.url.path) and answer.status_code == 200:
        rows = await scene.world.seed("SELECT title FROM vault.document ORDER BY added_at DESC LIMIT 1")
        return altered(answer, answer.json() | {"documents": [row["title"] for row in rows]})
    return answer


@names_in_every_field.leaky
async def a_directory_of_people(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if request.url.path.startswith("/v1/organisations/") and answer.status_code == 200:
        rows = await scene.world.seed("SELECT name FROM vault.member WHERE organisation_id = $1", answer.json()["id"])
        return altered(answer, answer.json() | {"contact": rows[0]["name"]})
    return answer

