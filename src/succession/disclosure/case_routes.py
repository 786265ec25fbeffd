"""Which requests give who holds a listing a case file of it: the chain with what it commits to, to be checked offline years later?

A buyer has its sealed agreement, its entries and proofs of them; the file says what the seller's side weighed and was told, so it is the
holder's. The operator is told of no company: it runs the command on the machine, where a court asks for everything.
"""

from typing import Annotated
from uuid import UUID

from litestar import Request, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from litestar.response import Stream
from msgspec import Struct

from succession.database import driver
from succession.disclosure.case_exports import CaseFilePage, CaseFileView, ask_case_file, find_case_file, list_case_files, open_case_file
from succession.disclosure.reading_queries import holds_listing
from succession.errors import Problem, found_or_404
from succession.http import documented
from succession.idempotency import creates
from succession.paging import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MOST, page_asked
from succession.throttle import spend
from succession.wiring import Config, Memory, Pools, Read, Tx, Who

Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_LIMIT_MOST)]
ASKED_A_DAY, TAKEN_AN_HOUR = 20, 20  # by one firm; by one person


class NewCaseFile(Struct, forbid_unknown_fields=True):
    """`deal_id`: of one deal; other buyers' entries then keep their place in the chain and are withheld."""

    deal_id: UUID | None = None


@post("/listings/{listing_id:uuid}/case-files", opt={"permission": "case_file:export"}, operation_id="AskCaseFile",
      summary="Have a case file made of a listing or of one deal of it; it is entered in the ledger",
      responses=documented("not_found", "conflict", "second_factor_needed", "rate_limited", "idempotency_key_reused"))
@creates
async def ask(request: Request, tx: Tx, redis: Memory, actor: Who, listing_id: FromPath[UUID], data: JSONBody[NewCaseFile]) -> CaseFileView:
    await spend(redis, f"case-files:{actor.organisation_id}", ASKED_A_DAY, 86_400)
    return await find_case_file(await driver(tx), await ask_case_file(tx, actor, listing_id, data.deal_id))


@get("/listings/{listing_id:uuid}/case-files", opt={"permission": "case_file:read"}, operation_id="ListCaseFiles",
     summary="Case files that can be taken, or are being made; newest first", responses=documented("not_found", "cursor_invalid"))
async def read_all(read: Read, actor: Who, settings: Config, listing_id: FromPath[UUID], limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                   cursor: FromQuery[str | None] = None) -> CaseFilePage:
    if not await holds_listing(read, listing_id):
        raise Problem("not_found")
    return await list_case_files(read, listing_id, page_asked(settings, actor, cursor, limit))


@get("/case-files/{case_file_id:uuid}", opt={"permission": "case_file:read"}, operation_id="ReadCaseFile",
     summary="Whether a case file has been made", responses=documented("not_found"))
async def read_one(read: Read, case_file_id: FromPath[UUID]) -> CaseFileView:
    return found_or_404(await find_case_file(read, case_file_id))


@get("/case-files/{case_file_id:uuid}/content", opt={"permission": "case_file:export"}, operation_id="TakeCaseFile",
     summary="The file itself, to be checked with the program inside it; every taking is recorded", media_type="application/zip",
     responses=documented("not_found", "second_factor_needed", "rate_limited"))
async def take(databases: Pools, redis: Memory, actor: Who, case_file_id: FromPath[UUID]) -> Stream:
    await spend(redis, f"case-takes:{actor.member_id}", TAKEN_AN_HOUR, 3600)
    content = await open_case_file(databases, actor, case_file_id)
    return Stream(content.frames(), headers={
        "Content-Type": "application/zip", "Content-Length": str(content.size_bytes),
        "Content-Disposition": f'attachment; filename="case-{content.listing_id}.zip"'})


ROUTES: list = [ask, read_all, read_one, take]
