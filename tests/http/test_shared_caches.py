"""Behind a shared cache: does everybody still get their own answer, and nobody a teaser that is down?"""

from __future__ import annotations

import hashlib
import re
from random import Random

import pytest
from market_world import profile_of_member, put_up
from shared_cache import SharedCache

from succession.caching import MARKET_MAX_AGE_S, has, tag_of

PUBLIC = f"public, max-age={MARKET_MAX_AGE_S}, must-revalidate"
LIST = "/v1/teasers?limit=2&sort=newest"


@pytest.fixture
async def shelf(world, settings):
    """(references of public teasers, one of verified buyers only)."""
    center = await world.intermediary()
    public = [(await put_up(world, settings, center, profile_of_member(60 + n), "public", "verified_buyers"))[1].hex for n in range(4)]
    return public, (await put_up(world, settings, center, profile_of_member(70), "verified_buyers"))[1].hex


async def _down(world, ref):
    await world.seed("UPDATE vault.publication SET state = 'taken_down' WHERE ref = ($1::text)::uuid", ref)


# --- what is said ---------------------------------------------------------------------------------------------------


async def test_what_anybody_gets_may_be_kept_for_a_minute_under_the_hash_of_its_bytes(world, http, shelf):
    for path in (LIST, f"/v1/teasers/{shelf[0][0]}", "/v1/codes", "/v1/codes/place", "/v1/codes/phrase"):
        for language in ("ja", "en", "zh-TW"):
            answer = await http.get(path, headers={"Accept-Language": language})
            assert answer.headers["etag"] == f'"{hashlib.sha256(answer.content).hexdigest()[:32]}"' == tag_of(answer.content)
            assert answer.headers["cache-control"] == (PUBLIC if "teasers" in path else "public, max-age=3600, must-revalidate")
            assert answer.headers["vary"] == "Accept-Language, Cookie, Authorization"
            assert "set-cookie" not in answer.headers
            if language == "zh-TW":  # sentences are English, names of codes are not
                spoken = "en, zh-Hant" if path == LIST else "zh-Hant" if "codes/" in path else "en"
            else:
                spoken = language
            assert answer.headers["content-language"] == spoken
            again = await http.get(path, headers={"Accept-Language": language, "If-None-Match": answer.headers["etag"]})
            assert again.status_code == 304 and again.content == b""
            for name in ("etag", "cache-control", "vary", "content-language"):
                assert again.headers[name] == answer.headers[name]
            other = await http.get(path, headers={"Accept-Language": language, "If-None-Match": '"another"'})
            assert (other.status_code, other.content) == (200, answer.content)


async def test_labels_of_codes_are_chinese_and_korean_where_sentences_are_english(http, shelf):
    body = (await http.get(LIST, headers={"Accept-Language": "ko"})).json()
    assert any("가" <= label[0] <= "힣" for value in body["facets"]["place"] for label in [value["label"]])
    assert body["items"][0]["facts"][0]["label"] == "Industry"


async def test_whoever_says_anything_about_themselves_is_answered_for_themselves_alone(world, shelf):
    buyer, signed_in = await world.acquirer(), await world.signed_in(await world.acquirer())
    for client in (buyer.client, signed_in.client, world.client(Cookie="elsewhere=1"), world.client(Cookie="succession_session=nothing")):
        for path in (LIST, f"/v1/teasers/{shelf[0][0]}", "/v1/codes/place"):
            tag = tag_of((await client.get(path)).content)
            answer = await client.get(path, headers={"If-None-Match": tag})
            assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store" and "etag" not in answer.headers


async def test_problems_are_never_kept(world, http, shelf):
    await _down(world, shelf[0][1])
    for path in (f"/v1/teasers/{shelf[0][1]}", f"/v1/teasers/{'0' * 32}", f"/v1/teasers/{shelf[1]}", "/v1/teasers?sort=nothing", "/v1/teasers?cursor=x",
                 "/v1/codes/nothing", "/v1/nothing"):
        for headers in ({}, {"If-None-Match": "*"}):
            answer = await http.get(path, headers=headers)
            assert answer.status_code in (400, 404, 422) and answer.headers["cache-control"] == "no-store" and "etag" not in answer.headers, path


