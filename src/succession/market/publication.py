"""What would this company's teaser be, and may it be put up?

Pure: profile, codebook and day in, canonical teaser or a typed problem out. A teaser is derived, never written, so the
same function serves the preview, the proposal to the owner, and the check right before publication.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec

from succession.anonymity.alternatives import relabelled, wider
from succession.anonymity.codebook import Cell, Codebook
from succession.anonymity.codebook import Profile as Figures
from succession.anonymity.codebook import attributes_of
from succession.anonymity.teaser import CanonicalTeaser, Prose, Rendering, derive_teaser, fiscal_year
from succession.anonymity.vocabulary import vocabulary
from succession.codes import ATTRIBUTES, leaves, price_band
from succession.days import JAPAN
from succession.errors import FieldError, Problem
from succession.i18n import Message, _
from succession.listings.completeness import FIGURES_STALE_MONTHS, contradictions, missing_for_publication
from succession.listings.profile import Profile, cell_facts, fiscal_years

# What the teaser itself is made of; the rest of the profile must be complete as well, but only to publish.
TEASER_FIELDS = ("business.", "financials", "terms.schemes", "terms.timing", "terms.asking_price")
FIGURES_OLD, FIGURES_OUTSIDE_BAND = "figures_old", "figures_outside_band"

UNTRUE_CELL = _("The figures have left the bands of the earlier teaser, so this one shows others.")
UNREADABLE_CELL = _("The earlier teaser rests on bands or a population that may not be shown any more, so this one is made anew.")
#: Why a teaser that was shown before will wait (exposures.REASONS) -> what its holder is told beforehand.
WILL_WAIT = {
    "figures_moved": _(
        "The figures have left the bands of the earlier teaser, so this one shows others. Whoever saw both could look for a "
        "company that made this very move. A person at the operator looks at it before it goes up."),
    "few_candidates": _(
        "The earlier teaser and this one together leave fewer than {k} companies. A person at the operator looks at it before "
        "it goes up."),
    "cannot_count": _(
        "How many companies the earlier teaser and this one leave together cannot be counted any more. A person at the operator "
        "looks at it before it goes up."),
}
CLAIM = _("At least {k} companies of the population “{population}” share exactly these figures.")
CLAIM_ESTIMATED = _(
    "At least {k} companies of the population “{population}” share exactly these figures. This is an estimate: some "
    "columns of that population are synthesised."
)

CLAIM_FACTS = _(
    "At least {k} companies of the population “{population}” are on record with exactly these facts and share exactly these "
    "figures. This holds as long as the company is never shown without them."
)
CLAIM_FACTS_ESTIMATED = _(
    "At least {k} companies of the population “{population}” are on record with exactly these facts and share exactly these "
    "figures. This holds as long as the company is never shown without them, and is an estimate: some columns of that "
    "population are synthesised."
)


class Earlier(msgspec.Struct, frozen=True):
    """The cell of an earlier publication of the same listing, the codebook it is pinned to, the coarser codes it showed
    instead of some of the cell's, and the linkable facts it showed. `readable`: that codebook may still be shown."""

    cell_id: int
    codebook_version: str
    codes: dict[str, str]
    coarser: dict[str, str] = {}
    facts: tuple[str, ...] = ()
    readable: bool = True


class Place(msgspec.Struct, frozen=True):
    """The cell of a teaser. `cell_id` is known when it was kept from an earlier publication. `coarser`: codes that were
    chosen instead of the cell's (anonymity/alternatives.py). `facts`: the linkable facts shown, `withheld`: those of the
    profile that could be shown and are not (linkable.py)."""

    codes: dict[str, str]
    codebook_version: str
    number: int | None
    cell_id: int | None
    kept: bool
    coarser: dict[str, str] = {}
    facts: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()

    @property
    def shown(self) -> dict[str, str]:
        """The codes the teaser says."""
        return relabelled(self.codes, self.coarser)


# --- figures and cell ---------------------------------------------------------------------------------------------


def figures_of(profile: Profile, fields: Iterable[str] = ("business.", "financials")) -> Figures:
    """The six figures of the profile. Problem not_publishable names the fields they are still missing in."""
    facts = cell_facts(profile)
    if facts is None:
        raise Problem("not_publishable", errors=_missing(profile, tuple(fields)))
    # Profiles count employees, the population persons engaged: where nobody is employed the owner works alone.
    people = max(1, facts.employees)
    return Figures(facts.prefecture, facts.industry2, facts.founded_year, people, facts.revenue_yen, facts.margin)


def choose_cell(codebook: Codebook, figures: Figures, earlier: Earlier | None) -> Place | None:
    """The cell to show; None when none keeps the company anonymous.

    A listing that was published before keeps its cell, and with it that codebook, for as long as its figures lie inside:
    two teasers of one company in two cells would leave only those who are in both (attack A19). What changes it are figures
    that have left the bands, because the old cell would be untrue then, and a codebook that nobody may be shown any more.
    Whether both together leave enough companies is counted when it goes up (holds.py), and told beforehand in the preview.
    """
    if earlier and earlier.readable and holds(earlier.codes, figures):
        return Place(earlier.codes, earlier.codebook_version, None, earlier.cell_id, kept=True, facts=earlier.facts)
    cell = codebook.lookup(*figures)
    if cell is None:
        return None
    return Place(codes_of(cell), codebook.version, cell.cell, None, kept=False)


