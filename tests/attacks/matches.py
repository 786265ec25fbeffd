"""What does a buyer learn who keeps changing its profile and reads which teasers match?

B11: what owners want and did not publish, and whom they exclude, must not show in who matches, how far, or in which order.
"""

from __future__ import annotations

from random import Random
from typing import Any

from attacks.harness import Door, Finding, altered, attack
from attacks.order import P_LEAST, strongest_correlation
from attacks.rivals import expected_of, ties
from attacks.scene import Scene
from succession.market.matching import OFFERS, WISHES
from succession.market.search import allowed

_PATH = "/v1/matches"


@attack("B11", "change one's profile again and again and read the matches as a filter on hidden facts", actors="two buyers, one of them excluded here and there",
        bound=f"matches, outcomes and order are what the teasers shown to that buyer give (ties by chance, p >= {P_LEAST})",
        routes=("PUT /v1/acquirer-profile", "GET /v1/matches"))
async def probing(scene: Scene, door: Door) -> Finding:
    rng, found, asked, longest = Random(11), [], 0, []
    single = [{name: [code]} for name, wish in WISHES.items() if wish.stated for code in (OFFERS if name == "offers" else allowed(wish.scheme))]
    mixed = [{**rng.choice(single), **rng.choice(single), **rng.choice(single)} for _n in range(12)]
    for who in ("buyer-b", "buyer-c"):
        of = (await scene.world.seed("SELECT buyer_kind, country FROM vault.organisation WHERE id = $1", scene.caller(who).organisation_id))[0]
        shown = await door.teasers(who)
        for wishes in ({"revenue": list(allowed("revenue"))}, *scene.some(single, 12), *scene.some(mixed, 4)):
            asked += 1
            kept = await door.ask(who, "/v1/acquirer-profile", "PUT", json={"wishes": wishes})
            assert kept.status_code == 200, kept.text
            offered = await _every(door, who)
            told = {item["teaser"]["ref"]: (item["met"], item["possible"], item["unmet"]) for item in offered}
            if told != (right := expected_of(shown, wishes, *of)):
                found.append(f"{who} {wishes}: {len(set(told.items()) ^ set(right.items()))} matches are not what their teasers say")
            for equals in ties(offered):
                longest = max(longest, [item["teaser"] for item in equals if item["teaser"]["ref"] in scene.truth], key=len)
            if door.enough(found):
                break
    tau, where, p = strongest_correlation(scene, {"chance": [item | {"chance": 0} for item in longest]})
    if p < P_LEAST:
        found.append(f"the order of matches goes with {where}: |tau| {tau:.2f}, p = {p:.2g}")
    return Finding(f"{asked} profiles, {len(found)} tell more than the teasers; longest tie of {len(longest)}: |tau| {tau:.2f}, p = {p:.2g}", found)


async def _every(door: Door, who: str) -> list[dict[str, Any]]:
    found, cursor = [], None
    while True:
        page = (await door.ask(who, _PATH, params={"limit": 100} | ({"cursor": cursor} if cursor else {}))).json()
        found, cursor = found + page["items"], page["next_cursor"]
        if cursor is None:
            return found


@probing.leaky
async def where_the_true_revenue_is_high_a_wish_counts_as_met(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if request.url.path != _PATH:
        return answer
    body = answer.json()
    items = [item | {"met": item["met"] + 1, "possible": item["possible"] - 1} if item["possible"] and _revenue(scene, item) > 500_000_000 else item
             for item in body["items"]]
    return altered(answer, body | {"items": items})


@probing.leaky
async def the_largest_match_first(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if request.url.path != _PATH:
        return answer
    body = answer.json()
    return altered(answer, body | {"items": sorted(body["items"], key=lambda item: (-item["score"], -_revenue(scene, item)))})


@probing.leaky
async def one_that_excludes_this_buyer(scene: Scene, request: Any, send: Any) -> Any:
    answer = await send(request)
    if request.url.path != _PATH or not (body := answer.json())["items"]:
        return answer
    gone = next(ref for ref, truth in scene.truth.items() if truth.excludes)
    first = body["items"][0]
    return altered(answer, body | {"items": [*body["items"], first | {"teaser": first["teaser"] | {"ref": gone}}]})


def _revenue(scene: Scene, item: dict[str, Any]) -> int:
    truth = scene.truth.get(item["teaser"]["ref"])
    return truth.revenue_yen if truth else 0
