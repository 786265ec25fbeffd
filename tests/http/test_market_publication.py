"""From a complete profile to a published teaser and down again, over HTTP."""

import dataclasses

import pytest
from market_world import (
    batch,
    demo_codebook,
    demo_world,
    entered,
    mandated,
    owner_approves,
    profile_of_member,
    put_in_force,
    put_up,
    teaser_of,
)

from succession.anonymity.teaser import canonical_hash, render
from succession.market.looks import FIGURES_PER_LISTING_A_DAY, LOOKS_PER_MEMBER_A_DAY
from succession.market.publication import sheet_text


@pytest.fixture
async def center(world):
    await put_in_force(world)
    return await world.intermediary("center")


@pytest.fixture
async def listing(world, center):
    """(path, raw profile) of a listing that is ready to be proposed."""
    raw = profile_of_member(12, facts=["steady_quality"])
    listing_id = await entered(center, raw)
    await mandated(world, listing_id, center.member_id)
    return f"/v1/listings/{listing_id}", raw


async def _edited(center, path, **blocks):
    version = (await center.get(path)).headers["etag"]
    answer = await center.patch(path, blocks, headers={"If-Match": version})
    assert answer.status_code == 200, answer.text


async def _mails(world):
    return (await world.seed("SELECT count(*) AS n FROM ops.outbox"))[0]["n"]


# --- preview --------------------------------------------------------------------------------------------------------


async def test_the_preview_says_what_was_coarsened_to_what_and_because_of_whom(center, listing):
    path, raw = listing
    answer = await center.post(f"{path}/teaser-preview")
    assert answer.status_code == 200, answer.text
    shown, teaser = answer.json(), teaser_of(raw)
    assert {fact["attribute"]: fact["shown"] for fact in shown["facts"]} == {
        name: getattr(teaser.cell, name) for name in ("place", "industry", "founded", "employees", "revenue", "margin")}
    for fact in shown["facts"]:
        assert fact["coarsened"] == (fact["own"] != fact["shown"]) == (fact["reason"] is not None)
        if fact["coarsened"]:
            assert str(fact["look_alikes"]) in fact["reason"].replace(",", "")
    assert shown["k"] == 20 and shown["shared_by"] >= 20
    assert "estimate" in shown["claim"] and "20" in shown["claim"], "synthesised columns: it says so"
    for locale in ("ja", "en"):
        assert shown[locale]["title"] == render(teaser, locale).title
    assert shown["readiness"]["ready"] and not shown["phrases"] and not shown["kept_cell"]
    assert raw["identity"]["name"] not in answer.text and "架空" not in answer.text


async def test_what_cannot_be_shown_is_explained_and_counted(world, center):
    raw = profile_of_member(12, business__employees=5_000)
    listing_id = await entered(center, raw)
    await mandated(world, listing_id, center.member_id)
    answer = await center.post(f"/v1/listings/{listing_id}/teaser-preview")
    assert answer.status_code == 200
    assert answer.json()["refusal"] and answer.json()["ja"] is None and not answer.json()["facts"] and answer.json()["claim"] is None
    assert (await world.seed("SELECT count(*) AS n FROM vault.preview WHERE listing_id = $1", listing_id))[0]["n"] == 1


async def test_a_phrase_that_could_be_looked_up_is_named_in_the_preview(world, center):
    raw = profile_of_member(12, facts=["food_safety_certificate"])
    listing_id = await entered(center, raw)
    await mandated(world, listing_id, center.member_id)
    shown = (await center.post(f"/v1/listings/{listing_id}/teaser-preview")).json()
    assert shown["ja"] is None and "name clear" in shown["phrases"][0] and "food_safety_certificate" in shown["phrases"][0]
    assert (await center.post(f"/v1/listings/{listing_id}/teaser-proposals", {"audiences": ["public"]})).json()["code"] == "not_publishable"


async def test_a_preview_needs_a_mandate_in_force_and_is_not_counted_without(world, center):
    listing_id = await entered(center, profile_of_member(12))
    path = f"/v1/listings/{listing_id}/teaser-preview"
    assert (await center.post(path)).json()["code"] == "mandate_needed"
    await mandated(world, listing_id, center.member_id, ends_on="2026-01-11")
    assert (await center.post(path)).json()["code"] == "mandate_needed"
    assert not await world.seed("SELECT FROM vault.preview WHERE listing_id = $1", listing_id)


async def test_figures_that_are_missing_are_named(world, center):
    raw = profile_of_member(12, business__prefecture=..., financials=[])
    listing_id = await entered(center, raw)
    await mandated(world, listing_id, center.member_id)
    answer = await center.post(f"/v1/listings/{listing_id}/teaser-preview")
    assert answer.json()["code"] == "not_publishable"
    assert {"business.prefecture", "financials"} <= {error["field"] for error in answer.json()["errors"]}


