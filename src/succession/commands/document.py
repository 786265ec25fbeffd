"""Who had this copy, and where are documents of before? Commands on the store of documents; their keys are `succession keys`' business.

    succession document trace FILE | --mark MARK    whose copy or page it is: the mark is printed on it, and hidden in a copy
    succession document adopt                       move what still lies in the database into the store
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg

from succession.config import Settings
from succession.disclosure.listing_keys import register
from succession.store.frames import FrameCipher
from succession.store.vault import Vault, open_vault
from succession.store.wrapping import new_data_key
from succession.workbench.filetypes import MEDIA_TYPES
from succession.workbench.mark import marks_in
from succession.workbench.pool import Broken, RefusedContent

FILE_MOST_BYTES = 2_000_000_000

_TRACE = """SELECT k.mark, k.page, k.at, d.title, k.document_id, o.legal_name, m.name, m.email, a.address, a.agent, g.deal_id
FROM vault.document_mark k JOIN vault.access a ON a.id = k.access_id JOIN vault.document d ON d.id = k.document_id
JOIN vault.organisation o ON o.id = k.organisation_id JOIN vault.member m ON m.id = a.member_id
JOIN vault.disclosure_grant g ON g.id = a.grant_id WHERE k.mark = ANY($1) ORDER BY k.at"""


def run(arguments: list[str]) -> int:
    """Exit status: 0 done (a recipient was found), 1 nothing found or not all could be done, 2 wrong call or settings."""
    parser = argparse.ArgumentParser(prog="succession document")
    commands = parser.add_subparsers(dest="command", required=True)
    trace = commands.add_parser("trace", help="name the recipient of a copy or page")
    trace.add_argument("file", type=Path, nargs="?", help="a copy that was found somewhere")
    trace.add_argument("--mark", action="append", default=[], help="sixteen letters and digits as printed on it")
    commands.add_parser("adopt", help="move documents of older versions into the store")
    chosen = parser.parse_args(arguments)
    settings = Settings.from_env()
    if settings.database_url is None:
        print("DATABASE_URL is not set.", file=sys.stderr)
        return 2
    if chosen.command == "trace":
        return asyncio.run(_trace(settings, chosen.file, chosen.mark))
    return asyncio.run(_adopt(settings))


async def _seeder(settings: Settings) -> asyncpg.Connection:
    connection = await asyncpg.connect(settings.database_url, timeout=10)
    await connection.execute("SET ROLE succession_seeder")  # past row-level security; the servers cannot become it
    return connection


async def _trace(settings: Settings, file: Path | None, typed: list[str]) -> int:
    marks = [re.sub(r"[^A-Z0-9]", "", mark.upper()) for mark in typed]
    if file is not None:
        try:
            if file.stat().st_size > FILE_MOST_BYTES:
                raise OSError("larger than any document")
            marks += marks_in(file.read_bytes())
        except OSError as error:
            print(f"the file cannot be read: {type(error).__name__}", file=sys.stderr)
            return 2
    connection = await _seeder(settings)
    try:
        rows = await connection.fetch(_TRACE, marks)
    finally:
        await connection.close()
    for row in rows:
        what = "a copy" if row["page"] is None else f"page {row['page']}"
        print(f"{row['mark']}: {what} of {row['title']} (document {row['document_id']}, deal {row['deal_id']}) went on "
              f"{row['at']:%Y-%m-%d %H:%M:%S} UTC to {row['name']} <{row['email']}> of {row['legal_name']}, at {row['address'] or 'no address'}")
    if not rows:
        print("no mark of ours was found" if not marks else f"nobody was given {', '.join(marks)}")
    return 0 if rows else 1


_LEFT = """SELECT c.document_id, c.listing_id, d.title FROM vault.document_content c JOIN vault.document d ON d.id = c.document_id
WHERE NOT EXISTS (SELECT FROM vault.document_object o WHERE o.document_id = d.id) ORDER BY 1"""


async def _adopt(settings: Settings) -> int:
    vault, connection = open_vault(settings), await _seeder(settings)
    try:
        rows = await connection.fetch(_LEFT)
        moved = sum([await _adopt_one(vault, connection, row) for row in rows])
    finally:
        vault.close()
        await connection.close()
    print(f"{moved} documents were moved" + (f"; {len(rows) - moved} stay where nobody can read them" if moved < len(rows) else ""))
    return 0 if moved == len(rows) else 1


async def _adopt_one(vault: Vault, connection: asyncpg.Connection, row: asyncpg.Record) -> bool:
    listing_id, document_id, object_id = row["listing_id"], row["document_id"], uuid4()
    content = await connection.fetchval("SELECT content FROM vault.document_content WHERE document_id = $1", document_id)

    async def read_at(offset: int, length: int) -> bytes:
        return content[offset : offset + length]

    key = await _key_of(vault, connection, listing_id)
    await register(connection, listing_id, object_id, "document")
    try:
        async with vault.workbench.job("clean", {"filename": row["title"]}, len(content), read_at) as job:
            kept = b"".join([piece async for piece in job])
            found = job.result
    except (RefusedContent, Broken, TimeoutError) as error:
        print(f"{document_id}: {error}", file=sys.stderr)
        return False
    await vault.objects.put(object_id, _once(kept), FrameCipher(key, object_id))
    async with connection.transaction():
        await connection.execute("UPDATE vault.store_object SET keep_until = NULL WHERE id = $1", object_id)
        await connection.execute("UPDATE vault.document SET size_bytes = $2, content_hash = sha256($3), media_type = $4 WHERE id = $1",
                                 document_id, len(kept), kept, MEDIA_TYPES[found["kind"]])
        await connection.execute("INSERT INTO vault.document_object (document_id, listing_id, object_id, kind, size_bytes, pages, malware) "
                                 "VALUES ($1, $2, $3, $4, $5, $6, 'not_scanned')", document_id, listing_id, object_id, found["kind"],
                                 len(kept), found["pages"])
        await connection.execute("DELETE FROM vault.document_content WHERE document_id = $1", document_id)
    return True


async def _key_of(vault: Vault, connection: asyncpg.Connection, listing_id: UUID) -> bytes:
    row = await connection.fetchrow("SELECT wrapping, wrapped FROM vault.listing_key WHERE listing_id = $1", listing_id)
    if row is not None:
        return vault.wrapping.unwrap(row["wrapping"], row["wrapped"], listing_id)
    key = new_data_key()
    await connection.execute("INSERT INTO vault.listing_key (listing_id, wrapping, wrapped) VALUES ($1, $2, $3)", listing_id,
                             *vault.wrapping.wrap(key, listing_id))
    return key


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
