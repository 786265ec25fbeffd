"""Attacks over time: two versions of a teaser, two intermediaries of one company, and the moment it appears.

Each attack is a function that says what it learnt, [] when it failed. It is run against the platform as it is, and then
against one that does the tempting thing instead: there it has to learn something, or it proves nothing.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import combinations, zip_longest
from random import Random
from types import SimpleNamespace
from uuid import UUID

import asyncpg
import numpy as np
import pytest
from sqlalchemy import event

from market_world import (
    COMPANIES,
    SEED,
    batch,
    demo_codebook,
    demo_world,
    entered,
    mandated,
    owner_approves,
    profile_of_member,
    put_in_force,
    put_up,
)
from succession.anonymity import margins
from succession.anonymity.codebook import Codebook, Profile, attributes_of, build
from succession.anonymity.mosaic import Reference, Shown, judge
from succession.anonymity.peeling import UNPLACED
from succession.anonymity.population import Population, eligible
from succession.anonymity.preview import LookAlikes
from succession.anonymity.world import build_world
from succession.codes import ATTRIBUTES, leaves
from succession.config import as_role
from succession.disclosure.commands import requests
from succession.market import batches, exposures, holds
from succession.market.batches import close_batch, close_batch_if_due
from succession.market.codebooks import store_codebook
from succession.market.publication import Earlier, choose_cell, codes_of, next_boundary

BUYERS = "verified_buyers"


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


async def _down(center, path):
    assert (await center.delete(f"{path}/publication")).status_code == 204
    assert (await center.delete(f"{path}/suspension")).status_code == 200


async def _queued_again(world, center, path, *audiences) -> UUID:
    proposed = await center.post(f"{path}/teaser-proposals", {"audiences": list(audiences or (BUYERS,))})
    assert proposed.status_code == 201, proposed.text
    await owner_approves(world, proposed.json()["id"], *(audiences or (BUYERS,)))
    queued = await center.post(f"{path}/publication")
    assert queued.status_code == 201, queued.text
    return UUID(queued.json()["ref"])


async def _edited(center, path, **blocks):
    version = (await center.get(path)).headers["etag"]
    answer = await center.patch(path, blocks, headers={"If-Match": version})
    assert answer.status_code == 200, answer.text


async def _state(world, ref):
    return (await world.seed("SELECT state FROM vault.publication WHERE ref = $1", ref))[0]["state"]


async def _reason(world, ref):
    rows = await world.seed("SELECT reason FROM vault.hold WHERE ref = $1", ref)
    return rows[0]["reason"] if rows else None


async def _let_go(world, ref):
    """Two persons of the operator, seeded."""
    operator = await world.operator()
    other = await world.member(operator.organisation_id, "operator", role="reviewer")
    await world.overrule("UPDATE vault.hold SET decision = 'release', words = 'seen', decided_by = $2, decided_at = now(), confirmed_by = $3, "
                         "confirmed_at = now() WHERE ref = $1", ref, operator.member_id, other.member_id)


async def test_a_company_whose_figures_moved_is_told_beforehand_waits_and_goes_up_when_two_persons_say_so(world, settings, center):
    raw = profile_of_member(12)
    listing_id, first = await put_up(world, settings, center, raw, BUYERS)
    path = f"/v1/listings/{listing_id}"
    await _down(center, path)
    assert (await center.post(f"{path}/teaser-preview")).json()["remark"] is None
    moved = [year | {"revenue_yen": year["revenue_yen"] * 400, "operating_profit_yen": year["operating_profit_yen"] * 400}
             for year in raw["financials"]]
    await _edited(center, path, financials=moved)
    preview = (await center.post(f"{path}/teaser-preview")).json()
    assert not preview["kept_cell"] and "made this very move" in preview["remark"]
    second = await _queued_again(world, center, path)
    await batch(world, settings)
    assert await _state(world, second) == "queued" and await _reason(world, second) == "figures_moved"
    await batch(world, settings)
    assert len(await world.seed("SELECT 1 FROM vault.hold WHERE ref = $1", second)) == 1
    await _let_go(world, second)
    await batch(world, settings)
    assert await _state(world, second) == "published"
    # From here on the second is what counts: coming back with it is nothing new.
    await _down(center, path)
    assert (await center.post(f"{path}/teaser-preview")).json()["kept_cell"]
    third = await _queued_again(world, center, path)
    await batch(world, settings)
    assert await _state(world, third) == "published" and await _reason(world, third) is None


async def test_a_refused_move_comes_down_with_the_next_batch_like_anything_not_permitted(world, settings, center):
    raw = profile_of_member(14)
    listing_id, _first = await put_up(world, settings, center, raw, BUYERS)
    path = f"/v1/listings/{listing_id}"
    await _down(center, path)
    await _edited(center, path, business={"prefecture": "JP-47" if raw["business"]["prefecture"] != "JP-47" else "JP-01"})
    second = await _queued_again(world, center, path)
    await batch(world, settings)
    await world.overrule("UPDATE vault.hold SET decision = 'refuse', words = 'no', decided_by = (SELECT id FROM vault.member LIMIT 1), "
                         "decided_at = now() WHERE ref = $1", second)
    assert (await batch(world, settings)).refused == {second: "not_permitted"}
    assert await _state(world, second) == "taken_down"


async def test_without_looking_at_todays_figures_the_move_would_go_up(world, settings, center, monkeypatch):
    raw = profile_of_member(15)
    listing_id, _first = await put_up(world, settings, center, raw, BUYERS)
    path = f"/v1/listings/{listing_id}"
    await _down(center, path)
    await _edited(center, path, business={"prefecture": "JP-47" if raw["business"]["prefecture"] != "JP-47" else "JP-01"})
    second = await _queued_again(world, center, path)
    monkeypatch.setattr(holds, "known", lambda rows, own: exposures.NOTHING)
    await batch(world, settings)
    assert await _state(world, second) == "published"


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
            await _down(center, path)
            again[member] = await _queued_again(world, center, path)
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
    await _down(center, path)
    second = await _queued_again(world, center, path)
    await batch(world, settings)
    after = (await buyer.get(f"/v1/teasers/{second.hex}")).json()
    assert {name for name in before if before[name] != after[name]} == {"ref"}
    assert not vocabulary().phrases["steady_quality"].linkable


async def test_after_new_bands_an_old_cell_is_not_shown_again_and_its_holder_is_told(world, settings, center, monkeypatch):
    from succession.market import derivation

    listing_id, _first = await put_up(world, settings, center, profile_of_member(12), BUYERS)
    path = f"/v1/listings/{listing_id}"
    await _down(center, path)
    assert (await center.post(f"{path}/teaser-preview")).json()["kept_cell"]
    newer = dict(derivation.SCHEMES)
    newer["revenue"] = SimpleNamespace(version="another")
    monkeypatch.setattr(derivation, "SCHEMES", newer)
    preview = (await center.post(f"{path}/teaser-preview")).json()
    assert not preview["kept_cell"] and "may not be shown any more" in preview["remark"]


# --- linking what came down to what went up ---------------------------------------------------------------------------


async def _round(world, settings, center, paths, first):
    """Everything public of these listings after they went up in one batch: reference and place in the list."""
    refs = {}
    for path in paths:
        if not first:
            await _down(center, path)
        refs[path] = await _queued_again(world, center, path)
    await batch(world, settings)
    reader = await world.acquirer()
    order, answers = [], {}
    page = (await reader.get("/v1/teasers", params={"limit": 100})).json()["items"]
    by_ref = {item["ref"]: item for item in page}
    for item in page:
        order.append(item["ref"])
    for path, ref in refs.items():
        answer = await reader.get(f"/v1/teasers/{ref.hex}")
        assert answer.status_code == 200, answer.text
        answers[path] = (ref.hex, answer, order.index(ref.hex) if ref.hex in by_ref else None)
    slots = await world.seed("SELECT ref, slot, shuffle FROM market.teaser WHERE ref = ANY($1::uuid[])", list(refs.values()))
    return refs, answers, {row["ref"]: (row["slot"], row["shuffle"]) for row in slots}


def link(paths, one, two) -> list[str]:
    """What of two rounds tells which teaser of the second is which of the first, besides what their facts make equal."""
    learnt = []
    for path in paths:
        (ref, answer, _place), (ref_again, again, _place_again) = one[1][path], two[1][path]
        if ref == ref_again or _alike(ref, ref_again):
            learnt.append(f"{ref} and {ref_again}")
        learnt += [f"header {name}" for name in ("etag", "last-modified", "age") if name in answer.headers or name in again.headers]
        if any(key in again.text for key in ("listing", "batch", "slot", "shuffle", ref)):
            learnt.append("a field that is no fact")
    for position, what in ((0, "slots"), (1, "shuffles")):
        ranks = [[made[2][made[0][path]][position] for path in paths] for made in (one, two)]
        if _agreement(*ranks) > 0.9:
            learnt.append(f"the order of {what} is the same twice")
    return learnt


def _alike(one: str, other: str) -> bool:
    return one[:8] == other[:8] or one[-8:] == other[-8:] or abs(int(one, 16) - int(other, 16)) < 2**64


def _agreement(one: list[int], other: list[int]) -> float:
    """Kendall's tau of two rankings."""
    pairs = list(combinations(range(len(one)), 2))
    return sum(1 if (one[a] < one[b]) == (other[a] < other[b]) else -1 for a, b in pairs) / len(pairs)


