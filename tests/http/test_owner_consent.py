"""Does a consent count only when everybody the mandate names agreed, and does it end with one word of any of them?"""

from __future__ import annotations

import base64
import hashlib
import json
from uuid import UUID, uuid4

import pytest
from listing_scene import form_of
from owner_scene import committed, paper, path_of, standing, two
from world import ORIGIN

CERTIFICATE = base64.b64encode(b"%PDF-1.7 certificate").decode()


async def released(scene):
    return (await scene.seller.post(f"{scene.path}/dossier-release")).json().get("code", "released")


async def test_two_persons_must_agree_and_each_has_a_link_of_their_own(world):
    scene = await two(world)
    question = await scene.asked()
    assert sorted(question["persons"]) == ["架空 太郎", "架空 花子"] and question["answered"] == 0
    assert "2人" in question["shown_text_ja"]
    links = [await world.owner_link(email) for email in (scene.published.owner_email, scene.second_email)]
    assert links[0] != links[1]
    await scene.answers("first", "yes")
    assert await released(scene) == "name_clear_needed" and not await scene.stands()
    view = (await scene.seller.get(f"{scene.path}/name-clear")).json()
    assert (view["decision"], view["answered"]) == (None, 1)
    assert (await scene.seller.get(scene.path)).json()["next_step"] == "await_owner"
    again = await world.client().get(links[0])
    assert again.status_code == 410, "each link answers once"
    await scene.answers("second", "yes")
    assert await scene.stands() and await released(scene) == "released"
    assert (await scene.buyer.get(f"/v1/dossiers/{scene.deal}")).status_code == 200
    row = (await world.seed("SELECT decided_by FROM vault.name_clear WHERE deal_id = $1", UUID(scene.deal)))[0]
    assert set(row["decided_by"].split("、")) == {"架空 太郎", "架空 花子"}


@pytest.mark.parametrize("order", [("first", "second"), ("second", "first")])
async def test_one_no_closes_it_and_nobody_learns_whose_it_was(world, order):
    scene = await two(world)
    await scene.asked()
    await scene.answers(order[0], "yes")
    other = await world.owner_link(scene.second_email if order[1] == "second" else scene.published.owner_email)
    withdrawing = await world.owner_link(scene.published.owner_email if order[0] == "first" else scene.second_email)
    await scene.answers(order[1], "no")
    view = (await scene.seller.get(f"{scene.path}/name-clear")).json()
    assert (view["decision"], view["answered"], view["method"]) == ("no", None, "link")
    seen = (await scene.seller.get(scene.path)).json()
    assert seen["terminal"] == "name_clear_refused" and seen["terminal_reason"] == "owner_refused_buyer"
    assert (await world.client().get(other)).status_code == 410 and (await world.client().get(withdrawing)).status_code == 410
    # What the adviser can read says that somebody refused, never who: view, request, ledger, audit and letters.
    ledger = await scene.seller.every(f"/v1/listings/{scene.published.listing_id}/ledger")
    decided = [json.loads(entry["body"]) for entry in ledger if entry["kind"] == "name_clear_decided"]
    assert [entry["decision"] for entry in decided] == ["yes", "no"]
    assert not any({"decided_by", "number", "owner_contact_id"} & set(entry) for entry in decided)
    written = json.dumps([seen, await committed(world, scene.published.listing_id), await world.letters(organisation=scene.seller.organisation_id)], ensure_ascii=False)
    assert "架空 花子" not in written and str(scene.second) not in written and str(scene.first) not in written
    told = (await scene.buyer.get(scene.path)).json()
    assert told["outcome"] == "not_concluded" and told["next_step"] == "closed"


