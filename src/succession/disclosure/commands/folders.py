"""How are folders of the data room made, and what does a document say of itself? Nothing here shows anything to a buyer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.database import driver
from succession.disclosure.know_how import KnowHow
from succession.disclosure.recipient_checks import Declared
from succession.disclosure.third_persons import refuse_named
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.listings.commands import lock_open_listing
from succession.outbox import record

FOLDERS_MOST = 200

_COUNT = text("SELECT count(*) FROM vault.folder WHERE listing_id = :listing AND removed_at IS NULL")
_ADD = text("INSERT INTO vault.folder (listing_id, name, position, know_how_step, competitor_sensitive, view_only, added_by) "
            "VALUES (:listing, :name, :position, :step, :sensitive, :view_only, :member) RETURNING id")


async def add_folder(tx: AsyncSession, actor: Actor, listing_id: UUID, name: str, position: int, step: KnowHow | None,
                     sensitive: bool, view_only: bool) -> UUID:
    """An empty folder; returns its id. Problem not_found, limit_reached, folder_exists."""
    await lock_open_listing(tx, listing_id)
    await refuse_named(await driver(tx), listing_id, "name", name)
    if (await tx.execute(_COUNT, {"listing": listing_id})).scalar_one() >= FOLDERS_MOST:
        raise Problem("limit_reached")
    folder_id = (await tx.execute(_ADD, {
        "listing": listing_id, "name": name, "position": position, "step": step, "sensitive": sensitive,
        "view_only": view_only, "member": actor.member_id})).scalar_one()
    await record(tx, "add_folder", folder_id, step=step, sensitive=sensitive)
    return folder_id


_LOCK = text("SELECT id, listing_id, version FROM vault.folder WHERE id = :id AND removed_at IS NULL AND vault.holds(listing_id) FOR UPDATE")


async def edit_folder(tx: AsyncSession, folder_id: UUID, version: int, changes: dict[str, Any]) -> None:
    """Change a folder as it stood at `version`. What it is (a step, how sensitive) stays once an owner was asked about it.

    Problem not_found, stale, folder_settled, folder_exists.
    """
    found = (await tx.execute(_LOCK, {"id": folder_id})).first()
    if found is None:
        raise Problem("not_found")
    if found.version != version:
        raise Problem("stale")
    if "name" in changes:
        await refuse_named(await driver(tx), found.listing_id, "name", changes["name"])
    sets = "".join(f"{column} = :{column}, " for column in sorted(changes))  # the names of a Struct's fields, never typed ones
    await tx.execute(text(f"UPDATE vault.folder SET {sets}version = version + 1 WHERE id = :id"), changes | {"id": folder_id})
    await record(tx, "edit_folder", folder_id, changed=sorted(changes))


_REMOVE = text("UPDATE vault.folder SET removed_at = now(), version = version + 1 WHERE id = :id")


async def remove_folder(tx: AsyncSession, folder_id: UUID) -> None:
    """Take a folder out: nobody reads what lies in it from the commit on. The rows stay, releases point at them."""
    if (await tx.execute(_LOCK, {"id": folder_id})).first() is None:
        raise Problem("not_found")
    await tx.execute(_REMOVE, {"id": folder_id})
    await record(tx, "remove_folder", folder_id)


# ---------------------------------------------------------------------------------------------------------------------
# What a document says of itself

_HELD = text("SELECT listing_id, level FROM vault.document WHERE id = :id AND removed_at IS NULL AND vault.holds(listing_id) FOR UPDATE")
_DECLARE = text("UPDATE vault.document SET contains_personal_data = :personal, appi_basis = :basis, export_control_class = :export "
                "WHERE id = :id")


def refuse_declaration(declared: Declared) -> None:
    """Problem validation for a basis without personal data."""
    if declared.appi_basis is not None and not declared.personal_data:
        raise field_problem("appi_basis", Message.of(_("A basis is stated only for a document that contains personal data.")))


async def declare_document(tx: AsyncSession, document_id: UUID, declared: Declared) -> None:
    """Write down what the adviser declares. Readers whose place it now asks about are out until a person has looked.

    Problem not_found, validation.
    """
    refuse_declaration(declared)
    if (await tx.execute(_HELD, {"id": document_id})).first() is None:
        raise Problem("not_found")
    await tx.execute(_DECLARE, {"id": document_id, "personal": declared.personal_data, "basis": declared.appi_basis,
                                "export": declared.export_class})
    await record(tx, "declare_document", document_id, personal_data=declared.personal_data, appi_basis=declared.appi_basis,
                 export_class=declared.export_class)


_FOLDER = text("SELECT 1 FROM vault.folder WHERE id = :folder AND listing_id = :listing AND removed_at IS NULL")
_MOVE = text("UPDATE vault.document SET folder_id = :folder WHERE id = :id")


async def move_document(tx: AsyncSession, document_id: UUID, folder_id: UUID) -> None:
    """Put a document of the data room into another folder; it is closed there until that folder is released with it.

    Problem not_found, validation for a folder of another listing or a document of the dossier.
    """
    found = (await tx.execute(_HELD, {"id": document_id})).first()
    if found is None:
        raise Problem("not_found")
    known = (await tx.execute(_FOLDER, {"folder": folder_id, "listing": found.listing_id})).first()
    if found.level != "data_room" or known is None:
        raise field_problem("folder_id", Message.of(_("Only documents of the data room lie in folders, and in those of their own listing.")))
    await tx.execute(_MOVE, {"id": document_id, "folder": folder_id})
    await record(tx, "move_document", document_id, folder=str(folder_id))
