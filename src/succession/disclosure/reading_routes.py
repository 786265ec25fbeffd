"""Which requests read what was released, and which read the records of it: dossiers, grants, accesses, ledger?

A reading by a buyer is two transactions: the access is committed first, then the read-only one asks for the grant again.
"""

from contextlib import suppress
from typing import Annotated
from uuid import UUID

from litestar import Request, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Struct

from succession.database import driver
from succession.disclosure.commands import documents, release
from succession.disclosure.queries import GrantPage, GrantView, find_grant, list_grants
from succession.disclosure.reading_queries import (
    AccessPage,
    Dossier,
    FactsChanged,
    LedgerPage,
    find_dossier,
    holds_listing,
    list_accesses,
    list_ledger,
)
from succession.errors import Problem, found_or_404
from succession.http import documented
from succession.idempotency import creates
from succession.paging import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MOST, page_asked
from succession.wiring import Config, Pools, Read, Tx, Who

Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_LIMIT_MOST)]
READINGS_MOST = 5  # a listing that is edited while it is read is read again, entries first


class Revocation(Struct, forbid_unknown_fields=True):
    reason: release.RevokeReason


# ---------------------------------------------------------------------------------------------------------------------
# Reading


@get("/dossiers/{deal_id:uuid}", opt={"permission": "dossier:read"}, operation_id="ReadDossier",
     summary="The company by name, while a grant is live; every reading is recorded", responses=documented("not_found", "conflict"))
async def read_dossier(databases: Pools, actor: Who, deal_id: FromPath[UUID]) -> Dossier:
    for _try in range(READINGS_MOST):
        async with databases.tx(actor.scope()) as tx:
            version = await documents.note_dossier_reading(tx, actor, deal_id)
        with suppress(FactsChanged):
            async with databases.read(actor.scope()) as read:
                return found_or_404(await find_dossier(read, deal_id, version))
    raise Problem("unavailable")


# ---------------------------------------------------------------------------------------------------------------------
# Grants and records


@get("/grants", opt={"permission": "dossier:read"}, operation_id="ListGrants", summary="Grants given or held, newest first",
     responses=documented("cursor_invalid"))
async def read_grants(read: Read, actor: Who, settings: Config, limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                      cursor: FromQuery[str | None] = None) -> GrantPage:
    return await list_grants(read, page_asked(settings, actor, cursor, limit))


@post("/grants/{grant_id:uuid}/revocation", opt={"permission": "grant:revoke"}, operation_id="RevokeGrant",
      summary="End a release; nothing more is read on it", responses=documented("not_found", "step_refused", "idempotency_key_reused"))
@creates
async def revoke_grant(request: Request, tx: Tx, actor: Who, grant_id: FromPath[UUID], data: JSONBody[Revocation]) -> GrantView:
    await release.revoke_grant(tx, actor, grant_id, data.reason)
    return await find_grant(await driver(tx), grant_id)


@get("/listings/{listing_id:uuid}/accesses", opt={"permission": "listing:read"}, operation_id="ListAccesses",
     summary="Who opened what of a listing, newest first", responses=documented("not_found", "cursor_invalid"))
async def read_accesses(read: Read, actor: Who, settings: Config, listing_id: FromPath[UUID],
                        limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT, cursor: FromQuery[str | None] = None) -> AccessPage:
    if not await holds_listing(read, listing_id):
        raise Problem("not_found")
    return await list_accesses(read, listing_id, page_asked(settings, actor, cursor, limit))


@get("/listings/{listing_id:uuid}/ledger", opt={"permission": "ledger:read"}, operation_id="ReadLedger",
     summary="The chain of a listing, from its first entry; check it offline", responses=documented("not_found", "cursor_invalid"))
async def read_ledger(read: Read, actor: Who, settings: Config, listing_id: FromPath[UUID],
                      limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT, cursor: FromQuery[str | None] = None) -> LedgerPage:
    if actor.kind != "operator" and not await holds_listing(read, listing_id):
        raise Problem("not_found")
    return await list_ledger(read, listing_id, page_asked(settings, actor, cursor, limit))


ROUTES: list = [
    read_dossier, read_grants, revoke_grant, read_accesses,
    read_ledger,
]  # fmt: skip
