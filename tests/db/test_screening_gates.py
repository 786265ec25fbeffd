"""Does the database refuse what screening forbids, whatever the program forgot: fresh runs, two persons, frozen lists, ten years?

Everything here is SQL as succession_app with the right scope, past every handler.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from succession.database import Scope, driver


@pytest.fixture
def scoped(app):
    @asynccontextmanager
    async def open_scope(caller):
        async with app.state.databases.tx(Scope(caller.kind, caller.organisation_id, caller.member_id, None, f"member:{caller.member_id}")) as tx:
            yield tx

    return open_scope


async def refused(scoped, caller, sql, *values):
    """The name of the constraint, or the SQLSTATE, with which PostgreSQL refuses a statement; the number of rows if it does not."""
    try:
        async with scoped(caller) as tx:
            return int((await (await driver(tx)).execute(sql, *values)).rpartition(" ")[2])
    except (asyncpg.PostgresError, DBAPIError) as error:
        cause = error.orig.__cause__ if isinstance(error, DBAPIError) else error
        return cause.constraint_name or cause.sqlstate


NDA = ("INSERT INTO vault.nda (deal_id, listing_id, buyer_id, screening_id, form, template_version, text_ja, text_en, text_hash, term_months, "
       "offered_by) SELECT d.id, d.listing_id, d.buyer_id, vault.screened(d.id), 'one_way', 'x', 'a', 'b', sha256(convert_to(E'a\\n\\n\\nb', 'UTF8')), "
       "12, $2 FROM vault.deal d WHERE d.id = $1")
DECIDE = ("INSERT INTO vault.screening (deal_id, listing_id, buyer_id, run_id, lists, candidates, decision, words_for_owner, words_for_owner_en, "
          "decided_by, expires_at) SELECT d.id, d.listing_id, d.buyer_id, $2, '[]', $4::text::jsonb, 'cleared', 'x', 'x', $3, now() + interval '1 month' "
          "FROM vault.deal d WHERE d.id = $1")
EVENT = ("INSERT INTO vault.deal_event (deal_id, seq, from_stage, action, to_stage, actor_kind, evidence) VALUES ($1, 90, $2, $3, $4, 'intermediary', '{}')")


async def screened(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.requested(published, buyer)
    await world._done(published.seller.post(f"/v1/disclosure-requests/{deal}/screening", {"decision": "cleared"}))
    return published.seller, buyer, UUID(deal)


async def test_nda_memorandum_and_closing_need_a_fresh_run(world, scoped):
    seller, _buyer, deal = await screened(world)
    await world.overrule("UPDATE vault.screening_run SET ran_at = now() - interval '31 days' WHERE deal_id = $1", deal)
    assert await refused(scoped, seller, NDA, deal, seller.member_id) == "screening_fresh"
    for start, action, end in (("loi", "sign_mou", "mou"), ("definitive", "close_deal", "closing")):
        assert await refused(scoped, seller, EVENT, deal, start, action, end) == "screening_fresh"
    await world.overrule("UPDATE vault.screening_run SET ran_at = now() WHERE deal_id = $1", deal)
    assert await refused(scoped, seller, EVENT, deal, "loi", "sign_mou", "mou") == 1
    assert await refused(scoped, seller, NDA, deal, seller.member_id) == 1


async def test_a_list_nobody_consulted_yet_keeps_the_step_shut(world, scoped):
    seller, _buyer, deal = await screened(world)
    operator = await world.operator()
    code = await world.list_of_names(operator, {"name": "A Stranger", "kind": "person"})
    assert await refused(scoped, seller, NDA, deal, seller.member_id) == "screening_fresh"
    await world.retire(code)
    assert await refused(scoped, seller, NDA, deal, seller.member_id) == 1


async def test_a_decision_rests_on_a_run_of_its_own_and_says_what_it_found(world, scoped):
    seller, _buyer, deal = await screened(world)
    other = await screened(world)
    run = (await world.seed("SELECT id FROM vault.screening_run WHERE deal_id = $1", deal))[0]["id"]
    foreign = (await world.seed("SELECT id FROM vault.screening_run WHERE deal_id = $1", other[2]))[0]["id"]
    for wrong in (None, uuid4(), foreign):
        assert await refused(scoped, seller, DECIDE, deal, wrong, seller.member_id, "[]") == "screening_needs_run"
    assert await refused(scoped, seller, DECIDE, deal, run, seller.member_id, '[{"hidden": 1}]') == "screening_needs_run"
    assert await refused(scoped, seller, DECIDE, deal, run, seller.member_id, "[]") == 1


async def waiting(world):
    """A proposal that waits, as the database holds it."""
    operator = await world.operator()
    code = await world.list_of_names(operator, {"name": "Grauwald Werke", "kind": "organisation"})
    published, buyer = await world.published(), await world.acquirer(legal_name="Grauwald Werke AG")
    path = f"/v1/disclosure-requests/{await world.requested(published, buyer)}"
    read = (await published.seller.get(f"{path}/screening")).json()["findings"]["fingerprint"]
    await world._done(published.seller.post(f"{path}/screening", {"decision": "cleared", "findings_read": read, "explanation": "No"}))
    second = await world.member(published.seller.organisation_id, "intermediary")
    await world.retire(code)
    return published.seller, second, buyer, operator, UUID(path[-36:])


CONFIRM = "UPDATE vault.screening SET confirmed_by = $2, confirmed_at = '2020-01-01' WHERE deal_id = $1"


async def test_a_second_person_confirms_in_their_own_name_once_and_changes_nothing_else(world, scoped):
    seller, second, buyer, operator, deal = await waiting(world)
    assert await refused(scoped, seller, CONFIRM, deal, seller.member_id) == "screening_second_confirmation"
    assert await refused(scoped, second, CONFIRM, deal, seller.member_id) in ("SU001", "42501")
    assert await refused(scoped, seller, CONFIRM, deal, second.member_id) in ("SU001", "42501")
    for stranger in (buyer, operator, await world.intermediary("bank")):
        assert await refused(scoped, stranger, CONFIRM, deal, stranger.member_id) == 0
    for change in ("decision = 'refused'", "candidates = '[]'", "expires_at = '2099-01-01'", "explanation = 'x'"):
        assert await refused(scoped, second, f"UPDATE vault.screening SET {change} WHERE deal_id = $1", deal) == "42501"
    assert await refused(scoped, second, "UPDATE vault.screening SET words_for_owner = 'safe' WHERE deal_id = $1", deal) == "SU001"
    assert await refused(scoped, second, CONFIRM, deal, second.member_id) == 1
    row = (await world.seed("SELECT confirmed_at > now() - interval '1 minute' AS now FROM vault.screening WHERE deal_id = $1", deal))[0]
    assert row["now"], "the database reads the clock"
    assert await refused(scoped, second, CONFIRM, deal, second.member_id) == "SU001"


async def test_what_waits_is_no_screening(world, scoped):
    seller, second, _buyer, _operator, deal = await waiting(world)
    async with scoped(seller) as tx:
        assert await (await driver(tx)).fetchval("SELECT vault.screened($1)", deal) is None
    assert await refused(scoped, second, CONFIRM, deal, second.member_id) == 1
    async with scoped(seller) as tx:
        assert await (await driver(tx)).fetchval("SELECT vault.screened($1)", deal) is not None


async def test_runs_alerts_and_versions_are_only_added_to(world, scoped):
    seller, _buyer, deal = await screened(world)
    operator = await world.operator()
    code = await world.list_of_names(operator, {"name": "A Stranger", "kind": "person"})
    for table, column in (("screening_run", "parties"), ("screening_alert", "suspends"), ("screening_list_version", "entries")):
        for caller in (seller, operator):
            assert await refused(scoped, caller, f"UPDATE vault.{table} SET {column} = {column}") == "42501"
            assert await refused(scoped, caller, f"DELETE FROM vault.{table}") == "42501"
    rewrite = "UPDATE vault.screening_list_entry SET {} WHERE list_code = $1"
    assert await refused(scoped, operator, rewrite.format("name = 'x'"), code) == "42501"
    assert await refused(scoped, operator, rewrite.format("removed_at = now(), until_version = 2"), code) == 1
    assert await refused(scoped, operator, rewrite.format("removed_at = NULL, until_version = NULL"), code) == "SU001"
    forged = ("INSERT INTO vault.screening_list_version (list_code, number, label, as_of, format, file_hash, entries, added, removed, changed, imported_by) "
              "VALUES ($1, 2, 'x', '2026-01-01', 'csv', sha256('x'), 0, 0, 0, 0, $2)")
    assert await refused(scoped, operator, forged, code, seller.member_id) == "42501"
    assert await refused(scoped, seller, forged, code, seller.member_id) == "42501"
    await world.retire(code)


# -- adverse events ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def event(world):
    published, buyer = await world.published(), await world.acquirer()
    await world.requested(published, buyer)
    answer = await published.seller.post("/v1/adverse-events", {
        "buyer_id": str(buyer.organisation_id), "reason": "assets_moved", "occurred_on": "2026-01-05", "statement": "x", "evidence_title": "x",
        "evidence_hash": "ab" * 32})
    return published.seller, buyer, await world.operator(), UUID(answer.json()["id"])


NOTIFY = "UPDATE vault.buyer_adverse_event SET notice = 'x', notified_by = $2, notified_at = now(), objection_until = ops.today() + 14 WHERE id = $1"
PROPOSE = "UPDATE vault.buyer_adverse_event SET decision = 'published', decision_words = 'x', proposed_by = $2, proposed_at = now() WHERE id = $1"
AGREE = "UPDATE vault.buyer_adverse_event SET confirmed_by = $2, confirmed_at = now() WHERE id = $1"
OBJECT = "UPDATE vault.buyer_adverse_event SET objection = 'x', objected_by = $2, objected_at = now() WHERE id = $1"


async def test_an_adverse_event_goes_its_road_step_by_step(world, scoped, event):
    seller, buyer, operator, which = event
    second = await world.member(operator.organisation_id, "operator")
    assert await refused(scoped, operator, PROPOSE, which, operator.member_id) == "adverse_event_road"
    assert await refused(scoped, operator, AGREE, which, operator.member_id) in ("adverse_event_road", "adverse_event_confirmed")
    assert await refused(scoped, operator, NOTIFY.replace("+ 14", "+ 13"), which, operator.member_id) == "adverse_event_period"
    assert await refused(scoped, buyer, OBJECT, which, buyer.member_id) == 0, "not told yet"
    assert await refused(scoped, operator, NOTIFY, which, operator.member_id) == 1
    assert await refused(scoped, operator, OBJECT, which, operator.member_id) == "adverse_event_road"
    for step in (NOTIFY, PROPOSE, AGREE):
        assert await refused(scoped, buyer, step, which, buyer.member_id) in ("adverse_event_road", "42501")
        assert await refused(scoped, seller, step, which, seller.member_id) == 0
    assert await refused(scoped, operator, PROPOSE, which, operator.member_id) == "adverse_event_road", "its time is not over"
    assert await refused(scoped, buyer, OBJECT, which, buyer.member_id) == 1
    assert await refused(scoped, buyer, OBJECT, which, buyer.member_id) == "adverse_event_road"
    assert await refused(scoped, operator, PROPOSE, which, second.member_id) == "adverse_event_road", "in one's own name"
    assert await refused(scoped, operator, PROPOSE, which, operator.member_id) == 1
    assert await refused(scoped, operator, AGREE, which, operator.member_id) == "adverse_event_second_confirmation"
    assert await refused(scoped, second, AGREE, which, second.member_id) == 1
    for step, caller in ((NOTIFY, operator), (OBJECT, buyer), (PROPOSE, operator), (AGREE, operator)):
        assert await refused(scoped, caller, step, which, caller.member_id) == "SU001"
    for change in ("reason = 'false_statement'", "evidence_hash = sha256('y')", "retain_until = ops.today()", "buyer_id = NULL"):
        assert await refused(scoped, operator, f"UPDATE vault.buyer_adverse_event SET {change} WHERE id = $1", which) == "42501"


async def test_a_buyer_reads_neither_the_reporter_nor_what_it_was_not_told(world, scoped, event):
    seller, buyer, operator, which = event
    for table, column in (("buyer_adverse_event", "id"), ("adverse_event_reporter", "event_id")):
        seen = {}
        for caller in (seller, buyer, operator, await world.intermediary("bank"), await world.agency()):
            async with scoped(caller) as tx:
                seen[caller.organisation_id] = await (await driver(tx)).fetchval(f"SELECT count(*) FROM vault.{table} WHERE {column} = $1", which)
        assert [count for count in seen.values()] == [1, 0, 1, 0, 0], table
    await refused(scoped, operator, NOTIFY, which, operator.member_id)
    async with scoped(buyer) as tx:
        connection = await driver(tx)
        assert await connection.fetchval("SELECT count(*) FROM vault.buyer_adverse_event WHERE id = $1", which) == 1
        assert await connection.fetchval("SELECT count(*) FROM vault.adverse_event_reporter WHERE event_id = $1", which) == 0


async def test_it_is_kept_for_ten_years_and_nobody_deletes_it_before(world, scoped, event, as_database_role):
    _seller, _buyer, operator, which = event
    kept = (await world.seed("SELECT retain_until >= ops.today() + 3652 AS ten FROM vault.buyer_adverse_event WHERE id = $1", which))[0]
    assert kept["ten"]
    assert await refused(scoped, operator, "DELETE FROM vault.buyer_adverse_event WHERE id = $1", which) == "42501"
    owner = await as_database_role("owner")
    with pytest.raises(asyncpg.PostgresError) as short:
        await owner.execute("INSERT INTO vault.buyer_adverse_event (buyer_id, reason, occurred_on, evidence_title, evidence_hash, retain_until) "
                            "SELECT buyer_id, reason, occurred_on, evidence_title, evidence_hash, ops.today() + 3000 FROM vault.buyer_adverse_event WHERE id = $1 "
                            "UNION ALL SELECT $2, 'assets_moved', '2026-01-05', 'x', sha256('x'), ops.today() + 3000 LIMIT 1", which, operator.organisation_id)
    assert short.value.constraint_name == "adverse_event_retention" or short.value.sqlstate == "42501"
    worker = await as_database_role("succession_worker")
    await worker.fetchval("SELECT ops.purge('adverse_event', 500)")
    assert len(await world.seed("SELECT 1 FROM vault.buyer_adverse_event WHERE id = $1", which)) == 1
    await world.overrule("UPDATE vault.buyer_adverse_event SET reported_at = now() - interval '11 years' WHERE id = $1", which)
    await worker.fetchval("SELECT ops.purge('adverse_event', 500)")
    assert len(await world.seed("SELECT 1 FROM vault.buyer_adverse_event WHERE id = $1", which)) == 1, "its own day counts as well"
    await world.overrule("UPDATE vault.buyer_adverse_event SET reported_at = now() - interval '11 years', retain_until = ops.today() - 1 WHERE id = $1", which)
    assert await worker.fetchval("SELECT ops.purge('adverse_event', 500)") >= 1
    assert await world.seed("SELECT 1 FROM vault.adverse_event_reporter WHERE event_id = $1", which) == []


async def test_the_worker_reads_names_only_through_what_it_needs(as_database_role):
    worker = await as_database_role("succession_worker")
    for table in ("organisation_officer", "organisation_name", "beneficial_owner", "list_licence", "buyer_adverse_event", "adverse_event_reporter"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await worker.fetch(f"SELECT * FROM vault.{table}")
