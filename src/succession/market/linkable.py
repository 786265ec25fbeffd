"""Which facts that could be looked up does a teaser show: all that the population holds of its company, or none?

Pure. A fact is linkable when somebody could look it up; it is a column when the population says who holds it. What is
no column waits for the name clear. What was chosen before the first publication stays (0012 refuses anything else).
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from succession.anonymity.codebook import Codebook
from succession.anonymity.codebook import Profile as Figures
from succession.anonymity.fact_books import place_with_facts
from succession.anonymity.vocabulary import vocabulary
from succession.errors import Problem, field_problem
from succession.i18n import Message, _
from succession.listings.profile import Profile
from succession.market.publication import Earlier, Place, codes_of

TOO_FEW_HOLDERS = _(
    "Too few companies of this kind are on record with exactly these facts, or too few would be left that show none. "
    "They are shown after the name clear."
)


class Facts(msgspec.Struct, frozen=True):
    """`columns`: linkable phrases of this company that may be shown at all; `shown`: those, or none; `settled`: an earlier
    publication has decided it."""

    columns: tuple[str, ...]
    shown: tuple[str, ...]
    settled: bool

    @property
    def withheld(self) -> tuple[str, ...]:
        return () if self.shown else self.columns


def facts_of(profile: Profile, columns: Collection[str], earlier: Earlier | None, asked: bool | None) -> Facts:
    """What is shown when the seller asks for it (None: as before, at first not).

    Problem facts_settled when an earlier publication showed otherwise; validation when there is nothing to show.
    """
    before = earlier.facts if earlier else ()
    declared = tuple(sorted(set(profile.facts or ()) & {*columns, *before}))
    if earlier and ((asked is not None and asked != bool(before)) or (before and declared != before)):
        raise Problem("facts_settled")
    if asked and not declared:
        raise field_problem("show_facts", Message.of(_("The population knows no facts of this company.")))
    return Facts(declared, declared if before or (asked and not earlier) else (), earlier is not None)


def place_of(base: Codebook, book: Codebook | None, figures: Figures, facts: Facts) -> Place | None:
    """The cell a company shows with these facts; None where that would tell too much. `book`: of exactly these facts."""
    cell = book and place_with_facts(base, book, figures)
    return Place(codes_of(cell), book.version, cell.cell, None, kept=False, facts=facts.shown) if cell else None


# --- side by side ---------------------------------------------------------------------------------------------------


class FactView(msgspec.Struct, frozen=True):
    """A fact that could be looked up, in both languages."""

    code: str
    ja: str
    en: str


class CodeShown(msgspec.Struct, frozen=True):
    attribute: str
    code: str
    label: str


class Otherwise(msgspec.Struct, frozen=True):
    """The teaser if the other choice were made: its cell, and the companies that share it. `refusal`: why it cannot be."""

    show_facts: bool
    cell: list[CodeShown]
    shared_by: int
    refusal: str | None


class FactsView(msgspec.Struct, frozen=True):
    """Shown are all of them or none, chosen once: `settled` since the first publication. A teaser that shows none does not
    say so. `otherwise` is null once it is settled."""

    facts: list[FactView]
    shown: bool
    settled: bool
    otherwise: Otherwise | None


def fact_views(codes: Collection[str]) -> list[FactView]:
    words = vocabulary()
    return [FactView(code, words.label(code, "ja"), words.label(code, "en")) for code in words.in_order(codes)]
