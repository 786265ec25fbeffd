"""Where do sealed objects lie? In a local directory or in any S3-compatible store, behind one interface.

Names are random and say nothing: which listing an object belongs to stands in the database alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import UUID

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from succession.config import Settings
from succession.store.frames import SEALED_FRAME_BYTES, FrameCipher, Unreadable, frames_of, place_of_frame, sealed

PART_BYTES = 5 * SEALED_FRAME_BYTES  # S3 takes no part under 5 MiB but the last
TIMEOUT = timedelta(seconds=30)
_RETRY = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}


class StoreAway(Exception):
    """The store does not answer, or refuses us. It may come back."""


class Objects:
    """Sealed objects by id. Methods raise StoreAway when the store fails, Unreadable when an object is not there."""

    def __init__(self, store: LocalStore | S3Store) -> None:
        self._store = store

    async def put(self, object_id: UUID, content: AsyncIterator[bytes], cipher: FrameCipher) -> None:
        """Seal and keep a content: whole, or not at all. What `content` raises comes through."""
        stopped: list[BaseException] = []

        async def watched() -> AsyncIterator[bytes]:
            try:
                async for piece in content:
                    yield piece
            except BaseException as error:
                stopped.append(error)
                raise

        try:
            await obstore.put_async(self._store, _name(object_id), sealed(watched(), cipher), use_multipart=True,
                                    chunk_size=PART_BYTES, max_concurrency=1)
        except (BaseError, OSError, RuntimeError) as error:
            raise (stopped[0] if stopped else StoreAway()) from error

    async def frame(self, object_id: UUID, cipher: FrameCipher, number: int, size_bytes: int) -> bytes:
        """One frame, opened. `size_bytes`: of the whole content."""
        offset, length = place_of_frame(number, size_bytes)
        try:
            found = await obstore.get_range_async(self._store, _name(object_id), start=offset, length=length)
        except FileNotFoundError:
            raise Unreadable from None
        except (BaseError, OSError) as error:
            raise StoreAway from error
        return cipher.open(number, found.to_bytes(), number == frames_of(size_bytes) - 1)

    async def size(self, object_id: UUID) -> int | None:
        """Of the sealed object; None when it is not there."""
        try:
            return (await obstore.head_async(self._store, _name(object_id)))["size"]
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            raise StoreAway from error

    async def delete(self, object_id: UUID) -> None:
        """What is not there is as good as deleted."""
        try:
            with contextlib.suppress(FileNotFoundError):
                await obstore.delete_async(self._store, _name(object_id))
        except (BaseError, OSError) as error:
            raise StoreAway from error


def open_objects(settings: Settings) -> Objects:
    """The store that the settings name; a directory is made, readable by us alone."""
    parts = urlsplit(settings.store_url)
    if parts.scheme == "file":
        folder = Path(unquote(parts.path))
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Objects(LocalStore(folder))
    named = {"endpoint": settings.store_endpoint, "region": settings.store_region, "access_key_id": settings.store_key_id,
             "secret_access_key": settings.store_secret, "prefix": parts.path.strip("/") or None}
    return Objects(S3Store(
        parts.netloc, client_options={"allow_http": (settings.store_endpoint or "").startswith("http://"), "timeout": TIMEOUT},
        retry_config=_RETRY, **{name: value for name, value in named.items() if value}))


def _name(object_id: UUID) -> str:
    return f"{object_id.hex[:2]}/{object_id.hex}"
