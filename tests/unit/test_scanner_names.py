"""Are strangers' names found whole in Japanese and English, and is ordinary prose left alone?

Recall and over-redaction are measured on texts of their own (tests/bench/scanner_recall.py); here each rule has its
example, marked with [ ], and everything outside the marks must stay untouched.
"""

from __future__ import annotations

import re

import pytest

from succession.anonymity.scanner import english, japanese
from succession.anonymity.scanner.normal import plain


def marked(sentence: str) -> tuple[str, set[int]]:
    """The sentence without its marks, and the offsets that stood inside them."""
    text, inside, wanted = "", False, set()
    for letter in sentence:
        if letter in "[]":
            inside = letter == "["
            continue
        if inside:
            wanted.add(len(text))
        text += letter
    return text, wanted


def found(text: str, spans: list[tuple[int, int, str]]) -> tuple[set[int], list[str]]:
    return {at for start, end, _ in spans for at in range(start, end)}, [text[start:end] for start, end, _ in spans]


JAPANESE = {
    "ending on a proper noun": "元請は[北越建設]と[田所組]が多い。",
    "ending on an unknown word": "鍍金は[北陽鍍金工業所]に頼みます。",
    "proper noun in the dictionary": "以前は[東芝]の仕事もしていました。",
    "noun run after a name": "[仙台味噌醤油]から取り寄せています。",
    "land before the trade": "[日本溶接協会]の認証を受けています。",
    "era before the ending": "[昭和鋼管]から仕入れます。",
    "coined of single kanji": "卸は[山三商会]です。",
    "katakana outside the list": "[ヴァルカン工房]に卸しています。",
    "katakana with middots": "[エヌ・ケイ・ライン]への支払いは月末です。",
    "two ordinary loan words in a row": "[プリントパック]と比べられます。",
    "trade behind katakana": "梱包は[ナカムラ梱包]に任せます。",
    "hiragana noun": "[みずほ]から借りています。",
    "hiragana before an ending": "[おおいた動物病院]に薬を卸します。",
    "adverb before an ending": "[にこにこ弁当]に届けます。",
    "joined by の": "[風の谷牧場]の牛乳を使います。",
    "legal form in front": "[株式会社未来]が相手です。",
    "legal form behind": "[匠(株)]が相手です。",
    "legal form and hiragana": "[社会福祉法人さくらの丘]と連携します。",
    "co-operative": "[JAさくらんぼひがしね]と契約しています。",
    "ministry": "[防衛省]に納めています。",
    "cut in two by the dictionary": "[道後]に近い宿です。",
    "kind of house in front": "[旅館松風荘]の隣です。",
    "loan word before a place": "[エコシステム関西]と組みます。",
    "Latin in Japanese": "[Siemens]の盤を組みます。",
    "Latin and katakana": "会計は[Airレジ]です。",
    "called": "[わかめの森]という品を売ります。",
    "quotation marks": "「[たらこの達人]」が売れています。",
    "person": "社長の[榊原誠一郎]が引退します。",
    "person with a title": "[権藤]部長が継ぎます。",
    "honorific belongs to the name": "[権藤さん]に頼ります。",
    "common word with a title": "[南さん]と[沖さん]が担当します。",
    "common word beside a role": "長男の[凛]は継ぎません。",
    "foreign person": "[ジャン=ピエール・ルメール氏]が代理人です。",
    "place with its ending": "[大阪府東大阪市]で創業しました。",
    "place alone": "[釧路]から運びます。",
    "station, river, road": "[来迎寺駅]と[信濃川]と[中央自動車道]の間です。",
    "along a river": "[釧路川沿い]の倉庫です。",
    "direction before a place": "[北関東]へ届けます。",
}
ORDINARY_JAPANESE = """
当社は金属部品の切削加工を手がける会社です。地元の建設会社や食品メーカーと長いお付き合いがあります。
お客様や職人さん、学生さんに喜ばれています。社長と専務は親子です。工場長の高齢化が課題です。
システム開発と保守を行い、アフターサービスも一貫して対応します。ステンレスやアルミの加工が得意です。
二代目の社長が就任して以来、品質管理の体制を見直しました。すべて自社工場で作っています。
取引先は大手メーカーの協力工場が中心で、中小企業の仕事もします。全国の百貨店や専門店に卸しています。
日本の食文化を支える会社でありたいと考えています。海外からのお客様も増えました。
経理と総務は外部の会計事務所に任せています。新しい設備に投資し、納期を短くしました。
""".split("\n")
ENGLISH = {
    "in a sentence": "We supply [Kawamura Foundry] and [Denso] every week.",
    "legal form": "Since then [Howa Parts Industry Co., Ltd.] buys from us.",
    "first word": "[Sembikiya] sells our fruit.",
    "ordinary first word of a name": "[Golden Harbour Trading Ltd.] buys from us.",
    "number in front": "He came from [77 Bank] last year.",
    "of and and": "The [Osaka Chamber of Commerce and Industry] helped.",
    "land behind": "We work for [Sompo Japan] as well.",
    "person": "Our foreman [Kenji Torii] stays.",
    "title": "Ask for [Ms. Mizutani] please.",
    "suffix": "Ask [onodera-san] please.",
    "place": "The plant is in [Higashiosaka] near [Lake Suwa].",
    "inner capital": "The label [KiryuLoom] sells well.",
    "capitals": "Seats go to [YKK] and [JSR] now.",
    "lower-case romaji": "we buy from [yamadaya] only.",
    "hyphen": "They also own [Nishi-Nippon City Bank] shares.",
}
ORDINARY_ENGLISH = """
We are a machining company that makes small metal parts to order. Delivery times are short.
The owner, his wife and one of their sons run the shop in Japan.
We export to Germany, South Korea and the United States.
Our greatest challenge is people; every Monday we train younger workers on CNC lathes.
Customers come from several industries. If orders fall in one, another usually makes up for it.
SMALL LOTS ARE WELCOME. Japanese and Chinese are spoken. Reorganised twice, reinvested always.
""".split("\n")


