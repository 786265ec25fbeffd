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

_SMALL = dict(zip("ぁぃぅぇぉゎ", "あいうえおわ", strict=True))  # ソフトウェア and ソフトウエア; ゃ, ゅ, ょ and っ tell words apart
_KANA = {at: _SMALL.get(chr(at - 0x60), chr(at - 0x60)) for at in range(ord("ァ"), ord("ヶ") + 1)} | str.maketrans(_SMALL)
_LATIN_MARKS = re.compile("[\u0300-\u036f]")
_A_KANA = re.compile("[ぁ-ゖァ-ヺｦ-ﾟ]")
_APART = re.compile(r"[^\w']|_")
_PLURALS = [(re.compile(pattern), by) for pattern, by in (("(?<=..)(ies|ie)$", "y"), ("((?<=..[sxz])|(?<=.[cs]h))(es|e)$", ""), ("(?<=...)(?<![siu])s$", ""))]
_NO_PLURALS = frozenset("glasses glasse goods lens news sales series chess securities customs".split())
# Said with a sign or a digit, which no word of the tables has.
_MAY_BE_SHORT = re.compile("[0-9/]")
_ABBREVIATED = [(re.compile(written, re.I), said) for written, said in (
    (r"\bw/(?=\s*\w)", "with "), (r"\bb2(?=[bc]\b)", "bto"), ("23(?=[区區])", "二十三"), (r"\b3pl\b", "third party logistics"), ("4s(?=店)", "汽车销售"),
    ("(?<=第)3(?=[者方人])", "三"), ("(?<=제)3(?=자)", "삼"), ("100(?=円)", "百"), (r"\b24\s?(?:時間|小时|小時|시간|hours?\b|h\b)", " "))]  # fmt: skip


# --- one form -------------------------------------------------------------------------------------------------------


def visible(text: str) -> str:
    """The text as typed, but for width, invisible characters and what is said with a digit ("B2B", 23区) or a sign ("w/")."""
    text = unicodedata.normalize("NFKC", text).replace("’", "'")
    if not text.isprintable():
        text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    if _MAY_BE_SHORT.search(text):
        for abbreviation, whole in _ABBREVIATED:
            text = abbreviation.sub(whole, text)
    return text


def words_of(text: str) -> list[str]:
    """The words of a visible text; punctuation separates."""
    return [word for word in _APART.sub(" ", text).split() if fold(word)]


def fold(word: str) -> str:
    """One spelling for width, case, kana, accents, forms of characters and English plurals: ﾎﾃﾙ and ほてる, Kyūshū and kyushu, 縣, 县 and 県,
    breweries and brewery."""
    if word.isascii():
        return _singular(word.lower().replace("'", ""))
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", word).casefold())
    folded = alike(unicodedata.normalize("NFC", _LATIN_MARKS.sub("", plain))).replace("'", "")
    return _singular(folded) if folded.isascii() else folded


def _singular(word: str) -> str:
    """One form for both numbers, a word or not: house and houses are hous. Some words mean another thing in the plural."""
    if word.endswith(("s", "e")) and word not in _NO_PLURALS:
        for ending, by in _PLURALS:
            if ending.search(word):
                return _singular(ending.sub(by, word))
    return word


def alike(text: str) -> str:
    """Kana of one kind and characters in everyday form, one for one: positions stay what they were."""
    return text.translate(_KANA).translate(_everyday())


def joined(words: list[str]) -> str:
    """Folded words as one text. A space stands only between Latin letters or digits: 老人 ホーム is 老人ホーム, IT 企業 is IT企業."""
    text = ""
    for word in words:
        text += f" {word}" if text and is_latin(text[-1]) and is_latin(word[0]) else word
    return text


def is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


def is_hangul(text: str) -> bool:
    return all("가" <= character <= "힣" for character in text)


def is_kana(text: str) -> bool:
    return all("ぁ" <= character <= "ゖ" or character == "ー" for character in text)


def language_of(text: str) -> str | None:
    """ "ja" or "zh" where the characters tell; None for Japanese without kana, which may be Chinese, and for anything else."""
    return "ja" if _A_KANA.search(text) else "zh" if _chinese().search(text) else None


@cache
def _chinese() -> re.Pattern[str]:
    """A character that only Chinese prints, or that Japanese hardly uses. Not 谷 or 雲: as Chinese forms of other characters they are in the table too."""
    forms = {form for row in read_table("db/reference/han_scripts.tsv") for form in row["forms"] if not _in_japanese_print(form)}
    return re.compile(f"[{''.join(sorted(forms | set('的在吗们這这')))}]")


def _in_japanese_print(character: str) -> bool:
    """Whether it is one of the 2,965 of level 1 in JIS X 0208 (rows 16 to 47)."""
    return b"\x88\x9f" <= character.encode("cp932", "replace") < b"\x98\x9f"


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
    (r"(.)\1+", r"\1"))]  # fmt: skip
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
