"""How does a document enter the vault, and how is a reading written down before its first byte leaves?"""

from __future__ import annotations

import base64
import binascii
import hashlib
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.disclosure.commands.folders import refuse_declaration
from succession.disclosure.filetypes import DOCUMENT_MOST_BYTES, MEDIA_TYPES, media_type_of
from succession.disclosure.levels import Level
from succession.disclosure.recipient_checks import Declared
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.outbox import record

_HELD = text("SELECT vault.holds(:listing)")
_DOCUMENT = text(
    "INSERT INTO vault.document (listing_id, level, folder, title, media_type, size_bytes, content_hash, added_by, "
    "contains_personal_data, appi_basis, export_control_class) VALUES (:listing, :level, :folder, :title, :media_type, :size, :hash, "
    ":member, :personal, :basis, :export) RETURNING id")
_CONTENT = text("INSERT INTO vault.document_content (document_id, listing_id, level, content) "
                "VALUES (:id, :listing, :level, :content)")


async def add_document(tx: AsyncSession, actor: Actor, listing_id: UUID, level: Level, folder: str, filename: str,
                       content_base64: str, declared: Declared) -> UUID:
    """Store one document of a listing; returns its id. In the data room a folder that is not there is made.

    Raises Problem not_found, validation.
    """
    refuse_declaration(declared)
    if not (await tx.execute(_HELD, {"listing": listing_id})).scalar():
        raise Problem("not_found")
    content = _decoded(content_base64)
    media_type = media_type_of(filename, content)
    if media_type is None:
        raise field_problem("content_base64", Message.of(_("The content is not what the name says, or of a kind not accepted.")),
                            tuple(MEDIA_TYPES))
    row = {"listing": listing_id, "level": level, "folder": folder, "title": filename, "media_type": media_type,
           "size": len(content), "hash": hashlib.sha256(content).digest(), "member": actor.member_id,
           "personal": declared.personal_data, "basis": declared.appi_basis, "export": declared.export_class}
    document_id = (await tx.execute(_DOCUMENT, row)).scalar_one()
    await tx.execute(_CONTENT, {"id": document_id, "listing": listing_id, "level": level, "content": content})
    await record(tx, "add_document", document_id, level=level)
    return document_id


def _decoded(content_base64: str) -> bytes:
    try:
        content = base64.b64decode(content_base64, validate=True)
    except (binascii.Error, ValueError):
        raise field_problem("content_base64", Message.of(_("This is not base64."))) from None
    if not 1 <= len(content) <= DOCUMENT_MOST_BYTES:
        raise field_problem("content_base64", Message.of(_("A document has at most 10 megabytes, and is not empty.")))
    return content


_REMOVE = text("UPDATE vault.document SET removed_at = now() WHERE id = :id AND removed_at IS NULL AND vault.holds(listing_id)")


async def remove_document(tx: AsyncSession, document_id: UUID) -> None:
    """Take a document out: no buyer reads it from the commit on; the row stays, accesses point at it."""
    if (await tx.execute(_REMOVE, {"id": document_id})).rowcount == 0:
        raise Problem("not_found")
    await record(tx, "remove_document", document_id)


# ---------------------------------------------------------------------------------------------------------------------
# Readings: in a transaction of their own, committed before anything is read

_READ_DOSSIER = text(
    "INSERT INTO vault.access (grant_id, listing_id, organisation_id, member_id, what, address, agent) "
    "SELECT g.id, g.listing_id, ops.organisation(), ops.member(), 'dossier', :address, :agent FROM vault.disclosure_grant g "
    "WHERE g.deal_id = :deal AND g.level = 'dossier' AND vault.party(g.deal_id) IN ('buyer', 'representative') "
    "AND vault.grant_holds(g.id)")
_SEEN = text("SELECT vault.holds(listing_id) AS held, vault.document_view_only(id) AS view_only FROM vault.document WHERE id = :id")
_READ_DOCUMENT = text(
    "INSERT INTO vault.access (grant_id, listing_id, organisation_id, member_id, what, address, agent) "
    "SELECT g.id, g.listing_id, ops.organisation(), ops.member(), 'document:' || d.id, :address, :agent "
    "FROM vault.document d JOIN vault.disclosure_grant g ON g.listing_id = d.listing_id AND g.level = d.level "
    "WHERE d.id = :document AND d.removed_at IS NULL AND vault.party(g.deal_id) IN ('buyer', 'representative') "
    "AND vault.grant_holds(g.id)")


async def note_dossier_reading(tx: AsyncSession, actor: Actor, deal_id: UUID) -> None:
    """Write down that this member opens the dossier now. Raises Problem not_found without a live grant."""
    done = await tx.execute(_READ_DOSSIER, {"deal": deal_id, "address": actor.address, "agent": actor.agent})
    if done.rowcount == 0:
        raise Problem("not_found")


async def note_document_reading(tx: AsyncSession, actor: Actor, document_id: UUID) -> None:
    """The same for one document that may be taken along; who holds the listing reads its own papers without a line.

    Raises Problem not_found, view_only.
    """
    found = (await tx.execute(_SEEN, {"id": document_id})).first()
    if found is None:
        raise Problem("not_found")
    if found.held:
        return
    if found.view_only:
        raise Problem("view_only")
    done = await tx.execute(_READ_DOCUMENT, {"document": document_id, "address": actor.address, "agent": actor.agent})
    if done.rowcount == 0:
        raise Problem("not_found")
