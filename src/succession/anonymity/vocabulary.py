"""Which fixed phrases may a teaser show, and why not the others?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache

import msgspec

from succession.codes import read_table
from succession.i18n import Message

PHRASES_MAX = 5
GROUPS = ("strength", "business_model", "customers", "assets", "workforce", "transition", "wish")


class Phrase(msgspec.Struct, frozen=True):
    """One row of `db/reference/vocabulary.tsv`. `reason` says why it is, or is not, linkable to a company."""

    code: str
    group: str
    linkable: bool
    reason: str
    ja: str
    en: str
    synonyms_ja: tuple[str, ...]
    synonyms_en: tuple[str, ...]
    not_with: frozenset[str]


class Problem(msgspec.Struct, frozen=True):
    """Why a choice of phrases is refused: a stable rule name, the codes it concerns, and a sentence for the seller."""

    rule: str
    codes: tuple[str, ...]
    message: Message


class Vocabulary(msgspec.Struct, frozen=True):
    """All phrases by code. `version` changes with any byte of meaning or wording, and is pinned by each teaser."""

    version: str
    phrases: dict[str, Phrase]

    def label(self, code: str, locale: str) -> str:
        phrase = self.phrases[code]
        return phrase.ja if locale == "ja" else phrase.en

    def showable(self) -> tuple[Phrase, ...]:
        """What anybody may see before the name clear; the search knows no other phrase."""
        return tuple(phrase for phrase in self.phrases.values() if not phrase.linkable)

    def permitted(self, codes: Iterable[str]) -> list[Problem]:
        """What keeps these codes off a teaser shown before the name clear; [] when they may be shown.

        A phrase is there or it is not: an absent code says nothing, and no phrase says that something is lacking.
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
            ("linkable", [phrase.code for phrase in known if phrase.linkable],
             Message.of("Could be looked up in a public source, so shown only after the name clear: {codes}.")),
        )  # fmt: skip
        problems = [_problem(rule, found, message) for rule, found, message in rules if found]
        refused = Message.of("Not on the same teaser: {codes}.")
        return problems + [_problem("refused_combination", pair, refused) for pair in sorted(together)]


def _problem(rule: str, codes: Iterable[str], message: Message) -> Problem:
    codes = tuple(codes)
    return Problem(rule, codes, Message(message.msgid, {**message.params, "codes": list(codes)}))


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary of this release, read once. ValueError when the table contradicts itself."""
    return parse_vocabulary(read_table("db/reference/vocabulary.tsv"))


def parse_vocabulary(rows: Iterable[dict[str, str]]) -> Vocabulary:
    rows = sorted(rows, key=lambda row: row["code"])
    phrases = {row["code"]: _phrase(row) for row in rows}
    if len(phrases) != len(rows):
        raise ValueError("a phrase code appears twice")
    for phrase in phrases.values():
        for other in phrase.not_with:
            if other not in phrases or phrase.code not in phrases[other].not_with:
                raise ValueError(f"{phrase.code} and {other} do not refuse each other")
    content = msgspec.json.encode(rows, order="sorted")
    return Vocabulary(hashlib.sha256(content).hexdigest()[:16], phrases)


def _phrase(row: dict[str, str]) -> Phrase:
    if row["group"] not in GROUPS or row["class"] not in ("linkable", "unlinkable") or not row["reason"]:
        raise ValueError(f"{row['code']}: unknown group or class, or no reason")
    return Phrase(
        code=row["code"],
        group=row["group"],
        linkable=row["class"] == "linkable",
        reason=row["reason"],
        ja=row["ja"],
        en=row["en"],
        synonyms_ja=_several(row["synonyms_ja"]),
        synonyms_en=_several(row["synonyms_en"]),
        not_with=frozenset(_several(row["not_with"])),
    )


def _several(cell: str) -> tuple[str, ...]:
    return tuple(filter(None, cell.split("|")))
