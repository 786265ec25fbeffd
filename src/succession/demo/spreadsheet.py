"""What does a spreadsheet of a Support Center look like, with one row that is fine and one that is not?

cp932, Japanese headings in the order somebody once chose, full-width digits, years of emperors, units in the headings,
triangles for losses, "about", and remarks for nobody.
"""

from __future__ import annotations

import csv
import io

from succession.codes import label
from succession.listings.profile import Profile

HEADINGS = ("受付番号", "会社名", "フリガナ", "法人番号", "所在地", "業種", "創業年月", "従業員数", "決算期", "売上高（百万円）",
            "営業利益（千円）", "代表者名", "代表者フリガナ", "後継者の有無", "希望時期", "備考")  # fmt: skip
ENCODING = "cp932"
_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
_ERAS = (("令和", 2019), ("平成", 1989), ("昭和", 1926), ("大正", 1912), ("明治", 1868))
_TIMING = {"within_3m": "3ヶ月以内", "3_6m": "半年以内", "6_12m": "1年以内", "over_12m": "1年超", "flexible": "応相談"}


def spreadsheet(profile: Profile, reference: str) -> bytes:
    """A CSV of two rows: this company as its Center would write it, and another that nobody could import."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(HEADINGS)
    writer.writerow(_good_row(profile, reference))
    writer.writerow(_bad_row(reference))
    return out.getvalue().encode(ENCODING)


def _good_row(profile: Profile, reference: str) -> list[str]:
    identity, business, latest = profile.identity, profile.business, profile.financials[0]
    return [
        reference, identity.name, identity.name_kana, (identity.corporate_number or "").translate(_FULL_WIDTH),
        identity.sites[0].address, label("jsic", business.jsic_code[:2], "ja"), f"{_era(business.founded_year)}4月",
        f"約{business.employees}名", f"{_era(latest.period_end.year)}{latest.period_end.month}月期",
        f"{round(latest.revenue_yen / 1_000_000):,}", _triangle(latest.operating_profit_yen // 1000), identity.representative.name,
        identity.representative.name_kana, "なし", _TIMING[profile.terms.timing], "（架空の会社です）",
    ]  # fmt: skip


def _bad_row(reference: str) -> list[str]:
    """A successor, a mistyped number, an industry that is a mood, a year that never was."""
    return [f"{reference}-2", "株式会社ケノヤオ例示堂", "ケノヤオレイジドウ", "1999900000001", "架空町のあたり", "いろいろ", "昭和70年4月",
            "多数", "令和5年", "そこそこ", "△わずか", "例村 乙次", "レイムラ オトジ", "あり", "", ""]  # fmt: skip


def _era(year: int) -> str:
    """1983 -> 昭和58年; the first year of an era is its 元年."""
    name, first = next(era for era in _ERAS if year >= era[1])
    return f"{name}{'元' if year == first else year - first + 1}年"


def _triangle(thousand_yen: int) -> str:
    return f"▲{-thousand_yen:,}" if thousand_yen < 0 else f"{thousand_yen:,}"
