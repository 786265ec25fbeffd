"""A small market in a database of its own, the model beside it, and every step that changes who may read what.

Each step is taken as its actor takes it: over HTTP, on the owner's page; only what time does is done to rows. A step
returns the status it was answered with and tells the model what it changed.
"""

from __future__ import annotations

import json
import secrets
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg

from gate.cast import Opened, Person, Place, Road
from gate.deals import Deals
from gate.model import MONTH_DAYS, NEAR_DAYS, Deal, Folder, Listing, Member, Organisation, Secret
from gate.rooms import Rooms
from gate.talks import Talks
from succession.codes import audience_mask
from world import World

MARK = "zqx"  # every planted word begins with it
FIGURE = 7777  # and every planted figure with this
AUDIENCES = audience_mask(("verified_buyers", "domestic_institutions"))
_RAZED = ("ops.outbox", "ops.idempotency", "market.teaser")  # and all of the vault; what else there is are codes and calendars



class Town(Deals, Rooms, Talks, World):
    """`people`, `places` and `roads` by name; `secrets` by their word."""

    def __init__(self, app: Any, database_url: str) -> None:
        super().__init__(app, database_url)
        self.people: dict[str, Person] = {}
        self.organisations: dict[str, Organisation] = {}
        self.places: dict[str, Place] = {}
        self.roads: dict[str, Road] = {}
        self.secrets: dict[str, Secret] = {}
        self.pictures: dict[UUID, str] = {}
        self.links: list[Opened] = []
        self._owner: asyncpg.Connection | None = None

    # ------------------------------------------------------------ one connection instead of one a statement

    async def owner(self) -> asyncpg.Connection:
        if self._owner is None:
            self._owner = await asyncpg.connect(self.database_url)
        return self._owner

    async def seed(self, sql: str, *values: Any) -> Any:
        connection = await self.owner()
        await connection.execute("SET ROLE succession_seeder")
        try:
            return await connection.fetch(sql, *values)
        finally:
            await connection.execute("RESET ROLE")

    async def overrule(self, sql: str, *values: Any) -> None:
        connection = await self.owner()
        await connection.execute("SET session_replication_role = replica")
        try:
            await connection.execute(sql, *values)
        finally:
            await connection.execute("SET session_replication_role = origin")

    async def close(self) -> None:
        await super().close()
        if self._owner is not None:
            await self._owner.close()

    async def raze(self) -> None:
        """Everything an earlier town left behind, gone; throttles too."""
        tables = await self.seed("SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = 'vault'")
        await self.overrule("; ".join(f"DELETE FROM {table}" for table in (*(row[0] for row in tables), *_RAZED)))
        await self.app.state.redis.flushdb()

    async def forgive(self) -> None:
        """Nobody here asks too often."""
        if keys := await self.app.state.redis.keys("throttle:*"):
            await self.app.state.redis.delete(*keys)

    # ------------------------------------------------------------ building

    def secret(self, kind: str, what: str, **of: Any) -> str:
        """A new planted word."""
        word = f"{MARK}{secrets.token_hex(6)}"
        self.secrets[word] = Secret(word, kind, what, **of)
        return word

    async def settle(self) -> None:
        """Two sellers, four buyers of which one is represented, and who has no business with any of it."""
        await self.raze()
        for name, kind, more in (("center", "intermediary", {"intermediary_kind": "center"}), ("bank", "intermediary", {"intermediary_kind": "bank"}),
                                 ("uk", "acquirer", {}), ("us", "acquirer", {"country": "US"}), ("nl", "acquirer", {"country": "NL"}),
                                 ("stranger", "acquirer", {"country": "FR"}), ("desk", "agency", {"agency_role": "desk"}),
                                 ("monitor", "agency", {"agency_role": "monitor"}), ("operator", "operator", {})):
            await self.founded(name, kind, more)
        for name in ("center", "uk"):
            await self.joined(name)
        for name in ("center", "bank", "uk", "operator"):
            self.people[name].browser = await self.signed_in(self.people[name].caller)
        await self.listed("kanda", "center")
        await self.listed("ueno", "bank")
        self.organisations["bank"].acted_for.add(self.organisations["nl"])
        await self.seed("INSERT INTO vault.representation (intermediary_id, acquirer_id, document_hash, from_date, until_date, recorded_by, "
                        "confirmed_by, confirmed_at) VALUES ($1, $2, $3, ops.today() - 1, ops.today() + 300, $4, $5, now())",
                        self.people["bank"].caller.organisation_id, self.people["nl"].caller.organisation_id, bytes(32),
                        self.people["bank"].caller.member_id, self.people["nl"].caller.member_id)

    async def founded(self, name: str, kind: str, more: dict[str, Any]) -> None:
        organisation = self.organisations[name] = Organisation(name, kind, country=more.get("country", "GB" if kind == "acquirer" else "JP"))
        if kind == "acquirer":
            word = self.secret("buyer", f"the name of buyer {name}", organisation=organisation)
            more = {"country": "GB", "buyer_kind": "company", "registry_number": f"R{secrets.token_hex(6)}",
                    "legal_name": f"Fictitious {word} Ltd"} | more
        caller = await self.organisation(kind, **more)
        self.people[name] = Person(Member(name, organisation), caller)

    async def joined(self, organisation: str) -> Person:
        """One more member of an organisation."""
        first = self.people[organisation]
        number = 2 + sum(each.member.organisation is first.member.organisation for each in self.people.values()) - 1
        caller = await self.member(first.caller.organisation_id, first.caller.kind)
        made = Person(Member(f"{organisation}{number}", first.member.organisation), caller)
        self.people[made.name] = made
        return made

    async def listed(self, name: str, seller: str) -> None:
        """A published listing with a word of its own in every block, and a document of each level; at `ueno` two persons decide."""
        listing = Listing(name, self.organisations[seller])
        published = await self.published(self.people[seller].caller, audiences=AUDIENCES)
        place = self.places[name] = Place(listing, published, [published.owner_email], folders={"books": Folder("books")})

        def word(kind: str, what: str) -> str:
            return self.secret(kind, f"{what} of {name}", listing=listing)

        legal_name, figure = f"架空{word('dossier', 'the legal name')}製作所", FIGURE * 10**9 + secrets.randbelow(10**9)
        self.secrets[str(figure)] = Secret(str(figure), "dossier", f"the revenue of {name}", listing)
        for table, columns in {
            "listing_identity": {"legal_name": legal_name, "name_romaji": word("dossier", "the romaji name"), "internal_key": word("owner", "the internal key")},
            "listing_contact": {"representative_name": word("representative", "the representative"),
                                "family": json.dumps([{"name": word("relative", "a relative")}]),
                                "sites": json.dumps([{"address": word("dossier", "the address")}]),
                                "phones": json.dumps([word("dossier", "the telephone")])},
            "listing_profile": {"outline": word("dossier", "the outline"), "products": json.dumps([word("dossier", "a product")])},
            "succession_status": {"checkup_reference": word("owner", "the check-up"), "declared_by": word("owner", "who declared")},
            "owner_contact": {"name": word("owner", "the owner's name")},
        }.items():
            casts = {"family", "sites", "phones", "products"}
            sets = ", ".join(f"{column} = ${n}{'::text::jsonb' if column in casts else ''}" for n, column in enumerate(columns, 2))
            await self.seed(f"UPDATE vault.{table} SET {sets} WHERE listing_id = $1", published.listing_id, *columns.values())
        await self.seed("UPDATE vault.listing_financials SET revenue_yen = $2 WHERE listing_id = $1 AND period_end = '2026-03-31'",
                        published.listing_id, figure)
        await self.seed("DELETE FROM vault.listing_financials WHERE listing_id = $1 AND period_end = '2023-03-31'", published.listing_id)
        await self.seed("UPDATE vault.mandate SET terms = $2::text::jsonb WHERE listing_id = $1", published.listing_id,
                        json.dumps({"kind": "center_support", "signed_on": "2026-01-05", "term_months": 36}))
        await self.seed("UPDATE vault.listing SET internal_reference = $2 WHERE id = $1", published.listing_id, word("owner", "the internal reference"))
        published.legal_name = legal_name
        if name == "ueno":
            listing.persons = 2
            place.owners.append(f"second-{secrets.token_hex(4)}@fictitious.example")
            await self.seed("INSERT INTO vault.owner_contact (listing_id, name, email, role) VALUES ($1, $2, $3, 'co_owner')",
                            published.listing_id, word("owner", "the second owner's name"), place.owners[1])
        for where in ("dossier", "books"):
            assert await self.filed(name, where) == 201

    # ------------------------------------------------------------ what an organisation does

    async def operator_decides(self, organisation: str, decision: str) -> int:
        """Suspended, or verified again."""
        operator, identity = self.people["operator"].browser, self.people[organisation].caller.organisation_id
        for _try in range(5):  # a busy machine says 503
            if (seen := await operator.get(f"/v1/organisations/{identity}")).status_code != 503:
                break
        answer = await operator.post(f"/v1/organisations/{identity}/verification", {"decision": decision, "evidence": [
            {"kind": "call", "reference": "by telephone", "seen_on": date.today().isoformat()}]}, headers={"If-Match": seen.headers["etag"]})
        if answer.status_code in (200, 201):
            self.organisations[organisation].standing = decision
        return answer.status_code

    async def leaves(self, person: Person) -> int:
        """A colleague removes a member who is no administrator."""
        admin = next(each for each in self.people.values()
                     if each.browser and each.member.organisation is person.member.organisation and each.member.active)
        answer = await admin.browser.delete(f"/v1/members/{person.caller.member_id}")
        if answer.status_code == 204:
            person.member.active = False
        return answer.status_code

    async def ends_representation(self) -> int:
        buyer = self.people["nl"].caller
        found = await buyer.get("/v1/representations")
        if found.status_code != 200:
            return found.status_code
        answer = await buyer.post(f"/v1/representations/{found.json()['items'][0]['id']}/termination")
        if answer.status_code in (200, 201):
            for road in self.roads.values():
                road.model.represented = False
        return answer.status_code

    # ------------------------------------------------------------ what time does

    async def expires(self, road: Road, what: str, which: int = 0) -> None:
        """At this very moment: whatever ends then is over."""
        deal, key = road.model, UUID(road.id)
        if what == "grant" and deal.grants:
            which %= len(deal.grants)
            await self.overrule("UPDATE vault.disclosure_grant SET expires_at = clock_timestamp() WHERE id = $1", UUID(road.grants[which]))
            deal.grants[which].expired = True
        elif what == "link" and self.links:
            ended = self.links[which % len(self.links)]
            await self.overrule("UPDATE vault.document_link SET expires_at = clock_timestamp() WHERE document_id = $1 AND member_id = $2",
                                ended.document, next(each.caller.member_id for each in self.people.values() if each.member is ended.model.maker))
            for each in self.links:
                each.model.expired |= (each.document, each.model.maker) == (ended.document, ended.model.maker)
        elif what == "nda" and deal.nda and deal.nda.began:
            await self.overrule("UPDATE vault.nda SET expires_at = clock_timestamp() WHERE deal_id = $1 AND ended_at IS NULL", key)
            deal.nda.expired = True
        elif what == "consent":
            await self.overrule("UPDATE vault.name_clear SET expires_at = clock_timestamp() WHERE deal_id = $1", key)
            for each in deal.consents:
                each.lapsed = True
        elif what == "screening" and deal.screening == "cleared":
            await self.overrule("UPDATE vault.screening SET expires_at = clock_timestamp() WHERE deal_id = $1", key)
            deal.screening = "expired"

    async def comes_near_its_end(self, road: Road) -> None:
        """The agreement of a deal has a month left: it can be renewed."""
        if road.model.nda and road.model.nda.in_force and road.model.nda.renewal is None:
            await self.overrule("UPDATE vault.nda SET expires_at = now() + make_interval(days => $2) WHERE deal_id = $1 AND ended_at IS NULL",
                                UUID(road.id), NEAR_DAYS)
            road.model.nda.days = NEAR_DAYS

    async def a_month_passes(self, road: Road) -> None:
        """For the agreement and what was released under it: a renewed one goes on, what was released keeps its own end."""
        nda = road.model.nda
        if nda and nda.in_force:
            for table, of in (("nda", "id"), ("disclosure_grant", "nda_id")):
                await self.overrule(f"UPDATE vault.{table} SET expires_at = expires_at - make_interval(days => $2) WHERE {of} = "
                                    "(SELECT id FROM vault.nda WHERE deal_id = $1 AND ended_at IS NULL)", UUID(road.id), MONTH_DAYS)
            nda.days -= MONTH_DAYS
            for grant in road.model.grants:
                grant.days -= MONTH_DAYS * (grant.nda is nda)

    async def is_found_on_a_list(self, road: Road) -> None:
        """The buyer's very name came onto a sanctions list: the nightly run suspends reading until somebody has looked again."""
        if road.model.screening == "cleared":
            await self.overrule("INSERT INTO vault.screening_alert (deal_id, listing_id, run_id, candidates, suspends, opened_at) "
                                "SELECT deal_id, listing_id, id, '[]', true, clock_timestamp() FROM vault.screening_run WHERE deal_id = $1 "
                                "ORDER BY ran_at DESC LIMIT 1", UUID(road.id))
            road.model.screening = "suspended"

    async def parks(self, road: Road) -> None:
        """Another buyer of the listing talks exclusively from today on."""
        await self.overrule("INSERT INTO vault.exclusivity (listing_id, deal_id, granted_in, from_date, until_date) "
                            "VALUES ($1, $2, 'loi', ops.today(), ops.today() + 30) ON CONFLICT DO NOTHING",
                            road.place.published.listing_id, UUID(road.id))
        if not any(other.model.parked for other in self.roads.values() if other.place is road.place):
            for other in self.roads.values():
                other.model.parked |= other.place is road.place and other is not road

    async def unparks(self, place: str) -> None:
        await self.overrule("UPDATE vault.exclusivity SET ended_on = ops.today() WHERE listing_id = $1", self.places[place].published.listing_id)
        for other in self.roads.values():
            other.model.parked &= other.place is not self.places[place]

    @property
    def deals(self) -> list[Deal]:
        return [road.model for road in self.roads.values()]


