"""Is it counted how finely buyers ask, and nothing else: no value, nobody, no write by a search?"""

from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import asyncpg
import pytest
from market_world import seed_market

from succession.app import create_app
from succession.jobs import forget_filter_use
from succession.market.filter_log import PUBLIC, SEARCHES, VERIFIED, FilterLog, needs_of, read_asked, today
from succession.market.search import read_search

TEASERS = "/v1/teasers"


@pytest.fixture
async def counted(app, world, monkeypatch):
    """`await counted()`: what the searches of this test left, {(readers, attribute, level): n}."""
    log = FilterLog()
    monkeypatch.setattr(app.state, "filter_log", log, raising=False)
    await world.seed("DELETE FROM ops.filter_use")

    async def read():
        await log.flush(app.state.databases.app)
        rows = await world.seed("SELECT * FROM ops.filter_use")
        assert all(set(dict(row)) == {"day", "readers", "attribute", "level", "searches"} for row in rows)
        assert {row["day"] for row in rows} <= {today()}
        return {(row["readers"], row["attribute"], row["level"]): row["searches"] for row in rows}

    return read


async def _search(caller, **filters):
    answer = await caller.get(TEASERS, params=filters)
    assert answer.status_code == 200, answer.text
    return answer


async def test_a_search_leaves_attribute_and_level_and_no_value(world, counted):
    buyer = await world.acquirer()
    await _search(buyer, place=["JP-29"], industry=["09", "10"], revenue_from_yen="1000000000")
    assert await counted() == {(VERIFIED, SEARCHES, 0): 1, (VERIFIED, "place", 0): 1, (VERIFIED, "industry", 0): 1,
                               (VERIFIED, "revenue", 1): 1}
    other = await world.acquirer()
    await _search(other, place=["JP-13"], industry=["26"], revenue=["over_1000"])  # other values, the same marks
    assert set((await counted()).values()) == {2} and len(await counted()) == 4


async def test_words_are_counted_by_what_they_were_read_as(world, counted):
    buyer = await world.acquirer()
    await _search(buyer, q="kansai manufacturing")
    assert await counted() == {(VERIFIED, SEARCHES, 0): 1, (VERIFIED, "place", 1): 1, (VERIFIED, "industry", 2): 1}
    await _search(buyer, q="Yamaguchi Seisakusho Unknownwords")
    assert (await counted())[VERIFIED, SEARCHES, 0] == 1


async def test_every_verified_reader_is_one_kind_and_everybody_else_the_other(world, http, counted):
    for caller in (await world.acquirer(), await world.agency("desk"), await world.intermediary()):
        await _search(caller, margin=["5_plus"])
    await _search(http, margin=["5_plus"])
    await _search(await world.acquirer(status="pending"), margin=["5_plus"])
    assert await counted() == {(VERIFIED, SEARCHES, 0): 3, (VERIFIED, "margin", 0): 3, (PUBLIC, SEARCHES, 0): 2,
                               (PUBLIC, "margin", 0): 2}


async def test_an_organisation_that_asks_the_same_all_day_counts_once(world, counted):
    buyer = await world.acquirer()
    colleague = await world.member(buyer.organisation_id, "acquirer")
    for caller in (buyer, buyer, colleague):
        await _search(caller, place=["kansai"])
        await _search(caller, place=["kansai"], limit=0)
        await _search(caller, place=["kansai"], match="possible", sort=[])
    await _search(buyer, place=["kanto"])
    assert (await counted())[VERIFIED, "place", 1] == 2


async def test_what_asks_for_nothing_or_is_refused_leaves_nothing(world, counted):
    buyer = await world.acquirer()
    await _search(buyer)
    await _search(buyer, price=["50_100"], timing=["flexible"])
    await _search(buyer, place=["kansai"], q="hokkaido")
    await _search(buyer, employees=["under_50", "50_plus"])
    for refused in ({"place": ["Nara"]}, {"place": ["kansai"], "cursor": "no"}, {"industry": ["0911"]}, {"name": "x"}):
        assert (await buyer.get(TEASERS, params=refused)).status_code in (400, 422)
    assert await counted() == {}


