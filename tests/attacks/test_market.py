"""Attacks on one process's market, beside those of test_attacks.py: what only a look inside can show (roles, statements).

Where a check could be blind, a second test runs it against a deliberately leaky version and expects it to object.
"""

import dataclasses
import json
import string
from collections import Counter
from random import Random

import asyncpg
import msgspec
import pytest
from market_world import profile_of_member, put_in_force, put_up, seed_market

from succession.codes import ANY, ATTRIBUTES, LEVELS, leaves
from succession.market import routes, search
from succession.market.batches import _shuffle
from succession.market.facets import facets_of
from succession.market.search import FILTERS, allowed
from succession.market.terms import Terms

SEES = {"market_public": 1, "market_buyer": 3, "market_desk": 5, "market_domestic": 9}


@pytest.fixture(scope="module")
async def market(app, database_url):
    """A buyer's client on a market of random teasers of the demo world, and the world of tests."""
    from world import World

    made = World(app, database_url)
    await seed_market(made, 400, seed=3)
    yield (await made.acquirer()).client, made
    await made.close()


async def _items(client, **params):
    """Every teaser a search finds, over all pages."""
    found, cursor = [], None
    while True:
        body = (await client.get("/v1/teasers", params=params | {"limit": 100} | ({"cursor": cursor} if cursor else {}))).json()
        found, cursor = found + body["items"], body["next_cursor"]
        if cursor is None:
            return found


# --- a forgotten WHERE ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", SEES)
async def test_a_forgotten_where_shows_no_other_audiences_rows(market, as_database_role, role):
    _client, made = market
    reader = await as_database_role(role)
    seen = await reader.fetch("SELECT * FROM market.teaser")
    everything = await made.seed("SELECT ref, audiences FROM market.teaser")
    assert {row["ref"] for row in seen} == {row["ref"] for row in everything if row["audiences"] & SEES[role]}
    assert len(seen) < len(everything), "there is something to hide"
    bits = await reader.fetchval("SELECT sum(bit_count(bits)) FROM market.bitmap WHERE field = 'live'")
    assert bits == len(seen) and await reader.fetchval("SELECT count(DISTINCT reader) FROM market.bitmap") == 1
    for question in ("SELECT 1 FROM vault.publication", "SELECT size FROM market.cell", "SELECT look_alikes FROM market.codebook",
                     "SELECT 1 FROM vault.listing", "SELECT 1 FROM ops.batch"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.fetch(question)


async def test_only_the_function_for_exclusions_reaches_across_and_it_returns_references(as_database_role):
    for role in ("market_buyer", "market_desk", "market_domestic"):
        reader = await as_database_role(role)
        rows = await reader.fetch("SELECT * FROM market.excluded_teasers(gen_random_uuid())")
        assert rows == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await (await as_database_role("market_public")).fetch("SELECT * FROM market.excluded_teasers(gen_random_uuid())")


# --- hidden facts ---------------------------------------------------------------------------------------------------


async def _public_answers(client, ref):
    """Everything public that could depend on one teaser, its reference blanked: bodies and headers.

    Where in a list it stands is random by design (A8): items are compared as a set.
    """
    own = (await client.get(f"/v1/teasers/{ref}")).json()
    alike = {name: own[name] for name in ("place", "industry", "timing") if own[name] != ANY}
    told = []
    for language in ("ja", "en"):
        for path, params in ((f"/v1/teasers/{ref}", {}), ("/v1/teasers", alike), ("/v1/teasers", {"limit": 0}),
                             ("/v1/teasers", {"match": "possible", "employees": "100_plus"})):
            params = {"limit": 100} | params if params else {}
            answer = await client.get(path, params=params, headers={"Accept-Language": language})
            body = json.loads(answer.text.replace(ref, "#"))
            assert path != "/v1/teasers" or not body["next_cursor"], "one page, or its edge would be random"
            if "items" in body:
                body["items"].sort(key=json.dumps)
            told.append((json.dumps(body), dict(answer.headers)))
    return told


async def test_profiles_that_differ_only_in_hidden_facts_give_byte_identical_answers(market, world, settings):
    """A17, A20: every name, number, exact figure and note may differ; the answers may not."""
    client, _made = market
    center, told = await world.intermediary(), []
    for turn in range(2):
        raw = profile_of_member(40, business__municipality=["架空市", "無市"][turn], owner__birth_year=[1940, 1962][turn],
                                owner__reason=["no_successor", "owner_age_health"][turn], business__outline=["あ" * 10, "秘" * 900][turn],
                                identity__brands=[[], ["架空正宗", "カクウ"]][turn], business__capital_yen=[1, 10**8][turn])
        for year in raw["financials"]:  # other figures within the same bands
            year["revenue_yen"] += turn
            year["debt_yen"] = 7 * turn
        if turn:
            raw["business"]["jsic_code"] += "11"  # the detailed industry is never shown
        _listing, ref = await put_up(world, settings, center, raw, "verified_buyers")
        told.append(await _public_answers(client, ref.hex))
        await world.seed("UPDATE vault.publication SET state = 'taken_down' WHERE ref = $1", ref)
    assert told[0] == told[1]


async def test_that_comparison_sees_a_fact_that_is_shown(market, world, settings):
    client, _made = market
    center, told = await world.intermediary(), []
    for timing in ("6_12m", "flexible"):
        _listing, ref = await put_up(world, settings, center, profile_of_member(40, terms__timing=timing), "verified_buyers")
        told.append(await _public_answers(client, ref.hex))
        await world.seed("UPDATE vault.publication SET state = 'taken_down' WHERE ref = $1", ref)
    assert told[0] != told[1]


async def test_no_header_tells_a_member_of_changes_or_caches_and_nothing_is_compressed(market):
    client, _made = market
    for path in ("/v1/teasers", f"/v1/teasers/{(await _items(client, place='kanto'))[0]['ref']}"):
        answer = await client.get(path, headers={"Accept-Encoding": "gzip, br"})
        assert answer.headers["cache-control"] == "no-store"
        assert not {"etag", "last-modified", "content-encoding", "age", "x-cache"} & set(answer.headers)
        assert "batch" not in answer.text and "slot" not in answer.text and "shuffle" not in answer.text


# --- A4, A5, A28: asking for what is not published ------------------------------------------------------------------

NOT_PUBLISHED = [
    ("revenue_min", "190000000"), ("revenue_max", "1"), ("employees", "34"), ("employees", "20..30"), ("revenue", "350"), ("founded", "1983"),
    ("place", "横浜市"), ("place", "JP-13-101"), ("place", "14100"), ("place", "any"), ("industry", "1023"), ("industry", "E09"), ("industry", "any"),
    ("margin", "4.9"), ("price", "99"), ("phrase", "food_safety_certificate"), ("timing", "2026-10-01"), ("scheme", "%"), ("prefecture", "JP-13"),
    ("municipality", "x"), ("audiences", "15"), ("cell_id", "1"), ("batch", "1"), ("fields", "legal_name"), ("listing_id", "1"), ("order", "revenue_yen"),
    ("place", "JP-13' OR 1=1--"), ("place", "x" * 5000),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), NOT_PUBLISHED)
