"""Who has to say yes to a question put to the owner's side, how is each reached, and what did each answer?

One mechanism for every question: teasers, names, folders. The database freezes everybody who decides with the question
(decisions 19 and 29); each answers alone, by a link and a code of their own or on a paper of their own, and the database adds
the answers up. What somebody answered is read in the owner's own session and nowhere else.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID, uuid4

import asyncpg
import msgspec
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.config import Settings
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.listings.owner import Answer, hand_owner_link, send_owner_links
from succession.one_time_code import VALID, issue
from succession.outbox import record
from succession.tables.listings import OwnerContact

Said = Literal["yes", "no", "ask_adviser", "withdrawn"]


class Person(msgspec.Struct, frozen=True):
    """One of those asked. `decision`: the answer that counts; None as well for who only carries a paper."""

    number: int
    contact_id: UUID | None
    name: str
    representative: bool
    decision: Said | None


_ASKED = "SELECT number, owner_contact_id AS contact_id, name, representative, decision FROM vault.persons_asked($1)"


async def person_asked(connection: asyncpg.Connection, question_id: UUID, contact_id: UUID | None) -> Person | None:
    """The person whose answer this is; None for who was not asked.

    `contact_id` None: a paper that does not say whose it is, which is well where one person decides; Problem validation where
    several do.
    """
    asked = [Person(**row) for row in await connection.fetch(_ASKED, question_id)]
    if contact_id is not None:
        return next((each for each in asked if each.contact_id == contact_id), None)
    if len(asked) > 1:
        said = Message.of(_("Several persons decide: say whose paper it is."))
        raise field_problem("owner_contact_id", said, tuple(str(each.contact_id) for each in asked))
    return next(iter(asked), None)


_TO_ASK = text("SELECT contact_id FROM vault.persons_to_ask(:id)")


async def send_question_links(tx: AsyncSession, listing_id: UUID, purpose: str, question_id: UUID, now: datetime, public_url: str,
                              letter: str | None = None) -> int:
    """Everybody who has not answered yet gets a fresh link; once all agreed, everybody one to take it back. How many had an address."""
    whom = [row.contact_id for row in await tx.execute(_TO_ASK, {"id": question_id})]
    return await send_owner_links(tx, listing_id, purpose, question_id, now, public_url, letter, to=whom)


# ---------------------------------------------------------------------------------------------------------------------
# Who has no mail address


class HandedLink(msgspec.Struct, frozen=True):
    """A page to open before somebody who has no mail address, shown this once. A yes there needs a code that another person speaks
    to them by telephone: POST /v1/owner-questions/{question_id}/spoken-code."""

    question_id: UUID
    owner_contact_id: UUID
    link: str
    expires_at: datetime


class SpokenCode(msgspec.Struct, frozen=True):
    """To be read aloud to this person at this number, and to nobody else: it is shown this once and lives 15 minutes."""

    name: str
    phone: str
    code: str
    expires_at: datetime


_TO_CALL = text("SELECT listing_id, purpose, name, phone, open, agreed, now() AS now, vault.may_speak(:id, NULL, :speaker) AS may "
                "FROM vault.person_to_call(:id, :contact)")


async def _to_call(tx: AsyncSession, actor: Actor, question_id: UUID, contact_id: UUID) -> Any:
    keys = {"id": question_id, "contact": contact_id, "speaker": f"member:{actor.member_id}"}
    person = (await tx.execute(_TO_CALL, keys)).first()
    if person is None:
        raise Problem("not_found")
    return person


async def hand_over_link(tx: AsyncSession, actor: Actor, question_id: UUID, contact_id: UUID, public_url: str) -> HandedLink:
    """A link for one person without a mail address, to answer or to take a yes back.

    Raises Problem not_found for who was not asked, validation for who has an address, step_refused when nothing is open.
    """
    person = await _to_call(tx, actor, question_id, contact_id)
    contact = await tx.scalar(select(OwnerContact).where(OwnerContact.id == contact_id, OwnerContact.removed_at.is_(None)))
    if contact is not None and contact.email is not None:
        raise field_problem("owner_contact_id", Message.of(_("This person has a mail address: links go there.")))
    if contact is None or not (person.open or person.agreed):
        raise Problem("step_refused")
    link, expires_at = await hand_owner_link(tx, contact, person.purpose, question_id, person.now, public_url, actor.member_id)
    await record(tx, "hand_over_owner_link", question_id, contact=contact_id)
    return HandedLink(question_id, contact_id, link, expires_at)


async def speak_code(tx: AsyncSession, settings: Settings, actor: Actor, question_id: UUID, contact_id: UUID) -> SpokenCode:
    """A code for a person who cannot be mailed, to whoever calls them: never who put the question or hands the link over.

    Raises Problem not_found, second_confirmation_needed, question_closed, validation for a person without a number.
    """
    person = await _to_call(tx, actor, question_id, contact_id)
    if not person.may:
        raise Problem("second_confirmation_needed")
    if not person.open:
        raise Problem("question_closed")
    if person.phone is None:
        raise field_problem("owner_contact_id", Message.of(_("No telephone number of this person is on record.")))
    code = await issue(tx, settings, person.purpose, question_id, f"contact:{contact_id}", "spoken")
    await record(tx, "speak_owner_code", question_id, contact=contact_id)
    return SpokenCode(person.name, person.phone, code, person.now + VALID)


# ---------------------------------------------------------------------------------------------------------------------
# One person's answer

_ANSWER = text(
    "INSERT INTO vault.decider_answer (id, subject_id, number, listing_id, deal_id, decision, audiences, answered_by, method, owner_link_id, "
    "code_id, paper_evidence_id, shown_hash, evidence) SELECT :id, d.subject_id, d.number, d.listing_id, d.deal_id, :decision, :audiences, "
    ":by, :method, :link, :code, :paper, decode(:shown, 'hex'), CAST(:evidence AS jsonb) "
    "FROM vault.decider d WHERE d.subject_id = :question AND d.owner_contact_id = :contact RETURNING number")


async def keep_answer(tx: AsyncSession, question_id: UUID, shown_hash: str, decision: Said, answer: Answer,
                      audiences: int | None = None) -> tuple[UUID, str]:
    """Write down what this person answered to a teaser or folders; the database adds up. (the answer's id, its hash).

    Raises Problem question_closed for who was not asked; the database refuses an answer without its causes.
    """
    row: dict[str, Any] = {
        "id": uuid4(), "question": question_id, "contact": answer.contact_id, "decision": decision, "audiences": audiences,
        "by": answer.signer, "method": answer.method, "link": answer.link_id, "code": answer.code_id,
        "paper": answer.paper_evidence_id, "shown": shown_hash, "evidence": msgspec.json.encode(answer.evidence, order="sorted").decode(),
    }
    if (await tx.execute(_ANSWER, row)).first() is None:
        raise Problem("question_closed")
    return row["id"], answer_hash(row | {"evidence": msgspec.json.decode(row["evidence"])})


def answer_hash(row: dict[str, Any]) -> str:
    """sha256 (hex) over an answer as it was written: JSON of its columns, `evidence` as an object, with sorted keys."""
    return sha256(msgspec.json.encode(row, order="sorted")).hexdigest()
