"""Do learnt losses say what buyers ask for, and only when enough of them asked?"""

from __future__ import annotations

import pytest

from succession.anonymity.codebook import build, preimages
from succession.anonymity.nodes import buyer_losses, losses_of
from succession.anonymity.weights import (
    DAYS_LEAST,
    PRIOR_SEARCHES,
    SEARCHES_LEAST,
    Asked,
    TooFewSearches,
    answered,
    answered_in_all,
    needed_level,
    proposed_losses,
)
from succession.anonymity.world import build_world
from succession.codes import ATTRIBUTES, LEVELS, leaves

NOBODY = {name: (0,) * len(LEVELS[name]) for name in ATTRIBUTES}


def asked(searches: int = 100_000, days: int = 90, **needs: tuple[int, ...]) -> Asked:
    return Asked(searches, days, NOBODY | needs)


@pytest.mark.parametrize(
    ("attribute", "accepted", "level"),
    [
        ("place", leaves("place", "JP-26"), 0),
        ("place", leaves("place", "kansai"), 1),
        ("place", leaves("place", "kansai") | leaves("place", "JP-13"), 0),
        ("place", leaves("place", "kansai") | leaves("place", "kyushu_okinawa"), 1),
        ("place", leaves("place", "JP-01"), 1),  # the region Hokkaido is one prefecture
        ("place", leaves("place", "east"), 2),
        ("place", leaves("place", "any"), None),
        ("industry", leaves("industry", "09"), 0),
        ("industry", leaves("industry", "E"), 2),  # manufacturing is a sector of one division
        ("industry", leaves("industry", "D"), 2),
        ("revenue", leaves("revenue", "over_1000"), 1),
        ("revenue", {"200_1000", "1000_5000", "5000_plus"}, 0),
        ("margin", {"0_5", "5_plus"}, 0),
        ("employees", set(), None),
    ],
)
def test_a_wish_needs_the_coarsest_level_that_answers_it(attribute: str, accepted: set[str], level: int | None) -> None:
    assert needed_level(attribute, accepted) == level
    if level is not None:
        sides = [(leaves(attribute, c) <= set(accepted), bool(leaves(attribute, c) & set(accepted))) for c in LEVELS[attribute][level]]
        assert all(inside == touches for inside, touches in sides)


def test_losses_are_the_shares_of_searches_that_need_finer() -> None:
    found = proposed_losses(asked(10**9, place=(3 * 10**8, 10**8, 0, 0), revenue=(10**8, 0, 0)), buyer_losses())
    by_name = {name: (weight, losses) for name, weight, losses in found}
    whole = sum(weight for _, weight, _ in buyer_losses())
    assert by_name["place"] == (round(whole * 4 / 5), (0, 75, 100, 100))
    assert by_name["revenue"] == (round(whole / 5), (0, 100, 100))
    assert by_name["founded"][0] == 1  # what nobody asks for is still shown rather than not
    assert [name for name, _, _ in found] == list(ATTRIBUTES)


def test_few_searches_hardly_move_the_house() -> None:
    house = buyer_losses()
    step = {name: [weight * (b - a) for a, b in zip(x, x[1:], strict=False)] for name, weight, x in house}
    total = sum(map(sum, step.values()))
    found = proposed_losses(asked(SEARCHES_LEAST, DAYS_LEAST, margin=(SEARCHES_LEAST, 0)), house)
    weight = {name: weight for name, weight, _ in found}
    share = PRIOR_SEARCHES / (PRIOR_SEARCHES + SEARCHES_LEAST)
    whole = sum(weight for _, weight, _ in house)
    assert weight["place"] == round(whole * share * sum(step["place"]) / total)
    assert weight["margin"] == round(whole * (1 - share + share * sum(step["margin"]) / total))


def test_what_is_proposed_can_be_adopted() -> None:
    found = proposed_losses(asked(employees=(900, 80, 0), industry=(50_000, 7_000, 3, 0), founded=(4, 4, 0)), buyer_losses())
    rows = [{"attribute": n, "weight_tenths": str(w), "loss_percent": " ".join(map(str, x))} for n, w, x in found]
    assert losses_of(rows) == found


def test_counts_below_five_do_not_matter_and_are_not_told() -> None:
    shown = asked(industry=(5, 4, 300, 0), place=(1, 2, 3, 0))
    assert shown.blurred().needs["industry"] == (5, 0, 300, 0) and shown.blurred().needs["place"] == (0, 0, 0, 0)
    assert proposed_losses(shown, buyer_losses()) == proposed_losses(asked(industry=(5, 1, 300, 0)), buyer_losses())
    assert set(answered({name: [1.0] + [0.0] * (len(LEVELS[name]) - 1) for name in ATTRIBUTES}, shown)) == {"industry"}


@pytest.mark.parametrize(
    "sample",
    [
        asked(SEARCHES_LEAST - 1, 365, place=(500, 0, 0, 0)),
        asked(10**6, DAYS_LEAST - 1, place=(500, 0, 0, 0)),
        asked(10**6, 365),
        asked(10**6, 365, place=(4, 4, 4, 0)),
    ],
)
def test_too_few_searches_teach_nothing(sample: Asked) -> None:
    with pytest.raises(TooFewSearches):
        proposed_losses(sample, buyer_losses())


def test_answered_is_the_share_fine_enough() -> None:
    levels = {"place": [0.5, 0.3, 0.15, 0.05], "margin": [0.6, 0.4]}
    sample = Asked(1_000, 30, {"place": (100, 300, 0, 0), "margin": (600, 0)})
    assert answered(levels, sample) == pytest.approx({"place": (100 * 0.5 + 300 * 0.8) / 400, "margin": 0.6})
    assert answered_in_all(levels, sample) == pytest.approx((50 + 240 + 360) / 1_000)
    assert answered_in_all(levels, Asked(0, 0, {"place": (0, 0, 0, 0)})) == 0


def test_buyers_who_ask_by_margin_get_margins_and_k_companies_all_the_same() -> None:
    world = build_world(20_000, seed=11)
    sample = asked(margin=(90_000, 0), industry=(0, 40_000, 0, 0))
    before = build(world, 20, "major_group")
    after = build(world, 20, "major_group", losses=proposed_losses(sample, buyer_losses()))
    assert answered_in_all(after.report.levels, sample) > answered_in_all(before.report.levels, sample) + 0.1
    assert after.report.levels["margin"][0] > before.report.levels["margin"][0] + 0.1
    assert min(preimages(after, world).values()) >= 20
