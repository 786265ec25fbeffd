"""Does the matcher propose, do two persons decide, and does nobody clear a likeness unread?"""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from world import ORIGIN

DECLARED = {"officers": [{"name": "Hong Gil-dong", "native_name": "홍길동", "role": "representative", "nationality": "KR", "birth_year": 1960}],
            "names": [{"kind": "former", "name": "Alte Nordlicht Handels GmbH"}]}


@pytest.fixture
async def listed(world):
    """A list that holds a namesake; the buyer it resembles; the request; a second member of the firm."""
    operator = await world.operator()
    published = await world.published()
    buyer = await world.acquirer(legal_name="Nordlicht Beteiligungen GmbH", country="DE", ultimate_parent="Polarstern AG")
    await world.seed("INSERT INTO vault.beneficial_owner (organisation_id, name, country, share_percent) VALUES ($1, 'Ingrid Beispiel', 'DE', 60)",
                     buyer.organisation_id)
    code = await world.list_of_names(operator)
    ids = await world.on_list(
        operator, code, {"name": "NORDLICHT BETEILIGUNGEN", "kind": "organisation", "country": "DE", "reason": "guarantee not released"},
        {"name": "Beispiel Ingrid", "kind": "person", "aliases": ["I. Beispiel"]})
    deal = await world.requested(published, buyer)
    second = await world.member(published.seller.organisation_id, "intermediary")
    yield operator, published.seller, second, buyer, f"/v1/disclosure-requests/{deal}", ids, code
    await world.retire(code)


async def cleared(seller, path, **more):
    read = (await seller.get(f"{path}/screening")).json()["findings"]["fingerprint"]
    answer = await seller.post(f"{path}/screening", {"decision": "cleared", "findings_read": read, "explanation": "別の会社であることを登記で確認"} | more)
    assert answer.status_code == 201, answer.text
    return answer.json(), read


async def test_nobody_clears_a_likeness_unread(world, listed):
    _operator, seller, _second, buyer, path, _ids, code = listed
    before = len(await world.seed("SELECT 1 FROM ops.outbox"))
    unread = await seller.post(f"{path}/screening", {"decision": "cleared", "explanation": "Somebody else"})
    assert unread.status_code == 409 and unread.json()["code"] == "screening_unread"
    found = (await seller.get(f"{path}/screening")).json()["findings"]
    assert found == unread.json()["findings"]
    assert [(c["party_role"], c["reason"], c["score"], c["list_kind"]) for c in found["candidates"]] == [
        ("organisation", "name", 100, "sanctions"), ("beneficial_owner", "word_order", 90, "sanctions")]
    read = {"decision": "cleared", "findings_read": found["fingerprint"]}
    silent = await seller.post(f"{path}/screening", read)
    assert silent.status_code == 422 and silent.json()["errors"][0]["field"] == "explanation"
    assert len(await world.seed("SELECT 1 FROM ops.outbox")) == before
    for table in ("screening", "screening_run"):
        assert await world.seed(f"SELECT 1 FROM vault.{table} WHERE buyer_id = $1", buyer.organisation_id) == []


