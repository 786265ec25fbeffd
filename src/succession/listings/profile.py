"""What is true about a company for sale, what is still missing to publish it, and what contradicts itself?

The confidential profile as it is typed, imported and stored. Nothing here is public: a teaser is derived from
`cell_facts` and coded facts only. In a draft every field may be None, "not answered yet"; an empty list is an answer,
"there are none". Blocks are stored apart: identity, business + owner + terms, one row per fiscal year.

Sources: SME M&A Guidelines, 3rd ed. (2024-08-30), G10 for the asking price and G11 for guarantees; three fiscal years
and the other blocks as in the information memoranda of the field.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from succession.characters import PROSE
from succession.codes import SCHEMES, jsic_two_digit
from succession.errors import FieldError
from succession.i18n import Message

YEN_LIMIT = 10**15
FISCAL_YEARS_WANTED = 3

Short = Annotated[str, Meta(min_length=1, max_length=60, pattern=PROSE)]
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=PROSE)]
Line = Annotated[str, Meta(min_length=1, max_length=500, pattern=PROSE)]
Prose = Annotated[str, Meta(min_length=1, max_length=4000, pattern=PROSE)]
Names = Annotated[list[Name], Meta(max_length=100)]
Yen = Annotated[int, Meta(ge=-YEN_LIMIT, le=YEN_LIMIT)]
PositiveYen = Annotated[int, Meta(ge=0, le=YEN_LIMIT)]


def _coded(scheme: str) -> object:
    """A field that holds one code of a reference scheme; the enumeration appears in the OpenAPI document."""
    return Literal[tuple(SCHEMES[scheme].codes)]


LegalForm = _coded("legal_form")
Channel = _coded("consultation_channel")
SuccessionType = _coded("succession_type")
Prefecture = _coded("prefecture")
Reason = _coded("reason")
SchemeCode = _coded("scheme")
Timing = _coded("timing")
PriceBasis = _coded("price_basis")
ValuationMethod = _coded("valuation_method")
ConditionCode = _coded("deal_condition")
IpKind = _coded("ip_kind")
EncumbranceKind = _coded("encumbrance")
GuaranteeKind = Literal["personal_guarantee", "joint_guarantee", "collateral", "other"]
PropertyKind = Literal["land", "building", "land_and_building", "leasehold"]
PropertyHolder = Literal["company", "owner", "third_party"]
OfficerRole = Literal["representative_director", "director", "auditor", "executive_officer", "adviser", "other"]
HolderKind = Literal["owner", "family", "officer", "employee", "group_company", "business_partner", "fund", "other"]
StaffRole = Literal["management", "office", "sales", "production", "engineering", "research", "logistics", "service", "other"]

SUCCESSION_STATUSES = tuple(SCHEMES["succession_status"].codes)
SOLE_PROPRIETOR = "sole_proprietor"
# What needs shares or a legal person; a sole proprietor has neither.
COMPANY_ONLY_SCHEMES = frozenset({
    "share_transfer", "company_split_absorption", "company_split_incorporation", "merger", "share_exchange",
    "share_delivery", "third_party_allotment", "capital_alliance",
})  # fmt: skip


class _Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Common options of every block: unknown fields are refused, so that a typing error never drops a fact."""


class SuccessionStatus(_Input):
    """Why this market: nobody takes over. `contradictions` checks `status`, to say why any other is refused."""

    status: Annotated[str, Meta(max_length=60, extra_json_schema={"enum": list(SUCCESSION_STATUSES)})] | None = None
    declared_by: Name | None = None
    declared_on: date | None = None
    checkup_reference: Short | None = None  # of the succession check-up (jigyo shokei shindan), where one was done
    alternatives_tried: Annotated[list[SuccessionType], Meta(max_length=4)] | None = None
    first_consulted_on: date | None = None
    channel: Channel | None = None


class PersonName(_Input):
    name: Name | None = None
    name_kana: Name | None = None
    name_romaji: Name | None = None


class Site(_Input):
    label: Short | None = None
    postal_code: Annotated[str, Meta(pattern=r"^[0-9]{3}-[0-9]{4}$", max_length=8)] | None = None
    address: Line | None = None


class Identity(_Input):
    """Who it is: everything by which an insider could recognise the company, so that no teaser repeats it."""

    name: Name | None = None
    name_kana: Name | None = None
    name_en: Name | None = None
    name_en_declared_none: bool | None = None  # there is no English name: then the romaji is confirmed by a person
    name_romaji: Name | None = None
    name_romaji_confirmed: bool | None = None
    legal_form: LegalForm | None = None
    corporate_number: Annotated[str, Meta(max_length=13)] | None = None
    internal_key: Short | None = None  # a sole proprietor has no corporate number
    representative: PersonName | None = None
    family_names: Annotated[list[PersonName], Meta(max_length=20)] | None = None
    sites: Annotated[list[Site], Meta(max_length=50)] | None = None
    phones: Annotated[list[Short], Meta(max_length=20)] | None = None
    urls: Annotated[list[Line], Meta(max_length=20)] | None = None
    email_domains: Annotated[list[Name], Meta(max_length=20)] | None = None
    brands: Names | None = None
    former_names: Names | None = None
    group_companies: Names | None = None
    main_customers: Names | None = None
    main_suppliers: Names | None = None


