"""People and organisations for tests: seeded once as rows, then acting only through the public API.

    world = World(app, database_url)
    center = await world.intermediary("center")      # a Caller: center.get(...), center.post(...), .organisation_id
    buyer = await world.acquirer(country="GB")
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import itertools
import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pyotp
from argon2 import PasswordHasher

from succession.accounts.identifiers import make_corporate_number
from succession.accounts.second_factor import DRIFT_STEPS, present_step
from succession.actor import COOKIE, SECOND_FACTOR_KINDS
from succession.codes import audiences_in
from succession.ids import new_reference
from succession.key_ring import ring_of
from succession.permissions import PERMISSIONS, keys_may_hold
from tiny_codebook import EVERYTHING, stored

ORIGIN = "http://127.0.0.1:8400"
# A test asks more within a minute than anybody else may.
UNCOUNTED = dict.fromkeys(("SUCCESSION_RATE_KEY", "SUCCESSION_RATE_ORGANISATION", "SUCCESSION_RATE_ADDRESS"), "10000000")
IN_A_MOMENT_S = 5  # from reading a code until it arrives, on a slow machine
PASSWORD = "a long and fictitious sentence"
PASSWORD_HASH = PasswordHasher(time_cost=1, memory_cost=47104, parallelism=1).hash(PASSWORD)
_numbers = itertools.count(secrets.randbelow(10**6) * 10**2)


@dataclass
class Published:
    """A published listing and who holds it. `ref` is the teaser's; the owner can be reached at `owner_email`."""

    seller: Caller
    listing_id: UUID
    ref: UUID
    owner_email: str
    legal_name: str


@dataclass
class Authenticator:
    """The app on a member's telephone, for all their browsers and keys. A code is taken once, so each is of a later step."""

    secret: str
    last_step: int = 0

    async def code(self) -> str:
        """The next code nobody has used and that is still good in a moment; waits for the clock when the last one was of the step to come."""
        step = max(self.last_step + 1, present_step(time.time() + IN_A_MOMENT_S) - DRIFT_STEPS)
        while step > present_step(time.time()) + DRIFT_STEPS:
            await asyncio.sleep(0.2)
        self.last_step = step
        return pyotp.TOTP(self.secret).generate_otp(step)