async def buyers_view(world, scene) -> str:
    """Everything the buyer can read of the end of a request, without what is its own (ids, names, times)."""
    told = (await scene.buyer.get(scene.path)).json()
    own = {"id", "buyer_id", "acquirer", "version", "listing_id", "entered_at", "project_name", "teaser_ref", "requested_at", "closed_at", "intermediary", "buyer", "nda"}
    letters = [letter for letter in await world.letters(organisation=scene.buyer.organisation_id)][-1]
    others = [(await scene.buyer.get(path)) for path in (f"{scene.path}/name-clear", f"/v1/dossiers/{scene.deal}")]
    again = await scene.buyer.post("/v1/disclosure-requests", {"teaser_ref": str(scene.published.ref), "purpose": "x"})
    plain = [{**answer.json(), "instance": ""} for answer in (*others, again)]
    letters["params"].pop("project")
    letters["to"].pop("organisation")
    deal = (await scene.buyer.get(f"/v1/deals/{scene.deal}")).json()
    acts = [(event["action"], event["to_stage"], event["reason"]) for event in deal.pop("events")]
    both = [{name: value for name, value in each.items() if name not in own} for each in (told, deal)]
    return json.dumps([both, acts, letters, plain], sort_keys=True)


async def test_the_buyer_reads_the_same_bytes_whoever_ended_it(world):
    ends = {}
    for end in ("first_no", "second_no", "second_paper_no", "screening", "seller"):
        scene = await two(world)
        if end != "seller":
            question = await scene.asked()
        if end == "first_no":
            await scene.answers("first", "no")
        elif end == "second_no":
            await scene.answers("first", "yes")
            await scene.answers("second", "no")
        elif end == "second_paper_no":
            assert (await scene.paper("second", "no", question["id"])).status_code == 200
        elif end == "screening":
            refused = await scene.seller.post(f"{scene.path}/screening", {"decision": "refused", "reason": "sanctions"})
            assert refused.status_code == 201, refused.text
        else:
            done = await scene.seller.post(f"/v1/deals/{scene.deal}/withdrawal", {"reason": "owner_withdrew"},
                                           headers={"If-Match": (await scene.seller.get(f"/v1/deals/{scene.deal}")).headers["etag"]})
            assert done.status_code == 201, done.text
        ends[end] = await buyers_view(world, scene)
    assert len(set(ends.values())) == 1, ends


async def test_a_wish_to_talk_leaves_it_open_and_is_answered_later(world):
    scene = await two(world)
    await scene.asked()
    await scene.answers("first", "yes")
    await scene.answers("second", "ask_adviser")
    view = (await scene.seller.get(f"{scene.path}/name-clear")).json()
    assert (view["decision"], view["answered"]) == ("ask_adviser", 1) and await released(scene) == "name_clear_needed"
    before = len(await world.letters(scene.published.owner_email))
    assert (await scene.seller.post(f"{scene.path}/name-clear/link")).status_code == 201
    assert len(await world.letters(scene.published.owner_email)) == before, "who has answered is not asked again"
    await scene.answers("second", "yes")
    assert await released(scene) == "released"


@pytest.mark.parametrize(("who", "complete"), [("first", False), ("second", True)])
async def test_each_can_take_their_own_yes_back_and_that_ends_the_whole_consent(world, who, complete):
    scene = await two(world)
    await scene.asked()
    await scene.answers(who, "yes")
    if complete:
        await scene.answers("second" if who == "first" else "first", "yes")
        assert await released(scene) == "released"
        assert (await scene.buyer.get(f"/v1/dossiers/{scene.deal}")).status_code == 200
    await scene.answers(who, "withdrawn")
    assert not await scene.stands()
    assert (await scene.buyer.get(f"/v1/dossiers/{scene.deal}")).status_code == 404
    view = (await scene.seller.get(f"{scene.path}/name-clear")).json()
    assert view["revoked_at"] and view["answered"] is None
    letters = [letter["template"] for letter in await world.letters(organisation=scene.buyer.organisation_id)]
    assert ("access_ended" in letters) == complete
    other = scene.second_email if who == "first" else scene.published.owner_email
    assert (await world.client().get(await world.owner_link(other))).status_code == 410
    assert (await scene.seller.get(scene.path)).json()["terminal"] is None, "the talks go on, without the name"
    assert (await scene.seller.post(f"{scene.path}/name-clear")).status_code == 201


