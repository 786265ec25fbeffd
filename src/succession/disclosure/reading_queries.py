"""What does a reader with a live grant get to read, and who reads the records of it: dossier, documents, accesses, ledger?

Which columns are read is `levels.py`'s table alone; which rows is row-level security's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from succession.disclosure.levels import FIELDS, FISCAL_YEARS_SHOWN, STRUCTS, YEARLY, Level, fields_in, fields_shown
from succession.disclosure.personal_data import column
from succession.disclosure.recipient_checks import AppiBasis, ExportClass
from succession.disclosure.third_persons import ThirdPerson, by_role, list_third_persons
from succession.paging import PageAsked


class DocumentView(msgspec.Struct):
    """`content_hash` is the sha256 (hex) of what is kept, which its holder gets from GET /v1/documents/{id}; a buyer gets a marked
    copy, where `downloadable`. `pages` is null for what is never shown page by page (office files): it can only be downloaded, where that is
    allowed; `malware_check`: "clean" or "not_scanned". `view_only`: looked at page by page, and never taken along."""

    id: UUID
    level: Level
    folder: str
    folder_id: UUID | None
    title: str
    media_type: str
    size_bytes: int
    content_hash: str
    contains_personal_data: bool | None
    appi_basis: AppiBasis | None
    export_control_class: ExportClass
    view_only: bool
    added_at: datetime
    pages: int | None
    downloadable: bool
    malware_check: str | None


class DocumentPage(msgspec.Struct):
    """By level, folder and title."""

    items: list[DocumentView]
    next_cursor: str | None


DOCUMENTS_TOLD = 500  # with a dossier; the list of documents goes on

#: A company by name, for one buyer: the blocks of the memorandum, and the documents this buyer may open. Built from levels.py.
Dossier: type[msgspec.Struct] = msgspec.defstruct(
    "Dossier", [("deal_id", UUID), ("project_name", str), *STRUCTS.items(), ("third_persons", list[ThirdPerson]),
                ("documents", list[DocumentView])],
    namespace={"__doc__": "A company by name, for one buyer: the blocks of its memorandum, the latest fiscal year first, and the documents "
                          "this buyer may open."}, module=__name__)


#: Fields of a dossier that are no fact group.
NOT_FACTS = ("deal_id", "project_name")


class FactsChanged(Exception):
    """The listing was edited since its version was entered in the ledger: what was read is not to be shown."""


def _memorandum() -> str:
    """One statement for all tables: as the buyer of the deal may read them, third persons by role, whoever builds the view; as JSON
    text, which both drivers' connections read alike."""
    parts = []
    for table in FIELDS:
        columns = ", ".join(column(table, field, "$2") for field in fields_shown(table, "dossier"))
        tail = f"ORDER BY period_end DESC LIMIT {FISCAL_YEARS_SHOWN}" if table == YEARLY else "LIMIT 1"
        parts.append(f"'{table}', (SELECT coalesce(jsonb_agg(to_jsonb(b)), '[]') FROM (SELECT {columns} FROM vault.shown_{table} "
                     f"WHERE listing_id = $1 AND $2::uuid IS NOT NULL {tail}) b)")
    return f"SELECT vault.by_role($1, $2, jsonb_build_object({', '.join(parts)})::text)"


_MEMORANDUM = _memorandum()


async def read_blocks(connection: asyncpg.Connection, listing_id: UUID, deal_id: UUID) -> dict[str, msgspec.Struct]:
    """The memorandum of a company, block by block, as far as this scope may read the vault."""
    found: dict[str, list[dict[str, Any]]] = msgspec.json.decode(await connection.fetchval(_MEMORANDUM, listing_id, deal_id))
    blocks = {}
    for block, struct in STRUCTS.items():
        values = {row.column: next(iter(found[row.table]), {}).get(row.column) for row in fields_in(block) if row.table != YEARLY}
        blocks[block] = msgspec.convert(values | ({"years": found[YEARLY]} if "years" in struct.__struct_fields__ else {}), struct)
    return blocks


async def build_dossier(connection: asyncpg.Connection, deal_id: UUID, listing_id: UUID, project_name: str) -> Dossier:
    """What this transaction may read of a listing: a buyer what it was granted, its adviser all documents of it."""
    blocks = await read_blocks(connection, listing_id, deal_id)
    third_persons = await list_third_persons(connection, listing_id, deal_id)
    documents = await _documents(connection, listing_id, _FIRST, DOCUMENTS_TOLD)
    if documents:
        told = await by_role(connection, listing_id, deal_id, msgspec.json.encode(documents).decode())
        documents = msgspec.json.decode(told, type=list[DocumentView])
    return Dossier(deal_id, project_name, *blocks.values(), third_persons, documents)


async def find_dossier(connection: asyncpg.Connection, deal_id: UUID, facts_version: int | None = None) -> Dossier | None:
    """The dossier of a deal on which a grant is live at this moment, or None. Raises FactsChanged when the listing is not at
    `facts_version` any more."""
    deal = await connection.fetchrow(
        "SELECT d.listing_id, d.project_name FROM vault.deal d JOIN vault.disclosure_grant g ON g.deal_id = d.id "
        "WHERE d.id = $1 AND g.level = 'dossier' AND vault.party(d.id) IN ('buyer', 'representative') "
        "AND vault.grant_holds(g.id)", deal_id)
    if deal is None:
        return None
    dossier = await build_dossier(connection, deal_id, deal["listing_id"], deal["project_name"])
    # Each statement asks for the grant anew: one that ended meanwhile must give nothing, not a part. The version goes up with
    # every change, so what was read before this statement is of the version it tells.
    now = await connection.fetchval("SELECT vault.facts_version_of($1) WHERE vault.live_grant($1, 'dossier')", deal["listing_id"])
    if now is None:
        return None
    if facts_version is not None and now != facts_version:
        raise FactsChanged
    return dossier


