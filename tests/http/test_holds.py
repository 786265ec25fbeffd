"""What waits for a person, who decides, and what everybody else is told of it."""

from __future__ import annotations

import json

import pytest

from desk_scene import CELL, listed

# A region in which so few companies of each prefecture show this cell that a prefecture gives too many away.
FEW = {"cell": CELL | {"founded": "1970_1989"}, "companies": 6, "prefecture": "JP-29"}
OFFER = {"form": "one_way", "term_months": 24}


@pytest.fixture
async def operators(world):
    """Two persons of one operator, each signed in."""
    first = await world.operator()
    second = await world.member(first.organisation_id, "operator", role="reviewer")
    return await world.signed_in(first), await world.signed_in(second)


@pytest.fixture
async def screened(world):
    """(published, buyer, path of its request): screened, and a Center about to offer the NDA that names it."""
    published, buyer = await world.published(**FEW), await world.acquirer()
    return published, buyer, await _screened(world, published, buyer)


async def _screened(world, published, buyer) -> str:
    path = f"/v1/disclosure-requests/{await world.requested(published, buyer)}"
    assert (await published.seller.post(f"{path}/screening", {"decision": "cleared"})).status_code == 201
    return path


async def _holds(world, listing_id):
    return [dict(row) for row in await world.seed(
        "SELECT id, step, state, reason, candidates, needed, told_id FROM vault.hold WHERE listing_id = $1 ORDER BY opened_at", listing_id)]


async def _nothing_told(world, published, buyer, path):
    assert await world.seed("SELECT 1 FROM vault.nda WHERE listing_id = $1", published.listing_id) == []
    assert await world.seed("SELECT 1 FROM vault.exposure WHERE listing_id = $1 AND organisation_id IS NOT NULL", published.listing_id) == []
    assert (await buyer.get(path)).json()["intermediary"] is None
    assert "nda_offered" not in {letter["template"] for letter in await world.letters(organisation=buyer.organisation_id)}


