"""Does a scan of any text end, in an answer that can be relied on, with offsets of the text as given?"""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from succession.anonymity.scanner import CLEAN, FOUND, KINDS, UNKNOWN, Own, scan
from succession.anonymity.scanner import passages, second_opinion
from succession.anonymity.scanner.passages import TEXT_LIMIT, engine
from succession.i18n import Message, translate

OWN = Own(
    names=("株式会社髙嶋精機製作所", "Takashima Works"), kana=("タカシマセイキセイサクショ",), people=("髙嶋 圭吾",),
    places=("大阪府東大阪市高井田裏3丁目12番7号",), identifiers=("06-0012-3456", "takashima.example"), others=("ああああ商事",),
)  # fmt: skip
HANG_S = 60  # a bound against hanging on a busy machine; speed is measured by tests/bench/scanner.py


# --- states --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "locale", "state"),
    [
        ("お客様の要望に合わせて提案します。", "ja", CLEAN), ("We answer quickly.", "en", CLEAN), ("", "ja", CLEAN),
        ("✨😀👍", "ja", CLEAN),
        ("北越建設の仕事です。", "ja", FOUND), ("We work for Denso.", "en", FOUND), ("品質は5μm、H₂Oと±で。", "ja", FOUND),
        ("我们是一家制造企业。", "zh", UNKNOWN), ("삼성전자에 납품합니다.", "ja", UNKNOWN), ("Поставщик из Токио", "en", UNKNOWN),
        ("Yаmada", "en", UNKNOWN), ("\u202e所作製田山", "ja", UNKNOWN), ("山田\u2066製作所\u2069", "ja", UNKNOWN),
        ("半分\ud83d", "ja", UNKNOWN), ("\udc00", "en", UNKNOWN), ("a\x00b", "en", UNKNOWN), ("\ue000社", "ja", UNKNOWN),
        ("x\U000e0041\U000e0042", "en", UNKNOWN), ("あ" * (TEXT_LIMIT + 1), "ja", UNKNOWN),
        ("品質\x1b[0m", "ja", UNKNOWN),
    ],
)  # fmt: skip
def test_the_state_says_what_is_known(text, locale, state):
    assert scan(text, locale=locale).state == state


def test_a_failing_engine_is_not_a_clean_text(monkeypatch, caplog):
    def fails(text):
        raise RuntimeError("dictionary gone")

    monkeypatch.setattr(passages.japanese, "names", fails)
    result = scan("お客様の要望に合わせて、秘密の名前を提案します。", locale="ja")
    assert (result.state, result.spans) == (UNKNOWN, ())
    assert "could not be scanned" in caplog.text and "秘密の名前" not in caplog.text


def test_what_is_found_in_an_unknown_text_is_still_shown():
    result = scan("삼성전자와 髙嶋精機製作所", OWN, locale="ja")
    assert result.state == UNKNOWN and any(span.kind == "own" for span in result.spans)


def test_the_engine_names_rules_tables_and_dictionary():
    assert engine() == scan("", locale="ja").engine
    for part in ("rules-", "tables-", "sudachipy-", "sudachidict_core-"):
        assert part in engine()


# --- spans ---------------------------------------------------------------------------------------------------------


def test_offsets_count_the_text_as_given():
    text = "😀 ㈱髙\u200b嶋精機製作所と\nＤｅｎｓｏ、０６−００１２−３４５６。"
    result = scan(text, OWN, locale="ja")
    assert [(span.kind, span.text) for span in result.spans][0] == ("own", "㈱髙\u200b嶋精機製作所")
    assert all(text[span.start : span.end] == span.text for span in result.spans)
    assert "Ｄｅｎｓｏ" in {span.text for span in result.spans}


def test_spans_are_in_order_apart_and_of_the_gravest_kind():
    text = "髙嶋精機製作所の工場は大阪府東大阪市高井田裏3丁目12番7号、電話06-0012-3456、唯一の会社、北越建設と三社。"
    spans = scan(text, OWN, locale="ja").spans
    assert all(before.end <= after.start for before, after in zip(spans, spans[1:], strict=False))
    assert {span.kind for span in spans} <= set(KINDS)
    assert [span.kind for span in spans][:3] == ["own", "own", "own"]


def test_every_span_says_why_and_most_what_instead():
    text = "北越建設、権藤さん、釧路、「夏の香」、ヴァルカン、03-0012-3456、唯一の店、12名。"
    spans = scan(text, locale="ja").spans
    kinds = {span.kind for span in spans}
    assert kinds >= {"organisation", "person", "place", "katakana", "identifier", "unique", "number"}
    for span in spans:
        assert isinstance(span.reason, Message) and translate(span.reason, "en")
        assert span.suggestion is not None and "{" not in translate(span.suggestion, "en")


def test_a_suggestion_is_in_the_language_of_the_text():
    suggested = {span.text: translate(span.suggestion, "en") for span in scan("北越建設と岡崎信用金庫です。", locale="ja").spans}
    assert "建設関連の会社" in suggested["北越建設"] and "地域の金融機関" in suggested["岡崎信用金庫"]
    [span] = scan("We work for Denso.", locale="en").spans
    assert "“a company”" in translate(span.suggestion, "en")


