"""Does a deal go the whole road, one step at a time, each with its evidence, and never past a gate?"""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from succession.days import day_in_japan

TODAY = day_in_japan(datetime.now(UTC))
DAY = TODAY.isoformat()
HASH = "ab" * 32
OFFER = {"loi_document_hash": HASH, "price_low_yen": 90_000_000, "price_high_yen": 110_000_000, "scheme": "share_transfer"}


class Deal:
    def __init__(self, published, buyer, deal_id):
        self.published, self.seller, self.buyer, self.id = published, published.seller, buyer, deal_id

    async def read(self, caller=None):
        return (await (caller or self.seller).get(f"/v1/deals/{self.id}")).json()

    async def step(self, noun, evidence=None, *, by=None, reason=None, version=None, **more):
        version = version if version is not None else (await self.read())["version"]
        return await (by or self.seller).post(f"/v1/deals/{self.id}/{noun}", {"evidence": evidence or {}, "reason": reason} | more,
                                              headers={"If-Match": f'"{version}"'})

    async def screened(self):
        answer = await self.seller.post(f"/v1/disclosure-requests/{self.id}/screening", {"decision": "cleared"})
        assert answer.status_code == 201, answer.text

    async def taken(self, *args, **kwargs):
        answer = await self.step(*args, **kwargs)
        assert answer.status_code == 201, answer.text
        return answer.json()


@pytest.fixture
async def deal(world):
    buyer = await world.acquirer()
    published = await world.published()
    return Deal(published, buyer, await world.released(published, buyer))


async def test_the_whole_road(world, deal):
    assert (await deal.read())["stage"] == "im_disclosed"
    assert {a["action"] for a in (await deal.read())["actions"]} >= {"open_qa", "withdraw_seller"}
    await deal.taken("qa", {"im_received_on": DAY})
    await deal.taken("top-meeting", {"met_on": DAY, "participants": "both principals"})
    await deal.taken("letter-of-intent", OFFER, by=deal.buyer)
    unscreened = await deal.step("memorandum", {"mou_document_hash": HASH, "signed_on": DAY, "owner_accepted_on": DAY})
    assert (unscreened.status_code, unscreened.json()["code"], unscreened.json()["refusal"]) == (409, "screening_needed", "screening_not_fresh")
    await deal.screened()  # whoever signed the NDA has not been looked for yet
    await deal.taken("memorandum", {"mou_document_hash": HASH, "signed_on": DAY, "owner_accepted_on": DAY})
    await deal.taken("due-diligence", {"started_on": DAY, "owner_accepted_on": DAY})
    moved_back = await deal.taken("questions", {"asked_on": DAY})
    assert moved_back["stage"] == "dd", "a later question never moves a deal back"
    agreement = {"agreement_document_hash": HASH, "signed_on": DAY, "second_check_by": "Counsel", "risks_explained_on": DAY,
                 "guarantee_plan": await _plans(world, deal)}
    await deal.taken("definitive-agreement", agreement)

    closing = {"closed_on": DAY, "payment_confirmed_on": DAY, "transfer_approved_on": DAY}
    unpaid = await deal.step("closing", {"closed_on": DAY, "transfer_approved_on": DAY})
    assert unpaid.status_code == 422 and unpaid.json()["errors"][0]["field"] == "evidence.payment_confirmed_on"
    undeclared = await deal.step("closing", closing)
    assert (undeclared.status_code, undeclared.json()["refusal"]) == (409, "filing_undeclared")
    filed = (TODAY - timedelta(days=20)).isoformat()
    await _file(deal, declared="prior_notification", filed_on=filed, accepted_on=filed)
    assert (await deal.step("closing", closing)).json()["refusal"] == "filing_unconfirmed"
    await _file(deal, declared="prior_notification", filed_on=filed, accepted_on=filed, confirmed_by="Counsel", confirmed_on=DAY)
    assert (await deal.step("closing", closing)).json()["refusal"] == "filing_waiting"
    await _file(deal, declared="prior_notification", filed_on=filed, accepted_on=filed, cleared_on=DAY,
                confirmed_by="Counsel", confirmed_on=DAY)
    closed = await deal.taken("closing", closing)
    assert closed["stage"] == "closing" and closed["obligations_open"] >= 2
    rows = await world.seed("SELECT l.state, p.state AS teaser FROM vault.listing l JOIN vault.publication p ON p.listing_id = l.id "
                            "WHERE l.id = $1", deal.published.listing_id)
    assert tuple(rows[0].values()) == ("succeeded", "taken_down")

    await deal.taken("post-closing", {"handover_started_on": DAY})
    assert (await deal.step("completion", {"completed_on": DAY}, reason="obligations_met")).json()["refusal"] == "obligations_open"
    for owed in (await deal.seller.get(f"/v1/deals/{deal.id}/obligations")).json():
        bare = await deal.seller.patch(f"/v1/obligations/{owed['id']}", {"state": "evidenced", "done_on": DAY},
                                       headers={"If-Match": f'"{owed["version"]}"'})
        assert bare.status_code == 422 and bare.json()["errors"][0]["field"] == "evidence"
        done = await deal.seller.patch(f"/v1/obligations/{owed['id']}", {
            "state": "evidenced", "done_on": DAY, "evidence": {"document": HASH}, "confirmed_by": "A. Adviser"},
            headers={"If-Match": f'"{owed["version"]}"'})
        assert done.status_code == 200, done.text
    ended = await deal.taken("completion", {"completed_on": DAY}, reason="obligations_met")
    assert (ended["terminal"], ended["terminal_reason"]) == ("completed", "obligations_met")
    assert (await deal.step("questions", {"asked_on": DAY})).json()["refusal"] == "deal_ended"