async def test_link_and_paper_are_mixed_with_equal_weight(world):
    scene = await two(world)
    question = await scene.asked()
    await scene.answers("first", "yes")
    certificate = {"seal_certificate_sha256": "a" * 64, "seal_certificate_on": "2026-01-05"}
    waiting = await scene.paper("second", "yes", question["id"], confirm=False, **certificate)
    assert waiting.status_code == 201 and waiting.json()["seal"] == "registered_seal" and waiting.json()["owner_contact_id"] == str(scene.second)
    assert await released(scene) == "name_clear_needed", "a paper nobody else confirmed is not an answer"
    colleague = await world.member(scene.seller.organisation_id, "intermediary")
    confirmed = await colleague.post(f"/v1/listings/{scene.published.listing_id}/paper-evidence/{waiting.json()['id']}/confirmation")
    assert confirmed.status_code == 200, confirmed.text
    assert await scene.stands() and await released(scene) == "released"
    row = (await world.seed("SELECT evidence::text, method FROM vault.name_clear_answer WHERE paper_evidence_id = $1", UUID(waiting.json()["id"])))[0]
    assert row["method"] == "paper" and '"registered_seal"' in row["evidence"] and "a" * 64 in row["evidence"] and "架空 証人" in row["evidence"]
    taken_back = await scene.paper("second", "withdrawn", question["id"], seal="signature")
    assert taken_back.status_code == 200, taken_back.text
    assert not await scene.stands() and (await scene.buyer.get(f"/v1/dossiers/{scene.deal}")).status_code == 404


UNSAID = (
    ({"owner_contact_id": None}, "owner_contact_id"),
    ({"seal": None}, "seal"),
    ({"seal": "everyday_seal", "seal_certificate_sha256": "a" * 64, "seal_certificate_on": "2026-01-05"}, "seal_certificate_sha256"),
    ({"seal_certificate_sha256": "a" * 64}, "seal_certificate_sha256"),
    ({"seal_certificate_sha256": "a" * 64, "seal_certificate_on": "2026-01-05", "seal_certificate_scan": CERTIFICATE}, "seal_certificate_sha256"),
    ({"seal_certificate_on": "2026-01-05", "seal_certificate_scan": "YWJj"}, "seal_certificate_scan"),
    ({"seal_certificate_sha256": "a" * 64, "seal_certificate_on": "2999-01-05"}, "seal_certificate_on"),
    ({"personal_data": True}, "audiences"),  # not asked for: the buyer is in an adequate country
)


async def test_a_paper_that_does_not_say_enough_is_refused(world):
    scene = await two(world)
    question = await scene.asked(by="paper")
    for fields, field in UNSAID:
        body = paper(question["id"], scene.second, "yes") | fields
        answer = await scene.seller.post(f"/v1/listings/{scene.published.listing_id}/paper-evidence", body)
        assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field, answer.text
    assert await world.seed("SELECT 1 FROM vault.paper_evidence WHERE listing_id = $1", scene.published.listing_id) == []


async def test_a_paper_of_somebody_else_is_not_an_answer(world):
    scene, stranger = await two(world), await two(world)
    question = await scene.asked(by="paper")
    answer = await scene.paper("first", "yes", question["id"], owner_contact_id=str(stranger.second))
    assert answer.status_code == 409 and answer.json()["code"] == "owner_decides"


async def test_at_the_very_moment_it_expires_nothing_is_answered_and_nothing_released(world):
    scene = await two(world)
    await scene.asked()
    await scene.answers("first", "yes")
    link, email = await world.owner_link(scene.second_email), scene.second_email
    html = (await world.client().get(link)).text
    await world.overrule("UPDATE vault.name_clear SET expires_at = now() WHERE deal_id = $1", UUID(scene.deal))
    late = await world.client(Origin=ORIGIN).post(link, data=form_of(html, decision="yes", read="yes"))
    assert late.status_code >= 400 and not await scene.stands()
    assert not [letter for letter in await world.letters(email) if letter["template"] == "owner_code"], "no code for what is over"
    await world.overrule("UPDATE vault.name_clear SET expires_at = now() + interval '1 hour' WHERE deal_id = $1", UUID(scene.deal))
    await scene.answers("second", "yes")
    assert await scene.stands()
    await world.overrule("UPDATE vault.name_clear SET expires_at = now() WHERE deal_id = $1", UUID(scene.deal))
    assert not await scene.stands() and await released(scene) == "name_clear_needed"


