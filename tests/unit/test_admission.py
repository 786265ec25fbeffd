"""Does a process work on so many requests, let so many wait, and send the rest away with a reason?"""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from succession.admission import ALWAYS, LARGE_FROM_BYTES, Admission, Line


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


async def ask(door: Admission, path: str = "/v1/teasers", receive=None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    sent: list[dict] = []

    async def send(message) -> None:
        sent.append(message)

    named = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    await door({"type": "http", "path": path, "headers": named}, receive, send)
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
