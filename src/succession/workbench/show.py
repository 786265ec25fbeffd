"""What does a reader see of one page? A picture of it with the reader's name over it; the file itself never leaves."""

from __future__ import annotations

import io
from typing import Any

import pypdfium2
from PIL import Image, ImageOps

from succession.typeset.watermark import draw_text, watermarked
from succession.workbench.clean_image import opened
from succession.workbench.filetypes import RefusedFile, encoding_of
from succession.workbench.text_pages import COLUMNS, LINES, pages_of
from succession.workbench.wire import Sink

PIXELS_MOST = 6_000_000
_PAPER = 1.4142  # height by width of a page of text
_LONGEST_SIDE = 4.0  # by the shorter one: a banner is drawn smaller, not larger


def page(source: io.BufferedReader, sink: Sink, arguments: dict[str, Any]) -> dict[str, Any]:
    """`arguments`: kind, page (from 1), width in pixels, lines of the watermark, language. Writes a PNG. Raises RefusedFile."""
    draw = {"pdf": _of_pdf, "txt": _of_text, "csv": _of_text}.get(arguments["kind"], _of_image)
    drawn = draw(source, arguments)
    shown = watermarked(drawn, arguments["lines"], arguments["language"])
    made = io.BytesIO()
    shown.save(made, "PNG", compress_level=4)
    sink.write(made.getbuffer())
    return {"width": shown.width, "height": shown.height}


def _scale(width: float, height: float, wanted: int) -> float:
    """What a page is enlarged by to be `wanted` pixels wide and no more than PIXELS_MOST."""
    scale = wanted / max(width, height / _LONGEST_SIDE)
    return min(scale, (PIXELS_MOST / (width * height)) ** 0.5)


def _of_pdf(source: io.BufferedReader, arguments: dict[str, Any]) -> Image.Image:
    try:
        document = pypdfium2.PdfDocument(source)
        if not 1 <= arguments["page"] <= len(document):
            raise RefusedFile("no_such_page")
        found = document[arguments["page"] - 1]
        width, height = found.get_size()
        if not (width > 0 and height > 0):
            raise RefusedFile("not_readable")
        return found.render(scale=_scale(width, height, arguments["width"]), may_draw_forms=False, rev_byteorder=True).to_pil().convert("RGB")
    except pypdfium2.PdfiumError:
        raise RefusedFile("not_readable") from None


def _of_image(source: io.BufferedReader, arguments: dict[str, Any]) -> Image.Image:
    if arguments["page"] != 1:
        raise RefusedFile("no_such_page")
    picture = ImageOps.exif_transpose(opened(source, arguments["kind"]))
    picture = picture.convert("RGBA") if picture.mode in ("P", "LA", "RGBA") else picture.convert("RGB")
    scale = _scale(*picture.size, arguments["width"])
    shown = picture.resize((max(1, round(picture.width * scale)), max(1, round(picture.height * scale))), Image.Resampling.LANCZOS)
    if shown.mode == "RGBA":
        paper = Image.new("RGB", shown.size, "white")
        paper.paste(shown, mask=shown.getchannel("A"))
        return paper
    return shown


def _of_text(source: io.BufferedReader, arguments: dict[str, Any]) -> Image.Image:
    lines = next((lines for number, lines in enumerate(pages_of(source, encoding_of(source) or "utf-8"), 1)
                  if number == arguments["page"]), None)
    if lines is None:
        raise RefusedFile("no_such_page")
    width = arguments["width"]
    paper = Image.new("RGB", (width, round(width * _PAPER)), "white")
    margin = width // 14
    size = round((width - 2 * margin) / COLUMNS * 1.9)
    step = min((paper.height - 2 * margin) / LINES, size * 1.6)
    for number, line in enumerate(lines):
        draw_text(paper, (margin, margin + number * step), line, size, arguments["language"], (20, 20, 20))
    return paper
