"""In which ways do people write a company's own name, and what else of its profile turns up in a text?

`VARIANTS` are the 25 written forms of shared research on anonymity (legal form moved, old kanji, Kunrei, zero-width
characters, one wrong character...). Each takes a company and gives the written form, or None where the name has no such
form (no old kanji in it; nothing to abbreviate). Nothing here is imported from the scanner.
"""

from __future__ import annotations

import csv
import unicodedata
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scanner_texts import kana

ABBREVIATED = {"株式会社": ("㈱", "（株）"), "有限会社": ("㈲", "（有）"), "合資会社": ("㈾", "（資）"), "合同会社": ("", "(同)")}
LEGAL_FORMS = (*ABBREVIATED, "医療法人", "社会福祉法人", "一般社団法人", "農事組合法人")
ENGLISH_FORMS = (" Co., Ltd.", ", Ltd.", " Ltd.", " Inc.", " LLC", " Corporation", " Limited Partnership")
_SMALL_WORDS = {"and", "of", "the", "no", "for", "in"}


@dataclass(frozen=True)
class Company:
    """One line of companies.tsv. `core` and `kana` are tuples of morphemes; numbers are made from the line number."""

    number: int
    legal_form: str
    form_first: bool
    core: tuple[str, ...]
    kana: tuple[str, ...]
    english: str
    representative: tuple[str, str]
    representative_kana: tuple[str, str]
    address: str
    brands: tuple[str, ...]
    former: str
    customers: tuple[str, ...]

    @property
    def name(self) -> str:
        return "".join(self.core)

    @property
    def registered(self) -> str:
        return self.legal_form + self.name if self.form_first else self.name + self.legal_form

    @property
    def reading(self) -> str:
        return "".join(self.kana).replace(".", "")

    @property
    def english_core(self) -> str:
        return next((self.english.removesuffix(f) for f in ENGLISH_FORMS if self.english.endswith(f)), self.english)

    @property
    def corporate_number(self) -> str:
        """Valid check digit, base number in the unassigned range 9999..."""
        return corporate_number(99_990_000_0000 + 7_919 * self.number)

    @property
    def phone(self) -> str:
        """Exchanges beginning with 0 are not assigned."""
        area = ("011", "022", "045", "048", "052", "075", "078", "082", "092", "099")[self.number % 10]
        return f"{area}-0{self.number * 37 % 100:02}-{self.number * 6151 % 10000:04}"

    @property
    def domain(self) -> str:
        return "".join(self.english_core.lower().split()[:2]).replace(",", "") + ".example"

    @property
    def representative_romaji(self) -> tuple[str, str]:
        family, given = (kana.hepburn(part).capitalize() for part in self.representative_kana)
        return family, given


def corporate_number(base: int) -> str:
    """13 digits: the check digit by the National Tax Agency's rule before a 12-digit base number."""
    digits = f"{base:012}"
    total = sum(int(d) * (1 if n % 2 == 0 else 2) for n, d in enumerate(reversed(digits)))
    return f"{9 - total % 9}{digits}"


