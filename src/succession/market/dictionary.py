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
    shortened,
    words_of,
)

# Said with a term but naming none: they neither narrow a search nor make it unreadable.
FILLERS = """
会社 企業 法人 事業 業者 事業者 業界 業種 案件 地方 地域 エリア 周辺 近郊 近く 付近 県内 府内 中小企業 後継者不在 後継者なし 後継者難 事業承継
譲渡 売却 買収 募集 希望 買収希望 譲受希望 求む 譲ります 探しています 探す 買いたい を買いたい を探しています 関係 関連
公司 企业 业务 行业 项目 地区 附近 周边 位于 中小企业 收购 并购 求购 购买 想买 想收购 希望收购 寻找 寻求 出售 供应商 连锁 转让 讓售 標的 事业承继
회사 기업 업체 업종 사업 지역 근처 주변 관련 중소기업 인수 매수 매각 매물 희망 인수희망 매각희망 찾습니다 찾아요 체인 공급업체 구합니다 구함 사업승계
a an and any area at based business businesses by companies company enterprise enterprises firm firms for from i in
industries industry is japanese located looking of on or prefecture region sector sectors sale sme smes succession that
the to want wanted with acquire acquiring acquisition buy buying buyout purchase takeover target targets near around within
supplier suppliers provider providers operator operators chain chains
""".split()
#: Only between two terms of an unspaced text: 東北の酒蔵, 东京的旅馆, 도쿄의 료칸.
PARTICLES = ("にある", "における", "での", "の", "で", "と", "や", "に", "か", "及び", "または", "又は", "的", "和", "与", "與",
             "에서", "에", "의", "와", "과", "및", "나", "이나")  # fmt: skip

# How short a word may be for a slip in it to be read: shorter ones are one slip from too many names.
LATIN_LEAST, KANA_LEAST, HAN_LEAST, HANGUL_LEAST = 5, 4, 5, 3
SLIP_MOST = 40
_SEEN_BITS = 1 << 21
_ROMAJI_LEAST = 4

Meaning = frozenset[tuple[str, str]]  # of (attribute, code); attribute "phrases" for phrases; empty for a filler
Named = Iterator[tuple[str, str, str]]  # word, attribute, code


class Dictionary(NamedTuple):
    """`entries`: folded word -> meaning. `written`: as the tables write it. `lengths`: first character -> lengths of the
    entries that begin with it. `latin`: every Latin word of an entry; `romaji`: romaji key -> the entry it is of; `near`: what
    may be a slip away.
    """

    entries: dict[str, Meaning]
    written: dict[str, str]
    lengths: dict[str, tuple[int, ...]]
    latin: frozenset[str]
    romaji: dict[str, str]
    near: Near


@cache
def dictionary() -> Dictionary:
    collected: dict[str, set[tuple[str, str]]] = {}
    written: dict[str, str] = {}
    for name, attribute, code in (*_names(), *_translated(), *_synonyms(), *_phrases()):
        key = key_of(name)
        for spelling in _spellings(key, attribute):
            if len(spelling) > 1:  # a single character is in too many names
                collected.setdefault(spelling, set()).add((attribute, code))
                written.setdefault(spelling, name if spelling == key else spelling)
    entries: dict[str, Meaning] = {key: frozenset(meaning) for key, meaning in collected.items()}
    for filler in FILLERS:
        entries.setdefault(key_of(filler), frozenset())
    lengths: dict[str, set[int]] = {}
    for key in entries:
        lengths.setdefault(key[0], set()).add(len(key))
    latin = frozenset(word for key in entries for word in key.split() if word.isascii())
    ways = {first: tuple(sorted(each)) for first, each in lengths.items()}
    return Dictionary(entries, written, ways, latin, _romaji(entries), Near(entries))


def key_of(text: str) -> str:
    return joined([fold(word) for word in words_of(text)])


def respelt(word: str) -> str:
    """The entry that a folded Latin word spells in another system of romaji or with its long vowels; else the word."""
    known = dictionary()
    if not word.isascii() or len(word) < _ROMAJI_LEAST or word in known.latin:
        return word
    return known.romaji.get(romaji_key(word), word)


