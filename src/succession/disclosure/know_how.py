"""In which order are steps of know-how shown, from which stage of a deal on, and to whom of the buyer?

A buyer that competes, or that only looks, could take know-how along: what exists comes first, the recipe last (staged
disclosure and clean teams; an agreement of secrecy alone is held to be too little). `ops.know_how_step` is the same table in
SQL, where triggers refuse the rest, and end later steps with one that is taken back; a test compares the two.
"""

from __future__ import annotations

from typing import Literal

import msgspec

KnowHow = Literal["K0", "K1", "K2", "K3", "K4"]


class Step(msgspec.Struct, frozen=True):
    """One step. `stages`: of the deal, () for any; `event`: a step of its road that opens it as well. `clean_team`: for
    every buyer; `of_competitor`: for one that competes. `view_only`: looked at page by page, never taken along."""

    code: KnowHow
    shows: str
    stages: tuple[str, ...] = ()
    event: str | None = None
    clean_team: bool = False
    of_competitor: bool = False
    view_only: bool = False


STEPS: tuple[Step, ...] = (
    Step("K0", "that it exists, and its kind"),
    Step("K1", "what it achieves"),
    Step("K2", "its principle, or a closed demonstration"),
    Step("K3", "its parameters", ("definitive", "closing", "post_closing"), "sign_mou", clean_team=True, of_competitor=True, view_only=True),
    Step("K4", "the recipe", ("closing", "post_closing"), of_competitor=True, view_only=True),
)
BY_CODE: dict[str, Step] = {step.code: step for step in STEPS}


class Standing(msgspec.Struct, frozen=True):
    """What a release of a folder is weighed against. `released`: steps in force; `competition`: competes, apart, undeclared."""

    stage: str | None
    events: frozenset[str]
    released: frozenset[str]
    competition: str
    clean_team: bool


def needs_clean_team(step: str | None, sensitive: bool, competition: str) -> bool:
    """Whether only members named and accepted may read."""
    known = BY_CODE.get(step) if step else None
    if known is not None and known.clean_team:
        return True
    return competition == "competes" and (sensitive or (known is not None and known.of_competitor))


def refusal(step: str | None, sensitive: bool, standing: Standing) -> str | None:
    """The problem that refuses a release of such a folder, or None; in the order in which the database asks."""
    if step:
        known = BY_CODE[step]
        if known.stages and standing.stage not in known.stages and known.event not in standing.events:
            return "know_how_stage"
        place = STEPS.index(known)
        if place and STEPS[place - 1].code not in standing.released:
            return "know_how_order"
    if (step or sensitive) and standing.competition == "undeclared":
        return "competitor_undeclared"
    if needs_clean_team(step, sensitive, standing.competition) and not standing.clean_team:
        return "clean_team_needed"
    return None
