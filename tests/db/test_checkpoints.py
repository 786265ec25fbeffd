"""If whoever owns the database rewrote everything consistently, would it show against what was signed?"""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from conftest import TEMPLATE, clone_of
from succession import keys
from succession.app import create_app
from succession.commands import ledger as command
from succession.config import Settings
from succession.disclosure import merkle
from succession.disclosure.canonical import encode, entry_hash
from succession.disclosure.checkpoints import Copy, check_checkpoints, checkpoint_if_due, make_checkpoint, statement_of
from succession.disclosure.checkpoints import signed as signed_by
from succession.disclosure.ledger_check import check_snapshot
from succession.worker import open_worker_pool
from world import World

pytestmark = pytest.mark.slow


# A database of its own: other tests of this process tamper with theirs, and these find whatever they can.


@pytest.fixture(scope="module")
def database_url() -> str:
    return clone_of(TEMPLATE, "succession_test_checkpoints")


@pytest.fixture(scope="module")
def settings(database_url, tmp_path_factory) -> Settings:
    return Settings.from_env({"SUCCESSION_DEMO": "1", "SUCCESSION_DATA_DIR": str(tmp_path_factory.mktemp("checkpointed")),
                              "DATABASE_URL": database_url, "REDIS_URL": os.environ["SUCCESSION_TEST_REDIS_URL"].replace("db=0", "db=11")})


@pytest.fixture
async def app(settings):
    made = create_app(settings)
    async with made.lifespan():
        yield made


@pytest.fixture
async def world(app, database_url):
    made = World(app, database_url)
    yield made
    await made.close()


@pytest.fixture(autouse=True)
async def none_so_far(world):
    """Each test begins with no checkpoint: what the one before tampered with and mended, a checkpoint would remember."""
    for table in ("ledger_checkpoint_head", "ledger_checkpoint"):
        await world.overrule(f"DELETE FROM vault.{table}")


@pytest.fixture
async def worker(app):
    async with await open_worker_pool(app.state.settings) as pool, pool.acquire() as connection:
        yield connection


@pytest.fixture
async def signed(world, worker, settings):
    """A listing with a released dossier and another one, and two checkpoints: between them one more step."""
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    other = await world.published()
    await world.requested(other, buyer)
    first = await sign(worker, settings)
    await buyer.get(f"/v1/dossiers/{deal}")
    await world.requested(published, await world.acquirer())
    return published, other, (first, await sign(worker, settings))


async def sign(worker, settings):
    async with worker.transaction():
        return await make_checkpoint(worker, settings)


@asynccontextmanager
async def tampering(world):
    """As the owner with every trigger off, undone afterwards."""
    owner = await asyncpg.connect(world.database_url)
    transaction = owner.transaction()
    await transaction.start()
    await owner.execute("SET LOCAL session_replication_role = replica")
    try:
        yield owner
    finally:
        await transaction.rollback()
        await owner.close()


async def found(owner, settings, copies=()):
    """(flaws of ledgers that a checkpoint knows, flaws of checkpoints), as `verify` names them."""
    report = await check_snapshot(owner, None, {}, settings)
    flaws = await check_checkpoints(owner, keys.checkpoint_public_keys(settings), copies)
    return [(each.listing_id, each.seq, each.flaw, each.checkpoint) for each in report.breaks], [(each.seq, each.flaw) for each in flaws]


async def rechain(owner, listing, change=None, cut_at=None, at_seq=2):
    """The whole chain written anew, head included, without a contradiction inside."""
    rows = await owner.fetch("SELECT seq, body, prev FROM vault.ledger_entry WHERE listing_id = $1 ORDER BY seq", listing)
    prev, last = rows[0]["prev"], 0
    for row in rows:
        if cut_at and row["seq"] >= cut_at:
            await owner.execute("DELETE FROM vault.ledger_entry WHERE listing_id = $1 AND seq = $2", listing, row["seq"])
            continue
        body = json.loads(row["body"])
        body.pop("v")
        raw = encode(body | (change or {})) if row["seq"] == at_seq else row["body"]
        await owner.execute("UPDATE vault.ledger_entry SET body = $3, prev = $4, hash = $5 WHERE listing_id = $1 AND seq = $2",
                            listing, row["seq"], raw, prev, entry_hash(prev, raw))
        prev, last = entry_hash(prev, raw), row["seq"]
    await owner.execute("UPDATE vault.ledger_head SET seq = $2, hash = $3 WHERE listing_id = $1", listing, last, prev)


