"""Do large documents go in and out in little memory, and is a download cut when the reader's right to it ends? On a real server."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import httpx
import pytest
from litestar.exceptions import LitestarException
from real_server import Growth, Server, serving

pytestmark = pytest.mark.slow

GROWTH_MOST_BYTES = 64 * 1024 * 1024
_BLOCK = os.urandom(1024 * 1024)


@pytest.fixture(scope="module")
def server(settings, database_url, tmp_path_factory) -> Iterator[Server]:
    with serving(settings, database_url, tmp_path_factory.mktemp("streamed") / "serve.log") as running:
        yield running


def large_pdf(pages: int) -> Iterator[bytes]:
    """A PDF of so many pages with a megabyte of ballast each, written as it goes."""
    at, places = 0, {}

    def put(content: bytes, number: int | None = None) -> bytes:
        nonlocal at
        if number is not None:
            places[number] = at
        at += len(content)
        return content

    yield put(b"%PDF-1.5\n")
    kids = " ".join(f"{3 + 3 * page} 0 R" for page in range(pages))
    yield put(b"1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n", 1)
    yield put(f"2 0 obj\n<</Type/Pages/Count {pages}/Kids[{kids}]>>\nendobj\n".encode(), 2)
    for page in range(pages):
        first = 3 + 3 * page
        yield put(f"{first} 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents {first + 1} 0 R/Resources<</XObject<</B {first + 2} 0 R>>>>>>"
                  f"\nendobj\n".encode(), first)
        yield put(f"{first + 1} 0 obj\n<</Length 4>>stream\nq Q\n\nendstream\nendobj\n".encode(), first + 1)
        yield put(f"{first + 2} 0 obj\n<</Type/XObject/Subtype/Image/Width 1024/Height 1024/BitsPerComponent 8/ColorSpace/DeviceGray"
                  f"/Length {len(_BLOCK)}>>stream\n".encode(), first + 2)
        yield put(_BLOCK)
        yield put(b"\nendstream\nendobj\n")
    start = at
    yield f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n".encode()
    yield "".join(f"{places[number]:010d} 00000 n \n" for number in sorted(places)).encode()
    yield f"trailer\n<</Size {len(places) + 1}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n".encode()


async def streamed(pages: int) -> AsyncIterator[bytes]:
    for piece in large_pdf(pages):
        yield piece


async def send(client: httpx.AsyncClient, listing: UUID, pages: int, **more) -> dict:
    said = {"level": "dossier", "filename": "ledgers.pdf", "downloadable": True, "contains_personal_data": False, "export_control_class": "none"} | more
    upload = await client.post(f"/v1/listings/{listing}/uploads", json=said)
    assert upload.status_code == 201, upload.text
    added = await client.put(f"/v1/uploads/{upload.json()['id']}/content", content=streamed(pages))
    assert added.status_code == 200, added.text
    return added.json()


async def taken(client: httpx.AsyncClient, path: str) -> int:
    size, tail = 0, b""
    async with client.stream("GET", path) as answer:
        assert answer.status_code == 200, await answer.aread()
        async for piece in answer.aiter_bytes():
            size += len(piece)
            tail = (tail + piece)[-64:]
        assert size == int(answer.headers["content-length"]) and b"%%EOF" in tail
    return size


async def test_a_large_document_goes_in_and_out_and_no_process_grows_by_more_than_64_mib(world, server, request):
    """64 MB in the suite, 500 MB with --full: the bound is the same."""
    pages = 500 if request.config.option.full else 64
    published, buyer = await world.published(), await world.acquirer()
    await world.released(published, buyer)
    async with server.client(published.seller) as seller, server.client(buyer) as reader:
        small = await send(seller, published.listing_id, 1)
        await taken(reader, f"/v1/documents/{small['id']}")
        await reader.get(f"/v1/documents/{small['id']}/pages/1")
        with Growth(server.process).watched() as growth:
            added = await send(seller, published.listing_id, pages)
            assert added["pages"] == pages and added["size_bytes"] > pages * 1024 * 1024
            size = await taken(reader, f"/v1/documents/{added['id']}")
            shown = await reader.get(f"/v1/documents/{added['id']}/pages/{pages}")
        assert shown.status_code == 200 and shown.content.startswith(b"\x89PNG") and size > pages * 1024 * 1024
    print(f"\n{size / 1e6:.0f} MB in and out; growth by process in MiB: {sorted(round(each / 2**20, 1) for each in growth.bytes_of.values())}")
    assert len(growth.bytes_of) >= 2 and max(growth.bytes_of.values()) <= GROWTH_MOST_BYTES


ENDINGS = ("revoked", "expired", "member left", "consent taken back", "NDA over at that second")


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_download_is_cut_where_the_right_to_it_ends(world, settings, server, ending):
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    async with server.client(published.seller) as seller, server.client(buyer) as reader:
        added, got = await send(seller, published.listing_id, 24), 0
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            async with reader.stream("GET", f"/v1/documents/{added['id']}") as answer:
                assert answer.status_code == 200
                async for piece in answer.aiter_raw(64 * 1024):
                    if got == 0:
                        await end(world, seller, published, UUID(deal), buyer, ending)
                        await asyncio.sleep(0.2)
                    got += len(piece)
        whole = int(answer.headers["content-length"])
        assert 0 < got < whole / 2, "what the sockets held when it ended, and nothing after that"
        assert (await reader.get(f"/v1/documents/{added['id']}")).status_code in (401, 404)
        assert (await seller.get("/healthz")).status_code == 200
    assert published.legal_name not in server.log.read_text(errors="replace")
    ((copy,),) = await world.seed("SELECT id FROM vault.store_object WHERE listing_id = $1 AND purpose = 'copy'", published.listing_id)
    assert not list((settings.data_dir / "store").rglob(copy.hex)), "the copy made for this reader is not left in the store"


async def end(world, seller: httpx.AsyncClient, published, deal: UUID, buyer, ending: str) -> None:
    if ending == "revoked":
        grant = next(each for each in (await seller.get("/v1/grants")).json()["items"] if each["deal_id"] == str(deal))
        answer = await seller.post(f"/v1/grants/{grant['id']}/revocation", json={"reason": "misuse"})
        assert answer.status_code == 201, answer.text
    elif ending == "expired":
        await world.overrule("UPDATE vault.disclosure_grant SET expires_at = now() WHERE deal_id = $1", deal)
    elif ending == "consent taken back":
        await world.owner_answers(published, "withdrawn")
    elif ending == "NDA over at that second":
        await world.overrule("UPDATE vault.nda SET expires_at = date_trunc('second', clock_timestamp()) + interval '1 second' WHERE deal_id = $1", deal)
        await world.seed("SELECT pg_sleep_until(expires_at) FROM vault.nda WHERE deal_id = $1", deal)
    else:
        await world.overrule("UPDATE vault.member SET status = 'left' WHERE id = $1", buyer.member_id)


@pytest.mark.parametrize("ending", ENDINGS)
async def test_not_a_byte_is_sent_after_that_moment(world, ending):
    """The application's own `send`: once it has handed over one piece the right ends, and no other piece comes."""
    published, buyer = await world.published(), await world.acquirer()
    deal = await world.released(published, buyer)
    added = await published.seller.post(f"/v1/listings/{published.listing_id}/documents", {
        "level": "dossier", "filename": "numbers.txt", "content_base64": base64.b64encode(_BLOCK.hex().encode()).decode(), "downloadable": True,
        "unmarked_reason": "numbers", "contains_personal_data": False, "export_control_class": "none"})
    sent: list[int] = []
    promised = 0

    async def send(message: dict) -> None:
        nonlocal promised
        if message["type"] == "http.response.start":
            promised = int(dict(message["headers"])[b"content-length"])
        elif message.get("body"):
            sent.append(len(message["body"]))
            if len(sent) == 1:
                await end(world, published.seller.client, published, UUID(deal), buyer, ending)

    with pytest.raises(LitestarException, match="after response started"):  # what makes a server cut the connection
        await asked(world.app, buyer, f"/v1/documents/{added.json()['id']}", send)
    assert len(sent) == 1 and 0 < sent[0] < promised == 2 * len(_BLOCK)
    assert (await buyer.get(f"/v1/documents/{added.json()['id']}")).status_code in (401, 404)


