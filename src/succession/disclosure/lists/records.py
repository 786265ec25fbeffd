"""What does one entry of a list say, once it is out of its file: names, kind, countries, years of birth, numbers?"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from datetime import date
from functools import cache
from typing import Literal

import msgspec

from succession.characters import UNWANTED
from succession.codes import SCHEMES, label
from succession.i18n import Message, _, translate

ENTRIES_MOST = 500_000
NAME_MOST, REASON_MOST, ALIASES_MOST, NUMBERS_MOST = 300, 500, 200, 50
Kind = Literal["organisation", "person"]


class ListRecord(msgspec.Struct, frozen=True):
    """`ref`: the publisher's own number, or a hash of the content where it gives none. `countries`: ISO 3166-1 alpha-2 of
    what the list calls nationality, country or address. `identifiers`: upper case, without spaces."""

    ref: str
    name: str
    kind: Kind
    aliases: tuple[str, ...] = ()
    weak_aliases: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    birth_years: tuple[int, ...] = ()
    identifiers: tuple[str, ...] = ()
    reason: str | None = None
    listed_on: date | None = None

    @property
    def content_hash(self) -> bytes:
        return hashlib.sha256(msgspec.json.encode(self)).digest()


class Left(msgspec.Struct, frozen=True):
    """A row or element that was left out: where, and why."""

    where: int
    reason: Message


class Reading(msgspec.Struct):
    """A file as it was read. `skipped`: what is no person or organisation, by the list's own word for it."""

    records: list[ListRecord]
    left: list[Left]
    skipped: Counter[str]
    as_of: date | None = None
    columns: dict[str, str] = {}
    unknown_countries: Counter[str] = msgspec.field(default_factory=Counter)


class Refused(ValueError):
    """One entry cannot be used: `message` says why."""

    def __init__(self, message: Message) -> None:
        super().__init__(translate(message, "en"))
        self.message = message


def make_record(*, ref: str | None, name: str, kind: Kind, aliases: Iterable[str] = (), weak_aliases: Iterable[str] = (),
                countries: Iterable[str] = (), births: Iterable[str] = (), identifiers: Iterable[str] = (), reason: str | None = None,
                listed_on: date | None = None, unknown: Counter[str] | None = None) -> ListRecord:
    """An entry from what a file says; Refused without a usable name or with more than an entry can hold."""
    shown = one_line(name)
    if not re.search(r"\w", shown):
        raise Refused(Message.of(_("It has no name.")))
    others = [line for line in dict.fromkeys(map(one_line, aliases)) if re.search(r"\w", line) and line != shown]
    weak = [line for line in dict.fromkeys(map(one_line, weak_aliases)) if re.search(r"\w", line) and line != shown and line not in others]
    if max(map(len, (shown, *others, *weak))) > NAME_MOST or len(others) + len(weak) > ALIASES_MOST:
        raise Refused(Message.of(_("A name is longer than {characters} characters, or there are more than {aliases} of them."),
                                 characters=NAME_MOST, aliases=ALIASES_MOST))
    numbers = [number for number in dict.fromkeys(re.sub(r"\s", "", one_line(each)).upper() for each in identifiers) if number][:NUMBERS_MOST]
    found = msgspec.json.encode([shown, kind, others, weak, numbers])
    return ListRecord(
        one_line(ref or "")[:100] or hashlib.sha256(found).hexdigest()[:32], shown, kind, tuple(others), tuple(weak),
        tuple(sorted({code for each in countries if (code := country_of(each, unknown))})), tuple(sorted(_years(births))), tuple(numbers),
        one_line(reason or "")[:REASON_MOST] or None, listed_on)


def one_line(text: str) -> str:
    """What was typed, on one line, without characters nobody sees."""
    return " ".join(UNWANTED.sub(" ", unicodedata.normalize("NFC", text)).split())


def _years(births: Iterable[str]) -> set[int]:
    return {int(year) for each in births for year in re.findall(r"(?<!\d)(?:18|19|20)\d\d(?!\d)", each)}


@cache
def _countries() -> dict[str, str]:
    known = {label("country", code, locale).casefold(): code for code in SCHEMES["country"].codes for locale in ("en", "ja")}
    known |= {code.casefold(): code for code in SCHEMES["country"].codes}
    return known | {  # as lists write them; typed by hand
        "korea, north": "KP", "democratic people's republic of korea": "KP", "dprk": "KP", "korea, south": "KR", "republic of korea": "KR",
        "iran (islamic republic of)": "IR", "islamic republic of iran": "IR", "russian federation": "RU", "syrian arab republic": "SY",
        "burma": "MM", "people's republic of china": "CN", "united states of america": "US", "usa": "US", "uk": "GB", "u.k.": "GB",
        "libyan arab jamahiriya": "LY", "democratic republic of the congo": "CD", "congo, democratic republic of the": "CD", "viet nam": "VN",
        "united republic of tanzania": "TZ", "lao people's democratic republic": "LA", "taiwan": "TW", "hong kong": "HK", "uae": "AE",
    }  # fmt: skip


def country_of(written: str, unknown: Counter[str] | None = None) -> str | None:
    """Alpha-2 of a country as a list writes it; what is not known is counted, and the entry goes without."""
    said = one_line(written).casefold()
    if not said:
        return None
    found = _countries().get(said) or _countries().get(re.sub(r"\s*\(.*\)$", "", said))
    if found is None and unknown is not None:
        unknown[said[:60]] += 1
    return found


def day_of(written: str) -> date | None:
    """2026-11-30, 2026/11/30, 20261130, 2026年11月30日 and 11/30/2026; None for anything else."""
    said = one_line(written)
    if found := re.fullmatch(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?(?:[T ].*)?", said):
        parts = found.groups()
    elif found := re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", said):
        parts = (found[3], found[1], found[2])
    else:
        return None
    try:
        return date(*map(int, parts))
    except ValueError:
        return None


def without_repeats(records: Iterable[ListRecord]) -> list[ListRecord]:
    """One record a number: a list that repeats itself names the first."""
    return list({record.ref: record for record in reversed(list(records))}.values())[::-1]