async def test_only_the_first_page_of_a_list_counts(app, world, counted):
    await seed_market(world, 60)
    first, second = await world.acquirer(), await world.acquirer()
    page = (await _search(first, revenue=["under_200"], limit=1)).json()
    assert page["next_cursor"]
    app.state.filter_log._seen.clear()  # as in another process, which answers the second page
    await _search(first, revenue=["under_200"], limit=1, cursor=page["next_cursor"])
    await _search(second, revenue=["under_200"])
    assert (await counted())[VERIFIED, "revenue", 0] == 2


async def test_a_search_writes_nothing_itself(world, counted):
    buyer = await world.acquirer()
    before = await world.seed("SELECT count(*) FROM ops.filter_use")
    await _search(buyer, place=["JP-29"])
    assert (await world.seed("SELECT count(*) FROM ops.filter_use")) == before
    assert len(await counted()) == 2


@pytest.mark.parametrize("error", [asyncpg.ConnectionDoesNotExistError, asyncpg.InternalClientError])
async def test_counts_that_cannot_be_added_wait_and_no_value_reaches_the_log(error, caplog):
    class Away:
        async def execute(self, *_arguments):
            raise error("gone: JP-29")

    class There:
        got = ()

        async def execute(self, *arguments):
            self.got = arguments

    buyer = SimpleNamespace(verified=True, kind="acquirer", agency_role=None, organisation_id="x")
    log, there = FilterLog(), There()
    log.note(read_search({"place": ["JP-29"]}, None), buyer, date(2026, 6, 1))
    assert await log.flush(Away()) == 0
    assert "JP-29" not in caplog.text and "wait" in caplog.text
    log.note(read_search({"place": ["JP-29"]}, None), buyer, date(2026, 6, 2))  # the next day it counts again
    log.note(read_search({"place": ["JP-29"]}, None), buyer, date(2026, 6, 2))
    assert await log.flush(there) == 2
    assert there.got[1:] == ([VERIFIED, VERIFIED], ["place", SEARCHES], [0, 0], [2, 2])
    assert await log.flush(there) == 0


async def test_a_process_that_stops_adds_what_it_has(settings, world):
    await world.seed("DELETE FROM ops.filter_use")
    stopping = create_app(settings)
    async with stopping.lifespan():
        buyer = SimpleNamespace(verified=True, kind="acquirer", agency_role=None, organisation_id="x")
        stopping.state.filter_log.note(read_search({"margin": ["loss"]}, None), buyer, today())
        assert await world.seed("SELECT FROM ops.filter_use") == []
    assert {row["attribute"] for row in await world.seed("SELECT * FROM ops.filter_use")} == {"margin", SEARCHES}


async def test_what_is_remembered_of_a_day_has_an_end_and_is_no_hash_of_the_search(monkeypatch):
    monkeypatch.setattr("succession.market.filter_log.REMEMBERED_MOST", 3)
    first, second = FilterLog(), FilterLog()
    for number in range(1, 10):
        buyer = SimpleNamespace(verified=True, kind="acquirer", agency_role=None, organisation_id=number)
        for log in (first, second):
            log.note(read_search({"place": ["JP-29"]}, None), buyer, date(2026, 6, 1))
    assert len(first._seen) == 3 and first._counts[VERIFIED, "place", 0] == 3
    assert not first._seen & second._seen


def test_a_wish_is_what_all_parts_of_a_search_leave_of_it():
    assert needs_of(read_search({"place": ["JP-26", "kansai"], "margin": ["0_5", "5_plus"]}, None)) == {"place": 1, "margin": 0}
    assert needs_of(read_search({"place": ["kansai"]}, "kyoto")) == {"place": 0}
    assert needs_of(read_search({"place": ["JP-13"]}, "kyoto")) == {}


# ---------------------------------------------------------------- who may


