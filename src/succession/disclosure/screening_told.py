"""What does the owner's side read when a buyer it knows is screened again? A letter, and a page in plain words.

SME M&A Guidelines 3rd ed., G9: outline and result go to the client. The first result stands in the question about the name;
every later one is told to the same persons. There is nothing to answer: a consent is taken back by the link that came with it.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.database import Scope, rescope
from succession.errors import Problem
from succession.i18n import Message, _
from succession.listings.owner import HEADING, OWNER_SUBJECTS, Answer, Sheet, Subject, send_owner_links
from succession.tables.listings import Listing

_KNOWN = text("SELECT p.owner_contact_id FROM (SELECT c.id FROM vault.name_clear c WHERE c.deal_id = :deal AND c.revoked_at IS NULL "
              "AND c.decision IS DISTINCT FROM 'no' ORDER BY c.asked_at DESC, c.id LIMIT 1) q CROSS JOIN LATERAL vault.persons_asked(q.id) p "
              "WHERE p.owner_contact_id IS NOT NULL")


async def tell_owner(tx: AsyncSession, deal_id: UUID, listing_id: UUID, screening_id: UUID, now: datetime, public_url: str) -> None:
    """A letter to everybody who was asked about this buyer's learning the name; nobody, while nobody was."""
    mine: Scope = tx.info["scope"]  # a reviewer of the operator may not look up the owner: the letter is the owner's own business
    await rescope(tx, Scope("owner", None, None, listing_id, f"screening:{screening_id}"))
    if whom := [row.owner_contact_id for row in await tx.execute(_KNOWN, {"deal": deal_id})]:
        await send_owner_links(tx, listing_id, "screening", screening_id, now, public_url, to=whom)
    await tx.flush()
    await rescope(tx, mine)


_TOLD = """SELECT s.words_for_owner, s.decision, encode(sha256(convert_to(s.words_for_owner, 'UTF8')), 'hex') AS shown,
    coalesce((SELECT c.shown ->> 'legal_name' FROM vault.name_clear c WHERE c.deal_id = s.deal_id ORDER BY c.asked_at DESC, c.id LIMIT 1), '') AS buyer
FROM vault.screening s WHERE s.listing_id = $1 AND s.id = $2"""


async def load_told(connection: asyncpg.Connection, listing_id: UUID, subject_id: UUID, locale: str, contact_id: UUID | None = None) -> Sheet:
    """The outcome of one screening, under the name the buyer was told by. Problem not_found."""
    row = await connection.fetchrow(_TOLD, listing_id, subject_id)
    if row is None:
        raise Problem("not_found")
    words = f"{HEADING}{' '.join(row['buyer'].split())}\n{row['words_for_owner']}"
    follows = (_("The talks with this buyer end here. You need not do anything.") if row["decision"] == "refused" else
               _("You need not do anything. If you change your mind about this buyer, take your consent back by the link that came with it, "
                 "or call your adviser."))
    return Sheet(Message.of(_("A buyer was checked once more")),
                 (Message.of(_("Names on the lists change, so a buyer is compared with them again before important steps. This is the outcome.")),),
                 words, None, (), (Message.of(follows),), (), row["shown"])


async def _nothing_to_decide(tx: AsyncSession, listing: Listing, subject_id: UUID, answer: Answer, now: datetime, public_url: str) -> Message:
    raise Problem("question_closed")


OWNER_SUBJECTS["screening"] = Subject(load_told, _nothing_to_decide)
