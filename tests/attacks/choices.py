"""Does a seller's choice of words tell what the words themselves hide?

S1: two labels of one company. S2: what a company is offered. S3: the preview as an oracle for the edge of a cell.
"""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import numpy as np

import market_world
from attacks.harness import Door, Finding, Send, altered, attack, on_each_teaser
from attacks.linkage import Key, candidates, key_of_teaser, show
from attacks.scene import Scene, Truth
from succession.anonymity.alternatives import wider
from succession.codes import ATTRIBUTES, leaves
from succession.codes.attributes import employees_band, revenue_band
from succession.market.looks import FIGURES_PER_LISTING_A_DAY

PREVIEW = "POST /v1/listings/{listing_id}/teaser-preview"


# --- S1 -------------------------------------------------------------------------------------------------------------


@attack("S1", "see the teaser of one company twice, with and without its coarser codes, and guess which cells choose them",
        actors="buyer", bound="at least k companies remain, whatever each cell is guessed to choose",
        routes=("GET /v1/teasers/{ref}", PREVIEW, "POST /v1/listings/{listing_id}/teaser-proposals"))
async def two_labels(scene: Scene, door: Door) -> Finding:
    center, found, fewest = scene.caller("center"), [], len(scene.population)
    for turn in range(2):
        listing_id = await scene.enter(center, scene.profile(scene.member(f"S1-{turn}")))
        offered = (await door.ask(center, f"/v1/listings/{listing_id}/teaser-preview", "POST", json={})).json()["alternatives"]
        first = {each["attribute"]: each["code"] for each in reversed(offered)}
        plain = await _seen(scene, door, listing_id, {})
        blurred = await _seen(scene, door, listing_id, dict(list(first.items())[turn:]))
        left = _left_to_a_guess(scene, plain, blurred)
        fewest = min(fewest, left)
        if left < scene.codebook.k:
            found.append(f"{left} companies are left of {'/'.join(plain)} and {'/'.join(blurred)}")
    return Finding(f"fewest companies left by two labels and any guess {fewest}, k = {scene.codebook.k}", found)


async def _seen(scene: Scene, door: Door, listing_id: object, coarser: dict[str, str]) -> Key:
    """What a buyer reads when the listing is put up with these codes; it is down again afterwards."""
    center, path = scene.caller("center"), f"/v1/listings/{listing_id}"
    wanted = {"audiences": ["verified_buyers"], "coarser": coarser}
    proposed = await door.ask(center, f"{path}/teaser-proposals", "POST", json=wanted)
    assert proposed.status_code == 201, proposed.text
    await market_world.owner_approves(scene.world, proposed.json()["id"], "verified_buyers")
    ref = (await door.ask(center, f"{path}/publication", "POST", json={})).json()["ref"].replace("-", "")
    await market_world.batch(scene.world, scene.settings)
    await scene.reload()
    teaser = (await door.ask("buyer-a", f"/v1/teasers/{ref}")).json()
    for step in ("publication", "suspension"):
        await door.ask(center, f"{path}/{step}", "DELETE")
    return key_of_teaser(teaser)


def _left_to_a_guess(scene: Scene, plain: Key, blurred: Key) -> int:
    """The companies of the smallest cell that can have shown both: whoever guesses the cell is left with these."""
    _members, cells = scene.registry
    fits = candidates(scene, plain) & candidates(scene, blurred)
    inside = [cell.cell for cell in scene.codebook.cells
              if all(leaves(n, getattr(cell, n)) <= leaves(n, code) for n, code in zip(ATTRIBUTES, plain, strict=True))]  # fmt: skip
    sizes = np.bincount(cells[fits & np.isin(cells, inside)], minlength=1)
    return int(sizes[sizes > 0].min(initial=len(cells))) if sizes.any() else 0


def a_coarser_place_for_finer_bands(_scene: Scene, teaser: dict[str, Any], truth: Truth) -> None:
    """A trade: the second label says less of the place, and in exchange the true bands of headcount and revenue."""
    if wider("place", truth.place) and teaser["place"] != truth.place:
        key = dict(zip(ATTRIBUTES, key_of_teaser(teaser), strict=True))
        show(teaser, tuple((key | {"industry": truth.jsic[:2], "employees": employees_band(truth.employees),
                                   "revenue": revenue_band(truth.revenue_yen)}).values()))  # fmt: skip


def a_prefecture_where_a_region_was_chosen(_scene: Scene, teaser: dict[str, Any], truth: Truth) -> None:
    teaser["place"] = truth.place


two_labels.leaky(on_each_teaser(a_coarser_place_for_finer_bands))
two_labels.leaky(on_each_teaser(a_prefecture_where_a_region_was_chosen))


