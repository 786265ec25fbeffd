"""Is a search text read in four languages, in any spelling and with one slip of the hand, and a company's name still not?"""

from __future__ import annotations

import time
from random import Random

import company_names
import pytest
from hypothesis import given
from hypothesis import strategies as st

from succession.anonymity.vocabulary import vocabulary
from succession.codes import NAME_LOCALES, SCHEMES, leaves, read_table, translated
from succession.market.dictionary import dictionary
from succession.market.spelling import fold, is_romaji, one_slip_apart, romaji_key, shortened
from succession.market.terms import Corrected, Terms, parse_terms


def _found(q: str) -> dict[str, set[str]]:
    read = parse_terms(q)
    assert read.unrecognised == (), read
    found = {name: set(codes) for name, codes in read.filters.items()}
    return found | ({"phrases": set(read.phrases)} if read.phrases else {})


@pytest.mark.parametrize(("q", "industry"), [
    ("东京的酒店", {"75"}), ("ホテルの近くの酒店", {"58", "75"}), ("酒店 東京", {"58", "75"}), ("酒店を買いたい", {"58"}),  # a hotel in Chinese, a liquor shop in Japanese
])  # fmt: skip
def test_a_word_of_two_languages_means_what_it_means_in_the_language_of_the_text(q: str, industry: set[str]) -> None:
    assert _found(q)["industry"] == industry


SAKE, INN = {"industry": {"10"}, "place": {"JP-15"}}, {"industry": {"75"}, "place": {"JP-26"}}


@pytest.mark.parametrize(("q", "found"), [
    ("酒蔵 新潟", SAKE), ("sake brewery Niigata", SAKE), ("清酒厂 新潟", SAKE), ("清酒廠 新潟縣", SAKE), ("니가타 양조장", SAKE), ("新潟的酒厂", SAKE), ("新潟県の造り酒屋", SAKE),
    ("京都の旅館", INN), ("ryokan in Kyoto", INN), ("京都旅馆", INN), ("京都府 旅館", INN), ("교토의 료칸", INN), ("교토부에 여관", INN), ("りょかん きょうと", INN), ("ﾘｮｶﾝ ｷｮｳﾄ", INN),
    ("町工場", {"industry": {"manufacturing"}}), ("町工厂", {"industry": {"manufacturing"}}), ("공장", {"industry": {"manufacturing"}}),
    ("EV parts", {"industry": {"29", "31"}}), ("EV部品", {"industry": {"29", "31"}}), ("半导体", {"industry": {"28"}}), ("半導體", {"industry": {"28"}}), ("반도체", {"industry": {"28"}}),
    ("care home", {"industry": {"85"}}), ("養老院", {"industry": {"85"}}), ("요양원", {"industry": {"85"}}), ("配食", {"industry": {"77"}}),
    ("machine shop Nagoya", {"industry": {"24", "26"}, "place": {"JP-23"}}), ("首都圏 介護", {"place": {"kanto"}, "industry": {"85"}}),
    ("瀬戸内の造船", {"place": {"JP-33", "JP-34", "JP-35", "JP-37", "JP-38"}, "industry": {"31"}}),
    ("欢迎外资 九州", {"phrases": {"overseas_buyer_welcome"}, "place": {"kyushu_okinawa"}}), ("股份转让 物流", {"schemes": {"share_transfer"}, "industry": {"transport"}}),
    ("赤字 旅館", {"margin": {"loss"}, "industry": {"75"}}), ("within six months", {"timing": {"within_3m", "3_6m"}}), ("가격 협의 도쿄", {"price": {"negotiable"}, "place": {"JP-13"}}),
])  # fmt: skip
def test_what_buyers_type_in_four_languages(q: str, found: dict[str, set[str]]) -> None:
    assert _found(q) == found


@pytest.mark.parametrize(("one", "other"), [
    ("Tōkyō", "Toukyou"), ("Tokyo", "Tohkyoh"), ("Osaka", "Oosaka"), ("Fukuoka", "Hukuoka"), ("Hyogo", "Hyougo"), ("Chiba", "Tiba"), ("Shizuoka", "Sizuoka"),
    ("Kyushu", "Kyuusyuu"), ("Niigata", "Nigata"), ("Gunma", "Gumma"), ("Hokkaido", "Hokkaidou"), ("Hokkaido", "Hokaido"), ("ryokan", "ryokann"),
    ("縣 長野縣", "長野県"), ("沢 金澤", "金沢"), ("东京 饭店", "東京 飯店"), ("广岛县", "広島県"), ("老人 ホーム", "老人ホーム"), ("금속 가공", "금속가공"), ("쿄토", "교토"), ("큐슈", "규슈"),
    ("ﾎﾃﾙ", "ほてる"), ("ＳＡＫＥ　ＢＲＥＷＥＲＹ", "sake breweries"),
])  # fmt: skip
def test_one_word_in_many_spellings(one: str, other: str) -> None:
    assert parse_terms(one.split(" ")[-1] if one[0] in "縣沢" else one) == parse_terms(other)
    assert parse_terms(other).corrected == ()


