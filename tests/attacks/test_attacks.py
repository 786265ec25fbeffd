"""Does every attack fail against the honest server, and succeed against each of its leaky ones?"""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest

from attacks.harness import ATTACKS, Finding, Templates
from attacks.surfaces import argued, attacked
from succession.app import create_app
from succession.config import Settings

pytestmark = pytest.mark.slow

for _module in sorted(Path(__file__).parent.glob("*.py")):  # each module enters its attacks
    if not _module.stem.startswith(("conftest", "test_")):
        importlib.import_module(f"attacks.{_module.stem}")
LEAKS = [(number, name) for number, attack in ATTACKS.items() for name in attack.leaks]
_visited: dict[str, set[str]] = {}


@pytest.mark.parametrize("number", ATTACKS)
async def test_the_attack_fails(scene, record_property, number):
    attack, door = ATTACKS[number], scene.door()
    told = {"id": number, "tries": attack.tries, "actors": attack.actors, "bound": attack.bound}
    try:
        await scene.another_day()
        finding = await attack.run(scene, door)
    except BaseException as error:
        finding = Finding(f"did not run: {type(error).__name__}", ["not run"])
        raise
    finally:
        await door.close()
        _visited[number] = set(door.visited)
        record_property("attack", json.dumps(told | {
            "measure": finding.measure, "verdict": "LEAKS" if finding.found else "held"}))
    assert finding.found == [], f"{attack.tries}: {finding}"


@pytest.mark.parametrize(("number", "name"), LEAKS, ids=[f"{number}-{name}" for number, name in LEAKS])
async def test_the_attack_finds_a_leak_when_there_is_one(scene, record_property, number, name):
    attack = ATTACKS[number]
    door = scene.door(attack.leaks[name])
    found = False
    try:
        await scene.another_day()
        finding = await attack.run(scene, door)
        found = bool(finding.found)
    finally:
        await door.close()
        record_property("attack", json.dumps({"id": number, "fixture": name, "found": found}))
    assert found, f"{attack.tries}: blind to {name} ({finding.measure})"


def test_every_attack_has_a_leak_it_is_shown_to_find():
    assert [number for number, attack in ATTACKS.items() if not attack.leaks] == []


# --- which routes are attacked ----------------------------------------------------------------------------------------

ROUTES = set(Templates(create_app(Settings.from_env({"SUCCESSION_DEMO": "1",
                                                     "SUCCESSION_SECRET_KEY": "k" * 32}))).routes)


def test_every_route_is_attacked_or_has_a_reason_not_to_be():
    assert sorted(ROUTES - attacked() - argued()) == [], "enter these in an attack, or in surfaces.py with a reason"
    assert sorted((attacked() | argued()) - ROUTES) == [], "these routes do not exist any more"
    assert sorted(attacked() & argued()) == [], "what is attacked needs no reason"


def test_every_route_an_attack_declares_was_really_asked():
    assert _visited or not ATTACKS, "runs after the attacks of this file"
    idle = {number: sorted(set(ATTACKS[number].routes) - seen) for number, seen in _visited.items()}
    assert {number: routes for number, routes in idle.items() if routes} == {}


def test_the_list_would_miss_a_route_that_nobody_attacks():
    assert "GET /v1/teasers/{ref}/neighbours" not in attacked() | argued()
    assert {"GET /v1/teasers/{ref}/neighbours"} - attacked() - argued()
