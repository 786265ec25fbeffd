"""What a seller is told before anything is published: why no more is shown, what less could be, and how often one may ask."""

import msgspec
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
    teaser_of,
)

from succession.codes import ATTRIBUTES, ancestors, label, leaves
from succession.market import looks


@pytest.fixture
async def center(world):
    await put_in_force(world)
    return await world.intermediary("center")


def _member() -> int:
    """A company of the demo world whose teaser names its region, not its prefecture, and something of its trade."""
    book, world = demo_codebook(), demo_world()
    assigned = book.assign(world)
    return next(m for m in range(12, 3_000) if assigned[m] >= 0 and world.columns["founded"][m] < 2020
                and book.nodes[book.cells[assigned[m]].node][0] == 1 and book.cells[assigned[m]].industry != "any")


@pytest.fixture
async def listing(world, center):
    """(path, raw profile) of a listing whose teaser names a region, because the prefecture would tell too much."""
    raw = profile_of_member(_member())
    listing_id = await entered(center, raw)
    await mandated(world, listing_id, center.member_id)
    return f"/v1/listings/{listing_id}", raw


async def _edited(center, path, **blocks):
    version = (await center.get(path)).headers["etag"]
    answer = await center.patch(path, blocks, headers={"If-Match": version})
    assert answer.status_code == 200, answer.text


async def _looks(world, path):
    rows = await world.seed("SELECT * FROM vault.preview WHERE listing_id = ($1::text)::uuid ORDER BY id", path.rpartition("/")[2])
    return [dict(row) for row in rows]


# --- why ------------------------------------------------------------------------------------------------------------


async def test_it_names_what_is_shown_what_would_be_finer_and_how_many_match(center, listing):
    path, raw = listing
    own = raw["business"]["prefecture"]
    for locale, words in (("en", "is shown, because"), ("ja", "")):
        answer = await center.post(f"{path}/teaser-preview", headers={"Accept-Language": locale})
        place = next(fact for fact in answer.json()["facts"] if fact["attribute"] == "place")
        assert place["own"] == own and place["shown"] in ancestors("place", own)
        assert label("place", own, locale) in place["reason"] and label("place", place["shown"], locale) in place["reason"]
        assert words in place["reason"] and "{" not in place["reason"]
        assert place["look_alikes"] is None or (place["look_alikes"] >= 3 and str(place["look_alikes"]) in place["reason"])


async def test_a_count_of_one_or_two_companies_is_never_told(world, center):
    """Such a count is the company and its neighbour: official statistics hide it, and so does the preview."""
    seen, told = set(), 0
    assigned = demo_codebook().assign(demo_world())
    for member in [m for m in range(12, 900, 29) if assigned[m] >= 0][:25]:
        listing_id = await entered(center, profile_of_member(member))
        await mandated(world, listing_id, center.member_id)
        await world.seed("DELETE FROM vault.preview")
        for fact in (await center.post(f"/v1/listings/{listing_id}/teaser-preview")).json()["facts"]:
            if fact["coarsened"]:
                seen.add(fact["look_alikes"])
                told += "fewer than 3" in fact["reason"]
                assert (fact["look_alikes"] is None) == ("fewer than 3" in fact["reason"])
    assert not seen & {0, 1, 2} and told and len(seen) > 3


# --- what less could be shown ---------------------------------------------------------------------------------------


async def test_it_offers_every_coarser_code_in_both_languages_and_shows_the_one_that_was_asked_for(center, listing):
    path, raw = listing
    plain = (await center.post(f"{path}/teaser-preview")).json()
    shown = {fact["attribute"]: fact["shown"] for fact in plain["facts"]}
    for each in plain["alternatives"]:
        assert each["shown"] == shown[each["attribute"]] and leaves(each["attribute"], each["shown"]) < leaves(each["attribute"], each["code"])
        assert (each["ja"], each["en"]) == tuple(label(each["attribute"], each["code"], locale) for locale in ("ja", "en"))
        assert each["could_show"] >= plain["could_show"] >= plain["shared_by"] >= 20
    assert {each["attribute"] for each in plain["alternatives"]} >= {"place", "industry"}

    wanted = next(each for each in plain["alternatives"] if each["attribute"] == "place")
    blurred = (await center.post(f"{path}/teaser-preview", {"coarser": {"place": wanted["code"]}})).json()
    place = next(fact for fact in blurred["facts"] if fact["attribute"] == "place")
    assert place["shown"] == wanted["code"] and "you chose" in place["reason"] and place["look_alikes"] is None
    assert {f["attribute"]: f["shown"] for f in blurred["facts"] if f["attribute"] != "place"} == {
        name: code for name, code in shown.items() if name != "place"}
    assert blurred["could_show"] == wanted["could_show"] and blurred["shared_by"] == plain["shared_by"]
    assert wanted["ja"] in blurred["ja"]["title"] + str(blurred["ja"]["facts"]) and blurred["ja"] != plain["ja"]
    assert blurred["alternatives"] == plain["alternatives"], "what may be chosen does not depend on what was"


