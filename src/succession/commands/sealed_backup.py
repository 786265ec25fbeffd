"""What is in a backup, how is it sealed, and does it come back? `make` writes one, `drill` restores it somewhere else and proves it.

    backup-20261130T221500Z/
        manifest.json     what is in it: hashes, counts of every table, heads of every ledger, numbers of keys. No key, no name
        database.sealed   pg_dump in custom format, in frames of AES-256-GCM under a key drawn for this backup

The backup's own key lies in the manifest under the "backup" key of the ring, which no backup holds: whoever steals a backup has bytes.
The manifest carries a keyed hash of itself, so that one that was edited is found before anything is restored.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit
from uuid import UUID

import asyncpg
import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from succession.commands.backup_documents import SAMPLE, check_documents, swept
from succession.config import Settings
from succession.disclosure.checkpoints import check_checkpoints
from succession.disclosure.ledger_check import check_snapshot
from succession.key_ring import KeyMissing, Ring, ring_of
from succession.keys import checkpoint_public_keys

FRAME_BYTES = 1 << 20
NONCE_BYTES, TAG_BYTES = 12, 16
DUMP_TIMEOUT_S = 6 * 3600
Report = Callable[[str], None]


class BackupError(Exception):
    """Why there is no backup, or why this one does not come back, in words for who typed the command."""


class Manifest(msgspec.Struct, kw_only=True):
    """`tables`: rows by table; `heads`: last hash of each ledger by listing; `objects`: what lies sealed in the document store, by its name there."""

    made_at: datetime
    postgres: str
    migrations: dict[str, str]
    tables: dict[str, int]
    heads: dict[str, str]
    objects: list[str]
    keys: list[str]
    dump_bytes: int
    dump_sha256: str
    sealed_sha256: str
    key_id: str
    sealed_key: str
    mac: str = ""


# ---------------------------------------------------------------- programs


def program(name: str, bundled: Path | None) -> Path:
    """pg_dump or pg_restore: of the system, or the one that comes with the embedded server. BackupError says what is missing."""
    if bundled is not None and (bundled / name).is_file():
        return bundled / name
    found = shutil.which(name)
    if found is None:
        raise BackupError(f"{name} is not installed: it comes with PostgreSQL's client programs, or with succession[embedded]")
    return Path(found)


def _environ(url: str) -> tuple[list[str], dict[str, str]]:
    """Address without the password, and the environment that carries it: a command line can be read by others."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    user, _sep, password = parts.netloc.rpartition("@")[0].partition(":")
    host = parts.netloc.rpartition("@")[2]
    address = urlunsplit((parts.scheme, f"{user}@{host}" if user else host, parts.path, parts.query, ""))
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ} | {"LC_ALL": "C", "TZ": "UTC"}
    secret = unquote(password) or next(iter(query.get("password", [])), "")
    return [f"--dbname={address}"], kept | ({"PGPASSWORD": secret} if secret else {})


# ---------------------------------------------------------------- making one


