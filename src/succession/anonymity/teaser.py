"""What does a teaser say, in each language, given nothing but its codes?

A teaser is derived, never written. `CanonicalTeaser` is what the owner approves: coded facts, their cell and the
versions they were derived under. `render` is a function of it alone, so two companies of one cell with the same choices
read the same, and no language can say more than another. The wordings stand here side by side and not in the gettext
catalogues, because the Japanese one is part of what was approved.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from functools import cache

import msgspec

from succession.anonymity.vocabulary import Vocabulary, vocabulary
from succession.codes import ANY, ATTRIBUTES, SCHEMES, label, price_band, read_table
from succession.i18n import foreign_band

__all__ = [
    "CanonicalTeaser",
    "Cell",
    "Fact",
    "Prose",
    "Rendering",
    "canonical_bytes",
    "canonical_hash",
    "decode_teaser",
    "derive_teaser",
    "fiscal_year",
    "foreign_money",
    "price_band",
    "render",
    "timing_band",
]

FORMAT = "teaser/1"
_FISCAL_YEAR = re.compile(r"FY[12][0-9]{3}")


class Cell(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One code of each codebook attribute, at whatever level the cell shows it."""

    place: str
    industry: str
    founded: str
    employees: str
    revenue: str
    margin: str


class Prose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The optional text of a teaser, which no table generates: scanned, read by a second person, approved word for word."""

    ja: str
    en: str


class CanonicalTeaser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that a teaser knows. Who may see it is not part of it: every audience reads the same."""

    cell: Cell
    codebook_version: str
    population_version: str
    vocabulary_version: str
    fiscal_year: str
    price: str
    schemes: tuple[str, ...]
    timing: str
    phrases: tuple[str, ...]
    prose: Prose | None = None


class Fact(msgspec.Struct, frozen=True):
    """One line of the sheet: the attribute's code, its name and its value in the reader's language."""

    attribute: str
    label: str
    value: str


class Rendering(msgspec.Struct, frozen=True):
    locale: str
    title: str
    summary: tuple[str, ...]
    facts: tuple[Fact, ...]
    prose: str | None


# --- derive -------------------------------------------------------------------------------------------------------


def derive_teaser(
    *,
    cell: Mapping[str, str],
    codebook_version: str,
    population_version: str,
    fiscal_year: str,
    price: str,
    schemes: Iterable[str],
    timing: str,
    phrases: Iterable[str],
    facts: Collection[str] = (),
    prose: Prose | None = None,
    words: Vocabulary | None = None,
) -> CanonicalTeaser:
    """The canonical teaser of these codes, sorted, no repeats. ValueError names every code that may not stand.

    `facts`: the linkable ones among the phrases, exactly those of the codebook.
    """
    words = words or vocabulary()
    phrases, schemes = sorted(phrases), sorted(set(schemes))
    chosen = [*cell.items(), ("price", price), ("timing", timing), *(("scheme", code) for code in schemes)]
    faults = [f"{name}={code}" for name, code in chosen if name not in SCHEMES or code not in SCHEMES[name].codes]
    faults += [f"{problem.rule}: {', '.join(problem.codes)}" for problem in words.permitted(phrases, facts)]
    faults += [f"no {attribute}" for attribute in ATTRIBUTES if attribute not in cell]
    faults += [f"not an attribute of a cell: {name}" for name in sorted(set(cell) - set(ATTRIBUTES))]
    if not schemes:
        faults.append("no scheme")
    if not _FISCAL_YEAR.fullmatch(fiscal_year):
        faults.append(f"fiscal_year={fiscal_year}")
    if faults:
        raise ValueError("not a teaser: " + "; ".join(faults))
    return CanonicalTeaser(
        cell=Cell(**cell),
        codebook_version=codebook_version,
        population_version=population_version,
        vocabulary_version=words.version,
        fiscal_year=fiscal_year,
        price=price,
        schemes=tuple(schemes),
        timing=timing,
        phrases=tuple(phrases),
        prose=prose,
    )


def timing_band(months: int | None) -> str:
    """The timing code of a wish to close within so many months; None = no fixed wish."""
    if months is None:
        return "flexible"
    edges = ((3, "within_3m"), (6, "3_6m"), (12, "6_12m"))
    return next((code for edge, code in edges if months <= edge), "over_12m")


def fiscal_year(ends_on: date) -> str:
    """The Japanese name of the year a period of twelve months began in: one ending in March 2026 is FY2025.

    The month in which it ends is not told: most companies of a class share March, and the others would stand out.
    """
    return f"FY{(ends_on + timedelta(days=1)).year - 1}"


# --- canonical form -----------------------------------------------------------------------------------------------


def canonical_bytes(teaser: CanonicalTeaser) -> bytes:
    """The one encoding that is hashed, approved and stored: JSON, sorted keys, no spaces, with its format's name.

    A teaser without a text of its own has no member for it: the bytes owners approved before there was one stay the same.
    """
    fields = {"format": FORMAT, **msgspec.to_builtins(teaser)}
    if teaser.prose is None:
        del fields["prose"]
    return msgspec.json.encode(fields, order="sorted")


