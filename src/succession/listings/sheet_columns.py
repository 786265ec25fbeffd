"""How is each column of this sheet read: as which field, in which unit, of which fiscal year?"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from functools import partial
from typing import Any

import msgspec

from succession.i18n import Message
from succession.listings.cell_dates import read_birth_year, read_date, read_day, read_period_end
from succession.listings.cell_words import (
    NEGOTIABLE,
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
from succession.listings.cells import (
    NotUnderstood,
    Reader,
    Result,
    Understood,
    folded,
    read_age,
    read_corporate_number_cell,
    read_count,
    read_email_domains,
    read_kana,
    read_names,
    read_phone_cell,
    read_postal_code_cell,
    read_prose,
    read_short,
    read_text,
    read_yen,
    written,
)
from succession.listings.headings import MONEY_FIELDS, SYNONYMS, Heading, read_heading
from succession.listings.profile import FISCAL_YEARS_WANTED
from succession.listings.sheet_file import Table, column_name

PRIORITY = {field: place for place, field in enumerate(SYNONYMS)}


class Problem(msgspec.Struct, frozen=True):
    """`refused`: the row, or the whole sheet, cannot be imported so. Otherwise for a person to look at."""

    column: str | None
    field_path: str | None
    message: Message
    refused: bool


class ColumnReading(msgspec.Struct, frozen=True):
    """`use`: "field", "not_imported" (known, but of no use here), "unknown" or "unclear"; `message` says why."""

    column: str
    heading: str
    use: str
    field_path: str | None
    message: Message | None


class Column(msgspec.Struct, frozen=True):
    """A column that feeds a field. `field` as in `headings.SYNONYMS`, `path` as in the profile, with its year."""

    place: int
    name: str
    heading: str
    field: str
    path: str
    read: Reader


class Columns(msgspec.Struct, frozen=True):
    """`used` in order of priority; `period_ends` by year where the headings name them, else empty."""

    used: list[Column]
    readings: list[ColumnReading]
    problems: list[Problem]
    period_ends: list[date]


def _read_asking_price(cell: Any, unit_yen: int | None = None) -> Result:
    text = written(cell)
    if isinstance(text, str) and len(text) <= 40 and folded(text) in NEGOTIABLE:
        return Understood({"negotiable": True})
    found = read_yen(cell, unit_yen)
    if isinstance(found, NotUnderstood) or found.value is None:
        return found
    if found.value <= 0:
        return NotUnderstood(Message.of("An asking price is more than nothing."))
    return Understood({"amount_yen": found.value}, found.notes)


def _read_permits(cell: Any) -> Result:
    found = read_names(cell)
    if isinstance(found, NotUnderstood) or found.value is None:
        return found
    return Understood([{"name": name} for name in found.value], found.notes)


def _coded(scheme: str) -> Reader:
    return partial(read_code, scheme=scheme)


def _read_birth_year_from_age(cell: Any, today: date) -> Result:
    found = read_age(cell)
    if isinstance(found, NotUnderstood) or found.value is None:
        return found
    year = today.year - found.value
    about = Message.of("Year of birth computed from the age: {year} or the year before.", year=str(year))
    return Understood(year, (*found.notes, about))


# How the cells of each field are read; a field of `headings.SYNONYMS` that is not here is text.
READERS: dict[str, Reader] = {
    "internal_reference": read_short,
    "identity.name_kana": read_kana,
    "identity.representative.name_kana": read_kana,
    "identity.legal_form": _coded("legal_form"),
    "identity.corporate_number": read_corporate_number_cell,
    "identity.corporate_number#invoice": read_corporate_number_cell,
    "identity.internal_key": read_short,
    "identity.sites[0].postal_code": read_postal_code_cell,
    "identity.sites[0].address": read_address,
    "identity.phones": read_phone_cell,
    "identity.phones#mobile": read_phone_cell,
    "identity.phones#fax": read_phone_cell,
    "identity.urls": read_names,
    "identity.email_domains": read_email_domains,
    "identity.brands": read_names,
    "identity.former_names": read_names,
    "identity.group_companies": read_names,
    "identity.main_customers": read_names,
    "identity.main_suppliers": read_names,
    "business.jsic_code": read_industry,
    "business.jsic_code#name": read_industry,
    "business.prefecture": read_prefecture,
    "business.municipality": read_short,
    "business.founded": read_day,
    "business.founded#business": read_day,
    "business.employees": read_count,
    "business.employees#regular": read_count,
    "business.capital_yen": read_yen,
    "business.outline": read_prose,
    "business.strengths": read_prose,
    "business.products": read_names,
    "financials[].period_end": read_period_end,
    "financials[].revenue_yen": partial(read_yen, implausible_below_yen=1_000_000),
    "financials[].operating_profit_yen": read_yen,
    "financials[].adjusted_ebitda_yen": read_yen,
    "financials[].adjusted_ebitda_yen#plain": read_yen,
    "financials[].net_assets_yen": read_yen,
    "financials[].debt_yen": read_yen,
    "owner.birth_year": read_birth_year,
    "owner.reason": _coded("reason"),
    "succession.status": read_succession_status,
    "succession.declared_on": read_date,
    "succession.checkup_reference": read_short,
    "succession.alternatives_tried": partial(read_codes, scheme="succession_type"),
    "succession.first_consulted_on": read_date,
    "succession.channel": _coded("consultation_channel"),
    "terms.schemes": partial(read_codes, scheme="scheme"),
    "terms.timing": read_timing,
    "terms.asking_price": _read_asking_price,
    "terms.asking_price.basis": _coded("price_basis"),
    "terms.asking_price.method": _coded("valuation_method"),
    "terms.asking_price.as_of": read_date,
    "terms.asking_price.indicative": read_yes_no,
    "terms.conditions": read_conditions,
    "guarantees": read_declared_none,
    "permits": _read_permits,
    "real_estate": read_declared_none,
    "intellectual_property": read_declared_none,
}


def resolve_columns(table: Table, today: date) -> Columns:
    """What every heading means. Two headings for the same field and year, or two ways of naming years, are refused."""
    headings = [read_heading(cell) for cell in table.headings]
    years, period_ends, problems = _years(headings)
    used, readings = [], []
    for place, heading in enumerate(headings):
        if not heading.label:
            continue
        name = column_name(place)
        if heading.field is None:
            use = "not_imported" if heading.ignored else "unknown"
            readings.append(ColumnReading(name, heading.label, use, None, None))
            continue
        year = years.get(place)
        message = heading.problem
        if message is None and year is None and "[]" in heading.field:
            message = Message.of("It is not clear which fiscal year this is.")
        elif message is None and year is not None and year >= FISCAL_YEARS_WANTED:
            message = Message.of("Only the latest {count} fiscal years are imported.", count=FISCAL_YEARS_WANTED)
        if message is not None:
            readings.append(ColumnReading(name, heading.label, "unclear", heading.field.partition("#")[0], message))
            continue
        reader, note = _reader(heading, table, today)
        path = heading.field.partition("#")[0].replace("[]", f"[{year}]")
        used.append(Column(place, name, heading.label, heading.field, path, reader))
        readings.append(ColumnReading(name, heading.label, "field", path, note))
    if len(table.caption_units_yen) > 1 and any(_lacks_unit(heading) for heading in headings):
        message = Message.of("Two units stand above the table; write the unit into each heading of an amount.")
        problems.append(Problem(None, None, message, refused=True))
    used.sort(key=lambda column: PRIORITY[column.field])
    return Columns(used, readings, problems + _duplicates(used), period_ends)


def _reader(heading: Heading, table: Table, today: date) -> tuple[Reader, Message | None]:
    assert heading.field is not None
    reader = READERS.get(heading.field, read_text)
    if heading.field == "owner.birth_year#age":
        return partial(_read_birth_year_from_age, today=today), None
    if heading.field not in MONEY_FIELDS:
        return reader, None
    if _lacks_unit(heading) and len(table.caption_units_yen) == 1:
        (unit,) = table.caption_units_yen
        message = Message.of("Amounts are read in units of {unit} yen, as stated above the table.", unit=unit)
        return partial(reader, unit_yen=unit), message
    return partial(reader, unit_yen=heading.unit_yen), None


def _lacks_unit(heading: Heading) -> bool:
    return heading.field in MONEY_FIELDS and heading.unit_yen is None


def _years(headings: list[Heading]) -> tuple[dict[int, int], list[date], list[Problem]]:
    """(column -> years before the latest, period ends where the headings name them, problems).

    A heading without a period means the latest year. 前期 is the latest year when nothing later stands beside it.
    """
    yearly = {place: each for place, each in enumerate(headings) if each.field and "[]" in each.field}
    period_ends = sorted({each.period_end for each in yearly.values() if each.period_end}, reverse=True)
    named = {place: each.years_ago for place, each in yearly.items() if each.years_ago is not None}
    figures_named = {place: ago for place, ago in named.items() if yearly[place].field != "financials[].period_end"}
    if period_ends and figures_named:
        message = Message.of("Headings name fiscal years both by date and by words like 前期; use one of them.")
        return {}, [], [Problem(None, None, message, refused=True)]
    if period_ends:
        return {
            place: period_ends.index(each.period_end) if each.period_end else 0 for place, each in yearly.items()
        }, period_ends, []
    named_fields = {yearly[place].field for place in figures_named}
    bare_fields = {each.field for place, each in yearly.items() if place not in named}
    first = 0 if named_fields & bare_fields or not figures_named else min(figures_named.values())
    return {place: max(named.get(place, first) - first, 0) for place in yearly}, [], []


def _duplicates(used: list[Column]) -> list[Problem]:
    columns: dict[tuple[str, str], list[Column]] = defaultdict(list)
    for column in used:
        columns[column.field, column.path].append(column)
    return [
        Problem(
            second.name,
            second.path,
            Message.of(
                "Columns {first} ({first_heading}) and {second} ({second_heading}) mean the same.",
                first=first.name, first_heading=first.heading, second=second.name, second_heading=second.heading,
            ),
            refused=True,
        )
        for first, *others in columns.values()
        for second in others
    ]  # fmt: skip
