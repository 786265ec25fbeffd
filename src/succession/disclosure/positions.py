"""Where does a list of this slice continue: newest first, by a moment and an id, sealed for one caller and query?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from succession.actor import Actor
from succession.config import Settings
from succession.errors import Problem
from succession.paging import bound_to, open_cursor, seal_cursor


def bound(actor: Actor, query: Sequence[object]) -> bytes:
    return bound_to(str(actor.member_id), query)


def newest_after(settings: Settings, cursor: str | None, belongs: bytes) -> tuple[datetime, UUID] | None:
    """The position a cursor holds; Problem cursor_invalid for one from elsewhere."""
    if cursor is None:
        return None
    at, row_id = open_cursor(settings.key("cursor"), cursor, belongs)
    return datetime.fromisoformat(at), UUID(row_id)


def number_after(settings: Settings, cursor: str | None, belongs: bytes) -> int | None:
    """The same for a list ordered by one number."""
    if cursor is None:
        return None
    (number,) = open_cursor(settings.key("cursor"), cursor, belongs)
    if not isinstance(number, int):
        raise Problem("cursor_invalid")
    return number


def next_cursor(settings: Settings, found: Sequence[Any], limit: int, belongs: bytes, *fields: str) -> str | None:
    """The cursor after the first `limit` of what was found, or None when that was all. `fields` make the position."""
    if len(found) <= limit:
        return None
    values = [getattr(found[limit - 1], field) for field in fields]
    position = [v.isoformat() if isinstance(v, datetime) else v if isinstance(v, int) else str(v) for v in values]
    return seal_cursor(settings.key("cursor"), position, belongs)


def found_or_404(found: Any) -> Any:
    """What a query found, or Problem not_found."""
    if found is None:
        raise Problem("not_found")
    return found


def place_after(settings: Settings, cursor: str | None, belongs: bytes) -> tuple[int, UUID] | None:
    """The same for a list ordered by a number and an id."""
    if cursor is None:
        return None
    number, row_id = open_cursor(settings.key("cursor"), cursor, belongs)
    return number, UUID(row_id)


def id_after(settings: Settings, cursor: str | None, belongs: bytes) -> UUID | None:
    """The same for a list ordered by an id."""
    if cursor is None:
        return None
    (row_id,) = open_cursor(settings.key("cursor"), cursor, belongs)
    return UUID(row_id)
