"""At random: what happens between the agreement and the papers. Part of the machine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from gate.cast import Person, Road
from gate.model import KNOW_HOW, Folder, may_open
from gate.town import Town

a_road = st.sampled_from(("kanda-uk", "kanda-nl", "ueno-uk", "kanda-us"))
at_once = st.booleans()
FOLDERS = ("books", "books", "prices", *KNOW_HOW)


class RoomRules:
    """The rest of a machine: `do` takes a step, perhaps while everybody reads."""

    town: Town
    road: Callable[[str], Road | None]
    do: Callable[..., Any]

    def reader(self, road: Road) -> Person:
        """Who reads for the buyer: the newest member of it."""
        return [each for each in self.town.people.values() if each.member.organisation is road.model.buyer and each.member.active][-1]

    def take(self, name: str, what: str, reading: bool, step: Callable[[Road], Awaitable[Any]], only: Callable[[Road], Any] = lambda road: True) -> Any:
        if (road := self.road(name)) and only(road):
            return self.do(lambda: step(road), what, reading)
        return None

    # ------------------------------------------------------------ the agreement

    @rule(name=a_road, reading=at_once, what=st.sampled_from(("renews", "countersigns")))
    def renew(self, name: str, reading: bool, what: str) -> None:
        self.take(name, what, reading, lambda road: getattr(self.town, what)(road), lambda road: road.model.nda)

    @rule(name=a_road, reading=at_once, by_buyer=st.booleans())
    def own_paper(self, name: str, reading: bool, by_buyer: bool) -> None:
        self.take(name, "own paper", reading, lambda road: self.town.hands_in_paper(road, by_buyer), lambda road: name.startswith("kanda"))

    @rule(name=a_road, reading=at_once)
    def bound_or_released(self, name: str, reading: bool) -> None:
        def step(road: Road) -> Awaitable[Any]:
            reader = self.reader(road)
            return (self.town.releases_member if reader.member in road.model.nda.bound else self.town.binds)(road, reader)

        self.take(name, "bound or released", reading, step, lambda road: road.model.nda)

    # ------------------------------------------------------------ persons

    @rule(reading=at_once)
    def relative(self, reading: bool) -> None:
        self.take("kanda-uk", "relative", reading, lambda road: (
            self.town.relative_withdraws if road.model.relatives else self.town.relative_agrees)(road), lambda road: not road.model.closed)

    @rule(name=a_road, shared=st.booleans())
    def question(self, name: str, shared: bool) -> None:
        self.take(name, "question", False, lambda road: self.town.asks_question(road, shared))

    @rule(name=a_road)
    def answers_go(self, name: str) -> None:
        self.take(name, "held answers go", False, self.town.lets_answers_go)

    # ------------------------------------------------------------ the room

    @rule(name=a_road, where=st.sampled_from(FOLDERS), far=st.booleans(), persons=st.sampled_from((None, None, 1)))
    def open_folder(self, name: str, where: str, far: bool, persons: int | None) -> None:
        """Exactly when the model says so."""
        if road := self.road(name):
            place = road.place.model.name
            folder = road.place.folders.get(where) or Folder(where, where == "prices", where if where in KNOW_HOW else None)
            must = may_open(road.model, folder, far) and (persons is None or persons >= road.place.model.persons)
            if not must and where not in road.place.folders:
                return
            answer = self.do(lambda: self.town.opens_folder(road, where, far, persons), f"open {where}")
            assert (answer == 201) == must, f"{name}: {where} of {place} was answered with {answer}, the model says {must}"

    @rule(name=a_road, reading=at_once, by_owner=st.booleans(), which=st.integers(0, 3))
    def close_folder(self, name: str, reading: bool, by_owner: bool, which: int) -> None:
        self.take(name, "close folder", reading, lambda road: self.town.closes_folder(road, by_owner, which), lambda road: road.folders)

    @rule(name=a_road, reading=at_once, competes=st.booleans())
    def competition(self, name: str, reading: bool, competes: bool) -> None:
        self.take(name, f"competes: {competes}", reading, lambda road: self.town.competes(road, competes))

    @rule(name=a_road, reading=at_once, accepted=st.sampled_from((True, True, False)))
    def clean_team(self, name: str, reading: bool, accepted: bool) -> None:
        def step(road: Road) -> Awaitable[Any]:
            reader = self.reader(road)
            if reader.member in road.model.clean:
                return self.town.leaves_clean_team(road, reader)
            return self.town.joins_clean_team(road, reader, accepted)

        self.take(name, "clean team", reading, step)

    @rule(place=st.sampled_from(("kanda", "ueno")), where=st.sampled_from(("dossier", "books")), reading=at_once)
    def papers(self, place: str, where: str, reading: bool) -> None:
        doing = self.town.removed if where in self.town.places[place].documents else self.town.filed
        self.do(lambda: doing(place, where), f"document {doing.__name__}", reading)

    @rule(newest=st.booleans())
    def link(self, newest: bool) -> None:
        self.take("ueno-uk", "link", False, lambda road: self.town.makes_link(road, self.reader(road) if newest else road.buyer),
                  lambda road: "dossier" in road.place.documents)
