"""Which companies stand on the demo market? Members of the demo world, each with a whole confidential profile.

The six figures a teaser is made of are the member's own, so that the teaser's cell is the cell the member belongs to, and
counting companies that share it comes out as published. Everything else is invented around them, the same for the same
seed and day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

import numpy as np

from succession.anonymity.codebook import Codebook
from succession.anonymity.margins import LEGAL_FORMS, division_index
from succession.anonymity.peeling import UNPLACED
from succession.anonymity.population import Population
from succession.anonymity.vocabulary import PHRASES_MAX, vocabulary
from succession.codes import division_of
from succession.days import add_months
from succession.demo import names
from succession.demo.names import CompanyName, Person, Stems
from succession.listings.profile import (
    AskingPrice,
    Business,
    Condition,
    FiscalYear,
    Guarantee,
    Identity,
    IntellectualProperty,
    Owner,
    Permit,
    PersonName,
    Profile,
    RealEstate,
    Site,
    SuccessionStatus,
    Terms,
)

EMPLOYEES_LEAST = 3  # the smallest of the world are shops of one; few of them are sold as companies
OFFERED_FORMS = ("kk", "tokurei_yugen", "godo", "gomei_goshi", "sole_proprietor")
_SOLE_SHARE = 0.06  # of the world it is nearly forty per cent
_YEN_STEP = 10_000
_LENDERS = ("架空信用金庫", "空想銀行", "架空信用組合", "例示信用保証協会")
_PERMITS = {"D": "建設業許可", "H": "一般貨物自動車運送事業許可", "P": "指定居宅サービス事業者指定", "M": "飲食店営業許可",
            "R": "産業廃棄物収集運搬業許可", "K": "宅地建物取引業免許"}  # fmt: skip


@dataclass(frozen=True)
class Company:
    """`member`: its row in the world. `owner_email` never reaches anybody (RFC 2606)."""

    member: int
    profile: Profile
    owner: Person
    owner_email: str


def make_companies(world: Population, codebook: Codebook, count: int, seed: int, today: date) -> list[Company]:
    """`count` companies that have a cell, over all prefectures and the divisions the world has.

    Raises ValueError for fewer than there are prefectures and divisions, or more than there are names.
    """
    rng = Random(f"companies {seed}")
    stems = Stems(rng)
    return [company(world, member, number, stems.take(), Random(f"company {seed} {number}"), today)
            for number, member in enumerate(choose_members(world, codebook, count, seed))]


def choose_members(world: Population, codebook: Codebook, count: int, seed: int) -> list[int]:
    """Members that have a cell: some of every prefecture and every division first, then by chance."""
    column, rng = world.columns, np.random.default_rng([seed, count])
    usable = (codebook.assign(world) != UNPLACED) & (column["employees"] >= EMPLOYEES_LEAST)
    usable &= np.isin(column["legal_form"], [LEGAL_FORMS.index(form) for form in OFFERED_FORMS])
    sole = column["legal_form"] == LEGAL_FORMS.index("sole_proprietor")
    usable &= ~sole | (rng.random(len(world)) < _SOLE_SHARE)
    order = rng.permutation(np.flatnonzero(usable))
    groups = (column["prefecture"][order], division_index()[column["jsic2"][order]])
    distinct = sum(len(np.unique(group)) for group in groups)
    if count < distinct:
        raise ValueError(f"fewer companies than the {distinct} prefectures and divisions")
    each = max(1, count // (2 * distinct))
    firsts = [order[np.flatnonzero(group == value)[:each]] for group in groups for value in np.unique(group)]
    chosen = dict.fromkeys(np.concatenate([*firsts, order]).tolist())
    return list(chosen)[:count]


def company(world: Population, member: int, number: int, stem: tuple[str, str], rng: Random, today: date) -> Company:
    """The company behind one member, everything answered that publishing asks for."""
    row = {name: values[member].item() for name, values in world.columns.items()}
    legal_form, industry2 = LEGAL_FORMS[row["legal_form"]], f"{row['jsic2']:02d}"
    prefecture = f"JP-{row['prefecture']:02d}"
    name = names.company_name(stem, industry2, legal_form, rng)
    owner = names.person(rng)
    years = list(_years(row, rng, today))
    profile = Profile(
        succession=_succession(rng, owner, today),
        identity=_identity(rng, name, owner, legal_form, number, prefecture, row["municipality"] % 1000),
        business=_business(rng, row, name, industry2, prefecture),
        financials=years,
        owner=Owner(birth_year=today.year - rng.randint(64, 84), reason=rng.choices(
            ("no_successor", "owner_age_health", "business_outlook", "funding_guarantee"), (75, 15, 6, 4))[0], reason_note=None),
        terms=_terms(rng, legal_form, years[0], today),
        guarantees=_guarantees(rng, legal_form, years[0]),
        permits=_permits(rng, industry2),
        real_estate=_real_estate(rng),
        intellectual_property=_intellectual_property(rng, name),
        facts=_facts(rng),
    )
    return Company(member, profile, owner, f"owner@{name.stem}.example")


def _succession(rng: Random, owner: Person, today: date) -> SuccessionStatus:
    consulted = today - timedelta(days=rng.randint(200, 900))
    return SuccessionStatus(
        status=rng.choices(("none_decided", "family_declined", "employees_declined", "undecided"), (60, 25, 8, 7))[0],
        declared_by=owner.name, declared_on=consulted + timedelta(days=rng.randint(5, 60)),
        checkup_reference=f"診断-{rng.randint(1000, 9999)}" if rng.random() < 0.5 else None,
        alternatives_tried=sorted(rng.sample(("family", "employee"), rng.randint(0, 2))), first_consulted_on=consulted,
        channel=rng.choices(("center", "chamber", "bank", "tax_accountant", "direct"), (40, 25, 20, 10, 5))[0])  # fmt: skip


def _identity(rng: Random, name: CompanyName, owner: Person, legal_form: str, number: int, prefecture: str,
              town: int) -> Identity:
    sole = legal_form == "sole_proprietor"
    english = bool(name.en) and rng.random() < 0.6
    relative = names.person(rng, owner.name.split()[0])
    return Identity(
        name=name.ja, name_kana=name.kana, name_en=name.en if english else None,
        name_en_declared_none=None if english else True, name_romaji=None if english else name.romaji,
        name_romaji_confirmed=None if english else True, legal_form=legal_form,
        corporate_number=None if sole else names.corporate_number(10_000_000 + number),
        internal_key=f"D-{number:06d}" if sole else None,
        representative=PersonName(name=owner.name, name_kana=owner.kana, name_romaji=owner.romaji),
        family_names=[PersonName(relative.name, relative.kana, relative.romaji)] if rng.random() < 0.5 else [],
        sites=[Site("本社", names.post_code(rng), names.address(prefecture, town, rng))],
        phones=[names.phone(rng)], urls=[f"https://{name.stem}.example"] if rng.random() < 0.7 else [],
        email_domains=[f"{name.stem}.example"], brands=[f"{name.kana[:4]}印"] if rng.random() < 0.2 else [],
        former_names=[], group_companies=[], main_customers=[f"架空商事第{rng.randint(1, 99)}"], main_suppliers=[],
    )  # fmt: skip


def _business(rng: Random, row: dict[str, int], name: CompanyName, industry2: str, prefecture: str) -> Business:
    # Detailed codes may be unknown (0): then the major group says what is known.
    detailed = f"{row['jsic4']:04d}" if row["jsic4"] else industry2
    return Business(
        jsic_code=detailed, prefecture=prefecture, municipality=names.FICTITIOUS_TOWN, founded_on=None,
        founded_year=row["founded"], employees=row["employees"],
        capital_yen=rng.choice((3, 5, 10, 10, 20, 30)) * 1_000_000, outline="デモ用の架空の会社です。",
        strengths="デモ用の架空の記述です。", products=[])  # fmt: skip


def _years(row: dict[str, int], rng: Random, today: date) -> Iterator[FiscalYear]:
    """Three closed years, the latest with exactly the member's revenue and margin.

    The world's margins have three decimals and its revenue steps of 10,000 yen, so the profit is a whole number of yen and
    its ratio to the revenue the very margin.
    """
    revenue, margin_permille = row["revenue_yen"], round(row["operating_margin"] * 1000)
    end = last_closed_year(today, rng.choices((3, 3, 6, 9, 12), (60, 10, 10, 10, 10))[0])
    assets = _step(revenue * rng.uniform(0.1, 0.6))
    debt = _step(revenue * rng.uniform(0.0, 0.5))
    for back in range(3):
        profit = revenue * margin_permille // 1000
        yield FiscalYear(
            period_end=add_months(end, -12 * back), revenue_yen=revenue, operating_profit_yen=profit,
            adjusted_ebitda_yen=profit + _step(revenue * 0.03), net_assets_yen=assets, debt_yen=debt)
        revenue = _step(revenue * rng.uniform(0.9, 1.08))
        margin_permille += rng.randint(-8, 8)
        assets, debt = _step(assets * rng.uniform(0.9, 1.02)), _step(debt * rng.uniform(0.98, 1.1))


def last_closed_year(today: date, month: int) -> date:
    """The last day of the latest `month` whose accounts can be ready: three months after the year's end."""
    ends = (_month_end(today.year - back, month) for back in range(3))
    return next(end for end in ends if add_months(end, 3) <= today)


