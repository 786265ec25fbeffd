"""In which notations do people write numbers, net addresses and permits? Made from carriers and invented numbers.

No number here is anybody's: corporate base numbers begin 9999, telephone exchanges with 0, post codes with 000, patents
and permits lie far above what has been granted or in the year 2099, domains end in .example or .invalid (RFC 2606).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from scanner_texts.variants import corporate_number, full_width

_KANJI_DIGITS = str.maketrans("0123456789", "〇一二三四五六七八九")
PER_NOTATION = {"corporate": 8, "phone": 8, "net": 6, "right": 4, "permit": 4, "post code": 6}

Digits = Callable[[int], str]


def _corporate(rng: random.Random) -> str:
    return corporate_number(99_990_000_0000 + rng.randrange(1, 99_999_999))


def _grouped(number: str, gap: str) -> str:
    return gap.join((number[0], number[1:5], number[5:9], number[9:]))


CORPORATE = {
    "corporate number plain": lambda n: n,
    "corporate number hyphenated": lambda n: _grouped(n, "-"),
    "corporate number spaced": lambda n: _grouped(n, " "),
    "corporate number full-width": full_width,
    "corporate number in kanji digits": lambda n: n.translate(_KANJI_DIGITS),
    "invoice number": lambda n: f"T{n}",
    "invoice number hyphenated": lambda n: f"T{_grouped(n, '-')}",
}

PHONES = {
    "phone hyphenated": lambda a, b, c: f"{a}-{b}-{c}",
    "phone, area in brackets": lambda a, b, c: f"({a}) {b}-{c}",
    "phone, exchange in brackets": lambda a, b, c: f"{a}({b}){c}",
    "phone without separators": lambda a, b, c: f"{a}{b}{c}",
    "phone full-width": lambda a, b, c: full_width(f"{a}-{b}-{c}"),
    "phone international": lambda a, b, c: f"+81-{a[1:]}-{b}-{c}",
    "phone international with (0)": lambda a, b, c: f"+81 (0){a[1:]} {b} {c}",
    "phone dotted": lambda a, b, c: f"{a}.{b}.{c}",
    "phone spaced": lambda a, b, c: f"{a} {b} {c}",
    "phone in kanji digits": lambda a, b, c: f"{a}ー{b}ー{c}".translate(_KANJI_DIGITS),
    "phone with other dashes": lambda a, b, c: f"{a}−{b}‐{c}",
    "phone mobile": lambda a, b, c: f"090-{b}{a[-1]}-{c}",
    "phone over the net": lambda a, b, c: f"050-{b}{a[-1]}-{c}",
}

NET = {
    "e-mail": lambda who, host: f"{who}@{host}",
    "e-mail full-width": lambda who, host: full_width(f"{who}@{host}"),
    "e-mail [at]": lambda who, host: f"{who}[at]{host}",
    "e-mail at, dot": lambda who, host: f"{who} at {host.replace('.', ' dot ')}",
    "e-mail (at), (dot)": lambda who, host: f"{who}(at){host.replace('.', '(dot)')}",
    "e-mail アットマーク": lambda who, host: f"{who}アットマーク{host.replace('.', 'ドット')}",
    "e-mail ★": lambda who, host: f"{who}★{host}",
    "URL https": lambda who, host: f"https://{host}/{who}/",
    "URL www": lambda who, host: f"www.{host}",
    "URL hxxp": lambda who, host: f"hxxps://{host.replace('.', '[.]')}/{who}",
    "URL bare": lambda who, host: host,
    "URL full-width": lambda who, host: full_width(f"http://www.{host}/"),
}

RIGHTS = {
    "特許第": lambda d: f"特許第99{d(5)}号",
    "特許 without 第": lambda d: f"特許99{d(5)}",
    "特許 full-width": lambda d: full_width(f"特許第99{d(5)}号"),
    "特許 kanji digits": lambda d: f"特許第99{d(5)}号".translate(_KANJI_DIGITS),
    "特願": lambda d: f"特願2099-{d(6)}",
    "特願 full-width": lambda d: full_width(f"特願2099-{d(6)}"),
    "特開": lambda d: f"特開2099-{d(6)}号",
    "特開 era": lambda d: f"特開平99-{d(6)}",
    "特表": lambda d: f"特表2099-5{d(5)}",
    "実用新案": lambda d: f"実用新案登録第99{d(5)}号",
    "意匠": lambda d: f"意匠登録第99{d(5)}号",
    "意願": lambda d: f"意願2099-{d(6)}",
    "商標": lambda d: f"商標登録第99{d(5)}号",
    "商標 reversed": lambda d: f"登録商標第99{d(5)}号",
    "商願": lambda d: f"商願2099-{d(6)}",
    "PCT": lambda d: f"PCT/JP2099/{d(6)}",
    "WO": lambda d: f"WO2099/{d(6)}",
    "US patent": lambda d: f"US 99,{d(3)},{d(3)} B2",
    "JP patent": lambda d: f"JP99{d(5)}B2",
    "EP patent": lambda d: f"EP 99{d(5)} B1",
}

PERMITS = {
    "construction, minister": lambda d: f"国土交通大臣許可（般-99）第99{d(4)}号",
    "construction, governor": lambda d: f"知事許可（特－９９）第{full_width('99' + d(4))}号",
    "estate agent": lambda d: f"知事(3)第99{d(4)}号",
    "second-hand dealer": lambda d: f"公安委員会許可 第99{d(10)}号",
    "waste haulage": lambda d: f"産業廃棄物収集運搬業許可番号 099{d(8)}",
    "temporary staff": lambda d: f"派99-99{d(4)}",
    "job placement": lambda d: f"99-ユ-99{d(4)}",
    "travel agent": lambda d: f"観光庁長官登録旅行業第99{d(5)}号",
    "haulage": lambda d: f"関自貨第99{d(5)}号",
    "medical devices": lambda d: f"99B1X9{d(4)}",
    "electrician": lambda d: f"電気工事業登録 第99{d(4)}号",
    "telecommunication": lambda d: f"電気通信事業 届出番号 A-99-9{d(4)}",
    "food": lambda d: f"営業許可 第9{d(5)}号の{d(1)}",
    "money lender": lambda d: f"貸金業登録番号 知事(2)第99{d(5)}号",
    "certificate": lambda d: f"認証番号 QM99{d(4)}",
    "warehouse": lambda d: f"倉庫業登録第99{d(5)}号",
}

POST_CODES = {
    "post code 〒": lambda d: f"〒000-{d(4)}",
    "post code bare": lambda d: f"000-{d(4)}",
    "post code full-width": lambda d: full_width(f"〒000-{d(4)}"),
    "post code joined": lambda d: f"〒000{d(4)}",
    "post code in words": lambda d: f"郵便番号[[identifier:000-{d(4)}]]",
}

# Two sets of names and places, one per half.
_WHO = {
    "dev": ("info", "k.misawa", "sales_team", "recruit", "otoiawase", "soumu-bu", "yamane"),
    "held_out": ("contact", "t-oyama", "shop.order", "keiri", "mail2", "jimukyoku", "h_sudo"),
}
_HOSTS = {
    "dev": ("misakibore.example", "www2.tokiwaya-do.example", "ginrei.co.example", "hamakaze-lab.invalid",
            "nagi-bread.jp.example"),
    "held_out": ("otowano-mori.example", "shop.kurogane8.example", "aoba-kinu.co.example", "minatomaru.invalid",
                 "tsuki-usagi.ne.example"),
}
_AREAS = {"dev": ("011", "022", "045", "052", "082"), "held_out": ("048", "054", "078", "086", "096")}


def formatted_identifiers(part: str, carriers: str) -> Iterator[tuple[str, str, str]]:
    """(locale, notation, marked text), the same on every run; the halves differ in numbers, names and sentences."""
    rng = random.Random(f"scanner texts {part}")

    def digits(count: int) -> str:
        return "".join(rng.choices("0123456789", k=count))

    makers: dict[str, tuple[dict, Callable[[Callable], str]]] = {
        "corporate": (CORPORATE, lambda write: write(_corporate(rng))),
        "phone": (PHONES, lambda write: write(rng.choice(_AREAS[part]), f"0{digits(2)}", digits(4))),
        "net": (NET, lambda write: write(rng.choice(_WHO[part]), rng.choice(_HOSTS[part]))),
        "right": (RIGHTS, lambda write: write(digits)),
        "permit": (PERMITS, lambda write: write(digits)),
        "post code": (POST_CODES, lambda write: write(digits)),
    }
    rows = [line.split("\t") for line in carriers.splitlines() if line and not line.startswith("#")]
    for kind, (notations, make) in makers.items():
        for n, (notation, write) in enumerate(notations.items()):
            for m in range(PER_NOTATION[kind]):
                written = make(write)
                locales = ("ja", "en") if written.isascii() else ("ja",)
                fitting = [row for row in rows if row[0] == kind and row[1] in locales]
                _, locale, sentence = fitting[(3 * n + m) % len(fitting)]
                marked = written if "[[" in written else f"[[identifier:{written}]]"
                yield locale, notation, sentence.replace("{}", marked)
