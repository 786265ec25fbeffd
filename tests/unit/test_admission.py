"""Does a process work on so many requests, let so many wait, and send the rest away with a reason?"""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from succession.admission import ALWAYS, LARGE, LARGE_FROM_BYTES, LARGE_SHARE, Admission, Line, Pace


class Desk:
    """An application that answers when it is told to, and notices how many it has at once."""

    def __init__(self) -> None:
        self.go, self.inside, self.most = asyncio.Event(), 0, 0
        self.streams = asyncio.Event()

    async def __call__(self, scope, receive, send) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            if scope["path"] == "/stream":
                await send({"type": "http.response.body", "body": b"first", "more_body": True})
                await self.streams.wait()
            else:
                await self.go.wait()
            await send({"type": "http.response.body", "body": b"last"})
        finally:
            self.inside -= 1


async def ask(door: Admission, path: str = "/v1/teasers", receive=None, client=("127.0.0.1", 1), **headers: str) -> tuple[int, dict[str, str], bytes]:
    sent: list[dict] = []

    async def send(message) -> None:
        sent.append(message)

    named = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    await door({"type": "http", "path": path, "headers": named, "client": client}, receive, send)
    start = sent[0]
    return start["status"], {name.decode(): text.decode() for name, text in start["headers"]}, sent[-1]["body"]


def begin(door: Admission, count: int, path: str = "/v1/teasers", **headers: str) -> list[asyncio.Task]:
    return [asyncio.create_task(ask(door, path, **headers)) for _ in range(count)]


async def settle() -> None:
    for _turn in range(20):
        await asyncio.sleep(0)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_so_many_at_once_so_many_in_line_and_the_rest_at_once_away(desk):
    door = Admission(desk, Line(places=3, waiting=2, wait_s=30))
    asked = begin(door, 10)
    await settle()
    assert desk.most == 3 and sum(task.done() for task in asked) == 5, "five neither fit nor wait"
    desk.go.set()
    answers = await asyncio.gather(*asked)
    assert [status for status, _headers, _body in answers] == [200] * 5 + [503] * 5, "first come, first served"
    assert desk.most == 3


async def test_who_is_sent_away_is_told_why_and_when_to_come_back(desk):
    door = Admission(desk, Line(places=1, waiting=0, wait_s=30))
    held = begin(door, 1)
    await settle()
    status, headers, body = await ask(door, "/v1/codes", accept_language="ja")
    problem = msgspec.json.decode(body)
    assert status == problem["status"] == 503 and problem["code"] == "overloaded" and problem["instance"] == "/v1/codes"
    assert 1 <= int(headers["retry-after"]) <= 4 and headers["content-type"] == "application/problem+json"
    assert headers["content-language"] == "ja" and "リクエスト" in problem["title"] and headers["cache-control"] == "no-store"
    assert "content-security-policy" in headers
    desk.go.set()
    await asyncio.gather(*held)


async def test_nobody_waits_longer_than_the_line_says_and_the_place_in_it_is_free_again(desk):
    door = Admission(desk, Line(places=1, waiting=1, wait_s=0.05))
    held = begin(door, 1)
    await settle()
    assert (await ask(door))[0] == 503
    late = begin(door, 1)
    await settle()
    assert not late[0].done(), "the line has a place again"
    desk.go.set()
    assert [(await task)[0] for task in (*held, *late)] == [200, 200]


async def test_an_answer_that_streams_gives_its_place_back_when_it_begins(desk):
    door = Admission(desk, Line(places=1, waiting=0, wait_s=30))
    slow = begin(door, 3, "/stream")
    await settle()
    assert desk.inside == 3, "slow readers keep nobody out"
    desk.go.set()
    assert (await ask(door))[0] == 200
    desk.streams.set()
    await asyncio.gather(*slow)
    assert door.ordinary.free._value == 1, "each place was given back once"


async def test_who_sends_a_body_slowly_holds_no_place_and_it_arrives_whole():
    more, read = asyncio.Event(), []

    async def slowly():
        if not read:
            read.append("half")
            return {"type": "http.request", "body": b"half ", "more_body": True}
        await more.wait()
        return {"type": "http.request", "body": b"and half", "more_body": False}

    async def reader(scope, receive, send):
        body = b""
        while scope["path"] == "/v1/sessions":
            message = await receive()
            body += message["body"]
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    door = Admission(reader, Line(places=1, waiting=0, wait_s=30))
    slow = asyncio.create_task(ask(door, "/v1/sessions", slowly, content_length="13"))
    await settle()
    assert read and not slow.done() and (await ask(door))[0] == 200
    more.set()
    assert await slow == (200, {}, b"half and half")


async def test_large_bodies_stand_in_a_line_of_their_own(desk):
    door = Admission(desk, Line(places=1, waiting=0, wait_s=30), Line(places=1, waiting=0, wait_s=30))
    slow = begin(door, 1, "/v1/documents", content_length=str(LARGE_FROM_BYTES + 1))
    await settle()
    assert (await ask(door, "/v1/documents", transfer_encoding="chunked"))[0] == 503
    ordinary = begin(door, 1)
    await settle()
    assert desk.inside == 2
    desk.go.set()
    assert [(await task)[0] for task in (*slow, *ordinary)] == [200, 200]


