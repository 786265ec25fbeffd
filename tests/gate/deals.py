"""What people do on the road of a deal, from the request to the release: each step as its actor takes it, and told to the model."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import date
from typing import Any
from uuid import UUID

from gate.cast import Person, Place, Road
from gate.model import Consent, Deal, Grant, Level, Nda, Organisation, Secret, ever_stands
from papers import pdf
from world import ORIGIN

PAPER = pdf(1, active=False)
COUNTRY = {"system_ja": "架空の説明です。", "source": "架空の資料", "as_of": "2026-01-05"}


class Deals:
    """Part of a Town. Every step returns the status it was answered with."""

    people: dict[str, Person]
    organisations: dict[str, Organisation]
    places: dict[str, Place]
    roads: dict[str, Road]
    secrets: dict[str, Secret]

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
        form = "two_party" if road.place.model.persons > 1 else "one_way"
        answer = await road.place.published.seller.post(f"{road.path}/nda", {"form": form, "term_months": 24})
        if answer.status_code == 201:
            self._replaced(road.model)
            road.model.ndas.append(Nda(form == "two_party"))
        return answer.status_code

    @staticmethod
    def _replaced(deal: Deal) -> None:
        for each in deal.ndas:
            each.ended |= not each.began or each.over

    async def signs(self, road: Road) -> int:
        """With the code from the mail; a colleague is named and acknowledges, and so does who represents the buyer."""
        buyer, shown = road.buyer, (await road.buyer.caller.get(f"{road.path}/nda")).json()
        colleagues = [each for each in self.people.values() if each.member.organisation is buyer.member.organisation and each is not buyer
                      and each.member.active]
        coded = await buyer.caller.post(f"{road.path}/nda/code")
        if coded.status_code != 201:
            return coded.status_code
        answer = await buyer.caller.post(f"{road.path}/nda/signature", await self._signed(buyer, shown["text_hash"]) | {
            "members": [str(each.caller.member_id) for each in colleagues]})
        if answer.status_code == 201:
            road.model.nda.signed = True
            road.model.nda.bound.add(buyer.member)
            agents = [each for each in self.people.values() if each.member.organisation is road.model.representative and road.model.represented]
            for each in agents:
                await self.binds(road, each)
            for each in colleagues:
                await self._acknowledges(road, each)
        return answer.status_code

    async def _signed(self, person: Person, text_hash: str) -> dict[str, Any]:
        return {"text_hash": text_hash, "name": "A. Signer", "title": "Director", "authority": "legal_representative", "locale_shown": "en",
                "code": await self.mailed_code(person.caller)}

    async def countersigns(self, road: Road) -> int:
        """The seller signs what the buyer signed: the agreement, or its renewal. 201 where nothing waits for it."""
        nda = road.model.nda
        if nda is None or not nda.mutual or not (nda.renewal == "signed" or (nda.signed and not nda.countersigned)):
            return 201
        seller = next(each for each in self.people.values() if each.caller is road.place.published.seller)
        shown = await seller.caller.get(f"{road.path}/nda/renewal" if nda.renewal == "signed" else f"{road.path}/nda")
        coded = await seller.caller.post(f"{road.path}/nda/code")
        if coded.status_code != 201:
            return coded.status_code
        answer = await seller.caller.post(f"{road.path}/nda/countersignature", await self._signed(seller, shown.json()["text_hash"]))
        if answer.status_code == 201:
            if nda.renewal == "signed":
                nda.extend()
            nda.countersigned = True
        return answer.status_code

    async def renews(self, road: Road) -> int:
        """The buyer signs for another term, in the last sixty days."""
        nda, shown = road.model.nda, await road.buyer.caller.get(f"{road.path}/nda/renewal")
        coded = await road.buyer.caller.post(f"{road.path}/nda/code")
        if shown.status_code != 200 or coded.status_code != 201:
            return max(shown.status_code, coded.status_code)
        answer = await road.buyer.caller.post(f"{road.path}/nda/renewal", await self._signed(road.buyer, shown.json()["text_hash"]))
        if answer.status_code == 201:
            nda.renewal = "signed"
            if not nda.mutual:
                nda.extend()
        return answer.status_code

    async def hands_in_paper(self, road: Road, by_buyer: bool) -> int:
        """An agreement on a party's own paper, which a second person confirms; the seller's binds nobody of the buyer unasked."""
        seller = road.place.published.seller
        second = next((each.caller for each in self.people.values() if each.member.organisation is road.place.model.seller
                       and each.caller is not seller and each.member.active), seller)
        handing, confirming = (road.buyer.caller, seller) if by_buyer else (seller, second)
        entered = await handing.post(f"{road.path}/nda/paper", {
            "form": "one_way", "term_months": 24, "signed_on": date.today().isoformat(), "signer_name": "P. Signer", "signer_title": "Director",
            "content_base64": base64.b64encode(PAPER).decode()})
        if entered.status_code != 201:
            return entered.status_code
        answer = await confirming.post(f"{road.path}/nda/paper/decision", {
            "decision": "confirmed", "content_hash": hashlib.sha256(PAPER).hexdigest()})
        if answer.status_code == 201:
            self._replaced(road.model)
            road.model.ndas.append(Nda(signed=True, bound={road.buyer.member} if by_buyer else set()))
        else:
            await handing.post(f"{road.path}/nda/paper/decision", {"decision": "refused", "content_hash": hashlib.sha256(PAPER).hexdigest()})
        return answer.status_code

    async def binds(self, road: Road, person: Person) -> int:
        """Named under the agreement by their firm, and acknowledged by themselves."""
        first = self.people[person.member.organisation.name].caller
        await first.post(f"{road.path}/nda/members", {"members": [str(person.caller.member_id)]})
        return await self._acknowledges(road, person)

    async def _acknowledges(self, road: Road, person: Person) -> int:
        shown = await person.caller.get(f"{road.path}/nda")
        if shown.status_code != 200:
            return shown.status_code
        answer = await person.caller.post(f"{road.path}/nda/acknowledgement", {"text_hash": shown.json()["text_hash"]})
        if answer.status_code == 201:
            road.model.nda.bound.add(person.member)
        return answer.status_code

    async def releases_member(self, road: Road, person: Person) -> int:
        """Whoever no longer works on it; the firm stays bound."""
        first = self.people[person.member.organisation.name].caller
        answer = await first.delete(f"{road.path}/nda/members/{person.caller.member_id}")
        if answer.status_code == 204:
            road.model.nda.bound.discard(person.member)
        return answer.status_code

    async def ends_nda(self, road: Road) -> int:
        answer = await road.place.published.seller.post(f"{road.path}/nda/termination", {"reason": "talks_ended"})
        if answer.status_code == 201:
            road.model.nda.ended = True
        return answer.status_code

    # ------------------------------------------------------------ the owner's side

    async def puts_to_owner(self, road: Road) -> int:
        answer = await road.place.published.seller.post(f"{road.path}/name-clear", {"country_information": COUNTRY})
        if answer.status_code == 201:
            deal = road.model
            for each in deal.consents:  # what makes room for a new question
                used = any(grant.consent is each for grant in deal.grants)
                each.revoked |= each.answer != "no" and not ever_stands(deal, each) and (each.lapsed or used)
            deal.consents.append(Consent(deal.nda, road.place.model.persons))
            road.links = {number: await self.owner_link(email) for number, email in enumerate(road.place.owners)}
        return answer.status_code

    async def owner_says(self, road: Road, decision: str, who: int = 0, personal: bool = False) -> int:
        """One of the persons who decide, on the real page: yes, no, ask_adviser, or withdrawn to take a yes back. `personal`: the
        representative ticks the box for personal data as well, where there is one."""
        who %= len(road.place.owners)
        box = ("personal_data",) if personal and decision == "yes" and who == 0 and road.model.buyer.country == "US" else ()
        status = await self.answered(road.links.get(who, ""), road.place.owners[who], decision, box)
        if status == 200:
            consent, deal = road.model.question, road.model
            if decision == "withdrawn":
                consent.revoked, road.links = True, {}
                for grant in deal.grants:
                    grant.revoked |= grant.consent is consent
            else:
                consent.said[who], consent.personal = decision, consent.personal or bool(box)
                deal.closed |= decision == "no"
                road.links[who] = await self.owner_link(road.place.owners[who]) if decision == "yes" else ""
        return status

    async def all_say_yes(self, road: Road, personal: bool = False) -> int:
        status = 200
        for who in range(len(road.place.owners)):
            if road.model.question is None or road.model.question.said.get(who) == "yes":
                continue
            if not road.links.get(who):  # they asked for advice: the adviser sends another link
                if (sent := await road.place.published.seller.post(f"{road.path}/name-clear/link")).status_code != 201:
                    return sent.status_code
                road.links[who] = await self.owner_link(road.place.owners[who])
            if (status := await self.owner_says(road, "yes", who, personal)) != 200:
                break
        return status

    async def answered(self, link: str, email: str, decision: str, box: tuple[str, ...] = ()) -> int:
        """With the code from the mailbox; 410 where the page does not offer this answer (any more)."""
        page = (await self.client(Origin=ORIGIN).get(link or "/owner/none")).text
        if decision not in re.findall(r'name="decision" value="(\w+)"', page):
            return 410
        answer = await self.page_answered(link, email, decision, box)
        return 409 if 'name="code"' in answer.text else answer.status_code

    # ------------------------------------------------------------ releases

    async def releases(self, road: Road, level: Level) -> int:
        consent = road.model.question
        answer = await road.place.published.seller.post(f"{road.path}/{level.replace('_', '-')}-release")
        if answer.status_code == 201:
            road.model.grants.append(Grant(level, consent.nda, consent, days=min(Grant.days, consent.nda.days)))
            road.grants.append(answer.json()["id"])
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
