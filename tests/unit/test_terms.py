"""Does the search box know trades and places in both languages, and nothing about any company?"""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from succession.anonymity.vocabulary import vocabulary
from succession.codes import SCHEMES, leaves, read_table
from succession.market.dictionary import dictionary, written_out
from succession.market.spelling import fold
from succession.market.terms import LENGTH_MAX, Terms, parse_terms

SYNONYMS = read_table("db/reference/synonyms.tsv")
SYNONYMS_ZH_KO = read_table("db/reference/synonyms_zh_ko.tsv")


def _found(q: str) -> dict[str, set[str]]:
    read = parse_terms(q)
    assert read.unrecognised == (), read
    found = {name: set(codes) for name, codes in read.filters.items()}
    return found | ({"phrases": set(read.phrases)} if read.phrases else {})


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("sake brewery Tohoku", {"industry": {"10"}, "place": {"tohoku"}}),
        ("金属加工 九州", {"industry": {"24"}, "place": {"kyushu_okinawa"}}),
        ("東北の酒蔵", {"industry": {"10"}, "place": {"tohoku"}}),
        ("東北　酒蔵", {"industry": {"10"}, "place": {"tohoku"}}),
        ("酒蔵,東北", {"industry": {"10"}, "place": {"tohoku"}}),
        ("SAKE BREWERIES in Tōhoku", {"industry": {"10"}, "place": {"tohoku"}}),
        ("ﾎﾃﾙ 近畿", {"industry": {"75"}, "place": {"kansai"}}),
        ("ほてる", {"industry": {"75"}}),
        ("東京都", {"place": {"JP-13"}}),
        ("東京", {"place": {"JP-13"}}),
        ("京都の旅館", {"place": {"JP-26"}, "industry": {"75"}}),
        ("Osaka-fu", {"place": {"JP-27"}}),
        ("Osaka prefecture", {"place": {"JP-27"}}),
        ("東京と大阪で介護", {"place": {"JP-13", "JP-27"}, "industry": {"85"}}),
        ("町工場", {"industry": {"manufacturing"}}),
        ("北陸の建設会社", {"place": {"JP-16", "JP-17", "JP-18"}, "industry": {"construction"}}),
        ("食料品製造業", {"industry": {"09"}}),
        ("Food manufacturer", {"industry": {"09"}}),
        ("nursing care business for sale", {"industry": {"85"}}),
        ("IT企業", {"industry": {"39"}}),
        ("株式譲渡 飲食店", {"schemes": {"share_transfer"}, "industry": {"76"}}),
        ("雇用維持 九州", {"phrases": {"jobs_kept"}, "place": {"kyushu_okinawa"}}),
        ("foreign buyers welcome, Hokkaido", {"phrases": {"overseas_buyer_welcome"}, "place": {"JP-01"}}),
        ("外資歓迎 九州 食料品製造業", {"phrases": {"overseas_buyer_welcome"}, "place": {"kyushu_okinawa"}, "industry": {"09"}}),
        ("second-in-command, family support", {"phrases": {"second_in_command", "family_supports"}}),
        ("barriers to entry Kansai", {"phrases": {"hard_to_enter"}, "place": {"kansai"}}),
        ("受注残 北陸の企業 英語対応", {"phrases": {"orders_in_hand", "foreign_language_talks"}, "place": {"JP-16", "JP-17", "JP-18"}}),
        ("安全重視 safety minded", {"phrases": {"safety_culture", "safety_first"}}),  # retired, and what replaced it
    ],
)
def test_what_people_type(q: str, found: dict[str, set[str]]) -> None:
    assert _found(q) == found


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("metal parts maker", {"industry": {"24"}}),
        ("関西 大阪", {"place": {"JP-27"}}),
        ("日本の旅館 山形", {"place": {"JP-06"}, "industry": {"75"}}),
        ("関西・東海", {"place": {"kansai", "JP-21", "JP-22", "JP-23", "JP-24"}}),  # neither lies inside the other
    ],
)
def test_a_wider_term_beside_a_narrower_one_only_describes_it(q: str, found: dict[str, set[str]]) -> None:
    assert _found(q) == found


@pytest.mark.parametrize("q", ["", " ", "　\t"])
def test_a_blank_text_does_not_narrow_the_search(q: str) -> None:
    assert parse_terms(q) == Terms({}, frozenset(), ())


