"""Has every published code and phrase a name of its own in Chinese and Korean, in that language's script?"""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from succession.anonymity.vocabulary import vocabulary
from succession.codes import ATTRIBUTES, NAME_LOCALES, SCHEMES, label, read_table, translated

PUBLISHED = (*ATTRIBUTES, "price", "scheme", "timing", "audience")
TRANSLATED = NAME_LOCALES[2:]
KANA, HANGUL, HAN = re.compile("[ぁ-ゖァ-ヺー]"), re.compile("[가-힣]"), re.compile("[一-鿿]")


def _codes():
    yield from ((scheme, code) for scheme in PUBLISHED for code in SCHEMES[scheme].codes)
    yield from (("phrase", phrase.code) for phrase in vocabulary().showable())


@pytest.mark.parametrize("locale", TRANSLATED)
def test_every_published_code_and_phrase_has_a_name_in_its_script(locale):
    for scheme, code in _codes():
        name = translated(scheme, code, locale)
        assert name and name == name.strip(), (scheme, code)
        assert not KANA.search(name), name
        assert HANGUL.search(name) and not HAN.search(name) if locale == "ko" else HAN.search(name) and not HANGUL.search(name), name
    assert len(list(_codes())) == len(read_table("db/reference/names_zh_ko.tsv"))


@pytest.mark.parametrize("locale", TRANSLATED)
def test_no_two_codes_are_told_apart_in_japanese_and_not_in_this_language(locale):
    named = defaultdict(set)
    for scheme, code in _codes():
        ja = vocabulary().label(code, "ja") if scheme == "phrase" else label(scheme, code, "ja")
        named[scheme, translated(scheme, code, locale)].add(ja)
    assert not {name: ja for name, ja in named.items() if len(ja) > 1}


def test_the_two_chinese_columns_are_two_scripts():
    simplified = {form for row in read_table("db/reference/han_scripts.tsv") for form in row["forms"]}
    differing = [(scheme, code) for scheme, code in _codes() if translated(scheme, code, "zh-Hans") != translated(scheme, code, "zh-Hant")]
    assert len(differing) > 350 and len(simplified) > 400
    for scheme, code in _codes():  # characters that only the other script has
        assert not set("这产业务东关厂发质术员应协设备机电") & set(translated(scheme, code, "zh-Hant")), code
        assert not set("這產業務東關廠發質術員應協設備機電") & set(translated(scheme, code, "zh-Hans")), code


def test_a_label_falls_back_to_english_and_parts_of_a_scheme_share_its_names():
    assert (label("place", "JP-13", "zh-Hant"), label("prefecture", "JP-13", "ko"), label("jsic", "75", "zh-Hans")) == ("東京都", "도쿄도", "住宿业")
    assert label("reason", "dispute", "ko") == "Dispute" and label("place", "JP-13", "fr") == "Tokyo"
    assert label("place", "JP-13", "ja-JP") == "東京都"
    assert vocabulary().label("jobs_kept", "ko") == "직원 고용 유지 희망" and vocabulary().label("patents_held", "ko") == "holds patents"
