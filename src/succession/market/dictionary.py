"""Which words name which published codes, in Japanese, English, Chinese and Korean?

Every entry is published vocabulary: names of places, industries, schemes, timing and phrases, and everyday words for them.
There is no company's name in it, no number, and no phrase that is shown only after the name clear.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from typing import NamedTuple

from succession.anonymity.vocabulary import vocabulary
from succession.codes import ANY, NAME_LOCALES, SCHEMES, read_table, translated
from succession.market.spelling import (
    fold,
    hangul_beginnings,
    is_hangul,
    is_kana,
    is_latin,
    is_romaji,
    joined,
    one_slip_apart,
    romaji_key,
    visible,
    words_of,
)

def _by_first(words: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for word in map(fold, words.split()):
        found[word[0]] = (*found.get(word[0], ()), word)
    return found


#: Only between two terms of a text that needs no spaces there: 東北の酒蔵, 东京的旅馆, 도쿄의 료칸. Each table: first character -> words.
PARTICLES = _by_first("にある における での からの への には では とや の で と に か が を は も へ な から より まで 及び または 又は もしくは "
                      "的 和 与 與 及 跟 或 或者 以及 의 에 에서 에서의 와 과 및 나 이나 랑 이랑 을 를 이 가 은 는 도 로 으로 쪽 까지")
#: Particles that make the trade before them tell what kind of the next it is: 食品の物流.
BELONGING = ("の", "的", "의", "之")
#: What a text that needs no spaces joins to a trade, to a place (大阪南部), to a trade in Chinese, and in Korean to the end of any word.
TRADE_ENDINGS = _by_first("業 屋 屋さん さん 厂 厂家 厂商 商 商家 업 업자")
PLACE_ENDINGS = _by_first("内 市内 県内 府内 都内 北部 南部 東部 西部 中部 中央部 沿岸 沿岸部 近郊 周辺 近辺 方面 地区 地域 地方 エリア 圏 産 発 在住 境内 周边 近郊 附近 一带 地区 "
                          "내 시내 북부 남부 동부 서부 중부 쪽 권 산 지역 지방 근교 근처 주변 인근 일대")
CHINESE_ENDINGS = _by_first("店 行 社 馆 铺 坊 所 院 公司")
KOREAN_ENDINGS = _by_first("은 는 이 가 을 를 도 의 에 에서 로 으로 와 과 만 들 부터 까지 에게 한 인 된 할 될 하는 하고 해 되는 되어 이고 이며 라 이라 입니다 이에요 예요 이다 요 용 형 적 적인 등 쪽 께 님 류")

# How short a word may be for a slip in it to be read: shorter ones are one slip from too many names.
LATIN_LEAST, KANA_LEAST, HAN_LEAST, HANGUL_LEAST = 5, 4, 5, 3
SHORT_MOST, SLIP_MOST = 4, 40
_SEEN_BITS = 1 << 22
_ROMAJI_LEAST, _ROMAJI_SLIP_LEAST = 4, 7

Meaning = frozenset[tuple[str, str]]  # of (attribute, code); attribute "phrases" for phrases; empty for a filler
Named = Iterator[tuple[str, str, str]]  # word, attribute, code


class Dictionary(NamedTuple):
    """`entries`: folded word -> meaning. `of_language`: "ja" or "zh" -> the entries that mean less in that language than in both.
    `written`: as the tables write it. `lengths`: first two characters -> lengths of the entries that begin with them, longest
    first; a filler of one character is under itself. `latin`: every Latin word of an entry; `romaji`: romaji key -> the entry it is of; `near`: what may be a slip away.
    """

    entries: dict[str, Meaning]
    of_language: dict[str, dict[str, Meaning]]
    written: dict[str, str]
    lengths: dict[str, tuple[int, ...]]
    latin: frozenset[str]
    romaji: dict[str, str]
    near: Near


@cache
def dictionary() -> Dictionary:
    entries: dict[str, Meaning] = {}
    written: dict[str, str] = {}
    meanings: dict[Meaning, Meaning] = {}  # a few hundred, of tens of thousands of words
    for name, attribute, code in chain(_names(), _translated(), _places_said(), _synonyms(), _readings(), _phrases()):
        key = key_of(name)
        for spelling in _spellings(key, attribute):
            if len(spelling) > 1:  # a single character is in too many names
                meaning = entries.get(spelling, frozenset()) | {(attribute, code)}
                entries[spelling] = meanings.setdefault(meaning, meaning)
                if spelling == key != name:
                    written.setdefault(key, name)
    for filler in _fillers():
        entries.setdefault(key_of(filler), frozenset())
    lengths: dict[str, set[int]] = {}
    for key in entries:
        lengths.setdefault(key[:2], set()).add(len(key))
    latin = frozenset(word for key in entries for word in key.split() if word.isascii())
    ways = {first: tuple(sorted(each, reverse=True)) for first, each in lengths.items()}
    in_kana = {key_of(reading) for reading, _attribute, _code in _readings()}  # a slip of these is a family's name too easily: すどう, 水道
    near = Near({entry: meaning for entry, meaning in entries.items() if entry not in in_kana})
    return Dictionary(entries, _of_language(entries), written, ways, latin, _romaji(entries), near)


def key_of(text: str) -> str:
    return joined([fold(word) for word in words_of(visible(text))])


def respelt(word: str) -> str:
    """The entry that a folded Latin word spells in another system of romaji or with its long vowels; else the word."""
    known = dictionary()
    if not word.isascii() or len(word) < _ROMAJI_LEAST or word in known.latin:
        return word
    return known.romaji.get(romaji_key(word), word)


def nearest(text: str) -> tuple[str, Meaning] | None:
    """The entry one slip away from this text, which is no entry, as the tables write it; None where there is none, or several that mean different things.

    A place is found so in Latin letters only, nothing that could be Japanese in Latin letters is, nor among other words what could be
    and is short, and no Latin word that merely lacks its last letter: Nakano is no Nagano, Ito no IT, a Potter no pottery.
    """
    if not _may_slip(text) or (text.isascii() and all(map(is_romaji, text.split()))):
        return None
    known, typed = dictionary(), _apart(text)
    found = {entry for entry in known.near.to(typed)
             if entry[0] == text[0] and not (text.isascii() and (entry[:-1] == text or _a_name(text, entry))) and one_slip_apart(typed, _apart(entry))}
    meanings = {known.entries[entry] for entry in found}
    return (known.written.get(min(found), min(found)), meanings.pop()) if len(meanings) == 1 else None


def _a_name(text: str, entry: str) -> bool:
    """Whether the text has a short word that could be Japanese where the entry has another."""
    return any(len(word) < _ROMAJI_SLIP_LEAST and is_romaji(word) for word in set(text.split()).difference(entry.split()))


# --- indexes --------------------------------------------------------------------------------------------------------


def _of_language(entries: dict[str, Meaning]) -> dict[str, dict[str, Meaning]]:
    """酒店 is a hotel in Chinese and a liquor shop in Japanese."""
    meant: dict[str, dict[str, Meaning]] = {"ja": {}, "zh": {}}
    for language, found in meant.items():
        for name, attribute, code in _synonyms((language,)):
            key = key_of(name)
            found[key] = found.get(key, frozenset()) | {(attribute, code)}
    return {language: {key: meaning for key, meaning in found.items() if key in meant["zh" if language == "ja" else "ja"] and meaning != entries.get(key, meaning)}
            for language, found in meant.items()}


def _romaji(entries: dict[str, Meaning]) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for entry in entries:
        if len(entry) >= _ROMAJI_LEAST and entries[entry] and entry.isascii() and is_romaji(entry):
            found.setdefault(romaji_key(entry), set()).add(entry)
    return {key: min(words) for key, words in found.items() if len({entries[word] for word in words}) == 1}


class Near:
    """Which entries may be one slip away from a word? Whatever the slip, one half of the entry stands as it is, at its end of the word,
    unless the two characters between the halves changed places.

    Halves are kept as hashes: the strings would be tens of megabytes. `to` may name too many; whoever asks looks at each.
    """

    def __init__(self, entries: dict[str, Meaning]) -> None:
        self.words = [entry for entry, meaning in entries.items() if _may_slip(entry) and (
            (entry.isascii() and " " not in entry) or not any(attribute == "place" for attribute, _code in meaning))]
        halves = ((hash(half), n) for n, word in enumerate(self.words) for half in _halves(_apart(word)))
        ordered = sorted(halves)
        self.hashes, self.owners = array("q", (each for each, _n in ordered)), array("i", (n for _hash, n in ordered))
        self.seen = bytearray(_SEEN_BITS // 8)  # most halves of a text are no entry's: one look tells
        for each in self.hashes:
            self.seen[(each >> 3) % len(self.seen)] |= 1 << (each & 7)

    def to(self, word: str) -> Iterator[str]:
        found = set()
        middle = len(word) // 2
        changed_over = word[: middle - 1] + word[middle : middle + 1] + word[middle - 1 : middle] + word[middle + 1 :]
        for halves in (_halves(word), _halves(word, len(word) - 1), _halves(word, len(word) + 1), _halves(changed_over)[:1]):
            for sought in map(hash, halves):
                if self.seen[(sought >> 3) % len(self.seen)] & 1 << (sought & 7):
                    at = bisect_left(self.hashes, sought)
                    while at < len(self.hashes) and self.hashes[at] == sought:
                        found.add(self.owners[at])
                        at += 1
        yield from map(self.words.__getitem__, found)


def _halves(word: str, length: int = 0) -> tuple[tuple[int, str], ...]:
    """The first and the last half that a word of that length has at the ends of this one, told apart by the sign of the length."""
    length = length or len(word)
    return (length, word[: length // 2]), (-length, word[len(word) - (length - length // 2) :])


def _may_slip(text: str) -> bool:
    if text.isascii():
        least = LATIN_LEAST
    else:
        least = HANGUL_LEAST if is_hangul(text) else KANA_LEAST if is_kana(text) else HAN_LEAST
    return least <= len(text) <= SLIP_MOST and not any(character.isdigit() for character in text)


def _apart(text: str) -> str:
    """Hangul by its letters, which is what a hand slips on."""
    return unicodedata.normalize("NFD", text) if any("가" <= character <= "힣" for character in text) else text


def _spellings(key: str, attribute: str) -> Iterator[str]:
    """The entry, a Japanese word without its last long vowel (メーカ), and other beginnings and another つ of a Japanese name in Hangul."""
    yield key
    if len(key) > 3 and key.endswith("ー"):
        yield key[:-1]
    elif attribute == "place" and key and is_hangul(key):
        for name in {key, key.replace("쓰", "츠")}:
            yield from (name, hangul_beginnings(name))


# --- the words ------------------------------------------------------------------------------------------------------


def _names() -> Named:
    for code, entry in SCHEMES["place"].codes.items():
        if code != ANY:
            for name in (*_place_names(code, entry.ja), *_place_names(code, entry.en)):
                yield name, "place", code
    for code, entry in SCHEMES["industry"].codes.items():
        if code != ANY:
            for name in (*_industry_names_ja(code, entry.ja), *_industry_names_en(entry.en)):
                yield name, "industry", code
    for row in read_table("db/reference/titles.tsv"):
        if row["code"] != ANY:
            yield row["ja"], "industry", row["code"]
            yield row["en"], "industry", row["code"]
    for code, entry in SCHEMES["scheme"].codes.items():
        for name in (entry.ja, entry.en, re.sub(r"（.*?）", "", entry.ja), re.sub(r",.*|\(.*?\)", "", entry.en)):
            yield name, "schemes", code
    for scheme in ("margin", "price", "timing"):
        for code, entry in SCHEMES[scheme].codes.items():
            for name in (entry.ja, entry.en):
                if code != ANY and not _numbered(name):  # a figure is asked for by a filter; no number is a word
                    yield name, scheme, code


def _place_names(code: str, name: str) -> Iterable[str]:
    name = re.sub(r"\s*\(.*\)", "", name)
    if not code.startswith("JP-"):
        return (name,)
    if name.isascii():
        return (name, *(f"{name} {kind}" for kind in ("prefecture", "ken", "fu", "to")))
    return (name, name[:-1]) if name[-1] in "県府都" else (name,)


def _industry_names_ja(code: str, name: str) -> Iterator[str]:
    """The whole name; of a group, what it consists of too. Of a division that would be a wider word for a group of its own: 卸売業，小売業."""
    whole = re.sub(r"（.*?）", "", name)
    yield name
    yield whole
    for part in (whole, *(re.split("[・，]", whole) if code.isdigit() else ())):
        if not part.startswith(("その他", "同", "各種", "他に")):
            yield part
            if not part.endswith("工業"):
                yield re.sub(r"(製造業|業)$", "", part)


def _industry_names_en(name: str) -> Iterator[str]:
    whole = re.sub(r",? (except|including|n\.e\.c\.).*", "", name)
    yield from (name, whole, whole.removeprefix("Manufacture of "), whole.removesuffix(" trade"))


_ENDINGS = {"place": re.compile("(?<!홋카이)[县縣府都현부도]$"), "industry": re.compile("(制造业|製造業|[业業]| 제조업|업)$")}


def _translated() -> Named:
    """Names in Chinese and Korean, without what stands in brackets, and without the word for a prefecture or a trade."""
    for scheme in ("place", "industry", "scheme", "timing", "margin", "price"):
        for code in SCHEMES[scheme].codes:
            for locale in NAME_LOCALES[2:]:
                name = translated(scheme, code, locale) or ""
                if code == ANY or _numbered(name):
                    continue
                whole = re.sub(r"[（(].*?[）)]", "", name)
                short = _ENDINGS[scheme].sub("", whole) if scheme in _ENDINGS and (scheme != "place" or code.startswith("JP-")) else whole
                for each in {name, whole, short}:
                    yield each, "schemes" if scheme == "scheme" else scheme, code


def _numbered(name: str) -> bool:
    return any(character.isdigit() for character in name)


def _places_said() -> Named:
    """Cities with and without the word for one, and other places said for their prefecture; each in every language."""
    for row in read_table("db/reference/places.tsv"):
        for language, kinds in (("ja", ("市",)), ("zh", ("市",)), ("en", (" city", " shi")), ("ko", ("시",))):
            for name in filter(None, row[language].split("|")):
                for code in row["code"].split("|"):
                    names = (name, *_as_city(name, kinds, code, language)) if row["said"] == "city" else (name,)
                    yield from ((each, "place", code) for each in names)


def _as_city(name: str, kinds: tuple[str, ...], prefecture: str, language: str) -> Iterator[str]:
    """The name with the word for a city; a family's name, which has that word, without it beside its prefecture: 長野松本."""
    bare = next((name.removesuffix(kind) for kind in kinds if name.endswith(kind)), None)
    if bare is None:
        yield from (name + kind for kind in kinds)
    elif len(bare) > 1:
        entry = SCHEMES["place"].codes[prefecture]
        of = {"ja": entry.ja, "zh": entry.ja, "en": entry.en, "ko": translated("place", prefecture, "ko") or ""}[language]
        short = of if language == "en" or prefecture == "JP-01" else of[:-1]
        yield from (f"{short} {bare}", f"{of} {bare}", f"{bare} {short}")


