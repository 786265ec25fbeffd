"""Do migrations carry over what a database holds already, and not only an empty one?"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest
from conftest import clone_of

from succession.migrations import files, migrate

NEW = ("WITH o AS (INSERT INTO vault.organisation (id, kind, status, legal_name, country, intermediary_kind) VALUES ($1, 'intermediary', 'verified', 'x', 'JP', 'bank')) "
       "INSERT INTO vault.listing (id, intermediary_id, state) VALUES ($2, $1, 'preparing')")
CONTACT = "INSERT INTO vault.owner_contact (id, listing_id, name, role, decides) VALUES ($1, $2, $3, $4, $5)"
DOCUMENT = ("INSERT INTO vault.document (id, listing_id, level, folder, title, media_type, size_bytes, content_hash, added_by) "
            "VALUES ($1, $2, $3, $4, 'x', 'text/plain', 1, sha256('x'), $2)")
PROPOSAL = ("INSERT INTO vault.teaser_proposal (id, listing_id, canonical, canonical_hash, rendering_ja, cell_id, audiences, superseded_at) "
            "VALUES ($1, $2, '{}', sha256('x'), 'x', 1, 2, $3)")
DEAL = ("INSERT INTO vault.deal (id, listing_id, intermediary_id, buyer_id, teaser_ref, origin, project_name, purpose) "
        "VALUES ($1, $2, $2, $1, $2, 'direct', 'x', 'x')")
PERMISSION = ("INSERT INTO vault.folder_permission (id, deal_id, listing_id, buyer_id, folder_ids, shown, shown_text_ja, shown_hash, asked_by, expires_at, "
              "decision, decided_at, decided_by, method, evidence) VALUES ($1, $2, $3, $2, ARRAY[$2::uuid], '{}', 'x', sha256('x'), $2, now() + interval '9 days', "
              "$4, now(), $5, 'link', jsonb_build_object('contact_id', $6::text))")


async def _upto(connection: asyncpg.Connection, name: str) -> None:
    """Every migration before the one that begins with this number."""
    await connection.execute("CREATE TABLE IF NOT EXISTS public.schema_migration (name text PRIMARY KEY, hash bytea NOT NULL, applied_at timestamptz DEFAULT now())")
    had = {row["name"] for row in await connection.fetch("SELECT name FROM public.schema_migration")}
    for path in files():
        if path.name < name and path.name not in had:
            async with connection.transaction():
                await connection.execute(path.read_text(encoding="utf-8"))
                await connection.execute("INSERT INTO public.schema_migration VALUES ($1, sha256(convert_to($2, 'UTF8')))", path.name,
                                         path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def empty():
    """The URL of a database without any migration."""
    return clone_of("template0", "succession_old_rows")


async def test_documents_get_their_folders_and_open_questions_their_persons(empty):
    connection = await asyncpg.connect(empty)
    listing, deal = uuid4(), uuid4()
    first, second, told = uuid4(), uuid4(), uuid4()
    documents = {uuid4(): ("data_room", "賃貸借契約"), uuid4(): ("data_room", "Leases"), uuid4(): ("data_room", "leases"), uuid4(): ("dossier", "")}
    open_, old, answered = uuid4(), uuid4(), uuid4()
    try:
        async def put(*rows):
            await connection.execute("SET session_replication_role = replica")  # only the rows: their causes are other tests'
            for sql, *values in rows:
                await connection.execute(sql, *values)
            await connection.execute("SET session_replication_role = origin")

        await _upto(connection, "0018")
        await put((NEW, uuid4(), listing), (CONTACT, first, listing, "架空 太郎", "representative", True), (CONTACT, second, listing, "架空 花子", "co_owner", True),
                  (CONTACT, told, listing, "架空 次郎", "informed", False), (PROPOSAL, open_, listing, None), (PROPOSAL, old, listing, datetime.now(UTC)),
                  *((DOCUMENT, number, listing, *place) for number, place in documents.items()))
        await _upto(connection, "0026")
        await put((DEAL, deal, listing), (PERMISSION, answered, deal, listing, "yes", "架空 花子", str(second)))
        await connection.close()
        await migrate(empty)
        connection = await asyncpg.connect(empty)
        placed = {row["id"]: row["name"] for row in await connection.fetch("SELECT d.id, f.name FROM vault.document d LEFT JOIN vault.folder f ON f.id = d.folder_id")}
        assert {number: (placed[number] or "").lower() for number in documents} == {number: folder.lower() for number, (_level, folder) in documents.items()}
        assert await connection.fetchval("SELECT count(*) FROM vault.folder") == 2, "two spellings of one name are one folder"
        asked = await connection.fetch("SELECT subject_id, owner_contact_id, purpose FROM vault.decider ORDER BY purpose, owner_contact_id")
        assert {(row["subject_id"], row["owner_contact_id"]) for row in asked} == {(open_, first), (open_, second), (answered, second)}
        assert await connection.fetchval("SELECT vault.deciders_verdict($1)", answered) == "yes"
        assert await connection.fetchval("SELECT vault.deciders_verdict($1)", open_) is None
    finally:
        await connection.close()
