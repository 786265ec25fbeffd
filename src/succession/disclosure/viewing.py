"""How does a document get out? Page by page as pictures, or as a marked copy, and only as long as the reader may read.

What opens a document is asked anew before every piece that leaves: whoever is revoked in the middle gets no further byte, and the
connection is cut.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from succession.actor import Actor
from succession.clocks import moments
from succession.config import ConfigError
from succession.database import Databases
from succession.disclosure.listing_keys import register
from succession.errors import Problem
from succession.store.frames import FrameCipher, Unreadable
from succession.store.objects import StoreAway
from succession.store.vault import Content, Vault
from succession.typeset.fonts import language_of, missing
from succession.workbench.filetypes import MARKED
from succession.workbench.pool import Broken, RefusedContent

log = logging.getLogger("succession.documents")
PIECE_BYTES = 256 * 1024
PAGE_MOST_BYTES = 32 * 1024 * 1024  # of one picture of a page
WIDTH_DEFAULT, WIDTH_LEAST, WIDTH_MOST = 1200, 400, 2000


class AccessEnded(ConnectionError):
    """The reader may not read any more. Raised in the middle of an answer: the connection is cut."""


# Row-level security decides whether there is a row: live grant and ledger entry, or holder; the member has to be there still.
_OPENED = """SELECT d.title, d.media_type, d.listing_id, o.object_id, o.kind, o.size_bytes, o.pages, k.wrapping, k.wrapped,
    vault.holds(d.listing_id) AS held, vault.may_download(d.id) AS downloadable
FROM vault.document d JOIN vault.document_object o ON o.document_id = d.id JOIN vault.listing_key k ON k.listing_id = d.listing_id
WHERE d.id = $1 AND d.removed_at IS NULL AND k.wrapped IS NOT NULL AND ($2::uuid IS NULL OR vault.grant_holds($2))
  AND ($3::uuid IS NULL OR EXISTS (SELECT FROM vault.document_link l WHERE l.id = $3 AND l.ended_at IS NULL AND l.expires_at > now()))
  AND EXISTS (SELECT FROM vault.member m WHERE m.id = ops.member() AND m.status = 'active')"""
_READER = ("SELECT m.name, m.email, o.legal_name, o.country FROM vault.member m JOIN vault.organisation o ON o.id = m.organisation_id "
           "WHERE m.id = ops.member()")


@dataclass(frozen=True)
class Reading:
    """One reader with one document before them. `mark`: None for its holder; `grant_id`, `link_id`: of a link, which ends with both."""

    databases: Databases
    vault: Vault
    actor: Actor
    document_id: UUID
    mark: str | None = None
    grant_id: UUID | None = None
    link_id: UUID | None = None

    async def opened(self) -> asyncpg.Record:
        """The document as it may be read at this moment. Raises Problem not_found."""
        async with self.databases.read(self.actor.scope()) as connection:
            row = await connection.fetchrow(_OPENED, self.document_id, self.grant_id, self.link_id)
        if row is None:
            raise Problem("not_found")
        return row

    async def ask(self) -> None:
        """Raises AccessEnded when it may not be read any more."""
        try:
            await self.opened()
        except Problem:
            raise AccessEnded from None

    def content(self, opened: asyncpg.Record) -> Content:
        return Content(self.vault.objects, opened["object_id"], FrameCipher(self._key(opened), opened["object_id"]), opened["size_bytes"])

    def _key(self, opened: asyncpg.Record) -> bytes:
        try:
            return self.vault.wrapping.unwrap(opened["wrapping"], opened["wrapped"], opened["listing_id"])
        except Unreadable:
            raise Problem("not_found") from None
        except ConfigError as error:
            log.error("no key to open documents with: %s", error)
            raise Problem("unavailable") from None

    async def page(self, number: int, width: int) -> bytes:
        """One page as PNG with the reader's name all over it. Raises Problem not_found, not_acceptable, unavailable."""
        opened = await self.opened()
        content = self.content(opened)

        async def read_at(offset: int, length: int) -> bytes:
            await self.ask()
            return await content.read_at(offset, length)

        said = await self._said()
        picture = b"".join([piece async for piece in self._job("page", said | {
            "kind": opened["kind"], "page": number, "width": width}, content.size_bytes, read_at)])
        await self.opened()
        return picture

    async def copy(self, opened: asyncpg.Record) -> tuple[Content, bool]:
        """(what is handed out, whether it is a copy made for this once)."""
        content = self.content(opened)
        if self.mark is None or opened["kind"] not in MARKED:
            return content, False
        async with self.databases.apart(self.actor.scope()) as connection:
            await register(connection, opened["listing_id"], copy_id := uuid4(), "copy")
        cipher = FrameCipher(self._key(opened), copy_id)
        size = 0

        async def read_at(offset: int, length: int) -> bytes:
            await self.ask()
            return await content.read_at(offset, length)

        async def counted() -> AsyncIterator[bytes]:
            nonlocal size
            async for piece in self._job("copy", said | {"kind": opened["kind"], "mark": self.mark}, content.size_bytes, read_at):
                size += len(piece)
                yield piece

        said = await self._said()
        try:
            await self.vault.objects.put(copy_id, counted(), cipher)
        except StoreAway:
            raise Problem("unavailable") from None
        return Content(self.vault.objects, copy_id, cipher, size), True

    async def pieces(self, content: Content, for_once: bool) -> AsyncIterator[bytes]:
        """A content in small pieces, each asked for; a copy made for this once is gone afterwards."""
        try:
            async for frame in content.frames():
                for start in range(0, len(frame), PIECE_BYTES):
                    await self.ask()
                    yield frame[start : start + PIECE_BYTES]
        except (Unreadable, StoreAway):
            raise AccessEnded from None  # too late for another answer
        finally:
            if for_once:
                await asyncio.shield(self._forget(content))

    async def _forget(self, content: Content) -> None:
        try:
            await content.objects.delete(content.object_id)
        except StoreAway:
            return  # the worker sweeps

    async def _said(self) -> dict[str, Any]:
        """What is written over it: who, for whom, when there and in Japan, and under which mark; in whose shapes of characters."""
        async with self.databases.read(self.actor.scope()) as connection:
            reader = await connection.fetchrow(_READER)
        if reader is None:
            raise Problem("not_found")
        *there, home = moments(datetime.now(UTC), reader["country"])
        lines = [reader["name"], reader["legal_name"], *there, f"{home}  {self.mark}" if self.mark else home]
        if missing(reader["name"] + reader["legal_name"]):  # a script that no font here has: the address says it in Latin
            lines.insert(2, reader["email"])
        return {"lines": [" ".join(line.split())[:120] for line in lines], "language": language_of(reader["country"])}

    async def _job(self, name: str, arguments: dict[str, Any], size_bytes: int, read_at: Any) -> AsyncIterator[bytes]:
        try:
            async with self.vault.workbench.job(name, arguments, size_bytes, read_at) as job:
                async for piece in job:
                    yield piece
        except RefusedContent as refused:
            raise Problem("not_found" if refused.code == "no_such_page" else "not_acceptable") from None
        except (AccessEnded, Unreadable):
            raise Problem("not_found") from None
        except (Broken, StoreAway, TimeoutError):
            raise Problem("unavailable") from None