async def head_of(owner, listing):
    return await owner.fetchrow("SELECT seq, hash FROM vault.ledger_head WHERE listing_id = $1", listing)


async def test_untouched_nothing_is_found_and_sql_computes_the_same_tree(world, signed, settings, as_database_role):
    published, _other, (first, second) = signed
    owner = await as_database_role("owner")
    assert await found(owner, settings) == ([], [])
    await owner.execute("SET ROLE succession_definer")
    for seq in (first, second):
        row = await owner.fetchrow("SELECT * FROM vault.ledger_checkpoint WHERE seq = $1", seq)
        level = await owner.fetchval("SELECT vault.checkpoint_leaves($1)", seq)
        assert merkle.root(level) == row["merkle_root"] and row["listings"] >= 2
    assert len({first, second}) == 2 and second == first + 1


async def test_a_history_rewritten_consistently_is_named_at_the_first_checkpoint_that_knew_better(world, signed, settings):
    published, _other, (first, _second) = signed
    async with tampering(world) as owner:
        await rechain(owner, published.listing_id, {"likenesses": 7})
        ledgers, _flaws = await found(owner, settings)
        seq = await owner.fetchval("SELECT seq FROM vault.ledger_checkpoint_head WHERE checkpoint = $1 AND listing_id = $2", first, published.listing_id)
        assert ledgers == [(published.listing_id, seq, "rewritten", first)]


async def test_a_tail_cut_off_with_its_head_is_named(world, signed, settings):
    published, _other, (_first, second) = signed
    async with tampering(world) as owner:
        last = (await head_of(owner, published.listing_id))["seq"]
        await rechain(owner, published.listing_id, cut_at=last)
        assert (await found(owner, settings))[0] == [(published.listing_id, last, "cut_off", second)]


async def test_a_listing_that_vanished_with_its_chain_is_named(world, signed, settings):
    _published, other, (first, _second) = signed
    async with tampering(world) as owner:
        for table in ("ledger_entry", "ledger_head", "ledger_subject", "deal"):
            await owner.execute(f"DELETE FROM vault.{table} WHERE listing_id = $1", other.listing_id)
        ledgers, _flaws = await found(owner, settings)
        assert ledgers == [(other.listing_id, 1, "cut_off", first)]
        await owner.execute("DELETE FROM vault.ledger_checkpoint_head WHERE listing_id = $1", other.listing_id)
        assert await found(owner, settings) == ([], [(first, "root")]), "then the signed root still misses it"


async def test_the_remembered_heads_rewritten_as_well_do_not_lead_to_the_signed_root(world, signed, settings):
    published, _other, (first, _second) = signed
    async with tampering(world) as owner:
        await rechain(owner, published.listing_id, {"likenesses": 7})
        await owner.execute(
            "UPDATE vault.ledger_checkpoint_head h SET hash = e.hash FROM vault.ledger_entry e "
            "WHERE e.listing_id = h.listing_id AND e.seq = h.seq AND h.listing_id = $1", published.listing_id)
        assert await found(owner, settings) == ([], [(first, "root")])


async def test_a_root_computed_anew_is_not_signed(world, signed, settings):
    _published, _other, (first, _second) = signed
    async with tampering(world) as owner:
        row = await owner.fetchrow("SELECT * FROM vault.ledger_checkpoint WHERE seq = $1", first)
        forged = statement_of(first, row["at"], b"r" * 32, row["previous"], row["key_id"])
        await owner.execute("UPDATE vault.ledger_checkpoint SET merkle_root = $2, statement = $3 WHERE seq = $1", first, b"r" * 32, forged)
        assert (await found(owner, settings))[1] == [(first, "signature")]
        own = Ed25519PrivateKey.generate()
        await owner.execute("UPDATE vault.ledger_checkpoint SET signature = $2, public_key = $3 WHERE seq = $1", first, own.sign(forged),
                            own.public_key().public_bytes_raw())
        assert (await found(owner, settings))[1] == [(first, "key")], "a key that is not ours"


