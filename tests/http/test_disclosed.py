"""Is everything that can be read in the ledger first, in exactly the version that is read?"""

from __future__ import annotations

import asyncio
import hashlib
import json
from uuid import UUID

import asyncpg
import pytest

from succession.database import Scope, driver
from succession.disclosure.canonical import opens
from succession.disclosure.ledger import SALT_BYTES, spelling
from succession.disclosure.reading_queries import NOT_FACTS, Dossier
from succession.disclosure.subject_keys import Subject, unseal, unwrap

BLOCKS = [field for field in Dossier.__struct_fields__ if field not in NOT_FACTS]


async def disclosed(world, listing):
    rows = await world.seed("SELECT id, deal_id, body FROM vault.ledger_entry WHERE listing_id = $1 AND kind = 'disclosed' ORDER BY seq", listing)
    return [json.loads(row["body"]) for row in rows]


async def opened(world, subject_id):
    """What a commitment commits to, and its salt, opened with the keys of this installation."""
    row = (await world.seed("SELECT s.sealed, s.commitment, k.kind, k.subject_id, k.wrapped, k.wrapped_by FROM vault.ledger_subject s "
                            "JOIN vault.subject_key k ON k.id = s.key_id WHERE s.id = $1", UUID(subject_id)))[0]
    key = unwrap(world.app.state.settings, Subject(row["kind"], row["subject_id"]), row["wrapped"], row["wrapped_by"])
    plain = unseal(key, row["sealed"], UUID(subject_id))
    assert opens(row["commitment"], plain[SALT_BYTES:].decode(), plain[:SALT_BYTES])
    return json.loads(plain[SALT_BYTES:])


