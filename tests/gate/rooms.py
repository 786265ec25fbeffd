"""What people do in the data room: papers, folders, steps of know-how, the clean team, and links to look at a page elsewhere."""

from __future__ import annotations

import base64
from uuid import UUID

from gate.cast import Opened, Person, Place, Road
from gate.model import KNOW_HOW, Folder, FolderGrant, Link, Secret
from papers import pdf
from room_scene import UNDERTAKING
from world import ORIGIN

USES = 3  # of a link


class Rooms:
    """Part of a Town. Every step returns the status it was answered with. `pictures`: document -> the word that stands for seeing a
    page of it."""

    people: dict[str, Person]
    places: dict[str, Place]
    roads: dict[str, Road]
    secrets: dict[str, Secret]
    pictures: dict[UUID, str]
    links: list[Opened]

    # ------------------------------------------------------------ papers

    async def filed(self, name: str, where: str) -> int:
        """The seller adds a document to the dossier or to a folder of the data room; steps of know-how are a title and nothing else.
        The dossier of `ueno` holds one to look at page by page."""
        place, by_page = self.places[name], (name, where) == ("ueno", "dossier")
        document, kind = f"{where} document {len(self.secrets)} of {name}", "dossier" if where == "dossier" else "data_room"
        title, content = (self.secret(kind, f"{what} of {document}", listing=place.model, document=document) for what in ("the title", "the content"))
        if where in KNOW_HOW:
            del self.secrets[content]
        body = {"level": kind, "folder": where, "contains_personal_data": False, "export_control_class": "none"}
        written = pdf(1, active=False) if by_page else f"notes: {content}".encode()
        said = {"filename": f"{title}.pdf"} if by_page else {"filename": f"{title}.txt", "downloadable": True, "unmarked_reason": "for the test"}
        answer = await place.published.seller.post(f"/v1/listings/{place.published.listing_id}/documents", body | said | {
            "content_base64": base64.b64encode(written).decode()})
        if answer.status_code == 201:
            added = answer.json()
            place.documents[where], place.titles[where] = UUID(added["id"]), document
            if kind == "data_room":
                place.folder_ids[where] = added["folder_id"]
            if by_page:
                self.pictures[UUID(added["id"])] = content
        return answer.status_code

    async def removed(self, name: str, where: str) -> int:
        """The seller takes one out again: from then on it is the seller's alone."""
        place = self.places[name]
        answer = await place.published.seller.delete(f"/v1/documents/{place.documents.get(where, UUID(int=0))}")
        if answer.status_code == 204:
            for word, each in list(self.secrets.items()):
                if each.document == place.titles[where]:
                    self.secrets[word] = Secret(word, "seller", f"{each.what}, taken out", each.listing)
            for each in self.links:
                each.model.expired |= each.document == place.documents[where]
            del place.documents[where], place.titles[where]
        return answer.status_code

    async def folder(self, name: str, where: str) -> None:
        """A folder and a document in it, where there is none yet."""
        place = self.places[name]
        if where not in place.folders:
            folder = place.folders[where] = Folder(where, where == "prices", where if where in KNOW_HOW else None)
            made = await place.published.seller.post(f"/v1/listings/{place.published.listing_id}/folders", {
                "name": where, "competitor_sensitive": folder.sensitive} | ({"know_how_step": folder.step} if folder.step else {}))
            assert made.status_code == 201, made.text
            assert await self.filed(name, where) == 201

    # ------------------------------------------------------------ folders

    async def opens_folder(self, road: Road, where: str = "books", far: bool = False, persons: int | None = None) -> int:
        """Asked of the owner's side, allowed by everybody, or by so many `persons`; released as it lies today, in place of what was
        released before. `far`: as if talks had come to the closing at this moment, which late steps of know-how ask for."""
        seller, place = road.place.published.seller, road.place
        await self.folder(place.model.name, where)
        asked = await seller.post(f"{road.path}/folder-permissions", {"folder_ids": [place.folder_ids[where]]})
        if asked.status_code != 201:
            return asked.status_code
        for email in place.owners[:persons]:
            await self.answered(await self.owner_link(email), email, "yes")
        link = await self.owner_link(place.owners[0])
        before = await self.seed("SELECT stage FROM vault.deal WHERE id = $1", UUID(road.id))
        if far:
            await self.overrule("UPDATE vault.deal SET stage = 'closing' WHERE id = $1", UUID(road.id))
        answer = await seller.post(f"{road.path}/folder-releases", {"folder_id": place.folder_ids[where]})
        if far:
            await self.overrule("UPDATE vault.deal SET stage = $2 WHERE id = $1", UUID(road.id), before[0]["stage"])
        if answer.status_code == 201:
            folder = place.folders[where]
            for each in road.model.folders:
                each.revoked |= each.folder is folder
            room = next(each for each in reversed(road.model.grants) if each.level == "data_room" and not each.revoked)
            lying = frozenset(title for lies, title in place.titles.items() if lies == where)
            road.model.folders.append(FolderGrant(folder, room, lying, permitted=persons is None or persons >= len(place.owners)))
            road.folders.append(answer.json()["id"])
            road.folder_links.append(link)
        return answer.status_code

    async def closes_folder(self, road: Road, by_owner: bool, which: int = -1) -> int:
        """The seller ends the release, or the owner takes the permission back; later steps of know-how end with either."""
        which %= len(road.folders)
        closed = road.model.folders[which]
        stood = not closed.revoked
        if by_owner:
            status = await self.answered(road.folder_links[which], road.place.owners[0], "withdrawn")
            if status == 200:
                closed.permitted, road.folder_links[which] = False, ""
        else:
            answer = await road.place.published.seller.post(f"/v1/folder-grants/{road.folders[which]}/revocation", {"reason": "talks_ended"})
            status = answer.status_code
        if status in (200, 201) and stood:
            for each in road.model.folders:
                each.revoked |= each is closed or bool(closed.folder.step and (each.folder.step or "") > closed.folder.step)
        return status

    # ------------------------------------------------------------ competitors

    async def competes(self, road: Road, competes: bool) -> int:
        """Said by the seller's side; that a buyer does not compete counts once a person confirmed it by name."""
        seller = road.place.published.seller
        said = await seller.post(f"{road.path}/competition", {"competes": competes, "words": "Both make parts."})
        if said.status_code == 201 and not competes:
            person = next(each.browser for each in self.people.values() if each.caller is seller)
            said = await person.post(f"/v1/competition/{said.json()['id']}/confirmation", {"words": "Compared the products."})
        if said.status_code == 201:
            road.place.model.competes[road.model.buyer] = competes
        return said.status_code

    async def joins_clean_team(self, road: Road, person: Person, accepted: bool = True) -> int:
        """The buyer names a member; it counts when a person of the seller's side accepts."""
        named = await road.buyer.caller.post(f"{road.path}/clean-team", UNDERTAKING | {"member_id": str(person.caller.member_id)})
        if named.status_code == 201:
            road.team[person.member] = named.json()["id"]
        if not accepted or person.member not in road.team:
            return named.status_code
        seller = next(each.browser for each in self.people.values() if each.caller is road.place.published.seller)
        answer = await seller.post(f"/v1/clean-team/{road.team[person.member]}/acceptance")
        if answer.status_code == 201:
            road.model.clean.add(person.member)
        return answer.status_code

    async def leaves_clean_team(self, road: Road, person: Person) -> int:
        answer = await road.buyer.caller.post(f"/v1/clean-team/{road.team.get(person.member, UUID(int=0))}/end")
        if answer.status_code == 201:
            road.model.clean.discard(person.member)
            del road.team[person.member]
        return answer.status_code

    # ------------------------------------------------------------ links

    async def makes_link(self, road: Road, person: Person) -> int:
        """To the pages of the document that is looked at page by page."""
        document = road.place.documents.get("dossier", UUID(int=0))
        answer = await person.caller.post(f"/v1/documents/{document}/links", {"uses": USES, "hours": 1})
        if answer.status_code == 201:
            grants = await self.seed("SELECT grant_id FROM vault.document_link WHERE id = $1", UUID(answer.json()["id"]))
            grant = road.model.grants[road.grants.index(str(grants[0]["grant_id"]))]
            self.links.append(Opened(Link(road.model, grant, person.member, USES), answer.json()["url"].removeprefix(ORIGIN), document,
                                     self.pictures[document]))
        return answer.status_code
