"""Why is a passage shown to the writer, and what could stand there instead?

Reasons and advice are sentences in the reader's language; the words proposed are of the text's own language and come
from name_endings.tsv.
"""

from __future__ import annotations

from functools import cache

from succession.codes import read_table
from succession.i18n import Message, _

_REASONS = {
    "own": _("This names the company, or somebody or something close to it."),
    "identifier": _("This has the form of a number, an account or an address on the net that can be looked up."),
    "address": _("This is an address."),
    "organisation": _("This may be the name of an organisation."),
    "person": _("This may be the name of a person."),
    "place": _("This may be the name of a place."),
    "product": _("This may be the name of a product, a brand or a title."),
    "katakana": _("This word is not among the ordinary ones written in katakana and may be a name."),
    "number": _("An exact figure can be compared with registers, reports and web sites."),
}
_UNIQUE_REASONS = {
    "only": _("Being the only one singles the company out."),
    "first": _("Being the first singles the company out."),
    "largest": _("A rank or a superlative singles the company out."),
    "honour": _("Honours and records can be looked up."),
    "media": _("What was in the media can be looked up."),
    "landmark": _("A well-known place or project nearby tells where the company is."),
    "people": _("A well-known person or customer tells which company it is."),
    "age": _("Its age or history singles the company out."),
}
_GENERAL = {
    "own": ("当社", "the company"),
    "organisation": ("ある会社", "a company"),
    "person": ("担当者", "a member of staff"),
    "place": ("地域", "the region"),
    "product": ("自社製品", "a product of its own"),
    "katakana": ("自社製品", "a product of its own"),
}


@cache
def _wordings() -> dict[str, dict[str, tuple[str, str]]]:
    """kind -> ending -> (Japanese wording, English wording)."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for row in read_table("db/reference/name_endings.tsv"):
        for ending in row["endings"].split():
            found.setdefault(row["kind"], {}).setdefault(ending, (row["ja"], row["en"]))
    return found


def _instead(kind: str, passage: str, locale: str) -> str | None:
    """A wording that says the kind of thing and no more."""
    endings = _wordings().get(kind, {})
    longest = next((passage[-n:] for n in range(min(8, len(passage) - 1), 0, -1) if passage[-n:] in endings), None)
    words = endings[longest] if longest else _GENERAL.get(kind)
    return words[0 if locale == "ja" else 1] if words else None


def reason(kind: str, topic: str) -> Message:
    """Why the passage matters, for the writer."""
    return Message.of(_UNIQUE_REASONS[topic] if kind == "unique" else _REASONS[kind])


def suggestion(kind: str, passage: str, locale: str) -> Message | None:
    """What to do about it; `locale` is the language of the text."""
    if kind == "number":
        return Message.of(_("Leave the figure out: the teaser already shows a band."))
    if kind in ("identifier", "address", "unique"):
        return Message.of(_("Leave this out."))
    words = _instead(kind, passage, locale)
    return Message.of(_("Leave this out, or write “{words}”."), words=words) if words else None
