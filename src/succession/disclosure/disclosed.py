"""Which entries of the ledger say what a buyer is shown under a grant: one per fact group or document, and version of it?

Whoever shows something under a grant calls `disclose` first, in a transaction that commits before the first byte leaves.
A version is what the reader reads, to the letter (`Shown.content` as JSON): shown again it has its entry already, and shown
to the next buyer it is the same version under an entry of its own.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from succession.disclosure import ledger
from succession.disclosure.subject_keys import Subject, SubjectKey, keys_of, seal
from succession.errors import Problem

# Why it was shown: released by the adviser, or read by the buyer in a version newer than the release.
Basis = Literal["release", "reading"]


class Shown(NamedTuple):
    """One fact group as its reader reads it. `group`: a block of the dossier, or document_group(id)."""

    group: str
    content: Any


class Recipient(msgspec.Struct, frozen=True):
    """A grant, as its entries tell of it. `facts_version` is that of the listing when this was read."""

    grant_id: UUID
    deal_id: UUID
    listing_id: UUID
    level: str
    buyer_id: UUID
    representative_id: UUID | None
    nda_id: UUID
    nda_hash: bytes
    name_clear_id: UUID
    listing_version: int
    facts_version: int


def document_group(document_id: UUID) -> str:
    return f"document:{document_id}"


def document_version(document_id: UUID, title: str, content_hash: str) -> Shown:
    """A document as a fact group: its bytes are told by their SHA-256 (hex)."""
    return Shown(document_group(document_id), {"document_id": document_id, "title": title, "content_hash": content_hash})


def blocks_of(view: msgspec.Struct, besides: Sequence[str]) -> list[Shown]:
    """Every field of a view as a fact group of its own, but for those named in `besides`."""
    return [Shown(name, getattr(view, name)) for name in view.__struct_fields__ if name not in besides]


_RECIPIENT = text("SELECT * FROM vault.recipient(:grant)")


async def recipient_of(tx: AsyncSession, grant_id: UUID) -> Recipient:
    """Read it before what is shown: then a change in between is noticed. Raises Problem not_found for no party to it."""
    row = (await tx.execute(_RECIPIENT, {"grant": grant_id})).first()
    if row is None:
        raise Problem("not_found")
    return Recipient(**row._mapping)


# ---------------------------------------------------------------------------------------------------------------------
# The entries

_GIVEN = "unnest(CAST(:groups AS text[]), CAST(:marks AS bytea[]))"
_KNOWN = text(f"SELECT v.fact_group, v.id, d.entry_id FROM {_GIVEN} AS g (fact_group, mark) "
              "JOIN vault.fact_version v ON v.listing_id = :listing AND v.fact_group = g.fact_group AND v.mark = g.mark "
              "LEFT JOIN vault.disclosed d ON d.version_id = v.id AND d.fact_group = v.fact_group AND d.grant_id = :grant")
# What is there already, or has just come, but for what another transaction enters at this moment: that `_KNOWN` sees afterwards.
_KEEP = text("WITH given AS (SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:groups AS text[]), CAST(:marks AS bytea[]), "
             "CAST(:sealed AS bytea[])) AS g (id, fact_group, mark, sealed)), "
             "made AS (INSERT INTO vault.fact_version (id, listing_id, fact_group, key_id, mark, sealed) "
             "SELECT g.id, :listing, g.fact_group, :key, g.mark, g.sealed FROM given g ON CONFLICT DO NOTHING RETURNING id, fact_group) "
             "SELECT fact_group, id, CAST(NULL AS uuid) AS entry_id FROM made UNION ALL SELECT v.fact_group, v.id, d.entry_id FROM given g "
             "JOIN vault.fact_version v ON v.listing_id = :listing AND v.fact_group = g.fact_group AND v.mark = g.mark "
             "LEFT JOIN vault.disclosed d ON d.version_id = v.id AND d.fact_group = v.fact_group AND d.grant_id = :grant")
_DISCLOSED = text("INSERT INTO vault.disclosed (entry_id, grant_id, listing_id, deal_id, fact_group, version_id) SELECT g.entry_id, :grant, "
                  ":listing, :deal, g.fact_group, g.version_id FROM unnest(CAST(:entries AS uuid[]), CAST(:groups AS text[]), "
                  "CAST(:versions AS uuid[])) AS g (entry_id, fact_group, version_id)")
_ALONE = text("SELECT pg_advisory_xact_lock(hashtextextended('disclose:' || CAST(CAST(:grant AS uuid) AS text), 0))")


_Known = tuple[dict[str, UUID], dict[str, UUID]]  # by group: entries under this grant, versions kept


class _Version(NamedTuple):
    """`content`: the JSON that was or will be kept; `mark`: how it is known again."""

    group: str
    content: bytes
    mark: bytes


async def disclose(tx: AsyncSession, to: Recipient, shown: Sequence[Shown], basis: Basis) -> list[UUID]:
    """The entry of every version shown, in that order: those there already, and new ones for what this grant was not shown yet."""
    key = (await keys_of(tx, [Subject("listing", to.listing_id)]))[Subject("listing", to.listing_id)]
    versions = [_version(key, each) for each in shown]
    entries: dict[str, UUID] = {}
    kept: dict[str, UUID] = {}
    if basis == "reading":
        entries, kept = await _known(tx, to, versions)
        if all(each.group in entries for each in versions):
            return [entries[each.group] for each in versions]
        await tx.execute(_ALONE, {"grant": to.grant_id})  # two readings at once enter it once
        entries, kept = await _known(tx, to, versions)
    if fresh := [each for each in versions if each.group not in kept]:
        entered, there = await _keep(tx, to, key, fresh)
        entries, kept = entries | entered, kept | there
    if any(each.group not in kept for each in versions):
        entries, kept = await _known(tx, to, versions)
    new = [each for each in versions if each.group not in entries]
    if new:
        ids = await ledger.append_all(tx, to.listing_id, [_entry(to, each, kept[each.group], basis) for each in new])
        await tx.execute(_DISCLOSED, {
            "grant": to.grant_id, "listing": to.listing_id, "deal": to.deal_id, "entries": ids,
            "groups": [each.group for each in new], "versions": [kept[each.group] for each in new],
        })
        entries |= {each.group: entry_id for each, entry_id in zip(new, ids, strict=True)}
    return [entries[each.group] for each in versions]


def _version(key: SubjectKey, shown: Shown) -> _Version:
    content = ledger.spelling(shown.content).encode()
    return _Version(shown.group, content, hmac.digest(key.key, shown.group.encode() + b"\0" + content, "sha256"))


async def _known(tx: AsyncSession, to: Recipient, versions: Sequence[_Version]) -> _Known:
    rows = (await tx.execute(_KNOWN, {"listing": to.listing_id, "grant": to.grant_id, "groups": [each.group for each in versions],
                                      "marks": [each.mark for each in versions]})).all()
    return _by_group(rows)


def _by_group(rows: Sequence[Any]) -> _Known:
    return {row.fact_group: row.entry_id for row in rows if row.entry_id}, {row.fact_group: row.id for row in rows}


async def _keep(tx: AsyncSession, to: Recipient, key: SubjectKey, versions: Sequence[_Version]) -> _Known:
    """Of these versions, as they are kept now."""
    ids = [uuid4() for _each in versions]
    rows = await tx.execute(_KEEP, {
        "listing": to.listing_id, "grant": to.grant_id, "key": key.id, "ids": ids, "groups": [each.group for each in versions],
        "marks": [each.mark for each in versions],
        "sealed": [seal(key, each.content, place) for each, place in zip(versions, ids, strict=True)],
    })
    return _by_group(rows.all())


def _entry(to: Recipient, version: _Version, version_id: UUID, basis: Basis) -> ledger.Entry:
    """The NDA's text names people and is committed to, like what was shown."""
    return ledger.Entry("disclosed", to.deal_id, {
        "grant_id": to.grant_id, "level": to.level, "fact_group": version.group, "version_id": version_id,
        "listing_version": to.listing_version, "nda_id": to.nda_id, "name_clear_id": to.name_clear_id, "basis": basis,
        "recipient": {"organisation_id": to.buyer_id, "representative_id": to.representative_id},
    }, {"content": {"sha256": hashlib.sha256(version.content).hexdigest(), "nda_text_hash": to.nda_hash.hex()}})
