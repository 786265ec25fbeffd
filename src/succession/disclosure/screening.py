"""Which entries of a block list might be this buyer, its officers or its owners, and is a screening still current?

The matcher proposes, a named person decides (SME M&A Guidelines 3rd ed., G9: check the buyer, tell the client the
outline and result). A match is a likeness of names and nothing more; no match is not a clearance. It is made to find
too much: legal forms, spacing, width, case, accents, word order and one slip of the pen do not hide a name.

| score | reason     | what was found                                                        |
|-------|------------|-----------------------------------------------------------------------|
| 100   | name       | same name after normalisation                                         |
| 95    | alias      | same as one of the entry's aliases                                    |
| 90    | word_order | same words in another order, or the same letters spaced otherwise     |
| 80    | one_edit   | one letter added, dropped, changed or swapped with its neighbour      |
| 70    | words      | all words of the shorter name stand in the longer one (two or more)   |
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import Literal

import msgspec

from succession.days import add_months

SCORES: dict[str, int] = {"name": 100, "alias": 95, "word_order": 90, "one_edit": 80, "words": 70}
OUTCOMES = ("cleared", "refused", "needs_review")
VALID_MONTHS = 6  # our choice; lists change, so a screening is repeated before memorandum, agreement and closing
# Below these lengths one letter makes another name: "AB" and "AC" are not alike.
_MIN_EDIT_LATIN, _MIN_EDIT_CJK = 6, 4

# ---------------------------------------------------------------------------------------------------------------------
# Normalisation

# Stripped at either end of a Japanese or Chinese name, longest first; also in brackets, as in （株）.
_CJK_FORMS = tuple(sorted((
    "株式会社 有限会社 合同会社 合資会社 合名会社 相互会社 特例有限会社 一般社団法人 一般財団法人 公益社団法人 公益財団法人 "
    "特定非営利活動法人 医療法人社団 医療法人財団 医療法人 社会福祉法人 学校法人 宗教法人 農事組合法人 協同組合 事業協同組合 "
    "弁護士法人 税理士法人 監査法人 投資事業有限責任組合 有限責任事業組合 "
    "股份有限公司 有限責任公司 有限责任公司 有限公司 集団公司 集团公司 주식회사 유한회사"
).split(), key=len, reverse=True))
_CJK_SHORT = "株有同資名"  # (株) (有) (同) (資) (名) after NFKC

# Words at the end of a foreign name; several may follow one another ("Co., Ltd.", "GmbH & Co. KG").
_FORMS_LAST = frozenset((
    "inc incorporated corp corporation co company ltd limited llc llp lp plc lllp pllc "  # English-speaking
    "gmbh mbh ag kg kgaa ohg ug ev se eg "  # German
    "sa sas sasu sarl sca snc spa srl srls sapa bv nv cv vof asbl sl slu sau ltda eireli cia lda "  # Romance, Benelux
    "ab oy oyj as asa aps ivs hf ehf kft zrt nyrt doo dd ad ood eood sro ks zoo sp spzoo uab sia ou "  # Nordic, Eastern
    "ooo oao zao pao ao jsc ojsc pjsc cjsc "  # Russian and neighbours
    "kk kabushiki kaisha yk yugen gk godo goushi gaisha "  # Japanese in Latin letters
    "pte pty bhd sdn berhad tbk pvt private public pcl jsc fze fzco fzc wll dmcc "  # Asia, Gulf
    "kabushikikaisha kabushikigaisha yugenkaisha yugengaisha godokaisha godogaisha"
).split())
_FORMS_FIRST = frozenset("pt ooo oao zao pao jsc pjsc ojsc cjsc kk gk yk the kabushiki kaisha yugen godo".split())
_VIETNAMESE = re.compile(r"^(cong ty )?(tnhh |trach nhiem huu han |co phan |cp )?(mot thanh vien |mtv )?")

# Characters NFKC keeps apart though people write either one.
_VARIANTS = str.maketrans(
    "髙﨑濵濱邊邉齋齊斉澤廣國櫻嶋嶌冨惠眞彌龍瀧曾桒槇圓榮應學關縣舊實壽條乘靜總傳燈德濟鐵當黑橫",
    "高崎浜浜辺辺斎斎斎沢広国桜島島富恵真弥竜滝曽桑槙円栄応学関県旧実寿条乗静総伝灯徳済鉄当黒横")
_DASHES = re.compile("[‐‑‒–—―−－~〜～·・･.’'`´\"“”„«»‚‘]")
_APART = re.compile(r"[^\w]+|_")
_INITIALS = re.compile(r"(?<!\S)(\w(?: \w)+)(?!\S)")


@lru_cache(maxsize=65_536)  # the same lists are read for every buyer
def normalise(name: str, kind: Literal["organisation", "person"]) -> str:
    """A name as it is compared: width, case, accents, punctuation and (for organisations) legal forms gone.

    Words are separated by one space; a name that is nothing but a legal form keeps it. Never empty for a name with a
    letter or digit in it.
    """
    text = unicodedata.normalize("NFKC", name).casefold().translate(_VARIANTS)
    if kind == "organisation":
        text = _without_cjk_forms(text)
    text = _without_latin_accents(text).replace("&", " and ").replace("/", "")
    words = _APART.sub(" ", _DASHES.sub("", text).replace("-", " ")).strip()
    words = _INITIALS.sub(lambda m: m[1].replace(" ", ""), words)  # "s p a" as "spa"
    return _without_foreign_forms(words.replace(" sp z oo", " spzoo")) if kind == "organisation" else words


def _without_cjk_forms(text: str) -> str:
    bare = re.sub(rf"\(\s*[{_CJK_SHORT}]\s*\)", " ", text)
    for form in _CJK_FORMS:
        bare = bare.strip().removeprefix(form).removesuffix(form)
        bare = bare.replace(f"({form})", " ")
    return bare if re.search(r"\w", bare) else text


def _without_latin_accents(text: str) -> str:
    """é as e, ß as ss (casefold did), ø as o; the voiced marks of kana stay, they are other letters."""
    kept: list[str] = []
    for char in text.translate(str.maketrans("øłđðþæœı", "olddpaoi")):
        parts = unicodedata.normalize("NFD", char)
        latin = "LATIN" in unicodedata.name(parts[0], "")
        kept.append("".join(p for p in parts if not unicodedata.combining(p)) if latin else char)
    return "".join(kept)


def _without_foreign_forms(words: str) -> str:
    left = _VIETNAMESE.sub("", words, count=1).split() or words.split()
    while len(left) > 1 and (left[-1] in _FORMS_LAST or left[-1] == "and"):
        left.pop()
    while len(left) > 1 and left[0] in _FORMS_FIRST:
        left.pop(0)
    return " ".join(left)


# ---------------------------------------------------------------------------------------------------------------------
# Matching


class ListEntry(msgspec.Struct, frozen=True):
    """One name on a block list. `country` is ISO 3166-1 alpha-2 where the list gives one."""

    list_code: str
    list_version: str
    name: str
    aliases: tuple[str, ...]
    country: str | None
    kind: Literal["organisation", "person"]


class Party(msgspec.Struct, frozen=True):
    """A name to look for: the organisation itself, a former name, its parent, an officer, a beneficial owner."""

    name: str
    role: Literal["organisation", "former_name", "parent", "officer", "beneficial_owner"]
    kind: Literal["organisation", "person"]
    country: str | None


class Candidate(msgspec.Struct, frozen=True):
    """A list entry that may be a party. `same_country` is None when either side gives no country; it never excludes."""

    list_code: str
    list_version: str
    entry_name: str
    matched_name: str
    party_name: str
    party_role: str
    score: int
    reason: str
    same_country: bool | None


def find_candidates(parties: Iterable[Party], entries: Iterable[ListEntry]) -> list[Candidate]:
    """Every likeness between parties and entries of the same kind, best first; one per party and entry.

    Nothing is cut off: a long answer is a question for the reviewer, not for the matcher.
    """
    sought = [(party, normalise(party.name, party.kind)) for party in parties]
    found: list[Candidate] = []
    for entry in entries:
        names = [(entry.name, "name"), *((alias, "alias") for alias in entry.aliases)]
        known = [(written, exact, normalise(written, entry.kind)) for written, exact in names]
        for party, name in sought:
            if party.kind == entry.kind and name:
                likest = [(SCORES[reason], reason, written) for written, exact, other in known
                          if (reason := _likeness(name, other, exact))]
                if likest:
                    found.append(_candidate(party, entry, *max(likest, key=lambda item: item[0])))
    return sorted(found, key=lambda c: (-c.score, c.list_code, c.entry_name, c.party_name))


def _candidate(party: Party, entry: ListEntry, score: int, reason: str, written: str) -> Candidate:
    same = None if party.country is None or entry.country is None else party.country == entry.country
    return Candidate(entry.list_code, entry.list_version, entry.name, written, party.name, party.role, score, reason,
                     same)


def _likeness(a: str, b: str, exact: str) -> str | None:
    if not b:
        return None
    if a == b:
        return exact
    words_a, words_b = a.split(), b.split()
    if sorted(words_a) == sorted(words_b) or "".join(words_a) == "".join(words_b):
        return "word_order"
    if _one_edit("".join(words_a), "".join(words_b)) or _one_edit(" ".join(sorted(words_a)), " ".join(sorted(words_b))):
        return "one_edit"
    shorter, longer = sorted((set(words_a), set(words_b)), key=len)
    return "words" if len(shorter) >= 2 and shorter < longer else None


def _one_edit(a: str, b: str) -> bool:
    """Whether one insertion, deletion, substitution or swap of neighbours makes `a` into `b`, both long enough."""
    if abs(len(a) - len(b)) > 1 or min(len(a), len(b)) < (_MIN_EDIT_LATIN if a.isascii() else _MIN_EDIT_CJK):
        return False
    if len(a) > len(b):
        a, b = b, a
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    if len(a) < len(b):
        return a[start:] == b[start + 1:]
    rest_a, rest_b = a[start:], b[start:]
    return rest_a[1:] == rest_b[1:] or (rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:])


# ---------------------------------------------------------------------------------------------------------------------
# The recorded decision


class ScreeningFacts(msgspec.Struct, frozen=True):
    """A decided screening: what a named person concluded, against which versions, until when (last valid day)."""

    outcome: Literal["cleared", "refused", "needs_review"]
    decided_by: str
    decided_on: date
    expires_on: date
    list_versions: dict[str, str]


def default_expiry(decided_on: date) -> date:
    """Last day a screening decided on `decided_on` counts as current."""
    return add_months(decided_on, VALID_MONTHS)


def is_current(screening: ScreeningFacts | None, on: date) -> bool:
    """Whether this screening may carry a step on the day `on`: concluded in the buyer's favour and not out of date."""
    return (screening is not None and screening.outcome == "cleared"
            and screening.decided_on <= on <= screening.expires_on)


def lists_changed(screening: ScreeningFacts, current_versions: dict[str, str]) -> tuple[str, ...]:
    """Lists that are newer than this screening, or were not consulted in it: the reason to look again before expiry."""
    return tuple(sorted(code for code, version in current_versions.items()
                        if screening.list_versions.get(code) != version))