async def make(url: str, ring: Ring, directory: Path, dump: Path, report: Report = print) -> Path:
    """A backup of the database in a directory of its own below `directory`; returns it. BackupError when it cannot be made.

    Everything counted is of one snapshot, the one that is dumped."""
    started, now = time.monotonic(), datetime.now(UTC)
    place = directory / f"backup-{now:%Y%m%dT%H%M%SZ}"
    directory.mkdir(parents=True, exist_ok=True)
    place.mkdir(mode=0o700)
    connection = await asyncpg.connect(url, timeout=10)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            facts = await facts_of(connection)
            report(f"counted {sum(facts['tables'].values())} rows of {len(facts['tables'])} tables, {len(facts['heads'])} ledgers")
            key = secrets.token_bytes(32)
            key_id, sealed_key = ring.seal("backup", key, now.isoformat())
            sealed = place / "database.sealed"
            size, plain_hash, sealed_hash = _dump(url, dump, snapshot, key, sealed)
    finally:
        await connection.close()
    manifest = Manifest(
        made_at=now, **facts, keys=sorted(f"{each.kind}-{each.id} {each.state}" for each in ring.keys()), dump_bytes=size,
        dump_sha256=plain_hash, sealed_sha256=sealed_hash, key_id=key_id, sealed_key=sealed_key.hex())
    manifest.mac = _mac(manifest, key)
    with os.fdopen(os.open(place / "manifest.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    report(f"{place.name}: {size} bytes, sealed under key backup-{key_id}, in {time.monotonic() - started:.1f} s")
    return place


def _dump(url: str, dump: Path, snapshot: str, key: bytes, into: Path) -> tuple[int, str, str]:
    """(bytes, sha256 of the dump, sha256 of what was written). Nothing unsealed ever lies on a disk."""
    address, environ = _environ(url)
    argv = [str(dump), *address, "--format=custom", f"--snapshot={snapshot}", "--no-password"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ) as running:
        with os.fdopen(os.open(into, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            size, plain_hash, sealed_hash = _seal_stream(running.stdout, stream, key)
            stream.flush()
            os.fsync(stream.fileno())
        complaint = running.stderr.read().decode(errors="replace").strip().splitlines()
        if running.wait(DUMP_TIMEOUT_S) != 0:
            raise BackupError(f"pg_dump failed: {complaint[-1] if complaint else 'without a word'}")
    return size, plain_hash, sealed_hash


def _seal_stream(source: BinaryIO, target: BinaryIO, key: bytes) -> tuple[int, str, str]:
    cipher, plain, sealed, size, number = AESGCM(key), hashlib.sha256(), hashlib.sha256(), 0, 0
    frame = source.read(FRAME_BYTES)
    while True:
        following = source.read(FRAME_BYTES) if frame else b""
        nonce = secrets.token_bytes(NONCE_BYTES)
        # Each frame knows its place and whether it is the last: none can be cut off, doubled or moved.
        part = nonce + cipher.encrypt(nonce, frame, _place(number, not following))
        target.write(part)
        plain.update(frame)
        sealed.update(part)
        size, number = size + len(frame), number + 1
        if not following:
            return size, plain.hexdigest(), sealed.hexdigest()
        frame = following


def _opened(path: Path, key: bytes) -> Iterator[bytes]:
    cipher, number, whole = AESGCM(key), 0, NONCE_BYTES + FRAME_BYTES + TAG_BYTES
    with path.open("rb") as stream:
        part = stream.read(whole)
        while part:
            following = stream.read(whole)
            try:
                yield cipher.decrypt(part[:NONCE_BYTES], part[NONCE_BYTES:], _place(number, not following))
            except InvalidTag:
                raise BackupError(f"database.sealed was altered or cut off at frame {number}") from None
            part, number = following, number + 1


def _place(number: int, last: bool) -> bytes:
    return f"succession backup frame {number} {'last' if last else 'more'}".encode()


def _mac(manifest: Manifest, key: bytes) -> str:
    told = msgspec.json.encode(msgspec.structs.replace(manifest, mac=""), order="sorted")
    return hmac.new(key, b"succession backup manifest\n" + told, "sha256").hexdigest()


# ---------------------------------------------------------------- what is true of a database

_TABLES = """SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('vault', 'market', 'ops') AND c.relkind = 'r' ORDER BY 1"""
_STORED = "SELECT id::text, purpose FROM vault.store_object WHERE deleted_at IS NULL AND purpose = 'document' ORDER BY id"


async def facts_of(connection: asyncpg.Connection) -> dict[str, Any]:
    """Counts of every table, heads of every ledger, documents, migrations: what a restored database must be equal in."""
    await connection.execute("SET LOCAL row_security = off")  # the owner looks past it; one that does not is refused, not shown less
    names = [row["name"] for row in await connection.fetch(_TABLES)]
    had = await connection.fetch("SELECT name, encode(hash, 'hex') AS hash FROM public.schema_migration ORDER BY name")
    return {
        "postgres": await connection.fetchval("SHOW server_version"),
        "migrations": {row["name"]: row["hash"] for row in had},
        "tables": {name: await connection.fetchval(f"SELECT count(*) FROM {name}") for name in names},
        "heads": {str(row["listing_id"]): row["hash"] for row in await connection.fetch(
            "SELECT listing_id, encode(hash, 'hex') AS hash FROM vault.ledger_head ORDER BY listing_id")},
        "objects": [row["id"] for row in await connection.fetch(_STORED)],
    }


# ---------------------------------------------------------------- the drill


async def drill(settings: Settings, place: Path, restore: Path, migrations: dict[str, str], report: Report = print,
                sample: int = SAMPLE) -> list[str]:
    """Restore into a database of its own beside the present one, prove it, drop it; returns what differs, [] when all is well.

    Raises BackupError when the backup cannot be read at all. `migrations`: those of this program, by name, with their hash; `sample`:
    how many documents are opened with what came back."""
    started = time.monotonic()
    manifest, key = read_manifest(ring_of(settings), place)
    report(f"{place.name} of {manifest.made_at:%Y-%m-%d %H:%M} UTC: the manifest is what was written")
    _check_bytes(place, manifest)
    scratch = f"succession_drill_{secrets.token_hex(6)}"
    owner = await asyncpg.connect(settings.database_url, timeout=10)
    try:
        try:
            await owner.execute(f"CREATE DATABASE \"{scratch}\" TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER builtin LOCALE 'C.UTF-8'")
            scratch_url = urlunsplit(urlsplit(settings.database_url)._replace(path=f"/{scratch}"))
            await _restore(scratch_url, restore, place / "database.sealed", key, manifest)
            report(f"restored in {time.monotonic() - started:.1f} s")
            found = await _compared(scratch_url, settings, manifest, migrations, report, sample, await swept(owner))
        except asyncpg.InsufficientPrivilegeError:
            raise BackupError("the owner of DATABASE_URL may not create a database beside: a drill needs CREATEDB") from None
        finally:
            await owner.execute(f'DROP DATABASE IF EXISTS "{scratch}" WITH (FORCE)')
    finally:
        await owner.close()
    report(f"drill took {time.monotonic() - started:.1f} s; the restored database was dropped")
    return found


def read_manifest(ring: Ring, place: Path) -> tuple[Manifest, bytes]:
    """(manifest, the backup's own key). BackupError when it cannot be read, was altered, or its key is not on this ring."""
    try:
        manifest = msgspec.json.decode((place / "manifest.json").read_bytes(), type=Manifest)
        key = ring.open("backup", manifest.key_id, bytes.fromhex(manifest.sealed_key), manifest.made_at.isoformat())
    except KeyMissing:
        raise BackupError("the key this backup lies under is not on the ring, or the manifest was altered") from None
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise BackupError(f"manifest.json cannot be read: {type(error).__name__}") from None
    if not hmac.compare_digest(manifest.mac, _mac(manifest, key)):
        raise BackupError("manifest.json was altered")
    return manifest, key


def _check_bytes(place: Path, manifest: Manifest) -> None:
    found = hashlib.sha256()
    try:
        with (place / "database.sealed").open("rb") as stream:
            while part := stream.read(FRAME_BYTES):
                found.update(part)
    except OSError as error:
        raise BackupError(f"database.sealed cannot be read: {type(error).__name__}") from None
    if found.hexdigest() != manifest.sealed_sha256:
        raise BackupError("database.sealed is not what the manifest says: it was altered or cut off")


# A function is given to the definer while it may not yet create anything there: what it may comes last in a dump. So the schemas are
# made first, with that right, and their entries passed over.
_SCHEMAS = """CREATE SCHEMA vault; CREATE SCHEMA market; CREATE SCHEMA ops;
GRANT USAGE, CREATE ON SCHEMA vault, market, ops TO succession_definer, succession_purger;"""
_SCHEMA_ENTRY = re.compile(rb"^\d+; \d+ \d+ SCHEMA - (vault|market|ops) ")


async def _restore(url: str, restore: Path, sealed: Path, key: bytes, manifest: Manifest) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(_SCHEMAS)
    finally:
        await connection.close()
    entries = _fed([str(restore), "--list"], _environ(url)[1], sealed, key, manifest)
    with tempfile.NamedTemporaryFile(prefix="succession-drill-") as chosen:  # names of tables, nothing of their rows
        chosen.write(b"\n".join(line for line in entries.splitlines() if not _SCHEMA_ENTRY.match(line)))
        chosen.flush()
        address, environ = _environ(url)
        _fed([str(restore), *address, "--no-password", "--exit-on-error", "--single-transaction", f"--use-list={chosen.name}"],
             environ, sealed, key, manifest)


def _fed(argv: list[str], environ: dict[str, str], sealed: Path, key: bytes, manifest: Manifest) -> bytes:
    """What pg_restore says of the dump that is poured into it, unsealed on the way. It may stop reading before the end; the dump is
    read to its end all the same, and is the one that was made or nothing."""
    digest, listening = hashlib.sha256(), True
    with tempfile.TemporaryFile() as said, subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=said, stderr=subprocess.PIPE, env=environ) as running:
        try:
            for part in _opened(sealed, key):
                digest.update(part)
                try:
                    if listening:
                        running.stdin.write(part)
                except BrokenPipeError:
                    listening = False
        finally:
            with contextlib.suppress(BrokenPipeError):
                running.stdin.close()
        complaint = running.stderr.read().decode(errors="replace").strip().splitlines()
        if running.wait(DUMP_TIMEOUT_S) != 0:
            raise BackupError("pg_restore failed: " + (" | ".join(complaint[:3]) or "without a word"))
        said.seek(0)
        told = said.read()
    if digest.hexdigest() != manifest.dump_sha256:
        raise BackupError("the dump is not the one that was made")
    return told


async def _compared(url: str, settings: Settings, manifest: Manifest, migrations: dict[str, str], report: Report,
                    sample: int, gone: frozenset[UUID]) -> list[str]:
    """Every difference between the restored database and the manifest, in words, every ledger that does not hold, and every checkpoint."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            facts = await facts_of(connection)
            checked = await check_snapshot(connection, None, {}, settings)
            flaws = await check_checkpoints(connection, checkpoint_public_keys(settings))
            unopened = await check_documents(connection, settings, sample, gone, report)
    finally:
        await connection.close()
    found = [f"table {name}: {facts['tables'].get(name, 'absent')} rows, {rows} in the manifest"
             for name, rows in manifest.tables.items() if facts["tables"].get(name) != rows]
    found += [f"ledger of listing {listing} ends otherwise than when it was backed up"
              for listing, head in manifest.heads.items() if facts["heads"].get(listing) != head]
    found += [f"listing {broken.listing_id}: entry {broken.seq}: {broken.flaw}" for broken in checked.breaks]
    found += [f"checkpoint {flaw.seq}: {flaw.flaw}" for flaw in flaws]
    if facts["objects"] != manifest.objects:
        found.append("the documents entered are not those of the manifest")
    found += [f"migration {name} is not the one this program has" for name, digest in facts["migrations"].items()
              if migrations.get(name) != digest]
    report(f"{len(facts['tables'])} tables, {sum(facts['tables'].values())} rows, {checked.listings} ledgers with {checked.entries} entries: "
           + ("every count and every link holds" if not found else f"{len(found)} differences"))
    return found + unopened