async def _plans(world, deal):
    rows = await world.seed("SELECT guarantees::text AS g FROM vault.listing_profile WHERE listing_id = $1", deal.published.listing_id)
    import msgspec

    lenders = [g["lender"] for g in msgspec.json.decode(rows[0]["g"] or "[]")]
    return [{"lender": lender, "measure": "release", "due_on": (TODAY + timedelta(days=60)).isoformat()} for lender in lenders]


async def _file(deal, **entry):
    answer = await deal.buyer.put(f"/v1/deals/{deal.id}/foreign-investment-filing", entry)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_no_gate_is_skipped_and_nothing_is_written_by_a_refusal(world, deal):
    before = await world.seed("SELECT count(*) FROM vault.deal_event WHERE deal_id = $1", deal.id)
    for noun in ("definitive-agreement", "closing", "completion", "due-diligence", "memorandum", "post-closing"):
        assert (await deal.step(noun)).status_code == 409, noun
    assert (await deal.step("qa")).json()["errors"][0]["field"] == "evidence.im_received_on"
    assert (await deal.step("qa", {"im_received_on": DAY}, by=deal.buyer)).json()["refusal"] == "not_this_role"
    assert (await deal.step("qa", {"im_received_on": (TODAY + timedelta(days=2)).isoformat()})).status_code == 422
    assert (await deal.step("no-such-step")).status_code == 422
    assert await world.seed("SELECT count(*) FROM vault.deal_event WHERE deal_id = $1", deal.id) == before


async def test_loi_and_memorandum_are_skipped_only_with_a_coded_reason(deal):
    await deal.taken("qa", {"im_received_on": DAY})
    await deal.taken("top-meeting", {"met_on": DAY, "participants": "both"})
    evidence = {"started_on": DAY, "owner_accepted_on": DAY}
    assert (await deal.step("due-diligence", evidence)).json()["errors"][0]["field"] == "reason"
    assert (await deal.step("due-diligence", evidence, reason="because")).status_code == 422
    assert (await deal.taken("due-diligence", evidence, reason="small_deal"))["stage"] == "dd"


async def test_a_stale_version_and_a_missing_one_are_refused(deal):
    version = (await deal.read())["version"]
    await deal.taken("qa", {"im_received_on": DAY})
    assert (await deal.step("top-meeting", {"met_on": DAY, "participants": "x"}, version=version)).status_code == 412
    bare = await deal.seller.post(f"/v1/deals/{deal.id}/top-meeting", {"evidence": {}})
    assert bare.status_code == 428


async def test_strangers_see_no_deal_and_move_none(world, http, deal):
    others = {"stranger": await world.acquirer(), "rival": await world.intermediary("bank")}
    for caller in others.values():
        assert (await caller.get(f"/v1/deals/{deal.id}")).status_code == 404
        assert (await deal.step("qa", {"im_received_on": DAY}, by=caller)).status_code == 404
        assert (await caller.put(f"/v1/deals/{deal.id}/foreign-investment-filing", {})).status_code == 404
        assert (await caller.get(f"/v1/deals/{deal.id}/obligations")).status_code == 404
        assert (await caller.get("/v1/deals")).json()["items"] == []
    assert (await (await world.agency()).get(f"/v1/deals/{deal.id}")).status_code == 403
    assert (await http.get(f"/v1/deals/{deal.id}")).status_code == 401
    assert (await deal.read())["stage"] == "im_disclosed"
    assert "listing_id" in (await deal.read(deal.buyer)) and (await deal.read(deal.buyer))["listing_id"] is None


