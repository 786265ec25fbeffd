"""How does an organisation come in, change what it declared, and get its standing?

Registering answers the same whether or not the address is known here: what differs is the letter.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from succession.accounts.declarations import (
    Correction,
    Declaration,
    Registration,
    corrected,
    needs_new_look,
    read_declaration,
)
from succession.accounts.declarations import BeneficialOwner as DeclaredOwner
from succession.accounts.members import INVITATION_LIFE, issue_token, password_page
from succession.actor import Actor
from succession.config import Settings
from succession.database import Scope, rescope
from succession.errors import Problem
from succession.outbox import mail, record
from succession.tables.accounts import BeneficialOwner, Member, Organisation, Verification

Decision = Literal["verified", "refused", "suspended"]

# standing: what the operator may decide then. "verified" again is the yearly second look (domain reference 3.5).
DECISIONS: dict[str, tuple[Decision, ...]] = {
    "pending": ("verified", "refused"),
    "verified": ("verified", "suspended"),
    "refused": ("verified",),
    "suspended": ("verified", "refused"),
}

_COLUMNS = tuple(name for name in Declaration.__struct_fields__ if name not in ("registration", "beneficial_owners"))
_KNOWN = text("SELECT member_id FROM vault.member_for_sign_in(:email)")


async def register_organisation(tx: AsyncSession, settings: Settings, actor: Actor, told: Declaration, email: str, name: str,
                                locale: str, now: datetime) -> None:
    """A pending organisation and its first administrator, who has to open a letter. `told` has been read already.

    An address that has an account gets a letter instead, and nothing else happens. Nobody learns which it was.
    """
    if (await tx.execute(_KNOWN, {"email": email})).first() is not None:
        await mail(tx, "already_registered", address=email, locale=locale, link=password_page(settings))
        return
    organisation_id, member_id = uuid4(), uuid4()
    await rescope(tx, Scope("anonymous", organisation_id, None, None, actor.scope().actor))
    tx.add(Organisation(id=organisation_id, **_stored(told)))
    await tx.flush()
    tx.add_all(_owner_rows(organisation_id, told))
    tx.add(Member(id=member_id, organisation_id=organisation_id, email=email, name=name, role="admin", locale=locale))
    await tx.flush()
    token = await issue_token(tx, organisation_id, member_id, "invitation", now + INVITATION_LIFE)
    await mail(tx, "confirm_registration", address=email, locale=locale, organisation_name=told.legal_name,
               link=password_page(settings, token), until_at=(now + INVITATION_LIFE).isoformat())
    await record(tx, "organisation_registered", organisation_id, kind=told.kind)


async def correct_organisation(tx: AsyncSession, actor: Actor, version: int, change: Correction) -> None:
    """Change what one's own organisation declares, made from `version`; Problem stale, validation.

    Who is verified, or was refused, and changes what the operator looks at, waits for a new look and may do nothing
    meanwhile. A suspension stays.
    """
    row = await _locked(tx, actor.organisation_id, version)
    if row.kind == "operator":
        raise Problem("forbidden")
    before = await _declared(tx, row)
    after = read_declaration(corrected(before, change))
    again = needs_new_look(before, after) and row.status in ("verified", "refused")
    for column, value in _stored(after).items():
        setattr(row, column, value)
    row.version, row.status = version + 1, "pending" if again else row.status
    if after.beneficial_owners != before.beneficial_owners:
        await tx.execute(delete(BeneficialOwner).where(BeneficialOwner.organisation_id == row.id))
        tx.add_all(_owner_rows(row.id, after))
    await tx.flush()
    await record(tx, "organisation_corrected", row.id, pending=again)


async def verify_organisation(tx: AsyncSession, settings: Settings, actor: Actor, organisation_id: UUID, version: int,
                              decision: Decision, evidence: list[dict[str, str]], note: str | None) -> None:
    """The operator's decision about exactly the `version` that was read; Problem not_found, stale, conflict, forbidden.

    Two organisations with one number cannot both be verified: Problem organisation_taken, from the database.
    """
    if organisation_id == actor.organisation_id:
        raise Problem("forbidden")
    row = await _locked(tx, organisation_id, version)
    if row.kind == "operator" or decision not in DECISIONS[row.status]:
        raise Problem("conflict", extra={"allowed": [] if row.kind == "operator" else list(DECISIONS[row.status])})
    tx.add(Verification(organisation_id=row.id, decision=decision, evidence=evidence, note=note, organisation_version=version,
                        decided_by=actor.member_id))
    row.status, row.version = decision, version + 1
    await tx.flush()
    await mail(tx, f"organisation_{decision}", organisation=row.id, organisation_name=row.legal_name,
               link=settings.public_url)
    await record(tx, "organisation_decided", row.id, decision=decision, version=version)


async def _locked(tx: AsyncSession, organisation_id: UUID | None, version: int) -> Organisation:
    row = (await tx.execute(select(Organisation).where(Organisation.id == organisation_id).with_for_update(key_share=True))).scalar_one_or_none()
    if row is None:
        raise Problem("not_found")
    if row.version != version:
        raise Problem("stale")
    return row


def _stored(told: Declaration) -> dict[str, object]:
    columns: dict[str, object] = {name: getattr(told, name) for name in _COLUMNS}
    return columns | {"registration": msgspec.to_builtins(told.registration or Registration())}


def _owner_rows(organisation_id: UUID, told: Declaration) -> list[BeneficialOwner]:
    return [BeneficialOwner(organisation_id=organisation_id, name=owner.name, country=owner.country,
                            share_percent=owner.share_percent) for owner in told.beneficial_owners]


async def _declared(tx: AsyncSession, row: Organisation) -> Declaration:
    """The stored row as the declaration it was made from."""
    rows = (await tx.execute(select(BeneficialOwner).where(BeneficialOwner.organisation_id == row.id))).scalars()
    owners = [DeclaredOwner(owner.name, owner.country, float(owner.share_percent)) for owner in rows]
    registration = msgspec.convert(row.registration, Registration, strict=False) if row.kind == "intermediary" else None
    return Declaration(**{name: getattr(row, name) for name in _COLUMNS}, registration=registration,
                       beneficial_owners=sorted(owners, key=lambda owner: (-owner.share_percent, owner.name)))
