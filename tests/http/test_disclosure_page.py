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
    form = {"text_hash": shown, "name": "<b>A. Signer</b>", "title": "Director"}
    unread = await browser.client.post(f"/nda/{deal}", data=form)
    nameless = await browser.client.post(f"/nda/{deal}", data=form | {"name": " ", "read": "yes"})
    assert (unread.status_code, nameless.status_code) == (422, 422) and "&lt;b&gt;A. Signer" in unread.text
    assert (await published.seller.get(f"/v1/disclosure-requests/{deal}/nda")).json()["signed_at"] is None

    again = (await published.seller.post(f"/v1/disclosure-requests/{deal}/nda", {"form": "two_party", "term_months": 24})).json()
    stale = await browser.client.post(f"/nda/{deal}", data=form | {"read": "yes"})
    assert stale.status_code == 409 and again["text_hash"] in stale.text, "the new text is shown instead"
    signed = await browser.client.post(f"/nda/{deal}?lang=ja", data=form | {"read": "yes", "text_hash": again["text_hash"]})
    assert signed.status_code == 200 and "<button>" not in signed.text, signed.text
    row = (await world.seed("SELECT * FROM vault.nda WHERE id = $1", UUID(again["id"])))[0]
    assert row["locale_shown"] == "ja" and row["signer_name"] == "<b>A. Signer</b>"
    assert (await browser.get("/static/nda.css")).status_code == 200


async def test_only_members_of_the_buyer_get_the_page_and_only_from_our_own_pages(world):
    published, browser, deal, nda = await offered(world)
    form = {"text_hash": nda["text_hash"], "name": "A", "title": "B", "read": "yes"}
    stranger, seller = await world.signed_in(await world.acquirer()), await world.signed_in(published.seller)
    for client, status in ((world.client(), 401), (stranger.client, 404), (seller.client, 403)):
        assert (await client.get(f"/nda/{deal}")).status_code == status
        assert (await client.post(f"/nda/{deal}", data=form)).status_code == status
    forged = await browser.client.post(f"/nda/{deal}", data=form, headers={"Origin": "https://elsewhere.example"})
    assert forged.status_code == 403 and forged.json()["code"] == "origin_refused"
    assert (await published.seller.get(f"/v1/disclosure-requests/{deal}/nda")).json()["signed_at"] is None
