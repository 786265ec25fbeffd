"""What is left of a document when everything is taken off that tells who wrote it where, or that does something by itself?"""

from __future__ import annotations

import io
from typing import Any

from succession.workbench.clean_image import clean_image
from succession.workbench.clean_office import clean_office
from succession.workbench.clean_pdf import clean_pdf
from succession.workbench.filetypes import MOST_BYTES, RefusedFile, encoding_of, kind_named, kinds_of
from succession.workbench.text_pages import pages_of
from succession.workbench.wire import PIECE_BYTES, Sink


def clean(source: io.BufferedReader, sink: Sink, arguments: dict[str, Any]) -> dict[str, Any]:
    """`arguments`: filename. Writes what is kept; returns kind and pages (None: not shown page by page). Raises RefusedFile."""
    kind = kind_named(arguments["filename"])
    if kind is None or kind not in kinds_of(source):
        raise RefusedFile("not_what_it_says")
    if source.seek(0, io.SEEK_END) > MOST_BYTES.get(kind, 1 << 60):
        raise RefusedFile("too_much_inside")
    source.seek(0)
    pages: int | None = 1
    if kind == "pdf":
        pages = clean_pdf(source, sink)
    elif kind in ("png", "jpeg"):
        clean_image(source, sink, kind)
    elif kind in ("txt", "csv"):
        while piece := source.read(PIECE_BYTES):
            sink.write(piece)
        pages = sum(1 for _page in pages_of(source, encoding_of(source) or "utf-8"))
    else:
        clean_office(source, sink)
        pages = None
    return {"kind": kind, "pages": pages}
