"""Which day, month or year does a cell name, in the Western or the Japanese calendar?

Japanese eras as proclaimed: Meiji, Taisho, Showa, Heisei, Reiwa. A year of two digits without an era, and a day like
4/1/1983 in which day and month could change places, are not understood.
"""

from __future__ import annotations

import calendar
import re
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from succession.i18n import Message
from succession.listings.cells import NotUnderstood, Result, Understood, folded, is_blank, nothing_stated, written

DATE_LIMIT = 60
FIRST_YEAR, LAST_YEAR = 500, 2200  # the oldest companies of Japan were founded in the sixth century

# name, first day, last day (None = still running), the year that counts as first
ERAS: tuple[tuple[str, date, date | None], ...] = (
    ("明治", date(1868, 1, 25), date(1912, 7, 29)),
    ("大正", date(1912, 7, 30), date(1926, 12, 24)),
    ("昭和", date(1926, 12, 25), date(1989, 1, 7)),
    ("平成", date(1989, 1, 8), date(2019, 4, 30)),
    ("令和", date(2019, 5, 1), None),
)
_ERA_NAMES = {key: era for era in ERAS for key in (era[0], era[0][0])} | dict(zip("mtshr", ERAS, strict=True))

EXCEL_EPOCH = date(1899, 12, 30)  # day 0 for every serial number after the leap day 1900 that never was
EXCEL_SERIALS = range(3_000, 80_000)  # 1908 to 2119; below, a number is a year

_ERA = r"(明治|大正|昭和|平成|令和|[明大昭平令mtshr])\.?"
_MONTH_DAY = r"(?:(?:年|[./-])([0-9]{1,2})(?:(?:月|[./-])([0-9]{1,2})日?|月)?|年)?"
_JAPANESE = re.compile(rf"{_ERA}(元|[0-9]{{1,2}}){_MONTH_DAY}")
_WESTERN = re.compile(rf"(?:西暦|ad)?([0-9]{{3,4}}){_MONTH_DAY}")
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})?")
_DAY_OR_MONTH_FIRST = re.compile(r"([0-9]{1,2})[./-]([0-9]{1,2})[./-]([0-9]{4})")
_NO_ERA = re.compile(r"'?[0-9]{1,2}(?:年|[./-]).*")
_ENGLISH = re.compile(r"(?:([0-9]{1,2})\s+)?([a-z]{3,9})\.?,?\s+(?:([0-9]{1,2})(?:st|nd|rd|th)?,?\s+)?([0-9]{4})")
_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_CLOCK = re.compile(r"[t ][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?$")
_LABEL = re.compile(r"(?:年?(?:設立|創業|創立|開業)|に|生(?:まれ)?|現在|時点|決算期?|期|末日?)+$")
_AROUND = re.compile(r"(?:頃|ごろ|ころ)$")
_KANJI_DIGITS = str.maketrans("〇一二三四五六七八九", "0123456789")
_KANJI_NUMBER = re.compile(r"[〇一二三四五六七八九十]+")
_FISCAL_YEAR = re.compile(r"年度|^fy[0-9]{2,4}$|第[0-9]+期")


class WrittenDay(msgspec.Struct, frozen=True):
    """As much of a day as is written: month and day may be None."""

    year: int
    month: int | None
    day: int | None


def read_day(cell: Any) -> Result:
    """`WrittenDay` from '昭和58年4月', 'S58.4.1', '平成元年', '1983/4', a real date or an Excel serial number."""
    if isinstance(cell, (date, datetime)):
        return Understood(WrittenDay(cell.year, cell.month, cell.day))
    text = written(cell)
    if isinstance(text, NotUnderstood):
        return text
    if is_blank(text):
        return nothing_stated(text)
    if len(text) > DATE_LIMIT or isinstance(cell, bool):
        return _NO_DATE
    if re.fullmatch(r"[0-9]{3,5}", number := folded(text)):
        return _from_number(int(number))
    return _from_text(text)


def _from_number(number: int) -> Result:
    if number in EXCEL_SERIALS:
        day = EXCEL_EPOCH + timedelta(days=number)
        return Understood(
            WrittenDay(day.year, day.month, day.day),
            (Message.of("Read as a spreadsheet's day number: {day}.", day=day),),
        )
    return Understood(WrittenDay(number, None, None)) if FIRST_YEAR <= number <= LAST_YEAR else _NO_DATE


def _from_text(text: str) -> Result:
    """The text and what stands in parentheses may name the same day twice: 昭和58年（1983年）; they must agree."""
    english = re.sub(r"\s+", " ", text.strip().lower())
    if (found := _ENGLISH.fullmatch(english)) and (month := _month_named(found[2])):
        return _checked(int(found[4]), month, int(found[1] or found[3]) if found[1] or found[3] else None, ())
    plain = folded(_CLOCK.sub("", english))
    inside = re.findall(r"\(([^()]*)\)", plain)
    outside = _parsed(re.sub(r"\([^()]*\)", "", plain))
    readings = [each for each in (outside, *map(_parsed, inside)) if isinstance(each, Understood)]
    if not readings:
        return outside
    if len({reading.value.year for reading in readings}) > 1:
        return NotUnderstood(Message.of("Two different years are written here."))
    return max(readings, key=lambda each: (each.value.month is not None) + (each.value.day is not None))


