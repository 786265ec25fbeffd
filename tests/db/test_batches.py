"""What goes up with a batch and what comes down, seen from the tables: as the worker, who may do no more than that."""

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta
from itertools import product

import asyncpg
import numpy as np
import pytest

import market_world
from market_world import approved, batch, entered, mandated, profile_of_member, put_in_force, put_up, queued
from succession.codes import ATTRIBUTES
from succession.config import as_role
from succession.market.batches import close_batch_if_due, end_publications, flag_figures
from succession.market.publication import batch_boundary, next_boundary


@pytest.fixture
async def center(world):
    await put_in_force(world)
    return await world.intermediary("center")


@pytest.fixture
async def worker(world):
    connection = await asyncpg.connect(as_role(world.database_url, "succession_worker"))
    yield connection
    await connection.close()


async def _waiting(world, center, member=3, *, audiences=("verified_buyers",), **changes):
    raw = profile_of_member(member, **changes)
    listing_id = await entered(center, raw)
    await mandated(world, listing_id, center.member_id)
    proposal = await approved(world, listing_id, raw, *audiences)
    return listing_id, await queued(world, listing_id, proposal)


async def _state(world, ref):
    rows = await world.seed("SELECT p.state, p.take_down_reason, p.batch, l.state AS listing, l.state_reason FROM vault.publication p "
                            "JOIN vault.listing l ON l.id = p.listing_id WHERE p.ref = $1", ref)
    return dict(rows[0])


async def _teaser(world, ref):
    rows = await world.seed("SELECT * FROM market.teaser WHERE ref = $1", ref)
    return dict(rows[0]) if rows else None


async def test_a_batch_puts_up_what_the_owner_approved_and_says_nothing_of_its_listing(world, settings, center):
    listing_id, ref = await _waiting(world, center, facts=["steady_quality", "jobs_kept"])
    assert await _teaser(world, ref) is None
    closed = await batch(world, settings)
    assert closed.published >= 1 and ref not in closed.refused
    teaser = await _teaser(world, ref)
    assert (teaser["batch"], teaser["audiences"], teaser["price"], teaser["price_rank"]) == (closed.number, 2, "negotiable", 99)
    assert teaser["phrases"] == ["jobs_kept", "steady_quality"] and teaser["schemes"] == ["share_transfer"] and teaser["fiscal_year"] == 2025
    assert not any(isinstance(value, datetime) or value == listing_id for value in teaser.values())
    assert (await _state(world, ref))["state"] == "published"
    assert (await batch(world, settings)).number is None, "an empty batch has no number"


async def test_of_two_batches_at_once_each_teaser_goes_up_once(world, settings, center):
    refs = {(await _waiting(world, center, member))[1] for member in (3, 4, 5)}
    first, second = await asyncio.gather(batch(world, settings), batch(world, settings))
    assert first.published + second.published >= 3
    assert {row["ref"] for row in await world.seed("SELECT ref FROM market.teaser")} >= refs


@pytest.mark.parametrize(("break_it", "reason", "suspended"), [
    ("UPDATE vault.mandate SET state = 'ended', ended_on = current_date WHERE listing_id = $1", "mandate_ended", "mandate_ended"),
    ("UPDATE vault.mandate SET ends_on = '2026-01-11' WHERE listing_id = $1", "mandate_ended", "mandate_ended"),
    ("UPDATE vault.audience_consent SET withdrawn_at = now() WHERE listing_id = $1", "consent_expired", "consent_withdrawn"),
    ("UPDATE vault.audience_consent SET expires_at = now() WHERE listing_id = $1 AND audience = 'agency_desk'", "consent_expired",
     "consent_withdrawn"),
])
async def test_a_cause_that_is_gone_keeps_a_teaser_down_and_takes_it_down(world, settings, center, worker, break_it, reason, suspended):
    waiting_listing, waiting = await _waiting(world, center, audiences=("verified_buyers", "agency_desk"))
    up_listing, up = await put_up(world, settings, center, profile_of_member(4), "verified_buyers", "agency_desk")
    # put_up closed a batch: the first is up as well, so queue a third that never was
    queued_listing, never = await _waiting(world, center, 5, audiences=("verified_buyers", "agency_desk"))
    for listing_id in (up_listing, queued_listing):
        await world.overrule(break_it, listing_id)
    assert (await batch(world, settings)).refused == {never: reason}
    assert await _teaser(world, never) is None
    assert await _teaser(world, up) is not None
    assert await end_publications(worker, settings, datetime.now(UTC)) >= 1
    assert await _teaser(world, up) is None and await _teaser(world, waiting) is not None
    for ref in (up, never):
        assert await _state(world, ref) == {"state": "taken_down", "take_down_reason": reason, "listing": "suspended",
                                            "state_reason": suspended, "batch": (await _state(world, ref))["batch"]}
    assert await end_publications(worker, settings, datetime.now(UTC)) == 0


