"""Against whom are the attacks run: which market, whose true profiles, which people, and over what wire?

The demo's own builder fills a database: a synthetic world, its codebook, companies that are members of it, batches, and
deals of the past. What is true of each published company is read back as rows and kept here, for the attacks to compare
with and for the leaky fixtures to leak. With `over_http` the server is a process of its own behind a real socket,
otherwise the same application in this process; PostgreSQL and Redis are real either way.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import msgspec
import numpy as np
from redis.asyncio import Redis

import market_world
from attacks.harness import Door, Leak, Templates, Who
from succession.actor import Sessions
from succession.anonymity.codebook import Codebook
from succession.anonymity.margins import LEGAL_FORMS
from succession.anonymity.population import Population, eligible
from succession.app import create_app
from succession.config import Settings
from succession.days import day_in_japan
from succession.demo import companies, names
from succession.demo.build import build_market, saved_world
from succession.demo.people import Accounts
from succession.demo.servers import free_port
from succession.market.codebooks import load_codebook
from world import ORIGIN, UNCOUNTED, Authenticator, Caller, Published, World

START_TIMEOUT_S = 60
NAMED_FORMS = [LEGAL_FORMS.index(form) for form in companies.OFFERED_FORMS]
SMALL = {"listings": 170, "world": 20_000}
FULL = {"listings": 800, "world": 60_000}
PUBLISHED_LEAST = {False: 100, True: 500}
AUDIENCE_OF = {"anonymous": 1, "buyer-a": 3, "buyer-b": 3, "buyer-c": 3, "fund-d": 3, "center": 9, "bank": 9,
               "adviser": 9,
               "desk": 5, "monitor": 1, "operator": 1}  # fmt: skip


@dataclass(frozen=True)
class Truth:
    """What is true of one listing and what is known of its latest publication. Yen; `margin` is a fraction."""

    ref: str | None
    listing_id: UUID
    holder: str
    state: str
    audiences: int
    batch: int | None
    excludes: tuple[tuple[str, str], ...]
    entered_at: datetime
    queued_at: datetime | None
    member: int | None  # of the population, where the demo entered it
    owner_email: str | None
    place: str
    municipality: str
    jsic: str
    founded: int
    employees: int
    revenue_yen: int
    margin: float
    words: dict[str, str] = field(default_factory=dict)  # what names it: legal_name, name_kana, phone, ...

    @property
    def figures(self) -> dict[str, float]:
        """The hidden numbers an order or a size could correlate with."""
        return {"revenue": self.revenue_yen, "employees": self.employees, "margin": self.margin,
                "founded": self.founded,
                "entered_at": self.entered_at.timestamp(),
                "queued_at": self.queued_at.timestamp() if self.queued_at else 0.0}  # fmt: skip

    @property
    def secrets(self) -> tuple[str, ...]:
        """Strings of which none may be seen before the name clear; short ones would be found by chance."""
        return tuple(word for word in self.words.values() if len(word) >= 4)


class AttackWorld(World):
    """`World` on the scene's wire."""

    def __init__(self, scene: Scene) -> None:
        redis = Redis.from_url(scene.settings.redis_url)
        state = SimpleNamespace(settings=scene.settings, sessions=Sessions(redis, scene.settings))
        super().__init__(SimpleNamespace(state=state), scene.settings.database_url)
        self._scene, self._redis = scene, redis

    def client(self, **headers: str) -> httpx.AsyncClient:
        client = httpx.AsyncClient(transport=self._scene.transport, base_url=self._scene.base_url, timeout=60,
                                   headers={"Accept-Language": "en", **headers})
        self._clients.append(client)
        return client

    async def close(self) -> None:
        await self._redis.aclose()  # the transport is shared and closed by the scene


