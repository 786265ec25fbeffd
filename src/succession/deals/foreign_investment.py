"""Does this acquisition look like one that needs a foreign-investment filing, and when could it close?

Stub of the clock; the hint table follows.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

import msgspec

from succession.days import add_months

Outcome = Literal["prior_notification", "exempt_with_post_report", "post_report_only", "none"]

WAITING_DAYS = 30  # calendar days counted from acceptance
FILING_VALID_MONTHS = 6  # filed within the six months before execution
EXTENSION_MAX_MONTHS = 5  # the whole period, extended
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
    otherwise. Raises ValueError for a shortening or an extension outside its bounds."""
    standard = accepted_on + timedelta(days=WAITING_DAYS)
    if extended_to is not None:
        if not standard < extended_to <= add_months(accepted_on, EXTENSION_MAX_MONTHS):
            raise ValueError("extension outside its bounds")
        standard = extended_to
    if shortened_to is not None:
        if not accepted_on <= shortened_to < standard:
            raise ValueError("shortening outside its bounds")
        standard = shortened_to
    return standard


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
