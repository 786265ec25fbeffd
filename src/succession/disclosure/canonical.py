"""How is a ledger entry written down so that anyone, years later, gets the same bytes and can check the chain?

Entry bytes: UTF-8 JSON, object keys sorted, no spaces, top-level `"v"` naming this encoding. Allowed values are
null, true/false, integers within 64 bits, NFC strings, dates, aware datetimes (written in UTC with six decimals),
UUIDs, lists and objects; anything else, floats above all, is refused rather than guessed. Personal data never goes in:
a salted commitment does (`commit`), and its opening lives in a row that can be erased without breaking the chain.

Chain: `hash = sha256(prev || body)`, one chain per listing, starting at `genesis(listing_id)`. The database computes
the same in `vault.chain_entry`; `verify_chain` needs nothing but the rows.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

VERSION = 1
MAX_DEPTH = 8
MAX_BYTES = 64 * 1024
MIN_SALT_BYTES = 16
_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")


class NotCanonical(ValueError):
    """A value this encoding has no single way to write; the message names its place, never its content."""


def encode(body: Mapping[str, Any]) -> bytes:
    """Canonical bytes of one entry. Raises NotCanonical for any value, key, depth or size outside the rules above."""
    if "v" in body:
        raise NotCanonical("v is reserved for the version of the encoding")
    plain = _plain({**body, "v": VERSION}, "entry", 0)
    raw = json.dumps(plain, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    if len(raw) > MAX_BYTES:
        raise NotCanonical(f"entry is longer than {MAX_BYTES} bytes")
    return raw


def _plain(value: Any, where: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise NotCanonical(f"{where} is nested too deep")
    # Exact types: a bool is an int, a datetime is a date, and a StrEnum may print differently tomorrow.
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        if not -(2**63) <= value < 2**63:
            raise NotCanonical(f"{where} does not fit into 64 bits")
        return value
    if kind is str:
        return _text(value, where)
    if kind is datetime:
        if value.tzinfo is None:
            raise NotCanonical(f"{where} is a time without a zone")
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
    if kind is date:
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if kind in (list, tuple):
        return [_plain(item, f"{where}[{n}]", depth + 1) for n, item in enumerate(value)]
    if isinstance(value, Mapping):
        for key in value:
            if type(key) is not str or not _KEY.fullmatch(key):
                raise NotCanonical(f"{where} has a key that is not lower-case ASCII")
        return {key: _plain(item, f"{where}.{key}", depth + 1) for key, item in value.items()}
    raise NotCanonical(f"{where} is a {kind.__name__}")


def _text(value: str, where: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise NotCanonical(f"{where} is not valid Unicode") from None
    if not unicodedata.is_normalized("NFC", value):
        raise NotCanonical(f"{where} is not in normal form C")
    return value


def decode(raw: bytes) -> dict[str, Any]:
    """The entry behind canonical bytes, without its version. Raises NotCanonical if they are not canonical."""
    if surely := decode_all([raw]):
        return surely[0]
    try:
        body = msgspec.json.decode(raw)
        known = type(body) is dict and type(body.get("v")) is int and body["v"] == VERSION
        canonical = known and encode({key: body[key] for key in body if key != "v"}) == raw
    except (ValueError, TypeError, RecursionError):
        canonical = False
    if not canonical:
        raise NotCanonical("these bytes are not a canonical entry of a known version")
    _learn(body)
    del body["v"]
    return body


def decode_all(raws: Sequence[bytes]) -> list[dict[str, Any]] | None:
    """The same of many at once. None: not surely canonical, all of them; `decode` decides one by one.

    A ledger of a million entries is read within seconds this way. The reader takes nothing but allowed values under keys that
    `decode` has met. A line break is in no canonical entry: as many lines as entries, written again as they were read, are these
    entries. Outside of ASCII, or with an escape, nothing is sure.
    """
    together = b"\n".join((*raws, b""))
    if not together.isascii() or b"\\" in together:
        return None
    try:
        bodies: list[dict[str, Any]] = _reader.decode_lines(together)
    except (ValueError, RecursionError):
        return None
    if len(bodies) != len(raws) or _WRITER.encode_lines(bodies) != together or max(map(len, raws), default=0) > MAX_BYTES:
        return None
    versions = [body.pop("v", None) for body in bodies]
    return bodies if all(type(version) is int and version == VERSION for version in versions) else None


def _reader_of(keys: Iterable[str]) -> msgspec.json.Decoder[Any]:
    value: Any = None | bool | Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] | str
    literal: Any = Literal
    key = literal[tuple(sorted(keys))]
    items: Any = value
    for _level in range(_DEEP_ENOUGH):
        items = value | list[items] | dict[key, items]
    return msgspec.json.Decoder(dict[key, items])


def _learn(value: Any) -> None:
    """Its keys are read at once from now on."""
    global _reader
    if isinstance(value, dict) and not value.keys() <= _keys and len(_keys) < _KEYS_MOST:
        _keys.update(value)
        _reader = _reader_of(_keys)
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _learn(item)


_WRITER = msgspec.json.Encoder(order="sorted")
_KEYS_MOST, _DEEP_ENOUGH = 300, 3  # our entries nest two deep
_keys = {"v"}
_reader = _reader_of(_keys)


# ---------------------------------------------------------------------------------------------------------------------
# Commitments


def commit(value: str, salt: bytes) -> str:
    """Hex HMAC-SHA256 of `value` under a fresh random `salt` (>= 16 bytes): binding, and silent once the salt is gone.

    A bare hash of a company name or corporate number could be found by trying all of them.
    """
    if len(salt) < MIN_SALT_BYTES:
        raise ValueError(f"a salt has at least {MIN_SALT_BYTES} bytes")
    return hmac.digest(salt, unicodedata.normalize("NFC", value).encode(), "sha256").hex()


def opens(commitment: str, value: str, salt: bytes) -> bool:
    """Whether `value` and `salt` open `commitment`."""
    return hmac.compare_digest(commitment, commit(value, salt))


# ---------------------------------------------------------------------------------------------------------------------
# The chain


def genesis(listing_id: UUID) -> bytes:
    """What the first entry of a listing is chained to; differs per listing, so no chain passes for another."""
    return hashlib.sha256(f"succession-ledger:{listing_id}".encode()).digest()


def entry_hash(prev: bytes, body: bytes) -> bytes:
    """sha256(prev || body); `prev` is always 32 bytes, so the seam between the two cannot move."""
    if len(prev) != 32:
        raise ValueError("the previous hash has 32 bytes")
    return hashlib.sha256(prev + body).digest()


class LedgerRow(msgspec.Struct, frozen=True):
    """One stored entry; `seq` counts from 1 within its listing."""

    seq: int
    body: bytes
    prev: bytes
    hash: bytes


class Head(msgspec.Struct, frozen=True):
    """The last entry as remembered elsewhere (the head row, a receipt, a printout): shows a cut-off tail."""

    seq: int
    hash: bytes


Flaw = Literal["gap", "order", "prev", "hash", "body", "cut_off", "head"]


class BrokenLink(msgspec.Struct, frozen=True):
    """The first entry that does not hold. `flaw`: gap (entries missing before it), order (repeated or moved back),
    prev (not chained to its predecessor), hash (body or hash altered), body (not canonical), cut_off (the chain ends
    before its remembered head), head (ends there, with another hash)."""

    seq: int
    flaw: Flaw


def verify_chain(listing_id: UUID, rows: Iterable[LedgerRow], head: Head | None,
                 bodies: list[dict[str, Any]] | None = None) -> BrokenLink | None:
    """The first broken link of a listing's ledger, rows in stored order, or None. What was read is kept in `bodies`, if given.

    Without `head`, entries removed from the end leave no trace in the rows themselves.
    """
    rows = list(rows)
    read = decode_all([row.body for row in rows])
    prev, seq = genesis(listing_id), 0
    for row in rows:
        if row.seq != seq + 1:
            return BrokenLink(row.seq, "gap" if row.seq > seq + 1 else "order")
        if row.prev != prev:
            return BrokenLink(row.seq, "prev")
        if row.hash != entry_hash(prev, row.body):
            return BrokenLink(row.seq, "hash")
        if read is None and not _canonical(row.body):
            return BrokenLink(row.seq, "body")
        prev, seq = row.hash, row.seq
    if head is not None and seq < head.seq:
        return BrokenLink(seq + 1, "cut_off")
    if head is not None and (seq, prev) != (head.seq, head.hash):
        return BrokenLink(seq, "head")
    if bodies is not None:
        bodies += [decode(row.body) for row in rows] if read is None else read
    return None


def _canonical(raw: bytes) -> bool:
    try:
        decode(raw)
    except NotCanonical:
        return False
    return True
