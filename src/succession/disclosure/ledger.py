"""How is a step of disclosure written into the ledger of its listing, in the transaction of the step itself?

An entry holds ids, codes, times and salted commitments. What the commitments commit to (names, hashes of texts with
names in them, addresses) stands in `vault.ledger_subject` under a key of the person or company it is about
(subject_keys.py), where it can be erased without breaking the chain.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.database import Scope
from succession.disclosure.canonical import commit, encode
from succession.disclosure.subject_keys import Subject, SubjectKey, keys_of, seal

SALT_BYTES = 32
# kind: (whose act it records, whether the buyer reads it: its own steps and what binds it, never who refused or why).
# ops.ledger_kind holds the same for row-level security; a test compares them.
KINDS: dict[str, tuple[tuple[str, ...], bool]] = {
    "request_opened": (("seller", "buyer"), True),
    "screening_decided": (("seller",), False),
    "screening_confirmed": (("seller",), False),  # by the firm, or by the operator's reviewer where it has one member
    "nda_offered": (("seller",), True),
    "nda_signed": (("buyer",), True),
    "nda_countersigned": (("seller",), True),
    "nda_paper_entered": (("seller", "buyer"), True),
    "nda_paper_decided": (("seller", "buyer"), True),
    "nda_renewed": (("buyer",), True),
    "nda_sealed": ((), True),  # by the database, with the sealed document
    "nda_member_named": (("buyer",), True),
    "nda_member_bound": (("buyer",), True),
    "nda_member_released": (("buyer",), True),
    "nda_ended": (("seller",), True),
    "name_clear_asked": (("seller",), False),
    "name_clear_decided": (("owner",), False),
    "name_clear_revoked": (("owner",), False),
    "released": (("seller",), True),
    "disclosed": (("seller", "buyer"), True),  # by the release, or by the reading of what changed since
    "nda_schedule": (("seller",), True),
    "third_person_consent": (("seller",), False),
    "revoked": (("seller", "owner"), False),
    "withdrawn": (("seller", "owner", "buyer"), False),
    "concluded": (("seller", "owner", "buyer"), False),
    "asked": (("buyer",), True),
    "answered": (("seller",), True),
    "stage": (("seller", "owner", "buyer"), False),
    "folder_permission_asked": (("seller",), False),
    "folder_permission_decided": (("owner",), False),
    "folder_permission_revoked": (("owner",), False),
    "folder_released": (("seller",), True),
    "folder_revoked": (("seller", "owner"), False),
    "recipient_confirmed": (("seller",), False),
    "competitor_declared": (("seller", "buyer"), False),
    "competitor_confirmed": (("seller",), False),
    "clean_team_nominated": (("buyer",), True),
    "clean_team_accepted": (("seller",), True),
    "clean_team_ended": (("seller", "buyer"), True),
    "subject_erased": ((), False),  # by command
    "case_exported": ((), False),  # by the database, with the file
}
# What a commitment is about: the key of whom it lies under. Everything else is about the company.
ABOUT = {"signer": "member", "origin": "member", "decided_by": "owner", "evidence": "owner", "answer_hash": "owner", "purpose": "organisation"}
RESERVED = frozenset({"v", "entry_id", "listing_id", "deal_id", "kind", "at", "actor", "commitments"})

_NOW = text("SELECT now()")
# Both in one statement: every append is one round trip. seq, prev and hash are the chain trigger's; what is given here only
# satisfies NOT NULL. No RETURNING: a buyer may append what it may not read.
_APPEND = text("WITH subjects AS (INSERT INTO vault.ledger_subject (id, listing_id, kind, key_id, sealed, commitment) "
               "SELECT s.id, :listing_id, s.kind, s.key_id, s.sealed, s.commitment FROM unnest(CAST(:subject_ids AS uuid[]), "
               "CAST(:subjects AS text[]), CAST(:keys AS uuid[]), CAST(:sealed AS bytea[]), CAST(:commitments AS text[])) "
               "AS s (id, kind, key_id, sealed, commitment)) "
               "INSERT INTO vault.ledger_entry (id, listing_id, seq, kind, deal_id, body, prev, hash) "
               "SELECT e.id, :listing_id, 0, e.kind, e.deal_id, e.body, '', '' FROM unnest(CAST(:ids AS uuid[]), CAST(:kinds AS text[]), "
               "CAST(:deals AS uuid[]), CAST(:bodies AS bytea[])) WITH ORDINALITY AS e (id, kind, deal_id, body, n) ORDER BY e.n")


class Entry(msgspec.Struct, frozen=True):
    """What is to be appended. `fields`: what canonical.py can write, never a name; `committed`: plain JSON values by
    subject, of which the entry holds only a salted commitment."""

    kind: str
    deal_id: UUID | None
    fields: Mapping[str, Any]
    committed: Mapping[str, Any] = {}


async def append(tx: AsyncSession, listing_id: UUID, kind: str, deal_id: UUID | None, fields: Mapping[str, Any],
                 committed: Mapping[str, Any] | None = None) -> UUID:
    """Append one entry and return its id.

    Waits for other appends to the same listing. Raises NotCanonical, ValueError for a reserved field.
    """
    return (await append_all(tx, listing_id, [Entry(kind, deal_id, fields, committed or {})]))[0]


async def append_all(tx: AsyncSession, listing_id: UUID, entries: Sequence[Entry]) -> list[UUID]:
    """The same for several, one after the other in the chain; returns their ids."""
    for entry in entries:
        if taken := RESERVED & entry.fields.keys():
            raise ValueError(f"these fields are the entry's own: {sorted(taken)}")
    await tx.flush()
    scope: Scope = tx.info["scope"]
    at = tx.info.get("now") or tx.info.setdefault("now", (await tx.execute(_NOW)).scalar_one())
    subjects = {name: _about(name, listing_id, scope) for entry in entries for name in entry.committed}
    keys = await keys_of(tx, sorted(set(subjects.values())))
    ids, bodies, rows = [], [], []
    for entry in entries:
        entry_id, commitments = uuid4(), []
        for name, value in sorted(entry.committed.items()):
            row = _sealed(name, value, keys[subjects[name]])
            rows.append(row)
            commitments.append({"subject": name, "subject_id": row[0], "commitment": row[4]})
        ids.append(entry_id)
        bodies.append(encode({
            **entry.fields, "entry_id": entry_id, "listing_id": listing_id, "deal_id": entry.deal_id, "kind": entry.kind, "at": at,
            "actor": {"kind": scope.kind, "organisation_id": scope.organisation, "member_id": scope.member},
            "commitments": commitments,
        }))
    subject_ids, kinds, key_ids, sealed, made = map(list, zip(*rows, strict=True)) if rows else ([], [], [], [], [])
    await tx.execute(_APPEND, {
        "listing_id": listing_id, "subject_ids": subject_ids, "subjects": kinds, "keys": key_ids, "sealed": sealed, "commitments": made,
        "ids": ids, "kinds": [entry.kind for entry in entries], "deals": [entry.deal_id for entry in entries], "bodies": bodies})
    return ids


def _about(name: str, listing_id: UUID, scope: Scope) -> Subject:
    kind = ABOUT.get(name, "listing")
    other = scope.member if kind == "member" else scope.organisation if kind == "organisation" else None
    return Subject(kind, other) if other else Subject("owner" if kind == "member" else "listing" if kind == "organisation" else kind, listing_id)


def _sealed(name: str, value: Any, key: SubjectKey) -> tuple[UUID, str, UUID, bytes, str]:
    """(id, kind, key, sealed, commitment) of one row of vault.ledger_subject."""
    subject_id, salt, written = uuid4(), secrets.token_bytes(SALT_BYTES), spelling(value)
    return subject_id, name, key.id, seal(key, salt + written.encode(), subject_id), commit(written, salt)


def spelling(value: Any) -> str:
    """The one text a committed value is hashed as: JSON with sorted keys, no spaces."""
    return msgspec.json.encode(value, order="sorted").decode()
