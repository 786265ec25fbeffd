"""What do today's lists say about the people of a deal? Lists are kept ready in the process, by version.

A version never changes, so what is kept of it cannot be out of date; which lists are consulted is asked of the database
every time, for the firm that asks.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import msgspec

from succession.disclosure.screening import Candidate, ListEntry, ListIndex, Party, find_in

VERSIONS_KEPT = 12


class ListConsulted(msgspec.Struct, frozen=True):
    """One list at the version consulted: what it is called, of which day it is, how many entries it held. The last fields
    are None in screenings decided before lists had versions."""

    code: str
    version: str
    entries: int
    kind: str | None = None
    title_ja: str | None = None
    title_en: str | None = None
    as_of: str | None = None
    number: int | None = None
    version_id: str | None = None


class Findings(msgspec.Struct, frozen=True):
    """What the matcher proposes today. `fingerprint` (sha256, hex) proves that these very findings were read; `parties_hash`
    that they are about these very names."""

    lists: list[ListConsulted]
    candidates: list[Candidate]
    fingerprint: str
    parties: list[Party]
    parties_hash: str


_CONSULTED = ("SELECT code, kind, title_ja, title_en, version_id::text AS version_id, number, label AS version, as_of::text AS as_of, entries "
              "FROM {0} l ORDER BY code")
CONSULTED_BY_SCOPE = _CONSULTED.format("vault.lists_consulted()")
CONSULTED_BY_FIRM = _CONSULTED.format("vault.lists_open_to($1)")
_PARTIES = "SELECT name, role, kind, country, birth_year, identifiers, hash FROM vault.screening_parties($1) ORDER BY role, kind, name, country"
_PARTIES_WORKER = ("SELECT p.*, vault.parties_hash($1) AS hash FROM vault.parties_of($1) p ORDER BY role, kind, name, country")
_ENTRIES = """SELECT id::text AS entry_id, list_code, list_version, name, aliases, country, kind, coalesce(ref, '') AS ref, weak_aliases, countries,
    birth_years, identifiers, reason, listed_on::text AS listed_on
FROM vault.screening_list_entry WHERE list_code = $1 AND from_version <= $2 AND (until_version IS NULL OR until_version > $2) ORDER BY name, id"""

_kept: OrderedDict[str, ListIndex] = OrderedDict()


async def match_deal(connection: asyncpg.Connection, deal_id: UUID) -> Findings:
    """For the adviser whose deal it is, in the scope of this transaction."""
    return await _match(connection, await connection.fetch(CONSULTED_BY_SCOPE), await connection.fetch(_PARTIES, deal_id))


async def match_for(connection: asyncpg.Connection, deal_id: UUID, firm: UUID) -> Findings:
    """The same by the worker, with the lists this firm consults."""
    return await _match(connection, await connection.fetch(CONSULTED_BY_FIRM, firm), await connection.fetch(_PARTIES_WORKER, deal_id))


async def _match(connection: asyncpg.Connection, consulted: Sequence[asyncpg.Record], rows: Sequence[asyncpg.Record]) -> Findings:
    lists = [ListConsulted(**row) for row in consulted]
    parties = [Party(row["name"], row["role"], row["kind"], row["country"], row["birth_year"], tuple(_numbers(row["identifiers"]))) for row in rows]
    ready = [await _ready(connection, each) for each in lists]
    candidates = await asyncio.to_thread(find_in, parties, ready)  # pure, and long when lists are
    fingerprint = hashlib.sha256(msgspec.json.encode([lists, candidates])).hexdigest()
    return Findings(lists, candidates, fingerprint, parties, rows[0]["hash"] if rows else "")


def _numbers(written: Sequence[str]) -> list[str]:
    return ["".join(number.split()).upper() for number in written]


async def _ready(connection: asyncpg.Connection, wanted: ListConsulted) -> ListIndex:
    """The index of a version; of the versions seen last a few are kept."""
    key = str(wanted.version_id)
    if key not in _kept:
        rows = await connection.fetch(_ENTRIES, wanted.code, wanted.number)
        entries = [ListEntry(list_kind=str(wanted.kind), **{name: tuple(value) if isinstance(value, list) else value for name, value in row.items()})
                   for row in rows]
        _kept[key] = await asyncio.to_thread(ListIndex, entries)
        while len(_kept) > VERSIONS_KEPT:
            _kept.popitem(last=False)
    _kept.move_to_end(key)
    return _kept[key]
