"""Asked in SQL, who sees a row of the confidential side? Its holder and, where a question is open, its owner; nobody else."""

from __future__ import annotations

import base64

import asyncpg
import pytest
from listing_scene import SCAN, add, approved, last_token, prepared, proposed, published
from succession.accounts.identifiers import make_corporate_number

TABLES = ("listing", "succession_status", "listing_identity", "listing_contact", "listing_profile", "listing_financials",
          "exclusion", "owner_contact", "mandate", "owner_link", "paper_evidence", "teaser_proposal", "audience_consent",
          "publication", "listing_import", "listing_import_row")  # fmt: skip
OWNER_READS = {"listing", "listing_identity", "exclusion", "owner_contact", "mandate", "owner_link", "teaser_proposal",
               "audience_consent", "publication"}  # fmt: skip
SET = ("SELECT set_config('succession.kind', $1, true), set_config('succession.organisation', $2, true), "
       "set_config('succession.member', $3, true), set_config('succession.listing', $4, true)")


async def scene(world):
    """One listing with a row in every table."""
    center = await world.intermediary()
    listing = await prepared(world, center)
    await center.patch(listing.path, {"financials": [{"period_end": "2025-03-31"}]}, headers={"If-Match": '"3"'})
    await published(world, listing, await approved(world, listing), "verified_buyers")
    await center.post(f"{listing.path}/exclusions", {"kind": "country", "value": "DE"})
    signed = {"purpose": "withdrawal", "subject_id": str(listing.id), "decision": "withdrawn", "audiences": ["public"],
              "signer": "x", "witness": "y", "signed_on": "2026-06-01", "scan": base64.b64encode(SCAN).decode()}
    assert (await center.post(f"{listing.path}/paper-evidence", signed)).status_code == 201
    sheet = await add(world, "vault.listing_import", intermediary_id=center.organisation_id, filename="f.csv", content_hash=listing.id.bytes,
                      reading="{}", rows_total=1, rows_importable=1, created_by=center.member_id)
    await add(world, "vault.listing_import_row", None, import_id=sheet, intermediary_id=center.organisation_id, number=2, reading="{}")
    return listing


async def seen(app: asyncpg.Connection, listing, kind: str, organisation="", member="", owner_of="") -> dict[str, int]:
    """Rows of this scene that a scope sees, per table."""
    found = {}
    async with app.transaction():
        await app.execute(SET, kind, str(organisation), str(member), str(owner_of))
        for table in TABLES:
            where = {"listing": "id = $1", "listing_import": "content_hash = uuid_send($1)",
                     "listing_import_row": "import_id IN (SELECT id FROM vault.listing_import) OR $1::uuid IS NULL"}  # fmt: skip
            found[table] = await app.fetchval(f"SELECT count(*) FROM vault.{table} WHERE {where.get(table, 'listing_id = $1')}", listing.id)
    return found


async def test_the_holder_sees_every_table_and_everybody_else_none(world, as_database_role):
    listing = await scene(world)
    app = await as_database_role("succession_app")
    own = await seen(app, listing, "intermediary", listing.holder.organisation_id, listing.holder.member_id)
    assert all(own.values()), own
    other, buyer, desk, monitor, operator = (
        await world.intermediary("bank"), await world.acquirer(), await world.agency(), await world.agency("monitor"), await world.operator())
    another = await prepared(world, other, "adviser")
    strangers = [(c.kind, c.organisation_id, c.member_id) for c in (other, buyer, desk, monitor, operator)]
    strangers += [("anonymous", "", ""), ("", "", ""), ("intermediary", "", ""),
                  ("acquirer", listing.holder.organisation_id, ""), ("operator", listing.holder.organisation_id, "")]  # fmt: skip
    for scope in strangers:
        found = await seen(app, listing, *scope)
        if scope[0] == "operator":  # the firm has one member: a reviewer confirms its papers and mandates, and sees nothing else
            assert found.pop("paper_evidence") == 1 and found.pop("mandate") == 1
        assert not any(found.values()), (scope, found)
    found = await seen(app, listing, "owner", owner_of=another.id)
    assert not any(found.values()), found


async def test_the_owner_sees_what_is_decided_and_never_the_books(world, as_database_role):
    listing = await scene(world)
    found = await seen(await as_database_role("succession_app"), listing, "owner", owner_of=listing.id)
    assert {table for table, rows in found.items() if rows} == OWNER_READS


async def test_reading_roles_of_the_market_have_no_key_to_the_vault(world, as_database_role):
    await scene(world)
    for role in ("market_public", "market_buyer", "market_desk", "market_domestic"):
        connection = await as_database_role(role)
        for table in TABLES:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetchval(f"SELECT count(*) FROM vault.{table}")


async def test_a_foreign_row_cannot_be_written_either(world, as_database_role):
    listing, other = await scene(world), await world.intermediary()
    app = await as_database_role("succession_app")
    contact = (await world.seed("SELECT id FROM vault.owner_contact WHERE listing_id = $1", listing.id))[0]["id"]
    writes = [
        "UPDATE vault.listing SET state = 'withdrawn' WHERE id = $1",
        "UPDATE vault.listing_identity SET legal_name = 'x' WHERE listing_id = $1",
        "UPDATE vault.publication SET state = 'taken_down' WHERE listing_id = $1",
        "UPDATE vault.audience_consent SET withdrawn_at = now() WHERE listing_id = $1",
        "DELETE FROM vault.exclusion WHERE listing_id = $1",
    ]
    for kind, organisation in (("intermediary", other.organisation_id), ("acquirer", other.organisation_id), ("anonymous", "")):
        for sql in writes:
            async with app.transaction():
                await app.execute(SET, kind, str(organisation), "", "")
                assert (await app.execute(sql, listing.id)).endswith(" 0"), (kind, sql)
        for sql, values in (
            ("INSERT INTO vault.exclusion (listing_id, kind, value) VALUES ($1, 'country', 'FR')", ()),
            ("INSERT INTO vault.owner_link (listing_id, owner_contact_id, purpose, subject_id, token_hash, expires_at) "
             "VALUES ($1, $2, 'teaser', $2, '\\x00', now())", (contact,)),
            ("INSERT INTO vault.listing_identity (listing_id, intermediary_id, corporate_number) VALUES ($1, $2, $3)",
             (other.organisation_id, make_corporate_number("999900000077"))),
        ):  # fmt: skip
            with pytest.raises(asyncpg.PostgresError):
                async with app.transaction():
                    await app.execute(SET, kind, str(organisation), "", "")
                    await app.execute(sql, listing.id, *values)


async def test_what_has_ended_cannot_be_brought_back(world, as_database_role):
    listing = await prepared(world, await world.intermediary())
    await proposed(world, listing)
    await last_token(world, listing)
    app = await as_database_role("succession_app")
    scope = ("owner", "", "", str(listing.id))
    async with app.transaction():
        await app.execute(SET, *scope)
        assert await app.execute("UPDATE vault.owner_link SET used_at = now() WHERE listing_id = $1", listing.id) == "UPDATE 1"
    for sql, code in (("UPDATE vault.owner_link SET used_at = NULL WHERE listing_id = $1", "SU001"),
                      ("UPDATE vault.owner_link SET expires_at = now() + interval '1 year' WHERE listing_id = $1", "42501"),
                      ("DELETE FROM vault.paper_evidence WHERE listing_id = $1", "42501")):
        with pytest.raises(asyncpg.PostgresError) as refused:
            async with app.transaction():
                await app.execute(SET, *scope)
                await app.execute(sql, listing.id)
        assert refused.value.sqlstate == code, sql