async def _listings(world, center, members) -> list[str]:
    paths = []
    for member in members:
        listing_id = await entered(center, profile_of_member(member))
        await mandated(world, listing_id, center.member_id)
        paths.append(f"/v1/listings/{listing_id}")
    return paths


async def test_nothing_but_its_facts_links_a_teaser_to_the_one_that_came_down(world, settings, center):
    paths = await _listings(world, center, (3, 4, 5, 12, 14, 15, 18, 20))
    one = await _round(world, settings, center, paths, first=True)
    two = await _round(world, settings, center, paths, first=False)
    assert link(paths, one, two) == []


async def test_an_order_made_from_the_listing_would_link_them(world, settings, center, monkeypatch):
    owners, held_back = {}, batches.held_back

    async def remember(connection, settings_, queue):
        owners.update({one.ref: one.listing_id for one in queue})
        return await held_back(connection, settings_, queue)

    monkeypatch.setattr(batches, "held_back", remember)
    monkeypatch.setattr(batches, "_shuffle", lambda settings_, ref, number: owners[ref].int >> 66)
    paths = await _listings(world, center, (3, 4, 5, 12, 14, 15))
    one = await _round(world, settings, center, paths, first=True)
    two = await _round(world, settings, center, paths, first=False)
    assert "the order of shuffles is the same twice" in link(paths, one, two)
    assert "the order of slots is the same twice" in link(paths, one, two)


