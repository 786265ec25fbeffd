"""Does the database count a consent only when everybody said yes, whatever the program forgot to check?

SQL as succession_app with the scope of the owner or of the seller, past every handler.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest
from owner_scene import committed, two
from sqlalchemy.exc import DBAPIError

from succession.database import Scope, driver
from succession.listings.deciders import answer_hash

ANSWER = (
    "INSERT INTO vault.name_clear_answer (name_clear_id, number, deal_id, listing_id, decision, personal_data, answered_by, method, owner_link_id, "
    "code_id, shown_hash, evidence) SELECT c.id, p.number, c.deal_id, c.listing_id, $3, $4, 'x', 'link', $5, $6, c.shown_hash, '{}' "
    "FROM vault.name_clear c JOIN vault.name_clear_person p ON p.name_clear_id = c.id WHERE c.deal_id = $1 AND p.owner_contact_id = $2")
CODE = ("INSERT INTO ops.one_time_code (purpose, subject_id, holder, channel, code_hash, issued_by, expires_at, spent_at) "
        "SELECT 'name_clear', c.id, $2, $3, sha256('x'), $4, now() + interval '1 minute', now() FROM vault.name_clear c WHERE c.deal_id = $1 RETURNING id")


@pytest.fixture
def scoped(app):
    @asynccontextmanager
    async def open_scope(caller=None, listing=None):
        scope = (Scope("owner", None, None, listing, "owner:test") if listing
                 else Scope(caller.kind, caller.organisation_id, caller.member_id, None, f"member:{caller.member_id}"))
        async with app.state.databases.tx(scope) as tx:
            yield await driver(tx)

    return open_scope


@pytest.fixture
async def scene(world):
    made = await two(world)
    await made.asked()
    return made


async def refused(scoped, sql, *values, caller=None, listing=None):
    try:
        async with scoped(caller, listing) as connection:
            await connection.execute(sql, *values)
    except (asyncpg.PostgresError, DBAPIError) as error:
        cause = error.orig.__cause__ if isinstance(error, DBAPIError) else error
        return cause.constraint_name or cause.sqlstate
    return None


async def link_of(world, scene, contact, used=True):
    rows = await world.seed("SELECT id FROM vault.owner_link WHERE owner_contact_id = $1 ORDER BY created_at DESC LIMIT 1", contact)
    if used:
        await world.seed("UPDATE vault.owner_link SET used_at = now() WHERE id = $1 AND used_at IS NULL", rows[0]["id"])
    return rows[0]["id"]


async def code_for(world, scene, contact, channel="mail", by=None):
    return (await world.seed(CODE, UUID(scene.deal), f"contact:{contact}", channel, by))[0]["id"]


async def test_it_stands_only_when_each_person_said_yes_with_a_link_and_a_code_of_their_own(world, scene, scoped):
    listing, deal = scene.published.listing_id, UUID(scene.deal)
    mine, theirs = await link_of(world, scene, scene.first), await link_of(world, scene, scene.second)
    code = await code_for(world, scene, scene.first)

    async def answer(contact, decision, personal, link, spent, **who):
        return await refused(scoped, ANSWER, deal, contact, decision, personal, link, spent, **(who or {"listing": listing}))

    assert await answer(scene.first, "yes", False, mine, None) == "name_clear_code"
    assert await answer(scene.first, "yes", False, mine, await code_for(world, scene, scene.second)) == "name_clear_code", "somebody else's code"
    assert await answer(scene.first, "yes", False, theirs, code) == "owner_decides", "somebody else's link"
    assert await answer(scene.first, "withdrawn", False, mine, None) == "name_clear_closed", "nothing to take back"
    assert await answer(scene.first, "yes", False, mine, code, caller=scene.seller) in ("owner_decides", "42501")
    assert await answer(scene.first, "yes", False, mine, code, caller=scene.buyer) is None  # sees no question to answer
    assert await answer(scene.second, "yes", True, theirs, await code_for(world, scene, scene.second)) == "owner_decides", "not their data"
    assert await world.seed("SELECT 1 FROM vault.name_clear_answer WHERE deal_id = $1", deal) == []
    assert await answer(scene.first, "yes", False, mine, code) is None
    assert not await scene.stands()
    row = (await world.seed("SELECT decision FROM vault.name_clear WHERE deal_id = $1", deal))[0]
    assert row["decision"] is None, "one of two"
    assert await answer(scene.first, "yes", False, theirs, await code_for(world, scene, scene.first)) in ("name_clear_closed", "owner_decides")
    assert await answer(scene.second, "yes", False, theirs, await code_for(world, scene, scene.second)) is None
    assert await scene.stands()
    row = (await world.seed("SELECT decision FROM vault.name_clear WHERE deal_id = $1", deal))[0]
    assert row["decision"] == "yes"
    assert await answer(scene.second, "no", False, mine, None) == "name_clear_closed", "answered once"


async def test_a_handed_link_needs_a_code_that_somebody_else_spoke(world, scene, scoped):
    listing, deal, seller = scene.published.listing_id, UUID(scene.deal), scene.seller
    colleague = await world.member(seller.organisation_id, "intermediary")
    stranger = await world.intermediary("bank")
    link = await link_of(world, scene, scene.second, used=False)
    await world.overrule("UPDATE vault.owner_link SET handed_by = $2, used_at = now() WHERE id = $1", link, colleague.member_id)
    for channel, by in (("mail", None), ("spoken", f"member:{seller.member_id}"), ("spoken", f"member:{colleague.member_id}"),
                        ("spoken", f"member:{stranger.member_id}"), ("spoken", None)):
        code = await code_for(world, scene, scene.second, channel, by)
        assert await refused(scoped, ANSWER, deal, scene.second, "yes", False, link, code, listing=listing) == "name_clear_code", (channel, by)
    third = await world.member(seller.organisation_id, "intermediary")
    code = await code_for(world, scene, scene.second, "spoken", f"member:{third.member_id}")
    assert await refused(scoped, ANSWER, deal, scene.second, "yes", False, link, code, listing=listing) is None
    handing = ("INSERT INTO vault.owner_link (listing_id, owner_contact_id, purpose, subject_id, token_hash, expires_at, handed_by) "
               "VALUES ($1, $2, 'name_clear', $3, sha256('y'), now() + interval '1 day', $4)")
    assert await refused(scoped, handing, listing, scene.second, deal, third.member_id, caller=seller) == "link_handed_by_actor"


async def test_the_persons_are_frozen_and_their_answers_are_evidence(world, scene, scoped):
    deal, listing = UUID(scene.deal), scene.published.listing_id
    await scene.answers("first", "yes")
    for sql in ("INSERT INTO vault.name_clear_person SELECT name_clear_id, 9, deal_id, listing_id, NULL, 'x', true FROM vault.name_clear_person WHERE deal_id = $1",
                "UPDATE vault.name_clear_person SET name = 'x' WHERE deal_id = $1", "DELETE FROM vault.name_clear_person WHERE deal_id = $1",
                "UPDATE vault.name_clear_answer SET decision = 'no' WHERE deal_id = $1", "DELETE FROM vault.name_clear_answer WHERE deal_id = $1"):
        for who in ({"caller": scene.seller}, {"listing": listing}):
            assert await refused(scoped, sql, deal, **who) == "42501", sql
    async with scoped(scene.seller) as connection:
        assert await connection.fetch("SELECT 1 FROM vault.name_clear_answer WHERE deal_id = $1", deal) == [], "what each answered is not the adviser's"
        assert len(await connection.fetch("SELECT 1 FROM vault.name_clear_person WHERE deal_id = $1", deal)) == 2
    for other in (scene.buyer, await world.intermediary("bank")):
        async with scoped(other) as connection:
            assert await connection.fetch("SELECT 1 FROM vault.name_clear_person") == []


async def test_the_ledger_commits_to_each_answer_and_says_nothing_of_whose_it_was(world, scene):
    await scene.answers("second", "yes")
    answer = (await world.seed("SELECT *, evidence::text AS said FROM vault.name_clear_answer WHERE deal_id = $1", UUID(scene.deal)))[0]
    kept = [value for subject, value in await committed(world, scene.published.listing_id) if subject == "answer_hash"]
    row = {"id": answer["id"], "question": answer["name_clear_id"], "number": answer["number"], "deal": answer["deal_id"],
           "listing": answer["listing_id"], "decision": answer["decision"], "personal_data": answer["personal_data"], "by": answer["answered_by"],
           "method": answer["method"], "link": answer["owner_link_id"], "code": answer["code_id"], "paper": answer["paper_evidence_id"],
           "shown": answer["shown_hash"].hex(), "evidence": json.loads(answer["said"])}
    assert kept == [answer_hash(row)] and len(kept[0]) == 64
