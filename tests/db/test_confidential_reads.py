"""Every confidential table, read in SQL as everybody who should see nothing: nothing. And as who should: something.

The tables are taken from the catalogue, so a new one is covered the day it is made.
"""

import asyncpg
import pytest

AUDIENCE_ROLES = ("market_public", "market_buyer", "market_desk", "market_domestic")
_TABLES = """
SELECT c.relname AS name, bool_or(a.attname = 'listing_id') AS by_listing, bool_or(a.attname = 'deal_id') AS by_deal
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE n.nspname = 'vault' AND c.relkind IN ('r', 'v') GROUP BY c.relname
"""
# What a buyer on the way to the dossier may read of its own deal before any grant; all of it name-less.
# of the ledger only the entries of its own steps (0008), which hold ids and commitments.
OWN_DEAL = {"ledger_entry", "disclosed", "deal", "deal_event", "nda", "nda_member", "nda_signature", "disclosure_grant", "exclusivity", "foreign_investment_filing", "obligation", "access"}
CLOSED_TO_ALL = {"organisation_key", "ledger_head"}


@pytest.fixture(scope="module")
async def scene(app, database_url):
    from world import World

    world = World(app, database_url)
    seller, granted, waiting = await world.intermediary(), await world.acquirer(), await world.acquirer(country="DE")
    published = await world.published(seller)
    await world.seed("INSERT INTO vault.exclusion (listing_id, kind, value) VALUES ($1, 'country', 'XX')", published.listing_id)
    deal = await world.released(published, granted)
    await granted.get(f"/v1/dossiers/{deal}")
    waiting_deal = await world.nda_signed(published, waiting)
    other = await world.intermediary("bank")
    await world.published(other)
    yield {
        "world": world, "published": published, "deal": deal, "waiting_deal": waiting_deal, "seller": seller, "granted": granted,
        "waiting": waiting, "rival intermediary": other, "stranger": await world.acquirer(), "desk": await world.agency("desk"),
        "monitor": await world.agency("monitor"), "operator": await world.operator(),
    }
    await world.close()


async def _rows(connection, scene, table, caller):
    """Rows of this listing or deal that `caller` sees as succession_app; None where the role may not even ask."""
    where = [f"listing_id = '{scene['published'].listing_id}'"] if table["by_listing"] else []
    if table["by_deal"] and not where:
        where = [f"deal_id IN ('{scene['deal']}', '{scene['waiting_deal']}')"]
    if table["name"] == "listing":
        where = [f"id = '{scene['published'].listing_id}'"]
    if table["name"] == "deal":
        where = [f"id IN ('{scene['deal']}', '{scene['waiting_deal']}')"]
    if not where:
        return None
    async with connection.transaction():
        await connection.execute(
            "SELECT set_config('succession.kind', $1, true), set_config('succession.organisation', $2, true), "
            "set_config('succession.member', $3, true)", caller.kind, str(caller.organisation_id), str(caller.member_id))
        if not await connection.fetchval("SELECT has_table_privilege(current_user, $1, 'SELECT')", f"vault.{table['name']}"):
            return None
        return await connection.fetchval(f"SELECT count(*) FROM vault.{table['name']} WHERE {where[0]}")


async def test_strangers_rivals_and_agencies_read_no_row_of_it(scene, as_database_role):
    app, tables = await as_database_role("succession_app"), await (await as_database_role("owner")).fetch(_TABLES)
    asked = 0
    for who in ("stranger", "rival intermediary", "desk", "monitor"):
        for table in tables:
            rows = await _rows(app, scene, table, scene[who])
            assert not rows, f"{who} reads {rows} rows of {table['name']}"
            asked += rows is not None
    assert asked > 60


async def test_the_operator_reads_the_ledger_of_ids_and_what_it_confirms_for_a_firm_of_one(scene, as_database_role):
    app, tables = await as_database_role("succession_app"), await (await as_database_role("owner")).fetch(_TABLES)
    seen = {table["name"] for table in tables if await _rows(app, scene, table, scene["operator"])}
    assert seen <= {"ledger_entry", "mandate", "appi_transfer"}, seen  # the last: which country on which ground, never whose


async def test_a_buyer_without_a_live_grant_reads_its_own_deal_and_no_fact_of_the_company(scene, as_database_role):
    app, tables = await as_database_role("succession_app"), await (await as_database_role("owner")).fetch(_TABLES)
    seen = {table["name"] for table in tables if await _rows(app, scene, table, scene["waiting"])}
    assert seen <= OWN_DEAL, seen - OWN_DEAL
    assert {"deal", "nda"} <= seen


async def test_who_should_read_does(scene, as_database_role):
    """The same question finds rows for the seller and for the buyer with a grant: an empty answer is not for want of data."""
    app, tables = await as_database_role("succession_app"), await (await as_database_role("owner")).fetch(_TABLES)
    seller = {table["name"] for table in tables if await _rows(app, scene, table, scene["seller"])}
    assert {"listing", "listing_identity", "listing_contact", "listing_profile", "listing_financials", "exclusion", "mandate", "deal",
            "screening", "nda", "name_clear", "disclosure_grant", "ledger_entry", "ledger_subject", "access"} <= seller
    granted = {table["name"] for table in tables if await _rows(app, scene, table, scene["granted"])}
    assert {"shown_listing_identity", "shown_listing_profile", "shown_listing_financials"} <= granted
    assert not granted & {"listing_identity", "listing_contact", "listing_profile", "succession_status","exclusion", "mandate", "owner_contact", "screening", "name_clear", "ledger_subject", "paper_evidence"}, granted


@pytest.mark.parametrize("role", AUDIENCE_ROLES)
async def test_audience_roles_are_refused_at_the_door(scene, as_database_role, role):
    connection, tables = await as_database_role(role), await (await as_database_role("owner")).fetch(_TABLES)
    for table in tables:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.fetch(f"SELECT * FROM vault.{table['name']} LIMIT 1")


async def test_a_revoked_grant_closes_every_table_at_once(scene, as_database_role):
    world, buyer = scene["world"], await scene["world"].acquirer(country="NL")
    deal = await world.released(scene["published"], buyer)
    app, tables = await as_database_role("succession_app"), await (await as_database_role("owner")).fetch(_TABLES)
    there = dict(scene, deal=deal)
    assert "shown_listing_identity" in {t["name"] for t in tables if await _rows(app, there, t, buyer)}
    grants = (await scene["seller"].get("/v1/grants")).json()["items"]
    grant = next(g for g in grants if g["deal_id"] == deal)
    answer = await scene["seller"].post(f"/v1/grants/{grant['id']}/revocation", {"reason": "owner_request"})
    if answer.status_code == 422:
        answer = await scene["seller"].post(f"/v1/grants/{grant['id']}/revocation", {"reason": answer.json()["errors"][0]["allowed"][0]})
    assert answer.status_code in (200, 201, 204), answer.text
    seen = {t["name"] for t in tables if await _rows(app, there, t, buyer)}
    assert seen <= OWN_DEAL, seen - OWN_DEAL
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 404
