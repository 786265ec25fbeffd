"""Who works for an organisation: invited, confirmed by a letter, given a role, gone; and whose password is it?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy import func, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from succession.accounts.passwords import hash_password, is_password, weakness
from succession.accounts.queries import MEMBERS_MOST
from succession.actor import Actor, hash_secret
from succession.config import Settings
from succession.database import Databases, Scope, rescope
from succession.errors import Problem, field_problem
from succession.ids import new_token
from succession.outbox import mail, record
from succession.tables.accounts import ApiKey, Member, MemberToken, Organisation

INVITATION_LIFE = timedelta(days=7)
RESET_LIFE = timedelta(hours=1)

_FOR_SIGN_IN = text("SELECT member_id, organisation_id FROM vault.member_for_sign_in(:email)")
_FOR_TOKEN = text("SELECT token_id, member_id, organisation_id, purpose FROM vault.member_for_token(:hash)")


def password_page(settings: Settings, token: str | None = None) -> str:
    """The page where a password is chosen. The token is a query parameter: no log of ours writes queries down."""
    return f"{settings.public_url}/password" + (f"?token={token}" if token else "")


async def issue_token(tx: AsyncSession, organisation_id: UUID, member_id: UUID, purpose: str, expires_at: datetime) -> str:
    """A single-use secret for one member; those of the same purpose before it end."""
    await _end_tokens(tx, member_id, purpose)
    token = new_token()
    tx.add(MemberToken(id=uuid4(), member_id=member_id, organisation_id=organisation_id, purpose=purpose,
                       token_hash=hash_secret(token), expires_at=expires_at))
    await tx.flush()
    return token


# ---------------------------------------------------------------- invitations, roles, leaving


async def invite_member(tx: AsyncSession, settings: Settings, actor: Actor, email: str, name: str, role: str, locale: str,
                        now: datetime) -> UUID:
    """An invited member and their letter; Problem member_exists, limit_reached.

    Whether the address has an account elsewhere is answered to its holder alone, when they open the letter.
    """
    organisation = await _lock_organisation(tx, actor.organisation_id)
    kept = select(func.count()).select_from(Member).where(Member.organisation_id == organisation.id, Member.status != "left")
    if (await tx.execute(kept)).scalar_one() >= MEMBERS_MOST:
        raise Problem("limit_reached")
    member_id = uuid4()
    tx.add(Member(id=member_id, organisation_id=organisation.id, email=email, name=name, role=role, locale=locale))
    await tx.flush()
    await _send_invitation(tx, settings, actor, organisation, member_id, email, locale, now)
    await record(tx, "member_invited", member_id, role=role)
    return member_id


async def invite_again(tx: AsyncSession, settings: Settings, actor: Actor, member_id: UUID, now: datetime) -> None:
    """A new letter to somebody who has not accepted; the old link ends. Problem not_found, conflict."""
    organisation = await _lock_organisation(tx, actor.organisation_id)
    member = await _member(tx, actor.organisation_id, member_id)
    if member.status != "invited":
        raise Problem("conflict")
    await _send_invitation(tx, settings, actor, organisation, member.id, member.email, member.locale, now)
    await record(tx, "member_invited", member.id, again=True)


async def change_member(tx: AsyncSession, actor: Actor, member_id: UUID, version: int | None, role: str | None, name: str | None,
                        locale: str | None) -> None:
    """Problem not_found, stale, last_admin. What is None stays."""
    await _lock_organisation(tx, actor.organisation_id)
    member = await _member(tx, actor.organisation_id, member_id)
    if version is not None and member.version != version:
        raise Problem("stale")
    if role is not None and role != "admin":
        await _keep_an_admin(tx, member)
    member.role, member.name, member.locale = role or member.role, name or member.name, locale or member.locale
    member.version += 1
    await record(tx, "member_changed", member.id, role=member.role)


async def remove_member(tx: AsyncSession, actor: Actor, member_id: UUID) -> None:
    """Somebody leaves or is let go: sessions, keys and letters under way end with this transaction.

    Problem not_found, last_admin.
    """
    await _lock_organisation(tx, actor.organisation_id)
    member = await _member(tx, actor.organisation_id, member_id)
    await _keep_an_admin(tx, member)
    member.status, member.password_hash = "left", None
    member.session_epoch += 1
    member.version += 1
    await _end_tokens(tx, member.id)
    await tx.execute(update(ApiKey).where(ApiKey.member_id == member.id, ApiKey.revoked_at.is_(None)).values(revoked_at=func.now()))
    await record(tx, "member_left", member.id)


# ---------------------------------------------------------------- passwords


async def request_password_reset(databases: Databases, settings: Settings, actor: Actor, email: str, now: datetime) -> None:
    """A letter to the holder of an account; nothing to anybody else, and no answer that differs."""
    async with databases.tx(actor.scope()) as tx:
        found = (await tx.execute(_FOR_SIGN_IN, {"email": email})).first()
        if found is None:
            return
        await rescope(tx, Scope("anonymous", found.organisation_id, found.member_id, None, actor.scope().actor))
        token = await issue_token(tx, found.organisation_id, found.member_id, "password_reset", now + RESET_LIFE)
        await mail(tx, "password_reset", member=found.member_id, link=password_page(settings, token),
                   until_at=(now + RESET_LIFE).isoformat())
        await record(tx, "password_reset_requested", found.member_id)


async def set_password_by_token(databases: Databases, settings: Settings, actor: Actor, token: str, password: str) -> None:
    """Use a letter's link: the member is confirmed, the password set, every session and other link of theirs ends.

    Problem link_invalid (unknown, used or expired, all alike), validation, email_taken when the address confirmed
    itself in another organisation meanwhile.
    """
    async with databases.tx(actor.scope()) as tx:  # look first: a stranger must not make us hash
        _found, member = await _holder(tx, actor, token)
        _refuse_weak("password", password, member.email, member.name)
    hashed = await hash_password(password)
    async with databases.tx(actor.scope()) as tx:
        found, member = await _holder(tx, actor, token)
        used = await tx.execute(update(MemberToken).where(
            MemberToken.id == found.token_id, MemberToken.used_at.is_(None), MemberToken.expires_at > func.now()
        ).values(used_at=func.now()))
        if used.rowcount != 1:
            raise Problem("link_invalid")
        await _put_password(tx, settings, member, hashed, tell=member.status == "active")
        await record(tx, "password_set", member.id, purpose=found.purpose)


async def change_own_password(databases: Databases, settings: Settings, actor: Actor, present: str, wanted: str) -> int:
    """The new session epoch: every session before it has ended. Problem sign_in_failed, validation."""
    async with databases.tx(actor.scope()) as tx:
        member = await _member(tx, actor.organisation_id, actor.member_id)
    if not await is_password(member.password_hash, present):
        raise Problem("sign_in_failed")
    _refuse_weak("new_password", wanted, member.email, member.name)
    hashed = await hash_password(wanted)
    async with databases.tx(actor.scope()) as tx:
        member = await _member(tx, actor.organisation_id, actor.member_id)
        await _put_password(tx, settings, member, hashed, tell=True)
        await record(tx, "password_set", member.id, purpose="change")
        return member.session_epoch


async def end_all_sessions(tx: AsyncSession, actor: Actor) -> None:
    """Sign out everywhere."""
    member = await _member(tx, actor.organisation_id, actor.member_id)
    member.session_epoch += 1
    await record(tx, "sessions_ended", member.id)


# ---------------------------------------------------------------- within


async def _put_password(tx: AsyncSession, settings: Settings, member: Member, hashed: str, *, tell: bool) -> None:
    member.password_hash, member.status = hashed, "active"
    member.session_epoch += 1
    member.version += 1
    await tx.flush()  # member_email_unique answers here, before anything is said
    await _end_tokens(tx, member.id)
    if tell:
        await mail(tx, "password_changed", member=member.id, link=password_page(settings))


async def _holder(tx: AsyncSession, actor: Actor, token: str) -> tuple:
    """Who a link was made for; from here on the transaction works for them."""
    found = (await tx.execute(_FOR_TOKEN, {"hash": hash_secret(token)})).first()
    if found is None:
        raise Problem("link_invalid")
    await rescope(tx, Scope("anonymous", found.organisation_id, found.member_id, None, actor.scope().actor))
    return found, await _member(tx, found.organisation_id, found.member_id)


async def _lock_organisation(tx: AsyncSession, organisation_id: UUID | None) -> Organisation:
    """Changes of members of one organisation wait for each other here: counting administrators is only then safe."""
    row = await tx.execute(select(Organisation).where(Organisation.id == organisation_id).with_for_update(key_share=True))
    return row.scalar_one()


async def _member(tx: AsyncSession, organisation_id: UUID | None, member_id: UUID | None) -> Member:
    wanted = select(Member).where(Member.id == member_id, Member.organisation_id == organisation_id, Member.status != "left")
    row = (await tx.execute(wanted.with_for_update(key_share=True))).scalar_one_or_none()
    if row is None:
        raise Problem("not_found")
    return row


async def _keep_an_admin(tx: AsyncSession, leaving: Member) -> None:
    others = select(func.count()).select_from(Member).where(
        Member.organisation_id == leaving.organisation_id, Member.role == "admin", Member.status == "active", Member.id != leaving.id)
    if leaving.role == "admin" and leaving.status == "active" and not (await tx.execute(others)).scalar_one():
        raise Problem("last_admin")


async def _end_tokens(tx: AsyncSession, member_id: UUID, purpose: str | None = None) -> None:
    ending = update(MemberToken).where(MemberToken.member_id == member_id, MemberToken.used_at.is_(None))
    if purpose is not None:
        ending = ending.where(MemberToken.purpose == purpose)
    await tx.execute(ending.values(used_at=datetime.now(UTC)))


async def _send_invitation(tx: AsyncSession, settings: Settings, actor: Actor, organisation: Organisation, member_id: UUID,
                           email: str, locale: str, now: datetime) -> None:
    token = await issue_token(tx, organisation.id, member_id, "invitation", now + INVITATION_LIFE)
    await mail(tx, "invitation", address=email, locale=locale, organisation_name=organisation.legal_name, inviter=actor.name,
               link=password_page(settings, token), until_at=(now + INVITATION_LIFE).isoformat())


def _refuse_weak(field: str, password: str, *known: str) -> None:
    if fault := weakness(password, *known):
        raise field_problem(field, fault)
