"""What does a neural recogniser of names see in a text?

The `[ner]` extra: ja_ginza (a spaCy pipeline whose model comes inside the wheel; stated MIT, one of its training sets
is CC BY-NC-SA, so an operator decides). It is slow and large, so only the background worker asks it. It adds to the
scanner's spans and takes none away. Where it is not installed the answer says so; it is never *clean* for want of one.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import threading
from functools import cache
from typing import Any

from succession.anonymity.scanner import reword
from succession.anonymity.scanner.findings import CLEAN, FOUND, UNKNOWN, Scan, Span
from succession.i18n import Message, _

NOT_INSTALLED = "not installed"
TEXT_LIMIT = 10_000  # characters; some ten seconds of work

_log = logging.getLogger(__name__)
_one_at_a_time = threading.Lock()

# First letters of labels of the model (Sekine's extended hierarchy) -> kind. Dates, counts, dishes and the like: none.
_KINDS = (
    ("Person", "person"), ("Family", "person"),
    ("Company", "organisation"), ("Corporation", "organisation"), ("Organization", "organisation"),
    ("Show_Organization", "organisation"), ("Sports_Organization", "organisation"), ("Government", "organisation"),
    ("Political", "organisation"), ("Public_Institution", "organisation"), ("School", "organisation"),
    ("Research_Institute", "organisation"), ("Worship_Place", "organisation"), ("GOE", "organisation"),
    ("Province", "place"), ("City", "place"), ("County", "place"), ("GPE", "place"), ("Domestic_Region", "place"),
    ("Location", "place"), ("Address", "place"), ("Facility", "place"), ("Station", "place"), ("Airport", "place"),
    ("Port", "place"), ("Road", "place"), ("Railroad", "place"), ("Bridge", "place"), ("Tunnel", "place"),
    ("Mountain", "place"), ("River", "place"), ("Lake", "place"), ("Sea", "place"), ("Bay", "place"),
    ("Island", "place"), ("Park", "place"), ("Spa", "place"), ("Theater", "place"), ("Museum", "place"),
    ("Zoo", "place"), ("Amusement_Park", "place"), ("Sports_Facility", "place"), ("Archaeological_Place", "place"),
    ("Product", "product"), ("Car", "product"), ("Ship", "product"), ("Broadcast_Program", "product"),
    ("Movie", "product"), ("Book", "product"), ("Newspaper", "product"), ("Magazine", "product"),
    ("Phone_Number", "identifier"), ("URL", "identifier"), ("Email", "identifier"), ("Postal_Address", "address"),
)  # fmt: skip


def installed() -> bool:
    """Whether the extra is there; asks without loading it."""
    return importlib.util.find_spec("ja_ginza") is not None and importlib.util.find_spec("spacy") is not None


@cache
def _pipeline() -> Any:
    import spacy  # only the worker pays for it

    return spacy.load("ja_ginza")


def second_opinion(text: str, *, locale: str) -> Scan:
    """Names a model sees in a Japanese text, offsets in code points of `text`.

    State: `not installed`; unknown for a text in another language, too long, or one the model fails on; else found or
    clean. Never raises. Four to ten seconds for the first text of a process, then some thousand characters a second.
    """
    if not installed():
        return Scan(NOT_INSTALLED, (), NOT_INSTALLED)
    engine = f"ja_ginza-{importlib.metadata.version('ja_ginza')}"
    if locale != "ja" or len(text) > TEXT_LIMIT:
        return Scan(UNKNOWN, (), engine)
    try:
        with _one_at_a_time:
            entities = [(each.start_char, each.end_char, each.label_) for each in _pipeline()(text).ents]
    except Exception:  # whatever fails, the text was not checked
        _log.exception("the model could not read a text")
        return Scan(UNKNOWN, (), engine)
    spans = tuple(_span(text, start, end, kind) for start, end, label in entities if (kind := _kind(label)))
    return Scan(FOUND if spans else CLEAN, spans, engine)


def _kind(label: str) -> str | None:
    return next((kind for beginning, kind in _KINDS if label.startswith(beginning)), None)


def _span(text: str, start: int, end: int, kind: str) -> Span:
    passage = text[start:end]
    reason = Message.of(_("A second recogniser takes this for a name."))
    return Span(start, end, kind, passage, reason, reword.suggestion(kind, passage, "ja"))