def companies(path: Path) -> list[Company]:
    """Offset by the file's name, so that no two files share a number."""
    rows = (line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    offset = zlib.crc32(path.parent.name.encode()) % 5000
    return [_company(offset + n, row) for n, row in enumerate(csv.DictReader(rows, delimiter="\t"), 1)]


def _company(number: int, row: dict[str, str]) -> Company:
    left, right = row["registered"].split("/")
    first = left in LEGAL_FORMS
    pair = (lambda text: tuple(text.split(" ", 1)))
    return Company(
        number=number, legal_form=left if first else right, form_first=first,
        core=tuple((right if first else left).split("|")), kana=tuple(row["kana"].split("|")), english=row["english"],
        representative=pair(row["representative"]), representative_kana=pair(row["representative_kana"]),
        address=row["address"], brands=tuple(row["brands"].split(";")), former=row["former"],
        customers=tuple(row["customers"].split(";")))


# --- the written forms ---

_OLD = dict(zip("高崎辺斎浜沢広国真栄徳恵竜桜寿鉄会学万与円条塩滝静緑黒関豊芸宝亀暁槙弥礼桧島峰富峯嶋蔵実頼戸渓薬",
                "髙﨑邊齋濱澤廣國眞榮德惠龍櫻壽鐵會學萬與圓條鹽瀧靜綠黑關豐藝寶龜曉槇彌禮檜嶋峯冨峰島藏實賴戶溪藥", strict=True))
_NEW = {"髙": "高", "濱": "浜", "澤": "沢", "廣": "広", "嶋": "島", "邊": "辺", "﨑": "崎", "齋": "斎", "條": "条", "冨": "富"}
# Pairs that a tired hand or an optical reader confuses.
_CONFUSED = (
    "三二 大太 木本 田由 川州 工エ 力刀 末未 土士 日目 石右 東束 北比 原厚 屋星 井丼 水氷 電雷 製制 精清 機械 島鳥 場湯 建健 部郡 品晶 業葉 "
    "会合 社杜 所折 動働 食良 園圏 店広 運連 平乎 野里 鋳鉄 密蜜 化花 市布 材林 設説 造遭 備偏 シツ ンソ アマ クワ コユ ラフ ロコ テラ ルレ "
    "ドト ガカ グク バパ ビピ ブプ リソ スヌ ネホ メナ ノメ ムマ タダ チテ ニミ オホ サキ るろ ぬめ わね はほ きさ らう たな りけ いこ ぶふ だた "
    "まも よま みむ とど なた そろ おあ つっ")
_WRONG = {}
for _left, _right in _CONFUSED.split():
    _WRONG.setdefault(_left, _right)
    _WRONG.setdefault(_right, _left)


def _swap(text: str, table: dict[str, str]) -> str | None:
    changed = "".join(table.get(c, c) for c in text)
    return changed if changed != text else None


def _middle(company: Company) -> int:
    """Where the name is broken: inside its second half, never at an end."""
    return max(1, (len(company.name) + 1) // 2)


def one_wrong_character(company: Company) -> str | None:
    """One confusable character exchanged, later ones first; names under four characters leave too little."""
    name = company.name
    places = [i for i, c in enumerate(name) if c in _WRONG]
    if len(name) < 4 or not places:
        return None
    i = places[company.number % len(places)]
    return name[:i] + _WRONG[name[i]] + name[i + 1:]


def acronym(company: Company) -> str | None:
    """Initials of the English name; two letters are no name."""
    initials = "".join(w[0] for w in company.english_core.split() if w.lower() not in _SMALL_WORDS).upper()
    return initials if len(initials) >= 3 else None


def first_morpheme(company: Company) -> str | None:
    first = company.core[0]
    return first if len(company.core) > 1 and len(first) > 1 else None


def _abbreviated(company: Company, which: int, moved: bool = False) -> str | None:
    form = ABBREVIATED.get(company.legal_form, ("", ""))[which]
    if not form:
        return None
    return form + company.name if company.form_first != moved else company.name + form


def _moved(company: Company) -> str | None:
    if company.legal_form not in ABBREVIATED:
        return None
    return company.name + company.legal_form if company.form_first else company.legal_form + company.name


def _spaced(company: Company) -> str:
    gap = " " if company.number % 2 else "　"
    return gap.join((company.legal_form, company.name) if company.form_first else (company.name, company.legal_form))


def _romaji(company: Company) -> list[str]:
    return [kana.hepburn(part) for part in company.kana]


def _kunrei(company: Company) -> str | None:
    parts = [kana.kunrei(part) for part in company.kana]
    return " ".join(p.capitalize() for p in parts if p) if all(parts) else None


def full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else "　" if c == " " else c for c in text)


def _if_new(text: str | None, company: Company) -> str | None:
    return text if text and text != company.name else None


def _domain(company: Company) -> str:
    """Readings and English names both become domains; the profile holds the one of `Company.domain`."""
    joined = "".join(_romaji(company) if company.number % 2 else company.english_core.lower().split())
    return f"{joined}.example" if company.number % 3 else f"{joined}.co.example"


VARIANTS: dict[str, Callable[[Company], str | None]] = {
    "as registered": lambda c: c.registered,
    "legal form moved": _moved,
    "enclosed ㈱": lambda c: _abbreviated(c, 0),
    "（株）": lambda c: _abbreviated(c, 1),
    "moved and abbreviated": lambda c: _abbreviated(c, 1, moved=True),
    "legal form spaced": _spaced,
    "core name alone": lambda c: c.name,
    "full-width": lambda c: _if_new(
        full_width(unicodedata.normalize("NFKC", c.name) if c.name.isascii() else c.english_core), c),
    "old or new kanji": lambda c: _swap(c.name, _NEW) or _swap(c.name, _OLD),
    "katakana": lambda c: _if_new(c.reading, c),
    "hiragana": lambda c: _if_new(kana.hiragana(c.reading), c),
    "half-width katakana": lambda c: kana.half_width(c.reading),
    "Hepburn": lambda c: " ".join(part.capitalize() for part in _romaji(c)),
    "Kunrei": _kunrei,
    "official English": lambda c: c.english,
    "upper case": lambda c: c.english_core.upper(),
    "slug": lambda c: "-".join(c.english_core.lower().split()) if c.number % 2 else "-".join(_romaji(c)),
    "joined domain": _domain,
    "spaced out": lambda c: (" " if c.number % 2 else "　").join(c.name),
    "zero-width": lambda c: ("\u200b", "\u200d", "\ufeff", "\u2060")[c.number % 4].join(
        (c.name[:_middle(c)], c.name[_middle(c):])),
    "middots": lambda c: ("・", "·", "･")[c.number % 3].join(c.name),
    "line-broken": lambda c: ("\n", "\n　", "\r\n")[c.number % 3].join((c.name[:_middle(c)], c.name[_middle(c):])),
    "one wrong character": one_wrong_character,
    "English acronym": acronym,
    "first morpheme": first_morpheme,
}

# Beyond the 25: what people also do. Reported apart.
FURTHER: dict[str, Callable[[Company], str | None]] = {
    "Hepburn with macrons": lambda c: _if_new(" ".join(kana.hepburn_with_macrons(p).capitalize() for p in c.kana), c),
    "as typed": lambda c: "".join(kana.typed(p) for p in c.kana),
    "English core": lambda c: c.english_core,
    "English joined": lambda c: c.english_core.replace(" ", ""),
    "Hepburn of the first morpheme": lambda c: _romaji(c)[0].capitalize() if first_morpheme(c) else None,
    "hyphenated reading": lambda c: "-".join(c.kana).replace(".", "") if len(c.kana) > 1 else None,
    "old kanji and abbreviated": lambda c: ("㈱" + old) if (old := _swap(c.name, _OLD)) else None,
    "spaced and full-width spaced": lambda c: " 　".join(c.core) if len(c.core) > 1 else None,
}

# What else of the profile identifies, in a written form the profile does not hold letter by letter.
PROFILE: dict[str, Callable[[Company], str | None]] = {
    "representative": lambda c: "".join(c.representative),
    "representative spaced": lambda c: "　".join(c.representative),
    "representative surname": lambda c: f"[[own:{c.representative[0]}]]社長",
    "representative kana": lambda c: " ".join(c.representative_kana),
    "representative hiragana": lambda c: kana.hiragana("".join(c.representative_kana)),
    "representative romaji": lambda c: " ".join(reversed(c.representative_romaji)),
    "representative romaji, SURNAME first": lambda c: (
        f"{c.representative_romaji[0].upper()} {c.representative_romaji[1]}"),
    "corporate number": lambda c: f"{c.corporate_number[0]}-{c.corporate_number[1:5]}-{c.corporate_number[5:9]}-"
                                  f"{c.corporate_number[9:]}",
    "phone": lambda c: c.phone.replace("-", ""),
    "phone full-width": lambda c: full_width(c.phone),
    "domain": lambda c: c.domain,
    "address": lambda c: c.address,
    "address full-width": lambda c: full_width(c.address),
    "brand": lambda c: c.brands[c.number % len(c.brands)],
    "former name": lambda c: c.former,
    "customer": lambda c: c.customers[c.number % len(c.customers)],
}


def profile(company: Company) -> dict[str, tuple[str, ...]]:
    """What the scanner is told: the keywords of its `Own`. As a seller types it once, nothing derived."""
    family, given = company.representative_romaji
    return {
        "names": (company.registered, company.former),
        "kana": (company.reading,),
        "romaji": (company.english,),
        "people": (" ".join(company.representative), " ".join(company.representative_kana), f"{given} {family}"),
        "places": (company.address,),
        "identifiers": (company.corporate_number, company.phone, f"https://{company.domain}/",
                        f"info@{company.domain}"),
        "others": (*company.brands, *company.customers),
    }
