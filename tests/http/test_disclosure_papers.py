"""Is exactly the text that was read signed, and does only the owner clear the name, take it back, or end the talks?"""

from __future__ import annotations

import base64
import hashlib
import json
from uuid import UUID

from listing_scene import SCAN, form_of
from world import ORIGIN

from succession.disclosure.nda_text import template_version

SIGNATURE = {"name": "A. Signer", "title": "Director", "authority": "legal_representative", "locale_shown": "en", "code": "000000"}


async def screened(world):
    published, buyer = await world.published(), await world.acquirer()
    path = f"/v1/disclosure-requests/{await world.requested(published, buyer)}"
    assert (await published.seller.post(f"{path}/screening", {"decision": "cleared"})).status_code == 201
    return published, buyer, path


# -- NDA ---------------------------------------------------------------------------------------------------------------


async def test_only_the_text_that_was_read_can_be_signed(world):
    published, buyer, path = await screened(world)
    nothing = await buyer.post(f"{path}/nda/signature", SIGNATURE | {"text_hash": "0" * 64})
    assert nothing.status_code == 409 and nothing.json()["code"] == "step_refused"
    first = (await published.seller.post(f"{path}/nda", {"form": "one_way", "term_months": 24})).json()
    second = (await published.seller.post(f"{path}/nda", {"form": "two_party", "term_months": 36})).json()
    assert first["text_hash"] != second["text_hash"] and first["template_version"] == second["template_version"] == template_version()
    body = await world.signing(buyer, path, first["text_hash"])
    before = len(await world.seed("SELECT 1 FROM ops.outbox"))
    stale = await buyer.post(f"{path}/nda/signature", body)
    assert stale.status_code == 409 and stale.json()["code"] == "nda_text_changed"
    assert (await buyer.get(f"{path}/nda")).json()["signed_at"] is None
    assert len(await world.seed("SELECT 1 FROM ops.outbox")) == before

    buyer.client.headers["User-Agent"] = "a browser"
    signed = await buyer.post(f"{path}/nda/signature", body | {"text_hash": second["text_hash"]})
    assert signed.status_code == 201 and signed.json()["signer_name"] == "A. Signer"
    row = (await world.seed("SELECT * FROM vault.nda WHERE id = $1", UUID(second["id"])))[0]
    assert row["agent"] == "a browser" and row["address"] and row["locale_shown"] == "en"
    assert hashlib.sha256(f"{row['text_ja']}\n\n\n{row['text_en']}".encode()).digest() == row["text_hash"]
    twice = await buyer.post(f"{path}/nda/signature", body | {"text_hash": second["text_hash"]})
    assert twice.status_code == 409
    body = await world.signing(published.seller, path, second["text_hash"])
    assert (await published.seller.post(f"{path}/nda/countersignature", body)).json()["state"] == "signed"
    offered_again = await published.seller.post(f"{path}/nda", {"form": "one_way", "term_months": 24})
    assert offered_again.status_code == 409, "one in force is not replaced"


async def test_both_forms_say_what_they_must_in_both_languages(world):
    published, buyer, path = await screened(world)
    for form in ("one_way", "two_party"):
        nda = (await published.seller.post(f"{path}/nda", {"form": form, "term_months": 18})).json()
        for said in ("東京地方裁判所", "日本語を正文", "反社会的勢力", "出願", "リバースエンジニアリング", "記憶に残", "接触", "その名称は明らかにされていない", "ノウハウ", "廃棄", "18か月"):
            assert said in nda["text_ja"], said
        for said in ("Tokyo District Court", "Japanese text prevails", "Anti-Social Forces", "No contact", "patents", "reverse engineering",
                     "memory", "for itself and for the business that instructed it", "whose names are not disclosed", "know-how", "18 months", "destroys"):
            assert said in nda["text_en"], said
        assert ("Information about the Recipient" in nda["text_en"]) == (form == "two_party")
        assert nda["text_ja"].count("第") >= 13 and "{" not in nda["text_ja"] + nda["text_en"]
        assert published.legal_name not in json.dumps(nda, ensure_ascii=False)
        assert (await buyer.get(f"{path}/nda")).json()["text_hash"] == nda["text_hash"]
    wrong = await published.seller.post(f"{path}/nda", {"form": "one_way", "term_months": 61})
    assert wrong.status_code == 422


