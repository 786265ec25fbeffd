"""Does text nobody can have meant get a problem that names the field, in bounded time and with nothing written?"""

import asyncio

import pytest

PROBLEM = "application/problem+json"
WITHIN_S = 20  # against hanging, not for speed
BOMB = "(a+)+" * 40 + "あ" * 100 + "!" * 300

UNTYPEABLE = {
    "a mark that turns the writing round": "株式会社\u202eかくう",
    "marks of no width": "かくう" + "\u200b" * 150,
    "a byte order mark inside": "かくう\ufeff商店",
    "a null character": "かくう\x00商店",
    "an escape": "かくう\x1b[2J",
    "longer than a name": "あ" * 201,
}
WELCOME = ["かくう商店👨‍👩‍👧", "髙﨑 ｶｸｳ 葛󠄀城", "Ægir & Sønn", "ｶﾞﾗｽ工房", "👍" * 50]


@pytest.fixture
async def listing(world):
    center = await world.signed_in(await world.intermediary())
    made = await center.client.post("/v1/listings", json={"identity": {"name": "架空商店"}})
    assert made.status_code == 201, made.text
    path = f"/v1/listings/{made.json()['id']}"
    return center.client, path, (await center.client.get(path)).headers["etag"]


async def _state(world):
    return await world.seed("SELECT (SELECT count(*) FROM vault.listing), (SELECT count(*) FROM ops.outbox), (SELECT sum(version) FROM vault.listing)")


async def _patched(listing, body=None, content=None):
    client, path, etag = listing
    sent = {"content": content} if content is not None else {"json": body}
    return await asyncio.wait_for(client.patch(path, headers={"If-Match": etag, "Content-Type": "application/json"}, **sent), WITHIN_S)


@pytest.mark.parametrize("kind", UNTYPEABLE)
@pytest.mark.parametrize("field", ["name", "name_en"])
async def test_the_field_is_named(world, listing, kind, field):
    before = await _state(world)
    answer = await _patched(listing, {"identity": {field: UNTYPEABLE[kind]}})
    assert answer.status_code == 422 and answer.headers["content-type"].startswith(PROBLEM)
    assert [error["field"] for error in answer.json()["errors"]] == [f"identity.{field}"]
    assert await _state(world) == before


@pytest.mark.parametrize("content", [
    '{"identity": {"name": "\\ud83d"}}'.encode(),  # half of a pair
    '{"identity": {"name": "\\udc4d\\ud83d"}}'.encode(),  # the wrong way round
    '{"identity": {"name": "架空商店"}}'.encode("cp932"),
    '{"identity": {"name": "架空'.encode() + '商店"}}'.encode("cp932"),  # two encodings in one text
    '{"identity": {"name": "架空商店"}}'.encode("utf-16"),
    b'{"identity": {"name": "\xed\xa0\xbd"}}',  # half a pair as bytes
    b'{"identity": {"name": "\xc0\xaf"}}',  # an overlong slash
], ids=["half a pair", "reversed pair", "cp932", "two encodings", "utf-16", "surrogate bytes", "overlong"])
async def test_bytes_that_are_no_text_are_refused(world, listing, content):
    before = await _state(world)
    answer = await _patched(listing, content=content)
    assert answer.status_code in (400, 422) and answer.headers["content-type"].startswith(PROBLEM)
    assert answer.json()["code"] in ("malformed_body", "validation")
    assert await _state(world) == before


async def test_ten_megabytes_of_text_are_refused(world, listing):
    before = await _state(world)
    for text in ("あ" * 3_500_000, "\u200b" * 3_500_000, "a" * 10_000_000, "👍" * 2_500_000):
        answer = await _patched(listing, {"identity": {"name": text}, "business": {"outline": text}})
        assert answer.status_code in (413, 422) and answer.headers["content-type"].startswith(PROBLEM)
        assert len(answer.content) < 2_000, "what was sent is not sent back"
    assert await _state(world) == before


@pytest.mark.parametrize("text", WELCOME, ids=range(len(WELCOME)))
async def test_what_people_do_write_is_kept_to_the_letter(listing, text):
    answer = await _patched(listing, {"identity": {"name": text}})
    assert answer.status_code == 200, answer.text
    client, path, _etag = listing
    assert (await client.get(path)).json()["profile"]["identity"]["name"] == text


@pytest.mark.parametrize("text", [BOMB[:200], "\u202e" * 200, "\u200d" * 200, "👍" * 200, "あ" * 200, "%00" * 60, "a" * 199 + "!", "（" * 200,
                                  "\ufdfa" * 200, "Z\u0335\u0321\u0322" * 50, "ｶ" + "ﾞ" * 199], ids=range(11))
async def test_a_search_text_of_any_kind_finds_nothing_and_soon(http, text):
    answer = await asyncio.wait_for(http.get("/v1/teasers", params={"q": text}), WITHIN_S)
    assert answer.status_code == 200
    assert answer.json()["items"] == [] and answer.json()["total_certain"] == 0


@pytest.mark.parametrize("query", ["q=%ED%A0%BD", "q=%FF%FE", "q=%8A%94", "q=" + "a" * 5000, "place=%00", "cursor=" + "A" * 20_000])
async def test_a_query_of_broken_bytes_is_refused_or_finds_nothing(http, query):
    answer = await asyncio.wait_for(http.get(f"/v1/teasers?{query}"), WITHIN_S)
    if answer.status_code == 200:
        assert answer.json()["items"] == []
    else:
        assert answer.status_code in (400, 414, 422) and answer.headers["content-type"].startswith(PROBLEM)
