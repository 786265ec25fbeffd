"""What should a named person look at before this document goes to where this recipient is?

Two laws ask about the place of a recipient: personal data given to a third party abroad (APPI Art. 28) and controlled
technology given to a non-resident (FEFTA Art. 25). From what a document declares of itself and where the recipient is, this
makes hints. A hint is answered by a named person with a reason, for exactly the hints that stand; some cannot be answered, only
by declaring more. No result says that a transfer is allowed. SQL has the same rules (ops.recipient_hints); a test compares.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from succession.codes import SCHEMES, label
from succession.codes.reference import read_table
from succession.i18n import Message, _

HOME = "JP"
AppiBasis = Literal["consent", "equivalent_measures", "adequate_country", "succession_domestic"]
ExportClass = Literal["none", "list_controlled", "catch_all", "unknown"]
ADEQUATE: frozenset[str] = frozenset(
    row["code"] for row in read_table("db/reference/appi_countries.tsv") if row["adequate"] == "yes")


class Declared(msgspec.Struct, frozen=True):
    """What the adviser declared of a document; None: not answered."""

    personal_data: bool | None
    appi_basis: AppiBasis | None
    export_class: ExportClass


class Recipient(msgspec.Struct, frozen=True):
    """Where it would be read (ISO 3166-1), and the country of the ultimate parent where it is known."""

    countries: frozenset[str]
    parent_country: str | None


# code -> what it says; `{country}` is where the recipient is. A sentence says what is declared and who has to look.
WORDS: dict[str, str] = {
    "personal_data_unknown": _("Nobody has stated whether this document contains personal data."),
    "appi_basis_missing": _("It contains personal data, and no basis for giving them to a third party is stated."),
    "appi_domestic_only": _("The stated basis holds for a recipient in Japan; this one is in {country} (APPI Art. 28)."),
    "appi_not_adequate": _("The stated basis needs a country designated under APPI Art. 28; {country} is not on our list."),
    "export_unknown": _("Its export control class is not known, and it would be read in or from {country} (FEFTA Art. 25)."),
    "personal_data_domestic": _("It contains personal data. Declared basis: see the document. A person should look at it."),
    "appi_consent": _("It contains personal data. Declared: the persons consented to {country} after being told of it (APPI Art. 28)."),
    "appi_equivalent_measures": _("It contains personal data. Declared: the recipient in {country} keeps equivalent measures, "
                                  "which have to be watched over (APPI Art. 28)."),
    "appi_adequate_country": _("It contains personal data. {country} is on our list of countries designated under APPI Art. 28; "
                               "the list may be out of date."),
    "export_list_controlled": _("Declared as list-controlled technology; {country} may need a licence (FEFTA Art. 25)."),
    "export_catch_all": _("Declared as technology under catch-all control; end use and end user in {country} have to be looked at "
                          "(FEFTA Art. 25)."),
}  # fmt: skip
#: No reason answers these: the document has to declare more, or something else.
BLOCKING: frozenset[str] = frozenset(
    {"personal_data_unknown", "appi_basis_missing", "appi_domestic_only", "appi_not_adequate", "export_unknown"})
_BY_BASIS = {"consent": "appi_consent", "equivalent_measures": "appi_equivalent_measures", "succession_domestic": "appi_domestic_only"}


def hints(declared: Declared, recipient: Recipient) -> tuple[str, ...]:
    """`code:COUNTRY`, sorted; () when nothing asks for a person."""
    return tuple(sorted({*_personal(declared, recipient), *_export(declared, recipient)}))


def _personal(declared: Declared, recipient: Recipient) -> Iterable[str]:
    if declared.personal_data is None:
        return ["personal_data_unknown:-"]
    if not declared.personal_data:
        return []
    if declared.appi_basis is None:
        return ["appi_basis_missing:-"]
    abroad = recipient.countries - {HOME}
    if not abroad:
        return [f"personal_data_domestic:{HOME}"]
    return [f"{_basis_abroad(declared.appi_basis, country)}:{country}" for country in abroad]


def _basis_abroad(basis: str, country: str) -> str:
    if basis == "adequate_country":
        return "appi_adequate_country" if country in ADEQUATE else "appi_not_adequate"
    return _BY_BASIS[basis]


def _export(declared: Declared, recipient: Recipient) -> Iterable[str]:
    if declared.export_class == "none":
        return []
    places = {*recipient.countries, recipient.parent_country or HOME} - {HOME}
    return [f"export_{declared.export_class}:{country}" for country in places]


def blocks(found: Iterable[str]) -> bool:
    """Whether any of these hints cannot be answered by a reason."""
    return any(hint.partition(":")[0] in BLOCKING for hint in found)


def words(hint: str, locale: str) -> Message:
    """The sentence of a hint."""
    code, _colon, country = hint.partition(":")
    shown = label("country", country, locale) if country in SCHEMES["country"].codes else country
    return Message.of(WORDS[code], country=shown)
