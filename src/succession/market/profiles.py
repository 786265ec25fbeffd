"""What does an acquirer look for and offer, apart from any brief, and may intermediaries see it?

One profile per acquirer, in published codes. Kind and country are not in it: the operator has verified those. Unless it says
otherwise nobody but the acquirer reads it; if it does, holders of listings see it under a code, never with a name.
"""

from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.errors import FieldError, Problem
from succession.i18n import Message, _
from succession.market.match_queries import looks_for
from succession.market.matching import Seeker, Wishes, stated
from succession.outbox import record
from succession.tables.deals import AcquirerProfile


class NewProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`visible_to_intermediaries`: whoever holds a listing that fits sees your kind, your country and these wishes, under a code."""

    wishes: Wishes
    visible_to_intermediaries: bool = False


class ProfileView(msgspec.Struct):
    """`code`: what intermediaries see in place of your name."""

    code: str
    wishes: Wishes
    wishes_in_words: list[str]
    visible_to_intermediaries: bool
    updated_at: datetime
    version: int


async def keep_profile(tx: AsyncSession, actor: Actor, new: NewProfile) -> None:
    """Problem validation where nothing is looked for. The last one written stands: a profile is a whole."""
    if not stated(new.wishes):
        raise Problem("validation", errors=(FieldError("wishes", Message.of(_("State at least one wish."))),))
    row = {"wishes": msgspec.to_builtins(new.wishes), "visible_to_intermediaries": new.visible_to_intermediaries,
           "updated_by": actor.member_id, "updated_at": datetime.now(UTC)}
    kept = insert(AcquirerProfile).values(organisation_id=actor.organisation_id, **row)
    await tx.execute(kept.on_conflict_do_update(index_elements=["organisation_id"], set_=row | {"version": AcquirerProfile.version + 1}))
    await record(tx, "keep_acquirer_profile", actor.organisation_id, visible=new.visible_to_intermediaries)


_PROFILE = """
SELECT f.code, f.wishes::text AS wishes, f.visible_to_intermediaries, f.updated_at, f.version, o.buyer_kind, o.country
FROM vault.acquirer_profile f JOIN vault.organisation o ON o.id = f.organisation_id WHERE f.organisation_id = $1
"""


async def find_profile(read: asyncpg.Connection, organisation_id: UUID, locale: str) -> ProfileView:
    """Problem not_found while there is none."""
    row = await read.fetchrow(_PROFILE, organisation_id)
    if row is None:
        raise Problem("not_found")
    wishes = msgspec.json.decode(row["wishes"], type=Wishes)
    return ProfileView(row["code"].hex, wishes, looks_for(wishes, locale), row["visible_to_intermediaries"], row["updated_at"], row["version"])


async def seeker_behind(read: asyncpg.Connection, organisation_id: UUID) -> tuple[Seeker, int]:
    """What an acquirer's own profile looks for, and its version; Problem profile_needed while there is none."""
    row = await read.fetchrow(_PROFILE, organisation_id)
    if row is None:
        raise Problem("profile_needed")
    return Seeker(msgspec.json.decode(row["wishes"], type=Wishes), row["buyer_kind"], row["country"]), row["version"]
