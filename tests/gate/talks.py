"""What is said beside the papers: questions and their answers, and third persons who let themselves be named."""

from __future__ import annotations

import hashlib
from uuid import UUID

from gate.cast import Person, Road
from gate.model import Answer, Secret, told


class Talks:
    """Part of a Town. Every step returns the status it was answered with."""

    people: dict[str, Person]
    secrets: dict[str, Secret]

    async def asks_question(self, road: Road, shared: bool = False) -> int:
        """The buyer asks in its own words and is answered in the seller's; `shared`: with everybody who knows the name. Before the name
        clear the answer waits for somebody to read it."""
        deal, listing = road.model, road.place.model
        asked = await road.buyer.caller.post(f"{road.path}/questions", {"words": self.secret("question", f"a question in {deal.name}", deal=deal)})
        if asked.status_code != 201:
            return asked.status_code
        before = not told(deal)
        answer = Answer(deal, before, not before, shared)
        words = self.secret("answer", f"an answer in {deal.name}", listing=listing, answer=answer)
        shown = {"reach": "cleared", "question_shown": f"How is it with {words}?"} if shared else {}
        given = await road.place.published.seller.post(f"/v1/questions/{asked.json()['id']}/answers", {"words": words, "locale": "en"} | shown)
        if given.status_code != 201:
            del self.secrets[words]
        return given.status_code

    async def lets_answers_go(self, road: Road) -> None:
        """A second person read what waits. The scanner would not let our planted words pass: done to rows."""
        await self.overrule("UPDATE vault.answer SET review = 'passed', reviewed_by = written_by, reviewed_at = now(), released_at = now() "
                            "WHERE deal_id = $1 AND released_at IS NULL", UUID(road.id))
        for each in self.secrets.values():
            if each.answer is not None and each.answer.deal is road.model:
                each.answer.released = True

    async def relative_agrees(self, road: Road) -> int:
        """Entered by the seller, confirmed by a colleague."""
        seller = road.place.published.seller
        second = next(each.caller for each in self.people.values() if each.member.organisation is road.place.model.seller and each.caller is not seller)
        name = next(each.word for each in self.secrets.values() if each.kind == "relative" and each.listing is road.place.model)
        path = f"{road.path}/third-person-consents"
        entered = await seller.post(path, {"name": name, "role": "family", "document_sha256": hashlib.sha256(b"signed").hexdigest(),
                                           "signed_on": "2026-01-05", "told_country": True})
        if entered.status_code != 201:
            return entered.status_code
        answer = await second.post(f"{path}/{entered.json()['id']}/confirmation")
        if answer.status_code == 200:
            road.model.relatives, road.relative = True, entered.json()["id"]
        return answer.status_code

    async def relative_withdraws(self, road: Road) -> int:
        answer = await road.place.published.seller.post(f"{road.path}/third-person-consents/{road.relative or UUID(int=0)}/withdrawal")
        if answer.status_code == 200:
            road.model.relatives, road.relative = False, ""
        return answer.status_code