async def _decided(operator, hold, decision="release", **more):
    answer = await operator.post(f"/v1/holds/{hold}/decision", {"decision": decision, "words": "Looked at it with a colleague."} | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


# --- a name that would tell too much ----------------------------------------------------------------------------------


async def test_an_nda_that_would_leave_too_few_companies_waits_for_two_persons(world, operators, screened):
    published, buyer, path = screened
    first, second = operators
    answer = await published.seller.post(f"{path}/nda", OFFER)
    assert (answer.status_code, answer.json()["code"]) == (409, "held_for_person")
    assert "A person at the operator looks at it first" in answer.json()["detail"]
    (hold,) = await _holds(world, published.listing_id)
    assert (hold["step"], hold["state"], hold["reason"], hold["candidates"], hold["needed"]) == ("nda", "open", "few_candidates", 6, 20)
    await _nothing_told(world, published, buyer, path)
    assert [each["template"] for each in await world.letters(organisation=first.organisation_id)] == ["hold_opened"]

    again = await published.seller.post(f"{path}/nda", OFFER)
    assert again.json() == answer.json() and len(await _holds(world, published.listing_id)) == 1, "asked once"

    proposed = await _decided(first, hold["id"])
    assert proposed["state"] == "proposed" and proposed["decided_by"]
    assert (await published.seller.post(f"{path}/nda", OFFER)).json()["code"] == "held_for_person", "one person is not enough"
    alone = await first.post(f"/v1/holds/{hold['id']}/confirmation")
    assert (alone.status_code, alone.json()["code"]) == (409, "second_confirmation_needed")
    confirmed = await second.post(f"/v1/holds/{hold['id']}/confirmation")
    assert confirmed.status_code == 200 and confirmed.json()["state"] == "released"
    assert {confirmed.json()["decided_by"], confirmed.json()["confirmed_by"]} == {
        row["name"] for row in await world.seed("SELECT name FROM vault.member WHERE organisation_id = $1", first.organisation_id)}

    told = [letter["template"] for letter in await world.letters(organisation=published.seller.organisation_id)]
    assert told[-1] == "hold_released"
    assert (await published.seller.post(f"{path}/nda", OFFER)).status_code == 201
    assert (await buyer.get(path)).json()["intermediary"]
    late = await first.post(f"/v1/holds/{hold['id']}/decision", {"decision": "refuse", "words": "Too late."})
    assert (late.status_code, late.json()["code"]) == (409, "hold_decided")


async def test_a_refusal_takes_one_person_and_stands(world, operators, screened):
    published, buyer, path = screened
    await published.seller.post(f"{path}/nda", OFFER)
    (hold,) = await _holds(world, published.listing_id)
    assert (await _decided(operators[1], hold["id"], "refuse"))["state"] == "refused"
    answer = await published.seller.post(f"{path}/nda", OFFER)
    assert (answer.status_code, answer.json()["code"]) == (409, "held_for_person")
    assert "has decided" in answer.json()["detail"]
    assert [letter["template"] for letter in await world.letters(organisation=published.seller.organisation_id)][-1] == "hold_refused"
    await _nothing_told(world, published, buyer, path)
    assert len(await _holds(world, published.listing_id)) == 1


async def test_whoever_proposed_can_be_overruled_by_the_second_person(world, operators, screened):
    published, _buyer, path = screened
    await published.seller.post(f"{path}/nda", OFFER)
    (hold,) = await _holds(world, published.listing_id)
    await _decided(operators[0], hold["id"])
    assert (await _decided(operators[1], hold["id"], "refuse"))["state"] == "refused"
    assert (await operators[1].post(f"/v1/holds/{hold['id']}/confirmation")).json()["code"] == "hold_decided"


@pytest.mark.parametrize("every", [False, True])
async def test_a_decision_is_for_one_buyer_unless_it_says_otherwise(world, operators, screened, every):
    published, _buyer, path = screened
    await published.seller.post(f"{path}/nda", OFFER)
    (hold,) = await _holds(world, published.listing_id)
    await _decided(operators[0], hold["id"], for_every_buyer=every)
    assert (await operators[1].post(f"/v1/holds/{hold['id']}/confirmation")).json()["for_every_buyer"] is every
    other = await _screened(world, published, await world.acquirer())
    assert (await published.seller.post(f"{other}/nda", OFFER)).status_code == (201 if every else 409)


async def test_what_one_company_of_a_group_was_told_counts_for_the_others(world, operators, screened):
    """After the first was told the prefecture, telling a sister tells nothing new; telling a stranger does."""
    published, buyer, path = screened
    await published.seller.post(f"{path}/nda", OFFER)
    (hold,) = await _holds(world, published.listing_id)
    await _decided(operators[0], hold["id"])
    await operators[1].post(f"/v1/holds/{hold['id']}/confirmation")
    assert (await published.seller.post(f"{path}/nda", OFFER)).status_code == 201
    await world.seed("UPDATE vault.organisation SET group_name = 'Fictitious Sisters' WHERE id = $1", buyer.organisation_id)
    sister, stranger = await world.acquirer(group_name="FICTITIOUS SISTERS"), await world.acquirer()
    assert (await published.seller.post(f"{await _screened(world, published, sister)}/nda", OFFER)).status_code == 201
    assert (await published.seller.post(f"{await _screened(world, published, stranger)}/nda", OFFER)).status_code == 409


async def test_a_teaser_that_shows_the_prefecture_and_a_name_that_tells_nothing_do_not_wait(world):
    shown = await world.published(cell=CELL | {"place": "JP-29"}, prefecture="JP-29")
    assert (await shown.seller.post(f"{await _screened(world, shown, await world.acquirer())}/nda", OFFER)).status_code == 201
    far = await world.intermediary("registered_institution", registration=json.dumps({"prefecture": "JP-13"}))
    elsewhere = await world.published(far, **FEW)
    assert (await far.post(f"{await _screened(world, elsewhere, await world.acquirer())}/nda", OFFER)).status_code == 201
    assert await _holds(world, shown.listing_id) == await _holds(world, elsewhere.listing_id) == []


async def test_after_the_name_clear_nothing_is_asked_of_this_buyer(world, operators, screened):
    published, buyer, path = screened
    await published.seller.post(f"{path}/nda", OFFER)
    (hold,) = await _holds(world, published.listing_id)
    await world.overrule("INSERT INTO vault.exposure (listing_id, ref, channel, organisation_id, identifies) "
                         "VALUES ($1, $2, 'dossier', $3, true)", published.listing_id, published.ref, buyer.organisation_id)
    await world.overrule("UPDATE vault.hold SET lapsed_at = now() WHERE id = $1", hold["id"])
    assert (await published.seller.post(f"{path}/nda", OFFER)).status_code == 201


async def test_what_cannot_be_counted_waits(world):
    published = await world.published(cell=CELL | {"margin": "any"}, prefecture="JP-29")
    path = await _screened(world, published, await world.acquirer())
    await world.overrule("UPDATE market.codebook SET look_alikes = '' WHERE version = (SELECT codebook_version FROM vault.publication "
                         "WHERE ref = $1)", published.ref)
    answer = await published.seller.post(f"{path}/nda", OFFER)
    assert (answer.status_code, answer.json()["code"]) == (409, "held_for_person")
    (hold,) = await _holds(world, published.listing_id)
    assert (hold["reason"], hold["candidates"]) == ("cannot_count", None)


async def test_accepting_an_introduction_names_the_center_and_waits_as_well(world, operators):
    center, acquirer, desk = await world.intermediary(), await world.acquirer(), await world.agency("desk")
    found = await listed(world, center, audiences=4, founded="1970_1989", place="kansai", margin="any", companies=6)
    brief = await acquirer.post("/v1/briefs", {"desk_id": str(desk.organisation_id), "wishes": {"places": ["kansai"]},
                                               "purpose": "production", "languages": ["en"]})
    made = await desk.post(f"/v1/briefs/{brief.json()['id']}/introductions", {"teaser_ref": found.ref.hex})
    path = f"/v1/introductions/{made.json()['id']}"
    assert (await center.post(f"{path}/acceptance")).json()["code"] == "held_for_person"
    assert (await center.get(path)).json()["state"] == "proposed"
    assert (await acquirer.get("/v1/introductions")).json()["items"] == []
    (hold,) = await _holds(world, found.listing_id)
    assert (hold["step"], hold["told_id"]) == ("introduction", acquirer.organisation_id)
    await _decided(operators[0], hold["id"])
    await operators[1].post(f"/v1/holds/{hold['id']}/confirmation")
    assert (await center.post(f"{path}/acceptance")).status_code == 201


# --- the operator's page ----------------------------------------------------------------------------------------------


async def test_the_operator_reads_what_was_shown_and_never_which_company_it_is(world, operators, screened):
    published, buyer, path = screened
    await published.seller.post(f"{path}/nda", OFFER)
    (hold,) = await _holds(world, published.listing_id)
    page = (await operators[0].get("/v1/holds", params={"state": "open", "limit": 1})).json()
    assert page["items"][0]["id"] == str(hold["id"]) and page["items"][0]["told"]["id"] == str(buyer.organisation_id)
    sheet = await operators[0].get(f"/v1/holds/{hold['id']}", headers={"Accept-Language": "ja"})
    (shown,) = sheet.json()["shown"]
    assert shown["channel"] == "publication" and shown["audiences"] == ["verified_buyers"] and shown["to"] is None
    assert shown["codes"]["place"] == "kansai" and "kansai" not in shown["code_names"]["place"]
    assert shown["intermediary"]["id"] == str(published.seller.organisation_id)
    secrets = [published.legal_name, published.owner_email, "架空 太郎", "架空県架空市"]
    assert not [secret for secret in secrets if secret in sheet.text]
    numbers = await world.seed("SELECT corporate_number FROM vault.listing_identity WHERE listing_id = $1", published.listing_id)
    assert numbers[0]["corporate_number"] not in sheet.text


async def test_pages_of_holds_continue_newest_first(world, operators):
    for _n in range(3):
        published = await world.published(**FEW)
        path = await _screened(world, published, await world.acquirer())
        await published.seller.post(f"{path}/nda", OFFER)
    seen, cursor = [], None
    for _page in range(2):
        page = (await operators[0].get("/v1/holds", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen, cursor = seen + [item["opened_at"] for item in page["items"]], page["next_cursor"]
    assert len(seen) == 4 and seen == sorted(seen, reverse=True)
    assert (await operators[1].get("/v1/holds", params={"limit": 2, "cursor": cursor})).json()["code"] == "cursor_invalid"


async def test_everybody_else_is_refused_and_nothing_changes(world, screened):
    published, buyer, path = screened
    await published.seller.post(f"{path}/nda", OFFER)
    (hold,) = await _holds(world, published.listing_id)
    letters = await world.seed("SELECT count(*) FROM ops.outbox")
    asks = (("GET", "/v1/holds"), ("GET", f"/v1/holds/{hold['id']}"), ("GET", "/v1/listed-twice"),
            ("POST", f"/v1/holds/{hold['id']}/decision"), ("POST", f"/v1/holds/{hold['id']}/confirmation"))
    clients = {"anonymous": (world.client(), 401), "stranger": ((await world.acquirer()).client, 403), "counterpart": (buyer.client, 403),
               "party": (published.seller.client, 403), "desk": ((await world.agency("desk")).client, 403),
               "operator by key": ((await world.operator()).client, 403),
               "operator's clerk": ((await world.signed_in(await _clerk(world))).client, 403)}
    for who, (client, status) in clients.items():
        for method, address in asks:
            if who == "operator's clerk" and method == "GET":
                continue
            answer = await client.request(method, address, json={"decision": "release", "words": "x"} if method == "POST" else None)
            assert answer.status_code == status, (who, method, address, answer.text)
    assert await _holds(world, published.listing_id) == [hold]
    assert await world.seed("SELECT count(*) FROM ops.outbox") == letters


async def _clerk(world):
    return await world.member((await world.operator()).organisation_id, "operator", role="member")


@pytest.mark.parametrize("body", [{}, {"decision": "release"}, {"decision": "perhaps", "words": "x"}, {"decision": "release", "words": ""},
                                  {"decision": "release", "words": "x" * 1001}, {"decision": "release", "words": "x", "state": "released"},
                                  {"decision": "release", "words": "a\u202eb"}])
async def test_a_decision_says_what_and_why(operators, screened, world, body):
    published, _buyer, path = screened
    await published.seller.post(f"{path}/nda", OFFER)
    (hold,) = await _holds(world, published.listing_id)
    answer = await operators[0].post(f"/v1/holds/{hold['id']}/decision", body)
    assert answer.status_code == 422 and (await _holds(world, published.listing_id))[0]["state"] == "open"


# --- one company at two intermediaries --------------------------------------------------------------------------------


async def test_the_operator_sees_that_a_company_is_listed_twice_and_by_whom(world, operators):
    one, two = await world.published(), await world.published(await world.intermediary("bank"))
    async def pairs() -> list[dict]:  # of this company: other tests of this process list others twice
        return [each for each in await operators[0].every("/v1/listed-twice")
                if str(one.listing_id) in (each["first_listing_id"], each["second_listing_id"])]

    assert await pairs() == []
    number = (await world.seed("SELECT corporate_number FROM vault.listing_identity WHERE listing_id = $1", one.listing_id))[0][0]
    await world.seed("UPDATE vault.listing_identity SET corporate_number = $2 WHERE listing_id = $1", two.listing_id, number)
    (new,) = await pairs()
    assert {new["first"]["id"], new["second"]["id"]} == {str(one.seller.organisation_id), str(two.seller.organisation_id)}
    assert number not in json.dumps(new) and one.legal_name not in json.dumps(new)
    await world.seed("UPDATE vault.listing SET state = 'withdrawn' WHERE id = $1", one.listing_id)
    assert await pairs() == []


async def test_a_company_listed_three_times_is_three_pairs_wherever_a_page_ends(world, operators):
    """Two of the pairs are of one moment and share their second listing: a page that ends between them loses neither."""
    three = [await world.published(await world.intermediary("bank")) for _n in range(3)]
    await world.seed("UPDATE vault.listing_identity SET corporate_number = (SELECT corporate_number FROM vault.listing_identity "
                     "WHERE listing_id = $1) WHERE listing_id = ANY($2)", three[0].listing_id, [each.listing_id for each in three[1:]])
    seen, cursor = [], None
    for _pair in range(3):
        page = (await operators[0].get("/v1/listed-twice", params={"limit": 1} | ({"cursor": cursor} if cursor else {}))).json()
        seen, cursor = seen + [(item["first_listing_id"], item["second_listing_id"]) for item in page["items"]], page["next_cursor"]
    ids = [str(each.listing_id) for each in three]
    assert sorted(seen) == sorted([(ids[0], ids[1]), (ids[0], ids[2]), (ids[1], ids[2])])
