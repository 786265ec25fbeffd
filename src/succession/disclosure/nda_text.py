"""Which text does a buyer sign, exactly? Both languages side by side under a project name, pinned by hash.

Own wording, after the practice collected for cross-border deals: purpose limitation, permitted recipients, no contact, no use
and no filing on disclosed matter, no analysis, respect for know-how, no residuals (JFTC survey of June 2019, patterns 1 to 7),
exclusion of anti-social forces, return or destruction. It is given to the intermediary for itself and its undisclosed
principal; the schedule names the principal after the name clear. What a deal may choose is in `Terms`; the words of each
choice are in texts/nda-2.choices.tsv.

An edition is never edited: `EDITIONS` holds its hash, and what was offered stays verbatim in its row.
"""

from __future__ import annotations

import csv
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
Law = Literal["japan", "singapore", "england_and_wales", "new_york"]
Forum = Literal["tokyo_district_court", "osaka_district_court", "jcaa_tokyo", "siac_singapore"]
Language = Literal["ja", "en"]
Recipients = Literal["staff", "advisers", "lenders", "group", "co_investors"]
LANGUAGES = ("ja", "en")
SEPARATOR = "\n\n\n"  # between the two texts in the bytes that are hashed; db/migrations/0006 says the same
TERM_MONTHS_LEAST, TERM_MONTHS_MOST = 6, 60
COURTS = ("tokyo_district_court", "osaka_district_court")
#: edition -> sha256 (hex) of its files, in the order of `_files`
EDITIONS = {
    1: "eb27b3c6d56a0c6653ede1f7df37f6bbcf4c4a06321fc0d8ae15c5f5330abaab",
    2: "a134550db7d80931e7000b783b1b25c65f87c7a8a127486fa262d1cdf87e93e7",
}
EDITION = max(EDITIONS)
_ARTICLE = {"ja": "第{}条", "en": "Article {}"}
_UNKNOWN = {"ja": "なし", "en": "none"}
_ITEM = "({}) {}"


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


class Terms(msgspec.Struct, frozen=True):
    """What may differ from deal to deal. Raises ValueError from `nda_text` where `fault` names a field."""

    form: Form
    term_months: int
    governing_law: Law = "japan"
    forum: Forum = "tokyo_district_court"
    prevailing_language: Language = "ja"
    recipients: tuple[Recipients, ...] = ("staff", "advisers", "lenders")

    def fault(self) -> str | None:
        """The field that cannot be so, or None: a Japanese court decides by Japanese law, and somebody must read."""
        if not TERM_MONTHS_LEAST <= self.term_months <= TERM_MONTHS_MOST:
            return "term_months"
        if self.forum in COURTS and self.governing_law != "japan":
            return "forum"
        return None if "staff" in self.recipients and len(set(self.recipients)) == len(self.recipients) else "recipients"


class Company(msgspec.Struct, frozen=True):
    """Whom the schedule binds the NDA to."""

    legal_name: str
    name_latin: str | None
    corporate_number: str | None
    address: str | None


class OwnPaper(msgspec.Struct, frozen=True):
    """A document the parties signed on paper of their own. `content_hash`: sha256 (hex) of its PDF."""

    content_hash: str
    signer: str
    signer_title: str
    signed_on: date
    term_months: int
    governing_law: str
    prevailing_language: str


@cache
def _read(name: str) -> str:
    return (Path(__file__).parent / "texts" / name).read_text(encoding="utf-8")


def _files(edition: int) -> tuple[str, ...]:
    texts = tuple(f"nda-{edition}.{language}.txt" for language in LANGUAGES)
    return texts if edition == 1 else (*texts, f"nda-{edition}.choices.tsv")


@cache
def template_version(edition: int = EDITION) -> str:
    """Content hash (sha256, hex) of an edition's files: any change of a word is another edition, and a test says so."""
    return hashlib.sha256(SEPARATOR.join(_read(name) for name in _files(edition)).encode()).hexdigest()


