"""Does the owner's page stand in a real browser, on a phone, without a script, and does opening it change nothing?

Needs Chromium; skipped, with the reason, where there is none. A screenshot is left beside the other files of the run.
"""

import asyncio
import contextlib
import shutil
import socket
import subprocess

import pytest
import uvicorn

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--window-size=390,1600", "--hide-scrollbars")


@contextlib.asynccontextmanager
async def served(app):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task


async def _browse(tmp_path, *arguments: str) -> str:
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *arguments]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=90)
    return done.stdout.decode("utf-8", "replace")


async def test_the_owner_reads_a_question_about_one_named_buyer_on_a_phone(app, world, tmp_path):
    published, buyer = await world.published(), await world.acquirer(legal_name="Fictitious Buyer Holdings Ltd")
    deal = await world.nda_signed(published, buyer)
    asked = await published.seller.post(f"/v1/disclosure-requests/{deal}/name-clear")
    assert asked.status_code == 201, asked.text
    link = (await world.letters(published.owner_email))[-1]["params"]["link"]
    path = link[link.index("/owner/"):]
    before = await world.seed("SELECT count(*) FROM vault.audit_event")
    async with served(app) as address:
        shown = await _browse(tmp_path, "--dump-dom", address + path)
        picture = tmp_path / "owner-page.png"
        await _browse(tmp_path, f"--screenshot={picture}", address + path)
    assert "Fictitious Buyer Holdings Ltd" in shown and "<button" in shown and "<script" not in shown
    assert 'lang="ja"' in shown
    assert picture.stat().st_size > 10_000
    print(f"screenshot: {picture}")
    assert await world.seed("SELECT count(*) FROM vault.audit_event") == before, "opening the page changed something"
    assert not (await world.seed("SELECT decision FROM vault.name_clear WHERE deal_id = $1", deal))[0]["decision"]
