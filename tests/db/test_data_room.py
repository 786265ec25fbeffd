"""Does the database refuse a folder without its causes, and hold the same tables as the program? SQL as succession_app, past every handler."""

from __future__ import annotations

import itertools
import json
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import pytest
from room_scene import opened
from sqlalchemy.exc import DBAPIError

from succession.codes import SCHEMES
from succession.database import Scope, driver
from succession.disclosure import ledger, reading_queries
from succession.disclosure.know_how import STEPS
from succession.disclosure.recipient_checks import ADEQUATE, Declared, Recipient, blocks, hints

GRANT = ("INSERT INTO vault.folder_grant (id, deal_id, listing_id, buyer_id, folder_id, documents, room_grant_id, permission_id, ledger_entry_id, "
         "granted_by, expires_at) SELECT $2, d.id, d.listing_id, d.buyer_id, $3, $4, g.id, $5, $6, $7, g.expires_at "
         "FROM vault.deal d JOIN vault.disclosure_grant g ON g.deal_id = d.id AND g.level = 'data_room' WHERE d.id = $1")


@pytest.fixture
def scoped(app):
    @asynccontextmanager
    async def open_scope(caller):
        async with app.state.databases.tx(Scope(caller.kind, caller.organisation_id, caller.member_id, None, f"member:{caller.member_id}")) as tx:
            yield tx

    return open_scope


async def refused(scoped, caller, sql, *values):
    """The constraint or SQLSTATE with which PostgreSQL refuses a statement; None if it does not."""
    try:
        async with scoped(caller) as tx:
            await (await driver(tx)).execute(sql, *values)
    except (asyncpg.PostgresError, DBAPIError) as error:
        return _name(error)
    return None


def _name(error):
    cause = error.orig.__cause__ if isinstance(error, DBAPIError) else error
    return cause.constraint_name or cause.sqlstate


async def try_release(scoped, room, folder, lying, permission, **said):
    """What the database says to a release that no command has looked at; `said`: what the ledger entry says instead."""
    grant, ids = uuid4(), [UUID(each) for each in lying]
    try:
        async with scoped(room.seller) as tx:
            entry = await ledger.append(tx, room.published.listing_id, "folder_released", UUID(room.deal),
                                        {"grant_id": grant, "folder_id": UUID(folder), "documents": ids} | said)
            await (await driver(tx)).execute(GRANT, UUID(room.deal), grant, UUID(folder), ids, UUID(permission), entry, room.seller.member_id)
    except (asyncpg.PostgresError, DBAPIError) as error:
        return _name(error)
    return None


# -- causes ------------------------------------------------------------------------------------------------------------


async def test_each_cause_of_a_release_is_asked_for(world, scoped):
    room = await opened(world)
    folder, other = await room.folder("a"), await room.folder("b")
    document, elsewhere = await room.document("a"), await room.document("b")
    permission = await room.allowed(folder)
    assert await try_release(scoped, room, other, [elsewhere], permission) == "folder_needs_permission", "of another folder"
    assert await try_release(scoped, room, folder, [elsewhere], permission) == "folder_documents"
    assert await try_release(scoped, room, folder, [document], permission, grant_id=uuid4()) == "folder_needs_entry"
    assert await try_release(scoped, room, folder, [document], permission, documents=[]) == "folder_needs_entry"
    assert await try_release(scoped, room, folder, [document], permission) is None
    assert await try_release(scoped, room, folder, [document], permission) == "folder_grant_one_live"
    assert await refused(scoped, room.seller, "UPDATE vault.folder_grant SET revoked_at = now() WHERE folder_id = $1", UUID(folder)) is None
    assert await refused(scoped, room.seller, "UPDATE vault.folder_grant SET revoked_at = NULL WHERE folder_id = $1", UUID(folder)) == "SU001"
    for column in ("documents", "expires_at"):
        assert await refused(scoped, room.seller, f"UPDATE vault.folder_grant SET {column} = NULL") == "42501", "no right to that column"
    breaks = {
        "permission taken back": ("UPDATE vault.folder_permission SET revoked_at = now() WHERE deal_id = $1", "folder_needs_permission"),
        "room closed": ("UPDATE vault.disclosure_grant SET revoked_at = now() WHERE deal_id = $1 AND level = 'data_room'", "folder_needs_room"),
        "dossier closed": ("UPDATE vault.disclosure_grant SET revoked_at = now() WHERE deal_id = $1 AND level = 'dossier'", "folder_needs_room"),
        "consent revoked": ("UPDATE vault.name_clear SET revoked_at = now() WHERE deal_id = $1", "grant_causes"),
    }
    for cause, (sql, constraint) in breaks.items():
        await world.overrule(sql, UUID(room.deal))
        assert await try_release(scoped, room, folder, [document], permission) == constraint, cause
        await world.overrule(sql.replace("now()", "NULL"), UUID(room.deal))
    assert await try_release(scoped, room, folder, [document], permission) is None


