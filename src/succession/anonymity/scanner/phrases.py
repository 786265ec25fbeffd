"""Where does the wording around a passage of Japanese say that it is a name, whatever words it is made of?

Quotation marks, legal forms, "called ...", and hiragana that no grammar explains.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from succession.anonymity.scanner import generic
from succession.anonymity.scanner import morphemes as sorts
from succession.anonymity.scanner.morphemes import Morpheme, also_a_name
from succession.anonymity.scanner.own_keys import legal_forms

Found = tuple[int, int, str]

_HAN = r"\u3005\u3400-\u9fff\uf900-\ufaff"

# --- quotation marks -----------------------------------------------------------------------------------------------

_QUOTED = re.compile(r"[「『“\"]([^「」『』“”\"。、\n]{1,24})[」』”\"]")


def quoted(text: str) -> Iterator[Found]:
    """What stands in quotation marks is a title, a product or somebody's words; only ordinary words pass."""
    for quote in _QUOTED.finditer(text):
        if not generic.is_ordinary(quote[1]):
            yield quote.start(1), quote.end(1), "product"


# --- legal forms ---------------------------------------------------------------------------------------------------


@cache
def _legal_form() -> re.Pattern[str]:
    forms = "|".join(map(re.escape, legal_forms("ja")))
    brackets = "|".join(map(re.escape, legal_forms("bracket")))
    return re.compile(rf"(?:{forms}|\((?:{brackets})\)|(?<![A-Za-z])JA(?![A-Za-z])|(?:麺|酒|味|和食|食事|蕎麦|寿司|甘味|お食事)処)")


_NAME_AFTER = re.compile(
    rf" ?(?:[{_HAN}ァ-ヺーA-Za-z0-9&・.\-]{{1,30}}"
    rf"|[ぁ-ゖー]{{2,12}}?(?:の[{_HAN}ァ-ヺー]{{1,8}}|(?<![とにはがをもへやで])[{_HAN}ァ-ヺー]{{1,8}}"
    rf"|(?=[とにはがをもへやで][{_HAN}ァ-ヺー、。])|(?![ぁ-ゖー])))"
)
_GRAMMAR = re.compile("への|での|との|からの|までの|では|には|とは")
_NAME_BEFORE = re.compile(rf"(?:[{_HAN}ァ-ヺーA-Za-z0-9&・.\-]{{1,30}}|[ぁ-ゖー]{{2,12}}) ?$")


def beside_legal_form(text: str, words: list[Morpheme]) -> Iterator[Found]:
    """A legal form and the name beside it, on whichever side it stands, in whatever words."""
    forms = list(_legal_form().finditer(text))
    starts = {word.start: word for word in words} if forms else {}
    for form in forms:
        start, end = form.span()
        after = _NAME_AFTER.match(text, end)
        if after and (end not in starts or starts[end].sort not in (sorts.PARTICLE, sorts.VERB)):
            stop = after.end()
            if grammar := _GRAMMAR.search(text, end + 2, stop):
                stop = grammar.start()
            elif (following := starts.get(stop)) and following.sort not in (sorts.PARTICLE, sorts.SIGN, sorts.SPACE):
                stop = following.end  # the hiragana at the end of 花むら is no word of grammar
            yield start, stop, "organisation"
        elif before := _NAME_BEFORE.search(text, max(0, start - 31), start):
            yield before.start(), end, "organisation"


# --- called --------------------------------------------------------------------------------------------------------

_CALLED = re.compile(r"(?:という|と(?:呼ば|称す|名付け|名づけ|銘打))")


def called(text: str, words: list[Morpheme]) -> Iterator[Found]:
    """Xという製品: X, back to the particle that is not の."""
    matches = list(_CALLED.finditer(text))
    starts = {word.start: at for at, word in enumerate(words)} if matches else {}
    for match in matches:
        at = starts.get(match.start())
        if not at:
            continue
        first = at
        while first and at - first < 7 and (words[first - 1].sort in _NAMELIKE or words[first - 1].surface in "のヶ"):
            first -= 1
        while first < at and words[first].surface == "の":
            first += 1
        if first < at and not all(generic.is_generic(word.surface) for word in words[first:at]):
            yield words[first].start, words[at - 1].end, "product"