async def test_likenesses_are_cleared_by_two_persons_of_the_firm(world, http, listed):
    _operator, seller, second, buyer, path, _ids, code = listed
    told, read = await cleared(seller, path)
    assert told["next_step"] == "confirm_screening" and told["screening"]["waits"] and not told["screening"]["current"]
    assert (await seller.post(f"{path}/nda", {"form": "one_way", "term_months": 24})).json()["code"] == "screening_needed"
    letters = [letter["template"] for letter in await world.letters(organisation=seller.organisation_id)]
    assert letters[-1] == "screening_waits"
    (waiting,) = (await second.get("/v1/screenings")).json()["items"]
    assert (await seller.get("/v1/screenings")).json()["items"] == [], "whoever proposed it does not confirm it"
    confirmation, body = f"/v1/screenings/{waiting['id']}/confirmation", {"findings_read": waiting["fingerprint"]}
    assert waiting["fingerprint"] == read and waiting["state"] == "waits" and "待っています" in waiting["words_for_owner"]
    before = await _state(world)
    strangers = {401: http, 403: (await world.agency()), 404: (await world.intermediary("bank"))}
    for status, caller in strangers.items():
        asked = caller.post(confirmation, json=body, headers={"Origin": ORIGIN}) if caller is http else caller.post(confirmation, body)
        assert (await asked).status_code == status
    assert (await buyer.post(confirmation, body)).status_code == 403
    assert (await (await world.operator()).post(confirmation, body)).status_code == 404, "only where a firm has one member"
    assert (await seller.post(confirmation, body)).json()["code"] == "second_confirmation_needed"
    assert (await second.post(confirmation, {"findings_read": "0" * 64})).json()["code"] == "screening_unread"
    assert await _state(world) == before
    confirmed = await second.post(confirmation, body)
    assert confirmed.status_code == 201 and confirmed.json()["state"] == "stands", confirmed.text
    assert (await second.post(confirmation, body)).json()["code"] == "step_refused"
    (record,) = (await seller.get(f"{path}/screening")).json()["screenings"]
    (used,) = (each for each in record["lists"] if each["code"] == code)  # other tests may have filled other lists
    assert used["entries"] == 2 and used["number"] == 1
    assert record["occasion"] == "request" and record["matcher"] and len(record["candidates"]) == 2
    words = record["words_for_owner"]
    assert record["decided_by"] in words and record["confirmed_by"] in words and "2件" in words and f"架空の名簿{code}" in words
    assert "保証するものではありません" in words and "does not vouch" in record["words_for_owner_en"]
    kinds = [row["kind"] for row in await world.seed("SELECT kind FROM vault.ledger_entry WHERE deal_id = $1 ORDER BY seq", UUID(path[-36:]))]
    assert kinds[-2:] == ["screening_decided", "screening_confirmed"]
    assert (await seller.post(f"{path}/nda", {"form": "one_way", "term_months": 24})).status_code in (201, 409)


async def _state(world):
    return (tuple(row["s"] for row in await world.seed("SELECT s::text AS s FROM vault.screening s ORDER BY id")),
            len(await world.seed("SELECT 1 FROM ops.outbox")), len(await world.seed("SELECT 1 FROM vault.ledger_entry")))


async def test_a_firm_of_one_is_confirmed_by_the_operators_reviewer(world):
    operator = await world.operator()
    code = await world.list_of_names(operator, {"name": "Polarkreis Beteiligungen", "kind": "organisation"}, kind="end_user")
    published, buyer = await world.published(await world.intermediary("registered_institution")), await world.acquirer(legal_name="Polarkreis Beteiligungen AG")
    path = f"/v1/disclosure-requests/{await world.requested(published, buyer)}"
    await cleared(published.seller, path)
    reviewer = await world.member(operator.organisation_id, "operator", role="reviewer")
    assert "screening_review_waits" in [letter["template"] for letter in await world.letters(organisation=operator.organisation_id)]
    waiting = next(each for each in await reviewer.every("/v1/screenings") if each["candidates"][0]["list_code"] == code)
    answer = await reviewer.post(f"/v1/screenings/{waiting['id']}/confirmation", {"findings_read": waiting["fingerprint"]})
    assert answer.status_code == 201 and "運営者の確認担当" in answer.json()["words_for_owner"], answer.text
    assert (await published.seller.get(path)).json()["next_step"] == "offer_nda"
    await world.retire(code)


async def test_a_newer_decision_stands_in_the_place_of_one_that_waits(world, listed):
    _operator, seller, second, _buyer, path, _ids, _code = listed
    await cleared(seller, path)
    (first,) = (await second.get("/v1/screenings")).json()["items"]
    await cleared(seller, path, explanation="Looked again")
    (newer,) = (await second.get("/v1/screenings")).json()["items"]
    assert newer["id"] != first["id"] and newer["explanation"] == "Looked again"
    stale = await second.post(f"/v1/screenings/{first['id']}/confirmation", {"findings_read": first["fingerprint"]})
    assert stale.status_code == 409 and stale.json()["code"] == "screening_superseded"
    answers = [await second.post(f"/v1/screenings/{newer['id']}/confirmation", {"findings_read": newer["fingerprint"]}, headers={"Idempotency-Key": "k"})
               for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201] and answers[1].headers["Idempotency-Replayed"] == "true"


