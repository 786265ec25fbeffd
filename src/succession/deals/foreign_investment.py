"""Does this acquisition look like one that needs a foreign-investment filing, and when could it close?

A pre-screen under the Foreign Exchange and Foreign Trade Act (FEFTA, 外為法), Art. 26-27. Everything here is a hint from
dated tables: for unlisted companies no official list exists, the investor judges from the notices. The JSIC mapping is
ours, not the legal notice. What counts for a deal is what its parties declare, evidence with dates, and have confirmed
by a named person (`Filing`); `closing_obstacle` reads only that. No sentence here says that something is allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Literal

import msgspec

from succession.days import add_months
from succession.i18n import Message, _

Outcome = Literal["prior_notification", "exempt_with_post_report", "post_report_only", "none"]
Sector = Literal["core", "designated", "none"]

# ---------------------------------------------------------------------------------------------------------------------
# Which rules on which day


class Regime(msgspec.Struct, frozen=True):
    """The state of the law from `valid_from` to `valid_to` (both days included) as far as the hint depends on it."""

    code: str
    valid_from: date
    valid_to: date | None
    specified_lose_exemption: bool  # investors bound to help foreign governments gather information
    indirect_acquisitions: bool  # 50 % or more of a foreign entity that holds a Japanese company
    call_in: bool  # orders after closing in sectors that are not designated
    note: str | None


REGIMES: tuple[Regime, ...] = (
    Regime("amendment_2020", date(2020, 5, 8), date(2025, 5, 18), False, False, False, None),
    Regime("specified_investors_2025", date(2025, 5, 19), date(2026, 6, 4), True, False, False, None),
    Regime("amendment_2026_transition", date(2026, 6, 5), date(2027, 6, 4), True, False, False,
           _("The 2026 amendment is promulgated; its remaining parts start on a day not later than 5 June 2027. "
             "Check whether they have.")),
    Regime("amendment_2026", date(2027, 6, 5), None, True, True, True,
           _("Subordinate rules of the 2026 amendment may have changed details that this hint does not know.")),
)


def regime_on(day: date) -> Regime:
    """The row in force on `day`. Raises LookupError before the first."""
    for regime in REGIMES:
        if regime.valid_from <= day and (regime.valid_to is None or day <= regime.valid_to):
            return regime
    raise LookupError(f"no foreign-investment rules recorded for {day}")


# ---------------------------------------------------------------------------------------------------------------------
# Which sector: (class, how sure, from, JSIC rev. 14 codes). "part": only some of the code, or above some scale.

_FROM_2020, _FROM_2023 = date(2020, 5, 8), date(2023, 4, 1)  # supply chains: added in 2023-04, day not in our source
SECTOR_ROWS: tuple[tuple[Sector, str, date, str], ...] = (
    ("core", "whole", _FROM_2020, "276 314"),  # ordnance; aircraft
    ("core", "part", _FROM_2020, "165 274 281"),  # medicines; medical devices; electronic devices
    ("core", "part", _FROM_2020, "33 34 36 37 42"),  # electricity, gas, water, telecommunications, railways
    ("core", "part", _FROM_2020, "391 392 401"),  # software, data processing, internet services
    ("core", "whole", _FROM_2023, "2661 2671 2694 2951 3134"),  # machine tools, chip equipment, robots, cells
    ("core", "part", _FROM_2023, "05 23"),  # critical minerals
    ("designated", "whole", _FROM_2020, "01 02 03 04"),  # agriculture, forestry, fisheries
    ("designated", "whole", _FROM_2020, "171 20 35 38 45 46 923"),  # refining, leather, heat, broadcasting, ...
    ("designated", "whole", _FROM_2020, "391 392 401"),
)
_OTHER_ACTS = frozenset({"01", "05", "37", "38", "45", "46"})  # farmland, mining, NTT and radio, broadcasting, sea, air

# Side businesses catch ordinary companies, so they are asked for. Spread over many JSIC codes: (question, class, from).
ACTIVITIES: dict[str, tuple[str, Sector, date]] = {
    "software_or_data_for_others": (_("Does it write software or process data for others?"), "core", _FROM_2020),
    "weapons_parts": (_("Does it make parts or materials for weapons?"), "core", _FROM_2020),
    "space": (_("Does it make anything used in satellites or rockets?"), "core", _FROM_2020),
    "nuclear": (_("Does it make anything used in nuclear facilities?"), "core", _FROM_2020),
    "dual_use": (_("Does it make goods that need an export licence?"), "core", _FROM_2020),
    "metal_3d_printers": (_("Does it make 3D printers for metal?"), "core", _FROM_2023),
    "permanent_magnets": (_("Does it make permanent magnets?"), "core", _FROM_2023),
    "critical_minerals": (_("Does it mine or smelt critical minerals?"), "core", _FROM_2023),
    "fertiliser_import": (_("Does it import fertiliser?"), "core", _FROM_2023),
}


class SectorHint(msgspec.Struct, frozen=True):
    """The strictest class any code or activity points to; `likely` if a whole code does, else `possible`."""

    sector: Sector
    strength: Literal["likely", "possible"]
    reasons: tuple[Message, ...]


_STRICTNESS = {"none": 0, "designated": 1, "core": 2}


def sector_hint(jsic_codes: tuple[str, ...], activities: tuple[str, ...] | None, on: date) -> SectorHint:
    """Sector class for JSIC codes of two to four digits, side businesses included, and answered activities.

    A code too short to tell (`26` covers machine tools) counts as possible. None: the activities were not asked for.
    """
    found: list[tuple[Sector, str, Message]] = []
    for sector, extent, since, rows in SECTOR_ROWS:
        for row in rows.split() if on >= since else ():
            for code in jsic_codes:
                if code.startswith(row) or row.startswith(code):
                    sure = extent == "whole" and code.startswith(row)
                    found.append((sector, "likely" if sure else "possible", _sector_reason(sector, sure, code, row)))
    for activity in activities or ():
        question, sector, since = ACTIVITIES[activity]
        if on >= since:
            found.append((sector, "likely", Message(_("Answered yes: {question}"), {"question": Message(question)})))
    if not found:
        return SectorHint("none", "possible", (Message(_("No code or activity given is in our table of sectors.")),))
    strictest = max((sector for sector, *_rest in found), key=_STRICTNESS.__getitem__)
    strength = "likely" if (strictest, "likely") in {(s, sure) for s, sure, _r in found} else "possible"
    return SectorHint(strictest, strength, tuple(reason for *_class, reason in found))


_SECTOR_WORDS: dict[str, str] = {"core": _("a core sector"), "designated": _("a designated sector"), "none": _("not designated")}


def _sector_reason(sector: Sector, sure: bool, code: str, row: str) -> Message:
    named = Message(_SECTOR_WORDS[sector])
    if len(row) > len(code):
        return Message(_("JSIC {code} is too short to tell: it contains {row}, which our table marks {sector}."),
                       {"code": code, "row": row, "sector": named})
    text = _("JSIC {code} is marked {sector} in our table.") if sure else _(
        "Part of JSIC {code} is marked {sector} in our table; check the products and their scale.")
    return Message(text, {"code": code, "sector": named})


# ---------------------------------------------------------------------------------------------------------------------
# Who is a foreign investor (Art. 26(1)). Votes and contributions in basis points of the whole; None: not answered.


class InvestorFacts(msgspec.Struct, frozen=True):
    """Answers about the buyer."""

    nonresident_individual: bool | None
    foreign_law_or_head_office: bool | None
    foreign_votes_bp: int | None
    foreign_partnership_share_bp: int | None
    foreign_managing_partners_majority: bool | None
    nonresident_officers_majority: bool | None
    nonresident_representatives_majority: bool | None
    acts_for_foreign_investor: bool | None


FOREIGN_GROUNDS: tuple[tuple[str, str], ...] = (
    ("nonresident_individual", _("An individual who is not resident in Japan.")),
    ("foreign_law_or_head_office", _("An entity under foreign law, or with its head office abroad.")),
    ("foreign_votes_bp", _("Half or more of the votes are held by such persons, directly or through others.")),
    ("foreign_partnership_share_bp", _("A partnership with half or more of its money from such persons.")),
    ("foreign_managing_partners_majority", _("A partnership whose managing partners are mostly such persons.")),
    ("nonresident_officers_majority", _("Most officers are not resident in Japan.")),
    ("nonresident_representatives_majority", _("Most representative officers are not resident in Japan.")),
    ("acts_for_foreign_investor", _("It acts for the account of a foreign investor.")),
)
_HALF_BP = 5_000


class InvestorHint(msgspec.Struct, frozen=True):
    """`answer` None: not known, because a question that decides it is unanswered."""

    answer: bool | None
    reasons: tuple[Message, ...]


def is_foreign_investor(facts: InvestorFacts) -> InvestorHint:
    """Whether the buyer looks like a foreign investor, with every ground that holds."""
    answers = [(getattr(facts, field), text) for field, text in FOREIGN_GROUNDS]
    held = tuple(Message(text) for value, text in answers if value is True or (value or 0) >= _HALF_BP)
    if held:
        return InvestorHint(True, held)
    if any(value is None for value, _text in answers):
        return InvestorHint(None, (Message(_("Some questions about the buyer are not answered.")),))
    return InvestorHint(False, (Message(_("No answer about the buyer points to a foreign investor.")),))


# ---------------------------------------------------------------------------------------------------------------------
# The hint


class AcquisitionFacts(msgspec.Struct, frozen=True):
    """What is planned. `votes_after_bp`: the buyer's share after closing, with closely related persons."""

    investor: InvestorFacts
    investor_class: Literal["general", "accredited_sovereign", "state_owned", "specified", "quasi_specified",
                            "sanctioned"]
    scheme: str
    indirect: bool
    seller_is_foreign_investor: bool | None
    target_jsic: tuple[str, ...]
    target_activities: tuple[str, ...] | None
    votes_after_bp: int
    takes_board_seat: bool
    proposes_business_transfer: bool
    sees_nonpublic_technology: bool


