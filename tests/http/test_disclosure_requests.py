"""Who may ask about a teaser, what each side reads of the request, and what does an end tell the buyer?"""

from __future__ import annotations

import re
from uuid import UUID, uuid4

import pytest

from succession.disclosure.project_names import ADJECTIVES, NOUNS

NEUTRAL = {"stage", "outcome", "next_step"}


async def ask(buyer, ref, **fields):
    return await buyer.post("/v1/disclosure-requests", {"teaser_ref": str(ref), "purpose": "Growth"} | fields)


async def test_a_teaser_one_may_not_see_does_not_exist(world):
    buyer, fund = await world.acquirer(), await world.acquirer(country="FR")
    domestic, shown = await world.published(audiences=8), await world.published()
    await world.seed("INSERT INTO vault.exclusion (listing_id, kind, value) VALUES ($1, 'country', 'FR')", shown.listing_id)
    taken_down = await world.published()
    await world.overrule("UPDATE vault.publication SET state = 'taken_down' WHERE ref = $1", taken_down.ref)
    before = len(await world.seed("SELECT 1 FROM ops.outbox"))
    answers = [await ask(buyer, uuid4()), await ask(buyer, domestic.ref), await ask(fund, shown.ref), await ask(buyer, taken_down.ref),
               await ask(buyer, shown.ref, acquirer_id=str(fund.organisation_id))]
    assert [answer.status_code for answer in answers] == [404] * 5
    assert len({answer.content for answer in answers}) == 1, "the answers differ in no byte"
    assert len(await world.seed("SELECT 1 FROM ops.outbox")) == before
    assert not await world.seed("SELECT 1 FROM vault.deal WHERE buyer_id IN ($1, $2)", buyer.organisation_id, fund.organisation_id)


async def test_one_open_request_per_buyer_and_listing(world):
    published, buyer = await world.published(), await world.acquirer()
    first = await ask(buyer, published.ref)
    again = await ask(buyer, published.ref)
    assert first.status_code == 201 and again.status_code == 409 and again.json()["code"] == "request_exists"
    key = {"Idempotency-Key": "a key"}
    other = await world.acquirer()
    one = await other.post("/v1/disclosure-requests", {"teaser_ref": str(published.ref), "purpose": "x"}, headers=key)
    two = await other.post("/v1/disclosure-requests", {"teaser_ref": str(published.ref), "purpose": "x"}, headers=key)
    assert one.json() == two.json() and two.headers["idempotency-replayed"] == "true"
    assert len(await world.letters(organisation=published.seller.organisation_id)) == 2


async def test_a_project_name_is_drawn_and_tells_nothing(world):
    names = {(await ask(await world.acquirer(), (await world.published()).ref)).json()["project_name"] for _ in range(3)}
    assert len(names) == 3
    for name in names:
        adjective, noun, number = name.split()
        assert adjective.lower() in ADJECTIVES and noun.lower() in NOUNS and re.fullmatch("[1-9][0-9]", number)


async def test_an_intermediary_asks_for_a_represented_acquirer_only(world):
    published, buyer, bank = await world.published(audiences=8), await world.acquirer(), await world.intermediary("bank")
    unnamed = await ask(bank, published.ref)
    assert unnamed.status_code == 422 and unnamed.json()["errors"][0]["field"] == "acquirer_id"
    assert (await ask(bank, published.ref, acquirer_id=str(buyer.organisation_id))).status_code == 404
    await world.seed("INSERT INTO vault.representation (intermediary_id, acquirer_id, document_hash, from_date, until_date, recorded_by, "
                     "confirmed_by, confirmed_at) VALUES ($1, $2, sha256('x'), ops.today(), ops.today(), $3, $4, now())",
                     bank.organisation_id, buyer.organisation_id, bank.member_id, buyer.member_id)
    opened = await ask(bank, published.ref, acquirer_id=str(buyer.organisation_id))
    assert opened.status_code == 201 and opened.json()["side"] == "buyer" and opened.json()["origin"] == "representation"
    path = f"/v1/disclosure-requests/{opened.json()['id']}"
    assert (await buyer.get(path)).json() == opened.json(), "the acquirer reads the same"
    seen = (await published.seller.get(path)).json()
    assert seen["side"] == "seller" and seen["representative"].startswith("Fictitious intermediary")
    assert (await bank.post(f"{path}/screening", {"decision": "cleared"})).status_code == 403
    await world.seed("UPDATE vault.representation SET ended_at = now() WHERE acquirer_id = $1", buyer.organisation_id)
    assert (await bank.get(path)).status_code == 404
    # Nobody asks about its own listing, also not for somebody it represents.
    own = await world.published(published.seller, audiences=8)
    assert (await ask(published.seller, own.ref, acquirer_id=str(buyer.organisation_id))).status_code == 404


