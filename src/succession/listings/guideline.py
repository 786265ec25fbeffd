"""Does this mandate keep to the SME M&A Guidelines, edition and bound by edition and bound?

Rules are dated rows (`RULES`); a new edition is new rows, and an old mandate can be read against its own day. The
guidelines are not law, but a registered institution declares that it keeps them. Paraphrased from the SME M&A
Guidelines, 3rd ed. (2024-08-30), chapter 2: G2 and G3 important matters explained before signing, G4 exclusivity,
G6 tail, G10 valuation. Support Centers commission no one and charge nothing (rule `CENTER`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from succession.characters import NAME
from succession.days import add_months, day_in_japan
from succession.i18n import Message, _

# What has to be explained, in writing and by word of mouth, before the contract (G3).
EXPLAINED_ITEMS: tuple[str, ...] = (
    "role_broker_or_adviser", "services_per_step", "persons_in_charge", "fees", "other_side_fee", "other_costs",
    "confidentiality", "direct_negotiation_limit", "exclusivity", "second_opinion", "tail", "term",
    "mid_term_termination", "liability", "surviving_clauses", "conflicts_of_interest", "buyer_screening",
    "bad_buyer_information_scheme",
)
_ITEMS_OF_ALL = frozenset(EXPLAINED_ITEMS) - {"other_side_fee"}  # a broker serves both sides and says what each pays

Months = Annotated[int, Meta(ge=0, le=1200)]
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=NAME)]


class IndicatedPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A price named to the owner when the mandate was won."""

    amount_yen: Annotated[int, Meta(ge=0, le=10**15)]
    basis: Literal["equity", "enterprise", "business"] | None = None
    method: Literal["nenbai", "ebitda_multiple", "net_assets", "dcf", "other"] | None = None
    as_of: date | None = None
    indicative: bool | None = None


