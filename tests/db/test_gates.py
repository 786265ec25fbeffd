"""Does the database refuse each step of disclosure without the ones before it, whatever the program forgot to check?

Everything here is SQL as succession_app with the right scope, past every handler.
"""

from __future__ import annotations

import json
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from succession.accounts.second_factor import present_step
from succession.database import Scope, driver
from succession.disclosure import ledger

# What a live grant opens: views of the fields that are shown, and rows of the rest.
VAULT = ("shown_listing_identity", "shown_listing_contact", "shown_listing_profile", "shown_listing_financials",
         "shown_succession_status", "document", "document_object", "nda_schedule")


@pytest.fixture
def scoped(app):
    """`async with scoped(caller) as tx`: a unit of work in a caller's scope, or the owner's with `listing`."""

    @asynccontextmanager
    async def open_scope(caller=None, listing=None):
        scope = (Scope("owner", None, None, listing, "owner:test") if listing
                 else Scope(caller.kind, caller.organisation_id, caller.member_id, None, f"member:{caller.member_id}"))
        async with app.state.databases.tx(scope) as tx:
            yield tx

    return open_scope


async def refused(scoped, caller, sql, *values, listing=None):
    """The name of the constraint, or the SQLSTATE, with which PostgreSQL refuses a statement; None if it does not."""
    try:
        async with scoped(caller, listing) as tx:
            await (await driver(tx)).execute(sql, *values)
    except (asyncpg.PostgresError, DBAPIError) as error:
        return refusal_of(error)
    return None


def refusal_of(error):
    cause = error.orig.__cause__ if isinstance(error, DBAPIError) else error  # what COMMIT refuses comes wrapped
    return cause.constraint_name or cause.sqlstate


async def row_of(world, table, deal):
    return (await world.seed(f"SELECT * FROM vault.{table} WHERE deal_id = $1", UUID(str(deal))))[0]


# -- the request -------------------------------------------------------------------------------------------------------

DEAL = ("INSERT INTO vault.deal (listing_id, intermediary_id, buyer_id, teaser_ref, origin, project_name, purpose) "
        "VALUES ($1, $2, $3, $4, 'direct', $5, 'x')")


async def test_a_deal_needs_a_teaser_that_this_buyer_may_see(world, scoped):
    for audiences, excluded, expected in ((2, None, None), (8, None, "deal_causes"), (2, "country", "deal_causes")):
        published, buyer = await world.published(audiences=audiences), await world.acquirer(country="FR")
        if excluded:
            await world.seed("INSERT INTO vault.exclusion (listing_id, kind, value) VALUES ($1, 'country', 'FR')", published.listing_id)
        values = (published.listing_id, published.seller.organisation_id, buyer.organisation_id, published.ref, f"Test {uuid4()}")
        assert await refused(scoped, buyer, DEAL, *values) == expected


async def test_who_asked_about_whom_is_never_rewritten(world, scoped):
    published, buyer = await world.published(), await world.acquirer()
    deal = UUID(await world.requested(published, buyer))
    other = await world.published()
    for change in (f"listing_id = '{other.listing_id}'", "purpose = 'other'", "project_name = 'other'"):
        assert await refused(scoped, buyer, f"UPDATE vault.deal SET {change} WHERE id = $1", deal) == "SU001"
    assert await refused(scoped, buyer, "UPDATE vault.deal SET terminal = 'buyer_withdrew', terminal_reason = 'other' WHERE id = $1",
                         deal) == "stage_follows_events"


# -- the NDA -----------------------------------------------------------------------------------------------------------

NDA = ("INSERT INTO vault.nda (deal_id, listing_id, buyer_id, screening_id, form, template_version, text_ja, text_en, text_hash, "
       "term_months, offered_by, signed_at, signer_name, expires_at) SELECT $1, listing_id, buyer_id, "
       "coalesce($2::uuid, gen_random_uuid()), 'one_way', 'x', 'a', 'b', sha256(convert_to(E'a\\n\\n\\nb', 'UTF8')), 12, $3, $4, "
       "CASE WHEN $4::timestamptz IS NOT NULL THEN 'Forged' END, $4::timestamptz + interval '1 year' FROM vault.deal WHERE id = $1")


