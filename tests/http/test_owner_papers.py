"""Does a signed paper count only once a second person confirmed it, and exactly for what it says?"""

from __future__ import annotations

import base64

import pytest
from listing_scene import SCAN, approved, counts, is_up, prepared, proposed, published


def paper(subject, **fields):
    return {"purpose": "teaser", "subject_id": str(subject), "decision": "approved", "audiences": ["domestic_institutions"],
            "signer": "架空 太郎", "witness": "架空 証人", "signed_on": "2026-06-01", "seal": "everyday_seal", "scan": base64.b64encode(SCAN).decode()} | fields


async def test_two_members_one_paper_and_the_owners_answer_is_recorded(world):
    center = await world.intermediary()
    colleague = await world.member(center.organisation_id, "intermediary")
    listing = await prepared(world, center)
    made = await proposed(world, listing)
    entered = await center.post(f"{listing.path}/paper-evidence", paper(made.id))
    assert entered.status_code == 201, entered.text
    assert entered.json()["confirmed_at"] is None and entered.json()["media_type"] == "application/pdf"
    assert (await center.get(f"{listing.path}/consents")).json()["consents"] == []
    path = f"{listing.path}/paper-evidence/{entered.json()['id']}"
    own = await center.post(f"{path}/confirmation")
    assert own.status_code == 409 and own.json()["code"] == "second_confirmation_needed"
    assert [p["id"] for p in (await colleague.get("/v1/paper-evidence")).json()["items"]] == [entered.json()["id"]]
    assert (await center.get("/v1/paper-evidence")).json()["items"] == []
    assert (await colleague.get(f"{path}/scan")).content == SCAN
    confirmed = await colleague.post(f"{path}/confirmation")
    assert confirmed.status_code == 200 and confirmed.json()["confirmed_by"] == str(colleague.member_id), confirmed.text
    view = (await center.get(f"{listing.path}/consents")).json()
    assert [(c["audience"], c["live"]) for c in view["consents"]] == [("domestic_institutions", True)]
    decided = view["proposals"][0]
    assert (decided["decision"], decided["method"], decided["decided_by"]) == ("approved", "paper", "架空 太郎")
    assert (await colleague.post(f"{path}/confirmation")).json()["code"] == "evidence_immutable"
    assert len((await center.get(f"{listing.path}/paper-evidence")).json()["items"]) == 1


async def test_a_one_person_firm_needs_the_operators_reviewer(world):
    alone = await world.intermediary("registered_institution")
    reviewer, clerk = await world.operator(role="reviewer"), await world.operator(role="member")
    listing = await prepared(world, alone, "adviser")
    made = await proposed(world, listing)
    found = (await alone.post(f"{listing.path}/paper-evidence", paper(made.id))).json()
    path = f"{listing.path}/paper-evidence/{found['id']}"
    assert found["id"] in [p["id"] for p in await reviewer.every("/v1/paper-evidence")]
    assert (await clerk.post(f"{path}/confirmation")).status_code == 403
    assert (await reviewer.get(f"{path}/scan")).content == SCAN
    assert (await reviewer.post(f"{path}/confirmation")).status_code == 200
    view = (await alone.get(f"{listing.path}/consents")).json()
    assert view["proposals"][0]["method"] == "paper" and view["consents"][0]["live"]
    assert (await reviewer.get(listing.path)).status_code == 403  # the paper, nothing else


async def test_where_there_are_two_members_the_reviewer_sees_nothing(world):
    center, reviewer = await world.intermediary(), await world.operator(role="reviewer")
    await world.member(center.organisation_id, "intermediary")
    listing = await prepared(world, center)
    made = await proposed(world, listing)
    found = (await center.post(f"{listing.path}/paper-evidence", paper(made.id))).json()
    path = f"{listing.path}/paper-evidence/{found['id']}"
    assert (await reviewer.post(f"{path}/confirmation")).status_code == 404
    assert (await reviewer.get(f"{path}/scan")).status_code == 404
    assert found["id"] not in [p["id"] for p in await reviewer.every("/v1/paper-evidence")]


