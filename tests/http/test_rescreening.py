"""Is a screening made again before NDA, memorandum and closing, and does a list that changes stop what it should and no more?"""

from __future__ import annotations

from uuid import UUID

import pytest

from world import ORIGIN

from succession.disclosure.rescreening import rescreen

OFFER = {"form": "one_way", "term_months": 24}


@pytest.fixture
async def scene(world):
    operator, published = await world.operator(), await world.published()
    buyer = await world.acquirer(legal_name="Weissbach Industrie AG")
    code = await world.list_of_names(operator, {"name": "Somebody Else Entirely", "kind": "person"})
    yield operator, published, buyer, code
    await world.retire(code)


async def again(world, seller, deal):
    answer = await seller.post(f"/v1/disclosure-requests/{deal}/screening", {"decision": "cleared"})
    assert answer.status_code == 201, answer.text


async def older(world, deal, days):
    await world.overrule("UPDATE vault.screening_run SET ran_at = ran_at - make_interval(days => $2) WHERE deal_id = $1", UUID(deal), days)
    await world.overrule("UPDATE vault.screening SET decided_at = decided_at - make_interval(days => $2), "
                         "expires_at = expires_at - make_interval(days => $2) WHERE deal_id = $1", UUID(deal), days)


async def fresh(seller, deal):
    return (await seller.get(f"/v1/disclosure-requests/{deal}/screening")).json()["fresh"]


async def test_an_nda_rests_on_a_screening_of_the_last_thirty_days(world, scene):
    _operator, published, buyer, _code = scene
    deal = await world.requested(published, buyer)
    await again(world, published.seller, deal)
    await older(world, deal, 29)
    assert await fresh(published.seller, deal)
    await older(world, deal, 2)
    assert not await fresh(published.seller, deal)
    refused = await published.seller.post(f"/v1/disclosure-requests/{deal}/nda", OFFER)
    assert refused.status_code == 409 and refused.json()["code"] == "screening_needed"
    await again(world, published.seller, deal)
    assert (await published.seller.post(f"/v1/disclosure-requests/{deal}/nda", OFFER)).status_code == 201
    occasions = [each["occasion"] for each in (await published.seller.get(f"/v1/disclosure-requests/{deal}/screening")).json()["screenings"]]
    assert occasions == ["nda", "request"]


async def test_a_new_version_or_new_people_ask_for_another_look(world, scene):
    operator, published, buyer, code = scene
    deal = await world.requested(published, buyer)
    await again(world, published.seller, deal)
    assert await fresh(published.seller, deal)
    await world.on_list(operator, code, {"name": "Another Stranger", "kind": "person"})
    assert not await fresh(published.seller, deal)
    await world.run_job(rescreen)
    assert await fresh(published.seller, deal), "nothing new was found: nobody is bothered"
    await buyer.put("/v1/organisations/me/officers", {"officers": [{"name": "Klara Weissbach", "role": "director", "nationality": "DE"}]})
    assert not await fresh(published.seller, deal)
    await world.run_job(rescreen)
    runs = [row["occasion"] for row in await world.seed("SELECT occasion FROM vault.screening_run WHERE deal_id = $1 ORDER BY ran_at", UUID(deal))]
    assert runs == ["request", "list_changed", "parties_changed"] and await fresh(published.seller, deal)
    assert await world.run_job(rescreen) == 0
    assert len(await world.seed("SELECT 1 FROM vault.screening_run WHERE deal_id = $1", UUID(deal))) == 3, "what is not stale is not run again"
    assert [row for row in await world.letters(organisation=published.seller.organisation_id) if row["template"] == "screening_alert"] == []


async def test_a_likeness_found_later_is_a_task_and_reading_goes_on(world, scene):
    operator, published, buyer, code = scene
    deal = await world.released(published, buyer)
    await again(world, published.seller, deal)
    await world.on_list(operator, code, {"name": "Weisbach Industrie", "kind": "organisation"})  # one letter less
    await world.run_job(rescreen)
    (alert,) = (await published.seller.get("/v1/screening-alerts")).json()["items"]
    assert (alert["deal_id"], alert["suspends"], alert["occasion"], alert["candidates"][0]["reason"]) == (deal, False, "list_changed", "one_edit")
    assert [row["template"] for row in await world.letters(organisation=published.seller.organisation_id)][-1] == "screening_alert"
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 200, "a likeness by machine ends nothing"
    assert not await fresh(published.seller, deal)
    await world.run_job(rescreen)
    assert len(await world.seed("SELECT 1 FROM vault.screening_alert WHERE deal_id = $1", UUID(deal))) == 1, "told once"
    for other in (buyer, await world.agency(), await world.operator()):
        assert (await other.get("/v1/screening-alerts")).status_code == 403
    assert (await (await world.intermediary("bank")).get("/v1/screening-alerts")).json()["items"] == []