def test_a_long_english_stretch_on_a_japanese_line_is_read_too():
    text = "お客様の声です。" + "They answer every letter within the day. " * 8 + "We like Denso. " + "とても助かっています。" * 20
    assert "Denso" in {span.text for span in scan(text, locale="ja").spans}


def test_mixed_lines_are_read_in_their_own_language():
    result = scan("Half of our parts go abroad.\n北越建設の仕事です。三十名います。\nThirty of us work for Denso.", locale="ja")
    assert [span.text for span in result.spans] == ["北越建設", "三十名", "Thirty", "Denso"]


LETTERS = "山田髙㈱ 株式会社あア・ーAa.@-1一２①\u200b\n、。「」()号第市のｶﾞ😀"


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from(LETTERS), max_size=80), st.sampled_from(["ja", "en"]))
def test_any_text_gets_an_answer_with_right_offsets(text, locale):
    result = scan(text, OWN, locale=locale)
    assert result.state in (CLEAN, FOUND, UNKNOWN) and (result.state == CLEAN) <= (not result.spans)
    for span in result.spans:
        assert 0 <= span.start < span.end <= len(text) and text[span.start : span.end] == span.text


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_no_text_raises(text):
    assert scan(text, OWN, locale="ja").state in (CLEAN, FOUND, UNKNOWN)


# --- hostile input -------------------------------------------------------------------------------------------------

LONG = 8_000
BOMBS = {
    "digits": "1", "parted digits": "0-", "mail": "a@", "host": "a.", "star": "a★", "city": "市1",
    "ordinal": "第1", "right": "特許",
    "address": "1-1 ", "capitals": "Aa ", "word": "a", "at": "( at )", "katakana": "ア", "middots": "ア・",
    "hiragana": "あ",
    "kanji": "山", "legal form": "株式会社", "bracket": "(株)", "quotes": "「", "quoted": "「あ」", "zero width": "\u200b",
    "letters apart": "山\u200b", "emoji": "😀", "particle": "の", "claim": "唯一の", "claims": "only the ",
    "marks": "e\u0301\u0302",
    "half-width": "ｶﾞ", "lines": "\n", "blanks": " ", "urls": "http://", "forms": "Co., Ltd. ",
    "roles": "社長の南", "hosts": "a.jp ",
    "phones": "TEL1", "kanji digits": "一二", "vowels": "ou", "called": "という", "county": "三重県1", "apostrophes": "a'",
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_no_pattern_explodes(bomb):
    start = time.monotonic()
    result = scan((bomb * LONG)[:LONG], OWN, locale="ja")
    assert result.state in (CLEAN, FOUND, UNKNOWN)
    assert time.monotonic() - start < HANG_S


@pytest.mark.parametrize("piece", ["あ", "a", "山\u200b", "😀", "\u202e", "\ud800", "a@a.jp "])
def test_ten_megabytes_are_refused_at_once(piece):
    text = piece * (10_000_000 // len(piece))
    start = time.monotonic()
    assert scan(text, OWN, locale="ja").state == UNKNOWN
    assert time.monotonic() - start < HANG_S


# --- second opinion ------------------------------------------------------------------------------------------------


def test_a_second_opinion_that_is_not_installed_is_never_clean(monkeypatch):
    monkeypatch.setattr(second_opinion, "installed", lambda: False)
    answer = second_opinion.second_opinion("お客様の要望に合わせます。", locale="ja")
    assert answer.state == second_opinion.NOT_INSTALLED not in (CLEAN, FOUND) and answer.spans == ()


class _Entity:
    def __init__(self, start: int, end: int, label: str) -> None:
        self.start_char, self.end_char, self.label_ = start, end, label


def _model(monkeypatch, entities=(), error: Exception | None = None) -> None:
    class Document:
        ents = entities

    def read(text):
        if error:
            raise error
        return Document

    monkeypatch.setattr(second_opinion, "installed", lambda: True)
    monkeypatch.setattr(second_opinion, "_pipeline", lambda: read)
    monkeypatch.setattr(second_opinion.importlib.metadata, "version", lambda name: "5")


def test_a_model_adds_names_and_no_dates(monkeypatch):
    dates = [_Entity(8, 10, "Date"), _Entity(8, 10, "Title_Other")]
    _model(monkeypatch, [_Entity(0, 4, "Company"), _Entity(5, 7, "Person"), *dates])
    answer = second_opinion.second_opinion("北越建設の権藤が明日来る", locale="ja")
    assert [(span.kind, span.text) for span in answer.spans] == [("organisation", "北越建設"), ("person", "権藤")]
    assert answer.state == FOUND and answer.engine == "ja_ginza-5"


def test_a_model_that_fails_or_is_asked_too_much_knows_nothing(monkeypatch):
    _model(monkeypatch, error=RuntimeError("out of memory"))
    assert second_opinion.second_opinion("権藤です", locale="ja").state == UNKNOWN
    _model(monkeypatch)
    assert second_opinion.second_opinion("権藤です", locale="ja").state == CLEAN
    assert second_opinion.second_opinion("We are", locale="en").state == UNKNOWN
    assert second_opinion.second_opinion("あ" * (second_opinion.TEXT_LIMIT + 1), locale="ja").state == UNKNOWN
