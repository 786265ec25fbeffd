"""In which forms would somebody type what names a company, and what is noise of the same shape?"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterator
from random import Random

_FORMS = re.compile(r"株式会社|有限会社|合同会社|合名会社|合資会社")
_SHORT = {"株式会社": ("㈱", "（株）", "(株)", "株)"), "有限会社": ("㈲", "（有）"), "合同会社": ("(同)",)}
_HIRAGANA = {kata: kata - 0x60 for kata in range(ord("ァ"), ord("ヶ") + 1)}
_HALF = dict(zip("アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲンー",
                 "ｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜｦﾝｰ", strict=True))  # fmt: skip
_KUNREI = (("shi", "si"), ("chi", "ti"), ("tsu", "tu"), ("fu", "hu"), ("ji", "zi"), ("sha", "sya"), ("cho", "tyo"))
_KANJI_DIGITS = str.maketrans("0123456789", "〇一二三四五六七八九")
_WIDE = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})


def written_forms(words: dict[str, str]) -> list[str]:
    """Everything somebody would try who looks for the company these words name; no form is shorter than three characters."""
    found: dict[str, None] = {}
    for kind, word in words.items():
        for form in _of_kind(kind, word):
            if 3 <= len(form.strip()) <= 200:
                found.setdefault(form)
    both = [words[name] for name in ("legal_name", "representative_name") if name in words]
    return [*found, " ".join(both), f'"{both[0]}"', f"name:{both[0]}", f"{both[0]} OR 1=1", f"東京 {both[0]}",
            f"{both[0]} 製造業"]


def _of_kind(kind: str, word: str) -> Iterator[str]:
    yield word
    yield " ".join(word)
    yield "\u200b".join(word)
    yield word.translate(_WIDE)
    yield unicodedata.normalize("NFKC", word)
    if kind == "legal_name":
        yield from _legal(word)
    if re.search("[ァ-ヶ]", word):
        yield word.translate(_HIRAGANA)
        yield "".join(_HALF.get(character, character) for character in word)
        yield "・".join(word)
    if re.fullmatch(r"[\x20-\x7e]+", word):
        yield from (word.upper(), word.lower(), word.title(), word[:-1], word.replace(" ", "-").lower(),
                    word.replace(" ", ""))
        kunrei = word.lower()
        for hepburn, other in _KUNREI:
            kunrei = kunrei.replace(hepburn, other)
        yield kunrei
        yield from word.split()[:1]
    if kind in ("corporate_number", "phone"):
        digits = re.sub(r"\D", "", word)
        yield from (digits, f"T{digits}", digits.translate(_KANJI_DIGITS),
                    "-".join((digits[:1], digits[1:5], digits[5:9], digits[9:])),
                    digits.translate(_WIDE), f"+81{digits[1:]}", f"法人番号{digits}")  # fmt: skip
    if kind == "address":
        yield word[3:]
        yield re.sub(r"(\d+)丁目(\d+)番(\d+)号", r"\1-\2-\3", word)
    if kind.startswith("representative") and " " in word:
        family, given = word.split()[:2]
        yield from (family + given, f"{given} {family}", f"代表取締役 {family}{given}", f"{family}社長")
    if kind == "url":
        yield from (word.removeprefix("https://"), f"www.{word.removeprefix('https://')}", word.replace(".", "[.]"))
    if kind in ("domain", "owner_email"):
        yield from (word.replace("@", " at ").replace(".", " dot "), word.partition(".")[0])


def _legal(name: str) -> Iterator[str]:
    core = _FORMS.sub("", name)
    yield core
    yield f"{core}様"
    yield f"{core}さん"
    yield core[:-1]
    yield core[1:]
    yield core[: len(core) // 2] + "ー" + core[len(core) // 2:]
    yield core[::-1]
    yield "\u202e" + core
    yield core[: len(core) // 2] + "\u0301" + core[len(core) // 2:]
    form = _FORMS.search(name)
    for short in _SHORT.get(form[0], ()) if form else ():
        yield from (f"{short}{core}", f"{core}{short}")
    if form:
        yield from (f"{form[0]} {core}", f"{core} {form[0]}", f"{form[0]}{core}", f"{core}{form[0]}")


_KINDS = (("ぁ", "ん", "ぬゐゑめ"), ("ァ", "ヶ", "ヌヰヱメ"), ("ｦ", "ﾟ", "ﾇﾒﾍﾑ"), ("一", "龥", "龘龗鱻麤"), ("０", "９", "０１２３"))


def noise_like(text: str, rng: Random) -> str:
    """A random string of the same shape: each character by one of its kind that names nothing."""
    def other(character: str) -> str:
        for low, high, pool in _KINDS:
            if low <= character <= high:
                return rng.choice(pool)
        for pool in (string.digits, string.ascii_lowercase, string.ascii_uppercase):
            if character in pool:
                return rng.choice("xqz" if pool is string.ascii_lowercase else "XQZ" if pool is string.ascii_uppercase
                                  else pool)
        return character

    return "".join(map(other, text))
