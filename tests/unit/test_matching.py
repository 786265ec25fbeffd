"""Does a brief meet a teaser exactly as far as their published codes say?"""

import random

import msgspec
import pytest

from succession.anonymity.vocabulary import vocabulary
from succession.codes import ATTRIBUTES, SCHEMES, leaves
from succession.market.matching import (
    ESSENTIAL,
    OFFERS,
    WISHES,
    Offer,
    Seeker,
    Wishes,
    counted,
    explain,
    in_words,
    is_candidate,
    judge,
    name_of,
    points,
    reach,
    score,
    stated,
)

MAKER = Offer(industry="24", place="kansai", employees="20_49", revenue="under_1000", schemes=["share_transfer", "mbo"],
              price="100_300", timing="3_6m", phrases=["jobs_kept", "name_kept"], fiscal_year=2025)
YEAR = 2025


def of(wishes, kind="company", country="GB"):
    return Seeker(Wishes(**wishes), kind, country)


def outcomes(wishes, offer=MAKER, **buyer):
    return {judgement.wish: judgement.outcome for judgement in judge(of(wishes, **buyer), offer, YEAR)}


def asked(wishes, offer=MAKER):
    return {wish: outcome for wish, outcome in outcomes(wishes, offer).items() if WISHES[wish].stated}


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
    ({"timing": ["3_6m"]}, "met"),
    ({"timing": ["over_12m"]}, "unmet"),
    ({"phrases": ["jobs_kept", "site_kept"]}, "met"),
    ({"phrases": ["site_kept"]}, "unmet"),
    ({"must_phrases": ["jobs_kept", "name_kept"]}, "met"),
    ({"must_phrases": ["jobs_kept", "site_kept"]}, "unmet"),  # all of them
    ({"never_phrases": ["site_kept"]}, "met"),
    ({"never_phrases": ["site_kept", "jobs_kept"]}, "unmet"),  # none of them
    ({"never_industries": ["E"]}, "unmet"),
    ({"never_places": ["JP-27"]}, "possible"),  # it may be in Osaka
    ({"never_places": ["JP-13"]}, "met"),
    ({"offers": ["jobs_kept", "name_kept", "site_kept"]}, "met"),
    ({"offers": ["jobs_kept"]}, "unmet"),  # the owner wishes the name to be kept as well
])
def test_one_wish(wishes, expected):
    assert list(asked(wishes).values()) == [expected]


@pytest.mark.parametrize(("phrases", "kind", "country", "expected"), [
    ([], "company", "GB", "possible"), (["fund_welcome"], "fund", "GB", "met"), (["fund_welcome"], "company", "JP", "possible"),
    (["operating_company_preferred"], "fund", "GB", "unmet"), (["operating_company_preferred"], "holding", "JP", "met"),
    (["overseas_buyer_welcome"], "company", "GB", "met"), (["overseas_buyer_welcome"], "company", "JP", "possible"),
])
def test_which_buyers_the_owner_names(phrases, kind, country, expected):
    offer = msgspec.structs.replace(MAKER, phrases=phrases)
    assert outcomes({"industries": ["24"]}, offer, kind=kind, country=country)["welcome"] == expected


@pytest.mark.parametrize(("year", "expected"), [(2026, "met"), (2025, "met"), (2024, "possible"), (2023, "unmet")])
def test_how_old_the_figures_are(year, expected):
    assert outcomes({"industries": ["24"]}, msgspec.structs.replace(MAKER, fiscal_year=year))["fresh"] == expected


def test_a_hidden_attribute_and_a_negotiable_price_may_be_anything():
    vague = Offer("any", "any", "any", "any", ["merger"], "negotiable", "flexible", [], 2025)
    wishes = {"industries": ["24"], "places": ["JP-27"], "employees": ["1_19"], "revenue": ["5000_plus"],
              "budget": ["up_to_10"], "timing": ["within_3m"], "never_industries": ["09"], "never_places": ["JP-13"]}
    assert set(asked(wishes, vague).values()) == {"possible"}
    assert asked({"budget": ["negotiable"]}, vague) == {"budget": "met"}
    assert asked({"schemes": ["mbo"]}, vague) == {"schemes": "unmet"}


def test_only_stated_wishes_are_judged_and_in_the_order_of_the_brief():
    wishes = Wishes(budget=["50_100"], industries=["24"])
    assert stated(wishes) == ("industries", "budget")
    assert [judgement.wish for judgement in judge(of({"budget": ["50_100"], "industries": ["24"]}), MAKER, YEAR)] == [
        "industries", "budget", "welcome", "fresh"]
    assert set(of({}).wishes.__struct_fields__) == {name for name, wish in WISHES.items() if wish.stated}


