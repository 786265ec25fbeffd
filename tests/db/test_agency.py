"""Can an agency read who a company is, or move what is not its to move, by any statement the API's role may run?

Everything is really there: listings with their papers, a deal with its dossier released, a brief and an introduction.
"""

import asyncpg
import pytest

from desk_scene import listed
from succession.database import Scope, driver

# What an agency's scope may see rows of at all; everything else in the vault is empty for it.
DESK_SEES = {"organisation", "member", "api_key", "audit_event", "brief", "introduction"}  # audit: of its own doing
MONITOR_SEES = {"organisation", "member", "api_key"}
IDENTITY = {"listing", "listing_identity", "listing_contact", "listing_profile", "listing_financials",
            "succession_status", "mandate",
            "exclusion", "owner_contact", "owner_link", "paper_evidence", "teaser_proposal", "audience_consent", "publication",
            "document", "document_content", "listing_import", "ledger_subject", "ledger_entry", "deal", "nda", "name_clear",
            "screening", "disclosure_grant"}


def scope_of(caller):
    return Scope(caller.kind, caller.organisation_id, caller.member_id, None, f"member:{caller.member_id}")


@pytest.fixture
async def scene(world):
    """(center, acquirer, desk, monitor, listed, brief id, introduction id), and a deal of another listing beside it."""
    center, acquirer, desk, monitor = (await world.intermediary(), await world.acquirer(), await world.agency(),
                                       await world.agency("monitor"))
    found = await listed(world, center, audiences=15 - 1, excludes={"person": "nobody"})
    await world.released(await world.published(center), acquirer, "dossier")
    brief = (await acquirer.post("/v1/briefs", {
        "desk_id": str(desk.organisation_id), "wishes": {"industries": ["24"]}, "purpose": "technology",
        "languages": ["en"]})).json()
    made = await desk.post(f"/v1/briefs/{brief['id']}/introductions", {"teaser_ref": found.ref.hex})
    assert made.status_code == 201, made.text
    return center, acquirer, desk, monitor, found, brief["id"], made.json()["id"]


async def rows_seen(app, world, caller):
    """Table of the vault -> rows that this caller's scope sees, all statements without a WHERE."""
    tables = [row["tablename"]
              for row in await world.seed("SELECT tablename FROM pg_tables WHERE schemaname = 'vault'")]
    seen = {}
    async with app.state.databases.read(scope_of(caller)) as connection:
        for table in tables:
            if await connection.fetchval("SELECT has_table_privilege('vault.' || $1, 'SELECT')", table):
                seen[table] = await connection.fetchval(f"SELECT count(*) FROM vault.{table}")
    return seen


async def test_an_agency_sees_no_row_of_any_confidential_table_although_they_are_full(app, world, scene):
    _center, _acquirer, desk, monitor, *_ = scene
    for table in IDENTITY:
        assert (await world.seed(f"SELECT count(*) FROM vault.{table}"))[0][0], f"no {table}: nothing would be proved"
    for caller, allowed in ((desk, DESK_SEES), (monitor, MONITOR_SEES)):
        seen = await rows_seen(app, world, caller)
        assert seen.keys() >= IDENTITY and {table for table, count in seen.items() if count} <= allowed
    assert (await rows_seen(app, world, desk))["introduction"] == 1


async def test_a_desk_knows_the_acquirers_of_its_briefs_and_no_other(app, world, scene):
    _center, acquirer, desk, monitor, *_ = scene
    await world.acquirer()
    idle = await world.agency()
    acquirers = "SELECT id FROM vault.organisation WHERE kind = 'acquirer'"
    for caller, known in ((desk, [acquirer.organisation_id]), (idle, []), (monitor, [])):
        async with app.state.databases.read(scope_of(caller)) as connection:
            assert [row["id"] for row in await connection.fetch(acquirers)] == known
            assert await connection.fetchval("SELECT count(*) FROM vault.beneficial_owner") == 0
            assert await connection.fetchval("SELECT count(DISTINCT organisation_id) FROM vault.member") == 1


