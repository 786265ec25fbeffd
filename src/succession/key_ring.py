"""Under which key does a stored secret lie, and which keys may still open one? A ring of keys per kind, in files apart from the data.

A kind is one use of keys ("second_factor": secrets of authenticator apps). Of each kind one key is active and seals; retired
keys only open what lies under them until `succession keys rewrap` has moved it; a destroyed key leaves its number and no key.
What is sealed is bound to its place (`bound`), so that a row's secret moved to another row opens nothing.

    keys directory/ring/second_factor-3f9a0c1d.json     {"state": "active", "made_at": ..., "key": ...}
"""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from succession.config import ConfigError, Settings

KEY_BYTES, NONCE_BYTES, ID_BYTES = 32, 12, 4
State = Literal["active", "retired", "destroyed"]

# kind: what lies under its keys. `rewrap.WRAPPED` says in which columns.
KINDS: dict[str, str] = {
    "second_factor": "secrets of authenticator apps",
    "subjects": "keys of persons and companies in the ledger's evidence",
    "backup": "backups, each under a key of its own that lies under this one",
}


class KeyMissing(Exception):
    """What was to be opened lies under a key that is not here, or that was destroyed."""


class RingKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """One key of one kind as its file holds it. `key`: base64, empty once destroyed."""

    id: str
    kind: str
    state: State
    made_at: datetime
    retired_at: datetime | None = None
    destroyed_at: datetime | None = None
    key: str = ""

    def seal(self, plain: bytes, bound: str) -> bytes:
        """AES-256-GCM, bound to kind, key and place."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self.cipher().encrypt(nonce, plain, _bound(self, bound))

    def cipher(self) -> AESGCM:
        if not self.key:
            raise KeyMissing(self.id)
        return AESGCM(base64.b64decode(self.key))


class Ring:
    """The keys of one directory. Read when asked: a key made by a command is known to a running server at its next use."""

    def __init__(self, directory: Path, makes_missing: bool) -> None:
        self.directory, self._makes_missing = directory, makes_missing
        self._read: dict[Path, tuple[int, RingKey]] = {}
        self._known: dict[tuple[str, str], RingKey] = {}  # to open with, without asking the directory each time

    def keys(self, kind: str | None = None) -> list[RingKey]:
        """All keys, or those of one kind, oldest first."""
        found = [self._load(path) for path in sorted(self.directory.glob("*.json"))]
        return sorted((key for key in found if kind in (None, key.kind)), key=lambda key: (key.kind, key.made_at, key.id))

    def active(self, kind: str) -> RingKey:
        """The key that seals now; ConfigError without one, outside a demo."""
        live = [key for key in self.keys(kind) if key.state == "active"]
        if not live and self._makes_missing:
            return self.add(kind)
        if not live:
            raise ConfigError(f"there is no active key for {kind} in SUCCESSION_KEYS_DIR: run `succession keys make`")
        return live[-1]

    def seal(self, kind: str, plain: bytes, bound: str) -> tuple[str, bytes]:
        """(key id, sealed) under the active key."""
        key = self.active(kind)
        return key.id, key.seal(plain, bound)

    def open(self, kind: str, key_id: str, sealed: bytes, bound: str) -> bytes:
        """What was sealed; KeyMissing when its key is gone, or this is not what was sealed here."""
        if (kind, key_id) not in self._known:
            self._known = {(key.kind, key.id): key for key in self.keys()}
        key = self._known.get((kind, key_id))
        if key is None:
            raise KeyMissing(f"{kind} {key_id}")
        try:
            return key.cipher().decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound(key, bound))
        except InvalidTag:
            raise KeyMissing(f"{kind} {key_id}") from None

    # ------------------------------------------------------------ by command only

    def add(self, kind: str) -> RingKey:
        """A new active key; those before it are not touched."""
        if kind not in KINDS:
            raise ConfigError(f"there is no kind of key called {kind}: {', '.join(sorted(KINDS))}")
        for place in (self.directory.parent, self.directory):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = RingKey(secrets.token_hex(ID_BYTES), kind, "active", datetime.now(UTC),
                      key=base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode())
        self._keep(key)
        return key

    def rotate(self, kind: str) -> RingKey:
        """A new active key; the one before it opens from now on and seals nothing."""
        fresh = self.add(kind)
        for key in self.keys(kind):
            if key.state == "active" and key.id != fresh.id:
                self._keep(msgspec.structs.replace(key, state="retired", retired_at=datetime.now(UTC)))
        return fresh

    def destroy(self, key: RingKey) -> None:
        """The key is gone from here; its number stays, so that what still names it can be told from damage."""
        self._known = {}
        self._keep(msgspec.structs.replace(key, state="destroyed", destroyed_at=datetime.now(UTC), key=""))

    # ------------------------------------------------------------ files

    def _path(self, key: RingKey) -> Path:
        return self.directory / f"{key.kind}-{key.id}.json"

    def _keep(self, key: RingKey) -> None:
        """Whole or not at all, and on the disk before it is used: what was sealed under a lost key is lost."""
        path = self._path(key)
        draft = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(msgspec.json.encode(key))
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
        place = os.open(self.directory, os.O_RDONLY)
        os.fsync(place)
        os.close(place)

    def _load(self, path: Path) -> RingKey:
        seen = path.stat()
        if seen.st_mode & 0o077:
            raise ConfigError(f"{path.name} in SUCCESSION_KEYS_DIR must be readable by its owner only (chmod 600)")
        kept = self._read.get(path)
        if kept is None or kept[0] != seen.st_mtime_ns:
            try:
                kept = seen.st_mtime_ns, msgspec.json.decode(path.read_bytes(), type=RingKey)
            except msgspec.DecodeError:
                raise ConfigError(f"{path.name} in SUCCESSION_KEYS_DIR cannot be read") from None
            self._read[path] = kept
        return kept[1]


_rings: dict[Path, Ring] = {}


def ring_of(settings: Settings) -> Ring:
    """The ring of this process's keys directory; ConfigError when there is none."""
    if settings.keys_dir is None:
        raise ConfigError("SUCCESSION_KEYS_DIR must be set outside demo mode: the directory of `succession keys make`")
    directory = settings.keys_dir / "ring"
    if directory not in _rings:
        _rings[directory] = Ring(directory, settings.demo_mode or settings.embedded)
    return _rings[directory]


def check_directory(settings: Settings) -> None:
    """Outside a demo: the keys directory is there, nobody else's to enter, and apart from the data. ConfigError otherwise."""
    if settings.demo_mode or settings.embedded:
        return
    place = settings.keys_dir
    if place is None or not place.is_dir():
        raise ConfigError("SUCCESSION_KEYS_DIR must name the directory of `succession keys make` (mkdir -m 700)")
    if place.stat().st_mode & 0o077:
        raise ConfigError("the directory SUCCESSION_KEYS_DIR names must be its owner's alone (chmod 700)")
    if place.resolve().is_relative_to(settings.data_dir.resolve()):
        raise ConfigError("SUCCESSION_KEYS_DIR must lie apart from the data, not inside SUCCESSION_DATA_DIR: a copy of the data holds no key")


def make_missing(ring: Ring, kinds: Iterable[str] = KINDS) -> list[RingKey]:
    """An active key for every kind that has none; returns those made."""
    return [ring.add(kind) for kind in kinds if not any(key.state == "active" for key in ring.keys(kind))]


def _bound(key: RingKey, place: str) -> bytes:
    return f"{key.kind}\n{key.id}\n{place}".encode()
