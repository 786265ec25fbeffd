"""People and organisations for tests: seeded once as rows, then acting only through the public API.

    world = World(app, database_url)
    center = await world.intermediary("center")      # a Caller: center.get(...), center.post(...), .organisation_id
    buyer = await world.acquirer(country="GB")
"""

from __future__ import annotations

import hashlib
import itertools
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from argon2 import PasswordHasher

from succession.accounts.identifiers import make_corporate_number
from succession.permissions import PERMISSIONS, keys_may_hold

ORIGIN = "http://127.0.0.1:8400"
PASSWORD = "a long and fictitious sentence"
PASSWORD_HASH = PasswordHasher(time_cost=1, memory_cost=47104, parallelism=1).hash(PASSWORD)
_numbers = itertools.count(secrets.randbelow(10**6) * 10**2)


@dataclass
class Caller:
    """One member with an API key that holds every permission keys may hold."""

    client: httpx.AsyncClient
    organisation_id: UUID
    member_id: UUID
    kind: str
    email: str

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.client.get(path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return await self.client.post(path, json={} if body is None else body, **options)

    async def put(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return await self.client.put(path, json={} if body is None else body, **options)

    async def patch(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return await self.client.patch(path, json={} if body is None else body, **options)

    async def delete(self, path: str, **options: Any) -> httpx.Response:
        return await self.client.delete(path, **options)


class World:
    def __init__(self, app: Any, database_url: str) -> None:
        self.app, self.database_url = app, database_url
        self._clients: list[httpx.AsyncClient] = []

    def client(self, **headers: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url=ORIGIN, headers={"Accept-Language": "en", **headers})
        self._clients.append(client)
        return client

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()

    async def seed(self, sql: str, *values: Any) -> Any:
        """One statement as the seeding role, past row-level security: for what a test presupposes, never for what it tests."""
        connection = await asyncpg.connect(self.database_url)
        try:
            await connection.execute("SET ROLE succession_seeder")
            return await connection.fetch(sql, *values)
        finally:
            await connection.close()

    # ------------------------------------------------------------ people

    async def signed_in(self, caller: Caller) -> Caller:
        """The same member in a browser: signed in through the API, with a cookie and our Origin on every request."""
        await self.seed("UPDATE vault.member SET password_hash = $2 WHERE id = $1", caller.member_id, PASSWORD_HASH)
        client = self.client(Origin=ORIGIN)
        answer = await client.post("/v1/sessions", json={"email": caller.email, "password": PASSWORD})
        assert answer.status_code == 204, answer.text
        return Caller(client, caller.organisation_id, caller.member_id, caller.kind, caller.email)

    async def letters(self, address: str | None = None, *, member: UUID | None = None,
                      organisation: UUID | None = None) -> list[dict[str, Any]]:
        """What waits to be sent to an address, a member or an organisation: `template` and `params`, oldest first."""
        wanted = {"address": address, "member": member and str(member), "organisation": organisation and str(organisation)}
        field, value = next((name, value) for name, value in wanted.items() if value)
        rows = await self.seed("SELECT payload::text FROM ops.outbox WHERE topic = 'mail' AND payload -> 'to' ->> $1 = $2 "
                               "ORDER BY id", field, value)
        return [json.loads(row[0]) for row in rows]

    async def deliver(self) -> int:
        """What the worker would do now: returns how many deliveries succeeded; letters are in settings.mail_dir."""
        from succession.worker import deliver_once, open_worker_pool

        async with await open_worker_pool(self.app.state.settings) as pool:
            return await deliver_once(pool, self.app.state.settings)

    async def intermediary(self, kind: str = "center", **fields: Any) -> Caller:
        return await self.organisation("intermediary", intermediary_kind=kind, **fields)

    async def acquirer(self, country: str = "GB", **fields: Any) -> Caller:
        number = {"registry_number": f"R{next(_numbers)}"}
        return await self.organisation("acquirer", buyer_kind="company", country=country, **(number | fields))

    async def agency(self, role: str = "desk", **fields: Any) -> Caller:
        return await self.organisation("agency", agency_role=role, **fields)

    async def operator(self, **fields: Any) -> Caller:
        return await self.organisation("operator", **fields)

    async def organisation(self, kind: str, *, status: str = "verified", role: str = "admin", country: str = "JP",
                           legal_name: str | None = None, **fields: Any) -> Caller:
        number = next(_numbers)
        if country == "JP" and "corporate_number" not in fields:
            fields["corporate_number"] = make_corporate_number(f"9999{number:08d}")
        row = {"kind": kind, "status": status, "country": country,
               "legal_name": legal_name or f"Fictitious {kind} {number}"} | fields
        columns = ", ".join(row)
        places = ", ".join(f"${i}" for i in range(1, len(row) + 1))
        found = await self.seed(f"INSERT INTO vault.organisation ({columns}) VALUES ({places}) RETURNING id", *row.values())
        return await self.member(found[0]["id"], kind, role=role)

    async def member(self, organisation_id: UUID, kind: str, role: str = "member") -> Caller:
        """Another member of an organisation, with a key of their own."""
        email = f"member{next(_numbers)}-{secrets.token_hex(3)}@fictitious.example"
        found = await self.seed(
            "INSERT INTO vault.member (organisation_id, email, name, role, status) VALUES ($1, $2, $3, $4, 'active') RETURNING id",
            organisation_id, email, f"Member {email.split('@')[0]}", role)
        secret = secrets.token_urlsafe(32)
        scopes = [p for p in PERMISSIONS if keys_may_hold(p)]
        await self.seed(
            "INSERT INTO vault.api_key (organisation_id, member_id, name, prefix, key_hash, scopes, expires_at) "
            "VALUES ($1, $2, 'test', $3, $4, $5, $6)", organisation_id, found[0]["id"], secret[:6],
            hashlib.sha256(secret.encode()).digest(), scopes, datetime.now(UTC) + timedelta(days=1))
        return Caller(self.client(Authorization=f"Bearer {secret}"), organisation_id, found[0]["id"], kind, email)
