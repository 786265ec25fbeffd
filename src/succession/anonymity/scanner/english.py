"""Which words of an English passage may be names?

No model: a name is written with a capital where an ordinary word would not be, or is no ordinary word at all. The same
rules read Latin letters inside Japanese, where nothing but a name or an abbreviation has reason to be capitalised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import groupby, pairwise

from babel import Locale

from succession.anonymity.scanner.generic import LABELS, words_of
from succession.codes import read_table

_WORD = re.compile(r"[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ0-9]*(?:['&+.\-][A-Za-zÀ-ɏ0-9]+){0,6}")
# What may stand between two words of one name.
_GLUE = re.compile(r"(?:\.?,? ?|,? (?:& |of |of the |and |for |de |van |von |du |la |le |al-)?| ?[/・·] ?)")
_WEAK_GLUE = re.compile(r" (?:and|for) ")
_SENTENCE_END = ".!?:;\n•●■◆○*>|。！？：；・\"“”(（「『【"
_ABBREVIATIONS = ("mr", "mrs", "ms", "dr", "prof", "co", "ltd", "inc", "corp", "st", "mt", "no")
# Consonant and vowel by turns: how Japanese looks in Latin letters.
_ROMAJI = re.compile(
    r"(?:(?:ky|gy|sh|sy|ch|ty|ny|hy|by|py|my|ry|ts|[kgsztdnhbpmyrwfj])?[aiueoāīūēō]"
    r"|n(?![aiueoy])|([kstpc])(?=\1|ch)){2,12}"
)
# Ending of a regular form -> what the listed word has in its place.
_FORMS = (
    ("ies", "y"), ("ied", "y"), ("ier", "y"), ("es", ""), ("es", "e"), ("s", ""), ("ed", ""), ("ed", "e"), ("ing", ""),
    ("ing", "e"), ("ly", ""), ("er", ""), ("er", "e"), ("ers", ""), ("ers", "e"), ("est", ""), ("ment", ""),
    ("ments", ""), ("ness", ""), ("able", ""), ("al", ""), ("ally", ""), ("ful", ""), ("less", ""), ("ity", ""),
    ("ion", ""), ("ion", "e"), ("ions", ""), ("ions", "e"), ("y", ""), ("n't", ""),
)  # fmt: skip
_ENGLISH_ENDING = re.compile(
    r".{3,}(?:ings?|edly|[ts]ions?|ments?|ness|[ai]ble|ously|ally|ively|ances?|ences?)$"
)
_PREFIXES = "re un non pre over under co self multi semi inter mid sub out mis".split()


@cache
def allowed_acronyms() -> frozenset[str]:
    """Capital letters that name nobody, upper case."""
    return frozenset(word.upper() for word in words_of("english_words", "acronym"))


@cache
def _always() -> frozenset[str]:
    """Capitalised everywhere and still no name: days, months, countries and whole regions of the world.

    Countries as CLDR names them. A country is a market, not a place near the company.
    """
    lands = {name.lower() for code, name in Locale("en").territories.items() if len(code) == 2 or code.isdigit()}
    return words_of("english_words", "always") | {name for name in lands if name.isalpha()}


_NAME_TOPICS = ("organisation", "place", "title", "acronym", "always")


@cache
def _ordinary() -> frozenset[str]:
    """Every English word of the list; of the words that names end in those that are no Japanese (works, not shokai)."""
    topics = {row["topic"] for row in read_table("db/reference/english_words.tsv")} - set(_NAME_TOPICS)
    in_names = (word for word in words_of("english_words", *_NAME_TOPICS) if not (is_romaji(word) and len(word) > 4))
    return words_of("english_words", *topics) | frozenset(in_names) | _label_words()


def _label_words() -> frozenset[str]:
    """The words of our own labels; a capital inside one is a name and does not count."""
    labels = [row["en"] for table in (*LABELS, "codes") for row in read_table(f"db/reference/{table}.tsv")]
    words = (word for label in labels for word in re.findall(r"[A-Za-z-]{3,}", label[:1].lower() + label[1:]))
    return frozenset(word for word in words if word.islower() and not (is_romaji(word) and "kai" in word))


def is_romaji(word: str) -> bool:
    """Whether a word can be read as Japanese in Latin letters."""
    return _ROMAJI.fullmatch(word.lower().replace("-", "").replace("'", "")) is not None


@lru_cache(20_000)
def is_ordinary(word: str) -> bool:
    """Whether this is a listed English word, a regular form of one, or made of such words by hyphens."""
    low = word.lower().strip(".'-")
    low = low.removesuffix("'s")
    words = _ordinary()
    if low in words or low in _always() or not low:
        return True
    if "-" in low:
        return all(part.isdigit() or is_ordinary(part) for part in low.split("-"))
    for suffix, back in _FORMS:
        if low.endswith(suffix):
            stem = low[: len(low) - len(suffix)]
            if len(stem) >= 3 and (stem + back in words or (stem[-1] == stem[-2] and stem[:-1] in words)):
                return True
    rests = (low[len(prefix) :] for prefix in _PREFIXES if low.startswith(prefix) and len(low) > len(prefix) + 3)
    return any(is_ordinary(rest) for rest in rests)


def _looks_english(word: str) -> bool:
    """No listed word, yet shaped like English and not like Japanese; excuses a capital at the start of a sentence."""
    return is_ordinary(word) or (_ENGLISH_ENDING.fullmatch(word.lower()) is not None and not is_romaji(word))


class _Word:
    """One Latin word and what speaks for or against its being a name."""

    __slots__ = ("end", "name", "opens", "start", "text")

    def __init__(self, text: str, start: int, end: int, opens: bool, name: bool) -> None:
        self.text, self.start, self.end, self.opens, self.name = text, start, end, opens, name


def _opens_sentence(text: str, start: int, line: int) -> bool:
    before = text[max(line, start - 12) : start].rstrip(" \t'‘’-–—\"“”")
    if not before:
        return start - line < 12 or "\n" in text[max(line, start - 12) : start]
    if before[-1] not in _SENTENCE_END:
        return before.isdigit() and start - line < 12
    last = re.search(r"([A-Za-z]+)\.$", before)
    return not (last and (last[1].lower() in _ABBREVIATIONS or len(last[1]) == 1))


def _is_name(word: str, opens: bool, title_case: bool, in_japanese: bool) -> bool:
    bare = word.rstrip(".'-")
    low = bare.lower()
    if not any(letter.isupper() for letter in bare):
        if any(letter.isdigit() for letter in bare) and len(bare) > 3:
            return not is_ordinary(bare)
        return not is_ordinary(bare) and (in_japanese or (len(bare) >= 4 and is_romaji(bare)))
    if low in _always() or low.removesuffix("'s") in _always() or bare.upper() in allowed_acronyms():
        return False
    if len(bare) == 1:
        return False
    if bare.isupper():
        return not (title_case and is_ordinary(bare))
    if any(letter.isupper() for letter in bare[1:]) and "-" not in bare:
        return True
    if opens:
        return not _looks_english(bare)
    return not (title_case and is_ordinary(bare))


def _words(text: str, start: int, end: int, in_japanese: bool) -> list[_Word]:
    """The Latin words of one line, each judged by itself."""
    found = [(m[0], m.start(), m.end()) for m in _WORD.finditer(text, start, end)]
    telling = [word for word, _, _ in found if word.lower() not in _grammar()]
    sentence = in_japanese or text[start:end].rstrip(" \"')”").endswith((".", "!", "?", ";", ":"))
    title_case = not sentence and len(telling) > 2 and all(word[0].isupper() for word in telling)
    words = []
    for word, at, stop in found:
        opens = not in_japanese and _opens_sentence(text, at, start)
        words.append(_Word(word, at, stop, opens, _is_name(word, opens, title_case, in_japanese)))
    return words


def names(text: str, start: int, end: int, *, in_japanese: bool) -> Iterator[tuple[int, int, str]]:
    """(start, end, kind) of what may be a name between two offsets of one line."""
    words = _words(text, start, end, in_japanese)
    _judge_beside_others(text, words)
    group: list[_Word] = []
    for word in words:
        if not word.name:
            continue
        if group and not _joined(text[group[-1].end : word.start], word):
            yield _group(text, group)
            group = []
        group.append(word)
    if group:
        yield _group(text, group)


def _judge_beside_others(text: str, words: list[_Word]) -> None:
    """What a word is may depend on its neighbours."""
    for before, after in reversed(list(pairwise(words))):
        # The first word of a sentence belongs to the name that follows it: Golden Harbour Trading.
        follows = after.name and after.text[0].isupper() and text[before.end : after.start] == " "
        if follows and before.opens and before.text.lower() not in _grammar():
            before.name = True
    for before, after in pairwise(words):
        if before.name == after.name or text[before.end : after.start] != " ":
            continue
        other = after if before.name else before
        capital = other.text[0].isupper() and not other.text.isupper()
        if capital and other.text.lower() in _always():  # Sompo Japan
            other.name = True
        elif before.name and capital:  # in a headline too the ending of a name belongs to it: Hokuyo Works
            after.name = after.text.lower() in words_of("english_words", "organisation")
    for loud, several in groupby(words, key=lambda word: word.text.isupper() and is_ordinary(word.text)):
        sentence = list(several)
        if loud and len(sentence) > 3:  # a sentence in capitals, no abbreviations
            for word in sentence:
                word.name = False


@cache
def _grammar() -> frozenset[str]:
    return words_of("english_words", "grammar", "number", "always")


def _joined(between: str, following: _Word) -> bool:
    if len(between) > 10 or _GLUE.fullmatch(between) is None:
        return False
    if "," in between:
        return following.text.lower().strip(".") in words_of("english_words", "organisation")
    return not _WEAK_GLUE.fullmatch(between) or is_ordinary(following.text)


_TITLE_BEFORE = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Mt|St)\.? ?|\b[A-Z]\. ?|\d{1,4} )$")
_AFTER = re.compile(r"(?:,? (?:Inc|Ltd|Co|Corp|LLC|GmbH|K\.K|Y\.K)\b\.?|\.(?=,? (?:Ltd|Inc))|-(?:san|sama|sensei)\b)")
_ABBREVIATED_FORMS = frozenset(("co", "ltd", "inc", "corp", "llc", "k", "y.k", "g.k", "bros", "s.a", "b.v"))
_PLACE_BEFORE = re.compile(r"\b(?:in|near|at|from|around|outside|to|of)(?: the)? $")


def _group(text: str, group: list[_Word]) -> tuple[int, int, str]:
    start, end = group[0].start, group[-1].end
    if before := _TITLE_BEFORE.search(text, max(0, start - 8), start):
        start = before.start()
    while after := _AFTER.match(text, end):
        end = after.end()
    if text[end : end + 1] == "." and group[-1].text.lower().removeprefix("k.") in _ABBREVIATED_FORMS:
        end += 1
    return start, end, _kind(text, start, [word.text for word in group])


def _kind(text: str, start: int, words: list[str]) -> str:
    lows = [word.lower().strip(".,") for word in words]
    if lows[-1] in words_of("english_words", "organisation") or any(word in ("of", "&") for word in lows):
        return "organisation"
    if any(word in words_of("english_words", "place") for word in lows):
        return "place"
    if text[start : start + 4].rstrip(". ") in ("Mr", "Mrs", "Ms", "Miss", "Dr", "Prof") or lows[-1].endswith("-san"):
        return "person"
    if _PLACE_BEFORE.search(text, max(0, start - 14), start) and all(is_romaji(word) for word in words):
        return "place"
    if len(words) == 2 and any(is_romaji(word) for word in words):
        return "person"
    return "organisation"
