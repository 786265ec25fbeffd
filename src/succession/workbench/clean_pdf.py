"""What is left of a PDF? Its pages: no author, history or preview, no attached file, no script, nothing that opens or sends."""

from __future__ import annotations

import io
from typing import Any

import pikepdf

from succession.workbench.filetypes import RefusedFile
from succession.workbench.wire import Sink

OBJECTS_MOST = 2_000_000
PAGES_MOST = 20_000
_DEEP = 40
# Actions that run, open, send or fetch something; a jump inside the document and a web address stay.
_ACTIVE = frozenset({"/JavaScript", "/Launch", "/ImportData", "/SubmitForm", "/ResetForm", "/Rendition", "/Movie", "/Sound", "/GoToE",
                     "/GoToR", "/RichMediaExecute", "/SetOCGState", "/Hide", "/Trans", "/GoTo3DView"})
_ANNOTATIONS = frozenset({"/FileAttachment", "/RichMedia", "/Movie", "/Sound", "/Screen", "/3D"})
_TELLING = ("/Metadata", "/PieceInfo", "/LastModified", "/Thumb", "/AA", "/AF", "/EF", "/JS", "/OpenAction", "/XFA", "/Collection")


def clean_pdf(source: io.BufferedReader, sink: Sink) -> int:
    """Returns the number of pages. Raises RefusedFile."""
    try:
        with pikepdf.open(source, access_mode=pikepdf.AccessMode.stream, suppress_warnings=True) as pdf:
            if pdf.is_encrypted:
                raise RefusedFile("encrypted")
            if len(pdf.objects) > OBJECTS_MOST or len(pdf.pages) > PAGES_MOST:
                raise RefusedFile("too_much_inside")
            pages = len(pdf.pages)
            if not pages:
                raise RefusedFile("not_readable")
            _strip(pdf)
            pdf.save(_Seekless(sink), compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none,
                     object_stream_mode=pikepdf.ObjectStreamMode.preserve, fix_metadata_version=False)
            return pages
    except pikepdf.PasswordError:
        raise RefusedFile("encrypted") from None
    except (pikepdf.PdfError, ValueError, TypeError, KeyError, RecursionError):
        raise RefusedFile("not_readable") from None


def _strip(pdf: pikepdf.Pdf) -> None:
    if "/Info" in pdf.trailer:
        del pdf.trailer["/Info"]
    names = pdf.Root.get("/Names")
    for tree in ("/JavaScript", "/EmbeddedFiles", "/AlternatePresentations", "/Renditions"):
        if isinstance(names, pikepdf.Dictionary) and tree in names:
            del names[tree]
    for found in pdf.objects:
        if isinstance(found, pikepdf.Dictionary | pikepdf.Array | pikepdf.Stream):
            _strip_object(found, 0)


def _strip_object(found: Any, depth: int) -> None:
    if depth > _DEEP:
        raise RefusedFile("too_much_inside")
    if isinstance(found, pikepdf.Array):
        for number in reversed(range(len(found))):
            part = found[number]
            if _is_active(part):
                del found[number]
            elif not part_is_indirect(part):
                _strip_object(part, depth + 1)
        return
    if not isinstance(found, pikepdf.Dictionary | pikepdf.Stream):
        return
    for key in list(found.keys()):
        part = found[key]
        if key in _TELLING or _is_active(part):
            del found[key]
        elif not part_is_indirect(part):
            _strip_object(part, depth + 1)


def part_is_indirect(part: Any) -> bool:
    """Whether it is an object of its own, which the walk over all objects meets anyway."""
    return not isinstance(part, pikepdf.Object) or part.is_indirect


def _is_active(part: Any) -> bool:
    if not isinstance(part, pikepdf.Dictionary):
        return False
    kind = part.get("/S")
    if isinstance(kind, pikepdf.Name) and str(kind) in _ACTIVE and part.get("/Type", pikepdf.Name.Action) == pikepdf.Name.Action:
        return True
    annotation = part.get("/Subtype")
    return isinstance(annotation, pikepdf.Name) and str(annotation) in _ANNOTATIONS and "/Rect" in part


class _Seekless(io.RawIOBase):
    """What pikepdf asks of a file it writes to: it writes in order, and only wants to know where it is."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._sink.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if (whence, offset) in ((io.SEEK_CUR, 0), (io.SEEK_END, 0)) or (whence == io.SEEK_SET and offset == self._sink.tell()):
            return self._sink.tell()
        raise io.UnsupportedOperation("seek")

    def write(self, content: Any) -> int:
        return self._sink.write(content)
