"""What do public references look like? 128 random bits, written as 32 hex digits: never an order, never a time."""

from __future__ import annotations

import secrets
from uuid import UUID

from succession.errors import Problem


def new_reference() -> UUID:
    """128 random bits in the database's uuid type (not an RFC 4122 version: all bits are random)."""
    return UUID(bytes=secrets.token_bytes(16))


def new_token() -> str:
    """A secret for links and keys: 256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def parse_reference(written: str) -> UUID:
    """Problem not_found for anything that cannot be a reference: a malformed one and an unknown one look the same."""
    try:
        return UUID(written)
    except ValueError:
        raise Problem("not_found") from None
