"""A made-up census table as the statistics portal exports one: every figure again in every total of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import NamedTuple

Code = tuple[str, str]  # code, label
Leaf = tuple[str, str, str, str]  # codes of place, industry, form, size


class Axis(NamedTuple):
    """A heading, its labels, and label -> the labels it lies within, at any distance."""

    heading: str
    labels: dict[str, str]
    within: dict[str, tuple[str, ...]]


PLACES = Axis(
    "地域（2016）",
    {"00000": "全国", "05000": "秋田県", "13000": "東京都", "27000": "大阪府"},
    {"05000": ("00000",), "13000": ("00000",), "27000": ("00000",)},
)
INDUSTRIES = Axis(
    "産業分類",
    {
        "AR": "Ａ～Ｒ　全産業（Ｓ公務を除く）", "CR": "Ｃ～Ｒ　非農林漁業（公務を除く）", "A": "Ａ　農業，林業", "01": "01　農業",
        "C": "Ｃ　鉱業，採石業，砂利採取業", "05": "05　鉱業，採石業，砂利採取業", "053": "053　原油・天然ガス鉱業",
        "054": "054　採石業，砂・砂利・玉石採取業", "E": "Ｅ　製造業", "09": "09　食料品製造業",
        "090": "090　管理，補助的経済活動を行う事業所（09食料品製造業）", "091": "091　畜産食料品製造業", "092": "092　水産食料品製造業",
        "24": "24　金属製品製造業", "244": "244　建設用・建築用金属製品製造業",
    },
    {
        "CR": ("AR",), "A": ("AR",), "01": ("A", "AR"), "C": ("CR", "AR"), "05": ("C", "CR", "AR"),
        "053": ("05", "C", "CR", "AR"), "054": ("05", "C", "CR", "AR"), "E": ("CR", "AR"), "09": ("E", "CR", "AR"),
        "090": ("09", "E", "CR", "AR"), "091": ("09", "E", "CR", "AR"), "092": ("09", "E", "CR", "AR"),
        "24": ("E", "CR", "AR"), "244": ("24", "E", "CR", "AR"),
    },
)  # fmt: skip
FORMS = Axis(
    "経営組織",
    {"0": "総数", "1": "個人経営", "2": "法人", "3": "　うち会社", "4": "　会社以外の法人"},
    {"1": ("0",), "2": ("0",), "3": ("2", "0"), "4": ("2", "0")},
)
SIZES = Axis(
    "従業者規模",
    {"00": "総数", "01": "１～４人", "02": "5～9人", "03": "10～299人", "04": "300人以上", "99": "出向・派遣従業者のみ"},
    {"01": ("00",), "02": ("00",), "03": ("00",), "04": ("00",), "99": ("00",)},
)
AXES = (PLACES, INDUSTRIES, FORMS, SIZES)


def made_up(places: Axis = PLACES) -> dict[Leaf, int]:
    """Companies per combination that nothing lies within, some of them none; the same every time."""
    lowest = [[code for code in axis.labels if not any(code in up for up in axis.within.values())]
              for axis in (places, *AXES[1:])]  # fmt: skip
    return {leaf: max(0, (7 * number * number + 3 * number) % 41 - 3) for number, leaf in enumerate(product(*lowest))
            if leaf[3] != "99"}  # fmt: skip


def published(leaves: Mapping[Leaf, int], axes: tuple[Axis, ...] = AXES) -> dict[Leaf, int]:
    """The whole table: every combination of labels, totals included."""
    table = dict.fromkeys(product(*(axis.labels for axis in axes)), 0)
    for leaf, count in leaves.items():
        above = [(code, *axis.within.get(code, ())) for code, axis in zip(leaf, axes, strict=True)]
        for row in product(*above):
            table[row] += count  # type: ignore[index]
    return table


def _figure(count: int) -> str:
    return f"{count:,}" if count else "-"


def _text(rows: Iterable[Iterable[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


NOTES = [
    ["統計名：", "架空の経済センサス"],
    ["表番号：", "1"],
    ["表題：", "産業（小分類），経営組織，従業者規模別事業所数"],
    ["実施年月：", "2021年6月", "-", "-"],
    ["注記：", "都道府県の数値は架空である。", "地域", "***は秘匿"],
    [],
]


def long_table(table: Mapping[Leaf, int], axes: tuple[Axis, ...] = AXES, measures: bool = True) -> str:
    """A row a figure: codes and labels, a measure, a year, a unit, notes above the headings."""
    before = ["表章項目 コード", "表章項目"] if measures else []
    head = [*before, "時間軸（年次） コード", "時間軸（年次）"]
    head += [name for axis in axes for name in (f"{axis.heading} コード", axis.heading)] + ["unit", "value", "annotation"]
    rows: list[list[str]] = [*NOTES, head]
    for codes, count in table.items():
        labels = [text for code, axis in zip(codes, axes, strict=True) for text in (code, axis.labels[code])]
        year = ["2021000000", "2021年"]
        rows.append([*(["101", "事業所数"] if measures else []), *year, *labels, "事業所", _figure(count), ""])
        if measures:
            rows.append(["102", "従業者数", *year, *labels, "人", _figure(count * 7), ""])
    return _text(rows)


def interface_table(table: Mapping[Leaf, int]) -> str:
    """As the portal's programming interface answers: coded headings before each label."""
    codes = ["area_code", "cat01_code", "cat02_code", "cat03_code"]
    head = ["tab_code", "表章項目", *(name for pair in zip(codes, (a.heading for a in AXES), strict=True) for name in pair)]
    rows: list[list[str]] = [["RESULT"], ["STATUS", "0"], ["TABLE_INF", "0000000000"], ["VALUE"]]
    rows.append([*head, "time_code", "時間軸(年次)", "unit", "value", "annotation"])
    for codes_of, count in table.items():
        labels = [text for code, axis in zip(codes_of, AXES, strict=True) for text in (code, axis.labels[code])]
        rows.append(["101", "事業所数", *labels, "2021000000", "2021年", "事業所", str(count), ""])
    return _text(rows)


def wide_table(table: Mapping[Leaf, int]) -> str:
    """Sizes side by side, after the heading that names them."""
    head = ["表章項目 コード", "表章項目"]
    head += [name for axis in AXES[:3] for name in (f"{axis.heading} コード", axis.heading)]
    rows: list[list[str]] = [*NOTES, [*head, "/従業者規模", *(f"{label}【事業所】" for label in SIZES.labels.values())]]
    for codes in dict.fromkeys(row[:3] for row in table):
        labels = [text for code, axis in zip(codes, AXES, strict=False) for text in (code, axis.labels[code])]
        rows.append(["101", "事業所数", *labels, "", *(_figure(table[(*codes, size)]) for size in SIZES.labels)])
    return _text(rows)


def write(directory: Path, text: str, encoding: str = "cp932", name: str = "census.csv") -> Path:
    path = directory / name
    path.write_bytes(text.encode(encoding))
    return path
