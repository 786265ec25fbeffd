"""Attacks over time: two teasers of one company, and the moment each appears.

Each attack is a function that says what it learnt, [] when it failed. It is run against the platform as it is, and then
against one that does the tempting thing instead: there it has to learn something, or it proves nothing.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from types import SimpleNamespace

import asyncpg
import numpy as np
import pytest

from attacks.again import BUYERS, down, edited, let_go, listings_of, queued_again, reason_of, state_of
from market_world import COMPANIES, SEED, batch, demo_codebook, demo_world, profile_of_member, put_in_force, put_up
from succession.anonymity import margins
from succession.anonymity.codebook import Codebook, Profile, attributes_of, build
from succession.anonymity.mosaic import Reference, Shown, judge
from succession.anonymity.peeling import UNPLACED
from succession.anonymity.population import Population, eligible
from succession.anonymity.preview import LookAlikes
from succession.anonymity.world import build_world
from succession.codes import ATTRIBUTES, leaves
from succession.config import as_role
from succession.market import exposures, holds
from succession.market.batches import close_batch, close_batch_if_due
from succession.market.codebooks import store_codebook
from succession.market.publication import Earlier, choose_cell, codes_of, next_boundary


# --- a population is refreshed, a codebook replaced: counted company by company ---------------------------------------


class Refreshed:
    """The demo's world and the same world a while later: 5 % of its companies moved, closed or were founded anew."""

    def __init__(self, changed_share: float = 0.05) -> None:
        before, strangers = demo_world(), build_world(COMPANIES, SEED + 1)
        changed = np.random.default_rng(2).random(len(before)) < changed_share
        columns = {name: np.where(changed, strangers.columns[name], values) for name, values in before.columns.items()}
        self.populations = before, Population("a while later", True, columns, before.provenance, identity=before.identity)
        self.books = demo_codebook(), build(self.populations[1], 20, "major_group")
        self.references = {
            book.version: Reference(book, LookAlikes.of(population, book.header.rule))
            for book, population in zip(self.books, self.populations, strict=True)
        }
        rule = self.books[0].header.rule
        hidden_among = [eligible(p, rule) & (p.columns["legal_form"] != margins.SOLE) for p in self.populations]
        self.there = hidden_among[0] & hidden_among[1]
        # [day][codebook] -> the cell of every company
        self.cells = [[book.assign(population) for book in self.books] for population in self.populations]

    def figures(self, day: int, member: int) -> Profile:
        column = {name: values[member] for name, values in self.populations[day].columns.items()}
        return Profile(f"JP-{column['prefecture']:02}", f"{column['jsic2']:02}", int(column["founded"]), int(column["employees"]),
                       int(column["revenue_yen"]), float(column["operating_margin"]))

    def members(self, count: int) -> list[int]:
        """Companies that had a teaser on the first day and could have one on the second; half of them would change their cell."""
        placed = np.flatnonzero(self.there & (self.cells[0][0] != UNPLACED) & (self.cells[1][1] != UNPLACED))
        moved = placed[self.cells[0][0][placed] != self.cells[1][0][placed]]
        rng = Random(3)
        return rng.sample(placed.tolist(), count // 2) + rng.sample(moved.tolist(), count // 2)


@pytest.fixture(scope="module")
def refreshed() -> Refreshed:
    return Refreshed()


def as_we_do(world: Refreshed, member: int, upgraded: bool) -> Shown | None:
    """What the second teaser shows, None when it waits for a person: `choose_cell` and `judge`, as the batch asks them."""
    was, becomes = world.books
    first = was.cells[world.cells[0][0][member]]
    figures = world.figures(1, member)
    place = choose_cell(becomes, figures, Earlier(0, was.version, codes_of(first), readable=not upgraded))
    if place is None:
        return None
    book = was if place.kept else becomes
    cell = book.cell_at(tuple(place.codes[name] for name in ATTRIBUTES))
    new = Shown(book.version, cell.cell, cell.key, (), becomes.version)
    before = Shown(was.version, first.cell, first.key, (), was.version)
    return None if judge([before], [new], world.references, attributes_of(figures)).why else new


def always_anew(world: Refreshed, member: int, upgraded: bool) -> Shown | None:
    """The tempting thing: each publication shows the cell that the codebook of the day gives."""
    cell = world.books[1].cells[world.cells[1][1][member]]
    return Shown(world.books[1].version, cell.cell, cell.key, (), world.books[1].version)


def never_counted(world: Refreshed, member: int, upgraded: bool) -> Shown | None:
    """The next tempting thing: keep the cell while the figures are inside, and never count who else stayed."""
    was, becomes = world.books
    first = was.cells[world.cells[0][0][member]]
    place = choose_cell(becomes, world.figures(1, member), Earlier(0, was.version, codes_of(first)))
    book = was if place and place.kept else becomes
    cell = place and book.cell_at(tuple(place.codes[name] for name in ATTRIBUTES))
    return cell and Shown(book.version, cell.cell, cell.key, (), becomes.version)


def difference_versions(world: Refreshed, platform, upgraded: bool = False) -> list[str]:
    """Whoever holds both registries and both codebooks looks for the companies that show this pair of teasers."""
    learnt = []
    for member in world.members(200):
        second = platform(world, member, upgraded)
        if second is None:
            continue
        first = world.cells[0][0][member]
        book = [each.version for each in world.books].index(second.codebook)
        same = world.there & (world.cells[0][0] == first) & (world.cells[1][book] == second.cell)
        if (left := int(same.sum())) < world.books[0].k:
            learnt.append(f"{left} companies show cells {first} and {second.cell}")
    return learnt


def test_two_teasers_around_a_refresh_of_the_population_leave_k_companies_or_wait(refreshed):
    assert difference_versions(refreshed, as_we_do) == []
    shown = [as_we_do(refreshed, member, False) for member in refreshed.members(200)]
    assert sum(each is not None for each in shown) > 60, "many do not wait"
    assert sum(each is None for each in shown) > 30, "and some have to"


def test_so_do_two_teasers_around_an_upgrade_after_which_the_old_cell_may_not_be_shown(refreshed):
    assert difference_versions(refreshed, as_we_do, upgraded=True) == []


@pytest.mark.parametrize("platform", [always_anew, never_counted])
def test_that_attack_succeeds_against_a_platform_that_does_not_count(refreshed, platform):
    assert len(difference_versions(refreshed, platform)) > 20


def look_for_the_move(world: Refreshed, platform) -> list[str]:
    """A cell that changed was left: of the companies in both preimages only those count that left the old one's codes."""
    learnt = []
    for member in world.members(200):
        first = world.books[0].cells[world.cells[0][0][member]]
        second = platform(world, member, False)
        if second is None or second.codebook == world.books[0].version and second.cell == first.cell:
            continue
        book = [each.version for each in world.books].index(second.codebook)
        pairs = np.flatnonzero(world.there & (world.cells[0][0] == first.cell) & (world.cells[1][book] == second.cell))
        left = sum(_left(first.key, attributes_of(world.figures(1, other))) for other in pairs)
        if left < world.books[0].k:
            learnt.append(f"{left} companies made the move of {member}")
    return learnt


def _left(codes, own) -> bool:
    return any(own[name] not in leaves(name, code) for name, code in zip(ATTRIBUTES, codes, strict=True))


def test_nobody_is_found_by_the_move_from_one_cell_to_another(refreshed):
    assert look_for_the_move(refreshed, as_we_do) == []


def test_but_would_be_if_moves_went_up_unseen(refreshed):
    assert len(look_for_the_move(refreshed, never_counted)) > 20


# --- the same over HTTP -----------------------------------------------------------------------------------------------


@pytest.fixture
async def center(world):
    await put_in_force(world)
    return await world.intermediary("center")


async def test_a_company_whose_figures_moved_is_told_beforehand_waits_and_goes_up_when_two_persons_say_so(world, settings, center):
    raw = profile_of_member(12)
    listing_id, first = await put_up(world, settings, center, raw, BUYERS)
    path = f"/v1/listings/{listing_id}"
    await down(center, path)
    assert (await center.post(f"{path}/teaser-preview")).json()["remark"] is None
    moved = [year | {"revenue_yen": year["revenue_yen"] * 400, "operating_profit_yen": year["operating_profit_yen"] * 400}
             for year in raw["financials"]]
    await edited(center, path, financials=moved)
    preview = (await center.post(f"{path}/teaser-preview")).json()
    assert not preview["kept_cell"] and "made this very move" in preview["remark"]
    second = await queued_again(world, center, path)
    await batch(world, settings)
    assert await state_of(world, second) == "queued" and await reason_of(world, second) == "figures_moved"
    await batch(world, settings)
    assert len(await world.seed("SELECT 1 FROM vault.hold WHERE ref = $1", second)) == 1
    await let_go(world, second)
    await batch(world, settings)
    assert await state_of(world, second) == "published"
    # From here on the second is what counts: coming back with it is nothing new.
    await down(center, path)
    assert (await center.post(f"{path}/teaser-preview")).json()["kept_cell"]
    third = await queued_again(world, center, path)
    await batch(world, settings)
    assert await state_of(world, third) == "published" and await reason_of(world, third) is None


async def test_a_refused_move_comes_down_with_the_next_batch_like_anything_not_permitted(world, settings, center):
    raw = profile_of_member(14)
    listing_id, _first = await put_up(world, settings, center, raw, BUYERS)
    path = f"/v1/listings/{listing_id}"
    await down(center, path)
    await edited(center, path, business={"prefecture": "JP-47" if raw["business"]["prefecture"] != "JP-47" else "JP-01"})
    second = await queued_again(world, center, path)
    await batch(world, settings)
    await world.overrule("UPDATE vault.hold SET decision = 'refuse', words = 'no', decided_by = (SELECT id FROM vault.member LIMIT 1), "
                         "decided_at = now() WHERE ref = $1", second)
    assert (await batch(world, settings)).refused == {second: "not_permitted"}
    assert await state_of(world, second) == "taken_down"


async def test_without_looking_at_todays_figures_the_move_would_go_up(world, settings, center, monkeypatch):
    raw = profile_of_member(15)
    listing_id, _first = await put_up(world, settings, center, raw, BUYERS)
    path = f"/v1/listings/{listing_id}"
    await down(center, path)
    await edited(center, path, business={"prefecture": "JP-47" if raw["business"]["prefecture"] != "JP-47" else "JP-01"})
    second = await queued_again(world, center, path)
    monkeypatch.setattr(holds, "known", lambda rows, own: exposures.NOTHING)
    await batch(world, settings)
    assert await state_of(world, second) == "published"


async def test_listings_that_come_back_after_a_refresh_show_the_same_cell_or_wait(world, settings, center, refreshed):
    """The whole way, with both populations stored: what is up afterwards leaves k of the companies it left before."""
    listed = {}
    for member in refreshed.members(8):
        column = demo_world().columns
        if column["founded"][member] > 2020 or column["legal_form"][member] == margins.SOLE or abs(column["operating_margin"][member]) > 0.5:
            continue
        listing_id, first = await put_up(world, settings, center, profile_of_member(member), BUYERS)
        listed[member] = (f"/v1/listings/{listing_id}", first)
    owner = await asyncpg.connect(world.database_url)
    try:
        await store_codebook(owner, refreshed.populations[1], refreshed.books[1])
        again = {}
        for member, (path, _first) in listed.items():
            await down(center, path)
            again[member] = await queued_again(world, center, path)
        await batch(world, settings)
    finally:
        await store_codebook(owner, demo_world(), demo_codebook())
        await owner.close()
    states = Counter()
    for member, ref in again.items():
        (row,) = await world.seed("SELECT p.state, p.codebook_version, c.number FROM vault.publication p JOIN market.cell c ON c.id = p.cell_id "
                                  "WHERE p.ref = $1", ref)
        cell = refreshed.cells[0][0][member]
        assert (row["codebook_version"], row["number"]) == (demo_codebook().version, cell), "pinned"
        left = int((refreshed.there & (refreshed.cells[0][0] == cell) & (refreshed.cells[1][0] == cell)).sum())
        assert (row["state"] == "published") == (left >= 20), (member, left, row["state"])
        states[row["state"]] += 1
    assert states["published"] and len(listed) >= 3, states


async def test_a_new_vocabulary_changes_no_cell_and_takes_no_phrase_back(world, settings, center):
    """Teasers read the same under every later version (its classes never change), so two versions differ in nothing that counts."""
    from succession.anonymity.vocabulary import vocabulary

    raw = profile_of_member(12, facts=["steady_quality"])
    listing_id, first = await put_up(world, settings, center, raw, BUYERS)
    path, buyer = f"/v1/listings/{listing_id}", await world.acquirer()
    before = (await buyer.get(f"/v1/teasers/{first.hex}")).json()
    await world.overrule("UPDATE vault.publication SET vocabulary_version = $2 WHERE ref = $1", first, "an-older-one")
    await down(center, path)
    second = await queued_again(world, center, path)
    await batch(world, settings)
    after = (await buyer.get(f"/v1/teasers/{second.hex}")).json()
    assert {name for name in before if before[name] != after[name]} == {"ref"}
    assert not vocabulary().phrases["steady_quality"].linkable


async def test_after_new_bands_an_old_cell_is_not_shown_again_and_its_holder_is_told(world, settings, center, monkeypatch):
    from succession.market import derivation

    listing_id, _first = await put_up(world, settings, center, profile_of_member(12), BUYERS)
    path = f"/v1/listings/{listing_id}"
    await down(center, path)
    assert (await center.post(f"{path}/teaser-preview")).json()["kept_cell"]
    newer = dict(derivation.SCHEMES)
    newer["revenue"] = SimpleNamespace(version="another")
    monkeypatch.setattr(derivation, "SCHEMES", newer)
    preview = (await center.post(f"{path}/teaser-preview")).json()
    assert not preview["kept_cell"] and "may not be shown any more" in preview["remark"]


# --- the moment it appears --------------------------------------------------------------------------------------------


async def moments(world, settings, center, meanwhile=None) -> list[str]:
    """What tells a buyer when a teaser was queued, or that one is about to come up, before or finer than its batch."""
    learnt, buyer, desk = [], await world.acquirer(), await world.agency("desk")
    (path,) = await listings_of(world, center, (18,))
    ref = await queued_again(world, center, path, BUYERS, "agency_desk")
    sent = (await world.seed("SELECT coalesce(max(id), 0) AS n FROM ops.outbox"))[0]["n"]
    if meanwhile:
        await meanwhile(ref)
    for who in (buyer, desk):
        if (await who.get(f"/v1/teasers/{ref.hex}")).status_code != 404:
            learnt.append("it can be read before its batch")
    worker = await asyncpg.connect(as_role(world.database_url, "succession_worker"))
    try:
        now = datetime.now(UTC)
        if (early := await close_batch_if_due(worker, settings, now)) and ref in (early.refused or {}):
            learnt.append("refused early")
        if await state_of(world, ref) != "queued":
            learnt.append("it went up before the boundary of the calendar")
        boundary = next_boundary(now, settings.batch_calendar)
        await close_batch(worker, settings, boundary + timedelta(minutes=7), boundary)
    finally:
        await worker.close()
    letters = await world.seed("SELECT payload::text FROM ops.outbox WHERE id > $1", sent)
    learnt += [f"a letter: {json.loads(row[0]).get('template')}" for row in letters]
    answer = await buyer.get(f"/v1/teasers/{ref.hex}")
    if re.search(r"\d{4}-\d\d-\d\d", answer.text) or {"last-modified", "etag"} & set(answer.headers):
        learnt.append("the page carries a day")
    assert (await center.delete(f"{path}/publication")).status_code == 204
    if (await buyer.get(f"/v1/teasers/{ref.hex}")).status_code != 404:
        learnt.append("it is still there after it came down")
    return learnt


async def test_nothing_leaves_before_its_batch_or_tells_a_finer_time_and_coming_down_is_at_once(world, settings, center):
    assert await moments(world, settings, center) == []
    columns = await world.seed("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'market' "
                               "AND data_type IN ('timestamp with time zone', 'timestamp without time zone', 'date')")
    assert columns == [], "the market knows no time"


async def test_a_letter_about_a_queued_teaser_would_be_noticed(world, settings, center):
    async def tell(ref):
        await world.seed("INSERT INTO ops.outbox (topic, payload) VALUES ('mail', '{\"template\": \"saved_search\"}')")

    assert await moments(world, settings, center, tell) == ["a letter: saved_search"]


async def test_all_of_a_batch_went_up_at_one_moment(world, settings, center):
    paths = await listings_of(world, center, (3, 4, 5))
    refs = [await queued_again(world, center, path) for path in paths]
    await batch(world, settings)
    rows = await world.seed("SELECT DISTINCT p.published_at, p.batch, b.closed_at FROM vault.publication p JOIN ops.batch b ON b.number = p.batch "
                            "WHERE p.ref = ANY($1::uuid[])", refs)
    assert len(rows) == 1 and rows[0]["published_at"] == rows[0]["closed_at"]


def test_the_books_of_the_attack_differ(refreshed):
    assert isinstance(refreshed.books[1], Codebook) and refreshed.books[0].version != refreshed.books[1].version
