"""How does the owner, who has no account, answer? By a single-use link to a page any slice can put a question on.

A `Subject` says what is put before the owner and what an answer does; `OWNER_SUBJECTS` holds one per purpose. The same
subjects are answered on paper (papers.py). Opening a link changes nothing; the token is in the letter and nowhere else, or,
for somebody without a mail address, in the hands of whoever asked for it: then a yes needs a code that another person speaks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import hash_secret
from succession.database import Scope
from succession.i18n import Message
from succession.ids import new_token
from succession.outbox import mail
from succession.tables.listings import Listing, OwnerContact, OwnerLink

LINK_DAYS = 14
HEADING = "■ "  # begins a heading in a text put before an owner; nothing that people typed can begin a line


class Link(msgspec.Struct, frozen=True):
    """What a token opens, and whose it is. `live`: neither used nor expired. `handed`: given by hand instead of mailed."""

    id: UUID
    listing_id: UUID
    purpose: str
    subject_id: UUID
    contact_id: UUID
    owner_name: str
    email: str | None
    locale: str
    handed: bool
    live: bool

    def scope(self) -> Scope:
        return Scope("owner", None, None, self.listing_id, f"owner:{self.id}")


class Box(msgspec.Struct, frozen=True):
    """One thing the owner may tick; never ticked beforehand."""

    name: str
    label: str
    explanation: Message


class Choice(msgspec.Struct, frozen=True):
    """One answer. `needs_box`: at least one box must be ticked; `may_box`: boxes may be. `needs_reading`: the text must be
    declared read. `needs_code`: given by link, it needs a one-time code. `explanation`: what follows from it."""

    value: str
    label: Message
    needs_box: bool = False
    needs_reading: bool = False
    may_box: bool = False
    needs_code: bool = False
    explanation: Message | None = None


class Adviser(msgspec.Struct, frozen=True):
    """Whom the owner can call: the firm, who looks after this company, and a number, where they are on record."""

    adviser: str
    member: str | None
    phone: str | None


class Sheet(msgspec.Struct, frozen=True):
    """One question: sentences, the Japanese text exactly as kept, boxes, answers; no choices when nothing is open.

    `shown_hash` (hex sha256) is of the text the answer is about; the answer must name the same. A line of the text that
    begins with HEADING opens a section. `respondent`: the contact whose answer this is about, where each person gives one.
    """

    title: Message
    lead: tuple[Message, ...]
    text_ja: str | None
    boxes_title: Message | None
    boxes: tuple[Box, ...]
    notes: tuple[Message, ...]
    choices: tuple[Choice, ...]
    shown_hash: str
    respondent: UUID | None = None


class Answer(msgspec.Struct, frozen=True):
    """What the owner answered. `signer`: the name as given; `evidence`: address, agent, language, hash shown. `contact_id`: whose
    answer it is; `link_id` and `code_id` what it was given with."""

    decision: str
    boxes: tuple[str, ...]
    signer: str
    method: Literal["link", "paper"]
    paper_evidence_id: UUID | None
    evidence: dict[str, Any]
    contact_id: UUID | None = None
    link_id: UUID | None = None
    code_id: UUID | None = None


@dataclass(frozen=True)
class Subject:
    """A question that can be put before an owner.

    `load(connection, listing_id, subject_id, locale, contact_id) -> Sheet` in the owner's scope, or the intermediary's for a
    paper, as this contact of the owner's side reads it (None: a paper that does not say whose it is); the connection has no
    jsonb codec in a unit of work. Problem not_found for an unknown subject.
    `decide(tx, listing, subject_id, answer, now, public_url) -> Message` in the owner's scope, the listing locked and
    the answer one of the sheet's; returns the sentence that thanks the owner.
    """

    load: Callable[[asyncpg.Connection, UUID, UUID, str, UUID | None], Awaitable[Sheet]]
    decide: Callable[[AsyncSession, Listing, UUID, Answer, datetime, str], Awaitable[Message]]


OWNER_SUBJECTS: dict[str, Subject] = {}  # purpose -> subject; each slice registers its own when it is imported


_FIND = "SELECT * FROM vault.owner_link_for($1)"


async def find_link(connection: asyncpg.Connection, token: str) -> Link | None:
    """What this token opens, also when it is used up; None for one that never existed."""
    row = await connection.fetchrow(_FIND, hash_secret(token))
    if row is None:
        return None
    return Link(row["link_id"], row["listing_id"], row["purpose"], row["subject_id"], row["contact_id"], row["owner_name"],
                row["email"], row["locale"], row["handed"], not row["used"] and not row["expired"])


async def find_adviser(connection: asyncpg.Connection, listing_id: UUID) -> Adviser | None:
    """Whom to call about this company, in the owner's scope or its holder's."""
    row = await connection.fetchrow("SELECT * FROM vault.adviser_of($1)", listing_id)
    return None if row is None else Adviser(**row)


async def use_link(tx: AsyncSession, link: Link, now: datetime) -> bool:
    """Spend the link; False when somebody was faster, or it has expired meanwhile."""
    spent = update(OwnerLink).where(OwnerLink.id == link.id, OwnerLink.used_at.is_(None), OwnerLink.expires_at > now)
    return (await tx.execute(spent.values(used_at=now))).rowcount == 1


async def send_owner_link(tx: AsyncSession, contact: OwnerContact, purpose: str, subject_id: UUID, now: datetime,
                          public_url: str, letter: str | None = None, **params: object) -> None:
    """Mail this person a fresh link, for 14 days; unused links to the same subject die. No-op without an address.

    `letter`: template in letters.py, `owner_<purpose>` by default. Params must not name the company or a buyer.
    """
    if contact.email is None:
        await _end_links_of(tx, contact, subject_id, now)
        return
    link, expires_at = await _new_link(tx, contact, purpose, subject_id, now, public_url)
    await mail(tx, letter or f"owner_{purpose}", address=contact.email, locale=contact.locale, name=contact.name,
               link=link, until_at=expires_at.isoformat(), **params)


async def hand_owner_link(tx: AsyncSession, contact: OwnerContact, purpose: str, subject_id: UUID, now: datetime, public_url: str,
                          member_id: UUID) -> tuple[str, datetime]:
    """(link, end) for `member_id` to open on a device before somebody who has no mail address; it says who handed it over."""
    return await _new_link(tx, contact, purpose, subject_id, now, public_url, member_id)


async def _new_link(tx: AsyncSession, contact: OwnerContact, purpose: str, subject_id: UUID, now: datetime, public_url: str,
                    handed_by: UUID | None = None) -> tuple[str, datetime]:
    await _end_links_of(tx, contact, subject_id, now)
    token, expires_at = new_token(), now + timedelta(days=LINK_DAYS)
    tx.add(OwnerLink(listing_id=contact.listing_id, owner_contact_id=contact.id, purpose=purpose, subject_id=subject_id,
                     token_hash=hash_secret(token), expires_at=expires_at, handed_by=handed_by))
    await tx.flush()
    return f"{public_url}/owner/{token}", expires_at


async def _end_links_of(tx: AsyncSession, contact: OwnerContact, subject_id: UUID, now: datetime) -> None:
    earlier = update(OwnerLink).where(
        OwnerLink.owner_contact_id == contact.id, OwnerLink.subject_id == subject_id, OwnerLink.used_at.is_(None)
    )
    await tx.execute(earlier.values(used_at=now))


async def send_owner_links(tx: AsyncSession, listing_id: UUID, purpose: str, subject_id: UUID, now: datetime,
                           public_url: str, letter: str | None = None, to: Sequence[UUID] | None = None) -> int:
    """A fresh link to each representative, or to each contact of `to`, who has an address; how many were sent.

    None: then the owner answers on paper.
    """
    whom = OwnerContact.role == "representative" if to is None else OwnerContact.id.in_(to)
    deciding = select(OwnerContact).where(
        OwnerContact.listing_id == listing_id, whom, OwnerContact.email.is_not(None), OwnerContact.removed_at.is_(None))
    contacts = (await tx.scalars(deciding.order_by(OwnerContact.id))).all()
    for contact in contacts:
        await send_owner_link(tx, contact, purpose, subject_id, now, public_url, letter)
    return len(contacts)


async def end_owner_links(tx: AsyncSession, listing_id: UUID, purpose: str, now: datetime, subject_id: UUID | None = None) -> None:
    """Unused links of this purpose, or to this one question, die: a newer one was put, or there is nothing left to ask."""
    unused = update(OwnerLink).where(
        OwnerLink.listing_id == listing_id, OwnerLink.purpose == purpose, OwnerLink.used_at.is_(None))
    if subject_id is not None:
        unused = unused.where(OwnerLink.subject_id == subject_id)
    await tx.execute(unused.values(used_at=now))


async def renew_link(tx: AsyncSession, link: Link, now: datetime, public_url: str) -> None:
    """A fresh link to the address on record, asked for by whoever holds an old one. The old one dies."""
    contact = await tx.scalar(
        select(OwnerContact).join(OwnerLink, OwnerLink.owner_contact_id == OwnerContact.id)
        .where(OwnerLink.id == link.id, OwnerContact.removed_at.is_(None)))
    if contact is None:
        return
    await send_owner_link(tx, contact, link.purpose, link.subject_id, now, public_url, letter="owner_link_again")
