"""Which records of deals run out by themselves? Exclusivity does: the buyers it parked are told that they may go on."""

from __future__ import annotations

from datetime import datetime

import asyncpg
import msgspec

from succession.config import Settings
from succession.days import day_in_japan

_END = """
UPDATE vault.exclusivity SET ended_on = until_date + 1 WHERE ended_on IS NULL AND until_date < $1
RETURNING id, listing_id, deal_id
"""
_PARKED = """
SELECT id, buyer_id, intermediary_id, project_name FROM vault.deal
WHERE listing_id = $1 AND id <> $2 AND terminal IS NULL ORDER BY id
"""
_MAIL = "INSERT INTO ops.outbox (topic, payload, dedupe_key) VALUES ('mail', $1::text::jsonb, $2) ON CONFLICT (dedupe_key) DO NOTHING"


async def end_exclusivities(connection: asyncpg.Connection, settings: Settings, now: datetime) -> int:
    """Close the records whose last day has passed; returns how many. Whether a deal is parked never depends on this job."""
    ended = await connection.fetch(_END, day_in_japan(now))
    for record in ended:
        for deal in await connection.fetch(_PARKED, record["listing_id"], record["deal_id"]):
            for side in ("buyer_id", "intermediary_id"):
                letter = {"template": "deal_unparked", "locale": None, "params": {"project": deal["project_name"]},
                          "to": {"address": None, "member": None, "organisation": str(deal[side])}}
                await connection.execute(_MAIL, msgspec.json.encode(letter).decode(), f"unparked:{record['id']}:{deal['id']}:{side}")
    return len(ended)