async def test_only_published_values_can_be_asked_for(market, name, value):
    client, _made = market
    answer = await client.get("/v1/teasers", params={name: value})
    assert answer.status_code == 422, answer.text
    body = answer.json()
    assert body["code"] == "validation" and "items" not in body
    if name in FILTERS and len(value) <= 60:
        assert set(body["errors"][0]["allowed"]) == set(allowed(name)) and ANY not in body["errors"][0]["allowed"]


@pytest.mark.parametrize(("name", "value"), [
    ("sort", "revenue_yen"), ("sort", "created_at"), ("sort", "shuffle"), ("limit", "101"), ("limit", "-1"), ("limit", "9" * 40), ("limit", "x"),
    ("match", "all"), ("facets", "size"), ("facets", "municipality"), ("q", "x" * 201), ("cursor", "x"), ("cursor", ""),
])  # fmt: skip
async def test_wrong_questions_are_refused_alike_and_name_nothing_hidden(market, name, value):
    client, _made = market
    answer = await client.get("/v1/teasers", params={name: value})
    if (name, value) == ("cursor", ""):
        assert answer.status_code == 200
        return
    assert answer.status_code == 422 and answer.headers["content-type"].startswith("application/problem+json")
    told = answer.text.replace(value, "")
    assert not any(word in told for word in ("vault", "market.", "legal_name", "_yen", "SELECT", "asyncpg", "Traceback", "shuffle", "slot", "cell_id"))


async def test_control_characters_and_odd_bytes_are_no_server_error(market):
    client, _made = market
    for query in ("q=%00", "q=%ED%A0%80", "place=%00", "q=%F0%9F%A4%A1", "place=%ff", "q=" + "%20" * 150):
        assert (await client.get(f"/v1/teasers?{query}")).status_code in (200, 422)