def _month_end(year: int, month: int) -> date:
    return add_months(date(year, month, 1), 1) - timedelta(days=1)


def _step(amount: float) -> int:
    return round(amount / _YEN_STEP) * _YEN_STEP


def _terms(rng: Random, legal_form: str, latest: FiscalYear, today: date) -> Terms:
    by_shares = legal_form in ("kk", "tokurei_yugen")
    schemes = ["share_transfer"] if by_shares and rng.random() < 0.85 else ["business_transfer_full"]
    if by_shares and rng.random() < 0.2:
        schemes = ["business_transfer_full", "share_transfer"]
    price = max(_step(latest.net_assets_yen + 3 * max(latest.adjusted_ebitda_yen, 0)), 1_000_000)
    asking = AskingPrice(negotiable=True) if rng.random() < 0.25 else AskingPrice(
        amount_yen=price, basis="equity" if "share_transfer" in schemes else "business", method="nenbai",
        as_of=today - timedelta(days=rng.randint(20, 200)), indicative=True)
    conditions = rng.sample(("guarantee_release", "staff_retention", "name_kept", "site_kept", "customers_kept"), rng.randint(0, 2))
    timing = rng.choices(("within_3m", "3_6m", "6_12m", "over_12m", "flexible"), (5, 20, 35, 15, 25))[0]
    return Terms(schemes=schemes, timing=timing, asking_price=asking, conditions=[Condition(code) for code in sorted(conditions)])