async def test_an_nda_needs_a_cleared_and_current_screening(world, scoped):
    published, buyer = await world.published(), await world.acquirer()
    deal = UUID(await world.requested(published, buyer))
    seller = published.seller
    assert await refused(scoped, seller, NDA, deal, None, seller.member_id, None) == "nda_causes"
    await seller.post(f"/v1/disclosure-requests/{deal}/screening", {"decision": "cleared"})
    screening = (await row_of(world, "screening", deal))["id"]
    await world.overrule("UPDATE vault.screening SET decided_at = now() - interval '7 months', expires_at = now() - interval '1 month' "
                         "WHERE id = $1", screening)
    assert await refused(scoped, seller, NDA, deal, screening, seller.member_id, None) == "nda_causes"
    await world.overrule("UPDATE vault.screening SET decided_at = now(), expires_at = now() + interval '1 month' WHERE id = $1", screening)
    assert await refused(scoped, seller, NDA, deal, screening, seller.member_id, datetime.now(UTC)) == "nda_signed_by_buyer"
    assert await refused(scoped, seller, NDA, deal, screening, seller.member_id, None) is None


SIGN = ("INSERT INTO vault.nda_signature (nda_id, deal_id, listing_id, act, organisation_id, member_id, name, title, authority, email, "
        "locale_shown, text_hash, code_id) SELECT n.id, n.deal_id, n.listing_id, 'signature', $2, $3, 'Forged', 'x', 'legal_representative', "
        "'x@fictitious.example', 'en', n.text_hash, $4 FROM vault.nda n WHERE n.deal_id = $1")


async def spent_code(world, deal, caller):
    """A code for this agreement that its holder spent some time ago."""
    return (await world.seed(
        "INSERT INTO ops.one_time_code (purpose, subject_id, holder, channel, code_hash, expires_at, spent_at) SELECT 'nda_signature', n.id, $2, "
        "'mail', sha256('x'), now(), now() - interval '1 minute' FROM vault.nda n WHERE n.deal_id = $1 RETURNING id",
        deal, f"member:{caller.member_id}"))[0]["id"]


async def test_only_a_member_of_the_buyer_signs_and_only_the_seller_ends(world, scoped):
    published, buyer, stranger = await world.published(), await world.acquirer(), await world.acquirer()
    deal = UUID(await world.requested(published, buyer))
    seller = published.seller
    await seller.post(f"/v1/disclosure-requests/{deal}/screening", {"decision": "cleared"})
    await seller.post(f"/v1/disclosure-requests/{deal}/nda", {"form": "one_way", "term_months": 24})
    sign = ("UPDATE vault.nda SET signed_at = '2020-01-01', expires_at = '2099-01-01', signer_name = 'x', signer_member_id = $2 "
            "WHERE deal_id = $1")
    for caller in (seller, buyer, stranger):
        assert await refused(scoped, caller, sign, deal, caller.member_id) == "42501", "nobody signs by changing the row"
    codes = {}
    for caller in (seller, buyer):  # a code of one's own, issued and spent, is what a signature needs
        codes[caller.kind] = await spent_code(world, deal, caller)
    for caller, code, why in ((seller, codes["intermediary"], "nda_signed_by_buyer"), (buyer, codes["intermediary"], "nda_signed_by_buyer"),
                              (buyer, codes["acquirer"], "nda_signed_by_buyer"), (stranger, codes["acquirer"], None)):  # who sees no row
        assert await refused(scoped, caller, SIGN, deal, caller.organisation_id, caller.member_id, code) in (why, "42501"), caller.kind
    assert (await row_of(world, "nda", deal))["signed_at"] is None
    path = f"/v1/disclosure-requests/{deal}"
    await world.sign(buyer, path, (await buyer.get(f"{path}/nda")).json()["text_hash"])
    signed = await row_of(world, "nda", deal)
    assert abs(signed["signed_at"] - datetime.now(UTC)) < timedelta(minutes=1), "the database reads the clock"
    assert signed["expires_at"] < datetime.now(UTC) + timedelta(days=24 * 31)
    for change in ("text_ja = 'x'", "signer_name = 'y'", "signed_at = NULL", "expires_at = '2099-01-01'", "term_months = 60"):
        for caller in (seller, buyer):
            assert await refused(scoped, caller, f"UPDATE vault.nda SET {change} WHERE deal_id = $1", deal) in ("SU001", "42501")
    assert await refused(scoped, buyer, "UPDATE vault.nda SET ended_at = now() WHERE deal_id = $1", deal) is None  # no row to change
    assert (await row_of(world, "nda", deal))["ended_at"] is None
    assert await refused(scoped, seller, "UPDATE vault.nda SET ended_at = now() WHERE deal_id = $1", deal) is None
    assert await refused(scoped, seller, "UPDATE vault.nda SET ended_at = NULL WHERE deal_id = $1", deal) == "SU001"


