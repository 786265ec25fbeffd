"""Which requests put documents in, show them, hand out copies of them and end them?

A buyer's look at a page or copy is written down first, in a transaction of its own; what follows asks for the grant again and again.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from litestar import Request, Response, delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody, PathParameter, QueryParameter
from litestar.response import Stream
from msgspec import Meta, Struct

from succession.characters import FILE_NAME, NAME
from succession.database import driver
from succession.disclosure import listing_keys, uploads
from succession.disclosure.commands import document_links, documents
from succession.disclosure.levels import Level
from succession.disclosure.link_queries import LiveLinkPage, list_live_links
from succession.disclosure.reading_queries import DocumentPage, DocumentView, find_document_view, holds_listing, list_documents, opens_any
from succession.disclosure.recipient_checks import AppiBasis, Declared, ExportClass
from succession.disclosure.uploads import Announced, UploadView
from succession.disclosure.viewing import WIDTH_DEFAULT, WIDTH_LEAST, WIDTH_MOST, Reading
from succession.errors import Problem, field_problem, found_or_404
from succession.http import documented
from succession.i18n import Message, _
from succession.idempotency import creates
from succession.paging import PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MOST, page_asked
from succession.throttle import spend
from succession.wiring import Config, Memory, Pools, Read, Store, Tx, Who

Filename = Annotated[str, Meta(min_length=3, max_length=120, pattern=FILE_NAME)]
Folder = Annotated[str, Meta(min_length=1, max_length=120, pattern=NAME)]
Reason = Annotated[str, Meta(min_length=1, max_length=300, pattern=NAME)]
Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_LIMIT_MOST)]
Page = Annotated[int, PathParameter(ge=1, le=100_000)]
Width = Annotated[int, QueryParameter(ge=WIDTH_LEAST, le=WIDTH_MOST, description="Pixels across")]
SMALL_MOST_BYTES = 10 * 1024 * 1024
BASE64_MOST = 14_000_000  # ten megabytes, as base64 writes them
PAGES_A_MINUTE, COPIES_AN_HOUR = 120, 200


class NewUpload(Struct, forbid_unknown_fields=True):
    """The ending of `filename` must agree with the content: pdf, png, jpg, jpeg, xlsx, docx, pptx, txt, csv. `unmarked_reason`: why
    copies may be downloaded that cannot carry the mark of who took them (all but pdf, png and jpeg). In the data room `folder` names a
    folder, which is made where it is not there. What a document is declared to hold decides who may read it, and where."""

    level: Level
    filename: Filename
    folder: Folder = "/"
    downloadable: bool = False
    unmarked_reason: Reason | None = None
    contains_personal_data: bool | None = None
    appi_basis: AppiBasis | None = None
    export_control_class: ExportClass = "unknown"


class NewDocument(NewUpload, forbid_unknown_fields=True):
    """The same with its content, up to ten megabytes; larger ones are announced as an upload and sent as they are."""

    content_base64: Annotated[str, Meta(max_length=BASE64_MOST)] = ""


class DownloadPermission(Struct, forbid_unknown_fields=True):
    allowed: bool
    unmarked_reason: Reason | None = None


class NewLink(Struct, forbid_unknown_fields=True):
    uses: Annotated[int, Meta(ge=1, le=100)] = 20
    hours: Annotated[int, Meta(ge=1, le=24)] = 4


class LinkView(Struct):
    """`url` begins the address of a page: append its number. Shown this once; what is kept of it is a hash."""

    id: UUID
    url: str
    uses: int
    expires_at: datetime


class Erasure(Struct, forbid_unknown_fields=True):
    reason: Reason


# ---------------------------------------------------------------------------------------------------------------------
# In


@post("/listings/{listing_id:uuid}/documents", opt={"permission": "document:write"}, operation_id="AddDocument",
      summary="Add a small document to the dossier or the data room: checked, stripped, scanned and sealed before anybody reads it",
      responses=documented("not_found", "body_too_large", "document_refused", "documents_erased", "idempotency_key_reused"))
@creates
async def add_document(request: Request, tx: Tx, databases: Pools, store: Store, actor: Who, listing_id: FromPath[UUID],
                       data: JSONBody[NewDocument]) -> DocumentView:
    content = _decoded(data.content_base64)
    async with databases.apart(actor.scope()) as connection:
        upload_id = await uploads.announce(connection, actor, _announced(listing_id, data))
    checked = await uploads.receive(databases, store, actor, upload_id, _once(content))
    document_id = await uploads.publish(tx, actor, checked)
    return found_or_404(await find_document_view(await driver(tx), document_id))


def _announced(listing_id: UUID, data: NewUpload) -> Announced:
    return Announced(listing_id, data.level, data.folder, data.filename, data.downloadable, data.unmarked_reason,
                     Declared(data.contains_personal_data, data.appi_basis, data.export_control_class))


def _decoded(content_base64: str) -> bytes:
    try:
        content = base64.b64decode(content_base64, validate=True)
    except (binascii.Error, ValueError):
        raise field_problem("content_base64", Message.of(_("This is not base64."))) from None
    if not 1 <= len(content) <= SMALL_MOST_BYTES:
        raise field_problem("content_base64", Message.of(_("A document sent this way has at most 10 megabytes, and is not empty.")))
    return content


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


@post("/listings/{listing_id:uuid}/uploads", opt={"permission": "document:write"}, operation_id="AnnounceUpload",
      summary="Say what will be sent; then PUT the bytes to its content", responses=documented("not_found", "idempotency_key_reused"))
@creates
async def announce_upload(request: Request, tx: Tx, actor: Who, listing_id: FromPath[UUID], data: JSONBody[NewUpload]) -> UploadView:
    connection = await driver(tx)
    return await uploads.find_upload(connection, await uploads.announce(connection, actor, _announced(listing_id, data)))


@get("/uploads/{upload_id:uuid}", opt={"permission": "document:write"}, operation_id="ReadUpload",
     summary="How far an upload has come, and why it was refused", responses=documented("not_found"))
async def read_upload(read: Read, upload_id: FromPath[UUID]) -> UploadView:
    return found_or_404(await uploads.find_upload(read, upload_id))


@put("/uploads/{upload_id:uuid}/content", opt={"permission": "document:write"}, operation_id="ReceiveUpload",
     summary="The bytes of an announced upload (application/octet-stream), streamed; answers when they are checked",
     request_max_body_size=None, responses=documented("not_found", "conflict", "body_too_large", "document_refused", "documents_erased"))
async def receive_upload(request: Request, databases: Pools, store: Store, actor: Who, upload_id: FromPath[UUID]) -> DocumentView:
    stated = request.headers.get("content-length", "")
    if stated.isdigit() and int(stated) > store.settings.document_most_bytes:
        raise Problem("body_too_large")
    checked = await uploads.receive(databases, store, actor, upload_id, request.stream())
    async with databases.tx(actor.scope()) as tx:
        document_id = await uploads.publish(tx, actor, checked)
        return found_or_404(await find_document_view(await driver(tx), document_id))


# ---------------------------------------------------------------------------------------------------------------------
# Out


@get("/listings/{listing_id:uuid}/documents", opt={"permission": "document:read"}, operation_id="ListDocuments",
     summary="Documents of a listing one may open", responses=documented("not_found", "cursor_invalid"))
async def read_documents(read: Read, actor: Who, settings: Config, listing_id: FromPath[UUID], limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                         cursor: FromQuery[str | None] = None) -> DocumentPage:
    found = await list_documents(read, listing_id, page_asked(settings, actor, cursor, limit))
    if not found.items and not await holds_listing(read, listing_id):
        raise Problem("not_found")
    return found


@get("/documents/{document_id:uuid}/pages/{page:int}", opt={"permission": "document:read"}, operation_id="ReadDocumentPage",
     summary="One page as a picture with the reader's name, the time and a mark all over it; every look is recorded",
     responses=documented("not_found", "not_acceptable", "download_only", "rate_limited"), media_type="image/png")
async def read_page(databases: Pools, store: Store, redis: Memory, actor: Who, document_id: FromPath[UUID], page: FromPath[Page],
                    width: FromQuery[Width] = WIDTH_DEFAULT) -> Response[bytes]:
    await spend(redis, f"pages:{actor.member_id}", PAGES_A_MINUTE, 60)
    async with databases.tx(actor.scope()) as tx:
        mark = await documents.note_page(tx, actor, document_id, page)
    return Response(await Reading(databases, store, actor, document_id, mark=mark).page(page, width), media_type="image/png")


@get("/documents/{document_id:uuid}", opt={"permission": "document:read"}, operation_id="ReadDocument",
     summary="A copy of a document where that is allowed, marked for who takes it; every copy is recorded",
     responses=documented("not_found", "not_downloadable", "view_only", "rate_limited"), media_type="application/octet-stream")
async def read_document(databases: Pools, store: Store, redis: Memory, actor: Who, document_id: FromPath[UUID]) -> Stream:
    await spend(redis, f"copies:{actor.member_id}", COPIES_AN_HOUR, 3600)
    async with databases.tx(actor.scope()) as tx:
        mark = await documents.note_download(tx, actor, document_id)
    reading = Reading(databases, store, actor, document_id, mark=mark)
    opened = await reading.opened()
    content, for_once = await reading.copy(opened)
    return Stream(reading.pieces(content, for_once), headers={
        "Content-Type": opened["media_type"],
        "Content-Length": str(content.size_bytes),
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(opened['title'], safe='')}"})


@post("/documents/{document_id:uuid}/links", opt={"permission": "document:read"}, operation_id="MakeDocumentLink",
      summary="A link to the pages of a document for oneself on another device: a day at most, counted, gone with the grant",
      responses=documented("not_found", "limit_reached", "idempotency_key_reused"))
@creates
async def make_link(request: Request, tx: Tx, store: Store, actor: Who, document_id: FromPath[UUID], data: JSONBody[NewLink]) -> LinkView:
    made, token = await document_links.make_link(tx, actor, document_id, data.uses, data.hours)
    return LinkView(made.id, f"{store.settings.public_url}/v1/document-links/{token}/pages/", made.uses_most, made.expires_at)


@get("/listings/{listing_id:uuid}/document-links", opt={"permission": "document:read"}, operation_id="ListDocumentLinks",
     summary="Links to documents of a listing that still open: one's own, an administrator's whole firm's, all for one of its holder",
     responses=documented("not_found", "cursor_invalid"))
async def list_links(read: Read, actor: Who, settings: Config, listing_id: FromPath[UUID], limit: FromQuery[Limit] = PAGE_LIMIT_DEFAULT,
                     cursor: FromQuery[str | None] = None) -> LiveLinkPage:
    found = await list_live_links(read, listing_id, page_asked(settings, actor, cursor, limit))
    if not found.items and not await holds_listing(read, listing_id) and not await opens_any(read, listing_id):
        raise Problem("not_found")
    return found


@delete("/document-links/{link_id:uuid}", opt={"permission": "document:read"}, operation_id="EndDocumentLink",
        summary="End a link before its time: who made it, or an administrator of either side", responses=documented("not_found"))
async def end_link(tx: Tx, link_id: FromPath[UUID]) -> None:
    await document_links.end_link(tx, link_id)


@get("/document-links/{token:str}/pages/{page:int}", opt={"public": True}, operation_id="OpenDocumentLink",
     summary="One page through a link, for whom it was made; every look is recorded", media_type="image/png",
     responses=documented("link_invalid", "not_acceptable", "download_only", public=True))
async def open_link(request: Request, databases: Pools, store: Store, token: FromPath[str], page: FromPath[Page],
                    width: FromQuery[Width] = WIDTH_DEFAULT) -> Response[bytes]:
    opened = await document_links.open_link(databases, request.user, token)
    try:
        async with databases.tx(opened.actor.scope()) as tx:
            mark = await documents.note_page(tx, opened.actor, opened.document_id, page, by_link=True)
        reading = Reading(databases, store, opened.actor, opened.document_id, mark, opened.grant_id, opened.link_id)
        return Response(await reading.page(page, width), media_type="image/png")
    except Problem as problem:
        raise Problem("link_invalid") if problem.code == "not_found" else problem from None


# ---------------------------------------------------------------------------------------------------------------------
# What holders decide


@put("/documents/{document_id:uuid}/download-permission", opt={"permission": "document:write"}, operation_id="AllowDownload",
     summary="Whether buyers may take marked copies of a document", responses=documented("not_found"))
async def allow_download(tx: Tx, document_id: FromPath[UUID], data: JSONBody[DownloadPermission]) -> DocumentView:
    await documents.allow_download(tx, document_id, data.allowed, data.unmarked_reason)
    return found_or_404(await find_document_view(await driver(tx), document_id))


@delete("/documents/{document_id:uuid}", opt={"permission": "document:write"}, operation_id="RemoveDocument",
        summary="Take a document out; nobody opens it from then on", responses=documented("not_found"))
async def remove_document(tx: Tx, document_id: FromPath[UUID]) -> None:
    await documents.remove_document(tx, document_id)


@post("/listings/{listing_id:uuid}/document-erasure", opt={"permission": "document_erasure:decide"}, operation_id="AskDocumentErasure",
      summary="Ask that every document of a listing become unreadable for good",
      responses=documented("not_found", "documents_erased", "idempotency_key_reused"))
@creates
async def ask_erasure(request: Request, tx: Tx, actor: Who, listing_id: FromPath[UUID], data: JSONBody[Erasure]) -> listing_keys.ErasureView:
    return await listing_keys.ask_erasure(tx, actor, listing_id, data.reason)


@post("/listings/{listing_id:uuid}/document-erasure/confirmation", opt={"permission": "document_erasure:decide"}, operation_id="ConfirmDocumentErasure",
      summary="Destroy the key of a listing's documents, as the second of two persons",
      responses=documented("not_found", "step_refused", "second_confirmation_needed", "documents_erased", "idempotency_key_reused"))
@creates
async def confirm_erasure(request: Request, tx: Tx, actor: Who, listing_id: FromPath[UUID]) -> listing_keys.ErasureView:
    return await listing_keys.confirm_erasure(tx, actor, listing_id)


ROUTES: list = [
    add_document, announce_upload, read_upload, receive_upload, read_documents, read_page, read_document, make_link, list_links, end_link, open_link,
    allow_download, remove_document, ask_erasure, confirm_erasure,
]  # fmt: skip
