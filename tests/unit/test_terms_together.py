"""Are several words of one text read together as people mean them, and words that ask for nothing passed over, from a closed list only?"""

from __future__ import annotations

import pytest

from succession.codes import SCHEMES, leaves, read_table
from succession.market.dictionary import dictionary, key_of
from succession.market.terms import parse_terms


def _found(q: str) -> dict[str, set[str]]:
    read = parse_terms(q)
    assert read.unrecognised == (), read
    return {name: set(codes) for name, codes in read.filters.items()}


@pytest.mark.parametrize(("q", "industry"), [
    ("furniture wholesaler", {"55"}), ("wholesale of furniture", {"55"}), ("家具の卸売", {"55"}), ("卸売 家具", {"55"}), ("家具 批发商", {"55"}), ("가구 도매", {"55"}), ("furniture store", {"60"}),
    ("toys, retail or wholesale", {"55", "60"}), ("toy shop", {"60"}), ("toy maker", {"32"}), ("食品 小売", {"58"}), ("plating shop", {"24"}),  # a workshop, which sells no goods
    ("food logistics", {"transport"}), ("食品の物流", {"transport"}), ("冷凍食品 倉庫", {"47"}), ("logistics for food", {"transport"}), ("食品、物流", {"09", "transport"}), ("food and logistics", {"09", "transport"}),
    ("plastics recycling", {"88"}), ("プラスチック リサイクル", {"88"}), ("リサイクル プラスチック", {"88"}), ("hotel software", {"39"}), ("IT 広告", {"39", "73"}),  # a list, in a script that needs no spaces
    ("rental of kimonos", {"70"}), ("kimono rental", {"70"}), ("看護師 人材紹介", {"91"}), ("staffing agency for nurses", {"91"}),
    ("パン 工場", {"09"}), ("パン 販売", {"58"}), ("クリーニングの工場", {"78"}), ("介護サービス", {"85"}), ("ホテル サービス業", {"75"}), ("旅館と飲食店", {"75", "76"}),
])  # fmt: skip
def test_trades_beside_one_another(q: str, industry: set[str]) -> None:
    assert _found(q) == {"industry": industry}


def test_what_is_sold_is_sold_by_an_industry_that_sells_it() -> None:
    rows = read_table("db/reference/goods_trades.tsv")
    for row in rows:
        assert row["made"] in leaves("industry", "primary") | leaves("industry", "manufacturing")
        assert set(row["wholesale"].split("|")) <= {"50", "51", "52", "53", "54", "55"}
        assert set(filter(None, row["retail"].split("|"))) <= {"56", "57", "58", "59", "60", "61"}
    assert {row["made"] for row in rows} | {"15"} == leaves("industry", "primary") | leaves("industry", "manufacturing")  # printing is work to order


SAKE = {"industry": {"10"}, "place": {"JP-15"}}


@pytest.mark.parametrize("q", [
    "新潟で酒蔵を探しています", "新潟県内の酒蔵を買いたいです", "後継者のいない新潟の酒蔵", "新潟にある酒蔵を引き継ぎたい", "酒蔵 新潟 M&A", "越後の酒蔵さん", "新潟市の造り酒屋を譲り受けたい", "酒蔵の会社 新潟 売却案件", "新潟 の 酒蔵",
    "I'm looking to buy a sake brewery in Niigata", "Niigata-based sake breweries for sale", "small family-owned sake brewery near Niigata, no successor", "sake brewery acquisition opportunities, Niigata City",
    "we would like to acquire a sake brewer located in Niigata prefecture", "any sake breweries available in Niigata?",
    "我想在新潟收购一家清酒厂", "新泻清酒厂转让", "寻找新潟的清酒酿造企业", "收購新潟縣的清酒廠 無接班人", "求购 新潟 酒造",
    "니가타에 있는 사케 양조장을 인수하고 싶습니다", "니가타의 양조장 매물 있나요", "후계자가 없는 니가타 사케 양조장", "니가타현 사케 양조장 인수 희망", "에치고 양조장을 찾고 있습니다",
])  # fmt: skip
def test_a_search_is_read_out_of_the_sentence_around_it(q: str) -> None:
    assert _found(q) == SAKE


@pytest.mark.parametrize(("q", "place"), [
    ("大阪南部", {"JP-27"}), ("長野県北部", {"JP-20"}), ("東京23区", {"JP-13"}), ("長野 松本", {"JP-20"}), ("松本市", {"JP-20"}), ("Matsumoto City", {"JP-20"}), ("Nagano Matsumoto", {"JP-20"}), ("나가노 마쓰모토", {"JP-20"}),
    ("讃岐", {"JP-37"}), ("紀伊半島", {"JP-24", "JP-30"}), ("ニセコ", {"JP-01"}), ("新雪谷", {"JP-01"}), ("일본 전국", {"east", "west"}), ("カガワ", {"JP-37"}), ("다카마츠시", {"JP-37"}), ("up north", {f"JP-{n:02}" for n in range(1, 8)}),
])  # fmt: skip
def test_places_as_people_say_them(q: str, place: set[str]) -> None:
    assert _found(q) == {"place": place}


