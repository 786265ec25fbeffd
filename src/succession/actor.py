"""Who is asking? A cookie session or an API key becomes an `Actor`; everything else is nobody.

Sessions live in Redis under the hash of their token. The member is read afresh on every request, so who leaves, or
changes the password, is out at once (`session_epoch`).
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace
from typing import NamedTuple
from uuid import UUID

import msgspec
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, MutableScopeHeaders
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import Message
from litestar.types import Scope as AsgiScope
from redis.asyncio import Redis

from succession.config import Settings
from succession.database import Databases, Scope
from succession.errors import Problem
from succession.ids import new_token

COOKIE = "succession_session"
SECOND_FACTOR_KINDS = frozenset({"intermediary", "operator"})  # asked of every member; of others when they set one up
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
ROTATE_AFTER_S = 900
ROTATION_GRACE_S = 30  # requests already under way with the old cookie still arrive


@dataclass(frozen=True)
class Actor:
    """`kind`: anonymous, intermediary, acquirer, agency, operator or owner. `scopes` is None for a cookie session."""

    kind: str
    organisation_id: UUID | None = None
    member_id: UUID | None = None
    name: str = ""
    role: str = ""
    locale: str | None = None
    intermediary_kind: str | None = None
    agency_role: str | None = None
    verified: bool = False
    scopes: tuple[str, ...] | None = None
    second_factor: str = "not_asked"  # of a session: to_set_up or to_give, then given; a key has none
    address: str = ""
    agent: str = ""

    @property
    def half(self) -> bool:
        """Signed in with a password, and a second factor is still to come."""
        return self.second_factor in ("to_set_up", "to_give")

    def scope(self) -> Scope:
        name = f"member:{self.member_id}" if self.member_id else f"anonymous:{self.address}"
        return Scope(self.kind, self.organisation_id, self.member_id, None, name)


ANONYMOUS = Actor("anonymous")


class _Stored(msgspec.Struct):
    member_id: str
    epoch: int
    created_at: float
    rotated_at: float
    retired: bool = False  # replaced by a rotation: lives out its grace period and is never extended
    before: str = ""  # the Redis keys of the token it replaced and of the one that replaced it:
    after: str = ""  # signing out with either ends both
    asked: bool = False  # the member has set up a second factor
    confirmed: bool = False  # and gave a code of it in this session


# Read and extend in one step, so that a token retired in between is not brought back to life. One key per script:
# a Redis Cluster keeps every token where it likes. Redis 6.2 commands only.
_FIND = """
local raw = redis.call('GET', KEYS[1])
if not raw then return false end
local stored = cjson.decode(raw)
local left_s = stored.created_at + tonumber(ARGV[3]) - tonumber(ARGV[1])
if left_s <= 0 then redis.call('DEL', KEYS[1]) return false end
if not stored.retired then
    redis.call('PEXPIRE', KEYS[1], math.max(1, math.floor(math.min(tonumber(ARGV[2]), left_s) * 1000)))
end
return raw
"""
_SWAP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
"""


def _session_key(token: str) -> str:
    return "session:" + hashlib.sha256(token.encode()).hexdigest()


def hash_secret(secret: str) -> bytes:
    """What is kept of a random secret (token, API key): 256 bits of entropy need no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


class Found(NamedTuple):
    """What a session says: whose it is, of which epoch, and how far they have shown who they are."""

    member_id: UUID
    epoch: int
    asked: bool
    confirmed: bool


class Sessions:
    """Cookie sessions in Redis: idle and absolute expiry, rotation, all of a member's ended by a new epoch."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self.redis, self.settings = redis, settings

    async def start(self, member_id: UUID, epoch: int, *, asked: bool = False, confirmed: bool = False) -> str:
        """A token nobody has seen before: a session that existed before signing in is never taken over."""
        token, now = new_token(), time.time()
        await self._write(token, _Stored(str(member_id), epoch, now, now, asked=asked, confirmed=confirmed))
        return token

    async def confirm(self, token: str) -> str | None:
        """The second factor was given: a new token for a session that may more than the one before, which ends."""
        raw = await self.redis.get(_session_key(token))
        if raw is None:
            return None
        stored, fresh = msgspec.json.decode(raw, type=_Stored), new_token()
        await self._write(fresh, msgspec.structs.replace(stored, asked=True, confirmed=True, rotated_at=time.time(), before="", after="",
                                                         retired=False))
        await self.end(token)
        return fresh

    async def find(self, token: str) -> Found | None:
        """A live session, which lives on by this; None when it ended."""
        raw = await self.redis.eval(_FIND, 1, _session_key(token), time.time(), self.settings.session_idle_s,
                                    self.settings.session_absolute_s)
        if raw is None:
            return None
        stored = msgspec.json.decode(raw, type=_Stored)
        return Found(UUID(stored.member_id), stored.epoch, stored.asked, stored.confirmed)

    async def rotate_if_due(self, token: str) -> str | None:
        """A new token for an old session, or None when it is not time yet. Of several requests at once one rotates;
        the others keep the old token for the grace period."""
        key, now = _session_key(token), time.time()
        raw = await self.redis.get(key)
        if raw is None:
            return None
        stored = msgspec.json.decode(raw, type=_Stored)
        if stored.retired or now - stored.rotated_at < ROTATE_AFTER_S:
            return None
        fresh = new_token()
        await self._write(fresh, msgspec.structs.replace(stored, rotated_at=now, before=key))
        stored.retired, stored.after = True, _session_key(fresh)
        if await self.redis.eval(_SWAP, 1, key, raw, msgspec.json.encode(stored), ROTATION_GRACE_S):
            return fresh
        await self.redis.delete(_session_key(fresh))  # somebody else rotated it, or signed out meanwhile
        return None

    async def end(self, token: str) -> None:
        """Sign out: this token, and the one it replaced or that replaced it."""
        key = _session_key(token)
        raw = await self.redis.get(key)
        stored = msgspec.json.decode(raw, type=_Stored) if raw else None
        for each in (key, *((stored.before, stored.after) if stored else ())):
            if each:
                await self.redis.delete(each)

    async def _write(self, token: str, stored: _Stored) -> None:
        left_s = stored.created_at + self.settings.session_absolute_s - time.time()
        expire_s = max(1, min(self.settings.session_idle_s, int(left_s)))
        await self.redis.set(_session_key(token), msgspec.json.encode(stored), ex=expire_s)