@pytest.mark.parametrize(("fields", "field"), [
    ({"scan": base64.b64encode(b"MZ\x90 program").decode()}, "scan"),
    ({"scan": "not base64!"}, "scan"),
    ({"signed_on": "2099-01-01"}, "signed_on"),
    ({"decision": "yes"}, "decision"),
    ({"audiences": []}, "audiences"),
    ({"audiences": ["everybody"]}, "audiences[0]"),
    ({"purpose": "withdrawal"}, "decision"),
])
async def test_a_paper_that_cannot_be_is_refused(world, fields, field):
    center = await world.intermediary()
    listing = await prepared(world, center)
    made = await proposed(world, listing)
    before = await counts(world, listing)
    answer = await center.post(f"{listing.path}/paper-evidence", paper(made.id, **fields))
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field, answer.text
    assert await counts(world, listing) == before


async def test_a_scan_over_five_megabytes_is_refused(world):
    center = await world.intermediary()
    listing = await prepared(world, center)
    made = await proposed(world, listing)
    scan = base64.b64encode(b"%PDF-" + bytes(5 * 1024 * 1024)).decode()
    answer = await center.post(f"{listing.path}/paper-evidence", paper(made.id, scan=scan))
    assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == "scan"


async def test_only_what_was_asked_for_and_only_for_this_listing(world):
    center = await world.intermediary()
    listing, another = await prepared(world, center), await prepared(world, center)
    made = await proposed(world, listing, ("verified_buyers",))
    beyond = await center.post(f"{listing.path}/paper-evidence", paper(made.id, audiences=["public"]))
    assert beyond.status_code == 422 and beyond.json()["errors"][0]["allowed"] == ["verified_buyers"]
    assert (await center.post(f"{another.path}/paper-evidence", paper(made.id))).status_code == 404
    other = await world.intermediary()
    assert (await other.post(f"{listing.path}/paper-evidence", paper(made.id))).status_code == 404


async def test_the_owner_who_answered_by_link_meanwhile_stands(world):
    center = await world.intermediary()
    colleague = await world.member(center.organisation_id, "intermediary")
    listing = await prepared(world, center)
    proposal = await approved(world, listing, ("agency_desk",))
    late = await center.post(f"{listing.path}/paper-evidence", paper(proposal))
    assert late.status_code == 422  # what is open now is a withdrawal
    made = await proposed(world, listing)
    found = (await center.post(f"{listing.path}/paper-evidence", paper(made.id))).json()
    await world.seed("UPDATE vault.teaser_proposal SET superseded_at = now() WHERE id = $1", made.id)
    answer = await colleague.post(f"{listing.path}/paper-evidence/{found['id']}/confirmation")
    assert answer.status_code == 409 and answer.json()["code"] == "owner_decides"
    kept = (await center.get(f"{listing.path}/paper-evidence")).json()["items"][0]
    assert kept["confirmed_at"] is None  # nothing half done


async def test_a_withdrawal_on_paper_takes_effect_at_once(world):
    center = await world.intermediary()
    listing = await prepared(world, center)
    ref = await published(world, listing, await approved(world, listing, ("agency_desk",)), "agency_desk")
    path = f"{listing.path}/consents/agency_desk"
    missing = await center.delete(path, params={"paper_evidence_id": str(listing.id)})
    assert missing.status_code == 422 and await is_up(world, ref)
    signed = paper(listing.id, purpose="withdrawal", decision="withdrawn", audiences=["agency_desk"])
    found = (await center.post(f"{listing.path}/paper-evidence", signed)).json()
    wrong = await center.delete(f"{listing.path}/consents/public", params={"paper_evidence_id": found["id"]})
    assert wrong.status_code == 422 and await is_up(world, ref)
    assert (await center.delete(f"{listing.path}/consents/all", params={"paper_evidence_id": found["id"]})).status_code == 422
    stranger = await (await world.intermediary()).delete(path, params={"paper_evidence_id": found["id"]})
    assert stranger.status_code == 404 and await is_up(world, ref)
    assert (await center.delete(path, params={"paper_evidence_id": found["id"]})).status_code == 204
    assert not await is_up(world, ref)
    assert [c["live"] for c in (await center.get(f"{listing.path}/consents")).json()["consents"]] == [False]
    assert (await center.delete(path, params={"paper_evidence_id": found["id"]})).status_code == 404
