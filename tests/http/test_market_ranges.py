"""Does a range ask for whole published bands, and is every other range refused with the edges named (attack A4)?"""

from random import Random

import pytest
from market_world import seed_market

from succession.codes import ATTRIBUTES, BANDS, leaves
from succession.market.ranges import BOUNDS, edges, read_ranges

FIELDS = ("revenue", "employees", "founded", "margin", "price")


@pytest.fixture(scope="module")
async def market(app, database_url):
    from world import World

    made = World(app, database_url)
    await seed_market(made, 1_000)  # few teasers of a small world tell when a company was founded
    rows = await made.seed("SELECT t.*, " + ", ".join(f"c.{name}" for name in ATTRIBUTES) +
                           " FROM market.teaser t JOIN market.cell c ON c.id = t.cell_id")
    yield made.client(), [row for row in rows if row["audiences"] & 1]
    await made.close()


async def _refs(client, **params):
    body = (await client.get("/v1/teasers", params=params | {"limit": 100})).json()
    return {item["ref"] for item in body["items"]}, body


def _bounds_of(field):
    return next(name for name, b in BOUNDS.items() if b[:2] == (field, True)), next(name for name, b in BOUNDS.items() if b[:2] == (field, False))


@pytest.mark.parametrize("field", FIELDS)
async def test_a_range_finds_exactly_what_its_bands_find(market, field):
    client, rows = market
    lower, upper = _bounds_of(field)
    codes = BANDS[field][0]
    found_any = False
    for first in range(len(codes)):
        for last in range(first, len(codes)):
            params = ({lower: edges(lower)[first - 1]} if first else {}) | ({upper: edges(upper)[last]} if last + 1 < len(codes) else {})
            by_range, body = await _refs(client, **params)
            wanted = codes[first : last + 1]
            if params:
                by_codes, same = await _refs(client, **{field: list(wanted)})
                assert by_range == by_codes
                assert (body["total_certain"], body["total_possible"], body["facets"]) == (
                    same["total_certain"], same["total_possible"], same["facets"])
                expected = sum(leaves(field, row[field]) <= set(wanted) if field != "price" else row[field] in wanted for row in rows)
                assert body["total_certain"] == expected
                found_any = found_any or by_range
    assert found_any, "nothing was ever found: the comparison shows nothing"


@pytest.mark.parametrize("parameter", BOUNDS)
async def test_a_range_that_cuts_through_a_band_is_refused_with_the_edges_named(market, parameter):
    client, _rows = market
    random = Random(parameter)
    allowed = edges(parameter)
    steps = [int(edge) + way * max(1, abs(int(edge)) * percent // 100) for edge in allowed for way in (-1, 1) for percent in (1, 10, 30)]
    tried = {str(step) for step in steps} - set(allowed) | {str(random.randrange(10**9)) for _ in range(5)} - set(allowed)
    for value in [*tried, "", "many", "1e9", "-1", "9" * 19, "２００", "0x10", " 20"]:
        answer = await client.get("/v1/teasers", params={parameter: value})
        assert answer.status_code == 422, value
        [error] = answer.json()["errors"]
        assert error["field"] == parameter
        assert error["allowed"] == list(allowed)
        assert len(value) < 4 or value not in answer.text, "what was tried is not repeated"


@pytest.mark.parametrize("field", FIELDS)
async def test_a_range_that_holds_nothing_is_refused(market, field):
    client, _rows = market
    lower, upper = _bounds_of(field)
    answer = await client.get("/v1/teasers", params={lower: edges(lower)[-1], upper: edges(upper)[-1]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == upper


async def test_a_range_and_a_value_of_one_field_must_both_hold(market):
    client, _rows = market
    both, _body = await _refs(client, revenue="under_200", revenue_from_yen="200000000")
    assert both == set()
    one, _body = await _refs(client, revenue="200_1000", revenue_below_yen="1000000000")
    alone, _body = await _refs(client, revenue="200_1000")
    assert one == alone != set()


async def test_a_cursor_is_bound_to_its_range(market):
    client, _rows = market
    page = (await client.get("/v1/teasers", params={"revenue_below_yen": "1000000000", "limit": 1})).json()
    assert page["next_cursor"]
    other = await client.get("/v1/teasers", params={"cursor": page["next_cursor"], "limit": 1})
    assert other.json()["code"] == "cursor_invalid"


def test_negotiable_lies_in_no_range():
    everything = {code for name in ("price_over_yen", "price_up_to_yen") for edge in edges(name) for code in read_ranges({name: edge})["price"]}
    assert everything == set(BANDS["price"][0])
    assert "negotiable" not in everything
