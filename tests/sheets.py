"""How do tests make a Center's spreadsheet and read it back? Every company is fictitious."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

import openpyxl

from succession.accounts.identifiers import make_corporate_number
from succession.listings.profile import Profile
from succession.listings.spreadsheet import Reading, RowReading, read_table, understand

TODAY = date(2025, 10, 1)
NUMBERS = [make_corporate_number(f"9999{place:08d}") for place in range(6000)]

HEADINGS = ["案件番号", "会社名", "フリガナ", "法人番号", "本社所在地", "業種", "設立", "従業員数", "決算期", "売上高（千円）", "営業利益（千円）", "後継者の有無",
            "希望スキーム", "希望時期", "譲渡希望価格"]  # fmt: skip


def company(place: int = 1, **changes: Any) -> list[Any]:
    row = {"案件番号": f"R7-{place}", "会社名": f"株式会社架空{place}製作所", "フリガナ": "カクウセイサクショ", "法人番号": NUMBERS[place],
           "本社所在地": "奈良県架空市無町0-0", "業種": "金属製品製造業", "設立": "昭和58年4月", "従業員数": "約30名", "決算期": "令和7年3月期",
           "売上高（千円）": "420,000", "営業利益（千円）": "▲1,200", "後継者の有無": "なし", "希望スキーム": "株式譲渡", "希望時期": "1年以内",
           "譲渡希望価格": "1億2,000万円"}  # fmt: skip
    return list((row | changes).values())


def csv_text(*rows: list[Any], delimiter: str = ",") -> str:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter).writerows(rows)
    return file.getvalue()


def xlsx(*rows: list[Any], prepare: Any = None) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if prepare is not None:
        prepare(book)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def read(data: bytes | str, today: date = TODAY) -> Reading:
    return understand(read_table(data.encode() if isinstance(data, str) else data, "sheet"), today)


def only(reading: Reading) -> RowReading:
    (row,) = reading.rows
    return row


def draft(reading: Reading) -> Profile:
    profile = only(reading).profile
    assert profile is not None
    return profile


def refusals(row: RowReading) -> list[str]:
    return [problem.message.msgid.format_map(problem.message.params) for problem in row.problems if problem.refused]
