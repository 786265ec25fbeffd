"""Which programs may work for a member, with what, and until when?"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import func, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from succession.accounts.queries import KEYS_MOST
from succession.actor import Actor, hash_secret
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.ids import new_token
from succession.outbox import record
from succession.permissions import keys_may_hold, permissions_of
from succession.tables.accounts import ApiKey, Organisation

MARK = "sx_"  # secret scanners find a key that was published by mistake
SHOWN = len(MARK) + 6
LIFE_MOST = timedelta(days=366)


def grantable(actor: Actor) -> list[str]:
    """What this member may give to a key of theirs."""
    return [permission for permission in permissions_of(actor) if keys_may_hold(permission)]


async def create_api_key(tx: AsyncSession, actor: Actor, name: str, scopes: list[str], expires_at: datetime,
                         now: datetime) -> tuple[UUID, str]:
    """(id, secret). The secret is known here and to who asked, nowhere else. Problem validation, limit_reached."""
    if unknown := sorted(set(scopes) - set(grantable(actor))):
        raise field_problem("scopes", Message.of(_("You cannot give a key these: {scopes}."), scopes=unknown), tuple(grantable(actor)))
    if expires_at.tzinfo is None or not now < expires_at <= now + LIFE_MOST:
        raise field_problem("expires_at", Message.of(_("A key expires within a year from now; the time states its zone.")))
    await tx.execute(select(Organisation.id).where(Organisation.id == actor.organisation_id).with_for_update(key_share=True))
    live = select(func.count()).select_from(ApiKey).where(
        ApiKey.organisation_id == actor.organisation_id, ApiKey.revoked_at.is_(None), ApiKey.expires_at > func.now())
    if (await tx.execute(live)).scalar_one() >= KEYS_MOST:
        raise Problem("limit_reached")
    key_id, secret = uuid4(), MARK + new_token()
    tx.add(ApiKey(id=key_id, organisation_id=actor.organisation_id, member_id=actor.member_id, name=name, prefix=secret[:SHOWN],
                  key_hash=hash_secret(secret), scopes=sorted(set(scopes)), expires_at=expires_at))
    await tx.flush()
    await record(tx, "api_key_created", key_id, scopes=sorted(set(scopes)))
    return key_id, secret


async def revoke_api_key(tx: AsyncSession, actor: Actor, key_id: UUID) -> None:
    """It stops working with this transaction; Problem not_found. Revoking twice is revoking once."""
    revoked = await tx.execute(update(ApiKey).where(ApiKey.id == key_id, ApiKey.organisation_id == actor.organisation_id).values(
        revoked_at=func.coalesce(ApiKey.revoked_at, func.now())))
    if revoked.rowcount != 1:
        raise Problem("not_found")
    await record(tx, "api_key_revoked", key_id)