class Business(_Input):
    jsic_code: Annotated[str, Meta(pattern=r"^[0-9]{2,4}$")] | None = None  # JSIC rev. 14
    prefecture: Prefecture | None = None
    municipality: Short | None = None
    founded_on: date | None = None
    founded_year: Annotated[int, Meta(ge=500, le=2200)] | None = None
    employees: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    capital_yen: Yen | None = None
    outline: Prose | None = None
    business_model: Prose | None = None
    strengths: Prose | None = None
    products: Names | None = None


class FiscalYear(_Input):
    """One closed fiscal year, known by the day it ended. Debt is interest-bearing debt; EBITDA is as adjusted."""

    period_end: date
    revenue_yen: Yen | None = None
    operating_profit_yen: Yen | None = None
    adjusted_ebitda_yen: Yen | None = None
    net_assets_yen: Yen | None = None
    debt_yen: Yen | None = None


class Owner(_Input):
    birth_year: Annotated[int, Meta(ge=1900, le=2100)] | None = None
    reason: Reason | None = None
    reason_note: Prose | None = None


class AskingPrice(_Input):
    """An amount with basis, method, date and whether it is indicative (G10), or `negotiable`."""

    amount_yen: PositiveYen | None = None
    negotiable: bool | None = None
    basis: PriceBasis | None = None
    method: ValuationMethod | None = None
    as_of: date | None = None
    indicative: bool | None = None


class Condition(_Input):
    code: ConditionCode
    note: Line | None = None


class Terms(_Input):
    schemes: Annotated[list[SchemeCode], Meta(max_length=15)] | None = None
    timing: Timing | None = None
    asking_price: AskingPrice | None = None
    conditions: Annotated[list[Condition], Meta(max_length=20)] | None = None


class Guarantee(_Input):
    """What the owner stands for privately, per lender (G11)."""

    lender: Name
    kind: GuaranteeKind
    amount_yen: PositiveYen | None = None


class Permit(_Input):
    name: Name
    number: Short | None = None
    authority: Name | None = None
    expires_on: date | None = None


class RealEstate(_Input):
    kind: PropertyKind
    address: Line | None = None
    held_by: PropertyHolder | None = None
    secured: bool | None = None  # a mortgage or another security interest is registered on it


class Encumbrance(_Input):
    kind: EncumbranceKind
    beneficiary: Name | None = None
    note: Line | None = None


class IntellectualProperty(_Input):
    kind: IpKind
    title: Line | None = None
    number: Short | None = None
    owner_of_record: Name | None = None
    encumbrances: Annotated[list[Encumbrance], Meta(max_length=20)] | None = None
    disputes: Annotated[list[Line], Meta(max_length=20)] | None = None


class Officer(_Input):
    """By role: no officer but the representative is named in a memorandum."""

    role: OfficerRole
    full_time: bool | None = None
    family: bool | None = None  # related to the owner
    stays: bool | None = None  # is ready to stay after the transfer


class Shareholder(_Input):
    """By kind. `share_percent`: of the votes."""

    kind: HolderKind
    share_percent: Annotated[float, Meta(ge=0, le=100)] | None = None


class StaffGroup(_Input):
    """How many work in one role, and how old they are on average; nobody by name (pseudonyms come with due diligence)."""

    role: StaffRole
    full_time: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    part_time: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    average_age: Annotated[int, Meta(ge=15, le=100)] | None = None


class Qualification(_Input):
    name: Name
    holders: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None


class Organisation(_Input):
    """How the company is built, for the memorandum."""

    history: Prose | None = None
    officers: Annotated[list[Officer], Meta(max_length=50)] | None = None
    shareholders: Annotated[list[Shareholder], Meta(max_length=50)] | None = None
    staff: Annotated[list[StaffGroup], Meta(max_length=30)] | None = None
    qualifications: Annotated[list[Qualification], Meta(max_length=50)] | None = None


class Market(_Input):
    outline: Prose | None = None


class PlannedYear(_Input):
    """One fiscal year to come, as the company plans it."""

    period_end: date
    revenue_yen: PositiveYen | None = None
    operating_profit_yen: Yen | None = None


class Plan(_Input):
    outline: Prose | None = None
    years: Annotated[list[PlannedYear], Meta(max_length=10)] | None = None