@pytest.mark.parametrize("finer", ["own", "elsewhere", "unknown"])
async def test_a_code_that_is_not_coarser_is_refused_with_those_that_are(center, listing, finer):
    path, raw = listing
    own = raw["business"]["prefecture"]
    code = {"own": own, "elsewhere": next(c for c in ("kansai", "kanto") if c not in ancestors("place", own)), "unknown": "nara"}[finer]
    for step, body in (("teaser-preview", {}), ("teaser-proposals", {"audiences": ["verified_buyers"]})):
        answer = await center.post(f"{path}/{step}", body | {"coarser": {"place": code}})
        assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "coarser.place"
        assert set(answer.json()["errors"][0]["allowed"]) <= set(ancestors("place", own)) - {own}


async def test_what_was_chosen_is_approved_published_and_kept_when_it_is_listed_again(world, settings, center, listing):
    path, raw = listing
    cell = teaser_of(raw).cell
    coarser = {"industry": ancestors("industry", cell.industry)[-1], "place": ancestors("place", cell.place)[-1]}
    for again in (False, True):
        body = {"audiences": ["public"]} | ({} if again else {"coarser": coarser})
        proposal = (await center.post(f"{path}/teaser-proposals", body)).json()
        row = (await world.seed("SELECT canonical::text, cell_id FROM vault.teaser_proposal WHERE id = ($1::text)::uuid", proposal["id"]))[0]
        assert all(f'"{name}": "{code}"' in row["canonical"] for name, code in coarser.items())
        await owner_approves(world, proposal["id"], "public")
        answer = await center.post(f"{path}/publication")
        assert answer.status_code == 201, answer.text
        ref = answer.json()["ref"]
        assert ref not in (await batch(world, settings)).refused
        shown = (await world.client().get(f"/v1/teasers/{ref.replace('-', '')}")).json()
        assert {name: shown[name] for name in ATTRIBUTES} == msgspec.to_builtins(cell) | coarser
        found = await world.client().get("/v1/teasers", params={"industry": cell.industry, "limit": 100})
        assert ref.replace("-", "") not in {each["ref"] for each in found.json()["items"]}, "it is not certain any more"
        await center.delete(f"{path}/publication")
        await center.delete(f"{path}/suspension")
    rows = await world.seed("SELECT s.parent, s.size, c.size AS of_cell, p.cell_id FROM vault.publication p JOIN market.cell s ON s.id = p.cell_id "
                            "JOIN market.cell c ON c.codebook_version = s.codebook_version AND c.number = s.parent "
                            "WHERE p.listing_id = ($1::text)::uuid", path.rpartition("/")[2])
    assert len(rows) == 2 and rows[0] == rows[1] and rows[0]["size"] == rows[0]["of_cell"], "one label, made once"
    cleared = (await center.post(f"{path}/teaser-preview", {"coarser": {}})).json()
    assert {f["attribute"]: f["shown"] for f in cleared["facts"]}["industry"] == cell.industry, "saying more again is no secret"


# --- who may ask, and how often -------------------------------------------------------------------------------------


async def test_a_claim_that_nobody_else_has_seen_is_not_enough(world, center):
    raw = profile_of_member(12)
    path = f"/v1/listings/{await entered(center, raw)}"
    for step, body in (("mandate", {"kind": "center_support", "signed_on": "2026-04-01", "term_months": 36}), ("preparation", {})):
        assert (await center.post(f"{path}/{step}", body)).status_code in (200, 201)
    asked = (("teaser-preview", {}), ("teaser-proposals", {"audiences": ["verified_buyers"]}))
    for step, body in asked:
        assert (await center.post(f"{path}/{step}", body)).json()["code"] == "mandate_unconfirmed"
    assert not await _looks(world, path), "nothing was looked at"
    assert (await center.post(f"{path}/mandate/confirmation")).json()["code"] == "second_confirmation_needed"
    colleague = await world.member(center.organisation_id, "intermediary")
    assert (await colleague.post(f"{path}/mandate/confirmation")).status_code == 200
    assert (await center.post(f"{path}/teaser-preview")).status_code == 200
    # The same listing, rewritten to be about another company, has a mandate of nobody.
    other = profile_of_member(12)["identity"]
    await _edited(center, path, identity={"name": other["name"], "corporate_number": other["corporate_number"]})
    for step, body in asked:
        assert (await center.post(f"{path}/{step}", body)).json()["code"] == "mandate_unconfirmed"
    assert (await colleague.post(f"{path}/mandate/confirmation")).status_code == 200
    assert (await center.post(f"{path}/teaser-preview")).status_code == 200


