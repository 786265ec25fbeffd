"""Is every bound of the guidelines refused one step beyond it, and not before?"""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from succession.codes import SCHEMES
from succession.listings import guideline
from succession.listings.guideline import EXPLAINED_ITEMS, IndicatedPrice, Mandate, violations, warnings

TODAY = date(2026, 11, 20)
PRICE = IndicatedPrice(amount_yen=80_000_000, basis="equity", method="nenbai", as_of=date(2026, 9, 30), indicative=True)
GOOD = Mandate(
    kind="brokerage", signed_on=date(2026, 11, 10), term_months=12, exclusivity_months=6, second_opinion_allowed=True,
    terminable_any_time=True, tail_months=24, tail_scope="name_cleared", fee_basis="share_price",
    minimum_fee_yen=5_000_000, document_hash="a" * 64, explained_at=datetime(2026, 11, 8, 6, tzinfo=UTC),
    explained_orally=True, explainer="A. Adviser", recipient="O. Owner", recipient_decides=True,
    items_explained=list(EXPLAINED_ITEMS), indicated_price=PRICE)
CENTER = Mandate(kind="center_support", signed_on=date(2026, 11, 10), term_months=12)


def changed(mandate: Mandate = GOOD, **changes: object) -> Mandate:
    return msgspec.structs.replace(mandate, **changes)


def broken(mandate: Mandate, on: date = TODAY) -> set[tuple[str, str, str]]:
    return {(v.rule, v.field, v.allowed) for v in violations(mandate, on)}


def warned(mandate: Mandate) -> set[tuple[str, str]]:
    return {(v.rule, v.field) for v in warnings(mandate, TODAY)}


@pytest.mark.parametrize("mandate", [
    GOOD, changed(kind="adviser"), changed(indicated_price=None), CENTER,
    changed(kind="adviser", items_explained=[i for i in EXPLAINED_ITEMS if i != "other_side_fee"]),
    changed(exclusivity_months=0, tail_months=0, tail_scope="none")])
def test_a_mandate_within_the_guide_is_neither_refused_nor_warned_about(mandate):
    assert violations(mandate, TODAY) == [] and warnings(mandate, TODAY) == []


@pytest.mark.parametrize(("changes", "expected"), [
    ({"exclusivity_months": 13}, ("G4", "exclusivity_months", "<= 12")),
    ({"tail_months": 37}, ("G6", "tail_months", "<= 36")),
    ({"tail_scope": "introduced"}, ("G6", "tail_scope", "none | name_cleared")),
    ({"tail_scope": "any"}, ("G6", "tail_scope", "none | name_cleared")),
    ({"second_opinion_allowed": False}, ("G4", "second_opinion_allowed", "true")),
    ({"terminable_any_time": False}, ("G4", "terminable_any_time", "true")),
    ({"explained_at": None}, ("G2", "explained_at", "given")),
    ({"explained_at": datetime(2026, 11, 11, tzinfo=UTC)}, ("G2", "explained_at", "signed >= 0 days later")),
    ({"explained_orally": False}, ("G2", "explained_orally", "true")),
    ({"explainer": None}, ("G2", "explainer", "given")),
    ({"explainer": "  "}, ("G2", "explainer", "given")),
    ({"recipient": None}, ("G2", "recipient", "given")),
    ({"recipient_decides": False}, ("G2", "recipient_decides", "true")),
    ({"document_hash": None}, ("G2", "document_hash", "given")),
    ({"indicated_price": msgspec.structs.replace(PRICE, basis=None)}, ("G10", "indicated_price.basis", "given")),
    ({"indicated_price": msgspec.structs.replace(PRICE, method=None)}, ("G10", "indicated_price.method", "given")),
    ({"indicated_price": msgspec.structs.replace(PRICE, as_of=None)}, ("G10", "indicated_price.as_of", "given")),
    ({"indicated_price": msgspec.structs.replace(PRICE, indicative=False)},
     ("G10", "indicated_price.indicative", "true")),
])
def test_each_bound_is_named_with_rule_field_and_what_is_allowed(changes, expected):
    for kind in ("brokerage", "adviser"):
        mandate = changed(kind=kind, **changes)
        assert broken(mandate) == {expected}
        (violation,) = violations(mandate, TODAY)
        assert violation.edition == "3rd ed." and violation.message.msgid.endswith(".")
        assert not {field for _, field in warned(mandate)} & {expected[1]}


def test_the_bound_in_the_sentence_is_the_bound_of_the_row():
    (violation,) = violations(changed(exclusivity_months=13), TODAY)
    assert violation.message.msgid.format(**violation.message.params) == "An exclusive mandate lasts at most 12 months."


@pytest.mark.parametrize("item", EXPLAINED_ITEMS)
def test_every_item_of_the_checklist_is_required(item):
    rest = [i for i in EXPLAINED_ITEMS if i != item]
    assert broken(changed(items_explained=rest)) == {("G3", "items_explained", f"+ {item}")}


def test_missing_items_are_listed_in_the_order_of_the_checklist():
    (violation,) = violations(changed(items_explained=list(EXPLAINED_ITEMS[4:])), TODAY)
    assert violation.allowed == "+ " + " ".join(EXPLAINED_ITEMS[:4])


@pytest.mark.parametrize(("changes", "expected"), [
    ({"exclusivity_months": 6}, set()), ({"exclusivity_months": 7}, {("G4", "exclusivity_months")}),
    ({"exclusivity_months": 12}, {("G4", "exclusivity_months")}), ({"tail_months": 24}, set()),
    ({"tail_months": 25}, {("G6", "tail_months")}), ({"tail_months": 36}, {("G6", "tail_months")})])