async def test_what_is_not_exactly_what_was_approved_is_not_published(world, settings, center):
    listing_id, ref = await _waiting(world, center)
    owner = await asyncpg.connect(world.database_url)
    await owner.execute("ALTER TABLE vault.teaser_proposal DISABLE TRIGGER proposal_stands")
    try:
        await world.seed("UPDATE vault.teaser_proposal SET canonical = jsonb_set(canonical, '{phrases}', '[\"food_safety_certificate\"]') "
                         "WHERE listing_id = $1", listing_id)
    finally:
        await owner.execute("ALTER TABLE vault.teaser_proposal ENABLE TRIGGER proposal_stands")
        await owner.close()
    assert (await batch(world, settings)).refused == {ref: "not_permitted"}
    assert await _teaser(world, ref) is None


async def test_outside_demo_mode_a_demo_teaser_waits(world, settings, center):
    _listing, ref = await _waiting(world, center)
    real = dataclasses.replace(settings, demo_mode=False)
    assert (await batch(world, real)).published == 0
    assert (await _state(world, ref))["state"] == "queued" and await _teaser(world, ref) is None
    await batch(world, settings)
    assert await _teaser(world, ref) is not None


async def test_by_the_calendar_only_what_was_queued_before_the_boundary_goes_up(world, settings, center, worker):
    await batch(world, settings)
    _listing, ref = await _waiting(world, center)
    now = datetime.now(UTC)
    assert await close_batch_if_due(worker, settings, now) is None
    assert await _teaser(world, ref) is None
    due = next_boundary(now, settings.batch_calendar)
    assert await close_batch_if_due(worker, settings, due - timedelta(seconds=1)) is None
    assert (await close_batch_if_due(worker, settings, due)).published == 1
    assert await _teaser(world, ref) is not None


def test_batches_close_at_three_in_japan_every_monday_or_every_day():
    wednesday = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert batch_boundary(wednesday, "weekly") == datetime(2026, 6, 28, 18, tzinfo=UTC)  # Monday 03:00 in Japan
    assert batch_boundary(wednesday, "daily") == datetime(2026, 6, 30, 18, tzinfo=UTC)
    assert batch_boundary(datetime(2026, 6, 28, 18, tzinfo=UTC), "weekly") == datetime(2026, 6, 28, 18, tzinfo=UTC)
    assert batch_boundary(datetime(2026, 6, 28, 17, 59, tzinfo=UTC), "weekly") == datetime(2026, 6, 21, 18, tzinfo=UTC)


async def test_down_means_gone_whoever_takes_it_down(world, settings, center):
    _listing, ref = await put_up(world, settings, center, profile_of_member(6), "verified_buyers")
    await world.seed("UPDATE vault.publication SET state = 'taken_down', taken_down_at = now() WHERE ref = $1", ref)
    assert await _teaser(world, ref) is None
    for change in ("state = 'published'", "state = 'queued'", "cell_id = cell_id + 1", "audiences = 15"):
        with pytest.raises(asyncpg.PostgresError, match="never comes back"):
            await world.seed(f"UPDATE vault.publication SET {change} WHERE ref = $1", ref)