# -- the name clear ----------------------------------------------------------------------------------------------------

ASK = ("INSERT INTO vault.name_clear (deal_id, listing_id, buyer_id, nda_id, screening_id, shown, shown_text_ja, shown_hash, asked_by, "
       "expires_at) SELECT d.id, d.listing_id, d.buyer_id, n.id, s.id, '{}', 'x', sha256('x'), $2, now() + interval '30 days' "
       "FROM vault.deal d JOIN vault.nda n ON n.deal_id = d.id JOIN vault.screening s ON s.deal_id = d.id WHERE d.id = $1")


async def test_a_name_clear_needs_a_signed_nda_in_force(world, scoped):
    published, buyer = await world.published(), await world.acquirer()
    deal = UUID(await world.requested(published, buyer))
    seller, path = published.seller, f"/v1/disclosure-requests/{deal}"
    await seller.post(f"{path}/screening", {"decision": "cleared"})
    nda = (await seller.post(f"{path}/nda", {"form": "one_way", "term_months": 24})).json()
    assert await refused(scoped, seller, ASK, deal, seller.member_id) == "name_clear_causes"
    await world.sign(buyer, path, nda["text_hash"])
    for ending in ("expires_at = now()", "ended_at = now()"):
        await world.overrule(f"UPDATE vault.nda SET {ending} WHERE deal_id = $1", deal)
        assert await refused(scoped, seller, ASK, deal, seller.member_id) == "name_clear_causes"
        await world.overrule("UPDATE vault.nda SET expires_at = now() + interval '1 year', ended_at = NULL WHERE deal_id = $1", deal)
    assert await refused(scoped, seller, ASK, deal, seller.member_id) is None


async def test_only_the_owner_answers_once_and_in_time(world, scoped):
    published, buyer, other = await world.published(), await world.acquirer(), await world.published()
    deal = UUID(await world.nda_signed(published, buyer))
    seller = published.seller
    await seller.post(f"/v1/disclosure-requests/{deal}/name-clear")
    yes = "UPDATE vault.name_clear SET decision = 'yes', method = 'link', decided_at = now() WHERE deal_id = $1"
    assert await refused(scoped, seller, yes, deal) == "owner_decides"
    assert await refused(scoped, buyer, yes, deal) is None  # sees no row
    assert await refused(scoped, None, yes, deal, listing=other.listing_id) is None  # another owner neither
    assert await refused(scoped, seller, "UPDATE vault.name_clear SET shown_text_ja = 'x' WHERE deal_id = $1", deal) == "SU001"
    assert (await row_of(world, "name_clear", deal))["decision"] is None
    await world.overrule("UPDATE vault.name_clear SET expires_at = now() WHERE deal_id = $1", deal)
    assert await refused(scoped, None, yes, deal, listing=published.listing_id) == "name_clear_closed"
    await world.overrule("UPDATE vault.name_clear SET expires_at = now() + interval '9 days' WHERE deal_id = $1", deal)
    for answer in (yes, yes.replace("'yes'", "'no'")):  # not even in the owner's scope: it says what the answers of the persons come to
        assert await refused(scoped, None, answer, deal, listing=published.listing_id) == "owner_decides"
    await world.owner_answers(published, "yes")
    assert await refused(scoped, None, yes.replace("'yes'", "'no'"), deal, listing=published.listing_id) == "SU001"