@dataclass
class Scene:
    """One market under attack. `truth`: reference -> what is true; `hidden`: listings without a teaser."""

    settings: Settings
    base_url: str
    transport: httpx.AsyncBaseTransport
    templates: Templates
    full: bool
    accounts: Accounts | None = None
    population: Population | None = None
    codebook: Codebook | None = None
    truth: dict[str, Truth] = field(default_factory=dict)
    hidden: list[Truth] = field(default_factory=list)
    memory: dict[Any, Any] = field(default_factory=dict)  # of one run, for leaky fixtures
    kept: dict[str, Any] = field(default_factory=dict)  # of the whole scene, for what attacks build once
    _number: int = 50_000

    @cached_property
    def world(self) -> AttackWorld:
        return AttackWorld(self)

    def some(self, things: Iterable[Any], most: int) -> list[Any]:
        """All of them, or in the smaller scene `most` spread over them: the suite asks a part of what `make attacks` does."""
        listed = list(things)
        step = 1 if self.full else max(1, -(-len(listed) // most))
        return listed[::step]

    async def strangers_to(self, caller: Caller) -> list[Truth]:
        """Published listings that this organisation has had no deal with: their order changes from market to market, and
        what somebody was released it may read."""
        rows = await self.world.seed("SELECT listing_id FROM vault.deal WHERE $1 IN (buyer_id, representative_id)", caller.organisation_id)
        met = {row["listing_id"] for row in rows}
        return [each for each in self.truth.values() if each.listing_id not in met]

    def door(self, leak: Leak | None = None) -> Door:
        return Door(self, leak)

    def authorization(self, who: Who) -> dict[str, str]:
        if who is None or who == "anonymous":
            return {}
        if isinstance(who, Caller):
            cookies = "; ".join(f"{name}={value}" for name, value in who.client.cookies.items())
            return {"Cookie": cookies} if cookies else {"Authorization": who.client.headers["Authorization"]}
        return {"Authorization": f"Bearer {self.accounts[who].api_key}"}

    def caller(self, key: str) -> Caller:
        """Somebody of the demo, past any leak: for what an attack presupposes."""
        account = self.accounts[key]
        kind = {"center": "intermediary", "bank": "intermediary", "adviser": "intermediary", "desk": "agency",
                "monitor": "agency", "operator": "operator"}.get(key, "acquirer")  # fmt: skip
        return Caller(self.world.client(**self.authorization(key)), account.organisation_id, account.member_id, kind,
                      account.email, Authenticator(account.authenticator) if account.authenticator else None)

    # ------------------------------------------------------------ what is true

    async def reload(self) -> None:
        """Read anew what is true of every listing."""
        rows = await self.world.seed(_TRUTH)
        holders = {each.organisation_id: each.key for each in reversed(self.accounts.accounts)}
        read = [_truth(row, holders) for row in rows if row["prefecture"] and row["revenue_yen"] is not None]
        self.truth = {each.ref: each for each in read if each.state == "published"}
        self.hidden = [each for each in read if each.state != "published"]

    async def another_day(self) -> None:
        """Quotas begin anew, so that the attacks do not use up each other's."""
        await self.world.overrule("UPDATE vault.preview SET at = at - interval '31 days'")

    def seen_by(self, who: str) -> dict[str, Truth]:
        """The published listings of the audiences somebody belongs to, exclusions aside."""
        return {ref: truth for ref, truth in self.truth.items() if truth.audiences & AUDIENCE_OF[who]}

    @cached_property
    def registry(self) -> tuple[np.ndarray, np.ndarray]:
        """(rows of the population that may have a teaser, the cell of each): what an attacker computes for himself."""
        members = np.flatnonzero(eligible(self.population, self.codebook.header.rule))
        return members, self.codebook.assign(self.population)[members]

    # ------------------------------------------------------------ a listing of one's own

    def number(self) -> int:
        """One that was not given yet."""
        self._number += 1
        return self._number

    async def openapi(self, door: Door) -> dict[str, Any]:
        """The document as a stranger reads it, read once: it takes the server a quarter of a second to write."""
        if "openapi" not in self.kept:
            self.kept["openapi"] = (await door.ask(None, "/v1/openapi.json")).json()
        return self.kept["openapi"]

    def profile(self, member: int, **changes: Any) -> dict[str, Any]:
        """The body of a listing with the figures of one member of the population and a fresh, fictitious identity.

        Changes replace values at `block__field`. The same member gives the same teaser unless a change concerns it.
        """
        rng = Random(self.number())
        made = companies.company(self.population, member, self._number, names.Stems(rng).take(), rng,
                                 day_in_japan(datetime.now(UTC)))
        raw = msgspec.to_builtins(made.profile)
        raw["terms"] |= {"schemes": ["share_transfer"], "timing": "6_12m", "asking_price": {"negotiable": True}}
        raw["facts"] = ["jobs_kept"]
        raw["identity"] |= {"legal_form": "kk", "corporate_number": names.corporate_number(20_000_000 + self._number),
                            "internal_key": None}  # fmt: skip
        raw["financials"].sort(key=lambda year: year["period_end"], reverse=True)
        latest = companies.last_closed_year(day_in_japan(datetime.now(UTC)), 3)  # the fiscal year is shown
        for back, year in enumerate(raw["financials"]):
            year["period_end"] = f"{latest.year - back}-03-31"
        for path, value in changes.items():
            *blocks, name = path.split("__")
            block = raw
            for each in blocks:
                block = block[int(each)] if each.isdigit() else block[each]
            block[name] = value
        return raw

    def member(self, like: str = "") -> int:
        """A member of the population that has a cell and that nothing published rests on yet."""
        members, cells = self.registry
        used = {truth.member for truth in (*self.truth.values(), *self.hidden)} | self.kept.setdefault("used", set())
        rng, people = Random(f"{like}{len(used)}"), self.population.columns["employees"]
        while True:
            at = rng.randrange(len(members))
            named = self.population.columns["legal_form"][members[at]] in NAMED_FORMS  # the demo has no names for others
            if cells[at] >= 0 and int(members[at]) not in used and people[members[at]] >= 3 and named:
                self.kept["used"].add(int(members[at]))
                return int(members[at])

    async def enter(self, holder: Caller, raw: dict[str, Any]) -> UUID:
        """A listing of somebody's with a mandate, preparing, and an owner who can be written to."""
        listing_id = await market_world.entered(holder, raw)
        await market_world.mandated(self.world, listing_id, holder.member_id)
        owner = {"name": raw["identity"]["representative"]["name"],
                 "email": f"owner-{listing_id.hex[:12]}@fictitious.example"}
        answer = await holder.post(f"/v1/listings/{listing_id}/owner-contacts", owner)
        assert answer.status_code == 201, answer.text
        return listing_id

    async def publish(self, holder: Caller, raw: dict[str, Any], *audiences: str) -> str:
        """The reference of a teaser put up the whole way: entered, proposed, approved by its owner, closed in a batch."""
        return await self.put_up(holder, await self.enter(holder, raw), *audiences)

    async def put_up(self, holder: Caller, listing_id: UUID, *audiences: str) -> str:
        """The same for a listing that is there."""
        ref = await self.queue(holder, listing_id, *audiences)
        closed = await market_world.batch(self.world, self.settings)
        assert UUID(ref) not in closed.refused, closed
        await self.reload()
        return ref

    async def queue(self, holder: Caller, listing_id: UUID, *audiences: str) -> str:
        """The same as far as the queue for the next batch."""
        wanted = list(audiences or ("verified_buyers",))
        path = f"/v1/listings/{listing_id}"
        proposed = await holder.post(f"{path}/teaser-proposals", {"audiences": wanted})
        assert proposed.status_code == 201, proposed.text
        await market_world.owner_approves(self.world, proposed.json()["id"], *wanted)
        answer = await holder.post(f"{path}/publication")
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["ref"]).hex

    def published(self, ref: str) -> Published:
        """A published listing in the words of `World`, whose steps of disclosure it can then take."""
        truth = self.truth[ref]
        return Published(self.caller(truth.holder), truth.listing_id, UUID(ref), truth.owner_email,
                         truth.words["legal_name"])


# --- what is true, as rows ------------------------------------------------------------------------------------------

_TRUTH = """
SELECT DISTINCT ON (l.id) l.id, l.intermediary_id, l.internal_reference, l.created_at, l.state AS listing_state,
       p.ref, p.state, p.audiences, p.batch, p.queued_at,
       i.legal_name, i.name_kana, i.name_en, i.name_romaji, i.corporate_number, i.brands::text, i.former_names::text,
       i.main_customers::text, c.representative_name, c.representative_kana, c.representative_romaji, c.family::text,
       c.sites::text, c.phones::text, c.urls::text, c.email_domains::text,
       f.prefecture, f.municipality, f.jsic_code, coalesce(f.founded_year, extract(year FROM f.founded_on)) AS founded,
       f.employees, f.outline, f.strengths, y.revenue_yen, y.operating_profit_yen,
       (SELECT o.email FROM vault.owner_contact o WHERE o.listing_id = l.id AND o.removed_at IS NULL LIMIT 1) AS owner_email,
       ARRAY(SELECT x.kind || '=' || x.value FROM vault.exclusion x WHERE x.listing_id = l.id) AS excludes
FROM vault.listing l JOIN vault.listing_identity i ON i.listing_id = l.id JOIN vault.listing_contact c ON c.listing_id = l.id
JOIN vault.listing_profile f ON f.listing_id = l.id
LEFT JOIN LATERAL (SELECT * FROM vault.listing_financials n WHERE n.listing_id = l.id ORDER BY period_end DESC LIMIT 1) y ON true
LEFT JOIN vault.publication p ON p.listing_id = l.id
ORDER BY l.id, p.state = 'published' DESC, p.queued_at DESC
"""
_WORDS = ("legal_name", "name_kana", "name_en", "name_romaji", "corporate_number", "representative_name",
          "representative_kana", "representative_romaji")  # fmt: skip


def _truth(row: asyncpg.Record, holders: dict[UUID, str]) -> Truth:
    words = {name: row[name] for name in _WORDS if row[name]}
    for name, column, key in (("address", "sites", "address"), ("phone", "phones", None), ("url", "urls", None),
                              ("domain", "email_domains", None),
                              ("brand", "brands", None), ("former_name", "former_names", None),
                              ("customer", "main_customers", None),
                              ("relative", "family", "name")):  # fmt: skip
        listed = msgspec.json.decode(row[column]) if row[column] else []
        if listed and (value := listed[0][key] if key else listed[0]):
            words[name] = value
    if row["owner_email"]:
        words["owner_email"] = row["owner_email"]
    member = re.fullmatch(r"D-(\d{6})", row["internal_reference"] or "")
    revenue, profit = row["revenue_yen"] or 0, row["operating_profit_yen"] or 0
    return Truth(
        ref=row["ref"].hex if row["ref"] else None, listing_id=row["id"],
        holder=holders.get(row["intermediary_id"], "somebody"),
        state=row["state"] or row["listing_state"], audiences=row["audiences"] or 0, batch=row["batch"],
        excludes=tuple(tuple(each.split("=", 1)) for each in row["excludes"]), entered_at=row["created_at"],
        queued_at=row["queued_at"], member=int(member[1]) if member else None, owner_email=row["owner_email"],
        place=row["prefecture"], municipality=row["municipality"] or "", jsic=row["jsic_code"],
        founded=int(row["founded"]),
        employees=row["employees"], revenue_yen=revenue, margin=profit / revenue if revenue else 0.0, words=words)


# --- putting it up --------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def scene_on(database_url: str, redis_url: str, data_dir: Path, full: bool) -> AsyncIterator[Scene]:
    """The whole scene in an empty migrated database. `full`: the larger market, behind a server process."""
    environ = {"SUCCESSION_DEMO": "1", "SUCCESSION_DATA_DIR": str(data_dir), "SUCCESSION_PUBLIC_URL": ORIGIN,
               "SUCCESSION_POOL_APP_SIZE": "6", "SUCCESSION_POOL_MARKET_SIZE": "4", **UNCOUNTED, "DATABASE_URL": database_url,
               "REDIS_URL": redis_url}  # fmt: skip
    settings = Settings.from_env(environ)
    accounts = await build_market(settings, **(FULL if full else SMALL))
    application = create_app(settings)
    async with contextlib.AsyncExitStack() as stack:
        if full:
            base_url = stack.enter_context(_server(environ, data_dir))
            transport: httpx.AsyncBaseTransport = httpx.AsyncHTTPTransport()
            stack.push_async_callback(transport.aclose)
        else:
            await stack.enter_async_context(application.lifespan())
            base_url, transport = ORIGIN, httpx.ASGITransport(app=application, raise_app_exceptions=False)
        scene = Scene(settings, base_url, transport, Templates(application), full, accounts, saved_world(settings))
        scene.codebook = await _codebook(database_url)
        stack.push_async_callback(scene.world.close)
        await scene.reload()
        assert len(scene.truth) >= PUBLISHED_LEAST[full], f"{len(scene.truth)} published profiles"
        yield scene


async def _codebook(database_url: str) -> Codebook:
    owner = await asyncpg.connect(database_url)
    try:
        return await load_codebook(owner, await owner.fetchval("SELECT version FROM market.codebook WHERE current"))
    finally:
        await owner.close()


@contextlib.contextmanager
def _server(environ: dict[str, str], data_dir: Path) -> Iterator[str]:
    """`succession serve` in a process of its own, until the block is left. Yields its address."""
    port, log = free_port("127.0.0.1", 0), data_dir / "serve.log"
    inherited = {name: value for name, value in os.environ.items()
                 if not name.startswith(("SUCCESSION_", "DATABASE_", "REDIS_"))}
    with log.open("wb") as stream:
        process = subprocess.Popen([sys.executable, "-m", "succession", "serve", "--port", str(port)], env=inherited
                                   | environ,
                                   stdout=stream, stderr=subprocess.STDOUT)  # fmt: skip
    address, until = f"http://127.0.0.1:{port}", time.monotonic() + START_TIMEOUT_S
    try:
        while True:
            assert process.poll() is None and time.monotonic() < until, log.read_text(errors="replace")
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{address}/readyz", timeout=2).status_code == 200:
                    break
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
