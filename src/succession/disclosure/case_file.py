"""What goes into the file that a Center, a court or an owner is given years later, and checks offline?

Everything about one listing, or about one deal of it: the chain, what its commitments commit to, every version shown, consents and
agreements with their texts, grants, accesses, letters, stages, and what was signed over all ledgers. In the file of a deal other
buyers' entries keep their place in the chain and are withheld. case_check.py, which needs nothing of this program, checks it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from succession import keys
from succession.config import Settings
from succession.disclosure import case_check, merkle
from succession.disclosure.case_check import FORMAT, MANIFEST, SIGNATURE, pack
from succession.disclosure.ledger import SALT_BYTES, spelling
from succession.disclosure.merkle import HeadAt
from succession.disclosure.subject_keys import KeyGone, Subject, unseal, unwrap

# file: (table, columns left out, order). All rows of the listing; with a deal, only its own. $1 listing, $2 deal or NULL.
_DEAL = "t.listing_id = $1 AND ($2::uuid IS NULL OR t.deal_id = $2)"
_OF_DEAL = "EXISTS (SELECT FROM vault.deal d WHERE d.id = t.deal_id AND d.listing_id = $1) AND ($2::uuid IS NULL OR t.deal_id = $2)"
_OF_GRANT = "t.listing_id = $1 AND ($2::uuid IS NULL OR EXISTS (SELECT FROM vault.disclosure_grant g WHERE g.id = t.grant_id AND g.deal_id = $2))"
_ROWS: dict[str, tuple[str, str, str, str]] = {
    "accesses": ("access", "", _OF_GRANT, "t.id"),
    "answers": ("answer", "", _DEAL, "t.id"),
    "approvals": ("teaser_proposal", "", "t.listing_id = $1 AND $2::uuid IS NULL", "t.proposed_at, t.id"),
    "approval_persons": ("decider", "", _DEAL, "t.subject_id, t.number"),
    "approval_answers": ("decider_answer", "", _DEAL, "t.answered_at, t.id"),
    "consent_answers": ("name_clear_answer", "", _DEAL, "t.answered_at, t.id"),
    "consent_persons": ("name_clear_person", "", _DEAL, "t.name_clear_id, t.number"),
    "consents": ("name_clear", "", _DEAL, "t.asked_at, t.id"),
    "deals": ("deal", "", "t.listing_id = $1 AND ($2::uuid IS NULL OR t.id = $2)", "t.requested_at, t.id"),
    "disclosed": ("disclosed", "", _DEAL, "t.at, t.entry_id"),
    "documents": ("document", "", "t.listing_id = $1 AND ($2::uuid IS NULL OR EXISTS (SELECT FROM vault.disclosed s WHERE s.deal_id = $2 "
                  "AND s.fact_group = 'document:' || t.id))", "t.added_at, t.id"),
    "folder_grants": ("folder_grant", "", _DEAL, "t.granted_at, t.id"),
    "folder_permissions": ("folder_permission", "", _DEAL, "t.asked_at, t.id"),
    "grants": ("disclosure_grant", "", _DEAL, "t.granted_at, t.id"),
    "letters": ("letter", "", _DEAL, "t.outbox_id"),
    "mandates": ("mandate", "", "t.listing_id = $1 AND $2::uuid IS NULL", "t.signed_on, t.id"),
    "nda": ("nda", "text_ja,text_en", _DEAL, "t.offered_at, t.id"),
    "nda_documents": ("nda_document", "content", _DEAL, "t.made_at, t.id"),
    "nda_members": ("nda_member", "", _OF_DEAL, "t.named_at, t.id"),
    "nda_papers": ("nda_paper", "content", _DEAL, "t.entered_at, t.id"),
    "nda_renewals": ("nda_renewal", "text_ja,text_en", _DEAL, "t.opened_at, t.id"),
    "nda_signatures": ("nda_signature", "", _DEAL, "t.signed_at, t.id"),
    "owner_links": ("owner_link", "token_hash", "t.listing_id = $1 AND ($2::uuid IS NULL OR t.subject_id IN (SELECT c.id FROM vault.name_clear c "
                    "WHERE c.deal_id = $2))", "t.created_at, t.id"),
    "papers": ("paper_evidence", "scan,seal_certificate_scan", "t.listing_id = $1 AND ($2::uuid IS NULL OR t.subject_id IN (SELECT c.id FROM vault.name_clear c "
               "WHERE c.deal_id = $2))", "t.entered_at, t.id"),
    "questions": ("question", "", _DEAL, "t.asked_at, t.id"),
    "schedules": ("nda_schedule", "", _DEAL, "t.bound_at, t.id"),
    "screenings": ("screening", "", _DEAL, "t.decided_at, t.id"),
    "third_persons": ("third_person_consent", "", _DEAL, "t.entered_at, t.id"),
    "transfers": ("appi_transfer", "", _DEAL, "t.transferred_at, t.id"),
    "stages": ("deal_event", "", _OF_DEAL, "t.deal_id, t.seq"),
}  # fmt: skip
_ORGANISATIONS = """SELECT to_jsonb(o) FROM (SELECT o.id, o.kind, o.legal_name, o.country, o.corporate_number, o.registry_number FROM vault.organisation o
WHERE o.id IN (SELECT unnest(ARRAY[d.buyer_id, d.intermediary_id, d.representative_id]) FROM vault.deal d
               WHERE d.listing_id = $1 AND ($2::uuid IS NULL OR d.id = $2)) ORDER BY o.id) o"""
_TEXTS = """SELECT 'nda-' || n.id || '.ja' AS name, n.text_ja AS words FROM vault.nda n WHERE n.listing_id = $1 AND ($2::uuid IS NULL OR n.deal_id = $2)
UNION ALL SELECT 'nda-' || n.id || '.en', n.text_en FROM vault.nda n WHERE n.listing_id = $1 AND ($2::uuid IS NULL OR n.deal_id = $2)
UNION ALL SELECT 'renewal-' || r.id || '.ja', r.text_ja FROM vault.nda_renewal r WHERE r.listing_id = $1 AND ($2::uuid IS NULL OR r.deal_id = $2)
UNION ALL SELECT 'renewal-' || r.id || '.en', r.text_en FROM vault.nda_renewal r WHERE r.listing_id = $1 AND ($2::uuid IS NULL OR r.deal_id = $2)
UNION ALL SELECT 'consent-' || c.id || '.ja', c.shown_text_ja FROM vault.name_clear c WHERE c.listing_id = $1 AND ($2::uuid IS NULL OR c.deal_id = $2)"""
# As they were sealed by the worker, or handed in signed.
_PDFS = """SELECT 'documents/nda-' || d.id AS name, d.content FROM vault.nda_document d WHERE d.listing_id = $1 AND ($2::uuid IS NULL OR d.deal_id = $2)
UNION ALL SELECT 'papers/nda-' || p.id, p.content FROM vault.nda_paper p WHERE p.listing_id = $1 AND ($2::uuid IS NULL OR p.deal_id = $2)"""
_ENTRIES = """SELECT seq, id, kind, deal_id, convert_from(body, 'UTF8') AS body, encode(prev, 'hex') AS prev, encode(hash, 'hex') AS hash
FROM vault.ledger_entry WHERE listing_id = $1 ORDER BY seq"""
_SUBJECTS = """SELECT s.id, s.data::text AS data, s.salt, s.sealed, k.kind, k.subject_id, k.wrapped, k.wrapped_by, k.erased_at
FROM vault.ledger_subject s LEFT JOIN vault.subject_key k ON k.id = s.key_id WHERE s.listing_id = $1"""
_VERSIONS = """SELECT v.id, v.fact_group, v.made_at, v.sealed, k.kind, k.subject_id, k.wrapped, k.wrapped_by, k.erased_at
FROM vault.fact_version v JOIN vault.subject_key k ON k.id = v.key_id WHERE v.listing_id = $1 AND EXISTS (
    SELECT FROM vault.disclosed s WHERE s.version_id = v.id AND ($2::uuid IS NULL OR s.deal_id = $2)) ORDER BY v.made_at, v.id"""


class NoSuchCase(Exception):
    """There is no such listing, or the deal is not one of it."""


async def build_case(connection: asyncpg.Connection, settings: Settings, listing_id: UUID, deal_id: UUID | None) -> bytes:
    """The whole file, as the seeding role within one repeatable snapshot. Raises NoSuchCase, ConfigError without a signing key."""
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM vault.listing l LEFT JOIN vault.deal d ON d.listing_id = l.id AND d.id = $2 "
                                     "WHERE l.id = $1 AND ($2::uuid IS NULL OR d.id IS NOT NULL))", listing_id, deal_id):
        raise NoSuchCase
    files = {f"{name}.jsonl": _jsonl(rows) for name, rows in (await _rows(connection, listing_id, deal_id)).items()}
    for row in await connection.fetch(_TEXTS, listing_id, deal_id):
        files[f"texts/{row['name']}.txt"] = row["words"].encode()
    for row in await connection.fetch(_PDFS, listing_id, deal_id):
        files[f"{row['name']}.pdf"] = row["content"]
    entries = [_entry(row, deal_id) for row in await connection.fetch(_ENTRIES, listing_id)]
    files["ledger.jsonl"] = _jsonl(entries)
    files["openings.jsonl"] = _jsonl(await _openings(connection, settings, listing_id, entries))
    files["versions.jsonl"] = _jsonl([_version(settings, row) for row in await connection.fetch(_VERSIONS, listing_id, deal_id)])
    files["checkpoints.jsonl"] = _jsonl(await _checkpoints(connection, listing_id))
    files["case_check.py"] = Path(case_check.__file__).read_bytes()  # how it is checked, to be read and run without us
    return _signed(settings, files, listing_id, deal_id, entries, await connection.fetchval("SELECT now()"))


async def _rows(connection: asyncpg.Connection, listing_id: UUID, deal_id: UUID | None) -> dict[str, list[Any]]:
    found = {}
    for name, (table, without, where, order) in _ROWS.items():
        query = f"SELECT (to_jsonb(t) - string_to_array($3, ','))::text FROM vault.{table} t WHERE {where} ORDER BY {order}"
        found[name] = [json.loads(row[0]) for row in await connection.fetch(query, listing_id, deal_id, without)]
    found["organisations"] = [json.loads(row[0]) for row in await connection.fetch(_ORGANISATIONS.replace("to_jsonb(o)", "to_jsonb(o)::text", 1),
                                                                                  listing_id, deal_id)]
    return found


def _jsonl(rows: Sequence[Any]) -> bytes:
    return b"".join(_json(row) for row in rows)


def _json(value: Any) -> bytes:
    return (json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _entry(row: asyncpg.Record, deal_id: UUID | None) -> dict[str, Any]:
    link = {"seq": row["seq"], "prev": row["prev"], "hash": row["hash"]}
    if deal_id is not None and row["deal_id"] not in (deal_id, None):
        return link | {"withheld": True}
    return link | {"id": str(row["id"]), "kind": row["kind"], "deal_id": row["deal_id"] and str(row["deal_id"]), "body": row["body"]}


def _key(settings: Settings, row: asyncpg.Record) -> bytes | None:
    try:
        return unwrap(settings, Subject(row["kind"], row["subject_id"]), row["wrapped"], row["wrapped_by"])
    except KeyGone:
        return None


async def _openings(connection: asyncpg.Connection, settings: Settings, listing_id: UUID, entries: Sequence[dict[str, Any]]) -> list[Any]:
    subjects = {str(row["id"]): row for row in await connection.fetch(_SUBJECTS, listing_id)}
    openings = []
    for entry in entries:
        for commitment in json.loads(entry["body"])["commitments"] if "body" in entry else ():
            said = {name: commitment[name] for name in ("subject", "subject_id", "commitment")}
            openings.append(said | _opening(settings, subjects.get(commitment["subject_id"])))
    return openings


def _opening(settings: Settings, row: asyncpg.Record | None) -> dict[str, Any]:
    if row is None:
        return {"erased_on": None}
    if row["sealed"] is None:
        return {"salt": row["salt"].hex(), "value": spelling(json.loads(row["data"]))}
    key = _key(settings, row)
    if key is None:
        return {"erased_on": row["erased_at"] and row["erased_at"].date().isoformat()}
    plain = unseal(key, row["sealed"], row["id"])
    return {"salt": plain[:SALT_BYTES].hex(), "value": plain[SALT_BYTES:].decode()}


def _version(settings: Settings, row: asyncpg.Record) -> dict[str, Any]:
    said = {"id": str(row["id"]), "fact_group": row["fact_group"], "made_at": row["made_at"].isoformat()}
    key = _key(settings, row)
    if key is None:
        return said | {"erased_on": row["erased_at"] and row["erased_at"].date().isoformat()}
    return said | {"content": unseal(key, row["sealed"], row["id"]).decode()}


# ---------------------------------------------------------------------------------------------------------------------
# What was signed

_MOVED = """SELECT c.seq, c.salt, c.entries, convert_from(c.statement, 'UTF8') AS statement, encode(c.signature, 'hex') AS signature,
    encode(c.public_key, 'hex') AS public_key FROM vault.ledger_checkpoint c
