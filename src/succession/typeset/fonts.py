"""Which font has every letter of this text? Open fonts that come as packages; nothing is drawn as an empty box.

| font                    | has                                                        | licence | package                  |
|-------------------------|------------------------------------------------------------|---------|--------------------------|
| Noto Sans CJK           | Japanese, both Chinese scripts, Korean, Latin, Greek, Cyrillic | OFL 1.1 | cvttf-notosanscjk-regular |
| Noto Sans               | the rest of Latin (Vietnamese, Polish), Greek, Cyrillic    | OFL 1.1 | fontpkg-noto-sans        |

One CJK font holds the shapes of all four languages; `language` (ja, zh-Hans, zh-Hant, ko) picks among them when a text
is shaped. A letter in neither font is reported by `missing`, never left out in silence.
"""

from __future__ import annotations

import importlib.resources
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont

# Asked in this order, letter by letter.
FONTS: tuple[tuple[str, str, str], ...] = (
    ("Noto Sans CJK", "cvttf_NotoSansCJK_Regular", "NotoSansCJKtc-Regular.otf"),
    ("Noto Sans", "fontpkg_noto_sans", "files/NotoSans[wdth,wght].ttf"),
)


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
    """The text cut where the font changes: (font, part). Letters in no font stay with their neighbours' font."""
    found: list[tuple[str, str]] = []
    for letter in text:
        font = font_of(letter) or (found[-1][0] if found else FONTS[0][0])
        if found and found[-1][0] == font:
            found[-1] = (font, found[-1][1] + letter)
        else:
            found.append((font, letter))
    return found


def missing(text: str) -> str:
    """The letters of a text that no font has, each once, in order; white space is not a letter."""
    return "".join(dict.fromkeys(letter for letter in text if not letter.isspace() and font_of(letter) is None))
