"""Is it really this member: the code of an authenticator app (TOTP, RFC 6238), or one of the recovery codes?

A code is of one step of 30 s, and each step is taken once, whatever for (the database keeps them). The step before and the one
after the present count as well, because clocks differ. Tries are counted by member, so that who has stolen a password or
a key gains nothing by coming from elsewhere.
"""

from __future__ import annotations

import base64
import hmac
import io
import secrets
import time
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
import pyotp
import segno
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.accounts.sign_in import forgive_tries, spend_try
from succession.actor import Actor, hash_secret
from succession.config import Settings
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.key_ring import ring_of
from succession.outbox import mail, record

STEP_S = 30
DRIFT_STEPS = 1
CONFIRMED_FOR = timedelta(minutes=10)  # vault.second_factor_fresh says the same to the database
RECOVERY_CODES = 10
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # no I, O, 0, 1
_GROUPS, _GROUP = 4, 4  # 32^16: eighty bits, so that a plain hash keeps them
_QR_SCALE = 5

Purpose = Literal["enrolment", "sign_in", "step_up"]


class Enrolment(msgspec.Struct):
    """Shown once. `uri`: for authenticator apps; `qr_svg`, `qr_png`: the same to be photographed, as data: addresses."""

    uri: str
    secret: str
    qr_svg: str
    qr_png: str


class Enrolled(msgspec.Struct):
    """The only time the recovery codes are shown. Each works once, in place of a code of the app."""

    recovery_codes: list[str]


class Confirmation(msgspec.Struct):
    """A code that was right. Until `valid_until` this member may release; the session is a full one from now on."""

    confirmed_at: datetime
    valid_until: datetime
    method: str
    recovery_codes_left: int


# ---------------------------------------------------------------- codes