async def test_a_refusal_costs_what_an_answer_costs(world, center):
    """A proposal that finds no cell says something about the company's neighbours, however it ends."""
    raw = profile_of_member(12, business__employees=5_000)
    path = f"/v1/listings/{await entered(center, raw)}"
    await mandated(world, path.rpartition("/")[2], center.member_id)
    for people in range(looks.FIGURES_PER_LISTING_A_DAY):
        await _edited(center, path, business={"employees": 5_000 + people})
        answer = await center.post(f"{path}/teaser-proposals", {"audiences": ["verified_buyers"]})
        assert answer.json()["code"] == "not_anonymous"
    await _edited(center, path, business={"employees": 10})
    for step, body in (("teaser-preview", {}), ("teaser-proposals", {"audiences": ["verified_buyers"]})):
        assert (await center.post(f"{path}/{step}", body)).json()["code"] == "preview_quota"
    kept = await _looks(world, path)
    assert len(kept) == looks.FIGURES_PER_LISTING_A_DAY and {row["member_id"] for row in kept} == {center.member_id}
    audited = await world.seed("SELECT count(*) AS n FROM vault.audit_event WHERE action = 'teaser.looked_at' AND object_id = $1",
                               path.rpartition("/")[2])
    assert audited[0]["n"] == len(kept)


async def test_members_and_listings_of_one_firm_do_not_multiply_its_looks(world, center, listing):
    path, raw = listing
    colleague = await world.member(center.organisation_id, "intermediary")
    for people in range(looks.FIGURES_PER_LISTING_A_DAY):
        await _edited(center, path, business={"employees": 10 + people})
        who = (center, colleague)[people % 2]
        assert (await who.post(f"{path}/teaser-preview")).status_code == 200
    await _edited(center, path, business={"employees": 30})
    assert (await colleague.post(f"{path}/teaser-preview")).json()["code"] == "preview_quota"
    # The same company in another listing: what was looked at within a month counts there as well.
    company = (await _looks(world, path))[0]["company"]
    assert company == raw["identity"]["corporate_number"]
    await world.seed("UPDATE vault.preview SET at = at - interval '2 days' WHERE company = $1", company)
    assert (await colleague.post(f"{path}/teaser-preview")).status_code == 200
    for spent in range(looks.FIGURES_PER_COMPANY_A_MONTH):
        await world.seed("INSERT INTO vault.preview (listing_id, member_id, at, facts_hash) VALUES (($1::text)::uuid, $2, now() - interval '3 days', $3)",
                         path.rpartition("/")[2], center.member_id, bytes([spent]))
    answer = await center.post(f"{path}/teaser-preview")
    assert answer.json()["code"] == "preview_quota" and int(answer.headers["retry-after"]) == looks.MONTH.total_seconds()


async def test_a_firm_has_so_many_looks_a_day(world, center, listing):
    path, _raw = listing
    others = [await world.member(center.organisation_id, "intermediary") for _ in range(2)]
    await world.seed("INSERT INTO vault.preview (listing_id, member_id, facts_hash) SELECT ($1::text)::uuid, $2, '\\x00' "
                     "FROM generate_series(1, $3)", path.rpartition("/")[2], others[0].member_id, looks.LOOKS_PER_ORGANISATION_A_DAY - 1)
    assert (await others[1].post(f"{path}/teaser-preview")).status_code == 200
    assert (await center.post(f"{path}/teaser-preview")).json()["code"] == "preview_quota"


async def test_what_another_firm_looked_at_is_not_counted_and_does_not_show(world, center, listing):
    """Two intermediaries of one company: a refusal would tell the second that there is a first."""
    path, raw = listing
    bank = await world.intermediary("bank")
    same = profile_of_member(12)
    same["identity"]["corporate_number"] = raw["identity"]["corporate_number"]
    theirs = f"/v1/listings/{await entered(bank, same)}"
    await mandated(world, theirs.rpartition("/")[2], bank.member_id)
    for people in range(looks.FIGURES_PER_LISTING_A_DAY + 1):
        await _edited(bank, theirs, business={"employees": 10 + people})
        await bank.post(f"{theirs}/teaser-preview")
    assert (await center.post(f"{path}/teaser-preview")).status_code == 200


async def test_a_preview_needs_no_body_and_takes_no_unknown_field(center, listing):
    path, _raw = listing
    assert (await center.client.post(f"{path}/teaser-preview")).status_code == 200
    for body in ({"finer": {}}, {"coarser": {"municipality": "any"}}, {"coarser": {"place": 3}}, {"coarser": []}):
        assert (await center.post(f"{path}/teaser-preview", body)).status_code == 422, body


async def test_a_replayed_proposal_costs_nothing(world, center, listing):
    path, _raw = listing
    for _ in range(3):
        answer = await center.post(f"{path}/teaser-proposals", {"audiences": ["verified_buyers"]}, headers={"Idempotency-Key": "look-once"})
        assert answer.status_code == 201
    assert len(await _looks(world, path)) == 1

