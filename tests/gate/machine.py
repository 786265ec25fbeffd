"""At random: what people and time do to a market, one step after another, and after every step the judge.

A step may be taken while everybody reads: such a reading falls before the step or after it, and nowhere else.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import asyncpg
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gate.bench import Bench
from gate.cast import Road
from gate.judge import Judge, allowed, beyond
from gate.machine_room import RoomRules, a_road, at_once
from gate.model import may_release
from gate.town import Town
from succession.disclosure.ledger_check import check_ledgers

# deal -> (listing, buyer, who represents it); the roads of machine_room.a_road
ROADS: dict[str, tuple[str, str, str | None]] = {
    "kanda-uk": ("kanda", "uk", None), "kanda-nl": ("kanda", "nl", "bank"), "ueno-uk": ("ueno", "uk", None), "kanda-us": ("kanda", "us", None)}
STEPS = ("screens", "offers", "signs", "countersigns", "puts_to_owner", "yes", "dossier", "data_room", "opens_folder")
a_place, a_level = st.sampled_from(("kanda", "ueno")), st.sampled_from(("dossier", "data_room"))


async def ask(town: Town, name: str) -> int:
    place, buyer, through = ROADS[name]
    return await town.asks(name, place, buyer, through)


async def step(town: Town, road: Road, what: str) -> int:
    """One step on the road to the data room."""
    if what == "yes":
        return await town.all_say_yes(road)
    return await (town.releases(road, what) if what in ("dossier", "data_room") else getattr(town, what)(road))


class Gate(RoomRules, RuleBasedStateMachine):
    """`bench` and `whole` are set by who runs it; `told` counts what was done and answered, over all runs."""

    bench: ClassVar[Bench]
    whole: ClassVar[bool] = False
    told: ClassVar[Counter[str]] = Counter()
    checked: ClassVar[Counter[str]] = Counter()

    judge: Judge
    wrong: list[str]

    def __init__(self) -> None:
        super().__init__()
        self.judge, self.wrong, self.steps = self.bench.fresh(), [], 0

    @property
    def town(self) -> Town:
        return self.judge.town

    def road(self, name: str) -> Road | None:
        return self.town.roads.get(name)

    def do(self, taking: Callable[[], Awaitable[Any]], name: str, reading: bool = False) -> Any:
        """Take a step, perhaps while everybody reads, and write down what it was answered with."""

        async def both() -> tuple[Any, Any]:
            return await asyncio.gather(self.judge.during(), taking())

        before = allowed(self.town)
        seen, answer = self.bench.run(both()) if reading else ({}, self.bench.run(taking()))
        note(f"    # {name}: {answer}")
        self.told[f"{name} {answer}"] += 1
        assert not isinstance(answer, int) or answer < 500, f"{name} was answered with {answer}"
        self.wrong = beyond(self.town, seen, (before | allowed(self.town)).http)
        self.steps += 1
        return answer

    # ------------------------------------------------------------ how far the deals are

    @initialize(far=st.tuples(*(st.sampled_from((0, 3, 4, 6, 7, 7, 9, 9)) for _road in ROADS)))
    def begin(self, far: tuple[int, ...]) -> None:
        async def go() -> None:
            for name, steps in zip(ROADS, far, strict=True):
                await ask(self.town, name)
                for what in STEPS[:steps]:
                    answer = await step(self.town, self.road(name), what)
                    assert answer in (200, 201), f"{name}: {what} was answered with {answer}"

        self.bench.run(go())

    # ------------------------------------------------------------ people

    @rule(name=a_road, reading=at_once)
    def advance(self, name: str, reading: bool) -> None:
        road = self.road(name)
        if road is None or road.model.closed:
            self.do(lambda: ask(self.town, name), "ask")
            return
        deal = road.model
        done = {"screens": deal.screening == "cleared", "offers": deal.nda is not None and not deal.nda.over,
                "signs": deal.nda is not None and deal.nda.signed, "countersigns": deal.nda is not None and deal.nda.in_force,
                "puts_to_owner": deal.question is not None and not deal.question.lapsed,
                "yes": deal.question is not None and deal.question.stands}  # fmt: skip
        what = next((each for each, is_done in done.items() if not is_done), None)
        if what is None:
            what = next((level for level in ("dossier", "data_room") if may_release(deal, level)), None)
        if what is None:
            room = any(each.level == "data_room" and not each.over for each in deal.grants)
            what = "opens_folder" if room else "puts_to_owner"
        self.do(lambda: step(self.town, road, what), what, reading)

    @rule(name=a_road, level=a_level)
    def release(self, name: str, level: str) -> None:
        """Exactly when the model says so."""
        if road := self.road(name):
            must = may_release(road.model, level)
            answer = self.do(lambda: self.town.releases(road, level), f"release {level}")
            assert (answer == 201) == must, f"{name}: {level} was answered with {answer}, the model says {must}"

    @rule(name=a_road, reading=at_once, which=st.integers(0, 3))
    def revoke(self, name: str, reading: bool, which: int) -> None:
        if (road := self.road(name)) and road.grants:
            self.do(lambda: self.town.revokes(road, which), "revoke", reading)

    @rule(name=a_road, reading=at_once, decision=st.sampled_from(("withdrawn", "withdrawn", "yes", "no", "ask_adviser")), who=st.integers(0, 1))
    def owner_speaks(self, name: str, reading: bool, decision: str, who: int) -> None:
        """One of those who decide."""
        if road := self.road(name):
            self.do(lambda: self.town.owner_says(road, decision, who, personal=True), f"owner {decision}", reading)

    @rule(name=a_road, reading=at_once)
    def end_nda(self, name: str, reading: bool) -> None:
        if road := self.road(name):
            self.do(lambda: self.town.ends_nda(road), "end NDA", reading)

    @rule(name=a_road, decision=st.sampled_from(("cleared", "cleared", "refused")))
    def screen_again(self, name: str, decision: str) -> None:
        if road := self.road(name):
            self.do(lambda: self.town.screens(road, decision), f"screen {decision}")

    @rule(place=a_place, buyer=st.sampled_from(("uk", "nl", "us")), reading=at_once)
    def exclude(self, place: str, buyer: str, reading: bool) -> None:
        excluded = self.town.organisations[buyer] in self.town.places[place].model.excluded
        doing = self.town.readmits if excluded else self.town.excludes
        self.do(lambda: doing(place, buyer), doing.__name__, reading)

    @rule(buyer=st.sampled_from(("uk", "nl", "center")), reading=at_once)
    def operator(self, buyer: str, reading: bool) -> None:
        decision = "suspended" if self.town.organisations[buyer].standing == "verified" else "verified"
        self.do(lambda: self.town.operator_decides(buyer, decision), f"operator: {decision}", reading)

    @precondition(lambda self: self.steps > 3)
    @rule(place=a_place, reading=at_once)
    def withdraw(self, place: str, reading: bool) -> None:
        self.do(lambda: self.town.withdraws(place), "withdraw listing", reading)

    @rule(reading=at_once)
    def member_changes(self, reading: bool) -> None:
        """The second member of a buyer leaves, and somebody else joins."""
        leaving = next((each for each in self.town.people.values() if each.name.startswith("uk") and each.name != "uk" and each.member.active), None)
        if leaving is None:
            self.bench.run(self.town.joined("uk"))
        else:
            self.do(lambda: self.town.leaves(leaving), "member leaves", reading)

    @rule(reading=at_once)
    def representation_ends(self, reading: bool) -> None:
        self.do(self.town.ends_representation, "end representation", reading)

    # ------------------------------------------------------------ time

    @rule(name=a_road, what=st.sampled_from(("grant", "grant", "nda", "consent", "screening", "link")), which=st.integers(0, 3), reading=at_once)
    def expire(self, name: str, what: str, which: int, reading: bool) -> None:
        if road := self.road(name):
            self.do(lambda: self.town.expires(road, what, which), f"{what} expires", reading)

    @rule(name=a_road, reading=at_once, what=st.sampled_from(("comes_near_its_end", "a_month_passes", "a_month_passes", "is_found_on_a_list")))
    def time_passes(self, name: str, reading: bool, what: str) -> None:
        if road := self.road(name):
            self.do(lambda: getattr(self.town, what)(road), what.replace("_", " "), reading)

    @rule(name=a_road)
    def exclusivity(self, name: str) -> None:
        if road := self.road(name):
            others = [each for each in self.town.roads.values() if each.place is road.place]
            parked = any(each.model.parked for each in others)
            self.do(lambda: self.town.unparks(ROADS[name][0]) if parked else self.town.parks(road), "exclusivity")

    # ------------------------------------------------------------ and after each

    @invariant()
    def the_gate_holds(self) -> None:
        people = list(self.town.people.values())
        whole = people if self.whole and self.steps % 5 == 0 else [people[self.steps % len(people)]] if self.whole else []
        wrong = self.wrong + self.bench.run(self.judge.at_rest(whole, thorough=self.whole))
        assert not wrong, "\n".join(wrong)

    def teardown(self) -> None:
        for name, count in self.judge.checked.items():
            self.checked[name] += count
        self.bench.run(self._close())

    async def _close(self) -> None:
        connection: asyncpg.Connection = await asyncpg.connect(self.town.database_url)
        try:
            await connection.execute("SET ROLE succession_seeder")
            broken = (await check_ledgers(connection)).breaks
        finally:
            await connection.close()
            await self.town.close()
        assert not broken, broken
