"""Two persons who decide for one company, for tests of the owner's consent: seeded contacts, real pages and papers."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from listing_scene import SCAN
from succession.database import Scope
from succession.disclosure.ledger import SALT_BYTES
from succession.disclosure.subject_keys import Subject, unseal, unwrap
from world import ORIGIN, Caller, Published, World


@dataclass
class Two:
    """`first` is the representative of World.published, `second` a co-owner (a contact id and an address each)."""

    world: World
    published: Published
    buyer: Caller
    deal: str
    first: UUID
    second: UUID
    second_email: str | None

    @property
    def path(self) -> str:
        return f"/v1/disclosure-requests/{self.deal}"

    @property
    def seller(self) -> Caller:
        return self.published.seller

    async def asked(self, **body: Any) -> dict[str, Any]:
        answer = await self.seller.post(f"{self.path}/name-clear", body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def answers(self, who: str, decision: str, box: tuple[str, ...] = ()) -> None:
        email = self.published.owner_email if who == "first" else self.second_email
        await self.world.owner_answers(self.published, decision, email, box)

    async def paper(self, who: str, decision: str, question: str, confirm: bool = True, **fields: Any) -> httpx.Response:
        """On paper: entered by the seller, confirmed by a colleague; the last answer of the two."""
        contact = self.first if who == "first" else self.second
        entered = await self.seller.post(f"/v1/listings/{self.published.listing_id}/paper-evidence", paper(question, contact, decision, **fields))
        if entered.status_code != 201 or not confirm:
            return entered
        colleague = await self.world.member(self.seller.organisation_id, "intermediary")
        return await colleague.post(f"/v1/listings/{self.published.listing_id}/paper-evidence/{entered.json()['id']}/confirmation")

    async def stands(self) -> bool:
        """What the database says of the newest question, as the seller's transaction would ask it."""
        stands = await standing(self)
        return stands[self.deal]


async def standing(scene: Two) -> dict[str, bool]:
    """deal -> whether the consent to its newest question stands, asked as succession_app in the seller's scope."""
    scope = Scope("intermediary", scene.seller.organisation_id, scene.seller.member_id, None, f"member:{scene.seller.member_id}")
    async with scene.world.app.state.databases.read(scope) as connection:
        rows = await connection.fetch("SELECT DISTINCT ON (deal_id) deal_id::text, vault.consent_stands(id) AS stands FROM vault.name_clear "
                                      "WHERE listing_id = $1 ORDER BY deal_id, asked_at DESC", scene.published.listing_id)
    return {row["deal_id"]: row["stands"] for row in rows}


def paper(question: str, contact: UUID | None, decision: str, **fields: Any) -> dict[str, Any]:
    return {"purpose": "name_clear", "subject_id": question, "decision": decision, "owner_contact_id": contact and str(contact),
            "signer": "架空 花子", "witness": "架空 証人", "signed_on": "2026-01-10", "seal": "registered_seal",
            "scan": base64.b64encode(SCAN + secrets.token_bytes(4)).decode()} | fields


async def two(world: World, country: str = "GB", second_mailed: bool = True, **buyer: Any) -> Two:
    """A deal with its NDA signed, of a company for which two persons decide; nobody is asked yet."""
    published, acquirer = await world.published(), await world.acquirer(country=country, **buyer)
    email = f"second-{secrets.token_hex(4)}@fictitious.example" if second_mailed else None
    rows = await world.seed(
        "INSERT INTO vault.owner_contact (listing_id, name, email, role, phone) VALUES ($1, '架空 花子', $2, 'co_owner', '0300000000') RETURNING id",
        published.listing_id, email)
    first = await world.seed("SELECT id FROM vault.owner_contact WHERE listing_id = $1 AND role = 'representative'", published.listing_id)
    return Two(world, published, acquirer, await world.nda_signed(published, acquirer), first[0]["id"], rows[0]["id"], email)


async def committed(world: World, listing_id: UUID) -> list[tuple[str, Any]]:
    """(subject, value) of everything the ledger of a listing commits to, opened with the keys of this installation."""
    rows = await world.seed("SELECT s.id, s.kind, s.sealed, k.kind AS about, k.subject_id, k.wrapped, k.wrapped_by FROM vault.ledger_subject s "
                            "JOIN vault.subject_key k ON k.id = s.key_id WHERE s.listing_id = $1", listing_id)
    found = []
    for row in rows:
        key = unwrap(world.app.state.settings, Subject(row["about"], row["subject_id"]), row["wrapped"], row["wrapped_by"])
        found.append((row["kind"], json.loads(unseal(key, row["sealed"], row["id"])[SALT_BYTES:])))
    return found


def path_of(link: str) -> str:
    return link.removeprefix(ORIGIN)