class Mandate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The terms between an owner and an intermediary. Zero months: no exclusivity, no tail."""

    kind: Literal["center_support", "brokerage", "adviser"]
    signed_on: date
    term_months: Months
    exclusivity_months: Months = 0
    second_opinion_allowed: bool = False
    terminable_any_time: bool = False
    tail_months: Months = 0
    tail_scope: Literal["none", "name_cleared", "introduced", "any"] = "none"
    fee_basis: Literal["none", "share_price", "assets_moved", "fixed", "other"] = "none"
    minimum_fee_yen: Annotated[int, Meta(ge=0, le=10**12)] = 0
    document_hash: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None
    explained_at: Annotated[datetime, Meta(tz=True)] | None = None
    explained_orally: bool = False
    explainer: Name | None = None
    recipient: Name | None = None
    recipient_decides: bool = False
    persons_who_decide: Annotated[list[Name], Meta(max_length=20)] = []  # each must say yes to a buyer; none named: those on record
    items_explained: Annotated[list[Literal[EXPLAINED_ITEMS]], Meta(max_length=40)] = []
    indicated_price: IndicatedPrice | None = None


# ---------------------------------------------------------------------------------------------------------------------
# The rules

Check = Literal["given", "is", "at_most", "one_of", "includes", "days_before_signing"]


class Rule(msgspec.Struct, frozen=True):
    """One bound of one edition, in force from `valid_from` to `valid_to` (both days included; None: still)."""

    rule: str
    edition: str
    valid_from: date
    valid_to: date | None
    kinds: frozenset[str]
    level: Literal["refuse", "warn"]
    field: str
    check: Check
    bound: Any
    message: str


def _rows(edition: str, valid_from: str, valid_to: str | None, kinds: str, *rows: tuple) -> tuple[Rule, ...]:
    span = (date.fromisoformat(valid_from), date.fromisoformat(valid_to) if valid_to else None)
    return tuple(Rule(rule, edition, *span, frozenset(kinds.split()), *rest) for rule, *rest in rows)


RULES: tuple[Rule, ...] = (
    *_rows(
        "3rd ed.", "2024-08-30", None, "brokerage adviser",
        # rule, level, field, check, bound, message
        ("G2", "refuse", "explained_at", "given", None, _("Record when the important matters were explained.")),
        ("G2", "refuse", "explained_at", "days_before_signing", 0, _("Explain the important matters before signing.")),
        ("G2", "warn", "explained_at", "days_before_signing", 1,
         _("Explained and signed on the same day: the owner had little time to think.")),
        ("G2", "refuse", "explained_orally", "is", True, _("Explain the important matters by word of mouth as well.")),
        ("G2", "refuse", "explainer", "given", None, _("Record who explained the important matters.")),
        ("G2", "refuse", "recipient", "given", None, _("Record to whom the important matters were explained.")),
        ("G2", "refuse", "recipient_decides", "is", True, _("Explain to the person who decides for the company.")),
        ("G2", "refuse", "document_hash", "given", None, _("Attach the written explanation; its hash is recorded.")),
        ("G3", "refuse", "items_explained", "includes", _ITEMS_OF_ALL, _("Some important matters were not explained.")),
        ("G4", "refuse", "exclusivity_months", "at_most", 12, _("An exclusive mandate lasts at most {bound} months.")),
        ("G4", "warn", "exclusivity_months", "at_most", 6, _("The guide for an exclusive mandate is {bound} months.")),
        ("G4", "refuse", "second_opinion_allowed", "is", True, _("The owner may always ask for a second opinion.")),
        ("G4", "refuse", "terminable_any_time", "is", True, _("The owner may end the mandate at any time.")),
        ("G6", "refuse", "tail_months", "at_most", 36, _("A tail lasts at most {bound} months.")),
        ("G6", "warn", "tail_months", "at_most", 24, _("The guide for a tail is {bound} months.")),
        ("G6", "refuse", "tail_scope", "one_of", ("none", "name_cleared"),
         _("A tail covers only buyers who were introduced and to whom the name was cleared.")),
        ("G10", "refuse", "indicated_price.basis", "given", None, _("Say what the indicated price is the price of.")),
        ("G10", "refuse", "indicated_price.method", "given", None, _("Say how the indicated price was arrived at.")),
        ("G10", "refuse", "indicated_price.as_of", "given", None, _("Say as of which day the price is indicated.")),
        ("G10", "refuse", "indicated_price.indicative", "is", True, _("Mark the indicated price as indicative.")),
    ),
    *_rows(
        "3rd ed.", "2024-08-30", None, "brokerage",
        ("G3", "refuse", "items_explained", "includes", frozenset({"other_side_fee"}),
         _("A broker explains what the other side pays.")),
    ),
    *_rows(  # since family, third-party and guarantee support became one office
        "Support Centers since 2021-04", "2021-04-01", None, "center_support",
        ("CENTER", "refuse", "fee_basis", "is", "none", _("Center support is free of charge.")),
        ("CENTER", "refuse", "minimum_fee_yen", "at_most", 0, _("Center support is free of charge.")),
        ("CENTER", "refuse", "exclusivity_months", "at_most", 0, _("Center support is never exclusive.")),
        ("CENTER", "refuse", "tail_months", "at_most", 0, _("Center support leaves no tail.")),
    ),
)


# ---------------------------------------------------------------------------------------------------------------------
# The answer


class Violation(msgspec.Struct, frozen=True):
    """A rule not kept: which, in which edition, on which field, and what would be allowed."""

    rule: str
    edition: str
    field: str
    allowed: str
    message: Message


class NoEdition(LookupError):
    """No edition recorded here was in force for this kind of mandate on that day; nothing can be said about it."""


def violations(mandate: Mandate, on: date, rules: tuple[Rule, ...] = RULES) -> list[Violation]:
    """What keeps this mandate from becoming active on the day `on`. Raises NoEdition."""
    return _broken(mandate, on, "refuse", rules)


def warnings(mandate: Mandate, on: date, rules: tuple[Rule, ...] = RULES) -> list[Violation]:
    """What is allowed but beyond the guide, to be shown to both sides. A refused field is not warned about again."""
    refused = {v.field for v in violations(mandate, on, rules)}
    return [v for v in _broken(mandate, on, "warn", rules) if v.field not in refused]


def edition_on(kind: str, on: date, rules: tuple[Rule, ...] = RULES) -> str:
    """Name of the edition a mandate of this kind is read against on that day. Raises NoEdition."""
    return _in_force(kind, on, rules)[0].edition


def _in_force(kind: str, on: date, rules: tuple[Rule, ...]) -> list[Rule]:
    found = [r for r in rules if kind in r.kinds and r.valid_from <= on and (r.valid_to is None or on <= r.valid_to)]
    if not found:
        raise NoEdition(f"no rules for {kind} on {on}")
    return found


def _broken(mandate: Mandate, on: date, level: str, rules: tuple[Rule, ...]) -> list[Violation]:
    found: list[Violation] = []
    for rule in _in_force(mandate.kind, on, rules):
        holder, _dot, name = rule.field.rpartition(".")
        owner = getattr(mandate, holder) if holder else mandate
        if rule.level != level or owner is None:
            continue  # another level; or no price was named, so nothing is asked of it
        value = getattr(owner, name)
        if not _KEPT[rule.check](mandate, value, rule.bound):
            message = Message(rule.message, {"bound": rule.bound} if rule.check == "at_most" else {})
            found.append(Violation(rule.rule, rule.edition, rule.field, _allowed(rule, value), message))
    return found


def _explained_in_time(mandate: Mandate, explained_at: datetime | None, days: int) -> bool:
    """True too when nothing is recorded: that is another row's matter."""
    return explained_at is None or day_in_japan(explained_at) + timedelta(days=days) <= mandate.signed_on