def blurred(place: Place, coarser: Mapping[str, str]) -> Place:
    """The same place, saying less: with those of these codes that are coarser than the cell's."""
    fitting = {name: code for name, code in coarser.items() if code in wider(name, place.codes[name])}
    return msgspec.structs.replace(place, coarser=fitting)


def codes_of(cell: Cell) -> dict[str, str]:
    return dict(zip(ATTRIBUTES, cell.key, strict=True))


def holds(codes: Mapping[str, str], figures: Figures) -> bool:
    """Whether a company with these figures lies inside a cell."""
    own = attributes_of(figures)
    return all(own[name] in leaves(name, codes[name]) for name in ATTRIBUTES)


# --- teaser ---------------------------------------------------------------------------------------------------------


def derive(profile: Profile, place: Place, population_version: str, prose: Prose | None = None) -> CanonicalTeaser:
    """The canonical teaser of a profile in its cell. Problem not_publishable names what is missing or not permitted."""
    errors = _missing(profile, TEASER_FIELDS) + phrase_errors(profile, (*place.facts, *place.withheld))
    if errors:
        raise Problem("not_publishable", errors=errors)
    terms, price = profile.terms, profile.terms.asking_price
    return derive_teaser(
        cell=place.shown,
        codebook_version=place.codebook_version,
        population_version=population_version,
        fiscal_year=fiscal_year(fiscal_years(profile)[0].period_end),
        price=price_band(None if price.negotiable else price.amount_yen),
        schemes=terms.schemes,
        timing=terms.timing,
        phrases=[code for code in profile.facts or () if code not in place.withheld],
        facts=place.facts,
        prose=prose,
    )


def phrase_errors(profile: Profile, columns: Iterable[str] = ()) -> tuple[FieldError, ...]:
    """Why chosen phrases may not be shown before the name clear; linkable ones may that are `columns` of the population."""
    chosen = profile.facts or ()
    faults = vocabulary().permitted(chosen, {*columns} & {*chosen})
    return tuple(FieldError("facts", fault.message) for fault in faults)


def refuse_unpublishable(profile: Profile, today: date, columns: Iterable[str] = ()) -> None:
    """Problem not_publishable listing everything that is missing, contradictory or not permitted, all at once."""
    errors = _missing(profile, ("",)) + phrase_errors(profile, columns)
    errors += tuple(FieldError(c.field_path, c.message) for c in contradictions(profile, today) if c.refused)
    if errors:
        raise Problem("not_publishable", errors=errors)


def _missing(profile: Profile, fields: tuple[str, ...]) -> tuple[FieldError, ...]:
    found = missing_for_publication(profile)
    return tuple(FieldError(each.field_path, each.message) for each in found if each.field_path.startswith(fields))


def sheet_text(rendering: Rendering, prose: Prose | None = None) -> str:
    """The whole sheet as plain text: what the owner is shown, and what is kept verbatim.

    A text of its own stands there in both languages: the owner approves the words, not a translation of them.
    """
    lines = [rendering.title, "", *rendering.summary, "", *(f"{fact.label}：{fact.value}" for fact in rendering.facts)]
    if prose:
        lines += ["", f"紹介文：{prose.ja}", f"紹介文（英語）：{prose.en}"]
    return "\n".join(lines)


def claim(codebook: Codebook) -> Message:
    """What may be said of a teaser's anonymity, and no more."""
    plain, estimated = (CLAIM_FACTS, CLAIM_FACTS_ESTIMATED) if codebook.header.facts else (CLAIM, CLAIM_ESTIMATED)
    sentence = estimated if codebook.header.estimated else plain
    return Message.of(sentence, k=codebook.k, population=codebook.header.population_name)


# --- time -----------------------------------------------------------------------------------------------------------

CLOSES_AT_HOUR = 3  # in Japan, when nobody works on a listing


def batch_boundary(now: datetime, calendar: str) -> datetime:
    """The latest moment at or before `now` at which a batch closes: every day, or every Monday, at 03:00 in Japan."""
    there = now.astimezone(JAPAN)
    day = there.replace(hour=CLOSES_AT_HOUR, minute=0, second=0, microsecond=0)
    if day > there:
        day -= timedelta(days=1)
    if calendar == "weekly":
        day -= timedelta(days=day.weekday())
    return day.astimezone(UTC)


def next_boundary(now: datetime, calendar: str) -> datetime:
    """When the next batch closes."""
    step = timedelta(days=7 if calendar == "weekly" else 1)
    return batch_boundary(now, calendar) + step


def figure_flags(codes: Mapping[str, str], figures: Figures | None, period_end: date | None, today: date) -> set[str]:
    """What to tell the intermediary about a teaser that stays as it is: its figures are old, or no longer true."""
    flags = set()
    if period_end and _months(period_end, today) > FIGURES_STALE_MONTHS:
        flags.add(FIGURES_OLD)
    if figures is None or not holds(codes, figures):
        flags.add(FIGURES_OUTSIDE_BAND)
    return flags


def _months(earlier: date, later: date) -> int:
    return (later.year - earlier.year) * 12 + later.month - earlier.month


def shuffle_of(digest: bytes) -> int:
    """The tiebreak of every order from a keyed hash of (reference, batch): a signed 64-bit number."""
    return int.from_bytes(digest[:8], "big", signed=True)


def shuffled_text(ref: UUID, batch: int) -> bytes:
    """What is hashed for it."""
    return ref.bytes + batch.to_bytes(8, "big")
