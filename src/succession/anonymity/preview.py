"""Which facts did the codebook coarsen for this company, to what, and because of how many look-alikes?

For the seller only (rule 6 of anonymisation.md, section 4): it counts companies of the reference population, never
listings, and no buyer is told a count.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import msgspec
import numpy as np

from succession.anonymity.alternatives import could_show, relabelled
from succession.anonymity import margins
from succession.anonymity.codebook import Cell, Codebook, Profile, attributes_of
from succession.anonymity.nodes import climb, key_numbers, leaf_numbers
from succession.anonymity.population import EligibilityRule, Population, eligible, is_eligible
from succession.codes import ANY, ATTRIBUTES, LEVELS, ancestors, jsic_two_digit, level_of
from succession.codes import label as label_of
from succession.i18n import Message, _, translate

FINEST = (0,) * len(ATTRIBUTES)


class LookAlikes:
    """How many companies of the population share a generalised key: counts per finest key, kept beside a codebook.

    `who` and `where` tell which companies: identities, rising, and the row of `leaves` each is in. None for a population
    that does not say (Population.identity); whoever it cannot tell is left out of them.
    """

    def __init__(self, leaves: np.ndarray, companies: np.ndarray, who: np.ndarray | None = None,
                 where: np.ndarray | None = None) -> None:
        self.leaves, self.companies, self.who, self.where = leaves, companies, who, where

    @classmethod
    def of(cls, population: Population, rule: EligibilityRule, among: np.ndarray | None = None) -> LookAlikes:
        """`among`: which members besides being eligible, as a mask: of a codebook of facts, those who may show them."""
        hidden_among = eligible(population, rule) & (population.columns["legal_form"] != margins.SOLE)  # as k counts
        members = np.flatnonzero(hidden_among if among is None else hidden_among & among)
        rows = leaf_numbers(population, members)
        _numbers, first, where, companies = np.unique(key_numbers(FINEST, rows), return_index=True, return_inverse=True,
                                                      return_counts=True)
        found = cls(rows[first].astype(np.int16), companies.astype(np.int32))
        if population.identity is not None:
            told, chosen = np.unique(population.identity[members], return_index=True)
            found.who, found.where = told[told > 0], where.reshape(-1)[chosen[told > 0]].astype(np.int32)
        return found

    def encode(self) -> bytes:
        buffer = io.BytesIO()
        told = {} if self.who is None else {"who": self.who, "where": self.where}
        np.savez_compressed(buffer, leaves=self.leaves, companies=self.companies, **told)
        return buffer.getvalue()

    @classmethod
    def decode(cls, stored: bytes) -> LookAlikes:
        with np.load(io.BytesIO(stored), allow_pickle=False) as arrays:
            told = (arrays["who"], arrays["where"]) if "who" in arrays.files else ()
            return cls(arrays["leaves"], arrays["companies"], *told)

    def count(self, codes: dict[str, str]) -> int:
        """Companies inside every one of these codes, one per attribute, at whatever levels."""
        within = np.ones(len(self.leaves), dtype=bool)
        for column, name in enumerate(ATTRIBUTES):
            level = level_of(name, codes[name])
            within &= climb(name)[level][self.leaves[:, column]] == LEVELS[name][level].index(codes[name])
        return int(self.companies[within].sum())


class ShownFact(msgspec.Struct, frozen=True):
    """One attribute. `own` is the company's finest code, `shown` what its teaser says.

    `finer` is the code one level below `shown` and `look_alikes` the companies that share it together with everything
    else of the cell; of a code that was chosen, `finer` is what the cell could show. `why`: a key of REASONS, None when
    nothing was coarsened.
    """

    attribute: str
    own: str
    shown: str
    finer: str | None
    look_alikes: int | None
    why: str | None


class AnonymityReport(msgspec.Struct, frozen=True):
    """`cell` None: no teaser keeps this company anonymous, and `refusal` says why.

    `shared_by`: companies of the cell, this one included. Whoever knows all of the population and guesses what the
    companies of each cell choose is left with these. `could_show`: companies that could show what this teaser says.
    """

    cell: Cell | None
    k: int
    shared_by: int
    could_show: int
    facts: tuple[ShownFact, ...]
    refusal: Message | None


# Official statistics do not tell a count of one or two companies, and neither do we, not even to the seller.
SMALLEST_COUNT_TOLD = 3

#: Why a code is shown and not the finer one -> (sentence for a code, sentence where the attribute is not shown at all).
REASONS = {
    "fewest": (
        _("“{shown}” is shown, because fewer than {least} companies match “{finer}” together with the rest of the teaser; "
          "{k} are needed."),
        _("This is not shown, because fewer than {least} companies match “{finer}” together with the rest of the teaser; "
          "{k} are needed."),
    ),
    "few": (
        _("“{shown}” is shown, because only {look_alikes} companies match “{finer}” together with the rest of the teaser; "
          "{k} are needed."),
        _("This is not shown, because only {look_alikes} companies match “{finer}” together with the rest of the teaser; "
          "{k} are needed."),
    ),
    "alike": (
        _("“{shown}” is shown, because the {look_alikes} companies that match “{finer}” together with the rest of the teaser "
          "give too little cover: too many of them are told apart by teasers of their own, too few others would be left "
          "beside them, or they are too alike in town, trade or size."),
        _("This is not shown, because the {look_alikes} companies that match “{finer}” together with the rest of the teaser "
          "give too little cover: too many of them are told apart by teasers of their own, too few others would be left "
          "beside them, or they are too alike in town, trade or size."),
    ),
    "chosen": (
        _("“{shown}” is shown, because you chose it; “{finer}” could be shown."),
        _("This is not shown, because you chose so; “{finer}” could be shown."),
    ),
}  # fmt: skip
NOT_ELIGIBLE = _("The reference population holds no companies of this size or kind, so there is nobody to hide among.")
NO_CELL = _("Too few companies of the reference population resemble this one, however coarsely it is described.")


def report(codebook: Codebook, look_alikes: LookAlikes, profile: Profile, kept: Mapping[str, str] | None = None,
           coarser: Mapping[str, str] | None = None) -> AnonymityReport:
    """What the teaser of a company would show and why no more. KeyError or ValueError for codes that do not exist.

    `kept`: the codes of a cell of this codebook that is shown again instead of the one the walk would find. `coarser`:
    codes that were chosen instead of the cell's (alternatives.py).
    """
    cell = codebook.cell_at(tuple(kept[name] for name in ATTRIBUTES)) if kept else codebook.lookup(*profile)
    if cell is None:
        group = int(jsic_two_digit(profile.industry2))
        fits = is_eligible(codebook.header.rule, group, profile.employees, profile.revenue_yen)
        return AnonymityReport(None, codebook.k, 0, 0, (), Message.of(NO_CELL if fits else NOT_ELIGIBLE))
    codes, own = dict(zip(ATTRIBUTES, cell.key, strict=True)), attributes_of(profile)
    label = relabelled(codes, coarser or {})
    facts = tuple(
        ShownFact(name, own[name], label[name], codes[name], None, "chosen") if label[name] != codes[name]
        else _fact(name, own[name], codes, look_alikes, codebook.k)
        for name in ATTRIBUTES
    )  # fmt: skip
    return AnonymityReport(cell, codebook.k, cell.size, could_show(codebook, label), facts, None)


def _fact(name: str, own: str, codes: dict[str, str], look_alikes: LookAlikes, k: int) -> ShownFact:
    if codes[name] == own:
        return ShownFact(name, own, own, None, None, None)
    chain = (own, *ancestors(name, own))
    finer = chain[chain.index(codes[name]) - 1]
    companies = look_alikes.count({**codes, name: finer})
    if companies < SMALLEST_COUNT_TOLD:
        return ShownFact(name, own, codes[name], finer, None, "fewest")
    return ShownFact(name, own, codes[name], finer, companies, "few" if companies < k else "alike")


def explain(fact: ShownFact, k: int, locale: str) -> str | None:
    """Why a fact is shown as it is, naming both codes in the reader's language; None when nothing was coarsened."""
    if fact.why is None:
        return None
    sentence = REASONS[fact.why][fact.shown == ANY]
    return translate(Message.of(
        sentence, shown=label_of(fact.attribute, fact.shown, locale), finer=label_of(fact.attribute, fact.finer, locale),
        look_alikes=fact.look_alikes, least=SMALLEST_COUNT_TOLD, k=k), locale)  # fmt: skip
