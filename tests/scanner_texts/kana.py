"""How is a name in kana written in Latin letters, in the other kana and in half-width? (The evaluation's own tables.)

Written apart from the scanner's normaliser on purpose: the two may not share a mistake. Input is katakana; `.` marks
where a vowel does not lengthen the one before it (イノ.ウエ is Inoue).
"""

from __future__ import annotations

import unicodedata

_ROWS = {
    "": "アイウエオ", "k": "カキクケコ", "s": "サシスセソ", "t": "タチツテト", "n": "ナニヌネノ", "h": "ハヒフヘホ",
    "m": "マミムメモ", "r": "ラリルレロ", "g": "ガギグゲゴ", "z": "ザジズゼゾ", "d": "ダヂヅデド", "b": "バビブベボ",
    "p": "パピプペポ",
}
KUNREI = {kana: consonant + vowel for consonant, row in _ROWS.items() for kana, vowel in zip(row, "aiueo", strict=True)}
KUNREI |= {"ヤ": "ya", "ユ": "yu", "ヨ": "yo", "ワ": "wa", "ヲ": "o", "ヂ": "zi", "ヅ": "zu"}
KUNREI |= {kana + small: KUNREI[kana][0] + "y" + vowel for kana in "キシチニヒミリギジビピ"
           for small, vowel in zip("ャュョ", "auo", strict=True)}
# Sounds of loan words have no Kunrei spelling that anybody would write.
LOAN = {
    "ファ": "fa", "フィ": "fi", "フェ": "fe", "フォ": "fo", "ティ": "ti", "ディ": "di", "トゥ": "tu", "ドゥ": "du",
    "チェ": "che", "シェ": "she", "ジェ": "je", "ウィ": "wi", "ウェ": "we", "ウォ": "wo", "デュ": "dyu", "ヴァ": "va",
    "ヴィ": "vi", "ヴェ": "ve", "ヴォ": "vo", "ヴ": "vu", "クォ": "kwo", "ツァ": "tsa", "イェ": "ye", "フュ": "fyu",
}
_HEPBURN_CHANGES = {"si": "shi", "ti": "chi", "tu": "tsu", "hu": "fu", "zi": "ji"}
HEPBURN = {k: _HEPBURN_CHANGES.get(v, v) for k, v in KUNREI.items()} | LOAN
for _kana in [k for k in HEPBURN if k[0] in "シチジ" and len(k) == 2 and k[1] in "ャュョ"]:
    HEPBURN[_kana] = {"シ": "sh", "チ": "ch", "ジ": "j"}[_kana[0]] + HEPBURN[_kana][-1]

_LONG = {"ou": "ō", "oo": "ō", "uu": "ū"}
_PLAIN = str.maketrans("ōūāēī", "ouaei")


def _syllables(kana: str, table: dict[str, str]) -> list[str]:
    """Latin syllables; ン is `N`, ッ is `Q`, ー is `-` and `.` stays, all resolved by the callers."""
    out, i = [], 0
    while i < len(kana):
        pair = kana[i:i + 2]
        if len(pair) == 2 and pair in table:
            out.append(table[pair])
            i += 2
            continue
        out.append({"ン": "N", "ッ": "Q", "ー": "-", ".": "."}.get(kana[i]) or table[kana[i]])
        i += 1
    return out


def _join(syllables: list[str], *, passport_m: bool, double_ch: str) -> str:
    """Geminates and the nasal written out; long vowels marked with a macron, `.` dropped."""
    text = ""
    for i, part in enumerate(syllables):
        following = next((s for s in syllables[i + 1:] if s not in ".-"), "")
        if part == "Q":
            text += double_ch if following.startswith("ch") else following[:1]
        elif part == "N":
            text += "m" if passport_m and following[:1] in ("m", "b", "p") else "n"
            text += "'" if not passport_m and following[:1] in tuple("aiueoy") else ""
        elif part == "-":
            text = text[:-1] + {"a": "ā", "i": "ī", "u": "ū", "e": "ē", "o": "ō"}.get(text[-1:], text[-1:])
        elif part == ".":
            continue
        elif text and part in ("u", "o") and syllables[i - 1] != "." and text[-1] + part in _LONG:
            text = text[:-1] + _LONG[text[-1] + part]
        else:
            text += part
    return text


def hepburn(kana: str) -> str:
    """As in a passport: long vowels unmarked, m before m, b and p. トウショウ -> tosho."""
    return _join(_syllables(kana, HEPBURN), passport_m=True, double_ch="t").translate(_PLAIN)


def hepburn_with_macrons(kana: str) -> str:
    """トウショウ -> tōshō."""
    return _join(_syllables(kana, HEPBURN), passport_m=False, double_ch="t")


def kunrei(kana: str) -> str | None:
    """トウショウ -> tosyo; None where the name has a sound of a loan word."""
    try:
        return _join(_syllables(kana, KUNREI), passport_m=False, double_ch="t").translate(_PLAIN).replace("'", "")
    except KeyError:
        return None


def typed(kana: str) -> str:
    """As typed on a keyboard, every kana written: トウショウ -> toushou."""
    parts = [s for s in _syllables(kana, HEPBURN) if s != "."]
    out = ""
    for i, part in enumerate(parts):
        following = parts[i + 1] if i + 1 < len(parts) else ""
        out += {"N": "n", "-": "", "Q": "t" if following.startswith("ch") else following[:1]}.get(part, part)
    return out


def hiragana(kana: str) -> str:
    return "".join(chr(ord(c) - 0x60) if "ァ" <= c <= "ヶ" else c for c in kana)


_HALF = dict(zip(
    "ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン゛゜",
    (chr(c) for c in range(0xFF66, 0xFFA0)), strict=True))


def half_width(kana: str) -> str:
    """Half-width katakana with its sound marks as characters of their own: ガ -> ｶﾞ."""
    parted = unicodedata.normalize("NFD", kana).replace("\u3099", "゛").replace("\u309a", "゜")
    return "".join(_HALF.get(c, c) for c in parted)
