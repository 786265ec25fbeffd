"""Who is told that an NDA runs out? Both sides, 30 days and 7 days before, under the project name, with the page that renews it."""

from __future__ import annotations

from datetime import datetime, timedelta

import asyncpg
import msgspec

from succession.config import Settings
from succession.days import day_in_japan

REMINDERS_DAYS = (7, 30)  # the nearest that has come is the one that is sent

_ENDING = """
SELECT n.id, n.expires_at, d.id AS deal_id, d.project_name, d.buyer_id, d.intermediary_id
FROM vault.nda n JOIN vault.deal d ON d.id = n.deal_id
WHERE n.in_force_at IS NOT NULL AND n.ended_at IS NULL AND d.terminal IS NULL AND n.expires_at > $1 AND n.expires_at <= $2
ORDER BY n.expires_at, n.id"""
_MAIL = "INSERT INTO ops.outbox (topic, payload, dedupe_key) VALUES ('mail', $1::text::jsonb, $2) ON CONFLICT (dedupe_key) DO NOTHING"


async def remind_of_endings(connection: asyncpg.Connection, settings: Settings, now: datetime) -> int:
    """Write the letters that are due, each once for every end of a term; returns how many agreements they are about."""
    ending = await connection.fetch(_ENDING, now, now + timedelta(days=max(REMINDERS_DAYS)))
    for row in ending:
        days = next(days for days in REMINDERS_DAYS if row["expires_at"] <= now + timedelta(days=days))
        params = {"project": row["project_name"], "ends_on": day_in_japan(row["expires_at"]).isoformat(),
                  "link": f"{settings.public_url}/nda/{row['deal_id']}"}
        for side in ("buyer_id", "intermediary_id"):
            letter = {"template": "nda_expires", "locale": None, "params": params,
                      "to": {"address": None, "member": None, "organisation": str(row[side])}}
            key = f"nda_expires:{row['id']}:{side}:{days}:{row['expires_at'].isoformat()}"
            await connection.execute(_MAIL, msgspec.json.encode(letter).decode(), key)
    return len(ending)
