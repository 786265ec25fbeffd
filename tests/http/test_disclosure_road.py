"""Does one disclosure go its whole road over HTTP, each side knowing only its own part?"""

from __future__ import annotations

import hashlib


async def test_the_whole_road_once(world):
    published = await world.published()
    seller, buyer = published.seller, await world.acquirer(legal_name="Fictitious Holdings plc", ultimate_parent="Fictitious Group",
                                                           ultimate_parent_country="US")
    opened = await buyer.post("/v1/disclosure-requests", {"teaser_ref": str(published.ref), "purpose": "To make parts in Japan"})
    assert opened.status_code == 201, opened.text
    request = opened.json()
    path = f"/v1/disclosure-requests/{request['id']}"
    assert request["side"] == "buyer" and request["stage"] == "interested" and request["next_step"] == "await_adviser"
    assert request["intermediary"] is None and "listing_id" not in request
    (letter,) = await world.letters(organisation=seller.organisation_id)
    assert letter["template"] == "request_opened" and letter["params"] == {"project": request["project_name"]}

    seen = (await seller.get(path)).json()
    assert seen["side"] == "seller" and seen["listing_id"] == str(published.listing_id) and seen["next_step"] == "screen_buyer"
    assert seen["buyer"]["legal_name"] == "Fictitious Holdings plc" and seen["buyer"]["ultimate_parent_country"] == "US"

    assert (await seller.post(f"{path}/screening", {"decision": "cleared"})).json()["next_step"] == "offer_nda"
    offered = await seller.post(f"{path}/nda", {"form": "two_party", "term_months": 24})
    assert offered.status_code == 201, offered.text
    nda = (await buyer.get(f"{path}/nda")).json()
    assert nda == offered.json()
    shown = (nda["text_ja"] + nda["separator"] + nda["text_en"]).encode()
    assert hashlib.sha256(shown).hexdigest() == nda["text_hash"]
    assert published.legal_name not in nda["text_ja"] + nda["text_en"]
    request = (await buyer.get(path)).json()
    assert request["next_step"] == "sign_nda" and request["intermediary"] in nda["text_en"]

    signed = await world.sign(buyer, path, nda["text_hash"])
    assert signed["state"] == "awaiting_countersignature" and (await buyer.get(path)).json()["stage"] == "interested"
    assert (await seller.get(path)).json()["next_step"] == "countersign_nda"
    assert (await seller.post(f"{path}/name-clear")).json()["code"] == "nda_needed"
    both = await seller.post(f"{path}/nda/countersignature", await world.signing(seller, path, nda["text_hash"]))
    assert both.status_code == 201 and both.json()["state"] == "signed", both.text

    asked = await seller.post(f"{path}/name-clear")
    assert asked.status_code == 201, asked.text
    question = asked.json()
    assert hashlib.sha256(question["shown_text_ja"].encode()).hexdigest() == question["shown_hash"]
    for said in ("Fictitious Holdings plc", "イギリス", "Fictitious Group（アメリカ合衆国）", "To make parts in Japan"):
        assert said in question["shown_text_ja"]
    assert (await buyer.get(path)).json()["stage"] == "nda_signed"
    await world.owner_answers(published, "yes")
    assert (await seller.get(path)).json()["next_step"] == "release_dossier"

    released = await seller.post(f"{path}/dossier-release")
    assert released.status_code == 201 and released.json()["live"], released.text
    request = (await buyer.get(path)).json()
    assert request["stage"] == "im_disclosed" and request["next_step"] == "read_dossier"
    read = await buyer.get(f"/v1/dossiers/{request['id']}")
    assert read.status_code == 200, read.text
    dossier = read.json()
    assert dossier["summary"]["legal_name"] == published.legal_name
    assert [year["period_end"] for year in dossier["finance"]["years"]] == ["2026-03-31", "2025-03-31", "2024-03-31"]
    assert "架空 花子" not in read.text and dossier["organisation"]["representative_name"] == "架空 太郎"
    (access,) = (await seller.get(f"/v1/listings/{published.listing_id}/accesses")).json()["items"]
    assert access["what"] == "dossier" and access["organisation"] == "Fictitious Holdings plc" and access["member_id"] == str(buyer.member_id)

    schedule = (await buyer.get(f"{path}/nda/schedule")).json()
    assert schedule == (await seller.get(f"{path}/nda/schedule")).json()
    assert published.legal_name in schedule["text_ja"] and nda["text_hash"] in schedule["text_ja"]
    entries = (await seller.get(f"/v1/listings/{published.listing_id}/ledger")).json()["items"]
    assert [entry["kind"] for entry in entries] == [
        "request_opened", "screening_decided", "nda_offered", "nda_signed", "nda_countersigned", "name_clear_asked", "name_clear_decided", "released",
        *["disclosed"] * 10, "nda_schedule"]
    for entry in entries:
        assert hashlib.sha256(bytes.fromhex(entry["prev"]) + entry["body"].encode()).hexdigest() == entry["hash"]
        for name in ("Fictitious Holdings", "A. Signer", "架空", "203.0.113.9", "parts"):
            assert name not in entry["body"]
