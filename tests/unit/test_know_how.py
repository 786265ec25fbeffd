"""Are steps of know-how shown in their order, not before their stage, and to a competitor through its clean team alone?"""

from __future__ import annotations

import pytest

from succession.deals.lifecycle import STAGE_NUMBERS
from succession.disclosure.know_how import BY_CODE, STEPS, Standing, needs_clean_team, refusal

ALL = frozenset(BY_CODE)


def standing(**facts) -> Standing:
    return Standing(**({"stage": "post_closing", "events": frozenset(), "released": ALL, "competition": "apart", "clean_team": True} | facts))


def test_each_step_needs_the_one_before_it():
    for place, step in enumerate(STEPS):
        assert refusal(step.code, False, standing(released=frozenset(each.code for each in STEPS[:place]))) is None
        if place:
            without = ALL - {STEPS[place - 1].code}
            assert refusal(step.code, False, standing(released=without)) == "know_how_order", "later ones do not stand in for it"


@pytest.mark.parametrize(("step", "earliest"), [("K0", "im_disclosed"), ("K2", "im_disclosed"), ("K3", "definitive"), ("K4", "closing")])
def test_a_step_opens_at_its_stage(step, earliest):
    for stage, number in STAGE_NUMBERS.items():
        open_now = refusal(step, False, standing(stage=stage)) is None
        assert open_now == (number >= STAGE_NUMBERS[earliest] or earliest == "im_disclosed"), (step, stage)
    assert (refusal(step, False, standing(stage=None)) is None) == (earliest == "im_disclosed")


def test_a_memorandum_opens_the_parameters_and_never_the_recipe():
    signed = standing(stage="dd", events=frozenset({"sign_mou"}))
    assert refusal("K3", False, signed) is None and refusal("K4", False, signed) == "know_how_stage"
    assert refusal("K3", False, standing(stage="dd", events=frozenset({"open_due_diligence"}))) == "know_how_stage", "a skipped memorandum opens nothing"


def test_nothing_of_know_how_goes_out_before_somebody_said_whether_the_buyer_competes():
    for step in BY_CODE:
        assert refusal(step, False, standing(competition="undeclared")) == "competitor_undeclared"
    assert refusal(None, True, standing(competition="undeclared")) == "competitor_undeclared"
    assert refusal(None, False, standing(competition="undeclared")) is None


@pytest.mark.parametrize(("step", "sensitive", "competition", "wanted"), [
    ("K3", False, "apart", True), ("K3", False, "competes", True), ("K4", False, "apart", False), ("K4", False, "competes", True),
    ("K2", False, "competes", False), (None, True, "competes", True), (None, True, "apart", False), (None, False, "competes", False),
    ("K1", True, "competes", True),
])
def test_who_needs_a_clean_team(step, sensitive, competition, wanted):
    assert needs_clean_team(step, sensitive, competition) == wanted
    without = refusal(step, sensitive, standing(competition=competition, clean_team=False))
    assert without == ("clean_team_needed" if wanted else None)


def test_parameters_and_recipe_are_looked_at_only():
    assert [step.code for step in STEPS if step.view_only] == ["K3", "K4"]
