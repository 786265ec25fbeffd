"""Which words, numbers and dates does this reader see, and are the catalogues complete?

Every user-facing sentence is an English msgid. Modules mark it with `_` (which returns it unchanged) or carry it in a
`Message`; only the edge that knows the reader's locale calls `translate`. Labels of codes do not pass through here:
they live in `db/reference` with a Japanese and an English column.
"""

from __future__ import annotations

import ast
import gettext
import io
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import msgspec
from babel import Locale, dates, lists, numbers
from babel.core import get_global
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

SOURCE_LOCALE = "en"
SUPPORTED_LOCALES = ("ja", "en")
# Msgids are English, and a reader whose language we lack is likelier to read English than Japanese. Pages for
# Japanese owners name their locale and do not negotiate.
DEFAULT_LOCALE = "en"


def _(message: str) -> str:
    """Mark a literal for extraction; translation happens when the reader is known."""
    return message


class Message(msgspec.Struct, frozen=True):
    """A sentence still to be translated: an English msgid with `{name}` fields, and what goes into them.

    A param may itself be a Message, a date, or a list of either; `translate` renders it in the same locale.
    """

    msgid: str
    params: dict[str, object] = {}

    @classmethod
    def of(cls, msgid: str, /, **params: object) -> Message:
        return cls(msgid, params)


class _Params(dict):
    """A forgotten param stays visible as `{name}`: the sentence that explains an error must not raise another."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"


def translate(message: Message | str, locale: str) -> str:
    """The sentence in `locale`; the English msgid where there is no translation or no such locale. Never raises."""
    if isinstance(message, str):
        known = locale if locale in SUPPORTED_LOCALES else SOURCE_LOCALE  # never a path of the reader's making
        return _catalogue(known).gettext(message) if message else ""
    text = translate(message.msgid, locale)
    if not message.params:
        return text
    return text.format_map(_Params({name: _param(value, locale) for name, value in message.params.items()}))


def _param(value: object, locale: str) -> object:
    match value:
        case Message():
            return translate(value, locale)
        case list() | tuple():
            return lists.format_list([str(_param(each, locale)) for each in value], locale=_cldr(locale))
        case date() if not isinstance(value, datetime):
            return format_date(value, locale)
    return value


def translator(locale: str) -> Callable[..., str]:
    """The `_` of a page template: `_("Hello {name}", name=...)`, already bound to its reader's locale."""
    return lambda msgid, /, **params: translate(Message(msgid, params), locale)


# --- catalogues ---------------------------------------------------------------------------------------------------


def _directory() -> Path:
    from succession.config import resource  # late: the settings read this module's locales

    return Path(resource("i18n"))


def _po_path(directory: Path, locale: str) -> Path:
    return directory / locale.replace("-", "_") / "LC_MESSAGES" / "messages.po"


@cache
def _catalogue(locale: str) -> gettext.NullTranslations:
    """The compiled catalogue: messages.mo when it is as new as the .po, else the .po compiled in memory."""
    po = _po_path(_directory(), locale)
    mo = po.with_suffix(".mo")
    if mo.exists() and (not po.exists() or mo.stat().st_mtime >= po.stat().st_mtime):
        return gettext.GNUTranslations(io.BytesIO(mo.read_bytes()))
    if not po.exists():
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    write_mo(compiled, _read_po(po, locale))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _read_po(po: Path, locale: str) -> Catalog:
    with po.open("rb") as stream:
        return read_po(stream, locale=locale.replace("-", "_"))


# --- negotiation --------------------------------------------------------------------------------------------------

