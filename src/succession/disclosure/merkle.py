"""How do many ledgers become one root to sign, so that each party can be shown its own leaf and learns nothing of the others?

A tree as in RFC 6962 (leaves and nodes hashed apart), over what was the last entry of every ledger:

    leaf = sha256(00 || salt of the leaf || kind || id || seq || hash)      node = sha256(01 || left || right)

| kind | id          | seq, hash                                                                     |
|------|-------------|-------------------------------------------------------------------------------|
| L    | the listing | its last entry: for who holds the listing                                     |
| D    | a deal      | the last entry of the deal's listing: for its buyer, who is not told either   |
| C    | zero        | entries in all; listings in all, as 32 bytes                                  |

A proof must not tell how much goes on. Every leaf has a salt of its own, derived from one the checkpoint keeps to itself: two
buyers of one company cannot see that they are, nor anybody that a ledger moved. Leaves are sorted, and filled up to a power of two
of at least 1,024 with leaves of nothing: neither a place nor the length of a path tells how many there are.
`vault.checkpoint_leaves` and `vault.checkpoint_proof` compute the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

DEPTH_LEAST = 10
NOBODY = UUID(int=0)


class HeadAt(NamedTuple):
    """The last entry of a listing at a checkpoint, and the deals opened on it by then."""

    seq: int
    hash: bytes
    deals: tuple[UUID, ...]


def leaf_salt(salt: bytes, leaf_id: UUID) -> bytes:
    return hashlib.sha256(salt + leaf_id.bytes).digest()


def leaf(salt: bytes, kind: str, leaf_id: UUID, seq: int, head: bytes) -> bytes:
    """`salt`: that of the leaf."""
    return hashlib.sha256(b"\x00" + salt + kind.encode() + leaf_id.bytes + seq.to_bytes(8, "big") + head).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def leaves(salt: bytes, heads: Mapping[UUID, HeadAt], entries: int) -> list[bytes]:
    """All leaves of a checkpoint, sorted and filled up; `salt`: that of the checkpoint."""
    real = [leaf(leaf_salt(salt, NOBODY), "C", NOBODY, entries, len(heads).to_bytes(32, "big"))]
    for listing_id, head in heads.items():
        real.append(leaf(leaf_salt(salt, listing_id), "L", listing_id, head.seq, head.hash))
        real += [leaf(leaf_salt(salt, deal_id), "D", deal_id, head.seq, head.hash) for deal_id in head.deals]
    size = 1 << max(DEPTH_LEAST, (len(real) - 1).bit_length())
    empty = (hashlib.sha256(b"\x00" + hashlib.sha256(salt + n.to_bytes(8, "big")).digest() + b"P").digest() for n in range(size - len(real)))
    return sorted([*real, *empty])


def root(level: Sequence[bytes]) -> bytes:
    """The root over leaves whose number is a power of two."""
    while len(level) > 1:
        level = [node(level[n], level[n + 1]) for n in range(0, len(level), 2)]
    return level[0]


def path(level: Sequence[bytes], place: int) -> list[bytes]:
    """The hashes beside the way from the leaf at `place` up to the root, lowest first."""
    beside = []
    while len(level) > 1:
        beside.append(level[place ^ 1])
        level = [node(level[n], level[n + 1]) for n in range(0, len(level), 2)]
        place //= 2
    return beside


def root_of(reached: bytes, place: int, beside: Iterable[bytes]) -> bytes:
    """The root that a leaf and its path lead to."""
    for other in beside:
        reached = node(other, reached) if place & 1 else node(reached, other)
        place //= 2
    return reached
