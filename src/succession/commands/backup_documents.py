"""Can the documents of a restored database still be opened? Every one has to lie in the store, whole; a few are opened to their last byte.

What proves it is in three places: the row and its wrapped key come from the backup, the key file from the ring, the bytes from the store.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from uuid import UUID

import asyncpg

from succession.config import ConfigError, Settings
from succession.store.frames import FrameCipher, Unreadable, frames_of, place_of_frame
from succession.store.objects import Objects, StoreAway, open_objects
from succession.store.vault import Content
from succession.store.wrapping import Wrapping

SAMPLE = 5
NAMED_MOST = 20

_KEPT = """SELECT d.id, d.listing_id, d.content_hash, o.object_id, o.size_bytes, k.wrapping, k.wrapped
FROM vault.document d JOIN vault.document_object o ON o.document_id = d.id JOIN vault.listing_key k ON k.listing_id = d.listing_id
JOIN vault.store_object s ON s.id = o.object_id WHERE s.deleted_at IS NULL AND k.wrapped IS NOT NULL ORDER BY d.id"""


async def swept(present: asyncpg.Connection) -> frozenset[UUID]:
    """Objects that were deleted on purpose by today, as the database beside which the drill runs has it; none where there is none."""
    try:
        async with present.transaction(readonly=True):
            await present.execute("SET LOCAL row_security = off")
            return frozenset(row["id"] for row in await present.fetch("SELECT id FROM vault.store_object WHERE deleted_at IS NOT NULL"))
    except asyncpg.UndefinedTableError:
        return frozenset()


async def check_documents(connection: asyncpg.Connection, settings: Settings, sample: int, gone: frozenset[UUID],
                          report: Callable[[str], None]) -> list[str]:
    """What is wrong with the documents this database names, in words; [] when nothing is. `sample`: how many are opened, drawn by lot;
    `gone`: objects that were deleted on purpose since."""
    rows, objects = [row for row in await connection.fetch(_KEPT) if row["object_id"] not in gone], open_objects(settings)
    found = []
    try:
        for row in rows:
            if (size := await objects.size(row["object_id"])) != _sealed_size(row["size_bytes"]):
                found.append(f"document {row['id']}: " + ("not in the store" if size is None else f"{size} bytes in the store, not as many as were sealed"))
        report(f"{len(rows)} documents of {sum(row['size_bytes'] for row in rows)} bytes: "
               + ("each lies in the store, whole" if not found else f"{len(found)} do not lie in the store as they were sealed"))
        chosen = random.SystemRandom().sample(rows, min(sample, len(rows)))
        closed = [each["id"] for each in chosen if not await _opens(objects, Wrapping(settings), each)]
    except StoreAway:
        return [*found[:NAMED_MOST], "the store of documents does not answer"]
    opened = [str(each["id"]) for each in chosen if each["id"] not in closed]
    report(f"opened to the last byte with the keys of this ring: {', '.join(opened) or 'none'}")
    return found[:NAMED_MOST] + [f"document {each} does not open, or is not what was entered" for each in closed]


async def _opens(objects: Objects, wrapping: Wrapping, row: asyncpg.Record) -> bool:
    digest = hashlib.sha256()
    try:
        key = wrapping.unwrap(row["wrapping"], row["wrapped"], row["listing_id"])
        async for frame in Content(objects, row["object_id"], FrameCipher(key, row["object_id"]), row["size_bytes"]).frames():
            digest.update(frame)
    except (Unreadable, ConfigError):
        return False
    return digest.digest() == bytes(row["content_hash"])


def _sealed_size(size_bytes: int) -> int:
    return sum(place_of_frame(frames_of(size_bytes) - 1, size_bytes))
