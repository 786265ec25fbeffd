"""Is everybody on the demo market plainly fictitious, and does each stand where the world says?"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest

from succession.accounts.declarations import read_declaration
from succession.accounts.identifiers import is_corporate_number, read_japanese_phone
from succession.anonymity.codebook import build
from succession.anonymity.population import k_and_finest
from succession.anonymity.vocabulary import vocabulary
from succession.anonymity.world import build_world
from succession.codes import AUDIENCE_BIT, division_of
from succession.demo.companies import last_closed_year, make_companies
from succession.demo.history import Asked, plan_past
from succession.demo.market import plan_listings, terms_of
from succession.demo.people import RESIDENTS
from succession.demo.presence import OPERATOR_NUMBER
from succession.listings import guideline
from succession.listings.completeness import contradictions, missing_for_publication
from succession.market.publication import figures_of

TODAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)
FICTITIOUS = re.compile(r"[a-z0-9-]+\.example")


@pytest.fixture(scope="module")
def world():
    return build_world(20_000, 7)


@pytest.fixture(scope="module")
def codebook(world):
    choice = k_and_finest(world)
    return build(world, choice.k, choice.finest_industry)


@pytest.fixture(scope="module")
def companies(world, codebook):
    return make_companies(world, codebook, 400, 7, TODAY)


def test_all_prefectures_and_a_dozen_divisions(companies) -> None:
    assert len({c.profile.business.prefecture for c in companies}) == 47
    assert len({division_of(c.profile.business.jsic_code) for c in companies}) >= 12
    assert len({c.member for c in companies}) == len(companies) == len({c.profile.identity.name for c in companies})


def test_fictitious_by_rule(companies) -> None:
    for each in companies:
        identity = each.profile.identity
        if identity.legal_form == "sole_proprietor":
            assert identity.corporate_number is None
        else:
            assert is_corporate_number(identity.corporate_number) and identity.corporate_number[1:5] == "9999"
        assert all("架空町" in site.address and site.postal_code.startswith("000-") for site in identity.sites)
        assert all(phone.startswith("0X0-0000-") and read_japanese_phone(phone) is None for phone in identity.phones)
        domains = [*identity.email_domains, *(url.removeprefix("https://") for url in identity.urls), each.owner_email.split("@")[1]]
        assert all(FICTITIOUS.fullmatch(domain) for domain in domains)
        assert identity.representative.name.startswith("例")


def test_complete_and_without_contradiction(companies) -> None:
    for each in companies:
        assert missing_for_publication(each.profile) == []
        assert contradictions(each.profile, TODAY) == []
        assert vocabulary().permitted(each.profile.facts) == []


def test_the_teaser_is_in_the_cell_of_the_member(world, codebook, companies) -> None:
    assigned = codebook.assign(world)
    assert [codebook.lookup(*figures_of(c.profile)).cell for c in companies] == [assigned[c.member] for c in companies]


def test_the_same_seed_gives_the_same_companies(world, codebook, companies) -> None:
    assert make_companies(world, codebook, 400, 7, TODAY) == companies
    assert make_companies(world, codebook, 400, 8, TODAY)[:20] != companies[:20]


def test_too_few_companies_for_all_places_is_an_error(world, codebook) -> None:
    with pytest.raises(ValueError, match="prefectures and divisions"):
        make_companies(world, codebook, 50, 7, TODAY)


@pytest.mark.parametrize(("today", "month", "end"), [
    (date(2026, 11, 20), 3, date(2026, 3, 31)), (date(2026, 6, 29), 3, date(2025, 3, 31)),
    (date(2026, 6, 30), 3, date(2026, 3, 31)), (date(2026, 2, 1), 12, date(2024, 12, 31)),
])  # fmt: skip
def test_the_last_year_whose_accounts_can_be_ready(today, month, end) -> None:
    assert last_closed_year(today, month) == end


def test_an_eighth_is_public_and_nobody_public_excludes(companies) -> None:
    planned = plan_listings(companies, 7, TODAY)
    listed = [each for each in planned if each.standing == "listed"]
    public = [each for each in listed if each.audiences & AUDIENCE_BIT["public"]]
    assert 0.08 < len(public) / len(listed) < 0.19
    assert not any(each.excluded for each in public) and any(each.excluded for each in listed)
    assert {each.standing for each in planned} == {"intake", "mandated", "preparing", "asked", "declined", "approached", "listed"}
    assert {each.holder for each in planned} == {"center", "bank", "adviser"}


@pytest.mark.parametrize("kind", ["center_support", "brokerage", "adviser"])
def test_mandates_keep_to_the_guideline(kind) -> None:
    terms = terms_of(kind, date(2026, 5, 1), "例田 甲太郎")
    assert guideline.violations(terms, date(2026, 5, 1)) == [] and guideline.warnings(terms, date(2026, 5, 1)) == []


def test_residents_declare_what_a_registration_asks_for() -> None:
    for resident in RESIDENTS:
        assert read_declaration(resident.declaration) == resident.declaration
    buyers = [r.declaration for r in RESIDENTS if r.declaration.kind == "acquirer"]
    assert len({d.country for d in buyers}) == 4 and "fund" in {d.buyer_kind for d in buyers}
    assert is_corporate_number(OPERATOR_NUMBER) and OPERATOR_NUMBER[1:5] == "9999"
    numbers = [OPERATOR_NUMBER, *(r.declaration.corporate_number for r in RESIDENTS if r.declaration.corporate_number)]
    assert all(number[1:5] == "9999" for number in numbers) and len(set(numbers)) == len(numbers)


def _teasers(count: int) -> list[Asked]:
    from uuid import uuid4

    return [Asked(uuid4(), uuid4(), uuid4(), 3, NOW - timedelta(days=30 + number % 300), "例田", (),
                  frozenset({("country", "us")}) if number % 2 else frozenset()) for number in range(count)]


def test_past_deals_keep_the_order_of_the_road_and_lie_in_the_past() -> None:
    excluded = {"buyer-a": frozenset(), "buyer-b": frozenset(), "fund-d": frozenset(), "buyer-c": frozenset({("country", "us")})}
    past = plan_past(_teasers(2_000), excluded, 7, NOW)
    assert 300 < len(past) < 1_000
    for deal in past:
        moments = [deal.requested_at, *deal.at.values()]
        assert moments == sorted(moments) and moments[-1] < NOW and deal.requested_at > deal.asked.published_at
        assert (deal.terminal is None) == (deal.ended_at is None) == (deal.reason is None)
        assert deal.ended_at is None or max(moments) <= deal.ended_at < NOW
        assert not (deal.buyer == "buyer-c" and deal.asked.excludes)
    reached = [deal.stage for deal in past]
    assert {"interested", "nda_signed", "im_disclosed", "dd", "post_closing"} <= set(reached)
    assert reached.count("interested") > reached.count("dd") > 0