async def ask_for_both(world, settings, center, path, end) -> list[str]:
    """A buyer who asked about a teaser asks about the one that goes up next: is it treated otherwise than a stranger?"""
    buyer, stranger = await world.acquirer(), await world.acquirer()
    first = await _queued_again(world, center, path)
    await batch(world, settings)
    asked = await buyer.post("/v1/disclosure-requests", {"teaser_ref": first.hex, "purpose": "Growth"})
    assert asked.status_code == 201, asked.text
    if end:
        refused = await center.post(f"/v1/disclosure-requests/{asked.json()['id']}/screening",
                                    {"decision": "refused", "reason": "no_fit", "explanation": "not now"})
        assert refused.status_code in (201, 422), refused.text
        if refused.status_code == 422:
            reason = refused.json()["errors"][0]["allowed"] or ["other"]
            await center.post(f"/v1/disclosure-requests/{asked.json()['id']}/screening", {"decision": "refused", "reason": reason[0]})
    await _down(center, path)
    second = await _queued_again(world, center, path)
    await batch(world, settings)
    answers = [await who.post("/v1/disclosure-requests", {"teaser_ref": second.hex, "purpose": "Growth"}) for who in (buyer, stranger)]
    learnt = []
    if answers[0].status_code != answers[1].status_code:
        learnt.append(f"{answers[0].status_code} {answers[0].json().get('code')} where a stranger gets {answers[1].status_code}")
    elif answers[0].json()["project_name"] == asked.json()["project_name"]:
        learnt.append("the project has the same name")
    return learnt


