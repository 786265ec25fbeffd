"""What does somebody learn who lists companies, acts for buyers or runs a desk, about companies that are not his?

B6: the preview asked again and again. B7: listing a company that somebody else lists. B8: being excluded. B9: a desk's
candidates as a filter.
"""

from __future__ import annotations

import json
import re
from itertools import groupby, zip_longest
from random import Random
from typing import Any
from uuid import UUID, uuid4

import market_world
from attacks.harness import Door, Finding, altered, attack, items_in
from attacks.linkage import words_in
from attacks.order import P_LEAST, strongest_correlation
from attacks.scene import Scene
from succession.market.filter_log import today
from succession.market.match_queries import newest_year
from succession.market.matching import OFFERS, WISHES, Offer, Seeker, Wishes, is_candidate, judge
from succession.market.search import allowed
from world import Caller

# --- B6 -------------------------------------------------------------------------------------------------------------

FIGURES_A_DAY, LOOKS_A_DAY = 5, 30


@attack("B6", "move figures step by step and preview each time; preview without a mandate, unconfirmed, and of somebody else's listing", actors="rival",
        bound=f"{FIGURES_A_DAY} sets of figures of a listing a day, {LOOKS_A_DAY} looks of a member, none without a confirmed mandate",
        routes=("POST /v1/listings/{listing_id}/teaser-preview", "POST /v1/listings/{listing_id}/teaser-proposals",
                "PATCH /v1/listings/{listing_id}"))
async def preview_as_an_oracle(scene: Scene, door: Door) -> Finding:
    rival = await scene.world.intermediary("registered_institution")
    found, raw = [], scene.profile(scene.member("B6"))
    bare = await market_world.entered(rival, raw | {"identity": raw["identity"]
                                                    | {"corporate_number": None, "internal_key": f"x{scene.number()}"}})
    stranger = next(truth for truth in scene.truth.values() if truth.holder == "center")
    for listing, why in ((bare, "a mandate"), (stranger.listing_id, "being its own")):
        for noun, body in (("teaser-preview", {}), ("teaser-proposals", {"audiences": ["verified_buyers"]})):
            answer = await door.ask(rival, f"/v1/listings/{listing}/{noun}", "POST", json=body)
            if answer.status_code not in (404, 409):
                found.append(f"{noun} without {why}: {answer.status_code}")
    looks, most = 0, 0
    for _listing in range(8 if scene.full else 2):
        listing = await scene.enter(rival, scene.profile(scene.member("B6")))
        figures = 0
        for step in range(FIGURES_A_DAY + 3):
            path = f"/v1/listings/{listing}"
            version = (await rival.get(path)).json()["version"]
            edited = await door.ask(rival, path, "PATCH", json={"business": {"employees": 10 + step}},
                                    headers={"If-Match": f'"{version}"'})
            assert edited.status_code == 200, edited.text
            noun, body = ("teaser-preview", {}) if step % 3 else ("teaser-proposals",
                                                                  {"audiences": ["verified_buyers"]})
            answer = await door.ask(rival, f"{path}/{noun}", "POST", json=body)
            assert answer.status_code in (200, 201, 409, 429), answer.text
            figures += answer.status_code != 429
        looks, most = looks + figures, max(most, figures)
    if most > FIGURES_A_DAY:
        found.append(f"{most} sets of figures of one listing were looked up in a day")
    if looks > LOOKS_A_DAY:
        found.append(f"one member looked {looks} times in a day")
    return Finding(f"{most} sets of figures of one listing answered, {looks} looks in all", found)


