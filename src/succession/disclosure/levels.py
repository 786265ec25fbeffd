"""Which field of a company is shown from which level on? One table; what is not in it is shown to nobody.

teaser -> dossier (NDA and name clear) -> data_room. A teaser's fields are derived elsewhere (anonymity/), so nothing
here begins at `teaser`. `withheld`: for the adviser and the owner alone, at every level; other people's names above all
(Act on the Protection of Personal Information, Art. 28: a foreign buyer is a foreign third party).
Each block is a table of the vault; a test compares the fields with its columns, so a new column needs a line here.
"""

from __future__ import annotations

from typing import Literal

Level = Literal["dossier", "data_room"]
LEVELS: tuple[Level, ...] = ("dossier", "data_room")

# block (vault table) -> level -> fields
FIELDS: dict[str, dict[str, str]] = {
    "listing_identity": {
        "dossier": "legal_name name_kana name_en name_romaji legal_form corporate_number brands former_names "
                   "group_companies main_customers main_suppliers",
        "withheld": "listing_id intermediary_id name_en_declared_none name_romaji_confirmed internal_key",
    },
    "listing_contact": {
        "dossier": "representative_name representative_kana representative_romaji sites phones urls",
        "withheld": "listing_id family email_domains",
    },
    "listing_profile": {
        "dossier": "jsic_code prefecture municipality founded_on founded_year employees capital_yen outline strengths "
                   "products owner_birth_year reason reason_note schemes timing asking_price_yen price_negotiable "
                   "price_basis price_method price_as_of price_indicative conditions guarantees permits real_estate "
                   "intellectual_property business_model history officers shareholders staff qualifications market_outline "
                   "plan_outline plan_years",
        "withheld": "listing_id facts",
    },
    "listing_financials": {
        "dossier": "period_end revenue_yen operating_profit_yen adjusted_ebitda_yen net_assets_yen debt_yen",
        "withheld": "listing_id",
    },
    "succession_status": {
        "dossier": "status declared_on alternatives_tried first_consulted_on",
        "withheld": "listing_id declared_by checkup_reference channel",
    },
}
FISCAL_YEARS_SHOWN = 3


def fields_shown(block: str, level: Level) -> tuple[str, ...]:
    """Fields of a block that a buyer with a live grant of `level` may read, in the order of the table."""
    upto = LEVELS[: LEVELS.index(level) + 1]
    return tuple(field for each in upto for field in FIELDS[block].get(each, "").split())


def fields_known(block: str) -> frozenset[str]:
    """Every field of a block that the table decides about."""
    return frozenset(field for fields in FIELDS[block].values() for field in fields.split())
