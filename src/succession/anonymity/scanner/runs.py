"""Which words of a run of Japanese nouns belong to a name, and to a name of what?

A run is nouns that follow one another without a gap. Words that may be a name by themselves are *seeds*; the rules
below say what else of the run belongs to the name around a seed, and which runs are names without one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from succession.anonymity.scanner import generic
from succession.anonymity.scanner import morphemes as sorts
from succession.anonymity.scanner.morphemes import Morpheme, also_a_name
from succession.codes import read_table

Found = tuple[int, int, str]  # start, end, kind; offsets into the plain view

_SEED_KIND = {
    sorts.ORG: "organisation", sorts.FAMILY: "person", sorts.GIVEN: "person", sorts.PERSON: "person",
    sorts.PLACE: "place", sorts.PROPER: "organisation",
}  # fmt: skip
_HIRAGANA = re.compile(r"[ぁ-ゖー]+")
_DIRECTIONS = frozenset("東 西 南 北 上 下 中 大 小 新 奥 元 本 前 後 内 外 両 旧 真 御 お".split())
_FEW = frozenset("一二三四五六七八九十百千万")
# Endings of one letter that a longer word may end in: 製材所, 文具店, 中央会.
_HOUSES = frozenset("所場店屋社会院館園堂局庫房舎荘亭軒庵閣楼苑校塾寺組")
_ROUTES = frozenset("自動車道 高速道路 高速 道路 線 本線 新幹線 公園 大橋 通り".split())
_NUMBERED = frozenset("銀行 信用金庫 証券 生命 病院".split())
# Endings of institutions: with two ordinary words before them they are a name all the same.
_INSTITUTIONS = frozenset("""
    センター クラブ 生協 農協 漁協 組合 協会 連合会 大学 病院 医院 学園 学院 高校 銀行 信用金庫 信用組合 新聞 放送 交通 電鉄 鉄道 美術館
    博物館 動物園 水族館 会館 ホール 研究所 事務所 財団 機構 公社 委員会 商工会 商工会議所
