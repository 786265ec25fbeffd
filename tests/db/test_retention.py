"""Is what has had its time purged, by the database's own dates, and nothing before, and nothing under legal hold?"""

from __future__ import annotations

import asyncio
import secrets
from uuid import UUID

import asyncpg
import pytest

from succession.commands import retention as command
from succession.retention import purge
from succession.worker import open_worker_pool


@pytest.fixture
async def worker(settings):
    async with await open_worker_pool(settings) as pool, pool.acquire() as connection:
        yield connection


@pytest.fixture(autouse=True)
def environ(settings, monkeypatch):
    """The commands read it."""
    for name, value in {"DATABASE_URL": settings.database_url, "REDIS_URL": settings.redis_url, "SUCCESSION_DEMO": "1",
                        "SUCCESSION_DATA_DIR": str(settings.data_dir)}.items():
        monkeypatch.setenv(name, value)


async def purged(worker, settings):
    async with worker.transaction():
        return await purge(worker, settings)


async def disclosed(world):
    """(published, deal) with a grant and a reading of it."""
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 200
    return published, deal


async def aged(world, published, years):
    """The listing and its deals ended so long ago, and everything of them is as old."""
    back = f"interval '{years} years 1 day'"
    await world.overrule(f"UPDATE vault.listing SET state = 'succeeded', updated_at = now() - {back} WHERE id = $1", published.listing_id)
    await world.overrule(f"UPDATE vault.deal SET terminal = 'expired', terminal_reason = 'no_answer', closed_at = now() - {back} WHERE listing_id = $1", published.listing_id)
    await world.overrule(f"UPDATE vault.access SET at = now() - {back} WHERE listing_id = $1", published.listing_id)


PEOPLE = ("nda_member", "name_clear_person", "name_clear_answer", "decider", "decider_answer")
STAYS = ("nda", "nda_signature", "name_clear", "disclosure_grant", "folder_permission", "folder_grant")


async def people_of(world, deal):
    """How many rows say who was bound and who was asked in this deal; and of what stays."""
    counts = ", ".join(f"(SELECT count(*) FROM vault.{table} WHERE deal_id = $1)" for table in (*PEOPLE, *STAYS))
    return tuple((await world.seed(f"SELECT {counts}", UUID(deal)))[0])


async def asked_about(world, published, deal):
    """The owner was asked about a folder, which was released, and about a teaser."""
    folder = (await published.seller.post(f"/v1/listings/{published.listing_id}/folders", {"name": "Accounts"})).json()["id"]
    assert (await published.seller.post(f"/v1/disclosure-requests/{deal}/data-room-release")).status_code == 201
    await world.folders_released(published, deal, folder)
    await world.seed("INSERT INTO vault.decider (subject_id, number, purpose, listing_id, name, representative) "
                     "SELECT id, 1, 'teaser', listing_id, 'x', true FROM vault.teaser_proposal WHERE listing_id = $1", published.listing_id)


async def counted(world, published):
    tables = ("access", "ledger_subject", "fact_version", "ledger_entry", "disclosed")
    counts = ", ".join(f"(SELECT count(*) FROM vault.{table} WHERE listing_id = $1) AS {table}" for table in tables)
    return (await world.seed(f"SELECT {counts}", published.listing_id))[0]


