"""In which written forms may a known name stand in a text?

From what a profile holds to *keys*: strings in the bare or the romaji view (`normal.py`). One key stands for very many
written forms, since both views drop what does not make another name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import accumulate

import msgspec

from succession.anonymity.scanner import english, generic
from succession.anonymity.scanner.findings import Own
from succession.anonymity.scanner.morphemes import long_words, short_words
from succession.anonymity.scanner.normal import bare_text, hepburn, plain, romaji_key
from succession.codes import read_table


class Keys(msgspec.Struct, frozen=True):
    """What to look for. `whole`: a name or most of it, may be misspelt; `parts`: a telling piece, only as it is."""

    whole: frozenset[str]
    parts: frozenset[str]
    romaji_whole: frozenset[str]
    romaji_parts: frozenset[str]
    digits: frozenset[str]
    acronyms: frozenset[str]  # upper case


_HAN = r"\u3005\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_CJK = re.compile(f"[{_HAN}ぁ-ヿ]")
_HAN_ONLY = re.compile(f"[{_HAN}]+")
_KANA_ONLY = re.compile(r"[ァ-ヺー]+")
_LATIN = re.compile(r"[a-z0-9]+")


@cache
def legal_forms(script: str) -> tuple[str, ...]:
    """Legal forms of one script, longest first, as typed in the table."""
    rows = (row["form"] for row in read_table("db/reference/legal_forms.tsv") if row["script"] == script)
    return tuple(sorted(rows, key=len, reverse=True))


@cache
def _form_pattern() -> re.Pattern[str]:
    japanese = "|".join(map(re.escape, (*legal_forms("ja"), *legal_forms("kana"))))
    bracket = "|".join(map(re.escape, legal_forms("bracket")))
    latin = "|".join(re.escape(form).replace(r"\ ", r"\s?").replace(r"\.", r"\.?") for form in legal_forms("latin"))
    return re.compile(
        rf"{japanese}|\((?:{bracket})\)|(?<![A-Za-z])(?:{latin})(?![A-Za-z])", re.IGNORECASE
    )  # fmt: skip


def core(name: str) -> str:
    """A name, plain, without legal forms and what separated them: 山田製作所 of (株)山田製作所."""
    text = plain(name).text
    stripped = _form_pattern().sub(" ", text).strip(" ,.&-・()")
    return stripped if bare_text(stripped) else text


# --- organisations -------------------------------------------------------------------------------------------------


def _of_organisation(name: str, kana: str | None = None) -> Iterator[tuple[str, str]]:
    """(sort of key, key) of one organisation, brand, shop or product."""
    written = core(name)
    yield "whole", bare_text(written)
    if not _CJK.search(written):
        yield from _of_latin_name(written)
        return
    reading = _kana(core(kana)) if kana else _reading(written)
    yield from _of_reading(reading, "whole")
    for beginning, rest in _beginnings(written):
        yield "parts", bare_text(beginning)
        yield from _of_reading(_reading_of_beginning(beginning, rest, reading), "parts")
    initials = "".join(hepburn(word)[:1] for _, word in long_words(written) if word).upper()
    if 3 <= len(initials) <= 6 and initials.isascii() and initials.isalpha():
        yield "acronyms", initials


def _of_reading(reading: str, sort: str) -> Iterator[tuple[str, str]]:
    """Kana and Latin keys of a reading in katakana."""
    if not _KANA_ONLY.fullmatch(reading):
        return
    yield sort, bare_text(reading)
    yield sort, bare_text(_without_long_vowels(reading))
    yield f"romaji_{sort}", romaji_key(hepburn(reading))


def _of_latin_name(written: str) -> Iterator[tuple[str, str]]:
    yield "romaji_whole", romaji_key(written)
    words = re.findall(r"[A-Za-zÀ-ɏ0-9]+", written)
    telling = [word for word in words if word.lower() not in ("and", "of", "the", "for", "und", "de")]
    if len(telling) >= 2:
        yield "acronyms", "".join(word[0] for word in telling).upper()
        for count in range(1, len(telling)):
            beginning = telling[:count]
            if not all(english.is_ordinary(word) for word in beginning):
                yield "romaji_parts", romaji_key("".join(beginning))


_LONG_VOWEL = re.compile(
    "(?<=[オコソトノホモヨロゴゾドボポョォ])[ウオ]|(?<=[ウクスツヌフムユルグズブプュゥ])ウ|(?<=[エケセテネヘメレゲゼデベペェ])[イエ]"
)


def _without_long_vowels(reading: str) -> str:
    """コギョ of コウギョウ, which is how コーギョー stands in the bare view."""
    return _LONG_VOWEL.sub("", reading)


def _kana(text: str) -> str:
    """What is kana in a plain text, as katakana with its small letters."""
    return "".join(chr(ord(c) + 0x60) if "ぁ" <= c <= "ゖ" else c for c in text if "ぁ" <= c <= "ヺ" or c == "ー")


def _reading(written: str) -> str:
    """How the dictionary reads it; right for nine names of ten (anonymisation.md, section 2)."""
    return "".join(reading or surface for surface, reading in long_words(written)).replace(" ", "")


def _beginnings(written: str) -> Iterator[tuple[str, str]]:
    """The words a name begins with, and the rest, where they are telling: 山田 of 山田製作所, but not 日本 or 総合."""
    cuts = set()
    for words in (long_words(written), short_words(written)):
        ends = list(accumulate(len(surface) for surface, _ in words))
        cuts |= set(ends[:-1])
    for cut in sorted(cuts):
        beginning, rest = written[:cut].rstrip(" ・のノ之&-"), written[cut:]
        if len(bare_text(beginning)) >= 2 and not generic.is_generic(beginning):
            yield beginning, rest


def _reading_of_beginning(beginning: str, rest: str, reading: str) -> str:
    """The reading the profile gives, less what the rest of the name reads."""
    ending = _reading(rest)
    if ending and reading.endswith(ending) and len(reading) > len(ending):
        return reading[: -len(ending)]
    return _reading(beginning)


# --- people, places, numbers ---------------------------------------------------------------------------------------


def _of_person(name: str) -> Iterator[tuple[str, str]]:
    """A whole name and, as parts, family and given name: each of them names somebody near the company."""
    written = plain(name).text.strip()
    latin = not _CJK.search(written)
    parts = re.split(r"[\s・,=]+", written)
    if len(parts) == 1 and not latin:
        parts = [surface for surface, _ in long_words(written)]
    yield "whole", bare_text(written)
    if latin:
        yield "romaji_whole", romaji_key(written)
        yield "romaji_whole", romaji_key("".join(reversed(parts)))
    for at, part in enumerate(parts if latin else [*parts, written]):
        if latin and len(part) >= 3:
            yield "romaji_parts", romaji_key(part)
        elif not latin and (at == 0 or len(part) > 1):  # a given name of one kanji is a common word
            yield "parts", bare_text(part)
            yield from _of_reading(_reading(part), "parts")


_PREFECTURE = re.compile(r"^(?:東京都|北海道|(?:京都|大阪)府|.{2,3}県)")
_MUNICIPALITY = re.compile(f"([{_HAN}ぁ-ヿ]{{1,8}}?[郡市区町村])(?=[{_HAN}ぁ-ヿ]|$)")
_TOWN = re.compile(f"[{_HAN}ぁ-ヿー]{{2,12}}")


def _of_place(address: str) -> Iterator[tuple[str, str]]:
    written = plain(address).text.strip()
    if not generic.is_generic(written):  # a site called 本社工場
        yield "whole", bare_text(written)
    rest = _PREFECTURE.sub("", written)
    while match := _MUNICIPALITY.match(rest):
        whole, stem = match[1], match[1][:-1]
        yield "parts", bare_text(whole)
        if len(stem) >= 2:
            yield "parts", bare_text(stem)
            yield from _of_reading(_reading(stem), "parts")
        rest = rest[match.end() :]
    for town in _TOWN.findall(rest):
        stem = re.sub("(?:丁目|番地|番|号|階)$", "", town)
        if len(stem) >= 2 and stem not in ("丁目", "番地", "ビル", "本社", "工場", "支店", "倉庫", "本店", "営業所"):
            yield "parts", bare_text(stem)
    if not _CJK.search(written):
        for word in re.findall(r"[A-Za-z][A-Za-z-]{3,}", written):
            if not english.is_ordinary(word):
                yield "romaji_parts", romaji_key(word)


_HOST = re.compile(r"^(?:[a-z]+://)?(?:[^/@\s]*@)?((?:[a-z0-9-]+\.)+[a-z]{2,})", re.IGNORECASE)
_PUBLIC_SUFFIX = frozenset("co ne or ac go ed gr lg ad com net org jp info biz example invalid www shop store".split())


def _of_identifier(written: str) -> Iterator[tuple[str, str]]:
    text = plain(written).text.strip()
    if host := _HOST.match(text):
        yield "whole", bare_text(host[1])
        labels = [label for label in host[1].lower().split(".") if label not in _PUBLIC_SUFFIX]
        for label in labels:
            yield "romaji_parts", romaji_key(label)
        return
    digits = re.sub(r"\D", "", text)
    if len(digits) >= 9:
        yield "digits", digits
        yield "digits", re.sub(r"^(?:81)?0?", "", digits)
    for group in re.findall(r"\d{4,}", re.sub(r"(?<=\d)[,-](?=\d)", "", text)):
        yield "digits", group
    if not text.replace("-", "").isdigit():
        yield "whole", bare_text(text)


# --- all -----------------------------------------------------------------------------------------------------------


def _all(own: Own) -> Iterator[tuple[str, str]]:
    # One reading is the legal name's, which stands first; as many readings as names belong to them in order.
    paired = len(own.kana) == 1 or len(own.kana) == len(own.names)
    kana_of = dict(zip(own.names, own.kana, strict=False)) if paired else {}
    for name in own.names:
        yield from _of_organisation(name, kana_of.get(name))
    for name in (*own.kana, *own.romaji, *own.others):
        yield from _of_organisation(name)
    for person in own.people:
        yield from _of_person(person)
    for place in own.places:
        yield from _of_place(place)
    for identifier in own.identifiers:
        yield from _of_identifier(identifier)


# A part shorter than this is no name by itself; a kanji is heavier than a letter.
_LEAST = {"whole": 1, "parts": 1, "romaji_whole": 3, "romaji_parts": 3, "digits": 4, "acronyms": 2}


def keys_of(own: Own) -> Keys:
    """All keys of a company. Words so general that they name nobody are left out."""
    found: dict[str, set[str]] = {sort: set() for sort in _LEAST}
    for sort, key in _all(own):
        if len(key) >= _LEAST[sort] and not (sort.startswith(("parts", "romaji_p")) and generic.is_generic(key)):
            found[sort].add(key)
    found["acronyms"] -= english.allowed_acronyms()
    found["parts"] -= found["whole"]
    found["romaji_parts"] -= found["romaji_whole"]
    return Keys(**{sort: frozenset(keys) for sort, keys in found.items()})


def is_latin(key: str) -> bool:
    return _LATIN.fullmatch(key) is not None


def is_kana(key: str) -> bool:
    return _KANA_ONLY.fullmatch(key) is not None


def is_han(key: str) -> bool:
    return _HAN_ONLY.fullmatch(key) is not None


