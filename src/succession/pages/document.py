"""How does a reader leaf through a document? One picture of a page at a time, with their own name over it; no script.

Opening this page shows a title. The picture is a request of its own, which is recorded as any look at a page is.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath, FromQuery, QueryParameter

from succession.disclosure.reading_queries import find_document_view
from succession.errors import Problem, found_or_404
from succession.pages.owner import Lang
from succession.pages.rendering import page as rendered
from succession.wiring import Locale, Read

PageNumber = Annotated[int, QueryParameter(ge=1, le=100_000)]


@get("/documents/{document_id:uuid}", opt={"permission": "document:read"}, operation_id="OpenDocumentPage",
     summary="Leaf through a document", include_in_schema=False)
async def open_document(read: Read, locale: Locale, document_id: FromPath[UUID], page: FromQuery[PageNumber] = 1,
                        lang: FromQuery[Lang | None] = None) -> Response[str]:
    document = found_or_404(await find_document_view(read, document_id))
    if document.pages is not None and page > document.pages:
        raise Problem("not_found")
    return rendered("document.html", lang or locale, document=document, number=page)


DOCUMENT_PAGE: list = [open_document]
