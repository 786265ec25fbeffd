"""Is there a backup, and does it come back? Sealed when it is made, restored beside the present database when it is drilled."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import sys
from pathlib import Path

from succession.commands import sealed_backup
from succession.commands.backup_documents import SAMPLE
from succession.config import Settings
from succession.embedded_files import EmbeddedError, wheel_programs
from succession.key_ring import ring_of
from succession.migrations import files


def run(arguments: list[str]) -> int:
    """`succession backup create --to DIR`, `succession backup drill --from DIR/backup-...`.

    Exit status: 0 done and, for a drill, equal in everything; 1 not; 2 wrong call. Documents lie in their own store, whose backup is the
    store's: a drill looks whether each is there, and opens a few with the keys that came back.
    """
    parser = argparse.ArgumentParser(prog="succession backup")
    commands = parser.add_subparsers(dest="what", required=True)
    commands.add_parser("create", help="write a sealed backup").add_argument("--to", type=Path, required=True)
    drilled = commands.add_parser("drill", help="restore one beside the database, compare, open documents, drop it")
    drilled.add_argument("--from", dest="place", type=Path, required=True)
    drilled.add_argument("--documents", type=int, default=SAMPLE, help="how many are opened to their last byte, drawn by lot")
    chosen = parser.parse_args(arguments)
    settings = Settings.from_env()
    if settings.database_url is None:
        print("DATABASE_URL is not set.", file=sys.stderr)
        return 2
    ring = ring_of(settings)
    try:
        if chosen.what == "create":
            asyncio.run(sealed_backup.make(settings.database_url, ring, chosen.to, sealed_backup.program("pg_dump", _bundled())))
            return 0
        known = {path.name: hashlib.sha256(path.read_text(encoding="utf-8").encode()).hexdigest() for path in files()}
        found = asyncio.run(sealed_backup.drill(settings, chosen.place, sealed_backup.program("pg_restore", _bundled()), known,
                                          sample=chosen.documents))
    except sealed_backup.BackupError as error:
        print(error, file=sys.stderr)
        return 1
    for difference in found:
        print(difference)
    return 1 if found else 0


def _bundled() -> Path | None:
    """The programs of the embedded server: of the newest PostgreSQL we start ourselves."""
    try:
        return wheel_programs()
    except EmbeddedError:
        return None
