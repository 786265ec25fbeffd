"""Does every ledger still say what was written, and does every release still have its entry? Names the first broken link.

Works on rows alone, as the seeding role reads them past row-level security; needs nothing of the running system. A chain
rewritten as a whole, head included, and consistent with every other table, only a head remembered elsewhere can show:
`heads` prints them, `against` compares.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from succession.disclosure.canonical import Head, LedgerRow, NotCanonical, decode, opens, verify_chain
from succession.disclosure.ledger import spelling


class Break(msgspec.Struct, frozen=True):
    """The first thing that does not hold on one listing. `seq` 0: the listing's chain as a whole.

    `flaw`: those of canonical.BrokenLink, and columns (they differ from the body), subject (a row that a commitment
    commits to was altered), grant_without_entry, entry_without_grant, revocation_without_entry, schedule_without_entry,
    head_missing, rewritten (another chain than the one remembered).
    """

    listing_id: UUID
    seq: int
    flaw: str


class Report(msgspec.Struct, frozen=True):
    listings: int
    entries: int
    breaks: list[Break]
    heads: dict[UUID, Head]


_LISTINGS = """SELECT listing_id FROM (
    SELECT listing_id FROM vault.ledger_head UNION SELECT listing_id FROM vault.ledger_entry
    UNION SELECT listing_id FROM vault.disclosure_grant UNION SELECT listing_id FROM vault.nda_schedule) l
WHERE $1::uuid IS NULL OR listing_id = $1 ORDER BY listing_id"""
_ENTRIES = "SELECT id, seq, kind, deal_id, body, prev, hash FROM vault.ledger_entry WHERE listing_id = $1 ORDER BY seq"
_SUBJECTS = "SELECT id, data::text, salt, commitment FROM vault.ledger_subject WHERE listing_id = $1"
_GRANTS = "SELECT id, ledger_entry_id, level, deal_id, revoked_at FROM vault.disclosure_grant WHERE listing_id = $1 ORDER BY granted_at, id"
_SCHEDULES = """SELECT s.id, s.ledger_entry_id, encode(s.text_hash, 'hex') AS text_hash FROM vault.nda_schedule s
WHERE s.listing_id = $1 ORDER BY s.bound_at, s.id"""


async def check_ledgers(connection: asyncpg.Connection, listing_id: UUID | None = None,
                        remembered: Mapping[UUID, Head] | None = None) -> Report:
    """Check every chain, or one. One snapshot: what is appended meanwhile is not half seen."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return await check_snapshot(connection, listing_id, remembered or {})


async def check_snapshot(connection: asyncpg.Connection, listing_id: UUID | None, remembered: Mapping[UUID, Head]) -> Report:
    """The same within a transaction of the caller's."""
    breaks: list[Break] = []
    heads: dict[UUID, Head] = {}
    entries = 0
    found = [row["listing_id"] for row in await connection.fetch(_LISTINGS, listing_id)]
    for each in sorted({*found, *remembered} if listing_id is None else found):
        count, head, broken = await _check(connection, each, remembered.get(each))
        entries += count
        if head is not None:
            heads[each] = head
        if broken is not None:
            breaks.append(broken)
    return Report(len(found), entries, breaks, heads)


async def _check(connection: asyncpg.Connection, listing_id: UUID, known: Head | None) -> tuple[int, Head | None, Break | None]:
    rows = await connection.fetch(_ENTRIES, listing_id)
    stored = await connection.fetchrow("SELECT seq, hash FROM vault.ledger_head WHERE listing_id = $1", listing_id)
    head = None if stored is None else Head(stored["seq"], stored["hash"])
    links = [LedgerRow(row["seq"], row["body"], row["prev"], row["hash"]) for row in rows]
    if broken := verify_chain(listing_id, links, head):
        return len(rows), head, Break(listing_id, broken.seq, broken.flaw)
    if rows and head is None:
        return len(rows), head, Break(listing_id, 0, "head_missing")
    async for broken in _beside_the_chain(connection, listing_id, rows):
        return len(rows), head, broken
    if known is not None and known.seq > len(links):
        return len(rows), head, Break(listing_id, len(links) + 1, "cut_off")
    if known is not None and known.seq and links[known.seq - 1].hash != known.hash:
        return len(rows), head, Break(listing_id, known.seq, "rewritten")
    return len(rows), head, None


async def _beside_the_chain(connection: asyncpg.Connection, listing_id: UUID, rows: list[asyncpg.Record]) -> AsyncIterator[Break]:
    """What the hashes do not cover: columns, openings of commitments, and the rows that must have an entry."""
    bodies: dict[UUID, dict[str, Any]] = {}
    subjects = {row["id"]: row for row in await connection.fetch(_SUBJECTS, listing_id)}
    for row in rows:
        body = _body(row["body"])
        columns = (str(row["id"]), str(listing_id), row["kind"], row["deal_id"] and str(row["deal_id"]))
        if (body.get("entry_id"), body.get("listing_id"), body.get("kind"), body.get("deal_id")) != columns:
            yield Break(listing_id, row["seq"], "columns")
        if not all(_opens(each, subjects.get(UUID(each["subject_id"]))) for each in body.get("commitments", [])):
            yield Break(listing_id, row["seq"], "subject")
        bodies[row["id"]] = body | {"seq": row["seq"]}
    released = {body.get("grant_id"): body for body in bodies.values() if body.get("kind") == "released"}
    revoked = {body.get("grant_id") for body in bodies.values() if body.get("kind") == "revoked"}
    for grant in await connection.fetch(_GRANTS, listing_id):
        entry = released.pop(str(grant["id"]), None)
        if entry is None or (entry.get("entry_id"), entry.get("level"), entry.get("deal_id")) != (
                str(grant["ledger_entry_id"]), grant["level"], str(grant["deal_id"])):
            yield Break(listing_id, entry["seq"] if entry else 0, "grant_without_entry")
        if (grant["revoked_at"] is not None) != (str(grant["id"]) in revoked):
            yield Break(listing_id, entry["seq"] if entry else 0, "revocation_without_entry")
    for entry in released.values():
        yield Break(listing_id, entry["seq"], "entry_without_grant")
    for schedule in await connection.fetch(_SCHEDULES, listing_id):
        entry = bodies.get(schedule["ledger_entry_id"])
        if entry is None or entry.get("schedule_id") != str(schedule["id"]) or not _commits_to(entry, schedule["text_hash"], subjects):
            yield Break(listing_id, entry["seq"] if entry else 0, "schedule_without_entry")


def _body(raw: bytes) -> dict[str, Any]:
    try:
        return decode(raw)
    except NotCanonical:  # verify_chain has said so already
        return {"commitments": []}


def _opens(commitment: dict[str, Any], subject: asyncpg.Record | None) -> bool:
    """An erased subject is no flaw: the commitment stays, and says nothing any more."""
    return subject is None or (subject["commitment"] == commitment["commitment"]
                               and opens(commitment["commitment"], spelling(msgspec.json.decode(subject["data"])), subject["salt"]))


def _commits_to(entry: dict[str, Any], text_hash: str, subjects: dict[UUID, asyncpg.Record]) -> bool:
    for each in entry.get("commitments", []):
        subject = subjects.get(UUID(each["subject_id"]))
        if each["subject"] == "text_hash" and subject is not None:
            return msgspec.json.decode(subject["data"]) == text_hash
    return True  # erased