@pytest.mark.parametrize("sentence", JAPANESE.values(), ids=JAPANESE.keys())
def test_a_japanese_name_is_found_whole_and_nothing_beside_it(sentence):
    text, wanted = marked(sentence)
    seen, spans = found(text, list(japanese.names(plain(text).text)))
    assert seen == wanted, spans


@pytest.mark.parametrize("sentence", list(filter(None, ORDINARY_JAPANESE)))
def test_ordinary_japanese_names_nobody(sentence):
    assert [sentence[start:end] for start, end, _ in japanese.names(sentence)] == []


@pytest.mark.parametrize("sentence", ENGLISH.values(), ids=ENGLISH.keys())
def test_an_english_name_is_found_whole_and_nothing_beside_it(sentence):
    text, wanted = marked(sentence)
    seen, spans = found(text, list(english.names(text, 0, len(text), in_japanese=False)))
    assert seen == wanted, spans


@pytest.mark.parametrize("sentence", list(filter(None, ORDINARY_ENGLISH)))
def test_ordinary_english_names_nobody(sentence):
    found_names = english.names(sentence, 0, len(sentence), in_japanese=False)
    assert [sentence[start:end] for start, end, _ in found_names] == []


def test_a_headline_is_not_all_names():
    text = "Metal Parts Maker With Loyal Customers And Sunadokei Works"
    names = [text[start:end] for start, end, _ in english.names(text, 0, len(text), in_japanese=False)]
    assert names == ["Sunadokei Works"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("仕入れは阿部蒲鉾店から。", "organisation"), ("旭川から来る。", "place"), ("先代の高橋甚五郎です。", "person"),
        ("「夏の香」が人気。", "product"),
    ],
)  # fmt: skip
def test_the_kind_is_told(text, kind):
    assert kind in {each for _, _, each in japanese.names(text)}


def test_a_run_of_any_length_is_read():
    text = "市川" * 3_000
    covered, _ = found(text, list(japanese.names(text)))
    assert len(covered) > 0.9 * len(text)


def test_no_pattern_trusts_word_boundaries_in_japanese():
    """\\b and \\w take kana and kanji for letters of words: next to them only look-arounds tell."""
    import inspect

    from succession.anonymity.scanner import formatted, own, own_keys, phrases, runs

    for module in (formatted, own, own_keys, phrases, runs, japanese):
        assert not re.search(r"\\[bw](?![a-z])", inspect.getsource(module)), module.__name__