async def test_moving_figures_step_by_step_runs_out_after_a_few_looks(center, listing):
    path, raw = listing
    looks = f"{path}/teaser-preview"
    for people in range(FIGURES_PER_LISTING_A_DAY):
        await _edited(center, path, business={"employees": 10 + people})
        assert (await center.post(looks)).status_code == 200
        assert (await center.post(looks)).status_code == 200, "the same figures are the same look"
    await _edited(center, path, business={"employees": 99})
    for asked in (looks, f"{path}/teaser-proposals"):
        answer = await center.post(asked, {"audiences": ["verified_buyers"]} if asked != looks else None)
        assert answer.status_code == 429 and answer.json()["code"] == "preview_quota" and answer.headers["retry-after"]
    await _edited(center, path, business={"employees": 10})
    assert (await center.post(looks)).status_code == 200, "an earlier look may be repeated"


async def test_a_member_has_so_many_looks_a_day_whatever_the_listing(world, center, listing):
    path, _raw = listing
    await world.seed("INSERT INTO vault.preview (listing_id, member_id, facts_hash) SELECT ($1::text)::uuid, $2, '\\x00' FROM generate_series(1, $3)",
                     path.rpartition("/")[2], center.member_id, LOOKS_PER_MEMBER_A_DAY - 1)
    assert (await center.post(f"{path}/teaser-preview")).status_code == 200
    assert (await center.post(f"{path}/teaser-preview")).json()["code"] == "preview_quota"
    await world.seed("UPDATE vault.preview SET at = at - interval '25 hours' WHERE member_id = $1", center.member_id)
    assert (await center.post(f"{path}/teaser-preview")).status_code == 200


# --- proposal -------------------------------------------------------------------------------------------------------


async def test_what_is_put_before_the_owner_is_canonical_and_its_japanese_text_is_kept(world, center, listing):
    path, raw = listing
    await center.post(f"{path}/owner-contacts", {"name": "架空 太郎", "email": "owner@fictitious.example"})
    answer = await center.post(f"{path}/teaser-proposals", {"audiences": ["verified_buyers", "agency_desk"]},
                               headers={"Idempotency-Key": "proposal-1"})
    assert answer.status_code == 201, answer.text
    teaser, shown = teaser_of(raw), answer.json()
    assert shown["shown_hash"] == canonical_hash(teaser) and shown["text_ja"] == sheet_text(render(teaser, "ja"))
    assert shown["links_sent"] == 1 and shown["audiences"] == ["verified_buyers", "agency_desk"]
    row = (await world.seed("SELECT * FROM vault.teaser_proposal WHERE id = ($1::text)::uuid", shown["id"]))[0]
    assert row["canonical_hash"].hex() == shown["shown_hash"] and row["decision"] is None and row["audiences"] == 6
    again = await center.post(f"{path}/teaser-proposals", {"audiences": ["verified_buyers", "agency_desk"]},
                              headers={"Idempotency-Key": "proposal-1"})
    assert again.json()["id"] == shown["id"] and again.headers["idempotency-replayed"]


async def test_public_with_exclusions_is_refused_and_nothing_is_sent(world, center, listing):
    path, _raw = listing
    assert (await center.post(f"{path}/exclusions", {"kind": "country", "value": "GB"})).status_code == 201
    before = await _mails(world)
    answer = await center.post(f"{path}/teaser-proposals", {"audiences": ["public", "verified_buyers"]})
    assert answer.json()["code"] == "excluded_never_public" and await _mails(world) == before
    assert (await center.post(f"{path}/teaser-proposals", {"audiences": ["verified_buyers"]})).status_code == 201


async def test_a_draft_with_gaps_names_every_gap(world, center):
    raw = profile_of_member(12, identity__name_kana=..., guarantees=..., terms__timing=...)
    listing_id = await entered(center, raw)
    await mandated(world, listing_id, center.member_id)
    answer = await center.post(f"/v1/listings/{listing_id}/teaser-proposals", {"audiences": ["verified_buyers"]})
    assert answer.status_code == 422
    assert {"identity.name_kana", "guarantees", "terms.timing"} == {error["field"] for error in answer.json()["errors"]}


async def test_nothing_is_proposed_without_an_imported_population_outside_demo_mode(center, listing, app, settings):
    path, _raw = listing
    app.state.settings = dataclasses.replace(settings, demo_mode=False)
    try:
        for step in ("teaser-preview", "teaser-proposals"):
            answer = await center.post(f"{path}/{step}", {"audiences": ["verified_buyers"]} if step == "teaser-proposals" else None)
            assert answer.status_code == 409 and answer.json()["code"] == "population_needed"
    finally:
        app.state.settings = settings


@pytest.mark.parametrize("step", ["teaser-preview", "teaser-proposals", "publication"])
async def test_only_its_intermediary_takes_these_steps(world, http, center, listing, step):
    path, _raw = listing
    body = {"audiences": ["verified_buyers"]} if step == "teaser-proposals" else {}
    before = await _mails(world)
    assert (await http.post(f"{path}/{step}", json=body)).status_code == 401
    for stranger, status in ((await world.intermediary("bank"), 404), (await world.acquirer(), 403), (await world.agency(), 403),
                             (await world.operator(), 403), (await world.intermediary(status="pending"), 403)):
        assert (await stranger.post(f"{path}/{step}", body)).status_code == status
    assert await _mails(world) == before
    assert not await world.seed("SELECT FROM vault.teaser_proposal WHERE listing_id = ($1::text)::uuid", path.rpartition("/")[2])