@dataclass
class Caller:
    """One member with an API key that holds every permission keys may hold.

    Who works for an intermediary or the operator has an authenticator app, and confirms with it when a request is refused for
    want of a confirmation, as a person would.
    """

    client: httpx.AsyncClient
    organisation_id: UUID
    member_id: UUID
    kind: str
    email: str
    app: Authenticator | None = None

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.client.get(path, **options)

    async def every(self, path: str, **params: Any) -> list[Any]:
        """The items of a list over all its pages; a list that does not end within 100 pages fails."""
        items, cursor = [], None
        for _page in range(100):
            page = await self.client.get(path, params={"limit": 100} | params | ({"cursor": cursor} if cursor else {}))
            assert page.status_code == 200, page.text
            items, cursor = items + page.json()["items"], page.json()["next_cursor"]
            if cursor is None:
                return items
        raise AssertionError(f"{path} has no end")

    async def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        answer = await self.client.post(path, json={} if body is None else body, **options)
        if self.app and answer.status_code == 403 and answer.json().get("code") == "second_factor_needed":
            await self.confirm()
            answer = await self.client.post(path, json={} if body is None else body, **options)
        return answer

    async def confirm(self) -> None:
        """A release is possible for ten minutes. On a slow machine a code can be too old when it arrives: then the next one."""
        for _try in range(3):
            confirmed = await self.client.post("/v1/sessions/current/second-factor", json={"code": await self.app.code()})
            if confirmed.json().get("code") not in ("second_factor_wrong", "second_factor_used"):
                break
        assert confirmed.status_code == 201, confirmed.text

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
        """The same member in a browser: PASSWORD works, a session has begun, and every request states our Origin."""
        rows = await self.seed("UPDATE vault.member SET password_hash = $2 WHERE id = $1 RETURNING session_epoch",
                               caller.member_id, PASSWORD_HASH)
        client = self.client(Origin=ORIGIN)
        given = caller.app is not None
        client.cookies.set(COOKIE, await self.app.state.sessions.start(caller.member_id, rows[0]["session_epoch"], asked=given, confirmed=given))
        return dataclasses.replace(caller, client=client)

    async def letters(self, address: str | None = None, *, member: UUID | None = None,
                      organisation: UUID | None = None) -> list[dict[str, Any]]:
        """What waits to be sent to an address, a member or an organisation: `template` and `params`, oldest first."""
        wanted = {"address": address, "member": member and str(member), "organisation": organisation and str(organisation)}
        field, value = next((name, value) for name, value in wanted.items() if value)
        rows = await self.seed("SELECT payload::text FROM ops.outbox WHERE topic = 'mail' AND payload -> 'to' ->> $1 = $2 "
                               "ORDER BY id", field, value)
        return [json.loads(row[0]) for row in rows]

    async def deliver(self, documents_of: str | None = None) -> int:
        """What the worker would do now: returns how many deliveries succeeded; letters are in settings.mail_dir. Sealed documents,
        which take their time, are set for one request only: what other tests left waiting is let go."""
        from succession.worker import deliver_once, open_worker_pool

        await self.seed("UPDATE ops.outbox SET done_at = now() WHERE topic = 'nda_document' AND done_at IS NULL AND NOT EXISTS ("
                        "SELECT FROM vault.nda n WHERE n.id::text = payload ->> 'nda' AND n.deal_id::text = $1)", documents_of or "")
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
        member = Caller(self.client(Authorization=f"Bearer {secret}"), organisation_id, found[0]["id"], kind, email)
        return await self.with_app(member) if kind in SECOND_FACTOR_KINDS else member

    async def set_up_app(self, browser: httpx.AsyncClient) -> tuple[Authenticator, list[str]]:
        """What a member does who has signed in with a password: (the app, the recovery codes); the session is a full one then."""
        app = Authenticator((await browser.post("/v1/members/me/second-factor", json={})).json()["secret"])
        done = await browser.post("/v1/members/me/second-factor/confirmation", json={"code": await app.code()})
        assert done.status_code == 201, done.text
        return app, done.json()["recovery_codes"]

    async def with_app(self, caller: Caller) -> Caller:
        """The same member with an authenticator app set up."""
        app = Authenticator(pyotp.random_base32())
        key_id, sealed = ring_of(self.app.state.settings).seal("second_factor", app.secret.encode(), str(caller.member_id))
        await self.seed("INSERT INTO vault.second_factor (member_id, organisation_id, secret_sealed, key_id, confirmed_at) "
                        "VALUES ($1, $2, $3, $4, now())", caller.member_id, caller.organisation_id, sealed, key_id)
        return dataclasses.replace(caller, app=app)

    # ------------------------------------------------------------ disclosure

    async def published(self, seller: Caller | None = None, audiences: int = 2, cell: dict[str, str] | None = None,
                        companies: int = 50, **profile: Any) -> Published:
        """A listing with everything a publication needs, published to `audiences`; `profile`: columns of listing_profile.

        Its teaser shows `cell` (default: nothing), to which so many `companies` of every prefecture inside it belong. The
        teaser's row in `market` is not made: searches do not find it, requests do.
        """
        seller = seller or await self.intermediary()
        number, cell_id, version, population = next(_numbers), *(await self._codebook(cell or EVERYTHING, companies))
        email, name = f"owner{number}@fictitious.example", f"架空製作所{number}株式会社"
        listing = (await self.seed("INSERT INTO vault.listing (intermediary_id, state) VALUES ($1, 'listed') RETURNING id",
                                   seller.organisation_id))[0]["id"]
        profile = {"jsic_code": "24", "prefecture": "JP-13", "founded_year": 1970, "employees": 30, "guarantees": "[]",
                   "schemes": ["share_transfer"]} | profile
        one = (
            ("succession_status", {"status": "family_declined", "declared_by": "Owner", "declared_on": date(2026, 1, 5)}),
            ("listing_identity", {"intermediary_id": seller.organisation_id, "legal_name": name, "name_romaji": f"Kakuu {number}",
                                  "corporate_number": make_corporate_number(f"9999{number:08d}")}),
            ("listing_contact", {"representative_name": "架空 太郎", "family": json.dumps([{"name": "架空 花子"}]),
                                 "sites": json.dumps([{"address": "架空県架空市架空町0-0"}]), "phones": json.dumps(["03-0000-0000"])}),
            ("listing_profile", profile),
            ("owner_contact", {"name": "架空 太郎", "email": email}),
            ("mandate", {"kind": "center_support", "terms": "{}", "edition": "3", "signed_on": date(2026, 1, 5)}),
            *(("listing_financials", {"period_end": date(year, 3, 31), "revenue_yen": 10**8 + year}) for year in (2023, 2024, 2025, 2026)),
        )
        for table, row in one:
            await self._insert(table, {"listing_id": listing} | row)
        proposal = await self._insert("teaser_proposal", {
            "listing_id": listing, "canonical": "{}", "canonical_hash": b"0" * 32, "rendering_ja": "架空", "cell_id": cell_id,
            "audiences": audiences, "decision": "approved", "audiences_granted": audiences, "decided_at": datetime.now(UTC),
            "decided_by": "架空 太郎", "method": "link"}, "id")
        for audience in audiences_in(audiences):
            await self._insert("audience_consent", {"listing_id": listing, "proposal_id": proposal, "audience": audience,
                                                    "expires_at": datetime.now(UTC) + timedelta(days=300)})
        ref = new_reference()
        await self._insert("publication", {
            "ref": ref, "listing_id": listing, "proposal_id": proposal, "codebook_version": version, "vocabulary_version": "1",
            "population_version": population, "cell_id": cell_id, "audiences": audiences, "state": "published",
            "published_at": datetime.now(UTC)})
        # Its population is its own: whichever codebook another test has put in force does not count it.
        await self.overrule("UPDATE vault.exposure SET in_force = NULL WHERE ref = $1", ref)
        return Published(seller, listing, ref, email, name)

    async def _insert(self, table: str, row: dict[str, Any], returning: str = "true") -> Any:
        casts = {"family", "sites", "phones", "guarantees", "terms", "canonical"}
        values = ", ".join(f"${i}::text::jsonb" if name in casts else f"${i}" for i, name in enumerate(row, 1))
        found = await self.seed(f"INSERT INTO vault.{table} ({', '.join(row)}) VALUES ({values}) RETURNING {returning}", *row.values())
        return found[0][0]

    async def _codebook(self, cell: dict[str, str], companies: int) -> tuple[int, str, str]:
        """(cell, codebook version, population version) to pin a publication to: demo, unless a register was imported."""
        imported = (await self.seed("SELECT market.imported()"))[0][0]
        population = "disclosure-tests-imported" if imported else "disclosure-tests"
        connection = await asyncpg.connect(self.database_url)
        try:
            await connection.execute("SET ROLE succession_seeder")
            return *await stored(connection, cell, population, not imported, companies), population
        finally:
            await connection.close()

    async def requested(self, published: Published, buyer: Caller) -> str:
        """An open disclosure request of this buyer; its id."""
        answer = await buyer.post("/v1/disclosure-requests", {"teaser_ref": str(published.ref), "purpose": "Growth in Japan"})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    async def nda_signed(self, published: Published, buyer: Caller, *colleagues: Caller) -> str:
        """The same, screened and with the NDA signed by this member, and acknowledged by these colleagues of theirs."""
        deal = await self.requested(published, buyer)
        path = f"/v1/disclosure-requests/{deal}"
        await self._done(published.seller.post(f"{path}/screening", {"decision": "cleared"}))
        nda = await self._done(published.seller.post(f"{path}/nda", {"form": "one_way", "term_months": 24}))
        await self.sign(buyer, path, nda["text_hash"], *colleagues)
        return deal

    async def sign(self, buyer: Caller, path: str, text_hash: str, *colleagues: Caller) -> Any:
        """The buyer's signature under a request's `path` with the code from the mail; `colleagues` are named and acknowledge."""
        for _try in range(3):  # where a lost answer was asked for again, an older code can have come last
            body = await self.signing(buyer, path, text_hash) | {"members": [str(each.member_id) for each in colleagues]}
            answer = await buyer.post(f"{path}/nda/signature", body)
            if answer.status_code != 409 or answer.json()["code"] != "code_invalid":
                break
        assert answer.status_code == 201, answer.text
        signed = answer.json()
        for each in colleagues:
            await self._done(each.post(f"{path}/nda/acknowledgement", {"text_hash": text_hash}))
        return signed

    async def bind(self, buyer: Caller, deal: str, *colleagues: Caller) -> None:
        """Colleagues of the buyer are named under the NDA of a request and acknowledge it: from then on they may read."""
        path = f"/v1/disclosure-requests/{deal}"
        await self._done(buyer.post(f"{path}/nda/members", {"members": [str(each.member_id) for each in colleagues]}))
        for each in colleagues:
            text_hash = (await each.get(f"{path}/nda")).json()["text_hash"]
            await self._done(each.post(f"{path}/nda/acknowledgement", {"text_hash": text_hash}))

    async def signing(self, caller: Caller, path: str, text_hash: str, **fields: Any) -> dict[str, Any]:
        """What signs this text: the body of a signature, with a code that was mailed to this member just now."""
        await self._done(caller.post(f"{path}/nda/code"))
        return {"text_hash": text_hash, "name": "A. Signer", "title": "Director", "authority": "legal_representative", "locale_shown": "en",
                "code": await self.mailed_code(caller)} | fields

    async def mailed_code(self, caller: Caller, template: str = "nda_code") -> str:
        """The newest code in the mail to this member."""
        letters = [each for each in await self.letters(member=caller.member_id) if each["template"] == template]
        return letters[-1]["params"]["code"]

    async def name_cleared(self, published: Published, buyer: Caller, *colleagues: Caller) -> str:
        """The same, and the owner said yes."""
        deal = await self.nda_signed(published, buyer, *colleagues)
        await self._done(published.seller.post(f"/v1/disclosure-requests/{deal}/name-clear"))
        await self.owner_answers(published, "yes")
        return deal

    async def released(self, published: Published, buyer: Caller, level: str = "dossier", colleagues: tuple[Caller, ...] = ()) -> str:
        """The same, and the dossier was released; with `data_room` the room as well and every folder that is in it."""
        deal = await self.name_cleared(published, buyer, *colleagues)
        await self._done(published.seller.post(f"/v1/disclosure-requests/{deal}/dossier-release"))
        if level == "data_room":
            await self._done(published.seller.post(f"/v1/disclosure-requests/{deal}/data-room-release"))
            if folders := [each["id"] for each in await published.seller.every(f"/v1/listings/{published.listing_id}/folders")]:
                await self.folders_released(published, deal, *folders)
        return deal

    async def folders_allowed(self, published: Published, deal: str, *folders: str) -> str:
        """The owner allows this buyer to be shown these folders; the permission's id."""
        asked = await self._done(published.seller.post(f"/v1/disclosure-requests/{deal}/folder-permissions", {"folder_ids": folders}))
        await self.owner_answers(published, "yes")
        return asked["id"]

    async def folders_released(self, published: Published, deal: str, *folders: str) -> list[str]:
        """The same, and they were released one by one; the grants' ids."""
        await self.folders_allowed(published, deal, *folders)
        return [(await self._done(published.seller.post(f"/v1/disclosure-requests/{deal}/folder-releases", {"folder_id": folder})))["id"]
                for folder in folders]
    async def list_of_names(self, operator: Caller, *entries: dict[str, Any], kind: str = "sanctions") -> str:
        """A list of the operator with these entries, as {"name": ..., "kind": ...}; its code. `retire` it afterwards."""
        code = f"made_up_{next(_numbers)}"
        await self._done(operator.post("/v1/screening-lists", {
            "code": code, "kind": kind, "title_ja": f"架空の名簿{code}", "title_en": f"Invented list {code}", "source": "invented", "terms": "none"}))
        if entries:
            await self.on_list(operator, code, *entries)
        return code

    async def on_list(self, operator: Caller, code: str, *entries: dict[str, Any]) -> list[str]:
        """The next version of a list, with these entries besides; their ids."""
        return (await self._done(operator.post("/v1/screening-lists/entries", {
            "list_code": code, "list_version": f"v{next(_numbers)}", "entries": list(entries)})))["ids"]

    async def retire(self, *codes: str) -> None:
        await self.overrule("UPDATE vault.screening_list SET retired_at = now() WHERE code = ANY($1)", list(codes))

    async def run_job(self, job: Any) -> Any:
        """One job of the calendar as the worker runs it, in its own transaction."""
        from succession.worker import open_worker_pool

        async with await open_worker_pool(self.app.state.settings) as pool, pool.acquire() as connection, connection.transaction():
            return await job(connection, self.app.state.settings, datetime.now(UTC))

    async def owner_answers(self, published: Published, decision: str, email: str | None = None, box: tuple[str, ...] = ()) -> None:
        """The owner, or the person with this address, opens their newest link and gives this answer on the real page."""
        email = email or published.owner_email
        answer = await self.page_answered(await self.owner_link(email), email, decision, box)
        assert answer.request.method == "POST" and answer.status_code == 200 and 'name="code"' not in answer.text, answer.text

    async def owner_link(self, email: str) -> str:
        """The path of the newest link mailed to this address."""
        links = [letter["params"]["link"] for letter in await self.letters(email) if "link" in letter["params"]]
        return links[-1].removeprefix(ORIGIN)

    async def page_answered(self, path: str, email: str, decision: str, box: tuple[str, ...] = (), **fields: str) -> httpx.Response:
        """The answer given on the page at `path`, with the code from the mailbox where it asks for one; the page itself when it does not
        ask any more."""
        browser = self.client(Origin=ORIGIN)
        page = await browser.get(path)
        if (form_key := re.search(r'name="form_key" value="(\w+)"', page.text)) is None:
            return page
        form = {"form_key": form_key[1], "decision": decision, "read": "yes", "box": list(box)} | fields
        answer = await browser.post(path, data=form)
        if 'name="code"' not in answer.text or "code" in fields:
            return answer
        return await browser.post(path, data=form | {"code": await self.owner_code(email)})

    async def owner_code(self, email: str) -> str:
        """The newest code mailed to this address."""
        return next(letter["params"]["code"] for letter in reversed(await self.letters(email)) if letter["template"] == "owner_code")

    async def overrule(self, sql: str, *values: Any) -> None:
        """What only time or the owner of the database could do: triggers are off. For expiry, and for tampering."""
        connection = await asyncpg.connect(self.database_url)
        try:
            await connection.execute("SET session_replication_role = replica")
            await connection.execute(sql, *values)
        finally:
            await connection.close()

    async def _done(self, asking: Any) -> Any:
        answer = await asking
        assert answer.status_code == 201, answer.text
        return answer.json()


class Remote(World):
    """People whose requests go wherever the clients of `make` send them."""

    def __init__(self, app: Any, database_url: str, make: Callable[..., httpx.AsyncClient]) -> None:
        super().__init__(app, database_url)
        self._make = make

    def client(self, **headers: str) -> httpx.AsyncClient:
        client = self._make(**headers)
        self._clients.append(client)
        return client
