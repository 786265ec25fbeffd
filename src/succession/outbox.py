"""What must happen outside this process once a write has been committed?

`enqueue` writes a row in the same transaction as the fact it follows from; the worker delivers it with retries.
Nothing is sent when the transaction rolls back, and nothing is lost when it commits.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# No conflict target: naming one would need a right to read what waits here, and this role may only add to it.
_INSERT = text(
    "INSERT INTO ops.outbox (topic, payload, dedupe_key, available_at) "
    "VALUES (:topic, CAST(:payload AS jsonb), :dedupe_key, now() + :delay) ON CONFLICT DO NOTHING"
)


async def enqueue(session: AsyncSession, topic: str, payload: dict[str, Any], dedupe_key: str | None = None,
                  delay: timedelta = timedelta(0)) -> None:
    """Record one delivery. With a `dedupe_key` the same event recorded twice is delivered once."""
    await session.execute(_INSERT, {
        "topic": topic, "payload": msgspec.json.encode(payload).decode(), "dedupe_key": dedupe_key, "delay": delay,
    })


async def mail(session: AsyncSession, template: str, *, address: str | None = None, member: UUID | None = None,
               organisation: UUID | None = None, locale: str | None = None, dedupe_key: str | None = None,
               **params: object) -> None:
    """A letter by template (`letters.py`) to an address, one member, or every active member of an organisation.

    Params must be plain values; secrets (links, codes) travel here and nowhere else, never in a log.
    """
    to = {"address": address, "member": str(member) if member else None,
          "organisation": str(organisation) if organisation else None}
    await enqueue(session, "mail", {"template": template, "to": to, "locale": locale, "params": params}, dedupe_key)


_AUDIT = text(
    "INSERT INTO vault.audit_event (actor_kind, organisation_id, member_id, action, object_id, detail) "
    "VALUES (coalesce(ops.kind(), 'system'), ops.organisation(), ops.member(), :action, :object_id, CAST(:detail AS jsonb))"
)


async def record(session: AsyncSession, action: str, object_id: object, **detail: object) -> None:
    """One line of the audit, in the transaction of what it tells of: ids and codes only, never a name."""
    await session.execute(_AUDIT, {
        "action": action, "object_id": str(object_id), "detail": msgspec.json.encode(detail).decode(),
    })
