"""Is an uploaded document really what its name says? Decided by its content, never by what the sender declares.

| kind | must be                                                                          | shown page by page | copies are marked |
|------|----------------------------------------------------------------------------------|--------------------|-------------------|
| pdf  | begins with %PDF-, opens without a password                                      | yes                | yes               |
| png  | begins with the PNG signature, can be drawn, at most 40 million pixels           | yes                | yes               |
| jpeg | the same with the JPEG signature                                                 | yes                | yes               |
| xlsx | a ZIP with [Content_Types].xml and xl/workbook.xml, without macros, of sane size | no                 | no                |
| docx | the same with word/document.xml                                                  | no                 | no                |
| pptx | the same with ppt/presentation.xml                                               | no                 | no                |
| txt  | text in UTF-8 or cp932, without control characters                               | yes                | no                |
| csv  | the same, under the ending .csv                                                  | yes                | no                |
"""

from __future__ import annotations

import codecs
import io
import re
import zipfile

ENDINGS: dict[str, str] = {"pdf": "pdf", "png": "png", "jpg": "jpeg", "jpeg": "jpeg", "xlsx": "xlsx", "docx": "docx", "pptx": "pptx",
                           "txt": "txt", "csv": "csv"}
_OFFICE = "application/vnd.openxmlformats-officedocument."
MEDIA_TYPES: dict[str, str] = {
    "pdf": "application/pdf", "png": "image/png", "jpeg": "image/jpeg", "xlsx": f"{_OFFICE}spreadsheetml.sheet",
    "docx": f"{_OFFICE}wordprocessingml.document", "pptx": f"{_OFFICE}presentationml.presentation", "txt": "text/plain", "csv": "text/csv",
}
MARKED = frozenset({"pdf", "png", "jpeg"})  # a copy of these can carry the mark of who took it
# Most bytes of a kind where that is less than for any document: it has to be drawn or unpacked as a whole.
MOST_BYTES: dict[str, int] = {"png": 60_000_000, "jpeg": 60_000_000, "xlsx": 150_000_000, "docx": 150_000_000, "pptx": 150_000_000}

_SIGNATURES = ((b"%PDF-", "pdf"), (b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"))
_ZIP = b"PK\x03\x04"
_OFFICE_PARTS = {"xlsx": "xl/workbook.xml", "docx": "word/document.xml", "pptx": "ppt/presentation.xml"}
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_STEP_BYTES = 1024 * 1024


class RefusedFile(Exception):
    """Why a file is not kept or not shown: "not_what_it_says", "not_readable", "encrypted", "active_content", "too_much_inside",
    "no_such_page"."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def kind_named(filename: str) -> str | None:
    """The kind that the ending of a name promises, or None."""
    return ENDINGS.get(filename.rpartition(".")[2].lower()) if "." in filename else None


def kinds_of(source: io.BufferedReader) -> frozenset[str]:
    """The kinds that a content can be; none for what is not accepted."""
    source.seek(0)
    head = source.read(16)
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return frozenset({kind})
    if head.startswith(_ZIP):
        return _office_kinds(source)
    return frozenset({"txt", "csv"}) if encoding_of(source) else frozenset()


def _office_kinds(source: io.BufferedReader) -> frozenset[str]:
    try:
        with zipfile.ZipFile(source) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return frozenset()
    if "[Content_Types].xml" not in names:
        return frozenset()
    return frozenset(kind for kind, part in _OFFICE_PARTS.items() if part in names)


def encoding_of(source: io.BufferedReader) -> str | None:
    """The encoding in which the whole content is text, or None; an empty content is none."""
    decoders = {name: codecs.getincrementaldecoder(name)() for name in ("utf-8", "cp932")}
    source.seek(0)
    anything = False
    while step := source.read(_STEP_BYTES):
        anything = True
        if _CONTROL.search(step):
            return None
        for name in list(decoders):
            try:
                decoders[name].decode(step)
            except UnicodeDecodeError:
                del decoders[name]
        if not decoders:
            return None
    for name in list(decoders):
        try:
            decoders[name].decode(b"", True)
        except UnicodeDecodeError:
            del decoders[name]
    return next(iter(decoders), None) if anything else None