async def test_two_who_confirm_at_once_confirm_once(world, listed):
    _operator, seller, second, _buyer, path, _ids, _code = listed
    await cleared(seller, path)
    third = await world.member(seller.organisation_id, "intermediary")
    (waiting,) = (await second.get("/v1/screenings")).json()["items"]
    where, body = f"/v1/screenings/{waiting['id']}/confirmation", {"findings_read": waiting["fingerprint"]}
    answers = await asyncio.gather(*(each.post(where, body) for each in (second, third, second, third)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    deal = UUID(path.rpartition("/")[2])
    kinds = await world.seed("SELECT kind FROM vault.ledger_entry WHERE deal_id = $1 AND kind = 'screening_confirmed'", deal)
    assert len(kinds) == 1


async def test_findings_that_changed_since_are_read_again(listed):
    operator, seller, _second, _buyer, path, ids, _code = listed
    read = (await seller.get(f"{path}/screening")).json()["findings"]["fingerprint"]
    assert (await operator.delete(f"/v1/screening-lists/entries/{ids[1]}")).status_code == 204
    stale = await seller.post(f"{path}/screening", {"decision": "cleared", "findings_read": read, "explanation": "x"})
    assert stale.status_code == 409 and len(stale.json()["findings"]["candidates"]) == 1
    assert (await operator.delete(f"/v1/screening-lists/entries/{ids[1]}")).status_code == 404


async def test_a_refusal_needs_a_coded_reason_and_ends_the_deal(world, listed):
    _operator, seller, _second, _buyer, path, _ids, _code = listed
    bare = await seller.post(f"{path}/screening", {"decision": "refused"})
    assert bare.status_code == 422 and "sanctions" in bare.json()["errors"][0]["allowed"]
    refused = await seller.post(f"{path}/screening", {"decision": "refused", "reason": "screening_adverse"})
    assert refused.status_code == 201 and refused.json()["terminal"] == "screening_refused", "one person is enough to refuse"
    deal = UUID(path.rpartition("/")[2])
    event = (await world.seed("SELECT * FROM vault.deal_event WHERE deal_id = $1", deal))[0]
    assert (event["from_stage"], event["action"], event["reason"]) == ("interested", "refuse_screening", "screening_adverse")


async def test_officers_and_other_names_are_looked_for_in_every_script(world, listed):
    operator, seller, _second, buyer, path, _ids, code = listed
    page = (await seller.get(f"{path}/screening")).json()
    assert page["hints"] == ["The buyer has declared no officer: only the organisation, its parents and beneficial owners are looked for."]
    assert (await buyer.put("/v1/organisations/me/officers", DECLARED)).status_code == 200
    await world.on_list(operator, code, {"name": "HONG Kil Dong", "kind": "person", "birth_years": [1961], "country": "KR"},
                        {"name": "Alte Nordlicht Handels", "kind": "organisation"})
    page = (await seller.get(f"{path}/screening")).json()
    found = {(c["party_name"], c["entry_name"]): c for c in page["findings"]["candidates"]}
    assert page["hints"] == [] and found["Alte Nordlicht Handels GmbH", "Alte Nordlicht Handels"]["party_role"] == "former_name"
    officer = found["홍길동", "HONG Kil Dong"]
    assert (officer["reason"], officer["birth_year"], officer["same_country"]) == ("script", "near", True)
    assert {party["name"] for party in page["findings"]["parties"]} >= {"홍길동", "Hong Gil-dong", "Polarstern AG", "Ingrid Beispiel"}


async def test_who_signed_the_agreement_is_looked_for_as_well(world):
    operator, published, buyer = await world.operator(), await world.published(), await world.acquirer()
    deal = await world.nda_signed(published, buyer)
    name = (await world.seed("SELECT signer_name FROM vault.nda WHERE deal_id = $1", UUID(deal)))[0]["signer_name"]
    code = await world.list_of_names(operator, {"name": name, "kind": "person"})
    found = (await published.seller.get(f"/v1/disclosure-requests/{deal}/screening")).json()["findings"]["candidates"]
    assert ("signer", name) in {(c["party_role"], c["entry_name"]) for c in found}
    await world.retire(code)
