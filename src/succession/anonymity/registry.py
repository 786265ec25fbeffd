"""How does one row of an operator's company register read?"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

from succession.anonymity.margins import DIVISIONS, LEGAL_FORMS
from succession.codes import SCHEMES, division_of, is_administrative, jsic_two_digit
from succession.i18n import _

#: Column of the register -> headings it goes by, after NFKC, lower case, without spaces and without a unit in brackets.
HEADINGS: dict[str, tuple[str, ...]] = {
    "prefecture": ("prefecture", "都道府県", "都道府県名", "都道府県コード", "所在地都道府県"),
    "municipality": ("municipality", "市区町村", "市区町村名", "市区町村コード", "市町村"),
    "jsic": ("jsic", "industry", "業種", "業種コード", "産業分類", "産業分類コード", "日本標準産業分類", "産業中分類"),
    "founded": ("founded", "設立", "設立年", "設立年月", "設立年月日", "創業", "創業年", "開設年"),
    "employees": ("employees", "従業員数", "従業員", "従業者数", "常用雇用者数"),
    "revenue": ("revenue", "revenue_yen", "売上高", "売上", "年商", "売上金額"),
    "margin": ("margin", "operating_margin", "営業利益率", "売上高営業利益率"),
    "legal_form": ("legal_form", "法人格", "法人種別", "組織形態", "経営組織"),
    "independent": ("independent", "独立", "独立企業"),
}

UNITS = {
    **dict.fromkeys(("円", "yen", "jpy"), 1),
    **dict.fromkeys(("千円", "thousandyen", "jpythousand"), 1_000),
    **dict.fromkeys(("万円",), 10_000),
    **dict.fromkeys(("百万円", "millionyen", "jpymillion"), 1_000_000),
    **dict.fromkeys(("億円",), 100_000_000),
    **dict.fromkeys(("%", "percent"), 0.01),
}

ERAS = {"明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018}

FORM_WORDS = {
    "株式会社": "kk",
    "特例有限会社": "tokurei_yugen",
    "有限会社": "tokurei_yugen",
    "合同会社": "godo",
    "合名会社": "gomei_goshi",
    "合資会社": "gomei_goshi",
    "個人": "sole_proprietor",
    "個人事業主": "sole_proprietor",
    "個人経営": "sole_proprietor",
    "法人": "other_corporation",
}

YES_OR_NO = {
    **dict.fromkeys(("1", "yes", "true", "はい", "有", "○"), True),
    **dict.fromkeys(("0", "no", "false", "いいえ", "無", "×"), False),
}

_PREFECTURES = {
    name: int(code.code[3:])
    for code in SCHEMES["prefecture"].codes.values()
    for name in (
        code.ja,
        code.ja.removesuffix("都").removesuffix("府").removesuffix("県"),
        code.en.lower(),
        code.code.lower(),
        code.code[3:],
        code.code[3:].lstrip("0"),
    )
}


class RegistryError(ValueError):
    """The file as a whole cannot be read; the text is an English msgid."""


def decode(content: bytes) -> str:
    """UTF-8 with or without a byte order mark, else cp932; RegistryError for anything else."""
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise RegistryError(_("The file is neither UTF-8 nor cp932 text."))


def read_rows(text: str) -> tuple[dict[str, float], Iterator[tuple[int, dict[str, str]]]]:
    """(recognised columns with the unit their heading names, rows as (line number, column -> cell)).

    Unknown headings are ignored. RegistryError when the prefecture is missing or a heading stands for two columns.
    """
    reader = csv.reader(io.StringIO(text, newline=""))
    columns: list[str | None] = []
    units: dict[str, float] = {}
    for heading in next(reader, []):
        plain, unit = _split_unit(unicodedata.normalize("NFKC", heading).lower().replace(" ", ""))
        column = next((name for name, synonyms in HEADINGS.items() if plain in synonyms), None)
        if column in units:
            raise RegistryError(_("Two headings mean the same column."))
        columns.append(column)
        if column:
            units[column] = unit
    if "prefecture" not in units:
        raise RegistryError(_("A register needs a heading for the prefecture."))

    def rows() -> Iterator[tuple[int, dict[str, str]]]:
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    named = zip(columns, cells, strict=False)
                    yield reader.line_num, {name: plain_text(cell) for name, cell in named if name}
        except csv.Error as broken:
            raise RegistryError(_("The file is not a CSV file.")) from broken

    return units, rows()


def plain_text(cell: str) -> str:
    return unicodedata.normalize("NFKC", cell).strip()


def _split_unit(heading: str) -> tuple[str, float]:
    match = re.fullmatch(r"(.+?)\((.+)\)", heading)
    return (match[1], UNITS.get(match[2], 1)) if match else (heading, 1)


def _prefecture(text: str, _unit: float) -> int:
    return _PREFECTURES[text.lower()]


def _jsic(text: str, _unit: float) -> tuple[int, int, int]:
    """(division index, major group or 0, four-digit code or 0): a register may know the division only."""
    if text.upper() in DIVISIONS:
        return DIVISIONS.index(text.upper()), 0, 0
    group = jsic_two_digit(text)
    detailed = int(text) if len(text) == 4 and not is_administrative(text) else 0
    return DIVISIONS.index(division_of(group)), int(group), detailed


def _year(text: str, _unit: float) -> int:
    era = re.match(r"(明治|大正|昭和|平成|令和)(元|\d{1,2})", text)
    if era:
        return ERAS[era[1]] + (1 if era[2] == "元" else int(era[2]))
    year = re.match(r"\d{4}(?!\d)|\d{4}(?=\d{4}$)", text)  # 1983, 1983-04-01, 1983年4月, 19830401
    if not year or not 500 < int(year[0]) < 2200:
        raise ValueError(text)
    return int(year[0])


def _count(text: str, _unit: float) -> int:
    """Persons engaged; registers that count employees only say 0 where the owner works alone."""
    count = int(text.replace(",", "").rstrip("人名"))
    if not 0 <= count < 2**31:
        raise ValueError(text)
    return max(1, count)


def _yen(text: str, unit: float) -> int:
    yen = round(float(text.replace(",", "")) * unit)
    if not 0 <= yen < 10**15:
        raise ValueError(text)
    return yen


def _ratio(text: str, unit: float) -> float:
    """A ratio unless the heading or the cell says per cent; beyond +-1 it is more likely a forgotten per cent sign."""
    digits = text.replace("▲", "-").replace("△", "-").rstrip("%")
    ratio = float(digits) / 100 if text.endswith("%") or unit != 1 else float(digits)
    if not -1 <= ratio <= 1:
        raise ValueError(text)
    return ratio


def _legal_form(text: str, _unit: float) -> int:
    return LEGAL_FORMS.index(text if text in LEGAL_FORMS else FORM_WORDS.get(text, "other_corporation"))


def _independent(text: str, _unit: float) -> bool:
    return YES_OR_NO[text.lower()]


def _municipality(text: str, _unit: float) -> str:
    return text


#: Column -> (reader of one non-empty cell, what is wrong when it raises).
CELLS: dict[str, tuple[Callable[[str, float], Any], str]] = {
    "prefecture": (_prefecture, _("Not a prefecture.")),
    "municipality": (_municipality, ""),
    "jsic": (_jsic, _("Not a JSIC rev. 14 code or division of private business.")),
    "founded": (_year, _("Not a year.")),
    "employees": (_count, _("Not a number of people.")),
    "revenue": (_yen, _("Not an amount in the unit of the heading.")),
    "margin": (_ratio, _("Not an operating margin: write a ratio, or per cent with its sign.")),
    "legal_form": (_legal_form, ""),
    "independent": (_independent, _("Not yes or no.")),
}
