"""Who is asking? A cookie session or an API key becomes an `Actor`; everything else is nobody.

Sessions live in Redis under the hash of their token. The member is read afresh on every request, so who leaves, or
changes the password, is out at once (`session_epoch`).
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace
from uuid import UUID

import msgspec
from litestar.connection import ASGIConnection
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from redis.asyncio import Redis

from succession.config import Settings
from succession.database import Databases, Scope
from succession.errors import Problem
from succession.ids import new_token

COOKIE = "succession_session"
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
    address: str = ""
    agent: str = ""

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


def _session_key(token: str) -> str:
    return "session:" + hashlib.sha256(token.encode()).hexdigest()


def hash_secret(secret: str) -> bytes:
    """What is kept of a random secret (token, API key): 256 bits of entropy need no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


class Sessions:
    """Cookie sessions in Redis: idle and absolute expiry, rotation, all of a member's ended by a new epoch."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self.redis, self.settings = redis, settings

    async def start(self, member_id: UUID, epoch: int) -> str:
        token, now = new_token(), time.time()
        await self._write(token, _Stored(str(member_id), epoch, now, now))
        return token

    async def find(self, token: str) -> tuple[UUID, int] | None:
        raw = await self.redis.get(_session_key(token))
        if raw is None:
            return None
        stored = msgspec.json.decode(raw, type=_Stored)
        if time.time() - stored.created_at > self.settings.session_absolute_s:
            await self.end(token)
            return None
        if not stored.retired:
            await self.redis.expire(_session_key(token), self._idle_s(stored))
        return UUID(stored.member_id), stored.epoch

    async def rotate_if_due(self, token: str) -> str | None:
        """A new token for an old session, or None when it is not time yet."""
        raw = await self.redis.get(_session_key(token))
        if raw is None:
            return None
        stored = msgspec.json.decode(raw, type=_Stored)
        if stored.retired or time.time() - stored.rotated_at < ROTATE_AFTER_S:
            return None
        # Of several requests at once one rotates; the others keep the old cookie for the grace period.
        if not await self.redis.set(_session_key(token) + ":rotated", "1", nx=True, ex=ROTATION_GRACE_S * 4):
            return None
        fresh = new_token()
        stored.rotated_at = time.time()
        await self._write(fresh, stored)
        stored.retired = True
        await self.redis.set(_session_key(token), msgspec.json.encode(stored), ex=ROTATION_GRACE_S)
        return fresh

    async def end(self, token: str) -> None:
        await self.redis.delete(_session_key(token))

    async def _write(self, token: str, stored: _Stored) -> None:
        await self.redis.set(_session_key(token), msgspec.json.encode(stored), ex=self._idle_s(stored))

    def _idle_s(self, stored: _Stored) -> int:
        left_s = stored.created_at + self.settings.session_absolute_s - time.time()
        return max(1, min(self.settings.session_idle_s, int(left_s)))


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


async def _by_session(databases: Databases, sessions: Sessions, connection: ASGIConnection, token: str) -> Actor:
    if connection.scope["method"] not in SAFE_METHODS:
        _check_origin(connection)
    found = await sessions.find(token)
    if found is None:
        return ANONYMOUS
    member_id, epoch = found
    async with databases.app.acquire(timeout=5) as database:
        row = await database.fetchrow("SELECT * FROM vault.actor_for_member($1)", member_id)
    if row is None or row["member_status"] != "active" or row["session_epoch"] != epoch:
        await sessions.end(token)
        return ANONYMOUS
    return _actor(row, None)


def _check_origin(connection: ASGIConnection) -> None:
    """A write that rides on a cookie must say that it comes from our own pages (OWASP: verify Origin)."""
    origin = connection.headers.get("origin")
    public = connection.app.state.settings.public_url
    if origin is None or origin.rstrip("/") != public:
        raise Problem("origin_refused")


def _actor(row: object, scopes: tuple[str, ...] | None) -> Actor:
    return Actor(
        kind=row["kind"], organisation_id=row["organisation_id"], member_id=row["member_id"], name=row["name"],
        role=row["role"], locale=row["locale"], intermediary_kind=row["intermediary_kind"],
        agency_role=row["agency_role"], verified=row["organisation_status"] == "verified", scopes=scopes,
    )  # fmt: skip