_HEADER_LIMIT = 1000
_QUALITY = r"(?:;\s*[qQ]\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*)?"
_RANGE = re.compile(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*" + _QUALITY)


def negotiate(
    accept_language: str | None, supported: tuple[str, ...] = SUPPORTED_LOCALES, default: str = DEFAULT_LOCALE
) -> str:
    """The supported locale this reader likes best (RFC 9110, 12.5.4). What cannot be parsed is skipped, never raised.

    A range matches a locale of the same language and script, the script inferred by CLDR's likely subtags: zh-TW is
    zh-Hant. `q=0` refuses a locale; when nothing acceptable is supported the answer is `default` all the same.
    """
    return _negotiated((accept_language or "")[:_HEADER_LIMIT], supported, default)


@lru_cache(maxsize=1_000)  # a browser says the same all day
def _negotiated(accept_language: str, supported: tuple[str, ...], default: str) -> str:
    wishes: list[tuple[float, str]] = []
    refused: set[str] = set()
    for item in accept_language.split(","):
        found = _RANGE.fullmatch(item)
        if found is None:
            continue
        quality = float(found[2] or 1)
        if quality:
            wishes.append((quality, found[1]))
        else:
            refused |= {locale for locale in supported if _matches(found[1], locale)}
    named = {locale for _quality, tag in wishes for locale in supported if tag != "*" and _matches(tag, locale)}
    for _quality, tag in sorted(wishes, key=lambda wish: -wish[0]):  # stable: ties keep the header's order
        for locale in sorted(supported, key=lambda each: each != default) if tag == "*" else supported:
            if locale not in refused and (locale not in named if tag == "*" else _matches(tag, locale)):
                return locale
    return default


def _matches(tag: str, locale: str) -> bool:
    return tag != "*" and _language_and_script(tag) == _language_and_script(locale)


@lru_cache(maxsize=1_000)
def _language_and_script(tag: str) -> tuple[str, str]:
    """(language, script) of a BCP 47 tag; variants and extensions do not matter here."""
    language, *subtags = tag.split("-")
    language = language.lower()
    script = next((each.title() for each in subtags[:2] if len(each) == 4 and each.isalpha()), "")
    region = next((each.upper() for each in subtags[:3] if len(each) == 2 and each.isalpha()), "")
    if script:
        return language, script
    likely = get_global("likely_subtags")
    full = likely.get(f"{language}_{region}") or likely.get(language) or f"{language}_Zzzz"
    return language, full.split("_")[1]


# --- CLDR formatting ----------------------------------------------------------------------------------------------


def _cldr(locale: str) -> Locale:
    return Locale.parse(locale, sep="-")


def format_yen(amount_yen: int, locale: str) -> str:
    """Exact, never rounded: 120000000 is 1億2,000万円, or ¥120 million; an odd amount keeps every digit in English."""
    sign, rest = ("-", -amount_yen) if amount_yen < 0 else ("", amount_yen)
    if locale == "ja":
        parts = []
        for unit, size in (("兆", 10**12), ("億", 10**8), ("万", 10**4), ("", 1)):
            count, rest = divmod(rest, size)
            if count:
                parts.append(f"{count:,}{unit}")
        return sign + ("".join(parts) or "0") + "円"
    for name, size in (("billion", 10**9), ("million", 10**6)):
        if rest >= size and rest % (size // 100) == 0:  # at most two decimals
            return f"{sign}¥{format_count(Decimal(rest) / size, locale)} {name}"
    return f"{sign}¥{rest:,}"


def format_date(day: date, locale: str) -> str:
    return dates.format_date(day, format="long", locale=_cldr(locale))


def format_percent(ratio: float | Decimal, locale: str, decimals: int = 1) -> str:
    """0.052 is 5.2 %: `ratio` is a fraction of one, shown with at most `decimals` decimals."""
    pattern = "#,##0" + ("." + "#" * decimals if decimals else "") + "%"
    return numbers.format_percent(ratio, format=pattern, locale=_cldr(locale))


def format_count(count: int | Decimal, locale: str) -> str:
    return numbers.format_decimal(count, locale=_cldr(locale))


# --- money bands in foreign currency ------------------------------------------------------------------------------

# A table of its own, rounded by hand near 150 JPY/USD and 165 JPY/EUR, and never converted per request: a converted
# edge would move with the rate, and two snapshots would intersect (anonymisation.md section 4, "Also").
# Edge in million yen -> thousands of the currency.
FOREIGN_EDGES: dict[str, dict[int, int]] = {
    "USD": {10: 70, 50: 350, 100: 700, 200: 1_400, 300: 2_000, 500: 3_500, 1000: 7_000, 3000: 20_000, 5000: 35_000},
    "EUR": {10: 60, 50: 300, 100: 600, 200: 1_200, 300: 1_800, 500: 3_000, 1000: 6_000, 3000: 18_000, 5000: 30_000},
}
_CURRENCY_JA = {"USD": "米ドル", "EUR": "ユーロ"}


def foreign_band(low_million_yen: int | None, high_million_yen: int | None, currency: str, locale: str) -> str:
    """The published label of a money band in `currency`; always "about". KeyError for an edge that is not published."""
    table = FOREIGN_EDGES[currency]
    low = None if low_million_yen is None else _rounded(table[low_million_yen], currency, locale)
    high = None if high_million_yen is None else _rounded(table[high_million_yen], currency, locale)
    if locale == "ja":
        return f"約{low}以上" if high is None else f"約{high}未満" if low is None else f"約{low}〜{high}"
    if high is None:
        return f"about {low} or more"
    return f"under about {high}" if low is None else f"about {low} to {high}"


def _rounded(thousands: int, currency: str, locale: str) -> str:
    if locale == "ja":
        return format_yen(thousands * 1000, "ja").removesuffix("円") + _CURRENCY_JA[currency]
    amount = f"{thousands / 1000:g} million" if thousands >= 1000 else f"{thousands},000"
    return f"{currency} {amount}"


# --- extraction and completeness ----------------------------------------------------------------------------------

_KEYWORDS = {"_": None, "Message": None, "Message.of": None}
_FIELD = re.compile(r"(?<!\{)\{([a-z_0-9]+)\}")


def extract_python(
    fileobj: Any, keywords: Any, comment_tags: Any, options: Any
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Babel extraction method: literals given to `_`, `Message` and `Message.of`. ValueError for an f-string there."""
    for node in ast.walk(ast.parse(fileobj.read())):
        if not isinstance(node, ast.Call) or ast.unparse(node.func) not in _KEYWORDS:
            continue
        first = node.args[0] if node.args else next((k.value for k in node.keywords if k.arg == "msgid"), None)
        if isinstance(first, ast.JoinedStr):
            raise ValueError(f"line {node.lineno}: an f-string cannot be translated; use {{fields}} and params")
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value:
            yield node.lineno, ast.unparse(node.func), first.value, []


def extract_messages(project: Path) -> Catalog:
    """Every msgid in the source tree under `project`, as `i18n/babel.cfg` maps it."""
    with (project / "i18n" / "babel.cfg").open(encoding="utf-8") as stream:
        methods, options = parse_mapping_cfg(stream)
    catalog = _signed(Catalog())
    found = extract_from_dir(str(project), methods, options, keywords=_KEYWORDS | {"gettext": None})
    for filename, _line, msgid, comments, context in sorted(found, key=lambda each: (each[0], each[1])):
        catalog.add(msgid, locations=[(Path(filename).as_posix(), 0)], auto_comments=comments, context=context)
    return catalog


def check_catalogues(project: Path | None = None, locales: Iterable[str] = SUPPORTED_LOCALES) -> list[str]:
    """What keeps the catalogues from being complete (missing, fuzzy, obsolete, mis-fielded); [] when whole."""
    project = project or _directory().parent
    wanted = {message.id for message in extract_messages(project) if message.id}
    problems: list[str] = []
    for locale in locales:
        if locale == SOURCE_LOCALE:
            continue
        po = _po_path(project / "i18n", locale)
        if not po.exists():
            problems.append(f"{locale}: no catalogue")
            continue
        catalog = _read_po(po, locale)
        translated = {message.id: message for message in catalog if message.id}
        for msgid in sorted(wanted | set(translated)):
            entry = translated.get(msgid)
            if entry is None or not entry.string:
                problems.append(f"{locale}: missing: {msgid}")
            elif msgid not in wanted:
                problems.append(f"{locale}: obsolete: {msgid}")
            elif entry.fuzzy:
                problems.append(f"{locale}: fuzzy: {msgid}")
            elif set(_FIELD.findall(msgid)) != set(_FIELD.findall(entry.string)):
                problems.append(f"{locale}: other fields than the msgid: {msgid}")
        problems += [f"{locale}: obsolete: {message.id}" for message in catalog.obsolete.values()]
    return problems


def update_catalogues(project: Path | None = None, locales: Iterable[str] = SUPPORTED_LOCALES) -> list[str]:
    """Rewrite messages.pot and merge it into each messages.po (nothing guessed, obsolete dropped); then check."""
    project = project or _directory().parent
    template = extract_messages(project)
    _write_po(project / "i18n" / "messages.pot", template)
    for locale in locales:
        if locale == SOURCE_LOCALE:
            continue
        po = _po_path(project / "i18n", locale)
        catalog = _read_po(po, locale) if po.exists() else Catalog(locale=locale.replace("-", "_"))
        catalog.update(template, no_fuzzy_matching=True, update_creation_date=False)
        _write_po(po, _signed(catalog))
    _catalogue.cache_clear()
    return check_catalogues(project, locales)


def _signed(catalog: Catalog) -> Catalog:
    """The same head whoever writes it and whenever, so that a catalogue's diff shows words and nothing else."""
    catalog.header_comment = "# Sentences of succession, in English and in the language of this file."
    catalog.project, catalog.version, catalog.msgid_bugs_address = "succession", "1", "none"
    catalog.creation_date = catalog.revision_date = datetime(2025, 1, 1, tzinfo=UTC)
    catalog.last_translator, catalog.language_team = "the succession authors", "none"
    return catalog


def _write_po(path: Path, catalog: Catalog) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        write_po(stream, catalog, width=120, sort_output=True, ignore_obsolete=True, include_lineno=False)
