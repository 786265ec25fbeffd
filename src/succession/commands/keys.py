"""Which keys are there, how is one changed, and when is an old one gone? In the directory that SUCCESSION_KEYS_DIR names.

Nothing secret is printed. Keys that seal what is stored are rotated in three steps, each by itself, each again and again without
harm: `rotate` makes a new one, `rewrap` moves what lies under the old one, `destroy` ends the old one when nothing lies under it.
Keys that sign have one step: their public part stays, so that what they signed can be checked for good.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

import asyncpg
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from succession import keys
from succession.commands.rewrap import rewrap, under
from succession.commands.root_key import previous_key
from succession.config import ConfigError, Settings
from succession.key_ring import KINDS, KeyMissing, Ring, check_directory, make_missing, ring_of
from succession.store import wrapping
from succession.store.frames import Unreadable

SIGNING = ("seal", "checkpoint")
DOCUMENTS = "documents"
ROTATED = (*SIGNING, DOCUMENTS, *KINDS)


class KeysError(Exception):
    """Why nothing was changed, in words for who typed the command."""


def run(arguments: list[str]) -> int:
    """`succession keys make|show|list`, `rotate KIND`, `rewrap`, `destroy KIND NUMBER`. Exit status: 0 done, 1 not, 2 wrong call."""
    parser = argparse.ArgumentParser(prog="succession keys")
    commands = parser.add_subparsers(dest="what", required=True)
    commands.add_parser("make", help="make what is missing")
    commands.add_parser("show", help="what signs today")
    commands.add_parser("list", help="every key, its state, and how much lies under it")
    commands.add_parser("rotate", help="a new key; the old one opens or proves, and seals and signs no more").add_argument("kind", choices=ROTATED)
    commands.add_parser("rewrap", help="move what lies under old keys under the present ones; can be cut off and run again")
    destroy = commands.add_parser("destroy", help="end a key under which nothing lies")
    destroy.add_argument("kind", choices=(DOCUMENTS, *KINDS))
    destroy.add_argument("number")
    destroy.add_argument("--backups-too", action="store_true", help="of kind backup: every backup sealed under it is lost")
    chosen = parser.parse_args(arguments)
    settings = Settings.from_env()
    if settings.keys_dir is None:
        raise ConfigError("SUCCESSION_KEYS_DIR must be set: a directory apart from the data")
    check_directory(settings)
    try:
        return _do(settings, chosen)
    except KeysError as refused:
        print(refused, file=sys.stderr)
    except (KeyMissing, Unreadable) as missing:
        print(f"a row lies under a key that is not here: {missing}", file=sys.stderr)
    return 1


def _do(settings: Settings, chosen: argparse.Namespace) -> int:
    if chosen.what == "make":
        made = keys.make(settings.keys_dir, keys.house_of(settings)) + wrapping.make_first(wrapping.folder_of(settings))
        made += [f"ring/{key.kind}-{key.id}" for key in make_missing(ring_of(settings))]
        print(f"made: {', '.join(made)}" if made else "nothing was missing")
        _show(settings)
    elif chosen.what == "show":
        _show(settings)
    elif chosen.what == "list":
        _show(settings)
        for line in asyncio.run(_with_database(settings, lambda connection: _listed(connection, settings))):
            print(line)
    elif chosen.what == "rotate":
        print(_rotate(settings, chosen.kind))
    elif chosen.what == "rewrap":
        moved = asyncio.run(_with_database(settings, lambda connection: rewrap(connection, settings, print)))
        print(f"{moved} moved; nothing lies under an old key any more")
    else:
        asyncio.run(_with_database(settings, lambda connection: _destroy(connection, settings, chosen)))
        print(f"{chosen.kind} {chosen.number} was destroyed")
    return 0


def _show(settings: Settings) -> None:
    sealing, checkpoint = keys.seal(settings), keys.checkpoint_key(settings)
    print(f"seal        {keys.key_id(sealing.key.public_key())}  until {sealing.certificate.not_valid_after_utc:%Y-%m-%d}")
    print(f"checkpoint  {keys.key_id(checkpoint.public_key())}")


# ---------------------------------------------------------------- listing


async def _with_database(settings: Settings, work: object) -> object:
    """Past row-level security, as commands do."""
    if settings.database_url is None:
        raise KeysError("DATABASE_URL is not set")
    connection = await asyncpg.connect(settings.database_url, timeout=10)
    try:
        await connection.execute("SET ROLE succession_seeder")
        return await work(connection)
    finally:
        await connection.close()


async def _listed(connection: asyncpg.Connection, settings: Settings) -> list[str]:
    lines = []
    for kind, what in KINDS.items():
        rows = await under(connection, kind)
        lines += [f"{kind:<14}{key.id}  {key.state:<10}made {key.made_at:%Y-%m-%d}  {rows.get(key.id, 0)} under it ({what})"
                  for key in ring_of(settings).keys(kind)]
    lines += await previous_key(connection, settings)
    rows, newest = await under(connection, DOCUMENTS), wrapping.Wrapping(settings).newest()
    return lines + [f"{DOCUMENTS:<14}{number}      {'active' if number == newest else 'retired':<10}{rows.get(number, 0)} under it (keys of listings)"
                    for number in wrapping.numbers(wrapping.folder_of(settings))]


# ---------------------------------------------------------------- changing


def _rotate(settings: Settings, kind: str) -> str:
    if kind == DOCUMENTS:
        return f"documents {wrapping.make_next(wrapping.folder_of(settings))} is active; now: succession keys rewrap"
    if kind in KINDS:
        return f"{kind} {ring_of(settings).rotate(kind).id} is active; now: succession keys rewrap"
    return _rotate_signing(settings, kind)


def _rotate_signing(settings: Settings, kind: str) -> str:
    """What proves the old signatures is kept beside; the old private key is gone. Documents carry the seal's certificate themselves."""
    directory: Path = settings.keys_dir
    if kind == "seal":
        old = keys.seal(settings)
        kept, content = f"seal-{keys.key_id(old.key.public_key())}.crt", old.certificate.public_bytes(Encoding.PEM)
    else:
        public = keys.checkpoint_key(settings).public_key()
        kept, content = f"checkpoint-{keys.key_id(public)}.pub", public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if not (directory / kept).exists():
        (directory / kept).write_bytes(content)
        (directory / kept).chmod(0o600)
    (directory / f"{kind}.pem").unlink()
    keys.make(directory, keys.house_of(settings))
    return f"{kind} was changed; {kept} proves what the old one signed"


async def _destroy(connection: asyncpg.Connection, settings: Settings, chosen: argparse.Namespace) -> None:
    rows = (await under(connection, chosen.kind)).get(chosen.number, 0)
    if rows:
        raise KeysError(f"{rows} rows lie under {chosen.kind} {chosen.number}: run `succession keys rewrap` first")
    if chosen.kind == DOCUMENTS:
        if chosen.number == wrapping.Wrapping(settings).newest() or chosen.number not in wrapping.numbers(wrapping.folder_of(settings)):
            raise KeysError(f"documents {chosen.number} is the present one, or is not here")
        (wrapping.folder_of(settings) / f"documents-{chosen.number}.key").unlink()
        return
    if chosen.kind == "backup" and not chosen.backups_too:
        raise KeysError("backups lie outside the database: --backups-too says that those under this key may be lost")
    ring: Ring = ring_of(settings)
    key = next((key for key in ring.keys(chosen.kind) if key.id == chosen.number), None)
    if key is None or key.state != "retired":
        raise KeysError(f"{chosen.kind} {chosen.number} is {key.state if key else 'not here'}: only a retired key is destroyed")
    ring.destroy(key)
