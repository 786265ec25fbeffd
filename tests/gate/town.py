"""A small market in a database of its own, the model beside it, and every step that changes who may read what.

Each step is taken as its actor takes it: over HTTP, on the owner's page; only what time does is done to rows. A step
returns the status it was answered with and tells the model what it changed.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg

from gate.model import Consent, Deal, FolderGrant, Grant, Level, Listing, Member, Nda, Organisation, Secret, ever_stands
from succession.codes import audience_mask
from world import ORIGIN, Caller, Published, World

MARK = "zqx"  # every planted word begins with it
FIGURE = 7777  # and every planted figure with this
AUDIENCES = audience_mask(("verified_buyers", "domestic_institutions"))
_RAZED = ("ops.outbox", "ops.idempotency", "market.teaser")  # and all of the vault; what else there is are codes and calendars


@dataclass(eq=False)
class Person:
    """A member of the model and how they call. `browser`: the same person signed in, for what no key may do."""

    member: Member
    caller: Caller
    browser: Caller | None = None

    @property
    def name(self) -> str:
        return self.member.name


@dataclass(eq=False)
class Place:
    """A listing of the model and its rows. `documents`: level -> id of one that is in."""

    model: Listing
    published: Published
    documents: dict[str, UUID] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # of the same
    folder: str = ""
    exclusions: dict[str, UUID] = field(default_factory=dict)


@dataclass(eq=False)
class Road:
    """A deal of the model and its ids. `link`: the path of the owner's newest page for it."""

    model: Deal
    place: Place
    buyer: Person
    id: str
    link: str = ""
    grants: list[str] = field(default_factory=list)
    folder_link: str = ""
    folders: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"/v1/disclosure-requests/{self.id}"


