"""How does an NDA go on when its term ends? By a new signature under the same terms, in the last sixty days.

What was released keeps its own end: a renewal extends the duties of secrecy, not the reading.
"""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.config import Settings
from succession.database import Databases, driver
from succession.disclosure.commands.nda import Given, put_signature, set_document
from succession.disclosure.commands.requests import lock_deal
from succession.disclosure.nda_queries import act_open, find_renewal, open_nda
from succession.errors import Problem
from succession.outbox import mail

_OPEN = text(
    "INSERT INTO vault.nda_renewal (nda_id, deal_id, listing_id, buyer_id, text_ja, text_en, text_hash, old_expires_at, new_expires_at) "
    "VALUES (:nda_id, :deal_id, :listing_id, :buyer_id, :ja, :en, :hash, :old, :new)")


async def renew_nda(tx: AsyncSession, databases: Databases, settings: Settings, actor: Actor, deal_id: UUID, given: Given) -> UUID:
    """The buyer signs the renewal as GET .../nda/renewal shows it; a two-party one waits for the countersignature.

    Raises Problem step_refused outside the last sixty days, nda_text_changed, and those of the code.
    """
    deal = await lock_deal(tx, deal_id, "buyer")
    nda = await open_nda(await driver(tx), deal.id)
    if act_open(nda) != "renewal":
        raise Problem("step_refused")
    shown = await find_renewal(await driver(tx), deal.id)
    if shown is None:
        raise Problem("step_refused")
    if shown.text_hash != given.text_hash:
        raise Problem("nda_text_changed")
    await tx.execute(_OPEN, {
        "nda_id": nda.id, "deal_id": deal.id, "listing_id": deal.listing_id, "buyer_id": deal.buyer_id, "ja": shown.text_ja,
        "en": shown.text_en, "hash": bytes.fromhex(shown.text_hash), "old": shown.old_expires_at, "new": shown.new_expires_at})
    nda = await open_nda(await driver(tx), deal.id)
    await put_signature(tx, databases, settings, actor, deal, nda, "renewal", given, "nda_renewed")
    if nda.form == "one_way":
        await mail(tx, "nda_renewed", organisation=deal.intermediary_id, project=deal.project_name)
        await set_document(tx, nda.id)
    else:
        await mail(tx, "nda_to_countersign", organisation=deal.intermediary_id, project=deal.project_name)
    return nda.id
