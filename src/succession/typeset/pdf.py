"""How does a text become a PDF that opens in twenty years? Every font inside it, as a subset of open ones; two languages side by side.

Written to the rules of PDF/A-2u (XMP metadata, sRGB output intent, Unicode for every letter); no external validator was run. A text is
shaped in its own language, so that one font shows Japanese, Chinese and Korean forms of the same letter.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime
from functools import cache

from fpdf import FPDF
from fpdf.enums import DocumentCompliance, OutputIntentSubType
from fpdf.output import PDFICCProfile
from PIL import ImageCms

from succession.typeset.fonts import missing, path_of
from succession.typeset.shaping import Piece, pieces

MARGIN_MM, GAP_MM, LINE_MM, SIZE_PT = 16.0, 7.0, 4.6, 8.5
WIDEST_MM = 3.2  # wider than any letter at this size
HEADING_PT, FOOT_PT, FOOT_MM = 12.0, 7.0, 14.0
# What may not begin a line, and what may not end one (JIS X 4051, the common part).
NOT_FIRST = frozenset("、。，．・：；？！）」』】〉》〕｝’”ー々ゝゞ％ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ,.:;?!)]}")
NOT_LAST = frozenset("（「『【〈《〔｛‘“([{")
_WIDTHS: dict[tuple[str, float], float] = {}


@cache
def _srgb() -> bytes:
    """An sRGB profile made here: nobody's property."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


