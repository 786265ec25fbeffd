"""Which entries of a list might be this buyer, its officers or its owners, and is a screening still current?

The matcher proposes, named persons decide (SME M&A Guidelines 3rd ed., G9: check the buyer, tell the client the
outline and result). A match is a likeness of names and nothing more; no match is not a clearance. It is made to find
too much: legal forms, spacing, width, case, accents, word order, script and one slip of the pen do not hide a name.
How names are compared, and the scores, is in `names/index.py`; a shared number (registry, LEI) counts as the name itself.
Country and year of birth are shown beside a likeness and never exclude one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from typing import Literal

import msgspec

from succession.config import resource
from succession.days import add_months
from succession.disclosure.names import index
from succession.disclosure.names.index import Index, Name
from succession.disclosure.names.writing import Kind, normalise

__all__ = ["Candidate", "ListEntry", "ListIndex", "Party", "find_in", "normalise"]

SCORES: dict[str, int] = {"identifier": 100, **index.SCORES}
STRONG = 95  # the name itself, an alias of it, or its number
VALID_MONTHS = 6  # our choice; lists change, so a screening is repeated before NDA, memorandum and closing
FRESH_DAYS = 30  # what such a step rests on may not be older: argued in db/README.md
MATCHER = "2"

Role = Literal["organisation", "other_name", "former_name", "parent", "group", "officer", "beneficial_owner", "signer", "nda_member"]
BirthYear = Literal["same", "near", "differs"]


@cache
def matcher_version() -> str:
    """Of the rules and the tables they read: a run names it, so that one can tell what a later run may find besides."""
    tables = ("old_kanji", "han_variants", "kana_romaji", "letters")
    digest = hashlib.sha256(b"\0".join(resource(f"db/reference/{table}.tsv").read_bytes() for table in tables)).hexdigest()
    return f"{MATCHER}-{digest[:12]}"


# ---------------------------------------------------------------------------------------------------------------------
# Matching


class ListEntry(msgspec.Struct, frozen=True):
    """One entry of a list. `countries`: ISO 3166-1 alpha-2, as far as the list gives them; `weak_aliases`: names the list
    itself calls weak; `identifiers`: numbers without spaces, upper case; `ref`: the list's own number of it."""

    list_code: str
    list_version: str
    name: str
    aliases: tuple[str, ...]
    country: str | None
    kind: Kind
    list_kind: str = "internal"
    entry_id: str = ""
    ref: str = ""
    weak_aliases: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    birth_years: tuple[int, ...] = ()
    identifiers: tuple[str, ...] = ()
    reason: str | None = None
    listed_on: str | None = None


class Party(msgspec.Struct, frozen=True):
    """A name to look for: the organisation itself, another or former name, its parent, an officer, a beneficial owner,
    who signed the NDA, who reads under it."""

    name: str
    role: Role
    kind: Kind
    country: str | None
    birth_year: int | None = None
    identifiers: tuple[str, ...] = ()


class Candidate(msgspec.Struct, frozen=True):
    """A list entry that may be a party. `same_country` and `birth_year` are None when either side says nothing; they
    never exclude. The last fields are None in screenings decided before lists had versions."""

    list_code: str
    list_version: str
    entry_name: str
    matched_name: str
    party_name: str
    party_role: str
    score: int
    reason: str
    same_country: bool | None
    list_kind: str | None = None
    entry_id: str | None = None
    entry_ref: str | None = None
    birth_year: BirthYear | None = None
    listed_on: str | None = None
    entry_reason: str | None = None


class ListIndex:
    """One version of a list, ready to be searched. Immutable: a process may keep it as long as that version is consulted."""

    def __init__(self, entries: Sequence[ListEntry]) -> None:
        self.entries = tuple(entries)
        names = [Name(number, sort, written, entry.kind) for number, entry in enumerate(self.entries)
                 for sort, written in _names_of(entry)]
        self.names = names
        self.by_kind: dict[str, Index] = {kind: Index(names, kind) for kind in ("organisation", "person")}
        self.by_identifier: dict[str, list[int]] = {}
        for number, entry in enumerate(self.entries):
            for identifier in entry.identifiers:
                self.by_identifier.setdefault(identifier, []).append(number)


