"""Which texts is the scanner measured on, and where in them is something that must not be published?

Files hold marked text, `[[organisation:...]]` around what a reader could trace the company by; loading strips the marks
and keeps their offsets. `part` is `dev` (may be tuned on) or `held_out` (never). See README.md beside this file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scanner_texts.formatted import formatted_identifiers
from scanner_texts.variants import FURTHER, PROFILE, VARIANTS, Company, companies, profile

DIRECTORY = Path(__file__).parent
PARTS = ("dev", "held_out")
KINDS = {"own", "organisation", "person", "place", "product", "identifier", "address", "unique"}
_MARK = re.compile(r"\[\[([a-z]+):(.*?)\]\]", re.DOTALL)


@dataclass(frozen=True)
class Marked:
    """Half-open range of characters. `group` is what the figure is broken down by: the kind, or the written variant."""

    start: int
    end: int
    kind: str
    text: str
    group: str


@dataclass(frozen=True)
class Text:
    id: str
    locale: str
    text: str
    own: dict[str, tuple[str, ...]] | None
    spans: tuple[Marked, ...]


def parse(id: str, locale: str, marked: str, own: dict | None = None, group: str | None = None) -> Text:
    """Strip the marks. ValueError for an unknown kind or a stray bracket."""
    plain, spans, at = "", [], 0
    for mark in _MARK.finditer(marked):
        plain += marked[at:mark.start()]
        kind, inside = mark.groups()
        if kind not in KINDS:
            raise ValueError(f"{id}: unknown kind {kind}")
        spans.append(Marked(len(plain), len(plain) + len(inside), kind, inside, group or kind))
        plain, at = plain + inside, mark.end()
    plain += marked[at:]
    if "[[" in plain or "]]" in plain:
        raise ValueError(f"{id}: a mark is not closed")
    return Text(id, locale, plain, own, tuple(spans))


def _lines(part: str, name: str) -> Iterator[dict[str, str]]:
    with (DIRECTORY / part / f"{name}.jsonl").open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _read(part: str, name: str) -> list[Text]:
    return [parse(f"{part}/{row['id']}", row["locale"], row["text"]) for row in _lines(part, name)]


def third_party(part: str, locale: str) -> list[Text]:
    """Customers, banks, towns, people and brands in sentences of sellers; no profile is given."""
    return _read(part, f"third_party.{locale}")


def ordinary(part: str, locale: str) -> list[Text]:
    """Business prose in which nothing needs to be hidden: what is flagged here is flagged in vain."""
    return _read(part, f"ordinary.{locale}")


def unique(part: str, locale: str) -> list[Text]:
    """Descriptions that identify without naming; the mark is around the words that do it."""
    return _read(part, f"unique.{locale}")


def carriers(part: str, locale: str) -> list[str]:
    rows = (DIRECTORY / part / "carriers.txt").read_text(encoding="utf-8").splitlines()
    return [row.split("\t")[1] for row in rows if row.startswith(f"{locale}\t")]


def own_companies(part: str) -> list[Company]:
    return companies(DIRECTORY / part / "companies.tsv")


def _own(part: str, forms: dict, label: str) -> list[Text]:
    """Every form of every company in a sentence; forms in Latin letters go into English sentences every second time."""
    texts, sentences = [], {locale: carriers(part, locale) for locale in ("ja", "en")}
    for n, company in enumerate(own_companies(part)):
        told = profile(company)
        for m, (name, written) in enumerate(forms.items()):
            form = written(company)
            if form is None:
                continue
            locale = "en" if form.isascii() and (n + m) % 2 else "ja"
            sentence = sentences[locale][(7 * n + 5 * m) % len(sentences[locale])]
            marked = sentence.replace("{}", form if "[[" in form else f"[[own:{form}]]")
            texts.append(parse(f"{part}/{label}-{n + 1:03}-{m + 1:02}", locale, marked, told, group=name))
    return texts


def own_variants(part: str) -> list[Text]:
    """The 25 written forms of each company's own name, with its profile."""
    return _own(part, VARIANTS, "own")


def own_further(part: str) -> list[Text]:
    """Written forms beyond the 25: not in the promise, measured all the same."""
    return _own(part, FURTHER, "further")


def own_profile(part: str) -> list[Text]:
    """Representative, address, phone, brand, former name and customer of the profile."""
    return _own(part, PROFILE, "profile")


def formatted_other(part: str) -> list[Text]:
    """Rarer notations, written by hand and different in each half: not in the promise, measured all the same."""
    return _read(part, "formatted_other")


def formatted(part: str) -> list[Text]:
    """Corporate numbers, phones, addresses, patents in their notations, without a profile; group = notation."""
    written = [parse(f"{part}/{row['id']}", row["locale"], row["text"], group=row.get("group"))
               for row in _lines(part, "formatted")]
    made = formatted_identifiers(part, (DIRECTORY / part / "formatted_carriers.txt").read_text(encoding="utf-8"))
    return written + [parse(f"{part}/notation-{n:04}", locale, marked, group=notation)
                      for n, (locale, notation, marked) in enumerate(made, 1)]