async def test_whether_the_process_lives_is_always_answered(desk):
    door = Admission(desk, Line(places=0, waiting=0, wait_s=30))
    desk.go.set()
    assert [(await ask(door, path))[0] for path in ALWAYS] == [200, 200] and (await ask(door))[0] == 503


async def test_a_place_comes_back_when_the_work_fails_or_the_caller_is_gone(desk):
    async def broken(scope, receive, send):
        raise ValueError("fictitious")

    door = Admission(broken, Line(places=1, waiting=0, wait_s=30))
    for _try in range(3):
        with pytest.raises(ValueError):
            await ask(door)
    door = Admission(desk, Line(places=1, waiting=1, wait_s=30))
    first, second = begin(door, 2)
    await settle()
    second.cancel()
    first.cancel()
    await settle()
    assert door.ordinary.free._value == 1 and door.ordinary.waiting == 0


def begin_from(door: Admission, *addresses: str) -> list[asyncio.Task]:
    return [asyncio.create_task(ask(door, "/v1/documents", client=(address, 1), content_length="9000000")) for address in addresses]


async def test_of_the_large_line_a_network_holds_a_share_and_has_it_back_when_it_is_done(desk):
    door = Admission(desk, large=Line(places=4, waiting=2, wait_s=30), share=2)
    held = begin_from(door, "192.0.2.1", "2001:db8::1", "2001:db8::2", "192.0.2.1")
    await settle()
    (again,) = begin_from(door, "192.0.2.1")
    (same_64,) = begin_from(door, "2001:db8::3")
    status, headers, body = await again
    assert status == 429 and msgspec.json.decode(body)["detail"] == "At most 2 large bodies of one sender are taken at once."
    assert 1 <= int(headers["retry-after"]) <= 4 and (await same_64)[0] == 429
    waits, gone = begin_from(door, "192.0.2.9", "192.0.2.9")
    await settle()
    assert (await begin_from(door, "192.0.2.9")[0])[0] == 429, "who waits counts as well"
    gone.cancel()
    await settle()
    (late,) = begin_from(door, "192.0.2.9")
    await settle()
    assert not late.done() and desk.inside == 4
    desk.go.set()
    assert [(await task)[0] for task in (*held, waits, late)] == [200] * 6
    assert door.held == {} and door.large.free._value == 4


class Sender:
    """Sends these parts, each after so many seconds, then waits for the answer."""

    def __init__(self, *parts: tuple[float, bytes]) -> None:
        self.parts, self.last = list(parts), False

    async def __call__(self) -> dict:
        if self.last:
            await asyncio.Event().wait()
        wait_s, part = self.parts.pop(0)
        await asyncio.sleep(wait_s)
        self.last = not self.parts
        return {"type": "http.request", "body": part, "more_body": bool(self.parts)}


async def reads(scope, receive, send) -> None:
    """Takes its time over each part, and then looks whether the caller is still there."""
    size = 0
    while True:
        message = await receive()
        size += len(message["body"])
        if not message["more_body"]:
            break
        await asyncio.sleep(float(scope["path"].rpartition("/")[2]))
    gone = asyncio.create_task(receive())
    await asyncio.sleep(0.3)
    assert not gone.done(), "nobody is asked to send more than there is"
    gone.cancel()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


PACE = Pace(bytes=100, wait_s=0.2)


@pytest.mark.parametrize("length", [9, LARGE_FROM_BYTES + 1])
async def test_who_keeps_the_pace_may_take_any_time_and_our_own_is_not_counted(length):
    door, headers = Admission(reads, pace=PACE), {"content_length": str(length)}
    steady = Sender(*[(0.02, b"x" * 50)] * 20, (0.1, b"end"))
    assert await ask(door, "/0", steady, **headers) == (200, {}, b"1003")
    assert await ask(door, "/0.3", Sender(*[(0.01, b"x")] * 3), **headers) == (200, {}, b"3")


@pytest.mark.parametrize("parts", [[(9.0, b"")], [(0.05, b"xx")] * 9, [(0.0, b"x" * 500), (0.05, b"x" * 30), (0.05, b"x"), (9.0, b"")]])
async def test_a_small_body_that_falls_behind_is_cut_at_the_door(desk, parts):
    status, headers, body = await ask(Admission(desk, pace=PACE), "/v1/sessions", Sender(*parts), content_length="900", accept_language="en")
    problem = msgspec.json.decode(body)
    assert status == problem["status"] == 408 and problem["code"] == "body_too_slow" and desk.most == 0
    assert problem["detail"] == "At least 100 bytes, or the rest, are expected every 0.2 seconds." and headers["connection"] == "close"


def test_two_who_hold_all_they_may_leave_room_for_a_third():
    assert 2 * LARGE_SHARE < LARGE.places
