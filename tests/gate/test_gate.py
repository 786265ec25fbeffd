"""At no moment does anybody read what the model forbids; and who may read, reads."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from gate.bench import Bench
from gate.holes import HOLES
from gate.holes_room import ROOM_HOLES
from gate.machine import ROADS, STEPS, Gate, ask, step

SMALL, FULL = (2, 5), (60, 20)  # runs, steps a run


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, worker_id: str):
    made = Bench(tmp_path_factory.mktemp("gate"), worker_id)
    yield made
    made.close()


def budget(runs: int, steps: int, *phases: Phase) -> settings:
    return settings(max_examples=runs, stateful_step_count=steps, deadline=None, database=None, print_blob=False, report_multiple_bugs=False,
                    suppress_health_check=list(HealthCheck), phases=phases)  # fmt: skip


def machine_on(bench: Bench, whole: bool = False) -> type[Gate]:
    return type("Gate", (Gate,), {"bench": bench, "whole": whole, "told": Gate.told.__class__(), "checked": Gate.checked.__class__()})


def test_nobody_ever_reads_what_the_model_forbids(bench, request, record_property):
    full, number = request.config.getoption("--full"), request.config.getoption("--seed")
    machine = machine_on(bench, whole=full)
    print(f"seed {number}")
    run_state_machine_as_test(seed(number)(machine), settings=budget(*(FULL if full else SMALL), Phase.generate, *([Phase.shrink] if full else [])))
    checked = machine.checked
    record_property("gate", f"seed {number}: " + ", ".join(f"{count} {name}" for name, count in sorted(checked.items())))
    assert checked["moments"] >= (SMALL[0] if not full else FULL[0]) and checked["words over HTTP"] > 20 and checked["words in SQL"] > 100
    if full:
        print("\n".join(f"{count:6} {name}" for name, count in sorted(machine.told.items())))


def released(bench: Bench, *names: str):
    """A town in which these deals have come as far as a deal can."""
    judge = bench.fresh()

    async def go() -> None:
        for name in names:
            await ask(judge.town, name)
            for what in STEPS:
                assert await step(judge.town, judge.town.roads[name], what) in (200, 201), (name, what)

    bench.run(go())
    return judge


# Routes that answer nobody in this town -> why; every other one says 200 to somebody, so that asking it proves something.
SILENT = {
    "/v1/briefs/{brief_id:uuid}": "no brief", "/v1/briefs/{brief_id:uuid}/candidates": "no brief", "/v1/holds/{hold_id:uuid}": "no hold",
    "/v1/introductions/{introduction_id:uuid}": "no introduction", "/v1/listing-imports/{import_id:uuid}": "no import",
    "/v1/listing-imports/{import_id:uuid}/rows": "no import", "/v1/listings/{listing_id:uuid}/paper-evidence/{paper_id:uuid}/scan": "no paper",
    "/v1/listings/{listing_id:uuid}/paper-evidence/{paper_id:uuid}/seal-certificate": "no paper",
    "/v1/listings/{listing_id:uuid}/teaser-prose": "no text of one's own", "/v1/metrics/{resource:str}": "no month has been closed",
    "/v1/teasers/{ref:str}": "no batch has been put up", "/v1/uploads/{upload_id:uuid}": "no upload: small documents came in one request",
    "/v1/acquirer-profile": "nobody keeps one", "/v1/matches": "no profile", "/v1/saved-searches/{search_id:uuid}": "nothing was saved",
    "/v1/adverse-events/{event_id:uuid}": "nothing was held against anybody", "/v1/screening-lists/{code:str}/versions": "no list",
    "/v1/personal-data-measures": "nobody declared any",
    **dict.fromkeys(("/v1/case-files/{case_file_id:uuid}", "/v1/case-files/{case_file_id:uuid}/content"), "nobody asked for one"),
    **dict.fromkeys((f"/v1/disclosure-requests/{{deal_id:uuid}}/nda/{what}" for what in ("paper", "paper/content", "document", "renewal")),
                    "signed on the page: no party's own paper, no sealed file before the worker made it, nothing to renew yet"),
}  # fmt: skip


def test_everybody_on_every_route_when_all_is_released(bench):
    judge = released(bench, *list(ROADS)[:3])
    people = [judge.town.people[name] for name in ("center", "bank", "uk", "operator")]
    assert bench.run(judge.at_rest(people)) == []
    assert set(judge.walk.templates) - judge.walk.answered == set(SILENT)
    bench.run(judge.town.close())


# ---------------------------------------------------------------------------------------------------------------------
# And it would be noticed


def test_each_planted_hole_is_seen_and_nothing_once_it_is_closed(bench, request):
    full = request.config.getoption("--full")
    judge = released(bench, *ROADS)
    blind = []
    for hole in (each for each in ROOM_HOLES + HOLES if full or not each.long):
        bench.run(hole.spoil(judge.town))
        with hole.planted(bench):
            if not bench.run(hole.seen(judge)):
                blind.append(hole.name)
        bench.run(hole.mend(judge.town))
    assert blind == [], 'holes nobody saw'
    assert [each for each in bench.run(judge.at_rest([])) if "(letter" not in each] == [], "a complaint when every hole is closed"
    bench.run(judge.town.close())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each of them under --full, in the suite one that is wide."""
    if "to_find" in metafunc.fixturenames:
        found = [hole for hole in ROOM_HOLES + HOLES if hole.found_at_random]
        wide = [hole for hole in found if hole.name == "every verified buyer reads profiles"]
        metafunc.parametrize("to_find", found if metafunc.config.getoption("--full") else wide, ids=lambda hole: hole.name.replace(" ", "-"))


def test_the_machine_finds_a_hole_by_itself(bench, request, to_find):
    with to_find.planted(bench), pytest.raises(AssertionError):
        run_state_machine_as_test(seed(request.config.getoption("--seed"))(machine_on(bench, to_find.whole)), settings=budget(40, 20, Phase.generate))
