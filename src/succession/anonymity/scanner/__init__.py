"""Does this text say who the company is?

`scan` reads any text that is to be published and returns the passages that could name the company or somebody near it.
"""

from __future__ import annotations

from succession.anonymity.scanner.findings import CLEAN, FOUND, KINDS, UNKNOWN, Own, Scan, Span
from succession.anonymity.scanner.profile import own_of, own_of_profile
from succession.i18n import Message

__all__ = ["CLEAN", "FOUND", "KINDS", "UNKNOWN", "Own", "Scan", "Span", "own_of", "own_of_profile", "scan"]


def scan(text: str, own: Own | None = None, *, locale: str) -> Scan:
    """Every passage of `text` that may identify. `locale` is the language the text is written in."""
    own = own or Own()
    spans = []
    for word in (*own.names, *own.kana, *own.romaji, *own.people, *own.places, *own.identifiers, *own.others):
        at = text.find(word)
        if at >= 0:
            reason = Message.of("This names the company, somebody or something close to it.")
            spans.append(Span(at, at + len(word), "own", word, reason, None))
    # Without the recognisers of names nothing is known to be clean.
    return Scan(FOUND if spans else UNKNOWN, tuple(sorted(spans, key=lambda span: span.start)), "1")