async def test_know_how_clean_team_and_hints_are_refused_in_sql_as_well(world, scoped):
    room = await opened(world, "US")
    folders = {step.code: await room.folder(step.code, know_how_step=step.code) for step in STEPS}
    folders["private"] = await room.folder("private")
    document = await room.document("private", contains_personal_data=True, appi_basis="consent")
    permission = await room.allowed(*folders.values())

    async def tried(name, *documents):
        return await try_release(scoped, room, folders[name], documents, permission)

    assert await tried("private", document) == "recipient_check_open"
    assert await tried("K0") == "competitor_undeclared"
    await room.competes(True)
    assert await tried("K1") == "know_how_order"
    assert [await tried(step) for step in ("K0", "K1", "K2")] == [None, None, None]
    assert await tried("K3") == "know_how_stage"
    await room.stage("dd", "sign_mou")
    assert await tried("K3") == "clean_team_needed"
    await room.clean_member()
    assert await tried("K3") is None
    assert await tried("K4") == "know_how_stage"


LIVE = "SELECT f.know_how_step AS step, g.revoked_by FROM vault.folder_grant g JOIN vault.folder f ON f.id = g.folder_id WHERE g.deal_id = $1 AND g.revoked_at IS "


@pytest.mark.parametrize(("taken_back", "left", "by"), [
    ("UPDATE vault.folder_grant SET revoked_at = now(), revoked_by = 'somebody', revoke_reason = 'mistake' WHERE folder_id = $1", {"K0"}, "somebody"),
    ("UPDATE vault.folder_permission SET revoked_at = now() WHERE $1 = ANY (folder_ids)", {"K0"}, "owner"),
    ("UPDATE vault.folder_grant SET revoked_at = now(), revoked_by = 'somebody', revoke_reason = 'superseded' WHERE folder_id = $1", {"K0", "K2"}, "somebody"),
])
async def test_the_database_ends_later_steps_of_the_same_buyer_by_itself(world, scoped, taken_back, left, by):
    room, other = await opened(world), await opened(world)
    for each in (room, other):
        folders = {step: await each.folder(step, know_how_step=step) for step in ("K0", "K1", "K2")}
        await each.competes(False)
        for folder in folders.values():
            await each.allowed(folder)
            assert (await each.release(folder)).status_code == 201
        if each is room:
            taken = folders["K1"]
    for caller in (room.buyer, other.seller, other.buyer):
        assert await refused(scoped, caller, taken_back, UUID(taken)) in (None, "42501")
        assert len(await world.seed(f"{LIVE} NULL", UUID(room.deal))) == 3, "nothing that is not theirs"
    await world.seed(taken_back, UUID(taken))
    assert {row["step"] for row in await world.seed(f"{LIVE} NULL", UUID(room.deal))} == left
    assert {row["revoked_by"] for row in await world.seed(f"{LIVE} NOT NULL", UUID(room.deal))} == {by}
    assert len(await world.seed(f"{LIVE} NULL", UUID(other.deal))) == 3


