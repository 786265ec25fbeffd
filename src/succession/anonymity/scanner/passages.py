"""Does this text say who the company is?

All recognisers read one plain view; what they find is put together here, in offsets of the text as given. A text that
could not be read with certainty is *unknown*, never clean.
"""

from __future__ import annotations

import hashlib
import logging
import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache

from succession.anonymity.scanner import english, figures, formatted, japanese, reword, unique
from succession.anonymity.scanner import own as own_matcher
from succession.anonymity.scanner.findings import CLEAN, FOUND, KINDS, UNKNOWN, Own, Scan, Span
from succession.anonymity.scanner.morphemes import engine_versions
from succession.anonymity.scanner.normal import View, plain
from succession.config import resource

TEXT_LIMIT = 50_000  # characters; half a second of work. Nothing we publish is a tenth as long.
LOCALES = ("ja", "en")  # languages whose names are recognised

_log = logging.getLogger(__name__)
_TABLES = (
    "english_words", "kana_romaji", "katakana_allowed", "legal_forms", "name_endings", "old_kanji", "ordinary_words",
    "unique_words",
)  # fmt: skip
_RULES = 1  # raised with every change of rules that a stored result should know of

Found = tuple[int, int, str, str]  # start, end, kind, topic; offsets into the plain view


def scan(text: str, own: Own | None = None, *, locale: str) -> Scan:
    """Every passage of `text` that may identify, in order and apart from one another.

    `locale` is the language the text is written in. Never raises: a text too long, broken, turned in direction, in a
    script or language that is not checked, or one the engine fails on has the state unknown. Spans found all the same
    are still given.
    """
    if len(text) > TEXT_LIMIT or not _readable(text):
        return Scan(UNKNOWN, (), engine())
    try:
        view = plain(text)
        spans = tuple(_spans(text, view, own or Own(), locale))
        checked = locale in LOCALES and all(_known_script(letter) for letter in set(_USUAL.findall(view.text)))
    except Exception:  # whatever fails, the text was not checked
        _log.exception("a text could not be scanned")  # the text itself stays out of the log
        return Scan(UNKNOWN, (), engine())
    return Scan((FOUND if spans else CLEAN) if checked else UNKNOWN, spans, engine())


@cache
def engine() -> str:
    """Versions of rules, tables, program and dictionary: a stored result of another engine is out of date."""
    digest = hashlib.sha256()
    for table in _TABLES:
        digest.update(resource(f"db/reference/{table}.tsv").read_bytes())
    return f"rules-{_RULES} tables-{digest.hexdigest()[:12]} {engine_versions()}"


# --- can it be read? -----------------------------------------------------------------------------------------------

# Marks that turn the direction of writing, and tags: what is shown is not what is stored.
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
_UNREADABLE = frozenset(("Cc", "Cs", "Co", "Cn"))


@lru_cache(8192)
def _odd(character: str) -> bool:
    return unicodedata.category(character) in _UNREADABLE and character not in "\t\n\r"


# Letters nobody need look at: they can be read and their script is known.
_USUAL = re.compile("[^ -~\\n\\u3001-\\u30fe\\u4e00-\\u9fef\\uff01-\\uff9f]")


def _readable(text: str) -> bool:
    return not _TURNING.search(text) and not any(_odd(character) for character in set(_USUAL.findall(text)))


# First words of Unicode names.
_SCRIPTS = frozenset(
    "LATIN HIRAGANA KATAKANA KATAKANA-HIRAGANA CJK IDEOGRAPHIC VERTICAL MODIFIER FEMININE MASCULINE".split()
)
_SINGLE_GREEK = frozenset("αβγδεμπσφωΔΣΦΩµ")  # in units and formulas


@lru_cache(8192)
def _known_script(character: str) -> bool:
    """Whether names in this script are recognised; signs and digits belong to every script."""
    if not unicodedata.category(character).startswith("L") or character in _SINGLE_GREEK:
        return True
    return unicodedata.name(character, "").split(" ")[0] in _SCRIPTS


# --- what is in it? ------------------------------------------------------------------------------------------------


def _found(text: str, own: Own) -> Iterator[Found]:
    for start, end in own_matcher.names(text, own):
        yield start, end, "own", ""
    for start, end, kind in formatted.identifiers(text):
        yield start, end, kind, ""
    has_japanese = japanese.JAPANESE.search(text) is not None
    if has_japanese:
        for start, end, kind in japanese.names(text):
            yield start, end, kind, ""
    yield from unique.claims(text, japanese=has_japanese)
    for start, end, is_japanese in japanese.lines(text):
        for first, last in figures.figures(text, start, end, japanese=is_japanese):
            yield first, last, "number", ""
        if not is_japanese:
            for first, last, kind in english.names(text, start, end, in_japanese=False):
                yield first, last, kind, ""


def _spans(text: str, view: View, own: Own, locale: str) -> Iterator[Span]:
    """What was found, overlapping passages made one of the gravest kind among them."""
    found = sorted(set(_found(view.text, own)))
    at = 0
    while at < len(found):
        start, end = found[at][:2]
        together = []
        while at < len(found) and (found[at][0] < end or _touches(view.text, end, found[at][0])):
            together.append(found[at])
            end = max(end, found[at][1])
            at += 1
        gravest = min(together, key=lambda each: (KINDS.index(each[2]), each[0] - each[1]))
        first, last = view.original(start, end)
        passage = text[first:last]
        _, _, kind, topic = gravest
        yield Span(first, last, kind, passage, reword.reason(kind, topic), reword.suggestion(kind, passage, locale))


def _touches(text: str, end: int, start: int) -> bool:
    """Whether two passages are one but for a blank: 三沢 精機."""
    return start == end + 1 and text[end] == " "
