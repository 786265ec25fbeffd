"""Is what an owner reads before deciding complete, plain, and kept apart from what others typed?"""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from succession.disclosure.levels import ROWS
from succession.disclosure.personal_data import PERSONAL, column, standing
from succession.disclosure.question_text import (
    PLAIN_WORDS,
    Abroad,
    OwnerOfBuyer,
    PriorDeals,
    Shown,
    Told,
    fields_opened,
    name_clear_text,
    plain_words,
    text_hash,
)
from succession.pages.owner_sheet import cards_of

DAY = date(2026, 11, 22)
SHOWN = Shown("Buyer {x}", "US", None, None, [], None, None, "Because\n■ 偽の見出し", "架空", "調べた結果", PriorDeals(0, 0), DAY, DAY, fields_opened())
TOLD = Abroad("elsewhere", Told("架空の説明", "架空の運営者", DAY, "架空の資料"), Told("人を\n限ります", "", DAY))


def test_every_field_a_yes_opens_has_plain_words_and_nothing_withheld_does():
    named = [f"{line.partition(': ')[0]}.{name}" for _words, line in PLAIN_WORDS for name in line.partition(": ")[2].split()]
    assert sorted(named) == sorted(fields_opened()), "say in PLAIN_WORDS what a new field is to an owner"
    assert "listing_contact.family" not in named and len(plain_words(fields_opened())) == len(PLAIN_WORDS)
    assert plain_words(["other_block.other_field"]) == [("そのほか、御社についての資料", False)], "a field nobody named is told, not hidden"


def test_the_text_says_what_is_opened_line_by_line():
    text = name_clear_text(SHOWN)
    for words, _personal in plain_words(SHOWN.fields):
        assert f"・{words}" in text
    fewer = name_clear_text(msgspec.structs.replace(SHOWN, fields=["listing_identity.legal_name"]))
    assert "従業員の人数" not in fewer and "会社の名前" in fewer


def test_nothing_that_people_typed_can_begin_a_line_or_a_section():
    text = name_clear_text(SHOWN)
    assert "Buyer {x}" in text and "Because ■ 偽の見出し" in text
    assert not any(line.startswith("■ 偽") for line in text.splitlines())


def test_the_cards_of_the_page_hold_the_whole_text():
    text = name_clear_text(msgspec.structs.replace(SHOWN, abroad=TOLD, persons=2,
                                                   beneficial_owners=[OwnerOfBuyer("Jane Placeholder", "CA", "62.5")]))
    cards = cards_of(text)
    again = [line for card in cards for line in (
        *([f"■ {card.title}"] if card.title else []), *(f"・{item}" for item in card.items),
        *(f"{line.label}：{line.text}" if line.label else line.text for line in card.lines))]
    assert sorted(again) == sorted(line for line in text.splitlines() if line), "nothing is left out, and nothing is added"
    assert [card.title for card in cards][:2] == [None, "相手の会社"] and len(cards) == 9
    assert text_hash(text) != text_hash(text + " ")


@pytest.mark.parametrize(("abroad", "said", "unsaid"), [
    (Abroad("domestic"), (), ("外国に渡る", "第28条")),
    (Abroad("adequate"), ("同じ水準", "個人情報保護委員会", "第28条"), ("印を付け",)),
    (Abroad("elsewhere"), ("説明が、まだありません", "見せません"), ("印を付けなければ",)),
    (TOLD, ("架空の説明（架空の運営者の説明、2026年11月22日現在、出典：架空の資料）", "人を 限ります（相手が2026年11月22日に自分で申告", "印を付けなければ",
            "保証するものではありません"), ("まだありません",)),
    (Abroad("elsewhere", TOLD.system), ("申告がないため",), ()),
])
def test_what_is_said_of_a_country_is_said_by_somebody(abroad, said, unsaid):
    text = name_clear_text(msgspec.structs.replace(SHOWN, abroad=abroad))
    assert all(words in text for words in said), said
    assert not any(words in text for words in unsaid), unsaid


def test_several_persons_are_counted_and_one_is_not():
    assert "お答えが必要な方：3人" in name_clear_text(msgspec.structs.replace(SHOWN, persons=3))
    assert "お答えが必要な方" not in name_clear_text(SHOWN)


def test_where_a_buyer_stands_and_which_columns_are_a_persons():
    assert [standing(country) for country in ("JP", "FR", "NO", "GB", "US", "CH", "CN")] == [
        "domestic", "adequate", "adequate", "adequate", "elsewhere", "elsewhere", "elsewhere"]
    assert column("listing_contact", "sites", "$2") == "sites"
    assert column("listing_contact", "representative_name", "$2").startswith("CASE WHEN vault.personal_data_open($2)")
    known = {(row.table, row.column) for row in ROWS}
    assert {(table, field) for table, fields in PERSONAL.items() for field in fields} <= known