@pytest.mark.parametrize("end", [False, True])
async def test_asking_again_does_not_tell_that_a_teaser_was_here_before(world, settings, center, end):
    (path,) = await _listings(world, center, (16,))
    assert await ask_for_both(world, settings, center, path, end) == []


async def test_but_would_if_requests_were_counted_by_listing(world, settings, center, monkeypatch):
    by_listing = str(requests._OPEN).replace("AND teaser_ref = :ref ", "")
    monkeypatch.setattr(requests, "_OPEN", requests.text(by_listing))
    (path,) = await _listings(world, center, (16,))
    assert await ask_for_both(world, settings, center, path, end=False) == ["409 request_exists where a stranger gets 201"]


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
    monkeypatch.setattr(holds, "_SAME", holds._SAME + " AND false")
    await put_in_force(world)
    assert await meet_twice(world, settings) == ["0 companies are in 2 cells"]


async def test_two_teasers_of_one_company_in_one_batch_are_not_both_up(world, settings):
    await put_in_force(world)
    number, refs = profile_of_member(3)["identity"]["corporate_number"], []
    for member in (4, 40):
        holder = await world.intermediary("bank")
        listing_id = await entered(holder, profile_of_member(member, identity__corporate_number=number))
        await mandated(world, listing_id, holder.member_id)
        refs.append(await _queued_again(world, holder, f"/v1/listings/{listing_id}"))
    await batch(world, settings)
    assert [await _state(world, ref) for ref in refs] == ["published", "queued"]


async def test_two_batches_at_once_do_not_each_overlook_the_other(world, settings):
    await put_in_force(world)
    for _turn in range(3):
        number, refs = profile_of_member(3)["identity"]["corporate_number"], []
        for member in (4, 40):
            holder = await world.intermediary("bank")
            listing_id = await entered(holder, profile_of_member(member, identity__corporate_number=number))
            await mandated(world, listing_id, holder.member_id)
            refs.append(await _queued_again(world, holder, f"/v1/listings/{listing_id}"))
        # Each batch sees one of the two: as if they had been queued on either side of its boundary.
        await asyncio.gather(*(_batch_of(world, settings, ref) for ref in refs))
        assert sorted([await _state(world, ref) for ref in refs]) == ["published", "queued"]


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
    paths = await _listings(world, center, (3, 4, 5, 12, 14, 15))
    refs = {path: await _queued_again(world, center, path) for path in paths}
    worker = await asyncpg.connect(as_role(world.database_url, "succession_worker"))
    try:
        await close_batch(worker, always, datetime.now(UTC))
        waiting = {path for path, ref in refs.items() if await _state(world, ref) == "queued"}
        assert {await _reason(world, refs[path]) for path in waiting} <= {"spot_check"}
        await close_batch(worker, always, datetime.now(UTC))
        assert {path for path, ref in refs.items() if await _state(world, ref) == "queued"} == waiting, "waiting once more changes nothing"
        for path in waiting:
            await _let_go(world, refs[path])
        await close_batch(worker, always, datetime.now(UTC))
        assert not {path for path, ref in refs.items() if await _state(world, ref) == "queued"}
    finally:
        await worker.close()


# --- the moment it appears --------------------------------------------------------------------------------------------


async def moments(world, settings, center, meanwhile=None) -> list[str]:
    """What tells a buyer when a teaser was queued, or that one is about to come up, before or finer than its batch."""
    learnt, buyer, desk = [], await world.acquirer(), await world.agency("desk")
    (path,) = await _listings(world, center, (18,))
    ref = await _queued_again(world, center, path, BUYERS, "agency_desk")
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
        if await _state(world, ref) != "queued":
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
    paths = await _listings(world, center, (3, 4, 5))
    refs = [await _queued_again(world, center, path) for path in paths]
    await batch(world, settings)
    rows = await world.seed("SELECT DISTINCT p.published_at, p.batch, b.closed_at FROM vault.publication p JOIN ops.batch b ON b.number = p.batch "
                            "WHERE p.ref = ANY($1::uuid[])", refs)
    assert len(rows) == 1 and rows[0]["published_at"] == rows[0]["closed_at"]


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


def test_the_books_of_the_attack_differ(refreshed):
    assert isinstance(refreshed.books[1], Codebook) and refreshed.books[0].version != refreshed.books[1].version