async def test_checkpoints_taken_away_are_found_from_inside_or_by_a_copy(world, signed, settings):
    published, _other, (first, second) = signed
    async with tampering(world) as owner:
        rows = await owner.fetch("SELECT seq, statement, signature, public_key FROM vault.ledger_checkpoint ORDER BY seq")
        copies = [Copy(row["seq"], row["statement"].decode(), row["signature"].hex(), row["public_key"].hex()) for row in rows]
        assert await found(owner, settings, copies) == ([], [])
        await owner.execute("DELETE FROM vault.ledger_checkpoint WHERE seq = $1", first)
        assert (await found(owner, settings))[1] == [(first, "gap")]
    async with tampering(world) as owner:
        # The last one, and all that came after the one before it: nothing inside can know.
        known = await owner.fetchval("SELECT seq FROM vault.ledger_checkpoint_head WHERE checkpoint = $1 AND listing_id = $2", first, published.listing_id)
        for table in ("ledger_checkpoint_head WHERE checkpoint", "ledger_checkpoint WHERE seq"):
            await owner.execute(f"DELETE FROM vault.{table} >= $1", second)
        await rechain(owner, published.listing_id, cut_at=known + 1)
        assert await found(owner, settings) == ([], [])
        assert (await found(owner, settings, copies))[1] == [(second, "missing")]
    async with tampering(world) as owner:
        lie = Copy(second, copies[-1].statement.replace('"seq":', '"seq": '), copies[-1].signature, copies[-1].public_key)
        assert (await found(owner, settings, [lie]))[1] == [(second, "copy_not_ours")]


async def test_nobody_changes_a_checkpoint_and_only_the_next_one_follows(world, signed, worker):
    _published, _other, (_first, second) = signed
    for sql in ("UPDATE vault.ledger_checkpoint SET at = now()", "DELETE FROM vault.ledger_checkpoint_head"):
        with pytest.raises(asyncpg.PostgresError):
            await worker.execute(sql)
        with pytest.raises(asyncpg.PostgresError):
            await world.seed(sql)
    rows = await world.seed("SELECT * FROM vault.ledger_checkpoint WHERE seq = $1", second)
    for seq, previous in ((second, rows[0]["previous"]), (second + 1, b"x" * 32), (second + 2, b"x" * 32)):
        with pytest.raises(asyncpg.PostgresError):
            await worker.execute(
                "INSERT INTO vault.ledger_checkpoint VALUES ($1, now(), 1, 1, $2, $2, $3, $4, $5, 'k', $2)", seq, b"s" * 32, previous,
                statement_of(seq, datetime.now(UTC), b"s" * 32, previous, "k"), b"g" * 64)


