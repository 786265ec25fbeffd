"""Which font has every letter of this text? Open fonts that come as packages; nothing is drawn as an empty box.

| font                 | has                                                            | licence | package                      |
|----------------------|----------------------------------------------------------------|---------|------------------------------|
| Noto Sans CJK        | Japanese, both Chinese scripts, Korean, Latin, Greek, Cyrillic | OFL 1.1 | cvttf-notosanscjk-regular    |
| Noto Sans            | the rest of Latin, Greek, Cyrillic; Devanagari                 | OFL 1.1 | fontpkg-noto-sans            |
| Noto Sans Arabic ... | what they are called after                                     | OFL 1.1 | fontpkg-noto-sans-arabic ... |
| Arimo                | Hebrew                                                         | OFL 1.1 | fontpkg-arimo                |
| Hind Siliguri        | Bengali                                                        | OFL 1.1 | fontpkg-hind-siliguri        |

One CJK font holds the shapes of all four languages; `language` (ja, zh-Hans, zh-Hant, ko) picks among them when a text
is shaped. A letter in no font is reported by `missing`, never left out in silence.
"""

from __future__ import annotations

import importlib.resources
import unicodedata
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont

# Asked in this order, letter by letter.
FONTS: tuple[tuple[str, str, str], ...] = (
    ("Noto Sans CJK", "cvttf_NotoSansCJK_Regular", "NotoSansCJKtc-Regular.otf"),
    ("Noto Sans", "fontpkg_noto_sans", "files/NotoSans[wdth,wght].ttf"),
    ("Noto Sans Arabic", "fontpkg_noto_sans_arabic", "files/NotoSansArabic[wdth,wght].ttf"),
    ("Arimo", "fontpkg_arimo", "files/Arimo[wght].ttf"),
    ("Noto Sans Thai", "fontpkg_noto_sans_thai", "files/NotoSansThai[wdth,wght].ttf"),
    ("Noto Sans Khmer", "fontpkg_noto_sans_khmer", "files/NotoSansKhmer[wdth,wght].ttf"),
    ("Noto Sans Tamil", "fontpkg_noto_sans_tamil", "files/NotoSansTamil[wdth,wght].ttf"),
    ("Noto Sans Telugu", "fontpkg_noto_sans_telugu", "files/NotoSansTelugu[wdth,wght].ttf"),
    ("Hind Siliguri", "fontpkg_hind_siliguri", "files/HindSiliguri-Regular.ttf"),
)


LANGUAGES = {"JP": "ja", "CN": "zh-Hans", "SG": "zh-Hans", "TW": "zh-Hant", "HK": "zh-Hant", "MO": "zh-Hant", "KR": "ko"}


def language_of(country: str | None) -> str:
    """Whose shapes of Chinese characters a reader from there expects."""
    return LANGUAGES.get(country or "", "ja")


@cache
def path_of(name: str) -> Path:
    """The file of one of FONTS. KeyError for another name."""
    package, file = {each: rest for each, *rest in FONTS}[name]
    return Path(str(importlib.resources.files(package))) / file


@cache
def _letters(name: str) -> frozenset[int]:
    with TTFont(path_of(name), lazy=True) as font:
        return frozenset(font.getBestCmap())


def font_of(letter: str) -> str | None:
    """The name of the first font that has this letter; None when no font does."""
    return next((name for name, *_rest in FONTS if ord(letter) in _letters(name)), None)


def runs(text: str) -> list[tuple[str, str]]:
    """The text cut where the font changes: (font, part). A mark stays with the letter it belongs to, a space or a stop with the word
    before it where that font has it; letters in no font stay with their neighbours'."""
    found: list[tuple[str, str]] = []
    for letter in text:
        stays = found and (unseen(letter) or (unicodedata.category(letter)[0] in "MZP" and ord(letter) in _letters(found[-1][0])))
        font = found[-1][0] if stays else font_of(letter) or (found[-1][0] if found else FONTS[0][0])
        if found and found[-1][0] == font:
            found[-1] = (font, found[-1][1] + letter)
        else:
            found.append((font, letter))
    return found


def unseen(letter: str) -> bool:
    """It only tells how its neighbours are drawn: joiners, directions, which variant of a character."""
    return unicodedata.category(letter) == "Cf" or "\ufe00" <= letter <= "\ufe0f" or "\U000e0100" <= letter <= "\U000e01ef"


def missing(text: str) -> str:
    """The letters of a text that no font has, each once, in order; what nobody sees is no letter."""
    return "".join(dict.fromkeys(
        letter for letter in text if not letter.isspace() and not unseen(letter) and font_of(letter) is None))