async def test_the_very_name_on_a_sanctions_list_suspends_reading_until_two_persons_have_looked(world, scene):
    operator, published, buyer, code = scene
    deal, seller = await world.released(published, buyer), published.seller
    path = f"/v1/disclosure-requests/{deal}"
    await world.on_list(operator, code, {"name": "WEISSBACH INDUSTRIE", "kind": "organisation", "country": "PA"})
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 200
    await world.run_job(rescreen)
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 404
    page = (await seller.get(f"{path}/screening")).json()
    assert page["alerts"][0]["suspends"] and not page["fresh"] and (await seller.get(path)).json()["next_step"] == "screen_buyer"
    body = {"decision": "cleared", "findings_read": page["findings"]["fingerprint"], "explanation": "Another company, in Panama."}
    assert (await seller.post(f"{path}/screening", body)).status_code == 201
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 404, "one person is not enough"
    second = await world.member(seller.organisation_id, "intermediary")
    waiting = next(each for each in (await second.get("/v1/screenings")).json()["items"])
    confirmed = await second.post(f"/v1/screenings/{waiting['id']}/confirmation", {"findings_read": waiting["fingerprint"]})
    assert confirmed.status_code == 201, confirmed.text
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 200
    assert (await seller.get("/v1/screening-alerts")).json()["items"] == [] and await fresh(seller, deal)
    # The list rewrites its entry: a new look, but nobody is thrown out for what was decided.
    entry = (await operator.every("/v1/screening-lists/entries", list_code=code))[0]
    assert entry["name"] == "WEISSBACH INDUSTRIE"


async def test_another_lists_exact_name_is_a_task_only(world, scene):
    operator, published, buyer, _code = scene
    deal = await world.released(published, buyer)
    users = await world.list_of_names(operator, {"name": "Weissbach Industrie AG", "kind": "organisation"}, kind="end_user")
    await world.run_job(rescreen)
    (alert,) = (await published.seller.get("/v1/screening-alerts")).json()["items"]
    assert not alert["suspends"] and alert["candidates"][0]["list_kind"] == "end_user"
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 200, "the end-user list is a reference, not an embargo"
    await world.retire(users)


async def test_what_waits_is_overtaken_by_something_new(world, scene):
    operator, published, buyer, code = scene
    seller, second = published.seller, await world.member(published.seller.organisation_id, "intermediary")
    deal = await world.released(published, buyer)
    path = f"/v1/disclosure-requests/{deal}/screening"
    await world.on_list(operator, code, {"name": "Weisbach Industrie", "kind": "organisation"})
    read = (await seller.get(path)).json()["findings"]["fingerprint"]
    assert (await seller.post(path, {"decision": "cleared", "findings_read": read, "explanation": "No"})).status_code == 201
    (waiting,) = (await second.get("/v1/screenings")).json()["items"]
    await world.on_list(operator, code, {"name": "Weissbach Industries", "kind": "organisation"})
    await world.run_job(rescreen)
    stale = await second.post(f"/v1/screenings/{waiting['id']}/confirmation", {"findings_read": waiting["fingerprint"]})
    assert stale.status_code == 409 and stale.json()["code"] == "screening_superseded"


async def test_who_reads_under_the_agreement_is_looked_for_and_a_likeness_stops_that_person_until_two_have_cleared_it(world, scene):
    operator, published, buyer, code = scene
    seller, colleague = published.seller, await world.member(buyer.organisation_id, "acquirer")
    await world.seed("UPDATE vault.member SET name = 'Konrad Erfunden' WHERE id = $1", colleague.member_id)
    deal = await world.released(published, buyer)
    path = f"/v1/disclosure-requests/{deal}/screening"
    await world.on_list(operator, code, {"name": "Konrad Erfunden", "kind": "person"})
    await world.bind(buyer, deal, colleague)
    await world.deliver()

    async def reads(who):
        return (await who.get(f"/v1/dossiers/{deal}")).status_code

    assert (await reads(colleague), await reads(buyer)) == (404, 200), "looked for when named, and stopped alone"
    (alert,) = (await seller.get("/v1/screening-alerts")).json()["items"]
    assert alert["occasion"] in ("list_changed", "parties_changed") and alert["candidates"][0]["party_role"] == "nda_member"
    read = (await seller.get(path)).json()["findings"]["fingerprint"]
    body = {"decision": "cleared", "findings_read": read, "explanation": "Born in another century."}
    assert (await seller.post(path, body)).status_code == 201
    assert (await reads(colleague), await reads(buyer)) == (404, 200), "one person is not enough"
    second = await world.member(seller.organisation_id, "intermediary")
    (waiting,) = (await second.get("/v1/screenings")).json()["items"]
    assert (await second.post(f"/v1/screenings/{waiting['id']}/confirmation", {"findings_read": waiting["fingerprint"]})).status_code == 201
    assert (await reads(colleague), await reads(buyer)) == (200, 200)
    told = [each for each in await world.letters(published.owner_email) if each["template"] == "owner_screening"]
    assert len(told) == 1 and "Weissbach" not in str(told) and published.legal_name not in str(told), "when two had decided, and not before"
    page = (await world.client().get(told[0]["params"]["link"].removeprefix(ORIGIN))).text
    assert "Weissbach Industrie AG" in page and "名前の似た記録が1件" in page and "もう一人の担当" in page and "<form" not in page
    await world.on_list(operator, code, {"name": "Somebody Quite Different", "kind": "person"})
    await world.run_job(rescreen)
    assert await reads(colleague) == 200, "what was cleared stays cleared when the list goes on"
