"""Steps that the attacks over time share: a listing comes down, is put before its owner again, and goes up once more."""

from __future__ import annotations

from uuid import UUID

from market_world import entered, mandated, owner_approves, profile_of_member

BUYERS = "verified_buyers"


async def down(center, path):
    assert (await center.delete(f"{path}/publication")).status_code == 204
    assert (await center.delete(f"{path}/suspension")).status_code == 200


async def queued_again(world, center, path, *audiences) -> UUID:
    proposed = await center.post(f"{path}/teaser-proposals", {"audiences": list(audiences or (BUYERS,))})
    assert proposed.status_code == 201, proposed.text
    await owner_approves(world, proposed.json()["id"], *(audiences or (BUYERS,)))
    queued = await center.post(f"{path}/publication")
    assert queued.status_code == 201, queued.text
    return UUID(queued.json()["ref"])


async def edited(center, path, **blocks):
    version = (await center.get(path)).headers["etag"]
    answer = await center.patch(path, blocks, headers={"If-Match": version})
    assert answer.status_code == 200, answer.text


async def state_of(world, ref):
    return (await world.seed("SELECT state FROM vault.publication WHERE ref = $1", ref))[0]["state"]


async def reason_of(world, ref):
    rows = await world.seed("SELECT reason FROM vault.hold WHERE ref = $1", ref)
    return rows[0]["reason"] if rows else None


async def let_go(world, ref):
    """Two persons of the operator, seeded."""
    operator = await world.operator()
    other = await world.member(operator.organisation_id, "operator", role="reviewer")
    await world.overrule("UPDATE vault.hold SET decision = 'release', words = 'seen', decided_by = $2, decided_at = now(), confirmed_by = $3, "
                         "confirmed_at = now() WHERE ref = $1", ref, operator.member_id, other.member_id)


async def listings_of(world, center, members) -> list[str]:
    paths = []
    for member in members:
        listing_id = await entered(center, profile_of_member(member))
        await mandated(world, listing_id, center.member_id)
        paths.append(f"/v1/listings/{listing_id}")
    return paths
