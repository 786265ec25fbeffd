"""Is every word of a cell read as the code it means, and is a word that fits two codes left alone?"""

from __future__ import annotations

from typing import Any

import pytest

from cell_promises import plainly, refused, with_note
from succession.codes import SCHEMES
from succession.listings import cell_words
from succession.listings.cell_words import (
    legal_form_in,
    read_address,
    read_code,
    read_codes,
    read_conditions,
    read_declared_none,
    read_industry,
    read_prefecture,
    read_succession_status,
    read_timing,
    read_yes_no,
)
from succession.listings.cells import NotUnderstood

# --- places ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "code"),
    [("奈良県", "JP-29"), ("奈良", "JP-29"), ("JP-29", "JP-29"), ("jp-29", "JP-29"), ("Nara", "JP-29"),
     ("Nara Prefecture", "JP-29"),
     ("東京都府中市", "JP-13"), ("東京都", "JP-13"), ("東京", "JP-13"), ("Tokyo-to", "JP-13"), ("京都府京都市", "JP-26"),
     ("京都", "JP-26"),
     ("北海道", "JP-01"), ("京都府東京都無町", "JP-26"), ("大阪府大阪市北区", "JP-27"), ("　兵庫県神戸市", "JP-28")],
)  # fmt: skip
def test_prefectures(cell: str, code: str) -> None:
    assert plainly(read_prefecture(cell)) == code


def test_every_prefecture_is_known_by_each_of_its_names() -> None:
    for code, entry in SCHEMES["prefecture"].codes.items():
        short = entry.ja if entry.ja == "北海道" else entry.ja[:-1]
        for name in (entry.ja, short, entry.en, entry.en.upper(), code, f"{entry.ja}架空市無町"):
            assert plainly(read_prefecture(name)) == code, name
        assert with_note(read_prefecture(int(code[3:]))) == code


@pytest.mark.parametrize("cell", ["架空市京都府会館", "北海", "関東", "48", "0", "県", "大阪市", "New York", "東", "x" * 300, True])
def test_what_is_no_prefecture(cell: Any) -> None:
    assert refused(read_prefecture(cell))


@pytest.mark.parametrize(
    ("cell", "postal_code", "prefecture", "municipality"),
    [("〒630-0000 奈良県架空市無町0-0", "630-0000", "JP-29", "架空市"), ("東京都府中市無町", None, "JP-13", "府中市"),
     ("三重県四日市市無町", None, "JP-24", "四日市市"), ("千葉県市川市無町", None, "JP-12", "市川市"),
     ("広島県廿日市市無町", None, "JP-34", "廿日市市"), ("東京都西多摩郡日の出町", None, "JP-13", "西多摩郡日の出町"),
     ("神奈川県横浜市中区", None, "JP-14", "横浜市"), ("東京都千代田区無町", None, "JP-13", "千代田区"),
     ("滋賀県愛知郡愛荘町", None, "JP-25", "愛知郡愛荘町")],
)  # fmt: skip
def test_addresses_hold_their_place(cell: str, postal_code: str | None, prefecture: str, municipality: str) -> None:
    address = plainly(read_address(cell))
    assert (address.postal_code, address.prefecture, address.municipality) == (postal_code, prefecture, municipality)
    assert address.text in cell


def test_addresses_without_a_prefecture_are_kept_and_noted() -> None:
    assert with_note(read_address("愛知郡愛荘町無番地")).prefecture is None  # there is one in 愛知県 and one in 滋賀県
    assert with_note(read_address("長野原町無番地")).prefecture is None  # in 群馬県
    assert with_note(read_address("奈良市無町")).prefecture == "JP-29"
    only = plainly(read_address("奈良県"))
    assert (only.text, only.prefecture) == (None, "JP-29")


# --- industries -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "code"),
    [("24", "24"), ("2441", "2441"), ("２４", "24"), (24, "24"), (24.0, "24"), ("E24", "24"), ("E 24", "24"),
     ("24 金属製品製造業", "24"),
     ("24：金属製品製造業", "24"), ("金属製品製造業", "24"), ("金属製品製造", "24"), ("2441 鉄骨製造業", "2441"), ("0621", "0621"),
     ("鉱業、採石業、砂利採取業", "05"), ("職別工事業", "07"), ("飲料・たばこ・飼料製造業", "10"), ("Manufacture of food", "09")],
)  # fmt: skip
def test_industries(cell: Any, code: str) -> None:
    assert plainly(read_industry(cell)) == code


def test_every_major_group_is_known_by_its_names() -> None:
    for code, entry in SCHEMES["jsic"].codes.items():
        if code.isdigit():
            for name in (code, entry.ja, entry.en, f"{code} {entry.ja}", f"{entry.parent}{code}"):
                assert plainly(read_industry(name)) == code, name


def test_industries_with_an_assumption_say_so() -> None:
    assert with_note(read_industry(6)) == with_note(read_industry("6")) == "06"
    assert with_note(read_industry("244")) == "244"