async def test_only_the_owner_allows_and_nobody_answers_for_the_other_side(world, scoped):
    room = await opened(world)
    folder = await room.folder("a")
    await room.seller.post(f"{room.path}/folder-permissions", {"folder_ids": [folder]})
    yes = "UPDATE vault.folder_permission SET decision = 'yes', method = 'link', decided_at = now() WHERE deal_id = $1"
    assert await refused(scoped, room.seller, yes, UUID(room.deal)) == "42501"
    assert await refused(scoped, room.buyer, yes, UUID(room.deal)) == "42501"
    assert (await world.seed("SELECT decision FROM vault.folder_permission WHERE deal_id = $1", UUID(room.deal)))[0][0] is None
    assert await refused(scoped, room.seller, "UPDATE vault.folder_permission SET shown_text_ja = 'x'") == "42501"
    _reader, entry = await room.clean_member(accepted=False)
    accept = "UPDATE vault.clean_team_member SET accepted_by = $2, accepted_by_name = 'x', accepted_at = now() WHERE id = $1"
    assert await refused(scoped, room.buyer, accept, UUID(entry), room.buyer.member_id) == "clean_team_accepted_by_seller"
    assert await refused(scoped, room.seller, accept, UUID(entry), room.buyer.member_id) == "clean_team_accepted_by_seller", "in one's own name"
    declare = ("INSERT INTO vault.competitor_declaration (deal_id, listing_id, buyer_id, competes, declared_for, words, declared_by) "
               "SELECT id, listing_id, buyer_id, false, $2, 'x', $3 FROM vault.deal WHERE id = $1")
    assert await refused(scoped, room.buyer, declare, UUID(room.deal), "seller", room.buyer.member_id) == "42501"
    confirm = ("INSERT INTO vault.recipient_confirmation (document_id, deal_id, listing_id, hints, words, confirmed_by, confirmed_by_name) "
               "SELECT $2, id, listing_id, ARRAY['export_catch_all:GB'], 'x', $3, 'x' FROM vault.deal WHERE id = $1")
    document = await room.document("a", export_control_class="list_controlled")
    true = confirm.replace("catch_all", "list_controlled")
    assert await refused(scoped, room.buyer, true, UUID(room.deal), UUID(document), room.buyer.member_id) == "42501"
    assert await refused(scoped, room.seller, true, UUID(room.deal), UUID(document), room.buyer.member_id) == "42501", "in one's own name"
    assert await refused(scoped, room.seller, confirm, UUID(room.deal), UUID(document), room.seller.member_id) == "recipient_hints_stand"


# -- reading -----------------------------------------------------------------------------------------------------------

ENDS = {
    "nothing": ("SELECT $1::uuid", True),
    "folder revoked": ("UPDATE vault.folder_grant SET revoked_at = now() WHERE deal_id = $1", False),
    "folder expired": ("UPDATE vault.folder_grant SET expires_at = now() WHERE deal_id = $1", False),
    "folder taken out": ("UPDATE vault.folder SET removed_at = now() WHERE listing_id = (SELECT listing_id FROM vault.deal WHERE id = $1)", False),
    "no ledger entry": ("DELETE FROM vault.ledger_entry WHERE deal_id = $1 AND kind = 'folder_released'", False),
    "permission revoked": ("UPDATE vault.folder_permission SET revoked_at = now() WHERE deal_id = $1", False),
    "room revoked": ("UPDATE vault.disclosure_grant SET revoked_at = now() WHERE deal_id = $1 AND level = 'data_room'", False),
    "dossier revoked": ("UPDATE vault.disclosure_grant SET revoked_at = now() WHERE deal_id = $1 AND level = 'dossier'", False),
    "NDA ended": ("UPDATE vault.nda SET ended_at = now() WHERE deal_id = $1", False),
    "buyer suspended": ("UPDATE vault.organisation SET status = 'suspended' WHERE id = (SELECT buyer_id FROM vault.deal WHERE id = $1)", False),
    "export class unknown": ("UPDATE vault.document SET export_control_class = 'unknown' WHERE listing_id = (SELECT listing_id FROM vault.deal WHERE id = $1)", None),
    "personal data unsaid": ("UPDATE vault.document SET contains_personal_data = NULL WHERE listing_id = (SELECT listing_id FROM vault.deal WHERE id = $1)", None),
    "document not in the release": ("UPDATE vault.folder_grant SET documents = '{}' WHERE deal_id = $1", None),
}  # fmt: skip


