"""Attacks on one company at two intermediaries: by the second of them, by a buyer who meets it twice or is told a name.

As in test_time.py each is run against the platform as it is, where it learns nothing, and against a leaky one.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import zip_longest
from random import Random
from uuid import UUID

import asyncpg
import numpy as np
from sqlalchemy import event

from attacks.again import BUYERS, let_go, listings_of, queued_again, reason_of, state_of
from market_world import batch, demo_codebook, demo_world, entered, mandated, owner_approves, profile_of_member, put_in_force, put_up
from succession.anonymity import margins
from succession.anonymity.mosaic import Reference, Shown, judge
from succession.anonymity.preview import LookAlikes
from succession.codes import ATTRIBUTES
from succession.config import as_role
from succession.market import batches, holds
from succession.market.batches import close_batch


# --- one company, two intermediaries ----------------------------------------------------------------------------------


@contextmanager
def statements(app):
    """Every statement the API sends to the database, by either way in, in order."""
    seen: list[str] = []
    raw, engine = asyncpg.connection.Connection._execute, app.state.databases.engine.sync_engine

    def noting(self, query, *args, **options):
        seen.append(" ".join(query.split()))
        return raw(self, query, *args, **options)

    def before(_connection, _cursor, statement, *_rest):
        seen.append(" ".join(statement.split()))

    asyncpg.connection.Connection._execute = noting
    event.listen(engine, "before_cursor_execute", before)
    try:
        yield seen
    finally:
        asyncpg.connection.Connection._execute = raw
        event.remove(engine, "before_cursor_execute", before)


async def walk_in(world, settings, raw) -> tuple[list[str], list[str], UUID]:
    """All that the second intermediary sees until its teaser waits, and every statement on the way; its own ids blanked."""
    bank, told = await world.intermediary("bank"), []
    with statements(world.app) as seen:
        answers = [await bank.post("/v1/listings", raw)]
        listing_id = UUID(answers[0].json()["id"])
        path = f"/v1/listings/{listing_id}"
    await mandated(world, listing_id, bank.member_id)
    with statements(world.app) as later:
        answers += [await bank.get(path), await bank.post(f"{path}/teaser-preview"), await bank.get(f"{path}/publication-readiness")]
        answers.append(await bank.post(f"{path}/teaser-proposals", {"audiences": [BUYERS]}))
        proposal = answers[-1].json()["id"]
    await owner_approves(world, proposal, BUYERS)
    with statements(world.app) as last:
        answers += [await bank.post(f"{path}/publication"), await bank.get("/v1/listings")]
    await batch(world, settings)
    with statements(world.app) as afterwards:
        answers += [await bank.get(path), await bank.get("/v1/disclosure-requests"), await bank.get("/v1/introductions")]
    blank = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z?(\+00:00)?|[0-9a-f]{64}")
    for answer in answers:
        body = blank.sub("#", answer.text)
        for name in ("name", "name_kana", "name_en", "corporate_number"):
            body = body.replace(raw["identity"][name], name)
        headers = {name: blank.sub("#", value) for name, value in answer.headers.items() if name != "date"}
        told.append(json.dumps([answer.status_code, headers, body]))
    return told, [*seen, *later, *last, *afterwards], listing_id


async def difference_of_seconds(world, settings) -> tuple[list[str], UUID]:
    """The same walk for a company nobody lists and for one that a Center lists with other figures."""
    await walk_in(world, settings, profile_of_member(5))  # what the process reads once and keeps, it has read
    raw = profile_of_member(4)
    told, sent, _listing = await walk_in(world, settings, raw)
    twice = profile_of_member(4)
    first = profile_of_member(40, identity__corporate_number=twice["identity"]["corporate_number"])
    center = await world.intermediary("center")
    await put_up(world, settings, center, first, BUYERS)
    told_twice, sent_twice, listing_id = await walk_in(world, settings, twice)
    learnt = [f"answer {n}" for n, (a, b) in enumerate(zip(told, told_twice, strict=True)) if a != b]
    sent, sent_twice = ([sql for sql in each if re.search(r"\b(vault|market|ops)\.", sql)] for each in (sent, sent_twice))
    assert len(sent) > 40
    learnt += [f"statement {n}: {a}" for n, (a, b) in enumerate(zip_longest(sent, sent_twice)) if a != b]
    return learnt, listing_id


async def test_the_second_intermediary_sees_and_causes_exactly_what_it_would_without_the_first(world, settings):
    await put_in_force(world)
    learnt, listing_id = await difference_of_seconds(world, settings)
    assert learnt == []
    (row,) = await world.seed("SELECT p.state, h.reason, h.candidates FROM vault.publication p JOIN vault.hold h ON h.ref = p.ref "
                              "WHERE p.listing_id = $1", listing_id)
    assert (row["state"], row["reason"]) == ("queued", "same_company"), "it waits, and looks like waiting for its batch"


async def test_a_platform_that_asked_while_it_queues_would_be_seen(world, settings, monkeypatch):
    from succession.market import commands

    publish = commands.publish_listing

    async def curious(tx, listing_id, settings_, now):
        made = await publish(tx, listing_id, settings_, now)
        rows = await world.seed("SELECT 1 FROM vault.company_key a JOIN vault.company_key b ON a.key = b.key AND a.listing_id <> b.listing_id "
                                "WHERE a.listing_id = $1", listing_id)
        return commands.PublicationView(made.ref, "held" if rows else made.state, made.audiences, made.batch_closes_at)

    from succession.market import routes

    monkeypatch.setattr(routes, "publish_listing", curious)
    await put_in_force(world)
    learnt, _listing = await difference_of_seconds(world, settings)
    assert "answer 5" in learnt


async def meet_twice(world, settings) -> list[str]:
    """A buyer who sees two teasers of one company, from two intermediaries that gave other figures."""
    number = profile_of_member(3)["identity"]["corporate_number"]
    cells, buyer = [], await world.acquirer()
    for member in (4, 40):
        holder = await world.intermediary("bank")
        _listing, ref = await put_up(world, settings, holder, profile_of_member(member, identity__corporate_number=number), BUYERS)
        answer = await buyer.get(f"/v1/teasers/{ref.hex}")
        if answer.status_code == 200:
            cells.append(tuple(answer.json()[name] for name in ATTRIBUTES))
    assigned = demo_codebook().assign(demo_world())
    numbers = {demo_codebook().cell_at(key).cell for key in cells}
    both = [cell for cell in assigned if numbers == {cell}] if len(numbers) == 1 else []
    return [] if len(both) >= 20 else [f"{len(both)} companies are in {len(numbers)} cells"]


async def test_two_teasers_of_one_company_are_not_both_up(world, settings):
    await put_in_force(world)
    assert await meet_twice(world, settings) == []


async def test_without_knowing_the_company_again_they_would_be(world, settings, monkeypatch):
    monkeypatch.setattr(holds, "OF_EACH", holds.OF_EACH.replace("FROM unnest", "FROM (SELECT NULL::uuid WHERE false) n, unnest"))
    monkeypatch.setattr(holds, "_SAME", holds._SAME + "AND false")
    await put_in_force(world)
    assert await meet_twice(world, settings) == ["0 companies are in 2 cells"]


async def test_two_teasers_of_one_company_in_one_batch_are_not_both_up(world, settings):
    await put_in_force(world)
    number, refs = profile_of_member(3)["identity"]["corporate_number"], []
    for member in (4, 40):
        holder = await world.intermediary("bank")
        listing_id = await entered(holder, profile_of_member(member, identity__corporate_number=number))
        await mandated(world, listing_id, holder.member_id)
        refs.append(await queued_again(world, holder, f"/v1/listings/{listing_id}"))
    await batch(world, settings)
    assert [await state_of(world, ref) for ref in refs] == ["published", "queued"]


async def test_two_batches_at_once_do_not_each_overlook_the_other(world, settings):
    await put_in_force(world)
    for _turn in range(3):
        number, refs = profile_of_member(3)["identity"]["corporate_number"], []
        for member in (4, 40):
            holder = await world.intermediary("bank")
            listing_id = await entered(holder, profile_of_member(member, identity__corporate_number=number))
            await mandated(world, listing_id, holder.member_id)
            refs.append(await queued_again(world, holder, f"/v1/listings/{listing_id}"))
        # Each batch sees one of the two: as if they had been queued on either side of its boundary.
        await asyncio.gather(*(_batch_of(world, settings, ref) for ref in refs))
        assert sorted([await state_of(world, ref) for ref in refs]) == ["published", "queued"]


async def _batch_of(world, settings, ref):
    worker = await asyncpg.connect(as_role(world.database_url, "succession_worker"))
    try:
        async with worker.transaction():
            rows = await worker.fetch("SELECT listing_id FROM vault.publication WHERE ref = $1", ref)
            await batches._lock(worker, [row["listing_id"] for row in rows])
            held = await holds.held_back(worker, settings, await batches._to_weigh(worker, [ref]))
            if ref not in held:
                number = await worker.fetchval("INSERT INTO ops.batch (closed_at, published) VALUES (now(), 1) RETURNING number")
                await worker.execute(batches._PUBLISH, [ref], number, datetime.now(UTC))
    finally:
        await worker.close()


async def test_some_wait_though_nothing_was_found_and_always_the_same(world, settings):
    """Who is made to wait cannot tell whether somebody else lists the company."""
    await put_in_force(world)
    center, always = await world.intermediary("center"), dataclasses.replace(settings, spot_check_percent=50)
    paths = await listings_of(world, center, (3, 4, 5, 12, 14, 15))
    refs = {path: await queued_again(world, center, path) for path in paths}
    worker = await asyncpg.connect(as_role(world.database_url, "succession_worker"))
    try:
        await close_batch(worker, always, datetime.now(UTC))
        waiting = {path for path, ref in refs.items() if await state_of(world, ref) == "queued"}
        assert {await reason_of(world, refs[path]) for path in waiting} <= {"spot_check"}
        await close_batch(worker, always, datetime.now(UTC))
        assert {path for path, ref in refs.items() if await state_of(world, ref) == "queued"} == waiting, "waiting once more changes nothing"
        for path in waiting:
            await let_go(world, refs[path])
        await close_batch(worker, always, datetime.now(UTC))
        assert not {path for path, ref in refs.items() if await state_of(world, ref) == "queued"}
    finally:
        await worker.close()


# --- everything a buyer was shown, counted by somebody who knows the registry -----------------------------------------


def piece_together(names_told) -> list[str]:
    """A teaser and the prefecture that its Center's name tells, for 60 coarse teasers of the world."""
    book, assigned = demo_codebook(), demo_codebook().assign(demo_world())
    incorporated = demo_world().columns["legal_form"] != margins.SOLE
    reference = {book.version: Reference(book, LookAlikes.of(demo_world(), book.header.rule))}
    coarse = [cell for cell in book.cells if not cell.place.startswith("JP-")]
    learnt = []
    for cell in Random(4).sample(coarse, 60):
        member = int(np.flatnonzero((assigned == cell.cell) & incorporated)[0])
        place = f"JP-{demo_world().columns['prefecture'][member]:02}"
        shown = [Shown(book.version, cell.cell, cell.key, (), book.version)]
        if not names_told(shown, [Shown(None, None, None, (("place", place),), None)], reference):
            continue
        there = demo_world().columns["prefecture"] == int(place[3:])
        if (left := int(((assigned == cell.cell) & there & incorporated).sum())) < book.k:
            learnt.append(f"{left} companies of {place} show this teaser")
    return learnt


def test_a_name_is_not_told_where_it_leaves_too_few(world):
    assert piece_together(lambda shown, new, reference: judge(shown, new, reference).why is None) == []


def test_and_would_leave_them_if_it_always_were(world):
    assert len(piece_together(lambda shown, new, reference: True)) > 20
