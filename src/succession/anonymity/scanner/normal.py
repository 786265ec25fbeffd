"""Which written forms are one and the same, and where did each of their characters stand in the text?

Two views, each with the way back: `plain` of the text, `bare` of the plain view. `plain` is what a reader sees:
compatibility forms resolved (NFKC), old kanji folded, invisible characters gone; recognisers of strangers' names read
it. `bare` is what a name sounds like: no case, no accents, one kana, nothing between the letters; only a matcher that
knows what it looks for may read it, since words run into one another there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache

import msgspec

from succession.codes import read_table


class View(msgspec.Struct, frozen=True):
    """A rewritten text. Character i of `text` comes from `starts[i]` up to `ends[i]` of what was rewritten."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Where a passage of the view, not empty, stands in what was rewritten."""
        return self.starts[start], self.ends[end - 1]


# What takes no room: format characters, variation selectors, fillers, combining marks that NFKC left standing.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u3164\uffa0\u2800")
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2500\ufe58\ufe63\uff0d\uff70"
# Marks that compose with the character before them, among them the voicing marks of half-width kana.
_MARK = "[\u0300-\u036f\u3099\u309a\uff9e\uff9f\ufe00-\ufe0f]"


@cache
def old_kanji() -> dict[str, str]:
    """Each old or variant form and the everyday form it is folded to."""
    return {form: row["everyday"] for row in read_table("db/reference/old_kanji.tsv") for form in row["forms"]}


@lru_cache(4096)
def _plain_cluster(cluster: str) -> str:
    fold = old_kanji()
    out = []
    for character in unicodedata.normalize("NFKC", cluster):
        if character in _DASHES and cluster != "\uff70":
            out.append("-")
        elif character not in _UNSEEN and unicodedata.category(character) not in ("Cf", "Mn", "Me"):
            out.append(fold.get(character, character))
    return "".join(out)


@cache
def _unusual() -> re.Pattern[str]:
    """A character outside the everyday ones, or an old kanji, with its marks; or any with marks. The rest stays."""
    letter = f"[^ -~\\n、。「」『』・ー々ぁ-ゖァ-ヺ一-龠]|[{''.join(old_kanji())}]"
    return re.compile(f"(?s:(?:{letter}){_MARK}{{0,16}}|.{_MARK}{{1,16}})")


def plain(text: str) -> View:
    """The text as it is read. Linear; the common case, nothing to rewrite, costs one search."""
    if all(_plain_cluster(cluster) == cluster for cluster in set(_unusual().findall(text))):
        return View(text, range(len(text)), range(1, len(text) + 1))
    return _rewritten(text, _unusual().finditer(text), _plain_cluster)


def _rewritten(text: str, pieces: Iterable[re.Match[str]], rewrite: Callable[[str], str]) -> View:
    """Each match replaced by what `rewrite` makes of it; every new character points at the whole match."""
    out: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    done = 0
    for match in pieces:
        start, end = match.span()
        out.append(text[done:start])
        starts.extend(range(done, start))
        ends.extend(range(done + 1, start + 1))
        new = rewrite(match[0])
        out.append(new)
        starts.extend([start] * len(new))
        ends.extend([end] * len(new))
        done = end
    out.append(text[done:])
    starts.extend(range(done, len(text)))
    ends.extend(range(done + 1, len(text) + 1))
    return View("".join(out), starts, ends)


# --- bare ----------------------------------------------------------------------------------------------------------

# Between the letters of a name anything of this may stand without making it another name.
SEPARATORS = " \t\n\r\v\f-‐_.,'’‘`´\"“”/\\・･·•‧∙.&+*#|~〜=:ー―()[]<>《》〈〉【】「」『』★☆♪"
_SEPARATOR_SET = frozenset(SEPARATORS)
_SMALL_KANA = str.maketrans("ァィゥェォッャュョヮヵヶヂヅヲヴ", "アイウエオツヤユヨワカケジズオブ")


