"""With which keys does the platform sign, and where are they kept? In a directory apart from the data.

| file           | holds                                             | signs                                        |
|----------------|---------------------------------------------------|----------------------------------------------|
| seal.pem       | ECDSA P-256 private key, its self-signed certificate | PDF documents (PAdES)                        |
| checkpoint.pem | Ed25519 private key                               | checkpoints and case files of the ledger     |
| ring/          | keys under which stored secrets lie               | nothing (key_ring.py, store/wrapping.py)     |
| checkpoint-*.pub | the public keys that signed them so far         |                                              |

Who can write the database must not be able to sign what it says: the directory (SUCCESSION_KEYS_DIR) is given to the worker
and belongs in no backup of the data. `succession keys make` makes what is missing; only a demo or an embedded program does so
by itself.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from cryptography.x509.oid import NameOID

from succession.config import ConfigError, Settings

SEAL, CHECKPOINT = "seal.pem", "checkpoint.pem"
CERTIFICATE_LIFE = timedelta(days=3653)
Key = TypeVar("Key", bound=PrivateKeyTypes)


class Seal(NamedTuple):
    """What documents are sealed with; `certificate` is its own issuer."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def seal(settings: Settings) -> Seal:
    """The key documents are sealed with now. Raises ConfigError when there is none or it is readable by others."""
    pem = _read(settings, SEAL)
    return Seal(_loaded(pem, ec.EllipticCurvePrivateKey, SEAL), x509.load_pem_x509_certificate(pem))


def checkpoint_key(settings: Settings) -> ed25519.Ed25519PrivateKey:
    """The key checkpoints of the ledger are signed with now. Raises ConfigError as `seal` does."""
    return _loaded(_read(settings, CHECKPOINT), ed25519.Ed25519PrivateKey, CHECKPOINT)


def checkpoint_public_keys(settings: Settings) -> dict[str, bytes]:
    """Every key that checkpoints were signed with here, by its id, as 32 bytes. Raises ConfigError as `checkpoint_key` does."""
    now = checkpoint_key(settings).public_key()
    before = [load_pem_public_key(path.read_bytes()) for path in sorted(settings.keys_dir.glob("checkpoint-*.pub"))]
    return {key_id(public): public.public_bytes_raw() for public in (*before, now)}


def key_id(public: PublicKeyTypes) -> str:
    """What tells one key from the next: the first 16 hex digits of the SHA-256 of its public part (DER)."""
    return sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()[:16]


def make(directory: Path, house: str, now: datetime | None = None) -> list[str]:
    """Make what is missing and keep what exists; returns the names made. `house`: whose seal the certificate says it is."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = {SEAL: lambda: _new_seal(house, now or datetime.now(UTC)), CHECKPOINT: lambda: _pem(ed25519.Ed25519PrivateKey.generate())}
    fresh = [name for name, draw in made.items() if not (directory / name).exists() and _keep(directory / name, draw)]
    public = _loaded((directory / CHECKPOINT).read_bytes(), ed25519.Ed25519PrivateKey, CHECKPOINT).public_key()
    kept = directory / f"checkpoint-{key_id(public)}.pub"  # what it signed is checked with it after another one has followed
    if not kept.exists():
        _keep(kept, lambda: public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return fresh


def _read(settings: Settings, name: str) -> bytes:
    directory = settings.keys_dir
    if directory is None:
        raise ConfigError("SUCCESSION_KEYS_DIR must be set outside demo mode: the directory of `succession keys make`")
    path = directory / name
    if not path.exists():
        if not (settings.demo_mode or settings.embedded):
            raise ConfigError(f"there is no {name} in SUCCESSION_KEYS_DIR: run `succession keys make`")
        make(directory, house_of(settings))
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"{name} in SUCCESSION_KEYS_DIR must be readable by its owner only (chmod 600)")
    return path.read_bytes()


def house_of(settings: Settings) -> str:
    """Whose seal it is: the host people see."""
    return settings.public_url.partition("://")[2].partition("/")[0]


def _loaded(pem: bytes, kind: type[Key], name: str) -> Key:
    try:
        key = load_pem_private_key(pem, None)
    except ValueError:
        raise ConfigError(f"{name} in SUCCESSION_KEYS_DIR holds no key that can be read") from None
    if not isinstance(key, kind):
        raise ConfigError(f"{name} in SUCCESSION_KEYS_DIR holds a key of another kind")
    return key


def _pem(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _new_seal(house: str, now: datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"succession seal, {house}"[:64])])
    usage = x509.KeyUsage(True, True, False, False, False, False, False, False, False)  # digital signature, content commitment
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1)).not_valid_after(now + CERTIFICATE_LIFE)
        .add_extension(usage, critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )  # fmt: skip
    return _pem(key) + certificate.public_bytes(Encoding.PEM)


def _keep(path: Path, draw: Callable[[], bytes]) -> bool:
    """Write a file once: processes that start together agree on the first one, since link() never replaces."""
    draft = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(draw())
    try:
        os.link(draft, path)
        return True
    except FileExistsError:
        return False
    finally:
        draft.unlink()
