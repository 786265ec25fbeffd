"""Does every ledger still say what was written, and does every release still have its entry? Names the first broken link.

Works on rows alone, as the seeding role reads them past row-level security. A chain rewritten as a whole, head included, and
consistent with every other table, is found against the heads of the checkpoints (checkpoints.py), which are signed outside of
the database, and against heads remembered elsewhere: `heads` prints them, `remembered` compares.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from succession.config import Settings
from succession.disclosure.canonical import Head, LedgerRow, opens, verify_chain
from succession.disclosure.ledger import SALT_BYTES, spelling
from succession.disclosure.subject_keys import KeyGone, Subject, unseal, unwrap

ROWS_AT_ONCE = 20_000  # of entries: what is in memory at a time


class Break(msgspec.Struct, frozen=True):
    """The first thing that does not hold on one listing. `seq` 0: the listing's chain as a whole.

    `flaw`: those of canonical.BrokenLink, and columns (they differ from the body), subject (a row that a commitment
    commits to was altered), version (what was shown is not what was committed to), grant_without_entry, entry_without_grant,
    revocation_without_entry, schedule_without_entry, shown_without_entry, entry_without_shown, document_without_entry (a sealed
    document of an NDA is not the one entered), entry_without_document, head_missing, rewritten (another chain than the one remembered). `checkpoint`: which one remembers it, 0 for none.
    """

    listing_id: UUID
    seq: int
    flaw: str
    checkpoint: int = 0


class Report(msgspec.Struct, frozen=True):
    """`unopened`: commitments whose opening was erased, or lies under a key that is not here; they say nothing any more."""

    listings: int
    entries: int
    breaks: list[Break]
    heads: dict[UUID, Head]
    unopened: int = 0


# Of the entries only the first of every listing is looked for: there are many of each.
LISTINGS = """WITH RECURSIVE chained AS (
    (SELECT listing_id FROM vault.ledger_entry ORDER BY listing_id LIMIT 1) UNION ALL
    SELECT (SELECT e.listing_id FROM vault.ledger_entry e WHERE e.listing_id > c.listing_id ORDER BY e.listing_id LIMIT 1)
    FROM chained c WHERE c.listing_id IS NOT NULL)
SELECT l.listing_id, coalesce(h.seq, 0) AS size FROM (
    SELECT listing_id FROM vault.ledger_head UNION SELECT listing_id FROM chained WHERE listing_id IS NOT NULL
    UNION SELECT listing_id FROM vault.disclosure_grant UNION SELECT listing_id FROM vault.nda_schedule
    UNION SELECT listing_id FROM vault.ledger_checkpoint_head) l LEFT JOIN vault.ledger_head h USING (listing_id)