async def asked(app, caller, path: str, send) -> None:
    """GET as a server puts it to the application: nothing lies between its `send` and the wire."""
    waiting = asyncio.Event()

    async def receive() -> dict:
        if not waiting.is_set():
            waiting.set()
            return {"type": "http.request", "body": b"", "more_body": False}
        await asyncio.Event().wait()  # nobody hangs up

    headers = [(name.lower().encode(), value.encode()) for name, value in caller.client.headers.items()]
    await app({"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
               "raw_path": path.encode(), "root_path": "", "query_string": b"", "headers": headers, "client": ("127.0.0.1", 1),
               "server": ("127.0.0.1", 8400)}, receive, send)


async def test_an_upload_that_breaks_off_leaves_nothing_to_read(world, settings, server):
    published = await world.published()
    async with server.client(published.seller) as seller:
        upload = (await seller.post(f"/v1/listings/{published.listing_id}/uploads", json={"level": "dossier", "filename": "ledgers.pdf"})).json()

        async def breaks_off() -> AsyncIterator[bytes]:
            yield b"%PDF-1.5\n" + _BLOCK
            await asyncio.sleep(0.5)
            raise OSError("the sender's line went down")

        with pytest.raises(OSError, match="went down"):
            await seller.put(f"/v1/uploads/{upload['id']}/content", content=breaks_off())
        for _try in range(100):
            state = (await seller.get(f"/v1/uploads/{upload['id']}")).json()
            if state["state"] == "refused":
                break
            await asyncio.sleep(0.1)
        assert (state["state"], state["refusal"], state["document_id"]) == ("refused", "interrupted", None)
        again = await seller.put(f"/v1/uploads/{upload['id']}/content", content=b"%PDF-")
        assert again.status_code == 409, "each upload is sent once"
    assert await world.seed("SELECT 1 FROM vault.document WHERE listing_id = $1", published.listing_id) == []
    entered = {row["id"].hex for row in await world.seed("SELECT id FROM vault.store_object WHERE listing_id = $1", published.listing_id)}
    assert len(entered) == 2 and not entered & {path.name for path in (settings.data_dir / "store").rglob("*")}
