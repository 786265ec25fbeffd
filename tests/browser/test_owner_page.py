"""Does the owner's page stand in a real browser, on a phone, without a script, and can somebody in their seventies use it?

Needs Chromium; skipped, with the reason, where there is none. Screenshots are left beside the other files of the run.
"""

import asyncio
import contextlib
import dataclasses
import socket

import pytest
import uvicorn
from browser.phone import CHROMIUM, Phone

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
WIDTH = 360


@contextlib.asynccontextmanager
async def served(app):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = app.state.settings
    here = f"http://127.0.0.1:{port}"
    app.state.settings = dataclasses.replace(settings, public_url=here)  # a browser states where a form came from
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.05)
    try:
        yield here
    finally:
        app.state.settings = settings
        server.should_exit = True
        await task


async def asked_from_abroad(world):
    """A question with every section: a buyer outside the countries named, told about its country, an adviser with a telephone."""
    published, buyer = await world.published(), await world.acquirer(
        country="US", legal_name="Fictitious Buyer Holdings Inc.", website="https://a-very-long-name-of-a-fictitious-firm.example/about-us",
        business="Machine tools and parts", ultimate_parent="Fictitious Parent Corporation", ultimate_parent_country="US")
    await world.seed("UPDATE vault.organisation SET legal_name = '架空事業承継センター', phone = '03-0000-0000' WHERE id = $1",
                     published.seller.organisation_id)
    await world.seed("INSERT INTO vault.beneficial_owner (organisation_id, name, country, share_percent) VALUES ($1, 'Jane Placeholder', 'CA', 62.5)",
                     buyer.organisation_id)
    deal = await world.nda_signed(published, buyer)
    asked = await published.seller.post(f"/v1/disclosure-requests/{deal}/name-clear", {"country_information": {
        "system_ja": "架空の説明です。個人情報を守る法律が分野ごとにあります。", "source": "架空の資料", "as_of": "2026-01-05"}})
    assert asked.status_code == 201, asked.text
    return published, deal


MEASURES = """({
  width: document.documentElement.scrollWidth,
  letters: Math.min(...[...document.querySelectorAll('p, li, label, button, h1, h2, strong')].map(e => parseFloat(getComputedStyle(e).fontSize))),
  targets: Math.min(...[...document.querySelectorAll('button, input[type=checkbox], a')].map(e => e.getBoundingClientRect().height)),
  cards: document.querySelectorAll('section.card h2').length, scripts: document.scripts.length,
  ticked: document.querySelectorAll(':checked').length, lang: document.documentElement.lang, text: document.body.innerText
})"""


async def test_the_owner_reads_a_question_about_one_named_buyer_on_a_phone(app, world, tmp_path):
    published, deal = await asked_from_abroad(world)
    path = await world.owner_link(published.owner_email)
    before = await world.seed("SELECT count(*) FROM vault.audit_event")

    def look(address):
        with Phone(tmp_path / "profile", WIDTH) as phone:
            phone.open(address + path)
            phone.picture(tmp_path / "owner-page.png")
            return phone.run(MEASURES)

    async with served(app) as address:
        seen = await asyncio.to_thread(look, address)
    assert seen["width"] <= WIDTH, "nothing is cut off, and nobody has to push the page sideways"
    assert seen["letters"] >= 17 and seen["targets"] >= 32, seen
    assert seen["cards"] >= 8 and seen["lang"] == "ja" and (seen["scripts"], seen["ticked"]) == (0, 0)
    for words in ("Fictitious Buyer Holdings Inc.", "アメリカ合衆国", "Jane Placeholder", "承諾すると、この相手が見られるもの", "会社の所在地、電話番号",
                  "代表者の情報が外国に渡ること", "架空の説明です", "私の名前と生まれた年", "承諾しない", "03-0000-0000", "架空事業承継センター"):
        assert words in seen["text"], words
    assert await world.seed("SELECT count(*) FROM vault.audit_event") == before, "opening the page changed something"
    assert not (await world.seed("SELECT decision FROM vault.name_clear WHERE deal_id = $1", deal))[0]["decision"]


async def test_somebody_says_yes_on_a_phone_and_types_the_number_from_the_letter(app, world, tmp_path):
    published, deal = await asked_from_abroad(world)
    path, loop = await world.owner_link(published.owner_email), asyncio.get_running_loop()

    def answer(address):
        with Phone(tmp_path / "profile", WIDTH) as phone:
            phone.open(address + path)
            phone.run("document.querySelector('button[value=yes]').click()")
            phone.until("document.querySelector('[role=alert]')")  # the box was not ticked: told so, and nothing is lost
            phone.run("document.getElementById('read').click()")
            phone.run("document.querySelector('button[value=yes]').click()")
            phone.until("document.getElementById('code')")
            phone.picture(tmp_path / "owner-code.png")
            wide = phone.run("document.documentElement.scrollWidth")
            code = asyncio.run_coroutine_threadsafe(world.owner_code(published.owner_email), loop).result(30)
            phone.run(f"document.getElementById('code').value = '{code}'")
            phone.run("document.querySelector('form button').click()")
            phone.until("!document.querySelector('form')")
            phone.picture(tmp_path / "owner-thanks.png")
            return wide, phone.run("document.body.innerText")

    async with served(app) as address:
        wide, said = await asyncio.to_thread(answer, address)
    assert wide <= WIDTH and "ありがとうございます" in said
    assert (await world.seed("SELECT decision FROM vault.name_clear WHERE deal_id = $1", deal))[0]["decision"] == "yes"
