"""What are invented companies and people called, so that nobody mistakes them for real ones?

Company names are made of syllables that mean nothing; people carry 例 (example) in their surname and one of the signs
that Japanese texts use for "so-and-so" (甲乙丙丁); streets are in 架空町 (Fictitious Town), post codes are 000-, phones
begin with a letter, domains end in .example (RFC 2606), corporate numbers begin with 9999, which is not assigned.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from succession.accounts.identifiers import make_corporate_number
from succession.codes import division_of, label

# Two or three kana that are no word, and their romaji. Head + tail gives 900 stems, with a middle 9,900.
_HEADS = dict(zip(
    "アゼ イノ ウル エナ オビ カヌ キソ クオ ケラ コミ サノ シオ スミ セラ ソヨ タオ チノ ツネ テラ トワ ナギ ニレ ヌイ ネオ ノア ハル ヒナ フユ ヘキ ホノ".split(),
    "aze ino uru ena obi kanu kiso kuo kera komi sano shio sumi sera soyo tao chino tsune tera towa nagi nire nui neo noa haru hina "
    "fuyu heki hono".split(), strict=True))  # fmt: skip
_TAILS = dict(zip(
    "ルタ メノ ニア レノ ミゼ ロカ ヤオ ピコ リブ ゼム ナカ ロト スカ ベラ キネ モナ ガノ ヌバ ソマ リテ ドラ ケノ ワセ テム ボラ ラノ シマ ヨト ザキ ウノ".split(),
    "ruta meno nia reno mize roka yao piko ribu zemu naka roto suka bera kine mona gano nuba soma rite dora keno wase temu bora "
    "rano shima yoto zaki uno".split(), strict=True))  # fmt: skip
_MIDDLES = {"": "", "ン": "n", "ラ": "ra", "メ": "me", "ソ": "so", "ト": "to", "ビ": "bi", "ル": "ru", "ナ": "na", "ギ": "gi", "ケ": "ke"}

# What follows the stem, by division or major group: written, kana, English.
_TRADES = {
    "A": ("農園", "ノウエン", "Farm"), "B": ("水産", "スイサン", "Fisheries"), "C": ("鉱業", "コウギョウ", "Mining"),
    "D": ("建設", "ケンセツ", "Construction"), "E": ("製作所", "セイサクショ", "Works"),
    "09": ("食品", "ショクヒン", "Foods"), "10": ("飲料", "インリョウ", "Beverages"), "11": ("繊維", "センイ", "Textiles"),
    "15": ("印刷", "インサツ", "Printing"), "24": ("金属工業", "キンゾクコウギョウ", "Metal Industries"),
    "25": ("機械", "キカイ", "Machinery"), "26": ("機工", "キコウ", "Machine Tools"), "28": ("電子", "デンシ", "Electronics"),
    "F": ("エネルギー", "エネルギー", "Energy"), "G": ("システム", "システム", "Systems"), "H": ("運輸", "ウンユ", "Transport"),
    "I": ("商店", "ショウテン", "Stores"), "50": ("商事", "ショウジ", "Trading"), "51": ("商事", "ショウジ", "Trading"),
    "52": ("商事", "ショウジ", "Trading"), "53": ("商事", "ショウジ", "Trading"), "54": ("商事", "ショウジ", "Trading"),
    "55": ("商事", "ショウジ", "Trading"), "J": ("保険サービス", "ホケンサービス", "Insurance Services"),
    "K": ("不動産", "フドウサン", "Real Estate"), "L": ("設計", "セッケイ", "Engineering"),
    "M": ("フードサービス", "フードサービス", "Food Service"), "75": ("旅館", "リョカン", "Inn"),
    "N": ("ライフサービス", "ライフサービス", "Life Services"), "O": ("学習社", "ガクシュウシャ", "Learning"),
    "P": ("ケアサービス", "ケアサービス", "Care Services"), "Q": ("共同事業", "キョウドウジギョウ", "Joint Services"),
    "R": ("テクノサービス", "テクノサービス", "Technical Services"),
}  # fmt: skip
_FORMS = {
    "kk": ("株式会社", "Co., Ltd."), "tokurei_yugen": ("有限会社", "Ltd."), "godo": ("合同会社", "LLC"),
    "gomei_goshi": ("合資会社", "& Co."), "sole_proprietor": ("", ""),
}  # fmt: skip
_FAMILIES = {
    "例田": ("レイダ", "Reida"), "例山": ("レイヤマ", "Reiyama"), "例川": ("レイカワ", "Reikawa"), "例木": ("レイキ", "Reiki"),
    "例本": ("レイモト", "Reimoto"), "例野": ("レイノ", "Reino"), "例沢": ("レイサワ", "Reisawa"), "例島": ("レイジマ", "Reijima"),
    "例村": ("レイムラ", "Reimura"), "例崎": ("レイザキ", "Reizaki"), "例原": ("レイハラ", "Reihara"), "例浜": ("レイハマ", "Reihama"),
}  # fmt: skip
_GIVEN = {
    "甲太郎": ("コウタロウ", "Kotaro"), "乙次": ("オトジ", "Otoji"), "丙三": ("ヘイゾウ", "Heizo"), "丁子": ("チョウコ", "Choko"),
    "甲子": ("コウコ", "Koko"), "乙美": ("オトミ", "Otomi"), "丙吾": ("ヘイゴ", "Heigo"), "丁一": ("チョウイチ", "Choichi"),
}  # fmt: skip

FICTITIOUS_POST_CODE = "000-"
FICTITIOUS_PHONE = "0X0-0000-"
FICTITIOUS_TOWN = "架空町"
FICTITIOUS_BASE_NUMBER = "9999"


class CompanyName(NamedTuple):
    """`stem` is the romaji domain label; `en` is empty for a sole proprietor's shop."""

    ja: str
    kana: str
    romaji: str
    en: str
    stem: str


