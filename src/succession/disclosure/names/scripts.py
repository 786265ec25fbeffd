"""How does a name that is not in Latin letters stand in them, however whoever wrote it down spelt it?

Each script has one plain rendering, by table and rule, and one *fold*: what is left of a Latin spelling when everything
people spell differently is gone. A fold joins names that are not the same, so it decides only where one side of a
comparison is really written in that script.

What is not done: kanji and Chinese characters have no rendering here (their readings need a dictionary, and a name's
reading is its bearer's choice), so such a name meets Latin letters only where somebody gave both; Arabic, Hebrew, Thai and
the scripts of India are compared as they are written and in no other way.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

from succession.anonymity.scanner.normal import hepburn, romaji_key
from succession.codes import read_table

Script = Literal["kana", "hangul", "cyrillic", "greek"]

_SCRIPTS: tuple[tuple[Script, re.Pattern[str]], ...] = (
    ("kana", re.compile("[ァ-ヺー ]+")),
    ("hangul", re.compile("[가-힣 ]+")),
    ("cyrillic", re.compile("[Ѐ-ӿ ]+")),
    ("greek", re.compile("[Ͱ-Ͽἀ-῿ ]+")),
)


def script_of(name: str) -> Script | None:
    """The one script of a normalised name, Latin letters and digits aside; None for Latin, Han, a mixture or another."""
    bare = re.sub("[a-z0-9]", "", name)
    return next((script for script, letters in _SCRIPTS if bare.strip() and letters.fullmatch(bare)), None)


def rendered(name: str, script: Script) -> str:
    """A normalised name of that script in Latin letters, words apart as they were."""
    if script == "kana":
        return " ".join(hepburn(word) for word in name.split())
    if script == "hangul":
        return " ".join(_romanised(word) for word in name.split())
    table, letters = _letters(script)
    return letters.sub(lambda found: table[found[0]], name)


@cache
def _letters(script: str) -> tuple[dict[str, str], re.Pattern[str]]:
    table = {row["letter"]: row["latin"].replace("-", "") for row in read_table("db/reference/letters.tsv") if row["script"] == script}
    return table, re.compile("|".join(sorted(map(re.escape, table), key=len, reverse=True)))


# --- Hangul: a syllable is a number that says its letters (Unicode, chapter 3.12); revised romanisation without assimilation
_FIRST = "g kk n d tt r m b pp s ss - j jj ch k t p h".split()
_MIDDLE = "a ae ya yae eo e yeo ye o wa wae oe yo u wo we wi yu eu ui i".split()
_LAST = "- k k k n n n t l k m l l l p l m p p t t ng t t k t p t".split()


def _romanised(word: str) -> str:
    return "".join(_syllable(char) if "가" <= char <= "힣" else char for char in word)


def _syllable(char: str) -> str:
    number = ord(char) - 0xAC00
    return (_FIRST[number // 588] + _MIDDLE[number % 588 // 28] + _LAST[number % 28]).replace("-", "")


# --- folds: rules in order, each a pattern and what it becomes
Rules = tuple[tuple[re.Pattern[str], str], ...]


def _rules(*pairs: str) -> Rules:
    return tuple((re.compile(found), made) for found, made in (pair.split(" > ") for pair in pairs))


_DOUBLED = (re.compile(r"(.)\1+"), r"\1")
_FOLDS: dict[Script, Rules] = {
    # Customary spellings of family names (Lee, Park, Choi, Oh) are rules on the beginning of a word and on vowels.
    "hangul": (*_rules(
        r"\b(?:rh|[lr])(?=[iy]|ee) > ", r"\byi(?=\b|[^aeou]) > i", r"\b[lr](?=[aeou]) > n", r"ar(?=[kg]) > a", r"(?<=[aeou])h(?![aeiouy]) > ",
        r"\bh(?:er|u)r?\b > ho", r"sh > s", r"ch > c", r"jj|j > c", r"kk|gg|g > k", r"tt|dd|d > t", r"pp|bb|b|f > p", r"[lr] > l",
        r"ee|eui|ui > i", r"ay|ai|ae > e", r"oe|oi|we > o", r"(?:w(?=[ou]))?(?:eo|eu|oo|ou|woo|wo|u|o)+ > o", r"w(?=o) > ",
        r"(?<=[^aeiou\b])wi > o", r"\s+ > "), _DOUBLED),
    "cyrillic": (*_rules(
        r"shch|sch|stch|sc > s", r"sh > s", r"tch|ch|tz|ts|cz > c", r"kh|gh|g > h", r"zh > z", r"dj|dz > z", r"x > ks", r"ph|ff|f|w > v",
        r"[iyj]+a > a", r"[iyj]+u > u", r"[iyj]*[eo] > e", r"[iyj]+ > i", r"\s+ > ", r"j > i"), _DOUBLED),
    "greek": (*_rules(
        r"\bmp > b", r"mp > b", r"\bnt > d", r"nt > d", r"gk|gg|ng > g", r"ph > f", r"ch|kh > h", r"x > ks", r"[ae][uv](?=[^aeiouy\s]|\b) > af",
        r"[ae]v > af", r"ou > u", r"ai > e", r"(?:ei|oi|yi|y|i|j)+ > i", r"\bgi(?=[aeou]) > i", r"\b[iy](?=[aeou]) > i", r"w > o", r"v > b", r"tz > ts",
        r"\bh(?=[aeiou]) > ", r"\s+ > "), _DOUBLED),
}


def folded(latin: str, script: Script) -> str:
    """What is left of a Latin spelling (words apart) when it is compared with a name of that script."""
    if script == "kana":
        return romaji_key(latin.replace(" ", ""))
    for pattern, made in _FOLDS[script]:
        latin = pattern.sub(made, latin)
    return latin


# --- two Latin spellings of one name
_MORAE = re.compile(r"(?:(?:[kgnhbpmr]y|sh|ch|j|ts|tch|ssh|sy|ty|zy|dz|[kgsztdnhbpmrfwy]?)[aeiou]h?|[nm](?![aeiou])|(?:kk|ss|tt|pp)(?=[aiueoyhs])|k(?=k)|s(?=s)|t(?=[ct])|p(?=p)|\s)+")
_ENDS = _rules(r"kh > h", r"ck|q > k", r"x > ks", r"[iyj]+ > i", r"w > v", r"ff$|ff\b > v", r"ph > f", r"tz > ts", r"iu > u", r"ia > a", r"\s+ > ")


def looks_japanese(latin: str) -> bool:
    """Whether Latin letters can be read as Japanese syllables from end to end."""
    return _MORAE.fullmatch(latin) is not None


def spelt_alike(latin: str) -> str:
    """The key under which two Latin spellings of one name meet: Sergey and Sergei, Ootani and Ohtani."""
    if looks_japanese(latin):
        return "jp:" + romaji_key(latin.replace(" ", ""))
    for pattern, made in _ENDS:
        latin = pattern.sub(made, latin)
    return latin