@pytest.mark.parametrize(("q", "typed", "read_as", "found"), [
    ("software devloper", "software devloper", "software developer", {"industry": {"39"}}),
    ("sake brewrey", "sake brewrey", "sake brewery", {"industry": {"10"}}),
    ("pharmcy Tokyo", "pharmcy", "pharmacy", {"industry": {"60"}, "place": {"JP-13"}}),
    ("hotel Fukuoak", "Fukuoak", "Fukuoka", {"industry": {"75"}, "place": {"JP-40"}}),
    ("有料老人ホム 大阪", "有料老人ホム", "有料老人ホーム", {"industry": {"85"}, "place": {"JP-27"}}),
    ("東京の有料老人ホム", "有料老人ほむ", "有料老人ホーム", {"industry": {"85"}, "place": {"JP-13"}}),  # a part of a word stands as it is compared
    ("レストラソ", "レストラソ", "レストラン", {"industry": {"76"}}),
    ("양조쟝 도쿄", "양조쟝", "양조장", {"industry": {"10"}, "place": {"JP-13"}}),
])  # fmt: skip
def test_one_slip_is_read_and_told(q: str, typed: str, read_as: str, found: dict[str, set[str]]) -> None:
    assert _found(q) == found
    assert parse_terms(q).corrected == (Corrected(typed, read_as),)


@pytest.mark.parametrize("q", [
    "sofware devloper", "hotle Fukuoak",  # two slips
    "Nakano hotel", "Asaka hotel", "Omori hotel", "Aoyama hotel",  # names of their own, one letter from a prefecture's
    "htl", "sakd", "いしがわ ホテル", "中野県", "富岡県", "나카노 호텔",  # too short, or a place
    "qxzjvk hotel", "東北 ナニカ", "Potter", "Baker Tokyo", "24 hotel", "hotel9",
    "Ito engineering company", "나가노 제작소", "노무라 가구", "すどうこうじ", "かいりょう ほてる",  # a short name is no slip of a word beside a trade
])  # fmt: skip
def test_what_is_no_slip_stays_unread(q: str) -> None:
    read = parse_terms(q)
    assert read.unrecognised and read == Terms({}, frozenset(), read.unrecognised)


def test_a_word_one_slip_from_two_meanings_is_not_guessed() -> None:
    known = dictionary()
    assert known.entries["hotel"] != known.entries["hostel"] or parse_terms("hoxtel").corrected
    near: dict[str, set[str]] = {}
    for word in filter(str.isascii, known.near.words):
        for form in shortened(word):
            near.setdefault(form, set()).add(word)
    ambiguous = [key for key, words in near.items() if key.isascii() and len(key) > 6 and len({known.entries[word] for word in words}) > 1
                 and key not in known.entries and " " not in key and not is_romaji(key)]
    assert ambiguous
    for key in ambiguous:
        assert all(one_slip_apart(key, word) for word in near[key]) and near[key] <= set(known.near.to(key))
        if len({word[0] for word in near[key]} | {key[0]}) == 1:
            assert parse_terms(key).unrecognised == (key,), key


# --- names of companies ---------------------------------------------------------------------------------------------

# Measured with company_names.py before the tables knew four times as many words, sentences and figures (all of them a surname that is a prefecture
# before a trade), and none of the demo world's. What is read more often than that is no price for any word.
READ_MOST = {"written": 76, "Latin letters": 4, "English": 84, "Hangul": 72, "kana": 36}


def _read(names: list[str]) -> list[str]:
    return [name for name in names if not parse_terms(name).unrecognised]


@pytest.mark.parametrize("form", READ_MOST)
def test_names_of_companies_become_searches_no_more_often_than_before(form: str) -> None:
    names = company_names.put_together()[form]
    assert len(names) == 1000
    read = _read(names)
    assert len(read) <= READ_MOST[form], read
    of_prefectures = {entry.ja[:-1] for entry in SCHEMES["prefecture"].codes.values()}
    prefectures = [name for surname in company_names.SURNAMES if surname[0] in of_prefectures for name in surname]
    for name in read:
        assert any(name.startswith(prefecture) for prefecture in prefectures), name
        assert parse_terms(name).corrected == (), name