async def test_a_link_about_another_buyer_answers_nothing_here(world):
    scene = await two(world)
    rival = await world.acquirer()
    other = await world.nda_signed(scene.published, rival)
    await scene.asked()
    mine = await world.owner_link(scene.published.owner_email)
    assert (await scene.seller.post(f"/v1/disclosure-requests/{other}/name-clear")).status_code == 201
    theirs = await world.owner_link(scene.published.owner_email)
    html = (await world.client().get(mine)).text
    crossed = await world.client(Origin=ORIGIN).post(theirs, data=form_of(html, decision="yes", read="yes"))
    assert crossed.status_code == 409, "the key of one page does not open another"
    await world.page_answered(theirs, scene.published.owner_email, "yes")
    await world.owner_answers(scene.published, "yes", scene.second_email)  # the newest link: about the rival too
    assert await standing(scene) == {scene.deal: False, other: True}, "a consent names one buyer"


# -- the code ----------------------------------------------------------------------------------------------------------


async def test_a_yes_needs_the_code_from_the_mailbox_and_a_no_needs_none(world):
    scene = await two(world)
    await scene.asked()
    link, email, browser = await world.owner_link(scene.second_email), scene.second_email, world.client(Origin=ORIGIN)
    form = form_of((await browser.get(link)).text, decision="yes", read="yes")
    before = await world.seed("SELECT count(*) FROM vault.name_clear_answer")
    step = await browser.post(link, data=form)
    assert step.status_code == 200 and 'name="code"' in step.text and email not in step.text
    code = await world.owner_code(email)
    assert code not in step.text
    wrong = await browser.post(link, data=form | {"code": f"{(int(code) + 1) % 10**6:06d}"})
    assert wrong.status_code == 409 and 'role="alert"' in wrong.text and 'name="code"' in wrong.text
    assert await world.seed("SELECT count(*) FROM vault.name_clear_answer") == before, "nothing is answered, and the link lives"
    spaced = "".join(chr(0xFF10 + int(digit)) for digit in code[:3]) + "　" + code[3:]  # as a Japanese keyboard writes it
    right = await browser.post(link, data=form | {"code": spaced})
    assert right.status_code == 200 and 'name="code"' not in right.text
    row = (await world.seed("SELECT a.evidence::text, c.channel, c.holder FROM vault.name_clear_answer a JOIN ops.one_time_code c ON c.id = a.code_id "
                            "WHERE a.owner_link_id IN (SELECT id FROM vault.owner_link WHERE owner_contact_id = $1)", scene.second))[0]
    assert row["channel"] == "mail" and row["holder"] == f"contact:{scene.second}" and '"shown_sha256"' in row["evidence"]
    first = await world.page_answered(await world.owner_link(scene.published.owner_email), scene.published.owner_email, "no")
    assert first.status_code == 200
    assert "owner_code" not in [letter["template"] for letter in await world.letters(scene.published.owner_email)]


async def test_codes_are_counted(world):
    scene = await two(world)
    await scene.asked()
    link, browser = await world.owner_link(scene.second_email), world.client(Origin=ORIGIN)
    form = form_of((await browser.get(link)).text, decision="yes", read="yes")
    answers = [(await browser.post(link, data=form)).status_code for _ in range(7)]
    assert answers[:5] == [200] * 5 and answers[-1] == 429
    assert len([letter for letter in await world.letters(scene.second_email) if letter["template"] == "owner_code"]) == 5