@cache
def _choices() -> dict[tuple[str, str, str], str]:
    rows = csv.DictReader(_read("nda-2.choices.tsv").splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return {(row["kind"], row["code"], language): row[language] for row in rows for language in LANGUAGES}


def chosen(kind: str, code: str, language: str) -> str:
    """The words of one choice: kind `law`, `forum`, `language`, `language_name` or `recipient`. KeyError for another code."""
    return _choices()[kind, code, language]


def nda_text(terms: Terms, parties: Parties, offered_on: date, edition: int = EDITION) -> BilingualText:
    """The NDA of one offer. Raises ValueError naming the field of `terms` that cannot be so."""
    if field := terms.fault():
        raise ValueError(field)
    return BilingualText(*(_nda(terms, parties, offered_on, edition, language) for language in LANGUAGES))


def _nda(terms: Terms, parties: Parties, offered_on: date, edition: int, language: str) -> str:
    numbers = count(1)
    words = _named(parties, language) | {
        "months": terms.term_months, "offered_on": format_date(offered_on, language),
        "law": chosen("law", terms.governing_law, language), "forum": chosen("forum", terms.forum, language),
        "language": chosen("language", terms.prevailing_language, language), "recipients": _recipients(terms, language)}
    lines = (line.format(article=_ARTICLE[language].format(next(numbers)) if line.startswith("{article}") else "", **words)
             for line in _lines(f"nda-{edition}.{language}.txt", terms.form))
    return "\n".join(lines) + "\n"


def _lines(name: str, form: Form) -> list[str]:
    """The lines of a template that belong to this form: those after <<both>> and after the form's own mark."""
    kept, lines = True, []
    for line in _read(name).splitlines():
        if line.startswith("<<"):
            kept = line.strip("<>") in ("both", form)
        elif kept:
            lines.append(line)
    return lines


def _recipients(terms: Terms, language: str) -> str:
    return "\n".join(_ITEM.format(number, chosen("recipient", code, language))
                     for number, code in enumerate((*terms.recipients, "approved"), 1))


def _named(parties: Parties, language: str) -> dict[str, object]:
    return {"project": parties.project, "discloser": parties.discloser, "recipient": parties.recipient,
            "recipient_country": label("country", parties.recipient_country, language)}


def schedule_text(parties: Parties, company: Company, nda_hash: bytes, signed_on: date, consented_on: date,
                  bound_on: date) -> BilingualText:
    """What binds a signed NDA to the company, once its owner has cleared the name for this buyer."""
    return BilingualText(*(
        _read(f"schedule.{language}.txt").format(
            project=parties.project, discloser=parties.discloser, recipient=parties.recipient, nda_hash=nda_hash.hex(),
            legal_name=company.legal_name, name_latin=company.name_latin or _UNKNOWN[language],
            corporate_number=company.corporate_number or _UNKNOWN[language], address=company.address or _UNKNOWN[language],
            signed_on=format_date(signed_on, language), consented_on=format_date(consented_on, language),
            bound_on=format_date(bound_on, language))
        for language in LANGUAGES))


def renewal_text(form: Form, parties: Parties, nda_hash: bytes, old_on: date, new_on: date) -> BilingualText:
    """What is signed to go on under the same terms until `new_on`."""
    return BilingualText(*(
        "\n".join(_lines(f"renewal.{language}.txt", form)).format(
            **_named(parties, language), nda_hash=nda_hash.hex(), old_on=format_date(old_on, language), new_on=format_date(new_on, language)) + "\n"
        for language in LANGUAGES))


def own_paper_text(parties: Parties, paper: OwnPaper) -> BilingualText:
    """The record of a document the parties signed on paper of their own."""
    return BilingualText(*(
        _read(f"own_paper.{language}.txt").format(
            **_named(parties, language), paper_hash=paper.content_hash, signer=paper.signer, signer_title=paper.signer_title,
            signed_on=format_date(paper.signed_on, language), months=paper.term_months,
            law=chosen("law", paper.governing_law, language), language_name=chosen("language_name", paper.prevailing_language, language))
        for language in LANGUAGES))
