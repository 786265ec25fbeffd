"""What if the gate closes while somebody goes through it? One outcome, the ledger agrees, nothing is half written."""

from __future__ import annotations

import asyncio
import base64
import re
from hashlib import sha256
from uuid import UUID

import asyncpg
import pytest
from papers import pdf
from room_scene import NOTHING, opened
from world import ORIGIN

from succession.disclosure.ledger_check import check_ledgers

PATHS = "/v1/disclosure-requests"


async def kinds(world, listing):
    return [row[0] for row in await world.seed("SELECT kind FROM vault.ledger_entry WHERE listing_id = $1 ORDER BY seq", listing)]


async def ledger_holds(world, listing):
    connection = await asyncpg.connect(world.database_url)
    try:
        await connection.execute("SET ROLE succession_seeder")
        assert (await check_ledgers(connection, listing)).breaks == []
    finally:
        await connection.close()


# ---------------------------------------------------------------------------------------------------------------------
# Two answers at once


async def page_opened(world, published, decision):
    """The page behind the newest link, read, with the code from the mailbox where one is asked: `await press()` gives the answer."""
    path, browser = await world.owner_link(published.owner_email), world.client(Origin=ORIGIN)
    key = re.search(r'name="form_key" value="(\w+)"', (await browser.get(path)).text)[1]
    form = {"form_key": key, "decision": decision, "read": "yes"}
    if 'name="code"' in (await browser.post(path, data=form)).text:
        form["code"] = await world.owner_code(published.owner_email)
    return lambda: world.client(Origin=ORIGIN).post(path, data=form)


async def test_two_buyers_are_cleared_at_once_and_each_once(world):
    published, pressed, deals = await world.published(), [], []
    for buyer in (await world.acquirer(), await world.acquirer(country="DE")):
        deals.append(await world.nda_signed(published, buyer))
        assert (await published.seller.post(f"{PATHS}/{deals[-1]}/name-clear")).status_code == 201
        pressed.append(await page_opened(world, published, "yes"))
    answers = await asyncio.gather(*(press() for press in pressed))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert (await kinds(world, published.listing_id)).count("name_clear_decided") == 2
    released = await asyncio.gather(*(published.seller.post(f"{PATHS}/{deal}/dossier-release") for deal in deals))
    assert [answer.status_code for answer in released] == [201, 201], [answer.text for answer in released]
    await ledger_holds(world, published.listing_id)


