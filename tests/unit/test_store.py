"""Are bytes in the store sealed so that nothing can be cut, swapped or read without its key, in a directory and in S3 alike?"""

from __future__ import annotations

import asyncio
import os
import struct
import sys
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import boto3
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from succession.config import ConfigError, Settings
from succession.store.frames import FRAME_BYTES, SEALED_FRAME_BYTES, FrameCipher, Unreadable, frames_of, place_of_frame, sealed
from succession.store.malware import ScannerFailed, scan
from succession.store.objects import Objects, StoreAway, open_objects
from succession.store.vault import Content
from succession.store.wrapping import Wrapping, make_next, new_data_key

KEY = bytes(range(32))


async def pieces(content: bytes, *sizes: int) -> AsyncIterator[bytes]:
    start = 0
    for size in (*sizes, len(content)):
        yield content[start : start + size]
        start += size


async def frames(content: bytes, cipher: FrameCipher, *sizes: int) -> list[bytes]:
    return [frame async for frame in sealed(pieces(content, *sizes), cipher)]


def opened(found: list[bytes], cipher: FrameCipher) -> bytes:
    return b"".join(cipher.open(number, frame, number == len(found) - 1) for number, frame in enumerate(found))


# ---------------------------------------------------------------------------------------------------------------------
# Frames


@hypothesis_settings(max_examples=15, deadline=None)
@given(length=st.integers(0, 3 * FRAME_BYTES + 1), sizes=st.lists(st.integers(0, 2 * FRAME_BYTES), max_size=4))
def test_whatever_the_pieces_the_frames_are_the_same_and_open_again(length, sizes):
    content, cipher = bytes(length), FrameCipher(KEY, UUID(int=1))
    found = asyncio.run(frames(content, cipher, *sizes))
    assert len(found) == frames_of(length) and opened(found, cipher) == content
    assert found == asyncio.run(frames(content, cipher))
    assert all(len(frame) == SEALED_FRAME_BYTES for frame in found[:-1])
    assert [place_of_frame(number, length)[1] for number in range(len(found))] == [len(frame) for frame in found]


async def test_a_frame_opens_in_its_own_place_alone():
    cipher, content = FrameCipher(KEY, UUID(int=1)), os.urandom(3 * FRAME_BYTES)
    found = await frames(content, cipher)
    for number, frame, last, by in (
        (0, found[1], False, cipher),  # another frame of the same object
        (2, found[2], False, cipher),  # the last one as if more came
        (1, found[1], True, cipher),  # cut off after the second
        (0, found[0], False, FrameCipher(KEY, UUID(int=2))),  # another object of the same listing
        (0, found[0], False, FrameCipher(bytes(32), UUID(int=1))),  # another listing
        (0, found[0][:-1], False, cipher), (0, bytes(len(found[0])), False, cipher), (0, b"", False, cipher),
    ):
        with pytest.raises(Unreadable):
            by.open(number, frame, last)
    assert found[0] not in content and content[:64] not in found[0]


# ---------------------------------------------------------------------------------------------------------------------
# Both kinds of store