def _parsed(plain: str) -> Result:
    notes: tuple[Message, ...] = ()
    if _FISCAL_YEAR.search(plain):
        return NotUnderstood(Message.of("A fiscal year does not tell its last month; write for example 2025年3月期."))
    plain = _LABEL.sub("", _LABEL.sub("", plain).removeprefix("fy"))
    around = _AROUND.sub("", plain)
    if around != plain:
        plain, notes = around, (Message.of("Stated as approximate."),)
    if "年" in plain or "月" in plain:
        plain = _KANJI_NUMBER.sub(_arabic, plain)
    if found := _JAPANESE.fullmatch(plain):
        return _from_era(found, notes)
    if re.fullmatch(r"[0-9]{4}\.1", plain):
        return NotUnderstood(Message.of("January or October? A spreadsheet drops the last zero; write 1983/10."))
    if found := _WESTERN.fullmatch(plain):
        return _checked(int(found[1]), _int(found[2]), _int(found[3]), notes)
    if found := _COMPACT.fullmatch(plain):
        day = f"{found[1]}-{found[2]}" + (f"-{found[3]}" if found[3] else "")
        return _checked(int(found[1]), int(found[2]), _int(found[3]), (Message.of("Read as {day}.", day=day),))
    if found := _DAY_OR_MONTH_FIRST.fullmatch(plain):
        first, second, year = int(found[1]), int(found[2]), int(found[3])
        if first != second and first <= 12 and second <= 12:
            return NotUnderstood(Message.of("Day and month could change places; write the year first."))
        return _checked(year, min(first, second), max(first, second), notes)
    if _NO_ERA.fullmatch(plain):
        return NotUnderstood(Message.of("Two digits of a year without an era; write 昭和, 平成 or four digits."))
    return _NO_DATE


def _from_era(found: re.Match[str], notes: tuple[Message, ...]) -> Result:
    name, first, last = _ERA_NAMES[found[1]]
    number = 1 if found[2] == "元" else int(found[2])
    year, month, day = first.year + number - 1, _int(found[3]), _int(found[4])
    if number < 1 or (last is not None and year > last.year):
        return NotUnderstood(Message.of("{era} had no such year.", era=name))
    checked = _checked(year, month, day, notes)
    if isinstance(checked, NotUnderstood) or month is None:
        return checked
    # 平成31年9月期 was printed long before the era ended; the year is certain, so it is read and noted.
    earliest, latest = date(year, month, day or 1), date(year, month, day or calendar.monthrange(year, month)[1])
    if latest < first or (last is not None and earliest > last):
        outside = Message.of("Outside the era; read as the year {year}.", year=str(year))
        return Understood(checked.value, (*notes, outside))
    return checked


def _checked(year: int, month: int | None, day: int | None, notes: tuple[Message, ...]) -> Result:
    try:
        date(year, 1 if month is None else month, 1 if day is None else day)
    except ValueError:
        return NotUnderstood(Message.of("There is no such day."))
    return Understood(WrittenDay(year, month, day), notes) if FIRST_YEAR <= year <= LAST_YEAR else _NO_DATE


def _arabic(found: re.Match[str]) -> str:
    """十二 -> 12, 五十八 -> 58, 一九八三 -> 1983."""
    digits = found[0].translate(_KANJI_DIGITS)
    if tens := re.fullmatch(r"([1-9]?)十([1-9]?)", digits):
        return str(10 * int(tens[1] or 1) + int(tens[2] or 0))
    return digits


def _month_named(word: str) -> int | None:
    return next((number for name, number in _MONTHS.items() if word in (name, name[:3], name[:4])), None)


def _int(digits: str | None) -> int | None:
    return int(digits) if digits else None


_NO_DATE = NotUnderstood(Message.of("This is not a date."))


# --- what a field needs of a day ----------------------------------------------------------------------------------


def read_date(cell: Any) -> Result:
    """A full day."""
    found = read_day(cell)
    if isinstance(found, NotUnderstood) or found.value is None:
        return found
    if found.value.day is None:
        return NotUnderstood(Message.of("The day is missing."))
    return Understood(date(found.value.year, found.value.month, found.value.day), found.notes)


def read_period_end(cell: Any) -> Result:
    """The last day of a fiscal year: '令和5年3月期' is 2023-03-31. A real date cell of the first means its month."""
    found = read_day(cell)
    if isinstance(found, NotUnderstood) or found.value is None:
        return found
    year, month, day = found.value.year, found.value.month, found.value.day
    if month is None:
        return NotUnderstood(Message.of("The month in which the fiscal year ends is missing."))
    last = calendar.monthrange(year, month)[1]
    notes = found.notes
    if day == 1 and isinstance(cell, (date, datetime)):  # typed 2023/3, kept by the spreadsheet as 2023-03-01
        day, notes = last, (*notes, Message.of("Read as the end of the month."))
    return Understood(date(year, month, day or last), notes)


def read_birth_year(cell: Any) -> Result:
    """The year of a birthday, a month or a year of birth."""
    found = read_day(cell)
    if isinstance(found, NotUnderstood) or found.value is None:
        return found
    if not 1900 <= found.value.year <= 2100:
        return NotUnderstood(Message.of("Nobody of this year of birth can own a company."))
    return Understood(found.value.year, found.notes)