def test_the_score_is_the_share_of_the_weight_met_and_half_of_what_is_possible():
    judged = judge(of({"industries": ["24"], "places": ["JP-27"], "budget": ["50_100"], "schemes": ["mbo"]}), MAKER, YEAR)
    assert counted(judged) == (3, 2, 1)  # industry, schemes, year; place, kind of buyer; budget
    assert points(judged) == 2 * (30 + 10 + 5) + 20 + 5 and score(judged) == 100 * 115 // (2 * (30 + 20 + 15 + 10 + 5 + 5))
    best = msgspec.structs.replace(MAKER, place="JP-27", price="50_100", phrases=["overseas_buyer_welcome"])
    assert score(judge(of({"industries": ["24"], "places": ["JP-27"], "budget": ["50_100"]}), best, YEAR)) == 100


@pytest.mark.parametrize(("wishes", "candidate"), [
    ({"industries": ["24"], "budget": ["up_to_10"]}, True),  # too dear: the desk sees it, and sees why
    ({"industries": ["09"], "budget": ["100_300"]}, False),  # another trade is no candidate
    ({"places": ["JP-13"], "industries": ["24"]}, False),
    ({"places": ["JP-27"]}, True),  # possible is enough
    ({"budget": ["up_to_10"], "schemes": ["merger"]}, False),  # nothing fits at all
    ({"budget": ["100_300"], "schemes": ["merger"]}, True),
    ({"industries": ["24"], "must_phrases": ["site_kept"]}, False),
    ({"industries": ["24"], "never_phrases": ["jobs_kept"]}, False),
    ({"industries": ["24"], "never_places": ["JP-27"]}, True),  # it may be elsewhere: the buyer sees that it is open
    ({"never_industries": ["09"]}, True),  # nothing else is asked for
    ({"industries": ["24"], "offers": []}, True),
    ({"industries": ["24"], "offers": ["site_kept"]}, True),  # less than the owner wishes: shown, not hidden
])
def test_who_is_a_candidate(wishes, candidate):
    assert is_candidate(judge(of(wishes), MAKER, YEAR)) is candidate


def test_met_means_every_company_the_teaser_may_stand_for_and_unmet_means_none():
    chance = random.Random(20181201)
    seen = set()
    for _round in range(600):
        wish = chance.choice([name for name, each in WISHES.items() if each.attribute in ATTRIBUTES and each.rule == "any"])
        attribute = WISHES[wish].attribute
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
    found = reach(of({"places": ["JP-27"], "budget": ["50_100"], "schemes": ["mbo"]}), YEAR)
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
    wishes = {"industries": ["24"], "places": ["JP-27"], "employees": ["1_19"], "revenue": ["under_200"], "schemes": ["mbo"], "budget": ["up_to_10"],
              "timing": ["3_6m"], "phrases": ["site_kept"], "must_phrases": ["jobs_kept"], "never_phrases": ["site_kept"], "never_industries": ["09"],
              "never_places": ["JP-13"], "offers": ["jobs_kept"]}
    judged = {each.wish: each for each in judge(of(wishes), MAKER, YEAR)}
    assert list(judged) == list(WISHES)
    assert explain(judged["places"], "en") == "Possible, not certain: Kansai." and "Kansai" in in_words("places", ["kansai"], "en")
    assert explain(judged["schemes"], "en").startswith("Met: Share transfer; Management buyout")
    assert explain(judged["offers"], "en") == "Not met: wishes the trade name to be kept."
    assert explain(judged["phrases"], "en") == "Not met: the teaser does not say it."
    assert explain(judged["welcome"], "en") == "Open: the teaser does not say."
    assert "近畿" in in_words("places", ["kansai"], "ja") or "関西" in in_words("places", ["kansai"], "ja")
    assert explain(judged["fresh"], "ja").count("2025年度") == 1
    assert len({name_of(wish, "en") for wish in WISHES}) == len(WISHES)


# ---------------------------------------------------------------- fairness (G7)


def test_these_and_no_other_facts_enter_a_score():
    """Whoever adds one says here that it is no fee, no subscription, no history and no name of a buyer."""
    assert Seeker.__struct_fields__ == ("wishes", "kind", "country")
    assert Offer.__struct_fields__ == ("industry", "place", "employees", "revenue", "schemes", "price", "timing", "phrases", "fiscal_year")
    assert Wishes.__struct_fields__ == (
        "industries", "places", "employees", "revenue", "schemes", "budget", "timing", "phrases", "must_phrases", "never_phrases",
        "never_industries", "never_places", "offers")
    assert judge.__annotations__.keys() == {"seeker", "offer", "year", "return"}
    forbidden = ("fee", "paid", "subscri", "plan", "deal", "repeat", "account", "created", "name_of_buyer", "organisation")
    assert not [name for fields in (Seeker, Offer, Wishes) for name in fields.__struct_fields__ if any(word in name for word in forbidden)]


def test_what_a_buyer_may_offer_is_what_an_owner_may_wish():
    words = vocabulary().phrases
    assert all(words[code].group == "wish" and not words[code].linkable for code in OFFERS) and len(set(OFFERS)) == len(OFFERS)