async def test_exclusivity_parks_the_other_buyers_until_it_ends(world, deal):
    other_buyer = await world.acquirer(country="FR")
    other = Deal(deal.published, other_buyer, await world.released(deal.published, other_buyer))
    period = {"granted_in": "loi", "from_date": DAY, "until_date": (TODAY + timedelta(days=60)).isoformat()}
    early = await deal.seller.post(f"/v1/deals/{deal.id}/exclusivity", period)
    assert early.json()["refusal"] == "stage_not_reached"
    await deal.taken("qa", {"im_received_on": DAY})
    await deal.taken("top-meeting", {"met_on": DAY, "participants": "both"})
    await deal.taken("letter-of-intent", OFFER)
    assert (await deal.buyer.post(f"/v1/deals/{deal.id}/exclusivity", period)).status_code == 403
    assert (await deal.seller.post(f"/v1/deals/{deal.id}/exclusivity", period)).status_code == 201

    assert (await other.read(other_buyer))["parked"] is True
    assert (await other.step("qa", {"im_received_on": DAY})).json()["refusal"] == "parked"
    assert (await deal.read())["parked"] is False
    assert (await deal.seller.delete(f"/v1/deals/{deal.id}/exclusivity")).status_code == 204
    assert (await other.taken("qa", {"im_received_on": DAY}))["stage"] == "qa"


async def test_withdrawal_ends_a_deal_with_a_reason_and_tells_the_buyer_nothing_of_the_seller(deal, world):
    refused = (await deal.step("withdrawal")).json()["errors"][0]
    assert refused["field"] == "reason" and "owner_withdrew" in refused["allowed"]
    assert (await deal.taken("withdrawal", reason="owner_withdrew"))["terminal"] == "seller_withdrew"
    seen = await deal.read(deal.buyer)
    assert (seen["terminal"], seen["terminal_reason"], seen["events"]) == ("not_concluded", None, [])
    assert (await deal.buyer.get(f"/v1/dossiers/{deal.id}")).status_code == 404


async def test_two_steps_at_once_are_one_step(deal):
    version = (await deal.read())["version"]
    answers = await asyncio.gather(*(deal.step("qa", {"im_received_on": DAY}, version=version) for _ in range(4)))
    assert sorted(a.status_code for a in answers) == [201, 412, 412, 412]
    assert len((await deal.read())["events"]) == 1


async def test_the_database_refuses_an_event_off_the_road_and_a_stage_without_its_event(world, deal, as_database_role):
    import asyncpg

    app = await as_database_role("succession_app")
    scope = ("SELECT set_config('succession.kind', 'intermediary', true), set_config('succession.organisation', $1, true), "
             "set_config('succession.member', $2, true)")
    who = str(deal.seller.organisation_id), str(deal.seller.member_id)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        async with app.transaction():
            await app.execute(scope, *who)
            await app.execute("INSERT INTO vault.deal_event (deal_id, seq, from_stage, action, to_stage, actor_kind, evidence) "
                              "VALUES ($1, 1, 'im_disclosed', 'close_deal', 'closing', 'intermediary', '{}')", deal.id)
    with pytest.raises(asyncpg.PostgresError, match="without its event"):
        async with app.transaction():
            await app.execute(scope, *who)
            await app.execute("UPDATE vault.deal SET stage = 'closing' WHERE id = $1", deal.id)


async def test_the_filing_shows_a_hint_with_reasons_and_never_more(deal):
    plan = {"investor": {"nonresident_individual": False, "foreign_law_or_head_office": True, "foreign_votes_bp": None,
                         "foreign_partnership_share_bp": None, "foreign_managing_partners_majority": None,
                         "nonresident_officers_majority": None, "nonresident_representatives_majority": None,
                         "acts_for_foreign_investor": None},
            "investor_class": "general", "scheme": "share_transfer", "indirect": False, "seller_is_foreign_investor": False,
            "target_activities": [], "votes_after_bp": 10_000, "takes_board_seat": True, "proposes_business_transfer": False,
            "sees_nonpublic_technology": True}
    hint = (await _file(deal, plan=plan))["filing"]["hint"]
    assert hint["outcome"] in ("prior_notification", "post_report_only") and hint["reasons"] and "counsel" in hint["caution"]
    wrong = await deal.buyer.put(f"/v1/deals/{deal.id}/foreign-investment-filing", {"accepted_on": DAY, "shortened_to": DAY,
                                                                                  "extended_to": date(2040, 1, 1).isoformat()})
    assert wrong.status_code == 422 and wrong.json()["errors"][0]["field"] == "extended_to"


async def test_withdrawing_the_listing_ends_its_deals_and_closes_the_dossier(world, deal):
    await world.seed("DELETE FROM vault.listing_financials WHERE listing_id = $1 AND period_end < '2024-01-01'", deal.published.listing_id)
    assert (await deal.buyer.get(f"/v1/dossiers/{deal.id}")).status_code == 200
    withdrawn = await deal.seller.post(f"/v1/listings/{deal.published.listing_id}/withdrawal", {"reason": "owner_withdrew"})
    assert withdrawn.status_code == 200, withdrawn.text
    assert (await deal.read())["terminal_reason"] == "listing_withdrawn"
    assert (await deal.buyer.get(f"/v1/dossiers/{deal.id}")).status_code == 404