async def test_nobody_who_serves_requests_can_read_or_change_the_counts(as_database_role, world):
    await world.seed("INSERT INTO ops.filter_use VALUES (ops.today(), 'verified', 'place', 0, 7) ON CONFLICT DO NOTHING")
    for role in ("succession_app", "market_public", "market_buyer", "market_desk", "market_domestic"):
        connection = await as_database_role(role)
        for statement in ("SELECT * FROM ops.filter_use", "DELETE FROM ops.filter_use", "UPDATE ops.filter_use SET searches = 1",
                          "INSERT INTO ops.filter_use VALUES (ops.today(), 'public', 'place', 1, 1)"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    for role in ("market_public", "market_buyer", "market_desk", "market_domestic", "succession_worker"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await (await as_database_role(role)).execute("SELECT ops.add_filter_use('{public}', '{place}', '{0}', '{1}')")
    worker = await as_database_role("succession_worker")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await worker.fetch("SELECT searches FROM ops.filter_use")


async def test_the_application_adds_levels_and_nothing_that_tells_more(as_database_role, world):
    app = await as_database_role("succession_app")
    add = "SELECT ops.add_filter_use($1::text[], $2::text[], $3::smallint[], $4::bigint[])"
    await world.seed("DELETE FROM ops.filter_use")
    for _ in range(2):
        await app.execute(add, ["public", "verified"], ["place", "search"], [3, 0], [2, 5])
    found = {(r["readers"], r["attribute"]): r["searches"] for r in await world.seed("SELECT * FROM ops.filter_use")}
    assert found == {("public", "place"): 4, ("verified", "search"): 10}
    for readers, attribute, level, count in (("acme", "place", 0, 1), ("public", "JP-29", 0, 1), ("public", "place", 29, 1),
                                             ("public", "search", 1, 1), ("public", "place", 0, -1)):
        with pytest.raises(asyncpg.CheckViolationError):
            await app.execute(add, [readers], [attribute], [level], [count])


async def test_the_worker_forgets_what_is_older_than_a_year_and_nothing_else(as_database_role, world, settings):
    await world.seed("DELETE FROM ops.filter_use")
    for age in (401, 399, 0):
        await world.seed("INSERT INTO ops.filter_use VALUES ($1, 'public', 'place', 0, 9)", today() - timedelta(days=age))
    await forget_filter_use(await as_database_role("succession_worker"), settings)
    left = {(today() - row["day"]).days for row in await world.seed("SELECT day FROM ops.filter_use")}
    assert left == {399, 0}


async def test_reading_sums_days_of_the_readers_asked_for(as_database_role, world):
    await world.seed("DELETE FROM ops.filter_use")
    for age, readers, attribute, level, n in ((0, "verified", "search", 0, 30), (1, "verified", "search", 0, 20),
                                              (1, "verified", "place", 1, 15), (0, "verified", "place", 1, 2),
                                              (0, "public", "search", 0, 900), (40, "verified", "search", 0, 500)):
        await world.seed("INSERT INTO ops.filter_use VALUES ($1, $2, $3, $4, $5)", today() - timedelta(days=age), readers,
                         attribute, level, n)
    owner = await as_database_role("owner")
    asked = await read_asked(owner, 30)
    assert (asked.searches, asked.days, asked.needs["place"], asked.needs["margin"]) == (50, 2, (0, 17, 0, 0), (0, 0))
    assert (await read_asked(owner, 30, (PUBLIC, VERIFIED))).searches == 950
    assert (await read_asked(owner, 100)).searches == 550


def test_the_table_of_marks_names_no_person_and_no_value():
    text = (Path(__file__).parents[2] / "db/migrations/0014_filter_use.sql").read_text()
    columns = text.split("CREATE TABLE ops.filter_use (")[1].split(");")[0]
    assert [line.split()[0] for line in columns.strip().splitlines()][:5] == ["day", "readers", "attribute", "level", "searches"]
    assert " date " in columns and "timestamp" not in columns and "uuid" not in columns and "jsonb" not in columns
