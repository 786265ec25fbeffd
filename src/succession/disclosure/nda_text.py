"""Which text does a buyer sign, exactly? Both languages side by side under a project name, pinned by hash.

Own wording, after the practice collected for cross-border deals: purpose limitation, no contact, no use and no filing on
disclosed matter, no reverse engineering, no residuals (JFTC survey of June 2019, patterns 1, 2, 4, 5, 6), exclusion of
anti-social forces, return or destruction, Japanese law, Tokyo District Court, Japanese text prevailing. It is given to the
intermediary for itself and its undisclosed principal; the schedule names the principal after the name clear.
"""

from __future__ import annotations

import hashlib
from datetime import date
from functools import cache
from itertools import count
from pathlib import Path
from typing import Literal

import msgspec

from succession.codes import label
from succession.i18n import format_date

Form = Literal["two_party", "one_way"]
LANGUAGES = ("ja", "en")
SEPARATOR = "\n\n\n"  # between the two texts in the bytes that are hashed; db/migrations/0006 says the same
TERM_MONTHS_LEAST, TERM_MONTHS_MOST = 6, 60
_ARTICLE = {"ja": "第{}条", "en": "Article {}"}
_UNKNOWN = {"ja": "なし", "en": "none"}


class BilingualText(msgspec.Struct, frozen=True):
    """What is shown, in both languages; `hash` is sha256 over the UTF-8 bytes of ja + SEPARATOR + en."""

    ja: str
    en: str

    @property
    def hash(self) -> bytes:
        return hashlib.sha256((self.ja + SEPARATOR + self.en).encode()).digest()


class Parties(msgspec.Struct, frozen=True):
    """The names an NDA holds: the intermediary that accepts it, the buyer that gives it. Never the seller's."""

    project: str
    discloser: str
    recipient: str
    recipient_country: str


class Company(msgspec.Struct, frozen=True):
    """Whom the schedule binds the NDA to."""

    legal_name: str
    name_latin: str | None
    corporate_number: str | None
    address: str | None


@cache
def _template(name: str, language: str) -> str:
    return (Path(__file__).parent / "texts" / f"{name}.{language}.txt").read_text(encoding="utf-8")


@cache
def template_version() -> str:
    """Content hash (sha256, hex) of the NDA templates in both languages: any change of a word is another version."""
    return hashlib.sha256(SEPARATOR.join(_template("nda", language) for language in LANGUAGES).encode()).hexdigest()


def nda_text(form: Form, parties: Parties, term_months: int, offered_on: date) -> BilingualText:
    """The NDA of one offer. Raises ValueError for a term outside 6 to 60 months."""
    if not TERM_MONTHS_LEAST <= term_months <= TERM_MONTHS_MOST:
        raise ValueError("the term of an NDA is 6 to 60 months")
    return BilingualText(*(_nda(form, parties, term_months, offered_on, language) for language in LANGUAGES))


def _nda(form: Form, parties: Parties, term_months: int, offered_on: date, language: str) -> str:
    numbers, kept, lines = count(1), True, []
    for line in _template("nda", language).splitlines():
        if line.startswith("<<"):
            kept = line.strip("<>") in ("both", form)
        elif kept:
            article = _ARTICLE[language].format(next(numbers)) if line.startswith("{article}") else ""
            lines.append(line.format(
                article=article, project=parties.project, discloser=parties.discloser, recipient=parties.recipient,
                recipient_country=label("country", parties.recipient_country, language), months=term_months,
                offered_on=format_date(offered_on, language)))
    return "\n".join(lines) + "\n"


def schedule_text(parties: Parties, company: Company, nda_hash: bytes, signed_on: date, consented_on: date,
                  bound_on: date) -> BilingualText:
    """What binds a signed NDA to the company, once its owner has cleared the name for this buyer."""
    return BilingualText(*(
        _template("schedule", language).format(
            project=parties.project, discloser=parties.discloser, recipient=parties.recipient, nda_hash=nda_hash.hex(),
            legal_name=company.legal_name, name_latin=company.name_latin or _UNKNOWN[language],
            corporate_number=company.corporate_number or _UNKNOWN[language], address=company.address or _UNKNOWN[language],
            signed_on=format_date(signed_on, language), consented_on=format_date(consented_on, language),
            bound_on=format_date(bound_on, language))
        for language in LANGUAGES))
