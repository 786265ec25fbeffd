"""May personal data go to this buyer, and in which form? (Act on the Protection of Personal Information, Art. 28.)

The representative's own: in Japan and to the countries of `appi_countries.tsv`; elsewhere when the representative agreed to
it separately, having been told about the country. The database holds the same rule: the views of what is shown
ask vault.personal_data_open for the grants of whoever reads, and `column` asks it for the one deal a memorandum is built for, also
when the adviser's own session builds it. Third persons: third_persons.py.
"""

from __future__ import annotations

from typing import Literal

from succession.disclosure.recipient_checks import ADEQUATE, HOME

Country = Literal["domestic", "adequate", "elsewhere"]

# table of the vault -> columns of a person; whoever adds one adds it here
PERSONAL: dict[str, frozenset[str]] = {
    "listing_contact": frozenset({"representative_name", "representative_kana", "representative_romaji"}),
    "listing_profile": frozenset({"owner_birth_year"}),
}


def standing(country: str) -> Country:
    """Where a buyer of this country (ISO 3166-1) stands."""
    return "domestic" if country == HOME else "adequate" if country in ADEQUATE else "elsewhere"


def column(table: str, field: str, deal: str) -> str:
    """The expression that reads this column for the buyer of `deal` (a placeholder): a person's comes out as NULL where it may not."""
    if field not in PERSONAL.get(table, ()):
        return field
    return f"CASE WHEN vault.personal_data_open({deal}) THEN {field} END AS {field}"