@lru_cache(4096)
def bare_letter(character: str) -> str:
    """One letter in its barest form, or "" for what stands between letters. Never more than one character."""
    if character in _SEPARATOR_SET or character.isspace():
        return ""
    if "ぁ" <= character <= "ゖ":
        character = chr(ord(character) + 0x60)
    if "ァ" <= character <= "ヶ":
        return character.translate(_SMALL_KANA)
    return unicodedata.normalize("NFKD", character)[:1].lower()[:1]


def bare(text: str) -> View:
    """A plain text without case, accents, separators and line breaks, in katakana."""
    letters = {character: bare_letter(character) for character in set(text)}
    dropped = "".join(character for character, letter in letters.items() if not letter)
    changed = {ord(character): letter for character, letter in letters.items() if letter and letter != character}
    if not dropped:
        return View(text.translate(changed), range(len(text)), range(1, len(text) + 1))
    kept = re.compile(f"[^{re.escape(dropped)}]+")
    pieces: list[str] = []
    starts: list[int] = []
    for match in kept.finditer(text):
        pieces.append(match[0])
        starts.extend(range(match.start(), match.end()))
    return View("".join(pieces).translate(changed), starts, [at + 1 for at in starts])


def bare_text(text: str) -> str:
    """The bare form of a known name."""
    return bare(plain(text).text).text


# --- romaji --------------------------------------------------------------------------------------------------------

# Spellings of one sound, each brought to the shortest: Kunrei consonants, no long vowels, n before b, m and p.
_SOUNDS = {
    "tch": "tt", "ssh": "ss", "cch": "tt", "sh": "s", "ch": "t", "ts": "t", "j": "z", "f": "h", "dz": "z", "du": "zu",
    "mb": "nb", "mp": "np", "mm": "nm", "l": "r", "v": "b", "ph": "h",
    "aa": "a", "ii": "i", "uu": "u", "ee": "e", "oo": "o", "ou": "o",
}  # fmt: skip
# sha, sya and cha, tya: the y goes as well, so that shi, si and sya's s stand alike.
_ROMAJI = re.compile(
    "tch|ssh|cch|[sc]h|ts|dz|du|m(?=[bpm])|[jflv]|ph|(?<=[sztc])y|(?<=sh)y|aa+|ii+|uu+|ee+|oo+u?|ou+"
    "|(?<=[ou])h(?![aiueoy])|(?<=[aiueo])h(?=[bcdfgjklmnpqrstvwxz])"
)


def _sound(spelling: str) -> str:
    if spelling in ("y", "h"):
        return ""
    if spelling == "m":
        return "n"
    return _SOUNDS.get(spelling) or _SOUNDS.get(spelling[:2]) or spelling[0]


def romaji(view: View) -> View:
    """A bare view in which one Japanese sound has one Latin spelling; other letters stay."""
    rewritten = _rewritten(view.text, _ROMAJI.finditer(view.text), _sound)
    if rewritten.text == view.text:
        return view
    starts = [view.starts[at] for at in rewritten.starts]
    ends = [view.ends[at - 1] for at in rewritten.ends]
    return View(rewritten.text, starts, ends)


def romaji_key(text: str) -> str:
    """The canonical spelling of a Latin name: Shimbun, Sinbun and Shinbun are one."""
    return romaji(bare(plain(text).text)).text


@cache
def _syllables() -> tuple[dict[str, str], re.Pattern[str]]:
    table = {row["kana"]: row["hepburn"] for row in read_table("db/reference/kana_romaji.tsv")}
    longest_first = sorted(table, key=len, reverse=True)
    return table, re.compile("|".join(map(re.escape, longest_first)) + "|(?s:.)")


def hepburn(kana: str) -> str:
    """Kana, of either kind, in Latin letters with long vowels written out; what is no kana stays."""
    table, syllable = _syllables()
    katakana = "".join(chr(ord(c) + 0x60) if "ぁ" <= c <= "ゖ" else c for c in plain(kana).text)
    out: list[str] = []
    doubled = False
    for sound in syllable.findall(katakana):
        if sound == "ッ":
            doubled = True
            continue
        latin = "" if sound == "ー" else table.get(sound, sound)
        if doubled and latin[:1].isalpha():
            latin = ("t" if latin.startswith("ch") else latin[0]) + latin
        doubled = False
        out.append(latin)
    return "".join(out)