def _guarantees(rng: Random, legal_form: str, latest: FiscalYear) -> list[Guarantee]:
    if legal_form == "sole_proprietor" or not latest.debt_yen or rng.random() < 0.25:
        return []
    lenders = rng.sample(_LENDERS, rng.randint(1, 2))
    return [Guarantee(lender, "personal_guarantee", _step(latest.debt_yen / len(lenders))) for lender in lenders]


def _permits(rng: Random, industry2: str) -> list[Permit]:
    name = _PERMITS.get(division_of(industry2))
    return [Permit(name, f"架空-{rng.randint(10_000, 99_999)}", "架空県知事")] if name else []


def _real_estate(rng: Random) -> list[RealEstate]:
    return [RealEstate("land_and_building", None, rng.choice(("company", "owner")), rng.random() < 0.4)] if rng.random() < 0.6 else []


def _intellectual_property(rng: Random, name: CompanyName) -> list[IntellectualProperty]:
    if rng.random() > 0.15:
        return []
    return [IntellectualProperty("know_how", "加工条件の記録", None, name.ja, [], [])]


def _facts(rng: Random) -> list[str]:
    """Up to five phrases that anybody may see and that do not contradict each other."""
    offered, chosen, wanted = vocabulary().offered(), [], rng.randint(1, PHRASES_MAX)
    for phrase in rng.sample(offered, len(offered)):
        if len(chosen) < wanted and not phrase.not_with & set(chosen):
            chosen.append(phrase.code)
    return sorted(chosen)
