"""What happens when two do the same at once, or somebody hangs up in the middle?"""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import asyncpg
import pytest
from world import ORIGIN

PATHS = "/v1/disclosure-requests"


async def count(world, table, column, value):
    return (await world.seed(f"SELECT count(*) FROM vault.{table} WHERE {column} = $1", value))[0][0]


async def kinds(world, listing):
    return [row[0] for row in await world.seed("SELECT kind FROM vault.ledger_entry WHERE listing_id = $1 ORDER BY seq", listing)]


async def test_two_releases_at_once_give_one_grant_and_one_entry(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.name_cleared(published, buyer)
    second = await world.member(published.seller.organisation_id, "intermediary")
    path = f"{PATHS}/{deal}/dossier-release"
    await asyncio.gather(published.seller.confirm(), second.confirm())
    answers = await asyncio.gather(*(caller.post(path) for caller in (published.seller, second) * 3))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert await count(world, "disclosure_grant", "deal_id", UUID(deal)) == 1
    assert await count(world, "nda_schedule", "deal_id", UUID(deal)) == 1
    assert (await kinds(world, published.listing_id)).count("released") == 1
    letters = [each for each in await world.letters(organisation=buyer.organisation_id) if each["template"] == "released"]
    assert len(letters) == 1


async def test_the_same_request_repeated_at_once_is_one_release(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.name_cleared(published, buyer)
    key = {"Idempotency-Key": "one and the same"}
    await published.seller.confirm()
    answers = await asyncio.gather(*(published.seller.post(f"{PATHS}/{deal}/dossier-release", headers=key) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {201} and len({answer.content for answer in answers}) == 1
    assert await count(world, "disclosure_grant", "deal_id", UUID(deal)) == 1


async def test_two_requests_of_one_buyer_at_once_open_one_deal(world):
    published, buyer = await world.published(), await world.acquirer()
    second = await world.member(buyer.organisation_id, "acquirer")
    body = {"teaser_ref": str(published.ref), "purpose": "x"}
    answers = await asyncio.gather(*(caller.post(PATHS, body) for caller in (buyer, second) * 2))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "request_exists"}
    assert await kinds(world, published.listing_id) == ["request_opened"]


async def test_two_signatures_at_once_are_one(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.requested(published, buyer)
    await published.seller.post(f"{PATHS}/{deal}/screening", {"decision": "cleared"})
    nda = (await published.seller.post(f"{PATHS}/{deal}/nda", {"form": "one_way", "term_months": 24})).json()
    second = await world.member(buyer.organisation_id, "acquirer")
    path = f"{PATHS}/{deal}"
    bodies = [(caller, await world.signing(caller, path, nda["text_hash"])) for caller in (buyer, second)]
    answers = await asyncio.gather(*(caller.post(f"{path}/nda/signature", body) for caller, body in bodies * 2))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert (await kinds(world, published.listing_id)).count("nda_signed") == 1


async def answered(world, published, decision):
    """The owner's answer on the real page: its status, for a test that expects to be too late sometimes."""
    email = published.owner_email
    answer = await world.page_answered(await world.owner_link(email), email, decision)
    return answer.status_code if answer.request.method == "POST" else 404  # the page did not ask any more


async def test_the_owners_no_and_the_advisers_refusal_end_the_deal_once(world):
    """One of them ends it, the other finds it ended; neither waits for the other in a circle (that would be a 503)."""
    for pause in (0, 0.02, 0.04):
        published, buyer = await world.published(), await world.acquirer()
        deal = await world.nda_signed(published, buyer)
        await published.seller.post(f"{PATHS}/{deal}/name-clear")

        async def refuse(deal=deal, seller=published.seller, pause=pause):
            await asyncio.sleep(pause)
            return (await seller.post(f"{PATHS}/{deal}/screening", {"decision": "refused", "reason": "sanctions"})).status_code

        owner, adviser = await asyncio.gather(answered(world, published, "no"), refuse())
        assert (owner, adviser) in ((200, 409), (409, 201), (404, 201)), (owner, adviser)
        assert await count(world, "deal_event", "deal_id", UUID(deal)) == 1
        assert (await kinds(world, published.listing_id)).count("concluded") == 1


async def test_a_revocation_racing_readings_lets_each_be_whole_and_recorded_or_nothing(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    grant = (await buyer.get("/v1/grants")).json()["items"][0]["id"]

    async def revoke():
        await asyncio.sleep(0.02)
        return await published.seller.post(f"/v1/grants/{grant}/revocation", {"reason": "talks_ended"})

    revoked, *readings = await asyncio.gather(revoke(), *(buyer.get(f"/v1/dossiers/{deal}") for _ in range(12)))
    assert revoked.status_code == 201
    whole = [reading for reading in readings if reading.status_code == 200]
    assert all(reading.status_code in (200, 404) for reading in readings)
    for reading in whole:
        dossier = reading.json()
        assert dossier["summary"]["legal_name"] == published.legal_name and len(dossier["finance"]["years"]) == 3 and dossier["wishes"]["schemes"]
    assert await count(world, "access", "listing_id", published.listing_id) >= len(whole)
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 404


async def test_a_release_waits_for_a_consent_being_taken_back(world):
    """The owner's transaction holds the deal: the release that comes meanwhile sees what it committed."""
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.name_cleared(published, buyer)
    owner = await asyncpg.connect(world.database_url)
    try:
        transaction = owner.transaction()
        await transaction.start()
        await owner.execute("SELECT 1 FROM vault.deal WHERE id = $1 FOR UPDATE", UUID(deal))
        await owner.execute("SET LOCAL session_replication_role = replica")
        releasing = asyncio.create_task(published.seller.post(f"{PATHS}/{deal}/dossier-release"))
        await asyncio.sleep(0.2)
        assert not releasing.done()
        await owner.execute("UPDATE vault.name_clear SET revoked_at = now() WHERE deal_id = $1", UUID(deal))
        await transaction.commit()
        assert (await releasing).json()["code"] == "name_clear_needed"
    finally:
        await owner.close()
    assert await count(world, "disclosure_grant", "deal_id", UUID(deal)) == 0


@pytest.mark.parametrize("after_ms", [1, 4, 8, 12, 20, 40])
async def test_a_connection_cut_in_the_middle_leaves_nothing_half_done(world, after_ms):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.name_cleared(published, buyer)
    asking = asyncio.create_task(published.seller.post(f"{PATHS}/{deal}/dossier-release"))
    await asyncio.sleep(after_ms / 1000)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await asyncio.sleep(0.05)
    grants = await count(world, "disclosure_grant", "deal_id", UUID(deal))
    told = [each for each in await world.letters(organisation=buyer.organisation_id) if each["template"] == "released"]
    assert grants == await count(world, "nda_schedule", "deal_id", UUID(deal)) == len(told) == \
        (await kinds(world, published.listing_id)).count("released")
    # And it can be done, once, afterwards.
    again = await published.seller.post(f"{PATHS}/{deal}/dossier-release")
    assert again.status_code == (409 if grants else 201), again.text
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 200


async def test_a_server_killed_before_the_commit_answers_nothing_done(world):
    """The backend is terminated while the release waits for the ledger's head: 503, and not a trace."""
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.name_cleared(published, buyer)
    owner = await asyncpg.connect(world.database_url)
    try:
        transaction = owner.transaction()
        await transaction.start()
        await owner.execute("SELECT 1 FROM vault.ledger_head WHERE listing_id = $1 FOR UPDATE", published.listing_id)
        releasing = asyncio.create_task(published.seller.post(f"{PATHS}/{deal}/dossier-release"))
        for _try in range(50):
            await asyncio.sleep(0.05)
            waiting = await owner.fetch("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'succession_app' "
                                        "AND datname = current_database()")
            if waiting:
                break
        await owner.execute("GRANT succession_app TO CURRENT_USER")  # to end its backends; undone with this transaction
        assert await owner.fetchval("SELECT pg_terminate_backend($1)", waiting[0]["pid"])
        answer = await releasing
        await transaction.rollback()
    finally:
        await owner.close()
    assert answer.status_code == 503 and answer.json()["code"] == "unavailable", answer.text
    assert await count(world, "disclosure_grant", "deal_id", UUID(deal)) == 0
    assert "released" not in await kinds(world, published.listing_id)
    outbox = await world.seed("SELECT payload::text FROM ops.outbox")
    assert not [row for row in outbox if json.loads(row[0]).get("template") == "released"
                and json.loads(row[0])["to"].get("organisation") == str(buyer.organisation_id)]
    assert (await published.seller.post(f"{PATHS}/{deal}/dossier-release")).status_code == 201
