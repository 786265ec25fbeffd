"""Is everything that is shown of a listing written down, whoever shows it, and who may read those rows?"""

from __future__ import annotations

import json
from uuid import UUID

import asyncpg
import pytest

from desk_scene import listed
from market_world import approved, batch, entered, mandated, profile_of_member, put_in_force, queued
from succession.database import Scope


async def rows_of(world, listing_id: UUID) -> list[dict]:
    found = await world.seed("SELECT channel, audiences, organisation_id, cell_id, facts::text AS facts, identifies, ref, in_force "
                             "FROM vault.exposure WHERE listing_id = $1 ORDER BY id", listing_id)
    return [dict(row) | {"facts": json.loads(row["facts"])} for row in found]


def direct(rows: list[dict], channel: str) -> set:
    return {(row["organisation_id"], tuple(row["facts"].items()), row["identifies"]) for row in rows if row["channel"] == channel}


# --- every channel writes ---------------------------------------------------------------------------------------------


async def test_a_batch_exposes_a_teaser_to_its_audiences_once_and_a_queue_shows_nothing(world, settings):
    book = await put_in_force(world)
    center = await world.intermediary("center")
    raw = profile_of_member(3)
    listing_id = await entered(center, raw)
    await mandated(world, listing_id, center.member_id)
    ref = await queued(world, listing_id, await approved(world, listing_id, raw, "verified_buyers", "agency_desk"))
    assert await rows_of(world, listing_id) == []
    await batch(world, settings)
    (row,) = await rows_of(world, listing_id)
    assert (row["channel"], row["audiences"], row["ref"], row["in_force"]) == ("publication", 6, ref, book.version)
    assert row["cell_id"] and row["facts"] == {} and not row["identifies"]
    assert (await center.delete(f"/v1/listings/{listing_id}/publication")).status_code == 204
    assert await rows_of(world, listing_id) == [row], "coming down shows nothing new, and takes nothing back"


