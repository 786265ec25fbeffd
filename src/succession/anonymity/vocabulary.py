"""Which fixed phrases may a teaser show, and why not the others?"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from functools import cache

import msgspec

from succession.codes import read_table, translated
from succession.i18n import Message

PHRASES_MAX = 5
GROUPS = ("strength", "business_model", "customers", "assets", "workforce", "transition", "wish")


# What a released row is known by. `column` may be corrected and `until` set later without touching what was approved.
_RELEASED = ("class", "code", "en", "group", "ja", "not_with", "reason", "synonyms_en", "synonyms_ja")


class Phrase(msgspec.Struct, frozen=True):
    """One row of `db/reference/vocabulary.tsv`. `reason` says why it is, or is not, linkable to a company.

    `on_lists`: lists of the holders exist, so a population may hold the fact as a column. `rank`: where it stands in the
    order of reading. `retired`: not offered any more in this version; teasers that show it go on showing it.
    """

    code: str
    group: str
    linkable: bool
    on_lists: bool
    reason: str
    ja: str
    en: str
    synonyms_ja: tuple[str, ...]
    synonyms_en: tuple[str, ...]
    not_with: frozenset[str]
    rank: int
    retired: bool


class Problem(msgspec.Struct, frozen=True):
    """Why a choice of phrases is refused: a stable rule name, the codes it concerns, and a sentence for the seller."""

    rule: str
    codes: tuple[str, ...]
    message: Message


class Vocabulary(msgspec.Struct, frozen=True):
    """The phrases released up to a version, by code and in the order of reading.

    `version` names the content, to the byte, and is pinned by each teaser; `number` counts the releases. A later version
    holds every earlier one unchanged, so any teaser reads the same under the newest.
    """

    version: str
    number: int
    phrases: dict[str, Phrase]

    def label(self, code: str, locale: str) -> str:
        phrase = self.phrases[code]
        return phrase.ja if locale == "ja" else translated("phrase", code, locale) or phrase.en

    def in_order(self, codes: Iterable[str]) -> list[str]:
        """The codes as a sheet lists them, group by group. KeyError for a code that was never released."""
        return sorted(codes, key=lambda code: self.phrases[code].rank)

    def showable(self) -> tuple[Phrase, ...]:
        """What anybody may see before the name clear, on older teasers too; the search knows no other phrase."""
        return tuple(phrase for phrase in self.phrases.values() if not phrase.linkable)

    def offered(self) -> tuple[Phrase, ...]:
        """What a new teaser may show before the name clear."""
        return tuple(phrase for phrase in self.showable() if not phrase.retired)

    def permitted(self, codes: Iterable[str], facts: Collection[str] = ()) -> list[Problem]:
        """What keeps these codes off a teaser shown before the name clear; [] when they may be shown.

        A phrase is there or it is not: an absent code says nothing, and no phrase says that something is lacking.
        Linkable ones pass when they are exactly the `facts` of the codebook that is used (fact_books.py).
        """
        chosen = list(codes)
        known = [self.phrases[code] for code in dict.fromkeys(chosen) if code in self.phrases]
        together = {tuple(sorted((p.code, q))) for p in known for q in p.not_with if q in chosen}
        rules = (
            ("unknown", [code for code in dict.fromkeys(chosen) if code not in self.phrases],
             Message.of("Not in the vocabulary: {codes}.")),
            ("repeated", sorted({code for code in chosen if chosen.count(code) > 1}),
             Message.of("Named more than once: {codes}.")),
            ("too_many", chosen if len(chosen) > PHRASES_MAX else [],
             Message.of("At most {limit} phrases on a teaser.", limit=PHRASES_MAX)),
            ("retired", [phrase.code for phrase in known if phrase.retired],
             Message.of("No longer offered, choose another phrase: {codes}.")),
            ("linkable", [phrase.code for phrase in known if phrase.linkable and phrase.code not in facts],
             Message.of("Could be looked up in a public source, so shown only after the name clear: {codes}.")),
            ("facts", [code for code in facts if code not in chosen],
             Message.of("A teaser that shows facts shows all that are on record; these are missing: {codes}.")),
        )  # fmt: skip
        problems = [_problem(rule, found, message) for rule, found, message in rules if found]
        refused = Message.of("Not on the same teaser: {codes}.")
        return problems + [_problem("refused_combination", pair, refused) for pair in sorted(together)]


def _problem(rule: str, codes: Iterable[str], message: Message) -> Problem:
    codes = tuple(codes)
    return Problem(rule, codes, Message(message.msgid, {**message.params, "codes": list(codes)}))


@cache
def vocabulary(version: str | None = None) -> Vocabulary:
    """The newest vocabulary, or the one a teaser pins. KeyError for a version that was never released.

    A teaser is judged by what was offered when its owner approved it. ValueError when the table contradicts itself.
    """
    released = _released()
    return released[version] if version else list(released.values())[-1]


@cache
def _released() -> dict[str, Vocabulary]:
    return {each.version: each for each in parse_vocabularies(read_table("db/reference/vocabulary.tsv"))}


def parse_vocabularies(rows: Iterable[dict[str, str]]) -> list[Vocabulary]:
    """Every released vocabulary, oldest first, from rows in the order of reading."""
    rows = list(rows)
    if len({row["code"] for row in rows}) != len(rows):
        raise ValueError("a phrase code appears twice")
    numbers = {_number(row, "since") for row in rows}
    if numbers != set(range(1, len(numbers) + 1)):
        raise ValueError("versions are counted from one")
    return [_vocabulary([row for row in rows if int(row["since"]) <= number], number) for number in sorted(numbers)]


def _vocabulary(rows: list[dict[str, str]], number: int) -> Vocabulary:
    refused = _refusals(rows)
    phrases = {row["code"]: _phrase(row, rank, number, refused[row["code"]]) for rank, row in enumerate(rows)}
    content = [{column: row[column] for column in _RELEASED} for row in sorted(rows, key=lambda row: row["code"])]
    digest = hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()
    return Vocabulary(digest[:16], number, phrases)


def _refusals(rows: list[dict[str, str]]) -> dict[str, frozenset[str]]:
    """Which codes each code may not stand beside: those it names, and the later ones that name it."""
    since = {row["code"]: int(row["since"]) for row in rows}
    refused: dict[str, set[str]] = {code: set() for code in since}
    named = {(row["code"], other) for row in rows for other in _several(row["not_with"])}
    for code, other in named:
        if other not in since or (since[code] <= since[other] and (other, code) not in named):
            raise ValueError(f"{code} and {other} do not refuse each other")
        refused[code].add(other)
        refused[other].add(code)
    return {code: frozenset(others) for code, others in refused.items()}


def _phrase(row: dict[str, str], rank: int, number: int, not_with: frozenset[str]) -> Phrase:
    if row["group"] not in GROUPS or row["class"] not in ("linkable", "unlinkable") or not row["reason"]:
        raise ValueError(f"{row['code']}: unknown group or class, or no reason")
    if row["column"] not in ("", "yes") or (row["column"] and row["class"] == "unlinkable"):
        raise ValueError(f"{row['code']}: what is in no list is no column")
    return Phrase(
        code=row["code"],
        group=row["group"],
        linkable=row["class"] == "linkable",
        on_lists=row["column"] == "yes",
        reason=row["reason"],
        ja=row["ja"],
        en=row["en"],
        synonyms_ja=_several(row["synonyms_ja"]),
        synonyms_en=_several(row["synonyms_en"]),
        not_with=not_with,
        rank=rank,
        retired=bool(row["until"]) and _number(row, "until") < number,
    )


def _number(row: dict[str, str], column: str) -> int:
    if not row[column].isdecimal():
        raise ValueError(f"{row['code']}: {column} is the number of a version")
    return int(row[column])


def _several(cell: str) -> tuple[str, ...]:
    return tuple(filter(None, cell.split("|")))
