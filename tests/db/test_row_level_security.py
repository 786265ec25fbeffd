"""Role x table x verb, from the catalogue: what no role may do, and which tables nobody forgot.

The matrix below is the whole of it. A new table that is not in it, or has no forced policy, fails.
"""

import pytest

from succession.disclosure.levels import FIELDS, fields_shown
from succession.disclosure.personal_data import PERSONAL

PROGRAM_ROLES = ("succession_app", "succession_worker", "market_public", "market_buyer", "market_desk", "market_domestic")
AUDIENCE_ROLES = PROGRAM_ROLES[2:]
# In `ops` only what holds clients' data is under row-level security; the rest holds codes, counts and calendars.
OPS_WITH_POLICY = {"outbox", "idempotency", "filter_use", "one_time_code"}
OPS_WITHOUT_CLIENT_DATA = {"batch", "population", "deal_transition", "know_how_step", "ledger_kind", "metric_table", "lease", "question_reply",
                           "retention", "retention_rows", "retention_run", "case_part"}
EVIDENCE = {"recipient_confirmation", "ledger_entry", "nda_signature", "nda_document", "access", "deal_event", "verification", "audit_event", "exposure",
            "second_factor_confirmation", "document_mark", "fact_version", "disclosed", "ledger_checkpoint", "ledger_checkpoint_head",
            "screening_run", "screening_alert", "screening_list_version",
            "name_clear_person", "name_clear_answer", "decider", "decider_answer", "appi_country_note", "appi_measures"}
IDENTITY = {"listing_identity", "listing_contact", "document", "document_content", "owner_contact", "exclusion", "paper_evidence",
            "ledger_subject", "owner_link", "listing_import", "folder", "folder_permission", "folder_grant", "competitor_declaration",
            "clean_team_member", "recipient_confirmation", "second_factor", "recovery_code", "document_object", "document_upload",
            "document_mark", "document_link", "listing_key", "fact_version", "subject_key", "name_clear_person",
            "name_clear_answer", "decider", "decider_answer", "third_person_consent"}

_TABLES = """
SELECT n.nspname AS schema, c.relname AS name, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
       pg_get_userbyid(c.relowner) AS owner, c.relkind = 'v' AS is_view, (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('vault', 'market', 'ops') AND c.relkind IN ('r', 'p', 'v', 'm')
"""


@pytest.fixture
async def tables(as_database_role):
    return await (await as_database_role("owner")).fetch(_TABLES)


async def test_every_table_of_the_vault_and_the_market_is_under_forced_row_level_security(tables):
    for table in tables:
        if table["is_view"]:
            continue  # below
        if table["schema"] == "ops":
            assert table["name"] in OPS_WITH_POLICY | OPS_WITHOUT_CLIENT_DATA, f"say whether ops.{table['name']} holds clients' data"
        if table["schema"] != "ops" or table["name"] in OPS_WITH_POLICY:
            assert table["enabled"] and table["forced"], table["name"]
            closed = table["name"] in ("organisation_key", "ledger_head", "company_key", "company_salt", "one_time_code", "legal_hold",
                                       "subject_key", "facts_version", "letter")  # reached through definer functions only
            assert closed or table["policies"], f"{table['name']} has no policy"


async def test_a_view_looks_past_policies_only_to_ask_for_the_grant_and_shows_what_the_table_of_levels_shows(as_database_role, tables):
    owner = await as_database_role("owner")
    views = {table["name"]: table for table in tables if table["is_view"]}
    assert set(views) == {f"shown_{block}" for block in FIELDS}
    for block in FIELDS:
        name = f"shown_{block}"
        columns = await owner.fetchval("SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0", f"vault.{name}")
        assert set(columns) == {"listing_id", *fields_shown(block, "dossier")}, f"replace the view {name}"
        assert views[name]["owner"] == "succession_definer"
        masked = (await owner.fetchval("SELECT pg_get_viewdef($1::text::regclass)", f"vault.{name}")).count("personal_data_granted")
        assert masked == len(PERSONAL.get(block, ())), "a person's own data are asked for in the view"
        assert await owner.fetchval("SELECT reloptions @> '{security_barrier=true}' FROM pg_class WHERE oid = $1::text::regclass", f"vault.{name}")
        where = (await owner.fetchval("SELECT pg_get_viewdef($1::text::regclass)", f"vault.{name}")).partition("WHERE")[2]
        assert where.strip() == "(vault.holds(listing_id) OR vault.live_grant(listing_id, 'dossier'::text));"


