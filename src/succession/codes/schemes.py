"""Which codes exist, what are they called in Japanese and English, and which code stands above which?"""

from __future__ import annotations

from collections.abc import Iterable

import babel
import msgspec

from succession.codes.names import translated
from succession.codes.reference import read_table


class Code(msgspec.Struct, frozen=True):
    """One value of a scheme; `parent` is the code it is a part of, None at the top."""

    code: str
    ja: str
    en: str
    parent: str | None


class Scheme(msgspec.Struct, frozen=True):
    """A named, versioned enumeration; `codes` keeps the order in which people expect to read it."""

    name: str
    version: str
    codes: dict[str, Code]


BAND_SCHEMES = ("founded", "employees", "revenue", "margin", "price")

# Two-letter entries of CLDR outside ISO 3166-1: reserved, grouping and test codes, and Kosovo (user-assigned).
NOT_ISO_3166_1 = frozenset("AC CP CQ DG EA EU EZ IC QO TA UN XA XB XK ZZ".split())


def _scheme(name: str, version: str, rows: Iterable[dict[str, str]]) -> Scheme:
    codes = {row["code"]: Code(row["code"], row["ja"], row["en"], row.get("parent") or None) for row in rows}
    return Scheme(name, version, codes)


def _countries() -> Scheme:
    ja, en = (babel.Locale(language).territories for language in ("ja", "en"))
    codes = (code for code in sorted(en) if len(code) == 2 and code not in NOT_ISO_3166_1)
    rows = ({"code": code, "ja": ja[code], "en": en[code]} for code in codes)
    return _scheme("country", f"ISO 3166-1, names from CLDR (Babel {babel.__version__})", rows)


def _load() -> dict[str, Scheme]:
    places = read_table("db/reference/prefectures.tsv")
    industries = read_table("db/reference/industries.tsv")
    bands = read_table("db/reference/bands.tsv")
    small = read_table("db/reference/codes.tsv")
    names = dict.fromkeys(row["scheme"] for row in small)
    groups = [row for row in industries if row["code"].isdigit()]
    divisions = [{**row, "parent": ""} for row in industries if row["code"].isalpha() and len(row["code"]) == 1]
    schemes = [
        _scheme("place", "jp8-1", places),
        _scheme("prefecture", "ISO 3166-2:JP", (row for row in places if row["code"].startswith("JP-"))),
        _scheme("region", "jp8-1", (row for row in places if row["parent"] in ("east", "west"))),
        _scheme("industry", "JSIC rev. 14, sectors 1", industries),
        _scheme("jsic", "JSIC rev. 14", groups + divisions),
        _countries(),
        *(_scheme(name, "bands-1", (row for row in bands if row["attribute"] == name)) for name in BAND_SCHEMES),
        *(_scheme(name, "1", (row for row in small if row["scheme"] == name)) for name in names),
    ]
    return {scheme.name: scheme for scheme in schemes}


SCHEMES: dict[str, Scheme] = _load()


def label(scheme: str, code: str, locale: str) -> str:
    """The code's name: Japanese for any `ja` locale, Chinese or Korean where the code has such a name, English otherwise.
    KeyError for an unknown scheme or code."""
    entry = SCHEMES[scheme].codes[code]
    return entry.ja if locale.replace("_", "-").split("-")[0].lower() == "ja" else translated(scheme, code, locale) or entry.en
