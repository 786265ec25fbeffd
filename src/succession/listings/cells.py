"""What does one cell of a Center's spreadsheet say: an amount, a head count, a name, a number?

Every reader takes whatever a sheet may hold and returns `Understood` or `NotUnderstood`; none raises, none guesses in
silence. What is read with an assumption carries a note, what could mean two things is not understood. Days are read in
`cell_dates`, words that stand for codes in `cell_words`.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from succession.accounts.identifiers import read_corporate_number, read_email, read_japanese_phone, read_postal_code
from succession.i18n import Message
from succession.listings.profile import YEN_LIMIT

CELL_LIMIT = 10_000
QUANTITY_LIMIT = 60  # characters of a number with its unit and remark
NAME_LIMIT = 200
SHORT_LIMIT = 60
LINE_LIMIT = 500
PROSE_LIMIT = 4000
LIST_LIMIT = 20


class Understood(msgspec.Struct, frozen=True):
    """`value` None: the cell says that nothing is stated. `notes`: what was assumed, for a person to check."""

    value: Any
    notes: tuple[Message, ...] = ()


class NotUnderstood(msgspec.Struct, frozen=True):
    reason: Message


Result = Understood | NotUnderstood
Reader = Callable[[Any], Result]  # Any: a sheet holds text, numbers, truth values, days, times and nothing

# What people write where they have nothing to write.
BLANKS = frozenset({
    "", "-", "--", "ー", "―", "—", "–", "−", "…", "*", "n/a", "na", "不明", "未定", "未記入", "未回答", "未入力", "未確認",
    "該当なし", "非開示", "unknown", "tbd", "not stated",
})  # fmt: skip
NONES = frozenset({"なし", "無し", "無", "ない", "無い", "特になし", "特に無し", "ありません", "該当なし", "none", "no", "0", "×"})

_INVISIBLE = re.compile("[\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_FORMULA_TEXT = re.compile(r'="([^"]*)"')  # ="0123": how CSV files keep a leading zero
_EXCEL_ERROR = re.compile(r"#(?:REF|DIV/0|VALUE|NAME|NULL|NUM|SPILL|CALC|GETTING_DATA)[!?]?|#N/A|#+")


def written(cell: Any) -> str | NotUnderstood:
    """The cell as a person reads it: trimmed text, invisible characters gone, nothing else changed."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        if not math.isfinite(cell):
            return NotUnderstood(Message.of("This is not a number."))
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, int):
        return str(cell) if abs(cell) < 10**30 else NotUnderstood(Message.of("This number is too large."))
    if isinstance(cell, date):
        return cell.isoformat()[:10]
    if not isinstance(cell, str):
        return NotUnderstood(Message.of("This cell holds a time of day or something else that no field here takes."))
    if len(cell) > CELL_LIMIT:
        return NotUnderstood(Message.of("The cell holds more than {limit} characters.", limit=CELL_LIMIT))
    if _UNSTORABLE.search(cell):
        return NotUnderstood(Message.of("The cell holds control characters or broken characters."))
    text = _INVISIBLE.sub("", cell).strip()
    if _EXCEL_ERROR.fullmatch(text):
        return NotUnderstood(Message.of("The spreadsheet shows an error here."))
    if quoted := _FORMULA_TEXT.fullmatch(text):
        return quoted[1].strip()
    if text.startswith("="):
        return NotUnderstood(Message.of("This is a formula, not a value."))
    return text


def folded(text: str) -> str:
    """For comparing: half-width, lower case, no spaces."""
    return "".join(unicodedata.normalize("NFKC", text).split()).lower()


def is_blank(text: str) -> bool:
    return folded(text) in BLANKS


def nothing_stated(text: str) -> Understood:
    """For an empty cell nothing is said; for 'unknown' and its like, that it was read as not stated."""
    return Understood(None, (Message.of("Read as: not stated."),) if text else ())


# --- quantities ---------------------------------------------------------------------------------------------------

_NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?"
SCALES: dict[str, int] = {
    "兆": 10**12, "億": 10**8, "千万": 10**7, "百万": 10**6, "万": 10**4, "千": 10**3,
    "billion": 10**9, "bn": 10**9, "million": 10**6, "mn": 10**6, "mm": 10**6, "m": 10**6,
    "thousand": 10**3, "k": 10**3,
}  # fmt: skip
_SCALE = "|".join(sorted(SCALES, key=len, reverse=True))
_PIECES = re.compile(rf"(?:{_NUMBER}(?:{_SCALE})?)+")
_PIECE = re.compile(rf"({_NUMBER})({_SCALE})?")
_YEN = re.compile(r"^(?:¥|\\|jpy|yen)|(?:円|圓|jpy|yen)(?:也)?$")
_APPROXIMATE = re.compile(r"^(?:約|およそ|おおよそ|凡そ|概ね|おおむね|ほぼ|approx\.?|approximately|about|circa|ca\.|c\.)")
_ABOUT = re.compile(r"(?:程度|前後|ほど|くらい|ぐらい|位)$")
_NEGATIVE = re.compile(r"^(?:[▲△▼\-−–—‐]|マイナス)")
_UNIT_REMARK = re.compile(rf"\((?:単位:?)?((?:{_SCALE})?(?:円|yen)|名|人)\)$")
_REMARK = re.compile(r"\((?:[^()0-9円万千億]*|(?:うち|内|内訳|of which|ofwhich)[^()]*)\)$")
_PARENTHESES = re.compile(r"\(([^()]*)\)(.*)")
_RANGE = re.compile(r"[0-9][^0-9.,]*(?:~|〜|-|−|–|—|から|ないし|乃至|to|or|又は|または|、|/)[^0-9]*[0-9]")
_BOUND = re.compile(r"以上|以下|未満|超|以内|弱|強|余|over|under|morethan|lessthan|atleast|[<>≦≧≤≥+]")
_FOREIGN = re.compile(r"[$€£₩]|usd|eur|gbp|cny|rmb|元$|ドル|ユーロ|ウォン")
_LOST_DIGITS = re.compile(r"[0-9]\.?[0-9]*e\+[0-9]+")

class Quantity(msgspec.Struct, frozen=True):
    """`scale`: the smallest unit word in the cell (千 = 1000), None without one. `marked`: 円 or 名 stands there."""

    amount: Decimal
    scale: int | None
    marked: bool
    notes: tuple[Message, ...]


def read_quantity(text: str, mark: re.Pattern[str]) -> Quantity | NotUnderstood:
    """A number in any Japanese or English notation, `mark` (円, 名) taken off: '約1億2,000万円' -> 120,000,000."""
    if len(text) > QUANTITY_LIMIT:
        return NotUnderstood(Message.of("This is too long for a number."))
    if any(unicodedata.category(character) == "No" for character in text):
        return NotUnderstood(Message.of("Circled or raised digits are not read: they may be footnotes."))
    if re.search(r"[0-9]\s+[0-9]", unicodedata.normalize("NFKC", text)):
        return NotUnderstood(Message.of("This is a range or more than one number; write one number."))
    plain, notes = folded(text), []
    rest = _UNIT_REMARK.sub(r"\1", plain)
    if (remark := _REMARK.search(rest)) and remark.start() > 0:
        notes.append(Message.of("The remark {remark} was not used.", remark=remark[0]))
        rest = rest[: remark.start()]
    exact = _ABOUT.sub("", _APPROXIMATE.sub("", rest))
    if exact != rest:
        notes.append(Message.of("Stated as approximate."))
    unmarked = mark.sub("", exact)
    positive = _NEGATIVE.sub("", unmarked)
    number = mark.sub("", positive)
    if enclosed := _PARENTHESES.fullmatch(number):  # (1,200) is negative in accounts
        if positive != unmarked:
            return NotUnderstood(Message.of("The sign is given twice."))
        positive, number = "", mark.sub("", enclosed[1]) + enclosed[2]
    if not _PIECES.fullmatch(number):
        return _why_no_number(plain)
    pieces = [(Decimal(digits.replace(",", "")), SCALES.get(scale, 1)) for digits, scale in _PIECE.findall(number)]
    scales, marked = [scale for _digits, scale in pieces], bool(mark.search(exact) or mark.search(rest))
    if any(later >= earlier for earlier, later in zip(scales, scales[1:], strict=False)):
        return _why_no_number(plain)
    if len(scales) > 1 and scales[-1] < SCALES["万"] and not marked:  # 1億2000 may be meant as 1億2000万
        return NotUnderstood(Message.of("The unit of the last digits is missing."))
    sign = 1 if positive == unmarked else -1
    amount = sign * sum(digits * scale for digits, scale in pieces)
    return Quantity(Decimal(amount), None if scales == [1] else scales[-1], marked, tuple(notes))


def _why_no_number(plain: str) -> NotUnderstood:
    if _LOST_DIGITS.search(plain):
        return NotUnderstood(Message.of("The spreadsheet has shortened this number; format the column as text."))
    if _FOREIGN.search(plain):
        return NotUnderstood(Message.of("Amounts are read in yen only."))
    if _RANGE.search(plain):
        return NotUnderstood(Message.of("This is a range or more than one number; write one number."))
    if _BOUND.search(plain) and re.search("[0-9]", plain):
        return NotUnderstood(Message.of("This is a limit (more than, less than), not a number."))
    return NotUnderstood(Message.of("This is not a number."))


