"""What happens to deals that are under way when a list gets a new version, or a buyer new people? The calendar's work.

The run is made again with the lists that the firm consults. Nothing new found: the run is kept and nobody is bothered, the
decision stands on it. Something new: the adviser is told, and no NDA, memorandum or closing goes on until a person has
decided. What is released stays readable meanwhile, because most likenesses are somebody else and an accusation by a machine
should not end talks; but the very name or number on a sanctions list ends reading at once, until somebody has looked. A
likeness of somebody who reads under the agreement stops that person alone, until two persons have cleared it
(vault.member_stopped): who is named is looked for at once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from succession.config import Settings
from succession.disclosure.matching import Findings, match_for
from succession.disclosure.screening import Candidate, matcher_version, new_since, suspends

AT_ONCE = 200  # deals a turn; the next turn goes on

_DUE = "SELECT deal_id, listing_id, buyer_id, intermediary_id, project_name, occasion FROM vault.rescreening_due($1)"
_DUE_OF = "SELECT deal_id, listing_id, buyer_id, intermediary_id, project_name, occasion FROM vault.rescreening_of($1)"
_RUN = """INSERT INTO vault.screening_run (id, deal_id, listing_id, buyer_id, occasion, matcher, parties_hash, parties, lists, candidates, fingerprint)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::jsonb, $10::text::jsonb, $11)"""
_ALERT = "INSERT INTO vault.screening_alert (deal_id, listing_id, run_id, candidates, suspends) VALUES ($1, $2, $3, $4::text::jsonb, $5)"
_MAIL = "INSERT INTO ops.outbox (topic, payload, dedupe_key) VALUES ('mail', $1::text::jsonb, $2) ON CONFLICT (dedupe_key) DO NOTHING"


async def rescreen(connection: asyncpg.Connection, settings: Settings, now: datetime) -> int:
    """Run again what is due, as succession_worker; returns how many deals something new was found for."""
    return sum([await _again(connection, due) for due in await connection.fetch(_DUE, AT_ONCE)])


async def rescreen_deal(connection: asyncpg.Connection, settings: Settings, number: int, payload: dict[str, Any]) -> None:
    """The same at once for one deal, whose agreement binds somebody new: a topic of the outbox."""
    async with connection.transaction():
        for due in await connection.fetch(_DUE_OF, UUID(payload["deal"])):
            await _again(connection, due)


async def _again(connection: asyncpg.Connection, due: asyncpg.Record) -> bool:
    """One more run, and whether something new was found in it: then the adviser is told."""
    findings = await match_for(connection, due["deal_id"], due["intermediary_id"])
    run_id = await _keep(connection, due, findings)
    decided = msgspec.convert(await connection.fetchval("SELECT vault.candidates_decided($1)", due["deal_id"]), list[Candidate])
    found = new_since(findings.candidates, decided)
    if found:
        await connection.execute(_ALERT, due["deal_id"], due["listing_id"], run_id, _json(found), suspends(findings.candidates, decided))
        letter = {"template": "screening_alert", "locale": None, "params": {"project": due["project_name"]},
                  "to": {"address": None, "member": None, "organisation": str(due["intermediary_id"])}}
        await connection.execute(_MAIL, _json(letter), f"screening-alert:{run_id}")
    return bool(found)


async def _keep(connection: asyncpg.Connection, due: asyncpg.Record, findings: Findings) -> UUID:
    run_id = uuid4()
    await connection.execute(_RUN, run_id, due["deal_id"], due["listing_id"], due["buyer_id"], due["occasion"], matcher_version(),
                             findings.parties_hash, len(findings.parties), _json(findings.lists), _json(findings.candidates), findings.fingerprint)
    return run_id


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