async def test_the_worker_cannot_publish_what_no_owner_approved(world, settings, center, worker):
    listing_id, ref = await put_up(world, settings, center, profile_of_member(7), "verified_buyers")
    computed = {"newest", "place_down", "revenue_down", "price_down"}
    teaser = {name: value for name, value in (await _teaser(world, ref)).items() if name not in computed}
    columns = ", ".join(teaser)
    values = ", ".join(f"${n}" for n in range(1, len(teaser) + 1))
    insert = f"INSERT INTO market.teaser ({columns}) VALUES ({values})"
    await worker.execute("DELETE FROM market.teaser WHERE ref = $1", ref)
    other = market_world.new_reference()
    for change in ({"ref": other}, {"audiences": 3}, {"price": "up_to_10"}, {"phrases": ["steady_quality"]}, {"fiscal_year": 2024},
                   {"cell_id": teaser["cell_id"] + 1}, {"schemes": ["merger"]}, {"batch": teaser["batch"] + 1}):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await worker.execute(insert, *(teaser | change).values())
    await worker.execute(insert, *teaser.values())  # the same row is allowed: the refusals above had their reason


SEEN_BY = {1: 1, 2: 3, 4: 5, 8: 9}  # reader -> audiences it sees


async def test_bitmaps_follow_the_teasers_for_each_reader(world, settings, center):
    async def marked():
        rows = await world.seed("SELECT reader, field, code, chunk, bits FROM market.bitmap")
        assert all(row["bits"].to_int() for row in rows), "an empty bitmap is no row"
        return {(row["reader"], row["field"], row["code"], 8192 * row["chunk"] + place)
                for row in rows for place in np.flatnonzero(np.unpackbits(np.frombuffer(row["bits"].bytes, dtype=np.uint8))).tolist()}

    async def shown():
        rows = await world.seed("SELECT * FROM market.teaser t JOIN market.cell c ON c.id = t.cell_id")
        single = [("live", lambda row: "")] + [(name, lambda row, name=name: row[name]) for name in (*ATTRIBUTES, "price", "timing")]
        found = {(reader, name, code_of(row), row["slot"]) for row, (reader, mask) in product(rows, SEEN_BY.items())
                 if row["audiences"] & mask for name, code_of in single}
        return found | {(reader, name, code, row["slot"]) for row, (reader, mask) in product(rows, SEEN_BY.items())
                        if row["audiences"] & mask for name, column in (("scheme", "schemes"), ("phrase", "phrases")) for code in row[column]}

    before = await marked()
    assert before == await shown()
    refs = [(await put_up(world, settings, center, profile_of_member(8, facts=["small_lots", "quick_decisions"]), *audiences))[1]
            for audiences in (("public",), ("verified_buyers",), ("agency_desk", "domestic_institutions"))]
    assert await marked() == await shown() != before
    for ref in refs:
        await world.seed("UPDATE vault.publication SET state = 'taken_down' WHERE ref = $1", ref)
    assert await marked() == await shown() == before


async def test_a_teaser_is_frozen_and_figures_that_leave_it_flag_the_listing(world, settings, center, worker):
    listing_id, ref = await put_up(world, settings, center, profile_of_member(9), "verified_buyers")
    shown = await _teaser(world, ref)

    async def flags():
        await flag_figures(worker, settings, datetime(2026, 12, 1, tzinfo=UTC))
        return (await world.seed("SELECT flags FROM vault.listing WHERE id = $1", listing_id))[0]["flags"]

    assert await flags() == []
    version = (await center.get(f"/v1/listings/{listing_id}")).headers["etag"]
    answer = await center.patch(f"/v1/listings/{listing_id}", {"business": {"employees": 290, "prefecture": "JP-47"}},
                                headers={"If-Match": version})
    assert answer.status_code == 200
    assert await flags() == ["figures_outside_band"] and await _teaser(world, ref) == shown
    await world.seed("DELETE FROM vault.listing_financials WHERE listing_id = $1 AND period_end > '2024-12-31'", listing_id)
    assert await flags() == ["figures_old", "figures_outside_band"]
    await world.seed("UPDATE vault.publication SET state = 'taken_down' WHERE ref = $1", ref)
    assert await flags() == []