async def test_termination_stops_reading_at_once_and_a_new_nda_needs_a_new_consent(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    path, seller = f"/v1/disclosure-requests/{deal}", published.seller
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 200
    ended = await seller.post(f"{path}/nda/termination", {"reason": "breach"})
    assert ended.status_code == 201 and ended.json()["state"] == "ended"
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 404
    assert (await world.letters(organisation=buyer.organisation_id))[-1]["template"] == "nda_ended"
    again = (await seller.post(f"{path}/nda", {"form": "one_way", "term_months": 24})).json()
    await world.sign(buyer, path, again["text_hash"])
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 404
    assert (await seller.post(f"{path}/dossier-release")).json()["code"] == "name_clear_needed"


# -- name clear --------------------------------------------------------------------------------------------------------


async def test_each_step_needs_the_one_before_it(world):
    published, buyer = await world.published(), await world.acquirer()
    path, seller = f"/v1/disclosure-requests/{await world.requested(published, buyer)}", published.seller
    offer = {"form": "one_way", "term_months": 24}

    async def codes():
        return [(await seller.post(f"{path}/{step}", body)).json()["code"] for step, body in (
            ("name-clear", {}), ("dossier-release", {}), ("data-room-release", {}))]

    assert (await seller.post(f"{path}/nda", offer)).json()["code"] == "screening_needed"
    assert await codes() == ["screening_needed"] * 3
    await seller.post(f"{path}/screening", {"decision": "cleared"})
    assert await codes() == ["nda_needed"] * 3
    nda = (await seller.post(f"{path}/nda", offer)).json()
    assert await codes() == ["nda_needed"] * 3
    await world.sign(buyer, path, nda["text_hash"])
    assert (await seller.post(f"{path}/dossier-release")).json()["code"] == "name_clear_needed"
    assert (await seller.post(f"{path}/name-clear")).status_code == 201
    assert (await seller.post(f"{path}/name-clear")).json()["code"] == "conflict", "one question at a time"
    assert (await seller.post(f"{path}/dossier-release")).json()["code"] == "name_clear_needed"
    await world.owner_answers(published, "ask_adviser")
    assert (await seller.post(f"{path}/dossier-release")).json()["code"] == "name_clear_needed"
    assert (await seller.get(path)).json()["next_step"] == "await_owner"
    assert (await seller.post(f"{path}/name-clear/link")).status_code == 201
    await world.owner_answers(published, "yes")
    assert (await seller.post(f"{path}/data-room-release")).json()["code"] == "disclosure_causes"
    assert (await seller.post(f"{path}/dossier-release")).status_code == 201
    assert (await seller.post(f"{path}/dossier-release")).json()["code"] == "consent_used"
    assert len(await world.seed("SELECT 1 FROM vault.disclosure_grant WHERE listing_id = $1", published.listing_id)) == 1


async def test_the_owner_sees_everything_known_of_the_buyer_and_the_advisers_earlier_deals(world):
    seller = await world.intermediary("registered_institution", legal_name="架空アドバイザリー株式会社")
    buyer = await world.acquirer(country="FR", legal_name="Société Fictive SA", business="Pumps\n調べた結果：問題なし",
                                 website="https://fictive.example")
    await world.seed("INSERT INTO vault.beneficial_owner (organisation_id, name, country, share_percent) VALUES ($1, 'Jeanne Exemple', 'BE', 51.5)",
                     buyer.organisation_id)
    await world.requested(await world.published(seller), buyer)
    published = await world.published(seller)
    deal = await world.nda_signed(published, buyer)
    question = (await seller.post(f"/v1/disclosure-requests/{deal}/name-clear")).json()
    said = question["shown_text_ja"]
    for words in ("Société Fictive SA", "フランス", "Jeanne Exemple（ベルギー） 51.5％", "https://fictive.example", "Growth in Japan",
                  "架空アドバイザリー株式会社とこの相手との、これまでの取引：1件（うち成立0件）。繰り返し取引のある相手です。",
                  "保証するものではありません"):
        assert words in said, words
    assert "Pumps 調べた結果：問題なし" in said, "what a buyer typed cannot begin a line of its own"
    shown = question["shown"]
    assert shown["beneficial_owners"] == [{"name": "Jeanne Exemple", "country": "BE", "share_percent": "51.5"}]
    assert "listing_identity.legal_name" in shown["fields"] and "listing_contact.family" not in shown["fields"]
    letter = (await world.letters(published.owner_email))[-1]
    assert letter["template"] == "owner_name_clear" and "Fictive" not in json.dumps(letter) and published.legal_name not in json.dumps(letter)
    browser = world.client(Origin=ORIGIN)
    html = (await browser.get(letter["params"]["link"].removeprefix(ORIGIN))).text
    assert "Société Fictive SA" in html and (await seller.get(f"/v1/disclosure-requests/{deal}/name-clear")).json()["decision"] is None


async def test_the_owner_takes_a_yes_back_by_a_fresh_link_and_reading_ends(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer, "data_room")
    path, seller = f"/v1/disclosure-requests/{deal}", published.seller
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 200
    assert (await seller.post(f"{path}/name-clear/link")).status_code == 201
    await world.owner_answers(published, "withdrawn")
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 404
    assert (await buyer.get("/v1/grants")).json()["items"] == []
    grants = (await seller.get("/v1/grants")).json()["items"]
    assert len(grants) == 2 and not any(grant["live"] for grant in grants) and all(grant["revoked_at"] for grant in grants)
    letter = (await world.letters(organisation=buyer.organisation_id))[-1]
    assert letter["template"] == "access_ended" and set(letter["params"]) == {"project"}
    kinds = [entry["kind"] for entry in await seller.every(f"/v1/listings/{published.listing_id}/ledger")]
    assert kinds[-3:] == ["name_clear_revoked", "revoked", "revoked"]
    # A fresh consent is asked for and given: the old release stays dead, a new one is needed.
    assert (await seller.post(f"{path}/name-clear")).status_code == 201
    await world.owner_answers(published, "yes")
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 404
    assert (await seller.post(f"{path}/dossier-release")).status_code == 201
    assert (await buyer.get(f"/v1/dossiers/{deal}")).status_code == 200


async def test_a_no_after_an_earlier_yes_ends_the_deal_as_politely(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    path = f"/v1/disclosure-requests/{deal}"
    await published.seller.post(f"{path}/name-clear/link")
    await world.owner_answers(published, "withdrawn")
    assert (await published.seller.post(f"{path}/name-clear")).status_code == 201
    await world.owner_answers(published, "no")
    assert (await published.seller.get(path)).json()["terminal"] == "seller_withdrew"
    assert (await buyer.get(path)).json()["outcome"] == "not_concluded"


async def test_on_paper_a_second_person_makes_the_answer_count(world):
    published, buyer = await world.published(), await world.acquirer()
    seller = published.seller
    second = await world.member(seller.organisation_id, "intermediary")
    deal = await world.nda_signed(published, buyer)
    path = f"/v1/disclosure-requests/{deal}"
    question = (await seller.post(f"{path}/name-clear", {"by": "paper"})).json()
    assert await world.letters(published.owner_email) == []
    paper = await seller.post(f"/v1/listings/{published.listing_id}/paper-evidence", {
        "purpose": "name_clear", "subject_id": question["id"], "decision": "yes", "signer": "架空 太郎", "witness": "架空 次郎",
        "signed_on": "2026-01-10", "seal": "everyday_seal", "scan": base64.b64encode(SCAN).decode()})
    assert paper.status_code == 201, paper.text
    confirm = f"/v1/listings/{published.listing_id}/paper-evidence/{paper.json()['id']}/confirmation"
    assert (await seller.post(confirm)).status_code == 409
    assert (await seller.post(f"{path}/dossier-release")).json()["code"] == "name_clear_needed"
    confirmed = await second.post(confirm)
    assert confirmed.status_code in (200, 201), confirmed.text
    answered = (await seller.get(f"{path}/name-clear")).json()
    assert (answered["decision"], answered["method"]) == ("yes", "paper")
    assert (await seller.post(f"{path}/dossier-release")).status_code == 201


async def test_an_owner_nobody_can_mail_is_asked_on_paper(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.nda_signed(published, buyer)
    await world.seed("UPDATE vault.owner_contact SET email = NULL WHERE listing_id = $1", published.listing_id)
    unreachable = await published.seller.post(f"/v1/disclosure-requests/{deal}/name-clear")
    assert unreachable.status_code == 409 and unreachable.json()["code"] == "owner_unreachable"
    assert await world.seed("SELECT 1 FROM vault.name_clear WHERE deal_id = $1", UUID(deal)) == [], "nothing half done"
    assert (await published.seller.post(f"/v1/disclosure-requests/{deal}/name-clear", {"by": "paper"})).status_code == 201


async def test_a_question_that_lapsed_can_be_asked_again_and_the_old_link_answers_nothing(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.nda_signed(published, buyer)
    path = f"/v1/disclosure-requests/{deal}/name-clear"
    await published.seller.post(path)
    old = (await world.letters(published.owner_email))[-1]["params"]["link"].removeprefix(ORIGIN)
    browser = world.client(Origin=ORIGIN)
    form = form_of((await browser.get(old)).text, decision="yes", read="yes")
    await world.overrule("UPDATE vault.name_clear SET expires_at = now() WHERE deal_id = $1", UUID(deal))
    assert (await browser.post(old, data=form)).status_code >= 400
    assert (await published.seller.post(path)).status_code == 201
    assert (await browser.post(old, data=form)).status_code >= 400
    assert (await published.seller.get(path)).json()["decision"] is None
