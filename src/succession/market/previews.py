"""What would the teaser of a listing show, why no more, and what else could it say?

A preview is an oracle (looks.py counts it); it is answered side by side: what is shown, each coarser code that could be,
and the linkable facts with the cell they would be shown in.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from succession.actor import Actor
from succession.anonymity.alternatives import alternatives, wider
from succession.anonymity.codebook import attributes_of
from succession.anonymity.fact_books import place_with_facts
from succession.anonymity.mosaic import Shown
from succession.anonymity.preview import explain
from succession.anonymity.teaser import CanonicalTeaser, Rendering, render
from succession.codes import ATTRIBUTES, label
from succession.config import Settings
from succession.database import Databases, driver
from succession.days import day_in_japan
from succession.errors import Problem, field_problem
from succession.i18n import Message, _, translate
from succession.listings.readiness import Readiness, readiness_of
from succession.market.codebooks import load_fact_book
from succession.market.derivation import Choice, Derivation, derivation
from succession.market.exposures import weigh_relisting
from succession.market.linkable import TOO_FEW_HOLDERS, CodeShown, FactsView, Otherwise, fact_views
from succession.market.looks import look, may_look
from succession.market.publication import UNREADABLE_CELL, UNTRUE_CELL, WILL_WAIT, Place, derive, phrase_errors


class Coarser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Codes to show instead of the cell's, each coarser than it (see `alternatives` of the preview); null: the cell's."""

    place: str | None = None
    industry: str | None = None
    founded: str | None = None
    employees: str | None = None
    revenue: str | None = None
    margin: str | None = None

    def codes(self) -> dict[str, str]:
        return {name: code for name in ATTRIBUTES if (code := getattr(self, name))}


class PreviewAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Null: as the earlier publication has it, at first everything the cell says, and none of the linkable facts."""

    coarser: Coarser | None = None
    show_facts: bool | None = None


class ShownFactView(msgspec.Struct, frozen=True):
    """One figure: what it is, what the teaser says, and why no more. Codes with their names in the reader's language.

    `look_alikes`: companies that share the next finer code and the rest of the teaser; null below three, and where a
    coarser code was chosen.
    """

    attribute: str
    own: str
    own_label: str
    shown: str
    shown_label: str
    coarsened: bool
    look_alikes: int | None
    reason: str | None


class AlternativeView(msgspec.Struct, frozen=True):
    """A coarser code this teaser may show instead, named in both languages; alternatives go together.

    `could_show`: companies that could show this teaser then. `usefulness_percent`: how much of what a teaser can tell a
    buyer is left. What is safe is the same with and without: whoever sees both learns no more than the finer one says.
    """

    attribute: str
    shown: str
    code: str
    ja: str
    en: str
    could_show: int
    usefulness_percent: int


class PreviewView(msgspec.Struct, frozen=True):
    """`ja` and `en` are null while the teaser cannot be derived: `refusal`, `phrases` or `readiness` say why.

    `shared_by`: companies of the reference population with exactly these figures, this one included; `could_show`: those
    and all that could choose to say no more. `linkable`: facts that could be looked up, null when the population knows none
    of this company. `kept_cell`: the cell of the earlier publication was kept. Counts are for the
    seller; no buyer is told one.
    """

    shared_by: int
    could_show: int
    k: int
    claim: str | None
    kept_cell: bool
    facts: list[ShownFactView]
    alternatives: list[AlternativeView]
    linkable: FactsView | None
    refusal: str | None
    remark: str | None
    phrases: list[str]
    ja: Rendering | None
    en: Rendering | None
    readiness: Readiness


def chosen(coarser: Coarser | None, show_facts: bool | None) -> Choice:
    """What was asked for, as `derivation` takes it."""
    return Choice(None if coarser is None else coarser.codes(), show_facts)


def refuse_finer(place: Place | None, coarser: Coarser | None) -> None:
    """Problem validation for the first code that is not coarser than the cell's, with those that are."""
    for name, code in (coarser.codes() if coarser and place else {}).items():
        allowed = wider(name, place.codes[name])
        if code not in allowed:
            raise field_problem(f"coarser.{name}", Message.of(_("This is not coarser than what the teaser may show.")), allowed)