async def test_the_worker_reads_heads_and_nothing_else_of_the_ledgers(worker):
    for table in ("ledger_entry", "ledger_subject", "ledger_head", "fact_version", "disclosed", "subject_key", "access"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await worker.execute(f"SELECT 1 FROM vault.{table}")


async def test_one_a_day_and_a_copy_goes_to_who_has_something_new_to_read_in_it(world, worker, settings):
    published, buyer, other = await world.published(), await world.acquirer(), await world.acquirer()
    deal = await world.requested(published, buyer)
    async with worker.transaction():
        first = await checkpoint_if_due(worker, settings, datetime.now(UTC) + timedelta(days=400))
    async with worker.transaction():
        assert await checkpoint_if_due(worker, settings) is None, "not twice a day"
    assert await told(world, buyer) == await told(world, published.seller) == [first]
    await world.requested(published, other)
    await published.seller.post(f"/v1/disclosure-requests/{deal}/screening", {"decision": "cleared"})
    async with worker.transaction():
        second = await checkpoint_if_due(worker, settings, datetime.now(UTC) + timedelta(days=400))
    assert await told(world, other) == [second] and await told(world, published.seller) == [first, second]
    assert await told(world, buyer) == [first], "what others did, and what it does not read, is told to nobody"


async def told(world, caller):
    letters = await world.letters(organisation=caller.organisation_id)
    return [each["params"]["number"] for each in letters if each["template"] == "ledger_checkpoint"]


async def test_the_command_signs_prints_copies_and_compares(world, signed, settings, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("SUCCESSION_DEMO", "1")
    monkeypatch.setenv("SUCCESSION_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("DATABASE_URL", world.database_url)

    async def run(*arguments):
        status = await asyncio.to_thread(command.run, list(arguments))
        return status, capsys.readouterr().out

    status, said = await run("checkpoint")
    assert status == 0 and said.startswith("checkpoint ")
    status, copies = await run("checkpoints")
    last = json.loads(copies.splitlines()[-1])
    assert status == 0 and said == f"checkpoint {last['seq']} was signed\n"
    (tmp_path / "copies").write_text(copies)
    assert (await run("verify", "--against", str(tmp_path / "copies")))[0] == 0
    (tmp_path / "copies").write_text(json.dumps(last | {"seq": last["seq"] + 1}))
    status, said = await run("verify", "--against", str(tmp_path / "copies"))
    assert status == 1 and f"checkpoint {last['seq'] + 1}: missing" in said


# -- the parties' copies -----------------------------------------------------------------------------------------------


def reached(item, leaf):
    return merkle.root_of(bytes.fromhex(leaf), item["leaf_index"], [bytes.fromhex(each) for each in item["path"]]).hex()


async def test_who_holds_the_listing_reads_what_its_ledger_ended_with_and_how_it_leads_to_the_signed_root(world, signed):
    published, other, (first, second) = signed
    items = await published.seller.every(f"/v1/listings/{published.listing_id}/ledger/checkpoints", limit=20)
    assert [item["seq"] for item in items if item["seq"] in (first, second)] == [second, first]
    entries = {entry["seq"]: entry["hash"] for entry in await published.seller.every(f"/v1/listings/{published.listing_id}/ledger")}
    for item in items:
        assert entries[item["head_seq"]] == item["head_hash"]
        opened = merkle.leaf(bytes.fromhex(item["leaf_salt"]), "L", published.listing_id, item["head_seq"], bytes.fromhex(item["head_hash"]))
        assert opened.hex() == item["leaf"] and reached(item, item["leaf"]) == item["merkle_root"] == json.loads(item["statement"])["merkle_root"]
        assert signed_by(bytes.fromhex(item["public_key"]), item["statement"].encode(), bytes.fromhex(item["signature"]))
    assert len(items[0]["path"]) == 10
    assert (await other.seller.get(f"/v1/listings/{published.listing_id}/ledger/checkpoints")).status_code == 404


async def test_a_buyer_gets_a_leaf_of_its_own_deal_that_tells_nothing_of_the_listing(world, worker, settings):
    published, buyer, rival = await world.published(), await world.acquirer(), await world.acquirer()
    deals = [await world.requested(published, each) for each in (buyer, rival)]
    for _twice in range(2):
        await sign(worker, settings)
    mine, theirs = [(await caller.get(f"/v1/disclosure-requests/{deal}/ledger/checkpoints")).json()["items"]
                    for caller, deal in zip((buyer, rival), deals, strict=True)]
    assert len(mine) == len(theirs) == 2
    for item in (*mine, *theirs):
        assert reached(item, item["leaf"]) == item["merkle_root"]
        assert set(item) == {"seq", "at", "merkle_root", "previous", "statement", "signature", "key_id", "public_key", "leaf", "leaf_index", "path"}
        assert str(published.listing_id) not in json.dumps(item)
    assert len({item["leaf"] for item in (*mine, *theirs)}) == 4, "neither the same company, nor that nothing happened, shows"
    assert (await rival.get(f"/v1/disclosure-requests/{deals[0]}/ledger/checkpoints")).status_code == 404
    assert (await buyer.get(f"/v1/listings/{published.listing_id}/ledger/checkpoints")).status_code == 403
    # What it kept can be opened later by who has the ledger: the salt of its leaf and the head it stands for.
    row = (await world.seed("SELECT salt FROM vault.ledger_checkpoint WHERE seq = $1", mine[0]["seq"]))[0]
    head = (await world.seed("SELECT seq, hash FROM vault.ledger_head WHERE listing_id = $1", published.listing_id))[0]
    deal = UUID(deals[0])
    assert merkle.leaf(merkle.leaf_salt(row["salt"], deal), "D", deal, head["seq"], head["hash"]).hex() == mine[0]["leaf"]
