"""What did the owner allow to be shown, to whom, until when; and how does it come down again?

A proposal puts a canonical teaser before the owner (`propose`). Everybody whom the mandate names answers it (deciders.py): by
link with a code, or on paper (papers.py). An approval of all grants a consent per audience that all ticked, none by default.
A withdrawal takes the teaser down in the same transaction.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from succession.codes import AUDIENCE_BIT, audience_mask, audiences_in, label
from succession.database import driver
from succession.errors import Problem
from succession.i18n import Message, _
from succession.listings.commands import lock_listing, lock_open_listing, move_listing
from succession.listings.deciders import Person, Said, keep_answer, person_asked, send_question_links
from succession.listings.owner import (
    OWNER_SUBJECTS,
    Answer,
    Box,
    Choice,
    Sheet,
    Subject,
    end_owner_links,
    send_owner_links,
)
from succession.listings.road import LISTING_REASONS
from succession.outbox import mail, record
from succession.tables.listings import AudienceConsent, Exclusion, Listing, Publication, TeaserProposal

CONSENT_MONTHS = 12

AUDIENCE_MEANS: dict[str, str] = {
    "public": _("Anybody on the internet can read it, also people you know and your competitors."),
    "verified_buyers": _("Companies and funds whose identity the operator has verified can read it after signing in."),
    "agency_desk": _("The desk of a public agency, such as JETRO, can read it and introduce buyers to your adviser."),
    "domestic_institutions": _("Support Centers, banks and registered advisers in Japan can read it for clients."),
}


class Proposed(msgspec.Struct, frozen=True):
    """`links_sent` 0: nobody who may decide has an address; the owner answers on paper."""

    id: UUID
    links_sent: int


async def propose(tx: AsyncSession, listing_id: UUID, canonical: Any, canonical_hash: bytes, rendering_ja: str,
                  cell_id: int, audiences: int, *, now: datetime, public_url: str, consent_months: int = CONSENT_MONTHS) -> Proposed:
    """Put a teaser before the owner and send the link; an unanswered earlier proposal is superseded.

    `canonical`: JSON builtins; `canonical_hash`: sha256 of its canonical bytes; `audiences`: mask asked for. Problem
    excluded_never_public when `public` is asked for a company that excludes anybody, deciders_missing.
    """
    await lock_open_listing(tx, listing_id)
    if audiences & AUDIENCE_BIT["public"] and await excludes_anybody(tx, listing_id):
        raise Problem("excluded_never_public")
    waiting = update(TeaserProposal).where(
        TeaserProposal.listing_id == listing_id, TeaserProposal.decision.is_(None),
        TeaserProposal.superseded_at.is_(None))
    await tx.execute(waiting.values(superseded_at=now))
    await end_owner_links(tx, listing_id, "teaser", now)
    proposal = TeaserProposal(
        listing_id=listing_id, canonical=canonical, canonical_hash=canonical_hash, rendering_ja=rendering_ja,
        cell_id=cell_id, audiences=audiences, consent_months=consent_months, proposed_by=tx.info["scope"].member, proposed_at=now,
    )  # fmt: skip
    tx.add(proposal)
    await tx.flush()
    await record(tx, "teaser.proposed", listing_id, proposal=proposal.id, audiences=audiences)
    return Proposed(proposal.id, await send_question_links(tx, listing_id, "teaser", proposal.id, now, public_url))


async def remind_owner(tx: AsyncSession, listing_id: UUID, now: datetime, public_url: str) -> Proposed:
    """Send the link to the latest proposal again: to answer it, or to withdraw what was granted. Problem not_found."""
    await lock_open_listing(tx, listing_id)
    latest = await tx.scalar(
        select(TeaserProposal.id).where(TeaserProposal.listing_id == listing_id, TeaserProposal.superseded_at.is_(None))
        .order_by(TeaserProposal.proposed_at.desc(), TeaserProposal.id).limit(1))
    if latest is None:
        raise Problem("not_found")
    sent = await send_question_links(tx, listing_id, "teaser", latest, now, public_url, "owner_link_again")
    return Proposed(latest, sent)


async def excludes_anybody(tx: AsyncSession, listing_id: UUID) -> bool:
    return bool(await tx.scalar(select(func.count()).where(Exclusion.listing_id == listing_id)))


# ---------------------------------------------------------------------------------------------------------------------
# The owner's question and answer

_LIVE = """
SELECT c.audience FROM vault.audience_consent c
WHERE c.listing_id = $1 AND c.withdrawn_at IS NULL AND c.expires_at > now()
GROUP BY c.audience
"""
_PROPOSAL = """
SELECT id, rendering_ja, encode(canonical_hash, 'hex') AS shown, audiences, consent_months, decision, superseded_at,
       (SELECT count(*) FROM vault.exclusion e WHERE e.listing_id = p.listing_id) AS excluded,
       (SELECT o.legal_name FROM vault.listing l JOIN vault.organisation o ON o.id = l.intermediary_id
        WHERE l.id = p.listing_id) AS adviser,
       EXISTS (SELECT FROM vault.listing l WHERE l.id = p.listing_id AND l.state IN ('withdrawn', 'succeeded')) AS closed