def _names_of(entry: ListEntry) -> Iterable[tuple[str, str]]:
    yield "name", entry.name
    yield from (("alias", alias) for alias in entry.aliases)
    yield from (("weak_alias", alias) for alias in entry.weak_aliases)


def find_in(parties: Iterable[Party], lists: Iterable[ListIndex]) -> list[Candidate]:
    """Every likeness between parties and entries of the same kind, best first; one per party and entry.

    Nothing is cut off: a long answer is a question for the reviewer, not for the matcher.
    """
    found = [candidate for party in parties for listed in lists for candidate in _of_party(party, listed)]
    return sorted(set(found), key=lambda c: (-c.score, c.list_code, c.entry_name, c.party_name, c.party_role, c.entry_id or ""))


def _of_party(party: Party, listed: ListIndex) -> Iterable[Candidate]:
    best: dict[int, tuple[int, str, str]] = {}
    for identifier in party.identifiers:
        for number in listed.by_identifier.get(identifier, ()):
            best[number] = (SCORES["identifier"], "identifier", listed.entries[number].name)
    for found in listed.by_kind[party.kind].find(party.name):
        name = listed.names[found.name]
        score = SCORES[found.reason]
        if score > best.get(name.entry, (0,))[0]:
            best[name.entry] = (score, found.reason, name.written)
    for number, (score, reason, written) in best.items():
        yield _candidate(party, listed.entries[number], score, reason, written)


def _candidate(party: Party, entry: ListEntry, score: int, reason: str, written: str) -> Candidate:
    known = {*entry.countries, *([entry.country] if entry.country else [])}
    same = None if party.country is None or not known else party.country in known
    return Candidate(entry.list_code, entry.list_version, entry.name, written, party.name, party.role, score, reason, same,
                     entry.list_kind, entry.entry_id or None, entry.ref or None, _birth(party, entry), entry.listed_on,
                     entry.reason)


def _birth(party: Party, entry: ListEntry) -> BirthYear | None:
    if party.birth_year is None or not entry.birth_years:
        return None
    apart = min(abs(party.birth_year - year) for year in entry.birth_years)
    return "same" if apart == 0 else "near" if apart == 1 else "differs"


# ---------------------------------------------------------------------------------------------------------------------
# A run that was made again: what is new in it?


def new_since(candidates: Iterable[Candidate], decided: Iterable[Candidate]) -> list[Candidate]:
    """Those that nobody has decided on: an entry that was rewritten since counts as new."""
    known = {(c.list_code, c.entry_id or c.entry_name, c.party_name) for c in decided}
    return [c for c in candidates if (c.list_code, c.entry_id or c.entry_name, c.party_name) not in known]


def suspends(candidates: Iterable[Candidate], decided: Iterable[Candidate]) -> bool:
    """Whether what is new ends reading at once, before anybody has looked: the very name or number on a sanctions list.

    An entry that was decided on and has only been rewritten by its list does not; nor does somebody who reads under the agreement:
    that person alone is stopped (vault.member_stopped).
    """
    known = {(c.list_code, c.entry_ref or c.entry_name, c.party_name) for c in decided}
    return any(c.list_kind == "sanctions" and c.score >= STRONG and c.party_role != "nda_member"
               and (c.list_code, c.entry_ref or c.entry_name, c.party_name) not in known for c in new_since(candidates, decided))


Occasion = Literal["request", "nda", "mou", "closing", "manual", "list_changed", "parties_changed"]
_BEFORE_NDA, _BEFORE_MOU = frozenset({"interested"}), frozenset({"nda_signed", "name_cleared", "im_disclosed", "qa", "top_meeting", "loi"})
_BEFORE_CLOSING = frozenset({"mou", "dd", "definitive"})


def occasion_of(stage: str, screened_before: bool) -> Occasion:
    """For which step of the road a run asked for by a person is made: the next one that asks for it."""
    if not screened_before:
        return "request"
    if stage in _BEFORE_NDA:
        return "nda"
    return "mou" if stage in _BEFORE_MOU else "closing" if stage in _BEFORE_CLOSING else "manual"


# ---------------------------------------------------------------------------------------------------------------------
# The recorded decision


def default_expiry(decided_on: date) -> date:
    """Last day a screening decided on `decided_on` counts as current."""
    return add_months(decided_on, VALID_MONTHS)
