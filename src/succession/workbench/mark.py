"""How does a copy that left the house say to whom it was given? On every page, and where nobody looks.

A line at the foot and one across in the reader's own script; the mark once more as text that is not drawn, in the properties and in
the XMP of a PDF, in a comment of a picture. `marks_in` finds it again.
"""

from __future__ import annotations

import io
import re
from typing import Any
from xml.sax.saxutils import escape

import pikepdf
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from succession.typeset.outlines import outline
from succession.typeset.shaping import beside
from succession.typeset.watermark import draw_text, watermarked, width_of
from succession.workbench.clean_image import opened
from succession.workbench.clean_pdf import _Seekless
from succession.workbench.filetypes import RefusedFile
from succession.workbench.wire import Sink

PREFIX = "succession-copy:"
_MARK = re.compile(rb"succession-copy:([0-9A-Z]{16})")
_FOOT_POINTS, _ACROSS_POINTS = 7.0, 20.0
_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier>{mark}</dc:identifier></rdf:Description>
</rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""
# What is shown bottom left of a page that is turned by so much: a, b, c, d and the corner it begins in.
_TURNED = {0: ((1, 0, 0, 1), (0, 1)), 90: ((0, 1, -1, 0), (2, 1)), 180: ((-1, 0, 0, -1), (2, 3)), 270: ((0, -1, 1, 0), (0, 3))}


def copy(source: io.BufferedReader, sink: Sink, arguments: dict[str, Any]) -> dict[str, Any]:
    """`arguments`: kind, mark, lines, language. Writes the marked copy. Raises RefusedFile for a kind that cannot carry a mark."""
    if arguments["kind"] == "pdf":
        _mark_pdf(source, sink, arguments)
    elif arguments["kind"] in ("png", "jpeg"):
        _mark_image(source, sink, arguments)
    else:
        raise RefusedFile("not_readable")
    return {"size_bytes": sink.written}


def marks_in(content: bytes) -> list[str]:
    """The marks that a leaked copy still carries, each once."""
    found = list(_MARK.findall(content))
    if content.startswith(b"%PDF-"):
        try:
            with pikepdf.open(io.BytesIO(content), suppress_warnings=True) as pdf:
                for each in pdf.objects:
                    if isinstance(each, pikepdf.Stream) and each.get("/Subtype") != pikepdf.Name.Image:
                        found += _MARK.findall(each.read_bytes())
                    elif isinstance(each, pikepdf.Dictionary) and "/Copy" in each:
                        found += _MARK.findall(bytes(each["/Copy"]))
        except (pikepdf.PdfError, ValueError, TypeError):
            pass  # whatever could be found in the bytes as they are was found
    return [mark.decode() for mark in dict.fromkeys(found)]


def _mark_pdf(source: io.BufferedReader, sink: Sink, arguments: dict[str, Any]) -> None:
    mark, language = PREFIX + arguments["mark"], arguments["language"]
    try:
        with pikepdf.open(source, access_mode=pikepdf.AccessMode.stream, suppress_warnings=True) as pdf:
            foot = _form(pdf, beside(*arguments["lines"]), _FOOT_POINTS, language, b"0.25 g 1 G 1.6 w")
            across = _form(pdf, beside(*arguments["lines"][:2]), _ACROSS_POINTS, language, b"/SxFaint gs 0.4 g 1 G 1 w")
            unseen = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica))
            before = pdf.make_stream(b"q\n")
            for page in pdf.pages:
                _mark_page(pdf, page, mark, {"XObject": {"SxFoot": foot[0], "SxAcross": across[0]}, "Font": {"SxUnseen": unseen}},
                           (foot[1], across[1]), before)
            pdf.Root.Metadata = pdf.make_stream(_XMP.format(mark=escape(mark)).encode(), Type=pikepdf.Name.Metadata, Subtype=pikepdf.Name.XML)
            pdf.trailer["/Info"] = pdf.make_indirect(pikepdf.Dictionary(Copy=pikepdf.String(mark)))
            pdf.save(_Seekless(sink), compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none,
                     object_stream_mode=pikepdf.ObjectStreamMode.disable, fix_metadata_version=False)
    except (pikepdf.PdfError, ValueError, TypeError, KeyError):
        raise RefusedFile("not_readable") from None


