"""How is a step of disclosure written into the ledger of its listing, in the transaction of the step itself?

An entry holds ids, codes, times and salted commitments. What the commitments commit to (names, hashes of texts with
names in them, addresses) stands in `vault.ledger_subject`, where a person can be erased without breaking the chain.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.disclosure.canonical import commit, encode

SALT_BYTES = 32
# kind: (whose act it records, whether the buyer reads it: its own steps and what binds it, never who refused or why).
# ops.ledger_kind holds the same for row-level security; a test compares them.
KINDS: dict[str, tuple[tuple[str, ...], bool]] = {
    "request_opened": (("seller", "buyer"), True),
    "screening_decided": (("seller",), False),
    "nda_offered": (("seller",), True),
    "nda_signed": (("buyer",), True),
    "nda_ended": (("seller",), True),
    "name_clear_asked": (("seller",), False),
    "name_clear_decided": (("owner",), False),
    "name_clear_revoked": (("owner",), False),
    "released": (("seller",), True),
    "nda_schedule": (("seller",), True),
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
}
RESERVED = frozenset({"v", "entry_id", "listing_id", "deal_id", "kind", "at", "actor", "commitments"})

_NOW = text("SELECT now() AS at, ops.kind() AS kind, ops.organisation() AS organisation, ops.member() AS member")
_SUBJECT = text("INSERT INTO vault.ledger_subject (id, listing_id, kind, data, salt, commitment) "
                "VALUES (:id, :listing_id, :kind, CAST(:data AS jsonb), :salt, :commitment)")
# seq, prev and hash are the chain trigger's; what is given here only satisfies NOT NULL. No RETURNING: a buyer may
# append what it may not read.
_ENTRY = text("INSERT INTO vault.ledger_entry (id, listing_id, seq, kind, deal_id, body, prev, hash) "
              "VALUES (:id, :listing_id, 0, :kind, :deal_id, :body, '', '')")


async def append(tx: AsyncSession, listing_id: UUID, kind: str, deal_id: UUID | None, fields: Mapping[str, Any],
                 committed: Mapping[str, Any] | None = None) -> UUID:
    """Append one entry and return its id. `fields`: what canonical.py can write, never a name; `committed`: plain JSON
    values by subject, of which the entry holds only a salted commitment.

    Waits for other appends to the same listing. Raises NotCanonical, ValueError for a reserved field.
    """
    if taken := RESERVED & fields.keys():
        raise ValueError(f"these fields are the entry's own: {sorted(taken)}")
    await tx.flush()
    entry_id, scope = uuid4(), (await tx.execute(_NOW)).one()
    commitments = []
    for subject, value in sorted((committed or {}).items()):
        subject_id, salt = uuid4(), secrets.token_bytes(SALT_BYTES)
        commitment = commit(spelling(value), salt)
        await tx.execute(_SUBJECT, {"id": subject_id, "listing_id": listing_id, "kind": subject,
                                    "data": spelling(value), "salt": salt, "commitment": commitment})
        commitments.append({"subject": subject, "subject_id": subject_id, "commitment": commitment})
    body = encode({
        **fields, "entry_id": entry_id, "listing_id": listing_id, "deal_id": deal_id, "kind": kind, "at": scope.at,
        "actor": {"kind": scope.kind, "organisation_id": scope.organisation, "member_id": scope.member},
        "commitments": commitments,
    })
    await tx.execute(_ENTRY, {"id": entry_id, "listing_id": listing_id, "kind": kind, "deal_id": deal_id, "body": body})
    return entry_id


def spelling(value: Any) -> str:
    """The one text a committed value is hashed as: JSON with sorted keys, no spaces."""
    return msgspec.json.encode(value, order="sorted").decode()