class Paper(FPDF):
    """A4, portrait. `foot` stands at the bottom of every page beside its number."""

    def __init__(self, title: str, subject: str, language: str, foot: str, made_at: datetime) -> None:
        super().__init__(format="A4", enforce_compliance=DocumentCompliance.PDFA_2U)
        self.foot, self.size = foot, SIZE_PT
        self.set_title(title)
        self.set_subject(subject)
        self.set_creator("succession")
        self.set_producer("succession, with fpdf2")
        self.set_creation_date(made_at)
        self.set_lang(language)
        self.add_output_intent(OutputIntentSubType.PDFA, "sRGB", "IEC 61966-2-1:1999", "http://www.color.org",
                               PDFICCProfile(contents=_srgb(), n=3, alternate="DeviceRGB"), "sRGB IEC 61966-2-1")
        self.set_margins(MARGIN_MM, MARGIN_MM)
        self.set_auto_page_break(False)
        self.speak(language)
        self.add_page()

    def speak(self, language: str) -> None:
        """Which language the next lines are in: "ja", "zh-Hans", "zh-Hant", "ko", "en" and so on."""
        self.language = language

    def footer(self) -> None:
        before, self.language, self.size = self.language, "ja", FOOT_PT
        self.set_y(self.h - FOOT_MM)
        self._line(self.foot, MARGIN_MM)
        number = str(self.page_no())
        self._line(number, MARGIN_MM + self.epw - self._width(number))
        self.language, self.size = before, SIZE_PT

    # ------------------------------------------------------------ what stands on the page

    def heading(self, text: str, language: str) -> None:
        self._room(3 * LINE_MM)
        self.speak(language)
        self.size = HEADING_PT
        for line in self.lines(text, self.epw):
            self._line(line, MARGIN_MM, LINE_MM * 1.6)
            self.ln(LINE_MM * 1.6)
        self.size = SIZE_PT

    def side_by_side(self, pairs: Iterable[tuple[str, str]], languages: tuple[str, str]) -> None:
        """Paragraphs of two texts, each beside its counterpart; both columns go on over the same page breaks."""
        column = (self.epw - GAP_MM) / 2
        places = (MARGIN_MM, MARGIN_MM + column + GAP_MM)
        for pair in pairs:
            set_lines = []
            for text, language in zip(pair, languages, strict=True):
                self.speak(language)
                set_lines.append([line for part in text.splitlines() for line in self.lines(part, column)])
            self._room(min(2, max(map(len, set_lines))) * LINE_MM)
            for number in range(max(map(len, set_lines))):
                self._room(LINE_MM)
                for lines, place, language in zip(set_lines, places, languages, strict=True):
                    if number < len(lines):
                        self.speak(language)
                        self._line(lines[number], place)
                self.ln(LINE_MM)
            self.ln(LINE_MM * 0.6)

    def facts(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """(what, value, language of the value): one under the other, values beside their names."""
        name_mm = 46.0
        for what, value, language in rows:
            self.speak("ja")
            names = self.lines(what, name_mm - 2)
            self.speak(language)
            values = [line for part in value.splitlines() for line in self.lines(part, self.epw - name_mm)] or [""]
            self._room(min(2, len(values)) * LINE_MM)
            for number in range(max(len(names), len(values))):
                self._room(LINE_MM)
                if number < len(names):
                    self.speak("ja")
                    self._line(names[number], MARGIN_MM)
                if number < len(values):
                    self.speak(language)
                    self._line(values[number], MARGIN_MM + name_mm)
                self.ln(LINE_MM)

    def paragraph(self, text: str, language: str) -> None:
        self.speak(language)
        for part in text.splitlines():
            for line in self.lines(part, self.epw):
                self._room(LINE_MM)
                self._line(line, MARGIN_MM)
                self.ln(LINE_MM)
        self.ln(LINE_MM * 0.6)

    def rule(self) -> None:
        """A thin line across, where one part ends."""
        self._room(2 * LINE_MM)
        self.set_draw_color(120)
        self.line(MARGIN_MM, self.get_y() + 1, MARGIN_MM + self.epw, self.get_y() + 1)
        self.ln(LINE_MM)

    # ------------------------------------------------------------ lines

    def lines(self, text: str, width: float) -> list[str]:
        """One paragraph cut into lines of `width` mm: between Latin words, between any two letters of the others but where the
        rules of Japanese forbid it; a word longer than a line is cut."""
        found, line, used = [], "", 0.0
        for word in self._words(text, width):
            wide = self._width(word)
            if line and used + wide > width - 0.5:
                found.append(line.rstrip(" "))
                line, used = "", 0.0
                if word == " ":
                    continue
            line, used = line + word, used + wide
        return [*found, line.rstrip(" ")] if line or not found else found

    def _words(self, text: str, width: float) -> list[str]:
        words: list[str] = []
        for letter in text:
            joins = words and letter != " " and words[-1] != " " and len(words[-1]) < width / WIDEST_MM and (
                letter in NOT_FIRST or words[-1][-1] in NOT_LAST or (_latin(letter) and _latin(words[-1][-1])))
            if joins or (words and unicodedata.category(letter)[0] in "MC"):
                words[-1] += letter
            else:
                words.append(letter)
        return words

    def _width(self, text: str) -> float:
        """Letters of the scripts without spaces stand alone, so their widths are few and kept for the next document."""
        if len(text) > 1:
            return sum(self._chosen(piece) for piece in pieces(text))
        if (key := (text, self.size)) not in _WIDTHS:
            _WIDTHS[key] = sum(self._chosen(piece) for piece in pieces(text))
        return _WIDTHS[key]

    def _chosen(self, piece: Piece) -> float:
        """Write in its font and direction from now on; how wide it is."""
        if piece.font.lower() not in self.fonts:
            self.add_font(piece.font, fname=str(path_of(piece.font)))
        self.set_font(piece.font, size=self.size)
        self.set_text_shaping(True, language=self.language, direction="rtl" if piece.rtl else "ltr")
        return self.get_string_width(piece.text)

    def _line(self, text: str, x: float, height: float = LINE_MM) -> None:
        for piece in pieces(text):
            wide = self._chosen(piece)
            self.set_x(x)
            self.cell(wide, height, piece.text)
            x += wide

    def _room(self, height: float) -> None:
        if self.get_y() + height > self.h - FOOT_MM - 3:
            self.add_page()


def _latin(letter: str) -> bool:
    """A letter of a script that keeps its words together."""
    return not letter.isspace() and (letter < "\u2e80" and letter not in "（）「」" or "\uac00" <= letter <= "\ud7a3")


def printable(text: str) -> str:
    """The text with a mark for every letter that no font of ours has: seen to be missing, never left out in silence."""
    gone = missing(text)
    return text.translate({ord(letter): "\u3013" for letter in gone}) if gone else text
