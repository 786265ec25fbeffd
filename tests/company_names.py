"""Names as companies have them, made of what names are made of: to see that no search box turns one into a search.

Surnames and trades are put together blindly, in the ways Japanese names are written at home and abroad. They are nobody's
names on purpose; the demo world's are invented outright (succession.demo.names).
"""

from __future__ import annotations

from itertools import product
from random import Random

from succession.demo.names import Stems, company_name

# Surname as written, in Latin letters and in Hangul. Some are prefectures too, as surnames are.
SURNAMES = [each.split(":") for each in (
    "佐藤:Sato:사토 鈴木:Suzuki:스즈키 高橋:Takahashi:다카하시 田中:Tanaka:다나카 渡辺:Watanabe:와타나베 伊藤:Ito:이토 山本:Yamamoto:야마모토 "
    "中村:Nakamura:나카무라 小林:Kobayashi:고바야시 加藤:Kato:가토 吉田:Yoshida:요시다 山田:Yamada:야마다 中野:Nakano:나카노 山口:Yamaguchi:야마구치 "
    "松本:Matsumoto:마쓰모토 井上:Inoue:이노우에 木村:Kimura:기무라 清水:Shimizu:시미즈 斎藤:Saito:사이토 長野:Nagano:나가노 池田:Ikeda:이케다 "
    "橋本:Hashimoto:하시모토 阿部:Abe:아베 石川:Ishikawa:이시카와 市川:Ichikawa:이치카와 大森:Omori:오모리 青山:Aoyama:아오야마 岡田:Okada:오카다 "
    "西川:Nishikawa:니시카와 藤田:Fujita:후지타 朝霞:Asaka:아사카 柴田:Shibata:시바타 遠藤:Endo:엔도 青木:Aoki:아오키 坂本:Sakamoto:사카모토 "
    "福島:Fukushima:후쿠시마 宮地:Miyaji:미야지 高田:Takada:다카다 芝:Shiba:시바 大竹:Otake:오타케").split()]  # fmt: skip
# Trade as written, read in Latin letters, in English and in Hangul.
TRADES = [each.split(":") for each in (
    "工業:Kogyo:Industries:공업 製作所:Seisakusho:Works:제작소 建設:Kensetsu:Construction:건설 商事:Shoji:Trading:상사 運輸:Unyu:Transport:운수 "
    "食品:Shokuhin:Foods:식품 印刷:Insatsu:Printing:인쇄 電機:Denki:Electric:전기 精密:Seimitsu:Precision:정밀 化学:Kagaku:Chemical:화학 "
    "旅館:Ryokan:Hotel:여관 酒造:Shuzo:Brewery:주조 産業:Sangyo:Enterprise:산업 水産:Suisan:Fisheries:수산 鉄工所:Tekkosho:Ironworks:철공소 "
    "木材:Mokuzai:Lumber:목재 紡績:Boseki:Spinning:방적 製菓:Seika:Confectionery:제과 物流:Butsuryu:Logistics:물류 設備:Setsubi:Engineering:설비 "
    "不動産:Fudosan:Realty:부동산 薬局:Yakkyoku:Pharmacy:약국 農園:Noen:Farm:농원 金属:Kinzoku:Metal:금속 機械:Kikai:Machinery:기계").split()]  # fmt: skip

FORMS = {"written": "{0}{4}", "Latin letters": "{1} {5}", "English": "{1} {6}", "Hangul": "{2} {7}"}


def put_together() -> dict[str, list[str]]:
    """Way of writing -> the same 1,000 names."""
    pairs = [(*surname, "", *trade) for surname, trade in product(SURNAMES, TRADES)]
    return {form: [pattern.format(*pair) for pair in pairs] for form, pattern in FORMS.items()}


def of_the_demo_world(seed: int = 33) -> list[str]:
    """1,000 names of 250 companies: Japanese, kana, Latin letters, English."""
    rng = Random(seed)
    stems = Stems(rng)
    trades = ("09", "10", "11", "15", "24", "26", "28", "50", "75", "06", "39", "44", "85", "68", "92")
    names = [company_name(stems.take(), rng.choice(trades), "kk", rng) for _ in range(250)]
    return [each for name in names for each in (name.ja, name.kana, name.romaji, name.en)]
