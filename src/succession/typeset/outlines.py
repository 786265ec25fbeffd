"""How does a line of text get onto a page of somebody else's PDF, in any script? As outlines: nothing of its fonts is touched."""

from __future__ import annotations

from typing import NamedTuple

from fontTools.pens.basePen import BasePen

from succession.typeset.shaping import font, shaped


class Outline(NamedTuple):
    """Path operators of PDF, without the one that paints; `width` in the unit of `size`."""

    operators: bytes
    width: float


def outline(text: str, size: float, language: str) -> Outline:
    """A line whose baseline begins at (0, 0). `language` (ja, zh-Hans, zh-Hant, ko) chooses among the shapes of one character."""
    line, written = shaped(text, language), []
    for glyph in line.glyphs:
        pen = _Pen(size / font(glyph.font).face.upem, glyph.x * size, glyph.y * size)
        font(glyph.font).draw_glyph_with_pen(glyph.number, pen)
        written += pen.written
    return Outline("\n".join(written).encode(), line.width * size)


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
