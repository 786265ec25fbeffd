"""Is the company's own name found in every form people write, and nobody else's?"""

from __future__ import annotations

import pytest

from succession.anonymity.scanner import Own, own_of, own_of_profile, scan
from succession.anonymity.scanner.own import names
from succession.listings.profile import (
    Business,
    Guarantee,
    Identity,
    IntellectualProperty,
    Permit,
    PersonName,
    Profile,
    RealEstate,
    Site,
)

OWN = Own(
    names=("株式会社髙嶋精機製作所", "Takashima Precision Works Co., Ltd.", "タカロック"),
    kana=("タカシマセイキセイサクショ",),
    people=("髙嶋 圭吾", "タカシマ ケイゴ", "Keigo Takashima"),
    places=("大阪府東大阪市高井田裏3丁目12番7号 ミドリビル2F", "本社工場"),
    identifiers=("06-0012-3456", "https://www.takashima-seiki.example/", "9999900000017", "般-99 第991234号"),
    others=("豊陵ポンプ株式会社",),
)

FORMS = """
株式会社髙嶋精機製作所|髙嶋精機製作所株式会社|㈱髙嶋精機製作所|（株）髙嶋精機製作所|髙嶋精機製作所（株）|株式会社　髙嶋精機製作所
髙嶋精機製作所|高島精機製作所|高嶋精機製作所|髙嶋精機|髙嶋|タカシマセイキセイサクショ|たかしませいきせいさくしょ|ﾀｶｼﾏｾｲｷｾｲｻｸｼｮ|タカシマセーキセーサクショ
Takashima Seiki Seisakusho|Takasima Seiki Seisakusyo|TAKASHIMA SEIKI|takashima-seiki-seisakusho|takashimaseiki
Takashima
Takashima Precision Works Co., Ltd.|TAKASHIMA PRECISION WORKS|Ｔａｋａｓｈｉｍａ　Ｐｒｅｃｉｓｉｏｎ|takashima_precision_works|TPW
髙 嶋 精 機 製 作 所|髙・嶋・精・機・製・作・所|髙嶋精磯製作所|髙嶋精機製作|タカロック|たかろっく|Takarokku
髙嶋圭吾|高嶋 圭吾|圭吾|たかしまけいご|ケイゴ|KEIGO TAKASHIMA|Takashima Keigo|ミドリビル|高井田裏|東大阪|Higashiosaka
0600123456|０６－００１２－３４５６|06(0012)3456|+81 6 0012 3456|〇六ー〇〇一二ー三四五六|takashima-seiki.example|999-99000-00017|豊陵ポンプ
豊陵|991234
"""


BROKEN = ["髙嶋\u200b精機製作所", "髙嶋精\n機製作所", "髙嶋\ufeff 精機"]


@pytest.mark.parametrize("form", [*filter(None, FORMS.replace("\n", "|").split("|")), *BROKEN])
@pytest.mark.parametrize("sentence", ["当社は{}と申します。", "the sign says {} today"])
def test_a_written_form_is_found_whole(form, sentence):
    text, start = sentence.format(form), sentence.index("{")
    found = [(span.start, span.end) for span in scan(text, OWN, locale="ja").spans if span.kind == "own"]
    covered = {at for a, b in found for at in range(a, b)}
    assert set(range(start, start + len(form))) <= covered, found


@pytest.mark.parametrize(
    "innocent",
    [
        "弊社は金属の精密な加工を行う会社です。",
        "製作所の品質と納期には自信があります。",
        "We make precision parts and works of steel for many customers.",
        "東の空が明るい。大阪ではありません。",
        "番号は1234と5678です。",
        "株式会社として経営しています。",
        "本社工場は二階建てです。",
    ],
)
def test_ordinary_words_of_the_name_are_not_the_name(innocent):
    assert list(names(innocent, OWN)) == []


def test_a_short_name_is_a_word_of_its_own():
    own = Own(names=("株式会社オタ", "Ota Co., Ltd.", "有限会社泉"))
    assert list(names("pilot and rotary", own)) == []
    assert list(names("アオタケとオタマジャクシ", own)) == []
    assert list(names("温泉と源泉を引く", own)) == []
    for text in ("Ota makes tools", "オタは元気", "オタ社", "泉さん"):
        assert list(names(text, own)), text


def test_nothing_known_finds_nothing():
    assert list(names("株式会社髙嶋精機製作所", Own())) == []


def test_one_slip_of_the_pen_is_forgiven_but_not_two():
    own = Own(names=("神無月製作所",))
    for slip in ("神無日製作所", "神無製作所", "神無月製作所所", "神無月製所", "神無月制作所"):
        assert list(names(slip, own)), slip
    assert list(names("神有日製造所", own)) == []


def test_japan_alone_is_no_part_of_a_name():
    own = Own(names=("日本金属株式会社", "総合設備株式会社"))
    assert list(names("日本の技術と総合的な提案", own)) == []
    assert list(names("日本金属の技術", own)) and list(names("総合設備の人", own))


def profile() -> Profile:
    return Profile(
        identity=Identity(
            name="株式会社甲乙", name_kana="コウオツ", name_en="Kouotsu Inc.", name_romaji="Kootu", corporate_number="9",
            representative=PersonName(name="甲野 一", name_kana="コウノ ハジメ"), family_names=[PersonName(name="甲野 二")],
            sites=[Site(label="本社工場", postal_code="000-0000", address="架空県架空市1-1")], phones=["0120-000-000"],
            urls=["https://kouotsu.example"], email_domains=["kouotsu.example"], brands=["コウピカ"],
            former_names=["甲乙商店"], group_companies=["丙丁"], main_customers=["戊己"], main_suppliers=["庚辛"],
        ),
        business=Business(municipality="架空市", products=["ピカピカ"]),
        permits=[Permit(name="建設業", number="第999999号")],
        intellectual_property=[IntellectualProperty(kind="patent", title="壬癸装置", number="特許第9999999号")],
        guarantees=[Guarantee(lender="子丑銀行", kind="personal_guarantee")],
        real_estate=[RealEstate(kind="land", address="架空県架空市2-2")],
    )  # fmt: skip


def test_everything_a_profile_knows_is_looked_for():
    own = own_of_profile(profile())
    assert own.names[0] == "株式会社甲乙" and own.kana == ("コウオツ",)
    assert {"甲乙商店", "コウピカ", "ピカピカ", "Kouotsu Inc.", "壬癸装置"} <= set(own.names)
    assert {"甲野 一", "コウノ ハジメ", "甲野 二"} <= set(own.people)
    assert {"架空市", "架空県架空市1-1", "架空県架空市2-2"} <= set(own.places)
    assert {"0120-000-000", "https://kouotsu.example", "9", "第999999号", "特許第9999999号"} <= set(own.identifiers)
    assert set(own.others) == {"戊己", "庚辛", "丙丁", "子丑銀行"}


def test_a_draft_may_lack_anything():
    assert own_of(None, None) == own_of(Identity(), Business()) == own_of_profile(Profile()) == Own()
    assert own_of(profile().identity, None).places == ("架空県架空市1-1", "本社工場")
