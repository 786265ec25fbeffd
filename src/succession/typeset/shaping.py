"""In which order and in which shapes do the letters of a line stand? Right to left where their script runs so, joined and stacked as it asks.

The order is that of the Unicode bidirectional algorithm (fpdf2 has it), the shapes are HarfBuzz's; no library of the machine is asked,
so that a page looks the same in a container that has none.
"""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from itertools import groupby
from typing import NamedTuple

import uharfbuzz
from fpdf.bidi import BidiParagraph

from succession.typeset.fonts import path_of, runs

_TURNS = frozenset(("R", "AL", "AN", "RLE", "RLO", "LRE", "LRO", "PDF", "RLI", "LRI", "FSI", "PDI"))
_STEERS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # direction only, no letter


class Piece(NamedTuple):
    """Letters of one font and direction, as they are read; `rtl`: from right to left."""

    font: str
    text: str
    rtl: bool


class Glyph(NamedTuple):
    """Where a shape of a font begins on the line, in heights of the letters. Number 0 is the box for what a font has not."""

    font: str
    number: int
    x: float
    y: float


class Line(NamedTuple):
    glyphs: tuple[Glyph, ...]
    width: float


def beside(*texts: str) -> str:
    """Several texts on one line from left to right, each in its own direction."""
    return "  ".join(f"\u2068{text}\u2069" for text in texts)


def pieces(text: str) -> list[Piece]:
    """A line from left to right as it is seen."""
    if not any(unicodedata.bidirectional(letter) in _TURNS for letter in text):
        return [Piece(font, part, False) for font, part in runs(text)]
    seen = BidiParagraph(text, preserve_bn_chars=True).get_reordered_characters()
    found: list[Piece] = []
    for level, group in groupby((each for each in seen if each.character not in _STEERS), lambda each: each.embedding_level):
        part, rtl = "".join(each.character for each in group), bool(level % 2)
        cut = [Piece(font, read, rtl) for font, read in runs(part[::-1] if rtl else part)]
        found += reversed(cut) if rtl else cut
    return found


@lru_cache(512)
def shaped(text: str, language: str) -> Line:
    """A line whose baseline begins at (0, 0). `language` (ja, zh-Hans, zh-Hant, ko) chooses among the shapes of one character."""
    x, found = 0.0, []
    for name, part, rtl in pieces(text):
        buffer, height = uharfbuzz.Buffer(), font(name).face.upem
        buffer.add_str(part)
        buffer.guess_segment_properties()
        buffer.direction, buffer.language = "rtl" if rtl else "ltr", language
        uharfbuzz.shape(font(name), buffer)
        for glyph, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            found.append(Glyph(name, glyph.codepoint, x + place.x_offset / height, place.y_offset / height))
            x += place.x_advance / height
    return Line(tuple(found), x)


@cache
def font(name: str) -> uharfbuzz.Font:
    """One of `fonts.FONTS`, at its own size."""
    return uharfbuzz.Font(uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(path_of(name)))))
