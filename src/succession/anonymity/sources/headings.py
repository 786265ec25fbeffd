"""Which heading of an operator's file names which column, and is the file a register or a census cube?

A register has a row for each company; a cube has a row for each combination of place, industry, form and size, and the
number of companies in it. Headings are compared after NFKC, in lower case, without spaces, brackets and "code".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from succession.anonymity.population import FACT_PREFIX
from succession.anonymity.sources.source_file import DELIMITERS, ImportRefused, Rows, SourceText, head_rows
from succession.anonymity.vocabulary import vocabulary
from succession.anonymity.sources.written import UNITS, plain
from succession.i18n import Message

REGISTER, CUBE = "register", "cube"

#: Column of a register -> what its heading is called.
REGISTER_HEADINGS: dict[str, tuple[str, ...]] = {
    "prefecture": ("prefecture", "都道府県", "都道府県名", "所在地都道府県", "本店都道府県", "本社都道府県"),
    "municipality": ("municipality", "市区町村", "市区町村名", "市町村", "市町村名"),
    "address": ("address", "所在地", "住所", "本店所在地", "本社所在地", "本店住所", "本社住所"),
    "jsic": ("jsic", "industry", "業種", "産業分類", "産業", "日本標準産業分類", "産業大分類", "産業中分類", "産業小分類",
             "産業細分類", "業種名"),
    "founded": ("founded", "設立", "設立年", "設立年月", "設立年月日", "創業", "創業年", "創業年月", "開設年", "開設時期"),
    "employees": ("employees", "従業員数", "従業員", "従業者数", "常用雇用者数", "従業者規模", "従業員規模"),
    "revenue": ("revenue", "revenue_yen", "売上高", "売上", "年商", "売上金額", "売上収入金額", "年間売上高"),
    "margin": ("margin", "operating_margin", "営業利益率", "売上高営業利益率"),
    "legal_form": ("legal_form", "法人格", "法人種別", "組織形態", "経営組織"),
    "independent": ("independent", "独立", "独立企業"),
    "corporate_number": ("corporate_number", "法人番号"),
}  # fmt: skip

#: Dimension of a cube, or its counts -> what the heading is called.
CUBE_HEADINGS: dict[str, tuple[str, ...]] = {
    "prefecture": ("prefecture", "area", "地域", "都道府県", "都道府県名", "地域区分", "全国都道府県"),
    "municipality": ("municipality", "市区町村", "市区町村名", "市町村"),
    "jsic": ("jsic", "industry", "産業分類", "産業", "産業大分類", "産業中分類", "産業小分類", "産業細分類", "業種",
             "日本標準産業分類"),
    "legal_form": ("legal_form", "経営組織", "法人格", "組織形態"),
    "employees": ("employees", "size", "size_band", "従業者規模", "従業員規模", "従業者規模階級", "従業者数規模",
                  "常用雇用者規模", "事業従事者規模"),
    "founded": ("founded", "開設時期", "設立年", "開設年", "設立時期"),
    "revenue": ("revenue", "売上金額階級", "売上収入金額階級", "売上高階級", "売上規模"),
    "count": ("value", "count", "値", "件数", "事業所数", "企業数", "企業等数", "会社数", "法人数", "establishments",
              "enterprises", "companies"),
}  # fmt: skip

SYNONYMS = {REGISTER: REGISTER_HEADINGS, CUBE: CUBE_HEADINGS}
PLACES = ("prefecture", "municipality", "address")
NEEDED = {REGISTER: ("prefecture",), CUBE: ("prefecture", "jsic", "count")}
_NAMES_A_COMPANY = ("商号", "名称", "会社名", "企業名", "法人名", "屋号", "company", "name", "company_name")
_HARMLESS_BRACKET = re.compile(r"税|年度|期|\d{4}|収入|直近|連結|単体")
_SHOWN_HEADINGS = 40


class Heading(NamedTuple):
    """One heading. `at` counts columns from 0; `code`: its cells are codes; `spread`: its labels are the headings after it."""

    at: int
    written: str
    base: str
    brackets: tuple[str, ...]
    code: bool
    spread: bool


class Layout(NamedTuple):
    """How to read a file. `columns`: column -> its headings, a code before its label; `others`: nobody's headings.

    `spread`: the headings that are labels of the axis named before them ("/従業者規模"), each over a column of counts.
    """

    shape: str
    delimiter: str
    header_line: int
    columns: dict[str, list[Heading]]
    others: list[Heading]
    spread: list[Heading]
    units: dict[str, float]
    width: int


class Wishes(NamedTuple):
    """What the operator says about the file: column -> heading, column -> unit, and its shape where it is not plain."""

    headings: Mapping[str, str] = {}
    units: Mapping[str, str] = {}
    shape: str | None = None


class _Row(NamedTuple):
    """A row that may be the headings: which of its cells name which column (None: nobody's)."""

    delimiter: str
    line: int
    shape: str
    headings: list[Heading]
    names: list[str | None]

    @property
    def rank(self) -> tuple[bool, int]:
        return any(place in self.names for place in PLACES), len(set(self.names) - {None})


def find_layout(text: SourceText, wishes: Wishes) -> Layout:
    """The headings among the first rows: the row that names most columns. ImportRefused names what is missing."""
    candidates: list[_Row] = []
    for delimiter in DELIMITERS:
        try:
            rows = head_rows(text, delimiter)
        except ImportRefused:
            if delimiter == DELIMITERS[0]:
                raise
            continue
        candidates += [_row(delimiter, line, cells, wishes) for line, cells in zip(*rows, strict=True)]
    best = max(candidates, key=lambda row: row.rank, default=_Row("", 0, wishes.shape or REGISTER, [], []))
    layout = _laid_out(best, wishes)
    written = [heading.written for heading in best.headings]
    _check_mapping(wishes, layout, written)
    missing = [name for name in NEEDED[layout.shape] if name not in layout.columns and not _stands_in(name, layout)]
    if missing:
        _refuse_missing(layout.shape, missing, written)
    return layout


def _row(delimiter: str, line: int, cells: list[str], wishes: Wishes) -> _Row:
    headings = _generic_codes([_heading(at, cell) for at, cell in enumerate(cells)])
    shape = wishes.shape or _shape(headings)
    last = _spread_after(headings)
    return _Row(delimiter, line, shape, headings, [_named(heading, shape, wishes) for heading in headings[:last]])


def _spread_after(headings: list[Heading]) -> int:
    """Where the labels of an axis begin that lies across ("/従業者規模"); behind the last heading when none does."""
    return next((heading.at + 1 for heading in headings if heading.spread), len(headings))


def _laid_out(row: _Row, wishes: Wishes) -> Layout:
    columns, others = _assign(row)
    units = {name: _unit(name, columns[name][0], wishes) for name in ("revenue", "margin") if name in columns}
    spread = row.headings[_spread_after(row.headings) :]
    return Layout(row.shape, row.delimiter, row.line, columns, others, spread, units, len(row.headings))


def _stands_in(name: str, layout: Layout) -> bool:
    if name == "prefecture":
        return any(place in layout.columns for place in PLACES)
    return name == "count" and bool(layout.spread)


def _heading(at: int, written: str) -> Heading:
    try:
        text = re.sub(r"\s", "", plain(written)).lower()
    except ValueError:
        return Heading(at, written[:100], "", (), False, False)
    brackets = tuple(re.findall(r"[(\[【]([^)\]】]*)[)\]】]", text))
    base = re.sub(r"[(\[【][^)\]】]*[)\]】]", "", text)
    spread = base.startswith("/")
    base = base.removeprefix("/")
    if re.search(r"(補助|階層)コード$|階層$|_level$|補助$", base):
        return Heading(at, written, "", brackets, True, spread)
    short = re.sub(r"コード$|_code$", "", base)
    if base.startswith(FACT_PREFIX):
        return Heading(at, written, base, brackets, False, spread)
    return Heading(at, written, short or base, brackets, bool(short) and short != base, spread)


def _generic_codes(headings: list[Heading]) -> list[Heading]:
    """The API's cat01_code, tab_code, area_code belong to the label that follows them."""
    for at, heading in enumerate(headings[:-1]):
        if heading.code and re.fullmatch(r"cat\d+|tab|time|area", heading.base):
            headings[at] = heading._replace(base=headings[at + 1].base)
    return headings


def _shape(headings: list[Heading]) -> str:
    bases = {heading.base for heading in headings}
    counted = any(heading.spread for heading in headings) or not bases.isdisjoint(CUBE_HEADINGS["count"])
    named = not bases.isdisjoint((*_NAMES_A_COMPANY, *REGISTER_HEADINGS["corporate_number"]))
    return CUBE if counted and not named else REGISTER


def _column(heading: Heading, shape: str) -> str | None:
    if heading.base.startswith(FACT_PREFIX) and shape == REGISTER:
        return heading.base
    bare = re.sub(r"[_:]?(百万円|千円|万円|億円|円)$", "", heading.base)
    for name, synonyms in SYNONYMS[shape].items():
        if heading.base in synonyms or (name == "revenue" and bare in synonyms):
            return name
    return None


def _named(heading: Heading, shape: str, wishes: Wishes) -> str | None:
    """What the operator mapped is taken as said, and that column from no other heading."""
    text = _plain_or_written(heading.written)
    wanted = {_plain_or_written(said): name for name, said in wishes.headings.items()}
    name = wanted.get(text) or _column(heading, shape)
    return None if name in wishes.headings and wanted.get(text) != name else name


def _assign(row: _Row) -> tuple[dict[str, list[Heading]], list[Heading]]:
    """Every heading to its column. ImportRefused where two claim the same."""
    columns: dict[str, list[Heading]] = {}
    others = []
    for heading, name in zip(row.headings, row.names, strict=False):
        if name is None:
            others.append(heading)
        else:
            columns.setdefault(name, []).append(heading)
    for name, found in columns.items():
        found.sort(key=lambda heading: not heading.code)
        kept = 2 if row.shape == CUBE and len(found) == 2 and found[0].code and not found[1].code else 1
        if row.shape == REGISTER and len(found) > 1 and (found[0].code and not found[1].code):
            others += found[1:]  # 都道府県コード beside 都道府県名: the code says the same more plainly
        elif len(found) > kept:
            raise ImportRefused(Message.of(
                'The headings "{one}" and "{other}" mean the same column; name one: --map {column}=HEADING',
                one=shown(found[0].written), other=shown(found[1].written), column=name,
            ))  # fmt: skip
        columns[name] = found[:kept]
    return columns, sorted(others)


def _plain_or_written(text: str) -> str:
    try:
        return re.sub(r"\s", "", plain(text)).lower()
    except ValueError:
        return text


def _unit(name: str, heading: Heading, wishes: Wishes) -> float:
    """Yen per figure (or 0.01 for per cent) by the wish, the brackets or the end of the heading; else 1."""
    said = wishes.units.get(name)
    if said is not None:
        return UNITS[said]
    for bracket in heading.brackets:
        unit = UNITS.get(re.sub(r"^単位[::]?", "", bracket))
        if unit is not None:
            return unit
    if any(not _HARMLESS_BRACKET.search(bracket) for bracket in heading.brackets):
        raise ImportRefused(Message.of(
            'The unit in the heading "{heading}" is unknown; say it: --unit {column}=UNIT, one of {units}',
            heading=shown(heading.written), column=name, units=", ".join(UNITS),
        ))  # fmt: skip
    suffix = re.search(r"(百万円|千円|万円|億円|円)$", heading.base)
    return UNITS[suffix[1]] if suffix else 1


def _check_mapping(wishes: Wishes, layout: Layout, written: list[str]) -> None:
    """What the operator mapped must exist, and a fact must be a phrase of the vocabulary."""
    for name, text in wishes.headings.items():
        if name not in SYNONYMS[layout.shape] and not (name.startswith(FACT_PREFIX) and layout.shape == REGISTER):
            known = [*SYNONYMS[layout.shape], *([f"{FACT_PREFIX}CODE"] if layout.shape == REGISTER else [])]
            raise ImportRefused(Message.of(
                'There is no column "{column}"; the columns are {columns}.', column=shown(name), columns=", ".join(known)))
        if name not in layout.columns:
            raise ImportRefused(Message.of(
                'No heading is called "{heading}". Headings found: {headings}',
                heading=shown(text), headings=_listed(written)))
    codes = [name.removeprefix(FACT_PREFIX) for name in layout.columns if name.startswith(FACT_PREFIX)]
    unknown = [code for code in codes if code not in vocabulary().phrases]
    if unknown:
        raise ImportRefused(Message.of(
            "A fact is named by a phrase of the vocabulary; these are none: {codes}", codes=_listed(unknown)))


def _refuse_missing(shape: str, missing: list[str], found: list[str]) -> None:
    raise ImportRefused(Message.of(
        "No heading was recognised for: {missing} (for a company register at least {register}, for a census cube "
        "{cube}). Headings found: {headings}. Say which is which: --map COLUMN=HEADING",
        missing=", ".join(missing), register=", ".join(NEEDED[REGISTER]), cube=", ".join(NEEDED[CUBE]),
        headings=_listed(found),
    ))  # fmt: skip


def _listed(texts: list[str]) -> str:
    kept = [f'"{shown(text)}"' for text in texts[:_SHOWN_HEADINGS]]
    return ", ".join(kept) + (f" (+{len(texts) - len(kept)})" if len(texts) > len(kept) else "") if kept else "-"


def shown(text: str) -> str:
    """A text of the file as a terminal may print it: short, and with every mark that cannot be seen written out."""
    cut = text[:60] + ("…" if len(text) > 60 else "")
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in cut)
