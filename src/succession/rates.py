"""How many requests a minute may one caller make, and how is it told what is left?

Whoever is known is counted under its key (or, signed in, its person) and under its organisation, everybody else under
the network it comes from. Both counts are taken in one step in Redis, or neither, however many processes ask at once.
What a caller may do a few times only (try a password, take a copy) has its own limits besides (throttle.py).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace

import msgspec
from litestar.connection import ASGIConnection
from litestar.datastructures import MutableScopeHeaders
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AuthenticationResult
from litestar.types import Message, Scope

from succession.actor import ANONYMOUS, Actor, Authentication, hash_secret
from succession.config import Settings
from succession.errors import Problem
from succession.memory import AWAY, Memory
from succession.throttle import network_of

log = logging.getLogger("succession.rates")

WINDOW_S = 60
ANSWER_WITHIN_S = 0.25  # counting is no reason to wait
BLIND_S = 1.0  # and not to ask a Redis that is gone again and again


class Bucket(msgspec.Struct, frozen=True):
    """What is counted, under which key in Redis, and how many requests fit into a window."""

    name: str
    key: str
    quota: int


class Left(msgspec.Struct, frozen=True):
    """After a request: how many more fit at once, and in how many seconds all of them do again."""

    bucket: Bucket
    remaining: int
    reset_s: int


def buckets_of(actor: Actor, authorization: str, settings: Settings) -> tuple[Bucket, ...]:
    """Under what this caller is counted; the keys of one caller share a hash tag, so that a Cluster keeps them together."""
    if actor.member_id is None:
        return (Bucket("address", f"rate:{{{network_of(actor.address)}}}", settings.rate_address),)
    key = hash_secret(authorization.partition(" ")[2].strip()).hex()[:32] if authorization else str(actor.member_id)
    organisation = f"rate:{{{actor.organisation_id}}}"
    return (Bucket("key", f"{organisation}:{key}", settings.rate_key), Bucket("organisation", organisation, settings.rate_organisation))


# The generic cell rate algorithm (ITU-T I.371): one number a bucket, the moment at which it will be empty again; a
# request moves it on by window / quota and is refused when that would be more than a window away. Redis 6.2 commands only.
_TAKE = """
local time = redis.call('TIME')
local now, window = time[1] * 1000000 + time[2], tonumber(ARGV[1])
local before, after, left, wait = {}, {}, {}, 0
for i, key in ipairs(KEYS) do
  before[i] = math.max(tonumber(redis.call('GET', key) or 0), now)
  after[i] = before[i] + window / tonumber(ARGV[1 + i])
  wait = math.max(wait, after[i] - now - window)
end
for i, key in ipairs(KEYS) do
  local empty = wait > 0 and before[i] or after[i]
  if wait == 0 then redis.call('SET', key, string.format('%.0f', empty), 'PX', math.ceil((empty - now) / 1000) + 1) end
  left[2 * i - 1] = math.floor((window - (empty - now)) * tonumber(ARGV[1 + i]) / window + 0.000001)
  left[2 * i] = math.ceil((empty - now) / 1000000)
end
return {math.ceil(wait), unpack(left)}
"""


async def take(memory: Memory, buckets: Sequence[Bucket], window_s: int = WINDOW_S) -> tuple[Left, ...]:
    """One request out of every bucket, or Problem rate_limited and none taken out of any."""
    wait_us, *numbers = await memory.eval(_TAKE, len(buckets), *(bucket.key for bucket in buckets), window_s * 1_000_000,
                                          *(bucket.quota for bucket in buckets))
    left = tuple(Left(bucket, max(0, numbers[2 * n]), numbers[2 * n + 1]) for n, bucket in enumerate(buckets))
    if wait_us:
        raise Problem("rate_limited", headers={"Retry-After": str(max(1, -(-wait_us // 1_000_000))), **headers(left, window_s)})
    return left


def headers(left: Sequence[Left], window_s: int = WINDOW_S) -> dict[str, str]:
    """The fields of the IETF draft "RateLimit header fields for HTTP": quota and window in seconds; remaining, seconds to all."""
    return {
        "RateLimit-Policy": ", ".join(f'"{each.bucket.name}";q={each.bucket.quota};w={window_s}' for each in left),
        "RateLimit": ", ".join(f'"{each.bucket.name}";r={each.remaining};t={each.reset_s}' for each in left),
    }


# ---------------------------------------------------------------- at the door


async def within_rate(connection: ASGIConnection, handler: BaseRouteHandler) -> None:
    """Guard: counts the request of whoever it turned out to be."""
    if not handler.opt.get("uncounted"):
        await _count(connection, connection.user)


class CountedAuthentication(Authentication):
    """Credentials that are none are tried as often as an address may ask."""

    async def authenticate_request(self, connection: ASGIConnection) -> AuthenticationResult:
        try:
            return await super().authenticate_request(connection)
        except Problem:
            await _count(connection, replace(ANONYMOUS, address=connection.client.host if connection.client else ""))
            raise


async def _count(connection: ASGIConnection, actor: Actor) -> None:
    """A Redis that does not answer counts nothing and keeps nobody out: what must not be tried often fails closed by itself."""
    state = connection.app.state
    if time.monotonic() < getattr(state, "uncounted_until", 0.0):
        return
    asked = buckets_of(actor, connection.headers.get("authorization", ""), state.settings)
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            connection.scope["state"]["rate"] = await take(state.redis, asked)
    except (*AWAY, OSError, TimeoutError) as error:
        log.warning("requests are not counted: %s", type(error).__name__)
        state.uncounted_until = time.monotonic() + BLIND_S


async def send_rate(message: Message, scope: Scope) -> None:
    """What is left, on every answer that is this caller's alone: a shared cache would tell it to others."""
    left = scope.get("state", {}).get("rate")
    if message["type"] != "http.response.start" or left is None:
        return
    sent = MutableScopeHeaders.from_message(message)
    if "public" not in sent.get("Cache-Control", ""):
        for name, value in headers(left).items():
            sent.setdefault(name, value)