def _synonyms(of: tuple[str, ...] = ("ja", "en", "zh", "ko")) -> Named:
    for table, languages in (("synonyms", ("ja", "en")), ("synonyms_zh_ko", ("zh", "ko"))):
        for row in read_table(f"db/reference/{table}.tsv"):
            for language in (each for each in languages if each in of):
                for name in filter(None, row[language].split("|")):
                    yield from ((each, row["attribute"], row["code"]) for each in written_out(name, language))


def written_out(name: str, language: str) -> Iterator[str]:
    """The words a row of synonyms stands for: each word of a class in place of its {name}."""
    if (place := re.search(r"\{(\w+)\}", name)) is None:
        yield name
        return
    for word in _classes()[place[1]][language]:
        yield from written_out(name[: place.start()] + word + name[place.end() :], language)


@cache
def _classes() -> dict[str, dict[str, list[str]]]:
    return {row["name"]: {language: row[language].split("|") for language in ("ja", "en", "zh", "ko")}
            for row in read_table("db/reference/word_classes.tsv")}


def _readings() -> Named:
    """Everyday Japanese words for a trade in kana."""
    readings = {row["word"]: row["reading"] for row in read_table("db/reference/readings.tsv")}
    for row in read_table("db/reference/synonyms.tsv"):
        if row["attribute"] == "industry":
            yield from ((readings[word], "industry", row["code"]) for word in row["ja"].split("|") if word in readings)


def _fillers() -> Iterator[str]:
    for row in read_table("db/reference/search_fillers.tsv"):
        for language in ("ja", "en", "zh", "ko"):
            for name in filter(None, row[language].split("|")):
                yield from written_out(name, language)


def _phrases() -> Named:
    for phrase in vocabulary().showable():
        names = (translated("phrase", phrase.code, locale) or phrase.en for locale in NAME_LOCALES[2:])
        for name in (phrase.ja, phrase.en, *phrase.synonyms_ja, *phrase.synonyms_en, *names):
            yield name, "phrases", phrase.code
