"""Who speaks for the company: to whom do links go?"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec
from msgspec import Meta
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from succession.accounts.identifiers import read_email, read_japanese_phone
from succession.errors import Problem, field_problem
from succession.i18n import SUPPORTED_LOCALES, Message, _
from succession.listings.commands import lock_open_listing
from succession.listings.profile import Name
from succession.outbox import record
from succession.tables.accounts import Member
from succession.tables.listings import OwnerContact, OwnerLink

CONTACTS_MOST = 20


class NewOwnerContact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A person the mandate names. `decides`: must say yes before a buyer learns the name; by default all but who is only informed.

    Links go to who has an address; others answer on paper, or on a link handed to them with a code spoken to `phone`.
    """

    name: Name
    email: Annotated[str, Meta(max_length=320)] | None = None
    role: Literal["representative", "co_owner", "informed"] = "representative"
    locale: Literal[SUPPORTED_LOCALES] = "ja"
    decides: bool | None = None
    phone: Annotated[str, Meta(max_length=40)] | None = None


class OwnerContactView(msgspec.Struct, frozen=True):
    id: UUID
    name: str
    email: str | None
    role: str
    locale: str
    decides: bool
    phone: str | None


async def add_owner_contact(tx: AsyncSession, listing_id: UUID, new: NewOwnerContact) -> OwnerContactView:
    """Problem validation for an address of the intermediary's own: nobody answers in the owner's place."""
    email = read_email(new.email) if new.email else None
    if new.email and email is None:
        raise field_problem("email", Message.of(_("This is not an e-mail address.")))
    phone = read_japanese_phone(new.phone) if new.phone else None
    if new.phone and phone is None:
        raise field_problem("phone", Message.of(_("This is not a telephone number in Japan.")))
    decides = new.role != "informed" if new.decides is None else new.decides
    if decides and new.role == "informed":
        raise field_problem("decides", Message.of(_("Who is only informed decides nothing.")))
    await lock_open_listing(tx, listing_id)
    if email and await tx.scalar(select(func.count()).where(Member.email == email)):
        raise field_problem("email", Message.of(_("This is an address of your own organisation, not of the owner.")))
    present = select(func.count()).where(OwnerContact.listing_id == listing_id, OwnerContact.removed_at.is_(None))
    if await tx.scalar(present) >= CONTACTS_MOST:
        raise Problem("limit_reached")
    made = OwnerContact(listing_id=listing_id, name=new.name, email=email, role=new.role, locale=new.locale, decides=decides,
                        phone=phone)
    tx.add(made)
    await tx.flush()
    await record(tx, "owner_contact.added", listing_id, contact=made.id, role=made.role, decides=decides)
    return OwnerContactView(made.id, made.name, made.email, made.role, made.locale, decides, phone)


async def remove_owner_contact(tx: AsyncSession, listing_id: UUID, contact_id: UUID, now: datetime) -> None:
    """A wrong address, or somebody who no longer speaks for the company: links already sent die. Problem not_found."""
    await lock_open_listing(tx, listing_id)
    contact = await tx.scalar(
        select(OwnerContact).where(OwnerContact.id == contact_id, OwnerContact.listing_id == listing_id,
                                   OwnerContact.removed_at.is_(None)).with_for_update())
    if contact is None:
        raise Problem("not_found")
    contact.removed_at = now
    sent = update(OwnerLink).where(OwnerLink.owner_contact_id == contact_id, OwnerLink.used_at.is_(None))
    await tx.execute(sent.values(used_at=now))
    await record(tx, "owner_contact.removed", listing_id, contact=contact_id)


async def list_owner_contacts(read: asyncpg.Connection, listing_id: UUID) -> list[OwnerContactView]:
    """At most CONTACTS_MOST; empty for a listing of somebody else."""
    rows = await read.fetch(
        "SELECT id, name, email, role, locale, decides, phone FROM vault.owner_contact WHERE listing_id = $1 AND removed_at IS NULL "
        "ORDER BY name, id LIMIT $2", listing_id, CONTACTS_MOST)
    return [OwnerContactView(**row) for row in rows]