def nearest(text: str) -> tuple[str, Meaning] | None:
    """The entry one slip away from this text, which is no entry, as the tables write it; None where there is none, or several that mean different things.

    A place is found so in Latin letters only, nothing that could be Japanese in Latin letters is, and no Latin word that
    merely lacks its last letter: Nakano is no Nagano, a Potter no pottery.
    """
    if not _may_slip(text) or (text.isascii() and all(map(is_romaji, text.split()))):
        return None
    known, typed = dictionary(), _apart(text)
    found = {entry for entry in known.near.to(typed)
             if entry[0] == text[0] and not (text.isascii() and entry[:-1] == text) and one_slip_apart(typed, _apart(entry))}
    meanings = {known.entries[entry] for entry in found}
    return (known.written.get(min(found), min(found)), meanings.pop()) if len(meanings) == 1 else None


# --- indexes --------------------------------------------------------------------------------------------------------


def _romaji(entries: dict[str, Meaning]) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for entry in entries:
        if len(entry) >= _ROMAJI_LEAST and entries[entry] and entry.isascii() and is_romaji(entry):
            found.setdefault(romaji_key(entry), set()).add(entry)
    return {key: min(words) for key, words in found.items() if len({entries[word] for word in words}) == 1}


class Near:
    """Which entries share a shortened form with a word? By the hash of each form: 130,000 strings would be thirty megabytes.

    `to` may name too many, where hashes collide; whoever asks looks at each.
    """

    def __init__(self, entries: dict[str, Meaning]) -> None:
        self.words = [entry for entry, meaning in entries.items() if _may_slip(entry) and (
            entry.isascii() or not any(attribute == "place" for attribute, _code in meaning))]
        forms = sorted((hash(form), n) for n, word in enumerate(self.words) for form in shortened(_apart(word)))
        self.hashes, self.owners = array("q", (each for each, _n in forms)), array("i", (n for _hash, n in forms))
        self.seen = bytearray(_SEEN_BITS // 8)  # most forms of a text are no entry's: one look tells
        for each in self.hashes:
            self.seen[(each >> 3) % len(self.seen)] |= 1 << (each & 7)

    def to(self, word: str) -> Iterator[str]:
        for form in shortened(word):
            sought = hash(form)
            if self.seen[(sought >> 3) % len(self.seen)] & 1 << (sought & 7):
                at = bisect_left(self.hashes, sought)
                while at < len(self.hashes) and self.hashes[at] == sought:
                    yield self.words[self.owners[at]]
                    at += 1


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
    """The entry, its plural when it ends in an English word, and other beginnings of a Japanese name in Hangul."""
    yield key
    if re.search(r"[a-z]{3}$", key):
        if re.search(r"[^aeiou]y$", key):
            yield key[:-1] + "ies"
        yield key + ("es" if re.search(r"(s|x|ch|sh)$", key) else "s")
    elif attribute == "place" and key and is_hangul(key):
        yield hangul_beginnings(key)


# --- the words ------------------------------------------------------------------------------------------------------


def _names() -> Named:
    for code, entry in SCHEMES["place"].codes.items():
        if code != ANY:
            for name in (*_place_names(code, entry.ja), *_place_names(code, entry.en)):
                yield name, "place", code
    for code, entry in SCHEMES["industry"].codes.items():
        if code != ANY:
            for name in (*_industry_names_ja(entry.ja), *_industry_names_en(entry.en)):
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


def _industry_names_ja(name: str) -> Iterator[str]:
    whole = re.sub(r"（.*?）", "", name)
    yield name
    yield whole
    for part in (whole, *re.split("[・，]", whole)):
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


def _synonyms() -> Named:
    for table, languages in (("synonyms", ("ja", "en")), ("synonyms_zh_ko", ("zh", "ko"))):
        for row in read_table(f"db/reference/{table}.tsv"):
            for name in filter(None, (name for language in languages for name in row[language].split("|"))):
                yield name, row["attribute"], row["code"]


def _phrases() -> Named:
    for phrase in vocabulary().showable():
        names = (translated("phrase", phrase.code, locale) or phrase.en for locale in NAME_LOCALES[2:])
        for name in (phrase.ja, phrase.en, *phrase.synonyms_ja, *phrase.synonyms_en, *names):
            yield name, "phrases", phrase.code
