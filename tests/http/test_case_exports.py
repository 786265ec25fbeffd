"""Does who holds a listing, and nobody else, get a case file of it that is whole, on record, and says nothing that may not be told there?"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError
from world import ORIGIN, World

from succession import keys
from succession.commands import ledger_case
from succession.config import as_role
from succession.database import Scope, driver
from succession.disclosure import case_exports
from succession.disclosure.case_check import Case, members, verify_case
from succession.disclosure.case_exports import CaseContent, make_case_file, open_case_file
from succession.disclosure.ledger_check import check_ledgers
from succession.disclosure.viewing import AccessEnded
from succession.errors import Problem
from succession.retention import purge
from succession.worker import open_worker_pool

NOT_TOLD = {"letters.jsonl", "owner_links.jsonl", "approval_answers.jsonl", "consent_answers.jsonl"}


@pytest.fixture(scope="module")
async def scene(app, database_url):
    """(world, a listing with two deals whose dossiers were read, the deals, their buyers, the administrator who holds it, in a browser)."""
    world = World(app, database_url)
    published = await world.published()
    buyers = [await world.acquirer(legal_name=name) for name in ("Fictitious Reader GmbH", "Fictitious Rival SA")]
    deals = [await world.released(published, each) for each in buyers]
    for buyer, deal in zip(buyers, deals, strict=True):
        assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 200
    yield world, published, deals, buyers, await world.signed_in(published.seller)
    await world.close()


async def asked(admin, listing, deal=None):
    answer = await admin.post(f"/v1/listings/{listing}/case-files", {"deal_id": deal} if deal else {})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def taken(world, admin, listing, deal=None):
    """(view, bytes) of a file that was asked for and made."""
    made = await asked(admin, listing, deal)
    assert made["state"] == "asked" and (await admin.get(f"/v1/case-files/{made['id']}/content")).status_code == 404
    await world.deliver()
    view = (await admin.get(f"/v1/case-files/{made['id']}")).json()
    answer = await admin.get(f"/v1/case-files/{made['id']}/content")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip" and answer.headers["content-disposition"].startswith("attachment")
    assert int(answer.headers["content-length"]) == len(answer.content) == view["size_bytes"]
    return view, answer.content


async def test_who_holds_the_listing_takes_a_file_that_holds_and_is_entered_with_its_hash(scene, settings):
    world, published, deals, _buyers, admin = scene
    view, raw = await taken(world, admin, published.listing_id)
    found = verify_case(raw, keys.checkpoint_key(settings).public_key().public_bytes_raw())
    assert isinstance(found, Case) and found.opened > 10 and found.withheld == 0, found
    assert view["state"] == "ready" and view["content_hash"] == hashlib.sha256(raw).hexdigest()
    last = (await published.seller.every(f"/v1/listings/{published.listing_id}/ledger"))[-1]
    body = json.loads(last["body"])
    assert (last["kind"], body["content_hash"], body["case_file_id"], body["deal_id"]) == ("case_exported", view["content_hash"], view["id"], None)
    assert body["actor"] == {"kind": "intermediary", "member_id": str(admin.member_id), "organisation_id": str(admin.organisation_id)}
    audited = [row["action"] for row in await world.seed("SELECT action FROM vault.audit_event WHERE object_id = ANY($1) ORDER BY id",
                                                         [view["id"], str(published.listing_id)])]
    assert audited[-2:] == ["ask_case_file", "take_case_file"]
    assert [each["id"] for each in (await admin.get(f"/v1/listings/{published.listing_id}/case-files")).json()["items"]][0] == view["id"]
    again, other = await taken(world, admin, published.listing_id)
    assert again["id"] != view["id"] and isinstance(verify_case(other), Case), "the entry of the last one is in it"
    assert b"case_exported" in members(other)["ledger.jsonl"]
    owner = await asyncpg.connect(world.database_url)
    try:
        await owner.execute("SET ROLE succession_seeder")
        assert (await check_ledgers(owner, published.listing_id, None, settings)).breaks == [], "as canonical as an entry of the program's own"
    finally:
        await owner.close()


async def test_the_file_of_one_deal_withholds_the_other_buyers(scene):
    world, published, deals, buyers, admin = scene
    view, raw = await taken(world, admin, published.listing_id, deals[0])
    found = verify_case(raw)
    assert isinstance(found, Case) and found.withheld > 5 and view["deal_id"] == deals[0]
    assert b"Fictitious Rival SA" not in raw and b"Fictitious Reader GmbH" in raw and deals[1].encode() not in raw


async def test_it_says_nothing_that_its_reader_may_not_read_and_not_who_answered_what(scene, app, database_url):
    world, published, deals, _buyers, admin = scene
    _view, raw = await taken(world, admin, published.listing_id)
    files = members(raw)
    assert NOT_TOLD.isdisjoint(files)
    answers = await world.seed("SELECT id, code_id, owner_link_id FROM vault.name_clear_answer WHERE listing_id = $1", published.listing_id)
    assert len(answers) == 2 and not [each for row in answers for each in (row["code_id"], row["owner_link_id"]) if each and str(each).encode() in raw]
    openings = [json.loads(line) for line in files["openings.jsonl"].splitlines()]
    withheld = {each["subject"] for each in openings if "withheld" in each}
    assert withheld == {"answer_hash"} and not [each for each in openings if each["subject"] == "answer_hash" and "value" in each]
    parts = await world.seed("SELECT part, relation, without, belongs, sorted FROM ops.case_part WHERE told AND relation LIKE 'vault.%'")
    assert len(parts) > 25
    scope = Scope(admin.kind, admin.organisation_id, admin.member_id, None, f"member:{admin.member_id}")
    async with app.state.databases.read(scope) as connection:
        for part in parts:
            rows = await connection.fetch(
                f"SELECT (to_jsonb(t) - $3::text[])::text FROM {part['relation']} t WHERE {part['belongs']} ORDER BY {part['sorted']}",
                published.listing_id, None, part["without"])
            allowed = {json.dumps(json.loads(row[0]), sort_keys=True) for row in rows}
            said = {json.dumps(json.loads(line), sort_keys=True) for line in files[f"{part['part']}.jsonl"].splitlines()}
            assert {_untimed(each) for each in said} == {_untimed(each) for each in allowed}, part["part"]


def _untimed(line):
    """Times are told in the zone of whoever asks."""
    def plain(value):
        if isinstance(value, dict):
            return {name: plain(each) for name, each in value.items()}
        if isinstance(value, list):
            return [plain(each) for each in value]
        try:
            return datetime.fromisoformat(value).astimezone(UTC).isoformat() if isinstance(value, str) and "T" in value else value
        except ValueError:
            return value
    return json.dumps(plain(json.loads(line)), sort_keys=True)


# ---------------------------------------------------------------------------------------------------------------------
# Nobody else

TABLES = ("case_file", "case_frame", "ledger_entry", "subject_key", "audit_event")


async def state(world):
    rows = [(await world.seed(f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM vault.{table} t"))[0][0] for table in TABLES]
    return rows, (await world.seed("SELECT count(*) FROM ops.outbox"))[0][0]


async def test_nobody_but_an_administrator_of_who_holds_it_takes_one_or_learns_of_one(scene):
    world, published, deals, buyers, admin = scene
    view, _raw = await taken(world, admin, published.listing_id)
    steps = [("POST", f"/v1/listings/{published.listing_id}/case-files", {}), ("POST", f"/v1/listings/{published.listing_id}/case-files", {"deal_id": deals[0]}),
             ("GET", f"/v1/listings/{published.listing_id}/case-files", None), ("GET", f"/v1/case-files/{view['id']}", None),
             ("GET", f"/v1/case-files/{view['id']}/content", None)]
    rival = await world.signed_in(await world.intermediary())
    await rival.confirm()
    outsiders = [(await world.signed_in(await world.operator()), 403), (await world.signed_in(await world.agency()), 403),
                 *[(await world.signed_in(buyer), 403) for buyer in buyers], (await world.signed_in(await world.acquirer()), 403), (rival, 404),
                 (published.seller, 403), (rival_key := await world.intermediary(), 403)]
    before = await state(world)
    for method, path, body in steps:
        assert (await world.client().request(method, path, json=body, headers={"Origin": ORIGIN})).status_code == 401, (method, path)
        for caller, status in outsiders:
            answer = await caller.client.request(method, path, json=body)
            assert answer.status_code == status, (method, path, caller.kind, answer.text)
            assert view["content_hash"] not in answer.text and published.legal_name not in answer.text
        missing = await rival.client.request(method, path.replace(str(published.listing_id), str(uuid4())).replace(view["id"], str(uuid4())), json=body)
        assert missing.json()["code"] == "not_found", "as where there is nothing"
    assert await state(world) == before and rival_key.organisation_id != published.seller.organisation_id


async def test_a_member_reads_of_it_and_only_an_administrator_takes_it_with_a_code_of_this_moment(scene):
    world, published, _deals, _buyers, admin = scene
    view, _raw = await taken(world, admin, published.listing_id)
    colleague = await world.signed_in(await world.member(published.seller.organisation_id, "intermediary"))
    second = await world.signed_in(await world.member(published.seller.organisation_id, "intermediary", role="admin"))
    await colleague.confirm()
    before = await state(world)
    assert (await colleague.get(f"/v1/case-files/{view['id']}")).json()["id"] == view["id"]
    take, ask = f"/v1/case-files/{view['id']}/content", f"/v1/listings/{published.listing_id}/case-files"
    for caller, code in ((colleague, "forbidden"), (second, "second_factor_needed")):
        assert [(await caller.client.get(take)).json()["code"], (await caller.client.post(ask, json={})).json()["code"]] == [code, code]
    assert (await state(world))[0][:4] == before[0][:4]
    await second.confirm()
    assert (await second.get(take)).status_code == 200


async def refused(app, caller, sql, *values):
    try:
        async with app.state.databases.tx(Scope(caller.kind, caller.organisation_id, caller.member_id, None, f"member:{caller.member_id}")) as tx:
            await (await driver(tx)).execute(sql, *values)
    except (asyncpg.PostgresError, DBAPIError) as error:
        cause = error.orig.__cause__ if isinstance(error, DBAPIError) else error
        return getattr(cause, "constraint_name", None) or cause.sqlstate
    return None


async def test_the_database_asks_again_whose_it_is_and_for_the_code(scene, app):
    world, published, deals, buyers, admin = scene
    await admin.confirm()
    other = await world.published()
    (key,) = await world.seed("SELECT id FROM vault.subject_key WHERE kind = 'listing' AND subject_id = $1 AND erased_at IS NULL", published.listing_id)
    insert = "INSERT INTO vault.case_file (listing_id, deal_id, key_id, asked_by) VALUES ($1, $2, $3, $4)"
    colleague = await world.member(published.seller.organisation_id, "intermediary", role="admin")
    whole = (published.listing_id, None, key["id"])
    assert await refused(app, colleague, insert, *whole, colleague.member_id) == "second_factor_needed"
    assert await refused(app, colleague, insert, *whole, admin.member_id) in ("42501", "second_factor_needed"), "in somebody else's name"
    for stranger in (buyers[0], other.seller, await world.operator()):
        assert await refused(app, stranger, insert, *whole, stranger.member_id) in ("42501", "second_factor_needed")
    elsewhere = await world.requested(other, await world.acquirer())
    assert await refused(app, admin, insert, published.listing_id, UUID(elsewhere), key["id"], admin.member_id) == "case_file_causes"
    assert await refused(app, admin, "UPDATE vault.case_file SET made_at = now()") == "42501"
    assert (await admin.post(f"/v1/listings/{published.listing_id}/case-files", {"deal_id": elsewhere})).json()["code"] == "not_found"


async def test_the_worker_reads_what_is_due_alone_and_nothing_back(scene, app, database_url):
    world, published, _deals, _buyers, admin = scene
    view, _raw = await taken(world, admin, published.listing_id)
    worker = await asyncpg.connect(as_role(database_url, "succession_worker"))
    try:
        for wanted in (UUID(view["id"]), uuid4(), published.listing_id):
            assert await worker.fetch("SELECT * FROM vault.case_to_make($1)", wanted) == []
        for sql in ("SELECT sealed FROM vault.case_frame", "SELECT listing_id FROM vault.case_file", "SELECT * FROM vault.case_lines($1, NULL, true)",
                    "SELECT * FROM vault.proof_at(1, 'listing', $1)", "DELETE FROM vault.case_file", "UPDATE vault.case_file SET listing_id = $1"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await worker.execute(sql, *([published.listing_id] if "$1" in sql else []))
        with pytest.raises(asyncpg.PostgresError, match="made once"):
            await worker.execute("UPDATE vault.case_file SET content_hash = sha256('x') WHERE id = $1", UUID(view["id"]))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await worker.execute("INSERT INTO vault.case_frame VALUES ($1, 99, 'x')", UUID(view["id"]))
        waits = await asked(admin, published.listing_id)
        assert (await worker.fetch("SELECT part FROM vault.case_to_make($1)", UUID(waits["id"])))[0]["part"] == "asked"
        await world.overrule("UPDATE vault.case_file SET asked_at = now() - interval '25 hours' WHERE id = $1", UUID(waits["id"]))
        assert await worker.fetch("SELECT part FROM vault.case_to_make($1)", UUID(waits["id"])) == [], "what was not made in a day is not made"
    finally:
        await worker.close()
        await world.overrule("DELETE FROM vault.case_file WHERE id = $1", UUID(waits["id"]))


# ---------------------------------------------------------------------------------------------------------------------
# How often, how large, for how long


async def test_the_same_file_is_asked_for_once_at_a_time_and_so_often_a_day(scene, monkeypatch):
    world, published, deals, _buyers, admin = scene
    made = await asked(admin, published.listing_id)
    path = f"/v1/listings/{published.listing_id}/case-files"
    assert (await admin.post(path)).json()["code"] == "conflict"
    await asked(admin, published.listing_id, deals[0])
    await world.deliver()
    monkeypatch.setattr("succession.disclosure.case_routes.ASKED_A_DAY", 1)
    monkeypatch.setattr("succession.disclosure.case_routes.TAKEN_AN_HOUR", 1)
    assert (await admin.post(path)).json()["code"] == "rate_limited"
    await admin.get(f"/v1/case-files/{made['id']}/content")
    assert (await admin.get(f"/v1/case-files/{made['id']}/content")).json()["code"] == "rate_limited"
    keyed = {"Idempotency-Key": str(uuid4())}
    monkeypatch.undo()
    await world.app.state.redis.delete(f"throttle:case-files:{admin.organisation_id}", f"throttle:case-takes:{admin.member_id}")
    both = [await admin.post(path, headers=keyed) for _ in range(2)]
    assert both[0].json() == both[1].json() and both[1].headers["Idempotency-Replayed"] == "true"
    await world.deliver()


async def test_one_that_is_too_large_says_so(scene, monkeypatch):
    world, published, _deals, _buyers, admin = scene
    monkeypatch.setattr(case_exports, "MOST_BYTES", 1000)
    made = await asked(admin, published.listing_id)
    await world.deliver()
    assert (await admin.get(f"/v1/case-files/{made['id']}")).json()["state"] == "too_large"
    assert (await admin.get(f"/v1/case-files/{made['id']}/content")).status_code == 404
    assert await world.seed("SELECT 1 FROM vault.case_frame WHERE case_file_id = $1", UUID(made["id"])) == []


async def test_whoever_leaves_in_the_middle_gets_no_further(scene, app, monkeypatch):
    world, published, _deals, _buyers, admin = scene
    monkeypatch.setattr(case_exports, "FRAME_BYTES", 4096)
    monkeypatch.setattr(case_exports, "frames_of", lambda size: -(-size // 4096))
    leaver = await world.signed_in(await world.member(published.seller.organisation_id, "intermediary", role="admin"))
    await leaver.confirm()
    view, raw = await taken(world, leaver, published.listing_id)
    assert isinstance(verify_case(raw), Case) and len(raw) > 3 * 4096
    actor = _actor(leaver)
    content = await open_case_file(app.state.databases, actor, UUID(view["id"]))
    assert isinstance(content, CaseContent)
    pieces = content.frames()
    assert len(await anext(pieces)) == 4096
    await world.seed("UPDATE vault.member SET status = 'left' WHERE id = $1", leaver.member_id)
    with pytest.raises(AccessEnded):
        await anext(pieces)
    with pytest.raises(Problem, match="not_found"):
        await open_case_file(app.state.databases, actor, UUID(view["id"]))


def _actor(caller):
    from succession.actor import Actor

    return Actor(caller.kind, caller.organisation_id, caller.member_id, role="admin", verified=True)


async def test_a_file_goes_after_a_week_and_with_whom_its_ledger_knew(scene, settings):
    world, published, _deals, buyers, admin = scene
    kept, gone = (await taken(world, admin, published.listing_id))[0], (await taken(world, admin, published.listing_id))[0]
    await world.overrule("UPDATE vault.case_file SET asked_at = now() - interval '7 days 1 minute' WHERE id = $1", UUID(gone["id"]))
    async with await open_worker_pool(settings) as pool, pool.acquire() as connection, connection.transaction():
        assert (await purge(connection, settings))["case_file"] >= 1
    assert (await admin.get(f"/v1/case-files/{gone['id']}")).status_code == 404 and (await admin.get(f"/v1/case-files/{kept['id']}")).status_code == 200
    entered = await published.seller.every(f"/v1/listings/{published.listing_id}/ledger")
    assert gone["content_hash"] in "".join(entry["body"] for entry in entered), "that it was taken stays"
    other = await world.published()
    await world.released(other, await world.acquirer())
    holder = await world.signed_in(other.seller)
    elsewhere = (await taken(world, holder, other.listing_id))[0]
    operator = await world.operator()
    second = await world.member(operator.organisation_id, "operator")
    await world.seed("UPDATE vault.subject_key SET erased_at = now(), wrapped = NULL, erased_by = $2, erased_with = $3, erased_reason = 'claim' "
                     "WHERE kind = 'member' AND subject_id = $1", buyers[0].member_id, operator.member_id, second.member_id)
    assert (await admin.get(f"/v1/case-files/{kept['id']}")).status_code == 404
    assert (await holder.get(f"/v1/case-files/{elsewhere['id']}")).status_code == 200
    assert await world.seed("SELECT 1 FROM vault.case_frame WHERE case_file_id = $1", UUID(kept["id"])) == []


async def test_the_command_still_has_everything(scene, database_url, tmp_path):
    world, published, _deals, _buyers, _admin = scene
    from argparse import Namespace

    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("SET ROLE succession_seeder")
        target = tmp_path / "case.zip"
        assert await ledger_case.export(connection, world.app.state.settings, Namespace(listing=published.listing_id, deal=None, to=target)) == 0
    finally:
        await connection.close()
    assert set(members(target.read_bytes())) >= NOT_TOLD


async def test_a_second_worker_makes_nothing_twice(scene, settings):
    world, published, _deals, _buyers, admin = scene
    view, _raw = await taken(world, admin, published.listing_id)
    async with await open_worker_pool(settings) as pool, pool.acquire() as connection:
        await make_case_file(connection, settings, 1, {"case_file": view["id"]})
    assert (await admin.get(f"/v1/case-files/{view['id']}")).json() == view
