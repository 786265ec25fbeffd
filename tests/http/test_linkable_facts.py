"""Facts that could be looked up: all that the population holds of a company or none, side by side, chosen once."""

import itertools

import asyncpg
import pytest
from market_world import batch, entered, mandated, owner_approves, profile_of_member, put_in_force

from succession.anonymity.codebook import build
from succession.anonymity.fact_books import assign_with_facts, build_fact_books
from succession.anonymity.peeling import UNPLACED
from succession.anonymity.population import FACT_PREFIX, Population, Provenance
from succession.anonymity.vocabulary import vocabulary
from succession.codes import ATTRIBUTES
from succession.market.codebooks import store_codebook

_taken = itertools.count()
FACT = "exports"


def _with_facts(world: Population) -> Population:
    """The demo world of the tests, with two imported facts."""
    import numpy as np

    rng = np.random.default_rng(3)
    held = {FACT: rng.random(len(world)) < 0.3, "quality_management_certificate": rng.random(len(world)) < 0.1}
    source = {FACT_PREFIX + code: Provenance("imported", "a list made for this test", True) for code in held}
    return Population("tests with facts", True, world.columns, {**world.provenance, **source}, held)


@pytest.fixture(scope="module")
def known():
    """(population, its codebook, codebooks of holders)."""
    from market_world import demo_world

    population = _with_facts(demo_world())
    base = build(population, 20, "major_group")
    return population, base, build_fact_books(population, base)


@pytest.fixture
async def center(world, known):
    owner = await asyncpg.connect(world.database_url)
    try:
        await store_codebook(owner, *known[:2], known[2])
        yield await world.intermediary("center")
        await store_codebook(owner, *known[:2])
    finally:
        await owner.close()
    await put_in_force(world)


def _book(known, *facts):
    return next(book for book in known[2] if book.header.facts == facts)


def _holder(known, *facts, placed=True) -> int:
    """A company that may show exactly these facts, or (not placed) that holds them and may not."""
    population, base, _books = known
    book = _book(known, *facts)
    shows = (assign_with_facts(population, base, book) != UNPLACED) == placed
    for code, held in population.facts.items():
        shows &= held == (code in facts)
    shows &= (base.assign(population) != UNPLACED) & (population.columns["founded"] < 2020) & (population.columns["employees"] >= 3)
    return int(shows.nonzero()[0][next(_taken)])


async def _listed(world, center, member, *facts):
    raw = profile_of_member(member, facts=["steady_quality", *facts])
    listing_id = await entered(center, raw)
    await mandated(world, listing_id, center.member_id)
    return f"/v1/listings/{listing_id}", raw


def _cell(preview):
    return {fact["attribute"]: fact["shown"] for fact in preview["facts"]}


async def _put_up(world, settings, center, path, **wanted):
    answer = await center.post(f"{path}/teaser-proposals", {"audiences": ["public"]} | wanted)
    assert answer.status_code == 201, answer.text
    await owner_approves(world, answer.json()["id"], "public")
    answer = await center.post(f"{path}/publication")
    assert answer.status_code == 201, answer.text
    assert not (await batch(world, settings)).refused
    return answer.json()["ref"].replace("-", "")


async def _down(center, path):
    for step in ("publication", "suspension"):
        assert (await center.delete(f"{path}/{step}")).status_code in (200, 204)


async def test_the_preview_shows_both_choices_side_by_side(world, center, known):
    _population, base, _books = known
    path, _raw = await _listed(world, center, _holder(known, FACT), FACT)
    silent = (await center.post(f"{path}/teaser-preview")).json()
    assert silent["ja"] and not silent["phrases"], "a fact that waits keeps nothing from being shown"
    assert [fact["code"] for fact in silent["linkable"]["facts"]] == [FACT]
    assert silent["linkable"]["facts"][0]["ja"] == vocabulary().label(FACT, "ja")
    assert not silent["linkable"]["shown"] and not silent["linkable"]["settled"] and silent["linkable"]["otherwise"]["show_facts"]
    assert vocabulary().label(FACT, "en") not in str(silent["en"])
    loud = (await center.post(f"{path}/teaser-preview", {"show_facts": True})).json()
    assert loud["linkable"]["shown"] and vocabulary().label(FACT, "en") in str(loud["en"]) and vocabulary().label(FACT, "ja") in str(loud["ja"])
    assert {each["attribute"]: each["code"] for each in silent["linkable"]["otherwise"]["cell"]} == _cell(loud)
    assert {each["attribute"]: each["code"] for each in loud["linkable"]["otherwise"]["cell"]} == _cell(silent)
    assert silent["linkable"]["otherwise"]["shared_by"] == loud["shared_by"] >= 20 <= silent["shared_by"]
    assert "on record" in loud["claim"] and "on record" not in silent["claim"]
    assert base.cell_at(tuple(_cell(silent)[name] for name in ATTRIBUTES))


async def test_all_facts_or_none_are_published_found_and_kept(world, settings, center, known):
    both = (FACT, "quality_management_certificate")
    path, _raw = await _listed(world, center, _holder(known, *both), *both)
    ref = await _put_up(world, settings, center, path, show_facts=True)
    reader = world.client()
    shown = (await reader.get(f"/v1/teasers/{ref}")).json()
    assert set(shown["phrases"]) == {*both, "steady_quality"}
    found = (await reader.get("/v1/teasers", params={"phrase": FACT, "limit": 100})).json()
    assert ref in {each["ref"] for each in found["items"]}
    assert FACT in {value["code"] for value in found["facets"]["phrase"]}
    await _down(center, path)
    again = await _put_up(world, settings, center, path)
    assert (await reader.get(f"/v1/teasers/{again}")).json()["phrases"] == shown["phrases"], "as before, without being asked"
    await _down(center, path)


