"""Which spellings are one word, and which are one slip of the hand away from it?

A word is compared in one form whatever the width, case, kana, accents or generation of characters it is written in. Long
vowels and systems of romaji have a key of their own. A slip is one character
too many, missing, wrong, or two that changed places.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from succession.codes import read_table

_HIRAGANA = {katakana: katakana - 0x60 for katakana in range(ord("ァ"), ord("ヶ") + 1)}
_LATIN_MARKS = re.compile("[\u0300-\u036f]")
_APART = re.compile(r"[^\w']|_")


# --- one form -------------------------------------------------------------------------------------------------------


def words_of(text: str) -> list[str]:
    """The writer's words as typed, but for width and invisible characters; punctuation separates."""
    visible = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return [word for word in _APART.sub(" ", visible.replace("’", "'")).split() if fold(word)]


def fold(word: str) -> str:
    """One spelling for width, case, kana, accents and forms of characters: ﾎﾃﾙ and ほてる, Kyūshū and kyushu, 縣, 县 and 県."""
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", word).casefold())
    return unicodedata.normalize("NFC", _LATIN_MARKS.sub("", plain)).translate(_HIRAGANA).translate(_everyday()).replace("'", "")


def joined(words: list[str]) -> str:
    """Folded words as one text. A space stands only beside a Latin letter or digit: 老人 ホーム is 老人ホーム."""
    text = ""
    for word in words:
        text += f" {word}" if text and (is_latin(text[-1]) or is_latin(word[0])) else word
    return text


def is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def is_hangul(text: str) -> bool:
    return all("가" <= character <= "힣" for character in text)


def is_kana(text: str) -> bool:
    return all("ぁ" <= character <= "ゖ" or character == "ー" for character in text)


@cache
def _everyday() -> dict[int, str]:
    """Old, variant, simplified and traditional characters -> the everyday Japanese form. Followed to its end, no further than the tables go."""
    scripts = read_table("db/reference/han_scripts.tsv")
    forms = {form: row["everyday"] for row in scripts for form in row["forms"]}
    settled = {row["everyday"] for row in scripts}
    others = [(form, row["everyday"]) for row in read_table("db/reference/old_kanji.tsv") for form in row["forms"]]
    others += [(row["form"], row["folded"]) for row in read_table("db/reference/han_variants.tsv")]
    for form, folded in others:
        if form not in settled and form != folded:
            forms.setdefault(form, folded)
    return {ord(form): _end(form, forms) for form in forms}


def _end(form: str, forms: dict[str, str]) -> str:
    seen = {form}
    while (form := forms[form]) in forms and form not in seen:
        seen.add(form)
    return form


# --- other spellings ------------------------------------------------------------------------------------------------

_HEPBURN = [(re.compile(pattern), by) for pattern, by in (
    ("([sz])y(?=[auo])", r"\1h"), ("zh", "j"), ("ty(?=[auo])", "ch"), ("[jd]y(?=[auo])", "j"), ("si", "shi"), ("ti", "chi"), ("tu", "tsu"),
    ("(?<![sc])hu", "fu"), ("[zd]i", "ji"), ("d?zu|du", "zu"), ("tch", "ch"), ("n(?=[bmp])", "m"), ("oh(?![aeiou])", "o"), ("ou", "o"),
    (r"(.)\1", r"\1"))]  # fmt: skip
_ROMAJI = re.compile("(?:(?:[kgsztdnhbpmrfj]y?|ch|sh|ts|[wy])?[aeiou]|n|([kstpc])(?=\\1))+")
_HANGUL_BEGINNINGS = {"\u1100": "\u110f", "\u1103": "\u1110", "\u110c": "\u110e"}  # ㄱ ㄷ ㅈ -> ㅋ ㅌ ㅊ


def romaji_key(word: str) -> str:
    """Hepburn without long vowels or doubled letters: Toukyou, Ohsaka, Hukuoka, Nîgata are tokyo, osaka, fukuoka, nigata."""
    for pattern, by in _HEPBURN:
        word = pattern.sub(by, word)
    return word


def is_romaji(word: str) -> bool:
    """Whether Japanese could be spelt so. Nakano is: it is another name than Nagano, and no slip for it."""
    return _ROMAJI.fullmatch(word) is not None


def hangul_beginnings(name: str) -> str:
    """A Japanese name in Hangul as people begin it who do not know the rules of 1986: 쿄토 for 교토, 큐슈 for 규슈."""
    apart = unicodedata.normalize("NFD", name)
    return unicodedata.normalize("NFC", _HANGUL_BEGINNINGS.get(apart[0], apart[0]) + apart[1:])


# --- slips ----------------------------------------------------------------------------------------------------------


def shortened(word: str) -> Iterator[str]:
    """The word, and the word less each of its characters: two words one slip apart have one of these in common."""
    yield word
    yield from {word[:at] + word[at + 1 :] for at in range(len(word))}


def one_slip_apart(one: str, other: str) -> bool:
    """One character too many, missing or wrong, or two neighbours changed over."""
    if len(one) > len(other):
        one, other = other, one
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    if len(one) < len(other):
        return len(other) == len(one) + 1 and one[start:] == other[start + 1 :]
    swapped = one[start + 1 : start + 2] + one[start : start + 1]
    return one != other and (one[start + 1 :] == other[start + 1 :] or (swapped == other[start : start + 2] and one[start + 2 :] == other[start + 2 :]))