async def test_rows_of_a_folder_are_the_buyers_only_while_everything_holds(world, as_database_role):
    room = await opened(world)
    folder = await room.folder("a")
    await room.document("a")
    await room.allowed(folder)
    assert (await room.release(folder)).status_code == 201
    owner = await as_database_role("owner")
    for ending, (sql, folder_open) in ENDS.items():
        transaction = owner.transaction()
        await transaction.start()
        try:
            await owner.execute("SET LOCAL session_replication_role = replica")
            await owner.execute(sql, UUID(room.deal))
            await owner.execute("SET LOCAL session_replication_role = origin; GRANT succession_app TO CURRENT_USER WITH SET TRUE, INHERIT FALSE; "
                                "SET LOCAL ROLE succession_app")
            await owner.execute("SELECT set_config('succession.kind', 'acquirer', true), set_config('succession.organisation', $1, true), "
                                "set_config('succession.member', $2, true)", str(room.buyer.organisation_id), str(room.buyer.member_id))
            listing = room.published.listing_id
            seen = (await owner.fetchval("SELECT count(*) FROM vault.folder WHERE listing_id = $1", listing),
                    await owner.fetchval("SELECT count(*) FROM vault.document WHERE listing_id = $1", listing))
            await owner.execute("SELECT set_config('succession.room', $1, true)", str(listing))
            assert seen == (await owner.fetchval("SELECT count(*) FROM vault.folder"), await owner.fetchval("SELECT count(*) FROM vault.document")), ending
            assert seen == ((1, 1) if folder_open else (0, 0) if folder_open is False else (1, 0)), ending
            assert await owner.fetchval("SELECT vault.folder_open($1, $2)", UUID(folder), room.buyer.member_id) == (folder_open is not False), ending
        finally:
            await transaction.rollback()


async def test_nobody_else_sees_a_row_of_the_room(world, scoped):
    room = await opened(world)
    folder = await room.folder("a")
    await room.document("a")
    await room.allowed(folder)
    await room.release(folder)
    await room.competes(True)
    await room.clean_member()
    tables = ("folder", "folder_permission", "folder_grant", "competitor_declaration", "clean_team_member", "recipient_confirmation", "document")
    for other in (await world.acquirer(), await world.intermediary("bank"), await world.agency(), await world.operator()):
        async with scoped(other) as tx:
            connection = await driver(tx)
            for table in tables:
                assert await connection.fetchval(f"SELECT count(*) FROM vault.{table} WHERE listing_id = $1", room.published.listing_id) == 0, table
            assert await connection.fetchval("SELECT vault.folder_open($1, $2)", UUID(folder), room.buyer.member_id) is False


# -- the same tables twice ---------------------------------------------------------------------------------------------


async def test_steps_of_know_how_are_the_same_in_sql_and_python(as_database_role):
    owner = await as_database_role("owner")
    rows = await owner.fetch("SELECT step, stages, event, clean_team, of_competitor, view_only FROM ops.know_how_step ORDER BY position")
    assert [(row["step"], tuple(row["stages"] or ()), *list(row.values())[2:]) for row in rows] == [
        (step.code, step.stages, step.event, step.clean_team, step.of_competitor, step.view_only) for step in STEPS]


async def test_hints_are_the_same_in_sql_and_python(as_database_role):
    owner = await as_database_role("owner")
    countries = (("JP",), ("GB",), ("US",), ("JP", "DE"), ("CN", "FR"))
    cases = list(itertools.product((None, False, True), (None, "consent", "equivalent_measures", "adequate_country", "succession_domestic"),
                                   ("none", "list_controlled", "catch_all", "unknown"), countries, (None, "JP", "KR")))
    asked = [{"personal": p, "basis": b, "export": e, "countries": list(c), "parent": parent} for p, b, e, c, parent in cases]
    rows = await owner.fetch(
        "SELECT h.hints, ops.hints_block(h.hints) AS blocks FROM jsonb_array_elements($1::text::jsonb) WITH ORDINALITY AS c(said, n), "
        "LATERAL (SELECT ops.recipient_hints((said ->> 'personal')::boolean, said ->> 'basis', said ->> 'export', "
        "ARRAY(SELECT jsonb_array_elements_text(said -> 'countries')), said ->> 'parent') AS hints) h ORDER BY n", json.dumps(asked))
    for (personal, basis, export, places, parent), row in zip(cases, rows, strict=True):
        found = hints(Declared(personal, basis, export), Recipient(frozenset(places), parent))
        assert (tuple(row["hints"]), row["blocks"]) == (found, blocks(found)), (personal, basis, export, places, parent)


async def test_countries_with_an_equal_system_are_the_same_in_sql_and_in_the_table(as_database_role):
    owner = await as_database_role("owner")
    rows = await owner.fetch("SELECT c FROM unnest($1::text[]) c WHERE ops.appi_adequate(c)", list(SCHEMES["country"].codes))
    assert {row["c"] for row in rows} == ADEQUATE


# ---------------------------------------------------------------------------------------------------------------------
# A whole room is asked about once for each folder


EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + reading_queries._DOCUMENTS + " AND d.listing_id = $1"


