"""Does a brief meet a teaser exactly as far as their published codes say?"""

import random

import msgspec
import pytest

from succession.codes import ATTRIBUTES, SCHEMES, leaves
from succession.market.matching import (
    ESSENTIAL,
    WISHES,
    Offer,
    Wishes,
    explain,
    in_words,
    is_candidate,
    judge,
    name_of,
    reach,
    score,
    stated,
)

MAKER = Offer(industry="24", place="kansai", employees="20_49", revenue="under_1000",
              schemes=["share_transfer", "mbo"], price="100_300")


def outcomes(wishes, offer=MAKER):
    return {judgement.wish: judgement.outcome for judgement in judge(Wishes(**wishes), offer)}


@pytest.mark.parametrize(("wishes", "expected"), [
    ({"industries": ["24"]}, "met"),
    ({"industries": ["E"]}, "met"),  # the wish is wider than the cell
    ({"industries": ["09", "E"]}, "met"),  # any of several
    ({"industries": ["09"]}, "unmet"),
    ({"places": ["west"]}, "met"),
    ({"places": ["JP-27"]}, "possible"),  # Osaka, and the teaser says Kansai
    ({"places": ["JP-13"]}, "unmet"),
    ({"places": ["JP-25", "JP-26", "JP-27", "JP-28", "JP-29", "JP-30", "JP-24"]}, "met"),  # all of Kansai, one by one
    ({"employees": ["under_50"]}, "met"),
    ({"employees": ["1_19"]}, "unmet"),
    ({"revenue": ["200_1000"]}, "possible"),
    ({"revenue": ["over_1000"]}, "unmet"),
    ({"schemes": ["mbo", "merger"]}, "met"),  # one of those on offer is enough
    ({"schemes": ["merger"]}, "unmet"),
    ({"budget": ["50_100", "100_300"]}, "met"),
    ({"budget": ["50_100"]}, "unmet"),
])
def test_one_wish(wishes, expected):
    assert list(outcomes(wishes).values()) == [expected]


def test_a_hidden_attribute_and_a_negotiable_price_may_be_anything():
    vague = Offer("any", "any", "any", "any", ["merger"], "negotiable")
    wishes = {"industries": ["24"], "places": ["JP-27"], "employees": ["1_19"], "revenue": ["5000_plus"],
              "budget": ["up_to_10"]}
    assert set(outcomes(wishes, vague).values()) == {"possible"}
    assert outcomes({"budget": ["negotiable"]}, vague) == {"budget": "met"}
    assert outcomes({"schemes": ["mbo"]}, vague) == {"schemes": "unmet"}


def test_only_stated_wishes_are_judged_and_in_the_order_of_the_brief():
    wishes = Wishes(budget=["50_100"], industries=["24"])
    assert stated(wishes) == ("industries", "budget")
    assert [judgement.wish for judgement in judge(wishes, MAKER)] == ["industries", "budget"]
    assert judge(Wishes(), MAKER) == () and not is_candidate(())


def test_score_counts_met_and_possible():
    judged = judge(Wishes(industries=["24"], places=["JP-27"], budget=["50_100"], schemes=["mbo"]), MAKER)
    assert score(judged) == (2, 1)


@pytest.mark.parametrize(("wishes", "candidate"), [
    ({"industries": ["24"], "budget": ["up_to_10"]}, True),  # too dear: the desk sees it, and sees why
    ({"industries": ["09"], "budget": ["100_300"]}, False),  # another trade is no candidate
    ({"places": ["JP-13"], "industries": ["24"]}, False),
    ({"places": ["JP-27"]}, True),  # possible is enough
    ({"budget": ["up_to_10"], "schemes": ["merger"]}, False),  # nothing fits at all
    ({"budget": ["100_300"], "schemes": ["merger"]}, True),
])
def test_who_is_a_candidate(wishes, candidate):
    assert is_candidate(judge(Wishes(**wishes), MAKER)) is candidate


def test_met_means_every_company_the_teaser_may_stand_for_and_unmet_means_none():
    chance = random.Random(20181201)
    seen = set()
    for _round in range(600):
        wish = chance.choice([w for w, (attribute, _scheme) in WISHES.items() if attribute in ATTRIBUTES])
        attribute = WISHES[wish][0]
        codes = [code for code in SCHEMES[attribute].codes if code != "any"]
        wanted = chance.sample(codes, k=min(len(codes), chance.randint(1, 6)))
        said = chance.choice(list(SCHEMES[attribute].codes))
        outcome = outcomes({wish: wanted}, msgspec.structs.replace(MAKER, **{attribute: said}))[wish]
        target = frozenset().union(*(leaves(attribute, code) for code in wanted))
        stands_for = leaves(attribute, said)
        assert outcome == ("met" if stands_for <= target else "possible" if stands_for & target else "unmet")
        seen.add(outcome)
    assert seen == {"met", "possible", "unmet"}


def test_reach_names_every_code_that_meets_a_wish_and_never_one_twice():
    found = reach(Wishes(places=["JP-27"], budget=["50_100"], schemes=["mbo"]))
    assert found["places"] == ({"JP-27"}, {"kansai", "west", "any"})
    assert found["budget"] == ({"50_100"}, {"negotiable"})
    assert found["schemes"] == ({"mbo"}, frozenset())
    assert set(ESSENTIAL) <= set(WISHES)


@pytest.mark.parametrize("body", [
    b'{"industries": ["0999"]}',  # no detailed codes
    b'{"places": ["any"]}',  # a wish for anything is no wish
    b'{"places": ["Osaka"]}',
    b'{"corporate_number": ["9999000000001"]}',  # nothing but published vocabulary
    b'{"employees": "1_19"}',
    b'{"schemes": ' + msgspec.json.encode(["mbo"] * 61) + b"}",
])
def test_a_wish_is_published_vocabulary_only(body):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(body, type=Wishes)


def test_every_wish_and_outcome_is_said_in_the_readers_language():
    wishes = Wishes(industries=["24"], places=["JP-27"], employees=["1_19"], revenue=["under_200"], schemes=["mbo"],
                    budget=["up_to_10"])
    judged = judge(wishes, MAKER)
    assert [judgement.wish for judgement in judged] == list(WISHES)
    assert explain(judged[1],
                   "en") == "Possible, not certain: Kansai." and "Kansai" in in_words("places", ["kansai"], "en")
    assert explain(judged[4], "en").startswith("Met: Share transfer; Management buyout")
    assert "近畿" in in_words("places", ["kansai"], "ja") or "関西" in in_words("places", ["kansai"], "ja")
    assert len({name_of(wish, "en") for wish in WISHES}) == len(WISHES)