# --- publication ----------------------------------------------------------------------------------------------------


async def _proposed(center, path, *audiences):
    answer = await center.post(f"{path}/teaser-proposals", {"audiences": list(audiences)})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def test_an_approved_teaser_is_queued_goes_up_with_the_batch_and_comes_down_at_once(world, settings, center, listing):
    path, _raw = listing
    proposal = await _proposed(center, path, "verified_buyers", "agency_desk")
    await owner_approves(world, proposal, "agency_desk")
    answer = await center.post(f"{path}/publication", headers={"Idempotency-Key": "publication-1"})
    assert answer.status_code == 201, answer.text
    queued = answer.json()
    assert queued["state"] == "queued" and queued["audiences"] == ["agency_desk"] and queued["batch_closes_at"]
    assert (await center.get(path)).json()["state"] == "listed"
    assert (await center.post(f"{path}/publication")).json()["code"] == "already_published"
    assert not await world.seed("SELECT FROM market.teaser WHERE ref = ($1::text)::uuid", queued["ref"])
    await batch(world, settings)
    assert (await world.seed("SELECT audiences FROM market.teaser WHERE ref = ($1::text)::uuid", queued["ref"]))[0]["audiences"] == 4
    assert (await center.delete(f"{path}/publication")).status_code == 204
    assert not await world.seed("SELECT FROM market.teaser WHERE ref = ($1::text)::uuid", queued["ref"])
    assert (await center.get(path)).json()["state"] == "suspended"
    assert (await center.delete(f"{path}/publication")).status_code == 404


async def test_without_the_owners_yes_nothing_is_queued(world, center, listing):
    path, _raw = listing
    assert (await center.post(f"{path}/publication")).json()["code"] == "owner_approval_needed"
    proposal = await _proposed(center, path, "verified_buyers")
    assert (await center.post(f"{path}/publication")).json()["code"] == "owner_approval_needed"
    await owner_approves(world, proposal, "verified_buyers")
    await world.seed("UPDATE vault.audience_consent SET withdrawn_at = now() WHERE proposal_id = ($1::text)::uuid", proposal)
    assert (await center.post(f"{path}/publication")).json()["code"] == "owner_approval_needed"
    assert not await world.seed("SELECT FROM vault.publication WHERE listing_id = ($1::text)::uuid", path.rpartition("/")[2])
    assert (await center.get(path)).json()["state"] == "preparing"


async def test_facts_that_changed_after_the_approval_need_a_new_one(world, center, listing):
    path, _raw = listing
    await owner_approves(world, await _proposed(center, path, "verified_buyers"), "verified_buyers")
    await _edited(center, path, facts=["quick_decisions"])
    answer = await center.post(f"{path}/publication")
    assert answer.json()["code"] == "owner_approval_needed" and "changed" in answer.json()["detail"]


async def test_publishing_again_keeps_the_cell_while_the_figures_stay_inside_it(world, settings, center):
    """Two teasers of one company in two cells would leave only those who are in both."""
    raw = profile_of_member(12)
    listing_id, first = await put_up(world, settings, center, raw, "verified_buyers")
    path = f"/v1/listings/{listing_id}"
    cell = (await world.seed("SELECT cell_id FROM vault.publication WHERE ref = $1", first))[0]["cell_id"]
    await center.delete(f"{path}/publication")
    await center.delete(f"{path}/suspension")
    # Another codebook comes into force meanwhile; with a larger k it would place the company elsewhere.
    import asyncpg

    from succession.anonymity.codebook import build
    from succession.market.codebooks import store_codebook

    coarse = build(demo_world(), 2_000, "division")
    owner = await asyncpg.connect(world.database_url)
    try:
        await store_codebook(owner, demo_world(), coarse)
        assert (await center.post(f"{path}/teaser-preview")).json()["kept_cell"]
        await owner_approves(world, await _proposed(center, path, "verified_buyers"), "verified_buyers")
        second = (await center.post(f"{path}/publication")).json()["ref"]
        await batch(world, settings)
        rows = await world.seed("SELECT ref, cell_id, codebook_version FROM vault.publication WHERE listing_id = $1 ORDER BY queued_at", listing_id)
        assert [row["cell_id"] for row in rows] == [cell, cell] and rows[0]["ref"] != rows[1]["ref"] and second
        assert rows[1]["codebook_version"] == demo_codebook().version != coarse.version
        # Figures that have left the cell make it untrue: then, and only then, another one is shown.
        await center.delete(f"{path}/publication")
        await center.delete(f"{path}/suspension")
        await _edited(center, path, business={"prefecture": "JP-47" if raw["business"]["prefecture"] != "JP-47" else "JP-01"})
        preview = (await center.post(f"{path}/teaser-preview")).json()
        assert not preview["kept_cell"] and preview["remark"] and preview["k"] == 2_000
    finally:
        await store_codebook(owner, demo_world(), demo_codebook())
        await owner.close()