def test_between_guide_and_bound_there_is_a_warning(changes, expected):
    assert violations(changed(**changes), TODAY) == []
    assert warned(changed(**changes)) == expected


@pytest.mark.parametrize(("explained_at", "expected"), [
    (datetime(2026, 11, 9, 14, 59, tzinfo=UTC), set()),  # 9 Nov 23:59 in Japan
    (datetime(2026, 11, 9, 15, 0, tzinfo=UTC), {("G2", "explained_at")}),  # already the 10th there
])
def test_the_day_of_explanation_is_a_day_in_japan(explained_at, expected):
    assert warned(changed(explained_at=explained_at)) == expected


@pytest.mark.parametrize(("changes", "field"), [
    ({"fee_basis": "fixed"}, "fee_basis"), ({"minimum_fee_yen": 1}, "minimum_fee_yen"),
    ({"exclusivity_months": 1}, "exclusivity_months"), ({"tail_months": 1}, "tail_months")])
def test_center_support_has_no_fee_exclusivity_or_tail(changes, field):
    (violation,) = violations(changed(CENTER, **changes), TODAY)
    assert (violation.rule, violation.field) == ("CENTER", field)


def test_a_day_before_every_recorded_edition_gets_no_answer_rather_than_a_good_one():
    assert guideline.edition_on("brokerage", date(2024, 8, 30)) == "3rd ed."
    for judge in (violations, warnings):
        with pytest.raises(guideline.NoEdition):
            judge(GOOD, date(2024, 8, 29))
    with pytest.raises(guideline.NoEdition):
        guideline.edition_on("center_support", date(2021, 3, 31))


def test_a_later_edition_is_only_rows():
    old = tuple(msgspec.structs.replace(r, valid_to=date(2027, 3, 31)) for r in guideline.RULES)
    new = tuple(msgspec.structs.replace(r, edition="4th ed.", valid_from=date(2027, 4, 1),
                                        bound=9 if r.field == "exclusivity_months" and r.level == "refuse" else r.bound)
                for r in guideline.RULES)
    mandate = changed(exclusivity_months=10)
    assert violations(mandate, date(2027, 3, 31), old + new) == []
    (violation,) = violations(mandate, date(2027, 4, 1), old + new)
    assert (violation.edition, violation.allowed) == ("4th ed.", "<= 9")


def test_no_two_rows_of_one_rule_contradict_each_other_on_a_day():
    for kind in ("center_support", "brokerage", "adviser"):
        for level in ("refuse", "warn"):
            keys = [(r.rule, r.field, r.check, str(r.bound)) for r in guideline.RULES if kind in r.kinds
                    and r.level == level and r.valid_to is None]
            assert len(keys) == len(set(keys))


def test_the_wire_form_is_closed_and_typed():
    body = msgspec.json.encode(GOOD)
    assert msgspec.json.decode(body, type=Mandate) == GOOD
    for bad in (b'{"kind":"brokerage","signed_on":"2026-11-10","term_months":12,"blanket_ban":true}',
                b'{"kind":"brokerage","signed_on":"2026-11-10","term_months":-1}',
                b'{"kind":"brokerage","signed_on":"2026-11-10","term_months":1,"explained_at":"2026-11-08T06:00:00"}',
                b'{"kind":"brokerage","signed_on":"2026-11-10","term_months":1,"items_explained":["charm"]}'):
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(bad, type=Mandate)


def test_every_item_and_kind_has_a_label_in_both_languages():
    assert tuple(SCHEMES["explained_item"].codes) == EXPLAINED_ITEMS
    assert {kind for rule in guideline.RULES for kind in rule.kinds} == set(SCHEMES["mandate_kind"].codes)


@pytest.mark.parametrize(("ended_on", "months", "until"), [
    (date(2026, 8, 31), 24, date(2028, 8, 31)), (date(2026, 8, 31), 6, date(2027, 2, 28)),
    (date(2027, 8, 31), 6, date(2028, 2, 29)), (date(2026, 12, 1), 1, date(2027, 1, 1)), (date(2026, 8, 31), 0, None)])
def test_a_tail_ends_on_the_same_day_of_its_month_or_the_last(ended_on, months, until):
    assert guideline.tail_until(changed(tail_months=months), ended_on) == until


@pytest.mark.parametrize(("basis_yen", "fee_yen"), [
    (0, 0), (100_000_000, 5_000_000), (500_000_000, 25_000_000), (1_000_000_000, 45_000_000),
    (5_000_000_000, 165_000_000), (10_000_000_000, 265_000_000), (20_000_000_000, 365_000_000), (19, 0), (20, 1)])
def test_the_lehman_scale_is_marginal(basis_yen, fee_yen):
    assert guideline.lehman_fee_yen(basis_yen, 0) == fee_yen
    assert guideline.lehman_fee_yen(basis_yen, 25_000_000) == max(fee_yen, 25_000_000)


@given(st.integers(0, 10**12), st.integers(0, 10**10))
def test_more_price_never_means_less_fee_and_never_more_than_five_percent(basis_yen, more_yen):
    low, high = guideline.lehman_fee_yen(basis_yen, 0), guideline.lehman_fee_yen(basis_yen + more_yen, 0)
    assert low <= high <= low + more_yen * 5 // 100 + 1
