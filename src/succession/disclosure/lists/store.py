"""How does a list become its next version, and what does that change? SQL on one connection, the caller's transaction.

A version is what its file said: entries that stay keep their rows, what left is marked with the version it left in, what
came or was rewritten is a new row. So any version can be read again, and a list of 20,000 names that changes by ten adds
ten rows. Nothing is ever deleted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from succession.disclosure.lists.records import ListRecord
from succession.disclosure.names.writing import normalise
from succession.errors import Problem

SHRINKS_FROM = 10  # a list this long does not lose half of its entries without somebody meaning it


class Difference(msgspec.Struct, frozen=True):
    """What a file would change. `added` holds the rewritten ones as well, `leaving` the rows they replace."""

    before: int
    added: list[ListRecord]
    leaving: list[UUID]
    changed: int

    @property
    def new(self) -> int:
        return len(self.added) - self.changed

    @property
    def removed(self) -> int:
        return len(self.leaving) - self.changed

    @property
    def after(self) -> int:
        return self.before - len(self.leaving) + len(self.added)


class Imported(msgspec.Struct, frozen=True):
    """The version that was made."""

    version_id: UUID
    number: int
    entries: int


class VersionFacts(msgspec.Struct, frozen=True):
    """What is written down of a version beside its entries. `member` None: by command; `imported_at` None: now."""

    label: str
    as_of: date
    format: str
    file_name: str | None
    file_hash: bytes
    member: UUID | None
    imported_at: datetime | None = None


_LOCK = "SELECT code FROM vault.screening_list WHERE code = $1 AND retired_at IS NULL FOR UPDATE"
_CURRENT = "SELECT id, ref, content_hash FROM vault.screening_list_entry WHERE list_code = $1 AND removed_at IS NULL"
_LAST = "SELECT number, file_hash, entries FROM vault.screening_list_version WHERE list_code = $1 ORDER BY number DESC LIMIT 1"
_VERSION = """INSERT INTO vault.screening_list_version (id, list_code, number, label, as_of, format, file_name, file_hash, entries, added, removed,
    changed, imported_by, imported_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, coalesce($14, now()))"""
_LEAVE = "UPDATE vault.screening_list_entry SET until_version = $2, removed_at = now() WHERE id = ANY($1::uuid[]) AND removed_at IS NULL"
_ENTER = """INSERT INTO vault.screening_list_entry (id, list_code, list_version, name, normalised, aliases, country, kind, reason, added_by,
    from_version, ref, content_hash, weak_aliases, countries, birth_years, identifiers, listed_on)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"""


async def lock_list(connection: asyncpg.Connection, code: str) -> None:
    """One version at a time. Problem not_found for a list that there is not, or that was retired."""
    if await connection.fetchval(_LOCK, code) is None:
        raise Problem("not_found")


async def difference(connection: asyncpg.Connection, code: str, records: Sequence[ListRecord]) -> Difference:
    """The records of a whole file against the newest version."""
    current = {row["ref"] or str(row["id"]): row for row in await connection.fetch(_CURRENT, code)}
    hashes = {record.ref: record.content_hash for record in records}
    same = {ref for ref, row in current.items() if hashes.get(ref) == row["content_hash"]}
    added = [record for record in records if record.ref not in same]
    return Difference(len(current), added, [row["id"] for ref, row in current.items() if ref not in same],
                      sum(record.ref in current for record in added))


async def refuse_known(connection: asyncpg.Connection, code: str, file_hash: bytes) -> None:
    """Problem list_known when the newest version came from this very file."""
    last = await connection.fetchrow(_LAST, code)
    if last is not None and bytes(last["file_hash"]) == file_hash:
        raise Problem("list_known")


def refuse_shrinking(found: Difference) -> None:
    """Problem list_shrinks when more than half of a list would be gone: most often the file was cut."""
    if found.before >= SHRINKS_FROM and found.after * 2 < found.before:
        raise Problem("list_shrinks", extra={"before": found.before, "after": found.after})


async def store_version(connection: asyncpg.Connection, code: str, change: Difference, facts: VersionFacts, ids: Any) -> Imported:
    """Write the version and its entries; `ids` makes ids of rows. The list must be locked."""
    last = await connection.fetchrow(_LAST, code)
    number = last["number"] + 1 if last else 1
    version_id = ids()
    await connection.execute(_VERSION, version_id, code, number, facts.label, facts.as_of, facts.format, facts.file_name, facts.file_hash,
                             change.after, change.new, change.removed, change.changed, facts.member, facts.imported_at)
    if change.leaving:
        await connection.execute(_LEAVE, change.leaving, number)
    await connection.executemany(_ENTER, [(
        ids(), code, facts.label, record.name, normalise(record.name, record.kind), list(record.aliases),
        record.countries[0] if record.countries else None, record.kind, record.reason, facts.member, number, record.ref, record.content_hash,
        list(record.weak_aliases), list(record.countries), list(record.birth_years), list(record.identifiers), record.listed_on,
    ) for record in change.added])  # fmt: skip
    return Imported(version_id, number, change.after)


def hash_of(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
