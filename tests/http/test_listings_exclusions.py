"""Can the owner's never-show list be kept, and does it keep the listing from the public?"""

from __future__ import annotations

import uuid

import pytest
from listing_scene import approved, entered, prepared, proposed, published
from succession.errors import Problem

GOOD = [
    ("organisation", str(uuid.UUID(int=7)), str(uuid.UUID(int=7))),
    ("registry", " gb : 01234567 ", "GB:01234567"),
    ("corporate_number", "T2999900000001", None),
    ("group", "  Nowhere Holdings ", "nowhere holdings"),
    ("ultimate_parent", "ACME Nowhere PLC", "acme nowhere plc"),
    ("person", "Jane DOE", "jane doe"),
    ("country", "de", "DE"),
    ("buyer_kind", "fund", "fund"),
]


@pytest.mark.parametrize(("kind", "value", "stored"), GOOD)
async def test_each_kind_is_written_once(world, kind, value, stored):
    from succession.accounts.identifiers import make_corporate_number

    if kind == "corporate_number":
        value, stored = "T" + make_corporate_number("999900000001"), make_corporate_number("999900000001")
    center = await world.intermediary()
    listing = await entered(center)
    assert (await center.get(f"{listing.path}/exclusions")).json() == {"items": [], "public_allowed": True}
    made = await center.post(f"{listing.path}/exclusions", {"kind": kind, "value": value, "note": "競合"})
    assert made.status_code == 201 and made.json()["value"] == stored, made.text
    listed = (await center.get(f"{listing.path}/exclusions")).json()
    assert listed == {"items": [made.json()], "public_allowed": False}
    assert (await center.post(f"{listing.path}/exclusions", {"kind": kind, "value": stored})).status_code == 409
    assert (await center.delete(f"{listing.path}/exclusions/{made.json()['id']}")).status_code == 204
    assert (await center.get(f"{listing.path}/exclusions")).json()["public_allowed"] is True
    assert (await center.delete(f"{listing.path}/exclusions/{made.json()['id']}")).status_code == 404


@pytest.mark.parametrize(("kind", "value"), [
    ("organisation", "acme"), ("registry", "01234567"), ("registry", "ZZ:1"), ("lei", "529900T8BM49AURSDO56"),
    ("corporate_number", "1234567890123"), ("country", "Germany"), ("buyer_kind", "rival"), ("group", "  "), ("colour", "red"),
])
async def test_what_would_match_nobody_is_refused(world, kind, value):
    center = await world.intermediary()
    listing = await entered(center)
    answer = await center.post(f"{listing.path}/exclusions", {"kind": kind, "value": value})
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] in ("value", "kind"), answer.text
    assert (await center.get(f"{listing.path}/exclusions")).json()["items"] == []


async def test_public_is_not_even_asked_for_when_anybody_is_excluded(world):
    center = await world.intermediary()
    listing = await prepared(world, center)
    await center.post(f"{listing.path}/exclusions", {"kind": "country", "value": "DE"})
    with pytest.raises(Problem, match="excluded_never_public"):
        await proposed(world, listing, ("public", "verified_buyers"))
    assert await world.letters(listing.email) == []


async def test_nobody_can_be_excluded_while_a_public_teaser_is_up(world):
    center = await world.intermediary()
    listing = await prepared(world, center)
    await published(world, listing, await approved(world, listing, ("public",)), "public")
    answer = await center.post(f"{listing.path}/exclusions", {"kind": "country", "value": "DE"})
    assert answer.status_code == 409 and answer.json()["code"] == "excluded_never_public"
    assert (await center.post(f"{listing.path}/suspension", {"reason": "owner_request"})).status_code == 200
    assert (await center.post(f"{listing.path}/exclusions", {"kind": "country", "value": "DE"})).status_code == 201


async def test_nobody_else_reads_or_changes_the_list(world, http):
    center, other = await world.intermediary(), await world.intermediary()
    listing = await entered(center)
    made = (await center.post(f"{listing.path}/exclusions", {"kind": "country", "value": "DE"})).json()
    path = f"{listing.path}/exclusions"
    for answer in (await other.get(path), await other.post(path, {"kind": "country", "value": "FR"}), await other.delete(f"{path}/{made['id']}")):
        assert answer.status_code == 404
    assert (await (await world.agency()).get(path)).status_code == 403
    assert (await http.get(path)).status_code == 401
    assert len((await center.get(path)).json()["items"]) == 1
