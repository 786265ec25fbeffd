"""Which passages of a Japanese text may name an organisation, a person, a place or a product?

Every rule works on *runs*: nouns that follow one another without a gap. A run, or part of it, is a name when Sudachi
knows a proper noun in it, when it holds katakana, Latin letters or hiragana outside the lists of ordinary words, or when
it ends as names do (name_endings.tsv) on something that is not ordinary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from succession.anonymity.scanner import english, generic, phrases
from succession.anonymity.scanner import morphemes as sorts
from succession.anonymity.scanner.morphemes import Morpheme, also_a_name, morphemes
from succession.codes import read_table

JAPANESE = re.compile(r"[ぁ-ヿ\u3005\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")

_KATAKANA_CHAIN = re.compile(r"[ァ-ヺ][ァ-ヺー]*(?:[・=･][ァ-ヺ][ァ-ヺー]*){0,8}")
_HIRAGANA = re.compile(r"[ぁ-ゖー]+")
_SEED_KIND = {
    sorts.ORG: "organisation", sorts.FAMILY: "person", sorts.GIVEN: "person", sorts.PERSON: "person",
    sorts.PLACE: "place", sorts.PROPER: "organisation",
}  # fmt: skip
_NOMINAL = sorts.PROPER_NOUNS | {sorts.NOUN, sorts.NUMBER, sorts.COUNTER, sorts.SUFFIX, sorts.PREFIX}
_DIRECTIONS = frozenset("東 西 南 北 上 下 中 大 小 新 奥 元 本 前 後 内 外 両 旧 真 御".split())
_LINKS = "・=＝&'’.-"

Found = tuple[int, int, str]  # start, end, kind; offsets into the plain view


@cache
def _endings() -> dict[str, str]:
    """Ending -> kind. A word in several rows counts for the first."""
    found: dict[str, str] = {}
    for row in read_table("db/reference/name_endings.tsv"):
        for ending in row["endings"].split():
            found.setdefault(ending, row["kind"])
    return found


@cache
def _longest_ending() -> int:
    return max(map(len, _endings()))


def _ending(word: str) -> str | None:
    """The kind of name that a word ends, None when it ends none. One-letter endings must be the whole word."""
    endings = _endings()
    if word in endings:
        return endings[word]
    for length in range(min(_longest_ending(), len(word) - 1), 1, -1):
        if word[-length:] in endings:
            return endings[word[-length:]]
    return None


# --- hot letters: katakana and Latin that no list excuses ----------------------------------------------------------


def katakana(text: str) -> Iterator[Found]:
    """Chains of katakana that do not consist of allowed words only."""
    for chain in _KATAKANA_CHAIN.finditer(text):
        words = re.split("[・=･]", chain[0])
        if not all(generic.is_allowed_katakana(word) or len(word) == 1 == len(words) for word in words):
            yield chain.start(), chain.end(), "katakana"


# --- runs ----------------------------------------------------------------------------------------------------------


def _runs(words: list[Morpheme], text: str) -> Iterator[list[Morpheme]]:
    """Nouns without a gap; a middot, hyphen or the like joins katakana and Latin, a space joins Latin."""
    run: list[Morpheme] = []
    for at, word in enumerate(words):
        if word.sort in _NOMINAL and word.surface not in ("、", "。"):
            run.append(word)
            continue
        if run and at + 1 < len(words) and _links(run[-1].surface, word, words[at + 1].surface):
            run.append(word)
            continue
        if run:
            yield run
            run = []
    if run:
        yield run


_FOREIGN = re.compile(r"[A-Za-zァ-ヺーÀ-ɏ0-9]")


def _links(before: str, word: Morpheme, after: str) -> bool:
    if len(word.surface) != 1 or not _FOREIGN.match(before[-1]) or not _FOREIGN.match(after[0]):
        return False
    return word.surface in _LINKS or (word.surface == " " and before[-1].isascii() and after[0].isascii())


class _Run:
    """One run and, per word, the kind of name it belongs to (None: to no name)."""

    def __init__(self, words: list[Morpheme], hot: list[str | None]) -> None:
        self.words = words
        self.kinds: list[str | None] = [seed or _seed(word) for word, seed in zip(words, hot, strict=True)]

    def spans(self) -> Iterator[Found]:
        self._persons()
        self._endings()
        self._neighbours()
        start = None
        for at, kind in enumerate([*self.kinds, None]):
            if kind and start is None:
                start = at
            elif not kind and start is not None:
                yield self._span(start, at)
                start = None

    def _span(self, start: int, end: int) -> Found:
        kinds = [kind for kind in self.kinds[start:end] if kind]
        last = self._kind_of_ending(end - 1)
        return self.words[start].start, self.words[end - 1].end, last if last and len(kinds) > 1 else kinds[0]

    def _kind_of_ending(self, at: int) -> str | None:
        """The kind of name that the word here ends, alone or with the one before it (協力 + 本部)."""
        word = self.words[at].surface
        together = _endings().get(self.words[at - 1].surface + word) if at else None
        return together or _ending(word)

    def _plain_word(self, at: int) -> bool:
        """Whether the word is no part of any name, as far as it alone can tell."""
        word = self.words[at]
        if self.kinds[at]:
            return False
        if word.sort == sorts.COUNTER:
            return at == 0 or self._plain_word(at - 1)
        if word.sort in (sorts.NUMBER, sorts.PREFIX, sorts.SIGN, sorts.SPACE):
            return True
        return generic.is_ordinary(word.surface) or word.surface in generic.followers()

    def _persons(self) -> None:
        """Who has a title after the name: 権藤さん, 南社長. Ordinary people (職人さん) are not meant."""
        for at in range(1, len(self.words)):
            if _endings().get(self.words[at].surface) != "person" or self._plain_word(at - 1):
                continue
            first = at - 1
            while first > 0 and not self._plain_word(first - 1) and not self.kinds[first - 1]:
                first -= 1
            if self.words[first].sort == sorts.GIVEN and first > 0 and also_a_name(self.words[first - 1].surface):
                first -= 1  # a family name that is a common word too
            for each in range(first, at):
                self.kinds[each] = self.kinds[each] or "person"
            if self.words[at].surface in _HONORIFICS:
                self.kinds[at] = self.kinds[at - 1]

    def _endings(self) -> None:
        """From an ending back to where its name begins, if anything in between can be a name."""
        for at in range(len(self.words) - 1, 0, -1):
            kind = self._kind_of_ending(at)
            if kind is None or kind == "person" or self._counts(at):
                continue
            first = at
            while first > 0 and not self._introduces(first - 1):
                first -= 1
            while first < at and self._plain_word(first) and not self._begins_a_name(first, at, kind):
                first += 1  # ordinary words in front belong to the sentence rather than to the name
            if first < at:
                first = self._with_modifiers(first)
                for each in range(first, at + 1):
                    self.kinds[each] = self.kinds[each] or kind

    def _counts(self, at: int) -> bool:
        """社 counts in 三社 and ends a name in ヴェルナー社."""
        if self.words[at].sort != sorts.COUNTER or not self._plain_word(at - 1):
            return False
        return self.words[at - 1].surface + self.words[at].surface not in _endings()

    def _begins_a_name(self, first: int, at: int, kind: str) -> bool:
        """日本 and 昭和 are ordinary, 日本製鉄 and 昭和大学 are not; neither are numbers before a long ending."""
        word, ending = self.words[first], self.words[at].surface
        if at - first > 3 or (kind == "organisation" and len(ending) < 2 and at - first < 2):
            return False
        if kind == "place" and ending not in _ROUTES:
            return False
        return word.surface in generic.name_beginnings() or (word.sort == sorts.NUMBER and ending in _NUMBERED)

    def _introduces(self, at: int) -> bool:
        word = self.words[at].surface
        if self.kinds[at] or word not in generic.introducers():
            return False
        return len(word) > 1 or at == 0 or self._introduces(at - 1)

    def _with_modifiers(self, first: int) -> int:
        """日本 + 溶接 + 協会: what stands directly before and is the name of a land or a direction."""
        while first > 0 and (
            self.words[first - 1].sort in (sorts.COUNTRY,) or self.words[first - 1].surface in _DIRECTIONS
        ):
            first -= 1
        return first

    def _neighbours(self) -> None:
        """What clings to a name on either side and is no ordinary word; loan words cling behind in any case."""
        for at in range(1, len(self.words)):
            katakana_word = "ァ" <= self.words[at].surface[0] <= "ヺ"
            if self.kinds[at - 1] and not self.kinds[at] and (katakana_word or self._clings(at)):
                self.kinds[at] = self.kinds[at - 1]
        for at in range(len(self.words) - 2, -1, -1):
            if self.kinds[at + 1] and not self.kinds[at] and self._clings_before(at) and not self._introduces(at):
                self.kinds[at] = self.kinds[at + 1]

    def _clings(self, at: int) -> bool:
        word = self.words[at]
        if word.surface in _HONORIFICS:
            return True
        return word.sort in (sorts.NOUN, sorts.SUFFIX) and not self._plain_word(at)

    def _clings_before(self, at: int) -> bool:
        surface = self.words[at].surface
        if len(surface) == 1 and surface in "一二三四五六七八九十百千万":
            return len(self.words[at + 1].surface) == 1  # 三景; not 三 + 大阪
        return surface in _DIRECTIONS or self._clings(at)


_ROUTES = frozenset("自動車道 高速道路 高速 道路 線 本線 新幹線 公園 大橋 通り".split())
_NUMBERED = frozenset("銀行 信用金庫 証券 生命 病院".split())
_HONORIFICS = frozenset("氏 様 さん 君 くん ちゃん 殿 先生 女史".split())


def _seed(word: Morpheme) -> str | None:
    """The kind of a word that by itself may be a name."""
    if word.sort in _SEED_KIND:
        return None if generic.is_listed(word.surface) else _SEED_KIND[word.sort]
    if word.sort == sorts.NOUN and word.surface[-1] in "省庁" and len(word.surface) > 2:
        return None if generic.is_ordinary(word.surface) else "organisation"
    if word.sort == sorts.NOUN and not generic.is_generic(word.surface) and also_a_name(word.surface):
        return "place"
    if word.sort == sorts.NOUN and len(word.surface) > 1:
        if word.unknown and not word.surface.isascii() and not _number_like(word.surface):
            return "organisation"
        if _HIRAGANA.fullmatch(word.surface) and not generic.is_ordinary(word.surface):
            return "product"
    return None


_NUMBER_LIKE = re.compile(r"[0-9〇一二三四五六七八九十百千万億.,%+\-]+.?")


def _number_like(surface: str) -> bool:
    return _NUMBER_LIKE.fullmatch(surface) is not None


# --- all -----------------------------------------------------------------------------------------------------------


def names(text: str) -> Iterator[Found]:
    """Every passage of a plain view that may be a name, in no particular order; passages may overlap."""
    words = morphemes(text)
    hot = sorted([*katakana(text), *_latin(text)])
    yield from hot
    yield from phrases.quoted(text)
    yield from phrases.beside_legal_form(text, words)
    yield from phrases.called(text, words)
    hiragana = dict(phrases.hiragana_stretches(text, words))
    at = 0
    for run in _runs(words, text):
        while at < len(hot) and hot[at][1] <= run[0].start:
            at += 1
        yield from _Run(run, [_heat(word, hot, at) for word in run]).spans()
        if run[0].start in hiragana and (_heat(run[0], hot, at) or _ends_long(run)):
            yield hiragana[run[0].start], run[-1].end, "organisation"


def _ends_long(run: list[Morpheme]) -> bool:
    return len(run[-1].surface) > 1 and _ending(run[-1].surface) == "organisation"


def _heat(word: Morpheme, hot: list[Found], at: int) -> str | None:
    while at < len(hot) and hot[at][0] < word.end:
        if hot[at][1] > word.start:
            return hot[at][2]
        at += 1
    return None


def _in_japanese(text: str, stretch: re.Match[str]) -> bool:
    """Whether Japanese stands near enough on the same line for a capital to be telling."""
    start = text.rfind("\n", 0, stretch.start()) + 1
    end = text.find("\n", stretch.end())
    near = text[max(start, stretch.start() - 200) : min(end if end >= 0 else len(text), stretch.end() + 200)]
    return JAPANESE.search(near) is not None


_LATIN_STRETCH = re.compile(r"[A-Za-zÀ-ɏ](?:[A-Za-zÀ-ɏ0-9&'’.+-]|[ ,](?=[A-Za-zÀ-ɏ0-9&])|, (?=[A-Z])){0,200}")
_KATAKANA = re.compile("[ァ-ヺ][ァ-ヺー]*")
_KATAKANA_BEFORE = re.compile("[ァ-ヺ][ァ-ヺー]{0,30}$")


def _latin(text: str) -> Iterator[Found]:
    """Latin names, with the katakana that is written in one with them (Airレジ). English lines are read elsewhere."""
    for stretch in _LATIN_STRETCH.finditer(text):
        if not _in_japanese(text, stretch):
            continue
        for start, end, kind in english.names(text, stretch.start(), stretch.end(), in_japanese=True):
            after = _KATAKANA.match(text, end)
            before = _KATAKANA_BEFORE.search(text, max(0, start - 31), start)
            yield before.start() if before else start, after.end() if after else end, kind
