"""What does one written cell of an operator's file say: which place, industry, form, year, how many people, how much?

A reader takes a plain text (see `plain`) and answers with the lowest and the highest value it may mean: both the same
where it is exact, the edges of a band, the codes of a whole division. ValueError or KeyError for what it cannot read.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from succession.anonymity.margins import DIVISIONS, LEGAL_FORMS, MAJOR_GROUPS, division_index
from succession.codes import SCHEMES, division_of, jsic_two_digit

Span = tuple[int, int]

CELL_CHARACTERS_MAX = 200  # nothing we read is longer; normalising a hostile run of marks would take quadratic time
FIRST_YEAR, LAST_YEAR = 501, 2199
MOST_PEOPLE = 2**31 - 1
MOST_YEN = 10**15 - 1

#: What is not known of a company, per axis: anything. Industries are four-digit codes as numbers (0911 = 911) of the
#: private divisions A to R, forms are positions in LEGAL_FORMS.
ANY_INDUSTRY: Span = (100, 9699)
ANY_FORM: Span = (0, len(LEGAL_FORMS) - 1)
ANY_YEAR: Span = (FIRST_YEAR, LAST_YEAR)
ANY_PEOPLE: Span = (1, MOST_PEOPLE)
ANY_YEN: Span = (0, MOST_YEN)

UNITS = {
    **dict.fromkeys(("円", "yen", "jpy"), 1),
    **dict.fromkeys(("千円", "thousandyen", "jpythousand"), 1_000),
    **dict.fromkeys(("万円",), 10_000),
    **dict.fromkeys(("百万円", "millionyen", "jpymillion"), 1_000_000),
    **dict.fromkeys(("億円",), 100_000_000),
    **dict.fromkeys(("%", "percent"), 0.01),
}

ERAS = {
    **dict.fromkeys(("明治", "M"), 1867),
    **dict.fromkeys(("大正", "T"), 1911),
    **dict.fromkeys(("昭和", "S"), 1925),
    **dict.fromkeys(("平成", "H"), 1988),
    **dict.fromkeys(("令和", "R"), 2018),
}

#: Words for a form of company, or for several that follow one another in LEGAL_FORMS.
FORM_WORDS = {
    "株式会社": ("kk", "kk"),
    "特例有限会社": ("tokurei_yugen", "tokurei_yugen"),
    "有限会社": ("tokurei_yugen", "tokurei_yugen"),
    "株式会社(有限会社を含む)": ("kk", "tokurei_yugen"),
    "株式会社・有限会社": ("kk", "tokurei_yugen"),
    "株式会社・有限会社・相互会社": ("kk", "tokurei_yugen"),
    "株式・有限・相互会社": ("kk", "tokurei_yugen"),
    "合同会社": ("godo", "godo"),
    "合名会社": ("gomei_goshi", "gomei_goshi"),
    "合資会社": ("gomei_goshi", "gomei_goshi"),
    "合名・合資会社": ("gomei_goshi", "gomei_goshi"),
    "合名会社・合資会社": ("gomei_goshi", "gomei_goshi"),
    "合名・合資・合同会社": ("godo", "gomei_goshi"),
    "合同・合名・合資会社": ("godo", "gomei_goshi"),
    "会社": ("kk", "gomei_goshi"),
    "会社企業": ("kk", "gomei_goshi"),
    "法人": ("kk", "other_corporation"),
    "会社以外の法人": ("other_corporation", "other_corporation"),
    "その他の法人": ("other_corporation", "other_corporation"),
    "外国の会社": ("other_corporation", "other_corporation"),
    "法人でない団体": ("other_corporation", "other_corporation"),
    **dict.fromkeys(("個人", "個人事業主", "個人経営", "個人企業", "個人事業者"), ("sole_proprietor", "sole_proprietor")),
    **{form: (form, form) for form in LEGAL_FORMS},
}

YES_OR_NO = {
    **dict.fromkeys(("1", "yes", "true", "y", "はい", "有", "あり", "○", "◯", "〇"), True),
    **dict.fromkeys(("0", "no", "false", "n", "いいえ", "無", "なし", "×", "-"), False),
}

_INVISIBLE = re.compile("[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
_WAVES = str.maketrans(dict.fromkeys("〜～–—‐−－‑", "~"))  # NFKC leaves these apart; between two figures they are one sign


def plain(cell: str) -> str:
    """NFKC without what cannot be seen (zero-width, right-to-left marks, controls). ValueError beyond any real cell."""
    if len(cell) > CELL_CHARACTERS_MAX:
        raise ValueError("longer than any cell we read")
    if cell.isascii() and cell.isprintable():
        return cell.strip()
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", cell)).strip()


def _squeezed(text: str) -> str:
    return re.sub(r"\s", "", text).translate(_WAVES)


# --- places


def _prefecture_names() -> dict[str, int]:
    return {
        name: int(code.code[3:])
        for code in SCHEMES["prefecture"].codes.values()
        for name in (
            code.ja,
            code.ja.removesuffix("都").removesuffix("府").removesuffix("県"),
            code.en.lower(),
            code.code.lower(),
        )
    }


_PREFECTURES = _prefecture_names()
_FULL_NAMES = re.compile("|".join(code.ja for code in SCHEMES["prefecture"].codes.values()))
_TOWN = re.compile(r"(?!区)(.{1,12}?[市区町村郡])")
WHOLE_PREFECTURE = 0


def place(text: str) -> tuple[int, int]:
    """(prefecture 1-47, municipality as the last three digits of its code, WHOLE_PREFECTURE for none).

    Names in Japanese or English, JP-13, codes of one or two digits, municipal codes of five (or six with the check
    digit; four or five where a spreadsheet dropped the leading 0 is not guessed at), a name after its code.
    """
    if text.isascii() and text.isdigit():
        number = int(text[:2])
        if len(text) not in (1, 2, 5, 6) or not 1 <= number <= 47:
            raise ValueError(text)
        return number, int(text[2:5] or WHOLE_PREFECTURE)
    coded = re.match(r"(\d{5}|\d{2})[\s_:.-]*(?=\D)", text)
    name = text[coded.end() :] if coded else text
    return _PREFECTURES[re.sub(r"\s", "", name).lower()], int(coded[1][2:] or 0) if coded else WHOLE_PREFECTURE


def prefecture_of_address(text: str) -> int:
    """The prefecture an address begins with, its post code apart."""
    match = _FULL_NAMES.match(re.sub(r"^〒?\s*\d{3}-?\d{4}\s*", "", text))
    if match is None:
        raise ValueError(text)
    return _PREFECTURES[match[0]]


def town_of_address(text: str) -> str:
    """The address up to the first sign of a municipality: coarser than the truth where a name holds such a sign."""
    match = _FULL_NAMES.search(text)
    town = _TOWN.match(text, match.end() if match else 0)
    if town is None:
        raise ValueError(text)
    return town[1]


# --- industries


@cache
def division_span(first: str, last: str) -> Span:
    """The codes of the divisions from `first` to `last`."""
    low, high = DIVISIONS.index(first), DIVISIONS.index(last)
    groups = [g for g in range(1, MAJOR_GROUPS + 1) if low <= division_index()[g] <= high]
    if low > high:
        raise ValueError("divisions in the wrong order")
    return groups[0] * 100, groups[-1] * 100 + 99


def _name(text: str) -> str:
    return re.sub(r"[\s,、,・･.。]", "", unicodedata.normalize("NFKC", text)).lower()


@cache
def _industry_names() -> dict[str, Span]:
    found: dict[str, Span] = {}
    for code in (*SCHEMES["jsic"].codes.values(), *SCHEMES["industry"].codes.values()):
        if code.code in DIVISIONS:
            span = division_span(code.code, code.code)
        elif code.code.isdigit() and division_of(code.code) in DIVISIONS:
            span = (int(code.code) * 100, int(code.code) * 100 + 99)
        else:
            continue
        found.setdefault(_name(code.ja), span)
        found.setdefault(_name(code.en), span)
    return found


def industry(text: str) -> Span:
    """Codes meant by a JSIC rev. 14 code of one to four places, a range of divisions, or a name, label after code."""
    squeezed = _squeezed(text).upper().replace("-", "~")
    code = re.match(r"([A-T])?(\d{2,4})(?!\d)", squeezed)
    if code:
        group, digits = jsic_two_digit(code[2]), code[2]
        division = division_of(group)
        if division not in DIVISIONS or (code[1] or division) != division:
            raise ValueError(text)
        scale = 10 ** (4 - len(digits))
        return int(digits) * scale, int(digits) * scale + scale - 1
    division_range = re.match(r"([A-R])~([A-R])(?![A-Z0-9])", squeezed)
    if division_range:
        return division_span(division_range[1], division_range[2])
    letter = re.match(r"([A-R])(?![A-Z0-9~])", squeezed)
    return division_span(letter[1], letter[1]) if letter else _industry_names()[_name(text)]


# --- people, years, money, forms


_COUNT = r"(\d{1,9})(?:人|名|people|persons|employees)?"
_PEOPLE = re.compile(
    rf"(?:従業者)?(?:{_COUNT}(?:~|-|to|から){_COUNT}|{_COUNT}(以上|超|~|\+|ormore|andover|未満|以下)?|(under|over){_COUNT})"
)


def people(text: str) -> Span:
    """Persons engaged: a number or a band. Registers that count employees only say 0 where the owner works alone."""
    match = _PEOPLE.fullmatch(_squeezed(text).replace(",", "").lower())
    if match is None:
        raise ValueError(text)
    low, high, one, edge, side, other = match.groups()
    edge = side or edge
    if low:
        span = int(low), int(high)
    else:
        count = int(one or other)
        span = {
            None: (count, count),
            **dict.fromkeys(("以上", "~", "+", "ormore", "andover"), (count, MOST_PEOPLE)),
            **dict.fromkeys(("超", "over"), (count + 1, MOST_PEOPLE)),
            **dict.fromkeys(("未満", "under"), (1, count - 1)),
            "以下": (1, count),
        }[edge]
    if span[0] > span[1] or span[1] > MOST_PEOPLE:
        raise ValueError(text)
    return max(1, span[0]), max(1, span[1])


_ERA = re.compile(r"(明治|大正|昭和|平成|令和|[MTSHR])(元|\d{1,2})(?!\d)")
_WESTERN = re.compile(r"\d{4}(?!\d)|\d{4}(?=\d{4}$)")  # 1983, 1983-04-01, 1983年4月, 19830401


def _year(text: str) -> int:
    era = _ERA.match(text)
    if era:
        return ERAS[era[1]] + (1 if era[2] == "元" else int(era[2]))
    year = _WESTERN.match(text)
    if not year or not FIRST_YEAR <= int(year[0]) <= LAST_YEAR:
        raise ValueError(text)
    return int(year[0])


def years(text: str) -> Span:
    """A year, a date, or a period: 1985~1994, 昭和60年~平成6年, 1984年以前, 2015年以降."""
    squeezed = re.sub(r"\s", "", text)
    period = re.fullmatch(r"(\d{4})年?-(\d{4})年?", squeezed) or re.fullmatch("([^~〜～]+)[~〜～]([^~〜～]+)", squeezed)
    if period:
        span = _year(period[1]), _year(period[2])
        if span[0] > span[1]:
            raise ValueError(text)
        return span
    year = _year(squeezed)
    if re.search("以前|まで|頃", squeezed):
        return FIRST_YEAR, year
    if re.search("以降|以後|~$", squeezed):
        return year, LAST_YEAR
    return year, year


_POWERS = {"兆": 10**12, "億": 10**8, "千万": 10**7, "百万": 10**6, "万": 10**4, "千": 10**3, "": 1}
_PART = re.compile(r"(\d+(?:\.\d+)?)(兆|億|千万|百万|万|千)?")


def _amount(text: str, unit: float, borrowed: str = "") -> float:
    """Yen of 1億2,000万円, or of a bare number in `unit`; `borrowed` is the power a range names only once."""
    digits = text.removesuffix("円")
    if re.fullmatch(r"\d+(\.\d+)?(e\+?\d+)?", digits):
        return float(digits) * (_POWERS[borrowed] if borrowed else 1 if text != digits else unit)
    parts = list(_PART.finditer(digits))
    if not digits or "".join(part[0] for part in parts) != digits:
        raise ValueError(text)
    return sum(float(part[1]) * _POWERS[part[2] or ""] for part in parts)


def yen(text: str, unit: float = 1) -> Span:
    """An amount in the unit of its heading, or in its own (1億2,000万円), or a band whose upper edge is outside it."""
    squeezed = text.replace(",", "").replace(" ", "")
    try:
        exact = round(float(squeezed) * unit)
    except ValueError:
        return _yen_band(squeezed.translate(_WAVES), unit)
    if not 0 <= exact <= MOST_YEN:
        raise ValueError(text)
    return exact, exact


def _yen_band(text: str, unit: float) -> Span:
    two = re.fullmatch(r"(.+?)(?:~|以上)([^~]+?)(?:未満)?", text)
    if two:
        power = (_PART.search(two[2]) or [""] * 3)[2] or ""
        low, high = _amount(two[1], unit, power), _amount(two[2], unit) - 1
    elif text.endswith(("以上", "~")):
        low, high = _amount(text.removesuffix("以上").removesuffix("~"), unit), MOST_YEN
    elif text.endswith("未満"):
        low, high = 0, _amount(text.removesuffix("未満"), unit) - 1
    else:
        low = high = _amount(text, unit)
    if not 0 <= low <= high <= MOST_YEN:
        raise ValueError(text)
    return round(low), round(high)


def form(text: str) -> Span:
    """Positions in LEGAL_FORMS of a word for one form or for several."""
    squeezed = _squeezed(text).replace(",", "・").replace("、", "・").replace("及び", "・").removeprefix("うち")
    word = squeezed if squeezed in FORM_WORDS else re.sub(r"\([^)]*\)", "", squeezed).lower()
    low, high = FORM_WORDS[word]
    return LEGAL_FORMS.index(low), LEGAL_FORMS.index(high)


def form_of_company(text: str) -> Span:
    """As `form`; whatever else a company's own form may be called is another corporation."""
    try:
        return form(text)
    except KeyError:
        return form("other_corporation")


def ratio(text: str, unit: float = 1) -> float:
    """A ratio unless the heading or the cell says per cent; beyond +-1 it is more likely a forgotten per cent sign."""
    digits = text.replace("▲", "-").replace("△", "-").rstrip("%")
    found = float(digits) / 100 if text.endswith("%") or unit != 1 else float(digits)
    if not -1 <= found <= 1:
        raise ValueError(text)
    return found


def yes(text: str) -> bool:
    return YES_OR_NO[text.lower()]