def test_no_name_of_the_demo_world_is_read() -> None:
    names = company_names.of_the_demo_world()
    assert len(names) == 1000 and _read(names) == []


# --- the dictionary -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("locale", NAME_LOCALES[2:])
@pytest.mark.parametrize("scheme", ["place", "industry", "scheme"])
def test_every_published_code_is_found_by_its_name_in_each_language(scheme: str, locale: str) -> None:
    for code in SCHEMES[scheme].codes:
        if code == "any":
            continue
        found = _found(translated(scheme, code, locale) or "")["schemes" if scheme == "scheme" else scheme]
        if scheme == "scheme":
            assert code in found
        else:
            assert frozenset().union(*(leaves(scheme, each) for each in found)) >= leaves(scheme, code), (code, found)


@pytest.mark.parametrize("locale", NAME_LOCALES[2:])
def test_every_phrase_is_found_by_its_name_in_each_language(locale: str) -> None:
    for phrase in vocabulary().showable():
        assert parse_terms(translated("phrase", phrase.code, locale) or "") == Terms({}, frozenset({phrase.code}), ()), phrase.code


def test_every_private_industry_region_and_phrase_has_an_everyday_word_in_chinese_and_korean() -> None:
    rows = read_table("db/reference/synonyms_zh_ko.tsv")
    worded = {language: {(row["attribute"], row["code"]) for row in rows if row[language]} for language in ("zh", "ko")}
    wanted = {("industry", code) for code in SCHEMES["industry"].codes if code.isdigit() and code not in ("86", "93", "94", "96", "97", "98", "99")}
    wanted |= {("phrases", phrase.code) for phrase in vocabulary().showable()} | {("place", code) for code in SCHEMES["region"].codes}
    said = [row for row in read_table("db/reference/places.tsv") if row["code"] in SCHEMES["region"].codes]
    for language, found in worded.items():
        found |= {("place", row["code"]) for row in said if row[language]}
    for language, found in worded.items():
        assert wanted <= found, (language, sorted(wanted - found))


# --- spelling -------------------------------------------------------------------------------------------------------


@given(st.text("abcか京호", max_size=7), st.text("abcか京호", max_size=7))
def test_words_one_slip_apart_have_a_shortened_form_in_common(one: str, other: str) -> None:
    slips = {one[:at] + c + one[at:] for at in range(len(one) + 1) for c in "abcか京호"} | {one[:at] + one[at + 1 :] for at in range(len(one))}
    slips |= {one[:at] + c + one[at + 1 :] for at in range(len(one)) for c in "abcか京호"}
    slips |= {one[:at] + one[at + 1] + one[at] + one[at + 2 :] for at in range(len(one) - 1)}
    assert one_slip_apart(one, other) == (other in slips - {one})
    assert other not in slips - {one} or set(shortened(one)) & set(shortened(other))


@given(st.text(max_size=30))
def test_a_word_folded_twice_is_the_word_folded_once(word: str) -> None:
    assert fold(fold(word)) == fold(word)
    assert romaji_key(romaji_key(word)) == romaji_key(word) or not word.isascii()


def test_every_character_of_a_script_folds_to_one_everyday_form() -> None:
    for row in read_table("db/reference/han_scripts.tsv"):
        assert {fold(form) for form in row["forms"]} == {fold(row["everyday"])}, row
    assert (fold("縣沢濱"), fold("县澤滨"), fold("県沢浜")) == ("県沢浜",) * 3


# --- time -----------------------------------------------------------------------------------------------------------


def test_two_hundred_characters_take_milliseconds() -> None:
    rng, entries = Random(33), sorted(dictionary().entries)
    texts = ["のは" * 100, "機械" * 100, "a " * 100, "機械" * 50 + "械" + "機械" * 49, "hotel " * 33 + "x", "food " * 19 + "fod " + "food " * 20, "호텔" * 99 + "토", "金属加" * 66,
             "旅館ホテル" * 39 + "ほ", "금속가공업" * 39 + "쳬", "x" * 200]  # fmt: skip
    for _ in range(100):
        text = rng.choice((" ", "")).join(rng.choice(entries) for _ in range(60))[:200]
        at = rng.randrange(len(text))
        texts += [text, text[:at] + rng.choice("xほ機토") + text[at + 1 :]]
    for text in texts:
        started = time.process_time()
        parse_terms(text)
        assert time.process_time() - started < 0.05, text