# -- the release -------------------------------------------------------------------------------------------------------

GRANT = ("INSERT INTO vault.disclosure_grant (id, deal_id, listing_id, buyer_id, level, nda_id, name_clear_id, ledger_entry_id, "
         "granted_by, expires_at) SELECT $2, d.id, d.listing_id, d.buyer_id, $3, n.id, c.id, $4, $5, now() + interval '9 days' "
         "FROM vault.deal d JOIN vault.nda n ON n.deal_id = d.id LEFT JOIN vault.name_clear c ON c.deal_id = d.id WHERE d.id = $1")


APPEND = "INSERT INTO vault.ledger_entry (id, listing_id, seq, kind, deal_id, body, prev, hash) VALUES ($1, $2, 0, $3, $4, $5, '', '')"


def body_of(entry, listing, kind, deal, **fields):
    return json.dumps({"v": 1, "entry_id": str(entry), "listing_id": str(listing), "kind": kind, "deal_id": str(deal)} | fields).encode()


async def try_grant(scoped, seller, deal, listing, level="dossier", entry=True, about=None, grant=None):
    grant_id = grant or uuid4()
    try:
        async with scoped(seller) as tx:
            entry_id = uuid4()
            if entry:
                entry_id = await ledger.append(tx, listing, "released", deal, {"grant_id": about or grant_id, "level": level})
            await (await driver(tx)).execute(GRANT, deal, grant_id, level, entry_id, seller.member_id)
    except (asyncpg.PostgresError, DBAPIError) as error:
        return refusal_of(error)
    return None


BREAKS_GRANT = {
    "no consent": "UPDATE vault.name_clear SET decision = NULL, method = NULL WHERE deal_id = $1",
    "refused": "UPDATE vault.name_clear SET decision = 'no' WHERE deal_id = $1",
    "ask_adviser": "UPDATE vault.name_clear SET decision = 'ask_adviser' WHERE deal_id = $1",
    "consent revoked": "UPDATE vault.name_clear SET revoked_at = now() WHERE deal_id = $1",
    "consent lapsed": "UPDATE vault.name_clear SET expires_at = now() WHERE deal_id = $1",
    "NDA unsigned": "UPDATE vault.nda SET signed_at = NULL, signer_name = NULL, expires_at = NULL, in_force_at = NULL WHERE deal_id = $1",
    "NDA not countersigned": "UPDATE vault.nda SET in_force_at = NULL WHERE deal_id = $1",
    "NDA expired": "UPDATE vault.nda SET expires_at = now() WHERE deal_id = $1",
    "NDA ended": "UPDATE vault.nda SET ended_at = now() WHERE deal_id = $1",
    "screening refused": "UPDATE vault.screening SET decision = 'refused' WHERE deal_id = $1",
    "screening out of date": "UPDATE vault.screening SET decided_at = now() - interval '7 months', expires_at = now() - interval '1 month' WHERE deal_id = $1",
    "buyer suspended": "UPDATE vault.organisation SET status = 'suspended' WHERE id = (SELECT buyer_id FROM vault.deal WHERE id = $1)",
    "excluded": "INSERT INTO vault.exclusion (listing_id, kind, value) SELECT listing_id, 'organisation', buyer_id::text FROM vault.deal WHERE id = $1",
    "deal ended": "UPDATE vault.deal SET terminal = 'expired', terminal_reason = 'no_answer' WHERE id = $1",
    "listing withdrawn": "UPDATE vault.listing SET state = 'withdrawn' WHERE id = (SELECT listing_id FROM vault.deal WHERE id = $1)",
    "another buyer has exclusivity": "INSERT INTO vault.exclusivity (listing_id, deal_id, granted_in, from_date, until_date) "
                                     "SELECT listing_id, gen_random_uuid(), 'mou', ops.today(), ops.today() FROM vault.deal WHERE id = $1",
}


