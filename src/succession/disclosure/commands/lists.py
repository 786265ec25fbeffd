"""How are the lists kept: opened, brought to a new version, licensed to members? Only by the operator."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.anonymity.sources.source_file import ImportRefused
from succession.database import driver
from succession.days import day_in_japan
from succession.disclosure.lists.reading import Format, read_bytes
from succession.disclosure.lists.records import ListRecord, Reading, Refused, make_record
from succession.disclosure.lists.store import (
    Difference,
    VersionFacts,
    difference,
    hash_of,
    lock_list,
    refuse_known,
    refuse_shrinking,
    store_version,
)
from succession.errors import Problem, field_problem
from succession.i18n import Message, _, translate
from succession.outbox import record

SENT_BYTES_MOST = 5 * 2**20  # longer lists by command
_OPEN = text("INSERT INTO vault.screening_list (code, kind, title_ja, title_en, source, terms, licensed_only, created_by) "
             "VALUES (:code, :kind, :title_ja, :title_en, :source, :terms, :licensed_only, :member)")


async def open_list(tx: AsyncSession, actor: Actor, told: msgspec.Struct) -> None:
    """A list without entries yet; Problem list_exists. An industry list is for licensed members, whatever is said."""
    row = msgspec.structs.asdict(told)
    row["licensed_only"] = row["licensed_only"] or row["kind"] == "bad_buyer"
    await tx.execute(_OPEN, row | {"member": actor.member_id})
    await record(tx, "list_opened", row["code"], kind=row["kind"])


_RETIRE = text("UPDATE vault.screening_list SET retired_at = now() WHERE code = :code AND retired_at IS NULL")


async def retire_list(tx: AsyncSession, code: str) -> None:
    """Nobody consults it from now on; its versions stay, as runs that consulted them do. Problem not_found."""
    if (await tx.execute(_RETIRE, {"code": code})).rowcount == 0:
        raise Problem("not_found")
    await record(tx, "list_retired", code)


class Report(msgspec.Struct):
    """What a file holds and what it changes; `version` is null for a dry run."""

    version: int | None
    entries: int
    added: int
    removed: int
    changed: int
    left_out: int
    left_out_examples: list[str]
    skipped: dict[str, int]
    unknown_countries: dict[str, int]
    columns: dict[str, str]


async def import_list(tx: AsyncSession, actor: Actor, code: str, format_: Format, content: str, mapping: Mapping[str, str], label: str,
                      as_of: date | None, file_name: str | None, anyway: bool, dry_run: bool, locale: str) -> Report:
    """A new version from a whole file, sent as base64. Problem import_broken, list_known, list_shrinks, validation."""
    try:
        raw = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise field_problem("content_base64", Message.of(_("This is not base64."))) from None
    if len(raw) > SENT_BYTES_MOST:
        raise Problem("body_too_large")
    try:
        reading = await asyncio.to_thread(read_bytes, raw, format_, mapping)
    except ImportRefused as refused:
        raise Problem("import_broken", refused.message) from None
    as_of = as_of or reading.as_of
    if as_of is None:
        raise field_problem("as_of", Message.of(_("The file does not say of which day it is.")))
    if as_of > day_in_japan(datetime.now(UTC)):
        raise field_problem("as_of", Message.of(_("This day has not come yet.")))
    if not reading.records:
        raise Problem("import_broken", Message.of(_("No usable entry: nothing was stored.")))
    connection = await driver(tx)
    await lock_list(connection, code)
    await refuse_known(connection, code, hash_of(raw))
    change = await difference(connection, code, reading.records)
    if not anyway:
        refuse_shrinking(change)
    number = None
    if not dry_run:
        facts = VersionFacts(label, as_of, format_, file_name, hash_of(raw), actor.member_id)
        number = (await store_version(connection, code, change, facts, uuid4)).number
        await record(tx, "list_imported", code, version=number, entries=change.after)
    return report_of(reading, change, number, locale)


def report_of(reading: Reading, change: Difference, number: int | None, locale: str) -> Report:
    return Report(number, change.after, change.new, change.removed, change.changed, len(reading.left),
                  [f"{each.where}: {translate(each.reason, locale)}" for each in reading.left[:20]], dict(reading.skipped.most_common(20)),
                  dict(reading.unknown_countries.most_common(20)), reading.columns)


# ---------------------------------------------------------------------------------------------------------------------
# A few names at a time: each addition and each removal is a version of its own

_ENTRY = text("SELECT id, list_code FROM vault.screening_list_entry WHERE id = :id AND removed_at IS NULL")
_LAST = "SELECT label, as_of FROM vault.screening_list_version WHERE list_code = $1 ORDER BY number DESC LIMIT 1"
_COUNT = "SELECT count(*) FROM vault.screening_list_entry WHERE list_code = $1 AND removed_at IS NULL"


async def add_list_entries(tx: AsyncSession, actor: Actor, list_code: str, list_version: str, entries: list) -> list[UUID]:
    """Add names to a list; returns their ids in order. What is there stays as it is. Problem not_found, validation."""
    made: list[ListRecord] = []
    for number, entry in enumerate(entries):
        try:
            made.append(make_record(
                ref=str(uuid4()), name=entry.name, kind=entry.kind, aliases=entry.aliases, weak_aliases=entry.weak_aliases,
                countries=[entry.country] if entry.country else [], births=[str(year) for year in entry.birth_years],
                identifiers=entry.identifiers, reason=entry.reason, listed_on=entry.listed_on))
        except Refused as refused:
            raise field_problem(f"entries[{number}]", refused.message) from None
    return await add_records(tx, actor.member_id, list_code, list_version, made)


async def add_records(tx: AsyncSession, member: UUID | None, code: str, label: str, made: list[ListRecord]) -> list[UUID]:
    """The next version of a list with these records besides; for entries typed in, and for adverse events that are published."""
    connection = await driver(tx)
    await lock_list(connection, code)
    before = await connection.fetchval(_COUNT, code)
    ids = [uuid4() for _ in made]
    supply = iter([uuid4(), *ids])
    facts = VersionFacts(label, day_in_japan(datetime.now(UTC)), "entries", None, hash_of(msgspec.json.encode(made)), member)
    await store_version(connection, code, Difference(before, made, [], 0), facts, lambda: next(supply))
    await record(tx, "add_list_entries", code, version=label, entries=len(made))
    return ids


async def remove_list_entry(tx: AsyncSession, actor: Actor, entry_id: UUID) -> None:
    """Take a name off; the row is kept, as screenings that consulted it are."""
    found = (await tx.execute(_ENTRY, {"id": entry_id})).first()
    if found is None:
        raise Problem("not_found")
    connection = await driver(tx)
    await lock_list(connection, found.list_code)
    if (await tx.execute(_ENTRY, {"id": entry_id})).first() is None:  # taken off by somebody else meanwhile
        raise Problem("not_found")
    before = await connection.fetchval(_COUNT, found.list_code)
    last = await connection.fetchrow(_LAST, found.list_code)
    facts = VersionFacts(last["label"], day_in_japan(datetime.now(UTC)), "entries", None, hash_of(f"without {entry_id}".encode()), actor.member_id)
    await store_version(connection, found.list_code, Difference(before, [], [entry_id], 0), facts, uuid4)
    await record(tx, "remove_list_entry", entry_id)


# ---------------------------------------------------------------------------------------------------------------------
# Licences

_LICENSE = text("INSERT INTO vault.list_licence (id, list_code, organisation_id, from_date, until_date, evidence, evidence_hash, confirmed_by) "
                "VALUES (:id, :code, :organisation, :from_date, :until_date, :evidence, :hash, :member)")
_END = text("UPDATE vault.list_licence SET ended_at = now() WHERE id = :id AND ended_at IS NULL")


async def license_member(tx: AsyncSession, actor: Actor, code: str, organisation_id: UUID, from_date: date, until_date: date, evidence: str,
                         evidence_hash: str) -> UUID:
    """An intermediary may consult a list for licensed members from a day until a day, on evidence this person has seen."""
    if until_date < from_date:
        raise field_problem("until_date", Message.of(_("It ends before it begins.")))
    licence_id = uuid4()
    await tx.execute(_LICENSE, {"id": licence_id, "code": code, "organisation": organisation_id, "from_date": from_date, "until_date": until_date,
                                "evidence": evidence, "hash": bytes.fromhex(evidence_hash), "member": actor.member_id})
    await record(tx, "list_licensed", licence_id, list=code)
    return licence_id


async def end_licence(tx: AsyncSession, licence_id: UUID) -> None:
    """From now on its holder consults the list no more. Problem not_found."""
    if (await tx.execute(_END, {"id": licence_id})).rowcount == 0:
        raise Problem("not_found")
    await record(tx, "licence_ended", licence_id)