class Person(NamedTuple):
    name: str
    kana: str
    romaji: str


class Stems:
    """Stems that have not been given yet, in an order that depends on the generator."""

    def __init__(self, rng: Random) -> None:
        parts = [(h, m, t) for h in _HEADS for m in _MIDDLES for t in _TAILS]
        rng.shuffle(parts)
        self._left = parts

    def take(self) -> tuple[str, str]:
        """(katakana, romaji). IndexError when all 9,900 are given."""
        head, middle, tail = self._left.pop()
        return head + middle + tail, _HEADS[head] + _MIDDLES[middle] + _TAILS[tail]


def company_name(stem: tuple[str, str], industry2: str, legal_form: str, rng: Random) -> CompanyName:
    """A name of the trade, with its legal form before or behind."""
    kana, romaji = stem
    trade, trade_kana, trade_en = _TRADES.get(industry2) or _TRADES[division_of(industry2)]
    form, form_en = _FORMS[legal_form]
    whole = f"{kana}{trade}"
    ja = f"{form}{whole}" if rng.random() < 0.6 else f"{whole}{form}"
    en = f"{romaji.capitalize()} {trade_en} {form_en}" if form_en else ""
    return CompanyName(ja, kana + trade_kana, f"{romaji.capitalize()} {trade_en}", en, romaji)


def person(rng: Random, family: str | None = None) -> Person:
    """Somebody; `family` gives a relative."""
    family = family or rng.choice(list(_FAMILIES))
    given = rng.choice(list(_GIVEN))
    (family_kana, family_romaji), (given_kana, given_romaji) = _FAMILIES[family], _GIVEN[given]
    return Person(f"{family} {given}", f"{family_kana} {given_kana}", f"{given_romaji} {family_romaji}")


def address(prefecture: str, town: int, rng: Random) -> str:
    """In a place that is on no map."""
    where = label("prefecture", prefecture, "ja")
    return f"{where}第{town}{FICTITIOUS_TOWN}{rng.randint(1, 9)}丁目{rng.randint(1, 30)}番{rng.randint(1, 20)}号"


def post_code(rng: Random) -> str:
    return f"{FICTITIOUS_POST_CODE}{rng.randrange(10_000):04d}"


def phone(rng: Random) -> str:
    return f"{FICTITIOUS_PHONE}{rng.randrange(10_000):04d}"


def corporate_number(number: int) -> str:
    """The `number`-th fictitious one, 0 to 99,999,999."""
    return make_corporate_number(f"{FICTITIOUS_BASE_NUMBER}{number:08d}")