def canonical_hash(teaser: CanonicalTeaser) -> str:
    """SHA-256 of the canonical bytes, in hex."""
    return hashlib.sha256(canonical_bytes(teaser)).hexdigest()


def decode_teaser(stored: bytes) -> CanonicalTeaser:
    """The teaser behind stored canonical bytes. ValueError when they are not exactly canonical."""
    fields = msgspec.json.decode(stored)
    if not isinstance(fields, dict) or fields.pop("format", None) != FORMAT:
        raise ValueError(f"not {FORMAT}")
    teaser = msgspec.convert(fields, CanonicalTeaser)
    if canonical_bytes(teaser) != stored:
        raise ValueError("not the canonical encoding")
    return teaser


# --- render -------------------------------------------------------------------------------------------------------

# The sheet's lines in their order: attribute, Japanese, English.
LINES = (
    ("industry", "業種", "Industry"),
    ("place", "地域", "Region"),
    ("founded", "設立時期", "Founded"),
    ("employees", "従業員数", "Employees"),
    ("fiscal_year", "財務数値の年度", "Fiscal year of the figures"),
    ("revenue", "売上高", "Revenue"),
    ("margin", "営業損益", "Operating result"),
    ("phrases", "特徴・希望", "Features and wishes"),
    ("schemes", "譲渡スキーム", "Structure"),
    ("price", "譲渡希望価格", "Asking price"),
    ("timing", "希望時期", "Timing"),
)
_HIDDEN = {"ja": "非公開", "en": "Not disclosed"}

# How the summary introduces the phrases of a group: Japanese, English. The hand-over and the wishes follow in a paragraph
# of their own; an English wish that begins with one of the verbs has the owner for its subject.
_HEADINGS = {
    "strength": ("強み", "Strengths"),
    "business_model": ("事業の特徴", "Business"),
    "customers": ("顧客・販路", "Customers"),
    "assets": ("設備・資産", "Assets"),
    "workforce": ("人材・組織", "People"),
    "transition": ("引継ぎ", "Handover"),
    "wish": ("譲渡側の意向", "Wishes"),
}
_PRESENT, _FUTURE = ("strength", "business_model", "customers", "assets", "workforce"), ("transition", "wish")
_OWNER_VERBS = ("wishes ", "seeks ", "hopes ", "prefers ", "cares ")


@cache
def _titles() -> dict[str, tuple[str, str]]:
    return {row["code"]: (row["ja"], row["en"]) for row in read_table("db/reference/titles.tsv")}


def render(teaser: CanonicalTeaser, locale: str, words: Vocabulary | None = None) -> Rendering:
    """The sheet in Japanese for `ja`, else in English. KeyError when a code has left the tables."""
    japanese = locale == "ja"
    locale, words = "ja" if japanese else "en", words or vocabulary()
    values = _values(teaser, locale, words)
    facts = tuple(
        Fact(attribute, ja if japanese else en, _cell_of_sheet(teaser, attribute, values[attribute], locale))
        for attribute, ja, en in LINES
        if values[attribute]
    )
    ja_title, en_title = _titles()[teaser.cell.industry]
    place = values["place"][0]
    if japanese:
        title = f"{'国内' if teaser.cell.place == ANY else place}の{ja_title}"
        return Rendering(locale, title, _summary_ja(teaser, values, words), facts, teaser.prose and teaser.prose.ja)
    title = f"{en_title} in {'Japan' if teaser.cell.place == ANY else place}"
    return Rendering(locale, title, _summary_en(teaser, values, words), facts, teaser.prose and teaser.prose.en)


def _cell_of_sheet(teaser: CanonicalTeaser, attribute: str, values: list[str], locale: str) -> str:
    if attribute != "place" and getattr(teaser.cell, attribute, None) == ANY:
        return _HIDDEN[locale]  # the line's own name says what is hidden; nothing says why
    return ("／" if locale == "ja" else "; ").join(values)


def _values(teaser: CanonicalTeaser, locale: str, words: Vocabulary) -> dict[str, list[str]]:
    cell = {attribute: [label(attribute, getattr(teaser.cell, attribute), locale)] for attribute in ATTRIBUTES}
    year = teaser.fiscal_year.removeprefix("FY")
    return cell | {
        "fiscal_year": [f"{year}年度" if locale == "ja" else f"FY{year}"],
        "phrases": [words.label(code, locale) for code in words.in_order(teaser.phrases)],
        "schemes": [label("scheme", code, locale) for code in teaser.schemes],
        "price": [label("price", teaser.price, locale)],
        "timing": [label("timing", teaser.timing, locale)],
    }