async def test_functions_that_look_past_policies_tell_an_agency_nothing(app, world, scene):
    _center, acquirer, desk, monitor, found, brief, introduction = scene
    deal = (await world.seed("SELECT id FROM vault.deal WHERE buyer_id = $1", acquirer.organisation_id))[0]["id"]
    nobody = "00000000-0000-0000-0000-00000000000b"
    for caller in (desk, monitor):
        async with app.state.databases.read(scope_of(caller)) as connection:
            for nothing in (
                f"SELECT count(*) FROM vault.listing_behind('{found.ref}', '{acquirer.organisation_id}')",
                f"SELECT count(*) FROM vault.listing_behind('{found.ref}', '{caller.organisation_id}')",
                f"SELECT count(*) FROM vault.intermediary_behind('{found.ref}', '{nobody}')",
                f"SELECT count(*) FROM vault.disclosure_facts('{deal}')",
                f"SELECT vault.live_grant('{found.listing_id}', 'dossier')::int",
                f"SELECT vault.holds('{found.listing_id}')::int",
                f"SELECT coalesce(vault.is_owner('{found.listing_id}'), false)::int",
            ):
                assert await connection.fetchval(nothing) == 0, nothing
            behind = await connection.fetch("SELECT * FROM vault.intermediary_behind($1, $2)", found.ref, brief)
            assert [set(row.keys()) for row in behind] == ([{"intermediary_id"}] if caller is desk else [])
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch("SELECT * FROM vault.introducible($1, $2)", found.ref, brief)


