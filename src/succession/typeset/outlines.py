"""How does a line of text get onto a page of somebody else's PDF, in any script? As outlines: nothing of its fonts is touched."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import uharfbuzz
from fontTools.pens.basePen import BasePen

from succession.typeset.fonts import path_of, runs


class Outline(NamedTuple):
    """Path operators of PDF, without the one that paints; `width` in the unit of `size`."""

    operators: bytes
    width: float


def outline(text: str, size: float, language: str) -> Outline:
    """A line whose baseline begins at (0, 0). `language` (ja, zh-Hans, zh-Hant, ko) chooses among the shapes of one character."""
    x, written = 0.0, []
    for name, part in runs(text):
        font, scale = _font(name), size / _face(name).upem
        buffer = uharfbuzz.Buffer()
        buffer.add_str(part)
        buffer.guess_segment_properties()
        buffer.language = language
        uharfbuzz.shape(font, buffer)
        for glyph, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            pen = _Pen(scale, x + place.x_offset * scale, place.y_offset * scale)
            font.draw_glyph_with_pen(glyph.codepoint, pen)
            written += pen.written
            x += place.x_advance * scale
    return Outline("\n".join(written).encode(), x)


class _Pen(BasePen):
    def __init__(self, scale: float, x: float, y: float) -> None:
        super().__init__(None)
        self._scale, self._x, self._y, self.written = scale, x, y, []

    def _at(self, *points: tuple[float, float]) -> str:
        return " ".join(f"{self._x + x * self._scale:.2f} {self._y + y * self._scale:.2f}" for x, y in points)

    def _moveTo(self, point: tuple[float, float]) -> None:
        self.written.append(f"{self._at(point)} m")

    def _lineTo(self, point: tuple[float, float]) -> None:
        self.written.append(f"{self._at(point)} l")

    def _curveToOne(self, first: tuple[float, float], second: tuple[float, float], end: tuple[float, float]) -> None:
        self.written.append(f"{self._at(first, second, end)} c")

    def _closePath(self) -> None:
        self.written.append("h")


@cache
def _face(name: str) -> uharfbuzz.Face:
    return uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(path_of(name))))


@cache
def _font(name: str) -> uharfbuzz.Font:
    return uharfbuzz.Font(_face(name))
