"""What must an organisation declare of itself, by its kind and country, and which of it does the operator verify?

Declared is all it is until the operator has looked at evidence. Sources: domain reference 3.5 (registration record of
M&A support institutions), 5.3 (beneficial owner: Act on Prevention of Transfer of Criminal Proceeds, Rule 11), 6.1, 6.2.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from succession.accounts.identifiers import is_country_code, read_corporate_number, read_lei
from succession.characters import UNWANTED
from succession.codes import SCHEMES
from succession.errors import FieldError, Problem
from succession.i18n import Message, _

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Words = Annotated[str, Meta(min_length=1, max_length=2000)]
Identifier = Annotated[str, Meta(min_length=1, max_length=60)]
Phone = Annotated[str, Meta(max_length=40, pattern=r"^[0-9+(][0-9() -]{5,39}$")]  # a line of the firm, for owners who would rather call
Country = Annotated[str, Meta(min_length=2, max_length=2)]
Percent = Annotated[float, Meta(gt=25, le=100)]
Decade = Annotated[int, Meta(ge=1800, le=2100, multiple_of=10)]

LegalForm = Literal[tuple(SCHEMES["legal_form"].codes)]
SupportType = Literal[tuple(SCHEMES["registration_type"].codes)]
StaffBand = Literal[tuple(SCHEMES["staff_band"].codes)]
Prefecture = Literal[tuple(SCHEMES["prefecture"].codes)]
BuyerKind = Literal[tuple(SCHEMES["buyer_kind"].codes)]
IntermediaryKind = Literal[tuple(SCHEMES["intermediary_kind"].codes)]
AgencyRole = Literal[tuple(SCHEMES["agency_kind"].codes)]
# Listed companies and states are end points of the chain; otherwise nobody holds more than a quarter of the votes.
WithoutOwner = Literal["listed", "state", "nobody_above"]


class BeneficialOwner(msgspec.Struct, forbid_unknown_fields=True):
    """A natural person with more than a quarter of the votes, directly or through chains; percent with two decimals."""

    name: Name
    country: Country
    share_percent: Percent


class Registration(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """The record of an M&A support institution (M&A支援機関), as declared."""

    prefecture: Prefecture | None = None
    legal_form: LegalForm | None = None
    support_type: SupportType | None = None
    staff_band: StaffBand | None = None
    founded_decade: Decade | None = None
    annual_report_filed_on: date | None = None
    fee_table_submitted: bool | None = None
    compliance_declaration_url: Name | None = None
    compliance_declaration_version: Identifier | None = None


class Declaration(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Everything an organisation says of itself."""

    kind: Literal["intermediary", "acquirer", "agency"]
    legal_name: Name
    country: Country
    intermediary_kind: IntermediaryKind | None = None
    agency_role: AgencyRole | None = None
    buyer_kind: BuyerKind | None = None
    corporate_number: Identifier | None = None
    registry_number: Identifier | None = None
    lei: Identifier | None = None
    head_office_country: Country | None = None
    ultimate_parent: Name | None = None
    ultimate_parent_country: Country | None = None
    group_name: Name | None = None
    website: Name | None = None
    business: Words | None = None
    phone: Phone | None = None
    registration: Registration | None = None
    beneficial_owners: Annotated[list[BeneficialOwner], Meta(max_length=3)] = []
    without_beneficial_owner: WithoutOwner | None = None


