"""Do the pure parts of disclosure say what they must: next steps, neutral ends, texts and their versions?"""

from __future__ import annotations

import inspect
from datetime import date

import pytest

from succession.codes import SCHEMES
from succession.disclosure import project_names
from succession.disclosure.nda_text import (
    EDITIONS,
    LANGUAGES,
    SEPARATOR,
    Company,
    OwnPaper,
    Parties,
    Terms,
    chosen,
    nda_text,
    own_paper_text,
    renewal_text,
    schedule_text,
    template_version,
)
from succession.disclosure.owner_words import ListRead, ScreeningOutcome, screening_words
from succession.disclosure.sides import BUYER_STEPS, SELLER_STEPS, Standing, buyer_step, outcome_for_buyer, seller_step

PARTIES = Parties("Calm Heron 42", "架空アドバイザリー株式会社", "Fictitious {Braces} plc", "GB")
DAY = date(2026, 11, 22)


def standing(**facts) -> Standing:
    return Standing(**({"terminal": None, "past_dossier": False, "screened": True, "nda": "signed", "consent": "none", "reading": False} | facts))


@pytest.mark.parametrize(("facts", "seller", "buyer"), [
    ({"terminal": "expired"}, "closed", "closed"),
    ({"screened": False, "nda": "none"}, "screen_buyer", "await_adviser"),
    ({"nda": "none"}, "offer_nda", "await_adviser"),
    ({"nda": "ended"}, "offer_nda", "await_adviser"),
    ({"nda": "expired"}, "offer_nda", "await_adviser"),
    ({"nda": "offered"}, "await_signature", "sign_nda"),
    ({"nda": "awaiting_countersignature"}, "countersign_nda", "await_adviser"),
    ({"nda": "awaiting_countersignature", "named": True}, "countersign_nda", "acknowledge_nda"),
    ({"consent": "used", "reading": True, "named": True}, "await_buyer", "acknowledge_nda"),
    ({}, "ask_name_clear", "await_adviser"),
    ({"consent": "asked"}, "await_owner", "await_adviser"),
    ({"consent": "ask_adviser"}, "await_owner", "await_adviser"),
    ({"consent": "yes"}, "release_dossier", "await_adviser"),
    ({"consent": "lapsed"}, "ask_name_clear", "await_adviser"),
    ({"consent": "revoked"}, "ask_name_clear", "await_adviser"),
    ({"consent": "used"}, "ask_name_clear", "await_adviser"),
    ({"consent": "used", "reading": True}, "await_buyer", "read_dossier"),
    ({"consent": "used", "reading": True, "past_dossier": True}, "continue_deal", "read_dossier"),
    ({"consent": "used", "screened": False}, "screen_buyer", "await_adviser"),
])
def test_the_next_step_of_each_side(facts, seller, buyer):
    assert seller_step(standing(**facts)) == seller and seller in SELLER_STEPS
    assert buyer_step(standing(**facts)) == buyer and buyer in BUYER_STEPS


def test_whatever_goes_on_between_adviser_and_owner_looks_the_same_to_the_buyer():
    seen = {buyer_step(standing(screened=screened, consent=consent))
            for screened in (True, False) for consent in ("none", "asked", "ask_adviser", "yes", "lapsed", "revoked")}
    assert seen == {"await_adviser"}


def test_every_end_but_the_plain_ones_reads_alike():
    shown = {terminal: outcome_for_buyer(terminal) for terminal in SCHEMES["terminal_state"].codes}
    hidden = {"seller_withdrew", "not_concluded", "name_clear_refused", "screening_refused"}
    assert {terminal for terminal, outcome in shown.items() if outcome == "not_concluded"} == hidden
    assert all(shown[terminal] == terminal for terminal in shown.keys() - hidden) and outcome_for_buyer(None) is None


def test_a_project_name_depends_on_nothing():
    assert not inspect.signature(project_names.draw_project_name).parameters
    assert len({project_names.draw_project_name() for _ in range(50)}) > 45


def terms(form="one_way", months=24, **chosen):
    return Terms(form, months, **chosen)


def test_an_nda_is_a_function_of_its_arguments_and_numbers_its_articles():
    text = nda_text(terms("two_party"), PARTIES, DAY)
    assert text == nda_text(terms("two_party"), PARTIES, DAY) and text.hash == nda_text(terms("two_party"), PARTIES, DAY).hash
    assert len({nda_text(terms(form, months), PARTIES, DAY).hash for form in ("two_party", "one_way") for months in (12, 24)}) == 4
    assert "Fictitious {Braces} plc" in text.en and "イギリス" in text.ja and SEPARATOR == "\n\n\n"
    for form, articles in (("two_party", 17), ("one_way", 16)):
        shown = nda_text(terms(form), PARTIES, DAY)
        assert [f"\n第{n}条（" in shown.ja for n in range(1, articles + 2)] == [True] * articles + [False]
        assert [f"\nArticle {n} (" in shown.en for n in range(1, articles + 2)] == [True] * articles + [False]
        assert "<<" not in shown.ja + shown.en


@pytest.mark.parametrize("edition", EDITIONS)
def test_an_edition_is_never_edited_and_stays_renderable(edition):
    assert template_version(edition) == EDITIONS[edition], "a changed word is a new edition: new files, a new line in EDITIONS"
    for form in ("two_party", "one_way"):
        shown = nda_text(terms(form), PARTIES, DAY, edition)
        assert "{" not in (shown.ja + shown.en).replace("{Braces}", "") and "Calm Heron 42" in shown.ja