def read_yen(cell: Any, unit_yen: int | None = None, implausible_below_yen: int = 100_000) -> Result:
    """An amount in yen. `unit_yen` is what the heading says (千円 = 1000), None when it says nothing.

    A unit in the cell wins over the heading's and is noted; 円 alone under a heading in thousands could mean either and
    is not understood. A bare number without any unit is yen; small ones are noted.
    """
    text = written(cell)
    if isinstance(text, NotUnderstood):
        return text
    if isinstance(cell, (bool, date)):
        return NotUnderstood(Message.of("This is not an amount."))
    if is_blank(text):
        return nothing_stated(text)
    found = read_quantity(text, _YEN)
    if isinstance(found, NotUnderstood):
        return found
    amount, notes = found.amount, list(found.notes)
    if found.scale is not None:
        if unit_yen is not None and unit_yen != found.scale:
            notes.append(Message.of("The unit in the cell was used, not the one of the heading."))
    elif found.marked and unit_yen not in (None, 1):
        return NotUnderstood(Message.of("The cell says yen and the heading says a larger unit."))
    else:
        amount *= unit_yen or 1
    yen = int(amount.to_integral_value())
    if amount != yen:
        if isinstance(cell, str) and found.scale is None and unit_yen in (None, 1):
            return NotUnderstood(Message.of("A decimal point in an amount of yen: it may separate thousands."))
        notes.append(Message.of("Rounded to whole yen."))
    if abs(yen) > YEN_LIMIT:
        return NotUnderstood(Message.of("This number is too large."))
    if 0 < abs(yen) < implausible_below_yen and found.scale is None and unit_yen is None:
        notes.append(Message.of("Read as {amount} yen, as no unit is stated. Are thousands meant?", amount=yen))
    elif abs(yen) >= 10**11:
        notes.append(Message.of("Read as {amount} yen, very large. Check the unit.", amount=yen))
    return Understood(yen, tuple(notes))


_PEOPLE = re.compile(r"(?:名|人|people|persons?|employees|staff)$")
_YEARS_OLD = re.compile(r"(?:歳|才|yearsold|years|yrs)$")
_PER_CENT = re.compile(r"(?:%|パーセント|percent)$")


def read_count(cell: Any, mark: re.Pattern[str] = _PEOPLE) -> Result:
    """A whole number of people: '約30名', '30名（うちパート10名）'."""
    text = written(cell)
    if isinstance(text, NotUnderstood):
        return text
    if isinstance(cell, (bool, date)):
        return NotUnderstood(Message.of("This is not a number of people."))
    if is_blank(text):
        return nothing_stated(text)
    found = read_quantity(text, mark)
    if isinstance(found, NotUnderstood):
        return found
    whole = found.amount == found.amount.to_integral_value() and found.scale in (None, 1000, 10_000)
    if not whole or not 0 <= found.amount <= 1_000_000:
        return NotUnderstood(Message.of("This is not a number of people."))
    return Understood(int(found.amount), found.notes)


def read_age(cell: Any) -> Result:
    """An age in whole years; '70代' is a range."""
    found = read_count(cell, _YEARS_OLD)
    if isinstance(found, Understood) and found.value is not None and not 15 <= found.value <= 120:
        return NotUnderstood(Message.of("This is not an owner's age."))
    return found


def read_percent(cell: Any, heading_says_percent: bool = False) -> Result:
    """A share as a fraction of one: '12.5%' is 0.125. A bare number needs a heading that says per cent."""
    text = written(cell)
    if isinstance(text, NotUnderstood):
        return text
    if is_blank(text):
        return nothing_stated(text)
    found = read_quantity(text, _PER_CENT)
    if isinstance(found, NotUnderstood):
        return found
    if _is_number(cell) and abs(cell) <= 1:  # a spreadsheet keeps 12.5% as 0.125
        return Understood(float(found.amount), (Message.of("Read as a fraction of one."),))
    if not found.marked and not heading_says_percent:
        return NotUnderstood(Message.of("Per cent or fraction? Write the sign %."))
    return Understood(float(found.amount / 100), found.notes)


# --- text ---------------------------------------------------------------------------------------------------------

_NAME_SEPARATOR = re.compile(
    r"[、;；，\n\r|｜]|,(?!\s*(?:Ltd|Inc|LLC|L\.L\.C|Co\b|Corp|K\.?K|GmbH|S\.A|B\.V|plc)|[0-9]{3})", re.IGNORECASE
)
_KANA = re.compile(r"[ぁ-ゖァ-ヺー・･\sA-Za-z0-9.,&'’()\-]+")


