"""How does a document get in? Sealed as it arrives, then looked at, stripped and scanned; only then does it exist for anybody.

announced -> receiving -> received -> checked -> available, or refused from anywhere. Each step is committed before the next begins,
so whatever dies in between leaves something that nobody can read and that is swept away.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

import asyncpg
import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.database import Databases, driver
from succession.disclosure.commands.folders import refuse_declaration
from succession.disclosure.levels import Level
from succession.disclosure.listing_keys import data_key_to_seal, register
from succession.disclosure.recipient_checks import Declared
from succession.disclosure.third_persons import refuse_named
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.outbox import record
from succession.store.frames import FrameCipher, Unreadable
from succession.store.malware import ScannerFailed, Verdict, scan
from succession.store.objects import StoreAway
from succession.store.vault import Content, Vault
from succession.workbench.filetypes import ENDINGS, MARKED, MEDIA_TYPES, kind_named
from succession.workbench.pool import Broken, RefusedContent

State = Literal["announced", "receiving", "received", "checked", "available", "refused"]

# Why a file was not taken: what the workbench, the scanner or the pipeline itself say -> the sentence for who sent it.
REFUSALS: dict[str, str] = {
    "not_what_it_says": _("The content is not what the name says, or of a kind not accepted."),
    "not_readable": _("The file is damaged, or cannot be opened."),
    "encrypted": _("The file is protected by a password. Take it off first."),
    "active_content": _("The file holds macros, programs or references that load something. Save it without them."),
    "too_much_inside": _("The file is too large inside to be shown or checked."),
    "malware": _("The scanner of malicious software found something in the file."),
    "scanner_failed": _("The scanner of malicious software did not answer. Please try again."),
    "too_large": _("The file is larger than a document may be."),
    "empty": _("The file is empty."),
    "interrupted": _("The file did not arrive whole. Please send it again."),
    "store_away": _("The store of documents did not answer. Please try again."),
}
_AGAIN = frozenset({"scanner_failed", "store_away"})  # not the sender's fault


class UploadView(msgspec.Struct):
    """`refusal` is a code, `said` its sentence; `malware_check` is "not_scanned" where no scanner is set up."""

    id: UUID
    listing_id: UUID
    level: Level
    folder: str
    filename: str
    state: State
    malware_check: str | None
    refusal: str | None
    document_id: UUID | None
    made_at: datetime


@dataclass(frozen=True)
class Announced:
    """What somebody is about to send."""

    listing_id: UUID
    level: Level
    folder: str
    filename: str
    downloadable: bool
    unmarked_reason: str | None
    declared: Declared


@dataclass(frozen=True)
class Checked:
    """What came through: the object that is kept, and what it is."""

    upload_id: UUID
    listing_id: UUID
    object_id: UUID
    size_bytes: int
    content_hash: bytes
    kind: str
    pages: int | None


_ANNOUNCE = ("INSERT INTO vault.document_upload (listing_id, level, folder, filename, downloadable, unmarked_reason, made_by, "
             "contains_personal_data, appi_basis, export_control_class) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id")
_VIEW = ("SELECT id, listing_id, level, folder, filename, state, malware AS malware_check, refusal, document_id, made_at "
         "FROM vault.document_upload WHERE id = $1")


async def announce(connection: asyncpg.Connection, actor: Actor, said: Announced) -> UUID:
    """Enter an upload before its bytes. Raises Problem not_found, validation (a name of no accepted kind, no reason given)."""
    refuse_declaration(said.declared)
    if not await connection.fetchval("SELECT vault.holds($1)", said.listing_id):
        raise Problem("not_found")
    kind = kind_named(said.filename)
    if kind is None:
        raise field_problem("filename", Message.of(REFUSALS["not_what_it_says"]), tuple(ENDINGS))
    check_permission(kind, said.downloadable, said.unmarked_reason)
    await refuse_named(connection, said.listing_id, "filename", said.filename)
    await refuse_named(connection, said.listing_id, "folder", said.folder)
    return await connection.fetchval(_ANNOUNCE, said.listing_id, said.level, said.folder, said.filename, said.downloadable,
                                     said.unmarked_reason, actor.member_id, said.declared.personal_data, said.declared.appi_basis,
                                     said.declared.export_class)


def check_permission(kind: str, downloadable: bool, unmarked_reason: str | None) -> None:
    """Copies that cannot carry a mark leave only for a reason that is on record."""
    if downloadable and kind not in MARKED and unmarked_reason is None:
        raise field_problem("unmarked_reason", Message.of(
            _("Copies of this kind of file cannot be marked. Say why they may be downloaded all the same.")))


async def find_upload(connection: asyncpg.Connection, upload_id: UUID) -> UploadView | None:
    row = await connection.fetchrow(_VIEW, upload_id)
    return row and UploadView(**row)


# ---------------------------------------------------------------------------------------------------------------------
# Receiving and checking


class _Refused(Exception):
    def __init__(self, code: str, malware: Verdict | Literal["failed"] | None = None) -> None:
        self.code, self.malware = code, malware
        super().__init__(code)


_BEGIN = ("UPDATE vault.document_upload SET state = 'receiving', quarantine_id = $2 WHERE id = $1 AND state = 'announced' "
          "RETURNING listing_id")
_HELD = "SELECT listing_id, filename, state FROM vault.document_upload WHERE id = $1"
_RECEIVED = "UPDATE vault.document_upload SET state = 'received', size_bytes = $2, sent_hash = $3 WHERE id = $1"
_CHECKED = "UPDATE vault.document_upload SET state = 'checked', malware = $2 WHERE id = $1"
_REFUSED = ("UPDATE vault.document_upload SET state = 'refused', refusal = $2, malware = coalesce($3, malware), ended_at = now() "
            "WHERE id = $1 AND state NOT IN ('available', 'refused')")
_GONE = "UPDATE vault.store_object SET deleted_at = now() WHERE id = $1"


async def receive(databases: Databases, vault: Vault, actor: Actor, upload_id: UUID, content: AsyncIterator[bytes]) -> Checked:
    """Take the bytes of an announced upload through to `checked`; `publish` is what is left.

    Raises Problem not_found, conflict (sent already), documents_erased, document_refused, body_too_large, unavailable.
    """
    scope, quarantine_id, object_id = actor.scope(), uuid4(), uuid4()
    async with databases.apart(scope) as connection:
        upload = await connection.fetchrow(_HELD, upload_id)
        if upload is None:
            raise Problem("not_found")
        listing_id = upload["listing_id"]
        key = await data_key_to_seal(connection, vault, listing_id)
        for each, purpose in ((quarantine_id, "quarantine"), (object_id, "document")):
            await register(connection, listing_id, each, purpose)
        if await connection.fetchval(_BEGIN, upload_id, quarantine_id) is None:
            raise Problem("conflict")
    try:
        sent = await _store(vault, quarantine_id, key, content)
        async with databases.apart(scope) as connection:
            await connection.execute(_RECEIVED, upload_id, sent.size_bytes, sent.hash)
        verdict = await _scanned(vault, sent.content)
        kept, found = await _cleaned(vault, object_id, key, upload["filename"], sent.content)
        async with databases.apart(scope) as connection:
            await connection.execute(_CHECKED, upload_id, verdict)
        return Checked(upload_id, listing_id, object_id, kept.size_bytes, kept.hash, found["kind"], found["pages"])
    except _Refused as refused:
        await _give_up(databases, vault, actor, upload_id, refused, object_id)
        if refused.code in _AGAIN:
            raise Problem("unavailable", Message.of(REFUSALS[refused.code])) from None
        raise Problem("body_too_large" if refused.code == "too_large" else "document_refused",
                      Message.of(REFUSALS[refused.code])) from None
    except BaseException:
        await _give_up(databases, vault, actor, upload_id, _Refused("interrupted"), object_id)
        raise
    finally:
        await _delete(databases, vault, actor, quarantine_id)


@dataclass(frozen=True)
class _Stored:
    content: Content
    hash: bytes

    @property
    def size_bytes(self) -> int:
        return self.content.size_bytes


class _Counted:
    """Counts and hashes what goes by; stops at the limit."""

    def __init__(self, pieces: AsyncIterator[bytes], most_bytes: int) -> None:
        self._pieces, self._most, self.size_bytes, self.hash = pieces, most_bytes, 0, hashlib.sha256()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._pieces:
            self.size_bytes += len(piece)
            if self.size_bytes > self._most:
                raise _Refused("too_large")
            self.hash.update(piece)
            yield piece


async def _store(vault: Vault, object_id: UUID, key: bytes, pieces: AsyncIterator[bytes], most_bytes: int | None = None) -> _Stored:
    counted, cipher = _Counted(pieces, most_bytes or vault.settings.document_most_bytes), FrameCipher(key, object_id)
    try:
        await vault.objects.put(object_id, aiter(counted), cipher)
    except StoreAway:
        raise _Refused("store_away") from None
    if counted.size_bytes == 0:
        raise _Refused("empty")
    return _Stored(Content(vault.objects, object_id, cipher, counted.size_bytes), counted.hash.digest())


async def _scanned(vault: Vault, content: Content) -> Verdict:
    try:
        verdict = await scan(vault.settings, content.frames())
    except ScannerFailed:
        raise _Refused("scanner_failed", "failed") from None
    except (StoreAway, Unreadable):
        raise _Refused("store_away") from None
    if verdict == "infected":
        raise _Refused("malware", verdict)
    return verdict


async def _cleaned(vault: Vault, object_id: UUID, key: bytes, filename: str, content: Content) -> tuple[_Stored, dict[str, Any]]:
    """What the workbench leaves of it, stored as another object: what was sent is never shown to anybody."""
    try:
        async with vault.workbench.job("clean", {"filename": filename}, content.size_bytes, content.read_at) as job:
            # Stripping may make a file a little longer than it was; never twice as long.
            kept = await _store(vault, object_id, key, aiter(job), 2 * vault.settings.document_most_bytes)
            return kept, job.result
    except RefusedContent as refused:
        raise _Refused(refused.code) from None
    except Broken:
        raise _Refused("not_readable") from None
    except (StoreAway, Unreadable, TimeoutError):
        raise _Refused("store_away") from None


async def refuse_unsound(vault: Vault, content: bytes) -> Verdict:
    """Look at a signed PDF as at any document, by the same scanner and child process; it is kept as it was signed, to the byte.

    Returns what the scanner said. Raises Problem document_refused, unavailable.
    """
    async def pieces() -> AsyncIterator[bytes]:
        yield content

    async def read_at(offset: int, length: int) -> bytes:
        return content[offset : offset + length]

    code = ""
    try:
        verdict = await scan(vault.settings, pieces())
        if verdict != "infected":
            async with vault.workbench.job("clean", {"filename": "paper.pdf"}, len(content), read_at) as job:
                await job.finish()
            return verdict
        code = "malware"
    except ScannerFailed:
        code = "scanner_failed"
    except RefusedContent as refused:
        code = refused.code
    except (Broken, TimeoutError):
        code = "not_readable"
    raise Problem("unavailable" if code in _AGAIN else "document_refused", Message.of(REFUSALS[code]))


async def _give_up(databases: Databases, vault: Vault, actor: Actor, upload_id: UUID, refused: _Refused, object_id: UUID) -> None:
    async with databases.apart(actor.scope()) as connection:
        await connection.execute(_REFUSED, upload_id, refused.code, refused.malware)
    await _delete(databases, vault, actor, object_id)


async def _delete(databases: Databases, vault: Vault, actor: Actor, object_id: UUID) -> None:
    """Now rather than when the worker sweeps; a store that is away makes no difference to who waits."""
    try:
        await vault.objects.delete(object_id)
    except StoreAway:
        return
    async with databases.apart(actor.scope()) as connection:
        await connection.execute(_GONE, object_id)


# ---------------------------------------------------------------------------------------------------------------------
# The document

_DOCUMENT = ("INSERT INTO vault.document (listing_id, level, folder, title, media_type, size_bytes, content_hash, added_by, "
             "contains_personal_data, appi_basis, export_control_class) SELECT listing_id, level, folder, filename, $2, $3, $4, $5, "
             "contains_personal_data, appi_basis, export_control_class FROM vault.document_upload WHERE id = $1 AND state = 'checked' "
             "RETURNING id, level")
_OBJECT = ("INSERT INTO vault.document_object (document_id, listing_id, object_id, kind, size_bytes, pages, malware, downloadable, "
           "unmarked_reason) SELECT $2, listing_id, $3, $4, $5, $6, malware, downloadable, unmarked_reason "
           "FROM vault.document_upload WHERE id = $1")
_KEEP = "UPDATE vault.store_object SET keep_until = NULL WHERE id = $1"
_AVAILABLE = "UPDATE vault.document_upload SET state = 'available', document_id = $2, ended_at = now() WHERE id = $1"


async def publish(tx: AsyncSession, actor: Actor, checked: Checked) -> UUID:
    """The document exists from the commit on; returns its id. Raises Problem conflict when the upload is not `checked`."""
    connection = await driver(tx)
    made = await connection.fetchrow(_DOCUMENT, checked.upload_id, MEDIA_TYPES[checked.kind], checked.size_bytes, checked.content_hash,
                                     actor.member_id)
    if made is None:
        raise Problem("conflict")
    await connection.execute(_KEEP, checked.object_id)
    await connection.execute(_OBJECT, checked.upload_id, made["id"], checked.object_id, checked.kind, checked.size_bytes, checked.pages)
    await connection.execute(_AVAILABLE, checked.upload_id, made["id"])
    await record(tx, "add_document", made["id"], level=made["level"])
    return made["id"]