# --- S2 -------------------------------------------------------------------------------------------------------------


@attack("S2", "compare what two companies of one cell may choose", actors="two sellers",
        bound="the offers are a function of the cell, and every one says less than it", routes=(PREVIEW,))
async def offers(scene: Scene, door: Door) -> Finding:
    members, cells = scene.registry
    found, compared = [], 0
    for turn in range(2):
        first = scene.member(f"S2-{turn}")
        same = members[cells == cells[np.searchsorted(members, first)]]
        column = scene.population.columns
        alike = column["legal_form"][same] == column["legal_form"][first]
        second = next(int(m) for m in same[alike] if m != first and column["employees"][m] >= 3)
        shown = [await _offers(scene, door, scene.caller(who), member) for who, member in (("center", first), ("bank", second))]
        compared += 1
        if shown[0] != shown[1]:
            found.append(f"two companies of cell {cells[np.searchsorted(members, first)]} are offered different labels")
        for each in shown[0] + shown[1]:
            if each["code"] not in wider(each["attribute"], each["shown"]):
                found.append(f"{each['code']} is offered instead of {each['shown']}")
    return Finding(f"{compared} pairs of companies", found)


async def _offers(scene: Scene, door: Door, holder: Any, member: int) -> list[dict[str, Any]]:
    listing_id = await scene.enter(holder, scene.profile(member))
    answer = await door.ask(holder, f"/v1/listings/{listing_id}/teaser-preview", "POST", json={})
    assert answer.status_code == 200, answer.text
    return answer.json()["alternatives"]


def _on_previews(alter: Any) -> Any:
    async def leak(_scene: Scene, request: httpx.Request, send: Send) -> httpx.Response:
        answer = await send(request)
        if not request.url.path.endswith("/teaser-preview") or answer.status_code != 200:
            return answer
        body = answer.json()
        alter(body)
        return altered(answer, body)

    leak.__name__ = alter.__name__
    return leak


def what_only_some_of_a_cell_may_choose(body: dict[str, Any]) -> None:
    """The tempting offer: a finer code for whoever has k look-alikes at it."""
    own = {fact["attribute"]: fact["own"] for fact in body["facts"]}
    body["alternatives"].append(body["alternatives"][0] | {"attribute": "employees", "shown": "any", "code": own["employees"]})


offers.leaky(_on_previews(what_only_some_of_a_cell_may_choose))


# --- S3 -------------------------------------------------------------------------------------------------------------


@attack("S3", "move a figure step by step through previews and refused proposals to find where a cell ends", actors="seller, colleague",
        bound=f"{FIGURES_PER_LISTING_A_DAY} different figures a day, whoever of the firm asks and whatever the answer",
        routes=(PREVIEW, "POST /v1/listings/{listing_id}/teaser-proposals", "PATCH /v1/listings/{listing_id}"))
async def bisecting_previews(scene: Scene, door: Door) -> Finding:
    center = scene.caller("center")
    colleague = await scene.world.member(center.organisation_id, "intermediary")
    listing_id = await scene.enter(center, scene.profile(scene.member("S3")))
    path, answered, refused = f"/v1/listings/{listing_id}", 0, 0
    for turn in range(3 * FIGURES_PER_LISTING_A_DAY):
        # Every third set of figures is beyond every cell: the proposal is refused, and that is an answer too.
        people = 400 + turn if turn % 3 == 2 else 10 + turn
        version = (await door.ask(center, path)).json()["version"]
        edited = await door.ask(center, path, "PATCH", json={"business": {"employees": people}}, headers={"If-Match": f'"{version}"'})
        assert edited.status_code == 200, edited.text
        who = (center, colleague)[turn % 2]
        if turn % 3 == 2:
            answer = await door.ask(who, f"{path}/teaser-proposals", "POST", json={"audiences": ["verified_buyers"]})
        else:
            answer = await door.ask(who, f"{path}/teaser-preview", "POST", json={})
        answered += answer.status_code != 429
        refused += answer.status_code == 429
    found = [f"{answered} different figures were answered"] if answered > FIGURES_PER_LISTING_A_DAY else []
    assert found or answered, "nothing was asked"
    return Finding(f"{answered} different figures answered, {refused} refused", found)


async def a_refusal_that_costs_nothing(scene: Scene, request: httpx.Request, send: Send) -> httpx.Response:
    """The quota as it was when a look was rolled back with the refusal it led to: asked again, a 429 is the refusal."""
    answer = await send(request)
    free = request.url.path.endswith("/teaser-proposals") and answer.status_code == 429
    return altered(answer, msgspec.json.decode(answer.content) | {"code": "not_anonymous", "status": 409}, 409) if free else answer


bisecting_previews.leaky(a_refusal_that_costs_nothing)