def _paragraph(teaser: CanonicalTeaser, words: Vocabulary, locale: str, groups: Iterable[str]) -> str:
    """One sentence for each of these groups that the teaser has phrases of; "" when it has none."""
    chosen = words.in_order(teaser.phrases)
    said = {group: [words.label(code, locale) for code in chosen if words.phrases[code].group == group] for group in groups}
    if locale == "ja":
        return "".join(f"{_HEADINGS[group][0]}：{'、'.join(texts)}。" for group, texts in said.items() if texts)
    sentences = [
        _wishes_en(texts) if group == "wish" else f"{_HEADINGS[group][1]}: {'; '.join(texts)}."
        for group, texts in said.items()
        if texts
    ]
    return " ".join(sentences)


def _wishes_en(texts: list[str]) -> str:
    owners = [text for text in texts if text.startswith(_OWNER_VERBS)]
    others = "; ".join(text for text in texts if text not in owners)
    told = "; ".join(owners).replace("the owner's", "their")
    said = f"The owner {told}." if owners else ""
    welcome = f"{others[0].upper()}{others[1:]}." if others else ""
    return " ".join(filter(None, (said, welcome)))


def _opening_ja(cell: Cell, place: str) -> str:
    where = "国内" if cell.place == ANY else place
    opening = f"{where}の事業者です。" if cell.industry == ANY else f"{where}で{_titles()[cell.industry][0]}を営む事業者です。"
    hidden = [name for name, code in (("地域", cell.place), ("業種", cell.industry)) if code == ANY]
    return opening + (f"{'と'.join(hidden)}は非公開です。" if hidden else "")


def _summary_ja(teaser: CanonicalTeaser, values: Mapping[str, list[str]], words: Vocabulary) -> tuple[str, ...]:
    # A label of `any` is a whole clause ("従業員数は非公開"); the others need their subject or noun in front.
    cell, [place], [founded], [employees] = teaser.cell, values["place"], values["founded"], values["employees"]
    year, revenue, margin = values["fiscal_year"][0], values["revenue"][0], values["margin"][0]
    sentences = [
        _opening_ja(cell, place),
        f"{'' if cell.founded == ANY else '設立は'}{founded}、{'' if cell.employees == ANY else '従業員は'}{employees}です。",
        f"{year}の業績：{'' if cell.revenue == ANY else '売上高'}{revenue}、{margin}。",
        _paragraph(teaser, words, "ja", _PRESENT),
        _paragraph(teaser, words, "ja", _FUTURE),
        f"譲渡スキーム：{'／'.join(values['schemes'])}、希望価格：{values['price'][0]}、希望時期：{values['timing'][0]}。",
    ]  # fmt: skip
    return tuple(filter(None, sentences))


def _founded_en(code: str, name: str) -> str:
    return name if code == ANY else f"Founded {'in ' if name.endswith('or later') else ''}{_inline(name)}"


def _summary_en(teaser: CanonicalTeaser, values: Mapping[str, list[str]], words: Vocabulary) -> tuple[str, ...]:
    cell = teaser.cell
    industry = _NOT_ELSEWHERE.sub("", values["industry"][0])
    year, revenue, margin = values["fiscal_year"][0], _inline(values["revenue"][0]), _inline(values["margin"][0])
    sentences = [
        f"Based in {values['place'][0]}. {industry if cell.industry == ANY else f'Industry: {_inline(industry)}'}.",
        f"{_founded_en(cell.founded, values['founded'][0])}; {_inline(values['employees'][0])}.",
        f"{year}: {'' if cell.revenue == ANY else 'revenue '}{revenue}, {margin}.",
        _paragraph(teaser, words, "en", _PRESENT),
        _paragraph(teaser, words, "en", _FUTURE),
        f"Structure: {'; '.join(map(_inline, values['schemes']))}. Asking price: {_inline(values['price'][0])}."
        f" Timing: {_inline(values['timing'][0])}.",
    ]
    return tuple(filter(None, sentences))


# What the official name of a class says to those who count establishments, not to a reader.
_NOT_ELSEWHERE = re.compile(r",( n\.e\.c\.| except (otherwise|elsewhere) classified)$")


def _inline(text: str) -> str:
    """A label inside a sentence: its capital goes, unless it begins an abbreviation."""
    return text[0].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


# --- foreign currency ---------------------------------------------------------------------------------------------


def foreign_money(attribute: str, code: str, currency: str, locale: str) -> str | None:
    """`revenue` or `price` band in USD or EUR from the fixed table; None where no amount is shown in yen either."""
    lower, upper = _edges()[attribute, code]
    return None if lower is None and upper is None else foreign_band(lower, upper, currency, locale)


@cache
def _edges() -> dict[tuple[str, str], tuple[int | None, int | None]]:
    rows = (row for row in read_table("db/reference/bands.tsv") if row["attribute"] in ("revenue", "price"))
    return {(row["attribute"], row["code"]): (_edge(row["lower"]), _edge(row["upper"])) for row in rows}


def _edge(cell: str) -> int | None:
    return int(cell) if cell else None
