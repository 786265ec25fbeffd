"""How does a long list continue? By an opaque, encrypted position bound to the query and the viewer it belongs to."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from succession.actor import Actor
from succession.config import PurposeKey, Settings
from succession.errors import Problem

PAGE_LIMIT_DEFAULT = 20
PAGE_LIMIT_MOST = 100
T = TypeVar("T", bound=asyncpg.Record | msgspec.Struct)
_NONCE_BYTES = 12
_PADDED_BYTES = 128  # every position fits: at 64 the number of digits of a key showed in the length


def bound_to(viewer: str, query: object) -> bytes:
    """What a cursor belongs to: moved to another viewer, query or order it does not open."""
    return hashlib.sha256(viewer.encode() + b"\0" + msgspec.json.encode(query, order="sorted")).digest()


def seal_cursor(key: bytes, position: list[Any], bound: bytes, repeatable: bool = False) -> str:
    """Encrypt a keyset position; padded, so that its length tells nothing of the values in it.

    `repeatable`: the same position of the same query reads the same, so that a cache may keep the page; the nonce is then
    a keyed hash of what is sealed, which no other position shares.
    """
    plain = msgspec.json.encode(position)
    plain += b" " * (-len(plain) % _PADDED_BYTES)
    nonce = secrets.token_bytes(_NONCE_BYTES) if not repeatable else hmac.digest(key, b"nonce\0" + bound + plain, "sha256")[:_NONCE_BYTES]
    return base64.urlsafe_b64encode(nonce + AESGCM(key).encrypt(nonce, plain, bound)).decode().rstrip("=")


def open_cursor(key: bytes, cursor: str, bound: bytes) -> list[Any]:
    """The position inside; Problem cursor_invalid when forged, altered, or from another query or viewer."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(_opened(key, raw, bound), type=list)
    except (ValueError, InvalidTag, msgspec.DecodeError):
        raise Problem("cursor_invalid") from None


def _opened(key: bytes, raw: bytes, bound: bytes) -> bytes:
    """With the present key, or the one before while a page asked for under it may still be open. Raises InvalidTag."""
    for each in key.all() if isinstance(key, PurposeKey) else (key,):
        with contextlib.suppress(InvalidTag):
            return AESGCM(each).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], bound)
    raise InvalidTag


class PageAsked(msgspec.Struct, frozen=True):
    """Which page of a list, for whom: `key` is Settings.key("cursor")."""

    key: bytes
    viewer: str
    cursor: str | None
    limit: int

    def after(self, query: object) -> list:
        """The position to go on from, [] at the beginning; Problem cursor_invalid."""
        return open_cursor(self.key, self.cursor, bound_to(self.viewer, query)) if self.cursor else []

    def place(self, query: object, *kinds: type) -> tuple[Any, ...]:
        """The same as values of the columns of the order, which are of these kinds; None for each at the beginning."""
        position = self.after(query)
        return msgspec.convert(position, tuple[kinds]) if position else (None,) * len(kinds)

    def moment(self, query: object) -> tuple[datetime | None, UUID | None]:
        """The same for a list ordered by time and id."""
        return self.place(query, datetime, UUID)

    def cut(self, rows: Sequence[T], query: object, *position: str) -> tuple[list[T], str | None]:
        """(the rows of this page, the next cursor) of `limit + 1` rows or views asked for; `position`: columns of the order."""
        if len(rows) <= self.limit:
            return list(rows), None
        last = rows[self.limit - 1]
        values = [getattr(last, name) if isinstance(last, msgspec.Struct) else last[name] for name in position]
        plain = [value if isinstance(value, int) else value.isoformat() if isinstance(value, datetime) else str(value) for value in values]
        return list(rows[: self.limit]), seal_cursor(self.key, plain, bound_to(self.viewer, query))


def page_asked(settings: Settings, actor: Actor, cursor: str | None, limit: int) -> PageAsked:
    """As one member asks for it: a cursor is nobody else's, not a colleague's either."""
    return PageAsked(settings.key("cursor"), str(actor.member_id), cursor, limit)
