"""Are the written forms of a name brought to one, and does every character know where it came from?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from succession.anonymity.scanner.normal import bare, bare_text, hepburn, old_kanji, plain, romaji, romaji_key
from succession.codes import read_table


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("ﾔﾏﾀﾞ㈱", "ヤマダ(株)"),
        ("Ｙａｍａｄａ　１２３", "Yamada 123"),
        ("髙﨑渡邊齋藤濵澤", "高崎渡辺斎藤浜沢"),
        ("山\u200b田\ufeff製\u00ad作所", "山田製作所"),
        ("か\u3099き", "がき"),
        ("e\u0301", "é"),
        ("03−1234‐5678", "03-1234-5678"),
        ("ｶﾞｰﾀﾞｰ", "ガーダー"),
        ("⼭本", "山本"),
    ],
)
def test_the_plain_view_is_what_is_read(written, read):
    assert plain(written).text == read


def test_every_character_of_a_view_knows_where_it_came_from():
    view = plain("A㈱ｶﾞ\u200b髙")
    assert view.text == "A(株)ガ高"
    assert view.original(0, 1) == (0, 1)
    assert [view.original(at, at + 1) for at in (1, 2, 3)] == [(1, 2)] * 3
    assert view.original(4, 5) == (2, 4)
    assert view.original(5, 6) == (5, 6)


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=60))
def test_views_never_point_outside_the_text_nor_backwards(text):
    first = plain(text)
    for view, source in ((first, text), (bare(first.text), first.text), (romaji(bare(first.text)), first.text)):
        assert len(view.text) == len(view.starts) == len(view.ends)
        assert all(0 <= start < end <= len(source) for start, end in zip(view.starts, view.ends, strict=True))
        assert list(view.starts) == sorted(view.starts)


@pytest.mark.parametrize(
    "written",
    ["山田製作所", "山 田 製 作 所", "山・田・製・作・所", "山田\n製作所", "山田-製作所", "（山田）製作所", "山田 「製作所」"],
)
def test_nothing_between_the_letters_makes_another_name(written):
    assert bare_text(written) == "山田製作所"


def test_the_bare_view_has_one_kana_and_no_case():
    assert bare_text("やまだ せいさくしょ") == bare_text("ヤマダセイサクショ") == bare_text("ﾔﾏﾀﾞｾｲｻｸｼｮ")
    assert bare_text("キャノン") == bare_text("キヤノン")
    assert bare_text("Société Générale") == "societegenerale"
    view = bare("山 田")
    assert view.text == "山田" and view.original(0, 2) == (0, 3)


@pytest.mark.parametrize(
    "spellings",
    [
        ("Shimbunsha", "Shinbunsha", "Sinbunsya", "shimbun-sha"),
        ("Chōjū", "Choju", "Chouju", "Tyouzyuu", "CHOJU"),
        ("Ohta", "Oota", "Ōta", "Ota"),
        ("Matcha", "Mattya", "Maccha"),
        ("Jun'ichi", "Junichi", "Zyuniti"),
        ("Fujitsu", "Huzitu", "Fuzitsu"),
        ("Satoh", "Sato", "Satou", "Satō"),
        ("Tsuchiya", "Tutiya"),
    ],
)
def test_one_sound_has_one_spelling(spellings):
    assert len({romaji_key(spelling) for spelling in spellings}) == 1


def test_other_names_stay_apart():
    names = ["Yamada", "Yamaha", "Tanaka", "Takana", "Kato", "Gato", "Sato", "Ono"]
    assert len({romaji_key(name) for name in names}) == len(names)
    assert romaji_key("Kohana") == "kohana"


@pytest.mark.parametrize(
    ("kana", "latin"),
    [("ヤマダセイサクショ", "yamadaseisakusho"), ("まっちゃ", "matcha"), ("ジュンイチ", "junichi"), ("ガッコウ", "gakkou")],
)
def test_kana_in_latin_letters(kana, latin):
    assert hepburn(kana) == latin


def test_folding_kanji_ends_at_once():
    forms = old_kanji()
    assert not [form for form, everyday in forms.items() if everyday in forms]
    assert len(forms) > 300 and forms["髙"] == "高" and forms["邊"] == forms["邉"] == "辺"


def test_every_kana_has_a_spelling():
    table = {row["kana"]: row["hepburn"] for row in read_table("db/reference/kana_romaji.tsv")}
    missing = [chr(code) for code in range(ord("ァ"), ord("ヶ") + 1) if chr(code) not in table]
    assert missing == ["ッ"], "the small tsu doubles what follows"