class Profile(_Input):
    """The whole confidential profile; also the body of a draft, where any part may be missing."""

    succession: SuccessionStatus | None = None
    identity: Identity | None = None
    business: Business | None = None
    financials: Annotated[list[FiscalYear], Meta(max_length=FISCAL_YEARS_WANTED)] | None = None
    owner: Owner | None = None
    terms: Terms | None = None
    guarantees: Annotated[list[Guarantee], Meta(max_length=50)] | None = None
    permits: Annotated[list[Permit], Meta(max_length=50)] | None = None
    real_estate: Annotated[list[RealEstate], Meta(max_length=50)] | None = None
    intellectual_property: Annotated[list[IntellectualProperty], Meta(max_length=100)] | None = None
    organisation: Organisation | None = None
    market: Market | None = None
    plan: Plan | None = None
    # Codes of the vocabulary's phrases; whether they exist and may be shown is decided where the teaser is derived.
    facts: Annotated[list[Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,60}$")]], Meta(max_length=5)] | None = None


class CellFacts(msgspec.Struct, frozen=True):
    """The six figures a codebook cell is looked up by, of the latest fiscal year; `margin` is a fraction of revenue.

    Bands of the margin are decided in whole yen, so the operating profit is here as well.
    """

    prefecture: str
    industry2: str
    founded_year: int
    employees: int
    revenue_yen: int
    operating_profit_yen: int
    margin: float


def fiscal_years(profile: Profile) -> list[FiscalYear]:
    """Latest first, in whatever order they were typed."""
    return sorted(profile.financials or [], key=lambda year: year.period_end, reverse=True)


def founding_year(business: Business | None) -> int | None:
    if business is None:
        return None
    return business.founded_on.year if business.founded_on else business.founded_year


def cell_facts(profile: Profile) -> CellFacts | None:
    """What decides the teaser's cell, or None while any of it is missing or cannot be right."""
    business, years = profile.business, fiscal_years(profile)
    founded = founding_year(business)
    if business is None or founded is None or not years:
        return None
    latest = years[0]
    revenue, profit = latest.revenue_yen, latest.operating_profit_yen
    if None in (business.jsic_code, business.prefecture, business.employees, revenue, profit) or revenue < 0:
        return None
    try:
        industry2 = jsic_two_digit(business.jsic_code)
    except ValueError:
        return None
    margin = profit / revenue if revenue else (-1.0 if profit < 0 else 0.0)
    return CellFacts(business.prefecture, industry2, founded, business.employees, revenue, profit, margin)


# --- which field is wrong, and what may stand there ------------------------------------------------------------------


_REFUSAL = re.compile(r"(.*?)(?: - at `\$\.?(.*)`)?", re.DOTALL)


def field_error(error: msgspec.ValidationError, struct: type = Profile) -> FieldError:
    """What msgspec refused, as a path like `financials[0].revenue_yen`, a sentence and the allowed codes."""
    said, path = _REFUSAL.fullmatch(str(error)).groups(default="")  # type: ignore[union-attr]
    allowed: tuple[str, ...] = ()
    if named := re.fullmatch(r"Object (contains unknown|missing required) field `(.*)`", said):
        path = f"{path}.{named[2]}".removeprefix(".")
        missing = named[1].startswith("missing")
        message = Message.of("This field must be filled in.") if missing else Message.of("There is no such field.")
    elif said.startswith("Invalid enum value"):
        allowed = allowed_values(path, struct)
        message = Message.of("Allowed values: {allowed}.", allowed=", ".join(allowed))
    elif "of length >=" in said:
        message = Message.of("This cannot be empty; leave the field out instead.")
    elif limit := re.search(r"of length <= ([0-9]+)", said):
        message = Message.of("At most {count} entries or characters fit here.", count=int(limit[1]))
    elif limit := re.search(r"(<=|>=) (-?[0-9]+)", said):
        message = Message.of("The number must be {limit}.", limit=f"{limit[1]} {limit[2]}")
    elif "date" in said:
        message = Message.of("Dates are written as in 2025-03-31.")
    elif kinds := re.fullmatch(r"Expected `([^`]*)`, got `([^`]*)`", said):
        message = Message.of("Expected {wanted}, got {given}.", wanted=kinds[1], given=kinds[2])
    else:
        message = Message.of("This is not written in the form expected here.")
    return FieldError(path, message, allowed)


def allowed_values(field_path: str, struct: type = Profile) -> tuple[str, ...]:
    """The codes an enumerated field may hold ('terms.schemes[0]' or 'terms.schemes'); () for any other field."""
    hint: Any = struct
    for name in re.sub(r"\[[^]]*\]", "", field_path).split("."):
        block = _inner(hint)
        hints = get_type_hints(block) if isinstance(block, type) and issubclass(block, msgspec.Struct) else {}
        if name not in hints:
            return ()
        hint = hints[name]
    inner = _inner(hint)
    return get_args(inner) if get_origin(inner) is Literal else ()


def _inner(hint: Any) -> Any:
    """The type inside `X | None` and inside a list of it."""
    while get_origin(hint) not in (None, Literal):
        hint = next(each for each in get_args(hint) if each is not type(None))
    return hint