class Town(World):
    """`people`, `places` and `roads` by name; `secrets` by their word; `removed`: documents that were taken out."""

    def __init__(self, app: Any, database_url: str) -> None:
        super().__init__(app, database_url)
        self.people: dict[str, Person] = {}
        self.organisations: dict[str, Organisation] = {}
        self.places: dict[str, Place] = {}
        self.roads: dict[str, Road] = {}
        self.secrets: dict[str, Secret] = {}
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
                                 ("uk", "acquirer", {}), ("de", "acquirer", {"country": "DE"}), ("nl", "acquirer", {"country": "NL"}),
                                 ("stranger", "acquirer", {"country": "FR"}), ("desk", "agency", {"agency_role": "desk"}),
                                 ("monitor", "agency", {"agency_role": "monitor"}), ("operator", "operator", {})):
            await self.founded(name, kind, more)
        for name in ("center", "uk"):
            await self.joined(name)
        for name in ("center", "uk", "operator"):
            self.people[name].browser = await self.signed_in(self.people[name].caller)
        await self.listed("kanda", "center")
        await self.listed("ueno", "bank")
        self.organisations["bank"].acted_for.add(self.organisations["nl"])
        await self.seed("INSERT INTO vault.representation (intermediary_id, acquirer_id, document_hash, from_date, until_date, recorded_by, "
                        "confirmed_by, confirmed_at) VALUES ($1, $2, $3, ops.today() - 1, ops.today() + 300, $4, $5, now())",
                        self.people["bank"].caller.organisation_id, self.people["nl"].caller.organisation_id, bytes(32),
                        self.people["bank"].caller.member_id, self.people["nl"].caller.member_id)

    async def founded(self, name: str, kind: str, more: dict[str, Any]) -> None:
        organisation = self.organisations[name] = Organisation(name, kind)
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
        """A published listing with a word of its own in every block, and a document of each level."""
        listing = Listing(name, self.organisations[seller])
        published = await self.published(self.people[seller].caller, audiences=AUDIENCES)
        place = self.places[name] = Place(listing, published)

        def word(kind: str, what: str) -> str:
            return self.secret(kind, f"{what} of {name}", listing=listing)

        legal_name, figure = f"架空{word('dossier', 'the legal name')}製作所", FIGURE * 10**9 + secrets.randbelow(10**9)
        self.secrets[str(figure)] = Secret(str(figure), "dossier", f"the revenue of {name}", listing)
        for table, columns in {
            "listing_identity": {"legal_name": legal_name, "name_romaji": word("dossier", "the romaji name"), "internal_key": word("owner", "the internal key")},
            "listing_contact": {"representative_name": word("dossier", "the representative"),
                                "family": json.dumps([{"name": word("owner", "a relative")}]),
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
        for level in ("dossier", "data_room"):
            assert await self.filed(name, level) == 201

    # ------------------------------------------------------------ what people do

    async def filed(self, name: str, level: Level) -> int:
        """The seller adds a document, in the data room to its one folder."""
        place = self.places[name]
        document = f"{level} document {len(self.secrets)} of {name}"
        title, content = (self.secret(level, f"{what} of {document}", listing=place.model, document=document) for what in ("the title", "the content"))
        answer = await place.published.seller.post(f"/v1/listings/{place.published.listing_id}/documents", {
            "level": level, "filename": f"{title}.txt", "content_base64": base64.b64encode(f"notes: {content}".encode()).decode(),
            "folder": "/books", "downloadable": True, "unmarked_reason": "for the test", "contains_personal_data": False,
            "export_control_class": "none"})
        if answer.status_code == 201:
            place.documents[level], place.names[level] = UUID(answer.json()["id"]), document
            place.folder = answer.json()["folder_id"] or place.folder
        return answer.status_code

    async def removed(self, name: str, level: Level) -> int:
        """The seller takes one out again: from then on it is the seller's alone."""
        place = self.places[name]
        answer = await place.published.seller.delete(f"/v1/documents/{place.documents.get(level, UUID(int=0))}")
        if answer.status_code == 204:
            for word, each in list(self.secrets.items()):
                if each.document == place.names[level]:
                    self.secrets[word] = Secret(word, "seller", f"{each.what}, taken out", each.listing)
            del place.documents[level], place.names[level]
        return answer.status_code

    async def asks(self, name: str, place: str, buyer: str, through: str | None = None) -> int:
        """A buyer, or who represents it, asks about a teaser."""
        here, deal = self.places[place], Deal(name, self.places[place].model, self.organisations[buyer])
        body = {"teaser_ref": str(here.published.ref), "purpose": self.secret("purpose", f"the purpose of {name}", deal=deal)}
        asking = self.people[through or buyer].caller
        if through:
            deal.representative, deal.represented = self.organisations[through], True
            body["acquirer_id"] = str(self.people[buyer].caller.organisation_id)
        answer = await asking.post("/v1/disclosure-requests", body)
        if answer.status_code == 201:
            self.roads[name] = Road(deal, here, self.people[buyer], answer.json()["id"])
        return answer.status_code

    async def screens(self, road: Road, decision: str = "cleared") -> int:
        body = {"decision": decision} | ({"reason": "sanctions"} if decision == "refused" else {})
        answer = await road.place.published.seller.post(f"{road.path}/screening", body)
        if answer.status_code == 201:
            road.model.screening = decision
            road.model.closed |= decision == "refused"
        return answer.status_code

    async def offers(self, road: Road) -> int:
        answer = await road.place.published.seller.post(f"{road.path}/nda", {"form": "one_way", "term_months": 24})
        if answer.status_code == 201:
            for each in road.model.ndas:
                each.ended |= not each.signed or each.expired
            road.model.ndas.append(Nda())
        return answer.status_code

    async def signs(self, road: Road) -> int:
        """With the code from the mail; a colleague is named and acknowledges, and so does who represents the buyer."""
        buyer, shown = road.buyer, (await road.buyer.caller.get(f"{road.path}/nda")).json()
        colleagues = [each for each in self.people.values() if each.member.organisation is buyer.member.organisation and each is not buyer
                      and each.member.active]
        coded = await buyer.caller.post(f"{road.path}/nda/code")
        if coded.status_code != 201:
            return coded.status_code
        body = {"text_hash": shown["text_hash"], "name": "A. Signer", "title": "Director", "authority": "legal_representative",
                "locale_shown": "en", "code": await self.mailed_code(buyer.caller), "members": [str(each.caller.member_id) for each in colleagues]}
        answer = await buyer.caller.post(f"{road.path}/nda/signature", body)
        if answer.status_code == 201:
            road.model.nda.signed = True
            agents = [each for each in self.people.values() if each.member.organisation is road.model.representative and road.model.represented]
            for each in agents:
                await each.caller.post(f"{road.path}/nda/members", {"members": [str(each.caller.member_id)]})
            road.model.nda.bound.add(buyer.member)
            for each in (*colleagues, *agents):
                bound = await each.caller.post(f"{road.path}/nda/acknowledgement", {"text_hash": shown["text_hash"]})
                if bound.status_code == 201:
                    road.model.nda.bound.add(each.member)
        return answer.status_code

    async def ends_nda(self, road: Road) -> int:
        answer = await road.place.published.seller.post(f"{road.path}/nda/termination", {"reason": "talks_ended"})
        if answer.status_code == 201:
            road.model.nda.ended = True
        return answer.status_code

    async def puts_to_owner(self, road: Road) -> int:
        answer = await road.place.published.seller.post(f"{road.path}/name-clear")
        if answer.status_code == 201:
            deal = road.model
            for each in deal.consents:  # what makes room for a new question
                used = any(grant.consent is each for grant in deal.grants)
                each.revoked |= each.answer != "no" and not ever_stands(deal, each) and (each.lapsed or used)
            deal.consents.append(Consent(deal.nda))
            road.link = await self._newest_link(road)
        return answer.status_code

    async def _newest_link(self, road: Road) -> str:
        return await self.owner_link(road.place.published.owner_email)

    async def owner_says(self, road: Road, decision: str) -> int:
        """On the real page: yes, no, ask_adviser, or withdrawn to take a yes back."""
        status = await self._answer(road, road.link, decision)
        if status == 200:
            consent = road.model.question
            if decision == "withdrawn":
                consent.revoked = True
                for grant in road.model.grants:
                    grant.revoked |= grant.consent is consent
            else:
                consent.answer = decision
                road.model.closed |= decision == "no"
            road.link = await self._newest_link(road) if decision == "yes" else ""
        return status

    async def _answer(self, road: Road, link: str, decision: str) -> int:
        """With the code from the mailbox; 410 where the page does not offer this answer (any more)."""
        page = (await self.client(Origin=ORIGIN).get(link or "/owner/none")).text
        if decision not in re.findall(r'name="decision" value="(\w+)"', page):
            return 410
        answer = await self.page_answered(link, road.place.published.owner_email, decision)
        return 409 if 'name="code"' in answer.text else answer.status_code

    async def releases(self, road: Road, level: Level) -> int:
        consent = road.model.question
        answer = await road.place.published.seller.post(f"{road.path}/{level.replace('_', '-')}-release")
        if answer.status_code == 201:
            road.model.grants.append(Grant(level, consent.nda, consent))
            road.grants.append(answer.json()["id"])
        return answer.status_code

    async def opens_folder(self, road: Road) -> int:
        """Asked of the owner, allowed, released as it lies today; what was released before is replaced."""
        seller, place = road.place.published.seller, road.place
        asked = await seller.post(f"{road.path}/folder-permissions", {"folder_ids": [place.folder]})
        if asked.status_code != 201:
            return asked.status_code
        answered = await self._answer(road, await self._newest_link(road), "yes")
        link = await self._newest_link(road)
        answer = await seller.post(f"{road.path}/folder-releases", {"folder_id": place.folder})
        if (answered, answer.status_code) == (200, 201):
            for each in road.model.folders:
                each.revoked = True
            room = next(each for each in reversed(road.model.grants) if each.level == "data_room" and not each.revoked)
            lying = frozenset(name for level, name in place.names.items() if level == "data_room")
            road.model.folders.append(FolderGrant(room, lying))
            road.folders.append(answer.json()["id"])
            road.folder_link = link
        return answer.status_code

    async def closes_folder(self, road: Road, by_owner: bool) -> int:
        """The seller ends the release, or the owner takes the permission back."""
        if by_owner:
            status = await self._answer(road, road.folder_link, "withdrawn")
            if status == 200:
                road.model.folders[-1].permitted, road.folder_link = False, ""
            return status
        answer = await road.place.published.seller.post(f"/v1/folder-grants/{road.folders[-1]}/revocation", {"reason": "talks_ended"})
        if answer.status_code == 201:
            road.model.folders[-1].revoked = True
        return answer.status_code

    async def revokes(self, road: Road, which: int) -> int:
        which %= len(road.grants)
        answer = await road.place.published.seller.post(f"/v1/grants/{road.grants[which]}/revocation", {"reason": "talks_ended"})
        if answer.status_code == 201:
            revoked = road.model.grants[which]
            for grant in road.model.grants:
                grant.revoked |= grant is revoked or revoked.level == "dossier"
        return answer.status_code

    async def excludes(self, place: str, buyer: str) -> int:
        here, person = self.places[place], self.people[buyer]
        answer = await here.published.seller.post(f"/v1/listings/{here.published.listing_id}/exclusions", {
            "kind": "organisation", "value": str(person.caller.organisation_id)})
        if answer.status_code == 201:
            here.model.excluded.add(person.member.organisation)
            here.exclusions[buyer] = answer.json()["id"]
        return answer.status_code

    async def readmits(self, place: str, buyer: str) -> int:
        here = self.places[place]
        answer = await here.published.seller.delete(
            f"/v1/listings/{here.published.listing_id}/exclusions/{here.exclusions.get(buyer, UUID(int=0))}")
        if answer.status_code == 204:
            here.model.excluded.discard(self.organisations[buyer])
            del here.exclusions[buyer]
        return answer.status_code

    async def withdraws(self, place: str) -> int:
        here = self.places[place]
        answer = await here.published.seller.post(f"/v1/listings/{here.published.listing_id}/withdrawal", {"reason": "owner_withdrew"})
        if answer.status_code == 200:
            here.model.withdrawn = True
            for road in self.roads.values():
                road.model.closed |= road.place is here
        return answer.status_code

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
        found = (await buyer.get("/v1/representations")).json()["items"]
        answer = await buyer.post(f"/v1/representations/{found[0]['id']}/termination")
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
        elif what == "nda" and deal.nda and deal.nda.signed:
            await self.overrule("UPDATE vault.nda SET expires_at = clock_timestamp() WHERE deal_id = $1 AND ended_at IS NULL", key)
            deal.nda.expired = True
        elif what == "consent":
            await self.overrule("UPDATE vault.name_clear SET expires_at = clock_timestamp() WHERE deal_id = $1", key)
            for each in deal.consents:
                each.lapsed = True
        elif what == "screening" and deal.screening == "cleared":
            await self.overrule("UPDATE vault.screening SET expires_at = clock_timestamp() WHERE deal_id = $1", key)
            deal.screening = "expired"

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


