"""Is this the right password, and how often may one try?

The same work is done for an address that we do not know, and the same refusal given. Tries are counted under the
address that was typed, known or not, so that a throttle tells nothing either.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy import text

from succession.accounts.passwords import hash_password, is_password, needs_rehash
from succession.actor import Actor
from succession.database import Databases, Scope
from succession.errors import Problem
from succession.outbox import record
from succession.tables.accounts import Member
from succession.throttle import forgive, network_of, spend


@dataclass(frozen=True)
class Limit:
    """So many tries in a window of so many seconds."""

    tries: int
    window_s: int


# what is counted, and under what: the one screen on which to argue about numbers
LIMITS: dict[str, Limit] = {
    "sign_in_pair": Limit(10, 900),  # one address from one network
    "sign_in_address": Limit(100, 900),  # one address from anywhere: a botnet cannot guess on, a prank cannot lock out soon
    "sign_in_network": Limit(50, 900),  # one network over all addresses
    "register_network": Limit(10, 3600),
    "letter_address": Limit(5, 3600),  # letters that strangers can make us send to one address
    "reset_network": Limit(20, 3600),
    "token_network": Limit(30, 900),  # links tried
    "password_member": Limit(10, 900),  # the present password, asked again
    "second_factor_member": Limit(6, 900),  # three codes in a million are right at a time
    "second_factor_day": Limit(60, 86_400),  # right or wrong: who has the password guesses for decades
}


_ENROLLED = text("SELECT enrolled FROM vault.second_factor_of(:member)")


async def spend_try(redis: Redis, what: str, whose: str) -> None:
    """Problem rate_limited with Retry-After when none is left."""
    await spend(redis, _key(what, whose), LIMITS[what].tries, LIMITS[what].window_s)


async def forgive_tries(redis: Redis, what: str, whose: str) -> None:
    """After a success."""
    await forgive(redis, _key(what, whose))


async def may_write_to(redis: Redis, email: str) -> bool:
    """Whether one more letter asked for by a stranger may go to this address; refused silently."""
    try:
        await spend_try(redis, "letter_address", email)
    except Problem:
        return False
    return True


ANSWER_AFTER_S = 0.25


async def answer_like_any_other(started: float) -> None:
    """Wait until `started` (time.monotonic) is ANSWER_AFTER_S ago: how long it took tells nothing of what was done."""
    await asyncio.sleep(max(0.0, started + ANSWER_AFTER_S - time.monotonic()))


class SignedIn(NamedTuple):
    """For whom a session may start. `asked`: they have set up a second factor, which the session then waits for."""

    member_id: UUID
    epoch: int
    asked: bool


async def sign_in(databases: Databases, redis: Redis, actor: Actor, email: str, password: str) -> SignedIn:
    """Whose password it is; Problem sign_in_failed, rate_limited, unavailable."""
    network, address = network_of(actor.address), email.strip().casefold()
    for what, whose in _counted(network, address):
        await spend_try(redis, what, whose)
    async with databases.app.acquire(timeout=5) as connection:  # given back before the hashing
        found = await connection.fetchrow("SELECT * FROM vault.member_for_sign_in($1)", address.replace("\0", ""))
    stored = found["password_hash"] if found else None
    if not await is_password(stored, password):
        raise Problem("sign_in_failed")
    for what, whose in _counted(network, address)[:2]:
        await forgive(redis, _key(what, whose))
    fresh = await hash_password(password) if needs_rehash(stored) else None
    scope = Scope("anonymous", found["organisation_id"], found["member_id"], None, actor.scope().actor)
    async with databases.tx(scope) as tx:
        if fresh:
            (await tx.get_one(Member, found["member_id"])).password_hash = fresh
        await record(tx, "signed_in", found["member_id"])
        asked = (await tx.execute(_ENROLLED, {"member": found["member_id"]})).scalar_one()
    return SignedIn(found["member_id"], found["session_epoch"], asked)


def _counted(network: str, address: str) -> tuple[tuple[str, str], ...]:
    return ("sign_in_pair", f"{network}|{address}"), ("sign_in_address", address), ("sign_in_network", network)


def _key(what: str, whose: str) -> str:
    """Addresses are counted, not written down."""
    return f"{what}:{hashlib.sha256(whose.encode(errors='replace')).hexdigest()[:32]}"
