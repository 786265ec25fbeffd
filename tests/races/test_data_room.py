"""Does a folder released, revoked and filled at the same moment end in one state that the ledger tells as well?"""

from __future__ import annotations

import asyncio
import json

from room_scene import opened


async def released(room):
    """(documents of the one release in force, documents its ledger entry names)."""
    live = await room.world.seed("SELECT id::text, documents::text[] FROM vault.folder_grant WHERE deal_id::text = $1 AND revoked_at IS NULL", room.deal)
    entries = await room.seller.every(f"/v1/listings/{room.published.listing_id}/ledger")
    bodies = {body["grant_id"]: body for body in (json.loads(each["body"]) for each in entries if each["kind"] == "folder_released")}
    return [(row["documents"], bodies[row["id"]]["documents"]) for row in live], bodies


async def test_releases_at_once_leave_one_in_force_and_an_entry_each(world):
    room = await opened(world)
    folder, document = await room.folder("a"), await room.document("a")
    await room.allowed(folder)
    await room.seller.confirm()
    answers = await asyncio.gather(*(room.release(folder) for _ in range(4)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    live, bodies = await released(room)
    assert live == [([document], [document])]
    assert len(bodies) == len(await world.seed("SELECT 1 FROM vault.folder_grant WHERE deal_id::text = $1", room.deal))


async def test_a_document_put_in_during_a_release_is_in_it_or_closed(world):
    room = await opened(world)
    folder, first = await room.folder("a"), await room.document("a")
    await room.allowed(folder)
    await room.seller.confirm()
    answer, late = await asyncio.gather(room.release(folder), room.document("a", "late.txt"))
    assert answer.status_code == 201
    (in_force,), _bodies = await released(room)
    assert in_force[0] == in_force[1] and first in in_force[0]
    assert await room.seen(late) == (200 if late in in_force[0] else 404)


async def test_a_permission_taken_back_during_a_release_leaves_nothing_open(world):
    room = await opened(world)
    folder, document = await room.folder("a"), await room.document("a")
    permission = await room.allowed(folder)
    await room.seller.confirm()
    assert (await room.seller.post(f"/v1/folder-permissions/{permission}/link")).status_code == 201
    answer, _gone = await asyncio.gather(room.release(folder), world.owner_answers(room.published, "withdrawn"))
    assert answer.status_code in (201, 409)
    assert await room.seen(document) == 404
    assert await world.seed("SELECT 1 FROM vault.folder_grant WHERE deal_id::text = $1 AND revoked_at IS NULL", room.deal) == []