@pytest.mark.parametrize("first", [True, False])
async def test_a_listing_cannot_switch(world, settings, center, known, first):
    """Withdrawn and listed again with its facts, or without: both crowds together would leave a few."""
    path, _raw = await _listed(world, center, _holder(known, FACT), FACT)
    ref = await _put_up(world, settings, center, path, show_facts=first)
    await _down(center, path)
    for step, body in (("teaser-preview", {}), ("teaser-proposals", {"audiences": ["public"]})):
        answer = await center.post(f"{path}/{step}", body | {"show_facts": not first})
        assert answer.status_code == 409 and answer.json()["code"] == "facts_settled"
    preview = (await center.post(f"{path}/teaser-preview")).json()["linkable"]
    assert preview["settled"] and preview["shown"] == first and preview["otherwise"] is None
    if first:  # nor by taking the fact out of the profile
        version = (await center.get(path)).headers["etag"]
        await center.patch(path, {"facts": ["steady_quality"]}, headers={"If-Match": version})
        assert (await center.post(f"{path}/teaser-preview")).json()["code"] == "facts_settled"
    # The database says so as well, whoever asks.
    other = _book(known, FACT).version if not first else known[1].version
    with pytest.raises(asyncpg.PostgresError) as refused:
        await world.seed("INSERT INTO vault.publication (ref, listing_id, proposal_id, codebook_version, vocabulary_version, population_version, "
                         "cell_id, audiences) SELECT gen_random_uuid(), p.listing_id, p.proposal_id, $2, p.vocabulary_version, p.population_version, "
                         "(SELECT id FROM market.cell WHERE codebook_version = $2 AND number = 0), p.audiences FROM vault.publication p "
                         "WHERE p.ref = ($1::text)::uuid", ref, other)
    assert refused.value.constraint_name == "facts_settled"


async def test_who_may_not_show_its_facts_is_told_and_shown_without(world, settings, center, known):
    path, _raw = await _listed(world, center, _holder(known, FACT, placed=False), FACT)
    silent = (await center.post(f"{path}/teaser-preview")).json()
    assert silent["ja"] and silent["linkable"]["otherwise"]["refusal"] and not silent["linkable"]["otherwise"]["cell"]
    loud = (await center.post(f"{path}/teaser-preview", {"show_facts": True})).json()
    assert loud["ja"] is None and loud["refusal"] == silent["linkable"]["otherwise"]["refusal"] and not loud["facts"]
    answer = await center.post(f"{path}/teaser-proposals", {"audiences": ["public"], "show_facts": True})
    assert answer.json()["code"] == "not_anonymous" and answer.json()["detail"] == loud["refusal"]
    ref = await _put_up(world, settings, center, path)
    assert (await world.client().get(f"/v1/teasers/{ref}")).json()["phrases"] == ["steady_quality"]
    await _down(center, path)


async def test_what_no_population_holds_still_waits_for_the_name_clear(world, center, known):
    path, _raw = await _listed(world, center, _holder(known, FACT), FACT, "press_coverage")
    for wanted in ({}, {"show_facts": True}):
        preview = (await center.post(f"{path}/teaser-preview", wanted)).json()
        assert preview["ja"] is None and "press_coverage" in preview["phrases"][0] and FACT not in preview["phrases"][0]
    answer = await center.post(f"{path}/teaser-proposals", {"audiences": ["public"], "show_facts": True})
    assert answer.json()["code"] == "not_publishable"


async def test_a_company_without_facts_is_asked_nothing_and_has_nothing_to_show(world, center, known):
    path, _raw = await _listed(world, center, _holder(known, FACT))
    assert (await center.post(f"{path}/teaser-preview")).json()["linkable"] is None
    answer = await center.post(f"{path}/teaser-preview", {"show_facts": True})
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "show_facts"


async def test_the_database_ties_linkable_phrases_to_the_codebook(world, center, known):
    """Facts on a teaser of everybody's codebook, some of them, or none on one of holders: each is refused."""
    book, base = _book(known, FACT, "quality_management_certificate"), known[1]
    for version, phrases in ((base.version, [FACT]), (book.version, [FACT]), (book.version, []), (book.version, [*book.header.facts, "press_coverage"])):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await world.seed("INSERT INTO market.teaser (ref, batch, cell_id, audiences, price, schemes, timing, phrases, fiscal_year, vocabulary_version, "
                             "place_rank, revenue_rank, price_rank, shuffle) SELECT gen_random_uuid(), 1, c.id, 15, 'negotiable', '{share_transfer}', "
                             "'flexible', $2, 2025, 'v', 1, 1, 1, 1 FROM market.cell c WHERE c.codebook_version = $1 AND c.number = 0", version, phrases)
        assert refused.value.constraint_name == "teaser_facts", phrases


async def test_the_words_the_database_calls_linkable_are_those_of_the_vocabulary(as_database_role):
    owner = await as_database_role("owner")
    await owner.execute("SET ROLE succession_seeder")
    rows = await owner.fetch("SELECT phrase FROM market.linkable_phrase")
    assert {row["phrase"] for row in rows} == {phrase.code for phrase in vocabulary().phrases.values() if phrase.linkable}


async def test_a_linkable_phrase_is_no_filter_where_no_codebook_lets_a_teaser_show_it(world, center):
    reader = world.client()
    answer = await reader.get("/v1/teasers", params={"phrase": "patents_held"})
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "phrase"
    assert (await reader.get("/v1/teasers", params={"phrase": FACT})).status_code == 200
