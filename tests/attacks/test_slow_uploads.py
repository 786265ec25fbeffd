"""Eight uploads that never end, by one organisation or by many addresses of nobody: who else can still send a document?"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from uuid import UUID

import httpx
import pytest
from papers import pdf
from real_server import Server, serving
from succession.admission import LARGE, LARGE_FROM_BYTES, LARGE_SHARE, Admission, Pace
from world import ORIGIN

pytestmark = pytest.mark.slow
SAID = {"level": "dossier", "contains_personal_data": False, "export_control_class": "none"}


@pytest.fixture(scope="module")
def server(settings, database_url, tmp_path_factory):
    with serving(settings, database_url, tmp_path_factory.mktemp("slow") / "serve.log") as running:
        yield running


async def announced(seller, listing: UUID, name: str) -> str:
    upload = await seller.post(f"/v1/listings/{listing}/uploads", SAID | {"filename": name})
    assert upload.status_code == 201, upload.text
    return f"/v1/uploads/{upload.json()['id']}/content"


class Slow:
    """One connection that says how much will come, sends a little, and waits."""

    def __init__(self, address: str, server: Server, method: str, path: str, **headers: str) -> None:
        self.address, self.server, self.head = address, server, f"{method} {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {address}\r\n"
        self.head += "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in headers.items()) + "\r\n"
        self.sent = b'5\r\n{"ema\r\n' if "Transfer_Encoding" in headers else b"%PDF-1.7 and then nothing"

    async def status(self, within_s: float = 3.0) -> int | None:
        """What it is answered; None when nothing: it is waited for."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", int(self.server.address.rpartition(":")[2]))
        self.writer.write(self.head.encode() + self.sent)
        await self.writer.drain()
        try:
            async with asyncio.timeout(within_s):
                return int((await self.reader.readline()).split()[1])
        except TimeoutError:
            return None


@asynccontextmanager
async def held(*slow: Slow):
    """How they were answered, while those that were not go on."""
    try:
        yield Counter(await asyncio.gather(*(each.status() for each in slow)))
    finally:
        for each in slow:
            each.writer.close()


async def sends(server: Server, seller, listing: UUID, address: str) -> int:
    """An ordinary upload of a large file, of somebody else."""
    path, content = await announced(seller, listing, "accounts.pdf"), pdf(2) + b"%" + b" " * 2 * LARGE_FROM_BYTES
    async with server.client(seller) as client:
        return (await client.put(path, content=content, headers={"X-Forwarded-For": address})).status_code


async def test_eight_slow_uploads_of_one_organisation_leave_places_for_another(world, server):
    attacker, other = await world.published(), await world.published()
    colleague = await world.member(attacker.seller.organisation_id, "intermediary", role="admin")
    paths = [await announced(attacker.seller, attacker.listing_id, f"slow-{n}.pdf") for n in range(LARGE.places)]
    keys = [(attacker.seller, colleague)[n % 2].client.headers["Authorization"] for n in range(LARGE.places)]
    slow = [Slow(f"192.0.2.{n}", server, "PUT", path, Authorization=key, Content_Length="50000000")
            for n, (path, key) in enumerate(zip(paths, keys, strict=True))]
    async with held(*slow) as answered:
        assert answered == {None: LARGE_SHARE, 429: LARGE.places - LARGE_SHARE}, "every address its own, and yet one organisation"
        assert await sends(server, other.seller, other.listing_id, "198.51.100.1") == 200
        assert await sends(server, attacker.seller, attacker.listing_id, "198.51.100.2") == 429
    await until(lambda: _state(attacker.seller, paths), {"refused": LARGE_SHARE, "announced": LARGE.places - LARGE_SHARE})
    assert await sends(server, attacker.seller, attacker.listing_id, "198.51.100.2") == 200, "its places are free again"


async def test_nobody_in_particular_holds_no_more_from_many_addresses_nor_one_address_from_many_names(world, server):
    other = await world.published()
    strangers = [Slow(f"192.0.2.{n}", server, "POST", "/v1/sessions", Content_Type="application/json", Origin=ORIGIN, Transfer_Encoding="chunked")
                 for n in range(LARGE.places)]
    async with held(*strangers) as answered:
        assert answered == {None: LARGE_SHARE, 429: LARGE.places - LARGE_SHARE}
        assert await sends(server, other.seller, other.listing_id, "198.51.100.1") == 200
    sellers = [await world.published() for _ in range(LARGE_SHARE + 1)]
    one_address = [Slow("192.0.2.99", server, "PUT", await announced(each.seller, each.listing_id, "a.pdf"),
                        Authorization=each.seller.client.headers["Authorization"], Content_Length="9000000") for each in sellers]
    async with held(*one_address) as answered:
        assert answered == {None: LARGE_SHARE, 429: 1}


async def _state(seller, paths) -> dict[str, int]:
    return Counter([(await seller.get(path.removesuffix("/content"))).json()["state"] for path in paths])


async def until(ask, wanted, within_s: float = 20.0) -> None:
    for _try in range(int(within_s / 0.1)):
        if (found := await ask()) == wanted:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(found)


# --- the pace, through the whole program ------------------------------------------------------------------------------


async def dripping():
    while True:
        yield b"%PDF"
        await asyncio.sleep(0.05)


async def test_who_drips_is_told_so_and_what_came_is_not_kept(world, app, settings):
    published = await world.published()
    path = await announced(published.seller, published.listing_id, "slow.pdf")
    before = set((settings.data_dir / "store").rglob("*"))
    door = Admission(app, pace=Pace(bytes=LARGE_FROM_BYTES, wait_s=0.5))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=door), base_url=ORIGIN, headers=dict(published.seller.client.headers)) as client:
        answers = [await client.put(path, content=dripping()),
                   await client.post("/v1/listings", content=dripping(), headers={"Content-Type": "application/json", "Accept-Language": "ja"}),
                   await client.post("/sign-in", content=dripping(), headers={"Content-Type": "application/x-www-form-urlencoded"})]
    for answer in answers[:2]:
        assert (answer.status_code, answer.json()["code"], answer.headers["Connection"]) == (408, "body_too_slow", "close")
    assert answers[2].status_code == 408
    assert await _state(published.seller, [path]) == {"refused": 1}
    assert {each for each in (settings.data_dir / "store").rglob("*") if each.is_file()} <= before
    assert door.held == {} and door.large.free._value == LARGE.places
