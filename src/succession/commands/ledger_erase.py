"""Erase what the ledgers know of one person or company, by destroying its key; and seal what was written before there were keys.

Two active members of the operator answer for it by name. The chains stay as they are: each says that this was erased, and when.
"""

from __future__ import annotations

import argparse
import sys
from uuid import UUID, uuid4

import asyncpg
import msgspec

from succession.config import Settings
from succession.disclosure.canonical import encode
from succession.disclosure.ledger import SALT_BYTES, spelling
from succession.disclosure.subject_keys import KINDS, Subject, SubjectKey, new_key, seal, unwrap

REASONS = ("claim", "retention_over")  # a claim of the person (APPI) that was upheld; or nothing asks any more to keep it
AT_ONCE = 1000

_OPERATOR = """SELECT m.id FROM vault.member m JOIN vault.organisation o ON o.id = m.organisation_id AND o.kind = 'operator'
WHERE m.email = lower($1) AND m.status = 'active'"""
_DESTROY = """UPDATE vault.subject_key SET wrapped = NULL, erased_at = now(), erased_by = $3, erased_with = $4, erased_reason = $5
WHERE kind = $1 AND subject_id = $2 AND erased_at IS NULL RETURNING id"""
_TOUCHED = """SELECT listing_id FROM vault.ledger_subject WHERE key_id = $1 UNION SELECT listing_id FROM vault.fact_version WHERE key_id = $1
ORDER BY 1"""
_ENTRY = "INSERT INTO vault.ledger_entry (id, listing_id, seq, kind, body, prev, hash) VALUES ($1, $2, 0, 'subject_erased', $3, '', '')"


def subject_of(text: str) -> Subject:
    """`member:<id>`; ValueError for anything else."""
    kind, _colon, subject_id = text.partition(":")
    if kind not in KINDS:
        raise ValueError(kind)
    return Subject(kind, UUID(subject_id))


async def erase(connection: asyncpg.Connection, asked: argparse.Namespace) -> int:
    """`erase --subject KIND:ID --reason claim|retention_over --by EMAIL --second EMAIL`."""
    async with connection.transaction():
        people = [await connection.fetchval(_OPERATOR, email) for email in (asked.by, asked.second)]
        if None in people or people[0] == people[1]:
            print("--by and --second are two active members of the operator", file=sys.stderr)
            return 2
        if refused := await connection.fetchval("SELECT vault.erasure_refused($1, $2, $3)", *asked.subject, asked.reason):
            print(f"not erased: {refused}", file=sys.stderr)
            return 1
        key_id = await connection.fetchval(_DESTROY, *asked.subject, *people, asked.reason)
        if key_id is None:
            print("nothing is known of this subject", file=sys.stderr)
            return 1
        at = await connection.fetchval("SELECT now()")
        listings = [row["listing_id"] for row in await connection.fetch(_TOUCHED, key_id)]
        for listing_id in listings:
            entry_id = uuid4()
            await connection.execute(_ENTRY, entry_id, listing_id, encode({
                "key_id": key_id, "subject_kind": asked.subject.kind, "reason": asked.reason, "by": people, "entry_id": entry_id,
                "listing_id": listing_id, "deal_id": None, "kind": "subject_erased", "at": at, "commitments": [],
                "actor": {"kind": "operator", "organisation_id": None, "member_id": people[0]}}))
        await connection.execute(
            "INSERT INTO vault.audit_event (actor_kind, member_id, action, object_id, detail) VALUES ('operator', $1, 'ledger.erased', $2, "
            "$3::text::jsonb)", people[0], str(key_id), msgspec.json.encode({"second": people[1], "reason": asked.reason}).decode())
    print(f"erased: one key, {len(listings)} ledgers say so")
    return 0


_PLAIN = "SELECT id, listing_id, data::text AS data, salt FROM vault.ledger_subject WHERE sealed IS NULL AND octet_length(salt) = $2 ORDER BY id LIMIT $1 FOR UPDATE"
_KEY = "SELECT id, wrapped, wrapped_by FROM vault.subject_key WHERE kind = $1 AND subject_id = $2 AND erased_at IS NULL"
_NEW = "INSERT INTO vault.subject_key (kind, subject_id, wrapped, wrapped_by) VALUES ($1, $2, $3, $4) RETURNING id"
_SEAL = "UPDATE vault.ledger_subject SET data = NULL, salt = NULL, key_id = $2, sealed = $3 WHERE id = $1"


async def seal_plain(connection: asyncpg.Connection, settings: Settings) -> int:
    """`seal`: what was written in the clear goes under the key of its listing, a thousand rows at a time."""
    sealed = 0
    while True:
        async with connection.transaction():
            rows = await connection.fetch(_PLAIN, AT_ONCE, SALT_BYTES)
            for row in rows:
                key = await _key_of(connection, settings, Subject("listing", row["listing_id"]))
                value = spelling(msgspec.json.decode(row["data"])).encode()
                await connection.execute(_SEAL, row["id"], key.id, seal(key, row["salt"] + value, row["id"]))
            sealed += len(rows)
        if len(rows) < AT_ONCE:
            print(f"{sealed} rows were sealed")
            return 0


async def _key_of(connection: asyncpg.Connection, settings: Settings, subject: Subject) -> SubjectKey:
    row = await connection.fetchrow(_KEY, *subject)
    if row is not None:
        return SubjectKey(row["id"], unwrap(settings, subject, row["wrapped"], row["wrapped_by"]))
    key, wrapped, by = new_key(settings, subject)
    return SubjectKey(await connection.fetchval(_NEW, *subject, wrapped, by), key)
