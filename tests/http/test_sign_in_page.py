"""Can a person sign in with nothing but a browser, and does the page tell and allow no more than the API?"""

import pytest

from world import ORIGIN, PASSWORD

FROM = {"Origin": ORIGIN, "Accept-Language": "en"}


async def typed(client, **fields):
    return await client.post("/sign-in", data=fields, headers=FROM)


async def test_a_buyer_signs_in_sees_who_they_are_and_signs_out(world):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    await world.signed_in(buyer)
    browser = world.client()
    form = await browser.get("/sign-in", headers=FROM)
    assert form.status_code == 200 and "<form" in form.text and "<script" not in form.text and "style=" not in form.text
    done = await typed(browser, email=buyer.email, password=PASSWORD)
    assert (done.status_code, done.headers["location"]) == (303, "/sign-in?lang=en")
    assert "httponly" in done.headers["set-cookie"].lower()
    me = await browser.get(done.headers["location"], headers=FROM)
    assert "You are signed in" in me.text and (await browser.get("/v1/members/me")).json()["name"] in me.text
    project = (await buyer.get(f"/v1/disclosure-requests/{deal}")).json()["project_name"]
    assert f'href="/nda/{deal}?lang=en">{project}<' in me.text and published.legal_name not in me.text and "/knowledge" not in me.text
    assert (await browser.get(f"/nda/{deal}")).status_code == 200
    assert "ログインしています" in (await browser.get("/sign-in?lang=ja")).text
    token = dict(browser.cookies)
    out = await typed(browser, step="out")
    assert out.status_code == 303 and (await browser.get("/v1/members/me")).status_code == 401
    browser.cookies.update(token)
    assert (await browser.get("/v1/members/me")).status_code == 401, "ended on our side, not only in the browser"


async def test_an_adviser_needs_the_code_as_well_and_a_wrong_one_leaves_no_session(world):
    published = await world.published()
    seller = published.seller
    await world.signed_in(seller)
    browser = world.client()
    wrong = await typed(browser, email=seller.email, password=PASSWORD, code="000000")
    assert wrong.status_code == 422 and 'role="alert"' in wrong.text and not browser.cookies
    without = await typed(browser, email=seller.email, password=PASSWORD)
    assert without.status_code == 303 and (await browser.get("/sign-in")).headers["location"] == "/second-factor"
    assert (await browser.get("/v1/members")).status_code == 403, "half a session"
    half = dict(browser.cookies)
    right = await typed(browser, email=seller.email, password=PASSWORD, code=await seller.app.code())
    assert right.status_code == 303, right.text
    me = await browser.get("/sign-in", headers=FROM)
    assert f"/listings/{published.listing_id}/knowledge" in me.text and (await browser.get("/v1/members")).status_code == 200
    other = world.client()
    other.cookies.update(half)
    assert (await other.get("/v1/members/me")).status_code == 401, "the session before it ended"
    assert (await typed(world.client(), email=seller.email, password=PASSWORD, code=(await seller.app.code())[:5])).status_code == 422


@pytest.mark.parametrize(("email", "password"), [("nobody@fictitious.example", PASSWORD), (None, "a wrong sentence"), (None, ""), (None, "x" * 5000)])
async def test_a_refusal_says_the_same_for_everybody_and_keeps_nothing(world, email, password):
    buyer = await world.acquirer()
    await world.signed_in(buyer)
    browser = world.client()
    refused = await typed(browser, email=email or buyer.email, password=password)
    assert refused.status_code == 401 and not browser.cookies
    assert (email or buyer.email) in refused.text and PASSWORD not in refused.text and "a wrong sentence" not in refused.text
    assert refused.text.count('role="alert"') == 1


async def test_tries_are_counted_with_those_of_the_api_and_another_site_may_not_send_the_form(world, http):
    buyer = await world.acquirer()
    await world.signed_in(buyer)
    foreign = await world.client().post("/sign-in", data={"email": buyer.email, "password": PASSWORD}, headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403 and "set-cookie" not in foreign.headers
    browser = world.client()
    for number in range(10):
        if number % 2:
            answer = await typed(browser, email=buyer.email, password="a wrong sentence")
        else:
            answer = await http.post("/v1/sessions", json={"email": buyer.email, "password": "a wrong sentence"})
        assert answer.status_code == 401
    last = await typed(browser, email=buyer.email, password=PASSWORD)
    assert last.status_code == 429 and 'role="alert"' in last.text and not browser.cookies
