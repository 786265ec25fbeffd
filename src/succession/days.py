"""Which calendar day is it in Japan, and which day lies some months later?"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime, timedelta, timezone

JAPAN = timezone(timedelta(hours=9))  # no summer time since 1951


def day_in_japan(at: datetime) -> date:
    """The day a moment falls on in Japan, where the deadlines are. Raises ValueError for a naive datetime."""
    if at.tzinfo is None:
        raise ValueError("a moment needs its zone")
    return at.astimezone(JAPAN).date()


def add_months(day: date, months: int) -> date:
    """The same day `months` later, or the last day of that month when it is shorter (Civil Code, Art. 143)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