async def test_lists_show_ones_own_side_page_by_page(world):
    buyer, seller = await world.acquirer(), await world.intermediary()
    asked = [(await ask(buyer, (await world.published(seller)).ref)).json()["id"] for _ in range(3)]
    for caller, side in ((buyer, "buyer"), (seller, "seller")):
        first = (await caller.get("/v1/disclosure-requests?limit=2")).json()
        rest = (await caller.get("/v1/disclosure-requests", params={"limit": 2, "cursor": first["next_cursor"]})).json()
        assert [each["id"] for each in first["items"] + rest["items"]] == asked[::-1] and rest["next_cursor"] is None
        assert {each["side"] for each in first["items"]} == {side}
    stolen = await buyer.get("/v1/disclosure-requests", params={"cursor": first["next_cursor"]})
    assert stolen.status_code == 422 and stolen.json()["code"] == "cursor_invalid"
    assert (await buyer.get("/v1/disclosure-requests?is_open=false")).json()["items"] == []
    assert len((await buyer.get("/v1/disclosure-requests?is_open=true")).json()["items"]) == 3


async def _refused_by_screening(world, published, buyer):
    deal = await world.requested(published, buyer)
    answer = await published.seller.post(f"/v1/disclosure-requests/{deal}/screening", {"decision": "refused", "reason": "sanctions"})
    assert answer.json()["terminal"] == "screening_refused" and answer.json()["terminal_reason"] == "sanctions"
    return deal


async def _refused_by_owner(world, published, buyer):
    deal = await world.nda_signed(published, buyer)
    assert (await published.seller.post(f"/v1/disclosure-requests/{deal}/name-clear")).status_code == 201
    await world.owner_answers(published, "no")
    seen = (await published.seller.get(f"/v1/disclosure-requests/{deal}")).json()
    assert seen["terminal"] == "name_clear_refused" and seen["terminal_reason"] == "owner_refused_buyer"
    return deal


@pytest.mark.parametrize("refuse", [_refused_by_screening, _refused_by_owner])
async def test_a_refusal_tells_the_buyer_nothing_but_that_it_is_over(world, refuse):
    published, buyer = await world.published(), await world.acquirer()
    deal = await refuse(world, published, buyer)
    answer = await buyer.get(f"/v1/disclosure-requests/{deal}")
    seen = answer.json()
    assert seen["outcome"] == "not_concluded" and seen["next_step"] == "closed"
    for word in ("screen", "refus", "owner", "sanction", "reason", "terminal", "name_clear", "declin"):
        assert word not in answer.text.lower().replace(seen["purpose"].lower(), ""), word
    last = (await world.letters(organisation=buyer.organisation_id))[-1]
    assert last == {**last, "template": "request_not_successful", "params": {"project": seen["project_name"]}}
    again = await ask(buyer, published.ref)
    assert again.status_code == 409 and again.json()["code"] == "request_too_soon"
    ended = await published.seller.post(f"/v1/disclosure-requests/{deal}/nda", {"form": "one_way", "term_months": 24})
    assert ended.status_code == 409 and ended.json()["code"] == "request_concluded"
    event = (await world.seed("SELECT * FROM vault.deal_event WHERE deal_id = $1", UUID(deal)))[0]
    assert event["to_stage"] in ("screening_refused", "name_clear_refused")


async def test_both_refusals_look_alike_to_the_buyer(world):
    seen = []
    for refuse in (_refused_by_screening, _refused_by_owner):
        published, buyer = await world.published(), await world.acquirer()
        deal = await refuse(world, published, buyer)
        request = (await buyer.get(f"/v1/disclosure-requests/{deal}")).json()
        seen.append({name: value for name, value in request.items() if name in ("outcome", "next_step", "grants", "origin")})
    assert seen[0] == seen[1]