async def test_the_disclosure_log_is_kept_ten_years_from_the_end_and_the_chain_for_good(world, worker, settings, capsys):
    published, deal = await disclosed(world)
    await asked_about(world, published, deal)
    people = await people_of(world, deal)
    assert all(people)
    added = await published.seller.post(f"/v1/listings/{published.listing_id}/documents", {
        "level": "dossier", "filename": "later.txt", "content_base64": "YQ=="})
    assert added.status_code == 201, added.text
    before = await counted(world, published)
    assert all(before)
    await aged(world, published, 9)
    await purged(worker, settings)
    assert await counted(world, published) == before, "nine years are not ten"
    await aged(world, published, 10)
    await world.overrule("UPDATE vault.deal SET closed_at = now() WHERE listing_id = $1", published.listing_id)
    await purged(worker, settings)
    assert await counted(world, published) == before, "its last deal ended yesterday"
    await aged(world, published, 10)

    assert await asyncio.to_thread(command.run, ["hold", str(published.listing_id), "--reason", "court order"]) == 0
    assert await asyncio.to_thread(command.run, ["hold", str(published.listing_id), "--reason", "again"]) == 1
    await purged(worker, settings)
    assert await counted(world, published) == before, "a legal hold is in force"
    assert await people_of(world, deal) == people
    assert await asyncio.to_thread(command.run, ["lift", str(published.listing_id)]) == 0

    gone = await purged(worker, settings)
    assert gone["disclosure_log"] >= before["access"] + before["ledger_subject"] + before["fact_version"]
    assert gone["document"] >= 1 and await world.seed("SELECT destroyed_at FROM vault.listing_key WHERE listing_id = $1 AND wrapped IS NOT NULL",
                                                      published.listing_id) == []
    assert tuple(await counted(world, published)) == (0, 0, 0, before["ledger_entry"], before["disclosed"]), (
        "readings, what was read and what commitments commit to; no link of the chain")
    assert await people_of(world, deal) == (*(0 for _table in PEOPLE), *people[len(PEOPLE):]), (
        "who was bound and who was asked; not what the chain is about")
    assert await world.seed("SELECT name FROM vault.decider WHERE listing_id = $1", published.listing_id) == [], "about a teaser as well"
    assert gone["nda_and_consent"] >= sum(people[: len(PEOPLE)]) + 1
    from succession.disclosure.case_check import Case, verify_case
    from succession.disclosure.case_file import build_case
    from succession.disclosure.ledger_check import check_ledgers

    owner = await asyncpg.connect(world.database_url)
    try:
        await owner.execute("SET ROLE succession_seeder")
        assert (await check_ledgers(owner, published.listing_id, None, world.app.state.settings)).breaks == []
        case = verify_case(await build_case(owner, world.app.state.settings, published.listing_id, None))
        assert isinstance(case, Case) and case.opened == 0 < case.erased, case
    finally:
        await owner.close()
    audited = await world.seed("SELECT action FROM vault.audit_event WHERE object_id IN ($1, 'disclosure_log') ORDER BY id", str(published.listing_id))
    assert [row[0] for row in audited][-3:] == ["legal_hold_placed", "legal_hold_lifted", "purged"]


async def test_a_batch_that_is_full_leaves_the_parents_of_what_it_left(world, worker, settings, monkeypatch):
    """Answers point at who was asked, marks at readings: a batch may end between them, and the class goes on all the same."""
    published, deal = await disclosed(world)
    await asked_about(world, published, deal)
    await world.seed("INSERT INTO vault.decider (subject_id, number, purpose, listing_id, deal_id, name, representative) "
                     "SELECT subject_id, n, purpose, listing_id, deal_id, 'x', false FROM vault.decider, generate_series(2, 4) n WHERE deal_id = $1", UUID(deal))
    await world.overrule("INSERT INTO vault.decider_answer (subject_id, number, listing_id, deal_id, decision, answered_by, method, shown_hash, evidence) "
                         "SELECT a.subject_id, n, a.listing_id, a.deal_id, a.decision, 'x', a.method, a.shown_hash, '{}' "
                         "FROM vault.decider_answer a, generate_series(2, 4) n WHERE a.deal_id = $1 AND a.number = 1 ORDER BY n DESC", UUID(deal))
    await aged(world, published, 10)
    monkeypatch.setattr("succession.retention.BATCH_ROWS", 1)
    monkeypatch.setattr("succession.retention.BATCHES_MOST", 200)
    assert (await purged(worker, settings))["nda_and_consent"] >= 12
    assert (await people_of(world, deal))[: len(PEOPLE)] == (0,) * len(PEOPLE)


