"""What is left of an office file? Its parts, written anew: without author, company, manager, template, preview, macro or who commented.

The three parts that hold such properties are replaced by empty ones, so nothing that points to them breaks. Refused: macros,
ActiveX, objects of other programs, whatever is fetched from elsewhere when the file is opened, and archives that swell.
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from succession.workbench.clean_authors import PART_MOST_BYTES, WHERE, Authors
from succession.workbench.filetypes import RefusedFile
from succession.workbench.wire import Sink

PARTS_MOST = 10_000
UNPACKED_MOST_BYTES = 1_000_000_000
XML_MOST_BYTES = 20_000_000
RATIO_MOST = 400
_INNER_MOST_BYTES = 50_000_000
_STEP_BYTES = 256 * 1024
_XML = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_PROPERTIES = {
    "docProps/core.xml": _XML + b'<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"/>',
    "docProps/app.xml": _XML + b'<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"/>',
    "docProps/custom.xml": _XML + b'<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"/>',
}
_GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
_ACTIVE = re.compile(r"vbaproject|vbadata|/activex/|/ctrlprops/|\.bin$|/macrosheets/|/dialogsheets/|attachedtoolbars", re.IGNORECASE)
_PRINTER = re.compile(r"/printersettings/[^/]+\.bin$", re.IGNORECASE)  # the name of somebody's printer, and no more
_INNER = re.compile(r"/embeddings/[^/]+\.(xlsx|docx|pptx)$", re.IGNORECASE)
_MACRO_TYPE = re.compile(rb"macroEnabled|vbaProject|activeX", re.IGNORECASE)
_HARMLESS_ELSEWHERE = "/hyperlink"


def clean_office(source: Any, sink: Any, inside: bool = False) -> None:
    """Write the archive anew. Raises RefusedFile."""
    try:
        with zipfile.ZipFile(source) as old, zipfile.ZipFile(_Unseekable(sink), "w", zipfile.ZIP_DEFLATED) as new:
            entries = old.infolist()
            _measure(entries)
            authors = Authors()
            for entry in entries:
                if entry.is_dir():
                    continue
                _copy_part(old, new, entry, inside, authors)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError):
        raise RefusedFile("not_readable") from None


def _measure(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > PARTS_MOST or sum(entry.file_size for entry in entries) > UNPACKED_MOST_BYTES:
        raise RefusedFile("too_much_inside")
    names = [entry.filename for entry in entries]
    if len(set(names)) != len(names) or any(name.startswith("/") or ".." in name.split("/") or "\\" in name for name in names):
        raise RefusedFile("not_readable")
    for entry in entries:
        if entry.flag_bits & 0x1:
            raise RefusedFile("encrypted")
        if entry.file_size > 1_000_000 and entry.file_size > RATIO_MOST * max(1, entry.compress_size):
            raise RefusedFile("too_much_inside")


def _copy_part(old: zipfile.ZipFile, new: zipfile.ZipFile, entry: zipfile.ZipInfo, inside: bool, authors: Authors) -> None:
    name = entry.filename
    fresh = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # when it was saved is nobody's business
    fresh.compress_type = zipfile.ZIP_DEFLATED
    if name in _PROPERTIES or name.lower().startswith("docprops/"):
        new.writestr(fresh, _PROPERTIES.get(name, _GIF))
    elif _PRINTER.search(name):
        new.writestr(fresh, b"")
    elif _ACTIVE.search(name):
        raise RefusedFile("active_content")
    elif _INNER.search(name):
        new.writestr(fresh, _inner(old, entry, inside))
    elif name == "[Content_Types].xml" or name.endswith(".rels"):
        content = _small(old, entry)
        _look(name, content)
        new.writestr(fresh, content)
    elif WHERE.match(name):
        new.writestr(fresh, authors.without(_small(old, entry, PART_MOST_BYTES)))
    else:
        if "/embeddings/" in name.lower():
            raise RefusedFile("active_content")
        with old.open(entry) as reading, new.open(fresh, "w") as writing:
            left = entry.file_size
            while step := reading.read(_STEP_BYTES):
                left -= len(step)
                if left < 0:
                    raise RefusedFile("too_much_inside")
                writing.write(step)


def _inner(old: zipfile.ZipFile, entry: zipfile.ZipInfo, inside: bool) -> bytes:
    """A workbook behind a chart is cleaned as well; one inside that is one too many."""
    if inside or entry.file_size > _INNER_MOST_BYTES:
        raise RefusedFile("too_much_inside")
    cleaned = io.BytesIO()
    clean_office(io.BytesIO(old.read(entry)), cleaned, inside=True)
    return cleaned.getvalue()


def _small(old: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int = XML_MOST_BYTES) -> bytes:
    if entry.file_size > most:
        raise RefusedFile("too_much_inside")
    return old.read(entry)


def _look(name: str, content: bytes) -> None:
    """Content types name no macro; nothing but a link somebody clicks points elsewhere."""
    try:
        root = ElementTree.fromstring(content)
    except (ParseError, DefusedXmlException, ValueError):
        raise RefusedFile("not_readable") from None
    if name == "[Content_Types].xml":
        if _MACRO_TYPE.search(content):
            raise RefusedFile("active_content")
        return
    for relation in root:
        if relation.get("TargetMode", "").lower() == "external" and not relation.get("Type", "").endswith(_HARMLESS_ELSEWHERE):
            raise RefusedFile("active_content")


class _Unseekable(io.RawIOBase):
    """zipfile writes to this in order: sizes follow their part."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, content: Any) -> int:
        return self._sink.write(content)

    def flush(self) -> None:
        return