async def test_a_teaser_never_appears_below_the_level_it_shows_nor_vanishes_from_its_own(market):
    client, _made = market
    everything = await _items(client)
    coarse = [item for item in everything if item["place"] in LEVELS["place"][1]]
    assert coarse
    for item in coarse[:5]:
        for finer in leaves("place", item["place"]):
            assert item["ref"] not in {each["ref"] for each in await _items(client, place=finer)}
        assert item["ref"] in {each["ref"] for each in await _items(client, place=item["place"])}
    hidden = [item for item in everything if item["industry"] == ANY]
    for item in hidden[:3]:
        assert item["ref"] not in {each["ref"] for each in await _items(client, industry=list(allowed("industry"))[:1])}


# --- A7: counts -----------------------------------------------------------------------------------------------------


async def _facets_tell_no_more_than_the_teasers(client, filters):
    """Every count is what one gets by counting the teasers that are shown anyway."""
    body = (await client.get("/v1/teasers", params={**filters, "limit": 0})).json()
    for field in FILTERS:
        shown = await _items(client, **{name: code for name, code in filters.items() if name != field})
        for each in body["facets"][field]:
            codes = leaves(field, each["code"]) if field in ATTRIBUTES else None
            inside = [item for item in shown if (leaves(field, item[field]) <= codes if codes else
                                                 each["code"] in (item[field] if field in ("price", "timing") else item[f"{field}s"]))]
            assert each["count"] == len(inside), (filters, field, each)


QUERIES = [{}, {"place": "kanto"}, {"industry": "E"}, {"place": "kanto", "revenue": "under_200"}, {"price": "negotiable"},
           {"phrase": "jobs_kept", "employees": "1_19"}]


@pytest.mark.parametrize("filters", QUERIES, ids=str)
async def test_no_facet_tells_what_the_teasers_do_not(market, filters):
    client, _made = market
    await _facets_tell_no_more_than_the_teasers(client, filters)


async def test_that_check_objects_to_a_facet_below_the_published_level(market, monkeypatch):
    client, _made = market

    def leaky(counts, fields, locale):  # counts a teaser that shows a region under each of its prefectures as well
        places = Counter(counts.values["place"])
        for code, n in counts.values["place"].items():
            places.update(dict.fromkeys(leaves("place", code) - {code}, n))
        return facets_of(msgspec.structs.replace(counts, values=counts.values | {"place": places}), fields, locale)

    monkeypatch.setattr(routes, "facets_of", leaky)
    with pytest.raises(AssertionError):
        await _facets_tell_no_more_than_the_teasers(client, {})


# --- A8: order ------------------------------------------------------------------------------------------------------


async def test_ties_are_broken_by_a_keyed_hash_of_reference_and_batch_alone(world, settings):
    await put_in_force(world)
    center = await world.intermediary()
    for member in (41, 42):
        _listing, ref = await put_up(world, settings, center, profile_of_member(member), "verified_buyers")
        row = (await world.seed("SELECT batch, shuffle FROM market.teaser WHERE ref = $1", ref))[0]
        assert row["shuffle"] == _shuffle(settings, ref, row["batch"])
        assert row["shuffle"] != _shuffle(dataclasses.replace(settings, secret_key=b"another" * 8), ref, row["batch"])
        assert row["shuffle"] != _shuffle(settings, ref, row["batch"] + 1)


# --- A9: cursors ----------------------------------------------------------------------------------------------------


async def test_a_cursor_is_opaque_bound_and_of_one_length(market):
    client, made = market
    first = (await client.get("/v1/teasers", params={"limit": 5})).json()
    cursor = first["next_cursor"]
    flipped = cursor[:20] + ("A" if cursor[20] != "A" else "B") + cursor[21:]
    stranger = (await made.acquirer()).client
    colleague = await made.member((await made.acquirer()).organisation_id, "acquirer")
    for client_, params in ((client, {"cursor": flipped}), (client, {"cursor": cursor[:-4]}), (client, {"cursor": cursor, "sort": "price"}),
                            (client, {"cursor": cursor, "place": "kanto"}), (client, {"cursor": cursor, "match": "possible"}),
                            (stranger, {"cursor": cursor}), (colleague.client, {"cursor": cursor}), (made.client(), {"cursor": cursor}),
                            (client, {"cursor": "e30"}), (client, {"cursor": "é"})):
        answer = await client_.get("/v1/teasers", params=params)
        assert answer.status_code == 422 and answer.json()["code"] == "cursor_invalid"
    assert (await client.get("/v1/teasers", params={"cursor": cursor, "limit": 7})).status_code == 200
    lengths, seen = {len(cursor)}, set()
    for sort in ("newest", "-revenue", "place"):
        for _turn in range(3):
            again = (await client.get("/v1/teasers", params={"limit": 5, "sort": sort})).json()["next_cursor"]
            lengths.add(len(again))
            seen.add(again)
    assert len(lengths) == 1 and len(seen) == 9, "no length tells of a value, and no cursor is the same twice"
    ref = first["items"][-1]["ref"]
    assert ref not in cursor and ref[:8] not in cursor