""".split())
_HONORIFICS = frozenset("氏 様 さん 君 くん ちゃん 殿 先生 女史".split())
_COUNTRY_NAMES = frozenset("太平洋 日本 大日本 全日本 東日本 西日本 北日本 南日本 新日本 中日本".split())
_NUMBER_LIKE = re.compile(r"[0-9〇一二三四五六七八九十百千万億.,%+\-]+.?")


@cache
def endings() -> dict[str, str]:
    """Ending -> kind. A word in several rows counts for the first."""
    found: dict[str, str] = {}
    for row in read_table("db/reference/name_endings.tsv"):
        for ending in row["endings"].split():
            found.setdefault(ending, row["kind"])
    return found


@cache
def _longest_ending() -> int:
    return max(map(len, endings()))


@lru_cache(50_000)
def ending_kind(word: str) -> str | None:
    """The kind of name that a word ends, None when it ends none."""
    known = endings()
    if word in known:
        return known[word]
    for length in range(min(_longest_ending(), len(word) - 1), 1, -1):
        if word[-length:] in known:
            return known[word[-length:]]
    return "organisation" if len(word) > 1 and word[-1] in _HOUSES else None


@lru_cache(50_000)
def seed(surface: str, sort: str, unknown: bool) -> str | None:
    """The kind of a word that may be a name by itself; `unknown` to the dictionary."""
    if surface.isascii():
        return None  # Latin letters are read letter by letter
    if sort in _SEED_KIND:
        return None if generic.is_listed(surface) else _SEED_KIND[sort]
    if sort != sorts.NOUN:
        return None
    if surface[-1] in "省庁" and len(surface) > 2:
        return None if generic.is_listed(surface) else "organisation"
    if not generic.is_generic(surface) and (name := also_a_name(surface)):
        return _SEED_KIND[name]
    if len(surface) > 1 and unknown and not _NUMBER_LIKE.fullmatch(surface):
        return "organisation"
    if len(surface) > 1 and _HIRAGANA.fullmatch(surface) and not generic.is_ordinary(surface):
        return "product"
    return None


class Run:
    """The words of one run and, for each, the kind of name it belongs to (None: to no name)."""

    def __init__(self, words: list[Morpheme], hot: list[str | None]) -> None:
        self.words = words
        self.kinds: list[str | None] = [
            kind or seed(word.surface, word.sort, word.unknown) for word, kind in zip(words, hot, strict=True)
        ]

    def spans(self) -> Iterator[Found]:
        """The names of the run."""
        if len(self.words) > 1:
            self._split_names()
            self._titles()
            self._endings()
            self._neighbours()
        start = None
        for at, kind in enumerate([*self.kinds, None]):
            if kind and start is None:
                start = at
            elif not kind and start is not None:
                yield self._span(start, at)
                start = None

    def ends_as_organisation(self) -> bool:
        """Whether the last word, of more than one letter, ends names of organisations."""
        return len(self.words[-1].surface) > 1 and self._ending(len(self.words) - 1) == "organisation"

    def _span(self, start: int, end: int) -> Found:
        last = self._ending(end - 1) if end - start > 1 else None
        return self.words[start].start, self.words[end - 1].end, last or next(filter(None, self.kinds[start:end]))

    def _surface(self, at: int) -> str:
        return self.words[at].surface

    def _ending(self, at: int) -> str | None:
        """The kind of name that the word here ends, alone or with the one before it (協力 + 本部)."""
        together = endings().get(self._surface(at - 1) + self._surface(at)) if at else None
        return together or ending_kind(self._surface(at))

    def _is_plain(self, at: int) -> bool:
        """Whether the word is no part of any name, as far as it alone can tell."""
        word = self.words[at]
        if self.kinds[at]:
            return False
        if word.sort == sorts.COUNTER:
            return at == 0 or self._is_plain(at - 1)
        if word.sort in (sorts.NUMBER, sorts.PREFIX, sorts.SIGN, sorts.SPACE, sorts.COUNTRY):
            return True
        return generic.is_ordinary(word.surface) or word.surface in generic.followers()

    # --- names the dictionary knows, cut in two by the sentence: 道 + 後 ---

    def _split_names(self) -> None:
        for at in range(1, len(self.words)):
            before, here = self._surface(at - 1), self._surface(at)
            if len(before) == 1 == len(here) and not (self.kinds[at - 1] or self.kinds[at]) and before >= "一" <= here:
                name = None if generic.is_generic(before + here) else also_a_name(before + here)
                if name:
                    self.kinds[at - 1] = self.kinds[at] = _SEED_KIND[name]

    # --- titles: 権藤さん, 南社長, 岡田准様 ---

    def _titles(self) -> None:
        """Who has a title after the name. Ordinary people (職人さん) are not meant."""
        for at in range(1, len(self.words)):
            if endings().get(self._surface(at)) != "person":
                continue
            first = at
            while first > 0 and (self.kinds[first - 1] or not self._is_plain(first - 1)):
                first -= 1
            if first == at:
                family = at > 1 and self.words[at - 2].sort == sorts.FAMILY  # 岡田 + 准 + 様
                first -= self._surface(at) in _HONORIFICS and (family or self._could_be_family(at - 1))
            elif first > 0 and self.words[first].sort == sorts.GIVEN and self._could_be_family(first - 1):
                first -= 1
            for each in range(first, at):
                self.kinds[each] = self.kinds[each] or "person"
            if first < at and self._surface(at) in _HONORIFICS:
                self.kinds[at] = self.kinds[at - 1]

    def _could_be_family(self, at: int) -> bool:
        """A common word that is somebody's name as well, where only a name makes sense."""
        surface = self._surface(at)
        return len(surface) < 4 and not generic.is_person_word(surface) and also_a_name(surface) is not None

    # --- endings: 山田 + 製作所, 仙台 + 味噌 + 醤油 ---

    def _endings(self) -> None:
        """From an ending back to where its name begins, if anything in between can be a name."""
        for at in range(len(self.words) - 1, 0, -1):
            kind = self._ending(at)
            if kind is None or kind == "person" or self._counts(at):
                continue
            first = self._after_introducers(at)
            if not self._is_coined(first, at, kind):
                while first < at and self._is_plain(first) and not self._begins_a_name(first, at, kind):
                    first += 1  # ordinary words in front belong to the sentence rather than to the name
            if first == at and kind == "organisation" and self._is_long_enough(at):
                first = self._after_introducers(at)
            if first < at:
                while first > 0 and self._is_land_or_direction(first - 1):
                    first -= 1
                for each in range(first, at + 1):
                    self.kinds[each] = self.kinds[each] or kind

    def _is_land_or_direction(self, at: int) -> bool:
        return self.words[at].sort == sorts.COUNTRY or self._surface(at) in _DIRECTIONS

    def _is_long_enough(self, at: int) -> bool:
        """Ordinary words all of them, and yet a name: ベスト + 電器, 林業 + 機械 + センター."""
        surface = self._surface(at)
        if len(surface) < 2 or surface not in endings() or self.words[at].sort == sorts.COUNTER:
            return False
        if any(self.words[each].sort in (sorts.NUMBER, sorts.PREFIX) for each in range(at)):
            return False
        return not generic.is_generic(surface) or (at >= 2 and surface in _INSTITUTIONS)

    def _after_introducers(self, at: int) -> int:
        while at > 0 and not self._introduces(at - 1):
            at -= 1
        return at

    def _counts(self, at: int) -> bool:
        """社 counts in 三社 and ends a name in ヴェルナー社."""
        if self.words[at].sort != sorts.COUNTER or not self._is_plain(at - 1):
            return False
        return self._surface(at - 1) + self._surface(at) not in endings()

    def _is_coined(self, first: int, at: int, kind: str) -> bool:
        """山 + 三 + 商会: single kanji that make no ordinary word together."""
        letters = [self._surface(each) for each in range(first, at)]
        return (
            kind == "organisation" and len(self._surface(at)) > 1 and 2 <= len(letters) <= 3
            and all(len(letter) == 1 and "一" <= letter <= "龠" for letter in letters)
            and letters[0] not in "第約数各同当本全毎" and not all(letter in _FEW for letter in letters)
        )  # fmt: skip

    def _begins_a_name(self, first: int, at: int, kind: str) -> bool:
        """日本 and 昭和 are ordinary, 日本製鉄 and 昭和大学 are not; neither are numbers before a long ending."""
        word, ending = self.words[first], self._surface(at)
        if ending in ("庁", "省"):
            return True
        if at - first > 3 or (kind == "organisation" and len(ending) < 2 and at - first < 2):
            return False
        if kind == "place" and ending not in _ROUTES:
            return False
        if word.sort == sorts.NUMBER:  # 七十七銀行, 三八五流通; not 二工場
            return ending in _NUMBERED or (len(ending) > 1 and ending in endings() and not generic.is_generic(ending))
        return word.surface in generic.words_of("ordinary_words", "begins")

    def _introduces(self, at: int) -> bool:
        """取締役 and 旧 stand before a name; a single letter does so only in front."""
        surface = self._surface(at)
        if self.kinds[at] or surface not in generic.introducers():
            return False
        return len(surface) > 1 or at == 0 or self._introduces(at - 1)

    # --- neighbours ---

    def _neighbours(self) -> None:
        """What clings to a name on either side."""
        for at in range(1, len(self.words)):
            if not self.kinds[at] and self.kinds[at - 1] and self._clings_behind(at):
                self.kinds[at] = self.kinds[at - 1]
        for at in range(len(self.words) - 2, -1, -1):
            if not self.kinds[at] and self.kinds[at + 1] and not self._introduces(at) and self._clings_before(at):
                self.kinds[at] = self.kinds[at + 1]
        for at in range(len(self.words) - 1):
            # 日本 + メンテナンス, where nothing else gives the name away
            if self._surface(at) in _COUNTRY_NAMES and self._is_katakana(at + 1) and not self.kinds[at]:
                self.kinds[at] = self.kinds[at + 1] = "organisation"

    def _is_katakana(self, at: int) -> bool:
        return "ァ" <= self._surface(at)[0] <= "ヺ"

    def _clings_behind(self, at: int) -> bool:
        word = self.words[at]
        if word.surface in _HONORIFICS or self._is_katakana(at):
            return True
        if word.sort == sorts.COUNTER:
            return word.surface in _HOUSES or len(word.surface) == 1
        if word.sort not in (sorts.NOUN, sorts.SUFFIX):
            return False
        return not self._is_plain(at) or self._is_trade(at)

    def _is_trade(self, at: int) -> bool:
        """ナカムラ梱包, ハピネス訪問看護: one or two ordinary words that close the run, behind a name that is no place."""
        if self.kinds[at - 1] == "place" or not self._is_last_of_name(at):
            rest = range(at, len(self.words))
            if self.kinds[at - 1] != "katakana" or len(rest) != 2:
                return False
            return all(self._is_trade_word(each) for each in rest)
        return self._is_trade_word(at)

    def _is_trade_word(self, at: int) -> bool:
        word = self._surface(at)
        if len(word) != 2 or self._ending(at) == "person" or self.words[at].sort != sorts.NOUN:
            return False
        return word not in generic.followers() and not generic.is_person_word(word)

    def _is_last_of_name(self, at: int) -> bool:
        """Whether only words like 出身 or 向け follow; loan words before a place count with it."""
        rest = range(at + 1, len(self.words))
        return all(self._surface(each) in generic.followers() or self.kinds[each] for each in rest)

    def _clings_before(self, at: int) -> bool:
        word, following = self.words[at], self.words[at + 1]
        if word.surface in _FEW:
            return len(following.surface) == 1 and following.sort != sorts.COUNTER  # 三景; not 三 + 大阪
        if word.surface in _DIRECTIONS or word.surface in _COUNTRY_NAMES:
            return True
        if word.surface in generic.words_of("ordinary_words", "leads"):  # 旅館松風荘
            return True
        if self.kinds[at + 1] == "place" and self._is_last_of_name(at + 1):  # エコシステム関西, 生協ひろしま
            return self._is_katakana(at) or self._ending(at) == "organisation"
        if "ぁ" <= following.surface[0] <= "ヺ" and self._is_last_of_name(at + 1):  # 学習塾ひらめき
            return self._ending(at) == "organisation"
        return word.sort in (sorts.NOUN, sorts.SUFFIX) and not self._is_plain(at)
