"""Which column keeps which field of the profile?

One table of paths. `rows_of` takes a profile apart, `profile_of` puts it together again; what was put is what is read,
except that a block with nothing in it reads as absent and fiscal years come back latest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from succession.listings.profile import FISCAL_YEARS_WANTED, FiscalYear, Profile, fiscal_years

# table -> fields it keeps; "path>column" where the column has another name than the field.
_TABLES: dict[str, str] = {
    "succession_status": """
        succession.status succession.declared_by succession.declared_on succession.checkup_reference
        succession.alternatives_tried succession.first_consulted_on succession.channel""",
    "listing_identity": """
        identity.name>legal_name identity.name_kana identity.name_en identity.name_en_declared_none identity.name_romaji
        identity.name_romaji_confirmed identity.legal_form identity.corporate_number identity.internal_key
        identity.brands identity.former_names identity.group_companies identity.main_customers
        identity.main_suppliers""",
    "listing_contact": """
        identity.representative.name>representative_name identity.representative.name_kana>representative_kana
        identity.representative.name_romaji>representative_romaji identity.family_names>family identity.sites
        identity.phones identity.urls identity.email_domains""",
    "listing_profile": """
        business.jsic_code business.prefecture business.municipality business.founded_on business.founded_year
        business.employees business.capital_yen business.outline business.business_model business.strengths business.products
        organisation.history organisation.officers organisation.shareholders organisation.staff organisation.qualifications
        market.outline>market_outline plan.outline>plan_outline plan.years>plan_years
        owner.birth_year>owner_birth_year owner.reason owner.reason_note
        terms.schemes terms.timing terms.asking_price.amount_yen>asking_price_yen
        terms.asking_price.negotiable>price_negotiable terms.asking_price.basis>price_basis
        terms.asking_price.method>price_method terms.asking_price.as_of>price_as_of
        terms.asking_price.indicative>price_indicative terms.conditions
        facts guarantees permits real_estate intellectual_property""",
}


def _split(written: str) -> tuple[tuple[str, ...], str]:
    path, _, column = written.partition(">")
    names = tuple(path.split("."))
    return names, column or names[-1]


# table -> column -> path of names in the profile
COLUMNS: dict[str, dict[str, tuple[str, ...]]] = {
    table: {column: names for names, column in map(_split, fields.split())} for table, fields in _TABLES.items()
}
YEAR_COLUMNS: tuple[str, ...] = FiscalYear.__struct_fields__


def rows_of(profile: Profile) -> dict[str, dict[str, Any]]:
    """table -> column -> value; lists of Structs as plain JSON values."""
    return {
        table: {column: _plain(_at(profile, names)) for column, names in columns.items()}
        for table, columns in COLUMNS.items()
    }


def years_of(profile: Profile) -> list[dict[str, Any]]:
    """One row of `listing_financials` per fiscal year, latest first."""
    return [msgspec.structs.asdict(year) for year in fiscal_years(profile)]


def profile_of(row: Mapping[str, Any], years: Iterable[Mapping[str, Any]]) -> Profile:
    """`row`: the columns of all four tables, whose names do not repeat; `years`: rows of `listing_financials`."""
    nested: dict[str, Any] = {}
    for columns in COLUMNS.values():
        for column, names in columns.items():
            if (value := row[column]) is not None:
                block = nested
                for name in names[:-1]:
                    block = block.setdefault(name, {})
                block[names[-1]] = value
    newest = sorted(years, key=lambda year: year["period_end"], reverse=True)[:FISCAL_YEARS_WANTED]  # whatever else is kept
    found = [{column: year[column] for column in YEAR_COLUMNS} for year in newest]
    if found:
        nested["financials"] = found
    stored = msgspec.convert(nested, Profile)
    return msgspec.structs.replace(stored, financials=fiscal_years(stored)) if found else stored


def as_stored(profile: Profile) -> Profile:
    """The profile as it will be read again."""
    row = {column: value for table in rows_of(profile).values() for column, value in table.items()}
    return profile_of(row, years_of(profile))


def _at(profile: Profile, names: tuple[str, ...]) -> Any:
    value: Any = profile
    for name in names:
        value = None if value is None else getattr(value, name)
    return value


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value) if isinstance(value, list) else value