def present_step(now_s: float) -> int:
    return int(now_s // STEP_S)


def matching_step(secret: str, code: str, now_s: float) -> int | None:
    """The step of time whose code this is, around now, or None. Every candidate is compared, in constant time."""
    totp, present, found = pyotp.TOTP(secret), present_step(now_s), None
    for step in range(present - DRIFT_STEPS, present + DRIFT_STEPS + 1):
        if hmac.compare_digest(totp.generate_otp(step), code):
            found = step
    return found


def new_recovery_codes() -> list[str]:
    def group() -> str:
        return "".join(secrets.choice(_ALPHABET) for _letter in range(_GROUP))

    return ["-".join(group() for _part in range(_GROUPS)) for _code in range(RECOVERY_CODES)]


def _plain(code: str) -> str:
    """As it is compared: people type blanks, hyphens and small letters."""
    return "".join(letter for letter in code.upper() if letter.isalnum())


# ---------------------------------------------------------------- setting up

_FORGET_DRAFT = text("DELETE FROM vault.second_factor WHERE member_id = :member AND confirmed_at IS NULL")
_DRAFT = text("INSERT INTO vault.second_factor (member_id, organisation_id, secret_sealed, key_id) "
              "VALUES (:member, :organisation, :sealed, :key_id)")
_FOUND = text("SELECT id, secret_sealed, key_id FROM vault.second_factor WHERE member_id = :member "
              "AND (confirmed_at IS NULL) = :draft FOR UPDATE")
_STATE = text("SELECT enrolled, fresh FROM vault.second_factor_of(:member)")


async def begin_enrolment(tx: AsyncSession, settings: Settings, actor: Actor) -> Enrolment:
    """A new secret, in use once a code of it was seen; the one before it works until then.

    Who has one already confirms with it first: Problem second_factor_needed.
    """
    state = (await tx.execute(_STATE, {"member": actor.member_id})).one()
    if state.enrolled and (actor.half or not state.fresh):
        raise Problem("second_factor_needed")
    secret = pyotp.random_base32()
    key_id, sealed = ring_of(settings).seal("second_factor", secret.encode(), str(actor.member_id))
    await tx.execute(_FORGET_DRAFT, {"member": actor.member_id})
    await tx.execute(_DRAFT, {"member": actor.member_id, "organisation": actor.organisation_id, "sealed": sealed, "key_id": key_id})
    address = (await tx.execute(text("SELECT email FROM vault.member WHERE id = :member"), {"member": actor.member_id})).scalar_one()
    uri = pyotp.TOTP(secret).provisioning_uri(name=address, issuer_name=f"succession {settings.public_url.partition('://')[2]}")
    await record(tx, "second_factor_begun", actor.member_id)
    return Enrolment(uri, secret, *_pictures(uri))


def _pictures(uri: str) -> tuple[str, str]:
    code, drawn = segno.make(uri, error="m"), io.BytesIO()
    code.save(drawn, kind="png", scale=_QR_SCALE)
    return code.svg_data_uri(scale=_QR_SCALE), "data:image/png;base64," + base64.b64encode(drawn.getvalue()).decode()


async def confirm_enrolment(tx: AsyncSession, redis: Redis, settings: Settings, actor: Actor, code: str) -> Enrolled:
    """The app works: from now on it is asked for. The factor and the recovery codes before end.

    Problem second_factor_not_enrolled when nothing was begun, second_factor_wrong, second_factor_used, rate_limited.
    """
    await _spend(redis, actor)
    draft = (await tx.execute(_FOUND, {"member": actor.member_id, "draft": True})).first()
    if draft is None:
        raise Problem("second_factor_not_enrolled")
    await _take_step(tx, actor, _step(settings, actor, draft, code), "enrolment")
    await tx.execute(text("DELETE FROM vault.second_factor WHERE member_id = :member AND confirmed_at IS NOT NULL"), {"member": actor.member_id})
    await tx.execute(text("UPDATE vault.second_factor SET confirmed_at = now() WHERE id = :id"), {"id": draft.id})
    codes = await _fresh_recovery_codes(tx, actor)
    await mail(tx, "second_factor_set_up", member=actor.member_id)
    await record(tx, "second_factor_set_up", actor.member_id)
    await _forgive(redis, actor)
    return Enrolled(codes)


async def _fresh_recovery_codes(tx: AsyncSession, actor: Actor) -> list[str]:
    codes = new_recovery_codes()
    await tx.execute(text("DELETE FROM vault.recovery_code WHERE member_id = :member"), {"member": actor.member_id})
    await tx.execute(
        text("INSERT INTO vault.recovery_code (member_id, organisation_id, code_hash) SELECT :member, :organisation, unnest(CAST(:hashes AS bytea[]))"),
        {"member": actor.member_id, "organisation": actor.organisation_id, "hashes": [hash_secret(_plain(code)) for code in codes]})
    return codes


# ---------------------------------------------------------------- confirming

_CODE = text("SELECT id FROM vault.recovery_code WHERE member_id = :member AND code_hash = :hash AND used_at IS NULL FOR UPDATE")
_SPENT = text("UPDATE vault.recovery_code SET used_at = now() WHERE id = :id")
_LEFT = text("SELECT count(*) FROM vault.recovery_code WHERE member_id = :member AND used_at IS NULL")
_CONFIRM = text(
    "INSERT INTO vault.second_factor_confirmation (member_id, organisation_id, method, purpose, time_step, recovery_code_id, address) "
    "VALUES (:member, :organisation, :method, :purpose, :step, :recovery, :address) RETURNING at")


async def confirm(tx: AsyncSession, redis: Redis, settings: Settings, actor: Actor, code: str) -> Confirmation:
    """Take a code: the second step of signing in, or the confirmation asked again before a release.

    Problem second_factor_not_enrolled, second_factor_wrong, second_factor_used, rate_limited.
    """
    await _spend(redis, actor)
    purpose: Purpose = "sign_in" if actor.half else "step_up"
    factor = (await tx.execute(_FOUND, {"member": actor.member_id, "draft": False})).first()
    if factor is None:
        raise Problem("second_factor_not_enrolled")
    plain = _plain(code)
    if plain.isdigit() and len(plain) == 6:
        method, at = "totp", await _take_step(tx, actor, _step(settings, actor, factor, plain), purpose)
    else:
        method, at = "recovery_code", await _take_recovery_code(tx, actor, plain, purpose)
    await record(tx, "second_factor_confirmed", actor.member_id, method=method, purpose=purpose)
    await _forgive(redis, actor)
    left = (await tx.execute(_LEFT, {"member": actor.member_id})).scalar_one()
    return Confirmation(at, at + CONFIRMED_FOR if purpose == "step_up" else at, method, left)


def _step(settings: Settings, actor: Actor, factor: object, code: str) -> int:
    secret = ring_of(settings).open("second_factor", factor.key_id, bytes(factor.secret_sealed), str(actor.member_id)).decode()
    step = matching_step(secret, _plain(code), time.time())
    if step is None:
        raise _wrong()
    return step


async def _take_step(tx: AsyncSession, actor: Actor, step: int, purpose: Purpose) -> datetime:
    """The database refuses a step that was taken before, or any before it: Problem second_factor_used."""
    return (await tx.execute(_CONFIRM, _row(actor, purpose) | {"method": "totp", "step": step, "recovery": None})).scalar_one()


async def _take_recovery_code(tx: AsyncSession, actor: Actor, plain: str, purpose: Purpose) -> datetime:
    found = (await tx.execute(_CODE, {"member": actor.member_id, "hash": hash_secret(plain)})).scalar()
    if found is None:
        raise _wrong()
    await tx.execute(_SPENT, {"id": found})
    await mail(tx, "recovery_code_used", member=actor.member_id)
    return (await tx.execute(_CONFIRM, _row(actor, purpose) | {"method": "recovery_code", "step": None, "recovery": found})).scalar_one()


def _row(actor: Actor, purpose: Purpose) -> dict[str, object]:
    return {"member": actor.member_id, "organisation": actor.organisation_id, "purpose": purpose, "address": actor.address}


def _wrong() -> Problem:
    problem = field_problem("code", Message.of(_("This is not the present code of your app, nor an unused recovery code.")))
    return Problem("second_factor_wrong", errors=problem.errors)


async def _spend(redis: Redis, actor: Actor) -> None:
    for what in ("second_factor_member", "second_factor_day"):
        await spend_try(redis, what, str(actor.member_id))


async def _forgive(redis: Redis, actor: Actor) -> None:
    await forgive_tries(redis, "second_factor_member", str(actor.member_id))


# ---------------------------------------------------------------- by somebody else

_RESET = text("SELECT vault.reset_second_factor(:whom)")
_OF_ORGANISATION = text("SELECT id FROM vault.member WHERE organisation_id = :organisation AND email = lower(:email) AND status = 'active'")


async def reset_second_factor(tx: AsyncSession, member_id: UUID, reason: str) -> None:
    """Somebody else's factor and recovery codes end, and every session with them; they set up a new one.

    Problem second_factor_reset_by_another for one's own or without standing, second_factor_not_enrolled when there is none.
    """
    if not (await tx.execute(_RESET, {"whom": member_id})).scalar_one():
        raise Problem("second_factor_not_enrolled")
    await mail(tx, "second_factor_reset", member=member_id)
    await record(tx, "second_factor_reset", member_id, reason=reason)


async def reset_of_organisation(tx: AsyncSession, organisation_id: UUID, email: str, reason: str) -> None:
    """The same by the operator, for a member of any organisation; Problem not_found as well."""
    member_id = (await tx.execute(_OF_ORGANISATION, {"organisation": organisation_id, "email": email.replace("\0", "")})).scalar()
    if member_id is None:
        raise Problem("not_found")
    await reset_second_factor(tx, member_id, reason)
