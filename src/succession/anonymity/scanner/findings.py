"""What does a scan take and give?

Not in `__init__`, so that every module of the package can import it.
"""

from __future__ import annotations

import msgspec

from succession.i18n import Message

CLEAN, FOUND, UNKNOWN = "clean", "found", "unknown"

# Kinds of a span, the gravest first: where spans of several kinds meet, the first names the whole.
KINDS = (
    "own", "identifier", "address", "organisation", "person", "place", "product", "katakana", "unique", "number",
)  # fmt: skip


class Own(msgspec.Struct, frozen=True):
    """What is known of this company, as typed in its profile. Everything is optional."""

    names: tuple[str, ...] = ()  # legal name, former names, official English name, brands, shops, products
    kana: tuple[str, ...] = ()
    romaji: tuple[str, ...] = ()
    people: tuple[str, ...] = ()  # representative and family, in kanji, kana and romaji
    places: tuple[str, ...] = ()  # addresses of the sites, municipality
    identifiers: tuple[str, ...] = ()  # phones, URLs, e-mail domains, corporate number, patents, permits
    others: tuple[str, ...] = ()  # main customers, suppliers, group companies, awards


class Span(msgspec.Struct, frozen=True):
    """A passage that may say who the company is. Offsets count code points of the text as given."""

    start: int
    end: int
    kind: str
    text: str
    reason: Message
    suggestion: Message | None


class Scan(msgspec.Struct, frozen=True):
    """`state` is clean, found or unknown. Unknown: could not be checked, and is never publishable.

    `engine` names the versions of program, dictionary and tables, so that a stored result can be called stale.
    """

    state: str
    spans: tuple[Span, ...]
    engine: str