FROM vault.teaser_proposal p WHERE p.listing_id = $1 AND p.id = $2
"""


async def load_teaser(connection: asyncpg.Connection, listing_id: UUID, subject_id: UUID, locale: str,
                      contact_id: UUID | None = None) -> Sheet:
    """An open proposal asks this person for approval; a yes of theirs, or an approved one, offers to be taken back.

    `contact_id` None: a paper that does not say whose it is, which is well where one person decides. Problem not_found, validation.
    """
    row = await connection.fetchrow(_PROPOSAL, listing_id, subject_id)
    if row is None:
        raise Problem("not_found")
    person = await person_asked(connection, subject_id, contact_id)
    if row["decision"] is None and row["superseded_at"] is None and not row["closed"] and person is not None:
        if person.decision is None:
            return _question(row, person, locale)
        if person.decision == "yes":
            return _taking_back(row, person)
    if row["decision"] == "approved":
        live = {each["audience"] for each in await connection.fetch(_LIVE, listing_id)}
        if live:
            return _withdrawal(row, [audience for audience in AUDIENCE_BIT if audience in live], locale)
    lead = Message.of(_("There is nothing to decide at the moment."))
    return Sheet(Message.of(_("Nothing is open here")), (lead,), None, None, (), (), (), row["shown"])


def _taking_back(row: asyncpg.Record, person: Person) -> Sheet:
    """Not everybody has answered yet: nothing is shown, and this person can still stop it."""
    return Sheet(Message.of(_("Take your approval back")),
                 (Message.of(_("You agreed that the following text may be shown. It is shown once everybody who is asked has agreed.")),),
                 row["rendering_ja"], None, (), (), (Choice("refused", Message.of(_("No, do not show it"))),), row["shown"], person.contact_id)


def _question(row: asyncpg.Record, person: Person, locale: str) -> Sheet:
    excluded = row["excluded"] > 0
    asked = [a for a in audiences_in(row["audiences"]) if not (excluded and a == "public")]
    notes = [Message.of(_("You can withdraw at any time, without giving a reason; the text then comes down at once. "
                          "A link for that will be sent to you."))]
    if excluded:
        notes.insert(0, Message.of(_("You named parties who must never see this. That is why it cannot be shown to "
                                     "everybody: nobody can be kept from a public page.")))
    return Sheet(
        title=Message.of(_("May this text be shown?")),
        lead=(Message.of(_("{adviser} asks whether the following text about your company may be shown. It does not "
                           "name the company. Nobody is told the name unless you agree, for each buyer separately."),
                         adviser=row["adviser"]),),
        text_ja=row["rendering_ja"],
        boxes_title=Message.of(_("To whom may it be shown, for {months} months? Please tick each that you agree to.",),
                               months=row["consent_months"]),
        boxes=tuple(Box(a, label("audience", a, locale), Message(AUDIENCE_MEANS[a])) for a in asked),
        notes=tuple(notes),
        choices=(Choice("approved", Message.of(_("Yes, show it to those ticked")), needs_box=True, needs_reading=True, needs_code=True,
                        explanation=Message.of(_("We then send you a six-digit number, to be sure that it is you."))),
                 Choice("refused", Message.of(_("No, do not show it")),
                        explanation=Message.of(_("You need no reason, and no number: stopping does no harm.")))),
        shown_hash=row["shown"], respondent=person.contact_id,
    )  # fmt: skip


def _withdrawal(row: asyncpg.Record, live: list[str], locale: str) -> Sheet:
    return Sheet(
        title=Message.of(_("Withdraw your consent")),
        lead=(Message.of(_("You agreed that the following text may be shown. If you withdraw, it comes down "
                           "at once.")),),
        text_ja=row["rendering_ja"],
        boxes_title=Message.of(_("From whom do you withdraw it?")),
        boxes=tuple(Box(a, label("audience", a, locale), Message(AUDIENCE_MEANS[a])) for a in live),
        notes=(Message.of(_("The whole text comes down first. Your adviser can put it up again only for those you "
                            "leave unticked.")),),
        choices=(Choice("withdrawn", Message.of(_("Withdraw from those ticked")), needs_box=True),
                 Choice("withdrawn_all", Message.of(_("Withdraw from everybody")))),
        shown_hash=row["shown"],
    )  # fmt: skip


_GRANT = text(
    "INSERT INTO vault.audience_consent (listing_id, proposal_id, audience, granted_at, expires_at) "
    "SELECT p.listing_id, p.id, a.audience, p.decided_at, p.decided_at + make_interval(months => p.consent_months) "
    "FROM vault.teaser_proposal p CROSS JOIN unnest(CAST(:audiences AS text[])) AS a(audience) WHERE p.id = :id"
)


async def decide_teaser(tx: AsyncSession, listing: Listing, subject_id: UUID, answer: Answer, now: datetime,
                        public_url: str) -> Message:
    """Keep this person's answer, once; when everybody agreed, what everybody ticked is granted. A yes sends a link to withdraw by."""
    if answer.decision in ("withdrawn", "withdrawn_all"):
        chosen = answer.boxes if answer.decision == "withdrawn" else tuple(AUDIENCE_BIT)
        await withdraw_consents(tx, listing.id, chosen, now, public_url, answer.evidence)
        return Message.of(_("Your consent is withdrawn, and the text is no longer shown."))
    granted = audience_mask(answer.boxes)
    if granted & AUDIENCE_BIT["public"] and await excludes_anybody(tx, listing.id):
        raise Problem("excluded_never_public")
    await _keep(tx, listing, subject_id, answer, granted)
    proposal = (await tx.execute(_VERDICT, {"id": subject_id})).one()
    await record(tx, f"teaser.{proposal.decision or 'answered'}", listing.id, proposal=subject_id, audiences=proposal.audiences_granted or 0,
                 method=answer.method)
    await mail(tx, "owner_decided", organisation=listing.intermediary_id, link=_consents_of(public_url, listing.id))
    if proposal.decision == "approved":
        await tx.execute(_GRANT, {"id": subject_id, "audiences": list(audiences_in(proposal.audiences_granted))})
    elif proposal.decision == "refused":
        await end_owner_links(tx, listing.id, "teaser", now, subject_id)
    if answer.decision == "refused":
        return Message.of(_("Your refusal is recorded. Nothing will be shown."))
    if proposal.decision == "refused":
        return Message.of(_("Thank you. Those who are asked agreed to different readers, so nothing will be shown. Your adviser will contact you."))
    await send_owner_links(tx, listing.id, "teaser", subject_id, now, public_url, "owner_approved", [answer.contact_id])
    if proposal.decision is None:
        return Message.of(_("Thank you. Your consent is recorded. It takes effect once everybody who is asked has agreed. You can take it "
                            "back at any time; a link for that has been sent to you."))
    return Message.of(_("Thank you. Your approval is recorded. A letter tells you how to withdraw it."))


