"""May this profile be published: what is missing, and what contradicts itself?

`missing_for_publication` lists unanswered fields; `contradictions` lists answers that cannot both be true (`refused`)
or that a person should look at (not `refused`). Both are pure: the day is an argument.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import msgspec

from succession.accounts.identifiers import is_corporate_number
from succession.codes import jsic_two_digit
from succession.i18n import Message, _
from succession.listings.profile import (
    COMPANY_ONLY_SCHEMES,
    FISCAL_YEARS_WANTED,
    SOLE_PROPRIETOR,
    SUCCESSION_STATUSES,
    Business,
    Identity,
    Profile,
    fiscal_years,
    founding_year,
)

FIGURES_STALE_MONTHS = 18
LONGEST_FISCAL_YEAR_MONTHS = 18  # only when a company moves its year end (Corporate Accounting Rules, Art. 59)


class Missing(msgspec.Struct, frozen=True):
    field_path: str
    message: Message


class Contradiction(msgspec.Struct, frozen=True):
    """`refused`: the profile cannot be stored or published so. Otherwise a hint to the intermediary."""

    field_path: str
    message: Message
    refused: bool


# Field -> what the intermediary is asked for. Lists must be answered, "there are none" is an answer.
REQUIRED: dict[str, str] = {
    "succession.status": _("State why there is no successor."),
    "succession.declared_by": _("State who declared that there is no successor."),
    "succession.declared_on": _("State when it was declared that there is no successor."),
    "succession.alternatives_tried": _("State which kinds of succession were tried, or that none was."),
    "succession.first_consulted_on": _("State the date of the first consultation."),
    "succession.channel": _("State through whom the first consultation came."),
    "identity.name": _("State the registered name."),
    "identity.name_kana": _("State the name in kana: without it the name cannot be searched for in texts."),
    "identity.legal_form": _("State the legal form."),
    "identity.representative.name": _("State the representative."),
    "identity.representative.name_kana": _("State the representative's name in kana."),
    "identity.representative.name_romaji": _("State the representative's name in romaji."),
    "identity.family_names": _("Name family members who are known with the company, or state that there are none."),
    "identity.sites": _("State at least the head office."),
    "identity.phones": _("State the phone numbers, or that there are none."),
    "identity.urls": _("State the web addresses, or that there are none."),
    "identity.email_domains": _("State the e-mail domains, or that there are none."),
    "identity.brands": _("State brands, shop and product names, or that there are none."),
    "identity.former_names": _("State former names, or that there are none."),
    "identity.group_companies": _("State the companies of the group, or that there are none."),
    "identity.main_customers": _("State the main customers, or that there are none to name."),
    "identity.main_suppliers": _("State the main suppliers, or that there are none to name."),
    "business.jsic_code": _("State the industry (JSIC, two digits or more)."),
    "business.prefecture": _("State the prefecture of the head office."),
    "business.employees": _("State the number of employees."),
    "owner.birth_year": _("State the owner's year of birth."),
    "owner.reason": _("State the reason for the transfer."),
    "terms.schemes": _("State at least one scheme."),
    "terms.timing": _("State when the transfer is wished for."),
    "terms.conditions": _("State the owner's conditions, or that there are none."),
    "guarantees": _("State the owner's guarantees per lender, or that there are none."),
    "permits": _("State the permits the business needs, or that there are none."),
    "real_estate": _("State the real estate in use, or that there is none."),
    "intellectual_property": _("State the intellectual property, or that there is none."),
}
# An empty list is no answer here.
NEEDS_ONE = frozenset({"identity.sites", "terms.schemes"})

YEARLY = {
    "revenue_yen": _("State the revenue of this fiscal year."),
    "operating_profit_yen": _("State the operating profit of this fiscal year."),
    "adjusted_ebitda_yen": _("State the adjusted EBITDA of this fiscal year."),
    "net_assets_yen": _("State the net assets at the end of this fiscal year."),
    "debt_yen": _("State the interest-bearing debt at the end of this fiscal year."),
}


def missing_for_publication(profile: Profile) -> list[Missing]:
    """Every unanswered field that publishing needs, in the order of the profile; [] when complete."""
    found = [
        Missing(path, Message(msgid))
        for path, msgid in REQUIRED.items()
        if _unanswered(_at(profile, path)) or (path in NEEDS_ONE and not _at(profile, path))
    ]
    rules = (_missing_identity, _missing_business, _missing_years, _missing_price)
    return found + [Missing(path, message) for rule in rules for path, message in rule(profile)]


def _missing_identity(profile: Profile) -> Iterator[tuple[str, Message]]:
    identity = profile.identity or Identity()
    if identity.legal_form == SOLE_PROPRIETOR:
        if not identity.internal_key:
            yield "identity.internal_key", Message.of("State your own key for this sole proprietor.")
    elif not identity.corporate_number:
        yield "identity.corporate_number", Message.of("State the corporate number.")
    if not identity.name_en and not identity.name_en_declared_none:
        yield "identity.name_en", Message.of("State the English name, or declare that there is none.")
    if identity.name_en_declared_none and not identity.name_romaji:
        yield "identity.name_romaji", Message.of("Without an English name the name in romaji is needed.")
    if identity.name_en_declared_none and not identity.name_romaji_confirmed:
        yield "identity.name_romaji_confirmed", Message.of("A person must confirm the name in romaji.")
    for place, site in enumerate(identity.sites or []):
        if not site.address:
            yield f"identity.sites[{place}].address", Message.of("State the address of this site.")


def _missing_business(profile: Profile) -> Iterator[tuple[str, Message]]:
    business = profile.business or Business()
    if founding_year(business) is None:
        yield "business.founded_year", Message.of("State the year of founding.")
    if business.capital_yen is None and (profile.identity or Identity()).legal_form != SOLE_PROPRIETOR:
        yield "business.capital_yen", Message.of("State the capital.")


def _missing_years(profile: Profile) -> Iterator[tuple[str, Message]]:
    years = profile.financials or []
    wanted = FISCAL_YEARS_WANTED
    founded, latest = founding_year(profile.business), next(iter(fiscal_years(profile)), None)
    if founded and latest:  # a young company cannot have three closed years
        wanted = max(1, min(wanted, latest.period_end.year - founded + 1))
    if len(years) < wanted:
        message = Message.of("{wanted} fiscal years are needed; {given} given.", wanted=wanted, given=len(years))
        yield "financials", message
    for place, year in enumerate(years):
        for name, msgid in YEARLY.items():
            if getattr(year, name) is None:
                yield f"financials[{place}].{name}", Message(msgid)


def _missing_price(profile: Profile) -> Iterator[tuple[str, Message]]:
    price = _at(profile, "terms.asking_price")
    if price is None or (price.amount_yen is None and not price.negotiable):
        yield "terms.asking_price", Message.of("State the asking price, or that it is negotiable.")
        return
    if price.amount_yen is None:
        return
    for name in ("basis", "method", "as_of", "indicative"):
        if getattr(price, name) is None:
            message = Message.of("An asking price needs its basis, method and date, and whether it is indicative.")
            yield f"terms.asking_price.{name}", message


def contradictions(profile: Profile, today: date) -> list[Contradiction]:
    """Answers that exclude each other or the facts, refused ones first."""
    rules = (_status_rules, _identity_rules, _business_rules, _period_rules, _figure_rules, _terms_rules, _outlook_rules)
    found = [each for rule in rules for each in rule(profile, today)]
    return sorted(found, key=lambda each: not each.refused)


def _refused(path: str, msgid: str, **params: object) -> Contradiction:
    return Contradiction(path, Message(msgid, params), refused=True)


def _flagged(path: str, msgid: str, **params: object) -> Contradiction:
    return Contradiction(path, Message(msgid, params), refused=False)


def _status_rules(profile: Profile, today: date) -> Iterator[Contradiction]:
    status = _at(profile, "succession.status")
    if status is not None and status not in SUCCESSION_STATUSES:
        yield _refused(
            "succession.status",
            _("Only a company without a decided successor can be listed. Allowed values: {allowed}."),
            allowed=", ".join(SUCCESSION_STATUSES),
        )
    for path in ("succession.declared_on", "succession.first_consulted_on", "business.founded_on"):
        if (day := _at(profile, path)) is not None and day > today:
            yield _refused(path, _("This day is still to come."))


def _identity_rules(profile: Profile, today: date) -> Iterator[Contradiction]:
    identity = profile.identity or Identity()
    number, sole = identity.corporate_number, identity.legal_form == SOLE_PROPRIETOR
    if number is not None and not is_corporate_number(number):
        yield _refused("identity.corporate_number", _("A corporate number has 13 digits; its check digit must fit."))
    if sole and number is not None:
        yield _refused("identity.corporate_number", _("A sole proprietor has no corporate number."))
    if identity.name_en and identity.name_en_declared_none:
        yield _refused("identity.name_en", _("There is an English name, and it is declared that there is none."))
    offered = _at(profile, "terms.schemes") or []
    for place, scheme in enumerate(offered):
        if sole and scheme in COMPANY_ONLY_SCHEMES:
            yield _refused(f"terms.schemes[{place}]", _("A sole proprietor has no shares: this scheme is impossible."))


def _business_rules(profile: Profile, today: date) -> Iterator[Contradiction]:
    business = profile.business or Business()
    if business.jsic_code is not None:
        try:
            jsic_two_digit(business.jsic_code)
        except ValueError:
            yield _refused("business.jsic_code", _("There is no such industry in JSIC revision 14."))
    if business.capital_yen is not None and business.capital_yen < 0:
        yield _refused("business.capital_yen", _("Capital cannot be negative."))
    if business.founded_on and business.founded_year and business.founded_on.year != business.founded_year:
        yield _refused("business.founded_year", _("The year of founding differs from the day of founding."))
    if business.founded_year is not None and business.founded_year > today.year:
        yield _refused("business.founded_year", _("This year is still to come."))
    born = _at(profile, "owner.birth_year")
    if born is not None and not 15 <= today.year - born <= 120:
        yield _refused("owner.birth_year", _("Nobody of this year of birth can own a company."))


def _period_rules(profile: Profile, today: date) -> Iterator[Contradiction]:
    ends = sorted(((year.period_end, place) for place, year in enumerate(profile.financials or [])), reverse=True)
    founded = founding_year(profile.business)
    for end, place in ends:
        path = f"financials[{place}].period_end"
        if end > today:
            yield _refused(path, _("This fiscal year has not ended yet."))
        if founded is not None and end.year < founded:
            yield _refused(path, _("This fiscal year ended before the company was founded."))
    for (later, _place), (earlier, place) in zip(ends, ends[1:], strict=False):
        path, apart = f"financials[{place}].period_end", _months(earlier, later)
        if apart == 0:
            yield _refused(path, _("Two fiscal years end in the same month."))
        elif apart > LONGEST_FISCAL_YEAR_MONTHS:
            yield _refused(path, _("The fiscal years do not follow each other: one is left out."))
        elif apart != 12:
            yield _flagged(path, _("The fiscal years are {months} months apart."), months=apart)
    if ends and _months(ends[0][0], today) > FIGURES_STALE_MONTHS:
        path = f"financials[{ends[0][1]}].period_end"
        yield _flagged(path, _("The latest figures are older than {months} months."), months=FIGURES_STALE_MONTHS)


def _figure_rules(profile: Profile, today: date) -> Iterator[Contradiction]:
    for place, year in enumerate(profile.financials or []):
        path = f"financials[{place}]"
        for name in ("revenue_yen", "debt_yen"):
            if (getattr(year, name) or 0) < 0:
                yield _refused(f"{path}.{name}", _("This amount cannot be negative."))
        if year.revenue_yen is not None and (year.operating_profit_yen or 0) > max(year.revenue_yen, 0):
            yield _flagged(f"{path}.operating_profit_yen", _("The operating profit is larger than the revenue."))


def _terms_rules(profile: Profile, today: date) -> Iterator[Contradiction]:
    price = _at(profile, "terms.asking_price")
    if price is not None and price.negotiable and price.amount_yen is not None:
        yield _refused("terms.asking_price", _("The asking price is either an amount or negotiable."))
    if price is not None and price.as_of is not None and price.as_of > today:
        yield _refused("terms.asking_price.as_of", _("This day is still to come."))
    for path in ("terms.schemes", "facts"):
        if _repeated(_at(profile, path) or []):
            yield _refused(path, _("The same code is given twice."))


def _outlook_rules(profile: Profile, today: date) -> Iterator[Contradiction]:
    """What stands in the memorandum alone: nothing of it is asked for, but it must not contradict itself."""
    holders = _at(profile, "organisation.shareholders") or []
    if sum(each.share_percent or 0 for each in holders) > 100.005:
        yield _refused("organisation.shareholders", _("The shares are more than 100 % together."))
    staff, employees = _at(profile, "organisation.staff") or [], _at(profile, "business.employees")
    counted = sum((each.full_time or 0) + (each.part_time or 0) for each in staff)
    if employees is not None and counted > employees:
        yield _flagged("organisation.staff", _("More persons are named by role than there are employees."))
    if _repeated(each.role for each in staff):
        yield _refused("organisation.staff", _("The same code is given twice."))
    years = _at(profile, "plan.years") or []
    for place, year in enumerate(years):
        if year.period_end <= today:
            yield _flagged(f"plan.years[{place}].period_end", _("A planned year should end in the future."))
    if _repeated(f"{year.period_end:%Y-%m}" for year in years):
        yield _refused("plan.years", _("Two fiscal years end in the same month."))


def _at(profile: Profile, path: str) -> Any:
    """The value at 'identity.name', None when any block on the way is."""
    value: Any = profile
    for name in path.split("."):
        value = None if value is None else getattr(value, name)
    return value


def _unanswered(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _repeated(codes: Iterable[str]) -> bool:
    listed = list(codes)
    return len(set(listed)) < len(listed)


def _months(earlier: date, later: date) -> int:
    """Calendar months from one month to another; days do not count."""
    return (later.year - earlier.year) * 12 + later.month - earlier.month