WHERE EXISTS (SELECT FROM vault.ledger_checkpoint_head h WHERE h.checkpoint = c.seq AND h.listing_id = $1)
   OR c.seq = (SELECT max(m.seq) FROM vault.ledger_checkpoint m) ORDER BY c.seq"""
_HEADS = """SELECT DISTINCT ON (h.listing_id) h.listing_id, h.seq, h.hash,
    ARRAY(SELECT e.deal_id FROM vault.ledger_entry e WHERE e.listing_id = h.listing_id AND e.kind = 'request_opened' AND e.seq <= h.seq) AS deals
FROM vault.ledger_checkpoint_head h WHERE h.checkpoint <= $1 ORDER BY h.listing_id, h.checkpoint DESC"""


async def _checkpoints(connection: asyncpg.Connection, listing_id: UUID) -> list[dict[str, Any]]:
    """Those that vouch for something new in this ledger, and the last one."""
    points = []
    for row in await connection.fetch(_MOVED, listing_id):
        heads = {head["listing_id"]: HeadAt(head["seq"], head["hash"], tuple(head["deals"])) for head in await connection.fetch(_HEADS, row["seq"])}
        if listing_id not in heads:
            continue
        mine, salt, level = heads[listing_id], merkle.leaf_salt(row["salt"], listing_id), merkle.leaves(row["salt"], heads, row["entries"])
        place = level.index(merkle.leaf(salt, "L", listing_id, mine.seq, mine.hash))
        points.append({
            **{name: row[name] for name in ("seq", "statement", "signature", "public_key")}, "head_seq": mine.seq, "head_hash": mine.hash.hex(),
            "leaf_salt": salt.hex(), "leaf_index": place, "path": [each.hex() for each in merkle.path(level, place)]})
    return points


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
