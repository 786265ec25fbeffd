"""Does a search find exactly what its filters say, count exactly what it finds, and speak the reader's language?"""

from collections import Counter
from random import Random

import httpx
import pytest
from market_world import profile_of_member, put_up, seed_market, settle_market
from recount import KEYS, ROWS, SEES, Question, drawn, told

from succession.anonymity.vocabulary import vocabulary
from succession.codes import ANY, SCHEMES, leaves
from succession.market.search import public_share

TEASERS = 500


@pytest.fixture(scope="module")
async def market(app, database_url):
    """(role -> caller or None for anonymous, every teaser with its cell, references hidden from the buyer)."""
    from world import World

    made = World(app, database_url)
    callers = {"market_public": None, "market_buyer": await made.acquirer(), "market_desk": await made.agency("desk"),
               "market_domestic": await made.intermediary()}
    hidden = await seed_market(made, TEASERS, excluding=callers["market_buyer"], excluded=60)
    # Most is settled; what came since (another 250), and what went (some of both), is not.
    await settle_market(made)
    hidden += await seed_market(made, TEASERS // 2, seed=2, excluding=callers["market_buyer"], excluded=20)
    await made.seed("DELETE FROM market.teaser WHERE shuffle % 11 = 0 RETURNING ref")
    rows = await made.seed(ROWS)
    yield callers, [dict(row) for row in rows], set(hidden), made
    await made.close()


def _get(market, role):
    callers, _rows, _hidden, made = market
    return callers[role].client if callers[role] else made.client()


def _visible(market, role):
    _callers, rows, hidden, _made = market
    return [row for row in rows if row["audiences"] & SEES[role] and not (role == "market_buyer" and row["ref"] in hidden)]


def _refs(answer):
    return [item["ref"] for item in answer.json()["items"]]


async def _all(client, **params):
    """Every page of a search: references in order."""
    found, cursor = [], None
    while True:
        answer = await client.get("/v1/teasers", params=params | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        found += _refs(answer)
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


# --- exactly what the filters say -----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", SEES)
async def test_hits_totals_facets_and_order_are_those_of_a_recount(market, role):
    rng, client, rows = Random(role), _get(market, role), _visible(market, role)
    for question in [Question()] + [drawn(rng, rows) for _turn in range(30)]:
        assert told(await client.get("/v1/teasers", params=question.params | {"limit": 100})) == question.answer(rows, 100), question.params


async def test_who_is_excluded_finds_counts_and_opens_nothing_of_it(market):
    callers, rows, hidden, made = market
    buyer, other = callers["market_buyer"].client, (await made.acquirer()).client
    hidden = {row["ref"] for row in rows if row["ref"] in hidden and row["audiences"] & SEES["market_buyer"]}
    assert len(hidden) > 10
    mine, theirs = await _all(buyer, limit=100), await _all(other, limit=100)
    assert {ref.hex for ref in hidden} == set(theirs) - set(mine)
    assert len(theirs) - len(mine) == len(hidden)
    one = next(iter(hidden)).hex
    assert (await other.get(f"/v1/teasers/{one}")).status_code == 200
    gone, never = await buyer.get(f"/v1/teasers/{one}"), await buyer.get(f"/v1/teasers/{'0' * 32}")
    assert gone.status_code == never.status_code == 404
    assert gone.text.replace(one, "") == never.text.replace("0" * 32, "")


async def test_possible_matches_are_ranked_by_how_much_of_them_lies_inside(market):
    client, rows = _get(market, "market_domestic"), {row["ref"].hex: row for row in _visible(market, "market_domestic")}
    asked = {"place": "JP-13", "employees": "1_19", "match": "possible", "limit": 100}
    answer, found = await client.get("/v1/teasers", params=asked), [rows[ref] for ref in await _all(client, **asked)]
    tokyo, small = leaves("place", "JP-13"), leaves("employees", "1_19")
    shares = [round(public_share("place", row["place"], tokyo) * public_share("employees", row["employees"], small), 5) for row in found]
    assert len(set(shares)) > 2 and shares == sorted(shares, reverse=True) and answer.json()["sort"] == "share"
    # more of Kanto's establishments than of the whole country's are in Tokyo, as anybody can look up
    assert public_share("place", "kanto", tokyo) > public_share("place", "east", tokyo) > public_share("place", "any", tokyo) > 0.1
    refused = await client.get("/v1/teasers", params={"place": "JP-13", "match": "possible", "sort": "price"})
    assert refused.status_code == 422 and refused.json()["errors"][0]["field"] == "sort"


async def test_values_of_a_field_widen_and_fields_narrow(market):
    client = _get(market, "market_domestic")

    async def total(**params):
        return (await client.get("/v1/teasers", params=params | {"limit": 0})).json()["total_certain"]

    kanto, kansai, both = await total(place="kanto"), await total(place="kansai"), await total(place=["kanto", "kansai"])
    assert kanto and kansai and both == kanto + kansai
    assert await total(place="kanto", industry="manufacturing") < kanto
    assert await total(place=["kanto", "JP-13"]) == kanto


# --- orders and pages -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("sort", KEYS)
async def test_every_order_runs_through_all_pages_once_and_ties_follow_the_shuffle(market, sort):
    client, rows = _get(market, "market_domestic"), _visible(market, "market_domestic")
    expected = [row["ref"].hex for row in sorted(rows, key=lambda row: (KEYS[sort](row), row["shuffle"], row["ref"].bytes))]
    assert await _all(client, sort=sort, limit=97) == expected


async def test_what_is_not_disclosed_comes_last_both_ways(market):
    client = _get(market, "market_domestic")
    for sort in ("price", "-price"):
        prices = [item["price"] for page in [await client.get("/v1/teasers", params={"sort": sort, "limit": 100})] for item in page.json()["items"]]
        assert prices[0] == ("up_to_10" if sort == "price" else "over_3000")
        last = await _all(client, sort=sort, limit=100)
        assert (await client.get(f"/v1/teasers/{last[-1]}")).json()["price"] == "negotiable"


async def test_a_page_of_nothing_still_counts(market):
    body = (await _get(market, "market_buyer").get("/v1/teasers", params={"limit": 0})).json()
    assert body["items"] == [] and body["next_cursor"] is None and body["total_certain"] > 0 and body["facets"]["place"]


async def test_only_the_facets_asked_for_are_given(market):
    client = _get(market, "market_buyer")
    assert list((await client.get("/v1/teasers", params={"facets": ["place", "phrase"]})).json()["facets"]) == ["place", "phrase"]
    refused = await client.get("/v1/teasers", params={"facets": "audiences"})
    assert refused.status_code == 422 and "place" in refused.json()["errors"][0]["allowed"]


# --- words ----------------------------------------------------------------------------------------------------------


async def test_a_search_text_is_read_as_codes_and_narrows_like_them(market):
    client = _get(market, "market_domestic")
    read = (await client.get("/v1/teasers", params={"q": "金属加工 九州", "limit": 0})).json()
    codes = read["read_as"]
    assert set(codes) == {"industry", "place"} and not read["unrecognised"]
    same = (await client.get("/v1/teasers", params=codes | {"limit": 0})).json()
    assert (read["total_certain"], read["facets"]) == (same["total_certain"], same["facets"])
    shown = Counter(row["industry"] for row in _visible(market, "market_domestic") if row["industry"] in leaves("industry", ANY))
    made = shown.most_common(1)[0][0]
    division = SCHEMES["industry"].codes[made].parent
    text = SCHEMES["industry"].codes[division].en
    other = "D" if division != "D" else "E"
    both = (await client.get("/v1/teasers", params={"q": text, "industry": [made, other], "limit": 0})).json()
    alone = (await client.get("/v1/teasers", params={"industry": made, "limit": 0})).json()
    assert both["total_certain"] == alone["total_certain"] > 0, "a text and a filter for one field have both to hold"
    none = (await client.get("/v1/teasers", params={"q": "manufacturing Kansai", "place": "kanto"})).json()
    assert none["total_certain"] == none["total_possible"] == 0 and none["items"] == []


async def test_a_word_that_is_no_vocabulary_finds_nothing_and_is_named(market):
    body = (await _get(market, "market_domestic").get("/v1/teasers", params={"q": "sake brewery Hanamori"})).json()
    assert body["unrecognised"] == ["Hanamori"] and body["items"] == [] and body["total_certain"] == body["total_possible"] == 0
    assert all(values == [] for values in body["facets"].values())


async def test_a_teaser_reads_the_same_in_every_list_and_speaks_the_readers_language(market):
    client = _get(market, "market_buyer")
    for language in ("ja", "en"):
        headers = {"Accept-Language": language}
        listed = (await client.get("/v1/teasers", params={"limit": 1}, headers=headers)).json()["items"][0]
        answer = await client.get(f"/v1/teasers/{listed['ref']}", headers=headers)
        assert answer.json() | {"matched": []} == listed and answer.headers["content-language"] == language and answer.headers["cache-control"] == "no-store"
        assert listed["facts"][0]["label"] == {"ja": "業種", "en": "Industry"}[language]
    shown = (await client.get("/v1/teasers", params={"price": "100_300", "revenue": "200_1000", "limit": 1})).json()["items"][0]
    assert set(shown["foreign_money"]) == {"USD", "EUR"} and "USD" in shown["foreign_money"]["USD"]["revenue"]
    assert shown["foreign_money"]["EUR"]["price"]


async def test_what_a_text_named_is_marked_in_the_words_of_each_item_and_nothing_else_is(market):
    client = _get(market, "market_domestic")
    for language, q, match in (("en", "jobs kept, quick decisions, know how, referrals, manufacturer", "certain"), ("ja", "株式譲渡 東日本", "certain"), ("en", "metal parts Kansai", "possible"),
                               ("en", "factory in Japan", "certain"), ("ja", "가격 협의", "certain")):
        body = (await client.get("/v1/teasers", params={"q": q, "match": match, "limit": 50}, headers={"Accept-Language": language})).json()
        assert body["items"] and body["sort"] == ("relevance" if match == "certain" else "share"), q
        for item in body["items"]:
            values = {fact["attribute"]: fact["value"] for fact in item["facts"]}
            for mark in item["matched"]:
                assert mark["label"] in values[mark["attribute"]], (mark, values)
                assert mark["code"] in item[mark["attribute"]]
            named = {mark["attribute"] for mark in item["matched"]}
            lines = {{"scheme": "schemes", "phrase": "phrases"}.get(name, name) for name in body["read_as"]}
            assert named <= lines and (match == "possible" or named == lines), (q, item["matched"])
        unasked = (await client.get("/v1/teasers", params={"place": "kanto", "limit": 5})).json()
        assert unasked["sort"] == "newest" and all(item["matched"] == [] for item in unasked["items"])


async def test_of_several_phrases_a_teaser_that_shows_more_comes_first_then_the_newest(market):
    client, asked = _get(market, "market_domestic"), Counter(code for row in _visible(market, "market_domestic") for code in row["phrases"])
    codes = {code for code, _n in asked.most_common(12)}
    q = ", ".join(vocabulary().label(code, "en") for code in sorted(codes)[:3])
    body = (await client.get("/v1/teasers", params={"q": q, "limit": 1})).json()
    wanted = set(body["read_as"]["phrase"])
    rows = [row for row in _visible(market, "market_domestic") if wanted & set(row["phrases"])]
    expected = [row["ref"].hex for row in sorted(rows, key=lambda row: (-len(wanted & set(row["phrases"])), -row["batch"], row["shuffle"], row["ref"].bytes))]
    assert len({len(wanted & set(row["phrases"])) for row in rows}) > 1, "some show more of them than others"
    assert await _all(client, q=q, limit=7) == expected
    assert await _all(client, phrase=sorted(wanted), sort="relevance", limit=97) == expected
    newest = await _all(client, q="factory", limit=97)
    assert newest == await _all(client, q="factory", sort="newest", limit=97), "one wish ranks nothing"


async def test_a_slip_is_told(market):
    body = (await _get(market, "market_domestic").get("/v1/teasers", params={"q": "software devloper", "limit": 1})).json()
    assert body["corrected"] == [{"typed": "software devloper", "read_as": "software developer"}] and body["read_as"] == {"industry": ["39"]}


# --- codes ----------------------------------------------------------------------------------------------------------


async def test_every_scheme_is_listed_and_read_in_both_languages(http: httpx.AsyncClient):
    listed = (await http.get("/v1/codes")).json()["items"]
    assert {each["scheme"] for each in listed} == {*SCHEMES, "phrase"}
    for each in listed:
        for language in ("ja", "en"):
            answer = await http.get(f"/v1/codes/{each['scheme']}", headers={"Accept-Language": language})
            assert len(answer.json()["codes"]) == each["size"] and answer.headers["cache-control"] == "public, max-age=3600, must-revalidate"
    assert (await http.get("/v1/codes/place", headers={"Accept-Language": "ja"})).json()["codes"][0] == {
        "code": "JP-01", "label": "北海道", "parent": "hokkaido"}
    for language, name, spoken in (("zh-CN", "东京都", "zh-Hans"), ("zh-TW", "東京都", "zh-Hant"), ("ko", "도쿄도", "ko"), ("fr", "Tokyo", "en")):
        answer = await http.get("/v1/codes/place", headers={"Accept-Language": language})
        assert next(each["label"] for each in answer.json()["codes"] if each["code"] == "JP-13") == name
        assert answer.headers["content-language"] == spoken
    assert (await http.get("/v1/codes/nothing")).status_code == 404


async def test_phrases_that_are_never_shown_are_not_listed(http: httpx.AsyncClient):
    listed = {each["code"] for each in (await http.get("/v1/codes/phrase")).json()["codes"]}
    linkable = {phrase.code for phrase in vocabulary().phrases.values() if phrase.linkable}
    assert linkable and not listed & linkable and len(listed) >= 40
    refused = await http.get("/v1/teasers", params={"phrase": next(iter(linkable))})
    assert refused.status_code == 422 and next(iter(linkable)) not in str(refused.json()["errors"][0]["allowed"])


# --- who may read what ----------------------------------------------------------------------------------------------


async def test_each_reader_sees_its_audience_and_nobody_elses(market, world, settings):
    callers, _rows, _hidden, made = market
    center = await made.intermediary()
    refs = {audience: (await put_up(made, settings, center, profile_of_member(20 + n), audience))[1].hex
            for n, audience in enumerate(("public", "verified_buyers", "agency_desk", "domestic_institutions"))}
    sees = {"market_public": {"public"}, "market_buyer": {"public", "verified_buyers"}, "market_desk": {"public", "agency_desk"},
            "market_domestic": {"public", "domestic_institutions"}}
    for role, audiences in sees.items():
        client = _get(market, role)
        for audience, ref in refs.items():
            answer = await client.get(f"/v1/teasers/{ref}")
            assert answer.status_code == (200 if audience in audiences else 404), (role, audience)
            assert (ref in await _all(client, limit=100)) == (audience in audiences)
    pending = await made.organisation("acquirer", buyer_kind="company", country="FR", registry_number="X1", status="pending")
    for public_only in (pending, await made.agency("monitor"), await made.operator()):
        assert {audience for audience, ref in refs.items() if (await public_only.get(f"/v1/teasers/{ref}")).status_code == 200} == {"public"}
