"""When two want the same listing at once, does exactly one win, and is nothing half done?"""

from __future__ import annotations

import asyncio

from listing_scene import approved, entered, form_of, is_up, last_token, mandate, prepared, proposed, published
from sheets import HEADINGS, company, csv_text
from world import ORIGIN


async def test_two_commits_of_one_import_enter_every_row_once(world):
    center = await world.intermediary()
    data = csv_text(HEADINGS, *(company(place) for place in range(100, 160))).encode()
    found = (await center.client.post("/v1/listing-imports", files={"file": ("a.csv", data)})).json()
    answers = await asyncio.gather(*(center.post(f"/v1/listing-imports/{found['id']}/commit") for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert all(answer.json() == answers[0].json() for answer in answers)
    rows = await world.seed("SELECT import_row, count(*) FROM vault.listing WHERE import_id = $1::text::uuid GROUP BY 1", found["id"])
    assert len(rows) == 60 and {row["count"] for row in rows} == {1}
    audit = await world.seed("SELECT count(*) FROM vault.audit_event WHERE action = 'import.committed' AND object_id = $1", found["id"])
    assert audit[0][0] == 1


async def test_a_company_entered_by_hand_during_the_commit_never_leaves_half_an_import(world):
    center = await world.intermediary()
    rows = [company(place) for place in range(200, 230)]
    data = csv_text(HEADINGS, *rows).encode()
    found = (await center.client.post("/v1/listing-imports", files={"file": ("b.csv", data)})).json()
    by_hand = {"identity": {"corporate_number": rows[25][3]}}
    commit, hand = await asyncio.gather(center.post(f"/v1/listing-imports/{found['id']}/commit"), center.post("/v1/listings", by_hand))
    assert (commit.status_code, hand.status_code) in ((200, 201), (200, 409), (409, 201))
    imported = (await world.seed("SELECT count(*) FROM vault.listing WHERE import_id = $1::text::uuid", found["id"]))[0][0]
    now = (await center.get(f"/v1/listing-imports/{found['id']}")).json()
    assert (now["state"], now["rows_done"], imported) in (("committed", 30, 30), ("committed", 30, 29), ("read", 0, 0))
    held = await world.seed("SELECT count(*) FROM vault.listing_identity WHERE intermediary_id = $1 AND corporate_number = $2",
                            center.organisation_id, rows[25][3])
    assert held[0][0] == 1


async def test_of_two_mandates_at_once_one_is_active(world):
    center = await world.intermediary()
    listing = await entered(center)
    answers = await asyncio.gather(*(center.post(f"{listing.path}/mandate", mandate()) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "mandate_active"}
    rows = await world.seed("SELECT count(*) FROM vault.mandate WHERE listing_id = $1", listing.id)
    assert rows[0][0] == 1 and (await center.get(listing.path)).json()["state"] == "mandated"


async def test_an_owner_who_presses_twice_decides_once(world):
    listing = await prepared(world, await world.intermediary())
    await proposed(world, listing)
    token, browser = await last_token(world, listing), world.client(Origin=ORIGIN)
    html = (await browser.get(f"/owner/{token}")).text
    yes, no = form_of(html, decision="approved", read="yes", box=["public"]), form_of(html, decision="refused")
    await browser.post(f"/owner/{token}", data=yes)
    yes["code"] = await world.owner_code(listing.email)
    answers = await asyncio.gather(*(browser.post(f"/owner/{token}", data=form) for form in (yes, no, yes, no)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses.count(200) == 1 and set(statuses) <= {200, 409, 410, 422}
    told = await world.letters(organisation=listing.holder.organisation_id)
    assert [letter["template"] for letter in told] == ["owner_decided"]


async def test_a_withdrawal_and_a_publication_at_once_never_leave_a_teaser_without_consent(world, as_database_role):
    for _ in range(3):
        listing = await prepared(world, await world.intermediary())
        proposal = await approved(world, listing, ("agency_desk",))
        token, browser = await last_token(world, listing), world.client(Origin=ORIGIN)
        form = form_of((await browser.get(f"/owner/{token}")).text, decision="withdrawn_all")
        outcome = await asyncio.gather(browser.post(f"/owner/{token}", data=form), published(world, listing, proposal, "agency_desk"),
                                       return_exceptions=True)
        assert outcome[0].status_code == 200
        up = await world.seed("SELECT count(*) FROM vault.publication p JOIN vault.audience_consent c ON c.proposal_id = p.proposal_id "
                              "WHERE p.listing_id = $1 AND p.state <> 'taken_down'", listing.id)
        assert up[0][0] == 0
        if not isinstance(outcome[1], Exception):  # it went up first, then came down
            assert not await is_up(world, outcome[1])


async def test_an_exclusion_and_a_public_teaser_at_once_never_both_stand(world):
    for _ in range(3):
        center = await world.intermediary()
        listing = await prepared(world, center)
        proposal = await approved(world, listing, ("public",))
        outcome = await asyncio.gather(center.post(f"{listing.path}/exclusions", {"kind": "country", "value": "DE"}),
                                       published(world, listing, proposal, "public"), return_exceptions=True)
        excluded, up = outcome[0].status_code == 201, not isinstance(outcome[1], Exception)
        assert excluded != up, outcome


async def test_the_end_of_a_mandate_and_a_publication_at_once_never_leave_a_teaser_without_mandate(world):
    for _ in range(3):
        center = await world.intermediary()
        listing = await prepared(world, center)
        proposal = await approved(world, listing, ("agency_desk",))
        ended, ref = await asyncio.gather(center.post(f"{listing.path}/mandate/end"), published(world, listing, proposal, "agency_desk"),
                                          return_exceptions=True)
        assert ended.status_code == 200, ended.text
        assert isinstance(ref, Exception) or not await is_up(world, ref)