WHERE $1::uuid IS NULL OR l.listing_id = $1 ORDER BY l.listing_id"""
# Of a run of listings, first to last: one pass over an index.
_ENTRIES = """SELECT listing_id, id::text, seq, kind, deal_id::text, body, prev, hash FROM vault.ledger_entry
WHERE listing_id BETWEEN $1 AND $2 ORDER BY listing_id, seq"""
_HEADS = "SELECT listing_id, seq, hash FROM vault.ledger_head WHERE listing_id BETWEEN $1 AND $2"
_SIGNED = """SELECT listing_id, checkpoint, seq, hash FROM vault.ledger_checkpoint_head WHERE listing_id BETWEEN $1 AND $2
ORDER BY listing_id, checkpoint"""
_SUBJECTS = """SELECT id::text, uuid_send(id) AS place, data::text, salt, key_id, sealed, commitment FROM vault.ledger_subject
WHERE listing_id BETWEEN $1 AND $2"""
_KEYS = "SELECT id, kind, subject_id, wrapped, wrapped_by FROM vault.subject_key WHERE id = ANY($1)"
_GRANTS = """SELECT listing_id, id::text, ledger_entry_id::text, level, deal_id::text, revoked_at FROM vault.disclosure_grant
WHERE listing_id BETWEEN $1 AND $2 ORDER BY granted_at, id"""
_SCHEDULES = """SELECT listing_id, id::text, ledger_entry_id::text, encode(text_hash, 'hex') AS text_hash FROM vault.nda_schedule
WHERE listing_id BETWEEN $1 AND $2 ORDER BY bound_at, id"""
_DOCUMENTS = """SELECT listing_id, id::text, nda_id::text, version, encode(sha256(content), 'hex') AS content_hash FROM vault.nda_document
WHERE listing_id BETWEEN $1 AND $2 ORDER BY made_at, id"""
_SHOWN = """SELECT listing_id, entry_id::text, grant_id::text, fact_group, version_id::text FROM vault.disclosed
WHERE listing_id BETWEEN $1 AND $2"""
_VERSIONS = """SELECT id::text, uuid_send(id) AS place, fact_group, key_id, sealed FROM vault.fact_version
WHERE listing_id BETWEEN $1 AND $2"""
# What is sorted fits into memory; more processes are ours to start.
_ROOM = "SET LOCAL work_mem = '64MB'; SET LOCAL max_parallel_workers_per_gather = 0"


async def check_ledgers(connection: asyncpg.Connection, listing_id: UUID | None = None, remembered: Mapping[UUID, Head] | None = None,
                        settings: Settings | None = None) -> Report:
    """Check every chain, or one. One snapshot: what is appended meanwhile is not half seen. `settings` open what is sealed."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return await check_snapshot(connection, listing_id, remembered or {}, settings)


async def check_snapshot(connection: asyncpg.Connection, listing_id: UUID | None, remembered: Mapping[UUID, Head],
                         settings: Settings | None = None) -> Report:
    """The same within a transaction of the caller's."""
    sizes = {row["listing_id"]: row["size"] for row in await connection.fetch(LISTINGS, listing_id)}
    if listing_id is None:
        sizes = dict.fromkeys(remembered, 0) | sizes
    return await check_some(connection, sorted(sizes.items()), remembered, settings)


async def check_some(connection: asyncpg.Connection, sizes: Sequence[tuple[UUID, int]], remembered: Mapping[UUID, Head],
                     settings: Settings | None) -> Report:
    """Check these listings, sorted and with none left out between them, given with about how many entries each has."""
    await connection.execute(_ROOM)
    breaks: list[Break] = []
    heads: dict[UUID, Head] = {}
    entries = unopened = found = 0
    for batch in _batches(sizes):
        evidence = await _load(connection, batch, settings)
        for each in batch:
            entries += len(evidence.entries[each])
            if each in evidence.heads:
                heads[each] = evidence.heads[each]
            found += bool(evidence.entries[each] or each in evidence.heads or each in evidence.signed)
            broken = _check(each, evidence, remembered.get(each))
            if broken is not None:
                breaks.append(broken)
        unopened += evidence.unopened
    return Report(found, entries, breaks, heads, unopened)


def _batches(sizes: Sequence[tuple[UUID, int]]) -> Iterator[list[UUID]]:
    batch, rows = [], 0
    for listing_id, size in sizes:
        if batch and rows + size > ROWS_AT_ONCE:
            yield batch
            batch, rows = [], 0
        batch.append(listing_id)
        rows += size + 1
    if batch:
        yield batch


class _Evidence:
    """Everything about a batch of listings, by listing."""

    def __init__(self) -> None:
        self.entries: dict[UUID, list[Any]] = defaultdict(list)
        self.heads: dict[UUID, Head] = {}
        self.signed: dict[UUID, list[Any]] = defaultdict(list)
        self.grants: dict[UUID, list[Any]] = defaultdict(list)
        self.schedules: dict[UUID, list[Any]] = defaultdict(list)
        self.shown: dict[UUID, list[Any]] = defaultdict(list)
        self.documents: dict[UUID, list[Any]] = defaultdict(list)
        self.subjects: dict[str, Any] = {}
        self.versions: dict[str, Any] = {}
        self.keys: dict[UUID, AESGCM] = {}
        self.unopened = 0

    def opened(self, subject_id: str, commitment: str) -> bytes | None:
        """What was committed to. None: erased, or its key is not here, which is no flaw; the commitment stays, and says nothing
        any more. Raises KeyGone when the row is not what the entry committed to."""
        subject = self.subjects.get(subject_id)
        if subject is None:
            self.unopened += 1
            return None
        _id, place, data, salt, key_id, sealed, said = subject
        if said != commitment:
            raise KeyGone(subject_id)
        if sealed is None:
            value = spelling(msgspec.json.decode(data)).encode()
        elif key_id in self.keys:
            plain = unseal(self.keys[key_id], sealed, place)
            salt, value = plain[:SALT_BYTES], plain[SALT_BYTES:]
        else:
            self.unopened += 1
            return None
        if not opens(commitment, value.decode(), salt):
            raise KeyGone(subject_id)
        return value


