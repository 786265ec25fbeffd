"""Where does a text hold an identifier that has a form of its own: numbers, addresses on the net and on the map?

All patterns read the plain view with kanji digits folded (same length, so offsets agree). Every quantifier is bounded,
so that each pattern is linear in the text. A form is enough: nobody asks whether the number was ever given out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from succession.codes import SCHEMES, label

Found = tuple[int, int, str]

_KANJI_DIGITS = str.maketrans("〇零一二三四五六七八九", "00123456789")
_HAN = r"\u3005\u3400-\u9fff\uf900-\ufaff"
# Between two digits of one number: hyphens of every kind (ー as well), points, brackets, blanks, and の as it is spoken.
_BETWEEN = r"[ \t\-ー–.・/()の,]{0,3}"

# --- the net -------------------------------------------------------------------------------------------------------

_AT = (
    r"[ \t]{0,2}(?:[@★☆◎*]|[(\[{<][ ]?(?:at|アット|アットマーク|@)[ ]?[)\]}>]|アットマーク|アット|あっとまーく|あっと"
    r"|(?<=[ \t])at(?=[ \t]))[ \t]{0,2}"
)
# A plain point stands between the labels without a blank, or every sentence would end in a domain.
_DOT = (
    r"(?:[.。]|[ \t]{0,2}(?:[(\[{<][ ]?(?:dot|ドット|\.)[ ]?[)\]}>]|ドット|どっと|(?<=[ \t])dot(?=[ \t]))[ \t]{0,2})"
)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9\-]{0,40}[A-Za-z0-9])?"
_TOP = (
    "jp|com|net|org|info|biz|co|io|app|dev|shop|store|site|online|xyz|tokyo|osaka|nagoya|kyoto|asia|tv|me|cc|works?"
    "|jpn|ltd|company|cloud|page|link|tech|design|agency|example|invalid|test|local|edu|gov|de|uk|us|cn|tw|kr|fr|eu|to"
)
_HOST = rf"{_LABEL}(?:{_DOT}{_LABEL}){{0,4}}{_DOT}(?:{_TOP})(?![A-Za-z0-9])"
_EMAIL = re.compile(
    rf"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9](?:[A-Za-z0-9_%+\-]|{_DOT}(?=[A-Za-z0-9])){{0,63}}{_AT}{_HOST}", re.IGNORECASE
)
_URL = re.compile(
    r"(?<![A-Za-z0-9])(?:h[tx]{2}ps?|ftp)[ ]?(?:\[:\]|:|コロン)?[ ]?/{1,2}[ ]?[^\s、。「」『』()<>\"]{1,300}"
    r"(?:[ ]/[A-Za-z0-9/._\-]{1,60})?"
    rf"|(?<![A-Za-z0-9@])(?:www{_DOT})?{_HOST}(?:[/:?#][A-Za-z0-9\-._~:/?#@!$&'*+;=%,]{{0,300}})?",
    re.IGNORECASE,
)
_HANDLE = re.compile(r"(?<![A-Za-z0-9._])@[A-Za-z0-9_][A-Za-z0-9_.\-]{1,40}")
_ACCOUNT = re.compile(
    r"(?<![A-Za-z])(?:LINE|Instagram|Twitter|Facebook|YouTube|TikTok|Skype|インスタ|インスタグラム|ツイッター|フェイスブック"
    r"|ライン|アカウント)"
    r"[ ]?(?:公式)?(?:ID|アカウント|account|handle)?[ ]?[:=は][ ]?[A-Za-z0-9_][A-Za-z0-9_.\-]{3,40}",
    re.IGNORECASE,
)

# --- numbers -------------------------------------------------------------------------------------------------------

# Nine digits and more, however they are parted: corporate numbers, telephones, accounts.
_LONG_NUMBER = re.compile(
    rf"(?<![0-9A-Za-z])T?[ \-]?\+?\(?[0-9](?:{_BETWEEN}[0-9]){{8,60}}(?:[ ]?[~〜][ ]?[0-9]{{1,6}})?", re.IGNORECASE
)
# Four digits at the end; not from one year to another.
_SHORT_PHONE = re.compile(
    r"(?<![0-9\-])(?!(?:1[89]|20)[0-9]{2}-(?:1[89]|20)[0-9]{2}(?![0-9]))[0-9]{2,4}[\-ー][0-9]{4}(?![0-9\-])"
)
_NAMED_PHONE = re.compile(
    r"(?:電話|でんわ|TEL|FAX|ファックス|ファクス|ファクシミリ|携帯|phone|mobile|call|内線)(?:番号|No)?[.:は/ ]{0,3}"
    rf"\(?\+?[0-9](?:{_BETWEEN}[0-9]){{3,14}}",
    re.IGNORECASE,
)
_POSTAL = re.compile(
    r"〒[ ]?[0-9]{3}[ ]?[\-ー]?[ ]?[0-9]{4}(?![0-9])|(?<![0-9\-.,])[0-9]{3}[\-ー][0-9]{4}(?![0-9\-])"
)
_BANK_ACCOUNT = re.compile(r"(?:普通|当座|貯蓄|口座|口座番号)(?:預金)?[ :は]{0,2}[0-9]{6,8}(?![0-9])")
_PLATE = re.compile(
    rf"[{_HAN}ぁ-んァ-ヶ]{{1,4}}[ ]?[0-9]{{2,3}}[A-Z]?[ ]?[ぁ-ん][ ]?[0-9・]{{1,2}}[\-ー]?[0-9]{{2}}(?![0-9])"
)

# --- rights and permits ---------------------------------------------------------------------------------------------

# Three digits and more with what is written between them, and what may close the number of a right: B2, A1.
_NUMBER = re.compile(r"(?<![0-9])[0-9](?:[,\-/. ]?[0-9]){2,19}(?![0-9])(?:[ \-]?[ABCSUY][0-9]?(?![A-Za-z0-9]))?")
_RIGHT_BEFORE = re.compile(
    r"(?:特許|特願|特開|特公|特表|特再|再表|再公表|実用新案|実願|実開|実公|実登|意匠|意願|意登|商標|商願|商登"
    r"|国際(?:出願|公開|登録)|登録|出願|公開|公告|許可|免許|認可|届出|認定|認証|承認|会員|登記|許可証|指令|受付|管理|証書|派"
    r"|紹介"
    r"|(?<![A-Za-z])(?:Japanese |US |EU |UK )?(?:PCT|JP|US|EP|WO|CN|KR|DE|GB|FR|TW|patents?|model|designs?"
    r"|trade ?marks?|registration|reg|application|appl?|licen[cs]e|permit|pat|certificate"
    r"|approval|tm|nos?|number)(?![A-Za-z]))"
    r"[第号昭平成令和元年番号証登録出願公開特許権の:#/()\[\] .\-0-9A-Za-zァ-ヶ№は]{0,30}$",
    re.IGNORECASE,
)
_NUMBER_AFTER = re.compile(r"[ ]?号(?:の[0-9]{1,3})?[ ]?(?:特許|実用新案|意匠|商標|登録)?|の[0-9]{1,3}(?![0-9])|\)")
# Who gave it, in kanji and brackets directly before: 国土交通大臣許可(般-5)第12345号.
_AUTHORITY_BEFORE = re.compile(rf"[{_HAN}][{_HAN}()0-9\-ー・ァ-ヶA-Z ]{{0,40}}$")
# Letters and at least four digits in one word: JP6123456B2, serial numbers.
_CODE = re.compile(
    r"(?<![A-Za-z0-9])[A-Za-z]{1,6}[/\-]?(?:[A-Za-z]{1,3}[/\-]?)?[0-9]{4,16}(?:[/\-][0-9A-Za-z]{1,12}){0,3}"
    r"[A-Za-z]?[0-9]?(?![A-Za-z0-9])|(?<![A-Za-z0-9])[0-9]{1,4}[A-Z][0-9A-Z]{5,14}(?![A-Za-z0-9])"
)
# 派13-123456, 13-ユ-123456
_CLASS_CODE = re.compile(
    rf"(?:[{_HAN}][ ]?)?[0-9]{{2}}[\-ー][ァ-ヶ][\-ー][0-9]{{4,7}}|[{_HAN}][ ]?[0-9]{{2}}[\-ー][0-9]{{4,7}}"
)

# Each pattern and the letters without one of which it cannot match.
_NEEDS_DIGITS = (
    _LONG_NUMBER, _SHORT_PHONE, _NAMED_PHONE, _POSTAL, _BANK_ACCOUNT, _PLATE, _CODE, _CLASS_CODE,
)  # fmt: skip
_NEEDS_LATIN = (_EMAIL, _URL, _HANDLE, _ACCOUNT)
_TWO_DIGITS = re.compile(r"[0-9].{0,4}[0-9]", re.S)
_TWO_LETTERS = re.compile("[A-Za-z]{2}")


def _numbered_rights(text: str) -> Iterator[Found]:
    """A number with the word before it that says what it numbers, and with the authority that gave it."""
    for number in _NUMBER.finditer(text):
        start, end = number.span()
        before = _RIGHT_BEFORE.search(text, max(0, start - 48), start)
        after = _NUMBER_AFTER.match(text, end)
        ordinal = text[max(0, start - 3) : start].rstrip(" (").endswith("第")
        if not before and not (ordinal and after):
            continue
        start = before.start() if before else text.rindex("第", 0, start)
        if authority := _AUTHORITY_BEFORE.search(text, max(0, start - 41), start):
            start = authority.start()
        while after := _NUMBER_AFTER.match(text, end):
            end = after.end()
        yield start, end, "identifier"


# --- the map -------------------------------------------------------------------------------------------------------

_TAIL = re.compile(
    r"(?<![0-9])[0-9]{1,5}[ ]?(?:(?:丁目|番地|番|号室|号|条|階|F|の|[\-ー–]|[ ](?=[0-9]))[ ]?[0-9]{0,4}[ ]?){0,8}"
    r"(?:[ ]?[0-9A-Zァ-ヶー一-龠々ぁ-ん]{1,14}(?:ビル(?:ディング)?|マンション|ハイツ|荘|館|タワー|プラザ|コーポ|会館|センター|アパート)内?)?"
    r"(?:[ ]?[0-9]{1,4}(?:号室|階|F|号))?"
)
_LAND = rf"{_HAN}ぁ-ゖァ-ヶー0-9"
_BEFORE_TAIL = re.compile(rf"[{_LAND}甲乙丙丁 ]{{2,60}}$")
_DIVISION = re.compile(r"[都道府県市区町村郡]")
_BUILDING = re.compile(
    rf"[ ]?[{_HAN}ァ-ヶーA-Za-z0-9]{{1,16}}(?:ビル|荘|内|館|タワー|マンション)[{_HAN}]{{0,2}}[ ]?(?:[0-9]{{1,3}}(?:F|階|号室))?"
)


def _japanese_addresses(text: str, written: str) -> Iterator[Found]:
    """Numbers of block and house with the land before them, back to the municipality or prefecture.

    `written` is the plain view, where 三重県 and 四日市 still are what they are.
    """
    done = 0
    for tail in _TAIL.finditer(text):
        if tail.start() < done:
            continue
        land = _BEFORE_TAIL.search(written, max(0, tail.start() - 60), tail.start())
        if not land or not _DIVISION.search(land[0]):
            continue
        prefectures = [match.start() for match in _prefectures().finditer(land[0])]
        start = land.start() + (prefectures[-1] if prefectures else _start_of_land(land[0]))
        end = tail.start() + len(tail[0].rstrip(" の"))
        if building := _BUILDING.match(text, end):
            end = building.end()
        yield start, end, "address"
        done = end


@cache
def _prefectures() -> re.Pattern[str]:
    return re.compile("|".join(re.escape(label("prefecture", code, "ja")) for code in SCHEMES["prefecture"].codes))


_PARTICLES = re.compile(r".*[はがをにでへもとやの]")


def _start_of_land(land: str) -> int:
    """Where the municipality begins: after the last particle in front of its 市, 区, 町 or 村."""
    division = _DIVISION.search(land)
    head = land[: division.start()] if division else land
    particle = _PARTICLES.match(head)
    return particle.end() if particle and particle.end() < len(head) else 0


_ENGLISH_ADDRESS = re.compile(
    r"(?:[A-Z][A-Za-z]{1,20} (?:Bldg|Building|Tower|Heights|Mansion)\.?,? ?(?:[0-9A-Z]{1,3},? ?)?)?"
    r"(?<![0-9\-])[0-9]{1,5}(?:-[0-9]{1,4}){1,3},? (?:[A-Z][A-Za-z\-]{1,30},? ?){1,7}(?:[0-9]{3}-[0-9]{4})?(?:, Japan)?"
)

# --- all -----------------------------------------------------------------------------------------------------------


def digits_folded(text: str) -> str:
    """Kanji digits as 0-9, everything else as it was; the length stays."""
    return text.translate(_KANJI_DIGITS)


def identifiers(written: str) -> Iterator[Found]:
    """Every passage of a plain view with the form of an identifier or an address; they may overlap."""
    text = digits_folded(written)
    patterns: tuple[re.Pattern[str], ...] = _NEEDS_LATIN if _TWO_LETTERS.search(text) else ()
    has_numbers = _TWO_DIGITS.search(text) is not None
    for pattern in patterns + _NEEDS_DIGITS if has_numbers else patterns:
        for match in pattern.finditer(text):
            yield match.start(), match.end(), "identifier"
    if has_numbers:
        yield from _numbered_rights(text)
        for match in _ENGLISH_ADDRESS.finditer(text):
            yield match.start(), match.end(), "address"
    yield from _japanese_addresses(text, written)