async def test_market_desk_reads_published_codes_of_its_audiences_and_nothing_of_the_vault(
        world, scene, as_database_role):
    center, *_, found, _brief, _introduction = scene
    buyers_only, domestic = await listed(world, center, audiences=2), await listed(world, center, audiences=8)
    public, asked = await listed(world, center, audiences=1), found
    market = await as_database_role("market_desk")
    refs = {row["ref"] for row in await market.fetch("SELECT ref FROM market.teaser")}
    assert {public.ref, asked.ref} <= refs and not refs & {buyers_only.ref, domestic.ref}
    for table in IDENTITY | DESK_SEES:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await market.fetch(f"SELECT 1 FROM vault.{table}")
    for call in (f"vault.listing_behind('{found.ref}', '{center.organisation_id}')",
                 f"vault.intermediary_behind('{found.ref}', '{found.ref}')",
                 f"market.opened_teaser('{found.ref}', '{center.organisation_id}')"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await market.fetch(f"SELECT * FROM {call}")


async def attempt(app, caller, sql, *values):
    """The SQLSTATE that refuses this statement in this caller's scope, or the number of rows it changed."""
    try:
        async with app.state.databases.tx(scope_of(caller)) as tx:
            return (await (await driver(tx)).execute(sql, *values)).split()[-1]
    except asyncpg.PostgresError as refused:
        return refused.sqlstate
    except Exception as refused:  # the commit itself refuses: SQLAlchemy wraps it
        return refused.orig.__cause__.sqlstate


PROPOSE = ("INSERT INTO vault.introduction (brief_id, agency_id, acquirer_id, intermediary_id, teaser_ref, "
           "proposed_by) VALUES ($1, $2, $3, $4, $5, $6)")


async def test_an_introduction_is_refused_without_what_it_rests_on(app, world, scene):
    center, acquirer, desk, monitor, found, brief, _introduction = scene
    bank, stranger, other_desk = await world.intermediary("bank"), await world.acquirer(), await world.agency()
    fresh, hidden = await listed(world, center), await listed(world, center, audiences=2)
    excluding = await listed(world, center, excludes={"organisation": str(acquirer.organisation_id)})
    ok = [brief, desk.organisation_id, acquirer.organisation_id, center.organisation_id, fresh.ref, desk.member_id]

    def but(**changed):
        names = ("brief", "agency", "acquirer", "intermediary", "teaser", "member")
        return [changed.get(name, value) for name, value in zip(names, ok, strict=True)]

    before = await world.seed("SELECT count(*) FROM vault.introduction")
    for caller, values in (
        (desk, but(acquirer=stranger.organisation_id)), (desk, but(intermediary=bank.organisation_id)),
        (desk, but(teaser=hidden.ref)), (desk, but(teaser=excluding.ref)),
        (other_desk, but(agency=other_desk.organisation_id, member=other_desk.member_id)),
        (monitor, but(agency=monitor.organisation_id, member=monitor.member_id)),
    ):
        assert await attempt(app, caller, PROPOSE, *values) == "SU002"
    assert await attempt(app, other_desk, PROPOSE, *ok) == "42501"  # in the name of another desk
    assert await attempt(app, desk, PROPOSE, *but(member=other_desk.member_id)) == "42501"
    assert await attempt(app, center, PROPOSE, *ok) == "42501"
    assert await world.seed("SELECT count(*) FROM vault.introduction") == before
    assert await attempt(app, desk, PROPOSE, *ok) == "1"


async def test_who_decides_and_what_cannot_be_rewritten(app, world, scene):
    center, acquirer, desk, _monitor, found, brief, introduction = scene
    accept = "UPDATE vault.introduction SET state = 'accepted', decided_by = $1, decided_at = now()"
    for caller in (desk, acquirer, await world.intermediary("bank")):
        assert await attempt(app, caller, accept, caller.member_id) == "0"
    assert await attempt(app, center, accept, center.member_id) == "SU002"  # without a disclosure request
    assert await attempt(app, center, "UPDATE vault.introduction SET teaser_ref = $1", found.ref) == "42501"
    assert await attempt(app, acquirer, "UPDATE vault.brief SET wishes = '{}'") == "42501"
    assert await attempt(app, desk, "UPDATE vault.brief SET state = 'closed'") == "0"
    decline = "UPDATE vault.introduction SET state = 'declined', decline_reason = 'other', decided_by = $1"
    assert await attempt(app, center, decline, acquirer.member_id) == "42501"  # signed as somebody else
    assert await attempt(app, center, decline, center.member_id) == "1"
    assert await attempt(app, center, accept + ", decline_reason = NULL", center.member_id) == "0"  # once
    assert await attempt(app, acquirer, "UPDATE vault.brief SET state = 'closed', version = 2") == "1"
    assert await attempt(app, acquirer, "UPDATE vault.brief SET state = 'open', version = 3") == "0"
    assert (await world.seed("SELECT state, decline_reason FROM vault.introduction WHERE id = $1",
                             introduction))[0]["state"] == "declined"


async def test_a_brief_is_filed_by_its_acquirer_with_a_desk(app, world, scene):
    _center, acquirer, desk, monitor, *_ = scene
    file = ("INSERT INTO vault.brief (acquirer_id, agency_id, wishes, purpose, languages, created_by) "
            "VALUES ($1, $2, '{}', 'x', '{}', $3)")
    stranger = await world.acquirer()
    assert await attempt(app, acquirer, file, acquirer.organisation_id, monitor.organisation_id,
                         acquirer.member_id) == "SU002"
    assert await attempt(app, acquirer, file, stranger.organisation_id, desk.organisation_id,
                         acquirer.member_id) == "42501"
    assert await attempt(app, desk, file, acquirer.organisation_id, desk.organisation_id, desk.member_id) == "42501"
    assert await attempt(app, acquirer, file, acquirer.organisation_id, desk.organisation_id, acquirer.member_id) == "1"


async def test_a_request_with_the_desk_as_origin_needs_its_accepted_introduction(app, world, scene):
    center, acquirer, _desk, _monitor, found, _brief, introduction = scene
    deal = ("INSERT INTO vault.deal (listing_id, intermediary_id, buyer_id, teaser_ref, origin, introduction_id, "
            "project_name, purpose) VALUES ($1, $2, $3, $4, 'desk', $5, 'Project Nothing', 'x')")
    values = (found.listing_id, center.organisation_id, acquirer.organisation_id, found.ref, introduction)
    assert await attempt(app, center, deal, *values) == "SU002"
    assert await attempt(app, acquirer, deal, *values) == "SU002"
    assert not await world.seed("SELECT id FROM vault.deal WHERE introduction_id = $1", introduction)
