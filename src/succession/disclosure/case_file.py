"""What goes into the file that a Center, a court or an owner is given years later, and checks offline?

Everything about one listing, or about one deal of it: the chain, what its commitments commit to, every version shown, consents and
agreements with their texts, grants, accesses, letters, stages, and what was signed over all ledgers. In the file of a deal other
buyers' entries keep their place in the chain and are withheld. case_check.py, which needs nothing of this program, checks it.
What belongs to which part is a table of the database (ops.case_part): one function reads it for the operator's command, and
without what nobody here may be told for who holds the listing (case_exports.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from succession import keys
from succession.config import Settings
from succession.disclosure import case_check
from succession.disclosure.case_check import FORMAT, MANIFEST, SIGNATURE, pack
from succession.disclosure.ledger import SALT_BYTES, spelling
from succession.disclosure.subject_keys import KeyGone, Subject, unseal, unwrap

Parts = Mapping[str, Sequence[dict[str, Any]]]  # ops.case_part says which; rows as JSON tells them, bytes in hex after "\\x"
#: Parts that become something else than a file of their rows.
_MADE_OF = frozenset({"ledger", "openings", "versions", "texts", "pdfs"})


class NoSuchCase(Exception):
    """There is no such listing, or the deal is not one of it."""


async def build_case(connection: asyncpg.Connection, settings: Settings, listing_id: UUID, deal_id: UUID | None) -> bytes:
    """The whole file with everything in it, as the seeding role. Raises NoSuchCase, ConfigError without a signing key."""
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM vault.listing l LEFT JOIN vault.deal d ON d.listing_id = l.id AND d.id = $2 "
                                     "WHERE l.id = $1 AND ($2::uuid IS NULL OR d.id IS NOT NULL))", listing_id, deal_id):
        raise NoSuchCase
    parts = parts_of(await connection.fetch("SELECT part, line FROM vault.case_lines($1, $2, true)", listing_id, deal_id))
    return write_case(settings, parts, listing_id, deal_id, await connection.fetchval("SELECT now()"))


def parts_of(rows: Iterable[asyncpg.Record]) -> dict[str, list[dict[str, Any]]]:
    """What `vault.case_lines` answered, part by part."""
    parts: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["line"] is None:
            parts[row["part"]] = []
        else:
            parts[row["part"]].append(json.loads(row["line"]))
    return parts


def write_case(settings: Settings, parts: Parts, listing_id: UUID, deal_id: UUID | None, at: datetime) -> bytes:
    """The file of these parts, signed. Raises ConfigError without a signing key."""
    files = {f"{part}.jsonl": _jsonl(rows) for part, rows in parts.items() if part not in _MADE_OF}
    files |= {f"texts/{row['name']}.txt": row["words"].encode() for row in parts["texts"]}
    files |= {f"{row['name']}.pdf": _bytes(row["content"]) for row in parts["pdfs"]}
    entries = [_entry(row, deal_id) for row in parts["ledger"]]
    files["ledger.jsonl"] = _jsonl(entries)
    files["openings.jsonl"] = _jsonl(_openings(settings, parts["openings"], entries))
    files["versions.jsonl"] = _jsonl([_version(settings, row) for row in parts["versions"]])
    files["case_check.py"] = Path(case_check.__file__).read_bytes()  # how it is checked, to be read and run without us
    return _signed(settings, files, listing_id, deal_id, entries, at)


def _jsonl(rows: Sequence[Any]) -> bytes:
    return b"".join(_json(row) for row in rows)


def _json(value: Any) -> bytes:
    return (json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _bytes(told: str) -> bytes:
    """Bytes as PostgreSQL's JSON tells them."""
    return bytes.fromhex(told.removeprefix("\\x"))


def _entry(row: dict[str, Any], deal_id: UUID | None) -> dict[str, Any]:
    link = {"seq": row["seq"], "prev": row["prev"], "hash": row["hash"]}
    if deal_id is not None and row["deal_id"] not in (str(deal_id), None):
        return link | {"withheld": True}
    return link | {name: row[name] for name in ("id", "kind", "deal_id", "body")}


def _key(settings: Settings, row: dict[str, Any]) -> bytes | None:
    try:
        return unwrap(settings, Subject(row["kind"], UUID(row["subject_id"])), row["wrapped"] and _bytes(row["wrapped"]), row["wrapped_by"])
    except KeyGone:
        return None


def _openings(settings: Settings, rows: Sequence[dict[str, Any]], entries: Sequence[dict[str, Any]]) -> list[Any]:
    subjects = {row["id"]: row for row in rows}
    return [{name: commitment[name] for name in ("subject", "subject_id", "commitment")} | _opening(settings, subjects.get(commitment["subject_id"]))
            for entry in entries for commitment in (json.loads(entry["body"])["commitments"] if "body" in entry else ())]


def _opening(settings: Settings, row: dict[str, Any] | None) -> dict[str, Any]:
    if row is None:
        return {"erased_on": None}
    if row["withheld"]:
        return {"withheld": True}
    if row["sealed"] is None:
        return {"salt": _bytes(row["salt"]).hex(), "value": spelling(json.loads(row["data"]))}
    key = _key(settings, row)
    if key is None:
        return {"erased_on": row["erased_at"] and row["erased_at"][:10]}
    plain = unseal(key, _bytes(row["sealed"]), UUID(row["id"]))
    return {"salt": plain[:SALT_BYTES].hex(), "value": plain[SALT_BYTES:].decode()}


def _version(settings: Settings, row: dict[str, Any]) -> dict[str, Any]:
    said = {name: row[name] for name in ("id", "fact_group", "made_at")}
    key = _key(settings, row)
    if key is None:
        return said | {"erased_on": row["erased_at"] and row["erased_at"][:10]}
    return said | {"content": unseal(key, _bytes(row["sealed"]), UUID(row["id"])).decode()}


def _signed(settings: Settings, files: dict[str, bytes], listing_id: UUID, deal_id: UUID | None, entries: Sequence[dict[str, Any]],
            at: datetime) -> bytes:
    key = keys.checkpoint_key(settings)
    public = key.public_key()
    files["keys/platform.pem"] = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    files[MANIFEST] = _json({
        "kind": "case_file", "format": FORMAT, "listing_id": str(listing_id), "deal_id": deal_id and str(deal_id), "made_at": at.isoformat(),
        "head_seq": entries[-1]["seq"] if entries else 0, "head_hash": entries[-1]["hash"] if entries else
        hashlib.sha256(f"succession-ledger:{listing_id}".encode()).hexdigest(),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}})
    files[SIGNATURE] = _json({"algorithm": "Ed25519", "public_key": public.public_bytes_raw().hex(), "signature": key.sign(files[MANIFEST]).hex()})
    return pack(files)