@asynccontextmanager
async def what_if(owner, sql, deal, caller):
    """A transaction in which `sql` has happened (triggers off), continued as succession_app in a caller's scope, then undone."""
    transaction = owner.transaction()
    await transaction.start()
    try:
        await owner.execute("SET LOCAL session_replication_role = replica")
        await owner.execute(sql, deal)
        # The owner made this role, so it may lend it to itself: until the rollback.
        await owner.execute("SET LOCAL session_replication_role = origin; GRANT succession_app TO CURRENT_USER WITH SET TRUE, INHERIT FALSE; "
                            "SET LOCAL ROLE succession_app")
        await owner.execute("SELECT set_config('succession.kind', $1, true), set_config('succession.organisation', $2, true), "
                            "set_config('succession.member', $3, true)", caller.kind, str(caller.organisation_id), str(caller.member_id))
        yield owner
    finally:
        await transaction.rollback()


async def test_a_grant_needs_every_cause(world, as_database_role):
    published, buyer = await world.published(), await world.acquirer()
    deal = UUID(await world.name_cleared(published, buyer))
    owner = await as_database_role("owner")
    await published.seller.confirm()
    for cause, sql in {"none": "SELECT $1::uuid", **BREAKS_GRANT}.items():
        grant, entry, constraint = uuid4(), uuid4(), None
        async with what_if(owner, sql, deal, published.seller) as connection:
            try:
                await connection.execute(APPEND, entry, published.listing_id, "released", deal, body_of(
                    entry, published.listing_id, "released", deal, grant_id=str(grant), level="dossier"))
                await connection.execute(GRANT, deal, grant, "dossier", entry, published.seller.member_id)
            except asyncpg.PostgresError as error:
                constraint = error.constraint_name
        assert constraint in (("grant_causes", "grant_consent_expired") if cause != "none" else (None,)), cause


async def test_a_grant_is_of_a_member_who_confirmed_it_and_of_nobody_else(world, scoped):
    published, buyer = await world.published(), await world.acquirer()
    deal = UUID(await world.name_cleared(published, buyer))
    seller, listing = published.seller, published.listing_id
    colleague = await world.member(seller.organisation_id, "intermediary")
    assert await try_grant(scoped, seller, deal, listing) == "second_factor_needed"
    await colleague.confirm()
    assert await try_grant(scoped, seller, deal, listing) == "second_factor_needed", "a colleague's confirmation is the colleague's"
    step = present_step(time.time())
    confirm = ("INSERT INTO vault.second_factor_confirmation (member_id, organisation_id, method, purpose, time_step) "
               "VALUES ($1, $2, 'totp', 'step_up', $3)")
    assert await refused(scoped, seller, confirm, colleague.member_id, seller.organisation_id, step) == "42501", "for oneself only"
    assert await refused(scoped, seller, confirm, seller.member_id, seller.organisation_id, step + 9) == "second_factor_code_used", "of now only"
    await world.seed("DELETE FROM vault.second_factor WHERE member_id = $1", seller.member_id)
    assert await refused(scoped, seller, confirm, seller.member_id, seller.organisation_id, step) == "second_factor_unknown"
    assert await refused(scoped, seller, "SELECT vault.reset_second_factor($1)", colleague.member_id) is None, "an administrator may"
    assert await refused(scoped, colleague, "SELECT vault.reset_second_factor($1)", seller.member_id) == "second_factor_reset_by_another"


