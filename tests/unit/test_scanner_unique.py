"""Does the lint point at wordings and figures that single a company out, and is it quiet about the rest?"""

from __future__ import annotations

import pytest

from succession.anonymity.scanner import unique
from succession.anonymity.scanner.figures import figures
from succession.codes import read_table


def claims(text: str, japanese: bool = True) -> list[tuple[str, str]]:
    return [(text[a:b], topic) for a, b, _, topic in unique.claims(text, japanese=japanese)]


@pytest.mark.parametrize(
    ("text", "passage", "topic"),
    [
        ("県内で唯一の認定を受けた検査機関です。", "県内で唯一の認定", "only"),
        ("この工法を扱えるのは当社だけです。", "当社だけ", "only"),
        ("国内に2台しかない鍛造機があります。", "国内に2台しかない鍛造機", "only"),
        ("日本で初めて商品化しました。", "日本で初めて商品化", "first"),
        ("元祖味噌カツの店です。", "元祖味噌カツの店", "first"),
        ("業界最大手として知られています。", "業界最大手", "largest"),
        ("西日本最大級の冷蔵倉庫です。", "西日本最大級の冷蔵倉庫", "largest"),
        ("文化庁長官賞を受賞しました。", "文化庁長官賞", "honour"),
        ("オリンピックの選手村に納めました。", "オリンピックの選手村", "honour"),
        ("大河ドラマのロケ地になった旅館です。", "大河ドラマのロケ地", "media"),
        ("新幹線の座席に使われています。", "新幹線の座席", "landmark"),
        ("元市長が会長をしていました。", "元市長", "people"),
        ("創業三百年の味です。", "創業三百年の味", "age"),
    ],
)
def test_a_japanese_claim_is_pointed_at_with_the_nouns_around_it(text, passage, topic):
    assert (passage, topic) in claims(text)


@pytest.mark.parametrize(
    ("text", "passage", "topic"),
    [
        ("We are the only maker of this valve.", "the only maker", "only"),
        ("It was the first company in Japan.", "the first company in Japan", "first"),
        ("Ours is the world's smallest spring.", "world's smallest spring", "largest"),
        ("The country’s largest store is ours.", "The country’s largest store", "largest"),
        ("We repair national treasures.", "repair national treasures", "honour"),
        ("It was shown on television.", "television", "media"),
        ("Seats of the bullet train are ours.", "the bullet train", "landmark"),
        ("The chairman was mayor.", "mayor", "people"),
        ("A business of three generations.", "generations", "age"),
        ("Pioneering since ever.", "Pioneering", "first"),
    ],
)
def test_an_english_claim_is_pointed_at(text, passage, topic):
    assert any(passage in found and kind == topic for found, kind in claims(text, japanese=False)), claims(text, False)


@pytest.mark.parametrize(
    "text",
    ["品質と納期には自信があります。", "長年の取引先に支えられています。", "若い職人が育っています。", "県内外に納めています。"],
)
def test_modest_japanese_is_left_alone(text):
    assert claims(text) == [] == list(figures(text, japanese=True))


@pytest.mark.parametrize(
    "text", ["Small lots are welcome.", "Skilled people stay with us.",
    "A commonly used import, a bestowed onlyness."]
)
def test_modest_english_is_left_alone(text):
    assert claims(text, japanese=False) == [] == list(figures(text, japanese=False))


@pytest.mark.parametrize(
    ("text", "figure"),
    [
        ("社員は12名です", "12名"), ("従業員237名", "従業員237名"), ("売上高48億3,200万円です", "売上高48億3,200万円"),
        ("昭和31年5月に始めた", "昭和31年"), ("平成元年に始めた", "平成元年"), ("三十五名が働く", "三十五名"), ("十二室の宿", "十二室"),
        ("空港から4.7キロ", "4.7キロ"), ("築40年の倉庫", "築40年"), ("一社だけの取引", "一社"), ("1873年", "1873年"),
    ],
)  # fmt: skip
def test_a_japanese_figure_is_found_with_what_it_counts(text, figure):
    found = [text[a:b] for a, b in figures(text, japanese=True)]
    assert figure in found, found


@pytest.mark.parametrize("text", ["一貫した体制", "一部の取引", "一つひとつ丁寧に", "第一に品質", "数名の職人", "一人ひとりの力", "唯一"])
def test_one_is_part_of_ordinary_words(text):
    assert list(figures(text, japanese=True)) == []


@pytest.mark.parametrize(
    ("text", "figure"),
    [
        ("about 237 employees", "237 employees"), ("sales of 4,832 million yen.", "4,832 million yen"),
        ("in 1973.", "1973"),
        ("twenty-two people", "twenty-two people"), ("4.7 kilometres away", "4.7 kilometres"),
        ("a dozen shops", "a dozen shops"),
        ("rose by 12%", "12%"), ("$3.5 million", "$3.5 million"),
    ],
)  # fmt: skip
def test_an_english_figure_is_found_with_what_it_counts(text, figure):
    assert figure in [text[a:b] for a, b in figures(text, japanese=False)]


def test_one_is_no_figure_in_english():
    assert list(figures("one of us, someone, once, tenant, often, weight", japanese=False)) == []


def test_every_topic_has_words_in_both_languages():
    rows = read_table("db/reference/unique_words.tsv")
    topics = {locale: {row["topic"] for row in rows if row["locale"] == locale} for locale in ("ja", "en")}
    assert topics["ja"] == topics["en"] and len(topics["ja"]) == 8