@pytest.mark.parametrize(
    ("q", "unrecognised"),
    [
        ("sake brewery Xanadu Tohoku", ("Xanadu",)),
        ("東北 ナニカ", ("ナニカ",)),
        ("東北の酒蔵っぽい", ("東北の酒蔵っぽい",)),  # an unspaced word is read to its end or not at all
        ("の", ("の",)),
        ("会社", ("会社",)),
        ("---", ("---",)),
        ("ISO 9001", ("ISO", "9001")),
        ("b" * (LENGTH_MAX + 1), ("b" * LENGTH_MAX,)),
    ],
)
def test_what_is_not_vocabulary_is_echoed_and_finds_nothing(q: str, unrecognised: tuple[str, ...]) -> None:
    assert parse_terms(q) == Terms({}, frozenset(), unrecognised)


def test_linkable_phrases_are_no_search_terms() -> None:
    """No teaser shows them before the name clear, so recognising one could only ever hint at a dossier."""
    for phrase in vocabulary().phrases.values():
        for words in (phrase.ja, phrase.en, *phrase.synonyms_ja, *phrase.synonyms_en):
            assert (phrase.code in parse_terms(words).phrases) == (not phrase.linkable), words


# --- attack A12: a company's own words are read like any other string ------------------------------------------------

COMPANIES = [
    # kanji core, kana, romaji, English; plainly fictitious. Several hide a prefecture, a region or a trade.
    ("花守精機", "ハナモリセイキ", "Hanamori Seiki", "Hanamori Precision"),
    ("山口架空製作所", "ヤマグチカクウセイサクショ", "Yamaguchi Kakuu Seisakusho", "Yamaguchi Imaginary Works"),
    ("東北まぼろし酒造", "トウホクマボロシシュゾウ", "Tohoku Maboroshi Shuzo", "Tohoku Phantom Sake Brewery"),
    ("霧野旅館", "キリノリョカン", "Kirino Ryokan", "Hotel Kirino"),
    ("ミナカミ食品", "ミナカミショクヒン", "Minakami Shokuhin", "Minakami Foods"),
]
JA_FORMS = ("{}", "株式会社{}", "{}株式会社", "㈱{}", "（有）{}", "株式会社　{}", "合同会社 {}")
EN_FORMS = ("{}", "{} Co., Ltd.", "{} Inc", "{} K.K.", "Kabushiki Kaisha {}", "{} G.K.")
IDENTIFIERS = [
    "9999000000017", "T9999000000017", "9999-0000-00017", "９９９９０００００００１７", "特許第9999999号", "JP9999999B2",
    "03-0000-0000", "０３（００００）００００", "+81-3-0000-0000", "info@hanamori.example", "https://www.hanamori.example/",
    "〒000-0000", "山口県まぼろし市霧野町1-2-3", "山口県 まぼろし市 霧野町 一丁目", "1-2-3 Kirino-cho, Maboroshi-shi, Yamaguchi",
    "山口 太郎", "やまぐち たろう", "Taro Yamaguchi", "YAMAGUCHI, Taro", "石川 花子", "@hanamori_seiki", "創業1923年",
    "花守ブランド", "日本初の花守式ポンプ", "24", "JP-35", "industry:24", "revenue>200",
]  # fmt: skip


WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
NARROW = {ord(unicodedata.normalize("NFKC", chr(code))): code for code in range(0xFF66, 0xFFA0)}
HIRAGANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}


def _written_variants(name: str) -> set[str]:
    return {
        name, name.upper(), name.lower(), name.translate(WIDE), name.translate(HIRAGANA), " ".join(name),
        unicodedata.normalize("NFD", name), unicodedata.normalize("NFD", name).translate(NARROW),
        name.replace(" ", ""), name.replace(" ", "-"), name.replace(" ", "\n"), name.replace(" ", "\u200b"),
        "\u200b".join(name), "・".join(name), f"「{name}」", f"{name}?",
    }  # fmt: skip


def _planted() -> list[str]:
    names = set()
    for kanji, kana, romaji, english in COMPANIES:
        names |= {form.format(core) for form in JA_FORMS for core in (kanji, kana)}
        names |= {form.format(core) for form in EN_FORMS for core in (romaji, english)}
    return sorted({variant for name in (*names, *IDENTIFIERS) for variant in _written_variants(name)})


def test_planted_names_numbers_and_addresses_are_read_like_random_strings() -> None:
    planted = _planted()
    assert len(planted) > 1500
    for text in planted:
        read = parse_terms(text)
        assert (read.filters, read.phrases) == ({}, frozenset()), text
        assert read.unrecognised, text


WORDS = [next(written_out(word, language)) for row in SYNONYMS for language in ("ja", "en") if (word := row[language].split("|")[0])]
STRANGERS = st.one_of(
    st.text("qxzjv", min_size=4, max_size=12),
    st.text("ヌヱヂヅペ", min_size=3, max_size=12),
    st.text("0123", min_size=1, max_size=13),
)


