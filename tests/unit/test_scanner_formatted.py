"""Is everything found that has the form of an identifier or an address, and nothing that only looks a little like one?

No number here is anybody's: corporate base numbers begin 9999, exchanges with 0, post codes with 000, rights with 99.
"""

from __future__ import annotations

import pytest

from succession.anonymity.scanner.formatted import digits_folded, identifiers
from succession.anonymity.scanner.normal import plain


def covered(text: str) -> str:
    """The text with everything that was not found as a blank box."""
    view = plain(text)
    seen: set[int] = set()
    for start, end, _ in identifiers(view.text):
        first, last = view.original(start, end)
        seen.update(range(first, last))
    return "".join(letter if at in seen else "□" for at, letter in enumerate(text))


CORPORATE = """
9999900000017|9-9999-0000-0017|9 9999 0000 0017|９９９９９０００００１７|九九九九九〇〇〇〇〇〇一七|T9999900000017|T9-9999-0000-0017
"""
PHONES = """
06-0012-3456|(06) 0012-3456|06(0012)3456|0600123456|０６−００１２−３４５６|+81-6-0012-3456|+81 (0)6 0012 3456
06.0012.3456|06 0012 3456
〇六ー〇〇一二ー三四五六|06‐0012–3456|090-0012-3456|0120-000-000|06の0012の3456
"""
NET = """
info@misaki.example|ｉｎｆｏ＠ｍｉｓａｋｉ．ｅｘａｍｐｌｅ|info[at]misaki.example|info at misaki dot example|info(at)misaki(dot)example
infoアットマークmisakiドットexample|info★misaki.example|https://misaki.example/a?b=1|www.misaki.example
hxxps://misaki[.]example/x
misaki.co.jp|ｈｔｔｐ：／／ｍｉｓａｋｉ．ｅｘａｍｐｌｅ|http:// misaki.example /shop|misaki。co。jp|@misaki_dev|@misaki-no-pan
"""
RIGHTS = """
特許第9912345号|特許9912345|特許第９９１２３４５号|特許第九九一二三四五号|特許番号：9912345|特許第9,912,345号|第9912345号特許|特願2099-123456|特願平99-123456
特開2099-123456号|特公平99-12345|特表2099-512345|実用新案登録第9912345号|意匠登録第9912345号|意願2099-123456|商標登録第9912345号
登録商標第9912345号|商願2099-123456|PCT/JP2099/123456|WO2099/123456|WO 2099/123456 A1|US 99,123,456 B2|JP9912345B2
JP 2099-123456 A
EP 9912345 B1|Japanese Patent No. 9,912,345|Trademark Registration No. 9912345|patent 9912345|特許（第9912345号）
商願 2099-123456
"""
PERMITS = """
国土交通大臣許可（般-99）第991234号|知事（特－９９）第９９１２３４号|知事(3)第991234号|公安委員会許可 第991234567890号|産業廃棄物収集運搬業許可番号 09912345678
派99-991234|99-ユ-991234|観光庁長官登録旅行業第9912345号|関自貨第9912345号|99B1X91234|営業許可 第912345号の3|認証番号 QM991234
届出番号 A-99-91234|Licence No. 991234
"""
POSTAL = "〒000-1234|000-1234|〒０００−１２３４|〒0001234|〒000 - 1234"
OTHERS = "普通 0009912|品川 999 ん 00-00|Instagram: misaki_dev|LINE ID：misaki-dev"
ADDRESSES = """
愛知県豊橋市西雛子町字狸沢12番地の4|大阪府茨木市南沢良谷3丁目5番18号|北海道石狩市花畔台七条2-1-9|千葉県君津市大和田原三丁目三番三号
広島市安佐南区緑井坂6丁目28-1 ミドリビル2F|つくば市下平塚台600-2|福井県鯖江市神明台５丁目６−７|三重県四日市市架空町1-2-3|京都府宇治市槇島町大川原41の1
3-12-7 Nishihinago, Toyokawa, Aichi 000-0018|Hinode Bldg. 4F, 1-18-3 Kitahorikiri, Nishi-ku, Osaka
"""


def each(*tables: str) -> list[str]:
    return [form for table in tables for form in table.strip().replace("\n", "|").split("|")]


@pytest.mark.parametrize("form", each(CORPORATE, PHONES, NET, RIGHTS, PERMITS, POSTAL, OTHERS))
@pytest.mark.parametrize("sentence", ["連絡先は、{}、まで。", "See {} for more"])
def test_an_identifier_is_found_whole(form, sentence):
    text, start = sentence.format(form), sentence.index("{")
    assert "□" not in covered(text)[start : start + len(form)], covered(text)


@pytest.mark.parametrize("form", each(ADDRESSES))
@pytest.mark.parametrize("sentence", ["工場：{}（借地）", "Works: {}."])
def test_an_address_is_found_whole(form, sentence):
    text, start = sentence.format(form), sentence.index("{")
    assert "□" not in covered(text)[start : start + len(form)], covered(text)


@pytest.mark.parametrize(
    "prose",
    [
        "社員は12名、機械は3台、売上は2,500万円です。",
        "一人ひとりが二つの工程を受け持ちます。",
        "平日の9:00-18:00に営業しています。",
        "3-5日で納品します。10.5%の伸び。",
        "特許と商標を取得し、許可も受けています。",
        "We have 12 people, 3 machines, e.g. lathes, i.e. tools. Co., Ltd. is a form.",
        "第二の柱は保守です。市場は広い。",
        "都道府県や市町村の仕事もします。",
    ],
)
def test_prose_with_small_numbers_holds_no_identifier(prose):
    assert set(covered(prose)) == {"□"}


def test_an_address_does_not_swallow_the_sentence_before_it():
    text = "本社は愛知県豊橋市西雛子町12-4にあり、工場も同じ。"
    assert covered(text) == "□□□愛知県豊橋市西雛子町12-4" + "□" * 10


def test_folding_digits_keeps_the_length():
    text = "三重県四日市市〇一二"
    assert digits_folded(text) == "3重県4日市市012" and len(digits_folded(text)) == len(text)
