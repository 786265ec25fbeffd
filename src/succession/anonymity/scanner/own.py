"""Where does a text name this company or somebody near it, in whatever written form?

The keys of `own_keys.py` are looked for in the bare and in the romaji view. A whole name may hold one wrong, missing or
superfluous letter; a part of a name must be exact. What is found is widened by the legal form beside it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import cache, lru_cache

import msgspec

from succession.anonymity.scanner.findings import Own
from succession.anonymity.scanner.formatted import digits_folded
from succession.anonymity.scanner.normal import View, bare, bare_text, romaji
from succession.anonymity.scanner.own_keys import is_han, is_kana, is_latin, keys_of, legal_forms

Place = tuple[int, int]  # offsets into the plain view

_LETTER = re.compile(r"[A-Za-zÀ-ɏ0-9]")
_KATAKANA = re.compile(r"[ァ-ヺー]")
# Shorter names are not looked for with a slip of the pen: AB and AC are not alike.
_LEAST_SLIP = {"latin": 6, "kana": 4, "other": 3}


class _Key(msgspec.Struct, frozen=True):
    """A key as it is looked for. With one slip of the pen somewhere in it, `head` or `tail` still stands unharmed."""

    text: str
    sort: str  # latin, kana or other
    head: str  # empty: only the exact key counts
    tail: str


class _Matcher(msgspec.Struct, frozen=True):
    bare: tuple[_Key, ...]
    romaji: tuple[_Key, ...]
    digits: frozenset[str]
    acronyms: tuple[re.Pattern[str], ...]


def _key(text: str, may_slip: bool) -> _Key:
    sort = "latin" if is_latin(text) else "kana" if is_kana(text) else "other"
    if not may_slip or len(text) < _LEAST_SLIP[sort]:
        return _Key(text, sort, "", "")
    if len(text) == 3:  # of three letters the first two or the last two
        return _Key(text, sort, text[:2], text[1:])
    half = len(text) // 2
    return _Key(text, sort, text[:half], text[half:])


@lru_cache(64)
def _matcher(own: Own) -> _Matcher:
    keys = keys_of(own)

    def both(whole: frozenset[str], parts: frozenset[str]) -> tuple[_Key, ...]:
        return (*(_key(text, True) for text in sorted(whole)), *(_key(text, False) for text in sorted(parts)))

    acronyms = (r"[.・ ]?".join(map(re.escape, acronym)) for acronym in sorted(keys.acronyms))
    return _Matcher(
        both(keys.whole, keys.parts),
        both(keys.romaji_whole, keys.romaji_parts),
        keys.digits,
        tuple(re.compile(rf"(?<![A-Za-z0-9]){acronym}(?![A-Za-z0-9])\.?") for acronym in acronyms),
    )


def names(text: str, own: Own) -> Iterator[Place]:
    """Every passage of a plain view that holds something known of the company; passages may overlap."""
    if own == Own():
        return
    matcher = _matcher(own)
    bare_view = bare(text)
    found = list(_in_view(text, bare_view, matcher.bare))
    if _LETTER.search(text):
        latin = romaji(bare_view)
        found += _in_view(text, latin, matcher.romaji)
        word_by_word = romaji(_spaced(text, bare_view))
        if word_by_word.text != latin.text:
            found += _in_view(text, word_by_word, matcher.romaji)
        for acronym in matcher.acronyms:
            found += (match.span() for match in acronym.finditer(text))
    for start, end in _together(found):
        yield _with_legal_form(text, start, end)
    yield from _digits(text, matcher.digits)


def _together(places: list[Place]) -> Iterator[Place]:
    """Overlapping places made one."""
    places.sort()
    at = 0
    while at < len(places):
        start, end = places[at]
        while at < len(places) and places[at][0] < end:
            end = max(end, places[at][1])
            at += 1
        yield start, end


_WORD_START = re.compile(r"(?<=[^A-Za-zÀ-ɏ0-9])[A-Za-zÀ-ɏ0-9]")


def _spaced(text: str, view: View) -> View:
    """The bare view with a mark between words, where a long vowel must not be made: 'to Otani' is no Tōtani."""
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    done = 0
    for word in _WORD_START.finditer(text):
        at = bisect_left(view.starts, word.start())
        if done < at:
            pieces += (view.text[done:at], "\0")
            starts += (*view.starts[done:at], word.start())
            ends += (*view.ends[done:at], word.start() + 1)
            done = at
    pieces.append(view.text[done:])
    return View("".join(pieces), (*starts, *view.starts[done:]), (*ends, *view.ends[done:]))


# --- in a view -----------------------------------------------------------------------------------------------------


def _in_view(text: str, view: View, keys: tuple[_Key, ...]) -> Iterator[Place]:
    written = view.text
    for key in keys:
        if key.head and (key.head in written or key.tail in written):
            exact = set(_exactly(written, key.text))
            taken = {start + by for start, _ in exact for by in (-1, 0, 1)}  # a slip of what stands there exactly
            places = exact | {place for place in _nearly(written, key) if place[0] not in taken}
        elif key.text in written:
            places = set(_exactly(written, key.text))
        else:
            continue
        for start, end in places:
            if _stands_alone(text, *view.original(start, end), key):
                yield view.original(start, end)


def _exactly(text: str, key: str) -> Iterator[Place]:
    at = text.find(key)
    while at >= 0:
        yield at, at + len(key)
        at = text.find(key, at + 1)


def _nearly(text: str, key: _Key) -> Iterator[Place]:
    """Where the key stands with one letter changed, left out or put in."""
    for start, end in _exactly(text, key.head):
        rest = key.text[len(key.head) :]
        for length in _lengths(rest):
            if _one_slip(text[end : end + length], rest, length):
                yield start, end + length
    for start, end in _exactly(text, key.tail):
        rest = key.text[: -len(key.tail)]
        for length in _lengths(rest):
            if length <= start and _one_slip(text[start - length : start], rest, length):
                yield start - length, end


def _lengths(rest: str) -> tuple[int, ...]:
    return (len(rest),) if len(rest) < 2 else (len(rest), len(rest) - 1, len(rest) + 1)


def _one_slip(found: str, wanted: str, length: int) -> bool:
    """Whether one letter changed, missing or added makes one of the other."""
    if len(found) != length or found == wanted:
        return False
    if length == len(wanted):
        return sum(a != b for a, b in zip(found, wanted, strict=True)) == 1
    shorter, longer = sorted((found, wanted), key=len)
    return any(longer[:at] + longer[at + 1 :] == shorter for at in range(len(longer)))


def _stands_alone(text: str, first: int, last: int, key: _Key) -> bool:
    """Whether a short key is a word of its own here; a long one is telling wherever it stands."""
    before, after = text[first - 1 : first], text[last : last + 1]
    if key.sort == "latin":
        inside = _LETTER.match(before) or _LETTER.match(after)
        return len(key.text) >= 6 or not inside
    if key.sort == "kana":
        if len(key.text) >= 4:
            return True
        if _KATAKANA.match(text[first]):
            return not _KATAKANA.match(before) and not _KATAKANA.match(after)
        return len(key.text) == 3 or not ("ぁ" <= before <= "ん")
    return len(key.text) > 1 or not is_han(key.text) or not (is_han(before) or is_han(after))


# --- legal forms ---------------------------------------------------------------------------------------------------


@cache
def _forms() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Legal forms directly before and directly after a name, letters apart allowed (株 式 会 社)."""

    def loose(form: str) -> str:
        return r"[ ]?".join(re.escape(letter) for letter in form if letter != " ")

    cjk = [loose(form) for form in (*legal_forms("ja"), *legal_forms("kana"))]
    hiragana = [loose("".join(chr(ord(c) - 0x60) for c in form)) for form in legal_forms("kana")]
    brackets = [rf"\({loose(form)}\)" for form in legal_forms("bracket")]
    latin = [re.escape(bare_text(form)) for form in legal_forms("latin")]
    latin = [r"[ .,\-_]{0,2}".join(form) for form in sorted(latin, key=len, reverse=True)]
    any_form = "|".join((*cjk, *hiragana, *brackets))
    any_latin = "|".join(latin)
    gap = r"[\s,.&_\-・()「『\"'*]{0,3}"
    before = re.compile(rf"(?:(?:{any_form})|(?<![A-Za-z])(?:{any_latin})){gap}$", re.IGNORECASE)
    after = re.compile(rf"{gap}(?:(?:{any_form})|(?:{any_latin})(?![A-Za-z])\.?\)?)", re.IGNORECASE)
    return before, after


# What the bare view has dropped at the end of a name: ランドリー, LUMI+.
_MARK_OF_A_NAME = re.compile(r"(?:[\s・.\-]{0,3}ー)?[+!®]{0,2}")


def _with_legal_form(text: str, start: int, end: int) -> Place:
    before, after = _forms()
    if match := before.search(text, max(0, start - 40), start):
        start = match.start()
    if mark := _MARK_OF_A_NAME.match(text, end):
        end = mark.end()
    for _ in range(2):  # Co., Ltd.
        if match := after.match(text, end):
            end = match.end()
    return start, end


# --- the rest ------------------------------------------------------------------------------------------------------


_DIGIT_RUN = re.compile(r"[0-9](?:[ \t\-ー–.・/()の,+]{0,3}[0-9])*")


def _digits(text: str, known: frozenset[str]) -> Iterator[Place]:
    """Runs of digits, however parted, that hold a known number."""
    if not known:
        return
    for run in _DIGIT_RUN.finditer(digits_folded(text)):
        digits = re.sub(r"\D", "", run[0])
        if len(digits) >= 4 and any(number in digits for number in known):
            yield run.span()
