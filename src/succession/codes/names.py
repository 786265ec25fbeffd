"""What are the published codes called in Chinese and Korean?"""

from __future__ import annotations

from functools import cache

from succession.codes.reference import read_table

#: Languages in which codes have names, as BCP 47 writes them -> column of names_zh_ko.tsv. Japanese and English stand in the codes' own tables.
TRANSLATED = {"zh-Hans": "zh_hans", "zh-Hant": "zh_hant", "ko": "ko"}
NAME_LOCALES = ("ja", "en", *TRANSLATED)

#: Schemes that are parts of another one.
_PART_OF = {"prefecture": "place", "region": "place", "jsic": "industry"}


@cache
def _names() -> dict[tuple[str, str], dict[str, str]]:
    rows = read_table("db/reference/names_zh_ko.tsv")
    return {(row["scheme"], row["code"]): {locale: row[column] for locale, column in TRANSLATED.items()} for row in rows}


def translated(scheme: str, code: str, locale: str) -> str | None:
    """The code's name in a language of `TRANSLATED`; None in any other, and for codes that no teaser shows. Phrases: scheme `phrase`."""
    return _names().get((_PART_OF.get(scheme, scheme), code), {}).get(locale)
