"""Is what is signed on the page exactly what was on the page?"""

from __future__ import annotations

import re
from uuid import UUID


async def offered(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.requested(published, buyer)
    path = f"/v1/disclosure-requests/{deal}"
    await published.seller.post(f"{path}/screening", {"decision": "cleared"})
    nda = (await published.seller.post(f"{path}/nda", {"form": "one_way", "term_months": 24})).json()
    return published, await world.signed_in(buyer), deal, nda


async def test_reading_changes_nothing_and_signing_takes_the_text_that_was_shown(world):
    published, browser, deal, nda = await offered(world)
    page = await browser.get(f"/nda/{deal}?lang=ja")
    assert page.status_code == 200 and "<script" not in page.text and page.headers["content-language"] == "ja"
    assert "第1条（秘密情報）" in page.text and "Article 1 (Confidential information)" in page.text
    shown = re.search(r'name="text_hash" value="(\w+)"', page.text)[1]
    assert shown == nda["text_hash"]
    sent = await browser.client.post(f"/nda/{deal}/code?lang=en")
    assert sent.status_code == 200 and f"{browser.email[:1]}****@fictitious.example" in sent.text and browser.email not in sent.text
    form = {"act": "signature", "text_hash": shown, "name": "<b>A. Signer</b>", "title": "Director", "authority": "authorised_in_writing",
            "code": await world.mailed_code(browser)}
    unread = await browser.client.post(f"/nda/{deal}", data=form)
    nameless = await browser.client.post(f"/nda/{deal}", data=form | {"name": " ", "read": "yes"})
    powerless = await browser.client.post(f"/nda/{deal}", data=form | {"authority": "", "read": "yes"})
    assert (unread.status_code, nameless.status_code, powerless.status_code) == (422,) * 3 and "&lt;b&gt;A. Signer" in unread.text
    guessed = await browser.client.post(f"/nda/{deal}", data=form | {"code": f"{(int(form['code']) + 1) % 10**6:06d}", "read": "yes"})
    assert guessed.status_code == 409 and "This code is not right" in guessed.text
    assert (await published.seller.get(f"/v1/disclosure-requests/{deal}/nda")).json()["signed_at"] is None

    again = (await published.seller.post(f"/v1/disclosure-requests/{deal}/nda", {"form": "two_party", "term_months": 24})).json()
    stale = await browser.client.post(f"/nda/{deal}", data=form | {"read": "yes"})
    assert stale.status_code == 409 and again["text_hash"] in stale.text, "the new text is shown instead"
    assert (await browser.client.post(f"/nda/{deal}", data=form | {"read": "yes", "text_hash": again["text_hash"]})).status_code == 409
    await browser.client.post(f"/nda/{deal}/code")  # the code of the first offer signs no other
    fresh = form | {"read": "yes", "text_hash": again["text_hash"], "code": await world.mailed_code(browser)}
    signed = await browser.client.post(f"/nda/{deal}?lang=ja", data=fresh)
    assert signed.status_code == 200 and "<button>" not in signed.text, signed.text
    assert "（Director）：署名する" in signed.text and "署名する権限を書面で与えられています。" in signed.text, "who signed, as what, on which authority"
    row = (await world.seed("SELECT * FROM vault.nda WHERE id = $1", UUID(again["id"])))[0]
    assert row["locale_shown"] == "ja" and row["signer_name"] == "<b>A. Signer</b>" and row["in_force_at"] is None
    seller = await world.signed_in(published.seller)
    assert "Countersign" in (await seller.get(f"/nda/{deal}?lang=en")).text
    await seller.client.post(f"/nda/{deal}/code")
    both = await seller.client.post(f"/nda/{deal}", data=fresh | {"act": "countersignature", "name": "C. Ounter", "code": await world.mailed_code(seller)})
    assert both.status_code == 200, both.text
    assert (await world.seed("SELECT * FROM vault.nda WHERE id = $1", UUID(again["id"])))[0]["in_force_at"]
    assert (await browser.get("/static/nda.css")).status_code == 200


async def test_only_members_of_the_buyer_get_the_page_and_only_from_our_own_pages(world):
    published, browser, deal, nda = await offered(world)
    form = {"act": "signature", "text_hash": nda["text_hash"], "name": "A", "title": "B", "authority": "legal_representative", "code": "000000",
            "read": "yes"}
    stranger, seller = await world.signed_in(await world.acquirer()), await world.signed_in(published.seller)
    for client, reads, signs, asks in ((world.client(), 401, 401, 401), (stranger.client, 404, 404, 404), (seller.client, 200, 403, 409)):
        page = await client.get(f"/nda/{deal}")
        assert page.status_code == reads and "<button>" not in page.text
        assert (await client.post(f"/nda/{deal}", data=form)).status_code == signs
        assert (await client.post(f"/nda/{deal}/code")).status_code == asks
    forged = await browser.client.post(f"/nda/{deal}", data=form, headers={"Origin": "https://elsewhere.example"})
    assert forged.status_code == 403 and forged.json()["code"] == "origin_refused"
    assert (await published.seller.get(f"/v1/disclosure-requests/{deal}/nda")).json()["signed_at"] is None
