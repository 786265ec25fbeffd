"""What does the owner see and answer before folders are shown? The subject `folder` of the owner's page.

Opening the page changes nothing. The text is the one kept with the question, word for word; the answer names its hash. Each
person who decides has a page of their own, and reads nothing of what the others answered.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from succession.database import driver
from succession.disclosure.commands.folder_permissions import answer_permission
from succession.errors import Problem
from succession.i18n import Message, _
from succession.listings.deciders import Person, person_asked
from succession.listings.owner import OWNER_SUBJECTS, Answer, Choice, Sheet, Subject, send_owner_links
from succession.tables.listings import Listing

_QUESTION = """SELECT p.shown_text_ja, encode(p.shown_hash, 'hex') AS shown, p.decision, p.revoked_at IS NOT NULL AS revoked,
    p.expires_at <= now() AS lapsed, ops.kind() <> 'owner' AS carried, d.terminal IS NOT NULL AS ended
FROM vault.folder_permission p JOIN vault.deal d ON d.id = p.deal_id WHERE p.listing_id = $1 AND p.id = $2"""

_THANKS = {
    "yes": _("Thank you. Your adviser may now show these documents to this buyer. You can take this back at any time; a link for "
             "that has been sent to you."),
    "one_yes": _("Thank you. Your consent is recorded. It takes effect once everybody who is asked has agreed. You can take it back at "
                 "any time; a link for that has been sent to you."),
    "no": _("Thank you. These documents are not shown to this buyer. It is not told that you declined."),
    "ask_adviser": _("Thank you. Nothing has been told to anybody. Your adviser will contact you."),
    "withdrawn": _("Thank you. This buyer can read these documents, and later steps of know-how, no more from now on."),
}  # fmt: skip


async def load_permission(connection: asyncpg.Connection, listing_id: UUID, subject_id: UUID, locale: str,
                          contact_id: UUID | None = None) -> Sheet:
    """An open question asks this person; a yes of theirs offers to be taken back; anything else is closed.

    Who carries a paper does not see what was answered: every answer can be entered, and counts if it can when it is confirmed.
    Problem not_found, validation.
    """
    row = await connection.fetchrow(_QUESTION, listing_id, subject_id)
    if row is None:
        raise Problem("not_found")
    person = await person_asked(connection, subject_id, contact_id)
    closed = row["revoked"] or row["ended"] or row["decision"] == "no" or person is None
    take_back = Choice("withdrawn", Message.of(_("Take my permission back")))
    if not closed and (person.decision == "yes" or row["decision"] == "yes"):
        return _sheet(row, person, _("Take your permission back"),
                      _("You agreed that this buyer may be shown these documents. If you take that back, it can read them, and later steps of "
                        "know-how, no more from that moment on."), take_back)
    if not closed and not row["lapsed"] and person.decision in (None, "ask_adviser"):
        return _sheet(row, person, _("May this buyer be shown these documents?"),
                      _("Your adviser asks about one buyer. Please read the following. Nothing is shown to it unless you agree."),
                      *_answers(), *((take_back,) if row["carried"] else ()))
    return _sheet(row, person, _("Nothing is open here"), _("There is nothing to decide at the moment."))


def _answers() -> tuple[Choice, ...]:
    return (Choice("yes", Message.of(_("I allow it")), needs_reading=True, needs_code=True,
                   explanation=Message.of(_("We then send you a six-digit number, to be sure that it is you."))),
            Choice("no", Message.of(_("I do not allow it")),
                   explanation=Message.of(_("You need no reason, and no number: stopping does no harm."))),
            Choice("ask_adviser", Message.of(_("I want to talk to my adviser first"))))


def _sheet(row: asyncpg.Record, person: Person | None, title: str, lead: str, *choices: Choice) -> Sheet:
    return Sheet(Message(title), (Message(lead),), row["shown_text_ja"] if choices else None, None, (), (), choices, row["shown"],
                 person.contact_id if person else None)


async def decide_permission(tx: AsyncSession, listing: Listing, subject_id: UUID, answer: Answer, now: datetime,
                            public_url: str) -> Message:
    """Carry out this person's answer; after a yes a fresh link lets them take it back."""
    shown = await (await driver(tx)).fetchrow(_QUESTION, listing.id, subject_id)
    verdict = await answer_permission(tx, subject_id, shown["shown"], answer)
    if answer.decision != "yes":
        return Message(_THANKS[answer.decision])
    await send_owner_links(tx, listing.id, "folder", subject_id, now, public_url, "owner_folder_allowed", [answer.contact_id])
    return Message(_THANKS["yes" if verdict == "yes" else "one_yes"])


OWNER_SUBJECTS["folder"] = Subject(load_permission, decide_permission)
