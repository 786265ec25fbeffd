"""Which hints follow from what a document declares and where its recipient is, and does none of them clear anything?"""

from __future__ import annotations

import itertools

import pytest

from succession.codes import SCHEMES
from succession.disclosure.recipient_checks import ADEQUATE, BLOCKING, WORDS, Declared, Recipient, blocks, hints, words
from succession.i18n import translate

DOMESTIC = Recipient(frozenset({"JP"}), None)


def abroad(*countries: str, parent: str | None = None) -> Recipient:
    return Recipient(frozenset(countries), parent)


def declared(personal: bool | None = False, basis: str | None = None, export: str = "none") -> Declared:
    return Declared(personal, basis, export)


@pytest.mark.parametrize(("said", "to", "found"), [
    (declared(), abroad("CN"), ()),
    (declared(personal=None), DOMESTIC, ("personal_data_unknown:-",)),
    (declared(True), abroad("GB"), ("appi_basis_missing:-",)),
    (declared(True, "succession_domestic"), DOMESTIC, ("personal_data_domestic:JP",)),
    (declared(True, "succession_domestic"), abroad("JP", "GB"), ("appi_domestic_only:GB",)),
    (declared(True, "adequate_country"), abroad("DE"), ("appi_adequate_country:DE",)),
    (declared(True, "adequate_country"), abroad("US", "DE"), ("appi_adequate_country:DE", "appi_not_adequate:US")),
    (declared(True, "consent"), abroad("CN"), ("appi_consent:CN",)),
    (declared(True, "equivalent_measures"), abroad("US"), ("appi_equivalent_measures:US",)),
    (declared(export="unknown"), DOMESTIC, ()),
    (declared(export="unknown"), abroad("GB"), ("export_unknown:GB",)),
    (declared(export="list_controlled"), abroad("JP", parent="US"), ("export_list_controlled:US",)),
    (declared(export="catch_all"), abroad("GB", parent="GB"), ("export_catch_all:GB",)),
    (declared(True, "consent", "catch_all"), abroad("FR", parent="CN"), ("appi_consent:FR", "export_catch_all:CN", "export_catch_all:FR")),
])
def test_hints_by_case(said, to, found):
    assert hints(said, to) == found


def test_what_is_not_known_or_cannot_fit_blocks_and_a_person_answers_the_rest():
    assert blocks(["export_unknown:GB"]) and blocks(["appi_consent:GB", "appi_not_adequate:US"])
    assert not blocks(["appi_consent:GB", "export_list_controlled:GB"]) and not blocks([])
    for personal, basis, export in itertools.product((None, True), (None, "consent"), ("none", "unknown")):
        said = declared(personal, basis if personal else None, export)
        if personal is None or basis is None or export == "unknown":
            assert blocks(hints(said, abroad("US"))), said


def test_another_country_is_another_hint():
    """So that a confirmation for one place is none for the next."""
    said = declared(True, "consent", "catch_all")
    assert not set(hints(said, abroad("DE"))) & set(hints(said, abroad("CN")))


@pytest.mark.parametrize("locale", ["en", "ja"])
def test_no_hint_reads_as_a_clearance(locale):
    for code in WORDS:
        said = translate(words(f"{code}:DE", locale), locale)
        assert "{" not in said and said
        for claim in ("cleared", "allowed", "permitted", "no licence is needed", "問題ありません", "許可されています", "適法"):
            assert claim not in said.lower(), (code, claim)
    assert BLOCKING <= WORDS.keys()


def test_the_list_of_countries_is_typed_from_codes_that_exist():
    assert len(ADEQUATE) == 31 and {"DE", "GB", "NO"} <= ADEQUATE and ADEQUATE <= set(SCHEMES["country"].codes)
    assert not {"US", "CN", "KR", "CH"} & ADEQUATE
