"""Servers are killed at random while companies are disclosed: none readable without its entry, none with two, no 500, all back."""

from __future__ import annotations

import json

import pytest

from chaos.siege import Plan, besiege
from chaos.stack import Stack

SMALL = {"disclosures": 16, "kills": 3}
FULL = {"disclosures": 1000, "kills": 40}
BACK_WITHIN_S = 45.0


@pytest.mark.embedded
async def test_disclosures_while_servers_are_killed(request, tmp_path, record_property):
    full = request.config.getoption("--full")
    plan = Plan(**(FULL if full else SMALL), seed=request.config.getoption("--seed"), heal_within_s=BACK_WITHIN_S)
    async with Stack(tmp_path) as stack:
        outcome = await besiege(stack, plan)
    print(outcome.table(plan))
    record_property("chaos", json.dumps(outcome.table(plan)))
    assert outcome.disclosed == plan.disclosures and sum(outcome.kills.values()) >= plan.kills
    assert set(outcome.told.statuses) <= {"200", "201", "503", "no answer"} | {"403", "404", "409", "410"}
    assert all(seconds < BACK_WITHIN_S for _kind, seconds in outcome.outages)
