"""Is everybody told of what is new and theirs to see, once, and of nothing else?"""

from __future__ import annotations

import asyncio
import email
import hashlib
from datetime import UTC, datetime, timedelta
from email.policy import default
from random import Random

import asyncpg
import msgspec
import pytest

import market_world
from desk_scene import listed
from succession.config import as_role
from succession.market import alerts
from succession.market.alerts import alert, last_mornings
from succession.market.found_sets import FoundSets, places_in
from succession.market.queries import SHARE, Wanted, find_teasers
from succession.market.search import OFF_CODEBOOK, allowed, read_search
from succession.calendar_turn import AGAIN

TOMORROW = timedelta(days=1)


@pytest.fixture(autouse=True)
async def quiet(world):
    """Nobody else waits for letters, and nothing else is there to be told of."""
    await world.seed("UPDATE vault.saved_search SET frequency = 'off'")
    await world.seed("DELETE FROM market.teaser RETURNING ref")
    await world.seed("DELETE FROM ops.outbox")


async def a_batch(world):
    return (await world.seed("INSERT INTO ops.batch (closed_at, published) VALUES (now(), 1) RETURNING number"))[0]["number"]


async def saves(caller, frequency="instant", **fields):
    answer = await caller.post("/v1/saved-searches", {"name": "Castings", "filters": {"industry": ["24"]}, "frequency": frequency} | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def turn(world, now=None):
    """One turn of the job, committed; whether there is more."""
    connection = await asyncpg.connect(as_role(world.database_url, "succession_worker"))
    try:
        async with connection.transaction():
            return await alert(connection, world.app.state.settings, now or datetime.now(UTC))
    finally:
        await connection.close()


async def told(world, *callers):
    """(template, params) of every letter that waits for these members."""
    return [(each["template"], each.get("params")) for caller in callers for each in await world.letters(member=caller.member_id)]


def refs_in(letters):
    return [line.rpartition("/")[2] for _template, params in letters for line in params["lines"] if "/v1/teasers/" in line]


async def test_each_is_told_of_what_it_may_see_and_asked_for_once(world):
    center, buyer, fund, desk, bank = (await world.intermediary(), await world.acquirer(), await world.acquirer(country="FR"), await world.agency(),
                                       await world.intermediary("registered_institution"))
    before = await listed(world, center, audiences=15, batch=await a_batch(world))
    for caller in (buyer, fund, desk, bank):
        await saves(caller, locale="en")
    number = await a_batch(world)
    every = await listed(world, center, audiences=15, batch=number)
    of_buyers = await listed(world, center, audiences=2, batch=number, excludes={"country": "FR"})
    of_desks, other = await listed(world, center, audiences=4, batch=number), await listed(world, center, audiences=15, batch=number, industry="09")
    vague = await listed(world, center, audiences=2, batch=number, industry="any")
    for _again in range(2):
        assert await turn(world) is None
    assert {row["bulk"] for row in await world.seed("SELECT bulk FROM ops.outbox WHERE payload ->> 'template' LIKE 'alert%'")} == {True}
    seen = {who: set(refs_in(await told(world, caller))) for who, caller in (("buyer", buyer), ("fund", fund), ("desk", desk), ("bank", bank))}
    assert seen == {"buyer": {every.ref.hex, of_buyers.ref.hex}, "fund": {every.ref.hex}, "desk": {every.ref.hex, of_desks.ref.hex}, "bank": {every.ref.hex}}
    letters = await told(world, buyer)
    assert [template for template, _params in letters] == ["alert_found"] and letters[0][1]["count"] == 2 and letters[0][1]["name"] == "Castings"
    everything = msgspec.json.encode(letters).decode()
    assert not [word for one in (before, every, of_buyers, other, vague) for word in one.secrets if word in everything]


async def test_a_search_may_ask_for_what_is_too_coarse_to_say(world):
    center, buyer = await world.intermediary(), await world.acquirer()
    await saves(buyer, match="possible", filters={"place": ["JP-27"]})
    number = await a_batch(world)
    vague, elsewhere = await listed(world, center, audiences=2, batch=number), await listed(world, center, audiences=2, batch=number, place="JP-13")
    await turn(world)
    found = refs_in(await told(world, buyer))
    assert vague.ref.hex in found and elsewhere.ref.hex not in found


async def test_digests_gather_by_member_in_the_morning_without_what_came_down(world):
    center, buyer = await world.intermediary(), await world.acquirer()
    colleague = await world.member(buyer.organisation_id, "acquirer")
    mine = [await saves(buyer, frequency, name=f"Mine {frequency}") for frequency in ("daily", "daily", "weekly")]
    mine.append(await saves(buyer, "daily", name="Elsewhere", filters={"industry": ["09"]}))
    await saves(colleague, "daily")
    number = await a_batch(world)
    stays, goes = await listed(world, center, audiences=2, batch=number), await listed(world, center, audiences=2, batch=number)
    await turn(world)
    assert await told(world, buyer, colleague) == [], "not before the morning"
    await world.seed("UPDATE vault.publication SET state = 'taken_down' WHERE ref = $1", goes.ref)
    morning = last_mornings(datetime.now(UTC) + TOMORROW)[0]
    for _again in range(2):
        await turn(world, morning + timedelta(minutes=1))
    letters = await told(world, buyer)
    daily = [params for template, params in letters if template == "alert_digest" and any("Mine daily" in line for line in params["lines"])]
    assert len(daily) == 1 and daily[0]["lines"].count("Mine daily (1)") == 2 and set(refs_in(letters)) == {stays.ref.hex}
    about = await world.seed("SELECT saved_search_ids FROM vault.unsubscribe_link WHERE token_hash = sha256($1)",
                             daily[0]["unsubscribe_link"].rpartition("/")[2].encode())
    assert set(map(str, about[0][0])) == set(mine[:2]), "both that are in the letter, and not the one that found nothing"
    assert len(await told(world, colleague)) == 1
    for _again in range(2):
        await turn(world, morning + timedelta(days=8))
    weekly = [params for _template, params in await told(world, buyer) if any("Mine weekly" in line for line in params["lines"])]
    assert len(weekly) == 1 and len(await told(world, colleague)) == 1


async def test_standing_and_exclusions_are_asked_when_it_is_sent(world):
    center, fallen, gone, excluded = await world.intermediary(), await world.acquirer(), await world.acquirer(), await world.acquirer()
    for caller in (fallen, gone, excluded):
        await saves(caller)
    found = await listed(world, center, audiences=2, batch=await a_batch(world))
    await world.overrule("UPDATE vault.organisation SET status = 'suspended' WHERE id = $1", fallen.organisation_id)
    await world.seed("UPDATE vault.member SET status = 'left' WHERE id = $1", gone.member_id)
    await world.seed("INSERT INTO vault.exclusion (listing_id, kind, value) VALUES ($1, 'organisation', $2)", found.listing_id,
                     str(excluded.organisation_id))
    await turn(world)
    assert await told(world, fallen, gone, excluded) == []
    await world.overrule("UPDATE vault.organisation SET status = 'verified' WHERE id = $1", fallen.organisation_id)
    await turn(world)
    assert await told(world, fallen) == [], "what was missed is not told later"


async def test_two_workers_at_once_tell_once(world, monkeypatch):
    center, buyers = await world.intermediary(), [await world.acquirer() for _n in range(4)]
    for buyer in buyers:
        await saves(buyer)
    await listed(world, center, audiences=2, batch=await a_batch(world))
    await asyncio.gather(*(turn(world) for _worker in range(3)))
    assert [len(await told(world, buyer)) for buyer in buyers] == [1] * 4


async def test_whoever_is_killed_leaves_the_rest_and_nothing_is_told_twice(world, monkeypatch):
    monkeypatch.setattr(alerts, "MEMBERS_AT_ONCE", 2)
    center, buyers = await world.intermediary(), [await world.acquirer() for _n in range(6)]
    for buyer in buyers:
        await saves(buyer)
    await listed(world, center, audiences=2, batch=await a_batch(world))
    assert await turn(world) is AGAIN
    killed = await asyncpg.connect(as_role(world.database_url, "succession_worker"))
    await killed.execute("BEGIN")
    await alert(killed, world.app.state.settings, datetime.now(UTC))
    killed.terminate()  # everything written, nothing committed
    counts = [len(await told(world, buyer)) for buyer in buyers]
    assert sorted(counts) == [0, 0, 0, 0, 1, 1]
    while await turn(world) is AGAIN:
        pass
    assert [len(await told(world, buyer)) for buyer in buyers] == [1] * 6


async def test_the_constraint_refuses_what_was_told_whatever_the_note_says(world):
    center, buyer = await world.intermediary(), await world.acquirer()
    search = await saves(buyer)
    number = await a_batch(world)
    await listed(world, center, audiences=2, batch=number)
    await turn(world)
    await world.seed("UPDATE vault.saved_search SET matched_batch = $2 WHERE id = $1", search, number - 1)
    await turn(world)
    assert len(await told(world, buyer)) == 1
    with pytest.raises(asyncpg.UniqueViolationError, match="alert_once"):
        await world.seed("INSERT INTO vault.alert (saved_search_id, batch, teasers) SELECT saved_search_id, batch, 1 FROM vault.alert WHERE saved_search_id = $1",
                         search)


async def test_hidden_facts_change_no_letter(world):
    center, buyer = await world.intermediary(), await world.acquirer()
    contents = []
    for employees, revenue in ((21, 210_000_000), (49, 990_000_000)):
        await world.seed("DELETE FROM ops.outbox")
        await world.seed("DELETE FROM vault.saved_search WHERE member_id = $1", buyer.member_id)
        await saves(buyer, locale="en")
        found = await listed(world, center, audiences=2, batch=await a_batch(world))
        await world.seed("UPDATE vault.listing_profile SET employees = $2, prefecture = 'JP-27' WHERE listing_id = $1", found.listing_id, employees)
        await world.seed("UPDATE vault.listing_financials SET revenue_yen = $2 WHERE listing_id = $1", found.listing_id, revenue)
        await turn(world)
        params = (await told(world, buyer))[0][1]
        contents.append([line.replace(found.ref.hex, "#") for line in params["lines"]] + [params["count"]])
    assert contents[0] == contents[1]


async def test_a_letter_in_the_readers_language_ends_with_one_click(world):
    center, buyer = await world.intermediary(), await world.acquirer()
    search = await saves(buyer, locale="ja")
    found = await listed(world, center, audiences=2, place="JP-27", batch=await a_batch(world))
    await turn(world)
    link = (await told(world, buyer))[0][1]["unsubscribe_link"]
    await world.deliver()
    path = max(world.app.state.settings.mail_dir.glob("*-alert_found.eml"))
    letter = email.message_from_bytes(path.read_bytes(), policy=default)
    assert letter["List-Unsubscribe"] == f"<{link}>" and letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert letter["Subject"].startswith("保存した検索条件に合う新着案件") and found.ref.hex not in letter["Subject"]
    body = letter.get_content()
    assert "大阪府" in body and f"/v1/teasers/{found.ref.hex}" in body and letter["Content-Language"] == "ja"
    token = link.rpartition("/")[2]
    kept = await world.seed("SELECT token_hash, member_id, cardinality(saved_search_ids) FROM vault.unsubscribe_link WHERE $1 = ANY (saved_search_ids)", search)
    assert [tuple(row) for row in kept] == [(hashlib.sha256(token.encode()).digest(), buyer.member_id, 1)]
    assert not await world.seed("SELECT 1 FROM ops.outbox WHERE payload::text LIKE '%' || $1 || '%'", token), "the secret ends with the delivery"
    assert (await world.client().post(f"/unsubscribe/{token}")).status_code == 200
    await listed(world, center, audiences=2, batch=await a_batch(world))
    await turn(world)
    assert [template for template, _params in await told(world, buyer)].count("alert_found") == 1


async def test_letters_find_what_the_search_finds(world, settings):
    """Two ways to one answer: sets of teasers here, the statement of the market there; for every reader."""
    await market_world.seed_market(world, 300)
    rng, searches = Random(8058), []
    for _n in range(40):
        filters = {name: rng.sample(allowed(name), rng.randint(1, 3)) for name in rng.sample(
            ["place", "industry", "founded", "employees", "revenue", "margin", *OFF_CODEBOOK], rng.randint(0, 3))}
        searches.append(read_search(filters, rng.choice([None, None, "Kansai", "製造業"])))
    worker = await asyncpg.connect(as_role(world.database_url, "succession_worker"))
    teasers = FoundSets(await worker.fetch(alerts._TEASERS, 0, 10**6))
    await worker.close()
    compared = 0
    for search in searches:
        sets = msgspec.convert(msgspec.to_builtins(search.wishes), dict[str, tuple[tuple[str, ...], ...]])
        for role, audiences in (("market_buyer", 3), ("market_desk", 5), ("market_domestic", 9)):
            pool = world.app.state.databases.market(role, None)
            certain = await find_teasers(pool, search, Wanted("newest", 5000, None), ())
            maybe = await find_teasers(pool, search, Wanted(SHARE, 5000, None), ())
            seen = teasers.seen_by(audiences)
            here = {teasers.rows[place]["ref"] for place in places_in(teasers.found(sets, False) & seen, 10**6)}
            here_too = {teasers.rows[place]["ref"] for place in places_in(teasers.found(sets, True) & seen, 10**6)}
            assert here == {row["ref"] for row in certain.rows}
            assert here_too == here | {row["ref"] for row in maybe.rows}
            compared += len(here_too)
    assert compared > 500