def session_cookie(token: str | None, settings: Settings) -> Cookie:
    """The cookie of a session, or, without a token, the one that removes it. SameSite=Lax, not Strict: letters link to
    our pages and their readers are signed in; what Strict would add for writes the Origin check does."""
    return Cookie(COOKIE, value=token or "", path="/", httponly=True, samesite="lax", secure=settings.secure_cookies,
                  max_age=None if token else 0)


async def send_renewed_cookie(message: Message, scope: AsgiScope) -> None:
    """After a rotation the answer carries the new cookie, unless the handler had something to say about it itself."""
    token = scope.get("state", {}).get("renewed_session")
    if message["type"] != "http.response.start" or token is None:
        return
    headers = MutableScopeHeaders.from_message(message)
    if not any(header.startswith(f"{COOKIE}=") for header in headers.getall("Set-Cookie", [])):
        headers.add("Set-Cookie", session_cookie(token, scope["app"].state.settings).to_header(header=""))


class Authentication(AbstractAuthenticationMiddleware):
    """Puts the Actor on the connection. Wrong credentials are refused, absent ones are anonymous."""

    async def authenticate_request(self, connection: ASGIConnection) -> AuthenticationResult:
        state = connection.app.state
        address = connection.client.host if connection.client else ""
        agent = connection.headers.get("user-agent", "")[:300]
        header = connection.headers.get("authorization", "")
        token = connection.cookies.get(COOKIE)
        if header:
            actor = await _by_api_key(state.databases, header)
        elif token:
            actor = await _by_session(state.databases, state.sessions, connection, token)
        else:
            actor = ANONYMOUS
        return AuthenticationResult(user=replace(actor, address=address, agent=agent), auth=token)


async def _by_api_key(databases: Databases, header: str) -> Actor:
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise Problem("unauthenticated", headers={"WWW-Authenticate": "Bearer"})
    async with databases.app.acquire(timeout=5) as connection:
        key = await connection.fetchrow("SELECT * FROM vault.member_for_api_key($1)", hash_secret(secret.strip()))
        if key is None:
            raise Problem("unauthenticated", headers={"WWW-Authenticate": "Bearer"})
        row = await connection.fetchrow("SELECT * FROM vault.actor_for_member($1)", key["member_id"])
    if row is None or row["member_status"] != "active":
        raise Problem("unauthenticated", headers={"WWW-Authenticate": "Bearer"})
    return _actor(row, tuple(key["scopes"]))


async def actor_of_member(databases: Databases, member_id: UUID) -> Actor | None:
    """An active member as if signed in: for whoever shows something that was made for them alone."""
    async with databases.app.acquire(timeout=5) as connection:
        row = await connection.fetchrow("SELECT * FROM vault.actor_for_member($1)", member_id)
    return _actor(row, None) if row is not None and row["member_status"] == "active" else None


async def _by_session(databases: Databases, sessions: Sessions, connection: ASGIConnection, token: str) -> Actor:
    if connection.scope["method"] not in SAFE_METHODS:
        _check_origin(connection)
    found = await sessions.find(token)
    if found is None:
        return ANONYMOUS
    async with databases.app.acquire(timeout=5) as database:
        row = await database.fetchrow("SELECT * FROM vault.actor_for_member($1)", found.member_id)
    if row is None or row["member_status"] != "active" or row["session_epoch"] != found.epoch:
        await sessions.end(token)
        return ANONYMOUS
    if fresh := await sessions.rotate_if_due(token):
        connection.scope["state"]["renewed_session"] = fresh
    owed = "to_give" if found.asked else "to_set_up" if row["kind"] in SECOND_FACTOR_KINDS else "not_asked"
    return replace(_actor(row, None), second_factor="given" if found.confirmed else owed)


def _check_origin(connection: ASGIConnection) -> None:
    """A write that rides on a cookie must say that it comes from our own pages (OWASP: verify Origin)."""
    if connection.headers.get("origin") is None:
        raise Problem("origin_refused")
    check_stated_origin(connection)


def check_stated_origin(connection: ASGIConnection) -> None:
    """For signing in, where no cookie exists yet: a browser on a foreign page says so, a program says nothing."""
    origin = connection.headers.get("origin")
    if origin is not None and origin.rstrip("/") != connection.app.state.settings.public_url:
        raise Problem("origin_refused")


def _actor(row: object, scopes: tuple[str, ...] | None) -> Actor:
    return Actor(
        kind=row["kind"], organisation_id=row["organisation_id"], member_id=row["member_id"], name=row["name"],
        role=row["role"], locale=row["locale"], intermediary_kind=row["intermediary_kind"],
        agency_role=row["agency_role"], verified=row["organisation_status"] == "verified", scopes=scopes,
    )  # fmt: skip
