"""How does a question to an owner look? Sections as cards, answers one below the other, whom to call at the end."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response

from succession.errors import PROBLEMS, Problem
from succession.i18n import SUPPORTED_LOCALES, Message, _, translate
from succession.listings.owner import HEADING, Adviser, Choice, Link, Sheet
from succession.pages.rendering import page

_NOTHING = dict(error=None, greeting=None, lead=(), text_ja=None, cards=(), boxes_title=None, boxes=(), notes=(), choices=(), code=None,
                cards_lang="ja", knowledge=None, back=None, asks_reading=False, was_read=False, ticked=(), form_key="", renewal=None, adviser=None)  # fmt: skip
CODE_TYPED_MOST = 40  # characters: six digits, however they were typed


class Given(msgspec.Struct, frozen=True):
    """What a form said. `code`: as typed, empty while none was."""

    decision: str = ""
    boxes: tuple[str, ...] = ()
    read: bool = False
    code: str = ""
    form_key: str = ""

    @classmethod
    def of(cls, form: Any) -> Given:
        return cls(str(form.get("decision", "")), tuple(map(str, form.getall("box", []))), form.get("read") == "yes",
                   str(form.get("code", ""))[:CODE_TYPED_MOST].strip(), str(form.get("form_key", "")))


class Line(msgspec.Struct, frozen=True):
    """One line of a section; `label` when it says what its text is."""

    label: str | None
    text: str


class Card(msgspec.Struct, frozen=True):
    """One section of the text; `items`: lines of a list; the first card has no title when the text begins without one."""

    title: str | None
    lines: tuple[Line, ...]
    items: tuple[str, ...]


LABEL_MOST = 24  # characters before a colon that are read as the name of what follows
ITEM = "・"


def cards_of(text: str) -> tuple[Card, ...]:
    """The sections of a text put before an owner, nothing left out: see HEADING in listings/owner.py."""
    cards: list[Card] = []
    title: str | None = None
    lines: list[Line] = []
    items: list[str] = []

    def close() -> None:
        if title is not None or lines or items:
            cards.append(Card(title, tuple(lines), tuple(items)))

    for line in text.splitlines():
        if line.startswith(HEADING):
            close()
            title, lines, items = line.removeprefix(HEADING), [], []
        elif line.startswith(ITEM):
            items.append(line.removeprefix(ITEM))
        elif line.strip():
            label, colon, rest = line.partition("：")
            named = bool(colon and rest) and len(label) <= LABEL_MOST
            lines.append(Line(label, rest) if named else Line(None, line))
    close()
    return tuple(cards)


def asked(sheet: Sheet, adviser: Adviser | None, link: Link, locale: str, form_key: str, knowledge: str,
          problem: Problem | None = None, given: Given | None = None) -> Response[str]:
    """The question itself; with `problem` once more, as it was filled in."""
    def words(message: Message) -> str:
        return translate(message, locale)

    return page(
        "owner.html", locale, problem.status if problem else 200,
        **_NOTHING | dict(
            title=words(sheet.title), error=_sentence(problem, locale) if problem else None,
            greeting=words(Message.of(_("Dear {name},"), name=link.owner_name)), lead=[words(m) for m in sheet.lead],
            **_text(sheet.text_ja or ""),
            boxes_title=words(sheet.boxes_title) if sheet.boxes_title else None,
            boxes=[dict(name=b.name, label=b.label, explanation=words(b.explanation)) for b in sheet.boxes],
            notes=[words(m) for m in sheet.notes], was_read=bool(given and given.read), ticked=given.boxes if given else (),
            form_key=form_key, adviser=adviser, knowledge=knowledge,
            choices=[dict(value=c.value, label=words(c.label), explanation=_means(c, link, locale)) for c in sheet.choices],
            asks_reading=any(c.needs_reading for c in sheet.choices),
        ),
    )  # fmt: skip


def _text(text: str) -> dict[str, Any]:
    """A text with sections as cards, one without verbatim in a frame."""
    return dict(cards=cards_of(text)) if HEADING in text else dict(text_ja=text or None)


def _means(choice: Choice, link: Link, locale: str) -> str | None:
    if choice.needs_code and link.handed:
        return translate(_("You then type the six-digit number that you are told by telephone."), locale)
    return translate(choice.explanation, locale) if choice.explanation else None


def code_asked(adviser: Adviser | None, link: Link, choice: Choice, given: Given, locale: str,
               problem: Problem | None = None) -> Response[str]:
    """The second step of an answer that needs a code; what was chosen travels in the form."""
    if link.handed:
        told = Message.of(_("Somebody other than the person who showed you this page calls you and tells you a six-digit number. "
                            "Please type it here."))
    else:
        told = Message.of(_("A six-digit number was sent to {address}. Please look for the letter and type the number here. "
                            "It can be used for 15 minutes."), address=_hint(link.email or ""))
    fields = [("form_key", given.form_key), ("decision", given.decision), *(("box", box) for box in given.boxes)]
    if given.read:
        fields.append(("read", "yes"))
    code = dict(fields=fields, label=translate(choice.label, locale), again=not link.handed)
    return page("owner.html", locale, problem.status if problem else 200, **_NOTHING | dict(
        title=translate(_("One more step: the number"), locale), lead=[translate(told, locale)], code=code, adviser=adviser,
        error=_sentence(problem, locale) if problem else None))


def _hint(address: str) -> str:
    """Enough of an address for who knows it: whoever else holds the link learns no mailbox."""
    name, _at, domain = address.partition("@")
    return f"{name[:1]}…@{domain[:1]}…"


def _sentence(problem: Problem, locale: str) -> str:
    first = problem.errors[0].message if problem.errors else problem.detail
    return translate(first or Message(PROBLEMS[problem.code][1]), locale)


def known(cards: list[Card], token: str, adviser: Adviser | None, locale: str) -> Response[str]:
    """Who knows the company by name, a section each."""
    lead = _("These buyers were told your company's name on your consent.") if cards else _("No buyer was told your company's name on your consent.")
    return page("owner.html", locale, **_NOTHING | dict(
        title=translate(_("Who knows your company's name"), locale), lead=[translate(lead, locale)], cards=cards, cards_lang=locale,
        back=f"/owner/{token}", adviser=adviser))


def said(title: str, sentence: Message, locale: str, status_code: int = 200) -> Response[str]:
    return page("owner.html", locale, status_code,
                **_NOTHING | dict(title=translate(title, locale), lead=[translate(sentence, locale)]))


def gone(link: Link | None, token: str, lang: str | None) -> Response[str]:
    """Nothing of any company, and nothing of whether there ever was one, beyond that a link once existed."""
    locale = lang or (link.locale if link else SUPPORTED_LOCALES[0])
    lead = [Message.of(_("This link was used already, has expired, or is not complete. Nothing was changed.")),
            Message.of(_("What you decided before stays as it is."))]
    return page(
        "owner.html", locale, 410 if link else 404,
        **_NOTHING | dict(title=translate(_("This link is no longer open"), locale),
                          lead=[translate(m, locale) for m in lead],
                          renewal=f"/owner/{token}/renewal" if link else None),
    )  # fmt: skip