# --- A12: the search text as an oracle ------------------------------------------------------------------------------

IDENTITIES = ["架空41株式会社", "カクウ41", "かくう４１", "Kaku 41 Works", "kaku-41-works", "KAKU41", "架空 太郎", "Kaku Taro", "カクウ タロウ", "架空正宗",
              "無県架空市無町0-0-0", "0X0-0000-0000", "9998000000411", "T9998000000411", "kaku41.example", "架 空 4 1", "㈱架空41", "Tokyo Kaku Works",
              "京都の架空正宗", "Hotel Kaku"]  # fmt: skip


def _shaped(text, rng):
    """A random string of the same shape: each character by one of its kind that names nothing."""
    kinds = (("ぁ", "ん", "ぬゐゑめ"), ("ァ", "ヶ", "ヌヰヱメ"), ("一", "龥", "龘龗鱻麤"), ("０", "９", "０１２３"))

    def other(character):
        for low, high, pool in kinds:
            if low <= character <= high:
                return rng.choice(pool)
        for pool in (string.digits, string.ascii_lowercase, string.ascii_uppercase):
            if character in pool:
                return rng.choice("xqz" if pool is string.ascii_lowercase else "XQZ" if pool is string.ascii_uppercase else pool)
        return character

    return "".join(other(character) for character in text)


async def _a_name_is_no_better_than_noise(client, identity, rng):
    """Hits, order, counts, facets and size of an answer to a name are those of the answer to noise of its shape."""
    told = []
    for text in (identity, _shaped(identity, rng)):
        answer = await client.get("/v1/teasers", params={"q": text, "limit": 100})
        body = answer.json()
        unrecognised = body.pop("unrecognised")
        told.append((answer.status_code, body, bool(unrecognised)))
    assert told[0] == told[1], identity
    assert told[0][2], "nothing in it was understood"


@pytest.fixture
async def planted(market, world, settings):
    """A published listing full of identities."""
    raw = profile_of_member(43, identity__name="架空41株式会社", identity__name_kana="カクウ41", identity__name_en="Kaku 41 Works",
                            identity__brands=["架空正宗"], identity__phones=["0X0-0000-0000"], identity__urls=["https://kaku41.example/"])
    return await put_up(world, settings, await world.intermediary(), raw, "public")


@pytest.mark.parametrize("identity", IDENTITIES)
async def test_a_planted_identity_is_searched_like_noise(market, planted, identity):
    client, _made = market
    await _a_name_is_no_better_than_noise(client, identity, Random(identity))


async def test_that_check_objects_to_a_search_that_drops_the_words_it_does_not_know(market, planted, monkeypatch):
    """"Tokyo Kaku Works": dropping the unknown words would turn a name into a search for its place."""
    client, _made = market

    def leaky(text):
        return Terms({"place": frozenset({"JP-13"})}, frozenset(), ()) if "Tokyo" in text else Terms({}, frozenset(), (text,))

    monkeypatch.setattr(search, "parse_terms", leaky)
    with pytest.raises(AssertionError):
        await _a_name_is_no_better_than_noise(client, "Tokyo Kaku Works", Random(1))


async def test_that_check_objects_to_a_search_that_knows_the_name(market, planted, monkeypatch):
    client, _made = market

    def leaky(text):
        return Terms({}, frozenset({"jobs_kept"}), ()) if "架空正宗" in text else Terms({}, frozenset(), (text,))

    monkeypatch.setattr(search, "parse_terms", leaky)
    with pytest.raises(AssertionError):
        await _a_name_is_no_better_than_noise(client, "架空正宗", Random(1))


# --- A11, A28: one teaser -------------------------------------------------------------------------------------------


async def test_every_teaser_one_may_not_read_is_refused_with_the_same_words(market, world, settings):
    client, made = market
    center = await world.intermediary()
    _listing, others = await put_up(world, settings, center, profile_of_member(44), "agency_desk")
    listing, down = await put_up(world, settings, center, profile_of_member(45), "verified_buyers")
    await center.delete(f"/v1/listings/{listing}/publication")
    told = set()
    for ref in (others.hex, down.hex, str(listing), "0" * 32, "f" * 32, "1", "not-a-reference", "%00", others.hex[:-1] + "g"):
        answer = await client.get(f"/v1/teasers/{ref}")
        body = {key: value for key, value in answer.json().items() if key != "instance"}
        headers = {key: value for key, value in answer.headers.items() if key != "content-length"}
        told.add((answer.status_code, json.dumps(body), json.dumps(headers)))
    assert len(told) == 1 and next(iter(told))[0] == 404