_NAMELIKE = sorts.PROPER_NOUNS | {sorts.NOUN, sorts.SUFFIX, sorts.PREFIX}

# --- in relation to somebody ---------------------------------------------------------------------------------------

_NO_ROLE = frozenset("旧元現新故同当各主独")
_SIGNS_BEFORE_NAME = frozenset("のは、:(・にと")


def next_to_a_role(words: list[Morpheme]) -> Iterator[Found]:
    """長男の凛, 専務は南: a short word that is a name as well, after the word for who it is."""
    roles = generic.introducers()
    for at, before in enumerate(words[:-2]):
        if before.sort != sorts.NOUN or before.surface not in roles or before.surface in _NO_ROLE:
            continue
        sign, word = words[at + 1], words[at + 2]
        if len(before.surface) == 1 and generic.is_ordinary(word.surface):  # 母の味
            continue
        if (
            sign.surface in _SIGNS_BEFORE_NAME and len(word.surface) <= 4
            and word.sort not in (sorts.PARTICLE, sorts.VERB)
            and not generic.is_person_word(word.surface) and also_a_name(word.surface)
        ):  # fmt: skip
            yield word.start, word.end, "person"


def joined_by_no(words: list[Morpheme], first: int) -> int | None:
    """Where a name begins that is joined by の to the run that begins at `first`: 森のパン屋さん."""
    if first >= 2 and words[first - 1].surface == "の" and words[first - 1].end == words[first].start:
        before = words[first - 2]
        if before.end == words[first - 1].start and before.surface in generic.words_of("ordinary_words", "poetic"):
            return before.start
    return None


# --- hiragana ------------------------------------------------------------------------------------------------------

_STRETCH = re.compile(r"(?:(?<=[、。\n「『(:：,・\s])|^)[ぁ-ゖー]{2,8}(?![ぁ-ゖー])")


def hiragana_stretches(text: str, words: list[Morpheme]) -> Iterator[tuple[int, int]]:
    """(end, start) of hiragana between a stop and something else that does not end in a particle: おおいた動物病院."""
    stretches = list(_STRETCH.finditer(text))
    ends = {word.end: word for word in words} if stretches else {}
    for stretch in stretches:
        last = ends.get(stretch.end())
        if last and last.surface not in _JOINING and last.start != stretch.start():
            yield stretch.end(), stretch.start()


_STEM = re.compile(r"[ぁ-ゖー]{2,7}[いきしちにひみりぎじびえけせてねへめれげぜべく]")


def attached(words: list[Morpheme], first: int) -> int | None:
    """Where hiragana begins that is no noun and yet stands before an ending without a particle: にこにこ弁当."""
    if first == 0 or words[first - 1].end != words[first].start:
        return None
    word = words[first - 1]
    if generic.is_listed(word.surface) or not re.fullmatch("[ぁ-ゖー]{3,8}", word.surface):
        return None
    if word.sort == sorts.OTHER or (word.sort == sorts.VERB and _STEM.fullmatch(word.surface)):
        return word.start
    return None


def attached_behind(words: list[Morpheme], last: int) -> int | None:
    """Where hiragana ends that follows an ending directly and is no grammar either: こども食堂ぽかぽか."""
    if last >= len(words) or words[last].start != words[last - 1].end or generic.is_listed(words[last].surface):
        return None
    word = words[last]
    return word.end if word.sort == sorts.OTHER and re.fullmatch("[ぁ-ゖー]{3,8}", word.surface) else None


_JOINING = frozenset("は が を に の と で も や へ な か から まで より など だけ ので のに ば て ね よ し".split())
