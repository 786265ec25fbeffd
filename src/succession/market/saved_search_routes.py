"""How does HTTP reach saved searches? The links that end their letters are a page (pages/unsubscribe.py)."""

from uuid import UUID

from litestar import Request, Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody

from succession.database import driver
from succession.http import documented, etag, if_match
from succession.idempotency import creates
from succession.market.queries import audience_role, searchable_facts
from succession.market.saved_searches import (
    NewSavedSearch,
    SavedSearchChange,
    SavedSearchList,
    SavedSearchView,
    change_search,
    delete_search,
    find_search,
    list_searches,
    save_search,
)
from succession.wiring import Locale, Pools, Read, Tx, Who

READS, WRITES = {"permission": "saved_search:read"}, {"permission": "saved_search:write"}


@post("/saved-searches", opt=WRITES, operation_id="SaveSearch", summary="Be told by letter of new teasers that a search finds",
      responses=documented("limit_reached"))
@creates
async def save(request: Request, tx: Tx, databases: Pools, actor: Who, locale: Locale, data: JSONBody[NewSavedSearch]) -> SavedSearchView:
    facts = await searchable_facts(databases.market(audience_role(actor), actor.organisation_id), data.filters.get("phrase"))
    saved = await save_search(tx, actor, data, facts)
    return await find_search(await driver(tx), saved, locale)


@get("/saved-searches", opt=READS, operation_id="ListSavedSearches", summary="Your saved searches, newest first", responses=documented())
async def list_own(read: Read, locale: Locale) -> SavedSearchList:
    return await list_searches(read, locale)


@get("/saved-searches/{search_id:uuid}", opt=READS, operation_id="ReadSavedSearch", summary="One of your saved searches",
     responses=documented("not_found"))
async def read_one(read: Read, locale: Locale, search_id: FromPath[UUID]) -> Response[SavedSearchView]:
    found = await find_search(read, search_id, locale)
    return Response(found, headers=etag(found.version))


@patch("/saved-searches/{search_id:uuid}", opt=WRITES, operation_id="ChangeSavedSearch", summary="Another name, language or frequency",
       responses=documented("not_found", "stale", "precondition_required"))
async def change(request: Request, tx: Tx, locale: Locale, search_id: FromPath[UUID],
                 data: JSONBody[SavedSearchChange]) -> Response[SavedSearchView]:
    await change_search(tx, search_id, if_match(request), data)
    found = await find_search(await driver(tx), search_id, locale)
    return Response(found, headers=etag(found.version))


@delete("/saved-searches/{search_id:uuid}", opt=WRITES, operation_id="DeleteSavedSearch", summary="Forget a saved search",
        responses=documented("not_found"))
async def forget(tx: Tx, search_id: FromPath[UUID]) -> None:
    await delete_search(tx, search_id)


ROUTES: list = [save, list_own, read_one, change, forget]
