"""Servers are killed at random while companies are disclosed: none readable without its entry, none with two, no 500, all back."""

from __future__ import annotations

import json

import pytest

from chaos.siege import Outcome, Plan, besiege
from chaos.stack import Stack

SMALL = {"disclosures": 6, "kills": 3, "on": False}
FULL = {"disclosures": 1000, "kills": 40}
BACK_WITHIN_S = 45.0
# What a client that repeats itself may be told: to confirm; that the code it lost the answer to was spent, or came too late; that a
# link which works once has worked.
REFUSALS = {"403 second_factor_needed", "409 second_factor_used", "422 second_factor_wrong", "409 code_invalid", "404 page", "409 page", "410 page"}


@pytest.mark.embedded
async def test_disclosures_while_servers_are_killed(request, tmp_path, record_property):
    full = request.config.getoption("--full")
    plan = Plan(**(FULL if full else SMALL), seed=request.config.getoption("--seed"), heal_within_s=BACK_WITHIN_S)
    outcome = Outcome()
    try:
        async with Stack(tmp_path) as stack:
            await besiege(stack, plan, outcome)
    finally:
        print(outcome.table(plan))
    record_property("chaos", json.dumps(outcome.table(plan)))
    assert outcome.disclosed == plan.disclosures and sum(outcome.kills.values()) >= plan.kills
    assert set(outcome.told.statuses) <= {"200", "201", "503", "no answer"} | REFUSALS
    assert outcome.told.statuses["503"] + outcome.told.statuses["no answer"] > 0, "nobody noticed that anything was killed"
    assert all(seconds < BACK_WITHIN_S for _kind, seconds in outcome.outages)