def _form(pdf: pikepdf.Pdf, text: str, points: float, language: str, ink: bytes) -> tuple[pikepdf.Object, float]:
    """(one line as a form, its width in points). The halo is drawn first, so that it can be read on dark ground."""
    drawn = outline(text, points, language)
    faint = pikepdf.Dictionary(Type=pikepdf.Name.ExtGState, ca=0.16, CA=0.16)
    form = pdf.make_stream(ink + b"\n" + drawn.operators + b"\nS\n" + drawn.operators + b"\nf\n", Type=pikepdf.Name.XObject,
                           Subtype=pikepdf.Name.Form, BBox=[-2, -points, drawn.width + 2, 2 * points],
                           Resources=pikepdf.Dictionary(ExtGState=pikepdf.Dictionary(SxFaint=faint)))
    return form, drawn.width


def _mark_page(pdf: pikepdf.Pdf, page: pikepdf.Page, mark: str, resources: dict[str, dict[str, pikepdf.Object]],
               widths: tuple[float, float], before: pikepdf.Object) -> None:
    _add_resources(page, resources)
    box = [float(each) for each in page.cropbox]
    box = [min(box[0], box[2]), min(box[1], box[3]), max(box[0], box[2]), max(box[1], box[3])]
    turned = int(_inherited(page, "/Rotate") or 0) % 360
    (a, b, c, d), corner = _TURNED.get(turned, _TURNED[0])
    wide, high = box[2] - box[0], box[3] - box[1]
    if turned in (90, 270):
        wide, high = high, wide
    foot, across = min(1.0, (wide - 16) / widths[0]), min(2.5, (wide * 0.8) / widths[1])
    page.contents_add(before, prepend=True)
    page.contents_add(pdf.make_stream(
        f"\nQ\nq\n{a} {b} {c} {d} {box[corner[0]]:.2f} {box[corner[1]]:.2f} cm\n"
        f"q {max(foot, 0.01):.4f} 0 0 {max(foot, 0.01):.4f} 8 8 cm /SxFoot Do Q\n"
        f"q {across * 0.87:.4f} {across * 0.5:.4f} {-across * 0.5:.4f} {across * 0.87:.4f} "
        f"{wide * 0.15:.2f} {high * 0.25:.2f} cm /SxAcross Do Q\n"
        f"BT 3 Tr /SxUnseen 1 Tf 8 4 Td ({mark}) Tj ET\nQ\n".encode()))


def _add_resources(page: pikepdf.Page, resources: dict[str, dict[str, pikepdf.Object]]) -> None:
    """What a page inherits or shares is copied first: other pages keep theirs."""
    own = pikepdf.Dictionary(_inherited(page, "/Resources") or {})
    for kind, named in resources.items():
        group = pikepdf.Dictionary(own.get(f"/{kind}") or {})
        for name, found in named.items():
            group[f"/{name}"] = found
        own[f"/{kind}"] = group
    page.obj["/Resources"] = own


def _inherited(page: pikepdf.Page, name: str) -> Any:
    found = page.obj
    for _level in range(60):
        if name in found:
            return found[name]
        if "/Parent" not in found:
            return None
        found = found["/Parent"]
    return None


def _mark_image(source: io.BufferedReader, sink: Sink, arguments: dict[str, Any]) -> None:
    picture = opened(source, arguments["kind"])
    shown = watermarked(picture if picture.mode != "P" else picture.convert("RGBA"), arguments["lines"], arguments["language"])
    line, language = beside(*arguments["lines"]), arguments["language"]
    size = max(10, shown.width // 90)
    while size > 8 and width_of(line, size, language) > shown.width - size:
        size -= 1
    marked = Image.new("RGB", (shown.width, shown.height + round(size * 1.8)), "white")
    marked.paste(shown)
    draw_text(marked, (size // 2, shown.height + size * 0.3), line, size, language, (60, 60, 60))
    mark = PREFIX + arguments["mark"]
    if arguments["kind"] == "png":
        said = PngInfo()
        said.add_text("Copy", mark)
        marked.save(sink, "PNG", pnginfo=said)
    else:
        marked.save(sink, "JPEG", quality=95, comment=mark.encode())
