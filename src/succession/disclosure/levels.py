"""Which field of a company is shown from which level on, and in which block of the memorandum? One table.

teaser -> dossier (NDA and name clear) -> data_room. Every outgoing view of the vault is built from these rows: the Structs of the
dossier (and with them the OpenAPI document), the list of what an owner's yes would open, the groups of facts in the ledger. What
is not in it is shown to nobody; a test compares it with the columns of the vault, so a new column needs a line here.

A row: block, column, its kind, the level its true value is shown from, what of it a teaser says. `withheld`: for the adviser
and the owner alone, at every level; other people's names above all (Act on the Protection of Personal Information, Art. 28: a
foreign buyer is a foreign third party). In a teaser a `cell` field decides the cell it is shown as, a `code` field is shown as
a code the owner approved; true values are in none. Blocks as in the information memoranda of the field (domain 4.5).
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any, Literal

import msgspec

from succession.i18n import Message, _

Level = Literal["dossier", "data_room"]
LEVELS: tuple[Level, ...] = ("dossier", "data_room")
FISCAL_YEARS_SHOWN = 3

BLOCKS: dict[str, str] = {
    "summary": _("Summary"), "business": _("Business"), "organisation": _("Organisation"), "finance": _("Finance"),
    "reason": _("Reason for the transfer"), "wishes": _("Wishes and terms"), "market": _("Market"), "plan": _("Plan"),
}  # fmt: skip

_TABLE = """
summary       listing_identity.legal_name                text   dossier   -
summary       listing_identity.name_kana                 text   dossier   -
summary       listing_identity.name_en                   text   dossier   -
summary       listing_identity.name_romaji               text   dossier   -
summary       listing_identity.legal_form                text   dossier   -
summary       listing_identity.corporate_number          text   dossier   -
summary       listing_identity.former_names              texts  dossier   -
summary       listing_contact.sites                      items  dossier   -
summary       listing_contact.phones                     texts  dossier   -
summary       listing_contact.urls                       texts  dossier   -
summary       listing_profile.jsic_code                  text   dossier   cell
summary       listing_profile.prefecture                 text   dossier   cell
summary       listing_profile.municipality               text   dossier   -
summary       listing_profile.founded_on                 day    dossier   cell
summary       listing_profile.founded_year               int    dossier   cell
summary       listing_profile.employees                  int    dossier   cell
summary       listing_profile.capital_yen                int    dossier   -
business      listing_profile.outline                    text   dossier   -
business      listing_profile.business_model             text   dossier   -
business      listing_profile.strengths                  text   dossier   -
business      listing_profile.products                   texts  dossier   -
business      listing_identity.brands                    texts  dossier   -
business      listing_identity.main_customers            texts  dossier   -
business      listing_identity.main_suppliers            texts  dossier   -
business      listing_profile.real_estate                items  dossier   -
business      listing_profile.intellectual_property      items  dossier   -
organisation  listing_profile.history                    text   dossier   -
organisation  listing_contact.representative_name        text   dossier   -
organisation  listing_contact.representative_kana        text   dossier   -
organisation  listing_contact.representative_romaji      text   dossier   -
organisation  listing_profile.owner_birth_year           int    dossier   -
organisation  listing_profile.officers                   items  dossier   -
organisation  listing_profile.shareholders               items  dossier   -
organisation  listing_identity.group_companies           texts  dossier   -
organisation  listing_profile.staff                      items  dossier   -
organisation  listing_profile.permits                    items  dossier   -
organisation  listing_profile.qualifications             items  dossier   -
finance       listing_financials.period_end              day    dossier   code
finance       listing_financials.revenue_yen             int    dossier   cell
finance       listing_financials.operating_profit_yen    int    dossier   cell
finance       listing_financials.adjusted_ebitda_yen     int    dossier   -
finance       listing_financials.net_assets_yen          int    dossier   -
finance       listing_financials.debt_yen                int    dossier   -
finance       listing_profile.guarantees                 items  dossier   -
reason        listing_profile.reason                     text   dossier   -
reason        listing_profile.reason_note                text   dossier   -
reason        succession_status.status                   text   dossier   -
reason        succession_status.declared_on              day    dossier   -
reason        succession_status.alternatives_tried       texts  dossier   -
reason        succession_status.first_consulted_on       day    dossier   -
wishes        listing_profile.schemes                    texts  dossier   code
wishes        listing_profile.timing                     text   dossier   code
wishes        listing_profile.asking_price_yen           int    dossier   code
wishes        listing_profile.price_negotiable           yes    dossier   code
wishes        listing_profile.price_basis                text   dossier   -
wishes        listing_profile.price_method               text   dossier   -
wishes        listing_profile.price_as_of                day    dossier   -
wishes        listing_profile.price_indicative           yes    dossier   -
wishes        listing_profile.conditions                 items  dossier   -
market        listing_profile.market_outline             text   dossier   -
plan          listing_profile.plan_outline               text   dossier   -
plan          listing_profile.plan_years                 items  dossier   -
-             listing_identity.listing_id                -      withheld  -
-             listing_identity.intermediary_id           -      withheld  -
-             listing_identity.name_en_declared_none     -      withheld  -
-             listing_identity.name_romaji_confirmed     -      withheld  -
-             listing_identity.internal_key              -      withheld  -
-             listing_contact.listing_id                 -      withheld  -
-             listing_contact.family                     -      withheld  -
-             listing_contact.email_domains              -      withheld  -
-             listing_profile.listing_id                 -      withheld  -
-             listing_profile.facts                      -      withheld  code
-             listing_financials.listing_id              -      withheld  -
-             succession_status.listing_id               -      withheld  -
-             succession_status.declared_by              -      withheld  -
-             succession_status.checkup_reference        -      withheld  -
-             succession_status.channel                  -      withheld  -
"""
_KINDS: dict[str, Any] = {"text": str, "texts": list[str], "int": int, "yes": bool, "day": date, "items": list[Any]}
YEARLY = "listing_financials"  # one row a fiscal year; every other table has one row a company


class Field(msgspec.Struct, frozen=True):
    """One column of the vault. `block`, `kind`: None for what is withheld; `teaser`: "cell", "code" or None."""

    table: str
    column: str
    block: str | None
    kind: str | None
    level: Literal["dossier", "data_room", "withheld"]
    teaser: Literal["cell", "code"] | None


def _read(line: str) -> Field:
    block, column, kind, level, teaser = (None if word == "-" else word for word in line.split())
    table, _dot, name = column.partition(".")
    return Field(table, name, block, kind, level, teaser)


ROWS: tuple[Field, ...] = tuple(_read(line) for line in _TABLE.strip().splitlines())
#: vault table -> its rows
FIELDS: dict[str, tuple[Field, ...]] = {
    table: tuple(row for row in ROWS if row.table == table) for table in dict.fromkeys(row.table for row in ROWS)}
#: Names the table as it stood: written into the ledger with every release.
TABLE_VERSION = hashlib.sha256(_TABLE.encode()).hexdigest()[:16]


def fields_shown(table: str, level: Level = "dossier") -> tuple[str, ...]:
    """Columns of a table of the vault that a buyer with a live grant of `level` may read, in the order of the rows."""
    upto = LEVELS[: LEVELS.index(level) + 1]
    return tuple(row.column for row in FIELDS[table] if row.level in upto)


def fields_known(table: str) -> frozenset[str]:
    """Every column of a table that the rows decide about."""
    return frozenset(row.column for row in FIELDS[table])


def fields_in(block: str, level: Level = "dossier") -> tuple[Field, ...]:
    """What such a buyer reads in one block of the memorandum."""
    upto = LEVELS[: LEVELS.index(level) + 1]
    return tuple(row for row in ROWS if row.block == block and row.level in upto)


def fact_groups(level: Level) -> tuple[str, ...]:
    """The blocks a grant of this level opens and the one before it did not. Folders are released one by one."""
    return tuple(block for block in BLOCKS if any(row.block == block and row.level == level for row in ROWS))


def blocks_opened(level: Level = "dossier") -> list[Message]:
    """What a yes of the owner opens, block by block, in words."""
    return [Message(words) for block, words in BLOCKS.items() if fields_in(block, level)]


# ---------------------------------------------------------------------------------------------------------------------
# The Structs of the memorandum

FiscalYear: type[msgspec.Struct] = msgspec.defstruct(
    "FiscalYear", [(row.column, date if row.column == "period_end" else _KINDS[row.kind] | None) for row in FIELDS[YEARLY] if row.block],
    namespace={"__doc__": "One closed fiscal year, in yen."}, module=__name__)


def _struct(block: str) -> type[msgspec.Struct]:
    years = [("years", list[FiscalYear])] if any(row.table == YEARLY for row in fields_in(block)) else []
    shown = [(row.column, _KINDS[row.kind] | None) for row in fields_in(block) if row.table != YEARLY]
    doc = f"The block `{block}` of an information memorandum. Money in yen; codes as in GET /v1/codes; null is not answered."
    return msgspec.defstruct(f"Memorandum{block.capitalize()}", [*years, *shown], namespace={"__doc__": doc}, module=__name__)


STRUCTS: dict[str, type[msgspec.Struct]] = {block: _struct(block) for block in BLOCKS}
