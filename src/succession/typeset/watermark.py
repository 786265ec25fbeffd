"""Who is looking at this page, and when? Written over the whole of it, in the script the name is written in.

The lines are repeated at a slant, close enough that whatever part is cut out still carries them, and in two tones, so that they can
be read on white and on black.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

from PIL import Image, ImageDraw, ImageFont, features

from succession.typeset.fonts import path_of, runs

SLANT_DEGREES = 28
LETTER_SHARE = 1 / 46  # of the shorter side of the page
LETTER_LEAST = 15  # pixels
_INK, _HALO = (70, 70, 90, 82), (255, 255, 255, 96)
_GAP_ACROSS, _GAP_DOWN = 1.5, 0.9  # between one and the next, in heights of a letter
LANGUAGES = {"JP": "ja", "CN": "zh-Hans", "SG": "zh-Hans", "TW": "zh-Hant", "HK": "zh-Hant", "MO": "zh-Hant", "KR": "ko"}


def language_of(country: str | None) -> str:
    """Whose shapes of Chinese characters a reader from there expects."""
    return LANGUAGES.get(country or "", "ja")


@cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path_of(name)), size)


def draw_text(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int, language: str, **ink: object) -> None:
    """One line from its upper left corner, every part in a font that has it."""
    x, y = at
    shaped = {"language": language} if features.check("raqm") else {}
    for name, part in runs(text):
        font = _font(name, size)
        draw.text((x, y + size), part, font=font, anchor="ls", **shaped, **ink)
        x += font.getlength(part, **shaped)


def width_of(text: str, size: int, language: str) -> float:
    """In pixels."""
    shaped = {"language": language} if features.check("raqm") else {}
    return sum(_font(name, size).getlength(part, **shaped) for name, part in runs(text))


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
    flat = Image.new("RGBA", (round(widest), round(size * (1.3 * len(lines) + 0.3))), (*_HALO[:3], 0))
    for ink in ({"fill": _HALO, "stroke_width": max(1, size // 12), "stroke_fill": _HALO}, {"fill": _INK}):
        layer = Image.new("RGBA", flat.size, (*ink["fill"][:3], 0))
        for number, line in enumerate(lines):
            draw_text(ImageDraw.Draw(layer), (0, number * size * 1.3), line, size, language, **ink)
        flat.alpha_composite(layer)
    return flat