class Correction(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What an organisation may change of it; a field that is left out stays, null removes."""

    legal_name: Name | UnsetType = UNSET
    country: Country | UnsetType = UNSET
    buyer_kind: BuyerKind | UnsetType = UNSET
    corporate_number: Identifier | None | UnsetType = UNSET
    registry_number: Identifier | None | UnsetType = UNSET
    lei: Identifier | None | UnsetType = UNSET
    head_office_country: Country | None | UnsetType = UNSET
    ultimate_parent: Name | None | UnsetType = UNSET
    ultimate_parent_country: Country | None | UnsetType = UNSET
    group_name: Name | None | UnsetType = UNSET
    website: Name | None | UnsetType = UNSET
    business: Words | None | UnsetType = UNSET
    phone: Phone | None | UnsetType = UNSET
    registration: Registration | UnsetType = UNSET
    beneficial_owners: Annotated[list[BeneficialOwner], Meta(max_length=3)] | UnsetType = UNSET
    without_beneficial_owner: WithoutOwner | None | UnsetType = UNSET


def _intermediary(told: Declaration) -> bool:
    return told.kind == "intermediary"


def _institution(told: Declaration) -> bool:
    return told.intermediary_kind == "registered_institution"


def _person(told: Declaration) -> bool:
    """A natural person in business has no number of their own and nobody above."""
    return told.buyer_kind == "individual" or (told.registration or Registration()).legal_form == "sole_proprietor"


def _japanese_company(told: Declaration) -> bool:
    return told.country == "JP" and not _person(told)


def _foreign_company(told: Declaration) -> bool:
    return told.country != "JP" and not _person(told)


# fact: who must declare it
REQUIRED: tuple[tuple[str, Callable[[Declaration], bool]], ...] = (
    ("intermediary_kind", _intermediary),
    ("agency_role", lambda told: told.kind == "agency"),
    ("buyer_kind", lambda told: told.kind == "acquirer"),
    ("corporate_number", _japanese_company),
    ("registry_number", _foreign_company),
    ("head_office_country", _foreign_company),
    ("ultimate_parent", _foreign_company),
    ("ultimate_parent_country", _foreign_company),
    ("registration.prefecture", _intermediary),
    ("registration.legal_form", _institution),
    ("registration.support_type", _institution),
    ("registration.staff_band", _institution),
    ("registration.founded_decade", _institution),
    ("registration.fee_table_submitted", _institution),
    ("registration.compliance_declaration_url", _institution),
    ("registration.compliance_declaration_version", _institution),
)
# fact: who cannot have it
SENSELESS: tuple[tuple[str, Callable[[Declaration], bool]], ...] = (
    ("intermediary_kind", lambda told: told.kind != "intermediary"),
    ("agency_role", lambda told: told.kind != "agency"),
    ("buyer_kind", lambda told: told.kind != "acquirer"),
    ("registration", lambda told: told.kind != "intermediary"),
    ("corporate_number", _person),
)
# What the operator looks at: a change of any of it asks for a new look. The rest of the registration record changes
# every year and is dated by itself.
VERIFIED_FACTS = (
    "legal_name", "country", "buyer_kind", "corporate_number", "registry_number", "lei", "head_office_country", "ultimate_parent",
    "ultimate_parent_country", "group_name", "beneficial_owners", "without_beneficial_owner", "registration.legal_form",
    "registration.support_type",
)

_COUNTRIES = ("country", "head_office_country", "ultimate_parent_country")
_LINES = ("legal_name", "ultimate_parent", "group_name", "website")
_PAGE = re.compile(r"https?://[^\s/?#]+\.[^\s]+")
_ADDRESS_LIKE = re.compile(r"://|www\.|@", re.IGNORECASE)

REQUIRED_HERE = Message.of(_("This field is required."))


def read_declaration(told: Declaration) -> Declaration:
    """The declaration in its stored spelling. Problem validation naming every field at fault."""
    read = msgspec.structs.replace(told, **_spelt(told))
    if errors := tuple(_faults(told, read)):
        raise Problem("validation", errors=errors)
    return read


def corrected(present: Declaration, change: Correction) -> Declaration:
    """The declaration after a change, before it is read again as a whole."""
    changes = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not UNSET}
    return msgspec.structs.replace(present, **changes)


def needs_new_look(before: Declaration, after: Declaration) -> bool:
    """Whether anything the operator verified differs."""
    return any(_fact(before, name) != _fact(after, name) for name in VERIFIED_FACTS)


def one_line(text: str) -> str:
    """One spelling of a name: NFKC, so that ㈱ and (株) are the same, and single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def name_fault(text: str) -> Message | None:
    """Why this cannot be a name that letters to strangers will show, or None."""
    if not text or UNWANTED.search(text):
        return Message.of(_("This value cannot be accepted."))
    if _ADDRESS_LIKE.search(text):
        return Message.of(_("A name holds no address of a page or a mailbox."))
    return None


def _fact(told: Declaration, path: str) -> object:
    value: object = told
    for name in path.split("."):
        value = getattr(value, name) if value is not None else None
    return value


def _spelt(told: Declaration) -> dict[str, object]:
    """What is stored instead of what was typed; identifiers that cannot be read stay as they are and are refused."""
    spelt: dict[str, object] = {name: one_line(value) for name in _LINES if (value := _fact(told, name)) is not None}
    if told.corporate_number:
        spelt["corporate_number"] = read_corporate_number(told.corporate_number) or told.corporate_number
    if told.lei:
        spelt["lei"] = read_lei(told.lei) or told.lei
    if told.registry_number:
        spelt["registry_number"] = one_line(told.registry_number).upper().replace(" ", "")
    spelt["beneficial_owners"] = [msgspec.structs.replace(each, name=one_line(each.name)) for each in told.beneficial_owners]
    return spelt


def _faults(told: Declaration, read: Declaration) -> Iterator[FieldError]:
    for path, applies in REQUIRED:
        if applies(read) and _fact(read, path) is None:
            yield FieldError(path, REQUIRED_HERE)
    for path, applies in SENSELESS:
        if applies(read) and _fact(read, path) is not None:
            yield FieldError(path, Message.of(_("An organisation of this kind has no such field.")))
    for path in _COUNTRIES:
        if (code := _fact(read, path)) is not None and not is_country_code(code):
            yield FieldError(path, Message.of(_("This is not a country code of ISO 3166-1, such as JP.")))
    for path in ("legal_name", "ultimate_parent", "group_name"):
        if (text := _fact(read, path)) is not None and (fault := name_fault(text)):
            yield FieldError(path, fault)
    for path in ("business", "registry_number", "registration.compliance_declaration_version"):
        if (text := _fact(read, path)) is not None and UNWANTED.search(str(text).replace("\n", " ")):
            yield FieldError(path, Message.of(_("This value cannot be accepted.")))
    for path in ("website", "registration.compliance_declaration_url"):
        if (text := _fact(read, path)) is not None and not _PAGE.fullmatch(str(text)):
            yield FieldError(path, Message.of(_("This is not the address of a page: https://...")))
    if told.corporate_number and not read_corporate_number(told.corporate_number):
        yield FieldError("corporate_number", Message.of(_("This is not a corporate number: 13 digits, the first a check digit.")))
    if told.lei and not read_lei(told.lei):
        yield FieldError("lei", Message.of(_("This is not a legal entity identifier: 20 characters, the last two check digits.")))
    yield from _owner_faults(read)


def _owner_faults(read: Declaration) -> Iterator[FieldError]:
    """Who stands behind a foreign company: somebody above a quarter, or a stated reason why there is nobody."""
    owners = read.beneficial_owners
    if _foreign_company(read) and not owners and read.without_beneficial_owner is None:
        yield FieldError("beneficial_owners", Message.of(_(
            "Name everybody who holds more than a quarter of the votes, or say in without_beneficial_owner why there is nobody.")))
    if owners and read.without_beneficial_owner is not None:
        yield FieldError("without_beneficial_owner", Message.of(_("Beneficial owners are named as well. Keep one.")))
    if sum(owner.share_percent for owner in owners) > 100:
        yield FieldError("beneficial_owners", Message.of(_("The shares add up to more than 100 %.")))
    for number, owner in enumerate(owners):
        path = f"beneficial_owners[{number}]"
        if fault := name_fault(owner.name):
            yield FieldError(f"{path}.name", fault)
        if not is_country_code(owner.country):
            yield FieldError(f"{path}.country", Message.of(_("This is not a country code of ISO 3166-1, such as JP.")))
        if round(owner.share_percent, 2) != owner.share_percent:
            yield FieldError(f"{path}.share_percent", Message.of(_("At most two decimals.")))
