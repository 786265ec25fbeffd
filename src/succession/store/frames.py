"""How are bytes sealed so that any part can be opened alone, and nothing can be cut off, swapped or put at the end?

An object is cut into frames of 1 MiB, each sealed with AES-256-GCM under the object's own key (HKDF of the listing's data
key and the object's id, so that a counter may serve as nonce: no key ever seals two contents). Every frame vouches for the
object, its own number and whether it is the last one.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FRAME_BYTES = 1024 * 1024
TAG_BYTES = 16
SEALED_FRAME_BYTES = FRAME_BYTES + TAG_BYTES
_DOMAIN = b"succession-object:1:"


class Unreadable(Exception):
    """Bytes that were not sealed here, for this place: damaged, cut, exchanged, or their key is gone."""


class FrameCipher:
    """Seals and opens the frames of one object. `data_key`: 32 bytes, the listing's."""

    def __init__(self, data_key: bytes, object_id: UUID) -> None:
        derive = HKDF(algorithm=SHA256(), length=32, salt=b"succession", info=_DOMAIN + object_id.bytes)
        self._cipher, self._about = AESGCM(derive.derive(data_key)), _DOMAIN + object_id.bytes

    def seal(self, number: int, plain: bytes, last: bool) -> bytes:
        return self._cipher.encrypt(number.to_bytes(12, "big"), plain, self._said(number, last))

    def open(self, number: int, sealed: bytes, last: bool) -> bytes:
        """Raises Unreadable."""
        try:
            return self._cipher.decrypt(number.to_bytes(12, "big"), sealed, self._said(number, last))
        except (InvalidTag, ValueError):
            raise Unreadable from None

    def _said(self, number: int, last: bool) -> bytes:
        return self._about + struct.pack(">Q?", number, last)


def frames_of(size_bytes: int) -> int:
    """How many frames hold so many bytes; an empty object has one, empty."""
    return max(1, -(-size_bytes // FRAME_BYTES))


def place_of_frame(number: int, size_bytes: int) -> tuple[int, int]:
    """(offset, length) of a frame in the sealed object, whose plain content has `size_bytes`."""
    plain = min(FRAME_BYTES, size_bytes - number * FRAME_BYTES)
    return number * SEALED_FRAME_BYTES, plain + TAG_BYTES


async def sealed(content: AsyncIterator[bytes], cipher: FrameCipher) -> AsyncIterator[bytes]:
    """The frames of a content that arrives in pieces of any size; holds two frames at most."""
    waiting, number = bytearray(), 0
    async for piece in content:
        for start in range(0, len(piece), FRAME_BYTES):
            waiting += piece[start : start + FRAME_BYTES]
            if len(waiting) > FRAME_BYTES:  # more than one: the first is not the last
                yield cipher.seal(number, bytes(waiting[:FRAME_BYTES]), last=False)
                del waiting[:FRAME_BYTES]
                number += 1
    yield cipher.seal(number, bytes(waiting), last=True)
