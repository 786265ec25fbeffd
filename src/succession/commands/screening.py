"""Which lists are buyers screened against? Opened and brought to new versions by whoever holds the owner's database address."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import asyncpg

from succession.anonymity.sources.source_file import ImportRefused, examine
from succession.config import Settings
from succession.days import day_in_japan
from succession.disclosure.lists.reading import FORMATS, read_list
from succession.disclosure.lists.records import Reading
from succession.disclosure.lists.store import (
    Difference,
    Imported,
    VersionFacts,
    difference,
    lock_list,
    refuse_known,
    refuse_shrinking,
    store_version,
)
from succession.errors import PROBLEMS, Problem
from succession.i18n import negotiate, translate
from succession.progress import bar

KINDS = ("sanctions", "end_user", "bad_buyer", "internal")
SHOWN_MOST = 20
READ, COMPARED, STORED = 1, 2, 3  # steps of an import, for whoever watches


def run(arguments: list[str]) -> int:
    """`succession screening import FILE --list CODE ...`, `open CODE ...` or `lists`.

    Exit status: 0 done, 1 refused, 2 wrong call.
    """
    try:
        asked = _parser().parse_args(arguments)
    except SystemExit as stop:
        return 0 if stop.code == 0 else 2
    settings = Settings.from_env()
    if settings.database_url is None:
        print("DATABASE_URL is not set.", file=sys.stderr)
        return 2
    try:
        match asked.command:
            case "import":
                return asyncio.run(_import(settings.database_url, asked))
            case "open":
                return asyncio.run(_open(settings.database_url, asked))
        return asyncio.run(_show(settings.database_url))
    except Problem as refused:
        print(f"{translate(PROBLEMS[refused.code][1], _locale())} {refused.extra or ''}".rstrip(), file=sys.stderr)
        return 1
    except (ImportRefused, OSError, argparse.ArgumentTypeError) as refused:
        told = translate(refused.message, _locale()) if isinstance(refused, ImportRefused) else str(refused)
        print(f"{getattr(asked, 'file', '')}: {told}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="succession screening", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    importing = commands.add_parser("import", help="a new version of a list from a file: CSV (UTF-8 or Shift_JIS) or XML")
    importing.add_argument("file", type=Path)
    importing.add_argument("--list", required=True, dest="code", metavar="CODE")
    importing.add_argument("--format", choices=FORMATS, help="default: csv for .csv; XML has to be named")
    importing.add_argument("--label", help="what the publisher calls this version; default the day it is of")
    importing.add_argument("--as-of", type=date.fromisoformat, metavar="YYYY-MM-DD", help="where the file does not say of which day it is")
    importing.add_argument("--map", action="append", default=[], type=_pair, metavar="FIELD=HEADING", help="may be repeated; for generic_xml a path")
    importing.add_argument("--mapping", type=Path, metavar="FILE", help="lines of FIELD=HEADING; # begins a comment")
    importing.add_argument("--persons", action="store_true", help="rows of a CSV without a kind are persons, not organisations")
    importing.add_argument("--anyway", action="store_true", help="more than half of the list may be gone")
    importing.add_argument("--dry-run", action="store_true", help="read, compare and report; store nothing")
    opening = commands.add_parser("open", help="a list, without entries yet")
    opening.add_argument("code")
    opening.add_argument("--kind", choices=KINDS, required=True)
    for name in ("title-ja", "title-en", "source", "terms"):
        opening.add_argument(f"--{name}", required=True)
    opening.add_argument("--licensed-only", action="store_true", help="always so for bad_buyer")
    commands.add_parser("lists", help="the lists and their newest versions")
    return parser


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in text.partition("="))
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not FIELD=HEADING")
    return name, value


def _mapping(asked: argparse.Namespace) -> dict[str, str]:
    lines = asked.mapping.read_text(encoding=examine(asked.mapping).encoding).splitlines() if asked.mapping else []
    return dict([*(_pair(line) for line in lines if line.strip() and not line.startswith("#")), *asked.map])


async def _import(owner_url: str, asked: argparse.Namespace) -> int:
    format_ = asked.format or ("csv" if asked.file.suffix.lower() == ".csv" else None)
    if format_ is None:
        print(f"--format says which: {', '.join(FORMATS)}", file=sys.stderr)
        return 2
    progress = bar("list      ")
    reading = read_list(asked.file, format_, _mapping(asked), "person" if asked.persons else "organisation")
    progress(READ, STORED)
    as_of = asked.as_of or reading.as_of
    print("\n".join(reading_lines(reading)))
    if as_of is None or as_of > day_in_japan(datetime.now(UTC)) or not reading.records:
        print("no usable entry" if not reading.records else "--as-of: the day of the list, not one to come")
        return 1
    with asked.file.open("rb") as file:
        file_hash = hashlib.file_digest(file, "sha256").digest()
    connection = await asyncpg.connect(owner_url, timeout=10)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL ROLE succession_seeder")
            await lock_list(connection, asked.code)
            await refuse_known(connection, asked.code, file_hash)
            change = await difference(connection, asked.code, reading.records)
            progress(COMPARED, STORED)
            print(difference_line(change))
            if not asked.anyway:
                refuse_shrinking(change)
            if asked.dry_run:
                progress(STORED, STORED)
                print("dry run: nothing was stored")
                return 0
            facts = VersionFacts(asked.label or as_of.isoformat(), as_of, format_, asked.file.name[:200], file_hash, None)
            made = await store_version(connection, asked.code, change, facts, uuid4)
            await _audit(connection, asked.code, made)
            progress(STORED, STORED)
    finally:
        await connection.close()
    print(f"{asked.code}: version {made.number}, {made.entries:,} entries; deals under way are looked at again by the worker")
    return 0


async def _audit(connection: asyncpg.Connection, code: str, made: Imported) -> None:
    await connection.execute("INSERT INTO vault.audit_event (actor_kind, action, object_id, detail) VALUES ('system', 'list_imported', $1, "
                             "jsonb_build_object('version', $2::int, 'entries', $3::int))", code, made.number, made.entries)


def reading_lines(reading: Reading) -> list[str]:
    """What was read, and what was not, in words."""
    locale = _locale()
    lines = [f"{len(reading.records):,} entries read, {len(reading.left):,} left out"]
    lines += [f"  {column:<12}{heading}" for column, heading in reading.columns.items()]
    lines += [f"  {each.where}: {translate(each.reason, locale)}" for each in reading.left[:SHOWN_MOST]]
    lines += [f"  {count:,} of kind {word!r}: neither a person nor an organisation" for word, count in reading.skipped.most_common(SHOWN_MOST)]
    lines += [f"  country not known: {word!r} ({count:,})" for word, count in reading.unknown_countries.most_common(SHOWN_MOST)]
    return lines


def difference_line(change: Difference) -> str:
    return (f"{change.before:,} entries before, {change.after:,} after: {change.new:,} new, {change.removed:,} gone, {change.changed:,} rewritten")


async def _open(owner_url: str, asked: argparse.Namespace) -> int:
    connection = await asyncpg.connect(owner_url, timeout=10)
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL ROLE succession_seeder")
            await connection.execute(
                "INSERT INTO vault.screening_list (code, kind, title_ja, title_en, source, terms, licensed_only) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                asked.code, asked.kind, asked.title_ja, asked.title_en, asked.source, asked.terms, asked.licensed_only or asked.kind == "bad_buyer")
    except asyncpg.IntegrityConstraintViolationError as refused:
        print(f"{asked.code}: {refused.constraint_name or 'refused'}", file=sys.stderr)
        return 1
    finally:
        await connection.close()
    print(f"{asked.code}: opened")
    return 0


async def _show(owner_url: str) -> int:
    connection = await asyncpg.connect(owner_url, timeout=10)
    try:
        await connection.execute("SET ROLE succession_seeder")
        rows = await connection.fetch(
            "SELECT l.code, l.kind, l.licensed_only, v.number, v.label, v.as_of, v.entries FROM vault.screening_list l LEFT JOIN LATERAL ("
            "SELECT * FROM vault.screening_list_version x WHERE x.list_code = l.code ORDER BY number DESC LIMIT 1) v ON true ORDER BY l.code")
    finally:
        await connection.close()
    for row in rows:
        newest = f"version {row['number']} ({row['label']}, of {row['as_of']}), {row['entries']:,} entries" if row["number"] else "no version yet"
        print(f"{row['code']:<24}{row['kind']:<11}{'licensed members  ' if row['licensed_only'] else ''}{newest}")
    if not rows:
        print("no list yet")
    return 0


def _locale() -> str:
    said = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return negotiate(said.split(".")[0].replace("_", "-"))