async def test_without_a_mailbox_another_person_speaks_the_code(world):
    scene = await two(world, second_mailed=False)
    question = await scene.asked()
    await scene.answers("first", "yes")
    handed = await scene.seller.post(f"/v1/owner-questions/{question['id']}/handed-link", {"owner_contact_id": str(scene.second)})
    assert handed.status_code == 201, handed.text
    link, speak = path_of(handed.json()["link"]), f"/v1/owner-questions/{question['id']}/spoken-code"
    whom = {"owner_contact_id": str(scene.second)}
    alone = await (await world.signed_in(scene.seller)).post(speak, whom)
    assert alone.status_code == 409 and alone.json()["code"] == "second_confirmation_needed"
    assert (await scene.seller.post(speak, whom)).status_code == 403, "no key reads a code aloud"
    colleague = await world.signed_in(await world.member(scene.seller.organisation_id, "intermediary"))
    spoken = await colleague.post(speak, whom)
    assert spoken.status_code == 201 and spoken.json()["phone"] == "0300000000" and spoken.json()["name"] == "架空 花子", spoken.text
    code = spoken.json()["code"]
    form = form_of((await world.client().get(link)).text, decision="yes", read="yes")
    browser = world.client(Origin=ORIGIN)
    step = await browser.post(link, data=form)
    assert 'name="code"' in step.text and code not in step.text
    done = await browser.post(link, data=form | {"code": code})
    assert done.status_code == 200 and await scene.stands(), done.text
    row = (await world.seed("SELECT k.handed_by, c.issued_by, a.evidence::text FROM vault.name_clear_answer a "
                            "JOIN vault.owner_link k ON k.id = a.owner_link_id JOIN ops.one_time_code c ON c.id = a.code_id "
                            "WHERE k.handed_by IS NOT NULL AND a.deal_id = $1", UUID(scene.deal)))[0]
    assert row["handed_by"] == scene.seller.member_id and row["issued_by"] == f"member:{colleague.member_id}"
    assert '"spoken"' in row["evidence"] and '"handed": true' in row["evidence"].replace('":true', '": true')
    with_mail = await scene.seller.post(f"/v1/owner-questions/{question['id']}/handed-link", {"owner_contact_id": str(scene.first)})
    assert with_mail.status_code == 422, "who has a mailbox gets the link there"


async def test_a_firm_of_one_needs_the_operators_reviewer_on_the_telephone(world):
    scene = await two(world, second_mailed=False)
    question = await scene.asked()
    speak, whom = f"/v1/owner-questions/{question['id']}/spoken-code", {"owner_contact_id": str(scene.second)}
    reviewer, clerk = [await world.signed_in(await world.operator(role=role)) for role in ("reviewer", "member")]
    assert (await clerk.post(speak, whom)).status_code == 404
    assert (await reviewer.post(speak, {"owner_contact_id": str(scene.first)})).status_code == 422, "no number on record"
    assert (await reviewer.post(speak, whom)).status_code == 201
    await world.member(scene.seller.organisation_id, "intermediary")
    assert (await reviewer.post(speak, whom)).status_code == 404, "where there is a colleague, the operator learns nothing"


# -- who decides -------------------------------------------------------------------------------------------------------


async def test_persons_whom_the_mandate_names_cannot_be_left_out(world):
    scene = await two(world)
    await world.seed("UPDATE vault.mandate SET terms = '{\"persons_who_decide\": [\"架空　太郎\", \"架空 次郎\"]}' WHERE listing_id = $1",
                     scene.published.listing_id)
    missing = await scene.seller.post(f"{scene.path}/name-clear")
    assert missing.status_code == 409 and missing.json()["code"] == "deciders_missing"
    contacts = f"/v1/listings/{scene.published.listing_id}/owner-contacts"
    informed = await scene.seller.post(contacts, {"name": "架空 次郎", "role": "informed", "decides": True})
    assert informed.status_code == 422 and informed.json()["errors"][0]["field"] == "decides"
    assert (await scene.seller.post(contacts, {"name": "架空 次郎", "role": "co_owner", "phone": "03-0000-0001"})).status_code == 201
    question = await scene.asked()
    assert len(question["persons"]) == 3
    # The list is frozen with the question: who is removed afterwards has still not said yes.
    assert (await scene.seller.delete(f"{contacts}/{scene.second}")).status_code == 204
    await scene.answers("first", "yes")
    assert not await scene.stands() and len((await scene.seller.get(f"{scene.path}/name-clear")).json()["persons"]) == 3