async def test_a_page_and_its_cursor_read_the_same_every_time(http, shelf):
    first = await http.get(LIST)
    assert first.json()["next_cursor"] and (await http.get(LIST)).content == first.content
    on = await http.get(LIST, params={"limit": 2, "sort": "newest", "cursor": first.json()["next_cursor"]})
    assert on.status_code == 200 and on.json()["items"] and on.json()["items"] != first.json()["items"]


def test_tags_are_compared_as_clients_send_them():
    assert has('"a"', '"a"') and has('W/"a"', '"a"') and has('"b", "a"', '"a"') and has("*", '"a"')
    assert not has("", '"a"') and not has('"b"', '"a"') and not has("a", '"a"') and not has('"aa"', '"a"')


# --- behind a cache -------------------------------------------------------------------------------------------------


async def test_the_cache_of_these_tests_does_keep_and_would_tell_the_wrong_person(world, http, shelf):
    """The model sees what it is there for: what is kept is served, and a careless header is found."""
    cache, path = SharedCache(), f"/v1/teasers/{shelf[0][0]}"
    first, second = await cache.get(http, path), await cache.get(http, path)
    assert first.content == second.content and (cache.asked, cache.served) == (1, 1)
    cache.now = MARKET_MAX_AGE_S
    assert (await cache.get(http, path)).content == first.content and (cache.asked, cache.revalidated) == (2, 1)
    del first.headers["vary"]
    cache.kept[next(iter(cache.kept))][0].varied.clear()
    assert (await cache.get((await world.acquirer()).client, path)).content == first.content, "served to a member: Vary was gone"


async def test_nobody_gets_anothers_answer_and_no_teaser_that_is_down_outlives_the_bound(world, http, shelf):
    public, private = shelf
    buyer, visitor = await world.acquirer(), await world.signed_in(await world.acquirer())
    readers = {("nobody", language): http for language in ("ja", "en")} | {("buyer", "en"): buyer.client, ("visitor", "ja"): visitor.client}
    paths = [LIST, "/v1/teasers?limit=100&q=factory", *(f"/v1/teasers/{ref}" for ref in (*public, private))]
    cache, rng, told, down = SharedCache(), Random(33), {}, {}

    async def direct(reader, path):
        answer = await readers[reader].get(path, headers={"Accept-Language": reader[1]})
        return answer.status_code, answer.content

    for turn in range(160):
        cache.now += rng.choice((0, 0, 1, 12))
        if turn in (50, 100):
            ref = public[turn // 50]
            await _down(world, ref)
            down[ref] = cache.now
        reader, path = rng.choice(list(readers)), rng.choice(paths)
        told.setdefault((reader, path), []).append((cache.now, await direct(reader, path)))
        answer = await cache.get(readers[reader], path, Accept_Language=reader[1])
        got = (answer.status_code, _still(answer.content))
        lately = [(status, _still(body)) for (who, what), seen in told.items() if (who, what) == (reader, path)
                  for at, (status, body) in seen if cache.now - at <= MARKET_MAX_AGE_S]
        assert got in lately, "its own answer, of the last minute"
        if reader[0] == "nobody":
            assert private.encode() not in answer.content or answer.status_code == 404
        for ref, since in down.items():
            shown = answer.status_code == 200 and ref.encode() in answer.content
            assert not shown or (reader[0] == "nobody" and cache.now - since < MARKET_MAX_AGE_S), (reader, path, cache.now - since)
    assert cache.served > 5 and cache.revalidated > 2 and len(down) == 2
    for ref in down:  # and a tag of what is down brings nothing back
        held = next((each for each in cache.kept.get(f"{http.base_url}/v1/teasers/{ref}", ())), None)
        headers = {"If-None-Match": held.answer.headers["etag"] if held else "*"}
        assert (await http.get(f"/v1/teasers/{ref}", headers=headers)).status_code == 404


def _still(body: bytes) -> bytes:
    """Without the cursor, which of a member's pages is new every time."""
    return re.sub(rb'"next_cursor":"[^"]*"', b'"next_cursor":"#"', body)
