"""Do agencies see the pipeline, and nobody a company in it?"""

from datetime import UTC, datetime

import asyncpg
import pytest

from succession.config import as_role
from succession.days import day_in_japan
from succession.metrics.closing import _suppressed, close_months
from succession.metrics.definitions import CUBES


async def test_only_agencies_and_the_operator_read_figures(world, http):
    path = "/v1/metrics/funnel?from=2026-01&to=2026-02"
    assert (await http.get(path)).status_code == 401
    for caller in (await world.acquirer(), await world.intermediary()):
        assert (await caller.get(path)).status_code == 403
    for caller in (await world.agency("monitor"), await world.agency("desk"), await world.operator()):
        assert (await caller.get(path)).status_code == 200


async def test_other_shapes_are_refused_with_those_there_are(world):
    agency = await world.agency("monitor")
    refused = await agency.get("/v1/metrics/funnel?from=2026-01&to=2026-02&by=prefecture&by=buyer_country")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "by"
    assert "prefecture+division" in refused.json()["errors"][0]["allowed"]
    assert (await agency.get("/v1/metrics/funnel?from=2026-13&to=2026-02")).status_code == 422
    assert (await agency.get("/v1/metrics/funnel?from=2026-01&to=2026-02&by=municipality")).status_code == 422


async def test_a_closed_month_is_stored_suppressed_and_read_as_json_and_csv(world, database_url, settings):
    cube = next(cube for cube in CUBES if cube.name == "funnel_size")
    rows = [{"sheet": "interested", "prefecture": "JP-13", "jsic_code": "0911", "buyer_country": "GB", "revenue_yen": yen}
            for yen in [10_000_000] * 30 + [300_000_000] * 40 + [2_000_000_000] * 2]
    tables = {(sheet, measure): table for sheet, measure, table in _suppressed(cube, rows)}
    shown = tables["interested", "deals_reaching_stage"].cells
    assert shown["*",] == 72
    assert shown["1000_5000",] is None
    assert sum(value is None for key, value in shown.items()) >= 2  # a second one, or the total gives it away

    worker = await asyncpg.connect(as_role(database_url, "succession_worker"))
    try:
        await close_months(worker, settings)
        assert await close_months(worker, settings) == 0
    finally:
        await worker.close()
    agency = await world.agency("monitor")
    known = (await agency.get("/v1/metrics")).json()
    assert known["months"], "the last closed month"
    last = known["months"][0][:7]
    table = (await agency.get(f"/v1/metrics/funnel?from={last}&to={last}&by=revenue_band")).json()
    assert table["figures"] and all(figure["hidden"] == (figure["value"] is None) for figure in table["figures"])
    as_csv = await agency.get(f"/v1/metrics/funnel?from={last}&to={last}&by=revenue_band&format=csv", headers={"Accept-Language": "ja"})
    assert as_csv.text.startswith("\ufeff") and "売上高" in as_csv.text or "億円" in as_csv.text


async def test_an_open_month_has_no_figures(world):
    agency = await world.agency("monitor")
    this_month = day_in_japan(datetime.now(UTC)).strftime("%Y-%m")  # the evening of a month's last day is the next month there
    assert (await agency.get(f"/v1/metrics/funnel?from={this_month}&to={this_month}")).json()["figures"] == []


@pytest.mark.parametrize("role", ["market_public", "market_desk"])
async def test_audience_roles_read_no_figures(as_database_role, role):
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await (await as_database_role(role)).fetch("SELECT * FROM ops.metric_table")