async def test_a_release_enters_every_block_in_the_version_that_will_be_read(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    entries = await disclosed(world, published.listing_id)
    assert [entry["fact_group"] for entry in entries] == BLOCKS
    grant = (await world.seed("SELECT * FROM vault.disclosure_grant WHERE deal_id = $1", UUID(deal)))[0]
    nda = (await world.seed("SELECT text_hash FROM vault.nda WHERE id = $1", grant["nda_id"]))[0]
    dossier = (await buyer.get(f"/v1/dossiers/{deal}")).json()
    for entry in entries:
        assert (entry["grant_id"], entry["nda_id"], entry["name_clear_id"]) == tuple(str(grant[f]) for f in ("id", "nda_id", "name_clear_id"))
        assert entry["recipient"] == {"organisation_id": str(buyer.organisation_id), "representative_id": None}
        assert entry["basis"] == "release" and entry["actor"]["member_id"] == str(published.seller.member_id) and entry["listing_version"] == 1
        (commitment,) = entry["commitments"]
        assert await opened(world, commitment["subject_id"]) == {
            "sha256": hashlib.sha256(spelling(dossier[entry["fact_group"]]).encode()).hexdigest(), "nda_text_hash": nda["text_hash"].hex()}
    assert await disclosed(world, published.listing_id) == entries, "what was read had its entries already"
    access = (await world.seed("SELECT entries, facts_version FROM vault.access WHERE listing_id = $1", published.listing_id))[0]
    assert [str(each) for each in access["entries"]] == [entry["entry_id"] for entry in entries]


async def test_what_changed_since_is_entered_by_the_reading_before_it_is_read(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    for employees in (31, 32):
        await world.seed("UPDATE vault.listing_profile SET employees = $2 WHERE listing_id = $1", published.listing_id, employees)
    before = await disclosed(world, published.listing_id)
    assert (await buyer.get(f"/v1/dossiers/{deal}")).json()["summary"]["employees"] == 32
    after = await disclosed(world, published.listing_id)
    assert [entry["fact_group"] for entry in after[len(before):]] == ["summary"], "31 was never shown, and nothing else changed"
    assert after[-1]["basis"] == "reading" and after[-1]["actor"]["member_id"] == str(buyer.member_id)
    await world.seed("UPDATE vault.listing_profile SET employees = 30 WHERE listing_id = $1", published.listing_id)
    assert (await buyer.get(f"/v1/dossiers/{deal}")).json()["summary"]["employees"] == 30
    assert await disclosed(world, published.listing_id) == after, "this version was shown before"


async def test_the_same_version_shown_to_two_buyers_is_two_entries_that_nobody_can_compare(world):
    published, buyers = await world.published(), [await world.acquirer(), await world.acquirer()]
    for buyer in buyers:
        await world.released(published, buyer)
    entries = await disclosed(world, published.listing_id)
    one, two = ([entry for entry in entries if entry["recipient"]["organisation_id"] == str(buyer.organisation_id)] for buyer in buyers)
    assert [entry["version_id"] for entry in one] == [entry["version_id"] for entry in two]
    assert len({entry["commitments"][0]["commitment"] for entry in entries}) == len(entries) == 2 * len(BLOCKS)
    assert (await world.seed("SELECT count(*) FROM vault.fact_version WHERE listing_id = $1", published.listing_id))[0][0] == len(BLOCKS)


async def test_documents_have_an_entry_each_at_the_release_or_when_they_are_opened(world):
    published, buyer = await world.published(), await world.acquirer()

    async def add(level, name):
        added = await published.seller.post(f"/v1/listings/{published.listing_id}/documents", {
            "level": level, "filename": name, "content_base64": "YQ==", "contains_personal_data": False, "export_control_class": "none",
            "downloadable": True, "unmarked_reason": "a list"})
        return f"document:{added.json()['id']}"

    early, room = await add("dossier", "early.txt"), await add("data_room", "room.txt")
    await world.released(published, buyer, "data_room")
    late = await add("dossier", "late.txt")
    entries = await disclosed(world, published.listing_id)
    assert [entry["fact_group"] for entry in entries] == [*BLOCKS, early, room]
    assert entries[-1]["level"] == "data_room"
    for _twice in range(2):
        for each in (early, room, late):
            assert (await buyer.get(f"/v1/documents/{each.partition(':')[2]}")).status_code == 200
    assert [entry["fact_group"] for entry in (await disclosed(world, published.listing_id))[len(entries):]] == [late]
    rows = await world.seed("SELECT what, entries FROM vault.access WHERE listing_id = $1", published.listing_id)
    assert len(rows) == 6 and all(len(row["entries"]) == 1 for row in rows)


async def test_readings_at_once_after_an_edit_enter_it_once(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    await world.seed("UPDATE vault.listing_profile SET employees = 77 WHERE listing_id = $1", published.listing_id)
    answers = await asyncio.gather(*(buyer.get(f"/v1/dossiers/{deal}") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200} and {answer.json()["summary"]["employees"] for answer in answers} == {77}
    assert [entry["fact_group"] for entry in await disclosed(world, published.listing_id)] == [*BLOCKS, "summary"]


async def test_an_edit_between_the_entry_and_the_reading_is_entered_before_it_is_shown(world, monkeypatch):
    from succession.disclosure.commands import documents

    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    honest, edits = documents.note_dossier_reading, iter((41, 42))

    async def and_then_it_is_edited(tx, actor, deal_id):
        version = await honest(tx, actor, deal_id)
        if (employees := next(edits, None)) is not None:
            await world.seed("UPDATE vault.listing_profile SET employees = $2 WHERE listing_id = $1", published.listing_id, employees)
        return version

    monkeypatch.setattr(documents, "note_dossier_reading", and_then_it_is_edited)
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code in (200, 503)
    shown = [entry for entry in await disclosed(world, published.listing_id) if entry["fact_group"] == "summary"]
    contents = await asyncio.gather(*(opened(world, entry["commitments"][0]["subject_id"]) for entry in shown))
    answer = await buyer.get(f"/v1/dossiers/{deal}")
    assert answer.json()["summary"]["employees"] == 42
    digest = hashlib.sha256(spelling(answer.json()["summary"]).encode()).hexdigest()
    assert digest in {content["sha256"] for content in contents}


# -- the database asks again -------------------------------------------------------------------------------------------

ACCESS = ("INSERT INTO vault.access (grant_id, listing_id, organisation_id, member_id, what, facts_version, entries) "
          "VALUES ($1, $2, $3, $4, $5, $6, $7)")


async def test_a_reading_without_its_entries_is_refused_by_the_database(world):
    published, buyer, rival = await world.published(), await world.acquirer(), await world.acquirer()
    deal, other = await world.released(published, buyer), await world.released(published, rival)
    grant, foreign = [(await world.seed("SELECT id FROM vault.disclosure_grant WHERE deal_id = $1", UUID(each)))[0]["id"] for each in (deal, other)]
    entries = [[row["entry_id"] for row in await world.seed("SELECT entry_id FROM vault.disclosed WHERE grant_id = $1", each)] for each in (grant, foreign)]
    added = (await published.seller.post(f"/v1/listings/{published.listing_id}/documents", {
        "level": "dossier", "filename": "a.txt", "content_base64": "YQ=="})).json()["id"]
    now = (await world.seed("SELECT version FROM vault.facts_version WHERE listing_id = $1", published.listing_id))[0]["version"]
    for what, version, given, expected in (
            ("dossier", now, entries[0], None), ("dossier", now - 1, entries[0], "access_needs_entry"), ("dossier", None, entries[0], "access_needs_entry"),
            ("dossier", now, entries[0][1:], "access_needs_entry"), ("dossier", now, [], "access_needs_entry"),
            ("dossier", now, entries[1], "access_needs_entry"), (f"document:{added}:download", now, entries[0], "access_needs_entry")):
        scope = Scope(buyer.kind, buyer.organisation_id, buyer.member_id, None, "test")
        try:
            async with world.app.state.databases.tx(scope) as tx:
                await (await driver(tx)).execute(ACCESS, grant, published.listing_id, buyer.organisation_id, buyer.member_id, what, version, given)
            refusal = None
        except asyncpg.PostgresError as error:
            refusal = error.constraint_name
        assert refusal == expected, (what, version, given)


async def test_a_version_is_not_disclosed_without_its_own_entry(world):
    published, buyer = await world.published(), await world.acquirer()
    await world.released(published, buyer)
    row = (await world.seed("SELECT * FROM vault.disclosed WHERE listing_id = $1 ORDER BY entry_id", published.listing_id))[0]
    released = (await world.seed("SELECT id FROM vault.ledger_entry WHERE listing_id = $1 AND kind = 'released'", published.listing_id))[0]["id"]
    with pytest.raises(asyncpg.PostgresError) as caught:
        await world.seed("INSERT INTO vault.disclosed VALUES ($1, $2, $3, $4, $5, $6)", released, row["grant_id"], row["listing_id"], row["deal_id"],
                         row["fact_group"], row["version_id"])
    assert caught.value.constraint_name == "disclosed_needs_entry"


async def test_every_table_a_dossier_is_built_from_counts_its_changes(as_database_role):
    from succession.disclosure.levels import FIELDS

    rows = await (await as_database_role("owner")).fetch(
        "SELECT c.relname AS name FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE t.tgname = 'facts_changed'")
    assert {row["name"] for row in rows} >= {*FIELDS, "document"}