async def listed(connection, listing, saying):
    """(documents, folders, plan) of a listing, in a transaction that says that it lists it, or not."""
    await connection.execute("SELECT set_config('succession.room', $1, true)", str(listing) if saying else "")
    documents = await connection.fetch("SELECT id FROM vault.document WHERE listing_id = $1 AND removed_at IS NULL", listing)
    folders = await connection.fetch("SELECT id FROM vault.folder WHERE listing_id = $1", listing)
    objects = await connection.fetch("SELECT document_id FROM vault.document_object WHERE listing_id = $1", listing)
    plan = json.loads(await connection.fetchval(EXPLAIN, listing))[0]["Plan"]
    return *({row[0] for row in rows} for rows in (documents, folders, objects)), plan


def nodes(plan):
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


async def test_a_list_asks_once_for_each_folder_and_shows_what_each_document_alone_would(world, as_database_role):
    """Blocks read are counted, not milliseconds: what 200 more documents cost, asked together and asked one by one."""
    room = await opened(world, "US")
    listing, connection = room.published.listing_id, await as_database_role("succession_app")
    folders = [await room.folder(name) for name in ("/a", "/b", "/closed", "/revoked")]
    first = await room.document("/a")
    unclear, _b, _closed, _revoked = [await room.document(folder, "b.txt") for folder in ("/a", "/b", "/closed", "/revoked")]
    await room.allowed(*folders)
    given = [(await room.release(folder)).json() for folder in (folders[0], folders[1], folders[3])]
    await room.seller.post(f"/v1/folder-grants/{given[2]['id']}/revocation", {"reason": "mistake"})
    late = await room.document("/b", "late.txt")
    await world.overrule("UPDATE vault.document SET export_control_class = 'unknown' WHERE id = $1", UUID(unclear))
    scope = {"kind": "acquirer", "organisation": str(room.buyer.organisation_id), "member": str(room.buyer.member_id), "listing": ""}

    async def both():
        async with connection.transaction(readonly=True):
            for name, value in scope.items():
                await connection.execute("SELECT set_config('succession.' || $1, $2, true)", name, value)
            return [await listed(connection, listing, saying) for saying in (True, False)]

    together, alone = await both()
    assert together[:3] == alone[:3] and len(together[0]) == len(together[1]) == len(together[2]) == 2
    assert UUID(first) in together[0] and not {UUID(unclear), UUID(late)} & together[0]
    before = [plan["Shared Hit Blocks"] for *_rest, plan in (together, alone)]

    await world.overrule(
        "WITH made AS (INSERT INTO vault.document (listing_id, level, folder_id, folder, title, media_type, size_bytes, content_hash, "
        "contains_personal_data, export_control_class, added_by) SELECT listing_id, level, folder_id, folder, 'copy ' || n, media_type, size_bytes, "
        "content_hash, contains_personal_data, export_control_class, added_by FROM vault.document, generate_series(1, 200) n WHERE id = $1 RETURNING id) "
        "UPDATE vault.folder_grant SET documents = documents || ARRAY(SELECT id FROM made) WHERE folder_id = $2", UUID(first), UUID(folders[0]))
    together, alone = await both()
    assert together[:3] == alone[:3] and len(together[0]) > 200
    once, by_row = ((plan["Shared Hit Blocks"] - had) / 200 for (*_rest, plan), had in zip((together, alone), before, strict=True))
    assert once < 20 < 100 < by_row, (once, by_row)
    assert all(node["Actual Loops"] <= 1 for node in nodes(together[3]) if node.get("Subplan Name", "").startswith("InitPlan"))

    # Saying so opens nothing: not to a stranger, not to who was revoked, and not another listing.
    scope["member"] = str((await world.member(room.buyer.organisation_id, "acquirer")).member_id)
    assert [found[:3] for found in await both()] == [(set(), set(), set())] * 2, "not bound by the agreement"
    scope["member"] = str(room.buyer.member_id)
    elsewhere = await world.published(room.seller)
    async with connection.transaction(readonly=True):
        for name, value in (scope | {"room": str(elsewhere.listing_id)}).items():
            await connection.execute("SELECT set_config('succession.' || $1, $2, true)", name, value)
        assert await connection.fetch("SELECT id FROM vault.document") == [] == await connection.fetch("SELECT id FROM vault.folder")
    await world.overrule("UPDATE vault.disclosure_grant SET revoked_at = now(), revoke_reason = 'misuse' WHERE deal_id = $1", UUID(room.deal))
    assert [found[:3] for found in await both()] == [(set(), set(), set())] * 2
