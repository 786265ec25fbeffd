"""What does a process need to keep and open documents? The store, the keys that wrap keys, and the workbench, in one place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from succession.config import Settings
from succession.store.frames import FRAME_BYTES, FrameCipher, frames_of
from succession.store.objects import Objects, open_objects
from succession.store.wrapping import Wrapping
from succession.workbench.pool import Workbench


@dataclass(frozen=True)
class Vault:
    """Of one process. Nothing in it belongs to a request."""

    settings: Settings
    objects: Objects
    wrapping: Wrapping
    workbench: Workbench

    def close(self) -> None:
        self.workbench.close()


def open_vault(settings: Settings) -> Vault:
    return Vault(settings, open_objects(settings), Wrapping(settings), Workbench())


@dataclass(frozen=True)
class Content:
    """An object that can be opened: where it lies, with what, and how long its plain content is."""

    objects: Objects
    object_id: UUID
    cipher: FrameCipher
    size_bytes: int

    async def read_at(self, offset: int, length: int) -> bytes:
        """Bytes inside one frame, as the workbench asks for them. Raises Unreadable, StoreAway."""
        number, inside = divmod(offset, FRAME_BYTES)
        if not 0 <= number < frames_of(self.size_bytes):
            return b""
        return (await self.objects.frame(self.object_id, self.cipher, number, self.size_bytes))[inside : inside + length]

    async def frames(self) -> AsyncIterator[bytes]:
        """The content from its beginning, a frame at a time."""
        for number in range(frames_of(self.size_bytes)):
            yield await self.objects.frame(self.object_id, self.cipher, number, self.size_bytes)