async def _load(connection: asyncpg.Connection, batch: list[UUID], settings: Settings | None) -> _Evidence:
    evidence, ends = _Evidence(), (batch[0], batch[-1])
    for query, into in ((_ENTRIES, evidence.entries), (_SIGNED, evidence.signed), (_GRANTS, evidence.grants),
                        (_SCHEDULES, evidence.schedules), (_SHOWN, evidence.shown), (_DOCUMENTS, evidence.documents)):
        for row in await connection.fetch(query, *ends):
            into[row["listing_id"]].append(row)
    evidence.heads = {row["listing_id"]: Head(row["seq"], row["hash"]) for row in await connection.fetch(_HEADS, *ends)}
    evidence.subjects = {row["id"]: row for row in await connection.fetch(_SUBJECTS, *ends)}
    evidence.versions = {row["id"]: row for row in await connection.fetch(_VERSIONS, *ends)}
    wanted = {row["key_id"] for rows in (evidence.subjects, evidence.versions) for row in rows.values()} - {None}
    if settings is not None and wanted:
        for row in await connection.fetch(_KEYS, list(wanted)):
            try:
                evidence.keys[row["id"]] = AESGCM(unwrap(settings, Subject(row["kind"], row["subject_id"]), row["wrapped"], row["wrapped_by"]))
            except KeyGone:
                continue
    return evidence


def _check(listing_id: UUID, evidence: _Evidence, known: Head | None) -> Break | None:
    rows, head = evidence.entries[listing_id], evidence.heads.get(listing_id)
    links = [LedgerRow(seq, body, prev, link) for _listing, _id, seq, _kind, _deal, body, prev, link in rows]
    read: list[dict[str, Any]] = []
    if broken := verify_chain(listing_id, links, head, read):
        return Break(listing_id, broken.seq, broken.flaw)
    if rows and head is None:
        return Break(listing_id, 0, "head_missing")
    for checkpoint, before in (*((row["checkpoint"], Head(row["seq"], row["hash"])) for row in evidence.signed[listing_id]), (0, known)):
        if before is not None and before.seq > len(links):
            return Break(listing_id, len(links) + 1, "cut_off", checkpoint)
        if before is not None and before.seq and links[before.seq - 1].hash != before.hash:
            return Break(listing_id, before.seq, "rewritten", checkpoint)
    return next(_beside_the_chain(listing_id, rows, read, evidence), None)


# Kinds of entries that are the cause of a row, or what it says.
_CAUSES = frozenset({"released", "revoked", "disclosed", "nda_schedule", "nda_sealed"})