@pytest.mark.parametrize("form", ["two_party", "one_way"])
def test_both_languages_match_paragraph_by_paragraph_and_line_by_line(form):
    """Each article stands beside its counterpart on the page and in the PDF, with as many paragraphs and items."""
    shown = nda_text(terms(form, recipients=("staff", "group")), PARTIES, DAY)
    pairs = list(zip(shown.ja.split("\n\n"), shown.en.split("\n\n"), strict=True))
    assert len(pairs) > 18 and all(ja.count("\n") == en.count("\n") for ja, en in pairs)
    for ja, en in pairs:
        assert [line[:3] for line in ja.splitlines() if line.startswith("(")] == [line[:3] for line in en.splitlines() if line.startswith("(")]
        assert [line[0] for line in ja.splitlines() if line[0].isdigit()] == [line[0] for line in en.splitlines() if line[0].isdigit()]


def test_what_a_deal_chooses_is_said_in_both_languages():
    shown = nda_text(terms(governing_law="singapore", forum="siac_singapore", prevailing_language="en", recipients=("staff", "co_investors")),
                     PARTIES, DAY)
    for language, text in zip(LANGUAGES, (shown.ja, shown.en), strict=True):
        for kind, code in (("law", "singapore"), ("forum", "siac_singapore"), ("language", "en"), ("recipient", "co_investors"),
                           ("recipient", "approved")):
            assert chosen(kind, code, language) in text
        assert chosen("recipient", "lenders", language) not in text
    for fault, wrong in (("term_months", {"months": 5}), ("term_months", {"months": 61}), ("forum", {"governing_law": "new_york"}),
                         ("recipients", {"recipients": ("advisers",)}), ("recipients", {"recipients": ("staff", "staff")})):
        assert terms(**wrong).fault() == fault
        with pytest.raises(ValueError, match=fault):
            nda_text(terms(**wrong), PARTIES, DAY)


def test_a_renewal_and_an_own_paper_name_what_they_are_about_by_hash():
    renewal = renewal_text("two_party", PARTIES, b"\x02" * 32, DAY, date(2028, 11, 22))
    assert "02" * 32 in renewal.ja and "2028年11月22日" in renewal.ja and "both parties have signed" in renewal.en
    assert "when the Recipient has signed" in renewal_text("one_way", PARTIES, b"\x02" * 32, DAY, DAY).en
    paper = own_paper_text(PARTIES, OwnPaper("ab" * 32, "A. Signer", "Director", DAY, 24, "as_stated", "en"))
    assert "ab" * 32 in paper.ja and "A. Signer（Director）" in paper.ja and "書面の定めによる" in paper.ja and "as stated in the document" in paper.en
    for text in (renewal, paper):
        assert text.ja.count("\n\n") == text.en.count("\n\n") and "<<" not in text.ja + text.en


def test_the_schedule_binds_by_hash_and_says_when_something_is_missing():
    text = schedule_text(PARTIES, Company("架空製作所株式会社", None, None, "架空県"), b"\x01" * 32, DAY, DAY, DAY)
    assert "01" * 32 in text.ja and "架空製作所株式会社" in text.ja and "架空製作所株式会社" in text.en
    assert "英語名又はローマ字：なし" in text.ja and "Corporate number: none" in text.en


LISTS = (ListRead("架空の制裁名簿", "Invented sanctions list", DAY, 10), ListRead("架空の名簿", "Invented list", None, 20))


def test_words_for_the_owner_say_what_was_looked_at_and_who_decided():
    ja, en = screening_words(ScreeningOutcome("cleared", "架空 次郎", DAY, LISTS, 1, "別人です。", "架空 三郎", DAY, False))
    assert "架空の制裁名簿（2026年11月22日現在）" in ja and "確認した範囲では、名前の似た記録が1件ありました" in ja
    assert "もう一人の担当架空 三郎が2026年11月22日に同じ記録を読み、この判断を確認しました" in ja and "confirmed this on November 22, 2026" in en
    ja, en = screening_words(ScreeningOutcome("cleared", "架空 次郎", DAY, LISTS, 1, None, "架空 四郎", DAY, True))
    assert "運営者の確認担当架空 四郎" in ja and "a reviewer of the operator" in en
    assert "待っています" in screening_words(ScreeningOutcome("cleared", "架空 次郎", DAY, LISTS, 1, None, None, None, False))[0]
    ja, en = screening_words(ScreeningOutcome("cleared", "架空 次郎", DAY, (), 0, None, None, None, False))
    assert "名簿は、まだ備えられていません" in ja and "There is no list yet" in en


@pytest.mark.parametrize("likenesses", [0, 3])
@pytest.mark.parametrize("second", [None, "架空 三郎"])
def test_words_for_the_owner_read_as_no_clearance(likenesses, second):
    ja, en = screening_words(ScreeningOutcome("cleared", "架空 次郎", DAY, LISTS, likenesses, None, second, DAY if second else None, False))
    assert not [word for word in ("安全", "問題な", "問題あり", "適格", "承認", "合格", "クリア") if word in ja]
    assert not [word for word in (" safe", "cleared", "approved", "no risk", "compliant") if word in en.lower()]


def test_words_for_the_owner_never_vouch_for_a_buyer():
    for decision, ja, en in (("cleared", "「お話を進めてよい」", "decided on November 22, 2026 to go on"),
                             ("refused", "「お話を進めない」", "decided on November 22, 2026 not to go on")):
        words_ja, words_en = screening_words(ScreeningOutcome(decision, "架空 次郎", DAY, LISTS, 1, "別人\nです。", None, None, False))
        assert ja in words_ja and en in words_en and "\n" not in words_ja + words_en
        assert "名簿2種類（30件）" in words_ja and "1件ありました" in words_ja and "別人 です。" in words_ja
        assert "保証するものではありません" in words_ja and "does not vouch" in words_en
