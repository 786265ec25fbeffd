"""What is done with documents that are there, and how is a reading written down before its first byte leaves?"""

from __future__ import annotations

import base64
import secrets
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.database import driver
from succession.disclosure.disclosed import blocks_of, disclose, document_group, document_version, recipient_of
from succession.disclosure.reading_queries import NOT_FACTS, find_dossier
from succession.disclosure.uploads import check_permission
from succession.errors import Problem, found_or_404
from succession.outbox import record

MARK_BYTES = 10

_REMOVE = text("UPDATE vault.document SET removed_at = now() WHERE id = :id AND removed_at IS NULL AND vault.holds(listing_id)")


async def remove_document(tx: AsyncSession, document_id: UUID) -> None:
    """Take a document out: no buyer reads it from the commit on; the row stays, accesses point at it."""
    if (await tx.execute(_REMOVE, {"id": document_id})).rowcount == 0:
        raise Problem("not_found")
    await record(tx, "remove_document", document_id)


# ---------------------------------------------------------------------------------------------------------------------
# Readings: in a transaction of their own, committed before anything is read

_GRANT = text("SELECT g.id FROM vault.disclosure_grant g WHERE g.deal_id = :deal AND g.level = 'dossier' "
              "AND vault.party(g.deal_id) IN ('buyer', 'representative') AND vault.grant_holds(g.id)")
_READ_DOSSIER = text(
    "INSERT INTO vault.access (grant_id, listing_id, organisation_id, member_id, what, facts_version, entries, address, agent) "
    "SELECT g.id, g.listing_id, ops.organisation(), ops.member(), 'dossier', :version, CAST(:entries AS uuid[]), :address, :agent "
    "FROM vault.disclosure_grant g WHERE g.id = :grant AND vault.grant_holds(g.id)")
_OPENED = text(
    "SELECT g.id AS grant_id, d.id, d.title, encode(d.content_hash, 'hex') AS content_hash, EXISTS (SELECT FROM vault.disclosed s "
    "WHERE s.grant_id = g.id AND s.fact_group = 'document:' || d.id) AS entered "
    "FROM vault.document d JOIN vault.disclosure_grant g ON g.listing_id = d.listing_id AND g.level = d.level "
    "WHERE d.id = :document AND d.removed_at IS NULL AND vault.party(g.deal_id) IN ('buyer', 'representative') "
    "AND vault.grant_holds(g.id) ORDER BY g.granted_at DESC LIMIT 1")
_READ_DOCUMENT = text(
    "INSERT INTO vault.access (grant_id, listing_id, organisation_id, member_id, what, address, agent) "
    "SELECT g.id, g.listing_id, ops.organisation(), ops.member(), :what, :address, :agent "
    "FROM vault.disclosure_grant g WHERE g.id = :grant AND vault.grant_holds(g.id) RETURNING id")
_MARK = text("INSERT INTO vault.document_mark (mark, access_id, document_id, listing_id, organisation_id, page) "
             "SELECT :mark, a.id, :document, a.listing_id, a.organisation_id, :page FROM vault.access a WHERE a.id = :access")
_READABLE = text(
    "SELECT vault.holds(d.listing_id) AS held, o.pages, vault.may_download(d.id) AS downloadable, "
    "vault.document_view_only(d.id) AS view_only "
    "FROM vault.document d JOIN vault.document_object o ON o.document_id = d.id WHERE d.id = :document AND d.removed_at IS NULL")


async def note_dossier_reading(tx: AsyncSession, actor: Actor, deal_id: UUID) -> int:
    """Write down that this member opens the dossier now, and enter in the ledger whatever of it this buyer was not shown yet;
    returns the version of the facts that this is about. Raises Problem not_found without a live grant."""
    grant_id = (await tx.execute(_GRANT, {"deal": deal_id})).scalar()
    if grant_id is None:
        raise Problem("not_found")
    to = await recipient_of(tx, grant_id)
    dossier = found_or_404(await find_dossier(await driver(tx), deal_id))
    entries = await disclose(tx, to, blocks_of(dossier, NOT_FACTS), "reading")
    done = await tx.execute(_READ_DOSSIER, {"grant": grant_id, "version": to.facts_version, "entries": entries,
                                            "address": actor.address, "agent": actor.agent})
    if done.rowcount == 0:
        raise Problem("not_found")
    return to.facts_version


async def note_page(tx: AsyncSession, actor: Actor, document_id: UUID, page: int, by_link: bool = False) -> str | None:
    """Write down that this member looks at one page now; returns the mark it will carry, None for who holds the listing and
    reads its own papers without a line. Raises Problem not_found, download_only (an office file)."""
    readable = await _readable(tx, document_id)
    if readable.pages is None:
        raise Problem("download_only")
    if not 1 <= page <= readable.pages:
        raise Problem("not_found")
    return None if readable.held else await _note(tx, actor, document_id, f":page:{page}{':link' if by_link else ''}", page)


async def note_download(tx: AsyncSession, actor: Actor, document_id: UUID) -> str | None:
    """The same for a copy of the whole. Raises Problem not_found, not_downloadable, view_only."""
    readable = await _readable(tx, document_id)
    if not readable.downloadable:
        raise Problem("view_only" if readable.view_only else "not_downloadable")
    return None if readable.held else await _note(tx, actor, document_id, ":download", None)


async def _readable(tx: AsyncSession, document_id: UUID):
    found = (await tx.execute(_READABLE, {"document": document_id})).first()
    if found is None:
        raise Problem("not_found")
    return found


async def _note(tx: AsyncSession, actor: Actor, document_id: UUID, what: str, page: int | None) -> str:
    """In the ledger first: a document that was put beside the dossier after its release has no entry yet."""
    opened = (await tx.execute(_OPENED, {"document": document_id})).first()
    if opened is None:
        raise Problem("not_found")
    if not opened.entered:
        shown = document_version(opened.id, opened.title, opened.content_hash)
        await disclose(tx, await recipient_of(tx, opened.grant_id), [shown], "reading")
    access = (await tx.execute(_READ_DOCUMENT, {"grant": opened.grant_id, "what": document_group(document_id) + what,
                                                "address": actor.address, "agent": actor.agent})).scalar()
    if access is None:
        raise Problem("not_found")
    mark = base64.b32encode(secrets.token_bytes(MARK_BYTES)).decode()
    await tx.execute(_MARK, {"mark": mark, "access": access, "document": document_id, "page": page})
    return mark


_ALLOW = text("UPDATE vault.document_object SET downloadable = :allowed, unmarked_reason = :reason WHERE document_id = :document "
              "AND vault.holds(listing_id) RETURNING kind")


async def allow_download(tx: AsyncSession, document_id: UUID, allowed: bool, unmarked_reason: str | None) -> None:
    """Whether buyers may take copies. Raises Problem not_found, validation (no mark, and no reason why not)."""
    kind = (await tx.execute(_ALLOW, {"document": document_id, "allowed": allowed, "reason": unmarked_reason})).scalar()
    if kind is None:
        raise Problem("not_found")
    check_permission(kind, allowed, unmarked_reason)
    await record(tx, "allow_download", document_id, allowed=allowed, unmarked=unmarked_reason is not None)
