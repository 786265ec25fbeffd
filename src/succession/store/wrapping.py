"""Under which key do the keys of listings lie, and how does that key change? A file in the keys directory, never the database.

    ring/documents-0001.key, ring/documents-0002.key, ...     32 bytes each, in hex; the highest number wraps what is made from now on

A listing's data key is drawn once and stored wrapped, with the number of the file that opens it. Rotation makes the next
file and wraps every data key anew (`succession keys rotate documents`, `succession keys rewrap`); no object is touched. A file that opens nothing any
more may be destroyed, and every wrapped key that somebody copied before goes with it.
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from succession.config import ConfigError, Settings
from succession.store.frames import Unreadable

KEY_BYTES = 32
_NONCE_BYTES = 12
_FILE = re.compile(r"documents-(\d{4})\.key")


class Wrapping:
    """The key-encryption keys of an installation. Read when first needed, and again when a number is not known yet."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._keys = settings, {}

    def wrap(self, data_key: bytes, listing_id: UUID) -> tuple[str, bytes]:
        """(number of the file, wrapped key), under the newest file. Raises ConfigError when there is none."""
        self._read()
        number = max(self._keys)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return number, nonce + AESGCM(self._keys[number]).encrypt(nonce, data_key, _about(listing_id, number))

    def unwrap(self, number: str, wrapped: bytes | None, listing_id: UUID) -> bytes:
        """The data key. Raises Unreadable when it was destroyed, or its file is not here."""
        if number not in self._keys:
            self._read()
        if wrapped is None or number not in self._keys:
            raise Unreadable
        try:
            return AESGCM(self._keys[number]).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _about(listing_id, number))
        except InvalidTag:
            raise Unreadable from None

    def newest(self) -> str:
        self._read()
        return max(self._keys)

    def _read(self) -> None:
        folder = folder_of(self._settings)
        if not _files(folder):
            if not (self._settings.demo_mode or self._settings.embedded):
                raise ConfigError("there is no documents-0001.key in SUCCESSION_KEYS_DIR: run `succession keys make`")
            make_first(folder)
        self._keys = {number: _key(path) for number, path in _files(folder).items()}


def folder_of(settings: Settings) -> Path:
    """Where the files are: with the ring, apart from the keys that sign, because the API needs these and not those."""
    if settings.keys_dir is None:
        raise ConfigError("SUCCESSION_KEYS_DIR must be set outside demo mode: where the keys of documents are kept")
    return settings.keys_dir / "ring"


def new_data_key() -> bytes:
    return secrets.token_bytes(KEY_BYTES)


def make_next(folder: Path) -> str:
    """Draw the next key-encryption key; returns its number. Who comes second at the first one keeps what is there."""
    for place in (folder.parent, folder):
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    number = f"{max(map(int, _files(folder)), default=0) + 1:04d}"
    draft = folder / f".documents-{os.getpid()}-{secrets.token_hex(4)}"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(secrets.token_hex(KEY_BYTES))
    try:
        os.link(draft, folder / f"documents-{number}.key")  # never replaces
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return number


def make_first(folder: Path) -> list[str]:
    """Draw the first one where there is none; returns the names of files made."""
    return [] if _files(folder) else [f"documents-{make_next(folder)}.key"]


def numbers(folder: Path) -> list[str]:
    """Every key file that is here, the oldest first."""
    return sorted(_files(folder))


def _files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        return {}
    return {found[1]: path for path in folder.iterdir() if (found := _FILE.fullmatch(path.name))}


def _key(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{path.name} in SUCCESSION_KEYS_DIR must be readable by its owner only (chmod 600)")
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigError(f"{path.name} in SUCCESSION_KEYS_DIR holds no key")
    return key


def _about(listing_id: UUID, number: str) -> bytes:
    return b"succession-listing-key:1:" + listing_id.bytes + number.encode()
