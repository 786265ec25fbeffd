"""Is an uploaded document really what its name says? Decided by its content, never by what the sender declares.

| type | must be                                                              |
|------|----------------------------------------------------------------------|
| pdf  | begins with %PDF-                                                    |
| png  | begins with the PNG signature                                        |
| jpeg | begins with the JPEG signature                                       |
| xlsx | a ZIP with [Content_Types].xml and xl/workbook.xml, without macros   |
| txt  | text in UTF-8 or cp932, without control characters                   |
| csv  | the same, under the ending .csv                                      |
"""

from __future__ import annotations

import io
import zipfile

DOCUMENT_MOST_BYTES = 10 * 1024 * 1024
MEDIA_TYPES: dict[str, str] = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "txt": "text/plain",
    "csv": "text/csv",
}
_SIGNATURES = {b"%PDF-": "application/pdf", b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_ZIP = b"PK\x03\x04"
_XLSX_PARTS = {"[Content_Types].xml", "xl/workbook.xml"}
_CONTROL = frozenset(range(32)) - {0x09, 0x0A, 0x0D} | {0x7F}


def media_type_of(filename: str, content: bytes) -> str | None:
    """The media type that name and content agree on, or None."""
    wanted = MEDIA_TYPES.get(filename.rpartition(".")[2].lower()) if "." in filename else None
    return wanted if wanted is not None and wanted in _kinds(content) else None


def _kinds(content: bytes) -> tuple[str, ...]:
    for signature, kind in _SIGNATURES.items():
        if content.startswith(signature):
            return (kind,)
    if content.startswith(_ZIP):
        return (MEDIA_TYPES["xlsx"],) if _is_plain_workbook(content) else ()
    return ("text/plain", "text/csv") if _is_text(content) else ()


def _is_plain_workbook(content: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False
    return names >= _XLSX_PARTS and not any(name.lower().endswith("vbaproject.bin") for name in names)


def _is_text(content: bytes) -> bool:
    if not content or _CONTROL.intersection(content):
        return False
    for encoding in ("utf-8", "cp932"):
        try:
            content.decode(encoding)
        except UnicodeDecodeError:
            continue
        return True
    return False
