"""What does the owner's side see and answer when a buyer asks for the name? The subject `name_clear` of the owner's page.

Opening the page changes nothing. The text is the one kept with the question, word for word; the answer names its hash. Each
person who decides has a page of their own, and reads nothing of what the others answered.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from succession.disclosure.commands.name_clear import answer_name_clear
from succession.errors import Problem
from succession.i18n import Message, _, translate
from succession.listings.deciders import Person, person_asked
from succession.listings.owner import OWNER_SUBJECTS, Answer, Box, Choice, Sheet, Subject, send_owner_links
from succession.listings.papers import PERSONAL_DATA
from succession.tables.listings import Listing

_QUESTION = """SELECT c.shown_text_ja, encode(c.shown_hash, 'hex') AS shown, c.decision, c.revoked_at IS NOT NULL AS revoked,
    c.expires_at <= now() AS lapsed, ops.kind() <> 'owner' AS carried, d.terminal IS NOT NULL AS ended,
    c.shown -> 'abroad' ->> 'standing' = 'elsewhere' AND c.shown -> 'abroad' ->> 'system' IS NOT NULL AS asks_personal_data
FROM vault.name_clear c JOIN vault.deal d ON d.id = c.deal_id WHERE c.listing_id = $1 AND c.id = $2"""

_THANKS = {
    "yes": _("Thank you. Your adviser may now tell this buyer your company's name. You can take this back at any time; a link for "
             "that has been sent to you."),
    "one_yes": _("Thank you. Your consent is recorded. It takes effect once everybody who is asked has agreed. You can take it back at "
                 "any time; a link for that has been sent to you."),
    "no": _("Thank you. The talks with this buyer end here. It is told neither that you declined nor why."),
    "ask_adviser": _("Thank you. Nothing has been told to anybody. Your adviser will contact you."),
    "withdrawn": _("Thank you. This buyer can read nothing more from now on."),
}  # fmt: skip
_MEANS = {
    "yes": _("We then send you a six-digit number, to be sure that it is you."),
    "no": _("You need no reason, and no number: stopping does no harm."),
    "ask_adviser": _("Nothing is told to anybody meanwhile."),
}


async def load_name_clear(connection: asyncpg.Connection, listing_id: UUID, subject_id: UUID, locale: str,
                          contact_id: UUID | None = None) -> Sheet:
    """An open question asks this person; a yes of theirs offers to be taken back; anything else is closed.

    `contact_id` None: a paper that does not say whose it is, which is well where one person decides. Who carries a paper does not
    see what was answered: every answer can be entered, and counts if it can when it is confirmed. Problem not_found, validation.
    """
    row = await connection.fetchrow(_QUESTION, listing_id, subject_id)
    if row is None:
        raise Problem("not_found")
    person = await person_asked(connection, subject_id, contact_id)
    closed = row["revoked"] or row["ended"] or row["decision"] == "no" or person is None
    if not closed and (person.decision == "yes" or row["decision"] == "yes"):
        return _sheet(row, person, _("Take your consent back"),
                      _("You agreed that this buyer may learn your company's name. If you take that back, it can read nothing more "
                        "from that moment on. What it has read already remains under its promise of secrecy."),
                      Choice("withdrawn", Message.of(_("Take my consent back"))))
    if not closed and not row["lapsed"] and person.decision in (None, "ask_adviser"):
        also = (Choice("withdrawn", Message.of(_("Take my consent back"))),) if row["carried"] else ()
        return _sheet(row, person, _("May this buyer learn your company's name?"),
                      _("Please read the following. You choose your answer at the end of the page, and you need not do so today."),
                      *_answers(), *also, boxes=_boxes(locale) if row["asks_personal_data"] and person.representative else ())
    return _sheet(row, person, _("Nothing is open here"), _("There is nothing to decide at the moment."))


def _answers() -> tuple[Choice, ...]:
    return (Choice("yes", Message.of(_("I agree")), needs_reading=True, may_box=True, needs_code=True, explanation=Message(_MEANS["yes"])),
            Choice("no", Message.of(_("I do not agree")), may_box=True, explanation=Message(_MEANS["no"])),
            Choice("ask_adviser", Message.of(_("I want to talk to my adviser first")), may_box=True,
                   explanation=Message(_MEANS["ask_adviser"])))


def _boxes(locale: str) -> tuple[Box, ...]:
    return (Box(PERSONAL_DATA, translate(_("My name and year of birth may be shown to this buyer abroad as well."), locale),
                Message.of(_("You may leave this empty. Then only facts about the company are shown."))),)


def _sheet(row: asyncpg.Record, person: Person | None, title: str, lead: str, *choices: Choice,
           boxes: tuple[Box, ...] = ()) -> Sheet:
    return Sheet(Message(title), (Message(lead),), row["shown_text_ja"] if choices else None,
                 Message.of(_("About your own data, only if you wish:")) if boxes else None, boxes, (), choices, row["shown"],
                 person.contact_id if person else None)


async def decide_name_clear(tx: AsyncSession, listing: Listing, subject_id: UUID, answer: Answer, now: datetime,
                            public_url: str) -> Message:
    """Carry out this person's answer; after a yes a fresh link lets them take it back."""
    verdict = await answer_name_clear(tx, subject_id, answer)
    if answer.decision != "yes":
        return Message(_THANKS[answer.decision])
    await send_owner_links(tx, listing.id, "name_clear", subject_id, now, public_url, "owner_name_cleared", [answer.contact_id])
    return Message(_THANKS["yes" if verdict == "yes" else "one_yes"])


OWNER_SUBJECTS["name_clear"] = Subject(load_name_clear, decide_name_clear)
