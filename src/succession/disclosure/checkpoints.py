"""How is the state of all ledgers signed, so that whoever owns the database cannot rewrite them unseen?

A checkpoint is a statement (time, root of a tree over all heads, hash of the statement before) signed with a key that is not in
the database. Copies go to the parties: each can show later what was signed, whatever became of the rows here.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from succession import keys
from succession.config import Settings
from succession.disclosure import merkle
from succession.disclosure.canonical import encode
from succession.disclosure.merkle import HeadAt

SALT_BYTES = 32
NONE_BEFORE = bytes(32)


class Copy(msgspec.Struct, frozen=True):
    """A checkpoint as it is kept elsewhere: bytes in hex, the statement as the text that was signed."""

    seq: int
    statement: str
    signature: str
    public_key: str


class Flaw(msgspec.Struct, frozen=True):
    """What is wrong with one checkpoint. `flaw`: gap (one before it is missing), statement (it does not say what its columns
    say, or does not follow the one before), key (signed with a key that is not ours), signature, root (the heads it was signed
    over are others), missing, rewritten (against a copy)."""

    seq: int
    flaw: str


_LAST = "SELECT seq, at, statement FROM vault.ledger_checkpoint ORDER BY seq DESC LIMIT 1"
_HEADS = "SELECT listing_id, seq, hash, deals FROM vault.ledger_heads()"
_KNOWN = """SELECT DISTINCT ON (listing_id) listing_id, seq FROM vault.ledger_checkpoint_head ORDER BY listing_id, checkpoint DESC"""
_SIGNED = """INSERT INTO vault.ledger_checkpoint (seq, at, listings, entries, salt, merkle_root, previous, statement, signature, key_id, public_key)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"""
_MOVED = """INSERT INTO vault.ledger_checkpoint_head (listing_id, checkpoint, seq, hash)
SELECT h.id, $1, h.seq, h.hash FROM unnest($2::uuid[], $3::bigint[], $4::bytea[]) AS h (id, seq, hash)"""


async def make_checkpoint(connection: asyncpg.Connection, settings: Settings) -> int:
    """Sign what every ledger ends with now; returns the number. For the worker's or the seeding role, in one transaction."""
    key = keys.checkpoint_key(settings)
    public = key.public_key()
    last = await connection.fetchrow(_LAST)
    heads = {row["listing_id"]: HeadAt(row["seq"], row["hash"], tuple(row["deals"])) for row in await connection.fetch(_HEADS)}
    known = {row["listing_id"]: row["seq"] for row in await connection.fetch(_KNOWN)}
    seq, entries, salt = (last["seq"] if last else 0) + 1, sum(head.seq for head in heads.values()), secrets.token_bytes(SALT_BYTES)
    root = merkle.root(merkle.leaves(salt, heads, entries))
    previous = hashlib.sha256(last["statement"]).digest() if last else NONE_BEFORE
    at = await connection.fetchval("SELECT now()")
    statement = statement_of(seq, at, root, previous, keys.key_id(public))
    await connection.execute(_SIGNED, seq, at, len(heads), entries, salt, root, previous, statement, key.sign(statement),
                             keys.key_id(public), public.public_bytes_raw())
    moved = {listing_id: head for listing_id, head in heads.items() if known.get(listing_id) != head.seq}
    await connection.execute(_MOVED, seq, list(moved), [head.seq for head in moved.values()], [head.hash for head in moved.values()])
    return seq


def statement_of(seq: int, at: datetime, root: bytes, previous: bytes, key_id: str) -> bytes:
    """The bytes that are signed."""
    return encode({"kind": "ledger_checkpoint", "seq": seq, "at": at, "merkle_root": root.hex(), "previous": previous.hex(), "key_id": key_id})


_COPY_LETTER = """INSERT INTO ops.outbox (topic, payload, dedupe_key)
SELECT 'mail', jsonb_build_object('template', 'ledger_checkpoint', 'to', jsonb_build_object('address', NULL, 'member', NULL,
    'organisation', r.organisation_id), 'locale', NULL, 'params', $2::text::jsonb), 'ledger_checkpoint:' || $1::bigint || ':' || r.organisation_id
FROM vault.checkpoint_readers($1) r ON CONFLICT (dedupe_key) DO NOTHING"""


