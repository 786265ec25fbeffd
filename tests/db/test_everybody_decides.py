"""Does the database count a teaser or a folder as allowed only when everybody said yes, whatever the program forgot to check?"""

from __future__ import annotations

from contextlib import asynccontextmanager

import asyncpg
import pytest
from listing_scene import add, prepared, proposed
from sqlalchemy.exc import DBAPIError

from succession.database import Scope, driver

ANSWER = (
    "INSERT INTO vault.decider_answer (subject_id, number, listing_id, decision, audiences, answered_by, method, owner_link_id, code_id, shown_hash, evidence) "
    "SELECT p.id, d.number, p.listing_id, $3, $4, 'x', 'link', $5, $6, p.canonical_hash, '{}' "
    "FROM vault.teaser_proposal p JOIN vault.decider d ON d.subject_id = p.id WHERE p.id = $1 AND d.owner_contact_id = $2")
CODE = ("INSERT INTO ops.one_time_code (purpose, subject_id, holder, channel, code_hash, expires_at, spent_at) "
        "VALUES ('teaser', $1, $2, 'mail', sha256('x'), now() + interval '1 minute', now()) RETURNING id")


@pytest.fixture
def scoped(app):
    @asynccontextmanager
    async def open_scope(caller=None, listing=None):
        scope = (Scope("owner", None, None, listing, "owner:test") if listing
                 else Scope(caller.kind, caller.organisation_id, caller.member_id, None, f"member:{caller.member_id}"))
        async with app.state.databases.tx(scope) as tx:
            yield await driver(tx)

    return open_scope


async def refused(scoped, sql, *values, caller=None, listing=None):
    try:
        async with scoped(caller, listing) as connection:
            await connection.execute(sql, *values)
    except (asyncpg.PostgresError, DBAPIError) as error:
        cause = error.orig.__cause__ if isinstance(error, DBAPIError) else error
        return cause.constraint_name or cause.sqlstate
    return None


async def test_a_teaser_is_approved_by_each_persons_own_link_and_code_and_by_nothing_else(world, scoped):
    listing = await prepared(world, await world.intermediary())
    other = await add(world, "vault.owner_contact", listing_id=listing.id, name="架空 花子", email="second@fictitious.example", role="co_owner")
    made = (await proposed(world, listing)).id
    owner, mine = {"listing": listing.id}, {}
    for row in await world.seed("UPDATE vault.owner_link SET used_at = now() WHERE subject_id = $1 RETURNING owner_contact_id, id", made):
        mine[row["owner_contact_id"]] = row["id"]
    first = next(contact for contact in mine if contact != other)

    async def code_of(contact):
        return (await world.seed(CODE, made, f"contact:{contact}"))[0]["id"]

    async def answer(contact, link, code, audiences=4, decision="yes", who=owner):
        return await refused(scoped, ANSWER, made, contact, decision, audiences, link, code, **who)

    code = await code_of(first)
    assert await answer(first, mine[first], None) == "decider_code"
    assert await answer(first, mine[first], await code_of(other)) == "decider_code", "somebody else's code"
    assert await answer(first, mine[other], code) == "owner_decides", "somebody else's link"
    assert await answer(first, mine[first], code, audiences=None) == "owner_decides", "a yes to nobody"
    assert await answer(first, mine[first], None, None, "withdrawn") == "deciders_closed", "nothing to take back"
    assert await answer(first, mine[first], code, who={"caller": listing.holder}) in ("owner_decides", "42501")
    assert await answer(first, mine[first], code) is None
    row = (await world.seed("SELECT decision FROM vault.teaser_proposal WHERE id = $1", made))[0]
    assert row["decision"] is None, "one of two"
    for sql in ("UPDATE vault.teaser_proposal SET decision = 'approved', audiences_granted = 4, method = 'link' WHERE id = $1",
                "INSERT INTO vault.decider SELECT subject_id, 9, purpose, listing_id, deal_id, NULL, 'x', true FROM vault.decider WHERE subject_id = $1",
                "DELETE FROM vault.decider WHERE subject_id = $1", "UPDATE vault.decider_answer SET decision = 'no' WHERE subject_id = $1"):
        for who in (owner, {"caller": listing.holder}):
            assert await refused(scoped, sql, made, **who) == "42501", sql
    async with scoped(listing.holder) as connection:
        assert await connection.fetch("SELECT FROM vault.decider_answer") == [], "what each answered is not the adviser's"
        asked = await connection.fetch("SELECT decision FROM vault.persons_asked($1)", made)
        assert [row["decision"] for row in asked] == [None, None]
    async with scoped(await world.intermediary("bank")) as connection:
        assert await connection.fetch("SELECT FROM vault.decider") == [] == await connection.fetch("SELECT FROM vault.persons_asked($1)", made)
    assert await answer(other, mine[other], await code_of(other), audiences=12) is None
    row = (await world.seed("SELECT decision, audiences_granted FROM vault.teaser_proposal WHERE id = $1", made))[0]
    assert (row["decision"], row["audiences_granted"]) == ("approved", 4)