async def preview_teaser(tx: AsyncSession, databases: Databases, actor: Actor, listing_id: UUID, asked: PreviewAsked,
                         settings: Settings, now: datetime, locale: str) -> PreviewView:
    """What the teaser would show and why no more. Problem mandate_needed, mandate_unconfirmed, preview_quota,
    not_publishable, not_anonymous, population_needed, facts_settled, stale."""
    profile = await may_look(tx, listing_id, now)
    profile = await look(tx, databases, actor, listing_id, profile, "preview", now)
    connection = await driver(tx)
    found = await derivation(connection, listing_id, profile, settings, chosen(asked.coarser, asked.show_facts))
    refuse_finer(found.place, asked.coarser)
    remark = await _remark(connection, listing_id, found)
    return _view(found, await _facts_view(connection, found, locale), remark, day_in_japan(now), locale)


async def _remark(connection: asyncpg.Connection, listing_id: UUID, found: Derivation) -> Message | None:
    """What becomes of a listing that was published before: whether this teaser will wait, and why it shows others."""
    if found.earlier is None or found.place is None:
        return None
    own, key = attributes_of(found.figures), tuple(found.place.codes[name] for name in ATTRIBUTES)
    new = Shown(found.codebook.version, found.codebook.cell_at(key).cell, key, (), found.base.version)
    weighed = await weigh_relisting(connection, listing_id, new, own)
    if weighed.why:
        return Message.of(WILL_WAIT[weighed.why], k=weighed.verdict.needed if weighed.verdict else found.base.k)
    if found.place.kept:
        return None
    return Message.of(UNTRUE_CELL if found.earlier.readable else UNREADABLE_CELL)


async def _facts_view(connection: asyncpg.Connection, found: Derivation, locale: str) -> FactsView | None:
    """The linkable facts of a company, and the cell its teaser would have with the other choice."""
    facts = found.facts
    if not facts.columns:
        return None
    otherwise = None
    if not facts.settled:
        if facts.shown:
            cell = found.base.lookup(*found.figures)
        else:
            book = await load_fact_book(connection, found.base.version, facts.columns)
            cell = book and place_with_facts(found.base, book, found.figures)
        key = zip(ATTRIBUTES, cell.key, strict=True) if cell else ()
        refusal = None if cell else translate(TOO_FEW_HOLDERS, locale)
        codes = [CodeShown(name, code, label(name, code, locale)) for name, code in key]
        otherwise = Otherwise(not facts.shown, codes, cell.size if cell else 0, refusal)
    return FactsView(fact_views(facts.columns), bool(facts.shown), facts.settled, otherwise)


def _view(found: Derivation, linkable: FactsView | None, remark: Message | None, today: date, locale: str) -> PreviewView:
    anonymity, teaser = found.report, _teaser_if_whole(found)
    return PreviewView(
        shared_by=anonymity.shared_by,
        could_show=anonymity.could_show,
        k=anonymity.k,
        claim=translate(found.claim, locale) if anonymity.cell else None,
        kept_cell=bool(found.place and found.place.kept),
        facts=[
            ShownFactView(
                fact.attribute, fact.own, label(fact.attribute, fact.own, locale), fact.shown,
                label(fact.attribute, fact.shown, locale), fact.why is not None, fact.look_alikes,
                explain(fact, anonymity.k, locale))
            for fact in anonymity.facts
        ],
        alternatives=[
            AlternativeView(each.attribute, each.shown, each.code, label(each.attribute, each.code, "ja"),
                            label(each.attribute, each.code, "en"), each.could_show, each.usefulness_percent)
            for each in (alternatives(found.codebook, found.place.codes) if found.place else ())
        ],
        linkable=linkable,
        refusal=translate(anonymity.refusal, locale) if anonymity.refusal else None,
        remark=translate(remark, locale) if remark else None,
        phrases=[translate(error.message, locale) for error in phrase_errors(found.profile, found.facts.columns)],
        ja=render(teaser, "ja") if teaser else None,
        en=render(teaser, "en") if teaser else None,
        readiness=readiness_of(found.profile, today, locale),
    )  # fmt: skip


def _teaser_if_whole(found: Derivation) -> CanonicalTeaser | None:
    try:
        return found.place and derive(found.profile, found.place, found.population_version)
    except Problem:
        return None
