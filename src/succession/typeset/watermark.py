"""Who is looking at this page, and when? Written over the whole of it, in the script the name is written in.

The lines are repeated at a slant, close enough that whatever part is cut out still carries them, and in two tones, so that they can
be read on white and on black.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import uharfbuzz
from PIL import Image, ImageFilter

from succession.typeset.shaping import font, shaped

SLANT_DEGREES = 28
LETTER_SHARE = 1 / 46  # of the shorter side of the page
LETTER_LEAST = 15  # pixels
_INK, _HALO = (70, 70, 90, 82), (255, 255, 255, 96)
_BELOW = 0.45  # the baseline, in heights of a letter: Thai and Khmer reach this far
_GAP_ACROSS, _GAP_DOWN = 1.5, 0.9  # between one and the next, in heights of a letter


def letters(text: str, size: int, language: str) -> Image.Image:
    """One line as a mask, its baseline `size` from the top."""
    line, raster = shaped(text, language), uharfbuzz.RasterDraw()
    for glyph in line.glyphs:
        scale = size / font(glyph.font).face.upem
        raster.transform = (scale, 0, 0, scale, glyph.x * size, glyph.y * size)
        raster.draw_glyph(font(glyph.font), glyph.number)
    width, below = max(1, math.ceil(line.width * size)), round(size * _BELOW)
    raster.extents = uharfbuzz.RasterExtents(x_origin=0, y_origin=-below, width=width, height=size + below, stride=width + -width % 4)
    drawn = raster.render()
    return Image.frombuffer("L", (width, size + below), drawn.buffer, "raw", "L", drawn.extents.stride, -1)


def draw_text(paper: Image.Image, at: tuple[float, float], text: str, size: int, language: str, ink: int | tuple[int, ...]) -> None:
    """One line from its upper left corner, in fonts that have its letters."""
    paper.paste(ink, (round(at[0]), round(at[1])), letters(text, size, language))


def width_of(text: str, size: int, language: str) -> float:
    """In pixels."""
    return shaped(text, language).width * size


def watermarked(page: Image.Image, lines: Sequence[str], language: str = "ja") -> Image.Image:
    """The page with these lines all over it, as RGB."""
    size = max(LETTER_LEAST, round(min(page.size) * LETTER_SHARE))
    flat = _tile(lines, size, language)
    tile = flat.rotate(SLANT_DEGREES, Image.Resampling.BICUBIC, expand=True)
    base = page.convert("RGB")
    across, down = flat.width + size * _GAP_ACROSS, flat.height + size * _GAP_DOWN
    reach = math.hypot(*base.size) / 2
    cosine, sine = math.cos(math.radians(SLANT_DEGREES)), math.sin(math.radians(SLANT_DEGREES))
    rows, columns = math.ceil(reach / down) + 1, math.ceil(reach / across) + 1
    for row in range(-rows, rows + 1):
        for column in range(-columns, columns + 1):
            x, y = (column + (row % 2) / 2) * across, row * down
            left = round(base.width / 2 + x * cosine + y * sine - tile.width / 2)
            top = round(base.height / 2 - x * sine + y * cosine - tile.height / 2)
            if -tile.width < left < base.width and -tile.height < top < base.height:
                base.paste(tile, (left, top), tile)
    return base


def _tile(lines: Sequence[str], size: int, language: str) -> Image.Image:
    """The lines once, not yet slanted: a light edge under dark letters."""
    widest = max(width_of(line, size, language) for line in lines)
    edge = max(1, size // 12)
    ink = Image.new("L", (math.ceil(widest) + 2 * edge, round(size * (1.3 * len(lines) + 0.3)) + 2 * edge))
    for number, line in enumerate(lines):
        draw_text(ink, (edge, edge + number * size * 1.3), line, size, language, 255)
    flat = Image.new("RGBA", ink.size, (*_HALO[:3], 0))
    for (*colour, strength), mask in ((_HALO, ink.filter(ImageFilter.MaxFilter(2 * edge + 1))), (_INK, ink)):
        layer = Image.new("RGBA", ink.size, tuple(colour))
        layer.putalpha(mask.point(lambda covered, strength=strength: covered * strength // 255))
        flat.alpha_composite(layer)
    return flat