@pytest.fixture(scope="module")
def s3() -> str:
    """A bucket behind moto's server, over real HTTP."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s").create_bucket(Bucket="papers")
    yield endpoint
    server.stop()


@pytest.fixture(params=["file", "s3"])
def store_environ(request, tmp_path) -> dict[str, str]:
    if request.param == "file":
        return {"SUCCESSION_STORE_URL": (tmp_path / "sealed papers").as_uri()}
    endpoint = request.getfixturevalue("s3")
    return {"SUCCESSION_STORE_URL": "s3://papers/sealed", "SUCCESSION_STORE_ENDPOINT": endpoint, "SUCCESSION_STORE_REGION": "us-east-1",
            "SUCCESSION_STORE_KEY_ID": "k", "SUCCESSION_STORE_SECRET": "s"}


@pytest.fixture
def objects(store_environ, tmp_path) -> Objects:
    return open_objects(Settings.from_env({"SUCCESSION_DEMO": "1", "SUCCESSION_SECRET_KEY": "k" * 32, "SUCCESSION_DATA_DIR": str(tmp_path),
                                           **store_environ}))


async def test_an_object_comes_back_frame_by_frame(objects):
    object_id, content = uuid4(), os.urandom(7 * FRAME_BYTES + 12_345)
    cipher = FrameCipher(KEY, object_id)
    await objects.put(object_id, pieces(content, 10, 3 * FRAME_BYTES), cipher)
    kept = Content(objects, object_id, cipher, len(content))
    assert b"".join([frame async for frame in kept.frames()]) == content
    assert await kept.read_at(7 * FRAME_BYTES + 5, 100) == content[7 * FRAME_BYTES + 5 : 7 * FRAME_BYTES + 105]
    await objects.delete(object_id)
    await objects.delete(object_id)
    with pytest.raises(Unreadable):
        await kept.read_at(0, 1)


async def test_an_object_that_does_not_arrive_whole_is_not_there(objects):
    object_id = uuid4()
    cipher = FrameCipher(KEY, object_id)

    async def broken() -> AsyncIterator[bytes]:
        yield bytes(8 * FRAME_BYTES)
        raise ConnectionResetError("the sender hung up")

    with pytest.raises(ConnectionResetError):
        await objects.put(object_id, broken(), cipher)
    with pytest.raises(Unreadable):
        await objects.frame(object_id, cipher, 0, 1)


async def test_what_somebody_cut_from_the_store_is_noticed(objects, store_environ, tmp_path):
    if not store_environ["SUCCESSION_STORE_URL"].startswith("file"):
        return
    object_id, content = uuid4(), bytes(2 * FRAME_BYTES)
    cipher = FrameCipher(KEY, object_id)
    await objects.put(object_id, pieces(content), cipher)
    path = next((tmp_path / "sealed papers").rglob(object_id.hex))
    whole = path.read_bytes()
    path.write_bytes(whole[:SEALED_FRAME_BYTES])
    with pytest.raises((Unreadable, StoreAway)):
        await objects.frame(object_id, cipher, 1, len(content))
    with pytest.raises(Unreadable):  # nor does a shorter length make the first frame the last
        await objects.frame(object_id, cipher, 0, FRAME_BYTES)
    assert (path.stat().st_mode & 0o077) == 0 or ((tmp_path / "sealed papers").stat().st_mode & 0o077) == 0


async def test_a_store_that_is_away_says_so(tmp_path):
    away = open_objects(Settings.from_env({
        "SUCCESSION_DEMO": "1", "SUCCESSION_SECRET_KEY": "k" * 32, "SUCCESSION_DATA_DIR": str(tmp_path), "SUCCESSION_STORE_URL": "s3://papers",
        "SUCCESSION_STORE_ENDPOINT": "http://127.0.0.1:9", "SUCCESSION_STORE_REGION": "x", "SUCCESSION_STORE_KEY_ID": "k", "SUCCESSION_STORE_SECRET": "s"}))
    with pytest.raises(StoreAway):
        await away.frame(uuid4(), FrameCipher(KEY, uuid4()), 0, 1)


# ---------------------------------------------------------------------------------------------------------------------
# Keys


def wrapping(tmp_path, **environ: str) -> Wrapping:
    return Wrapping(Settings.from_env({"SUCCESSION_DEMO": "1", "SUCCESSION_SECRET_KEY": "k" * 32, "SUCCESSION_DATA_DIR": str(tmp_path), **environ}))


def test_a_wrapped_key_opens_for_its_listing_and_with_its_file_alone(tmp_path):
    ours, listing, key = wrapping(tmp_path), uuid4(), new_data_key()
    number, wrapped = ours.wrap(key, listing)
    assert number == "0001" and key not in wrapped and ours.unwrap(number, wrapped, listing) == key
    for number_given, wrapped_given, listing_given in ((number, wrapped, uuid4()), ("0002", wrapped, listing), (number, None, listing),
                                                       (number, bytes(60), listing)):
        with pytest.raises(Unreadable):
            ours.unwrap(number_given, wrapped_given, listing_given)
    with pytest.raises(Unreadable):
        wrapping(tmp_path / "elsewhere").unwrap(number, wrapped, listing)


def test_a_running_process_finds_the_next_key_by_itself(tmp_path):
    running, listing, key = wrapping(tmp_path), uuid4(), new_data_key()
    first = running.wrap(key, listing)
    assert make_next(tmp_path / "keys" / "ring") == "0002"
    second = wrapping(tmp_path).wrap(key, listing)
    assert second[0] == "0002" and running.unwrap(*second, listing) == key == running.unwrap(*first, listing)
    (tmp_path / "keys" / "ring" / "documents-0001.key").unlink()
    with pytest.raises(Unreadable):
        wrapping(tmp_path).unwrap(*first, listing)


def test_a_key_file_that_others_read_or_that_holds_none_is_refused(tmp_path):
    wrapping(tmp_path).newest()
    path = tmp_path / "keys" / "ring" / "documents-0001.key"
    path.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        wrapping(tmp_path).newest()
    path.chmod(0o600)
    path.write_text("short")
    with pytest.raises(ConfigError, match="holds no key"):
        wrapping(tmp_path).newest()


# ---------------------------------------------------------------------------------------------------------------------
# Malware


def scanning(tmp_path, **environ: str) -> Settings:
    return Settings.from_env({"SUCCESSION_DEMO": "1", "SUCCESSION_SECRET_KEY": "k" * 32, "SUCCESSION_DATA_DIR": str(tmp_path), **environ})


async def test_without_a_scanner_nobody_says_clean(tmp_path):
    assert await scan(scanning(tmp_path), pieces(b"x")) == "not_scanned"


@pytest.mark.parametrize(("code", "verdict"), [
    ("import sys; sys.exit(b'EICAR' in sys.stdin.buffer.read())", "clean"), ("import sys; sys.stdin.buffer.read(); sys.exit(1)", "infected"),
    ("import sys; sys.exit(0)", "clean"), ("import sys; sys.exit(2)", None), ("import os; os.kill(os.getpid(), 9)", None)])
async def test_a_command_says_it_by_its_exit_status(tmp_path, code, verdict):
    settings = scanning(tmp_path, SUCCESSION_SCAN_COMMAND=f'{sys.executable} -c "{code}"')
    if verdict is None:
        with pytest.raises(ScannerFailed):
            await scan(settings, pieces(bytes(1000)))
    else:
        assert await scan(settings, pieces(bytes(3 * FRAME_BYTES), FRAME_BYTES)) == verdict


async def test_a_command_that_is_not_there_has_failed(tmp_path):
    with pytest.raises(ScannerFailed):
        await scan(scanning(tmp_path, SUCCESSION_SCAN_COMMAND="/no/such/scanner"), pieces(b"x"))


@pytest.mark.parametrize(("answer", "verdict"), [(b"stream: OK\0", "clean"), (b"stream: Fictitious.Test FOUND\0", "infected"),
                                                (b"INSTREAM size limit exceeded. ERROR\0", None), (b"", None)])
async def test_clamd_gets_the_whole_content_and_is_believed_in_two_words_alone(tmp_path, answer, verdict):
    heard = bytearray()

    async def clamd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(10) == b"zINSTREAM\0"
        while length := struct.unpack(">I", await reader.readexactly(4))[0]:
            heard.extend(await reader.readexactly(length))
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(clamd, "127.0.0.1", 0) as server:
        settings = scanning(tmp_path, SUCCESSION_SCAN_URL=f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        content = os.urandom(FRAME_BYTES + 7)
        if verdict is None:
            with pytest.raises(ScannerFailed):
                await scan(settings, pieces(content, 5))
        else:
            assert await scan(settings, pieces(content, 5)) == verdict
    assert bytes(heard) == content
    with pytest.raises(ScannerFailed):
        await scan(settings, pieces(content))