async def test_no_program_role_owns_anything_or_can_look_past_policies(as_database_role, tables):
    owner = await as_database_role("owner")
    for role in PROGRAM_ROLES:
        row = await owner.fetchrow("SELECT * FROM pg_roles WHERE rolname = $1", role)
        assert not (row["rolsuper"] or row["rolbypassrls"] or row["rolcreaterole"] or row["rolcreatedb"]), role
        assert not await owner.fetchval("SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member "
                                        "WHERE r.rolname = $1", role), f"{role} can become another role"
        assert role not in {table["owner"] for table in tables}
    for role in ("succession_definer", "succession_seeder", "succession_purger"):
        assert not await owner.fetchval("SELECT rolcanlogin FROM pg_roles WHERE rolname = $1", role)


async def _verbs(owner, role, schema, table):
    return {verb for verb in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
            if await owner.fetchval("SELECT has_table_privilege($1, $2, $3)", role, f"{schema}.{table}", verb)
            or (verb in ("SELECT", "INSERT", "UPDATE")
                and await owner.fetchval("SELECT has_any_column_privilege($1, $2, $3)", role, f"{schema}.{table}", verb))}


async def test_audience_roles_have_no_grant_on_the_vault_and_only_read_the_market(as_database_role, tables):
    owner = await as_database_role("owner")
    for role in AUDIENCE_ROLES:
        assert not await owner.fetchval("SELECT has_schema_privilege($1, 'vault', 'USAGE')", role)
        for table in tables:
            verbs = await _verbs(owner, role, table["schema"], table["name"])
            assert verbs <= ({"SELECT"} if table["schema"] == "market" else set()), (role, table["name"], verbs)
        assert not await owner.fetchval("SELECT has_column_privilege($1, 'market.cell', 'size', 'SELECT')", role)


async def test_evidence_is_only_ever_added_to(as_database_role):
    owner = await as_database_role("owner")
    for role in (*PROGRAM_ROLES, "succession_definer", "succession_seeder"):
        for table in EVIDENCE:
            assert not await _verbs(owner, role, "vault", table) & {"UPDATE", "DELETE", "TRUNCATE"}, (role, table)
    for role in PROGRAM_ROLES:
        for schema, table in [(t["schema"], t["name"]) for t in await owner.fetch(_TABLES)]:
            assert "TRUNCATE" not in await _verbs(owner, role, schema, table), (role, table)


async def test_the_worker_cannot_read_identity(as_database_role):
    owner = await as_database_role("owner")
    for table in IDENTITY:
        assert not await _verbs(owner, "succession_worker", "vault", table), table


async def test_without_a_scope_the_application_sees_and_writes_nothing(as_database_role, tables):
    app = await as_database_role("succession_app")
    for table in tables:
        if table["schema"] == "vault":
            readable = await app.fetchval("SELECT has_table_privilege(current_user, $1, 'SELECT')", f"vault.{table['name']}")
            if readable:
                assert await app.fetchval(f"SELECT count(*) FROM vault.{table['name']}") == 0, table["name"]


async def test_functions_that_look_past_policies_belong_to_a_role_without_login_and_pin_their_search_path(as_database_role):
    owner = await as_database_role("owner")
    rows = await owner.fetch(
        "SELECT p.oid::regprocedure::text AS name, pg_get_userbyid(p.proowner) AS owner, p.proconfig, "
        "has_function_privilege('public', p.oid, 'EXECUTE') AS open_to_all "
        "FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname IN ('vault', 'market', 'ops') AND p.prosecdef")
    assert rows
    for row in rows:
        purging = row["name"] in ("ops.purge(text,integer)", "ops.retention_due()")  # the one hand that may remove evidence
        assert row["owner"] == ("succession_purger" if purging else "succession_definer"), row["name"]
        assert any(c.startswith("search_path=pg_catalog") for c in row["proconfig"] or ()), row["name"]
        assert not row["open_to_all"], f"{row['name']} may be called by anybody"