_DOCUMENTS = """SELECT d.id, d.level, coalesce(f.name, d.folder) AS folder, d.folder_id, d.title, d.media_type, d.size_bytes,
    encode(d.content_hash, 'hex') AS content_hash, d.contains_personal_data, d.appi_basis, d.export_control_class,
    coalesce(f.view_only, false) AS view_only, d.added_at, o.pages,
    coalesce(o.downloadable AND NOT coalesce(f.view_only, false), false) AS downloadable, o.malware AS malware_check
FROM vault.document d LEFT JOIN vault.folder f ON f.id = d.folder_id LEFT JOIN vault.document_object o ON o.document_id = d.id
WHERE d.removed_at IS NULL"""


_FIRST = (None,) * 4
_ROOM = "SELECT set_config('succession.room', $1, true)"


_ORDER = "d.level, coalesce(f.name, d.folder), d.title, d.id"
_LISTED = (f"{_DOCUMENTS} AND d.listing_id = $1 AND ($2::text IS NULL OR ({_ORDER}) > ($2, $3::text, $4::text, $5::uuid)) "
           f"ORDER BY {_ORDER} LIMIT $6")


async def list_documents(connection: asyncpg.Connection, listing_id: UUID, page: PageAsked) -> DocumentPage:
    """Documents of a listing this scope may open."""
    query = ["documents", str(listing_id)]
    found = await _documents(connection, listing_id, page.place(query, str, str, str, UUID), page.limit + 1)
    return DocumentPage(*page.cut(found, query, "level", "folder", "title", "id"))


async def opens_any(connection: asyncpg.Connection, listing_id: UUID) -> bool:
    """Whether there is a document of the listing that this scope may open."""
    return bool(await _documents(connection, listing_id, _FIRST, 1))


async def _documents(connection: asyncpg.Connection, listing_id: UUID, after: Sequence[Any], limit: int) -> list[DocumentView]:
    """Which they are the database asks once for each folder: this transaction says that it lists one listing, and while it says
    so no other's are there (0028)."""
    await connection.execute(_ROOM, str(listing_id))
    rows = await connection.fetch(_LISTED, listing_id, *after, limit)
    await connection.execute(_ROOM, "")
    return [DocumentView(**row) for row in rows]


async def find_document_view(connection: asyncpg.Connection, document_id: UUID) -> DocumentView | None:
    """What is known of a document, or None."""
    row = await connection.fetchrow(f"{_DOCUMENTS} AND d.id = $1", document_id)
    return None if row is None else DocumentView(**row)


async def holds_listing(connection: asyncpg.Connection, listing_id: UUID) -> bool:
    return bool(await connection.fetchval("SELECT vault.holds($1)", listing_id))


# ---------------------------------------------------------------------------------------------------------------------
# The records of it


class AccessView(msgspec.Struct):
    """Who opened what, when: `what` is 'dossier', 'document:<id>:page:<n>' (with ':link' behind it when through one) or 'document:<id>:download'."""

    id: int
    grant_id: UUID
    deal_id: UUID
    organisation: str
    member_id: UUID
    what: str
    at: datetime
    address: str | None


class AccessPage(msgspec.Struct):
    items: list[AccessView]
    next_cursor: str | None


_ACCESSES = """SELECT a.id, a.grant_id, g.deal_id, coalesce(o.legal_name, '') AS organisation, a.member_id, a.what, a.at, a.address
FROM vault.access a JOIN vault.disclosure_grant g ON g.id = a.grant_id LEFT JOIN vault.organisation o ON o.id = a.organisation_id
WHERE a.listing_id = $1 AND ($2::bigint IS NULL OR a.id < $2) ORDER BY a.id DESC LIMIT $3"""


async def list_accesses(connection: asyncpg.Connection, listing_id: UUID, page: PageAsked) -> AccessPage:
    """Newest first; the adviser's and the owner's to read."""
    query = ["accesses", str(listing_id)]
    rows = await connection.fetch(_ACCESSES, listing_id, *page.place(query, int), page.limit + 1)
    return AccessPage(*page.cut([AccessView(**row) for row in rows], query, "id"))


class LedgerEntryView(msgspec.Struct):
    """One link: `hash` = sha256(prev || body), hex; `body` is the canonical text that was hashed."""

    seq: int
    id: UUID
    kind: str
    deal_id: UUID | None
    body: str
    prev: str
    hash: str


class LedgerPage(msgspec.Struct):
    items: list[LedgerEntryView]
    next_cursor: str | None


_LEDGER = """SELECT seq, id, kind, deal_id, convert_from(body, 'UTF8') AS body, encode(prev, 'hex') AS prev, encode(hash, 'hex') AS hash
FROM vault.ledger_entry WHERE listing_id = $1 AND seq > $2 ORDER BY seq LIMIT $3"""


async def list_ledger(connection: asyncpg.Connection, listing_id: UUID, page: PageAsked) -> LedgerPage:
    """In the order of the chain, from its beginning."""
    query = ["ledger", str(listing_id)]
    (after_seq,) = page.place(query, int)
    rows = await connection.fetch(_LEDGER, listing_id, after_seq or 0, page.limit + 1)
    return LedgerPage(*page.cut([LedgerEntryView(**row) for row in rows], query, "seq"))