async def test_a_grant_needs_its_own_ledger_entry(world, scoped):
    published, buyer = await world.published(), await world.acquirer()
    deal = UUID(await world.name_cleared(published, buyer))
    seller, listing = published.seller, published.listing_id
    await seller.confirm()
    assert await try_grant(scoped, seller, deal, listing, entry=False) == "grant_needs_entry"
    assert await try_grant(scoped, seller, deal, listing, about=uuid4()) == "grant_needs_entry"
    assert await try_grant(scoped, seller, deal, listing, level="data_room") == "grant_causes"  # the dossier comes first
    assert await try_grant(scoped, seller, deal, listing) is None
    assert await try_grant(scoped, seller, deal, listing) == "grant_consent_used"
    for change in ("expires_at = '2099-01-01'", "level = 'data_room'", "granted_at = now()"):
        assert await refused(scoped, seller, f"UPDATE vault.disclosure_grant SET {change} WHERE deal_id = $1", deal) == "SU001"
    revoke = "UPDATE vault.disclosure_grant SET revoked_at = {} WHERE deal_id = $1"
    assert await refused(scoped, buyer, revoke.format("now()"), deal) is None  # no policy: no row
    assert (await row_of(world, "disclosure_grant", deal))["revoked_at"] is None
    assert await refused(scoped, seller, revoke.format("now()"), deal) is None
    assert await refused(scoped, seller, revoke.format("NULL"), deal) == "SU001"
    assert await try_grant(scoped, seller, deal, listing) == "grant_consent_used", "a consent is used once"


# -- reading -----------------------------------------------------------------------------------------------------------


ACCESS = ("INSERT INTO vault.access (grant_id, listing_id, organisation_id, member_id, what, facts_version, entries) "
          "VALUES ($1, $2, $3, $4, 'dossier', $5, $6)")


async def counts(connection, listing):
    return {table: await connection.fetchval(f"SELECT count(*) FROM vault.{table} WHERE listing_id = $1", listing) for table in VAULT}


async def rows_seen(scoped, caller, listing):
    async with scoped(caller) as tx:
        return await counts(await driver(tx), listing)


ENDS_READING = {name: sql for name, sql in BREAKS_GRANT.items() if name not in ("consent lapsed", "another buyer has exclusivity")} | {
    "grant revoked": "UPDATE vault.disclosure_grant SET revoked_at = now() WHERE deal_id = $1",
    "grant expired": "UPDATE vault.disclosure_grant SET expires_at = now() WHERE deal_id = $1",
    "grant without entry": "DELETE FROM vault.ledger_entry WHERE deal_id = $1 AND kind = 'released'",
    "reader has left": "UPDATE vault.member m SET status = 'left' FROM vault.nda_member b WHERE b.deal_id = $1 AND m.id = b.member_id",
    "reader was never named": "DELETE FROM vault.nda_member WHERE deal_id = $1",
    "reader has not acknowledged": "UPDATE vault.nda_member SET acknowledged_at = NULL, acknowledged_hash = NULL WHERE deal_id = $1",
    "reader was released": "UPDATE vault.nda_member SET released_at = now(), released_by = member_id WHERE deal_id = $1",
}


async def test_reading_ends_at_once(world, as_database_role):
    published, buyer = await world.published(), await world.acquirer()
    deal = UUID(await world.released(published, buyer))
    await published.seller.post(f"/v1/listings/{published.listing_id}/documents", {
        "level": "dossier", "filename": "notes.txt", "content_base64": "bm90ZXM=", "contains_personal_data": False,
        "export_control_class": "none", "downloadable": True, "unmarked_reason": "a list"})
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 200
    owner, grant = await as_database_role("owner"), (await row_of(world, "disclosure_grant", deal))["id"]
    read = (await world.seed("SELECT facts_version, entries FROM vault.access WHERE grant_id = $1", grant))[0]
    for ending, sql in {"none": "SELECT $1::uuid", **ENDS_READING}.items():
        async with what_if(owner, sql, deal, buyer) as connection:
            seen = await counts(connection, published.listing_id)
            assert all(seen.values()) if ending == "none" else not any(seen.values()), (ending, seen)
        async with what_if(owner, sql, deal, buyer) as connection:
            refusal = None
            try:
                await connection.execute(ACCESS, grant, published.listing_id, buyer.organisation_id, buyer.member_id, *read)
            except asyncpg.PostgresError as error:
                refusal = error.sqlstate
            assert refusal == (None if ending == "none" else "42501"), ending