async def test_one_buyer_is_put_to_the_owner_twice_at_once_and_asked_about_once(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.nda_signed(published, buyer)
    answers = await asyncio.gather(*(published.seller.post(f"{PATHS}/{deal}/name-clear") for _time in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert (await kinds(world, published.listing_id)).count("name_clear_asked") == 1
    await ledger_holds(world, published.listing_id)


@pytest.mark.parametrize("second", ["yes", "no"])
async def test_an_owner_who_presses_on_two_devices_answers_once(world, second):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.nda_signed(published, buyer)
    await published.seller.post(f"{PATHS}/{deal}/name-clear")
    yes = await page_opened(world, published, "yes")
    other = await page_opened(world, published, second) if second == "no" else yes
    answers = await asyncio.gather(yes(), other())
    rows = await world.seed("SELECT decision FROM vault.name_clear WHERE deal_id = $1", UUID(deal))
    assert len(rows) == 1 and rows[0]["decision"] in ("yes", second, None), [answer.status_code for answer in answers]
    decided = (await kinds(world, published.listing_id)).count("name_clear_decided")
    assert decided == (rows[0]["decision"] is not None) and decided >= (second == "yes")
    assert all(answer.status_code < 500 for answer in answers)
    await ledger_holds(world, published.listing_id)


# ---------------------------------------------------------------------------------------------------------------------
# The exact second

ENDINGS = {
    "grant": "UPDATE vault.disclosure_grant SET expires_at = {} WHERE deal_id = $1",
    "NDA": "UPDATE vault.nda SET expires_at = {} WHERE deal_id = $1",
    "screening": "UPDATE vault.screening SET expires_at = {} WHERE deal_id = $1",
}  # fmt: skip


MOMENTS = (("now() + interval '1 microsecond'", True), ("now()", False), ("now() - interval '1 microsecond'", False))


async def at_each_moment(world, member, ending: str, key, question: str, *values) -> None:
    """`question` (SQL, as the definer in this member's scope) is true until that moment and false from it on. Within one transaction
    the clock of the database stands still: now() is that very moment."""
    owner = await asyncpg.connect(world.database_url)
    try:
        for moment, holds in MOMENTS:
            transaction = owner.transaction()
            await transaction.start()
            await owner.execute("SET LOCAL session_replication_role = replica")
            assert await owner.execute(ending.format(moment), key) != "UPDATE 0"
            await owner.execute("SELECT set_config('succession.kind', 'acquirer', true), set_config('succession.organisation', $1, true), "
                                "set_config('succession.member', $2, true)", str(member.organisation_id), str(member.member_id))
            await owner.execute("SET LOCAL ROLE succession_definer")
            said = await owner.fetchrow(question, *values)
            await transaction.rollback()
            assert set(said) == {holds}, (ending, moment, said)
    finally:
        await owner.close()


@pytest.mark.parametrize("ending", ENDINGS)
async def test_at_the_moment_it_expires_it_is_over_and_a_microsecond_before_it_is_not(world, ending):
    published, buyer = await world.published(), await world.acquirer()
    deal = UUID(await world.released(published, buyer))
    await at_each_moment(world, buyer, ENDINGS[ending], deal,
                         "SELECT (SELECT bool_or(vault.grant_holds(id)) FROM vault.disclosure_grant WHERE deal_id = $1), vault.live_grant($2, 'dossier')",
                         deal, published.listing_id)


async def test_a_yes_that_nobody_used_ends_at_that_moment(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = UUID(await world.name_cleared(published, buyer))
    await at_each_moment(world, buyer, "UPDATE vault.name_clear SET expires_at = {} WHERE deal_id = $1", deal,
                         "SELECT vault.consent_stands(id), vault.causes_hold(deal_id) FROM vault.name_clear WHERE deal_id = $1", deal)


async def test_a_folder_ends_at_that_moment(world):
    room = await opened(world)
    folder, document = await room.folder("Leases"), await room.document("Leases")
    await room.allowed(folder)
    assert (await room.release(folder)).status_code == 201
    await at_each_moment(world, room.buyer, "UPDATE vault.folder_grant SET expires_at = {} WHERE deal_id = $1", UUID(room.deal),
                         "SELECT vault.folder_open($1, $3), vault.document_open($2, $3)", UUID(folder), UUID(document), room.buyer.member_id)


async def test_a_link_ends_at_that_moment(world):
    published, buyer = await world.published(), await world.acquirer()
    await world.released(published, buyer)
    added = await published.seller.post(f"/v1/listings/{published.listing_id}/documents", {
        "level": "dossier", "filename": "a.pdf", "content_base64": base64.b64encode(pdf(1)).decode()} | NOTHING)
    made = await buyer.post(f"/v1/documents/{added.json()['id']}/links")
    token = made.json()["url"].split("/")[-3]
    await at_each_moment(world, buyer, "UPDATE vault.document_link SET expires_at = {} WHERE listing_id = $1", published.listing_id,
                         "SELECT EXISTS (SELECT FROM vault.use_document_link($1))", sha256(token.encode()).digest())


async def test_readings_over_http_stop_at_that_second(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    await world.overrule("UPDATE vault.disclosure_grant SET expires_at = clock_timestamp() + interval '1 second' WHERE deal_id = $1", UUID(deal))
    until = (await world.seed("SELECT expires_at FROM vault.disclosure_grant WHERE deal_id = $1", UUID(deal)))[0][0]
    whole = 0
    while (answer := await buyer.get(f"/v1/dossiers/{deal}")).status_code == 200:
        whole += 1
    assert answer.status_code == 404
    noted = await world.seed("SELECT at FROM vault.access WHERE listing_id = $1", published.listing_id)
    assert len(noted) >= whole and all(row["at"] < until for row in noted), "nothing was noted, and so nothing read, from that second on"


# ---------------------------------------------------------------------------------------------------------------------
# Somebody goes, something is taken down


async def test_a_member_removed_while_reading_reads_nothing_afterwards(world):
    published, first = await world.published(), await world.acquirer()
    deal = await world.released(published, first)
    admin = await world.signed_in(first)
    colleague = await world.member(first.organisation_id, "acquirer")
    reading = [colleague.get(f"/v1/dossiers/{deal}") for _time in range(8)]
    gone, *answers = await asyncio.gather(admin.delete(f"/v1/members/{colleague.member_id}"), *reading)
    assert gone.status_code == 204, gone.text
    assert {answer.status_code for answer in answers} <= {200, 401, 404}
    noted = await world.seed("SELECT count(*) FROM vault.access WHERE listing_id = $1 AND member_id = $2", published.listing_id, colleague.member_id)
    assert noted[0][0] >= sum(answer.status_code == 200 for answer in answers)
    after = await colleague.get(f"/v1/dossiers/{deal}")
    assert after.status_code == 401 and published.legal_name not in after.text
    assert (await first.get(f"/v1/dossiers/{deal}")).status_code == 200, "who stayed reads on"


async def test_a_release_and_a_withdrawal_at_once_end_with_nothing_to_read(world):
    for pause in (0, 0.02, 0.05):
        published, buyer = await world.published(), await world.acquirer()
        deal = await world.name_cleared(published, buyer)
        await published.seller.confirm()

        async def withdraw(published=published, pause=pause):
            await asyncio.sleep(pause)
            return await published.seller.post(f"/v1/listings/{published.listing_id}/withdrawal", {"reason": "owner_withdrew"})

        released, withdrawn = await asyncio.gather(published.seller.post(f"{PATHS}/{deal}/dossier-release"), withdraw())
        assert withdrawn.status_code == 200, withdrawn.text
        assert released.status_code in (201, 404, 409), released.text
        grants = await world.seed("SELECT count(*) FROM vault.disclosure_grant WHERE deal_id = $1", UUID(deal))
        assert grants[0][0] == (await kinds(world, published.listing_id)).count("released") == (released.status_code == 201)
        assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 404
        await ledger_holds(world, published.listing_id)