_KEPT: dict[str, Callable[[Mandate, Any, Any], bool]] = {
    "given": lambda _m, value, _bound: value is not None and (not isinstance(value, str) or bool(value.strip())),
    "is": lambda _m, value, bound: value == bound,
    "at_most": lambda _m, value, bound: value <= bound,
    "one_of": lambda _m, value, bound: value in bound,
    "includes": lambda _m, value, bound: bound <= set(value),
    "days_before_signing": _explained_in_time,
}


def _allowed(rule: Rule, value: Any) -> str:
    """The bound in a form a program can read; for a checklist, the items still missing."""
    if rule.check == "includes":
        return "+ " + " ".join(item for item in EXPLAINED_ITEMS if item in rule.bound and item not in value)
    forms = {"given": "given", "at_most": "<= {}", "days_before_signing": "signed >= {} days later"}
    bound = " | ".join(rule.bound) if rule.check == "one_of" else str(rule.bound).lower()
    return forms.get(rule.check, "{}").format(bound)


# ---------------------------------------------------------------------------------------------------------------------
# Dates and fees that follow from a mandate

# Marginal rate in percent up to each amount in yen; the scale 84 % of registered institutions use.
LEHMAN_TIERS: tuple[tuple[int | None, int], ...] = (
    (500_000_000, 5), (1_000_000_000, 4), (5_000_000_000, 3), (10_000_000_000, 2), (None, 1),
)


def tail_until(mandate: Mandate, ended_on: date) -> date | None:
    """Last day of the tail of a mandate that ended on `ended_on`; None where there is no tail."""
    return add_months(ended_on, mandate.tail_months) if mandate.tail_months else None


def lehman_fee_yen(basis_yen: int, minimum_yen: int) -> int:
    """Success fee on the Lehman scale over `basis_yen`, at least `minimum_yen`, whole yen rounded down, without tax.

    What the basis is (share price, or assets moved, which can multiply the fee) is part of the mandate.
    """
    if basis_yen < 0:
        raise ValueError("the basis of a fee is not negative")
    hundredths, floor = 0, 0
    for ceiling, percent in LEHMAN_TIERS:
        upper = basis_yen if ceiling is None else min(basis_yen, ceiling)
        hundredths += max(upper - floor, 0) * percent
        floor = ceiling or floor
    return max(hundredths // 100, minimum_yen)