async def test_the_dossier_does_not_open_the_data_room(world, scoped):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    added = (await published.seller.post(f"/v1/listings/{published.listing_id}/documents", {
        "level": "data_room", "filename": "ledger.csv", "content_base64": "YSxi", "contains_personal_data": False,
        "export_control_class": "none", "downloadable": True, "unmarked_reason": "a list"})).json()
    assert (await buyer.get(f"/v1/documents/{added['id']}")).status_code == 404
    assert (await rows_seen(scoped, buyer, published.listing_id))["document_object"] == 0
    assert (await buyer.get(f"/v1/dossiers/{deal}")).json()["documents"] == []
    assert (await published.seller.post(f"/v1/disclosure-requests/{deal}/data-room-release")).status_code == 201
    assert (await buyer.get(f"/v1/documents/{added['id']}")).status_code == 404, "the room is open, and none of its folders"
    await world.folders_released(published, deal, added["folder_id"])
    assert (await buyer.get(f"/v1/documents/{added['id']}")).content == b"a,b"
    assert [each["id"] for each in (await buyer.get(f"/v1/dossiers/{deal}")).json()["documents"]] == [added["id"]]


async def test_nobody_else_sees_a_row_of_the_vault(world, scoped):
    published, buyer = await world.published(), await world.acquirer()
    await world.released(published, buyer)
    others = (await world.acquirer(), await world.intermediary("bank"), await world.agency(), await world.agency("monitor"),
              await world.operator())
    for other in others:
        assert not any((await rows_seen(scoped, other, published.listing_id)).values()), other.kind
        async with scoped(other) as tx:
            connection = await driver(tx)
            for table in ("deal", "nda", "name_clear", "disclosure_grant", "screening", "ledger_subject", "access", "nda_schedule"):
                count = await connection.fetchval(f"SELECT count(*) FROM vault.{table} WHERE listing_id = $1", published.listing_id)
                assert count == 0, (other.kind, table)


async def test_a_later_consent_never_brings_an_older_grant_back(world, scoped):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    path, seller = f"/v1/disclosure-requests/{deal}", published.seller
    # Only the consent is revoked: the grant's own row still says nothing of it.
    await world.overrule("UPDATE vault.name_clear SET revoked_at = now() WHERE deal_id = $1", UUID(deal))
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 404
    assert (await seller.post(f"{path}/name-clear")).status_code == 201
    await world.owner_answers(published, "yes")
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 404
    assert not any((await rows_seen(scoped, buyer, published.listing_id)).values())


async def test_a_buyer_reads_nothing_of_screening_answer_or_reason_in_sql(world, scoped):
    published, buyer = await world.published(), await world.acquirer()
    deal = UUID(await world.nda_signed(published, buyer))
    await published.seller.post(f"/v1/disclosure-requests/{deal}/name-clear")
    await world.owner_answers(published, "no")
    async with scoped(buyer) as tx:
        connection = await driver(tx)
        for table in ("screening", "name_clear", "deal_event", "ledger_subject"):
            column = "listing_id" if table == "ledger_subject" else "deal_id"
            value = published.listing_id if table == "ledger_subject" else deal
            assert await connection.fetchval(f"SELECT count(*) FROM vault.{table} WHERE {column} = $1", value) == 0, table
        kinds = {row["kind"] for row in await connection.fetch("SELECT kind FROM vault.ledger_entry WHERE deal_id = $1", deal)}
    assert kinds == {"request_opened", "nda_offered", "nda_signed"}


async def test_a_buyer_cannot_write_into_a_ledger_what_is_not_its_own(world, scoped):
    published, buyer, other = await world.published(), await world.acquirer(), await world.published()
    deal = UUID(await world.requested(published, buyer))

    async def append(listing, kind, said=None):
        entry = uuid4()
        return await refused(scoped, buyer, APPEND, entry, listing, kind, deal, body_of(entry, listing, said or kind, deal))

    assert await append(published.listing_id, "released") == "42501"
    assert await append(published.listing_id, "name_clear_decided") == "42501"
    assert await append(other.listing_id, "withdrawn") == "ledger_entry_deal_id_listing_id_fkey"
    assert await append(published.listing_id, "withdrawn", said="released") == "ledger_body"
    assert await append(published.listing_id, "withdrawn") is None