class Hint(msgspec.Struct, frozen=True):
    """What the tables point to. Always shown with `caution`."""

    outcome: Outcome
    strength: Literal["likely", "possible"]
    sector: Sector
    regime: str
    reasons: tuple[Message, ...]
    caution: Message


CAUTION = _("A hint from general tables, not advice and not a decision: have counsel confirm it, by name and date.")
_LICENCES = frozenset({"license_in", "license_out"})
_BUSINESS = frozenset({"business_transfer_full", "business_transfer_partial", "company_split_absorption",
                       "company_split_incorporation", "merger", "asset_sale"})
_POST_REPORT_BP = 1_000


def _exemption_open(f: AcquisitionFacts, regime: Regime) -> bool:
    """Unlisted shares of a designated, non-core target, for an eligible investor that undertakes to stay passive."""
    eligible = f.investor_class in ("general", "accredited_sovereign") or (
        f.investor_class == "specified" and not regime.specified_lose_exemption)
    active = f.takes_board_seat or f.proposes_business_transfer or f.sees_nonpublic_technology
    return eligible and not active and f.scheme not in _BUSINESS


_Case = Callable[[AcquisitionFacts, Sector, bool | None, Regime], bool]
DECISIONS: tuple[tuple[_Case, Outcome, str], ...] = (  # first row that holds
    (lambda f, s, foreign, r: foreign is False, "none",
     _("The buyer does not look like a foreign investor.")),
    (lambda f, s, foreign, r: f.scheme in _LICENCES, "none",
     _("Licences are not acquisitions; rules on technology agreements and export control may still apply.")),
    (lambda f, s, foreign, r: f.indirect and not r.indirect_acquisitions, "none",
     _("An indirect acquisition abroad is outside the rules of that day as this table knows them.")),
    (lambda f, s, foreign, r: s == "core", "prior_notification",
     _("The target may be in a core sector.")),
    (lambda f, s, foreign, r: s == "designated" and _exemption_open(f, r), "exempt_with_post_report",
     _("The target may be in a designated sector, and the investor undertakes to stay passive.")),
    (lambda f, s, foreign, r: s == "designated", "prior_notification",
     _("The target may be in a designated sector, and the conditions of the exemption are not all met.")),
    (lambda f, s, foreign, r: f.scheme in _BUSINESS, "post_report_only",
     _("A business is taken over from a company in Japan.")),
    (lambda f, s, foreign, r: f.votes_after_bp >= _POST_REPORT_BP, "post_report_only",
     _("The buyer would hold ten percent or more of the votes.")),
    (lambda f, s, foreign, r: True, "none",
     _("The buyer would hold less than ten percent of the votes, and the sector is not in our table.")),
)
NOTES: tuple[tuple[_Case, str], ...] = (  # every row that holds
    (lambda f, s, foreign, r: foreign is None,
     _("Whether the buyer is a foreign investor is not settled; the hint assumes that it is.")),
    (lambda f, s, foreign, r: f.seller_is_foreign_investor is not False,
     _("Shares bought from another foreign investor follow separate notices; check the seller.")),
    (lambda f, s, foreign, r: f.target_activities is None,
     _("Side businesses of the target were not asked about; a small one can decide the class.")),
    (lambda f, s, foreign, r: f.investor_class == "quasi_specified",
     _("Stricter conditions apply to this class of investor; the hint assumes no exemption.")),
    (lambda f, s, foreign, r: f.investor_class == "sanctioned",
     _("The buyer is recorded as sanctioned: stop, and ask counsel before anything else.")),
    (lambda f, s, foreign, r: r.call_in and s == "none" and f.investor_class not in ("general", "accredited_sovereign"),
     _("For this class of investor an order can follow after closing in any sector.")),
    (lambda f, s, foreign, r: any(code[:2] in _OTHER_ACTS for code in f.target_jsic),
     _("Other acts may limit foreign holdings or licences in this industry.")),
)


