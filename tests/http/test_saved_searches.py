"""Does a saved search keep what it asks for, for its member alone, and do its letters end with one click?"""

from __future__ import annotations

import asyncio
import hashlib
from uuid import uuid4

import pytest
from sqlalchemy import text

from succession.database import Scope
from succession.market.alerts import token_of
from world import World

SEARCH = {"name": "Castings in Kansai", "filters": {"industry": ["24"]}, "q": "Osaka", "ranges": {"revenue_from_yen": "1000000000"},
          "frequency": "instant"}


@pytest.fixture(scope="module")
async def world(app, database_url):
    world = World(app, database_url)
    yield world
    await world.close()


async def saved(caller, **fields):
    answer = await caller.post("/v1/saved-searches", SEARCH | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_it_is_kept_as_codes_changed_and_forgotten(world):
    buyer = await world.acquirer()
    made = await saved(buyer)
    assert made["asks"]["place"] == [["JP-27"]] and made["asks"]["industry"] == [["24"]] and len(made["asks"]["revenue"][0]) >= 2
    assert "Osaka" in made["asks_in_words"] and (made["match"], made["frequency"], made["locale"]) == ("certain", "instant", None)
    path = f"/v1/saved-searches/{made['id']}"
    changed = await buyer.patch(path, {"frequency": "weekly", "match": "possible", "locale": "ja"}, headers={"If-Match": '"1"'})
    assert changed.status_code == 200 and changed.headers["etag"] == '"2"', changed.text
    assert (changed.json()["frequency"], changed.json()["match"], changed.json()["locale"], changed.json()["name"]) == (
        "weekly", "possible", "ja", SEARCH["name"])
    assert (await buyer.patch(path, {"name": "x"}, headers={"If-Match": '"1"'})).json()["code"] == "stale"
    assert (await buyer.patch(path, {"name": "x"})).json()["code"] == "precondition_required"
    assert [item["id"] for item in (await buyer.get("/v1/saved-searches")).json()["items"]] == [made["id"]]
    assert (await buyer.delete(path)).status_code == 204 and (await buyer.get(path)).status_code == 404


@pytest.mark.parametrize(("fields", "field"), [
    ({"q": "Imaginary Components"}, "q"), ({"filters": {"place": ["Osaka"]}}, "place"), ({"filters": {"corporate_number": ["1"]}}, "filters"),
    ({"filters": {"place": ["JP-13"]}}, "filters"), ({"ranges": {"revenue_from_yen": "1"}}, "revenue_from_yen"), ({"frequency": "hourly"}, "frequency"),
    ({"name": ""}, "name"), ({"locale": "xx"}, "locale"), ({"paid": True}, "paid"),
])
async def test_what_asks_for_no_published_code_is_refused_at_its_field(world, fields, field):
    buyer = await world.acquirer()
    answer = await buyer.post("/v1/saved-searches", SEARCH | fields)
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"].startswith(field), answer.text
    assert (await buyer.get("/v1/saved-searches")).json()["items"] == []


async def test_a_member_has_fifty_also_when_asking_at_once(world):
    buyer = await world.acquirer()
    await world.seed("INSERT INTO vault.saved_search (organisation_id, member_id, name, asked, possible, frequency) "
                     "SELECT $1, $2, 'n', '{}', false, 'off' FROM generate_series(1, 48)", buyer.organisation_id, buyer.member_id)
    answers = await asyncio.gather(*(buyer.post("/v1/saved-searches", SEARCH) for _n in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"limit_reached"}
    assert len((await buyer.get("/v1/saved-searches")).json()["items"]) == 50
    await saved(await world.member(buyer.organisation_id, "acquirer"))


async def test_nobody_else_reads_changes_or_forgets_it(world):
    buyer = await world.acquirer()
    colleague = await world.member(buyer.organisation_id, "acquirer", role="admin")
    made = await saved(buyer)
    path, sent = f"/v1/saved-searches/{made['id']}", len(await world.seed("SELECT 1 FROM ops.outbox"))
    for caller in (colleague, await world.acquirer(), await world.intermediary(), await world.agency()):
        answers = [await caller.get(path), await caller.patch(path, {"frequency": "off"}, headers={"If-Match": '"1"'}), await caller.delete(path)]
        assert [answer.status_code for answer in answers] == [404] * 3
        assert (await caller.get("/v1/saved-searches")).json()["items"] == []
    for caller, code in ((await world.agency("monitor"), 403), (await world.operator(), 403), (await world.acquirer(status="pending"), 403)):
        assert [(await caller.get(path)).status_code, (await caller.post("/v1/saved-searches", SEARCH)).status_code] == [code, code]
    nobody = world.client()
    assert [(await nobody.get(path)).status_code, (await nobody.post("/v1/saved-searches", json=SEARCH)).status_code] == [401, 401]
    assert (await buyer.get(path)).json() == made and len(await world.seed("SELECT 1 FROM ops.outbox")) == sent


# ---------------------------------------------------------------- the link in a letter


async def link_to(world, *of, **row):
    token = token_of(b"k" * 32, uuid4(), *of)
    columns = ", ".join(row)
    await world.seed(f"INSERT INTO vault.unsubscribe_link (token_hash, {columns}) VALUES ($1, {', '.join(f'${n}' for n in range(2, len(row) + 2))})",
                     hashlib.sha256(token.encode()).digest(), *row.values())
    return f"/unsubscribe/{token}"


async def test_one_click_ends_letters_of_that_search_alone_and_looking_ends_none(world):
    buyer = await world.acquirer()
    one, other = await saved(buyer), await saved(buyer)
    path, nobody = await link_to(world, saved_search_ids=[one["id"]], member_id=buyer.member_id), world.client()

    async def frequencies():
        return [(await buyer.get(f"/v1/saved-searches/{each['id']}")).json()["frequency"] for each in (one, other)]

    for method in ("GET", "HEAD", "GET"):
        page = await nobody.request(method, path)
        assert page.status_code in (200, 405) and await frequencies() == ["instant", "instant"]
    page = await nobody.get(path)
    assert "<form method=\"post\">" in page.text and SEARCH["name"] not in page.text
    for _again in range(3):  # as a mail program sends it: no cookie, no Origin, this body
        ended = await nobody.post(path, content="List-Unsubscribe=One-Click", headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert ended.status_code == 200 and await frequencies() == ["off", "instant"]
    japanese = await nobody.get(path, headers={"Accept-Language": "ja"})
    assert "このメールの検索条件のお知らせを止める" in japanese.text and "すべての検索条件のお知らせを止める" in japanese.text
    await buyer.delete(f"/v1/saved-searches/{one['id']}")
    assert (await nobody.post(path)).status_code == 200, "an old letter is told the truth"


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(("body", "left"), [
    ("List-Unsubscribe=One-Click", ["off", "off", "daily", "weekly", "instant", "daily"]), ("", ["off", "off", "daily", "weekly", "instant", "daily"]),
    ("end=all", ["off", "off", "off", "off", "off", "daily"])])
async def test_a_digest_ends_for_the_searches_it_was_about_and_for_all_where_somebody_asks_for_that(world, body, left):
    buyer = await world.acquirer()
    colleague = await world.member(buyer.organisation_id, "acquirer")
    made = [(who, await saved(who, frequency=frequency)) for who, frequency in (
        (buyer, "daily"), (buyer, "daily"), (buyer, "daily"), (buyer, "weekly"), (buyer, "instant"), (colleague, "daily"))]
    path = await link_to(world, saved_search_ids=[each["id"] for _who, each in made[:2]], member_id=buyer.member_id)
    for _again in range(2):
        assert (await world.client().post(path, content=body, headers=FORM)).status_code == 200
        assert [(await who.get(f"/v1/saved-searches/{each['id']}")).json()["frequency"] for who, each in made] == left
    with pytest.raises(Exception, match="evidence"):
        await world.seed("UPDATE vault.unsubscribe_link SET saved_search_ids = saved_search_ids || $1::uuid WHERE member_id = $2", made[2][1]["id"], buyer.member_id)


async def test_a_link_of_an_older_digest_ends_what_it_said(world):
    buyer = await world.acquirer()
    made = [await saved(buyer, frequency=frequency) for frequency in ("daily", "daily", "weekly")]
    path = await link_to(world, member_id=buyer.member_id, frequency="daily")
    assert (await world.client().post(path, content="List-Unsubscribe=One-Click", headers=FORM)).status_code == 200
    assert [(await buyer.get(f"/v1/saved-searches/{each['id']}")).json()["frequency"] for each in made] == ["off", "off", "weekly"]


async def test_a_link_nobody_sent_ends_nothing(world):
    buyer = await world.acquirer()
    made, nobody = await saved(buyer), world.client()
    for token in ("x", "t" * 43, made["id"], "%00", "t" * 101):
        assert {(await nobody.get(f"/unsubscribe/{token}")).status_code, (await nobody.post(f"/unsubscribe/{token}")).status_code,
                (await nobody.post(f"/unsubscribe/{token}", content="end=all", headers=FORM)).status_code} <= {404, 422}
    assert (await buyer.get(f"/v1/saved-searches/{made['id']}")).json()["frequency"] == "instant"


# ---------------------------------------------------------------- leaving


async def test_what_a_member_searched_for_goes_with_the_membership(world):
    admin = await world.signed_in(await world.acquirer())
    leaver, stays = [await world.member(admin.organisation_id, "acquirer") for _ in range(2)]
    gone, kept = await saved(leaver), await saved(stays)
    await world.seed("INSERT INTO vault.alert (saved_search_id, batch, teasers) SELECT id, 1, 1 FROM vault.saved_search WHERE id = ANY($1)",
                     [gone["id"], kept["id"]])
    path = await link_to(world, saved_search_ids=[gone["id"]], member_id=leaver.member_id)
    for nobody in (await world.signed_in(await world.acquirer()), stays):
        assert (await nobody.delete(f"/v1/members/{leaver.member_id}")).status_code in (403, 404)
    assert (await leaver.get(f"/v1/saved-searches/{gone['id']}")).json() == gone
    assert (await admin.delete(f"/v1/members/{leaver.member_id}")).status_code == 204
    left = await world.seed("SELECT s.id::text, (SELECT count(*) FROM vault.alert a WHERE a.saved_search_id = s.id) FROM vault.saved_search s "
                            "WHERE s.organisation_id = $1", admin.organisation_id)
    assert [tuple(row) for row in left] == [(kept["id"], 1)]
    assert await world.seed("SELECT 1 FROM vault.alert WHERE saved_search_id = $1", gone["id"]) == []
    assert (await world.client().post(path)).status_code == 200, "an old letter is told the truth"


async def test_nobody_who_is_leaving_saves_another_search(world, app):
    """The search waits for the lock of who leaves, and finds nobody; the other way round it goes with the rest."""
    buyer = await world.acquirer()
    leaver = await world.member(buyer.organisation_id, "acquirer")
    async with app.state.databases.tx(_scope(buyer)) as tx:
        await tx.execute(text("UPDATE vault.member SET status = 'left' WHERE id = :id"), {"id": leaver.member_id})
        saving = asyncio.create_task(leaver.post("/v1/saved-searches", SEARCH))
        await asyncio.sleep(0.3)
        assert not saving.done()
    assert (await saving).status_code == 409
    assert await world.seed("SELECT 1 FROM vault.saved_search WHERE member_id = $1", leaver.member_id) == []


def _scope(caller):
    return Scope(caller.kind, caller.organisation_id, caller.member_id, None, f"member:{caller.member_id}")