async def test_nobody_purges_early_and_nobody_changes_the_dates(world, worker, as_database_role):
    await disclosed(world)
    assert await worker.fetchval("SELECT ops.purge('disclosure_log', 500)") == 0
    for role in ("succession_app", "succession_worker"):
        connection = await as_database_role(role)
        for sql in ("UPDATE ops.retention SET keep = '1 second'", "UPDATE ops.retention_rows SET due_when = 'true OR KEEP IS NULL'",
                    "DELETE FROM vault.access", "DELETE FROM vault.audit_event", "INSERT INTO vault.legal_hold (listing_id, reason) VALUES (gen_random_uuid(), 'x')",
                    "SET ROLE succession_purger"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(sql)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await (await as_database_role("succession_app")).execute("SELECT ops.purge('audit', 1)")
    with pytest.raises(asyncpg.PostgresError, match="evidence"):
        await (await as_database_role("owner")).execute("DELETE FROM vault.access")


async def test_a_registration_nobody_confirmed_is_forgotten_after_thirty_days(world, worker, settings, http):
    emails = [f"nobody-{secrets.token_hex(4)}@fictitious.example" for _each in range(3)]
    for email in emails:
        answer = await http.post("/v1/organisations", json={
            "kind": "acquirer", "buyer_kind": "company", "legal_name": "Fictitious Holdings Ltd", "country": "GB",
            "registry_number": f"F {secrets.token_hex(4)}", "head_office_country": "GB", "ultimate_parent": "Fictitious Parent BV",
            "ultimate_parent_country": "NL", "beneficial_owners": [{"name": "Ada Nobody", "country": "NL", "share_percent": 60}],
            "administrator": {"email": email, "name": "Ada Nobody"}})
        assert answer.status_code == 202, answer.text
    old, confirmed, new = [(await world.seed("SELECT organisation_id FROM vault.member WHERE email = $1", email))[0][0] for email in emails]
    await world.overrule("UPDATE vault.organisation SET created_at = now() - interval '31 days' WHERE id = ANY($1)", [old, confirmed])
    await world.overrule("UPDATE vault.member SET status = 'active' WHERE organisation_id = $1", confirmed)
    assert (await purged(worker, settings))["registration"] >= 4, "organisation, member, owner, link"
    left = {row[0] for row in await world.seed("SELECT id FROM vault.organisation WHERE id = ANY($1)", [old, confirmed, new])}
    assert left == {confirmed, new}


async def test_transfers_abroad_are_kept_three_years_and_a_day_is_not_enough(world, worker, settings):
    published, _deal = await disclosed(world)
    transfer = "SELECT count(*) FROM vault.appi_transfer WHERE listing_id = $1"
    assert (await world.seed(transfer, published.listing_id))[0][0] == 1
    for back, left in (("(interval '3 years' - interval '1 day')", 1), ("interval '3 years 2 days'", 0)):
        await world.overrule(f"UPDATE vault.appi_transfer SET transferred_at = now() - {back}, keep_until = (now() - {back} + interval '3 years')::date "
                             "WHERE listing_id = $1", published.listing_id)
        await purged(worker, settings)
        assert (await world.seed(transfer, published.listing_id))[0][0] == left, back


async def test_adverse_events_are_kept_ten_years_with_who_reported_them(world, worker, settings):
    buyer, reporter = await world.acquirer(), await world.intermediary()
    events = []
    for years, days in ((9, 360), (10, 2)):
        await world.overrule(
            "INSERT INTO vault.buyer_adverse_event (buyer_id, reason, occurred_on, evidence_title, evidence_hash, reported_at, retain_until) "
            f"SELECT $1, 'assets_moved', '2010-01-01', 'x', sha256('x'), t, ((t AT TIME ZONE 'Asia/Tokyo')::date + interval '10 years')::date "
            f"FROM (SELECT now() - interval '{years} years {days} days') x (t)", buyer.organisation_id)
    events = await world.seed("SELECT id, reported_at FROM vault.buyer_adverse_event WHERE buyer_id = $1 ORDER BY reported_at", buyer.organisation_id)
    for event in events:
        await world.overrule("INSERT INTO vault.adverse_event_reporter (event_id, organisation_id, member_id, statement) VALUES ($1, $2, $3, 'x')", event["id"],
                             reporter.organisation_id, reporter.member_id)
    await world.seed("INSERT INTO vault.screening_list (code, kind, title_ja, title_en, source, terms, licensed_only) "
                     "VALUES ('adverse_events', 'internal', 'x', 'x', 'x', 'x', false) ON CONFLICT DO NOTHING")
    number = 1 + (await world.seed("SELECT coalesce(max(number), 0) FROM vault.screening_list_version WHERE list_code = 'adverse_events'"))[0][0]
    await world.seed("INSERT INTO vault.screening_list_version (list_code, number, label, as_of, format, file_hash, entries, added, removed, changed) "
                     "VALUES ('adverse_events', $1, 'x', '2016-01-01', 'entries', sha256('x'), 4, 4, 0, 0)", number)
    for event in events:  # the buyer and a person of its, listed when the event was published
        for ref in (f"{event['id']}", f"{event['id']}:1"):
            await world.overrule("INSERT INTO vault.screening_list_entry (list_code, list_version, from_version, name, normalised, kind, ref, added_at) "
                                 "VALUES ('adverse_events', 'x', $1, 'Kept No Longer', 'kept', 'organisation', $2, $3)", number, ref, event["reported_at"])
    await purged(worker, settings)
    left = {row[0] for row in await world.seed("SELECT id FROM vault.buyer_adverse_event WHERE buyer_id = $1", buyer.organisation_id)}
    assert left == {events[1]["id"]}
    listed = await world.seed("SELECT ref FROM vault.screening_list_entry WHERE split_part(ref, ':', 1) = ANY($1)", [str(event["id"]) for event in events])
    assert {row["ref"].partition(":")[0] for row in listed} == {str(events[1]["id"])}, "its entries go with it, and no others"
    newest = (await world.seed("SELECT number, removed FROM vault.screening_list_version WHERE list_code = 'adverse_events' ORDER BY number DESC LIMIT 1"))[0]
    assert tuple(newest) == (number + 1, 2), "a list that lost names is another version"
    reporters = {row[0] for row in await world.seed("SELECT event_id FROM vault.adverse_event_reporter WHERE organisation_id = $1", reporter.organisation_id)}
    assert reporters == left


async def test_the_operator_reads_the_table_and_nobody_else(world, worker, capsys):
    operator, seller = await world.operator(), await world.intermediary()
    answer = await operator.get("/v1/retention")
    lines = {line["name"]: line for line in answer.json()["items"]}
    assert lines["disclosure_log"]["keep"] == "10 years" and lines["appi_transfer"]["keep"] == "3 years" and lines["adverse_event"]["keep"] == "10 years"
    assert lines["ledger"]["how"] == "kept" and lines["ledger"]["keep"] is None
    for caller in (seller, await world.acquirer(), await world.agency()):
        assert (await caller.get("/v1/retention")).status_code == 403
    assert (await world.client().get("/v1/retention")).status_code == 401
    assert await asyncio.to_thread(command.run, ["report"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in lines)
    due = await worker.fetch("SELECT * FROM ops.retention_due()")
    assert {row["class"] for row in due} <= set(lines)


async def test_every_relation_named_is_one_of_ours_or_passed_over(as_database_role):
    owner = await as_database_role("owner")
    rows = await owner.fetch("SELECT relation, to_regclass(relation) IS NOT NULL AS there FROM ops.retention_rows")
    absent = {row["relation"] for row in rows if not row["there"]}
    assert absent == set()
