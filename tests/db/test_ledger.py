"""Can anybody change the ledger, and if somebody with all the power did, would it show?"""

from __future__ import annotations

import asyncio
import json
from uuid import UUID, uuid4

import asyncpg
import pytest

from succession.commands import ledger as command
from succession.disclosure.canonical import Head, encode, entry_hash
from succession.disclosure.ledger import KINDS
from succession.disclosure.ledger_check import check_ledgers, check_snapshot

ROLES = ("succession_app", "succession_worker", "market_public", "market_buyer", "market_desk", "market_domestic")
OFFLINE_ROLES = ("succession_definer", "succession_seeder")
EVIDENCE = ("ledger_entry", "access", "nda_schedule", "deal_event")


@pytest.fixture
async def released(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    return published, buyer, UUID(deal)


async def checked(world, listing, remembered=None):
    connection = await asyncpg.connect(world.database_url)
    try:
        await connection.execute("SET ROLE succession_seeder")
        return await check_ledgers(connection, listing, remembered, world.app.state.settings)
    finally:
        await connection.close()


async def flaw(world, listing, remembered=None):
    report = await checked(world, listing, remembered)
    return (report.breaks[0].seq, report.breaks[0].flaw) if report.breaks else None


# -- nobody changes it -------------------------------------------------------------------------------------------------


async def test_no_role_updates_deletes_or_truncates(world, as_database_role, released):
    owner = await as_database_role("owner")
    for table in EVIDENCE:
        attempts = (f"UPDATE vault.{table} SET listing_id = listing_id", f"DELETE FROM vault.{table}", f"TRUNCATE vault.{table} CASCADE")
        if table == "deal_event":
            attempts = ("UPDATE vault.deal_event SET reason = 'x'", *attempts[1:])
        before = (await world.seed(f"SELECT count(*) FROM vault.{table}"))[0][0]
        for role in ROLES:
            connection = await as_database_role(role)
            for attempt in attempts:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(attempt)
        for role in OFFLINE_ROLES:
            await owner.execute(f"SET ROLE {role}")
            for attempt in attempts:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await owner.execute(attempt)
            await owner.execute("RESET ROLE")
        for attempt in attempts if before else attempts[2:]:
            with pytest.raises(asyncpg.PostgresError) as caught:  # even who owns the table, short of switching the trigger off
                await owner.execute(attempt)
            assert caught.value.sqlstate == "SU001"
        assert (await world.seed(f"SELECT count(*) FROM vault.{table}"))[0][0] == before


async def test_what_commitments_commit_to_can_be_erased_and_never_rewritten(world, as_database_role, released):
    published, _buyer, _deal = released
    with pytest.raises(asyncpg.PostgresError):
        await world.seed("UPDATE vault.ledger_subject SET data = '{}'")
    for role in ROLES:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await (await as_database_role(role)).execute("DELETE FROM vault.ledger_subject")
    await world.seed("DELETE FROM vault.ledger_subject WHERE listing_id = $1 AND kind = 'signer'", published.listing_id)
    assert await flaw(world, published.listing_id) is None, "erasing a person breaks no chain"


# -- and if somebody did -----------------------------------------------------------------------------------------------


async def entry(world, listing, kind):
    return (await world.seed("SELECT * FROM vault.ledger_entry WHERE listing_id = $1 AND kind = $2", listing, kind))[0]


# Seven steps up to the release, one entry for each of eight blocks, the third persons and the list of documents, and the schedule that names the company.
LAST = 18
OFFER = "listing_id = $1 AND kind = 'nda_offered'"
ALTERED = "convert_to(replace(convert_from(body, 'UTF8'), 'one_way', 'two_way'), 'UTF8')"
TAMPERING = (
    (f"UPDATE vault.ledger_entry SET body = {ALTERED}, hash = sha256(prev || {ALTERED}) WHERE {OFFER}", (4, "prev")),
    (f"UPDATE vault.ledger_entry SET prev = sha256('x'), hash = sha256(sha256('x') || body) WHERE {OFFER}", (3, "prev")),
    (f"UPDATE vault.ledger_entry SET body = 'x', hash = sha256(prev || 'x') WHERE {OFFER}", (3, "body")),
    (f"UPDATE vault.ledger_entry SET kind = 'released' WHERE {OFFER}", (3, "columns")),
    (f"UPDATE vault.ledger_entry SET deal_id = NULL WHERE {OFFER}", (3, "columns")),
    (f"UPDATE vault.ledger_entry SET id = gen_random_uuid() WHERE {OFFER}", (3, "columns")),
    (f"DELETE FROM vault.ledger_entry WHERE {OFFER}", (4, "gap")),
    ("DELETE FROM vault.ledger_entry WHERE listing_id = $1 AND seq >= 7", (7, "cut_off")),
    ("DELETE FROM vault.ledger_head WHERE listing_id = $1", (0, "head_missing")),
    ("UPDATE vault.ledger_head SET hash = sha256('x') WHERE listing_id = $1", (LAST, "head")),
    ("UPDATE vault.ledger_subject SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) WHERE listing_id = $1 AND kind = 'signer'",
     (4, "subject")),
    ("UPDATE vault.ledger_subject SET commitment = repeat('0', 64) WHERE listing_id = $1 AND kind = 'signer'", (4, "subject")),
    ("UPDATE vault.ledger_subject s SET sealed = o.sealed, key_id = o.key_id FROM vault.ledger_subject o WHERE s.listing_id = $1 "
     "AND s.kind = 'signer' AND o.listing_id = $1 AND o.kind = 'origin'", (4, "subject")),
    ("UPDATE vault.fact_version SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) WHERE listing_id = $1", (8, "version")),
    ("DELETE FROM vault.disclosed WHERE listing_id = $1 AND fact_group = 'business'", (9, "entry_without_shown")),
    ("UPDATE vault.disclosed SET fact_group = 'other' WHERE listing_id = $1 AND fact_group = 'business'", (9, "shown_without_entry")),
    ("UPDATE vault.disclosure_grant SET revoked_at = now() WHERE listing_id = $1", (7, "revocation_without_entry")),
    ("UPDATE vault.disclosure_grant SET level = 'data_room' WHERE listing_id = $1", (7, "grant_without_entry")),
    ("DELETE FROM vault.disclosure_grant WHERE listing_id = $1", (7, "entry_without_grant")),
    ("UPDATE vault.nda_schedule SET text_ja = 'x', text_hash = sha256(convert_to(E'x\n\n\n' || text_en, 'UTF8')) WHERE listing_id = $1",
     (LAST, "schedule_without_entry")),
)


async def test_tampering_with_triggers_off_is_found_and_named(world, as_database_role, released, settings):
    listing, owner = released[0].listing_id, await as_database_role("owner")
    for tamper, expected in (("SELECT $1::uuid", None), *TAMPERING):
        transaction = owner.transaction()
        await transaction.start()
        await owner.execute("SET LOCAL session_replication_role = replica")
        await owner.execute(tamper, listing)
        found = (await check_snapshot(owner, listing, {}, settings)).breaks
        await transaction.rollback()
        assert [(each.seq, each.flaw) for each in found[:1]] == ([expected] if expected else []), tamper


async def test_a_body_without_its_hash_is_refused_even_then(world, released):
    with pytest.raises(asyncpg.CheckViolationError):
        await world.overrule("UPDATE vault.ledger_entry SET body = 'x' WHERE listing_id = $1", released[0].listing_id)


async def mend(world, listing):
    """Leaves nothing broken behind in a database that other tests share."""
    for table in ("access", "disclosed", "disclosure_grant", "nda_schedule", "ledger_entry", "ledger_head", "ledger_subject"):
        await world.overrule(f"DELETE FROM vault.{table} WHERE listing_id = $1", listing)


async def test_a_tail_cut_together_with_its_head_is_found_by_the_grant_it_leaves_behind(world, released):
    published, _buyer, _deal = released
    listing, last = published.listing_id, await entry(world, published.listing_id, "name_clear_decided")
    await world.overrule("DELETE FROM vault.ledger_entry WHERE listing_id = $1 AND seq > $2", listing, last["seq"])
    await world.overrule("UPDATE vault.ledger_head SET seq = $2, hash = $3 WHERE listing_id = $1", listing, last["seq"], last["hash"])
    assert await flaw(world, listing) == (0, "grant_without_entry")
    await mend(world, listing)


async def test_a_whole_chain_rewritten_is_found_by_a_head_remembered_elsewhere(world):
    published, buyer = await world.published(), await world.acquirer()
    await world.nda_signed(published, buyer)
    listing = published.listing_id
    known = (await checked(world, listing)).heads
    rows = await world.seed("SELECT seq, body FROM vault.ledger_entry WHERE listing_id = $1 ORDER BY seq", listing)
    prev = (await world.seed("SELECT prev FROM vault.ledger_entry WHERE listing_id = $1 AND seq = 1", listing))[0]["prev"]
    for row in rows:
        body = json.loads(row["body"])
        body.pop("v")
        if row["seq"] == 2:
            body["likenesses"] = 7
        raw = encode(body)
        await world.overrule("UPDATE vault.ledger_entry SET body = $3, prev = $4, hash = $5 WHERE listing_id = $1 AND seq = $2",
                             listing, row["seq"], raw, prev, entry_hash(prev, raw))
        prev = entry_hash(prev, raw)
    await world.overrule("UPDATE vault.ledger_head SET hash = $2 WHERE listing_id = $1", listing, prev)
    assert await flaw(world, listing) is None, "nothing inside the database can know"
    assert await flaw(world, listing, known) == (4, "rewritten")
    assert await flaw(world, listing, {listing: Head(9, bytes(32))}) == (5, "cut_off")


async def test_two_listings_have_two_chains_and_appends_queue(world, app):
    """Twenty appends at once: one chain, every number once."""
    from succession.database import Scope
    from succession.disclosure.ledger import append

    published = await world.published()
    seller = published.seller
    scope = Scope("intermediary", seller.organisation_id, seller.member_id, None, "test")

    async def once():
        async with app.state.databases.tx(scope) as tx:
            await append(tx, published.listing_id, "withdrawn", None, {"nonce": uuid4()})

    await asyncio.gather(*(once() for _ in range(20)))
    rows = await world.seed("SELECT seq FROM vault.ledger_entry WHERE listing_id = $1 ORDER BY seq", published.listing_id)
    assert [row["seq"] for row in rows] == list(range(1, 21))
    assert await flaw(world, published.listing_id) is None


# -- the command -------------------------------------------------------------------------------------------------------


async def test_the_command_names_the_first_broken_link(world, released, settings, monkeypatch, capsys, tmp_path):
    published, _buyer, _deal = released
    monkeypatch.setenv("SUCCESSION_DEMO", "1")
    monkeypatch.setenv("SUCCESSION_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("DATABASE_URL", world.database_url)

    async def run(*arguments):
        status = await asyncio.to_thread(command.run, list(arguments))
        return status, capsys.readouterr().out

    listing = str(published.listing_id)
    status, said = await run("verify", "--listing", listing)
    assert status == 0 and said.startswith("1 ledgers, 18 entries: every link holds\n")
    status, heads = await run("heads", "--listing", listing)
    assert status == 0 and json.loads(heads)["seq"] == LAST
    (tmp_path / "heads").write_text(heads)
    assert (await run("verify", "--listing", listing, "--against", str(tmp_path / "heads")))[0] == 0

    await world.overrule("DELETE FROM vault.ledger_entry WHERE listing_id = $1 AND seq = 5", published.listing_id)
    status, said = await run("verify", "--listing", listing)
    assert status == 1 and said.startswith(f"listing {listing}: entry 6: gap\n")
    await mend(world, published.listing_id)
    assert (await run("verify", "--nonsense"))[0] == 2
    assert (await run("verify", "--against", str(tmp_path / "nothing")))[0] == 2


async def test_kinds_in_sql_are_the_kinds_in_python(as_database_role):
    rows = await (await as_database_role("owner")).fetch("SELECT kind, written_by, buyer_reads FROM ops.ledger_kind")
    assert {row["kind"]: (tuple(row["written_by"]), row["buyer_reads"]) for row in rows} == KINDS
