"""How does a spreadsheet come in: upload, look, commit?"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, FromQuery, MultipartBody
from msgspec import Meta

from succession.database import driver
from succession.errors import Problem
from succession.http import documented
from succession.listings import imports
from succession.listings.import_queries import ImportRowPage, ImportView, find_import, list_import_rows
from succession.listings.sheet_file import FILE_LIMIT
from succession.paging import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MOST, page_asked
from succession.throttle import spend
from succession.wiring import Config, Locale, Memory, Pools, Read, Tx, Who

UPLOADS_AN_HOUR = 60
IMPORTS = {"permission": "listing:import"}
Limit = Annotated[int, Meta(ge=1, le=PAGE_LIMIT_MOST)]


@dataclass
class Spreadsheet:
    """One CSV or XLSX file."""

    file: UploadFile


@post("/listing-imports", opt=IMPORTS | {"creates_nothing": "the same file is the same import"},
      operation_id="ReadImport", summary="Dry run: read a CSV or XLSX file and say what was understood",
      responses=documented("import_broken", "body_too_large", "rate_limited"))
async def upload(tx: Tx, databases: Pools, redis: Memory, actor: Who, locale: Locale,
                 data: MultipartBody[Spreadsheet]) -> Response[ImportView]:
    content = await data.file.read(FILE_LIMIT + 1)
    if len(content) > FILE_LIMIT:
        raise Problem("body_too_large")
    async with databases.read(actor.scope()) as read:
        if same := await imports.find_same_file(read, actor, content):
            return Response(await find_import(read, same, locale, 0), status_code=200)
    await spend(redis, f"import:{actor.organisation_id}", UPLOADS_AN_HOUR, 3600)
    filename = data.file.filename.replace("\\", "/").rpartition("/")[2][:200]
    made = await imports.read_import(tx, actor, filename, content, datetime.now(UTC))
    return Response(await find_import(await driver(tx), made, locale, 0))


@get("/listing-imports/{import_id:uuid}", opt=IMPORTS, operation_id="ReadImportState",
     summary="What a file holds, and how far its import has come", responses=documented("not_found"))
async def read_state(read: Read, redis: Memory, locale: Locale, import_id: FromPath[UUID]) -> ImportView:
    return await find_import(read, import_id, locale, await imports.rows_done_meanwhile(redis, import_id))


@get("/listing-imports/{import_id:uuid}/rows", opt=IMPORTS, operation_id="ListImportRows",
     summary="Row by row and cell by cell: what was understood and what was not",
     responses=documented("not_found", "cursor_invalid"))
async def list_rows(read: Read, actor: Who, settings: Config, locale: Locale, import_id: FromPath[UUID],
                    importable: FromQuery[bool | None] = None, limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                    cursor: FromQuery[str | None] = None) -> ImportRowPage:
    return await list_import_rows(read, import_id, locale, importable, page_asked(settings, actor, cursor, limit))


@post("/listing-imports/{import_id:uuid}/commit", opt=IMPORTS, operation_id="CommitImport", status_code=200,
      summary="Make every importable row a draft, exactly once",
      responses=documented("not_found", "listing_duplicate"))
async def commit(tx: Tx, redis: Memory, actor: Who, locale: Locale, import_id: FromPath[UUID]) -> ImportView:
    await imports.commit_import(tx, redis, actor, import_id, datetime.now(UTC))
    return await find_import(await driver(tx), import_id, locale, 0)


IMPORT_ROUTES: list = [upload, read_state, list_rows, commit]