@pytest.mark.parametrize("q", ["松本", "Matsumoto", "豊田 製造業", "Sakai", "川崎", "마쓰모토", "那須", "オオミヤ ヤマダ"])
def test_a_city_that_is_a_family_s_name_is_read_with_its_word_only(q: str) -> None:
    assert parse_terms(q).unrecognised


@pytest.mark.parametrize(("q", "phrase"), [
    ("社長が残ってくれる会社", "owner_stays_a_while"), ("オーナーに残ってほしい", "owner_stays_a_while"), ("president will stay for handover", "owner_stays_a_while"), ("老板愿意留任", "owner_stays_a_while"), ("대표가 남아주는 회사", "owner_stays_a_while"),
    ("従業員の雇用を守ってほしい", "jobs_kept"), ("retain all employees", "jobs_kept"), ("직원 고용 승계 희망", "jobs_kept"), ("保留全体员工", "jobs_kept"),
    ("台湾人でも買える", "overseas_buyer_welcome"), ("open to foreign ownership", "overseas_buyer_welcome"), ("接受外资收购", "overseas_buyer_welcome"), ("외국인도 인수 가능한", "overseas_buyer_welcome"),
])  # fmt: skip
def test_phrases_in_other_words(q: str, phrase: str) -> None:
    assert parse_terms(q).phrases == {phrase} and parse_terms(q).unrecognised == ()


# --- words that ask for nothing ----------------------------------------------------------------------------------------


def _fillers() -> set[str]:
    return {entry for entry, meaning in dictionary().entries.items() if not meaning}


def test_words_that_ask_for_nothing_ask_for_nothing_alone() -> None:
    for word in ("会社を買いたい", "business for sale", "M&A", "想收购公司", "회사 인수하고 싶습니다", "looking for a company"):
        assert parse_terms(word).unrecognised and not parse_terms(word).filters, word


def test_no_word_by_which_firms_end_their_names_asks_for_nothing() -> None:
    """Or a name and such a word would be read as the name's place: Yamaguchi Holdings, 長野商事."""
    endings = {key_of(ending) for row in read_table("db/reference/name_endings.tsv") if row["kind"] == "organisation" for ending in row["endings"].split()}
    forms = {key_of(row["form"]) for row in read_table("db/reference/legal_forms.tsv")}
    assert _fillers() & (endings | forms) <= {"公司", "company", "有"}  # what China and the West call any business; 有 stands before what there is
    for name in ("Yamaguchi Holdings", "Nagano Group", "Ishikawa Corporation", "Fukushima Works", "長野商事", "山口興業", "石川ホールディングス", "나가노 홀딩스", "야마구치 그룹", "山口株式会社", "Yamaguchi Co Ltd", "Nagano Inc"):
        assert parse_terms(name).unrecognised, name


def test_nothing_that_denies_is_passed_over() -> None:
    for q in ("東京以外 ホテル", "hotel not in Tokyo", "hotel outside Tokyo", "hotels except Tokyo", "ホテル以外 東京", "东京以外的酒店", "도쿄 제외 호텔", "no hotels Tokyo", "除了东京 酒店"):
        assert parse_terms(q).unrecognised, q


def test_every_class_of_words_is_used_and_of_every_language() -> None:
    tables = [read_table(f"db/reference/{name}.tsv") for name in ("synonyms", "synonyms_zh_ko", "search_fillers")]
    text = " ".join(cell for rows in tables for row in rows for cell in row.values())
    for row in read_table("db/reference/word_classes.tsv"):
        assert f"{{{row['name']}}}" in text, row["name"]
        assert all(row[language] for language in ("ja", "en", "zh", "ko"))


def test_places_and_readings_are_of_published_codes_and_known_words() -> None:
    for row in read_table("db/reference/places.tsv"):
        assert set(row["code"].split("|")) <= set(SCHEMES["place"].codes) and row["said"] in ("city", "region")
    trades = {word for row in read_table("db/reference/synonyms.tsv") if row["attribute"] == "industry" for word in row["ja"].split("|")}
    endings = {ending for row in read_table("db/reference/name_endings.tsv") if row["kind"] == "organisation" for ending in row["endings"].split()}
    for row in read_table("db/reference/readings.tsv"):
        assert row["word"] not in endings, row
        assert row["word"] in trades, row