def read_text(cell: Any, limit: int = NAME_LIMIT) -> Result:
    """Text as it stands, trimmed; not folded, because a name is written the way its owner writes it."""
    text = written(cell)
    if isinstance(text, NotUnderstood):
        return text
    if is_blank(text):
        return nothing_stated(text)
    if len(text) > limit:
        return NotUnderstood(Message.of("The text is longer than {limit} characters.", limit=limit))
    hidden = isinstance(cell, str) and _INVISIBLE.search(cell)
    return Understood(text, (Message.of("Invisible characters were taken out."),) if hidden else ())


def read_short(cell: Any) -> Result:
    return read_text(cell, SHORT_LIMIT)


def read_line(cell: Any) -> Result:
    return read_text(cell, LINE_LIMIT)


def read_prose(cell: Any) -> Result:
    return read_text(cell, PROSE_LIMIT)


def read_kana(cell: Any) -> Result:
    """A reading in kana; half-width kana are widened."""
    found = read_text(cell)
    if isinstance(found, NotUnderstood) or found.value is None:
        return found
    kana = unicodedata.normalize("NFKC", found.value)
    if not _KANA.fullmatch(kana):
        return NotUnderstood(Message.of("This is not written in kana."))
    return Understood(kana, found.notes)


def read_names(cell: Any) -> Result:
    """A list of names, separated by 、 ; or a line break; 'なし' is an answer, the empty list."""
    text = written(cell)
    if isinstance(text, NotUnderstood):
        return text
    if folded(text) in NONES:
        return Understood([])
    if is_blank(text):
        return nothing_stated(text)
    names = list(dict.fromkeys(part.strip() for part in _NAME_SEPARATOR.split(text) if part.strip()))
    if len(names) > LIST_LIMIT:
        return NotUnderstood(Message.of("There are more than {limit} names.", limit=LIST_LIMIT))
    if any(len(name) > NAME_LIMIT for name in names):
        return NotUnderstood(Message.of("The text is longer than {limit} characters.", limit=NAME_LIMIT))
    return Understood(names)


# --- identifiers --------------------------------------------------------------------------------------------------


def read_identifier(cell: Any, read: Callable[[str], str | None], refusal: str) -> Result:
    text = written(cell)
    if isinstance(text, NotUnderstood):
        return text
    if is_blank(text) or folded(text) in NONES - {"0"}:
        return nothing_stated(text)
    if _LOST_DIGITS.search(folded(text[:SHORT_LIMIT])):
        return NotUnderstood(Message.of("The spreadsheet has shortened this number; format the column as text."))
    value = read(text)
    return NotUnderstood(Message(refusal)) if value is None else Understood(value)


def read_corporate_number_cell(cell: Any) -> Result:
    """13 digits with a right check digit, or T and the same (qualified-invoice number)."""
    message = Message.of("A corporate number has 13 digits; its check digit must fit.")
    return read_identifier(cell, read_corporate_number, message.msgid)


def read_postal_code_cell(cell: Any) -> Result:
    if _is_number(cell) and 0 <= cell < 10**7:  # 060-0000 typed into a number cell
        cell = f"{int(cell):07d}"
    return read_identifier(cell, read_postal_code, _NO_POSTAL_CODE.msgid)


def read_phone_cell(cell: Any) -> Result:
    """One or several numbers, as a list of digits."""
    if _is_number(cell):  # the leading 0 of 0742... is lost in a number cell
        found = read_identifier(f"0{written(cell)}", read_japanese_phone, _NO_PHONE.msgid)
        if isinstance(found, NotUnderstood):
            return found
        return Understood([found.value], (Message.of("The leading 0 was lost in the spreadsheet and put back."),))
    text = written(cell)
    if isinstance(text, NotUnderstood):
        return text
    names = read_names(_PHONE_LABEL.sub("", text).replace("/", "、"))
    if isinstance(names, NotUnderstood) or names.value is None:
        return names
    phones = [read_japanese_phone(name) for name in names.value]
    return NotUnderstood(_NO_PHONE) if None in phones else Understood(phones, names.notes)


_NO_POSTAL_CODE = Message.of("A postal code has seven digits.")
_NO_PHONE = Message.of("This is not a Japanese phone number with its area code.")
_PHONE_LABEL = re.compile(r"[（(](?:代|代表|直通|携帯)[)）]|(?:TEL|FAX|電話|携帯)[:：.]?", re.IGNORECASE)


def _is_number(cell: Any) -> bool:
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def read_email_domains(cell: Any) -> Result:
    """The domains of one or several addresses; the mailbox is nobody's business here."""
    names = read_names(cell)
    if isinstance(names, NotUnderstood) or names.value is None:
        return names
    addresses = [read_email(unicodedata.normalize("NFKC", name)) for name in names.value]
    if None in addresses:
        return NotUnderstood(Message.of("This is not an e-mail address."))
    domains = list(dict.fromkeys(address.rpartition("@")[2] for address in addresses if address))
    return Understood(domains, (Message.of("Only the part after @ is kept."),) if domains else ())
