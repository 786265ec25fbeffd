"""Names as companies have them, made of what names are made of: to see that no search box turns one into a search.

Surnames and trades are put together blindly, in the ways Japanese names are written at home and abroad. They are nobody's
names on purpose; the demo world's are invented outright (succession.demo.names).
"""

from __future__ import annotations

from itertools import product
from random import Random

from succession.demo.names import Stems, company_name

# Surname as written, in Latin letters, in Hangul and in kana. Some are prefectures too, as surnames are.
SURNAMES = [each.split(":") for each in (
    "佐藤:Sato:사토:さとう 鈴木:Suzuki:스즈키:すずき 高橋:Takahashi:다카하시:たかはし 田中:Tanaka:다나카:たなか 渡辺:Watanabe:와타나베:わたなべ 伊藤:Ito:이토:いとう 山本:Yamamoto:야마모토:やまもと "
    "中村:Nakamura:나카무라:なかむら 小林:Kobayashi:고바야시:こばやし 加藤:Kato:가토:かとう 吉田:Yoshida:요시다:よしだ 山田:Yamada:야마다:やまだ 中野:Nakano:나카노:なかの 山口:Yamaguchi:야마구치:やまぐち "
    "松本:Matsumoto:마쓰모토:まつもと 井上:Inoue:이노우에:いのうえ 木村:Kimura:기무라:きむら 清水:Shimizu:시미즈:しみず 斎藤:Saito:사이토:さいとう 長野:Nagano:나가노:ながの 池田:Ikeda:이케다:いけだ "
    "橋本:Hashimoto:하시모토:はしもと 阿部:Abe:아베:あべ 石川:Ishikawa:이시카와:いしかわ 市川:Ichikawa:이치카와:いちかわ 大森:Omori:오모리:おおもり 青山:Aoyama:아오야마:あおやま 岡田:Okada:오카다:おかだ "
    "西川:Nishikawa:니시카와:にしかわ 藤田:Fujita:후지타:ふじた 朝霞:Asaka:아사카:あさか 柴田:Shibata:시바타:しばた 遠藤:Endo:엔도:えんどう 青木:Aoki:아오키:あおき 坂本:Sakamoto:사카모토:さかもと "
    "福島:Fukushima:후쿠시마:ふくしま 宮地:Miyaji:미야지:みやじ 高田:Takada:다카다:たかだ 芝:Shiba:시바:しば 大竹:Otake:오타케:おおたけ").split()]  # fmt: skip
# Trade as written, read in Latin letters, in English, in Hangul and in kana.
TRADES = [each.split(":") for each in (
    "工業:Kogyo:Industries:공업:こうぎょう 製作所:Seisakusho:Works:제작소:せいさくしょ 建設:Kensetsu:Construction:건설:けんせつ 商事:Shoji:Trading:상사:しょうじ 運輸:Unyu:Transport:운수:うんゆ "
    "食品:Shokuhin:Foods:식품:しょくひん 印刷:Insatsu:Printing:인쇄:いんさつ 電機:Denki:Electric:전기:でんき 精密:Seimitsu:Precision:정밀:せいみつ 化学:Kagaku:Chemical:화학:かがく "
    "旅館:Ryokan:Hotel:여관:りょかん 酒造:Shuzo:Brewery:주조:しゅぞう 産業:Sangyo:Enterprise:산업:さんぎょう 水産:Suisan:Fisheries:수산:すいさん 鉄工所:Tekkosho:Ironworks:철공소:てっこうしょ "
    "木材:Mokuzai:Lumber:목재:もくざい 紡績:Boseki:Spinning:방적:ぼうせき 製菓:Seika:Confectionery:제과:せいか 物流:Butsuryu:Logistics:물류:ぶつりゅう 設備:Setsubi:Engineering:설비:せつび "
    "不動産:Fudosan:Realty:부동산:ふどうさん 薬局:Yakkyoku:Pharmacy:약국:やっきょく 農園:Noen:Farm:농원:のうえん 金属:Kinzoku:Metal:금속:きんぞく 機械:Kikai:Machinery:기계:きかい").split()]  # fmt: skip

FORMS = {"written": "{0}{4}", "Latin letters": "{1} {5}", "English": "{1} {6}", "Hangul": "{2} {7}", "kana": "{3}{8}"}


def put_together() -> dict[str, list[str]]:
    """Way of writing -> the same 1,000 names."""
    pairs = [(*surname, *trade) for surname, trade in product(SURNAMES, TRADES)]
    return {form: [pattern.format(*pair) for pair in pairs] for form, pattern in FORMS.items()}


def of_the_demo_world(seed: int = 33) -> list[str]:
    """1,000 names of 250 companies: Japanese, kana, Latin letters, English."""
    rng = Random(seed)
    stems = Stems(rng)
    trades = ("09", "10", "11", "15", "24", "26", "28", "50", "75", "06", "39", "44", "85", "68", "92")
    names = [company_name(stems.take(), rng.choice(trades), "kk", rng) for _ in range(250)]
    return [each for name in names for each in (name.ja, name.kana, name.romaji, name.en)]