def hint(facts: AcquisitionFacts, on: date) -> Hint:
    """What filing the tables point to for this acquisition under the rules of the day `on`, with reasons."""
    regime, investor = regime_on(on), is_foreign_investor(facts.investor)
    sector = sector_hint(facts.target_jsic, facts.target_activities, on)
    case = (facts, sector.sector, investor.answer, regime)
    outcome, why = next((outcome, why) for holds, outcome, why in DECISIONS if holds(*case))
    notes = tuple(Message(text) for holds, text in NOTES if holds(*case))
    sure = investor.answer is not None and (sector.strength == "likely" or not investor.answer)
    changing = (Message(regime.note),) if regime.note else ()
    return Hint(outcome, "likely" if sure else "possible", sector.sector, regime.code,
                (Message(why), *investor.reasons, *sector.reasons, *notes, *changing), Message(CAUTION))


# ---------------------------------------------------------------------------------------------------------------------
# The clock

WAITING_DAYS = 30  # calendar days counted from acceptance
EXTENSION_MAX_MONTHS = 5  # the whole period, extended
FILING_VALID_MONTHS = 6  # filed within the six months before execution
POST_REPORT_DAYS = 45


class Filing(msgspec.Struct, frozen=True):
    """The foreign-investment record of one deal: declared by the parties, evidenced by dates, confirmed by a named
    person. `cleared_on` is the day a document shows the waiting period to have ended; nothing here clears anything."""

    declared: Outcome | None
    filed_on: date | None
    accepted_on: date | None
    shortened_to: date | None
    extended_to: date | None
    cleared_on: date | None
    confirmed_by: str | None
    confirmed_on: date | None