async def test_a_question_put_to_the_wrong_persons_makes_room_for_another(world):
    scene = await two(world)
    await scene.asked()
    stale = await world.owner_link(scene.published.owner_email)
    assert (await scene.seller.post(f"{scene.path}/name-clear")).json()["code"] == "conflict", "nobody is asked twice at a time"
    contacts = f"/v1/listings/{scene.published.listing_id}/owner-contacts"
    assert (await scene.seller.delete(f"{contacts}/{scene.second}")).status_code == 204  # a mistyped address, say
    assert (await scene.seller.post(contacts, {"name": "架空 花子", "email": f"right-{scene.second_email}", "role": "co_owner"})).status_code == 201
    assert len((await scene.asked())["persons"]) == 2
    old = await world.client().get(stale)
    assert 'name="decision"' not in old.text, "the first question is closed"
    await scene.answers("first", "yes")
    await world.owner_answers(scene.published, "yes", f"right-{scene.second_email}")
    assert await scene.stands()


async def test_who_is_only_informed_is_not_asked(world):
    scene = await two(world)
    contacts = f"/v1/listings/{scene.published.listing_id}/owner-contacts"
    added = await scene.seller.post(contacts, {"name": "架空 三郎", "email": "third@fictitious.example", "role": "informed"})
    assert added.status_code == 201 and added.json()["decides"] is False
    assert len((await scene.asked())["persons"]) == 2 and await world.letters("third@fictitious.example") == []
    bad = await scene.seller.post(contacts, {"name": "架空 四郎", "phone": "12"})
    assert bad.status_code == 422 and bad.json()["errors"][0]["field"] == "phone"


# -- who may -----------------------------------------------------------------------------------------------------------


async def test_nobody_but_the_party_hands_out_a_link_or_speaks_a_code(world):
    scene = await two(world, second_mailed=False)
    question = await scene.asked()
    whom = {"owner_contact_id": str(scene.second)}
    steps = [(f"/v1/owner-questions/{question['id']}/handed-link", {403, 404}), (f"/v1/owner-questions/{question['id']}/spoken-code", {403, 404})]
    strangers = {"anonymous": world.client(Origin=ORIGIN), "counterpart": (await world.signed_in(scene.buyer)).client,
                 "stranger": (await world.signed_in(await world.intermediary("bank"))).client,
                 "acquirer": (await world.signed_in(await world.acquirer())).client, "desk": (await world.signed_in(await world.agency())).client}
    tables = ("owner_link", "name_clear_answer", "audit_event")

    async def state():
        counts = [(await world.seed(f"SELECT count(*) FROM vault.{table}"))[0][0] for table in tables]
        return counts, (await world.seed("SELECT (SELECT count(*) FROM ops.outbox), (SELECT count(*) FROM ops.one_time_code)"))[0]

    before = await state()
    for kind, client in strangers.items():
        for path, expected in steps:
            answer = await client.post(path, json=whom)
            assert answer.status_code in ({401} if kind == "anonymous" else expected), (kind, path, answer.text)
            if answer.status_code == 404:
                missing = await client.post(path.replace(scene.deal, str(uuid4())).replace(question["id"], str(uuid4())), json=whom)
                assert {**missing.json(), "instance": ""} == {**answer.json(), "instance": ""}
    assert await state() == before


@pytest.mark.parametrize(("issued", "old"), [("2026-01-05", False), ("2025-10-10", False), ("2025-10-09", True), ("2026-01-11", True)])
async def test_the_certificate_of_a_registered_seal_is_kept_as_a_scan_and_its_age_is_a_hint(world, issued, old):
    scene = await two(world)
    question = await scene.asked()
    entered = await scene.paper("second", "yes", question["id"], confirm=False, seal_certificate_scan=CERTIFICATE, seal_certificate_on=issued)
    view = entered.json()
    assert entered.status_code == 201 and view["seal_certificate_scanned"] and view["seal_certificate_old"] is old, entered.text
    assert view["seal_certificate_sha256"] == hashlib.sha256(b"%PDF-1.7 certificate").hexdigest()
    path = f"/v1/listings/{scene.published.listing_id}/paper-evidence/{view['id']}/seal-certificate"
    colleague = await world.member(scene.seller.organisation_id, "intermediary")
    read = await colleague.get(path)
    assert read.content == b"%PDF-1.7 certificate" and read.headers["content-type"] == "application/pdf"
    for stranger in (scene.buyer, await world.intermediary("bank")):
        assert (await stranger.get(path)).status_code in (403, 404)
