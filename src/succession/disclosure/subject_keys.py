"""Under which key does what is known of a person or company lie in the ledger's evidence, so that it can be erased?

Each subject has a key of its own; it lies in `vault.subject_key` under a key that is outside of the database. Without the
row's key nothing under it can be read again, whatever copies of the database there are; the commitments stay, and are silent.

| kind         | whose                                     | its id           |
|--------------|-------------------------------------------|------------------|
| listing      | the company: its facts, texts naming it    | the listing      |
| owner        | who answers for the company                | the listing      |
| member       | who acted or signed                        | the member       |
| organisation | the firm that acted                        | the organisation |
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.config import Settings
from succession.key_ring import KeyMissing, ring_of

KEY_BYTES, NONCE_BYTES = 32, 12
RING = "subjects"
KINDS = ("listing", "owner", "member", "organisation")


class Subject(NamedTuple):
    kind: str
    id: UUID


class SubjectKey(NamedTuple):
    """A key as it is used: `id` is its row."""

    id: UUID
    key: bytes


class KeyGone(Exception):
    """What was asked for lies under a key that was destroyed, or under one of another installation."""


def new_key(settings: Settings, subject: Subject) -> tuple[bytes, bytes, str]:
    """(a key, the same as it is stored, which key it lies under)."""
    over, key = ring_of(settings).active(RING), secrets.token_bytes(KEY_BYTES)
    return key, over.seal(key, _bound(subject)), over.id


def unwrap(settings: Settings, subject: Subject, wrapped: bytes | None, by: str) -> bytes:
    """Raises KeyGone."""
    if wrapped is None:
        raise KeyGone(subject.kind)
    try:
        return ring_of(settings).open(RING, by, wrapped, _bound(subject))
    except KeyMissing:
        raise KeyGone(subject.kind) from None


def _bound(subject: Subject) -> str:
    return f"subject-key:{subject.kind}:{subject.id}"


def seal(key: SubjectKey, plain: bytes, place: UUID) -> bytes:
    """AES-256-GCM, bound to the row it stands in."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key.key).encrypt(nonce, plain, place.bytes)


def unseal(key: bytes | AESGCM, sealed: bytes, place: UUID | bytes) -> bytes:
    """`place`: the id of the row, or its 16 bytes. Raises KeyGone when this is not what was sealed here under this key."""
    bound = place if isinstance(place, bytes) else place.bytes
    try:
        return (AESGCM(key) if isinstance(key, bytes) else key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
    except InvalidTag:
        raise KeyGone(bound.hex()) from None


_KEYS = text("SELECT key_id, wrapped, wrapped_by FROM vault.keys_of_subjects(CAST(:kinds AS text[]), CAST(:ids AS uuid[]), "
             "CAST(:fresh AS bytea[]), :by)")


async def keys_of(tx: AsyncSession, subjects: Sequence[Subject]) -> dict[Subject, SubjectKey]:
    """The key in use of each subject, made where there is none; asked once for each in a transaction."""
    settings: Settings = tx.info["settings"]
    known: dict[Subject, SubjectKey] = tx.info.setdefault("subject_keys", {})
    missing = sorted(set(subjects) - known.keys())
    if missing:
        over = ring_of(settings).active(RING)  # one key for all of them, whatever is rotated meanwhile
        fresh = [over.seal(secrets.token_bytes(KEY_BYTES), _bound(each)) for each in missing]
        rows = (await tx.execute(_KEYS, {"kinds": [each.kind for each in missing], "ids": [each.id for each in missing],
                                         "fresh": fresh, "by": over.id})).all()
        for subject, row in zip(missing, rows, strict=True):
            known[subject] = SubjectKey(row.key_id, unwrap(settings, subject, row.wrapped, row.wrapped_by))
    return {each: known[each] for each in subjects}