_VERDICT = text("SELECT decision, audiences_granted, encode(canonical_hash, 'hex') AS shown FROM vault.teaser_proposal WHERE id = :id")
_AGREED = "SELECT decision FROM vault.persons_asked($1) WHERE owner_contact_id = $2"


async def _keep(tx: AsyncSession, listing: Listing, proposal_id: UUID, answer: Answer, granted: int) -> None:
    """This person's answer; a refusal after a yes of theirs takes that back."""
    earlier = await (await driver(tx)).fetchval(_AGREED, proposal_id, answer.contact_id)
    shown = (await tx.execute(_VERDICT, {"id": proposal_id})).one().shown
    no: Said = "withdrawn" if earlier == "yes" else "no"
    decision = "yes" if answer.decision == "approved" else no
    await keep_answer(tx, proposal_id, shown, decision, answer, granted if decision == "yes" else None)


OWNER_SUBJECTS["teaser"] = Subject(load_teaser, decide_teaser)


# ---------------------------------------------------------------------------------------------------------------------
# Coming down


async def withdraw_consents(tx: AsyncSession, listing_id: UUID, audiences: tuple[str, ...], now: datetime,
                            public_url: str, evidence: dict[str, Any]) -> int:
    """End live consents for these audiences and take the teaser down; how many consents ended.

    The teaser comes down as a whole: what is published never changes. It goes up again for the audiences that are left.
    """
    listing = await lock_listing(tx, listing_id)
    live = update(AudienceConsent).where(
        AudienceConsent.listing_id == listing_id, AudienceConsent.audience.in_(audiences),
        AudienceConsent.withdrawn_at.is_(None))
    ended = (await tx.execute(live.values(withdrawn_at=now))).rowcount
    if ended:
        await record(tx, "consent.withdrawn", listing_id, audiences=sorted(audiences), **evidence)
        await mail(tx, "consent_withdrawn", organisation=listing.intermediary_id,
                   link=_consents_of(public_url, listing_id))
    await take_down(tx, listing_id, "consent_withdrawn")
    return ended


def _consents_of(public_url: str, listing_id: UUID) -> str:
    return f"{public_url}/v1/listings/{listing_id}/consents"


async def take_down(tx: AsyncSession, listing_id: UUID, reason: str) -> UUID | None:
    """Take the listing's teaser down in this transaction, published or waiting; its reference, None when none is up.

    The row leaves `market.teaser` with the state (trigger in 0005). A listed listing is suspended when `reason` is one
    of LISTING_REASONS["suspended"]; for any other reason the caller moves it.
    """
    listing = await lock_listing(tx, listing_id)
    now = await tx.scalar(select(func.now()))
    up = update(Publication).where(Publication.listing_id == listing_id, Publication.state.in_(("queued", "published")))
    ref = await tx.scalar(
        up.values(state="taken_down", taken_down_at=now, take_down_reason=reason).returning(Publication.ref)
        .execution_options(synchronize_session=False))
    if ref is not None:
        await record(tx, "teaser.taken_down", listing_id, teaser=ref, reason=reason)
    if listing.state == "listed" and reason in LISTING_REASONS["suspended"]:
        await move_listing(tx, listing, "suspend_listing", tx.info["scope"].kind, now, reason=reason)
    return ref
