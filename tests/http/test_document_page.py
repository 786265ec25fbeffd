"""Does the page for leafing through a document show its reader's pages, and nobody else anything?"""

from __future__ import annotations

import re

from papers import office, pdf

DECLARED = {"contains_personal_data": False, "export_control_class": "none"}


async def added(published, filename, content, **more):
    upload = await published.seller.post(f"/v1/listings/{published.listing_id}/uploads", {"level": "dossier", "filename": filename} | DECLARED | more)
    answer = await published.seller.client.put(f"/v1/uploads/{upload.json()['id']}/content", content=content)
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


async def test_a_signed_in_buyer_leafs_through_and_each_picture_is_a_look_of_its_own(world):
    published, buyer = await world.published(), await world.acquirer()
    await world.released(published, buyer)
    document = await added(published, "<b>accounts.pdf", pdf(3))
    browser = await world.signed_in(buyer)
    page = await browser.get(f"/documents/{document}?page=2&lang=ja")
    assert page.status_code == 200 and "<script" not in page.text and "&lt;b&gt;accounts.pdf" in page.text and 'lang="ja"' in page.text
    assert "?page=1&amp;lang=ja" in page.text and "?page=3&amp;lang=ja" in page.text and f'href="/v1/documents/{document}"' not in page.text
    looks = "SELECT count(*) FROM vault.access WHERE listing_id = $1"
    assert (await world.seed(looks, published.listing_id))[0][0] == 0
    picture = await browser.get(re.search(r'<img src="([^"]+)"', page.text)[1])
    assert picture.headers["content-type"] == "image/png" and (await world.seed(looks, published.listing_id))[0][0] == 1
    last = await browser.get(f"/documents/{document}?page=3&lang=en")
    assert 'rel="next"' not in last.text and "Page 3 of 3" in last.text
    assert (await browser.get(f"/documents/{document}?page=4")).status_code == 404
    assert (await browser.get("/static/document.css")).status_code == 200


async def test_strangers_learn_not_even_the_title_and_a_workbook_is_offered_as_a_file(world):
    published, buyer = await world.published(), await world.acquirer()
    document = await added(published, "books.xlsx", office(), downloadable=True, unmarked_reason="for the buyer's model")
    browser, stranger = await world.signed_in(buyer), await world.signed_in(await world.acquirer())
    for reader, status in ((browser, 404), (stranger, 404), (world.client(), 401)):
        refused = await reader.get(f"/documents/{document}")
        assert refused.status_code == status and "books" not in refused.text
    await world.released(published, buyer)
    page = await browser.get(f"/documents/{document}?lang=en")
    assert page.status_code == 200 and "<img" not in page.text and f'href="/v1/documents/{document}"' in page.text
    assert (await stranger.get(f"/documents/{document}")).status_code == 404
