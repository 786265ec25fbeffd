"""Attacks that link a teaser which came down to the one that goes up after it, besides by what their facts make equal.

As in test_time.py each is run against the platform as it is, where it learns nothing, and against a leaky one.
"""

from __future__ import annotations

from itertools import combinations

import pytest

from attacks.again import down, listings_of, queued_again
from market_world import batch, put_in_force
from succession.disclosure.commands import requests
from succession.disclosure.commands.screening import REFUSAL_REASONS
from succession.market import batches


@pytest.fixture
async def center(world):
    await put_in_force(world)
    return await world.intermediary("center")


# --- linking what came down to what went up ---------------------------------------------------------------------------


async def _round(world, settings, center, paths, first):
    """Everything public of these listings after they went up in one batch: reference and place in the list."""
    refs = {}
    for path in paths:
        if not first:
            await down(center, path)
        refs[path] = await queued_again(world, center, path)
    await batch(world, settings)
    reader = await world.acquirer()
    order, answers = [], {}
    page = (await reader.get("/v1/teasers", params={"limit": 100})).json()["items"]
    by_ref = {item["ref"]: item for item in page}
    for item in page:
        order.append(item["ref"])
    for path, ref in refs.items():
        answer = await reader.get(f"/v1/teasers/{ref.hex}")
        assert answer.status_code == 200, answer.text
        answers[path] = (ref.hex, answer, order.index(ref.hex) if ref.hex in by_ref else None)
    slots = await world.seed("SELECT ref, slot, shuffle FROM market.teaser WHERE ref = ANY($1::uuid[])", list(refs.values()))
    return refs, answers, {row["ref"]: (row["slot"], row["shuffle"]) for row in slots}


def link(paths, one, two) -> list[str]:
    """What of two rounds tells which teaser of the second is which of the first, besides what their facts make equal."""
    learnt = []
    for path in paths:
        (ref, answer, _place), (ref_again, again, _place_again) = one[1][path], two[1][path]
        if ref == ref_again or _alike(ref, ref_again):
            learnt.append(f"{ref} and {ref_again}")
        learnt += [f"header {name}" for name in ("etag", "last-modified", "age") if name in answer.headers or name in again.headers]
        if any(key in again.text for key in ("listing", "batch", "slot", "shuffle", ref)):
            learnt.append("a field that is no fact")
    for position, what in ((0, "slots"), (1, "shuffles")):
        ranks = [[made[2][made[0][path]][position] for path in paths] for made in (one, two)]
        if _agreement(*ranks) > 0.9:
            learnt.append(f"the order of {what} is the same twice")
    return learnt


def _alike(one: str, other: str) -> bool:
    return one[:8] == other[:8] or one[-8:] == other[-8:] or abs(int(one, 16) - int(other, 16)) < 2**64


def _agreement(one: list[int], other: list[int]) -> float:
    """Kendall's tau of two rankings."""
    pairs = list(combinations(range(len(one)), 2))
    return sum(1 if (one[a] < one[b]) == (other[a] < other[b]) else -1 for a, b in pairs) / len(pairs)


async def test_nothing_but_its_facts_links_a_teaser_to_the_one_that_came_down(world, settings, center):
    paths = await listings_of(world, center, (3, 4, 5, 12, 14, 15, 18, 20))
    one = await _round(world, settings, center, paths, first=True)
    two = await _round(world, settings, center, paths, first=False)
    assert link(paths, one, two) == []


async def test_an_order_made_from_the_listing_would_link_them(world, settings, center, monkeypatch):
    owners, held_back = {}, batches.held_back

    async def remember(connection, settings_, queue):
        owners.update({one.ref: one.listing_id for one in queue})
        return await held_back(connection, settings_, queue)

    monkeypatch.setattr(batches, "held_back", remember)
    monkeypatch.setattr(batches, "_shuffle", lambda settings_, ref, number: owners[ref].int >> 66)
    paths = await listings_of(world, center, (3, 4, 5, 12, 14, 15))
    one = await _round(world, settings, center, paths, first=True)
    two = await _round(world, settings, center, paths, first=False)
    assert "the order of shuffles is the same twice" in link(paths, one, two)
    assert "the order of slots is the same twice" in link(paths, one, two)


async def ask_for_both(world, settings, center, path, end) -> list[str]:
    """A buyer who asked about a teaser asks about the one that goes up next: is it treated otherwise than a stranger?"""
    buyer, stranger = await world.acquirer(), await world.acquirer()
    first = await queued_again(world, center, path)
    await batch(world, settings)
    asked = await buyer.post("/v1/disclosure-requests", {"teaser_ref": first.hex, "purpose": "Growth"})
    assert asked.status_code == 201, asked.text
    if end:
        refused = await center.post(f"/v1/disclosure-requests/{asked.json()['id']}/screening",
                                    {"decision": "refused", "reason": REFUSAL_REASONS[0], "explanation": "not now"})
        assert refused.status_code == 201, refused.text
    await down(center, path)
    second = await queued_again(world, center, path)
    await batch(world, settings)
    answers = [await who.post("/v1/disclosure-requests", {"teaser_ref": second.hex, "purpose": "Growth"}) for who in (buyer, stranger)]
    learnt = []
    if answers[0].status_code != answers[1].status_code:
        learnt.append(f"{answers[0].status_code} {answers[0].json().get('code')} where a stranger gets {answers[1].status_code}")
    elif answers[0].json()["project_name"] == asked.json()["project_name"]:
        learnt.append("the project has the same name")
    return learnt


@pytest.mark.parametrize("end", [False, True])
async def test_asking_again_does_not_tell_that_a_teaser_was_here_before(world, settings, center, end):
    (path,) = await listings_of(world, center, (16,))
    assert await ask_for_both(world, settings, center, path, end) == []


async def test_but_would_if_requests_were_counted_by_listing(world, settings, center, monkeypatch):
    by_listing = str(requests._OPEN).replace("AND teaser_ref = :ref ", "")
    monkeypatch.setattr(requests, "_OPEN", requests.text(by_listing))
    (path,) = await listings_of(world, center, (16,))
    assert await ask_for_both(world, settings, center, path, end=False) == ["409 request_exists where a stranger gets 201"]
