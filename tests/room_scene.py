"""A data room for tests: an open room of one buyer, folders and documents in it, and a deal as far along as a test needs."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from world import Caller, Published, World

NOTHING = {"contains_personal_data": False, "export_control_class": "none"}  # declared of a document
PLAIN = NOTHING | {"downloadable": True, "unmarked_reason": "A list of numbers."}
UNDERTAKING = {"name": "C. Counsel", "title": "Partner", "outside_firm": "Fictitious Counsel LLP", "country": "GB",
               "undertaking_hash": "a" * 64, "undertaken_on": "2026-01-05"}


@dataclass
class Room:
    """`person`: a member of the seller's side in a browser, for what no key may do. `path`: of the request."""

    world: World
    published: Published
    buyer: Caller
    deal: str
    person: Caller

    @property
    def seller(self) -> Caller:
        return self.published.seller

    @property
    def path(self) -> str:
        return f"/v1/disclosure-requests/{self.deal}"

    async def folder(self, name: str, **fields: Any) -> str:
        made = await self.seller.post(f"/v1/listings/{self.published.listing_id}/folders", {"name": name} | fields)
        assert made.status_code == 201, made.text
        return made.json()["id"]

    async def document(self, folder: str, filename: str = "a.txt", content: bytes = b"a", **fields: Any) -> str:
        """A document in the folder of this name, which declares nothing special."""
        made = await self.seller.post(f"/v1/listings/{self.published.listing_id}/documents", {
            "level": "data_room", "folder": folder, "filename": filename,
            "content_base64": base64.b64encode(content).decode()} | PLAIN | fields)
        assert made.status_code == 201, made.text
        return made.json()["id"]

    async def release(self, folder: str, **fields: Any) -> Any:
        return await self.seller.post(f"{self.path}/folder-releases", {"folder_id": folder} | fields)

    async def allowed(self, *folders: str) -> str:
        return await self.world.folders_allowed(self.published, self.deal, *folders)

    async def seen(self, document: str, who: Caller | None = None) -> int:
        return (await (who or self.buyer).get(f"/v1/documents/{document}")).status_code

    async def competes(self, competes: bool) -> None:
        """Declared by the seller's side and confirmed by name."""
        said = await self.seller.post(f"{self.path}/competition", {"competes": competes, "words": "Both make parts."})
        assert said.status_code == 201, said.text
        confirmed = await self.person.post(f"/v1/competition/{said.json()['id']}/confirmation", {"words": "Asked the buyer."})
        assert confirmed.status_code == 201, confirmed.text

    async def clean_member(self, accepted: bool = True) -> tuple[Caller, str]:
        """Another member of the buyer, bound by its agreement and named for the clean team, and the entry's id."""
        reader = await self.world.member(self.buyer.organisation_id, "acquirer")
        await self.world.bind(self.buyer, self.deal, reader)
        named = await self.buyer.post(f"{self.path}/clean-team", UNDERTAKING | {"member_id": str(reader.member_id)})
        assert named.status_code == 201, named.text
        if accepted:
            done = await self.person.post(f"/v1/clean-team/{named.json()['id']}/acceptance")
            assert done.status_code == 201, done.text
        return reader, named.json()["id"]

    async def stage(self, stage: str, *events: str) -> None:
        """As if the talks had come to this stage by these steps of the road."""
        await self.world.overrule("UPDATE vault.deal SET stage = $2, furthest = $2 WHERE id = $1", UUID(self.deal), stage)
        for number, event in enumerate(events, 90):
            await self.world.overrule(
                "INSERT INTO vault.deal_event (deal_id, seq, from_stage, action, to_stage, actor_kind, evidence) "
                "VALUES ($1, $2, 'loi', $3, 'mou', 'intermediary', '{}')", UUID(self.deal), number, event)


async def opened(world: World, country: str = "GB", **buyer: Any) -> Room:
    """A room open to a buyer of this country, with nothing in it yet."""
    published, acquirer = await world.published(), await world.acquirer(country, **buyer)
    deal = await world.released(published, acquirer, "data_room")
    return Room(world, published, acquirer, deal, await world.signed_in(published.seller))
