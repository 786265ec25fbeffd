"""Which requests give a party its copy of what was signed over all ledgers, and the way from its own leaf to the root?

Who holds the listing is told what its ledger ended with; a buyer is given the leaf of its deal, which tells nothing of the
listing before somebody opens it (merkle.py).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import msgspec
from litestar import get
from litestar.params import FromPath, FromQuery, QueryParameter

from succession.disclosure.reading_queries import holds_listing
from succession.errors import Problem
from succession.http import documented
from succession.paging import PageAsked, page_asked
from succession.wiring import Config, Read, Who

COPIES_MOST = 20  # each is a tree to climb
Copies = Annotated[int, QueryParameter(ge=1, le=COPIES_MOST)]


class CheckpointCopy(msgspec.Struct):
    """`signature` (Ed25519) is over the bytes of `statement`. From `leaf` at `leaf_index`, hashing with each of `path`, one comes to
    `merkle_root`: node = sha256(01 || left || right), the reached one on the left while the index is even, the index halved each time."""

    seq: int
    at: datetime
    merkle_root: str
    previous: str
    statement: str
    signature: str
    key_id: str
    public_key: str
    leaf: str
    leaf_index: int
    path: list[str]


class HeadCopy(CheckpointCopy):
    """leaf = sha256(00 || leaf_salt || "L" || listing id (16 bytes) || head_seq (8 bytes) || head_hash)."""

    head_seq: int
    head_hash: str
    leaf_salt: str


class CheckpointPage(msgspec.Struct):
    items: list[CheckpointCopy]
    next_cursor: str | None


class HeadPage(msgspec.Struct):
    items: list[HeadCopy]
    next_cursor: str | None


_COPIES = """SELECT c.seq, c.at, encode(c.merkle_root, 'hex') AS merkle_root, encode(c.previous, 'hex') AS previous,
    convert_from(c.statement, 'UTF8') AS statement, encode(c.signature, 'hex') AS signature, c.key_id, encode(c.public_key, 'hex') AS public_key,
    encode(p.leaf, 'hex') AS leaf, p.leaf_index, p.path, p.head_seq, encode(p.head_hash, 'hex') AS head_hash, encode(p.leaf_salt, 'hex') AS leaf_salt
FROM (SELECT seq, at, merkle_root, previous, statement, signature, key_id, public_key FROM vault.ledger_checkpoint
      WHERE $3::bigint IS NULL OR seq < $3 ORDER BY seq DESC LIMIT $4) c
CROSS JOIN LATERAL vault.checkpoint_proof(c.seq, $1, $2) p ORDER BY c.seq DESC"""


async def list_copies(read: asyncpg.Connection, row: type[CheckpointCopy], kind: str, leaf_id: UUID, page: PageAsked) -> tuple[list[Any], str | None]:
    """Newest first, with the next cursor; ends where the leaf begins to exist."""
    wanted, query = row.__struct_fields__, [f"{kind}-checkpoints", str(leaf_id)]
    rows, cursor = page.cut(await read.fetch(_COPIES, kind, leaf_id, *page.place(query, int), page.limit + 1), query, "seq")
    return [row(**{name: [each.hex() for each in found["path"]] if name == "path" else found[name] for name in wanted}) for found in rows], cursor


@get("/listings/{listing_id:uuid}/ledger/checkpoints", opt={"permission": "ledger:read"}, operation_id="ListLedgerCheckpoints",
     summary="What was signed over all ledgers, and what this one ended with then; newest first",
     responses=documented("not_found", "cursor_invalid"))
async def read_heads(read: Read, actor: Who, settings: Config, listing_id: FromPath[UUID], limit: FromQuery[Copies] = COPIES_MOST,
                     cursor: FromQuery[str | None] = None) -> HeadPage:
    if actor.kind != "operator" and not await holds_listing(read, listing_id):
        raise Problem("not_found")
    return HeadPage(*await list_copies(read, HeadCopy, "listing", listing_id, page_asked(settings, actor, cursor, limit)))


@get("/disclosure-requests/{deal_id:uuid}/ledger/checkpoints", opt={"permission": "checkpoint:read"}, operation_id="ListDealCheckpoints",
     summary="What was signed over all ledgers, with a proof for this request; newest first", responses=documented("not_found", "cursor_invalid"))
async def read_copies(read: Read, actor: Who, settings: Config, deal_id: FromPath[UUID], limit: FromQuery[Copies] = COPIES_MOST,
                      cursor: FromQuery[str | None] = None) -> CheckpointPage:
    if await read.fetchval("SELECT vault.party($1)", deal_id) is None:
        raise Problem("not_found")
    return CheckpointPage(*await list_copies(read, CheckpointCopy, "deal", deal_id, page_asked(settings, actor, cursor, limit)))


ROUTES: list = [read_heads, read_copies]
