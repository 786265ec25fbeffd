"""Does every attack fail against the honest server, and succeed against each of its leaky ones?"""

from __future__ import annotations

import json

import pytest

from attacks import figures, linkage, order, questions, rivals, stages, wire, words  # noqa: F401  each module enters its attacks
from attacks.harness import ATTACKS, Finding

LEAKS = [(number, name) for number, attack in ATTACKS.items() for name in attack.leaks]
_visited: dict[str, set[str]] = {}


@pytest.mark.parametrize("number", ATTACKS)
async def test_the_attack_fails(scene, record_property, number):
    attack, door = ATTACKS[number], scene.door()
    told = {"id": number, "tries": attack.tries, "actors": attack.actors, "bound": attack.bound}
    try:
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
        finding = await attack.run(scene, door)
        found = bool(finding.found)
    finally:
        await door.close()
        record_property("attack", json.dumps({"id": number, "fixture": name, "found": found}))
    assert found, f"{attack.tries}: blind to {name} ({finding.measure})"


def test_every_attack_has_a_leak_it_is_shown_to_find():
    assert [number for number, attack in ATTACKS.items() if not attack.leaks] == []
