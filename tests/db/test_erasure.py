"""Can what the ledgers know of a person be erased for good, while every chain stays whole and says so?"""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import asyncpg
import pytest

from succession.commands import ledger as command
from succession.disclosure.case_check import Case, members, verify_case
from succession.disclosure.case_file import build_case
from succession.disclosure.ledger_check import check_ledgers


@pytest.fixture
def run(world, settings, monkeypatch, capsys):
    monkeypatch.setenv("SUCCESSION_DEMO", "1")
    monkeypatch.setenv("SUCCESSION_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("DATABASE_URL", world.database_url)

    async def run(*arguments):
        status = await asyncio.to_thread(command.run, [str(each) for each in arguments])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


@pytest.fixture
async def scene(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    await buyer.get(f"/v1/dossiers/{deal}")
    operators = [await world.operator() for _twice in range(2)]
    return published, buyer, UUID(deal), ["--by", operators[0].email, "--second", operators[1].email]


async def as_seeder(world, work):
    connection = await asyncpg.connect(world.database_url)
    try:
        await connection.execute("SET ROLE succession_seeder")
        return await work(connection)
    finally:
        await connection.close()


async def ended(world, deal):
    await world.overrule("UPDATE vault.deal SET terminal = 'expired', terminal_reason = 'no_answer', closed_at = now() WHERE id = $1", deal)


async def test_a_signer_is_erased_and_the_chain_holds_and_says_when(world, scene, run):
    published, buyer, deal, people = scene
    erase = ("erase", "--subject", f"member:{buyer.member_id}", "--reason", "claim", *people)
    assert await run(*erase) == (1, "not erased: open_deal\n")
    await ended(world, deal)
    await world.seed("INSERT INTO vault.legal_hold (listing_id, reason) VALUES ($1, 'a court asked')", published.listing_id)
    assert await run(*erase) == (1, "not erased: legal_hold\n")
    await world.seed("UPDATE vault.legal_hold SET lifted_at = now() WHERE listing_id = $1", published.listing_id)
    assert (await run("erase", "--subject", f"member:{buyer.member_id}", "--reason", "retention_over", *people)) == (1, "not erased: retention\n")
    assert (await run(*erase)) == (0, "erased: one key, 1 ledgers say so\n")
    assert (await run(*erase))[0] == 1, "once"
    report = await as_seeder(world, lambda c: check_ledgers(c, published.listing_id, None, world.app.state.settings))
    assert report.breaks == [] and report.unopened == 2, "signer and origin"
    raw = await as_seeder(world, lambda c: build_case(c, world.app.state.settings, published.listing_id, None))
    assert b"A. Signer" not in members(raw)["openings.jsonl"]
    found = verify_case(raw)
    assert isinstance(found, Case) and found.erased == 2
    erased = [json.loads(line) for line in members(raw)["openings.jsonl"].splitlines() if b"erased_on" in line]
    assert {each["subject"] for each in erased} == {"signer", "origin"} and all(each["erased_on"] for each in erased)
    last = (await world.seed("SELECT body FROM vault.ledger_entry WHERE listing_id = $1 ORDER BY seq DESC LIMIT 1", published.listing_id))[0]
    assert json.loads(last["body"])["kind"] == "subject_erased" and json.loads(last["body"])["subject_kind"] == "member"
    assert (await world.seed("SELECT 1 FROM vault.audit_event WHERE action = 'ledger.erased'"))


async def test_a_company_is_erased_with_every_version_that_was_shown(world, scene, run):
    published, _buyer, deal, people = scene
    await ended(world, deal)
    assert (await run("erase", "--subject", f"listing:{published.listing_id}", "--reason", "claim", *people))[0] == 0
    raw = await as_seeder(world, lambda c: build_case(c, world.app.state.settings, published.listing_id, None))
    found = verify_case(raw)
    assert isinstance(found, Case) and found.erased > 9
    assert b'"content"' not in members(raw)["versions.jsonl"] and published.legal_name.encode() not in members(raw)["versions.jsonl"]


async def test_it_takes_two_members_of_the_operator_and_a_known_subject(world, scene, run):
    _published, buyer, deal, people = scene
    await ended(world, deal)
    subject = ("erase", "--subject", f"member:{buyer.member_id}", "--reason", "claim")
    for by in (["--by", people[1], "--second", people[1]], ["--by", people[1], "--second", buyer.email], ["--by", people[1]]):
        assert (await run(*subject, *by))[0] == 2
    assert (await run("erase", "--subject", "person:1", "--reason", "claim", *people))[0] == 2
    assert (await run("erase", "--subject", f"member:{deal}", "--reason", "claim", *people))[0] == 1
    with pytest.raises(asyncpg.CheckViolationError):
        await world.seed("UPDATE vault.subject_key SET wrapped = NULL, erased_at = now(), erased_by = $1, erased_with = $1, erased_reason = 'claim' "
                         "WHERE subject_id = $1", buyer.member_id)


async def test_a_destroyed_key_stays_destroyed_and_what_comes_later_has_another(world, scene, run):
    published, buyer, deal, people = scene
    await ended(world, deal)
    assert (await run("erase", "--subject", f"listing:{published.listing_id}", "--reason", "claim", *people))[0] == 0
    with pytest.raises(asyncpg.PostgresError):
        await world.seed("UPDATE vault.subject_key SET wrapped = 'x', erased_at = NULL, erased_by = NULL, erased_with = NULL, erased_reason = NULL "
                         "WHERE subject_id = $1", published.listing_id)
    await world.requested(published, await world.acquirer())
    rows = await world.seed("SELECT erased_at IS NULL AS live FROM vault.subject_key WHERE kind = 'organisation' OR subject_id = $1 ORDER BY made_at",
                            published.listing_id)
    assert {row["live"] for row in rows} == {True, False}


async def test_what_was_written_in_the_clear_is_sealed_by_command_and_opens_as_before(world, scene, run):
    published, buyer, deal, _people = scene
    row = (await world.seed("SELECT id FROM vault.ledger_subject WHERE listing_id = $1 AND kind = 'purpose'", published.listing_id))[0]
    opened = await as_seeder(world, lambda c: build_case(c, world.app.state.settings, published.listing_id, None))
    purpose = next(json.loads(line) for line in members(opened)["openings.jsonl"].splitlines() if str(row["id"]).encode() in line)
    await world.overrule("UPDATE vault.ledger_subject SET data = $2::text::jsonb, salt = $3, sealed = NULL, key_id = NULL WHERE id = $1",
                         row["id"], purpose["value"], bytes.fromhex(purpose["salt"]))
    status, said = await run("seal")
    assert status == 0 and said.endswith("rows were sealed\n")
    after = (await world.seed("SELECT data, salt, sealed FROM vault.ledger_subject WHERE id = $1", row["id"]))[0]
    assert after["data"] is None and after["salt"] is None and b"Growth" not in after["sealed"]
    report = await as_seeder(world, lambda c: check_ledgers(c, published.listing_id, None, world.app.state.settings))
    assert report.breaks == [] and report.unopened == 0