async def test_an_offered_nda_exposes_the_name_of_the_intermediary_to_the_buyer(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.requested(published, buyer)
    assert direct(await rows_of(world, published.listing_id), "nda") == set()
    await published.seller.post(f"/v1/disclosure-requests/{deal}/screening", {"decision": "cleared"})
    offered = await published.seller.post(f"/v1/disclosure-requests/{deal}/nda", {"form": "one_way", "term_months": 24})
    assert offered.status_code == 201, offered.text
    assert direct(await rows_of(world, published.listing_id), "nda") == {(buyer.organisation_id, (("place", "JP-13"),), False)}


async def test_and_to_whoever_represents_the_buyer(world):
    published, buyer, bank = await world.published(audiences=8), await world.acquirer(), await world.intermediary("bank")
    await world.seed("INSERT INTO vault.representation (intermediary_id, acquirer_id, document_hash, from_date, until_date, recorded_by, "
                     "confirmed_by, confirmed_at) VALUES ($1, $2, $3, '2026-01-01', '2099-01-01', $4, $5, now())",
                     bank.organisation_id, buyer.organisation_id, b"0" * 32, bank.member_id, buyer.member_id)
    asked = await bank.post("/v1/disclosure-requests", {"teaser_ref": published.ref.hex, "purpose": "Growth",
                                                        "acquirer_id": str(buyer.organisation_id)})
    path = f"/v1/disclosure-requests/{asked.json()['id']}"
    await published.seller.post(f"{path}/screening", {"decision": "cleared"})
    assert (await published.seller.post(f"{path}/nda", {"form": "one_way", "term_months": 24})).status_code == 201
    told = {organisation for organisation, _facts, _who in direct(await rows_of(world, published.listing_id), "nda")}
    assert told == {buyer.organisation_id, bank.organisation_id}


@pytest.mark.parametrize(("kind", "prefecture", "told"), [
    ("center", "JP-27", {"place": "JP-29"}),   # a Center works where the company is, whatever else is declared
    ("bank", None, {"place": "JP-29"}),        # who declares nothing may be from there
    ("bank", "JP-29", {"place": "JP-29"}),
    ("registered_institution", "JP-13", {}),   # a name from elsewhere tells nothing that is true
])
async def test_a_name_tells_the_prefecture_wherever_the_guess_would_be_right(world, kind, prefecture, told):
    registration = json.dumps({"prefecture": prefecture} if prefecture else {})
    seller = await world.intermediary(kind)
    await world.seed("UPDATE vault.organisation SET registration = $2::text::jsonb WHERE id = $1", seller.organisation_id, registration)
    published = await world.published(seller, prefecture="JP-29")
    assert json.loads((await _as_definer(world, "SELECT vault.told_by_name($1)::text", published.listing_id))[0][0]) == told


async def test_an_accepted_introduction_exposes_the_teaser_to_one_acquirer_and_the_name_to_it_and_the_desk(world):
    center, acquirer, desk = await world.intermediary(), await world.acquirer(), await world.agency("desk")
    found = await listed(world, center, audiences=4, place="JP-29")
    brief = await acquirer.post("/v1/briefs", {"desk_id": str(desk.organisation_id), "wishes": {"places": ["kansai"]},
                                               "purpose": "production", "languages": ["en"]})
    made = await desk.post(f"/v1/briefs/{brief.json()['id']}/introductions", {"teaser_ref": found.ref.hex})
    assert direct(await rows_of(world, found.listing_id), "introduction") == set()
    accepted = await center.post(f"/v1/introductions/{made.json()['id']}/acceptance")
    assert accepted.status_code == 201, accepted.text
    rows = await rows_of(world, found.listing_id)
    assert direct(rows, "introduction") == {
        (acquirer.organisation_id, (), False), (acquirer.organisation_id, (("place", "JP-29"),), False),
        (desk.organisation_id, (("place", "JP-29"),), False)}
    assert [row["cell_id"] is not None for row in rows if row["channel"] == "introduction"] == [True, False, False]


async def test_a_release_identifies(world):
    published, buyer = await world.published(), await world.acquirer()
    await world.released(published, buyer, "data_room")
    rows = await rows_of(world, published.listing_id)
    assert direct(rows, "dossier") == direct(rows, "data_room") == {(buyer.organisation_id, (), True)}


# --- who reads them ---------------------------------------------------------------------------------------------------


async def test_the_holder_and_the_owner_read_what_was_shown_of_their_listing_and_nobody_else_reads_any(world, app):
    published, buyer = await world.published(), await world.acquirer()
    await world.nda_signed(published, buyer)
    other, operator, desk = await world.intermediary(), await world.operator(), await world.agency("desk")
    await world.published(other)

    async def seen(scope: Scope) -> set[UUID]:
        async with app.state.databases.read(scope) as read:
            return {row["listing_id"] for row in await read.fetch("SELECT listing_id FROM vault.exposure")}

    def of(caller, kind):
        return Scope(kind, caller.organisation_id, caller.member_id, None, f"member:{caller.member_id}")

    assert await seen(of(published.seller, "intermediary")) == {published.listing_id}
    assert await seen(Scope("owner", None, None, published.listing_id, "owner:x")) == {published.listing_id}
    for caller, kind in ((buyer, "acquirer"), (operator, "operator"), (desk, "agency")):
        assert await seen(of(caller, kind)) == set(), kind
    assert await seen(Scope("anonymous", None, None, None, "anonymous:")) == set()


async def test_no_role_of_a_program_writes_exposures_or_reads_keys(as_database_role):
    for role in ("succession_app", "succession_worker"):
        connection = await as_database_role(role)
        for sql in ("INSERT INTO vault.exposure (listing_id, ref, channel, audiences) VALUES (gen_random_uuid(), gen_random_uuid(), 'nda', 1)",
                    "SELECT 1 FROM vault.company_key", "SELECT salt FROM vault.company_salt", "DELETE FROM vault.exposure"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(sql)
    for role in ("succession_app", "market_buyer", "market_public"):
        connection = await as_database_role(role)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT * FROM vault.shown_about(gen_random_uuid(), NULL)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch("SELECT * FROM vault.same_company(gen_random_uuid())")


async def test_a_stranger_asking_what_was_shown_of_a_listing_gets_no_row(world, app):
    published, stranger = await world.published(), await world.intermediary()
    for caller, most in ((published.seller, 1), (stranger, 0)):
        scope = Scope("intermediary", caller.organisation_id, caller.member_id, None, "member:x")
        async with app.state.databases.read(scope) as read:
            assert len(await read.fetch("SELECT * FROM vault.shown_so_far($1, NULL)", published.listing_id)) == most
            assert await read.fetch("SELECT * FROM vault.listed_twice()") == []
            assert await read.fetch("SELECT * FROM vault.shown_for_hold(gen_random_uuid())") == []


# --- one company, whoever lists it ------------------------------------------------------------------------------------


async def _as_definer(world, sql: str, *values) -> list:
    """As the role that owns the functions: for what no program may ask by itself."""
    connection = await asyncpg.connect(world.database_url)
    try:
        await connection.execute("SET ROLE succession_definer")
        return await connection.fetch(sql, *values)
    finally:
        await connection.close()


async def _same(world, listing_id: UUID) -> set[UUID]:
    return {row["listing_id"] for row in await _as_definer(world, "SELECT * FROM vault.same_company($1)", listing_id)}


async def _listing(world, name: str, number: str | None, address: str | None) -> UUID:
    holder = await world.intermediary()
    identity = {"name": name, "corporate_number": number} if number else {"name": name}
    sites = {"sites": [{"address": address}]} if address else {}
    return await entered(holder, {"identity": identity | sites})


async def test_a_company_is_known_again_by_its_number_or_by_name_and_address_however_they_are_written(world):
    number = profile_of_member(3)["identity"]["corporate_number"]
    first = await _listing(world, "架空髙工業株式会社", number, "無県架空市無町１丁目２番３号")
    by_number = await _listing(world, "別の名", number, None)
    by_name = await _listing(world, "(株)架空髙工業", None, "無県 架空市無町1丁目2番3号")
    other = await _listing(world, "架空髙工業株式会社", profile_of_member(3)["identity"]["corporate_number"], "無県架空市無町９番地")
    assert await _same(world, first) == {first, by_number, by_name}
    assert await _same(world, other) == {other}
    assert await _same(world, by_number) == {by_number, first}


async def test_a_number_that_is_corrected_later_does_not_undo_the_first(world):
    number, typo = (profile_of_member(3)["identity"]["corporate_number"] for _n in range(2))
    first = await _listing(world, "架空一", number, None)
    holder = await world.intermediary()
    second = await entered(holder, {"identity": {"name": "架空二", "corporate_number": number}})
    version = (await holder.get(f"/v1/listings/{second}")).headers["etag"]
    edited = await holder.patch(f"/v1/listings/{second}", {"identity": {"corporate_number": typo}}, headers={"If-Match": version})
    assert edited.status_code == 200
    assert await _same(world, second) == {first, second}


async def test_a_key_is_not_the_hash_of_the_number(world):
    number = profile_of_member(3)["identity"]["corporate_number"]
    listing_id = await _listing(world, "架空三", number, None)
    rows = await world.seed("SELECT key, key = ANY(ARRAY[sha256(convert_to($2, 'UTF8')), sha256(convert_to('number:' || $2, 'UTF8'))]) AS plain "
                            "FROM vault.company_key WHERE listing_id = $1", listing_id, number)
    assert len(rows) == 1 and not rows[0]["plain"] and len(rows[0]["key"]) == 32


# --- who knows together -----------------------------------------------------------------------------------------------


async def test_a_group_is_who_declares_the_same_parent_or_owner_and_who_acts_for_it(world):
    parent = await world.acquirer(legal_name="Fictitious Group Holding SE")
    one = await world.acquirer(ultimate_parent="Fictitious Group Holding SE")
    two = await world.acquirer(ultimate_parent="fictitious group holding se", country="FR")
    stranger, agent, desk = await world.acquirer(), await world.intermediary("bank"), await world.agency("desk")
    await world.seed("INSERT INTO vault.representation (intermediary_id, acquirer_id, document_hash, from_date, until_date, recorded_by, "
                     "confirmed_by, confirmed_at) VALUES ($1, $2, $3, '2026-01-01', '2099-01-01', $4, $5, now())",
                     agent.organisation_id, one.organisation_id, b"0" * 32, agent.member_id, one.member_id)
    filed = await two.post("/v1/briefs", {"desk_id": str(desk.organisation_id), "wishes": {"places": ["kansai"]}, "purpose": "production",
                                          "languages": ["en"]})
    assert filed.status_code == 201, filed.text
    together = {row[0] for row in await _as_definer(world, "SELECT * FROM vault.knowing_together($1)", [one.organisation_id])}
    of_desk = {row[0] for row in await _as_definer(world, "SELECT * FROM vault.knowing_together($1)", [desk.organisation_id])}
    assert together == {caller.organisation_id for caller in (parent, one, two, agent, desk)}
    assert of_desk >= {desk.organisation_id, two.organisation_id} and stranger.organisation_id not in of_desk


# --- the database refuses a second time -------------------------------------------------------------------------------


async def _hold(world, listing_id: UUID, ref: UUID) -> UUID:
    rows = await _as_definer(world, "INSERT INTO vault.hold (step, listing_id, ref, reason, candidates, needed) "
                                    "VALUES ('publication', $1, $2, 'few_candidates', 3, 20) RETURNING id", listing_id, ref)
    return rows[0]["id"]


async def test_what_is_held_does_not_go_up_whoever_forgets_to_ask(world, settings):
    await put_in_force(world)
    center = await world.intermediary("center")
    raw = profile_of_member(4)
    listing_id = await entered(center, raw)
    await mandated(world, listing_id, center.member_id)
    ref = await queued(world, listing_id, await approved(world, listing_id, raw, "verified_buyers"))
    await _hold(world, listing_id, ref)
    with pytest.raises(asyncpg.PostgresError, match="a person looks at it first"):
        await world.seed("UPDATE vault.publication SET state = 'published', published_at = now() WHERE ref = $1", ref)
    await world.seed("UPDATE vault.publication SET state = 'taken_down', taken_down_at = now(), take_down_reason = 'owner_request' "
                     "WHERE ref = $1", ref)
    assert (await world.seed("SELECT state FROM vault.hold WHERE ref = $1", ref))[0]["state"] == "lapsed"


async def test_a_decision_is_the_operators_by_name_and_stands(world, app):
    published, operator = await world.published(), await world.operator()
    second = await world.member(operator.organisation_id, "operator", role="reviewer")
    hold = await _hold(world, published.listing_id, published.ref)
    for caller in (operator, second):
        await caller.confirm()
    propose = "UPDATE vault.hold SET decision = 'release', words = 'why', decided_by = $2 WHERE id = $1"
    confirm = "UPDATE vault.hold SET confirmed_by = $2 WHERE id = $1"

    async def attempt(caller, kind, sql, *values):
        scope = Scope(kind, caller.organisation_id, caller.member_id, None, "member:x")
        try:
            async with app.state.databases.apart(scope) as connection:
                return await connection.execute(sql, hold, *values)
        except asyncpg.PostgresError as error:
            return getattr(error, "constraint_name", None) or error.sqlstate

    seller = published.seller
    assert await attempt(seller, "intermediary", propose, seller.member_id) == "UPDATE 0"
    assert await attempt(operator, "operator", propose, second.member_id) == "hold_by_operator", "in one's own name"
    assert await attempt(operator, "operator", propose, operator.member_id) == "UPDATE 1"
    assert await attempt(operator, "operator", confirm, operator.member_id) == "hold_second_confirmation"
    assert await attempt(operator, "operator", "UPDATE vault.hold SET decided_at = now() WHERE id = $1") == "42501"
    assert await attempt(second, "operator", confirm, second.member_id) == "UPDATE 1"
    assert await attempt(operator, "operator", propose, operator.member_id) == "SU001", "it stands"
    with pytest.raises(asyncpg.PostgresError):
        await world.seed("DELETE FROM vault.hold WHERE id = $1", hold)
