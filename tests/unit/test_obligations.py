"""Does every closing leave the obligations it should, with dates that say what they rest on?"""

from __future__ import annotations

from datetime import date, timedelta
from typing import get_args

import msgspec
import pytest

from succession.codes import SCHEMES
from succession.deals import obligations
from succession.deals.lifecycle import GuaranteePlan
from succession.deals.obligations import Agreed, ClosingFacts, obligations_for, standing

CLOSED = date(2026, 1, 15)
BARE = ClosingFacts(CLOSED, "none", False, (), ())


def register(**changes: object) -> list[tuple[str, str, date | None, str]]:
    rows = obligations_for(msgspec.structs.replace(BARE, **changes))
    return [(row.kind, row.detail, row.due_on, row.basis) for row in rows]


def test_a_closing_may_leave_nothing():
    assert register() == []


@pytest.mark.parametrize(("declared", "owed"), [
    ("prior_notification", True), ("exempt_with_post_report", True), ("post_report_only", True), ("none", False),
    (None, False)])
def test_the_foreign_investment_report_is_due_forty_five_days_after_closing(declared, owed):
    expected = [("fefta_post_report", "", date(2026, 3, 1), "law")] if owed else []
    assert register(filing_declared=declared) == expected


def test_registering_officers_is_marked_as_custom_to_be_checked():
    (row,) = obligations_for(msgspec.structs.replace(BARE, officers_change=True))
    assert (row.kind, row.due_on, row.basis) == ("officer_registration", date(2026, 1, 29), "customary")
    assert "customary" in row.message.msgid and "check" in row.message.msgid


def test_each_lender_has_its_own_release_and_a_guarantee_that_stays_has_none():
    plans = (GuaranteePlan("L2", "release", date(2026, 6, 30)), GuaranteePlan("L1", "refinance", date(2026, 3, 31)),
             GuaranteePlan("L3", "remain", date(2026, 3, 31)))
    assert register(guarantee_plans=plans) == [("guarantee_release", "L1", date(2026, 3, 31), "agreed"),
                                               ("guarantee_release", "L2", date(2026, 6, 30), "agreed")]


@pytest.mark.parametrize("kind", get_args(obligations.AgreedKind))
def test_what_the_contract_says_is_taken_over_as_it_stands(kind):
    assert register(agreed=(Agreed(kind, date(2027, 1, 1), "two years"),)) == [
        (kind, "two years", date(2027, 1, 1), "agreed")]


def test_the_register_is_in_order_of_date_and_shows_the_undated_last():
    rows = register(filing_declared="post_report_only", officers_change=True,
                    agreed=(Agreed("license_reissue", None, ""), Agreed("deferred_price", date(2026, 2, 1), "")))
    assert [row[0] for row in rows] == ["officer_registration", "deferred_price", "fefta_post_report",
                                        "license_reissue"]


def test_every_kind_has_a_label_in_both_languages_and_a_sentence():
    kinds = {kind for kind, *_ in obligations.STATUTORY} | set(obligations.AGREED)
    assert kinds == set(SCHEMES["obligation"].codes)
    assert set(get_args(obligations.AgreedKind)) == set(obligations.AGREED) - {"guarantee_release"}


@pytest.mark.parametrize(("days_left", "expected"), [
    (15, "open"), (14, "due_soon"), (0, "due_soon"), (-1, "overdue")])
def test_standing_by_days_left(days_left, expected):
    assert standing(CLOSED + timedelta(days=days_left), None, CLOSED) == expected
    assert standing(CLOSED + timedelta(days=days_left), CLOSED, CLOSED) == "settled"


def test_an_undated_obligation_is_neither_open_nor_overdue():
    assert standing(None, None, CLOSED) == "undated"


def test_reminders_lead_up_to_the_last_day_and_past_it():
    assert obligations.reminder_days(date(2026, 3, 31)) == (
        date(2026, 2, 28), date(2026, 3, 17), date(2026, 3, 31), date(2026, 4, 1))