def _beside_the_chain(listing_id: UUID, rows: Sequence[Any], read: Sequence[dict[str, Any]], evidence: _Evidence) -> Iterator[Break]:
    """What the hashes do not cover: columns, openings of commitments, and the rows that must have an entry."""
    bodies: dict[str, dict[str, Any]] = {}
    written = str(listing_id)
    for (_listing, entry_id, seq, kind, deal_id, *_chain), body in zip(rows, read, strict=True):
        if (body.get("entry_id"), body.get("listing_id"), body.get("kind"), body.get("deal_id")) != (entry_id, written, kind, deal_id):
            yield Break(listing_id, seq, "columns")
        opened = {}
        for each in body.get("commitments", ()):
            try:
                opened[each["subject"]] = evidence.opened(each["subject_id"], each["commitment"])
            except KeyGone:
                yield Break(listing_id, seq, "subject")
        if kind in _CAUSES:
            said = {subject: msgspec.json.decode(value) for subject, value in opened.items() if value is not None}
            bodies[entry_id] = body | {"seq": seq, "opened": said}
    yield from _grants(listing_id, bodies, evidence)
    yield from _shown(listing_id, bodies, evidence)
    yield from _documents(listing_id, bodies, evidence)
    for schedule in evidence.schedules[listing_id]:
        entry = bodies.get(schedule["ledger_entry_id"])
        if entry is None or entry.get("schedule_id") != schedule["id"] or entry["opened"].get("text_hash", schedule["text_hash"]) != schedule["text_hash"]:
            yield Break(listing_id, entry["seq"] if entry else 0, "schedule_without_entry")


def _grants(listing_id: UUID, bodies: Mapping[str, dict[str, Any]], evidence: _Evidence) -> Iterator[Break]:
    released = {body.get("grant_id"): body for body in bodies.values() if body.get("kind") == "released"}
    revoked = {body.get("grant_id") for body in bodies.values() if body.get("kind") == "revoked"}
    for grant in evidence.grants[listing_id]:
        entry = released.pop(grant["id"], None)
        if entry is None or (entry.get("entry_id"), entry.get("level"), entry.get("deal_id")) != (
                grant["ledger_entry_id"], grant["level"], grant["deal_id"]):
            yield Break(listing_id, entry["seq"] if entry else 0, "grant_without_entry")
        if (grant["revoked_at"] is not None) != (grant["id"] in revoked):
            yield Break(listing_id, entry["seq"] if entry else 0, "revocation_without_entry")
    for entry in released.values():
        yield Break(listing_id, entry["seq"], "entry_without_grant")


def _documents(listing_id: UUID, bodies: Mapping[str, dict[str, Any]], evidence: _Evidence) -> Iterator[Break]:
    sealed = {body.get("document_id"): body for body in bodies.values() if body.get("kind") == "nda_sealed"}
    for document in evidence.documents[listing_id]:
        entry = sealed.pop(document["id"], None)
        if entry is None or (entry.get("content_hash"), entry.get("nda_id"), entry.get("version")) != (
                document["content_hash"], document["nda_id"], document["version"]):
            yield Break(listing_id, entry["seq"] if entry else 0, "document_without_entry")
    for entry in sealed.values():
        yield Break(listing_id, entry["seq"], "entry_without_document")


def _shown(listing_id: UUID, bodies: Mapping[str, dict[str, Any]], evidence: _Evidence) -> Iterator[Break]:
    """Every version shown has its entry, every such entry its version, and the version is the one committed to."""
    rows = {row["entry_id"]: row for row in evidence.shown[listing_id]}
    for entry_id, entry in bodies.items():
        if entry.get("kind") != "disclosed":
            continue
        shown = rows.pop(entry_id, None)
        if shown is None:
            yield Break(listing_id, entry["seq"], "entry_without_shown")
        elif (entry.get("grant_id"), entry.get("fact_group"), entry.get("version_id")) != (
                shown["grant_id"], shown["fact_group"], shown["version_id"]):
            yield Break(listing_id, entry["seq"], "shown_without_entry")
        elif not _is_version(entry, evidence.versions.get(shown["version_id"]), evidence):
            yield Break(listing_id, entry["seq"], "version")
    if rows:
        yield Break(listing_id, 0, "shown_without_entry")


def _is_version(entry: dict[str, Any], version: Any, evidence: _Evidence) -> bool:
    said = entry["opened"].get("content")
    if version is None:
        return said is None  # purged together with what the entry commits to
    if said is None or version["key_id"] not in evidence.keys:
        return True  # erased
    try:
        content = unseal(evidence.keys[version["key_id"]], version["sealed"], version["place"])
    except KeyGone:
        return False
    return hashlib.sha256(content).hexdigest() == said.get("sha256")
