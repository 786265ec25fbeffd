"""How does an acquirer's brief reach a desk, and a desk's introduction the intermediary behind a teaser?

Nothing here opens anything: the intermediary decides, and accepting opens the disclosure request in the same unit of
work (disclosure/introductions.py). Whom the owner excludes, no desk can introduce: for them the teaser does not exist.
"""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.codes import SCHEMES
from succession.errors import FieldError, Problem, field_problem
from succession.i18n import Message, _
from succession.market.matching import Wishes, stated
from succession.outbox import mail, record
from succession.tables.accounts import Organisation
from succession.tables.deals import Brief, Introduction

NOTE_LENGTH = 1000
Note = Annotated[str, msgspec.Meta(min_length=1, max_length=NOTE_LENGTH, pattern=r"\S")]
Purpose = Literal[tuple(SCHEMES["acquisition_purpose"].codes)]
Language = Literal[tuple(SCHEMES["language"].codes)]
DeclineReason = Literal[tuple(SCHEMES["decline_reason"].codes)]


class NewBrief(msgspec.Struct, forbid_unknown_fields=True):
    """An acquirer's brief for one desk. The note is read by that desk and by intermediaries it introduces to."""

    desk_id: UUID
    wishes: Wishes
    purpose: Purpose
    languages: Annotated[list[Language], msgspec.Meta(min_length=1, max_length=11)]
    note: Note | None = None


class NewIntroduction(msgspec.Struct, forbid_unknown_fields=True):
    """One teaser for the brief; the note is read by the intermediary behind it."""

    teaser_ref: UUID
    note: Note | None = None


class Decline(msgspec.Struct, forbid_unknown_fields=True):
    """Why not. The desk learns the code, the acquirer nothing."""

    reason: DeclineReason


async def file_brief(tx: AsyncSession, actor: Actor, new: NewBrief, link: str) -> UUID:
    """The brief's id. `link`: where the desk reads briefs. Problem validation for no wish, or a desk that is none."""
    if not stated(new.wishes):
        raise Problem("validation", errors=(FieldError("wishes", Message.of(_("State at least one wish."))),))
    desk = select(Organisation.id).where(
        Organisation.id == new.desk_id, Organisation.agency_role == "desk", Organisation.status == "verified")
    if await tx.scalar(desk) is None:
        raise field_problem("desk_id", Message.of(_("This is not a desk that takes briefs.")))
    brief = Brief(
        acquirer_id=actor.organisation_id, agency_id=new.desk_id, wishes=msgspec.to_builtins(new.wishes),
        purpose=new.purpose, languages=list(dict.fromkeys(new.languages)), note=new.note,
        created_by=actor.member_id)  # fmt: skip
    tx.add(brief)
    await tx.flush()
    await record(tx, "file_brief", brief.id, desk=new.desk_id)
    await mail(tx, "brief_filed", organisation=new.desk_id, link=f"{link}/{brief.id}")
    return brief.id


async def close_brief(tx: AsyncSession, brief_id: UUID, version: int) -> None:
    """No more candidates and introductions under it, and none waiting can be accepted. Problem stale, brief_closed."""
    closed = await tx.execute(
        update(Brief).where(Brief.id == brief_id, Brief.version == version, Brief.state == "open")
        .values(state="closed", version=Brief.version + 1).execution_options(synchronize_session=False))
    if closed.rowcount == 0:
        found = (await tx.execute(select(Brief.state, Brief.version).where(Brief.id == brief_id))).first()
        if found is None:
            raise Problem("not_found")
        raise Problem("brief_closed" if found.state == "closed" else "stale")
    await record(tx, "close_brief", brief_id)


_BEHIND = text("SELECT intermediary_id FROM vault.intermediary_behind(:teaser, :brief)")


async def propose_introduction(tx: AsyncSession, actor: Actor, brief_id: UUID, new: NewIntroduction, link: str) -> UUID:
    """Brief and teaser, put before the intermediary behind it. Problem brief_closed, introduced_already; not_found for
    a teaser that does not exist for this desk and this brief's acquirer, for whatever reason."""
    brief = (await tx.execute(select(Brief.acquirer_id, Brief.state).where(Brief.id == brief_id))).first()
    if brief is None:
        raise Problem("not_found")
    if brief.state == "closed":
        raise Problem("brief_closed")
    intermediary_id = await tx.scalar(_BEHIND, {"teaser": new.teaser_ref, "brief": brief_id})
    if intermediary_id is None:
        raise Problem("not_found")
    introduction = Introduction(
        brief_id=brief_id, agency_id=actor.organisation_id, acquirer_id=brief.acquirer_id,
        intermediary_id=intermediary_id, teaser_ref=new.teaser_ref, note=new.note,
        proposed_by=actor.member_id)  # fmt: skip
    tx.add(introduction)
    await tx.flush()
    await record(tx, "propose_introduction", introduction.id, brief=brief_id, teaser=new.teaser_ref)
    await mail(tx, "introduction_proposed", organisation=intermediary_id, link=f"{link}/{introduction.id}")
    return introduction.id


class Decided(msgspec.Struct, frozen=True):
    """An introduction that this unit of work decided."""

    id: UUID
    brief_id: UUID
    agency_id: UUID
    acquirer_id: UUID
    teaser_ref: UUID


async def decide_introduction(tx: AsyncSession, actor: Actor, introduction_id: UUID,
                              reason: DeclineReason | None) -> Decided:
    """Decline with a reason, or accept with None. Problem not_found, introduction_decided; brief_closed on accepting.

    An acceptance commits only together with the disclosure request that it opens.
    """
    state = "declined" if reason else "accepted"
    row = (await tx.execute(
        update(Introduction).where(Introduction.id == introduction_id, Introduction.state == "proposed")
        .values(state=state, decline_reason=reason, decided_by=actor.member_id, decided_at=func.now())
        .returning(*(getattr(Introduction, column) for column in Decided.__struct_fields__))
        .execution_options(synchronize_session=False))).first()
    if row is None:
        known = await tx.scalar(select(Introduction.id).where(Introduction.id == introduction_id))
        raise Problem("introduction_decided" if known else "not_found")
    return Decided(*row)


async def decline_introduction(tx: AsyncSession, actor: Actor, introduction_id: UUID, reason: DeclineReason,
                               link: str) -> None:
    """The desk learns the coded reason; for the acquirer nothing has happened."""
    decided = await decide_introduction(tx, actor, introduction_id, reason)
    await record(tx, "decline_introduction", decided.id, reason=reason)
    await mail(tx, "introduction_declined", organisation=decided.agency_id, link=f"{link}/{decided.id}")
