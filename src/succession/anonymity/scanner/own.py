"""Where does a text name this company or somebody near it, in whatever written form?

The keys of `own_keys.py` are looked for in the bare and in the romaji view. A whole name may hold one wrong, missing or
superfluous letter; a part of a name must be exact. What is found is widened by the legal form beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache

from succession.anonymity.scanner.findings import Own
from succession.anonymity.scanner.formatted import digits_folded
from succession.anonymity.scanner.normal import View, bare, bare_text, romaji
from succession.anonymity.scanner.own_keys import Keys, is_han, is_kana, is_latin, keys_of, legal_forms

Place = tuple[int, int]  # offsets into the plain view

_LETTER = re.compile(r"[A-Za-zÀ-ɏ0-9]")
_KATAKANA = re.compile(r"[ァ-ヺー]")
# Shorter names are not looked for with a slip of the pen: AB and AC are not alike.
_LEAST_SLIP = {"latin": 6, "kana": 4, "other": 3}


@lru_cache(64)
def _keys(own: Own) -> Keys:
    return keys_of(own)


def names(text: str, own: Own) -> Iterator[Place]:
    """Every passage of a plain view that holds something known of the company; passages may overlap."""
    if own == Own():
        return
    keys = _keys(own)
    bare_view = bare(text)
    lands = list(_in_view(text, bare_view, keys.whole, keys.parts))
    latin = romaji(bare_view)
    lands += _in_view(text, latin, keys.romaji_whole, keys.romaji_parts)
    word_by_word = romaji(_spaced(text, bare_view))
    if word_by_word.text != latin.text:
        lands += _in_view(text, word_by_word, keys.romaji_whole, keys.romaji_parts)
    for start, end in lands:
        yield _with_legal_form(text, start, end)
    yield from _acronyms(text, keys.acronyms)
    yield from _digits(text, keys.digits)


def _spaced(text: str, view: View) -> View:
    """The bare view with a mark between words, where a long vowel must not be made: 'to Otani' is no Tōtani."""
    pieces = []
    for at, letter in enumerate(view.text):
        apart = at and view.starts[at] != view.ends[at - 1] and _LETTER.match(letter)
        pieces.append((("\x00" if apart else "") + letter, at))
    if not any(len(piece) > 1 for piece, _ in pieces):
        return view
    out = "".join(piece for piece, _ in pieces)
    at_of = [at for piece, at in pieces for _ in piece]
    return View(out, [view.starts[at] for at in at_of], [view.ends[at] for at in at_of])


# --- in a view -----------------------------------------------------------------------------------------------------


def _in_view(text: str, view: View, whole: frozenset[str], parts: frozenset[str]) -> Iterator[Place]:
    for key in whole:
        for start, end in (*_exactly(view.text, key), *_nearly(view.text, key)):
            if _stands_alone(text, view, start, end, key):
                yield view.original(start, end)
    for key in parts:
        for start, end in _exactly(view.text, key):
            if _stands_alone(text, view, start, end, key):
                yield view.original(start, end)


def _exactly(text: str, key: str) -> Iterator[Place]:
    at = text.find(key)
    while at >= 0:
        yield at, at + len(key)
        at = text.find(key, at + 1)


def _sort_of(key: str) -> str:
    return "latin" if is_latin(key) else "kana" if is_kana(key) else "other"


def _nearly(text: str, key: str) -> Iterator[Place]:
    """Where the key stands with one letter changed, left out or put in: then one half of it stands unharmed."""
    if len(key) < _LEAST_SLIP[_sort_of(key)]:
        return
    half = len(key) // 2 if len(key) > 3 else 1
    head, tail = key[:half], key[half:]
    if len(key) == 3:  # of three letters the first two or the last two
        head, tail = key[:2], key[1:]
    for start, end in _exactly(text, head):
        rest = key[len(head) :]
        for length in _lengths(rest):
            found = text[end : end + length]
            if len(found) == length and found != rest and _one_slip(found, rest):
                yield start, end + length
    for start, end in _exactly(text, tail):
        rest = key[: len(key) - len(tail)]
        for length in _lengths(rest):
            found = text[max(0, start - length) : start]
            if len(found) == length and found != rest and _one_slip(found, rest):
                yield start - length, end


def _lengths(rest: str) -> tuple[int, ...]:
    return (len(rest),) if len(rest) < 2 else (len(rest), len(rest) - 1, len(rest) + 1)


def _one_slip(found: str, wanted: str) -> bool:
    """Whether one letter changed, missing or added makes one of the other."""
    if len(found) == len(wanted):
        return sum(a != b for a, b in zip(found, wanted, strict=True)) == 1
    if abs(len(found) - len(wanted)) != 1:
        return False
    shorter, longer = sorted((found, wanted), key=len)
    return any(longer[:at] + longer[at + 1 :] == shorter for at in range(len(longer)))


def _stands_alone(text: str, view: View, start: int, end: int, key: str) -> bool:
    """Whether a short key is a word of its own here; a long one is telling wherever it stands."""
    first, last = view.original(start, end)
    before, after = text[first - 1 : first], text[last : last + 1]
    if is_latin(key):
        inside = _LETTER.match(before) or _LETTER.match(after)
        return len(key) >= 6 or not inside or (len(key) >= 4 and not _LETTER.match(before) and not after.isalpha())
    if is_kana(key):
        if len(key) >= 4:
            return True
        katakana = _KATAKANA.match(text[first])
        if katakana:
            return not _KATAKANA.match(before) and not _KATAKANA.match(after)
        return len(key) == 3 or not ("ぁ" <= before <= "ん")
    if is_han(key) and len(key) == 1:
        return not is_han(before) and not is_han(after)
    return True


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


def _with_legal_form(text: str, start: int, end: int) -> Place:
    before, after = _forms()
    if match := before.search(text, max(0, start - 40), start):
        start = match.start()
    for _ in range(2):  # Co., Ltd.
        if match := after.match(text, end):
            end = match.end()
    return start, end


# --- the rest ------------------------------------------------------------------------------------------------------


def _acronyms(text: str, acronyms: frozenset[str]) -> Iterator[Place]:
    for acronym in acronyms:
        pattern = r"[.・ ]?".join(acronym)
        for match in re.finditer(rf"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])\.?", text):
            yield _with_legal_form(text, *match.span())


_DIGIT_RUN = re.compile(r"[0-9](?:[ \t\-ー–.・/()の,+]{0,3}[0-9])*")


def _digits(text: str, known: frozenset[str]) -> Iterator[Place]:
    """Runs of digits, however parted, that hold a known number."""
    if not known:
        return
    for run in _DIGIT_RUN.finditer(digits_folded(text)):
        digits = re.sub(r"\D", "", run[0])
        if len(digits) >= 4 and any(number in digits for number in known):
            yield run.span()
