"""Can a member sign in on the page with a real browser whose scripts are off, and read on a phone what is there for them?

Needs Chromium; skipped, with the reason, where there is none. Screenshots are left beside the other files of the run.
"""

import asyncio

import pytest
from browser.phone import CHROMIUM, Phone
from browser.test_owner_page import served

from world import PASSWORD

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
WIDTH = 390


async def test_signing_in_and_out_on_a_phone_without_scripts(app, world, tmp_path):
    published, buyer = await world.published(), await world.acquirer()
    await world.released(published, buyer)
    await world.signed_in(buyer)

    def walk(address):
        seen = {}

        def shown(name):
            phone.until("document.readyState === 'complete' && document.documentElement.clientWidth > 0")
            phone.picture(tmp_path / f"{name}.png")
            seen[name] = (phone.run("document.body.innerText"), phone.run("document.documentElement.scrollWidth"), phone.run("document.documentElement.lang"))

        def typed(password):
            phone.run(f"document.querySelector('#email').value = '{buyer.email}'")
            phone.run(f"document.querySelector('#password').value = '{password}'")
            phone.run("document.querySelector('form button').click()")

        with Phone(tmp_path / "profile", WIDTH, 1000) as phone:
            phone.call("Network.enable")
            phone.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": "ja"})
            phone.call("Emulation.setScriptExecutionDisabled", value=True)
            phone.open(f"{address}/sign-in")
            shown("form")
            typed("a wrong sentence")
            phone.until("document.querySelector('[role=alert]')")
            shown("refused")
            typed(PASSWORD)
            phone.until("document.querySelector('.who')")
            shown("signed_in")
            phone.run("document.querySelector('button.second').click()")
            phone.until("document.querySelector('#password')")
            shown("signed_out")
        return seen

    async with served(app) as address:
        object.__setattr__(app.state.settings, "public_url", address)
        try:
            seen = await asyncio.to_thread(walk, address)
        finally:
            object.__setattr__(app.state.settings, "public_url", "http://127.0.0.1:8400")
    assert {(width, lang) for _text, width, lang in seen.values()} == {(WIDTH, "ja")}, "nothing is cut off"
    assert "ログイン" in seen["form"][0] and "ログインしています" in seen["signed_in"][0] and seen["signed_out"][0] == seen["form"][0]