@pytest.mark.parametrize("cell", ["製造業", "建設業", "漁業", "E", "24 食料品製造業", "D24", "00", "金属加工", "99999", "24-25", "x"])
def test_industries_too_wide_contradictory_or_unknown(cell: str) -> None:
    assert refused(read_industry(cell))


# --- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "codes"),
    [("株式譲渡", ["share_transfer"]), ("share_transfer", ["share_transfer"]), ("Share transfer", ["share_transfer"]),
     ("株式譲渡、合併", ["share_transfer", "merger"]), ("株式譲渡・MBO", ["share_transfer", "mbo"]),
     ("株式譲渡または第三者割当増資", ["share_transfer", "third_party_allotment"]), ("株式譲渡のみ", ["share_transfer"]),
     ("事業譲渡（一部）", ["business_transfer_partial"]), ("事業譲渡（全部）", ["business_transfer_full"])],
)  # fmt: skip
def test_schemes(cell: str, codes: list[str]) -> None:
    assert plainly(read_codes(cell, "scheme")) == codes


def test_a_business_transfer_without_more_is_read_as_the_whole_and_noted() -> None:
    assert with_note(read_codes("株式譲渡・事業譲渡", "scheme")) == ["share_transfer", "business_transfer_full"]
    assert all(refused(read_codes(cell, "scheme")) for cell in ("会社分割", "M&A", "株式譲渡・物々交換"))


@pytest.mark.parametrize(
    ("cell", "code"),
    [("半年以内", "3_6m"), ("6ヶ月以内", "3_6m"), ("６か月以内", "3_6m"), ("3カ月以内", "within_3m"), ("すぐ", "within_3m"),
     ("1年以内", "6_12m"),
     ("一年以内", "6_12m"), ("12ヵ月以内", "6_12m"), ("3〜6か月", "3_6m"), ("半年〜1年", "6_12m"), ("6ヶ月～1年", "6_12m"),
     ("1〜2年", "over_12m"),
     ("1年超", "over_12m"), ("1年以上", "over_12m"), ("応相談", "flexible"), ("within 6 months", "3_6m"), ("6_12m", "6_12m")],
)  # fmt: skip
def test_timing(cell: str, code: str) -> None:
    assert plainly(read_timing(cell)) == code


@pytest.mark.parametrize("cell", ["年内", "3", "来年3月", "4〜9か月", "3ヶ月以上", "そのうち"])
def test_timing_outside_the_bands_is_left_alone(cell: str) -> None:
    assert refused(read_timing(cell))


@pytest.mark.parametrize(
    ("cell", "status"),
    [("なし", "none_decided"), ("後継者不在", "none_decided"), ("無", "none_decided"), ("子が承継しない", "family_declined"),
     ("従業員辞退", "employees_declined"), ("未定", "undecided"), ("検討中", "undecided")],
)  # fmt: skip
def test_succession_status(cell: str, status: str) -> None:
    assert plainly(read_succession_status(cell)) == status


@pytest.mark.parametrize("cell", ["あり", "有", "後継者あり", "決定済", "○", "Yes"])
def test_a_company_with_a_successor_is_no_listing(cell: str) -> None:
    result = read_succession_status(cell)
    assert isinstance(result, NotUnderstood) and "successor" in result.reason.msgid


def test_every_label_of_every_scheme_in_use_is_understood() -> None:
    for scheme in cell_words.SYNONYMS:
        for code, entry in SCHEMES[scheme].codes.items():
            assert set(cell_words.SYNONYMS[scheme]) <= set(SCHEMES[scheme].codes)
            for word in (code, entry.ja, entry.en, *cell_words.SYNONYMS[scheme].get(code, "").split()):
                assert plainly(read_code(word, scheme)) == code, word


def test_yes_no_and_conditions() -> None:
    assert [plainly(read_yes_no(cell)) for cell in ("有", "○", "はい", "Yes", True, 1)] == [True] * 6
    assert [plainly(read_yes_no(cell)) for cell in ("無", "×", "なし", "no", False, 0)] == [False] * 6
    assert refused(read_yes_no("たぶん")) and with_note(read_yes_no("-")) is None
    assert plainly(read_conditions("雇用継続、屋号の維持")) == [{"code": "staff_retention"}, {"code": "name_kept"}]
    assert with_note(read_conditions("銅像を残す")) == [{"code": "other", "note": "銅像を残す"}]
    assert plainly(read_declared_none("なし")) == [] and with_note(read_declared_none("架空銀行 3,000万円")) is None


@pytest.mark.parametrize(
    ("name", "form"),
    [("株式会社架空", "kk"), ("架空（株）", "kk"), ("㈱架空", "kk"), ("(有)架空", "tokurei_yugen"), ("架空合同会社", "godo"), ("架空", None),
     ("株式会社架空有限会社", None)],
)  # fmt: skip
def test_legal_forms_in_names(name: str, form: str | None) -> None:
    assert legal_form_in(name) == form