def earliest_closing(accepted_on: date, shortened_to: date | None = None, extended_to: date | None = None) -> date:
    """First day a closing is not held back by the waiting period; 30 calendar days from acceptance unless recorded
    otherwise. Raises ValueError for a shortening or an extension outside its bounds (at most 5 months)."""
    ends_on = accepted_on + timedelta(days=WAITING_DAYS)
    if extended_to is not None:
        if not ends_on < extended_to <= add_months(accepted_on, EXTENSION_MAX_MONTHS):
            raise ValueError("extension outside its bounds")
        ends_on = extended_to
    if shortened_to is not None:
        if not accepted_on <= shortened_to < ends_on:
            raise ValueError("shortening outside its bounds")
        ends_on = shortened_to
    return ends_on


def latest_closing(filed_on: date) -> date:
    """Last day on which an acquisition still rests on a notification filed on `filed_on`."""
    return add_months(filed_on, FILING_VALID_MONTHS)


def closing_obstacle(filing: Filing | None, on: date) -> str | None:
    """Refusal code that keeps a deal from closing on the day `on`, or None."""
    if filing is None or filing.declared is None:
        return "filing_undeclared"
    if filing.confirmed_by is None or filing.confirmed_on is None:
        return "filing_unconfirmed"
    if filing.declared != "prior_notification":
        return None
    if filing.filed_on is None or filing.accepted_on is None:
        return "filing_not_accepted"
    ended_on = filing.cleared_on or earliest_closing(filing.accepted_on, filing.shortened_to, filing.extended_to)
    if on < ended_on:
        return "filing_waiting"
    return "filing_too_old" if on > latest_closing(filing.filed_on) else None


def post_report_due(closed_on: date) -> date:
    """Last day for the report after closing, 45 calendar days from it."""
    return closed_on + timedelta(days=POST_REPORT_DAYS)