async def send_copies(connection: asyncpg.Connection, settings: Settings, seq: int) -> None:
    """A letter to everybody who has something new in this checkpoint, itself."""
    row = await connection.fetchrow("SELECT * FROM vault.ledger_checkpoint WHERE seq = $1", seq)
    await connection.execute(_COPY_LETTER, seq, msgspec.json.encode({
        "number": seq, "signed_at": row["at"].isoformat(), "root": row["merkle_root"].hex(), "signature": row["signature"].hex(),
        "key": row["public_key"].hex()}).decode())


async def checkpoint_if_due(connection: asyncpg.Connection, settings: Settings, now: datetime | None = None) -> int | None:
    """The worker's: one checkpoint every `checkpoint_hours`, with its letters."""
    last = await connection.fetchrow(_LAST)
    if last and (now or datetime.now(UTC)) < last["at"] + timedelta(hours=settings.checkpoint_hours):
        return None
    seq = await make_checkpoint(connection, settings)
    await send_copies(connection, settings, seq)
    return seq


# ---------------------------------------------------------------------------------------------------------------------
# Checking

_ALL = "SELECT * FROM vault.ledger_checkpoint ORDER BY seq"
_HEADS_OF = "SELECT listing_id, checkpoint, seq, hash FROM vault.ledger_checkpoint_head ORDER BY checkpoint, listing_id"
_OPENED = "SELECT listing_id, seq, deal_id FROM vault.ledger_entry WHERE kind = 'request_opened' ORDER BY listing_id, seq"


async def check_checkpoints(connection: asyncpg.Connection, trusted: Mapping[str, bytes] | None, copies: Iterable[Copy] = ()) -> list[Flaw]:
    """Every checkpoint in order, and the copies; the first flaw first. `trusted`: our public keys by id, from outside the
    database; None: take the keys that stand beside the signatures."""
    rows = await connection.fetch(_ALL)
    moved: dict[int, list[asyncpg.Record]] = {}
    for row in await connection.fetch(_HEADS_OF):
        moved.setdefault(row["checkpoint"], []).append(row)
    opened: dict[UUID, list[tuple[int, UUID]]] = {}
    for row in await connection.fetch(_OPENED):
        opened.setdefault(row["listing_id"], []).append((row["seq"], row["deal_id"]))
    flaws, heads, previous = [], {}, NONE_BEFORE
    for number, row in enumerate(rows, 1):
        for head in moved.get(row["seq"], ()):
            deals = tuple(deal for seq, deal in opened.get(head["listing_id"], ()) if seq <= head["seq"])
            heads[head["listing_id"]] = HeadAt(head["seq"], head["hash"], deals)
        if row["seq"] != number:
            flaws.append(Flaw(number, "gap"))
            break
        if flaw := _flaw(row, previous, trusted) or _flaw_of_root(row, heads):
            flaws.append(Flaw(row["seq"], flaw))
            break
        previous = hashlib.sha256(row["statement"]).digest()
    kept = {row["seq"]: row["statement"].decode() for row in rows}
    return flaws + [flaw for copy in copies if (flaw := compare(copy, kept.get(copy.seq), trusted))]


def _flaw(row: Any, previous: bytes, trusted: Mapping[str, bytes] | None) -> str | None:
    if row["previous"] != previous or row["statement"] != statement_of(row["seq"], row["at"], row["merkle_root"], previous, row["key_id"]):
        return "statement"
    public = row["public_key"] if trusted is None else trusted.get(row["key_id"])
    if public is None or public != row["public_key"]:
        return "key"
    return None if signed(public, row["statement"], row["signature"]) else "signature"


def _flaw_of_root(row: Any, heads: Mapping[UUID, HeadAt]) -> str | None:
    same = merkle.root(merkle.leaves(row["salt"], heads, row["entries"])) == row["merkle_root"]
    return None if same and row["listings"] == len(heads) else "root"


def compare(copy: Copy, kept: str | None, trusted: Mapping[str, bytes] | None) -> Flaw | None:
    """What a copy shows of the checkpoint kept here: nothing, that it is missing or another one, or that the copy is not ours."""
    public = bytes.fromhex(copy.public_key)
    if (trusted is not None and public not in trusted.values()) or not signed(public, copy.statement.encode(), bytes.fromhex(copy.signature)):
        return Flaw(copy.seq, "copy_not_ours")
    return Flaw(copy.seq, "missing") if kept is None else Flaw(copy.seq, "rewritten") if kept != copy.statement else None


def signed(public: bytes, statement: bytes, signature: bytes) -> bool:
    """Whether this Ed25519 key (32 bytes) signed the statement."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, statement)
    except (InvalidSignature, ValueError):
        return False
    return True
