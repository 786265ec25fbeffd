"""Are the scanner's tables consistent, and does what we ourselves write pass it?"""

from __future__ import annotations

import re

import pytest

from succession.anonymity.scanner import generic, scan
from succession.anonymity.scanner.passages import _TABLES
from succession.codes import read_table, source_of

LINT = {"unique", "number"}


def words(table: str) -> list[tuple[str, str]]:
    return [(row["topic"], word) for row in read_table(f"db/reference/{table}.tsv") for word in row["words"].split()]


@pytest.mark.parametrize("table", _TABLES)
def test_every_table_says_where_it_comes_from(table):
    assert re.search(r"[Tt]yped by hand", source_of(f"db/reference/{table}.tsv"))


@pytest.mark.parametrize("table", ["katakana_allowed", "english_words", "ordinary_words"])
def test_no_word_stands_twice_under_one_topic(table):
    listed = words(table)
    assert len(listed) == len(set(listed)) > 900


def test_allowed_katakana_is_katakana_and_no_name_of_a_place():
    listed = {word for _, word in words("katakana_allowed")}
    assert not [word for word in listed if not re.fullmatch("[ァ-ヺー]{2,14}", word)]
    assert not listed & {"トヨタ", "ホンダ", "オオサカ", "ライフ", "ドリーム", "サンライズ", "マクドナルド", "ナガノ"}


def test_lower_case_words_are_lower_case():
    assert not [word for _, word in words("english_words") if word != word.lower()]


def test_names_and_their_endings_are_told_apart():
    rows = read_table("db/reference/name_endings.tsv")
    assert {row["kind"] for row in rows} == {"organisation", "place", "person"}
    assert all(row["ja"] and row["en"] for row in rows)


@pytest.mark.parametrize("locale", ["ja", "en"])
def test_what_we_suggest_names_nobody(locale):
    for row in read_table("db/reference/name_endings.tsv"):
        found = [span.text for span in scan(row[locale], locale=locale).spans if span.kind not in LINT]
        assert found == [], row[locale]


@pytest.mark.parametrize("locale", ["ja", "en"])
def test_the_phrases_of_a_teaser_name_nobody(locale):
    for row in read_table("db/reference/vocabulary.tsv"):
        if row["class"] == "unlinkable":
            assert [span for span in scan(row[locale], locale=locale).spans if span.kind not in LINT] == [], row[locale]


@pytest.mark.parametrize(
    ("word", "ordinary"),
    [
        ("自動車部品", True), ("建設", True), ("システムエンジニア", True), ("豊和", False), ("ヴァルカン", False), ("みずほ", False),
        ("日本", True),
        ("山田", False), ("きっかけ", True),
    ],
)  # fmt: skip
def test_ordinary_words(word, ordinary):
    assert generic.is_ordinary(word) is ordinary


@pytest.mark.parametrize(
    ("chain", "fine"),
    [
        ("マシニングセンタ", True), ("コンピューター", True), ("コンピュータ", True), ("プリントパック", False), ("レーザーカッター", True),
        ("フランス", True),
        ("フランスベッド", False), ("サンコー", False), ("ア" * 5_000, False),
    ],
)  # fmt: skip
def test_unremarkable_katakana(chain, fine):
    assert generic.is_unremarkable_katakana(chain) is fine