@given(st.lists(st.sampled_from(WORDS), max_size=5), STRANGERS, st.integers(0, 5))
def test_one_unknown_word_and_nothing_is_searched(known: list[str], stranger: str, at: int) -> None:
    assert parse_terms(" ".join([*known[:at], stranger, *known[at:]])) == Terms({}, frozenset(), (stranger,))


@settings(max_examples=300)
@given(st.text(max_size=400))
def test_any_text_is_read_without_error_and_never_half(text: str) -> None:
    read = parse_terms(text)
    assert not (read.unrecognised and (read.filters or read.phrases))
    assert bool(read.unrecognised or read.filters or read.phrases) == bool(text.strip())
    for attribute, codes in read.filters.items():
        assert codes <= set(SCHEMES["scheme" if attribute == "schemes" else attribute].codes)


HARD = ["のは" * 100, "機械" * 100, "a " * 100, "山口" * 100, "\ufdfa" * 200, "きか" * 100, "x" * 10**6]


@pytest.mark.parametrize("text", HARD, ids=range(len(HARD)))
def test_hard_texts_take_bounded_time(text: str) -> None:
    parse_terms("warm")
    started = time.perf_counter()
    parse_terms(text)
    assert time.perf_counter() - started < 5


# --- the dictionary --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("table", "languages", "least"), [(SYNONYMS, ("ja", "en"), 3000), (SYNONYMS_ZH_KO, ("zh", "ko"), 2500)])
def test_every_synonym_is_known_and_means_its_code(table, languages: tuple[str, str], least: int) -> None:
    total = 0
    for row in table:
        scheme = "scheme" if row["attribute"] == "schemes" else row["attribute"]
        codes = {phrase.code for phrase in vocabulary().showable()} if scheme == "phrases" else SCHEMES[scheme].codes
        assert row["code"] in codes
        for language, word in ((language, word) for language in languages for word in filter(None, row[language].split("|"))):
            for each in written_out(word, language):
                read = parse_terms(each)
                named = read.phrases if row["attribute"] == "phrases" else read.filters.get(row["attribute"], ())
                assert row["code"] in named, each
            total += 1
    assert total >= least, total


@pytest.mark.parametrize("attribute", ["place", "industry"])
@pytest.mark.parametrize("locale", ["ja", "en"])
def test_every_official_name_finds_its_own_code(attribute: str, locale: str) -> None:
    for code, entry in SCHEMES[attribute].codes.items():
        if code == "any":
            continue
        found = _found(entry.ja if locale == "ja" else entry.en)[attribute]
        reached = frozenset().union(*(leaves(attribute, each) for each in found))
        assert reached >= leaves(attribute, code), (code, found)


def test_one_spelling_never_means_two_unrelated_things() -> None:
    """A trade may be spread over several codes, and a word for a region over its prefectures; a phrase is one phrase."""
    for entry, meaning in dictionary().entries.items():
        assert len({attribute for attribute, _code in meaning}) <= 1, (entry, meaning)
        assert sum(attribute == "phrases" for attribute, _code in meaning) <= 1, (entry, meaning)


def test_every_phrase_is_found_by_its_own_words_and_nothing_else_is() -> None:
    for phrase in vocabulary().showable():
        for words in (phrase.ja, phrase.en, *phrase.synonyms_ja, *phrase.synonyms_en):
            assert parse_terms(words) == Terms({}, frozenset({phrase.code}), ()), words


def test_every_private_industry_has_everyday_words_in_both_languages() -> None:
    worded = {language: {row["code"] for row in SYNONYMS if row[language]} for language in ("ja", "en")}
    for code, entry in SCHEMES["industry"].codes.items():
        if code.isdigit() and code not in ("86", "93", "94", "96", "97", "98", "99"):
            assert code in worded["ja"] and code in worded["en"], entry


def test_no_entry_holds_a_number_a_municipality_or_a_single_character() -> None:
    """But for the cities that are said for their prefecture, by themselves or beside it."""
    cities = [fold(word).removesuffix("市") for row in read_table("db/reference/places.tsv") for language in ("ja", "zh") for word in row[language].split("|")]
    prefectures = [entry.ja for entry in SCHEMES["prefecture"].codes.values()]
    allowed = set(cities) | {city + "市" for city in cities} | {name + city for name in (*prefectures, *(name[:-1] for name in prefectures)) for city in cities}
    for entry, meaning in ((entry, meaning) for entry, meaning in dictionary().entries.items() if meaning):
        assert not any(character.isdigit() for character in entry), entry
        assert len(entry) > 1, entry
        a_place = any(attribute == "place" for attribute, _code in meaning) and not entry.endswith("地区")
        assert not (a_place and entry[-1] in "市区町村") or entry in allowed, entry