@preview_as_an_oracle.leaky
async def a_quota_that_counts_previews_only(_scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    return altered(answer, {"id": "x"}, 201) if answer.status_code == 429 and request.url.path.endswith("teaser-proposals") else answer


@preview_as_an_oracle.leaky
async def a_preview_before_the_mandate(_scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    return altered(answer, {"shared_by": 25},
                   200) if answer.status_code == 409 and "preview" in request.url.path else answer


# --- B7 -------------------------------------------------------------------------------------------------------------


@attack("B7", "list, preview, publish, import and negotiate a company that another intermediary lists already; register its number", actors="rival, buyer",
        bound="every answer and letter as for a company nobody lists", routes=(
            "POST /v1/listings", "GET /v1/listings/{listing_id}", "GET /v1/listings",
            "POST /v1/listings/{listing_id}/teaser-preview",
            "POST /v1/listings/{listing_id}/teaser-proposals", "POST /v1/listings/{listing_id}/publication",
            "POST /v1/listing-imports",
            "GET /v1/listing-imports/{import_id}", "GET /v1/listing-imports/{import_id}/rows",
            "POST /v1/listing-imports/{import_id}/commit",
            "POST /v1/disclosure-requests", "POST /v1/disclosure-requests/{deal_id}/screening",
            "POST /v1/disclosure-requests/{deal_id}/nda",
            "POST /v1/organisations", "POST /v1/listings/{listing_id}/exclusions",
            "DELETE /v1/listings/{listing_id}/exclusions/{exclusion_id}"))
async def listed_already(scene: Scene, door: Door) -> Finding:
    member = scene.member("B7")
    while scene.population.columns["prefecture"][member] == 13:  # where the rival works: its name would tell the place
        member = scene.member("B7")
    center, found, told = scene.caller("center"), [], []
    taken = scene.profile(member)
    listed = await scene.publish(center, taken, "verified_buyers")
    other = scene.profile(member)["identity"]["corporate_number"]
    alike = {"name": re.sub("[ァ-ヶ]", lambda kana: "ム" if kana[0] != "ム" else "メ", taken["identity"]["name"], count=1),
             "name_kana": f"{taken['identity']['name_kana']}ニ", "corporate_number": other,
             "sites": [site | {"address": f"{site['address']}二"} for site in taken["identity"]["sites"]]}  # fmt: skip
    free = taken | {"identity": taken["identity"] | alike}
    seen = await scene.caller("fund-d").post("/v1/disclosure-requests", {"teaser_ref": listed, "purpose": "Growth"})
    assert seen.status_code == 201, seen.text
    told_to_center = len(await scene.world.letters(organisation=center.organisation_id))
    for raw in (taken, free):
        rival = await scene.world.intermediary("registered_institution", registration='{"prefecture": "JP-13"}')
        scene.memory["number"] = taken["identity"]["corporate_number"]
        told.append(await _transcript(scene, door, rival, raw))
    for one, other in zip_longest(*told, fillvalue=("nothing", None)):
        if one != other:
            found.append(f"{one[0]}: {_first_difference(one[1], other[1])}")
    if len(await scene.world.letters(organisation=center.organisation_id)) != told_to_center:
        found.append("the first intermediary is written to")
    return Finding(f"{len(told[0])} steps compared, {len(found)} tell that a company is listed", found)


async def _transcript(scene: Scene, door: Door, rival: Caller, raw: dict[str, Any]) -> list[tuple[str, Any]]:
    """Everything the rival, and a buyer of both, are answered on the way from the entry to the NDA, made comparable."""
    steps: list[tuple[str, Any]] = []
    name, number = raw["identity"]["name"], raw["identity"]["corporate_number"]

    async def take(step: str, who: Any, path: str, method: str = "POST", **options: Any) -> Any:
        answer = await door.ask(who, path, method, **options)
        steps.append((step, (answer.status_code, _blank(answer.text, raw))))
        return answer

    buyer = scene.caller("fund-d")
    sheet = await door.of(rival).post("/v1/listing-imports",
                                      files={"file": ("a.csv", f"会社名,法人番号,都道府県\n{name},{number},東京都\n".encode())})
    steps.append(("import", (sheet.status_code, _blank(sheet.text, raw))))
    await take("read the import", rival, f"/v1/listing-imports/{sheet.json()['id']}", "GET")
    await take("rows of the import", rival, f"/v1/listing-imports/{sheet.json()['id']}/rows", "GET")
    listing = (await take("enter", rival, "/v1/listings", json=raw)).json().get("id")
    if listing is None:
        return steps
    path = f"/v1/listings/{listing}"
    await take("commit the import", rival, f"/v1/listing-imports/{sheet.json()['id']}/commit", json={})
    await take("read", rival, path, "GET")
    await take("list", rival, "/v1/listings", "GET")
    await market_world.mandated(scene.world, UUID(listing), rival.member_id)
    await rival.post(f"{path}/owner-contacts",
                     {"name": "架空 太郎", "email": f"owner-{uuid4().hex[:9]}@fictitious.example"})
    excluded = await take("exclude", rival, f"{path}/exclusions", json={"kind": "country", "value": "FR"})
    await take("readmit", rival, f"{path}/exclusions/{excluded.json()['id']}", "DELETE")
    await take("preview", rival, f"{path}/teaser-preview", json={})
    proposed = await take("propose", rival, f"{path}/teaser-proposals", json={"audiences": ["verified_buyers"]})
    await market_world.owner_approves(scene.world, proposed.json()["id"], "verified_buyers")
    ref = (await take("publish", rival, f"{path}/publication", json={})).json()["ref"]
    await market_world.batch(scene.world, scene.settings)
    await take("what the batch did", rival, path, "GET")
    deal = (await take("a request", buyer, "/v1/disclosure-requests",
                       json={"teaser_ref": ref, "purpose": "Growth"})).json().get("id", uuid4())
    await take("screening", rival, f"/v1/disclosure-requests/{deal}/screening", json={"decision": "cleared"})
    await take("NDA", rival, f"/v1/disclosure-requests/{deal}/nda", json={"form": "one_way", "term_months": 24})
    await take("register its number", "anonymous", "/v1/organisations", json={
        "kind": "acquirer", "legal_name": name, "country": "JP", "corporate_number": number, "buyer_kind": "company",
        "member": {"name": "A", "email": f"a{uuid4().hex[:8]}@fictitious.example"}})
    letters = await scene.world.letters(organisation=rival.organisation_id)
    steps.append(("letters", [letter["template"] for letter in letters]))
    return steps


def _blank(text: str, raw: dict[str, Any]) -> str:
    """What an answer says, but for names, references, times and lots."""
    for word in sorted({*words_in(raw["identity"]), raw["succession"]["declared_by"]}, key=len, reverse=True):
        text = text.replace(word, "#") if len(word) > 1 else text
    text = re.sub(r'"project_name":"[^"]*"|project [A-Z]\w+', "#", text, flags=re.I)
    text = re.sub(r"[0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "#", text)
    text = re.sub(r"プロジェクト\w+|Fictitious \w+ \d+|\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|\+00:00)|owner-#?\w*@|a\w{8}@", "#", text)
    return re.sub(r'"deals_before":\d+|"text_(ja|en)":"(?:[^"\\]|\\.)*"|"title":"[^"]*"', "#", text)


def _first_difference(one: Any, other: Any) -> str:
    a, b = str(one), str(other)
    at = next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return f"...{a[max(0, at - 60):at + 60]}... against ...{b[max(0, at - 60):at + 60]}..."


@listed_already.leaky
async def a_duplicate_refused_across_intermediaries(scene: Scene, request: Any, send: Any) -> Any:
    if request.method == "POST" and request.url.path == "/v1/listings" and scene.memory.get("number", "-") in request.content.decode():
        return altered(await send(request), {"code": "listing_duplicate", "type": "", "status": 409}, 409)
    return await send(request)


@listed_already.leaky
async def an_import_that_marks_known_companies(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if request.url.path.endswith("/rows") and scene.memory.get("number", "-") in answer.text:
        return altered(answer, answer.json() | {"known": True})
    return answer


# --- B8 -------------------------------------------------------------------------------------------------------------


@attack("B8", "notice that one is excluded: totals, pages, counts, single teasers, requests, candidates and introductions", actors="excluded buyer, its desk, who acts for it",
        bound="one account's answers agree with each other and with a market without those teasers", routes=(
            "GET /v1/teasers", "GET /v1/teasers/{ref}", "POST /v1/disclosure-requests",
            "GET /v1/briefs/{brief_id}/candidates",
            "POST /v1/briefs/{brief_id}/introductions", "POST /v1/representations",
            "POST /v1/representations/{representation_id}/confirmation"))
async def exclusions(scene: Scene, door: Door) -> Finding:
    if "excluding" not in scene.kept:
        center = scene.caller("center")
        listing = await scene.enter(center, scene.profile(scene.member("B8")))
        assert (await center.post(f"/v1/listings/{listing}/exclusions",
                                  {"kind": "country", "value": "US"})).status_code == 201
        scene.kept["excluding"] = await scene.put_up(center, listing, "verified_buyers", "agency_desk",
                                                     "domestic_institutions")
    gone = {ref for ref, truth in scene.truth.items() if ("country", "US") in truth.excludes}
    seen, found = {}, []
    for who in ("buyer-c", "buyer-a", "anonymous"):
        shown = await door.teasers(who)
        seen[who] = {item["ref"] for item in shown}
        small, cursor = [], None
        while True:
            page = (await door.ask(who, "/v1/teasers", params={"limit": 7}
                                   | ({"cursor": cursor} if cursor else {}))).json()
            small += [item["ref"] for item in page["items"]]
            cursor = page["next_cursor"]
            if page["total_certain"] != len(shown):
                found.append(f"{who}: {page['total_certain']} in all, {len(shown)} shown")
            if cursor is None:
                break
            if len(page["items"]) != 7:
                found.append(f"{who}: a page of {len(page['items'])} goes on")
        if set(small) != seen[who] or len(small) != len(set(small)):
            found.append(f"{who}: small pages show other teasers than large ones")
        for name in ("place", "revenue", "price"):
            counted = {value["code"]: value["count"] for value in page["facets"][name]}
            found += [f"{who}: {code} counts {count}, shown {sum(item[name] == code for item in shown)}" for code,
                      count in counted.items()
                      if (name != "place" or code.startswith("JP-")) and name != "revenue"
                      and count != sum(item[name] == code for item in shown)]
    hidden = [ref for ref in gone if scene.truth[ref].audiences & 2]
    assert hidden, "somebody is excluded, or this attack is blind"
    found += [f"{ref} is shown to whom it excludes" for ref in gone & seen["buyer-c"]]
    found += [f"{ref} is public and hidden" for ref in seen["anonymous"] - seen["buyer-c"]]
    for ref in hidden[:4]:
        for method, path, body in (("GET", "/v1/teasers/{}", None),
                                   ("POST", "/v1/disclosure-requests", {"teaser_ref": "{}", "purpose": "Growth"})):
            told = []
            for each in (ref, uuid4().hex):
                sent = body and {name: value.format(each) for name, value in body.items()}
                answer = await door.ask("buyer-c", path.format(each), method, json=sent)
                told.append((answer.status_code, answer.text.replace(each, "#")))
            if told[0] != told[1]:
                found.append(f"{method} {path}: {told[0]} for a teaser that excludes, {told[1]} for none")
    found += await _through_others(scene, door, gone)
    only = len(seen["buyer-a"] - seen["buyer-c"])
    return Finding(f"{len(hidden)} teasers hidden from one buyer; two buyers who compare notes find {only} that one of them lacks", found)


async def _through_others(scene: Scene, door: Door, gone: set[str]) -> list[str]:
    """The desk that the excluded buyer filed a brief with, and the intermediary that acts for it."""
    buyer, desk, found = scene.caller("buyer-c"), scene.caller("desk"), []
    brief = await buyer.post("/v1/briefs", {"desk_id": str(desk.organisation_id),
                                            "wishes": {"schemes": ["share_transfer", "business_transfer_full"]},
                                            "purpose": "technology", "languages": ["en"]})
    path = f"/v1/briefs/{brief.json()['id']}"
    offered = items_in(await door.ask("desk", f"{path}/candidates?limit=100"))
    found += [f"{item['ref']} is a candidate for whom it excludes" for item in offered if item["ref"] in gone]
    told = []
    for ref in (next(ref for ref in gone if scene.truth[ref].audiences & 4), uuid4().hex):
        answer = await door.ask("desk", f"{path}/introductions", "POST", json={"teaser_ref": ref})
        told.append((answer.status_code, answer.text.replace(ref, "#")))
    if told[0] != told[1]:
        found.append(f"a desk introducing is told {told[0]}, of nothing {told[1]}")
    made = await door.ask("bank", "/v1/representations", "POST",
                          json={"acquirer_id": str(buyer.organisation_id), "document_hash": "c" * 64,
                                                                       "from_date": "2026-01-01",
                                                                       "until_date": "2099-01-01"})
    if made.status_code == 201:
        confirmed = await door.ask("buyer-c", f"/v1/representations/{made.json()['id']}/confirmation", "POST", json={})
        assert confirmed.status_code == 200, confirmed.text
        acting = {item["ref"] for item in await door.teasers("bank", acting_for=str(buyer.organisation_id))}
        found += [f"{ref} is shown to who acts for whom it excludes" for ref in acting & gone]
    return found


@exclusions.leaky
async def a_total_that_counts_them(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if request.url.path == "/v1/teasers" and answer.status_code == 200 and scene.accounts["buyer-c"].api_key in request.headers.get("authorization", ""):
        body = answer.json()
        return altered(answer, body | {"total_certain": body["total_certain"] + 1})
    return answer


@exclusions.leaky
async def forbidden_to_whom_it_excludes(scene: Scene, request: Any, send: Any) -> Any:
    answer, ref = await send(request), request.url.path.rpartition("/")[2]
    return altered(answer, status=403) if ref in scene.truth and scene.truth[ref].excludes else answer


@exclusions.leaky
async def a_desk_that_sees_past_it(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if request.url.path.endswith("/introductions") and answer.status_code == 404:
        ref = json.loads(request.content)["teaser_ref"]
        return altered(answer, answer.json()
                       | {"code": "excluded", "detail": "This acquirer is excluded."}) if ref in scene.truth else answer
    return answer


# --- B9 -------------------------------------------------------------------------------------------------------------


@attack("B9", "file briefs with single wishes and read the desk's candidates as a filter on hidden facts",
        actors="buyer and its desk together",
        bound=f"candidates, outcomes and order are what the teasers shown give (ties by chance, p >= {P_LEAST})",
        routes=("POST /v1/briefs", "GET /v1/briefs/{brief_id}/candidates", "POST /v1/briefs/{brief_id}/closure"))
async def candidates(scene: Scene, door: Door) -> Finding:
    desk, rng = scene.caller("desk"), Random(9)
    excluded = {ref for ref, truth in scene.truth.items()
                if set(truth.excludes) & {("registry", "SG:FICT00002"), ("country", "SG")}}
    shown = [item for item in await door.teasers("desk") if item["ref"] not in excluded]
    found, asked, orders = [], 0, {}
    of = (await scene.world.seed("SELECT buyer_kind, country FROM vault.organisation WHERE id = $1", scene.caller("buyer-b").organisation_id))[0]
    single = [{name: [code]} for name, wish in WISHES.items() if wish.stated
              for code in (OFFERS if name == "offers" else allowed(wish.scheme))]
    both = [{**rng.choice(single), **rng.choice(single)} for _n in range(12)]
    for wishes in (*scene.some(single, 26), *scene.some(both, 5)):
        asked += 1
        filed = await door.ask("buyer-b", "/v1/briefs", "POST",
                               json={"desk_id": str(desk.organisation_id), "wishes": wishes,
                                                                     "purpose": "technology", "languages": ["en"]})
        assert filed.status_code == 201, filed.text
        path = f"/v1/briefs/{filed.json()['id']}"
        offered, cursor = [], None
        while True:
            page = (await door.ask("desk", f"{path}/candidates", params={"limit": 100}
                                   | ({"cursor": cursor} if cursor else {}))).json()
            offered += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        expected = expected_of(shown, wishes, *of)
        told = {item["teaser"]["ref"]: (item["met"], item["possible"], item["unmet"]) for item in offered}
        if told != expected:
            odd = set(told.items()) ^ set(expected.items())
            found.append(f"{wishes}: {len(odd)} candidates are not what their teasers say")
        for equals in ties(offered):
            known = [item["teaser"] for item in equals if item["teaser"]["ref"] in scene.truth]
            orders["newest"] = max(orders.get("newest", []), known, key=len)
        await door.ask("buyer-b", f"{path}/closure", "POST", json={}, headers={"If-Match": '"1"'})
        if door.enough(found):
            break
    tau, where, p = strongest_correlation(scene, {"chance": [item | {"chance": 0} for item in orders["newest"]]})
    if p < P_LEAST:
        found.append(f"the order of candidates goes with {where}: |tau| {tau:.2f}, p = {p:.2g}")
    return Finding(f"{asked} briefs, {len(found)} tell more than the teasers; longest tie of {len(orders['newest'])}: |tau| {tau:.2f}, p = {p:.2g}", found)


def ties(offered: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Runs of candidates that stand equal."""
    return [list(run) for _score, run in groupby(offered, key=lambda item: item["score"])]


def expected_of(shown: list[dict[str, Any]], wishes: dict[str, list[str]], kind: str, country: str) -> dict[str, tuple[int, int, int]]:
    """Who is a candidate, and how far, going by published codes alone."""
    found = {}
    for item in shown:
        offer = Offer(*(int(item[name][2:]) if name == "fiscal_year" else item[name] for name in Offer.__struct_fields__))
        judged = judge(Seeker(Wishes(**wishes), kind, country), offer, newest_year(today()))
        if is_candidate(judged):
            outcomes = [each.outcome for each in judged]
            found[item["ref"]] = outcomes.count("met"), outcomes.count("possible"), outcomes.count("unmet")
    return found


@candidates.leaky
async def candidates_of_the_true_prefecture_only(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if not request.url.path.endswith("/candidates"):
        return answer
    body = answer.json()
    kept = [item for item in body["items"]
            if not any(wish["wish"] == "places" and scene.truth[item["teaser"]["ref"]].place[3:] not in wish["wanted"]
                                                      and wish["outcome"] == "possible" for wish in item["wishes"])]
    return altered(answer, body | {"items": kept})


@candidates.leaky
async def the_largest_first(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if not request.url.path.endswith("/candidates"):
        return answer
    body = answer.json()
    key = {item["teaser"]["ref"]: (-item["score"], -scene.truth[item["teaser"]["ref"]].revenue_yen)
           for item in body["items"] if item["teaser"]["ref"] in scene.truth}
    return altered(answer, body | {"items": sorted(body["items"],
                                                   key=lambda item: key.get(item["teaser"]["ref"], (0, 0)))})


