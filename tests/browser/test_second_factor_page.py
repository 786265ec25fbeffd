"""Can a member set up an authenticator app on the page, in a real browser, with its picture shown under our own policy?

Needs Chromium; skipped, with the reason, where there is none. Screenshots are left beside the other files of the run.
"""

import asyncio
import time

import pyotp
import pytest
from browser.phone import CHROMIUM, Phone
from browser.test_owner_page import served

from succession.actor import COOKIE

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
WIDTH = 390
PICTURE_SHOWN = "document.querySelector('.picture img').naturalWidth"


async def test_setting_up_confirming_and_the_recovery_codes_are_readable(app, world, tmp_path):
    member = await world.intermediary()
    await world.seed("DELETE FROM vault.second_factor WHERE member_id = $1", member.member_id)
    token = await app.state.sessions.start(member.member_id, 1)

    def walk(address):
        def settled():  # a new page has a width a moment after its text
            phone.until("document.readyState === 'complete' && document.documentElement.clientWidth > 0 && document.fonts.status === 'loaded'")

        with Phone(tmp_path / "profile", WIDTH, 1100) as phone:
            phone.call("Network.enable")
            phone.call("Network.setCookie", name=COOKIE, value=token, url=address)
            phone.call("Network.setExtraHTTPHeaders", headers={"Accept-Language": "ja"})
            phone.open(f"{address}/second-factor")
            settled()
            phone.picture(tmp_path / "start.png")
            phone.run("document.querySelector('button').click()")
            phone.until("document.querySelector('.picture img')?.complete && document.readyState === 'complete'")
            settled()
            phone.picture(tmp_path / "picture.png")
            assert phone.run(PICTURE_SHOWN) > 100, "our own policy lets the picture through"
            secret = phone.run("document.querySelector('.secret').textContent")
            phone.run(f"document.querySelector('#code').value = '{pyotp.TOTP(secret).now()}'")
            phone.run("document.querySelector('button').click()")
            phone.until("document.querySelectorAll('.codes code').length === 10 && document.readyState === 'complete'")
            settled()
            phone.picture(tmp_path / "codes.png")
            phone.open(f"{address}/second-factor")
            settled()
            phone.picture(tmp_path / "code.png")
            phone.run(f"document.querySelector('#code').value = '{pyotp.TOTP(secret).at(time.time() + 30)}'")
            phone.run("document.querySelector('button').click()")
            phone.until("document.body?.innerText.includes('確認しました')")
            return phone.run("document.documentElement.scrollWidth"), phone.run("document.documentElement.lang")

    async with served(app) as address:
        object.__setattr__(app.state.settings, "public_url", address)
        try:
            width, lang = await asyncio.to_thread(walk, address)
        finally:
            object.__setattr__(app.state.settings, "public_url", "http://127.0.0.1:8400")
    assert (width, lang) == (WIDTH, "ja"), "nothing is cut off"
